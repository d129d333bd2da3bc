"""Values of moves, and what would have to change, against hand calculation; prices beside a stubbed model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.evaluation import FRESH
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.moves import (
    MoveError,
    marginal_values,
    moves,
    simulated_prices,
    what_would_it_take,
)
from countersmuggling.optimise.problem import JointTeams, SharedPool
from countersmuggling.optimise.solving import solve
from countersmuggling.scenarios import OUTCOMES, load


def test_a_post_is_worth_where_the_next_one_goes() -> None:
    """Two to Greece and one to Italy are there; a fourth avoids 6 points in Italy."""
    table = marginal_values(build(problem()))
    assert table["words"].tolist() == ["One more analyst post from 2025Q1 on would lower the weighted harm by 6 points."]
    assert table.iloc[0][["what", "name", "change", "unit"]].to_list() == ["post", "analyst", pytest.approx(-6), "points per post"]


def test_a_million_euros_by_heading() -> None:
    """25,000 EUR a quarter each: two are paid for. A million more pays the third post (6 points), not a fourth."""
    table: Any = marginal_values(build(problem(budgets={("europol", 2025): 50_000.0})))
    assert table.set_index("what").loc["euro", "change"] == pytest.approx(-6)
    assert table["words"].iloc[0] == (
        "EUR 1 million more under the heading europol in 2025 would lower the weighted harm by 6 points.")
    assert table.set_index("what").loc["post", "words"] == "One more analyst post from 2025Q1 on would change nothing."


def test_money_is_split_over_the_years_as_the_budget_is() -> None:
    p = problem(quarters=8, budgets={("europol", 2025): 300_000.0, ("europol", 2026): 100_000.0})
    euro = next(move for move in moves(build(p)) if move.what == "euro")
    assert [step * p.money_unit for step in euro.rows.values()] == pytest.approx([750_000, 250_000])


def test_earlier_by_a_month_and_by_a_quarter() -> None:
    """Posts from the second quarter: a quarter earlier brings all 26 points, a month one analyst's time, 10 points in Greece."""
    table = marginal_values(build(problem(quarters=2, first=np.array([1])))).set_index("what")
    assert table.loc["quarter", "change"] == pytest.approx(-26)
    assert table.loc["month", "change"] == pytest.approx(-10)
    assert table.loc["month", "words"] == (
        "Filling analyst posts one month earlier than 2025Q2 would lower the weighted harm by 10 points.")
    assert table.loc["post", "words"] == "One more analyst post from 2025Q2 on would lower the weighted harm by 6 points."


@pytest.mark.parametrize("seed", range(3))
def test_values_equal_those_of_another_problem(seed: int) -> None:
    """Moving the rows gives what building the problem with one more post gives."""
    p = random_problem(seed)
    allocation = build(p)
    before = allocation.objective(solve(allocation.model, "scipy").x)
    table = marginal_values(allocation).set_index(["what", "name"])
    for r, name in enumerate(p.resources):
        available = p.available.copy()
        available[r] += 1
        richer = build(replace(p, available=available))
        after = richer.objective(solve(richer.model, "scipy").x)
        assert table.loc[("post", name), "change"] == pytest.approx(after - before, rel=1e-6, abs=1e-5)


def test_whole_posts_are_asked_without_whole_numbers() -> None:
    assert marginal_values(build(problem(integer=np.array([True]))))["change"].tolist() == pytest.approx([-6])


# ---------------------------------------------------------------------------------------------- what would it take


def test_what_it_takes_by_hand() -> None:
    """Two analysts, both in Greece for 10 each; the first in Italy avoids 6."""
    found = what_would_it_take(build(problem(available=2)), "analyst", "ITA")
    assert (found.sent, found.quarter, found.effect) == (0, "2025Q1", 6)
    assert found.needed == pytest.approx(10)
    assert np.isnan(found.euros)
    # a third analyst goes there
    assert found.limits[["kind", "by"]].values.tolist() == [["pool", pytest.approx(1, abs=0.02)]]
    assert found.sentences == (
        "Italy receives no analyst in this plan.",
        ("Sending 1 analyst there in 2025Q1, where it costs the rest of the plan least, would raise the weighted harm by 4 "
         "points. By the effect curve the first there avoids 6 points in a quarter; it would have to avoid 10 (1.67 times as "
         "much)."),
        "With 1 more analyst posts (resources.posts.analyst.available), the plan would send one there.")


def test_with_the_effect_it_needs_one_is_sent() -> None:
    found = what_would_it_take(build(problem(available=2)), "analyst", "ITA")
    for factor, sent in ((0.999, False), (1.001, True)):
        slope = np.array([[[10.0, 4.0], [found.needed * factor, 1.0]]])
        allocation = build(problem(available=2, slope=slope))
        assert bool(allocation.staff(solve(allocation.model, "scipy").x)[0, 1, 0] >= 1) is sent


def test_a_lower_cost_where_cost_counts() -> None:
    """At a point per EUR 1,000 the post costs 5 points of the 10 and 6 it avoids; 4 points are EUR 4,000."""
    p = problem(available=2, unit_cost=np.array([20_000.0]), cost_weight=1e-3)
    found = what_would_it_take(build(p), "analyst", "ITA")
    assert found.euros == pytest.approx(4_000)
    assert found.sentences[2] == "Or it would have to cost EUR 4,000 less for the quarter than its EUR 5,000."
    found = what_would_it_take(build(problem(available=2, cost_weight=1e-4)), "analyst", "ITA")
    assert found.euros == pytest.approx(40_000)
    assert found.sentences[2] == (
        "No lower cost would do instead: even without its EUR 25,000 for the quarter it does more elsewhere.")


