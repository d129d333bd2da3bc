"""What changes against another run: relative changes with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...optimise.charts import COLOURS, GREY, LESS, MARKS, Chart, empty, styled
from .. import texts, wording
from ..texts import t
from .axes import fitting

if TYPE_CHECKING:
    from ..results import Results


@styled
def differences(
    results: Results,
    runs: Sequence[str] | None = None,
    against: str | None = None,
    outcomes: Sequence[str] = tuple(
        o for o in wording.TOLD if o not in ("cost_eur", "legal_pathway_admissions")
    ),
    width: float = 10.0,
) -> Chart:
    """Relative change of each outcome with the 95 % interval of the mean paired difference.

    Parameters
    ----------
    results : Results
    runs : sequence of str, optional
        Keys; by default all but the one compared with.
    against : str, optional
        Key; the first by default.
    outcomes : sequence of str
        Those whose level in the run compared with is zero are left out.
    width : float
        Inches.
    """
    other = against or results.runs[0].key
    keys = list(runs) if runs is not None else [r.key for r in results.runs if r.key != other]
    table = pd.concat([results.difference(key, other) for key in keys], ignore_index=True)
    table = table[table["outcome"].isin(list(outcomes)) & (table["against_mean"] != 0.0)]
    names = [o for o in outcomes if o in set(table["outcome"])]
    if not names:
        return empty(width, t("figure.no_relative"))
    lane = 0.75 / len(keys)
    chart = Chart(
        figsize=(width, 0.24 * len(names) * (1 + 0.42 * (len(keys) - 1)) + 1.1), layout="constrained"
    )
    axes = chart.subplots()
    axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    for number, key in enumerate(keys):
        part = table[table["run"] == key].set_index("outcome").reindex(names)
        level = part["against_mean"].abs().to_numpy(float)
        y = np.arange(len(names)) + (number - (len(keys) - 1) / 2) * lane
        middle = 100 * part["difference"].to_numpy(float) / level
        low, high = (100 * part[c].to_numpy(float) / level for c in ("low", "high"))
        colour = COLOURS[(number + 1) % len(COLOURS)]
        axes.hlines(y, low, high, color=colour, linewidth=1.6, zorder=2)
        clear = part["verdict"].isin(["lower", "higher"]).to_numpy()
        axes.scatter(middle, y, s=26, zorder=3, linewidth=1.3, edgecolor=colour, marker=MARKS[(number + 1) % len(MARKS)],
                     color=[colour if c else "white" for c in clear], label=fitting(results.names[key]))  # fmt: skip
    axes.set_yticks(range(len(names)), [texts.outcome(o) for o in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(t("figure.change_axis", against=fitting(results.names[other])))
    # an interval from two replicates must not squeeze everything else
    points = 100 * table["difference"] / table["against_mean"].abs()
    reach = 1.15 * max(float(points.abs().max()), 0.5)
    ends = np.nanmax(np.abs(100 * table[["low", "high"]].to_numpy(float) / table[["against_mean"]].abs().to_numpy()),
                     initial=reach)  # fmt: skip
    reach = min(max(reach, float(ends) * 1.05), 4 * reach)
    axes.set_xlim(-reach, reach)
    if len(keys) > 1:
        chart.legend(loc="outside lower left", ncols=min(3, len(keys)), fontsize=8)
    chart.table = table.reset_index(drop=True)
    told = "; ".join(
        f"{texts.outcome(r['outcome'])} {wording.percent(r['relative'])}"
        for r in chart.table.to_dict("records")
        if r["verdict"] in ("lower", "higher") and r["run"] == keys[0]
    )
    chart.alt = t("figure.differences_alt", run=results.names[keys[0]], told=told or t("figure.nothing_clear"))
    return chart


@styled
def relative_changes(rows: Sequence[tuple[str, Mapping[str, Any]]], against: str, name: str, width: float = 9.0) -> Chart:
    """Relative changes with their intervals, one line each, of whatever concerns one stakeholder.

    Parameters
    ----------
    rows : sequence of (title, paired difference)
        against_mean (not zero), difference, low, high, verdict.
    against, name : str
        What is compared with, and the stakeholder, in words.
    width : float
        Inches.
    """
    chart = Chart(figsize=(width, 0.25 * len(rows) + 0.6), layout="constrained")
    axes = chart.subplots()
    axes.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
    table = pd.DataFrame(
        [(title, *(100 * float(r[c]) / abs(float(r["against_mean"])) for c in ("difference", "low", "high")), r["verdict"]) for title, r in rows],
        columns=["what", "change_percent", "low", "high", "verdict"],
    )  # fmt: skip
    y = np.arange(len(table))
    clear = table["verdict"].isin(["lower", "higher"]).to_numpy()
    axes.hlines(y, table["low"], table["high"], color=LESS, linewidth=1.6, zorder=2)
    axes.scatter(table["change_percent"], y, s=26, zorder=3, linewidth=1.3, edgecolor=LESS, color=[LESS if c else "white" for c in clear])
    axes.set_yticks(y, table["what"].tolist())
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(t("figure.change_axis", against=fitting(against)))
    reach = 1.15 * max(float(table["change_percent"].abs().max()), 0.5)
    ends = float(np.nanmax(table[["low", "high"]].abs().to_numpy(), initial=reach))
    reach = min(max(reach, ends * 1.05), 4 * reach)
    axes.set_xlim(-reach, reach)
    chart.table = table
    told = ", ".join(f"{r['what']} {wording.percent(r['change_percent'] / 100)}" for r in table[clear].to_dict("records"))
    chart.alt = t("figure.seat_alt", name=name, told=told or t("figure.nothing_clear"))
    return chart
