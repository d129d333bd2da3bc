"""Covering targets against somebody who watches first: security games.

Every target i pays the attacker a_i if it is attacked uncovered and less if covered, and costs the defender likewise; c_i
is the chance that it is covered when it is attacked. The defender commits to c with sum c <= resources; the attacker sees c, not
where the cover is at the moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ..linear_model import Builder, Floats
from ..solving import Infeasible, SolveError, SolverName, solve
from .networks import DUST, InterdictionError, number

PAYOFFS = ("defender_covered", "defender_uncovered", "attacker_covered", "attacker_uncovered")

CLOSE = 1e-6
"""Largest gap, relative to the largest payoff, between the payoff found and the one proved."""

QUICK_STEPS = 12
"""Steps of Dinkelbach's method before bisection takes over."""

HALVINGS = 100
"""Steps of a bisection; double precision is used up before."""


@dataclass(frozen=True)
class SecurityGame:
    """The defender's best commitment.

    Attributes
    ----------
    value : float
        With gains alone: the attacker's expected gain, which the defender makes least.  With four payoffs a target: the
        defender's expected payoff, which the defender makes greatest.
    effort : dict target -> float
        Chance that the target is covered: the least cover that achieves the value.
    attack : dict target -> float
        Chance that the attacker chooses the target: the quantal response; or, for a best response, the equilibrium mix with gains
        alone and the one target that is attacked with four payoffs.
    defender_utility, attacker_utility : float
        Expected payoffs.
    bound : float
        What no cover within the resources can better, as proved.
    gap : float
        Distance of value and bound, relative to the largest payoff.
    status : str
        ``optimal``: anything less is an error.
    """

    value: float
    effort: dict[Hashable, float]
    attack: dict[Hashable, float]
    defender_utility: float
    attacker_utility: float
    bound: float
    gap: float
    status: str


def security_game(
    utilities: Sequence[Any] | Mapping[Any, Any] | np.ndarray[Any, Any] | pd.Series[Any] | pd.DataFrame, resources: float,
    rationality: float | None = None, *, solver: SolverName = "highs",
) -> SecurityGame:
    """How to cover targets when the attacker watches the cover first.

    Parameters
    ----------
    utilities
        Targets and what is at stake, in one of two forms.  *Gains* (zero-sum): a sequence or a mapping of what the attacker
        gains, and the defender loses, by attacking the target uncovered; covered it is nothing.  *Four payoffs* (general sum): by
        target a mapping with ``defender_covered``, ``defender_uncovered``, ``attacker_covered``, ``attacker_uncovered``, or these
        four in this order; also an array of shape (targets, 4) or a data frame with these columns.  Cover must not harm the
        defender nor please the attacker.  Targets are named by the keys of a mapping or an index, and numbered from 0 otherwise.
    resources : float
        How many targets can be covered at a time; need not be whole.
    rationality : float, optional
        Lambda of the attacker's quantal response, per unit of payoff: target i is chosen with a chance in proportion to
        exp(lambda * expected payoff of the attacker).  0 is blind chance.  Not given, or infinite: the attacker takes a best target, of equals
        the one that is best for the defender (strong Stackelberg equilibrium).

    Returns
    -------
    SecurityGame

    Raises
    ------
    InterdictionError
        For payoffs that are no numbers, negative gains, cover that harms the defender or pleases the attacker, no targets, or
        resources or rationality below zero.
    SolveError
        When no optimum was proved.

    Notes
    -----
    Best response, gains alone: min v subject to (1 - c_i) gain_i <= v (Kiekintveld and others 2009, AAMAS).  Four payoffs: one
    linear programme for each target that might be the one attacked (Conitzer and Sandholm 2006, EC).

    Quantal response (McKelvey and Palfrey 1995; Yang and others 2011, IJCAI): with b_i = lambda (a_i - a'_i) >= 0 what cover
    deters and d_i >= 0 what it saves, the defender gets more than r from some cover exactly if

        min over c of  sum_i exp(-b_i c_i) w_i (r - u_i - d_i c_i)  is below zero,

    and r is found by bisection.  Each term falls up to c_i = (r - u_i) / d_i + 1 / b_i, rises beyond and is convex up to
    there: no optimum covers a target further, so that the minimum is that of a convex problem, one price for the resources finds
    it, and its Lagrangian proves it.  No piecewise-linear approximation is needed.

    Examples
    --------
    >>> game = security_game([10, 6, 2], resources=1)
    >>> round(game.value, 6), {target: round(cover, 6) for target, cover in game.effort.items()}
    (3.75, {0: 0.625, 1: 0.375, 2: 0.0})
    """
    names, payoffs, zero_sum = _read(utilities)
    resources = number(resources, "resources")
    if rationality is not None:
        rationality = number(rationality, "rationality")
    if rationality is not None and rationality < math.inf:
        cover, attack, bound = _quantal(payoffs, resources, rationality)
    elif zero_sum:
        cover, attack, bound = _least_gain(payoffs[:, 3], resources, solver)
    else:
        cover, attack, bound = _stackelberg(payoffs, resources, solver)
    defender = payoffs[:, 1] + cover * (payoffs[:, 0] - payoffs[:, 1])
    attacker = payoffs[:, 3] - cover * (payoffs[:, 3] - payoffs[:, 2])
    for_defender, for_attacker = float(attack @ defender), float(attack @ attacker)
    value, bound = (for_attacker, -bound) if zero_sum else (for_defender, bound)
    size = float(np.abs(payoffs).max()) or 1.0
    return SecurityGame(
        value=value, effort=dict(zip(names, cover.tolist(), strict=True)), attack=dict(zip(names, attack.tolist(), strict=True)),
        defender_utility=for_defender, attacker_utility=for_attacker, bound=bound, gap=abs(value - bound) / size, status="optimal")


