"""Invariants: each is broken on purpose, and the error names day, quantity and place."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import InvariantViolated, Job, RunFailed, SmugglingModel, run_many, run_one
from countersmuggling.scenarios import Scenario

LEVERS = {
    "europol_deployments": {"on": "2024-01-01", "posts": 50, "reserve_pool": 20},
    "biometrics": {"on": "2024-01-01", "kits": 30},
    "legal_pathways": {"on": "2024-01-01", "places_per_year": 50_000, "price_eur": 3000},
}
DAYS = 12


@pytest.fixture(scope="module")
def model(make_scenario: Callable[..., Scenario]) -> SmugglingModel:
    made = SmugglingModel(make_scenario(levers=LEVERS), check_invariants=True)
    for _ in range(DAYS):
        made.step()
    made.day -= 1  # as at the end of the day that was simulated last
    return made


@pytest.fixture
def sound(model: SmugglingModel) -> Iterator[SmugglingModel]:
    """The model, which must be sound before and, when what was broken is mended, after."""
    check(model)
    yield model
    check(model)


def check(model: SmugglingModel) -> None:
    assert model._invariants is not None
    model._invariants.check()


def found(model: Any, path: str) -> tuple[Any, str]:
    *parts, last = path.split(".")
    for part in parts:
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model, last


NAN = float("nan")
#: what is broken, at which index, to what; the words of the error
BROKEN: list[tuple[str, Any, float, str]] = [
    ("_entered", 3, 1e9, "travellers who entered"),
    ("tally.settled", (2, 4), 1e9, "travellers who entered"),
    ("tally.gave_up", 2, -400.0, "travellers who entered"),
    ("tally.applied", 1, 1e8, "applicants for a legal pathway"),
    ("_rows.due", 0, 3, "next day of a traveller"),
    ("_rows.state", 0, 9, "state of a traveller"),
    ("_rows.hub", 0, -2, "hub of a traveller"),
    ("_rows.left", 0, NAN, "money left to a traveller"),
    ("tally.interceptions", (0, 5), 1e9, "successes"),
    ("tally.crossings", (0, 5), 1e9, "crossings of an external border"),
    ("tally.detections", (0, 5), 1e9, "crossings without detections"),
    ("tally.first_detections", (0, 5), 1e9, "detections without first_detections"),
    ("tally.carried", 0, 1e9, "persons whom networks carried"),
    ("tally.takings", 0, 1e12, "EUR that networks take"),
    ("tally.ransom", 0, 1e12, "EUR that networks take"),
    ("tally.held", 0, -1.0, "held so far"),
    ("tally.evidence", (0, 0), NAN, "evidence so far"),
    ("tally.wanted", 0, -1.0, "wanted, of the day"),
    ("_chance", 7, 1.01, "chance of interception"),
    ("_death", 7, NAN, "chance of death"),
    ("_detection", 7, -0.1, "chance of detection"),
    ("_admit", 0, 2.0, "an application is granted"),
    ("visas.offer", 0, -0.5, "a visa is for sale"),
    ("_menu", (0, 3), 1.1, "cumulative chance of a leg"),
    ("_shares.leave", (0, 0), 0.99999, "share who do not stay"),
    ("_shares.fallback", 0, 1.2, "after a refusal"),
    ("beliefs.stopped", (0, 0), 1.5, "belief of chance (stopped)"),
    ("beliefs.fee", (0, 0), -1.0, "belief (fee)"),
    ("beliefs.heard", (0, 0), NAN, "share who heard"),
    ("dials.conviction", 2, 1.2, "dial conviction"),
    ("_flow", 0, -1.0, "flow of late"),
    ("market.fee_factor", 0, NAN, "fee_factor"),
    ("market.capacity", 0, -1.0, "capacity on a corridor"),
    ("firms.at_work", 0, 10_000, "neither at work nor waiting"),
    ("firms.at_work", 0, -1, "networks at work"),
    ("firms.capacity", 0, -1.0, "capacity"),
    ("firms.facilitators", 0, 1e6, "facilitators missing"),
    ("firms.facilitators", 0, -1.0, "facilitators"),
    ("firms.capital", 0, NAN, "capital"),
    ("staff.investigator", 4, -1.0, "staff (investigator)"),
    ("added_staff.analyst", 4, 60.0, "staff placed"),
    ("added_staff.reserve_officer", 4, 60.0, "staff placed"),
    ("added_staff.biometric_kit", 4, 60.0, "staff placed"),
    ("europol.analysts", 4, 500.0, "Europol analysts at work"),
    ("frontex.share", 4, 2.0, "standing corps"),
    ("casework.held", (0, 0), -1.0, "evidence held"),
    ("casework.shared", (0, 0), -1.0, "evidence (shared)"),
    ("casework.strength", (0, 0), 1.5, "strength of a case"),
    ("casework.link", 0, -0.5, "share of links found"),
    ("reporting.weekly", 0, -1.0, "reports a week"),
]


@pytest.mark.parametrize(("path", "index", "wrong", "words"), BROKEN, ids=[f"{b[0]}={b[2]:g}" for b in BROKEN])
def test_a_broken_array_is_told(sound: SmugglingModel, path: str, index: Any, wrong: float, words: str) -> None:
    owner, name = found(sound, path)
    values = owner[name] if isinstance(owner, dict) else getattr(owner, name)
    before = values[index]
    values[index] = wrong
    try:
        with pytest.raises(InvariantViolated, match=r"on 2024-12-12: ") as caught:
            check(sound)
    finally:
        values[index] = before
    assert words in caught.value.quantity and words in str(caught.value)
    assert caught.value.day == dt.date(2024, 12, 12)
    unique = {"standing corps", "Europol analysts", "EUR that", "persons whom", "hub of", "state of", "money"}
    if not any(u in words for u in unique):
        assert caught.value.place and caught.value.place in str(caught.value)


@pytest.mark.parametrize(
    ("path", "wrong", "words"),
    [
        ("member_states.3.investigators", -1.0, "investigators at home"),
        ("member_states.3.prosecutors", NAN, "prosecutors"),
        ("member_states.3.cases.busy", 1e9, "staff time on duty and not at work (investigations)"),
        ("member_states.3.court.busy", 1e9, "staff time on duty and not at work (prosecutions)"),
        ("member_states.3.court.waiting", -1, "cases that wait (prosecutions)"),
        ("europol.task_forces.at_work", [(0, 0)] * 5000, "networks without a task force"),
        ("firms.returning", [(0, 0)] * 5000, "neither at work nor waiting"),
    ],
)
def test_a_broken_figure_is_told(
    sound: SmugglingModel, monkeypatch: pytest.MonkeyPatch, path: str, wrong: Any, words: str
) -> None:
    owner, name = found(sound, path)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, wrong)
        with pytest.raises(InvariantViolated) as caught:
            check(sound)
    assert words in caught.value.quantity
    if path.startswith("member_states"):
        assert caught.value.place == sound.member_states[3].name


def test_the_place_is_named_by_group_and_leg(sound: SmugglingModel) -> None:
    g, t = sound.geography, sound.tally
    group, leg = 4, int(np.flatnonzero(g.external)[3])
    t.paid[group, leg] += 1e6
    with pytest.raises(InvariantViolated) as caught:
        check(sound)
    t.paid[group, leg] -= 1e6
    assert caught.value.place == f"{g.groups[group]} on {g.legs['leg'][leg]}"


class LosesSomebody(SmugglingModel):
    """On the ninth day a traveller drops out of the books."""

    def _move_travellers(self) -> None:
        super()._move_travellers()
        if self.day == 8:
            self.under_way -= 1


def test_a_model_that_loses_a_traveller_is_stopped_on_that_day(make_scenario: Callable[..., Scenario]) -> None:
    scenario = make_scenario()
    LosesSomebody(scenario).run()  # unnoticed
    with pytest.raises(InvariantViolated, match="travellers who entered") as caught:
        LosesSomebody(scenario, check_invariants=True).run()
    assert caught.value.day == scenario.horizon.start - dt.timedelta(days=scenario.horizon.burn_in_days - 8)
    crossed = pickle.loads(pickle.dumps(caught.value))  # as from a worker process
    assert str(crossed) == str(caught.value) and crossed.place == caught.value.place


def test_checking_changes_no_figure(finished: Any) -> None:
    checked = run_one(Job(finished.scenario, 0, check_invariants=True))
    pd.testing.assert_frame_equal(checked.outcomes, finished.output.outcomes, check_exact=True)


def test_shares_of_posts_that_add_up_to_more_than_all_stay_within_the_pool(
    make_scenario: Callable[..., Scenario],
) -> None:
    shares = {"lever.europol_deployments.officer_share": 0.9, "lever.europol_deployments.analyst_share": 0.7}
    scenario = make_scenario(levers=LEVERS, uncertainties={"parameters": shares})
    model = SmugglingModel(scenario, check_invariants=True)
    model.step()
    assert model.added_staff["analyst"].sum() + model.added_staff["deployed_officer"].sum() == pytest.approx(50.0)


def test_staff_above_the_scenarios_posts_is_told(make_scenario: Callable[..., Scenario]) -> None:
    """A plan that places more than there is stops the run, and the message names the run."""
    scenario = make_scenario(resources={"posts": {"analyst": {"available": 10}}})
    table = pd.DataFrame([("analyst", "ITA", "2024Q4", 11.0)], columns=["resource", "place", "quarter", "staff"])
    run_one(Job(scenario, 0, table))
    with pytest.raises(RunFailed, match=r"too many.*2024-12-01: staff placed of analyst is 11, above its pool of 10"):
        run_many([Job(scenario, 0, table, "too many", check_invariants=True)], 1, False)
