"""``optimise --method rolling``: all regimes in one results folder, and what information is worth."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from countersmuggling.experiments.comparing import optimised
from countersmuggling.experiments.plan_words import told
from countersmuggling.experiments.results import Results
from countersmuggling.optimise import effects as measuring
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves, place_groups
from countersmuggling.scenarios import RESOURCES, load


def test_every_regime_is_simulated_and_valued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = place_groups()
    size = pd.Series(list(groups.values())).value_counts()
    work = [(r, place, group, 1.0 / size[group], 1.0) for r in RESOURCES for place, group in groups.items()]
    cells = [(r, g, "deaths", 10.0, 0.6, -3.0 - n, 0.3, 0.0, 0.0) for r in RESOURCES for n, g in enumerate(dict.fromkeys(groups.values()))]
    curves = EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=[*WORK_COLUMNS, "total"]), {})
    monkeypatch.setattr(measuring, "measure_effects", lambda *_, **__: replace(curves))
    base = load("baseline-2025")
    short = base.model_copy(update={
        "horizon": base.horizon.model_copy(update={"end": date(2025, 6, 30), "burn_in_days": 0}), "replicates": 2,
        "model": base.model.model_copy(update={"persons_per_agent": 5000.0, "networks": 20}),
        "resources": base.resources.model_copy(update={"posts": {"border_guard": base.resources.posts["border_guard"]}, "budgets": {}})})
    found = optimised(short, method="rolling", workers=1, progress=False)
    assert [run.role for run in found.runs] == ["baseline", "pro_rata", "alone", "static", "own", "truth", "plan"]
    facts = found.plans[0].facts
    assert facts["method"] == "rolling"
    whole = [row for row in facts["worth"] if row["outcome"] == "weighted_harm"]
    assert [row["what"] for row in whole] == [
        "reporting without gaps and delay", "sharing of reports", "coordination by the Centre", "planning anew every quarter", "planning at all"]
    assert {row["outcome"] for row in facts["worth"]} >= {"deaths", "interceptions", "case_backlog"}
    assert facts["summary"][1].startswith("Sharing of reports: ")
    placed = found.plans[0].allocation
    assert len(placed) and placed["staff"].min() > 0
    assert found.names["baseline-2025+truth"].endswith("staff by the truth")
    lines = told(found)
    assert lines[1] == "Status quo, staff planned anew every quarter from shared reports" and lines[3].startswith("  Sharing of reports: "), lines
    assert not any("Weighted harm" in line for line in lines), "no one plan stands for a plan made anew every quarter"
    folder = found.write(tmp_path / "rolling")
    again = Results.read(folder)
    assert [run.role for run in again.runs] == [run.role for run in found.runs]
    assert (folder / "report.html").exists()
