"""When does it matter to reckon with the answer? Ways of planning over strengths of adaptation, in a toy and in the model.

Five ways, each with the same posts and the same knowledge of how staff detects:

* ``one-shot``: a programme on the flows as they are seen today;
* ``alternation``: programme and simulation in turn, each programme on the flows that the last placement led to;
* ``averages``: the same, but of each new programme's placement only a share 1 / k is taken in round k (method of successive averages);
* ``anticipating``: the plan of :mod:`.trust_region`;
* ``equal``: equal shares.

The yardstick is the number of people who pass an outer border, because it is what a programme that knows no answer can see and what a toy and
the model have in common.  It is a yardstick of the methods; fewer crossings are no aim of any bundled scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ..allocation import AllocationModel, build
from ..examples import problem
from ..linear_model import Floats
from .kept import Runner
from .observing import Fronts, ModelRuns, Observed, Simulator
from .paired_tests import FRESH
from .response import Coefficient, Comparison, Response, fit_response, mean_observed
from .trust_region import Anticipation, Settings, Surrogate, anticipate

if TYPE_CHECKING:
    from ...scenarios import Scenario
    from ...scenarios.reference import World

YARDSTICK: Final = "irregular_crossings"
WEIGHTS: Final[Mapping[str, float]] = {YARDSTICK: 1.0}
WAYS: Final = ("equal", "one-shot", "alternation", "averages", "anticipating")
ROUNDS: Final = 10
VALUING: Final = 900_000
"""First replicate in which placements are valued: neither fits nor searches come so far."""
COLUMNS: Final = ("world", "strength", "method", "loss", "ratio", "low", "high", "rounds", "runs")
UTILITIES: Final = ("fee", "death", "interception", "returned", "month")
"""Rows of the registry (``route_choice.*``) that a strength multiplies: how sharply travellers tell legs apart."""


# ------------------------------------------------------------------------------------------------ a toy


@dataclass
class Toy:
    """Smugglers who answer by a quantal response, with noise that paired runs share but for a part of it.

    Parameters
    ----------
    truth : Response
    noise, own : float
        Spread of attempts that runs of one replicate share, and that each placement has for itself.
    """

    truth: Response
    noise: float = 0.0
    own: float = 0.0
    asked: int = 0
    seen: list[int] = field(default_factory=list)

    @property
    def fronts(self) -> Fronts:
        """See :class:`.observing.Simulator`."""
        return self.truth.fronts

    def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
        """See :class:`.observing.Simulator`."""
        out = []
        for n, staff in enumerate(placements):
            attempts, stopped, deadly = self.truth.flows(staff.mean(axis=2))
            runs = []
            for replicate in replicates:
                shared = np.random.default_rng([replicate, 0]).normal(1.0, self.noise, len(self.fronts))
                alone = np.random.default_rng([replicate, 1, n, int(1e6 * np.abs(staff).sum())]).normal(
                    1.0, self.own, len(self.fronts))
                tried = attempts * shared * alone
                runs.append(Observed(
                    {YARDSTICK: float((tried * (1.0 - stopped)).sum()), "deaths": float((tried * deadly).sum())},
                    tried, tried * stopped, tried * deadly, tried[None, :]))
            out.append(runs)
        self.asked += len(placements) * len(replicates)
        self.seen += list(replicates)
        return out


def toy(seed: int, places: int = 27, routes: int = 60, sensitivity: float = 3.0, noise: float = 0.02, kept: float = 0.5) -> Toy:
    """Routes over places with unequal flows, chances of being stopped and deadliness; a share `kept` does not give up but moves."""
    g = np.random.default_rng(seed)
    names = tuple(f"P{n:02}" for n in range(places))
    where = np.concatenate([np.arange(places), g.integers(0, places, routes - places)])
    fronts = Fronts(tuple(f"{names[i]} by R{n}" for n, i in enumerate(where)), tuple(names[i] for i in where),
                    tuple(f"R{n}" for n in range(routes)))
    attempts = g.lognormal(5.0, 1.0, routes)
    truth = Response(
        ("guard",), names, fronts, np.full(places, 2.0), attempts[None, :], attempts * g.uniform(0.05, 0.5, routes),
        attempts * g.lognormal(-3.0, 0.7, routes), {"guard": Coefficient(1.0, 1.0, 0.0)}, {},
        Coefficient(sensitivity, sensitivity, 0.0), Coefficient(kept * sensitivity, kept * sensitivity, 0.0))
    return Toy(truth, noise, noise / 4)


def toy_allocation(world: Toy, posts: float = 20.0) -> AllocationModel:
    """Posts that can stand anywhere in a toy."""
    return plain_allocation(world.truth.resources[0], world.truth.places, posts)


def plain_allocation(resource: str, places: Sequence[str], posts: float, quarters: Sequence[str] = ("2025Q1",)) -> AllocationModel:
    """So many posts of one type, for any of the places, with no other limit."""
    shape = (1, len(places), 1)
    made = problem((resource,), tuple(places), len(quarters), width=np.full(shape, np.inf), slope=np.zeros(shape), available=posts,
                   unit_cost=np.zeros(1))
    return build(replace(made, quarters=tuple(quarters)))


# ------------------------------------------------------------------------------------------------ ways of planning


def on_flows(allocation: AllocationModel, response: Response, seen: Observed, at: Floats, quarters: float) -> Floats:
    """The placement that a programme finds best which takes the flows that were seen under placement `at` as given.

    It knows how staff detects (the fitted curve) and that some of those whom it sees are there because of `at`; not that they answer.
    """
    frozen = replace(
        response, by_origin=seen.by_origin / quarters, stopped=seen.attempts * _stopped(response, np.zeros_like(at[:, :, 0])) / quarters,
        deaths=seen.deaths / quarters, sensitivity=Coefficient(0.0, 0.0, np.inf), diversion=Coefficient(0.0, 0.0, np.inf))
    surrogate = Surrogate(allocation, frozen, WEIGHTS)
    best, _ = surrogate.improved(surrogate.completed(at), 1.0, Settings(inner=200))
    return allocation.staff(best)


def _stopped(response: Response, staff: Floats) -> Floats:
    return response.flows(staff)[1]


@dataclass(frozen=True)
class Placements:
    """What every way of planning came to.

    Attributes
    ----------
    staff : dict
        Way -> array (R, P, T); ``alternation`` is its last placement.
    rounds : dict
        Way -> rounds of programme and simulation, or steps.
    runs : dict
        Way -> runs that were looked at.
    cycling : bool
        Whether the alternation came back to where it had been.
    anticipation : Anticipation
    """

    staff: dict[str, Floats]
    rounds: dict[str, int]
    runs: dict[str, int]
    cycling: bool
    anticipation: Anticipation


def every_way(
    allocation: AllocationModel, response: Response, simulator: Simulator, posts: float, quarters: float, *, replicates: int = 4,
    rounds: int = ROUNDS, settings: Settings | None = None,
) -> Placements:
    """Plan in every way.

    Parameters
    ----------
    quarters : float
        Length of what a run shows.
    replicates : int
        Runs of each placement whose mean a programme sees.
    """
    shape = allocation.index["staff"].shape
    equal = np.full(shape, posts / shape[1])
    nobody = np.zeros(shape)
    used = 0

    def seen(staff: Floats) -> Observed:
        nonlocal used
        used += replicates
        return mean_observed(simulator.observe([staff], range(FRESH // 2 + used, FRESH // 2 + used + replicates), "Watching flows")[0])

    first = on_flows(allocation, response, seen(nobody), nobody, quarters)
    held, trace = first, [first]
    for _ in range(rounds - 1):
        held = on_flows(allocation, response, seen(held), held, quarters)
        trace.append(held)
    averaged = first
    for k in range(2, rounds + 1):
        averaged = averaged + (on_flows(allocation, response, seen(averaged), averaged, quarters) - averaged) / k
    tolerance = 0.01 * posts
    cycling = any(np.abs(trace[-1] - one).max() <= tolerance < np.abs(trace[-1] - trace[-2]).max() for one in trace[:-2])
    found = anticipate(Surrogate(allocation, response, WEIGHTS), simulator, {"equal": equal, "one-shot": first},
                       settings or Settings(steps=12, replicates=replicates, most_replicates=4 * replicates))
    steps = int((found.history["kind"] == "step").sum()) if len(found.history) else 0
    return Placements(
        {"equal": equal, "one-shot": first, "alternation": trace[-1], "averages": averaged, "anticipating": found.staff},
        {"equal": 0, "one-shot": 1, "alternation": rounds, "averages": rounds, "anticipating": steps},
        {"equal": 0, "one-shot": replicates, "alternation": rounds * replicates, "averages": rounds * replicates,
         "anticipating": found.runs}, cycling, found)


def fitted_response(
    simulator: Simulator, resource: str, places: Sequence[str], scale: Floats, quarters: float, posts: float, periods: int = 1, *,
    designs: int = 40, seed: int = 0,
) -> Response:
    """The response as paired runs under placements drawn at random tell it."""
    g = np.random.default_rng(seed)
    n = len(places)
    staff = [np.where(g.random(n) < 0.5, g.uniform(0.0, 2.0 * posts / n, n), 0.0) for _ in range(designs)]
    told = []
    for k, one in enumerate(staff):
        full = np.repeat(one.reshape(1, n, 1), periods, axis=2)
        (with_staff,), (without,) = simulator.observe([full, np.zeros_like(full)], [k], f"Learning how fronts answer, run {k + 1}")
        told.append(Comparison(one.reshape(1, n), with_staff, without, k))
    return fit_response(told, (resource,), tuple(places), simulator.fronts, scale, quarters)


# ------------------------------------------------------------------------------------------------ the chart's table


def toy_regimes(
    strengths: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0), *, seeds: Sequence[int] = (1, 2, 3), posts: float = 20.0,
    rounds: int = ROUNDS, progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Loss of every way in toys with a known response, over its strength (columns :data:`COLUMNS`).

    Loss is what passes, over the least that a method finds which knows the truth (sequential quadratic programmes from several
    starts); low and high are the extremes over `seeds`.
    """
    rows = []
    for strength in strengths:
        losses: dict[str, list[tuple[float, float, int, int]]] = {way: [] for way in WAYS}
        for seed in seeds:
            world = toy(seed, sensitivity=strength)
            allocation = toy_allocation(world, posts)
            response = fitted_response(world, "guard", world.truth.places, world.truth.scale, 1.0, posts)
            found = every_way(allocation, response, world, posts, 1.0, rounds=rounds)
            best = passing(world.truth, best_known(world.truth, posts))
            for way in WAYS:
                loss = passing(world.truth, found.staff[way].mean(axis=2))
                losses[way].append((loss, loss / best, found.rounds[way], found.runs[way]))
            if progress is not None:
                progress(f"toy {seed}, strength {strength:g}: " + ", ".join(f"{way} {losses[way][-1][1]:.3f}" for way in WAYS))
        for way, told in losses.items():
            ratio = [t[1] for t in told]
            rows.append(("toy of 27 states and 60 routes", f"{strength:g}", way, float(np.mean([t[0] for t in told])), float(np.mean(ratio)),
                         min(ratio), max(ratio), told[-1][2], told[-1][3]))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def passing(truth: Response, staff: Floats) -> float:
    """People who pass, a quarter."""
    attempts, stopped, _ = truth.flows(staff)
    return float((attempts * (1.0 - stopped)).sum())


