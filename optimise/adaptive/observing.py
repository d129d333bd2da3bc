"""Runs of the model under placements of staff, kept by content: what is needed to learn how routes answer.

A run is named by everything it depends on (scenario, tables, source code, replicate, placement), and kept as soon as it ends.
Whatever repeats a question, a study that was killed among them, finds its answers there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...model.kept_runs import cache_folder
from ...model.replicates import Job, run_many
from ..linear_model import Floats

if TYPE_CHECKING:
    from ...model import SmugglingModel
    from ...scenarios import Scenario
    from ...scenarios.reference import World

FORMAT = 2
TEXTS = ("name", "title", "question", "description", "extends", "resources", "replicates", "outcomes", "plan")
"""Fields of a scenario that a run under a given placement does not depend on."""


@dataclass(frozen=True)
class Fronts:
    """Where the outer border is crossed: legs with one receiving state and one route are one front.

    Attributes
    ----------
    names : tuple of str
        Such as ``ITA by CMED``.
    places : tuple of str
        Receiving state of each.
    routes : tuple of str
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    routes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Observed:
    """What one run showed over the horizon (burn-in left out).

    Attributes
    ----------
    totals : dict
        Outcome -> flow over the horizon, or mean of a stock.
    attempts, stopped, deaths : array (fronts,)
        Persons.
    by_origin : array (origin groups, fronts)
        Attempts by origin group.
    departures, gave_up : float
        Journeys begun and given up, persons.
    """

    totals: dict[str, float]
    attempts: Floats
    stopped: Floats
    deaths: Floats
    by_origin: Floats
    departures: float = 0.0
    gave_up: float = 0.0

    def to_plain(self) -> dict[str, Any]:
        """As lists and numbers; :meth:`from_plain` reads them back to the last bit."""
        return {"totals": self.totals, "attempts": self.attempts.tolist(), "stopped": self.stopped.tolist(),
                "deaths": self.deaths.tolist(), "by_origin": self.by_origin.tolist(),
                "departures": self.departures, "gave_up": self.gave_up}

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> Observed:
        """Read what :meth:`to_plain` wrote."""
        arrays = {name: np.array(data[name], dtype=np.float64) for name in ("attempts", "stopped", "deaths", "by_origin")}
        return cls({str(k): float(v) for k, v in data["totals"].items()}, departures=float(data["departures"]),
                   gave_up=float(data["gave_up"]), **arrays)


class Simulator(Protocol):
    """Whatever answers what a placement leads to: the model, or a toy with a known optimum in the tests."""

    @property
    def fronts(self) -> Fronts:
        """Fronts, in the order of the arrays of :class:`Observed`."""
        ...

    def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
        """Runs of each placement (R, P, T) in each replicate; one list a placement."""
        ...


def weighted(observed: Observed, weights: dict[str, float]) -> float:
    """Weighted harm of a run, in points."""
    return float(sum(weight * observed.totals.get(outcome, 0.0) for outcome, weight in weights.items()))


@dataclass(frozen=True)
class FrontJob(Job):
    """A run whose fronts are looked at; `keep` is the file that its answer is put into, empty for none."""

    tables: World | None = field(default=None, compare=False)
    keep: str = ""

    def depends_on(self) -> str:
        """Tables, where they are not the bundled ones."""
        return tables_text(self.tables)


def tables_text(tables: World | None) -> str:
    """All tables of a world as text; empty for the bundled ones."""
    if tables is None:
        return ""
    return "\0".join(f"{name}\0{table.to_csv(index=False)}" for name, table in sorted(vars(tables).items()) if isinstance(table, pd.DataFrame))


def fronts_of(legs: pd.DataFrame, country: dict[str, str]) -> tuple[Fronts, npt.NDArray[np.int64]]:
    """Fronts of a world, and the front of each leg (-1: none).

    Parameters
    ----------
    legs : DataFrame
        Table ``legs``.
    country : mapping hub -> country
    """
    keys = [(country[to], route) if border == "external" else None
            for to, route, border in zip(legs["to"], legs["route"], legs["border"], strict=True)]
    known = sorted({key for key in keys if key is not None})
    position = {key: n for n, key in enumerate(known)}
    of_leg = np.array([-1 if key is None else position[key] for key in keys], dtype=np.int64)
    return Fronts(tuple(f"{place} by {route}" for place, route in known), tuple(place for place, _ in known),
                  tuple(route for _, route in known)), of_leg


def tallied(model: SmugglingModel, burn_in_days: int, fields: Sequence[str]) -> dict[str, Any]:
    """Run a model to its end; what it counted after the burn-in."""
    before: dict[str, Any] = {}
    while not model.done:
        if model.day == burn_in_days:
            before = {name: getattr(model.tally, name).copy() for name in fields}
        model.step()
    return {name: getattr(model.tally, name) - before[name] for name in fields}


