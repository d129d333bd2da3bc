"""Backtests: what followed an event, foretold from what came before it, by the model and by simple rules.

Detections of the 6 and 12 months after an event over those of the same months a year before, by route. Rules see the
published series up to the month before and nothing of the event: *no change* keeps the mean of the last twelve months,
*seasonal naive* repeats the last year, *AR(1) with season* is fitted by least squares to the log series since 2009. The
model is told what the event is and how strong (the replay's file, which was written afterwards), holds demand at the year
before, and draws its parameters from runs of history that are near what was published *before* the event, or from the
registry's ranges where no such runs are at hand. *Without adaptation* is the same model in which networks, fees and beliefs stay as they were
(`model.adaptation: false`), so that a route's loss is felt on that route alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model.replicates import Job, run_many
from ..scenarios import Scenario, load
from ..scenarios.schema import FIRST_DAY
from .calibration_runs import Point, at_point
from .calibration_statistics import FLOOR, Condensed, condense, groups, published
from .observed import ENTRY, ROUTES, Observed
from .patterns import NEAR_EAST, WEST_AFRICANS

FloatArray = npt.NDArray[np.float64]
AFTER: Final = (6, 12)
NAIVE: Final = ("no change", "seasonal naive", "AR(1) with season")
MODELS: Final = ("model", "without adaptation")


@dataclass(frozen=True)
class Backtest:
    """An event with the routes that are looked at.

    Attributes
    ----------
    name : str
        Of the replay.
    month : str
        Of the event: months after it are foretold.
    closed : str
        Route that the event acts on.
    routes : tuple of str
    groups : tuple of str
        Origin groups whose displacement is looked at; none: not looked at.
    """

    name: str
    month: str
    closed: str
    routes: tuple[str, ...]
    groups: tuple[str, ...] = ()


BACKTESTS: Final = (
    Backtest("evros-2012", "2012-08", "EMED", ("EMED", "WBALK")),
    Backtest("eu-turkiye-2016", "2016-03", "EMED", ("EMED", "WBALK", "CMED"), NEAR_EAST),
    Backtest("italy-libya-2017", "2017-07", "CMED", ("CMED", "WMED"), WEST_AFRICANS),
    Backtest("morocco-2018", "2019-02", "WMED", ("WMED", "WAFR"), WEST_AFRICANS),
    Backtest("belarus-2021", "2021-06", "ELAND", ("ELAND", "EMED", "WBALK")),
)


def shifted(month: str, months: int) -> str:
    """A month some months later or, with a negative number, earlier."""
    return str(pd.Period(month, "M") + months)


# ---------------------------------------------------------------------------------------------- simple rules


def no_change(series: pd.Series, months: int) -> FloatArray:
    """The mean of the last twelve months."""
    return np.full(months, float(series.iloc[-12:].mean()))


def seasonal_naive(series: pd.Series, months: int) -> FloatArray:
    """The same months of the last year."""
    last = series.iloc[-12:].to_numpy(dtype=np.float64)
    return np.array([last[k % 12] for k in range(months)])


def autoregression(series: pd.Series, months: int) -> FloatArray:
    """AR(1) around month means on logs, by least squares: d(t) = b d(t-1) + e, d the log less its month's mean."""
    log = np.log(series.to_numpy(dtype=np.float64) + FLOOR)
    month = np.array([int(m[5:]) - 1 for m in series.index])
    mean = np.array([log[month == m].mean() if (month == m).any() else log.mean() for m in range(12)])
    left = log - mean[month]
    slope = float(left[1:] @ left[:-1]) / max(float(left[:-1] @ left[:-1]), 1e-12)
    ahead = np.arange(1, months + 1)
    coming = np.exp(mean[(month[-1] + ahead) % 12] + slope**ahead * left[-1]) - FLOOR
    return np.asarray(np.maximum(coming, 0.0), dtype=np.float64)


def naive_ratios(seen: Observed, test: Backtest) -> pd.DataFrame:
    """Ratios that the rules foretell: columns route, months, method, ratio."""
    rows = []
    for route in test.routes:
        whole = seen.detections[route]
        before = whole[whole.index < test.month]
        for method, rule in zip(NAIVE, (no_change, seasonal_naive, autoregression), strict=True):
            coming = rule(before, max(AFTER) + 1)[1:]  # the month of the event itself is not scored
            for k in AFTER:
                past = whole.reindex([shifted(test.month, m - 12) for m in range(1, k + 1)]).sum()
                rows.append((route, k, method, _ratio(float(coming[:k].sum()), float(past), k)))
    return pd.DataFrame(rows, columns=["route", "months", "method", "ratio"])


def _ratio(after: float, before: float, months: int) -> float:
    return (after + FLOOR * months) / (before + FLOOR * months)


# ---------------------------------------------------------------------------------------------- runs


def ratios(run: Condensed, test: Backtest) -> dict[tuple[str, int], float]:
    """Detections of the months after the event over the same months a year before, by route and number of months."""
    by_route = run.detections.sum(axis=2)
    found = {}
    for k in AFTER:
        after = [run.months.index(shifted(test.month, m)) for m in range(1, k + 1)]
        before = [run.months.index(shifted(test.month, m - 12)) for m in range(1, k + 1)]
        for route in test.routes:
            j = ROUTES.index(route)
            found[route, k] = _ratio(float(by_route[after, j].sum()), float(by_route[before, j].sum()), k)
    return found