def _read(utilities: Any) -> tuple[list[Hashable], Floats, bool]:
    """Names of the targets, payoffs (targets, 4) in the order of `PAYOFFS`, and whether only gains were given."""
    if isinstance(utilities, pd.DataFrame):
        utilities = utilities.to_dict(orient="index")
    elif isinstance(utilities, pd.Series):
        utilities = utilities.to_dict()
    elif isinstance(utilities, np.ndarray):
        utilities = utilities.tolist()
    if isinstance(utilities, Mapping):
        names, rows = list(utilities), list(utilities.values())
    elif isinstance(utilities, Sequence) and not isinstance(utilities, str):
        names, rows = list(range(len(utilities))), list(utilities)
    else:
        raise InterdictionError(f"utilities: expected gains or four payoffs by target, got {type(utilities).__name__}")
    if not rows:
        raise InterdictionError("utilities: there are no targets")
    zero_sum = isinstance(rows[0], Real)
    payoffs = np.zeros((len(rows), len(PAYOFFS)))
    for position, (name, row) in enumerate(zip(names, rows, strict=True)):
        if isinstance(row, Real) is not zero_sum:
            raise InterdictionError(f"utilities: target {name!r} is written in another form than target {names[0]!r}")
        if zero_sum:
            gain = number(row, f"the gain from target {name!r}")
            if gain == math.inf:
                raise InterdictionError(f"the gain from target {name!r} is infinite")
            payoffs[position] = 0.0, -gain, 0.0, gain
        else:
            payoffs[position] = _four(name, row)
    return names, payoffs, zero_sum


def _four(name: Hashable, row: Any) -> list[float]:
    if isinstance(row, Mapping):
        for key in PAYOFFS:
            if key not in row:
                raise InterdictionError(f"target {name!r} has no {key!r}; it has {', '.join(map(repr, row))}")
        row = [row[key] for key in PAYOFFS]
    if not isinstance(row, (Sequence, np.ndarray)) or isinstance(row, str) or len(row) != len(PAYOFFS):
        raise InterdictionError(f"target {name!r}: expected a gain, or the four payoffs {', '.join(PAYOFFS)}; got {row!r}")
    for key, value in zip(PAYOFFS, row, strict=True):
        if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
            raise InterdictionError(f"{key} of target {name!r} is {value!r}, not a number")
    covered, uncovered, caught, free = (float(value) for value in row)
    if covered < uncovered:
        raise InterdictionError(f"target {name!r}: cover harms the defender ({covered:g} covered, {uncovered:g} uncovered)")
    if caught > free:
        raise InterdictionError(f"target {name!r}: cover pleases the attacker ({caught:g} covered, {free:g} uncovered)")
    return [covered, uncovered, caught, free]


