"""Figures and findings in words, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..scenarios import OUTCOMES

#: outcomes in the order in which they are told: people, smugglers, authorities, money
GROUPS: dict[str, tuple[str, ...]] = {
    "People": ("deaths", "travellers_in_debt", "travellers_held", "ransom_eur", "legal_pathway_admissions"),
    "Smugglers": (
        "smuggler_revenue_eur",
        "smuggler_profit_eur",
        "mean_fee_eur",
        "active_networks",
        "networks_dismantled",
    ),
    "Movement": ("irregular_crossings", "detections", "interceptions", "asylum_load"),
    "Justice": ("arrests", "convictions", "case_backlog"),
    "Money": ("cost_eur",),
}
TOLD = tuple(name for group in GROUPS.values() for name in group)

MINUS, THIN = "\N{MINUS SIGN}", "\N{NARROW NO-BREAK SPACE}"


def scale_of(unit: str, *values: float) -> tuple[float, str]:
    """Divisor and prefix with which values are read most easily: EUR million, or plain."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if unit == "EUR":
        for divisor, word in ((1e9, "EUR billion"), (1e6, "EUR million"), (1e3, "EUR thousand")):
            if largest >= divisor:
                return divisor, word
    return 1.0, unit


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
    divisor, word = scale_of(unit, value)
    text = number(value / divisor, sign=sign)
    if unit.startswith("EUR"):
        return f"EUR {text}{word.removeprefix('EUR').removeprefix(' per leg')}"
    return text


def span(low: float, high: float, unit: str) -> str:
    """Two ends of an interval, in one scale."""
    divisor, word = scale_of(unit, low, high)
    largest = max(abs(low), abs(high)) / divisor
    tail = word.removeprefix("EUR").removeprefix(" per leg") if unit.startswith("EUR") else ""
    return f"{number(low / divisor, largest, True)} to {number(high / divisor, largest, True)}{tail}"


def title(outcome: str) -> str:
    """Title of an outcome in the middle of a sentence."""
    text = OUTCOMES[outcome].title
    return text[0].lower() + text[1:]


def period(first: str, last: str) -> str:
    """'2025-01', '2027-12' as 'January 2025 to December 2027'."""
    names = [pd.Period(m, freq="M").strftime("%B %Y") for m in (first, last)]
    return names[0] if first == last else f"{names[0]} to {names[1]}"


def quarter(text: str) -> str:
    """'2025Q3' as 'quarter 3 of 2025'; other texts as they are."""
    year, _, rest = text.partition("Q")
    return f"quarter {rest} of {year}" if year.isdigit() and rest.isdigit() else text


def finding(row: Mapping[str, Any]) -> str:
    """One sentence on a paired difference.

    Parameters
    ----------
    row : mapping
        A row of a comparison (see `summarising.paired`).
    """
    name, unit = str(row["outcome"]), str(row["unit"])
    what = OUTCOMES[name].title
    mean, low, high = (float(row[k]) for k in ("difference", "low", "high"))
    levels = f"from {amount(row['against_mean'], unit)} to {amount(row['run_mean'], unit)}"
    if row["verdict"] == "unchanged":
        return f"{what}: unchanged at {amount(row['against_mean'], unit)}."
    if row["verdict"] == "one replicate":
        return f"{what}: {levels} ({amount(mean, unit, True)}) in one replicate; how far this is chance cannot be told."
    if row["verdict"] == "no clear difference":
        return f"{what}: no clear difference (95{THIN}% interval {span(low, high, unit)}; level {amount(row['against_mean'], unit)})."
    share = f", {percent(float(row['relative']))}" if math.isfinite(float(row["relative"])) else ""
    word = {"lower": "fall", "higher": "rise"}[str(row["verdict"])]
    if span(low, high, unit).split(" to ")[0] in span(low, high, unit).split(" to ")[1]:
        return f"{what} {word}{'' if _plural(name) else 's'} by {amount(abs(mean), unit)}{share}, {levels}."
    return (
        f"{what} {word}{'' if _plural(name) else 's'} by {amount(abs(mean), unit)}{share} "
        f"(95{THIN}% interval {span(low, high, unit)}), {levels}."
    )


def _plural(outcome: str) -> bool:
    singular = ("smuggler_revenue_eur", "smuggler_profit_eur", "mean_fee_eur", "case_backlog", "cost_eur")
    return outcome not in singular


def good(row: Mapping[str, Any]) -> str:
    """'better', 'worse' or '' of a clear difference, by what is better for people; '' where neither way is."""
    better = OUTCOMES[str(row["outcome"])].better
    if better == "neither" or row["verdict"] not in ("lower", "higher"):
        return ""
    return "better" if row["verdict"] == better else "worse"
