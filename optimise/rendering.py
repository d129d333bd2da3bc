"""The array model written in PuLP: for reading, for extension with one's own rows, for LP and MPS files.

Variables and rows are made when somebody looks (:mod:`.array_problem`), expressions from (variable, coefficient) pairs,
which is the fast way to build PuLP models (``sum()`` over expressions is quadratic); names come from
:func:`.linear_model.member_names`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from .linear_model import Block, Floats, LinearModel

if TYPE_CHECKING:
    import pulp


def to_pulp(model: LinearModel) -> pulp.LpProblem:
    """Render the array model as a PuLP minimisation.

    Variables and rows come in the order and under the names of `model`.  The objective is in the model's
    own unit (``model.objective_unit`` reported units each).  They are made when the problem is first read
    (:mod:`.array_problem`); a problem that is only solved is solved from the arrays.
    """
    from .array_problem import ArrayProblem

    return ArrayProblem(model)


def from_pulp(problem: pulp.LpProblem) -> LinearModel:
    """Read a PuLP minimisation back into arrays (one block of columns, one of rows).

    This is how a problem that a user extended with own rows is solved and verified like any other.

    Raises
    ------
    ValueError
        If the problem maximises.
    """
    import pulp

    if problem.sense != pulp.LpMinimize:
        raise ValueError("only minimisation models are read; negate the objective")
    variables = problem.variables()
    place = {variable.name: j for j, variable in enumerate(variables)}
    objective = problem.objective or {}
    constraints = problem.constraints()
    rows, cols, values, low, high = [], [], [], [], []
    for i, constraint in enumerate(constraints):
        for variable, coefficient in constraint.items():
            rows.append(i)
            cols.append(place[variable.name])
            values.append(float(coefficient))
        rhs = -float(constraint.constant)
        low.append(-np.inf if constraint.sense == pulp.LpConstraintLE else rhs)
        high.append(np.inf if constraint.sense == pulp.LpConstraintGE else rhs)
    matrix = sparse.coo_array((values, (rows, cols)), shape=(len(constraints), len(variables))).tocsr()
    matrix.eliminate_zeros()

    def bound(value: Any, default: float) -> float:
        return default if value is None else float(value)

    return LinearModel(
        cost=np.array([float(objective.get(v, 0.0)) for v in variables]), matrix=matrix,
        row_lower=np.array(low, dtype=np.float64), row_upper=np.array(high, dtype=np.float64),
        lower=np.array([bound(v.lowBound, -np.inf) for v in variables]),
        upper=np.array([bound(v.upBound, np.inf) for v in variables]),
        integer=np.array([v.cat == pulp.LpInteger for v in variables], dtype=np.bool_),
        columns=(Block("", ("name",), tuple((v.name,) for v in variables), 0),),
        rows=(Block("", ("name",), tuple((str(row.name),) for row in constraints), 0),), name=problem.name)


def write(model: LinearModel, path: str | Path) -> Path:
    """Write the model as a CPLEX LP file (``.lp``) or an MPS file (``.mps``), by the ending of `path`."""
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in {".lp", ".mps"}:
        raise ValueError(f"{target.name}: the file's name must end in .lp or .mps")
    problem = to_pulp(model)
    (problem.writeLP if ending == ".lp" else problem.writeMPS)(str(target))
    return target


def row_activity(model: LinearModel, x: Floats) -> Floats:
    """Left-hand sides of all rows at `x`."""
    return np.asarray(model.matrix @ x, dtype=np.float64)
