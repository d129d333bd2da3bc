"""Run many replicates: one process a core, results in the order of the jobs, nothing lost in silence.

A job is a scenario, a replicate number and perhaps an allocation of staff; its result depends on nothing else, so any
number of workers gives the same results.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import interruption, kept_runs

if TYPE_CHECKING:
    from ..scenarios import Scenario
    from . import RunOutput
    from .staffing import Placement

R = TypeVar("R")

#: a worker is one core's: libraries that would start threads of their own are told not to
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True)
class Job:
    """One run of the model.

    Parameters
    ----------
    scenario : Scenario
        What is assumed; its seed is the run's.
    replicate : int
        Number of the replicate, from 0. Runs of different scenarios with one seed and one replicate share their noise.
    allocation : DataFrame or DataArray, optional
        Additional staff: columns resource, place, quarter, staff.
    label : str
        How messages name the run; the scenario's name when empty.
    check_invariants : bool
        Check every day what has to hold whatever the scenario.
    """

    scenario: Scenario
    replicate: int
    allocation: Placement | None = field(default=None, compare=False)
    label: str = ""
    check_invariants: bool = field(default=False, compare=False, kw_only=True)

    def depends_on(self) -> str:
        """What else the run depends on, for its name among kept runs; nothing for a plain run."""
        return ""

    def __str__(self) -> str:
        name = self.label or str(getattr(self.scenario, "name", "run"))
        return f"{name}, replicate {self.replicate}"


class RunFailed(RuntimeError):
    """A run did not end: `jobs` says which, the cause (``__cause__``) says why."""

    def __init__(self, message: str, jobs: Sequence[Job]) -> None:
        super().__init__(message)
        self.jobs = tuple(jobs)


def run_one(job: Job, progress: Callable[[int, int], None] | None = None) -> RunOutput:
    """Run one job in this process.

    Parameters
    ----------
    job : Job
    progress : callable, optional
        Called with the days done and the days in all.

    Returns
    -------
    RunOutput
    """
    import mesa

    from . import SmugglingModel

    model = SmugglingModel(
        job.scenario, replicate=job.replicate, allocation=job.allocation, check_invariants=job.check_invariants
    )
    try:
        return model.run(progress)
    finally:
        # Mesa 3 keeps a counter per model in a class attribute, and with it the model itself
        getattr(mesa.Agent, "_ids", {}).pop(model, None)


def default_workers() -> int:
    """Number of cores that this process may use."""
    if sys.platform == "linux":
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


#: what is told of progress beside a bar: description, runs done (with fractions), runs in all
Listener = Callable[[str, float, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside the block `listener` is told of progress, at least once a second; what it raises ends the runs."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class _Bar(Generic[R]):
    """A progress bar in replicates that also takes fractions of one, and tells a listener."""

    def __init__(self, total: int, shown: bool, description: str, done: int = 0) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=total,
            initial=done,
            desc=description,
            disable=not shown,
            delay=1.0,
            unit="run",
            # a log file wants a line now and then, not ten a second
            mininterval=0.2 if sys.stderr.isatty() else 30.0,
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} elapsed, {remaining} left",
            file=sys.stderr,
        )
        self._done = done
        self._description, self._total, self._listener = description, total, _listener.get()
        self.tell()

    def inside(self, day: int, days: int) -> None:
        self._bar.n = self._done + min(day / max(days, 1), 1.0)
        self._bar.update(0)
        self.tell()

    def one_more(self) -> None:
        self._done += 1
        self._bar.n = self._done
        self._bar.update(0)
        self.tell()

    @property
    def patience(self) -> float | None:
        """Seconds after which a listener wants to hear something; None: nobody listens."""
        return None if self._listener is None else 1.0

    def tell(self) -> None:
        interruption.raise_again()
        if self._listener is not None:
            self._listener(self._description, float(self._bar.n), self._total)

    def close(self) -> None:
        self._bar.close()


def run_many(
    jobs: Sequence[Job],
    workers: int | None = None,
    progress: bool = True,
    description: str = "Simulating",
    *,
    function: Callable[[Job], R] | None = None,
) -> list[R]:
    """Run jobs, each in a process of its own kind, and return their results in the order of the jobs.

    Parameters
    ----------
    jobs : sequence of Job
    workers : int, optional
        Processes; by default one a core. With 1 (or one job) everything runs in this process.
    progress : bool
        Show a progress bar on standard error once a second has passed.
    description : str
        Text before the bar.
    function : callable, optional
        What is done with a job instead of :func:`run_one`; must be importable by name in another process.

    Returns
    -------
    list
        One result a job, by default of type RunOutput.

    Raises
    ------
    RunFailed
        When a run raises (with the job's label and replicate; the cause is chained), or a process is killed (with
        all that was under way). Other runs are stopped.
    KeyboardInterrupt
        After all processes have been stopped.

    Notes
    -----
    Inside :func:`countersmuggling.model.kept_runs.keeping`, finished runs are kept and taken up again.

    Processes are spawned, so a script that calls this must do so under ``if __name__ == "__main__":``.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    jobs = list(jobs)
    count = min(workers or default_workers(), len(jobs))
    if not jobs:
        return []
    kept = kept_runs.current()
    found: dict[int, R] = kept.find(jobs, function) if kept is not None else {}
    missing = [n for n in range(len(jobs)) if n not in found]
    count = min(count, len(missing))
    bar: _Bar[R] = _Bar(len(jobs), progress, description, len(found))

    def finished(number: int, result: R) -> None:
        found[number] = result
        if kept is not None:
            kept.keep(jobs[number], function, result)
        bar.one_more()

    try:
        if count == 1:
            _in_process(jobs, missing, function, bar, finished)
        elif count > 1:
            _in_pool(jobs, missing, count, function or run_one, bar, finished)
        return [found[n] for n in range(len(jobs))]
    finally:
        bar.close()


