"""A plan under scenarios of effects: by hand, against rebuilt programmes, and what must always hold."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effect_scenarios import EffectScenarios
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.problem import AllocationProblem
from countersmuggling.optimise.solving import solve
from countersmuggling.optimise.stochastic import Objective, cvar
from countersmuggling.optimise.uncertainty import Uncertainty, with_scenarios

DEATHS = {"deaths": 1.0}
ALL = [Objective("expected"), Objective("cvar", level=0.7), Objective("cvar", level=0.7, weight=0.5), Objective("regret"),
       Objective("robust", budget=2)]


def effects_of(p: AllocationProblem, seed: int = 0) -> EffectCurves:
    """Invented effects on deaths, each two places a group."""
    g = np.random.default_rng(seed)
    groups = {place: f"g{n // 2}" for n, place in enumerate(p.places)}
    cells = [(r, group, "deaths", 6.0, g.uniform(0.5, 0.8), -g.gamma(2, 6), 1.0, 0.0, 1.0)
             for r in p.resources for group in dict.fromkeys(groups.values())]
    sizes = pd.Series(list(groups.values())).value_counts()
    work = [(r, place, group, 1 / sizes[group]) for r in p.resources for place, group in groups.items()]
    return EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=list(WORK_COLUMNS)), {})


def uncertain(seed: int = 0, scenarios: int = 12, **changes: Any) -> Uncertainty:
    p = replace(random_problem(seed), teams=None, **changes)
    effects = effects_of(p, seed)
    width, slope = effects.curves(p.resources, p.places, DEATHS, 4.0)
    p = replace(p, width=width, slope=slope)
    g = np.random.default_rng(seed + 1)
    half = g.normal(0, 6, (scenarios // 2, len(effects.cells)))
    drawn = EffectScenarios(effects, np.concatenate([half, -half]), np.full(scenarios, 1 / scenarios), "invented")
    return with_scenarios(build(p), drawn, DEATHS, {"optimise.robust_standard_errors": 2.0})


def planned(u: Uncertainty, objective: Objective) -> tuple[Any, Any]:
    allocation = u.model_for(objective)
    return allocation, solve(allocation.model, "scipy")


def two_sites(**changes: Any) -> Uncertainty:
    """One analyst for a quarter: Greece gains 4 or 1, Italy 0 or 3."""
    p = problem(available=1, width=((1, np.inf), (1, np.inf)), slope=((2.5, 0), (1.5, 0)), **changes)
    effects = EffectCurves(
        pd.DataFrame([("analyst", place, "deaths", 2.0, 0.5, 0.0, 1.0, 0.0, 1.0) for place in p.places],
                     columns=list(CELL_COLUMNS)),
        pd.DataFrame([("analyst", place, place, 1.0) for place in p.places], columns=list(WORK_COLUMNS)), {})
    # at a dose of two, 1.5 points more or less per head are 3 deaths fewer or more
    drawn = EffectScenarios(effects, np.array([[-3.0, 3.0], [3.0, -3.0]]), np.array([0.5, 0.5]), "by hand")
    return with_scenarios(build(p), drawn, DEATHS, {"optimise.robust_standard_errors": 1.0})


def test_regret_of_two_sites_by_hand() -> None:
    """Two thirds in Greece regret at most 4/3 (tests/optimise/test_stochastic.py has the arithmetic)."""
    u = two_sites()
    assert u.slopes[:, 0, :, 0].tolist() == [[4.0, 0.0], [1.0, 3.0]]
    assert u.wait_and_see == pytest.approx([-4, -3], abs=1e-4)
    allocation, least = planned(u, Objective("regret"))
    assert allocation.staff(least.x)[0, :, 0] == pytest.approx([2 / 3, 1 / 3], abs=1e-4)
    assert allocation.objective(least.x) == pytest.approx(4 / 3, abs=1e-4)
    table = u.risks({"regret": u.losses(least.x), "greece": u.losses_of(np.array([[[1.0], [0.0]]]))}, 0.5, regret=True)
    assert table["largest_regret"].tolist() == pytest.approx([4 / 3, 2.0], abs=1e-4)
    assert table["expected"].tolist() == pytest.approx([-2 / 3 * 2.5 - 1 / 3 * 1.5, -2.5], abs=1e-4)
    assert table["cvar"].tolist() == pytest.approx([-5 / 3, -1.0], abs=1e-4)
    assert u.information.perfect_information == pytest.approx(1.0, abs=1e-4)
    assert u.information.stochastic_solution == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_scenarios_cost_what_rebuilt_programmes_cost(seed: int) -> None:
    u = uncertain(seed)
    for model, slope in zip(u.programme.scenarios, u.slopes, strict=True):
        again = build(replace(u.allocation.problem, slope=slope))
        ours = (model.cost - u.allocation.tie_break) * model.objective_unit
        assert ours == pytest.approx((again.model.cost - again.tie_break) * again.model.objective_unit)


@pytest.mark.parametrize("seed", range(3))
def test_staff_fills_the_curves_in_order_in_every_scenario(seed: int) -> None:
    """Valued straight from each scenario's curves a plan has the losses that the programme says."""
    u = uncertain(seed)
    for objective in ALL:
        allocation, solution = planned(u, objective)
        employed = solution.x[u.allocation.model.column_block("employed").indices].reshape(3, -1)
        assert employed == pytest.approx(allocation.staff(solution.x).sum(axis=1), abs=1e-6), "costs count those at work"
        assert u.losses(solution.x) == pytest.approx(u.losses_of(allocation.staff(solution.x)), abs=0.01), objective


