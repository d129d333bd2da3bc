"""A planner inside the model: every quarter it plans anew from what it is told, and what it is told can be varied.

Three regimes of information, all with the same posts, limits and measured effects:

* ``truth``: what passes each authority, everywhere and at once (no administration has this: it bounds what better
  reports could be worth);
* ``shared``: what Member States report to the Centre, incomplete and late, as scenario and levers have it;
* ``own``: nobody sees other states' reports: each state asks for its key's share of the posts, raised or lowered by how its own
  reports of the quarter before compare with its first ones.

Beside them stands ``alone``: each state keeps its key's share of the posts, whatever is reported.  ``truth`` against ``shared`` is the value
of complete and prompt reporting, ``shared`` against ``own`` that of sharing, and ``own`` against ``alone`` that of a Centre that weighs what states ask
for against one another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from ...model.deployments import population_gdp_key
from ...model.replicates import Job, run_many
from ..allocation import AllocationModel, build
from ..effects import EffectCurves, _nobody, measure_effects, workload
from ..evaluation import FRESH, WEIGHTED, Evaluation, _totals, observe_totals, placed
from ..from_scenario import problem_from
from ..linear_model import Floats
from ..plan import check_limits, plan_for
from ..problem import AllocationProblem
from ..rules import by_share
from ..solving import solve

if TYPE_CHECKING:
    from ...model import Observation
    from ...scenarios import Scenario

Information = Literal["truth", "shared", "own"]
REGIMES: Final[tuple[Information, ...]] = get_args(Information)
SLACK: Final = 1e-6
"""Room around what was decided in quarters that are past, relative to the staff."""


def informed(
    problem: AllocationProblem, effects: EffectCurves, weights: Mapping[str, float], seen: pd.DataFrame,
    most: float = math.inf,
) -> AllocationProblem:
    """The problem as a planner sees it who is told how much work there is where.

    A place's curve is stretched in proportion to its believed work: twice the work takes twice the staff to the same
    effect per member of staff.

    Parameters
    ----------
    seen : DataFrame
        Columns kind (entries, sea, cases, abroad), place, amount; only the proportions of a kind count.
    most : float
        A place is believed to have at most so many times the work that was measured there.
    """
    told = workload(problem.resources, seen)
    quarters = float(problem.quarter_years.sum()) * 4
    width, slope = replace(effects, work=told).curves(problem.resources, problem.places, weights, quarters)
    measured = effects.work.groupby(["resource", "group"])["total"].sum()
    believed = told.groupby(["resource", "group"])["total"].sum()
    ratio = (believed / measured.where(measured > 0)).fillna(0.0).clip(0.0, most)
    group = dict(zip(zip(told["resource"], told["place"], strict=True), told["group"], strict=True))
    for r, resource in enumerate(problem.resources):
        for i, place in enumerate(problem.places):
            if (resource, place) in group:
                width[r, i, :2] *= float(ratio.get((resource, group[resource, place]), 0.0))
    return replace(problem, width=width, slope=slope)


class RollingPlanner:
    """Plans every quarter from what it is told; quarters that are past stay as they were.

    Parameters
    ----------
    scenario : Scenario
    effects : EffectCurves
    information : {"truth", "shared", "own"}
    """

    def __init__(self, scenario: Scenario, effects: EffectCurves, information: Information) -> None:
        if information not in REGIMES:
            raise ValueError(f"no information regime {information!r}; there are {', '.join(REGIMES)}")
        if "total" not in effects.work.columns:
            raise ValueError("these effects do not say how much work each place has; measure them with measure_effects")
        from ...scenarios import world

        self.information = information
        self._problem = problem_from(scenario, effects)
        self._effects = effects
        self._most = scenario.parameters()["optimise.most_believed_work"]
        self._weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
        states = world().member_states.set_index("member_state")
        self._key = pd.Series(
            population_gdp_key(states["population"].to_numpy(float), states["gdp_eur_bn"].to_numpy(float)), index=states.index)
        self._sea = _sea_share()
        self._first: pd.DataFrame | None = None
        self._before: pd.DataFrame | None = None
        self.staff = np.zeros((len(self._problem.resources), len(self._problem.places), len(self._problem.quarters)))

    def __call__(self, seen: Observation) -> pd.DataFrame:
        """Staff of the quarter that begins."""
        reports = seen.reports.set_index("member_state")
        self._first = reports if self._first is None else self._first
        if seen.quarter not in self._problem.quarters:
            self._before = reports
            return _nobody()
        now = self._problem.quarters.index(seen.quarter)
        problem = informed(self._problem, self._effects, self._weights, self._believed(seen, reports), self._most)
        allocation = build(problem)
        index = allocation.index["staff"]
        past = index[:, :, :now]
        lower, upper = allocation.model.lower.copy(), allocation.model.upper.copy()
        there = past >= 0
        slack = SLACK * (1.0 + self.staff[:, :, :now])
        low, high = self.staff[:, :, :now] - slack, self.staff[:, :, :now] + slack
        lower[past[there]] = np.maximum(lower[past[there]], low[there])
        upper[past[there]] = np.maximum(np.minimum(upper[past[there]], high[there]), lower[past[there]])
        model = replace(allocation.model.relaxed(), lower=lower, upper=upper)
        self.staff[:, :, now] = allocation.staff(solve(model, "scipy").x)[:, :, now]
        self._before = reports
        return self._table(now)

    def _believed(self, seen: Observation, reports: pd.DataFrame) -> pd.DataFrame:
        """Work by kind and place as the regime tells it."""
        truth = seen.truth.set_index("authority")
        measured = self._effects.work.drop_duplicates(["place"]).set_index("place")
        abroad = truth["departures"].drop(index=list(reports.index))
        if self.information == "truth":
            kinds = {"entries": truth["entries"], "sea": truth["entries_by_sea"], "cases": truth["items"]}
        elif self.information == "shared":
            detections = reports["reported_detections"]
            kinds = {"entries": detections, "sea": detections * self._sea.reindex(detections.index).fillna(0.0),
                     "cases": reports["reported_items"]}
        else:
            assert self._first is not None
            last = reports if self._before is None else self._before
            key = self._key.reindex(reports.index)
            kinds = {}
            for kind, column in (("entries", "reported_detections"), ("cases", "reported_items")):
                first = self._first[column]
                kinds[kind] = key * (last[column] / first.where(first > 0)).fillna(1.0).clip(0.0, self._most)
            kinds["sea"] = kinds["entries"] * (self._sea.reindex(reports.index).fillna(0.0) > 0)
        if self.information != "truth":  # nobody reports what leaves partner countries: as measured
            known = measured["total"].reindex(abroad.index)
            abroad = known.fillna(0.0) if known.notna().any() else abroad * 0.0 + 1.0
        frames = [pd.DataFrame({"kind": kind, "place": values.index, "amount": values.to_numpy(float)})
                  for kind, values in kinds.items()]
        frames.append(pd.DataFrame({"kind": "abroad", "place": abroad.index, "amount": abroad.to_numpy(float)}))
        table = pd.concat(frames, ignore_index=True)
        return table[table["place"].isin(self._problem.places)]

    def _table(self, quarter: int) -> pd.DataFrame:
        p = self._problem
        there = np.argwhere(self.staff[:, :, quarter] > 0)
        return pd.DataFrame(
            [(p.resources[r], p.places[i], p.quarters[quarter], float(self.staff[r, i, quarter])) for r, i in there],
            columns=["resource", "place", "quarter", "staff"])


def _sea_share() -> pd.Series[float]:
    """Share of the legs into each Member State that are by sea: what a planner knows who is told entries alone."""
    from ...scenarios import world

    legs = world().legs
    outer = legs[legs["border"] == "external"]
    return (outer["mode"] == "sea").groupby(outer["authority_to"]).mean().astype(float)


@dataclass(frozen=True)
class RollingJob(Job):
    """A run with a planner inside."""

    effects: EffectCurves | None = field(default=None, compare=False)
    information: Information = "shared"

    def depends_on(self) -> str:
        """The planner's regime and what it believes staff does."""
        return f"{self.information}\0{'' if self.effects is None else self.effects.to_json()}"


