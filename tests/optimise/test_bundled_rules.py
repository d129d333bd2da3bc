"""Plans of the bundled scenarios beside rules without optimisation: who loses, and by how much.

Quick: invented effects, the first five quarters.  Slow: effects measured in the model.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.allocation import build, value_of
from countersmuggling.optimise.effects import EffectCurves
from countersmuggling.optimise.from_scenario import problem_from
from countersmuggling.optimise.plan import _compare, optimise
from countersmuggling.optimise.rules import greedy
from countersmuggling.optimise.solving import solve
from countersmuggling.scenarios import Scenario, load
from countersmuggling.scenarios.schema import Resources


def brief(name: str) -> Scenario:
    """A bundled scenario with its posts, money, hosts and rules, for five quarters of 2025 and 2026."""
    scenario = load(name)
    return scenario.model_copy(update={
        "horizon": scenario.horizon.model_copy(update={"end": date(2026, 3, 31)}),
        "model": scenario.model.model_copy(update={"persons_per_agent": 1000.0})})


def losses(scenario: Scenario, effects: EffectCurves) -> dict[str, float]:
    """Points that each rule loses against the plan, on the same curves, as shares of what the plan avoids."""
    allocation = build(problem_from(scenario, effects))
    solution = solve(allocation.model, "highs")
    _, values = _compare(allocation, solution, effects, allocation.values("employed", solution.x))
    net: Any = values.set_index("rule")["objective"]
    assert net["plan"] < 0
    return {str(rule): float((net[rule] - net["plan"]) / abs(net["plan"])) for rule in net.index if rule != "plan"}


@pytest.mark.parametrize("name", ["baseline-2025", "europol-regulation", "global-alliance"])
def test_rules_lose_where_money_pools_and_partners_couple(name: str, invented_everywhere: EffectCurves) -> None:
    lost = losses(brief(name), invented_everywhere)
    print(name, {rule: f"{100 * share:.1f} %" for rule, share in lost.items()})
    assert lost["greedy"] > 0.005
    assert lost["proportional"] > 0.05 and lost["pro_rata"] > 0.05
    assert lost["greedy"] < lost["proportional"], "greedy is the one to beat"


def test_greedy_equals_the_plan_where_a_bundled_scenario_separates(invented_everywhere: EffectCurves) -> None:
    """The baseline's posts and hiring alone: no money, hosts, pools, partners or keys that one type could take from another."""
    scenario = brief("baseline-2025")
    posts = {name: post for name, post in scenario.resources.posts.items() if post.training_quarters == 0}
    alone = scenario.model_copy(update={"resources": Resources(posts=posts)})
    allocation = build(problem_from(alone, invented_everywhere))
    solution = solve(allocation.model, "highs")
    p = allocation.problem
    best = value_of(p, allocation.staff(solution.x), allocation.values("employed", solution.x))["objective"]
    assert value_of(p, greedy(allocation))["objective"] == pytest.approx(best, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline-2025", "europol-regulation"])
def test_rules_lose_on_effects_measured_in_the_model(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Shares by key lose most of what the plan avoids and shares by work a good part; greedy all but ties, because nothing couples."""
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    plan = optimise(load(name), progress=False)
    values: pd.DataFrame = plan.rule_values
    net: Any = values.set_index("rule")["objective"]
    print(values)
    assert np.isfinite(net).all()
    assert net["plan"] < 0.0
    assert net["plan"] - 1e-6 <= net["greedy"] <= 0.98 * net["plan"]
    assert net["pro_rata"] > 0.5 * net["plan"]
    assert net["proportional"] > 0.75 * net["plan"]
