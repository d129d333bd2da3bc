"""Authorities one at a time, on a bench: penalties, cases, courts, task forces, joint teams, deployments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from countersmuggling.model.authorities import Eurojust, Europol, Frontex, MemberState, PartnerCountry
from countersmuggling.model.investigations import Casework
from countersmuggling.model.smuggling_networks import SmugglingNetwork, perceived_years


def state(bench: Any, years: tuple[float, float, float] = (5.0, 10.0, 15.0)) -> MemberState:
    return MemberState(bench, 0, "FRA", np.array(years), 0.5, 1.0)


@pytest.fixture
def office(bench: Any) -> MemberState:
    """One Member State with ample staff, three networks on corridor 0 and a file on each of the first two."""
    bench.networks = [SmugglingNetwork(bench, i, 0, 10.0, 2.0, 8.0, 1000.0) for i in range(3)]
    bench.active_networks = np.ones(3, dtype=np.bool_)
    bench.casework = Casework(3, 2, 3, bench.params)
    bench.casework.held[:2, 0] = bench.casework.linked[:2, 0] = [1e9, 100.0]
    bench.dials = {"sharing": np.array([0.4, 0.4])}
    bench.draws = np.ones(3) - 1e-12
    one = state(bench)
    one.investigators = (
        100.0 * bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    )
    return one


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
    one.take_to_court(1.0, 0)
    before = float(bench.sanctions[0])
    assert before == pytest.approx(
        0.5 * float(perceived_years(one.years_served, bench.params["penalties.discount_rate"]))
    )
    one.years = 2.0 * one.years
    bench.sanctions[:] = 0.0
    one.take_to_court(1.0, 0)
    severity = float(bench.sanctions[0]) / before
    one.years, one.conviction = one.years / 2.0, 1.0
    bench.sanctions[:] = 0.0
    one.take_to_court(1.0, 0)
    assert float(bench.sanctions[0]) / before == pytest.approx(2.0)
    assert 1.0 < severity < 1.9


# ---------------------------------------------------------------------------------------------- courts


def test_prosecution_by_hand(bench: Any) -> None:
    p, one = bench.params, state(bench)
    one.prosecutors, one.throughput, one.backlog = 10.0, 1.2, 100.0
    capacity = 10.0 * p["prosecution.cases_per_prosecutor_year"] * 1.2 * 7.0 / 365.25
    one.prosecute()
    assert one.convictions == pytest.approx(0.5 * capacity)
    assert one.backlog == pytest.approx(
        (100.0 - capacity) * 0.5 ** (7.0 / p["prosecution.lapse_half_life_days"])
    )


def test_arrests_enter_the_queue_and_are_reported_once(bench: Any) -> None:
    one = state(bench)
    one.arrest_drivers(np.array([1000.0, 500.0]))
    drivers = 1500.0 * bench.params["investigation.drivers_per_person"]
    one.take_to_court(7.0, 0)
    assert one.backlog == pytest.approx(drivers + 7.0)
    assert one.report()["arrests"] == pytest.approx(drivers + 7.0)
    assert set(one.report().values()) == {0.0}
    assert one.backlog == pytest.approx(drivers + 7.0)


# ---------------------------------------------------------------------------------------------- cases


def test_a_case_that_reaches_organisers_dismantles_the_network(office: MemberState, bench: Any) -> None:
    p, work = bench.params, bench.casework
    bench.draws = np.zeros(3)  # every open case closes and reaches the top
    office.investigate(100)
    assert office.dismantled == 2.0
    assert bench.active_networks.tolist() == [False, False, True]
    assert [n.active for n in bench.networks] == [False, False, True]
    assert office.seized == pytest.approx(2 * 1000.0 * 0.5)
    arrested = 2 * (8.0 * p["investigation.facilitators_arrested"] + 2.0)
    assert office.arrests == pytest.approx(arrested) and office.backlog == pytest.approx(arrested)
    assert not work.held.any() and not work.open.any()


def test_a_case_that_stops_at_facilitators_leaves_the_network_weaker(office: MemberState, bench: Any) -> None:
    p, work = bench.params, bench.casework
    bench.params["investigation.organiser_reach"] = 0.0
    bench.draws = np.zeros(3)
    office.investigate(100)
    assert (office.dismantled, office.seized) == (0.0, 0.0)
    left = 8.0 * (1.0 - p["investigation.facilitators_arrested"])
    assert [n.facilitators for n in bench.networks] == pytest.approx([left, left, 8.0])
    assert office.arrests == pytest.approx(2 * (8.0 - left))
    np.testing.assert_allclose(work.held[:, 0], np.array([1e9, 100.0, 0.0]) * p["investigation.items_left"])
    assert not work.open.any()


def test_cases_mature_with_the_registrys_time(office: MemberState, bench: Any) -> None:
    """Hazard a week 7 / case days at full strength, half of it at half strength, and none without productivity."""
    p = bench.params
    weekly = 1.0 - np.exp(-7.0 / p["investigation.case_days"])
    bench.casework.linked[1, 0] = p["investigation.half_items"]
    half = 1.0 - np.exp(-3.5 / p["investigation.case_days"])
    bench.draws = np.array([weekly * 1.001, half * 1.001, 0.0])
    office.investigate(7)
    assert office.arrests == 0.0
    assert bench.casework.open[:, 0].tolist() == [True, True, False]
    bench.draws = np.array([weekly * 0.999, half * 0.999, 0.0])
    office.productivity = 0.0
    office.investigate(14)
    assert office.arrests == 0.0
    office.productivity = 1.0
    office.investigate(21)
    assert office.arrests > 0.0 and not bench.casework.open[:, 0].any()


def test_support_raises_the_reach(office: MemberState, bench: Any) -> None:
    """A closed case on the first network reaches organisers with the registry's chance, doubled by a gain of 1."""
    base = bench.params["investigation.organiser_reach"] = 0.4
    work = bench.casework
    work.linked[1, 0] = work.held[1, 0] = 0.0
    office.model.actor_draws = lambda first, count, day, purpose: np.full(
        count, 0.0 if purpose.name == "CASE" else 1.5 * base
    )
    office.investigate(7)
    assert office.dismantled == 0.0
    work.linked[0, 0], work.held[0, 0], work.supported[0] = 1e9, 1e9, 1.0
    office.investigate(14)
    assert office.dismantled == 1.0


