"""Patterns that the routes show, and whether the model shows them: `python -m countersmuggling.experiments.patterns`.

A replay of history (`history-2014-2022`) is run several times; each statistic is computed from a run's own monthly
outcomes, and its median over the runs is in or out of the published band.  Nothing is fitted to the bands.  Some patterns
are told to the model (published demand and seasons are input): the table says which (Grimm et al. 2005, "Pattern-oriented
modeling of agent-based complex systems", Science 310:987-991, on why only the others count as evidence).
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import itertools
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model.replicates import Job, run_many
from ..scenarios import load

FloatArray = npt.NDArray[np.float64]
SCENARIO: Final = "history-2014-2022"
#: replays in which demand is held at the year before the event: month of the event, the route it closed, the routes looked at
EVENTS: Final = {
    "eu-turkiye-2016": ("2016-03", "EMED", ("EMED", "WBALK", "CMED")),
    "italy-libya-2017": ("2017-07", "CMED", ("CMED", "WMED")),
    "morocco-2018": ("2019-02", "WMED", ("WMED", "WAFR")),
}
ROUTES: Final = ("CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND")
ENTRY: Final = ("CMED", "EMED", "WMED", "WAFR", "ELAND")
WEST_AFRICANS: Final = (
    "nigeria-central-africa", "senegal-gambia-mauritania", "mali-sahel", "gulf-of-guinea",
)  # fmt: skip
NEAR_EAST: Final = ("syria", "iraq", "afghanistan")


# ---------------------------------------------------------------------------------------------- statistics of a series


def logs(series: pd.Series) -> pd.Series:
    """Natural logarithm, of at least one detection."""
    return pd.Series(np.log(np.maximum(series.to_numpy(dtype=np.float64), 1.0)), index=series.index)


def month_factors(series: pd.Series) -> FloatArray:
    """Factor of each calendar month, shape (12,), with mean one.

    Ratio to moving average, robustly: the median over years of the log series less its centred twelve-month mean
    (months ordered January to December; at least two years are needed).
    """
    log = logs(series)
    ends = 0.5
    weight = np.array([ends, *np.ones(11), ends]) / 12.0
    trend = np.convolve(log.to_numpy(dtype=np.float64), weight, mode="valid")
    inner = log.iloc[6:-6]
    by_month = (inner - trend).groupby(inner.index.str[5:].astype(int)).median()
    factors = np.exp(by_month.reindex(range(1, 13)).to_numpy(dtype=np.float64))
    return np.asarray(factors / factors.mean())


def seasonal_amplitude(series: pd.Series) -> float:
    """Largest over smallest month factor."""
    factors = month_factors(series)
    return float(factors.max() / factors.min())


def deseasonalised(series: pd.Series) -> FloatArray:
    """Log series less its month factors, around zero."""
    log = logs(series).to_numpy(dtype=np.float64)
    month = series.index.str[5:].astype(int).to_numpy()
    left = log - np.log(month_factors(series))[month - 1]
    return np.asarray(left - left.mean())


def correlation(a: FloatArray, b: FloatArray, lag: int = 0) -> float:
    """Pearson correlation of a(t) with b(t + lag); 0 where one of them does not vary."""
    first, second = (a[: len(a) - lag], b[lag:]) if lag >= 0 else (a[-lag:], b[:lag])
    if len(first) < 3 or first.std() == 0.0 or second.std() == 0.0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def persistence(series: pd.Series) -> float:
    """Lag-1 autocorrelation of the deseasonalised log series."""
    x = deseasonalised(series)
    return correlation(x, x, 1)


def excess_kurtosis(values: FloatArray) -> float:
    """Fourth standardised moment less 3: 0 for a normal distribution."""
    spread = values - values.mean()
    variance = float((spread**2).mean())
    return float((spread**4).mean() / variance**2 - 3.0) if variance > 0.0 else 0.0


def gini(values: FloatArray) -> float:
    """Gini coefficient: 0 when all are equal, 1 - 1/n when one has everything."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n, total = len(ordered), float(ordered.sum())
    if total <= 0.0:
        return 0.0
    return float(((2.0 * np.arange(1, n + 1) - n - 1.0) * ordered).sum() / (n * total))


def effective_number(values: FloatArray) -> float:
    """Inverse Simpson index: how many equal parts would be as concentrated."""
    shares = np.asarray(values, dtype=np.float64) / np.sum(values)
    return float(1.0 / (shares**2).sum())


