"""Which option: runs between two outcomes, and how much worse than the best one each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...optimise.charts import GREY, INK, LESS, PALE, Chart, empty, styled
from ...scenarios import OUTCOMES
from .. import summarising, texts, wording
from ..texts import t
from .axes import as_matrix, fitting, plain

if TYPE_CHECKING:
    from ..results import Results


def not_bettered(first: Sequence[float], second: Sequence[float]) -> list[bool]:
    """Whether no other point is as low on both and lower on one (less is better)."""
    points = list(zip(first, second, strict=True))
    return [not any(o != p and o[0] <= p[0] and o[1] <= p[1] for o in points) for p in points]


@styled
def frontier(results: Results, first: str = "deaths", second: str = "cost_eur", width: float = 8.0) -> Chart:
    """Every run between two outcomes, as simulated, with 95 % intervals; those that no other betters on both are joined.

    Parameters
    ----------
    results : Results
    first, second : str
        Outcomes of which less is better; of others the negative is compared.
    width : float
        Inches.
    """
    base = results.runs[0].key
    if len(results.runs) < 2:
        return empty(width, t("figure.options_none"))
    rows = []
    for run in results.runs:
        row: dict[str, Any] = {"run": run.key}
        difference = summarising.by_key(results.difference(run.key, base), "outcome")
        for name in (first, second):
            for column in ("difference", "low", "high"):
                row[f"{name}_{column}"] = 0.0 if run.key == base else float(difference[name][column])
        rows.append(row)
    table = pd.DataFrame(rows)
    sign = {name: -1.0 if OUTCOMES[name].better == "higher" else 1.0 for name in (first, second)}
    table["best"] = not_bettered(
        (sign[first] * table[f"{first}_difference"]).tolist(), (sign[second] * table[f"{second}_difference"]).tolist()
    )
    scales = {n: wording.scale_of(OUTCOMES[n].unit, *table[f"{n}_difference"].tolist()) for n in (first, second)}
    chart = Chart(figsize=(width, 0.58 * width), layout="constrained")
    axes = chart.subplots()
    axes.axhline(0.0, color=PALE, linewidth=0.8, zorder=0)
    axes.axvline(0.0, color=PALE, linewidth=0.8, zorder=0)
    edge = table[table["best"]].sort_values(f"{second}_difference", kind="stable")

    def x_of(column: str, name: str = second) -> np.ndarray[Any, Any]:
        return np.asarray(table[f"{name}_{column}"].to_numpy(float) / scales[name][0])

    axes.plot(edge[f"{second}_difference"] / scales[second][0], edge[f"{first}_difference"] / scales[first][0], color=LESS,
              linewidth=1.2, zorder=1)  # fmt: skip
    x, y = x_of("difference"), x_of("difference", first)
    axes.hlines(y, x_of("low"), x_of("high"), color=GREY, linewidth=0.9, zorder=2)
    axes.vlines(x, x_of("low", first), x_of("high", first), color=GREY, linewidth=0.9, zorder=2)
    for best, colour, mark in ((True, LESS, "o"), (False, GREY, "s")):
        own = table["best"].to_numpy() == best
        if own.any():
            label = t("figure.best") if best else t("figure.other")
            axes.scatter(x[own], y[own], s=34, marker=mark, color=colour if best else "white", edgecolor=colour, zorder=3, label=label)
    for number, key in enumerate(table["run"]):
        axes.annotate(fitting(results.names[key]), (x[number], y[number]), xytext=(6, 6), textcoords="offset points", fontsize=8)
    axes.margins(x=0.18, y=0.12)
    axes.set_xlabel(t("figure.options_axis", what=texts.outcome(second), against=fitting(results.names[base]), unit=scales[second][1]))
    axes.set_ylabel(t("figure.options_axis", what=texts.outcome(first), against=fitting(results.names[base]), unit=scales[first][1]))
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)
    axes.legend(loc="best", fontsize=8)
    axes.grid(True)
    axes.set_axisbelow(True)
    chart.table = table
    named = wording.listed([results.names[k] for k in edge["run"]])
    chart.alt = t("figure.options_alt", first=wording.title(first), second=wording.title(second), runs=named)
    return chart


def regrets(results: Results) -> pd.DataFrame:
    """Regret of each run: columns run, mean, p95, largest (points), best (share of replicates in which it is best).

    In every replicate, the weighted sum of outcomes (weights of the first run's scenario) less that of the best run there.
    """
    weights = {n: w.weight for n, w in results.scenario.outcomes.items() if w.weight}
    columns = ["run", "mean", "p95", "largest", "best"]
    if len(results.runs) < 2 or not weights:
        return pd.DataFrame(columns=columns)
    own = results.totals.reindex(columns=list(weights)).fillna(0.0)
    points = pd.Series(own.to_numpy(dtype=float) @ np.array(list(weights.values())), index=own.index).unstack("run")
    regret = points.sub(points.min(axis=1), axis=0)
    rows = []
    for run in results.runs:
        values = regret[run.key].to_numpy(float)
        rows.append((run.key, values.mean(), np.quantile(values, 0.95), values.max(), float((values <= 1e-9).mean())))
    return pd.DataFrame(rows, columns=columns)


@styled
def regret_table(results: Results, width: float = 10.0) -> Chart:
    """Regret of each run as a shaded table (see `regrets`).

    Parameters
    ----------
    results : Results
    width : float
        Inches.
    """
    table = regrets(results)
    if table.empty:
        return empty(width, t("figure.regret_none"))
    figures = table[["mean", "p95", "largest"]].to_numpy(float)
    chart = Chart(figsize=(min(width, 8.5), 0.36 * len(table) + 0.95), layout="constrained")
    axes = chart.subplots()
    top = max(float(figures.max()), 1e-12)
    shade = np.column_stack([figures / top, np.zeros(len(table))])
    axes.imshow(np.where(shade > 0, 0.06 + 0.8 * shade, 0.0), cmap="Oranges", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(table.to_dict("records")):
        told = [wording.number(row[c], top) for c in ("mean", "p95", "largest")] + [wording.percent(row["best"], False)]
        for j, text in enumerate(told):
            axes.text(j, i, text, ha="center", va="center", fontsize=8.5, color="white" if shade[i, j] > 0.72 else INK)
    heads = [t(f"figure.regret_{k}") for k in ("mean", "p95", "max", "best")]
    axes.set_xticks(range(4), heads)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(table)), [fitting(results.names[k]) for k in table["run"]])
    as_matrix(axes, len(table), 4)
    axes.set_title(t("figure.regret_title"), fontsize=8.5, fontweight="normal", pad=10)
    chart.table = table
    told_ = " ".join(
        t("figure.regret_told", run=results.names[r["run"]], mean=wording.number(r["mean"]), max=wording.number(r["largest"]),
          share=wording.percent(r["best"], False)) for r in table.to_dict("records")
    )  # fmt: skip
    chart.alt = t("figure.regret_alt", told=told_)
    return chart
