"""Commands killed with SIGKILL: a few on every run of the tests, two hundred in the long study."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kill_commands.py"

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the moment of a kill is read from /proc")


def kill(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=10_000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_commands_leave_nothing_half_written() -> None:
    told = kill("--kills", "run=2", "sweep=3")
    for name, kills in (("run", 2), ("sweep", 3)):
        line = next(line for line in told.splitlines() if line.startswith(f"{name}: "))
        assert f"{kills} killed" in line and "1 run again" in line, line


def test_what_is_killed_is_what_the_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """The long study cannot rot: its arguments are understood and its parameters are there."""
    from countersmuggling.experiments.cli import parser
    from countersmuggling.scenarios import registry

    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    commands = importlib.import_module("kill_commands")
    assert set(commands.KILLS) == set(commands.COMMANDS) <= commands.available()
    for command in commands.COMMANDS.values():
        for number in (0, 7):
            options = parser().parse_args(command.arguments(SCRIPT.parent / "target", number))
            assert set(getattr(options, "parameter", None) or ()) <= set(registry())


@pytest.mark.slow
def test_two_hundred_kills() -> None:
    kill()


FAULTY = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
import kill_commands as k
def work(arguments, folder, fresh):
    import os, time
    child = os.fork()
    if child: return child
    os.setsid()
    target = folder / arguments[1]
    target.mkdir(exist_ok=True)
    (target / "figures").write_text("half")
    end = time.process_time() + 0.3
    while time.process_time() < end: pass
    (target / "figures").write_text("whole")
    os._exit(0)
k.start = work
def state(target, reference):
    if not target.exists(): return "nothing"
    if (target / "figures").read_text() != "whole": raise k.Broken("half-written")
    return "whole"
k.COMMANDS["run"] = k.Command(lambda target, number: ["run", target.name], state, state)
folder = Path(sys.argv[2])
try:
    print(k.kill_many("run", 12, folder, 0))
except k.Broken as error:
    print("BROKEN", error)
"""


def test_a_command_that_writes_in_place_is_found_out(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FAULTY, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, timeout=600, check=False)
    assert "BROKEN" in done.stdout and "half-written" in done.stdout, done.stdout + done.stderr
