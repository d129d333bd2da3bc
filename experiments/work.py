"""What is left to do in a sweep: batches of the right size, what came back, what was lost, and what failed."""

from __future__ import annotations

import statistics
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..model.replicates import Job
from ..model.source import source_hash
from .batches import Batch, Report
from .folder import FolderError, explaining
from .run_table import Planned, RunTable
from .store import Failed, Store

#: so long a batch should take (seconds): long enough that starting and writing it costs nothing beside
BATCH_SECONDS: Final = 20.0
MOST_RUNS: Final = 100
#: a run that was under way so often when its worker died is not tried again
MOST_DEATHS: Final = 3


class StoreUnwritable(FolderError):
    """The store cannot be written any more."""


@dataclass(frozen=True)
class Sizes:
    """How batches are cut.

    Attributes
    ----------
    seconds : float
        So long a batch should take.
    runs : int or None
        Runs of every batch, instead.
    """

    seconds: float = BATCH_SECONDS
    runs: int | None = None


class Work:
    """The queue that engines take batches from and report to.

    Parameters
    ----------
    table : RunTable
    rows : iterable of int
        Rows of the table that are to be run, each run once.
    total : int
        How many.
    store : Store
    function : callable, optional
        What is done with a job instead of a run of the model.
    progress : bool
        Show a bar on standard error.
    sizes : Sizes
    before : int
        Runs that were done already, for the bar.
    """

    def __init__(
        self, table: RunTable, rows: Iterable[int], total: int, store: Store, *,
        function: Callable[[Job], Any] | None = None, progress: bool = True, sizes: Sizes | None = None, before: int = 0,
    ) -> None:  # fmt: skip
        self.store = store
        self.collect = False
        self.kept = 0
        self.size = 0
        self.failed: dict[str, Failed] = {}
        self.seconds: deque[float] = deque(maxlen=200)
        self._table, self._function = table, function
        self._rows: Iterator[int] = iter(rows)
        self._left = total
        self._again: deque[tuple[Planned, ...]] = deque()
        self._deaths: Counter[str] = Counter()
        self._sizes = sizes or Sizes()
        self._source = source_hash()
        self._bar = _bar(total + before, before, progress)

    # ------------------------------------------------------------------ for engines

    def next(self, workers: int) -> Batch | None:
        """The next batch for one of so many workers; None when nothing is waiting (some may be under way)."""
        if self._again:
            runs = self._again.popleft()
        else:
            runs = tuple(self._planned(self._size_for(workers)))
            self._left -= len(runs)
        if not runs:
            return None
        keep = self._table.design.keep
        return Batch(runs, keep, str(self.store.folder.absolute()), self._source, self.collect, self._function)

    def trial_is_next(self) -> bool:
        """Whether the next batch is a run that may have taken down a worker."""
        return bool(self._again) and self._deaths[self._again[0][0].run_id] > 0

    def report(self, report: Report) -> None:
        """Take what a batch gave.

        Raises
        ------
        StoreUnwritable
            When its worker, or this process, could not write.
        """
        if report.parts or (self.collect and report.failed):
            with explaining(self.store.folder, ""):
                for part in report.parts:
                    self.store.write(part)
                for one in report.failed:
                    self.store.record(one)
        self.seconds.extend(report.seconds)
        self.kept += len(report.kept)
        self.size += report.size
        for one in report.failed:
            self.failed[one.run_id] = one
        self._bar.update(len(report.kept) + len(report.failed))
        if self.failed:
            self._bar.set_postfix_str(f"{len(self.failed)} failed", refresh=False)
        if report.disk:
            raise StoreUnwritable(report.disk)

    def lost(self, batch: Batch, kept: Iterable[str] = (), suspects: Iterable[str] | None = None) -> None:
        """A worker died with a batch.

        Parameters
        ----------
        batch : Batch
        kept : iterable of str
            What it had put into the store before.
        suspects : iterable of str, optional
            Runs that may have taken it down: they come back alone; none: nobody is to blame (the scheduler went).
        """
        there = set(kept)
        self.kept += len(there)
        self._bar.update(len(there))
        blamed = set(suspects or ())
        rest = []
        for planned in batch.runs:
            if planned.run_id in there:
                continue
            if planned.run_id not in blamed:
                rest.append(planned)
                continue
            self._deaths[planned.run_id] += 1
            if self._deaths[planned.run_id] < MOST_DEATHS:
                self._again.append((planned,))
                continue
            one = Failed(
                planned.run_id,
                str(planned.job),
                f"its worker died {MOST_DEATHS} times during this run; the usual cause is too little memory",
            )
            self.failed[planned.run_id] = one
            self.store.record(one)
            self._bar.update(1)
        if rest:
            self._again.appendleft(tuple(rest))

    @property
    def waiting(self) -> bool:
        """Whether `next` would give a batch."""
        return self._left > 0 or bool(self._again)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()

    # ------------------------------------------------------------------ batches

    def _size_for(self, workers: int) -> int:
        """Runs of the next batch: short ones until times are known and towards the end, so that nobody waits long."""
        if self._sizes.runs is not None:
            return self._sizes.runs
        fair = max(1, self._left // (2 * max(workers, 1)))
        if not self.seconds:
            return 1
        typical = max(statistics.median(self.seconds), 1e-6)
        return max(1, min(MOST_RUNS, fair, int(self._sizes.seconds / typical)))

    def _planned(self, count: int) -> Iterator[Planned]:
        for _, row in zip(range(count), self._rows, strict=False):
            yield self._table.planned(row)


def _bar(total: int, initial: int, shown: bool) -> Any:
    from tqdm import tqdm

    from .terminal import BAR

    return tqdm(
        total=total, initial=initial, desc="Sweeping", disable=not shown, delay=1.0, unit="run", file=sys.stderr,
        # a log file wants a line now and then, not ten a second
        mininterval=0.2 if sys.stderr.isatty() else 30.0, bar_format=BAR,
    )  # fmt: skip
