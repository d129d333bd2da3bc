"""How a scenario shows itself in a notebook: what it asks, what it switches on, what a plan may use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from .levers import LEVERS
from .outcomes import OUTCOMES

if TYPE_CHECKING:
    from .schema import Scenario


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A plain HTML table; everything is escaped."""
    cells = "".join(f"<th style='text-align:left'>{escape(str(c))}</th>" for c in head)
    body = "".join("<tr>" + "".join(f"<td style='text-align:left'>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def scenario_html(scenario: Scenario) -> str:
    """The scenario as HTML for a notebook."""
    horizon = scenario.horizon
    parts = [f"<b>{escape(scenario.title or scenario.name)}</b> <code>{escape(scenario.name)}</code>"]
    if scenario.question:
        parts.append(f"<div><i>{escape(' '.join(scenario.question.split()))}</i></div>")
    parts.append(
        f"<div>{horizon.start} to {horizon.end}, {scenario.replicates} replicates, "
        f"{scenario.model.persons_per_agent:g} people a simulated traveller, seed {scenario.seed}</div>"
    )
    active = scenario.levers.active()
    if active:
        rows = []
        for name, lever in active.items():
            own = lever.model_dump(mode="json", exclude={"on", "off", "ramp_days", "intensity"}, exclude_none=True)
            told = ", ".join(f"{k}: {', '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in own.items())
            rows.append((LEVERS[name].title, lever.on, f"{lever.intensity:g}", f"{lever.ramp_days} days", told))
        parts.append(table(("lever", "from", "strength", "ramp", "its own settings"), rows))
    else:
        parts.append("<div>No lever is on.</div>")
    if scenario.outcomes:
        weights = [(OUTCOMES[n].title, f"{w.weight:g}", OUTCOMES[n].unit) for n, w in scenario.outcomes.items()]
        parts.append("<details><summary>What is weighed</summary>" + table(("outcome", "points", "per"), weights) + "</details>")
    if scenario.resources.posts:
        posts = [(n, f"{p.available:g}") for n, p in scenario.resources.posts.items()]
        parts.append("<details><summary>What a plan may place</summary>" + table(("type", "posts"), posts) + "</details>")
    return "<div>" + "".join(parts) + "</div>"
