"""Charts and maps in one restrained style that colour-blind readers can use, each with the table behind it.

Every function gives a `Chart`: a Matplotlib figure with ``.table`` (what is drawn) and ``.alt`` (what it shows, in
words). Nothing here touches pyplot's global state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.dates
import matplotlib.patches
import numpy as np
import pandas as pd

from ..optimise import charts
from ..optimise.charts import (
    BORDER,
    COLOURS,
    DASHES,
    GREY,
    INK,
    LAND,
    LESS,
    MORE,
    PALE,
    SEA,
    Chart,
    empty,
    styled,
)
from ..scenarios import OUTCOMES
from . import outlines, summarising, wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .results import PlanRecord, Results

#: window of a closer map: west, south, east, north, degrees
MEDITERRANEAN = (-8.0, 31.0, 38.0, 52.0)

KEY_OUTCOMES = (
    "deaths",
    "travellers_in_debt",
    "irregular_crossings",
    "smuggler_profit_eur",
    "active_networks",
    "case_backlog",
)

# ---------------------------------------------------------------------------------------------- maps


def leg_flows(results: Results, run: str) -> pd.DataFrame:
    """Mean attempts a year on every leg: columns leg, per_year, deaths_per_year."""
    years = len(summarising.months(results.outcomes)) / 12
    rows = results.outcomes[results.outcomes["run"] == run]
    columns = {}
    for outcome, name in (("leg_attempts", "per_year"), ("leg_deaths", "deaths_per_year")):
        part = rows[(rows["outcome"] == outcome) & (rows["leg"] != "")]
        columns[name] = part.groupby(part["leg"].astype(str))["value"].sum() / (results.replicates * years)
    table = pd.DataFrame(columns).fillna(0.0).rename_axis("leg").reset_index()
    return table.sort_values(["per_year", "leg"], ascending=[False, True], ignore_index=True)


def leg_changes(results: Results, run: str, against: str) -> pd.DataFrame:
    """Paired change of attempts a year on every leg: columns leg, before, after, change, low, high, clear."""
    years = len(summarising.months(results.outcomes)) / 12
    table = summarising.paired_by(results.outcomes, run, against, "leg_attempts", "leg")
    for column in ("against_mean", "run_mean", "difference", "low", "high"):
        table[column] = table[column].astype(float) / years
    table = table.rename(columns={"against_mean": "before", "run_mean": "after", "difference": "change"})
    table["clear"] = table["verdict"].isin(["lower", "higher"])
    table = table.drop(columns="verdict")
    order = table["change"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _geometry(legs: Sequence[str]) -> tuple[dict[str, np.ndarray[Any, Any]], pd.DataFrame]:
    """A bowed line for every leg (so that both directions show), and the hubs with projected kilometres x, y."""
    from ..scenarios import world

    hubs = world().hubs.copy()
    hubs[["x", "y"]] = outlines.project(hubs["lon"].to_numpy(float), hubs["lat"].to_numpy(float))
    places = hubs.set_index("hub")[["x", "y"]]
    t = np.linspace(0.0, 1.0, 17)[:, None]
    lines = {}
    for leg in legs:
        start, _, end = leg.partition(">")
        if start not in places.index or end not in places.index:
            continue  # results of another version of the network: draw what is known
        a, b = places.loc[start].to_numpy(float), places.loc[end].to_numpy(float)
        bow = (a + b) / 2 + 0.12 * np.array([b[1] - a[1], a[0] - b[0]])
        lines[leg] = (1 - t) ** 2 * a + 2 * t * (1 - t) * bow + t**2 * b
    return lines, hubs


def _map(points: np.ndarray[Any, Any], width: float, caption: str) -> tuple[Chart, Axes]:
    """A map figure whose window holds `points` with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.045 * float((high - low).max())
    (west, south), (east, north) = low - margin, high + margin
    height = width * float(np.clip((north - south) / (east - west), 0.45, 0.8))
    chart = Chart(figsize=(width, height + 0.3))
    axes = chart.add_axes((0.0, 0.3 / (height + 0.3), 1.0, height / (height + 0.3)))
    outlines.draw(axes, LAND, BORDER)
    # the window fills the frame whatever its shape
    middle, span = (west + east) / 2, max(east - west, (north - south) * width / height)
    axes.set_xlim(middle - span / 2, middle + span / 2)
    axes.set_ylim(
        (south + north) / 2 - span * height / width / 2, (south + north) / 2 + span * height / width / 2
    )
    chart.patch.set_facecolor("white")
    axes.add_patch(
        matplotlib.patches.Rectangle(
            (0, 0), 1, 1, transform=axes.transAxes, facecolor=SEA, edgecolor="none", zorder=0
        )
    )
    chart.text(0.005, 0.012, f"{caption} {outlines.NOTE}", fontsize=6.8, color=GREY, va="bottom")
    return chart, axes


