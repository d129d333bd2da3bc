"""Paired tests and races of placements, on replicates that nothing has used before.

Every replicate is used once: a placement that was lucky in one test is not lucky in the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..linear_model import Floats
from .observing import Simulator, weighted

FRESH = 100_000
"""First replicate of tests: measuring and evaluating plans take lower numbers, and each test takes new ones."""
DUST = 1e-4
"""Staff below this is not simulated."""


@dataclass(frozen=True)
class Verdict:
    """A paired test of one placement against another: negative is better."""

    mean: float
    low: float
    high: float
    p: float
    replicates: int
    better: bool


@dataclass(frozen=True)
class Race:
    """Several placements in the same replicates.

    Attributes
    ----------
    best : str
        The trusted one, unless a paired test threw it out; otherwise the one with the least harm of those that were left.
    against : dict
        Every other placement -> the best one tested against it, in the replicates that both were in.
    """

    best: str
    against: dict[str, Verdict]


@dataclass
class PairedTests:
    """Takes fresh replicates, and compares placements in them.

    Parameters
    ----------
    simulator : Simulator
    weights : mapping outcome -> points per unit
    replicates, most : int
        Replicates of a first look, and most of a test; each further look doubles them.
    significance : float
        Chance of a false alarm, over all looks of one test.

    Attributes
    ----------
    used, runs : int
        Replicates and runs that were taken.
    noise : float
        Standard deviation of a pair in the last comparison; infinite before there was one.
    """

    simulator: Simulator
    weights: Mapping[str, float]
    replicates: int = 8
    most: int = 32
    significance: float = 0.05
    used: int = field(default=0, init=False)
    runs: int = field(default=0, init=False)
    noise: float = field(default=math.inf, init=False)

    @property
    def looks(self) -> list[int]:
        """After how many replicates it is looked."""
        sizes = [self.replicates]
        while sizes[-1] * 2 <= self.most:
            sizes.append(sizes[-1] * 2)
        return sizes

    @property
    def tellable(self) -> float:
        """Difference (points) that is as large as its standard error at the end of a test, as noisy as the last."""
        return self.noise / math.sqrt(self.looks[-1])

    def better(self, candidate: Floats, held: Floats, what: str) -> Verdict:
        """Test whether `candidate` avoids more weighted harm than `held`.

        It is looked until it is decided; the chance of a false alarm is shared evenly over the looks (Bonferroni), so that looking
        often does not make noise pass.  A test whose p is above 0.8 is given up: further pairs are unlikely to turn it.
        """
        values = np.zeros((2, 0))
        verdict = Verdict(0.0, -math.inf, math.inf, 1.0, 0, False)
        for size in self.looks:
            values = np.concatenate([values, self._harm([candidate, held], size - values.shape[1], what)], axis=1)
            verdict = self._verdict(values[0] - values[1])
            if verdict.better or verdict.p > 0.8:
                break
        return verdict

    def race(self, placements: Mapping[str, Floats], what: str, trusted: str | None = None) -> Race:
        """Find the placement with the least weighted harm.

        Parameters
        ----------
        placements : mapping name -> array (R, P, T)
        what : str
            For the progress bar.
        trusted : str, optional
            The one of which most is known beforehand: it wins unless it is thrown out, because the luckiest of several in a few
            replicates is not the best.

        Notes
        -----
        After each look those are thrown out that the leading one beats in a paired test (at the looks' level, for each of them);
        the race ends with one, or after the last look (racing: Maron and Moore 1997, Artificial Intelligence Review 11:193-225).
        """
        names = list(placements)
        values: dict[str, Floats] = {name: np.zeros(0) for name in names}
        running, leading = list(names), names[0]
        for size in self.looks:
            if len(running) == 1:
                break
            told = self._harm([placements[name] for name in running], size - len(values[running[0]]), what)
            for name, own in zip(running, told, strict=True):
                values[name] = np.concatenate([values[name], own])
            leading = min(running, key=lambda name: float(values[name].mean()))
            running = [name for name in running if name == leading or not self._verdict(values[leading] - values[name]).better]
        best = trusted if trusted is not None and trusted in running else leading
        return Race(best, {name: self._verdict(values[best][:len(values[name])] - values[name]) for name in names if name != best})

    def _harm(self, placements: list[Floats], count: int, what: str) -> Floats:
        """Weighted harm (placements, count) in replicates that nothing has used."""
        first = FRESH + self.used
        self.used += count
        self.runs += count * len(placements)
        seen = self.simulator.observe([np.where(x < DUST, 0.0, x) for x in placements], range(first, first + count), what)
        return np.array([[weighted(one, dict(self.weights)) for one in runs] for runs in seen])

    def _verdict(self, differences: Floats) -> Verdict:
        """Paired one-sided t test whether differences are below zero, at the level of one look."""
        from scipy import stats

        count = len(differences)
        mean = float(differences.mean())
        spread = float(differences.std(ddof=1)) if count > 1 else math.inf
        error = spread / math.sqrt(count)
        if error <= 1e-12 * (1.0 + abs(mean)):  # a simulation without noise, or two placements alike
            return Verdict(mean, mean, mean, 0.0 if mean < 0 else 1.0, count, mean < -1e-9)
        self.noise = spread
        p = float(stats.t.cdf(mean / error, count - 1)) if count > 1 else 1.0
        half = float(stats.t.ppf(0.975, count - 1)) * error if count > 1 else math.inf
        return Verdict(mean, mean - half, mean + half, p, count, p < self.significance / len(self.looks))
