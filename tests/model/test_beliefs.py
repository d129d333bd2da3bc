"""Beliefs: learning, word of mouth and campaigns by hand numbers."""

from __future__ import annotations

import numpy as np
import pytest

from countersmuggling.model.beliefs import Beliefs, exchange, inform, learn


def test_learning_by_hand() -> None:
    """50 seen with half_seen 50 is half the weight; 20 of them stopped is a rate of 0.4 against a belief of 0.2."""
    belief = np.array([[0.2, 0.2, 0.2]])
    seen, events = np.array([[50.0, 0.0, 150.0]]), np.array([[20.0, 0.0, 0.0]])
    after = learn(belief, seen, events, 50.0, 0.5)
    np.testing.assert_allclose(after, [[0.2 + 0.5 * 0.5 * 0.2, 0.2, 0.2 - 0.5 * 0.75 * 0.2]])
    # deaths have a weaker voice
    np.testing.assert_allclose(learn(belief, seen, events, 50.0, 0.5, 0.4)[0, 0], 0.2 + 0.4 * 0.25 * 0.2)


def test_learning_never_overshoots() -> None:
    after = learn(np.array([[0.9]]), np.array([[1e12]]), np.array([[1e11]]), 50.0, 1.0)
    assert after[0, 0] == pytest.approx(0.1)


def test_word_of_mouth_by_hand() -> None:
    """Groups believe 0.1 and 0.5; 30 and 10 passed: the average is 0.2, and each moves a quarter of the way."""
    after = exchange(np.array([[0.1], [0.5]]), np.array([[30.0], [10.0]]), 0.25)
    np.testing.assert_allclose(after, [[0.125], [0.425]])


def test_word_of_mouth_on_a_leg_that_nobody_used_is_a_plain_average() -> None:
    np.testing.assert_allclose(exchange(np.array([[0.1], [0.5]]), np.zeros((2, 1)), 1.0), [[0.3], [0.3]])


def test_a_campaign_moves_those_it_reaches_towards_the_truth() -> None:
    after = inform(np.array([[0.1, 0.4], [0.1, 0.4]]), np.array([0.3, 0.2]), np.array([0.5, 0.0]))
    np.testing.assert_allclose(after, [[0.2, 0.3], [0.1, 0.4]])


@pytest.fixture
def two_groups(params: dict[str, float]) -> Beliefs:
    chosen = params | {
        "beliefs.half_life_days": 10.0, "beliefs.half_seen": 100.0, "beliefs.news_of_deaths": 0.5,
        "beliefs.exchange_per_month": 0.0,
    }  # fmt: skip
    return Beliefs(2, np.array([0.2]), np.array([0.01]), np.array([1000.0]), chosen)


def test_everybody_begins_with_the_truth(two_groups: Beliefs) -> None:
    np.testing.assert_array_equal(two_groups.stopped, [[0.2], [0.2]])
    np.testing.assert_array_equal(two_groups.death, [[0.01], [0.01]])
    np.testing.assert_array_equal(two_groups.fee, [[1000.0], [1000.0]])


def test_an_update_by_hand(two_groups: Beliefs) -> None:
    """Ten days are one half-life: rate 0.5; 100 seen is half a voice: a quarter of the way for the first group."""
    attempts, none = np.array([[100.0], [0.0]]), np.zeros((2, 1))
    two_groups.update(
        attempts, np.array([[60.0], [0.0]]), np.array([[5.0], [0.0]]), attempts, np.array([1400.0]),
        (np.array([0.6]), np.array([0.05])), np.zeros(2), 10,
    )  # fmt: skip
    np.testing.assert_allclose(two_groups.stopped, [[0.2 + 0.25 * 0.4], [0.2]])
    np.testing.assert_allclose(two_groups.death, [[0.01 + 0.5 * 0.25 * 0.04], [0.01]])
    np.testing.assert_allclose(two_groups.fee, [[1100.0], [1000.0]])
    # a year's campaign that reaches everybody leaves no error behind; fees are not what campaigns tell
    two_groups.update(
        none,
        none,
        none,
        none,
        np.array([1400.0]),
        (np.array([0.6]), np.array([0.05])),
        np.array([1.0, 0.0]),
        365,
    )
    np.testing.assert_allclose(two_groups.stopped, [[0.6], [0.2]])
    np.testing.assert_allclose(two_groups.death, [[0.05], [0.01]])
    np.testing.assert_allclose(two_groups.fee, [[1100.0], [1000.0]])


def test_a_campaign_told_in_parts_reaches_as_many_as_one_told_at_once(two_groups: Beliefs) -> None:
    none = np.zeros((2, 1))
    for _ in range(2):
        two_groups.update(
            none,
            none,
            none,
            none,
            np.array([1.0]),
            (np.array([1.0]), np.array([0.01])),
            np.array([0.36, 0.0]),
            365,
        )
    # two years at 36 %: 0.64 ** 2 of the error of 0.8 is left (a year here has 365 of 365.25 days)
    np.testing.assert_allclose(two_groups.stopped[0, 0], 1.0 - 0.8 * 0.64 ** (2 * 365 / 365.25))


def test_exchange_follows_the_registry_per_month(params: dict[str, float]) -> None:
    beliefs = Beliefs(2, np.array([0.2]), np.array([0.0]), np.array([1.0]), params)
    beliefs.stopped = np.array([[0.0], [0.4]])
    none = np.zeros((2, 1))
    beliefs.update(
        none, none, none, none, np.array([1.0]), (np.array([0.2]), np.array([0.0])), np.zeros(2), 15
    )
    step = params["beliefs.exchange_per_month"] * 15 * 12 / 365.25
    np.testing.assert_allclose(beliefs.stopped, [[0.2 * step], [0.4 - 0.2 * step]])
