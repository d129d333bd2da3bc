"""Whole plans under uncertainty, from a scenario with invented effects."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise import EffectError, Plan
from countersmuggling.optimise.effect_scenarios import EffectScenarios
from countersmuggling.optimise.effects import EffectCurves
from countersmuggling.optimise.plan import objective_of, optimise, plan_for
from countersmuggling.optimise.solving import solve
from countersmuggling.optimise.stochastic import Objective
from countersmuggling.scenarios import load
from countersmuggling.scenarios.schema import PlanOptions


@pytest.fixture(scope="module")
def year() -> Any:
    """A year, analysts, prosecutors and officers, no shared pools."""
    scenario = load("baseline-2025")
    kinds = ("analyst", "prosecutor", "deployed_officer")
    posts = {name: post for name, post in scenario.resources.posts.items() if name in kinds}
    return scenario.model_copy(update={
        "horizon": scenario.horizon.model_copy(update={"end": date(2025, 12, 31)}),
        "resources": scenario.resources.model_copy(update={"posts": posts, "pools": {}})})


@pytest.fixture(scope="module")
def drawn(invented: EffectCurves) -> EffectScenarios:
    half = np.random.default_rng(1).normal(0, 1.5, (10, len(invented.cells)))
    return EffectScenarios(invented, np.concatenate([half, -half]), np.full(20, 1 / 20), "20 invented scenarios")


@pytest.fixture(scope="module")
def plans(year: Any, drawn: EffectScenarios) -> dict[str, Plan]:
    kinds: Any = ("expected", "cvar", "regret", "robust")
    return {kind: optimise(year, effects=drawn.effects, objective=kind, scenarios=drawn) for kind in kinds}


def test_a_plan_says_what_it_minimises(plans: dict[str, Plan]) -> None:
    assert str(plans["expected"].minimises) == "expected value"
    assert str(plans["cvar"].minimises) == "CVaR at 0.9"
    assert not any("minimises" in text for text in plans["expected"].summary)
    assert any("not the mean but: budgeted robustness, 5 at their worst (20 invented scenarios)" in text
               for text in plans["robust"].summary)
    assert plans["regret"].objective >= 0
    assert plans["cvar"].objective >= plans["expected"].objective


def test_risks_of_plans_and_rules(plans: dict[str, Plan]) -> None:
    tables: dict[str, Any] = {kind: plan.risks(regret=True).set_index("placement") for kind, plan in plans.items()}
    for column, best in (("expected", "expected"), ("cvar", "cvar"), ("largest_regret", "regret")):
        values = {kind: table.loc["plan", column] for kind, table in tables.items()}
        assert values[best] <= min(values.values()) + 1e-4, column
        assert values[best] <= tables[best][column].min() + 1e-4, "and better than the rules"
    assert tables["cvar"].loc["plan", "cvar"] == pytest.approx(plans["cvar"].objective, abs=1e-3)
    assert tables["regret"].loc["plan", "largest_regret"] == pytest.approx(plans["regret"].objective, abs=1e-3)
    assert (tables["cvar"]["worst"] >= tables["cvar"]["cvar"] - 1e-9).all()
    assert set(tables["cvar"].index) == {"plan", "pro_rata", "proportional", "greedy"}
    worth = plans["expected"].information
    assert worth.perfect_information > 0
    assert -1e-6 <= worth.stochastic_solution < worth.perfect_information


def test_prices_are_those_of_the_objective(plans: dict[str, Plan]) -> None:
    """The dual of a limit lies between what one unit less costs and one unit more brings, in the plan's own objective."""
    for plan in plans.values():
        prices = plan.shadow_prices
        row = prices[prices["kind"].isin(["pool", "joiners", "budget"])].sort_values("dual").iloc[0]
        model = plan.model.model
        i, change = model.row_names().index(row["constraint"]), []
        for by in (-0.01, 0.01):
            high = model.row_upper.copy()
            high[i] += by
            change.append((plan.model.objective(solve(replace(model, row_upper=high), "scipy").x) - plan.objective) / by)
        scale = 1e6 / plan.model.problem.money_unit if row["kind"] == "budget" else 1.0
        assert change[0] * scale - 0.01 * abs(row["dual"]) <= row["dual"] <= change[1] * scale + 0.01 * abs(row["dual"])
        assert {"tail", "regret", "worst", "exposure"}.isdisjoint(prices["kind"])


