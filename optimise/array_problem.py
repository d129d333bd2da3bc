"""A PuLP problem over arrays, written out when somebody reads it.

PuLP keeps a Python object for every variable and every row and a dictionary for its coefficients, which takes longer to
make than the arrays they come from, and more memory.  A problem that is only solved needs none of them: HiGHS takes the
arrays as they are.  So :class:`ArrayProblem` is a ``pulp.LpProblem`` like any other, whose objective, variables and rows
are made at the first look (``problem.objective``, ``problem.variables()``, ``problem += ...``, ``problem.writeLP(...)``,
another solver).  From then on they, and not the arrays, are the problem: what somebody adds or changes is what is solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pulp

from .linear_model import Floats, LinearModel

WRITTEN = ("objective", "_constraints", "_variables", "_variable_ids")
"""What ``pulp.LpProblem`` keeps of its contents."""


@dataclass(frozen=True)
class Answer:
    """What HiGHS said: values and duals of columns and rows, in the order of the arrays."""

    x: Floats
    reduced_cost: Floats
    activity: Floats
    dual: Floats


class ArrayProblem(pulp.LpProblem):  # type: ignore[misc]
    """A minimisation in PuLP that comes from a :class:`LinearModel`.

    Attributes
    ----------
    answer : Answer or None
        Of the arrays, when they were solved; variables and rows have it too as soon as they are there.
    """

    def __init__(self, model: LinearModel) -> None:
        self._arrays: LinearModel | None = None  # nothing to write out while PuLP sets up its own
        super().__init__(model.name, pulp.LpMinimize)
        self.answer: Answer | None = None
        known = all(name in self.__dict__ for name in WRITTEN)
        self._empty = {name: self.__dict__.pop(name) for name in WRITTEN if name in self.__dict__}
        self._arrays = model
        if not known:  # a PuLP that keeps its contents elsewhere
            self.write_out()

    @property
    def arrays(self) -> LinearModel | None:
        """The arrays, as long as they are all there is to the problem; None when it has been read, and perhaps changed."""
        return self._arrays

    def answered(self, x: Floats, reduced_cost: Floats, activity: Floats, dual: Floats) -> None:
        """Keep what HiGHS found for the arrays: columns' values and reduced costs, rows' values and duals."""
        self.answer = Answer(x, reduced_cost, activity, dual)

    def write_out(self) -> None:
        """Make PuLP's objective, variables and rows, with the answer that there is."""
        model = self._arrays
        if model is None:
            return
        names = model.column_names(), model.row_names()  # where two are called the same nothing is written
        self._arrays = None
        self.__dict__.update(self._empty)
        variables = _variables(self, model, names[0])
        # Every variable stands in the objective, if only with a zero: PuLP forgets variables that occur nowhere.
        self.setObjective(pulp.LpAffineExpression(list(zip(variables, model.cost.tolist(), strict=True))))
        _rows(self, model, names[1], variables)
        if self.answer is not None:
            _answered(self, variables, self.answer)

    def fixObjective(self) -> tuple[bool, Any]:
        """PuLP gives a problem without objective one while it is solved: the arrays have theirs."""
        return (False, None) if self._arrays is not None else super().fixObjective()

    def __getattr__(self, name: str) -> Any:
        if name in WRITTEN and self.__dict__.get("_arrays") is not None:
            self.write_out()
            return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if (name in WRITTEN or name in ("sense", "sos1", "sos2")) and self.__dict__.get("_arrays") is not None:
            self.write_out()
        super().__setattr__(name, value)

    def __getstate__(self) -> Any:
        self.write_out()
        return super().__getstate__()


def _variables(problem: pulp.LpProblem, model: LinearModel, names: list[str]) -> list[pulp.LpVariable]:
    whole = [pulp.LpInteger if integer else pulp.LpContinuous for integer in model.integer.tolist()]
    low = [None if bound == -np.inf else bound for bound in model.lower.tolist()]
    high = [None if bound == np.inf else bound for bound in model.upper.tolist()]
    return list(map(problem.add_variable, names, low, high, whole))


def _rows(problem: pulp.LpProblem, model: LinearModel, names: list[str], variables: list[pulp.LpVariable]) -> None:
    starts, indices, data = model.matrix.indptr.tolist(), model.matrix.indices.tolist(), model.matrix.data.tolist()
    terms = list(zip(map(variables.__getitem__, indices), data, strict=True))
    for i, (name, low, high) in enumerate(
            zip(names, model.row_lower.tolist(), model.row_upper.tolist(), strict=True)):
        if low == high:
            sense, rhs = pulp.LpConstraintEQ, low
        elif low > -np.inf:
            sense, rhs = pulp.LpConstraintGE, low
        else:
            sense, rhs = pulp.LpConstraintLE, high
        expression = pulp.LpAffineExpression(terms[starts[i]:starts[i + 1]])
        problem.addConstraint(pulp.LpConstraint(expression, sense, rhs=rhs), name)


def _answered(problem: pulp.LpProblem, variables: list[pulp.LpVariable], answer: Answer) -> None:
    """Put the answer where PuLP puts it, with its signs."""
    for j, (variable, value, reduced) in enumerate(
            zip(variables, answer.x.tolist(), answer.reduced_cost.tolist(), strict=True)):
        variable.varValue, variable.dj, variable.index, variable.modified = value, reduced, j, False
    for i, (row, activity, dual) in enumerate(
            zip(problem.constraints(), answer.activity.tolist(), answer.dual.tolist(), strict=True)):
        slack = row.constant + activity
        row.slack = -slack if row.sense == pulp.LpConstraintLE else slack
        row.pi, row.index, row.modified = dual, i, False
