"""Mesa users replace a rule by subclassing an actor and naming the class in a subclass of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countersmuggling.model import SmugglingModel
from countersmuggling.model.authorities import MemberState
from countersmuggling.scenarios import Scenario


class Idle(MemberState):
    """A Member State that opens no case."""

    def investigate(self, day: int) -> None:
        return


class ModelWithoutCasework(SmugglingModel):
    member_state_class = Idle


def test_a_rule_is_replaced_without_touching_the_rest(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario(horizon={"end": "2025-06-30", "burn_in_days": 180})
    usual: dict[str, Any] = SmugglingModel(scenario).run().totals()
    replaced: dict[str, Any] = ModelWithoutCasework(scenario).run().totals()
    assert usual["networks_dismantled"] > 0.0
    assert replaced["networks_dismantled"] == 0.0
    assert replaced["departures"] > 0.0