def best_known(truth: Response, posts: float, starts: int = 6, weights: Mapping[str, float] = WEIGHTS) -> Floats:
    """The best placement (1, P) found by another method, which knows the truth: sequential quadratic programmes from several starts."""
    from scipy.optimize import minimize

    n = len(truth.places)
    g = np.random.default_rng(0)
    best, least = np.zeros((1, n)), 0.0
    for _ in range(starts):
        answer = minimize(  # type: ignore[call-overload]
            lambda x: float(truth.harm(x.reshape(1, -1), weights)), g.dirichlet(np.ones(n)) * posts,
            jac=lambda x: truth.gradient(x.reshape(1, -1), weights).ravel(), bounds=[(0.0, posts)] * n,
            constraints={"type": "ineq", "fun": lambda x: posts - x.sum()}, method="SLSQP", options={"maxiter": 300})
        if float(answer.fun) < least:
            best, least = np.clip(answer.x, 0.0, None).reshape(1, n), float(answer.fun)
    return best


# ------------------------------------------------------------------------------------------------ the model, small


SMALL_PLACES: Final = ("ESP", "GRC", "HRV", "ITA")


def small_tables() -> World:
    """A world of two origins, four transit hubs and four fronts, each with its own deadliness and chance of interception (made up)."""
    from ...scenarios import small_world

    hubs = {"west": "MLI", "east": "SYR", "sahara": "NER", "coast-w": "MAR", "coast-c": "LBY", "coast-e": "TUR", "land": "SRB",
            "spain": "ESP", "italy": "ITA", "greece": "GRC", "croatia": "HRV"}
    legs = [
        {"from": "west", "to": "sahara", "days": 15}, {"from": "west", "to": "coast-w", "days": 20},
        {"from": "sahara", "to": "coast-c", "days": 20}, {"from": "sahara", "to": "coast-w", "days": 20},
        {"from": "east", "to": "coast-e", "days": 10}, {"from": "east", "to": "coast-c", "days": 30},
        {"from": "coast-e", "to": "land", "days": 20},
        {"from": "coast-w", "to": "spain", "mode": "sea", "route": "WMED", "death_per_1000": 5.0, "interception": 0.35, "fee_eur": 1500},
        {"from": "coast-c", "to": "italy", "mode": "sea", "route": "CMED", "death_per_1000": 15.0, "interception": 0.25, "fee_eur": 1500},
        {"from": "coast-e", "to": "greece", "mode": "sea", "route": "EMED", "death_per_1000": 3.0, "interception": 0.4, "fee_eur": 1500},
        {"from": "land", "to": "croatia", "route": "WBALK", "death_per_1000": 1.0, "interception": 0.45, "fee_eur": 1500},
    ]
    return small_world(hubs, legs, {
        "west": {"origins": "west", "detections": {"WMED": 20_000, "CMED": 30_000}, "budget_eur": 5000, "repeat_share": 0.6},
        "east": {"origins": "east", "detections": {"CMED": 15_000, "EMED": 35_000, "WBALK": 20_000}, "budget_eur": 6000, "repeat_share": 0.6}})


