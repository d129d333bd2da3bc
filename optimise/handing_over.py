"""The array model handed to HiGHS as it is, and what HiGHS answers, in the arrays' order."""

from __future__ import annotations

from typing import Any

import numpy as np

from .linear_model import Floats, LinearModel


def hand_over(engine: Any, model: LinearModel) -> None:
    """Pass a model to a ``highspy.Highs``."""
    import highspy

    programme = highspy.HighsLp()
    m, n = model.shape
    programme.num_row_, programme.num_col_ = m, n
    programme.col_cost_, programme.col_lower_, programme.col_upper_ = model.cost, model.lower, model.upper
    programme.row_lower_, programme.row_upper_ = model.row_lower, model.row_upper
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_ = model.matrix.indptr
    programme.a_matrix_.index_ = model.matrix.indices
    programme.a_matrix_.value_ = model.matrix.data
    if model.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        programme.integrality_ = [kinds[whole] for whole in model.integer.tolist()]
    engine.passModel(programme)


def read_back(engine: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """Column values, reduced costs, row activities and row duals."""
    found = engine.getSolution()
    x, reduced, activity, dual = (np.array(values, dtype=np.float64) for values in (
        found.col_value, found.col_dual, found.row_value, found.row_dual))
    return x, reduced, activity, dual
