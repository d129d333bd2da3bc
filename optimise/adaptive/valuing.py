"""Every way of placing staff, valued by the same fresh paired runs: outcome by outcome, and what became of people.

The table has the status quo, simple rules (pro rata by population, proportional to measured work, greedy), the static programme, the
anticipating plan and the rolling plan.  All are simulated in replicates that neither measuring nor searching has used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ...model.pairing import interval
from ..effects import EffectCurves, _nobody, measure_effects
from ..evaluation import FRESH, NOBODY, WEIGHTED, Evaluation, _totals, placed
from ..from_scenario import problem_from
from ..plan import Plan, check_limits, plan_for
from .kept import KeptRuns, Runner, WideJob, observed, with_persons
from .planning import measured, optimise_anticipating
from .trust_region import Settings

if TYPE_CHECKING:
    from ...scenarios import Scenario

METHODS: Final = ("pro_rata", "proportional", "greedy", "static", "anticipating", "rolling")
FATES: Final = ("intercepted", "did not set out", "gave up on the way", "delayed", "moved to another route", "moved to another front")
FATE_COLUMNS = ("placement", "fate", "difference", "low", "high", "share_of_attempts", "replicates")
LEAST_POINTS: Final = 0.5
"""Placements whose difference lies within half a point (an eighth of a death in the bundled scenarios) are called alike."""
LEAST_SHARE: Final = 1 / 100
"""A front counts as used from this share of all attempts."""


@dataclass(frozen=True)
class Valued:
    """Ways of placing a scenario's staff, in the same fresh runs.

    Attributes
    ----------
    scenario : str
    evaluation : Evaluation
        Totals by placement and replicate, and paired differences.
    fates : DataFrame
        Columns placement, fate, difference (persons against no additional staff, mean of paired differences), low, high (95 %),
        share_of_attempts, replicates.
        *Moved* is half the sum over routes (fronts) of how far attempts differ from what they were if all had changed alike, by the
        jackknife over replicates, which takes off the part that noise alone would give.
    fronts : DataFrame
        Columns placement, front, outcome, against_mean, difference, low, high: attempts, interceptions and deaths front by front.
    staff : dict
        Placement -> table resource, place, quarter, staff (for the rolling plan the mean over replicates).
    plans : dict
        Plans that were made: ``static``, ``anticipating``.
    runs : int
        Runs that were asked for by the evaluation.
    persons_per_agent : float
    """

    scenario: str
    evaluation: Evaluation
    fates: pd.DataFrame
    fronts: pd.DataFrame
    staff: dict[str, pd.DataFrame] = field(repr=False)
    plans: dict[str, Plan] = field(repr=False)
    runs: int = 0
    persons_per_agent: float = 1.0

    @property
    def table(self) -> pd.DataFrame:
        """Every placement against none, outcome by outcome."""
        return self.evaluation.table

    def against(self, ours: str = "anticipating") -> pd.DataFrame:
        """One placement against every other by weighted harm: columns against, difference, low, high, verdict, why."""
        rows = []
        for name in self.evaluation.placements:
            if ours not in self.evaluation.placements or name == ours:
                continue
            told = self.evaluation.compare(ours, name)
            first = told.iloc[0]
            verdict = ("alike" if max(abs(first["low"]), abs(first["high"])) < LEAST_POINTS else
                       "better" if first["high"] < 0 else "worse" if first["low"] > 0 else "not told apart")
            rows.append((name, first["difference"], first["low"], first["high"], verdict, self._why(ours, name, told, verdict)))
        return pd.DataFrame(rows, columns=["against", "difference", "low", "high", "verdict", "why"])

    def _why(self, ours: str, name: str, told: pd.DataFrame, verdict: str) -> str:
        """What decides a comparison, and for one that is not decided what it would take."""
        if verdict == "alike":
            return "the same placement, or one that makes no difference"
        weights = self.evaluation.weights
        parts = told[told["outcome"].isin(weights)].copy()
        parts["points"] = [weights[o] * d for o, d in zip(parts["outcome"], parts["difference"], strict=True)]
        lead = parts.iloc[int(parts["points"].abs().to_numpy().argmax())]
        text = f"most of it by {lead['outcome'].replace('_', ' ')} ({lead['points']:+,.0f} points)"
        if verdict == "not told apart":
            first = told.iloc[0]
            half, n = (first["high"] - first["low"]) / 2, int(first["replicates"])
            size = abs(first["difference"])
            if size <= 0 or not math.isfinite(half):
                return text
            needed = math.ceil(n * (half / size) ** 2)
            overlap = self._overlap(ours, name)
            same = f"; {overlap:.0%} of staff stands where it does there" if overlap is not None else ""
            return f"{text}; about {needed:,} replicates would tell a difference of this size{same}"
        return text

    def _overlap(self, ours: str, name: str) -> float | None:
        if ours not in self.staff or name not in self.staff or self.staff[ours].empty:
            return None
        a, b = (self.staff[n].groupby(["resource", "place", "quarter"])["staff"].sum() for n in (ours, name))
        both = pd.concat([a, b], axis=1, keys=["a", "b"]).fillna(0.0)
        return float(both.min(axis=1).sum() / max(both["a"].sum(), 1e-12))


def evaluate_methods(
    scenario: Scenario, *, methods: Sequence[str] = METHODS, replicates: int = 8, persons_per_agent: float | None = None,
    settings: Settings | None = None, effects: EffectCurves | None = None, others: Mapping[str, Any] | None = None,
    workers: int | None = None, progress: bool = True, cache: bool = True, runner: Runner | None = None,
    told: Callable[[str], None] | None = None,
) -> Valued:
    """Place a scenario's staff in every way, and value them all by the same fresh paired replicates.

    Parameters
    ----------
    scenario : Scenario
    methods : sequence of str
        Of :data:`METHODS`.
    replicates : int
        Pairs.
    persons_per_agent : float, optional
        For searching and valuing, instead of the scenario's.
    settings : Settings, optional
        Of the anticipating plan's search.
    effects : EffectCurves, optional
        Measured when not given.
    others : mapping name -> Plan, DataFrame or DataArray, optional
        Further placements.
    workers, progress, cache, runner
        As for :class:`.kept.KeptRuns`: what was done is kept by content, and a study that was killed goes on where it stood.
    told : callable, optional
        Called with one sentence a step.

    Returns
    -------
    Valued

    Raises
    ------
    ValueError
        For a method that there is not.
    NothingToPlan, InfeasiblePlan
        As :func:`countersmuggling.optimise.optimise`.
    """
    wrong = [m for m in methods if m not in METHODS]
    if wrong:
        raise ValueError(f"no method '{wrong[0]}'; there are {', '.join(METHODS)}")
    say = told or (lambda _: None)
    scenario = with_persons(scenario, persons_per_agent)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    if effects is None and "anticipating" in methods:
        effects = measured(scenario, workers=workers, progress=progress, cache=cache, runner=runner)
    elif effects is None:
        check_limits(scenario)
        effects = measure_effects(scenario, workers, progress, cache=cache)
    static = replace(plan_for(problem_from(scenario, effects), effects, weights), scenario=scenario)
    plans = {"static": static}
    made: dict[str, Any] = {"pro_rata": static.pro_rata, "proportional": static.rules["proportional"], "greedy": static.greedy,
                            "static": static.allocation}
    if "anticipating" in methods:
        found = optimise_anticipating(scenario, effects=effects, settings=settings, workers=workers, progress=progress, cache=cache,
                                      runner=runner, told=told)
        plans["anticipating"] = found
        made["anticipating"] = found.allocation
    tables = {name: placed(given) for name, given in made.items() if name in methods}
    tables |= {name: placed(given) for name, given in (others or {}).items()}
    runs = KeptRuns(cache=cache, workers=workers, progress=progress, runner=runner)
    slim = replace(effects, runs=None)
    jobs = []
    for replicate in range(FRESH, FRESH + replicates):
        jobs.append(WideJob(scenario, replicate, _nobody(), NOBODY))
        jobs += [WideJob(scenario, replicate, table, name) for name, table in tables.items()]
        if "rolling" in methods:
            jobs.append(WideJob(scenario, replicate, None, "rolling", information="shared", effects=slim))
    say(f"{len(jobs)} runs value {len(jobs) // replicates} placements in {replicates} fresh replicates")
    seen = runs.run(jobs, "Valuing placements")
    if "rolling" in methods:
        sent = [np.array(one["staff"]) for job, one in zip(jobs, seen, strict=True) if job.information]
        problem = static.model.problem
        mean = np.mean(sent, axis=0)
        there = np.argwhere(mean > 1e-9)
        tables["rolling"] = pd.DataFrame(
            [(problem.resources[r], problem.places[i], problem.quarters[t], float(mean[r, i, t])) for r, i, t in there],
            columns=["resource", "place", "quarter", "staff"])
    order = list(dict.fromkeys(job.label for job in jobs))
    evaluation = Evaluation(
        _totals([(job.label, job.replicate) for job in jobs], [one["totals"] for one in seen], order, weights), weights)
    by_name = {name: [one for job, one in zip(jobs, seen, strict=True) if job.label == name] for name in order}
    return Valued(scenario.name, evaluation, fates_of(by_name), fronts_of_runs(by_name), tables, plans, runs.asked,
                  scenario.model.persons_per_agent)


def fates_of(by_name: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """What became of people under each placement against none (columns :data:`FATE_COLUMNS`).

    Parameters
    ----------
    by_name : mapping placement -> runs
        What :func:`.kept.observe_wide` gave, in the same replicates; :data:`NOBODY` among them.
    """
    base = by_name[NOBODY]
    attempts = float(np.mean([one["totals"]["attempts"] for one in base]))
    rows = []
    for name, runs in by_name.items():
        if name == NOBODY:
            continue
        pairs = list(zip(runs, base, strict=True))
        accounts = {key: [a["accounts"][key] - b["accounts"][key] for a, b in pairs] for key in ("departures", "gave_up", "under_way")}
        told = {"intercepted": [a["totals"]["interceptions"] - b["totals"]["interceptions"] for a, b in pairs],
                "did not set out": [-v for v in accounts["departures"]], "gave up on the way": accounts["gave_up"],
                "delayed": accounts["under_way"]}
        for fate, differences in told.items():
            rows.append((name, fate, *interval(differences)))
        for fate, fronts in (("moved to another route", False), ("moved to another front", True)):
            rows.append((name, fate, *moved(*_flows(pairs, fronts))))
    frame = pd.DataFrame(rows, columns=["placement", "fate", "difference", "low", "high"])
    frame["share_of_attempts"] = frame["difference"] / max(attempts, 1e-12)
    frame["replicates"] = len(base)
    return frame[list(FATE_COLUMNS)]


def _flows(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], fronts: bool) -> tuple[Any, Any]:
    """Attempts (replicates, routes or fronts) with and without a placement."""
    labels = sorted({label for pair in pairs for one in pair for label in one["by_place"].get("attempts", {})
                     if (" by " in label) == fronts})
    ours, theirs = (np.array([[observed(pair[k], "attempts", label) for label in labels] for pair in pairs]) for k in (0, 1))
    return ours, theirs


def moved(ours: np.ndarray[Any, np.dtype[np.float64]], theirs: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Persons who are elsewhere than if all flows had changed alike, with the 95 % interval of the jackknife.

    Parameters
    ----------
    ours, theirs : arrays (replicates, places)

    Returns
    -------
    mean, low, high : float
        The interval is unknown (NaN) with fewer than two replicates.

    Notes
    -----
    Half the sum of absolute differences is never below zero, and above it by noise alone; the jackknife (Efron and Stein 1981, Annals
    of Statistics 9:586-596) takes off most of that.
    """
    def elsewhere(a: Any, b: Any) -> float:
        mean, base = a.mean(axis=0), b.mean(axis=0)
        alike = base * (mean.sum() / base.sum()) if base.sum() > 0 else base
        return float(np.abs(mean - alike).sum() / 2)

    n = len(ours)
    whole = elsewhere(ours, theirs)
    if n < 2:
        return whole, math.nan, math.nan
    without = np.array([elsewhere(np.delete(ours, k, axis=0), np.delete(theirs, k, axis=0)) for k in range(n)])
    pseudo = n * whole - (n - 1) * without
    return interval(pseudo.tolist())


