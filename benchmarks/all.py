"""All benchmarks by one command, and a guard against getting slower.

    python benchmarks/all.py                 quick: some minutes of one core
    python benchmarks/all.py --full          the sizes of docs/benchmarks.md: hours
    python benchmarks/all.py --record        also write ratios.json and the table in docs/benchmarks.md
    python benchmarks/all.py --only start    some of them

Every benchmark is a file of this folder, run in a process of its own, and gives *ratios*: how many times faster than something
that runs beside it in the same minutes on the same machine.  Ratios of medians of CPU time survive another machine and a busy
one much better than seconds do.  The guard compares them with the last recorded ones of the same size (ratios.json): exit code 1
when one has fallen below two thirds of what was recorded.  What cannot be measured here (a library that is not installed) is named.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORDED = HERE / "ratios.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- table of benchmarks/all.py: begin -->", "<!-- end -->"
#: a ratio below this share of the recorded one is told as a regression; CPU times of one run differ by half on a busy machine
ALLOWED = 2.0 / 3.0


class NotHere(Exception):
    """A benchmark cannot be run here; the message says why."""


def script(name: str, *arguments: str) -> str:
    """Output of one of the benchmarks."""
    path = HERE / name
    if not path.exists():
        raise NotHere(f"there is no benchmarks/{name}")
    done = subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise NotHere(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError(f"{name} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def last_json(text: str) -> dict[str, Any]:
    """The last line that is JSON."""
    found: dict[str, Any] = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
    return found


def agents(full: bool) -> tuple[dict[str, float], str]:
    """The model's arrays against one Mesa agent per traveller."""
    told = last_json(script("one_agent_per_traveller.py", "--travellers", "100000" if full else "10000", "--rounds", "3" if full else "1"))
    seconds = f"{statistics.median(told['arrays_cpu_seconds']):.2f} against {statistics.median(told['agents_cpu_seconds']):.1f} CPU s"
    return {"arrays against one Mesa agent per traveller": told["ratio"]}, f"{told['travellers']:,.0f} travellers, a year: {seconds}"


def flee(full: bool) -> tuple[dict[str, float], str]:
    """The model against Flee on the same network."""
    told = last_json(script("against_flee.py", *(("--travellers", "100000", "--days", "365") if full else ("--travellers", "10000", "--days", "90"))))
    here, there = told["model"], told["flee_runs"]
    words = (
        f"Flee {told['flee']}, {here['agents']:,} agents, {told['days']} days: {here['agent_days_per_cpu_second']:,} against "
        f"{there['agent_days_per_cpu_second']:,} agent-days and {here['moves_per_cpu_second']:,} against "
        f"{there['moves_per_cpu_second']:,} moves a CPU second"
    )
    return {"agent-days a CPU second against Flee": told["ratio_agent_days"], "moves a CPU second against Flee": told["ratio_moves"]}, words


def optimiser(full: bool) -> tuple[dict[str, float], str]:
    """The planner's programme against PuLP by hand with CBC, and against HiGHS directly."""
    text = script("optimiser.py", "--size", "full" if full else "small", "--form", "plan")
    totals = {m[1]: float(m[2]) for m in re.finditer(r"^\| `([a-z-]+)` \| [^|]+ \| ([0-9.]+) \|", text, re.MULTILINE)}
    ratios = {
        "optimiser (PuLP, HiGHS) against PuLP by hand with CBC": totals["pulp-naive-cbc"] / totals["pulp-highs"],
        "optimiser (PuLP, HiGHS) against HiGHS directly": totals["highs"] / totals["pulp-highs"],
    }
    return ratios, ", ".join(f"{way} {seconds:.2f}" for way, seconds in totals.items()) + " CPU s"


SWEEP = """
import json, sys, tempfile, time
from countersmuggling.experiments.sweeping import sweep
from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import Scenario, load
replicates = int(sys.argv[1])
content = load("baseline-2025").model_dump(by_alias=True, mode="json", exclude_none=True)
changed = {"horizon": {"start": "2025-01-01", "end": "2025-06-30", "burn_in_days": 30}, "model": {"persons_per_agent": 200}}
scenario = Scenario.model_validate({**content, "horizon": changed["horizon"], "model": {**content["model"], **changed["model"]}})
def plainly():
    begun = time.process_time()
    for replicate in range(replicates):
        model = SmugglingModel(scenario, replicate=replicate); model.run(); model.release()
    return time.process_time() - begun
def swept():
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        sweep({"name": "bench", "scenario": "baseline-2025", "set": changed, "replicates": replicates}, out=folder + "/store", engine="in-process", progress=False)
        return time.process_time() - begun
plainly(); swept()
print(json.dumps([[plainly(), swept()] for _ in range(3)]))
"""


