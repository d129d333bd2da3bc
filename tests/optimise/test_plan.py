import pickle
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pulp
import pytest

import countersmuggling
import countersmuggling.optimise as room
from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves, place_groups
from countersmuggling.optimise.from_scenario import NothingToPlan, problem_from
from countersmuggling.optimise.plan import InfeasiblePlan, Plan, check_limits, one_more, optimise
from countersmuggling.optimise.solving import solve
from countersmuggling.scenarios import RESOURCES, load, world
from countersmuggling.scenarios.schema import Host, Post


def curves(seed: int = 0) -> EffectCurves:
    """Invented curves for all types and groups, concave, in deaths."""
    g = np.random.default_rng(seed)
    groups = {r: place_groups(info.places) for r, info in RESOURCES.items()}
    cells = [(r, group, "deaths", 10.0, g.uniform(0.5, 0.8), -g.gamma(1.0, 2.0), 0.3, 0.0, 0.0)
             for r in RESOURCES for group in dict.fromkeys(groups[r].values())]
    size = {r: pd.Series(list(groups[r].values())).value_counts() for r in RESOURCES}
    work = [(r, place, group, 1.0 / size[r][group]) for r in RESOURCES for place, group in groups[r].items()]
    return EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=list(WORK_COLUMNS)), {})


@pytest.fixture(scope="module")
def scenario() -> Any:
    return load("baseline-2025")


@pytest.fixture(scope="module")
def year(scenario: Any) -> Any:
    """The same scenario for one year, where size does not matter."""
    return scenario.model_copy(update={"horizon": scenario.horizon.model_copy(update={"end": date(2025, 12, 31)})})


@pytest.fixture(scope="module")
def made(scenario: Any) -> Plan:
    return optimise(scenario, effects=curves())


def with_resources(scenario: Any, **changes: Any) -> Any:
    return scenario.model_copy(update={"resources": scenario.resources.model_copy(update=changes)})


def test_the_module_is_callable(year: Any) -> None:
    assert countersmuggling.optimise is room
    assert room.optimise is optimise
    called: Any = room
    assert isinstance(called(year, effects=curves()), Plan)
    with pytest.raises(AttributeError, match="no attribute 'optimize'"):
        called.optimize  # noqa: B018