def test_limits_that_only_help_together() -> None:
    """Posts and money both bind: neither alone brings anybody to Italy."""
    found = what_would_it_take(
        build(problem(available=2, budgets={("europol", 2025): 50_000.0})), "analyst", "ITA")
    by_kind = found.limits.set_index("kind")["by"]
    assert np.isnan(by_kind["pool"]) and np.isnan(by_kind["budget"])
    assert by_kind["together"] == pytest.approx(1, abs=0.02)


def test_a_pool_and_partners_are_named() -> None:
    p = problem(("officer", "investigator"), width=[[2, np.inf]], slope=[[[10.0, 0.0], [6.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]],
                available=5, pools=(SharedPool("both", ("officer",), 2),),
                teams=JointTeams(("officer",), "investigator", 1.0, np.array([2.0, 2.0])))
    found = what_would_it_take(build(p), "officer", "ITA")
    assert set(found.limits["kind"]) == {"pool", "shared_pool", "team_investigators"}
    assert found.limits.set_index("kind").loc["shared_pool", "by"] == pytest.approx(1, abs=0.02)


def test_what_is_there_already() -> None:
    found = what_would_it_take(build(problem()), "analyst", "ITA")
    assert str(found) == "Nothing: Italy receives 1 analyst in 2025Q1 already (at most 1 in the plan)."


def test_what_limits_forbid_is_named_with_the_smallest_change() -> None:
    found = what_would_it_take(
        build(problem(consent=np.array([True, False]), asks=np.array([True]))), "analyst", "ITA")
    assert found.conflicts == ("Italy has not consented to deployments (resources.hosts.ITA.consent)",)
    assert found.quarter == "" and found.limits["kind"].tolist() == ["consent"]
    assert found.limits["by"].tolist() == pytest.approx([1])
    assert "no plan can send 1 analyst there" in str(found)


def test_where_staff_does_no_good_only_the_effect_matters() -> None:
    slope = np.array([[[10.0, 4.0], [-1.0, -1.0]]])
    found = what_would_it_take(build(problem(available=2, slope=slope)), "analyst", "ITA")
    assert found.needed == pytest.approx(10)
    assert found.limits.empty
    assert found.sentences[-1].startswith("No limit would have to move")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    allocation = build(problem())
    with pytest.raises(MoveError, match="no resource type 'analist'; did you mean 'analyst'"):
        what_would_it_take(allocation, "analist", "ITA")
    with pytest.raises(MoveError, match="no place 'XYZ'; there are GRC, ITA"):
        what_would_it_take(allocation, "analyst", "XYZ")
    with pytest.raises(MoveError, match="cannot be sent to Italy"):
        what_would_it_take(build(problem(sites=np.array([[True, False]]))), "analyst", "ITA")
    with pytest.raises(MoveError, match="above zero"):
        what_would_it_take(allocation, "analyst", "ITA", 0)


# ---------------------------------------------------------------------------------------------- beside the model


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Instead of simulating: an analyst in Greece saves 8 lives, one in Italy 5; the replicate's noise is shared."""
    from countersmuggling.model import replicates

    seen: list[Any] = []

    def run_many(jobs: Any, workers: Any, progress: Any, description: str, *, function: Any) -> list[Any]:
        seen.extend(jobs)
        out = []
        for job in jobs:
            staff = job.allocation.groupby("place")["staff"].sum()
            own = np.random.default_rng(job.replicate + len(job.label)).normal() * 0.01
            out.append(dict.fromkeys(OUTCOMES, 0.0) | {
                "deaths": 1000.0 * (job.replicate - FRESH) - 8 * staff.get("GRC", 0.0) - 5 * staff.get("ITA", 0.0) + own})
        return out

    monkeypatch.setattr(replicates, "run_many", run_many)
    return seen


def test_prices_stand_beside_paired_differences(simulated: list[Any]) -> None:
    from countersmuggling.scenarios.schema import OutcomeWeight

    scenario = load("baseline-2025").model_copy(update={"outcomes": {"deaths": OutcomeWeight(weight=1.0)}})
    allocation = build(problem())
    table = simulated_prices(allocation, scenario, replicates=5, progress=False)
    row = table.iloc[0]
    assert (row["what"], row["name"], row["units"], row["replicates"]) == ("post", "analyst", 1, 5)
    assert row["priced"] == pytest.approx(-6)  # by the curve, in Italy
    assert row["simulated"] == pytest.approx(-5, abs=0.05)
    assert row["low"] < row["simulated"] < row["high"] and row["high"] - row["low"] < 0.1
    assert row["words"].startswith("One more analyst post from 2025Q1 on: -6 points of weighted harm by the programme, -")
    assert sorted({job.replicate for job in simulated}) == list(range(FRESH, FRESH + 5))
    # three more: one more to Italy for 6 and two beyond the bend for 4 each in Greece
    several = simulated_prices(allocation, scenario, units=3, replicates=2, progress=False).iloc[0]
    assert several["priced"] == pytest.approx(-(6 + 4 + 4))
    assert several["simulated"] == pytest.approx(-(5 + 8 + 8), abs=0.1)


def test_no_price_no_simulation(simulated: list[Any]) -> None:
    scenario = load("baseline-2025")
    with pytest.raises(MoveError, match="no limit has a price"):
        simulated_prices(build(problem(available=4, slope=[[10, 0], [6, 0]])), scenario, progress=False)
    with pytest.raises(MoveError, match="units"):
        simulated_prices(build(problem()), scenario, units=0, progress=False)
    assert not simulated
