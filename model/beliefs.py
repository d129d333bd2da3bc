"""Beliefs: what origin groups think of each leg's fee, risk and delay, lagging behind what happens.

Hubs hold beliefs on their onward legs, separately for each origin group.  Every update they move towards what passed
through since the last one (in proportion to how much was seen), towards what other groups say (word of mouth), and,
where campaigns run, towards the truth.  Deaths travel as news less well than interceptions: those who died do not tell
(Hinsch and Bijak 2019, "Rumours lead to self-organized migration routes", ALIFE; Dunsch, Tjaden and Quiviger 2019 on
campaigns).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def learn(
    belief: FloatArray, seen: FloatArray, events: FloatArray, half_seen: float, rate: float,
    voice: float = 1.0,
) -> FloatArray:  # fmt: skip
    """Move beliefs (groups, legs) towards the observed rate events / seen.

    The step is rate x voice x seen / (seen + half_seen): with little experience little is learnt.
    """
    observed = np.where(seen > 0.0, events / np.maximum(seen, 1e-12), belief)
    weight = rate * voice * seen / (seen + half_seen)
    return np.asarray(belief + weight * (observed - belief))


def exchange(belief: FloatArray, seen: FloatArray, strength: float) -> FloatArray:
    """Word of mouth between groups: towards the average belief, weighted by who has passed through."""
    mass = seen + 1e-9
    average = (belief * mass).sum(axis=0) / mass.sum(axis=0)
    return np.asarray(belief + strength * (average[None, :] - belief))


def inform(belief: FloatArray, truth: FloatArray, reach: FloatArray) -> FloatArray:
    """Campaigns: towards the truth (legs,), by the share reached since the last update (groups,)."""
    return np.asarray(belief + reach[:, None] * (truth[None, :] - belief))


class Beliefs:
    """Perceived chances of interception and death and perceived fee, shape (groups, legs) each.

    Parameters
    ----------
    groups : int
    stopped, death, fee : FloatArray, shape (legs,)
        The truth at the start, which everybody begins with.
    params : Mapping
        Registry values.
    """

    def __init__(self, groups: int, stopped: FloatArray, death: FloatArray, fee: FloatArray,
                 params: Mapping[str, float]) -> None:  # fmt: skip
        self.stopped = np.tile(stopped, (groups, 1))
        self.death = np.tile(death, (groups, 1))
        self.fee = np.tile(fee, (groups, 1))
        self._params = params

    def update(
        self, attempts: FloatArray, interceptions: FloatArray, deaths: FloatArray, paid: FloatArray,
        fee: FloatArray, truth: tuple[FloatArray, FloatArray], campaign: FloatArray, days: int,
    ) -> None:  # fmt: skip
        """Learn from what passed through in the last `days` days (arrays of shape (groups, legs), persons).

        Parameters
        ----------
        attempts, interceptions, deaths, paid : FloatArray, shape (groups, legs)
            Since the last update.
        fee : FloatArray, shape (legs,)
            Fees asked now.
        truth : tuple of FloatArray
            Current chances of interception and of death (legs,), which campaigns tell.
        campaign : FloatArray, shape (groups,)
            Share reached per year.
        days : int
            Since the last update.
        """
        p = self._params
        rate = 1.0 - 0.5 ** (days / p["beliefs.half_life_days"])
        half, voice = p["beliefs.half_seen"], p["beliefs.news_of_deaths"]
        self.stopped = learn(self.stopped, attempts, interceptions, half, rate)
        self.death = learn(self.death, attempts, deaths, half, rate, voice)
        self.fee = learn(self.fee, paid, paid * fee[None, :], half, rate)
        talk = p["beliefs.exchange_per_month"] * days * 12.0 / 365.25
        self.stopped = exchange(self.stopped, attempts, talk)
        self.death = exchange(self.death, attempts, talk)
        self.fee = exchange(self.fee, paid, talk)
        reach = 1.0 - (1.0 - np.minimum(campaign, 1.0)) ** (days / 365.25)
        if np.any(reach > 0.0):
            self.stopped = inform(self.stopped, truth[0], reach)
            self.death = inform(self.death, truth[1], reach)
