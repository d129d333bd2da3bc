"""Smuggling networks as firms, and the corridors that they compete on.

A corridor is a stage worked by the same set of networks.  On each, networks sell places; the fee is marginal cost times
the Cournot mark-up 1 / (1 - H / e), where H is the Herfindahl index of capacities and e the demand elasticity (Tirole
1988, The Theory of Industrial Organization, section 5.4), raised where more places are asked for than offered.
Marginal cost holds operations, the failures that a network has to make good, and the expected sanction: chance of arrest
x conviction x years served, discounted as offenders discount (Lee and McCrary 2017, "The deterrence effect of prison",
Advances in Econometrics 38), so that longer terms barely move it while certainty does.

Capacity follows profit within limits of recruitment; removed facilitators are replaced in weeks, organisers in a year;
supply moves to corridors that pay more; entry is free where profit is above zero; when a network is dismantled its
rivals take over its customers (Campana 2018, European Journal of Criminology 15(4):481-500).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import mesa
import numpy as np
import numpy.typing as npt

from .streams import Purpose, actor_uniforms, generator

if TYPE_CHECKING:
    from .core import SmugglingModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def cournot_markup(herfindahl: FloatArray | float, elasticity: float, ceiling: float) -> FloatArray:
    """Price over marginal cost in Cournot competition, 1 / (1 - H / e), at most `ceiling`."""
    share = np.minimum(np.asarray(herfindahl, dtype=np.float64) / elasticity, 1.0 - 1.0 / ceiling)
    return np.asarray(1.0 / (1.0 - share))


def perceived_years(years: FloatArray | float, discount: float) -> FloatArray:
    """Present value of `years` in prison at a yearly rate `discount`: (1 - exp(-d T)) / d."""
    return np.asarray(-np.expm1(-discount * np.asarray(years, dtype=np.float64)) / discount)


class SmugglingNetwork(mesa.Agent):  # type: ignore[misc]
    """One network: organisers, facilitators, places a day, capital.

    Parameters
    ----------
    model : SmugglingModel
    number : int
        Its row in the model's arrays; key of its random stream.
    corridor : int
    capacity : float
        Persons a day with a full crew.
    organisers, facilitators : float
        Full numbers of members.
    capital : float
        EUR.
    """

    def __init__(self, model: SmugglingModel, number: int, corridor: int, capacity: float,
                 organisers: float, facilitators: float, capital: float) -> None:  # fmt: skip
        super().__init__(model)
        self.number = number
        self.corridor = corridor
        self.capacity = capacity
        self.full_organisers = organisers
        self.full_facilitators = facilitators
        self.organisers = organisers
        self.facilitators = facilitators
        self.capital = capital
        self.active = True
        self.back_on = 0
        self.profit = 0.0

    @property
    def places(self) -> float:
        """Persons a day with the crew that is left."""
        if not self.active:
            return 0.0
        return self.capacity * min(1.0, self.facilitators / self.full_facilitators)

    def lose_facilitators(self, number: float) -> float:
        """Arrests among facilitators; returns how many there were to lose."""
        lost = min(self.facilitators, number)
        self.facilitators -= lost
        return lost

    def dismantle(self, day: int, seized_share: float) -> float:
        """Organisers are arrested: the network stops until others take its place.  Returns the EUR seized."""
        seized = max(0.0, self.capital) * seized_share
        self.capital -= seized
        self.organisers = 0.0
        self._stop(day, self.model.params["networks.organiser_return_days"])
        return seized

    def _stop(self, day: int, days: float) -> None:
        self.active = False
        self.back_on = day + int(days)
        self.facilitators = 0.0

    def week(self, carried: float, takings: float, market: Market, day: int) -> None:
        """Settle the week: profit, recruitment, growth, exit.

        Parameters
        ----------
        carried : float
            Persons since last week.
        takings : float
            EUR since last week.
        market : Market
        day : int
        """
        if not self.active:
            self.profit = 0.0
            return
        p = self.model.params
        c = self.corridor
        cost = carried * market.unit_cost[c] + 7.0 * self.capacity * market.fixed_cost[c]
        self.profit = takings - cost
        self.capital += self.profit * p["networks.retained_share"]
        self.facilitators += (self.full_facilitators - self.facilitators) * market.replaced_per_week
        pull = market.pressure[c] - 1.0 + p["networks.profit_pull"] * market.margin(c)
        growth = p["networks.growth_speed"] * pull
        growth = min(p["networks.most_growth_per_week"], max(-p["networks.most_growth_per_week"], growth))
        self.capacity *= 1.0 + growth
        if self.capital < -p["networks.credit_weeks"] * 7.0 * self.capacity * market.reference_fee[c]:
            self._stop(day, p["networks.exit_days"])
            self.capital = 0.0

    def enter(self, corridor: int, capacity: float) -> None:
        """Take up work on a corridor after a time out."""
        self.corridor = corridor
        self.capacity = capacity
        self.organisers = self.full_organisers
        self.facilitators = self.full_facilitators
        self.active = True

    def move(self, corridor: int, cost_share: float) -> None:
        """Shift to another corridor, leaving a share of capacity behind."""
        self.corridor = corridor
        self.capacity *= 1.0 - cost_share


class Market:
    """Corridors: fees, capacities and what networks earn there.

    Parameters
    ----------
    params : Mapping
    reference_fee : FloatArray, shape (corridors,)
        Mean EUR per person and leg at the reference.
    reference_flow : FloatArray, shape (corridors,)
        Smuggled persons a day at the reference.
    herfindahl : FloatArray, shape (corridors,)
        At the reference.
    """

    def __init__(self, params: Mapping[str, float], reference_fee: FloatArray, reference_flow: FloatArray,
                 herfindahl: FloatArray) -> None:  # fmt: skip
        self._p = params
        self.reference_fee = reference_fee
        self.reference_flow = reference_flow
        self.reference_herfindahl = herfindahl
        corridors = len(reference_fee)
        self.fee_factor = np.ones(corridors)
        self.capacity = reference_flow * params["networks.slack"]
        self.wanted = reference_flow.copy()
        self.pressure = np.ones(corridors)
        elasticity, ceiling = params["fees.demand_elasticity"], params["fees.markup_ceiling"]
        self._markup_0 = cournot_markup(herfindahl, elasticity, ceiling)
        cost_0 = reference_fee / self._markup_0
        years = perceived_years(params["penalties.reference_years_served"], params["penalties.discount_rate"])
        #: EUR of expected sanction per passenger at the reference
        self.sanction_0 = np.full(corridors, params["networks.reference_sanction_share"]) * cost_0
        self.years_0 = float(years)
        self._operations = cost_0 - self.sanction_0
        self.unit_cost = cost_0.copy()
        margin_0 = reference_fee - cost_0
        self.fixed_cost = (
            margin_0 * (1.0 - params["networks.reference_profit_share"]) / params["networks.slack"]
        )
        self._margin_0 = np.maximum(margin_0, 1e-9)
        #: share of missing facilitators who are replaced in a week
        self.replaced_per_week = float(1.0 - np.exp(-7.0 / params["networks.facilitator_return_days"]))

    def margin(self, corridor: int) -> float:
        """Profit per passenger above the reference, as a share of the reference fee."""
        fee = self.reference_fee[corridor] * self.fee_factor[corridor]
        gain = fee - self.unit_cost[corridor] - self._margin_0[corridor]
        return float(gain / max(self.reference_fee[corridor], 1e-9))

    def profit_rate(self) -> FloatArray:
        """Weekly profit per place a day on each corridor, EUR, at the present use of places."""
        used = np.minimum(1.0, self.wanted / np.maximum(self.capacity, 1e-9))
        fee = self.reference_fee * self.fee_factor
        return np.asarray(7.0 * (used * (fee - self.unit_cost) - self.fixed_cost))

    def clear(self, capacity: FloatArray, herfindahl: FloatArray, failures: FloatArray,
              sanction: FloatArray) -> None:  # fmt: skip
        """Set fees from cost, concentration and scarcity.

        Parameters
        ----------
        capacity : FloatArray, shape (corridors,)
            Places a day on offer.
        herfindahl : FloatArray, shape (corridors,)
        failures : FloatArray, shape (corridors,)
            Attempts per success relative to the reference.
        sanction : FloatArray, shape (corridors,)
            Expected sanction relative to the reference.
        """
        p = self._p
        self.capacity = capacity
        redone = failures ** p["fees.guarantee_share"]
        felt = self.sanction_0 * sanction ** p["networks.certainty_elasticity"]
        self.unit_cost = self._operations * redone + felt
        markup = cournot_markup(herfindahl, p["fees.demand_elasticity"], p["fees.markup_ceiling"])
        self.pressure = self.wanted * p["networks.slack"] / np.maximum(capacity, 1e-9)
        scarcity = np.maximum(1.0, self.wanted / np.maximum(capacity, 1e-9)) ** p["fees.scarcity_elasticity"]
        target = self.unit_cost * markup * scarcity / np.maximum(self.reference_fee, 1e-9)
        target = np.where(self.reference_fee > 0.0, target, 1.0)
        target = np.clip(target, 1.0 / p["fees.most_change"], p["fees.most_change"])
        self.fee_factor = self.fee_factor + p["fees.adjustment_per_week"] * (target - self.fee_factor)

    def observe(self, wanted: FloatArray, days: float) -> None:
        """Follow the places asked for (persons a day) with a lag."""
        weight = 1.0 - 0.5 ** (days / self._p["networks.demand_half_life_days"])
        self.wanted = self.wanted + weight * (wanted - self.wanted)

    def accept(self) -> FloatArray:
        """Chance that someone who asks for a place today gets one, by corridor."""
        return np.minimum(1.0, self.capacity / np.maximum(self.wanted, 1e-9))


def share_out(total: int, size: FloatArray, least: int) -> IntArray:
    """Numbers by largest remainder in proportion to `size`, at least `least` where size is positive."""
    used = size > 0.0
    number = np.where(used, least, 0)
    left = max(0, total - int(number.sum()))
    ideal = left * size / max(float(size.sum()), 1e-12)
    number = number + np.floor(ideal).astype(np.int64)
    rest = left - int(np.floor(ideal).sum())
    for c in np.argsort(-(ideal - np.floor(ideal)), kind="stable")[:rest]:
        number[c] += 1
    return np.asarray(number, dtype=np.int64)


def found_networks(model: SmugglingModel, flow: FloatArray, fee: FloatArray, total: int,
                   seed: int, make: type[SmugglingNetwork] = SmugglingNetwork,
                   ) -> list[SmugglingNetwork]:  # fmt: skip
    """Create the networks: more where more is earned, sizes from the registry's range.

    Parameters
    ----------
    model : SmugglingModel
    flow : FloatArray, shape (corridors,)
        Smuggled persons a day at the reference.
    fee : FloatArray, shape (corridors,)
        EUR per person.
    total : int
        Number of networks.
    seed : int
    make : type
        Class of the networks.
    """
    p = model.params
    numbers = share_out(total, np.sqrt(flow * fee), int(p["networks.least_per_corridor"]))
    networks: list[SmugglingNetwork] = []
    rng = generator(seed, "networks")
    low, high = p["networks.smallest"], p["networks.largest"]
    for c, count in enumerate(numbers):
        weight = np.exp(p["networks.size_spread"] * rng.standard_normal(int(count)))
        places = flow[c] * p["networks.slack"] * weight / max(float(weight.sum()), 1e-12)
        members = rng.uniform(low, high, int(count))
        for places_i, members_i in zip(places, members, strict=True):
            organisers = max(1.0, round(members_i * p["networks.organiser_share"]))
            capital = p["networks.capital_weeks"] * 7.0 * places_i * fee[c]
            networks.append(
                make(model, len(networks), c, float(places_i), organisers,
                                 float(members_i - organisers), float(capital))
            )  # fmt: skip
    return networks


def concentration(networks: list[SmugglingNetwork], corridors: int) -> tuple[FloatArray, FloatArray]:
    """Places a day and Herfindahl index by corridor."""
    places = np.array([n.places for n in networks])
    where = np.array([n.corridor for n in networks])
    total = np.asarray(np.bincount(where, weights=places, minlength=corridors), dtype=np.float64)
    squares = np.asarray(np.bincount(where, weights=places**2, minlength=corridors), dtype=np.float64)
    return total, np.where(total > 0.0, squares / np.maximum(total**2, 1e-12), 1.0)


def offers(networks: list[SmugglingNetwork], corridors: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Cumulative market shares and numbers of the networks on each corridor, padded, with their counts."""
    places = np.array([n.places for n in networks])
    where = np.array([n.corridor for n in networks])
    count = np.bincount(where[places > 0.0], minlength=corridors).astype(np.int64)
    most = max(1, int(count.max(initial=1)))
    share = np.ones((corridors, most))
    at = np.zeros((corridors, most), dtype=np.int64)
    for c in range(corridors):
        members = np.flatnonzero((where == c) & (places > 0.0))
        if len(members):
            share[c, : len(members)] = np.cumsum(places[members]) / places[members].sum()
            at[c, : len(members)] = members
    return share, at, count


