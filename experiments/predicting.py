"""Detections by month and route, July 2022 to December 2025, given only yearly totals by origin group.

A group's total of a year is split over routes by the shares in which it was last seen, which drift back to those of
several years; a route's level is blended with its last one as far as that helped in the past; months follow the route's
season. Runs of the model, where they are given, move the shares as they moved in the runs. Intervals are the errors of
the same procedure, begun at the end of each year from `ORIGINS` on with what was known then, by route and years ahead: they
hold the noise of the published series, the season's, and all that the procedure does not know.

No figure by route after June 2022 is used, and no event after it is told. Totals of 2025 by nationality are not given:
those of 2024 are kept, with the errors of doing so in earlier years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from .calibration_statistics import Condensed, groups
from .observed import ENTRY, LAST, ROUTES, Observed
from .patterns import month_factors

FloatArray = npt.NDArray[np.float64]
FIRST_YEAR: Final = 2009
#: ends of years at which the procedure is begun for its errors
ORIGINS: Final = tuple(range(2012, 2021))
#: detections a month added before logs are taken
FLOOR: Final = 100.0
#: years whose shares the recent ones drift back to, and years of the season
LONG: Final = 8
#: weight of recent shares, year by year ahead
KEPT: Final = 0.7
#: detections of the average group added to a group, so that one with few has no shares of its own
THIN: Final = 50.0
BLENDS: Final = (0.0, 0.5, 1.0)
#: errors of a route count as many as these of all routes together
POOLED: Final = 24.0
#: years ahead; the last is one without totals
AHEAD: Final = 4
PROBABILITIES: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Yearly:
    """Published years: `detections` shape (years, groups, routes), `totals` over entry routes shape (years, groups)."""

    years: tuple[int, ...]
    detections: FloatArray
    totals: FloatArray

    def at(self, year: int) -> int:
        return self.years.index(year)


def yearly(seen: Observed) -> Yearly:
    """Published detections by year, origin group and route since 2009."""
    names = groups()
    years = tuple(sorted(int(y) for y in seen.by_group["year"].unique()))
    table: FloatArray = np.zeros((len(years), len(names), len(ROUTES)))
    for row in seen.by_group.itertuples(index=False):
        at: tuple[Any, ...] = (years.index(int(str(row.year))), names.index(str(row.origin_group)), ROUTES.index(str(row.route)))
        table[at] += float(str(row.detections))
    return Yearly(years, table, entry_totals(table))


def entry_totals(detections: FloatArray) -> FloatArray:
    """Over all entry routes, shape (..., groups); for the Western Balkans' own nationals that route is the entry."""
    total = detections[..., [ROUTES.index(r) for r in ENTRY]].sum(axis=-1)
    own = groups().index("western-balkans")
    total[..., own] += detections[..., own, ROUTES.index("WBALK")]
    return np.asarray(total, dtype=np.float64)


def shares(detections: FloatArray, totals: FloatArray) -> FloatArray:
    """Detections by route for one over the entry routes, by group; shape (groups, routes)."""
    everybody = detections.sum(axis=0) / max(float(totals.sum()), 1.0)
    return np.asarray((detections + THIN * everybody) / (totals[:, None] + THIN))


def levels(
    past: Yearly, recent: tuple[FloatArray, FloatArray], totals: Sequence[FloatArray], moved: Sequence[FloatArray] | None = None
) -> list[FloatArray]:
    """Detections by route of coming years, shape (routes,) each, from group totals alone.

    Parameters
    ----------
    past : Yearly
        Years that are known.
    recent : tuple of array
        Detections (groups, routes) and totals (groups) of the latest months.
    totals : sequence of array
        Totals by group, year by year ahead.
    moved : sequence of array, optional
        Factors on shares (groups, routes), year by year ahead.
    """
    late = shares(*recent)
    long = shares(past.detections[-LONG:].sum(axis=0), past.totals[-LONG:].sum(axis=0))
    entry = [ROUTES.index(r) for r in ENTRY]
    found = []
    for ahead, total in enumerate(totals):
        weight = KEPT**ahead
        share = weight * late + (1.0 - weight) * long
        if moved is not None:
            other = share * moved[ahead]
            # where a group goes is moved, not how many of it come
            other[:, entry] *= (share[:, entry].sum(axis=1) / np.maximum(other[:, entry].sum(axis=1), 1e-12))[:, None]
            share = other
        found.append(np.asarray((total[:, None] * share).sum(axis=0)))
    return found


def blended(level: FloatArray, last: FloatArray, blend: FloatArray, months: float = 12.0) -> FloatArray:
    """A level between the route's own last one (blend 0) and that from group totals (1), in logs."""
    add = FLOOR * months
    return np.asarray(np.maximum(np.exp(blend * np.log(level + add) + (1.0 - blend) * np.log(last + add)) - add, 0.0))