def test_a_first_member_of_staff_is_worth_what_the_objective_says(plans: dict[str, Plan]) -> None:
    """Where nobody is sent, one more at work for nothing: the cost of its column under the objective's own weights."""
    plan = plans["robust"]
    p = plan.model.problem
    effort = plan.shadow_prices[plan.shadow_prices["kind"] == "effort"]
    sent = set(zip(*(plan.table[c] for c in ("resource", "place", "quarter")), strict=True))
    seen = 0
    for resource, place, quarter, dual in zip(
            *(effort[c] for c in ("resource", "place", "quarter", "dual")), strict=True):
        if (resource, place, quarter) not in sent and resource != "deployed_officer":
            nominal = p.slope[p.resources.index(resource), p.places.index(place), 0] * p.quarter_years[
                p.quarters.index(quarter)] * 4
            assert -dual <= nominal + 1e-6, "fear of the worst makes nothing worth more"
            seen += 1
    assert seen > 0


def test_the_plans_of_all_objectives_at_once(plans: dict[str, Plan]) -> None:
    found = plans["cvar"].under_each_objective()
    for kind, plan in plans.items():
        assert np.asarray(found[kind]) == pytest.approx(np.asarray(plan.allocation), abs=1e-4), kind


def test_evaluating_takes_every_plan_and_rule(plans: dict[str, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    from countersmuggling.model import replicates
    from countersmuggling.scenarios import OUTCOMES

    monkeypatch.setattr(replicates, "run_many", lambda jobs, *_, **__: [
        dict.fromkeys(OUTCOMES, -float(job.allocation["staff"].sum())) for job in jobs])
    found = plans["expected"].evaluate({"mine": plans["robust"]}, replicates=2)
    assert found.placements[1:] == ["expected", "cvar", "regret", "robust", "pro_rata", "greedy", "mine"]
    assert found.compare("robust", "mine")["difference"].abs().max() < 0.01
    assert plans["cvar"].evaluate(objectives=False, replicates=1).placements[1:] == ["plan", "pro_rata", "greedy"]
    with pytest.raises(ValueError, match="without a scenario file"):
        replace(plans["expected"], scenario=None).evaluate()


def test_the_scenario_file_sets_the_objective(year: Any, drawn: EffectScenarios, plans: dict[str, Plan]) -> None:
    options = PlanOptions(objective="cvar", level=0.8, weight=0.25, gamma=3)
    asked = year.model_copy(update={"plan": options})
    plan = optimise(asked, effects=drawn.effects, scenarios=drawn)
    assert str(plan.minimises) == "0.75 expected value + 0.25 CVaR at 0.8"
    p = drawn.probability
    losses = plan.uncertainty.losses(plan.solution.x)
    assert plan.objective == pytest.approx(0.75 * p @ losses + 0.25 * np.sort(losses)[-4:].mean(), abs=1e-3)
    assert objective_of(asked, "robust").budget == 3
    own = optimise(year, effects=drawn.effects, scenarios=drawn, objective=Objective("robust", budget=0))
    assert own.objective == pytest.approx(plans["expected"].objective, abs=1e-3)


def test_without_runs_no_scenarios(year: Any, drawn: EffectScenarios, plans: dict[str, Plan]) -> None:
    with pytest.raises(EffectError, match="do not hold the runs"):
        optimise(year, effects=drawn.effects, objective="cvar")
    expected = optimise(year, effects=drawn.effects)
    with pytest.raises(EffectError, match="do not hold the runs"):
        expected.risks()
    with pytest.raises(ValueError, match="needs scenarios"):
        plan_for(expected.model.problem, drawn.effects, {"deaths": 1.0}, objective=Objective("cvar", level=0.9))
    with pytest.raises(ValueError, match="give scenarios of effects"):
        replace(expected, scenario=None).risks()
