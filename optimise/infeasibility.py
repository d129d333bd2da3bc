"""Why no plan is feasible: the limits that contradict each other, and the smallest relaxation.

Only limits can be blamed (rows with a ``relax_weight``); definitions always hold.  Two answers are given:

* an *irreducible* conflicting set: together with the definitions these limits admit nothing, and leaving
  out any one of them admits something (elastic filter, then deletion filter; Chinneck and Dravnieks 1991,
  ORSA Journal on Computing 3:157-168);
* the smallest weighted relaxation: how far which limits would have to give way, found by a re-solve in
  which every limit may be broken at a price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from .labels import taken
from .linear_model import Block, Booleans, Floats, Label, LinearModel
from .solving import Infeasible, SolveError, is_feasible, solve

DUST = 1e-7


@dataclass(frozen=True)
class Conflict:
    """Limits that contradict each other.

    Attributes
    ----------
    rows : tuple of int
        Irreducible conflicting set, as row indices, in row order.
    relaxed : tuple of int
        Rows that give way in the smallest relaxation.
    by : array
        How far each of these gives way, in its unit.
    """

    model: LinearModel
    rows: tuple[int, ...]
    relaxed: tuple[int, ...]
    by: Floats

    def row(self, index: int) -> tuple[Block, Label, float]:
        """Block, label and right-hand side of a row."""
        return locate(self.model, index)


def locate(model: LinearModel, index: int) -> tuple[Block, Label, float]:
    """Block, label and right-hand side of row `index`."""
    low = float(model.row_lower[index])
    rhs = low if np.isfinite(low) else float(model.row_upper[index])
    for block in model.rows:
        if block.start <= index < block.stop:
            return block, block.labels[index - block.start], rhs
    raise IndexError(index)


def relax_weights(model: LinearModel) -> Floats:
    """Price per unit of each row for giving way; 0 for definitions."""
    return np.concatenate([np.full(len(b.labels), b.relax_weight) for b in model.rows]) if model.rows else np.zeros(0)


def explain(model: LinearModel) -> Conflict | None:
    """The conflict in `model`, or None when some point satisfies everything.

    Raises
    ------
    SolveError
        When the definitions alone contradict each other, which no limit can cure.
    """
    weights = relax_weights(model)
    blamed = weights > 0
    try:
        total, slack = _elastic(model, weights, blamed)
    except Infeasible as error:
        raise SolveError("the definitions of the model contradict each other, whatever the limits") from error
    if total <= DUST:
        return None
    relaxed = tuple(np.flatnonzero(slack > DUST).tolist())
    by = slack[list(relaxed)]
    # Elastic filter: limits that give way are made firm, until what is firm contradicts itself.
    firm = np.zeros_like(blamed)
    while True:
        firm |= slack > DUST
        try:
            total, slack = _elastic(model, weights, blamed & ~firm)
        except Infeasible:
            break
        if total <= DUST:
            # Rounding: the rest gives way by less than can be told from nothing.  Take every limit.
            firm = blamed.copy()
            break
    # Deletion filter: a limit without which the contradiction stays is no part of it.
    kept = firm.copy()
    for row in np.flatnonzero(firm):
        kept[row] = False
        if is_feasible(_only(model, kept | ~blamed)):
            kept[row] = True
    return Conflict(model, tuple(np.flatnonzero(kept).tolist()), relaxed, by)


def _only(model: LinearModel, keep: Booleans) -> LinearModel:
    """The model with some of its rows."""
    return replace(model, matrix=model.matrix[np.flatnonzero(keep)], row_lower=model.row_lower[keep],
                   row_upper=model.row_upper[keep], rows=rows_kept(model.rows, keep))


def rows_kept(blocks: Sequence[Block], keep: Booleans) -> tuple[Block, ...]:
    """Blocks of the rows to keep, numbered anew; blocks of which nothing is kept fall away."""
    out, start = [], 0
    for block in blocks:
        labels = taken(block.labels, keep[block.start:block.stop])
        if labels:
            out.append(replace(block, labels=labels, start=start))
            start += len(labels)
    return tuple(out)


def elastic(model: LinearModel, weights: Floats, may_give: Booleans) -> LinearModel:
    """The model in which rows `may_give` can be broken at a price per unit, and nothing else costs anything."""
    where = np.flatnonzero(may_give)
    up = where[np.isfinite(model.row_lower[where])]
    down = where[np.isfinite(model.row_upper[where])]
    m, n = model.shape
    rows = np.concatenate([up, down])
    signs = np.concatenate([np.ones(up.size), -np.ones(down.size)])
    extra = sparse.coo_array((signs, (rows, np.arange(rows.size))), shape=(m, rows.size))
    blocks = model.columns
    names = [str(i) for i in range(rows.size)]
    if rows.size:
        blocks = (*blocks, Block("gives_way", ("row",), tuple((name,) for name in names), n))
    return replace(
        model, cost=np.concatenate([np.zeros(n), weights[rows]]), objective_unit=1.0,
        matrix=sparse.hstack([model.matrix, extra], format="csr"),
        lower=np.concatenate([model.lower, np.zeros(rows.size)]),
        upper=np.concatenate([model.upper, np.full(rows.size, np.inf)]),
        integer=np.concatenate([model.integer, np.zeros(rows.size, dtype=np.bool_)]), columns=blocks)


def _elastic(model: LinearModel, weights: Floats, may_give: Booleans) -> tuple[float, Floats]:
    """Least weighted sum of broken limits, and by how much each row is broken."""
    relaxed = elastic(model, weights, may_give)
    solution = solve(relaxed, "scipy", interior_point=True)
    m, n = model.shape
    slack = np.zeros(m)
    where = np.flatnonzero(may_give)
    rows = np.concatenate([where[np.isfinite(model.row_lower[where])], where[np.isfinite(model.row_upper[where])]])
    np.add.at(slack, rows, solution.x[n:])
    return float(relaxed.cost @ solution.x), slack

