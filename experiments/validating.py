"""How far the model can be believed: patterns, posterior predictive checks and backtests, as a folder with a report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import Scenario
from . import backtesting, patterns, predicting
from .calibrating import loaded, weighted_quantiles
from .calibration_runs import Point, RunStore
from .calibration_statistics import FLOOR, Condensed, Yardstick, irregular
from .folder import explaining, replace_file
from .observed import ROUTES, Observed
from .running import adapted

FloatArray = npt.NDArray[np.float64]
#: runs at the prior that are taken as near what came before an event, as a part of all
NEAR: Final = 0.2
FIRST_MONTH: Final = "2014-01"
#: of history before an event, for parameters to be held to it
LEAST_MONTHS: Final = 24


class NoCalibration(ValueError):
    """A folder that holds no calibration of this version; the message is for the user."""


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` has left in a folder.

    Attributes
    ----------
    draws, at_the_prior : DataFrame
        As in `calibrating.Posterior`.
    store : RunStore
    """

    draws: pd.DataFrame
    at_the_prior: pd.DataFrame
    store: RunStore

    @classmethod
    def of(cls, folder: Path, history: Scenario) -> Calibration:
        """Read a folder.

        Raises
        ------
        NoCalibration
            When the tables are missing or damaged, or their runs are of another version of the model or other settings.
        """
        try:
            draws = _exact(folder / "posterior.csv").drop(columns="draw")
            start = _exact(folder / "at_the_prior.csv")
        except (OSError, ValueError, KeyError) as error:
            raise NoCalibration(f"{folder}: no finished calibration: {error}") from error
        store = RunStore(folder / "runs", adapted(history, uncertainties={"draw": "ranges"}))
        found = cls(draws, start, store)
        missing = sum(not store.has(p) for p in found.points(start))
        if missing:
            raise NoCalibration(
                f"{folder}: {missing} of {len(start)} runs were made by another version of the model or with other "
                "--persons-per-agent; calibrate again"
            )
        return found

    @staticmethod
    def points(table: pd.DataFrame) -> list[Point]:
        """Parameters of the rows."""
        names = [c for c in table.columns if c not in ("weight", "distance")]
        return [{str(k): float(v) for k, v in row.items()} for row in table[names].to_dict("records")]

    def before(self, seen: Observed, month: str, count: int) -> list[Point]:
        """Parameters whose runs are nearest to what was published before a month, `count` of them at most.

        With less than two years of history before the month nothing is held: they come from the registry's ranges.
        """
        months = [m for m in seen.detections.index if FIRST_MONTH <= m < month]
        if len(months) < LEAST_MONTHS:
            return [{}] * count
        yard = Yardstick.of(seen, months)
        runs = loaded(self.at_the_prior, self.store)
        order = np.argsort([yard.distance(run.until(yard.months[-1])) for run in runs], kind="stable")
        near = max(1, min(count, round(NEAR * len(runs))))
        points = self.points(self.at_the_prior)
        return [points[int(i)] for i in order[:near]]


def _exact(path: Path) -> pd.DataFrame:
    """A table of numbers, each to the last bit: a run's name is made of its parameters."""
    return pd.read_csv(path, dtype=str).map(float)


# ---------------------------------------------------------------------------------------------- predictive checks


def predictive(runs: Sequence[Condensed], weight: FloatArray, seen: Observed) -> pd.DataFrame:
    """Bands of the ensemble by month and route.

    Returns
    -------
    DataFrame
        Columns month, route, p05, p50, p95 (of the runs), low, high (with the irregular part of the published series),
        published.
    """
    months = [m for m in runs[0].months if m in seen.detections.index]
    rows = []
    for j, route in enumerate(ROUTES):
        truth = seen.detections[route].reindex(months).to_numpy(dtype=np.float64)
        noise = 1.645 * irregular(np.log(truth + FLOOR))
        for month, published in zip(months, truth, strict=True):
            values = np.array([run.detections[run.months.index(month), j].sum() for run in runs])
            low, middle, high = weighted_quantiles(values, weight, (0.05, 0.5, 0.95))
            # irregular part and spread of the runs are independent: half-widths add in quadrature, in logs
            centre = np.log(middle + FLOOR)
            below, above = centre - np.log(low + FLOOR), np.log(high + FLOOR) - centre
            wide = np.exp(centre + np.array([-np.hypot(below, noise), np.hypot(above, noise)])) - FLOOR
            rows.append((month, route, low, middle, high, max(float(wide[0]), 0.0), float(wide[1]), published))
    return pd.DataFrame(rows, columns=["month", "route", "p05", "p50", "p95", "low", "high", "published"])


