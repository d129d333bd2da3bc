"""The posterior ensemble: reading it, and drawing from it."""

from __future__ import annotations

import pytest

from countersmuggling.scenarios import ScenarioError, load, posterior, registry, schema
from countersmuggling.scenarios.posterior import DamagedEnsemble, Ensemble, read_ensemble
from countersmuggling.scenarios.schema import Scenario

HEAD = "draw,weight,distance,fees.markup_ceiling,route_choice.fee\n"
TABLE = HEAD + "0,0.25,1.5,2.5,1.5\n1,0.75,1.7,4,3\n"


@pytest.fixture
def ensemble(monkeypatch: pytest.MonkeyPatch) -> Ensemble:
    made = read_ensemble(TABLE)
    monkeypatch.setattr(schema, "ensemble", lambda: made)
    return made


def scenario(**uncertainties: object) -> Scenario:
    content = load("baseline-2025").model_dump(by_alias=True)
    return Scenario.model_validate({**content, "uncertainties": {"draw": "posterior", **uncertainties}})


def test_calibrated_parameters_come_from_one_row(ensemble: Ensemble) -> None:
    rows = {(2.5, 1.5): 0, (4.0, 3.0): 0}
    for replicate in range(200):
        p = scenario().parameters(replicate)
        rows[p["fees.markup_ceiling"], p["route_choice.fee"]] += 1
    # binomial of 200 at 0.75: 0.75 +- 4 standard errors of 0.031
    assert rows[4.0, 3.0] / 200 == pytest.approx(0.75, abs=0.125)


def test_others_are_drawn_as_from_ranges(ensemble: Ensemble) -> None:
    calibrated = set(ensemble.names)
    one = scenario().parameters(3)
    other = scenario(draw="ranges").parameters(3)
    assert {n for n in registry() if one[n] != other[n]} == calibrated


def test_a_draw_depends_on_seed_and_replicate_and_not_on_policy(ensemble: Ensemble) -> None:
    one = scenario()
    policy = load("full-package").model_copy(update={"uncertainties": one.uncertainties})
    assert all(dict(one.parameters(r)) == dict(policy.parameters(r)) for r in range(5))
    drawn = [one.model_copy(update={"seed": s}).parameters(0)["route_choice.fee"] for s in range(40)]
    assert set(drawn) == {1.5, 3.0}


def test_what_a_scenario_says_itself_stands(ensemble: Ensemble) -> None:
    fixed = scenario(parameters={"route_choice.fee": {"value": 2.2, "low": 2.2, "high": 2.2}})
    assert {fixed.parameters(r)["route_choice.fee"] for r in range(5)} == {2.2}
    other = scenario(vary=["fees.*"])
    assert {other.parameters(r)["route_choice.fee"] for r in range(5)} == {registry()["route_choice.fee"].value}
    assert scenario().parameters()["route_choice.fee"] == registry()["route_choice.fee"].value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns"),
        (TABLE.replace("route_choice.fee", "route_choice.fees"), "no parameter route_choice.fees"),
        (TABLE.replace("0.75", "0.5"), "sum to 0.75"),
        (TABLE.replace("2.5,1.5", "2.5,nan"), "csv:2: expected 5 finite numbers"),
        (TABLE.replace("2.5,1.5", "x,1.5"), "csv:2: could not convert"),
        (TABLE.replace("2.5,1.5", "-1,1.5"), "csv:2: fees.markup_ceiling: expected a number above 0"),
    ],
)
def test_a_damaged_table_is_refused(text: str, message: str) -> None:
    with pytest.raises(DamagedEnsemble, match=message):
        read_ensemble(text)


def test_without_an_ensemble_the_scenario_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(schema, "ensemble", lambda: None)
    from pathlib import Path

    file = Path(str(tmp_path)) / "mine.yaml"
    file.write_text("extends: baseline-2025\nuncertainties: {draw: posterior}\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="no posterior ensemble"):
        load(file)


def test_the_shipped_ensemble_is_whole() -> None:
    shipped, made_with = posterior.ensemble(), posterior.provenance()
    if shipped is None:
        pytest.skip("this version ships no posterior ensemble")
    assert made_with is not None and {"commit", "runs", "threshold"} <= set(made_with)
    assert len(shipped.values) >= 64
