"""Solving, with every answer checked.

A solver's word is not taken: PuLP reports ``Optimal`` for a run that a time limit cut off, and some builds
of CBC return wrong duals.  So each answer is checked against the model's own arrays (rows, bounds, whole
numbers, signs and feasibility of the duals, and the gap between the primal and the dual objective) and
what fails the check is a :class:`SolveError`, never a plan.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from . import duals
from .handing_over import hand_over, read_back
from .linear_model import Floats, LinearModel
from .rendering import to_pulp

if TYPE_CHECKING:
    import pulp

SolverName = Literal["highs", "cbc", "scipy"]
SOLVERS: tuple[SolverName, ...] = ("highs", "cbc", "scipy")

TOLERANCE = 1e-6
"""Largest relative violation and gap for HiGHS, directly or in SciPy."""

CBC_TOLERANCE = 100 * 1e-6
"""The same for CBC, which hands over eight digits in a text file."""

BEYOND = float(10**30)
"""What solvers write for an objective that they do not know."""

INTERIOR_POINT_FROM = 40_000
"""Columns from which the interior point method (with crossover) is asked for instead of the simplex method: where the two
take about as long (docs/benchmarks.md)."""


class SolveError(RuntimeError):
    """No verified optimum: the solver stopped early, failed, or its answer did not pass the check."""


class StoppedEarly(SolveError):
    """A limit was reached before an optimum was proved: what was found until then is no plan.

    Attributes
    ----------
    best, bound : float
        Objective of the best point found, and what no point can be below, in reported units; NaN where the solver
        tells nothing (no point yet, or CBC, which hands over no bound).
    gap : float
        ``(best - bound) / |best|``; NaN where one of them is.
    """

    def __init__(self, message: str, best: float = float("nan"), bound: float = float("nan")) -> None:
        self.best, self.bound = best, bound
        self.gap = (best - bound) / abs(best) if best else float("nan")
        super().__init__(message)


class Infeasible(SolveError):
    """No point satisfies all rows and bounds (confirmed by a second solve)."""


class Unbounded(SolveError):
    """The objective falls without end."""


@dataclass(frozen=True)
class Certificate:
    """What the check of an answer found; all figures relative to the size of the terms involved.

    Attributes
    ----------
    rows, bounds : float
        Largest violation of a row and of a bound.
    whole : float
        Largest distance of an integer column from a whole number.
    dual : float
        Largest dual infeasibility (a price on a limit that does not exist, or of the wrong sign).
    gap : float
        ``|primal - bound| / (1 + |primal|)``.
    tolerance : float
        What each was held against.
    """

    rows: float
    bounds: float
    whole: float
    dual: float
    gap: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every figure is within the tolerance (a figure that is not a number is not)."""
        worst = (self.rows, self.bounds, self.whole, self.dual, self.gap)
        return all(np.isfinite(value) and value <= self.tolerance for value in worst)

    def __str__(self) -> str:
        return (f"rows {self.rows:.1e}, bounds {self.bounds:.1e}, whole numbers {self.whole:.1e}, "
                f"duals {self.dual:.1e}, gap {self.gap:.1e} (allowed {self.tolerance:.0e})")


@dataclass(frozen=True)
class Solution:
    """A verified optimum.

    Attributes
    ----------
    x : array (n,)
        Column values.
    dual, reduced_cost : arrays (m,), (n,)
        In reported objective units per unit of the row or column, signs as in :mod:`.duals`.  For a model
        with integer columns: of the linear programme in which these are fixed at their values.
    objective : float
        In reported units.
    bound : float
        Proved lower bound on the objective, in reported units.
    certificate : Certificate
        Outcome of the check.
    solver : str
        Solver and algorithm.
    seconds : float
        Wall-clock time of building and solving.
    problem : pulp.LpProblem or None
        The rendered problem as solved.
    """

    model: LinearModel
    x: Floats
    dual: Floats
    reduced_cost: Floats
    objective: float
    bound: float
    certificate: Certificate
    solver: str
    seconds: float
    problem: pulp.LpProblem | None = None

    @property
    def gap(self) -> float:
        """How far the objective may be from the best possible, as a share of it: ``(objective - bound) / |objective|``.

        Rounding for a linear programme; for whole numbers what the search proved (CBC: what it was asked for).
        """
        return max(0.0, self.objective - self.bound) / abs(self.objective) if self.objective else 0.0


