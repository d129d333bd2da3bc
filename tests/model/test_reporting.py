"""Reporting, by hand: completeness thins, delay shifts, nothing is lost or counted twice on the way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.geography import ROUTES
from countersmuggling.model.reporting import Reporting

FloatArray = npt.NDArray[np.float64]
STATES = ["GRC", "HRV"]
EMED, WBALK = ROUTES.index("EMED"), ROUTES.index("WBALK")


def counts(emed: float = 0.0, wbalk: float = 0.0) -> FloatArray:
    """Greece detects on EMED, Croatia on WBALK."""
    table = np.zeros((2, len(ROUTES)))
    table[0, EMED], table[1, WBALK] = emed, wbalk
    return table


def empty(completeness: FloatArray, delay: FloatArray) -> Reporting:
    return Reporting(STATES, counts(), completeness, delay)


def test_half_of_it_after_the_half_life() -> None:
    """Delay 30 / ln 2: what waits at the end of a month is halved in the next 30 days."""
    complete, delay = np.array([0.8, 0.5]), np.full(2, 30 / np.log(2))
    reporting = empty(complete, delay)
    reporting.advance("2025-01", counts(1000.0, 100.0), complete, delay, 30.0)
    january = reporting.publish("2025-01")
    waits = 1000 * 0.8 * (1 - 0.5) / np.log(2)  # of 800, spread over the month
    assert january[0, EMED] == pytest.approx(800 - waits) and january[1, WBALK] == pytest.approx((800 - waits) / 16)
    reporting.advance("2025-02", counts(), complete, delay, 30.0)
    february = reporting.publish("2025-02")
    assert february[0, EMED] == pytest.approx(waits / 2)
    for month in range(3, 13):
        reporting.advance(f"2025-{month:02}", counts(), complete, delay, 30.0)
        reporting.publish(f"2025-{month:02}")
    table = reporting.triangle()
    assert set(table["crossed"]) == {"2025-01"}  # all of it is January's
    by_state = table.groupby(["member_state", "route"])["value"].sum()
    assert by_state["GRC", "EMED"] == pytest.approx(800 - waits * 0.5**11)
    assert by_state["HRV", "WBALK"] == pytest.approx(50 - waits / 16 * 0.5**11)


def test_a_months_count_arrives_over_later_months() -> None:
    complete, delay = np.ones(2), np.array([20.0, 60.0])
    reporting = empty(complete, delay)
    for month in range(1, 13):
        for _ in range(30):
            reporting.advance(f"2025-{month:02}", counts(10.0, 10.0), complete, delay, 1.0)
        reporting.publish(f"2025-{month:02}")
    table = reporting.triangle()
    assert (table["crossed"] <= table["reported"]).all()
    march = table[table["crossed"] == "2025-03"].groupby(["member_state", "reported"])["value"].sum()
    assert list(march["GRC"].index) == [f"2025-{m:02}" for m in range(3, 13)]
    assert march["GRC"]["2025-03"] > march["HRV"]["2025-03"] and march["GRC"]["2025-06"] < march["HRV"]["2025-06"]
    assert march["GRC"].sum() == pytest.approx(300.0, abs=1e-3)


def test_any_division_of_the_days_gives_the_same_reports() -> None:
    complete, delay = np.array([0.7, 0.9]), np.array([45.0, 10.0])
    whole, parts = empty(complete, delay), empty(complete, delay)
    whole.advance("2025-01", counts(280.0, 28.0), complete, delay, 28.0)
    for days in (1, 6, 14, 7):
        parts.advance("2025-01", counts(10.0 * days, 1.0 * days), complete, delay, float(days))
    np.testing.assert_allclose(whole.publish("2025-01"), parts.publish("2025-01"))


def test_a_steady_state_goes_on_from_the_start() -> None:
    complete, delay = np.array([0.8, 0.5]), np.array([30.0, 60.0])
    reporting = Reporting(STATES, counts(100.0, 20.0), complete, delay)
    np.testing.assert_allclose(reporting.weekly, [7 * 80.0, 7 * 10.0])
    for _ in range(4):
        reporting.advance("2025-01", counts(700.0, 140.0), complete, delay, 7.0)
        reporting.close_week(0.5)
        np.testing.assert_allclose(reporting.weekly, [560.0, 70.0])
    np.testing.assert_allclose(reporting.publish("2025-01").sum(axis=1), [4 * 560.0, 4 * 70.0])


def test_better_completeness_and_less_delay_show_in_the_weekly_figure() -> None:
    complete, delay = np.array([0.6, 0.6]), np.array([60.0, 60.0])
    as_is, better, sooner = (Reporting(STATES, counts(100.0, 100.0), complete, delay) for _ in range(3))
    for reporting, share, days in ((as_is, 0.6, 60.0), (better, 0.9, 60.0), (sooner, 0.6, 20.0)):
        reporting.advance("2025-01", counts(700.0, 700.0), np.full(2, share), np.full(2, days), 7.0)
        reporting.close_week(1.0)
    assert better.weekly[0] > as_is.weekly[0] and sooner.weekly[0] > as_is.weekly[0]
    as_is.advance("2025-01", counts(), complete, delay, 0.0)  # no day, nothing happens
    as_is.close_week(1.0)
    assert as_is.weekly[0] == pytest.approx(420.0)


def test_burn_in_is_kept_out_of_the_triangle() -> None:
    complete, delay = np.ones(2), np.full(2, 30.0)
    reporting = empty(complete, delay)
    reporting.advance("2024-12", counts(100.0), complete, delay, 30.0)
    reporting.publish("2024-12", keep=False)
    reporting.advance("2025-01", counts(), complete, delay, 30.0)
    reporting.publish("2025-01")
    assert set(reporting.triangle()["reported"]) == {"2025-01"} and set(reporting.triangle()["crossed"]) == {"2024-12"}
