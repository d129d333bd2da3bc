"""Rival hypotheses of how travellers choose, so that a study can ask whether its ranking of policies survives them.

All four choose by the recursive logit and agree at the reference; they differ in what moves a choice away from it.

- *expected utility*: chances count as they are believed, and the past does not count.
- *salience*: attention goes to what stands out against what is usual.  A state of the world weighs its chance times
  delta^(-sigma), normalised, with sigma(x, 1) = (x - 1) / (x + 1 + theta) for news x times the usual (Bordalo, Gennaioli and
  Shleifer 2012, "Salience theory of choice under risk", Quarterly Journal of Economics 127:1243-1285, equations 3 and 5 in
  the smooth form); news are recent deaths and interceptions, and decay.
- *habit*: choices of the last time are a reference from which people move only in part, so that log odds adjust by
  x(t) = (1 - rho) v + rho x(t - 1) (state dependence: Heckman 1981, in Manski and McFadden, Structural Analysis of Discrete
  Data; inertia: Cantillo, Ortúzar and Williams 2007, Transportation Science 41:195-205).
- *rumour*: utility carries J log s, with s the share of all who passed that took the leg, whoever they were (social
  interactions: Brock and Durlauf 2001, Review of Economic Studies 68:235-260, popularity in logs).  Below J = 1 there is one
  equilibrium, with log odds v / (1 - J); above, whoever is ahead takes all (informational cascades: Bikhchandani, Hirshleifer
  and Welch 1992, Journal of Political Economy 100:992-1026).

Habit and rumour act on legs that lie on no cycle, so that none can become free.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .beliefs import Seen
from .route_choice import Network

FloatArray = npt.NDArray[np.float64]
HYPOTHESES = ("expected_utility", "salience", "habit", "rumour")


def salience_weight(news: FloatArray, delta: float, theta: float) -> FloatArray:
    """delta^(-sigma) for news relative to the usual (1 means as usual); what is less than usual does not stand out."""
    sigma = np.maximum(news - 1.0, 0.0) / (news + 1.0 + theta)
    return np.asarray(delta ** (-sigma))


def salient_chances(
    stopped: FloatArray, death: FloatArray, weight_stopped: FloatArray, weight_death: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Chances of being stopped (of those who live) and of dying with the states' weights, normalised."""
    dies, is_stopped = death * weight_death, (1.0 - death) * stopped * weight_stopped
    passes = (1.0 - death) * (1.0 - stopped)
    total = dies + is_stopped + passes
    lives = np.maximum(is_stopped + passes, 1e-12)
    return np.asarray(is_stopped / lives), np.asarray(dies / total)


class Behaviour:
    """One of the hypotheses, with what it remembers.

    Parameters
    ----------
    hypothesis : str
        One of `HYPOTHESES`.
    network : Network
    flow : FloatArray, shape (groups, legs)
        Attempts a day at the reference.
    stopped, death : FloatArray, shape (legs,)
        Chances at the reference.
    utility : FloatArray, shape (kinds, legs)
        v at the reference.
    group : IntArray, shape (kinds,)
        Origin group of each kind.
    params : Mapping
        Registry values.

    Raises
    ------
    ValueError
        For an unknown hypothesis.
    """

    def __init__(self, hypothesis: str, network: Network, flow: FloatArray, stopped: FloatArray, death: FloatArray,
                 utility: FloatArray, group: npt.NDArray[np.int64], params: Mapping[str, float]) -> None:  # fmt: skip
        if hypothesis not in HYPOTHESES:
            raise ValueError(f"no behaviour '{hypothesis}'; expected one of {', '.join(HYPOTHESES)}")
        self.hypothesis = hypothesis
        self._network = network
        self._p = params
        self._usual = (stopped, death)
        self._utility_0 = utility
        self._group = group
        self._free = ~network.on_cycle
        legs = network.legs
        self._attempts, self._stops, self._deaths = np.zeros(legs), np.zeros(legs), np.zeros(legs)
        #: attempts a day that are remembered, of the group or of all
        self._flow = flow.sum(axis=0, keepdims=True) if hypothesis == "rumour" else flow.copy()
        self._log_share_0 = self._log_share()

    def observe(self, seen: Seen, days: float) -> None:
        """Remember what passed through in the last `days` days."""
        p = self._p
        if self.hypothesis == "salience":
            kept = 0.5 ** (days / p["behaviour.news_half_life_days"])
            self._attempts = kept * self._attempts + seen.attempts.sum(axis=0)
            self._stops = kept * self._stops + seen.interceptions.sum(axis=0)
            self._deaths = kept * self._deaths + seen.deaths.sum(axis=0)
        elif self.hypothesis in ("habit", "rumour"):
            weight = 1.0 - 0.5 ** (days / p["behaviour.memory_half_life_days"])
            now = seen.attempts / days
            if self.hypothesis == "rumour":
                now = now.sum(axis=0, keepdims=True)
            self._flow = self._flow + weight * (now - self._flow)

    def news(self) -> tuple[FloatArray, FloatArray]:
        """Recent interceptions and deaths on each leg relative to the usual, shape (legs,) each; 1 where little is known."""
        few = self._p["behaviour.news_least"]
        stopped, death = self._usual
        return (
            np.asarray((self._stops + few) / (self._attempts * stopped + few)),
            np.asarray((self._deaths + few) / (self._attempts * death + few)),
        )

    def perceive(self, stopped: FloatArray, death: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Chances as they weigh in a choice, shape (views, legs) each, from what is believed of them."""
        if self.hypothesis != "salience":
            return stopped, death
        delta, theta = self._p["behaviour.salience_delta"], self._p["behaviour.salience_theta"]
        weights = (salience_weight(news, delta, theta) for news in self.news())
        return salient_chances(stopped, death, *weights)

    def adjust(self, utility: FloatArray) -> FloatArray:
        """v with what the past adds to it, shape (kinds, legs)."""
        if self.hypothesis not in ("habit", "rumour"):
            return utility
        gained = self._log_share() - self._log_share_0
        if self.hypothesis == "rumour":
            return np.asarray(utility + np.where(self._free, self._p["behaviour.rumour_strength"] * gained, 0.0))
        rho = self._p["behaviour.habit_persistence"]
        kept = rho * (gained[self._group] - (utility - self._utility_0))
        return np.asarray(utility + np.where(self._free, kept, 0.0))

    def _log_share(self) -> FloatArray:
        """log of each leg's share of the remembered flow out of its hub; where few passed, all legs are alike."""
        start, tail = self._network.start, self._network.tail
        out = np.diff(start)[tail]
        few = self._p["behaviour.least_flow"]
        total = np.zeros((len(self._flow), self._network.hubs))
        np.add.at(total.T, tail, self._flow.T)
        return np.asarray(np.log((self._flow + few / out) / (total[:, tail] + few)))
