"""What a worker does, whatever the engine: run a batch, keep what ended well, write down what did not."""

from __future__ import annotations

import errno
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ..model.replicates import Job, run_one
from ..model.source import source_hash
from .folder import FolderError, explaining
from .reducing import reduced
from .run_table import Planned
from .store import Failed, Finished, Part, Store, part_of

#: what a killed worker can lose at most (seconds), beside the run that is under way
FLUSH_SECONDS: Final = 60.0
#: a network disk may stumble; what these say will not change by waiting
_FINAL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG))
_PAUSES: Final = (0.5, 2.0)


class OtherSource(RuntimeError):
    """A worker has another version of the program than the process that planned the runs."""


@dataclass(frozen=True)
class Batch:
    """Runs that one worker does one after another.

    Attributes
    ----------
    runs : tuple of Planned
    keep : tuple of str
        Breakdowns to be kept.
    folder : str
        The store.
    source : str
        Hash of the source that the runs were named with.
    collect : bool
        Parts are handed back instead of being written: workers do not share a disk with the store.
    function : callable, optional
        What is done with a job; by default the model's run.
    """

    runs: tuple[Planned, ...]
    keep: tuple[str, ...]
    folder: str
    source: str
    collect: bool = False
    function: Callable[[Job], Any] | None = None


@dataclass(frozen=True)
class Report:
    """What became of a batch.

    Attributes
    ----------
    kept : tuple of str
        Names of the runs that are in the store, or in `parts`.
    failed : tuple of Failed
    seconds : tuple of float
        Time of each run that ended well.
    parts : tuple of Part
        What was not written, because it is to be collected.
    disk : str
        Why the store could not be written; the batch was given up.
    size : int
        Bytes of the parts.
    """

    kept: tuple[str, ...] = ()
    failed: tuple[Failed, ...] = ()
    seconds: tuple[float, ...] = ()
    parts: tuple[Part, ...] = ()
    disk: str = ""
    size: int = 0


Tell = Callable[[str, Any], None]
"""Told ``begin`` and ``end`` with a run's name, and ``kept`` with the names that are in the store."""


def _silent(_: str, __: Any) -> None:
    return


@dataclass
class BatchRun:
    """A batch under way. `keep_now` may be called from another thread."""

    batch: Batch
    tell: Tell = _silent
    _finished: list[Finished] = field(default_factory=list)
    _kept: list[str] = field(default_factory=list)
    _parts: list[Part] = field(default_factory=list)
    _size: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def run(self) -> Report:
        """Run everything.

        Raises
        ------
        OtherSource
        KeyboardInterrupt, SystemExit
            After what had ended has been kept.
        """
        batch = self.batch
        if batch.source != source_hash():
            raise OtherSource(
                "a worker has another version of the program (or of its tables) than the process that planned the runs: "
                "install the same version everywhere"
            )
        store = Store(batch.folder)
        if not batch.collect and not store.exists():
            return Report(disk=f"{batch.folder} is not to be seen from a worker: use a shared folder, or --collect.")
        function = batch.function or run_one
        failed: list[Failed] = []
        seconds: list[float] = []
        last = time.monotonic()
        try:
            for planned in batch.runs:
                self.tell("begin", planned.run_id)
                start = time.perf_counter()
                try:
                    result = reduced(function(planned.job), batch.keep)
                except Exception as error:  # noqa: BLE001 - whatever a run raises is its own; the others go on
                    one = Failed(
                        planned.run_id, str(planned.job), f"{type(error).__name__}: {error}", traceback.format_exc()
                    )
                    failed.append(one)
                else:
                    seconds.append(time.perf_counter() - start)
                    with self._lock:
                        self._finished.append(Finished(planned.run_id, result, seconds[-1]))
                self.tell("end", planned.run_id)
                if time.monotonic() - last > FLUSH_SECONDS:
                    self.keep_now()
                    last = time.monotonic()
            self.keep_now()
            if not batch.collect:
                with explaining(store.folder, ""):
                    for one in failed:
                        _patiently(partial(store.record, one))
        except FolderError as error:
            return Report(tuple(self._kept), tuple(failed), tuple(seconds), (), str(error).strip(), self._size)
        except (KeyboardInterrupt, SystemExit):
            self.keep_now()
            raise
        return Report(tuple(self._kept), tuple(failed), tuple(seconds), tuple(self._parts), "", self._size)

    def keep_now(self) -> None:
        """Put what has ended into the store (or among what is collected).

        Raises
        ------
        FolderError
            When the disk refuses.
        """
        with self._lock:
            if not self._finished:
                return
            part = part_of(self._finished, self.batch.keep)
            if self.batch.collect:
                self._parts.append(part)
            else:
                store = Store(self.batch.folder)
                with explaining(store.folder, ""):
                    _patiently(partial(store.write, part))
            self._size += part.size
            self._kept += part.run_ids
            self._finished.clear()
            self.tell("kept", part.run_ids)


def _patiently(write: Callable[[], None]) -> None:
    for pause in _PAUSES:
        try:
            return write()
        except OSError as error:
            if error.errno in _FINAL:
                raise
            time.sleep(pause)
    return write()


def run_batch(batch: Batch) -> Report:
    """Run a batch without telling anybody on the way."""
    return BatchRun(batch).run()
