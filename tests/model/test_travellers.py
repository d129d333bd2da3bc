"""The traveller kernel in worlds that can be counted on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.streams import Purpose, stream_key, uniform
from countersmuggling.model.travellers import (
    ADMITTED,
    ARRIVED,
    AT_HUB,
    CLASSES,
    DEAD,
    GAVE_UP,
    NEVER,
    ON_COAST,
    READY,
    REFUSED,
    WAITING_LEGAL,
    Boats,
    Captivity,
    Conditions,
    Entry,
    Legs,
    Rows,
    Sailing,
    Tally,
    advance,
    compact,
    enter,
)

FloatArray = npt.NDArray[np.float64]
WAIT, RETURN, UPFRONT, WEIGHT = 7, 21, 0.5, 10.0
SEED = np.uint64(99)


def floats(*values: float | np.integer[Any]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def one_leg() -> Legs:
    """Hub 0 > hub 1 across an external border in three days; hub 1 is destination 0; authority 1 stops, 0 receives."""
    return Legs(
        np.array([0, 1, 1]), np.array([1]), np.array([3]), np.array([0]), np.array([True]), np.array([1]),
        np.array([0]), np.array([-1, 0]),
    )  # fmt: skip


def conditions(**changes: Any) -> Conditions:
    """Everybody takes the leg with the only network for EUR 1,000 x 1.2, and nothing happens on the way."""
    plain = Conditions(
        np.ones((CLASSES, 1)), floats(1000.0), floats(1.2), floats(1.0), floats(1.0), floats(0.0), floats(0.0),
        floats(0.0), floats(0.0), np.zeros(1, np.int64), floats(0.0), floats(0.0), np.zeros(CLASSES),
        np.ones((1, 1)), np.zeros((1, 1), np.int64), np.array([1]),
    )  # fmt: skip
    return plain._replace(**changes)


def travellers(number: int, *, state: int = AT_HUB, means: float = 5000.0, first: int = 0) -> Rows:
    rows = Rows.empty(number)
    for i in range(number):
        rows.key[i] = stream_key(SEED, np.uint64(first + i))
    rows.event[:] = 1
    rows.state[:] = state
    rows.due[:] = 5
    rows.left[:] = means
    return rows


def tally(legs: int = 1, networks: int = 1) -> Tally:
    return Tally.empty(1, legs, 1, networks, 2, 1)


def no_boats(legs: int) -> Boats:
    """People die one by one."""
    none = np.zeros(legs, np.int64)
    return Boats(none, none, np.zeros(legs), np.zeros(0), np.zeros(0), 1.0)


def free(legs: int) -> Captivity:
    """Nobody is held."""
    return Captivity(np.zeros(legs), 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def no_sea(legs: int) -> Sailing:
    """Nobody waits on a coast."""
    return Sailing(np.zeros(legs), 1.0, np.zeros(legs, np.int64), np.zeros((1, 1)), 0.0, np.zeros((1, 1)))


def day(rows: Rows, today: int, now: Conditions, counts: Tally, legs: Legs | None = None, *,
        boats: Boats | None = None, held: Captivity | None = None, sea: Sailing | None = None) -> None:  # fmt: skip
    number = len(now.fee)
    advance(rows, len(rows.key), today, WEIGHT, legs or one_leg(), now, counts, WAIT, RETURN, UPFRONT,
            boats or no_boats(number), held or free(number), sea or no_sea(number))  # fmt: skip


def counted(counts: Tally) -> dict[str, float]:
    """What is not zero, summed."""
    return {name: float(getattr(counts, name).sum()) for name in Tally._fields if getattr(counts, name).any()}


# ---------------------------------------------------------------------------------------------- one leg


def test_three_travellers_cross_and_arrive() -> None:
    rows, counts = travellers(3), tally()
    day(rows, 4, conditions(), counts)
    assert counted(counts) == {}  # nobody is due
    day(rows, 5, conditions(), counts)
    price = 30 * 1200.0
    assert counted(counts) == pytest.approx(
        {
            "attempts": 30,
            "crossings": 30,
            "paid": 30,
            "revenue": price,
            "carried": 30,
            "takings": price,
            "today": 30,
            "wanted": 30,
        }
    )
    assert (
        rows.hub.tolist() == [1, 1, 1] and rows.due.tolist() == [8, 8, 8] and rows.event.tolist() == [2, 2, 2]
    )
    np.testing.assert_allclose(rows.left, 5000.0 - 1200.0)
    day(rows, 6, conditions(), counts)
    assert (
        counts.today[0] == counts.wanted[0] == 0.0 and counts.attempts[0, 0] == 30
    )  # the day's counts begin anew
    day(rows, 8, conditions(), counts)
    assert counts.settled[0, 0] == 30 and rows.state.tolist() == [ARRIVED] * 3
    assert np.all(rows.due == NEVER)
    day(rows, 9, conditions(), counts)
    assert counts.settled[0, 0] == 30


def test_a_certain_detection_leaves_evidence_with_the_receiver() -> None:
    rows, counts = travellers(2), tally()
    day(rows, 5, conditions(detection=floats(1.0)), counts)
    assert counts.detections[0, 0] == 20
    np.testing.assert_array_equal(counts.evidence, [[20.0, 0.0], [0.0, 0.0]])


def test_certain_death() -> None:
    rows, counts = travellers(2), tally()
    day(rows, 5, conditions(death=floats(1.0), interception=floats(1.0), detection=floats(1.0)), counts)
    assert rows.state.tolist() == [DEAD, DEAD] and np.all(rows.due == NEVER)
    assert (counts.deaths[0, 0], counts.attempts[0, 0]) == (20, 20)
    assert not (counts.crossings.any() or counts.interceptions.any() or counts.detections.any())
    np.testing.assert_array_equal(counts.evidence, [[20.0, 0.0], [0.0, 0.0]])
    assert counts.revenue[0, 0] == pytest.approx(20 * 1200.0)


def test_certain_interception_and_another_attempt() -> None:
    rows, counts = travellers(1), tally()
    stopped = conditions(interception=floats(1.0), repeat=floats(1.0), detection=floats(1.0))
    day(rows, 5, stopped, counts)
    assert (rows.hub[0], rows.state[0], rows.due[0]) == (0, AT_HUB, 5 + RETURN)
    assert (counts.interceptions[0, 0], counts.crossings[0, 0], counts.detections[0, 0]) == (10, 0, 0)
    assert counts.revenue[0, 0] == pytest.approx(10 * 600.0)  # the share paid in advance
    np.testing.assert_array_equal(counts.evidence, [[0.0, 10.0], [0.0, 0.0]])
    day(rows, 5 + RETURN, conditions(), counts)
    assert (counts.attempts[0, 0], counts.crossings[0, 0]) == (20, 10)
    assert rows.left[0] == pytest.approx(5000.0 - 600.0 - 1200.0)


def test_certain_interception_without_another_attempt() -> None:
    rows, counts = travellers(1), tally()
    day(rows, 5, conditions(interception=floats(1.0)), counts)
    assert (rows.state[0], rows.due[0]) == (GAVE_UP, NEVER)
    assert counts.gave_up[0] == 10


def test_who_is_sent_back_begins_anew_where_the_leg_began() -> None:
    """Three days on the way, 100 held, then sent back; the crossing and its fee were real."""
    rows, counts = travellers(1), tally()
    returned = conditions(returned=floats(1.0), held=np.array([100]), repeat=floats(1.0), detection=floats(1.0))
    day(rows, 5, returned, counts)
    assert (rows.hub[0], rows.state[0], rows.due[0]) == (0, AT_HUB, 5 + 3 + 100 + RETURN)
    assert (counts.crossings[0, 0], counts.detections[0, 0], counts.returned[0, 0]) == (10, 10, 10)
    assert counts.revenue[0, 0] == pytest.approx(10 * 1200.0)  # all of the fee, not the part paid in advance
    assert not counts.interceptions.any()
    day(rows, rows.due[0], conditions(), counts)
    assert (counts.crossings[0, 0], counts.returned[0, 0]) == (20, 10)


def test_who_is_sent_back_may_give_up() -> None:
    rows, counts = travellers(1), tally()
    day(rows, 5, conditions(returned=floats(1.0)), counts)
    assert (rows.state[0], rows.due[0]) == (GAVE_UP, NEVER)
    assert (counts.gave_up[0], counts.returned[0, 0]) == (10, 10)


def test_who_is_held_goes_on_later() -> None:
    rows, counts = travellers(1), tally()
    day(rows, 5, conditions(held=np.array([100])), counts)
    assert (rows.hub[0], rows.due[0]) == (1, 5 + 3 + 100)


def test_as_many_are_sent_back_as_the_chance_says() -> None:
    rows, counts = travellers(4000), tally()
    day(rows, 5, conditions(returned=floats(0.25)), counts)
    assert counts.returned[0, 0] / WEIGHT == pytest.approx(1000, abs=4 * (4000 * 0.25 * 0.75) ** 0.5)


def test_without_capacity_everybody_waits_and_nobody_pays() -> None:
    rows, counts = travellers(3), tally()
    day(rows, 5, conditions(accept=floats(0.0)), counts)
    assert counted(counts) == {"wanted": 30}
    assert (
        rows.due.tolist() == [5 + WAIT] * 3
        and rows.hub.tolist() == [0] * 3
        and rows.event.tolist() == [2] * 3
    )
    none = conditions(network_count=np.array([0]))
    day(rows, 5 + WAIT, none, counts)
    assert counted(counts) == {"wanted": 30} and rows.due.tolist() == [5 + 2 * WAIT] * 3


@pytest.mark.parametrize("alone", [{"use": floats(0.0)}, {"fee": floats(0.0)}])
def test_who_travels_without_smugglers_needs_no_place_and_names_no_network(
    alone: dict[str, FloatArray],
) -> None:
    rows, counts = travellers(2), tally()
    day(rows, 5, conditions(accept=floats(0.0), detection=floats(1.0), **alone), counts)
    assert counted(counts) == {
        "attempts": 20, "crossings": 20, "detections": 20, "first_detections": 20, "evidence": 20, "today": 20
    }  # fmt: skip
    np.testing.assert_array_equal(counts.evidence, [[0.0, 0.0], [20.0, 0.0]])
    assert np.all(rows.left == 5000.0)


def test_debt_is_counted_once_when_the_money_runs_out() -> None:
    rows, counts = travellers(2), tally()
    rows.left[:] = [2000.0, 2400.0]
    back = conditions(interception=floats(1.0), repeat=floats(1.0), fee=floats(2000.0))  # EUR 1,200 each time
    for n, debt in enumerate([0, 10, 20, 20]):  # after 1,200, 2,400, 3,600 and 4,800
        day(rows, 5 + n * RETURN, back, counts)
        assert counts.debt[0] == debt


# ---------------------------------------------------------------------------------------------- attempts


def test_attempts_until_success_or_giving_up_follow_the_geometric_distribution() -> None:
    """Stopped with chance p and trying again with chance r: 1 / (1 - p r) attempts, 1 - (1 - p) / (1 - p r) give up."""
    p, r, people = 0.5, 0.8, 4000
    rows, counts = travellers(people), tally()
    again = conditions(interception=floats(p), repeat=floats(r))
    for n in range(60):
        day(rows, 5 + n * RETURN, again, counts)
    assert np.all(rows.due == NEVER)
    mean, spread = 1.0 / (1.0 - p * r), np.sqrt(p * r) / (1.0 - p * r)
    assert abs(counts.attempts.sum() / WEIGHT / people - mean) < 4 * spread / np.sqrt(people)
    lost = 1.0 - (1.0 - p) / (1.0 - p * r)
    assert abs(counts.gave_up[0] / WEIGHT / people - lost) < 4 * np.sqrt(lost * (1 - lost) / people)
    assert counts.attempts.sum() == counts.interceptions.sum() + counts.crossings.sum()
    assert counts.settled.sum() + counts.gave_up.sum() == WEIGHT * people


def chain() -> Legs:
    """Hub 0 > 1 > 2 > 3 with external borders on the first and third leg, a day each; hub 3 is destination 0."""
    return Legs(
        np.array([0, 1, 2, 3, 3]), np.array([1, 2, 3]), np.array([1, 1, 1]), np.zeros(3, np.int64),
        np.array([True, False, True]), np.array([1, 1, 1]), np.array([0, 0, 0]), np.array([-1, -1, -1, 0]),
    )  # fmt: skip


def test_who_is_detected_on_two_successive_routes_counts_twice() -> None:
    three = {n: np.repeat(getattr(conditions(), n), 3) for n in ("fee", "use", "death", "interception", "returned", "held")}
    rows, counts = travellers(8), tally(legs=3)
    seen = conditions(menu=np.ones((CLASSES, 3)), detection=floats(1.0, 1.0, 1.0), **three)
    for today in (5, 6, 7, 8):
        day(rows, today, seen, counts, chain())
    np.testing.assert_array_equal(counts.detections[0], [80.0, 0.0, 80.0])
    np.testing.assert_array_equal(counts.first_detections[0], [80.0, 0.0, 0.0])  # half of 160 counts people again
    rows, counts = travellers(8), tally(legs=3)
    unseen_first = seen._replace(detection=floats(0.0, 1.0, 1.0))
    for today in (5, 6, 7, 8):
        day(rows, today, unseen_first, counts, chain())
    np.testing.assert_array_equal(counts.first_detections[0], [0.0, 0.0, 80.0])
    assert counts.settled[0, 0] == 80


# ---------------------------------------------------------------------------------------------- captivity


def test_who_is_held_for_ransom_pays_and_goes_on_later() -> None:
    rows, counts = travellers(200, means=2000.0), tally()
    held = Captivity(floats(1.0), 1.0, 1.0, 1000.0, 0.25, 30.0, 90.0)
    day(rows, 5, conditions(), counts, held=held)
    assert counts.held[0] == 2000 and counts.ransom[0] == 2000 * 1000.0
    assert counts.debt[0] == 2000  # 1,200 of 2,000 were left for neither
    assert counts.revenue.sum() == pytest.approx(2000 * 1200.0)  # fees only
    assert counts.takings[0] == pytest.approx(2000 * (1200.0 + 250.0))
    np.testing.assert_allclose(rows.left, 2000.0 - 2200.0)
    days = rows.due - 8
    assert np.all(rows.hub == 1) and days.min() >= 0 and days.max() < 60
    assert abs(days.mean() - 29.5) < 4 * 60 / np.sqrt(12 * 200)
    for today in range(6, 70):
        day(rows, today, conditions(), counts)
    assert counts.settled[0, 0] == 2000 and counts.held[0] == 2000


def test_who_works_instead_pays_nothing_and_stays_longer() -> None:
    rows, counts = travellers(200), tally()
    day(rows, 5, conditions(), counts, held=Captivity(floats(1.0), 1.0, 0.0, 1000.0, 0.25, 30.0, 90.0))
    assert counts.held[0] == 2000 and counts.ransom[0] == 0.0 and counts.takings[0] == pytest.approx(2000 * 1200.0)
    days = rows.due - 8
    assert 60 < days.max() < 180 and abs(days.mean() - 89.5) < 4 * 180 / np.sqrt(12 * 200)


def test_debt_raises_the_chance_of_being_held() -> None:
    rows, counts = travellers(2000), tally()
    rows.left[:1000] = 100.0  # the fee of 1,200 puts them into debt
    day(rows, 5, conditions(), counts, held=Captivity(floats(0.3), 2.0, 0.0, 0.0, 0.0, 10.0, 10.0))
    u = draws(travellers(2000), Purpose.HELD)
    assert counts.held[0] == WEIGHT * ((u[:1000] < 0.6).sum() + (u[1000:] < 0.3).sum())


@pytest.mark.parametrize("bad", [{"interception": floats(1.0)}, {"death": floats(1.0)}])
def test_who_does_not_arrive_is_not_held(bad: dict[str, FloatArray]) -> None:
    rows, counts = travellers(5), tally()
    day(rows, 5, conditions(**bad), counts, held=Captivity(floats(1.0), 1.0, 1.0, 9.0, 0.0, 9.0, 9.0))
    assert counts.held[0] == 0.0 == counts.ransom[0]


# ---------------------------------------------------------------------------------------------- boats


def test_a_boat_takes_its_share_of_those_on_board() -> None:
    """Four equal boats: nothing befalls the first, everybody dies in the second, some in the third, one by one in all."""
    rows, counts = travellers(800), tally()
    boats = Boats(np.array([4]), np.array([0]), floats(0.1), floats(0.0, 1.0, 0.5, 0.0), np.zeros(4), 1.0)
    day(rows, 5, conditions(death=floats(0.9)), counts, boats=boats)
    start = travellers(800)
    on = (4 * draws(start, Purpose.BOAT)).astype(int)
    chance = floats(0.1, 1.0, 0.5 + 0.5 * 0.1, 0.1)[on]
    dead = draws(start, Purpose.DEATH) < chance
    np.testing.assert_array_equal(rows.state == DEAD, dead)
    np.testing.assert_array_equal(boats.lost, WEIGHT * np.bincount(on[dead], minlength=4))
    assert counts.deaths[0, 0] == boats.lost.sum()
    assert np.all(dead[on == 1]) and set(on) == {0, 1, 2, 3}


def test_boats_do_not_depend_on_the_order_of_rows() -> None:
    boats = [Boats(np.array([8]), np.array([0]), floats(0.0), np.linspace(0, 1, 8), np.zeros(8), 3.0) for _ in "ab"]
    rows, turned = travellers(300), travellers(300)
    turned.key[:] = rows.key[::-1]
    day(rows, 5, conditions(), tally(), boats=boats[0])
    day(turned, 5, conditions(), tally(), boats=boats[1])
    np.testing.assert_array_equal(rows.state, turned.state[::-1])
    np.testing.assert_array_equal(boats[0].lost, boats[1].lost)


# ---------------------------------------------------------------------------------------------- the plain form


def test_the_kernel_does_what_its_plain_form_does() -> None:
    """The compiled function against the same lines run by the interpreter, in a world where everything happens."""
    three = {n: np.repeat(getattr(conditions(), n), 3) for n in ("fee", "use")}
    now = conditions(
        menu=np.ones((CLASSES, 3)) * 0.95, accept=floats(0.8), death=floats(0.05, 0.1, 0.02), repeat=floats(0.7),
        interception=floats(0.3, 0.0, 0.4), detection=floats(0.6, 0.0, 0.5), admit=floats(0.4),
        fallback=np.full(CLASSES, 0.5), returned=floats(0.0, 0.0, 0.2), held=np.array([0, 0, 4]), **three,
    )  # fmt: skip
    held = Captivity(floats(0.0, 0.4, 0.0), 1.5, 0.5, 900.0, 0.3, 8.0, 12.0)
    sea = Sailing(floats(0.0, 6.0, 0.0), 4.0, np.array([0, 1, 0]), np.cumsum(np.ones((2, 80)), axis=1), 5.0, np.arange(80.0)[None, :])
    outcomes = []
    for kernel in (advance, advance.py_func):  # type: ignore[attr-defined]
        rows, counts = travellers(300, means=2000.0), tally(legs=3)
        rows.state[::5] = WAITING_LEGAL
        boats = Boats(np.array([0, 4, 0]), np.array([0, 0, 4]), np.zeros(3), floats(0, 0.3, 0.6, 0), np.zeros(4), 2.0)
        with np.errstate(over="ignore"):  # 64-bit words wrap round by design
            for today in range(5, 60):
                kernel(rows, 300, today, WEIGHT, chain(), now, counts, WAIT, RETURN, UPFRONT, boats, held, sea)
        outcomes.append((rows, counts, boats))
    for plain, fast in zip(*outcomes, strict=True):
        for field in type(plain)._fields:
            np.testing.assert_array_equal(getattr(plain, field), getattr(fast, field), err_msg=field)
    assert counts.held[0] > 0 and counts.ransom[0] > 0 and counts.debt[0] > 0 and boats.lost.any()


# ---------------------------------------------------------------------------------------------- legal pathways


def test_an_application_granted() -> None:
    rows, counts = travellers(2, state=WAITING_LEGAL), tally()
    day(rows, 5, conditions(admit=floats(1.0)), counts)
    assert counted(counts) == {"admitted": 20, "decided": 20}
    assert rows.state.tolist() == [ADMITTED] * 2 and np.all(rows.due == NEVER)


def test_an_application_refused() -> None:
    rows, counts = travellers(2, state=WAITING_LEGAL), tally()
    day(rows, 5, conditions(), counts)
    assert counted(counts) == {"decided": 20, "gave_up": 20}
    assert rows.state.tolist() == [GAVE_UP] * 2


def test_who_leaves_after_a_refusal_leaves_at_once_and_is_no_second_applicant() -> None:
    rows, counts = travellers(2, state=WAITING_LEGAL), tally()
    refused = conditions(fallback=np.ones(CLASSES), accept=floats(0.0))
    day(rows, 5, refused, counts)
    assert counted(counts) == {"decided": 20, "departures": 20, "wanted": 20}
    day(rows, 5 + WAIT, refused._replace(accept=floats(1.0)), counts)
    assert (counts.decided[0], counts.departures[0], counts.attempts[0, 0]) == (20, 20, 20)


# ---------------------------------------------------------------------------------------------- draws


def draws(rows: Rows, purpose: Purpose, event: int = 1) -> FloatArray:
    return floats(*(uniform(np.uint64(k), np.uint64(event), np.uint64(int(purpose))) for k in rows.key))


def test_every_chance_is_compared_with_its_own_draw() -> None:
    rows, counts = travellers(400), tally()
    chance = 0.3
    day(
        rows,
        5,
        conditions(death=floats(chance), interception=floats(chance), detection=floats(chance)),
        counts,
    )
    rows_0 = travellers(400)
    dead = draws(rows_0, Purpose.DEATH) < chance
    stopped = ~dead & (draws(rows_0, Purpose.INTERCEPTION) < chance)
    seen = ~dead & ~stopped & (draws(rows_0, Purpose.DETECTION) < chance)
    np.testing.assert_array_equal(rows.state == DEAD, dead)
    np.testing.assert_array_equal(rows.state == GAVE_UP, stopped)
    assert counts.detections[0, 0] == WEIGHT * seen.sum()
    assert abs(dead.sum() - 120) < 4 * np.sqrt(400 * 0.3 * 0.7)


def two_ways() -> Legs:
    """Hub 0 > hub 1 and hub 0 > hub 2; everybody can settle anywhere but at hub 0's twin 1."""
    return Legs(
        np.array([0, 2, 2, 2]), np.array([1, 2]), np.array([1, 0]), np.array([0, 0]), np.array([False, False]),
        np.array([1, 1]), np.array([0, 0]), np.array([0, 0, 0]),
    )  # fmt: skip


