"""Evidence, linking and casework by hand numbers and closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.investigations import (
    Casework,
    joint_reach,
    linked_share,
    strength_of_case,
)

FloatArray = npt.NDArray[np.float64]


def array(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)


def test_linked_share_is_half_when_capacity_meets_the_load() -> None:
    load, capacity = array(10.0, 10.0, 10.0, 0.0, 0.0), array(10.0, 30.0, 0.0, 5.0, 0.0)
    np.testing.assert_allclose(linked_share(load, capacity, 1.0), [0.5, 0.75, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(linked_share(load, capacity, 0.4), [0.2, 0.3, 0.0, 0.4, 0.0])


def test_strength_of_a_case() -> None:
    np.testing.assert_allclose(strength_of_case(array(0.0, 25.0, 75.0), 25.0), [0.0, 0.5, 0.75])


def test_reach_adds_gains_and_stays_a_chance() -> None:
    assert float(joint_reach(0.3, 0.5, 0.0)) == pytest.approx(0.15)
    assert float(joint_reach(0.3, 0.5, 1.5)) == pytest.approx(0.375)
    assert float(joint_reach(0.9, 0.9, 5.0)) == 1.0


@pytest.fixture
def work(params: dict[str, float]) -> Casework:
    """Two networks, three Member States, one partner."""
    return Casework(2, 3, 4, dict(params))


def test_evidence_decays_with_the_registrys_half_life(work: Casework, params: dict[str, float]) -> None:
    seen = np.zeros((2, 4))
    seen[0] = [100.0, 0.0, 10.0, 50.0]
    work.collect(seen, array(0.2, 0.2, 0.4, 0.1))
    np.testing.assert_allclose(work.held, [[20.0, 0.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0]])
    lag = 1.0 - 0.5 ** (7.0 / params["linking.load_half_life_days"])
    np.testing.assert_allclose(work.items_per_week, lag * array(20.0, 0.0, 4.0))  # partners are no load
    weeks = 26
    for _ in range(weeks):
        work.collect(np.zeros((2, 4)), np.ones(4))
    left = 0.5 ** (weeks * 7.0 / params["evidence.half_life_days"])
    np.testing.assert_allclose(work.held[0], left * array(20.0, 0.0, 4.0, 5.0))


def test_reports_arrive_with_their_delay_and_completeness(work: Casework) -> None:
    work.held[0, :3] = [100.0, 100.0, 100.0]
    sharing, completeness, delay = array(0.5, 0.5, 1.0), array(1.0, 0.5, 1.0), array(14.0, 70.0, 1e-9)
    for week in range(1, 6):
        work.share(sharing, completeness, delay)
        expected = [50.0 * (1 - np.exp(-week / 2)), 25.0 * (1 - np.exp(-week / 10)), 100.0]
        np.testing.assert_allclose(work.shared[0], expected)
    np.testing.assert_array_equal(work.shared[1], np.zeros(3))


def test_linking_by_hand(work: Casework, params: dict[str, float]) -> None:
    """Own items count in full; of what others share and partners give, the linked share."""
    work.held[0] = [10.0, 20.0, 0.0, 40.0]
    work.shared[0] = [6.0, 12.0, 0.0]
    background = params["linking.background_items_per_week"]
    work.items_per_week = array(0.0, 0.0, 9.0)
    # as many analysts as make the capacity of the first and third state equal to their load, and none in the second
    per_analyst = params["linking.items_per_analyst_year"] * 7.0 / 365.25
    analysts = array(background, 0.0, 9.0 + background) / per_analyst
    work.connect(analysts, array(0.8, 0.8, 0.8), array(0.25))
    np.testing.assert_allclose(work.link, [0.4, 0.0, 0.4])
    np.testing.assert_allclose(work.linked[0], [10.0 + 0.4 * (12.0 + 10.0), 20.0, 0.4 * (18.0 + 10.0)])
    np.testing.assert_array_equal(work.linked[1], np.zeros(3))


def weighed(work: Casework, at_work: list[int], sharing: float) -> FloatArray:
    work.weigh(np.array(at_work), np.full(2, sharing))
    return work.score[:, 0]


def test_cases_that_can_be_opened_are_weighed_by_usable_evidence(params: dict[str, float]) -> None:
    work = Casework(7, 2, 2, dict(params))
    work.linked[:, 0] = [5.0, 50.0, 20.0, 30.0, 2.0, 90.0, 60.0]
    work.held[:, 0] = 1.0
    work.held[5, 0] = 0.0  # nothing of its own to start from
    at_work = [1, 1, 1, 1, 1, 1, 0]  # the last one is out of business; the fifth has left too little
    np.testing.assert_array_equal(weighed(work, at_work, 0.0), [5.0, 50.0, 20.0, 30.0, 0.0, 0.0, 0.0])
    work.open[1, 0] = 1  # already on it
    np.testing.assert_array_equal(weighed(work, at_work, 0.0), [5.0, 0.0, 20.0, 30.0, 0.0, 0.0, 0.0])
    half = params["investigation.half_items"]
    np.testing.assert_allclose(work.strength[:, 0], work.linked[:, 0] / (work.linked[:, 0] + half))


def test_deconfliction_sends_a_state_to_networks_nobody_works_on(params: dict[str, float]) -> None:
    work = Casework(3, 2, 2, dict(params) | {"investigation.deconfliction": 1.0})
    work.linked[:, 0], work.held[:, 0] = [50.0, 20.0, 8.0], 1.0
    work.open[0, 1] = 1
    np.testing.assert_array_equal(weighed(work, [1, 1, 1], 0.0), [50.0, 20.0, 8.0])  # nobody tells
    np.testing.assert_allclose(weighed(work, [1, 1, 1], 0.7), [15.0, 20.0, 8.0])
    np.testing.assert_array_equal(weighed(work, [1, 1, 1], 1.0), [0.0, 20.0, 8.0])  # everybody tells


def test_a_row_of_four_networks_weighs_as_four_with_a_quarter_of_its_evidence(params: dict[str, float]) -> None:
    work = Casework(5, 2, 2, dict(params))
    work.linked[:, 0], work.held[:, 0] = [80.0, 20.0, 20.0, 20.0, 20.0], 1.0
    work.open[:2, 1] = [2, 0]  # another state works on two of the four, and so on two of the single ones
    work.open[1:3, 1] = 1
    score = weighed(work, [4, 1, 1, 1, 1], 0.5)
    np.testing.assert_allclose(score[0], score[1:].mean())
    assert np.all(work.strength[:, 0] == work.strength[0, 0])
    work.open[:, 0] = [4, 1, 1, 1, 1]
    assert not weighed(work, [4, 1, 1, 1, 1], 0.5).any()


def test_a_closed_file_is_forgotten(work: Casework, params: dict[str, float]) -> None:
    for field in (work.held, work.shared, work.linked):
        field[:] = 8.0
    work.forget(0, 1)
    work.forget(1, 4)  # one of four networks: a quarter of the evidence was on it
    for field in (work.held, work.shared, work.linked):
        assert not field[0].any() and np.all(field[1] == 6.0)
    work.use_up(1, 0, 2)
    np.testing.assert_allclose(work.held[1], [6.0 * (1.0 + params["investigation.items_left"]) / 2.0, 6.0, 6.0, 6.0])
