"""The waterbed: what one more unit of a resource in one place does to every outcome in every other place.

All cells (a resource in a place) at once would need as many runs as there are cells, so they are screened in groups first (Watson
1961, "A study of the group screening method", Technometrics 3:371-388):

1. Groups of neighbouring places (``place_groups.csv``) are switched on and off together in an orthogonal two-level design (Plackett and
   Burman 1946), runs of the same replicate beside each other, so that noise common to them falls out.
2. Groups of which any effect anywhere stands out (Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289-300) are
   taken apart into their places, in a second design on fresh replicates: being chosen for a lucky figure does not flatter the result.

One regression an outcome and affected place gives all cells, each judged by all runs, with its standard error.  Effects are means per
unit over the dose that was tried; what several cells do together beyond their sum is in the standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..effects import LOOKS, _nobody, _reduced, place_groups, quarters_of, workload
from ..linear_model import Floats
from ..two_level import BLOCK, design_of, judge
from .kept import EVERYWHERE, KeptRuns, Runner, WideJob, observed, with_persons

if TYPE_CHECKING:
    from ...scenarios import Scenario
    from ...scenarios.reference import World

COLUMNS = ("resource", "place", "affected", "by", "outcome", "unit", "effect", "se", "n", "p", "level")
SCREENING_COLUMNS = ("resource", "group", "places", "dose", "smallest_p", "chosen")
FALSE_DISCOVERIES = 0.1
LENIENT = 0.2
"""Share of false discoveries within a group's own effects at which it is taken apart: what is missed then is lost, what is not is looked at again."""
FEWEST_EVENTS = 1e-9


@dataclass(frozen=True)
class Waterbed:
    """Effects of one more unit, place by place.

    Attributes
    ----------
    table : DataFrame
        Columns resource, place (where the unit is added), affected (a Member State, route or front; ``everywhere``: the total),
        by (member_state, route, front, everywhere), outcome, unit, effect (per unit over the horizon that was run: flows summed,
        stocks as means), se, n (runs that judge it), p (of no effect, by Student's t) and level (``place``: measured there; ``group``: its group did not stand out, and
        the figure is that of a unit anywhere in the group).
    screening : DataFrame
        Columns resource, group, places, dose, smallest_p, chosen.
    runs : int
        Runs that were needed; some may have been found in the cache.
    months : int
        Length of the horizon.
    persons_per_agent : float
    """

    table: pd.DataFrame
    screening: pd.DataFrame
    runs: int
    months: int
    persons_per_agent: float

    def matrix(self, resource: str, outcome: str, by: str = "front") -> pd.DataFrame:
        """Effects of a resource on an outcome: a row a place where a unit is added, a column an affected place."""
        rows = self.table[(self.table["resource"] == resource) & (self.table["outcome"] == outcome) & (self.table["by"] == by)]
        return rows.pivot(index="place", columns="affected", values="effect")

    def clear(self, false_discoveries: float = FALSE_DISCOVERIES) -> pd.DataFrame:
        """Rows that stand out of the noise, the clearest first (Benjamini and Hochberg 1995 over the rows measured by place)."""
        rows = self.table[(self.table["level"] == "place") & (self.table["se"] > 0)].copy()
        rows = rows[_discovered(rows["p"].to_numpy(float), false_discoveries)]
        return rows.sort_values("p", kind="stable").reset_index(drop=True)

    def for_report(self, outcome: str = "asylum_load") -> pd.DataFrame:
        """The rows of one outcome by Member State in the columns that a results folder's report draws (``waterbed`` there)."""
        rows = self.table[(self.table["outcome"] == outcome) & (self.table["by"] == "member_state")]
        return rows.rename(columns={"affected": "affected_place"})[["resource", "place", "affected_place", "outcome", "effect", "se"]].reset_index(drop=True)

    def words(self, most: int = 8) -> list[str]:
        """The clearest effects elsewhere than where the unit is added, in sentences; a sentence that there is none."""
        from ...scenarios import OUTCOMES, RESOURCES

        rows = self.clear()
        out: list[str] = []
        for row in rows.to_dict("records"):
            if row["by"] == "everywhere" or len(out) >= most:
                continue
            own = row["affected"] == row["place"] or str(row["affected"]).startswith(f"{row['place']} by ")
            where = "there" if own else f"in {row['affected']}" if row["by"] == "member_state" else f"at {row['affected']}"
            out.append(f"One more {RESOURCES[row['resource']].title.lower()} in {row['place']}: {OUTCOMES[row['outcome']].title.lower()} {where} "
                       f"{row['effect']:+,.3g} {row['unit']} (standard error {row['se']:.2g}).")
        return out or ["No effect of a single place stands out of the noise: more replicates or smaller rows would be needed."]


