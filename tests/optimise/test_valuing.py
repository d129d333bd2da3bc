"""Every way of placing staff in the same fresh runs: what became of people, by hand; verdicts; more assets; interruptions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.adaptive.kept import KeptRuns, WideJob
from countersmuggling.optimise.adaptive.valuing import (
    METHODS,
    assets_pattern,
    evaluate_methods,
    fates_of,
    more_assets,
    moved,
)
from countersmuggling.optimise.effects import EffectCurves, _nobody
from countersmuggling.optimise.evaluation import FRESH, NOBODY
from countersmuggling.scenarios import Scenario, load

FRONTS = ("ESP by WMED", "GRC by EMED", "ITA by CMED")


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    base = load("baseline-2025")
    posts = {name: base.resources.posts[name] for name in ("border_guard", "analyst")}
    return base.model_copy(update={"resources": base.resources.model_copy(update={"posts": posts})})


def answer(replicate: int, guards: float, italy: float) -> dict[str, Any]:
    """A run in which each guard stops two people more, and those in Italy send ten attempts each to Spain."""
    noise = float(np.random.default_rng([replicate, 3]).normal(0, 50))
    tried = {"ESP by WMED": 1000 + noise + 10 * italy, "GRC by EMED": 2000 + noise, "ITA by CMED": 3000 + noise - 10 * italy}
    tried |= {label.split(" by ")[1]: v for label, v in tried.items()}
    total = 6000 + 3 * noise
    return {"totals": {"attempts": total, "interceptions": 1000 + noise + 2 * guards, "deaths": 100 + noise - 0.1 * guards, "active_networks": 30.0,
                       "irregular_crossings": total - 1000 - noise - 2 * guards},
            "by_place": {"attempts": tried, "interceptions": dict.fromkeys(FRONTS, 300.0), "deaths": dict.fromkeys(FRONTS, 30.0)},
            "accounts": {"departures": 5000 + noise - guards, "gave_up": 50 + 0.5 * guards, "under_way": 400 + 0.25 * guards}, "staff": None}


class Counting:
    """Answers jobs without a model, and counts them; the staff of the first quarter of 2026 is what counts."""

    def __init__(self) -> None:
        self.jobs: list[WideJob] = []

    def __call__(self, jobs: list[WideJob], what: str) -> list[dict[str, Any]]:
        self.jobs += jobs
        out = []
        for job in jobs:
            if job.information:
                out.append({**answer(job.replicate, 5, 0), "staff": np.ones((2, 27, 12)).tolist()})
                continue
            assert isinstance(job.allocation, pd.DataFrame)
            now = job.allocation[(job.allocation["quarter"] == "2026Q1") & (job.allocation["resource"] == "border_guard")]
            out.append(answer(job.replicate, float(now["staff"].sum()), float(now.loc[now["place"] == "ITA", "staff"].sum())))
        return out


def test_what_became_of_people_by_hand() -> None:
    base = [answer(k, 0, 0) for k in (0, 1, 2)]
    ours = [answer(k, 40, 20) for k in (0, 1, 2)]
    told = fates_of({NOBODY: base, "guards": ours}).set_index("fate")["difference"]
    assert told["intercepted"] == pytest.approx(80)
    assert told["did not set out"] == pytest.approx(40)
    assert told["gave up on the way"] == pytest.approx(20)
    assert told["delayed"] == pytest.approx(10)
    assert told["moved to another front"] == pytest.approx(200)
    assert told["moved to another route"] == pytest.approx(200)
    idle = fates_of({NOBODY: base, "same": base}).set_index("fate")
    assert (idle["difference"].abs() < 1e-9).all() and (idle["low"] <= 1e-9).all()


def test_moved_takes_off_what_noise_alone_gives() -> None:
    """Flows that only fluctuate: half the sum of absolute differences is far above zero, its jackknife much less so."""
    g = np.random.default_rng(0)
    plain, jackknife = [], []
    for _ in range(60):
        a, b = g.normal(1000, 30, (8, 10)), g.normal(1000, 30, (8, 10))
        mean, base = a.mean(axis=0), b.mean(axis=0)
        plain.append(np.abs(mean - base * mean.sum() / base.sum()).sum() / 2)
        jackknife.append(moved(a, b)[0])
    assert np.mean(jackknife) < 0.6 * np.mean(plain)
    assert np.isnan(moved(np.ones((1, 3)), np.ones((1, 3)))[1])
    # all flows grow alike: nobody is moved
    assert moved(np.full((4, 3), 1.2), np.ones((4, 3)))[0] == pytest.approx(0.0, abs=1e-12)


def test_all_placements_in_the_same_fresh_replicates(scenario: Scenario, invented: EffectCurves) -> None:
    runner = Counting()
    even = replace(invented, work=invented.work.assign(total=1.0))
    methods = [m for m in METHODS if m != "anticipating"]
    found = evaluate_methods(scenario, methods=methods, replicates=3, effects=even, runner=runner, progress=False, cache=False)
    assert found.evaluation.placements == [NOBODY, "pro_rata", "proportional", "greedy", "static", "rolling"]
    by_label = {label: {j.replicate for j in runner.jobs if j.label == label} for label in found.evaluation.placements}
    assert all(own == set(range(FRESH, FRESH + 3)) for own in by_label.values())
    deaths = found.table[found.table["outcome"] == "deaths"].set_index("placement")
    assert (deaths["low"] <= deaths["difference"]).all() and (deaths["difference"] < 0).all()
    assert set(found.fronts["front"]) == set(FRONTS)
    assert found.staff["rolling"]["staff"].sum() == pytest.approx(2 * 27 * 12)
    against = found.against("static").set_index("against").to_dict("index")
    assert {row["verdict"] for row in against.values()} <= {"better", "worse", "alike", "not told apart"}
    alike = [row["why"] for row in against.values() if row["verdict"] == "alike"]
    assert alike and all("no difference" in why for why in alike), "rules that come to the same placement are no victories"
    assert against[NOBODY]["verdict"] == "better" and "deaths" in against[NOBODY]["why"]


def test_what_it_would_take_to_tell_placements_apart(scenario: Scenario, invented: EffectCurves) -> None:
    class Noisy(Counting):
        def __call__(self, jobs: list[WideJob], what: str) -> list[dict[str, Any]]:
            out = super().__call__(jobs, what)
            for job, one in zip(jobs, out, strict=True):
                one["totals"]["deaths"] += float(np.random.default_rng([job.replicate, len(job.label)]).normal(0, 300))
            return out

    found = evaluate_methods(scenario, methods=["pro_rata", "static"], replicates=4, effects=invented, runner=Noisy(), progress=False, cache=False)
    row = found.against("static").set_index("against").to_dict("index")["pro_rata"]
    assert row["verdict"] == "not told apart"
    assert "replicates would tell" in row["why"] and "% of staff stands" in row["why"]


def test_more_assets_and_the_published_pattern(scenario: Scenario, invented: EffectCurves, monkeypatch: pytest.MonkeyPatch) -> None:
    from countersmuggling.optimise.adaptive import valuing

    double = more_assets(scenario, 2.0)
    assert double.resources.posts["border_guard"].available == 2 * scenario.resources.posts["border_guard"].available
    assert double.resources.budgets["europol"][2025] == 2 * scenario.resources.budgets["europol"][2025]
    monkeypatch.setattr(valuing, "measure_effects", lambda *_, **__: invented)
    found = assets_pattern(scenario, (0.5, 2.0), replicates=4, runner=Counting(), progress=False, cache=False)
    table = found.table.set_index("assets").to_dict("index")
    assert table[2.0]["posts"] > table[0.5]["posts"] > 0
    assert table[2.0]["interceptions"] > table[0.5]["interceptions"] > 0 == table[0.0]["interceptions"]
    assert found.seen["more in total"] == "yes"
    assert found.seen["as many or more places"].startswith(("yes", "no"))
    assert table[0.0]["fronts_used"] == 3


def test_a_killed_valuation_goes_on_where_it_stood(scenario: Scenario) -> None:
    """Answers are kept one by one: after an interruption only what is missing is carried out."""
    small = scenario.model_copy(update={
        "horizon": scenario.horizon.model_copy(update={"end": scenario.horizon.start.replace(month=2), "burn_in_days": 0}),
        "model": scenario.model.model_copy(update={"persons_per_agent": 5000.0, "networks": 10})})
    jobs = [WideJob(small, k, _nobody(), "none") for k in range(3)]
    first = KeptRuns(workers=1, progress=False)
    one = first.run(jobs[:2], "")
    assert first.made == 2
    again = KeptRuns(workers=1, progress=False)
    seen = again.run(jobs, "")
    assert again.made == 1 and again.asked == 3
    assert seen[0] == one[0]
    accounts, totals = seen[0]["accounts"], seen[0]["totals"]
    assert accounts["departures"] == totals["departures"]
    fronts = sum(v for label, v in seen[0]["by_place"]["attempts"].items() if " by " in label)
    assert fronts == pytest.approx(totals["attempts"])
    other = small.model_copy(update={"seed": 7})
    assert KeptRuns.name_of(WideJob(other, 0, _nobody(), "")) != KeptRuns.name_of(WideJob(small, 0, _nobody(), ""))
    assert KeptRuns.name_of(WideJob(small, 0, _nobody(), "called otherwise")) == KeptRuns.name_of(jobs[0])


def test_nonsense_is_refused(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="no method 'astrology'"):
        evaluate_methods(scenario, methods=["astrology"])
