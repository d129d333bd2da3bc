"""Kills the program's long commands with SIGKILL at random moments, and looks at what is left.

    python tests/faults/kill_commands.py                          some 200 kills in all
    python tests/faults/kill_commands.py --kills run=10 sweep=5

Each command runs on a small, coarse scenario in a process group of its own (forked from one that has loaded the libraries,
so that the moment falls into the work and not into imports; one in eight is a fresh interpreter).  The moment is drawn uniformly
over the CPU time that the command takes undisturbed; the whole group is killed.  After each kill, what stands under the
result's name has to be absent, or whole and equal to the bit to an undisturbed result (where results of another seed stood
before, those may stand still); a store of runs holds whole runs only, each with its right digest.  After every few kills
the command is run again over what is left: it has to end well, with figures equal to the bit.

Kills that come after the command's end do not count.  Exit code 0 when all of that holds; a line for each command tells what the kills left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: kills by command when nothing else is asked for; a command that this version lacks is said to be left out
KILLS = {"run": 65, "optimise": 60, "sweep": 75, "calibrate": 12}
RERUN_AFTER = 5

SCENARIO = """\
extends: baseline-2025
title: A small scenario
horizon: {start: 2025-07-01, end: 2025-09-30, burn_in_days: 10}
replicates: 2
model: {persons_per_agent: 5000, networks: 20}
"""
PLAN = """\
title: One type of staff, so that few effects have to be measured
name: plan
horizon: {start: 2025-07-01, end: 2025-08-31, burn_in_days: 0}
replicates: 1
model: {persons_per_agent: 5000, networks: 20}
resources:
  posts: {border_guard: {available: 150}}
  budgets: {member_states: {2025: 1.0e+7}}
  hosts: {default: {absorb: 15}}
uncertainties: {parameters: {optimise.measure_months: 1, optimise.measure_burn_in_days: 0}}
"""
DESIGN = """\
scenario: small.yaml
policies:
  status-quo: small.yaml
  directive: {set: {levers: {penalties: {on: 2025-07-01}}}}
factors: {levers.penalties.intensity: {values: [0, 1, 2]}}
replicates: 4
"""


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes
    ----------
    arguments : callable
        Command line for a target folder and a number that varies it (engines, batches).
    state : callable
        ``state(target, reference)``: a word for what stands there; raises `Broken` when it is neither absent nor right.
    finished : callable
        Raises `Broken` unless the target is whole and equal to the reference.
    replaces : bool
        Whether the command replaces older results of its target.
    """

    arguments: Callable[[Path, int], list[str]]
    state: Callable[[Path, Path], str]
    finished: Callable[[Path, Path], None]
    replaces: bool = False


# ---------------------------------------------------------------------------------------------- what may be there


def results_state(target: Path, reference: Path) -> str:
    """A results folder is absent, the older one, or whole and right."""
    from countersmuggling.experiments.rerunning import agreement
    from countersmuggling.experiments.results import Results

    if not target.exists():
        return "nothing"
    found = Results.read(target)
    if found.provenance.get("seed") == OLDER_SEED:
        return "older results"
    expected = sorted(str(p.relative_to(reference)) for p in reference.rglob("*"))
    if sorted(str(p.relative_to(target)) for p in target.rglob("*")) != expected:
        raise Broken(f"{target} lacks files or has others")
    agreed = agreement(Results.read(reference).outcomes, found.outcomes)
    if not agreed.identical:
        raise Broken(f"{target}: {agreed}")
    return "whole results"


def results_finished(target: Path, reference: Path) -> None:
    """As `results_state`, and nothing else will do."""
    state = results_state(target, reference)
    if state != "whole results":
        raise Broken(f"after running again there is: {state}")


def digests(target: Path) -> dict[str, str]:
    """Digest by run of everything in a store; reads every file of every part."""
    from countersmuggling.experiments.store import Store

    store = Store(target)
    found: dict[str, str] = {}
    monthly = {run for table in store.tables("monthly", None) for run in table["run_id"].to_pylist()}
    for table in store.tables("runs", None):
        found.update(zip(table["run_id"].to_pylist(), table["digest"].to_pylist(), strict=True))
    if monthly != set(found):
        raise Broken(f"{target}: runs and their months differ")
    return found


