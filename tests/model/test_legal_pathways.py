"""Legal pathways and visas on sale in the whole model, on a world of three like ways.

Clemens and Gough (2018): enforcement and lawful channels together do more than the sum of each.  Auriol and Mesnard (2016):
enforcement alone raises fees and concentrates the market, selling visas alone raises migration, and both together drive
smugglers out.  Prices, places and strengths are chosen for the experiment (judgement); what follows from them is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.participation import Visas, worth_of_a_visa
from countersmuggling.model.smuggling_networks import concentration
from countersmuggling.scenarios import Scenario
from countersmuggling.scenarios.reference import World

ON = "2024-01-01"
CONTROLS = {"partner_cooperation": {"on": ON, "intensity": 3}}
JUSTICE = {
    "task_forces": {"on": ON, "number": 60}, "member_state_capacity": {"on": ON, "intensity": 3},
    "prosecution": {"on": ON, "intensity": 3}, "europol_centre": {"on": ON},
}  # fmt: skip
PLACES = {"legal_pathways": {"on": ON, "places_per_year": 20_000}}
VISAS = {"legal_pathways": {"on": ON, "places_per_year": 10_000_000, "price_eur": 4000}}
Run = Callable[..., dict[str, float]]


@pytest.fixture(scope="module")
def run(make_scenario: Callable[..., Scenario], make_world: Callable[..., World]) -> Run:
    """Totals from October 2024 on, with the places that networks offer on the sea corridors at the end."""
    tables = make_world(groups=2, per_year=30_000.0)

    def totals(levers: dict[str, Any], replicate: int, persons: float, networks: int,
               adaptation: bool = True) -> dict[str, float]:  # fmt: skip
        scenario = make_scenario(
            horizon={"start": ON, "end": "2025-06-30", "burn_in_days": 180},
            # few places for many who would come, as there are for the Union: one for ten applications
            uncertainties={"draw": "central", "parameters": {"demand.shock_sd": 0.0, "legal.places_per_year": 5000}},
            model={"persons_per_agent": persons, "networks": networks, "route_choice_interval_days": 14,
                   "adaptation": adaptation},
            levers=levers,
        )  # fmt: skip
        model = SmugglingModel(scenario, replicate=replicate, tables=tables)
        found = model.run().totals(start="2024-10")
        g = model.geography
        sea = np.unique(g.corridor_of_leg[g.external])
        capacity, _ = concentration(model.firms, len(g.corridors))
        people = model.population()
        ended = sum(people[k] for k in ("arrived", "dead", "gave_up", "admitted", "under_way"))
        assert people["entered"] == pytest.approx(ended)
        return found | {
            "capacity": float(capacity[sea].sum()),
            "migration": found["irregular_crossings"] + found["legal_pathway_admissions"],
        }  # fmt: skip

    return totals


@pytest.mark.parametrize(
    ("adaptation", "replicates", "quantile"),
    [(False, 4, 2.353), pytest.param(True, 16, 1.753, marks=pytest.mark.slow)],
)
def test_enforcement_and_pathways_together_reduce_departures_by_more_than_the_sum_of_each(
    run: Run, adaptation: bool, replicates: int, quantile: float
) -> None:
    """The interaction over paired replicates: its one-sided 95 % interval (quantile of t) lies above zero.

    Where smugglers and beliefs respond as well, pairs differ by more than chance alone, and more of them are needed.
    """
    more = []
    for replicate in range(replicates):
        none, controls, places, both = (
            run(levers, replicate, 10, 40, adaptation)["departures"]
            for levers in ({}, CONTROLS, PLACES, CONTROLS | PLACES)
        )
        assert none - controls > 0.0
        more.append((none - both) - (none - controls) - (none - places))
    error = float(np.std(more, ddof=1)) / np.sqrt(replicates)
    assert np.mean(more) - quantile * error > 0.0, more


def test_sale_of_visas(run: Run) -> None:
    """Means of three replicates on shared noise."""

    def mean(levers: dict[str, Any]) -> dict[str, float]:
        found = [run(levers, replicate, 25, 60) for replicate in range(3)]
        return {name: float(np.mean([one[name] for one in found])) for name in found[0]}

    none, enforcement, visas, both = (
        mean(levers) for levers in ({}, CONTROLS | JUSTICE, VISAS, CONTROLS | JUSTICE | VISAS)
    )
    # enforcement alone: fewer leave, at higher fees, with fewer networks to choose from
    assert enforcement["departures"] < 0.9 * none["departures"]
    assert enforcement["mean_fee_eur"] > 1.02 * none["mean_fee_eur"]
    assert enforcement["active_networks"] < 0.98 * none["active_networks"]
    # visas alone: more people come, fewer of them with smugglers
    assert visas["migration"] > 1.1 * none["migration"]
    assert visas["irregular_crossings"] < 0.9 * none["irregular_crossings"]
    assert visas["smuggler_revenue_eur"] < 0.9 * none["smuggler_revenue_eur"]
    # both: smugglers lose more than under either, and fewer come than with visas alone
    for figure in ("smuggler_revenue_eur", "capacity"):
        assert both[figure] < 0.9 * min(enforcement[figure], visas[figure]), figure
    assert both["smuggler_revenue_eur"] < 0.6 * none["smuggler_revenue_eur"]
    assert both["active_networks"] < none["active_networks"]
    assert both["migration"] < visas["migration"]
    # visas bring in money
    assert visas["cost_eur"] < -1000.0 * (visas["legal_pathway_admissions"] - none["legal_pathway_admissions"])


def test_the_worth_of_a_visa_by_hand(params: dict[str, float]) -> None:
    """Two destinations worth 1 and 3, a price of half the means at weight 2, one month's wait at 0.15: log 4 - 1 - 0.15."""
    chosen = params | {"route_choice.fee": 2.0, "route_choice.month": 0.15, "legal.visa_days": 365.25 / 12.0}
    worth = worth_of_a_visa(np.array([[1.0, 3.0, 0.0]]), np.full(8, 10_000.0), 5000.0, chosen)
    np.testing.assert_allclose(worth, np.log(4.0) - 1.0 - 0.15)


def test_visas_that_are_few_are_offered_to_as_many() -> None:
    """Of 100 a week who would buy, 30 find a visa; those not sold stay on sale, and without places nobody is offered one."""
    visas, sold = Visas(np.array([400.0])), np.zeros(1)
    for _ in range(60):
        visas.week(np.array([30.0]), 5000.0, sold, 0.3)
        sold = sold + 100.0 * visas.offer
    assert visas.offer[0] == pytest.approx(0.3, rel=1e-3)
    assert sold[0] == pytest.approx(60 * 30.0, rel=0.03)
    visas.week(np.zeros(1), 5000.0, sold, 0.3)
    assert visas.offer[0] == 0.0