def test_legs_and_settling_follow_the_menu() -> None:
    rows, counts = travellers(500), tally(legs=2)
    two = {
        n: np.repeat(getattr(conditions(), n), 2)
        for n in ("fee", "use", "death", "interception", "detection")
    }
    menu = np.tile(floats(0.2, 0.7), (CLASSES, 1))
    day(rows, 5, conditions(menu=menu, **two), counts, two_ways())
    u = draws(rows, Purpose.LEG)
    np.testing.assert_array_equal(rows.hub, np.where(u < 0.2, 1, np.where(u < 0.7, 2, 0)))
    np.testing.assert_array_equal(rows.state == ARRIVED, u >= 0.7)
    np.testing.assert_array_equal(
        counts.attempts[0], WEIGHT * floats((u < 0.2).sum(), ((u >= 0.2) & (u < 0.7)).sum())
    )
    assert not counts.crossings.any()  # no external border here
    on_the_way = rows.state == AT_HUB
    assert set(rows.due[on_the_way]) == {6}  # a leg of less than a day takes one


def test_where_nobody_settles_rounding_keeps_nobody_back() -> None:
    rows, counts = travellers(20), tally()
    day(rows, 5, conditions(menu=np.full((CLASSES, 1), 1.0 - 1e-3)), counts)
    day(travellers(20, first=20), 5, conditions(menu=np.zeros((CLASSES, 1))), counts)
    assert counts.attempts[0, 0] == 40 * WEIGHT


