"""Make a plan: measure, build, solve, verify, and put prices and limits into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import words
from .allocation import (
    ROWS,
    AllocationModel,
    build,
    euros_per_unit,
    in_teams,
    labelled,
    staff_table,
    value_of,
)
from .effects import EffectCurves, measure_effects
from .from_scenario import problem_from
from .infeasibility import Conflict, explain, locate
from .linear_model import Floats
from .prices import limit_prices, widened
from .problem import AllocationProblem
from .rules import by_share, greedy
from .solving import SOLVERS, TOLERANCE, Infeasible, Solution, SolverName, rhs_ranges, solve
from .stochastic import Objective, ObjectiveKind, ValueOfInformation
from .uncertainty import Uncertainty, marginal_cost, way, with_scenarios
from .warm_start import WarmStart

if TYPE_CHECKING:
    import pulp
    import xarray as xr

    from ..scenarios import Scenario
    from .adaptive.trust_region import Anticipation
    from .charts import PlanPlots
    from .effect_scenarios import EffectScenarios
    from .evaluation import Evaluation
    from .moves import WhatItTakes
    from .study import Study

PlanSolver = SolverName
PRICE_COLUMNS = (
    "constraint", "kind", "place", "resource", "quarter", "dual", "unit", "limit", "holds_from", "holds_to", "se", "words")
RELAXATION_COLUMNS = ("limit", "kind", "place", "resource", "quarter", "now", "needed", "by", "unit", "words")

NO_PRICE = 1e-9


class InfeasiblePlan(Exception):
    """No allocation keeps every limit.

    Attributes
    ----------
    conflicts : list of str
        Limits that contradict each other, in words: leaving out any one of them would leave a plan.
    relaxation : DataFrame
        The smallest relaxation: columns limit, kind, place, resource, quarter, now, needed, by, unit, words.
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
            told = words.by_quarters(self.relaxation["words"].to_list(), self.relaxation["quarter"].to_list())
            lines += [f"  - {text}" for text in told]
        return "\n".join(lines)


