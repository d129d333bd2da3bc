"""Scenario discovery: under which combinations of what is not known does a policy fail (or do well)?

The patient rule induction method of Friedman and Fisher (1999, Statistics and Computing 9:123-143) as Bryant and Lempert
(2010, Technological Forecasting and Social Change 77:34-49) use it: boxes in the space of the factors that hold many of the
cases of interest (coverage) and little else (density), with a quasi-p value for every limit and a check on random halves of the
points. The algorithm is the EMA Workbench's.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib.patches
import numpy as np
import numpy.typing as npt
import pandas as pd

from ..optimise.charts import COLOURS, GREY, INK, Chart, styled
from ..scenarios import OUTCOMES
from . import wording
from .measures import AnalysisError, Measure, measure, short
from .sensitivity import aligned
from .workbench import quiet_import, quietly

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .sweep_results import SweepResults

BoolArray = npt.NDArray[np.bool_]
#: a box should hold so much of interest among all that it holds
DENSITY: Final = 0.8
#: share of the points that are of interest when nothing is said: the worst fifth
WORST: Final = 0.2
#: a limit with a larger quasi-p value may well be chance
SIGNIFICANT: Final = 0.05
#: halves of the points in which the same limits are looked for
HALVES: Final = 10
_SEED: Final = 20_231_128


@dataclass(frozen=True)
class Discovery:
    """A box, and the way to it.

    Attributes
    ----------
    question : str
        Which points are of interest.
    limits : DataFrame
        One row a factor that the box limits: factor, low, high (texts of values where they are listed), range_low,
        range_high, p_low, p_high (quasi-p; NaN where that end is open), reproduced (share of random halves of the points whose
        own box, chosen alike, limits the factor significantly).
    density, coverage, mass : float
        Share of the box that is of interest; share of what is of interest that is in the box; share of all points in it.
    trajectory : DataFrame
        Every box on the way: box, coverage, density, mass, limits (number of limited factors).
    chosen : int
        Number of the box.
    points : DataFrame
        Factors by point, with `of_interest` and `in_box`.
    """

    question: str
    limits: pd.DataFrame
    density: float
    coverage: float
    mass: float
    trajectory: pd.DataFrame
    chosen: int
    points: pd.DataFrame = field(repr=False)
    measure: Measure = field(repr=False)

    @property
    def base_rate(self) -> float:
        """Share of all points that are of interest."""
        return float(self.points["of_interest"].mean())

    def text(self) -> str:
        """The box in words, for a terminal."""
        interest = int(self.points["of_interest"].sum())
        lines = [f"{self.question}: {interest:,} of {len(self.points):,} points ({self.base_rate:.0%})"]
        if self.limits.empty:
            return "\n".join([*lines, "No box holds them better than all points do."])
        lines.append(
            f"Box {self.chosen}: {self.density:.0%} of the points in it are of interest (density), it holds {self.coverage:.0%} of those "
            f"that are (coverage) and {self.mass:.0%} of all points"
        )
        head = ("", "from", "to", "whole range", "quasi-p", "again in halves")
        cells = []
        for _, r in self.limits.iterrows():
            p = min(v for v in (float(r["p_low"]), float(r["p_high"]), 1.0) if np.isfinite(v))
            whole = f"{_figure(r['range_low'])} to {_figure(r['range_high'])}" if r["range_low"] != "" else ""
            cells.append((short(str(r["factor"])), _figure(r["low"]), _figure(r["high"]), whole,
                          f"{p:.3f}" + ("" if p <= SIGNIFICANT else " (chance?)"), f"{float(r['reproduced']):.0%}"))  # fmt: skip
        return "\n".join([*lines, *aligned([head, *cells])])

    def write(self, folder: str | Path) -> list[Path]:
        """Write ``discovery.csv`` (the box), ``discovery-boxes.csv`` (every box on the way), and two figures."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {"question": self.question, "density": self.density, "coverage": self.coverage, "mass": self.mass, "base_rate": self.base_rate}
        written = [target / "discovery.csv", target / "discovery-boxes.csv"]
        self.limits.assign(**about).to_csv(written[0], index=False)
        self.trajectory.to_csv(written[1], index=False)
        for name, chart in (("discovery-boxes", self.trade_off()), ("discovery", self.chart())):
            written.append(target / f"{name}.png")
            written[-1].write_bytes(chart.png())
        return written

    def chart(self) -> Chart:
        """The box: the points over its two most telling factors, and all its limits on their ranges."""
        return _box_chart(self)

    def trade_off(self) -> Chart:
        """Coverage against density of every box on the way."""
        return _trade_off(self)


