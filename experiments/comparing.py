"""Compare options with a baseline, replicate by replicate, and staff placed by plan with other placements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ..scenarios import Scenario
from .results import PlanRecord, Results, Run
from .running import Clock, adapted, simulate_runs, title_of

if TYPE_CHECKING:
    from ..model.staffing import Placement
    from ..optimise import Plan
    from ..optimise.stochastic import ObjectiveKind
    from ..optimise.study import Study

ROLE_TITLES = {"pro_rata": "staff placed pro rata", "static": "staff placed by a static plan", "plan": "staff placed by the plan"}
Method = Literal["static", "anticipating", "rolling"]


class NotComparable(ValueError):
    """Two scenarios whose difference would not be that of the policies; the message is for the user."""


def compare(
    baseline: Scenario | str | Path,
    options: Scenario | str | Path | Sequence[Scenario | str | Path],
    *,
    plan: bool = False,
    solver: Literal["highs", "cbc"] = "highs",
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
    check_invariants: bool = False,
) -> Results:
    """Run a baseline and options with the same chance, and pair them by replicate.

    Parameters
    ----------
    baseline : Scenario, str or Path
        A scenario, the name of a bundled one, or a file.
    options : one or several of the same
        They run with the baseline's seed, number of replicates and persons per agent.
    plan : bool
        Also optimise where each option's staff goes, and simulate the option with the plan and with a pro-rata
        placement of the same posts.
    solver : {'highs', 'cbc'}
    replicates, seed, persons_per_agent : optional
        Instead of what the baseline says.
    workers : int, optional
        Processes; by default one a core.
    progress : bool
        Show progress bars on standard error.
    check_invariants : bool
        As for :func:`countersmuggling.simulate`.

    Returns
    -------
    Results
        ``.comparison`` holds per outcome the means, the mean paired difference with its 95 % interval, the relative
        change and the share of replicates with the same sign.

    Raises
    ------
    NotComparable
        When horizons differ or two scenarios have one name.
    countersmuggling.optimise.InfeasiblePlan
        When an option's limits admit no plan.
    """
    clock = Clock()
    if isinstance(options, Scenario | str | Path):
        options = [options]
    first = adapted(baseline, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent)
    chosen = [adapted(option) for option in options]
    if not chosen:
        raise NotComparable("nothing to compare: name at least one option")
    comparable(first, chosen)
    runs = [Run(first.name, title_of(first), first, "baseline", first.name)]
    runs += [Run(o.name, title_of(o), _like(o, first), "option", o.name) for o in chosen]
    return carried_out(runs, [r for r in runs[1:] if plan], solver, workers, progress, clock, "compare", check_invariants)


def optimised(
    scenario: Scenario | str | Path,
    *,
    solver: Literal["highs", "cbc"] = "highs",
    method: Method = "static",
    search: Mapping[str, Any] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
    check_invariants: bool = False,
    objective: ObjectiveKind | None = None,
    time_limit: float | None = None,
    study: bool = False,
) -> Results:
    """Plan where a scenario's staff goes, and value the plan in the model.

    The scenario is simulated as written, with its posts placed pro rata, and with its posts placed by the plan, paired
    by replicate. With ``method="anticipating"`` the plan reckons with the smugglers' answer to it, and the static plan is simulated
    beside it. With ``method="rolling"`` the plan is made anew every quarter inside the model (:func:`.rolling_plan.rolled`).
    `search` goes to :func:`countersmuggling.optimise.adaptive.planning.optimise_anticipating`: ``full_scale``, and a ``runner`` that
    carries its runs out elsewhere. Other parameters as for :func:`compare`.

    Parameters
    ----------
    objective : {"expected", "cvar", "regret", "robust"}, optional
        What a static plan minimises when effects are uncertain, instead of what ``plan`` in the scenario says.
    time_limit : float, optional
        Seconds for solving a static plan.
    study : bool
        Also everything else a planner asks (:meth:`.optimise.plan.Plan.study`), prices beside the model included.

    Returns
    -------
    Results
    """
    if method == "rolling":
        from .rolling_plan import rolled

        return rolled(scenario, solver=solver, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent, workers=workers,
                      progress=progress, check_invariants=check_invariants)  # fmt: skip
    clock = Clock()
    first = adapted(scenario, replicates=replicates, seed=seed, persons_per_agent=persons_per_agent)
    if objective is not None:
        first = first.model_copy(update={"plan": first.plan.model_copy(update={"objective": objective})})
    runs = [Run(first.name, title_of(first), first, "baseline", first.name)]
    return carried_out(
        runs, runs[:1], solver, workers, progress, clock, "optimise", check_invariants, method=method, search=search,
        time_limit=time_limit, study=study,
    )  # fmt: skip


def carried_out(
    runs: Sequence[Run],
    planned: Sequence[Run],
    solver: Literal["highs", "cbc"],
    workers: int | None,
    progress: bool,
    clock: Clock,
    kind: str,
    check_invariants: bool = False,
    method: Method = "static",
    search: Mapping[str, Any] | None = None,
    time_limit: float | None = None,
    study: bool = False,
) -> Results:
    """Make the plans of `planned` runs, simulate all runs and the placements, and put them together."""
    plans: list[PlanRecord] = []
    rows: list[Run] = []
    allocations: dict[str, Placement | None] = {}
    for run in runs:
        rows.append(run)
        if run not in planned:
            continue
        plan = _plan(run.scenario, solver, workers, progress, method, search, time_limit)
        placements = {"pro_rata": plan.pro_rata, "static": plan.rules.get("static"), "plan": plan.allocation}
        for role, allocation in placements.items():
            if allocation is None:
                continue
            key = f"{run.key}+{role.replace('_', '-')}"
            rows.append(Run(key, f"{run.title}, {ROLE_TITLES[role]}", run.scenario, role, run.key))  # type: ignore[arg-type]
            allocations[key] = allocation
        plans.append(record(rows[-1].key, plan, plan.study(workers=workers, progress=progress) if study else None))
    frame = simulate_runs(
        rows, allocations, workers=workers, progress=progress, check_invariants=check_invariants
    )
    return Results(tuple(rows), frame, clock.provenance(runs[0].scenario, workers), tuple(plans), kind)


def comparable(baseline: Scenario, options: Sequence[Scenario]) -> None:
    """Raise `NotComparable` when horizons differ or two scenarios have one name."""
    names = [baseline.name]
    theirs = baseline.horizon
    for option in options:
        ours = option.horizon
        if (ours.start, ours.end, ours.burn_in_days) != (theirs.start, theirs.end, theirs.burn_in_days):
            raise NotComparable(
                f"{option.name} runs from {ours.start} to {ours.end} (burn-in {ours.burn_in_days} days) but "
                f"{baseline.name} from {theirs.start} to {theirs.end} (burn-in {theirs.burn_in_days} days): give both the "
                "same horizon"
            )
        if option.name in names:
            raise NotComparable(f"two of the scenarios are named '{option.name}': give each its own `name`")
        names.append(option.name)


def _like(option: Scenario, baseline: Scenario) -> Scenario:
    """The option with the baseline's seed, replicates and persons per agent, so that runs pair."""
    return adapted(
        option,
        replicates=baseline.replicates,
        seed=baseline.seed,
        persons_per_agent=baseline.model.persons_per_agent,
    )


