"""Who does the runs. An engine takes batches from the work and reports what became of them: that is all it knows.

In this process (`InProcess`), in processes of this machine (`local_processes.LocalProcesses`), or on a cluster
(`dask_cluster.DaskCluster`); results are the same to the bit. A job array needs no engine of its own: every job is a
sweep of one shard.
"""

from __future__ import annotations

from typing import Protocol

from .batches import BatchRun
from .work import Work


class EngineError(RuntimeError):
    """An engine cannot go on; what is finished is kept. The message is for the user."""


class Engine(Protocol):
    """How batches are carried out."""

    @property
    def workers(self) -> int:
        """How many batches are worked on at one time."""
        ...

    def run(self, work: Work) -> None:
        """Carry out everything, whatever dies on the way.

        Raises
        ------
        EngineError
            When that is not possible.
        StoreUnwritable
            When the store cannot be written any more.
        """
        ...


class InProcess:
    """One batch after another in this process: for debugging, and for a notebook."""

    workers = 1

    def run(self, work: Work) -> None:
        """See `Engine`."""
        while (batch := work.next(1)) is not None:
            work.report(BatchRun(batch).run())


def engine_named(name: str, workers: int | None = None) -> Engine:
    """The engine ``in-process`` or ``local``.

    Raises
    ------
    ValueError
        For another name.
    """
    if name == "in-process":
        return InProcess()
    if name == "local":
        from .local_processes import LocalProcesses

        return LocalProcesses(workers)
    raise ValueError(f"no engine '{name}'; there are in-process, local, and DaskCluster for a cluster")
