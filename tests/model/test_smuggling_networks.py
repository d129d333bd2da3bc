"""Smuggling networks as firms: market shares, recruitment, entry, exit and moves, by hand and against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.markets import Market, cournot_markup
from countersmuggling.model.smuggling_networks import (
    SmugglingNetwork,
    concentration,
    found_networks,
    offers,
    share_out,
    shift_supply,
)
from countersmuggling.model.streams import Purpose, actor_uniforms

FloatArray = npt.NDArray[np.float64]


def one_corridor(params: dict[str, float], herfindahl: float = 0.05) -> Market:
    return Market(params, np.array([1000.0]), np.array([20.0]), np.array([herfindahl]))


def shift(bench: Any, market: Market, seed: int, day: int) -> float:
    return shift_supply(bench.networks, bench.firms, market, bench.params, seed, day)


def test_share_out_by_largest_remainder() -> None:
    np.testing.assert_array_equal(share_out(10, np.array([5.0, 3.0, 2.0]), 0), [5, 3, 2])
    # 7 x (0.5, 0.3, 0.2) = 3.5, 2.1, 1.4: the one left goes to the largest remainder
    np.testing.assert_array_equal(share_out(7, np.array([5.0, 3.0, 2.0]), 0), [4, 2, 1])
    # two for each used corridor first, then 6 x (0.5, 0.3, 0.2) = 3, 1.8, 1.2
    np.testing.assert_array_equal(share_out(12, np.array([5.0, 3.0, 0.0, 2.0]), 2), [5, 4, 0, 3])
    # the least wins over the total
    np.testing.assert_array_equal(share_out(1, np.array([1.0, 1.0]), 4), [4, 4])


def test_shares_out_exactly_what_there_is() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        size = rng.pareto(1.0, 15)
        assert share_out(300, size, 4).sum() == 300


# ---------------------------------------------------------------------------------------------- who sells what


def test_concentration_and_offers_by_hand(bench: Any) -> None:
    """Corridor 0: 10, 30 and 60 places; corridor 1: one firm at half its crew; corridor 2: nobody at work."""
    networks = bench.found([0, 1, 0, 0, 2], capacity=[10.0, 8.0, 30.0, 60.0, 5.0])
    bench.firms.facilitators[1] = 4.0
    networks[4].dismantle(0, 0.0)
    places, herfindahl = concentration(bench.firms, 3)
    np.testing.assert_allclose(places, [100.0, 4.0, 0.0])
    np.testing.assert_allclose(herfindahl, [0.01 + 0.09 + 0.36, 1.0, 1.0])
    share, at, count = offers(bench.firms, 3)
    np.testing.assert_array_equal(count, [3, 1, 0])
    np.testing.assert_allclose(share[0], [0.1, 0.4, 1.0])
    np.testing.assert_array_equal(at[0], [0, 2, 3])
    assert (share[1, 0], at[1, 0]) == (1.0, 1)


def test_a_row_of_four_networks_is_as_concentrated_as_four_rows(bench: Any) -> None:
    bench.found([0] * 4, capacity=[5.0] * 4)
    single = concentration(bench.firms, 1)
    (network,) = bench.found([0], capacity=20.0, weight=4)
    np.testing.assert_allclose(concentration(bench.firms, 1), single)
    network.dismantle(0, 0.0)
    places, herfindahl = concentration(bench.firms, 1)
    assert (places[0], herfindahl[0]) == pytest.approx((15.0, 1.0 / 3.0))


def test_rivals_take_over_the_share_of_a_dismantled_network(bench: Any) -> None:
    """Places 10, 30 and 60: without the largest the others have a quarter and three quarters."""
    networks = bench.found([0] * 3, capacity=[10.0, 30.0, 60.0])
    networks[2].dismantle(100, 0.5)
    share, at, count = offers(bench.firms, 1)
    assert count[0] == 2
    np.testing.assert_allclose(share[0, :2], [0.25, 1.0])
    np.testing.assert_array_equal(at[0, :2], [0, 1])
    _, herfindahl = concentration(bench.firms, 1)
    assert herfindahl[0] == pytest.approx(0.25**2 + 0.75**2)  # a more concentrated corridor charges more
    assert float(cournot_markup(herfindahl[0], 2.0, 3.0)) > float(cournot_markup(0.46, 2.0, 3.0))


def test_dismantling_stops_a_network_and_seizes_its_capital(bench: Any) -> None:
    n, indebted = bench.found([0, 0], capital=1000.0)
    assert n.dismantle(100, 0.3) == pytest.approx(300.0)
    assert n.capital == pytest.approx(700.0)
    assert (n.active, n.places, n.organisers, n.facilitators) == (False, 0.0, 0.0, 0.0)
    assert bench.firms.returning == [(100 + int(bench.params["networks.organiser_return_days"]), 0)]
    n.week(0.0, 0.0, one_corridor(bench.params), 107)
    assert (n.profit, n.facilitators) == (0.0, 0.0) and n.capital == pytest.approx(700.0)
    assert n.dismantle(107, 0.3) == 0.0 and len(bench.firms.returning) == 1  # nothing is left to dismantle
    bench.firms.capital[1] = -50.0
    assert indebted.dismantle(0, 0.5) == 0.0 and indebted.capital == -50.0


# ---------------------------------------------------------------------------------------------- recruitment and growth


def test_facilitators_return_with_the_registrys_speed(bench: Any) -> None:
    """Weeks, not months (Campana 2018): half of those missing are back after the registry's days times log 2."""
    n, other = bench.found([0, 0], facilitators=10.0)
    market = one_corridor(bench.params)
    assert n.lose_facilitators(6.0) == 6.0
    assert n.places == pytest.approx(4.0)  # 10 places with 4 of 10 facilitators
    for week in range(1, 9):
        n.week(0.0, 0.0, market, 7 * week)
        missing = 6.0 * np.exp(-7.0 * week / bench.params["networks.facilitator_return_days"])
        assert n.facilitators == pytest.approx(10.0 - missing)
        assert n.active, "the network should live through two months on its capital"
    assert bench.params["networks.facilitator_return_days"] * np.log(2.0) < 5 * 7
    assert other.lose_facilitators(99.0) == 10.0  # no more than there are


