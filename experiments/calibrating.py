"""Calibration without a likelihood: approximate Bayesian computation by sequential Monte Carlo, with pyABC.

Sisson, Fan and Tanaka 2007 (PNAS 104:1760-1765), Toni et al. 2009 (J. R. Soc. Interface 6:187-202); Schaelte et al. 2022,
"pyABC: Efficient and robust easy-to-use approximate Bayesian computation" (JOSS 7:4304). The prior of a parameter is what
`draw: ranges` draws from, triangular over the registry's range. The first generation is the nearest part of runs at the
prior; later ones perturb what was accepted and tighten the threshold, as far as the budget goes.

pyABC proposes, accepts and weighs; runs are made here, in batches, and kept by content. Each proposal has random numbers of
its own, so that results depend neither on the number of processes nor on whether a calibration was interrupted: begun
again, it finds what is finished and goes on.
"""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import registry
from .calibration_runs import Point, RunStore
from .calibration_statistics import Condensed, Yardstick

FloatArray = npt.NDArray[np.float64]
Statistics = Mapping[str, FloatArray]
#: draws of the ensemble
DRAWS: Final = 64
#: with fewer runs than this many times the draws, all are made at the prior
RUNS_FOR_GENERATIONS: Final = 8
#: part of the runs that are made at the prior otherwise
AT_THE_PRIOR: Final = 0.5
#: threshold of a later generation: this quantile of the distances of the one before
NEXT_THRESHOLD: Final = 0.5
#: proposals looked ahead of what is accepted
AHEAD: Final = (8, 64)


class NoPyABC(ImportError):
    """The library is not installed; the message is for the user."""


class BudgetTooSmall(ValueError):
    """Fewer runs than can be calibrated with; the message is for the user."""


class Simulator(Protocol):
    """What makes statistics from points."""

    def known(self, point: Point) -> Statistics | None:
        """Statistics of a point that has been run; None for one that has not."""

    def run(self, points: Sequence[Point], description: str) -> None:
        """Run points, after which all of them are known."""


@dataclass(frozen=True)
class Stored:
    """Runs of history in a store, measured by a yardstick."""

    store: RunStore
    yardstick: Yardstick
    workers: int | None = None
    progress: bool = True

    def known(self, point: Point) -> Statistics | None:
        return self.yardstick.measure(self.store.load(point)) if self.store.has(point) else None

    def run(self, points: Sequence[Point], description: str) -> None:
        self.store.run(points, workers=self.workers, progress=self.progress, description=description)


@dataclass(frozen=True)
class Prior:
    """Triangular distributions: (low, mode, high) by parameter."""

    ranges: Mapping[str, tuple[float, float, float]]

    @classmethod
    def of_registry(cls, names: Sequence[str]) -> Prior:
        """Ranges of the evidence registry.

        Raises
        ------
        ValueError
            For a parameter whose range is a point.
        """
        rows = registry()
        flat = [n for n in names if rows[n].low >= rows[n].high]
        if flat:
            raise ValueError(f"nothing to calibrate in {', '.join(flat)}: the registry's range is a point")
        return cls({n: (rows[n].low, rows[n].value, rows[n].high) for n in sorted(names)})

    @property
    def names(self) -> list[str]:
        return sorted(self.ranges)

    def mean(self) -> FloatArray:
        """In the order of `names`."""
        return np.array([sum(self.ranges[n]) / 3.0 for n in self.names])

    def sd(self) -> FloatArray:
        """In the order of `names`."""
        return np.array([
            math.sqrt((a * a + b * b + c * c - a * b - a * c - b * c) / 18.0)
            for a, b, c in (self.ranges[n] for n in self.names)
        ])  # fmt: skip


@dataclass(frozen=True)
class Posterior:
    """A weighted sample of parameters.

    Attributes
    ----------
    draws : DataFrame
        Columns weight (sum 1), distance, and one a parameter.
    threshold : float
        Largest distance accepted.
    generations : int
    runs : int
        Different points that were run.
    at_the_prior : DataFrame
        All points of the first generation, accepted or not: columns distance and one a parameter.
    """

    draws: pd.DataFrame
    threshold: float
    generations: int
    runs: int
    at_the_prior: pd.DataFrame

    @property
    def effective(self) -> float:
        """Effective number of draws, 1 over the sum of squared weights."""
        return float(1.0 / (self.draws["weight"] ** 2).sum())


