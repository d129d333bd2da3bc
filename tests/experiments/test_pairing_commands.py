"""Commands of the pairing: what they write and say, and mistakes in one line."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments.cli import main
from countersmuggling.optimise.adaptive import regimes as regimes_module
from countersmuggling.optimise.adaptive import valuing, waterbed
from countersmuggling.optimise.adaptive.regimes import COLUMNS, WAYS
from countersmuggling.optimise.adaptive.valuing import AssetsPattern, Valued
from countersmuggling.optimise.adaptive.waterbed import Waterbed
from countersmuggling.optimise.evaluation import NOBODY, WEIGHTED, Evaluation
from countersmuggling.scenarios import Scenario


def valued() -> Valued:
    index = pd.MultiIndex.from_product([[NOBODY, "static", "anticipating"], range(3)], names=["placement", "replicate"])
    level = {NOBODY: 0.0, "static": -5.0, "anticipating": -9.0}
    totals = pd.DataFrame({"deaths": [100.0 + level[str(p)] + int(k) for p, k in index]}, index=index)
    totals[WEIGHTED] = 4 * totals["deaths"]
    fates = pd.DataFrame([("static", "intercepted", 10.0, 5.0, 15.0, 0.01, 3)], columns=list(valuing.FATE_COLUMNS))
    fronts = pd.DataFrame([("static", "ITA by CMED", "attempts", 100.0, -3.0, -4.0, -2.0)],
                          columns=["placement", "front", "outcome", "against_mean", "difference", "low", "high"])
    staff = {n: pd.DataFrame([("analyst", "ITA", "2025Q1", 2.0)], columns=["resource", "place", "quarter", "staff"]) for n in level if n != NOBODY}
    return Valued("baseline-2025", Evaluation(totals, {"deaths": 4.0}), fates, fronts, staff, {}, 9, 500.0)


def pattern() -> AssetsPattern:
    table = pd.DataFrame([(1.0, 10.0, 100.0, 90.0, 110.0, 10.0, 0.1, 5.0, 9.0, 7.0, 30.0)], columns=[
        "assets", "posts", "interceptions", "low", "high", "per_post", "harm_per_interception", "attempts_per_interception", "fronts_used",
        "fronts_effective", "networks"])
    return AssetsPattern(table, {"more in total": "yes", "less per asset": "no", "as many or more places": "not told apart"})


def test_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[dict[str, Any]] = []

    def evaluated(scenario: Scenario, **options: Any) -> Valued:
        asked.append({"name": scenario.name, **options})
        return valued()

    monkeypatch.setattr(valuing, "evaluate_methods", evaluated)
    monkeypatch.setattr(valuing, "assets_pattern", lambda *_, **__: pattern())
    out = tmp_path / "told"
    assert main(["evaluate", "baseline-2025", "--replicates", "3", "--assets", "1,2", "--persons-per-agent", "500", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "anticipating" in said and "better" in said and "less per asset: no" in said
    assert asked[0]["replicates"] == 3 and asked[0]["persons_per_agent"] == 500.0
    for name in ("evaluation", "fates", "fronts", "against", "allocation", "assets"):
        assert len(pd.read_csv(out / f"{name}.csv"))
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert "What became of people" in page and "<svg" in page and "src=" not in page and 'href="http' not in page
    assert json.loads((out / "provenance.json").read_text(encoding="utf-8"))["pairs"] == 3
    assert main(["evaluate", "baseline-2025", "--assets", "1,2", "--json", "--quiet", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["folder"] == str(out) and result["scenarios"]["baseline-2025"]["seen"]["less per asset"] == "no"
    assert {row["placement"] for row in result["scenarios"]["baseline-2025"]["weighted_harm"]} >= {"static", "anticipating"}


def test_without_a_name_every_scenario_that_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def evaluated(scenario: Scenario, **_: Any) -> Valued:
        asked.append(scenario.name)
        return valued()

    monkeypatch.setattr(valuing, "evaluate_methods", evaluated)
    assert main(["evaluate", "--quiet", "--out", str(tmp_path / "all")]) == 0
    assert "baseline-2025" in asked and "full-package" in asked and len(asked) > 5


def test_waterbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame([("border_guard", "ITA", "GRC by EMED", "front", "attempts", "attempts", 2.0, 0.1, 64, 1e-9, "place"),
                          ("border_guard", "ITA", "ITA", "member_state", "case_backlog", "cases", 0.0, 0.0, 64, 1.0, "place")],
                         columns=list(waterbed.COLUMNS))
    screening = pd.DataFrame([("border_guard", "central_mediterranean", "ITA, MLT", 40.0, 1e-5, True)], columns=list(waterbed.SCREENING_COLUMNS))
    monkeypatch.setattr(waterbed, "measure_waterbed", lambda *_, **__: Waterbed(table, screening, 72, 12, 100.0))
    out = tmp_path / "bed"
    assert main(["waterbed", "baseline-2025", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "1 groups of places were screened, 1 taken apart; 72 runs" in said and "at GRC by EMED +2 attempts" in said
    assert list(pd.read_csv(out / "waterbed.csv").columns) == list(waterbed.COLUMNS)
    assert (out / "figures" / "waterbed-attempts.png").stat().st_size > 1000
    assert main(["waterbed", "baseline-2025", "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["runs"] == 72 and result["screening"][0]["chosen"] is True and result["stand_out"][0]["affected"] == "GRC by EMED"


def test_regimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame([("toy", s, way, 1.0, 1.0 + n / 10, 1.0, 1.5, 1, 1) for s in ("0.1", "3") for n, way in enumerate(WAYS)],
                         columns=list(COLUMNS))
    monkeypatch.setattr(regimes_module, "toy_regimes", lambda **_: table)
    assert main(["regimes", "--toy-only", "--out", str(tmp_path / "r")]) == 0
    assert "alternation" in capsys.readouterr().out
    assert (tmp_path / "r" / "figures" / "regimes.png").exists()
    assert main(["regimes", "--toy-only", "--json", "--out", str(tmp_path / "r")]) == 0
    assert {row["method"] for row in json.loads(capsys.readouterr().out)["regimes"]} == set(WAYS)


@pytest.mark.parametrize(("arguments", "said"), [
    (["evaluate", "baseline-2025", "--methods", "static,astrology"], "no method 'astrology'"),
    (["evaluate", "baseline-2025", "--assets", "two"], "--assets takes multiples"),
    (["evaluate", "baseline-2025", "--assets", "1"], "at least two different"),
    (["waterbed", "baseline-2025", "--resource", "dragon"], "no resource 'dragon'"),
    (["waterbed", "nowhere-2025"], "nowhere-2025"),
])  # fmt: skip
def test_mistakes_in_one_line(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--out", str(tmp_path / "x")]) == 2
    told = capsys.readouterr()
    assert said in told.err and "Traceback" not in told.err
    assert not (tmp_path / "x").exists()


def test_a_search_at_full_scale_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `optimise` is told of the search reaches it."""
    from countersmuggling.experiments import comparing
    from countersmuggling.experiments.cli import parser
    from countersmuggling.experiments.pairing_commands import search_options
    from countersmuggling.optimise.adaptive import planning

    plain = parser().parse_args(["optimise", "baseline-2025", "--method", "anticipating"])
    assert search_options(plain) is None
    whole = parser().parse_args(["optimise", "baseline-2025", "--method", "anticipating", "--full-scale", "--scheduler", "tcp://10.0.0.1:8786"])
    told = search_options(whole)
    assert told is not None and told["full_scale"] and callable(told["runner"])
    asked: list[dict[str, Any]] = []

    def searching(scenario: Scenario, **options: Any) -> None:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "optimise_anticipating", searching)
    with pytest.raises(KeyboardInterrupt):
        comparing.optimised("baseline-2025", method="anticipating", search=told, progress=False)
    assert asked[0]["full_scale"] and asked[0]["runner"] is told["runner"]
