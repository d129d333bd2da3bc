"""How fast is the optimiser, and how much of that is building? Five ways to the same optimum, side by side.

    python benchmarks/optimiser.py [--size full|large|small] [--form plan|recourse|both] [--limit SECONDS] [--build-only]

Size ``full`` is 27 states x 10 types of staff x 20 quarters x 100 scenarios; ``small`` is 27 x 5 x 4 x 10 and ends within a
minute; ``large`` is ``full`` with nine segments instead of five, some 510,000 columns, for ``--build-only``.  Two programmes, both with posts, budgets, room at hosts, ramps and least stays as in docs/optimiser.md:

``plan``
    What the package solves for ``objective: cvar`` at this size: the effect of staff differs by scenario, nothing is decided
    afterwards, and the mean of the worst tenth of the scenarios is minimised.
``recourse``
    A two-stage programme: in every scenario each host can use another share of the effort that all types of staff bring it,
    which avoids harm along the host's own curve of five segments, filled scenario by scenario.  Some 300,000 columns at full
    size: the large set of scenarios.

Five ways, each in a process of its own, one after the other:

``pulp-highs``      what the package does: ``solve(model, "highs")``, a PuLP problem whose arrays HiGHS takes as they are
``scipy-highs``     the same arrays through SciPy's HiGHS: ``solve(model, "scipy")``, the fast path
``highs``           the same arrays handed to HiGHS directly: the limit; its answer is not checked
``pulp-written``    the PuLP problem with all its variables and rows, as after somebody has read or extended it, solved by
                    PuLP's own HiGHS: what the objects cost
``pulp-naive-cbc``  the programme as one writes it in PuLP by hand (``lpSum`` term by term), solved by PuLP's CBC as it comes

Times are CPU seconds of the process and of what it starts (CBC is a process of its own), without imports.  ``before`` is
everything until the solver proper begins (arrays, rendering, hand-over), ``after`` reading the answer and checking it.  Memory is the largest resident set, and what had been
added to that of the imports when the solver began.  The objectives must agree to a relative 1e-6 (CBC hands over eight digits);
otherwise the benchmark fails.  CBC at full size does not end in a sensible time: ``--limit`` (wall-clock seconds, 600 by
default, 0 for none) cuts it off, and what is then told is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

SIZES = {"full": (10, 20, 100, 5), "large": (10, 20, 100, 9), "small": (5, 4, 10, 5)}
FORMS = ("plan", "recourse")
WAYS = ("pulp-highs", "scipy-highs", "highs", "pulp-written", "pulp-naive-cbc")
LEVEL = 0.9
UNIT = 0.01
EQUAL = 1e-6
MEGA = 1024.0**2


def cpu() -> float:
    """CPU seconds of this process and of those it has started and seen end."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def peak() -> float:
    """Largest resident set of this process so far, or of one that it started, in MiB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024 / MEGA


# ---------------------------------------------------------------------------------------------- the instance


class Instance:
    """An allocation problem of a size with scenarios of its effects, all from one seed."""

    def __init__(self, size: str, form: str) -> None:
        from countersmuggling.optimise.examples import problem
        from countersmuggling.optimise.problem import SharedPool
        from countersmuggling.scenarios import world

        types, quarters, self.count, self.segments = SIZES[size]
        places = tuple(str(code) for code in world().member_states["member_state"])
        g = np.random.default_rng(20260101)
        r, p, k = types, len(places), 3
        names = tuple(f"type_{n + 1}" for n in range(r))
        width = np.repeat(g.uniform(0.5, 4.0, (r, p, 1)), k, axis=2)
        width[..., -1] = np.inf
        first = g.gamma(2.0, 2.0, (r, p, 1))
        slope = np.concatenate([first, first * g.uniform(0.3, 0.9, (r, p, 1)), np.zeros((r, p, 1))], axis=2)
        if form == "recourse":  # what staff does is in the hosts' curves alone
            width, slope = np.full((r, p, 1), np.inf), np.zeros((r, p, 1))
        self.effort = g.uniform(0.2, 1.0, (r, p))
        self.segment = g.uniform(0.2, 1.5, p)
        self.worth = g.gamma(2.0, 4.0, (p, 1)) * np.cumprod(g.uniform(0.6, 0.95, (p, self.segments)), axis=1)
        headings = {name: ("europol", "member_states")[n % 2] for n, name in enumerate(names)}
        cost = g.uniform(60_000, 200_000, r)
        self.problem = problem(
            names, places, quarters, width=width, slope=slope, available=float(p), unit_cost=cost,
            posting_cost=3000.0, cost_weight=1e-6, heading=headings, absorb=g.uniform(5, 15, p), ramp=2.0, stay_least=2,
            joiners=np.full(r, p / 4), pools=(SharedPool("both", names[:2], 1.5 * p),),
            budgets={(heading, 2025 + y): 0.6 * p * float(cost.sum()) / 2
                     for heading in ("europol", "member_states") for y in range((quarters + 3) // 4)})
        self.probability = np.full(self.count, 1 / self.count)
        group = np.arange(p) % 6  # cells of effects are groups of places
        head = g.normal(0.0, 0.35, (self.count, r, 6))[:, :, group] * first[None, :, :, 0]
        self.slopes = np.repeat(slope[None], self.count, axis=0)
        if form == "plan":
            self.slopes[..., :-1] += head[..., None]
            self.slopes[..., -1] = np.minimum(0.0, self.slopes[..., -2])
        self.usable = g.uniform(0.5, 1.0, (self.count, p))


def arrays(instance: Instance, form: str) -> Any:
    """The package's linear model of the instance."""
    from scipy import sparse

    from countersmuggling.optimise.allocation import build
    from countersmuggling.optimise.linear_model import Block, LinearModel
    from countersmuggling.optimise.stochastic import Objective, StochasticProgramme

    allocation = build(instance.problem)
    model = allocation.model
    goal = Objective("cvar", level=LEVEL)
    if form == "plan":
        import pandas as pd

        from countersmuggling.optimise.effect_scenarios import EffectScenarios
        from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves
        from countersmuggling.optimise.uncertainty import Uncertainty

        none = EffectCurves(pd.DataFrame(columns=list(CELL_COLUMNS)), pd.DataFrame(columns=list(WORK_COLUMNS)), {})
        scenarios = EffectScenarios(none, np.zeros((instance.count, 0)), instance.probability, "drawn for a benchmark")
        return Uncertainty(allocation, scenarios, instance.slopes, np.zeros((0, *instance.problem.slope.shape))).model_for(
            goal).model
    # second stage: used[i,t,k], and in every scenario sum_k used[i,t,k] <= usable[i] sum_r effort[r,i] staff[r,i,t]
    m, n = model.shape
    nr, np_, nt = (len(names) for names in (instance.problem.resources, instance.problem.places, instance.problem.quarters))
    spots, size = np_ * nt, np_ * nt * instance.segments
    labels = tuple(product(instance.problem.places, instance.problem.quarters, map(str, range(instance.segments))))
    worth = np.repeat(instance.worth[:, None, :], nt, axis=1) * (4 * instance.problem.quarter_years)[None, :, None]
    fills = sparse.csr_array(sparse.kron(sparse.eye_array(spots), np.ones((1, instance.segments))))
    spot = np.broadcast_to(np.arange(spots).reshape(1, np_, nt), (nr, np_, nt)).ravel()
    columns = allocation.index["staff"].ravel()
    blocks = (*model.columns, Block("used", ("place", "quarter", "segment"), labels, n))
    rows = (*model.rows, Block("host", ("place", "quarter"), tuple(label[:2] for label in labels[::instance.segments]), m))
    effort = sparse.coo_array((np.full(spot.size, -1.0), (spot, columns)), shape=(spots, n))
    matrix = sparse.csr_array(sparse.block_array([[model.matrix, None], [effort, fills]], format="csr"))
    base = LinearModel(
        cost=np.concatenate([model.cost * model.objective_unit / UNIT, -worth.ravel() / UNIT]), matrix=matrix,
        row_lower=np.concatenate([model.row_lower, np.full(spots, -np.inf)]),
        row_upper=np.concatenate([model.row_upper, np.zeros(spots)]),
        lower=np.zeros(n + size), upper=np.concatenate([model.upper, np.repeat(instance.segment, nt * instance.segments)]),
        integer=np.zeros(n + size, dtype=np.bool_), columns=blocks, rows=rows, objective_unit=UNIT)
    # the scenarios differ in what a member of staff of each type brings to each place, and share everything else
    row = np.repeat(np.arange(m + spots), np.diff(matrix.indptr))
    entries = np.flatnonzero((row >= m) & (matrix.indices < n))
    which = np.zeros(n, dtype=np.int64)
    which[columns] = np.arange(columns.size)
    cell = which[matrix.indices[entries]]
    models = []
    for usable in instance.usable:
        brings = np.broadcast_to((usable * instance.effort)[:, :, None], (nr, np_, nt)).ravel()
        data = matrix.data.copy()
        data[entries] = -brings[cell]
        models.append(replace(base, matrix=sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)))
    return StochasticProgramme(tuple(models), instance.probability, np.arange(n + size) < n).extensive_form(goal).model


