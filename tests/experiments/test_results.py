"""Results: frames, arrays, and the folder that keeps them."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from countersmuggling.experiments import summarising
from countersmuggling.experiments.folder import FolderError
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import load


def test_the_folder_holds_what_the_documentation_says(written: Path) -> None:
    files = {str(p.relative_to(written)) for p in written.rglob("*") if p.is_file()}
    assert {
        "summary.json", "outcomes.parquet", "comparison.parquet", "allocation.csv", "shadow_prices.csv", "parameters.csv",
        "scenario.resolved.yaml", "options/small-option.resolved.yaml", "provenance.json", "report.html",
        "figures/flows.png", "figures/change.png", "figures/time-series.svg", "figures/allocation.svg",
    } <= files  # fmt: skip
    told = (Path(__file__).parents[2] / "docs" / "results-folder.md").read_text(encoding="utf-8")
    for name in files:
        if not name.startswith(("figures/", "options/")):
            assert f"`{name}`" in told, f"docs/results-folder.md does not tell of {name}"
    for columns in (summarising.COLUMNS, summarising.COMPARISON_COLUMNS):
        for column in columns:
            assert f"`{column}`" in told, f"docs/results-folder.md does not tell of the column {column}"


def test_summary_is_what_the_outcomes_say(written: Path, results: Results) -> None:
    summary = json.loads((written / "summary.json").read_text(encoding="utf-8"))
    frame = pd.read_parquet(written / "outcomes.parquet")
    deaths = (
        frame[(frame["run"] == "baseline-2025") & (frame["outcome"] == "deaths")]
        .groupby("replicate")["value"]
        .sum()
    )
    assert summary["outcomes"]["deaths"]["mean"] == pytest.approx(deaths.mean())
    assert summary["outcomes"]["deaths"]["p05"] == pytest.approx(deaths.quantile(0.05))
    assert summary["outcomes"]["deaths"]["unit"] == "deaths"
    assert set(summary["runs"]) == {run.key for run in results.runs}
    assert summary["period"] == {"first_month": "2025-01", "last_month": "2025-06", "months": 6}
    row = next(r for r in summary["comparison"] if r["outcome"] == "deaths" and r["run"] == "small-option")
    option = (
        frame[(frame["run"] == "small-option") & (frame["outcome"] == "deaths")]
        .groupby("replicate")["value"]
        .sum()
    )
    assert row["difference"] == pytest.approx((option - deaths).mean())


def test_a_plan_is_also_compared_with_the_other_placements(results: Results) -> None:
    pairs = set(zip(results.comparison["run"], results.comparison["against"], strict=True))
    assert ("small-option+plan", "small-option+pro-rata") in pairs
    assert ("small-option+plan", "small-option") in pairs
    assert ("small-option+plan", "baseline-2025") in pairs
    assert ("small-option", "small-option") not in pairs


def test_points_weigh_the_outcomes_as_the_scenario_says(results: Results) -> None:
    mean, low, high = results.points("small-option", "baseline-2025")
    weights = {name: w.weight for name, w in results.run("small-option").scenario.outcomes.items()}
    rows = summarising.by_key(results.difference("small-option", "baseline-2025"), "outcome")
    assert mean == pytest.approx(sum(rows[name]["difference"] * weight for name, weight in weights.items()))
    assert low < mean < high


def test_reading_gives_back_what_was_written(written: Path, results: Results) -> None:
    found = Results.read(written)
    assert len(found.outcomes) == len(results.outcomes)
    for column in summarising.COLUMNS:
        assert (found.outcomes[column].to_numpy() == results.outcomes[column].to_numpy()).all(), column
    assert [run.key for run in found.runs] == [run.key for run in results.runs]
    assert [run.scenario for run in found.runs] == [run.scenario for run in results.runs]
    assert found.as_summary() == results.as_summary()
    pd.testing.assert_frame_equal(found.plans[0].allocation, results.plans[0].allocation)
    pd.testing.assert_frame_equal(found.plans[0].shadow_prices, results.plans[0].shadow_prices)


def test_the_report_can_be_made_anew(written: Path) -> None:
    before = (written / "report.html").read_bytes()
    (written / "report.html").unlink()
    Results.read(written).rewrite_report(written)
    assert (written / "report.html").read_bytes() == before


def test_equal_runs_give_equal_bytes(make_results: Callable[..., Results], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_results(2, 2).write(tmp_path / name, report=False)
    for name in (
        "summary.json",
        "outcomes.parquet",
        "comparison.parquet",
        "allocation.csv",
        "scenario.resolved.yaml",
    ):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_resolved_scenarios_are_scenario_files(written: Path, results: Results) -> None:
    assert load(written / "scenario.resolved.yaml") == results.runs[0].scenario
    assert load(written / "options" / "small-option.resolved.yaml") == results.runs[1].scenario


def test_parameters_name_who_changed_them(written: Path, make_results: Callable[..., Results]) -> None:
    with open(written / "parameters.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["grade"] for row in rows} <= set("ABCD")
    assert not any(row["changed_by"] for row in rows)
    results = make_results(1, 1, planned=False)
    name = rows[0]["name"]
    scenario = results.runs[1].scenario
    changed = scenario.model_validate(
        {
            **scenario.model_dump(by_alias=True),
            "uncertainties": {"parameters": {name: float(rows[0]["high"])}},
        }
    )
    object.__setattr__(results.runs[1], "scenario", changed)
    table = summarising.by_key(results.parameters, "name")
    assert table[name]["changed_by"] == ("small-option" if rows[0]["high"] != rows[0]["value"] else "")


def test_arrays_hold_the_same_figures(results: Results) -> None:
    data = results.to_xarray()
    assert data["deaths"].dims == ("run", "replicate", "month", "route", "origin_group")
    assert data["deaths"].attrs["unit"] == "deaths"
    whole = data["deaths"].sum(["month", "route", "origin_group"])
    for run in results.runs:
        for replicate in range(4):
            expected = results.totals["deaths"][(run.key, replicate)]
            assert float(whole.sel(run=run.key, replicate=replicate)) == pytest.approx(expected)


def test_pandas_gives_a_copy(results: Results) -> None:
    frame = results.to_pandas()
    frame["value"] = 0.0
    assert results.outcomes["value"].sum() > 0


def test_a_full_disk_leaves_nothing(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def full(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FolderError, match="the disk is full"):
        results.write(tmp_path / "results", report=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda p: (p / "outcomes.parquet").unlink(), "outcomes.parquet is missing"),
        (lambda p: (p / "summary.json").write_text("{", encoding="utf-8"), "is damaged"),
        (lambda p: (p / "outcomes.parquet").write_bytes(b"PAR1"), "is damaged"),
        (lambda p: (p / "provenance.json").unlink(), "is not a results folder"),
        (lambda p: (p / "scenario.resolved.yaml").write_text("seed: x", encoding="utf-8"), "does not accept"),
        (
            lambda p: (p / "provenance.json").write_text(
                '{"format": "countersmuggling-results", "format_version": 99}'
            ),
            "99",
        ),
    ],
)
def test_damaged_folders_are_told(
    results: Results, tmp_path: Path, harm: Callable[[Path], object], told: str
) -> None:
    path = results.write(tmp_path / "results", report=False)
    harm(path)
    with pytest.raises(FolderError, match=told):
        Results.read(path)


def test_unknown_runs_are_told(results: Results) -> None:
    with pytest.raises(KeyError, match="no run 'nosuch'.*baseline-2025, small-option"):
        results.difference("nosuch", "baseline-2025")
