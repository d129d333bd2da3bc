"""Stochastic programmes: published worked examples, problems done by hand, and what must always hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from countersmuggling.optimise.linear_model import Builder, LinearModel
from countersmuggling.optimise.solving import Infeasible, Unbounded, solve
from countersmuggling.optimise.stochastic import (
    Objective,
    ScenarioSetError,
    StochasticProgramme,
    cvar,
    value_of_information,
    with_budget_of_uncertainty,
)
from countersmuggling.optimise.warm_start import WarmStart

TENTHS = np.full(10, 0.1)


# ------------------------------------------------------------------ F11: the farmer


def farm(better: float) -> LinearModel:
    """Birge and Louveaux, Introduction to Stochastic Programming, section 1.1: 500 acres, yields up or down a fifth."""
    b = Builder()
    acres = b.columns("acres", ("crop",), [("wheat",), ("corn",), ("beets",)], cost=[150, 230, 260])
    bought = b.columns("bought", ("crop",), [("wheat",), ("corn",)], cost=[238, 210])
    sold = b.columns("sold", ("crop",), [("wheat",), ("corn",), ("beets",), ("beets_beyond",)], cost=[-170, -150, -36, -10],
                     upper=[np.inf, np.inf, 6000, np.inf])
    b.rows("land", ("all",), [("land",)], "<=", 500, [0, 0, 0], acres, [1, 1, 1])
    b.rows("feed", ("crop",), [("wheat",), ("corn",)], ">=", [200, 240], [0, 1, 0, 1, 0, 1],
           [*acres[:2], *bought, *sold[:2]], [2.5 * better, 3 * better, 1, 1, -1, -1])
    b.rows("beets", ("crop",), [("beets",)], "<=", 0, [0, 0, 0], [acres[2], *sold[2:]], [-20 * better, 1, 1])
    return b.build()


@pytest.fixture(scope="module")
def farmer() -> StochasticProgramme:
    first = np.zeros(9, dtype=np.bool_)
    first[:3] = True
    return StochasticProgramme(tuple(farm(b) for b in (1.2, 1.0, 0.8)), np.full(3, 1 / 3), first)


def test_farmer(farmer: StochasticProgramme) -> None:
    assert solve(farmer.mean()).objective == pytest.approx(-118600)
    planned = farmer.solve()
    assert planned.value == pytest.approx(-108390)
    assert planned.first == pytest.approx([170, 80, 250])
    assert planned.losses.mean() == pytest.approx(planned.value)
    worth = value_of_information(farmer)
    assert worth.wait_and_see == pytest.approx(-115405.56, abs=0.01)
    assert worth.mean_value == pytest.approx(-107240)
    assert worth.perfect_information == pytest.approx(7015.56, abs=0.01)
    assert worth.stochastic_solution == pytest.approx(1150)


def test_farmer_who_fears_the_worst(farmer: StochasticProgramme) -> None:
    """The mean of the worst third is the profit in a bad year: what a bad year alone would be planted for."""
    worst = farmer.solve(Objective("cvar", level=2 / 3))
    alone = solve(farm(0.8)).objective
    assert worst.value == pytest.approx(alone)
    assert worst.losses.max() == pytest.approx(alone)
    mixed = farmer.solve(Objective("cvar", level=2 / 3, weight=0.5))
    assert mixed.value == pytest.approx(0.5 * mixed.losses.mean() + 0.5 * mixed.losses.max())
    assert farmer.solve().value <= mixed.losses.mean() + 1e-6 <= worst.losses.mean() + 2e-6


def test_farmer_who_would_regret_least(farmer: StochasticProgramme) -> None:
    known = farmer.wait_and_see()
    least = farmer.solve(Objective("regret"))
    assert least.value == pytest.approx((least.losses - known).max())
    expected = farmer.solve()
    assert 0 < least.value < (expected.losses - known).max() - 1


# ------------------------------------------------------------------ F10: CVaR


@pytest.mark.parametrize(("level", "value"), [(0.8, 9.5), (0.85, 29 / 3), (0.9, 10.0), (0.0, 5.5)])
def test_cvar_of_the_losses_one_to_ten(level: float, value: float) -> None:
    """Directly, and as the optimum of a programme in which nothing can be chosen."""
    assert cvar(np.arange(1.0, 11.0), TENTHS, level) == pytest.approx(value)
    models = []
    for loss in range(1, 11):
        b = Builder()
        b.columns("x", ("i",), [("a",)], lower=1, upper=1, cost=loss)
        models.append(b.build())
    programme = StochasticProgramme(tuple(models), TENTHS, np.ones(1, dtype=np.bool_))
    assert programme.solve(Objective("cvar", level=level)).value == pytest.approx(value)


# ------------------------------------------------------------------ F9: Bertsimas and Sim's portfolio


@pytest.mark.parametrize(("budget", "value"), [
    (0, 1.2), (5, 1.170890), (10, 1.160109), (15, 1.152676), (150, 1.126685),
])
def test_portfolio_of_bertsimas_and_sim(budget: float, value: float) -> None:
    """150 assets, mean return 1.15 + 0.05 i / 150, deviation 0.05 / 450 sqrt(2 i 150 151); they print these returns."""
    i = np.arange(1, 151)
    mean, deviation = 1.15 + i * 0.05 / 150, 0.05 / 450 * np.sqrt(2 * i * 150 * 151)
    b = Builder()
    share = b.columns("share", ("asset",), [(str(n),) for n in i], cost=-mean)
    b.rows("whole", ("all",), [("all",)], "=", 1, np.zeros(150), share, 1)
    robust = with_budget_of_uncertainty(b.build(), sparse.diags_array(deviation), budget)
    assert -solve(robust).objective == pytest.approx(value, abs=5e-7)
    if budget == 150:
        assert value == pytest.approx((mean - deviation).max(), abs=5e-7)


def test_an_amount_that_can_be_negative_is_protected_on_both_sides() -> None:
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], lower=-5, upper=5, cost=1.0)
    b.rows("at", ("i",), [("a",)], "=", -2, [0], x, [1])
    assert solve(with_budget_of_uncertainty(b.build(), np.array([[3.0]]), 1)).objective == pytest.approx(-2 + 6)


# ------------------------------------------------------------------ F12: regret by hand


def two_sites(gains: tuple[float, float]) -> LinearModel:
    b = Builder()
    x = b.columns("staff", ("site",), [("a",), ("b",)], cost=[-g for g in gains])
    b.rows("post", ("all",), [("all",)], "<=", 1, [0, 0], x, [1, 1])
    return b.build()


def two_site_programme(probability: Any = (0.5, 0.5)) -> StochasticProgramme:
    """One officer: site a gains 4 or 1, site b gains 0 or 3."""
    return StochasticProgramme((two_sites((4, 0)), two_sites((1, 3))), np.array(probability), np.ones(2, dtype=np.bool_))


def test_two_sites_by_hand() -> None:
    """With x at a and 1 - x at b: losses -4x and -3 + 2x, best -4 and -3, regrets 4 - 4x and 2x, equal at x = 2/3."""
    least = two_site_programme().solve(Objective("regret"))
    assert least.first == pytest.approx([2 / 3, 1 / 3])
    assert least.value == pytest.approx(4 / 3)
    # Expected: a gains 2.5 and b 1.5 on average, so all at a; known beforehand, -4 and -3.
    worth = value_of_information(two_site_programme())
    assert worth.recourse == pytest.approx(-2.5)
    assert worth.perfect_information == pytest.approx(1.0)
    assert worth.stochastic_solution == pytest.approx(0.0)
    # The worse of -4x and -3 + 2x is least at x = 1/2, where both are -2.
    worst = two_site_programme().solve(Objective("cvar", level=0.5))
    assert worst.first == pytest.approx([0.5, 0.5])
    assert worst.value == pytest.approx(-2)


# ------------------------------------------------------------------ what must always hold


def random_programme(seed: int, scenarios: int = 5, places: int = 12) -> StochasticProgramme:
    """Staff to places in two groups: each place has its share of its group's random effect, so few patterns."""
    g = np.random.default_rng(seed)
    b = Builder()
    x = b.columns("staff", ("place",), [(str(i),) for i in range(places)], upper=g.uniform(0.5, 2, places))
    b.rows("posts", ("all",), [("all",)], "<=", places / 3, np.zeros(places), x, 1)
    b.rows("money", ("all",), [("all",)], "<=", places / 2, np.zeros(places), x, g.uniform(0.5, 3, places))
    model = b.build()
    group, share = np.arange(places) % 2, g.uniform(0.2, 1, places)
    effect = g.normal(-1, 1, (scenarios, 2))
    base = -g.uniform(0, 1, places)
    p = g.uniform(0.1, 1, scenarios)
    return StochasticProgramme(
        tuple(replace(model, cost=base + share * effect[s, group]) for s in range(scenarios)), p / p.sum(),
        np.ones(places, dtype=np.bool_))


