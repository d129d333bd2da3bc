"""Batches on a cluster, through Dask: a scheduler that runs already, or one whose workers are jobs of a batch system.

Workers read and write the store themselves, so that only names travel back (``collect`` for clusters that share no disk
with the store). What is done is known from the store alone: a scheduler that dies takes nothing with it.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..scenarios import ScenarioError
from ..scenarios.checking import in_order, validated
from ..scenarios.schema import Integer
from ..scenarios.yaml_reader import read
from .batches import Batch, OtherSource, run_batch
from .engines import EngineError
from .work import Work

if TYPE_CHECKING:
    from distributed import Client, Future

#: name on the command line -> module and class that starts workers
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "slurm": ("dask_jobqueue", "SLURMCluster"),
    "pbs": ("dask_jobqueue", "PBSCluster"),
    "lsf": ("dask_jobqueue", "LSFCluster"),
    "sge": ("dask_jobqueue", "SGECluster"),
    "kubernetes": ("dask_kubernetes.operator", "KubeCluster"),
}
#: batches under way for each worker: one at work, one at hand
AT_HAND: Final = 2
#: between looks at how many workers there are (seconds)
LOOK: Final = 5.0
_SETTINGS: Final = {
    # a worker holds no more than it works on, so that what is near a killing run is not blamed for it
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 2,
    # `adapt` asks for workers by the expected time of what waits; a batch takes seconds
    "distributed.scheduler.unknown-task-duration": "20s",
}


class ClusterFile(BaseModel):
    """How workers are started: the file behind ``--cluster-config``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    jobs: Integer = Field(default=2, ge=1, le=100_000, description="Jobs that are kept running (pods on Kubernetes).")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="What dask-jobqueue's class takes: queue, account, cores, memory, walltime, interface, "
        "job_extra_directives, job_script_prologue, ...; for Kubernetes what KubeCluster takes: image, namespace, ...",
    )


def read_cluster_file(path: str | Path) -> ClusterFile:
    """Read a cluster's file.

    Raises
    ------
    ScenarioError
        With everything that is wrong in it, by line and column.
    """
    root, problems = read(Path(path))
    found, wrong = validated(ClusterFile, root, [], str(path))
    if found is None or problems or wrong:
        raise ScenarioError(in_order(problems + wrong, str(path)))
    return found