def turnover(before: FloatArray, after: FloatArray) -> float:
    """Total variation between two years' shares: the part of the flow that changed places, 0 to 1."""
    return float(0.5 * np.abs(after / after.sum() - before / before.sum()).sum())


def window(table: pd.DataFrame, month: str, first: int, last: int) -> pd.DataFrame:
    """Rows from `first` to `last` months after `month` (0 is the month itself), as far as they exist."""
    begin = pd.Period(month, "M")
    wanted = [str(begin + k) for k in range(first, last + 1)]
    return table[table.index.isin(wanted)]


def before_after(series: pd.DataFrame, month: str, *, first: int = 1, last: int = 12) -> pd.Series:
    """Mean of months `first` to `last` after over the mean of the twelve before, by column."""
    return window(series, month, first, last).mean() / window(series, month, -12, -1).mean()


def same_months(table: pd.DataFrame, event: str) -> tuple[pd.Series, pd.Series]:
    """Sums over the months after an event and over the same months a year before it, as far as both are there."""
    after = [m for m in table.index if m > event and _year_before(m) < event and _year_before(m) in table.index]
    return table.loc[after].sum(), table.loc[[_year_before(m) for m in after]].sum()


def _year_before(month: str) -> str:
    return f"{int(month[:4]) - 1}{month[4:]}"


def displaced_share(by_route: pd.DataFrame, month: str, route: str) -> float:
    """Part of the flow lost on a route in twelve months that other routes gained (0 when nothing is lost)."""
    change = window(by_route, month, 1, 12).sum() - window(by_route, month, -12, -1).sum()
    lost = -float(change[route])
    gained = float(np.maximum(change.drop(route), 0.0).sum())
    return gained / lost if lost > 0.0 else 0.0


def months_until_half(series: pd.Series, month: str) -> float:
    """Months after an event until a quarter's mean is below half of the twelve months before (36 when never)."""
    table = series.to_frame()
    level = float(window(table, month, -12, -1).mean().iloc[0])
    for k in range(36):
        if float(window(table, month, k, k + 2).mean().iloc[0]) < 0.5 * level:
            return float(k)
    return 36.0


# ---------------------------------------------------------------------------------------------- a run's statistics


class Months:
    """Monthly outcomes of one run, or of the published series, as tables by month."""

    def __init__(self, outcomes: pd.DataFrame) -> None:
        self._rows = outcomes
        self.months = sorted(outcomes["month"].unique())

    def of(
        self, outcome: str, by: str = "route", only: Mapping[str, Sequence[str]] | None = None
    ) -> pd.DataFrame:
        """An outcome by month and a dimension; months without rows count zero."""
        rows = self._rows[self._rows["outcome"] == outcome]
        for column, names in (only or {}).items():
            rows = rows[rows[column].isin(list(names))]
        table = rows.pivot_table(index="month", columns=by, values="value", aggfunc="sum", observed=True)
        return table.reindex(self.months).fillna(0.0)

    def routes(self, outcome: str, origin_group: Sequence[str] | None = None) -> pd.DataFrame:
        """An outcome by month and the six published routes, of all or some origin groups."""
        table = self.of(outcome, only=None if origin_group is None else {"origin_group": origin_group})
        return table.reindex(columns=list(ROUTES)).fillna(0.0)


def yearly(table: pd.DataFrame) -> pd.DataFrame:
    """Sums of whole years."""
    year = pd.Series(table.index.str[:4], index=table.index)
    whole = table[year.groupby(year).transform("size").to_numpy() == 12]
    return pd.DataFrame(whole.groupby(whole.index.str[:4]).sum())