def test_passengers_are_shared_out_among_networks() -> None:
    rows, counts = travellers(1000), tally(networks=3)
    shared = conditions(
        network_share=np.array([[0.2, 0.5, 1.0, 1.0]]),
        network_at=np.array([[2, 0, 1, 0]]),
        network_count=np.array([3]),
    )
    day(rows, 5, shared, counts)
    u = draws(rows, Purpose.NETWORK)
    np.testing.assert_array_equal(
        counts.carried, WEIGHT * floats(((u >= 0.2) & (u < 0.5)).sum(), (u >= 0.5).sum(), (u < 0.2).sum(), 0)
    )
    np.testing.assert_allclose(counts.takings, 1200.0 * counts.carried)


def chosen(rows: Rows, which: npt.NDArray[np.int64]) -> Rows:
    return rows._replace(**{name: getattr(rows, name)[which] for name in Rows._fields})


def test_nobody_depends_on_who_else_is_there_or_in_which_order() -> None:
    now = conditions(
        death=floats(0.2),
        interception=floats(0.3),
        repeat=floats(0.5),
        detection=floats(0.5),
        accept=floats(0.7),
    )

    def lives(rows: Rows) -> dict[int, tuple[int, ...]]:
        counts = tally()
        for today in range(5, 80):
            day(rows, today, now, counts)
        return {int(k): (int(s), int(h), int(d), int(e)) for k, s, h, d, e in zip(rows.key, rows.state, rows.hub, rows.due, rows.event, strict=True)}  # fmt: skip

    everyone = lives(travellers(60))
    order = np.random.default_rng(0).permutation(60)
    shuffled = chosen(travellers(60), order)
    assert lives(shuffled) == everyone
    some = chosen(travellers(60), np.arange(10, 60))
    assert lives(some) == {k: everyone[k] for k in (int(x) for x in some.key)}
    assert len({state for state, *_ in everyone.values()}) >= 3


