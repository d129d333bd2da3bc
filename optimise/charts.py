"""One restrained style that colour-blind readers can use, and the charts of a plan.

Every function gives a `Chart`: a Matplotlib figure with ``.table`` (what is drawn) and ``.alt`` (what it shows, in
words).  Nothing here touches pyplot's global state.  The charts of results (``experiments/figures/``) use the same style.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..scenarios import RESOURCES

if TYPE_CHECKING:
    from .plan import Plan

INK, GREY, PALE, SEA, LAND, BORDER = "#1d2530", "#6b7480", "#d5d9de", "#eaf0f4", "#f7f5f0", "#c9c5bb"
#: fewer and more: the ends of a scale that red-green blindness leaves apart
LESS, MORE = "#1f5fa8", "#c8560b"
#: Paul Tol's bright scheme, for runs side by side; the first is the baseline's
COLOURS = ("#5b6470", "#1f5fa8", "#c8560b", "#228833", "#aa3377", "#66a5c4", "#b8a000")
#: and a dash and a mark of its own for each, so that nothing is told by colour alone
DASHES = ("-", (0, (6, 1.4)), (0, (1.6, 1.2)), (0, (6, 1.3, 1.6, 1.3)), (0, (3, 1.2)), (0, (6, 1.3, 1.6, 1.3, 1.6, 1.3)), (0, (1, 2)))
MARKS = ("o", "o", "s", "D", "^", "v", "P")

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "countersmuggling",
    "figure.dpi": 100,
}

#: what the charts of a plan say; who translates gives another function from key to text
TEXTS = {
    "none_placed": "The plan places no additional staff.",
    "none_binds": "No limit binds: more of any resource would not improve the plan.",
    "avoided": "Weighted harm avoided, {unit}",
    "allocation_alt": "Heat map of additional staff by type and Member State, mean over the quarters with any. Most: {most}.",
    "allocation_most": "{resource} in {place} {staff}",
    "prices_alt": "Bars of what one more unit of a binding limit is worth. {words}",
    "frontier_alt": "Efficient frontier between {first} and {second}, {number} points. {words}",
}

P = ParamSpec("P")
Say = Callable[[str], str]


class Chart(Figure):
    """A figure with the table behind it and its description in words; shows itself in notebooks."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        FigureCanvasAgg(self)
        self.table = pd.DataFrame()
        self.alt = ""

    def png(self, dpi: int = 160, few_colours: bool = True) -> bytes:
        """The chart as PNG; in 256 colours unless told otherwise: smaller, but it takes a second for a large map."""
        with matplotlib.rc_context(STYLE):
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
        return _few_colours(buffer) if few_colours else buffer.getvalue()

    def svg(self, prefix: str = "") -> str:
        """The chart as an SVG element, equal bytes for equal content.

        Parameters
        ----------
        prefix : str
            Put before every id, so that several charts can stand in one page.
        """
        with matplotlib.rc_context(STYLE):
            buffer = io.StringIO()
            self.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        text = buffer.getvalue()
        text = text[text.index("<svg") :]
        if prefix:
            text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
        return text

    def _repr_png_(self) -> bytes:
        return self.png(dpi=110)


