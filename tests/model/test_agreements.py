"""What partner agreements set, in small cases counted on paper, and what follows from it in the model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.agreements import Agreements
from countersmuggling.model.beliefs import Beliefs, Now, Seen
from countersmuggling.model.geography import Geography
from countersmuggling.model.markets import Market
from countersmuggling.model.reference_point import Tastes
from countersmuggling.model.smuggling_networks import SmugglingNetwork, shift_supply
from countersmuggling.model.streams import Purpose, actor_uniforms
from countersmuggling.scenarios import Scenario
from countersmuggling.scenarios.schema import PartnerAgreement

MakeScenario = Callable[..., Scenario]


def agreement(on: str, **fields: Any) -> PartnerAgreement:
    content = {"kind": "partner_agreement", "on": on, "partner": "TUR", "strength": 1.0} | fields
    return PartnerAgreement.model_validate(content)


def named(geography: Geography, values: Any) -> dict[str, float]:
    """Values of legs that are not zero, by name."""
    return {leg: float(v) for leg, v in zip(geography.legs["leg"], values, strict=True) if v}


# ---------------------------------------------------------------------------------------------- what is set


def test_an_agreement_comes_in_over_its_ramp_and_the_latest_counts(geography: Geography) -> None:
    events = [agreement("2015-01-01", strength=0.2), agreement("2016-03-20", strength=0.6, ramp_days=4)]
    agreements, number = Agreements(geography, events), geography.authorities.index("TUR")
    effort = [
        agreements.effort(date(2014, 12, 31)), agreements.effort(date(2015, 1, 1)),
        agreements.effort(date(2016, 3, 20)), agreements.effort(date(2016, 3, 23)),
    ]  # fmt: skip
    np.testing.assert_allclose([e[number] for e in effort], [1.0, 0.2, 0.3, 0.6])
    assert all(np.delete(e, number).tolist() == [1.0] * (len(e) - 1) for e in effort)


def test_returns_hold_where_the_agreement_says(geography: Geography) -> None:
    events = [agreement("2016-03-20", returns=0.1, returns_into="GRC", returns_by="sea", held_days=90)]
    share, held = Agreements(geography, events).returns(date(2016, 4, 1))
    islands = {f"izmir>{island}" for island in ("lesbos", "samos", "kos")}
    assert named(geography, share) == pytest.approx(dict.fromkeys(islands, 0.1))
    assert named(geography, held) == pytest.approx(dict.fromkeys(islands, 90.0))
    assert not np.any(Agreements(geography, events).returns(date(2016, 3, 19)))


def test_a_later_agreement_that_is_silent_leaves_returns_as_they_were(geography: Geography) -> None:
    events = [agreement("2016-03-20", returns=0.1), agreement("2018-01-01", strength=0.5)]
    agreements = Agreements(geography, events)
    np.testing.assert_array_equal(
        agreements.returns(date(2017, 1, 1))[0], agreements.returns(date(2019, 1, 1))[0]
    )
    ended = Agreements(geography, [*events, agreement("2020-03-01", returns=0.0)])
    assert not ended.returns(date(2020, 3, 1))[0].any()


def test_a_corridor_of_two_countries_takes_the_mean_of_its_departures(geography: Geography) -> None:
    flow = np.zeros(geography.network.legs)
    names = list(geography.legs["leg"])
    flow[names.index("laayoune>canary-islands")] = 30.0  # Morocco
    flow[names.index("dakar>canary-islands")] = 10.0  # Senegal
    event = agreement("2019-02-01", partner="MAR", networks_stopped=0.4)
    stopped = Agreements(geography, [event]).stopped(date(2019, 2, 1), flow)
    by_name = {c: float(s) for c, s in zip(geography.corridors, stopped, strict=True) if s}
    assert by_name == pytest.approx({"atlantic": 0.3, "morocco-strait": 0.4})


# ---------------------------------------------------------------------------------------------- returns


def test_what_a_return_costs_by_hand(geography: Geography, params: dict[str, float]) -> None:
    """Returned with chance 1/5: a quarter of an arrival in vain before one lasts, each at the cost of the whole leg."""
    tastes, legs = Tastes(geography, params), geography.network.legs
    fee, death, stopped = np.full(legs, 1000.0), np.full(legs, 0.01), np.full(legs, 0.5)
    constant = np.zeros((len(geography.groups), legs))
    before = tastes.utility(fee, death, stopped, constant)
    after = tastes.utility(fee, death, stopped, constant, returned=np.full(legs, 0.2), held=np.full(legs, 30.0))
    leg = int(np.flatnonzero(geography.external)[0])
    days = geography.column("legs", "days")[leg]
    p, risk = params, np.sqrt(params["route_choice.caution_ratio"])  # kind 0 is cautious, of little means
    charged = 1000.0 * tastes.group_fee[0] / tastes.budget[0]
    # half of the attempts are stopped: one fails for each arrival, a quarter more for each lasting one
    loss = 0.25 * (
        p["route_choice.fee"] * charged * (1.0 + p["fees.upfront_share"])
        + p["route_choice.death"] * risk * 0.01 * 2.0
        + p["route_choice.interception"] * risk
        + p["route_choice.returned"] * risk
    )
    time = 1.25 * (days + p["interception.return_days"] + 30.0) + 0.25 * p["interception.return_days"]
    time -= days + p["interception.return_days"]
    loss += p["route_choice.month"] * time * 12.0 / 365.25
    assert before[0, leg] - after[0, leg] == pytest.approx(loss)


def test_beliefs_about_returns_follow_those_who_were_sent_back(params: dict[str, float]) -> None:
    chosen = params | {
        "beliefs.half_life_days": 10.0, "beliefs.half_seen_per_month": 100.0 * 365.25 / 120.0,
        "beliefs.exchange_per_month": 0.0, "beliefs.forgetting_half_life_days": 1e12,
        "beliefs.smuggler_voice_per_month": 0.0,
    }  # fmt: skip
    one, none = np.array([1.0]), np.zeros((2, 1))
    now = Now(0.2 * one, 0.0 * one, one, 0.0 * one, 0.0 * one)
    beliefs = Beliefs(2, now, chosen)
    crossed, back = np.array([[100.0], [0.0]]), np.array([[40.0], [0.0]])
    beliefs.update(Seen(none, none, none, none, crossed, back), now, np.zeros(2), 10)
    np.testing.assert_allclose(beliefs.returned, [[0.25 * 0.4], [0.0]])


def aegean(make: MakeScenario, **terms: Any) -> Scenario:
    """Half a year in which an agreement with Türkiye takes effect on its first day."""
    event = {"kind": "partner_agreement", "on": "2025-02-01", "partner": "TUR", "strength": 1.0} | terms
    horizon = {"start": "2025-02-01", "end": "2025-07-31", "burn_in_days": 120}
    return make(horizon=horizon, events=[event], model={"persons_per_agent": 100, "networks": 150})


def by_route(model: SmugglingModel, outcome: str) -> dict[str, float]:
    rows = model.run().outcomes
    sums = rows[rows["outcome"] == outcome].groupby("route")["value"].sum()
    return {str(route): float(value) for route, value in sums.items()}


def test_agreements_that_set_nothing_change_nothing(make_scenario: MakeScenario) -> None:
    """To the bit: none, one that says what held before, and one with all its terms at nothing."""
    plain = SmugglingModel(aegean(make_scenario).model_copy(update={"events": []})).run().outcomes
    silent = SmugglingModel(aegean(make_scenario)).run().outcomes
    nothing = {"returns": 0.0, "held_days": 0, "networks_stopped": 0.0}
    zero = SmugglingModel(aegean(make_scenario, **nothing)).run().outcomes
    assert plain.equals(silent) and plain.equals(zero)


def test_returns_move_people_back_and_deter(make_scenario: MakeScenario) -> None:
    usual = by_route(SmugglingModel(aegean(make_scenario)), "irregular_crossings")
    model = SmugglingModel(aegean(make_scenario, returns=0.5, held_days=180))
    rows = model.run().outcomes
    crossed = rows[rows["outcome"] == "irregular_crossings"].groupby("route")["value"].sum()
    back = rows[rows["outcome"] == "returns"].groupby("route")["value"].sum()
    assert crossed["EMED"] < 0.8 * usual["EMED"]
    assert 0.0 < back["EMED"] < 0.55 * crossed["EMED"]
    assert back.get("WMED", 0.0) == 0.0
    people = model.population()
    ended = people["arrived"] + people["dead"] + people["gave_up"] + people["admitted"] + people["under_way"]
    assert people["entered"] == ended


# ---------------------------------------------------------------------------------------------- networks stopped


def firms_on(bench: Any, corridors: list[int]) -> list[SmugglingNetwork]:
    networks: list[SmugglingNetwork] = bench.found(corridors, organisers=3.0, facilitators=17.0, capital=1e6)
    return networks


def watched_market(bench: Any, stopped: list[float]) -> Market:
    """Both corridors pay alike."""
    market = Market(bench.params, np.full(2, 1000.0), np.full(2, 20.0), np.full(2, 0.05))
    market.wanted, market.capacity = np.full(2, 20.0), np.full(2, 20.0)
    market.stopped = np.array(stopped)
    return market


def test_those_stop_whose_turn_the_share_has_reached(bench: Any) -> None:
    firms, market = firms_on(bench, [0] * 100 + [1] * 100), watched_market(bench, [0.6, 0.0])
    place = actor_uniforms(np.uint64(5), np.uint64(0), 200, 0, int(Purpose.SUSPENSION))
    shift_supply(firms, bench.firms, market, bench.params, 5, 70)
    active = np.array([n.active for n in firms])
    np.testing.assert_array_equal(active, (place >= 0.6) | (np.arange(200) >= 100))
    assert 45 <= 100 - active[:100].sum() <= 75
    out = next(n for n in firms if not n.active)
    assert bench.firms.returning[0] == (70 + int(bench.params["networks.suspension_days"]), out.number)
    assert out.places == 0.0


def test_who_was_stopped_works_elsewhere_after_a_time_and_never_there(bench: Any) -> None:
    firms, market = firms_on(bench, [0] * 300), watched_market(bench, [0.6, 0.0])
    market.unit_cost = np.array([10.0, 400.0])  # the watched corridor would pay much more
    for week in range(150):
        market.learn_profit()
        shift_supply(firms, bench.firms, market, bench.params, 5, 7 * week)
    place = actor_uniforms(np.uint64(5), np.uint64(0), 300, 0, int(Purpose.SUSPENSION))
    barred = [n for n in firms if place[n.number] < 0.6]
    assert sum(n.active for n in barred) > 0.9 * len(barred)
    assert {n.corridor for n in barred if n.active} == {1}
    market.stopped = np.zeros(2)  # the agreement ends: some move back, not all at once
    shift_supply(firms, bench.firms, market, bench.params, 5, 7 * 150)
    assert sum(n.corridor == 0 for n in barred) < 0.2 * len(barred)


def test_collapse_takes_weeks_and_recovery_much_longer(bench: Any) -> None:
    """Two thirds of the places are gone at once; those who are left grow at a third of the usual speed."""
    p, market = bench.params, watched_market(bench, [2.0 / 3.0, 0.0])
    (survivor,) = firms_on(bench, [0])
    market.pressure = np.full(2, 100.0)
    before = survivor.capacity
    survivor.week(0.0, 0.0, market, 7)
    assert survivor.capacity == pytest.approx(before * (1.0 + p["networks.most_growth_per_week"] / 3.0))
    market.stopped = np.zeros(2)
    before = survivor.capacity
    survivor.week(0.0, 0.0, market, 14)
    assert survivor.capacity == pytest.approx(before * (1.0 + p["networks.most_growth_per_week"]))


def test_supply_on_the_aegean_falls_at_once(make_scenario: MakeScenario) -> None:
    scenario = aegean(make_scenario, networks_stopped=0.7)
    model, usual = SmugglingModel(scenario), SmugglingModel(aegean(make_scenario))
    corridor = model.geography.corridors.index("aegean")
    while model.today < date(2025, 2, 20):
        model.step()
        usual.step()
    assert model.market.capacity[corridor] < 0.6 * usual.market.capacity[corridor]
    assert model.market.fee_factor[corridor] > usual.market.fee_factor[corridor]
