"""The anticipating plan of a scenario: measure, fit how the fronts answer, search, and read the answer as a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..allocation import AllocationModel, build, labelled, staff_array, staff_table
from ..effects import (
    EffectCurves,
    _allocation,
    _nobody,
    _reduced,
    fit,
    measure_effects,
    quarters_of,
)
from ..from_scenario import _baseline, problem_from
from ..linear_model import Floats
from ..plan import Plan, PlanSolver, check_limits, plan_for
from ..stochastic import Objective
from ..two_level import Design
from .observing import FrontJob, ModelRuns, Observed
from .response import Comparison, Response, fit_response
from .trust_region import Anticipation, Settings, Surrogate, anticipate

if TYPE_CHECKING:
    from ...scenarios import Scenario

BY_ATTEMPT = ("travellers_in_debt",)
BY_PASSAGE = ("smuggler_profit_eur",)
"""Outcomes that follow attempts, and passages, of the outer border; what these do not tell stays with the measured curves."""

Runner = Callable[[list[FrontJob], str], list[dict[str, Any]]]


@dataclass(frozen=True)
class Learnt:
    """What measuring runs told: how fronts answer, and what staff does by other ways.

    Attributes
    ----------
    response : Response
    curves : EffectCurves
        Of what the response leaves over.
    comparisons : tuple of Comparison
        The runs.
    """

    response: Response
    curves: EffectCurves
    comparisons: tuple[Comparison, ...]


def coarse(scenario: Scenario) -> Scenario:
    """The scenario with as few rows per person as measuring uses, over its whole horizon: what steps are tested on."""
    persons = max(scenario.model.persons_per_agent, scenario.parameters()["optimise.measure_persons_per_agent"])
    return scenario.model_copy(update={"model": scenario.model.model_copy(update={"persons_per_agent": persons})})


def settings_for(scenario: Scenario) -> Settings:
    """Tests of steps begin with the scenario's number of replicates and end, undecided, at four times as many."""
    first = max(2, scenario.replicates)
    return Settings(replicates=first, most_replicates=4 * first)


@dataclass(frozen=True)
class Watched:
    """Runs of a measuring design, with their fronts.

    Attributes
    ----------
    runs : ModelRuns
    staff : tuple of arrays (R, P, T)
        One a run.
    seen : tuple of Observed
    """

    runs: ModelRuns
    staff: tuple[Floats, ...]
    seen: tuple[Observed, ...]


def watch(
    small: Scenario, design: Design, work: pd.DataFrame, *, workers: int | None = None, progress: bool = True, cache: bool = True,
    runner: Runner | None = None,
) -> Watched:
    """Carry out a measuring design, looking at the fronts.

    Parameters
    ----------
    small : Scenario
        As :func:`.effects.measure_effects` reduces it.
    design : Design
    work : DataFrame
        Columns resource, place, group, share.
    """
    lengths = quarters_of(small.horizon.start, small.horizon.end)
    resources = tuple(dict.fromkeys(r for r, _ in design.cells))
    places = tuple(dict.fromkeys((*(str(p) for p in work["place"]), *ModelRuns(small, (), (), ()).fronts.places)))
    runs = ModelRuns(small, resources, places, tuple(lengths), cache=cache, workers=workers, progress=progress, runner=runner)
    labels = _Labels(*runs.labels)
    staff = [staff_array(labels, _allocation(small, design, k, work)) for k in range(len(design.replicate))]  # type: ignore[arg-type]
    seen = runs.each(list(zip(staff, design.replicate.tolist(), strict=True)), "Measuring effects of staff")
    return Watched(runs, tuple(staff), tuple(seen))


def measured(
    scenario: Scenario, *, workers: int | None = None, progress: bool = True, cache: bool = True, runner: Runner | None = None,
) -> EffectCurves:
    """Measure effects by runs whose fronts are kept, so that :func:`watch` finds them."""
    def look(small: Scenario, design: Design, work: pd.DataFrame) -> list[Mapping[str, float]]:
        return [one.totals for one in watch(small, design, work, workers=workers, progress=progress, cache=cache, runner=runner).seen]

    check_limits(scenario)
    return measure_effects(scenario, workers, progress, cache=cache, look=look)


def learn(scenario: Scenario, effects: EffectCurves, watched: Watched) -> Learnt:
    """Fit the response of the fronts, and what it leaves over, to the runs of the measuring design.

    Parameters
    ----------
    scenario : Scenario
    effects : EffectCurves
        With the design that they were measured by.
    watched : Watched
        That design's runs.

    Returns
    -------
    Learnt

    """
    assert effects.runs is not None
    design, runs = effects.runs.design, watched.runs
    resources, places, _ = runs.labels
    guards = _baseline(scenario).query("resource == 'border_guard'").set_index("place")["staff"]
    nobody = staff_array(_Labels(*runs.labels), _nobody())  # type: ignore[arg-type]
    bases = runs.observe([nobody], range(design.replicates), "Observing the fronts without additional staff")[0]
    comparisons = tuple(Comparison(s.mean(axis=2), one, bases[int(k)], int(k))
                        for s, one, k in zip(watched.staff, watched.seen, design.replicate, strict=True))
    scale = guards.reindex(list(places)).fillna(0.0).to_numpy(dtype=np.float64)
    quarters = effects.runs.quarters
    response = fit_response(
        comparisons, resources, places, runs.fronts, np.where(scale > 0, scale, np.inf), quarters,
        by_attempt=BY_ATTEMPT, by_passage=BY_PASSAGE)
    by_fronts = response.changes(np.array([c.staff for c in comparisons]))
    left = {o: change - by_fronts.get(o, 0.0) * quarters for o, change in effects.runs.changes.items()}
    params = scenario.parameters()
    cells = fit(design, left, quarters, params["optimise.half_dose_share"], params["optimise.half_dose_spread"])
    return Learnt(response, replace(effects, cells=cells, runs=None), comparisons)


