"""The allocation linear programme, from an :class:`AllocationProblem` to arrays and back.

Columns (r resource type, i place, t quarter, k segment), all >= 0

    staff[r,i,t]      additional staff at work
    employed[r,t], joined[r,t], left[r,t]       stock of filled posts and its changes
    added[r,i,t], withdrawn[r,i,t]              postings and their ends
    benefit[r,i,t,k] <= width[r,i,k]            staff in segment k of the effect curve
    team[i,t]                                   officers who work in joint teams
    contributed[r,i,t]                          staff that Member State i gives

minimise  - sum slope[r,i,k] timing[r,t] length[t] benefit[r,i,t,k]
          + cost_weight (sum unit_cost[r] years[t] employed[r,t] + posting_cost sum added[r,i,t])

The rows are listed in :data:`ROWS` and written out in docs/optimiser.md.  Effect segments are bounded columns,
not cuts (far fewer rows); their sum *equals* the staff, so staff that does harm where a rule forces it is
priced as harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from .linear_model import Booleans, Builder, Floats, Integers, Label, LinearModel, Sense
from .problem import AllocationProblem

STAFF_AXES = ("resource", "place", "quarter")


@dataclass(frozen=True)
class RowKind:
    """What a kind of row is about: its unit, and whether it can give way (0: a definition)."""

    unit: str
    relax_weight: float


ROWS: dict[str, RowKind] = {
    "effort": RowKind("staff", 0.0),
    "placement": RowKind("staff", 0.0),
    "employment": RowKind("staff", 0.0),
    "deployed": RowKind("staff", 0.0),
    "team_officers": RowKind("staff", 0.0),
    "team_investigators": RowKind("staff", 0.0),
    "contributions": RowKind("staff", 0.0),
    "pool": RowKind("posts", 4),
    "shared_pool": RowKind("posts", 4),
    "lead": RowKind("posts", 6),
    "joiners": RowKind("posts", 3),
    "budget": RowKind("thousand EUR", 4 / 24),
    "absorb": RowKind("staff", 3),
    "consent": RowKind("staff", 12),
    "minimum": RowKind("staff", 3),
    "ramp_up": RowKind("staff", 2),
    "ramp_down": RowKind("staff", 2),
    "stay_least": RowKind("staff", 2),
    "stay_most": RowKind("staff", 2),
    "key_most": RowKind("staff", 3),
    "spare": RowKind("staff", 4),
}
"""Kinds of rows.  The weight is what giving way by one unit counts when the smallest relaxation is sought, in the
order in which a planner would rather give way: how fast and how long staff is posted (2), what a place must have or
can host (3), posts (4) and the money for them (24 thousand euros count as one post, about what it costs in a quarter),
hiring time (6), a host's refusal (12)."""

EUR_PER_UNIT = 1000.0


@dataclass(frozen=True)
class AllocationModel:
    """The linear model of a problem, with what is needed to read its answer.

    Attributes
    ----------
    problem : AllocationProblem
    model : LinearModel
        Cost includes the tie-break.
    tie_break : array (n,)
        The part of the cost that only breaks ties.
    """

    problem: AllocationProblem
    model: LinearModel
    tie_break: Floats

    def staff(self, x: Floats) -> Floats:
        """Staff (R, P, T) in the column values `x`; tiny negatives and dust set to zero."""
        p = self.problem
        block = self.model.column_block("staff")
        staff = x[block.start:block.stop].reshape(len(p.resources), len(p.places), len(p.quarters))
        return np.where(staff < 1e-9, 0.0, staff)

    def objective(self, x: Floats) -> float:
        """Weighted harm against no additional staff, in points, without the tie-break."""
        return float((self.model.cost - self.tie_break) @ x) * self.model.objective_unit

    def allocation(self, x: Floats) -> pd.DataFrame:
        """The allocation as a data frame resource, place, quarter, staff; rows without staff left out."""
        return staff_frame(self.problem, self.staff(x))


