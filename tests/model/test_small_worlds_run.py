"""The model on three hubs: what the tables say comes out, and a partner that moves against networks closes its coast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import Scenario, small_world
from countersmuggling.scenarios.reference import World


def coast() -> World:
    """One way by sea from each of two countries, and a road between them."""
    return small_world(
        {"gafsa": "TUN", "tripoli": "LBY", "lampedusa": "ITA"},
        [
            {"from": "gafsa", "to": "lampedusa", "mode": "sea", "route": "CMED", "fee_eur": 2500, "interception": 0.3},
            {"from": "gafsa", "to": "tripoli", "fee_eur": 300, "days": 5},
            {"from": "tripoli", "to": "lampedusa", "mode": "sea", "route": "CMED", "fee_eur": 2000, "interception": 0.3},
        ],
        {"travellers": {"origins": "gafsa", "detections": 20_000}},
    )


def run(make: Callable[..., Scenario], adaptation: bool = True, **event: Any) -> tuple[SmugglingModel, dict[str, float]]:
    horizon = {"start": "2025-01-01", "end": "2025-12-31", "burn_in_days": 360}
    told = {"kind": "partner_agreement", "on": "2025-01-01", "partner": "LBY", "strength": 1.0} | event
    scenario = make(
        horizon=horizon, events=[told], model={"persons_per_agent": 4, "networks": 30, "adaptation": adaptation},
        uncertainties={"draw": "central", "parameters": {"demand.shock_sd": 0.0, "legal.places_per_year": 100}},
    )  # fmt: skip
    model = SmugglingModel(scenario, tables=coast())
    rows = model.run().outcomes
    legs = rows[rows["outcome"] == "leg_attempts"].groupby("leg")["value"].sum()
    seen = float(rows[rows["outcome"] == "detections"]["value"].sum())
    return model, {"detections": seen, **{str(leg): float(n) for leg, n in legs.items()}}


def test_the_reference_comes_out(make_scenario: Callable[..., Scenario]) -> None:
    """With smugglers and beliefs frozen; 20,000 persons in rows of 4 are known to a percent or two."""
    model, found = run(make_scenario, adaptation=False)
    assert model.reference.worst_route_error < 0.005
    assert found["detections"] == pytest.approx(20_000, rel=0.05)


def test_a_coast_on_which_networks_stop_loses_its_departures_to_the_other(
    make_scenario: Callable[..., Scenario],
) -> None:
    _, usual = run(make_scenario)
    _, stopped = run(make_scenario, networks_stopped=0.9)
    lost = usual["tripoli>lampedusa"] - stopped["tripoli>lampedusa"]
    assert lost > 0.4 * usual["tripoli>lampedusa"]
    gained = stopped["gafsa>lampedusa"] - usual["gafsa>lampedusa"]
    assert 0.0 < gained < lost  # displacement is partial
