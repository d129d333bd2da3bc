"""Every field of ``resources`` that a user can set in a scenario file, in a file in which it binds.

Each case is two files that differ in one field.  The tight one has a worse plan, and the limit that the field sets is
tight and has a price; with whole numbers, which have no prices, the plan's value and shape must tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from countersmuggling.optimise.allocation import AllocationModel, build
from countersmuggling.optimise.effects import EffectCurves
from countersmuggling.optimise.from_scenario import problem_from
from countersmuggling.optimise.prices import dust_of
from countersmuggling.optimise.solving import Solution, solve
from countersmuggling.scenarios import RESOURCES, load
from countersmuggling.scenarios.schema import Host, Post, Resources, Rules

FREE: dict[str, Any] = {
    "name": "free", "horizon": {"start": "2025-01-01", "end": "2026-12-31"},
    "outcomes": {"deaths": {"weight": 4.0}, "cost_eur": {"weight": 1.0e-6}}, "resources": {"posts": {}}}
"""A file without any limit; costs count."""


def merged(base: Any, change: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


class Planned:
    """A scenario file, planned: value, staff, and what its rows are worth."""

    def __init__(self, folder: Path, effects: EffectCurves, text: str, end: str = "2026-12-31") -> None:
        content = merged(FREE, {"resources": yaml.safe_load(text), "horizon": {"end": end}})
        path = folder / "free.yaml"
        path.write_text(yaml.safe_dump(content))
        self.allocation: AllocationModel = build(problem_from(load(path), effects))
        self.solution: Solution = solve(self.allocation.model, "scipy")
        self.value = self.allocation.objective(self.solution.x)
        self.staff = self.allocation.staff(self.solution.x)

    def of(self, resource: str) -> Any:
        """Staff of a type (P, T)."""
        return self.staff[self.allocation.problem.resources.index(resource)]

    def priced(self, kind: str) -> int:
        """How many rows of a kind are tight and have a price above the tie-break's."""
        model = self.allocation.model
        rows = model.row_block(kind).indices
        activity = model.matrix @ self.solution.x
        limit = np.where(np.isfinite(model.row_upper), model.row_upper, model.row_lower)
        tight = np.abs(activity - limit)[rows] <= 1e-6 * (1 + np.abs(limit[rows]))
        return int((tight & (np.abs(self.solution.dual[rows]) > 10 * dust_of(self.allocation))).sum())


ANALYSTS = "posts: {analyst: {available: 12}}"
OFFICERS = "posts: {deployed_officer: {available: 12}}"
KEYED = "posts: {prosecutor: {available: 400}}, hosts: {default: {absorb: 100}}"

