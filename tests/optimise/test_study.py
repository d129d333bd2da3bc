"""What a plan shows of itself: in a notebook, in one line, and everything a planner asks in one call."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise.effect_scenarios import EffectScenarios
from countersmuggling.optimise.effects import EffectCurves
from countersmuggling.optimise.plan import Plan, optimise
from countersmuggling.optimise.showing import MOST_PLACES, staff
from countersmuggling.optimise.stochastic import Objective
from countersmuggling.optimise.uncertainty import FAST_FROM, way
from countersmuggling.scenarios import OUTCOMES, load
from countersmuggling.scenarios.schema import Post


@pytest.fixture(scope="module")
def year() -> Any:
    scenario = load("baseline-2025")
    posts = {name: post for name, post in scenario.resources.posts.items() if name in ("analyst", "prosecutor", "rescue_unit")}
    return scenario.model_copy(update={
        "title": "A year & <more>", "horizon": scenario.horizon.model_copy(update={"end": date(2025, 12, 31)}),
        "resources": scenario.resources.model_copy(update={"posts": posts, "pools": {}})})


@pytest.fixture(scope="module")
def drawn(invented: EffectCurves) -> EffectScenarios:
    half = np.random.default_rng(1).normal(0, 1.5, (10, len(invented.cells)))
    return EffectScenarios(invented, np.concatenate([half, -half]), np.full(20, 1 / 20), "20 invented scenarios")


@pytest.fixture(scope="module")
def plan(year: Any, drawn: EffectScenarios) -> Plan:
    return optimise(year, effects=drawn.effects, scenarios=drawn)


def test_a_notebook_shows_a_plan(plan: Plan) -> None:
    page = plan._repr_html_()
    assert "A year &amp; &lt;more&gt;" in page and "<more>" not in page, "what a file says is text"
    assert page.count("<table>") == page.count("</table>") == 3
    assert "Specialised prosecutor" in page and "by population" in page
    assert all(text.replace("&", "&amp;") in page for text in plan.summary)
    assert "http" not in page and "<script" not in page
    table = staff(plan)
    assert table.shape[1] <= MOST_PLACES + 1
    years = plan.model.problem.quarter_years
    assert table["all"].sum() == pytest.approx(float(np.asarray(plan.allocation).sum(axis=(0, 1)) @ years) / years.sum())
    assert table.drop(columns="all").sum(axis=1).to_numpy() == pytest.approx(table["all"].to_numpy())
    alone = replace(plan, scenario=None)
    assert "<b>Plan</b>" in alone._repr_html_()


def test_a_plan_in_one_line(plan: Plan) -> None:
    line = repr(plan)
    assert line.startswith("<Plan for 2025Q1 to 2025Q4: ") and "\n" not in line
    assert "expected value; optimal, HiGHS simplex" in line


def test_charts_that_stand_alone_say_what_they_show(plan: Plan) -> None:
    assert plan.plot.allocation().get_suptitle().startswith("Additional staff")
    assert plan.plot.shadow_prices().get_suptitle() == "What one unit more would bring"


def test_a_gap_that_was_left_is_shown(year: Any, invented: EffectCurves) -> None:
    posts = {"task_force_team": Post.model_validate({"available": 4, "set_up_eur": 4.0e5})}
    short = year.model_copy(update={
        "horizon": year.horizon.model_copy(update={"end": date(2025, 6, 30)}),
        "resources": year.resources.model_copy(update={"posts": posts, "budgets": {}})})
    rough = optimise(short, effects=invented, mip_gap=0.5)
    assert 0 <= rough.gap <= 0.5 + 1e-9
    assert ("within" in repr(rough)) == (rough.gap > 1e-4)
    wide = replace(rough, solution=replace(rough.solution, bound=rough.objective * 1.25))
    assert "optimal, within 25 % of the best possible, HiGHS" in repr(wide)


def test_everything_at_once(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    from countersmuggling.model import replicates

    monkeypatch.setattr(replicates, "run_many", lambda jobs, *_, **__: [
        dict.fromkeys(OUTCOMES, -float(job.allocation["staff"].sum()) + 0.01 * job.replicate) for job in jobs])
    found = plan.study(replicates=3, progress=False)
    told = found.sections
    assert list(told)[:3] == [
        "What more would bring", "The same in the model, one unit more against the plan",
        "What would have to change for others to receive staff"]
    assert {"What the plan risks, over scenarios of effects", "In fresh replicates, against no additional staff"} <= set(told)
    assert all(texts and all(text.strip() for text in texts) for texts in told.values())
    assert found.simulated_prices is not None and found.evaluation is not None and found.information is not None
    assert {"low", "high", "priced", "simulated"} <= set(found.simulated_prices.columns)
    assert found.evaluation.placements[1:5] == ["expected", "cvar", "regret", "robust"]
    assert "(EVPI)" in str(found) and "3 fresh pairs" in str(found)
    # nobody is told to lack something where staff is sent already
    sent = set(zip(plan.table["resource"], plan.table["place"], strict=True))
    assert not sent & set(zip(found.entry["resource"], found.entry["place"], strict=True))
    assert json.loads(json.dumps(found.facts(), allow_nan=False))["information"]["perfect_information"] > 0


def test_without_runs_of_the_model_or_scenarios(year: Any, invented: EffectCurves) -> None:
    found = optimise(year, effects=invented).study(in_the_model=False)
    assert found.simulated_prices is None and found.evaluation is None and found.risks is None
    assert any("do not hold the runs" in text for text in found.notes)
    assert found.facts()["risks"] is None


def test_a_frontier_does_not_depend_on_what_is_feared(year: Any, drawn: EffectScenarios) -> None:
    """Between the same outcomes within the same limits, whatever the plan minimises."""
    tables = [optimise(year, effects=drawn.effects, scenarios=drawn, objective=kind).frontier("deaths", "cost_eur", 4)
              for kind in ("expected", "cvar")]
    assert tables[0]["deaths"].to_numpy() == pytest.approx(tables[1]["deaths"].to_numpy(), rel=1e-4, abs=1e-3)


def test_large_sets_of_scenarios_go_past_pulp(year: Any, drawn: EffectScenarios, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path: arrays to SciPy, no PuLP problem until somebody asks for it; the same plan."""
    slow = optimise(year, effects=drawn.effects, scenarios=drawn, objective="cvar")
    assert "HiGHS simplex" in slow.solver and slow.solution.problem is not None
    monkeypatch.setattr("countersmuggling.optimise.uncertainty.FAST_FROM", 10)
    fast = optimise(year, effects=drawn.effects, scenarios=drawn, objective="cvar")
    assert "SciPy" in fast.solver and fast.solution.problem is None
    assert fast.objective == pytest.approx(slow.objective, rel=1e-6)
    assert len(fast.problem.variables()) == fast.model.model.shape[1]
    assert fast.resolve().objective == pytest.approx(slow.objective, rel=1e-6)
    model = slow.model.model
    assert model.matrix.nnz < FAST_FROM
    assert way(model, "cbc", Objective("cvar")) == "cbc" and way(model, "highs", Objective()) == "highs"
