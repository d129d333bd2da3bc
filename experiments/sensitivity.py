"""Which factors matter: Sobol' indices and Morris's elementary effects of a sweep, with intervals.

Sobol' first-order and total indices by the estimators of Saltelli et al. (2010, Computer Physics Communications
181:259-270), elementary effects by Morris (1991, Technometrics 33:161-174) with the mean of absolute effects of
Campolongo, Cariboni and Saltelli (2007, Environmental Modelling & Software 22:1509-1518); all three from SALib, intervals
by its bootstrap. A point's figure is the mean over its replicates. These share their noise from point to point, so that chance moves an
index less than the standard error of a point would suggest.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..optimise.charts import COLOURS, GREY, Chart, empty, styled
from ..scenarios import OUTCOMES
from . import sampling, wording
from .measures import AnalysisError, Measure, measures, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .designs import Design
    from .sweep_results import SweepResults

FloatArray = npt.NDArray[np.float64]
LEVEL: Final = 0.95
#: resamples of the bootstrap, and its seed: the same store gives the same intervals
RESAMPLES: Final = 500
_SEED: Final = 20_231_128
#: index by which factors are ordered, and that which stands beside it
_ORDER: Final = {"sobol": "total", "morris": "mean_absolute"}
MEANING: Final[Mapping[str, str]] = {
    "first": "share of the variance that the factor explains by itself",
    "total": "share of the variance in which the factor has any part, interactions included",
    "second": "share of the variance that the pair explains beyond its two factors",
    "mean_absolute": "mean size of the change when the factor moves by its step (Morris's mu*)",
    "mean": "mean change, with its sign (mu)",
    "spread": "standard deviation of the change: large beside mu* where the factor interacts or is not linear (sigma)",
}


@dataclass(frozen=True)
class Sensitivity:
    """Indices of every factor for every measure.

    Attributes
    ----------
    method : {'sobol', 'morris'}
    table : DataFrame
        Columns outcome, policy, against, factor, with (the second factor of a pair), index, value, low, high; value NaN
        where a measure does not vary.
    measures : DataFrame
        Columns outcome, policy, against, points, mean, sd (over the points), chance (median standard error of a point's
        figure), unit.
    left_out : int
        Blocks of the design (base points or trajectories) with a run that is not finished.
    """

    method: Literal["sobol", "morris"]
    table: pd.DataFrame
    measures: pd.DataFrame
    left_out: int
    _drawn: tuple[Measure, ...] = field(default=(), repr=False)

    def ranking(self, outcome: str, policy: str, against: str = "") -> pd.DataFrame:
        """Factors of one measure, the most important first: one row a factor, one column an index with ``_low``, ``_high``."""
        own = self.table[
            (self.table["outcome"] == outcome) & (self.table["policy"] == policy)
            & (self.table["against"] == against) & (self.table["with"] == "")
        ]  # fmt: skip
        wide = own.pivot(index="factor", columns="index", values=["value", "low", "high"])
        pairs = [(str(column[0]), str(column[1])) for column in wide.columns.to_list()]
        wide.columns = pd.Index([index if kind == "value" else f"{index}_{kind}" for kind, index in pairs])
        factors = list(dict.fromkeys(own["factor"]))
        return wide.reindex(factors).sort_values(_ORDER[self.method], ascending=False, kind="stable", na_position="last")

    def chart(self, outcome: str, policy: str, against: str = "", most: int = 15) -> Chart:
        """Indices of the most important factors with their intervals (Morris: also mean against spread)."""
        title = next(m.title for m in self._drawn if (m.outcome, m.policy, m.against) == (outcome, policy, against))
        ranked = self.ranking(outcome, policy, against)
        unit = OUTCOMES[outcome].unit
        return _sobol_chart(ranked, title, most) if self.method == "sobol" else _morris_chart(ranked, title, unit, most)

    def text(self, most: int = 8) -> str:
        """The most important factors of every measure, for a terminal."""
        lines: list[str] = []
        for _, row in self.measures.iterrows():
            lines += _told(self, row, most)
        if self.left_out:
            what = "base points" if self.method == "sobol" else "trajectories"
            lines.append(f"{self.left_out:,} {what} are left out: not all of their runs are finished.")
        return "\n".join(lines)

    def write(self, folder: str | Path) -> list[Path]:
        """Write ``sensitivity.csv``, ``sensitivity-measures.csv`` and a figure for every measure that varies."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        written = [target / "sensitivity.csv", target / "sensitivity-measures.csv"]
        self.table.to_csv(written[0], index=False)
        self.measures.to_csv(written[1], index=False)
        for one in self._drawn:
            if one.varies:
                written.append(target / f"sensitivity-{one.file_name}.png")
                written[-1].write_bytes(self.chart(one.outcome, one.policy, one.against).png())
        return written


