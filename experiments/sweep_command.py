"""The command ``countersmuggling sweep``."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .designs import Design
    from .engines import Engine
    from .sweep_results import SweepResults

DONE, FAILED, INVALID, INTERRUPTED = 0, 1, 2, 130
CLUSTERS = ("slurm", "pbs", "lsf", "sge", "kubernetes")

DESCRIPTION = """\
Run every run of a design - policies x points x replicates - that is not in the store yet.

  countersmuggling sweep severity-or-certainty --dry-run           how many runs, how long, how much disk
  countersmuggling sweep my-design.yaml --out results/mine         on all cores of this machine
  countersmuggling sweep my-design.yaml --out results/mine --resume    go on after an interruption, or with more points

On a cluster: --scheduler or --cluster (Dask), or a job array in which every job runs its own --shard I/N into the same
--out, and after which `--resume` tells whether anything is missing.

Exit codes: 0 every planned run is in the store; 1 some are not, and the message says which and why; 2 the design, the
command or the store is not usable; 130 interrupted (what is finished is kept)."""


def shard(text: str) -> tuple[int, int]:
    """``3/10``: the third of ten shares."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(
            f"expected I/N with I from 1 to N, such as 3/10, got '{text}' (for an array counted from 0: "
            "$((SLURM_ARRAY_TASK_ID + 1))/N)"
        )
    return int(match[1]), int(match[2])


def add_arguments(command: argparse.ArgumentParser, whole: Callable[[int, int], Callable[[str], int]]) -> None:
    """Arguments of the command; `whole` makes a type for whole numbers of a range."""
    add = command.add_argument
    add("design", metavar="DESIGN", help="design file, or the name of a bundled design")
    add("--out", type=Path, metavar="DIR", help="the store (default: results/<name of the design>)")
    add("--resume", action="store_true", help="go on with a store that holds runs: only what is missing is done")
    add("--dry-run", action="store_true", help="time a few runs; print number of runs, time and disk; write nothing")
    add("--status", action="store_true", help="tell what is planned, finished and failed in the store; run nothing")
    add("--prepare", action="store_true", help="write the table of runs into the store, for a job array; run nothing")
    add("--compact", action="store_true", help="put the store's many small files into few large ones afterwards")
    add("--workers", type=whole(1, 4096), metavar="N", help="processes of this machine (default: one a core)")
    add("--engine", choices=("local", "in-process"), default="local",
        help="processes of this machine, or this process (default: %(default)s)")  # fmt: skip
    add("--shard", type=shard, metavar="I/N", help="only the I-th of N shares of the runs, counted from 1: for job arrays")
    cluster = command.add_mutually_exclusive_group()
    cluster.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler that runs already, such as tcp://10.0.0.1:8786")
    cluster.add_argument("--cluster", choices=CLUSTERS, help="start Dask workers as jobs of this batch system")
    add("--cluster-config", type=Path, metavar="FILE", help="YAML file with `jobs` and the `options` of a job")
    add("--collect", action="store_true", help="workers share no disk with the store: they hand their results back")
    add("--batch", type=whole(1, 100_000), metavar="N", help="runs written together (default: what takes some 20 seconds)")
    add("--quiet", action="store_true", help="no progress bar; print the store's path only")


def run(options: argparse.Namespace) -> int:
    """Carry out the command; what is wrong with the design or the store is raised, for the caller to tell."""
    from .designs import load_design
    from .sampling import SamplingError

    if options.cluster_config is not None and options.cluster is None:
        return _refused("--cluster-config goes with --cluster")
    if options.collect and options.cluster is None and options.scheduler is None:
        return _refused("--collect goes with --scheduler or --cluster")
    design = load_design(options.design)
    out: Path = options.out or Path("results") / design.name
    try:
        if options.dry_run:
            return _dry_run(options, design, out)
        if options.status:
            return _status(design, out, options.json)
        if options.prepare:
            return _prepare(options, design, out)
        return _sweep(options, design, out)
    except SamplingError as error:
        return _refused(str(error))


def _refused(message: str, code: int = INVALID) -> int:
    print(f"countersmuggling: {message}", file=sys.stderr)
    return code


def _sweep(options: argparse.Namespace, design: Design, out: Path) -> int:
    from .engines import EngineError
    from .run_table import PointError
    from .store import Store
    from .sweeping import SweepIncomplete, sweep

    engine = _engine(options)
    try:
        results = sweep(
            design, out=out, engine=engine, workers=options.workers, resume=options.resume, shard=options.shard,
            batch=options.batch, progress=not options.quiet,
        )  # fmt: skip
    except (SweepIncomplete, EngineError) as error:
        return _refused(str(error), FAILED)
    except PointError as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        kept = len(Store(out).done(design.keep))
        print(f"\nInterrupted: {kept:,} finished runs are kept in {out}; --resume does the rest.", file=sys.stderr)
        return INTERRUPTED
    if options.compact:
        before, after = results.compact()
        if not options.quiet:
            print(f"Compacted: {before:,} parts into {after:,}.")
    if options.json:
        return _json(folder=str(out), **_counts(results))
    if options.quiet:
        print(out)
        return DONE
    _tell(results, options.shard)
    return DONE


