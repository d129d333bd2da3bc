"""Running many replicates: order, independence of the number of workers, and every way in which a run may end badly."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from countersmuggling.model.replicates import Job, RunFailed, run_many

FUNCTIONS = """
import os, time

def report(job):
    time.sleep(0.3 if job.replicate == 0 else 0.0)
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return job.replicate, os.getpid(), [os.environ.get(n) for n in names]

def fail(job):
    if job.replicate == 2:
        raise ValueError("no such place")
    return job.replicate

def die(job):
    if job.replicate == 1:
        os.kill(os.getpid(), 9)
    time.sleep(0.05)
    return job.replicate

def linger(job):
    with open(os.path.join(job.label, f"{os.getpid()}.pid"), "w"):
        pass
    time.sleep(60)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Functions that a worker process can import: spawned processes are given this process's search path."""
    (tmp_path / "functions_of_jobs.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("functions_of_jobs")
    sys.modules.pop("functions_of_jobs")


def jobs(count: int, label: str = "option") -> list[Job]:
    scenario: Any = SimpleNamespace(name="scenario")
    return [Job(scenario, n, label=label) for n in range(count)]


def test_pool_keeps_the_order_and_gives_each_worker_one_thread(
    functions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    found = run_many(jobs(5), workers=2, progress=False, function=functions.report)
    assert [replicate for replicate, _, _ in found] == [0, 1, 2, 3, 4]
    processes = {process for _, process, _ in found}
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert all(threads == ["1", "1", "1"] for _, _, threads in found)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_one_worker_runs_in_this_process(functions: ModuleType) -> None:
    found = run_many(jobs(2), workers=1, progress=False, function=functions.report)
    assert {process for _, process, _ in found} == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_names_the_run(functions: ModuleType, workers: int) -> None:
    with pytest.raises(RunFailed, match="option, replicate 2 failed: ValueError: no such place") as caught:
        run_many(jobs(4), workers=workers, progress=False, function=functions.fail)
    assert [job.replicate for job in caught.value.jobs] == [2]
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_killed_worker_names_what_was_under_way(functions: ModuleType) -> None:
    with pytest.raises(RunFailed, match="option, replicate 1") as caught:
        run_many(jobs(6), workers=2, progress=False, function=functions.die)
    under_way = [job.replicate for job in caught.value.jobs]
    assert 1 in under_way
    assert len(under_way) <= 2, "runs that had not begun are not blamed"
    assert "memory" in str(caught.value)


def test_no_jobs_no_work() -> None:
    assert run_many([], workers=2, progress=False) == []


def test_less_than_one_worker_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        run_many(jobs(1), workers=0, progress=False)


def test_a_job_tells_its_name() -> None:
    scenario: Any = SimpleNamespace(name="baseline-2025")
    assert str(Job(scenario, 3)) == "baseline-2025, replicate 3"
    assert str(Job(scenario, 3, label="with plan")) == "with plan, replicate 3"


SCRIPT = """
import sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
import functions_of_jobs
from countersmuggling.model.replicates import Job, run_many

if __name__ == "__main__":
    jobs = [Job(SimpleNamespace(name="x"), n, label=sys.argv[2]) for n in range(4)]
    try:
        run_many(jobs, workers=2, progress=False, function=functions_of_jobs.linger)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_workers_leave_when_the_parent_is_interrupted_or_killed(
    tmp_path: Path, how: signal.Signals, code: int
) -> None:
    (tmp_path / "functions_of_jobs.py").write_text(FUNCTIONS, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    notes = tmp_path / "notes"
    notes.mkdir()
    script = subprocess.Popen([sys.executable, str(tmp_path / "script.py"), str(tmp_path), str(notes)])
    try:
        assert _wait_for(lambda: len(list(notes.glob("*.pid"))) == 2, 60.0)
        workers = [int(path.stem) for path in notes.glob("*.pid")]
        assert all(_alive(worker) for worker in workers)
        script.send_signal(how)
        assert script.wait(30.0) == code
        assert _wait_for(lambda: not any(_alive(worker) for worker in workers), 15.0)
    finally:
        script.kill()
        script.wait()
