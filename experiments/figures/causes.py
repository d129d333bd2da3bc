"""What hangs on what: levers, parameters, and staff in one place on outcomes in others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.colors
import numpy as np
import pandas as pd

from ...optimise.charts import COLOURS, GREY, INK, LESS, MORE, Chart, empty, styled
from ...scenarios import LEVERS, OUTCOMES
from .. import texts, wording
from ..added_tables import indices
from ..texts import t
from .axes import as_matrix, plain

if TYPE_CHECKING:
    from ..results import Results

#: name that `attribution` gives to everything in which scenarios differ that is no lever
OTHER = "other assumptions"


def factor_title(results: Results, name: str) -> str:
    """A factor in words: a parameter's description up to its first full stop, a lever's title, or the name itself."""
    if name in LEVERS:
        return texts.lever(name)
    if name == OTHER:
        return t("figure.other_assumptions")
    bare = name.removeprefix("parameters.").removeprefix("uncertainties.parameters.")
    own = results.parameters[results.parameters["name"] == bare]
    if own.empty:
        return bare.removeprefix("uncertainties.").replace("_", " ")
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
        or with a column part, what each factor adds, low and high then being the ends of its interval; or the table of a sweep's
        `sensitivity`, of whose indices the total (Sobol) or the mean size (Morris) is drawn. By default the results' own: of
        sensitivity, or else of levers.
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
    swept = indices(table)
    if swept is not None and swept.empty:
        return empty(width, t("figure.tornado_none"))
    table = table if swept is None else swept
    names = [o for o in outcomes if o in set(table["outcome"])] or [str(table["outcome"].iloc[0])]
    parts = "part" in table.columns
    shown: list[pd.DataFrame] = []
    for name in names:
        own = table[table["outcome"] == name]
        size = own["part"].abs() if parts else own[["low", "high"]].abs().max(axis=1)
        shown.append(own.loc[size.sort_values(ascending=False, kind="stable").index].head(most))
    chart = Chart(figsize=(width, sum(0.3 * len(p) + 0.75 for p in shown) + (0.0 if parts else 0.3)), layout="constrained")
    grid = chart.subplots(len(names), 1, squeeze=False, height_ratios=[len(p) + 1 for p in shown])
    for axes, name, own in zip(grid.flat, names, shown, strict=True):
        unit = OUTCOMES[name].unit if name in OUTCOMES else ""
        columns = ["part", "low", "high"] if parts else ["low", "high"]
        if swept is not None and own["index"].iloc[0] == "total":
            unit = ""
        divisor, unit = wording.scale_of(unit, *own[columns].to_numpy(float).ravel().tolist())
        y = np.arange(len(own))
        low, high = own["low"].to_numpy(float) / divisor, own["high"].to_numpy(float) / divisor
        if parts:
            middle = own["part"].to_numpy(float) / divisor
            signed = [MORE if v > 0 else LESS for v in middle]
            axes.barh(y, middle, height=0.6, color=signed if swept is None else COLOURS[1])
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
        axes.set_xlabel(t("figure.tornado_axis", what=texts.outcome(name), unit=unit) if swept is None else swept_axis(own, name, unit))
        axes.xaxis.set_major_formatter(plain)
    if not parts:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower left", ncols=2, fontsize=8)
    chart.table = pd.concat(shown, ignore_index=True)
    told = ", ".join(factor_title(results, str(f)) for f in shown[0]["factor"].head(3))
    key = "figure.attribution_alt" if parts and swept is None else "figure.tornado_alt"
    chart.alt = t(key, what=wording.listed([wording.title(n) for n in names]), told=told)
    return chart


def swept_axis(own: pd.DataFrame, outcome: str, unit: str) -> str:
    """What an axis of a sweep's indices shows: of which outcome, and of which policy or difference of policies."""
    index, policy, against = (str(own[c].iloc[0]) for c in ("index", "policy", "against"))
    key = "figure.tornado_total" if index == "total" else "figure.tornado_size"
    return t(key, what=texts.outcome(outcome), of=swept_of(policy, against), unit=unit)


def swept_of(policy: str, against: str) -> str:
    """A policy of a sweep, or its difference from another one, in words."""
    return t("figure.tornado_difference", policy=policy, against=against) if against else policy


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
        Which of them; by default the table's first outcome, and of the resources that with the effect farthest from zero in standard errors.
    width : float
        Inches at most.
    """
    if table is None and results is not None:
        table = results.waterbed
    if table is None or table.empty:
        return empty(width, t("figure.waterbed_none"))
    own = table.rename(columns={"affected place": "affected_place"})
    outcome = outcome or str(own["outcome"].iloc[0])
    own = own[own["outcome"] == outcome]
    if resource is None:
        far = np.where(own["se"] > 0, own["effect"].abs() / own["se"].where(own["se"] > 0, 1.0), 0.0)
        resource = str(own["resource"].iloc[int(far.argmax())])
    own = own[own["resource"] == resource]
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
    clear = (errors > 0) & (np.abs(values) > 2 * errors)
    # noise is not to look like a finding
    axes.imshow(np.nan_to_num(np.where(clear, values, 0.25 * values)), cmap=colours, vmin=-top, vmax=top, aspect="auto")
    for i in range(len(rows)):
        for j in range(len(columns)):
            value = values[i, j]
            if math.isnan(value):
                continue
            axes.text(j, i, wording.number(value, top, True), ha="center", va="center", fontsize=7.5,
                      fontweight="bold" if clear[i, j] else "normal", color="white" if clear[i, j] and abs(value) > 0.62 * top else INK)  # fmt: skip
    axes.set_xticks(range(len(columns)), [_place_label(c) for c in columns], fontsize=7.5, rotation=40 if len(columns) > 6 else 0,
                    ha="left" if len(columns) > 6 else "center")  # fmt: skip
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_yticks(range(len(rows)), [_place_label(r) for r in rows])
    axes.set_xlabel(t("figure.waterbed_swells"))
    axes.set_ylabel(t("figure.waterbed_pressed"))
    as_matrix(axes, len(rows), len(columns))
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
