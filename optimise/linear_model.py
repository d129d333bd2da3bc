"""One array model: costs, sparse rows, bounds and named blocks, built once and handed to every solver.

The model is always a minimisation,

    minimise    c'x
    subject to  lower_i <= a_i'x <= upper_i     for every row i
                l_j <= x_j <= u_j               for every column j
                x_j whole                       for every column j marked integer,

with rows of one sense each (<=, >= or =), so that a row has one dual value and every renderer writes it
as one row.  Columns and rows belong to named blocks; a block knows the labels of its members (resource,
place, quarter, ...), which is how a number finds its way back to words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from .labels import AxisLabels
from .labels import Label as Label  # noqa: PLC0414  for those who import it from here

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Sense = Literal["<=", ">=", "="]


class ModelError(ValueError):
    """A linear model that cannot be what its author meant: not a number, crossed bounds, equal names."""


@dataclass(frozen=True)
class Block:
    """Columns or rows of one kind.

    Attributes
    ----------
    name : str
        Name of the kind, e.g. ``staff`` or ``pool``.
    axes : tuple of str
        What the parts of a label mean, e.g. ``("resource", "place", "quarter")``.
    labels : sequence of tuple of str
        One label per member.
    start : int
        Index of the first member.
    unit : str
        Unit of a column's value or of a row's right-hand side.
    relax_weight : float
        Rows only: points that giving way by one unit costs when a relaxation is sought; 0 marks a
        definition, which cannot give way.
    """

    name: str
    axes: tuple[str, ...]
    labels: Sequence[Label]
    start: int
    unit: str = ""
    relax_weight: float = 0.0

    @property
    def stop(self) -> int:
        """Index after the last member."""
        return self.start + len(self.labels)

    @property
    def indices(self) -> Integers:
        """Indices of the members."""
        return np.arange(self.start, self.stop, dtype=np.int64)


@lru_cache(maxsize=100_000)
def _safe(part: str) -> str:
    """ASCII letters, digits and single underscores only: LP files reserve ``-+[] >/`` and more."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", part)


def _block_names(block: Block) -> list[str]:
    first = _safe(block.name)
    if isinstance(block.labels, AxisLabels):
        words = [[_safe(name) for name in axis] for axis in block.labels.names]
        if first and all(all(axis) for axis in words):
            return list(map("__".join, zip(repeat(first), *block.labels.parts(words))))
    return ["__".join(_safe(part) for part in (block.name, *label) if part) for label in block.labels]


def member_names(blocks: Sequence[Block]) -> list[str]:
    """Names of all members, in order, safe in LP and MPS files.

    Raises
    ------
    ModelError
        If two members would get the same name (``a-b`` and ``a_b``, say).
    """
    names: list[str] = []
    for block in blocks:
        names += _block_names(block)
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ModelError(f"two members of the linear model are both called {twice!r}")
    return names