# ---------------------------------------------------------------------------------------------- rows


def test_compact_keeps_those_on_the_way_in_order() -> None:
    rows = travellers(6)
    rows.state[:] = [AT_HUB, ARRIVED, WAITING_LEGAL, DEAD, AT_HUB, ADMITTED]
    for field in ("hub", "event", "left", "kind"):
        getattr(rows, field)[:] = np.arange(6)
    keys = rows.key.copy()
    assert compact(rows, 6) == 3
    np.testing.assert_array_equal(rows.key[:3], keys[[0, 2, 4]])
    np.testing.assert_array_equal(rows.state[:3], [AT_HUB, WAITING_LEGAL, AT_HUB])
    for field in ("hub", "event", "left", "kind"):
        np.testing.assert_array_equal(getattr(rows, field)[:3], [0, 2, 4])
    assert np.all(rows.due[:3] == 5) and np.all(rows.due[3:] == NEVER)
    assert compact(rows, 3) == 3
    assert compact(Rows.empty(4), 0) == 0


def test_grown_rows_keep_what_they_hold() -> None:
    small = travellers(3)
    small.left[:] = [1.0, 2.0, 3.0]
    large = small.grown(10)
    for field in Rows._fields:
        np.testing.assert_array_equal(getattr(large, field)[:3], getattr(small, field))
        assert len(getattr(large, field)) == 10
    assert not large.due[3:].any()  # rows that nobody has entered are never looked at


