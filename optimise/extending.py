"""A plan's PuLP problem with a user's own rows and columns, back in arrays under the names it had.

The rows that the programme was built with keep their blocks, so that what is read from an answer (staff, prices, limits in
conflict) is read as before; whatever else the problem holds is added as blocks of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .allocation import AllocationModel
from .infeasibility import rows_kept
from .linear_model import Block, Floats, LinearModel
from .rendering import from_pulp

if TYPE_CHECKING:
    import pulp

OWN_COLUMNS = "own_column"
OWN_ROWS = {"<=": "own_most", ">=": "own_least", "=": "own_equal"}


def extended(allocation: AllocationModel, problem: pulp.LpProblem) -> AllocationModel:
    """The allocation model as `problem` now stands.

    Parameters
    ----------
    allocation : AllocationModel
        What `problem` was rendered from.
    problem : pulp.LpProblem
        With rows or variables added, rows taken out, bounds or the objective changed.

    Raises
    ------
    ValueError
        When a variable of the programme is gone, or the problem maximises.
    """
    model, read = allocation.model, from_pulp(problem)
    known = {label[0]: j for j, label in enumerate(read.columns[0].labels)}
    names = model.column_names()
    gone = [name for name in names if name not in known]
    if gone:
        raise ValueError(f"the problem no longer holds the variable {gone[0]}: a new objective has to name every variable, "
                         "if only with a coefficient of 0 (or add to the old one: problem.objective += ...)")
    own = list(known.keys() - set(names))
    own.sort()
    columns = np.array([known[name] for name in [*names, *own]])
    rows = {label[0]: i for i, label in enumerate(read.rows[0].labels)}
    old = np.array([name in rows for name in model.row_names()], dtype=np.bool_)
    kept = [rows[name] for name in model.row_names() if name in rows]
    senses = [("=" if low == high else "<=" if np.isinf(low) else ">=")
              for low, high in zip(read.row_lower.tolist(), read.row_upper.tolist(), strict=True)]
    others = sorted(set(rows.values()) - set(kept))
    new = {kind: [i for i in others if senses[i] == sense] for sense, kind in OWN_ROWS.items()}
    order = np.array([*kept, *(i for found in new.values() for i in found)], dtype=np.int64)
    blocks, start = list(rows_kept(model.rows, old)), len(kept)
    for kind, found in new.items():
        if found:
            labels = tuple((read.rows[0].labels[i][0],) for i in found)
            blocks.append(Block(kind, ("name",), labels, start, relax_weight=allocation.problem.give_way.get(kind, 1.0)))
            start += len(found)
    added = (Block(OWN_COLUMNS, ("name",), tuple((name,) for name in own), len(names)),) if own else ()
    whole = LinearModel(
        cost=read.cost[columns], matrix=read.matrix[order][:, columns], row_lower=read.row_lower[order],
        row_upper=read.row_upper[order], lower=read.lower[columns], upper=read.upper[columns],
        integer=read.integer[columns], columns=(*model.columns, *added), rows=tuple(blocks),
        objective_unit=model.objective_unit, name=model.name)
    tie_break: Floats = np.concatenate([allocation.tie_break, np.zeros(len(own))])
    return replace(allocation, model=whole, tie_break=tie_break)