def store_state(target: Path, reference: Path) -> str:
    """A store is absent, or holds whole runs only."""
    if not target.exists():
        return "nothing"
    found, right = digests(target), digests(reference)
    wrong = [run for run, digest in found.items() if right.get(run) != digest]
    if wrong:
        raise Broken(f"{target}: run {wrong[0]} is not what an undisturbed sweep gives")
    return "all runs" if len(found) == len(right) else "some runs" if found else "no runs yet"


def store_finished(target: Path, reference: Path) -> None:
    """All runs, equal to the bit."""
    from countersmuggling.experiments.sweep_results import open_results

    if store_state(target, reference) != "all runs":
        raise Broken(f"{target} is not complete")
    if not open_results(target).complete:
        raise Broken(f"{target} does not count as complete")


def calibration_state(target: Path, reference: Path) -> str:
    """The posterior is absent or the right one."""
    posterior = target / "posterior.csv"
    if not posterior.exists():
        return "nothing" if not target.exists() else "runs only"
    if posterior.read_bytes() != (reference / "posterior.csv").read_bytes():
        raise Broken(f"{posterior} differs from an undisturbed one")
    return "posterior"


def calibration_finished(target: Path, reference: Path) -> None:
    """All files are there and the tables equal to the bit."""
    for file in sorted(reference.glob("*.csv")):
        if not (target / file.name).is_file() or (target / file.name).read_bytes() != file.read_bytes():
            raise Broken(f"{target / file.name} is missing or differs after running again")
    json.loads((target / "posterior.json").read_text(encoding="utf-8"))


def _results(name: str, scenario: str = "small.yaml") -> Callable[[Path, int], list[str]]:
    return lambda target, number: [name, scenario, "--out", str(target), "--quiet", "--workers", "1"]


def _sweep(target: Path, number: int) -> list[str]:
    engine = ["--engine", "local", "--workers", "2"] if number % 8 == 7 else ["--engine", "in-process"]
    return ["sweep", "design.yaml", "--out", str(target), "--quiet", "--resume", "--batch", str(1 + number % 3), *engine]


def _calibrate(target: Path, number: int) -> list[str]:
    return ["calibrate", "--out", str(target), "--quiet", "--workers", "1", "--budget", "12", "--draws", "4", "--until", "2015-12",
            "--persons-per-agent", "20000", "--parameter", "route_choice.fee", "--parameter", "route_choice.returned"]  # fmt: skip


COMMANDS = {
    "run": Command(_results("run"), results_state, results_finished, replaces=True),
    "optimise": Command(_results("optimise", "plan.yaml"), results_state, results_finished, replaces=True),
    "sweep": Command(_sweep, store_state, store_finished),
    "calibrate": Command(_calibrate, calibration_state, calibration_finished),
}
OLDER_SEED = 987_654


# ---------------------------------------------------------------------------------------------- running and killing


def available() -> set[str]:
    """Commands that this version of the program has."""
    from countersmuggling.experiments.cli import parser

    return {name for action in parser()._actions for name in (action.choices or ()) if isinstance(action.choices, dict)}


def start(arguments: list[str], folder: Path, fresh: bool) -> int:
    """Start a command in a process group of its own; the process's number."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if fresh:
            os.execv(sys.executable, [sys.executable, "-m", "countersmuggling.experiments.cli", *arguments])
        from countersmuggling.experiments.cli import main

        code = main(arguments)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  the child must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def cpu_seconds(process: int) -> float:
    """CPU time of a process and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def finish(arguments: list[str], folder: Path) -> float:
    """Run a command to its end; CPU seconds."""
    process = start(arguments, folder, fresh=False)
    used = 0.0
    while True:
        try:
            used = cpu_seconds(process)
        except (OSError, IndexError):
            pass
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            break
        time.sleep(0.02)
    if os.waitstatus_to_exitcode(status) != 0:
        said = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Broken(f"`{' '.join(arguments)}` ended with {os.waitstatus_to_exitcode(status)}:\n{said}")
    return used


