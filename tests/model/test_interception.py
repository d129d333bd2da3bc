"""Interception: a fixed capacity against a variable flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.model.interception import capacity_at_reference, chance_alone, chance_of_interception


@settings(max_examples=100, deadline=None)
@given(st.floats(0.001, 0.85), st.floats(0.01, 1e5), st.floats(0.86, 1.0))
def test_the_published_chance_holds_at_the_reference_flow(chance: float, flow: float, most: float) -> None:
    p, n, alone = np.array([chance]), np.array([flow]), np.array([most])
    capacity = capacity_at_reference(p, n, alone)
    np.testing.assert_allclose(chance_of_interception(capacity, n, alone), p, rtol=1e-12)


def test_by_hand() -> None:
    # p0 = 0.3 at 20 a day and 0.9 alone: c = 0.3 x 0.9 x 20 / 0.6 = 9; at 40 a day 0.9 x 9 / (9 + 36) = 0.18
    alone = np.array([0.9])
    capacity = capacity_at_reference(np.array([0.3]), np.array([20.0]), alone)
    np.testing.assert_allclose(capacity, np.array([9.0]))
    np.testing.assert_allclose(chance_of_interception(capacity, np.array([40.0]), alone), np.array([0.18]))
    np.testing.assert_allclose(chance_of_interception(capacity, np.array([0.0]), alone), np.array([0.9]))


def test_the_chance_of_who_is_alone_by_hand() -> None:
    # odds of 1 to 9, 1 and 9 become 1 to 3, 3 and 27
    published = np.array([0.0, 0.1, 0.5, 0.9])
    np.testing.assert_allclose(chance_alone(published, 3.0), np.array([0.0, 1 / 4, 3 / 4, 27 / 28]))
    np.testing.assert_allclose(chance_alone(published, 1.0), published)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 1e4), st.floats(0.05, 1.0), st.floats(0.1, 1e4))
def test_never_more_than_the_capacity_is_stopped(capacity: float, most: float, flow: float) -> None:
    flows, alone = np.linspace(0.0, 10.0 * flow, 50), np.full(50, most)
    c = np.full(50, capacity)
    chance = chance_of_interception(c, flows, alone)
    stopped = chance * flows
    assert np.all(chance <= most * (1 + 1e-12)) and np.all(chance >= 0.0)
    assert np.all(stopped <= capacity * (1 + 1e-12)) and np.all(stopped <= flows)
    assert np.all(np.diff(chance) < 0.0)  # the more attempt, the smaller each one's chance
    assert np.all(np.diff(stopped) > 0.0)  # but more are stopped in all
    more = chance_of_interception(2.0 * c, flows + 1.0, alone)
    assert np.all(more > chance_of_interception(c, flows + 1.0, alone))


def test_nobody_is_stopped_without_capacity() -> None:
    for alone in (np.array([0.9]), np.array([0.0])):
        none = capacity_at_reference(np.array([0.0]), np.array([50.0]), alone)
        np.testing.assert_array_equal(none, np.zeros(1))
        for flow in (0.0, 10.0):
            np.testing.assert_array_equal(chance_of_interception(none, np.array([flow]), alone), np.zeros(1))


@pytest.mark.parametrize("chance", [0.001, 0.5, 0.99, 1.0])
def test_one_more_attempt_lowers_everybodys_chance_from_what_it_is_alone(chance: float) -> None:
    published, flow = np.array([chance]), np.array([10.0])
    alone = chance_alone(published, 2.0)
    capacity = capacity_at_reference(published, flow, alone)
    assert np.isfinite(capacity).all() and published[0] <= alone[0] + 1e-9 <= 1.0 + 1e-9
    np.testing.assert_allclose(chance_of_interception(capacity, flow, alone), published, rtol=1e-5)
    np.testing.assert_allclose(chance_of_interception(capacity, np.zeros(1), alone), alone)
    assert chance_of_interception(capacity, 4.0 * flow, alone)[0] <= published[0]
