"""Runs of the model looked at from every side, kept by content: totals, places, fronts, and what became of everybody.

A run is named by everything it depends on (scenario, tables, source code, replicate, placement or planner), and written down as soon
as it ends.  A study that was killed finds there what it had done; two studies that ask the same share the answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...model.kept_runs import cache_folder
from ...model.replicates import Job, run_many
from ..effects import EffectCurves
from .observing import TEXTS, FrontJob, _keep, _read, fronts_of, observe_fronts, tables_text, tallied

if TYPE_CHECKING:
    from ...scenarios import Scenario
    from ...scenarios.reference import World

FORMAT = 1
EVERYWHERE = "everywhere"
AT_FRONTS = ("attempts", "interceptions", "deaths")
ACCOUNTS = ("departures", "gave_up", "settled", "returned")

Runner = Callable[[list[Any], str], list[dict[str, Any]]]
"""Carries out jobs elsewhere: called with jobs and a description, gives what :func:`look` gives, in the order of the jobs."""


@dataclass(frozen=True)
class WideJob(Job):
    """A run that is looked at from every side.

    Parameters
    ----------
    tables : World, optional
        Instead of the bundled ones.
    information : str
        Regime of a planner inside the model; empty for none.
    effects : EffectCurves, optional
        What that planner believes staff does.
    keep : str
        File that the answer is put into; empty for none.
    """

    tables: World | None = field(default=None, compare=False)
    information: str = ""
    effects: EffectCurves | None = field(default=None, compare=False)
    keep: str = ""

    def depends_on(self) -> str:
        """Tables, where they are not the bundled ones, and the planner."""
        return f"{tables_text(self.tables)}\0{self.information}\0{'' if self.effects is None else self.effects.to_json()}"


def look(job: Job) -> dict[str, Any]:
    """Carry out a job of the pairing's studies, whichever kind it is (runs in another process)."""
    if isinstance(job, WideJob):
        return observe_wide(job)
    assert isinstance(job, FrontJob)
    return observe_fronts(job)


def observe_wide(job: WideJob) -> dict[str, Any]:
    """Run a job; keep totals, outcomes by place and route, fronts, the work seen, and what became of everybody.

    Returns
    -------
    dict
        ``totals`` (outcome -> value), ``by_place`` (outcome -> label -> value: Member States by code, routes by name, fronts such
        as ``ITA by CMED``), ``accounts`` (persons over the horizon; ``under_way`` at its end), ``work`` (kind, place, amount), and
        ``staff`` of a planner inside (None without).
    """
    import mesa

    from ...model import SmugglingModel
    from ...scenarios import world
    from .rolling import RollingPlanner

    tables = world() if job.tables is None else job.tables
    country = dict(zip(tables.hubs["hub"], tables.hubs["country"], strict=True))
    planner = None
    if job.information:
        assert job.effects is not None
        planner = RollingPlanner(job.scenario, job.effects, job.information)  # type: ignore[arg-type]
    model = SmugglingModel(job.scenario, replicate=job.replicate, allocation=job.allocation, planner=planner, tables=job.tables)
    fronts, of_leg = fronts_of(model.geography.legs, country)
    fields = ("attempts", "interceptions", "deaths", *ACCOUNTS)
    try:
        after = tallied(model, job.scenario.horizon.burn_in_days, fields)
        under_way = float(model.population()["under_way"])
        output = model.output()
    finally:
        getattr(mesa.Agent, "_ids", {}).pop(model, None)
    by_place = by_places(output.outcomes)
    for name in AT_FRONTS:
        by_leg = after[name].sum(axis=0)
        told = np.bincount(of_leg[of_leg >= 0], by_leg[of_leg >= 0], len(fronts))
        by_place.setdefault(name, {}).update(dict(zip(fronts.names, told.tolist(), strict=True)))
    seen = {
        "totals": output.totals(), "by_place": by_place,
        "accounts": {**{name: float(after[name].sum()) for name in ACCOUNTS}, "under_way": under_way},
        "work": work_seen(output.outcomes, tables).to_dict("list"),
        "staff": None if planner is None else planner.staff.tolist()}
    if job.keep:
        _keep(Path(job.keep), seen)
    return seen


