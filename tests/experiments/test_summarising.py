"""Figures from monthly rows, against sums done by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import summarising
from countersmuggling.experiments.results import Results
from countersmuggling.model.pairing import interval


def at(frame: pd.DataFrame, key: Any, column: str | None = None) -> Any:
    return frame.loc[key] if column is None else frame.loc[key, column]


def rows(*cells: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"month": m, "outcome": o, "route": r, "value": v} for m, o, r, v in cells],
        columns=["month", "outcome", "route", "origin_group", "member_state", "leg", "value"],
    )


@pytest.fixture
def frame() -> pd.DataFrame:
    first = rows(
        ("2025-01", "deaths", "CMED", 3.0),
        ("2025-01", "deaths", "EMED", 1.0),
        ("2025-02", "deaths", "CMED", 2.0),
        ("2025-01", "active_networks", "CMED", 10.0),
        ("2025-01", "active_networks", "EMED", 4.0),
        ("2025-02", "active_networks", "CMED", 8.0),
        ("2025-01", "smuggler_revenue_eur", "CMED", 3000.0),
        ("2025-02", "smuggler_revenue_eur", "EMED", 1000.0),
        ("2025-01", "paid_legs", "CMED", 2.0),
        ("2025-02", "paid_legs", "EMED", 6.0),
    )
    second = rows(("2025-01", "deaths", "EMED", 5.0), ("2025-02", "active_networks", "EMED", 2.0))
    return summarising.tidy([("a", 0, first), ("a", 1, second)])


def test_flows_add_up_stocks_are_averaged_over_all_months_and_ratios_divide_sums(frame: pd.DataFrame) -> None:
    found = summarising.totals(frame)
    assert at(found, ("a", 0), "deaths") == 6.0
    assert at(found, ("a", 1), "deaths") == 5.0
    assert at(found, ("a", 0), "active_networks") == (14.0 + 8.0) / 2
    assert at(found, ("a", 1), "active_networks") == 1.0, "the month without a row counts as zero"
    assert at(found, ("a", 0), "mean_fee_eur") == 4000.0 / 8.0
    assert math.isnan(at(found, ("a", 1), "mean_fee_eur"))
    assert at(found, ("a", 0), "arrests") == 0.0


def test_totals_by_route(frame: pd.DataFrame) -> None:
    found = summarising.totals(frame, ["route"])
    assert at(found, ("a", 0, "CMED"), "deaths") == 5.0
    assert at(found, ("a", 1, "CMED"), "deaths") == 0.0
    assert at(found, ("a", 0, "EMED"), "mean_fee_eur") == 1000.0 / 6.0


def test_monthly_fills_months_without_rows(frame: pd.DataFrame) -> None:
    assert at(summarising.monthly(frame, "deaths"), ("a", 1)).tolist() == [5.0, 0.0]
    assert at(summarising.monthly(frame, "mean_fee_eur"), ("a", 0)).tolist() == [1500.0, 1000.0 / 6.0]


def test_order_of_rows_does_not_matter(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1.0, random_state=3).drop(columns=["run", "replicate"])
    parts = [
        (
            "a",
            r,
            shuffled[(frame.loc[shuffled.index, "replicate"] == r).to_numpy()].astype(
                {"month": str, "outcome": str}
            ),
        )
        for r in (1, 0)
    ]
    pd.testing.assert_frame_equal(summarising.tidy(parts), frame)


@pytest.mark.parametrize("hole", [math.nan, math.inf])
def test_a_hole_in_the_results_is_refused(hole: float) -> None:
    with pytest.raises(ValueError, match="run a, replicate 0: outcome deaths"):
        summarising.tidy([("a", 0, rows(("2025-01", "deaths", "CMED", hole)))])


def test_interval_is_students() -> None:
    # by hand: mean 2, standard deviation 1, t(0.975, 2) = 4.302653, half width 4.302653 / sqrt(3)
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 2.484138, 2 + 2.484138), abs=1e-6)
    mean, low, high = interval([5.0])
    assert mean == 5.0
    assert math.isnan(low) and math.isnan(high)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        _, low, high = interval((3.0 + rng.standard_normal(5)).tolist())
        inside += low <= 3.0 <= high
    assert 0.92 <= inside / 400 <= 0.98


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ((2.0, 1.0, 3.0), "higher"),
        ((-2.0, -3.0, -1.0), "lower"),
        ((1.0, -1.0, 3.0), "no clear difference"),
        ((0.0, 0.0, 0.0), "unchanged"),
        ((1.0, math.nan, math.nan), "one replicate"),
        ((0.0, math.nan, math.nan), "unchanged"),
    ],
)
def test_verdicts(given: tuple[float, float, float], word: str) -> None:
    assert summarising.verdict(*given) == word


def test_pairing_is_by_replicate() -> None:
    def one(value: float) -> pd.DataFrame:
        return rows(("2025-01", "deaths", "CMED", value))

    # levels differ by far more between replicates than between runs
    frame = summarising.tidy(
        [("a", r, one(100.0 * r + 50)) for r in range(4)]
        + [("b", r, one(100.0 * r + 50 - 2 - r % 2)) for r in range(4)]
    )
    found = summarising.by_key(summarising.paired(summarising.totals(frame), "b", "a"), "outcome")["deaths"]
    assert found["difference"] == -2.5
    assert found["verdict"] == "lower"
    assert found["same_sign"] == 1.0
    assert found["relative"] == pytest.approx(-2.5 / 200)
    assert found["low"] == pytest.approx(-2.5 - 3.182446 * 0.57735 / 2, abs=1e-4)


def test_runs_without_the_same_replicates_are_not_paired() -> None:
    one = rows(("2025-01", "deaths", "CMED", 1.0))
    frame = summarising.tidy([("a", 0, one), ("b", 0, one), ("b", 1, one)])
    with pytest.raises(ValueError, match="same replicates"):
        summarising.paired(summarising.totals(frame), "b", "a")


def test_differences_by_route_add_up_to_the_whole(results: Results) -> None:
    run, against = results.runs[1].key, results.runs[0].key
    whole = summarising.by_key(results.difference(run, against), "outcome")
    for outcome in ("deaths", "active_networks", "smuggler_profit_eur"):
        parts = summarising.paired_by(results.outcomes, run, against, outcome, "route")
        assert parts["difference"].sum() == pytest.approx(whole[outcome]["difference"])
        assert parts["against_mean"].sum() == pytest.approx(whole[outcome]["against_mean"])
    assert summarising.paired_by(results.outcomes, run, against, "deaths", "member_state").empty
