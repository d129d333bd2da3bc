"""What does a sweep cost beside its runs?   python benchmarks/sweeps.py overhead|efficiency|memory|reading|plan

overhead     milliseconds that the machinery adds to a run, on local processes
efficiency   share of perfect that two local processes reach on runs of one second (which sleep: whatever else the machine
             computes does not disturb them)
memory       resident set of one worker over many real (small) runs, as a table and a plot
reading      seconds to read a store of 10,000 runs x 36 months
plan         what 10^6 runs on 1,000 cores would ask of each part, from rates measured here

Rates are CPU seconds where other programs on the machine would disturb the clock; both are told.
"""

from __future__ import annotations

import argparse
import functools
import os
import pickle
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

import countersmuggling
from countersmuggling.experiments import load_design, open_results, sweep
from countersmuggling.experiments.batches import Batch
from countersmuggling.experiments.reducing import SUMMED, Reduced
from countersmuggling.experiments.run_table import RunTable
from countersmuggling.experiments.store import Finished, Store, part_of
from countersmuggling.experiments.sweeping import missing_rows, prepare
from countersmuggling.model.replicates import Job, run_one
from countersmuggling.model.source import source_hash

MONTHS = tuple(str(m) for m in pd.period_range("2025-01", periods=36, freq="M"))
GROWTH = {"uncertainties.demand_growth_per_year": {"low": -0.1, "high": 0.1}}


# ---------------------------------------------------------------------------------------------- stub runs


@functools.cache
def _rows(routes: int) -> pd.DataFrame:
    names = list(SUMMED)
    index = pd.MultiIndex.from_product([MONTHS, names, [f"R{k}" for k in range(routes)]], names=["month", "outcome", "route"])
    frame = index.to_frame(index=False)
    values = np.random.default_rng(1).random(len(frame))
    return frame.assign(origin_group="", member_state="", leg="", value=values)


def nothing(job: Job) -> Any:
    """A run that costs nothing and gives 36 months of every outcome."""
    return SimpleNamespace(outcomes=_rows(1), replicate=job.replicate)


def many_rows(job: Job) -> Any:
    """A run that costs nothing and gives 23,400 rows; the baseline gives about 14,800 in three years."""
    return SimpleNamespace(outcomes=_rows(25), replicate=job.replicate)


def sleeping(job: Job) -> Any:
    """A run of one second, which notes when it began and ended."""
    began = time.time()
    time.sleep(1.0)
    output = nothing(job)
    with (Path(os.environ["SWEEP_NOTES"]) / f"{os.getpid()}.txt").open("a") as notes:
        notes.write(f"{began} {time.time()}\n")
    return output


def remembering(job: Job) -> Any:
    """A run of the model; the worker writes down its resident set afterwards."""
    output = run_one(job)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    with (Path(os.environ["SWEEP_MEMORY"]) / f"{os.getpid()}.txt").open("a") as notes:
        notes.write(f"{pages * resource.getpagesize()}\n")
    return output


