"""What additional staff does, measured in the model: concave effect curves by resource type and group of places.

Each cell (resource type, group of places) is switched on and off together with all others in an orthogonal design (``two_level.py``), at
half or full dose, and runs of the same replicate are compared with each other (common random numbers).

Cell effects are pulled towards their type's common effect per member of staff, and that towards none, as far as
their noise demands (random-effects pooling, DerSimonian and Laird 1986, Controlled Clinical Trials 7:177-188;
positive-part James-Stein for the common effect).  Without this a plan would chase the luckiest noise.

The measured effect counts all outcomes *everywhere*: what is displaced to other places is inside it.  It is
measured at today's allocation and the plan on it is *static*: it does not ask how smugglers answer the plan as a
whole.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources as package_files
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..model.kept_runs import cache_folder
from .linear_model import Floats
from .two_level import Design, Judged, design_of, judge, within

if TYPE_CHECKING:
    from ..model.replicates import Job
    from ..scenarios import Scenario

FORMAT = 2

LOOKS = 16
"""Replicates in which today's work is looked at."""
CELL_COLUMNS = ("resource", "group", "outcome", "dose", "half", "full", "se", "raw", "raw_se")
WORK_COLUMNS = ("resource", "place", "group", "share")

ENTRIES = frozenset(("border_guard", "biometric_kit", "frontex_officer"))
"""Types whose work is attempts to enter at an external border."""
AT_SEA = frozenset(("rescue_unit",))
"""Types whose work is attempts to enter by sea."""
BOTH = frozenset(("deployed_officer", "reserve_officer"))
"""Types that work on entries and on cases alike; the others work on cases (arrests), or abroad on attempts from there."""


Look = Callable[["Scenario", "Design", pd.DataFrame], "list[Mapping[str, float]]"]


class EffectError(ValueError):
    """Effect curves that cannot be used: columns missing, not a number, not concave."""


