"""Signs of dual values, in one place.

Everywhere in this package the dual of a row is the derivative of the *minimised* objective with respect to
the row's right-hand side, in reported units: never positive for ``<=``, never negative for ``>=``, any sign
for ``=``.  The reduced cost of a column is ``c - A'dual``: the derivative with respect to its active bound.

Solvers differ.  For a maximisation PuLP's HiGHS returns the duals of min(-f), CBC those of max(f); SciPy
returns marginals with respect to ``A_ub x <= b_ub``, so a ``>=`` row that was handed over with its sign
changed comes back with its sign changed.  (Checked on the Wyndor problem, tests/optimise.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from .linear_model import Booleans, Floats, LinearModel

if TYPE_CHECKING:
    import pulp

PulpSolver = Literal["highs", "cbc"]


def from_pulp(problem: pulp.LpProblem, solver: PulpSolver) -> Floats:
    """Duals of a solved PuLP problem, in the order of its rows, normalised as the module says.

    For a maximisation the objective counted as minimised is the negative of the one written.
    """
    import pulp

    raw = np.array([np.nan if row.pi is None else float(row.pi) for row in problem.constraints()])
    if problem.sense == pulp.LpMaximize and solver == "cbc":
        return -raw
    return raw


def from_scipy(inequality: Floats, equality: Floats, is_equality: Booleans, flipped: Booleans) -> Floats:
    """Duals by row from SciPy's marginals.

    Parameters
    ----------
    inequality, equality : arrays
        ``ineqlin.marginals`` and ``eqlin.marginals``.
    is_equality : bool array (m,)
        Rows handed over as equalities, the others as ``<=``.
    flipped : bool array (m,)
        Rows whose sign was changed to make them ``<=``.
    """
    dual = np.zeros(is_equality.shape)
    dual[is_equality] = equality
    dual[~is_equality] = inequality
    return np.where(flipped, -dual, dual)


def reduced_costs(model: LinearModel, dual: Floats) -> Floats:
    """``c - A'dual`` from the model's own arrays, in the model's unit."""
    return np.asarray(model.cost - model.matrix.T @ dual, dtype=np.float64)


def dual_objective(model: LinearModel, dual: Floats) -> tuple[float, float]:
    """Value of the Lagrangian dual at `dual`, and the largest scaled dual infeasibility.

    Notes
    -----
    For rows, dual_i > 0 pays row_lower_i and dual_i < 0 pays row_upper_i; for columns with z = c - A'dual,
    z_j > 0 pays lower_j and z_j < 0 pays upper_j.  A price on an infinite limit is dual infeasibility,
    measured relative to the size of the terms it is made of.
    """
    z = reduced_costs(model, dual)
    size = 1.0 + np.abs(model.cost) + abs(model.matrix).T @ np.abs(dual)
    column_limit = np.where(z > 0, model.lower, model.upper)
    row_limit = np.where(dual > 0, model.row_lower, model.row_upper)
    row_size = 1.0 + (np.abs(dual).max() if dual.size else 0.0)
    open_column, open_row = ~np.isfinite(column_limit), ~np.isfinite(row_limit)
    infeasible = max(
        float((np.abs(z) / size)[open_column].max(initial=0.0)),
        float((np.abs(dual) / row_size)[open_row].max(initial=0.0)))
    value = float(z[~open_column] @ column_limit[~open_column]) + float(dual[~open_row] @ row_limit[~open_row])
    return value, infeasible
