"""Places with networks and the choice of routes: who has to wait for a place turns to another way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.reference_point import expected_delay
from countersmuggling.model.route_choice import probabilities
from countersmuggling.scenarios import Scenario
from countersmuggling.scenarios.reference import World


def test_expected_days_of_waiting_by_hand(params: dict[str, float]) -> None:
    """One in four gets a place at a time: three tries in vain, of a week each, for the half who need one."""
    chosen = params | {"networks.wait_days": 7.0, "route_choice.most_perceived_wait_days": 100.0}
    accept, sold = np.array([0.25, 1.0, 0.25, 1e-6]), np.array([0.5, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(expected_delay(accept, sold, chosen), [10.5, 0.0, 0.0, 100.0])


def test_a_way_with_fewer_places_loses_its_share_of_choices(
    make_scenario: Callable[..., Scenario], make_world: Callable[..., World],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three like ways; one loses places for its sea leg: its odds fall by exp(-month x expected wait over all attempts)."""
    scenario = make_scenario(
        horizon={"start": "2024-01-01", "end": "2024-03-31", "burn_in_days": 0},
        uncertainties={"draw": "central", "parameters": {"route_choice.share_informed": 1.0}},
        model={"persons_per_agent": 50, "networks": 30},
    )
    model = SmugglingModel(scenario, tables=make_world())
    g, p = model.geography, model.params
    legs = list(g.legs["leg"])
    land = [legs.index(f"origin>{coast}") for coast in ("tun", "dza", "egy")]
    sea = legs.index("tun>ita")

    def shares() -> list[float]:  # of the first class that is well informed
        model._choose_routes()
        return [float(probabilities(g.network, model._menu)[1, leg]) for leg in land]

    model.step()
    before = shares()
    assert before == pytest.approx([1 / 3] * 3, abs=5e-3)
    corridor = g.corridor_of_leg[sea]
    places = np.where(np.arange(len(g.corridors)) == corridor, 0.2, 1.0)
    monkeypatch.setattr(model.market, "accept", lambda: places)
    after = shares()
    days = p["networks.use_external"] * p["networks.wait_days"] * 4.0
    attempts = 1.0 / (1.0 - model._chance[sea])
    odds = (after[0] / after[1]) / (before[0] / before[1])
    assert np.log(odds) == pytest.approx(-p["route_choice.month"] * days * attempts * 12.0 / 365.25, rel=1e-6)
    assert after[0] < before[0] - 0.02
    # who is not well informed hears of it later
    assert model.beliefs.delay.max() == 0.0
    while not model.done:
        model.step()
    assert model.beliefs.delay[:, sea].min() > 3.0 > model.beliefs.delay[:, legs.index("dza>esp")].max()
    model.release()
