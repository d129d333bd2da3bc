"""The allocation linear programme, from an :class:`AllocationProblem` to arrays and back.

Columns (r resource type, i place, t quarter, k segment), all >= 0

    staff[r,i,t]      additional staff at work, where type r can be sent to place i
    employed[r,t], joined[r,t], left[r,t]       stock of filled posts and its changes
    recruited[r,t]                              who begin their training
    added[r,i,t], withdrawn[r,i,t]              postings and their ends
    benefit[r,i,t,k] <= width[r,i,k]            staff in segment k of the effect curve
    team[r,i,t]                                 officers who work in joint teams
    contributed[r,i,t]                          staff that Member State i gives
    started[r,i,t] in {0, 1}                    work that is set up
    carried[h,y]                                money kept for the next year

minimise  - sum slope[r,i,k] timing[r,t] length[t] benefit[r,i,t,k]
          + cost_weight (sum unit_cost[r] years[t] employed[r,t] + training_cost[r] years[t] (recruits in training)
                         + posting_cost sum added[r,i,t] + set-up cost sum started[r,i,t])

The rows are listed in :data:`ROWS` and written out in docs/optimiser.md.  Effect segments are bounded columns,
not cuts (far fewer rows); their sum *equals* the staff, so staff that does harm where a rule forces it is
priced as harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .linear_model import Floats, Integers, Label, LinearModel
from .problem import AllocationProblem
from .programme import Programme, chain, earlier, window

if TYPE_CHECKING:
    import xarray as xr

STAFF_AXES = ("resource", "place", "quarter")
POST_AXES = ("resource", "quarter")


@dataclass(frozen=True)
class RowKind:
    """What a kind of row is about: its unit, and whether it is a limit that can give way (or a definition)."""

    unit: str
    limit: bool


ROWS: dict[str, RowKind] = {
    "effort": RowKind("staff", False),
    "placement": RowKind("staff", False),
    "employment": RowKind("staff", False),
    "training": RowKind("staff", False),
    "deployed": RowKind("staff", False),
    "team_officers": RowKind("staff", False),
    "team_investigators": RowKind("staff", False),
    "contributions": RowKind("staff", False),
    "running": RowKind("staff", False),
    "pool": RowKind("posts", True),
    "shared_pool": RowKind("posts", True),
    "year_use": RowKind("post-quarters", True),
    "lead": RowKind("posts", True),
    "joiners": RowKind("posts", True),
    "training_places": RowKind("places", True),
    "budget": RowKind("EUR", True),
    "carry_most": RowKind("EUR", True),
    "absorb": RowKind("staff", True),
    "consent": RowKind("staff", True),
    "minimum": RowKind("staff", True),
    "least_team": RowKind("staff", True),
    "notice": RowKind("staff", True),
    "ramp_up": RowKind("staff", True),
    "ramp_down": RowKind("staff", True),
    "stay_least": RowKind("staff", True),
    "stay_most": RowKind("staff", True),
    "key_most": RowKind("staff", True),
    "key_least": RowKind("staff", True),
    "spare": RowKind("staff", True),
    "own_most": RowKind("of its own", True),
    "own_least": RowKind("of its own", True),
    "own_equal": RowKind("of its own", True),
}
"""Kinds of rows; the last three are those that a user adds (:mod:`.extending`).  What giving way by one unit of a limit counts is ``AllocationProblem.give_way`` (registry rows
``optimise.relax_*``)."""

MONEY = frozenset(kind for kind, row in ROWS.items() if row.unit == "EUR")
"""Kinds of rows in money: the programme counts them in ``AllocationProblem.money_unit`` euros."""

EUR_PER_WEIGHT = 1000.0
"""Euros that the weight of a budget in ``give_way`` is for."""


def euros_per_unit(problem: AllocationProblem, kind: str) -> float:
    """Reported units (euros for money) per unit in which the programme counts a kind of row."""
    return problem.money_unit if kind in MONEY else 1.0


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
    index : mapping str -> int array
        Where each kind of column stands, shaped like its axes over all resources, places, quarters, segments; -1
        where there is no such column (a type that cannot be sent to a place).  Read values with :meth:`values`.
    """

    problem: AllocationProblem
    model: LinearModel
    tie_break: Floats
    index: Mapping[str, Integers]

    def values(self, name: str, x: Floats) -> Floats:
        """Values of one kind of column, shaped like its axes; zero where there is no such column."""
        index = self.index[name]
        return np.where(index >= 0, x[index], 0.0)

    def staff(self, x: Floats) -> Floats:
        """Staff (R, P, T) in the column values `x`; tiny negatives and dust set to zero."""
        staff = self.values("staff", x)
        return np.where(staff < 1e-9, 0.0, staff)

    def objective(self, x: Floats) -> float:
        """Weighted harm against no additional staff, in points, without the tie-break."""
        return float((self.model.cost - self.tie_break) @ x) * self.model.objective_unit

    def spending(self, x: Floats) -> Floats:
        """Euros by resource type and quarter (R, T)."""
        return spending(self.problem, *(self.values(name, x) for name in ("employed", "added", "recruited", "started")))


