from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise import effects
from countersmuggling.optimise.effects import (
    CELL_COLUMNS,
    WORK_COLUMNS,
    EffectCurves,
    EffectError,
    estimate,
    half_shares,
    measure_effects,
    place_groups,
    pooled,
    quarters_of,
    workload,
)
from countersmuggling.optimise.two_level import design_of
from countersmuggling.scenarios import world

CELLS = [(resource, f"g{n}") for resource in ("analyst", "prosecutor", "rescue_unit") for n in range(6)]


def curves(half: float = 0.6, full: Sequence[float] = (-4.0, -2.0)) -> EffectCurves:
    """Analysts in Greece with Cyprus and Bulgaria (deaths, a flow) and in Italy with Malta (backlog, a stock)."""
    cells = pd.DataFrame(
        [("analyst", "eastern", "deaths", 4.0, half, full[0], 0.5, full[0], 0.6),
         ("analyst", "central_mediterranean", "case_backlog", 2.0, half, full[1], 1.0, full[1], 1.0)],
        columns=list(CELL_COLUMNS))
    work = pd.DataFrame(
        [("analyst", "GRC", "eastern", 0.75), ("analyst", "CYP", "eastern", 0.25), ("analyst", "BGR", "eastern", 0.0),
         ("analyst", "ITA", "central_mediterranean", 1.0)], columns=list(WORK_COLUMNS))
    return EffectCurves(cells, work, {})


def test_every_member_state_is_in_one_group() -> None:
    groups = place_groups()
    assert len(groups) == 27
    assert set(groups.values()) == {
        "central_mediterranean", "eastern", "western", "balkans", "east", "interior"}
    abroad = place_groups("partner")
    assert set(abroad) == set(world().partners["partner"]) and not set(abroad) & set(groups)
    assert not set(abroad.values()) & set(groups.values()), "a group's name says where it is"


def test_liaison_officers_work_where_journeys_lead_through() -> None:
    seen = pd.DataFrame([("abroad", "TUN", 30.0), ("abroad", "LBY", 60.0), ("abroad", "TUR", 10.0), ("entries", "GRC", 5.0),
                         ("cases", "ITA", 7.0)], columns=["kind", "place", "amount"])
    work = workload(["liaison_officer", "frontex_officer", "task_force_team"], seen).set_index(["resource", "place"])
    assert work.loc[("liaison_officer", "LBY"), "share"] == pytest.approx(2 / 3)
    assert work.loc[("liaison_officer", "TUR"), "total"] == pytest.approx(0.1)
    assert set(work.loc["liaison_officer"].index) == set(place_groups("partner"))
    assert set(work.loc["frontex_officer"].index) == set(place_groups())
    assert work.loc["frontex_officer"].loc["GRC", "total"] == pytest.approx(1)
    assert work.loc["task_force_team"].loc["ITA", "total"] == pytest.approx(1)


def test_one_regression_recovers_all_cells() -> None:
    g = np.random.default_rng(0)
    design = design_of(CELLS, np.ones(len(CELLS)), 4)
    truth = g.normal(size=len(CELLS)) * 10
    half = {"analyst": 0.6, "prosecutor": 0.75, "rescue_unit": 0.5}
    share = np.array([half[r] for r, _ in CELLS])
    signal = np.where(design.level == 0.5, share, design.level) @ truth + 7.0 * design.replicate
    exact = estimate(design, signal, half)
    assert exact.effect == pytest.approx(truth)
    noisy = [estimate(design, signal + g.normal(size=len(signal)), half) for _ in range(300)]
    spread = np.std([n.effect for n in noisy], axis=0)
    assert np.mean([n.se for n in noisy], axis=0) == pytest.approx(spread, rel=0.2), "standard errors are honest"
    assert np.mean([n.effect for n in noisy], axis=0) == pytest.approx(truth, abs=0.3)


def test_the_bend_is_told_by_the_runs_when_they_can_tell() -> None:
    g = np.random.default_rng(1)
    design = design_of(CELLS, np.ones(len(CELLS)))
    truth = -np.abs(g.normal(size=len(CELLS))) * 10
    share = np.array([0.8 if r == "analyst" else 0.55 for r, _ in CELLS])
    signal = np.where(design.level == 0.5, share, design.level) @ truth
    found = half_shares(design, {"deaths": signal + g.normal(size=len(signal)) * 0.01}, 0.6, 0.1)
    assert found["analyst"] > 0.7
    assert found["prosecutor"] < 0.65
    silent = half_shares(design, {"deaths": g.normal(size=len(signal))}, 0.6, 0.01)
    assert all(value == pytest.approx(0.6, abs=0.02) for value in silent.values()), "noise leaves the prior"


