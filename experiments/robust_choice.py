"""Choosing among policies when it is not known which point is the truth: regret, satisficing, and what is traded for what.

Regret is how much worse a policy is at a point than the best of the policies there (Savage 1951, Journal of the American
Statistical Association 46:55-67); satisficing asks in which share of the points a policy keeps everything that was asked (Simon
1956, Psychological Review 63:129-138). Shares are of the points of the design, which are no probabilities of what will happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..optimise.charts import COLOURS, DASHES, GREY, Chart, empty, styled
from ..scenarios import OUTCOMES
from . import wording
from .measures import MAIN_OUTCOMES, AnalysisError, known
from .sensitivity import aligned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .sweep_results import SweepResults

FloatArray = npt.NDArray[np.float64]
#: name of the weighted sum that the first policy's scenario sets, among the outcomes
WEIGHTED: Final = "weighted_sum"
#: share of the points whose regret is below the one that is told as `high`
HIGH: Final = 0.9


@dataclass(frozen=True)
class Criterion:
    """What a policy has to keep at a point: a bound, or (without a figure) to be no worse than the first policy."""

    outcome: str
    sense: Literal["at_most", "at_least"]
    bound: float | None = None

    def __str__(self) -> str:
        sense = "at most" if self.sense == "at_most" else "at least"
        bound = "as under the first policy" if self.bound is None else f"{wording.number(self.bound)} {OUTCOMES[self.outcome].unit}"
        return f"{OUTCOMES[self.outcome].title} {sense} {bound}"


@dataclass(frozen=True)
class RobustChoice:
    """Policies over the points.

    Attributes
    ----------
    figures : DataFrame
        Index policy, point; one column an outcome: mean over the replicates. Only points that all policies have finished.
    regret : DataFrame
        Columns outcome, policy, mean, median, high (90th percentile), largest, best (share of the points at which it is the
        best), unit; outcomes that have a better direction, and the weighted sum.
    satisficing : DataFrame
        Columns policy, criterion, share (of the points at which it is kept); ``all`` of them last.
    criteria : tuple of Criterion
    """

    figures: pd.DataFrame = field(repr=False)
    regret: pd.DataFrame
    satisficing: pd.DataFrame
    criteria: tuple[Criterion, ...]
    policies: tuple[str, ...]
    points: int

    def text(self) -> str:
        """Both tables, for a terminal."""
        lines = [f"{len(self.policies)} policies at {self.points:,} points", ""]
        for outcome in dict.fromkeys(self.regret["outcome"]):
            own = self.regret[self.regret["outcome"] == outcome]
            divisor, unit = wording.scale_of(str(own["unit"].iloc[0]), float(own["largest"].max()))
            top = float(own["largest"].max()) / divisor
            lines.append(f"Regret, {title(outcome)} ({unit}): how much worse than the best policy of the same point")
            rows: list[Sequence[str]] = [("", "mean", "median", "90 % below", "largest", "best at")]
            for _, r in own.iterrows():
                cells = [wording.number(float(r[k]) / divisor, top) for k in ("mean", "median", "high", "largest")]
                rows.append((str(r["policy"]), *cells, f"{float(r['best']):.0%}"))
            lines += [*aligned(rows), ""]
        lines.append("Share of the points at which a policy keeps")
        wide = self.satisficing.pivot(index="criterion", columns="policy", values="share")
        rows = [("", *self.policies)]
        for criterion in dict.fromkeys(self.satisficing["criterion"]):
            name = "all of these" if criterion == "all" else str(criterion)
            rows.append((name, *(f"{wide.loc[criterion, policy]:.0%}" for policy in self.policies)))
        return "\n".join([*lines, *aligned(rows)])

    def write(self, folder: str | Path) -> list[Path]:
        """Write ``regret.csv``, ``satisficing.csv``, ``policies.csv`` and four figures."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        tables = {"regret": self.regret, "satisficing": self.satisficing, "policies": self.figures.reset_index()}
        written = []
        for name, table in tables.items():
            written.append(target / f"{name}.csv")
            table.to_csv(written[-1], index=False)
        charts = {
            "regret": self.regret_chart, "satisficing": self.satisficing_chart,
            "parallel-coordinates": self.parallel_coordinates, "trade-offs": self.trade_offs,
        }  # fmt: skip
        for name, chart in charts.items():
            written.append(target / f"{name}.png")
            written[-1].write_bytes(chart().png())
        return written

    def regret_chart(self) -> Chart:
        """Regret of every policy by outcome: median, and the range that holds nine tenths of the points."""
        return _regret_chart(self)

    def satisficing_chart(self) -> Chart:
        """Share of the points at which every policy keeps every criterion, and all of them."""
        return _satisficing_chart(self)

    def parallel_coordinates(self) -> Chart:
        """A line a policy and point over the outcomes, means on top; every axis has the better end below."""
        return _parallel_coordinates(self)

    def trade_offs(self) -> Chart:
        """Outcomes against one another, a cloud a policy with its mean."""
        return _trade_offs(self)


