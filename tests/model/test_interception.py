"""Interception: a fixed capacity against a variable flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.model.interception import capacity_at_reference, chance_of_interception


@settings(max_examples=100, deadline=None)
@given(st.floats(0.001, 0.85), st.floats(0.01, 1e5), st.floats(0.86, 1.0))
def test_the_published_chance_holds_at_the_reference_flow(chance: float, flow: float, ceiling: float) -> None:
    p, n = np.array([chance]), np.array([flow])
    capacity = capacity_at_reference(p, n, ceiling)
    np.testing.assert_allclose(chance_of_interception(capacity, n, ceiling), p, rtol=1e-12)


def test_by_hand() -> None:
    # p0 = 0.3 at 20 a day under a ceiling of 0.9: c = 0.3 x 0.9 x 20 / 0.6 = 9; at 40 a day 0.9 x 9 / (9 + 36) = 0.18
    capacity = capacity_at_reference(np.array([0.3]), np.array([20.0]), 0.9)
    np.testing.assert_allclose(capacity, [9.0])
    np.testing.assert_allclose(chance_of_interception(capacity, np.array([40.0]), 0.9), [0.18])
    np.testing.assert_allclose(chance_of_interception(capacity, np.array([0.0]), 0.9), [0.9])


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 1e4), st.floats(0.05, 1.0), st.floats(0.1, 1e4))
def test_never_more_than_the_capacity_is_stopped(capacity: float, ceiling: float, flow: float) -> None:
    flows = np.linspace(0.0, 10.0 * flow, 50)
    c = np.full(50, capacity)
    chance = chance_of_interception(c, flows, ceiling)
    stopped = chance * flows
    assert np.all(chance <= ceiling * (1 + 1e-12)) and np.all(chance >= 0.0)
    assert np.all(stopped <= capacity * (1 + 1e-12)) and np.all(stopped <= flows)
    assert np.all(np.diff(chance) < 0.0)  # the more attempt, the smaller each one's chance
    assert np.all(np.diff(stopped) > 0.0)  # but more are stopped in all
    assert np.all(
        chance_of_interception(2.0 * c, flows + 1.0, ceiling)
        > chance_of_interception(c, flows + 1.0, ceiling)
    )


def test_nobody_is_stopped_without_capacity() -> None:
    none = capacity_at_reference(np.array([0.0]), np.array([50.0]), 0.9)
    np.testing.assert_array_equal(none, [0.0])
    np.testing.assert_array_equal(chance_of_interception(none, np.array([0.0]), 0.9), [0.0])
    np.testing.assert_array_equal(chance_of_interception(none, np.array([10.0]), 0.9), [0.0])


@pytest.mark.parametrize("chance", [0.9, 0.95, 1.0])
def test_a_published_chance_at_the_ceiling_stays_finite(chance: float) -> None:
    capacity = capacity_at_reference(np.array([chance]), np.array([10.0]), 0.9)
    assert np.isfinite(capacity).all()
    np.testing.assert_allclose(chance_of_interception(capacity, np.array([10.0]), 0.9), [0.9], rtol=1e-5)
