"""Corridors as markets: mark-ups, fees and the worth of a place against closed forms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.markets import Market, cournot_markup, perceived_years

FloatArray = npt.NDArray[np.float64]


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
    # the reference is at rest: what a place is expected to earn is worth just what it costs to set it up
    weekly = 7.0 * 1000.0 * params["networks.entry_cost"] * market.discount / (365.25 / 7.0)
    assert market.profit_rate()[0] == pytest.approx(weekly)
    used = (1000.0 - cost) / params["networks.slack"]
    assert market.fixed_cost[0] == pytest.approx(used - weekly / 7.0)
    assert market.value_of_place()[0] == pytest.approx(7000.0 * params["networks.entry_cost"])
    assert market.excess()[0] == pytest.approx(0.0, abs=1e-12)


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