def labelled(problem: AllocationProblem, staff: Floats) -> xr.DataArray:
    """Staff (R, P, T) with its labels: an array over resource, place and quarter."""
    import xarray as xr

    return xr.DataArray(
        staff, coords=dict(zip(STAFF_AXES, (list(problem.resources), list(problem.places), list(problem.quarters)),
                               strict=True)), dims=STAFF_AXES, name="staff",
        attrs={"long_name": "additional staff", "units": "full-time equivalents, or units of equipment"})


def staff_table(allocation: xr.DataArray) -> pd.DataFrame:
    """A labelled allocation as a data frame resource, place, quarter, staff; rows without staff left out."""
    frame = allocation.transpose(*STAFF_AXES).to_series().rename("staff").reset_index()
    return frame[frame["staff"] > 1e-9].reset_index(drop=True)


def staff_array(problem: AllocationProblem, frame: pd.DataFrame) -> Floats:
    """Staff (R, P, T) of a data frame resource, place, quarter, staff; what the problem does not know is left out."""
    index = pd.MultiIndex.from_product([problem.resources, problem.places, problem.quarters], names=STAFF_AXES)
    series = frame.set_index(list(STAFF_AXES))["staff"].reindex(index, fill_value=0.0)
    return series.to_numpy(dtype=np.float64).reshape(
        len(problem.resources), len(problem.places), len(problem.quarters))


# ------------------------------------------------------------------------------------------ independent of the programme


def spending(problem: AllocationProblem, employed: Floats, added: Floats, recruited: Floats, started: Floats) -> Floats:
    """Euros by resource type and quarter (R, T).

    Parameters
    ----------
    employed, recruited : arrays (R, T)
    added, started : arrays (R, P, T)
        Postings, and work that is set up.
    """
    years = problem.quarter_years
    training = np.zeros_like(employed)
    for r, lead in enumerate(problem.lead.tolist()):
        for back in range(min(lead, training.shape[1])):
            training[r, back:] += recruited[r, :training.shape[1] - back]
    eur = (employed * problem.unit_cost[:, None] + training * problem.training_cost[:, None]) * years
    eur = eur + problem.posting_cost * added.sum(axis=1)
    for work in problem.set_up:
        r = problem.resources.index(work.resource)
        eur[r] += work.eur * started[r].sum(axis=0)
    return np.asarray(eur, dtype=np.float64)