def observe_rolling(job: RollingJob) -> dict[str, Any]:
    """Run a job with its planner; totals, and the staff that the planner sent (runs in another process)."""
    import mesa

    from ...model import SmugglingModel

    assert job.effects is not None
    planner = RollingPlanner(job.scenario, job.effects, job.information)
    model = SmugglingModel(job.scenario, replicate=job.replicate, planner=planner)
    try:
        totals = model.run().totals()
    finally:
        getattr(mesa.Agent, "_ids", {}).pop(model, None)
    return {"totals": totals, "staff": planner.staff}


@dataclass(frozen=True)
class Rolling:
    """Planning anew every quarter under three regimes of information.

    Attributes
    ----------
    evaluation : Evaluation
        Placements ``rolling, truth``, ``rolling, shared``, ``rolling, own``, ``alone``, ``static`` and ``pro_rata`` beside none, in the same
        fresh replicates.
    worth : DataFrame
        Columns what, against, points, low, high (95 % of the mean paired difference; negative: less harm), posts (points over what
        a post of the static plan avoids in the same replicates; NaN where that is not clearly other than zero).
    staff : dict
        Regime -> mean staff over replicates (R, P, T).
    """

    evaluation: Evaluation
    worth: pd.DataFrame
    staff: dict[str, Floats]