@dataclass(frozen=True)
class EffectCurves:
    """Measured effects of additional staff.

    Attributes
    ----------
    cells : DataFrame
        Columns resource, group, outcome, dose (staff in the group), full (change of the outcome at full dose: per
        quarter for flows, of the level for stocks), half (share of it that half of the dose has, where it is a
        benefit; a harm is taken as proportional), se (standard error of `full`), raw and raw_se (before pooling).
    work : DataFrame
        Columns resource, place, group, share: how a group's effect splits by measured workload; a group's shares
        sum to one for each resource type.
    design : dict
        How it was measured: runs, replicates, months, persons_per_agent, seconds, cached.
    runs : Runs or None
        The paired runs themselves, from which scenarios of effects are drawn; None where they are not known.

    Raises
    ------
    EffectError
        For missing columns, figures that are not numbers, shares that do not sum to one, and curves that are not
        concave (half of the staff with less than half of the effect).
    """

    cells: pd.DataFrame
    work: pd.DataFrame
    design: Mapping[str, Any]
    runs: Runs | None = None

    def __post_init__(self) -> None:
        for name, frame, columns in (("cells", self.cells, CELL_COLUMNS), ("work", self.work, WORK_COLUMNS)):
            missing = [c for c in columns if c not in frame.columns]
            if missing:
                raise EffectError(f"{name} lacks the column(s) {', '.join(missing)}")
        figures = self.cells[["dose", "half", "full", "se"]].to_numpy(dtype=np.float64)
        if not np.isfinite(figures).all() or (figures[:, 0] <= 0).any():
            raise EffectError("cells: doses must be above zero and effects must be numbers")
        steep = (figures[:, 1] < 0.5 - 1e-9) | (figures[:, 1] > 1.0 + 1e-9)
        if steep.any():
            row = self.cells[steep].iloc[0]
            raise EffectError(
                f"the effect of {row['resource']} in {row['group']} on {row['outcome']} is not concave: half of the "
                f"staff has {row['half']:.3g} of the effect; it must be between 0.5 and 1")
        sums = self.work.groupby(["resource", "group"])["share"].sum()
        if not np.allclose(sums.to_numpy(dtype=np.float64), 1.0):
            raise EffectError(f"work: the shares of {sums.index[~np.isclose(sums, 1.0)][0]} do not sum to one")

    def points(self, weights: Mapping[str, float], quarters: float) -> pd.DataFrame:
        """Weighted harm avoided per quarter, by cell.

        Parameters
        ----------
        weights : mapping outcome -> points per unit
            Public cost is left out: the plan counts what its staff costs itself.
        quarters : float
            Length of the planned horizon: a stock counts by its mean over it.

        Returns
        -------
        DataFrame
            Columns resource, group, dose, half, full, se: points at half and at full dose.
        """
        from ..scenarios import OUTCOMES

        cells = self.cells[self.cells["outcome"].isin([o for o in weights if o != "cost_eur"])].copy()
        factor = np.array([
            -weights[o] / (1.0 if OUTCOMES[o].over_months == "sum" else quarters) for o in cells["outcome"]])
        cells["full"] = cells["full"] * factor
        cells["half"] = cells["full"] * np.where(cells["full"] > 0, cells["half"], 0.5)
        cells["variance"] = (cells["se"] * factor) ** 2
        keys = ["resource", "group"]
        table = cells.groupby(keys, sort=False).agg(
            dose=("dose", "first"), half=("half", "sum"), full=("full", "sum"), variance=("variance", "sum")).reset_index()
        table["se"] = np.sqrt(table.pop("variance"))
        return table

    def caution(self, weights: Mapping[str, float], quarters: float) -> str:
        """How far the measured effects stand out of their noise, in one sentence."""
        table = self.points(weights, quarters)
        clear = int((table["full"].abs() > 2.0 * table["se"]).sum())
        return (
            f"Of {len(table)} measured effects (resource type by group of places), {clear} exceed twice their standard "
            "error. Where the other types go rests on estimates within their noise: judge the plan by its paired "
            "simulation, not place by place."
        )

    def curves(
        self, resources: Sequence[str], places: Sequence[str], weights: Mapping[str, float], quarters: float,
    ) -> tuple[Floats, Floats]:
        """Segments by place: widths (R, P, 3) in staff and slopes (R, P, 3) in points per staff and quarter.

        A group's curve f splits homogeneously, f_i(e) = w_i f(e / w_i), with the places' shares w of its measured
        work, so that staff spread by workload has the group's effect.  Beyond the measured dose nothing more is
        gained, while harm goes on.
        """
        width = np.zeros((len(resources), len(places), 3))
        slope = np.zeros_like(width)
        width[:, :, 2] = np.inf
        table = self.points(weights, quarters)
        points: dict[tuple[str, str], tuple[float, float, float]] = {
            (str(r), str(g)): (float(d), float(h), float(f))
            for r, g, d, h, f in zip(*(table[c] for c in ("resource", "group", "dose", "half", "full")), strict=True)}
        spots = {name: i for i, name in enumerate(places)}
        kinds = {name: r for r, name in enumerate(resources)}
        for resource, place, group, share in zip(*(self.work[c] for c in WORK_COLUMNS), strict=True):
            if resource not in kinds or place not in spots or (resource, group) not in points or share <= 0:
                continue
            dose, half, full = points[resource, group]
            r, i = kinds[resource], spots[place]
            first, second = half / (dose / 2), (full - half) / (dose / 2)
            width[r, i, :2] = share * dose / 2
            slope[r, i] = first, second, min(0.0, second)
        return width, slope

    def expected(
        self, allocation: pd.DataFrame, quarter_years: Mapping[str, float], weights: Mapping[str, float],
    ) -> dict[str, dict[str, float]]:
        """Expected change of each outcome under an allocation, from the curves, with its standard error.

        Parameters
        ----------
        allocation : DataFrame
            resource, place, quarter, staff.
        quarter_years : mapping quarter -> years
            Length of every quarter of the horizon.
        weights : mapping outcome -> points per unit
            Tell which changes are benefits.

        Returns
        -------
        dict
            outcome -> {"change": ..., "se": ...}; flows over the horizon, stocks as the mean over it.
        """
        from ..scenarios import OUTCOMES

        lengths = {q: 4 * years for q, years in quarter_years.items()}
        total = sum(lengths.values())
        where: dict[tuple[str, str], tuple[str, float]] = {
            (str(r), str(p)): (str(g), float(w))
            for r, p, g, w in zip(*(self.work[c] for c in WORK_COLUMNS), strict=True)}
        doses: dict[tuple[str, str], float] = {
            (str(r), str(g)): float(d)
            for r, g, d in zip(*(self.cells[c] for c in ("resource", "group", "dose")), strict=True)}
        # Quarters' worth of the first and of the second half of each cell's dose that the allocation uses.
        used: dict[tuple[str, str], list[float]] = {}
        for resource, place, quarter, staff in zip(
                *(allocation[c] for c in ("resource", "place", "quarter", "staff")), strict=True):
            group, share = where.get((resource, place), ("", 0.0))
            if share <= 0 or (resource, group) not in doses:
                continue
            filled = min(float(staff) / (share * doses[resource, group]), 1.0)
            halves = used.setdefault((resource, group), [0.0, 0.0])
            halves[0] += share * lengths[quarter] * min(filled, 0.5) * 2
            halves[1] += share * lengths[quarter] * max(filled - 0.5, 0.0) * 2
        out: dict[str, dict[str, float]] = {}
        for outcome, cells in self.cells.groupby("outcome", sort=False):
            change, variance = 0.0, 0.0
            for resource, group, half, full, se in zip(
                    *(cells[c] for c in ("resource", "group", "half", "full", "se")), strict=True):
                one, two = used.get((resource, group), (0.0, 0.0))
                harm = weights.get(str(outcome), 0.0) * full > 0
                first = full * (0.5 if harm else half)
                change += one * first + two * (full - first)
                variance += ((one + two) / 2 * se) ** 2
            over = 1.0 if OUTCOMES[str(outcome)].over_months == "sum" else total
            out[str(outcome)] = {"change": change / over, "se": float(np.sqrt(variance)) / over}
        return out

    def to_json(self) -> str:
        """As text; :meth:`from_json` reads it back to the last bit."""
        return json.dumps({"format": FORMAT, "design": dict(self.design), "cells": self.cells.to_dict("list"),
                           "work": self.work.to_dict("list"),
                           "runs": None if self.runs is None else self.runs.to_plain()})

    @classmethod
    def from_json(cls, text: str) -> EffectCurves:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        if data.get("format") != FORMAT:
            raise EffectError("effect curves of another format")
        return cls(pd.DataFrame(data["cells"], columns=list(CELL_COLUMNS)),
                   pd.DataFrame(data["work"]), data["design"],  # with how much work a place has in all, where that is known
                   None if data["runs"] is None else Runs.from_plain(data["runs"]))