def _plan(
    scenario: Scenario, solver: Literal["highs", "cbc"], workers: int | None, progress: bool, method: Method = "static",
    search: Mapping[str, Any] | None = None, time_limit: float | None = None,
) -> Plan:  # fmt: skip
    if method == "anticipating":
        from ..optimise.adaptive.planning import optimise_anticipating

        return optimise_anticipating(scenario, solver=solver, workers=workers, progress=progress, **(search or {}))
    from ..optimise import optimise

    return optimise(scenario, solver=solver, workers=workers, progress=progress, time_limit=time_limit)


def record(run: str, plan: Plan, study: Study | None = None) -> PlanRecord:
    """What the results keep of a plan, and of what else was asked about it."""
    facts: dict[str, Any] = {
        "status": plan.status,
        "solver": plan.solver,
        "objective": plan.objective,
        "expected": plan.expected,
        "placements": plan.rule_values.reset_index().to_dict(orient="records"),
        "summary": list(plan.summary),
        "minimises": str(plan.minimises),
        "gap": plan.gap,
    }
    if study is not None:
        facts["study"] = study.facts()
    if plan.anticipation is not None:
        found = plan.anticipation
        facts |= {
            "method": "anticipating", "started_from": found.started_from, "stopped_because": found.stopped_because,
            "frank_wolfe_gap": found.gap, "runs": found.runs, "iterations": _plain(found.history),
            "response": _plain(found.response.table()),
        }  # fmt: skip
    if (frontier := _frontier(plan)) is not None:
        facts["frontier"] = frontier
    limits = plan.slack.drop(columns="slack").reset_index(drop=True)
    return PlanRecord(run, plan.table, plan.shadow_prices.reset_index(drop=True), facts, limits)


def _frontier(plan: Plan) -> dict[str, Any] | None:
    """The frontier between deaths and public cost with the plan and its rules; None where staff does not move deaths."""
    from ..optimise.frontier import FrontierError, marks

    try:
        points = plan.frontier("deaths", "cost_eur")
    except FrontierError:
        return None
    shown = marks(plan, "deaths", "cost_eur")
    return {"points": _plain(points), "marks": {name: list(pair) for name, pair in shown.items()}}


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is not a number is None."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows
