"""The pairing's runs through the sweep engine: the same answers, failures told, nothing left behind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments.engine_runs import through
from countersmuggling.experiments.engines import InProcess
from countersmuggling.experiments.local_processes import LocalProcesses
from countersmuggling.model.replicates import RunFailed
from countersmuggling.optimise.adaptive.kept import KeptRuns, WideJob
from countersmuggling.optimise.adaptive.observing import ModelRuns
from countersmuggling.optimise.effects import _nobody
from countersmuggling.scenarios import Scenario, load


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path / "cache"))
    base = load("baseline-2025")
    return base.model_copy(update={
        "horizon": base.horizon.model_copy(update={"end": base.horizon.start.replace(month=2), "burn_in_days": 0}),
        "model": base.model.model_copy(update={"persons_per_agent": 5000.0, "networks": 10})})


def test_the_engine_gives_what_this_process_gives(scenario: Scenario, tmp_path: Path) -> None:
    jobs = [WideJob(scenario, k, _nobody(), "none") for k in range(3)]
    here = KeptRuns(cache=False, workers=1, progress=False).run(jobs, "")
    there = KeptRuns(cache=False, runner=through(LocalProcesses(2), progress=False)).run(jobs, "")
    assert here == there
    kept = KeptRuns(runner=through(InProcess(), progress=False))
    assert kept.run(jobs, "") == here and kept.made == 3
    again = KeptRuns(runner=through(InProcess(), progress=False))
    assert again.run(jobs, "") == here and again.made == 0
    assert not list((tmp_path / "cache" / "sweeps").iterdir()), "nothing is left behind"


def test_searches_can_run_there_too(scenario: Scenario) -> None:
    placement = np.full((1, 1, 1), 5.0)
    seen = [ModelRuns(scenario, ("border_guard",), ("ITA",), ("2025Q1",), cache=cache, workers=1, progress=False, runner=runner)
            .observe([placement], [0], "")[0][0] for cache, runner in ((False, None), (True, through(InProcess(), progress=False)))]
    assert seen[0].totals == seen[1].totals


def test_a_run_that_fails_is_named(scenario: Scenario) -> None:
    table = pd.DataFrame([("border_guard", "Atlantis", "2025Q1", 1.0)], columns=["resource", "place", "quarter", "staff"])
    jobs = [WideJob(scenario, 0, _nobody(), "none"), WideJob(scenario, 0, table, "sunk")]
    with pytest.raises(RunFailed, match="1 of 2 runs failed; the first, sunk, replicate 0"):
        KeptRuns(runner=through(InProcess(), progress=False)).run(jobs, "")