@lru_cache(maxsize=2)
def place_groups(kind: str = "member_state") -> Mapping[str, str]:
    """Group of each Member State, or ``partner`` country: the fronts on which effects are measured together.

    From ``place_groups.csv``.
    """
    with (package_files.files(__package__) / "place_groups.csv").open(encoding="utf-8") as file:
        return {row["place"]: row["group"] for row in csv.DictReader(file) if row["kind"] == kind}


# ------------------------------------------------------------------------------------------------ the design


@dataclass(frozen=True)
class Runs:
    """The paired runs of a measurement.

    Attributes
    ----------
    design : Design
    changes : mapping outcome -> array (runs,)
        Outcome of each run less the mean of its replicate's runs, over the measured period.
    quarters : float
        Length of the measured period.
    """

    design: Design
    changes: Mapping[str, Floats]
    quarters: float

    def to_plain(self) -> dict[str, Any]:
        """As lists and numbers; :meth:`from_plain` reads them back to the last bit."""
        d = self.design
        return {"cells": [list(cell) for cell in d.cells], "dose": d.dose.tolist(), "level": d.level.tolist(),
                "replicate": d.replicate.tolist(), "quarters": self.quarters,
                "changes": {outcome: change.tolist() for outcome, change in self.changes.items()}}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Runs:
        """Read what :meth:`to_plain` wrote."""
        design = Design(tuple((str(r), str(g)) for r, g in data["cells"]), np.array(data["dose"], dtype=np.float64),
                        np.array(data["level"], dtype=np.float64), np.array(data["replicate"], dtype=np.int64))
        return cls(design, {str(o): np.array(v, dtype=np.float64) for o, v in data["changes"].items()},
                   float(data["quarters"]))