def season(seen: Observed, last: str) -> FloatArray:
    """Month factors by route from the years up to a month, shape (routes, 12)."""
    months = seen.detections.loc[:last].iloc[-12 * LONG :]
    return np.array([month_factors(months[r] + FLOOR) for r in ROUTES])


@dataclass(frozen=True)
class Errors:
    """Errors of the procedure in the past.

    Attributes
    ----------
    blend : array, shape (routes,)
        Weight of group totals against the route's own last level, by route.
    log : DataFrame
        Columns origin, month, ahead (1 to `AHEAD`), route, error (log published less log predicted, `FLOOR` added).
    spread : array, shape (routes, AHEAD)
        Standard deviation, each route's own shrunk towards all routes.
    normal : array
        Errors over their spread: what intervals take their quantiles from.
    """

    blend: FloatArray
    log: pd.DataFrame
    spread: FloatArray
    normal: FloatArray


def errors(seen: Observed, origins: Sequence[int] = ORIGINS) -> Errors:
    """Begin the procedure at the ends of past years and compare it with what came."""
    known = yearly(seen)
    tried: dict[float, list[tuple[int, int, FloatArray]]] = {b: [] for b in BLENDS}
    for origin in origins:
        i = known.at(origin)
        past = Yearly(known.years[: i + 1], known.detections[: i + 1], known.totals[: i + 1])
        recent = (known.detections[i], known.totals[i])
        coming = [known.totals[i + h] for h in range(1, AHEAD) if i + h < len(known.years)]
        found = levels(past, recent, coming)
        # one more year, for which the total of the year before has to do
        blind = levels(past, recent, [known.totals[min(i + max(h - 1, 0), len(known.years) - 1)] for h in range(1, AHEAD + 1)])[-1]
        for h, level in [*enumerate(found, 1), (AHEAD, blind)]:
            if i + h < len(known.years):
                for b in BLENDS:
                    tried[b].append((origin, h, blended(level, known.detections[i].sum(axis=0), np.full(len(ROUTES), b))))
    missed = {
        b: np.array([
            np.log(known.detections[known.at(o + h)].sum(axis=0) + 12.0 * FLOOR) - np.log(level + 12.0 * FLOOR)
            for o, h, level in rows
        ])
        for b, rows in tried.items()
    }  # fmt: skip
    squared = np.array([(missed[b] ** 2).mean(axis=0) for b in BLENDS])
    blend = np.array(BLENDS)[squared.argmin(axis=0)]
    rows: list[tuple[int, str, int, str, float]] = []
    for n, (origin, h, _) in enumerate(tried[BLENDS[0]]):
        level = np.array([tried[b][n][2][j] for j, b in enumerate(blend)])
        factor = season(seen, f"{origin}-12")
        for m in range(12):
            month = f"{origin + h}-{m + 1:02d}"
            truth = seen.detections.loc[month, list(ROUTES)].to_numpy(dtype=np.float64)
            predicted = level * factor[:, m] / 12.0
            rows += [
                (origin, month, h, route, float(np.log(truth[j] + FLOOR) - np.log(predicted[j] + FLOOR)))
                for j, route in enumerate(ROUTES)
            ]
    table = pd.DataFrame(rows, columns=["origin", "month", "ahead", "route", "error"])
    spread = _spread(table)
    normal = table["error"].to_numpy(dtype=np.float64) / np.array(
        [spread[ROUTES.index(str(r)), int(h) - 1] for r, h in zip(table["route"], table["ahead"], strict=True)]
    )
    return Errors(blend, table, spread, normal)


def _spread(table: pd.DataFrame) -> FloatArray:
    every = {int(str(h)): float((part["error"] ** 2).mean()) for h, part in table.groupby("ahead")}
    found = np.zeros((len(ROUTES), AHEAD))
    for (route, h), part in table.groupby(["route", "ahead"]):
        n = float(len(part))
        own = float((part["error"] ** 2).mean())
        found[ROUTES.index(str(route)), int(str(h)) - 1] = np.sqrt((n * own + POOLED * every[int(str(h))]) / (n + POOLED))
    # what is farther off is not better known
    return np.maximum.accumulate(found, axis=1)


def held(seen: Observed) -> pd.DataFrame:
    """Share of published months inside 5-95 % intervals made from the errors of the other origins, by route."""
    whole = errors(seen)
    low, high = PROBABILITIES[0], PROBABILITIES[-1]
    rows = []
    for origin, part in whole.log.groupby("origin"):
        other = whole.log[whole.log["origin"] != origin]
        spread = _spread(other)
        scale = np.array([spread[ROUTES.index(str(r)), int(h) - 1] for r, h in zip(part["route"], part["ahead"], strict=True)])
        normal = other["error"].to_numpy(dtype=np.float64) / np.array(
            [spread[ROUTES.index(str(r)), int(h) - 1] for r, h in zip(other["route"], other["ahead"], strict=True)]
        )
        bounds = np.quantile(normal, [low, high])
        error = part["error"].to_numpy(dtype=np.float64)
        rows.append(part.assign(inside=(error >= bounds[0] * scale) & (error <= bounds[1] * scale)))
    table = pd.concat(rows)
    found = table.groupby("route")["inside"].mean().reindex(list(ROUTES))
    return pd.DataFrame({"route": [*ROUTES, "all"], "inside": [*found.tolist(), float(table["inside"].mean())]})