def test_pooling_pulls_noise_to_nothing_and_leaves_what_is_sure() -> None:
    g = np.random.default_rng(2)
    dose = np.array([1.0, 2.0, 4.0, 8.0, 3.0, 5.0])
    noise = g.normal(size=(400, 6))
    raw = np.mean(noise**2)
    kept = np.mean([pooled(row, np.ones(6), dose)[0] ** 2 for row in noise])
    assert kept < 0.5 * raw, "where there is no effect, pooling halves the squared error at least"
    sure = np.array([-50.0, -10.0, -90.0, -20.0, -70.0, -30.0])
    value, se = pooled(sure, np.full(6, 0.5), dose)
    assert value == pytest.approx(sure, rel=0.02)
    assert (se <= 0.5 + 1e-9).all()
    same, _ = pooled(-3 * dose, np.ones(6), dose)
    assert same == pytest.approx(-3 * dose, rel=0.1), "a common effect per member of staff survives"


def test_a_group_splits_homogeneously_and_sums_back() -> None:
    width, slope = curves().curves(["analyst"], ["GRC", "CYP", "BGR", "ITA"], {"deaths": 4.0}, 12)
    # 4 analysts avoid 16 points a quarter, the first two of them 60 %
    assert width[0, 0] == pytest.approx([1.5, 1.5, np.inf])
    assert width[0, 1] == pytest.approx([0.5, 0.5, np.inf])
    assert slope[0, 0] == pytest.approx([9.6 / 2, 6.4 / 2, 0.0])
    assert slope[0, 1] == pytest.approx(slope[0, 0])
    assert slope[0, 2] == pytest.approx([0, 0, 0]), "no work, no effect"
    assert slope[0, 3] == pytest.approx([0, 0, 0]), "no effect on what is weighted"


def test_stocks_count_by_their_mean_over_the_horizon() -> None:
    table = curves().points({"case_backlog": 3.0, "cost_eur": 1.0}, 12)
    assert table["full"].tolist() == pytest.approx([2 * 3 / 12])
    assert table["se"].tolist() == pytest.approx([3 / 12])


def test_harm_is_proportional_and_goes_on() -> None:
    width, slope = curves(full=(4.0, -2.0)).curves(["analyst"], ["GRC"], {"deaths": 4.0}, 12)
    assert slope[0, 0] == pytest.approx([-4.0, -4.0, -4.0])
    assert width[0, 0, 2] == np.inf


def test_expected_change_is_what_the_curves_say() -> None:
    plan = pd.DataFrame([("analyst", "GRC", "2025Q1", 3.0), ("analyst", "GRC", "2025Q2", 1.5),
                         ("analyst", "ITA", "2025Q1", 1.0)], columns=["resource", "place", "quarter", "staff"])
    out = curves().expected(plan, {"2025Q1": 0.25, "2025Q2": 0.25}, {"deaths": 4.0, "case_backlog": 1.0})
    assert out["deaths"]["change"] == pytest.approx(0.75 * -4 + 0.75 * -4 * 0.6)
    assert out["case_backlog"]["change"] == pytest.approx(-2 * 0.6 / 2)
    assert out["deaths"]["se"] == pytest.approx(0.5 * 0.75 * 1.5)


def test_unusable_curves_are_refused() -> None:
    with pytest.raises(EffectError, match="not concave: half of the staff has 0.3 of the effect"):
        curves(half=0.3)
    good = curves()
    with pytest.raises(EffectError, match="lacks the column"):
        EffectCurves(good.cells.drop(columns="se"), good.work, {})
    with pytest.raises(EffectError, match="must be numbers"):
        EffectCurves(good.cells.assign(full=np.nan), good.work, {})
    with pytest.raises(EffectError, match="do not sum to one"):
        EffectCurves(good.cells, good.work.assign(share=0.4), {})


def test_text_and_back() -> None:
    again = EffectCurves.from_json(curves().to_json())
    pd.testing.assert_frame_equal(again.cells, curves().cells)
    pd.testing.assert_frame_equal(again.work, curves().work)


def test_quarters_of_a_horizon() -> None:
    from datetime import date

    out = quarters_of(date(2025, 2, 1), date(2026, 1, 31))
    assert list(out) == ["2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1"]
    assert out["2025Q1"] == pytest.approx(59 / 365.25)
    assert sum(out.values()) == pytest.approx(365 / 365.25)