# ---------------------------------------------------------------------------------------------- entry


def entry(*potential: int, leave: float = 1.0, apply: float = 0.0) -> Entry:
    """Groups with two origin hubs (numbers 4 and 6, shares 0.25 and 0.75) and eight equal classes."""
    groups = len(potential)
    left, applied = np.full((groups * CLASSES, 2), leave), np.full((groups * CLASSES, 2), apply)
    return Entry(
        np.array(potential), np.arange(1, CLASSES + 1) / CLASSES, np.tile(floats(0.25, 1.0), (groups, 1)),
        np.tile(np.array([4, 6]), (groups, 1)), left, applied, np.full(groups * CLASSES, 1000.0), 0.5, 180,
        np.zeros(groups), 0.0, left, applied, np.zeros_like(left),
    )  # fmt: skip


def let_in(who: Entry, *, today: int = 30, calendar: int = 5000) -> tuple[Rows, int, Tally]:
    rows, counts = Rows.empty(3000), Tally.empty(len(who.potential), 1, 1, 1, 2, 1)
    return rows, enter(rows, 0, today, calendar, SEED, WEIGHT, who, counts), counts


def test_everybody_leaves_today() -> None:
    rows, used, counts = let_in(entry(800, 400))
    assert used == 1200
    np.testing.assert_array_equal(counts.departures, [8000.0, 4000.0])
    assert not counts.applied.any()
    assert (
        np.all(rows.state[:used] == AT_HUB)
        and np.all(rows.due[:used] == 30)
        and np.all(rows.event[:used] == 1)
    )
    np.testing.assert_array_equal(rows.kind[:used] // CLASSES, np.repeat([0, 1], [800, 400]))
    classes = np.bincount(rows.kind[:used] % CLASSES, minlength=CLASSES)
    assert np.all(np.abs(classes - 150) < 4 * np.sqrt(150))
    assert abs((rows.hub[:used] == 4).sum() - 300) < 4 * np.sqrt(1200 * 0.25 * 0.75)
    assert set(rows.hub[:used]) == {4, 6}
    means = rows.left[:used]
    assert (
        means.min() >= 500.0
        and means.max() < 1500.01
        and abs(means.mean() - 1000.0) < 4 * 289 / np.sqrt(1200)
    )
    assert len(set(rows.key[:used])) == used


def test_leaving_applying_and_staying_share_one_draw() -> None:
    rows, used, counts = let_in(entry(1000, leave=0.3, apply=0.2))
    every, _, _ = let_in(entry(1000))
    u = floats(
        *(
            uniform(np.uint64(k), np.uint64(0), np.uint64(int(Purpose.PARTICIPATION)))
            for k in every.key[:1000]
        )
    )
    assert used == (u < 0.5).sum()
    assert (counts.departures[0], counts.applied[0]) == (
        WEIGHT * (u < 0.3).sum(),
        WEIGHT * ((u >= 0.3) & (u < 0.5)).sum(),
    )
    waits = rows.state[:used] == WAITING_LEGAL
    assert np.all(rows.due[:used][waits] == 210) and np.all(rows.due[:used][~waits] == 30)
    np.testing.assert_array_equal(rows.key[:used], every.key[:1000][u < 0.5])


def test_people_are_who_they_are_whatever_day_the_run_began_and_whoever_comes_with_them() -> None:
    rows, used, _ = let_in(entry(50, 50))
    later, _, _ = let_in(entry(50, 50), today=395)
    np.testing.assert_array_equal(later.key[:used], rows.key[:used])
    np.testing.assert_array_equal(later.left[:used], rows.left[:used])
    more, _, _ = let_in(entry(51, 50))
    np.testing.assert_array_equal(more.key[:50], rows.key[:50])
    np.testing.assert_array_equal(more.key[51:101], rows.key[50:100])
    tomorrow, _, _ = let_in(entry(50, 50), calendar=5001)
    assert not set(tomorrow.key[:used]) & set(rows.key[:used])


def test_who_can_pay_buys_a_visa_and_nobody_else_changes_course() -> None:
    """Means are uniform on 500 to 1,500 EUR: a quarter has 1,250; half of those are offered one, and 0.6 of these buy."""
    plain = entry(4000, leave=0.3, apply=0.1)
    half = np.full((CLASSES, 2), 0.15)
    sold = plain._replace(
        offer=floats(0.5), price=1250.0, leave_offered=half, apply_offered=half / 3.0, buy=np.full((CLASSES, 2), 0.6)
    )
    rows, used, counts = let_in(sold)
    before, used_before, counts_before = let_in(plain)
    people = 4000 * 0.25 * 0.5
    assert abs(counts.bought[0] / WEIGHT - 0.6 * people) < 4 * np.sqrt(0.6 * people)
    assert counts.admitted[0] == counts.bought[0]
    assert np.all(rows.left[:used][~np.isin(rows.key[:used], before.key[:used_before])] >= 1250.0)
    fewer = (counts_before.departures[0] - counts.departures[0]) / WEIGHT
    assert abs(fewer - 0.15 * people) < 4 * np.sqrt(0.15 * people)
    poor = before.left[:used_before] < 1250.0
    assert np.isin(before.key[:used_before][poor], rows.key[:used]).all()


# ---------------------------------------------------------------------------------------------- waiting on the coast


def calm_sea(wait: float, *, again: float = 20.0, days: int = 4000) -> Sailing:
    return Sailing(floats(wait), again, np.zeros(1, np.int64), np.arange(days + 1.0)[None, :], 0.0, np.zeros((1, 1)))


def test_a_traveller_chooses_waits_and_then_crosses() -> None:
    rows, counts = travellers(50), tally()
    day(rows, 5, conditions(), counts, sea=calm_sea(30.0))
    assert counted(counts) == {}  # nobody pays or sets out before the boat leaves
    assert set(rows.state) == {ON_COAST} and rows.leg.tolist() == [0] * 50 and rows.hub.tolist() == [0] * 50
    expected = 5 + np.ceil(-np.log(1.0 - draws(rows, Purpose.SAILING)) * 30.0)
    np.testing.assert_array_equal(rows.due, expected)
    last = int(rows.due.max())
    for today in range(6, last + 1):
        due = rows.due <= today
        day(rows, today, conditions(), counts, sea=calm_sea(30.0))
        assert counts.today[0] == 10.0 * np.count_nonzero(due & (rows.hub == 1) & (rows.due == today + 3))
    assert counts.crossings[0, 0] == 500 and ON_COAST not in rows.state


def test_who_found_no_place_asks_again_without_another_wait() -> None:
    rows, counts = travellers(1), tally()
    rows.state[:] = ON_COAST
    day(rows, 5, conditions(accept=floats(0.0)), counts, sea=calm_sea(30.0))
    assert (rows.state[0], rows.due[0]) == (READY, 12) and counts.attempts[0, 0] == 0
    day(rows, 12, conditions(), counts, sea=calm_sea(30.0))
    assert counts.attempts[0, 0] == 10 and (rows.state[0], rows.hub[0]) == (AT_HUB, 1)


def test_who_was_stopped_at_sea_waits_for_another_boat_by_the_season() -> None:
    rows, counts = travellers(200), tally()
    rows.state[:] = ON_COAST
    stopped = conditions(interception=floats(1.0), repeat=floats(0.5))
    day(rows, 5, stopped, counts, sea=calm_sea(30.0, again=20.0))
    again = rows.state == READY
    np.testing.assert_array_equal(again, draws(rows, Purpose.REPEAT) < 0.5)
    assert set(rows.state[~again]) == {GAVE_UP}
    expected = 5 + np.ceil(-np.log(1.0 - draws(rows, Purpose.SAILING)) * 20.0)
    np.testing.assert_array_equal(rows.due[again], expected[again])


def test_who_leaves_after_a_refusal_sets_out_in_the_season_of_the_group() -> None:
    rows, counts = travellers(40, state=WAITING_LEGAL), tally()
    season = np.concatenate([np.zeros(100), np.arange(400.0)])  # nobody leaves before day 100
    sea = no_sea(1)._replace(home=30.0, season=season[None, :])
    refused = conditions(fallback=np.ones(CLASSES))
    day(rows, 5, refused, counts, sea=sea)
    assert set(rows.state) == {REFUSED} and counts.departures[0] == 0 and counts.decided[0] == 400
    expected = 100 + np.ceil(-np.log(1.0 - draws(rows, Purpose.SETTING_OUT)) * 30.0)
    np.testing.assert_array_equal(rows.due, expected)
    for today in range(6, int(expected.max()) + 1):
        day(rows, today, refused, counts, sea=sea)
        assert counts.departures[0] == 10.0 * np.count_nonzero(expected <= today)
    assert counts.decided[0] == 400 and counts.attempts[0, 0] == 400
