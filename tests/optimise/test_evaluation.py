"""Plans in fresh runs: paired, out of sample, outcome by outcome."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.evaluation import FRESH, NOBODY, Evaluation, evaluate_plans, placed
from countersmuggling.scenarios import OUTCOMES, load


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Instead of simulating: each analyst saves two lives and costs EUR 1,000; the replicate's noise is shared."""
    from countersmuggling.model import replicates

    seen: list[Any] = []

    def run_many(jobs: Any, workers: Any, progress: Any, description: str, *, function: Any) -> list[Any]:
        seen.extend(jobs)
        out = []
        for job in jobs:
            staff = job.allocation["staff"].sum()
            own = np.random.default_rng(job.replicate + len(job.label)).normal() * (0.5 if staff else 0.0)
            totals = dict.fromkeys(OUTCOMES, 0.0)
            totals["deaths"] = 1000.0 * (job.replicate - FRESH) - 2.0 * staff + own
            totals["cost_eur"] = 1000.0 * staff
            out.append(totals)
        return out

    monkeypatch.setattr(replicates, "run_many", run_many)
    return seen


def frame(staff: float) -> pd.DataFrame:
    return pd.DataFrame([("analyst", "MLT", "2025Q1", staff)], columns=["resource", "place", "quarter", "staff"])


def found(simulated: list[Any]) -> Evaluation:
    return evaluate_plans(load("baseline-2025"), {"few": frame(2), "many": frame(5)}, replicates=6, progress=False)


def test_runs_are_fresh_and_paired(simulated: list[Any]) -> None:
    found(simulated)
    assert sorted({job.replicate for job in simulated}) == list(range(FRESH, FRESH + 6))
    assert [job.label for job in simulated[:3]] == [NOBODY, "few", "many"]
    assert simulated[0].allocation.empty, "without a table the model would place what levers bring"
    assert load("baseline-2025").replicates < FRESH


def test_differences_are_those_of_pairs(simulated: list[Any]) -> None:
    result = found(simulated)
    assert result.placements == [NOBODY, "few", "many"]
    rows: Any = {(r.placement, r.outcome): r for r in result.table.itertuples()}
    # replicates lie a thousand deaths apart; pairs do not
    assert rows["few", "deaths"].difference == pytest.approx(-4, abs=0.6)
    assert rows["many", "deaths"].high - rows["many", "deaths"].low < 2
    assert rows["many", "deaths"].low < -10 < rows["many", "deaths"].high
    assert rows["many", "cost_eur"].difference == pytest.approx(5000)
    weights = {name: w.weight for name, w in load("baseline-2025").outcomes.items()}
    by_hand = sum(weights[o] * rows["few", o].difference for o in weights)
    assert rows["few", "weighted_harm"].difference == pytest.approx(by_hand)
    assert rows["few", "deaths"].unit == "deaths" and rows["few", "weighted_harm"].unit == "points"
    assert set(result.table["outcome"]) == {"weighted_harm"} | {o for o in OUTCOMES if OUTCOMES[o].weightable}
    one = result.compare("many", "few").set_index("outcome")
    assert one.loc["deaths", "difference"] == pytest.approx(-6, abs=1)
    assert "many: weighted harm" in str(result) and "6 fresh replicates" in str(result)
    with pytest.raises(KeyError, match="there are no additional staff, few, many"):
        result.compare("few", "none")


def test_one_replicate_has_no_interval(simulated: list[Any]) -> None:
    one = evaluate_plans(load("baseline-2025"), {"few": frame(2)}, replicates=1)
    assert one.weighted_harm["low"].isna().all()
    assert "to" not in str(one).split("points")[1].split(",")[0]


def test_what_cannot_be_evaluated_is_refused() -> None:
    scenario = load("baseline-2025")
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate_plans(scenario, {})
    with pytest.raises(ValueError, match="at least one replicate"):
        evaluate_plans(scenario, {"a": frame(1)}, replicates=0)
    with pytest.raises(ValueError, match="another name"):
        evaluate_plans(scenario, {NOBODY: frame(1)})
    with pytest.raises(ValueError, match=r"lacks the column\(s\) staff"):
        placed(frame(1).drop(columns="staff"))


def test_labelled_arrays_are_placements_too() -> None:
    import xarray as xr

    array = xr.DataArray(np.array([[[0.0, 2.0]]]), coords={"resource": ["analyst"], "place": ["MLT"],
                         "quarter": ["2025Q1", "2025Q2"]}, dims=("resource", "place", "quarter"))
    assert placed(array).to_dict("records") == [
        {"resource": "analyst", "place": "MLT", "quarter": "2025Q2", "staff": 2.0}]


def test_a_placement_of_nobody_changes_nothing_in_the_model() -> None:
    """Two runs of the model itself: the same noise, so that a difference of nothing is exactly nothing."""
    from datetime import date

    scenario = load("baseline-2025")
    small = scenario.model_copy(update={
        "horizon": scenario.horizon.model_copy(update={"end": date(2025, 2, 28), "burn_in_days": 10}),
        "model": scenario.model.model_copy(update={"persons_per_agent": 2000.0})})
    result = evaluate_plans(small, {"none": frame(1).iloc[:0]}, replicates=1, workers=1, progress=False)
    assert (result.table["difference"] == 0).all()
    assert result.table["against_mean"].abs().sum() > 0