def _figure(value: Any) -> str:
    return f"{float(value):.4g}" if isinstance(value, int | float | np.number) else str(value)


def discover(
    results: SweepResults,
    outcome: str,
    *,
    policy: str | None = None,
    against: str | None = None,
    above: float | None = None,
    below: float | None = None,
    worst: float = WORST,
    density: float = DENSITY,
    box: int | None = None,
) -> Discovery:
    """Find the combinations of factors under which an outcome is of interest.

    Parameters
    ----------
    results : SweepResults
        Of a design that fills the space of its factors: a Latin hypercube, or a Sobol or factorial design.
    outcome : str
    policy, against : str, optional
        By default the first policy itself; with `against`, the paired difference from that one.
    above, below : float, optional
        Of interest are points whose figure is above, or below.
    worst : float
        Without either: this share of the points with the worst figures (the highest, where no direction is better).
    density : float
        The box with the largest coverage is taken among those with at least this density; where none has it, the densest.
    box : int, optional
        Or the box of this number on the trajectory.

    Returns
    -------
    Discovery

    Raises
    ------
    AnalysisError
        When nothing, or everything, is of interest; or the EMA Workbench is not installed.
    """
    if above is not None and below is not None:
        raise AnalysisError("give either `above` or `below`")
    chosen = measure(results, outcome, policy, against)
    known = np.isfinite(chosen.values)
    values = chosen.values[known]
    frame = results.points[known].reset_index(drop=True)
    interest, question = _interest(chosen, values, above, below, worst)
    frame = _varied(frame)
    if frame.empty:
        raise AnalysisError(f"{results.design.name} varies no factor over the finished points: there is nothing to discover")
    if not interest.any() or interest.all():
        raise AnalysisError(
            f"{question}: {int(interest.sum()):,} of {len(interest):,} points; scenario discovery needs some on either side "
            f"(figures go from {values.min():.6g} to {values.max():.6g})"
        )
    found = _boxes(frame, interest)
    path = found.peeling_trajectory
    number = _chosen_box(path, density) if box is None else box
    if not 0 <= number < len(path):
        raise AnalysisError(f"no box {number}; there are 0 to {len(path) - 1}")
    limits = _limits(found, number, frame, _in_halves(frame, interest, density))
    inside = _inside(frame, limits)
    trajectory = pd.DataFrame(
        {
            "box": range(len(path)),
            **{k: path[k].astype(float).to_numpy() for k in ("coverage", "density", "mass")},
            "limits": path["res_dim"].astype(int).to_numpy(),
        }
    )
    row: Any = trajectory.loc[number]
    return Discovery(
        question, limits, float(row["density"]), float(row["coverage"]), float(row["mass"]), trajectory, number,
        frame.assign(of_interest=interest, in_box=inside), chosen,
    )  # fmt: skip


def _interest(
    chosen: Measure, values: npt.NDArray[np.float64], above: float | None, below: float | None, worst: float
) -> tuple[BoolArray, str]:
    unit = OUTCOMES[chosen.outcome].unit
    if above is not None:
        return np.asarray(values > above), f"{chosen.title} above {above:g} {unit}"
    if below is not None:
        return np.asarray(values < below), f"{chosen.title} below {below:g} {unit}"
    if not 0.0 < worst < 1.0:
        raise AnalysisError(f"the worst share is between 0 and 1, not {worst:g}")
    if not len(values):
        return np.zeros(0, dtype=np.bool_), chosen.title
    if OUTCOMES[chosen.outcome].better == "higher":
        limit = float(np.quantile(values, worst))
        if limit >= values.max():
            return np.asarray(values < limit), f"{chosen.title} below {wording.number(limit)} {unit}"
        return np.asarray(values <= limit), f"{chosen.title}, the lowest {worst:.0%} (up to {wording.number(limit)} {unit})"
    limit = float(np.quantile(values, 1.0 - worst))
    if limit <= values.min():  # most points are equally good
        return np.asarray(values > limit), f"{chosen.title} above {wording.number(limit)} {unit}"
    return np.asarray(values >= limit), f"{chosen.title}, the highest {worst:.0%} (from {wording.number(limit)} {unit})"


def _varied(frame: pd.DataFrame) -> pd.DataFrame:
    """Factors that take more than one value; listed texts and truth values as categories."""
    columns: dict[str, Any] = {}
    for name in frame:
        column = frame[name]
        if column.nunique() < 2:
            continue
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        columns[str(name)] = column.astype(float) if numeric else pd.Categorical(column.astype(str))
    return pd.DataFrame(columns)


