"""Options by the criteria of an impact assessment: effectiveness, efficiency, coherence, rights, distribution.

The criteria are those of the Commission's Better Regulation guidelines (SWD(2021) 305) for comparing options, with effects on
rights and the distribution over Member States told apart.  Everything is paired by replicate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..model.pairing import CONFIDENCE, interval
from ..scenarios import OUTCOMES
from . import summarising, texts, wording
from .texts import t

if TYPE_CHECKING:
    from .results import Results, Run

#: outcomes under each criterion, in the order in which they are told
CRITERIA: dict[str, tuple[str, ...]] = {
    "effectiveness": ("smuggler_profit_eur", "active_networks", "networks_dismantled"),
    "efficiency": ("cost_eur", "points", "cost_per_death"),
    "coherence": ("case_backlog", "routes"),
    "rights": ("deaths", "risk", "travellers_in_debt", "travellers_held", "legal_pathway_admissions"),
    "distribution": ("states_asylum", "states_backlog", "states_cost"),
}
#: with more columns than this, changes are told as shares alone
ROOMY = 3
#: columns that a printed page holds
MOST = 6
#: names told in one cell
NAMED = 3


@dataclass(frozen=True)
class Cell:
    """What stands in one cell: a figure, its share, its interval, and what it says in a word with a sign.

    ``kind`` (better, worse, unclear or empty) is what colour and weight follow; the word in ``tag`` says the same.
    """

    text: str
    share: str = ""
    interval: str = ""
    tag: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """One outcome under a criterion: its title and unit, the level compared with, and a cell for every run."""

    key: str
    title: str
    unit: str
    level: Cell
    cells: list[Cell] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------- cells


def tag_of(outcome: str, verdict: str) -> tuple[str, str]:
    """Word with its sign, and kind, for a verdict on an outcome: public cost is told higher or lower, movements too."""
    if verdict in ("unchanged", "one replicate", "no clear difference"):
        key = {"no clear difference": "unclear", "one replicate": "one_replicate"}.get(verdict, verdict)
        return t(f"verdict.{key}_sign"), "unclear"
    word = "" if outcome == "cost_eur" else wording.good({"outcome": outcome, "verdict": verdict})
    return (t(f"verdict.{word}_sign"), word) if word else (t(f"verdict.{verdict}_sign"), "")


def change_cell(row: Mapping[str, Any], outcome: str, divisor: float = 1.0, compact: bool = False, unit: str = "") -> Cell:
    """A paired difference in a cell.

    Parameters
    ----------
    row : mapping
        against_mean, difference, low, high, verdict.
    outcome : str
    divisor : float
        Of the column's scale.
    compact : bool
        Tell it as a share of what it is compared with, where there is something.
    unit : str
        Put behind the figures.
    """
    mean, low, high = (float(row[k]) for k in ("difference", "low", "high"))
    base = abs(float(row["against_mean"]))
    tag, kind = tag_of(outcome, str(row["verdict"]))
    if row["verdict"] == "unchanged":
        return Cell("0", tag=tag, kind=kind)
    if compact and base > 0:
        ends = [wording.percent(v / base) for v in (low, high)]
        bounds = "" if math.isnan(low) or ends[0] == ends[1] else t("wording.span", low=ends[0], high=ends[1])
        return Cell(wording.percent(mean / base), "", bounds, tag, kind)
    mean, low, high = mean / divisor, low / divisor, high / divisor
    largest = max((abs(v) for v in (mean, low, high) if math.isfinite(v)), default=0.0)
    share = f"({wording.percent(mean * divisor / base)})" if base else ""
    ends = [wording.number(v, largest, True) for v in (low, high)]
    bounds = "" if math.isnan(low) or ends[0] == ends[1] else t("wording.span", low=ends[0], high=ends[1])
    figure = wording.number(mean, largest, True)
    return Cell(f"{figure} {unit}".strip(), share, bounds, tag, kind)


def level_cell(row: Mapping[str, Any], divisor: float, replicates: int) -> Cell:
    """A mean with the 5th to 95th percentile of the replicates."""
    mean, low, high = (float(row[k]) / divisor for k in ("mean", "p05", "p95"))
    largest = max((abs(v) for v in (mean, low, high) if math.isfinite(v)), default=0.0)
    spread = ""
    if replicates > 1 and low != high:
        spread = t("wording.span", low=wording.number(low, largest), high=wording.number(high, largest))
    return Cell(wording.number(mean, largest), interval=spread)


# ---------------------------------------------------------------------------------------------- figures


def risk(values: pd.DataFrame) -> pd.Series:
    """Deaths per 1,000 departures, by run and replicate."""
    departures = values["departures"] if "departures" in values else 0.0 * values["deaths"]
    return 1000.0 * values["deaths"] / departures.where(departures > 0)


def paired_series(series: pd.Series, run: str, against: str) -> dict[str, Any]:
    """Paired difference of one figure by run and replicate: against_mean, run_mean, difference, low, high, verdict."""
    ours, theirs = series.xs(run, level="run"), series.xs(against, level="run")
    change = (ours - theirs).dropna()
    mean, low, high = interval(change.tolist() or [math.nan])
    return {
        "against_mean": float(theirs.mean()), "run_mean": float(ours.mean()), "difference": mean, "low": low, "high": high,
        "verdict": summarising.verdict(mean, low, high) if math.isfinite(mean) else "unchanged",
    }  # fmt: skip


def points(found: Results, run: Run, against: Run, weights: Mapping[str, float]) -> dict[str, Any]:
    """Paired difference of the weighted sum of outcomes."""
    own = found.totals.reindex(columns=list(weights)).fillna(0.0)
    weighted = pd.Series(own.to_numpy(dtype=float) @ np.array(list(weights.values())), index=own.index)
    return paired_series(weighted, run.key, against.key)


def weights_of(run: Run) -> dict[str, float]:
    """Weights that a scenario sets on outcomes."""
    return {name: w.weight for name, w in run.scenario.outcomes.items() if w.weight}


def ratio_interval(above: Sequence[float], below: Sequence[float]) -> tuple[float, float, float]:
    """Ratio of two means over paired replicates, with its 95 % interval (Fieller 1954, J. Royal Stat. Soc. B 16:175-185).

    Returns
    -------
    ratio, low, high : float
        Ends are infinite where the mean below the line does not clearly differ from zero.
    """
    a, b = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    n = len(a)
    top, bottom = float(a.mean()), float(b.mean())
    if bottom == 0.0:
        return math.nan, -math.inf, math.inf
    ratio = top / bottom
    if n < 2:
        return ratio, math.nan, math.nan
    cov = np.cov(a, b) / n
    from scipy.special import stdtrit

    q = float(stdtrit(n - 1, (1.0 + CONFIDENCE) / 2)) ** 2
    square, middle, free = bottom**2 - q * cov[1, 1], top * bottom - q * cov[0, 1], top**2 - q * cov[0, 0]
    inner = middle**2 - square * free
    if square <= 0 or inner < 0:
        return ratio, -math.inf, math.inf
    return ratio, (middle - math.sqrt(inner)) / square, (middle + math.sqrt(inner)) / square


# ---------------------------------------------------------------------------------------------- the table


class Criteria:
    """The table of options by criteria.

    Parameters
    ----------
    found : Results
    runs : sequence of Run
        The columns; empty for the levels of the first run alone.
    """

    def __init__(self, found: Results, runs: Sequence[Run]) -> None:
        self.found, self.runs, self.first = found, list(runs), found.runs[0]
        self.compact = len(self.runs) > ROOMY
        self.levels = summarising.by_key(
            summarising.summarise(found.totals.loc[[self.first.key]]), "outcome"
        )
        self._compared = {
            r.key: summarising.by_key(found.difference(r.key, self.first.key), "outcome") for r in self.runs
        }
        self.weights = weights_of(self.first)

    def groups(self) -> list[dict[str, Any]]:
        """Rows under their criteria: dictionaries with key, title, asks and rows."""
        groups = []
        for key, names in CRITERIA.items():
            rows = [row for row in map(self.row, names) if row is not None]
            if rows:
                asks = t(f"criterion.{key}_asks")
                groups.append({"key": key, "title": t(f"criterion.{key}"), "asks": asks, "rows": rows})
        return groups

    def row(self, name: str) -> Row | None:
        """The row of an outcome, or of one of the figures made here; None where it says nothing."""
        if name in OUTCOMES:
            return self._outcome(name)
        made: Row | None = getattr(self, f"_{name}")()
        return made

    def _outcome(self, name: str) -> Row | None:
        if name not in self.levels:
            return None
        base = self.levels[name]
        changes = [self._compared[r.key][name] for r in self.runs if name in self._compared[r.key]]
        if name == "travellers_held" and not base["mean"] and not any(c["difference"] for c in changes):
            return None
        divisor, unit = wording.scale_of(OUTCOMES[name].unit, float(base["mean"]), *(float(c["difference"]) for c in changes))
        cells = [change_cell(c, name, divisor, self.compact) for c in changes]
        if self.compact:  # a share of nothing: money as an amount
            cells = [change_cell(c, name, divisor) if not float(c["against_mean"]) else cell
                     for c, cell in zip(changes, cells, strict=True)]  # fmt: skip
        when = t("outcomes.mean_over_months") if OUTCOMES[name].kind == "stock" else ""
        return Row(name, texts.outcome(name), f"{unit}{when}", level_cell(base, divisor, self.found.replicates), cells)

    def _risk(self) -> Row | None:
        series = risk(self.found.totals)
        own = series.xs(self.first.key, level="run").dropna()
        if own.empty:
            return None
        spread = {"mean": own.mean(), "p05": own.quantile(0.05), "p95": own.quantile(0.95)}
        cells = [change_cell(paired_series(series, r.key, self.first.key), "deaths", compact=self.compact) for r in self.runs]
        return Row("risk", t("criterion.risk"), "", level_cell(spread, 1.0, self.found.replicates), cells)

    def _points(self) -> Row | None:
        if not self.weights or not self.runs:
            return None
        cost = self.weights.get("cost_eur", 0.0)
        unit = t("criterion.points_unit", eur=wording.amount(1.0 / cost, "EUR")) if cost > 0 else t("criterion.points_plain")
        cells = []
        for run in self.runs:
            row = points(self.found, run, self.first, self.weights)
            cells.append(change_cell({**row, "against_mean": 0.0}, "deaths"))  # less is better, as of deaths
        return Row("points", t("criterion.points"), unit, Cell(t("page.nothing")), cells)

    def _cost_per_death(self) -> Row | None:
        if not self.runs:
            return None
        cells = []
        for run in self.runs:
            deaths, cost = (self._compared[run.key][n] for n in ("deaths", "cost_eur"))
            if deaths["verdict"] != "lower":
                cells.append(Cell(t("criterion.cost_per_death_none"), kind="unclear"))
                continue
            if cost["difference"] <= 0:
                cells.append(Cell(t("criterion.cost_per_death_free")))
                continue
            own, base = (self.found.totals.loc[[k]] for k in (run.key, self.first.key))
            money, lives = ((own[n].to_numpy(float) - base[n].to_numpy(float)).tolist() for n in ("cost_eur", "deaths"))
            ratio, low, high = ratio_interval(money, [-v for v in lives])
            divisor, _ = wording.scale_of("EUR", ratio)
            bounds = t("criterion.unbounded")
            if math.isfinite(low) and math.isfinite(high):
                largest = max(abs(low), abs(high)) / divisor
                bounds = t("wording.span", low=wording.number(low / divisor, largest), high=wording.number(high / divisor, largest))
            cells.append(Cell(wording.amount(ratio, "EUR"), interval=bounds))
        return Row("cost_per_death", t("criterion.cost_per_death"), "EUR", Cell(t("page.nothing")), cells)

    def _routes(self) -> Row | None:
        if not self.runs:
            return None
        cells = []
        for run in self.runs:
            table = self.found.by_place(run.key, self.first.key, "attempts", "route")
            told = []
            for verdict, key in (("lower", "routes_fewer"), ("higher", "routes_more")):
                rows = table[table["verdict"] == verdict]
                if len(rows):
                    names = [f"{texts.route(str(r['route']))} {_share(r)}" for r in rows.head(NAMED).to_dict("records")]
                    told.append(t(f"criterion.{key}", routes=", ".join(names)))
            if self.found.replicates < 2:
                told = [t("criterion.states_one")]
            cells.append(Cell("; ".join(told) or t("criterion.routes_none"), kind="" if told else "unclear"))
        return Row("routes", t("criterion.routes"), "", Cell(t("page.nothing")), cells)

    def _states_asylum(self) -> Row | None:
        return self._states("states_asylum", "asylum_load")

    def _states_backlog(self) -> Row | None:
        return self._states("states_backlog", "case_backlog")

    def _states(self, key: str, name: str) -> Row | None:
        if not self.runs:
            return None
        cells = []
        for run in self.runs:
            table = self.found.by_place(run.key, self.first.key, name, "member_state")
            told = []
            for verdict, word in (("higher", "states_more"), ("lower", "states_fewer")):
                rows = table[table["verdict"] == verdict]
                if len(rows):
                    # those where it matters most
                    rows = rows.loc[rows["difference"].abs().sort_values(ascending=False, kind="stable").index]
                    names = [str(c) for c in rows["member_state"].head(NAMED)] + (["…"] if len(rows) > NAMED else [])
                    told.append(t(f"criterion.{word}", number=len(rows), names=", ".join(names)))
            if self.found.replicates < 2:
                told = [t("criterion.states_one")]
            cells.append(Cell("; ".join(told) or t("criterion.states_none"), kind="" if told else "unclear"))
        return Row(key, t(f"criterion.{key}"), t("criterion.of_27"), Cell(t("page.nothing")), cells)

    def _states_cost(self) -> Row | None:
        if not self.runs:
            return None
        cells = []
        for run in self.runs:
            table = self.found.by_place(run.key, self.first.key, "cost_eur", "member_state")
            more = table[table["difference"] > 0].sort_values("difference", ascending=False, kind="stable")
            whole = float(more["difference"].sum())
            told = [t("criterion.states_cost_share", place=r["member_state"], share=wording.percent(r["difference"] / whole, False))
                    for r in more.head(NAMED).to_dict("records")] if whole > 0 else []  # fmt: skip
            cells.append(Cell(", ".join(told) or t("criterion.states_cost_none"), kind="" if told else "unclear"))
        return Row("states_cost", t("criterion.states_cost"), "", Cell(t("page.nothing")), cells)


def _share(row: Mapping[Any, Any]) -> str:
    base = float(row["against_mean"])
    return f"({wording.percent(float(row['difference']) / base)})" if base else ""
