"""Scenarios of effects: they spread as far as the standard errors say, around what was measured, and stay concave."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.effect_scenarios import EffectScenarios, bootstrap, draw_scenarios
from countersmuggling.optimise.effects import (
    WORK_COLUMNS,
    EffectCurves,
    EffectError,
    Runs,
    fit,
)
from countersmuggling.optimise.stochastic import ScenarioSetError
from countersmuggling.optimise.two_level import design_of

KINDS = ("analyst", "prosecutor", "rescue_unit")
GROUPS = tuple(f"g{n}" for n in range(6))
WEIGHTS = {"deaths": 2.0, "case_backlog": 0.5, "cost_eur": 1e-6}


def measured(seed: int = 0) -> EffectCurves:
    """Effects fitted to invented runs: analysts work alike everywhere, prosecutors differ, rescue units save lives."""
    g = np.random.default_rng(seed)
    cells = [(kind, group) for kind in KINDS for group in GROUPS]
    dose = g.uniform(2, 8, len(cells))
    design = design_of(cells, dose, 4)
    per_head = np.concatenate([np.full(6, -1.0), g.normal(0, 3, 6), g.uniform(-4, -2, 6)])
    clean = np.where(design.level == 0.5, 0.6, design.level) @ (per_head * dose)
    noise = g.normal(0, 6, size=(2, len(clean)))
    noise[1] = 0.8 * noise[0] + 0.6 * noise[1]
    runs = Runs(design, {"deaths": clean + noise[0], "case_backlog": 0.3 * clean + noise[1]}, 4.0)
    work = pd.DataFrame([(kind, f"{group}-{n}", group, share) for kind, group in cells for n, share in enumerate((0.7, 0.3, 0.0))],
                        columns=list(WORK_COLUMNS))
    return EffectCurves(fit(design, runs.changes, runs.quarters, 0.6, 0.1), work, {"runs": len(clean)}, runs)


@pytest.fixture(scope="module")
def effects() -> EffectCurves:
    return measured()


@pytest.fixture(scope="module")
def many(effects: EffectCurves) -> EffectScenarios:
    return bootstrap(effects, 4000, seed=1)


def test_scenarios_spread_by_the_stated_standard_errors(effects: EffectCurves, many: EffectScenarios) -> None:
    assert many.deviation.mean(axis=0) == pytest.approx(np.zeros(36), abs=1e-12), "mirrored pairs"
    # 2,000 pairs tell a standard deviation to about 2 %; how noise is shared between cells adds some
    assert many.deviation.std(axis=0) / effects.cells["se"].to_numpy() == pytest.approx(np.ones(36), rel=0.2)
    assert many.source == "4000 scenarios, wild bootstrap of 32 replicates of measuring runs in mirrored pairs"


def test_noise_is_shared_where_effects_are(effects: EffectCurves, many: EffectScenarios) -> None:
    """Outcomes of a run err together; cells that were pulled together err together."""
    cells = effects.cells
    deaths = (cells["outcome"] == "deaths").to_numpy()
    for kind in KINDS:
        own = (cells["resource"] == kind).to_numpy()
        both = [np.corrcoef(many.deviation[:, i], many.deviation[:, j])[0, 1] for i, j in zip(
            np.flatnonzero(own & deaths), np.flatnonzero(own & ~deaths), strict=True)]
        assert np.mean(both) > 0.3, kind
    pairs = np.triu_indices(6, 1)

    def together(kind: str) -> Any:
        own = deaths & (cells["resource"] == kind).to_numpy()
        return np.asarray(np.corrcoef(many.deviation[:, own].T))[pairs]

    assert together("analyst").min() > 0.1, "analysts work alike in all groups, so their common effect is what is uncertain"
    assert np.abs(together("prosecutor")).mean() < together("analyst").mean()


def test_every_scenario_is_concave_and_their_mean_is_the_measured_curve(effects: EffectCurves, many: EffectScenarios) -> None:
    places = tuple(effects.work["place"].unique())
    width, slope = effects.curves(KINDS, places, WEIGHTS, 12.0)
    some = replace(many, deviation=many.deviation[[0, 1, 2000, 2001]], probability=np.full(4, 0.25))
    slopes = some.slopes(KINDS, places, slope, WEIGHTS, 12.0)
    assert slopes.shape == (4, *slope.shape)
    assert (np.diff(slopes, axis=-1) <= 1e-12).all()
    assert slopes[..., :2].mean(axis=0) == pytest.approx(slope[..., :2]), "0 and 2000, 1 and 2001 are mirrored"
    assert (slopes[..., 2] <= 0).all(), "nothing is gained beyond the measured dose"
    idle = [i for i, p in enumerate(places) if p.endswith("-2")]
    assert (slopes[:, :, idle] == slope[:, idle]).all(), "where there is no work nothing is uncertain"
    assert width.shape == slope.shape


def test_points_by_hand(effects: EffectCurves) -> None:
    """One scenario in which analysts in g0 save one life fewer a quarter, and the backlog is 6 cases longer."""
    cells = effects.cells
    deviation = np.zeros((1, len(cells)))
    at = (cells["resource"] == "analyst") & (cells["group"] == "g0")
    deviation[0, np.flatnonzero(at & (cells["outcome"] == "deaths"))] = 1.0
    deviation[0, np.flatnonzero(at & (cells["outcome"] == "case_backlog"))] = 6.0
    one = EffectScenarios(effects, deviation, np.ones(1), "by hand")
    keys, head = one.points_per_head(WEIGHTS, 12.0)
    which = keys.index[(keys["resource"] == "analyst") & (keys["group"] == "g0")][0]
    # 2 points a death; a stock's level counts half a point by its mean over 12 quarters: 6 x 0.5 / 12
    assert head[0, which] * keys["dose"][which] == pytest.approx(-2.0 - 0.25)
    assert np.abs(np.delete(head[0], which)).max() == 0


def test_same_seed_same_scenarios_and_odd_numbers(effects: EffectCurves) -> None:
    assert np.array_equal(bootstrap(effects, 7, 3).deviation, bootstrap(effects, 7, 3).deviation)
    assert not np.array_equal(bootstrap(effects, 7, 3).deviation, bootstrap(effects, 7, 4).deviation)
    seven = bootstrap(effects, 7, 3)
    assert len(seven) == 7 and (seven.deviation[-1] == 0).all()


def test_what_cannot_be_drawn_is_said(effects: EffectCurves) -> None:
    bare = replace(effects, runs=None)
    with pytest.raises(EffectError, match="do not hold the runs"):
        bootstrap(bare, 10, 1)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap(effects, 0, 1)
    with pytest.raises(ScenarioSetError, match=r"sum to 0\.5"):
        EffectScenarios(effects, np.zeros((1, 36)), np.array([0.5]), "")
    with pytest.raises(EffectError, match="one column for each of 36"):
        EffectScenarios(effects, np.zeros((1, 3)), np.ones(1), "")
    with pytest.raises(EffectError, match="not a number"):
        EffectScenarios(effects, np.full((1, 36), np.nan), np.ones(1), "")


def test_scenarios_from_whole_measurements(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Each replicate has its own truth; the scenarios are these truths around their mean, and each is kept."""
    from countersmuggling.model import replicates
    from countersmuggling.optimise.effects import measure_effects
    from countersmuggling.scenarios import OUTCOMES, load

    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    ran: list[int] = []

    def run_many(jobs: Any, workers: Any, progress: Any, description: str, *, function: Any) -> list[Any]:
        ran.append(len(jobs))
        out: list[Any] = []
        for n, job in enumerate(jobs):
            a, h = job.allocation, job.scenario.horizon
            greek = a[(a["resource"] == "border_guard") & (a["place"] == "GRC")]["staff"].sum()
            totals = dict.fromkeys(OUTCOMES, 100.0 + job.replicate)
            noise = np.random.default_rng(1000 * job.replicate + n).normal() * 0.01
            totals["deaths"] += -(1.0 + job.replicate % 2) * greek + noise
            seen = {"totals": totals, "years": ((h.end - h.start).days + 1) / 365.25}
            seen["work"] = pd.DataFrame([("entries", "GRC", 60.0), ("entries", "ITA", 40.0), ("cases", "DEU", 1.0)],
                                        columns=["kind", "place", "amount"])
            out.append(seen)
        return out

    monkeypatch.setattr(replicates, "run_many", run_many)
    scenario = load("baseline-2025")
    effects = measure_effects(scenario, progress=False)
    before = len(ran)
    found = draw_scenarios(scenario, effects, 4, "replicates", progress=False)
    assert len(ran) == before + 4
    at = ((effects.cells["resource"] == "border_guard") & (effects.cells["group"] == "eastern")
          & (effects.cells["outcome"] == "deaths")).to_numpy()
    dose = effects.cells["dose"][at].iloc[0]
    # replicates 4, 5, 6, 7: one and two lives a guard and quarter, in turn
    assert found.deviation[:, at].ravel() == pytest.approx(np.array([0.5, -0.5, 0.5, -0.5]) * dose, rel=0.05)
    draw_scenarios(scenario, effects, 4, "replicates", progress=False)
    assert len(ran) == before + 4, "nothing was run again"
    with pytest.raises(EffectError, match="at least two"):
        draw_scenarios(scenario, effects, 1, "replicates")
