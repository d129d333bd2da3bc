"""Staff: quarters, refusals of impossible allocations, and where today's staff stands."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from countersmuggling.model.geography import Geography
from countersmuggling.model.staffing import (
    TYPES,
    Allocation,
    baseline_staff,
    expected_driver_arrests,
    quarter_of,
    smuggler_use,
    staff_baseline,
)

STATES = ["FRA", "DEU", "ITA"]
GOOD = ("analyst", "FRA", "2025Q3", 2.0)


def table(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["resource", "place", "quarter", "staff"])


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        (date(2025, 1, 1), "2025Q1"), (date(2025, 3, 31), "2025Q1"), (date(2025, 4, 1), "2025Q2"),
        (date(2025, 9, 30), "2025Q3"), (date(2026, 12, 31), "2026Q4"),
    ],
)  # fmt: skip
def test_quarters(day: date, quarter: str) -> None:
    assert quarter_of(day) == quarter


def test_an_allocation_holds_in_its_quarter_and_sums_double_rows() -> None:
    allocation = Allocation(
        table(GOOD, ("analyst", "ITA", "2025Q3", 1.0), GOOD, ("prosecutor", "DEU", "2025Q4", 5.0)), STATES
    )
    third = allocation.on(date(2025, 8, 15))
    assert set(third) == set(TYPES)
    np.testing.assert_array_equal(third["analyst"], [4.0, 0.0, 1.0])
    np.testing.assert_array_equal(third["prosecutor"], np.zeros(3))
    np.testing.assert_array_equal(allocation.on(date(2025, 10, 1))["prosecutor"], [0.0, 5.0, 0.0])
    assert not any(values.any() for values in allocation.on(date(2026, 8, 15)).values())


def test_a_labelled_array_says_the_same_as_its_table() -> None:
    array = xr.DataArray(
        np.array([[[2.0, 0.0], [1.0, 3.0]]]), dims=("resource", "place", "quarter"),
        coords={"resource": ["analyst"], "place": ["FRA", "ITA"], "quarter": ["2025Q3", "2025Q4"]})
    rows = table(GOOD, ("analyst", "ITA", "2025Q3", 1.0), ("analyst", "ITA", "2025Q4", 3.0))
    for day in (date(2025, 8, 1), date(2025, 11, 1)):
        for same in (array, array.transpose("quarter", "resource", "place")):
            np.testing.assert_array_equal(
                Allocation(same, STATES).on(day)["analyst"], Allocation(rows, STATES).on(day)["analyst"])
    with pytest.raises(ValueError, match="dimensions resource, place and quarter, not place, quarter"):
        Allocation(array.isel(resource=0, drop=True), STATES)


def test_an_empty_allocation_places_nobody() -> None:
    assert not any(values.any() for values in Allocation(table(), STATES).on(date(2025, 1, 1)).values())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (table(("analist", "FRA", "2025Q3", 2.0)), "unknown resource: 'analist'; did you mean 'analyst'"),
        (table(GOOD, ("analyst", "GBR", "2025Q3", 2.0)), "unknown place: 'GBR'"),
        (table(("analyst", "FRA", "2025Q3", -0.1)), "finite number, 0 or more"),
        (table(("analyst", "FRA", "2025Q3", np.nan)), "finite number, 0 or more"),
        (table(("analyst", "FRA", "2025Q3", np.inf)), "finite number, 0 or more"),
        (table(("liaison_officer", "FRA", "2025Q3", 1.0)), "liaison_officer to FRA, but this type works in partner countries"),
        (table(GOOD).drop(columns="staff"), r"lacks the column\(s\) staff"),
        (table(GOOD)[["staff"]], r"lacks the column\(s\) resource, place, quarter"),
    ],
)
def test_impossible_allocations_are_refused(bad: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Allocation(bad, STATES)


@pytest.mark.parametrize("quarter", ["2025-Q3", "2025q3", "2025Q5", "Q3 2025", "2025"])
def test_a_quarter_that_never_comes_is_refused(quarter: str) -> None:
    """Otherwise a slip of the pen would place nobody and say nothing."""
    with pytest.raises(ValueError, match="quarter"):
        Allocation(table(GOOD, ("analyst", "FRA", quarter, 1.0)), STATES)


def test_smuggler_use_by_kind_of_leg(geography: Geography, params: dict[str, float]) -> None:
    use = smuggler_use(geography, params)
    inner = np.asarray(geography.legs["route"] == "INNER") & ~geography.external
    np.testing.assert_array_equal(use[geography.external], params["networks.use_external"])
    np.testing.assert_array_equal(use[inner], params["networks.use_inner"])
    np.testing.assert_array_equal(use[~inner & ~geography.external], params["networks.use_feeder"])


def test_driver_arrests_by_hand(geography: Geography, params: dict[str, float]) -> None:
    """All of ten paying passengers a day on one external leg, a fifth stopped, the rest detected half the time."""
    detection = geography.column("legs", "detection")
    paid = geography.column("legs", "fee_eur") > 0.0
    leg = int(np.flatnonzero(geography.external & paid & (detection > 0.0) & (geography.interceptor < 27))[0])
    one = np.zeros(len(detection))
    one[leg] = 1.0
    arrests = expected_driver_arrests(geography, params, 10.0 * one, 0.2 * one, one)
    wanted = np.zeros(27)
    per_person = 365.25 * params["investigation.drivers_per_person"]
    wanted[geography.receiver[leg]] += 8.0 * detection[leg] * per_person
    wanted[geography.interceptor[leg]] += 2.0 * per_person
    np.testing.assert_allclose(arrests, wanted)


def test_baseline_stands_where_it_should(geography: Geography, params: dict[str, float]) -> None:
    load = np.linspace(0.0, 5000.0, 27)
    staff = baseline_staff(geography, params, load)
    assert set(staff) == set(TYPES)
    states = geography.world.member_states
    police = states["police_per_100k"].to_numpy() * states["population"].to_numpy() / 1e5
    np.testing.assert_allclose(staff["investigator"], police * params["investigation.specialised_share"])
    assert np.all(staff["investigator"] > 0.0) and np.all(staff["prosecutor"] > 0.0)
    receives = np.isin(np.arange(27), geography.receiver[geography.external])
    np.testing.assert_array_equal(staff["border_guard"] > 0.0, receives)
    coast = np.isin(np.arange(27), geography.receiver[geography.external & geography.by_sea])
    np.testing.assert_array_equal(
        staff["rescue_unit"], np.where(coast, params["rescue.units_per_coastal_state"], 0.0)
    )
    for pool in set(TYPES) - {"investigator", "prosecutor", "border_guard", "rescue_unit"}:
        assert not staff[pool].any()
    assert len(staff["liaison_officer"]) == len(geography.authorities) - 27 > 0
    everyone = states["prosecutors_per_100k"].to_numpy() * states["population"].to_numpy() / 1e5
    wanted = load / params["prosecution.cases_per_prosecutor_year"] / params["prosecution.utilisation"]
    least, most = params["prosecution.least_share"] * everyone, params["prosecution.largest_share"] * everyone
    np.testing.assert_allclose(staff["prosecutor"], np.minimum(np.maximum(wanted, least), most))


def test_baseline_as_a_table(finished: Any) -> None:
    frame = staff_baseline(finished.scenario)
    assert list(frame.columns) == ["resource", "place", "staff"]
    assert not frame.duplicated(["resource", "place"]).any()
    authorities = finished.model.geography.authorities
    for kind in TYPES:
        own = frame[frame["resource"] == kind]
        assert list(own["place"]) == (authorities[27:] if kind == "liaison_officer" else authorities[:27])
        np.testing.assert_allclose(own["staff"], finished.model.baseline_staff[kind])