@dataclass(frozen=True)
class Plan:
    """An optimal allocation of additional staff, verified.

    Attributes
    ----------
    allocation : xarray.DataArray
        Additional staff over resource, place and quarter; :attr:`table` has it as a data frame.
    shadow_prices : DataFrame
        One row per limit that has a price: constraint (name), kind, place, resource, quarter, dual (change of the
        weighted harm in points per unit of room; negative is better), unit, limit (right-hand side), holds_from and
        holds_to (range of the right-hand side for which the price holds; NaN where unknown; limits that somebody sets have
        the price of more room, with its exact range), se (standard error of the
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
    rules : dict of DataArray
        Comparison allocations: pro_rata (by population), proportional (by measured work), greedy.
    rule_values : DataFrame
        Points, euros and net points of the plan and of each rule, on the same curves.
    summary : list of str
        The most telling prices in sentences, largest first: limits by solving again with one unit more, then places.
    minimises : Objective
        What the plan minimises; ``objective`` is its value.
    model : AllocationModel
        As solved.
    scenario : Scenario or None
        What was planned for; None for a plan that was made from an :class:`AllocationProblem` alone.
    weights : mapping outcome -> points per unit
    anticipation : Anticipation or None
        How the plan was found, when it reckons with the answer to it.
    """

    allocation: xr.DataArray
    shadow_prices: pd.DataFrame
    reduced_costs: pd.DataFrame
    slack: pd.DataFrame
    objective: float
    expected: dict[str, dict[str, float]]
    status: str
    solver: str
    effects: EffectCurves
    rules: dict[str, xr.DataArray]
    rule_values: pd.DataFrame
    summary: list[str]
    model: AllocationModel = field(repr=False)
    solution: Solution = field(repr=False)
    minimises: Objective = field(default_factory=Objective)
    scenario: Scenario | None = field(default=None, repr=False)
    weights: Mapping[str, float] = field(default_factory=dict, repr=False)
    _uncertainty: Uncertainty | None = field(default=None, repr=False)
    anticipation: Anticipation | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        from .showing import one_line

        return f"<{one_line(self)}>"

    def _repr_html_(self) -> str:
        from .showing import html

        return html(self)

    @cached_property
    def problem(self) -> pulp.LpProblem:
        """The programme in PuLP, as solved: to read, to write as LP or MPS, to extend and solve again (:meth:`resolve`)."""
        from .rendering import to_pulp

        return to_pulp(self.model.model) if self.solution.problem is None else self.solution.problem

    @property
    def gap(self) -> float:
        """How far the plan may be from the best possible, as a share of its objective: rounding, or what a search for whole
        posts left open (``mip_gap``)."""
        return self.solution.gap

    @cached_property
    def table(self) -> pd.DataFrame:
        """The allocation as a data frame resource, place, quarter, staff; rows without staff left out."""
        return staff_table(self.allocation)

    def to_pandas(self) -> pd.DataFrame:
        """The same as :attr:`table`."""
        return self.table

    @property
    def pro_rata(self) -> xr.DataArray:
        """Allocation by population, as near as the limits allow."""
        return self.rules["pro_rata"]

    @property
    def greedy(self) -> xr.DataArray:
        """Allocation by largest marginal effect, without looking back."""
        return self.rules["greedy"]

    @cached_property
    def spending(self) -> pd.DataFrame:
        """Euros by heading and year."""
        p = self.model.problem
        eur = self.model.spending(self.solution.x)
        frame = pd.DataFrame(
            {"heading": np.repeat([p.heading[r] for r in p.resources], len(p.quarters)),
             "year": np.tile(p.years, len(p.resources)), "eur": eur.ravel()})
        return frame.groupby(["heading", "year"])[["eur"]].sum().reset_index()

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """The allocation under scenarios of effects: those it was planned for, or drawn as the scenario says.

        Raises
        ------
        EffectError
            When the effects do not hold the runs from which scenarios could be drawn.
        """
        if self._uncertainty is not None:
            return self._uncertainty
        if self.scenario is None:
            raise ValueError("this plan was made without a scenario file: give scenarios of effects to plan_for")
        allocation = build(self.model.problem) if self.minimises.kind != "expected" else self.model
        return with_scenarios(allocation, _drawn(self.scenario, self.effects), self._weights, self.scenario.parameters())

    @property
    def _weights(self) -> dict[str, float]:
        assert self.scenario is not None
        return {name: weight.weight for name, weight in self.scenario.outcomes.items()}

    def risks(self, *, regret: bool = False) -> pd.DataFrame:
        """What the plan and the comparison rules risk over the scenarios of effects.

        Parameters
        ----------
        regret : bool
            Also the largest regret, which needs the best plan of every scenario (some seconds).

        Returns
        -------
        DataFrame
            Columns placement, expected, cvar, worst (and largest_regret), in points of weighted harm; less is better.
        """
        u = self.uncertainty
        level = self.minimises.level if self.scenario is None else self.scenario.plan.level
        losses = {"plan": u.losses(self.solution.x)}
        losses |= {name: u.losses_of(np.asarray(staff)) for name, staff in self.rules.items()}
        return u.risks(losses, level, regret=regret)

    @property
    def information(self) -> ValueOfInformation:
        """Value of perfect information (EVPI) and of the stochastic solution (VSS), in points."""
        return self.uncertainty.information

    def under_each_objective(self) -> dict[str, xr.DataArray]:
        """The best allocations for expected value, CVaR, regret and budgeted robustness, by the objective's name.

        Levels and budgets as ``plan`` in the scenario sets them; regret takes some seconds.
        """
        kinds: tuple[ObjectiveKind, ...] = ("expected", "cvar", "regret", "robust")
        goals = [replace(self.minimises, kind=kind) for kind in kinds]
        if self.scenario is not None:
            goals = [objective_of(self.scenario, kind) for kind in kinds]
        known = {str(self.minimises): self.allocation}
        out: dict[str, xr.DataArray] = {goal.kind: known[str(goal)] for goal in goals if str(goal) in known}
        out |= self.uncertainty.placements([goal for goal in goals if goal.kind not in out])
        return {kind: out[kind] for kind in kinds}

    def evaluate(
        self, others: Mapping[str, Any] | None = None, *, objectives: bool = True, replicates: int = 8,
        workers: int | None = None, progress: bool = True,
    ) -> Evaluation:
        """Value the plan, its comparison rules and other placements by fresh replicates of the model.

        Parameters
        ----------
        others : mapping name -> Plan, DataFrame or DataArray, optional
            Placements of one's own.
        objectives : bool
            The plans of all objectives (:meth:`under_each_objective`) rather than this one alone.
        replicates : int
            Pairs; none of them was used for measuring.

        Returns
        -------
        Evaluation
            Paired differences with intervals, outcome by outcome (:func:`.evaluation.evaluate_plans`).
        """
        from .evaluation import evaluate_plans

        if self.scenario is None:
            raise ValueError("this plan was made without a scenario file: use evaluate_plans with one")
        plans = self.under_each_objective() if objectives else {"plan": self.allocation}
        placements = {**plans, "pro_rata": self.pro_rata, "greedy": self.greedy, **(others or {})}
        return evaluate_plans(self.scenario, placements, replicates=replicates, workers=workers, progress=progress)

    def frontier(self, first: str = "deaths", second: str = "cost_eur", points: int = 11) -> pd.DataFrame:
        """How much of one outcome has to be given up for another, within the plan's limits.

        Parameters
        ----------
        first, second : str
            Outcomes with measured effects, ``cost_eur``, or ``weighted_harm`` (the plan's own weighting of all but cost).
            Each is made as low as it can be, or as high where more is better.
        points : int
            Points at equal steps of the second outcome, both ends included; fewer where the ends fall together.

        Returns
        -------
        DataFrame
            From the best for `first` to the best for `second`: columns point, `first` and `second` (change against no
            additional staff, over the horizon), objective (weighted harm at the measured effects, there), staff_quarters, exchange (change
            of `first` per unit of `second`, or per EUR 1 million, since the point before) and words.  Every point is an exact optimum: the first
            outcome is best given the second.  Whole-number conditions are left out.

        Raises
        ------
        FrontierError
            For an outcome that was not measured, for one outcome twice, and where staff has no effect on one.
        """
        from .frontier import frontier

        own = any(block.name.startswith("own") for block in (*self.model.model.rows, *self.model.model.columns))
        # rows that other objectives add hold whatever is decided, and cost the simplex method minutes
        allocation = self.model if own or self.minimises.kind == "expected" else build(self.model.problem)
        return frontier(allocation, self.effects, dict(self.weights), first, second, points)

    def marginal_values(self) -> pd.DataFrame:
        """What a million euros, a post, and a month earlier are worth, each by solving again.

        Returns
        -------
        DataFrame
            Columns what (euro, post, month, quarter), name (budget heading or resource type), change (of the objective in
            points, per unit; negative is better), unit, words.  A million euros is split over the years as the budget is; a
            post is there from the type's first quarter on; a month (quarter) earlier lets a third of (all) the posts that can
            be filled in a quarter be filled in the quarter before the first.  Whole-number conditions are left out.
        """
        from .moves import marginal_values

        return marginal_values(self.model)

    def what_would_it_take(self, resource: str, place: str, amount: float = 1.0) -> WhatItTakes:
        """What would have to change for a place to receive staff of a type, for at least one quarter.

        Parameters
        ----------
        resource, place : str
            As in the scenario: ``"analyst"``, ``"MLT"``.
        amount : float
            How many.

        Returns
        -------
        WhatItTakes
            The smallest change of its effect (or cost), the limits that would have to move instead and how far, or the
            limits that forbid it; ``print()`` tells it in words.

        Raises
        ------
        MoveError
            For a type or place that the plan does not have, or a type that cannot be sent there.
        """
        from .moves import what_would_it_take

        return what_would_it_take(self.model, resource, place, amount)

    def study(
        self, *, in_the_model: bool = True, units: float = 1.0, replicates: int | None = None, workers: int | None = None,
        progress: bool = True,
    ) -> Study:
        """Everything a planner asks once there is a plan, in tables and sentences: ``print(plan.study())``.

        What more money, posts and time would bring, and the same in the model; who lacks how much to receive staff; deaths
        against public cost; what the plan risks and what knowing more is worth; the plans of all objectives in fresh replicates.

        Parameters
        ----------
        in_the_model : bool
            Also what needs runs of the model: some fifteen a replicate.
        units : float
            Units by which each limit moves there.
        replicates : int, optional
            By default the scenario's.

        Returns
        -------
        Study
        """
        from .study import study

        return study(self, in_the_model=in_the_model, units=units, replicates=replicates, workers=workers, progress=progress)

    def simulated_prices(
        self, *, units: float = 1.0, most: int = 6, what: Sequence[str] = ("euro", "post", "month"), replicates: int = 8,
        workers: int | None = None, progress: bool = True,
    ) -> pd.DataFrame:
        """The main prices beside what one more unit does in the model.

        The programme is solved again with each limit moved, and both placements of staff are simulated in the same fresh
        replicates.

        Parameters
        ----------
        units : float
            How many units each limit moves: the effect of one post seldom stands out of the noise.
        most : int
            How many prices, the largest of each kind first.
        what : sequence of str
            Kinds, as in :meth:`marginal_values`.
        replicates : int
            Pairs; none of them was used for measuring.

        Returns
        -------
        DataFrame
            Columns what, name, units, priced (points by the programme), simulated (mean paired difference of the weighted
            harm), low, high (95 % interval), replicates, words.
        """
        from .moves import simulated_prices

        if self.scenario is None:
            raise ValueError("this plan was made without a scenario file: there is nothing to simulate")
        return simulated_prices(self.model, self.scenario, units=units, most=most, what=what, replicates=replicates,
                                workers=workers, progress=progress)

    @property
    def plot(self) -> PlanPlots:
        """Charts: ``plan.plot.allocation()``, ``plan.plot.shadow_prices()``, ``plan.plot.frontier()``."""
        from .charts import PlanPlots

        return PlanPlots(self)

    def write(self, path: str | Path) -> Path:
        """Write the linear programme as an LP or MPS file, by the ending of `path`."""
        from .rendering import write

        return write(self.model.model, path)

    def variables(self, kind: str = "staff", **labels: str) -> list[pulp.LpVariable]:
        """Variables of :attr:`problem`, for rows of one's own.

        Parameters
        ----------
        kind : str
            As in docs/optimiser.md: staff, employed, joined, added, ...
        labels
            Which ones, by axis: ``resource="analyst"``, ``place="MLT"``, ``quarter="2026Q1"``.

        Raises
        ------
        KeyError
            For a kind, an axis or a label that the programme does not have.
        """
        model = self.model.model
        block = model.column_block(kind)
        for axis, label in labels.items():
            if axis not in block.axes:
                raise KeyError(f"{kind} has no axis {axis!r}; it has {', '.join(block.axes)}")
            if not any(label == own[block.axes.index(axis)] for own in block.labels):
                raise KeyError(f"{kind} has no {axis} {label!r}")
        by_name = self.problem.variablesDict()
        return [by_name[name] for name, own in zip(model.column_names()[block.start:block.stop], block.labels, strict=True)
                if all(own[block.axes.index(axis)] == label for axis, label in labels.items())]

    def resolve(self, solver: PlanSolver = "highs") -> Plan:
        """Solve :attr:`problem` again with whatever was added to it, and verify and read the answer like any other.

        Rows and variables may be added, bounds and the objective changed.  The comparison rules keep rows of one's own,
        too, unless the plan is one under uncertainty.

        Raises
        ------
        InfeasiblePlan
            When the limits and one's own rows contradict each other.
        ValueError
            When a variable of the programme is gone from the problem.

        Examples
        --------
        >>> problem = plan.problem  # doctest: +SKIP
        >>> problem += pulp.lpSum(plan.variables("staff", place="MLT")) >= 4, "Malta"  # doctest: +SKIP
        >>> again = plan.resolve()  # doctest: +SKIP
        """
        from .extending import extended

        own = extended(self.model, self.problem)
        try:
            solution = solve(own.model, solver)
        except Infeasible:
            raise _infeasible(own) from None
        if self.minimises.kind == "expected":
            made = read_plan(own, own, solution, self.effects, self.weights, self.minimises, self._uncertainty)
        else:
            made = read_plan(build(self.model.problem), own, solution, self.effects, self.weights, self.minimises, self._uncertainty)
        return replace(made, scenario=self.scenario)


