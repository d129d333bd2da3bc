"""Regret and satisficing against figures worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments import AnalysisError, SweepResults, cli, sweep
from countersmuggling.experiments.robust_choice import WEIGHTED, Criterion

# deaths by policy and point; admissions by policy
DEATHS = {"status-quo": (100.0, 200.0, 300.0, 400.0), "directive": (90.0, 190.0, 310.0, 380.0), "alliance": (120.0, 150.0, 300.0, 500.0)}
ADMITTED = {"status-quo": 0.0, "directive": 5.0, "alliance": 10.0}
GROWTH = "uncertainties.demand_growth_per_year"
POINTS = (-0.3, -0.1, 0.1, 0.3)


def tabled(job: Any) -> Any:
    """What the tables above say, give or take what the replicates share out evenly."""
    point = POINTS.index(round(job.scenario.uncertainties.demand_growth_per_year, 6))
    policy = job.label.partition(" at ")[0]
    shift = 10.0 if job.replicate else -10.0
    rows = [
        ("2025-01", "deaths", DEATHS[policy][point] + shift),
        ("2025-01", "legal_pathway_admissions", ADMITTED[policy]),
        ("2025-01", "smuggler_profit_eur", 0.0), ("2025-01", "travellers_in_debt", 0.0), ("2025-01", "case_backlog", 0.0),
        ("2025-01", "cost_eur", 1e6 * ADMITTED[policy]), ("2025-01", "arrests", 3.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["month", "outcome", "value"])
    return SimpleNamespace(outcomes=frame.assign(route="", origin_group="", member_state="", leg=""), replicate=job.replicate)


def swept(folder: Path, policies: dict[str, Any]) -> SweepResults:
    design = {"name": "tabled", "policies": policies, "factors": {GROWTH: {"values": list(POINTS)}}, "replicates": 2}
    return sweep(design, out=folder / "s", engine="in-process", progress=False, function=tabled)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> SweepResults:
    others = {"directive": "facilitation-directive-commission", "alliance": "global-alliance"}
    return swept(tmp_path_factory.mktemp("robust"), {"status-quo": None, **others})


def test_regret_by_hand(results: SweepResults) -> None:
    found = results.robust_choice(["deaths", "legal_pathway_admissions"])
    table: Any = found.regret.set_index(["outcome", "policy"])
    # the best at the four points: 90, 150, 300, 380
    assert table.loc[("deaths", "status-quo"), ["mean", "median", "largest"]].tolist() == [20.0, 15.0, 50.0]
    assert table.loc[("deaths", "directive"), ["mean", "median", "largest"]].tolist() == [12.5, 5.0, 40.0]
    assert table.loc[("deaths", "alliance"), ["mean", "median", "largest"]].tolist() == [37.5, 15.0, 120.0]
    assert table.loc["deaths", "best"].tolist() == [0.25, 0.5, 0.5], "two may be best at one point"
    assert table.loc["legal_pathway_admissions", "mean"].tolist() == [10.0, 5.0, 0.0], "more is better"
    # the weighted sum of the first policy's scenario: four points a death, one a million euros
    weighted = found.figures[WEIGHTED].loc["directive"].tolist()
    assert weighted == pytest.approx([4 * d + 5.0 for d in DEATHS["directive"]])
    sums = [min(4 * DEATHS[p][k] + ADMITTED[p] for p in DEATHS) for k in range(4)]
    expected = sum(w - best for w, best in zip(weighted, sums, strict=True)) / 4
    assert table.loc[(WEIGHTED, "directive"), "mean"] == pytest.approx(expected)


def test_satisficing_by_hand(results: SweepResults) -> None:
    found = results.robust_choice(["deaths"], {"deaths": 300.0, "legal_pathway_admissions": 5.0})
    table: Any = found.satisficing.pivot(index="criterion", columns="policy", values="share")
    assert table.loc["Deaths on the way at most 300 deaths"].to_dict() == {"status-quo": 0.75, "directive": 0.5, "alliance": 0.75}
    assert table.loc["Admissions on legal pathways at least 5.00 people"].to_dict() == {"status-quo": 0.0, "directive": 1.0, "alliance": 1.0}
    assert table.loc["all"].to_dict() == {"status-quo": 0.0, "directive": 0.5, "alliance": 0.75}
    usual: Any = results.robust_choice(["deaths"]).satisficing.set_index(["criterion", "policy"])["share"]
    assert usual["all", "directive"] == 0.75 and usual["all", "alliance"] == 0.5 and usual["all", "status-quo"] == 1.0
    own: Any = results.robust_choice(["deaths"], [Criterion("arrests", "at_least", 3.0)]).satisficing["share"]
    assert own.tolist() == [1.0] * 6


def test_what_cannot_be_compared(results: SweepResults, tmp_path: Path) -> None:
    only_weighted = results.robust_choice(["arrests"]).regret["outcome"]
    assert set(only_weighted) == {WEIGHTED}, "fewer arrests are neither better nor worse"
    with pytest.raises(AnalysisError, match="no outcome 'death'; did you mean 'deaths'"):
        results.robust_choice(["death"])
    with pytest.raises(AnalysisError, match="tabled has one policy; regret compares several"):
        swept(tmp_path, {"status-quo": None}).robust_choice()


def test_the_command_and_its_files(results: SweepResults, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["regret", str(results.folder), "--out", str(tmp_path / "r")]
    assert cli.main([*command, "--outcome", "deaths", "--outcome", "cost_eur", "--bound", "deaths=300"]) == 0
    told = capsys.readouterr().out
    assert "Regret, Deaths on the way (deaths)" in told and "all of these" in told
    names = {p.name for p in (tmp_path / "r").iterdir()}
    assert names == {
        "regret.csv", "satisficing.csv", "policies.csv", "regret.png", "satisficing.png", "parallel-coordinates.png", "trade-offs.png",
    }  # fmt: skip
    assert len(pd.read_csv(tmp_path / "r" / "policies.csv")) == 12
    assert cli.main([*command, "--outcome", "deaths", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["points"] == 4 and {row["policy"] for row in result["regret"]} == set(result["policies"]) and len(result["files"]) == 7
    assert cli.main([*command, "--bound", "deaths"]) == 2
    assert "expected OUTCOME=FIGURE such as deaths=8000, got 'deaths'" in capsys.readouterr().err
    assert cli.main([*command, "--bound", "death=3"]) == 2
    assert "did you mean 'deaths'" in capsys.readouterr().err
