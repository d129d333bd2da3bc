"""What a run of history is compared by: seven blocks of statistics, each in units of the published series' own noise.

========== =============================================================== ==========================================
block      statistics                                                      noise
========== =============================================================== ==========================================
months     log detections by route and month                               irregular part of the published log series
season     log month factors by route                                      the same, over the number of years
shares     part of a year's entry detections, by origin group and route    `SHARE_NOISE` in total variation
events     log ratio of twelve months after to twelve before               irregular part, twice
deaths     log deaths by route at sea and year                             irregular part of the published log series
stopped    share intercepted in the Central Mediterranean, by year         `STOPPED_NOISE`
fees       log fee on the Central Mediterranean over that of 2017          `FEE_NOISE`
========== =============================================================== ==========================================

The distance of a run is the mean over blocks of the mean absolute difference in these units: each block counts alike,
however many figures it has, and a single figure far out does not decide (the model misses some patterns altogether).
Counts are logged after adding `FLOOR`, so that months with a handful of detections do not count as jumps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios.reference import world
from .observed import ENTRY, ROUTES, Observed
from .patterns import month_factors

FloatArray = npt.NDArray[np.float64]
#: detections, and deaths, added before logs are taken
FLOOR: Final = 100.0
DEATHS_FLOOR: Final = 10.0
#: half of the yearly turnover of shares between routes (docs/patterns.md, P4)
SHARE_NOISE: Final = 0.15
#: what coast guards of one route report differs by as much between publishers (judgement)
STOPPED_NOISE: Final = 0.05
#: asked prices of one passage spread two to five times (P12); a mean of many by about a fifth (judgement)
FEE_NOISE: Final = 0.2
AT_SEA: Final = ("CMED", "EMED", "WMED", "WAFR")
EVENTS: Final = (
    ("2016-03", "EMED"), ("2016-03", "WBALK"), ("2016-03", "CMED"), ("2017-07", "CMED"), ("2017-07", "WMED"),
    ("2019-02", "WMED"), ("2019-02", "WAFR"), ("2020-03", "EMED"), ("2021-06", "ELAND"),
)  # fmt: skip
FLOWS: Final = ("attempts", "interceptions", "deaths", "smuggler_revenue_eur", "paid_legs")


@dataclass(frozen=True)
class Condensed:
    """What is kept of a run.

    Attributes
    ----------
    months : tuple of str
    detections : array, shape (months, routes, origin groups)
    flows : mapping of str to array, shape (months, routes)
        See `FLOWS`.
    """

    months: tuple[str, ...]
    detections: FloatArray
    flows: Mapping[str, FloatArray]

    def until(self, last: str | None) -> Condensed:
        """The same up to a month, that month included."""
        if last is None or last >= self.months[-1]:
            return self
        n = sum(m <= last for m in self.months)
        return Condensed(self.months[:n], self.detections[:n], {k: v[:n] for k, v in self.flows.items()})


def groups() -> list[str]:
    """Origin groups in the order of the arrays."""
    return list(world().origin_groups["origin_group"])


def condense(outcomes: pd.DataFrame) -> Condensed:
    """Keep of a run's monthly outcomes (`RunOutput.outcomes`) what calibration and validation need."""
    months = sorted(str(m) for m in outcomes["month"].unique())
    wanted = outcomes[outcomes["outcome"].isin(["detections", *FLOWS])]
    at = {m: i for i, m in enumerate(months)}
    route_at, group_at = {r: i for i, r in enumerate(ROUTES)}, {g: i for i, g in enumerate(groups())}
    seen = np.zeros((len(months), len(ROUTES), len(group_at)))
    flows = {name: np.zeros((len(months), len(ROUTES))) for name in FLOWS}
    rows = wanted[wanted["route"].isin(ROUTES)]
    i = rows["month"].astype(str).map(at).to_numpy(dtype=np.int64)
    j = rows["route"].astype(str).map(route_at).to_numpy(dtype=np.int64)
    value, name_of = rows["value"].to_numpy(dtype=np.float64), rows["outcome"].astype(str).to_numpy()
    k = rows["origin_group"].astype(str).map(group_at)
    for name in ("detections", *FLOWS):
        own = name_of == name
        if name == "detections":
            own &= k.notna().to_numpy()
            np.add.at(seen, (i[own], j[own], k[own].to_numpy(dtype=np.int64)), value[own])
        else:
            np.add.at(flows[name], (i[own], j[own]), value[own])
    return Condensed(tuple(months), seen, flows)