def optimise(
    scenario: Scenario, *, solver: PlanSolver = "highs", effects: EffectCurves | None = None,
    workers: int | None = None, progress: bool = True, objective: ObjectiveKind | Objective | None = None,
    scenarios: EffectScenarios | None = None, time_limit: float | None = None, mip_gap: float = TOLERANCE,
) -> Plan:
    """Find where a scenario's additional staff avoids most weighted harm.

    Parameters
    ----------
    scenario : Scenario
        Posts, budgets, hosts and rules in ``resources``, weights in ``outcomes``.
    solver : {"highs", "cbc", "scipy"}
        HiGHS or CBC through PuLP, or the same arrays through SciPy's HiGHS, which HiGHS gives way to by itself for large sets
        of scenarios (``plan.solver`` says which it was); every answer is verified.
    effects : EffectCurves, optional
        Measured in the model when not given (cached by scenario and source code).
    workers, progress
        For measuring.
    objective : {"expected", "cvar", "regret", "robust"} or Objective, optional
        What to minimise when effects are uncertain; by default, and for what a name leaves open, as ``plan`` in the scenario
        says.
    scenarios : EffectScenarios, optional
        Scenarios of effects; drawn as ``plan`` in the scenario says when they are needed and not given.
    time_limit : float, optional
        Seconds for solving, measuring apart.
    mip_gap : float
        Whole posts: relative distance from the best possible at which the search may stop (``plan.gap``: what was proved).

    Returns
    -------
    Plan

    Raises
    ------
    InfeasiblePlan
        With the conflicting limits and the smallest relaxation.
    StoppedEarly
        When the time limit was reached first; it says how far the search had come.
    SolveError
        When the solver's answer does not pass the check.

    Notes
    -----
    The plan is static: effects are as measured at today's allocation.  docs/optimiser.md has the programme in full.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver must be 'highs', 'cbc' or 'scipy', not {solver!r}")
    measured = effects if effects is not None else None
    if measured is None:
        check_limits(scenario)
        measured = measure_effects(scenario, workers, progress)
    problem = problem_from(scenario, measured)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    goal = objective if isinstance(objective, Objective) else objective_of(scenario, objective)
    if scenarios is None and goal.kind != "expected":
        scenarios = _drawn(scenario, measured, workers, progress)
    plan = plan_for(problem, measured, weights, solver, goal, scenarios, scenario.parameters(), time_limit, mip_gap)
    return replace(plan, scenario=scenario)


def objective_of(scenario: Scenario, kind: ObjectiveKind | None = None) -> Objective:
    """The objective that ``plan`` in a scenario sets, perhaps of another kind."""
    given = scenario.plan
    return Objective(kind or given.objective, level=given.level, weight=given.weight, budget=given.gamma)


def _drawn(
    scenario: Scenario, effects: EffectCurves, workers: int | None = None, progress: bool = True,
) -> EffectScenarios:
    from .effect_scenarios import draw_scenarios

    return draw_scenarios(scenario, effects, scenario.plan.scenarios, scenario.plan.source, workers, progress)


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
    objective: Objective | None = None, scenarios: EffectScenarios | None = None,
    params: Mapping[str, float] | None = None, time_limit: float | None = None, mip_gap: float = TOLERANCE,
) -> Plan:
    """Solve an allocation problem and read the answer (see :func:`optimise`).

    `scenarios` of effects and the scenario's parameters are needed for objectives other than the expected value.
    """
    goal = objective or Objective()
    measured = build(problem)
    uncertain = None
    if scenarios is not None and params is not None:
        uncertain = with_scenarios(measured, scenarios, weights, params)
    elif goal.kind != "expected":
        raise ValueError(f"{goal} needs scenarios of effects and the scenario's parameters")
    try:
        allocation = measured if uncertain is None else uncertain.model_for(goal)
        solution = solve(allocation.model, way(allocation.model, solver, goal), time_limit=time_limit, mip_gap=mip_gap)
    except Infeasible:
        raise _infeasible(measured) from None
    return read_plan(measured, allocation, solution, effects, weights, goal, uncertain)


def read_plan(
    measured: AllocationModel, allocation: AllocationModel, solution: Solution, effects: EffectCurves,
    weights: Mapping[str, float], goal: Objective, uncertain: Uncertainty | None = None,
) -> Plan:
    """A plan from a verified solution of `allocation`; the comparison rules keep the limits of `measured`."""
    problem = allocation.problem
    staff = allocation.staff(solution.x)
    working = staff_table(labelled(problem, in_teams(problem, staff)))
    employed = allocation.values("employed", solution.x)
    lengths = dict(zip(problem.quarters, problem.quarter_years.tolist(), strict=True))
    expected = effects.expected(working, lengths, weights)
    euros = float(allocation.spending(solution.x).sum())
    expected["cost_eur"] = {"change": euros, "se": 0.0}
    prices = _prices(allocation, solution, _place_errors(problem, effects, weights))
    rules, values = _compare(measured, solution, effects, employed)
    caution = [effects.caution(weights, float(len(problem.quarters)))] if len(effects.cells) else []
    return Plan(
        allocation=labelled(problem, staff), shadow_prices=prices, reduced_costs=_reduced_costs(allocation, solution),
        slack=_slack(allocation, solution), objective=allocation.objective(solution.x), expected=expected,
        status="optimal", solver=solution.solver, effects=effects, rules=rules,
        rule_values=values, summary=[*_summary(allocation, prices), *_aim(goal, uncertain), *caution], model=allocation,
        solution=solution, minimises=goal, weights=dict(weights), _uncertainty=uncertain)


def _aim(objective: Objective, uncertain: Uncertainty | None) -> list[str]:
    """What was minimised, when it is not simply the expected value."""
    if objective.kind == "expected" or uncertain is None:
        return []
    return [f"This plan minimises, and its prices count, not the mean but: {objective} ({uncertain.scenarios.source})."]


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
        factor = euros_per_unit(problem, block.name)
        rows.append((words.limit(problem, block, label, rhs), block.name, parts.get("place", ""),
                     parts.get("resource", ""), parts.get("quarter", parts.get("year", "")), rhs * factor,
                     (rhs - by if lower else rhs + by) * factor, by * factor, ROWS[block.name].unit,
                     words.giving_way(problem, block, label, rhs, by, lower)))
    return pd.DataFrame(rows, columns=list(RELAXATION_COLUMNS))


def _place_errors(
    problem: AllocationProblem, effects: EffectCurves, weights: Mapping[str, float],
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
    exact = limit_prices(allocation, solution)
    lengths = dict(zip(p.quarters, (p.quarter_years * 4).tolist(), strict=True))
    rows = []
    for block in model.rows:
        if block.name in words.SILENT or block.name not in ROWS:  # the others belong to the objective
            continue
        for n, label in enumerate(block.labels):
            i = block.start + n
            dual, bottom, top = float(solution.dual[i]), low[i], high[i]
            if i in exact:
                dual, bottom, top = exact[i].dual, exact[i].low, exact[i].high
            elif i in worth:
                dual, bottom, top = worth[i]
            elif top - bottom <= NO_PRICE:  # one basis of several: says nothing about the limit
                bottom = top = np.nan
            if abs(dual) <= dust:
                continue
            rhs = float(model.row_lower[i]) if np.isfinite(model.row_lower[i]) else float(model.row_upper[i])
            parts = dict(zip(block.axes, label, strict=True))
            change, unit, text = words.price(p, block, label, rhs, dual)
            se = np.nan
            if block.name == "effort" and label[:2] in errors:
                se = errors[label[0], label[1]] * lengths[label[2]]
                text = f"{text[:-1]} (standard error of the measured effect {words.number(se)})."
            if i in exact:
                text = f"{text[:-1]} ({words.holds(p, block, bottom, top)})."
            factor = euros_per_unit(p, block.name)
            rows.append((names[i], block.name, parts.get("place", ""), parts.get("resource", ""),
                         parts.get("quarter", parts.get("year", "")), change, unit, rhs * factor, bottom * factor,
                         top * factor, se, text))
    return pd.DataFrame(rows, columns=list(PRICE_COLUMNS))


def _first_worth(allocation: AllocationModel, solution: Solution) -> dict[int, tuple[float, float, float]]:
    """Value of a first member of staff by ``effort`` row, where nobody is sent: the curve's first slope, with its range.

    There the dual is not unique (anything between that slope and what staff is worth elsewhere), and the solver may
    return the wrong end.  An officer's first worth depends on the joint team and is taken as none.
    """
    model, p = allocation.model, allocation.problem
    start = model.row_block("effort").start
    staff, benefit = allocation.index["staff"], allocation.index["benefit"]
    first = np.argmax(p.width > 0, axis=2)
    cost = marginal_cost(allocation, solution, next(
        (block.start for block in model.rows if block.name not in ROWS), model.shape[0]))
    out = {}
    for row, (r, i, t) in enumerate(np.argwhere(staff >= 0).tolist()):  # effort rows stand where staff columns do
        if solution.x[staff[r, i, t]] <= NO_PRICE:
            column = benefit[r, i, t, first[r, i]]
            known = column >= 0 and r not in p.officers
            # whole posts: no ranges
            until = np.nan if model.integer.any() else -float(p.width[r, i, first[r, i]])  # one more at work moves the right-hand side of this row down
            out[start + row] = (-float(cost[column]) if known else 0.0, until, until * 0.0)
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
    again = WarmStart(allocation.model.relaxed())
    before = allocation.objective(again.solve().x)
    told = [one_more(allocation, position[str(name)], before, again) for name in chosen["constraint"]]
    out = [text for change, text in sorted(told) if abs(change) > NO_PRICE]
    effort = prices[prices["kind"] == "effort"].sort_values(["dual", "constraint"])
    effort = effort.drop_duplicates("resource").head(places)
    return out + [str(text) for text in effort["words"]]


def one_more(
    allocation: AllocationModel, row: int, before: float | None = None, again: WarmStart | None = None,
) -> tuple[float, str]:
    """Change of the weighted harm when a limit is widened by one unit (a post, a person, EUR 1 million), in words.

    Solved again rather than read from a dual; whole-number conditions are left out.

    Parameters
    ----------
    before : float, optional
        The objective as things are, when it is known.
    again : WarmStart, optional
        Of the model without whole-number conditions, to go on from.
    """
    solver = again or WarmStart(allocation.model.relaxed())
    block, label, rhs = locate(solver.model, row)
    step = words.step(allocation.problem, block.name)
    if before is None:
        before = allocation.objective(solver.solve().x)
    wider = widened(solver, row, step)
    change = 0.0 if wider is None else allocation.objective(wider.x) - before
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
            factor = euros_per_unit(allocation.problem, block.name)
            rows.append((names[i], block.name, parts.get("place", ""), parts.get("resource", ""),
                         parts.get("quarter", parts.get("year", "")), rhs * factor, float(activity[i]) * factor,
                         max(0.0, room) * factor))
    return pd.DataFrame(rows, columns=["constraint", "kind", "place", "resource", "quarter", "limit", "used", "slack"])


def _compare(
    allocation: AllocationModel, solution: Solution, effects: EffectCurves, employed: Any,
) -> tuple[dict[str, xr.DataArray], pd.DataFrame]:
    p = allocation.problem
    made = {"pro_rata": by_share(allocation, _population_share(p)),
            "proportional": by_share(allocation, _work_share(p, effects)), "greedy": greedy(allocation)}
    rows = [("plan", *value_of(p, allocation.staff(solution.x), employed).values())]
    rows += [(name, *value_of(p, staff).values()) for name, staff in made.items()]
    return ({name: labelled(p, staff) for name, staff in made.items()},
            pd.DataFrame(rows, columns=["rule", "avoided", "eur", "objective"]))


def _population_share(problem: AllocationProblem) -> Floats:
    """Shares of the places (R, P) by population; places of which it is not known (partner countries) alike."""
    from ..scenarios import world

    people = world().member_states.set_index("member_state")["population"].reindex(list(problem.places))
    return _where_sent(problem, np.broadcast_to(people.to_numpy(dtype=np.float64), problem.sites.shape))


def _work_share(problem: AllocationProblem, effects: EffectCurves) -> Floats:
    """Shares of the places in the measured work of each resource type (R, P)."""
    column = "total" if "total" in effects.work.columns else "share"
    work = effects.work.pivot(index="resource", columns="place", values=column)
    return _where_sent(problem, work.reindex(index=list(problem.resources), columns=list(problem.places)).to_numpy(np.float64))


def _where_sent(problem: AllocationProblem, amount: Floats) -> Floats:
    """Shares that sum to one over the places where a type can be sent; all alike where nothing is known of any."""
    known = np.where(problem.sites, np.nan_to_num(amount), 0.0)
    total = known.sum(axis=1, keepdims=True)
    alike = problem.sites / problem.sites.sum(axis=1, keepdims=True)
    return np.where(total > 0, known / np.where(total > 0, total, 1.0), alike)
