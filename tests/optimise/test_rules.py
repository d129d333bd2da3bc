from dataclasses import replace

import numpy as np
import pytest

from countersmuggling.optimise.allocation import AllocationModel, build, value_of
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.linear_model import Floats
from countersmuggling.optimise.rules import by_share, greedy
from countersmuggling.optimise.solving import is_feasible, solve


def admitted(allocation: AllocationModel, staff: Floats) -> bool:
    """Whether the staff (R, P, T) can be completed to a feasible point."""
    block = allocation.model.column_block("staff")
    low, high = allocation.model.lower.copy(), allocation.model.upper.copy()
    low[block.indices] = np.maximum(staff.ravel() - 1e-6, 0.0)
    high[block.indices] = staff.ravel() + 1e-6
    return is_feasible(replace(allocation.model.relaxed(), lower=low, upper=high))


def test_greedy_equals_the_plan_where_the_problem_separates() -> None:
    """One pool, no budget: sending the next post where it helps most is optimal."""
    allocation = build(problem(quarters=4, available=5.0))
    best = allocation.objective(solve(allocation.model, "scipy").x)
    assert value_of(allocation.problem, greedy(allocation))["objective"] == pytest.approx(best, rel=1e-9)


def test_greedy_loses_where_a_budget_couples() -> None:
    """100 thousand euros: greedy takes the officer (10 points, 100 thousand), the plan takes two of 6 at 50 thousand."""
    p = problem(("officer", "guard"), ("GRC",), width=np.full((2, 1, 1), 2.0), slope=np.array([[[10.0]], [[6.0]]]),
                unit_cost=np.array([400_000.0, 200_000.0]), budgets={("europol", 2025): 100_000.0})
    allocation = build(p)
    assert allocation.objective(solve(allocation.model, "scipy").x) == pytest.approx(-12)
    assert value_of(p, greedy(allocation))["objective"] == pytest.approx(-10)


@pytest.mark.parametrize("seed", range(5))
def test_rules_are_feasible_and_never_beat_the_plan(seed: int) -> None:
    allocation = build(random_problem(seed))
    best = allocation.objective(solve(allocation.model, "scipy").x)
    shares = np.random.default_rng(seed).dirichlet(np.ones(5))
    for staff in (greedy(allocation), by_share(allocation, shares)):
        assert admitted(allocation, staff)
        assert value_of(allocation.problem, staff)["objective"] >= best - 1e-6 * abs(best)


def test_greedy_helps_by_much_and_keeps_minima_and_rotation() -> None:
    p = replace(random_problem(2), minimum=np.full((3, 5), 0.2), stay_most=np.full(3, 2.0), budgets={})
    allocation = build(p)
    staff = greedy(allocation)
    assert admitted(allocation, staff)
    assert (staff >= 0.2 - 1e-9).all()
    best = allocation.objective(solve(allocation.model, "scipy").x)
    assert value_of(p, staff)["objective"] < 0.5 * best


def test_shares_thin_alike_when_money_is_short() -> None:
    p = problem(available=10.0, budgets={("europol", 2025): 125_000.0})  # five posts for a quarter
    staff = by_share(build(p), np.array([0.6, 0.4]))
    assert staff[0, :, 0] == pytest.approx([3, 2], abs=0.31)
    assert staff.sum() == pytest.approx(5)


def test_shares_are_checked() -> None:
    with pytest.raises(ValueError, match="sum to one"):
        by_share(build(problem()), np.array([0.6, 0.6]))


def test_whole_posts() -> None:
    p = problem(quarters=2, available=3.0, integer=np.array([True]))
    staff = greedy(build(p))
    assert staff == pytest.approx(np.round(staff))
    assert staff.sum() == pytest.approx(6)
