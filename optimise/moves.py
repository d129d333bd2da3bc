"""What moving a limit, or an effect, would change: every answer found by solving the programme again.

A *move* shifts the right-hand sides of some rows: one more post in every quarter, a million euros over the years of a heading,
posts that may be filled a month earlier.  Its value is the change of the plan's objective.  Whole-number conditions are left
out, because warm starts are for linear programmes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from . import words
from .allocation import AllocationModel, euros_per_unit, labelled
from .infeasibility import explain, locate
from .linear_model import Block, Floats, Integers, LinearModel
from .problem import AllocationProblem
from .solving import Infeasible, Solution
from .warm_start import WarmStart

if TYPE_CHECKING:
    import xarray as xr

    from ..scenarios import Scenario

MARGINAL_COLUMNS = ("what", "name", "change", "unit", "words")
SIMULATED_COLUMNS = ("what", "name", "units", "priced", "simulated", "low", "high", "replicates", "words")
LIMIT_COLUMNS = ("kind", "name", "by", "unit", "words")
MONTH = 1 / 3
"""Quarters in a month."""
ROUNDING = 1e-6
"""Share of the objective below which a change of it is rounding."""


class MoveError(ValueError):
    """A question that makes no sense for this plan: an unknown type or place, nothing to move."""


@dataclass(frozen=True)
class Move:
    """A shift of limits that somebody can decide on.

    Attributes
    ----------
    what : {"euro", "post", "month", "quarter"}
    name : str
        Budget heading or resource type.
    rows : mapping row -> float
        By how much each right-hand side moves for one unit, in the programme's units.
    subject : str
        What it is, to begin a sentence with; ``{n}`` stands for the number of units and ``{s}`` for its plural.
    unit : str
        Unit of its value.
    """

    what: str
    name: str
    rows: Mapping[int, float]
    subject: str
    unit: str

    def told(self, units: float = 1.0) -> str:
        """The move as the subject of a sentence."""
        one = "1" if self.what == "euro" else "one"
        return self.subject.format(n=one if units == 1 else words.number(units), s="" if units == 1 else "s")


def _rows_by_label(model: LinearModel) -> dict[tuple[str, tuple[str, ...]], int]:
    return {(block.name, label): block.start + n for block in model.rows for n, label in enumerate(block.labels)}


def _money(allocation: AllocationModel, heading: str) -> dict[int, float]:
    """Rows of a heading's budget and by how much each moves for EUR 1 million, split over the years as the budget is."""
    p = allocation.problem
    own = {int(label[1]): row for (kind, label), row in _rows_by_label(allocation.model).items()
           if kind == "budget" and label[0] == heading}
    eur = np.array([p.budgets.get((heading, year), 0.0) for year in own])
    share = eur / eur.sum() if eur.sum() > 0 else np.full(eur.size, 1.0 / max(eur.size, 1))
    return {row: s * words.MILLION / p.money_unit for row, s in zip(own.values(), share.tolist(), strict=True)}


def _alike(allocation: AllocationModel, kind: str, axis: str, name: str) -> dict[int, float]:
    """All rows of a kind with this label along an axis, each moving by one."""
    for block in allocation.model.rows:
        if block.name == kind:
            at = block.axes.index(axis)
            return {block.start + n: 1.0 for n, label in enumerate(block.labels) if label[at] == name}
    return {}


