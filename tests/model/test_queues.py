"""Queues with staff: by hand, against Erlang's formulas, and independent of how time is cut into spans."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.model.queues import BEGAN, Docket

FloatArray = npt.NDArray[np.float64]
FULL = np.ones(1)


def run(
    docket: Docket, staff: float, spans: FloatArray, speed: float = 1.0
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Serve span after span: times at which cases began and ended, and their serials."""
    began, ended, serial = [], [], []
    for now, until in pairwise(spans):
        done = docket.serve(float(now), float(until), staff, np.array([speed]))
        began.append(done.began)
        ended.append(done.ended)
        serial.append(done.serial)
    return np.concatenate(began), np.concatenate(ended), np.concatenate(serial)


def docket_of(arrives: list[float], work: list[float], expires: list[float] | float = np.inf) -> Docket:
    docket = Docket()
    patience = np.asarray(expires) if isinstance(expires, list) else expires
    docket.add(np.array(arrives), np.array(work), patience, serial=np.arange(len(arrives)))
    return docket


# ---------------------------------------------------------------------------------------------- by hand


def test_first_come_first_served_by_hand() -> None:
    """One server; cases arrive at 0, 1 and 2 and take 3, 1 and 2: they begin at 0, 3 and 4 and end at 3, 4 and 6."""
    docket = docket_of([0.0, 1.0, 2.0], [3.0, 1.0, 2.0])
    began, ended, serial = run(docket, 1.0, np.array([0.0, 7.0]))
    np.testing.assert_array_equal(serial, [0, 1, 2])
    np.testing.assert_allclose(began, [0.0, 3.0, 4.0])
    np.testing.assert_allclose(ended, [3.0, 4.0, 6.0])
    assert docket.waits == pytest.approx(0.0 + 2.0 + 2.0) and docket.begun == 3
    assert docket.utilisation == pytest.approx(6.0 / 7.0) and len(docket) == docket.waiting == 0


def test_the_idle_server_waits_for_the_next_case() -> None:
    docket = docket_of([2.5], [1.0])
    assert run(docket, 3.0, np.array([0.0, 2.0]))[0].size == 0 and docket.waiting == 1
    began, ended, _ = run(docket, 3.0, np.array([2.0, 7.0]))
    assert (began[0], ended[0]) == pytest.approx((2.5, 3.5))


def test_those_who_wait_too_long_lapse() -> None:
    """One server is taken until 5; the case that would wait until 4 lapses, the one until 6 is served at 5."""
    docket = docket_of([0.0, 1.0, 1.5], [5.0, 1.0, 1.0], [np.inf, 4.0, 6.0])
    began, _, serial = run(docket, 1.0, np.array([0.0, 7.0]))
    np.testing.assert_array_equal(serial, [0, 2])
    np.testing.assert_allclose(began, [0.0, 5.0])
    assert docket.lapsed == 1


def test_half_a_post_works_at_half_speed_and_two_and_a_half_share_three_cases() -> None:
    _, ended, _ = run(docket_of([0.0], [2.0]), 0.5, np.array([0.0, 10.0]))
    assert ended[0] == pytest.approx(4.0)
    docket = docket_of([0.0] * 4, [1.0, 1.0, 1.0, 1.0])
    _, ended, _ = run(docket, 2.5, np.array([0.0, 10.0]))
    np.testing.assert_allclose(ended, [1.2, 1.2, 1.2, 2.2])  # three share 2.5; the fourth then has a whole one
    assert run(docket_of([0.0], [1.0]), 0.0, np.array([0.0, 99.0]))[0].size == 0


def test_the_line_is_served_by_rank() -> None:
    docket = Docket()
    docket.add(np.zeros(4), np.ones(4), rank=np.array([0.0, -1.0, -9.0, -5.0]), serial=np.arange(4))
    _, _, serial = run(docket, 1.0, np.array([0.0, 10.0]))
    np.testing.assert_array_equal(serial, [2, 3, 1, 0])


def test_cases_taken_off_the_docket() -> None:
    docket = docket_of([0.0, 0.0, 0.0], [9.0, 9.0, 9.0])
    run(docket, 2.0, np.array([0.0, 1.0]))
    np.testing.assert_array_equal(docket.in_hand, [True, True, False])
    docket.keep(docket.serial != 0)
    assert (len(docket), docket.waiting) == (2, 1)
    run(docket, 2.0, np.array([1.0, 2.0]))
    assert docket.cells[BEGAN, 1] == 1.0


# ---------------------------------------------------------------------------------------------- invariants

cases = st.lists(
    st.tuples(st.floats(0.0, 30.0), st.floats(0.01, 9.0), st.floats(0.1, 40.0)), min_size=1, max_size=25
)


