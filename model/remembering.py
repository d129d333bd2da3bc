"""What a process has worked out already: set-up results that runs of the same replicate share.

Scenarios of a comparison share seed, parameters and reference, so that the fitted reference point and the drawn demand are
the same for all of them; a worker that runs several keeps the last few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last results of a pure function, by key.  What is handed out is shared: nobody may change it.

    Parameters
    ----------
    most : int
        How many results are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result for `key`, worked out by `make` if it is not known (and not kept if the key is None)."""
        if key is None:
            return make()
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        made = self._known[key] = make()
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return made