def _boxes(frame: pd.DataFrame, interest: BoolArray) -> Any:
    prim = quiet_import("ema_workbench.analysis.prim")
    # the peeling stops at five points, or at a twentieth of them
    options: dict[str, Any] = {"mass_min": max(0.05, min(0.5, 5 / len(frame)))}
    if "threshold" in inspect.signature(prim.Prim.__init__).parameters:  # before release 3
        options["threshold"] = 1e-9  # it is also from where on a point counts as of interest
    with quietly():
        found = prim.Prim(frame, interest, **options).find_box()
    if found is None:
        raise AnalysisError("PRIM finds no box in these points")
    return found


def _chosen_box(path: pd.DataFrame, density: float) -> int:
    held, coverage = (path[name].to_numpy(dtype=np.float64) for name in ("density", "coverage"))
    if (held >= density).any():
        return int(np.argmax(np.where(held >= density, coverage, -1.0)))
    return int(np.argmax(held))


def _limits(found: Any, number: int, frame: pd.DataFrame, again: Mapping[str, float]) -> pd.DataFrame:
    box, whole, quasi = found.box_lims[number], found.box_lims[0], _quasi_p(found, number)
    rows = []
    for name in frame:
        if name not in quasi:
            continue
        p_low, p_high = (_p(v) for v in quasi[str(name)])
        listed = isinstance(frame[name].dtype, pd.CategoricalDtype)
        if listed:
            low: Any = ", ".join(sorted(str(v) for v in box[name].iloc[0]))
            high: Any = ""
            ends: tuple[Any, Any] = ("", "")
        else:
            low, high = (float(v) for v in box[name])
            ends = (float(whole[name].iloc[0]), float(whole[name].iloc[1]))
        rows.append((name, low, high, *ends, p_low, p_high, again[str(name)]))
    table = pd.DataFrame(rows, columns=["factor", "low", "high", "range_low", "range_high", "p_low", "p_high", "reproduced"])
    order = table[["p_low", "p_high"]].min(axis=1).sort_values(kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _p(value: float) -> float:
    return float(value) if value >= 0 else float("nan")


def _in_halves(frame: pd.DataFrame, interest: BoolArray, density: float) -> dict[str, float]:
    """By factor the share of random halves of the points whose own box, chosen alike, limits it significantly."""
    random = np.random.default_rng(_SEED)
    counts = dict.fromkeys(map(str, frame), 0)
    for _ in range(HALVES):
        half = np.sort(random.choice(len(frame), len(frame) // 2, replace=False))
        if not interest[half].any() or interest[half].all():
            continue
        found = _boxes(frame.iloc[half].reset_index(drop=True), interest[half])
        for name, ends in _quasi_p(found, _chosen_box(found.peeling_trajectory, density)).items():
            counts[name] += any(0 <= p <= SIGNIFICANT for p in ends)
    return {name: count / HALVES for name, count in counts.items()}


def _quasi_p(found: Any, number: int) -> Mapping[str, Sequence[float]]:
    """Quasi-p values of both ends of every limited factor; -1 where an end is open."""
    told: Mapping[str, Sequence[float]] = (found.qp if hasattr(found, "qp") else found.p_values)[number]
    return told


def _inside(frame: pd.DataFrame, limits: pd.DataFrame) -> BoolArray:
    inside = np.ones(len(frame), dtype=np.bool_)
    for _, row in limits.iterrows():
        column = frame[str(row["factor"])]
        if isinstance(column.dtype, pd.CategoricalDtype):
            inside &= column.astype(str).isin(str(row["low"]).split(", ")).to_numpy()
        else:
            inside &= ((column >= row["low"]) & (column <= row["high"])).to_numpy()
    return inside


# ---------------------------------------------------------------------------------------------- charts


@styled
def _trade_off(found: Discovery) -> Chart:
    path = found.trajectory
    chart = Chart(figsize=(6.6, 4.4), layout="constrained")
    axes = chart.subplots()
    axes.plot(path["coverage"], path["density"], color=GREY, linewidth=0.8, zorder=1)
    drawn = axes.scatter(path["coverage"], path["density"], c=path["limits"], cmap="viridis", s=28, zorder=2)
    here: Any = path.loc[found.chosen]
    axes.scatter([here["coverage"]], [here["density"]], s=130, facecolor="none", edgecolor=COLOURS[2], linewidth=1.8, zorder=3)
    axes.annotate(f"box {found.chosen}", (float(here["coverage"]), float(here["density"])), xytext=(9, 7), textcoords="offset points",
                  color=COLOURS[2])  # fmt: skip
    axes.axhline(found.base_rate, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(0.0, found.base_rate, " share of all points", color=GREY, fontsize=7.5, va="bottom")
    bar = chart.colorbar(drawn, ax=axes, ticks=sorted(set(path["limits"])))
    bar.set_label("Number of limited factors")
    axes.set_xlim(-0.03, 1.05)
    axes.set_ylim(0, 1.06)
    axes.grid()
    axes.set_xlabel("Coverage: share of what is of interest that is in the box")
    axes.set_ylabel("Density: share of the box that is of interest")
    axes.set_title("Every box on the way")
    chart.table = path
    chart.alt = f"Coverage against density of {len(path)} boxes; box {found.chosen}: {found.coverage:.0%}, {found.density:.0%}."
    return chart


@styled
def _box_chart(found: Discovery) -> Chart:
    limits = found.limits.head(12)
    numeric = [str(r["factor"]) for _, r in found.limits.iterrows() if r["range_low"] != ""]
    others = [str(c) for c in found.points if c not in ("of_interest", "in_box") and c not in numeric and pd.api.types.is_float_dtype(found.points[c])]
    shown = [*numeric, *others][:2]
    chart = Chart(figsize=(11.0, 4.6), layout="constrained")
    left, right = (axes for axes in np.ravel(np.asarray(chart.subplots(1, 2, width_ratios=(1, 1.15)))))
    chart.suptitle(found.question, x=0.01, ha="left", fontsize=9.5, fontweight="bold")
    if len(shown) == 2:
        _scatter(left, found, shown)
    else:
        left.set_axis_off()
        left.text(0.5, 0.5, "No two factors with a range.", ha="center", color=GREY)
    _ranges(right, limits)
    chart.table = found.limits
    chart.alt = f"{found.question}. Limited: {', '.join(short(str(f)) for f in limits['factor'])}."
    return chart


def _scatter(axes: Axes, found: Discovery, shown: Sequence[str]) -> None:
    points = found.points
    for value, colour, size, label in ((False, "#c3c9d0", 12, "not of interest"), (True, COLOURS[2], 18, "of interest")):
        part = points[points["of_interest"] == value]
        axes.scatter(part[shown[0]], part[shown[1]], s=size, color=colour, linewidth=0, label=label, zorder=2 + value)
    table: Mapping[str, Any] = {str(r["factor"]): r for _, r in found.limits.iterrows()}
    low, high = [], []
    for name in shown:
        row = table.get(name)
        low.append(float(row["low"]) if row is not None else float(points[name].min()))
        high.append(float(row["high"]) if row is not None else float(points[name].max()))
    axes.add_patch(
        matplotlib.patches.Rectangle((low[0], low[1]), high[0] - low[0], high[1] - low[1], fill=False, edgecolor=COLOURS[1], linewidth=1.8, zorder=5)
    )
    axes.set_xlabel(short(shown[0]))
    axes.set_ylabel(short(shown[1]))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=2, fontsize=8)


def _ranges(axes: Axes, limits: pd.DataFrame) -> None:
    for n, (_, row) in enumerate(limits.iterrows()):
        if row["range_low"] == "":
            axes.text(0.0, n, str(row["low"]), va="center", fontsize=8)
            continue
        start, end = float(row["range_low"]), float(row["range_high"])
        low, high = ((float(row[k]) - start) / (end - start) for k in ("low", "high"))
        axes.hlines(n, 0, 1, color="#d5d9de", linewidth=7)
        axes.hlines(n, low, high, color=COLOURS[1], linewidth=7)
        for at, value in ((low, row["low"]), (high, row["high"])):
            side = "left" if at < 0.1 else "right" if at > 0.9 else "center"
            axes.annotate(f"{value:.3g}", (at, n), xytext=(0, 6), textcoords="offset points", fontsize=7.5, ha=side, color=INK)
        p = np.nanmin(np.array([row["p_low"], row["p_high"]], dtype=float))
        axes.text(1.03, n, f"p {p:.2g}", fontsize=7.5, color=GREY, va="center")
    axes.set_yticks(range(len(limits)), [short(str(f)) for f in limits["factor"]])
    axes.set_ylim(len(limits) - 0.3, -0.9)
    axes.set_xlim(-0.02, 1.16)
    axes.set_xticks([0, 1], ["lowest", "highest"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title("Limits of the box, within each factor's range", fontweight="normal")
