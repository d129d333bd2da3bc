"""Sensitivity indices of a sweep, against functions whose indices are known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from countersmuggling.experiments import AnalysisError, cli, open_results, sweep
from countersmuggling.experiments.store import Store

FACTORS: dict[str, dict[str, Any]] = {
    "uncertainties.demand_growth_per_year": {"low": -0.5, "high": 0.5},
    "horizon.burn_in_days": {"values": [0, 1]},
    "uncertainties.parameters.fees.markup_ceiling": {},
}
GROWTH, DAYS, MARKUP = FACTORS


def additive(job: Any) -> Any:
    """Deaths 100 + 40 x + 20 z + noise of the replicate; profit x z: an interaction and nothing else."""
    scenario = job.scenario
    x, z = scenario.uncertainties.demand_growth_per_year, float(scenario.horizon.burn_in_days)
    noise = 5.0 * job.replicate
    more = 10.0 * x if scenario.levers.penalties is not None else 0.0
    rows = [
        ("2025-01", "deaths", "CMED", 100.0 + 40.0 * x + 20.0 * z + noise + more),
        ("2025-01", "smuggler_profit_eur", "CMED", 1e6 * x * (2.0 * z - 1.0)),
        ("2025-01", "cost_eur", "", 7.0),
    ]
    frame = pd.DataFrame(rows, columns=["month", "outcome", "route", "value"])
    return SimpleNamespace(outcomes=frame.assign(origin_group="", member_state="", leg=""), replicate=job.replicate)


def swept(tmp_path: Path, sampling: dict[str, Any], **changes: Any) -> Any:
    design = {
        "name": "known", "policies": {"status-quo": None, "directive": "facilitation-directive-commission"},
        "factors": FACTORS, "sampling": sampling, "replicates": 2, **changes,
    }  # fmt: skip
    return sweep(design, out=tmp_path / "s", engine="in-process", progress=False, function=additive)


def figures(found: Any, outcome: str, policy: str = "status-quo", against: str = "") -> Any:
    return found.ranking(outcome, policy, against)


def test_sobol_indices_of_a_sum_and_of_a_product(tmp_path: Path) -> None:
    results = swept(tmp_path, {"method": "sobol", "base_points": 64, "second_order": True}, replicates=1)
    found = results.sensitivity(["deaths", "smuggler_profit_eur", "cost_eur"])
    # variances: 40^2 / 12 and 20^2 / 4
    share = (1600 / 12) / (1600 / 12 + 100)
    deaths = figures(found, "deaths")
    for index in ("first", "total"):
        assert deaths.loc[[GROWTH, DAYS, MARKUP], index].to_numpy() == pytest.approx([share, 1 - share, 0.0], abs=0.1)
        assert (deaths[f"{index}_low"] <= deaths[index]).all() and (deaths[f"{index}_high"] >= deaths[index]).all()
        assert deaths.loc[GROWTH, f"{index}_low"] < share < deaths.loc[GROWTH, f"{index}_high"]
    profit = figures(found, "smuggler_profit_eur")
    assert profit.loc[[GROWTH, DAYS], "first"].to_numpy() == pytest.approx([0.0, 0.0], abs=0.25)
    assert profit.loc[[GROWTH, DAYS], "total"].to_numpy() == pytest.approx([1.0, 1.0], abs=0.1)
    pairs = found.table[(found.table["index"] == "second") & (found.table["outcome"] == "smuggler_profit_eur")]
    pairs = pairs[pairs["against"] == ""].set_index(["factor", "with"])["value"]
    assert pairs[GROWTH, DAYS] == pytest.approx(1.0, abs=0.25)
    assert figures(found, "cost_eur")["total"].isna().all(), "what does not vary has no shares"
    # the difference between two policies has indices of its own
    difference = figures(found, "deaths", "directive", "status-quo")
    assert difference.loc[GROWTH, "total"] == pytest.approx(1.0, abs=0.05)
    assert abs(difference.loc[DAYS, "total"]) < 1e-6


def test_elementary_effects_of_a_sum_are_its_slopes(tmp_path: Path) -> None:
    found = swept(tmp_path, {"method": "morris", "trajectories": 8}).sensitivity(["deaths", "smuggler_profit_eur"])
    deaths = figures(found, "deaths")
    assert list(deaths.index) == [GROWTH, DAYS, MARKUP]
    assert deaths.loc[[GROWTH, MARKUP], "mean_absolute"].to_numpy() == pytest.approx([40.0, 0.0])
    assert deaths.loc[GROWTH, "spread"] == pytest.approx(0.0, abs=1e-9)
    assert deaths.loc[GROWTH, "mean"] == pytest.approx(40.0)
    profit = figures(found, "smuggler_profit_eur")
    assert profit.loc[GROWTH, "mean_absolute"] == pytest.approx(1e6)
    assert profit.loc[GROWTH, "spread"] > 5e5, "its sign depends on the other factor"
    assert profit.loc[GROWTH, "mean_absolute_low"] <= 1e6 <= profit.loc[GROWTH, "mean_absolute_high"]
    about: Any = found.measures.set_index(["outcome", "policy", "against"])
    assert about.loc[("deaths", "status-quo", ""), "chance"] == pytest.approx(2.5)
    assert about.loc[("deaths", "directive", "status-quo"), "chance"] == pytest.approx(0.0, abs=1e-9), "shared noise cancels"


def test_groups_have_one_index(tmp_path: Path) -> None:
    grouped = {name: {**factor, "group": "noise" if name == MARKUP else "rest"} for name, factor in FACTORS.items()}
    for number, sampling in enumerate(({"method": "morris", "trajectories": 6}, {"method": "sobol", "base_points": 32})):
        found = swept(tmp_path / str(number), sampling, factors=grouped).sensitivity(["deaths"])
        table = figures(found, "deaths")
        assert sorted(table.index) == ["noise", "rest"]
        assert table.index[0] == "rest"
        assert "spread" not in table
        assert found.chart("deaths", "status-quo").png()[:4] == b"\x89PNG"


def test_what_is_not_finished_leaves_out_its_block_only(tmp_path: Path) -> None:
    results = swept(tmp_path, {"method": "morris", "trajectories": 8}, policies={"status-quo": None})
    whole = figures(results.sensitivity(["deaths"]), "deaths")
    store = Store(results.folder)
    runs = results.runs
    gone = set(runs.loc[runs["point"] == 5, "run_id"])  # the second trajectory of four points
    for part in store.parts():
        for file in part.glob("*.parquet"):
            table = pq.read_table(file)
            pq.write_table(table.filter(pc.invert(pc.is_in(table["run_id"], pa.array(gone)))), file)
    found = open_results(results.folder).sensitivity(["deaths"])
    assert found.left_out == 1
    assert "1 trajectories are left out" in found.text()
    assert figures(found, "deaths").loc[GROWTH, "mean_absolute"] == pytest.approx(whole.loc[GROWTH, "mean_absolute"])


def test_another_kind_of_design_is_refused_with_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = swept(tmp_path, {"method": "latin_hypercube", "points": 4})
    with pytest.raises(AnalysisError, match="need a sobol or morris design, and known has points of a latin hypercube design"):
        results.sensitivity()
    assert cli.main(["sensitivity", str(tmp_path / "s")]) == 2
    message = capsys.readouterr().err
    assert "sampling: {method: morris, trajectories: 10}" in message and len(message.strip().splitlines()) == 1


def test_the_command_prints_a_table_and_writes_csv_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = swept(tmp_path, {"method": "morris", "trajectories": 4})
    assert cli.main(["sensitivity", str(tmp_path / "s"), "--outcome", "deaths", "--outcome", "cost_eur"]) == 0
    told = capsys.readouterr().out
    assert "Deaths on the way, directive against status-quo: mean" in told
    assert "does not vary with any factor" in told
    assert told.index("demand_growth_per_year") < told.index("horizon.burn_in_days")
    folder = tmp_path / "s" / "analysis" / "known"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "sensitivity.csv", "sensitivity-measures.csv", "sensitivity-deaths-status-quo.png",
        "sensitivity-deaths-directive-against-status-quo.png",
    }  # fmt: skip
    table = pd.read_csv(folder / "sensitivity.csv", keep_default_na=False, na_values=[""])
    assert set(table["index"]) == {"mean_absolute", "mean", "spread"}
    assert open_results(results.folder).complete, "the store goes on being one"
    assert cli.main(["sensitivity", str(tmp_path / "s"), "--policy", "directives"]) == 2
    assert "no policy 'directives'; did you mean 'directive'?" in capsys.readouterr().err
    assert cli.main(["sensitivity", str(tmp_path)]) == 2
    assert "is not the store of a sweep" in capsys.readouterr().err


def test_the_same_store_gives_the_same_intervals(tmp_path: Path) -> None:
    results = swept(tmp_path, {"method": "sobol", "base_points": 16})
    first, again = results.sensitivity(["deaths"]), open_results(results.folder).sensitivity(["deaths"])
    assert np.array_equal(first.table["low"], again.table["low"], equal_nan=True)