@given(seed=st.integers(0, 10_000), level=st.floats(0, 0.95))
@settings(max_examples=12, deadline=None)
def test_what_must_always_hold(seed: int, level: float) -> None:
    programme = random_programme(seed)
    known = programme.wait_and_see()
    assert known == pytest.approx([solve(m, "scipy").objective for m in programme.scenarios])
    plans = {kind: programme.solve(Objective(kind, level=level), "scipy") for kind in ("expected", "cvar", "regret")}
    p = programme.probability
    for plan in plans.values():
        assert (plan.losses >= known - 1e-9).all(), "nothing is better than knowing"
        assert cvar(plan.losses, p, level) >= p @ plan.losses - 1e-9
    assert plans["expected"].value == pytest.approx(p @ plans["expected"].losses)
    assert plans["cvar"].value == pytest.approx(cvar(plans["cvar"].losses, p, level), abs=1e-7)
    assert plans["regret"].value == pytest.approx((plans["regret"].losses - known).max(), abs=1e-7)
    assert plans["regret"].value >= -1e-9
    for other in plans.values():  # each is best at what it is for
        assert p @ other.losses >= plans["expected"].value - 1e-7
        assert cvar(other.losses, p, level) >= plans["cvar"].value - 1e-7
        assert (other.losses - known).max() >= plans["regret"].value - 1e-7
    worth = value_of_information(programme)
    assert worth.perfect_information >= -1e-9
    assert worth.stochastic_solution == pytest.approx(0, abs=1e-7), "costs alone differ and nothing is decided later"