def primal_violation(model: LinearModel, x: Floats) -> tuple[float, float, float]:
    """Largest relative violation of rows, of bounds and of whole numbers at `x`."""
    activity = model.matrix @ x
    terms = 1.0 + abs(model.matrix) @ np.abs(x)
    rows = np.maximum(model.row_lower - activity, activity - model.row_upper) / terms
    bounds = np.maximum(model.lower - x, x - model.upper) / (1.0 + np.abs(x))
    whole = np.abs(x - np.round(x))[model.integer] / (1.0 + np.abs(x[model.integer]))
    worst = tuple(float(np.max(v, initial=0.0)) for v in (rows, bounds, whole))
    return worst[0], worst[1], worst[2]


def verify(
    model: LinearModel, x: Floats, dual: Floats, tolerance: float = TOLERANCE, *, bound: float | None = None,
) -> Certificate:
    """Check an answer against the arrays of `model` alone.

    Parameters
    ----------
    x : array (n,)
        Column values.
    dual : array (m,)
        Row duals in the model's unit.
    bound : float, optional
        A lower bound in the model's unit that replaces the dual objective (for whole-number models, whose
        duals do not prove optimality).

    Returns
    -------
    Certificate
        Look at ``passed``.
    """
    if x.shape != model.cost.shape or dual.shape != model.row_lower.shape:
        raise ValueError("the answer's shape is not the model's")
    if not (np.isfinite(x).all() and np.isfinite(dual).all()):
        return Certificate(np.inf, np.inf, np.inf, np.inf, np.inf, tolerance)
    rows, bounds, whole = primal_violation(model, x)
    primal = float(model.cost @ x)
    if bound is None:
        lower, dual_violation = duals.dual_objective(model, dual)
        gap = abs(primal - lower) / (1.0 + abs(primal))
    else:
        dual_violation = 0.0
        gap = max(0.0, primal - bound) / (1.0 + abs(primal))
    return Certificate(rows, bounds, whole, dual_violation, gap, tolerance)


def solve(
    model: LinearModel, solver: SolverName = "highs", *, time_limit: float | None = None,
    mip_gap: float = TOLERANCE, interior_point: bool | None = None,
) -> Solution:
    """Solve and verify.

    Parameters
    ----------
    solver : {"highs", "cbc", "scipy"}
        HiGHS through PuLP, CBC through PuLP, or SciPy's HiGHS on the arrays (the fast path: no PuLP problem).
    time_limit : float, optional
        Seconds.  Reaching it is an error.
    mip_gap : float
        Relative gap at which a whole-number search may stop; :attr:`Solution.gap` says what was proved.
    interior_point : bool, optional
        Interior point with crossover rather than the simplex method; by size when not given.

    Raises
    ------
    Infeasible, Unbounded
        As named.
    StoppedEarly
        When the time limit was reached first.
    SolveError
        When no optimum was proved otherwise or the answer fails the check.
    KeyboardInterrupt
        Interrupted: HiGHS through PuLP and CBC stop at once, SciPy ends its run first.
    """
    if solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)}, not {solver!r}")
    begun = time.perf_counter()
    if interior_point is None:
        interior_point = model.shape[1] >= INTERIOR_POINT_FROM
    tolerance = CBC_TOLERANCE if solver == "cbc" else TOLERANCE
    problem: pulp.LpProblem | None = None
    bound: float | None = None
    if model.integer.any():
        tolerance = max(tolerance, mip_gap)
        x, bound, problem = _solve_whole(model, solver, time_limit, mip_gap)
        fixed = np.where(model.integer, np.round(x), x)
        inner = replace(
            model.relaxed(), lower=np.where(model.integer, fixed, model.lower),
            upper=np.where(model.integer, fixed, model.upper))
        priced = solve(inner, solver, time_limit=time_limit, interior_point=interior_point)
        x, dual, how = priced.x, priced.dual / model.objective_unit, priced.solver + " after branch and bound"
    elif solver == "scipy":
        x, dual = _solve_scipy(model, time_limit, interior_point)
        how = "SciPy HiGHS " + ("interior point" if interior_point else "dual simplex")
    else:
        problem = to_pulp(model)
        x, dual = _solve_pulp(model, problem, solver, time_limit, interior_point)
        how = ("HiGHS " if solver == "highs" else "CBC ") + ("interior point" if interior_point else "simplex")
    certificate = verify(model, x, dual, tolerance, bound=bound)
    if not certificate.passed:
        raise SolveError(f"{how}: the answer does not pass the check: {certificate}")
    lower = duals.dual_objective(model, dual)[0] if bound is None else bound
    return Solution(
        model=model, x=x, dual=dual * model.objective_unit,
        reduced_cost=duals.reduced_costs(model, dual) * model.objective_unit,
        objective=model.objective(x), bound=lower * model.objective_unit, certificate=certificate, solver=how,
        seconds=time.perf_counter() - begun, problem=problem)