def fronts_of_runs(by_name: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """Attempts, interceptions and deaths front by front, each placement against none."""
    base = by_name[NOBODY]
    rows = []
    for outcome in ("attempts", "interceptions", "deaths"):
        labels = sorted({label for one in base for label in one["by_place"].get(outcome, {}) if " by " in label})
        for name, runs in by_name.items():
            if name == NOBODY:
                continue
            for label in labels:
                before = [observed(one, outcome, label) for one in base]
                after = [observed(one, outcome, label) for one in runs]
                rows.append((name, label, outcome, float(np.mean(before)),
                             *interval([a - b for a, b in zip(after, before, strict=True)])))
    return pd.DataFrame(rows, columns=["placement", "front", "outcome", "against_mean", "difference", "low", "high"])


# ------------------------------------------------------------------------------------------------ more assets


@dataclass(frozen=True)
class AssetsPattern:
    """What more optimised assets do, beside the pattern that Magliocca et al. 2022 published (IISE Transactions).

    Attributes
    ----------
    table : DataFrame
        Columns assets (multiple of the posts), posts, interceptions (against none), low, high, per_post (interceptions per additional
        post), harm_per_interception (weighted points avoided over interceptions), attempts_per_interception (attempts at the border for
        each interception), fronts_used (fronts with at least one per cent of attempts), fronts_effective (exponential of the entropy of
        shares), networks (active, mean).
    seen : dict
        ``more in total``, ``less per asset``, ``as many or more places``: whether it is seen (yes, no, not told apart).
    """

    table: pd.DataFrame
    seen: dict[str, str]


def assets_pattern(
    scenario: Scenario, factors: Sequence[float] = (1 / 2, 1, 2, 4), *, replicates: int = 8, method: str = "static",
    persons_per_agent: float | None = None, settings: Settings | None = None, workers: int | None = None, progress: bool = True,
    cache: bool = True, runner: Runner | None = None,
) -> AssetsPattern:
    """Plan with more and more posts (budgets and hosts' room in step) and see how interceptions and places used change.

    Parameters
    ----------
    factors : sequence of float
        Multiples of posts, budgets, hires and hosts' room.
    method : {"static", "anticipating"}
        How each number of posts is placed.

    Returns
    -------
    AssetsPattern

    Notes
    -----
    The published pattern: more optimised assets intercept more in total, less per interception, and spread the network over as many or
    more places.  In this model an interception is a person, so that "less per interception" is read as fewer interceptions for each asset.
    """
    scenario = with_persons(scenario, persons_per_agent)
    tables: dict[str, pd.DataFrame] = {}
    posts: dict[str, float] = {}
    for factor in factors:
        larger = more_assets(scenario, factor)
        if method == "anticipating":
            plan = optimise_anticipating(larger, settings=settings, workers=workers, progress=progress, cache=cache, runner=runner)
        else:
            effects = measure_effects(larger, workers, progress, cache=cache)
            plan = plan_for(problem_from(larger, effects), effects, {n: w.weight for n, w in larger.outcomes.items()})
        tables[f"{factor:g}"] = placed(plan)
        posts[f"{factor:g}"] = float(np.asarray(plan.allocation).sum(axis=(0, 1)).mean())
    runs = KeptRuns(cache=cache, workers=workers, progress=progress, runner=runner)
    jobs = [WideJob(scenario, replicate, table, name) for replicate in range(FRESH, FRESH + replicates)
            for name, table in {NOBODY: _nobody(), **tables}.items()]
    seen = runs.run(jobs, "Simulating more assets")
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    by_name = {name: [one for job, one in zip(jobs, seen, strict=True) if job.label == name] for name in (NOBODY, *tables)}
    base = by_name[NOBODY]
    rows = []
    each: dict[str, dict[str, list[float]]] = {}
    for name, ones in by_name.items():
        more = [a["totals"]["interceptions"] - b["totals"]["interceptions"] for a, b in zip(ones, base, strict=True)]
        harm = [sum(w * (a["totals"].get(o, 0.0) - b["totals"].get(o, 0.0)) for o, w in weights.items())
                for a, b in zip(ones, base, strict=True)]
        spread = [_spread(one) for one in ones]
        number = posts.get(name, 0.0)
        mean, low, high = interval(more)
        each[name] = {"more": more, "per": [m / number for m in more] if number else [math.nan] * len(more),
                      "effective": [s[1] for s in spread]}
        rows.append((0.0 if name == NOBODY else float(name), number, mean, low, high, mean / number if number else math.nan,
                     -float(np.mean(harm)) / mean if mean > 0 else math.nan,
                     float(np.mean([o["totals"]["attempts"] / max(o["totals"]["interceptions"], 1.0) for o in ones])),
                     float(np.mean([s[0] for s in spread])), float(np.mean([s[1] for s in spread])),
                     float(np.mean([o["totals"]["active_networks"] for o in ones]))))
    table = pd.DataFrame(rows, columns=[
        "assets", "posts", "interceptions", "low", "high", "per_post", "harm_per_interception", "attempts_per_interception",
        "fronts_used", "fronts_effective", "networks"])
    fewest, largest = f"{min(factors):g}", f"{max(factors):g}"

    def differ(key: str, ours: str, theirs: str) -> tuple[float, float]:
        _, low, high = interval([a - b for a, b in zip(each[ours][key], each[theirs][key], strict=True)])
        return low, high

    def verdict(low: float, high: float, up: bool) -> str:
        if math.isnan(low):
            return "not told apart"
        wanted, against = (low > 0, high < 0) if up else (high < 0, low > 0)
        return "yes" if wanted else "no" if against else "not told apart"

    low, high = differ("effective", largest, NOBODY)
    places = "no" if high < 0 else "yes, more" if low > 0 else "yes, as many (no difference stands out)"
    return AssetsPattern(table, {
        "more in total": verdict(*differ("more", largest, fewest), True),
        "less per asset": verdict(*differ("per", largest, fewest), False), "as many or more places": places})


def more_assets(scenario: Scenario, factor: float) -> Scenario:
    """The scenario with its posts, hires, budgets, pools and hosts' room multiplied."""
    content = scenario.model_dump(by_alias=True)
    given = content["resources"]
    for post in given["posts"].values():
        for key in ("available", "hires_per_quarter", "training_places"):
            if post.get(key) is not None:
                post[key] = post[key] * factor
    for by_year in given["budgets"].values():
        for year in by_year or {}:
            by_year[year] *= factor
    for pool in given.get("pools", {}).values():
        pool["available"] *= factor
    for host in given["hosts"].values():
        if host.get("absorb") is not None:
            host["absorb"] *= factor
    rules = given["rules"]
    if rules.get("ramp_per_quarter") is not None:
        rules["ramp_per_quarter"] *= factor
    if rules.get("solidarity_cap") is not None:
        rules["solidarity_cap"] = min(1.0, rules["solidarity_cap"] * max(1.0, factor))
    return type(scenario).model_validate(content)


def _spread(one: Mapping[str, Any]) -> tuple[float, float]:
    """Fronts in use, and their effective number."""
    flow = np.array([v for label, v in one["by_place"]["attempts"].items() if " by " in label])
    share = flow / max(flow.sum(), 1e-12)
    own = share[share > 0]
    return float((share >= LEAST_SHARE).sum()), float(np.exp(-(own * np.log(own)).sum()))


__all__ = ["FATES", "METHODS", "WEIGHTED", "AssetsPattern", "Valued", "assets_pattern", "evaluate_methods", "fates_of", "moved"]
