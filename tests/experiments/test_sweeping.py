"""Sweeps end with every planned run in the store, or say which are not and why - whatever dies on the way."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from countersmuggling.experiments import SweepIncomplete, batches, cli, estimate, open_results, sweep
from countersmuggling.experiments.batches import Batch, OtherSource, run_batch
from countersmuggling.experiments.engines import engine_named
from countersmuggling.experiments.folder import FolderError
from countersmuggling.experiments.local_processes import LocalProcesses
from countersmuggling.experiments.store import Store
from countersmuggling.experiments.sweep_command import told_size, told_time
from countersmuggling.experiments.work import Work

posix = pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")


def calls(notes: Path) -> list[str]:
    """Runs that have been begun, with repetitions."""
    return sorted(path.name.partition("~")[0] for path in notes.glob("*.call"))


def clear(notes: Path) -> None:
    for note in notes.glob("*"):
        note.unlink()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


# ------------------------------------------------------------------ what runs, and what does not run again


def test_a_sweep_runs_every_different_run_once(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path
) -> None:
    results = sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.noted)
    assert results.complete
    assert len(calls(notes)) == 12 == results.planned
    assert len(results.runs) == 16
    again = sweep(design, out=tmp_path / "s", engine="in-process", resume=True, progress=False, function=stubs.noted)
    assert len(calls(notes)) == 12
    assert again.fingerprint() == results.fingerprint()


def test_a_store_with_runs_is_not_taken_by_accident(design: dict[str, Any], stubs: ModuleType, tmp_path: Path) -> None:
    sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.plain)
    with pytest.raises(FolderError, match="holds the finished runs of a sweep; go on with it by --resume"):
        sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.plain)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(FolderError, match="exists and is not the store of a sweep"):
        sweep(design, out=tmp_path / "mine", engine="in-process", progress=False, function=stubs.plain)


def test_more_replicates_and_points_extend_the_same_store(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path
) -> None:
    def run(**changes: Any) -> Any:
        clear(notes)
        changed = {**design, **changes}
        return sweep(changed, out=tmp_path / "s", engine="in-process", resume=True, progress=False, function=stubs.noted)

    first = run()
    more = run(replicates=6)
    assert len(calls(notes)) == 2 * 3, "two replicates of three different scenarios"
    third = run(replicates=6, factors={"levers.penalties.intensity": {"values": [0, 2, 1]}})
    assert len(calls(notes)) == 6, "six replicates of one new point"
    assert (first.planned, more.planned, third.planned) == (12, 18, 24)
    wider = run(keep=["route"])
    assert len(calls(notes)) == 12, "a breakdown that was not kept has to be run for"
    assert len(wider.breakdown("route", ["deaths"])) == 16 * 3 * 2
    # every design that ran there can still be read
    for found in (first, more, third, wider):
        again = open_results(tmp_path / "s", Path(found._stored.folder).name)
        assert again.complete and again.fingerprint() == found.fingerprint()
    assert open_results(tmp_path / "s").planned == 12
    with pytest.raises(FolderError, match="has no design 'other'; there are small"):
        open_results(tmp_path / "s", "other")


def test_results_are_the_same_to_the_bit_whichever_way_they_are_made(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path
) -> None:
    def run(name: str, **how: Any) -> str:
        found = sweep(design, out=tmp_path / name, progress=False, function=stubs.plain, **how)
        return found.fingerprint()

    first = run("in-process", engine="in-process")
    assert run("local", workers=2) == first
    assert run("single", engine="in-process", batch=1) == first
    for k in (3, 1, 2):  # as jobs of an array, in any order
        last = run("shards", engine="in-process", shard=(k, 3))
    assert last == first


def test_the_model_itself_gives_the_same_bits_in_any_process(tmp_path: Path) -> None:
    design = {
        "set": {
            "model": {"persons_per_agent": 2000, "networks": 20},
            "horizon": {"start": "2025-01-01", "end": "2025-02-10", "burn_in_days": 5},
        },
        "replicates": 1,
        "keep": ["full"],
    }
    ours = sweep(design, out=tmp_path / "a", engine="in-process", progress=False)
    theirs = sweep(design, out=tmp_path / "b", workers=1, progress=False)
    assert ours.fingerprint() == theirs.fingerprint()
    assert ours.breakdown("full").equals(theirs.breakdown("full"))
    assert ours.monthly(["detections"])["detections"].sum() > 0


# ------------------------------------------------------------------ runs that raise


@pytest.mark.parametrize("engine", ["in-process", "local"])
def test_a_run_that_raises_is_named_and_the_others_are_kept(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path, engine: str
) -> None:
    (notes / "raise").touch()
    with pytest.raises(SweepIncomplete) as caught:
        sweep(design, out=tmp_path / "s", engine=engine, workers=1, progress=False, function=stubs.noted)
    told = str(caught.value)
    assert "3 of 12 runs are not finished" in told
    assert "ValueError: no such place" in told
    assert "status-quo at point 0, replicate 2" in told
    assert caught.value.results.finished == 9
    failures = open_results(tmp_path / "s").failures
    assert set(failures["reason"]) == {"ValueError: no such place"} and len(failures) == 3
    assert failures["traceback"].str.contains("stub_runs.py").all()

    clear(notes)
    results = sweep(design, out=tmp_path / "s", engine="in-process", resume=True, progress=False, function=stubs.noted)
    assert len(calls(notes)) == 3, "only what is missing"
    assert results.complete and results.failures.empty
    assert not list((tmp_path / "s" / "failures").iterdir())


# ------------------------------------------------------------------ workers that are killed


@posix
def test_a_killed_worker_is_replaced_and_its_runs_are_done_again(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path
) -> None:
    (notes / "kill-once").touch()
    results = sweep(design, out=tmp_path / "s", workers=2, batch=3, progress=False, function=stubs.noted)
    assert results.complete
    assert not (notes / "kill-once").exists(), "a worker did die"
    assert len(calls(notes)) > 12
    expected = sweep(design, out=tmp_path / "t", engine="in-process", progress=False, function=stubs.plain)
    assert results.totals().equals(expected.totals())


@posix
def test_a_run_that_kills_its_workers_is_given_up_and_named(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path
) -> None:
    (notes / "kill-always").touch()
    small = {**design, "policies": {"status-quo": None}, "factors": {}}
    with pytest.raises(SweepIncomplete, match="its worker died 3 times during this run") as caught:
        sweep(small, out=tmp_path / "s", workers=1, batch=4, progress=False, function=stubs.noted)
    assert [f.label for f in caught.value.failed] == ["status-quo, replicate 1"]
    assert caught.value.results.finished == 3
    assert calls(notes).count("status-quo, replicate 1") == 3


@posix
def test_workers_killed_from_outside_time_and_again(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path
) -> None:
    import multiprocessing
    import threading

    (notes / "slow").write_text("0.05")
    stop = threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not stop.wait(1.0) and len(killed) < 3:
            if len(calls(notes)) > 2 and (crew := multiprocessing.active_children()):
                os.kill(crew[0].pid or 0, signal.SIGKILL)
                killed.append(crew[0].pid or 0)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        large = {**design, "replicates": 24}
        results = sweep(large, out=tmp_path / "s", workers=2, batch=4, progress=False, function=stubs.noted)
    finally:
        stop.set()
        killer.join()
    assert killed
    assert results.complete and results.planned == 72


# ------------------------------------------------------------------ the process that submits

SCRIPT = """
import sys
import stub_runs
from countersmuggling.experiments import sweep
from countersmuggling.scenarios.yaml_writer import dump
import yaml

