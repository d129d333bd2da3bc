"""Writing a linear programme by whole arrays: columns and rows addressed by arrays shaped like their axes.

``programme.columns`` gives back an array of column numbers shaped like its axes (resources x places x quarters, say);
rows are written from such arrays, one number a cell.  -1 marks a column that does not exist: it stands in no row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .labels import AxisLabels
from .linear_model import Booleans, Builder, Integers, Sense

Names = Sequence[str]
Term = tuple[Integers, npt.ArrayLike]


class Programme:
    """A :class:`Builder` for columns and rows over named axes.

    Parameters
    ----------
    names : mapping str -> sequence of str
        Names along each axis, e.g. ``{"resource": ("analyst",), "place": ("GRC", "ITA")}``.
    units : mapping str -> str
        Unit of the right-hand side by kind of row.
    give_way : mapping str -> float
        What giving way by one unit costs, by kind of row; a kind that is absent is a definition.
    objective_unit : float
        See :class:`LinearModel`.
    """

    def __init__(
        self, names: Mapping[str, Names], units: Mapping[str, str], give_way: Mapping[str, float],
        objective_unit: float = 1.0,
    ) -> None:
        self.builder = Builder(objective_unit=objective_unit)
        self.index: dict[str, Integers] = {}
        self._names = dict(names)
        self._units = units
        self._give_way = give_way

    def _shape(self, axes: Names) -> tuple[int, ...]:
        return tuple(len(self._names[axis]) for axis in axes)

    def _labels(self, axes: Names, where: Booleans) -> AxisLabels:
        return AxisLabels([self._names[axis] for axis in axes], where)

    def columns(
        self, name: str, axes: Names, *, exists: npt.ArrayLike = True, upper: npt.ArrayLike = np.inf,
        cost: npt.ArrayLike = 0.0, integer: npt.ArrayLike = False, unit: str = "",
    ) -> Integers:
        """Add a block of columns, all >= 0, and return their numbers, shaped like `axes`.

        Parameters
        ----------
        exists : bool array
            Where there is such a column.  This, `upper`, `cost` and `integer` are broadcast to the axes' shape.
        """
        shape = self._shape(axes)
        there = np.broadcast_to(np.asarray(exists, dtype=np.bool_), shape)
        numbers = np.full(shape, -1, dtype=np.int64)
        self.index[name] = numbers
        if there.any():
            numbers[there] = self.builder.columns(
                name, axes, self._labels(axes, there), upper=np.broadcast_to(np.asarray(upper), shape)[there],
                cost=np.broadcast_to(np.asarray(cost), shape)[there],
                integer=np.broadcast_to(np.asarray(integer), shape)[there], unit=unit)
        return numbers

    def rows(
        self, kind: str, axes: Names, sense: Sense, rhs: npt.ArrayLike, *terms: Term, where: npt.ArrayLike = True,
    ) -> None:
        """Add a block of rows, one for every place of `axes` at which `where` holds.

        Parameters
        ----------
        rhs, where : arrays
            Broadcast to the axes' shape.
        terms : pairs (columns, value)
            `columns` begins with the axes' shape; what it has beyond that is summed over.  `value` is broadcast to the
            shape of `columns`.
        """
        shape = self._shape(axes)
        there = np.array(np.broadcast_to(np.asarray(where, dtype=np.bool_), shape))
        limit = np.broadcast_to(np.asarray(rhs, dtype=np.float64), shape)
        filled = np.zeros(shape, dtype=np.bool_)
        for columns, _ in terms:
            filled |= (columns.reshape(*shape, -1) >= 0).any(axis=-1)
        # A row without columns that holds anyway says nothing.
        empty_holds = limit >= 0 if sense == "<=" else limit <= 0 if sense == ">=" else limit == 0
        there &= filled | ~empty_holds
        if not there.any():
            return
        number = np.full(shape, -1, dtype=np.int64)
        number[there] = np.arange(int(there.sum()))
        here, cols, values = [], [], []
        for columns, value in terms:
            row = np.broadcast_to(number.reshape(shape + (1,) * (columns.ndim - len(shape))), columns.shape)
            keep = (row >= 0) & (columns >= 0)
            here.append(row[keep])
            cols.append(columns[keep])
            values.append(np.broadcast_to(np.asarray(value, dtype=np.float64), columns.shape)[keep])
        self.builder.rows(
            kind, axes, self._labels(axes, there), sense, limit[there], np.concatenate(here), np.concatenate(cols),
            np.concatenate(values), unit=self._units[kind], relax_weight=self._give_way.get(kind, 0.0))


def earlier(columns: Integers, quarters: int = 1) -> Integers:
    """The columns of so many quarters before, along the last axis; -1 before the first quarter."""
    out = np.full_like(columns, -1)
    if quarters < columns.shape[-1]:
        out[..., quarters:] = columns[..., :columns.shape[-1] - quarters]
    return out


def window(columns: Integers, quarters: npt.ArrayLike) -> Integers:
    """The columns of the last so many quarters, this one included, along a new last axis.

    Parameters
    ----------
    quarters : int, or int array broadcast to ``columns.shape[:-1]``
        Length of the window; longer ones reach back to the first quarter.
    """
    longest = int(np.minimum(np.max(quarters, initial=0), columns.shape[-1]))
    if longest == 0:
        return np.zeros((*columns.shape, 0), dtype=np.int64)
    lengths = np.broadcast_to(np.asarray(quarters), columns.shape[:-1])[..., None]
    return np.stack([np.where(back < lengths, earlier(columns, back), -1) for back in range(longest)], axis=-1)


def chain(programme: Programme, kind: str, axes: Names, stock: Integers, inflow: Integers, outflow: Integers) -> None:
    """Rows stock_t - stock_(t-1) - inflow_t + outflow_t = 0 along the last axis, from nothing."""
    programme.rows(kind, axes, "=", 0.0, (stock, 1.0), (earlier(stock), -1.0), (inflow, -1.0), (outflow, 1.0),
                   where=stock >= 0)