def sensitivity(
    results: SweepResults,
    outcomes: Sequence[str] | None = None,
    *,
    policy: str | None = None,
    against: str | None = None,
    resamples: int = RESAMPLES,
) -> Sensitivity:
    """Indices of a Sobol or Morris sweep.

    Parameters
    ----------
    results : SweepResults
        Of a design whose `sampling.method` is sobol or morris.
    outcomes : sequence of str, optional
        By default deaths, debt, smugglers' profit, backlog and cost.
    policy, against : str, optional
        By default the first policy itself, and every other one against it, replicate by replicate.
    resamples : int
        Of the bootstrap behind the 95 % intervals.

    Returns
    -------
    Sensitivity

    Raises
    ------
    AnalysisError
        When the design is of another kind, or too little is finished.
    """
    design = results.design
    method = design.file.sampling.method
    if method not in ("sobol", "morris") or not design.factors:
        has = "no factors" if not design.factors else f"points of a {method.replace('_', ' ')} design"
        raise AnalysisError(
            f"sensitivity indices need a sobol or morris design, and {design.name} has {has}: set `sampling: {{method: morris, "
            "trajectories: 10}` to find the few factors that matter, `sampling: {method: sobol, base_points: 256}` for shares of variance"
        )
    problem = design.problem()
    unit = sampling.unit_points(design)
    block = _block(design)
    wanted = measures(results, outcomes, policy, against)
    # the same blocks for every measure, so that their indices can stand beside one another
    whole = np.isfinite(np.array([m.values for m in wanted])).all(axis=0).reshape(-1, block).all(axis=1)
    if whole.sum() < 2:
        kind = "base points" if method == "sobol" else "trajectories"
        raise AnalysisError(f"{int(whole.sum())} of {len(whole)} {kind} have all their runs; indices need two at least (see `sweep --resume`)")
    kept = np.repeat(whole, block)
    rows: list[dict[str, Any]] = []
    for one in wanted:
        rows += _indices(method, design, problem, unit[kept], one, one.values[kept], resamples)
    columns = ["outcome", "policy", "against", "factor", "with", "index", "value", "low", "high"]
    about = pd.DataFrame([_about(one, kept) for one in wanted])
    return Sensitivity(method, pd.DataFrame(rows, columns=columns), about, int((~whole).sum()), tuple(wanted))


def _block(design: Design) -> int:
    """Points that belong together: of one base point, or of one trajectory."""
    s = design.file.sampling
    return sampling.number_of_points(design) // ((s.base_points if s.method == "sobol" else s.trajectories) or 1)


def _about(one: Measure, kept: npt.NDArray[np.bool_]) -> dict[str, Any]:
    values, errors = one.values[kept], one.errors[kept]
    chance = float(np.median(errors)) if np.isfinite(errors).all() else np.nan
    return {
        "outcome": one.outcome, "policy": one.policy, "against": one.against, "points": len(values),
        "mean": float(values.mean()), "sd": float(values.std(ddof=1)), "chance": chance, "unit": OUTCOMES[one.outcome].unit,
    }  # fmt: skip


