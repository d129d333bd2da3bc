"""How results show themselves in a notebook: what was asked, and the table that the command line prints."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from ..scenarios import OUTCOMES
from ..scenarios.displays import table
from . import summarising, wording

if TYPE_CHECKING:
    from .results import Results, Run

STYLE = {"better": "color:#1a6b3c", "worse": "color:#a02c2c"}


def results_html(found: Results) -> str:
    """Results as HTML for a notebook."""

    months = summarising.months(found.outcomes)
    parts = [f"<div><i>{escape(q)}</i></div>" for q in wording.questions(found.runs)]
    parts.append(
        f"<div>{escape(wording.period(months[0], months[-1]))}, {found.replicates} "
        f"replicate{'s' if found.replicates > 1 else ''}</div>"
    )
    if len(found.runs) == 1:
        parts.append(_levels(found))
    else:
        parts += [_changes(found, run) for run in found.runs[1:]]
    return "<div>" + "".join(parts) + "</div>"


def _levels(found: Results) -> str:
    rows = []
    levels = summarising.by_key(found.summary(), "outcome")
    for name in wording.TOLD:
        if name in levels:
            row, unit = levels[name], OUTCOMES[name].unit
            spread = wording.span(float(row["p05"]), float(row["p95"]), unit) if found.replicates > 1 else ""
            rows.append((OUTCOMES[name].title, wording.amount(float(row["mean"]), unit), spread))
    return table(("outcome", "mean", "5th to 95th percentile"), rows)


def _changes(found: Results, run: Run) -> str:
    rows = []
    changed = summarising.by_key(found.difference(run.key, found.runs[0].key), "outcome")
    for name in wording.TOLD:
        if name not in changed:
            continue
        row, unit = changed[name], OUTCOMES[name].unit
        low, high = float(row["low"]), float(row["high"])
        known = not math.isnan(low) and row["verdict"] != "unchanged"
        interval = wording.span(low, high, unit) if known else ""
        judged = wording.good(row)
        rows.append((
            OUTCOMES[name].title, wording.amount(float(row["against_mean"]), unit), wording.amount(float(row["run_mean"]), unit),
            wording.amount(float(row["difference"]), unit, True), interval, f"{row['verdict']}{f' ({judged})' if judged else ''}",
        ))  # fmt: skip
    html = table(("outcome", "before", "after", "change", "95 % interval", ""), rows)
    for judged, style in STYLE.items():
        html = html.replace(f"({judged})", f"(<span style='{style}'>{judged}</span>)")
    return f"<div><b>{escape(found.names[run.key])}</b> against {escape(found.names[found.runs[0].key])}</div>{html}"
