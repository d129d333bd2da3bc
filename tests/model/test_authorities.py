"""Authorities one at a time, on a bench: penalties, cases, courts, task forces, joint teams, deployments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from countersmuggling.model.authorities import (
    Eurojust,
    Europol,
    Frontex,
    MemberState,
    PartnerCountry,
    SupportTeams,
)
from countersmuggling.model.investigations import Casework
from countersmuggling.model.markets import perceived_years
from countersmuggling.model.streams import Purpose, poissons


def state(bench: Any, years: tuple[float, float, float] = (5.0, 10.0, 15.0)) -> MemberState:
    return MemberState(bench, 0, "FRA", np.array(years), 0.5, 1.0)


def caught_on(bench: Any, day: int, mean: float) -> int:
    """Arrests at incidents of the first Member State, as the model draws them."""
    courts, means = np.array([bench.court_actor(0)]), np.array([mean])
    return int(poissons(bench.seed, courts, day, int(Purpose.ARREST), means)[0])


@pytest.fixture
def office(bench: Any) -> MemberState:
    """One Member State with ample staff, three networks on corridor 0 and a file on each of the first two."""
    bench.found([0, 0, 0])
    bench.casework = Casework(3, 2, 3, bench.params)
    bench.casework.held[:2, 0] = bench.casework.linked[:2, 0] = [1e9, 100.0]
    one = state(bench)
    bench.member_states = [one, MemberState(bench, 1, "DEU", np.array([2.0, 4.0, 8.0]), 1.0, 1.0)]
    one.investigators = (
        100.0 * bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    )
    return one


def investigate(office: MemberState, day: int) -> None:
    """A week of casework, with the files weighed at its beginning."""
    office.model.casework.weigh(office.model.firms.at_work, np.full(2, 0.4))
    office.investigate(day)


# ---------------------------------------------------------------------------------------------- penalties


def test_floors_raise_low_terms_and_leave_the_others_alone(bench: Any) -> None:
    lenient, severe = state(bench, (2.0, 6.0, 20.0)), state(bench, (5.0, 10.0, 15.0))
    floors = np.array([3.0, 10.0, 15.0])
    for one in (lenient, severe):
        one.in_force(floors, 1.0)
    np.testing.assert_array_equal(lenient.years, [3.0, 10.0, 20.0])
    np.testing.assert_array_equal(severe.years, [5.0, 10.0, 15.0])
    lenient.in_force(
        floors, 0.25
    )  # a quarter of the ramp, from the national terms, not from what was in force
    np.testing.assert_array_equal(lenient.years, [2.25, 7.0, 20.0])
    lenient.in_force(np.zeros(3), 0.0)
    np.testing.assert_array_equal(lenient.years, [2.0, 6.0, 20.0])


def test_years_served_by_hand(bench: Any) -> None:
    bench.params |= {
        "penalties.aggravated_share": 0.25, "penalties.imposed_share": 0.4, "penalties.served_share": 0.5,
    }  # fmt: skip
    assert state(bench, (4.0, 12.0, 99.0)).years_served == pytest.approx((0.75 * 4.0 + 0.25 * 12.0) * 0.2)


def test_raising_terms_to_the_floors_deters_less_than_a_better_chance_of_conviction(bench: Any) -> None:
    """The expected sanction of an arrest: conviction x discounted years (Lee and McCrary 2017)."""
    one = state(bench, (3.0, 5.0, 10.0))

    def arrest() -> None:
        one.take_to_court(1, 0, 0.0, 10_000, 0)

    arrest()
    before = float(bench.sanctions[0])
    assert before == pytest.approx(
        0.5 * float(perceived_years(one.years_served, bench.params["penalties.discount_rate"]))
    )
    one.years = 2.0 * one.years
    bench.sanctions[:] = 0.0
    arrest()
    severity = float(bench.sanctions[0]) / before
    one.years, one.conviction = one.years / 2.0, 1.0
    bench.sanctions[:] = 0.0
    arrest()
    assert float(bench.sanctions[0]) / before == pytest.approx(2.0)
    assert 1.0 < severity < 1.9


# ---------------------------------------------------------------------------------------------- courts


def test_prosecution_by_hand(bench: Any) -> None:
    """Two prosecutors at half a case a day each; five cases of one unit of work: 2, 2 and 1 done after 2, 4 and 6 days."""
    one = state(bench)
    bench.params["prosecution.cases_per_prosecutor_year"] = 0.5 * 365.25 / 1.25
    bench.fixed = {Purpose.PROSECUTION: 1.0 - np.exp(-1.0), Purpose.LAPSE: 0.5, Purpose.CONVICTION: 0.4}
    one.prosecutors, one.throughput = 2.0, 1.25
    one.take_to_court(5, 0, 70.0, 10_000, 0)
    one.prosecute(70)
    assert (one.convictions, one.backlog) == (5.0, 0.0)
    assert one.court.utilisation == pytest.approx(10.0 / 14.0)
    assert one.court.mean_wait == pytest.approx((0.0 + 0.0 + 2.0 + 2.0 + 4.0) / 5.0)
    bench.fixed[Purpose.CONVICTION] = 0.6  # above the chance of conviction
    one.take_to_court(40, 0, 77.0, 10_000, 0)
    one.prosecute(77)
    assert one.convictions == 5.0
    assert one.backlog == 40 - 2 - 2 - 2 - 2  # the last two are in hand


def test_cases_that_wait_lapse_with_the_registrys_half_life(bench: Any) -> None:
    one = state(bench)
    one.take_to_court(1000, 0, 0.0, 10_000, 0)
    one.court.serve(0.0, bench.params["prosecution.lapse_half_life_days"], 0.0, np.ones(1))
    assert one.backlog == pytest.approx(500.0, abs=4.0 * np.sqrt(250.0))


def test_arrests_enter_the_queue_and_are_reported_once(bench: Any) -> None:
    one = state(bench)
    number = 0
    for week in range(200):
        caught = caught_on(bench, 7 * week, 30.0)
        one.arrest_drivers(caught, 7 * week)
        number += caught
    assert number == pytest.approx(6000, abs=4.0 * np.sqrt(6000))
    arrives = one.court.cells[0]
    assert np.all((arrives >= 0.0) & (arrives < 1400.0)) and len(np.unique(arrives)) == number
    one.take_to_court(7, 0, 1399.0, 10_000, 0)
    assert one.backlog == number + 7
    assert one.report()["arrests"] == number + 7
    assert set(one.report().values()) == {0.0}
    assert one.backlog == number + 7


def test_poisson_numbers_are_drawn_by_inversion(bench: Any) -> None:
    """A larger mean never gives a smaller number from the same draw, and moments are those of the distribution."""
    for mean in (0.3, 5.0, 63.0):
        low = np.array([caught_on(bench, day, mean) for day in range(2000)])
        high = np.array([caught_on(bench, day, mean * 1.01) for day in range(2000)])
        assert np.all(high >= low)
        assert low.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(mean / 2000.0))
        assert low.var() == pytest.approx(mean, rel=0.2)
    large = np.array([caught_on(bench, day, 300.0) for day in range(500)])
    assert large.mean() == pytest.approx(300.0, abs=4.0 * np.sqrt(300.0 / 500.0))


def batches(values: list[float]) -> tuple[float, float]:
    """Mean and standard error from batch means."""
    groups = np.array_split(np.array(values), 30)
    means = np.array([group.mean() for group in groups])
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))


def test_a_stationary_court_is_the_m_m_c_queue(
    bench: Any, mean_wait: Callable[[int, float, float], float]
) -> None:
    """Arrests at incidents as the model draws them, 8 prosecutors at 85 %: utilisation and wait by Erlang's formula."""
    p, one = bench.params, state(bench)
    p["prosecution.lapse_half_life_days"] = 1e9
    services = 2.0
    p["prosecution.cases_per_prosecutor_year"] = services * 365.25
    one.prosecutors = 8.0
    arrivals = 0.85 * 8.0 * services
    waits, busy = [], []
    for month in range(-5, 1200):
        court = one.court
        court.waits, court.begun, court.busy, court.offered = 0.0, 0, 0.0, 0.0
        for week in range(4):
            day = 7 * (4 * (month + 5) + week)
            one.arrest_drivers(caught_on(bench, day, 7.0 * arrivals), day)
            one.prosecute(day)
        if month >= 0:
            waits.append(court.mean_wait)
            busy.append(court.utilisation)
    expected = mean_wait(8, arrivals, services)
    mean, error = batches(waits)
    assert error < 0.04 * expected and abs(mean - expected) < 4.0 * error
    mean, error = batches(busy)
    assert error < 0.005 and abs(mean - 0.85) < 4.0 * error


