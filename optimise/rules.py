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
    wish = (shares[:, :, None] * np.where(np.isfinite(p.available), p.available, 0.0)[:, None, :]).ravel()
    model = allocation.model
    block = model.column_block("staff")
    n, size = model.shape[1], wish.size
    pieces = np.repeat(wish / STEPS, STEPS)
    price = np.tile((2 * np.arange(STEPS) + 1) / STEPS, size)
    position = np.arange(size)
    extra = sparse.coo_array(
        (np.concatenate([np.ones(size * STEPS), -np.ones(size)]),
         (np.concatenate([np.repeat(position, STEPS), position]),
          np.concatenate([np.arange(size * STEPS), size * STEPS + position]))), shape=(size, size * (STEPS + 1)))
    staff = sparse.coo_array((np.ones(size), (position, block.indices)), shape=(size, n))
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
    nr, np_, nt, nk = len(p.resources), len(p.places), len(p.quarters), p.width.shape[2]

    def indices(name: str, *shape: int) -> Integers:
        return model.column_block(name).indices.reshape(shape)

    staff, added, withdrawn = (indices(name, nr, np_, nt) for name in ("staff", "added", "withdrawn"))
    employed, joined = indices("employed", nr, nt), indices("joined", nr, nt)
    benefit = indices("benefit", nr, np_, nt, nk)
    names = {block.name for block in model.columns}
    by_key = np.zeros(model.shape[0], dtype=np.bool_)
    for block in model.rows:
        by_key[block.start:block.stop] = block.name in CONTRIBUTION_ROWS
    officer = p.resources.index(p.teams.officer) if p.teams is not None and "team" in names else -1
    team = indices("team", np_, nt) if "team" in names else np.zeros((np_, nt), dtype=np.int64)

    late = np.arange(nt)[None, :] < p.first[:, None]
    tired = np.broadcast_to(late[:, None, :], (nr, np_, nt)).copy()
    while True:
        # Cost of the open segment of every curve, then summed from each quarter to the end.
        opened = np.argmax(x[benefit] < p.width[:, :, None, :] - DUST, axis=3)
        margin = np.take_along_axis(model.cost[benefit], opened[..., None], axis=3)[..., 0]
        idle = x[employed] - x[staff].sum(axis=1)
        spare = np.minimum.accumulate(idle[:, ::-1], axis=1)[:, ::-1] > DUST
        pay = np.cumsum(model.cost[employed][:, ::-1], axis=1)[:, ::-1]
        gain = np.cumsum((margin + model.cost[staff])[:, :, ::-1], axis=2)[:, :, ::-1] + model.cost[added]
        gain = gain + np.where(spare, 0.0, pay)[:, None, :]
        score = np.where(tired, 0.0, gain)
        r, i, first = np.unravel_index(int(np.argmin(score)), score.shape)
        if score[r, i, first] >= -DUST:
            return allocation.staff(x)
        quarters = np.arange(first, nt)
        columns = [staff[r, i, quarters], benefit[r, i, quarters, opened[r, i, quarters]], added[r, i, [first]]]
        if r == officer:
            columns.append(team[i, quarters])
        if np.isfinite(p.stay_most[r]):
            turns = np.arange(first + int(p.stay_most[r]), nt, int(p.stay_most[r]))
            columns += [added[r, i, turns], withdrawn[r, i, turns]]
        rates = [np.ones(c.size) for c in columns]
        if not spare[r, first]:
            columns += [employed[r, quarters], joined[r, [first]]]
            rates += [np.ones(quarters.size), np.ones(1)]
        which, rate = np.concatenate(columns), np.concatenate(rates)
        activity = model.matrix @ x
        change = matrix[:, which] @ rate
        room = np.where(change > DUST, model.row_upper - activity,
                        np.where(change < -DUST, activity - model.row_lower, np.inf))
        room[by_key] = np.inf  # contributions are shared out anew below
        step = float(np.min(room / np.maximum(np.abs(change), DUST), initial=np.inf))
        moving = rate > 0
        step = min(step, float(np.min((model.upper[which] - x[which])[moving] / rate[moving], initial=np.inf)))
        if not spare[r, first]:
            step = _contributed(p, int(r), int(i), quarters, x[employed[r, quarters]], x[staff[r][:, quarters]], step)
        if p.integer[r]:
            step = float(np.floor(step + DUST))
        elif idle[r, first:].min() > DUST:
            step = min(step, float(idle[r, first:].min()))
        if step <= DUST:
            tired[r, i, first] = True
            continue
        np.add.at(x, which, step * rate)


CONTRIBUTION_ROWS = frozenset(("contributions", "key_most", "spare"))


def _contributed(
    problem: AllocationProblem, r: int, i: int, quarters: Integers, employed: Floats, staff: Floats, step: float,
) -> float:
    """Largest step up to `step` of type r into place i for which Member States can still contribute by their key.

    Contributions that sum to E, each at most (1 + band) times key_j E and at most spare_j + staff_j, exist exactly
    when these limits add up to E.
    """
    key = problem.key
    if key is None or problem.resources[r] not in key.resources or step <= 0:
        return step

    def possible(more: float) -> bool:
        total = employed + more
        at = staff.copy()
        at[i] += more
        most = np.minimum((1.0 + key.band) * key.share[r][:, None] * total, key.spare[r][:, None] + at)
        return bool((most.sum(axis=0) >= total - DUST).all())

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