if __name__ == "__main__":
    design = yaml.safe_load(open(sys.argv[1]).read())
    try:
        sweep(design, out=sys.argv[2], workers=2, batch=int(sys.argv[3]), progress=False, function=stub_runs.noted)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@posix
@pytest.mark.parametrize(
    ("how", "code", "batch"), [(signal.SIGKILL, -9, 2), (signal.SIGINT, 130, 100)], ids=["killed", "interrupted"]
)
def test_what_is_finished_outlives_the_submitter(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path, how: signal.Signals, code: int, batch: int
) -> None:
    (tmp_path / "design.yaml").write_text(yaml.safe_dump(design), encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    (notes / "slow").write_text("0.4")
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "design.yaml"), str(tmp_path / "s"), str(batch)]
    script = subprocess.Popen(command)
    store = Store(tmp_path / "s")
    try:
        # with batches of 100 nothing is written of its own accord: an interruption keeps what has ended
        enough = (lambda: len(store.parts()) >= 2) if batch == 2 else (lambda: len(calls(notes)) >= 6)
        assert wait_for(enough)
        script.send_signal(how)
        assert script.wait(60) == code
    finally:
        script.kill()
        script.wait()

    def quiet() -> bool:
        before = len(calls(notes))
        time.sleep(1.0)
        return len(calls(notes)) == before

    assert wait_for(quiet), "workers leave when their parent has gone"
    kept = len(store.done())
    assert 2 <= kept < 12
    clear(notes)
    results = sweep(design, out=tmp_path / "s", engine="in-process", resume=True, progress=False, function=stubs.noted)
    assert results.complete
    assert len(calls(notes)) == 12 - kept, "only what is missing"


