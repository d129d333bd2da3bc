"""What every page of a report is made with: templates, figures with the tables behind them, cells, small words."""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..scenarios import OUTCOMES
from . import texts, wording
from .criteria import Cell, change_cell
from .texts import t

if TYPE_CHECKING:
    from ..optimise.charts import Chart
    from .results import Results, Run

#: rows of a figure's table that the page itself holds
ROWS = 60
#: rows of a figure's table that are printed on paper as well
SHORT = 14


@cache
def environment() -> Any:
    """The templates; every text is escaped, and an unknown name raises."""
    import jinja2

    def source(name: str) -> str:
        return files(__package__).joinpath(f"templates/{name}").read_text(encoding="utf-8")

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(source), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["t"] = t
    return made


def render(template: str, context: Mapping[str, Any]) -> str:
    """A page from its template, in the language in use."""
    more = {"language": texts.current().language, "more_style": ""}
    return str(environment().get_template(template).render({**more, **context}))


class Figures:
    """Figures of a page: inline in the page, and as SVG, PNG and CSV in the folder.

    Parameters
    ----------
    prefix : str
        Before the files' names and the ids.
    keep : bool
        Also keep each figure as files.
    """

    def __init__(self, prefix: str = "", keep: bool = True) -> None:
        self.prefix, self.keep = prefix, keep
        self.files: dict[str, bytes | str] = {}

    def item(self, name: str, chart: Chart, caption: str, bitmap: bool = False) -> dict[str, Any]:
        """What a template needs of a figure.

        Parameters
        ----------
        name : str
        chart : Chart
        caption : str
        bitmap : bool
            Show the PNG (maps); otherwise the SVG.
        """
        import markupsafe

        name = f"{self.prefix}{name}"
        item: dict[str, Any] = {"name": name, "alt": chart.alt, "caption": caption, "svg": None, "png": None}
        svg = chart.svg(re.sub(r"\W", "-", name)) if self.keep or not bitmap else ""
        png = chart.png(160 if bitmap else 130, few_colours=bitmap) if bitmap or self.keep else b""
        if self.keep:
            self.files |= {f"figures/{name}.png": png, f"figures/{name}.svg": svg, f"figures/{name}.csv": chart.table.to_csv(index=False)}
        if bitmap:
            item["png"] = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
        else:
            # the words stand in the element around it; twice would be read twice
            item["svg"] = markupsafe.Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))
        table = chart.table
        item["columns"] = [str(c) for c in table.columns]
        item["rows"] = [[told(v) for v in row] for row in table.head(ROWS).itertuples(index=False)]
        item["cut"] = len(table) if len(table) > ROWS else 0
        item["short"] = len(table) <= SHORT
        return item


def place_name(by: str, code: str) -> str:
    """A route's or country's name."""
    return texts.route(code) if by == "route" else texts.country(code)


def places_table(
    found: Results, run: Run, against: Run, by: str, outcomes: Sequence[str], most: int = 12, clear_first: bool = False,
) -> dict[str, Any] | None:
    """Levels and paired changes by route or Member State, for one run.

    Parameters
    ----------
    clear_first : bool
        Places whose change is clear come first, the largest share of it first; otherwise the largest shares of anything.
    """
    names: list[str] = []
    frames: dict[str, pd.DataFrame] = {}
    weight: dict[str, float] = {}
    for name in outcomes:
        table = found.by_place(run.key, against.key, name, by)
        sizes = table[["against_mean", "run_mean"]].astype(float).max(axis=1)
        if not len(table) or not sizes.any():
            continue
        names.append(name)
        frames[name] = table.set_index(by, drop=False)
        moved = table["difference"].abs() * table["verdict"].isin(["lower", "higher"])
        for place, size, change in zip(table[by], sizes / sizes.sum(), moved / max(float(moved.sum()), 1e-300), strict=True):
            own = float(size) + (10.0 * float(change) if clear_first else 0.0)
            weight[place] = max(weight.get(place, 0.0), own)
    if not names:
        return None
    rows = []
    for place in sorted(weight, key=lambda p: (-weight[p], p))[:most]:
        cells: list[Cell] = []
        for name in names:
            if place not in frames[name].index:
                cells += [Cell(t("page.nothing"))] * (2 if run is not against else 1)
                continue
            row = {str(k): v for k, v in frames[name].loc[place].to_dict().items()}
            divisor = scale(name, frames[name])[0]
            cells.append(Cell(wording.number(float(row["against_mean"]) / divisor)))
            if run is not against:
                cells.append(change_cell(row, name, divisor))
        rows.append({"name": place_name(by, place), "cells": cells})
    heads = []
    for name in names:
        unit = scale(name, frames[name])[1]
        heads.append(t("outcomes.in_unit", what=texts.outcome(name), unit=unit) if OUTCOMES[name].unit == "EUR" else texts.outcome(name))
    return {
        "place": t(f"outcomes.{by}"), "heads": heads, "first": found.names[against.key], "rows": rows,
        "changes": run is not against,
    }  # fmt: skip


def scale(name: str, table: pd.DataFrame) -> tuple[float, str]:
    """Divisor and unit in which a column of places is read most easily."""
    return wording.scale_of(OUTCOMES[name].unit, *map(float, table["against_mean"]), *map(float, table["difference"]))


def value(number: Any) -> str:
    """A parameter's value."""
    figure = float(number)
    return f"{figure:,.0f}" if abs(figure) >= 10_000 else f"{figure:.4g}"


def told(number: Any) -> str:
    """A value of a figure's table."""
    if isinstance(number, float):
        if math.isnan(number):
            return t("page.nothing")
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
    return str(number)


def setting(content: Any) -> str:
    """A value of a scenario file."""
    if isinstance(content, list):
        return ", ".join(map(str, content))
    return f"{content:,g}" if isinstance(content, int | float) else str(content)


def day(stamp: str) -> str:
    """'2026-11-26T...' as '26 November 2026'; an empty text when it is no date."""
    try:
        when = dt.datetime.fromisoformat(stamp)
    except ValueError:
        return ""
    return t("wording.day", day=when.day, month=t(f"month.m{when.month}"), year=when.year)


def kicker(found: Results, months: Sequence[str], dated: bool = True) -> str:
    """Program, day and period in one line."""
    version, made = str(found.provenance.get("version") or ""), day(str(found.provenance.get("finished") or ""))
    parts = [t("page.program", version=version), made if dated else "", wording.period(months[0], months[-1])]
    return " · ".join(p for p in parts if p)
