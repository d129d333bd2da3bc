"""The reference point: fitted constants reproduce published shares, recomputed here with dense linear algebra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.geography import ROUTES, Geography
from countersmuggling.model.reference_point import (
    BALKANS,
    FITTED_ROUTES,
    ReferencePoint,
    Tastes,
    destination_period,
    destination_targets,
    fit_reference_point,
    legs_that_go_back,
    published_routes,
)
from countersmuggling.model.route_choice import NoFiniteValue, solve_values
from countersmuggling.model.travellers import CLASSES

FloatArray = npt.NDArray[np.float64]


@dataclass
class Expected:
    """Expectations per departure, by group."""

    seen: FloatArray  # (groups, fitted routes) detections
    settled: FloatArray  # (groups, Member States)
    attempts: FloatArray  # (groups, legs)


def expect(geography: Geography, params: dict[str, float], fit: ReferencePoint) -> Expected:
    """The absorbing Markov chain of the choices, solved without the model's own solvers."""
    tastes = Tastes(geography, params)
    legs = geography.legs
    fee, chance = geography.column("legs", "fee_eur"), geography.column("legs", "interception")
    death = geography.column("legs", "death_per_1000") / 1000.0
    v = tastes.utility(fee, death, chance, fit.leg_constant)
    tail, head = legs["tail"].to_numpy(), legs["head"].to_numpy()
    hubs, groups, states = len(geography.hubs), len(geography.groups), len(geography.member_states)
    share, hub = geography.origins
    repeat = geography.column("origin_groups", "repeat_share")
    out = Expected(
        np.zeros((groups, FITTED_ROUTES)), np.zeros((groups, states)), np.zeros((groups, len(legs)))
    )
    detection = geography.column("legs", "detection") * (1.0 - death) * (1.0 - chance)
    for g in range(groups):
        start = np.bincount(hub[g], weights=share[g], minlength=hubs)
        for c in range(CLASSES):
            weight = np.zeros((hubs, hubs))
            np.add.at(weight, (tail, head), np.exp(v[g * CLASSES + c]))
            z = np.linalg.solve(np.eye(hubs) - weight, fit.settle[g])
            choice = np.exp(v[g * CLASSES + c]) * z[head] / np.maximum(z[tail], 1e-300)
            move = np.zeros((hubs, hubs))
            np.add.at(move, (tail, head), choice * (1.0 - death) * (1.0 - chance))
            np.add.at(move, (tail, tail), choice * (1.0 - death) * chance * repeat[g])
            visits = np.linalg.solve(np.eye(hubs) - move.T, start)
            flow = tastes.class_share[c] * visits[tail] * choice
            out.attempts[g] += flow
            ends = tastes.class_share[c] * visits * fit.settle[g] / np.maximum(z, 1e-300)
            for h in np.flatnonzero((geography.settles_in >= 0) & (geography.settles_in < states)):
                out.settled[g, geography.settles_in[h]] += ends[h]
        for r in range(FITTED_ROUTES):
            on_route = geography.external & (geography.route_of_leg == r)
            out.seen[g, r] = out.attempts[g, on_route] @ detection[on_route]
    return out


@pytest.fixture(scope="module", params=[2015, 2025])
def case(
    request: pytest.FixtureRequest,
    geography: Geography,
    params: dict[str, float],
    reference_2025: ReferencePoint,
) -> tuple[ReferencePoint, Expected]:
    if request.param == 2025:
        fit = reference_2025
    else:
        fit = fit_reference_point(
            geography, Tastes(geography, params), params, request.param,
            geography.column("legs", "interception"), geography.column("legs", "detection"),
        )  # fmt: skip
    return fit, expect(geography, params, fit)