def detections_statistics(m: Months) -> dict[str, float]:
    """What can be said from detections by month, route and origin group alone (P1 to P8, P14)."""
    seen = m.routes("detections")
    every = seen.assign(all=seen.sum(axis=1))
    out: dict[str, float] = {}
    for route in every.columns:
        series = every[route]
        recent = series[series.index >= "2018"] if route == "WAFR" else series
        change = np.diff(logs(series).to_numpy(dtype=np.float64))
        out[f"P1.amplitude.{route}"] = seasonal_amplitude(recent)
        out[f"P1.persistence.{route}"] = persistence(series)
        out[f"P1.sd_change.{route}"] = float(change.std())
        out[f"P2.kurtosis.{route}"] = excess_kurtosis(change)
        out[f"P3.range.{route}"] = float(series.max() / max(series.median(), 1.0))
    years = yearly(seen)
    annual = np.diff(np.log(np.maximum(years.to_numpy(dtype=np.float64), 1.0)), axis=0)
    out["P3.sd_annual"] = float(annual.std(axis=0).mean())
    values = years.to_numpy(dtype=np.float64)
    leaders = values.argmax(axis=1)
    out["P4.gini"] = float(np.mean([gini(v) for v in values]))
    out["P4.effective"] = float(np.mean([effective_number(v) for v in values]))
    out["P4.leader_changes"] = float(np.mean(leaders[1:] != leaders[:-1]))
    out["P4.turnover"] = float(np.mean([turnover(a, b) for a, b in itertools.pairwise(values)]))
    plain = {route: deseasonalised(seen[route]) for route in ROUTES}
    out["P5.EMED_WBALK"] = correlation(plain["EMED"], plain["WBALK"])
    out["P5.CMED_WMED"] = correlation(plain["CMED"], plain["WMED"])
    out["P5.WMED_WAFR_5"] = correlation(plain["WMED"], plain["WAFR"], 5)
    out |= _origins(m) | _events(m, seen)
    return out


def _origins(m: Months) -> dict[str, float]:
    """P6: on how few routes an origin group travels, and how that of West and Central Africans moved."""
    entry = [r for r in ENTRY if r != "ELAND"] + ["ELAND"]
    rows: list[float] = []
    weights: list[float] = []
    for group in m.of("detections", by="origin_group").columns:
        years = yearly(m.routes("detections", origin_group=[str(group)])[entry])
        total = years.sum(axis=1)
        used = total > 0.0
        rows += list((years.max(axis=1)[used] / total[used]).to_numpy(dtype=np.float64))
        weights += list(total[used].to_numpy(dtype=np.float64))
    west = yearly(m.routes("detections", origin_group=WEST_AFRICANS)[entry])
    share = west.div(np.maximum(west.sum(axis=1), 1.0), axis=0)
    out = {"P6.main_route": float(np.average(rows, weights=weights)) if rows else 0.0}
    for year, route in (("2016", "CMED"), ("2018", "WMED"), ("2020", "WAFR")):
        out[f"P6.west_africa.{year}.{route}"] = float(share[route].get(year, 0.0))
    return out


def _events(m: Months, seen: pd.DataFrame) -> dict[str, float]:
    """P7, P8 and P14: what followed March 2016, July 2017 and February 2019."""
    east = m.routes("detections", origin_group=NEAR_EAST)[list(ENTRY)]
    west = m.routes("detections", origin_group=WEST_AFRICANS)[list(ENTRY)]
    out = {
        "P7.near_east.2016-03": displaced_share(east, "2016-03", "EMED"),
        "P7.west_africa.2017-07": displaced_share(west, "2017-07", "CMED"),
    }
    for month, route in (("2016-03", "EMED"), ("2016-03", "WBALK"), ("2017-07", "CMED"), ("2019-02", "WMED")):
        out[f"P8.after_12.{month}.{route}"] = float(before_after(seen, month)[route])
        out[f"P8.collapse.{month}.{route}"] = float(before_after(seen, month, last=3)[route])
        out[f"P8.later.{month}.{route}"] = float(before_after(seen, month, first=13, last=24)[route])
        out[f"P14.months.{month}.{route}"] = months_until_half(seen[route], month)
    return out


def share_of_largest(sizes: FloatArray, share: float) -> float:
    """Part of the sum that the largest `share` of incidents holds (at least one incident)."""
    ordered = np.sort(np.asarray(sizes, dtype=np.float64))[::-1]
    total = float(ordered.sum())
    return float(ordered[: max(1, round(share * len(ordered)))].sum()) / total if total > 0.0 else 0.0


