"""Full and read-only disks, moved clocks, two processes on one folder, odd locales, failing solvers: the program keeps its promises.

What is quick on every run of the tests; all of it in the long study (`python tests/faults/failing_machine.py`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "failing_machine.py"

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the faults are brought about as on Linux")


def fail(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=10_000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_quick_faults() -> None:
    told = fail("--only", "file_size_limit", "read_only_disk", "folder_of_others", "clock_moved")
    assert told.count(": kept") + told.count(": left out") == 4
    for fault in ("file_size_limit", "clock_moved"):
        assert f"{fault}: kept" in told


@pytest.mark.slow
def test_every_fault() -> None:
    fail()