def published(seen: Observed, months: Sequence[str]) -> Condensed:
    """The published series in the form of a run; origin groups are spread over the months of a year in proportion."""
    names = groups()
    table = seen.detections.reindex(list(months)).fillna(0.0).to_numpy(dtype=np.float64)
    yearly = seen.by_group.pivot_table(index=["year", "route"], columns="origin_group", values="detections", aggfunc="sum")
    recent = seen.recent.pivot_table(index=["month", "route"], columns="origin_group", values="detections", aggfunc="sum")
    detections = np.zeros((len(months), len(ROUTES), len(names)))
    for i, month in enumerate(months):
        for j, route in enumerate(ROUTES):
            key: Any = (int(month[:4]), route)
            source = yearly if key in yearly.index else recent
            key = key if key in yearly.index else (month, route)
            if key in source.index:
                part = source.loc[key].reindex(names).fillna(0.0).to_numpy(dtype=np.float64)
                detections[i, j] = table[i, j] * part / max(float(part.sum()), 1e-9)
    flows = {name: np.zeros((len(months), len(ROUTES))) for name in FLOWS}
    deaths = seen.deaths.reindex(list(months)).fillna(0.0)
    for j, route in enumerate(ROUTES):
        if route in deaths:
            flows["deaths"][:, j] = deaths[route].to_numpy(dtype=np.float64)
    return Condensed(tuple(months), detections, flows)


def irregular(series: FloatArray) -> float:
    """Standard deviation of the irregular part of a monthly log series, robustly.

    Month-to-month changes less the median change of their calendar month; over the root of two, as a change has the
    irregular part of two months (1.4826 times the median absolute deviation is the deviation of a normal variable).
    """
    change = np.diff(series)
    month = np.arange(len(change)) % 12
    left = change - np.array([np.median(change[month == m]) for m in range(12)])[month]
    return float(1.4826 * np.median(np.abs(left)) / np.sqrt(2.0))


@dataclass(frozen=True)
class Yardstick:
    """The published statistics and the noise that each is measured in.

    Attributes
    ----------
    months : tuple of str
        Months that are compared.
    noise : mapping of str to array
        By block, of the shape of the statistics; with the weight of the block already in it.
    target : mapping of str to array
        The published statistics over their noise.
    """

    months: tuple[str, ...]
    seen: Observed
    noise: Mapping[str, FloatArray]
    target: Mapping[str, FloatArray]

    @classmethod
    def of(cls, seen: Observed, months: Sequence[str]) -> Yardstick:
        """Measure against the published figures of some months (from January 2014)."""
        kept = tuple(m for m in months if m in seen.detections.index)
        truth = published(seen, kept)
        raw = raw_statistics(truth)
        raw |= _ratios_published(seen, kept)
        raw = {k: v for k, v in raw.items() if v.size}
        noise = _noise(seen, raw, kept)
        weighted = {name: scale * float(raw[name].size) * len(raw) for name, scale in noise.items()}
        return cls(kept, seen, weighted, {name: raw[name] / weighted[name] for name in raw})

    def measure(self, run: Condensed) -> dict[str, FloatArray]:
        """A run's statistics over their noise: the sum of absolute differences from `target` is the distance."""
        chosen = [run.months.index(m) for m in self.months]
        part = Condensed(
            self.months, run.detections[chosen], {name: flow[chosen] for name, flow in run.flows.items()}
        )
        raw = raw_statistics(part) | _ratios_simulated(part, self.seen)
        return {name: raw[name] / self.noise[name] for name in self.target}

    def distance(self, run: Condensed) -> float:
        """Mean over blocks of the mean absolute difference in units of noise."""
        found = self.measure(run)
        return float(sum(np.abs(found[name] - self.target[name]).sum() for name in self.target))

    def by_block(self, run: Condensed) -> dict[str, float]:
        """The same, block by block: mean absolute difference in units of noise."""
        found = self.measure(run)
        return {n: float(np.abs(found[n] - self.target[n]).sum() * len(self.target)) for n in self.target}


