"""Two hundred scenario files that no plan can keep, drawn by seed: each explained by an irreducible set and mended at least cost.

Every scenario is written as a user would write it (``resources`` of a scenario file) and goes through ``check_limits``.  What
is told is then checked without the code that found it: the limits named contradict each other, each of them can be left
out only at the price of the contradiction, and no cheaper way of giving way exists (another solver, the programme written
by hand).
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pulp
import pytest

from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves
from countersmuggling.optimise.from_scenario import problem_from
from countersmuggling.optimise.infeasibility import Conflict, _only, explain, relax_weights
from countersmuggling.optimise.linear_model import Floats, LinearModel
from countersmuggling.optimise.plan import InfeasiblePlan, check_limits
from countersmuggling.optimise.solving import is_feasible
from countersmuggling.scenarios import Scenario, load
from countersmuggling.scenarios.schema import Resources

HOW_MANY = 200
QUICK = 17
"""Scenarios in the quick test: one of each kind of contradiction; all of them in the slow one."""
FEW = 5
"""Of so many scenarios one is also checked for cost and told again."""

STATES = ("GRC", "ITA", "ESP", "MLT", "CYP", "BGR", "HRV", "POL", "SWE")
AT_HOME = ("analyst", "financial_investigator", "prosecutor", "border_guard", "investigator")
FROM_OUTSIDE = ("deployed_officer", "reserve_officer", "frontex_officer")
Written = dict[str, Any]
Random = np.random.Generator


def place(g: Random, count: int = 1) -> list[str]:
    return [str(name) for name in g.choice(STATES, count, replace=False)]


def host(w: Written, where: str, minimum: dict[str, float], absorb: float = 200.0, **more: Any) -> None:
    own = w["hosts"].setdefault(where, {"absorb": absorb, "minimum": {}})
    own["minimum"] |= {kind: max(own["minimum"].get(kind, 0.0), least) for kind, least in minimum.items()}
    own |= {"absorb": max(absorb, own["absorb"], sum(own["minimum"].values())), **more}


def figure(g: Random, low: float, high: float) -> float:
    """A figure as people write it: two decimals."""
    return round(float(g.uniform(low, high)), 2)


# ------------------------------------------------------------------------------------------ kinds of contradictions


def above_the_posts(g: Random, w: Written) -> None:
    kind, posts = str(g.choice(AT_HOME)), figure(g, 1, 10)
    w["posts"][kind] = {"available": posts}
    for where in place(g, int(g.integers(1, 4))):
        host(w, where, {kind: figure(g, posts + 0.5, posts + 6) if g.uniform() < 0.5 else figure(g, 0.6, 1.0) * posts})


def above_a_pool(g: Random, w: Written) -> None:
    kinds = [str(k) for k in g.choice(AT_HOME, 2, replace=False)]
    w["posts"] |= {kind: {"available": 20} for kind in kinds}
    w["pools"]["both"] = {"types": kinds, "available": figure(g, 2, 8)}
    for kind, where in zip(kinds, place(g, 2), strict=True):
        host(w, where, {kind: figure(g, 3, 9)})


def beyond_the_money(g: Random, w: Written) -> None:
    kind = str(g.choice(["analyst", "financial_investigator"]))
    w["posts"][kind] = {"available": 30}
    w["budgets"]["europol"] = {2025: round(float(g.uniform(1e4, 4e5)))}
    host(w, place(g)[0], {kind: figure(g, 4, 20)})


def no_money_in_that_year(g: Random, w: Written) -> None:
    w["posts"]["prosecutor"] = {"available": 5}
    w["budgets"]["member_states"] = {2026: 1e7} if g.uniform() < 0.5 else {}
    host(w, place(g)[0], {"prosecutor": figure(g, 0.5, 3)})


def refused(g: Random, w: Written) -> None:
    kind = str(g.choice(FROM_OUTSIDE))
    w["posts"][kind] = {"available": 10}
    host(w, place(g)[0], {kind: figure(g, 0.5, 3)}, consent=False)


def no_room_for_their_people(g: Random, w: Written) -> None:
    """A team is several people: the file's own check counts it as one."""
    w["posts"]["task_force_team"] = {"available": 6, "set_up_eur": 0.0}
    where, teams = place(g)[0], figure(g, 1, 3)
    w["hosts"][where] = {"absorb": figure(g, 1.0, 4.0) * teams, "minimum": {"task_force_team": teams}}


