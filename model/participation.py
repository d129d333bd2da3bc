"""Participation: leave irregularly, apply for a legal pathway, or stay.

A logit whose irregular alternative is worth the logsum of the best ways to travel (Ben-Akiva and Lerman 1985, Discrete
Choice Analysis, section 10.3), so that enforcement, fees, risks, campaigns and places on legal pathways all move the
number who leave.  At the reference the shares are the registry's.  Legal places are rationed: who applies waits, and of
those refused some leave irregularly after all, the more so the more that way is worth; this is why pathways and
enforcement together do more than each alone (Clemens and Gough 2018, Center for Global Development).

Where visas are sold (Auriol and Mesnard 2016, "Sale of visas: a smuggler's final song?", Economica 83:646-678), who can pay
one sees it in the nest of those who go, beside all routes: with V the logsum of routes and W the worth of a visa, those who go
have log(exp V + exp W), of whom exp W / (exp V + exp W) buy.  W is the worth of arriving, less the price against means at the
weight that smugglers' fees have, less the wait; nothing is fitted to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from .travellers import CLASSES

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """Chances per potential traveller, shape (kinds, origins), and after a refusal, shape (kinds,)."""

    leave: FloatArray
    apply: FloatArray
    fallback: FloatArray
    buy: FloatArray


def potential_behind(departures: FloatArray, places: FloatArray, params: Mapping[str, float]) -> FloatArray:
    """Potential travellers a year behind the irregular departures of the reference year.

    Who leaves at once and who leaves after a refusal both count: D = N L + (A - admitted) f, where the applicants A are a
    multiple of the places, at most a share of N.

    Parameters
    ----------
    departures : FloatArray, shape (groups,)
        Irregular departures a year, D.
    places : FloatArray, shape (groups,)
        Legal places a year.
    params : Mapping
        Registry values.

    Returns
    -------
    FloatArray, shape (groups,)
        N.
    """
    leave, fallback = params["participation.reference"], params["legal.fallback"]
    most = params["legal.most_applicants"] * (1.0 - leave)
    applicants = places * params["legal.applications_per_place"]
    plain = (departures - np.maximum(applicants - places, 0.0) * fallback) / leave
    crowded = (departures + places * fallback) / (leave + most * fallback)
    bounded = np.where(most * crowded > places, crowded, departures / leave)
    return np.where(most * plain >= applicants, plain, bounded)


class Participation:
    """Shares of potential travellers by what they do.

    Parameters
    ----------
    reference_value : FloatArray, shape (kinds, origins)
        Logsum at the reference, log z at the origin hubs.
    places : FloatArray, shape (groups,)
        Legal places a year at the reference.
    potential : FloatArray, shape (groups,)
        Potential travellers a year at the reference.
    params : Mapping
        Registry values.
    """

    def __init__(self, reference_value: FloatArray, places: FloatArray, potential: FloatArray,
                 params: Mapping[str, float]) -> None:  # fmt: skip
        self._p = params
        self._value_0 = reference_value
        self._places_0 = np.maximum(places, 1e-6)
        leave = params["participation.reference"]
        most = params["legal.most_applicants"] * (1.0 - leave)
        applicants = self._places_0 * params["legal.applications_per_place"] / np.maximum(potential, 1e-6)
        apply = np.minimum(most, applicants)
        stay = 1.0 - leave - apply
        self.apply_0 = apply
        self._a_leave = np.log(leave / stay)
        self._a_apply = np.log(np.maximum(apply, 1e-12) / stay)

    def shares(self, value: FloatArray, places: FloatArray, potential_factor: FloatArray,
               visa: FloatArray | None = None) -> Shares:  # fmt: skip
        """Shares now.

        Parameters
        ----------
        value : FloatArray, shape (kinds, origins)
            Logsum of travelling irregularly now.
        places : FloatArray, shape (groups,)
            Legal places a year now.
        potential_factor : FloatArray, shape (groups,)
            How many consider leaving, relative to the reference (root causes).
        visa : FloatArray, optional, shape (kinds,)
            Worth of a visa, W, to who is offered one and can pay it, from `worth_of_a_visa`.
        """
        p = self._p
        gain = p["participation.logsum_weight"] * np.clip(value - self._value_0, -1e3, 1e3)
        kinds = value.shape[0]
        group = np.repeat(np.arange(kinds // CLASSES), CLASSES)
        leave = np.exp(self._a_leave[group][:, None] + gain)
        buy = np.zeros_like(leave)
        if visa is not None:
            nest = np.logaddexp(value, visa[:, None])
            more_gain = p["participation.logsum_weight"] * np.clip(nest - self._value_0, -1e3, 1e3)
            go = np.exp(self._a_leave[group][:, None] + more_gain)
            leave, buy = go * np.exp(value - nest), go * np.exp(visa[:, None] - nest)
        more = p["legal.application_elasticity"] * np.log(np.maximum(places, 1e-6) / self._places_0)
        apply = np.exp((self._a_apply + more)[group])[:, None] * np.ones_like(leave)
        total = 1.0 + leave + apply + buy
        most = ((leave + apply + buy) / total).max(axis=1)
        scale = np.minimum(potential_factor[group], 1.0 / most)[:, None]
        odds = p["legal.fallback"] / (1.0 - p["legal.fallback"])
        worth = gain.mean(axis=1) / p["participation.logsum_weight"] * p["legal.fallback_weight"]
        shares = (x / total * scale for x in (leave, apply, buy))
        left, applied, bought = shares
        return Shares(left, applied, expit(np.log(odds) + worth), bought)


def worth_of_a_visa(
    settle: FloatArray, budget: FloatArray, price: float, params: Mapping[str, float]
) -> FloatArray:
    """W = log of the worth of all destinations - fee weight x price / means - time weight x wait, shape (kinds,).

    Parameters
    ----------
    settle : FloatArray, shape (groups, hubs)
        exp(utility of settling).
    budget : FloatArray, shape (kinds,)
        EUR.
    price : float
        EUR.
    params : Mapping
        Registry values.
    """
    arriving = np.repeat(np.log(np.maximum(settle.sum(axis=1), 1e-300)), CLASSES)
    months = params["legal.visa_days"] * 12.0 / 365.25
    return np.asarray(
        arriving - params["route_choice.fee"] * price / budget - params["route_choice.month"] * months
    )


class Visas:
    """Visas on sale: how many are left, and with which chance who asks finds one.

    Parameters
    ----------
    demand : FloatArray, shape (groups,)
        Persons a week who may ask at first.
    """

    def __init__(self, demand: FloatArray) -> None:
        self._open = np.zeros_like(demand)
        self._asked = demand
        self._sold = np.zeros_like(demand)
        self.offer = np.zeros_like(demand)
        self.price = 0.0

    def week(self, places: FloatArray, price: float, sold: FloatArray, lag: float) -> FloatArray:
        """Put a week's visas up for sale; returns how many were sold since last week, by group.

        Parameters
        ----------
        places : FloatArray, shape (groups,)
            Visas a week.
        price : float
            EUR.
        sold : FloatArray, shape (groups,)
            Sold so far.
        lag : float
            Share by which the expected demand follows what was asked for.
        """
        new = sold - self._sold
        self._sold = sold.copy()
        asked = np.where(self.offer > 0.0, new / np.maximum(self.offer, 1e-12), self._asked)
        self._asked = self._asked + lag * (asked - self._asked)
        self._open = np.where(places > 0.0, self._open + places - new, 0.0)
        self.price = price
        self.offer = np.where(places > 0.0, np.clip(self._open / np.maximum(self._asked, 1e-9), 0.0, 1.0), 0.0)
        return np.asarray(new)