def is_feasible(model: LinearModel) -> bool:
    """Whether any point satisfies all rows, bounds and whole-number conditions (by SciPy's HiGHS).

    Raises
    ------
    SolveError
        When the solver cannot tell.
    """
    result = _linprog(replace(model, cost=np.zeros_like(model.cost)), None, False, bool(model.integer.any()))
    if result.status == 0:
        return True
    if result.status == 2:
        return False
    raise SolveError(f"feasibility could not be decided: {result.message}")


def _linprog(
    model: LinearModel, time_limit: float | None, interior_point: bool, whole: bool, mip_gap: float = TOLERANCE,
) -> Any:
    from scipy import optimize

    linprog: Any = optimize.linprog  # the stubs of SciPy do not know sparse matrices here
    equal = model.row_lower == model.row_upper
    flipped = ~equal & np.isfinite(model.row_lower)
    sign = np.where(flipped, -1.0, 1.0)
    matrix = model.matrix
    if flipped.any():
        signed = matrix.data * np.repeat(sign, np.diff(matrix.indptr))
        matrix = sparse.csr_array((signed, matrix.indices, matrix.indptr), shape=matrix.shape)
    rhs = np.where(flipped, -model.row_lower, model.row_upper)
    options: dict[str, Any] = {} if time_limit is None else {"time_limit": time_limit}
    if whole:
        options["mip_rel_gap"] = mip_gap  # SciPy's own is a hundred times what the check allows
    method = "highs" if whole else ("highs-ipm" if interior_point else "highs-ds")
    return linprog(
        model.cost, A_ub=matrix[~equal] if (~equal).any() else None, b_ub=rhs[~equal] if (~equal).any() else None,
        A_eq=matrix[equal] if equal.any() else None, b_eq=rhs[equal] if equal.any() else None,
        bounds=np.column_stack([model.lower, model.upper]), method=method, options=options,
        integrality=model.integer.astype(np.int64) if whole else None)


def _solve_scipy(model: LinearModel, time_limit: float | None, interior_point: bool) -> tuple[Floats, Floats]:
    result = _linprog(model, time_limit, interior_point, False)
    if result.status != 0 or result.x is None:
        _raise(model, {1: "limit", 2: "infeasible", 3: "unbounded"}.get(result.status, "failed"), "SciPy HiGHS",
               time_limit)
    equal = model.row_lower == model.row_upper
    flipped = ~equal & np.isfinite(model.row_lower)
    none = np.zeros(0)
    dual = duals.from_scipy(
        np.asarray(result.ineqlin.marginals) if (~equal).any() else none,
        np.asarray(result.eqlin.marginals) if equal.any() else none, equal, flipped)
    return np.asarray(result.x, dtype=np.float64), dual


def _solve_pulp(
    model: LinearModel, problem: pulp.LpProblem, solver: SolverName, time_limit: float | None, interior_point: bool,
) -> tuple[Floats, Floats]:
    _run_pulp(model, problem, _pulp_solver(solver, time_limit, interior_point, None), solver, time_limit)
    answer = getattr(problem, "answer", None)
    if answer is not None:
        return answer.x, answer.dual
    x = _values(model, problem)
    return x, duals.from_pulp(problem, "cbc" if solver == "cbc" else "highs")


def _values(model: LinearModel, problem: pulp.LpProblem) -> Floats:
    answer = getattr(problem, "answer", None)
    if answer is not None:
        return np.asarray(answer.x, dtype=np.float64)
    values = {variable.name: variable.varValue for variable in problem.variables()}
    return np.array([np.nan if values[name] is None else float(values[name]) for name in model.column_names()])