def faster_than_allowed(g: Random, w: Written) -> None:
    kind = str(g.choice(AT_HOME))
    w["posts"][kind] = {"available": 30}
    w["rules"]["ramp_per_quarter"] = figure(g, 0.5, 3)
    host(w, place(g)[0], {kind: figure(g, 3.1, 8)})


def fewer_hires(g: Random, w: Written) -> None:
    kind = str(g.choice(AT_HOME))
    w["posts"][kind] = {"available": 30, "hires_per_quarter": figure(g, 0.5, 3)}
    host(w, place(g)[0], {kind: figure(g, 3.1, 8)})


def fewer_training_places(g: Random, w: Written) -> None:
    kind = str(g.choice(["investigator", "prosecutor", "border_guard"]))
    w["posts"][kind] = {"available": 30, "hire_lead_quarters": 1, "training_quarters": 1, "training_places": figure(g, 0.5, 3)}
    host(w, place(g)[0], {kind: figure(g, 3.1, 8)})


def all_year_from_a_reserve(g: Random, w: Written) -> None:
    posts = figure(g, 2, 6)
    w["posts"]["reserve_officer"] = {"available": posts, "quarters_per_year": figure(g, 0.5, 2.5)}
    host(w, place(g)[0], {"reserve_officer": round(posts * 0.9, 2)})


def dearer_to_set_up(g: Random, w: Written) -> None:
    w["posts"]["task_force_team"] = {"available": 4, "set_up_eur": 900_000.0, "lasts_quarters": int(g.integers(1, 5))}
    w["budgets"]["europol"] = {2025: round(float(g.uniform(1e4, 8e5)))}
    host(w, place(g)[0], {"task_force_team": 0.5})


def too_few_for_a_team(g: Random, w: Written) -> None:
    posts = figure(g, 1, 3)
    w["posts"]["task_force_team"] = {"available": posts, "set_up_eur": 0.0, "least_team": posts + figure(g, 0.1, 2)}
    host(w, place(g)[0], {"task_force_team": 0.5})


def halves_of_whole_posts(g: Random, w: Written) -> None:
    kind = str(g.choice(AT_HOME))
    w["posts"][kind] = {"available": figure(g, 1.1, 1.9), "integer": True}
    host(w, place(g)[0], {kind: figure(g, 1.05, 1.09)})


def more_than_can_be_spared(g: Random, w: Written) -> None:
    """A large presence in one place, to which every state has to give almost its share, and none much of its own staff."""
    kind = str(g.choice(["prosecutor", "border_guard", "investigator"]))
    w["posts"][kind] = {"available": 5000}
    w["rules"] |= {"solidarity_cap": float(g.uniform(0.001, 0.004)), "key_least": figure(g, 0.9, 1.0), "key": str(g.choice(["population", "gdp"]))}
    host(w, place(g)[0], {kind: figure(g, 300, 900)}, absorb=5000.0)


def a_little_everywhere(g: Random, w: Written) -> None:
    """Presences that each fit, and together neither the posts nor the money allow."""
    where = place(g, int(g.integers(4, 9)))
    least = [figure(g, 0.5, 3) for _ in where]
    w["posts"]["analyst"] = {"available": round(sum(least) * float(g.uniform(0.8, 1.2)) - 0.3, 2)}
    w["budgets"]["europol"] = {2025: round(sum(least) * float(g.uniform(50_000, 100_000)))}
    for name, one in zip(where, least, strict=True):
        host(w, name, {"analyst": one})