def by_hand(instance: Instance, form: str) -> Any:
    """The same programme as one writes it in PuLP, term by term."""
    import pulp

    from countersmuggling.optimise.allocation import build

    p = instance.problem
    allocation = build(p)
    unit, tie, at = allocation.model.objective_unit, allocation.tie_break, allocation.index
    if form == "recourse":
        unit, tie = UNIT, tie * unit / UNIT
    R, P, T, S = (range(n) for n in (len(p.resources), len(p.places), len(p.quarters), instance.count))
    cells = [(r, i) for r in R for i in P if p.sites[r, i]]
    prob = pulp.LpProblem("naive", pulp.LpMinimize)
    x = {(r, i, t): pulp.LpVariable(f"staff_{r}_{i}_{t}", 0) for r, i in cells for t in T}
    up = {(r, i, t): pulp.LpVariable(f"added_{r}_{i}_{t}", 0) for r, i in cells for t in T}
    down = {(r, i, t): pulp.LpVariable(f"withdrawn_{r}_{i}_{t}", 0) for r, i in cells for t in T}
    posts = {(r, t): pulp.LpVariable(f"employed_{r}_{t}", 0) for r in R for t in T}
    join = {(r, t): pulp.LpVariable(f"joined_{r}_{t}", 0) for r in R for t in T}
    leave = {(r, t): pulp.LpVariable(f"left_{r}_{t}", 0) for r in R for t in T}
    if form == "plan":
        benefit = {(r, i, t, k): pulp.LpVariable(
            f"benefit_{r}_{i}_{t}_{k}", 0, None if np.isinf(p.width[r, i, k]) else float(p.width[r, i, k]))
            for r, i in cells for t in T for k in range(p.width.shape[2])}
    else:
        used = {(s, i, t, k): pulp.LpVariable(f"used_{s}_{i}_{t}_{k}", 0, float(instance.segment[i]))
                for s in S for i in P for t in T for k in range(instance.segments)}
    value = pulp.LpVariable("value_at_risk")
    excess = [pulp.LpVariable(f"excess_{s}", 0) for s in S]

    prob += (
        pulp.lpSum(p.cost_weight / unit * p.unit_cost[r] * p.quarter_years[t] * posts[r, t] for r in R for t in T)
        + pulp.lpSum(p.cost_weight / unit * p.posting_cost * up[r, i, t] for r, i in cells for t in T)
        + pulp.lpSum(tie[at["staff"][r, i, t]] * x[r, i, t] for r, i in cells for t in T)
        + pulp.lpSum(tie[at["withdrawn"][r, i, t]] * down[r, i, t] for r, i in cells for t in T)
        + pulp.lpSum(tie[at["joined"][r, t]] * join[r, t] + tie[at["left"][r, t]] * leave[r, t] for r in R for t in T)
        + value + pulp.lpSum(instance.probability[s] / (1 - LEVEL) * excess[s] for s in S))
    for r, i in cells:
        for t in T:
            if form == "plan":
                prob += x[r, i, t] == pulp.lpSum(benefit[r, i, t, k] for k in range(p.width.shape[2]))
            before = x[r, i, t - 1] if t else 0
            prob += x[r, i, t] - before == up[r, i, t] - down[r, i, t]
            prob += up[r, i, t] - down[r, i, t] <= p.ramp
            prob += down[r, i, t] - up[r, i, t] <= p.ramp
            prob += x[r, i, t] >= pulp.lpSum(up[r, i, b] for b in range(max(0, t - p.stay_least + 1), t + 1))
    for r in R:
        for t in T:
            before = posts[r, t - 1] if t else 0
            prob += posts[r, t] - before == join[r, t] - leave[r, t]
            prob += pulp.lpSum(x[r, i, t] for i in P if p.sites[r, i]) <= posts[r, t]
            prob += posts[r, t] <= float(p.available[r, t])
            prob += join[r, t] <= float(p.joiners[r])
    for pool in p.pools:
        for t in T:
            prob += pulp.lpSum(posts[p.resources.index(name), t] for name in pool.resources) <= pool.available
    for (heading, year), eur in p.budgets.items():
        own = [r for r in R if p.heading[p.resources[r]] == heading]
        when = [t for t in T if p.years[t] == year]
        prob += (pulp.lpSum(p.unit_cost[r] * p.quarter_years[t] * posts[r, t] for r in own for t in when)
                 + pulp.lpSum(p.posting_cost * up[r, i, t] for r, i in cells if r in own for t in when)) / p.money_unit <= (
            eur / p.money_unit)
    for i in P:
        for t in T:
            prob += pulp.lpSum(x[r, i, t] for r in R if p.sites[r, i]) <= float(p.absorb[i])
    if form == "recourse":
        for s in S:
            for i in P:
                for t in T:
                    prob += pulp.lpSum(used[s, i, t, k] for k in range(instance.segments)) <= pulp.lpSum(
                        float(instance.usable[s, i] * instance.effort[r, i]) * x[r, i, t] for r in R)
    for s in S:
        if form == "plan":
            loss = pulp.lpSum(-instance.slopes[s, r, i, k] * 4 * p.quarter_years[t] / unit * benefit[r, i, t, k]
                              for r, i in cells for t in T for k in range(p.width.shape[2]))
        else:
            loss = pulp.lpSum(-instance.worth[i, k] * 4 * p.quarter_years[t] / unit * used[s, i, t, k]
                              for i in P for t in T for k in range(instance.segments))
        prob += excess[s] >= loss - value
    return prob, unit