def _least_gain(gain: Floats, resources: float, solver: SolverName) -> tuple[Floats, Floats, float]:
    """Best cover against a best response when there are gains alone: cover, equilibrium attack, bound on the defender's payoff."""
    unit = float(gain.max()) or 1.0
    b = Builder(name="cover", objective_unit=unit)
    v = b.columns("gain", ("kind",), [("most",)], cost=1.0)
    labels = [(str(i),) for i in range(gain.size)]
    c = b.columns("cover", ("target",), labels, upper=1.0)
    here = np.arange(gain.size)
    # v + gain c >= gain
    b.rows("target", ("target",), labels, ">=", gain / unit, np.concatenate([here, here]),
           np.concatenate([np.repeat(v, gain.size), c]), np.concatenate([np.ones(gain.size), gain / unit]))
    b.rows("resources", ("kind",), [("all",)], "<=", min(resources, float(gain.size)), np.zeros_like(c), c, 1.0)
    answer = solve(b.build(), solver)
    least = max(0.0, float(answer.x[0]))
    cover = np.clip(1.0 - least * unit / np.where(gain > 0, gain, math.inf), 0.0, 1.0)
    cover = np.where(gain > least * unit, cover, 0.0)
    attack = np.maximum(answer.dual[:gain.size] / unit, 0.0)
    attack = np.where(attack > DUST, attack, 0.0)
    if attack.sum() == 0:  # everything is covered, or nothing is to be gained: any target is as good as another
        attack = np.where(gain == gain.max(), 1.0, 0.0)
    return cover, attack / attack.sum(), -answer.bound


def _stackelberg(payoffs: Floats, resources: float, solver: SolverName) -> tuple[Floats, Floats, float]:
    """Strong Stackelberg equilibrium with four payoffs, by one programme for each target that may be attacked."""
    saved, deterred = payoffs[:, 0] - payoffs[:, 1], payoffs[:, 3] - payoffs[:, 2]
    free = payoffs[:, 3]
    size, scale = free.size, float(np.abs(payoffs).max()) or 1.0
    labels = [(str(i),) for i in range(size)]
    best, target, level, bound = -math.inf, 0, 0.0, -math.inf
    for i in range(size):
        b = Builder(name="cover")
        c = b.columns("cover", ("target",), labels, upper=1.0, cost=np.where(np.arange(size) == i, -saved / scale, 0.0))
        others = np.flatnonzero(np.arange(size) != i)
        here = np.arange(others.size)
        if others.size:  # the attacker likes target i at least as much as j: free_i - deterred_i c_i >= free_j - deterred_j c_j
            b.rows("prefers", ("target",), [labels[j] for j in others], ">=", (free[others] - free[i]) / scale,
                   np.concatenate([here, here]), np.concatenate([np.repeat(c[i], others.size), c[others]]),
                   np.concatenate([np.full(others.size, -deterred[i]), deterred[others]]) / scale)
        b.rows("resources", ("kind",), [("all",)], "<=", min(resources, float(size)), np.zeros_like(c), c, 1.0)
        try:
            answer = solve(b.build(), solver)
        except Infeasible:
            continue
        bound = max(bound, float(payoffs[i, 1]) - answer.bound * scale)
        reached = float(payoffs[i, 1] + saved[i] * answer.x[i])
        if reached > best:
            best, target, level = reached, i, float(np.clip(answer.x[i], 0.0, 1.0))
    held = free[target] - deterred[target] * level
    cover = np.clip((free - held) / np.where(deterred > 0, deterred, math.inf), 0.0, 1.0)
    cover[target] = level
    attack = np.zeros(size)
    attack[target] = 1.0
    return cover, attack, bound