def design(points: int, replicates: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "name": "benchmark", "factors": GROWTH, "sampling": {"method": "latin_hypercube", "points": points},
        "replicates": replicates, **more,
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------- clocks


def cpu() -> float:
    """CPU seconds of this process and of those of its children that have ended."""
    return sum(u.ru_utime + u.ru_stime for u in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


@contextmanager
def timed(told: dict[str, float], name: str) -> Iterator[None]:
    wall, used = time.perf_counter(), cpu()
    yield
    told[name], told[f"{name} cpu"] = time.perf_counter() - wall, cpu() - used


def machine() -> None:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "?")
    load = os.getloadavg()[0]
    print(f"{model}, {os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}, countersmuggling {countersmuggling.__version__}")


# ---------------------------------------------------------------------------------------------- the questions


def overhead(options: argparse.Namespace) -> None:
    """From the difference between a short and a long sweep, so that starting the processes does not count."""
    few, many = options.runs // 4, options.runs
    print(f"{'run gives':<22} {'clock x 2 workers, ms a run':>28} {'CPU, ms a run':>15}   start-up, s")
    for name, function in (("36 months of totals", nothing), ("23,400 rows", many_rows)):
        found = []
        for _ in range(options.rounds):
            told: dict[str, float] = {}
            for runs in (few, many):
                with tempfile.TemporaryDirectory() as folder, timed(told, str(runs)):
                    sweep(design(runs), out=Path(folder) / "s", workers=2, progress=False, function=function)
            slope = [1000 * (told[f"{many}{k}"] - told[f"{few}{k}"]) / (many - few) for k in ("", " cpu")]
            found.append((2 * slope[0], slope[1], told[str(few)] - few * slope[0] / 1000))
        clock, used, start = (sorted(column) for column in zip(*found, strict=True))
        middle = len(found) // 2
        print(f"{name:<22} {clock[middle]:>12.2f} ({clock[0]:.2f}-{clock[-1]:.2f}) {used[middle]:>11.2f} ({used[0]:.2f}-{used[-1]:.2f})   {start[middle]:.1f}")


def efficiency(options: argparse.Namespace) -> None:
    """Perfect is runs / 2 seconds."""
    told: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SWEEP_NOTES"] = folder
        with timed(told, "all"):
            results = sweep(design(options.runs), out=Path(folder) / "s", workers=2, progress=False, function=sleeping)
        assert results.complete
        times = np.vstack([np.loadtxt(file, ndmin=2) for file in Path(folder).glob("*.txt")])
    perfect = options.runs / 2
    inside = times[:, 1].max() - times[:, 0].min()
    print(f"{options.runs} runs of 1 s (asleep) on 2 processes; perfect is {perfect:.0f} s")
    print(f"from the first run's begin to the last one's end: {inside:.1f} s, {perfect / inside:.3f} of perfect")
    print(f"planning, starting the processes and reading back included: {told['all']:.1f} s, {perfect / told['all']:.3f} of perfect")
    print(f"CPU beside the sleeping runs: {told['all cpu']:.1f} s, {1000 * told['all cpu'] / options.runs:.0f} ms a run with all that")


def memory(options: argparse.Namespace) -> None:
    """One worker, so that every run is its."""
    small = {"model": {"persons_per_agent": 5000, "networks": 20}, "horizon": {"start": "2025-01-01", "end": "2025-01-10", "burn_in_days": 0}}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SWEEP_MEMORY"] = folder
        sweep(design(options.runs, set=small), out=Path(folder) / "s", workers=1, progress=True, function=remembering)
        (notes,) = Path(folder).glob("*.txt")
        sizes = np.loadtxt(notes) / 1e6
    print("runs done      MB resident")
    for run in sorted({1, 10, 50, 100, *range(100, len(sizes) + 1, 100), len(sizes)}):
        if run <= len(sizes):
            print(f"{run:>9,} {sizes[run - 1]:>15.1f}")
    late = sizes[len(sizes) // 2 :]
    slope = np.polyfit(np.arange(len(late)), late, 1)[0] * 1000
    print(f"least squares over the second half: {slope:+.2f} MB per 1,000 runs")
    if options.out:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.subplots()
        axes.plot(np.arange(1, len(sizes) + 1), sizes, linewidth=1)
        axes.set(xlabel="Runs that the worker has done", ylabel="Resident set, MB", ylim=(0, 1.15 * sizes.max()))
        figure.savefig(options.out, dpi=130)


def filled(folder: Path, runs: int, per_part: int) -> RunTable:
    """A store of made-up figures, written as workers write it."""
    table = RunTable(load_design(design(runs)), "made-up")
    store = Store(folder)
    prepare(table, store)
    ids = pd.read_parquet(store.design_folder(table.design_id) / "runs.parquet")["run_id"].tolist()
    random = np.random.default_rng(2)
    for start in range(0, runs, per_part):
        made = []
        for run_id in ids[start : start + per_part]:
            monthly = random.gamma(2.0, 100.0, (len(MONTHS), len(SUMMED)))
            made.append(Finished(run_id, Reduced(list(MONTHS), monthly, monthly.sum(axis=0), {}, run_id), 1.0))
        store.write(part_of(made, []))
    return table


def _of_pandas(folder: str) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(file) for file in Path(folder).glob("parts/*/monthly.parquet")])


def _of_duckdb(folder: str) -> pd.DataFrame:
    import duckdb

    frame: pd.DataFrame = duckdb.sql(f"from read_parquet('{folder}/parts/*/monthly.parquet')").df()
    return frame


#: what is read, and how many rows it gives for each run (0: one a month)
READERS: dict[str, tuple[Callable[[str], Any], int]] = {
    "one outcome, open_results": (lambda folder: open_results(folder).monthly(["deaths"]), len(MONTHS)),
    "every outcome, open_results": (lambda folder: open_results(folder).monthly(), len(MONTHS)),
    "mean by month, xarray": (lambda folder: open_results(folder).to_xarray()["deaths"].mean(("policy", "point", "replicate")).values, 0),
    "mean by month, DuckDB": (
        lambda folder: open_results(folder).connect().sql("select month, avg(deaths) from monthly group by month").df(), 0,
    ),
    "every outcome, pandas": (_of_pandas, len(MONTHS)),
    "every outcome, DuckDB": (_of_duckdb, len(MONTHS)),
}  # fmt: skip