# ---------------------------------------------------------------------------------------------- one way


class BuiltOnly(Exception):
    """The solver was about to begin, and only building was asked for."""


class Clock:
    """CPU seconds and memory until the solver begins, and seconds inside it."""

    def __init__(self, build_only: bool) -> None:
        self.build_only = build_only
        self.imports, self.begun, self.wall = peak(), cpu(), time.perf_counter()
        self.before = self.memory = self.inside = 0.0

    def starts(self) -> None:
        """The solver begins now."""
        self.memory, self.before = peak() - self.imports, cpu() - self.begun
        if self.build_only:
            raise BuiltOnly

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function that is the solver proper, clocked."""
        def run(*args: Any, **options: Any) -> Any:
            self.starts()
            started = cpu()
            try:
                return function(*args, **options)
            finally:
                self.inside += cpu() - started
        return run


def one(way: str, size: str, form: str, limit: float, build_only: bool) -> dict[str, Any]:
    """Build, and solve, by one way in this process."""
    import pandas  # noqa: F401  what is imported counts neither as time nor as memory
    import pulp  # noqa: F401
    import scipy.optimize  # noqa: F401

    from countersmuggling.optimise import solving, uncertainty  # noqa: F401

    instance = Instance(size, form)
    clock = Clock(build_only)
    told: dict[str, Any] = {"way": way, "objective": float("nan")}
    try:
        (naive if way == "pulp-naive-cbc" else through_arrays)(way, instance, form, limit, clock, told)
    except BuiltOnly:
        told["ended"] = "not solved"
    total = cpu() - clock.begun
    return told | {
        "total": total, "before": clock.before, "solver": clock.inside, "after": total - clock.inside - clock.before,
        "before_mb": clock.memory, "peak_mb": peak(), "wall": time.perf_counter() - clock.wall}


def naive(way: str, instance: Instance, form: str, limit: float, clock: Clock, told: dict[str, Any]) -> None:
    """PuLP by hand, and CBC."""
    import pulp

    prob, unit = by_hand(instance, form)
    told["shape"] = [len(prob.constraints()), len(prob.variables())]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        runner = pulp.PULP_CBC_CMD(msg=False, timeLimit=limit or None)
    start = subprocess.Popen

    def starting(*args: Any, **options: Any) -> Any:  # CBC is a process of its own; when it begins, its file is written
        clock.starts()
        return start(*args, **options)

    subprocess.Popen = starting  # type: ignore[misc, assignment]
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    prob.solve(runner)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock.inside = after.ru_utime + after.ru_stime - others.ru_utime - others.ru_stime
    if prob.sol_status == pulp.LpSolutionOptimal:
        told |= {"objective": float(pulp.value(prob.objective)) * unit, "ended": "optimal"}
    else:
        told["ended"] = f"stopped at the limit of {limit:g} s"


def through_arrays(way: str, instance: Instance, form: str, limit: float, clock: Clock, told: dict[str, Any]) -> None:
    """The package's arrays, by one of four ways."""
    import scipy.optimize._linprog_highs as inner

    from countersmuggling.optimise import solving

    model = arrays(instance, form)
    told |= {"shape": list(model.shape), "entries": int(model.matrix.nnz)}
    if way == "highs":
        told["objective"] = directly(model, clock)
    elif way == "pulp-written":
        told["objective"] = written_out(model, clock)
    else:
        solving._interruptible = clock.around(solving._interruptible)
        inner._highs_wrapper = clock.around(inner._highs_wrapper)
        solution = solving.solve(model, "highs" if way == "pulp-highs" else "scipy")
        told |= {"objective": solution.objective, "check": str(solution.certificate)}
    told["ended"] = "optimal"


