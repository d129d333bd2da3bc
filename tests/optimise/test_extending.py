"""A plan's PuLP problem with one's own rows: solved again, verified, read like any other; and the plan's charts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pulp
import pytest

from countersmuggling.optimise import charts
from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves
from countersmuggling.optimise.examples import problem
from countersmuggling.optimise.extending import extended
from countersmuggling.optimise.plan import InfeasiblePlan, Plan, optimise, plan_for
from countersmuggling.scenarios import load

NOTHING = EffectCurves(pd.DataFrame(columns=list(CELL_COLUMNS), dtype=float), pd.DataFrame(columns=list(WORK_COLUMNS), dtype=float), {})


@pytest.fixture
def plan() -> Plan:
    """Three analysts for Greece (10, 10, then 4) and Italy (6, then 1): two and one, 26 points."""
    return plan_for(problem(), NOTHING, {"deaths": 1.0})


def test_a_row_of_ones_own_by_hand(plan: Plan) -> None:
    """Two at least in Italy: 10 + 6 + 6 instead of 26; the second one there costs 4."""
    own = plan.problem
    own += pulp.lpSum(plan.variables("staff", place="ITA")) >= 2, "Italy first"
    again = plan.resolve()
    assert again.objective == pytest.approx(-22)
    assert again.allocation.sel(resource="analyst", quarter="2025Q1").to_numpy() == pytest.approx([1, 2])
    assert plan.objective == pytest.approx(-26), "the first plan stays what it was"
    (row,) = again.shadow_prices[again.shadow_prices["kind"] == "own_least"].to_dict("records")
    assert row["dual"] == pytest.approx(-4, rel=1e-4)
    assert row["words"].startswith("One unit less that your own limit Italy_first asks for would lower the weighted harm by 4 points")
    assert again.slack.set_index("constraint").loc["own_least__Italy_first", "slack"] == pytest.approx(0)
    # the rules keep it as well
    assert float(again.greedy.sel(place="ITA").sum()) == pytest.approx(2)
    assert (again.rule_values["objective"] >= -22 - 1e-6).all()


def test_rows_are_added_to_rows_and_taken_out(plan: Plan) -> None:
    own = plan.problem
    own += pulp.lpSum(plan.variables("staff", place="GRC")) <= 1, "few"
    once = plan.resolve()
    assert once.objective == pytest.approx(-(10 + 6 + 6))
    more = once.problem
    more += pulp.lpSum(once.variables("staff", place="ITA")) <= 1, "fewer"
    twice = once.resolve("cbc")
    assert twice.objective == pytest.approx(-(10 + 6))
    own_rows = twice.shadow_prices[twice.shadow_prices["kind"] == "own_most"]
    assert dict(zip(own_rows["constraint"], own_rows["dual"].round(3), strict=True)) == {
        "own_most__few": -10, "own_most__fewer": -6}


def test_variables_bounds_whole_numbers_and_the_objective(plan: Plan) -> None:
    own = plan.problem
    (greece,) = plan.variables("staff", place="GRC")
    greece.upBound = 1.5
    assert plan.resolve().objective == pytest.approx(-(15 + 9))
    # an office in Italy is either there or not: it costs 5 points and without it nobody works there
    office = own.add_variable("office", cat=pulp.LpBinary)
    own += plan.variables("staff", place="ITA")[0] <= 9 * office, "office_needed"
    unit = plan.model.model.objective_unit
    own.objective += 5 / unit * office
    again = plan.resolve()
    assert again.objective == pytest.approx(-(15 + 9 - 5))
    assert "branch and bound" in again.solver
    own.objective += 100 / unit * office
    assert plan.resolve().objective == pytest.approx(-15)
    assert extended(plan.model, own).model.column_block("own_column").labels == (("office",),)


def test_an_equation_is_priced_as_one(plan: Plan) -> None:
    own = plan.problem
    own += pulp.lpSum(plan.variables("staff")) == 2, "just two"
    again = plan.resolve()
    assert again.objective == pytest.approx(-20)
    (text,) = again.shadow_prices.query("kind == 'own_equal'")["words"]
    assert text == "One unit more in your own equation just_two would lower the weighted harm by 6 points."


def test_ones_own_rows_can_contradict_the_limits(plan: Plan) -> None:
    own = plan.problem
    own += pulp.lpSum(plan.variables("staff", place="ITA")) >= 5, "five"
    with pytest.raises(InfeasiblePlan) as caught:
        plan.resolve()
    assert caught.value.conflicts == [
        "at most 3 posts for analyst in 2025Q1 (resources.posts.analyst.available)", "your own limit five, at least 5"]
    assert caught.value.relaxation["by"].to_list() == pytest.approx([2.0])


def test_another_problem_is_refused(plan: Plan) -> None:
    other = pulp.LpProblem("other", pulp.LpMinimize)
    other += 2 * other.add_variable("staff__analyst__GRC__2025Q1", 0), "cost"
    with pytest.raises(ValueError, match="no longer holds the variable staff__analyst__ITA__2025Q1"):
        extended(plan.model, other)
    own = plan.problem
    own.sense = pulp.LpMaximize
    with pytest.raises(ValueError, match="only minimisation"):
        plan.resolve()


def test_variables_are_found_by_their_labels(plan: Plan) -> None:
    assert [v.name for v in plan.variables("staff", place="ITA")] == ["staff__analyst__ITA__2025Q1"]
    assert len(plan.variables("employed")) == 1
    with pytest.raises(KeyError, match="no place 'Italy'"):
        plan.variables("staff", place="Italy")
    with pytest.raises(KeyError, match="no axis 'country'; it has resource, place, quarter"):
        plan.variables("staff", country="ITA")
    with pytest.raises(KeyError, match="no block of columns is called 'posts'"):
        plan.variables("posts")


def test_untouched_it_is_the_same_plan(plan: Plan) -> None:
    same = extended(plan.model, plan.problem).model
    ours = plan.model.model
    np.testing.assert_array_equal(same.matrix.toarray(), ours.matrix.toarray())
    assert same.row_names() == ours.row_names()
    for name in ("cost", "lower", "upper", "row_lower", "row_upper", "integer"):
        np.testing.assert_array_equal(getattr(same, name), getattr(ours, name))
    assert same.rows == ours.rows and same.columns == ours.columns


def test_written_files_say_what_pulp_solves(plan: Plan, tmp_path: Path) -> None:
    """The LP file and the MPS file, read and solved by HiGHS itself, give the plan's objective."""
    import highspy

    for ending in ("lp", "mps"):
        file = plan.write(tmp_path / f"plan.{ending}")
        engine = highspy.Highs()
        engine.setOptionValue("output_flag", False)
        engine.readModel(str(file))
        engine.run()
        assert engine.getObjectiveValue() * plan.model.model.objective_unit == pytest.approx(-26, rel=1e-5)