def run_statistics(outcomes: pd.DataFrame, incidents: pd.DataFrame | None = None) -> dict[str, float]:
    """Every statistic of one run.

    Parameters
    ----------
    outcomes : DataFrame
        Columns month, outcome, route, origin_group, member_state and value (`RunOutput.outcomes`).
    incidents : DataFrame, optional
        Columns route and deaths, one row a fatal incident at sea (`RunOutput.incidents`).

    Returns
    -------
    dict
        By name, such as ``P1.amplitude.CMED``.
    """
    m = Months(outcomes)
    out = detections_statistics(m)
    tried, stopped = yearly(m.routes("attempts")), yearly(m.routes("interceptions"))
    died, crossed = yearly(m.routes("deaths")), yearly(m.routes("irregular_crossings"))
    for route, below in (("CMED", tried), ("EMED", tried), ("WMED", crossed), ("WAFR", crossed)):
        years = below[route] > 0.0
        out[f"P9.deaths.{route}"] = 1000.0 * float((died[route][years] / below[route][years]).median())
    volume = np.maximum(tried["CMED"].to_numpy(dtype=np.float64), 1.0)
    risk = died["CMED"].to_numpy(dtype=np.float64) / volume
    out["P9.risk_volume.CMED"] = correlation(risk, np.log(volume))
    if incidents is not None:
        sizes = incidents.loc[incidents["route"] == "CMED", "deaths"].to_numpy(dtype=np.float64)
        out["P10.top5.CMED"] = share_of_largest(sizes, 0.05)
    share = pd.DataFrame(stopped / np.maximum(tried, 1.0))
    known = (("2016", "CMED"), ("2017", "CMED"), ("2019", "CMED"), ("2015", "EMED"), ("2021", "EMED"))
    for year, route in known:
        out[f"P11.stopped.{year}.{route}"] = float(share[route].get(year, 0.0))
    revenue, paid = m.routes("smuggler_revenue_eur"), m.routes("paid_legs")
    for month, route in (("2016-03", "EMED"), ("2017-07", "CMED"), ("2019-02", "WMED")):
        fee = before_after(revenue, month)[route] / before_after(paid, month)[route]
        out[f"P12.fee.{month}.{route}"] = float(fee)
    out["P12.spread.EMED"] = _fee_spread(m)
    out |= _destinations(m)
    facilitated = yearly(m.of("arrests", by="member_state")).sum(axis=1)
    out["P15.arrests_per_100"] = 100.0 * float(facilitated.get("2017", 0.0)) / max(float(crossed.sum(axis=1)["2017"]), 1.0)
    return out


def _fee_spread(m: Months) -> float:
    """Largest over smallest mean fee of an origin group on the routes of the Eastern Mediterranean."""
    revenue = m.of("smuggler_revenue_eur", by="origin_group", only={"route": ["EMED"]}).sum()
    legs = m.of("paid_legs", by="origin_group", only={"route": ["EMED"]}).sum().reindex(revenue.index).fillna(0.0)
    used = legs > legs.sum() / 1000.0  # groups seen there at all
    fee = revenue[used] / legs[used]
    return float(fee.max() / fee.min()) if len(fee) else 0.0


def _destinations(m: Months) -> dict[str, float]:
    load_by_state = yearly(m.of("asylum_load", by="member_state"))
    share = load_by_state.div(np.maximum(load_by_state.sum(axis=1), 1.0), axis=0)
    wanted = {"2015": ("DEU", "SWE", "AUT"), "2019": ("DEU", "FRA", "ESP", "GRC")}
    return {
        f"P13.{year}.{state}": 100.0 * float(share[state].get(year, 0.0)) if state in share else 0.0
        for year, states in wanted.items()
        for state in states
    }


def event_statistics(name: str, outcomes: pd.DataFrame) -> dict[str, float]:
    """What followed the event of a short replay, in which demand stays as it was before (P7, P8).

    Parameters
    ----------
    name : str
        One of `EVENTS`.
    outcomes : DataFrame
        As for `run_statistics`.
    """
    event, closed, routes = EVENTS[name]
    m = Months(outcomes)
    after, before = same_months(m.routes("detections"), event)
    found = {f"P8.held.{event}.{r}": float(after[r] / max(before[r], 1.0)) for r in routes}
    groups = {"eu-turkiye-2016": NEAR_EAST, "italy-libya-2017": WEST_AFRICANS}.get(name)
    if groups is not None:
        after, before = same_months(m.routes("detections", origin_group=groups)[list(ENTRY)], event)
        change = after - before
        lost, gained = -float(change[closed]), float(np.maximum(change.drop(closed), 0.0).sum())
        found[f"P7.held.{event}"] = gained / lost if lost > 0.0 else 0.0
    return found


# ---------------------------------------------------------------------------------------------- bands and table