def moves(allocation: AllocationModel) -> list[Move]:
    """Moves of a problem: money by heading, posts by type, and posts by type a month and a quarter earlier."""
    p = allocation.problem
    index = _rows_by_label(allocation.model)
    out = []
    for heading in dict.fromkeys(h for h, _ in p.budgets):
        rows = _money(allocation, heading)
        years = sorted({year for h, year in p.budgets if h == heading} & set(p.years))
        if rows:
            over = f"over {years[0]} to {years[-1]}, split as the budget is," if len(years) > 1 else f"in {years[0]}"
            out.append(Move("euro", heading, rows, f"EUR {{n}} million more under the heading {heading} {over}",
                            "points per million EUR"))
    for r, name in enumerate(p.resources):
        rows = _alike(allocation, "pool", "resource", name)
        if rows and p.first[r] < len(p.quarters):
            out.append(Move("post", name, rows, f"{{n}} more {p.resource_title(name)} post{{s}} from "
                            f"{p.quarters[p.first[r]]} on", "points per post"))
    for r, name in enumerate(p.resources):
        first = int(p.first[r])
        most = float(min(p.available[r].max(initial=0.0), p.joiners[r]))
        row = index.get(("lead", (name, p.quarters[first - 1]))) if first else None
        if row is None or not 0 < most < np.inf:
            continue
        when = f"than {p.quarters[first]}" if first < len(p.quarters) else "than the horizon's end"
        for what, share in (("month", MONTH), ("quarter", 1.0)):
            out.append(Move(what, name, {row: most * share}, f"filling {p.resource_title(name)} posts {{n}} {what}{{s}} earlier "
                            f"{when}", f"points per {what}"))
    return out


class Again:
    """A plan's programme, held for solving with other limits.

    Attributes
    ----------
    before : float
        The objective as things are, without whole-number conditions.
    x : array
        The columns as things are.
    """

    def __init__(self, allocation: AllocationModel, model: LinearModel | None = None) -> None:
        self.allocation = allocation
        self._held = WarmStart((allocation.model if model is None else model).relaxed())
        solution = self._held.solve()
        self.x = solution.x
        self.before = allocation.objective(self._own(solution.x))

    def _own(self, x: Floats) -> Floats:
        return x[:self.allocation.model.shape[1]]

    def moved(self, rows: Mapping[int, float], units: float = 1.0, least: Mapping[int, float] | None = None) -> Solution | None:
        """Solved with right-hand sides moved by so many units; None where no point is left.

        Parameters
        ----------
        least : mapping row -> float, optional
            Lower limits to put instead of the rows' own.
        """
        low, high = self._held.model.row_lower.copy(), self._held.model.row_upper.copy()
        for row, step in rows.items():
            low[row] += units * step
            high[row] += units * step
        for row, value in (least or {}).items():
            low[row] = value
        try:
            return self._held.solve(row_lower=low, row_upper=high)
        except Infeasible:
            return None

    def change(self, solution: Solution | None) -> float:
        """Change of the objective, in points; infinite where no point is left, zero for rounding."""
        if solution is None:
            return float("inf")
        change = self.allocation.objective(self._own(solution.x)) - self.before
        return 0.0 if abs(change) < ROUNDING * (1.0 + abs(self.before)) else change


def _changes(points: float) -> str:
    if points == 0:
        return "would change nothing"
    told = words.number(abs(points))
    return f"would {'lower' if points < 0 else 'raise'} the weighted harm by {told} point{'' if told == '1' else 's'}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def marginal_values(allocation: AllocationModel) -> pd.DataFrame:
    """Value of a million euros by heading, of a post by type, and of a month and a quarter earlier by type.

    See :meth:`.plan.Plan.marginal_values`.
    """
    again = Again(allocation)
    rows = []
    for move in moves(allocation):
        change = again.change(again.moved(move.rows))
        rows.append((move.what, move.name, change, move.unit, _sentence(f"{move.told()} {_changes(change)}")))
    return pd.DataFrame(rows, columns=list(MARGINAL_COLUMNS))


# ---------------------------------------------------------------------------------------------- what would it take


