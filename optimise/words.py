"""Limits and prices in sentences: with sign, unit, place and quarter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .allocation import MONEY, ROWS, euros_per_unit
from .linear_model import Block, Label
from .problem import AllocationProblem


@dataclass(frozen=True)
class Kind:
    """Wording for one kind of row.

    `limit` says what the row demands, `field` where it is set, `more` what one unit of room means (EUR 1 million for
    money), `unit` what a price is per, `gives` whether room means a higher (+1) or a lower (-1) right-hand side.
    """

    limit: str
    field: str
    more: str
    unit: str
    gives: int = 1


MILLION = 1000.0**2
"""Euros of which sentences about money speak."""


KINDS: dict[str, Kind] = {
    "effort": Kind(
        "{resource} in {place} in {quarter} work along the effect curve", "",
        "one more {resource} at work in {place} in {quarter}, beyond the plan and at no cost,",
        "points per member of staff in the quarter", gives=-1),
    "deployed": Kind(
        "no more {resource} at work in {quarter} than posts are filled", "",
        "one more {resource} already hired and paid in {quarter}", "points per member of staff in the quarter"),
    "team_officers": Kind(
        "joint teams of {resource} in {place} in {quarter} need one each", "",
        "one more {resource} for joint teams in {place} in {quarter}", "points per officer in the quarter"),
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
    "training_places": Kind(
        "at most {rhs} {resource} in training in {quarter}", "resources.posts.{r}.training_places",
        "one more training place for {resource} in {quarter}", "points per place in the quarter"),
    "training": Kind("those who join as {resource} in {quarter} have been trained", "", "", "points"),
    "year_use": Kind(
        "{resource} called upon for at most {rhs} quarters of work in {year}", "resources.posts.{r}.quarters_per_year",
        "a quarter more of one {resource} in {year}", "points per member of staff and quarter"),
    "shared_pool": Kind(
        "the pool {pool} holds at most {rhs} posts in {quarter}", "resources.pools.{pool}.available",
        "one more post in the pool {pool} in {quarter}", "points per post in the quarter"),
    "budget": Kind(
        "EUR {eur} under the heading {heading} in {year}", "resources.budgets.{heading}.{year}",
        "EUR 1 million more under the heading {heading} in {year}", "points per million EUR"),
    "carry_most": Kind(
        "at most EUR {eur} of the heading {heading} kept from {year} for the next year", "resources.carry_over.{heading}",
        "EUR 1 million more of the heading {heading} kept from {year} for the next year", "points per million EUR"),
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
    "least_team": Kind(
        "at least the least number of {resource} in {place} in {quarter} once set up", "resources.posts.{r}.least_team",
        "one {resource} less that must be in {place} in {quarter} once set up",
        "points per member of staff in the quarter", gives=-1),
    "running": Kind("{resource} in {place} in {quarter} work where they have been set up", "", "", "points"),
    "notice": Kind(
        "{resource} withdrawn from a place before {quarter} are on their way for the time of notice",
        "resources.rules.notice_quarters", "one more {resource} moving without notice in {quarter}",
        "points per member of staff in the quarter"),
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
    "key_least": Kind(
        "{place} gives at least its least share of the key of {resource} in {quarter}", "resources.rules.key_least",
        "one {resource} less that {place} has to give in {quarter}", "points per member of staff in the quarter",
        gives=-1),
    "key_most": Kind(
        "{place} gives at most its band above the key of {resource} in {quarter}",
        "resources.rules.key_band", "one more {resource} from {place} in {quarter}, above the key,",
        "points per member of staff in the quarter"),
    "spare": Kind(
        "{place} gives others at most {rhs} {resource} in {quarter}", "resources.rules.solidarity_cap",
        "one more {resource} that {place} gives to others in {quarter}",
        "points per member of staff in the quarter"),
    "own_most": Kind("your own limit {name}, at most {rhs}", "", "one unit more under your own limit {name}", "points per unit"),
    "own_least": Kind("your own limit {name}, at least {rhs}", "", "one unit less that your own limit {name} asks for",
                      "points per unit", gives=-1),
    "own_equal": Kind("your own equation {name}, {rhs}", "", "one unit more in your own equation {name}", "points per unit"),
    "placement": Kind("staff in {place} in {quarter} follows postings of {resource}", "", "", "points"),
    "employment": Kind("filled posts of {resource} in {quarter} follow hires and leavers", "", "", "points"),
    "contributions": Kind("contributions of {resource} in {quarter} add up to the posts filled", "", "", "points"),
}
assert set(KINDS) == set(ROWS)

SILENT = frozenset(("placement", "employment", "training", "running", "contributions"))
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
           "eur": f"{abs(rhs) * euros_per_unit(problem, block.name):,.0f}", **parts}
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


def step(problem: AllocationProblem, kind: str) -> float:
    """By how much a row's right-hand side changes for one unit of room (a post, a person, EUR 1 million)."""
    return KINDS[kind].gives * (MILLION / euros_per_unit(problem, kind) if kind in MONEY else 1.0)


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
    change = dual * step(problem, block.name)
    text = kind.more.format(**_parts(problem, block, label, rhs))
    if change == 0:
        return change, kind.unit, f"{text[:1].upper()}{text[1:]} would change nothing."
    verb = "lower" if change < 0 else "raise"
    points = number(abs(change))
    noun = "point" if points == "1" else "points"
    return change, kind.unit, f"{text[:1].upper()}{text[1:]} would {verb} the weighted harm by {points} {noun}."