@pytest.fixture
def rich(bench: Any) -> SmugglingNetwork:
    network: SmugglingNetwork = bench.found([0], capital=1e9)[0]
    return network


def test_profit_and_capital_of_a_week_by_hand(bench: Any, rich: SmugglingNetwork) -> None:
    market = one_corridor(bench.params)
    market.unit_cost, market.fixed_cost = np.array([400.0]), np.array([20.0])
    rich.week(50.0, 45_000.0, market, 7)
    assert rich.profit == pytest.approx(45_000.0 - 50.0 * 400.0 - 7.0 * 10.0 * 20.0)
    assert rich.capital == pytest.approx(1e9 + rich.profit * bench.params["networks.retained_share"])


def test_organisers_cost_what_the_law_of_their_place_expects_of_them(bench: Any, rich: SmugglingNetwork) -> None:
    """Where the sanction is twice the mean, the organisers' part of the felt sanction counts twice."""
    market = one_corridor(bench.params)
    market.unit_cost, market.fixed_cost, market.felt = np.array([400.0]), np.array([0.0]), np.array([40.0])
    bench.firms.relative_sanction = np.array([1.0, 2.0])
    bench.firms.base[0] = 1
    rich.week(50.0, 45_000.0, market, 7)
    dearer = 40.0 * bench.params["networks.organiser_share"]
    assert rich.profit == pytest.approx(45_000.0 - 50.0 * (400.0 + dearer))


def test_capacity_rests_at_the_reference_and_grows_within_limits(bench: Any, rich: SmugglingNetwork) -> None:
    p, market = bench.params, one_corridor(bench.params)
    rich.week(0.0, 0.0, market, 7)
    assert rich.capacity == pytest.approx(10.0)
    market.pressure = np.array([1.2])
    rich.week(0.0, 0.0, market, 14)
    assert rich.capacity == pytest.approx(10.0 * (1.0 + p["networks.growth_speed"] * 0.2))
    before = rich.capacity
    market.pressure = np.array([50.0])
    rich.week(0.0, 0.0, market, 21)
    assert rich.capacity == pytest.approx(before * (1.0 + p["networks.most_growth_per_week"]))
    market.pressure = np.array([0.0])
    before = rich.capacity
    rich.week(0.0, 0.0, market, 28)
    assert rich.capacity == pytest.approx(
        before * (1.0 - min(p["networks.growth_speed"], p["networks.most_growth_per_week"]))
    )


def test_a_network_that_nobody_lends_to_any_more_stops(bench: Any) -> None:
    p, market = bench.params, one_corridor(bench.params)
    credit = p["networks.credit_weeks"] * 7.0 * 10.0 * 1000.0
    lasting, failing = bench.found([0, 0])
    bench.firms.capital[:] = [-0.5 * credit, -1.5 * credit]
    for n in (lasting, failing):
        n.week(0.0, 0.0, market, 70)
    assert lasting.active
    assert not failing.active
    assert (bench.firms.back_on[1], failing.capital) == (70 + int(p["networks.exit_days"]), 0.0)


# ---------------------------------------------------------------------------------------------- moves