# ------------------------------------------------------------------ disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB, where one may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("mounting a small file system is for the superuser; the failing write below stands in for it")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_is_finished(
    design: dict[str, Any], stubs: ModuleType, notes: Path, small_disk: Path
) -> None:
    large = {**design, "replicates": 24}
    with pytest.raises(FolderError, match=r"the disk is full\. \d+ finished runs are kept; --resume goes on") as caught:
        sweep(large, out=small_disk / "s", workers=2, batch=2, progress=False, function=stubs.noted)
    kept = len(Store(small_disk / "s").done())
    assert 0 < kept < 72
    assert f" {kept} finished" in str(caught.value)
    assert not list((small_disk / "s" / "parts").glob(".*")), "nothing half-written is left"
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    clear(notes)
    results = sweep(large, out=small_disk / "s", engine="in-process", resume=True, progress=False, function=stubs.noted)
    assert results.complete and len(calls(notes)) == 72 - kept


@pytest.mark.parametrize(("error", "told"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "quota"), (errno.EIO, "Input/output")])
def test_a_write_that_fails_ends_the_command_with_2(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(design), encoding="utf-8")
    monkeypatch.setattr(batches, "run_one", stubs.plain)
    monkeypatch.setattr(batches, "_PAUSES", (0.0,))
    written: list[str] = []
    whole = Store.write

    def failing(self: Store, part: Any) -> None:
        if len(written) == 3:
            raise OSError(error, os.strerror(error))
        whole(self, part)
        written.append(part.name)

    monkeypatch.setattr(Store, "write", failing)
    command = ["sweep", str(file), "--out", str(tmp_path / "s"), "--engine", "in-process", "--batch", "1", "--quiet"]
    assert cli.main(command) == 2
    message = capsys.readouterr().err
    assert told in message and "3 finished runs are kept; --resume goes on from there" in message
    assert len(message.strip().splitlines()) == 1
    monkeypatch.setattr(Store, "write", whole)
    assert cli.main([*command, "--resume"]) == 0
    assert open_results(tmp_path / "s").complete


def test_a_disk_that_stumbles_once_is_tried_again(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_PAUSES", (0.0, 0.0))
    whole, stumbles = Store.write, iter([True, True, False])

    def stumbling(self: Store, part: Any) -> None:
        if next(stumbles, False):
            raise OSError(errno.ESTALE, "Stale file handle")
        whole(self, part)

    monkeypatch.setattr(Store, "write", stumbling)
    assert sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.plain).complete


# ------------------------------------------------------------------ engines


