"""Waiting on the coast: counted on paper, against the balance of arrivals and sailings, and in the running model."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.core import default_geography
from countersmuggling.model.demand import month_factors, season_of_setting_out
from countersmuggling.model.geography import ROUTES
from countersmuggling.model.sailing import calm_factor, sailing
from countersmuggling.model.travellers import day_of_sailing
from countersmuggling.scenarios import load, registry, small_world

PARAMS = {name: float(row.value) for name, row in registry().items()}


def test_who_waits_sails_when_enough_calm_days_have_passed() -> None:
    calm = np.array([0.0, 0.0, 0.0, 2.0, 4.0, 4.0, 5.0])  # by the morning of days 0 to 6
    u = 1.0 - np.exp(-1.0)  # an exponential of mean 1 is 1 there
    assert [day_of_sailing(calm, 0, mean, u) for mean in (0.5, 2.0, 2.5, 4.5)] == [3, 3, 4, 6]
    assert day_of_sailing(calm, 3, 0.5, u) == 4 and day_of_sailing(calm, 4, 0.5, u) == 6
    assert day_of_sailing(calm, 0, 100.0, u) == 7  # not before the run ends


def test_waits_are_geometric_where_the_sea_is_always_the_same() -> None:
    u = (np.arange(20_000) + 0.5) / 20_000
    calm = np.arange(3001.0)
    waits = np.array([day_of_sailing(calm, 10, 30.0, x) for x in u]) - 10
    assert waits.mean() == pytest.approx(1.0 / (1.0 - np.exp(-1.0 / 30.0)), rel=2e-3)
    assert np.mean(waits > 30) == pytest.approx(np.exp(-1.0), abs=2e-4)


def test_crossings_follow_the_balance_of_arrivals_and_sailings() -> None:
    """dS/dt = I - S c(t) / m, integrated in small steps, against 200,000 people who reach the coast evenly over four years."""
    days, wait = 1461, 43.5
    geography = default_geography()
    sea = sailing(geography, PARAMS, date(2021, 1, 1), days, np.zeros(len(geography.groups)))
    calm = sea.calm[ROUTES.index("CMED")]
    arrival = np.arange(200_000) % days
    u = np.random.default_rng(1).random(len(arrival))
    sails = np.array([day_of_sailing(calm, int(a), wait, x) for a, x in zip(arrival, u, strict=True)])
    steps = 20
    waiting, crossing = 0.0, np.zeros(days)
    for d in range(days):
        for _ in range(steps):
            leaves = waiting * (calm[d + 1] - calm[d]) / wait / steps
            waiting += 1.0 / steps - leaves
            crossing[d] += leaves
    month = np.array([date.fromordinal(date(2021, 1, 1).toordinal() + d).month for d in range(days)])
    year = slice(731, 1461)  # after the coast has filled
    share = np.array([crossing[year][month[year] == m].sum() for m in range(1, 13)])
    seen = np.bincount(month[sails[(sails >= 731) & (sails < 1461)]], minlength=13)[1:].astype(float)
    share, seen = share / share.sum() * 12, seen / seen.sum() * 12
    np.testing.assert_allclose(seen, share, atol=0.03)  # four standard errors of a month's count
    assert share.max() / share.min() > 1.5
    first_order = PARAMS["sailing.swing_cmed"] * (x := 2 * np.pi * wait / 365.25) / np.hypot(1.0, x)
    assert (share.max() - share.min()) / 2 == pytest.approx(first_order, rel=0.15)


def test_months_have_mean_one_and_the_calmest_is_the_peak() -> None:
    factor = np.array([calm_factor(m, PARAMS) for m in range(1, 13)])
    np.testing.assert_allclose(factor.mean(axis=0), 1.0, atol=1e-12)
    for route in ("CMED", "EMED", "WMED", "WAFR"):
        i = ROUTES.index(route)
        swing, calmest = PARAMS[f"sailing.swing_{route.lower()}"], PARAMS[f"sailing.calmest_month_{route.lower()}"]
        assert factor[:, i].max() == factor[int(calmest) - 1, i] == pytest.approx(1.0 + swing)
    assert np.all(factor[:, ROUTES.index("WBALK")] == 1.0)


def test_a_group_sets_out_by_the_month_in_which_it_will_be_detected() -> None:
    geography = default_geography()
    lead = np.full(len(geography.groups), 40.0)
    sums = season_of_setting_out(geography, date(2021, 1, 15), 30, lead)  # 40 days later: from 24 February on
    factor, g = month_factors(geography), geography.groups.index("syria")
    assert sums.shape == (len(geography.groups), 31) and sums[g, 0] == 0.0
    np.testing.assert_allclose(np.diff(sums[g])[:5], factor["syria", 2])
    np.testing.assert_allclose(np.diff(sums[g])[5:], factor["syria", 3])


def crossings_by_month(mode: str) -> npt.NDArray[np.float64]:
    tables = small_world(
        hubs={"sfax": "TUN", "lampedusa": "ITA"},
        legs=[{"from": "sfax", "to": "lampedusa", "mode": mode, "route": "CMED", "days": 45}],
        groups={"travellers": {"origins": "sfax", "detections": 40_000}},
    )
    scenario = load("baseline-2025")
    horizon = scenario.horizon.model_copy(update={"end": date(2026, 12, 31), "burn_in_days": 365})
    options = scenario.model.model_copy(update={"adaptation": False})
    scenario = scenario.model_copy(update={"horizon": horizon, "model": options})
    model = SmugglingModel(scenario, tables=tables, check_invariants=True)
    table = model.run().outcomes
    rows = table[table["outcome"] == "irregular_crossings"]
    return np.asarray(rows.groupby(rows["month"].str[5:].astype(int))["value"].sum().to_numpy(dtype=np.float64))


def test_a_strait_has_a_season_and_a_land_border_has_none() -> None:
    sea, land = crossings_by_month("sea"), crossings_by_month("land")
    assert sea.max() / sea.min() > 1.3 * land.max() / land.min()
    assert sea[4:9].sum() / sea.sum() > land[4:9].sum() / land.sum() + 0.03
