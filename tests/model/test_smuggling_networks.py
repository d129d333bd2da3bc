"""Smuggling networks as firms: mark-ups, fees, market shares, recruitment and moves against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.smuggling_networks import (
    Market,
    SmugglingNetwork,
    concentration,
    cournot_markup,
    found_networks,
    offers,
    perceived_years,
    share_out,
    shift_supply,
)
from countersmuggling.model.streams import Purpose, actor_uniforms

FloatArray = npt.NDArray[np.float64]


def firm(
    bench: Any, number: int = 0, corridor: int = 0, capacity: float = 10.0, capital: float = 1000.0
) -> SmugglingNetwork:
    return SmugglingNetwork(bench, number, corridor, capacity, 2.0, 10.0, capital)


def one_corridor(
    params: dict[str, float], herfindahl: float = 0.05, fee: float = 1000.0, flow: float = 20.0
) -> Market:
    return Market(params, np.array([fee]), np.array([flow]), np.array([herfindahl]))


# ---------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("elasticity", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("firms", [3, 5, 20, 1000])
def test_markup_of_equal_firms(firms: int, elasticity: float) -> None:
    """n equal firms: H = 1 / n, price over cost 1 / (1 - 1 / (n e)), the Cournot outcome with constant elasticity."""
    shares = np.full(firms, 1.0 / firms)
    wanted = 1.0 / (1.0 - 1.0 / (firms * elasticity)) if firms * elasticity > 1.0 else np.inf
    assert float(cournot_markup(float((shares**2).sum()), elasticity, 1000.0)) == pytest.approx(
        min(wanted, 1000.0)
    )
    assert float(cournot_markup(float((shares**2).sum()), elasticity, 3.0)) == pytest.approx(min(wanted, 3.0))


def test_markup_is_the_first_order_condition() -> None:
    """Each of n firms with cost k facing P = Q ** (-1 / e) earns most at P / k = 1 / (1 - 1 / (n e)), by search."""
    n, e, k = 4, 0.7, 2.0
    price = k * float(cournot_markup(1.0 / n, e, 100.0))
    each = price**-e / n
    own = each * np.linspace(0.9, 1.1, 2001)
    profit = own * ((own + (n - 1) * each) ** (-1.0 / e) - k)
    assert own[int(np.argmax(profit))] == pytest.approx(each, rel=1e-4)


def test_perceived_years() -> None:
    assert float(perceived_years(3.0, 1e-9)) == pytest.approx(3.0)  # who does not discount counts every year
    assert float(perceived_years(1e6, 0.5)) == pytest.approx(2.0)  # a life term is worth 1 / d
    assert float(perceived_years(2.0, 1.0)) == pytest.approx(1.0 - np.exp(-2.0))
    years = perceived_years(np.linspace(0.0, 20.0, 100), 1.0)
    assert years[0] == 0.0 and np.all(np.diff(years) > 0.0) and np.all(np.diff(years, 2) < 0.0)


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
    firms = [
        firm(bench, i, c, k) for i, (c, k) in enumerate([(0, 10.0), (1, 8.0), (0, 30.0), (0, 60.0), (2, 5.0)])
    ]
    firms[1].facilitators = 5.0
    firms[4].dismantle(0, 0.0)
    places, herfindahl = concentration(firms, 3)
    np.testing.assert_allclose(places, [100.0, 4.0, 0.0])
    np.testing.assert_allclose(herfindahl, [0.01 + 0.09 + 0.36, 1.0, 1.0])
    share, at, count = offers(firms, 3)
    np.testing.assert_array_equal(count, [3, 1, 0])
    np.testing.assert_allclose(share[0], [0.1, 0.4, 1.0])
    np.testing.assert_array_equal(at[0], [0, 2, 3])
    assert (share[1, 0], at[1, 0]) == (1.0, 1)


def test_rivals_take_over_the_share_of_a_dismantled_network(bench: Any) -> None:
    """Places 10, 30 and 60: without the largest the others have a quarter and three quarters."""
    firms = [firm(bench, i, 0, k) for i, k in enumerate([10.0, 30.0, 60.0])]
    firms[2].dismantle(100, 0.5)
    share, at, count = offers(firms, 1)
    assert count[0] == 2
    np.testing.assert_allclose(share[0, :2], [0.25, 1.0])
    np.testing.assert_array_equal(at[0, :2], [0, 1])
    _, herfindahl = concentration(firms, 1)
    assert herfindahl[0] == pytest.approx(0.25**2 + 0.75**2)  # a more concentrated corridor charges more
    assert float(cournot_markup(herfindahl[0], 2.0, 3.0)) > float(cournot_markup(0.46, 2.0, 3.0))


def test_dismantling_stops_a_network_and_seizes_its_capital(bench: Any) -> None:
    n = firm(bench, capital=1000.0)
    assert n.dismantle(100, 0.3) == pytest.approx(300.0)
    assert n.capital == pytest.approx(700.0)
    assert (n.active, n.places, n.organisers, n.facilitators) == (False, 0.0, 0.0, 0.0)
    assert n.back_on == 100 + int(bench.params["networks.organiser_return_days"])
    market = one_corridor(bench.params)
    n.week(0.0, 0.0, market, 107)
    assert (n.profit, n.facilitators) == (0.0, 0.0) and n.capital == pytest.approx(700.0)
    indebted = firm(bench, capital=-50.0)
    assert indebted.dismantle(0, 0.5) == 0.0 and indebted.capital == -50.0


# ---------------------------------------------------------------------------------------------- recruitment and growth


def test_facilitators_return_with_the_registrys_speed(bench: Any) -> None:
    n, market = firm(bench), one_corridor(bench.params)
    assert n.lose_facilitators(6.0) == 6.0
    assert n.places == pytest.approx(4.0)  # 10 places with 4 of 10 facilitators
    for week in range(1, 9):
        n.week(0.0, 0.0, market, 7 * week)
        missing = 6.0 * np.exp(-7.0 * week / bench.params["networks.facilitator_return_days"])
        assert n.facilitators == pytest.approx(10.0 - missing)
        if not n.active:
            pytest.fail("the network should live through two months on its capital")
    assert firm(bench).lose_facilitators(99.0) == 10.0  # no more than there are


@pytest.fixture
def rich(bench: Any) -> SmugglingNetwork:
    return firm(bench, capital=1e9)


def test_profit_and_capital_of_a_week_by_hand(bench: Any, rich: SmugglingNetwork) -> None:
    market = one_corridor(bench.params)
    market.unit_cost, market.fixed_cost = np.array([400.0]), np.array([20.0])
    rich.week(50.0, 45_000.0, market, 7)
    assert rich.profit == pytest.approx(45_000.0 - 50.0 * 400.0 - 7.0 * 10.0 * 20.0)
    assert rich.capital == pytest.approx(1e9 + rich.profit * bench.params["networks.retained_share"])


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
    lasting, failing = firm(bench, capital=-0.5 * credit), firm(bench, capital=-1.5 * credit)
    for n in (lasting, failing):
        n.week(0.0, 0.0, market, 70)
    assert lasting.active
    assert not failing.active
    assert (failing.back_on, failing.capital) == (70 + int(p["networks.exit_days"]), 0.0)


# ---------------------------------------------------------------------------------------------- fees


def clear(market: Market, wanted: float = 20.0, capacity: float | None = None, herfindahl: float = 0.05,
          failures: float = 1.0, sanction: float = 1.0) -> float:  # fmt: skip
    """Clear once and return the fee that the corridor moves towards, relative to the reference fee."""
    market.wanted = np.array([wanted])
    before = float(market.fee_factor[0])
    room = float(market.reference_flow[0]) * market._p["networks.slack"] if capacity is None else capacity
    market.clear(np.array([room]), np.array([herfindahl]), np.array([failures]), np.array([sanction]))
    return before + (float(market.fee_factor[0]) - before) / market._p["fees.adjustment_per_week"]


def test_at_the_reference_fees_stay_and_the_accounts_close(params: dict[str, float]) -> None:
    market = one_corridor(params)
    for _ in range(20):
        assert clear(market) == pytest.approx(1.0)
    cost = 1000.0 / float(
        cournot_markup(0.05, params["fees.demand_elasticity"], params["fees.markup_ceiling"])
    )
    assert market.unit_cost[0] == pytest.approx(cost)
    assert market.margin(0) == pytest.approx(0.0)
    # with the reference's use of places, the registry's share of the margin is profit
    slack, kept = params["networks.slack"], params["networks.reference_profit_share"]
    assert market.profit_rate()[0] == pytest.approx(7.0 / slack * (1000.0 - cost) * kept)


def test_fees_follow_scarcity(params: dict[str, float]) -> None:
    elasticity = params["fees.scarcity_elasticity"]
    assert clear(one_corridor(params), wanted=30.0, capacity=20.0) == pytest.approx(1.5**elasticity)
    assert clear(one_corridor(params), wanted=20.0, capacity=25.0) == pytest.approx(1.0)  # room to spare
    market = one_corridor(params)
    clear(market, wanted=30.0, capacity=20.0)
    assert market.accept()[0] == pytest.approx(2.0 / 3.0)
    assert market.pressure[0] == pytest.approx(1.5 * params["networks.slack"])


def test_fees_follow_failures_as_far_as_networks_stand_for_success(params: dict[str, float]) -> None:
    """Attempts that fail are made good at cost: operations x failures ** guarantee share, the sanction unchanged."""
    sanction = params["networks.reference_sanction_share"]
    wanted = (1.0 - sanction) * 2.0 ** params["fees.guarantee_share"] + sanction
    assert clear(one_corridor(params), failures=2.0) == pytest.approx(wanted)
    assert wanted > 1.2


def test_fees_follow_concentration(params: dict[str, float]) -> None:
    e, ceiling = params["fees.demand_elasticity"], params["fees.markup_ceiling"]
    ratio = float(cournot_markup(0.1, e, ceiling) / cournot_markup(0.05, e, ceiling))
    assert clear(one_corridor(params), herfindahl=0.1) == pytest.approx(ratio)


def test_fees_stay_within_the_registrys_bounds(params: dict[str, float]) -> None:
    most = params["fees.most_change"]
    assert clear(one_corridor(params), wanted=1e6, capacity=1.0) == pytest.approx(most)
    market = one_corridor(params, herfindahl=0.39)
    assert clear(market, herfindahl=0.001) >= 1.0 / most - 1e-12
    free = one_corridor(params, fee=0.0)
    assert clear(free, wanted=1e6, capacity=1.0) == pytest.approx(1.0)


def test_fees_close_the_gap_by_the_registrys_share_a_week(params: dict[str, float]) -> None:
    market = one_corridor(params)
    speed = params["fees.adjustment_per_week"]
    for week in range(1, 6):
        assert clear(market, failures=2.0) == pytest.approx(
            (1 - 0.05) * 2.0 ** params["fees.guarantee_share"] + 0.05
        )
        gap = clear(one_corridor(params), failures=2.0) - float(market.fee_factor[0])
        assert gap == pytest.approx((clear(one_corridor(params), failures=2.0) - 1.0) * (1.0 - speed) ** week)


def test_severity_moves_costs_little_and_certainty_more(params: dict[str, float]) -> None:
    """Twice the years against twice the chance: discounting leaves a fraction of the first (Lee and McCrary 2017)."""
    served, discount = params["penalties.reference_years_served"], params["penalties.discount_rate"]
    ratio = float(perceived_years(2.0 * served, discount) / perceived_years(served, discount))
    market = one_corridor(params)
    cost_0 = float(market.unit_cost[0])
    clear(market, sanction=ratio)
    severity = float(market.unit_cost[0]) / cost_0 - 1.0
    clear(market, sanction=2.0)
    certainty = float(market.unit_cost[0]) / cost_0 - 1.0
    share, elasticity = params["networks.reference_sanction_share"], params["networks.certainty_elasticity"]
    assert severity == pytest.approx(share * (ratio**elasticity - 1.0))
    assert certainty == pytest.approx(share * (2.0**elasticity - 1.0))
    assert 0.0 < severity < 0.02
    assert certainty > 2.0 * severity


def test_demand_is_followed_with_the_registrys_half_life(params: dict[str, float]) -> None:
    market = one_corridor(params)
    for _ in range(int(params["networks.demand_half_life_days"])):
        market.observe(np.array([60.0]), 1.0)
    assert market.wanted[0] == pytest.approx(40.0)


# ---------------------------------------------------------------------------------------------- moves


def two_corridors(bench: Any) -> Market:
    """Corridor 1 pays well, corridor 0 loses money."""
    market = Market(bench.params, np.array([1000.0, 1000.0]), np.array([20.0, 20.0]), np.array([0.05, 0.05]))
    market.unit_cost = np.array([990.0, 10.0])
    market.fixed_cost = np.array([50.0, 1.0])
    market.wanted, market.capacity = np.array([20.0, 20.0]), np.array([20.0, 20.0])
    return market


def test_supply_moves_to_corridors_that_pay_more(bench: Any) -> None:
    p, market = bench.params, two_corridors(bench)
    firms = [firm(bench, i, 0) for i in range(300)]
    relative = market.profit_rate() / (7.0 * market.reference_fee)
    np.testing.assert_allclose(relative, [0.01 - 0.05, 0.99 - 0.001])
    chance = p["networks.switch_per_week"] * (relative[1] - relative[0] - p["networks.switching_cost"])
    draws = actor_uniforms(np.uint64(5), np.uint64(0), 300, 70, int(Purpose.SWITCH))
    shift_supply(firms, market, 5, 70)
    moved = np.array([n.corridor == 1 for n in firms])
    np.testing.assert_array_equal(moved, draws < chance)
    assert 0 < moved.sum() < 60
    left = 10.0 * (1.0 - p["networks.switching_loss"])
    np.testing.assert_allclose([n.capacity for n in firms], np.where(moved, left, 10.0))


def test_nobody_moves_for_less_than_the_cost_of_switching(bench: Any) -> None:
    market = two_corridors(bench)
    market.unit_cost, market.fixed_cost = np.array([500.0, 450.0]), np.array([10.0, 10.0])
    firms = [firm(bench, i, 0) for i in range(300)]
    for week in range(20):
        shift_supply(firms, market, 5, 7 * week)
    assert all(n.corridor == 0 for n in firms)
    shift_supply([], market, 5, 7)


def test_a_dismantled_network_is_back_after_a_year_and_some_weeks(bench: Any) -> None:
    """Not before the organisers' return; then with the registry's chance a week, where profit is above zero."""
    p, market = bench.params, two_corridors(bench)
    firms = [firm(bench, i, 0) for i in range(400)]
    for n in firms[:300]:
        n.dismantle(0, 0.0)
    back = np.full(300, -1)
    for day in range(0, 2100, 7):
        shift_supply(firms, market, 9, day)
        for i in np.flatnonzero(back < 0):
            if firms[i].active:
                back[i] = day
                assert firms[i].corridor == 1  # corridor 0 loses money
                assert firms[i].facilitators == 10.0 and firms[i].organisers == 2.0
    returned = back[back >= 0]
    first = int(p["networks.organiser_return_days"])
    assert returned.min() >= first
    assert len(returned) == 300
    # waiting beyond the year is geometric in weeks with the chance of entry times that of choosing corridor 1
    weights = np.exp(np.clip(market.profit_rate() / 7000.0, -1.0, 1.0) / p["networks.choice_scale"])
    chance = p["networks.entry_per_week"] * weights[1] / weights.sum()
    mean = first + 7.0 / chance
    assert abs(returned.mean() - mean) < 4.0 * 7.0 / chance / np.sqrt(300) + 7.0


def test_nobody_enters_where_nothing_is_earned(bench: Any) -> None:
    market = two_corridors(bench)
    market.unit_cost, market.fixed_cost = np.array([2000.0, 2000.0]), np.array([1.0, 1.0])
    firms = [firm(bench, i, 0) for i in range(50)]
    for n in firms[:25]:
        n.dismantle(0, 0.0)
    for day in range(0, 1400, 7):
        shift_supply(firms, market, 9, day)
    assert not any(n.active for n in firms[:25])


def test_entrants_begin_with_the_registrys_share_of_a_rivals_places(bench: Any) -> None:
    market = two_corridors(bench)
    firms = [firm(bench, i, 1, 10.0 + i) for i in range(3)] + [firm(bench, 3, 0, 99.0)]
    firms[3].dismantle(-10_000, 0.0)
    day = 0
    while not firms[3].active:
        day += 7
        shift_supply(firms, market, 9, day)
    assert firms[3].capacity == pytest.approx(11.0 * bench.params["networks.entrant_share"])


# ---------------------------------------------------------------------------------------------- founding


def test_founded_networks_offer_the_slack_over_the_flow(bench: Any) -> None:
    flow, fee = np.array([100.0, 25.0, 0.0]), np.array([1000.0, 4000.0, 0.0])
    networks = found_networks(bench, flow, fee, 50, 3)
    assert len(networks) == 50
    places, herfindahl = concentration(networks, 3)
    np.testing.assert_allclose(places, flow * bench.params["networks.slack"])
    np.testing.assert_array_equal([n.number for n in networks], range(50))
    # both corridors earn the same square root, so they share the networks equally
    assert np.bincount([n.corridor for n in networks], minlength=3).tolist() == [25, 25, 0]
    assert np.all((herfindahl[:2] > 1 / 25) & (herfindahl[:2] < 1.0))
    for n in networks:
        members = n.full_organisers + n.full_facilitators
        assert bench.params["networks.smallest"] <= members <= bench.params["networks.largest"]
        assert n.capital == pytest.approx(
            bench.params["networks.capital_weeks"] * 7.0 * n.capacity * fee[n.corridor]
        )
    again = found_networks(bench, flow, fee, 50, 3)
    assert [n.capacity for n in again] == [n.capacity for n in networks]
    other = found_networks(bench, flow, fee, 50, 4)
    assert [n.capacity for n in other] != [n.capacity for n in networks]


def test_the_models_corridors_begin_at_rest(finished: Any) -> None:
    """A fresh model's networks carry the market's capacity and concentration."""
    model = SmugglingModel(finished.scenario)
    corridors = len(model.geography.corridors)
    places, herfindahl = concentration(model.networks, corridors)
    np.testing.assert_allclose(places, model.market.capacity, rtol=1e-9)
    np.testing.assert_allclose(herfindahl, model.market.reference_herfindahl)
    used = model.market.reference_flow > 0.0
    model.market.clear(places, herfindahl, np.ones(corridors), np.ones(corridors))
    np.testing.assert_allclose(model.market.fee_factor[used], 1.0, rtol=1e-9)
    model.release()
