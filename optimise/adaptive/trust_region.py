"""A plan that reckons with the answer to it: linear programmes in a trust region, each step kept only on a paired test.

The simulation's weighted harm J(x), smugglers' answer included, is not convex and is seen through noise.  Around the
placement that is held, the fitted response (:mod:`.response`) gives a gradient that contains the answer; the linear programme with all
limits is solved within a region in which that is believed; the step is simulated against what is held, in replicates that
nothing has used before, and kept when the paired difference says so.  The region grows when the response foretold well and shrinks
when not (Conn, Gould and Toint 2000, "Trust-region methods"; linear steps: Fletcher and Sainz de la Maza 1989, Mathematical Programming
43:235-256).  What can be claimed is a point that the method cannot improve, not a global optimum.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..allocation import AllocationModel
from ..linear_model import Floats, LinearModel
from ..solving import Infeasible, solve
from .observing import Simulator
from .paired_tests import PairedTests, Verdict
from .response import Response

if TYPE_CHECKING:
    from ..problem import AllocationProblem

SLACKS = (1e-7, 1e-6, 1e-5)
"""Room around given staff, relative to it: what a solver calls feasible is so within its tolerance only."""
HISTORY_COLUMNS = (
    "step", "kind", "radius", "believed", "measured", "low", "high", "p", "replicates", "kept", "ratio", "gap",
    "moved_staff", "error", "runs", "words")


@dataclass(frozen=True)
class Settings:
    """How a plan is sought.

    Attributes
    ----------
    radius, least_radius : float
        Half-width of the region at first and at the end, as a share of each type's posts.
    steps : int
        Most steps that are tried.
    replicates, most_replicates : int
        Pairs of a first look, and most pairs of a test; each further look doubles them.
    significance : float
        Chance of keeping a step that changes nothing, over all looks of one test.
    tolerance : float
        A believed improvement, or a Frank-Wolfe gap, below this share of what is at stake ends the search.
    inner : int
        Most linear programmes within one step.
    """

    radius: float = 0.25
    least_radius: float = 0.02
    steps: int = 8
    replicates: int = 8
    most_replicates: int = 32
    significance: float = 0.05
    tolerance: float = 0.01
    inner: int = 20


@dataclass(frozen=True)
class Anticipation:
    """What was found, and the way to it.

    Attributes
    ----------
    staff : array (R, P, T)
        The placement held at the end.
    started_from : str
        Which of the starting placements it grew from.
    history : DataFrame
        One row a step and a start: what was believed (points), what was measured (with its 95 % interval), whether it was kept, the
        ratio of the two, the Frank-Wolfe gap (points that the linearised programme promises over all placements), and
        the response's error then.
    response : Response
        As fitted at the end.
    stopped_because : str
    gap : float
        At the end, in points.
    runs : int
        Runs of the simulation that were asked for.
    """

    staff: Floats
    started_from: str
    history: pd.DataFrame
    response: Response
    stopped_because: str
    gap: float
    runs: int = 0


# ------------------------------------------------------------------------------------------------ the programme


class Surrogate:
    """Weighted harm as the response and the measured curves foretell it, over the columns of an allocation model.

    Parameters
    ----------
    allocation : AllocationModel
        With curves for what does not go by way of the fronts.
    response : Response
    weights : mapping outcome -> points per unit
    """

    def __init__(self, allocation: AllocationModel, response: Response, weights: Mapping[str, float]) -> None:
        self.allocation, self.response, self.weights = allocation, response, weights
        self.model = allocation.model.relaxed()
        index = allocation.index["staff"]
        self._there = index >= 0
        self._columns = index[self._there]
        self._lengths = np.asarray(allocation.problem.quarter_years) * 4

    @property
    def problem(self) -> AllocationProblem:
        """What is planned."""
        return self.allocation.problem

    def by_fronts(self, staff: Floats) -> float:
        """Points by way of the fronts over the horizon."""
        by_quarter = self.response.harm(np.moveaxis(staff, 2, 0), self.weights)
        return float((by_quarter * self._lengths).sum())

    def value(self, x: Floats) -> float:
        """Points of column values."""
        return self.allocation.objective(x) + self.by_fronts(self.allocation.staff(x))

    def linearised(self, staff: Floats) -> Floats:
        """Costs of all columns with the response's gradient at `staff` added, in the model's unit."""
        slope = np.stack([self.response.gradient(staff[:, :, t], self.weights) * self._lengths[t]
                          for t in range(staff.shape[2])], axis=2)
        cost = np.array(self.model.cost)
        cost[self._columns] += slope[self._there] / self.model.objective_unit
        return cost

    def completed(self, staff: Floats) -> Floats:
        """Column values with this staff, and the best of everything else.

        Raises
        ------
        Infeasible
            When the staff breaks a limit.
        """
        for slack in SLACKS:
            with contextlib.suppress(Infeasible):
                return self._best(self.model.cost, staff - slack * (1.0 + staff), staff + slack * (1.0 + staff))
        raise Infeasible("the placement breaks a limit")

    def around(self, staff: Floats, radius: float) -> LinearModel:
        """The programme linearised at `staff`, within `radius` (a share of posts) of it."""
        posts = self.problem.available.max(axis=1)[:, None, None]
        return self._within(self.linearised(staff), staff - radius * posts, staff + radius * posts)

    def _within(self, cost: Floats, low: Floats, high: Floats) -> LinearModel:
        lower, upper = np.array(self.model.lower), np.array(self.model.upper)
        lower[self._columns] = np.maximum(lower[self._columns], low[self._there])
        upper[self._columns] = np.maximum(np.minimum(upper[self._columns], high[self._there]), lower[self._columns])
        return replace(self.model, cost=cost, lower=lower, upper=upper)

    def _best(self, cost: Floats, low: Floats, high: Floats) -> Floats:
        """Column values that minimise `cost` with staff (R, P, T) between `low` and `high`."""
        return solve(self._within(cost, low, high), "scipy").x

    def gap(self, x: Floats) -> float:
        """Frank-Wolfe gap: points that the programme linearised at `x` promises over all placements; zero at a stationary one."""
        staff = self.allocation.staff(x)
        cost = self.linearised(staff)
        best = self._best(cost, np.full_like(staff, -np.inf), np.full_like(staff, np.inf))
        return max(0.0, float(cost @ (x - best)) * self.model.objective_unit)

    def improved(self, x: Floats, radius: float, settings: Settings) -> tuple[Floats, float]:
        """Column values that the surrogate likes best within `radius` of `x`, and the points that it believes are gained (negative).

        Steps of linear programmes within an inner region that shrinks until the surrogate's own gap is closed.
        """
        posts = self.problem.available.max(axis=1)[:, None, None]
        centre = self.allocation.staff(x)
        held, value, inner = x, self.value(x), radius
        start = value
        for _ in range(settings.inner):
            staff = self.allocation.staff(held)
            cost = self.linearised(staff)
            low = np.maximum(centre - radius * posts, staff - inner * posts)
            high = np.minimum(centre + radius * posts, staff + inner * posts)
            near = self._best(cost, low, high)
            promised = float(cost @ (near - held)) * self.model.objective_unit
            if promised > -1e-9 * (1.0 + abs(value)):
                break
            reached = self.value(near)
            ratio = (reached - value) / promised
            if ratio > 0.1:
                held, value = near, reached
            if ratio < 0.5:
                inner *= 0.4
            if inner < settings.least_radius * 0.05:
                break
        return held, value - start


# ------------------------------------------------------------------------------------------------ the search


def anticipate(
    surrogate: Surrogate, simulator: Simulator, starts: Mapping[str, Floats], settings: Settings | None = None, *,
    trusted: str | None = None, told: Callable[[str], None] | None = None,
) -> Anticipation:
    """Search from the best of several starting placements.

    Parameters
    ----------
    surrogate : Surrogate
    simulator : Simulator
    starts : mapping name -> array (R, P, T)
        Feasible placements, which race against each other: the best is held at first.
    settings : Settings, optional
    trusted : str, optional
        The one of `starts` that is held at first unless another one beats it in a paired test.
    told : callable, optional
        Called with one sentence a step.

    Returns
    -------
    Anticipation

    Raises
    ------
    Infeasible
        When a starting placement breaks a limit.
    """
    s = settings or Settings()
    tester = PairedTests(simulator, surrogate.weights, s.replicates, s.most_replicates, s.significance)
    rows: list[tuple[object, ...]] = []

    def note(*row: object) -> None:
        rows.append(row)
        if told is not None:
            told(str(row[-1]))

    completed: dict[str, Floats] = {}
    for name, start in sorted(starts.items(), key=lambda item: item[0] != trusted):  # of two alike, the trusted one stays
        x = surrogate.completed(start)
        if not any(np.allclose(surrogate.allocation.staff(x), surrogate.allocation.staff(other), atol=1e-6) for other in completed.values()):
            completed[name] = x
    race = tester.race({name: surrogate.allocation.staff(x) for name, x in completed.items()},
                       "Racing the starting placements", trusted)
    x = completed[race.best]
    for name, verdict in race.against.items():
        believed = surrogate.value(x) - surrogate.value(completed[name])
        note(0, f"start: {name}", math.nan, believed, verdict.mean, verdict.low, verdict.high, verdict.p, verdict.replicates, False,
             _ratio(verdict.mean, believed), math.nan, _moved(surrogate.allocation.staff(x), surrogate.allocation.staff(completed[name])),
             surrogate.response.error, tester.runs,
             f"{race.best}, held at first, against {name}: believed {believed:+,.0f} points, measured {_points(verdict)}")
    radius, because = s.radius, f"{s.steps} steps were tried"
    gap = surrogate.gap(x)
    for step in range(1, s.steps + 1):
        staff = surrogate.allocation.staff(x)
        stake = abs(surrogate.value(x)) + gap
        if gap <= s.tolerance * stake:
            because = "the Frank-Wolfe gap is closed: the linearised programme promises nothing more"
            break
        there, believed = surrogate.improved(x, radius, s)
        if -believed <= s.tolerance * stake * radius:
            because = "the response foretells no improvement within the region"
            break
        if math.isfinite(tester.noise) and -believed < tester.tellable:
            because = (f"the response foretells {-believed:,.0f} points within the region, less than the standard error of "
                       f"{tester.looks[-1]} pairs ({tester.tellable:,.0f})")
            break
        candidate = surrogate.allocation.staff(there)
        verdict = tester.better(candidate, staff, f"Testing step {step}")
        ratio = _ratio(verdict.mean, believed)
        note(step, "step", radius, believed, verdict.mean, verdict.low, verdict.high, verdict.p, verdict.replicates,
             verdict.better, ratio, gap, _moved(candidate, staff), surrogate.response.error, tester.runs,
             f"step {step}: believed {believed:+,.0f} points, measured {_points(verdict)}: "
             f"{'kept' if verdict.better else 'not kept'}")
        if verdict.better:
            x = there
            radius = min(1.0, radius * 2.0) if ratio > 0.5 else radius
        else:
            radius *= 0.4
        gap = surrogate.gap(x)
        if radius < s.least_radius:
            because = "the region has shrunk to nothing: no step within it proved better"
            break
    history = pd.DataFrame(rows, columns=list(HISTORY_COLUMNS))
    return Anticipation(surrogate.allocation.staff(x), race.best, history, surrogate.response, because, gap, tester.runs)


def _ratio(measured: float, believed: float) -> float:
    return measured / believed if abs(believed) > 1e-12 else math.nan


def _moved(new: Floats, old: Floats) -> float:
    """Staff placed otherwise, mean over quarters."""
    return float(np.abs(new - old).sum() / 2 / max(1, new.shape[2]))


def _points(verdict: Verdict) -> str:
    spread = f" ({verdict.low:,.0f} to {verdict.high:,.0f})" if math.isfinite(verdict.low) else ""
    return f"{verdict.mean:+,.0f} points{spread} in {verdict.replicates} pairs"
