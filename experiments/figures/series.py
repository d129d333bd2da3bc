"""When it happens: monthly figures with bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.dates
import numpy as np
import pandas as pd

from ...optimise.charts import COLOURS, DASHES, Chart, styled
from ...scenarios import OUTCOMES
from .. import summarising, texts, wording
from ..texts import t
from .axes import fitting

if TYPE_CHECKING:
    from ..results import Results

KEY_OUTCOMES = (
    "deaths",
    "travellers_in_debt",
    "irregular_crossings",
    "smuggler_profit_eur",
    "active_networks",
    "case_backlog",
)


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
                      label=fitting(results.names[key]))  # fmt: skip
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
