"""Staff that others lend: hand counts of each mechanism, and in the model that it moves what it should and only that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.deployments import (
    placed_support,
    population_gdp_key,
    seconded,
    standing_corps,
    with_liaison,
)

QUARTERS = ("2025Q1", "2025Q2", "2025Q3", "2025Q4")


def test_liaison_by_hand() -> None:
    """Half of the gain with as many officers as halve it: 0.2 + 0.8 x 0.5 x 0.5 x (2 / 4) = 0.3; nobody changes nothing."""
    value = np.array([0.2, 0.2, 0.2, 0.1 + 0.2])
    cooperation = np.array([0.5, 0.5, 0.0, 1.0])
    officers = np.array([2.0, 0.0, 100.0, 0.0])
    found = with_liaison(value, cooperation, officers, gain=0.5, half=2.0)
    np.testing.assert_allclose(found[:3], [0.3, 0.2, 0.2])
    np.testing.assert_array_equal(found[[1, 3]], value[[1, 3]])
    assert with_liaison(np.array([0.9]), np.array([1.0]), np.array([1e9]), 1.0, 1.0) <= 1.0


def test_the_reserve_pool_takes_from_home_by_key() -> None:
    """Ten reserve officers, half of them specialists, given 3 to 1; the second state has one specialist in all."""
    key = population_gdp_key(np.array([30.0, 10.0]), np.array([300.0, 100.0]))
    np.testing.assert_allclose(key, [0.75, 0.25])
    np.testing.assert_allclose(population_gdp_key(np.array([3.0, 1.0]), np.array([1.0, 1.0])), [0.625, 0.375])
    taken = seconded(np.array([4.0, 6.0]), key, 0.5, np.array([100.0, 1.0]))
    np.testing.assert_allclose(taken, [3.75, 1.0])


def test_directed_officers_come_out_of_the_same_corps() -> None:
    share = np.array([0.5, 0.3, 0.2])
    np.testing.assert_array_equal(standing_corps(share, 1000.0, np.zeros(3)), share * 1000.0)
    np.testing.assert_allclose(standing_corps(share, 1000.0, np.array([0.0, 0.0, 100.0])), [450.0, 270.0, 280.0])
    # a plan cannot send more than there are
    np.testing.assert_allclose(standing_corps(share, 100.0, np.array([150.0, 50.0, 0.0])), [75.0, 25.0, 0.0])


def test_teams_work_on_what_their_state_knows_best() -> None:
    evidence = np.array([[9.0, 0.0], [5.0, 1.0], [0.0, 2.0]])
    one = np.ones(3)
    np.testing.assert_allclose(placed_support(evidence, one, np.array([1.0, 0.0])), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(placed_support(evidence, one, np.array([1.5, 0.0])), [1.0, 0.5, 0.0])
    np.testing.assert_allclose(placed_support(evidence, one, np.array([0.0, 2.0])), [0.0, 1.0, 1.0])
    # two states meet on one network: it is covered once, and the second team goes on; three teams have two networks
    np.testing.assert_allclose(placed_support(evidence, one, np.array([1.5, 1.0])), [1.0, 0.5, 1.0])
    np.testing.assert_allclose(placed_support(evidence, one, np.array([3.0, 0.0])), [1.0, 1.0, 0.0])
    # a row that stands for four networks takes four teams; one that has stopped takes none
    np.testing.assert_allclose(placed_support(evidence, np.array([4.0, 1.0, 1.0]), np.array([3.0, 0.0])), [0.75, 0.0, 0.0])
    np.testing.assert_allclose(placed_support(evidence, np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0])), [0.0, 1.0, 0.0])


# ------------------------------------------------------------------------------------------ in the model


def placed(resource: str, place: str, number: float) -> pd.DataFrame:
    rows = [(resource, place, quarter, number) for quarter in QUARTERS]
    return pd.DataFrame(rows, columns=["resource", "place", "quarter", "staff"])


@pytest.fixture(scope="module")
def fortnight(make_scenario: Callable[..., Any]) -> Callable[[pd.DataFrame], SmugglingModel]:
    """A model stepped through its first fortnight: the second week sees what the first one brought."""
    assumptions = make_scenario(
        horizon={"start": "2025-01-01", "burn_in_days": 0}, model={"persons_per_agent": 100})

    def stepped(allocation: pd.DataFrame) -> SmugglingModel:
        model = SmugglingModel(assumptions, allocation=allocation)
        for _ in range(8):
            model.step()
        return model

    return stepped


@pytest.fixture(scope="module")
def nobody(fortnight: Callable[[pd.DataFrame], SmugglingModel]) -> SmugglingModel:
    return fortnight(placed("analyst", "FRA", 0.0))


def same_travellers(one: SmugglingModel, two: SmugglingModel) -> bool:
    return all(np.array_equal(getattr(one.tally, f), getattr(two.tally, f)) for f in ("attempts", "interceptions", "deaths"))


def test_a_liaison_officer_moves_evidence_from_that_country_only(fortnight: Any, nobody: SmugglingModel) -> None:
    p, g = nobody.params, nobody.geography
    there = 27 + int(np.argmax(nobody.casework.held[:, 27:].sum(axis=0)))
    moved = fortnight(placed("liaison_officer", g.authorities[there], 3.0))
    others = np.arange(len(g.authorities)) != there
    assert nobody.casework.held[:, there].sum() > 0
    cooperation = nobody._cooperation[there - 27]
    more = 1 + (1 - cooperation) / cooperation * p["deployments.liaison_items"] * cooperation * 3 / (3 + p["deployments.half_liaison"])
    np.testing.assert_allclose(moved.casework.held[:, there], more * nobody.casework.held[:, there])
    np.testing.assert_array_equal(moved.casework.held[:, others], nobody.casework.held[:, others])
    assert moved.casework.linked.sum() > nobody.casework.linked.sum()
    assert same_travellers(moved, nobody)
    np.testing.assert_array_equal(moved._chance, nobody._chance)


def test_reserve_officers_raise_evidence_where_they_are_and_lower_casework_at_home(
    fortnight: Any, nobody: SmugglingModel
) -> None:
    p, held = nobody.params, nobody.casework.held
    here = int(np.argmax(held[:, :27].sum(axis=0)))
    assert held[:, here].sum() > 0
    moved = fortnight(placed("reserve_officer", nobody.geography.authorities[here], 30.0))
    more = 1 + p["evidence.officer_gain"] * 30 / (30 + p["evidence.half_officers"])
    np.testing.assert_allclose(moved.casework.held[:, here], more * held[:, here])
    others = np.arange(len(nobody.geography.authorities)) != here
    np.testing.assert_array_equal(moved.casework.held[:, others], nobody.casework.held[:, others])
    lost = [a.investigators - b.investigators for a, b in zip(nobody.member_states, moved.member_states, strict=True)]
    assert sum(lost) == pytest.approx(30 * p["deployments.reserve_home_share"], rel=0.05)
    assert min(lost) > 0
    assert same_travellers(moved, nobody)


def test_frontex_officers_move_interception_towards_where_they_are_sent(fortnight: Any, nobody: SmugglingModel) -> None:
    moved, g = fortnight(placed("frontex_officer", "POL", 600.0)), nobody.geography
    poland = g.member_states.index("POL")
    here = (g.interceptor == poland) & ~g.by_air & (nobody._chance > 0)
    elsewhere = (g.interceptor < 27) & (g.interceptor != poland) & ~g.by_air & (nobody._chance > 0)
    elsewhere &= (nobody._staff_0["border_guard"] + nobody.frontex.reference_share)[np.minimum(g.interceptor, 26)] > 0
    assert here.any() and (moved._chance[here] > nobody._chance[here]).all()
    assert (moved._chance[elsewhere] <= nobody._chance[elsewhere]).all()
    outside = g.interceptor >= 27
    np.testing.assert_allclose(moved._chance[outside], nobody._chance[outside], rtol=0.02)  # through flows alone
    corps = nobody.params["interception.standing_corps"]
    assert moved.frontex.officers(moved.staff["frontex_officer"]).sum() == pytest.approx(corps)
    for a, b in zip(nobody.member_states, moved.member_states, strict=True):
        assert (a.investigators, a.prosecutors) == (b.investigators, b.prosecutors)


def test_a_task_force_supports_the_network_its_state_knows_best(fortnight: Any, nobody: SmugglingModel) -> None:
    number = nobody.firms.at_work
    linked = nobody.casework.linked * (number > 0)[:, None] / np.maximum(number, 1)[:, None]
    state = int(np.argmax(linked.max(axis=0)))
    moved = fortnight(placed("task_force_team", nobody.geography.member_states[state], 1.0))
    more = moved.casework.supported - nobody.casework.supported
    best = int(np.argmax(linked[:, state]))
    assert np.flatnonzero(more).tolist() == [best]
    assert more[best] == pytest.approx(nobody.params["investigation.task_force_gain"] / number[best])
    np.testing.assert_array_equal(moved.casework.held, nobody.casework.held)
    assert same_travellers(moved, nobody)


def test_eurojust_supports_networks_on_which_several_states_work(fortnight: Any, nobody: SmugglingModel) -> None:
    moved = fortnight(placed("eurojust_adviser", "DEU", 0.5))
    p, work, germany = moved.params, moved.casework, moved.geography.member_states.index("DEU")
    work.supported[:] = 0.0
    work.open[:] = 0
    work.open[4, germany] = 1
    moved._support_cases()
    assert not work.supported.any(), "one state alone has no joint team"
    work.open[4, 0] = 1
    work.linked[4, germany] = 10.0
    moved._support_cases()
    assert np.flatnonzero(work.supported).tolist() == [4]
    covered = min(1.0, 0.5 * p["deployments.joint_teams_per_adviser"] / moved.firms.at_work[4])
    assert work.supported[4] == pytest.approx(p["investigation.joint_team_gain"] * covered)


def test_task_forces_of_the_lever_give_way_to_those_that_a_plan_places(make_scenario: Callable[..., Any]) -> None:
    lever = {"task_forces": {"on": "2025-01-01", "number": 500}}
    posts = {"task_force_team": {"available": 5}}
    horizon = {"start": "2025-01-01", "burn_in_days": 0}

    def forces(**options: Any) -> int:
        resources = {"posts": options.pop("posts", {})}
        model = SmugglingModel(make_scenario(levers=lever, horizon=horizon, resources=resources), **options)
        for _ in range(22):
            model.step()
        return int(np.count_nonzero(model.casework.supported))

    nowhere = placed("analyst", "FRA", 0.0)
    assert forces() > forces(posts=posts, allocation=nowhere)
    assert forces(posts=posts) == forces() == forces(allocation=nowhere), "without such posts nothing takes the lever's place"


def test_the_cost_of_staff_abroad_is_counted(make_scenario: Callable[..., Any]) -> None:
    small = make_scenario(horizon={"start": "2025-01-01", "end": "2025-01-31", "burn_in_days": 0})
    costs = []
    for number in (0.0, 10.0):
        outcomes = SmugglingModel(small, allocation=placed("liaison_officer", "TUN", number)).run().outcomes
        costs.append(float(outcomes.loc[outcomes["outcome"] == "cost_eur", "value"].sum()))
    weeks = 5  # the first days of five weeks lie in January
    assert costs[1] - costs[0] == pytest.approx(10 * small.parameters()["cost.liaison_officer_eur_per_year"] * weeks * 7 / 365.25)
