"""Participation: leave irregularly, apply for a legal pathway, or stay.

A logit whose irregular alternative is worth the logsum of the best ways to travel (Ben-Akiva and Lerman 1985, Discrete
Choice Analysis, section 10.3), so that enforcement, fees, risks, campaigns and places on legal pathways all move the
number who leave.  At the reference the shares are the registry's.  Legal places are rationed: who applies waits, and of
those refused some leave irregularly after all, the more so the more that way is worth; this is why pathways and
enforcement together do more than each alone (Clemens and Gough 2018, Center for Global Development).
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

    def shares(self, value: FloatArray, places: FloatArray, potential_factor: FloatArray) -> Shares:
        """Shares now.

        Parameters
        ----------
        value : FloatArray, shape (kinds, origins)
            Logsum of travelling irregularly now.
        places : FloatArray, shape (groups,)
            Legal places a year now.
        potential_factor : FloatArray, shape (groups,)
            How many consider leaving, relative to the reference (root causes).
        """
        p = self._p
        gain = p["participation.logsum_weight"] * np.clip(value - self._value_0, -1e3, 1e3)
        kinds = value.shape[0]
        group = np.repeat(np.arange(kinds // CLASSES), CLASSES)
        leave = np.exp(self._a_leave[group][:, None] + gain)
        more = p["legal.application_elasticity"] * np.log(np.maximum(places, 1e-6) / self._places_0)
        apply = np.exp((self._a_apply + more)[group])[:, None] * np.ones_like(leave)
        total = 1.0 + leave + apply
        scale = np.minimum(potential_factor[group], 1.0 / ((leave + apply) / total).max(axis=1))[:, None]
        odds = p["legal.fallback"] / (1.0 - p["legal.fallback"])
        worth = gain.mean(axis=1) / p["participation.logsum_weight"] * p["legal.fallback_weight"]
        return Shares(leave / total * scale, apply / total * scale, expit(np.log(odds) + worth))
