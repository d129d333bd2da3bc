"""Limits and prices in sentences: with sign, unit, place and quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .allocation import EUR_PER_UNIT, ROWS
from .linear_model import Block, Label
from .problem import AllocationProblem


@dataclass(frozen=True)
class Kind:
    """Wording for one kind of row.

    `limit` says what the row demands, `field` where it is set, `more` what one unit of room means, `unit` what a
    price is per, `factor` how many row units the sentence speaks of, `gives` whether room means a higher (+1) or a
    lower (-1) right-hand side.
    """

    limit: str
    field: str
    more: str
    unit: str
    gives: int = 1
    factor: float = 1.0


KINDS: dict[str, Kind] = {
    "effort": Kind(
        "{resource} in {place} in {quarter} work along the effect curve", "",
        "one more {resource} at work in {place} in {quarter}, beyond the plan and at no cost,",
        "points per member of staff in the quarter", gives=-1),
    "deployed": Kind(
        "no more {resource} at work in {quarter} than posts are filled", "",
        "one more {resource} already hired and paid in {quarter}", "points per member of staff in the quarter"),
    "team_officers": Kind(
        "joint teams in {place} in {quarter} need an officer each", "",
        "one more officer for joint teams in {place} in {quarter}", "points per officer in the quarter"),
    "team_investigators": Kind(
        "joint teams in {place} in {quarter} need investigators of the host", "resources.rules.joint_team_ratio",
        "one more national investigator for joint teams in {place} in {quarter}",
        "points per investigator in the quarter"),
    "pool": Kind(
        "at most {rhs} posts for {resource} in {quarter}", "resources.posts.{r}.available",
        "one more {resource} post in {quarter}", "points per post in the quarter"),
    "lead": Kind(
        "no {resource} can have joined by {quarter}",
        "resources.posts.{r}.from and resources.posts.{r}.hire_lead_quarters",
        "one {resource} joining already in {quarter}", "points per post"),
    "joiners": Kind(
        "at most {rhs} new {resource} in {quarter}", "resources.posts.{r}.hires_per_quarter",
        "one more {resource} hired in {quarter}", "points per hire"),
    "shared_pool": Kind(
        "the pool {pool} holds at most {rhs} posts in {quarter}", "resources.pools.{pool}.available",
        "one more post in the pool {pool} in {quarter}", "points per post in the quarter"),
    "budget": Kind(
        "EUR {eur} under the heading {heading} in {year}", "resources.budgets.{heading}.{year}",
        "EUR 1 million more under the heading {heading} in {year}", "points per million EUR", factor=EUR_PER_UNIT),
    "absorb": Kind(
        "{place} hosts at most {rhs} additional staff in {quarter}", "resources.hosts.{p}.absorb",
        "room for one more member of staff in {place} in {quarter}", "points per member of staff in the quarter"),
    "consent": Kind(
        "{place} has not consented to deployments", "resources.hosts.{p}.consent",
        "consent of {place} to one deployment for a quarter", "points per officer and quarter"),
    "minimum": Kind(
        "at least {rhs} {resource} in {place} in {quarter}", "resources.hosts.{p}.minimum.{r}",
        "one {resource} less that must be in {place} in {quarter}", "points per member of staff in the quarter",
        gives=-1),
    "ramp_up": Kind(
        "at most {rhs} {resource} more in {place} from one quarter to the next, into {quarter}",
        "resources.rules.ramp_per_quarter", "one more {resource} added at once in {place} in {quarter}",
        "points per member of staff"),
    "ramp_down": Kind(
        "at most {rhs} {resource} fewer in {place} from one quarter to the next, into {quarter}",
        "resources.rules.ramp_per_quarter", "one more {resource} withdrawn at once from {place} in {quarter}",
        "points per member of staff"),
    "stay_least": Kind(
        "{resource} posted to {place} stay for the least stay, up to {quarter}", "optimise.least_stay_quarters",
        "one {resource} leaving {place} early in {quarter}", "points per member of staff", gives=-1),
    "stay_most": Kind(
        "{resource} in {place} rotate by {quarter}", "resources.rules.rotation_quarters",
        "one {resource} staying in {place} past the rotation in {quarter}", "points per member of staff"),
    "key_most": Kind(
        "{place} gives at most its band above the key of {resource} in {quarter}",
        "optimise.key_band", "one more {resource} from {place} in {quarter}, above the key,",
        "points per member of staff in the quarter"),
    "spare": Kind(
        "{place} gives others at most {rhs} {resource} in {quarter}", "resources.rules.solidarity_cap",
        "one more {resource} that {place} gives to others in {quarter}",
        "points per member of staff in the quarter"),
    "placement": Kind("staff in {place} in {quarter} follows postings of {resource}", "", "", "points"),
    "employment": Kind("filled posts of {resource} in {quarter} follow hires and leavers", "", "", "points"),
    "contributions": Kind("contributions of {resource} in {quarter} add up to the posts filled", "", "", "points"),
}
assert set(KINDS) == set(ROWS)

SILENT = frozenset(("placement", "employment", "contributions"))
"""Bookkeeping rows whose prices say nothing that another row does not say."""


def number(value: float) -> str:
    """A figure as people write it: three significant digits, thousands separated, no exponent."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - _magnitude(size))
    text = f"{value:.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _magnitude(size: float) -> int:
    return int(f"{size:e}".split("e")[1])