def reading(options: argparse.Namespace) -> None:
    """Every reader opens the store anew; the first round, that loads libraries, is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "s")
        told: dict[str, float] = {}
        filled(Path(store), options.runs, 50)
        size = sum(f.stat().st_size for f in Path(store, "parts").rglob("*.parquet"))
        print(f"{options.runs:,} runs x {len(MONTHS)} months x {len(SUMMED)} outcomes, {size / 1e6:.0f} MB")
        print(f"seconds (CPU seconds), least of {options.rounds}; in {len(Store(store).parts()):,} parts:")
        _read_all(store, options)
        with timed(told, "compacted"):
            before, after = open_results(store).compact()
        print(f"compacted, {before:,} parts into {after:,}, in {told['compacted']:.1f} s ({told['compacted cpu']:.1f}):")
        _read_all(store, options)


def _read_all(folder: str, options: argparse.Namespace) -> None:
    for name, (read, rows) in READERS.items():
        times = []
        for _ in range(options.rounds + 1):
            told: dict[str, float] = {}
            with timed(told, "read"):
                got = read(folder)
            assert len(got) == (rows * options.runs if rows else len(MONTHS))
            del got
            times.append((told["read"], told["read cpu"]))
        clock, used = (min(column) for column in zip(*times[1:], strict=True))
        print(f"  {name:<30} {clock:.2f} ({used:.2f})", flush=True)


def plan(options: argparse.Namespace) -> None:
    """Rates of every part, and what 10^6 runs on 1,000 cores make of them."""
    runs, cores, per_batch = 1_000_000, 1000, 100
    told: dict[str, float] = {}
    table = RunTable(load_design(design(2000, policies={"a": "baseline-2025", "b": "europol-regulation"})))
    len(table.points)
    with timed(told, "plan"):
        for row in range(len(table)):
            table.run_id(row)
    planning = told["plan cpu"] / len(table)
    fresh = RunTable(table.design)
    len(fresh.points)
    rows = range(0, len(fresh), 2)  # every scenario anew: the most that feeding costs
    with timed(told, "feed"):
        jobs = [fresh.planned(row) for row in rows]
    feeding = told["feed cpu"] / len(jobs)
    batch = Batch(tuple(jobs[:per_batch]), (), "results/sweep", source_hash())
    sent = len(pickle.dumps(batch, protocol=5))
    with timed(told, "pickle"):
        for _ in range(10):
            pickle.loads(pickle.dumps(batch, protocol=5))
    pickling = told["pickle cpu"] / 10
    with tempfile.TemporaryDirectory() as folder:
        made = filled(Path(folder) / "s", 20_000, 20)
        store = Store(Path(folder) / "s")
        parts = len(store.parts())
        with timed(told, "done"):
            done = store.done()
        with timed(told, "missing"):
            missing_rows(made, store)
        listing = told["done cpu"] / parts
        size = sum(f.stat().st_size for f in store.parts_folder.rglob("*.parquet")) / len(done)
        disk_row = (store.design_folder(made.design_id) / "runs.parquet").stat().st_size / len(made)
        with timed(told, "compact"):
            store.compact()
    compacting = told["compact cpu"] / len(done)
    batches = runs / per_batch
    print(f"{'measured here (CPU)':<52} {'per unit':>14}   10^6 runs, batches of {per_batch}")

    def line(what: str, unit: str, then: str) -> None:
        print(f"{what:<52} {unit:>14}   {then}")

    line("naming a run while planning (half have a new scenario)", f"{1000 * planning:.2f} ms", f"{runs * planning / 60:.0f} min, once, in one process (--prepare)")
    line("handing out a run (scenario made anew)", f"{1000 * feeding:.2f} ms", f"{1 / feeding:,.0f} runs/s: 1,000 cores stay busy from {cores * feeding:.1f} s a run on")
    line("sending a batch to a worker", f"{sent / 1e6:.2f} MB", f"{batches * sent / 1e9:.1f} GB through the scheduler; {1000 * pickling:.0f} ms to pack and unpack")
    line("looking up what a part holds", f"{1000 * listing:.2f} ms", f"{batches * listing:.0f} s for {batches:,.0f} parts; by each of 1,000 jobs of an array: {cores * batches * listing / 3600:.1f} CPU h")
    line("a run in the table of runs", f"{disk_row:.0f} bytes", f"{runs * disk_row / 1e6:.0f} MB, read by every job of an array")
    line("a run's totals and 36 months on disk", f"{size / 1000:.1f} kB", f"{runs * size / 1e9:.1f} GB, {batches * 3:,.0f} files and folders")
    line("compacting a run", f"{1000 * compacting:.2f} ms", f"{runs * compacting / 60:.0f} min, in one process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    defaults = {"overhead": (2000, 3), "efficiency": (120, 1), "memory": (1000, 1), "reading": (10_000, 3), "plan": (0, 1)}
    for function in (overhead, efficiency, memory, reading, plan):
        runs, rounds = defaults[function.__name__]
        command = commands.add_parser(function.__name__, help=(function.__doc__ or "").splitlines()[0])
        command.add_argument("--runs", type=int, default=runs)
        command.add_argument("--rounds", type=int, default=rounds)
        command.add_argument("--out", type=Path, help="memory: plot to write")
        command.set_defaults(function=function)
    options = parser.parse_args()
    machine()
    options.function(options)


if __name__ == "__main__":
    main()