def value_of(problem: AllocationProblem, staff: Floats, employed: Floats | None = None) -> dict[str, float]:
    """Points avoided, euros spent and net points of an allocation, straight from the curves.

    Independent of the linear programme, for checking it and for valuing comparison rules.

    Parameters
    ----------
    staff : array (R, P, T)
    employed : array (R, T), optional
        Posts filled; by default as many as are at work.

    Notes
    -----
    Euros are the least that these numbers can cost: postings and hires that replace others in the same quarter leave no
    trace in them.
    """
    points = float((problem.benefit(in_teams(problem, staff)) * _effect_factor(problem)[:, None, :]).sum())
    filled = staff.sum(axis=1) if employed is None else employed
    quarters = staff.shape[2]
    before = np.concatenate([np.zeros((*staff.shape[:2], 1)), staff[:, :, :-1]], axis=2)
    joined = np.maximum(np.diff(filled, axis=1, prepend=0.0), 0.0)
    recruited = np.zeros_like(joined)
    for r, lead in enumerate(problem.lead.tolist()):
        if 0 < lead < quarters:
            recruited[r, :quarters - lead] = joined[r, lead:] / problem.completion[r]
    started = np.zeros_like(staff)
    for work in problem.set_up:
        r = problem.resources.index(work.resource)
        until = np.zeros(staff.shape[1])
        for t in range(quarters):
            begins = (staff[r, :, t] > 1e-9) & (until <= t)
            started[r, begins, t] = 1.0
            until[begins] = t + work.lasts
    euros = float(spending(problem, filled, np.maximum(staff - before, 0.0), recruited, started).sum())
    return {"avoided": points, "eur": euros, "objective": -points + problem.cost_weight * euros}


def in_teams(problem: AllocationProblem, staff: Floats) -> Floats:
    """Staff (R, P, T) that takes effect: officers only as far as there are partners for joint teams.

    Where several types of officers share the partners of a place, those whose next one avoids most come first (the
    pieces of the curves in falling order; nobody joins a team to do harm).
    """
    working = staff.copy()
    if problem.teams is None or not problem.officers:
        return working
    partners = np.zeros(staff.shape[1:])
    if problem.teams.investigator in problem.resources:
        partners = staff[problem.resources.index(problem.teams.investigator)]
    room = (partners + problem.teams.home[:, None]) / problem.teams.ratio
    officers = list(problem.officers)
    working[officers] = 0.0
    worth = _effect_factor(problem)
    for i, t in product(range(staff.shape[1]), range(staff.shape[2])):
        pieces = []
        for r in officers:
            left = staff[r, i, t]
            for k in range(problem.width.shape[2]):
                size = min(left, problem.width[r, i, k])
                left -= size
                pieces.append((-problem.slope[r, i, k] * worth[r, t], r, size))
        for harm, r, size in sorted(pieces):
            if harm < 0 and size > 0:
                taken = min(size, room[i, t])
                working[r, i, t] += taken
                room[i, t] -= taken
    return working


def _effect_factor(problem: AllocationProblem) -> Floats:
    """Quarters' worth of effect by type and quarter (R, T): timing times the quarter's length in quarters."""
    return np.asarray(problem.timing * problem.quarter_years * 4, dtype=np.float64)


def _noise(seed: int, labels: Iterable[Label]) -> Floats:
    """Numbers in (0, 1] that depend on the seed and the label alone, not on the order of anything."""
    def one(label: tuple[str, ...]) -> float:
        digest = hashlib.blake2b(f"{seed}|{'|'.join(label)}".encode(), digest_size=6).digest()
        return (int.from_bytes(digest, "big") + 1) / 2**48
    return np.array([one(label) for label in labels])


# ------------------------------------------------------------------------------------------ the programme


def build(problem: AllocationProblem) -> AllocationModel:
    """Build the linear model of `problem` (see the module's head and docs/optimiser.md)."""
    p = problem
    years = tuple(dict.fromkeys(str(year) for year in p.years))
    headings = tuple(dict.fromkeys(h for h, _ in p.budgets))
    names = {"resource": p.resources, "place": p.places, "quarter": p.quarters, "year": years, "heading": headings,
             "segment": tuple(str(k + 1) for k in range(p.width.shape[2])), "pool": tuple(pool.name for pool in p.pools)}
    units = {kind: f"EUR {p.money_unit:,.0f}" if kind in MONEY else row.unit for kind, row in ROWS.items()}
    weights = {kind: p.give_way.get(kind, 1.0) * (p.money_unit / EUR_PER_WEIGHT if kind in MONEY else 1.0)
               for kind, row in ROWS.items() if row.limit}
    lp = Programme(names, units, weights, _objective_unit(p))
    tie = _columns(p, lp)
    _definitions(p, lp)
    _posts(p, lp)
    if p.budgets:
        _money(p, lp)
    _hosts(p, lp)
    _movement(p, lp)
    if p.key is not None:
        _contributions(p, lp)
    model = lp.builder.build()
    tie_break = np.zeros_like(model.cost)
    for name, cost in tie.items():
        there = lp.index[name] >= 0
        tie_break[lp.index[name][there]] = np.broadcast_to(cost, there.shape)[there]
    return AllocationModel(p, model, tie_break, lp.index)