def kill_at(arguments: list[str], folder: Path, moment: float, fresh: bool) -> bool:
    """Kill a command once it has used so much CPU time; whether it was still running."""
    process = start(arguments, folder, fresh)
    while True:
        ended, _ = os.waitpid(process, os.WNOHANG)
        if ended:
            return False
        try:
            used = cpu_seconds(process)
        except (OSError, IndexError):
            used = moment
        if used >= moment:
            try:
                os.killpg(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(process, 0)
            return True
        time.sleep(0.002)


def kill_many(name: str, kills: int, folder: Path, seed: int) -> Counter[str]:
    """`kills` kills of one command while it works; what they left, counted.

    Raises
    ------
    Broken
        With the seed's number of the kill.
    """
    command, rng = COMMANDS[name], random.Random(f"{name} {seed}")
    (folder / "small.yaml").write_text(SCENARIO, encoding="utf-8")
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (folder / "design.yaml").write_text(DESIGN, encoding="utf-8")
    cache = folder / "cache"
    os.environ["COUNTERSMUGGLING_CACHE"] = str(cache)
    reference = folder / "reference"
    whole = finish(command.arguments(reference, 0), folder)
    command.finished(reference, reference)
    older = folder / "older"
    if command.replaces:
        finish([*command.arguments(older, 0), "--seed", str(OLDER_SEED)], folder)
    left: Counter[str] = Counter()
    target = folder / "target"
    number = targets = on_this_target = 0
    while left["killed"] < kills:
        if number > 4 * kills + 10:
            raise Broken(f"{name}: of {number} kills {left['killed']} came before the end")
        if on_this_target == 0:
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(cache, ignore_errors=True)
            if command.replaces and targets % 2:
                shutil.copytree(older, target)
            targets += 1
        fresh = number % 8 == 3
        moment = rng.uniform(0.0, whole + (2.0 if fresh else 0.0))
        running = kill_at(command.arguments(target, number), folder, moment, fresh)
        left["killed" if running else "ended before the kill"] += 1
        on_this_target += 1
        try:
            left[command.state(target, reference) if running else "whole at the end"] += 1
            if not running:  # undisturbed in the end: all has to be there, and the next begins anew
                command.finished(target, reference)
                on_this_target = 0
            elif on_this_target == RERUN_AFTER or left["killed"] == kills:
                finish(command.arguments(target, 0), folder)
                command.finished(target, reference)
                left["run again"] += 1
                on_this_target = 0
        except Exception as error:
            raise Broken(f"{name}, kill {number} at {moment:.3f} CPU seconds of {whole:.2f}: {type(error).__name__}: {error}") from error
        number += 1
        if sys.stderr.isatty():
            print(f"\r{name}: {left['killed']} of {kills}", end="", file=sys.stderr)
    left["remnants under hidden names"] = len([p for p in folder.glob(".*") if p.suffix in (".partial", ".old")])
    return left


def warm_up(folder: Path) -> None:
    """Load libraries and compiled kernels once, so that every command that is forked begins with its work."""
    import countersmuggling.experiments.comparing
    import countersmuggling.experiments.sweeping
    import countersmuggling.optimise  # noqa: F401
    from countersmuggling.experiments.cli import main

    os.environ["COUNTERSMUGGLING_CACHE"] = str(folder / "cache")
    (folder / "small.yaml").write_text(SCENARIO, encoding="utf-8")
    if main(["run", str(folder / "small.yaml"), "--out", str(folder / "warm"), "--quiet", "--workers", "1"]):
        raise Broken("the command does not run undisturbed")


def kill(kills: dict[str, int], seed: int, tell: Callable[[str], None] = print) -> bool:
    """Kill the commands as often as asked; whether every promise was kept."""
    kept = True
    with tempfile.TemporaryDirectory() as temporary:
        warm_up(Path(temporary))
        for name, number in kills.items():
            if number == 0:
                continue
            if name not in available():
                tell(f"{name}: this version has no such command; left out")
                continue
            folder = Path(temporary) / name
            folder.mkdir()
            started = time.perf_counter()
            try:
                left = kill_many(name, number, folder, seed)
                told = ", ".join(f"{count} {what}" for what, count in left.items())
                tell(f"{name}: {number} kills: {told}; {time.perf_counter() - started:.0f} s")
            except Broken as error:
                kept = False
                tell(f"{name}: BROKEN: {error}")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", nargs="+", metavar="COMMAND=N", help=f"(default: {' '.join(f'{k}={v}' for k, v in KILLS.items())})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kills = KILLS
    if options.kills:
        kills = {}
        for text in options.kills:
            name, _, number = text.partition("=")
            if name not in COMMANDS or not number.isdigit():
                parser.error(f"expected COMMAND=N with one of {', '.join(COMMANDS)}, got '{text}'")
            kills[name] = int(number)
    return 0 if kill(kills, options.seed, lambda text: print(text, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