def directly(model: Any, clock: Clock) -> float:
    """HiGHS on the arrays themselves."""
    import highspy

    from countersmuggling.optimise.handing_over import hand_over
    from countersmuggling.optimise.solving import INTERIOR_POINT_FROM

    engine = highspy.Highs()
    engine.setOptionValue("output_flag", False)
    engine.setOptionValue("solver", "ipx" if model.shape[1] >= INTERIOR_POINT_FROM else "simplex")
    hand_over(engine, model)
    clock.around(engine.run)()
    if engine.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SystemExit(f"HiGHS ended with {engine.getModelStatus()}")
    return float(engine.getObjectiveValue()) * model.objective_unit


def written_out(model: Any, clock: Clock) -> float:
    """PuLP with its objects, solved and checked."""
    import pulp

    from countersmuggling.optimise import duals, solving
    from countersmuggling.optimise.rendering import to_pulp

    problem = to_pulp(model)
    problem.variables()  # a look: from here on PuLP's objects are the problem
    solving._interruptible = clock.around(solving._interruptible)
    problem.solve(solving._pulp_solver("highs", None, model.shape[1] >= solving.INTERIOR_POINT_FROM, None))
    if problem.sol_status != pulp.LpSolutionOptimal:
        raise SystemExit(f"PuLP ended with {problem.sol_status}")
    x = solving._values(model, problem)
    certificate = solving.verify(model, x, duals.from_pulp(problem, "highs"))
    if not certificate.passed:
        raise SystemExit(f"the answer does not pass the check: {certificate}")
    return float(model.objective(x))


