"""Beliefs: what origin groups have heard of each leg, and what they think of its fee, risks and delay.

Each update moves a group's beliefs in four steps, and what is not renewed fades:

1. *own exploration*: towards what happened to those of the group who passed, the more so the more passed;
2. *word of mouth*: towards what others say, weighted by who passed, told with an error (lognormal with mean 1);
3. *smugglers' promises*: towards the truth made smaller, where legs are sold;
4. *campaigns*: towards the truth, for those reached.

Deaths travel as news less well than interceptions: those who died do not tell.  A leg that a group has not heard of is not
chosen: with chance k of having heard of it, its utility carries log k (implicit perception of alternatives: Cascetta and
Papola 2001, "Random utility models with implicit availability/perception of choice alternatives for the simulation of travel
demand", Transportation Research Part C 9:249-263), here relative to what is known of it at the reference.

Word of mouth that errs, own exploration and forgetting are what Hinsch and Bijak (2019, "Rumours lead to self-organized
migration routes", ALIFE; 2023, "The effects of information on the formation of migration routes and the dynamics of
migration", Artificial Life 29:3-20) find to make routes a consensus that nobody can foresee, slow to respond and less than
optimal; on campaigns see Dunsch, Tjaden and Quiviger (2019, IOM).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

FloatArray = npt.NDArray[np.float64]
FIELDS = ("stopped", "death", "fee", "delay", "returned")
"""What is believed of a leg: chances per attempt, EUR, days of waiting for a place, chance of being sent back."""
RISKS = ("stopped", "death", "returned")


class Seen(NamedTuple):
    """What passed through since the last update, persons, shape (groups, legs)."""

    attempts: FloatArray
    interceptions: FloatArray
    deaths: FloatArray
    paid: FloatArray
    crossings: FloatArray
    returned: FloatArray


class Now(NamedTuple):
    """The truth of each leg, shape (legs,)."""

    stopped: FloatArray
    death: FloatArray
    fee: FloatArray
    delay: FloatArray
    returned: FloatArray


def learn(
    belief: FloatArray, seen: FloatArray, events: FloatArray, half_seen: float, rate: float,
    voice: float = 1.0,
) -> FloatArray:  # fmt: skip
    """Own exploration: move beliefs (groups, legs) towards the observed rate events / seen.

    The step is rate x voice x seen / (seen + half_seen): with little experience little is learnt.
    """
    observed = np.where(seen > 0.0, events / np.maximum(seen, 1e-12), belief)
    weight = rate * voice * seen / (seen + half_seen)
    return np.asarray(belief + weight * (observed - belief))


def exchange(
    belief: FloatArray, seen: FloatArray, strength: float, error: FloatArray | float = 1.0
) -> FloatArray:
    """Word of mouth between groups: towards the average belief, weighted by who passed, as it is told (times `error`)."""
    mass = seen + 1e-9
    average = (belief * mass).sum(axis=0) / mass.sum(axis=0)
    return np.asarray(belief + strength * (average[None, :] * error - belief))


def inform(belief: FloatArray, told: FloatArray, reach: FloatArray) -> FloatArray:
    """A source that says `told` (legs,) moves beliefs by the share that it reaches (groups,) or (groups, legs)."""
    share = reach[:, None] if reach.ndim == 1 else reach
    return np.asarray(belief + share * (told[None, :] - belief))


class Beliefs:
    """What groups believe and know of legs, shape (groups, legs) each.

    Parameters
    ----------
    groups : int
    start : Now
        The truth at the start, which everybody begins with and which beliefs return to as they fade.
    params : Mapping
        Registry values.
    flow : FloatArray, optional, shape (groups, legs)
        Attempts a day that succeed at the reference, which keep legs known; without it every leg is known to all.
    sold : FloatArray, optional, shape (legs,)
        Share of attempts with a smuggler, who makes promises; without it nobody does.

    Attributes
    ----------
    stopped, death, fee, delay, returned : FloatArray
        What is believed.
    heard : FloatArray
        Share of the group that has heard of the leg from others of its kind or by word of mouth.
    """

    stopped: FloatArray
    death: FloatArray
    fee: FloatArray
    delay: FloatArray
    returned: FloatArray

    def __init__(self, groups: int, start: Now, params: Mapping[str, float], flow: FloatArray | None = None,
                 sold: FloatArray | None = None) -> None:  # fmt: skip
        self._params = params
        self._first = start
        for name in FIELDS:
            setattr(self, name, np.tile(getattr(start, name), (groups, 1)))
        shape = self.stopped.shape
        self._sold = np.zeros(shape[1]) if sold is None else sold
        self.heard = np.ones(shape)
        if flow is not None:
            self._settle_knowledge(flow)
        self._heard_0 = self.heard

    def _settle_knowledge(self, flow: FloatArray) -> None:
        """What is known in the long run when flows are as at the reference."""
        month = 365.25 / 12.0
        rate, fade = self._rates(month)
        talk = self._talk(month)
        weight = self._weight(flow * month, month)
        for _ in range(100):
            self.heard = _pass_on(self.heard, weight, rate, fade, talk, flow)

    def _rates(self, days: float) -> tuple[float, float]:
        p = self._params
        learnt = 1.0 - 0.5 ** (days / p["beliefs.half_life_days"])
        return learnt, 1.0 - 0.5 ** (days / p["beliefs.forgetting_half_life_days"])

    def _talk(self, days: float) -> float:
        return float(-np.expm1(-self._params["beliefs.exchange_per_month"] * days * 12.0 / 365.25))

    def _weight(self, seen: FloatArray, days: float) -> FloatArray:
        return np.asarray(seen / (seen + self._half(days)))

    def _half(self, days: float) -> float:
        return self._params["beliefs.half_seen_per_month"] * days * 12.0 / 365.25

    def perception(self) -> FloatArray:
        """log of the chance of having heard of a leg, relative to the reference, shape (groups, legs)."""
        common = self._params["beliefs.common_knowledge"]
        known = common + (1.0 - common) * self.heard
        known_0 = common + (1.0 - common) * self._heard_0
        return np.asarray(np.log(np.maximum(known, 1e-9) / np.maximum(known_0, 1e-9)))

    def update(
        self, seen: Seen, now: Now, campaign: FloatArray, days: int, draws: FloatArray | None = None
    ) -> None:
        """Move beliefs by what happened in the last `days` days.

        Parameters
        ----------
        seen : Seen
            Persons since the last update.
        now : Now
            The truth, which campaigns tell and smugglers make smaller; its fees and delays are what travellers meet.
        campaign : FloatArray, shape (groups,)
            Share reached per year.
        days : int
            Since the last update.
        draws : FloatArray, optional, shape (5, groups, legs)
            Uniform numbers for the errors of word of mouth; without them it does not err.
        """
        p = self._params
        rate, fade = self._rates(days)
        half, talk = self._half(days), self._talk(days)
        weight = self._weight(seen.attempts, days)
        # who was stopped knows the leg, but a way is heard of from those whom it led on
        through = np.maximum(seen.attempts - seen.interceptions - seen.deaths, 0.0)
        asked = seen.paid
        experience = {
            "stopped": (seen.attempts, seen.interceptions, 1.0),
            "death": (seen.attempts, seen.deaths, p["beliefs.news_of_deaths"]),
            "fee": (asked, asked * now.fee[None, :], 1.0),
            "delay": (asked, asked * now.delay[None, :], 1.0),
            "returned": (seen.crossings, seen.returned, 1.0),
        }
        spread = p["beliefs.transfer_error"]
        months = days * 12.0 / 365.25
        promised = -np.expm1(-p["beliefs.smuggler_voice_per_month"] * months * self._sold)
        reach = 1.0 - (1.0 - np.minimum(campaign, 1.0)) ** (days / 365.25)
        for number, (name, (passed, events, voice)) in enumerate(experience.items()):
            belief: FloatArray = getattr(self, name)
            first: FloatArray = getattr(self._first, name)
            belief = inform(belief, first, fade * (1.0 - weight))
            belief = learn(belief, passed, events, half, rate, voice)
            error: FloatArray | float = 1.0
            if draws is not None and spread > 0.0:
                error = np.exp(spread * ndtri(np.maximum(draws[number], 1e-12)) - 0.5 * spread**2)
            belief = exchange(belief, passed, talk, error)
            if name in RISKS:
                truth: FloatArray = getattr(now, name)
                told = truth * (1.0 - p["beliefs.smuggler_understatement"])
                belief = inform(belief, told, np.broadcast_to(promised, belief.shape))
                belief = inform(belief, truth, reach)
                belief = np.minimum(belief, 1.0)
            setattr(self, name, belief)
        self.heard = _pass_on(self.heard, self._weight(through, days), rate, fade, talk, through)


def _pass_on(
    heard: FloatArray, weight: FloatArray, rate: float, fade: float, talk: float, seen: FloatArray
) -> FloatArray:
    """What is known fades where nobody passes, grows where many do, and is passed on by word of mouth."""
    kept = heard * (1.0 - fade * (1.0 - weight))
    met = kept + rate * weight * (1.0 - kept)
    return exchange(met, seen, talk)