def predictive_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Share of months inside the bands, and mean absolute log error of the median, by route."""
    t = table.assign(
        inside_runs=(table["published"] >= table["p05"]) & (table["published"] <= table["p95"]),
        inside=(table["published"] >= table["low"]) & (table["published"] <= table["high"]),
        error=np.abs(np.log((table["p50"] + FLOOR) / (table["published"] + FLOOR))),
    )
    found = t.groupby("route")[["inside_runs", "inside", "error"]].mean().reindex(list(ROUTES)).reset_index()
    return found


# ---------------------------------------------------------------------------------------------- report


@dataclass
class Section:
    """A part of the report: a heading, paragraphs and a table."""

    title: str
    text: list[str] = field(default_factory=list)
    table: pd.DataFrame | None = None
    name: str = ""
    figure: str = ""


def sections(
    seen: Observed, history: Scenario, calibration: Calibration | None, *, draws: int, replicates: int | None,
    workers: int | None, progress: bool,
) -> tuple[list[Section], Any]:  # fmt: skip
    """Everything that the report holds, and the figure of the predictive checks (None without a calibration)."""
    found = [_about(calibration)]
    if replicates != 0:
        table = patterns.measure(replicates, workers=workers, progress=progress)
        own = table[table["told"] == "emergent"]
        found.append(Section(
            "Patterns", [
                (f"{(table['verdict'] == 'in').sum()} of {len(table)} statistics lie in their bands, {(own['verdict'] == 'in').sum()} of "
                f"{len(own)} of those that no input tells. Only the last speak for the mechanisms (docs/patterns.md).")],
            table[["pattern", "name", "low", "high", "published", "median", "p05", "p95", "told", "verdict"]], "patterns",
        ))  # fmt: skip
    figure = None
    if calibration is None:
        found.append(Section("Posterior predictive checks", ["Not made: no calibration was given (--calibration DIR)."]))
    else:
        bands = predictive(loaded(calibration.draws, calibration.store), calibration.draws["weight"].to_numpy(dtype=np.float64), seen)
        summary = predictive_summary(bands)
        figure = bands
        found.append(Section(
            "Posterior predictive checks", [
                ("Share of published months inside the 5-95 % band of the ensemble's runs (inside_runs; nine in ten would be right), inside the "
                "same band with the irregular part of the published series (inside), and mean absolute log error of the median. "
                "Where few months are inside, the model is wrong in a way that no parameters within their ranges mend.")],
            summary, "predictive", "predictive.png",
        ))  # fmt: skip
    found += _backtests(seen, history, calibration, draws, workers, progress)
    held = predicting.held(seen)
    found.append(Section(
        "Intervals of the prediction", [
            ("Share of published months inside the 5-95 % intervals of `validate --predict`, begun at the end of each year from 2012 to 2020; "
            "an origin's intervals come from the errors of the other origins.")],
        held, "intervals",
    ))  # fmt: skip
    return found, figure


def _about(calibration: Calibration | None) -> Section:
    text = [f"Made on {dt.date.today().isoformat()} from the published figures in experiments/data/observed.csv."]
    if calibration is None:
        text.append("Without a calibration: parameters are drawn from the registry's ranges.")
    else:
        text.append(f"Calibration: {len(calibration.draws)} draws, {len(calibration.at_the_prior)} runs at the prior.")
    return Section("What this is", text)


def _backtests(
    seen: Observed, history: Scenario, calibration: Calibration | None, draws: int, workers: int | None, progress: bool
) -> list[Section]:
    points: dict[str, Sequence[Point]] = {}
    for test in backtesting.BACKTESTS:
        points[test.name] = [{}] * draws if calibration is None else calibration.before(seen, test.month, draws)
    runs = backtesting.run_replays(
        points, persons_per_agent=history.model.persons_per_agent, workers=workers, progress=progress
    )
    scored = backtesting.score(seen, runs)
    ranked = backtesting.ranking(scored)
    return [
        Section("Backtests: which method is nearest", [
            ("Mean absolute log error of the foretold ratio of detections, 6 and 12 months after over the same months a year before, over "
            "the replays (0.69 is a factor of two), and in how many of them a method has the least error."),
            *lost(scored),
            ("The model is told the event and its strength by a file that was written afterwards; the rules are told nothing. It "
            "should therefore win, and where it does not, that weighs the more.")],
            ranked, "ranking"),
        Section("Backtests: ratios", [
            (f"Runs of history begin in {FIRST_MONTH[:4]}: for an event before that, and for one that few months precede, parameters "
            "are drawn from the registry's ranges.")],
            scored, "backtests"),
        Section("Where the displaced went", [
            "Part of what the groups lost on the closed route within twelve months that other entry routes gained."],
            backtesting.displacement(seen, runs), "displacement"),
    ]  # fmt: skip


def lost(scored: pd.DataFrame) -> list[str]:
    """Where the model does worse than the best simple rule, in words."""
    found = []
    table = scored[scored["method"] != "without adaptation"]
    for (event, route, months), part in table.groupby(["event", "route", "months"], sort=False):
        error = {str(m): float(e) for m, e in zip(part["method"], part["error"], strict=True)}
        if "model" not in error:
            continue
        rule = min((m for m in error if m != "model"), key=lambda m: error[m])
        if error[rule] < error["model"]:
            found.append(f"{event}, {route}, {months} months: {rule} ({error[rule]:.2f}) against the model ({error['model']:.2f})")
    total = len(table[table["method"] == "model"])
    if not total:
        return []
    if not found:
        return [f"The model is nearer than every rule in all {total} ratios."]
    return [f"The model loses to a simple rule in {len(found)} of {total} ratios: " + "; ".join(found) + "."]


def number(value: object) -> str:
    """A cell of a table."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else "any" if np.isinf(value) else f"{value:.3g}"
    return str(value)


