"""The efficient frontier between two outcomes: how much of one has to be given up for the other.

Both outcomes are linear in the plan's columns (each has its own concave effect curves, and public cost is counted by the
programme), so the frontier is a convex piecewise-linear curve, and every point of it is the exact optimum of a linear
programme: the first outcome is made best while the second may be no worse than so much (the epsilon-constraint method;
Haimes, Lasdon and Wismer 1971, IEEE Transactions on Systems, Man, and Cybernetics 1:296-297).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from . import words
from .allocation import AllocationModel
from .effects import EffectCurves
from .linear_model import Block, Floats, LinearModel
from .solving import Infeasible, solve
from .warm_start import WarmStart

if TYPE_CHECKING:
    from .plan import Plan

WEIGHTED_HARM = "weighted_harm"
"""The plan's own weighting of everything but public cost, as an outcome of the frontier."""
COST = "cost_eur"
SLACK = 1e-7
"""Share of an outcome's range that the other may use when ties are broken: a pinned optimum is infeasible by rounding."""


class FrontierError(ValueError):
    """Outcomes between which there is no frontier to draw."""


def better_higher(outcome: str, weights: dict[str, float]) -> bool:
    """Whether more of an outcome is better: by its weight in the scenario, else by what the outcome is."""
    from ..scenarios import OUTCOMES

    if outcome in weights and weights[outcome] != 0 and outcome != COST:
        return weights[outcome] < 0
    return outcome in OUTCOMES and OUTCOMES[outcome].better == "higher"


def unit_of(outcome: str) -> str:
    """Unit of an outcome of the frontier."""
    from ..scenarios import OUTCOMES

    return "points" if outcome == WEIGHTED_HARM else OUTCOMES[outcome].unit


def known_outcomes(effects: EffectCurves) -> list[str]:
    """Outcomes between which a frontier can be asked for."""
    return [*dict.fromkeys(str(o) for o in effects.cells["outcome"] if o != COST), COST, WEIGHTED_HARM]


def coefficients(
    allocation: AllocationModel, effects: EffectCurves, weights: dict[str, float], outcome: str,
) -> Floats:
    """Change of an outcome per unit of every column (n,): flows over the horizon, stocks as means over it.

    Raises
    ------
    FrontierError
        For an outcome without measured effects.
    """
    from ..scenarios.problems import nearest

    p, model = allocation.problem, allocation.model
    known = known_outcomes(effects)
    if outcome not in known:
        near = nearest(outcome, known)
        hint = f"; did you mean '{near}'?" if near else f"; there are {', '.join(known)}"
        raise FrontierError(f"no measured effects on '{outcome}'{hint}")
    out = np.zeros(model.shape[1])
    if outcome == COST:
        years = p.quarter_years
        ends = np.array([[years[t:t + lead].sum() for t in range(years.size)] for lead in p.lead.tolist()])
        fixed = np.zeros(len(p.resources))
        for work in p.set_up:
            fixed[p.resources.index(work.resource)] = work.eur
        for name, cost in (("employed", p.unit_cost[:, None] * years), ("recruited", p.training_cost[:, None] * ends),
                           ("added", np.array(p.posting_cost)), ("started", fixed[:, None, None])):
            there = allocation.index[name] >= 0
            out[allocation.index[name][there]] = np.broadcast_to(cost, there.shape)[there]
        return out
    slope = p.slope
    if outcome != WEIGHTED_HARM:
        sign = -1.0 if better_higher(outcome, weights) else 1.0
        width, avoided = effects.curves(p.resources, p.places, {outcome: sign}, float(p.quarter_years.sum()) * 4)
        if avoided.shape != slope.shape or ((avoided != 0) & (width != p.width)).any():
            raise FrontierError("the plan's problem was not made from its effects: only weighted_harm and cost_eur are known")
        slope = avoided * sign
    gain = slope[:, :, None, :] * (p.timing * p.quarter_years * 4)[:, None, :, None]
    there = allocation.index["benefit"] >= 0
    out[allocation.index["benefit"][there]] = -gain[there]
    return out