def staff_frame(problem: AllocationProblem, staff: Floats) -> pd.DataFrame:
    """Staff (R, P, T) as a data frame resource, place, quarter, staff; rows without staff left out."""
    index = pd.MultiIndex.from_product([problem.resources, problem.places, problem.quarters], names=STAFF_AXES)
    frame = pd.DataFrame({"staff": staff.ravel()}, index=index).reset_index()
    return frame[frame["staff"] > 1e-9].reset_index(drop=True)


def staff_array(problem: AllocationProblem, frame: pd.DataFrame) -> Floats:
    """Inverse of :func:`staff_frame`."""
    index = pd.MultiIndex.from_product([problem.resources, problem.places, problem.quarters], names=STAFF_AXES)
    series = frame.set_index(list(STAFF_AXES))["staff"].reindex(index, fill_value=0.0)
    return series.to_numpy(dtype=np.float64).reshape(
        len(problem.resources), len(problem.places), len(problem.quarters))


def value_of(problem: AllocationProblem, staff: Floats, employed: Floats | None = None) -> dict[str, float]:
    """Points avoided, euros spent and net points of an allocation, straight from the curves.

    Independent of the linear programme, for checking it and for valuing comparison rules.

    Parameters
    ----------
    staff : array (R, P, T)
    employed : array (R, T), optional
        Posts filled; by default as many as are at work.
    """
    working = staff.copy()
    if problem.teams is not None and problem.teams.officer in problem.resources:
        officer = problem.resources.index(problem.teams.officer)
        partners = np.zeros(staff.shape[1:])
        if problem.teams.investigator in problem.resources:
            partners = staff[problem.resources.index(problem.teams.investigator)]
        most = (partners + problem.teams.home[:, None]) / problem.teams.ratio
        working[officer] = np.minimum(staff[officer], most)
    points = float((problem.benefit(working) * _effect_factor(problem)[:, None, :]).sum())
    filled = staff.sum(axis=1) if employed is None else employed
    before = np.concatenate([np.zeros((*staff.shape[:2], 1)), staff[:, :, :-1]], axis=2)
    euros = float((filled * problem.unit_cost[:, None] * problem.quarter_years).sum())
    euros += problem.posting_cost * float(np.maximum(staff - before, 0.0).sum())
    return {"avoided": points, "eur": euros, "objective": -points + problem.cost_weight * euros}


def _effect_factor(problem: AllocationProblem) -> Floats:
    """Quarters' worth of effect by type and quarter (R, T): timing times the quarter's length in quarters."""
    return np.asarray(problem.timing * problem.quarter_years * 4, dtype=np.float64)


def _noise(seed: int, labels: Sequence[Label]) -> Floats:
    """Numbers in (0, 1] that depend on the seed and the label alone, not on the order of anything."""
    def one(label: tuple[str, ...]) -> float:
        digest = hashlib.blake2b(f"{seed}|{'|'.join(label)}".encode(), digest_size=6).digest()
        return (int.from_bytes(digest, "big") + 1) / 2**48
    return np.array([one(label) for label in labels])


