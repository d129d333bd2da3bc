"""How long the command line takes before it does anything: help, and the first and second start with compiled kernels.

    python benchmarks/start.py [--rounds N]

`countersmuggling --help`, and a month of the bundled baseline, one replicate, one process: at first with an empty cache
of compiled kernels, then again, each in a fresh process.  What a start adds is the CPU time of a process that starts
Python, loads the libraries and the compiled kernels, sets up the model and runs the month, less that of the second and
third step once more inside it, from nothing remembered.  The whole command, with results folder and report, is given
beside it.  The smallest of the rounds.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIO = """\
name: a-month
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-01-31, burn_in_days: 0}
uncertainties: {draw: central}
model: {persons_per_agent: 100}
replicates: 1
"""
ONCE = "import sys; from countersmuggling.experiments.cli import main; sys.exit(main(sys.argv[1:]))"
MODEL = """\
import sys, time
from countersmuggling.model import SmugglingModel, core
from countersmuggling.scenarios import load, reference
scenario = load(sys.argv[1])
SmugglingModel(scenario).run()
cold = time.process_time()
core._references, core._potentials = core.Remembered(1), core.Remembered(1)
for function in (core.default_geography, reference._bundled_world):
    function.cache_clear()
SmugglingModel(load(sys.argv[1])).run()
print(cold, time.process_time() - cold)
"""


def child(code: str, *arguments: str, env: dict[str, str]) -> tuple[float, float, str]:
    """(CPU seconds, seconds on the clock, what it printed) of a process of its own."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=env, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - begun, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a-month.yaml"
        file.write_text(SCENARIO, encoding="utf-8")
        env = os.environ | {"NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
        command = ["run", str(file), "--workers", "1", "--quiet", "--out"]
        first = child(ONCE, *command, str(Path(folder) / "first"), env=env)[0]
        whole = min(child(ONCE, *command, str(Path(folder) / f"then-{i}"), env=env)[0] for i in range(given.rounds))
        runs = [tuple(map(float, child(MODEL, str(file), env=env)[2].split())) for _ in range(given.rounds)]
        shown = [child(ONCE, "--help", env=env)[:2] for _ in range(2 * given.rounds)]
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print("| what | CPU seconds |\n| --- | --- |")
    print(f"| `countersmuggling run`, first start: kernels compiled | {first:.2f} |")
    print(f"| `countersmuggling run`, second start, with results folder and report | {whole:.2f} |")
    print(f"| set-up and run of the model alone | {min(warm for _, warm in runs):.2f} |")
    print(f"| what the second start adds to it | {min(cold - warm for cold, warm in runs):.2f} |")
    print(f"| `countersmuggling --help` | {min(cpu for cpu, _ in shown):.2f} (on the clock {min(clock for _, clock in shown):.2f}) |")


if __name__ == "__main__":
    main()
