"""What `sensitivity` and `waterbed` find, fetched into a results folder and shown by its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments import sweep
from countersmuggling.experiments.added_tables import indices
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.results import Results
from countersmuggling.optimise.adaptive import waterbed
from countersmuggling.optimise.adaptive.waterbed import Waterbed

GROWTH, MARKUP = "uncertainties.demand_growth_per_year", "uncertainties.parameters.fees.markup_ceiling"


def answering(job: Any) -> Any:
    """Deaths that hang on growth, less so under penalties, and on nothing else."""
    scenario = job.scenario
    x = scenario.uncertainties.demand_growth_per_year
    more = 10.0 * x if scenario.levers.penalties is not None else 0.0
    rows = pd.DataFrame([("2025-01", "deaths", "CMED", 100.0 + 40.0 * x + more)], columns=["month", "outcome", "route", "value"])
    return SimpleNamespace(outcomes=rows.assign(origin_group="", member_state="", leg=""), replicate=job.replicate)


@pytest.fixture
def folder(make_results: Callable[..., Results], tmp_path: Path) -> Path:
    return make_results(replicates=2, months=2, planned=False).write(tmp_path / "results", report=False)


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """The store of a finished sweep."""
    pytest.importorskip("SALib", reason="needs the extra `analysis`")
    design = {
        "name": "known", "policies": {"status-quo": None, "directive": "facilitation-directive-commission"},
        "factors": {GROWTH: {"low": -0.5, "high": 0.5}, MARKUP: {}}, "sampling": {"method": "morris", "trajectories": 4}, "replicates": 1,
    }  # fmt: skip
    sweep(design, out=tmp_path / "store", engine="in-process", progress=False, function=answering)
    return tmp_path / "store"


def bed(monkeypatch: pytest.MonkeyPatch, out: Path, scenario: str = "baseline-2025") -> Waterbed:
    """What `countersmuggling waterbed` would have measured, written by the command."""
    rows = [("border_guard", "ITA", state, "member_state", "asylum_load", "applications", effect, 1.0, 64, 1e-4, "place")
            for state, effect in (("ITA", -12.0), ("GRC", 7.0))]  # fmt: skip
    rows.append(("border_guard", "ITA", "GRC by EMED", "front", "attempts", "attempts", 2.0, 0.1, 64, 1e-9, "place"))
    screening = pd.DataFrame([("border_guard", "central_mediterranean", "ITA, MLT", 40.0, 1e-5, True)], columns=list(waterbed.SCREENING_COLUMNS))
    made = Waterbed(pd.DataFrame(rows, columns=list(waterbed.COLUMNS)), screening, 72, 12, 100.0)
    monkeypatch.setattr(waterbed, "measure_waterbed", lambda *_, **__: made)
    assert main(["waterbed", scenario, "--out", str(out), "--quiet"]) == 0
    return made


def test_factors_of_a_sweep_and_a_waterbed_are_shown_by_the_report(
    folder: Path, swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = bed(monkeypatch, tmp_path / "bed")
    assert main(["report", str(folder), "--with", str(swept)]) == 2, "nobody has asked yet"
    capsys.readouterr()
    assert main(["sensitivity", str(swept), "--outcome", "deaths", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["method"] == "morris" and said["indices"][0]["factor"] == GROWTH and said["files"][0].endswith("sensitivity.csv")
    assert main(["report", str(folder), "--with", str(swept), "--with", str(tmp_path / "bed"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(folder / "report.html"), "pdf": None, "pages": {}}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Deaths on the way (directive against status-quo): hangs most on demand growth per year." in page
    drawn = pd.read_csv(folder / "figures" / "tornado.csv").set_index("factor")["part"]
    # of the difference between the policies, which is ten times the growth, and not of deaths themselves, which are fifty times
    assert drawn[GROWTH] == pytest.approx(10.0) and drawn[MARKUP] == pytest.approx(0.0)
    assert "at the high end of its range" not in page, "ends of intervals are no ends of ranges"
    assert "Pressed here, swells there" in page
    effects = pd.read_csv(folder / "figures" / "waterbed.csv").set_index("affected_place")["effect"]
    assert effects.to_dict() == {"ITA": -12.0, "GRC": 7.0}
    # both are kept with the results; and in Python it goes without a folder
    kept = Results.read(folder)
    assert kept.sensitivity is not None and kept.waterbed is not None
    assert set(replace(kept, waterbed=measured.for_report()).plot.waterbed().table["affected_place"]) == {"ITA", "GRC"}


def test_sobol_shares_are_shares_and_pairs_are_left_out() -> None:
    rows = [("deaths", "a", None, "x", None, "total", 0.7, 0.6, 0.8), ("deaths", "a", None, "x", None, "first", 0.5, 0.4, 0.6),
            ("deaths", "a", None, "x", "y", "second", 0.2, 0.1, 0.3), ("deaths", "a", None, "y", None, "total", float("nan"), None, None)]  # fmt: skip
    found = indices(pd.DataFrame(rows, columns=["outcome", "policy", "against", "factor", "with", "index", "value", "low", "high"]))
    assert found is not None and found[["factor", "part", "against"]].to_numpy().tolist() == [["x", 0.7, ""]]
    assert indices(pd.DataFrame([("x", "deaths", 1.0, 2.0)], columns=["factor", "outcome", "low", "high"])) is None


def test_what_does_not_belong_is_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bed(monkeypatch, tmp_path / "other", "europol-regulation")
    assert json.loads((tmp_path / "other" / "provenance.json").read_text(encoding="utf-8"))["scenario"] == "europol-regulation"
    (tmp_path / "empty").mkdir()
    for source, said in (("other", "was measured for europol-regulation, and these results are of baseline-2025, small-option"),
                         ("empty", "holds nothing that the report could show"), ("nowhere", "there is no folder")):  # fmt: skip
        assert main(["report", str(folder), "--with", str(tmp_path / source)]) == 2
        assert said in capsys.readouterr().err
    assert not (folder / "report.html").exists() and not (folder / "waterbed.csv").exists()
