"""The reference point: constants that make the model's expectation equal published figures of one year.

A recursive logit on fees, risks and days alone does not know why Syrians travel by the Aegean and Senegalese by the
Atlantic.  As in every applied route-choice model, alternative-specific constants stand for what is not modelled; here
one constant per origin group and Frontex route (on the legs that cross an external border) and one per origin group and
destination.  They are fitted in expectation, without simulation: choices are a Markov chain whose expected flows follow
from the legs' own chances, and constants are moved by log(published / expected) until they agree (Train 2009, Discrete
Choice Methods with Simulation, section 2.8).  Only the year's published shares and reference conditions enter, never the
scenario's policy.

The same expectation tells how many departures stand behind one published detection, how long a journey to the border
takes, and the reference flow that fixed capacities meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .geography import OUTSIDE_DESTINATION, ROUTES, Geography
from .route_choice import choice_menus, expected_visits, probabilities, solve_values
from .travellers import CLASSES

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
FITTED_ROUTES = 6  # CMED to ELAND in ROUTES
BALKANS = ROUTES.index("WBALK")


class Tastes:
    """Utility weights of each traveller kind (origin group x class), from the registry.

    Parameters
    ----------
    geography : Geography
    params : Mapping
        Registry values.

    Attributes
    ----------
    class_share : FloatArray, shape (8,)
    budget : FloatArray, shape (kinds,)
        EUR.
    group_fee : FloatArray, shape (groups,)
        What a group is charged, relative to the leg's fee.
    informed : BoolArray, shape (kinds,)
    """

    def __init__(self, geography: Geography, params: Mapping[str, float]) -> None:
        groups = len(geography.groups)
        budget = geography.column("origin_groups", "budget_eur")
        low, cautious, informed = (
            params["route_choice.share_low_means"],
            params["route_choice.share_cautious"],
            params["route_choice.share_informed"],
        )
        means = np.array([low, 1.0 - low])
        risk = np.array([cautious, 1.0 - cautious])
        info = np.array([1.0 - informed, informed])
        self.class_share = np.einsum("i,j,k->ijk", means, risk, info).ravel()
        spread = params["route_choice.means_ratio"]
        factor = np.array([1.0 / np.sqrt(spread), np.sqrt(spread)])
        m, r, i = (a.ravel() for a in np.meshgrid(range(2), range(2), range(2), indexing="ij"))
        self.budget = (budget[:, None] * factor[m][None, :]).ravel()
        average = float(np.median(budget))
        self.group_fee = (budget / average) ** params["fees.budget_elasticity"]
        self._group = np.repeat(np.arange(groups), CLASSES)
        caution = params["route_choice.caution_ratio"]
        self._risk = np.tile(np.array([np.sqrt(caution), 1.0 / np.sqrt(caution)])[r], groups)
        self.informed = np.tile(i == 1, groups)
        self._weights = np.array([
            params["route_choice.fee"], params["route_choice.death"], params["route_choice.interception"],
            params["route_choice.returned"], params["route_choice.month"],
        ])  # fmt: skip
        inner = np.asarray(geography.legs["route"] == "INNER")
        outside = params["route_choice.leg_disutility_outside"]
        self._leg = np.where(inner, params["route_choice.leg_disutility"], outside)
        self._days = geography.column("legs", "days")
        self._upfront = params["fees.upfront_share"]
        self._return_days = params["interception.return_days"]
        self._ceiling = params["route_choice.most_perceived_interception"]

    def utility(self, fee: FloatArray, death: FloatArray, stopped: FloatArray, constant: FloatArray,
                group_of_fee: FloatArray | None = None, returned: FloatArray | float = 0.0,
                held: FloatArray | float = 0.0, delay: FloatArray | float = 0.0,
                view: IntArray | None = None) -> FloatArray:  # fmt: skip
        """v of each kind and leg: expected fees against means, perceived risks, time, constants.

        Who is stopped with chance p per attempt fails p / (1 - p) times before one attempt succeeds (geometric
        distribution); fees paid in advance, the risk of death and time are reckoned over all attempts.  Who is sent back
        with chance r per arrival likewise arrives r / (1 - r) times in vain, each time at the whole cost of an arrival.

        Parameters
        ----------
        fee : FloatArray, shape (legs,) or (views, legs)
            EUR for an average group.
        death, stopped : FloatArray, shape (legs,) or (views, legs)
            Perceived chances per attempt.
        constant : FloatArray, shape (groups, legs)
        returned : FloatArray, shape (legs,) or (views, legs)
            Perceived chance of being sent back after arrival.
        held : FloatArray, shape (legs,)
            Days for which those who arrive are held.
        delay : FloatArray, shape (legs,) or (views, legs)
            Days of waiting for a place before an attempt, from `expected_delay`.
        view : IntArray, optional, shape (kinds,)
            Which of the views each kind takes; each has its own if not given.

        Returns
        -------
        FloatArray, shape (kinds, legs)
        """
        factor = self.group_fee if group_of_fee is None else group_of_fee
        kinds, legs = len(self.budget), len(self._days)
        out = np.empty((kinds, legs))

        def views(x: FloatArray | float) -> FloatArray:
            """One row for all, or a row a view."""
            rows = np.shape(x)[0] if np.ndim(x) == 2 else 1
            return np.ascontiguousarray(np.broadcast_to(x, (rows, legs)), dtype=np.float64)

        _utilities(
            out, views(fee), views(death), views(stopped), views(returned), views(held), views(delay),
            np.arange(kinds) if view is None else view, constant, self._group, factor, self.budget,
            self._risk, self._days, self._leg, self._weights, self._ceiling, self._upfront, self._return_days,
        )  # fmt: skip
        return out


@compiled
def _utilities(
    out: FloatArray, fee: FloatArray, death: FloatArray, stopped: FloatArray, returned: FloatArray, held: FloatArray,
    delay: FloatArray, view: IntArray, constant: FloatArray, group: IntArray, factor: FloatArray, budget: FloatArray,
    risk: FloatArray, days: FloatArray, disutility: FloatArray, weights: FloatArray, ceiling: float, upfront: float,
    return_days: float,
) -> None:  # fmt: skip
    """Write v of each kind and leg; arrays of one row hold for all kinds."""
    for k in range(out.shape[0]):
        g, row = group[k], view[k]
        by_fee = row if fee.shape[0] > 1 else 0
        by_death = row if death.shape[0] > 1 else 0
        by_stopped = row if stopped.shape[0] > 1 else 0
        by_returned = row if returned.shape[0] > 1 else 0
        by_held = row if held.shape[0] > 1 else 0
        by_delay = row if delay.shape[0] > 1 else 0
        for leg in range(out.shape[1]):
            charged = fee[by_fee, leg] * factor[g]
            bounded = min(stopped[by_stopped, leg], ceiling)
            failures = bounded / (1.0 - bounded)  # expected attempts that fail before one succeeds
            lost = min(returned[by_returned, leg], ceiling)
            lost = lost / (1.0 - lost)  # expected arrivals in vain before one lasts
            again = 1.0 + lost
            spent = days[leg] + delay[by_delay, leg] * (1.0 + failures) + return_days * failures + held[by_held, leg]
            time = again * spent + lost * return_days
            out[k, leg] = (
                constant[g, leg]
                - weights[0] * charged * (1.0 + upfront * failures) * again / budget[k]
                - weights[1] * risk[k] * death[by_death, leg] * (1.0 + failures) * again
                - weights[2] * risk[k] * failures * again
                - weights[3] * risk[k] * lost
                - weights[4] * time * 12.0 / 365.25
                - disutility[leg]
            )


def expected_delay(accept: FloatArray, sold: FloatArray, params: Mapping[str, float]) -> FloatArray:
    """Expected days of waiting for a place on each leg: sold x wait x (1 - a) / a, at most what travellers reckon with.

    Who asks and finds none asks again after `networks.wait_days`; with chance a of a place each time, (1 - a) / a tries are
    in vain before one succeeds (geometric distribution).

    Parameters
    ----------
    accept : FloatArray, shape (legs,)
        Chance that who asks for a place today gets one.
    sold : FloatArray, shape (legs,)
        Share of attempts that need a place with a smuggler.
    params : Mapping
        Registry values.
    """
    tries = (1.0 - accept) / np.maximum(accept, 1e-9)
    days = sold * params["networks.wait_days"] * tries
    return np.asarray(np.minimum(days, params["route_choice.most_perceived_wait_days"]))


@dataclass(frozen=True)
class ReferencePoint:
    """Fitted constants and expectations at the reference.

    Attributes
    ----------
    leg_constant : FloatArray, shape (groups, legs)
    settle : FloatArray, shape (groups, hubs)
        exp(utility of settling), 0 where nobody settles.
    value : FloatArray, shape (kinds, hubs)
        z = exp(V) at the reference.
    detections_per_departure : FloatArray, shape (groups,)
        Expected entry detections per departure.
    lead_days : FloatArray, shape (groups,)
        Expected days from departure to the first entry.
    flow : FloatArray, shape (legs,)
        Expected attempts a day in the reference year.
    group_flow : FloatArray, shape (groups, legs)
        The same by origin group.
    published : FloatArray, shape (groups,)
        Entry detections of the reference year.
    worst_route_error, worst_destination_error : float
        Largest absolute deviation of fitted from published detections per entry by route (of groups whose constant for
        the Western Balkans is within its bound), and of destination shares.
    """

    year: int
    leg_constant: FloatArray
    settle: FloatArray
    value: FloatArray
    detections_per_departure: FloatArray
    lead_days: FloatArray
    flow: FloatArray
    group_flow: FloatArray
    published: FloatArray
    worst_route_error: float
    worst_destination_error: float


def destination_period(year: int) -> str:
    """Period of the destination shares that a year belongs to (the last one for later years)."""
    return "2014-2016" if year <= 2016 else "2017-2019" if year <= 2019 else "2020-2024"


def published_routes(geography: Geography, year: int) -> FloatArray:
    """Published detections by origin group and fitted route in `year`, shape (groups, 6)."""
    table = geography.world.route_detections
    rows = table[table["year"] == year]
    if rows.empty:
        years = sorted(set(table["year"]))
        raise ValueError(f"no published route figures for {year}: choose from {years[0]} to {years[-1]}")
    wide = rows.pivot_table(index="origin_group", columns="route", values="detections", aggfunc="sum")
    wide = wide.reindex(index=geography.groups, columns=list(ROUTES[:FITTED_ROUTES])).fillna(0.0)
    return np.asarray(wide.to_numpy(), dtype=np.float64)


def destination_targets(geography: Geography, year: int) -> FloatArray:
    """Published destination shares by origin group, shape (groups, destinations); the last column is left to fit freely."""
    table = geography.world.destination_shares
    rows = table[table["period"] == destination_period(year)]
    wide = rows.pivot_table(index="origin_group", columns="member_state", values="share", aggfunc="sum")
    wide = wide.reindex(index=geography.groups, columns=geography.member_states).fillna(0.0)
    return np.asarray(wide.to_numpy(), dtype=np.float64)


def reference_chances(geography: Geography, interception: FloatArray, death: FloatArray) -> FloatArray:
    """Chance that an attempt on a leg succeeds, shape (legs,)."""
    return np.asarray((1.0 - death) * (1.0 - interception))


def fit_reference_point(
    geography: Geography, tastes: Tastes, params: Mapping[str, float], year: int,
    interception: FloatArray, detection: FloatArray,
    departures: Mapping[str, Mapping[str, float]] | None = None, by_sea: Mapping[str, float] | None = None,
) -> ReferencePoint:  # fmt: skip
    """Fit the constants of one reference year.

    Parameters
    ----------
    geography : Geography
    tastes : Tastes
    params : Mapping
        Registry values.
    year : int
        Year of the published route shares.
    interception, detection : FloatArray, shape (legs,)
        Chances at the reference (the table's values, or the history's at the start of a replay).
    departures : Mapping, optional
        By route, shares of its detections that set out from single countries (ISO3).  One constant for each named
        country and route, the same for all groups, is fitted to them; without them a route's departures are spread as
        fees, risks and days say.
    by_sea : Mapping, optional
        Share of a route's detections at sea, likewise.

    Returns
    -------
    ReferencePoint
    """
    network, groups, legs = geography.network, len(geography.groups), geography.network.legs
    kinds = groups * CLASSES
    group = np.repeat(np.arange(groups), CLASSES)
    fee, death = geography.column("legs", "fee_eur"), geography.column("legs", "death_per_1000") / 1000.0
    days = geography.column("legs", "days")
    repeat = geography.column("origin_groups", "repeat_share")
    route, external = geography.route_of_leg, geography.external
    counted = published_routes(geography, year)
    demand = geography.world.demand
    totals = demand[demand["year"] == year].set_index("origin_group")["detections"]
    entries = np.array([float(totals.get(g, 0.0)) for g in geography.groups])
    # what the six routes count beyond the entries is the second crossing of the Western Balkans
    target = counted / np.maximum(np.delete(counted, BALKANS, axis=1).sum(axis=1), 1.0)[:, None]
    first_balkans = _counts_balkans_as_entry(counted, entries)
    target[first_balkans] = (
        counted[first_balkans] / np.maximum(counted[first_balkans].sum(axis=1), 1.0)[:, None]
    )
    wanted = destination_targets(geography, year)
    floor = params["route_choice.smallest_share"]
    limit = params["route_choice.largest_constant"]
    _refuse_free_cycles(geography, tastes, params)
    going_back = legs_that_go_back(geography)
    settles = geography.settles_in
    outside = geography.destinations.index(OUTSIDE_DESTINATION)
    settle_utility = np.log(np.maximum(np.concatenate([wanted, np.full((groups, 1), floor)], axis=1), floor))
    origin_share, origin_hub = geography.origins
    origin = np.zeros((kinds, network.hubs))
    for k in range(kinds):
        np.add.at(origin[k], origin_hub[group[k]], origin_share[group[k]])
    weight = np.tile(tastes.class_share, groups)[:, None]
    onward = reference_chances(geography, interception, death)
    back = (1.0 - death) * interception * repeat[group][:, None]
    constant = np.zeros((groups, len(ROUTES)))
    constant[:, :FITTED_ROUTES] = np.where(target > 0.0, 0.0, -limit)
    on_border = external & (route < FITTED_ROUTES)
    membership = np.zeros((legs, FITTED_ROUTES))
    membership[on_border, route[on_border]] = 1.0
    shores, shore_target, shore_first = _shores(geography, departures or {}, by_sea or {})
    shore_constant = np.zeros(len(shores))
    # where constants of groups and of countries correct the same share, full steps of both would overshoot
    most = 0.5 if len(shores) else 1.0
    z: FloatArray | None = None
    visits: FloatArray | None = None
    route_error = destination_error = 1.0
    for _ in range(int(params["route_choice.fit_rounds"])):
        leg_constant = np.where(on_border[None, :], constant[:, route], 0.0) + shore_constant @ shores
        leg_constant -= np.maximum(constant[:, BALKANS], 0.0)[:, None] * going_back[None, :]
        settle = np.where(settles[None, :] >= 0, np.exp(settle_utility[:, np.maximum(settles, 0)]), 0.0)
        v = tastes.utility(fee, death, interception, leg_constant)
        z = solve_values(network, v, settle[group], z, tolerance=1e-6)
        choice = probabilities(network, choice_menus(network, v, z))
        visits = expected_visits(network, choice, onward, back, origin, visits, tolerance=1e-6)
        flow = weight * visits[:, network.tail] * choice  # (kinds, legs), per departure of the group
        by_group = flow.reshape(groups, CLASSES, legs).sum(axis=1)
        seen = (by_group * (onward * detection)[None, :]) @ membership  # (groups, 6)
        first = np.delete(seen, BALKANS, axis=1).sum(axis=1)
        first += np.where(first_balkans, seen[:, BALKANS], 0.0)
        expected = seen / np.maximum(first, 1e-12)[:, None]
        stays = 1.0 - np.add.reduceat(
            np.concatenate([choice, np.zeros((kinds, 1))], axis=1), network.start[:-1], axis=1
        ) * (np.diff(network.start) > 0)
        ends = (weight * visits * stays).reshape(groups, CLASSES, -1).sum(axis=1)
        settled = np.zeros((groups, len(geography.destinations)))
        for h in range(network.hubs):
            if settles[h] >= 0:
                settled[:, settles[h]] += ends[:, h]
        inside = settled[:, :outside] / np.maximum(settled[:, :outside].sum(axis=1), 1e-12)[:, None]
        deviation = np.abs(expected - target)
        # no constant brings about more second crossings than those who pass near the Balkans can make
        deviation[constant[:, BALKANS] >= limit, BALKANS] = 0.0
        route_error = float(deviation[entries > 0].max())
        destination_error = float(np.abs(inside - wanted).max())
        landed = (by_group * (entries / np.maximum(first, 1e-12))[:, None]).sum(axis=0) * onward * detection
        whole = (membership.T @ landed)[route[shores.argmax(axis=1)]]
        from_shore = (shores @ landed) / np.maximum(whole, 1e-12)
        shore_error = float(np.abs(from_shore - shore_target).max(initial=0.0))
        if max(route_error, destination_error, shore_error) < params["route_choice.fit_tolerance"]:
            break
        step = np.log(np.maximum(shore_target, floor) / np.maximum(from_shore, floor))
        shore_constant = shore_constant + most * np.clip(step, -1.0, 1.0)
        shore_constant = np.clip(shore_constant - shore_constant[shore_first], -limit, limit)
        step = np.log(np.maximum(target, 1e-12) / np.maximum(expected, 1e-12))
        move = most * np.where(target > 0.0, np.clip(step, -1.0, 1.0), 0.0)
        constant[:, :FITTED_ROUTES] = np.clip(constant[:, :FITTED_ROUTES] + move, -limit, limit)
        step = np.log(np.maximum(wanted, floor) / np.maximum(inside, 1e-12))
        settle_utility[:, :outside] += np.clip(step, -1.0, 1.0)
        settle_utility[:, :outside] -= settle_utility[:, :outside].max(axis=1, keepdims=True)
    assert z is not None
    rate = first
    per_year = np.where(rate > 0.0, entries / np.maximum(rate, 1e-12), 0.0)
    daily = by_group * per_year[:, None] / 365.25
    lead = _lead_days(geography, choice, onward, back, origin, days, weight, params)
    return ReferencePoint(
        year, leg_constant, settle, z, first, lead, daily.sum(axis=0), daily, entries, route_error, destination_error
    )


def _refuse_free_cycles(geography: Geography, tastes: Tastes, params: Mapping[str, float]) -> None:
    """Refuse a network whose cycles would be free at the lowest fees the market allows and without any control."""
    fee = geography.column("legs", "fee_eur") / params["fees.most_change"]
    nothing = np.zeros(geography.network.legs)
    kinds = len(geography.groups) * CLASSES
    settle = np.repeat((geography.settles_in >= 0)[None, :].astype(np.float64), kinds, axis=0)
    constant = np.zeros((len(geography.groups), geography.network.legs))
    utility = tastes.utility(fee, nothing, nothing, constant)
    solve_values(geography.network, utility, settle, tolerance=1e-6)


def legs_that_go_back(geography: Geography) -> FloatArray:
    """Legs on which whoever has crossed the Western Balkans comes back to where they begin, 1.0 there and 0.0 elsewhere.

    People enter in Greece, leave the Union and come back over the Western Balkans.  A constant on that second crossing
    would be earned again on each round, and beyond some size going round would pay.  So the constant is given back on the
    legs that lead back: around every cycle the two cancel.  In terms of the matrix of the recursive logit, a
    constant c phi(head) - c phi(tail) on every leg, where phi is 1 on the hubs beyond the Balkans and 0 elsewhere, is a
    similarity transformation, which leaves the spectral radius as it is; the constants here are that or less.
    """
    network = geography.network
    inside = geography.settles_in >= 0
    onto = geography.external & (geography.route_of_leg == BALKANS)
    leads_there = np.zeros(network.hubs, dtype=bool)
    leads_there[network.tail[onto]] = True
    while np.any(found := leads_there[network.head] & ~leads_there[network.tail]):
        leads_there[network.tail[found]] = True
    leaves = inside[network.tail] & ~inside[network.head] & leads_there[network.head]
    countries = {geography.hub_country[h] for h in network.tail[leaves]}
    before = np.array([country in countries for country in geography.hub_country])
    beyond = np.zeros(network.hubs, dtype=bool)
    beyond[network.head[onto]] = True
    onward = inside[network.head] & ~before[network.head]
    while np.any(found := beyond[network.tail] & onward & ~beyond[network.head]):
        beyond[network.head[found]] = True
    back = beyond[network.tail] & ~beyond[network.head] & leads_there[network.head]
    return np.asarray(back, dtype=np.float64)


def _shores(
    geography: Geography, departures: Mapping[str, Mapping[str, float]], by_sea: Mapping[str, float]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """How the detections of routes are divided by country of departure, and by sea and otherwise.

    Returns
    -------
    legs : FloatArray, shape (parts, legs)
        1 on the legs of a part; the parts of one division cover their route.
    shares : FloatArray, shape (parts,)
        Published; the part that no country is named for has the rest.
    first : IntArray, shape (parts,)
        For each part the largest part of its division, whose constant is zero.
    """
    left = np.array([geography.hub_country[h] for h in geography.legs["tail"]])
    divisions = [(r, {f"from {c}": (left == c, s) for c, s in shares.items()}) for r, shares in departures.items()]
    divisions += [(r, {"by sea": (geography.by_sea, s)}) for r, s in by_sea.items()]
    rows: list[npt.NDArray[np.bool_]] = []
    shares: list[float] = []
    first: list[int] = []
    for route, parts in divisions:
        on_route = geography.external & (geography.route_of_leg == ROUTES.index(route))
        begin, rest = len(rows), on_route.copy()
        for what, (which, share) in parts.items():
            if not (on_route & which).any():
                raise ValueError(f"the scenario's model gives a share of {route} {what}, where no leg of it sets out")
            rows.append(on_route & which)
            shares.append(share)
            rest &= ~which
        if rest.any():
            rows.append(rest)
            shares.append(max(0.0, 1.0 - sum(share for _, share in parts.values())))
        first += [begin + int(np.argmax(shares[begin:]))] * (len(rows) - begin)
    shape = (len(rows), geography.network.legs)
    return np.array(rows, dtype=np.float64).reshape(shape), np.array(shares), np.array(first, dtype=np.int64)


def _counts_balkans_as_entry(counted: FloatArray, entries: FloatArray) -> npt.NDArray[np.bool_]:
    """Groups whose published entries hold their Western Balkan detections, because they live on that route."""
    every = counted.sum(axis=1)
    others = every - counted[:, BALKANS]
    return np.asarray((np.abs(entries - every) < np.abs(entries - others)) & (entries > 0.0))


def _lead_days(
    geography: Geography, choice: FloatArray, onward: FloatArray, back: FloatArray, origin: FloatArray,
    days: FloatArray, weight: FloatArray, params: Mapping[str, float],
) -> FloatArray:  # fmt: skip
    """Expected days until the first external border is crossed: time spent before it, per entry, by group.

    The days of a leg across the border come after it, but those of a leg by sea, which are spent on the coast.
    """
    network, groups = geography.network, len(geography.groups)
    before = onward * ~geography.external
    visits = expected_visits(network, choice, before, back, origin, tolerance=1e-9)
    flow = weight * visits[:, network.tail] * choice
    arrive = flow * (onward * geography.external)
    days = np.where(geography.external & ~geography.by_sea, 0.0, days)
    spent = flow * (onward * days) + flow * back * params["interception.return_days"]
    per_group = (groups, CLASSES, network.legs)
    time = spent.reshape(per_group).sum(axis=(1, 2))
    entered = arrive.reshape(per_group).sum(axis=(1, 2))
    return np.asarray(time / np.maximum(entered, 1e-12))