@pytest.mark.parametrize("seed", range(3))
def test_each_objective_is_best_at_what_it_is_for(seed: int) -> None:
    u = uncertain(seed)
    p = u.scenarios.probability
    losses = {str(o): u.losses(planned(u, o)[1].x) for o in ALL}
    measures: dict[str, Callable[[Any], float]] = {
        "expected value": lambda v: p @ v, "CVaR at 0.7": lambda v: cvar(v, p, 0.7),
        "0.5 expected value + 0.5 CVaR at 0.7": lambda v: (p @ v + cvar(v, p, 0.7)) / 2,
        "largest regret": lambda v: (v - u.wait_and_see).max()}
    for name, measure in measures.items():
        values = {other: measure(v) for other, v in losses.items()}
        assert values[name] <= min(values.values()) + 1e-4, name
    for v in losses.values():
        assert cvar(v, p, 0.7) >= p @ v - 1e-9
        assert (v - u.wait_and_see).min() >= -1e-4
    assert len({round(float(p @ v), 3) for v in losses.values()}) > 1, "the objectives differ here"
    for objective in ALL[1:4]:
        allocation, solution = planned(u, objective)
        assert allocation.objective(solution.x) == pytest.approx(measures[str(objective)](losses[str(objective)]), abs=1e-3)
    assert u.information.perfect_information >= 0
    assert u.information.stochastic_solution >= -1e-6


@pytest.mark.parametrize("seed", range(3))
def test_robustness_against_brute_force(seed: int) -> None:
    """The protected loss is the largest over all choices of the cells that are at their worst."""
    u = uncertain(seed)
    nominal = solve(u.allocation.model, "scipy")
    before = u.allocation.objective(nominal.x)
    for budget in (0, 1, 2, 3):
        allocation, solution = planned(u, Objective("robust", budget=budget))
        staff = allocation.staff(solution.x)
        short = [u.allocation.problem.benefit(staff).sum() - replace(
            u.allocation.problem, slope=u.allocation.problem.slope - cell).benefit(staff).sum() for cell in u.shortfall]
        worst = max((sum(chosen) for chosen in combinations(short, budget)), default=0.0)
        quiet = u.allocation.objective(solution.x[:u.allocation.model.shape[1]])
        assert allocation.objective(solution.x) == pytest.approx(quiet + worst, abs=0.01)
        assert allocation.objective(solution.x) >= before - 1e-4, "more that can go wrong is never better"
        before = allocation.objective(solution.x)
        if budget == 0:
            assert allocation.objective(solution.x) == pytest.approx(u.allocation.objective(nominal.x), abs=1e-4)


def test_more_money_is_never_worse() -> None:
    poor, rich = uncertain(1, budgets={("europol", 2025): 300_000}), uncertain(1, budgets={("europol", 2025): 600_000})
    for objective in ALL:
        if objective.kind != "regret":  # with more money what is possible in each scenario grows as well
            assert planned(rich, objective)[1].objective <= planned(poor, objective)[1].objective + 1e-6, objective


def test_whole_posts_stay_whole() -> None:
    """The single analyst of the two sites cannot be split: in Greece the regret is 2, in Italy 4."""
    u = two_sites(integer=np.array([True]))
    allocation = u.model_for(Objective("regret"))
    least = solve(allocation.model)
    assert allocation.staff(least.x)[0, :, 0].tolist() == [1, 0]
    assert allocation.objective(least.x) == pytest.approx(2, abs=1e-4)
    robust = u.model_for(Objective("robust", budget=1))
    assert robust.staff(solve(robust.model).x)[0].sum() == pytest.approx(1)