# ---------------------------------------------------------------------------------------------- side by side


def in_a_process(way: str, options: argparse.Namespace, form: str) -> dict[str, Any]:
    """One way in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--one", way, "--size", options.size, "--form", form,
               "--limit", str(options.limit), *(["--build-only"] if options.build_only else [])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{way} failed:\n{ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def compare(options: argparse.Namespace, form: str) -> bool:
    """All ways on one instance; prints the table and returns whether the objectives agree."""
    size, results = options.size, []
    for way in options.ways:
        results.append(in_a_process(way, options, form))
        print(f"  {form}, {way}: {results[-1]['total']:.1f} CPU s, {results[-1]['ended']}", file=sys.stderr, flush=True)
    types, quarters, count, _ = SIZES[size]
    print(f"\n{form}, {size}: 27 states x {types} types x {quarters} quarters x {count} scenarios\n")
    print("| way | rows x columns | total | before | solver | after | before, share | memory before, MiB | peak, MiB | objective |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for run in results:
        objective = f"{run['objective']:.6f}" if run["ended"] == "optimal" else run["ended"]
        print(f"| `{run['way']}` | {run['shape'][0]:,} x {run['shape'][1]:,} | {run['total']:.2f} | {run['before']:.2f} | "
              f"{run['solver']:.2f} | {run['after']:.2f} | {100 * run['before'] / run['total']:.1f} % | {run['before_mb']:.0f} | "
              f"{run['peak_mb']:.0f} | {objective} |")
    ended = [run["objective"] for run in results if run["ended"] == "optimal"]
    done = {run["way"]: run for run in results}
    by_hand = done.get("pulp-naive-cbc")
    print()
    for way in (way for way in WAYS[:4] if way in done and by_hand is not None):
        run, bound = done[way], "" if by_hand["ended"] == "optimal" else "at least "
        print(f"{way}: " + ("" if options.build_only else f"{bound}{by_hand['total'] / run['total']:.1f} times faster, ")
              + f"{by_hand['before'] / run['before']:.1f} times quicker to build, {run['before_mb'] / by_hand['before_mb']:.2f} of the "
              "memory before solving, against PuLP by hand with CBC.")
    if not ended:
        return True
    spread = (max(ended) - min(ended)) / abs(ended[0])
    print(f"Largest relative difference of objectives: {spread:.1e} (allowed {EQUAL:.0e}).")
    return spread <= EQUAL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=tuple(SIZES), default="full")
    parser.add_argument("--form", choices=(*FORMS, "both"), default="both")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which CBC is cut off; 0 for none")
    parser.add_argument("--build-only", action="store_true", help="stop where the solver would begin: time and memory of building")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--one", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.size, options.form, options.limit, options.build_only)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          + ", ".join(f"{name} {version(name)}" for name in ("pulp", "highspy", "scipy", "numpy")))
    forms = FORMS if options.form == "both" else (options.form,)
    agree = [compare(options, form) for form in forms]
    if not all(agree):
        raise SystemExit("the objectives differ")


if __name__ == "__main__":
    main()
