"""Which lever does what: the difference between two scenarios split over the levers that differ.

Levers work together, so what one of them adds depends on which others are there. The Shapley value (Shapley 1953, "A
value for n-person games", Contributions to the Theory of Games II, Princeton) is the mean of what it adds over all orders in which the
levers can be brought in; the parts add up to the whole difference, replicate by replicate. With up to six levers every
combination is run (exact); with more, orders are sampled, each with its reverse (Castro, Gomez and Tejada 2009,
"Polynomial calculation of the Shapley value based on sampling", Computers & Operations Research 36(5):1726-1730).
All runs of a replicate share their chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..model.pairing import interval
from ..model.replicates import Job, run_many
from ..model.streams import generator
from ..scenarios import LEVERS, OUTCOMES, Scenario
from .comparing import _like, comparable
from .running import adapted

if TYPE_CHECKING:
    from ..model import RunOutput

#: with more parts than this, orders are sampled instead of running every combination
MOST_EXACT = 6
#: everything in which scenarios differ that is no lever: events, resources, parameters
OTHER = "other assumptions"
TEXTS = ("name", "title", "question", "description", "extends")

Coalition = frozenset[str]


@dataclass(frozen=True)
class Attribution:
    """A difference split over levers.

    Attributes
    ----------
    table : DataFrame
        Columns outcome, unit, lever, part (mean over replicates, in the outcome's unit), low, high (95 % interval of the
        mean), share (of the whole difference; NaN where that is not clearly other than zero). Parts of an outcome add up
        to its difference.
    exact : bool
        Whether every combination was run.
    orders : int
        Sampled orders (0 when exact).
    runs : int
        Runs of the model that were needed.
    """

    table: pd.DataFrame
    exact: bool
    orders: int
    runs: int


# ------------------------------------------------------------------------------------------------ values


def coalitions(players: Sequence[str], orders: Sequence[Sequence[str]] | None = None) -> list[Coalition]:
    """Combinations whose value is needed: all of them, or those that the given orders pass through."""
    if orders is None:
        return [frozenset(c) for size in range(len(players) + 1) for c in combinations(players, size)]
    met = {frozenset(order[:n]): None for order in orders for n in range(len(order) + 1)}
    return sorted(met, key=lambda c: (len(c), sorted(c)))


def sampled_orders(players: Sequence[str], pairs: int, seed: int) -> list[tuple[str, ...]]:
    """Random orders, each followed by its reverse."""
    rng = generator(seed, "attribution", len(players))
    found: list[tuple[str, ...]] = []
    for _ in range(pairs):
        order = tuple(players[i] for i in rng.permutation(len(players)))
        found += [order, order[::-1]]
    return found


def shapley(
    value: Mapping[Coalition, np.ndarray[Any, Any]],
    players: Sequence[str],
    orders: Sequence[Sequence[str]] | None = None,
) -> dict[str, np.ndarray[Any, Any]]:
    """Shapley values of a game given by the values of combinations.

    Parameters
    ----------
    value : mapping
        Value of each combination; arrays of one shape (such as replicates x outcomes).
    players : sequence of str
    orders : sequence, optional
        Orders to average over; by default all, through the weights (n - s - 1)! s! / n!.

    Returns
    -------
    dict
        An array for each player; together they are the value of all less that of none.
    """
    n = len(players)
    zero = np.zeros_like(value[frozenset()], dtype=float)
    part = {p: zero.copy() for p in players}
    if orders is None:
        weight = [math.factorial(n - s - 1) * math.factorial(s) / math.factorial(n) for s in range(n)]
        for without, worth in value.items():
            for p in players:
                if p not in without:
                    part[p] += weight[len(without)] * (value[without | {p}] - worth)
        return part
    for order in orders:
        before: Coalition = frozenset()
        for p in order:
            after = before | {p}
            part[p] += (value[after] - value[before]) / len(orders)
            before = after
    return part


# ------------------------------------------------------------------------------------------------ scenarios


def differing(baseline: Scenario, option: Scenario) -> list[str]:
    """Levers that differ between two scenarios, in the order of `LEVERS`; `OTHER` last where anything else does."""
    ours, theirs = option.model_dump(by_alias=True), baseline.model_dump(by_alias=True)
    found = [name for name in LEVERS if ours["levers"].get(name) != theirs["levers"].get(name)]
    rest = [key for key in ours if key not in (*TEXTS, "levers", "outcomes") and ours[key] != theirs.get(key)]
    return [*found, OTHER] if rest else found


def mixture(baseline: Scenario, option: Scenario, taken: Coalition) -> Scenario:
    """The baseline with some of the option's differences."""
    ours, content = option.model_dump(by_alias=True), baseline.model_dump(by_alias=True)
    for name in taken:
        if name == OTHER:
            content |= {k: v for k, v in ours.items() if k not in (*TEXTS, "levers", "outcomes")}
    content["levers"] = {
        name: (ours if name in taken else baseline.model_dump(by_alias=True))["levers"].get(name)
        for name in LEVERS
    }
    return Scenario.model_validate({**content, "name": baseline.name})