def test_route_shares_are_the_published_ones(
    case: tuple[ReferencePoint, Expected], geography: Geography, params: dict[str, float]
) -> None:
    fit, expected = case
    tolerance = params["route_choice.fit_tolerance"] * 1.001
    counted = published_routes(geography, fit.year)
    on_balkans = geography.external & (geography.route_of_leg == BALKANS)
    bound = fit.leg_constant[:, on_balkans].max()
    compared = 0
    for g in np.flatnonzero(fit.published > 0.0):  # a group without detections has no shares to reproduce
        others = counted[g].sum() - counted[g, BALKANS]
        # entries are counted once; where they hold the Western Balkans, the group lives there
        lives_there = abs(fit.published[g] - counted[g].sum()) < abs(fit.published[g] - others)
        base = counted[g].sum() if lives_there else others
        seen = expected.seen[g]
        model_base = seen.sum() if lives_there else seen.sum() - seen[BALKANS]
        error = np.abs(seen / model_base - counted[g] / base)
        assert np.delete(error, BALKANS).max() < tolerance, geography.groups[g]
        # second crossings of the Western Balkans are as published, or fewer where their constant is at its bound
        if fit.leg_constant[g, on_balkans].max() == bound:
            assert seen[BALKANS] / model_base <= counted[g, BALKANS] / base + tolerance
        else:
            assert error[BALKANS] < 10.0 * tolerance, geography.groups[g]
        assert fit.detections_per_departure[g] == pytest.approx(model_base, rel=1e-3)
        compared += 1
    assert compared >= 14
    assert fit.worst_route_error < params["route_choice.fit_tolerance"]


def test_destination_shares_are_the_published_ones(
    case: tuple[ReferencePoint, Expected], geography: Geography, params: dict[str, float]
) -> None:
    fit, expected = case
    targets = destination_targets(geography, fit.year)
    shares = expected.settled / expected.settled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, targets, atol=params["route_choice.fit_tolerance"] * 1.001)
    assert fit.worst_destination_error < params["route_choice.fit_tolerance"]


def test_reference_flows_bring_the_published_detections(
    case: tuple[ReferencePoint, Expected], geography: Geography
) -> None:
    fit, expected = case
    departures = np.where(
        fit.published > 0.0, fit.published / np.maximum(fit.detections_per_departure, 1e-12), 0.0
    )
    np.testing.assert_allclose(fit.flow, departures @ expected.attempts / 365.25, rtol=1e-3, atol=1e-6)
    demand = geography.world.demand.set_index(["origin_group", "year"])["detections"]
    for g, group in enumerate(geography.groups):
        assert fit.published[g] == demand.get((group, fit.year), 0.0)