@dataclass(frozen=True)
class _Labels:
    resources: tuple[str, ...]
    places: tuple[str, ...]
    quarters: tuple[str, ...]


def _over(response: Response, resources: Sequence[str], places: Sequence[str]) -> Response:
    """The response over a problem's resources and places."""
    scale = dict(zip(response.places, response.scale.tolist(), strict=True))
    return replace(response, resources=tuple(resources), places=tuple(places),
                   scale=np.array([scale.get(p, np.inf) for p in places]))


def optimise_anticipating(
    scenario: Scenario, *, effects: EffectCurves | None = None, settings: Settings | None = None, solver: PlanSolver = "highs",
    workers: int | None = None, progress: bool = True, cache: bool = True, full_scale: bool = False,
    runner: Runner | None = None, told: Callable[[str], None] | None = None,
) -> Plan:
    """Find a plan that reckons with the smugglers' answer to it.

    Parameters
    ----------
    scenario : Scenario
    effects : EffectCurves, optional
        Measured when not given.
    settings : Settings, optional
        Of the search; by default as :func:`settings_for` says.
    solver : {"highs", "cbc"}
        For the static plan that the search starts from, among others.
    workers, progress
        For the runs.
    cache : bool
        Keep every run by content: a search that was killed goes on where it stood, and the same search again takes seconds.
    full_scale : bool
        Test steps with the scenario's own persons per agent rather than as coarsely as measuring does.
    runner : callable, optional
        Carries out runs elsewhere, such as on a cluster.
    told : callable, optional
        Called with one sentence a step.

    Returns
    -------
    Plan
        With :attr:`Plan.anticipation`. Its prices are those of the programme linearised at the plan, within the last region.

    Raises
    ------
    InfeasiblePlan
        As :func:`.optimise`.
    ValueError
        For effects that hold no design.
    """
    s = settings or settings_for(scenario)
    if effects is None:
        effects = measured(scenario, workers=workers, progress=progress, cache=cache, runner=runner)
    if effects.runs is None:
        raise ValueError("the effects hold no design; measure them with measure_effects")
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    static = plan_for(problem_from(scenario, effects), effects, weights, solver)
    watched = watch(_reduced(scenario), effects.runs.design, effects.work, workers=workers, progress=progress, cache=cache, runner=runner)
    learnt = learn(scenario, effects, watched)
    problem = problem_from(scenario, learnt.curves)
    allocation = build(problem)
    response = _over(learnt.response, problem.resources, problem.places)
    tested = scenario if full_scale else coarse(scenario)
    runs = ModelRuns(tested, problem.resources, problem.places, problem.quarters, cache=cache, workers=workers,
                     progress=progress, runner=runner)
    starts = {"pro_rata": static.pro_rata, "proportional": static.rules["proportional"], "greedy": static.greedy,
              "static": static.allocation}
    arrays = {name: np.asarray(given.transpose("resource", "place", "quarter")) for name, given in starts.items()}
    found = anticipate(Surrogate(allocation, response, weights), runs, arrays, s, trusted="static", told=told)
    return as_plan(scenario, allocation, learnt.curves, found, weights, s, static)


def as_plan(
    scenario: Scenario, allocation: AllocationModel, curves: EffectCurves, found: Anticipation, weights: Mapping[str, float],
    settings: Settings, static: Plan,
) -> Plan:
    """What was found, read as a plan: prices from the programme linearised there, rules as those of the static plan."""
    from ..plan import read_plan

    surrogate = Surrogate(allocation, found.response, weights)
    linear = surrogate.around(found.staff, settings.least_radius)
    from ..solving import solve

    read = read_plan(allocation, replace(allocation, model=linear), solve(linear, "highs"), curves, weights, Objective())
    problem = allocation.problem
    staff = np.where(found.staff < 1e-9, 0.0, found.staff)
    lengths = dict(zip(problem.quarters, problem.quarter_years.tolist(), strict=True))
    expected = curves.expected(staff_table(labelled(problem, staff)), lengths, weights)
    by_quarter = found.response.changes(np.moveaxis(staff, 2, 0))
    for outcome, change in by_quarter.items():
        total = float((change * np.asarray(problem.quarter_years) * 4).sum())
        own = expected.get(outcome, {"change": 0.0, "se": float("nan")})
        expected[outcome] = {"change": own["change"] + total, "se": own["se"]}
    expected["cost_eur"] = read.expected["cost_eur"]
    told = [(f"This plan reckons with the answer to it. {found.stopped_because[0].upper()}{found.stopped_because[1:]}; it "
            f"grew from the placement '{found.started_from}', and its Frank-Wolfe gap is {found.gap:,.0f} points.")]
    told += [str(text) for text in found.history["words"]]
    return replace(
        read, allocation=labelled(problem, staff), objective=surrogate.value(surrogate.completed(found.staff)),
        expected=expected, status="tested step by step", rules={**static.rules, "static": static.allocation},
        summary=[*told, *read.summary], scenario=scenario, anticipation=found)
