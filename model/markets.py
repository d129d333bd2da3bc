"""Corridors as markets: fees from cost, concentration and scarcity, and what a place earns.

A corridor is a stage worked by the same set of networks.  The fee is marginal cost times the Cournot mark-up 1 / (1 - H / e),
where H is the Herfindahl index of capacities and e the demand elasticity (Tirole 1988, The Theory of Industrial Organization,
section 5.4), raised where more places are asked for than offered.  Marginal cost holds operations, the failures that a
network has to make good, and the expected sanction: chance of arrest x conviction x years served, discounted as offenders
discount (Lee and McCrary 2017, "The deterrence effect of prison", Advances in Econometrics 38), so that longer terms barely
move it while certainty does.

Entry is free (Tirole 1988, section 7.1): a new network pays `networks.entry_cost` and enters as long as what it expects to
earn is worth more.  The reference is taken to be at rest, so that a place there earns just the entry cost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
WEEKS_A_YEAR = 365.25 / 7.0


def cournot_markup(herfindahl: FloatArray | float, elasticity: float, ceiling: float) -> FloatArray:
    """Price over marginal cost in Cournot competition, 1 / (1 - H / e), at most `ceiling`."""
    share = np.minimum(np.asarray(herfindahl, dtype=np.float64) / elasticity, 1.0 - 1.0 / ceiling)
    return np.asarray(1.0 / (1.0 - share))


def perceived_years(years: FloatArray | float, discount: float) -> FloatArray:
    """Present value of `years` in prison at a yearly rate `discount`: (1 - exp(-d T)) / d."""
    return np.asarray(-np.expm1(-discount * np.asarray(years, dtype=np.float64)) / discount)


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
        #: share of the networks that the country of departure makes stop
        self.stopped = np.zeros(corridors)
        elasticity, ceiling = params["fees.demand_elasticity"], params["fees.markup_ceiling"]
        self._markup_0 = cournot_markup(herfindahl, elasticity, ceiling)
        cost_0 = reference_fee / self._markup_0
        years = perceived_years(params["penalties.reference_years_served"], params["penalties.discount_rate"])
        self.years_0 = float(years)
        #: EUR of expected sanction per passenger at the reference, and now
        self.sanction_0 = np.full(corridors, params["networks.reference_sanction_share"]) * cost_0
        self.felt = self.sanction_0.copy()
        self._operations = cost_0 - self.sanction_0
        self.unit_cost = cost_0.copy()
        #: EUR that a place a day costs to set up
        self.entry_cost = 7.0 * params["networks.entry_cost"] * reference_fee
        #: yearly rate at which earnings are discounted: impatience, and the risk of being dismantled
        self.discount = params["penalties.discount_rate"] + params["networks.reference_loss_hazard"]
        margin_0 = (reference_fee - cost_0) / params["networks.slack"]
        needed = self.entry_cost * self.discount / (7.0 * WEEKS_A_YEAR)
        #: EUR a day and place, used or not
        self.fixed_cost = np.maximum(0.0, margin_0 - needed)
        #: weekly profit per place a day that networks expect, EUR: what was earned in the last months
        self.expected_profit = self.profit_rate()
        #: share of missing facilitators who are replaced in a week
        self.replaced_per_week = float(1.0 - np.exp(-7.0 / params["networks.facilitator_return_days"]))

    @property
    def fee(self) -> FloatArray:
        """EUR per person and leg now, shape (corridors,)."""
        return np.asarray(self.reference_fee * self.fee_factor)

    def profit_rate(self) -> FloatArray:
        """Weekly profit per place a day on each corridor, EUR, at the present use of places."""
        used = np.minimum(1.0, self.wanted / np.maximum(self.capacity, 1e-9))
        return np.asarray(7.0 * (used * (self.fee - self.unit_cost) - self.fixed_cost))

    def learn_profit(self) -> None:
        """Follow this week's profit with a lag, so that a season alone does not draw in or drive out anybody."""
        weight = 1.0 - 0.5 ** (7.0 / self._p["networks.profit_half_life_days"])
        self.expected_profit = self.expected_profit + weight * (self.profit_rate() - self.expected_profit)

    def value_of_place(self) -> FloatArray:
        """What a place a day is expected to earn for whoever sets it up now, EUR: profit a year over the discount rate."""
        return np.asarray(self.expected_profit * WEEKS_A_YEAR / self.discount)

    def relative_profit(self) -> FloatArray:
        """Profit that is expected of a place over its full takings at the reference fee, shape (corridors,)."""
        return np.asarray(self.expected_profit / np.maximum(7.0 * self.reference_fee, 1e-9))

    def excess(self) -> FloatArray:
        """Profit beyond what makes entry worth its cost, over full takings: 0 in free-entry equilibrium."""
        over = (self.value_of_place() - self.entry_cost) * self.discount / WEEKS_A_YEAR
        return np.asarray(over / np.maximum(7.0 * self.reference_fee, 1e-9))

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
        self.felt = self.sanction_0 * sanction ** p["networks.certainty_elasticity"]
        self.unit_cost = self._operations * redone + self.felt
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
