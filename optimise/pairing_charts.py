"""Charts of the pairing: the waterbed matrix, and the regimes of adaptation."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from .charts import COLOURS, GREY, INK, LESS, MORE, Chart, empty, resource_title, styled
from .words import number

LETTERS = 9
"""Letters of a note that stand on an inch."""
CLEAR = 2.0
"""Effects beyond so many standard errors are drawn in full colour, and with their figure."""


def two_digits(value: float) -> str:
    """Two significant digits with their sign, written out: +3.2, -210."""
    return ("-" if value < 0 else "+") + number(float(f"{abs(value):.2g}"))


@styled
def waterbed(table: pd.DataFrame, outcome: str = "attempts", by: str = "front", resource: str | None = None, most: int = 16,
             width: float = 10.0) -> Chart:
    """Heat map of what one more unit does elsewhere.

    Parameters
    ----------
    table : DataFrame
        ``Waterbed.table``.
    outcome : str
    by : {"front", "member_state", "route"}
    resource : str, optional
        Only this type; by default all, those with the clearest effects first.
    most : int
        Rows (a type in a place) at most.
    width : float
        Inches.
    """
    from matplotlib.colors import LinearSegmentedColormap

    from ..scenarios import OUTCOMES

    rows = table[(table["outcome"] == outcome) & (table["by"] == by)]
    rows = rows[rows["resource"] == resource] if resource is not None else rows
    title = OUTCOMES[outcome].title if outcome in OUTCOMES else outcome
    if rows.empty:
        return empty(width, f"{title} is not told by {by.replace('_', ' ')}.")
    rows = rows.assign(z=np.where(rows["se"] > 0, rows["effect"].abs() / rows["se"].where(rows["se"] > 0, 1.0), 0.0),
                       cell=[f"{resource_title(r)}, {p}" + ("" if lv == "place" else "*")
                             for r, p, lv in zip(rows["resource"], rows["place"], rows["level"], strict=True)])
    chosen = rows.groupby("cell")["z"].max().sort_values(ascending=False, kind="stable").head(most).index
    order = [cell for cell in dict.fromkeys(rows["cell"]) if cell in set(chosen)]
    effect = rows.pivot_table(index="cell", columns="affected", values="effect", sort=False).loc[order]
    z = rows.pivot_table(index="cell", columns="affected", values="z", sort=False).loc[order]
    keep = [c for c in sorted(effect.columns) if z[c].max() > 0]
    if not keep:
        return empty(width, f"{title}: no effect can be told from nothing.")
    effect, z = effect[keep], z[keep]
    values, clear = effect.to_numpy(float), z.to_numpy(float) >= CLEAR
    size = max(float(np.abs(values[clear]).max()) if clear.any() else float(np.abs(values).max()), 1e-12)
    chart = Chart(figsize=(max(5.0, min(width, 2.8 + 0.5 * len(keep))), 0.32 * len(order) + 1.75), layout="constrained")
    axes = chart.subplots()
    colours = LinearSegmentedColormap.from_list("waterbed", [LESS, "white", MORE])
    shade = np.sign(values) * np.sqrt(np.minimum(np.abs(values) / size, 1.0))
    axes.imshow(np.where(clear, shade, 0.12 * shade), cmap=colours, vmin=-1, vmax=1, aspect="auto")
    for i, j in np.argwhere(clear):
        axes.text(j, i, two_digits(values[i, j]), ha="center", va="center", fontsize=6.5,
                  color="white" if abs(shade[i, j]) > 0.75 else INK)
    axes.set_xticks(range(len(keep)), keep, rotation=45, ha="left", rotation_mode="anchor", fontsize=7.5)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(order)), order, fontsize=7.5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    note = f"{title} for one more unit; figures where the effect exceeds {CLEAR:g} standard errors."
    if any(cell.endswith("*") for cell in order):
        note += " * measured for the group of places."
    inches = float(chart.get_size_inches()[0])
    axes.set_xlabel("\n".join(textwrap.wrap(note, int(inches * LETTERS))), fontsize=8, color=GREY)
    chart.table = rows[rows["cell"].isin(order)].drop(columns=["z", "cell"]).reset_index(drop=True)
    chart.alt = (f"Heat map: change of {title.lower()} at each {by.replace('_', ' ')} for one more unit of a resource in a place. "
                 f"{int(clear.sum())} of {clear.size} effects exceed {CLEAR:g} standard errors.")
    return chart


@styled
def regimes(table: pd.DataFrame, width: float = 9.0) -> Chart:
    """Loss of each way of planning over strengths of adaptation, a panel a world.

    Parameters
    ----------
    table : DataFrame
        Columns world, strength (text), method, ratio, low, high: loss over that of the best placement known.
    width : float
        Inches.
    """
    worlds = list(dict.fromkeys(table["world"]))
    chart = Chart(figsize=(width, 3.4), layout="constrained")
    grid = chart.subplots(1, len(worlds), squeeze=False)
    methods = list(dict.fromkeys(table["method"]))
    for axes, name in zip(grid.flat, worlds, strict=True):
        own = table[table["world"] == name]
        strengths = list(dict.fromkeys(own["strength"]))
        for n, method in enumerate(methods):
            line = own[own["method"] == method].set_index("strength").reindex(strengths)
            y = line["ratio"].to_numpy(float)
            colour = COLOURS[n % len(COLOURS)]
            axes.plot(range(len(strengths)), y, color=colour, marker="osD^vP"[n % 6], markersize=4.5, linewidth=1.4, label=method)
            low, high = line["low"].to_numpy(float), line["high"].to_numpy(float)
            known = np.isfinite(low) & np.isfinite(high)
            axes.vlines(np.arange(len(strengths))[known], low[known], high[known], color=colour, linewidth=0.9, alpha=0.7)
        axes.set_xticks(range(len(strengths)), strengths)
        axes.set_xlabel("strength of adaptation")
        axes.set_title(name)
        axes.axhline(1.0, color=GREY, linewidth=0.6)
        axes.grid(True, axis="y")
        axes.set_axisbelow(True)
    grid.flat[0].set_ylabel("loss over the best known")
    grid.flat[-1].legend(loc="best", fontsize=7.5)
    chart.table = table
    worst = table.iloc[int(table["ratio"].to_numpy().argmax())]
    chart.alt = (f"Loss of {', '.join(methods)} over strengths of adaptation. Worst: {worst['method']} with {worst['ratio']:.2f} times the best "
                 f"known at strength {worst['strength']} ({worst['world']}).")
    return chart


@styled
def placements(table: pd.DataFrame, width: float = 7.0) -> Chart:
    """Weighted harm of each placement against none, with its interval.

    Parameters
    ----------
    table : DataFrame
        ``Evaluation.weighted_harm``: columns placement, replicates, difference, low, high.
    width : float
        Inches.
    """
    if table.empty:
        return empty(width, "No placement was valued.")
    chart = Chart(figsize=(width, 0.34 * len(table) + 0.8), layout="constrained")
    axes = chart.subplots()
    y = np.arange(len(table))
    mean = table["difference"].to_numpy(float)
    axes.hlines(y, table["low"], table["high"], color=GREY, linewidth=1.2)
    axes.plot(mean, y, linestyle="none", marker="o", color=LESS, markersize=5)
    axes.axvline(0.0, color=GREY, linewidth=0.6)
    axes.set_yticks(y, [str(name).replace("_", " ") for name in table["placement"]])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel("weighted harm against no additional staff (points; less is better), 95 % interval")
    chart.table = table
    best = table.iloc[int(mean.argmin())]
    chart.alt = f"Weighted harm of {len(table)} placements against none. Least: {best['placement']} with {best['difference']:+,.0f} points."
    return chart