def test_the_value_is_the_logsum_of_the_fitted_network(
    case: tuple[ReferencePoint, Expected], geography: Geography
) -> None:
    fit, _ = case
    assert np.isfinite(fit.value).all() and np.isfinite(fit.leg_constant).all()
    share, hub = geography.origins
    kinds = np.arange(len(geography.groups) * CLASSES)
    for k in kinds:
        used = share[k // CLASSES] > 0.0
        assert np.all(fit.value[k, hub[k // CLASSES, used]] > 0.0)
    assert np.all((fit.lead_days[fit.published > 0.0] > 1.0) & (fit.lead_days[fit.published > 0.0] < 400.0))


def test_routes_without_detections_are_closed_to_a_group(
    case: tuple[ReferencePoint, Expected], geography: Geography, params: dict[str, float]
) -> None:
    fit, _ = case
    counted = published_routes(geography, fit.year)
    limit = params["route_choice.largest_constant"]
    for g in np.flatnonzero(fit.published > 0.0):
        for r in np.flatnonzero(counted[g] == 0.0):
            legs = geography.external & (geography.route_of_leg == r)
            np.testing.assert_allclose(fit.leg_constant[g, legs], -limit)
    back = legs_that_go_back(geography) > 0.0
    assert np.all(fit.leg_constant[:, ~geography.external & ~back] == 0.0)
    on_balkans = geography.external & (geography.route_of_leg == BALKANS)
    earned = np.maximum(fit.leg_constant[:, on_balkans][:, :1], 0.0)
    np.testing.assert_array_equal(fit.leg_constant[:, back], np.repeat(-earned, back.sum(), axis=1))


def test_the_constant_of_the_balkans_is_given_back_where_people_come_round(geography: Geography) -> None:
    back = legs_that_go_back(geography) > 0.0
    assert set(geography.legs["leg"][back]) == {"rome>athens", "bucharest>sofia"}


def test_no_round_over_the_balkans_pays_however_large_the_constant(
    geography: Geography, params: dict[str, float]
) -> None:
    """At the lowest fees and without controls: a value is there with what is given back, and not without it."""
    tastes, legs, groups = Tastes(geography, params), geography.network.legs, len(geography.groups)
    nothing = np.zeros(legs)
    settle = np.repeat((geography.settles_in >= 0)[None, :].astype(float), groups * 8, axis=0)
    on_balkans = geography.external & (geography.route_of_leg == BALKANS)
    constant = 20.0 * np.repeat(on_balkans[None, :], groups, axis=0)
    fair = constant - 20.0 * legs_that_go_back(geography)[None, :]
    values = solve_values(geography.network, tastes.utility(nothing, nothing, nothing, fair), settle)
    assert np.isfinite(values).all()
    with pytest.raises(NoFiniteValue):
        solve_values(geography.network, tastes.utility(nothing, nothing, nothing, constant), settle)


def test_departures_by_country_are_the_published_ones(geography: Geography, params: dict[str, float]) -> None:
    chance, detection = geography.column("legs", "interception"), geography.column("legs", "detection")
    told = {"CMED": {"LBY": 0.83, "TUN": 0.02}, "WMED": {"MAR": 0.6}}
    sea = {"EMED": 0.9}
    fit = fit_reference_point(geography, Tastes(geography, params), params, 2016, chance, detection, told, sea)
    death = geography.column("legs", "death_per_1000") / 1000.0
    landed = fit.flow * (1.0 - chance) * (1.0 - death) * detection
    left = np.array([geography.hub_country[h] for h in geography.legs["tail"]])
    for route, shares in told.items():
        on_route = geography.external & (geography.route_of_leg == ROUTES.index(route))
        for country, share in shares.items():
            found = landed[on_route & (left == country)].sum() / landed[on_route].sum()
            assert found == pytest.approx(share, abs=params["route_choice.fit_tolerance"] * 1.5)
    on_route = geography.external & (geography.route_of_leg == ROUTES.index("EMED"))
    at_sea = landed[on_route & geography.by_sea].sum() / landed[on_route].sum()
    assert at_sea == pytest.approx(0.9, abs=params["route_choice.fit_tolerance"] * 1.5)
    # group and country constants settle together more slowly: a percentage point is left after the last round
    assert fit.worst_route_error < 2.0 * params["route_choice.fit_tolerance"]
    with pytest.raises(ValueError, match="a share of WAFR from LBY, where no leg"):
        fit_reference_point(
            geography, Tastes(geography, params), params, 2016, chance, detection, {"WAFR": {"LBY": 1.0}}
        )


def test_periods_of_destination_shares() -> None:
    years = [2014, 2016, 2017, 2019, 2020, 2031]
    assert [destination_period(y) for y in years] == [
        "2014-2016", "2014-2016", "2017-2019", "2017-2019", "2020-2024", "2020-2024",
    ]  # fmt: skip


def test_published_tables(geography: Geography) -> None:
    table = geography.world.route_detections
    one = table[(table["year"] == 2015) & (table["origin_group"] == "syria") & (table["route"] == "EMED")]
    counted = published_routes(geography, 2015)
    assert (
        counted[geography.groups.index("syria"), ROUTES.index("EMED")] == float(one["detections"].sum()) > 0.0
    )
    np.testing.assert_allclose(destination_targets(geography, 2015).sum(axis=1), 1.0, atol=1e-4)
    with pytest.raises(ValueError, match="no published route figures for 1999: choose from 2011 to"):
        published_routes(geography, 1999)


def test_tastes_by_hand(geography: Geography, params: dict[str, float]) -> None:
    tastes = Tastes(geography, params)
    assert tastes.class_share.sum() == pytest.approx(1.0)
    assert tastes.class_share[tastes.informed[:CLASSES]].sum() == pytest.approx(
        params["route_choice.share_informed"]
    )
    legs, groups = geography.network.legs, len(geography.groups)
    zero, none = np.zeros(legs), np.zeros((groups, legs))
    base = tastes.utility(zero, zero, zero, none)
    months = geography.column("legs", "days") * 12.0 / 365.25
    inner = np.asarray(geography.legs["route"] == "INNER")
    outside = params["route_choice.leg_disutility_outside"]
    per_leg = np.where(inner, params["route_choice.leg_disutility"], outside)
    np.testing.assert_allclose(
        base, np.tile(-params["route_choice.month"] * months - per_leg, (groups * CLASSES, 1))
    )
    # a fee that is what a kind has costs the registry's utils; the median group is charged the leg's own fee
    everything = np.tile((tastes.budget / np.repeat(tastes.group_fee, CLASSES))[:, None], (1, legs))
    np.testing.assert_allclose(
        tastes.utility(everything, zero, zero, none) - base, -params["route_choice.fee"]
    )
    budget = geography.column("origin_groups", "budget_eur")
    low, high = tastes.budget.reshape(groups, CLASSES)[:, [0, -1]].T
    np.testing.assert_allclose(np.sqrt(low * high), budget)
    np.testing.assert_allclose(high / low, params["route_choice.means_ratio"])
    # risk counts for the cautious the registry's ratio more than for the bold
    risk = tastes.utility(zero, np.full(legs, 0.01), zero, none) - base
    by_class = risk[:CLASSES, 0].reshape(2, 2, 2)
    np.testing.assert_allclose(by_class[:, 0] / by_class[:, 1], params["route_choice.caution_ratio"])
    np.testing.assert_allclose(by_class[:, 0] * by_class[:, 1], (0.01 * params["route_choice.death"]) ** 2)


def test_failed_attempts_cost_what_they_cost(geography: Geography, params: dict[str, float]) -> None:
    """Half the attempts stopped: one failure before each success, with its advance, its risk of death and its time."""
    tastes = Tastes(geography, params)
    legs, groups = geography.network.legs, len(geography.groups)
    zero, none = np.zeros(legs), np.zeros((groups, legs))
    half = np.full(legs, 0.5)
    kind = 0
    caution = np.sqrt(params["route_choice.caution_ratio"])  # class 0 is cautious
    plain, failing = (tastes.utility(zero, zero, x, none)[kind] for x in (zero, half))
    wait = params["interception.return_days"] * 12.0 / 365.25 * params["route_choice.month"]
    np.testing.assert_allclose(plain - failing, params["route_choice.interception"] * caution + wait)
    fee = np.full(legs, float(tastes.budget[kind] / tastes.group_fee[0]))
    paid = tastes.utility(fee, zero, half, none)[kind] - failing
    np.testing.assert_allclose(paid, -params["route_choice.fee"] * (1.0 + params["fees.upfront_share"]))
    risk = tastes.utility(zero, np.full(legs, 0.01), half, none)[kind] - failing
    np.testing.assert_allclose(risk, -params["route_choice.death"] * caution * 0.01 * 2.0)
    # nobody believes that a border is wholly closed
    closed = tastes.utility(zero, zero, np.ones(legs), none)
    most = tastes.utility(zero, zero, np.full(legs, params["route_choice.most_perceived_interception"]), none)
    np.testing.assert_array_equal(closed, most)
    assert np.isfinite(closed).all()