# ---------------------------------------------------------------------------------------------- cases


def test_a_case_that_reaches_organisers_dismantles_the_network(office: MemberState, bench: Any) -> None:
    p, work = bench.params, bench.casework
    bench.fixed = {Purpose.CASE: 1e-9, Purpose.ORGANISER: 0.0, Purpose.ARREST: 0.0, Purpose.RIPENING: 0.0}
    bench.firms.base[:] = 1  # organisers are established, and tried, in the other state
    investigate(office, 105)
    assert office.dismantled == 2.0
    assert [n.active for n in bench.networks] == [False, False, True]
    assert office.seized == pytest.approx(2 * 1000.0 * 0.5)
    facilitators = 2 * int(8.0 * p["investigation.facilitators_arrested"])
    assert (office.arrests, office.backlog) == (facilitators, facilitators)
    other = bench.member_states[1]
    assert (other.arrests, other.backlog) == (4.0, 4.0)
    assert bench.sanctions[0] == pytest.approx(facilitators * office.sanction + 4.0 * other.sanction)
    assert not work.held.any() and not work.open.any()
    investigate(office, 112)  # nobody is left to work on
    assert office.dismantled == 2.0


def test_a_case_that_stops_at_facilitators_leaves_the_network_weaker(office: MemberState, bench: Any) -> None:
    p, work = bench.params, bench.casework
    bench.fixed = {Purpose.CASE: 1e-9, Purpose.ORGANISER: 1.0, Purpose.ARREST: 0.0, Purpose.RIPENING: 0.0}
    investigate(office, 105)
    assert (office.dismantled, office.seized) == (0.0, 0.0)
    lost = int(8.0 * p["investigation.facilitators_arrested"])
    assert [n.facilitators for n in bench.networks] == pytest.approx([8.0 - lost, 8.0 - lost, 8.0])
    assert office.arrests == 2 * lost
    np.testing.assert_allclose(work.held[:, 0], np.array([1e9, 100.0, 0.0]) * p["investigation.items_left"])
    assert not work.open.any() and work.begun[:, 0].tolist() == [1, 1, 0]


