"""The scenarios that come with the package hold what the proposals and history say."""

import datetime as dt
from typing import Any

import pytest

from countersmuggling.scenarios import ScenarioError, bundled, check, load
from countersmuggling.scenarios.loader import bundled_path
from countersmuggling.scenarios.schema import Scenario

REPLAYS = ["belarus-2021", "eu-turkiye-2016", "evros-2012", "italy-libya-2017", "morocco-2018"]
OPTIONS = [
    "europol-regulation",
    "facilitation-directive-commission",
    "facilitation-directive-council",
    "global-alliance",
    "legal-pathways",
    "full-package",
]
EXPERIMENTS = ["enforcement-alone", "sale-of-visas", "sale-of-visas-and-enforcement"]


def test_all_are_there() -> None:
    assert bundled() == sorted(["baseline-2025", "history-2014-2022", *OPTIONS, *EXPERIMENTS, *REPLAYS])


@pytest.mark.parametrize("name", bundled())
def test_loads_says_what_was_asked_and_shows_its_sources(name: str) -> None:
    assert check(name) == []
    scenario = load(name)
    assert scenario.name == name
    assert scenario.title and scenario.question.endswith("?") and scenario.description
    text = bundled_path(name).read_text(encoding="utf-8")
    assert text.count("#") >= 2


@pytest.mark.parametrize("name", [*OPTIONS, *EXPERIMENTS])
def test_options_differ_from_the_baseline_only_in_policy(name: str) -> None:
    base, option = load("baseline-2025"), load(name)
    for part in ("horizon", "uncertainties", "model", "outcomes", "events", "replicates", "seed"):
        assert getattr(option, part) == getattr(base, part), part
    assert option.levers.active()
    for lever in option.levers.active().values():
        assert base.horizon.start <= lever.on < base.horizon.end


def test_baseline_is_the_status_quo() -> None:
    base = load("baseline-2025")
    assert base.levers.active() == {}
    assert (base.horizon.start, base.horizon.end) == (dt.date(2025, 1, 1), dt.date(2027, 12, 31))
    assert set(base.outcomes) == {
        "deaths",
        "travellers_in_debt",
        "smuggler_profit_eur",
        "case_backlog",
        "cost_eur",
    }
    assert base.replicates == 8


def test_europol_regulation_adds_fifty_posts_and_fifty_million() -> None:
    option = load("europol-regulation")
    pool = option.resources.pools["europol-posts"]
    assert pool.available == 50
    budgets = option.resources.budgets
    assert sum(budgets["europol"].values()) == 30e6
    assert sum(budgets["biometrics"].values()) == 20e6
    assert set(budgets["europol"]) == set(budgets["biometrics"]) == {2025, 2026, 2027}
    assert option.levers.europol_deployments is not None
    assert option.levers.europol_deployments.posts == 50
    assert option.levers.europol_deployments.reserve_pool > 0
    assert {"europol_centre", "task_forces", "information_sharing"} <= set(option.levers.active())


def test_directive_floors() -> None:
    for name, floors in (("commission", (3, 10, 15)), ("council", (3, 8, 10))):
        lever = load(f"facilitation-directive-{name}").levers.penalties
        assert lever is not None
        assert (lever.floor_basic_years, lever.floor_aggravated_years, lever.floor_death_years) == floors
    one, other = (
        load(f"facilitation-directive-{name}").levers.active() for name in ("commission", "council")
    )
    assert {k: v for k, v in one.items() if k != "penalties"} == {
        k: v for k, v in other.items() if k != "penalties"
    }


def test_full_package_is_the_union_of_its_parts() -> None:
    parts = [
        load(n).levers.active()
        for n in OPTIONS
        if n not in ("full-package", "facilitation-directive-council")
    ]
    whole = load("full-package").levers.active()
    assert set(whole) == {lever for part in parts for lever in part}
    for name, lever in whole.items():
        held = [part[name] for part in parts if name in part]
        if name == "financial_investigation":  # two halves
            assert lever.intensity == sum(one.intensity for one in held)
        elif name == "legal_pathways":  # the larger offer
            assert lever.model_dump()["places_per_year"] == max(
                one.model_dump()["places_per_year"] for one in held
            )
        else:
            assert held == [lever], name
    whole_resources, regulation = load("full-package").resources, load("europol-regulation").resources
    alliance = load("global-alliance").resources
    lent = {name: post for name, post in whole_resources.posts.items() if name not in regulation.posts}
    assert whole_resources.posts == {**regulation.posts, **lent}
    assert lent.pop("liaison_officer") == alliance.posts["liaison_officer"]
    assert set(lent) == {"eurojust_adviser", "frontex_officer"}
    assert whole_resources.budgets == {**regulation.budgets, "external": alliance.budgets["external"]}
    rest: dict[str, Any] = {"posts": {}, "budgets": {}}
    assert whole_resources.model_copy(update=rest) == regulation.model_copy(update=rest)


@pytest.mark.parametrize("name", REPLAYS)
def test_replays_begin_before_their_event_and_end_after_it(name: str) -> None:
    scenario = load(name)
    horizon = scenario.horizon
    first = horizon.start - dt.timedelta(days=horizon.burn_in_days)
    assert scenario.model.demand_year == scenario.model.reference_year
    assert scenario.levers.active() == {}
    assert scenario.resources == type(scenario.resources)()
    inside = [event for event in scenario.events if horizon.start < event.on <= horizon.end]
    assert inside, "nothing happens within the horizon"
    partners = {event.partner for event in scenario.events if event.kind == "partner_agreement"}
    for partner in partners:
        earliest = min(
            e.on for e in scenario.events if e.kind == "partner_agreement" and e.partner == partner
        )
        assert earliest <= first, f"{partner} would begin with today's interception"


def test_a_scenario_can_be_made_in_python_and_is_checked_the_same_way() -> None:
    base = load("baseline-2025").model_dump(mode="json", by_alias=True)
    assert Scenario.model_validate(base) == load("baseline-2025")
    with pytest.raises(ValueError, match="dates out of order"):
        Scenario.model_validate(base | {"horizon": {"start": "2025-01-01", "end": "2024-01-01"}})
    with pytest.raises(ScenarioError):
        load("no-such-scenario")


def test_levels_of_a_lever_over_time() -> None:
    lever = load("europol-regulation").levers.europol_centre
    assert lever is not None
    assert lever.level(lever.on - dt.timedelta(days=1)) == 0
    assert lever.level(lever.on) == pytest.approx(1 / 365)
    assert lever.level(lever.on + dt.timedelta(days=364)) == lever.level(dt.date(2027, 12, 31)) == 1
    ended = lever.model_copy(update={"off": dt.date(2026, 1, 1), "ramp_days": 0, "intensity": 2.5})
    assert ended.level(dt.date(2025, 12, 31)) == 2.5
    assert ended.level(dt.date(2026, 1, 1)) == 0