def two_corridors(bench: Any) -> Market:
    """Corridor 1 pays well, corridor 0 loses money."""
    market = Market(bench.params, np.array([1000.0, 1000.0]), np.array([20.0, 20.0]), np.array([0.05, 0.05]))
    return paying(market, [990.0, 10.0], [50.0, 1.0])


def paying(market: Market, unit_cost: list[float], fixed_cost: list[float]) -> Market:
    """The market with these costs, which networks have come to expect."""
    market.unit_cost, market.fixed_cost = np.array(unit_cost), np.array(fixed_cost)
    market.wanted, market.capacity = np.array([20.0, 20.0]), np.array([20.0, 20.0])
    market.expected_profit = market.profit_rate()
    return market


def test_supply_moves_to_corridors_that_pay_more(bench: Any) -> None:
    p, market = bench.params, two_corridors(bench)
    p["networks.exit_per_week"] = 0.0
    firms = bench.found([0] * 300)
    relative = market.profit_rate() / (7.0 * market.reference_fee)
    np.testing.assert_allclose(relative, [0.01 - 0.05, 0.99 - 0.001])
    chance = p["networks.switch_per_week"] * (relative[1] - relative[0] - p["networks.switching_cost"])
    draws = actor_uniforms(np.uint64(5), np.uint64(0), 300, 70, int(Purpose.SWITCH))
    shift(bench, market, 5, 70)
    moved = np.array([n.corridor == 1 for n in firms])
    np.testing.assert_array_equal(moved, draws < chance)
    assert 0 < moved.sum() < 60
    left = 10.0 * (1.0 - p["networks.switching_loss"])
    np.testing.assert_allclose([n.capacity for n in firms], np.where(moved, left, 10.0))


def test_nobody_moves_for_less_than_the_cost_of_switching(bench: Any) -> None:
    market = paying(two_corridors(bench), [500.0, 450.0], [10.0, 10.0])
    firms = bench.found([0] * 300)
    for week in range(20):
        shift(bench, market, 5, 7 * week)
    assert all(n.corridor == 0 for n in firms)
    bench.found([])
    shift(bench, market, 5, 7)


def test_the_place_of_a_dismantled_network_is_taken_anew_in_a_year(bench: Any) -> None:
    """On the first week after the organisers' return, where a place is worth what it costs to set up."""
    p, market = bench.params, paying(two_corridors(bench), [100.0, 10.0], [1.0, 1.0])
    firms = bench.found([1] * 400)
    for n in firms[:300]:
        n.dismantle(0, 0.0)
    first = int(p["networks.organiser_return_days"])
    assert first == 365
    for day in range(0, 380, 7):
        shift(bench, market, 9, day)
        assert sum(n.active for n in firms) == (400 if day >= first else 100)
    back = firms[:300]
    # they go where they expect to earn, in the proportions of the choice of corridors
    weights = np.exp(np.clip(market.relative_profit(), -1.0, 1.0) / p["networks.choice_scale"])
    share = sum(n.corridor == 1 for n in back) / 300.0
    assert share == pytest.approx(weights[1] / weights.sum(), abs=4.0 * np.sqrt(0.25 / 300.0))
    assert all((n.facilitators, n.organisers) == (8.0, 2.0) for n in back)
    assert {n.capacity for n in back if n.corridor == 1} == {10.0 * p["networks.entrant_share"]}
    # nobody worked on the other one any more: as at the reference, capacity times concentration
    usual = 20.0 * p["networks.slack"] * 0.05 * p["networks.entrant_share"]
    assert [n.capacity for n in back if n.corridor == 0] == pytest.approx([usual] * sum(n.corridor == 0 for n in back))


def test_the_place_waits_while_nothing_can_be_earned(bench: Any) -> None:
    market = paying(two_corridors(bench), [2000.0, 2000.0], [1.0, 1.0])
    bench.params["networks.exit_per_week"] = 0.0
    firms = bench.found([0] * 50, spare=20)
    for n in firms[:25]:
        n.dismantle(0, 0.0)
    for day in range(0, 1400, 7):
        assert shift(bench, market, 9, day) == 0.0
    assert sum(n.active for n in firms) == 25
    paying(market, [10.0, 10.0], [1.0, 1.0])
    shift(bench, market, 9, 1400)
    assert all(n.active for n in firms[:50])


