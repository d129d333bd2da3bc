"""Simulate scenarios: replicates in parallel, one `Results` back."""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..model.replicates import Job, default_workers, run_many
from ..scenarios import Scenario, ScenarioError, load
from . import summarising
from .results import Results, Run

if TYPE_CHECKING:
    from ..model import RunOutput
    from ..model.staffing import Placement

LIBRARIES = (
    "mesa",
    "numpy",
    "numba",
    "scipy",
    "pandas",
    "pyarrow",
    "xarray",
    "pydantic",
    "PuLP",
    "highspy",
    "matplotlib",
)


def simulate(
    scenario: Scenario | str | Path,
    replicates: int | None = None,
    *,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    allocation: Placement | None = None,
    workers: int | None = None,
    progress: bool = True,
    check_invariants: bool = False,
) -> Results:
    """Run a scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A scenario, the name of a bundled one, or a file.
    replicates, seed, persons_per_agent : optional
        Instead of what the scenario says.
    allocation : DataFrame or DataArray, optional
        Additional staff: columns resource, place (ISO3), quarter ('2025Q3'), staff.
    workers : int, optional
        Processes; by default one a core.
    progress : bool
        Show a progress bar on standard error.
    check_invariants : bool
        Check every day of every run what has to hold whatever the scenario (see :mod:`countersmuggling.model.invariants`);
        figures are the same.

    Returns
    -------
    Results
        With one run, named as the scenario.

    Examples
    --------
    >>> from countersmuggling import simulate  # doctest: +SKIP
    >>> results = simulate("baseline-2025", replicates=2, persons_per_agent=100)  # doctest: +SKIP
    >>> results.summary()  # doctest: +SKIP
    """
    chosen = adapted(scenario, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent)
    run = Run(chosen.name, title_of(chosen), chosen, "baseline", chosen.name)
    started = Clock()
    frame = simulate_runs(
        [run], {run.key: allocation}, workers=workers, progress=progress, check_invariants=check_invariants
    )
    return Results((run,), frame, started.provenance(chosen, workers), (), "run")


def adapted(
    scenario: Scenario | str | Path,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    uncertainties: Mapping[str, Any] | None = None,
) -> Scenario:
    """A scenario with the overrides of a command or a study, checked like a file.

    Parameters
    ----------
    scenario : Scenario, str or Path
    replicates, seed, persons_per_agent : optional
        Instead of what the scenario says.
    uncertainties : mapping, optional
        Fields of the scenario's `uncertainties` that are set anew, such as ``{"draw": "ranges"}``.

    Raises
    ------
    ScenarioError
        When the scenario, or an override, is not valid.
    """
    chosen = scenario if isinstance(scenario, Scenario) else load(scenario)
    changes: dict[str, Any] = {}
    if replicates is not None and replicates != chosen.replicates:
        changes["replicates"] = replicates
    if seed is not None and seed != chosen.seed:
        changes["seed"] = seed
    if persons_per_agent is not None and persons_per_agent != chosen.model.persons_per_agent:
        changes["model"] = {
            **chosen.model.model_dump(by_alias=True),
            "persons_per_agent": float(persons_per_agent),
        }
    if uncertainties is not None:
        changes["uncertainties"] = {**chosen.uncertainties.model_dump(by_alias=True), **uncertainties}
    if not changes:
        return chosen
    return Scenario.model_validate({**chosen.model_dump(by_alias=True), **changes})


def title_of(scenario: Scenario) -> str:
    """Title of a scenario for people; its name when it has none."""
    return scenario.title.strip() or scenario.name


def simulate_runs(
    runs: Sequence[Run],
    allocations: Mapping[str, Placement | None],
    *,
    workers: int | None,
    progress: bool,
    description: str = "Simulating",
    check_invariants: bool = False,
) -> pd.DataFrame:
    """Run several runs with the same replicates and put their outcomes together.

    Parameters
    ----------
    runs : sequence of Run
    allocations : mapping
        Additional staff by the key of the run; None or absent: as the scenario has it.
    workers, progress, description
        As for :func:`countersmuggling.model.replicates.run_many`.
    check_invariants : bool
        As for :func:`simulate`.

    Returns
    -------
    DataFrame
        Tidy outcomes of all runs.
    """
    # replicate by replicate, so that an interrupted or slow run loses no pairing and memory holds like with like
    jobs = [
        Job(run.scenario, replicate, allocations.get(run.key), run.key, check_invariants=check_invariants)
        for replicate in range(runs[0].scenario.replicates)
        for run in runs
    ]
    outputs: list[RunOutput] = run_many(jobs, workers, progress, description)
    return summarising.tidy(
        (job.label, job.replicate, output.outcomes) for job, output in zip(jobs, outputs, strict=True)
    )


class Clock:
    """Started when made; writes down what a result was made with."""

    def __init__(self) -> None:
        self.start = dt.datetime.now(dt.UTC)
        self._tick = time.perf_counter()

    def provenance(
        self, scenario: Scenario, workers: int | None, command: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Versions, seed, commit, machine and times: plain values, nothing that names a person or a host."""
        return {
            "program": "countersmuggling",
            "version": _version("countersmuggling"),
            "commit": commit(),
            "command": " ".join(command) if command else None,
            "seed": scenario.seed,
            "replicates": scenario.replicates,
            "persons_per_agent": scenario.model.persons_per_agent,
            "python": platform.python_version(),
            "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
            "machine": {
                "system": platform.system(),
                "release": platform.release(),
                "architecture": platform.machine(),
                "cores": os.cpu_count(),
            },
            "workers": workers or default_workers(),
            "started": self.start.isoformat(timespec="seconds"),
            "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._tick, 1),
        }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def commit() -> str | None:
    """Commit of the source checkout that this code runs from, with ``+changes`` when files differ; None if installed."""
    root = Path(__file__).resolve().parents[1]
    git = shutil.which("git")
    if git is None or not (root / "pyproject.toml").is_file() or not (root / ".git").exists():
        return None

    def said(*arguments: str) -> str:
        done = subprocess.run(
            [str(git), *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout.strip()

    try:
        head, changed = said("rev-parse", "HEAD"), said("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}{'+changes' if changed else ''}"


__all__ = ["Clock", "ScenarioError", "adapted", "commit", "simulate", "simulate_runs", "title_of"]
