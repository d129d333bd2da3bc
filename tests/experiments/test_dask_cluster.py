"""Sweeps through Dask: workers that die, a scheduler that is started again, and batch systems that are asked for workers."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from countersmuggling.experiments import EngineError, SweepIncomplete, cli, open_results, sweep, sweeping
from countersmuggling.experiments.dask_cluster import (
    KINDS,
    ClusterFile,
    DaskCluster,
    read_cluster_file,
    started,
)
from countersmuggling.experiments.store import Store
from countersmuggling.scenarios import ScenarioError

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None or sys.platform == "win32", reason="needs Dask, and sends signals"
)


class Cluster:
    """A scheduler and workers in processes of their own, on one port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "DASK_TEMPORARY_DIRECTORY": str(self.folder),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
        }
        command = [sys.executable, "-m", "dask", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        return self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show")

    def worker(self) -> subprocess.Popen[bytes]:
        """With a nanny, that replaces it when it dies."""
        return self._start("worker", self.address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "60")

    def end(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def cluster(stubs: ModuleType, notes: Path, tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.end()


@needs_dask
def test_workers_that_die_and_runs_that_kill_them(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path, cluster: Cluster
) -> None:
    cluster.scheduler()
    cluster.worker()
    cluster.worker()
    here = sweep(design, out=tmp_path / "here", engine="in-process", progress=False, function=stubs.noted)

    # a worker dies once
    (notes / "kill-once").touch()
    there = sweep(
        design, out=tmp_path / "s", engine=DaskCluster(cluster.address), batch=2, progress=False, function=stubs.noted
    )
    assert there.complete
    assert not (notes / "kill-once").exists()
    assert there.fingerprint() == here.fingerprint()

    # workers that do not see the store hand their parts back
    collected = sweep(
        design, out=tmp_path / "c", engine=DaskCluster(cluster.address, collect=True), progress=False, function=stubs.noted
    )
    assert collected.fingerprint() == here.fingerprint()

    # one run takes down whoever takes it, and nobody beside it is blamed
    (notes / "kill-always").touch()
    small = {**design, "policies": {"status-quo": None}, "factors": {}}
    with pytest.raises(SweepIncomplete, match="its worker died 3 times during this run") as caught:
        sweep(
            small, out=tmp_path / "k", engine=DaskCluster(cluster.address), batch=4, progress=False, function=stubs.noted
        )
    assert [f.label for f in caught.value.failed] == ["status-quo, replicate 1"]
    assert caught.value.results.finished == 3


@needs_dask
def test_the_command_hands_runs_to_a_scheduler_that_is_there(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.scheduler()
    cluster.worker()
    here = sweep(design, out=tmp_path / "here", engine="in-process", progress=False, function=stubs.plain)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sweeping, "sweep", partial(sweep, function=stubs.plain))  # workers take it by its name
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(design, sort_keys=False), encoding="utf-8")
    assert cli.main(["sweep", "small.yaml", "--scheduler", cluster.address, "--out", "there", "--quiet"]) == 0
    assert open_results(tmp_path / "there").fingerprint() == here.fingerprint()


@needs_dask
def test_a_scheduler_that_is_started_again(
    design: dict[str, Any], stubs: ModuleType, notes: Path, tmp_path: Path, cluster: Cluster
) -> None:
    (notes / "slow").write_text("0.1")
    first = cluster.scheduler()
    cluster.worker()
    store = Store(tmp_path / "s")
    killed: list[int] = []

    def kill_and_start_again() -> None:
        while len(store.parts()) < 3:
            time.sleep(0.02)
        first.kill()
        first.wait()
        killed.append(len(store.done()))
        cluster.scheduler()
        cluster.worker()  # the batch system's part: a worker leaves with its scheduler

    watcher = threading.Thread(target=kill_and_start_again, daemon=True)
    watcher.start()
    engine = DaskCluster(cluster.address, patience=60.0)
    results = sweep({**design, "replicates": 8}, out=store.folder, engine=engine, batch=1, progress=False, function=stubs.noted)
    watcher.join(30)
    assert killed and 3 <= killed[0] < 24
    assert results.complete and results.planned == 24
    expected = sweep({**design, "replicates": 8}, out=tmp_path / "t", engine="in-process", progress=False, function=stubs.plain)
    assert results.totals().equals(expected.totals())


@needs_dask
def test_no_scheduler_answers(design: dict[str, Any], stubs: ModuleType, tmp_path: Path) -> None:
    engine = DaskCluster("tcp://127.0.0.1:9", patience=0.0)
    with pytest.raises(EngineError, match="no scheduler answers at tcp://127.0.0.1:9; what is finished is kept"):
        sweep(design, out=tmp_path / "s", engine=engine, progress=False, function=stubs.plain)
    with pytest.raises(EngineError, match="nowhere is no address"):
        sweep(design, out=tmp_path / "t", engine=DaskCluster("nowhere"), progress=False, function=stubs.plain)


# ------------------------------------------------------------------ batch systems


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_cluster_is_asked_for_one_thread_a_process(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name = KINDS[kind]
    made: list[dict[str, Any]] = []
    fake: Any = ModuleType(module)

    def cluster(**options: Any) -> SimpleNamespace:
        made.append(options)
        return SimpleNamespace()

    cluster.job_cls = object  # type: ignore[attr-defined]
    setattr(fake, name, cluster)
    monkeypatch.setitem(sys.modules, module, fake)
    started(kind, ClusterFile(options={"queue": "main", "cores": 4}), [])
    made[0].pop("job_cls", None)
    expected: dict[str, Any] = {"queue": "main", "cores": 4}
    if kind == "kubernetes":
        expected |= {"worker_command": ["dask-worker", "--nthreads", "1"]}
    else:
        expected |= {"processes": 4, "memory": "8GB"}
    assert made == [expected]


def test_lost_jobs_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    from countersmuggling.experiments import dask_cluster

    pytest.importorskip("distributed")
    from distributed import Status

    asked: list[dict[str, Any]] = []
    fake = SimpleNamespace(
        adapt=lambda **limits: asked.append(limits), close=lambda **_: asked.append({}), scheduler_address="tcp://here:1",
        status=Status.closed,
    )
    monkeypatch.setattr(dask_cluster, "started", lambda *_: fake)
    with DaskCluster(kind="slurm", config=ClusterFile(jobs=7))._address() as address:
        assert address == "tcp://here:1"
    assert asked == [{"minimum_jobs": 7, "maximum_jobs": 7, "interval": "5s"}, {}]
    # KubeCluster.adapt has no interval, and a deployment replaces the pods that are lost
    asked.clear()
    fake.scale = lambda n: asked.append({"n": n})
    with DaskCluster(kind="kubernetes", config=ClusterFile(jobs=7))._address():
        pass
    assert asked == [{"n": 7}, {}]


@needs_dask
def test_a_batch_system_that_takes_no_job_ends_the_sweep_with_its_words(
    design: dict[str, Any], stubs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: mian' >&2\nexit 1\n")
    (commands / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    options = {"queue": "mian", "interface": "lo", "scheduler_options": {"interface": "lo", "dashboard": False}}
    engine = DaskCluster(kind="slurm", config=ClusterFile(jobs=1, options=options))
    with pytest.raises(EngineError, match="the batch system takes no job: sbatch: error: invalid partition specified: mian"):
        sweep(design, out=tmp_path / "s", engine=engine, progress=False, function=stubs.plain)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what is half made complains when it goes
def test_options_that_a_batch_system_does_not_take() -> None:
    pytest.importorskip("dask_jobqueue")
    with pytest.raises(EngineError, match="SLURMCluster does not take these options: .*quue"):
        started("slurm", ClusterFile(options={"quue": "main"}), [])


def test_what_is_not_installed_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_kubernetes.operator", None)
    with pytest.raises(EngineError, match=r"pip install 'countersmuggling\[kubernetes\]'"):
        started("kubernetes", ClusterFile(), [])


def test_either_a_scheduler_or_a_kind() -> None:
    with pytest.raises(ValueError, match="either"):
        DaskCluster()
    with pytest.raises(ValueError, match="no cluster of kind 'condor'; there are slurm, pbs"):
        DaskCluster(kind="condor")


def test_a_cluster_file_is_checked_with_places(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("jobs: 20\noptions: {queue: main, cores: 8, memory: 16GB, walltime: '01:00:00'}\n", encoding="utf-8")
    assert read_cluster_file(file) == ClusterFile(
        jobs=20, options={"queue": "main", "cores": 8, "memory": "16GB", "walltime": "01:00:00"}
    )
    file.write_text("jobs: 0\noption: {}\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_cluster_file(file)
    assert "cluster.yaml:1:7: jobs: expected at least 1, got 0" in str(caught.value)
    assert "cluster.yaml:2:1: option: unknown field; expected one of jobs, options; did you mean 'options'?" in str(caught.value)