def _gains(p: AllocationProblem) -> Floats:
    """Points by segment and quarter (R, P, T, K)."""
    return np.asarray(p.slope[:, :, None, :] * _effect_factor(p)[:, None, :, None], dtype=np.float64)


def _largest_cost(p: AllocationProblem) -> float:
    """Largest magnitude in the objective, in points."""
    gains = _gains(p)
    used = np.broadcast_to(p.width[:, :, None, :] > 0, gains.shape)
    return max(float(np.abs(gains[used]).max(initial=0.0)),
               p.cost_weight * float((p.unit_cost[:, None] * p.quarter_years).max(initial=0.0)),
               p.cost_weight * p.posting_cost)


def _objective_unit(p: AllocationProblem) -> float:
    """Points per unit of the model's objective: costs then lie between about 1e-4 (tie-break) and 1000."""
    largest = _largest_cost(p)
    return float(10 ** (np.floor(np.log10(largest)) - 2)) if largest > 0 else 1.0


def _columns(p: AllocationProblem, lp: Programme) -> dict[str, Floats]:
    """All columns; returns the part of their cost that only breaks ties, by kind."""
    unit = _objective_unit(p)
    nr, np_, nt = len(p.resources), len(p.places), len(p.quarters)
    sent = np.broadcast_to(p.sites[:, :, None], (nr, np_, nt))
    # Bookkeeping that costs nothing would otherwise be free to hire and dismiss, post and withdraw, for no reason.
    largest = _largest_cost(p)
    bare = 1e-6 * (largest / unit if largest > 0 else 1.0)
    noise = bare * _noise(p.seed, product(p.resources, p.places, p.quarters)).reshape(nr, np_, nt)
    tie = {"staff": noise}
    eur = p.cost_weight / unit
    pay = eur * p.unit_cost[:, None] * p.quarter_years
    lp.columns("staff", STAFF_AXES, exists=sent, cost=noise, integer=p.integer[:, None, None], unit="staff")
    lp.columns("employed", POST_AXES, cost=pay, unit="posts")
    for name in ("joined", "left"):
        lp.columns(name, POST_AXES, cost=bare, unit="posts")
        tie[name] = np.array(bare)
    begins = np.arange(nt)[None, :] >= (p.first - p.lead)[:, None]
    ends = np.array([[p.quarter_years[t:t + lead].sum() for t in range(nt)] for lead in p.lead.tolist()])
    lp.columns("recruited", POST_AXES, exists=begins & (p.lead > 0)[:, None], unit="staff",
               cost=bare + eur * p.training_cost[:, None] * ends)
    tie["recruited"] = np.array(bare)
    lp.columns("added", STAFF_AXES, exists=sent, cost=eur * p.posting_cost, unit="staff")
    lp.columns("withdrawn", STAFF_AXES, exists=sent, cost=bare, unit="staff")
    tie["withdrawn"] = np.array(bare)
    width = np.broadcast_to(p.width[:, :, None, :], (nr, np_, nt, p.width.shape[2]))
    lp.columns("benefit", (*STAFF_AXES, "segment"), exists=sent[..., None] & (width > 0), cost=-_gains(p) / unit,
               upper=width, unit="staff")
    in_team = np.zeros((nr, 1, 1), dtype=np.bool_)
    in_team[list(p.officers)] = True
    lp.columns("team", STAFF_AXES, exists=sent & in_team, unit="staff")
    gives = np.zeros((nr, np_), dtype=np.bool_)
    if p.key is not None:
        drawn = np.array([name in p.key.resources for name in p.resources])
        gives[drawn] = p.key.share[drawn] > 0
    lp.columns("contributed", STAFF_AXES, exists=gives[:, :, None], cost=noise, unit="staff")
    tie["contributed"] = noise
    fixed = np.zeros(nr)
    for work in p.set_up:
        fixed[p.resources.index(work.resource)] = work.eur
    needs = np.isin(p.resources, [work.resource for work in p.set_up])
    lp.columns("started", STAFF_AXES, exists=sent & needs[:, None, None], upper=1.0, integer=True,
               cost=bare + eur * fixed[:, None, None], unit="set up")
    tie["started"] = np.array(bare)
    return tie


