"""Every lever alone: it moves the parameters it names and nothing else, and over paired runs what evidence says it moves.

The expected directions are those of the evidence table in docs/levers.md; where evidence says that a lever hardly
matters (longer sentences barely deter), the test holds the outcome within a small band instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.policy import DIALS, EFFECTS
from countersmuggling.scenarios import LEVERS, Scenario, load

ON = "2025-01-01"
SETTINGS: dict[str, dict[str, Any]] = {
    "penalties": {"floor_basic_years": 3, "floor_aggravated_years": 10, "floor_death_years": 15},
    "europol_deployments": {"posts": 50, "reserve_pool": 30},
    "task_forces": {"number": 30},
    "biometrics": {"kits": 200},
    "legal_pathways": {"places_per_year": 60_000},
    # small effects, tried at the largest intensity so that two runs show them
    "member_state_capacity": {"intensity": 3.0},
    "campaigns": {"intensity": 3.0},
}


@dataclass(frozen=True)
class Run:
    """Totals of one run and the state that its last day left."""

    totals: dict[str, float]
    state: dict[str, float]


def scenario(**levers: dict[str, Any]) -> Scenario:
    content = load("baseline-2025").model_dump(by_alias=True, mode="json", exclude_none=True)
    content["horizon"] = {"start": ON, "end": "2025-10-31", "burn_in_days": 90}
    # courts with cases waiting, as only there more throughput can show
    content["uncertainties"] = {"draw": "central", "parameters": {"prosecution.utilisation": 1.1}}
    content["model"] = {"persons_per_agent": 50}
    content["levers"] = {name: {"on": ON, **setting} for name, setting in levers.items()}
    return Scenario.model_validate(content)


def run(assumptions: Scenario, replicate: int) -> Run:
    model = SmugglingModel(assumptions, replicate=replicate)
    totals = model.run().totals()
    work = model.casework
    external = model.geography.external
    air = model.geography.by_air
    wrong = np.abs(model.beliefs.stopped - model._chance[None, :])
    attempts = model.tally.attempts.sum(axis=0)
    sea = model.geography.by_sea
    state = {
        "linked_items": float(work.linked.sum() / max(work.held.sum(), 1e-9)),
        "link": float(work.link.mean()),
        "shared_items": float(work.shared.sum() / max(work.held.sum(), 1e-9)),
        "items": float(work.held.sum()),
        "supported": float(np.count_nonzero(work.supported)),
        "belief_error": float(wrong[:, external].mean()),
        "stopped_per_attempt": float(
            model.tally.interceptions.sum(axis=0)[external].sum() / attempts[external].sum()
        ),
        "attempts_by_air": float(attempts[air].sum() / attempts.sum()),
        # the chance that those who set out by sea met, not the few deaths that were drawn
        "deaths_at_sea": float((attempts * model._death_year)[sea].sum() / attempts[sea].sum()),
        "years": float(np.mean([m.years_served for m in model.member_states])),
        "seized_rate": model.recovery_rate(0),
    }
    return Run(totals, state)


@pytest.fixture(scope="module")
def baseline() -> list[Run]:
    return [run(scenario(), r) for r in range(2)]


@pytest.fixture(scope="module")
def without() -> Iterator[SmugglingModel]:
    model = SmugglingModel(scenario())
    yield model
    model.release()


def short(levers: dict[str, Any]) -> Scenario:
    content = scenario(**levers).model_dump(by_alias=True, mode="json", exclude_none=True)
    content["horizon"] = {"start": ON, "end": "2025-02-28", "burn_in_days": 0}
    content["model"] = {"persons_per_agent": 400, "networks": 60}
    return Scenario.model_validate(content)


@pytest.fixture(scope="module")
def nothing() -> pd.DataFrame:
    return SmugglingModel(short({})).run().outcomes


def ratio(name: str) -> Callable[[Run, Run], float]:
    def change(option: Run, base: Run) -> float:
        of = option.totals if name in option.totals else option.state
        to = base.totals if name in base.totals else base.state
        return of[name] / to[name] - 1.0

    return change


# lever -> (figure, least change, largest change) in both of two paired runs
EXPECTED: dict[str, list[tuple[str, float, float]]] = {
    "prosecution": [("convictions", 0.05, 1.0), ("case_backlog", -0.9, -0.02)],
    # severity barely deters: sentences rise by a third and more, departures and crossings stay within one per cent
    "penalties": [("years", 0.05, 2.0), ("departures", -0.02, 0.02), ("irregular_crossings", -0.02, 0.02)],
    "jurisdiction": [("linked_items", 0.0005, 0.5)],
    "member_state_capacity": [("networks_dismantled", 0.0, 1.0), ("arrests", 0.001, 0.5)],
    # better reporting: more of what is detected is reported, hardly any other crossings or detections
    "data_reporting": [("reported_detections", 0.01, 0.4), ("detections", -0.03, 0.03),
                       ("irregular_crossings", -0.03, 0.03)],
    "europol_centre": [("link", 0.1, 1.0), ("linked_items", 0.01, 2.0)],
    "interagency_cooperation": [("convictions", 0.01, 0.5), ("case_backlog", -0.9, -0.01)],
    "information_sharing": [("shared_items", 0.2, 3.0), ("linked_items", 0.05, 3.0)],
    "europol_deployments": [("items", 0.05, 1.0), ("networks_dismantled", 0.0, 1.0)],
    "task_forces": [("supported", 0.2, 5.0)],
    "financial_investigation": [("seized_rate", 0.9, 1.1), ("smuggler_profit_eur", -0.2, -0.0001)],
    "biometrics": [("link", 0.05, 1.0)],
    # more is stopped, fewer leave and cross, and the way becomes more dangerous per attempt
    "partner_cooperation": [
        ("stopped_per_attempt", 0.005, 0.5), ("departures", -0.3, -0.005), ("irregular_crossings", -0.4, -0.02),
        ("deaths_at_sea", 0.005, 0.5),
    ],
    "campaigns": [("belief_error", -0.5, -0.01), ("departures", -0.03, 0.03)],
    "root_causes": [("departures", -0.05, -0.005)],
    "legal_pathways": [("legal_pathway_admissions", 0.3, 3.0)],
    # lives are saved; arrivals move little (evidence on a pull effect is mixed)
    "search_and_rescue": [("deaths_at_sea", -0.4, -0.1), ("irregular_crossings", -0.03, 0.08)],
    "transport_and_visa": [("attempts_by_air", -0.5, -0.02)],
}  # fmt: skip


def test_every_lever_is_tried() -> None:
    assert set(EXPECTED) == set(LEVERS)


@pytest.mark.parametrize("lever", list(EXPECTED))
def test_lever_alone_moves_what_the_evidence_says(lever: str, baseline: list[Run]) -> None:
    option = scenario(**{lever: SETTINGS.get(lever, {})})
    for replicate, base in enumerate(baseline):
        changed = run(option, replicate)
        for figure, least, most in EXPECTED[lever]:
            change = ratio(figure)(changed, base)
            assert least <= change <= most, f"{lever}: {figure} changed by {change:+.2%}"


@pytest.mark.parametrize("lever", list(EXPECTED))
def test_lever_alone_moves_its_dials_and_no_other(lever: str, without: SmugglingModel) -> None:
    moved = SmugglingModel(scenario(**{lever: SETTINGS.get(lever, {})}))
    day = moved.assumptions.horizon.end
    before, after = without._policy.dials(day), moved._policy.dials(day)
    own = {effect.dial for effect in EFFECTS if effect.lever == lever}
    for dial in DIALS:
        same = np.array_equal(before[dial], after[dial])
        assert same != (dial in own), f"{lever}: dial {dial} {'stayed' if same else 'moved'}"
    moved.release()


@pytest.mark.parametrize("lever", list(EXPECTED))
def test_inert_lever_changes_nothing_to_the_bit(lever: str, nothing: pd.DataFrame) -> None:
    inert = short({lever: {**SETTINGS.get(lever, {}), "intensity": 0.0}})
    assert nothing.equals(SmugglingModel(inert).run().outcomes)
