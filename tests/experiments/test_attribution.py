"""Splitting a difference over levers: games with known values, then scenarios."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from countersmuggling.experiments.attribution import (
    OTHER,
    attribute,
    coalitions,
    differing,
    mixture,
    sampled_orders,
    shapley,
)
from countersmuggling.model import RunOutput
from countersmuggling.model.replicates import Job, run_many
from countersmuggling.scenarios import Scenario, load


def test_glove_game() -> None:
    """One left glove (a), two right ones (b, c); a pair is worth 1: the values are 2/3, 1/6, 1/6 (Shapley 1953)."""
    value = {c: np.array(float("a" in c and len(c) > 1)) for c in coalitions("abc")}
    found = shapley(value, "abc")
    assert [float(found[p]) for p in "abc"] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_exact_is_the_mean_over_all_orders_and_adds_up() -> None:
    rng = np.random.default_rng(3)
    players = list("abcd")
    value = {c: rng.normal(size=(2, 3)) for c in coalitions(players)}
    exact = shapley(value, players)
    by_orders = shapley(value, players, list(permutations(players)))
    for p in players:
        np.testing.assert_allclose(exact[p], by_orders[p], atol=1e-12)
    np.testing.assert_allclose(
        np.sum(list(exact.values()), axis=0), value[frozenset(players)] - value[frozenset()], atol=1e-12
    )


def test_sampled_orders_come_with_their_reverses_and_add_up() -> None:
    players = [f"lever{i}" for i in range(8)]
    orders = sampled_orders(players, 5, seed=1)
    assert len(orders) == 10 and all(sorted(o) == sorted(players) for o in orders)
    assert all(orders[2 * i + 1] == orders[2 * i][::-1] for i in range(5))
    assert sampled_orders(players, 5, seed=1) == orders != sampled_orders(players, 5, seed=2)
    value = {c: np.array(float(len(c)) ** 2) for c in coalitions(players, orders)}
    # the value depends on the number alone, so that an order and its reverse give everyone the same part: 64 / 8
    assert [float(v) for v in shapley(value, players, orders).values()] == pytest.approx([8.0] * 8)


def _option(**changes: object) -> tuple[Scenario, Scenario]:
    base = load("baseline-2025")
    levers = {**base.model_dump(by_alias=True)["levers"], **changes}
    option = Scenario.model_validate({**base.model_dump(by_alias=True), "name": "option", "levers": levers})
    return base, option


def test_what_differs_and_mixtures() -> None:
    base, option = _option(campaigns={"on": "2025-01-01"}, biometrics={"on": "2025-01-01", "kits": 5})
    assert differing(base, option) == ["biometrics", "campaigns"]
    assert differing(base, base) == []
    half = mixture(base, option, frozenset({"campaigns"}))
    assert (
        half.levers.campaigns == option.levers.campaigns and half.levers.biometrics == base.levers.biometrics
    )
    whole = mixture(base, option, frozenset({"campaigns", "biometrics"}))
    assert whole.levers == option.levers
    grown = option.model_copy(
        update={"uncertainties": option.uncertainties.model_copy(update={"demand_growth_per_year": 0.1})}
    )
    assert differing(base, grown) == ["biometrics", "campaigns", OTHER]
    assert mixture(base, grown, frozenset({OTHER})).uncertainties.demand_growth_per_year == 0.1


def test_interaction_is_shared_equally() -> None:
    """Deaths fall by 4 with rescue, by 1 with campaigns, and by 2 more with both: 5 and 2, replicate noise aside."""
    base, option = _option(campaigns={"on": "2025-01-01"}, search_and_rescue={"on": "2025-01-01"})

    def evaluate(jobs: list[Job]) -> list[dict[str, float]]:
        out = []
        for job in jobs:
            active = job.scenario.levers.active()
            c, s = "campaigns" in active, "search_and_rescue" in active
            out.append({"deaths": 100.0 + 7.0 * job.replicate - 4.0 * s - 1.0 * c - 2.0 * (c and s)})
        return out

    found = attribute(base, option, replicates=3, evaluate=evaluate)
    table = found.table.set_index(["outcome", "lever"])
    assert found.exact and found.runs == 4 * 3
    assert table.loc[("deaths", "search_and_rescue"), "part"] == pytest.approx(-5.0)
    assert table.loc[("deaths", "campaigns"), "part"] == pytest.approx(-2.0)
    assert table.loc[("deaths", "campaigns"), "low"] == pytest.approx(-2.0)  # noise of a replicate cancels
    assert table.loc[("deaths", "campaigns"), "share"] == pytest.approx(2 / 7)
    with pytest.raises(ValueError, match="assumes the same"):
        attribute(base, base.model_copy(update={"name": "again"}), evaluate=evaluate)


def test_in_the_model_parts_add_up_to_the_difference() -> None:
    base, option = _option(
        legal_pathways={"on": "2025-01-01", "places_per_year": 50000}, search_and_rescue={"on": "2025-01-01"}
    )
    short = {"horizon": {"start": "2025-01-01", "end": "2025-02-28", "burn_in_days": 0}}
    base, option = (
        Scenario.model_validate(
            {**s.model_dump(by_alias=True), **short, "model": {"persons_per_agent": 2000, "networks": 40}}
        )
        for s in (base, option)
    )
    found = attribute(base, option, replicates=2, workers=1, progress=False)
    runs: list[RunOutput] = run_many([Job(s, r) for s in (base, option) for r in range(2)], 1, False, "")
    gap = np.mean([runs[2 + r].totals()["deaths"] - runs[r].totals()["deaths"] for r in range(2)])
    parts = found.table[found.table["outcome"] == "deaths"]["part"]
    assert float(parts.sum()) == pytest.approx(gap, abs=1e-9)