GIVING_WAY = {
    "lead": "{by} {resource} would have to join in {quarter} already",
    "consent": "{place} would have to consent to deployments of {by} staff, added up over the quarters",
    "least_team": "{resource} in {place} in {quarter} would have to be allowed to be {by} fewer than the least number",
    "notice": "{by} {resource} would have to be at work elsewhere in {quarter} before their notice is over",
    "stay_least": "{by} {resource} would have to be let go from {place} before their least stay is over, in {quarter}",
    "stay_most": "{by} {resource} would have to stay in {place} in {quarter} although they should rotate",
    "key_least": "{place} would have to give {by} {resource} less than its least share in {quarter}",
    "key_most": "{place} would have to give {by} {resource} more than its key and band allow in {quarter}",
}
"""Sentences for limits that compare staff with staff: their right-hand side is nobody's figure."""


def giving_way(problem: AllocationProblem, block: Block, label: Label, rhs: float, by: float, lower: bool) -> str:
    """How a limit would have to give way, in words.

    Parameters
    ----------
    by : float
        How far, in the row's own unit.
    lower : bool
        Whether the limit is a least (and gives way downwards).
    """
    if block.name in GIVING_WAY:
        parts = _parts(problem, block, label, rhs)
        text = GIVING_WAY[block.name].format(by=number(by), **parts)
        field = KINDS[block.name].field.format(**parts)
        return f"{text} ({field})" if field else text
    factor = euros_per_unit(problem, block.name)
    now, needed = rhs * factor, (rhs - by if lower else rhs + by) * factor
    if block.name in MONEY:
        return f"{limit(problem, block, label, rhs)}: EUR {now:,.0f} would have to be EUR {needed:,.0f}"
    return f"{limit(problem, block, label, rhs)}: {number(now)} would have to be {number(needed)} ({ROWS[block.name].unit})"


def by_quarters(sentences: Sequence[str], quarters: Sequence[str]) -> list[str]:
    """Sentences that differ in nothing but the quarter made one, in their order.

    Parameters
    ----------
    quarters : sequence of str
        The quarter that each sentence names; empty for none.
    """
    groups: dict[str, list[str]] = {}
    for text, quarter in zip(sentences, quarters, strict=True):
        groups.setdefault(text.replace(quarter, QUARTER) if quarter else text, []).append(quarter)
    return [text.replace(QUARTER, _span(named)) for text, named in groups.items()]


QUARTER = "\0"


def _span(quarters: Sequence[str]) -> str:
    """Quarters (``2025Q1``) as people name several: from the first to the last where none is missing."""
    numbers = [4 * int(name[:4]) + int(name[5:]) for name in quarters if _A_QUARTER.fullmatch(name)]
    whole = len(numbers) == len(quarters) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return f"{quarters[0]} to {quarters[-1]}" if whole else ", ".join(quarters)


_A_QUARTER = re.compile(r"\d{4}Q[1-4]")


def holds(problem: AllocationProblem, block: Block, low: float, high: float) -> str:
    """Over which range of its limit a price holds, in words."""
    factor = euros_per_unit(problem, block.name)
    unit = "EUR {}" if block.name in MONEY else f"{{}} {block.unit}"
    ends = [unit.format(f"{value * factor:,.0f}" if block.name in MONEY else number(value)) for value in (low, high)]
    if low == -float("inf"):
        return f"holds for limits up to {ends[1]}"
    if high == float("inf"):
        return f"holds for limits from {ends[0]}"
    return f"holds for limits from {ends[0]} to {ends[1]}"


def entry(problem: AllocationProblem, resource: str, place: str, quarter: str, reduced_cost: float) -> str:
    """A reduced cost of staff that is not sent, in words."""
    title, where = problem.resource_title(resource), problem.place_title(place)
    return (f"{where} would receive a {title} in {quarter} if one more were worth {number(abs(reduced_cost))} points "
            "more there than the curve says.")