def dosed(design: Design, half: Mapping[str, float]) -> Floats:
    """Share of its full effect that each cell has in each run (runs, cells), when half a dose has the shares `half`."""
    share = np.array([half[resource] for resource, _ in design.cells])
    return np.asarray(np.where(design.level == 0.5, share, design.level))


def estimate(design: Design, change: Floats, half: Mapping[str, float]) -> Judged:
    """Cell effects from the paired changes (:func:`.two_level.judge`).

    Parameters
    ----------
    change : array (runs,)
        Outcome of each run; what is common to the runs of a replicate falls out.
    half : mapping resource -> float
        Share of the full effect that half a dose has.
    """
    return judge(dosed(design, half), design.replicate, change)


def half_shares(design: Design, changes: Mapping[str, Floats], prior: float, spread: float) -> dict[str, float]:
    """Share of the full effect that half a dose has, by resource type: between a half and one.

    The runs tell it by comparing those in which a type is given at half dose with those at full dose, each
    outcome by its own precision; because they tell little, this is weighed against a prior share with its spread.
    """
    kinds = list(dict.fromkeys(resource for resource, _ in design.cells))
    at_half, at_full = (design.level == 0.5).astype(np.float64), (design.level == 1.0).astype(np.float64)
    told, weight = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0.0)
    for change in changes.values():
        effect = estimate(design, change, dict.fromkeys(kinds, prior)).effect
        for kind in kinds:
            own = np.array([resource == kind for resource, _ in design.cells])
            others = (at_half[:, ~own] * prior + at_full[:, ~own]) @ effect[~own]
            left = within(design.replicate, change - others - at_full[:, own] @ effect[own])
            shift = within(design.replicate, at_half[:, own] @ effect[own])
            strength = float(shift @ shift)
            noise = float(((left - shift * prior) ** 2).mean())
            if strength > 0 and noise > 0:
                told[kind] += float(shift @ left) / noise
                weight[kind] += strength / noise
    believed = 1.0 / spread**2
    return {kind: float(np.clip((told[kind] + prior * believed) / (weight[kind] + believed), 0.5, 1.0))
            for kind in kinds}


@dataclass(frozen=True)
class Pooling:
    """How far the cells of one resource type are believed, and how their common effect is made of them.

    Attributes
    ----------
    trust : array (cells,)
        Weight of a cell's own estimate against the common effect.
    share : array (cells,)
        Weights of the cells in the mean, summing to one.
    common, mean_variance : float
        Common effect per member of staff after shrinking, and the variance of the mean.
    """

    trust: Floats
    share: Floats
    common: float
    mean_variance: float


def pooling(effect: Floats, se: Floats, dose: Floats) -> Pooling | None:
    """Weights by which :func:`pooled` pulls cells together; None where an estimate has no noise.

    Notes
    -----
    Per member of staff u = effect / dose with variance v.  Common effect m by inverse variances; spread between cells
    t2 = max(0, (Q - (n - 1)) / C) (DerSimonian and Laird 1986); m shrinks by max(0, 1 - var(m) / m^2); each u becomes
    (u / v + m / t2) / (1 / v + 1 / t2).
    """
    unit, variance = effect / dose, (se / dose) ** 2
    if not (variance > 0).all():
        return None
    weight = 1.0 / variance
    mean = float((unit * weight).sum() / weight.sum())
    mean_variance = 1.0 / float(weight.sum())
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    excess = float((weight * (unit - mean) ** 2).sum()) - (len(unit) - 1)
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    common = mean * max(0.0, 1.0 - mean_variance / mean**2) if mean != 0 else 0.0
    return Pooling(between / (between + variance), weight / weight.sum(), common, mean_variance)


