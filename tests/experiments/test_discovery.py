"""Scenario discovery finds a box that was put there, and the EMA Workbench runs a scenario and reads a sweep."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import AnalysisError, SweepResults, cli, sweep, workbench_model
from countersmuggling.experiments.workbench import WorkbenchRun, identifier, quiet_import
from countersmuggling.model.replicates import Job
from countersmuggling.scenarios import ScenarioError, load

GROWTH, DAYS, CEILING = (
    "uncertainties.demand_growth_per_year", "horizon.burn_in_days", "uncertainties.parameters.fees.markup_ceiling",
)  # fmt: skip
FACTORS: dict[str, Any] = {GROWTH: {"low": -0.5, "high": 0.5}, DAYS: {"values": [0, 1, 2, 3]}, CEILING: {}}


def boxed(job: Any) -> Any:
    """Deaths are 200 where growth is above 0.1 and there are two days or more of burn-in, and 100 elsewhere."""
    scenario = job.scenario
    bad = scenario.uncertainties.demand_growth_per_year > 0.1 and scenario.horizon.burn_in_days >= 2
    penalties = scenario.levers.penalties
    # the directive saves ten lives, and costs twenty where things are bad
    change = 0.0 if penalties is None else (20.0 if bad else -10.0) * penalties.intensity
    rows = [("2025-01", "deaths", 200.0 if bad else 100.0), ("2025-01", "deaths", change), ("2025-01", "case_backlog", 50.0 + job.replicate)]
    frame = pd.DataFrame(rows, columns=["month", "outcome", "value"])
    return SimpleNamespace(outcomes=frame.assign(route="CMED", origin_group="", member_state="", leg=""), replicate=job.replicate)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> SweepResults:
    design = {
        "name": "boxed", "policies": {"status-quo": None, "directive": "facilitation-directive-commission"}, "factors": FACTORS,
        "sampling": {"method": "latin_hypercube", "points": 120, "seed": 4}, "replicates": 1,
    }  # fmt: skip
    return sweep(design, out=tmp_path_factory.mktemp("box") / "s", engine="in-process", progress=False, function=boxed)


@pytest.fixture(autouse=True)
def few_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three random halves are enough to see what is told of them."""
    monkeypatch.setattr("countersmuggling.experiments.discovery.HALVES", 3)


@pytest.fixture
def workbench() -> Any:
    return quiet_import("ema_workbench")


def test_the_box_that_is_there_is_found(results: SweepResults) -> None:
    found = results.discover("deaths", policy="directive", against="status-quo", above=0.0, density=0.95)
    assert found.density >= 0.95 and found.coverage > 0.7
    assert 0.12 < found.base_rate < 0.28
    limits: Any = found.limits.set_index("factor")
    assert {GROWTH, DAYS} <= set(limits.index[:2]), "the most telling limits come first"
    assert limits.loc[GROWTH, "low"] == pytest.approx(0.1, abs=0.06)
    assert 1.0 < limits.loc[DAYS, "low"] <= 2.0
    assert limits.loc[GROWTH, "p_low"] < 0.01 and np.isnan(limits.loc[GROWTH, "p_high"])
    assert limits.loc[GROWTH, "reproduced"] == 1.0
    # the table and the points say the same
    inside = found.points["in_box"].to_numpy()
    interest = found.points["of_interest"].to_numpy()
    assert inside.mean() == pytest.approx(found.mass)
    assert interest[inside].mean() == pytest.approx(found.density)
    assert (interest & inside).sum() / interest.sum() == pytest.approx(found.coverage)
    expected = (results.points[GROWTH] > 0.1) & (results.points[DAYS] >= 2)
    assert np.array_equal(interest, expected.to_numpy())


def test_boxes_on_the_way_and_another_one_by_its_number(results: SweepResults) -> None:
    found = results.discover("deaths", worst=0.15)
    assert found.trajectory["coverage"].iloc[0] == 1.0
    assert found.trajectory["density"].iloc[0] == pytest.approx(found.base_rate)
    first = results.discover("deaths", worst=0.15, box=0)
    assert first.limits.empty and first.mass == 1.0
    assert "No box holds them better" in first.text()
    with pytest.raises(AnalysisError, match="no box 999; there are 0 to"):
        results.discover("deaths", box=999)


def test_the_same_points_give_the_same_box(results: SweepResults) -> None:
    one = results.discover("deaths", above=150)
    pd.testing.assert_frame_equal(one.limits, results.discover("deaths", above=150).limits)


def test_listed_values_are_limited_as_a_set(tmp_path: Path) -> None:
    design = {
        "name": "listed", "factors": {**FACTORS, "model.behaviour": {"values": ["expected_utility", "habit", "rumour"]}},
        "sampling": {"method": "latin_hypercube", "points": 90, "seed": 4}, "replicates": 1,
    }  # fmt: skip

    def by_behaviour(job: Any) -> Any:
        output = boxed(job)
        output.outcomes.loc[0, "value"] = 300.0 if job.scenario.model.behaviour == "habit" else 100.0
        return output

    found = sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=by_behaviour).discover("deaths", above=200)
    assert found.limits["factor"].tolist()[0] == "model.behaviour"
    assert found.limits["low"].iloc[0] == "habit"
    assert found.density == 1.0 == found.coverage
    assert "habit" in found.text() and found.chart().png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"above": 1000}, "0 of 120 points; scenario discovery needs some on either side"),
        ({"above": 1, "below": 2}, "either `above` or `below`"),
        ({"worst": 1.5}, "between 0 and 1"),
        ({"policy": "directiv"}, "no policy 'directiv'; did you mean 'directive'"),
    ],
)
def test_what_cannot_be_discovered(results: SweepResults, options: dict[str, Any], told: str) -> None:
    with pytest.raises(AnalysisError, match=told):
        results.discover("deaths", **options)


