"""A planner inside the model: what it believes under each regime, and that its plans keep the limits."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import Observation, SmugglingModel
from countersmuggling.optimise.adaptive.rolling import (
    REGIMES,
    RollingJob,
    RollingPlanner,
    _worth,
    alone,
    informed,
    observe_rolling,
)
from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effects import EffectCurves, place_groups, workload
from countersmuggling.optimise.evaluation import NOBODY, WEIGHTED, Evaluation
from countersmuggling.optimise.from_scenario import problem_from
from countersmuggling.scenarios import RESOURCES, Scenario, load, world

STATES = list(world().member_states["member_state"])


@pytest.fixture
def scenario() -> Scenario:
    base = load("baseline-2025")
    posts = {"border_guard": base.resources.posts["border_guard"]}
    return base.model_copy(update={
        "horizon": base.horizon.model_copy(update={"end": date(2025, 9, 30), "burn_in_days": 30}),
        "model": base.model.model_copy(update={"persons_per_agent": 2000.0, "networks": 20}),
        "resources": base.resources.model_copy(update={"posts": posts, "budgets": {}})})


@pytest.fixture
def even(invented: EffectCurves) -> EffectCurves:
    """The invented curves with as much work in every Member State."""
    seen = pd.DataFrame({"kind": "entries", "place": STATES, "amount": 1.0})
    cases = pd.concat([seen, seen.assign(kind="cases"), seen.assign(kind="sea")])
    national = [r for r, kind in RESOURCES.items() if kind.places == "member_state"]
    cells = invented.cells[invented.cells["resource"].isin(national)]
    return replace(invented, cells=cells, work=workload(national, cases))


def observation(reports: dict[str, float], truth: dict[str, float], quarter: str = "2025Q1") -> Observation:
    partners = list(world().partners["partner"])
    entries = np.array([truth.get(s, 0.0) for s in STATES] + [0.0] * len(partners))
    return Observation(
        date(2025, 1, 1), quarter,
        pd.DataFrame({"member_state": STATES, "reported_detections": [reports.get(s, 0.0) for s in STATES],
                      "reported_items": 1.0, "arrests_backlog": 0.0}),
        pd.DataFrame({"authority": STATES + partners, "entries": entries, "entries_by_sea": entries, "items": 1.0,
                      "departures": 1.0}))


def test_twice_the_work_stretches_the_curve_and_nothing_else(scenario: Scenario, even: EffectCurves) -> None:
    p = problem_from(scenario, even)
    group = place_groups()["ITA"]
    members = [s for s in STATES if place_groups()[s] == group]
    amount = pd.Series(1.0, index=STATES)
    amount[members] = 2.0  # all shares are of the sum: 2 / (27 + n) instead of 1 / 27
    seen = pd.DataFrame({"kind": "entries", "place": STATES, "amount": amount.to_numpy()})
    more = informed(p, even, {"deaths": 4.0}, seen)
    i = p.places.index("ITA")
    assert more.slope[0, i] == pytest.approx(p.slope[0, i])
    assert more.width[0, i, 0] / p.width[0, i, 0] == pytest.approx(2 * 27 / (27 + len(members)))


def test_what_each_regime_believes(scenario: Scenario, even: EffectCurves) -> None:
    """All that passes enters Greece; all that is reported comes from Italy."""
    seen = observation(reports={"ITA": 100.0}, truth={"GRC": 100.0})
    sent = {}
    for regime in REGIMES:
        table = RollingPlanner(scenario, even, regime)(seen)
        sent[regime] = set(table.loc[table["staff"] > 1e-6, "place"])
    assert sent["truth"] == {"GRC"}
    assert sent["shared"] == {"ITA"}
    assert len(sent["own"]) > 3


def test_a_state_asks_for_more_after_a_quarter_of_more_reports(scenario: Scenario, even: EffectCurves) -> None:
    planner = RollingPlanner(scenario, even, "own")
    level = dict.fromkeys(STATES, 10.0)
    planner(observation(level, level, "2025Q1"))
    first = planner.staff[0, :, 0].copy()
    doubled = {**level, "MLT": 40.0}
    planner(observation(doubled, level, "2025Q2"))
    planner(observation(doubled, level, "2025Q3"))
    malta = planner._problem.places.index("MLT")
    believed = planner._believed(observation(doubled, level), observation(doubled, level).reports.set_index("member_state"))
    entries = believed[believed["kind"] == "entries"].set_index("place")["amount"]
    assert entries["MLT"] / planner._key["MLT"] == pytest.approx(4.0)
    assert entries["ITA"] / planner._key["ITA"] == pytest.approx(1.0)
    assert planner.staff[0, malta, 2] >= first[malta] - 1e-9
    assert planner.staff.sum(axis=1).max() <= planner._problem.available.max() + 1e-6


@pytest.mark.parametrize("regime", REGIMES)
def test_in_the_model_every_quarter_is_planned_once(scenario: Scenario, even: EffectCurves, regime: str) -> None:
    planner = RollingPlanner(scenario, even, regime)  # type: ignore[arg-type]
    totals = SmugglingModel(scenario, planner=planner).run().totals()
    assert totals["irregular_crossings"] > 0
    used = planner.staff.sum(axis=(0, 1))
    assert (used[1:] > 0).all() and (used <= planner._problem.available.sum(axis=0) + 1e-6).all()


def test_nonsense_is_refused(scenario: Scenario, even: EffectCurves) -> None:
    with pytest.raises(ValueError, match="no information regime 'gossip'"):
        RollingPlanner(scenario, even, "gossip")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="how much work"):
        RollingPlanner(scenario, replace(even, work=even.work.drop(columns="total")), "truth")


def test_worth_by_hand() -> None:
    """A static plan of ten posts avoids 100 points; sharing avoids 20 more than own reports: two posts' worth."""
    level = {NOBODY: 0.0, "rolling, truth": -130.0, "rolling, shared": -120.0, "rolling, own": -100.0, "static": -100.0,
             "alone": -60.0, "pro_rata": -50.0}
    index = pd.MultiIndex.from_product([list(level), [0, 1]], names=["placement", "replicate"])
    totals = pd.DataFrame({WEIGHTED: [v + k for v in level.values() for k in (0.0, 1.0)]}, index=index)
    worth = _worth(Evaluation(totals, {}), 10.0).set_index("what")
    assert worth["points"].to_dict() == {
        "reporting without gaps and delay": -10.0, "sharing of reports": -20.0,
        "coordination by the Centre": -40.0, "planning anew every quarter": -20.0, "planning at all": -70.0}
    assert worth["posts"].to_list() == pytest.approx([1.0, 2.0, 4.0, 2.0, 7.0])


def test_regimes_are_different_runs(scenario: Scenario, even: EffectCurves) -> None:
    """What is kept of one regime's run is not taken for another's."""
    from countersmuggling.model.kept_runs import _name

    names = {_name(RollingJob(scenario, 0, None, effects=even, information=regime), observe_rolling) for regime in REGIMES}
    assert len(names) == len(REGIMES)
    assert _name(RollingJob(scenario, 0, None, "called otherwise", effects=even, information="own"), observe_rolling) in names


def test_without_a_centre_each_state_keeps_its_key(scenario: Scenario, even: EffectCurves) -> None:
    allocation = build(problem_from(scenario, even))
    table = alone(allocation)
    last = table[table["quarter"] == table["quarter"].max()].set_index("place")["staff"]
    assert last.idxmax() in ("DEU", "FRA")
    assert last.sum() <= allocation.problem.available.max() + 1e-6
    assert {"MLT", "EST", "PRT"} <= set(last.index)