def test_importing_the_room_loads_nothing_heavy() -> None:
    script = ("import sys, countersmuggling.optimise\n"
              "print([m for m in ('pulp', 'pandas', 'scipy', 'numpy', 'mesa', 'highspy') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_problem_holds_what_the_scenario_says(scenario: Any) -> None:
    p = problem_from(scenario, curves())
    assert len(p.places) == 27
    assert p.quarters[0] == "2025Q1" and p.quarters[-1] == "2027Q4"
    assert p.quarter_years.sum() == pytest.approx(3, abs=0.01)
    r = p.resources.index("investigator")
    assert p.available[r].tolist() == [60] * 12
    assert p.first[r] == 1 and p.joiners[r] == 20
    assert p.absorb[p.places.index("GRC")] == 60 and p.absorb[p.places.index("SWE")] == 15
    assert p.budgets["rescue", 2026] == 12e6
    assert p.teams is not None and p.teams.ratio == 2
    assert p.key is not None and p.key.share[r].sum() == pytest.approx(1)
    guards = p.key.share[p.resources.index("border_guard")]
    assert guards[p.places.index("LUX")] == 0, "a state without border guards owes none"
    assert guards.sum() == pytest.approx(1)
    assert "rescue_unit" not in p.key.resources, "vessels are not staff"
    assert p.unit_cost[r] == scenario.parameters()["cost.investigator_eur_per_year"]
    assert p.stay_most[p.resources.index("deployed_officer")] == 4
    assert p.cost_weight == 1e-6


@pytest.fixture(scope="module")
def everything(year: Any) -> Any:
    """One year with posts of every type, a band of limits on each, and a reserve pool."""
    posts = {name: Post.model_validate({"available": 6}) for name in RESOURCES}
    posts["investigator"] = Post.model_validate({"available": 60, "hire_lead_quarters": 1, "training_quarters": 1, "training_places": 20})
    posts["reserve_officer"] = Post.model_validate({"available": 20, "quarters_per_year": 2})
    posts["task_force_team"] = Post.model_validate({"available": 3, "set_up_eur": 0.0, "least_team": 0.5, "integer": True})
    hosts = {**year.resources.hosts, "TUN": Host.model_validate({"absorb": 2}), "DZA": Host.model_validate({"absorb": 0, "consent": False})}
    rules = year.resources.rules.model_copy(update={"notice_quarters": 1, "key": "gdp", "key_least": 0.1, "key_band": 0.4})
    budgets = {**year.resources.budgets, "europol": {2025: 1e7}}
    return with_resources(year, posts=posts, hosts=hosts, rules=rules, budgets=budgets, carry_over={"europol": 0.1})


def test_problem_holds_every_type_and_rule(everything: Any) -> None:
    p = problem_from(everything, curves())
    params = everything.parameters()
    assert set(p.resources) == set(RESOURCES) and len(p.places) == 27 + 39
    at = {name: r for r, name in enumerate(p.resources)}
    where = {name: i for i, name in enumerate(p.places)}
    assert p.sites[at["liaison_officer"]].sum() == 39 and not p.sites[at["liaison_officer"], where["ITA"]]
    assert p.sites[at["analyst"]].sum() == 27 and not p.sites[at["analyst"], where["TUN"]]
    assert p.absorb[where["TUN"]] == 2 and p.absorb[where["LBY"]] == np.inf and p.absorb[where["SWE"]] == 15
    assert not p.consent[where["DZA"]] and p.asks[at["liaison_officer"]] and not p.asks[at["prosecutor"]]
    assert p.place_titles["TUR"] == "Türkiye"
    assert (p.lead[at["investigator"]], p.first[at["investigator"]], p.training_places[at["investigator"]]) == (1, 1, 20)
    assert p.training_cost[at["investigator"]] == params["cost.investigator_eur_per_year"] * params["optimise.training_pay_share"]
    assert p.training_cost[at["prosecutor"]] == 0 and p.completion[at["prosecutor"]] == 1
    assert p.year_use[at["reserve_officer"]] == 2 and p.notice == 1 and p.carry_over == {"europol": 0.1}
    assert [(s.resource, s.eur, s.lasts, s.least) for s in p.set_up] == [("task_force_team", 0.0, 5, 0.5)]
    assert p.hosted[at["task_force_team"]] == p.posts[at["task_force_team"]] == params["optimise.task_force_people"]
    assert p.hosted[at["biometric_kit"]] == 0 and p.posts[at["biometric_kit"]] == 1
    assert p.teams is not None and p.officers == (at["deployed_officer"], at["reserve_officer"])
    assert p.key is not None and (p.key.band, p.key.least) == (0.4, 0.1)
    assert p.key.shares_with("liaison_officer") == ("investigator", "reserve_officer", "liaison_officer")
    gdp = world().member_states.set_index("member_state")["gdp_eur_bn"]
    share = p.key.share[at["reserve_officer"]]
    assert share[where["DEU"]] == pytest.approx(gdp["DEU"] / gdp.sum()) and share[27:].sum() == 0
    assert p.stay_most[at["frontex_officer"]] == 4 and p.stay_most[at["liaison_officer"]] == np.inf
    assert p.heading["liaison_officer"] == "external"


def test_plan_with_every_type(everything: Any) -> None:
    made = optimise(everything, effects=curves())
    table = made.table
    assert set(table["resource"]) >= {"liaison_officer", "task_force_team", "reserve_officer", "frontex_officer", "eurojust_adviser"}
    abroad = set(world().partners["partner"])
    assert ((table["resource"] == "liaison_officer") == table["place"].isin(abroad)).all()
    assert not (table["place"] == "DZA").any()
    teams = table[table["resource"] == "task_force_team"]["staff"]
    assert teams.to_numpy() == pytest.approx(np.round(teams))
    on_call = made.allocation.sel(resource="reserve_officer").sum("place").to_numpy()
    assert on_call @ made.model.problem.quarter_years * 4 <= 40 + 1e-6, "twenty for two quarters"
    assert set(made.spending["heading"]) >= {"external", "eurojust", "frontex"}
    assert (made.rule_values.set_index("rule")["objective"] >= made.objective - 1e-6 * abs(made.objective)).all()


def test_posts_that_begin_later(scenario: Any) -> None:
    post = Post.model_validate({"available": 5, "from": "2025-08-15", "hire_lead_quarters": 2})
    p = problem_from(with_resources(scenario, posts={"analyst": post}, pools={}), curves())
    assert p.available[0].tolist() == [0, 0] + [5] * 10
    assert p.first[0] == 4


def test_plan_keeps_the_limits_it_was_given(scenario: Any, made: Plan) -> None:
    assert made.allocation.dims == ("resource", "place", "quarter")
    assert made.allocation.sel(resource="analyst", quarter="2025Q2").sum() <= 4 + 1e-6
    a = made.table
    assert float(a["staff"].sum()) == pytest.approx(float(made.allocation.sum()))
    assert list(a.columns) == ["resource", "place", "quarter", "staff"]
    assert (a["staff"] > 0).all()
    for name, post in scenario.resources.posts.items():
        used = a[a["resource"] == name].groupby("quarter")["staff"].sum()
        assert (used <= post.available + 1e-6).all()
    staff = a[a["resource"] != "rescue_unit"].groupby(["place", "quarter"])["staff"].sum()
    for place, value in staff.groupby("place").max().items():
        assert value <= scenario.resources.host(str(place)).absorb + 1e-6
    for heading, year, eur in made.spending.itertuples(index=False):
        limit = scenario.resources.budgets.get(heading, {})
        if limit:
            assert eur <= limit.get(year, 0.0) * (1 + 1e-9) + 1e-3
    assert made.status == "optimal" and "HiGHS" in made.solver
    assert made.objective < 0


def test_expected_change_and_objective_tell_the_same(scenario: Any, made: Plan) -> None:
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    total = sum(weights[o] * made.expected[o]["change"] for o in made.expected if o in weights)
    # teams that lack investigators work less than the expected changes assume; there are none here
    assert total == pytest.approx(made.objective, rel=1e-3)
    assert made.expected["deaths"]["se"] > 0


def test_both_solvers_agree_on_the_bundled_scenario(scenario: Any, made: Plan) -> None:
    other = optimise(scenario, effects=curves(), solver="cbc")
    assert other.objective == pytest.approx(made.objective, rel=1e-5)
    assert "CBC" in other.solver


def test_rules_never_beat_the_plan(made: Plan) -> None:
    values = made.rule_values.set_index("rule")["objective"]
    assert values["plan"] == pytest.approx(made.objective, rel=1e-4)
    assert values.drop("plan").min() >= values["plan"] - 1e-6 * abs(values["plan"])
    assert set(made.rules) == {"pro_rata", "proportional", "greedy"}
    assert made.pro_rata.dims == made.greedy.dims == ("resource", "place", "quarter")


def test_shadow_prices_lie_between_the_values_of_more_and_of_less(made: Plan) -> None:
    """The value of the programme is convex in its limits: a dual lies between the slopes to either side."""
    prices = made.shadow_prices
    assert {"constraint", "place", "resource", "quarter", "dual", "unit", "words"} <= set(prices.columns)
    model = made.model.model
    names = model.row_names()
    row = prices[(prices["kind"] == "joiners") & (prices["dual"] < 0)].sort_values("dual").iloc[0]
    i = names.index(row["constraint"])

    def moved(by: float) -> float:
        high = model.row_upper.copy()
        high[i] += by
        return made.model.objective(solve(replace(model, row_upper=high), "scipy").x) - made.objective

    assert moved(0.01) / 0.01 >= row["dual"] - 1e-4 * abs(row["dual"])
    assert moved(-0.01) / -0.01 <= row["dual"] + 1e-4 * abs(row["dual"])


def test_summary_tells_what_one_unit_more_changes(made: Plan) -> None:
    assert made.summary
    *prices, caution = made.summary
    assert re.match(r"Of \d+ measured effects .* \d+ exceed twice their standard error", caution)
    for text in prices:
        assert re.search(r" points?( \(standard error of the measured effect 0\.1\d+\))?\.$", text), text
    names = made.model.model.row_names()
    pools = [i for i, name in enumerate(names) if name.startswith("pool__financial_investigator__")]
    change, text = one_more(made.model, pools[0])
    r = made.model.problem.resources.index("financial_investigator")
    more = made.model.problem.available.copy()
    more[r, 0] += 1
    again = build(replace(made.model.problem, available=more))
    exact = again.objective(solve(again.model, "scipy").x) - made.objective
    assert change == pytest.approx(exact, abs=0.01)
    assert text.startswith("One more Europol financial investigator post in 2025Q1 would")


def test_a_first_member_of_staff_is_worth_the_first_slope(made: Plan) -> None:
    """Where nobody is sent the dual is not unique; the sentence must not promise more than the curve."""
    p = made.model.problem
    effort = made.shadow_prices[made.shadow_prices["kind"] == "effort"]
    sent = set(zip(*(made.table[c] for c in ("resource", "place", "quarter")), strict=True))
    seen = 0
    for resource, place, quarter, dual in zip(*(effort[c] for c in ("resource", "place", "quarter", "dual")), strict=True):
        if (resource, place, quarter) not in sent:
            r, i, t = p.resources.index(resource), p.places.index(place), p.quarters.index(quarter)
            assert -dual == pytest.approx(p.slope[r, i, 0] * p.quarter_years[t] * 4)
            seen += 1
    assert seen > 0


def test_plan_can_be_written(made: Plan, tmp_path: Any) -> None:
    assert made.write(tmp_path / "plan.lp").read_text().startswith("\\*")
    assert isinstance(made.problem, pulp.LpProblem)


def test_infeasible_limits_are_named_before_anything_is_measured(year: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured although nothing is feasible")

    monkeypatch.setattr("countersmuggling.optimise.plan.measure_effects", never)
    hosts = {**year.resources.hosts, "MLT": Host.model_validate({"absorb": 8, "minimum": {"analyst": 6}})}
    with pytest.raises(InfeasiblePlan) as caught:
        optimise(with_resources(year, hosts=hosts))
    error = caught.value
    assert any("at least 6 Europol analyst in Malta" in text for text in error.conflicts)
    assert any("resources.posts.analyst" in text for text in error.conflicts)
    assert "These contradict each other" in str(error)
    assert list(error.relaxation.columns) == [
        "limit", "kind", "place", "resource", "quarter", "now", "needed", "by", "unit", "words"]
    assert (error.relaxation["by"] > 0).all()
    assert pickle.loads(pickle.dumps(error)).conflicts == error.conflicts


def test_feasible_limits_pass_silently(year: Any) -> None:
    check_limits(year)


def test_nothing_to_place_is_said(year: Any) -> None:
    with pytest.raises(NothingToPlan, match="nothing to place"):
        check_limits(with_resources(year, posts={}, pools={}))


def test_whole_posts_on_request(year: Any) -> None:
    posts = {"analyst": Post.model_validate({"available": 4, "integer": True})}
    made = optimise(with_resources(year, posts=posts, pools={}), effects=curves())
    staff = made.table["staff"].to_numpy()
    assert staff == pytest.approx(np.round(staff))
    assert "branch and bound" in made.solver
    assert made.shadow_prices["holds_to"].isna().all()


def test_solver_is_checked(year: Any) -> None:
    with pytest.raises(ValueError, match="'highs', 'cbc' or 'scipy'"):
        optimise(year, solver="gurobi")  # type: ignore[arg-type]
