"""`check` tells every problem at once, each at its place, with what was expected and the nearest valid name."""

from pathlib import Path

import pytest

from countersmuggling.scenarios import Problem, check

MANY = """\
extends: europol-regulation
horizn: {}
levers:
  europol_centre: {on: 2027-01-01, off: 2026-01-01, ramp: 3}
  biometrics:
    kits: lots
    intensity: .inf
  penaltis: {on: 2025-01-01}
  member_state_capacity: {on: NO, member_states: [Italy, DE, XXX]}
  task_force: null
resources:
  posts: {analist: {available: 1}, analyst: {available: -3}}
  budgets: {europol: {20x5: 3, 2026: 1_000}}
outcomes: {irregular_crossing: {weight: 1}}
events:
  - {kind: border_closed, on: 2025-01-01, int: GRC, strength: 2}
  - {kind: border_close, on: 2025-01-01}
  - 7
replicates: 0
seed: 1.5
"""

EXPECTED = [
    (2, 1, "horizn", "unknown field", "horizon"),
    (4, 41, "levers.europol_centre.off", "dates out of order", None),
    (4, 53, "levers.europol_centre.ramp", "unknown field", "ramp_days"),
    (6, 11, "levers.biometrics.kits", "expected a number, got the text 'lots'", None),
    (7, 16, "levers.biometrics.intensity", "expected a finite number, got .inf", None),
    (8, 3, "levers.penaltis", "unknown field", "penalties"),
    (9, 31, "levers.member_state_capacity.on", "expected a date such as", None),
    (9, 51, "levers.member_state_capacity.member_states[0]", "no Member State 'Italy'", "ITA"),
    (9, 58, "levers.member_state_capacity.member_states[1]", "no Member State 'DE'", "DEU"),
    (9, 62, "levers.member_state_capacity.member_states[2]", "no Member State 'XXX'", None),
    (10, 3, "levers.task_force", "unknown field", "task_forces"),
    (12, 11, "resources.posts.analist", "no resource type 'analist'", "analyst"),
    (12, 57, "resources.posts.analyst.available", "expected at least 0, got -3", None),
    (13, 23, "resources.budgets.europol.20x5", "expected a year such as 2026", None),
    (13, 38, "resources.budgets.europol.2026", "write 1000, without quotes", None),
    (14, 12, "outcomes.irregular_crossing", "no outcome", "irregular_crossings"),
    (16, 5, "events[0].into", "this field is required: Country (ISO3)", None),
    (16, 43, "events[0].int", "unknown field", "into"),
    (16, 63, "events[0].strength", "expected at most 1, got 2", None),
    (17, 12, "events[1].kind", "no kind of event 'border_close'", "border_closed"),
    (18, 5, "events[2]", "expected `field: value` lines below this field, got 7", None),
    (19, 13, "replicates", "expected at least 1, got 0", None),
    (20, 7, "seed", "expected a whole number, got 1.5", None),
]


def found(folder: Path, text: str) -> list[Problem]:
    (folder / "option.yaml").write_text(text, encoding="utf-8")
    return check(folder / "option.yaml")


def test_every_problem_at_once_in_order_and_in_place(tmp_path: Path) -> None:
    problems = found(tmp_path, MANY)
    assert [(p.line, p.column, p.path) for p in problems] == [row[:3] for row in EXPECTED]
    for problem, (_, _, path, words, suggestion) in zip(problems, EXPECTED, strict=True):
        assert words in problem.message, path
        assert problem.suggestion == suggestion, path
        assert problem.file == str(tmp_path / "option.yaml")