def _definitions(p: AllocationProblem, lp: Programme) -> None:
    c = lp.index
    staff, employed, team = c["staff"], c["employed"], c["team"]
    effective = staff.copy()
    effective[list(p.officers)] = team[list(p.officers)]
    lp.rows("effort", STAFF_AXES, "=", 0.0, (effective, 1.0), (c["benefit"], -1.0), where=staff >= 0)
    chain(lp, "placement", STAFF_AXES, staff, c["added"], c["withdrawn"])
    chain(lp, "employment", POST_AXES, employed, c["joined"], c["left"])
    trained = np.arange(len(p.quarters))[None, :] >= p.first[:, None]
    ready = np.stack([earlier(row, lead) for row, lead in zip(c["recruited"], p.lead.tolist(), strict=True)])
    lp.rows("training", POST_AXES, "=", 0.0, (c["joined"], 1.0), (ready, -p.completion[:, None]),
            where=trained & (p.lead > 0)[:, None])
    lp.rows("deployed", POST_AXES, "<=", 0.0, (_by_place(staff), 1.0), (employed, -1.0))
    if p.teams is not None and p.officers:
        lp.rows("team_officers", STAFF_AXES, "<=", 0.0, (team, 1.0), (staff, -1.0), where=team >= 0)
        partners = np.full(staff.shape[1:], -1, dtype=np.int64)
        if p.teams.investigator in p.resources:
            partners = staff[p.resources.index(p.teams.investigator)]
        lp.rows("team_investigators", ("place", "quarter"), "<=", p.teams.home[:, None],
                (np.moveaxis(team, 0, 2), p.teams.ratio), (partners, -1.0), where=(team >= 0).any(axis=0))
    if p.set_up:
        most, lasts, _ = _set_up(p)
        lp.rows("running", STAFF_AXES, "<=", 0.0, (staff, 1.0),
                (window(c["started"], lasts[:, None]), -most[:, None, None, None]), where=c["started"] >= 0)


def _set_up(p: AllocationProblem) -> tuple[Floats, Integers, Floats]:
    """By resource type: most staff that work set up at a place can have, quarters that it lasts, least staff.

    The most is as many as can ever be there, also when limits give way: a tighter figure would be a limit that could
    not be blamed.
    """
    most, lasts, least = np.zeros(len(p.resources)), np.zeros(len(p.resources), dtype=np.int64), np.zeros(len(p.resources))
    for work in p.set_up:
        r = p.resources.index(work.resource)
        posts = float(p.available[r][np.isfinite(p.available[r])].max(initial=0.0))
        most[r] = max(posts + float(p.minimum[r].sum()), work.least) + 1.0
        lasts[r], least[r] = work.lasts, work.least
    return most, lasts, least