@dataclass(frozen=True)
class WhatItTakes:
    """What would have to change for a place to receive staff of a type.

    Attributes
    ----------
    resource, place : str
    sent : float
        Most that the plan sends there in any quarter.
    quarter : str
        Quarter in which one more there would cost the plan least; empty when no plan can send one.
    effect, needed : float
        Points that the first there avoids in a quarter by the effect curve, and that it would have to avoid for the plan
        to be no worse for sending one.
    euros : float
        By how much one there would have to be cheaper for the quarter instead, which may be more than it costs; NaN when
        cost has no weight.
    limits : DataFrame
        Limits that would have to move instead, each by itself: kind, name, by, unit, words. Empty `by` (NaN): no such
        move brings one there.
    conflicts : tuple of str
        Limits that forbid it, in words.
    sentences : tuple of str
        All of that in words; ``str()`` puts them together.
    """

    resource: str
    place: str
    sent: float
    quarter: str
    effect: float
    needed: float
    euros: float
    limits: pd.DataFrame
    conflicts: tuple[str, ...]
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def what_would_it_take(allocation: AllocationModel, resource: str, place: str, amount: float = 1.0) -> WhatItTakes:
    """See :meth:`.plan.Plan.what_would_it_take`."""
    from ..scenarios.problems import nearest

    p = allocation.problem
    for what, name, names in (("resource type", resource, p.resources), ("place", place, p.places)):
        if name not in names:
            near = nearest(name, names)
            hint = f"; did you mean '{near}'?" if near else f"; there are {', '.join(names)}"
            raise MoveError(f"the plan has no {what} '{name}'{hint}")
    if not amount > 0:
        raise MoveError(f"amount must be above zero, not {amount:g}")
    r, i = p.resources.index(resource), p.places.index(place)
    if not p.sites[r, i]:
        raise MoveError(f"{p.resource_title(resource)} cannot be sent to {p.place_title(place)} at all")
    model, asked = _asking(allocation, r, i)
    again = Again(allocation, model)
    column = allocation.index["staff"][r, i]
    sent = again.x[column]
    title, where = p.resource_title(resource), p.place_title(place)
    one = f"{words.number(amount)} {title}"
    none = pd.DataFrame(columns=list(LIMIT_COLUMNS))
    if sent.max() >= amount - ROUNDING:
        when = p.quarters[int(np.flatnonzero(sent >= amount - ROUNDING)[0])]
        return WhatItTakes(resource, place, float(sent.max()), when, np.nan, np.nan, np.nan, none, (), (
            f"Nothing: {where} receives {one} in {when} already (at most {words.number(float(sent.max()))} in the plan).",))
    begin = f"{where} receives " + (f"at most {words.number(float(sent.max()))} {title}" if sent.max() > ROUNDING else f"no {title}")
    forced = {t: again.moved({}, least={row: amount}) for t, row in asked.items()}
    if all(solution is None for solution in forced.values()):
        last = max((t for t in asked if t >= p.first[r]), default=max(asked))
        blamed, eased = _forbidden(model, asked[last], amount, p)
        sentences = (f"{begin} in this plan, and no plan can send {one} there. These limits forbid it in {p.quarters[last]}:",
                     *(f"  - {text}" for text in blamed), "The smallest change that would allow it:",
                     *(f"  - {text}" for text in eased["words"]))
        return WhatItTakes(resource, place, float(sent.max()), "", np.nan, np.nan, np.nan, eased, tuple(blamed), sentences)
    loss = {t: again.change(solution) for t, solution in forced.items()}
    factor = (p.timing * p.quarter_years[None, :] * 4)[r]
    best = min(loss, key=lambda t: (loss[t] / factor[t], t))
    quarter = p.quarters[best]
    used = np.flatnonzero(p.width[r, i] > 0)
    effect = float(p.slope[r, i, used[0]]) if used.size else 0.0
    short = loss[best] / amount / float(factor[best])
    euros = loss[best] / amount / p.cost_weight if p.cost_weight > 0 else np.nan
    times = f" ({words.number((effect + short) / effect)} times as much)" if effect > 0 else ""
    sentences_ = [
        f"{begin} in this plan.",
        (f"Sending {one} there in {quarter}, where it costs the rest of the plan least, would raise the weighted harm by "
         f"{words.number(loss[best])} points. By the effect curve the first there avoids {words.number(effect)} points in a "
         f"quarter; it would have to avoid {words.number(effect + short)}{times}.")]
    cost = float(p.unit_cost[r] * p.quarter_years[best])
    if p.cost_weight > 0 and euros <= cost:
        sentences_.append(f"Or it would have to cost EUR {euros:,.0f} less for the quarter than its EUR {cost:,.0f}.")
    elif p.cost_weight > 0:
        sentences_.append(f"No lower cost would do instead: even without its EUR {cost:,.0f} for the quarter it does more elsewhere.")
    limits = _which_limits(allocation, again, column, r, i, amount) if effect > 0 else none
    if effect <= 0:
        sentences_.append("No limit would have to move: by what was measured it does not help there, so only its effect could.")
    sentences_ += [str(text) for text in limits["words"]]
    return WhatItTakes(resource, place, float(sent.max()), quarter, effect, effect + short, euros, limits, (), tuple(sentences_))


