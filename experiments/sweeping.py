"""Sweeps: every run of a design, on whatever machine, kept in a store; what is missing can be done later."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..model.replicates import Job, RunFailed, run_one
from .designs import Design, load_design
from .engines import Engine, engine_named
from .folder import FolderError
from .reducing import reduced
from .run_table import Planned, RunTable
from .running import Clock
from .store import Failed, Finished, Store, StoredDesign, part_of
from .sweep_results import SweepResults, open_results
from .terminal import BAR
from .work import MOST_RUNS, Sizes, StoreUnwritable, Work


class SweepIncomplete(RuntimeError):
    """Not every planned run is in the store.

    Attributes
    ----------
    results : SweepResults
        With what there is.
    failed : tuple of Failed
        Which runs failed, and why.
    """

    def __init__(self, message: str, results: SweepResults, failed: Sequence[Failed]) -> None:
        super().__init__(message)
        self.results = results
        self.failed = tuple(failed)


def sweep(
    design: str | Path | Mapping[str, Any] | Design,
    *,
    out: str | Path | None = None,
    engine: str | Engine = "local",
    workers: int | None = None,
    resume: bool = False,
    shard: tuple[int, int] | None = None,
    batch: int | None = None,
    progress: bool = True,
    function: Callable[[Job], Any] | None = None,
) -> SweepResults:
    """Run every run of a design that is not in the store yet.

    Parameters
    ----------
    design : str, Path, mapping or Design
        A design file, the name of a bundled one, or the same fields as plain values.
    out : path, optional
        The store; by default ``results/<name of the design>``.
    engine : {'local', 'in-process'} or Engine
        Processes of this machine, this process, or such as ``DaskCluster(...)``.
    workers : int, optional
        Processes of the local engine; by default one a core.
    resume : bool
        Go on with a store that holds runs already. Runs of this design that are in it are not done again.
    shard : (int, int), optional
        ``(i, n)``: only the i-th of n shares of the work, counted from 1, into a store that several processes fill.
    batch : int, optional
        Runs that are written together; by default as many as take some twenty seconds.
    progress : bool
        Show a progress bar on standard error.
    function : callable, optional
        What is done with a job instead of a run of the model; gives a RunOutput, and other processes must be able to
        import it by name.

    Returns
    -------
    SweepResults

    Raises
    ------
    ScenarioError
        When the design is not valid.
    FolderError
        When the store cannot be used, or holds runs and `resume` is not set.
    SweepIncomplete
        When runs failed. What ended well is in the store.
    EngineError
        When an engine cannot go on. What ended well is in the store.

    Examples
    --------
    >>> from countersmuggling import sweep  # doctest: +SKIP
    >>> results = sweep("my-design.yaml", out="results/my-sweep", resume=True)  # doctest: +SKIP
    """
    clock = Clock()
    chosen = load_design(design)
    table = RunTable(chosen, _name_of(function))
    store = Store(out if out is not None else Path("results") / chosen.name)
    by = engine_named(engine, workers) if isinstance(engine, str) else engine
    store.check_target()
    if store.parts() and not resume and shard is None:
        raise FolderError(
            f"{store.folder} holds the finished runs of a sweep; go on with it by --resume, or choose another place with --out"
        )
    prepare(table, store, clock, progress)
    rows, done = missing_rows(table, store, shard)
    work = Work(
        table, rows.tolist(), len(rows), store, function=function, progress=progress, sizes=Sizes(runs=batch), before=done
    )
    try:
        by.run(work)
    except StoreUnwritable as error:
        kept = len(store.done(chosen.keep))
        raise FolderError(f"{error} {kept:,} finished runs are kept; --resume goes on from there.") from error
    finally:
        work.close()
    store.forget_failures(set(store.failures()) - set(work.failed))
    results = open_results(store.folder, table.design_id)
    left, _ = missing_rows(table, store, shard)
    if len(left):
        raise SweepIncomplete(_told(len(rows) + done, len(left), list(work.failed.values()), store), results, list(work.failed.values()))
    return results


def _told(planned: int, missing: int, failed: Sequence[Failed], store: Store) -> str:
    lines = [f"{missing:,} of {planned:,} runs are not finished; the others are kept in {store.folder}."]
    reasons: dict[str, list[Failed]] = {}
    for one in failed:
        reasons.setdefault(one.reason, []).append(one)
    shown = sorted(reasons.items(), key=lambda item: -len(item[1]))
    for reason, ones in shown[:5]:
        names = "; ".join(one.label for one in ones[:3]) + (f"; and {len(ones) - 3:,} more" if len(ones) > 3 else "")
        lines.append(f"  {reason}\n    {names}")
    if len(shown) > 5:
        lines.append(f"  and {len(shown) - 5} other reasons")
    if failed:
        lines.append(f"Where each failed: {store.failures_folder}. Once the cause is gone, --resume does what is missing.")
    return "\n".join(lines)


def prepare(table: RunTable, store: Store, clock: Clock | None = None, progress: bool = False) -> None:
    """Make the store ready: write the table of runs, so that the jobs of an array need not work it out each."""
    from tqdm import tqdm

    made_with = (clock or Clock()).provenance(table.design.policies[0].scenario, None)
    kept = {k: made_with[k] for k in ("program", "version", "commit", "python", "libraries", "started")}
    with tqdm(
        total=len(table), desc="Planning", disable=not progress, delay=1.0, unit="run", file=sys.stderr,
        mininterval=0.2 if sys.stderr.isatty() else 30.0, bar_format=BAR,
    ) as bar:  # fmt: skip
        store.begin(table, kept, lambda: bar.update())


def missing_rows(
    table: RunTable, store: Store, shard: tuple[int, int] | None = None
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """Rows whose runs are not in the store, each run once, and how many runs are in it; of one share or of all."""
    ids = StoredDesign(store.design_folder(table.design_id)).runs["run_id"]
    rows = np.arange(len(ids))
    if shard is not None:
        number, of = shard
        if not 1 <= number <= of:
            raise ValueError(f"shard {number}/{of}: shards are counted from 1 to the number of shards")
        rows = np.fromiter(table.rows_of_shard(number - 1, of), dtype=np.int64)
    own = ids.iloc[rows]
    first = ~own.duplicated()
    done = own.isin(store.done(table.design.keep))
    return rows[(first & ~done).to_numpy()], int((first & done).sum())


@dataclass(frozen=True)
class Estimate:
    """What a sweep would take, from a few timed runs.

    Attributes
    ----------
    runs : int
        Different runs of the design.
    rows : int
        Policies x points x replicates: larger where a factor leaves a policy as it is.
    done : int
        Runs that are in the store already.
    pilot : tuple of float
        Seconds of the timed runs.
    seconds : float
        Of one core for all that is missing.
    disk : int
        Bytes for all that is missing.
    """

    runs: int
    rows: int
    done: int
    pilot: tuple[float, ...]
    seconds: float
    disk: int

    @property
    def missing(self) -> int:
        """Runs that are not in the store."""
        return self.runs - self.done


def estimate(
    design: str | Path | Mapping[str, Any] | Design,
    *,
    out: str | Path | None = None,
    pilot: int = 3,
    most_seconds: float = 60.0,
    progress: bool = True,
    function: Callable[[Job], Any] | None = None,
) -> Estimate:
    """What a sweep would take. Nothing is written.

    Parameters
    ----------
    design, out, function
        As for `sweep`.
    pilot : int
        Runs that are timed, spread over the design, after one that warms up.
    most_seconds : float
        No further run is begun after so long.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Estimate
    """
    from tqdm import tqdm

    chosen = load_design(design)
    table = RunTable(chosen, _name_of(function))
    done = _done_of(table, Store(out) if out is not None else None, progress)
    rows = sorted({round(k * (len(table) - 1) / max(pilot, 1)) for k in range(pilot + 1)})
    finished: list[Finished] = []
    began = time.monotonic()
    for number, row in enumerate(
        tqdm(rows, desc="Timing", disable=not progress, delay=1.0, unit="run", file=sys.stderr, bar_format=BAR)
    ):
        planned = table.planned(row)
        if number == 0 and len(rows) > 1:  # loads and compiles
            _timed(planned, chosen, function)
        finished.append(_timed(planned, chosen, function))
        if time.monotonic() - began > most_seconds:
            break
    times = tuple(one.seconds for one in finished)
    left = table.different_runs() - done
    return Estimate(
        table.different_runs(), len(table), done, times, statistics.fmean(times) * left, round(_bytes_per_run(finished, chosen) * left)
    )


def _timed(planned: Planned, design: Design, function: Callable[[Job], Any] | None) -> Finished:
    start = time.perf_counter()
    try:
        result = reduced((function or run_one)(planned.job), design.keep)
    except Exception as error:
        raise RunFailed(f"The run {planned.job} failed: {type(error).__name__}: {error}", [planned.job]) from error
    return Finished(planned.run_id, result, time.perf_counter() - start)


def _bytes_per_run(finished: Sequence[Finished], design: Design) -> float:
    """Of a part with many runs: what each further run adds, and its share of what a part has anyway."""
    one, all_ = part_of(finished[:1], design.keep).size, part_of(finished, design.keep).size
    if len(finished) == 1:
        return float(one)
    each = (all_ - one) / (len(finished) - 1)
    return each + max(one - each, 0.0) / MOST_RUNS


def _done_of(table: RunTable, store: Store | None, progress: bool) -> int:
    """How many runs of a design are in a store."""
    if store is None or not store.exists():
        return 0
    done = store.done(table.design.keep)
    stored = StoredDesign(store.design_folder(table.design_id))
    if stored.folder.exists():
        return len(done & set(stored.runs["run_id"]))
    if not done:
        return 0
    from tqdm import tqdm

    rows = tqdm(
        range(len(table)), desc="Planning", disable=not progress, delay=1.0, unit="run", file=sys.stderr, bar_format=BAR
    )
    return len(done & {table.run_id(row) for row in rows})


def _name_of(function: Callable[[Job], Any] | None) -> str:
    return "" if function is None else f"{function.__module__}.{function.__qualname__}"