CASES: dict[str, tuple[str, str, str]] = {
    # field: (kind of row, a file in which it is tight, the same with it looser)
    "posts.from": ("lead", "posts: {analyst: {available: 12, from: 2025-08-15}}", ANALYSTS),
    "posts.hire_lead_quarters": ("lead", "posts: {analyst: {available: 12, hire_lead_quarters: 3}}", ANALYSTS),
    "posts.hires_per_quarter": ("joiners", "posts: {analyst: {available: 12, hires_per_quarter: 1}}", ANALYSTS),
    "posts.training_quarters": (
        "training", "posts: {investigator: {available: 12, hire_lead_quarters: 1, training_quarters: 1}}",
        "posts: {investigator: {available: 12, hire_lead_quarters: 1}}"),
    "posts.training_places": (
        "training_places",
        "posts: {investigator: {available: 12, hire_lead_quarters: 1, training_quarters: 1, training_places: 2}}",
        "posts: {investigator: {available: 12, hire_lead_quarters: 1, training_quarters: 1}}"),
    "posts.quarters_per_year": (
        "year_use", "posts: {reserve_officer: {available: 12, quarters_per_year: 2}}", "posts: {reserve_officer: {available: 12}}"),
    "pools.available": (
        "shared_pool",
        "posts: {analyst: {available: 12}, prosecutor: {available: 12}}, pools: {both: {types: [analyst, prosecutor], available: 7}}",
        "posts: {analyst: {available: 12}, prosecutor: {available: 12}}, pools: {both: {types: [analyst, prosecutor], available: 9}}"),
    "budgets": (
        "budget", ANALYSTS + ", budgets: {europol: {2025: 4.0e+5, 2026: 4.0e+5}}",
        ANALYSTS + ", budgets: {europol: {2025: 4.0e+5, 2026: 6.0e+5}}"),
    "budgets of one year": (
        "budget", ANALYSTS + ", budgets: {europol: {2025: 4.0e+5}}", ANALYSTS + ", budgets: {europol: {2025: 4.0e+5, 2026: 1.0e+5}}"),
    "budgets of another heading": (
        "budget", "posts: {liaison_officer: {available: 9}, analyst: {available: 9}}, budgets: {external: {2025: 2.0e+5, 2026: 2.0e+5}}",
        "posts: {liaison_officer: {available: 9}, analyst: {available: 9}}, budgets: {europol: {2025: 9.0e+6, 2026: 9.0e+6}}"),
    "carry_over": (
        "carry_most", ANALYSTS + ", budgets: {europol: {2025: 4.0e+6, 2026: 1.0e+5}}, carry_over: {europol: 0.02}",
        ANALYSTS + ", budgets: {europol: {2025: 4.0e+6, 2026: 1.0e+5}}, carry_over: {europol: 0.1}"),
    "hosts.absorb": (
        "absorb", ANALYSTS + ", hosts: {default: {absorb: 1}}", ANALYSTS + ", hosts: {default: {absorb: 2}}"),
    "hosts.absorb of one place": (
        "absorb", ANALYSTS + ", hosts: {GRC: {absorb: 0}, ITA: {absorb: 0}, MLT: {absorb: 0}, CYP: {absorb: 0}, ESP: {absorb: 0}, "
        "BGR: {absorb: 0}, HRV: {absorb: 0}, HUN: {absorb: 0}, SVN: {absorb: 0}, ROU: {absorb: 0}, POL: {absorb: 0}}", ANALYSTS),
    "hosts.absorb of a partner country": (
        "absorb", ("posts: {liaison_officer: {available: 30}}, hosts: {TUN: {absorb: 0}, LBY: {absorb: 0}, TUR: {absorb: 0}, "
        "DZA: {absorb: 0}, MAR: {absorb: 0}, EGY: {absorb: 0}}"), "posts: {liaison_officer: {available: 30}}"),
    "hosts.minimum": ("minimum", ANALYSTS + ", hosts: {FIN: {absorb: 12, minimum: {analyst: 9}}}",
                      ANALYSTS + ", hosts: {FIN: {absorb: 12, minimum: {analyst: 3}}}"),
    "hosts.consent": (
        "consent", OFFICERS + ", hosts: {default: {absorb: 99, consent: false}, SWE: {absorb: 99}}", OFFICERS),
    "rules.ramp_per_quarter": ("ramp_up", ANALYSTS + ", rules: {ramp_per_quarter: 0.2}", ANALYSTS),
    "rules.rotation_quarters": ("stay_most", OFFICERS + ", rules: {rotation_quarters: 1}", OFFICERS),
    "rules.notice_quarters": (
        "notice", "posts: {deployed_officer: {available: 8, hires_per_quarter: 1}}, rules: {rotation_quarters: 1, notice_quarters: 1}",
        "posts: {deployed_officer: {available: 8, hires_per_quarter: 1}}, rules: {rotation_quarters: 1}"),
    "rules.joint_team_ratio": (
        "team_investigators", "posts: {deployed_officer: {available: 60}}, rules: {joint_team_ratio: 90}",
        "posts: {deployed_officer: {available: 60}}, rules: {joint_team_ratio: 9}"),
    "rules.solidarity_cap": (
        "spare", f"{KEYED}, rules: {{solidarity_cap: 0.01}}", f"{KEYED}, rules: {{solidarity_cap: 0.05}}"),
    "rules.key_band": (
        "key_most", f"{KEYED}, rules: {{solidarity_cap: 0.05, key_band: 0}}", f"{KEYED}, rules: {{solidarity_cap: 0.05, key_band: 2}}"),
    "rules.key": (
        "key_most", f"{KEYED}, rules: {{solidarity_cap: 0.05, key_band: 0, key: gdp}}",
        f"{KEYED}, rules: {{solidarity_cap: 0.05, key_band: 0, key: population}}"),
    "rules.key_least": (
        "key_least", f"{KEYED}, rules: {{solidarity_cap: 0.01, key_band: 2, key_least: 1}}",
        f"{KEYED}, rules: {{solidarity_cap: 0.01, key_band: 2, key_least: 0.1}}"),
}