def evaluate_rolling(
    scenario: Scenario, *, effects: EffectCurves | None = None, replicates: int = 8, regimes: Sequence[Information] = REGIMES,
    others: Mapping[str, Any] | None = None, workers: int | None = None, progress: bool = True,
) -> Rolling:
    """Value planning from reports, under each regime, in the same fresh replicates.

    Parameters
    ----------
    scenario : Scenario
    effects : EffectCurves, optional
        Measured when not given.
    others : mapping name -> placement, optional
        Further placements to be valued beside them.

    Returns
    -------
    Rolling
    """
    if effects is None:
        check_limits(scenario)
        effects = measure_effects(scenario, workers, progress)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    static = plan_for(problem_from(scenario, effects), effects, weights)
    given = {"static": static.allocation, "alone": alone(static.model), "pro_rata": static.pro_rata, **(others or {})}
    slim = replace(effects, runs=None)
    jobs: list[Job] = []
    for replicate in range(FRESH, FRESH + replicates):
        jobs.append(Job(scenario, replicate, _nobody(), "no additional staff"))
        jobs += [Job(scenario, replicate, placed(table), name) for name, table in given.items()]
        jobs += [RollingJob(scenario, replicate, None, f"rolling, {name}", effects=slim, information=name) for name in regimes]
    found = run_many(jobs, workers, progress, "Planning anew every quarter", function=_observe)
    order = list(dict.fromkeys(job.label for job in jobs))
    evaluation = Evaluation(
        _totals([(job.label, job.replicate) for job in jobs], [one["totals"] for one in found], order, weights), weights)
    staff: dict[str, Floats] = {str(name): np.mean([one["staff"] for job, one in zip(jobs, found, strict=True) if job.label == f"rolling, {name}"],
                           axis=0) for name in regimes}
    posts = float(np.asarray(static.allocation).sum(axis=(0, 1)).max())
    return Rolling(evaluation, _worth(evaluation, posts), staff)


def _observe(job: Job) -> dict[str, Any]:
    if isinstance(job, RollingJob):
        return observe_rolling(job)
    return {"totals": observe_totals(job), "staff": None}


def alone(allocation: AllocationModel) -> pd.DataFrame:
    """Each Member State keeps its key's share of the posts (half population, half gross domestic product), as near as the limits allow.

    Places outside the Union share evenly what can only be sent there.

    Returns
    -------
    DataFrame
        Columns resource, place, quarter, staff.
    """
    from ...scenarios import world

    p = allocation.problem
    states = world().member_states.set_index("member_state")
    key = pd.Series(population_gdp_key(states["population"].to_numpy(float), states["gdp_eur_bn"].to_numpy(float)), index=states.index)
    share = np.where(p.sites, key.reindex(list(p.places)).fillna(0.0).to_numpy(float), 0.0)
    total = share.sum(axis=1, keepdims=True)
    even = p.sites / p.sites.sum(axis=1, keepdims=True)
    staff = by_share(allocation, np.where(total > 0, share / np.where(total > 0, total, 1.0), even))
    there = np.argwhere(staff > 1e-9)
    return pd.DataFrame([(p.resources[r], p.places[i], p.quarters[t], float(staff[r, i, t])) for r, i, t in there],
                        columns=["resource", "place", "quarter", "staff"])


STEPS: Final = (
    ("reporting without gaps and delay", "rolling, truth", "rolling, shared"),
    ("sharing of reports", "rolling, shared", "rolling, own"),
    ("coordination by the Centre", "rolling, own", "alone"),
    ("planning anew every quarter", "rolling, shared", "static"),
    ("planning at all", "rolling, shared", "pro_rata"))
"""What is worth what: the first placement against the second."""


def worth(evaluation: Evaluation, posts: float) -> pd.DataFrame:
    """What each step of information is worth, outcome by outcome, in points and in posts.

    Parameters
    ----------
    posts : float
        Of the static plan: a post is worth the mean of what it avoids, where that is clearly something.

    Returns
    -------
    DataFrame
        Columns what, ours, against, outcome, unit, difference, low, high, posts (of the weighted harm only; NaN elsewhere, and where a
        post's worth is not clear).
    """
    each = evaluation.compare("static").iloc[0]
    clear = each["high"] < 0 and posts > 0
    frames = []
    for what, ours, theirs in STEPS:
        if ours in evaluation.placements and theirs in evaluation.placements:
            found = evaluation.compare(ours, theirs)
            frame = found[["outcome", "unit", "difference", "low", "high"]].copy()
            frame.insert(0, "what", what)
            frame.insert(1, "ours", ours)
            frame.insert(2, "against", theirs)
            frame["posts"] = np.nan
            if clear:
                frame.loc[frame["outcome"] == WEIGHTED, "posts"] = found.iloc[0]["difference"] / (each["difference"] / posts)
            frames.append(frame)
    columns = ["what", "ours", "against", "outcome", "unit", "difference", "low", "high", "posts"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _worth(evaluation: Evaluation, posts: float) -> pd.DataFrame:
    """The same of the weighted harm alone."""
    told = worth(evaluation, posts)
    own = told[told["outcome"] == WEIGHTED].rename(columns={"difference": "points"})
    return own[["what", "against", "points", "low", "high", "posts"]].reset_index(drop=True)
