"""The same linear programme solved again and again with other costs or limits, each time from the last basis.

A changed cost leaves the last vertex feasible and a changed limit leaves it dual feasible, so the simplex method goes
on from there: two to ten times faster than from nothing for one changed limit or for costs of another scenario.
Every answer passes the same check as any other (:func:`.solving.verify`).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from . import duals
from .handing_over import hand_over, read_back
from .linear_model import Floats, LinearModel
from .solving import TOLERANCE, Infeasible, Solution, _standard_output_closed, is_feasible, solve, verify


class WarmStart:
    """One linear programme held in HiGHS.

    Parameters
    ----------
    model : LinearModel
        Without whole-number conditions.

    Raises
    ------
    ValueError
        When columns must be whole.

    Examples
    --------
    >>> from .linear_model import Builder
    >>> b = Builder()
    >>> x = b.columns("x", ("i",), [("a",), ("b",)], cost=[2, 3])
    >>> _ = b.rows("demand", ("k",), [("all",)], ">=", 4, [0, 0], x, [1, 1])
    >>> again = WarmStart(b.build())
    >>> again.solve().objective, again.solve(cost=np.array([4.0, 3.0])).objective
    (8.0, 12.0)
    """

    def __init__(self, model: LinearModel) -> None:
        if model.integer.any():
            raise ValueError("a warm start is for linear programmes: relax the whole-number conditions first")
        import highspy

        self.model = model
        with _standard_output_closed():
            self._engine: Any = highspy.Highs()
        self._engine.setOptionValue("output_flag", False)
        self._engine.setOptionValue("solver", "simplex")
        hand_over(self._engine, model)
        self._optimal = highspy.HighsModelStatus.kOptimal
        self._held = model

    def solve(
        self, *, cost: Floats | None = None, row_lower: Floats | None = None, row_upper: Floats | None = None,
    ) -> Solution:
        """Solve with other costs or row limits; what is not given is as in the model.

        Raises
        ------
        Infeasible, Unbounded, SolveError
            As in :func:`.solving.solve`.
        """
        begun = time.perf_counter()
        changed: dict[str, Any] = {}
        if cost is not None:
            changed["cost"] = cost
        if row_lower is not None:
            changed["row_lower"] = row_lower
        if row_upper is not None:
            changed["row_upper"] = row_upper
        wanted = replace(self.model, **changed) if changed else self.model
        columns = np.flatnonzero(wanted.cost != self._held.cost).astype(np.int32)
        if columns.size:
            self._engine.changeColsCost(columns.size, columns, wanted.cost[columns])
        rows = np.flatnonzero((wanted.row_lower != self._held.row_lower) | (wanted.row_upper != self._held.row_upper)).astype(
            np.int32)
        if rows.size:
            self._engine.changeRowsBounds(rows.size, rows, wanted.row_lower[rows], wanted.row_upper[rows])
        self._held = wanted
        self._engine.run()
        if self._engine.getModelStatus() != self._optimal:
            return self._afresh(wanted)
        x, _, _, dual = read_back(self._engine)
        certificate = verify(wanted, x, dual, TOLERANCE)
        if not certificate.passed:
            return self._afresh(wanted)
        unit = wanted.objective_unit
        return Solution(
            model=wanted, x=x, dual=dual * unit, reduced_cost=duals.reduced_costs(wanted, dual) * unit,
            objective=wanted.objective(x), bound=duals.dual_objective(wanted, dual)[0] * unit,
            certificate=certificate, solver="HiGHS simplex, warm start", seconds=time.perf_counter() - begun)

    @staticmethod
    def _afresh(wanted: LinearModel) -> Solution:
        """From nothing, where a warm start found no answer that passes the check."""
        if not is_feasible(wanted):
            raise Infeasible("no point satisfies all limits")
        return solve(wanted, "scipy")