def test_cases_mature_with_the_registrys_time(office: MemberState, bench: Any) -> None:
    """A case of mean size takes the registry's days at full strength and twice that at half strength."""
    p, work = bench.params, bench.casework
    work.linked[1, 0] = p["investigation.half_items"]
    bench.fixed = {Purpose.CASE: 1.0 - np.exp(-1.0), Purpose.ORGANISER: 1.0, Purpose.RIPENING: 0.0}
    closed: dict[int, int] = {}
    for week in range(100):
        before = work.open[:, 0].copy()
        investigate(office, 7 * week)
        for row in np.flatnonzero((before > 0) & (work.open[:, 0] == 0)):
            closed.setdefault(int(row), 7 * week)
        work.held[:2, 0] = work.linked[:2, 0]
    days = p["investigation.case_days"]
    assert closed[0] <= days < closed[0] + 7
    assert closed[1] <= 2.0 * days < closed[1] + 7


def test_nobody_works_without_productivity(office: MemberState, bench: Any) -> None:
    office.productivity = 0.0
    for week in range(200):
        investigate(office, 7 * week)
    assert office.arrests == 0.0 and bench.casework.open[:, 0].tolist() == [1, 1, 0]


def test_support_raises_the_reach(office: MemberState, bench: Any) -> None:
    """A closed case on the first network reaches organisers with the registry's chance, doubled by a gain of 1."""
    base = bench.params["investigation.organiser_reach"] = 0.4
    work = bench.casework
    work.linked[1, 0] = work.held[1, 0] = 0.0
    bench.fixed = {Purpose.CASE: 1e-9, Purpose.ORGANISER: 1.5 * base, Purpose.RIPENING: 0.0}
    investigate(office, 7)
    assert office.dismantled == 0.0
    work.linked[0, 0], work.held[0, 0], work.supported[0] = 1e9, 1e9, 1.0
    investigate(office, 14)
    assert office.dismantled == 1.0


@pytest.mark.parametrize(("slots", "opened"), [(0.0, 0), (0.4, 1), (1.0, 1), (1.4, 2), (2.0, 2), (50.0, 2)])
def test_staff_limits_the_number_of_cases(office: MemberState, bench: Any, slots: float, opened: int) -> None:
    office.investigators = (
        slots
        * 0.9999999
        * bench.params["investigation.staff_per_case"]
        / bench.params["investigation.entry_share"]
    )
    bench.fixed = {Purpose.CASE: 1.0 - 1e-9, Purpose.RIPENING: 0.0}
    for day in (7, 14):
        investigate(office, day)
        assert bench.casework.open[:, 0].sum() == opened
        if opened == 1:
            assert bench.casework.open[0, 0]  # the one with most evidence


def test_cases_on_networks_that_stopped_are_closed(office: MemberState, bench: Any) -> None:
    bench.fixed = {Purpose.CASE: 1.0 - 1e-9, Purpose.RIPENING: 0.0}
    investigate(office, 7)
    assert bench.casework.open[:, 0].tolist() == [1, 1, 0]
    bench.firms.at_work[0] = 0
    investigate(office, 14)
    assert bench.casework.open[:, 0].tolist() == [0, 1, 0]