def attribute(
    baseline: Scenario | str | Path,
    option: Scenario | str | Path,
    *,
    orders: int = 24,
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
    evaluate: Callable[[list[Job]], list[dict[str, float]]] | None = None,
) -> Attribution:
    """Split the difference between a baseline and an option over the levers that differ.

    Parameters
    ----------
    baseline, option : Scenario, str or Path
    orders : int
        Orders to sample where more than six parts differ; even, half of them are the reverses of the others.
    replicates, seed, persons_per_agent : optional
        Instead of what the baseline says.
    workers, progress : optional
        As for :func:`countersmuggling.compare`.
    evaluate : callable, optional
        Totals of each job by outcome, instead of running the model here (a cluster, a test).

    Returns
    -------
    Attribution

    Raises
    ------
    NotComparable
        When horizons differ.
    ValueError
        When the two scenarios assume the same.
    """
    first = adapted(baseline, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent)
    second = adapted(option)
    comparable(first, [second])
    second = _like(second, first)
    players = differing(first, second)
    if not players:
        raise ValueError(
            f"{second.name} assumes the same as {first.name}: there is no difference to attribute"
        )
    exact = len(players) <= MOST_EXACT
    chosen = None if exact else sampled_orders(players, max(1, orders // 2), first.seed)
    needed = coalitions(players, chosen)
    mixed = {c: mixture(first, second, c) for c in needed}
    jobs = [
        Job(mixed[c], replicate, None, " + ".join(sorted(c)) or first.name)
        for replicate in range(first.replicates)
        for c in needed
    ]
    totals = (evaluate or _run(workers, progress))(jobs)
    names = [n for n in OUTCOMES if any(n in row for row in totals)]
    cube = np.array([[row.get(n, 0.0) for n in names] for row in totals])
    cube = cube.reshape(first.replicates, len(needed), len(names))
    parts = shapley({c: cube[:, i] for i, c in enumerate(needed)}, players, chosen)
    everything = cube[:, needed.index(frozenset(players))] - cube[:, needed.index(frozenset())]
    rows = []
    for j, name in enumerate(names):
        whole, low, high = interval(everything[:, j].tolist())
        clear = not math.isnan(low) and (low > 0.0 or high < 0.0)
        for p in players:
            mean, below, above = interval(parts[p][:, j].tolist())
            share = mean / whole if clear else math.nan
            rows.append((name, OUTCOMES[name].unit, p, mean, below, above, share))
    columns = ["outcome", "unit", "lever", "part", "low", "high", "share"]
    return Attribution(pd.DataFrame(rows, columns=columns), exact, len(chosen or ()), len(jobs))


def _run(workers: int | None, progress: bool) -> Callable[[list[Job]], list[dict[str, float]]]:
    def run(jobs: list[Job]) -> list[dict[str, float]]:
        outputs: list[RunOutput] = run_many(jobs, workers, progress, "Attributing")
        return [output.totals() for output in outputs]

    return run