def test_the_command_tells_the_box_and_writes_it(results: SweepResults, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["discover", str(results.folder), "--outcome", "deaths", "--out", str(tmp_path / "d")]
    assert cli.main([*command, "--policy", "directive", "--against", "status-quo", "--above", "0"]) == 0
    told = capsys.readouterr().out
    assert "Deaths on the way: directive against status-quo above 0 deaths:" in told and "demand_growth_per_year" in told
    assert {p.name for p in (tmp_path / "d").iterdir()} == {"discovery.csv", "discovery-boxes.csv", "discovery.png", "discovery-boxes.png"}
    assert cli.main([*command, "--policy", "directive", "--against", "status-quo", "--above", "0", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["limits"][0]["factor"].endswith("demand_growth_per_year") and 0 < result["density"] <= 1 and result["finished"] == result["planned"]
    assert cli.main([*command, "--above", "5000"]) == 2
    assert "figures go from 100 to 200" in capsys.readouterr().err


# ------------------------------------------------------------------ the workbench's own models and results


def test_a_scenario_is_a_model_of_the_workbench_in_a_line(workbench: Any) -> None:
    model = workbench_model("facilitation-directive-commission", uncertainties={GROWTH: (-0.5, 0.5), DAYS: (0, 3)}, function=boxed)
    assert isinstance(model, workbench.Model)
    assert sorted(model.uncertainties.keys()) == ["demand_growth_per_year", "horizon_burn_in_days"]
    assert "levers_penalties_intensity" in model.levers.keys()  # noqa: SIM118 - not a mapping
    experiments, outcomes = workbench.perform_experiments(model, scenarios=12, policies=3)
    assert len(experiments) == 36
    bad = (experiments["demand_growth_per_year"] > 0.1) & (experiments["horizon_burn_in_days"] >= 2)
    expected = np.where(bad, 200 + 20 * experiments["levers_penalties_intensity"], 100 - 10 * experiments["levers_penalties_intensity"])
    assert outcomes["deaths"] == pytest.approx(expected)
    assert (outcomes["case_backlog"] == 50.0).all()


def test_a_model_with_what_it_varies_by_default_can_be_sent_to_other_processes(workbench: Any) -> None:
    model = workbench_model("europol-regulation", replicates=3, function=boxed)
    assert len(model.uncertainties) > 20
    again: WorkbenchRun = pickle.loads(pickle.dumps(model.function))
    found = again(horizon_burn_in_days=2) if "horizon_burn_in_days" in again.factors else again()
    assert found["case_backlog"] == 51.0, "the mean of three replicates"
    with pytest.raises(AnalysisError, match="no factor 'levers_penalty'"):
        again(levers_penalty=1.0)
    with pytest.raises(ScenarioError, match=r"levers\.penalty\.intensity: no field 'penalty'"):
        workbench_model("baseline-2025", levers={"levers.penalty.intensity": (0, 1)})
    with pytest.raises(AnalysisError, match="no outcome 'death'; did you mean 'deaths'"):
        workbench_model("baseline-2025", outcomes=["death"])


def test_the_model_itself_runs_in_the_workbench(workbench: Any) -> None:
    small = load("facilitation-directive-commission").model_dump(mode="json", by_alias=True, exclude_none=True)
    small["model"] |= {"persons_per_agent": 2000, "networks": 20}
    small["horizon"] = {"start": "2025-07-01", "end": "2025-07-31", "burn_in_days": 5}
    scenario = type(load("baseline-2025")).model_validate(small)
    model = workbench_model(scenario, uncertainties=["uncertainties.parameters.fees.*"], outcomes=["detections", "smuggler_revenue_eur"])
    experiments, outcomes = workbench.perform_experiments(model, scenarios=2, policies=1)
    assert len(experiments) == 2 and (outcomes["smuggler_revenue_eur"] > 0).all()
    # the workbench's figure is the model's own
    from countersmuggling.experiments.designs import as_plain, over_scenario, with_values
    from countersmuggling.model import totals
    from countersmuggling.model.replicates import run_one

    factors = {identifier(f.name): f for f in over_scenario(scenario, {"uncertainties.parameters.fees.*": {}})}
    levers = {identifier(f.name): f for f in over_scenario(scenario, {f"levers.{n}.intensity": {"low": 0, "high": 1} for n in small["levers"]})}
    row = experiments.iloc[0]
    values = [(f, float(row[name])) for name, f in {**factors, **levers}.items()]
    own = totals(run_one(Job(with_values(as_plain(scenario), values), 0)).outcomes)
    assert outcomes["detections"][0] == own["detections"]


def test_a_sweep_as_the_workbench_reads_it(results: SweepResults) -> None:
    experiments, outcomes = results.to_workbench("deaths")
    assert len(experiments) == 240 and set(outcomes) == {"deaths", "deaths_by_month"}
    assert outcomes["deaths_by_month"].shape == (240, 1)
    scoring = quiet_import("ema_workbench.analysis.feature_scoring")
    x = experiments.drop(columns=["scenario", "model", "policy"])
    scores = scoring.get_feature_scores_all(x, {"deaths": outcomes["deaths"]})
    assert list(scores["deaths"].sort_values(ascending=False).index[:2]) in ([identifier(GROWTH), identifier(DAYS)], [identifier(DAYS), identifier(GROWTH)])


def test_without_the_workbench_the_extra_is_named(results: SweepResults, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ema_workbench.analysis.prim", None)
    with pytest.raises(AnalysisError, match=r"pip install 'countersmuggling\[analysis\]'"):
        results.discover("deaths", above=150)