def frontier(
    allocation: AllocationModel, effects: EffectCurves, weights: dict[str, float], first: str, second: str, points: int,
) -> pd.DataFrame:
    """Efficient points between two outcomes (see :meth:`.plan.Plan.frontier`)."""
    if first == second:
        raise FrontierError(f"a frontier needs two different outcomes, not {first!r} twice")
    if points < 2:
        raise FrontierError(f"a frontier has at least its two ends: points must be 2 or more, not {points}")
    model = allocation.model.relaxed()
    change = [coefficients(allocation, effects, weights, name) for name in (first, second)]
    sign = [-1.0 if better_higher(name, weights) else 1.0 for name in (first, second)]
    scale = [float(np.abs(c).max()) for c in change]
    for name, size in zip((first, second), scale, strict=True):
        if size == 0:
            raise FrontierError(f"the plan's staff has no measured effect on {name}")
    goal = [s * c / size for s, c, size in zip(sign, change, scale, strict=True)]
    tie = allocation.tie_break / max(float(np.abs(allocation.tie_break).max(initial=0.0)), 1e-300) * 1e-9
    again = WarmStart(_limited(model, goal))
    nothing = again.model.row_upper.copy()

    def best(which: int, other: float) -> Floats:
        """Columns that make one outcome best while the other's goal is at most `other`."""
        upper = nothing.copy()
        upper[model.shape[0] + 1 - which] = other
        return again.solve(cost=goal[which] + tie, row_upper=upper).x

    ends = []
    for which in (0, 1):  # each end: the best there is of one, then of the other without spoiling it
        alone = float(goal[which] @ best(which, float(nothing[-1])))
        room = SLACK * (1.0 + abs(alone))
        ends.append(best(1 - which, alone + room))
    most, least = float(goal[1] @ ends[0]), float(goal[1] @ ends[1])
    found = [ends[0]]
    if most - least > 10 * SLACK * (1.0 + abs(most)):
        found += [best(0, level) for level in np.linspace(most, least, points)[1:-1].tolist()]
        found.append(ends[1])
    rows = []
    for x in found:
        rows.append((float(change[0] @ x), float(change[1] @ x), allocation.objective(x), float(allocation.staff(x).sum())))
    values = np.array(rows)
    values[np.abs(values) < 10 * SLACK * np.abs(values).max(axis=0)] = 0.0
    table = pd.DataFrame(values, columns=[first, second, "objective", "staff_quarters"])
    table.insert(0, "point", np.arange(1, len(table) + 1))
    table["exchange"] = [np.nan, *_slopes(table[first], in_shown_units(second, table[second].to_numpy(dtype=np.float64)))]
    table["words"] = _in_words(table, first, second)
    return table


def _limited(model: LinearModel, goal: list[Floats]) -> LinearModel:
    """The model with a row for each of the two outcomes, far beyond what it can reach."""
    far = float(10**12)
    start = model.shape[0]
    rows = sparse.csr_array(np.array(goal))
    return replace(
        model, matrix=sparse.csr_array(sparse.vstack([model.matrix, rows], format="csr")), objective_unit=1.0,
        row_lower=np.concatenate([model.row_lower, np.full(2, -np.inf)]),
        row_upper=np.concatenate([model.row_upper, np.full(2, far)]),
        rows=(*model.rows, Block("frontier", ("outcome",), (("first",), ("second",)), start)))


def _slopes(first: pd.Series, second: Floats) -> list[float]:
    changes = zip(np.diff(first.to_numpy(dtype=np.float64)), np.diff(second), strict=True)
    return [float(a / b) if b else float("nan") for a, b in changes]


def _in_words(table: pd.DataFrame, first: str, second: str) -> list[str]:
    from ..scenarios import OUTCOMES

    def told(name: str, change: float) -> str:
        title = "weighted harm" if name == WEIGHTED_HARM else OUTCOMES[name].title.lower()
        size = words.number(abs(float(in_shown_units(name, np.array([change]))[0])))
        unit = unit_of(name)
        amount = f"EUR {size} million" if unit == "EUR" else f"{size} points" if unit == "points" else size
        return f"{title} {amount} {'higher' if change > 0 else 'lower'}"

    a, b = table[first].to_numpy(dtype=np.float64), table[second].to_numpy(dtype=np.float64)
    out = [f"The best for {first}: {told(first, a[0])} and {told(second, b[0])} than without additional staff."]
    for n in range(1, len(table)):
        text = f"{told(second, b[n] - b[n - 1])} and {told(first, a[n] - a[n - 1])} than at the point before."
        out.append(f"{text[:1].upper()}{text[1:]}")
    return out


# ---------------------------------------------------------------------------------------------- for the chart


def marks(plan: Plan, first: str, second: str) -> dict[str, tuple[float, float]]:
    """Where the plan and its comparison rules stand between two outcomes."""
    weights = dict(plan.weights)
    change = [coefficients(plan.model, plan.effects, weights, name) for name in (first, second)]
    out = {"plan": (float(change[0] @ plan.solution.x), float(change[1] @ plan.solution.x))}
    for rule, title in (("pro_rata", "by population"), ("greedy", "greedy")):
        x = completed(plan.model, np.asarray(plan.rules[rule], dtype=np.float64))
        if x is not None:
            out[title] = (float(change[0] @ x), float(change[1] @ x))
    return out


def completed(allocation: AllocationModel, staff: Floats) -> Floats | None:
    """Columns of the best plan with this staff (R, P, T); None where the limits do not admit it to the last digit."""
    model = allocation.model.relaxed()
    columns = allocation.index["staff"]
    there = columns >= 0
    lower, upper = model.lower.copy(), model.upper.copy()
    lower[columns[there]] = np.maximum(staff[there] - 1e-6, 0.0)
    upper[columns[there]] = staff[there] + 1e-6
    try:
        return solve(replace(model, lower=lower, upper=upper), "scipy").x
    except Infeasible:
        return None


def in_shown_units(outcome: str, values: Floats) -> Floats:
    """Money in millions, everything else as it is."""
    from ..scenarios import OUTCOMES

    return values / words.MILLION if outcome in OUTCOMES and OUTCOMES[outcome].unit == "EUR" else values


def axis_label(outcome: str) -> str:
    """What an axis shows."""
    from ..scenarios import OUTCOMES

    if outcome == WEIGHTED_HARM:
        return "Weighted harm, change (points)"
    unit = OUTCOMES[outcome].unit
    return f"{OUTCOMES[outcome].title}, change ({'million EUR' if unit == 'EUR' else unit})"
