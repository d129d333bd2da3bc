"""Deaths per attempt: each factor by hand."""

from __future__ import annotations

import numpy as np
import pytest

from countersmuggling.model.core import default_geography
from countersmuggling.model.harm import (
    boats_of_the_day,
    captivity,
    chance_of_death,
    mean_share,
    season_factor,
    set_sail,
)

SEA = np.array([True, False])
ONE = np.ones(2)
BASE = np.array([0.01, 0.002])
PARAMS = {
    "harm.pressure_elasticity": 0.5, "harm.crowding_elasticity": 0.4, "rescue.elasticity": 0.5, "harm.ceiling": 0.2,
}  # fmt: skip


def death(
    **changes: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = {"season": ONE, "pressure": ONE, "crowding": ONE, "rescue": ONE} | changes
    return np.asarray(
        chance_of_death(
            BASE, values["season"], values["pressure"], values["crowding"], values["rescue"], SEA, PARAMS
        )
    )


def test_the_reference_is_the_base() -> None:
    np.testing.assert_array_equal(death(), BASE)


def test_each_factor_by_hand() -> None:
    np.testing.assert_allclose(death(pressure=4.0 * ONE), [0.02, 0.004])  # 4 ** 0.5, on land as at sea
    np.testing.assert_allclose(death(crowding=32.0 * ONE), [0.04, 0.002])  # 32 ** 0.4 = 4, boats only
    np.testing.assert_allclose(death(rescue=4.0 * ONE), [0.005, 0.002])  # 4 ** -0.5, boats only
    np.testing.assert_allclose(death(rescue=0.25 * ONE), [0.02, 0.002])
    np.testing.assert_allclose(death(season=np.array([1.4, 1.0])), [0.014, 0.002])
    together = death(pressure=4.0 * ONE, crowding=32.0 * ONE, rescue=4.0 * ONE)
    np.testing.assert_allclose(together, [0.01 * 2 * 4 / 2, 0.004])


def test_less_pressure_or_crowding_than_the_reference_makes_nothing_safer() -> None:
    np.testing.assert_array_equal(death(pressure=0.1 * ONE, crowding=0.1 * ONE), BASE)


def test_the_ceiling_holds_and_no_rescue_stays_finite() -> None:
    np.testing.assert_array_equal(death(pressure=1e9 * ONE), [0.2, 0.2])
    assert death(rescue=0.0 * ONE)[0] == pytest.approx(min(0.2, 0.01 * 1e-3**-0.5))


def test_season_peaks_in_january_at_sea_and_averages_one() -> None:
    months = np.array([season_factor(m, SEA, 0.4) for m in range(1, 13)])
    assert months[0, 0] == pytest.approx(1.4) and months[6, 0] == pytest.approx(0.6)
    assert months[:, 0].mean() == pytest.approx(1.0)
    np.testing.assert_array_equal(months[:, 1], np.ones(12))


# ---------------------------------------------------------------------------------------------- boats

BOATS = {"harm.boat_persons": 60.0, "harm.boat_spread": 3.0, "harm.incident_tail": 0.8}


def test_boats_go_up_by_powers_of_two() -> None:
    flow = np.array([0.0, 60.0, 84.0, 85.0, 120.0, 169.0, 170.0, 60.0 * 1024])
    np.testing.assert_array_equal(boats_of_the_day(flow, 60.0), [1, 1, 1, 2, 2, 2, 4, 1024])  # steps at 2^(k + 1/2)


@pytest.mark.parametrize(("least", "tail"), [(0.01, 0.8), (0.02, 1.0), (0.05, 1.6)])
def test_mean_of_the_bounded_pareto_share(least: float, tail: float) -> None:
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    quantiles = least * (1.0 - u * (1.0 - least**tail)) ** (-1.0 / tail)
    assert mean_share(least, tail) == pytest.approx(quantiles.mean(), rel=1e-4)
    if tail == 1.0:
        assert mean_share(least, tail) == pytest.approx(least * np.log(1 / least) / (1 - least))


@pytest.mark.parametrize("chance", [0.004, 0.02, 0.15])
def test_everybodys_chance_of_dying_stays_what_it_was(chance: float) -> None:
    """Mean over boats and days of S + (1 - S) r, in boats of equal and of unequal size."""
    days, legs = 400, 40
    death = np.full(legs, chance)
    risk = np.zeros((days, legs))
    for d in range(days):
        boats = set_sail(death, np.full(legs, 300.0), np.ones(legs, bool), np.uint64(3), 5000 + d, BOATS)
        share = boats.share.reshape(legs, 4)
        edge = (np.arange(5) / 4) ** (1 / 3)  # shares of travellers by boat, from u ** 3
        risk[d] = ((share + (1 - share) * boats.alone[:, None]) * np.diff(edge)).sum(axis=1)
    error = risk.std() / np.sqrt(risk.size)
    assert abs(risk.mean() - chance) < 4 * error < 0.2 * chance


def test_people_on_land_die_one_by_one_and_safe_legs_have_no_boats() -> None:
    boats = set_sail(np.array([0.1, 0.1, 0.0]), np.full(3, 500.0), np.array([True, False, True]), np.uint64(1), 9, BOATS)
    np.testing.assert_array_equal(boats.number, [8, 0, 0])
    assert len(boats.share) == len(boats.lost) == 8


def test_fates_are_drawn_by_seed_leg_boat_and_day_alone() -> None:
    sea = np.ones(2, bool)

    def fates(death: float, flow: float, day: int = 9, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return set_sail(np.full(2, death), np.array([flow, 240.0]), sea, np.uint64(seed), day, BOATS).share

    assert np.array_equal(fates(0.05, 240.0), fates(0.05, 260.0))  # a little more flow: the same boats
    assert np.array_equal(fates(0.05, 240.0)[4:], fates(0.05, 2400.0)[-4:])  # another leg's boats do not matter
    assert not np.array_equal(fates(0.05, 240.0, day=10), fates(0.05, 240.0))
    assert not np.array_equal(fates(0.05, 240.0, seed=2), fates(0.05, 240.0))
    worse, better = fates(0.06, 3000.0), fates(0.05, 3000.0)
    assert np.all(worse >= better) and np.array_equal(worse[better > 0], better[better > 0])  # only more incidents


def test_few_incidents_hold_most_deaths() -> None:
    """Pattern of the Central Mediterranean (IOM): the largest twentieth holds up to a half, density exponent about 2."""
    rng = np.random.default_rng(1)
    deaths: list[int] = []
    for day in range(3000):
        boats = set_sail(np.array([0.02]), np.array([300.0]), np.array([True]), np.uint64(5), day, BOATS)
        on = (rng.random(rng.poisson(300)) ** boats.spread * boats.number[0]).astype(int)
        died = rng.random(len(on)) < boats.share[on]
        lost = np.bincount(on[died])
        deaths += list(lost[lost > 0])
    sizes = np.sort(np.array(deaths, dtype=np.float64))[::-1]
    top = sizes[: len(sizes) // 20].sum() / sizes.sum()
    assert 0.3 < top < 0.6  # one by one it would be about a twentieth
    tail = sizes[sizes >= 5]
    assert 1.7 < 1 + len(tail) / np.log(tail / 4.5).sum() < 2.7


# ---------------------------------------------------------------------------------------------- captivity


def test_people_are_held_on_the_way_into_the_places_that_are_named(params: dict[str, float]) -> None:
    geography = default_geography()
    held = captivity(geography.hub_country, geography.network.tail, geography.network.head, params)
    by_leg = dict(zip(geography.legs["leg"], held.chance, strict=True))
    assert by_leg["agadez>sebha"] == params["captivity.libya"]
    assert by_leg["sebha>tripoli"] == 0.0  # counted once, on entering the country
    assert by_leg["tripoli>lampedusa"] == 0.0
    named = {geography.hub_country[h] for h in geography.network.head[held.chance > 0.0]}
    assert named == {"LBY", "SDN", "TUR"}