def two_rules_at_once(g: Random, w: Written) -> None:
    """A presence that a hire limit and a ramp each allow only later, and a refusal beside it."""
    w["posts"]["border_guard"] = {"available": 40, "hires_per_quarter": figure(g, 2, 4)}
    w["posts"]["deployed_officer"] = {"available": 3, "hires_per_quarter": 2}
    w["rules"]["ramp_per_quarter"] = figure(g, 2, 4)
    one, other = place(g, 2)
    host(w, one, {"border_guard": figure(g, 4.1, 6)})
    host(w, other, {"deployed_officer": 1.0}, consent=False)


def gone_before_the_notice(g: Random, w: Written) -> None:
    """Officers must be in a place all the time, may stay a quarter, and no more are hired than are needed there at once."""
    least = figure(g, 1, 4)
    w["posts"]["deployed_officer"] = {"available": round(least * 1.2, 2), "hires_per_quarter": round(least * 1.1, 2)}
    w["rules"] |= {"rotation_quarters": 1, "notice_quarters": 2}
    w["budgets"]["europol"] = {2025: round(least * 2.2 * 30_000)}
    host(w, place(g)[0], {"deployed_officer": least})


KINDS: tuple[Callable[[Random, Written], None], ...] = (
    above_the_posts, above_a_pool, beyond_the_money, no_money_in_that_year, refused, no_room_for_their_people,
    faster_than_allowed, fewer_hires, fewer_training_places, all_year_from_a_reserve, dearer_to_set_up, too_few_for_a_team,
    halves_of_whole_posts, more_than_can_be_spared, a_little_everywhere, two_rules_at_once,
    gone_before_the_notice)


@cache
def world_of_a_year() -> Scenario:
    scenario = load("baseline-2025")
    return scenario.model_copy(update={"horizon": scenario.horizon.model_copy(update={"end": date(2025, 12, 31)})})


def drawn(seed: int) -> tuple[Scenario, list[str]]:
    """A scenario with one to three of the contradictions, among limits that harm nobody, and the names of these."""
    g = np.random.default_rng(seed)
    w: Written = {"posts": {}, "pools": {}, "budgets": {}, "hosts": {"default": {"absorb": 200}}, "rules": {}}
    chosen = [KINDS[seed % len(KINDS)], *(KINDS[k] for k in g.choice(len(KINDS), int(g.integers(0, 3)), replace=False))]
    for kind in ("rescue_unit", "eurojust_adviser"):  # innocent
        w["posts"][kind] = {"available": 2, "hires_per_quarter": 1}
    for contradiction in chosen:
        contradiction(g, w)
    scenario = world_of_a_year()
    made = scenario.model_copy(update={"resources": Resources.model_validate(w)})
    return made, [contradiction.__name__ for contradiction in chosen]


NOTHING = EffectCurves(pd.DataFrame(columns=list(CELL_COLUMNS), dtype=float), pd.DataFrame(columns=list(WORK_COLUMNS), dtype=float), {})


def model_of(scenario: Scenario) -> LinearModel:
    return build(problem_from(scenario, NOTHING)).model


def infeasible_ones(count: int) -> Iterator[tuple[Scenario, list[str], LinearModel]]:
    """The first so many drawn scenarios that admit no plan."""
    found = seed = 0
    while found < count:
        scenario, kinds = drawn(seed)
        model = model_of(scenario)
        if not is_feasible(model):
            found += 1
            yield scenario, kinds, model
        seed += 1
    assert seed < 2 * count, "most of what is drawn should contradict itself"


# ------------------------------------------------------------------------------------------ what has to be true


