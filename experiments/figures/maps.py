"""Where people travel: attempts on every leg, and what shifts against another run."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.patches
import numpy as np
import pandas as pd

from ...optimise.charts import BORDER, GREY, INK, LAND, LESS, MORE, PALE, SEA, Chart, empty, styled
from ...scenarios import world
from .. import outlines, summarising, wording
from ..texts import t

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..results import Results

#: window of a closer map: west, south, east, north, degrees
MEDITERRANEAN = (-8.0, 31.0, 38.0, 52.0)


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
