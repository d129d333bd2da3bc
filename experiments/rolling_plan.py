"""``optimise --method rolling``: the scenario as written, staff placed by simple rules, and a planner inside the model under three regimes of information."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from ..model.replicates import Job, run_many
from ..scenarios import OUTCOMES, Scenario
from . import summarising
from .results import PlanRecord, Results, Run
from .running import Clock, adapted, title_of

if TYPE_CHECKING:
    from ..model import RunOutput

ROLES: Final = {
    "pro_rata": "staff placed pro rata",
    "alone": "each state keeps its key's share of the staff", "static": "staff placed by a static plan",
    "own": "staff planned anew every quarter, states ask by their own reports",
    "truth": "staff planned anew every quarter from what truly happens", "plan": "staff planned anew every quarter from shared reports",
}  # fmt: skip


def observe_run(job: Job) -> dict[str, Any]:
    """The whole outcome of a run, and the staff of its planner if it has one (runs in another process)."""
    import mesa

    from ..model import SmugglingModel
    from ..optimise.adaptive.rolling import RollingJob, RollingPlanner

    planner = None
    if isinstance(job, RollingJob):
        assert job.effects is not None
        planner = RollingPlanner(job.scenario, job.effects, job.information)
    model = SmugglingModel(job.scenario, replicate=job.replicate, allocation=job.allocation, planner=planner,
                           check_invariants=job.check_invariants)  # fmt: skip
    try:
        output: RunOutput = model.run()
    finally:
        getattr(mesa.Agent, "_ids", {}).pop(model, None)
    return {"output": output, "staff": None if planner is None else planner.staff}


def rolled(
    scenario: Scenario | str | Path,
    *,
    solver: Literal["highs", "cbc"] = "highs",
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
    check_invariants: bool = False,
) -> Results:
    """Plan anew every quarter from what is reported, inside the model, and value it beside other ways.

    Beside the scenario as written: each state keeps its key's share, a static plan, and a planner that sees own reports only, the truth,
    or shared reports (the plan). Parameters as for :func:`.comparing.optimised`.

    Returns
    -------
    Results
        The plan's facts hold ``worth``: what reporting, sharing and the Centre's coordination are worth, outcome by outcome and in posts.
    """
    from ..optimise.adaptive.rolling import REGIMES, RollingJob, alone, worth
    from ..optimise.effects import measure_effects
    from ..optimise.evaluation import NOBODY, Evaluation, _totals, placed
    from ..optimise.from_scenario import problem_from
    from ..optimise.plan import check_limits, plan_for

    clock = Clock()
    first = adapted(scenario, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent)
    check_limits(first)
    effects = measure_effects(first, workers, progress)
    weights = {name: weight.weight for name, weight in first.outcomes.items()}
    static = replace(plan_for(problem_from(first, effects), effects, weights, solver), scenario=first)
    given = {"pro_rata": placed(static.pro_rata), "alone": placed(alone(static.model)), "static": placed(static)}
    slim = replace(effects, runs=None)
    runs = [Run(first.name, title_of(first), first, "baseline", first.name)]
    runs += [Run(f"{first.name}+{role.replace('_', '-')}", f"{title_of(first)}, {told}", first, role, first.name) for role, told in ROLES.items()]  # type: ignore[arg-type]
    regime = {"own": "own", "truth": "truth", "plan": "shared"}
    jobs: list[Job] = []
    for replicate in range(first.replicates):
        for run in runs:
            if run.role in regime:
                jobs.append(RollingJob(first, replicate, None, run.key, effects=slim, information=regime[run.role],  # type: ignore[arg-type]
                                       check_invariants=check_invariants))  # fmt: skip
            else:
                jobs.append(Job(first, replicate, given.get(run.role), run.key, check_invariants=check_invariants))
    seen: list[dict[str, Any]] = run_many(jobs, workers, progress, "Planning anew every quarter", function=observe_run)
    frame = summarising.tidy((job.label, job.replicate, one["output"].outcomes) for job, one in zip(jobs, seen, strict=True))
    sent = np.mean([one["staff"] for job, one in zip(jobs, seen, strict=True) if job.label == runs[-1].key], axis=0)
    problem = static.model.problem
    there = np.argwhere(sent > 1e-9)
    table = pd.DataFrame([(problem.resources[r], problem.places[i], problem.quarters[t], float(sent[r, i, t])) for r, i, t in there],
                         columns=["resource", "place", "quarter", "staff"])  # fmt: skip
    names = {first.name: NOBODY, **{run.key: f"rolling, {regime[run.role]}" if run.role in regime else str(run.role) for run in runs[1:]}}
    totals = _totals([(names[job.label], job.replicate) for job in jobs], [one["output"].totals() for one in seen], list(names.values()), weights)
    posts = float(np.asarray(static.allocation).sum(axis=(0, 1)).max())
    told = worth(Evaluation(totals, weights), posts)
    assert set(regime.values()) == set(REGIMES)
    facts: dict[str, Any] = {
        "status": "planned anew every quarter", "method": "rolling", "solver": static.solver, "objective": None, "expected": static.expected,
        "placements": static.rule_values.reset_index().to_dict(orient="records"), "summary": in_words(told), "worth": plain(told),
    }  # fmt: skip
    record = PlanRecord(runs[-1].key, table, static.shadow_prices.reset_index(drop=True), facts)
    return Results(tuple(runs), frame, clock.provenance(first, workers), (record,), "optimise")


def in_words(told: pd.DataFrame) -> list[str]:
    """What information is worth, in sentences: points and posts first, then the outcomes that differ clearly."""
    out = []
    for what, rows in told.groupby("what", sort=False):
        whole = rows[rows["outcome"] == "weighted_harm"].iloc[0]
        clear = rows[(rows["outcome"] != "weighted_harm") & ((rows["low"] > 0) | (rows["high"] < 0))]
        posts = f", as much as {whole['posts']:+,.1f} posts of the static plan" if np.isfinite(whole["posts"]) else ""
        interval = f" ({whole['low']:,.0f} to {whole['high']:,.0f})" if np.isfinite(whole["low"]) else ""
        text = f"{str(what)[0].upper()}{str(what)[1:]}: {whole['difference']:+,.0f} points of weighted harm{interval}{posts}."
        if len(clear):
            told_ = [f"{OUTCOMES[o].title.lower()} {d:+,.0f} ({low:,.0f} to {high:,.0f})"
                     for o, d, low, high in zip(clear["outcome"], clear["difference"], clear["low"], clear["high"], strict=True)]  # fmt: skip
            text += f" Clear of noise: {'; '.join(told_[:4])}."
        out.append(text)
    return out


def plain(told: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is not a number is None."""
    import json

    rows: list[dict[str, Any]] = json.loads(told.to_json(orient="records", double_precision=15))
    return rows