def shift_supply(networks: list[SmugglingNetwork], market: Market, seed: int, day: int) -> None:
    """Weekly moves of supply: entry where profit is above zero, and moves to corridors that pay more."""
    if not networks:
        return
    p = networks[0].model.params
    rate = market.profit_rate()
    open_corridors = market.reference_flow > 0.0
    rate = np.where(open_corridors, rate, -np.inf)
    relative = rate / np.maximum(7.0 * market.reference_fee, 1e-9)
    best = int(np.argmax(relative))
    total, _ = concentration(networks, len(rate))
    working = np.bincount([n.corridor for n in networks if n.active], minlength=len(rate))
    keyed = np.uint64(seed & (2**64 - 1))
    entry = actor_uniforms(keyed, np.uint64(0), len(networks), day, int(Purpose.ENTRY))
    switch = actor_uniforms(keyed, np.uint64(0), len(networks), day, int(Purpose.SWITCH))
    weights = np.where(open_corridors, np.exp(np.clip(relative, -1.0, 1.0) / p["networks.choice_scale"]), 0.0)
    weights = weights * np.sqrt(market.reference_flow * market.reference_fee)
    cumulative = np.cumsum(weights) / max(float(weights.sum()), 1e-12)
    for n, u_entry, u_switch in zip(networks, entry, switch, strict=True):
        if not n.active:
            if day >= n.back_on and u_entry < p["networks.entry_per_week"]:
                corridor = int(np.searchsorted(cumulative, u_entry / p["networks.entry_per_week"]))
                if relative[corridor] > 0.0:
                    mean = total[corridor] / max(1, working[corridor])
                    n.enter(corridor, max(mean, 1e-6) * p["networks.entrant_share"])
            continue
        gain = relative[best] - relative[n.corridor]
        if gain > p["networks.switching_cost"]:
            chance = p["networks.switch_per_week"] * (gain - p["networks.switching_cost"])
            if u_switch < chance:
                n.move(best, p["networks.switching_loss"])