def _arrows(axes: Axes, line: np.ndarray[Any, Any], colour: str, width: float) -> None:
    """An arrow head two thirds along a line."""
    from matplotlib.patches import FancyArrowPatch

    axes.add_patch(
        FancyArrowPatch(
            tuple(line[10]), tuple(line[11]), arrowstyle="-|>", mutation_scale=4.5 + 1.7 * width, color=colour,
            linewidth=0, shrinkA=0, shrinkB=0, zorder=5,
        )
    )  # fmt: skip


def _label_hubs(axes: Axes, hubs: pd.DataFrame, importance: pd.Series, most: int) -> None:
    """Name the busiest hubs, as far as names do not collide."""
    from matplotlib import patheffects

    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    wide, high = (east - west) * 0.013, (east - west) * 0.016
    taken: list[tuple[float, float, float, float]] = []
    for hub in importance.sort_values(ascending=False, kind="stable").index:
        if len(taken) >= most:
            break
        found = hubs[hubs["hub"] == hub]
        if found.empty:
            continue
        x, y, name = float(found["x"].iloc[0]), float(found["y"].iloc[0]), str(found["name"].iloc[0])
        if not (west < x < east and south < y < north):
            continue
        name = re.split(r"\s*[(/,]", name)[0]
        for side in ("left", "right"):
            length = wide * 0.62 * len(name)
            x0 = x + wide * 0.6 if side == "left" else x - wide * 0.6 - length
            box = (x0, y - high / 2, x0 + length, y + high / 2)
            if (
                west < x0
                and x0 + length < east
                and all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in taken)
            ):
                taken.append(box)
                text = axes.text(
                    x + (wide * 0.6 if side == "left" else -wide * 0.6), y, name, fontsize=6.6, ha=side, va="center",
                    color=INK, zorder=7,
                )  # fmt: skip
                text.set_path_effects([patheffects.withStroke(linewidth=1.8, foreground="white", alpha=0.85)])
                break


def _ends(table: pd.DataFrame, column: str) -> pd.Series:
    """What passes through a hub: the larger of what enters and what leaves."""
    parts = table["leg"].str.partition(">")
    leaving = table.groupby(parts[0])[column].sum()
    entering = table.groupby(parts[2])[column].sum()
    both: pd.Series = pd.concat([leaving, entering], axis=1).fillna(0.0).max(axis=1)
    return both