def title(outcome: str) -> str:
    """Name of an outcome for people, the weighted sum included."""
    return "Weighted sum of outcomes" if outcome == WEIGHTED else OUTCOMES[outcome].title


def robust_choice(
    results: SweepResults, outcomes: Sequence[str] | None = None, criteria: Sequence[Criterion] | Mapping[str, float] | None = None
) -> RobustChoice:
    """Regret and satisficing of the policies of a sweep.

    Parameters
    ----------
    results : SweepResults
        With two policies at least.
    outcomes : sequence of str, optional
        By default deaths, debt, smugglers' profit, backlog and cost.
    criteria : sequence of Criterion or mapping, optional
        A mapping gives bounds by outcome: at most, or at least where more is better. By default: every outcome that has a better
        direction (public cost apart) is no worse than under the first policy.

    Returns
    -------
    RobustChoice

    Raises
    ------
    AnalysisError
        When there is one policy only, or no point is finished under all.
    """
    names = [known(name, OUTCOMES, "outcome") for name in (MAIN_OUTCOMES if outcomes is None else outcomes)]
    if len(results.policies) < 2:
        raise AnalysisError(f"{results.design.name} has one policy; regret compares several (see `policies` of the design)")
    asked = _criteria(criteria, names)
    weights = {n: w.weight for n, w in results.design.policies[0].scenario.outcomes.items() if w.weight}
    needed = list(dict.fromkeys([*names, *(c.outcome for c in asked), *weights]))
    cubes = {name: results.cube(name, "runs").mean(axis=2) for name in needed}
    whole = np.isfinite(np.array(list(cubes.values()))).all(axis=(0, 1))
    if not whole.any():
        raise AnalysisError("no point is finished under all policies; see `sweep --resume`")
    cubes = {name: cube[:, whole] for name, cube in cubes.items()}
    points = np.flatnonzero(whole)
    if weights:
        cubes[WEIGHTED] = np.sum([weight * cubes[name] for name, weight in weights.items()], axis=0)
    index = pd.MultiIndex.from_product([results.policies, points], names=["policy", "point"])
    figures = pd.DataFrame({name: cube.ravel() for name, cube in cubes.items()}, index=index)
    told = [*names, *([WEIGHTED] if weights else [])]
    tables = [_regret(name, cubes[name], results.policies) for name in told if _better(name) != "neither"]
    if not tables:
        raise AnalysisError(f"none of {', '.join(names)} has a better direction: regret needs one that has, such as deaths")
    return RobustChoice(
        figures[told], pd.concat(tables, ignore_index=True), _satisficing(asked, cubes, results.policies), tuple(asked),
        tuple(results.policies), len(points),
    )  # fmt: skip


def _better(outcome: str) -> str:
    return "lower" if outcome == WEIGHTED else OUTCOMES[outcome].better


def _criteria(criteria: Sequence[Criterion] | Mapping[str, float] | None, names: Sequence[str]) -> list[Criterion]:
    def sense(outcome: str) -> Literal["at_most", "at_least"]:
        return "at_least" if OUTCOMES[outcome].better == "higher" else "at_most"

    if criteria is None:
        chosen = [n for n in names if OUTCOMES[n].better != "neither" and n != "cost_eur"]
        return [Criterion(name, sense(name)) for name in chosen]
    if isinstance(criteria, Mapping):
        return [Criterion(known(n, OUTCOMES, "outcome"), sense(n), float(bound)) for n, bound in criteria.items()]
    for one in criteria:
        known(one.outcome, OUTCOMES, "outcome")
    return list(criteria)


def _regrets(name: str, cube: FloatArray) -> FloatArray:
    """Regret by policy and point."""
    if _better(name) == "higher":
        return np.asarray(cube.max(axis=0) - cube)
    return np.asarray(cube - cube.min(axis=0))


def _regret(name: str, cube: FloatArray, policies: Sequence[str]) -> pd.DataFrame:
    regrets = _regrets(name, cube)
    scale = max(float(np.abs(cube).max()), 1e-300)
    return pd.DataFrame(
        {
            "outcome": name,
            "policy": list(policies),
            "mean": regrets.mean(axis=1),
            "median": np.median(regrets, axis=1),
            "high": np.quantile(regrets, HIGH, axis=1),
            "largest": regrets.max(axis=1),
            "best": (regrets <= 1e-12 * scale).mean(axis=1),
            "unit": "points" if name == WEIGHTED else OUTCOMES[name].unit,
        }
    )


