"""The commands `calibrate` and `validate` from end to end, on runs that a stand-in for the model makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import backtesting, calibration_runs, validating
from countersmuggling.experiments import calibration_statistics as cs
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.observed import observed
from countersmuggling.experiments.running import adapted
from countersmuggling.model.replicates import Job
from countersmuggling.scenarios import posterior, registry

SEEN = observed()
MONTHS = [m for m in SEEN.detections.index if m >= "2014-01"]
NAMES = ("fees.scarcity_elasticity", "route_choice.fee")


class Model:
    """Detections as published times a factor that one parameter sets; the other does nothing."""

    def __init__(self) -> None:
        self.made = 0
        self.patience = 10**9

    def __call__(
        self, jobs: Sequence[Job], workers: int | None, progress: bool, description: str = "", *, function: Callable[[Job], Any]
    ) -> list[None]:
        truth = cs.published(SEEN, MONTHS)
        for job in jobs:
            if self.made == self.patience:
                raise KeyboardInterrupt
            value = job.scenario.parameters(0)["route_choice.fee"] / registry()["route_choice.fee"].value
            flows: dict[str, Any] = {name: np.ones((len(MONTHS), 6)) for name in cs.FLOWS} | {"deaths": truth.flows["deaths"]}
            folder: Path = function.keywords["folder"]  # type: ignore[attr-defined]
            np.savez_compressed(
                folder / f"{job.label.rsplit(' ', 1)[-1]}.npz", months=np.array(MONTHS), detections=truth.detections * value,
                **flows,
            )  # fmt: skip
            self.made += 1
        return [None] * len(jobs)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model()
    monkeypatch.setattr(calibration_runs, "run_many", made)
    return made


def calibrate(out: Path, *more: str) -> int:
    chosen = [text for name in NAMES for text in ("--parameter", name)]
    return main(["calibrate", "--out", str(out), "--budget", "40", "--draws", "10", *chosen, "--quiet", *more])


def test_the_folder_holds_everything_and_a_killed_run_goes_on(
    tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibration"
    model.patience = 17
    assert calibrate(out) == 130
    model.patience = 10**9
    assert calibrate(out) == 0
    assert model.made == 40
    capsys.readouterr()
    assert calibrate(out, "--json") == 0
    assert model.made == 40
    result = json.loads(capsys.readouterr().out)
    assert result["draws"] == 10 and {row["parameter"] for row in result["identifiability"]} == set(NAMES)
    shipped = posterior.read_ensemble((out / "posterior.csv").read_text(encoding="utf-8"))
    assert shipped.names == NAMES
    assert len(shipped.values) == 10
    made_with = json.loads((out / "posterior.json").read_text(encoding="utf-8"))
    assert made_with["runs"] == 40 and made_with["threshold"] < made_with["median_distance_at_the_prior"]
    told = {str(r["parameter"]): r for r in pd.read_csv(out / "identifiability.csv").to_dict("records")}
    assert told["route_choice.fee"]["contraction"] > 0.5
    assert (out / "identifiability.png").stat().st_size > 5000
    assert set(pd.read_csv(out / "coverage.csv")["parameter"]) == set(NAMES)


def test_what_came_before_an_event_picks_its_parameters(tmp_path: Path, model: Model) -> None:
    out = tmp_path / "calibration"
    assert calibrate(out) == 0
    found = validating.Calibration.of(out, adapted("history-2014-2022", persons_per_agent=200))
    centre = registry()["route_choice.fee"].value
    near = [p["route_choice.fee"] for p in found.before(SEEN, "2016-03", 5)]
    every = found.at_the_prior["route_choice.fee"].to_numpy(dtype=float)
    assert np.abs(np.log(np.array(near) / centre)).max() <= np.sort(np.abs(np.log(every / centre)))[8]
    with pytest.raises(validating.NoCalibration, match="another version"):
        validating.Calibration.of(out, adapted("history-2014-2022", persons_per_agent=500))


def test_the_report_of_a_calibration(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out, report = tmp_path / "calibration", tmp_path / "validation"
    assert calibrate(out) == 0

    def replays(points: dict[str, list[dict[str, float]]], **_: object) -> dict[tuple[str, str], list[cs.Condensed]]:
        truth = cs.published(SEEN, list(SEEN.detections.index))
        return {(name, kind): [truth] for name, chosen in points.items() if chosen for kind in backtesting.MODELS}

    monkeypatch.setattr(backtesting, "run_replays", replays)
    capsys.readouterr()
    assert main(["validate", "--calibration", str(out), "--replicates", "0", "--out", str(report), "--quiet", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert "ranking" in {part["name"] for part in result["sections"]} and str(report / "validation.html") in result["files"]
    page = (report / "validation.md").read_text(encoding="utf-8")
    assert "nearer than every rule in all 24 ratios" in page
    assert "![Posterior predictive checks](predictive.png)" in page
    assert (report / "predictive.png").stat().st_size > 5000
    scored = pd.read_csv(report / "backtests.csv")
    assert (scored.loc[scored["method"] == "model", "error"] < 1e-9).all()
    assert (pd.read_csv(report / "displacement.csv")["share"] >= 0.0).all()


def test_screening_ranks_the_parameter_that_matters_first(tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--screen", "2", "--out", str(tmp_path), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["effects"][0]["group"] == "route_choice.fee"
    table = pd.read_csv(tmp_path / "screening.csv")
    assert table["group"].iloc[0] == "route_choice.fee"
    assert (table["distance"].iloc[1:] < 1e-9).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--budget", "20"], "20 runs are too few for 64 draws: at least 128 are needed"),
        (["--parameter", "fees.scarcity"], "did you mean 'fees.scarcity_elasticity'"),
        (["--until", "2015-01"], "13 months of observations are too few"),
        (["--observed", "nowhere.csv"], "nowhere.csv: cannot be read"),
    ],
)
def test_a_mistake_is_one_line(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", *given]) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert message in told[-1] and len(told) == 1