def bands() -> pd.DataFrame:
    """The published bands: pattern, name, low, high, published, told, source (``experiments/data/patterns.csv``)."""
    text = (resources.files(__package__) / "data" / "patterns.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    frame = pd.DataFrame(rows)
    for column in ("low", "high", "published"):
        frame[column] = pd.to_numeric(frame[column])
    return frame


def compared(runs: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Each pattern's band beside the model's median and 5-95 % interval over runs, and whether the median is inside."""
    table = bands()
    values = pd.DataFrame(list(runs)).reindex(columns=list(table["name"]))
    table["median"] = values.median().to_numpy()
    table["p05"], table["p95"] = (values.quantile(q).to_numpy() for q in (0.05, 0.95))
    inside = (table["median"] >= table["low"]) & (table["median"] <= table["high"])
    table["verdict"] = np.where(inside, "in", "out")
    return table


def _statistics_of(job: Job) -> dict[str, float]:
    """Run a job and keep its statistics only."""
    from ..model import run_one

    output, name = run_one(job), job.scenario.name
    if name in EVENTS:
        return event_statistics(name, output.outcomes)
    return run_statistics(output.outcomes, output.incidents)


def measure(
    replicates: int | None = None, *, workers: int | None = None, progress: bool = True,
    persons_per_agent: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Run the replays and hold them against the bands.

    Parameters
    ----------
    replicates : int, optional
        Runs of each replay, by default as many as `history-2014-2022` says.
    workers : int, optional
    progress : bool
    persons_per_agent : float, optional
        People a row, by default those of `history-2014-2022`.

    Returns
    -------
    DataFrame
        See `compared`.
    """
    history = load(SCENARIO)
    if persons_per_agent is not None:
        history = history.model_copy(update={"model": history.model.model_copy(update={"persons_per_agent": persons_per_agent})})
    per_agent = {"persons_per_agent": history.model.persons_per_agent}
    short = [load(name) for name in EVENTS]
    whole = [history, *(s.model_copy(update={"model": s.model.model_copy(update=per_agent)}) for s in short)]
    number = range(replicates or history.replicates)
    found = run_many([Job(s, r) for s in whole for r in number], workers, progress, "Replaying history",
                     function=_statistics_of)  # fmt: skip
    together: dict[int, dict[str, float]] = {r: {} for r in number}
    for i, statistics in enumerate(found):
        together[i % len(number)] |= statistics
    return compared(list(together.values()))


def as_markdown(table: pd.DataFrame) -> str:
    """The table as it stands in docs/patterns.md."""

    def number(value: float) -> str:
        return "" if pd.isna(value) else "any" if np.isinf(value) else f"{value:.3g}"

    lines = ["| pattern | statistic | band | published | model (5-95 %) | told | verdict |",
             "| --- | --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in table.to_dict("records"):
        high = "or more" if np.isinf(row["high"]) else f"to {number(row['high'])}"
        model = f"{number(row['median'])} ({number(row['p05'])} to {number(row['p95'])})"
        lines.append(
            f"| {row['pattern']} | {row['name']} | {number(row['low'])} {high} | {number(row['published'])} | {model} | "
            f"{row['told']} | {row['verdict']} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: print the table, and write it as CSV with ``--out``."""
    parser = argparse.ArgumentParser(prog="python -m countersmuggling.experiments.patterns", description=__doc__)
    parser.add_argument("--replicates", type=int, help="runs of the replay (default: the scenario's)")
    parser.add_argument("--persons-per-agent", type=float, help="people a row (default: the scenario's)")
    parser.add_argument("--workers", type=int, help="processes (default: one a core)")
    parser.add_argument("--out", type=Path, help="folder for patterns.csv")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    given = parser.parse_args(arguments)
    if min(given.replicates or 1, given.workers or 1, given.persons_per_agent or 1.0) < 1:
        parser.error("--replicates, --workers and --persons-per-agent have to be at least 1")
    table = measure(
        replicates=given.replicates, workers=given.workers, progress=not given.quiet, persons_per_agent=given.persons_per_agent
    )
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(given.out / "patterns.csv", index=False)
    emergent = table[table["told"] == "emergent"]
    print(as_markdown(table))
    print(
        f"\n{(table['verdict'] == 'in').sum()} of {len(table)} in their bands, "
        f"{(emergent['verdict'] == 'in').sum()} of {len(emergent)} of those that are not told "
        f"({dt.date.today().isoformat()})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