def test_who_expects_to_lose_gives_up(bench: Any) -> None:
    """Half of the scale of the choice lost: half the registry's chance a week; nobody where something is earned."""
    p = bench.params
    loss = 0.5 * p["networks.choice_scale"] * 1000.0
    market = paying(two_corridors(bench), [1000.0, 900.0], [loss, 1.0])
    firms = bench.found([0] * 1000 + [1] * 1000)
    p["networks.switch_per_week"] = 0.0
    for week in range(20):
        shift(bench, market, 9, 7 * week)
        if week == 0:
            assert all(bench.firms.back_on[~bench.firms.active] == int(p["networks.exit_days"]))
        bench.firms.back_on[~bench.firms.active] = 10**6  # for the count: they stay out
    left = (1.0 - 0.5 * p["networks.exit_per_week"]) ** 20
    assert sum(n.active for n in firms[:1000]) / 1000.0 == pytest.approx(left, abs=4.0 * np.sqrt(0.25 / 1000))
    assert all(n.active for n in firms[1000:])


def test_entrants_begin_with_the_registrys_share_of_a_rivals_places_and_pay_for_them(bench: Any) -> None:
    market = two_corridors(bench)
    firms = bench.found([1, 1, 1], capacity=[10.0, 11.0, 12.0], spare=1)
    day, paid = 0, 0.0
    while not firms[3].active:
        day += 7
        paid = shift(bench, market, 9, day)
    places = 11.0 * bench.params["networks.entrant_share"]
    assert firms[3].capacity == pytest.approx(places)
    assert paid == pytest.approx(places * 7.0 * bench.params["networks.entry_cost"] * 1000.0)


# ---------------------------------------------------------------------------------------------- founding


def test_founded_networks_offer_the_slack_over_the_flow(params: dict[str, float]) -> None:
    p = dict(params) | {"networks.passengers_per_network": 125.0 * 365.25 / 50.0}
    flow, fee = np.array([100.0, 25.0, 0.0]), np.array([1000.0, 4000.0, 0.0])
    firms = found_networks(p, flow, fee, 2000, 3)
    working = firms.at_work > 0
    assert working.sum() == firms.at_work.sum() == 50 and np.all(firms.weight == 1)
    assert len(firms) == 50 + int(np.ceil(50 * p["networks.potential_entrants"]))
    places, herfindahl = concentration(firms, 3)
    np.testing.assert_allclose(places, flow * p["networks.slack"])
    # both corridors earn the same square root, so they share the networks equally
    assert np.bincount(firms.corridor[working], minlength=3).tolist() == [25, 25, 0]
    assert np.all((herfindahl[:2] > 1 / 25) & (herfindahl[:2] < 1.0))
    members = firms.full_organisers + firms.full_facilitators
    assert np.all((members >= p["networks.smallest"]) & (members <= p["networks.largest"]))
    capital = p["networks.capital_weeks"] * 7.0 * firms.capacity * fee[firms.corridor]
    np.testing.assert_allclose(firms.capital, capital)
    np.testing.assert_array_equal(found_networks(p, flow, fee, 2000, 3).capacity, firms.capacity)
    assert not np.array_equal(found_networks(p, flow, fee, 2000, 4).capacity, firms.capacity)


@pytest.mark.parametrize("agents", [7, 20, 33])
def test_fewer_agents_stand_for_the_same_networks(params: dict[str, float], agents: int) -> None:
    """Places, number, members, capital and concentration are those of the fifty networks, to rounding."""
    p = dict(params) | {"networks.passengers_per_network": 125.0 * 365.25 / 50.0}
    flow, fee = np.array([100.0, 25.0, 0.0]), np.array([1000.0, 4000.0, 0.0])
    all_of_them, few = found_networks(p, flow, fee, 2000, 3), found_networks(p, flow, fee, agents, 3)
    assert (few.at_work > 0).sum() == agents and few.weight.max() > 1
    np.testing.assert_allclose(concentration(few, 3), concentration(all_of_them, 3))
    for of in ("full_organisers", "full_facilitators"):
        assert (few.at_work * getattr(few, of)).sum() == pytest.approx((all_of_them.at_work * getattr(all_of_them, of)).sum())
    assert few.at_work.sum() == 50 and few.capital.sum() == pytest.approx(all_of_them.capital.sum())
    assert few.weight.sum() == pytest.approx(all_of_them.weight.sum(), abs=1)  # with potential entrants


def test_the_models_corridors_begin_at_rest(finished: Any) -> None:
    """A fresh model's networks carry the market's capacity and concentration."""
    model = SmugglingModel(finished.scenario)
    corridors = len(model.geography.corridors)
    places, herfindahl = concentration(model.firms, corridors)
    np.testing.assert_allclose(places, model.market.capacity, rtol=1e-9)
    np.testing.assert_allclose(herfindahl, model.market.reference_herfindahl)
    used = model.market.reference_flow > 0.0
    model.market.clear(places, herfindahl, np.ones(corridors), np.ones(corridors))
    np.testing.assert_allclose(model.market.fee_factor[used], 1.0, rtol=1e-9)
    np.testing.assert_allclose(np.maximum(model.market.excess(), 0.0), 0.0, atol=1e-9)
    model.release()