def sweeps(full: bool) -> tuple[dict[str, float], str]:
    """The sweep engine: a plain loop over the same runs against a sweep with its store."""
    replicates = 40 if full else 8
    done = subprocess.run([sys.executable, "-c", SWEEP, str(replicates)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the sweep failed:\n{done.stderr[-2000:]}")
    rounds = json.loads(done.stdout.splitlines()[-1])
    loop, swept = (statistics.median(r[n] for r in rounds) for n in (0, 1))
    words = f"{replicates} runs: {loop:.2f} CPU s in a plain loop, {swept:.2f} by a sweep, with its store on disk"
    return {"sweep engine against a plain loop of the same runs": loop / swept}, words


def start(full: bool) -> tuple[dict[str, float], str]:
    """Starting the command line, against starting Python."""

    def cpu(*arguments: str) -> float:
        before = os.times()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    help_ = ("-c", "import sys; from countersmuggling.experiments.cli import main; sys.exit(main(sys.argv[1:]))", "--help")
    rounds = [(cpu("-c", "pass"), cpu(*help_)) for _ in range(21 if full else 9)]
    bare, told = (statistics.median(r[n] for r in rounds) for n in (0, 1))
    return {"starting Python against `countersmuggling --help`": bare / told}, f"{1000 * bare:.0f} against {1000 * told:.0f} ms of CPU time"


BENCHMARKS: dict[str, Callable[[bool], tuple[dict[str, float], str]]] = {
    "agents": agents, "flee": flee, "optimiser": optimiser, "sweeps": sweeps, "start": start}  # fmt: skip
#: run as they are in full, their own tables printed below: no ratio of two things measured side by side
TABLES = (("scale.py", ()), ("start.py", ("--rounds", "5")), ("sweeps.py", ()))


def machine() -> str:
    """Processor, cores, memory, system and versions; nothing that names a host."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        model = found[1].strip() if found else ""
    names = []
    for name in ("numpy", "numba", "scipy", "mesa", "pulp", "highspy"):
        try:
            names.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{model or platform.machine()}, {os.cpu_count()} cores{load}; {platform.system()}, Python {platform.python_version()}, {', '.join(names)}"


def commit() -> str:
    """The checkout's commit, if there is one."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def table(record: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    rows = [f"Measured on {record['date']} by `python benchmarks/all.py{' --full' if record['size'] == 'full' else ''}` at commit {record['commit']}.",
            f"Machine: {record['machine']}.", "", "| question | ratio of medians of CPU time | measured |", "| --- | --- | --- |"]  # fmt: skip
    for name, words in record["words"].items():
        for question, ratio in record["by_benchmark"].get(name, {}).items():
            rows.append(f"| {question} | {ratio:.3g} | {words} |")
        if name not in record["by_benchmark"]:
            rows.append(f"| {name} | | not measured: {words} |")
    return "\n".join(rows)


def regressions(record: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """Ratios that have fallen too far below the recorded ones of the same size."""
    old = before.get(record["size"], {}).get("ratios", {})
    return [
        f"{question}: {ratio:.3g}, recorded {old[question]:.3g} on {before[record['size']]['date']}"
        for question, ratio in record["ratios"].items()
        if question in old and ratio < ALLOWED * old[question]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    options = parser.parse_args()
    record: dict[str, Any] = {
        "size": "full" if options.full else "quick", "date": dt.date.today().isoformat(), "commit": commit(), "machine": machine(),
        "ratios": {}, "by_benchmark": {}, "words": {},
    }  # fmt: skip
    for name in options.only:
        begun = time.perf_counter()
        print(f"{name} ... ", end="", file=sys.stderr, flush=True)
        try:
            ratios, record["words"][name] = BENCHMARKS[name](options.full)
            record["by_benchmark"][name] = {question: round(ratio, 4) for question, ratio in ratios.items()}
            record["ratios"] |= record["by_benchmark"][name]
        except NotHere as reason:
            record["words"][name] = str(reason)
        print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    print(table(record))
    if options.full:
        for file, arguments in TABLES:
            if (HERE / file).exists():
                print(f"\n`python benchmarks/{file} {' '.join(arguments)}`\n\n{script(file, *arguments)}")
    before = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    worse = regressions(record, before)
    for line in worse:
        print(f"SLOWER: {line}", file=sys.stderr)
    if options.record:
        kept = before.get(record["size"], {})
        ratios = {**kept.get("ratios", {}), **record["ratios"]}
        before[record["size"]] = {"date": record["date"], "machine": record["machine"], "commit": record["commit"], "ratios": ratios}
        RECORDED.write_text(json.dumps(before, indent=1) + "\n", encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        if BEGIN not in page:
            page += f"\n## All at once\n\n{BEGIN}\n{END}\n"
        head, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{head}{BEGIN}\n{table(record)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
        print(f"Recorded in {RECORDED} and {PAGE}", file=sys.stderr)
    return 1 if worse and not options.record else 0


if __name__ == "__main__":
    sys.exit(main())
