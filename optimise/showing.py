"""A plan as a notebook shows it, and in one line."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import words

if TYPE_CHECKING:
    from .plan import Plan

RULES = {"plan": "this plan", "pro_rata": "by population", "proportional": "by measured work", "greedy": "greedy"}
MOST_PLACES = 12
"""Columns of the table of staff: the places with most, the rest summed up."""


def one_line(plan: Plan) -> str:
    """A plan in one line: when, how much staff, and what it is worth."""
    p = plan.model.problem
    years = float(np.asarray(plan.allocation).sum(axis=(0, 1)) @ p.quarter_years)
    return (f"Plan for {p.quarters[0]} to {p.quarters[-1]}: {words.number(years)} staff-years of {len(plan.table['resource'].unique())} "
            f"types in {len(plan.table['place'].unique())} places, {_points(plan.objective)} points of weighted harm ({aim(plan)}; "
            f"{how(plan)})")


def aim(plan: Plan) -> str:
    """What was minimised."""
    return str(plan.minimises)


def how(plan: Plan) -> str:
    """Status, solver, and the gap where it is more than rounding."""
    from .solving import CBC_TOLERANCE

    gap = plan.solution.gap
    proved = f", within {100 * gap:.2g} % of the best possible" if gap > CBC_TOLERANCE else ""
    return f"{plan.status}{proved}, {plan.solver}"


def staff(plan: Plan) -> pd.DataFrame:
    """Mean additional staff over the quarters, types by places: the places with most first, the rest as one column."""
    p = plan.model.problem
    mean = np.asarray(plan.allocation) @ (p.quarter_years / p.quarter_years.sum())
    table = pd.DataFrame(mean, index=[_capital(p.resource_title(r)) for r in p.resources], columns=[p.place_title(i) for i in p.places])
    table = table.loc[(table > DUST).any(axis=1), (table > DUST).any(axis=0)]
    table = table[table.sum().sort_values(ascending=False, kind="stable").index]
    if table.shape[1] > MOST_PLACES:
        rest = table.iloc[:, MOST_PLACES - 1:]
        table = table.iloc[:, :MOST_PLACES - 1].assign(**{f"{rest.shape[1]} others": rest.sum(axis=1)})
    table["all"] = table.sum(axis=1)
    return table


DUST = 1e-6


def html(plan: Plan) -> str:
    """A plan for a notebook: what it is worth, who goes where, beside what, and the most telling prices."""
    from ..scenarios import OUTCOMES

    title = plan.scenario.title or plan.scenario.name if plan.scenario is not None else "Plan"
    p = plan.model.problem
    out = [f"<div><b>{escape(title)}</b>: additional staff, {p.quarters[0]} to {p.quarters[-1]}<br>",
           f"Weighted harm {_points(plan.objective)} points ({escape(aim(plan))}; {escape(how(plan))})</div>"]
    placed = staff(plan)
    if placed.empty:
        out.append("<p>The plan places no additional staff.</p>")
    else:
        head = ["", *placed.columns]
        body = [[str(name), *(f"{value:,.1f}".replace("0.0", "") if value < 1 else f"{value:,.1f}" for value in row)]
                for name, row in zip(placed.index, placed.to_numpy(), strict=True)]
        out.append(_table("Mean staff over the quarters", head, body))
    values = plan.rule_values
    out.append(_table("Beside other rules, on the same curves", ["placement", "points avoided", "EUR", "weighted harm, points"], [
        [RULES.get(str(rule), str(rule)), words.number(avoided) if avoided >= 0 else f"-{words.number(-avoided)}", f"{eur:,.0f}",
         _points(net)] for rule, avoided, eur, net in zip(*(values[c] for c in ("rule", "avoided", "eur", "objective")), strict=True)]))
    weighted = {**plan.weights, "cost_eur": plan.weights.get("cost_eur", 0.0)}
    rows = []
    for name, change in plan.expected.items():
        if name in weighted and name in OUTCOMES:
            info = OUTCOMES[name]
            error = f"{words.number(change['se'])}" if change["se"] > 0 else ""
            rows.append([info.title, _points(change["change"]), error, info.unit])
    if rows:
        out.append(_table("Expected change of what is weighted", ["outcome", "change", "standard error", "unit"], rows))
    if plan.summary:
        out.append("<ul>" + "".join(f"<li>{escape(text)}</li>" for text in plan.summary) + "</ul>")
    return "\n".join(out)


def _table(caption: str, head: list[str], body: list[list[str]]) -> str:
    """A table whose figures stand right; a notebook brings its own style."""
    def row(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(
            f'<{tag} style="text-align:{"left" if n == 0 else "right"}">{escape(cell)}</{tag}>' for n, cell in enumerate(cells)) + "</tr>"

    return (f'<table><caption style="text-align:left">{escape(caption)}</caption><thead>{row(head, "th")}</thead><tbody>'
            + "".join(row(cells, "td") for cells in body) + "</tbody></table>")


def _points(value: float) -> str:
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{words.number(abs(value))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