def build(problem: AllocationProblem) -> AllocationModel:
    """Build the linear model of `problem` (see the module's head and docs/optimiser.md)."""
    p = problem
    nr, np_, nt, nk = len(p.resources), len(p.places), len(p.quarters), p.width.shape[2]
    rpt = list(product(p.resources, p.places, p.quarters))
    rt = list(product(p.resources, p.quarters))
    factor = _effect_factor(p)
    gains = p.slope[:, :, None, :] * factor[:, None, :, None]
    pay = p.cost_weight * p.unit_cost[:, None] * p.quarter_years
    move = p.cost_weight * p.posting_cost
    largest = max(float(np.abs(gains[np.broadcast_to(p.width[:, :, None, :] > 0, gains.shape)]).max(initial=0.0)),
                  float(pay.max(initial=0.0)), move)
    # Costs between about 1e-4 (tie-break) and 1000 in the model's own unit.
    unit = 10 ** (np.floor(np.log10(largest)) - 2) if largest > 0 else 1.0
    b = Builder(objective_unit=float(unit))

    tie = _noise(p.seed, rpt) * 1e-6 * (largest / unit if largest > 0 else 1.0)
    staff = b.columns("staff", STAFF_AXES, rpt, cost=tie, unit="staff",
                      integer=np.broadcast_to(p.integer[:, None, None], (nr, np_, nt)).ravel())
    staff = staff.reshape(nr, np_, nt)
    # Bookkeeping that costs nothing would otherwise be free to hire and dismiss, post and withdraw, for no reason.
    bare = 1e-6 * (largest / unit if largest > 0 else 1.0)
    employed = b.columns("employed", ("resource", "quarter"), rt, cost=pay.ravel() / unit, unit="posts").reshape(nr, nt)
    joined = b.columns("joined", ("resource", "quarter"), rt, cost=bare, unit="posts").reshape(nr, nt)
    left = b.columns("left", ("resource", "quarter"), rt, cost=bare, unit="posts").reshape(nr, nt)
    added = b.columns("added", STAFF_AXES, rpt, cost=move / unit, unit="staff").reshape(nr, np_, nt)
    withdrawn = b.columns("withdrawn", STAFF_AXES, rpt, cost=bare, unit="staff").reshape(nr, np_, nt)
    segment_labels = [(*label, str(k + 1)) for label in rpt for k in range(nk)]
    benefit = b.columns(
        "benefit", (*STAFF_AXES, "segment"), segment_labels, unit="staff", cost=-gains.ravel() / unit,
        upper=np.broadcast_to(p.width[:, :, None, :], gains.shape).ravel()).reshape(nr, np_, nt, nk)

    officer = None
    team = np.zeros((np_, nt), dtype=np.int64)
    if p.teams is not None and p.teams.officer in p.resources:
        officer = p.resources.index(p.teams.officer)
        team = b.columns("team", ("place", "quarter"), product(p.places, p.quarters), unit="staff").reshape(np_, nt)
    contributing = [r for r, name in enumerate(p.resources) if p.key is not None and name in p.key.resources]
    contributed = np.zeros((0, np_, nt), dtype=np.int64)
    if contributing:
        names = [p.resources[r] for r in contributing]
        contributed = b.columns("contributed", STAFF_AXES, product(names, p.places, p.quarters),
                                unit="staff").reshape(len(names), np_, nt)

    def rows(kind: str, axes: tuple[str, ...], labels: Sequence[Label], sense: Sense, rhs: npt.ArrayLike,
             *terms: tuple[Integers, float | Floats]) -> None:
        """One block of rows; each term gives a column (or several) for every label, in the labels' order."""
        if not labels:
            return
        here, cols, values = [], [], []
        for columns, value in terms:
            shaped = columns.reshape(len(labels), -1)
            here.append(np.repeat(np.arange(len(labels)), shaped.shape[1]))
            cols.append(shaped.ravel())
            values.append(np.broadcast_to(np.asarray(value, dtype=np.float64).reshape(-1, 1)
                                          if np.ndim(value) == 1 else np.asarray(value, dtype=np.float64),
                                          shaped.shape).ravel())
        b.rows(kind, axes, labels, sense, rhs, np.concatenate(here), np.concatenate(cols),
               np.concatenate(values), unit=ROWS[kind].unit, relax_weight=ROWS[kind].relax_weight)

    # Definitions
    effective = staff.copy()
    if officer is not None:
        effective[officer] = team
    rows("effort", STAFF_AXES, rpt, "=", 0.0, (effective, 1.0), (benefit, -1.0))
    _chain(b, "placement", STAFF_AXES, rpt, staff, added, withdrawn)
    _chain(b, "employment", ("resource", "quarter"), rt, employed, joined, left)
    rows("deployed", ("resource", "quarter"), rt, "<=", 0.0, (np.moveaxis(staff, 1, 2).reshape(nr * nt, np_), 1.0),
         (employed, -1.0))
    if officer is not None and p.teams is not None:
        pt = list(product(p.places, p.quarters))
        rows("team_officers", ("place", "quarter"), pt, "<=", 0.0, (team, 1.0), (staff[officer], -1.0))
        home = np.repeat(p.teams.home, nt)
        if p.teams.investigator in p.resources:
            partners = staff[p.resources.index(p.teams.investigator)]
            rows("team_investigators", ("place", "quarter"), pt, "<=", home, (team, p.teams.ratio), (partners, -1.0))
        else:
            rows("team_investigators", ("place", "quarter"), pt, "<=", home, (team, p.teams.ratio))
    if contributing and p.key is not None:
        names = [p.resources[r] for r in contributing]
        nt_labels = list(product(names, p.quarters))
        rows("contributions", ("resource", "quarter"), nt_labels, "=", 0.0,
             (np.moveaxis(contributed, 1, 2).reshape(len(nt_labels), np_), 1.0), (employed[contributing], -1.0))

    # Posts
    started = np.arange(nt)[None, :] >= p.first[:, None]
    mask = started & np.isfinite(p.available)
    rows("pool", ("resource", "quarter"), _pick(rt, mask), "<=", p.available[mask], (employed[mask], 1.0))
    rows("lead", ("resource", "quarter"), _pick(rt, ~started), "<=", 0.0, (joined[~started], 1.0))
    mask = started & np.isfinite(p.joiners)[:, None]
    rows("joiners", ("resource", "quarter"), _pick(rt, mask), "<=",
         np.broadcast_to(p.joiners[:, None], (nr, nt))[mask], (joined[mask], 1.0))
    if p.pools:
        pool_labels: list[Label] = []
        rhs, here, cols = [], [], []
        for pool in p.pools:
            members = [p.resources.index(name) for name in pool.resources]
            for t, quarter in enumerate(p.quarters):
                here += [len(pool_labels)] * len(members)
                cols += employed[members, t].tolist()
                pool_labels.append((pool.name, quarter))
                rhs.append(pool.available)
        kind = ROWS["shared_pool"]
        b.rows("shared_pool", ("pool", "quarter"), pool_labels, "<=", rhs, here, cols, 1.0,
               unit=kind.unit, relax_weight=kind.relax_weight)

    # Money, in thousands of euros
    if p.budgets:
        labels: list[Label] = []
        rhs, here, cols, values = [], [], [], []
        years = np.array(p.years)
        for heading in dict.fromkeys(h for h, _ in p.budgets):
            for year in dict.fromkeys(p.years):
                spending = [r for r, name in enumerate(p.resources) if p.heading.get(name) == heading]
                quarters = np.flatnonzero(years == year)
                for r in spending:
                    here += [len(labels)] * (len(quarters) * (1 + np_))
                    cols += employed[r, quarters].tolist() + added[r][:, quarters].ravel().tolist()
                    values += (p.unit_cost[r] * p.quarter_years[quarters] / EUR_PER_UNIT).tolist()
                    values += [p.posting_cost / EUR_PER_UNIT] * (len(quarters) * np_)
                if spending:
                    labels.append((heading, str(year)))
                    rhs.append(p.budgets.get((heading, year), 0.0) / EUR_PER_UNIT)
        if labels:
            kind = ROWS["budget"]
            b.rows("budget", ("heading", "year"), labels, "<=", rhs, here, cols, values,
                   unit=kind.unit, relax_weight=kind.relax_weight)

    # Hosts
    where = np.flatnonzero(np.isfinite(p.absorb))
    if where.size and p.hosted.any():
        there = np.moveaxis(staff[p.hosted], 0, 2)[where].reshape(len(where) * nt, -1)
        rows("absorb", ("place", "quarter"), [(p.places[i], q) for i in where for q in p.quarters], "<=",
             np.repeat(p.absorb[where], nt), (there, 1.0))
    where = np.flatnonzero(~p.consent)
    if where.size and p.asks.any():
        rows("consent", ("place",), [(p.places[i],) for i in where], "<=", 0.0,
             (np.moveaxis(staff[p.asks], 1, 0)[where].reshape(len(where), -1), 1.0))
    mask3 = (p.minimum > 0)[:, :, None] & started[:, None, :]
    rows("minimum", STAFF_AXES, _pick(rpt, mask3), ">=", np.broadcast_to(p.minimum[:, :, None], mask3.shape)[mask3],
         (staff[mask3], 1.0))

    # Movement
    if np.isfinite(p.ramp):
        rows("ramp_up", STAFF_AXES, rpt, "<=", p.ramp, (added, 1.0), (withdrawn, -1.0))
        rows("ramp_down", STAFF_AXES, rpt, "<=", p.ramp, (withdrawn, 1.0), (added, -1.0))
    everywhere = np.arange(nr)
    if p.stay_least > 1:
        _stay(b, "stay_least", p, everywhere, ">=", np.full(nr, p.stay_least), staff, added)
    moving = np.flatnonzero(p.stay_most < nt)
    if moving.size:
        _stay(b, "stay_most", p, moving, "<=", p.stay_most[moving].astype(np.int64), staff, added)

    # Contributions
    if contributing and p.key is not None:
        names = [p.resources[r] for r in contributing]
        labels3 = list(product(names, p.places, p.quarters))
        total = np.broadcast_to(employed[contributing][:, None, :], contributed.shape)
        share = np.broadcast_to(p.key.share[contributing][:, :, None], contributed.shape).ravel()
        rows("key_most", STAFF_AXES, labels3, "<=", 0.0, (contributed, 1.0), (total, -(1.0 + p.key.band) * share))
        spare = np.broadcast_to(p.key.spare[contributing][:, :, None], contributed.shape)
        mask3 = np.isfinite(spare)
        rows("spare", STAFF_AXES, _pick(labels3, mask3), "<=", spare[mask3], (contributed[mask3], 1.0),
             (staff[contributing][mask3], -1.0))

    model = b.build()
    tie_break = np.zeros_like(model.cost)
    tie_break[staff.ravel()] = tie
    for columns in (joined, left, withdrawn):
        tie_break[columns.ravel()] = bare
    return AllocationModel(p, model, tie_break)