def test_work_splits_by_what_each_type_works_on() -> None:
    seen = pd.DataFrame([("entries", "GRC", 30.0), ("entries", "CYP", 10.0), ("sea", "GRC", 5.0), ("cases", "GRC", 1.0),
                         ("cases", "CYP", 3.0), ("cases", "GBR", 9.0)], columns=["kind", "place", "amount"])
    table = workload(["border_guard", "prosecutor", "rescue_unit", "deployed_officer"], seen)
    share = table.set_index(["resource", "place"])["share"]
    assert share["border_guard", "GRC"] == pytest.approx(0.75)
    assert share["prosecutor", "CYP"] == pytest.approx(0.75)
    assert share["rescue_unit", "GRC"] == pytest.approx(1.0)
    assert share["deployed_officer", "GRC"] == pytest.approx(0.5)
    assert table.groupby(["resource", "group"])["share"].sum().to_numpy() == pytest.approx(1.0)


# ------------------------------------------------------------------- measuring, with a stand-in for the model's runs


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[int]:
    """`run_many` replaced by a linear response: 2 deaths avoided per border guard and quarter in Greece, none elsewhere."""
    from countersmuggling.model import replicates
    from countersmuggling.scenarios import OUTCOMES

    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    calls: list[int] = []

    def run_many(jobs: Any, workers: Any, progress: Any, description: str, *, function: Any) -> list[Any]:
        calls.append(len(jobs))
        out: list[Any] = []
        for job in jobs:
            g = np.random.default_rng(len(out))
            totals = dict.fromkeys(OUTCOMES, 100.0 + job.replicate)
            h = job.scenario.horizon
            seen = {"totals": totals, "years": ((h.end - h.start).days + 1) / 365.25}
            assert job.allocation is not None, "without a table the model would place what levers bring"
            if job.allocation.empty:
                seen["work"] = pd.DataFrame([("entries", "GRC", 60.0), ("entries", "ITA", 40.0), ("cases", "DEU", 1.0)],
                                            columns=["kind", "place", "amount"])
            else:
                a = job.allocation
                greek = a[(a["resource"] == "border_guard") & (a["place"] == "GRC")]["staff"].sum()
                totals["deaths"] += -2.0 * greek + g.normal() * 0.01
            out.append(seen)
        return out

    monkeypatch.setattr(replicates, "run_many", run_many)
    return calls


def scenario() -> Any:
    from countersmuggling.scenarios import load

    return load("baseline-2025")


def test_measuring_finds_what_is_there_and_caches_it(simulated: list[int]) -> None:
    found = measure_effects(scenario(), progress=False)
    deaths = found.cells[found.cells["outcome"] == "deaths"].set_index(["resource", "group"])
    full, dose = deaths["full"]["border_guard", "eastern"], deaths["dose"]["border_guard", "eastern"]
    assert full == pytest.approx(-2 * dose, rel=0.05)
    others = deaths.drop(index=("border_guard", "eastern"))
    assert (others["full"].abs() < 3 * others["se"] + 1e-9).all() and others["se"].max() < 0.005 * dose
    assert not found.design["cached"]
    before = len(simulated)
    again = measure_effects(scenario(), progress=False)
    assert len(simulated) == before, "nothing was run again"
    assert again.design["cached"]
    pd.testing.assert_frame_equal(again.cells, found.cells)
    # the runs are kept to the last bit: the same cells come out of them again
    assert again.runs is not None and len(again.runs.design.level) == found.design["runs"]
    params = scenario().parameters()
    from_runs = effects.fit(again.runs.design, again.runs.changes, again.runs.quarters,
                            params["optimise.half_dose_share"], params["optimise.half_dose_spread"])
    pd.testing.assert_frame_equal(from_runs, found.cells)


def test_the_cache_knows_what_a_measurement_depends_on(simulated: list[int]) -> None:
    s = scenario()
    measure_effects(s, progress=False)
    before = len(simulated)
    other_weights = s.model_copy(update={"outcomes": {}, "title": "another title", "replicates": 3})
    measure_effects(other_weights, progress=False)
    assert len(simulated) == before, "weights and titles do not matter to what is measured"
    measure_effects(s.model_copy(update={"seed": s.seed + 1}), progress=False)
    assert len(simulated) > before


def test_a_torn_cache_file_is_measured_again(simulated: list[int], tmp_path: Any) -> None:
    measure_effects(scenario(), progress=False)
    (file,) = tmp_path.glob("effects-*.json")
    file.write_text(file.read_text()[:100])
    before = len(simulated)
    assert not measure_effects(scenario(), progress=False).design["cached"]
    assert len(simulated) > before


def test_no_posts_no_measurement(simulated: list[int]) -> None:
    s = scenario()
    bare = s.model_copy(update={"resources": s.resources.model_copy(update={"posts": {}})})
    with pytest.raises(EffectError, match="nothing to measure"):
        measure_effects(bare, progress=False)
