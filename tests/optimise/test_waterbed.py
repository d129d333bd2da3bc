"""The waterbed matrix: planted effects are found again, in groups first and then by place; a small world shows displacement."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.adaptive.kept import EVERYWHERE, WideJob
from countersmuggling.optimise.adaptive.regimes import SMALL_PLACES, small_scenario, small_tables
from countersmuggling.optimise.adaptive.waterbed import COLUMNS, measure_waterbed
from countersmuggling.optimise.effects import place_groups
from countersmuggling.optimise.pairing_charts import two_digits, waterbed
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


def test_figures_in_cells_are_written_out() -> None:
    told = {206.01: "+210", -13.46: "-13", 3.19: "+3.2", 0.483: "+0.48", -0.0021: "-0.0021", 0.0: "+0", 45300.0: "+45,000"}
    assert {value: two_digits(value) for value in told} == told
