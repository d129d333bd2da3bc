"""Charts and maps in one restrained style that colour-blind readers can use, each with the table behind it.

Every function gives a `Chart`: a Matplotlib figure with ``.table`` (what is drawn) and ``.alt`` (what it shows, in
words). Nothing here touches pyplot's global state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.colors
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
    MARKS,
    MORE,
    PALE,
    SEA,
    Chart,
    empty,
    styled,
)
from ..scenarios import LEVERS, OUTCOMES
from . import outlines, summarising, texts, wording
from .texts import t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .results import PlanRecord, Results

#: window of a closer map: west, south, east, north, degrees
MEDITERRANEAN = (-8.0, 31.0, 38.0, 52.0)

#: name that `attribution` gives to everything in which scenarios differ that is no lever
OTHER = "other assumptions"

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
    chart.text(0.005, 0.012, f"{caption} {t('figure.borders')}", fontsize=6.8, color=GREY, va="bottom")
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
        return empty(width, t("figure.no_journeys"))
    from ..scenarios import world

    external = set(world().legs.query("border == 'external'")["leg"])
    largest = float(shown["per_year"].max())

    def thickness(value: float) -> float:
        return 0.25 + 6.5 * math.sqrt(value / largest)

    drawn = shown[shown["per_year"] >= largest * 2e-4].iloc[::-1]
    chart, axes = _map(_window(hubs, drawn, region), width, t("figure.flows_caption"))
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
        Line2D([], [], color=LESS, linewidth=2.2, label=t("figure.into_eu")),
        Line2D([], [], color="#7d8a99", linewidth=2.2, label=t("figure.before_after")),
    ]
    _width_legend(
        axes, largest, thickness, t("figure.attempts"), kinds, "lower left" if region else "lower right"
    )
    chart.table = table
    busiest = ", ".join(
        f"{_leg_name(hubs, r['leg'])} {wording.number(r['per_year'])}"
        for r in table.head(3).to_dict("records")
    )
    chart.alt = t("figure.flows_alt", run=results.names[key], legs=busiest)
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
        none = empty(width, t("figure.same_traffic"))
        none.table = table
        return none

    def thickness(value: float) -> float:
        return 0.3 + 6.0 * math.sqrt(abs(value) / largest)

    busy = shown[shown[["before", "after"]].max(axis=1) >= shown["before"].max() * 2e-4]
    chart, axes = _map(
        _window(hubs, busy, region), width, t("figure.change_caption")
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
                # not by colour alone
                linestyles=["solid" if v > 0 else (0, (1.6, 0.9)) for v in part["change"]],
                alpha=alpha,
                capstyle="butt",
                zorder=3 + clear,
            )
        )
        for leg, value in zip(part["leg"], part["change"], strict=True):
            if clear and abs(value) > largest * 0.03:
                _arrows(axes, lines[leg], MORE if value > 0 else LESS, thickness(value))
    _label_hubs(axes, hubs, _ends(drawn.assign(size=drawn["change"].abs()), "size"), 34)
    kinds = [
        Line2D([], [], color=LESS, linewidth=2.6, linestyle=(0, (1.6, 0.9)), label=t("figure.fewer")),
        Line2D([], [], color=MORE, linewidth=2.6, label=t("figure.more")),
    ]
    _width_legend(
        axes, largest, thickness, t("figure.change"), kinds, "lower left" if region else "lower right"
    )
    chart.table = table
    clear_ones = table[table["clear"]].head(3)
    told = ", ".join(
        f"{_leg_name(hubs, r['leg'])} {wording.number(r['change'], sign=True)}"
        for r in clear_ones.to_dict("records")
    )
    said = t("figure.change_largest", legs=told) if told else t("figure.change_none")
    chart.alt = t("figure.change_alt", run=results.names[key], against=results.names[other], told=said)
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
    return t("figure.leg", start=names.get(start, start), end=names.get(end, end))


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
        title = t("figure.a_month" if info.kind == "flow" else "outcomes.in_unit", what=texts.outcome(name), unit=unit)
        axes.set_title(title)
        axes.set_ylim(bottom=0.0 if float(np.nanmin(values.to_numpy(float), initial=0.0)) >= 0.0 else None)
        axes.grid(axis="y")
        axes.margins(x=0.01)
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:,.6g}".replace("-", wording.MINUS))
        locator = matplotlib.dates.AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(_month_or_year)
    for axes in list(grid.flat)[len(names) :]:
        axes.set_axis_off()
    if len(keys) > 1:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower left", ncols=min(3, len(keys)), fontsize=8)
    chart.table = pd.concat(tables, ignore_index=True)
    told = ", ".join(wording.title(name) for name in names)
    chart.alt = t("figure.series_alt", what=told, runs="; ".join(results.names[k] for k in keys))
    return chart


def _month_or_year(value: float, _: Any) -> str:
    """A tick of a time axis: the year in January, the month otherwise."""
    when = matplotlib.dates.num2date(value)  # type: ignore[no-untyped-call]
    return str(when.year) if when.month == 1 else t(f"month.s{when.month}")


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
                     color=[colour if c else "white" for c in clear], label=results.names[key])  # fmt: skip
    axes.set_yticks(range(len(names)), [texts.outcome(o) for o in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(t("figure.change_axis", against=results.names[other]))
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
    axes.set_xlabel(t("figure.change_axis", against=against))
    reach = 1.15 * max(float(table["change_percent"].abs().max()), 0.5)
    ends = float(np.nanmax(table[["low", "high"]].abs().to_numpy(), initial=reach))
    reach = min(max(reach, ends * 1.05), 4 * reach)
    axes.set_xlim(-reach, reach)
    chart.table = table
    told = ", ".join(f"{r['what']} {wording.percent(r['change_percent'] / 100)}" for r in table[clear].to_dict("records"))
    chart.alt = t("figure.seat_alt", name=name, told=told or t("figure.nothing_clear"))
    return chart


def _planned(results: Results, run: str | None) -> PlanRecord | None:
    return next((p for p in results.plans if run in (None, p.run)), None)


def _chart_text(key: str) -> str:
    return texts.current().texts[f"chart.{key}"]


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
    if plan is None:
        return empty(width, t("figure.no_plan"))
    return charts.allocation(plan.allocation, width, _chart_text, texts.resource)


def limit_name(row: dict[str, Any], bare: bool = False) -> str:
    """Short name of a limit: what one unit more of it is, or with `bare` what is limited."""
    head = "bare" if bare else "limit"
    kinds = {kind: texts.known(f"{head}.{kind}", text) for kind, text in charts.KINDS.items()}
    return charts.constraint_name(row, kinds, texts.resource)


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
    if plan is None:
        return empty(width, t("figure.no_plan"))
    return charts.shadow_prices(plan.shadow_prices, most, width, _chart_text, limit_name)


# ---------------------------------------------------------------------------------------------- what hangs on what


def factor_title(results: Results, name: str) -> str:
    """A factor in words: a parameter's description up to its first full stop, a lever's title, or the name itself."""
    if name in LEVERS:
        return texts.lever(name)
    if name == OTHER:
        return t("figure.other_assumptions")
    bare = name.removeprefix("parameters.").removeprefix("uncertainties.parameters.")
    own = results.parameters[results.parameters["name"] == bare]
    if own.empty:
        return name.replace("_", " ")
    text = texts.known(f"parameter.{bare}", str(own["description"].iloc[0])).split(". ")[0].rstrip(".")
    return text if len(text) < 64 else text[:61].rsplit(" ", 1)[0] + " …"


def attribution_table(results: Results) -> pd.DataFrame:
    """What each lever adds, as `tornado` takes it: columns factor, outcome, part, low, high."""
    table = pd.DataFrame() if results.attribution is None else results.attribution
    return table.rename(columns={"lever": "factor"})[["factor", "outcome", "part", "low", "high"]] if len(table) else table


@styled
def tornado(
    results: Results, table: pd.DataFrame | None = None, outcomes: Sequence[str] = ("deaths",), most: int = 12, width: float = 10.0
) -> Chart:
    """How far an outcome moves with each factor, the largest first.

    Parameters
    ----------
    results : Results
    table : DataFrame, optional
        Columns factor, outcome, low, high: the outcome's change with the factor at either end of its range, against the centre;
        or with a column part, what each factor adds, low and high then being the ends of its interval. By default the
        results' own: of sensitivity, or else of levers.
    outcomes : sequence of str
        One panel each, as far as the table has them; its first outcome when it has none of them.
    most : int
        Bars of a panel at most.
    width : float
        Inches.
    """
    if table is None:
        table = results.sensitivity if results.sensitivity is not None else attribution_table(results)
    if table is None or table.empty:
        return empty(width, t("figure.tornado_none"))
    names = [o for o in outcomes if o in set(table["outcome"])] or [str(table["outcome"].iloc[0])]
    parts = "part" in table.columns
    shown = []
    for name in names:
        own = table[table["outcome"] == name]
        size = own["part"].abs() if parts else own[["low", "high"]].abs().max(axis=1)
        shown.append(own.loc[size.sort_values(ascending=False, kind="stable").index].head(most))
    chart = Chart(figsize=(width, sum(0.3 * len(p) + 0.75 for p in shown) + (0.0 if parts else 0.3)), layout="constrained")
    grid = chart.subplots(len(names), 1, squeeze=False, height_ratios=[len(p) + 1 for p in shown])
    for axes, name, own in zip(grid.flat, names, shown, strict=True):
        unit = OUTCOMES[name].unit if name in OUTCOMES else ""
        columns = ["part", "low", "high"] if parts else ["low", "high"]
        divisor, unit = wording.scale_of(unit, *own[columns].to_numpy(float).ravel().tolist())
        y = np.arange(len(own))
        low, high = own["low"].to_numpy(float) / divisor, own["high"].to_numpy(float) / divisor
        if parts:
            middle = own["part"].to_numpy(float) / divisor
            axes.barh(y, middle, height=0.6, color=[MORE if v > 0 else LESS for v in middle])
            axes.hlines(y, low, high, color=INK, linewidth=1.2)
        else:
            axes.barh(y, low, height=0.6, color="white", edgecolor=LESS, linewidth=1.2, hatch="////", label=t("figure.tornado_low"))
            axes.barh(y, high, height=0.6, color=MORE, edgecolor=MORE, linewidth=1.2, label=t("figure.tornado_high"))
        axes.axvline(0.0, color=GREY, linewidth=0.8)
        axes.set_yticks(y, [factor_title(results, str(f)) for f in own["factor"]])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(t("figure.tornado_axis", what=texts.outcome(name), unit=unit))
        axes.xaxis.set_major_formatter(_plain)
    if not parts:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower left", ncols=2, fontsize=8)
    chart.table = pd.concat(shown, ignore_index=True)
    told = ", ".join(factor_title(results, str(f)) for f in shown[0]["factor"].head(3))
    key = "figure.attribution_alt" if parts else "figure.tornado_alt"
    chart.alt = t(key, what=wording.listed([wording.title(n) for n in names]), told=told)
    return chart


def _plain(value: float, _: Any) -> str:
    return f"{value:,.6g}".replace("-", wording.MINUS)


# ---------------------------------------------------------------------------------------------- options side by side


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
        axes.annotate(results.names[key], (x[number], y[number]), xytext=(6, 6), textcoords="offset points", fontsize=8)
    axes.margins(x=0.18, y=0.12)
    axes.set_xlabel(t("figure.options_axis", what=texts.outcome(second), against=results.names[base], unit=scales[second][1]))
    axes.set_ylabel(t("figure.options_axis", what=texts.outcome(first), against=results.names[base], unit=scales[first][1]))
    axes.xaxis.set_major_formatter(_plain)
    axes.yaxis.set_major_formatter(_plain)
    axes.legend(loc="best", fontsize=8)
    axes.grid(True)
    axes.set_axisbelow(True)
    chart.table = table
    named = wording.listed([results.names[k] for k in edge["run"]])
    chart.alt = t("figure.options_alt", first=wording.title(first), second=wording.title(second), runs=named)
    return chart


@styled
def plan_frontier(results: Results, run: str | None = None, width: float = 7.0) -> Chart:
    """The efficient frontier of a plan, on the effects measured in the model, with the plan and its comparison rules.

    Parameters
    ----------
    results : Results
    run : str, optional
        Key of the planned run; the first plan by default.
    width : float
        Inches.
    """
    plan = _planned(results, run)
    kept = plan.facts.get("frontier") if plan is not None else None
    if not kept:
        return empty(width, t("figure.no_frontier"))
    points = pd.DataFrame(kept["points"])
    titles = {"plan": t("figure.by_plan"), "by population": t("figure.by_population"), "greedy": t("figure.by_greedy")}
    marks = {titles.get(name, name): (float(a), float(b)) for name, (a, b) in kept["marks"].items()}
    chart = charts.frontier(points, marks, width, _chart_text)
    (axes,) = chart.axes
    first, second = (str(c) for c in points.columns[1:3])
    for name, put in ((second, axes.set_xlabel), (first, axes.set_ylabel)):
        unit = t("wording.eur_million") if OUTCOMES[name].unit == "EUR" else texts.unit(OUTCOMES[name].unit)
        put(t("figure.change_of", what=texts.outcome(name), unit=unit))
    chart.table = points.drop(columns=[c for c in ("words",) if c in points])
    chart.alt = t("chart.frontier_alt", first=wording.title(first), second=wording.title(second), number=len(points), words="").strip()
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
    axes.set_yticks(range(len(table)), [results.names[k] for k in table["run"]])
    _as_matrix(axes, len(table), 4)
    axes.set_title(t("figure.regret_title"), fontsize=8.5, fontweight="normal", pad=10)
    chart.table = table
    told_ = " ".join(
        t("figure.regret_told", run=results.names[r["run"]], mean=wording.number(r["mean"]), max=wording.number(r["largest"]),
          share=wording.percent(r["best"], False)) for r in table.to_dict("records")
    )  # fmt: skip
    chart.alt = t("figure.regret_alt", told=told_)
    return chart


def _as_matrix(axes: Axes, rows: int, columns: int) -> None:
    """Cells with white lines between them, no ticks, no frame."""
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)


WATERBED_COLUMNS = ("resource", "place", "affected_place", "outcome", "effect", "se")


@styled
def waterbed(
    results: Results | None = None, table: pd.DataFrame | None = None, resource: str | None = None, outcome: str | None = None,
    width: float = 9.0,
) -> Chart:  # fmt: skip
    """How staff in one place changes an outcome there and elsewhere: the waterbed matrix.

    Parameters
    ----------
    results : Results, optional
    table : DataFrame, optional
        Columns resource, place, affected_place, outcome, effect (per unit of staff), se; by default the results' own.
    resource, outcome : str, optional
        Which of them; by default the table's first.
    width : float
        Inches at most.
    """
    if table is None and results is not None:
        table = results.waterbed
    if table is None or table.empty:
        return empty(width, t("figure.waterbed_none"))
    own = table.rename(columns={"affected place": "affected_place"})
    resource, outcome = resource or str(own["resource"].iloc[0]), outcome or str(own["outcome"].iloc[0])
    own = own[(own["resource"] == resource) & (own["outcome"] == outcome)]
    effect = own.pivot_table(index="place", columns="affected_place", values="effect", aggfunc="sum")
    error = own.pivot_table(index="place", columns="affected_place", values="se", aggfunc="sum").reindex_like(effect)
    # places that are pressed stand in the same order in both directions, so that the diagonal is a place's own effect
    rows = list(effect.index)
    columns = [p for p in rows if p in effect.columns] + [p for p in effect.columns if p not in rows]
    effect, error = effect.loc[rows, columns], error.loc[rows, columns]
    values, errors = effect.to_numpy(float), error.to_numpy(float)
    width = max(4.5, min(width, 2.4 + 0.62 * len(columns)))
    chart = Chart(figsize=(width, 0.36 * len(rows) + 1.5), layout="constrained")
    axes = chart.subplots()
    top = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    colours = matplotlib.colors.LinearSegmentedColormap.from_list("less-more", [LESS, "#ffffff", MORE])
    axes.imshow(np.nan_to_num(values), cmap=colours, vmin=-top, vmax=top, aspect="auto")
    for i in range(len(rows)):
        for j in range(len(columns)):
            value = values[i, j]
            if math.isnan(value):
                continue
            sure = errors[i, j] > 0 and abs(value) > 2 * errors[i, j]
            axes.text(j, i, wording.number(value, top, True), ha="center", va="center", fontsize=7.5,
                      fontweight="bold" if sure else "normal", color="white" if abs(value) > 0.62 * top else INK)  # fmt: skip
    axes.set_xticks(range(len(columns)), [_place_label(c) for c in columns], fontsize=7.5, rotation=40 if len(columns) > 6 else 0,
                    ha="left" if len(columns) > 6 else "center")  # fmt: skip
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_yticks(range(len(rows)), [_place_label(r) for r in rows])
    axes.set_xlabel(t("figure.waterbed_swells"))
    axes.set_ylabel(t("figure.waterbed_pressed"))
    _as_matrix(axes, len(rows), len(columns))
    title = t("figure.waterbed_title", outcome=texts.outcome(outcome), resource=texts.resource(resource))
    chart.text(0.01, 0.01, f"{title}. {t('figure.waterbed_note')}", fontsize=7.5, color=GREY, va="bottom")
    chart.get_layout_engine().set(rect=(0, 0.07, 1, 0.93))  # type: ignore[union-attr, call-arg]
    chart.table = own.reset_index(drop=True)
    largest = own.loc[own["effect"].abs().sort_values(ascending=False, kind="stable").index].head(3).to_dict("records")
    told = ", ".join(
        t("figure.waterbed_cell", place=_place_label(r["place"]), affected=_place_label(r["affected_place"]),
          effect=wording.number(r["effect"], sign=True)) for r in largest
    )  # fmt: skip
    chart.alt = t("figure.waterbed_alt", resource=texts.resource(resource), outcome=wording.title(outcome), told=told)
    return chart


def _place_label(code: object) -> str:
    text = str(code)
    return texts.route(text) if f"route.{text}" in texts.current().texts else text


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

    def flow_map(self, run: str | None = None, **options: Any) -> Chart:
        """Map of what shifts against the first run; of journeys where there is nothing to compare with."""
        key = run or self._results.runs[min(1, len(self._results.runs) - 1)].key
        first = self._results.runs[0].key
        return self.flows(key, **options) if key == first else self.change(key, **options)

    def waterbed(self, table: pd.DataFrame | None = None, **options: Any) -> Chart:
        """How staff in one place changes an outcome elsewhere (see `figures.waterbed`)."""
        return waterbed(self._results, table, **options)

    def tornado(self, table: pd.DataFrame | None = None, **options: Any) -> Chart:
        """How far an outcome moves with each factor (see `figures.tornado`)."""
        return tornado(self._results, table, **options)

    def frontier(self, first: str = "deaths", second: str = "cost_eur", **options: Any) -> Chart:
        """Runs between two outcomes, as simulated (see `figures.frontier`)."""
        return frontier(self._results, first, second, **options)

    def plan_frontier(self, run: str | None = None, **options: Any) -> Chart:
        """The efficient frontier of a plan (see `figures.plan_frontier`)."""
        return plan_frontier(self._results, run, **options)

    def regret_table(self, **options: Any) -> Chart:
        """Regret of each run (see `figures.regret_table`)."""
        return regret_table(self._results, **options)

    def allocation(self, run: str | None = None, **options: Any) -> Chart:
        """Staff placed by a plan (see `figures.allocation`)."""
        return allocation(self._results, run, **options)

    def shadow_prices(self, run: str | None = None, **options: Any) -> Chart:
        """Dual values of a plan (see `figures.shadow_prices`)."""
        return shadow_prices(self._results, run, **options)
