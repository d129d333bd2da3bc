"""Deaths per attempt: each factor by hand."""

from __future__ import annotations

import numpy as np
import pytest

from countersmuggling.model.harm import chance_of_death, season_factor

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