def displaced(run: Condensed, test: Backtest) -> float:
    """Part of what the groups lost on the closed route in twelve months that other entry routes gained; NaN without loss."""
    chosen = [groups().index(g) for g in test.groups]
    table = run.detections[:, :, chosen].sum(axis=2)[:, [ROUTES.index(r) for r in ENTRY]]
    after = table[[run.months.index(shifted(test.month, m)) for m in range(1, 13)]].sum(axis=0)
    before = table[[run.months.index(shifted(test.month, m - 12)) for m in range(1, 13)]].sum(axis=0)
    change, closed = after - before, ENTRY.index(test.closed)
    gained = float(np.maximum(np.delete(change, closed), 0.0).sum())
    return gained / -float(change[closed]) if change[closed] < 0.0 else float("nan")


def replay(test: Backtest, persons_per_agent: float, *, adaptation: bool) -> Scenario:
    """The replay from thirteen months before its event to twelve after it."""
    content: dict[str, Any] = load(test.name).model_dump(by_alias=True)
    first, last = pd.Period(test.month, "M") - 12, pd.Period(test.month, "M") + 12
    content["horizon"] = content["horizon"] | {
        "start": max(date(first.year, first.month, 1), FIRST_DAY), "end": last.end_time.date(),
    }  # fmt: skip
    content["model"] = content["model"] | {"persons_per_agent": float(persons_per_agent), "adaptation": adaptation}
    content["uncertainties"] = content["uncertainties"] | {"draw": "ranges"}  # the posterior knows what came afterwards
    return Scenario.model_validate(content)


def condensed_run(job: Job) -> Condensed:
    """Run a job and keep what calibration and validation need."""
    from ..model import run_one

    return condense(run_one(job).outcomes)


def run_replays(
    points: Mapping[str, Sequence[Point]], *, persons_per_agent: float, workers: int | None = None, progress: bool = True
) -> dict[tuple[str, str], list[Condensed]]:
    """Runs by replay and kind of model; `points` holds each replay's parameters, one run a point."""
    jobs: list[Job] = []
    keys: list[tuple[str, str]] = []
    for test in BACKTESTS:
        for kind in MODELS:
            base = replay(test, persons_per_agent, adaptation=kind == "model") if test.name in points else None
            for number, point in enumerate(points.get(test.name, ())):
                assert base is not None
                jobs.append(Job(at_point(base, point), number, label=f"{test.name}, {kind}"))
                keys.append((test.name, kind))
    found: list[Condensed] = run_many(jobs, workers, progress, "Backtests", function=condensed_run)
    out: dict[tuple[str, str], list[Condensed]] = {}
    for key, run in zip(keys, found, strict=True):
        out.setdefault(key, []).append(run)
    return out


def score(seen: Observed, runs: Mapping[tuple[str, str], Sequence[Condensed]]) -> pd.DataFrame:
    """Foretold and published ratios.

    Returns
    -------
    DataFrame
        Columns event, route, months, method, ratio (median over runs), low, high (5-95 % over runs), published, error (absolute
        log of foretold over published), inside (of the runs' interval; empty for rules).
    """
    frames = []
    for test in BACKTESTS:
        months = [str(m) for m in pd.period_range(shifted(test.month, -12), shifted(test.month, 12), freq="M")]
        truth = ratios(published(seen, months), test)
        rows = [
            (test.name, r["route"], r["months"], r["method"], r["ratio"], np.nan, np.nan, truth[r["route"], r["months"]])
            for r in naive_ratios(seen, test).to_dict("records")
        ]
        for kind in MODELS:
            own = [ratios(run, test) for run in runs.get((test.name, kind), ())]
            for key in truth if own else ():
                low, middle, high = np.quantile([o[key] for o in own], [0.05, 0.5, 0.95])
                rows.append((test.name, key[0], key[1], kind, middle, low, high, truth[key]))
        frames.append(pd.DataFrame(rows, columns=["event", "route", "months", "method", "ratio", "low", "high", "published"]))
    table = pd.concat(frames, ignore_index=True)
    table["error"] = np.abs(np.log(table["ratio"] / table["published"]))
    inside = (table["published"] >= table["low"]) & (table["published"] <= table["high"])
    table["inside"] = np.where(table["low"].isna(), "", np.where(inside, "yes", "no"))
    return table


def displacement(seen: Observed, runs: Mapping[tuple[str, str], Sequence[Condensed]]) -> pd.DataFrame:
    """Where the displaced went: columns event, groups, method, share (median), low, high, published."""
    rows = []
    for test in BACKTESTS:
        if not test.groups:
            continue
        months = [str(m) for m in pd.period_range(shifted(test.month, -12), shifted(test.month, 12), freq="M")]
        truth = displaced(published(seen, months), test)
        for kind in MODELS:
            own = np.array([displaced(run, test) for run in runs.get((test.name, kind), ())])
            own = own[~np.isnan(own)]
            if len(own):
                low, middle, high = np.quantile(own, [0.05, 0.5, 0.95])
                rows.append((test.name, ", ".join(test.groups), kind, middle, low, high, truth))
    return pd.DataFrame(rows, columns=["event", "groups", "method", "share", "low", "high", "published"])


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute log error by method, over all events; columns method, 6, 12, events won."""
    mean = table.pivot_table(index="method", columns="months", values="error", aggfunc="mean")
    mean.columns = pd.Index([f"error_{m}_months" for m in mean.columns])
    by_event = table.groupby(["event", "method"])["error"].mean().unstack("method")
    best = by_event.idxmin(axis=1)
    mean["events_won"] = [int((best == method).sum()) for method in mean.index]
    return mean.reset_index().sort_values("error_12_months", ignore_index=True)