@given(cases, st.sampled_from([1.0, 2.0, 2.5, 4.0]))
@settings(max_examples=100, deadline=None)
def test_how_time_is_cut_into_spans_does_not_matter(drawn: list[tuple[float, float, float]], staff: float) -> None:
    arrives, work, patience = (list(column) for column in zip(*sorted(drawn), strict=True))
    expires = [a + p for a, p in zip(arrives, patience, strict=True)]
    outcomes = []
    for spans in (np.array([0.0, 700.0]), np.arange(0.0, 701.0, 7.0), np.arange(0.0, 701.0, 0.7)):
        docket = docket_of(arrives, work, expires)
        began, ended, serial = run(docket, staff, spans)
        order = np.argsort(serial)
        outcomes.append((serial[order], began[order], ended[order], docket.lapsed, docket.busy))
    for other in outcomes[1:]:
        np.testing.assert_array_equal(other[0], outcomes[0][0])
        np.testing.assert_allclose(other[1], outcomes[0][1], atol=1e-6)
        np.testing.assert_allclose(other[2], outcomes[0][2], atol=1e-6)
        assert other[3] == outcomes[0][3] and other[4] == pytest.approx(outcomes[0][4], abs=1e-6)


@given(cases, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_one_more_server_makes_nobody_wait_longer(drawn: list[tuple[float, float, float]], staff: int) -> None:
    arrives, work, _ = (list(column) for column in zip(*sorted(drawn), strict=True))
    before, after = docket_of(arrives, work), docket_of(arrives, work)
    spans = np.arange(0.0, 701.0, 7.0)
    began, _, serial = run(before, float(staff), spans)
    sooner, _, other = run(after, float(staff + 1), spans)
    assert len(serial) == len(other) == len(arrives)
    assert np.all(sooner[np.argsort(other)] <= began[np.argsort(serial)] + 1e-9)


# ---------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (4, 0.8), (20, 0.9)])
def test_utilisation_and_wait_are_those_of_m_m_c(
    servers: int, load: float, mean_wait: Callable[[int, float, float], float]
) -> None:
    """Thirty stretches of a stationary queue served week by week, each after a warm-up: Erlang C within 4 standard
    errors, which are at most 5 % of the mean."""
    arrivals = 40.0 / 7.0
    services = arrivals / servers / load
    waits, busy = [], []
    for stretch in range(30):
        rng, docket = np.random.default_rng([servers, stretch]), Docket()
        for week in range(-150, 850):
            if week == 0:
                docket.waits = docket.busy = docket.offered = 0.0
                docket.begun = 0
            number = rng.poisson(7.0 * arrivals)
            docket.add(7.0 * week + 7.0 * np.sort(rng.random(number)), rng.exponential(size=number))
            docket.serve(7.0 * week, 7.0 * (week + 1), float(servers), np.array([services]))
        waits.append(docket.mean_wait)
        busy.append(docket.utilisation)
    expected = mean_wait(servers, arrivals, services)
    error = float(np.std(waits, ddof=1)) / np.sqrt(len(waits))
    assert error < 0.05 * expected
    assert abs(float(np.mean(waits)) - expected) < 4.0 * error
    assert float(np.mean(busy)) == pytest.approx(load, abs=4.0 * float(np.std(busy, ddof=1)) / np.sqrt(len(busy)))


def test_share_that_lapses_is_that_of_the_erlang_a_queue() -> None:
    """Overloaded courts: M/M/c+M solved as a birth-death chain (Garnett, Mandelbaum and Reiman 2002)."""
    servers, services, arrivals, lapse = 3, 1.0, 4.0, 0.2
    weight = [1.0]
    for n in range(1, 400):
        weight.append(weight[-1] * arrivals / (min(n, servers) * services + max(0, n - servers) * lapse))
    chance = np.array(weight) / np.sum(weight)
    line = float(np.sum(chance * np.maximum(np.arange(400) - servers, 0)))
    docket, rng = Docket(), np.random.default_rng(3)
    waiting, weeks = 0.0, 6_000
    for week in range(weeks):
        number = rng.poisson(7.0 * arrivals)
        times = 7.0 * week + 7.0 * np.sort(rng.random(number))
        docket.add(times, rng.exponential(size=number), times + rng.exponential(1.0 / lapse, number))
        docket.serve(7.0 * week, 7.0 * (week + 1), float(servers), np.array([services]))
        waiting += docket.waiting
    assert docket.lapsed / (docket.lapsed + docket.begun) == pytest.approx(line * lapse / arrivals, rel=0.03)
    assert waiting / weeks == pytest.approx(line, rel=0.04)