def raw_statistics(run: Condensed) -> dict[str, FloatArray]:
    """Statistics that need no ratio of two published series: months, season, shares, events and deaths."""
    by_route = run.detections.sum(axis=2)
    log = np.log(by_route + FLOOR)
    years = [m[:4] for m in run.months]
    whole = [y for y in sorted(set(years)) if years.count(y) == 12]
    in_year = {y: np.array([x == y for x in years]) for y in whole}
    entry = [ROUTES.index(r) for r in ENTRY]
    shares = []
    for y in whole:
        table = run.detections[in_year[y]].sum(axis=0)[entry]
        shares.append(table / max(float(table.sum()), 1.0))
    found = {"months": log, "shares": np.array(shares)}
    if len(whole) >= 2:
        found["season"] = np.array([
            np.log(month_factors(pd.Series(by_route[:, j] + FLOOR, index=list(run.months)))) for j in range(len(ROUTES))
        ])  # fmt: skip
    ratios = []
    for event, route in EVENTS:
        if event in run.months and (at := run.months.index(event)) >= 12 and at + 12 < len(run.months):
            series = by_route[:, ROUTES.index(route)] + FLOOR
            ratios.append(float(np.log(series[at + 1 : at + 13].mean() / series[at - 12 : at].mean())))
    found["events"] = np.array(ratios)
    sea = [ROUTES.index(r) for r in AT_SEA]
    found["deaths"] = np.array([np.log(run.flows["deaths"][in_year[y]][:, sea].sum(axis=0) + DEATHS_FLOOR) for y in whole])
    return found


def _ratios_published(seen: Observed, months: Sequence[str]) -> dict[str, FloatArray]:
    years = _whole_years(months)
    stopped = [float(seen.interception_share.loc[y]) for y in years if y in seen.interception_share.index]
    fees = [float(np.log(seen.fee_ratio.loc[y])) for y in years if y in seen.fee_ratio.index]
    return {"stopped": np.array(stopped), "fees": np.array(fees)}


def _ratios_simulated(run: Condensed, seen: Observed) -> dict[str, FloatArray]:
    years = _whole_years(run.months)
    c = ROUTES.index("CMED")
    total = {
        y: {n: float(flow[[m[:4] == str(y) for m in run.months], c].sum()) for n, flow in run.flows.items()} for y in years
    }

    def fee(y: int) -> float:
        return max(total[y]["smuggler_revenue_eur"], 1.0) / max(total[y]["paid_legs"], 1.0)

    stopped = [
        total[y]["interceptions"] / max(total[y]["attempts"], 1.0) for y in years if y in seen.interception_share.index
    ]
    fees = [float(np.log(fee(y) / fee(2017))) for y in years if y in seen.fee_ratio.index]
    return {"stopped": np.array(stopped), "fees": np.array(fees)}


def _whole_years(months: Sequence[str]) -> list[int]:
    years = [int(m[:4]) for m in months]
    return [y for y in sorted(set(years)) if years.count(y) == 12]


def _noise(seen: Observed, raw: Mapping[str, FloatArray], months: Sequence[str]) -> dict[str, FloatArray]:
    """Noise of each statistic, of the shape of the statistics."""
    table = np.log(seen.detections.loc[list(months)].to_numpy(dtype=np.float64) + FLOOR)
    by_route = np.array([max(irregular(table[:, j]), 0.05) for j in range(len(ROUTES))])
    years = max(len(_whole_years(months)), 1)
    died = np.log(seen.deaths.reindex(columns=list(AT_SEA)).fillna(0.0).to_numpy(dtype=np.float64) + DEATHS_FLOOR)
    by_sea = np.array([max(irregular(died[:, j]), 0.05) for j in range(len(AT_SEA))])
    ones = {name: np.ones_like(value) for name, value in raw.items()}
    out = {"months": ones["months"] * by_route, "shares": ones["shares"]}
    # the block's sum of absolute differences over years is twice the total variation: one unit a year is SHARE_NOISE
    out["shares"] = out["shares"] * (2.0 * SHARE_NOISE * years / max(raw["shares"].size, 1))
    if "season" in raw:
        out["season"] = ones["season"] * by_route[:, None] / np.sqrt(years)
    if "events" in raw:
        routes = [r for e, r in EVENTS if e in months and months.index(e) >= 12 and months.index(e) + 12 < len(months)]
        out["events"] = np.array([by_route[ROUTES.index(r)] for r in routes]) * np.sqrt(2.0)
    out["deaths"] = ones["deaths"] * by_sea
    for name, scale in (("stopped", STOPPED_NOISE), ("fees", FEE_NOISE)):
        if name in raw:
            out[name] = ones[name] * scale
    return {name: out[name] for name in raw}