def pooled(effect: Floats, se: Floats, dose: Floats) -> tuple[Floats, Floats]:
    """Effects of the cells of one resource type, pulled together as far as their noise demands.

    Parameters
    ----------
    effect, se, dose : arrays (cells,)
        Effects at full dose, their standard errors, and the doses.

    Returns
    -------
    tuple of arrays
        Effects at full dose and their standard errors (weights: :func:`pooling`).
    """
    by = pooling(effect, se, dose)
    if by is None:
        return effect.copy(), se.copy()
    value = by.trust * (effect / dose) + (1.0 - by.trust) * by.common
    spread = by.trust * (se / dose) ** 2 + (1.0 - by.trust) ** 2 * by.mean_variance
    return value * dose, np.sqrt(spread) * dose


# ------------------------------------------------------------------------------------------------ measuring


def measure_effects(
    scenario: Scenario, workers: int | None = None, progress: bool = True, *, cache: bool = True, look: Look | None = None,
) -> EffectCurves:
    """Measure in the model what additional staff does.

    Parameters
    ----------
    scenario : Scenario
        Types with posts in ``resources.posts`` are measured.  The measuring runs are shorter and coarser than the
        scenario's own; the registry's ``optimise.measure_*`` rows say how.
    workers : int, optional
        Processes; by default one a core.
    progress : bool
        Show a progress bar.
    cache : bool
        Take the curves from the user's cache folder when the same measurement was made before (same scenario, same
        source code, same tables), and put them there.  Environment variable COUNTERSMUGGLING_CACHE moves it.
    look : callable, optional
        Carries out the design's runs instead, such as to keep more of them: called with the reduced scenario, the design and the
        work of places, returns the totals of every run.

    Returns
    -------
    EffectCurves
    """
    from ..model.replicates import Job, run_many
    from ..scenarios import OUTCOMES

    begun = perf_counter()
    params = scenario.parameters()
    small = _reduced(scenario)
    resources = [name for name, post in scenario.resources.posts.items() if post.available > 0]
    if not resources:
        raise EffectError("there is nothing to measure: no resource type has posts")
    repeats = int(params["optimise.measure_repeats"])
    file = cache_folder() / f"effects-{_fingerprint(small, scenario)}.json" if cache else None
    known = _read(file)
    if known is not None:
        return known

    base_jobs = [Job(small, k, _nobody(), "effects: no additional staff") for k in range(LOOKS)]
    bases = run_many(base_jobs, workers, progress, "Measuring today's allocation", function=observe)
    work = workload(resources, pd.concat([b["work"] for b in bases]))
    cells, dose = _cells(scenario, resources, work, params["optimise.dose_over_share"])
    if not cells:
        raise EffectError("there is nothing to measure: no resource type has work anywhere")
    design = design_of(cells, dose, repeats)
    if look is not None:
        runs = look(small, design, work)
    else:
        jobs = [Job(small, int(design.replicate[k]), _allocation(small, design, k, work), f"effects: run {k + 1}")
                for k in range(len(design.replicate))]
        runs = [run["totals"] for run in run_many(jobs, workers, progress, "Measuring effects of staff", function=observe)]
    names = [o for o, info in OUTCOMES.items() if info.weightable and o != "cost_eur"]
    changes = {o: within(design.replicate, np.array([run[o] for run in runs], dtype=np.float64)) for o in names}
    quarters = float(bases[0]["years"]) * 4
    table = fit(design, changes, quarters, params["optimise.half_dose_share"], params["optimise.half_dose_spread"])
    curves = EffectCurves(table, work, {
        "runs": len(runs), "replicates": design.replicates, "months": round(quarters * 3), "cells": len(cells),
        "persons_per_agent": small.model.persons_per_agent, "seconds": round(perf_counter() - begun, 1),
        "cached": False}, Runs(design, changes, quarters))
    _write(file, curves)
    return curves


