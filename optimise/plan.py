"""Make a plan: measure, build, solve, verify, and put prices and limits into words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from . import words
from .allocation import AllocationModel, build, staff_frame, value_of
from .effects import EffectCurves, measure_effects
from .from_scenario import problem_from
from .infeasibility import Conflict, explain, locate
from .problem import AllocationProblem
from .rules import by_share, greedy
from .solving import Infeasible, Solution, rhs_ranges, solve

if TYPE_CHECKING:
    import pulp

    from ..scenarios import Scenario

PlanSolver = Literal["highs", "cbc"]
PRICE_COLUMNS = (
    "constraint", "kind", "place", "resource", "quarter", "dual", "unit", "limit", "holds_from", "holds_to", "se", "words")
RELAXATION_COLUMNS = ("limit", "kind", "place", "resource", "quarter", "now", "needed", "by", "unit")

NO_PRICE = 1e-9


class InfeasiblePlan(Exception):
    """No allocation keeps every limit.

    Attributes
    ----------
    conflicts : list of str
        Limits that contradict each other, in words: leaving out any one of them would leave a plan.
    relaxation : DataFrame
        The smallest relaxation: columns limit, kind, place, resource, quarter, now, needed, by, unit.
    """

    def __init__(self, conflicts: list[str], relaxation: pd.DataFrame) -> None:
        self.conflicts = conflicts
        self.relaxation = relaxation
        super().__init__(str(self))

    def __reduce__(self) -> tuple[type[InfeasiblePlan], tuple[list[str], pd.DataFrame]]:
        return type(self), (self.conflicts, self.relaxation)

    def __str__(self) -> str:
        lines = ["No plan keeps all limits. These contradict each other:"]
        lines += [f"  - {text}" for text in self.conflicts]
        if len(self.relaxation):
            lines.append("The smallest change that makes a plan possible:")
            columns = (self.relaxation[c] for c in ("limit", "now", "needed", "unit"))
            for limit, now, needed, unit in zip(*columns, strict=True):
                lines.append(f"  - {limit}: {words.number(now)} would have to be {words.number(needed)} ({unit})")
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """An optimal allocation of additional staff, verified.

    Attributes
    ----------
    allocation : DataFrame
        Columns resource, place, quarter, staff; places without staff left out.
    shadow_prices : DataFrame
        One row per limit that has a price: constraint (name), kind, place, resource, quarter, dual (change of the
        weighted harm in points per unit of room; negative is better), unit, limit (right-hand side), holds_from and
        holds_to (range of the right-hand side for which the price holds; NaN where unknown), se (standard error of the
        effect behind the price of one more at work in a place; NaN for other limits), words.
    reduced_costs : DataFrame
        Staff that is not sent although it could be: resource, place, quarter, points, words.
    slack : DataFrame
        Room left under each limit: constraint, kind, place, resource, quarter, limit, used, slack.
    objective : float
        Change of the weighted harm against no additional staff, in points; negative is better.
    expected : dict
        outcome -> {"change", "se"} from the measured curves, public cost included.
    status, solver : str
    effects : EffectCurves
    problem : pulp.LpProblem
        As solved; can be written as LP or MPS, or extended.
    rules : dict of DataFrame
        Comparison allocations: pro_rata (by population), proportional (by measured work), greedy.
    rule_values : DataFrame
        Points, euros and net points of the plan and of each rule, on the same curves.
    summary : list of str
        The most telling prices in sentences, largest first: limits by solving again with one unit more, then places.
    """

    allocation: pd.DataFrame
    shadow_prices: pd.DataFrame
    reduced_costs: pd.DataFrame
    slack: pd.DataFrame
    objective: float
    expected: dict[str, dict[str, float]]
    status: str
    solver: str
    effects: EffectCurves
    problem: pulp.LpProblem
    rules: dict[str, pd.DataFrame]
    rule_values: pd.DataFrame
    summary: list[str]
    model: AllocationModel = field(repr=False)
    solution: Solution = field(repr=False)

    @property
    def pro_rata(self) -> pd.DataFrame:
        """Allocation by population, as near as the limits allow."""
        return self.rules["pro_rata"]

    @property
    def greedy(self) -> pd.DataFrame:
        """Allocation by largest marginal effect, without looking back."""
        return self.rules["greedy"]

    @cached_property
    def spending(self) -> pd.DataFrame:
        """Euros by heading and year."""
        p = self.model.problem
        block = self.model.model.column_block("employed")
        employed = self.solution.x[block.indices].reshape(len(p.resources), len(p.quarters))
        added = self.solution.x[self.model.model.column_block("added").indices].reshape(
            len(p.resources), len(p.places), len(p.quarters)).sum(axis=1)
        eur = employed * p.unit_cost[:, None] * p.quarter_years + added * p.posting_cost
        frame = pd.DataFrame(
            {"heading": np.repeat([p.heading[r] for r in p.resources], len(p.quarters)),
             "year": np.tile(p.years, len(p.resources)), "eur": eur.ravel()})
        return frame.groupby(["heading", "year"])[["eur"]].sum().reset_index()

    def write(self, path: str | Path) -> Path:
        """Write the linear programme as an LP or MPS file, by the ending of `path`."""
        from .rendering import write

        return write(self.model.model, path)


def optimise(
    scenario: Scenario, *, solver: PlanSolver = "highs", effects: EffectCurves | None = None,
    workers: int | None = None, progress: bool = True,
) -> Plan:
    """Find where a scenario's additional staff avoids most weighted harm.

    Parameters
    ----------
    scenario : Scenario
        Posts, budgets, hosts and rules in ``resources``, weights in ``outcomes``.
    solver : {"highs", "cbc"}
        Through PuLP; either answer is verified.
    effects : EffectCurves, optional
        Measured in the model when not given (cached by scenario and source code).
    workers, progress
        For measuring.

    Returns
    -------
    Plan

    Raises
    ------
    InfeasiblePlan
        With the conflicting limits and the smallest relaxation.
    SolveError
        When the solver's answer does not pass the check.

    Notes
    -----
    The plan is static: effects are as measured at today's allocation.  docs/optimiser.md has the programme in full.
    """
    if solver not in ("highs", "cbc"):
        raise ValueError(f"solver must be 'highs' or 'cbc', not {solver!r}")
    measured = effects if effects is not None else None
    if measured is None:
        check_limits(scenario)
        measured = measure_effects(scenario, workers, progress)
    problem = problem_from(scenario, measured)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    return plan_for(problem, measured, weights, solver)


def check_limits(scenario: Scenario) -> None:
    """Raise :class:`InfeasiblePlan` before anything is measured when no allocation keeps the scenario's limits.

    Limits do not depend on effects, so that minutes of simulation need not be spent on an impossible plan.
    """
    from .effects import CELL_COLUMNS, WORK_COLUMNS

    none = EffectCurves(pd.DataFrame(columns=list(CELL_COLUMNS), dtype=float),
                        pd.DataFrame(columns=list(WORK_COLUMNS), dtype=float), {})
    allocation = build(problem_from(scenario, none))
    if not _feasible(allocation):
        raise _infeasible(allocation)


def _feasible(allocation: AllocationModel) -> bool:
    from .solving import is_feasible

    return is_feasible(allocation.model)


def plan_for(
    problem: AllocationProblem, effects: EffectCurves, weights: dict[str, float], solver: PlanSolver = "highs",
) -> Plan:
    """Solve an allocation problem and read the answer (see :func:`optimise`)."""
    allocation = build(problem)
    try:
        solution = solve(allocation.model, solver)
    except Infeasible:
        raise _infeasible(allocation) from None
    chosen = allocation.allocation(solution.x)
    block = allocation.model.column_block("employed")
    employed = solution.x[block.indices].reshape(len(problem.resources), len(problem.quarters))
    lengths = dict(zip(problem.quarters, problem.quarter_years.tolist(), strict=True))
    expected = effects.expected(chosen, lengths, weights)
    euros = value_of(problem, allocation.staff(solution.x), employed)["eur"]
    expected["cost_eur"] = {"change": euros, "se": 0.0}
    prices = _prices(allocation, solution, _place_errors(problem, effects, weights))
    rules, values = _compare(allocation, solution, effects, employed)
    caution = [effects.caution(weights, float(len(problem.quarters)))] if len(effects.cells) else []
    return Plan(
        allocation=chosen, shadow_prices=prices, reduced_costs=_reduced_costs(allocation, solution),
        slack=_slack(allocation, solution), objective=allocation.objective(solution.x), expected=expected,
        status="optimal", solver=solution.solver, effects=effects, problem=solution.problem, rules=rules,
        rule_values=values, summary=[*_summary(allocation, prices), *caution], model=allocation, solution=solution)


def _infeasible(allocation: AllocationModel) -> InfeasiblePlan:
    conflict = explain(allocation.model)
    if conflict is None:
        raise RuntimeError("the solver found no plan, but the limits do not contradict each other")
    p = allocation.problem
    return InfeasiblePlan(words.limits(p, [conflict.row(i) for i in conflict.rows]), _relaxation(p, conflict))


def _relaxation(problem: AllocationProblem, conflict: Conflict) -> pd.DataFrame:
    rows = []
    for index, by in zip(conflict.relaxed, conflict.by.tolist(), strict=True):
        block, label, rhs = conflict.row(index)
        parts = dict(zip(block.axes, label, strict=True))
        lower = bool(np.isfinite(conflict.model.row_lower[index]))
        factor = 1000.0 if block.name == "budget" else 1.0
        rows.append((words.limit(problem, block, label, rhs), block.name, parts.get("place", ""),
                     parts.get("resource", ""), parts.get("quarter", parts.get("year", "")), rhs * factor,
                     (rhs - by if lower else rhs + by) * factor, by * factor,
                     "EUR" if block.name == "budget" else block.unit))
    return pd.DataFrame(rows, columns=list(RELAXATION_COLUMNS))


def _place_errors(
    problem: AllocationProblem, effects: EffectCurves, weights: dict[str, float],
) -> dict[tuple[str, str], float]:
    """Standard error of the effect of a member of staff for a quarter, in points, by resource type and place."""
    table = effects.points(weights, float(problem.quarter_years.sum()) * 4)
    by_group = {(str(r), str(g)): float(se) / float(dose) for r, g, dose, se in zip(
        *(table[c] for c in ("resource", "group", "dose", "se")), strict=True)}
    return {(str(r), str(i)): by_group[str(r), str(g)] for r, i, g in zip(
        *(effects.work[c] for c in ("resource", "place", "group")), strict=True) if (str(r), str(g)) in by_group}


def _prices(
    allocation: AllocationModel, solution: Solution, errors: dict[tuple[str, str], float],
) -> pd.DataFrame:
    model, p = allocation.model, allocation.problem
    names = model.row_names()
    low, high = rhs_ranges(solution)
    dust = max(NO_PRICE, float(np.abs(allocation.tie_break).max(initial=0.0)) * model.objective_unit * 2)
    worth = _first_worth(allocation, solution)
    lengths = dict(zip(p.quarters, (p.quarter_years * 4).tolist(), strict=True))
    rows = []
    for block in model.rows:
        if block.name in words.SILENT:
            continue
        for n, label in enumerate(block.labels):
            i = block.start + n
            dual = float(solution.dual[i])
            if block.name == "effort":
                dual = worth.get(i, dual)
            if abs(dual) <= dust:
                continue
            rhs = float(model.row_lower[i]) if np.isfinite(model.row_lower[i]) else float(model.row_upper[i])
            parts = dict(zip(block.axes, label, strict=True))
            change, unit, text = words.price(p, block, label, rhs, dual)
            se = np.nan
            if block.name == "effort" and label[:2] in errors:
                se = errors[label[0], label[1]] * lengths[label[2]]
                text = f"{text[:-1]} (standard error of the measured effect {words.number(se)})."
            rows.append((names[i], block.name, parts.get("place", ""), parts.get("resource", ""),
                         parts.get("quarter", parts.get("year", "")), change, unit, rhs, low[i], high[i], se, text))
    return pd.DataFrame(rows, columns=list(PRICE_COLUMNS))


def _first_worth(allocation: AllocationModel, solution: Solution) -> dict[int, float]:
    """Value of a first member of staff by ``effort`` row, where nobody is sent: the curve's first slope.

    There the dual is not unique (anything between that slope and what staff is worth elsewhere), and the solver may
    return the wrong end.  An officer's first worth depends on the joint team and is taken as none.
    """
    model, p = allocation.model, allocation.problem
    staff, benefit = model.column_block("staff"), model.column_block("benefit")
    segments = p.width.shape[2]
    start = model.row_block("effort").start
    officer = p.teams.officer if p.teams is not None else ""
    out = {}
    for n, label in enumerate(staff.labels):
        if solution.x[staff.start + n] <= NO_PRICE:
            r, i = p.resources.index(label[0]), p.places.index(label[1])
            k = int(np.argmax(p.width[r, i] > 0))
            column = benefit.start + n * segments + k
            out[start + n] = 0.0 if label[0] == officer else -float(model.cost[column]) * model.objective_unit
    return out


SUMMARY_KINDS = ("pool", "shared_pool", "budget", "absorb", "minimum", "joiners", "team_investigators")


def _summary(allocation: AllocationModel, prices: pd.DataFrame, most: int = 6, places: int = 3) -> list[str]:
    """The most telling prices in sentences: limits, by what one unit more really changes, then places.

    A dual may overstate what more room is worth where several limits meet, so each limit told here is widened by one
    unit and the programme solved again.
    """
    chosen = prices[prices["kind"].isin(SUMMARY_KINDS)].copy()
    chosen["size"] = chosen["dual"].abs()
    chosen = chosen.sort_values(["size", "constraint"], ascending=[False, True])
    chosen["rank"] = chosen.groupby(["kind", "resource"]).cumcount()
    chosen["order"] = chosen["kind"].map({kind: n for n, kind in enumerate(SUMMARY_KINDS)})
    chosen = chosen.sort_values(["rank", "order", "size"], ascending=[True, True, False], kind="stable").head(most)
    position = {name: i for i, name in enumerate(allocation.model.row_names())}
    before = allocation.objective(solve(allocation.model.relaxed(), "scipy").x)
    told = [one_more(allocation, position[str(name)], before) for name in chosen["constraint"]]
    out = [text for change, text in sorted(told) if abs(change) > NO_PRICE]
    effort = prices[prices["kind"] == "effort"].sort_values(["dual", "constraint"])
    effort = effort.drop_duplicates("resource").head(places)
    return out + [str(text) for text in effort["words"]]


def one_more(allocation: AllocationModel, row: int, before: float | None = None) -> tuple[float, str]:
    """Change of the weighted harm when a limit is widened by one unit (a post, a person, EUR 1 million), in words.

    Solved again rather than read from a dual; whole-number conditions are left out.
    """
    model = allocation.model.relaxed()
    block, label, rhs = locate(model, row)
    kind = words.KINDS[block.name]
    step = kind.gives * kind.factor
    low, high = model.row_lower.copy(), model.row_upper.copy()
    low[row], high[row] = low[row] + step, high[row] + step
    if before is None:
        before = allocation.objective(solve(model, "scipy").x)
    change = allocation.objective(solve(replace(model, row_lower=low, row_upper=high), "scipy").x) - before
    change = 0.0 if abs(change) < 1e-6 * (1.0 + abs(before)) else change
    return change, words.price(allocation.problem, block, label, rhs, change / step)[2]


def _reduced_costs(allocation: AllocationModel, solution: Solution) -> pd.DataFrame:
    """What an additional unit of staff would cost where none is sent (its price in posts, money and room)."""
    model, p = allocation.model, allocation.problem
    block = model.column_block("staff")
    dust = max(NO_PRICE, float(np.abs(allocation.tie_break).max(initial=0.0)) * model.objective_unit * 2)
    frame = model.frame(block, solution.reduced_cost, "points")
    frame = frame[(solution.x[block.indices] <= NO_PRICE) & (frame["points"] > dust)].reset_index(drop=True)
    frame["words"] = [words.entry(p, r, i, q, c) for r, i, q, c in frame.itertuples(index=False)]
    return frame


def _slack(allocation: AllocationModel, solution: Solution) -> pd.DataFrame:
    model = allocation.model
    activity = model.matrix @ solution.x
    names = model.row_names()
    rows = []
    for block in model.rows:
        if block.relax_weight <= 0 or block.name in ("ramp_up", "ramp_down", "stay_least", "stay_most"):
            continue
        for n, label in enumerate(block.labels):
            i = block.start + n
            lower = bool(np.isfinite(model.row_lower[i]))
            rhs = float(model.row_lower[i] if lower else model.row_upper[i])
            parts = dict(zip(block.axes, label, strict=True))
            room = float(activity[i]) - rhs if lower else rhs - float(activity[i])
            rows.append((names[i], block.name, parts.get("place", ""), parts.get("resource", ""),
                         parts.get("quarter", parts.get("year", "")), rhs, float(activity[i]), max(0.0, room)))
    return pd.DataFrame(rows, columns=["constraint", "kind", "place", "resource", "quarter", "limit", "used", "slack"])


def _compare(
    allocation: AllocationModel, solution: Solution, effects: EffectCurves, employed: Any,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    p = allocation.problem
    made = {"pro_rata": by_share(allocation, _population_share(p)),
            "proportional": by_share(allocation, _work_share(p, effects)), "greedy": greedy(allocation)}
    rows = [("plan", *value_of(p, allocation.staff(solution.x), employed).values())]
    rows += [(name, *value_of(p, staff).values()) for name, staff in made.items()]
    return ({name: staff_frame(p, staff) for name, staff in made.items()},
            pd.DataFrame(rows, columns=["rule", "avoided", "eur", "objective"]))


def _population_share(problem: AllocationProblem) -> Any:
    from ..scenarios import world

    people = world().member_states.set_index("member_state")["population"].reindex(list(problem.places))
    if people.isna().any():
        return np.full(len(problem.places), 1.0 / len(problem.places))
    return (people / people.sum()).to_numpy(dtype=np.float64)


def _work_share(problem: AllocationProblem, effects: EffectCurves) -> Any:
    """Shares of the places in the measured work of each resource type (R, P)."""
    shares = np.full((len(problem.resources), len(problem.places)), 1.0 / len(problem.places))
    column = "total" if "total" in effects.work.columns else "share"
    for r, resource in enumerate(problem.resources):
        own = effects.work[effects.work["resource"] == resource].set_index("place")[column]
        amount = own.reindex(list(problem.places)).fillna(0.0).to_numpy(dtype=np.float64)
        if amount.sum() > 0:
            shares[r] = amount / amount.sum()
    return shares