def _satisficing(criteria: Sequence[Criterion], cubes: Mapping[str, FloatArray], policies: Sequence[str]) -> pd.DataFrame:
    some = next(iter(cubes.values()))
    together = np.ones(some.shape, dtype=np.bool_)
    rows: list[tuple[str, str, float]] = []
    for one in criteria:
        cube = cubes[one.outcome]
        bound: Any = cube[0] if one.bound is None else one.bound
        # two policies that do the same are as good as each other, whatever the last bit says
        slack = 1e-12 * np.abs(cube)
        kept = cube <= bound + slack if one.sense == "at_most" else cube >= bound - slack
        together &= kept
        rows += [(policy, str(one), float(share)) for policy, share in zip(policies, kept.mean(axis=1), strict=True)]
    rows += [(policy, "all", float(share)) for policy, share in zip(policies, together.mean(axis=1), strict=True)]
    return pd.DataFrame(rows, columns=["policy", "criterion", "share"])


# ---------------------------------------------------------------------------------------------- charts


def _cube(found: RobustChoice, outcome: str) -> FloatArray:
    return found.figures[outcome].to_numpy(dtype=np.float64).reshape(len(found.policies), found.points)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


@styled
def _regret_chart(found: RobustChoice) -> Chart:
    names = list(dict.fromkeys(found.regret["outcome"]))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    chart = Chart(figsize=(10.0, rows * (0.3 * len(found.policies) + 0.95) + 0.3), layout="constrained")
    grid = np.ravel(np.asarray(chart.subplots(rows, columns, squeeze=False)))
    for axes, name in zip(grid, names, strict=False):
        regrets = _regrets(name, _cube(found, name))
        unit = str(found.regret.loc[found.regret["outcome"] == name, "unit"].iloc[0])
        divisor, word = wording.scale_of(unit, float(regrets.max()))
        for k, policy in enumerate(found.policies):
            low, middle, high = np.quantile(regrets[k] / divisor, [0.05, 0.5, 0.95])
            axes.hlines(k, low, high, color=_colour(k), linewidth=2)
            axes.scatter([middle], [k], s=26, color=_colour(k), zorder=3)
            axes.scatter([float(regrets[k].max()) / divisor], [k], s=18, marker="|", color=_colour(k), zorder=3)
            del policy
        axes.set_yticks(range(len(found.policies)), list(found.policies))
        axes.set_ylim(len(found.policies) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        axes.set_title(title(name))
        axes.set_xlabel(word)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    chart.supxlabel("Regret: dot median, line 5th to 95th percentile of the points, stroke the largest", fontsize=8, color=GREY)
    chart.table = found.regret
    least = found.regret[found.regret["outcome"] == names[-1]].sort_values("mean")["policy"].iloc[0]
    chart.alt = f"Regret by policy and outcome. Smallest mean regret in {title(names[-1])}: {least}."
    return chart


@styled
def _satisficing_chart(found: RobustChoice) -> Chart:
    criteria = list(dict.fromkeys(found.satisficing["criterion"]))
    wide = found.satisficing.pivot(index="criterion", columns="policy", values="share").loc[criteria, list(found.policies)]
    values = wide.to_numpy(dtype=np.float64)
    chart = Chart(figsize=(3.9 + 1.15 * len(found.policies), 0.42 * len(criteria) + 0.9), layout="constrained")
    axes = chart.subplots()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            axes.text(j, i, f"{value:.0%}", ha="center", va="center", color="white" if value > 0.65 else "#1d2530")
    axes.set_xticks(range(len(found.policies)), list(found.policies))
    axes.set_yticks(range(len(criteria)), ["all of these" if c == "all" else c for c in criteria])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.axhline(len(criteria) - 1.5, color="white", linewidth=3)
    axes.set_xlabel("Share of the points of the design at which the criterion is kept", fontsize=8, color=GREY)
    chart.table = found.satisficing
    chart.alt = "Share of the points at which each policy keeps each criterion. All: " + ", ".join(
        f"{policy} {share:.0%}" for policy, share in zip(found.policies, values[-1], strict=True)
    )
    return chart


@styled
def _parallel_coordinates(found: RobustChoice) -> Chart:
    names = [n for n in found.figures if n != WEIGHTED and np.ptp(_cube(found, str(n))) > 0]
    if len(names) < 2:
        return empty(9.0, "Fewer than two outcomes vary.")
    chart = Chart(figsize=(max(6.0, 2.0 * len(names)), 4.4), layout="constrained")
    axes = chart.subplots()
    scaled = []
    for name in names:
        cube = _cube(found, str(name))
        share = (cube - cube.min()) / np.ptp(cube)
        scaled.append(1.0 - share if _better(str(name)) == "higher" else share)
    lines = np.array(scaled)  # outcome, policy, point
    x = np.arange(len(names))
    opacity = float(np.clip(12 / found.points, 0.04, 0.5))
    for k in range(len(found.policies)):
        axes.plot(x, lines[:, k, :], color=_colour(k), linewidth=0.7, alpha=opacity, zorder=1)
    for k, policy in enumerate(found.policies):
        axes.plot(x, lines[:, k, :].mean(axis=1), color=_colour(k), linestyle=DASHES[k % len(DASHES)], linewidth=2.4, marker="o",
                  markersize=4, label=policy, zorder=3)  # fmt: skip
    for n, name in enumerate(names):
        cube = _cube(found, str(name))
        divisor, word = wording.scale_of(OUTCOMES[str(name)].unit, float(cube.max()), float(cube.min()))
        top = float(np.abs(cube).max()) / divisor
        low, high = (wording.number(float(v) / divisor, top) for v in (cube.min(), cube.max()))
        if _better(str(name)) == "higher":
            low, high = high, low
        axes.axvline(n, color=GREY, linewidth=0.7, zorder=0)
        axes.text(n, 1.02, high, ha="center", va="bottom", fontsize=8)
        axes.text(n, -0.02, low, ha="center", va="top", fontsize=8)
        axes.text(n, -0.12, f"{_folded(OUTCOMES[str(name)].title)}\n({word})", ha="center", va="top", fontsize=8)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_axis_off()
    axes.set_title("Below is better; thin lines are points, thick ones means over the points", fontweight="normal", pad=16)
    chart.legend(loc="outside right upper", fontsize=8)
    chart.table = found.figures.reset_index()
    chart.alt = f"Parallel coordinates of {len(found.policies)} policies over {', '.join(title(str(n)) for n in names)}."
    return chart


def _folded(text: str) -> str:
    words, lines = text.split(), [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > 16:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


@styled
def _trade_offs(found: RobustChoice) -> Chart:
    names = [str(n) for n in found.figures if n != WEIGHTED and np.ptp(_cube(found, str(n))) > 0][:5]
    if len(names) < 2:
        return empty(9.0, "Fewer than two outcomes vary: nothing is traded.")
    size = len(names) - 1
    chart = Chart(figsize=(2.5 * size + 1.2, 2.2 * size + 0.8), layout="constrained")
    grid: Any = chart.subplots(size, size, squeeze=False, sharex="col", sharey="row")
    for i in range(size):
        for j in range(size):
            axes: Axes = grid[i, j]
            if j > i:
                axes.set_axis_off()
                continue
            _cloud(axes, found, names[j], names[i + 1])
            axes.set_xlabel(_axis(found, names[j]) if i == size - 1 else "")
            axes.set_ylabel(_axis(found, names[i + 1]) if j == 0 else "")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    chart.legend(handles, labels, loc="outside upper right" if size > 1 else "outside lower left", fontsize=8, ncols=1 if size > 1 else 3,
                 title="Change against " + found.policies[0], title_fontsize=8)  # fmt: skip
    chart.table = found.figures.reset_index()
    chart.alt = f"Changes against {found.policies[0]} of {', '.join(title(n) for n in names)} against one another, by policy and point."
    return chart


def _changes(found: RobustChoice, outcome: str) -> tuple[FloatArray, str]:
    """Change against the first policy, point by point, in units that read easily."""
    cube = _cube(found, outcome)
    changes = cube - cube[0]
    divisor, word = wording.scale_of(OUTCOMES[outcome].unit, float(np.abs(changes).max()))
    return changes / divisor, word


def _axis(found: RobustChoice, outcome: str) -> str:
    return f"{_folded(OUTCOMES[outcome].title)}\n({_changes(found, outcome)[1]})"


def _cloud(axes: Axes, found: RobustChoice, across: str, up: str) -> None:
    x, y = _changes(found, across)[0], _changes(found, up)[0]
    for k, policy in enumerate(found.policies[1:], start=1):
        axes.scatter(x[k], y[k], s=7, color=_colour(k), alpha=float(np.clip(40 / found.points, 0.12, 0.7)), linewidth=0)
        axes.scatter([x[k].mean()], [y[k].mean()], s=48, color=_colour(k), edgecolor="white", linewidth=1, zorder=4, label=policy)
    axes.axvline(0, color=GREY, linewidth=0.7)
    axes.axhline(0, color=GREY, linewidth=0.7)
    axes.grid()