def _asking(allocation: AllocationModel, r: int, i: int) -> tuple[LinearModel, dict[int, int]]:
    """The model with rows staff[r,i,t] >= 0, whose right-hand sides can be raised, and these rows by quarter."""
    model, p = allocation.model, allocation.problem
    columns = allocation.index["staff"][r, i]
    m, n = model.shape
    size = columns.size
    rows = sparse.coo_array((np.ones(size), (np.arange(size), columns)), shape=(size, n))
    block = Block("asked", ("resource", "place", "quarter"), tuple((p.resources[r], p.places[i], q) for q in p.quarters), m)
    asking = replace(
        model.relaxed(), matrix=sparse.csr_array(sparse.vstack([model.matrix, rows], format="csr")), rows=(*model.rows, block),
        row_lower=np.concatenate([model.row_lower, np.zeros(size)]),
        row_upper=np.concatenate([model.row_upper, np.full(size, np.inf)]))
    return asking, {t: m + t for t in range(size)}


def _forbidden(model: LinearModel, row: int, amount: float, problem: AllocationProblem) -> tuple[list[str], pd.DataFrame]:
    """Limits that contradict a request, in words, and the smallest change that allows it."""
    low = model.row_lower.copy()
    low[row] = amount
    conflict = explain(replace(model, row_lower=low))
    if conflict is None:
        raise RuntimeError("the solver found no plan, but the limits do not contradict each other")
    told = words.limits(problem, [conflict.row(n) for n in conflict.rows])
    eased = []
    for n, by in zip(conflict.relaxed, conflict.by.tolist(), strict=True):
        block, label, rhs = locate(model, n)
        factor = euros_per_unit(problem, block.name)
        text = words.limit(problem, block, label, rhs)
        moved = rhs - by if np.isfinite(model.row_lower[n]) else rhs + by
        eased.append((block.name, "__".join(label), by * factor, block.unit,
                      f"{text}: {words.number(rhs * factor)} would have to be {words.number(moved * factor)}"))
    return told, pd.DataFrame(eased, columns=list(LIMIT_COLUMNS))


MOST_UNITS = float(2**10)
"""How far a limit is moved, in units or in its own size, before it is given up."""
PRECISION = 1 / 100
"""Relative precision of how far a limit would have to move."""


def _which_limits(
    allocation: AllocationModel, again: Again, column: Integers, r: int, i: int, amount: float,
) -> pd.DataFrame:
    """Of each limit that could be in the way: how far it would have to move, all others as they are."""
    p = allocation.problem
    resource, place = p.resources[r], p.places[i]
    title, where = p.resource_title(resource), p.place_title(place)
    heading = p.heading.get(resource, "")
    groups: list[tuple[str, str, dict[int, float], str, str, str]] = [
        ("pool", resource, _alike(allocation, "pool", "resource", resource), "posts", f"{{n}} more {title} posts",
         f"resources.posts.{resource}.available"),
        ("budget", heading, _money(allocation, heading), "million EUR", f"EUR {{n}} million more under the heading {heading}",
         f"resources.budgets.{heading}"),
        ("absorb", place, _alike(allocation, "absorb", "place", place), "staff", f"room for {{n}} more staff in {where}",
         f"resources.hosts.{place}.absorb"),
        ("team_investigators", place, _alike(allocation, "team_investigators", "place", place) if r in p.officers else {},
         "investigators", f"{{n}} more national investigators for joint teams in {where}", "resources.rules.joint_team_ratio")]
    for pool in p.pools:
        if resource in pool.resources:
            groups.append(("shared_pool", pool.name, _alike(allocation, "shared_pool", "pool", pool.name), "posts",
                           f"{{n}} more posts in the pool {pool.name}", f"resources.pools.{pool.name}.available"))
    groups = [group for group in groups if group[2]]
    out = []
    for kind, name, rows, unit, text, where_set in groups:
        by = _least_move(again, rows, column, amount)
        told = (f"With {text.format(n=words.number(by))} ({where_set}), the plan would send one there." if np.isfinite(by) else
                f"Moving {where_set} alone, as far as {words.number(MOST_UNITS)} {unit}, brings none there.")
        out.append((kind, name, by if np.isfinite(by) else np.nan, unit, told))
    if len(groups) > 1 and not any(np.isfinite(row[2]) for row in out):
        together: dict[int, float] = {}
        for _, _, rows, *_ in groups:
            for row, step in rows.items():
                together[row] = together.get(row, 0.0) + step
        by = _least_move(again, together, column, amount)
        told = (f"With all of these moved together, by {words.number(by)} each ({', '.join(g[3] for g in groups)}), the plan would send one "
                "there." if np.isfinite(by) else
                "Nor do all of these together: only its effect, or its cost, could.")
        out.append(("together", "", by if np.isfinite(by) else np.nan, "units of each", told))
    return pd.DataFrame(out, columns=list(LIMIT_COLUMNS))


