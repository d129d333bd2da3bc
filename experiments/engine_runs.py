"""Runs of the pairing's studies through the sweep engine: on this machine, or on the cluster that sweeps use.

The answers go into the cache folder (``COUNTERSMUGGLING_CACHE``), which on a cluster has to lie on a disk that all workers see.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from ..model import RunOutput
from ..model.kept_runs import cache_folder
from ..model.recording import COLUMNS
from ..model.replicates import Job, RunFailed
from ..optimise.adaptive.kept import look
from .engines import Engine, EngineError
from .folder import put
from .run_table import Planned
from .store import FORMAT, FORMAT_VERSION, MANIFEST, Store
from .work import Work


def through(engine: Engine, *, progress: bool = True) -> Callable[[list[Any], str], list[dict[str, Any]]]:
    """A ``runner`` for :func:`.optimise_anticipating`, :func:`.measure_waterbed`, :func:`.evaluate_methods` and their like.

    Parameters
    ----------
    engine : Engine
        ``InProcess()``, ``LocalProcesses(...)`` or ``DaskCluster(...)``.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    callable

    Examples
    --------
    >>> from countersmuggling.experiments.dask_cluster import DaskCluster  # doctest: +SKIP
    >>> runner = through(DaskCluster("tcp://10.0.0.1:8786"))  # doctest: +SKIP
    >>> plan = optimise_anticipating(scenario, runner=runner, full_scale=True)  # doctest: +SKIP
    """

    def run(jobs: list[Any], what: str) -> list[dict[str, Any]]:
        folder = cache_folder() / "sweeps" / secrets.token_hex(6)
        try:
            return _carried_out(jobs, folder, engine, progress)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return run


def _carried_out(jobs: list[Any], folder: Path, engine: Engine, progress: bool) -> list[dict[str, Any]]:
    store = Store(folder)
    for own in (store.parts_folder, store.failures_folder):
        own.mkdir(parents=True, exist_ok=True)
    put(folder / MANIFEST, json.dumps({"format": FORMAT, "format_version": FORMAT_VERSION}))
    kept = [job if job.keep else replace(job, keep=str(folder / "answers" / f"{n}.json")) for n, job in enumerate(jobs)]
    planned = [Planned(f"{n:06d}-{secrets.token_hex(8)}", job) for n, job in enumerate(kept)]
    table: Any = SimpleNamespace(planned=planned.__getitem__, design=SimpleNamespace(keep=()))
    work = Work(table, range(len(planned)), len(planned), store, function=answered, progress=progress)
    try:
        engine.run(work)
    finally:
        work.close()
    if work.failed:
        wrong = [one for one in planned if one.run_id in work.failed]
        first = work.failed[wrong[0].run_id]
        raise RunFailed(f"{len(wrong)} of {len(planned)} runs failed; the first, {first.label}: {first.reason}", [one.job for one in wrong])
    try:
        return [json.loads(Path(job.keep).read_text(encoding="utf-8")) for job in kept]
    except OSError as error:
        raise EngineError(
            f"a run ended well but its answer is not to be seen at {error.filename}: COUNTERSMUGGLING_CACHE has to name a folder "
            "that this process and all workers share"
        ) from None


def answered(job: Job) -> RunOutput:
    """Carry out a job, which writes its answer down itself; what the engine's store keeps is only that it was done."""
    keep = Path(str(getattr(job, "keep", "")))
    if not keep.is_file():
        look(job)
    if not keep.is_file():
        raise OSError(f"the answer could not be written to {keep}")
    done = dict.fromkeys(COLUMNS, "") | {"month": "2000-01", "outcome": "attempts", "value": 0.0}
    return RunOutput(pd.DataFrame([done], columns=COLUMNS), job.replicate)
