"""Figures and findings in words, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..scenarios import OUTCOMES
from . import texts
from .texts import t

if TYPE_CHECKING:
    from .results import Run

#: outcomes in the order in which they are told, by the key of the group's title
GROUPS: dict[str, tuple[str, ...]] = {
    "people": ("deaths", "travellers_in_debt", "travellers_held", "ransom_eur", "legal_pathway_admissions"),
    "smugglers": (
        "smuggler_revenue_eur",
        "smuggler_profit_eur",
        "mean_fee_eur",
        "active_networks",
        "networks_dismantled",
    ),
    "movement": ("irregular_crossings", "detections", "interceptions", "asylum_load"),
    "justice": ("arrests", "convictions", "case_backlog"),
    "money": ("cost_eur",),
}
TOLD = tuple(name for group in GROUPS.values() for name in group)

MINUS, THIN = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"


def scale_of(unit: str, *values: float) -> tuple[float, str]:
    """Divisor and prefix with which values are read most easily: EUR million, or plain."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if unit == "EUR":
        for divisor, word in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
            if largest >= divisor:
                return divisor, t(f"wording.eur_{word}")
    return 1.0, texts.unit(unit)


def number(value: float, largest: float | None = None, sign: bool = False) -> str:
    """A figure with about three digits that matter, thousands apart, and a true minus sign.

    Parameters
    ----------
    value : float
    largest : float, optional
        The largest of the figures that stand together; all get its number of decimals.
    sign : bool
        Write a plus sign too.
    """
    if not math.isfinite(value):
        return "\N{EN DASH}"
    size = max(abs(largest if largest is not None and math.isfinite(largest) else value), 1e-12)
    decimals = max(0, min(3, 2 - math.floor(math.log10(size))))
    if size >= 10_000:  # three digits of a large figure, not a false precision
        step = 10 ** (math.floor(math.log10(size)) - 3)
        value = round(value / step) * step
    text = f"{abs(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0.0:
        return "0"
    return f"{MINUS if value < 0 else '+' if sign else ''}{text}"


def percent(value: float, sign: bool = True) -> str:
    """A share as a percentage with one decimal below ten."""
    if not math.isfinite(value):
        return "\N{EN DASH}"
    text = f"{abs(value) * 100:.{1 if abs(value) < 0.0995 else 0}f}"
    if float(text) == 0.0:
        return f"0{THIN}%"
    return f"{MINUS if value < 0 else '+' if sign else ''}{text}{THIN}%"


def amount(value: float, unit: str, sign: bool = False) -> str:
    """A figure with its unit in front (euros) or without it."""
    divisor, _ = scale_of(unit, value)
    text = number(value / divisor, sign=sign)
    return t(_money(unit, divisor), figure=text) if unit.startswith("EUR") else text


def _money(unit: str, divisor: float) -> str:
    """Key of the text that puts a figure in euros into its scale."""
    return {1e9: "wording.in_billion", 1e6: "wording.in_million", 1e3: "wording.in_thousand"}.get(divisor, "wording.in_eur")


def span(low: float, high: float, unit: str) -> str:
    """Two ends of an interval, in one scale."""
    divisor, _ = scale_of(unit, low, high)
    largest = max(abs(low), abs(high)) / divisor
    told = t("wording.span", low=number(low / divisor, largest, True), high=number(high / divisor, largest, True))
    return t(_money(unit, divisor) + "_tail", figure=told) if unit.startswith("EUR") and divisor != 1.0 else told


def title(outcome: str) -> str:
    """Title of an outcome in the middle of a sentence."""
    text = texts.outcome(outcome)
    return text[0].lower() + text[1:]


def month(text: str) -> str:
    """'2025-01' as 'January 2025'."""
    return t("wording.month_of", month=t(f"month.m{int(text[5:7])}"), year=text[:4])


def period(first: str, last: str) -> str:
    """'2025-01', '2027-12' as 'January 2025 to December 2027'."""
    return month(first) if first == last else t("wording.period", first=month(first), last=month(last))


def listed(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    if not parts:
        return ""
    return parts[0] if len(parts) == 1 else t("wording.and", first=", ".join(parts[:-1]), last=parts[-1])


def quarter(text: str) -> str:
    """'2025Q3' as 'quarter 3 of 2025'; other texts as they are."""
    year, _, rest = text.partition("Q")
    return t("wording.quarter", quarter=rest, year=year) if year.isdigit() and rest.isdigit() else text


def finding(row: Mapping[str, Any]) -> str:
    """One sentence on a paired difference.

    Parameters
    ----------
    row : mapping
        A row of a comparison (see `summarising.paired`).
    """
    name, unit = str(row["outcome"]), str(row["unit"])
    what = texts.outcome(name)
    mean, low, high = (float(row[k]) for k in ("difference", "low", "high"))
    before, after = amount(row["against_mean"], unit), amount(row["run_mean"], unit)
    if row["verdict"] == "unchanged":
        return t("wording.unchanged", what=what, level=before)
    if row["verdict"] == "one replicate":
        return t("wording.one_replicate", what=what, before=before, after=after, change=amount(mean, unit, True))
    if row["verdict"] == "no clear difference":
        return t("wording.no_clear_difference", what=what, interval=span(low, high, unit), level=before)
    share = t("wording.share", share=percent(float(row["relative"]))) if math.isfinite(float(row["relative"])) else ""
    word = {"lower": "falls", "higher": "rises"}[str(row["verdict"])]
    key = f"wording.{word}{'_many' if _plural(name) else ''}"
    ends = [number(v / scale_of(unit, low, high)[0], max(abs(low), abs(high)) / scale_of(unit, low, high)[0], True) for v in (low, high)]
    interval = "" if ends[0] == ends[1] else t("wording.interval", interval=span(low, high, unit))
    return t(key, what=what, by=amount(abs(mean), unit), share=share, interval=interval, before=before, after=after)


def _plural(outcome: str) -> bool:
    singular = ("smuggler_revenue_eur", "smuggler_profit_eur", "mean_fee_eur", "case_backlog", "cost_eur")
    return outcome not in singular


def good(row: Mapping[str, Any]) -> str:
    """'better', 'worse' or '' of a clear difference, by what is better for people; '' where neither way is."""
    better = OUTCOMES[str(row["outcome"])].better
    if better == "neither" or row["verdict"] not in ("lower", "higher"):
        return ""
    return "better" if row["verdict"] == better else "worse"


def questions(runs: Sequence[Run]) -> list[str]:
    """What was asked: the questions of the options, or of the first run when they have none."""
    asked = [" ".join(run.scenario.question.split()) for run in runs if run.role == "option"]
    first = " ".join(runs[0].scenario.question.split())
    return list(dict.fromkeys(q for q in asked if q and q != first)) or ([first] if first else [])