def measure_replicates(
    scenario: Scenario, effects: EffectCurves, replicates: Iterable[int], workers: int | None = None,
    progress: bool = True, *, cache: bool = True,
) -> list[pd.DataFrame]:
    """The whole design of `effects` again, in one replicate at a time.

    Each replicate has its own noise and, with ``draw: ranges``, its own parameters.  Cells, doses and places' shares are
    those of `effects`, so that the tables have the rows of ``effects.cells``.

    Returns
    -------
    list of DataFrame
        Cells, one table a replicate.
    """
    from ..model.replicates import Job, run_many

    if effects.runs is None:
        raise EffectError("these effect curves do not hold the runs they were measured from; measure them with "
                          "measure_effects")
    params = scenario.parameters()
    small, runs = _reduced(scenario), effects.runs
    alone = replace(runs.design, replicate=np.zeros(len(runs.design.level), dtype=np.int64))
    tables = []
    for number in replicates:
        file = cache_folder() / f"effects-{_fingerprint(small, scenario)}-{number}.json" if cache else None
        known = _read(file)
        if known is None:
            jobs = [Job(small, number, _allocation(small, alone, k, effects.work), f"effects: run {k + 1}")
                    for k in range(len(alone.level))]
            seen = run_many(jobs, workers, progress, f"Measuring effects in replicate {number}", function=observe)
            changes = {o: within(alone.replicate, np.array([run["totals"][o] for run in seen], dtype=np.float64)) for o in runs.changes}
            table = fit(alone, changes, runs.quarters, params["optimise.half_dose_share"],
                        params["optimise.half_dose_spread"])
            known = EffectCurves(table, effects.work, {"replicate": number}, Runs(alone, changes, runs.quarters))
            _write(file, known)
        tables.append(known.cells)
    return tables


def _nobody() -> pd.DataFrame:
    """An empty table, not none at all: without a table the model places the posts that levers bring by itself."""
    return pd.DataFrame({"resource": [], "place": [], "quarter": [], "staff": []}).astype(
        {"resource": str, "place": str, "quarter": str, "staff": float})


def fit(
    design: Design, changes: Mapping[str, Floats], quarters: float, prior: float, spread: float,
) -> pd.DataFrame:
    """Cells of :class:`EffectCurves` from the paired changes of the runs."""
    from ..scenarios import OUTCOMES

    half = half_shares(design, changes, prior, spread)
    kinds = np.array([resource for resource, _ in design.cells])
    frames = []
    for outcome, change in changes.items():
        raw = estimate(design, change, half)
        value, se = raw.effect.copy(), raw.se.copy()
        for kind in half:
            own = kinds == kind
            value[own], se[own] = pooled(raw.effect[own], raw.se[own], design.dose[own])
        per = quarters if OUTCOMES[outcome].over_months == "sum" else 1.0
        frames.append(pd.DataFrame({
            "resource": kinds, "group": [group for _, group in design.cells], "outcome": outcome,
            "dose": design.dose, "half": [half[kind] for kind in kinds], "full": value / per, "se": se / per,
            "raw": raw.effect / per, "raw_se": raw.se / per}))
    return pd.concat(frames, ignore_index=True)[list(CELL_COLUMNS)]


def observe(job: Job) -> dict[str, Any]:
    """Run a job and keep only what measuring needs (runs in another process)."""
    from ..model.replicates import run_one
    from ..model.staffing import as_table

    output = run_one(job)
    horizon = job.scenario.horizon
    seen: dict[str, Any] = {
        "totals": output.totals(), "years": ((horizon.end - horizon.start).days + 1) / 365.25}
    if job.allocation is None or as_table(job.allocation).empty:
        seen["work"] = _work_seen(output.outcomes)
    return seen