def _posts(p: AllocationProblem, lp: Programme) -> None:
    c = lp.index
    employed, joined = c["employed"], c["joined"]
    started = np.arange(len(p.quarters))[None, :] >= p.first[:, None]
    lp.rows("pool", POST_AXES, "<=", p.available, (employed, 1.0), where=started & np.isfinite(p.available))
    lp.rows("lead", POST_AXES, "<=", 0.0, (joined, 1.0), where=~started)
    lp.rows("joiners", POST_AXES, "<=", p.joiners[:, None], (joined, 1.0),
            where=started & np.isfinite(p.joiners)[:, None])
    lp.rows("training_places", POST_AXES, "<=", p.training_places[:, None], (window(c["recruited"], p.lead), 1.0),
            where=(p.lead > 0)[:, None] & np.isfinite(p.training_places)[:, None])
    if p.pools:
        members = np.array([[name in pool.resources for name in p.resources] for pool in p.pools])
        drawing = np.where(members[:, None, :], np.moveaxis(employed, 0, 1)[None], -1)
        lp.rows("shared_pool", ("pool", "quarter"), "<=", np.array([[pool.available] for pool in p.pools]),
                (drawing, p.posts))
    by_year = _by_year(p, employed)
    most = np.stack([p.available[:, np.array(p.years) == year].max(axis=1) for year in dict.fromkeys(p.years)], axis=1)
    limited = np.isfinite(p.year_use)[:, None] & np.isfinite(most)
    use = np.where(limited, most, 0.0) * np.where(np.isfinite(p.year_use), p.year_use, 0.0)[:, None]
    lp.rows("year_use", ("resource", "year"), "<=", use, (by_year, p.quarter_years * 4), where=limited)


def _by_year(p: AllocationProblem, columns: Integers) -> Integers:
    """Columns (..., T) by calendar year (..., Y, T): -1 in the quarters of other years."""
    in_year = np.array([[year == y for y in p.years] for year in dict.fromkeys(p.years)])
    return np.where(in_year, columns[..., None, :], -1)


def _by_place(columns: Integers) -> Integers:
    """Columns (R, P, T, ...) with the places after the quarters (R, T, P, ...), to be summed over."""
    return np.moveaxis(columns, 1, 2)


def _money(p: AllocationProblem, lp: Programme) -> None:
    """Budgets by heading and year, with what is kept for the next year."""
    c = lp.index
    headings, years = tuple(dict.fromkeys(h for h, _ in p.budgets)), tuple(dict.fromkeys(p.years))
    limits = np.array([[p.budgets.get((h, y), 0.0) for y in years] for h in headings]) / p.money_unit
    pays = np.array([[p.heading.get(name) == h for name in p.resources] for h in headings])
    share = np.array([p.carry_over.get(h, 0.0) for h in headings])
    next_year = np.arange(len(years)) < len(years) - 1
    carried = lp.columns("carried", ("heading", "year"), exists=(share > 0)[:, None] & next_year, unit="EUR")
    pay = p.unit_cost[:, None] * p.quarter_years / p.money_unit
    training = p.training_cost[:, None] * p.quarter_years / p.money_unit
    fixed = np.zeros(len(p.resources))
    for work in p.set_up:
        fixed[p.resources.index(work.resource)] = work.eur / p.money_unit

    def terms(columns: Integers, value: Floats) -> tuple[Integers, Floats]:
        """Columns (R, [P,] T) by heading and year (H, Y, R, ..., T), with their values."""
        by_year = np.moveaxis(_by_year(p, columns), -2, 0)
        chosen = np.where(pays.reshape(len(headings), 1, -1, *(1,) * (columns.ndim - 1)), by_year[None], -1)
        return chosen, np.broadcast_to(value, columns.shape)

    in_training = window(c["recruited"], p.lead)
    rows = [terms(c["employed"], pay), terms(c["added"], np.array(p.posting_cost / p.money_unit)),
            terms(c["started"], fixed[:, None, None])]
    rows += [terms(in_training[..., back], training) for back in range(in_training.shape[-1])]
    spends = pays.sum(axis=1)[:, None] > 0
    lp.rows("budget", ("heading", "year"), "<=", limits, *rows, (carried, 1.0), (earlier(carried), -1.0), where=spends)
    lp.rows("carry_most", ("heading", "year"), "<=", limits * share[:, None], (carried, 1.0), where=carried >= 0)