def _parts(problem: AllocationProblem, block: Block, label: Label, rhs: float) -> dict[str, str]:
    parts = dict(zip(block.axes, label, strict=True))
    out = {"resource": "", "place": "", "quarter": "", "r": "", "p": "", "rhs": number(abs(rhs)),
           "eur": f"{abs(rhs) * EUR_PER_UNIT:,.0f}", **parts}
    if "resource" in parts:
        out["r"], out["resource"] = parts["resource"], problem.resource_title(parts["resource"])
    if "place" in parts:
        out["p"], out["place"] = parts["place"], problem.place_title(parts["place"])
    return out


def limit(problem: AllocationProblem, block: Block, label: Label, rhs: float, quarters: Sequence[str] = ()) -> str:
    """A limit in words, with the field that sets it.

    Parameters
    ----------
    quarters : sequence of str
        Quarters to name together when the same limit stands for several.
    """
    kind = KINDS[block.name]
    parts = _parts(problem, block, label, rhs)
    if len(quarters) > 1:
        parts["quarter"] = f"{quarters[0]} to {quarters[-1]}" if _successive(problem, quarters) else ", ".join(quarters)
    text = kind.limit.format(**parts)
    return f"{text} ({kind.field.format(**parts)})" if kind.field else text


def _successive(problem: AllocationProblem, quarters: Sequence[str]) -> bool:
    first = problem.quarters.index(quarters[0])
    return tuple(quarters) == problem.quarters[first:first + len(quarters)]


def limits(problem: AllocationProblem, rows: Sequence[tuple[Block, Label, float]]) -> list[str]:
    """Several limits in words; the same limit in several quarters becomes one sentence."""
    groups: dict[tuple[object, ...], list[tuple[Block, Label, float]]] = {}
    for block, label, rhs in rows:
        rest = tuple(part for axis, part in zip(block.axes, label, strict=True) if axis != "quarter")
        groups.setdefault((block.name, rest, round(rhs, 9)), []).append((block, label, rhs))
    out = []
    for members in groups.values():
        block, label, rhs = members[0]
        quarters: list[str] = []
        if "quarter" in block.axes:
            position = block.axes.index("quarter")
            quarters = sorted({item[1][position] for item in members})
        out.append(limit(problem, block, label, rhs, quarters))
    return out


def price(problem: AllocationProblem, block: Block, label: Label, rhs: float, dual: float) -> tuple[float, str, str]:
    """A dual value as points per unit of room, its unit, and a sentence.

    Parameters
    ----------
    dual : float
        Derivative of the weighted harm with respect to the right-hand side.

    Returns
    -------
    tuple of float, str, str
        Change of the weighted harm, in points, per unit of room; its unit; the sentence.
    """
    kind = KINDS[block.name]
    change = dual * kind.gives * kind.factor
    text = kind.more.format(**_parts(problem, block, label, rhs))
    if change == 0:
        return change, kind.unit, f"{text[:1].upper()}{text[1:]} would change nothing."
    verb = "lower" if change < 0 else "raise"
    points = number(abs(change))
    noun = "point" if points == "1" else "points"
    return change, kind.unit, f"{text[:1].upper()}{text[1:]} would {verb} the weighted harm by {points} {noun}."


def entry(problem: AllocationProblem, resource: str, place: str, quarter: str, reduced_cost: float) -> str:
    """A reduced cost of staff that is not sent, in words."""
    title, where = problem.resource_title(resource), problem.place_title(place)
    return (f"{where} would receive a {title} in {quarter} if one more were worth {number(abs(reduced_cost))} points "
            "more there than the curve says.")