def _in_process(
    jobs: Sequence[Job], numbers: Sequence[int], function: Callable[[Job], Any] | None, bar: _Bar[R],
    finished: Callable[[int, Any], None],
) -> None:  # fmt: skip
    for number in numbers:
        job = jobs[number]
        try:
            result = function(job) if function else run_one(job, bar.inside)
        except Exception as error:
            raise _failed(job, error) from error
        finished(number, result)


def _in_pool(
    jobs: Sequence[Job], numbers: Sequence[int], count: int, function: Callable[[Job], Any], bar: _Bar[Any],
    finished: Callable[[int, Any], None],
) -> None:  # fmt: skip
    context = get_context("spawn")
    stop_reader, stop_writer = context.Pipe(duplex=False)
    waiting = iter([(n, jobs[n]) for n in numbers])
    under_way: dict[Future[Any], int] = {}
    ended = False
    with single_threaded_children():
        pool = ProcessPoolExecutor(count, context, start_worker, (stop_reader,))
        try:
            # no more is handed over than is being worked on, so that what a killed worker took down is known
            while True:
                while len(under_way) < count and (following := next(waiting, None)) is not None:
                    number, job = following
                    try:
                        under_way[pool.submit(function, job)] = number
                    except BrokenProcessPool as error:
                        raise _killed([jobs[n] for n in sorted({*under_way.values(), number})]) from error
                if not under_way:
                    break
                done = wait(under_way, bar.patience, return_when=FIRST_COMPLETED).done
                if not done:
                    bar.tell()
                for future in done:
                    job = jobs[under_way[future]]
                    try:
                        result = future.result()
                    except BrokenProcessPool as error:
                        raise _killed([jobs[n] for n in sorted(under_way.values())]) from error
                    except Exception as error:
                        raise _failed(job, error) from error
                    finished(under_way.pop(future), result)
            ended = True
        finally:
            if not ended:
                # a run may have minutes to go: workers are told to leave at once
                with contextlib.suppress(OSError):
                    stop_writer.send_bytes(b"stop")
            with contextlib.suppress(KeyboardInterrupt):
                pool.shutdown(wait=True, cancel_futures=True)
            stop_writer.close()
            stop_reader.close()


def _failed(job: Job, error: Exception) -> RunFailed:
    return RunFailed(f"The run {job} failed: {type(error).__name__}: {error}", [job])


def _killed(jobs: Sequence[Job]) -> RunFailed:
    names = "; ".join(str(job) for job in jobs)
    return RunFailed(
        f"A worker process was stopped from outside or could not start while these runs were under way: {names}. "
        "The usual causes: too little memory (use fewer --workers or a larger --persons-per-agent), a batch system's "
        'limit, or a script that calls this without `if __name__ == "__main__":`.',
        jobs,
    )


@contextlib.contextmanager
def single_threaded_children() -> Iterator[None]:
    """Set the thread variables while children are spawned: libraries read them at import, before any initializer."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def start_worker(stop: Connection, before: Callable[[], None] | None = None) -> None:
    """Leave the keyboard to the parent, and leave when the parent is gone or says so.

    Parameters
    ----------
    stop : Connection
        Something arrives, or the other end is closed, when it is time to leave.
    before : callable, optional
        What is done before leaving.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()

    def leave() -> None:
        connection.wait([stop] if parent is None else [stop, parent.sentinel])
        try:
            if before is not None:
                before()
        finally:
            os._exit(1)

    threading.Thread(target=leave, name="leave-with-parent", daemon=True).start()