def _few_colours(png: io.BytesIO) -> bytes:
    """A flat picture in 256 colours: a third of the bytes. The colours that mean something are kept exactly."""
    from matplotlib.colors import to_rgb
    from PIL import Image

    def mixed(front: str, back: str, share: float) -> list[int]:
        pair = zip(to_rgb(front), to_rgb(back), strict=True)
        return [round(255 * (share * f + (1 - share) * b)) for f, b in pair]

    kept = [mixed(c, c, 1.0) for c in (INK, GREY, PALE, SEA, LAND, BORDER, "white", *COLOURS)]
    kept += [
        mixed(c, back, a) for c in (LESS, MORE) for back in (LAND, SEA) for a in (0.22, 0.4, 0.6, 0.72, 0.85)
    ]
    with Image.open(png) as image:
        full = image.convert("RGB")
    others = full.quantize(256 - len(kept), Image.Quantize.MEDIANCUT).getpalette() or []
    palette = np.array([*(v for colour in kept for v in colour), *others], dtype=np.int64).reshape(-1, 3)[
        :256
    ]
    # Pillow maps to a given palette only roughly; the few thousand colours of a flat picture are quickly mapped exactly
    cells: np.ndarray[Any, np.dtype[np.int64]] = np.asarray(full, dtype=np.int64) @ np.array([65536, 256, 1])
    colours, where = np.unique(cells, return_inverse=True)
    split = np.column_stack([colours >> 16, (colours >> 8) & 255, colours & 255])
    nearest = ((split[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    few = Image.fromarray(nearest[where].reshape(cells.shape).astype(np.uint8), mode="P")
    few.putpalette(palette.astype(np.uint8).ravel().tolist())
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def styled(function: Callable[P, Chart]) -> Callable[P, Chart]:
    """Draw inside the style without changing anyone else's."""

    @wraps(function)
    def inside(*args: P.args, **options: P.kwargs) -> Chart:
        with matplotlib.rc_context(STYLE):
            return function(*args, **options)

    return inside


def empty(width: float, text: str) -> Chart:
    chart = Chart(figsize=(width, 1.0))
    chart.text(0.5, 0.5, text, ha="center", va="center", color=GREY)
    chart.alt = text
    return chart


# ---------------------------------------------------------------------------------------------- a plan


@styled
def allocation(
    placed: pd.DataFrame, width: float = 10.0, say: Say = TEXTS.__getitem__, titled: Say | None = None
) -> Chart:
    """Heat map of the staff that a plan places, by place and type, mean over the quarters with any.

    Parameters
    ----------
    placed : DataFrame
        Columns resource, place, quarter, staff (``plan.table``).
    width : float
        Inches.
    say, titled : callable, optional
        Text of a key of `TEXTS`, and title of a resource type, in another language.
    """
    titled = titled or resource_title
    table = allocation_table(placed)
    if table.empty:
        return empty(width, say("none_placed"))
    types, places = list(table.index), list(table.columns)
    width = max(4.5, min(width, 2.6 + 0.42 * len(places)))
    chart = Chart(figsize=(width, 0.34 * len(types) + 0.95), layout="constrained")
    axes = chart.subplots()
    values = table.to_numpy(float)
    shade = values / np.maximum(values.max(axis=1, keepdims=True), 1e-12)  # each type by its own largest
    axes.imshow(np.where(values > 0, 0.12 + 0.78 * shade, 0.0), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if value >= 0.05:
                axes.text(j, i, f"{value:.0f}" if value >= 9.95 else f"{value:.1f}", ha="center", va="center",
                          fontsize=7, color="white" if shade[i, j] > 0.6 else INK)  # fmt: skip
            elif value > 0:  # shaded, so it has to say why
                axes.text(j, i, "<0.1", ha="center", va="center", fontsize=6, color=GREY)
    axes.set_xticks(range(len(places)), places, fontsize=7.5)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(types)), [titled(t) for t in types])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(len(places) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(types) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    chart.table = table.reset_index()
    top = [
        say("allocation_most").format(resource=titled(t), place=table.loc[t].idxmax(), staff=f"{table.loc[t].max():.1f}")
        for t in types
    ]
    chart.alt = say("allocation_alt").format(most="; ".join(top))
    return chart


def allocation_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean staff over the quarters in which any is placed: index resource, columns Member States with any, the most first.

    Parameters
    ----------
    frame : DataFrame
        Columns resource, place, quarter, staff.
    """
    quarters = max(frame["quarter"].nunique(), 1)
    table = (
        frame.pivot_table(index="resource", columns="place", values="staff", aggfunc="sum", fill_value=0.0)
        / quarters
    )
    table = table.loc[[r for r in RESOURCES if r in table.index]]
    table = table.loc[(table.abs() > 1e-9).any(axis=1), (table.abs() > 1e-9).any(axis=0)]
    result: pd.DataFrame = table[table.sum().sort_values(ascending=False, kind="stable").index]
    return result


def resource_title(name: str) -> str:
    return RESOURCES[name].title if name in RESOURCES else name


@styled
def shadow_prices(
    prices: pd.DataFrame, most: int = 12, width: float = 10.0, say: Say = TEXTS.__getitem__,
    named: Callable[[dict[str, Any]], str] | None = None,
) -> Chart:  # fmt: skip
    """Bars of the largest shadow prices of a plan: how far weighted harm falls for one unit more room.

    Parameters
    ----------
    prices : DataFrame
        ``plan.shadow_prices``.
    most : int
        Bars at most.
    width : float
        Inches.
    say, named : callable, optional
        Text of a key of `TEXTS`, and short name of a limit (see `constraint_name`), in another language.
    """
    named = named or constraint_name
    table = binding(prices)
    if table.empty:
        return empty(width, say("none_binds"))
    # of one limit in several quarters, the one that matters most
    same = [
        constraint_name({str(k): v for k, v in row.items()} | {"quarter": ""})
        for row in table.to_dict("records")
    ]
    leading = table[~pd.Series(same, index=table.index).duplicated()]
    units = list(dict.fromkeys(leading["unit"]))
    shown = pd.concat(
        [leading[leading["unit"] == u].head(max(3, most // len(units))) for u in units], ignore_index=True
    )
    sizes = [int((shown["unit"] == u).sum()) for u in units]
    chart = Chart(figsize=(width, 0.26 * len(shown) + 0.62 * len(units)), layout="constrained")
    grid = chart.subplots(len(units), 1, squeeze=False, height_ratios=sizes)
    for axes, unit in zip(grid.flat, units, strict=True):
        part = shown[shown["unit"] == unit]
        labels = [named({str(k): v for k, v in r.items()}) for r in part.to_dict(orient="records")]
        axes.barh(range(len(part)), -part["dual"], color=LESS, height=0.62)
        axes.set_yticks(range(len(part)), labels)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.set_title(say("avoided").format(unit=unit), fontsize=8, fontweight="normal")
    chart.table = table
    chart.alt = say("prices_alt").format(words=" ".join(table["words"].head(3).astype(str)))
    return chart


#: kinds of limits that a planner or a ministry can loosen, and their short names
KINDS = {
    "pool": "one more post",
    "shared_pool": "one more post in the pool",
    "budget": "EUR 1 million more",
    "absorb": "room for one more at the host",
    "minimum": "one less required",
    "joiners": "one more hire",
    "year_use": "a quarter more on call",
    "training_places": "one more training place",
    "carry_most": "EUR 1 million more kept for the next year",
    "least_team": "one less required while set up",
    "key_least": "one less owed",
    "own_most": "one unit more under your own limit",
    "own_least": "one unit less of your own limit",
    "lead": "joining earlier",
    "team_investigators": "one more national investigator for joint teams",
    "effort": "one more at work",
}


def binding(prices: pd.DataFrame) -> pd.DataFrame:
    """Shadow prices of limits that someone can loosen and would gain by loosening, the largest gain first."""
    table = prices[prices["dual"] < -1e-9]
    if "kind" in table:
        table = table[table["kind"].isin(KINDS)]
    order = table["dual"].sort_values(kind="stable").index
    return table.loc[order].reset_index(drop=True)


def constraint_name(row: dict[str, Any], kinds: Mapping[str, str] = KINDS, titled: Say = resource_title) -> str:
    """Short name of a limit: its kind, resource, place and quarter as far as it has them."""
    parts = [str(row.get("resource") or ""), str(row.get("place") or "")]
    parts[0] = titled(parts[0]) if parts[0] else ""
    if not any(parts):  # a budget heading or a pool stands only in the limit's own name: kind__what__when
        parts = [str(row["constraint"]).partition("__")[2].rpartition("__")[0].replace("_", " ")]
    told = ", ".join(p for p in [*parts, str(row.get("quarter") or "")] if p and p != "nan")
    kind = kinds.get(str(row.get("kind") or ""), str(row["constraint"]).replace("_", " "))
    return f"{kind}: {told}" if told else kind


@styled
def frontier(
    points: pd.DataFrame, marks: Mapping[str, tuple[float, float]], width: float = 6.5, say: Say = TEXTS.__getitem__
) -> Chart:
    """The efficient frontier between two outcomes.

    Parameters
    ----------
    points : DataFrame
        ``plan.frontier(...)``: its second and third column are the two outcomes.
    marks : mapping name -> (first, second)
        Placements to show beside it.
    width : float
        Inches.
    """
    from .frontier import axis_label, in_shown_units

    first, second = (str(name) for name in points.columns[1:3])
    x, y = (in_shown_units(name, points[name].to_numpy(float)) for name in (second, first))
    chart = Chart(figsize=(width, 0.62 * width), layout="constrained")
    axes = chart.subplots()
    axes.plot(x, y, color=LESS, marker="o", markersize=3.5, linewidth=1.4)
    for number, (name, (own_first, own_second)) in enumerate(marks.items()):
        across = float(in_shown_units(second, np.array([own_second]))[0])
        up = float(in_shown_units(first, np.array([own_first]))[0])
        axes.plot([across], [up], marker="sDv^"[number % 4], color=MORE if number == 0 else GREY, markersize=6, linestyle="none",
                  label=name)
    if marks:
        axes.legend(loc="best")
    axes.set_xlabel(axis_label(second))
    axes.set_ylabel(axis_label(first))
    axes.grid(True)
    axes.set_axisbelow(True)
    chart.table = points
    words = " ".join(str(text) for text in points["words"].iloc[[0, -1]]) if "words" in points else ""
    chart.alt = say("frontier_alt").format(first=first, second=second, number=len(points), words=words).strip()
    return chart


def _titled(chart: Chart, title: str) -> Chart:
    """A chart that stands alone, without the caption that a report puts over it."""
    if chart.axes:
        chart.suptitle(title, x=0.005, ha="left", fontsize=STYLE["axes.titlesize"], fontweight="bold", color=INK)
        width, height = chart.get_size_inches()
        chart.set_size_inches(width, height + HEAD)
    return chart


HEAD = 1 / 4
"""Inches for a title."""


class PlanPlots:
    """Charts of a plan: each method gives a `Chart` that shows itself in a notebook, with ``.table`` and ``.alt``."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def allocation(self, **options: Any) -> Chart:
        """Staff by place and type (see `charts.allocation`)."""
        return _titled(allocation(self._plan.table, **options), "Additional staff, mean over the quarters with any")

    def shadow_prices(self, **options: Any) -> Chart:
        """What one more unit of a limit is worth (see `charts.shadow_prices`)."""
        return _titled(shadow_prices(self._plan.shadow_prices, **options), "What one unit more would bring")

    def frontier(self, first: str = "deaths", second: str = "cost_eur", points: int = 11, **options: Any) -> Chart:
        """The efficient frontier between two outcomes, with the plan and its comparison rules (see `charts.frontier`)."""
        from .frontier import marks

        plan = self._plan
        return frontier(plan.frontier(first, second, points), marks(plan, first, second), **options)
