"""Batches in processes of this machine: whoever is killed is replaced, and what it had under way is done again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from ..model.interruption import raise_again
from ..model.replicates import default_workers, single_threaded_children, start_worker
from .batches import Batch, BatchRun, OtherSource, Report
from .engines import EngineError
from .work import Work

#: each process has its next batch at hand while it works on one
AT_HAND: Final = 2
#: processes that die before they have begun anything, one after another
MOST_STILLBIRTHS: Final = 5
#: for keeping what is finished, once it is time to leave (seconds)
GRACE: Final = 30.0


@dataclass
class _Worker:
    process: SpawnProcess
    channel: Connection
    batches: deque[Batch] = field(default_factory=deque)
    kept: list[str] = field(default_factory=list)
    under_way: str | None = None
    begun: bool = False


class LocalProcesses:
    """Processes of this machine, one core each.

    Parameters
    ----------
    workers : int, optional
        By default one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        self.workers = workers or default_workers()

    def run(self, work: Work) -> None:
        """See `Engine`. Processes are spawned: a script calls this under ``if __name__ == "__main__":``."""
        context = get_context("spawn")
        stop_reader, stop_writer = context.Pipe(duplex=False)
        crew: list[_Worker] = []
        stillbirths = 0
        try:
            with single_threaded_children():
                while True:
                    raise_again()
                    self._hand_out(work, crew)
                    while work.waiting and len(crew) < self.workers:
                        crew.append(_started(context, stop_reader))
                        self._hand_out(work, crew)
                    busy = [worker for worker in crew if worker.batches]
                    if not busy:
                        return
                    for worker in _heard_from(busy):
                        gone = _listen(worker, work)
                        if not gone:
                            continue
                        stillbirths = 0 if worker.begun else stillbirths + 1
                        crew.remove(worker)
                        _bury(worker, work)
                        if stillbirths >= MOST_STILLBIRTHS:
                            raise EngineError(
                                f"{stillbirths} worker processes in a row died before they had begun anything. The usual "
                                "causes: too little memory (use fewer --workers), or a script that calls this without "
                                '`if __name__ == "__main__":`.'
                            )
        finally:
            _leave(crew, work, stop_writer)
            stop_reader.close()

    def _hand_out(self, work: Work, crew: list[_Worker]) -> None:
        for depth in range(1, AT_HAND + 1):
            for worker in crew:
                if len(worker.batches) < depth and (batch := work.next(self.workers)) is not None:
                    worker.batches.append(batch)
                    with contextlib.suppress(OSError):  # it has just died: its sentinel will say so
                        worker.channel.send(batch)


def _started(context: Any, stop: Connection) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, stop), daemon=True, name="countersmuggling-sweep")
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _heard_from(crew: list[_Worker]) -> list[_Worker]:
    ready = set(wait([end for worker in crew for end in (worker.channel, worker.process.sentinel)]))
    return [worker for worker in crew if worker.channel in ready or worker.process.sentinel in ready]


def _listen(worker: _Worker, work: Work) -> bool:
    """Take everything that a worker has said; whether it is gone."""
    try:
        while worker.channel.poll():
            kind, told = worker.channel.recv()
            worker.begun = True
            if kind == "begin":
                worker.under_way = told
            elif kind == "end":
                worker.under_way = None
            elif kind == "kept":
                worker.kept += told
            elif kind == "report":
                worker.batches.popleft()
                worker.kept.clear()
                work.report(told)
            elif kind == "refused":
                raise EngineError(told)
    except (EOFError, ConnectionError):
        return True
    return False


def _bury(worker: _Worker, work: Work) -> None:
    worker.process.join()
    worker.channel.close()
    for number, batch in enumerate(worker.batches):
        if number == 0:
            work.lost(batch, worker.kept, [worker.under_way] if worker.under_way else [])
        else:
            work.lost(batch)


def _leave(crew: list[_Worker], work: Work, stop: Connection) -> None:
    """Let the workers go; those that are busy (we are here because of an error) first keep what they have finished."""
    stop.close()
    for worker in crew:
        with contextlib.suppress(OSError):
            worker.channel.send(None)
    end = time.monotonic() + GRACE
    for worker in crew:
        worker.process.join(max(0.0, end - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        with contextlib.suppress(EOFError, OSError):
            while worker.channel.poll():
                kind, told = worker.channel.recv()
                if kind == "kept":
                    work.kept += len(told)
        worker.channel.close()


# ---------------------------------------------------------------------------------------------- in the worker


def _work(channel: Connection, stop: Connection) -> None:
    """Do what comes through the channel until nothing more does."""
    current: list[BatchRun] = []

    def keep_what_is_finished() -> None:
        for running in current:
            running.keep_now()

    start_worker(stop, keep_what_is_finished)
    signal.signal(signal.SIGTERM, _ask_to_leave)
    try:
        while (batch := channel.recv()) is not None:
            running = BatchRun(batch, lambda kind, told: channel.send((kind, told)))
            current[:] = [running]
            try:
                report: Report = running.run()
            except OtherSource as error:
                channel.send(("refused", str(error)))
                return
            current.clear()
            channel.send(("report", report))
    except (EOFError, ConnectionError):
        os._exit(1)  # the parent is gone


def _ask_to_leave(*_: object) -> None:
    raise SystemExit(143)