@pytest.fixture(scope="module")
def page() -> list[str]:
    text = (Path(__file__).resolve().parents[2] / "docs" / "optimiser.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_documented_example_runs_in_three_lines(page: list[str], invented: EffectCurves, capsys: Any) -> None:
    """The page's code as it stands, on a plan of one year with invented effects."""
    scenario = load("baseline-2025")
    year = scenario.model_copy(update={"horizon": scenario.horizon.model_copy(update={"end": scenario.horizon.start.replace(month=12, day=31)})})
    (code,) = [part for part in page if "plan.resolve()" in part]
    before, _ = code.split("again = plan.resolve()")
    added = [line for line in before.splitlines() if line and not line.startswith("import")]
    assert len(added) + 1 == 3
    space: dict[str, Any] = {"plan": optimise(year, effects=invented)}
    exec(code, space)  # noqa: S102 - the code of our own page
    again = space["again"]
    assert isinstance(again, Plan) and again.objective >= space["plan"].objective - 1e-9
    assert float(again.allocation.sel(resource="analyst", place="MLT").sum()) >= 4 - 1e-6
    told = capsys.readouterr().out.splitlines()
    assert float(told[0]) == pytest.approx(again.objective - space["plan"].objective)
    assert told[1].startswith("One unit less that your own limit Malta asks for")


def test_charts_of_a_plan(plan: Plan) -> None:
    placed = plan.plot.allocation()
    assert isinstance(placed, charts.Chart)
    table = placed.table.set_index("resource")
    assert table.loc["analyst"].to_dict() == pytest.approx({"GRC": 2, "ITA": 1})
    assert "Europol analyst in GRC 2.0" in placed.alt
    bars = plan.plot.shadow_prices(most=3)
    assert "pool" in bars.table["kind"].to_list() and "would lower the weighted harm by 6 points" in bars.alt
    for chart in (placed, bars):
        assert chart.png()[:8] == b"\x89PNG\r\n\x1a\n" and chart.svg().startswith("<svg")
    nobody = plan_for(problem(available=0.0), NOTHING, {"deaths": 1.0})
    assert nobody.plot.allocation().alt == "The plan places no additional staff."


def test_build_knows_no_rows_of_ones_own() -> None:
    assert not {block.name for block in build(problem()).model.rows} & {"own_most", "own_least", "own_equal"}