def as_markdown(found: Sequence[Section]) -> str:
    """The report as Markdown."""
    lines = ["# How far the model can be believed", ""]
    for part in found:
        lines += [f"## {part.title}", "", *[line for text in part.text for line in (text, "")]]
        if part.figure:
            lines += [f"![{part.title}]({part.figure})", ""]
        if part.table is not None and len(part.table):
            names = [str(c) for c in part.table.columns]
            lines += ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
            lines += ["| " + " | ".join(number(v) for v in row) + " |" for row in part.table.itertuples(index=False)]
            lines.append("")
    return "\n".join(lines)


def as_html(found: Sequence[Section]) -> str:
    """The report as one page."""
    body = ["<h1>How far the model can be believed</h1>"]
    for part in found:
        body += [f"<h2>{escape(part.title)}</h2>", *[f"<p>{escape(text)}</p>" for text in part.text]]
        if part.figure:
            body.append(f'<p><img src="{escape(part.figure)}" alt="{escape(part.title)}" style="max-width:100%"></p>')
        if part.table is not None and len(part.table):
            head = "".join(f'<th scope="col">{escape(str(c))}</th>' for c in part.table.columns)
            rows = "".join(
                "<tr>" + "".join(f"<td>{escape(number(v))}</td>" for v in row) + "</tr>"
                for row in part.table.itertuples(index=False)
            )
            body.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>')
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
        "table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}td,th{border-bottom:1px solid #ddd;"
        "padding:.2rem .6rem;text-align:left}.wide{overflow-x:auto}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>How far the model can be believed</title><style>{style}</style></head><body>{''.join(body)}</body></html>\n"
    )


def figure_of(bands: pd.DataFrame) -> Any:
    """Published months against the ensemble's bands, a panel a route."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.5), layout="constrained")
    for axis, route in zip(figure.subplots(2, 3).ravel(), ROUTES, strict=True):
        part = bands[bands["route"] == route]
        x = np.arange(len(part))
        lowest = 0.5 * FLOOR
        axis.fill_between(x, np.maximum(part["low"], lowest), np.maximum(part["high"], lowest), color="#e3e7ee", label="5-95 % with noise")
        axis.fill_between(x, np.maximum(part["p05"], lowest), np.maximum(part["p95"], lowest), color="#9fb6e0", label="5-95 % of runs")
        axis.plot(x, np.maximum(part["p50"], lowest), color="#0b3c8c", linewidth=1, label="median of runs")
        axis.plot(x, np.maximum(part["published"], lowest), color="#b03a06", linewidth=1, label="published")
        axis.set_yscale("log")
        axis.set_title(f"{route}, detections a month", fontsize=9, loc="left")
        januaries = [i for i, m in enumerate(part["month"]) if str(m).endswith("-01")]
        axis.set_xticks(januaries[::2], [str(part["month"].iloc[i])[:4] for i in januaries[::2]], fontsize=8)
        axis.tick_params(labelsize=8)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def write(found: Sequence[Section], bands: pd.DataFrame | None, out: Path) -> list[Path]:
    """Write validation.md, validation.html, a CSV a table and the figure."""
    written = []
    with explaining(out):
        out.mkdir(parents=True, exist_ok=True)
        for part in found:
            if part.table is not None and part.name:
                written.append(out / f"{part.name}.csv")
                replace_file(written[-1], part.table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
        if bands is not None:
            figure_of(bands).savefig(out / "predictive.png", dpi=110)
            replace_file(out / "predictive_bands.csv", bands.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
        for name, text in (("validation.md", as_markdown(found)), ("validation.html", as_html(found))):
            written.append(out / name)
            replace_file(written[-1], text)
    return written