def _hosts(p: AllocationProblem, lp: Programme) -> None:
    staff = lp.index["staff"]
    there = np.moveaxis(staff, 0, 2)
    lp.rows("absorb", ("place", "quarter"), "<=", p.absorb[:, None], (np.where(p.hosted > 0, there, -1), p.hosted),
            where=np.isfinite(p.absorb)[:, None])
    asking = np.where(p.asks, there, -1).reshape(len(p.places), -1)
    lp.rows("consent", ("place",), "<=", 0.0, (asking, 1.0), where=~p.consent)
    started = np.arange(len(p.quarters))[None, :] >= p.first[:, None]
    lp.rows("minimum", STAFF_AXES, ">=", p.minimum[:, :, None], (staff, 1.0),
            where=(p.minimum > 0)[:, :, None] & started[:, None, :])
    if p.set_up:
        _, lasts, least = _set_up(p)
        running = window(lp.index["started"], lasts[:, None])
        lp.rows("least_team", STAFF_AXES, ">=", 0.0, (staff, 1.0), (running, -least[:, None, None, None]),
                where=(lp.index["started"] >= 0) & (least > 0)[:, None, None])


def _movement(p: AllocationProblem, lp: Programme) -> None:
    c = lp.index
    staff, added, withdrawn = c["staff"], c["added"], c["withdrawn"]
    if p.notice:
        # Who was withdrawn in the last quarters is on the way, unless as many have left altogether.
        lp.rows("notice", POST_AXES, "<=", 0.0, (_by_place(staff), 1.0), (_by_place(window(withdrawn, p.notice)), 1.0),
                (window(c["left"], p.notice), -1.0), (c["employed"], -1.0))
    if np.isfinite(p.ramp):
        lp.rows("ramp_up", STAFF_AXES, "<=", p.ramp, (added, 1.0), (withdrawn, -1.0), where=staff >= 0)
        lp.rows("ramp_down", STAFF_AXES, "<=", p.ramp, (withdrawn, 1.0), (added, -1.0), where=staff >= 0)
    # A posting lasts at least so long: the minimum up-time rows of unit commitment; and at most so long.
    if p.stay_least > 1:
        lp.rows("stay_least", STAFF_AXES, ">=", 0.0, (staff, 1.0), (window(added, p.stay_least), -1.0), where=staff >= 0)
    most = np.where(p.stay_most < len(p.quarters), p.stay_most, 0.0).astype(np.int64)
    lp.rows("stay_most", STAFF_AXES, "<=", 0.0, (staff, 1.0), (window(added, most[:, None]), -1.0),
            where=(most > 0)[:, None, None] & (staff >= 0))


def _contributions(p: AllocationProblem, lp: Programme) -> None:
    assert p.key is not None
    given, employed, staff = lp.index["contributed"], lp.index["employed"], lp.index["staff"]
    total = np.broadcast_to(employed[:, None, :], given.shape)
    lp.rows("contributions", POST_AXES, "=", 0.0, (_by_place(given), 1.0), (employed, -1.0),
            where=(given >= 0).any(axis=1))
    share = p.key.share[:, :, None]
    lp.rows("key_most", STAFF_AXES, "<=", 0.0, (given, 1.0), (total, -(1.0 + p.key.band) * share), where=given >= 0)
    if p.key.least > 0:
        lp.rows("key_least", STAFF_AXES, ">=", 0.0, (given, 1.0), (total, -p.key.least * share), where=given >= 0)
    # One row for each stock, under the name of its first type.
    spare = p.key.spare[:, :, None]
    group = [[p.resources.index(kind) for kind in p.key.shares_with(name)] if name in p.key.resources else [r]
             for r, name in enumerate(p.resources)]
    together = np.full((*given.shape, max(map(len, group))), -1, dtype=np.int64)
    at_home = together.copy()
    for r, members in enumerate(group):
        if r == min(members):
            together[r, :, :, :len(members)] = np.moveaxis(given[members], 0, -1)
            at_home[r, :, :, :len(members)] = np.moveaxis(staff[members], 0, -1)
    gives = together.max(axis=-1) >= 0
    lp.rows("spare", STAFF_AXES, "<=", spare, (together, 1.0), (at_home, -1.0), where=gives & np.isfinite(spare))