@given(seed=st.integers(0, 10_000), more=st.floats(0, 5))
@settings(max_examples=8, deadline=None)
def test_more_room_is_never_worse_and_more_fear_never_better(seed: int, more: float) -> None:
    programme = random_programme(seed)
    wider = StochasticProgramme(
        tuple(replace(m, row_upper=m.row_upper + more) for m in programme.scenarios), programme.probability,
        programme.first_stage)
    for objective in (Objective("expected"), Objective("cvar", level=0.7), Objective("cvar", level=0.7, weight=0.3)):
        assert wider.solve(objective, "scipy").value <= programme.solve(objective, "scipy").value + 1e-8
    nominal, deviation = programme.mean(), np.abs(programme.cost - programme.mean().cost)
    values = [solve(with_budget_of_uncertainty(nominal, deviation, budget), "scipy").objective for budget in (0, 1, 2.5, 5)]
    assert values[0] == pytest.approx(solve(nominal, "scipy").objective), "no budget: the nominal problem"
    assert (np.diff(values) >= -1e-8).all()


@pytest.mark.parametrize("seed", range(4))
def test_robustness_is_the_worst_choice_of_amounts(seed: int) -> None:
    """At the optimum the protection equals the largest `budget` amounts (with part of the next)."""
    g = np.random.default_rng(seed)
    nominal = random_programme(seed).mean()
    deviation = np.abs(g.normal(size=(6, 12))) * (g.random((6, 12)) < 0.4)
    robust = solve(with_budget_of_uncertainty(nominal, deviation, 2.5))
    amounts = np.sort(deviation @ robust.x[:12])[::-1]
    assert robust.objective == pytest.approx(nominal.cost @ robust.x[:12] + amounts[:2].sum() + 0.5 * amounts[2])