def _solve_whole(
    model: LinearModel, solver: SolverName, time_limit: float | None, mip_gap: float,
) -> tuple[Floats, float, pulp.LpProblem | None]:
    """Branch and bound: a point, and a lower bound on the objective in the model's unit."""
    if solver == "scipy":
        result = _linprog(model, time_limit, False, True, mip_gap)
        if result.status != 0 or result.x is None:
            _raise(model, {1: "limit", 2: "infeasible", 3: "unbounded"}.get(result.status, "failed"), "SciPy HiGHS",
                   time_limit, (np.nan if result.fun is None else result.fun, result.get("mip_dual_bound")))
        bound = result.get("mip_dual_bound")  # absent when presolve alone found the optimum
        return np.asarray(result.x, dtype=np.float64), float(result.fun if bound is None else bound), None
    problem = to_pulp(model)
    _run_pulp(model, problem, _pulp_solver(solver, time_limit, False, mip_gap), solver, time_limit)
    x = _values(model, problem)
    if solver == "highs":
        bound = float(problem.solverModel.getInfo().mip_dual_bound)
    else:
        # CBC hands over no bound through PuLP: it says that it stopped within the gap asked for.
        value = float(model.cost @ x)
        bound = value - mip_gap * (1.0 + abs(value))
    return x, bound, problem


def _run_pulp(
    model: LinearModel, problem: pulp.LpProblem, runner: Any, solver: SolverName, time_limit: float | None,
) -> None:
    import pulp

    name = "CBC" if solver == "cbc" else "HiGHS"
    try:
        problem.solve(runner)
    except pulp.PulpSolverError as error:
        raise SolveError(f"{name} failed: {error}") from error
    # `status` says Optimal also for a run that a limit cut off; `sol_status` does not.
    if problem.sol_status == pulp.LpSolutionOptimal:
        return
    so_far = _so_far(problem) if solver == "highs" and model.integer.any() else (None, None)
    if problem.sol_status == pulp.LpSolutionIntegerFeasible:
        _raise(model, "limit", name, time_limit, so_far)
    if problem.status == pulp.LpStatusInfeasible:
        _raise(model, "infeasible", name, time_limit)
    if problem.status == pulp.LpStatusUnbounded:
        _raise(model, "unbounded", name, time_limit)
    _raise(model, "limit" if time_limit is not None else "failed", name, time_limit, so_far)


def _so_far(problem: pulp.LpProblem) -> tuple[float, float]:
    """Best objective and proved bound of a whole-number search by HiGHS, in the model's unit; infinite for none."""
    found = problem.solverModel.getInfo()
    return float(found.objective_function_value), float(found.mip_dual_bound)


def _raise(
    model: LinearModel, outcome: str, solver: str, time_limit: float | None,
    so_far: tuple[float | None, float | None] = (None, None),
) -> None:
    if outcome == "limit":
        limit = "a limit" if time_limit is None else f"the time limit of {time_limit:g} s"
        best, bound = (float("nan") if value is None or not abs(value) < BEYOND else float(value) * model.objective_unit
                       for value in so_far)
        known = "" if np.isnan(bound) else f"; nothing is below {bound:.6g}"
        if np.isfinite(best):
            known = f"; the best point found has {best:.6g}{known.replace('; nothing', ', nothing')}"
        stopped = StoppedEarly(f"{solver} stopped at {limit} before an optimum was proved{known}", best, bound)
        if np.isfinite(stopped.gap):
            stopped.args = (f"{stopped.args[0]} (gap {100 * stopped.gap:.2g} %)",)
        raise stopped
    if outcome == "unbounded":
        raise Unbounded(f"{solver}: the objective falls without end")
    if outcome == "infeasible":
        # HiGHS may say "unbounded or infeasible", CBC has false alarms: decide by a solve without objective.
        if not is_feasible(model):
            raise Infeasible("no point satisfies all limits")
        raise Unbounded(f"{solver}: there are feasible points, but no optimum among them")
    raise SolveError(f"{solver} ended without an optimum")


