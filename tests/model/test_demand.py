"""Demand: published levels, seasons and shocks; draws that neither policy nor the length of a run changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.demand import (
    annual_level,
    latent_shock,
    month_number,
    potential_travellers,
    shock_by_events,
)
from countersmuggling.model.geography import Geography


@dataclass
class Shock:
    on: date
    off: date
    factor: float
    origin_groups: tuple[str, ...] = ("all",)
    kind: str = "demand_shock"

    def holds(self, day: date) -> bool:
        return self.on <= day < self.off


def draw(
    geography: Geography, params: dict[str, float], first: date = date(2024, 1, 1), days: int = 366, *,
    seed: int = 1, per_agent: float = 100.0, lead: float = 0.0, events: list[Any] | None = None,
    demand_year: int | None = None, growth: float = 0.0, behind: float = 5.0,
) -> npt.NDArray[np.int64]:  # fmt: skip
    groups = len(geography.groups)
    return np.asarray(
        potential_travellers(
            geography, params, seed, first, days, np.full(groups, lead), np.full(groups, behind), per_agent,
            balkan_factor=np.ones(groups), demand_year=demand_year, growth=growth, events=events or [],
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def calm(params: dict[str, float]) -> dict[str, float]:
    """Parameters without the latent shock."""
    return params | {"demand.shock_sd": 0.0}


def test_month_numbers() -> None:
    assert month_number(date(2010, 1, 31)) == 0
    assert month_number(date(2011, 3, 1)) == 14


def test_annual_level_is_published_held_or_grown(geography: Geography) -> None:
    table = geography.world.demand.set_index(["origin_group", "year"])["detections"]
    last = int(geography.world.demand["year"].max())
    published = float(table["syria", 2015])
    assert annual_level(geography, "syria", 2015, None, 0.1) == published
    assert annual_level(geography, "syria", 2031, 2015, 0.1) == published
    assert annual_level(geography, "syria", last + 2, None, 0.1) == pytest.approx(
        float(table["syria", last]) * 1.21
    )
    assert annual_level(geography, "syria", 2010, None, 0.1) == float(table["syria", 2011])


def test_the_latent_shock_has_mean_one_and_the_registrys_persistence() -> None:
    sd, persistence = 0.3, 0.85
    runs = np.array([latent_shock(s, "syria", 60, sd, persistence) for s in range(4000)])
    # sd of a log-normal with s = 0.3 is 0.307; months of one run are not independent, so only runs are counted
    assert abs(runs[:, 30].mean() - 1.0) < 4.0 * 0.307 / np.sqrt(4000)
    logs = np.log(runs)
    assert logs.std(axis=0) == pytest.approx(sd, rel=0.06)
    assert np.corrcoef(logs[:, 20], logs[:, 21])[0, 1] == pytest.approx(persistence, abs=0.03)
    assert np.corrcoef(logs[:, 20], logs[:, 24])[0, 1] == pytest.approx(persistence**4, abs=0.06)


def test_a_longer_run_keeps_the_shocks_of_the_months_before() -> None:
    np.testing.assert_array_equal(
        latent_shock(3, "iraq", 40, 0.3, 0.8), latent_shock(3, "iraq", 90, 0.3, 0.8)[:40]
    )
    assert not np.any(latent_shock(3, "iraq", 40, 0.3, 0.8) == latent_shock(3, "iran", 40, 0.3, 0.8))
    np.testing.assert_array_equal(latent_shock(3, "iraq", 12, 0.0, 0.8), np.ones(12))


def test_a_years_rows_are_the_published_detections_times_those_behind_each(
    geography: Geography, calm: dict[str, float]
) -> None:
    drawn = draw(geography, calm, demand_year=2015, per_agent=10.0).sum(axis=1)
    season = geography.world.seasonality.pivot(index="origin_group", columns="month", values="factor")
    days = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    for g, group in enumerate(geography.groups):
        level = annual_level(geography, group, 2015, None, 0.0)
        mean = level * 5.0 / 10.0 * float(season.loc[group].to_numpy() @ days) / 365.25
        assert abs(drawn[g] - mean) < 5.0 * np.sqrt(mean) + 1.0, group
        assert mean == pytest.approx(level / 2.0, rel=0.03)


def test_the_burn_in_changes_no_draw(geography: Geography, params: dict[str, float]) -> None:
    plain = draw(geography, params, date(2024, 6, 1), 200)
    for before in (1, 17, 152):
        longer = draw(geography, params, date(2024, 6, 1) - timedelta(days=before), 200 + before)
        np.testing.assert_array_equal(longer[:, before:], plain)
    np.testing.assert_array_equal(draw(geography, params, date(2024, 6, 1), 290)[:, :200], plain)
    assert np.any(draw(geography, params, date(2024, 6, 1), 200, seed=2) != plain)


def test_larger_agents_stand_for_the_same_people(geography: Geography, params: dict[str, float]) -> None:
    small, large = (draw(geography, params, per_agent=n) for n in (20.0, 200.0))
    people_small, people_large = small.sum() * 20.0, large.sum() * 200.0
    deviation = np.sqrt(20.0 * people_small + 200.0 * people_large)
    assert abs(people_small - people_large) < 4.0 * deviation
    assert deviation < 0.02 * people_small


def test_lead_days_move_the_season_ahead(geography: Geography, calm: dict[str, float]) -> None:
    """Who is detected in August left before: with a lead of 31 days, July has August's rate."""
    group = int(np.argmax([annual_level(geography, g, 2024, None, 0.0) for g in geography.groups]))
    now = draw(geography, calm, date(2024, 8, 1), 31, per_agent=1.0, demand_year=2024)[group].sum()
    ahead = draw(geography, calm, date(2024, 7, 1), 31, per_agent=1.0, lead=31.0, demand_year=2024)[
        group
    ].sum()
    assert abs(int(now) - int(ahead)) < 5.0 * np.sqrt(float(now + ahead))
    month = geography.world.seasonality.set_index(["origin_group", "month"])["factor"]
    expected = annual_level(geography, geography.groups[group], 2024, None, 0.0) * 5.0 * 31 / 365.25
    expected *= float(month[geography.groups[group], 8])
    assert abs(now - expected) < 5.0 * np.sqrt(expected)


