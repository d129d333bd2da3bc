"""The waterbed matrix: planted effects are found again, in groups first and then by place; a small world shows displacement."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.adaptive.kept import EVERYWHERE, WideJob
from countersmuggling.optimise.adaptive.regimes import SMALL_PLACES, small_scenario, small_tables
from countersmuggling.optimise.adaptive.waterbed import COLUMNS, judge, measure_waterbed, two_level
from countersmuggling.optimise.effects import place_groups
from countersmuggling.optimise.pairing_charts import waterbed
from countersmuggling.scenarios import Scenario, load

PLACES = sorted(place_groups("member_state"))
NOISE = 3.0


def planted(resource: str, place: str, affected: str) -> float:
    """Guards in Italy take five attempts a head from Italy and give three to Greece; nothing else does anything."""
    if resource == "border_guard" and place == "ITA":
        return {"ITA": -5.0, "GRC": 3.0}.get(affected, 0.0)
    return 0.0


class Linear:
    """Answers jobs by a matrix that is known, with noise that the runs of one replicate share and a little of their own."""

    def __init__(self) -> None:
        self.jobs = 0

    def __call__(self, jobs: list[WideJob], what: str) -> list[dict[str, Any]]:
        self.jobs += len(jobs)
        out = []
        for job in jobs:
            g = np.random.default_rng([job.replicate, 1])
            shared = g.normal(0.0, 100.0, len(PLACES))
            assert isinstance(job.allocation, pd.DataFrame)
            staff = job.allocation[job.allocation["quarter"] == "2025Q1"] if len(job.allocation) else job.allocation
            own = np.random.default_rng([job.replicate, 2, int(1e3 * staff["staff"].sum()), len(staff)]).normal(0.0, NOISE, len(PLACES))
            value = {p: 1000.0 + shared[n] + own[n] for n, p in enumerate(PLACES)}
            for resource, place, head in zip(staff["resource"], staff["place"], staff["staff"], strict=True):
                for affected in PLACES:
                    value[affected] += head * planted(resource, place, affected)
            work = [("entries", p, 10.0) for p in ("ITA", "MLT", "GRC", "BGR", "ESP", "HRV", "POL")] + [("cases", p, 5.0) for p in PLACES]
            out.append({"totals": {"asylum_load": sum(value.values())}, "by_place": {"asylum_load": value}, "staff": None, "accounts": {},
                        "work": pd.DataFrame(work, columns=["kind", "place", "amount"]).to_dict("list")})
        return out


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    base = load("baseline-2025")
    posts = {name: base.resources.posts[name] for name in ("border_guard", "investigator")}
    return base.model_copy(update={"resources": base.resources.model_copy(update={"posts": posts})})


def test_an_effect_that_differs_between_draws_is_not_taken_for_that_of_others() -> None:
    """One cell does 50 give or take 20, replicate by replicate, with a noise of one: carried out once, three others seem to do something."""
    def t_values(repeats: int, seed: int) -> np.ndarray[Any, Any]:
        g = np.random.default_rng(seed)
        design = two_level(40, repeats)
        own = g.normal(50.0, 20.0, design.replicate.max() + 1)
        change = design.level[:, 0] * own[design.replicate] + g.normal(0.0, 1.0, len(design.level))
        effect, se, _ = judge(design.level, design.replicate, np.ones(40), change[:, None])
        return np.asarray(effect[:, 0] / se[:, 0])

    false = {repeats: np.mean([(np.abs(t_values(repeats, seed)[1:]) > 4.0).sum() for seed in range(30)]) for repeats in (1, 2)}
    assert false[1] > 1.0 and false[2] < 0.1, false
    own = [t_values(2, seed)[0] for seed in range(30)]
    assert np.median(own) == pytest.approx(50.0 / (20.0 / 8**0.5), rel=0.25), "the errors of that cell hold how far replicates differ"


def test_planted_effects_are_found_in_groups_and_then_by_place(scenario: Scenario) -> None:
    runner = Linear()
    found = measure_waterbed(scenario, runner=runner, repeats=1, progress=False, cache=False)
    assert tuple(found.table.columns) == COLUMNS
    taken_apart = found.screening[found.screening["chosen"]]
    assert ("border_guard", "central_mediterranean") in set(zip(taken_apart["resource"], taken_apart["group"], strict=True))
    assert len(taken_apart) < len(found.screening) / 2
    rows = found.table.set_index(["resource", "place", "affected"]).to_dict("index")
    for affected in ("ITA", "GRC"):
        row = rows["border_guard", "ITA", affected]
        assert row["level"] == "place"
        assert row["effect"] == pytest.approx(planted("border_guard", "ITA", affected), abs=4 * row["se"])
        assert 0 < row["se"] < 0.2
    malta = rows["border_guard", "MLT", "ITA"]
    assert abs(malta["effect"]) < 5 * malta["se"]
    assert rows["investigator", "DEU", "ITA"]["level"] == "group"
    clear = found.clear()
    assert {("ITA", "ITA"), ("ITA", "GRC")} <= set(zip(clear["place"], clear["affected"], strict=True))
    assert "Italy" not in found.words()[0] and "in ITA" in found.words()[0]
    cells = found.table.groupby(["resource", "place"]).ngroups
    assert found.runs < 4 * cells  # fewer than four pairs for every cell
    assert found.matrix("border_guard", "asylum_load", "member_state").to_dict()["GRC"]["ITA"] > 2.5


def test_nothing_is_run_twice(scenario: Scenario) -> None:
    """Runs are kept by content; a runner that keeps nothing is asked again."""
    runner = Linear()
    measure_waterbed(scenario, resources=["border_guard"], runner=runner, progress=False, cache=False)
    once = runner.jobs
    measure_waterbed(scenario, resources=["border_guard"], runner=runner, progress=False, cache=False)
    assert runner.jobs == 2 * once


def test_estimates_and_errors_of_the_regression() -> None:
    """Errors cover the truth about as often as they say: 95 % of 600 intervals, by three standard deviations."""
    design = two_level(10)
    assert (np.abs(design.level.mean(axis=0) - 0.5) < 1e-12).all()
    centred = design.level - 0.5
    assert np.abs(centred.T @ centred - np.diag(np.diag(centred.T @ centred))).max() < 1e-9, "orthogonal"
    g = np.random.default_rng(0)
    truth, dose = g.normal(size=(10, 60)), np.full(10, 2.0)
    exact, none, _ = judge(design.level, design.replicate, dose, (design.level * dose) @ truth)
    np.testing.assert_allclose(exact, truth, atol=1e-9)
    assert none.max() < 1e-9
    effect, se, p = judge(design.level, design.replicate, dose, (design.level * dose) @ truth + g.normal(0, 1.0, (len(design.level), 60)))
    within = (np.abs(effect - truth) < 2.18 * se).mean()  # t with 12 degrees of freedom or more
    assert 0.92 < within < 0.985
    _, _, idle = judge(design.level, design.replicate, dose, g.normal(0, 1.0, (len(design.level), 60)))
    assert 0.02 < (idle < 0.05).mean() < 0.09
    assert (p >= 0).all() and (p <= 1).all()


def test_twice_as_many_repeats_give_smaller_errors() -> None:
    g = np.random.default_rng(1)
    se = []
    for repeats in (1, 4):
        design = two_level(6, repeats)
        assert len(np.unique(design.replicate)) == 4 * repeats
        se.append(judge(design.level, design.replicate, np.ones(6), g.normal(size=(len(design.level), 200)))[1].mean())
    assert se[1] == pytest.approx(se[0] / 2, rel=0.1)


def test_the_chart_shows_what_the_table_says(scenario: Scenario) -> None:
    found = measure_waterbed(scenario, resources=["border_guard"], runner=Linear(), progress=False, cache=False)
    chart = waterbed(found.table, "asylum_load", "member_state")
    assert "exceed 2 standard errors" in chart.alt and len(chart.table)
    assert set(chart.table["outcome"]) == {"asylum_load"}
    assert "not told" in waterbed(found.table, "deaths", "front").alt


def test_nonsense_is_refused(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="no type that was named has posts"):
        measure_waterbed(scenario, resources=["rescue_unit"], progress=False)
    with pytest.raises(ValueError, match="no outcome 'happiness'"):
        measure_waterbed(scenario, outcomes=["happiness"], runner=Linear(), progress=False, cache=False)


def test_in_a_small_world_pressure_in_one_place_moves_people_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    base = small_scenario(3.0, months=12)
    posts = base.resources.model_dump()["posts"] | {"border_guard": {"available": 12_000}}
    scenario = Scenario.model_validate({**base.model_dump(), "resources": {"posts": posts}})
    assert scenario.horizon.end < date(2026, 1, 1)
    found = measure_waterbed(scenario, outcomes=["attempts", "interceptions"], tables=small_tables(), workers=1, progress=False)
    assert set(found.table["place"]) == set(SMALL_PLACES)
    attempts = found.table[(found.table["outcome"] == "attempts") & (found.table["by"] == "front") & (found.table["place"] == "ITA")]
    z = dict(zip(attempts["affected"], attempts["effect"] / attempts["se"], strict=True))
    assert z.pop("ITA by CMED") < -2
    assert max(z.values()) > 2  # somebody else sees more
    everywhere = found.table[(found.table["affected"] == EVERYWHERE) & (found.table["outcome"] == "attempts")]
    assert len(everywhere) == len(SMALL_PLACES)