@dataclass(frozen=True)
class _Response:
    """The terms of the quantal search, by target: exp(pull - deterred c) is how likely the attacker chooses it."""

    worst: Floats
    saved: Floats
    pull: Floats
    deterred: Floats
    resources: float

    def attack(self, cover: Floats) -> Floats:
        """The attacker's choice."""
        weight = np.exp(self._log_weight(cover) - self._log_weight(cover).max())
        return np.asarray(weight / weight.sum(), dtype=np.float64)

    def payoff(self, cover: Floats) -> float:
        """The defender's expected payoff."""
        return float(self.attack(cover) @ (self.worst + self.saved * cover))

    def _log_weight(self, cover: Floats) -> Floats:
        return self.pull - self.deterred * cover

    def covers(self, ratio: float) -> Callable[[float], Floats]:
        """Where each term, plus a price (its logarithm is the argument) times the cover, is least.

        The derivative exp(pull - b c) (b (ratio - worst - d c) + d) = price of the notes is y exp(y) = price exp(k) / (d exp(pull))
        in y = k - b c, with k = b (ratio - worst) / d + 1: y is Wright's omega function of the logarithm of the right side.
        """
        b, d = self.deterred, self.saved
        room = b * (ratio - self.worst)
        bends, deters = (b > 0) & (d > 0), b > 0
        divisor = np.where(deters, b, 1.0)
        k = 1.0 + room / np.where(d > 0, d, 1.0)
        log_d, log_room = np.log(np.where(d > 0, d, 1.0)), np.log(np.where(room > 0, room, 1.0))
        shift = np.where(bends, k - log_d - self.pull, 0.0)

        def at(log_price: float) -> Floats:
            bent = (k - special.wrightomega(shift + log_price)) / divisor
            deterring = np.where(room > 0, (self.pull + log_room - log_price) / divisor, 0.0)  # cover that saves nothing
            saving = (d > 0) & (self.pull + log_d > log_price)  # cover that deters nobody
            return np.asarray(np.clip(np.where(bends, bent, np.where(deters, deterring, saving)), 0.0, 1.0), dtype=np.float64)

        return at

    def best_for(self, ratio: float) -> tuple[Floats, float]:
        """The cover that makes the sum of the notes least, and a lower bound on that sum (scaled by a positive number)."""
        cover_at = self.covers(ratio)
        full = cover_at(-math.inf)
        if full.sum() <= self.resources:
            return full, self._least(ratio, full, -math.inf)
        with np.errstate(divide="ignore"):
            first = self.pull + np.log(np.maximum(self.deterred * (ratio - self.worst) + self.saved, 0.0))
        dear = float(first.max())  # at this price nobody covers anything
        cheap, step = dear - 1.0, 1.0
        while cover_at(cheap).sum() < self.resources and step < math.inf:
            step *= 2.0
            cheap = dear - step
        for _ in range(HALVINGS):
            middle = (dear + cheap) / 2
            if not cheap < middle < dear:
                break
            if cover_at(middle).sum() < self.resources:
                dear = middle
            else:
                cheap = middle
        few, many = cover_at(dear), cover_at(cheap)
        extra = float(many.sum() - few.sum())
        share = min(1.0, (self.resources - float(few.sum())) / extra) if extra > 0 else 0.0
        return few + share * (many - few), self._least(ratio, few, dear)

    def _least(self, ratio: float, cover: Floats, log_price: float) -> float:
        """The Lagrangian at the cover that makes it least: a lower bound on the sum over all covers within the resources."""
        log_weight = self._log_weight(cover)
        top = max(float(log_weight.max()), log_price)
        terms = np.exp(log_weight - top) * (ratio - self.worst - self.saved * cover)
        return float(terms.sum()) + math.exp(log_price - top) * (float(cover.sum()) - self.resources)


def _quantal(payoffs: Floats, resources: float, rationality: float) -> tuple[Floats, Floats, float]:
    """Best cover against a quantal response: cover, response, bound on the defender's payoff (notes of `security_game`)."""
    size = float(np.abs(payoffs).max()) or 1.0
    response = _Response(
        worst=payoffs[:, 1], saved=payoffs[:, 0] - payoffs[:, 1], pull=rationality * payoffs[:, 3],
        deterred=rationality * (payoffs[:, 3] - payoffs[:, 2]), resources=resources)
    cover = np.full(len(payoffs), min(1.0, resources / len(payoffs)))
    reached, bound = response.payoff(cover), float(payoffs[:, 0].max())
    fine = 1e-10 * size
    # The cover that is best for the payoff reached so far reaches more, until nothing does (Dinkelbach).
    for _ in range(QUICK_STEPS):
        candidate, _ = response.best_for(reached)
        payoff = response.payoff(candidate)
        if payoff <= reached:
            break
        cover, reached = candidate, payoff
    # A very rational attacker makes these steps short: from here the interval between payoff and bound is halved.
    aim = reached + fine
    while bound - reached > fine:
        candidate, least = response.best_for(aim)
        payoff = response.payoff(candidate)
        if payoff > reached:
            cover, reached = candidate, payoff
        if least >= 0:
            bound = max(aim, reached)
        elif payoff <= aim:
            break  # rounding: it cannot be told any more on which side the aim lies
        aim = (reached + bound) / 2
    if bound - reached > CLOSE * size:
        raise SolveError(f"the best cover found gives the defender {reached:g}, and the bound that was proved is {bound:g}")
    return cover, response.attack(cover), max(bound, reached)