def test_a_row_that_others_shrank_in_the_same_week_brings_no_new_case(bench: Any) -> None:
    bench.found([0, 0], weight=5, capital=5000.0)
    bench.casework = Casework(2, 2, 3, bench.params)
    bench.casework.held[:, 0] = bench.casework.linked[:, 0] = 1e9
    one = state(bench)
    one.investigators = 100.0 * bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    bench.casework.open[:, 0] = [3, 0]
    bench.casework.weigh(bench.firms.at_work, np.full(2, 0.4))
    bench.firms.at_work[0] = 1  # of five, on three of which there are cases
    one._line_up(bench.casework.promising[0], 7)
    assert np.bincount(one.cases.tag, minlength=2).tolist() == [0, 5]


def test_a_row_of_several_networks_has_as_many_cases_and_loses_them_one_by_one(bench: Any) -> None:
    bench.found([0], weight=5, capital=5000.0)
    bench.casework = Casework(1, 2, 3, bench.params)
    bench.casework.held[0, 0] = bench.casework.linked[0, 0] = 1e9
    one = state(bench)
    bench.member_states = [one]
    one.investigators = (
        3.0 * bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    )
    bench.fixed = {Purpose.CASE: 1.0 - 1e-9, Purpose.ORGANISER: 0.0, Purpose.ARREST: 0.0, Purpose.RIPENING: 0.0}
    investigate(one, 0)
    assert bench.casework.open[0, 0] == 3  # as many as there are teams
    for month in range(1000):
        if one.dismantled:
            break
        bench.casework.held[0, 0] = bench.casework.linked[0, 0] = 1e9
        investigate(one, 7 * (month + 1))
    network = bench.networks[0]
    assert one.dismantled == 3.0 and network.networks_at_work == 2  # all three had the same amount of work
    assert network.places == pytest.approx(10.0 * 2 / 5)
    assert network.facilitators == 8.0  # the mean of those still at work
    assert network.capital == pytest.approx(5000.0 * (1 - 0.5 / 5) * (1 - 0.5 / 4) * (1 - 0.5 / 3))


def test_stationary_casework_is_the_m_m_c_queue(
    bench: Any, mean_wait: Callable[[int, float, float], float]
) -> None:
    """Networks become known at Poisson times, 4 teams at 80 %: utilisation and wait by Erlang's formula, whichever file
    a free team takes first."""
    bench.found([0] * 400)
    work = bench.casework = Casework(400, 2, 3, bench.params)
    bench.params["investigation.case_days"] = 1.0
    bench.params |= {"investigation.items_left": 0.0, "investigation.facilitators_arrested": 0.0}
    one = state(bench)
    bench.member_states = [one]
    bench.fixed = {Purpose.ORGANISER: 1.0, Purpose.ARREST: 0.0}
    teams, services = 4, 1.0
    one.investigators = teams * bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    arrivals = 0.8 * teams * services
    rng, turn = np.random.default_rng(5), 0
    waits, busy = [], []
    for quarter in range(-5, 260):
        cases = one.cases
        cases.waits, cases.begun, cases.busy, cases.offered = 0.0, 0, 0.0, 0.0
        for week in range(13):
            work.held[:, 0] = np.where(work.open[:, 0] == 0, work.held[:, 0], 0.0)  # the file is in hand
            work.held[:, 0] = np.where(np.isnan(work.ripe[:, 0]), 0.0, work.held[:, 0])
            for _ in range(rng.poisson(7.0 * arrivals)):
                turn = (turn + 1) % 400
                work.held[turn, 0] = rng.uniform(1e12, 2e12)
            work.linked[:, 0] = np.where(work.open[:, 0] > 0, 1e12, work.held[:, 0])
            investigate(one, 7 * (13 * (quarter + 5) + week))
        if quarter >= 0:
            waits.append(cases.mean_wait)
            busy.append(cases.utilisation)
    expected = mean_wait(teams, arrivals, services)
    mean, error = batches(waits)
    assert error < 0.05 * expected and abs(mean - expected) < 4.0 * error
    mean, error = batches(busy)
    assert error < 0.01 and abs(mean - 0.8) < 4.0 * error


# ---------------------------------------------------------------------------------------------- Union bodies


@pytest.fixture
def union(bench: Any) -> Any:
    bench.casework = Casework(4, 2, 3, bench.params)
    bench.casework.held[:, 0] = [10.0, 40.0, 30.0, 20.0]
    bench.found([0] * 4)
    bench.geography = type("Places", (), {"member_states": ["FRA", "DEU"]})()
    return bench


