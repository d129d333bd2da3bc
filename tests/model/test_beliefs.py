"""Beliefs: learning, word of mouth and campaigns by hand numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.beliefs import Beliefs, Now, Seen, exchange, inform, learn

FloatArray = npt.NDArray[np.float64]


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


NONE = np.zeros((2, 1))
QUIET = {
    "beliefs.half_life_days": 10.0, "beliefs.half_seen_per_month": 100.0 * 365.25 / 120.0,  # 100 in ten days
    "beliefs.news_of_deaths": 0.5, "beliefs.exchange_per_month": 0.0, "beliefs.smuggler_voice_per_month": 0.0,
    "beliefs.forgetting_half_life_days": 1e12, "beliefs.transfer_error": 0.0,
}  # fmt: skip


def now(stopped: float = 0.2, death: float = 0.01, fee: float = 1000.0, delay: float = 0.0,
        returned: float = 0.0) -> Now:  # fmt: skip
    return Now(*(np.array([x]) for x in (stopped, death, fee, delay, returned)))


def seen(**counts: FloatArray) -> Seen:
    return Seen(*(counts.get(name, NONE) for name in Seen._fields))


@pytest.fixture
def two_groups(params: dict[str, float]) -> Beliefs:
    return Beliefs(2, now(), params | QUIET)


def test_everybody_begins_with_the_truth(two_groups: Beliefs) -> None:
    np.testing.assert_array_equal(two_groups.stopped, [[0.2], [0.2]])
    np.testing.assert_array_equal(two_groups.death, [[0.01], [0.01]])
    np.testing.assert_array_equal(two_groups.fee, [[1000.0], [1000.0]])
    np.testing.assert_array_equal(two_groups.delay, NONE)
    np.testing.assert_array_equal(two_groups.perception(), NONE)


def test_an_update_by_hand(two_groups: Beliefs) -> None:
    """Ten days are one half-life: rate 0.5; 100 seen is half a voice: a quarter of the way for the first group."""
    passed = np.array([[100.0], [0.0]])
    two_groups.update(
        seen(attempts=passed, interceptions=np.array([[60.0], [0.0]]), deaths=np.array([[5.0], [0.0]]), paid=passed,
             crossings=passed, returned=np.array([[20.0], [0.0]])),
        now(0.6, 0.05, 1400.0, 8.0, 0.2), np.zeros(2), 10,
    )  # fmt: skip
    np.testing.assert_allclose(two_groups.stopped, [[0.2 + 0.25 * 0.4], [0.2]])
    np.testing.assert_allclose(two_groups.death, [[0.01 + 0.5 * 0.25 * 0.04], [0.01]])
    np.testing.assert_allclose(two_groups.fee, [[1100.0], [1000.0]])
    np.testing.assert_allclose(two_groups.delay, [[2.0], [0.0]])
    np.testing.assert_allclose(two_groups.returned, [[0.05], [0.0]])
    # a year's campaign that reaches everybody leaves no error behind; fees and delays are not what campaigns tell
    two_groups.update(seen(), now(0.6, 0.05, 1400.0, 8.0, 0.2), np.array([1.0, 0.0]), 366)
    np.testing.assert_allclose(two_groups.stopped, [[0.6], [0.2]])
    np.testing.assert_allclose(two_groups.death, [[0.05], [0.01]])
    np.testing.assert_allclose(two_groups.fee, [[1100.0], [1000.0]])
    np.testing.assert_allclose(two_groups.delay, [[2.0], [0.0]])


def test_a_campaign_told_in_parts_reaches_as_many_as_one_told_at_once(two_groups: Beliefs) -> None:
    for _ in range(2):
        two_groups.update(seen(), now(1.0), np.array([0.36, 0.0]), 365)
    # two years at 36 %: 0.64 ** 2 of the error of 0.8 is left (a year here has 365 of 365.25 days)
    np.testing.assert_allclose(two_groups.stopped[0, 0], 1.0 - 0.8 * 0.64 ** (2 * 365 / 365.25))


def test_learning_does_not_depend_on_how_often_beliefs_are_updated(params: dict[str, float]) -> None:
    """30 a day of whom half are stopped, once in 40 days or four times in ten: one half-life is one half-life."""
    once, often = (Beliefs(2, now(), params | QUIET) for _ in range(2))
    passed = np.full((2, 1), 1200.0)
    once.update(seen(attempts=passed, interceptions=passed / 2.0), now(), np.zeros(2), 40)
    for _ in range(4):
        often.update(seen(attempts=passed / 4.0, interceptions=passed / 8.0), now(), np.zeros(2), 10)
    assert once.stopped[0, 0] == pytest.approx(often.stopped[0, 0], abs=0.05)
    assert once.stopped[0, 0] > 0.4


def test_exchange_follows_the_registry_per_month(params: dict[str, float]) -> None:
    beliefs = Beliefs(2, now(), params | QUIET | {"beliefs.exchange_per_month": 0.1})
    beliefs.stopped = np.array([[0.0], [0.4]])
    beliefs.update(seen(), now(), np.zeros(2), 15)
    step = 1.0 - np.exp(-0.1 * 15 * 12 / 365.25)
    np.testing.assert_allclose(beliefs.stopped, [[0.2 * step], [0.4 - 0.2 * step]])


def test_word_of_mouth_errs_with_mean_one(params: dict[str, float]) -> None:
    groups = 20_000
    chosen = params | QUIET | {"beliefs.exchange_per_month": 1e9, "beliefs.transfer_error": 0.5}
    beliefs = Beliefs(groups, now(stopped=0.1), chosen)
    draws = np.random.default_rng(0).random((5, groups, 1))
    none = Seen(*(np.zeros((groups, 1)) for _ in Seen._fields))
    beliefs.update(none, now(stopped=0.1), np.zeros(groups), 10, draws)
    assert beliefs.stopped.mean() == pytest.approx(0.1, rel=4.0 * 0.53 / np.sqrt(groups))
    assert np.log(beliefs.stopped).std() == pytest.approx(0.5, rel=0.02)
    np.testing.assert_array_equal(beliefs.delay, 0.0)  # nothing told of is nothing, however badly it is told


def test_what_nobody_renews_fades_to_what_was_known_before(params: dict[str, float]) -> None:
    beliefs = Beliefs(2, now(), params | QUIET | {"beliefs.forgetting_half_life_days": 30.0})
    beliefs.stopped = np.array([[0.8], [0.8]])
    beliefs.heard = np.array([[0.6], [0.6]])
    crowd = np.array([[0.0], [1e12]])  # in the second group all is fresh
    beliefs.update(seen(attempts=crowd, interceptions=0.8 * crowd), now(), np.zeros(2), 30)
    np.testing.assert_allclose(beliefs.stopped, [[0.5], [0.8]])
    assert beliefs.heard[0, 0] == pytest.approx(0.3)
    assert beliefs.heard[1, 0] > 0.6


def test_a_leg_is_heard_of_from_those_who_got_through(params: dict[str, float]) -> None:
    chosen = params | QUIET | {"beliefs.common_knowledge": 0.2, "beliefs.forgetting_half_life_days": 60.0}
    through = np.array([[5.0], [0.0]])
    beliefs = Beliefs(2, now(), chosen, through)
    first = beliefs.heard.copy()
    assert first[0, 0] > 0.5 and first[1, 0] < 1e-6
    for _ in range(30):  # flows as at the reference keep knowledge where it is
        beliefs.update(seen(attempts=through * 365.25 / 12.0), now(), np.zeros(2), 365.25 / 12.0)  # type: ignore[arg-type]
    np.testing.assert_allclose(beliefs.perception(), 0.0, atol=1e-6)
    stopped = np.array([[150.0], [0.0]])
    for _ in range(12):
        beliefs.update(seen(attempts=stopped, interceptions=stopped), now(), np.zeros(2), 30)
    assert beliefs.heard[0, 0] < 0.1 * first[0, 0]  # many tried, nobody tells of it
    known_0 = 0.2 + 0.8 * first[0, 0]
    expected = np.log((0.2 + 0.8 * beliefs.heard[0, 0]) / known_0)
    assert beliefs.perception()[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("voice", "exchange_rate"), [(0.0, 0.0), (0.05, 0.0), (0.3, 0.0), (0.0, 0.3), (0.3, 0.3)])
def test_campaigns_weaken_as_exchange_and_smugglers_promises_grow(
    params: dict[str, float], voice: float, exchange_rate: float
) -> None:
    """A campaign for one of two groups, against promises of 60 % of the truth, on a leg that got twice as dangerous.

    In the long run a group's belief b solves, per month: c (truth - b) + v (0.6 truth - b) + e (mean - b) = 0 in small
    steps, the other group's the same without c: closed form below.
    """
    chosen = params | QUIET | {
        "beliefs.exchange_per_month": exchange_rate, "beliefs.smuggler_voice_per_month": voice,
        "beliefs.smuggler_understatement": 0.4,
    }  # fmt: skip
    beliefs = Beliefs(2, now(0.2), chosen, sold=np.ones(1))
    for _ in range(1000):
        beliefs.update(seen(), now(0.4), np.array([0.9, 0.0]), 7)
    month = 365.25 / 12.0
    c = -month * np.log(1.0 - 0.9) / 365.25
    v, e = voice, exchange_rate
    matrix = np.array([[c + v + e / 2, -e / 2], [-e / 2, v + e / 2]])
    told = np.array([c * 0.4 + v * 0.24, v * 0.24])
    if v + e > 0.0:
        np.testing.assert_allclose(beliefs.stopped[:, 0], np.linalg.solve(matrix, told), rtol=0.03)
    gain = {(0.0, 0.0): (0.999, 1.001), (0.05, 0.0): (0.75, 0.85), (0.3, 0.0): (0.35, 0.42), (0.0, 0.3): (0.999, 1.001),
            (0.3, 0.3): (0.25, 0.34)}  # fmt: skip
    low, high = gain[voice, exchange_rate]
    # how much of the promises' understatement the campaign takes away from the group that it reaches
    assert low <= (beliefs.stopped[0, 0] - 0.24) / 0.16 <= high