class _Missing(Exception):
    def __init__(self, point: Point) -> None:
        super().__init__("a point that has not been run")
        self.point = point


def calibrate(
    prior: Prior,
    simulator: Simulator,
    target: Statistics,
    *,
    budget: int,
    draws: int = DRAWS,
    seed: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Posterior:
    """Find parameters whose runs come near the target.

    Parameters
    ----------
    prior : Prior
    simulator : Simulator
        Statistics in units of their noise: the distance is the sum of absolute differences.
    target : mapping of str to array
    budget : int
        Runs in all; a generation that it does not suffice for is dropped.
    draws : int
        Accepted parameters.
    seed : int
    say : callable
        Told what is being done.

    Raises
    ------
    NoPyABC
        When the library is not installed.
    BudgetTooSmall
        When the budget is not at least twice the draws.
    """
    try:
        import pyabc
        from pyabc.sampler import Sampler
    except ImportError as error:
        raise NoPyABC("calibration needs pyABC: pip install 'countersmuggling[calibration]'") from error
    if budget < 2 * draws:
        raise BudgetTooSmall(f"{budget} runs are too few for {draws} draws: at least {2 * draws} are needed")
    for name in ("ABC", "ABC.History", "ABC.Sampler", "ABC.Distance", "ABC.Epsilon", "ABC.Adaptation"):
        logging.getLogger(name).setLevel(logging.WARNING)
    first = budget if budget < RUNS_FOR_GENERATIONS * draws else round(AT_THE_PRIOR * budget)
    asked: dict[tuple[float, ...], Point] = {}
    names = prior.names

    def simulate(theta: Mapping[str, float]) -> dict[str, FloatArray]:
        point = {n: float(theta[n]) for n in names}
        found = simulator.known(point)
        if found is None:
            raise _Missing(point)
        return dict(found)

    class Batches(Sampler):  # type: ignore[misc]
        """Proposals by number, each with its own random numbers; what has not been run yet is run in batches."""

        def sample_until_n_accepted(
            self, n: int, simulate_one: Callable[[], Any], t: int, *, max_eval: float = math.inf,
            all_accepted: bool = False, ana_vars: object = None,
        ) -> Any:  # fmt: skip
            sample, number, accepted = self._create_empty_sample(), 0, 0
            generation = max(t, 0)
            while accepted < n:
                rate = max(accepted, 1) / max(number, 1) if number else 1.0
                ahead = n if all_accepted else min(max(math.ceil((n - accepted) / rate), AHEAD[0]), AHEAD[1])
                found = self._evaluate(simulate_one, generation, range(number, number + ahead))
                for particle in found:
                    if accepted == n:
                        break
                    number += 1
                    sample.append(particle)
                    accepted += bool(particle.accepted)
                if accepted < n and (not found or number >= max_eval):
                    sample.ok = False
                    break
            self.nr_evaluations_ = number
            return sample

        def _evaluate(self, simulate_one: Callable[[], Any], generation: int, numbers: range) -> list[Any]:
            """Particles of some proposals, up to where the budget ends."""
            known, waiting = self._try(simulate_one, generation, numbers)
            room = budget - len(asked)
            new = {_key(p): p for p in waiting if _key(p) not in asked}
            for key in list(new)[: max(room, 0)]:
                asked[key] = new[key]
            allowed = [p for p in waiting if _key(p) in asked]
            if allowed:
                simulator.run(allowed, "Runs at the prior" if generation == 0 else f"Generation {generation + 1}")
                known, _ = self._try(simulate_one, generation, numbers)
            return known

        def _try(self, simulate_one: Callable[[], Any], generation: int, numbers: range) -> tuple[list[Any], list[Point]]:
            known, waiting = [], []
            before = np.random.get_state()
            try:
                for number in numbers:
                    np.random.seed(zlib.crc32(f"{seed}/{generation}/{number}".encode()))
                    try:
                        particle = simulate_one()
                    except _Missing as missing:
                        waiting.append(missing.point)
                        continue
                    point = {n: float(particle.parameter[n]) for n in names}
                    if _key(point) not in asked:
                        if len(asked) >= budget:
                            break
                        asked[_key(point)] = point
                    if not waiting:  # in order of their number, or acceptance would favour what is finished
                        known.append(particle)
            finally:
                np.random.set_state(before)
            return known, waiting

    def _key(point: Point) -> tuple[float, ...]:
        return tuple(point[n] for n in names)

    distributions = {}
    for n in names:
        low, mode, high = prior.ranges[n]
        distributions[n] = pyabc.RV("triang", (mode - low) / (high - low), low, high - low)
    inference = pyabc.ABCSMC(
        models=pyabc.FunctionModel(simulate, name="history"),
        parameter_priors=pyabc.Distribution(**distributions),
        distance_function=pyabc.PNormDistance(p=1),
        population_size=pyabc.ConstantPopulationSize(draws, nr_calibration_particles=first),
        eps=_Thresholds(pyabc, (draws + 1) / first),
        transitions=pyabc.MultivariateNormalTransition(),
        sampler=Batches(),
    )
    say(f"{first} runs at the prior" + ("" if first == budget else f", {budget - first} in later generations"))
    history = inference.new("sqlite://", {k: np.asarray(v) for k, v in target.items()})
    inference.run(max_nr_populations=1 if first == budget else 20)
    frame, weights = history.get_distribution(m=0, t=history.max_t)
    distances = history.get_weighted_distances(t=history.max_t)
    table = pd.DataFrame(frame[names]).reset_index(drop=True)
    table.columns.name = None
    table.insert(0, "weight", np.asarray(weights, dtype=np.float64))
    table.insert(1, "distance", [_distance(simulator, row, target) for row in table[names].to_dict("records")])
    start = list(asked.values())[:first]
    plain = pd.DataFrame(start)[names]
    plain.insert(0, "distance", [_distance(simulator, p, target) for p in start])
    assert len(distances) == len(table)
    return Posterior(table, float(table["distance"].max()), int(history.max_t) + 1, len(asked), plain)


def _Thresholds(pyabc: Any, first: float) -> Any:
    """Quantiles of distances: one that leaves as many of the runs at the prior as there are draws, then `NEXT_THRESHOLD`."""

    class Thresholds(pyabc.QuantileEpsilon):  # type: ignore[misc]
        def initialize(self, *given: Any, **named: Any) -> None:
            self.alpha = min(first, 1.0)
            super().initialize(*given, **named)
            self.alpha = NEXT_THRESHOLD

    return Thresholds(alpha=NEXT_THRESHOLD)


def _distance(simulator: Simulator, point: Mapping[Any, float], target: Statistics) -> float:
    found = simulator.known({str(k): float(v) for k, v in point.items()})
    assert found is not None
    return float(sum(np.abs(found[name] - target[name]).sum() for name in target))


# ---------------------------------------------------------------------------------------------- what the data say


def identifiability(prior: Prior, posterior: Posterior) -> pd.DataFrame:
    """Which parameters the data move.

    Returns
    -------
    DataFrame
        Columns parameter, prior_mean, prior_sd, mean, sd, p05, p95, contraction (1 less posterior over prior variance),
        shift (of the mean, in prior standard deviations) and chance (share of random subsets of the runs at the prior, as many as
        there are effective draws, whose mean or spread differs as much: small means that the data moved it).
    """
    rng = np.random.default_rng(0)
    weight = posterior.draws["weight"].to_numpy(dtype=np.float64)
    size = max(2, min(round(posterior.effective), len(posterior.at_the_prior)))
    rows = []
    for name, centre, spread in zip(prior.names, prior.mean(), prior.sd(), strict=True):
        values = posterior.draws[name].to_numpy(dtype=np.float64)
        mean = float(np.average(values, weights=weight))
        sd = math.sqrt(float(np.average((values - mean) ** 2, weights=weight)))
        low, high = weighted_quantiles(values, weight, (0.05, 0.95))
        pool = posterior.at_the_prior[name].to_numpy(dtype=np.float64)
        by_chance = np.array([_moved(rng.choice(pool, size, replace=False), centre, spread) for _ in range(2000)])
        own = np.abs([(mean - centre) / spread, 1.0 - (sd / spread) ** 2])
        # either of two measures: the smaller chance, twice (Bonferroni)
        chance = min(1.0, 2.0 * float((np.abs(by_chance) >= own).mean(axis=0).min()))
        rows.append((name, centre, spread, mean, sd, low, high, 1.0 - (sd / spread) ** 2, (mean - centre) / spread, chance))
    columns = ["parameter", "prior_mean", "prior_sd", "mean", "sd", "p05", "p95", "contraction", "shift", "chance"]
    return pd.DataFrame(rows, columns=columns)


def _moved(values: FloatArray, centre: float, spread: float) -> tuple[float, float]:
    return float((values.mean() - centre) / spread), float(1.0 - values.var() / spread**2)


def weighted_quantiles(values: FloatArray, weight: FloatArray, at: Sequence[float]) -> list[float]:
    """Quantiles of a weighted sample, linear between the middles of the weights."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order]) - 0.5 * weight[order]
    return [float(np.interp(q, total / weight.sum(), values[order])) for q in at]


def nearest(statistics: FloatArray, target: FloatArray, count: int) -> npt.NDArray[np.int64]:
    """Rows of the matrix of statistics that are nearest to the target, the nearest first."""
    distance = np.abs(statistics - target).sum(axis=1)
    return np.argsort(distance, kind="stable")[:count].astype(np.int64)


def coverage(points: pd.DataFrame, statistics: FloatArray, share: float, levels: Sequence[float] = (0.5, 0.9)) -> pd.DataFrame:
    """How often intervals hold the parameters that data were made with.

    Each run at the prior takes the place of the data once; the nearest `share` of the others is its posterior (Talts et al.
    2018, simulation-based calibration; Prangle et al. 2014, coverage of ABC).

    Parameters
    ----------
    points : DataFrame, shape (runs, parameters)
    statistics : array, shape (runs, statistics)
        In units of noise.
    share : float
        Of the other runs, that is accepted.
    levels : sequence of float
        Probability of the central intervals.

    Returns
    -------
    DataFrame
        Columns parameter, one a level (share of runs whose interval holds the truth), and gain: how much smaller the mean
        absolute error of the posterior mean is than that of the prior mean (0 none, 1 perfect).
    """
    n = len(points)
    count = max(2, round(share * (n - 1)))
    values = points.to_numpy(dtype=np.float64)
    inside = np.zeros((len(levels), values.shape[1]))
    error, before = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    for i in range(n):
        others = np.delete(np.arange(n), i)
        chosen = values[others[nearest(statistics[others], statistics[i], count)]]
        for k, level in enumerate(levels):
            low, high = np.quantile(chosen, [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0, method="hazen")
            inside[k] += (values[i] >= low) & (values[i] <= high)
        error += np.abs(chosen.mean(axis=0) - values[i])
        before += np.abs(values[others].mean(axis=0) - values[i])
    table = pd.DataFrame({"parameter": list(points.columns)})
    for k, level in enumerate(levels):
        table[f"within_{level:g}"] = inside[k] / n
    table["gain"] = 1.0 - error / np.maximum(before, 1e-12)
    return table


def flat(found: Statistics) -> FloatArray:
    """Statistics of a run in one row, blocks in alphabetical order."""
    return np.concatenate([np.asarray(found[name]).ravel() for name in sorted(found)])


def measured(points: pd.DataFrame, simulator: Stored) -> FloatArray:
    """Statistics of runs that are finished, shape (runs, statistics)."""
    return np.array([flat(simulator.yardstick.measure(simulator.store.load(p))) for p in _points(points)])


def loaded(points: pd.DataFrame, store: RunStore) -> list[Condensed]:
    """Runs that are finished."""
    return [store.load(p) for p in _points(points)]


def _points(table: pd.DataFrame) -> list[dict[str, float]]:
    names = [c for c in table.columns if c not in ("weight", "distance", "draw")]
    return [{str(k): float(v) for k, v in row.items()} for row in table[names].to_dict("records")]
