"""Comparisons: what may be compared, what differs, and an option with its staff placed by a plan."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments import cli, comparing
from countersmuggling.experiments.assumptions import changes
from countersmuggling.experiments.results import Results
from countersmuggling.experiments.running import adapted
from countersmuggling.scenarios import Scenario, load, world

TINY = """\
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-02-10, burn_in_days: 10}
model: {persons_per_agent: 500, networks: 40}
replicates: 2
resources: null
"""
GUARDS = """\
title: Forty guards
extends: tiny.yaml
resources:
  posts: {border_guard: {available: 40}}
  hosts: {default: {absorb: 10}}
"""


def test_an_option_takes_the_baselines_seed_replicates_and_grain() -> None:
    baseline = adapted("baseline-2025", seed=7, replicates=3, persons_per_agent=250)
    option = comparing._like(load("europol-regulation"), baseline)
    assert (option.seed, option.replicates, option.model.persons_per_agent) == (7, 3, 250)
    assert option.levers == load("europol-regulation").levers
    assert option.model.networks == load("europol-regulation").model.networks


def test_different_horizons_are_refused() -> None:
    with pytest.raises(comparing.NotComparable, match="give both the same horizon"):
        comparing.compare("baseline-2025", "eu-turkiye-2016")
    with pytest.raises(comparing.NotComparable, match="two of the scenarios"):
        comparing.compare("baseline-2025", ["baseline-2025"])
    with pytest.raises(comparing.NotComparable, match="name at least one option"):
        comparing.compare("baseline-2025", [])


def test_changes_name_each_setting_that_differs(baseline: Scenario) -> None:
    assert changes(baseline, baseline) == []
    found = {
        path: (before, after)
        for path, before, after in changes(load("europol-regulation"), baseline)
    }
    assert found["levers.europol_deployments.posts"] == ("", "50.0")
    assert found["resources.posts.analyst.available"][1] == "50.0"
    assert not any(path.startswith(("title", "name", "question", "horizon")) for path in found)


@pytest.fixture
def curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Effects as if they had been measured: guards in Greece and Italy save most."""
    from countersmuggling.optimise import EffectCurves, plan

    states = list(world().member_states["member_state"])
    cells = [("border_guard", "all", "case_backlog", 20.0, 0.7, -50.0, 1.0, -50.0, 1.0)]
    columns = ["resource", "group", "outcome", "dose", "half", "full", "se", "raw", "raw_se"]
    shares = {"GRC": 0.5, "ITA": 0.3}
    work = [("border_guard", s, "all", shares.get(s, 0.2 / 25)) for s in states]
    made = EffectCurves(
        pd.DataFrame(cells, columns=columns),
        pd.DataFrame(work, columns=["resource", "place", "group", "share"]),
        {},
    )

    def measured(*_: Any, **__: Any) -> EffectCurves:
        return made

    monkeypatch.setattr(plan, "measure_effects", measured)


def test_compare_with_a_plan_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curves: None, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "guards.yaml").write_text(
        GUARDS + "outcomes: {cost_eur: {weight: 1.0e-9}, case_backlog: {weight: 1}}\n", encoding="utf-8"
    )
    arguments = [
        "compare",
        "tiny.yaml",
        "guards.yaml",
        "--plan",
        "--replicates",
        "1",
        "--workers",
        "1",
        "--out",
        "out",
    ]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Forty guards, staff by plan  against  Forty guards, staff pro rata" in printed

    found = Results.read(tmp_path / "out")
    assert [run.role for run in found.runs] == ["baseline", "option", "pro_rata", "plan"]
    placed = found.allocation()
    assert set(placed["resource"]) == {"border_guard"}
    assert placed.groupby("quarter")["staff"].sum().max() <= 40.0 + 1e-6
    assert placed["staff"].max() <= 10.0 + 1e-6
    assert {"GRC", "ITA"} <= set(placed["place"])
    cost = found.totals["cost_eur"].droplevel("replicate")
    assert cost["tiny"] == cost["guards"] == 0.0, "as written, nobody is placed"
    assert cost["guards+plan"] > 0.0
    assert cost["guards+pro-rata"] > 0.0
    assert found.plans[0].facts["status"] == "optimal"
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The plan: where staff should go" in report
    assert "national ones too" in report


def test_a_plan_that_reckons_with_the_answer_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured, searched, simulated beside pro-rata and static placements, and told in the report with every step."""
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path / "cache"))
    base = load("baseline-2025")
    brief = base.model_copy(update={
        "horizon": base.horizon.model_copy(update={"end": date(2025, 2, 28), "burn_in_days": 10}),
        "model": base.model.model_copy(update={"persons_per_agent": 2000.0, "networks": 20}),
        "resources": base.resources.model_copy(update={"posts": {"rescue_unit": base.resources.posts["rescue_unit"]}, "budgets": {}}),
    })  # fmt: skip
    found = comparing.optimised(brief, method="anticipating", replicates=2, workers=1, progress=False)
    assert [run.role for run in found.runs] == ["baseline", "pro_rata", "static", "plan"]
    (plan,) = found.plans
    assert plan.facts["method"] == "anticipating" and plan.facts["stopped_because"]
    assert {row["kind"] for row in plan.facts["iterations"]} <= {"start: pro_rata", "start: proportional", "start: greedy", "start: static", "step"}
    folder = found.write(tmp_path / "results")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "How the plan was found" in page and "Frank-Wolfe gap" in page
    again = Results.read(folder)
    assert again.plans[0].facts["iterations"] == plan.facts["iterations"]


def test_the_command_passes_the_method_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def planned(*given: Any, **how: Any) -> Any:
        asked.append(how["method"])
        raise comparing.NotComparable("that will do")

    monkeypatch.setattr(comparing, "optimised", planned)
    for more in ([], ["--method", "anticipating"]):
        assert cli.main(["optimise", "baseline-2025", "--out", str(tmp_path / "out"), "--quiet", *more]) == 2
    assert asked == ["static", "anticipating"]
    assert "that will do" in capsys.readouterr().err


def test_optimise_with_a_study_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curves: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prices beside the model, marginal values and the rules, on the command line and in the folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "guards.yaml").write_text(
        GUARDS.replace("available: 40", "available: 6") + "outcomes: {cost_eur: {weight: 1.0e-9}, case_backlog: {weight: 1}}\n", encoding="utf-8"
    )
    assert cli.main(["optimise", "guards.yaml", "--study", "--replicates", "1", "--workers", "1", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "What more would bring" in printed and "The same in the model, one unit more against the plan" in printed
    assert "points of weighted harm by the programme" in printed and "in the model, 1 fresh pairs" in printed
    assert "on the same curves the plan avoids" in printed and "greedy" in printed
    assert "Not told" in printed, "these effects hold no runs from which scenarios could be drawn"
    study = Results.read(tmp_path / "out").plans[0].facts["study"]
    assert study["simulated_prices"] and study["marginal_values"] and study["information"] is None


def test_a_limit_that_is_reached_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curves: None, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "guards.yaml").write_text(GUARDS, encoding="utf-8")
    assert cli.main(["optimise", "guards.yaml", "--time-limit", "1e-9", "--out", "out"]) == 2
    told = capsys.readouterr().err.strip()
    assert "HiGHS stopped at the time limit of 1e-09 s before an optimum was proved" in told
    assert "no results were written" in told and "\n" not in told.splitlines()[-1] and "Traceback" not in told
    assert not (tmp_path / "out").exists()