def _json(code: int = DONE, **content: Any) -> int:
    print(json.dumps(content, ensure_ascii=False, indent=1))
    return code


def _counts(results: SweepResults) -> dict[str, Any]:
    failures = results.failures
    return {
        "planned": results.planned, "finished": results.finished, "failed": len(failures), "complete": results.complete,
        "reasons": {str(reason): len(ones) for reason, ones in failures.groupby("reason")},
    }  # fmt: skip


def _tell(results: SweepResults, part: tuple[int, int] | None) -> None:
    if part is not None:
        print(f"Shard {part[0]} of {part[1]} is finished; {results.finished:,} of all {results.planned:,} runs are in {results.folder}.")
        return
    print(f"All {results.planned:,} runs are finished: {results.folder}")
    print(f'Read them:  from countersmuggling import open_results; results = open_results("{results.folder}")')


def _engine(options: argparse.Namespace) -> str | Engine:
    if options.scheduler is None and options.cluster is None:
        return str(options.engine)
    from .dask_cluster import ClusterFile, DaskCluster, read_cluster_file

    config = read_cluster_file(options.cluster_config) if options.cluster_config else ClusterFile()
    return DaskCluster(options.scheduler, kind=options.cluster, config=config, collect=options.collect or None)


def _prepare(options: argparse.Namespace, design: Design, out: Path) -> int:
    from .run_table import RunTable
    from .store import Store
    from .sweeping import prepare

    table = RunTable(design)
    prepare(table, Store(out), progress=not options.quiet)
    if options.json:
        return _json(folder=str(out), planned=table.different_runs())
    print(out if options.quiet else f"{table.different_runs():,} runs are planned in {out}; now run every --shard I/N.")
    return DONE


def _status(design: Design, out: Path, as_json: bool = False) -> int:
    from .folder import FolderError
    from .run_table import RunTable
    from .sweep_results import open_results

    design_id = RunTable(design).design_id
    try:
        results = open_results(out, design_id)
    except FolderError as error:
        return _refused(f"{error}; nothing of this design has been run there")
    if as_json:
        return _json(DONE if results.complete else FAILED, folder=str(out), **_counts(results))
    failures = results.failures
    print(f"{results.planned:,} runs are planned, {results.finished:,} are finished, {len(failures):,} have failed: {out}")
    for reason, ones in failures.groupby("reason"):
        print(f"  {reason}: {ones['run'].iloc[0]}" + (f" and {len(ones) - 1:,} more" if len(ones) > 1 else ""))
    return DONE if results.complete else FAILED


# ---------------------------------------------------------------------------------------------- dry run


def _dry_run(options: argparse.Namespace, design: Design, out: Path) -> int:
    from ..model.replicates import default_workers
    from .sampling import number_of_points
    from .sweeping import estimate

    found = estimate(design, out=out, progress=not options.quiet)
    points = number_of_points(design)
    if options.json:
        workers = options.workers or default_workers()
        return _json(
            design=design.name, policies=len(design.policies), points=points, replicates=design.replicates, runs=found.rows,
            different_runs=found.runs, finished=found.done, missing=found.missing, seconds_on_one_core=round(found.seconds, 1),
            workers=workers, expected_seconds=round(found.seconds / workers, 1), disk_bytes=int(found.disk),
        )  # fmt: skip
    if design.file.question:
        print(f"{design.name}: {' '.join(design.file.question.split())}")
    print(
        f"{_count(len(design.policies), 'policy', 'policies')} x {_count(points, 'point')} x "
        f"{_count(design.replicates, 'replicate')} = {found.rows:,} runs"
        + (f", {found.runs:,} of them different" if found.runs != found.rows else "")
    )
    if design.factors:
        method = design.file.sampling.method.replace("_", " ")
        print(f"points: {method} over {_count(len(design.factors), 'factor')}")
    if found.done:
        print(f"{found.done:,} are in {out} already; {found.missing:,} are missing")
    low, high = min(found.pilot), max(found.pilot)
    print(f"timed: {_count(len(found.pilot), 'run')} of {low:.2g} to {high:.2g} s on one core")
    workers = options.workers or default_workers()
    print(
        f"expected: {told_time(found.seconds / workers)} on {_count(workers, 'core')}"
        + (f" ({told_time(found.seconds)} on one)" if workers > 1 else "")
        + f", {told_size(found.disk)} on disk"
    )
    return DONE


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def told_time(seconds: float) -> str:
    """``3 h 20 min``: two figures are enough for what is expected."""
    for size, name, below, lesser in ((86_400, "days", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(round(seconds / below) * below, size)
            return f"{whole} {name} {rest // below} {lesser}" if rest else f"{whole} {name}"
    return f"{max(seconds, 0.0):.0f} s" if seconds >= 1 or seconds == 0 else "less than a second"


def told_size(size: int) -> str:
    """``38 MB``."""
    if size <= 0:
        return "0 kB"
    step = min(int(math.log10(size) // 3), 4)
    value: Any = size / 1000**step
    return f"{value:.0f} {('bytes', 'kB', 'MB', 'GB', 'TB')[step]}" if value >= 10 else f"{value:.1f} {('bytes', 'kB', 'MB', 'GB', 'TB')[step]}"
