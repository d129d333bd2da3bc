from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.optimise.allocation import build, labelled, staff_array, staff_table, value_of
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.problem import AllocationProblem, ContributionKey, JointTeams, ProblemError
from countersmuggling.optimise.solving import solve


def optimum(p: AllocationProblem, solver: Any = "scipy") -> tuple[float, Any]:
    allocation = build(p)
    x = solve(allocation.model, solver).x
    return allocation.objective(x), allocation.staff(x)


def test_two_places_by_hand_with_shadow_price() -> None:
    """Three analysts: two to Greece (10 each), one to Italy (6): 26; a fourth would be worth 6."""
    allocation = build(problem())
    answer = solve(allocation.model)
    assert allocation.objective(answer.x) == pytest.approx(-26)
    assert allocation.staff(answer.x)[0, :, 0] == pytest.approx([2, 1])
    pool = allocation.model.row_block("pool")
    assert answer.dual[pool.start] == pytest.approx(-6, rel=1e-5)
    effort = allocation.model.frame(allocation.model.row_block("effort"), answer.dual)
    assert effort["value"].tolist() == pytest.approx([6, 6], rel=1e-5), "either place gains 6 from one more"


def test_forced_presence_that_does_harm_is_priced_as_harm() -> None:
    p = problem(slope=((-3, -3), (6, 1)), minimum=np.array([[1.0, 0.0]]))
    value, staff = optimum(p)
    assert staff[0, :, 0] == pytest.approx([1, 2])
    assert value == pytest.approx(3 - 12)


@pytest.mark.parametrize("seed", range(6))
def test_optimum_equals_brute_force_on_whole_posts(seed: int) -> None:
    """Four places, two types, whole posts, a budget and absorption: every allocation enumerated."""
    g = np.random.default_rng(seed)
    slope = np.sort(g.gamma(2.0, 2.0, (2, 4, 3)), axis=2)[:, :, ::-1]
    width = np.ones((2, 4, 3))
    width[:, :, 2] = np.inf
    p = problem(("analyst", "investigator"), ("A", "B", "C", "D"), slope=slope, width=width, available=3.0,
                integer=np.array([True, True]), unit_cost=np.array([160_000.0, 80_000.0]), cost_weight=2e-5,
                budgets={("europol", 2025): 150_000.0}, absorb=np.array([2.0, 1.0, 3.0, 2.0]), posting_cost=1000.0)
    options = [c for c in product(range(4), repeat=4) if sum(c) <= 3]
    best = 0.0
    for a, b in product(options, options):
        both = np.array([a, b], dtype=float)
        if (both.sum(axis=0) > p.absorb).any():
            continue
        worth = value_of(p, both[:, :, None])
        if worth["eur"] <= 150_000.0:
            best = min(best, worth["objective"])
    assert best < 0
    for solver in ("highs", "cbc", "scipy"):
        value, staff = optimum(p, solver)
        assert value == pytest.approx(best, abs=1e-6)
        assert staff == pytest.approx(np.round(staff))


@pytest.mark.parametrize("seed", range(4))
def test_solvers_agree_and_the_curves_confirm_the_value(seed: int) -> None:
    p = random_problem(seed)
    allocation = build(p)
    answers = [solve(allocation.model, solver) for solver in ("highs", "cbc", "scipy")]
    values = [allocation.objective(a.x) for a in answers]
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert values[2] == pytest.approx(values[0], rel=1e-9)
    filled = allocation.values("employed", answers[0].x)
    assert value_of(p, allocation.staff(answers[0].x), filled)["objective"] == pytest.approx(values[0], rel=1e-6)
    assert allocation.staff(answers[1].x) == pytest.approx(allocation.staff(answers[0].x), abs=1e-5), "ties are broken"


@pytest.mark.parametrize("seed", range(4))
def test_more_is_never_worse(seed: int) -> None:
    p = random_problem(seed)
    base = optimum(p)[0]
    tolerance = 1e-6 * abs(base)
    for looser in (
        replace(p, budgets={("europol", 2025): 1_200_000.0}), replace(p, available=p.available + 1),
        replace(p, absorb=p.absorb + 1), replace(p, ramp=3.0), replace(p, pools=()), replace(p, teams=None),
        replace(p, key=None),
    ):
        assert optimum(looser)[0] <= base + tolerance
    for tighter in (
        replace(p, budgets={("europol", 2025): 500_000.0}), replace(p, stay_least=3),
        replace(p, stay_most=np.full(3, 2.0)), replace(p, consent=np.array([False, True, True, True, True]),
                                                         asks=np.array([True, True, False])),
        replace(p, joiners=np.full(3, 1.0)), replace(p, first=np.full(3, 1)),
    ):
        assert optimum(tighter)[0] >= base - tolerance