@pytest.mark.parametrize(("slots", "opened"), [(0.0, 0), (0.4, 1), (1.0, 1), (1.4, 2), (2.0, 2), (50.0, 2)])
def test_staff_limits_the_number_of_cases(office: MemberState, bench: Any, slots: float, opened: int) -> None:
    office.investigators = (
        slots
        * 0.9999999
        * bench.params["investigation.staff_per_case"]
        / bench.params["investigation.entry_share"]
    )
    office.investigate(7)
    assert bench.casework.open[:, 0].sum() == opened
    if opened == 1:
        assert bench.casework.open[0, 0]  # the one with most evidence
    office.investigate(14)
    assert bench.casework.open[:, 0].sum() == opened


def test_a_short_staffed_team_works_the_slower(office: MemberState, bench: Any) -> None:
    """Half a team on one case closes it with half the weekly hazard: h = 7 x 0.5 x strength / case days."""
    team = bench.params["investigation.staff_per_case"] / bench.params["investigation.entry_share"]
    office.investigators = 0.5 * team
    bench.casework.linked[0, 0] = bench.casework.held[0, 0] = 1e9
    office.investigate(7)
    hazard = 7.0 * 0.5 / bench.params["investigation.case_days"]
    bench.draws = np.full(3, -np.expm1(-hazard) * 1.0001)
    office.investigate(14)
    assert office.arrests == 0.0
    bench.draws = np.full(3, -np.expm1(-hazard) * 0.9999)
    office.investigate(21)
    assert office.arrests > 0.0


def test_cases_on_networks_that_stopped_are_closed(office: MemberState, bench: Any) -> None:
    office.investigate(7)
    bench.active_networks[0] = False
    office.investigate(14)
    assert bench.casework.open[:, 0].tolist() == [False, True, False]