def test_gathered_columns_change_nothing() -> None:
    """With few patterns the sums of columns get columns of their own; with many they do not; the optimum is the same."""
    programme = random_programme(3)
    form = programme.extensive_form(Objective("cvar", level=0.6))
    assert any(block.name == "exposure" for block in form.model.columns)
    assert len(form.model.column_block("exposure").labels) == 2
    tail = form.model.row_block("tail")
    assert form.model.matrix[tail.start:tail.stop].nnz == 5 * (2 + 2)
    g = np.random.default_rng(0)
    wild = StochasticProgramme(
        tuple(replace(m, cost=m.cost + g.normal(size=12) * 1e-3) for m in programme.scenarios), programme.probability,
        programme.first_stage)
    other = wild.extensive_form(Objective("cvar", level=0.6))
    assert not any(block.name == "exposure" for block in other.model.columns)
    found = wild.solve(Objective("cvar", level=0.6))
    assert found.value == pytest.approx(cvar(found.losses, wild.probability, 0.6))
    assert found.value == pytest.approx(programme.solve(Objective("cvar", level=0.6)).value, abs=0.1)


def test_names_stay_apart(farmer: StochasticProgramme) -> None:
    form = farmer.extensive_form(Objective("cvar", level=0.5)).model
    assert form.column_names()[:4] == ["acres__wheat", "acres__corn", "acres__beets", "bought_scenario_1__wheat"]
    assert form.row_names()[0] == "land__land"
    assert form.row_names()[-3:] == ["tail__1", "tail__2", "tail__3"]


def test_what_makes_no_sense_is_refused(farmer: StochasticProgramme) -> None:
    with pytest.raises(ScenarioSetError, match=r"sum to 0\.9, not to one"):
        two_site_programme((0.5, 0.4))
    with pytest.raises(ScenarioSetError, match="zero or more"):
        two_site_programme((1.5, -0.5))
    with pytest.raises(ScenarioSetError, match="expected 2 probabilities"):
        two_site_programme((1.0,))
    with pytest.raises(ScenarioSetError, match="at least one scenario"):
        StochasticProgramme((), np.zeros(0), np.zeros(0, dtype=np.bool_))
    with pytest.raises(ScenarioSetError, match="scenario 2 differs"):
        StochasticProgramme((two_sites((1, 1)), farm(1.0)), np.array([0.5, 0.5]), np.ones(2, dtype=np.bool_))
    with pytest.raises(ScenarioSetError, match="other bounds"):
        StochasticProgramme((two_sites((1, 1)), replace(two_sites((1, 1)), upper=np.array([1.0, 2.0]))),
                            np.array([0.5, 0.5]), np.ones(2, dtype=np.bool_))
    with pytest.raises(ValueError, match="below 1, not 1"):
        Objective("cvar", level=1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Objective("cvar", level=0.5, weight=2.0)
    with pytest.raises(ValueError, match="zero or more"):
        Objective("robust", budget=-1)
    with pytest.raises(ValueError, match="not 'mean'"):
        Objective("mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="with_budget_of_uncertainty"):
        farmer.extensive_form(Objective("robust"))
    with pytest.raises(ValueError, match="least cost in each"):
        farmer.extensive_form(Objective("regret"))
    with pytest.raises(ValueError, match="expected 2 columns"):
        with_budget_of_uncertainty(two_sites((1, 1)), np.ones((1, 3)), 1)


# ------------------------------------------------------------------ warm starts


def test_warm_starts_give_what_cold_starts_give() -> None:
    g = np.random.default_rng(5)
    model = random_programme(1, places=30).mean()
    again = WarmStart(model)
    for _ in range(8):
        cost, upper = g.normal(size=30), g.uniform(0, 12, size=2)
        warm = again.solve(cost=cost, row_upper=upper)
        cold = solve(replace(model, cost=cost, row_upper=upper))
        assert warm.objective == pytest.approx(cold.objective)
        assert warm.dual == pytest.approx(cold.dual)
        assert warm.certificate.passed
    assert again.solve().objective == pytest.approx(solve(model).objective), "what is not given is the model's own"
    with pytest.raises(Infeasible):
        again.solve(row_upper=np.array([-1.0, 5.0]))
    assert again.solve().objective == pytest.approx(solve(model).objective), "and it goes on after that"


def test_a_warm_start_finds_what_has_no_end() -> None:
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], cost=1.0)
    b.rows("r", ("i",), [("a",)], ">=", 0, [0], x, [1])
    with pytest.raises(Unbounded):
        WarmStart(b.build()).solve(cost=np.array([-1.0]))
    whole = replace(b.build(), integer=np.array([True]))
    with pytest.raises(ValueError, match="relax"):
        WarmStart(whole)