def _rounded(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten at or below a value."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return max(m * power for m in (1.0, 2.0, 5.0) if m * power <= value * 1.0000001)


def _width_legend(
    axes: Axes, largest: float, thickness: Callable[[float], float], what: str, rows: list[Any], place: Any
) -> None:
    from matplotlib.lines import Line2D

    top = _rounded(largest)
    handles = rows + [
        Line2D([], [], color=GREY, linewidth=thickness(v), solid_capstyle="butt", label=wording.number(v))
        for v in (top, _rounded(top / 4), _rounded(top / 20))
    ]
    legend = axes.legend(
        handles=handles, title=what, loc=place, fontsize=7.2, title_fontsize=7.4, handlelength=2.4,
        facecolor="white", framealpha=0.88, frameon=True, edgecolor="none", borderpad=0.7,
    )  # fmt: skip
    legend.set_zorder(9)


@styled
def flows(
    results: Results,
    run: str | None = None,
    region: tuple[float, float, float, float] | None = None,
    width: float = 10.0,
) -> Chart:
    """Map of attempts a year on every leg, mean over replicates.

    Parameters
    ----------
    results : Results
    run : str, optional
        Key of the run; the first by default.
    region : (west, south, east, north), optional
        Degrees, such as :data:`MEDITERRANEAN`; by default all hubs in use.
    width : float
        Inches.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    key = run or results.runs[0].key
    table = leg_flows(results, key)
    lines, hubs = _geometry(list(table["leg"]))
    shown = table[table["leg"].isin(lines) & (table["per_year"] > 0)]
    if shown.empty:
        return empty(width, "No journeys on any leg in this run.")
    from ..scenarios import world

    external = set(world().legs.query("border == 'external'")["leg"])
    largest = float(shown["per_year"].max())

    def thickness(value: float) -> float:
        return 0.25 + 6.5 * math.sqrt(value / largest)

    drawn = shown[shown["per_year"] >= largest * 2e-4].iloc[::-1]
    chart, axes = _map(_window(hubs, drawn, region), width, "Lines: attempts a year, mean over replicates.")
    crossing = [leg in external for leg in drawn["leg"]]
    axes.add_collection(
        LineCollection(
            [lines[leg] for leg in drawn["leg"]],
            linewidths=[thickness(v) for v in drawn["per_year"]],
            colors=[LESS if c else "#7d8a99" for c in crossing],
            alpha=0.72,
            capstyle="round",
            zorder=3,
        )
    )
    for leg, value, c in zip(drawn["leg"], drawn["per_year"], crossing, strict=True):
        if value > largest * 0.02:
            _arrows(axes, lines[leg], LESS if c else "#5d6a79", thickness(value))
    used = hubs[hubs["hub"].isin(_ends(drawn, "per_year").index)]
    axes.scatter(used["x"], used["y"], s=5, color="white", edgecolor=INK, linewidth=0.5, zorder=6)
    _label_hubs(axes, hubs, _ends(drawn, "per_year"), 40)
    kinds = [
        Line2D([], [], color=LESS, linewidth=2.2, label="into the EU"),
        Line2D([], [], color="#7d8a99", linewidth=2.2, label="before and after"),
    ]
    _width_legend(
        axes, largest, thickness, "Attempts a year", kinds, "lower left" if region else "lower right"
    )
    chart.table = table
    busiest = ", ".join(
        f"{_leg_name(hubs, r['leg'])} {wording.number(r['per_year'])}"
        for r in table.head(3).to_dict("records")
    )
    chart.alt = f"Map of journeys in {results.names[key]}. Busiest legs, attempts a year: {busiest}."
    return chart


@styled
def change(
    results: Results,
    run: str | None = None,
    against: str | None = None,
    region: tuple[float, float, float, float] | None = None,
    width: float = 10.0,
) -> Chart:
    """Map of the change of attempts a year on every leg against another run.

    Parameters
    ----------
    results : Results
    run, against : str, optional
        Keys; by default the second run against the first.
    region : (west, south, east, north), optional
        Degrees, such as :data:`MEDITERRANEAN`; by default all hubs in use.
    width : float
        Inches.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    key = run or results.runs[min(1, len(results.runs) - 1)].key
    other = against or results.runs[0].key
    table = leg_changes(results, key, other)
    lines, hubs = _geometry(list(table["leg"]))
    shown = table[table["leg"].isin(lines)]
    largest = float(shown["change"].abs().max()) if len(shown) else 0.0
    if largest == 0.0:
        none = empty(width, "No leg's traffic differs between the two runs.")
        none.table = table
        return none

    def thickness(value: float) -> float:
        return 0.3 + 6.0 * math.sqrt(abs(value) / largest)

    busy = shown[shown[["before", "after"]].max(axis=1) >= shown["before"].max() * 2e-4]
    chart, axes = _map(
        _window(hubs, busy, region), width, "Pale: the 95 % interval of the change holds zero."
    )
    drawn = busy[busy["change"].abs() >= largest * 1e-3].iloc[::-1]
    still = busy[~busy["leg"].isin(drawn["leg"])]
    axes.add_collection(
        LineCollection([lines[x] for x in still["leg"]], linewidths=0.3, colors=PALE, zorder=2)
    )
    for clear, alpha in ((False, 0.22), (True, 0.85)):
        part = drawn[drawn["clear"] == clear]
        axes.add_collection(
            LineCollection(
                [lines[x] for x in part["leg"]],
                linewidths=[thickness(v) for v in part["change"]],
                colors=[MORE if v > 0 else LESS for v in part["change"]],
                linestyles="solid",
                alpha=alpha,
                capstyle="round",
                zorder=3 + clear,
            )
        )
        for leg, value in zip(part["leg"], part["change"], strict=True):
            if clear and abs(value) > largest * 0.03:
                _arrows(axes, lines[leg], MORE if value > 0 else LESS, thickness(value))
    _label_hubs(axes, hubs, _ends(drawn.assign(size=drawn["change"].abs()), "size"), 34)
    kinds = [
        Line2D([], [], color=LESS, linewidth=2.6, label="fewer"),
        Line2D([], [], color=MORE, linewidth=2.6, label="more"),
    ]
    _width_legend(
        axes, largest, thickness, "Change, attempts a year", kinds, "lower left" if region else "lower right"
    )
    chart.table = table
    clear_ones = table[table["clear"]].head(3)
    told = ", ".join(
        f"{_leg_name(hubs, r['leg'])} {wording.number(r['change'], sign=True)}"
        for r in clear_ones.to_dict("records")
    )
    chart.alt = f"Map of where traffic changes in {results.names[key]} against {results.names[other]}. " + (
        f"Largest clear changes, attempts a year: {told}." if told else "No leg changes clearly."
    )
    return chart


def _window(
    hubs: pd.DataFrame, table: pd.DataFrame, region: tuple[float, float, float, float] | None
) -> np.ndarray[Any, Any]:
    if region is not None:
        west, south, east, north = region
        return outlines.project(
            [west, (west + east) / 2, east, west, east], [south, south, south, north, north]
        )
    parts = table["leg"].str.partition(">")
    used = hubs[hubs["hub"].isin(set(parts[0]) | set(parts[2]))]
    points: np.ndarray[Any, Any] = used[["x", "y"]].to_numpy(float)
    return points


def _leg_name(hubs: pd.DataFrame, leg: object) -> str:
    names = dict(zip(hubs["hub"], hubs["name"], strict=True))
    start, _, end = str(leg).partition(">")
    return f"{names.get(start, start)} to {names.get(end, end)}"


# ---------------------------------------------------------------------------------------------- charts


@styled
def time_series(
    results: Results,
    outcomes: str | Sequence[str] = KEY_OUTCOMES,
    runs: Sequence[str] | None = None,
    width: float = 10.0,
) -> Chart:
    """Monthly figures: means as lines, 5th to 95th percentile of the replicates as bands.

    Parameters
    ----------
    results : Results
    outcomes : str or sequence of str
        One panel each.
    runs : sequence of str, optional
        Keys; all by default.
    width : float
        Inches.
    """
    names = [outcomes] if isinstance(outcomes, str) else list(outcomes)
    keys = list(runs) if runs is not None else [run.key for run in results.runs]
    columns = min(2, len(names))
    rows = math.ceil(len(names) / columns)
    chart = Chart(figsize=(width, 2.35 * rows + 0.45), layout="constrained")
    grid = chart.subplots(rows, columns, squeeze=False, sharex=True)
    tables = []
    for axes, name in zip(grid.flat, names, strict=False):
        values = summarising.monthly(results.outcomes, name)
        info = OUTCOMES[name]
        divisor, unit = wording.scale_of(info.unit, *np.asarray(values.mean(), dtype=float).tolist())
        for number, key in enumerate(keys):
            part = values.xs(key, level="run") / divisor
            dates = pd.PeriodIndex(part.columns, freq="M").to_timestamp().to_numpy()
            cells = part.to_numpy(dtype=float)
            mean = cells.mean(axis=0)
            low, high = np.quantile(cells, 0.05, axis=0), np.quantile(cells, 0.95, axis=0)
            colour = COLOURS[number % len(COLOURS)]
            if len(part) > 1:
                axes.fill_between(dates, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(dates, mean, color=colour, linewidth=1.5, linestyle=DASHES[number % len(DASHES)],
                      label=results.names[key])  # fmt: skip
            tables.append(
                pd.DataFrame(
                    {"run": key, "outcome": name, "month": part.columns, "mean": mean * divisor,
                     "p05": low * divisor, "p95": high * divisor}
                )
            )  # fmt: skip
        axes.set_title(f"{info.title}, {unit} a month" if info.kind == "flow" else f"{info.title}, {unit}")
        axes.set_ylim(bottom=0.0 if float(np.nanmin(values.to_numpy(float), initial=0.0)) >= 0.0 else None)
        axes.grid(axis="y")
        axes.margins(x=0.01)
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:,.6g}".replace("-", wording.MINUS))
        locator = matplotlib.dates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = matplotlib.dates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_axis_off()
    if len(keys) > 1:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower left", ncols=min(3, len(keys)), fontsize=8)
    chart.table = pd.concat(tables, ignore_index=True)
    told = ", ".join(wording.title(name) for name in names)
    chart.alt = f"Lines by month of {told}, for {'; '.join(results.names[k] for k in keys)}; bands hold 90 % of replicates."
    return chart


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
        return empty(width, "No outcome can be told as a relative change.")
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
        axes.scatter(middle, y, s=26, zorder=3, linewidth=1.3, edgecolor=colour,
                     color=[colour if c else "white" for c in clear], label=results.names[key])  # fmt: skip
    axes.set_yticks(range(len(names)), [OUTCOMES[o].title for o in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        f"Change against {results.names[other]}, %  (full dots: the 95 % interval leaves out zero)"
    )
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
        f"{OUTCOMES[r['outcome']].title} {wording.percent(r['relative'])}"
        for r in chart.table.to_dict("records")
        if r["verdict"] in ("lower", "higher") and r["run"] == keys[0]
    )
    chart.alt = (
        f"Relative change by outcome with intervals. Clear for {results.names[keys[0]]}: {told or 'none'}."
    )
    return chart


def _planned(results: Results, run: str | None) -> PlanRecord | None:
    return next((p for p in results.plans if run in (None, p.run)), None)


def allocation(results: Results, run: str | None = None, width: float = 10.0) -> Chart:
    """Heat map of the staff that a plan places, by place and type, mean over the quarters with any.

    Parameters
    ----------
    results : Results
    run : str, optional
        Key of the planned run; the first plan by default.
    width : float
        Inches.
    """
    plan = _planned(results, run)
    return empty(width, "No plan was made.") if plan is None else charts.allocation(plan.allocation, width)


def shadow_prices(results: Results, run: str | None = None, most: int = 12, width: float = 10.0) -> Chart:
    """Bars of the largest shadow prices of a plan: how far weighted harm falls for one unit more room.

    Parameters
    ----------
    results : Results
    run : str, optional
        Key of the planned run; the first plan by default.
    most : int
        Bars at most.
    width : float
        Inches.
    """
    plan = _planned(results, run)
    return empty(width, "No plan was made.") if plan is None else charts.shadow_prices(plan.shadow_prices, most, width)


class Plots:
    """Charts of results: each method gives a `Chart` that shows itself in a notebook, with ``.table`` and ``.alt``."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def flows(self, run: str | None = None, **options: Any) -> Chart:
        """Map of attempts a year on every leg (see `figures.flows`)."""
        return flows(self._results, run, **options)

    def change(self, run: str | None = None, against: str | None = None, **options: Any) -> Chart:
        """Map of the change against another run (see `figures.change`)."""
        return change(self._results, run, against, **options)

    def time_series(self, outcomes: str | Sequence[str] | None = None, **options: Any) -> Chart:
        """Monthly means with bands (see `figures.time_series`)."""
        return time_series(self._results, outcomes or KEY_OUTCOMES, **options)

    def differences(
        self, runs: Sequence[str] | None = None, against: str | None = None, **options: Any
    ) -> Chart:
        """Relative changes with intervals (see `figures.differences`)."""
        return differences(self._results, runs, against, **options)

    def allocation(self, run: str | None = None, **options: Any) -> Chart:
        """Staff placed by a plan (see `figures.allocation`)."""
        return allocation(self._results, run, **options)

    def shadow_prices(self, run: str | None = None, **options: Any) -> Chart:
        """Dual values of a plan (see `figures.shadow_prices`)."""
        return shadow_prices(self._results, run, **options)