@dataclass(frozen=True)
class LinearModel:
    """A minimisation over bounded columns with sparse one-sided or equality rows.

    Attributes
    ----------
    cost : array (n,)
        Objective coefficients, in the model's own unit.
    matrix : csr_array (m, n)
        Row coefficients, without duplicates or stored zeros.
    row_lower, row_upper : array (m,)
        Limits of the rows; one of them infinite unless they are equal.
    lower, upper : array (n,)
        Bounds of the columns.
    integer : bool array (n,)
        Columns that must be whole.
    columns, rows : tuple of Block
        Named blocks, in index order, covering everything.
    objective_unit : float
        Reported objective = ``cost @ x * objective_unit``; keeps the coefficients near one.

    Raises
    ------
    ModelError
        For NaN anywhere, infinite coefficients, crossed limits, two-sided or unlimited rows, or shapes that differ.
    """

    cost: Floats
    matrix: sparse.csr_array[Any]
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Booleans
    columns: tuple[Block, ...]
    rows: tuple[Block, ...]
    objective_unit: float = 1.0
    name: str = "allocation"

    def __post_init__(self) -> None:
        m, n = self.matrix.shape
        for what, array, size in (
            ("cost", self.cost, n), ("column lower bounds", self.lower, n),
            ("column upper bounds", self.upper, n), ("integer marks", self.integer, n),
            ("row lower limits", self.row_lower, m), ("row upper limits", self.row_upper, m),
        ):
            if array.shape != (size,):
                raise ModelError(f"{what}: expected {size} values, got shape {array.shape}")
            if array.dtype != np.bool_ and np.isnan(array).any():
                raise ModelError(f"{what}: {self._where(what, np.isnan(array))} is not a number")
        for what, blocks, size in (("columns", self.columns, n), ("rows", self.rows, m)):
            if sum(len(block.labels) for block in blocks) != size:
                raise ModelError(f"the named blocks of {what} do not cover the {size} {what}")
        if not np.isfinite(self.cost).all():
            raise ModelError(f"cost: {self._where('cost', ~np.isfinite(self.cost))} is infinite")
        if not np.isfinite(self.matrix.data).all():
            entry = int(np.flatnonzero(~np.isfinite(self.matrix.data))[0])
            row = int(np.searchsorted(self.matrix.indptr, entry, side="right")) - 1
            raise ModelError(f"row {self.row_names()[row]}: a coefficient is not a finite number")
        for what, low, high in (("column", self.lower, self.upper), ("row", self.row_lower, self.row_upper)):
            crossed = (low > high) | (low == np.inf) | (high == -np.inf)
            if crossed.any():
                i = int(np.flatnonzero(crossed)[0])
                name = self._where(what, crossed)
                raise ModelError(f"{what} {name}: lower limit {low[i]:g} lies above upper limit {high[i]:g}")
        two_sided = np.isfinite(self.row_lower) & np.isfinite(self.row_upper) & (self.row_lower < self.row_upper)
        if two_sided.any():
            raise ModelError(f"row {self._where('row', two_sided)}: write a two-sided row as two rows")
        without = ~np.isfinite(self.row_lower) & ~np.isfinite(self.row_upper)
        if without.any():
            raise ModelError(f"row {self._where('row', without)}: has no limit")
        if not (np.isfinite(self.objective_unit) and self.objective_unit > 0):
            raise ModelError("objective_unit must be a positive number")

    def _where(self, what: str, mask: npt.NDArray[Any]) -> str:
        names = self.row_names() if what.startswith("row") else self.column_names()
        return names[int(np.flatnonzero(mask)[0])]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        m, n = self.matrix.shape
        return int(m), int(n)

    def column_names(self) -> list[str]:
        """Names of the columns, safe in LP and MPS files."""
        return member_names(self.columns)

    def row_names(self) -> list[str]:
        """Names of the rows, safe in LP and MPS files."""
        return member_names(self.rows)

    def column_block(self, name: str) -> Block:
        """The block of columns called `name`."""
        return _find(self.columns, name, "columns")

    def row_block(self, name: str) -> Block:
        """The block of rows called `name`."""
        return _find(self.rows, name, "rows")

    def objective(self, x: Floats) -> float:
        """Objective of `x` in reported units."""
        return float(self.cost @ x) * self.objective_unit

    def frame(self, block: Block, values: Floats, column: str = "value") -> pd.DataFrame:
        """The values of one block as a data frame with one column per axis."""
        data = pd.DataFrame(list(block.labels), columns=list(block.axes))
        data[column] = values[block.start:block.stop]
        return data

    def relaxed(self) -> LinearModel:
        """The same model without whole-number conditions."""
        return replace(self, integer=np.zeros_like(self.integer))

    def scale_report(self) -> dict[str, float]:
        """Smallest and largest magnitude of coefficients and costs (zero left out)."""
        entries = np.abs(self.matrix.data[self.matrix.data != 0])
        costs = np.abs(self.cost[self.cost != 0])
        return {
            "matrix_min": float(entries.min(initial=np.inf)), "matrix_max": float(entries.max(initial=0.0)),
            "cost_min": float(costs.min(initial=np.inf)), "cost_max": float(costs.max(initial=0.0)),
        }


def _find(blocks: tuple[Block, ...], name: str, what: str) -> Block:
    for block in blocks:
        if block.name == name:
            return block
    raise KeyError(f"no block of {what} is called {name!r}; there are {', '.join(b.name for b in blocks)}")