def _least_move(
    again: Again, rows: Mapping[int, float], column: Integers, amount: float,
) -> float:
    """Fewest units by which rows have to move for the plan to send the amount; infinite when none does (by doubling, then halving)."""
    def sends(units: float) -> bool:
        solution = again.moved(rows, units)
        return solution is not None and bool(solution.x[column].max() >= amount - ROUNDING)

    high = 1.0
    while not sends(high):
        high *= 2
        if high > MOST_UNITS:
            return float("inf")
    low = 0.0 if high == 1.0 else high / 2
    while high - low > PRECISION * high:
        middle = (low + high) / 2
        low, high = (low, middle) if sends(middle) else (middle, high)
    return high


# ---------------------------------------------------------------------------------------------- beside the model


def simulated_prices(
    allocation: AllocationModel, scenario: Scenario, *, units: float = 1.0, most: int = 6,
    what: Sequence[str] = ("euro", "post", "month"), replicates: int = 8, workers: int | None = None, progress: bool = True,
) -> pd.DataFrame:
    """See :meth:`.plan.Plan.simulated_prices`."""
    from .evaluation import WEIGHTED, evaluate_plans

    if not units > 0:
        raise MoveError(f"units must be above zero, not {units:g}")
    again = Again(allocation)
    priced: list[tuple[Move, float, xr.DataArray]] = []
    for move in moves(allocation):
        solution = again.moved(move.rows, units) if move.what in what else None
        change = again.change(solution)
        if solution is not None and change != 0:
            priced.append((move, change, labelled(allocation.problem, allocation.staff(solution.x))))
    if not priced:
        raise MoveError("no limit has a price: more of any resource would not improve the plan")
    priced.sort(key=lambda item: (item[1], item[0].what, item[0].name))
    by_rank: dict[str, int] = {}
    ranked = []
    for item in priced:  # the most telling of every kind first
        by_rank[item[0].what] = by_rank.get(item[0].what, 0) + 1
        ranked.append((by_rank[item[0].what], item))
    ranked.sort(key=lambda pair: pair[0])
    chosen = [item for _, item in ranked][:most]
    base = "plan"
    placements = {base: labelled(allocation.problem, allocation.staff(again.x)),
                  **{f"{move.what} {move.name}": staff for move, _, staff in chosen}}
    found = evaluate_plans(scenario, placements, replicates=replicates, workers=workers, progress=progress)
    rows = []
    for move, change, _ in chosen:
        table = found.compare(f"{move.what} {move.name}", base)
        told = table[table["outcome"] == WEIGHTED]
        mean, low, high = (float(told[c].item()) for c in ("difference", "low", "high"))
        pairs = int(told["replicates"].item())
        interval = "" if np.isnan(low) else f" (95 % interval {_points(low)} to {_points(high)})"
        rows.append((move.what, move.name, units, change, mean, low, high, pairs, _sentence(
            f"{move.told(units)}: {_points(change)} points of weighted harm by the programme, {_points(mean)} in the "
            f"model{interval}, {pairs} fresh pairs")))
    return pd.DataFrame(rows, columns=list(SIMULATED_COLUMNS))


def _points(value: float) -> str:
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{words.number(abs(value))}"