WHOLE: dict[str, tuple[str, str]] = {
    "posts.integer": ("posts: {analyst: {available: 2.6, integer: true}}", "posts: {analyst: {available: 2.6}}"),
    "posts.set_up_eur": (
        "posts: {task_force_team: {available: 3, set_up_eur: 3.0e+6}}", "posts: {task_force_team: {available: 3, set_up_eur: 0}}"),
    "posts.lasts_quarters": (
        "posts: {task_force_team: {available: 3, set_up_eur: 5.0e+5, lasts_quarters: 1}}",
        "posts: {task_force_team: {available: 3, set_up_eur: 5.0e+5, lasts_quarters: 2}}"),
    "posts.least_team": (
        "posts: {task_force_team: {available: 3.5, set_up_eur: 0, least_team: 2}}",
        "posts: {task_force_team: {available: 3.5, set_up_eur: 0}}"),
}
SHORT = "2025-06-30"
"""Two quarters are enough to see whole numbers at work, and quickly solved."""


@pytest.fixture
def planned(tmp_path: Path, invented_everywhere: EffectCurves) -> Any:
    return lambda text, **horizon: Planned(tmp_path, invented_everywhere, f"{{{text}}}", **horizon)


@pytest.mark.parametrize("field", list(CASES))
def test_the_field_binds(field: str, planned: Any) -> None:
    kind, tight, loose = CASES[field]
    bound, free = planned(tight), planned(loose)
    assert bound.value > free.value + 0.01, "a tighter limit costs something"
    assert bound.priced(kind) > 0


@pytest.mark.parametrize("field", list(WHOLE))
def test_the_field_binds_with_whole_numbers(field: str, planned: Any) -> None:
    tight, loose = WHOLE[field]
    bound, free = planned(tight, end=SHORT), planned(loose, end=SHORT)
    assert bound.value > free.value + 0.01
    assert bound.allocation.model.integer.any()


def test_what_whole_posts_set_up_work_and_least_teams_look_like(planned: Any) -> None:
    whole = planned(WHOLE["posts.integer"][0], end=SHORT).of("analyst")
    assert whole == pytest.approx(np.round(whole)) and whole.sum(axis=0) == pytest.approx(2)
    team = planned(WHOLE["posts.least_team"][0], end=SHORT).of("task_force_team")
    assert team[team > 1e-6].min() >= 2 - 1e-6
    set_up = planned(WHOLE["posts.lasts_quarters"][0], end=SHORT)
    started = set_up.allocation.values("started", set_up.solution.x)
    at_work = (set_up.of("task_force_team") > 1e-6).sum()
    assert at_work > 0 and started.sum() >= at_work - 1e-6, "anew every quarter"


def test_posts_of_every_type_are_worth_having(planned: Any) -> None:
    """All thirteen types in one file, little of each: one more of any would help, and goes where the type works."""
    text = ", ".join(f"{name}: {{available: 2, set_up_eur: 0}}" for name in RESOURCES)
    made = planned(f"posts: {{{text}}}")
    model = made.allocation.model
    block = model.row_block("pool")
    dual = model.frame(block, made.solution.dual)
    worth = dual.groupby("resource")["value"].min()
    assert set(worth.index) == set(RESOURCES)
    assert (worth < -1e-3).all()
    p = made.allocation.problem
    for name, info in RESOURCES.items():
        used = [p.places[i] for i in np.flatnonzero(made.of(name).sum(axis=1) > 1e-6)]
        assert used, name
        abroad = [place for place in used if place not in p.places[:27]]
        assert (abroad == used) if info.places == "partner" else not abroad


def test_contributions_come_from_the_states_with_the_key(planned: Any) -> None:
    """By population Germany gives 83/449 of what is drawn, within the band; nobody gives more than can be spared."""
    made = planned(f"{KEYED}, rules: {{solidarity_cap: 0.05, key_band: 0.1, key: population}}")
    given = made.allocation.values("contributed", made.solution.x)[0, :27]
    employed = made.allocation.values("employed", made.solution.x)[0]
    key = made.allocation.problem.key
    assert key is not None
    assert (given <= 1.1 * key.share[0, :27, None] * employed + 1e-6).all()
    assert given.sum(axis=0) == pytest.approx(employed)
    assert (given - made.of("prosecutor")[:27] <= key.spare[0, :27, None] + 1e-6).all()


def test_every_field_of_resources_is_here() -> None:
    """A new field needs a case above."""
    told = {field.split(" ")[0] for field in (*CASES, *WHOLE)}
    fields = {f"posts.{f.alias or name}" for name, f in Post.model_fields.items()}
    fields |= {f"hosts.{name}" for name in Host.model_fields} | {f"rules.{name}" for name in Rules.model_fields}
    fields |= set(Resources.model_fields) - {"posts", "hosts", "rules", "pools"} | {"pools.available"}
    assert fields - told == {"posts.available"}, "which the test of all types has"