def test_a_worker_with_another_version_refuses(tmp_path: Path) -> None:
    with pytest.raises(OtherSource, match="install the same version everywhere"):
        run_batch(Batch((), (), str(tmp_path), "another source"))


def test_a_worker_that_does_not_see_the_store_says_so(tmp_path: Path) -> None:
    from countersmuggling.model.source import source_hash

    report = run_batch(Batch((), (), str(tmp_path / "elsewhere"), source_hash()))
    assert "is not to be seen from a worker" in report.disk and "--collect" in report.disk


def test_engines_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="no engine 'ray'; there are in-process, local, and DaskCluster"):
        engine_named("ray")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        LocalProcesses(0)


class _Recorded(Work):
    """Work that remembers how large its batches were."""

    def next(self, workers: int) -> Batch | None:
        batch = super().next(workers)
        if batch is not None:
            sizes.append(len(batch.runs))
        return batch


sizes: list[int] = []


def test_batches_grow_with_what_is_known_and_shrink_towards_the_end(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from countersmuggling.experiments import sweeping

    sizes.clear()
    monkeypatch.setattr(sweeping, "Work", _Recorded)
    sweep({**design, "replicates": 100}, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.plain)
    assert sum(sizes) == 300
    assert sizes[0] == 1, "nothing is known of how long a run takes"
    assert max(sizes) == 100
    assert sizes[-1] == 1


# ------------------------------------------------------------------ the command


@pytest.fixture
def file(design: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubs: ModuleType, notes: Path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "run_one", stubs.noted)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(design), encoding="utf-8")
    return "small.yaml"


IN_PROCESS = ["--engine", "in-process"]


