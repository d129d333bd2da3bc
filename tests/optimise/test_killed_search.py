"""A search that is killed in the midst of it goes on where it stood, and comes to the same plan."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.adaptive.observing import FrontJob, observe_fronts
from countersmuggling.optimise.adaptive.planning import optimise_anticipating
from countersmuggling.optimise.adaptive.trust_region import Settings
from countersmuggling.optimise.effects import CELL_COLUMNS, EffectCurves, workload
from countersmuggling.scenarios import Scenario, load

SEARCH = """
import sys
from countersmuggling.optimise.adaptive.planning import optimise_anticipating
from countersmuggling.optimise.adaptive.trust_region import Settings
from countersmuggling.scenarios import load

optimise_anticipating(load(sys.argv[1]), settings=Settings(steps=1, replicates=2, most_replicates=2), workers=1, progress=False)
"""
SCENARIO = """
name: brief
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-03-31, burn_in_days: 0}
model: {persons_per_agent: 5000, networks: 20}
resources:
  posts: {border_guard: {available: 150}}
"""


def brief(folder: Path) -> Scenario:
    file = folder / "brief.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    scenario = load(file)
    posts = {"border_guard": scenario.resources.posts["border_guard"]}
    return scenario.model_copy(update={"resources": scenario.resources.model_copy(update={"posts": posts})})


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("fronts/*/*.json")}


@pytest.mark.slow
def test_killed_by_the_system_and_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = brief(tmp_path)
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    script = tmp_path / "search.py"
    resolved = tmp_path / "resolved.yaml"  # the script searches what this process searches
    resolved.write_text(scenario.to_yaml(), encoding="utf-8")
    script.write_text(SEARCH, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script), str(resolved)], env={**os.environ, "COUNTERSMUGGLING_CACHE": str(cut)})
    end = time.monotonic() + 300
    while len(kept(cut)) < 8 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = kept(cut)
    assert len(before) >= 8
    plans = []
    asked: list[FrontJob] = []

    def runner(jobs: list[FrontJob], what: str) -> list[dict[str, Any]]:
        asked.extend(jobs)
        return [observe_fronts(job) for job in jobs]

    settings = Settings(steps=1, replicates=2, most_replicates=2)
    for folder in (cut, whole):
        monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(folder))
        asked.clear()
        plans.append(optimise_anticipating(load(resolved), settings=settings, workers=1, progress=False, runner=runner))
        if folder == cut:
            assert len(kept(cut)) == len(before) + len(asked), "nothing was run twice"
    np.testing.assert_array_equal(plans[0].allocation, plans[1].allocation)
    assert plans[0].anticipation is not None and plans[1].anticipation is not None
    pd.testing.assert_frame_equal(plans[0].anticipation.history, plans[1].anticipation.history)


def test_effects_that_were_kept_are_those_that_were_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit and column: a plan made from the cache is the plan that was made without."""
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path / "cache"))
    work = workload(["border_guard"], pd.DataFrame({"kind": "entries", "place": ["ITA", "GRC"], "amount": [3.0, 1.0]}))
    cells = pd.DataFrame([("border_guard", "eastern", "deaths", 10.0, 0.6, -3.0, 0.3, -3.0, 0.3)], columns=list(CELL_COLUMNS))
    curves = EffectCurves(cells, work, {"runs": 1})
    again = EffectCurves.from_json(curves.to_json())
    pd.testing.assert_frame_equal(again.work, curves.work)
    pd.testing.assert_frame_equal(again.cells, curves.cells)
    assert "total" in again.work.columns