def _indices(
    method: str, design: Design, problem: dict[str, Any], unit: FloatArray, one: Measure, values: FloatArray, resamples: int
) -> list[dict[str, Any]]:
    grouped = "groups" in problem
    names = list(dict.fromkeys(problem["groups" if grouped else "names"]))
    about = {"outcome": one.outcome, "policy": one.policy, "against": one.against}

    def row(factor: str, index: str, value: float, half: float | None, other: str = "") -> dict[str, Any]:
        low, high = (np.nan, np.nan) if half is None else (value - half, value + half)
        return {**about, "factor": factor, "with": other, "index": index, "value": value, "low": low, "high": high}

    if method == "morris":
        found = _morris(problem, unit, values, design.file.sampling.levels or 4, resamples)
        rows = []
        for k, name in enumerate(names):
            rows.append(row(name, "mean_absolute", float(found["mu_star"][k]), float(found["mu_star_conf"][k])))
            if not grouped:  # a group's factors move each in its own direction
                rows += [row(name, "mean", float(found["mu"][k]), None), row(name, "spread", float(found["sigma"][k]), None)]
        return rows
    second = bool(design.file.sampling.second_order)
    if not np.ptp(values) > 1e-12 * max(float(np.abs(values).max()), 1e-300):
        return [row(name, index, np.nan, None) for name in names for index in ("first", "total")]
    found = _sobol(problem, values, second, resamples)
    rows = []
    for k, name in enumerate(names):
        rows.append(row(name, "first", float(found["S1"][k]), float(found["S1_conf"][k])))
        rows.append(row(name, "total", float(found["ST"][k]), float(found["ST_conf"][k])))
    if second:
        for j in range(len(names)):
            for k in range(j + 1, len(names)):
                rows.append(row(names[j], "second", float(found["S2"][j, k]), float(found["S2_conf"][j, k]), names[k]))
    return rows


def _sobol(problem: dict[str, Any], values: FloatArray, second: bool, resamples: int) -> Mapping[str, Any]:
    analyse = sampling.salib("analyze.sobol").analyze
    problem = dict(problem)
    with warnings.catch_warnings():  # a resample in which nothing varies
        warnings.simplefilter("ignore", RuntimeWarning)
        found: Mapping[str, Any] = analyse(
            problem, values, calc_second_order=second, num_resamples=resamples, conf_level=LEVEL, seed=_SEED
        )
    return found


def _morris(problem: dict[str, Any], unit: FloatArray, values: FloatArray, levels: int, resamples: int) -> Mapping[str, Any]:
    analyse = sampling.salib("analyze.morris").analyze
    problem = dict(problem)  # SALib writes groups of one into it
    found: Mapping[str, Any] = analyse(
        problem, unit, values, num_resamples=resamples, conf_level=LEVEL, num_levels=levels, seed=_SEED
    )
    return found


# ---------------------------------------------------------------------------------------------- for people


def _told(found: Sensitivity, about: Any, most: int) -> list[str]:
    outcome, policy, against = (str(about[k]) for k in ("outcome", "policy", "against"))
    info = OUTCOMES[outcome]
    divisor, unit = wording.scale_of(info.unit, float(about["mean"]), float(about["sd"]))
    told = f"{policy} against {against}" if against else policy
    mean, sd = (wording.number(float(about[k]) / divisor) for k in ("mean", "sd"))
    chance = float(about["chance"]) / divisor
    lines = [
        f"{info.title}, {told}: mean {mean} {unit}, standard deviation over {int(about['points']):,} points {sd}"
        + (f", by chance at one point {wording.number(chance)}" if np.isfinite(chance) else "")
    ]
    ranked = found.ranking(outcome, policy, against)
    order = _ORDER[found.method]
    ranked = ranked[ranked[order].abs() > 0]
    if ranked.empty:
        return [*lines, "  does not vary with any factor", ""]
    head: tuple[str, ...]
    if found.method == "sobol":
        head = ("", "total", "95 % interval", "by itself", "95 % interval")
        cells = [
            (short(str(f)), f"{r['total']:.2f}", f"{r['total_low']:.2f} to {r['total_high']:.2f}",
             f"{r['first']:.2f}", f"{r['first_low']:.2f} to {r['first_high']:.2f}")
            for f, r in ranked.head(most).iterrows()
        ]  # fmt: skip
    else:
        head = ("", "mean size", "95 % interval", "mean", "spread")
        top = float(ranked[order].max()) / divisor
        cells = []
        for factor, r in ranked.head(most).iterrows():
            figure = {k: wording.number(float(r.get(k, np.nan)) / divisor, top) for k in ("mean_absolute", "mean_absolute_low", "mean_absolute_high", "mean", "spread")}
            cells.append((short(str(factor)), figure["mean_absolute"], f"{figure['mean_absolute_low']} to {figure['mean_absolute_high']}", figure["mean"], figure["spread"]))
    lines += aligned([head, *cells])
    if len(ranked) > most:
        lines.append(f"  and {len(ranked) - most:,} factors with less")
    return [*lines, ""]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Text in columns: the first to the left, the others to the right."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  " + "  ".join(f"{cell:{'<' if n == 0 else '>'}{widths[n]}}" for n, cell in enumerate(row)).rstrip() for row in rows
    ]


