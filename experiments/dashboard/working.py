"""Runs for the dashboard, and what is made of their results: figures in words, files to download."""

from __future__ import annotations

import io
import math
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from ...model.replicates import heard_by
from ...scenarios import OUTCOMES, Scenario
from .. import summarising, wording
from ..assumptions import changes
from ..comparing import compare
from ..results import Results, Run

#: outcomes at the top of the page: who is harmed, who profits, what it costs
FIRST_SEEN: Final = ("deaths", "travellers_in_debt", "smuggler_profit_eur", "networks_dismantled", "irregular_crossings", "cost_eur")


@dataclass(frozen=True)
class Detail:
    """How thoroughly a question is answered."""

    title: str
    persons_per_agent: float | None
    replicates: int | None
    told: str


DETAILS: Final = (
    Detail("Quick look", 1000.0, 2, "a simulated traveller stands for 1,000 people, two replicates: for trying things out"),
    Detail("Rough answer", 200.0, 4, "a simulated traveller stands for 200 people, four replicates: tells large effects from chance"),
    Detail("As the scenario says", None, None, "the scenario's own detail and replicates: for a decision"),
)


class Progress:
    """Turns what the runs tell into a share and a sentence with the time left.

    Parameters
    ----------
    show : callable
        Takes the share done (0 to 1) and a sentence.
    now : callable
        Seconds; another clock is for tests.
    """

    def __init__(self, show: Callable[[float, str], None], now: Callable[[], float] = time.monotonic) -> None:
        self._show, self._now = show, now
        self._what, self._since, self._from = "", 0.0, 0.0

    def __call__(self, what: str, done: float, total: int) -> None:
        if what != self._what:
            self._what, self._since, self._from = what, self._now(), done
        share = min(done / max(total, 1), 1.0)
        spent = self._now() - self._since
        gained = done - self._from
        left = f", about {duration(spent / gained * (total - done))} left" if gained > 0 and spent > 1 else ""
        self._show(share, f"{what}: {share:.0%}{left}")


def duration(seconds: float) -> str:
    """``3 min``, ``40 s``: rough, as an estimate is."""
    if seconds >= 5400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"


def answer(
    baseline: Scenario, option: Scenario, detail: Detail, plan: bool, show: Callable[[float, str], None],
    workers: int | None = None,
) -> Results:  # fmt: skip
    """Compare an option with a baseline, telling progress; errors are those of :func:`countersmuggling.compare`."""
    with heard_by(Progress(show)):
        return compare(
            baseline, option, plan=plan, replicates=detail.replicates, persons_per_agent=detail.persons_per_agent,
            workers=workers, progress=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One outcome at the top of the page."""

    title: str
    after: str
    change: str
    judged: str
    told: str


def first_figures(found: Results, run: str) -> list[Figure]:
    """The outcomes that are seen first, of a run against the first run."""
    table = summarising.by_key(found.difference(run, found.runs[0].key), "outcome")
    figures = []
    for name in FIRST_SEEN:
        if name not in table:
            continue
        row = table[name]
        unit, change = str(row["unit"]), float(row["difference"])
        clear = row["verdict"] in ("lower", "higher")
        if row["verdict"] == "unchanged":
            told = "unchanged"
        else:
            told = wording.amount(change, unit, True) + ("" if clear else " (not clear)")
        figures.append(
            Figure(OUTCOMES[name].title, wording.amount(float(row["run_mean"]), unit), told, wording.good(row), wording.finding(row))
        )
    return figures


def table_of_changes(found: Results, run: str) -> pd.DataFrame:
    """Before, after, change, interval and verdict of every outcome that is told, as texts."""
    table = summarising.by_key(found.difference(run, found.runs[0].key), "outcome")
    rows = []
    for name in wording.TOLD:
        if name not in table:
            continue
        row = table[name]
        unit = str(row["unit"])
        low, high = float(row["low"]), float(row["high"])
        rows.append({
            "outcome": OUTCOMES[name].title, "before": wording.amount(float(row["against_mean"]), unit),
            "after": wording.amount(float(row["run_mean"]), unit),
            "change": wording.amount(float(row["difference"]), unit, True),
            "95 % interval of the change": "" if math.isnan(low) or row["verdict"] == "unchanged" else wording.span(low, high, unit),
            "verdict": str(row["verdict"]), "for people": wording.good(row),
        })  # fmt: skip
    return pd.DataFrame(rows)


def what_differs(option: Scenario, baseline: Scenario) -> pd.DataFrame:
    """What an option assumes otherwise than the baseline: field, baseline, option."""
    return pd.DataFrame(changes(option, baseline), columns=["field", baseline.name, option.name])


def comes_later(found: Results) -> bool:
    """Whether all levers of the option begin only after the period that was simulated."""
    option = found.runs[1].scenario
    days = [lever.on for lever in option.levers.active().values()]
    return bool(days) and min(days) > option.horizon.end


def shown_runs(found: Results) -> dict[str, str]:
    """Keys of the runs that can be looked at beside the first, with their names."""
    return {run.key: found.names[run.key] for run in found.runs[1:]}


def run_named(found: Results, key: str) -> Run:
    """The run of a key."""
    return found.run(key)


def files(found: Results) -> tuple[bytes, bytes]:
    """The report (HTML) and the whole results folder (zip)."""
    with tempfile.TemporaryDirectory() as folder:
        target = found.write(Path(folder) / "results")
        report = (target / "report.html").read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(target.rglob("*")):
                if path.is_file():
                    archive.write(path, Path("results") / path.relative_to(target))
        return report, packed.getvalue()