def on(teams: SupportTeams) -> list[int]:
    return sorted(row for row, _ in teams.at_work)


def test_task_forces_take_on_the_networks_with_most_evidence(union: Any) -> None:
    p, europol = union.params, Europol(union)

    def week(day: int, per_year: float = 2 * 365.25 / 7.0) -> None:
        europol.week(np.zeros(2), np.ones(2), np.zeros(1), per_year, day)

    week(0)
    assert on(europol.task_forces) == [1, 2]
    gain = p["investigation.task_force_gain"]
    np.testing.assert_allclose(union.casework.supported, [0.0, gain, gain, 0.0])
    union.firms.at_work[1] = 0
    week(7, 365.25 / 7.0)
    assert on(europol.task_forces) == [2, 3]
    run = int(p["investigation.task_force_days"])
    week(run - 1, 0.0)
    assert on(europol.task_forces) == [2, 3]
    week(run, 0.0)
    assert on(europol.task_forces) == [3]
    np.testing.assert_allclose(union.casework.supported, [0.0, 0.0, 0.0, gain])


def test_task_forces_on_a_row_of_several_networks(union: Any) -> None:
    """Evidence counts per network, and a team covers one of those that the row stands for."""
    union.firms.weight[1] = union.firms.at_work[1] = 4  # 10 items on each
    europol = Europol(union)
    europol.week(np.zeros(2), np.ones(2), np.zeros(1), 5 * 365.25 / 7.0, 0)
    assert on(europol.task_forces) == [0, 1, 1, 2, 3] or on(europol.task_forces) == [1, 1, 1, 2, 3]
    covered = np.bincount(on(europol.task_forces), minlength=4) / np.array([1, 4, 1, 1])
    np.testing.assert_allclose(union.casework.supported, union.params["investigation.task_force_gain"] * covered)


def test_task_forces_a_year(union: Any) -> None:
    europol, set_up = Europol(union), 0
    union.params["investigation.task_force_days"] = 7.0
    for week in range(53):
        europol.week(np.zeros(2), np.ones(2), np.zeros(1), 11.0, 7 * week)
        set_up += sum(since == 7 * week for _, since in europol.task_forces.at_work)
    assert set_up == 11


def test_joint_teams_need_two_states(union: Any) -> None:
    p, work, eurojust = union.params, union.casework, Eurojust(union)
    work.linked[:, 0] = [10.0, 40.0, 30.0, 20.0]
    work.open[:, 0] = 1
    eurojust.week(365.25 / 7.0, 0)
    assert eurojust.teams.at_work == []
    work.open[[0, 3], 1] = 1
    work.supported = np.zeros(4)
    eurojust.week(365.25 / 7.0, 7)
    assert eurojust.teams.at_work == [(3, 7)]
    np.testing.assert_allclose(work.supported, [0.0, 0.0, 0.0, p["investigation.joint_team_gain"]])


def test_a_joint_team_ends_with_its_time_or_its_network(union: Any) -> None:
    work, eurojust = union.casework, Eurojust(union)
    work.linked[:, 0] = [10.0, 40.0, 30.0, 20.0]
    work.open[:] = 1
    eurojust.week(2 * 365.25 / 7.0, 0)
    assert on(eurojust.teams) == [1, 2]
    union.firms.at_work[1] = 0
    work.open[1] = 0
    eurojust.week(0.0, 7)
    assert on(eurojust.teams) == [2]
    eurojust.week(0.0, int(union.params["investigation.joint_team_days"]))
    assert eurojust.teams.at_work == []


def test_frontex_follows_reports_with_a_half_life(bench: Any) -> None:
    bench.params["interception.redeployment_half_life_days"] = 7.0
    frontex = Frontex(bench, np.array([0.5, 0.5]))
    frontex.week(np.array([30.0, 90.0]))
    np.testing.assert_allclose(frontex.share, [0.375, 0.625])
    np.testing.assert_allclose(
        frontex.officers(np.zeros_like(frontex.share)), bench.params["interception.standing_corps"] * frontex.share
    )
    frontex.week(np.zeros(2))  # no reports: nobody moves
    np.testing.assert_allclose(frontex.share, [0.375, 0.625])
    np.testing.assert_array_equal(frontex.reference_share, [0.5, 0.5])


def test_a_partner_takes_on_the_arrangement(bench: Any) -> None:
    partner = PartnerCountry(bench, 0, "TUN")
    assert partner.effort == 1.0
    partner.week(1.3, 0.2)
    assert (partner.effort, partner.evidence_reach) == (1.3, 0.2)