def _pulp_solver(
    solver: SolverName, time_limit: float | None, interior_point: bool, mip_gap: float | None,
) -> Any:
    import pulp

    if solver == "cbc":
        options = ["barrier"] if interior_point else []
        with warnings.catch_warnings():
            # The CBC that PuLP brings, not whichever is found on the machine: later builds return wrong duals.
            warnings.simplefilter("ignore", DeprecationWarning)
            return pulp.PULP_CBC_CMD(msg=False, timeLimit=time_limit, gapRel=mip_gap, options=options)
    # "ipx" and "simplex" by name: "ipm" means HiPO where that is compiled in.  The number of threads is left
    # alone: HiGHS refuses to solve when it differs from what an earlier solve in the same process had.
    settings: dict[str, Any] = {} if mip_gap is not None else {"solver": "ipx" if interior_point else "simplex"}
    return _quiet_highs()(msg=False, timeLimit=time_limit, gapRel=mip_gap, **settings)


@lru_cache(maxsize=1)
def _quiet_highs() -> Any:
    import pulp

    class QuietHighs(pulp.HiGHS):  # type: ignore[misc]
        """PuLP's HiGHS without the banner that HiGHS 1.16 prints on standard output whatever it is told.

        A problem of which there are only the arrays yet is handed over as these, any other as PuLP does it.
        """

        def createAndConfigureSolver(self, lp: Any) -> None:
            with _standard_output_closed():
                super().createAndConfigureSolver(lp)

        def callSolver(self, lp: Any) -> None:
            _interruptible(lp.solverModel)

        def actualSolve(self, lp: Any) -> Any:
            arrays = getattr(lp, "arrays", None)
            if arrays is None:
                return super().actualSolve(lp)
            self.createAndConfigureSolver(lp)
            hand_over(lp.solverModel, arrays)
            self.callSolver(lp)
            lp.answered(*read_back(lp.solverModel))
            status, solution = _outcome(lp.solverModel)
            lp.assignStatus(status, solution)
            return status

    return QuietHighs


def _outcome(engine: Any) -> tuple[int, int]:
    """PuLP's two words for how a run of HiGHS ended: a limit is never called an optimum."""
    import pulp

    named = engine.getModelStatus().name
    if named == "kOptimal":
        return pulp.LpStatusOptimal, pulp.LpSolutionOptimal
    if named in ("kInfeasible", "kUnboundedOrInfeasible"):
        return pulp.LpStatusInfeasible, pulp.LpSolutionInfeasible
    if named == "kUnbounded":
        return pulp.LpStatusUnbounded, pulp.LpSolutionUnbounded
    return pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound


PATIENCE = 1 / 10
"""Seconds between two looks at whether somebody has pressed Ctrl-C."""


def _interruptible(engine: Any) -> None:
    """Run HiGHS so that Ctrl-C stops it: by itself its native code hears of nothing until it ends."""
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        engine.run()
        return
    engine.HandleUserInterrupt = True
    with ThreadPoolExecutor(1) as worker:
        run = worker.submit(engine.run)
        try:
            while not run.done():
                wait([run], timeout=PATIENCE)  # without an end Windows would hear of nothing here either
        except KeyboardInterrupt:
            engine.cancelSolve()
            raise
    run.result()


@contextmanager
def _standard_output_closed() -> Iterator[None]:
    """Send what native code writes on standard output to nowhere, for a moment."""
    sys.stdout.flush()
    try:
        saved = os.dup(1)
    except OSError:  # no standard output at all (a service, a windowed program)
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(nowhere)


def rhs_ranges(solution: Solution) -> tuple[Floats, Floats]:
    """Range of each row's right-hand side over which its dual holds (NaN where the solver cannot tell).

    HiGHS through PuLP only; for a whole-number model, and for other solvers, everything is NaN.
    """
    m = solution.model.shape[0]
    unknown = np.full(m, np.nan), np.full(m, np.nan)
    if solution.problem is None or solution.model.integer.any() or not solution.solver.startswith("HiGHS"):
        return unknown
    engine = solution.problem.solverModel
    if "interior" in solution.solver:
        # Ranging needs the factors of the simplex method: start it from the optimal basis (no iterations).
        engine.setOptionValue("solver", "simplex")
        engine.run()
    answer = engine.getRanging()
    ranging = answer[1] if isinstance(answer, tuple) else answer
    if not ranging.valid:
        return unknown
    low = np.array(ranging.row_bound_dn.value_, dtype=np.float64)
    high = np.array(ranging.row_bound_up.value_, dtype=np.float64)
    return (low, high) if low.size == m else unknown