def observe_fronts(job: FrontJob) -> dict[str, Any]:
    """Run a job and keep totals and what happened on the fronts (runs in another process)."""
    import mesa

    from ...model import SmugglingModel
    from ...scenarios import world

    tables = world() if job.tables is None else job.tables
    country = dict(zip(tables.hubs["hub"], tables.hubs["country"], strict=True))
    model = SmugglingModel(job.scenario, replicate=job.replicate, allocation=job.allocation, tables=job.tables)
    fronts, of_leg = fronts_of(model.geography.legs, country)  # the model has its own order of legs
    fields = ("attempts", "interceptions", "deaths", "departures", "gave_up")
    try:
        after = tallied(model, job.scenario.horizon.burn_in_days, fields)
        totals = model.output().totals()
    finally:
        getattr(mesa.Agent, "_ids", {}).pop(model, None)

    to_front = np.zeros((len(of_leg), len(fronts)))
    to_front[of_leg >= 0, of_leg[of_leg >= 0]] = 1.0
    tried, stopped, died = (after[name] @ to_front for name in ("attempts", "interceptions", "deaths"))
    seen = Observed(totals, tried.sum(axis=0), stopped.sum(axis=0), died.sum(axis=0), tried,
                    float(after["departures"].sum()), float(after["gave_up"].sum())).to_plain()
    if job.keep:
        _keep(Path(job.keep), seen)
    return seen


def _keep(file: Path, seen: dict[str, Any]) -> None:
    """Write an answer whole or not at all; a folder that cannot be written costs time, not the answer."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(seen, out)
        os.replace(name, file)


class ModelRuns:
    """Runs of the model under placements, kept by content.

    Parameters
    ----------
    scenario : Scenario
        Simulated as it stands.
    resources, places, quarters : sequences of str
        Labels of a placement's axes.
    tables : World, optional
        Instead of the bundled ones.
    cache : bool
        Keep runs in the user's cache folder, and take them from there.
    workers : int, optional
    progress : bool
    runner : callable, optional
        Carries out jobs instead of processes of this machine: called with (jobs, description), returns what
        :func:`observe_fronts` returns, in the order of the jobs.

    Attributes
    ----------
    made : int
        Runs carried out so far, those found in the cache left out.
    """

    def __init__(
        self, scenario: Scenario, resources: Sequence[str], places: Sequence[str], quarters: Sequence[str], *,
        tables: World | None = None, cache: bool = True, workers: int | None = None, progress: bool = True,
        runner: Callable[[list[FrontJob], str], list[dict[str, Any]]] | None = None,
    ) -> None:
        self.scenario, self.tables = scenario, tables
        self.labels = tuple(resources), tuple(places), tuple(quarters)
        self.made = 0
        self._cache, self._workers, self._progress, self._runner = cache, workers, progress, runner

    @cached_property
    def fronts(self) -> Fronts:
        """See :class:`Simulator`."""
        from ...scenarios import world

        tables = world() if self.tables is None else self.tables
        return fronts_of(tables.legs, dict(zip(tables.hubs["hub"], tables.hubs["country"], strict=True)))[0]

    @cached_property
    def _folder(self) -> Path:
        from ...model.source import source_hash

        told = self.scenario.model_dump(mode="json", exclude=set(TEXTS))
        told["posts"] = sorted(self.scenario.resources.posts)  # decides what the model leaves to the placement
        digest = hashlib.sha256(f"{FORMAT}\0{source_hash()}\0{json.dumps(told, sort_keys=True, default=str)}".encode())
        digest.update(tables_text(self.tables).encode())
        return cache_folder() / "fronts" / digest.hexdigest()[:32]

    def table(self, placement: Floats) -> pd.DataFrame:
        """A placement (R, P, T) as a table resource, place, quarter, staff."""
        resources, places, quarters = self.labels
        there = np.argwhere(placement > 0.0)
        return pd.DataFrame({
            "resource": [resources[r] for r, _, _ in there], "place": [places[i] for _, i, _ in there],
            "quarter": [quarters[t] for _, _, t in there], "staff": placement[placement > 0.0]}).astype(
                {"resource": str, "place": str, "quarter": str, "staff": float})

    def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
        """See :class:`Simulator`."""
        count = len(replicates)
        seen = self.each([(placement, replicate) for placement in placements for replicate in replicates], what)
        return [seen[n * count:(n + 1) * count] for n in range(len(placements))]

    def each(self, pairs: Sequence[tuple[Floats, int]], what: str) -> list[Observed]:
        """One run of each placement (R, P, T) in a replicate of its own; runs that are alike are carried out once."""
        found: dict[str, dict[str, Any]] = {}
        jobs: dict[str, FrontJob] = {}
        names = []
        for placement, replicate in pairs:
            table = self.table(placement)
            name = f"{hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()[:24]}-{replicate}"
            names.append(name)
            if name in found or name in jobs:
                continue
            file = self._folder / f"{name}.json"
            known = _read(file) if self._cache else None
            if known is not None:
                found[name] = known
            else:
                jobs[name] = FrontJob(self.scenario, replicate, table, what, tables=self.tables, keep=str(file) if self._cache else "")
        if jobs:
            # runs of one replicate side by side: a worker sets up what they share once
            order = sorted(jobs, key=lambda name: jobs[name].replicate)
            found |= dict(zip(order, self._carried_out([jobs[name] for name in order], what), strict=True))
            self.made += len(jobs)
        return [Observed.from_plain(found[name]) for name in names]

    def _carried_out(self, jobs: list[FrontJob], what: str) -> list[dict[str, Any]]:
        if self._runner is not None:
            return self._runner(jobs, what)
        return run_many(jobs, self._workers, self._progress, what, function=observe_fronts)  # type: ignore[arg-type]


def _read(file: Path) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data
