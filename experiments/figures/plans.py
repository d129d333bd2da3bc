"""Where staff goes, and what one unit more of each limit would be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ...optimise import charts
from ...optimise.charts import Chart, empty, styled
from ...scenarios import OUTCOMES
from .. import texts, wording
from ..texts import t

if TYPE_CHECKING:
    from ..results import PlanRecord, Results


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