def measure_waterbed(
    scenario: Scenario, *, resources: Sequence[str] | None = None, outcomes: Sequence[str] | None = None, repeats: int = 2,
    most: int = 12, persons_per_agent: float | None = None, workers: int | None = None, progress: bool = True, cache: bool = True,
    runner: Runner | None = None, tables: World | None = None,
) -> Waterbed:
    """Measure the waterbed matrix of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Types with posts in ``resources.posts`` are measured, over as long a horizon as effects are (registry,
        ``optimise.measure_*``).
    resources, outcomes : sequences of str, optional
        Only these.
    repeats : int
        Each design is carried out so many times, in other replicates and with places in other columns each time: errors fall with the root
        of it, and what places do to each other is less easily taken for what another one does.
    most : int
        Groups that are taken apart at most, those that stand out most.
    persons_per_agent : float, optional
        Instead of what measuring uses.
    workers, progress, cache, runner
        As for :class:`.kept.KeptRuns`.
    tables : World, optional
        Instead of the bundled ones.

    Returns
    -------
    Waterbed

    Raises
    ------
    ValueError
        When no resource has posts and work.
    """
    from ...scenarios import world

    params = scenario.parameters()
    small = with_persons(_reduced(scenario), persons_per_agent)
    available = {name: float(post.available) for name, post in scenario.resources.posts.items()
                 if post.available > 0 and (resources is None or name in resources)}
    if not available:
        raise ValueError(f"there is no waterbed to measure: no type{' that was named' if resources else ''} has posts in {scenario.name}")
    runs = KeptRuns(cache=cache, workers=workers, progress=progress, runner=runner)
    bases = runs.run([WideJob(small, k, _nobody(), "waterbed: today's staff", tables=tables) for k in range(LOOKS)],
                     "Watching today's staff")
    within = set(world().member_states["member_state"]) | set(world().partners["partner"])
    seen = pd.concat([pd.DataFrame(base["work"]) for base in bases])
    work = workload(list(available), seen[seen["place"].isin(within)])
    groups = _group_cells(available, work, params["optimise.dose_over_share"])
    if not groups:
        raise ValueError("there is no waterbed to measure: no type has work anywhere")
    spots = _spots(bases, outcomes)

    first = _carried_out(runs, small, [_Cell(r, g, d, _within(work, r, g)) for r, g, d in groups], repeats, 0, spots, tables,
                         "Screening groups of places")
    smallest = first.p.min(axis=1)
    chosen = np.array([bool(_discovered(p, LENIENT).any()) for p in first.p])
    if chosen.sum() > most:
        chosen &= smallest <= np.sort(smallest[chosen])[most - 1]
    screening = pd.DataFrame(
        [(c.resource, c.name, ", ".join(c.places), c.dose, p, bool(k)) for c, p, k in zip(first.cells, smallest, chosen, strict=True)],
        columns=list(SCREENING_COLUMNS))

    rows = [_rows(first, n, place, spots, "place" if len(c.places) == 1 else "group") for n, c in enumerate(first.cells)
            for place in c.places if not (chosen[n] and len(c.places) > 1)]
    apart = [_Cell(c.resource, place, c.dose * share, {place: 1.0}) for n, c in enumerate(first.cells)
             if chosen[n] and len(c.places) > 1 for place, share in c.places.items()]
    if apart:
        second = _carried_out(runs, small, apart, repeats, first.n // BLOCK, spots, tables, "Taking groups apart")
        rows += [_rows(second, n, c.name, spots, "place") for n, c in enumerate(second.cells)]
    table = pd.concat(rows, ignore_index=True)[list(COLUMNS)]
    months = round(12 * ((small.horizon.end - small.horizon.start).days + 1) / 365.25)
    return Waterbed(table, screening, runs.asked, months, small.model.persons_per_agent)


@dataclass(frozen=True)
class _Cell:
    """A resource in a group of places, or in one: dose in all, and how it splits."""

    resource: str
    name: str
    dose: float
    places: Mapping[str, float]


@dataclass(frozen=True)
class _PerUnit:
    """Effects per unit (cells, spots), with standard errors and p-values."""

    cells: list[_Cell]
    effect: Floats
    se: Floats
    p: Floats
    n: int


def _group_cells(available: Mapping[str, float], work: pd.DataFrame, over: float) -> list[tuple[str, str, float]]:
    """Groups with work, and the dose that each is tried with: some multiple of its share of all posts, at most all."""
    out: list[tuple[str, str, float]] = []
    sums = work.groupby(["resource", "group"], sort=False)["total"].sum().reset_index()
    for resource, group, total in sums.itertuples(index=False):
        if total > 0:
            number = int((sums["resource"] == resource).sum())
            out.append((str(resource), str(group), available[str(resource)] * min(1.0, over * max(float(total), 1 / number / 2))))
    return out


def _within(work: pd.DataFrame, resource: str, group: str) -> dict[str, float]:
    """Places of a group with work, and their shares of it."""
    rows = work[(work["resource"] == resource) & (work["group"] == group) & (work["share"] > 0)]
    shares = dict(zip(rows["place"].astype(str), rows["share"].astype(float), strict=True))
    total = sum(shares.values())
    return {place: share / total for place, share in shares.items()}


def _spots(bases: Sequence[Mapping[str, Any]], outcomes: Sequence[str] | None) -> list[tuple[str, str, str]]:
    """Outcomes and where they are told: (outcome, label, by)."""
    from ...scenarios import OUTCOMES

    unknown = [o for o in outcomes or () if o not in OUTCOMES]
    if unknown:
        raise ValueError(f"no outcome '{unknown[0]}'; there are {', '.join(OUTCOMES)}")
    states = set(place_groups("member_state"))
    told: dict[tuple[str, str], float] = {}
    for base in bases:
        for outcome, value in base["totals"].items():
            told[outcome, EVERYWHERE] = told.get((outcome, EVERYWHERE), 0.0) + abs(value)
        for outcome, by in base["by_place"].items():
            for label, value in by.items():
                told[outcome, label] = told.get((outcome, label), 0.0) + abs(value)
    kinds = {EVERYWHERE: EVERYWHERE}
    return [(outcome, label, kinds.get(label) or ("member_state" if label in states else "front" if " by " in label else "route"))
            for (outcome, label), size in told.items()
            if size > FEWEST_EVENTS and OUTCOMES[outcome].kind != "ratio" and (outcomes is None or outcome in outcomes)
            and outcome not in ("leg_attempts", "leg_deaths", "cost_eur")]


def _carried_out(
    runs: KeptRuns, scenario: Scenario, cells: list[_Cell], repeats: int, first: int,
    spots: Sequence[tuple[str, str, str]], tables: World | None, what: str,
) -> _PerUnit:
    dose = np.array([c.dose for c in cells])
    design = design_of([(c.resource, c.name) for c in cells], dose, repeats, halves=False, spare=len(cells) // 2)
    quarters = list(quarters_of(scenario.horizon.start, scenario.horizon.end))
    jobs = []
    for k, on in enumerate(design.level):
        rows = [(c.resource, place, quarter, c.dose * share) for c, here in zip(cells, on, strict=True) if here
                for place, share in c.places.items() for quarter in quarters]
        table = pd.DataFrame(rows, columns=["resource", "place", "quarter", "staff"])
        jobs.append(WideJob(scenario, first + int(design.replicate[k]), table, f"waterbed: run {k + 1}", tables=tables))
    seen = runs.run(jobs, what)
    change = np.array([[observed(one, o, label) for o, label, _ in spots] for one in seen])
    found = judge(design.level, design.replicate, change)
    return _PerUnit(cells, found.effect / dose[:, None], found.se / dose[:, None], found.p, len(jobs))


def _rows(found: _PerUnit, cell: int, place: str, spots: Sequence[tuple[str, str, str]], level: str) -> pd.DataFrame:
    from ...scenarios import OUTCOMES

    return pd.DataFrame({
        "resource": found.cells[cell].resource, "place": place, "affected": [label for _, label, _ in spots],
        "by": [by for _, _, by in spots], "outcome": [o for o, _, _ in spots], "unit": [OUTCOMES[o].unit for o, _, _ in spots],
        "effect": found.effect[cell], "se": found.se[cell], "n": found.n, "p": found.p[cell], "level": level})


def _discovered(p: Floats, rate: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of many tests stand out, when at most `rate` of those that do are to be false (Benjamini and Hochberg 1995)."""
    flat = np.sort(p.ravel())
    passing = np.flatnonzero(flat <= rate * np.arange(1, flat.size + 1) / max(1, flat.size))
    limit = flat[passing[-1]] if passing.size else -math.inf
    return np.asarray(p <= limit)