def test_a_line_of_the_report_reads_like_a_compilers(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, "extends: baseline-2025\nmodel:\n  networcs: 40\n")
    assert str(problem) == (
        f"{tmp_path / 'option.yaml'}:3:3: model.networcs: unknown field; expected one of persons_per_agent, demand_year, "
        "reference_year, departures, by_sea, networks, route_choice_interval_days, adaptation, behaviour; did you mean 'networks'?"
    )


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("horizon: {start: 2026-01-01, end: 2025-12-31}", "horizon.end", "out of order"),
        ("horizon: {start: 2010-12-31}", "horizon.start", "a date from 2011-01-01"),
        ("horizon: {start: 2011-02-01, end: 2011-03-01, burn_in_days: 400}", "horizon.burn_in_days", "at most 396 days"),
        ("horizon: {start: 2025-02-30}", "horizon.start", "expected a date such as"),
        ("horizon: {start: 2025-1-1}", "horizon.start", "expected a date such as"),
        ("horizon: {start: 20250101}", "horizon.start", "expected a date such as"),
        ("horizon: {burn_in_days: 2000}", "horizon.burn_in_days", "at most 1460"),
        ("levers: {penalties: {on: 2026-01-01, off: 2026-01-01}}", "levers.penalties.off", "out of order"),
        ("levers: {penalties: {on: 2026-01-01, intensity: 3.5}}", "levers.penalties.intensity", "at most 3"),
        (
            "levers: {penalties: {on: 2026-01-01, floor_basic_years: 9, floor_death_years: 5}}",
            "levers.penalties.floor_death_years",
            "floor_basic_years <= floor_aggravated_years",
        ),
        ("levers: {penalties: {off: 2026-01-01}}", "levers.penalties.on", "required: First day"),
        ("levers: {task_forces: {on: 2026-01-01}}", "levers.task_forces.number", "required"),
        ("levers: {task_forces: {on: 2026-01-01, number: true}}", "levers.task_forces.number", "expected a number, got true"),
        ("levers: {task_forces: 3}", "levers.task_forces", "lines below this field, got 3"),
        ("levers: {search_and_rescue: {on: 2026-01-01, routes: CMED}}", "levers.search_and_rescue.routes", "a list such as"),
        ("levers: {search_and_rescue: {on: 2026-01-01, routes: [MED]}}", "levers.search_and_rescue.routes[0]", "no route 'MED'"),
        ("levers: {search_and_rescue: {on: 2026-01-01, routes: []}}", "levers.search_and_rescue.routes", "at least one name"),
        ("levers: {search_and_rescue: {on: 2026-01-01, routes: [all, CMED]}}", "levers.search_and_rescue.routes", "not both"),
        ("levers: {search_and_rescue: {on: 2026-01-01, routes: [CMED, CMED]}}", "levers.search_and_rescue.routes", "twice"),
        ("levers: {campaigns: {on: 2026-01-01, origin_groups: [siria]}}", "levers.campaigns.origin_groups[0]", "no origin group"),
        ("levers: {partner_cooperation: {on: 2026-01-01, partners: [DEU]}}", "levers.partner_cooperation.partners[0]", "no partner"),
        ("model: {adaptation: yes}", "model.adaptation", "expected true or false, got the text 'yes'"),
        ("model: {networks: 19}", "model.networks", "at least 20"),
        ("model: {persons_per_agent: 0.5}", "model.persons_per_agent", "at least 1"),
        ("model: {demand_year: 1999}", "model.demand_year", "a year with published demand, 2011 to"),
        ("model: {reference_year: 2040}", "model.reference_year", "a year with published demand, 2011 to"),
        ("resources: {hosts: {GRC: {absorb: 2, minimum: {analyst: 3}}}}", "resources.hosts.GRC.minimum", "more than `absorb`"),
        ("resources: {hosts: {GRE: {absorb: 2}}}", "resources.hosts.GRE", "no Member State or partner country 'GRE'"),
        ("resources: {hosts: {GRC: {absorb: 9, minimum: {liaison_officer: 1}}}}", "resources.hosts.GRC.minimum.liaison_officer",
         "work in partner countries, not here"),
        ("resources: {hosts: {TUN: {absorb: 9, minimum: {analyst: 1}}}}", "resources.hosts.TUN.minimum.analyst",
         "work in Member States, not here"),
        ("resources: {posts: {analyst: {available: 1, hire_lead_quarters: 1, training_quarters: 2}}}",
         "resources.posts.analyst.training_quarters", "at most `hire_lead_quarters` (1)"),
        ("resources: {carry_over: {frontex: 0.1}}", "resources.carry_over.frontex", "has no budget"),
        ("resources: {carry_over: {europol: 1.1}}", "resources.carry_over.europol", "at most 1"),
        ("resources: {budgets: {europol: {2025: -1}}}", "resources.budgets.europol.2025", "at least 0"),
        ("resources: {pools: {p: {types: [biometric_kit], available: 1}}}", "resources.pools.p.types", "does not hold"),
        ("resources: {pools: {p: {types: [], available: 1}}}", "resources.pools.p.types", "at least one entry"),
        ("resources: {rules: {key: wealth}}", "resources.rules.key", "expected 'population_gdp'"),
        ("resources: {posts: {analyst: {available: 1, from: soon}}}", "resources.posts.analyst.from", "a date such as"),
        ("outcomes: {deaths: 4}", "outcomes.deaths", "lines below this field, got 4"),
        ("outcomes: {deaths: {weight: -1}}", "outcomes.deaths.weight", "0 or above"),
        ("outcomes: {legal_pathway_admissions: {weight: 1}}", "outcomes.legal_pathway_admissions.weight", "0 or below"),
        ("outcomes: {leg_deaths: {weight: 1}}", "outcomes.leg_deaths", "no outcome that can be weighted"),
        ("outcomes: {deathz: null}", "outcomes.deathz", "no outcome that can be weighted"),
        ("uncertainties: {draw: random}", "uncertainties.draw", "expected 'central', 'ranges' or 'posterior'"),
        ("uncertainties: {vary: [nothing.*]}", "uncertainties.vary[0]", "no parameter in the registry"),
        ("uncertainties: {parameters: {cost.analist_eur_per_year: 1}}", "uncertainties.parameters.cost.analist_eur_per_year", "no parameter"),
        ("uncertainties: {parameters: {cost.analyst_eur_per_year: {low: 9, high: 3}}}",
         "uncertainties.parameters.cost.analyst_eur_per_year.high", "at least `low`"),
        ("uncertainties: {parameters: {cost.analyst_eur_per_year: {low: 9e7}}}",
         "uncertainties.parameters.cost.analyst_eur_per_year", "the range is empty"),
        ("uncertainties: {parameters: {cost.analyst_eur_per_year: much}}",
         "uncertainties.parameters.cost.analyst_eur_per_year", "expected a number"),
        ("events: [{on: 2025-01-01}]", "events[0]", "an event needs a `kind`"),
        ("events: [{kind: visa_change, on: 2025-01-01, partner: BLR, factor: -1}]", "events[0].factor", "at least 0"),
        ("events: [{kind: rescue_change, on: 2026-01-01, off: 2025-01-01, route: CMED, factor: 1}]", "events[0].off", "out of order"),
        ("events: [null]", "events[0]", "lines below this field, got nothing"),
        ("name: My Option", "name", "lower-case letters, digits and hyphens"),
        ("name: 2025", "name", "expected a text (put it in quotes), got 2025"),
        ("seed: 9223372036854775808", "seed", "at most 9223372036854775807"),
        ("replicates: ten", "replicates", "expected a whole number, got the text 'ten'"),
    ],
)  # fmt: skip
def test_one_problem(tmp_path: Path, text: str, path: str, words: str) -> None:
    (problem,) = found(tmp_path, f"extends: baseline-2025\n{text}\n")
    assert problem.path == path
    assert words in problem.message
    assert problem.line == 2


def test_two_impossible_weights_are_two_problems(tmp_path: Path) -> None:
    problems = found(
        tmp_path, "extends: baseline-2025\noutcomes:\n  deaths: {weight: -1}\n  cost_eur: {weight: -1}\n"
    )
    assert [(p.line, p.path) for p in problems] == [
        (3, "outcomes.deaths.weight"),
        (4, "outcomes.cost_eur.weight"),
    ]


def test_fewer_arrivals_alone_are_no_objective(tmp_path: Path) -> None:
    only = "extends: baseline-2025\noutcomes:\n  irregular_crossings: {weight: 1}\n"
    removed = "".join(
        f"  {name}: null\n"
        for name in ("deaths", "travellers_in_debt", "smuggler_profit_eur", "case_backlog")
    )
    (problem,) = found(tmp_path, only + removed + "  cost_eur: {weight: 0}\n")
    assert problem.path == "outcomes"
    assert "never by itself the objective" in problem.message
    assert found(tmp_path, only + removed) == []  # public cost is weighed as well
