"""Comparison rules: feasible allocations without optimisation, to show what a plan is worth against.

Each rule keeps every limit of the problem.  Shares (by population, by workload) are wishes: the feasible
allocation nearest to them is taken, where falling short costs more the further a place falls short, so that
a scarce budget thins all wishes alike.  Greedy sends staff, unit by unit, where the next one avoids most
harm net of its cost, and never takes anyone back.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from .allocation import AllocationModel
from .linear_model import Block, Floats, Integers, LinearModel
from .problem import AllocationProblem
from .programme import earlier
from .solving import solve

STEPS = 10
"""Pieces in which falling short of a wish becomes dearer."""

DUST = 1e-9


def by_share(allocation: AllocationModel, share: Floats) -> Floats:
    """The feasible allocation nearest to giving every place its share of all that is available.

    Parameters
    ----------
    share : array (P,) or (R, P)
        Shares of the places, summing to one (per resource type).

    Returns
    -------
    array (R, P, T)
        Staff.

    Notes
    -----
    Whole-number conditions are left out.  Minimises the convex piecewise-linear sum over places of (shortfall / wish)^2 * wish, in ten pieces, with
    staff beyond a wish priced above every shortfall.
    """
    p = allocation.problem
    shares = np.broadcast_to(share, (len(p.resources), len(p.places)))
    if np.isnan(shares).any() or (shares < 0).any() or not np.allclose(shares.sum(axis=1), 1.0):
        raise ValueError("shares must be zero or more and sum to one for each resource type")
    # Joint limits of several types on one pool are part of the problem, not of the wish.
    wished = shares[:, :, None] * np.where(np.isfinite(p.available), p.available, 0.0)[:, None, :]
    model = allocation.model
    where = allocation.index["staff"] >= 0
    columns, wish = allocation.index["staff"][where], wished[where]
    n, size = model.shape[1], wish.size
    pieces = np.repeat(wish / STEPS, STEPS)
    price = np.tile((2 * np.arange(STEPS) + 1) / STEPS, size)
    position = np.arange(size)
    extra = sparse.coo_array(
        (np.concatenate([np.ones(size * STEPS), -np.ones(size)]),
         (np.concatenate([np.repeat(position, STEPS), position]),
          np.concatenate([np.arange(size * STEPS), size * STEPS + position]))), shape=(size, size * (STEPS + 1)))
    staff = sparse.coo_array((np.ones(size), (position, columns)), shape=(size, n))
    nothing = sparse.coo_array((model.shape[0], size * (STEPS + 1)))
    matrix = sparse.block_array([[model.matrix, nothing], [staff, extra]], format="csr")
    start = model.rows[-1].stop
    beyond = np.full(size, 2.0 * 2.0)
    nearest = LinearModel(
        cost=np.concatenate([np.zeros(n), price, beyond]), matrix=matrix,
        row_lower=np.concatenate([model.row_lower, wish]), row_upper=np.concatenate([model.row_upper, wish]),
        lower=np.concatenate([model.lower, np.zeros(size * (STEPS + 1))]),
        upper=np.concatenate([model.upper, pieces, np.full(size, np.inf)]),
        integer=np.zeros(n + size * (STEPS + 1), dtype=np.bool_),
        columns=(*model.columns, Block("distance", ("n",), tuple((str(i),) for i in range(size * (STEPS + 1))), n)),
        rows=(*model.rows, Block("wish", ("n",), tuple((str(i),) for i in range(size)), start)), name="nearest")
    return allocation.staff(solve(nearest, "scipy").x[:n])


def greedy(allocation: AllocationModel) -> Floats:
    """Send the next unit of staff where it avoids most harm net of cost, until nothing helps or fits.

    A unit of type r is sent to place i from quarter t to the end of the horizon and counts for all it avoids until
    then; the step goes on until its effect curve bends or a limit binds (ratio test on the rows of the model).  It starts from the cheapest
    allocation that keeps the minima.

    Returns
    -------
    array (R, P, T)
        Staff.
    """
    p = allocation.problem
    model = allocation.model
    x = _least(allocation)
    matrix = model.matrix.tocsc()
    nt = len(p.quarters)
    staff, added, employed, benefit = (allocation.index[name] for name in ("staff", "added", "employed", "benefit"))
    by_key = np.zeros(model.shape[0], dtype=np.bool_)
    for block in model.rows:
        by_key[block.start:block.stop] = block.name in CONTRIBUTION_ROWS

    late = np.arange(nt)[None, :] < p.first[:, None]
    tired = late[:, None, :] | ~(p.sites & (p.width > 0).any(axis=2))[:, :, None]
    while True:
        # Cost of the open segment of every curve, then summed from each quarter to the end.
        opened = np.argmax(allocation.values("benefit", x) < p.width[:, :, None, :] - DUST, axis=3)
        margin = np.take_along_axis(model.cost[benefit], opened[..., None], axis=3)[..., 0]
        idle = x[employed] - allocation.values("staff", x).sum(axis=1)
        spare = np.minimum.accumulate(idle[:, ::-1], axis=1)[:, ::-1] > DUST
        pay = np.cumsum(model.cost[employed][:, ::-1], axis=1)[:, ::-1]
        gain = np.cumsum((margin + model.cost[staff])[:, :, ::-1], axis=2)[:, :, ::-1] + model.cost[added]
        gain = gain + np.where(spare, 0.0, pay + _training(allocation))[:, None, :]
        score = np.where(tired, 0.0, gain)
        r, i, first = (int(n) for n in np.unravel_index(int(np.argmin(score)), score.shape))
        if score[r, i, first] >= -DUST:
            return allocation.staff(x)
        quarters = np.arange(first, nt)
        hire = not spare[r, first]
        starts = _starts(allocation, x, r, i, first)
        x[starts] += 1.0
        which, rate = _one_more(allocation, r, i, first, opened[r, i], hire)
        activity = model.matrix @ x
        change = matrix[:, which] @ rate
        room = np.where(change > DUST, model.row_upper - activity,
                        np.where(change < -DUST, activity - model.row_lower, np.inf))
        room[by_key] = np.inf  # contributions are shared out anew below
        step = float(np.min(room / np.maximum(np.abs(change), DUST), initial=np.inf))
        moving = rate > 0
        step = min(step, float(np.min((model.upper[which] - x[which])[moving] / rate[moving], initial=np.inf)))
        if hire:
            step = _contributed(p, r, i, quarters, x[employed[r, quarters]],
                                allocation.values("staff", x)[r][:, quarters], step)
        if p.integer[r]:
            step = float(np.floor(step + DUST))
        elif idle[r, first:].min() > DUST:
            step = min(step, float(idle[r, first:].min()))
        least = max((work.least for work in p.set_up if work.resource == p.resources[r]), default=0.0)
        pays = step * score[r, i, first] + float(model.cost[starts].sum()) < -DUST
        broken = (activity > model.row_upper + DUST) & (np.abs(change) <= DUST)  # by setting up, and no staff mends it
        if step <= DUST or (starts.size and (step < least or not pays or broken.any())):
            x[starts] -= 1.0
            tired[r, i, first] = True
            continue
        np.add.at(x, which, step * rate)


CONTRIBUTION_ROWS = frozenset(("contributions", "key_most", "key_least", "spare"))


def _one_more(
    allocation: AllocationModel, r: int, i: int, first: int, opened: Integers, hire: bool,
) -> tuple[Integers, Floats]:
    """Columns, and their rates, of one more of type r at place i from quarter `first` to the end."""
    p, c = allocation.problem, allocation.index
    nt = len(p.quarters)
    quarters = np.arange(first, nt)
    columns = [c["staff"][r, i, quarters], c["benefit"][r, i, quarters, opened[quarters]], c["added"][r, i, [first]]]
    if r in p.officers:
        columns.append(c["team"][r, i, quarters])
    joins = np.array([first] if hire else [], dtype=np.int64)
    if np.isfinite(p.stay_most[r]):
        turns = np.arange(first + int(p.stay_most[r]), nt, int(p.stay_most[r]))
        columns += [c["added"][r, i, turns], c["withdrawn"][r, i, turns]]
        if p.notice:  # who has had the turn leaves, and a new one joins: nobody is on the way
            columns.append(c["left"][r, turns])
            joins = np.concatenate([joins, turns])
    rates = [np.ones(col.size) for col in columns]
    if hire:
        columns.append(c["employed"][r, quarters])
        rates.append(np.ones(quarters.size))
    columns.append(c["joined"][r, joins])
    rates.append(np.ones(joins.size))
    if p.lead[r] > 0:
        columns.append(c["recruited"][r, joins - p.lead[r]])
        rates.append(np.full(joins.size, 1.0 / p.completion[r]))
    return np.concatenate(columns), np.concatenate(rates)


def _starts(allocation: AllocationModel, x: Floats, r: int, i: int, first: int) -> Integers:
    """Columns that set up the work of type r at place i wherever it is not running from quarter `first` on."""
    p = allocation.problem
    lasts = next((work.lasts for work in p.set_up if work.resource == p.resources[r]), 0)
    column = allocation.index["started"][r, i]
    begun = np.flatnonzero(allocation.values("started", x)[r, i] > 0)
    out = []
    t = first if lasts else len(p.quarters)
    while t < len(p.quarters):
        if ((begun <= t) & (t < begun + lasts)).any():
            t += 1
        else:
            out.append(column[t])
            t += lasts
    return np.array(out, dtype=np.int64)


def _training(allocation: AllocationModel) -> Floats:
    """Cost of the recruit who joins in each quarter (R, T); zero where nobody needs training."""
    p = allocation.problem
    recruited = allocation.index["recruited"]
    ready = np.stack([earlier(row, lead) for row, lead in zip(recruited, p.lead.tolist(), strict=True)])
    return np.where(ready >= 0, allocation.model.cost[ready], 0.0) / p.completion[:, None]


def _contributed(
    problem: AllocationProblem, r: int, i: int, quarters: Integers, employed: Floats, staff: Floats, step: float,
) -> float:
    """Largest step up to `step` of type r into place i for which Member States can still contribute by their key.

    Contributions that sum to E, each at most (1 + band) times key_j E and at most spare_j + staff_j, and at least a
    share of key_j E, exist exactly when the upper limits add up to E and none lies below its lower one.
    """
    key = problem.key
    if key is None or problem.resources[r] not in key.resources or step <= 0:
        return step
    # Types from one stock divide what a state can spare evenly, so that none has to know what the others take.
    spare = key.spare[r][:, None] / len(key.shares_with(problem.resources[r]))

    def possible(more: float) -> bool:
        total = employed + more
        at = staff.copy()
        at[i] += more
        owed = key.share[r][:, None] * total
        most = np.minimum((1.0 + key.band) * owed, spare + at)
        return bool((most.sum(axis=0) >= total - DUST).all() and (most >= key.least * owed - DUST).all())

    if possible(step):
        return step
    low, high = 0.0, step
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if possible(middle) else (low, middle)
    return low


def _least(allocation: AllocationModel) -> Floats:
    """Column values of the allocation with the least staff that keeps every limit."""
    model = allocation.model
    cost = model.cost.copy()
    high = 10 * float(np.abs(cost).max(initial=1.0))
    for name in ("staff", "employed"):
        cost[model.column_block(name).indices] += high
    return solve(replace(model, cost=cost), "scipy").x.copy()
