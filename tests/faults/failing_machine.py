"""Runs the program on a machine that fails, and looks at what it says and what is left.

    python tests/faults/failing_machine.py                      every fault
    python tests/faults/failing_machine.py --only full_disk solver

A fault passes when the command ends with the exit code that it should have, says in a line or two what is wrong (no traceback),
leaves nothing under the result's name that is not whole, and afterwards runs again with figures equal to the bit.
Faults that this user or system cannot bring about are told as left out, with the reason.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import kill_commands as commands  # type: ignore[import-not-found]  # the file beside this one

Broken = commands.Broken

NOBODY = 65_534


class LeftOut(Exception):
    """The fault cannot be brought about here; the message says why."""


class Machine:
    """A folder, undisturbed results to compare with, and ways to run a command with something wrong.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "small.yaml").write_text(commands.SCENARIO, encoding="utf-8")
        (folder / "plan.yaml").write_text(commands.PLAN, encoding="utf-8")
        (folder / "design.yaml").write_text(commands.DESIGN, encoding="utf-8")
        os.environ["COUNTERSMUGGLING_CACHE"] = str(folder / "cache")
        self._references: dict[str, Path] = {}

    def reference(self, name: str) -> Path:
        """Results of a command that nobody disturbed."""
        if name not in self._references:
            target = self.folder / f"reference-{name}"
            commands.finish(commands.COMMANDS[name].arguments(target, 0), self.folder)
            self._references[name] = target
        return self._references[name]

    def run(self, name: str, target: Path, wrong: Callable[[], object] | None = None, more: tuple[str, ...] = ()) -> tuple[int, str]:
        """Run a command, `wrong` being called first in its process; exit code and what it said."""
        arguments = [*commands.COMMANDS[name].arguments(target, 0), *more]
        process = self.begin(arguments, wrong, self.folder / "log.txt")
        _, status = os.waitpid(process, 0)
        return os.waitstatus_to_exitcode(status), (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    def begin(self, arguments: list[str], wrong: Callable[[], object] | None, log: Path) -> int:
        """Start a command in a process forked from this one."""
        child = os.fork()
        if child:
            return child
        code = 70
        try:
            os.chdir(self.folder)
            stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            if wrong is not None:
                wrong()
            from countersmuggling.experiments.cli import main

            code = main(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def told(self, name: str, target: Path, words: str, wrong: Callable[[], object] | None = None, codes: tuple[int, ...] = (2,),
             more: tuple[str, ...] = ()) -> None:  # fmt: skip
        """A command that has to refuse with these words and leave nothing that is not whole."""
        code, said = self.run(name, target, wrong, more)
        if code not in codes or words not in said or "Traceback" in said or len(said.strip().splitlines()) > 3:
            raise Broken(f"{name} ended with {code} and said:\n{said}")
        state = commands.COMMANDS[name].state(target, self.reference(name))
        if state not in ("nothing", "no runs yet", "some runs"):
            raise Broken(f"{name} left {state} in {target}")
        if name != "sweep" and [p for p in target.parent.glob(f".{target.name}.*") if p.suffix == ".partial"] and target.parent.exists():
            raise Broken(f"{name} left remnants beside {target}")

    def again(self, name: str, target: Path) -> None:
        """Without the fault the command completes over what is left."""
        commands.finish(commands.COMMANDS[name].arguments(target, 0), self.folder)
        commands.COMMANDS[name].finished(target, self.reference(name))

    def same(self, name: str, target: Path, wrong: Callable[[], object]) -> None:
        """A command that has to give the same figures whatever is odd about the machine."""
        code, said = self.run(name, target, wrong)
        if code != 0:
            raise Broken(f"{name} ended with {code} and said:\n{said}")
        commands.COMMANDS[name].finished(target, self.reference(name))


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of its own in memory; needs the superuser on Linux."""
    disk = folder / f"disk-{kilobytes}"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
    if done.returncode:
        disk.rmdir()
        raise LeftOut(f"no disk of limited size can be mounted: {done.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


# ---------------------------------------------------------------------------------------------- faults


def full_disk(machine: Machine) -> None:
    """A disk that fills up, for one command after another; then the same disk with room."""
    for name in ("run", "sweep"):
        machine.reference(name)
        with small_disk(machine.folder, 100 if name == "run" else 24) as disk:
            machine.told(name, disk / "results", "the disk is full", codes=(1, 2))
            subprocess.run(["mount", "-o", "remount,size=20000k", str(disk)], check=True)
            machine.again(name, disk / "results")


def file_size_limit(machine: Machine) -> None:
    """A limit on the size of a file (``ulimit -f``), which any user may set."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))

    target = machine.folder / "limited"
    machine.told("run", target, "too large for the disk or a limit", limit)
    machine.again("run", target)


def read_only_disk(machine: Machine) -> None:
    """A disk that is mounted read-only: told before any work is done."""
    with small_disk(machine.folder, 20_000) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for name in ("run", "sweep"):
            machine.told(name, disk / "results", "read-only")


def folder_of_others(machine: Machine) -> None:
    """A folder that the user may not write to."""
    closed = machine.folder / "closed"
    closed.mkdir(mode=0o755)
    becoming: Callable[[], object] = lambda: None
    if os.geteuid() == 0:
        reach = machine.folder
        for part in (reach, *reach.parents):
            if not os.stat(part).st_mode & 0o001:
                os.chmod(part, os.stat(part).st_mode | 0o055) if part == reach else None

        import countersmuggling

        for place in (Path(sys.prefix), *(Path(p) for p in countersmuggling.__path__)):
            for part in place.parents:
                if not os.stat(part).st_mode & 0o001:
                    raise LeftOut(f"another user does not come past {part}, where the program lies")

        def becoming() -> None:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    else:
        closed.chmod(0o555)
    for name in ("run", "sweep"):
        machine.told(name, closed / "results", "you may not write there", becoming)
    closed.chmod(0o755)


def clock_moved(machine: Machine) -> None:
    """The wall clock jumps by days, forwards and backwards, whenever it is read."""

    def jumping() -> None:
        true, calls = time.time, iter(range(10**9))
        time.time = lambda: true() + (-1) ** next(calls) * 86_400.0 * 400

        import datetime as dt
        from types import SimpleNamespace

        from countersmuggling.experiments import running

        def now(zone: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(zone) + dt.timedelta(days=400 if next(calls) % 2 else -400)

        vars(running)["dt"] = SimpleNamespace(datetime=SimpleNamespace(now=now), UTC=dt.UTC)

    for name in ("run", "sweep"):
        machine.same(name, machine.folder / f"clock-{name}", jumping)


def time_zone_and_locale(machine: Machine) -> None:
    """Odd time zones and locales: forked, and as a fresh interpreter in the plainest locale there is."""

    def odd(zone: str, wanted: str) -> Callable[[], object]:
        def change() -> None:
            import locale

            os.environ["TZ"] = zone
            time.tzset()
            try:
                locale.setlocale(locale.LC_ALL, wanted)
            except locale.Error:
                locale.setlocale(locale.LC_ALL, "C")

        return change

    for number, (zone, wanted) in enumerate((("Pacific/Kiritimati", "de_DE.UTF-8"), ("XXX-14:30YYY", "tr_TR.UTF-8"))):
        machine.same("run", machine.folder / f"zone-{number}", odd(zone, wanted))
    target = machine.folder / "plain"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "America/St_Johns"}
    command = [sys.executable, "-m", "countersmuggling.experiments.cli", *commands.COMMANDS["run"].arguments(target, 0)]
    done = subprocess.run(command, cwd=machine.folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"in the locale C: {done.returncode}\n{done.stderr}")
    commands.COMMANDS["run"].finished(target, machine.reference("run"))


def two_at_once(machine: Machine) -> None:
    """Two processes with one target: each ends well or with one line; what stands there is whole."""
    for name in ("run", "sweep"):
        for round_ in range(3):
            target = machine.folder / f"both-{name}-{round_}"
            logs = [machine.folder / f"log-{number}.txt" for number in range(2)]
            started = [machine.begin(commands.COMMANDS[name].arguments(target, number), None, log) for number, log in enumerate(logs)]
            codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in started]
            said = [log.read_text(encoding="utf-8") for log in logs]
            if 0 not in codes or any(code not in (0, 2) for code in codes) or any("Traceback" in text for text in said):
                raise Broken(f"two `{name}` at once ended with {codes} and said {said}")
            commands.COMMANDS[name].finished(target, machine.reference(name))
            if [p for p in machine.folder.glob(f".{target.name}.*")]:
                raise Broken(f"two `{name}` at once left remnants")


def solver(machine: Machine) -> None:
    """A solver that raises, that is stopped, that gives a wrong answer, that cannot be started, and one that takes its process down."""
    import pulp

    from countersmuggling.optimise import solving

    machine.reference("optimise")  # effects are measured and kept
    highs = solving._quiet_highs()  # PuLP's HiGHS as the program uses it

    def raises() -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise pulp.PulpSolverError("the solver's own words")

        highs.actualSolve = fail

    def stopped() -> None:
        def stop(self: Any, lp: Any, **_: Any) -> Any:
            lp.assignStatus(pulp.LpStatusNotSolved, pulp.LpSolutionNoSolutionFound)
            return pulp.LpStatusNotSolved

        highs.actualSolve = stop

    def wrong() -> None:
        true = vars(solving)["read_back"]

        def lie(engine: Any) -> Any:
            x, *others = true(engine)
            return 0.5 * x + 1.0, *others

        vars(solving)["read_back"] = lie

    def aborts() -> None:
        highs.actualSolve = lambda *_, **__: os.abort()

    def cannot_start() -> None:
        pulp.PULP_CBC_CMD.available = lambda self: False
        pulp.PULP_CBC_CMD.actualSolve = lambda self, lp, **_: _raise(pulp.PulpSolverError("cannot execute cbc"))

    def dies() -> None:
        true = subprocess.Popen
        subprocess.Popen = lambda *_, **options: true(["false"], **options)  # type: ignore[misc, assignment]

    def _raise(error: Exception) -> None:
        raise error

    for number, (fault, words, more) in enumerate((
        (raises, "HiGHS failed: the solver's own words", ()), (stopped, "HiGHS", ()), (wrong, "does not pass the check", ()),
        (cannot_start, "cbc", ("--solver", "cbc")), (dies, "cbc", ("--solver", "cbc")),
    )):  # fmt: skip
        try:
            machine.told("optimise", machine.folder / f"solver-{number}", words, fault, codes=(1,), more=more)
        except Broken as error:
            raise Broken(f"{fault.__name__}: {error}") from error
    code, said = machine.run("optimise", machine.folder / "solver-abort", aborts)
    if code != -signal.SIGABRT or (machine.folder / "solver-abort").exists():
        raise Broken(f"a solver that takes its process down: {code}, {said}")
    machine.again("optimise", machine.folder / "solver-abort")


FAULTS: dict[str, Callable[[Machine], None]] = {
    fault.__name__: fault
    for fault in (full_disk, file_size_limit, read_only_disk, folder_of_others, clock_moved, time_zone_and_locale, two_at_once, solver)
}


def fail(names: list[str], tell: Callable[[str], None]) -> bool:
    """Bring about the faults; whether the program kept its promises."""
    kept = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        commands.warm_up(folder)
        shutil.rmtree(folder / "warm")
        machine = Machine(folder)
        machine.reference("run")
        for name in names:
            started = time.perf_counter()
            try:
                FAULTS[name](machine)
                told = "kept"
            except LeftOut as reason:
                told = f"left out: {reason}"
            except (Broken, AssertionError) as error:
                kept, told = False, f"BROKEN: {error}"
            tell(f"{name}: {told} ({time.perf_counter() - started:.0f} s)")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="FAULT", default=list(FAULTS), help=", ".join(FAULTS))
    options = parser.parse_args()
    return 0 if fail(options.only, lambda text: print(text, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