def test_the_command_runs_resumes_and_compacts(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", file, *IN_PROCESS, "--batch", "3"]) == 0
    assert "All 12 runs are finished: results/small" in capsys.readouterr().out
    assert cli.main(["sweep", file, *IN_PROCESS]) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main(["sweep", file, *IN_PROCESS, "--resume", "--compact"]) == 0
    assert "parts into 1." in capsys.readouterr().out
    assert cli.main(["sweep", file, "--status"]) == 0
    assert "12 runs are planned, 12 are finished, 0 have failed" in capsys.readouterr().out
    assert cli.main(["sweep", file, *IN_PROCESS, "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("results") / "small")


def test_the_command_tells_which_runs_failed_and_ends_with_1(
    file: str, notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (notes / "raise").touch()
    assert cli.main(["sweep", file, *IN_PROCESS, "--out", "s", "--quiet"]) == 1
    told = capsys.readouterr().err
    assert "3 of 12 runs are not finished" in told and "ValueError: no such place" in told
    assert cli.main(["sweep", file, "--out", "s", "--status"]) == 1
    told = capsys.readouterr().out
    assert "9 are finished, 3 have failed" in told and "ValueError: no such place: directive at point 0, replicate 2 and 2 more" in told


def test_a_job_array_by_the_command(file: str, notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", file, "--out", "s", "--prepare"]) == 0
    assert "12 runs are planned in s" in capsys.readouterr().out
    assert cli.main(["sweep", file, "--out", "s", "--shard", "2/2", *IN_PROCESS]) == 0
    assert "Shard 2 of 2 is finished; 6 of all 12 runs" in capsys.readouterr().out
    assert cli.main(["sweep", file, "--out", "s", "--status"]) == 1
    assert cli.main(["sweep", file, "--out", "s", "--shard", "1/2", *IN_PROCESS]) == 0
    assert cli.main(["sweep", file, "--out", "s", "--status"]) == 0
    assert len(calls(notes)) == 12


def test_interrupted_is_130_and_says_what_is_kept(
    file: str, monkeypatch: pytest.MonkeyPatch, stubs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[object] = []

    def interrupted(job: Any) -> Any:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(job)
        return stubs.plain(job)

    monkeypatch.setattr(batches, "run_one", interrupted)
    assert cli.main(["sweep", file, *IN_PROCESS, "--out", "s", "--quiet"]) == 130
    assert "5 finished runs are kept in s; --resume does the rest" in capsys.readouterr().err
    assert len(Store("s").done()) == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shard", "0/4"], "expected I/N with I from 1 to N"),
        (["--shard", "5/4"], "expected I/N with I from 1 to N"),
        (["--scheduler", "tcp://x:1", "--cluster", "slurm"], "not allowed with"),
        (["--cluster-config", "x.yaml"], "--cluster-config goes with --cluster"),
        (["--cluster", "slurm", "--cluster-config", "none.yaml"], "none.yaml: no such file"),
        (["--cluster", "slrum"], "did you mean 'slurm'?"),
        (["--collect"], "--collect goes with --scheduler or --cluster"),
    ],
)
def test_a_command_that_cannot_be_is_2(file: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sweep", file, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_design_that_is_wrong_is_2_with_its_place(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.yaml").write_text("factors:\n  levers.penalty.intensity: {low: 0, high: 1}\n", encoding="utf-8")
    assert cli.main(["sweep", "wrong.yaml"]) == 2
    assert "wrong.yaml:2:3: factors.levers.penalty.intensity" in capsys.readouterr().err
    assert cli.main(["check", "wrong.yaml"]) == 2
    assert "wrong.yaml:2:3" in capsys.readouterr().err
    assert cli.main(["check", file, "what-matters"]) == 0


def test_a_bundled_design_can_be_listed_copied_and_changed(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["designs"]) == 0
    assert "severity-or-certainty  Severity or certainty: 2 policies x 27 points x 8 replicates" in capsys.readouterr().out
    assert cli.main(["new", "mine.yaml", "--from", "severity-or-certainty"]) == 0
    assert cli.main(["check", "mine.yaml"]) == 0
    assert cli.main(["new", "mine.yaml", "--from", "severity-or-certainty"]) == 2


def test_a_dry_run_tells_number_time_and_disk_and_writes_nothing(
    file: str, monkeypatch: pytest.MonkeyPatch, stubs: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from countersmuggling.experiments import sweeping

    def slow(job: Any) -> Any:
        time.sleep(0.02)
        return stubs.plain(job)

    monkeypatch.setattr(sweeping, "run_one", slow)
    before = set(tmp_path.rglob("*"))
    assert cli.main(["sweep", file, "--dry-run", "--workers", "2", "--quiet"]) == 0
    told = capsys.readouterr().out
    assert set(tmp_path.rglob("*")) == before
    assert "2 policies x 2 points x 4 replicates = 16 runs, 12 of them different" in told
    assert "on 2 cores" in told and "on disk" in told
    found = estimate(file, pilot=2, progress=False)
    assert (found.runs, found.rows, found.done) == (12, 16, 0)
    assert found.seconds >= 12 * 0.02


def test_what_a_dry_run_expects_on_disk_is_about_what_is_written(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path
) -> None:
    large = {**design, "replicates": 100}
    expected = estimate(large, progress=False, function=stubs.plain)
    sweep(large, out=tmp_path / "s", engine="in-process", batch=100, progress=False, function=stubs.plain)
    written = sum(f.stat().st_size for f in (tmp_path / "s" / "parts").rglob("*.parquet"))
    assert 0.3 * written < expected.disk < 3 * written
    assert estimate(large, out=tmp_path / "s", progress=False, function=stubs.plain).missing == 0


def test_times_and_sizes_for_people() -> None:
    assert [told_time(s) for s in (0, 0.2, 45.2, 61, 12_000, 7200, 200_000)] == [
        "0 s", "less than a second", "45 s", "1 min 1 s", "3 h 20 min", "2 h", "2 days 8 h",
    ]  # fmt: skip
    assert [told_size(n) for n in (0, 950, 1234, 38_400_000, 4_200_000_000_000)] == ["0 kB", "950 bytes", "1.2 kB", "38 MB", "4.2 TB"]