@given(st.permutations(range(5)), st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_the_order_of_places_does_not_matter(order: list[int], seed: int) -> None:
    p = random_problem(seed)
    assert p.teams is not None and p.key is not None
    q = replace(
        p, places=tuple(p.places[i] for i in order), width=p.width[:, order], slope=p.slope[:, order],
        absorb=p.absorb[order], consent=p.consent[order], minimum=p.minimum[:, order],
        teams=replace(p.teams, home=p.teams.home[order]),
        key=replace(p.key, share=p.key.share[:, order], spare=p.key.spare[:, order]))
    (value, staff), (moved, other) = optimum(p), optimum(q)
    assert moved == pytest.approx(value, rel=1e-9)
    assert other == pytest.approx(staff[:, order], abs=1e-6)


@given(st.sampled_from([1e-3, 1e3]), st.integers(0, 3))
@settings(max_examples=8, deadline=None)
def test_the_unit_of_points_does_not_matter(scale: float, seed: int) -> None:
    p = random_problem(seed)
    (value, staff), (scaled, same) = optimum(p), optimum(
        replace(p, slope=p.slope * scale, cost_weight=p.cost_weight * scale))
    assert scaled == pytest.approx(value * scale, rel=1e-8)
    assert same == pytest.approx(staff, abs=1e-6)


def test_hiring_takes_its_time() -> None:
    p = problem(quarters=4, available=4.0, first=np.array([1]), joiners=np.array([1.5]))
    staff = optimum(p)[1]
    assert staff.sum(axis=(0, 1)) == pytest.approx([0, 1.5, 3, 4])


def test_a_year_without_money_has_no_posts() -> None:
    p = problem(quarters=8, budgets={("europol", 2025): 1e6})
    staff = optimum(p)[1].sum(axis=(0, 1))
    assert staff[:4] == pytest.approx(3)
    assert staff[4:] == pytest.approx(0)


def test_joint_teams_work_as_their_scarcer_half() -> None:
    """Two officers in Greece need four investigators; one is at home and two more can be sent."""
    p = problem(("deployed_officer", "investigator"), ("GRC",), width=np.full((2, 1, 1), np.inf),
                slope=np.array([[[8.0]], [[1.0]]]), available=2.0,
                teams=JointTeams(("deployed_officer",), "investigator", 2.0, np.array([1.0])))
    value, staff = optimum(p)
    # three investigators make one and a half teams: 1.5 * 8 + 2 * 1
    assert value == pytest.approx(-14)
    assert staff[1, 0, 0] == pytest.approx(2)


def test_ramps_and_stays() -> None:
    p = problem(quarters=3, ramp=1.0, available=2.0)
    staff = optimum(p)[1]
    assert np.abs(np.diff(staff, axis=2, prepend=0.0)).max() <= 1 + 1e-9
    # least stay: the value of a place that is better in one quarter only does not pay a move
    slope = np.array([[[5.0]], [[4.0]]]).reshape(1, 2, 1)
    lure = problem(quarters=2, available=1.0, slope=slope, width=np.full((1, 2, 1), np.inf), stay_least=2)
    staff = optimum(lure)[1]
    assert staff[0, :, 0] == pytest.approx(staff[0, :, 1])
    # rotation after one quarter: a new posting every quarter, each with its cost
    once = problem(quarters=3, available=1.0, stay_most=np.array([1.0]), posting_cost=1e6, cost_weight=1e-6)
    often = replace(once, stay_most=np.array([np.inf]))
    assert optimum(once)[0] - optimum(often)[0] == pytest.approx(2.0)


def test_contributions_follow_the_key_within_their_band() -> None:
    share = np.array([[0.75, 0.25]])
    p = problem(("investigator",), slope=np.array([[[5.0], [5.0]]]), width=np.full((1, 2, 1), np.inf), available=10.0,
                consent=np.array([False, True]), asks=np.array([True]),
                key=ContributionKey(("investigator",), share, 0.2, np.array([[3.0, 3.0]])))
    allocation = build(p)
    x = solve(allocation.model).x
    # All go to Italy.  Greece gives 3 at most; Italy at most 1.2 * 0.25 = 0.3 of the total, so Greece at least 0.7.
    assert allocation.staff(x)[0, :, 0] == pytest.approx([0, 3 / 0.7])
    block = allocation.model.column_block("contributed")
    assert x[block.start:block.stop] == pytest.approx([3, 0.9 / 0.7])


def test_coefficients_are_scaled() -> None:
    for seed in range(4):
        report = build(random_problem(seed)).model.scale_report()
        assert 1e-3 <= report["matrix_min"] <= report["matrix_max"] <= 1e4
        assert report["cost_max"] <= 1e4


def test_nonsense_is_refused() -> None:
    with pytest.raises(ProblemError, match="not concave.*steeper"):
        problem(slope=((4.0, 10.0), (6.0, 1.0)))
    with pytest.raises(ProblemError, match="available: contains something that is not a number"):
        problem(available=float("nan"))
    with pytest.raises(ProblemError, match="minimum: contains a negative"):
        problem(minimum=np.array([[-1.0, 0.0]]))
    with pytest.raises(ProblemError, match="width and slope"):
        problem(slope=((np.nan, 4.0), (6.0, 1.0)))


def test_frame_and_array_are_inverse() -> None:
    allocation = build(random_problem(1))
    x = solve(allocation.model, "scipy").x
    frame = staff_table(labelled(allocation.problem, allocation.staff(x)))
    assert list(frame.columns) == ["resource", "place", "quarter", "staff"]
    assert staff_array(allocation.problem, frame) == pytest.approx(allocation.staff(x), abs=1e-8)