def _pick(labels: Sequence[Label], mask: Booleans) -> list[Label]:
    return [label for label, wanted in zip(labels, mask.ravel().tolist(), strict=True) if wanted]


def _chain(b: Builder, kind: str, axes: tuple[str, ...], labels: Sequence[Label],
           stock: Integers, inflow: Integers, outflow: Integers) -> None:
    """Rows stock_t - stock_{t-1} - inflow_t + outflow_t = 0 along the last axis, from nothing."""
    position = np.arange(len(labels)).reshape(stock.shape)
    parts = [(position, stock, 1.0), (position[..., 1:], stock[..., :-1], -1.0), (position, inflow, -1.0),
             (position, outflow, 1.0)]
    b.rows(kind, axes, labels, "=", 0.0,
           np.concatenate([here.ravel() for here, _, _ in parts]),
           np.concatenate([cols.ravel() for _, cols, _ in parts]),
           np.concatenate([np.full(cols.size, value) for _, cols, value in parts]),
           unit=ROWS[kind].unit, relax_weight=ROWS[kind].relax_weight)


def _stay(b: Builder, kind: str, p: AllocationProblem, which: Integers, sense: Sense, quarters: Integers,
          staff: Integers, added: Integers) -> None:
    """Rows comparing the staff at a place with those posted there in the last so many quarters.

    At least q quarters: staff_t >= sum of added over the last q quarters (the minimum up-time rows of unit
    commitment).  At most q quarters: staff_t <= the same sum.
    """
    nt = len(p.quarters)
    labels = list(product([p.resources[r] for r in which], p.places, p.quarters))
    position = np.arange(len(labels)).reshape(len(which), len(p.places), nt)
    here, cols, values = [position.ravel()], [staff[which].ravel()], [np.ones(len(labels))]
    for n, r in enumerate(which):
        for back in range(min(int(quarters[n]), nt)):
            here.append(position[n, :, back:].ravel())
            cols.append(added[r][:, :nt - back].ravel())
            values.append(np.full(here[-1].size, -1.0))
    b.rows(kind, STAFF_AXES, labels, sense, 0.0, np.concatenate(here), np.concatenate(cols), np.concatenate(values),
           unit=ROWS[kind].unit, relax_weight=ROWS[kind].relax_weight)