class DaskCluster:
    """Workers of a Dask cluster.

    Parameters
    ----------
    scheduler : str, optional
        Address of a scheduler that runs already (``tcp://host:8786``).
    kind : {'slurm', 'pbs', 'lsf', 'sge', 'kubernetes'}, optional
        Or the batch system that is asked for workers.
    config : ClusterFile, optional
        For `kind`: how many jobs, and what they ask for.
    collect : bool, optional
        Workers hand their parts back, and this process writes them; by default on Kubernetes only.
    patience : float
        A scheduler that has gone is waited for so long (seconds).
    """

    def __init__(
        self, scheduler: str | None = None, *, kind: str | None = None, config: ClusterFile | None = None,
        collect: bool | None = None, patience: float = 300.0,
    ) -> None:  # fmt: skip
        if (scheduler is None) == (kind is None):
            raise ValueError("give either a scheduler's address or the kind of a cluster")
        if kind is not None and kind not in KINDS:
            raise ValueError(f"no cluster of kind '{kind}'; there are {', '.join(KINDS)}")
        self._scheduler, self._kind, self._config = scheduler, kind, config or ClusterFile()
        self._collect = kind == "kubernetes" if collect is None else collect
        self._patience = patience
        self._refusals: list[str] = []
        self.workers = self._config.jobs if kind else 1

    def run(self, work: Work) -> None:
        """See `Engine`."""
        try:
            import dask
            import distributed  # noqa: F401
        except ImportError:
            raise EngineError("Dask is not installed: pip install 'countersmuggling[cluster]'") from None
        work.collect = self._collect
        # a scheduler that goes away is our business; its log would bury what we say of it
        for name in ("distributed", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with dask.config.set(_SETTINGS), self._address() as address:
            while self._until_scheduler_goes(work, address):
                pass

    @contextlib.contextmanager
    def _address(self) -> Iterator[str]:
        """Where the scheduler is; a cluster of our own is started, and stopped afterwards."""
        if self._kind is None:
            assert self._scheduler is not None
            yield self._scheduler
            return
        cluster = started(self._kind, self._config, self._refusals)
        try:
            # by `scale` a job that the batch system ends is not replaced, by `adapt` it is
            n = self._config.jobs
            if self._kind == "kubernetes":  # where a pod that is lost is replaced by its deployment
                cluster.scale(n)
            else:
                cluster.adapt(minimum_jobs=n, maximum_jobs=n, interval="5s")
            yield cluster.scheduler_address
        finally:
            _closed(cluster)

    def _until_scheduler_goes(self, work: Work, address: str) -> bool:
        """Carry out batches; whether the scheduler was lost before the work was done."""
        client = self._connected(address)
        told: queue.SimpleQueue[Future] = queue.SimpleQueue()
        under_way: dict[str, tuple[Future, Batch]] = {}
        looked = -LOOK
        trial = False
        try:
            while True:
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    with contextlib.suppress(OSError, TimeoutError):
                        self._look(client)
                while len(under_way) < AT_HAND * self.workers:
                    # a suspect is tried with nothing beside it, or who waits at the same worker would be blamed as well
                    if under_way and (trial or work.trial_is_next()):
                        break
                    trial = work.trial_is_next()
                    batch = work.next(self.workers)
                    if batch is None:
                        break
                    key = f"batch-{uuid.uuid4().hex}"
                    future = client.submit(run_batch, batch, key=key, pure=False)
                    under_way[key] = future, batch
                    future.add_done_callback(told.put)
                if not under_way:
                    return False
                try:
                    future = told.get(timeout=LOOK)
                except queue.Empty:
                    continue
                if not _settled(future, under_way[future.key][1], work):
                    for _, batch in under_way.values():
                        work.lost(batch)
                    under_way.clear()
                    return True
                del under_way[future.key]
        finally:
            for future, _ in under_way.values():
                with contextlib.suppress(Exception):
                    future.cancel()
            with contextlib.suppress(Exception):
                client.close(timeout=5)

    def _look(self, client: Client) -> None:
        threads = sum(client.nthreads().values())
        if not threads and self._refusals:
            raise EngineError(f"the batch system takes no job: {self._refusals[-1]}")
        self.workers = max(1, threads)

    def _connected(self, address: str) -> Client:
        from distributed import Client

        end = time.monotonic() + self._patience
        while True:
            try:
                return Client(address, timeout=max(1.0, min(10.0, self._patience)), set_as_default=False)
            except (OSError, TimeoutError) as error:
                if time.monotonic() > end:
                    raise EngineError(
                        f"no scheduler answers at {address}; what is finished is kept, and --resume does the rest"
                    ) from error
                time.sleep(2)
            except ValueError as error:
                raise EngineError(f"{address} is no address of a scheduler: {error}") from None


def _settled(future: Future, batch: Batch, work: Work) -> bool:
    """Report what became of a batch; False when that cannot be known, because the scheduler has gone."""
    from distributed.scheduler import KilledWorker

    if future.status in ("cancelled", "lost"):
        return False
    try:
        report, error = (future.result(), None) if future.status == "finished" else (None, future.exception())
    except (OSError, TimeoutError, CancelledError):  # it went before we had asked
        return False
    if report is not None:
        work.report(report)
    elif isinstance(error, KilledWorker):
        # which of its runs is to blame shows when they are done one at a time
        work.lost(batch, suspects=[planned.run_id for planned in batch.runs])
    elif isinstance(error, OtherSource):
        raise EngineError(str(error))
    else:
        raise EngineError(
            f"a worker could not carry out its batch: {type(error).__name__}: {error}. Is the same version of the "
            "program installed on all workers?"
        ) from error
    return True


def started(kind: str, config: ClusterFile, refusals: list[str]) -> Any:
    """A cluster whose workers are jobs, one thread a process; what the batch system refuses is put into `refusals`."""
    from importlib import import_module

    module, name = KINDS[kind]
    try:
        make = getattr(import_module(module), name)
    except ImportError:
        extra = "kubernetes" if kind == "kubernetes" else "cluster"
        raise EngineError(f"{module.split('.')[0]} is not installed: pip install 'countersmuggling[{extra}]'") from None
    options = dict(config.options)
    if kind == "kubernetes":
        options.setdefault("worker_command", ["dask-worker", "--nthreads", "1"])
    else:
        options.setdefault("cores", 1)
        options.setdefault("processes", options["cores"])
        options.setdefault("memory", f"{2 * int(options['cores'])}GB")
        options.setdefault("job_cls", _noting(make.job_cls, refusals))
    try:
        return make(**options)
    except (TypeError, ValueError) as error:
        raise EngineError(f"{name} does not take these options: {error}") from error
    except (RuntimeError, OSError) as error:
        raise EngineError(f"{name} could not be started: {error}") from error


def _closed(cluster: Any) -> None:
    """Close a cluster of our own. A job that was refused raises once more while it is awaited; then only the scheduler is left."""
    from distributed import Status

    with contextlib.suppress(Exception):
        cluster.close(timeout=30)
    if cluster.status != Status.closed:
        with contextlib.suppress(Exception):
            cluster.sync(cluster.scheduler.close, callback_timeout=10)
        cluster.status = Status.closed


def _noting(job: Any, refusals: list[str]) -> Any:
    """A class of jobs that tells why one could not be submitted: otherwise only a log would, and the sweep wait for ever."""

    class Noting(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except FileNotFoundError as error:
                refusals.append(f"there is no command {error.filename} on this machine")
                raise
            except (RuntimeError, ValueError, OSError) as error:
                said = str(error).partition("stderr:")[2].strip() or str(error)
                refusals.append(" ".join(said.split()))
                raise

    return Noting