def _work_seen(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Entries, entries by sea and arrests by Member State, and attempts from partner countries, in one run."""
    from ..scenarios import world

    tables = world()
    country = dict(zip(tables.hubs["hub"], tables.hubs["country"], strict=True))
    partners = set(tables.partners["partner"])
    leaves = {str(leg): str(country[tail]) for leg, tail in zip(tables.legs["leg"], tables.legs["from"], strict=True)
              if country[tail] in partners}
    external = tables.legs[tables.legs["border"] == "external"]
    enters = {str(leg): (str(country[to]), mode == "sea") for leg, to, mode in
              zip(external["leg"], external["to"], external["mode"], strict=True)}
    attempts = outcomes[outcomes["outcome"] == "leg_attempts"].groupby("leg")["value"].sum()
    arrests = outcomes[outcomes["outcome"] == "arrests"].groupby("member_state")["value"].sum()
    rows: list[tuple[str, str, float]] = []
    for leg, amount in attempts.items():
        if str(leg) in leaves:
            rows.append(("abroad", leaves[str(leg)], float(amount)))
        if str(leg) in enters:
            place, by_sea = enters[str(leg)]
            rows += [(kind, place, float(amount)) for kind in (("entries", "sea") if by_sea else ("entries",))]
    rows += [("cases", str(place), float(v)) for place, v in arrests.items()]
    return pd.DataFrame(rows, columns=["kind", "place", "amount"])


def workload(resources: Sequence[str], seen: pd.DataFrame) -> pd.DataFrame:
    """How each group's work splits between its places, by resource type.

    Parameters
    ----------
    seen : DataFrame
        Columns kind (entries, sea, cases, abroad), place, amount.

    Returns
    -------
    DataFrame
        Columns resource, place, group, share, and total: the place's share of all work of the type.
    """
    from ..scenarios import RESOURCES

    both = {**place_groups("member_state"), **place_groups("partner")}
    seen = seen[[(place in place_groups("partner")) == (kind == "abroad") for place, kind in
                 zip(seen["place"], seen["kind"], strict=True)]]
    table = seen.pivot_table(index="place", columns="kind", values="amount", aggfunc="sum", fill_value=0.0)
    table = table.reindex(index=list(both), columns=["entries", "sea", "cases", "abroad"], fill_value=0.0).fillna(0.0)
    shares = table / table.sum().replace(0.0, 1.0)
    frames = []
    for resource in resources:
        groups = place_groups(RESOURCES[resource].places)
        table = shares.loc[list(groups)]
        if RESOURCES[resource].places == "partner":
            amount = table["abroad"]
        elif resource in AT_SEA:
            amount = table["sea"]
        elif resource in ENTRIES:
            amount = table["entries"]
        elif resource in BOTH:
            amount = (table["entries"] + table["cases"]) / 2
        else:
            amount = table["cases"]
        frame = pd.DataFrame({"resource": resource, "place": table.index, "group": [groups[p] for p in table.index],
                              "total": amount.to_numpy(dtype=np.float64)})
        sums = frame.groupby("group")["total"].transform("sum")
        sizes = frame.groupby("group")["total"].transform("size")
        frame["share"] = np.where(sums > 0, frame["total"] / sums.where(sums > 0, 1.0), 1.0 / sizes)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)[[*WORK_COLUMNS, "total"]]


def _cells(
    scenario: Scenario, resources: Sequence[str], work: pd.DataFrame, over: float,
) -> tuple[list[tuple[str, str]], Floats]:
    """Cells with work, and their full doses: some multiple of the group's share of all posts, at most all."""
    from ..scenarios import RESOURCES

    totals = work.groupby(["resource", "group"], sort=False)["total"].sum()
    cells, dose = [], []
    for resource in resources:
        available = scenario.resources.posts[resource].available
        groups = list(dict.fromkeys(place_groups(RESOURCES[resource].places).values()))
        for group in groups:
            share = float(totals.get((resource, group), 0.0))
            if share > 0:
                cells.append((resource, group))
                dose.append(available * min(1.0, over * max(share, 1 / len(groups) / 2)))
    return cells, np.array(dose)


def _allocation(scenario: Scenario, design: Design, run: int, work: pd.DataFrame) -> pd.DataFrame:
    quarters = quarters_of(scenario.horizon.start, scenario.horizon.end)
    rows = []
    for c, (resource, group) in enumerate(design.cells):
        staff = design.level[run, c] * design.dose[c]
        if staff > 0:
            own = work[(work["resource"] == resource) & (work["group"] == group)]
            rows += [(resource, place, quarter, staff * share) for place, share in
                     zip(own["place"], own["share"], strict=True) if share > 0 for quarter in quarters]
    return pd.DataFrame(rows, columns=["resource", "place", "quarter", "staff"])


def quarters_of(start: date, end: date) -> dict[str, float]:
    """Quarters from `start` to `end` (inclusive) with the years of each that lie inside."""
    out: dict[str, float] = {}
    day = start
    while day <= end:
        month = 3 * ((day.month - 1) // 3) + 4
        following = date(day.year + (month > 12), (month - 1) % 12 + 1, 1)
        last = min(following - timedelta(days=1), end)
        out[f"{day.year}Q{(day.month - 1) // 3 + 1}"] = ((last - day).days + 1) / 365.25
        day = following
    return out


def _reduced(scenario: Scenario) -> Scenario:
    """The scenario on a shorter horizon, with fewer rows per person and a longer route-choice interval."""
    params = scenario.parameters()
    start = scenario.horizon.start
    months = start.year * 12 + start.month - 1 + int(params["optimise.measure_months"])
    end = min(scenario.horizon.end, date(months // 12, months % 12 + 1, min(start.day, 28)) - timedelta(days=1))
    horizon = scenario.horizon.model_copy(update={
        "end": end, "burn_in_days": min(scenario.horizon.burn_in_days, int(params["optimise.measure_burn_in_days"]))})
    model = scenario.model.model_copy(update={
        "persons_per_agent": max(scenario.model.persons_per_agent, params["optimise.measure_persons_per_agent"]),
        "route_choice_interval_days": max(
            scenario.model.route_choice_interval_days, int(params["optimise.measure_route_choice_days"]))})
    return scenario.model_copy(update={"horizon": horizon, "model": model})


# ------------------------------------------------------------------------------------------------ the cache


@lru_cache(maxsize=1)
def _source_hash() -> str:
    """Hash of everything that a measurement depends on beside the scenario: source code and tables."""
    digest = hashlib.sha256()
    rooms = Path(__file__).resolve().parent.parent
    for room in ("model", "scenarios", "optimise"):
        for path in sorted((rooms / room).rglob("*")):
            if path.suffix in {".py", ".csv"} and (room != "optimise" or path.stem in {"effects", "two_level", "place_groups"}):
                digest.update(path.relative_to(rooms).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _fingerprint(small: Scenario, scenario: Scenario) -> str:
    """Name of a measurement: what the model sees, how much of each type there is, and the source."""
    told = small.model_dump(mode="json", exclude={
        "name", "title", "question", "description", "extends", "resources", "replicates", "outcomes", "plan"})
    told["available"] = {name: post.available for name, post in scenario.resources.posts.items()}
    told["parameters"] = {k: v for k, v in scenario.parameters().items() if k.startswith("optimise.")}
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(f"{FORMAT}\0{_source_hash()}\0{text}".encode()).hexdigest()[:32]


def _read(file: Path | None) -> EffectCurves | None:
    if file is None:
        return None
    try:
        curves = EffectCurves.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, torn or of another version: measure again
    return replace(curves, design={**curves.design, "cached": True})


def _write(file: Path | None, curves: EffectCurves) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(curves.to_json())
        os.replace(name, file)
    except OSError:
        return  # a cache that cannot be written costs time, not the answer
