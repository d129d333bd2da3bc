"""The efficient frontier between two outcomes, against hand calculation and an independent programme."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.frontier import COST, WEIGHTED_HARM, FrontierError, coefficients, frontier
from countersmuggling.optimise.plan import Plan, plan_for
from countersmuggling.optimise.solving import solve


def none() -> EffectCurves:
    return EffectCurves(pd.DataFrame(columns=list(CELL_COLUMNS), dtype=float),
                        pd.DataFrame(columns=list(WORK_COLUMNS), dtype=float), {})


@pytest.fixture(scope="module")
def two() -> EffectCurves:
    """Two outcomes, Greece better for lives and Italy for debt; the full dose is 4, and half of it has 3/4 of the effect."""
    cells = [("analyst", place, outcome, 4.0, 0.75, full, 0.1, 0.0, 0.0)
             for place, outcome, full in (("GRC", "deaths", -8.0), ("ITA", "deaths", -4.0),
                                          ("GRC", "travellers_in_debt", -40.0), ("ITA", "travellers_in_debt", -200.0))]
    work = [("analyst", place, place, 1.0) for place in ("GRC", "ITA")]
    return EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=list(WORK_COLUMNS)), {})


def plan_on(effects: EffectCurves, weights: dict[str, float], **changes: Any) -> Plan:
    width, slope = effects.curves(("analyst",), ("GRC", "ITA"), weights, 1.0)
    return plan_for(problem(width=width, slope=slope, **changes), effects, weights)


def test_the_textbook_by_hand() -> None:
    """Three analysts at 25,000 a quarter, worth 10 and 10 in Greece, then 6 in Italy."""
    table = frontier(build(problem()), none(), {}, WEIGHTED_HARM, COST, 4)
    assert table[COST].tolist() == pytest.approx([75_000, 50_000, 25_000, 0], abs=0.1)
    assert table[WEIGHTED_HARM].tolist() == pytest.approx([-26, -20, -10, 0], abs=1e-4)
    # points per EUR 1 million
    assert table["exchange"].tolist()[1:] == pytest.approx([-6 * 40, -10 * 40, -10 * 40], rel=1e-4)
    assert table["words"].tolist()[:2] == [
        ("The best for weighted_harm: weighted harm 26 points lower and public cost EUR 0.075 million higher than without "
         "additional staff."),
        "Public cost EUR 0.025 million lower and weighted harm 6 points higher than at the point before."]


def test_two_measured_outcomes_by_hand(two: EffectCurves) -> None:
    """Three posts. Lives: 2 in Greece (3 each), then 1 in Greece or Italy (1.5, 1 beyond). Debt: 2 in Italy (75 each), then 1 (25 or 15)."""
    plan = plan_on(two, {"deaths": 1.0})
    table = plan.frontier("deaths", "travellers_in_debt", points=3)
    assert table["deaths"].iloc[0] == pytest.approx(-(3 + 3 + 1.5), abs=1e-4)
    assert table["travellers_in_debt"].iloc[0] == pytest.approx(-(15 + 15 + 75), abs=1e-2)
    # the best for debt: two in Italy, and there a third saves 25 more
    assert table["travellers_in_debt"].iloc[-1] == pytest.approx(-(75 + 75 + 25), abs=1e-2)
    assert table["deaths"].iloc[-1] == pytest.approx(-(1.5 + 1.5 + 0.5), abs=1e-4)
    # midway a fifth of the second analyst's time ... : 140 of debt avoided, 35 of them by moving work from Greece to Italy
    assert table["travellers_in_debt"].iloc[1] == pytest.approx(-140, abs=1e-2)
    assert table["deaths"].iloc[1] == pytest.approx(-(7.5 - 35 / 60 * 1.5), abs=1e-4)


def test_more_of_a_good_is_better(two: EffectCurves) -> None:
    """With a negative weight an outcome is to be high."""
    cells = two.cells.assign(outcome=two.cells["outcome"].replace("travellers_in_debt", "legal_pathway_admissions"))
    cells.loc[cells["outcome"] == "legal_pathway_admissions", "full"] *= -1
    effects = replace(two, cells=cells)
    table = plan_on(effects, {"deaths": 1.0}).frontier("legal_pathway_admissions", "deaths", points=2)
    assert table["legal_pathway_admissions"].tolist() == pytest.approx([175, 105], abs=1e-2)
    assert table["deaths"].tolist() == pytest.approx([-3.5, -7.5], abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_points_are_efficient_convex_and_best_for_some_weighting(seed: int) -> None:
    """No point is better in both, the curve bends the right way, and each point minimises first + price x second."""
    allocation = build(random_problem(seed))
    table = frontier(allocation, none(), {}, WEIGHTED_HARM, COST, 9)
    harm, cost = table[WEIGHTED_HARM].to_numpy(), table[COST].to_numpy()
    assert len(table) == 9
    assert (np.diff(harm) > 0).all() and (np.diff(cost) < 0).all()
    slope = np.diff(harm) / np.diff(cost)
    assert (np.diff(slope) <= 1e-6 * np.abs(slope).max()).all()
    one, two = (coefficients(allocation, none(), {}, name) for name in (WEIGHTED_HARM, COST))
    for n in range(1, 8):
        price = -(slope[n - 1] + slope[n]) / 2
        model = replace(allocation.model, cost=one + price * two, objective_unit=1.0)
        assert harm[n] + price * cost[n] >= solve(model, "scipy").objective - 1e-4
        # at a kink of the curve this is where the best lies; between kinks all of the segment is
        if slope[n - 1] == pytest.approx(slope[n], rel=1e-6):
            assert harm[n] + price * cost[n] == pytest.approx(solve(model, "scipy").objective, rel=1e-5)


def test_ends_agree_with_the_plan(two: EffectCurves) -> None:
    plan = plan_on(two, {"deaths": 1.0}, budgets={("europol", 2025): 50_000.0})
    table = plan.frontier("deaths", "cost_eur", points=3)
    assert table["deaths"].iloc[0] == pytest.approx(plan.expected["deaths"]["change"], abs=1e-4)
    assert table["cost_eur"].iloc[0] == pytest.approx(50_000, abs=1)
    assert table["deaths"].iloc[-1] == 0 and table["cost_eur"].iloc[-1] == 0


def test_rows_of_ones_own_hold_on_the_frontier(two: EffectCurves) -> None:
    plan = plan_on(two, {"deaths": 1.0})
    problem_ = plan.problem
    problem_ += plan.variables("staff", place="ITA")[0] >= 2, "Italy"
    table = plan.resolve().frontier("deaths", "cost_eur", points=2)
    assert table["cost_eur"].iloc[-1] == pytest.approx(50_000, abs=1)


def test_what_has_no_frontier_is_said(two: EffectCurves) -> None:
    plan = plan_on(two, {"deaths": 1.0})
    with pytest.raises(FrontierError, match="did you mean 'deaths'"):
        plan.frontier("death", "cost_eur")
    with pytest.raises(FrontierError, match="two different outcomes"):
        plan.frontier("deaths", "deaths")
    with pytest.raises(FrontierError, match="2 or more"):
        plan.frontier(points=1)
    with pytest.raises(FrontierError, match="not made from its effects"):
        frontier(build(problem()), two, {}, "deaths", COST, 3)


def test_the_chart_shows_curve_plan_and_rules(two: EffectCurves) -> None:
    chart = plan_on(two, {"deaths": 1.0}, budgets={("europol", 2025): 50_000.0}).plot.frontier(points=3)
    axes = chart.axes[0]
    assert axes.get_xlabel() == "Public cost, change (million EUR)"
    assert np.asarray(axes.lines[0].get_xdata()).size == 3
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["plan", "by population", "greedy"]
    assert chart.alt.startswith("Efficient frontier between deaths and cost_eur, 3 points.")
