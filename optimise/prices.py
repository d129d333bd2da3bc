"""What limits are worth: prices of one unit more, and the range of a limit over which a price holds.

The least weighted harm is a convex piecewise-linear function of each limit.  Where several limits meet, which whole figures
make common, it has a kink at the limit as it stands and the dual is not unique: anything between what one unit less
costs and what one unit more brings.  Prices told to people are of *more* room, so that is the slope taken here, found by
solving again with a little more room; and its range is exact, not that of one basis, which at a kink is often a point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from . import words
from .allocation import AllocationModel
from .linear_model import Block, LinearModel
from .solving import Infeasible, Solution, Unbounded, solve
from .warm_start import WarmStart

LIMITS = frozenset((
    "pool", "shared_pool", "year_use", "joiners", "training_places", "budget", "carry_most", "absorb", "consent", "minimum",
    "least_team", "team_investigators", "own_most", "own_least"))
"""Kinds of limits that somebody sets and may move: the prices of these are taken on the side of more room."""

A_LITTLE = 1 / 1000
"""Share of a unit by which a limit is widened to find the slope on that side."""


@dataclass(frozen=True)
class LimitPrice:
    """Price of more room under one limit.

    Attributes
    ----------
    dual : float
        Derivative of the objective with respect to the right-hand side, on the side of more room, in reported units.
    low, high : float
        Range of the right-hand side over which the dual holds; infinite where it has no end.
    """

    dual: float
    low: float
    high: float


def dust_of(allocation: AllocationModel) -> float:
    """Points below which a price is that of a tie-break, not of a limit."""
    tie = float(np.abs(allocation.tie_break).max(initial=0.0)) * allocation.model.objective_unit
    return max(1e-9, 2 * tie)


def price_range(solution: Solution, row: int, dust: float = 1e-9, known_low: float | None = None) -> tuple[float, float]:
    """Range of a row's right-hand side over which the solution's dual value of the row stays as it is.

    Parameters
    ----------
    solution : Solution
        Of a linear programme.
    row : int
    dust : float
        Duals and reduced costs up to this size, in reported units, count as zero.
    known_low : float, optional
        The lower end, when it is known.

    Returns
    -------
    low, high : float

    Notes
    -----
    The dual vector stays optimal for another right-hand side exactly when some feasible point is complementary to it:
    columns with a reduced cost at their bound, rows with a price tight.  Over these points the least and the largest
    activity of the row bound the range (two small linear programmes).
    """
    model = solution.model
    z, y = solution.reduced_cost, solution.dual
    at_lower, at_upper = z > dust, z < -dust
    lower, upper = np.where(at_upper, model.upper, model.lower), np.where(at_lower, model.lower, model.upper)
    limit = np.where(y < 0, model.row_upper, model.row_lower)
    priced = np.abs(y) > dust
    free = lower < upper
    shift = model.matrix[:, ~free] @ lower[~free]
    part = sparse.csr_array(model.matrix[:, free])
    keep = np.diff(part.indptr) > 0
    keep[row] = False
    activity = np.asarray(part[[row]].todense(), dtype=np.float64).ravel()
    face = LinearModel(
        cost=activity, matrix=sparse.csr_array(part[keep]),
        row_lower=(np.where(priced, limit, model.row_lower) - shift)[keep],
        row_upper=(np.where(priced, limit, model.row_upper) - shift)[keep], lower=lower[free], upper=upper[free],
        integer=np.zeros(activity.size, dtype=np.bool_), columns=_numbered(activity.size), rows=_numbered(int(keep.sum())))

    def end(sign: float) -> float:
        try:
            return sign * solve(replace(face, cost=sign * activity), "scipy").objective + float(shift[row])
        except Unbounded:
            return -sign * np.inf
        except Infeasible:  # by rounding only: the solution itself is such a point
            return np.nan

    low = end(1.0) if known_low is None else known_low
    if priced[row]:
        return low, end(-1.0)
    # a limit with room to spare may also lie anywhere beyond what is used
    return (low, np.inf) if np.isfinite(model.row_upper[row]) else (-np.inf, end(-1.0))


def _numbered(size: int) -> tuple[Block, ...]:
    return (Block("n", ("n",), tuple((str(i),) for i in range(size)), 0),)


def limit_prices(allocation: AllocationModel, solution: Solution, rows: Iterable[int] | None = None) -> dict[int, LimitPrice]:
    """Prices of more room, with their ranges, of the limits that have a price.

    Parameters
    ----------
    rows : iterable of int, optional
        Rows of the model; all of the kinds :data:`LIMITS` whose dual is not zero when not given.

    Returns
    -------
    dict
        By row.  Empty for programmes with whole-number conditions, whose value does not change smoothly.
    """
    model = allocation.model
    if model.integer.any():
        return {}
    dust = dust_of(allocation)
    if rows is None:
        rows = [i for block in model.rows if block.name in LIMITS for i in block.indices.tolist()
                if abs(solution.dual[i]) > dust]
    kind = {i: block.name for block in model.rows if block.name in words.KINDS for i in block.indices.tolist()}
    again = WarmStart(model)
    out = {}
    for i in rows:
        wider = widened(again, i, A_LITTLE * words.step(allocation.problem, kind[i]))
        if wider is None or abs(float(wider.dual[i])) <= dust:  # more room is worth nothing
            out[i] = LimitPrice(0.0, np.nan, np.nan)
        else:
            at, here = float(wider.dual[i]), right_hand_side(model, i)
            kink = abs(at - float(solution.dual[i])) > dust  # then the price begins at the limit as it stands
            above = words.KINDS[kind[i]].gives > 0
            low, high = price_range(wider, i, dust, here if kink and above else None)
            out[i] = LimitPrice(at, low, here if kink and not above else high)
    return out


def widened(again: WarmStart, row: int, step: float) -> Solution | None:
    """The model solved with one row's right-hand side moved by `step`; None where no point is left."""
    low, high = again.model.row_lower.copy(), again.model.row_upper.copy()
    low[row], high[row] = low[row] + step, high[row] + step
    try:
        return again.solve(row_lower=low, row_upper=high)
    except Infeasible:
        return None


def right_hand_side(model: LinearModel, row: int) -> float:
    """The one finite limit of a row."""
    low = float(model.row_lower[row])
    return low if np.isfinite(low) else float(model.row_upper[row])