@dataclass
class Builder:
    """Collects blocks of columns and rows and makes a :class:`LinearModel`.

    Examples
    --------
    >>> b = Builder()
    >>> x = b.columns("x", ("i",), [("a",), ("b",)], cost=[2, 3])
    >>> _ = b.rows("demand", ("k",), [("all",)], ">=", 4, [0, 0], x, [1, 1])
    >>> b.build().shape
    (1, 2)
    """

    name: str = "allocation"
    objective_unit: float = 1.0
    _columns: list[Block] = field(default_factory=list)
    _rows: list[Block] = field(default_factory=list)
    _column_data: list[tuple[Floats, Floats, Floats, Booleans]] = field(default_factory=list)
    _row_data: list[tuple[Floats, Floats]] = field(default_factory=list)
    _entries: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], Floats]] = field(default_factory=list)

    def columns(
        self, name: str, axes: Sequence[str], labels: Iterable[Sequence[str]], *,
        lower: npt.ArrayLike = 0.0, upper: npt.ArrayLike = np.inf, cost: npt.ArrayLike = 0.0,
        integer: npt.ArrayLike = False, unit: str = "",
    ) -> Integers:
        """Add a block of columns and return their indices."""
        block = self._block(self._columns, name, axes, labels, unit, 0.0)
        size = len(block.labels)
        self._columns.append(block)
        self._column_data.append((
            _fill(lower, size), _fill(upper, size), _fill(cost, size),
            np.array(np.broadcast_to(np.asarray(integer, dtype=np.bool_), (size,))),
        ))
        return block.indices

    def rows(
        self, name: str, axes: Sequence[str], labels: Iterable[Sequence[str]], sense: Sense, rhs: npt.ArrayLike,
        row: npt.ArrayLike, column: npt.ArrayLike, value: npt.ArrayLike, *, unit: str = "",
        relax_weight: float = 0.0,
    ) -> Integers:
        """Add a block of rows of one sense and return their indices.

        Parameters
        ----------
        rhs : array
            Right-hand sides, one per label or one for all.
        row, column, value : arrays of one shape
            Coefficients: position inside this block, column index, value.  Several for the same place add up.
        """
        block = self._block(self._rows, name, axes, labels, unit, relax_weight)
        size = len(block.labels)
        right = _fill(rhs, size)
        free = np.full(size, np.inf)
        rows, cols, values = np.broadcast_arrays(
            np.asarray(row, dtype=np.int64), np.asarray(column, dtype=np.int64), np.asarray(value, dtype=np.float64))
        if rows.size and (rows.min() < 0 or rows.max() >= size):
            raise ModelError(f"rows {name!r}: an entry points outside the block's {size} rows")
        self._rows.append(block)
        self._row_data.append((-free if sense == "<=" else right, free if sense == ">=" else right))
        self._entries.append(((rows.ravel() + block.start).astype(np.int32), cols.ravel().astype(np.int32), values.ravel().copy()))
        return block.indices

    def build(self, finish: Callable[[LinearModel], LinearModel] | None = None) -> LinearModel:
        """Assemble the arrays (and pass them through `finish`)."""
        n = self._columns[-1].stop if self._columns else 0
        m = self._rows[-1].stop if self._rows else 0
        i, j, v = (np.concatenate([e[k] for e in self._entries]) if self._entries else np.zeros(0) for k in range(3))
        matrix = sparse.coo_array((v, (i.astype(np.int32), j.astype(np.int32))), shape=(m, n)).tocsr()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        low, high, cost, whole = (
            np.concatenate([c[k] for c in self._column_data]) if self._column_data else np.zeros(0) for k in range(4))
        row_low, row_high = (
            np.concatenate([r[k] for r in self._row_data]) if self._row_data else np.zeros(0) for k in range(2))
        model = LinearModel(
            cost=cost.astype(np.float64), matrix=matrix, row_lower=row_low, row_upper=row_high,
            lower=low.astype(np.float64), upper=high.astype(np.float64), integer=whole.astype(np.bool_),
            columns=tuple(self._columns), rows=tuple(self._rows),
            objective_unit=self.objective_unit, name=self.name)
        return finish(model) if finish else model

    @staticmethod
    def _block(
        blocks: list[Block], name: str, axes: Sequence[str], labels: Iterable[Sequence[str]], unit: str,
        relax_weight: float,
    ) -> Block:
        if any(block.name == name for block in blocks):
            raise ModelError(f"a block called {name!r} is already there")
        made = labels if isinstance(labels, AxisLabels) else tuple(tuple(str(part) for part in label) for label in labels)
        if made.axes != len(axes) if isinstance(made, AxisLabels) else any(len(label) != len(axes) for label in made):
            raise ModelError(f"block {name!r}: every label needs the {len(axes)} parts {tuple(axes)}")
        return Block(name, tuple(axes), made, blocks[-1].stop if blocks else 0, unit, relax_weight)


def _fill(values: npt.ArrayLike, size: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    try:
        return np.array(np.broadcast_to(array.ravel() if array.ndim else array, (size,)))
    except ValueError:
        raise ModelError(f"expected one value or {size} values, got shape {array.shape}") from None