# ---------------------------------------------------------------------------------------------- Union bodies


@pytest.fixture
def union(bench: Any) -> Any:
    bench.casework = Casework(4, 2, 3, bench.params)
    bench.casework.held[:, 0] = [10.0, 40.0, 30.0, 20.0]
    bench.active_networks = np.ones(4, dtype=np.bool_)
    bench.geography = type("Places", (), {"member_states": ["FRA", "DEU"]})()
    return bench


def test_task_forces_take_on_the_networks_with_most_evidence(union: Any) -> None:
    p, europol = union.params, Europol(union)

    def week(day: int, per_year: float = 2 * 365.25 / 7.0) -> None:
        europol.week(np.zeros(2), np.ones(2), np.zeros(1), per_year, day)

    week(0)
    assert sorted(europol.task_forces) == [1, 2]
    gain = p["investigation.task_force_gain"]
    np.testing.assert_allclose(union.casework.supported, [0.0, gain, gain, 0.0])
    union.active_networks[1] = False
    week(7, 365.25 / 7.0)
    assert sorted(europol.task_forces) == [2, 3]
    run = int(p["investigation.task_force_days"])
    week(run - 1, 0.0)
    assert sorted(europol.task_forces) == [2, 3]
    week(run, 0.0)
    assert sorted(europol.task_forces) == [3]
    np.testing.assert_allclose(union.casework.supported, [0.0, 0.0, 0.0, gain])


def test_task_forces_a_year(union: Any) -> None:
    europol, set_up = Europol(union), 0
    union.params["investigation.task_force_days"] = 7.0
    for week in range(53):
        europol.week(np.zeros(2), np.ones(2), np.zeros(1), 11.0, 7 * week)
        set_up += sum(since == 7 * week for since in europol.task_forces.values())
    assert set_up == 11


def test_joint_teams_need_two_states(union: Any) -> None:
    p, work, eurojust = union.params, union.casework, Eurojust(union)
    work.linked[:, 0] = [10.0, 40.0, 30.0, 20.0]
    work.open[:, 0] = True
    eurojust.week(365.25 / 7.0, 0)
    assert eurojust.teams == {}
    work.open[[0, 3], 1] = True
    work.supported[:] = 0.0
    eurojust.week(365.25 / 7.0, 7)
    assert eurojust.teams == {3: 7}
    np.testing.assert_allclose(work.supported, [0.0, 0.0, 0.0, p["investigation.joint_team_gain"]])


def test_a_joint_team_ends_with_its_time_or_its_network(union: Any) -> None:
    work, eurojust = union.casework, Eurojust(union)
    work.linked[:, 0] = [10.0, 40.0, 30.0, 20.0]
    work.open[:] = True
    eurojust.week(2 * 365.25 / 7.0, 0)
    assert sorted(eurojust.teams) == [1, 2]
    union.active_networks[1] = False
    work.open[1] = False
    eurojust.week(0.0, 7)
    assert sorted(eurojust.teams) == [2]
    eurojust.week(0.0, int(union.params["investigation.joint_team_days"]))
    assert eurojust.teams == {}


def test_frontex_follows_reports_with_a_half_life(bench: Any) -> None:
    bench.params["interception.redeployment_half_life_days"] = 7.0
    frontex = Frontex(bench, np.array([0.5, 0.5]))
    frontex.week(np.array([30.0, 90.0]))
    np.testing.assert_allclose(frontex.share, [0.375, 0.625])
    np.testing.assert_allclose(
        frontex.officers(), bench.params["interception.standing_corps"] * frontex.share
    )
    frontex.week(np.zeros(2))  # no reports: nobody moves
    np.testing.assert_allclose(frontex.share, [0.375, 0.625])
    np.testing.assert_array_equal(frontex.reference_share, [0.5, 0.5])


def test_a_partner_takes_on_the_arrangement(bench: Any) -> None:
    partner = PartnerCountry(bench, 0, "TUN")
    assert partner.effort == 1.0
    partner.week(1.3, 0.2)
    assert (partner.effort, partner.evidence_reach) == (1.3, 0.2)
