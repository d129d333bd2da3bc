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
    work_off_backlog,
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


def test_backlog_by_hand() -> None:
    # 10 cases, 4 brought, a quarter of the 6 left lapses
    assert work_off_backlog(10.0, 4.0, 0.25) == pytest.approx((4.0, 1.5, 4.5))
    assert work_off_backlog(3.0, 4.0, 0.25) == pytest.approx((3.0, 0.0, 0.0))


def test_a_backlog_settles_where_lapses_balance_arrivals() -> None:
    """10 new cases a week for capacity 4: in the end 6 lapse, which a tenth of 60 does."""
    backlog, processed, lapsed = 0.0, 0.0, 0.0
    for _ in range(400):
        processed, lapsed, backlog = work_off_backlog(backlog + 10.0, 4.0, 0.1)
    assert (processed, lapsed, backlog) == pytest.approx((4.0, 6.0, 54.0))
    for _ in range(5):
        assert work_off_backlog(2.0, 4.0, 0.1)[2] == 0.0


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


def test_candidates_are_ranked_by_usable_evidence(params: dict[str, float]) -> None:
    work = Casework(6, 2, 2, dict(params))
    work.linked[:, 0] = [5.0, 50.0, 20.0, 30.0, 2.0, 90.0]
    work.held[:, 0] = 1.0
    work.held[5, 0] = 0.0  # nothing of its own to start from
    np.testing.assert_array_equal(work.candidates(0, 10, 3.0, 1.0), [1, 3, 2, 0])  # the fifth has too little
    np.testing.assert_array_equal(work.candidates(0, 2, 3.0, 1.0), [1, 3])
    assert len(work.candidates(0, 0, 3.0, 1.0)) == 0 and len(work.candidates(0, -3, 3.0, 1.0)) == 0
    work.open[1, 0] = True  # already on it
    np.testing.assert_array_equal(work.candidates(0, 10, 3.0, 1.0), [3, 2, 0])


def test_deconfliction_sends_a_state_to_networks_nobody_works_on(params: dict[str, float]) -> None:
    work = Casework(3, 2, 2, dict(params))
    work.linked[:, 0], work.held[:, 0] = [50.0, 20.0, 8.0], 1.0
    work.open[0, 1] = True
    np.testing.assert_array_equal(work.candidates(0, 3, 3.0, 1.0), [0, 1, 2])  # nobody tells
    np.testing.assert_array_equal(work.candidates(0, 3, 3.0, 0.3), [1, 0, 2])  # 15 is less than 20
    np.testing.assert_array_equal(work.candidates(0, 3, 3.0, 0.0), [1, 2])  # everybody tells


def test_a_closed_file_is_forgotten(work: Casework) -> None:
    for field in (work.held, work.shared, work.linked):
        field[:] = 7.0
    work.open[:], work.supported[:] = True, 1.0
    work.forget(0)
    for field in (work.held, work.shared, work.linked):
        assert not field[0].any() and np.all(field[1] == 7.0)
    assert not work.open[0].any() and work.open[1].all()
    np.testing.assert_array_equal(work.supported, [0.0, 1.0])