def by_places(outcomes: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Outcomes by Member State and by route, where they are told so: flows over the horizon, stocks as means over its months."""
    from ...scenarios import OUTCOMES

    months = max(1, outcomes["month"].nunique())
    out: dict[str, dict[str, float]] = {}
    for dimension in ("member_state", "route"):
        rows = outcomes[outcomes[dimension] != ""]
        sums = rows.groupby(["outcome", dimension], observed=True)["value"].sum().reset_index()
        for outcome, label, value in sums.itertuples(index=False):
            over = months if OUTCOMES[outcome].over_months == "mean" and OUTCOMES[outcome].kind == "stock" else 1
            out.setdefault(str(outcome), {})[str(label)] = float(value) / over
    return out


def work_seen(outcomes: pd.DataFrame, tables: World) -> pd.DataFrame:
    """Entries, entries by sea and arrests by Member State, and attempts from partner countries: kind, place, amount."""
    country = dict(zip(tables.hubs["hub"], tables.hubs["country"], strict=True))
    partners = set(tables.partners["partner"])
    legs = tables.legs.set_index("leg")
    attempts = outcomes[outcomes["outcome"] == "leg_attempts"].groupby("leg")["value"].sum()
    rows: list[tuple[str, str, float]] = []
    for name, amount in attempts.items():
        if name not in legs.index:
            continue
        leg = legs.loc[str(name)]
        tail, head = country[leg["from"]], country[leg["to"]]
        if tail in partners:
            rows.append(("abroad", str(tail), float(amount)))
        if leg["border"] == "external":
            rows += [(kind, str(head), float(amount)) for kind in (("entries", "sea") if leg["mode"] == "sea" else ("entries",))]
    arrests = outcomes[outcomes["outcome"] == "arrests"].groupby("member_state")["value"].sum()
    rows += [("cases", str(place), float(v)) for place, v in arrests.items() if place]
    return pd.DataFrame(rows, columns=["kind", "place", "amount"])


@lru_cache(maxsize=1)
def _planner_hash() -> str:
    """Hash of the planner's source: a planner inside the model is part of the run."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=8)
def _effects_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class KeptRuns:
    """Carries out jobs that were not carried out before.

    Parameters
    ----------
    cache : bool
        Keep answers in the user's cache folder (``COUNTERSMUGGLING_CACHE``), and take them from there.
    workers : int, optional
    progress : bool
    runner : callable, optional
        Carries out jobs instead of processes of this machine.

    Attributes
    ----------
    made : int
        Runs carried out so far; those that were found are left out.
    asked : int
    """

    def __init__(
        self, *, cache: bool = True, workers: int | None = None, progress: bool = True, runner: Runner | None = None,
    ) -> None:
        self.made = self.asked = 0
        self._cache, self._workers, self._progress, self._runner = cache, workers, progress, runner

    def run(self, jobs: Sequence[WideJob], what: str) -> list[dict[str, Any]]:
        """What every job shows, in their order; jobs that are alike are carried out once."""
        from dataclasses import replace

        names = [self.name_of(job) for job in jobs]
        folder = cache_folder() / "wide"
        self.asked += len(jobs)
        found: dict[str, dict[str, Any]] = {}
        left: dict[str, WideJob] = {}
        for name, job in zip(names, jobs, strict=True):
            if name in found or name in left:
                continue
            known = _read(folder / f"{name}.json") if self._cache else None
            if known is not None:
                found[name] = known
            else:
                left[name] = replace(job, keep=str(folder / f"{name}.json") if self._cache else "")
        if left:
            made = (self._runner(list(left.values()), what) if self._runner is not None else
                    run_many(list(left.values()), self._workers, self._progress, what, function=look))
            found |= dict(zip(left, made, strict=True))
            self.made += len(left)
        return [found[name] for name in names]

    @staticmethod
    def name_of(job: WideJob) -> str:
        """Name of a run by everything it depends on."""
        from ...model.source import source_hash
        from ...model.staffing import as_table

        exclude = set(TEXTS) - ({"resources", "outcomes"} if job.information else set())
        told = job.scenario.model_dump(mode="json", exclude=exclude)
        told["posts"] = sorted(job.scenario.resources.posts)
        table = "" if job.allocation is None else as_table(job.allocation).to_csv(index=False)
        digest = hashlib.sha256(
            f"{FORMAT}\0{source_hash()}\0{json.dumps(told, sort_keys=True, default=str)}\0{table}\0{job.replicate}".encode())
        if job.information:
            assert job.effects is not None
            digest.update(f"\0{job.information}\0{_planner_hash()}\0{_effects_hash(job.effects.to_json())}".encode())
        digest.update(tables_text(job.tables).encode())
        return digest.hexdigest()[:40]


def observed(seen: Mapping[str, Any], outcome: str, label: str) -> float:
    """One figure of a run: an outcome everywhere, or at one place, route or front; what is not told is nothing."""
    if label == EVERYWHERE:
        return float(seen["totals"].get(outcome, 0.0))
    return float(seen["by_place"].get(outcome, {}).get(label, 0.0))


def with_persons(scenario: Scenario, persons: float | None) -> Scenario:
    """The scenario with another number of persons per row, where one is given."""
    if persons is None:
        return scenario
    return scenario.model_copy(update={"model": scenario.model.model_copy(update={"persons_per_agent": float(persons)})})