def test_nobody_comes_from_a_group_without_detections_behind_it(
    geography: Geography, params: dict[str, float]
) -> None:
    assert draw(geography, params, days=60, behind=0.0).sum() == 0


def test_event_shocks_by_hand() -> None:
    events = [
        Shock(date(2025, 1, 10), date(2025, 2, 1), 2.0, ("syria",)),
        Shock(date(2025, 1, 20), date(2025, 3, 1), 0.5),
    ]
    day = {n: date(2025, 1, n) for n in (9, 10, 25)}
    assert [shock_by_events(events, "syria", day[n]) for n in (9, 10, 25)] == [1.0, 2.0, 1.0]
    assert [shock_by_events(events, "iraq", day[n]) for n in (9, 10, 25)] == [1.0, 1.0, 0.5]
    other = [Shock(day[9], day[25], 3.0, kind="border_closed")]
    assert shock_by_events(other, "syria", day[10]) == 1.0


def test_an_event_changes_its_group_in_its_time_only(geography: Geography, params: dict[str, float]) -> None:
    plain = draw(geography, params, date(2024, 3, 1), 92)
    stopped = draw(
        geography,
        params,
        date(2024, 3, 1),
        92,
        events=[Shock(date(2024, 4, 1), date(2024, 5, 1), 0.0, ("syria",))],
    )
    syria = geography.groups.index("syria")
    others = np.arange(len(geography.groups)) != syria
    np.testing.assert_array_equal(stopped[others], plain[others])
    np.testing.assert_array_equal(stopped[syria, :31], plain[syria, :31])
    np.testing.assert_array_equal(stopped[syria, 61:], plain[syria, 61:])
    assert plain[syria, 31:61].sum() > 0 and stopped[syria, 31:61].sum() == 0
    double = draw(
        geography,
        params,
        date(2024, 3, 1),
        92,
        per_agent=10.0,
        events=[Shock(date(2024, 3, 1), date(2024, 6, 1), 2.0)],
    )
    single = draw(geography, params, date(2024, 3, 1), 92, per_agent=10.0)
    assert abs(double.sum() - 2 * single.sum()) < 5.0 * np.sqrt(double.sum() + 4.0 * single.sum())


def test_more_travellers_than_fit_are_told_in_words(make_scenario: Callable[..., Any]) -> None:
    from countersmuggling.model import SmugglingModel
    from countersmuggling.model.demand import TooManyTravellers

    far = {"horizon": {"start": "2048-01-01", "end": "2048-01-05", "burn_in_days": 0}}
    scenario = make_scenario(**far, uncertainties={"demand_growth_per_year": 5.0})
    with pytest.raises(TooManyTravellers, match=r"people a year .* from \w+ in 204\d, more than the world has: lower uncertainties.demand_growth"):
        SmugglingModel(scenario)
