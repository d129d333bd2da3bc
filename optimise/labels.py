"""Labels of a block's members, written out only when somebody reads them.

A programme of half a million columns has half a million labels of three or four words each; solving it needs none of
them.  So a block over named axes keeps the names along each axis and a number for each member.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Label = tuple[str, ...]


class AxisLabels(Sequence[Label]):
    """Labels of the members that exist in an array over named axes, in its order.

    Parameters
    ----------
    names : sequence of sequences of str
        Names along each axis.
    where : bool array, optional
        Shaped like the axes (or flattened): which members exist; all by default.

    Examples
    --------
    >>> labels = AxisLabels([("a", "b"), ("x", "y")], np.array([[True, False], [True, True]]))
    >>> len(labels), labels[1], list(labels)
    (3, ('b', 'x'), [('a', 'x'), ('b', 'x'), ('b', 'y')])
    """

    __slots__ = ("_at", "_names")

    def __init__(self, names: Sequence[Sequence[str]], where: npt.NDArray[np.bool_] | None = None) -> None:
        self._names = tuple(tuple(str(name) for name in axis) for axis in names)
        size = int(np.prod([len(axis) for axis in self._names], dtype=np.int64))
        at = np.arange(size) if where is None else np.flatnonzero(where)
        self._at: npt.NDArray[np.integer[Any]] = at.astype(np.int32 if size < 2**31 else np.int64)

    @property
    def axes(self) -> int:
        """How many parts a label has."""
        return len(self._names)

    def take(self, keep: npt.NDArray[np.bool_]) -> AxisLabels:
        """The members marked."""
        out = AxisLabels.__new__(AxisLabels)
        out._names, out._at = self._names, self._at[keep]
        return out

    def parts(self, names: Sequence[Sequence[str]] | None = None) -> list[list[str]]:
        """Each axis' part of all labels; `names` puts others in the place of the axes' own."""
        words = self._names if names is None else names
        codes = np.unravel_index(self._at, [len(axis) for axis in self._names]) if len(self._at) else [
            np.zeros(0, dtype=np.int64)] * len(words)
        return [[axis[code] for code in which.tolist()] for axis, which in zip(words, codes, strict=True)]

    @property
    def names(self) -> tuple[Label, ...]:
        """Names along each axis."""
        return self._names

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, index: int) -> Label: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Label]: ...
    def __getitem__(self, index: int | slice) -> Label | Sequence[Label]:
        if isinstance(index, slice):
            return tuple(self)[index]
        codes = np.unravel_index(int(self._at[index]), [len(axis) for axis in self._names])
        return tuple(axis[int(code)] for axis, code in zip(self._names, codes, strict=True))

    def __iter__(self) -> Iterator[Label]:
        return iter(zip(*self.parts(), strict=True)) if self._names else repeat((), len(self._at))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"<{len(self)} labels over {' x '.join(str(len(axis)) for axis in self._names)}>"


def taken(labels: Sequence[Label], keep: npt.NDArray[np.bool_]) -> Sequence[Label]:
    """The labels marked."""
    if isinstance(labels, AxisLabels):
        return labels.take(keep)
    return tuple(label for label, k in zip(labels, keep.tolist(), strict=True) if k)