def moved_by(runs: Sequence[Condensed], base: Sequence[str], years: Sequence[int], weight: float) -> list[FloatArray]:
    """How shares move in runs of the model: factors on each group's shares against the months of `base`.

    Parameters
    ----------
    runs : sequence of Condensed
    base : sequence of str
        Months that the factors are relative to.
    years : sequence of int
    weight : float
        Power that the factors are raised to: 0 leaves the runs out, 1 takes them at their word.

    Returns
    -------
    list of array, shape (groups, routes)
        Geometric mean over runs, year by year.
    """

    def part(run: Condensed, chosen: Sequence[bool]) -> FloatArray:
        seen = run.detections[np.array(chosen)].sum(axis=0).T
        # smoothed by what all groups do, so that a run without a group's detections says nothing
        everybody = seen.sum(axis=0) / max(float(seen.sum()), 1.0)
        total = seen.sum(axis=1, keepdims=True)
        return np.asarray((seen + (0.02 * total + 1000.0) * (everybody + 0.02)) / (total + 1000.0))

    found = []
    for year in years:
        logs = [
            np.log(part(run, [m[:4] == str(year) and m > LAST for m in run.months]))
            - np.log(part(run, [m in set(base) for m in run.months]))
            for run in runs
        ]
        found.append(np.asarray(np.exp(weight * np.mean(logs, axis=0))))
    return found


#: power of the factors that runs of the model move shares by: see docs/evaluation.md for how it was chosen
WEIGHT_OF_RUNS: Final = 0.5


def predict(seen: Observed, runs: Sequence[Condensed] = (), *, weight: float = WEIGHT_OF_RUNS) -> pd.DataFrame:
    """Predicted detections.

    Parameters
    ----------
    seen : Observed
    runs : sequence of Condensed
        Runs of the model from January 2021 or earlier to December 2025.
    weight : float
        See `moved_by`.

    Returns
    -------
    DataFrame
        Columns month, route, p05, p50, p95; July 2022 to December 2025, six routes.
    """
    names = groups()
    past, wrong = yearly(seen), errors(seen)
    half = np.zeros((len(names), len(ROUTES)))
    for row in seen.recent.itertuples(index=False):
        half[names.index(str(row.origin_group)), ROUTES.index(str(row.route))] += float(str(row.detections))
    given = seen.entry_totals.reindex(columns=names).fillna(0.0)
    first = int(LAST[:4])
    table = {int(str(y)): given.loc[y].to_numpy(dtype=np.float64) for y in given.index}
    rest = np.maximum(table[first] - entry_totals(half), 0.0)
    totals = [rest, table[first + 1], table[first + 2], table[first + 2]]
    last = past.detections[-1] + half
    base = [*(f"{first - 1}-{m:02d}" for m in range(1, 13)), *(f"{first}-{m:02d}" for m in range(1, 7))]
    years = range(first, first + AHEAD)
    moved = moved_by(runs, base, years, weight) if runs else None
    found = levels(past, (last, entry_totals(last)), totals, moved)
    own = seen.detections.iloc[-12:][list(ROUTES)].sum().to_numpy(dtype=np.float64)
    factor = season(seen, LAST)
    quantiles = np.quantile(wrong.normal, PROBABILITIES)
    quantiles -= quantiles[1]  # errors are centred: past surges are no reason to expect the next one
    rows = []
    for h, (year, level) in enumerate(zip(years, found, strict=True)):
        months = list(range(7, 13)) if year == first else list(range(1, 13))
        for j, route in enumerate(ROUTES):
            part = factor[j, [m - 1 for m in months]]
            # the second half of the first year: the group totals' rest is of its months, the route's own level of a year
            own_level = own[j] * part.sum() / 12.0
            whole = float(blended(np.array([level[j]]), np.array([own_level]), wrong.blend[[j]], float(len(months)))[0])
            for m, share in zip(months, part / part.sum(), strict=True):
                centre = np.log(whole * share + FLOOR)
                low, middle, high = np.maximum(np.exp(centre + quantiles * wrong.spread[j, h]) - FLOOR, 0.0)
                rows.append((f"{year}-{m:02d}", route, low, middle, high))
    return pd.DataFrame(rows, columns=["month", "route", "p05", "p50", "p95"]).sort_values(
        ["month", "route"], ignore_index=True
    )
