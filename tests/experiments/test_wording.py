"""Figures in words."""

from __future__ import annotations

import math
from typing import Any

import pytest

from countersmuggling.experiments import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.04, "0.040"), (-0.0001, "0"), (3.14159, "3.14"), (31.4, "31.4"), (314.2, "314"),
        (9_876.0, "9,876"), (123_456.0, "123,500"), (-7.0, "\N{MINUS SIGN}7.00"), (math.nan, "\N{EN DASH}"),
    ],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert wording.number(value) == text


def test_numbers_that_stand_together_have_the_same_decimals() -> None:
    assert wording.span(-1.234, 250.0, "deaths") == "\N{MINUS SIGN}1 to +250"
    assert wording.span(1.2e6, 3.4e6, "EUR") == "+1.20 to +3.40 million"


@pytest.mark.parametrize(
    ("value", "text"),
    [(50.4e6, "EUR 50.4 million"), (2.16e9, "EUR 2.16 billion"), (0.0, "EUR 0"), (900.0, "EUR 900")],
)
def test_amounts_of_money(value: float, text: str) -> None:
    assert wording.amount(value, "EUR") == text


def row(verdict: str, difference: float, low: float, high: float, outcome: str = "deaths") -> dict[str, Any]:
    unit = "EUR" if outcome.endswith("eur") else outcome
    return {
        "outcome": outcome, "unit": unit, "against_mean": 200.0, "run_mean": 200.0 + difference, "difference": difference,
        "low": low, "high": high, "relative": difference / 200.0, "verdict": verdict,
    }  # fmt: skip


def test_a_clear_difference_is_told_with_its_interval() -> None:
    told = wording.finding(row("lower", -20.0, -30.0, -10.0))
    assert told.startswith("Deaths on the way fall by 20.0")
    assert "\N{MINUS SIGN}30.0 to \N{MINUS SIGN}10.0" in told
    assert "from 200 to 180" in told


def test_an_interval_that_holds_zero_claims_nothing() -> None:
    told = wording.finding(row("no clear difference", -20.0, -50.0, 10.0))
    assert "no clear difference" in told
    assert "fall" not in told


def test_one_replicate_claims_nothing() -> None:
    told = wording.finding(row("one replicate", -20.0, math.nan, math.nan))
    assert "cannot be told" in told


def test_better_is_for_people_and_movements_are_neither() -> None:
    assert wording.good(row("lower", -20.0, -30.0, -10.0)) == "better"
    assert wording.good(row("higher", 20.0, 10.0, 30.0)) == "worse"
    assert wording.good(row("lower", -20.0, -30.0, -10.0, "irregular_crossings")) == ""
    assert wording.good(row("no clear difference", -20.0, -50.0, 10.0)) == ""


def test_every_outcome_that_may_be_weighted_is_told() -> None:
    from countersmuggling.scenarios.outcomes import WEIGHTABLE

    assert set(wording.TOLD) == set(WEIGHTABLE)


def test_periods_and_quarters() -> None:
    assert wording.period("2025-01", "2027-12") == "January 2025 to December 2027"
    assert wording.quarter("2025Q3") == "quarter 3 of 2025"