def irreducible(model: LinearModel, conflict: Conflict) -> None:
    """With the definitions the limits named admit nothing; without any one of them they admit something."""
    keep = relax_weights(model) == 0
    keep[list(conflict.rows)] = True
    assert not is_feasible(_only(model, keep))
    for row in conflict.rows:
        keep[row] = False
        assert is_feasible(_only(model, keep)), conflict.row(row)
        keep[row] = True


def loosened(model: LinearModel, conflict: Conflict) -> LinearModel:
    low, high = model.row_lower.copy(), model.row_upper.copy()
    for row, by in zip(conflict.relaxed, conflict.by, strict=True):
        if np.isfinite(low[row]):
            low[row] -= by + 1e-6
        else:
            high[row] += by + 1e-6
    return replace(model, row_lower=low, row_upper=high)


def least_cost(model: LinearModel, weights: Floats) -> float:
    """The cheapest way of giving way, written in PuLP by hand and solved by CBC: no code of ``infeasibility`` in it."""
    problem = pulp.LpProblem("give_way", pulp.LpMinimize)
    x = [problem.add_variable(f"x{j}", low, None if np.isinf(high) else high, pulp.LpInteger if whole else pulp.LpContinuous)
         for j, (low, high, whole) in enumerate(zip(model.lower.tolist(), model.upper.tolist(), model.integer.tolist(), strict=True))]
    matrix, paid = model.matrix, []
    for i, weight in enumerate(weights.tolist()):
        entries = range(matrix.indptr[i], matrix.indptr[i + 1])
        row = pulp.LpAffineExpression([(x[matrix.indices[k]], float(matrix.data[k])) for k in entries])
        low, high = float(model.row_lower[i]), float(model.row_upper[i])
        if weight > 0:
            gives = problem.add_variable(f"gives{i}", 0)
            row += gives if np.isfinite(low) else -gives
            paid.append((gives, weight))
        problem += row == low if low == high else row >= low if np.isfinite(low) else row <= high
    problem.setObjective(pulp.LpAffineExpression(paid))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        problem.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=1e-9))
    assert problem.sol_status == pulp.LpSolutionOptimal
    return float(pulp.value(problem.objective))


def explained(count: int) -> Counter[str]:
    """Check the explanation of so many scenarios; returns how often each kind of limit was blamed."""
    blamed: Counter[str] = Counter()
    for n, (scenario, kinds, model) in enumerate(infeasible_ones(count)):
        with pytest.raises(InfeasiblePlan) as caught:
            check_limits(scenario)
        error = caught.value
        conflict = explain(model)
        assert conflict is not None, kinds
        irreducible(model, conflict)
        # what is told is this set: one sentence a limit (the same in several quarters together), each with its field
        assert 1 <= len(error.conflicts) <= len(conflict.rows)
        for text in error.conflicts:
            assert re.search(r"\((resources|the registry|levers)[^()]*\)$|optimise\.", text), text
        assert is_feasible(loosened(model, conflict)), kinds
        assert error.relaxation["by"].gt(0).all() and len(error.relaxation) == len(conflict.relaxed)
        blamed.update({conflict.row(row)[0].name for row in conflict.rows})
        if n % FEW:
            continue
        weights = relax_weights(model)
        cost = float(weights[list(conflict.relaxed)] @ conflict.by)
        assert cost == pytest.approx(least_cost(model, weights), rel=1e-6, abs=1e-5), kinds
        again = explain(model)
        assert again is not None and again.rows == conflict.rows and again.relaxed == conflict.relaxed
        assert np.array_equal(again.by, conflict.by), "the same scenario is told the same"
    return blamed


def test_every_kind_of_contradiction_is_explained() -> None:
    blamed = explained(QUICK)
    assert {"minimum", "pool", "shared_pool", "budget", "consent", "absorb"} <= set(blamed)


@pytest.mark.slow
def test_two_hundred_infeasible_scenarios() -> None:
    blamed = explained(HOW_MANY)
    assert sum(blamed.values()) >= 2 * HOW_MANY
    assert len(blamed) >= 12, blamed