def _lanes(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short(n) for n in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


@styled
def _sobol_chart(ranked: pd.DataFrame, title: str, most: int) -> Chart:
    shown = ranked.head(most)
    if not shown["total"].abs().max() > 0:
        return empty(9.0, f"{title} does not vary with any factor.")
    chart = Chart(figsize=(9.0, 0.3 * len(shown) + 1.4), layout="constrained")
    axes = chart.subplots()
    for shift, index, colour, name in ((-0.14, "total", COLOURS[1], "total, interactions included"), (0.14, "first", COLOURS[2], "by itself")):
        y = np.arange(len(shown)) + shift
        axes.hlines(y, shown[f"{index}_low"], shown[f"{index}_high"], color=colour, linewidth=1.6)
        axes.scatter(shown[index], y, s=24, color=colour, label=name, zorder=3)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    _lanes(axes, [str(f) for f in shown.index])
    axes.set_xlabel("Share of the variance over the points, with 95 % intervals")
    axes.set_title(title)
    chart.legend(loc="outside lower left", ncols=2, fontsize=8)
    chart.table = shown.reset_index()
    chart.alt = f"Sobol' indices, {title}. Largest total index: {short(str(shown.index[0]))}, {shown['total'].iloc[0]:.2f}."
    return chart


@styled
def _morris_chart(ranked: pd.DataFrame, title: str, unit: str, most: int) -> Chart:
    shown = ranked.head(most)
    if not shown["mean_absolute"].max() > 0:
        return empty(9.0, f"{title} does not vary with any factor.")
    divisor, word = wording.scale_of(unit, *shown["mean_absolute"].tolist())
    grouped = "spread" not in shown
    chart = Chart(figsize=(9.0 if grouped else 11.0, 0.28 * len(shown) + 1.6), layout="constrained")
    axes: list[Axes] = chart.subplots(1, 1 if grouped else 2, squeeze=False, width_ratios=(1,) if grouped else (1.25, 1))[0].tolist()
    left = axes[0]
    y = np.arange(len(shown))
    left.hlines(y, shown["mean_absolute_low"] / divisor, shown["mean_absolute_high"] / divisor, color=COLOURS[1], linewidth=1.6)
    left.scatter(shown["mean_absolute"] / divisor, y, s=24, color=COLOURS[1], zorder=3)
    left.axvline(0.0, color=GREY, linewidth=0.8)
    _lanes(left, [str(f) for f in shown.index])
    left.set_xlabel(f"Mean size of the effect over the factor's range, {word}, with 95 % intervals")
    chart.suptitle(title, x=0.01, ha="left", fontsize=9.5, fontweight="bold")
    if not grouped:
        right = axes[1]
        mu, sigma = shown["mean_absolute"] / divisor, shown["spread"] / divisor
        right.scatter(mu, sigma, s=24, color=COLOURS[1], zorder=3)
        top = 1.12 * float(max(mu.max(), sigma.max()))
        right.plot([0, top], [0, top], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        right.text(0.97 * top, 0.99 * top, "spread = mean size", color=GREY, fontsize=7.5, ha="right", va="bottom", rotation=0)
        for n, factor in enumerate(shown.index[:5]):
            right.annotate(str(n + 1), (float(mu.iloc[n]), float(sigma.iloc[n])), xytext=(4, 3), textcoords="offset points",
                           fontsize=8)  # fmt: skip
            left.annotate(str(n + 1), (0, 0), xytext=(1.0, n), textcoords=left.get_yaxis_transform(), fontsize=8, color=GREY, ha="right",
                          va="center")  # fmt: skip
            del factor
        right.set_xlim(0, top)
        right.set_ylim(0, top * 1.06)
        right.grid()
        right.set_xlabel(f"Mean size of the effect, {word}")
        right.set_ylabel("Spread of the effect")
    chart.table = shown.reset_index()
    chart.alt = f"Elementary effects, {title}. Largest: {short(str(shown.index[0]))}."
    return chart