def small_scenario(strength: float | None = 1.0, *, persons_per_agent: float = 10.0, networks: int = 200, months: int = 12) -> Scenario:
    """A year in the small world, with border guards to place; travellers tell legs apart so many times as sharply as the registry says.

    Parameters
    ----------
    strength : float or None
        None: beliefs, smugglers and choices stay as they are at the reference (``model.adaptation: false``).
    """
    from ...scenarios import Scenario, registry

    known = registry()
    overrides: dict[str, Any] = {}
    if strength is not None and strength != 1.0:
        overrides = {f"route_choice.{name}": float(known[f"route_choice.{name}"].value) * strength for name in UTILITIES}
    end = date(2025 + (months - 1) // 12, (months - 1) % 12 + 1, 28)
    return Scenario.model_validate({
        "name": "small-world", "title": "Small world", "horizon": {"start": date(2025, 1, 1), "end": end, "burn_in_days": 180},
        "uncertainties": {"parameters": overrides}, "replicates": 4, "seed": 2025,
        "model": {"persons_per_agent": float(persons_per_agent), "networks": networks, "adaptation": strength is not None},
        "outcomes": {"deaths": {"weight": 1.0}}, "resources": {"posts": {"border_guard": {"available": 1}}}})


@dataclass(frozen=True)
class SmallModel:
    """The model in its small world, ready for planning."""

    runs: ModelRuns
    allocation: AllocationModel
    posts: float
    quarters: float
    scale: Floats

    @property
    def places(self) -> tuple[str, ...]:
        """Where guards can stand."""
        return self.runs.labels[1]


def small_model(
    strength: float | None = 1.0, *, posts_share: float = 0.5, persons_per_agent: float = 10.0, months: int = 12, workers: int | None = None,
    progress: bool = True, cache: bool = True, runner: Runner | None = None,
) -> SmallModel:
    """The small world's model, with as many posts as a share of today's guards."""
    from ...model import SmugglingModel
    from ..effects import quarters_of

    tables = small_tables()
    scenario = small_scenario(strength, persons_per_agent=persons_per_agent, months=months)
    lengths = quarters_of(scenario.horizon.start, scenario.horizon.end)
    model = SmugglingModel(scenario, tables=tables)
    guards = dict(zip(model.geography.member_states, np.asarray(model.staff["border_guard"], dtype=float), strict=False))
    scale = np.array([float(guards[place]) for place in SMALL_PLACES])
    posts = posts_share * float(scale.sum())
    runs = ModelRuns(scenario, ("border_guard",), SMALL_PLACES, tuple(lengths), tables=tables, cache=cache, workers=workers,
                     progress=progress, runner=runner)
    allocation = plain_allocation("border_guard", SMALL_PLACES, posts, tuple(lengths))
    return SmallModel(runs, allocation, posts, 4 * float(sum(lengths.values())), scale)


def value(simulator: Simulator, placements: Sequence[Floats], replicates: int) -> Floats:
    """The yardstick of placements in the same fresh replicates, (placements, replicates)."""
    seen = simulator.observe(placements, range(VALUING, VALUING + replicates), "Valuing placements")
    return np.array([[one.totals[YARDSTICK] for one in runs] for runs in seen])


def model_regimes(
    strengths: Sequence[float | None] = (None, 1.0, 3.0, 10.0), *, persons_per_agent: float = 10.0, designs: int = 24, replicates: int = 8,
    valuing: int = 32, blocks: int = 3, workers: int | None = None, progress: bool = True, cache: bool = True, runner: Runner | None = None,
    told: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Loss of every way in the model's small world, over the sharpness of route choice (columns :data:`COLUMNS`).

    Loss is what passes, over that of the best placement that any way found or that :func:`best_of_grid` did; low and high are the 95 % interval of the paired
    ratio.
    """
    from ...model.pairing import interval

    rows = []
    for strength in strengths:
        name = "frozen" if strength is None else f"{strength:g}"
        small = small_model(strength, persons_per_agent=persons_per_agent, workers=workers, progress=progress, cache=cache, runner=runner)
        periods = len(small.runs.labels[2])
        response = fitted_response(small.runs, "border_guard", small.places, small.scale, small.quarters, small.posts, periods,
                                   designs=designs)
        found = every_way(small.allocation, response, small.runs, small.posts, small.quarters, replicates=replicates, rounds=6)
        best = best_of_grid(small, blocks, periods, valuing // 2)
        worth = value(small.runs, [*(found.staff[way] for way in WAYS), *best], valuing)
        least = worth[worth.mean(axis=1).argmin()]
        for n, way in enumerate(WAYS):
            mean, low, high = interval((worth[n] / least).tolist())
            rows.append(("model, small world", name, way, float(worth[n].mean()), mean, low, high, found.rounds[way], found.runs[way]))
        if told is not None:
            told(f"model, strength {name}: " + ", ".join(f"{way} {row[4]:.3f}" for way, row in zip(WAYS, rows[-len(WAYS):], strict=True))
                 + ("; the alternation goes in circles" if found.cycling else ""))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def best_of_grid(small: SmallModel, blocks: int, periods: int, replicates: int, keep: int = 3) -> list[Floats]:
    """The placements (1, P, T) that look best when the posts stand in so many blocks in every possible way.

    They are seen in replicates that :func:`value` does not use: the luckiest of many is not the best, and is to be valued again.
    """
    grid = [np.repeat((np.array(one) / blocks * small.posts).reshape(1, -1, 1), periods, axis=2) for one in whole_posts(len(small.places), blocks)]
    seen = small.runs.observe(grid, range(VALUING // 2, VALUING // 2 + replicates), "Trying every placement of blocks")
    worth = np.array([np.mean([one.totals[YARDSTICK] for one in runs]) for runs in seen])
    return [grid[k] for k in worth.argsort()[:keep]]


def whole_posts(places: int, posts: int) -> list[tuple[int, ...]]:
    """Every way to place so many posts, all of them."""
    if places == 1:
        return [(posts,)]
    return [(first, *rest) for first in range(posts + 1) for rest in whole_posts(places - 1, posts - first)]
