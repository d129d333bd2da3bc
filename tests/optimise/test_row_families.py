"""Each family of rows on a problem small enough to solve on paper; money, scale and ties."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise import words
from countersmuggling.optimise.allocation import ROWS, AllocationModel, build, in_teams, value_of
from countersmuggling.optimise.examples import problem, rich_problem
from countersmuggling.optimise.problem import (
    AllocationProblem,
    ContributionKey,
    JointTeams,
    ProblemError,
    SetUp,
    SharedPool,
)
from countersmuggling.optimise.rules import greedy
from countersmuggling.optimise.solving import Solution, solve

EVERYWHERE = np.full((1, 1, 1), np.inf)


def one_place(quarters: int = 1, slope: float = 1.0, **changes: Any) -> AllocationProblem:
    """One type, one place, the same worth for each member of staff; nothing costs anything unless told."""
    fields: dict[str, Any] = {"width": EVERYWHERE, "slope": np.full((1, 1, 1), slope), "unit_cost": np.zeros(1)}
    return problem(("analyst",), ("GRC",), quarters, **(fields | changes))


def solved(p: AllocationProblem, solver: Any = "scipy") -> tuple[AllocationModel, Solution, float]:
    allocation = build(p)
    answer = solve(allocation.model, solver)
    return allocation, answer, allocation.objective(answer.x)


def price(p: AllocationProblem, kind: str, label: tuple[str, ...]) -> tuple[float, str]:
    """What one unit of room of a limit is worth, and the sentence."""
    allocation, answer, _ = solved(p, "highs")
    block = allocation.model.row_block(kind)
    row = block.start + block.labels.index(label)
    change, _, text = words.price(p, block, label, float(allocation.model.row_upper[row]), answer.dual[row])
    return change, text


# ------------------------------------------------------------------------------------------ posts


def test_recruits_are_trained_first_and_some_do_not_complete() -> None:
    """Two training places of a quarter, half complete: one joins a quarter, from the second on."""
    p = one_place(4, available=4.0, first=np.array([1]), lead=np.array([1]), completion=np.array([0.5]),
                  training_places=np.array([2.0]))
    allocation, answer, value = solved(p)
    assert allocation.staff(answer.x)[0, 0] == pytest.approx([0, 1, 2, 3])
    assert value == pytest.approx(-6)
    # one more place in the first quarter: half a member of staff for three quarters
    change, text = price(p, "training_places", ("analyst", "2025Q1"))
    assert change == pytest.approx(-1.5, rel=1e-4)
    assert text == "One more training place for analyst in 2025Q1 would lower the weighted harm by 1.5 points."


def test_recruits_are_paid_from_the_budget() -> None:
    """EUR 10,000 a quarter in training, EUR 30,000 in all: three are trained, at once, for two quarters each half price."""
    p = one_place(4, available=9.0, first=np.array([1]), lead=np.array([1]), training_cost=np.array([40_000.0]),
                  budgets={("europol", 2025): 30_000.0})
    allocation, answer, _ = solved(p)
    assert allocation.staff(answer.x)[0, 0] == pytest.approx([0, 3, 3, 3])
    assert allocation.spending(answer.x).sum() == pytest.approx(30_000)
    # two quarters of training cost twice as much each
    longer = replace(p, first=np.array([2]), lead=np.array([2]))
    allocation, answer, _ = solved(longer)
    assert allocation.staff(answer.x)[0, 0] == pytest.approx([0, 0, 1.5, 1.5])
    assert value_of(longer, allocation.staff(answer.x))["eur"] == pytest.approx(30_000)


def test_a_reserve_is_called_upon_for_part_of_the_year() -> None:
    """Two posts for two quarters a year make four quarters of work, in each of two years."""
    p = one_place(8, available=2.0, year_use=np.array([2.0]))
    allocation, answer, value = solved(p)
    assert value == pytest.approx(-8)
    by_year = allocation.staff(answer.x)[0, 0].reshape(2, 4).sum(axis=1)
    assert by_year == pytest.approx([4, 4])
    change, text = price(p, "year_use", ("analyst", "2026"))
    assert change == pytest.approx(-1, rel=1e-4)
    assert text == "A quarter more of one analyst in 2026 would lower the weighted harm by 1 point."


# ------------------------------------------------------------------------------------------ money


def test_money_is_kept_for_the_next_year() -> None:
    """EUR 100,000 for 2025, half a post at EUR 100,000 a year: 50,000 are left, of which 40,000 may be kept."""
    p = one_place(8, available=0.5, unit_cost=np.array([100_000.0]), budgets={("europol", 2025): 100_000.0},
                  carry_over={"europol": 0.4})
    allocation, answer, value = solved(p)
    assert value == pytest.approx(-(4 * 0.5 + 40_000 / 25_000))
    assert allocation.values("carried", answer.x)[0, 0] * p.money_unit == pytest.approx(40_000)
    assert solved(replace(p, carry_over={}))[2] == pytest.approx(-2)
    change, text = price(p, "carry_most", ("europol", "2025"))
    assert change == pytest.approx(-40, rel=1e-4)
    assert text == ("EUR 1 million more of the heading europol kept from 2025 for the next year would lower the weighted harm "
                    "by 40 points.")
    # what is kept can be kept again, but no more than a share of each year's own budget
    three = replace(one_place(12, available=0.5, unit_cost=np.array([100_000.0])), carry_over={"europol": 0.4},
                    budgets={("europol", 2025): 100_000.0, ("europol", 2026): 0.0})
    assert solved(three)[2] == pytest.approx(value)


# ------------------------------------------------------------------------------------------ setting up


def two_sites(available: float, quarters: int = 2, **changes: Any) -> AllocationProblem:
    """Greece is worth 10 a head and quarter and Italy 6, for two heads each; setting up costs 15 points (EUR 15 million)."""
    fields: dict[str, Any] = {
        "width": np.array([[[2.0], [2.0]]]), "slope": np.array([[[10.0], [6.0]]]), "unit_cost": np.zeros(1), "cost_weight": 1e-6,
        "set_up": (SetUp("analyst", 15e6, 2),)}
    return problem(quarters=quarters, available=available, **(fields | changes))


@pytest.mark.parametrize("solver", ["highs", "cbc", "scipy"])
def test_a_fixed_cost_is_paid_where_enough_staff_comes(solver: str) -> None:
    # Greece 2 x 10 x 2 - 15 = 25; one in Italy would bring 12 and cost 15; two bring 24
    allocation, answer, value = solved(two_sites(3.0), solver)
    assert value == pytest.approx(-25)
    assert allocation.staff(answer.x)[0, :, 0] == pytest.approx([2, 0])
    assert solved(two_sites(4.0), solver)[2] == pytest.approx(-(25 + 9))


def test_what_was_set_up_lasts_for_a_time() -> None:
    # lasting one quarter, Greece costs 30 for 40 and Italy 30 for 24
    assert solved(two_sites(4.0, set_up=(SetUp("analyst", 15e6, 1),)))[2] == pytest.approx(-10)
    # four quarters of 20 in Greece at two set-ups
    assert solved(two_sites(2.0, quarters=4))[2] == pytest.approx(-(80 - 30))
    assert value_of(two_sites(2.0, quarters=4), np.array([[[2.0] * 4, [0.0] * 4]]))["eur"] == pytest.approx(30e6)


def test_a_least_team_and_its_budget() -> None:
    least = two_sites(3.0, set_up=(SetUp("analyst", 0.0, 2, 2.0),))
    _allocation, _answer, value = solved(least)
    assert value == pytest.approx(-40), "the third has no company"
    assert solved(two_sites(4.0, budgets={("europol", 2025): 14e6}))[2] == pytest.approx(0)
    assert solved(two_sites(4.0, budgets={("europol", 2025): 29e6}))[2] == pytest.approx(-25)


def test_greedy_sets_up_only_what_pays() -> None:
    for available, best in ((3.0, -25), (4.0, -34)):
        p = two_sites(available)
        assert value_of(p, greedy(build(p)))["objective"] == pytest.approx(best)
    unpaid = two_sites(4.0, budgets={("europol", 2025): 29e6})
    assert value_of(unpaid, greedy(build(unpaid)))["objective"] == pytest.approx(-25)


# ------------------------------------------------------------------------------------------ movement


def test_moving_takes_notice() -> None:
    """Who has to move on after a quarter works every other quarter: 2 x 8, less training worth 10.

    A new officer for each quarter would cost 10 and bring 8; without notice the one works in all four quarters.
    """
    p = one_place(5, 8.0, available=1.0, first=np.array([1]), lead=np.array([1]), training_cost=np.array([40e6]),
                  cost_weight=1e-6, stay_most=np.array([1.0]), notice=1)
    allocation, answer, value = solved(p)
    assert value == pytest.approx(-6)
    assert allocation.staff(answer.x)[0, 0].sum() == pytest.approx(2)
    assert solved(replace(p, notice=0))[2] == pytest.approx(-22)
    assert solved(replace(p, notice=2))[2] == pytest.approx(-6), "quarters 2 and 5"
    assert solved(replace(p, notice=3))[2] == pytest.approx(0), "one quarter of work does not pay the training"


def test_who_leaves_altogether_gives_no_notice() -> None:
    """Recruits that cost nothing replace each other every quarter."""
    p = one_place(4, available=1.0, stay_most=np.array([1.0]), notice=1)
    assert solved(p)[2] == pytest.approx(-4)


# ------------------------------------------------------------------------------------------ hosts and partners


def test_teams_count_by_their_people_where_room_is_short() -> None:
    p = one_place(available=9.0, hosted=np.array([5.0]), absorb=np.array([10.0]))
    allocation, answer, _ = solved(p)
    assert allocation.staff(answer.x).sum() == pytest.approx(2)


def test_teams_take_the_posts_of_their_people_from_a_pool() -> None:
    """Five posts make one team worth 9 or five analysts worth 2 each."""
    p = problem(("analyst", "task_force_team"), ("GRC",), width=np.full((2, 1, 1), np.inf), available=9.0,
                slope=np.array([[[2.0]], [[9.0]]]), posts=np.array([1.0, 5.0]),
                pools=(SharedPool("posts", ("analyst", "task_force_team"), 5.0),))
    assert solved(p)[2] == pytest.approx(-10)
    assert solved(replace(p, slope=np.array([[[2.0]], [[11.0]]])))[2] == pytest.approx(-11)


def test_a_type_goes_only_where_it_works() -> None:
    p = problem(("analyst", "liaison_officer"), ("GRC", "TUN"), sites=np.array([[True, False], [False, True]]),
                width=np.full((2, 2, 1), np.inf), slope=np.array([[[1.0], [9.0]], [[9.0], [2.0]]]), available=3.0)
    allocation, answer, value = solved(p)
    assert value == pytest.approx(-(3 + 6))
    assert allocation.staff(answer.x)[:, :, 0] == pytest.approx(np.array([[3, 0], [0, 3]]))
    assert len(allocation.model.column_block("staff").labels) == 2
    assert value_of(p, greedy(allocation))["objective"] == pytest.approx(value)
    with pytest.raises(ProblemError, match="minimum: analyst cannot be sent to TUN"):
        replace(p, minimum=np.array([[0.0, 1.0], [0.0, 0.0]]))


def test_two_kinds_of_officers_share_the_partners() -> None:
    """Two investigators at home make one team; its officer is the one worth 8, not the one worth 5."""
    p = problem(("deployed_officer", "reserve_officer"), ("GRC",), width=np.full((2, 1, 1), np.inf), available=1.0,
                slope=np.array([[[8.0]], [[5.0]]]),
                teams=JointTeams(("deployed_officer", "reserve_officer"), "investigator", 2.0, np.array([2.0])))
    assert solved(p)[2] == pytest.approx(-8)
    assert in_teams(p, np.ones((2, 1, 1)))[:, 0, 0] == pytest.approx([1, 0])
    three = replace(p, teams=replace(p.teams, home=np.array([3.0])))  # type: ignore[type-var]
    assert solved(three)[2] == pytest.approx(-(8 + 2.5))
    assert value_of(three, np.ones((2, 1, 1)))["objective"] == pytest.approx(-10.5)


# ------------------------------------------------------------------------------------------ contributions


def shared(**changes: Any) -> AllocationProblem:
    """Staff works in Italy; Greece owes three quarters of it and can give one to others."""
    key = ContributionKey(("investigator",), np.array([[0.75, 0.25]]), 0.5, np.array([[1.0, np.inf]]))
    fields: dict[str, Any] = {"sites": np.array([[False, True]]), "width": np.full((1, 2, 1), np.inf),
                              "slope": np.ones((1, 2, 1)), "available": 10.0, "key": replace(key, **changes)}
    return problem(("investigator",), **fields)


def test_nobody_gives_less_than_the_least_share_of_the_key() -> None:
    # Italy gives at most 1.5 x a quarter: E <= 1 + 0.375 E
    assert solved(shared())[2] == pytest.approx(-1.6)
    # Greece gives at least 0.9 x three quarters and can give 1: E <= 1 / 0.675
    p = shared(least=0.9)
    assert solved(p)[2] == pytest.approx(-1 / 0.675)
    allocation, answer, _ = solved(p, "highs")
    block = allocation.model.row_block("key_least")
    change, _, text = words.price(p, block, block.labels[0], 0.0, answer.dual[block.start])
    assert change == pytest.approx(-1 / 0.675, rel=1e-4)
    assert text.startswith("One investigator less that Greece has to give in 2025Q1 would lower the weighted harm by 1.48")
    assert value_of(p, greedy(build(p)))["objective"] == pytest.approx(-1 / 0.675)


def test_types_from_one_stock_share_what_can_be_spared() -> None:
    """Greece can spare two investigators; as reserve officers they are worth 3, as investigators 2."""
    names = ("investigator", "reserve_officer")
    key = ContributionKey(names, np.array([[1.0, 0.0]] * 2), 0.5, np.full((2, 2), 2.0))
    p = problem(names, sites=np.array([[False, True]] * 2), width=np.full((2, 2, 1), np.inf), available=1.5,
                slope=np.array([[[2.0]] * 2, [[3.0]] * 2]), key=key)
    assert solved(p)[2] == pytest.approx(-1.5 * (2 + 3)), "each its own"
    together = replace(p, key=replace(key, stock={"reserve_officer": "investigator"}))
    assert solved(together)[2] == pytest.approx(-(1.5 * 3 + 0.5 * 2))
    allocation = build(together)
    assert {label[0] for label in allocation.model.row_block("spare").labels} == {"investigator"}
    # greedy halves what can be spared between the two
    assert value_of(together, greedy(allocation))["objective"] == pytest.approx(-(1 * 3 + 1 * 2))


# ------------------------------------------------------------------------------------------ all together


@pytest.mark.parametrize("seed", range(3))
def test_all_families_together(seed: int) -> None:
    """Three solvers agree, the curves confirm the value, greedy is no better and feasible."""
    p = rich_problem(seed)
    allocation = build(p)
    limits = {kind for kind, row in ROWS.items() if row.limit}
    present = {block.name for block in allocation.model.rows}
    own = {"own_most", "own_least", "own_equal"}
    assert limits - present - own <= {"minimum", "lead"} and "running" in present
    values = []
    for solver in ("highs", "cbc", "scipy"):
        answer = solve(allocation.model, solver)
        values.append(allocation.objective(answer.x))
        worth = value_of(p, allocation.staff(answer.x), allocation.values("employed", answer.x))
        euros = float(allocation.spending(answer.x).sum())
        assert -worth["avoided"] + p.cost_weight * euros == pytest.approx(values[-1], rel=1e-4)
        assert 0.98 * euros <= worth["eur"] <= euros * (1 + 1e-6), "rotation and replacement are left out"
    assert values == pytest.approx([values[0]] * 3, rel=1e-4)
    sent = greedy(allocation)
    block = allocation.index["staff"] >= 0
    low, high = allocation.model.lower.copy(), allocation.model.upper.copy()
    low[allocation.index["staff"][block]] = np.maximum(sent[block] - 1e-5, 0.0)
    high[allocation.index["staff"][block]] = sent[block] + 1e-5
    solve(replace(allocation.model, lower=low, upper=high), "scipy")  # or it is infeasible
    assert value_of(p, sent)["objective"] >= values[0] - 1e-6 * abs(values[0])
    assert value_of(p, sent)["objective"] < 0.5 * values[0]


@pytest.mark.parametrize("seed", range(2))
def test_every_new_limit_prices_room_as_good(seed: int) -> None:
    p = rich_problem(seed)
    allocation = build(replace(p, set_up=()))
    answer = solve(allocation.model)
    binding = set()
    for block in allocation.model.rows:
        for label, dual in zip(block.labels, answer.dual[block.start:block.stop], strict=True):
            change, unit, text = words.price(p, block, label, 1.0, dual)
            assert "{" not in text + words.limit(p, block, label, 1.0) and unit.startswith("points")
            if ROWS[block.name].limit:
                assert change <= 1e-7, text
                binding |= {block.name} if change < -1e-4 else set()
    assert len(binding) >= 6


def test_room_never_hurts() -> None:
    p = rich_problem(0)
    base = solved(p)[2]
    assert p.key is not None
    for looser in (
        replace(p, notice=0), replace(p, carry_over={"europol": 0.5}), replace(p, year_use=p.year_use + 1),
        replace(p, training_places=p.training_places + 1), replace(p, completion=np.ones(5)), replace(p, training_cost=np.zeros(5)),
        replace(p, set_up=(SetUp("task_force_team", 100_000.0, 3, 0.5),)), replace(p, set_up=(SetUp("task_force_team", 200_000.0, 4),)),
        replace(p, key=replace(p.key, least=0.0)), replace(p, key=replace(p.key, stock={})), replace(p, sites=p.sites | (p.asks[:, None])),
    ):
        assert solved(looser)[2] <= base + 1e-6 * abs(base)


# ------------------------------------------------------------------------------------------ scale and ties


@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e6])
def test_the_unit_of_money_does_not_matter(scale: float) -> None:
    """Kronor, cents or billions beside fractions of posts: the same staff and the same points."""
    p = rich_problem(1)
    q = replace(
        p, unit_cost=p.unit_cost * scale, posting_cost=p.posting_cost * scale, training_cost=p.training_cost * scale,
        budgets={k: v * scale for k, v in p.budgets.items()}, cost_weight=p.cost_weight / scale,
        set_up=tuple(replace(s, eur=s.eur * scale) for s in p.set_up))
    (allocation, answer, value), (scaled, other, same) = solved(p), solved(q)
    assert same == pytest.approx(value, rel=1e-7)
    assert scaled.staff(other.x) == pytest.approx(allocation.staff(answer.x), abs=1e-6)
    assert scaled.model.scale_report() == pytest.approx(allocation.model.scale_report(), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-2, 1e2])
def test_the_unit_of_staff_does_not_matter(scale: float) -> None:
    """Counting in hundreds of posts, or in hundredths: the same plan, where nothing is whole."""
    p = replace(rich_problem(2), set_up=())
    assert p.teams is not None and p.key is not None
    q = replace(
        p, width=p.width * scale, slope=p.slope / scale, available=p.available * scale, joiners=p.joiners * scale,
        training_places=p.training_places * scale, unit_cost=p.unit_cost / scale, training_cost=p.training_cost / scale,
        posting_cost=p.posting_cost / scale, absorb=p.absorb * scale, ramp=p.ramp * scale,
        pools=tuple(replace(pool, available=pool.available * scale) for pool in p.pools),
        teams=replace(p.teams, home=p.teams.home * scale), key=replace(p.key, spare=p.key.spare * scale))
    (allocation, answer, value), (scaled, other, same) = solved(p), solved(q)
    assert same == pytest.approx(value, rel=1e-7)
    assert scaled.staff(other.x) == pytest.approx(allocation.staff(answer.x) * scale, rel=1e-5, abs=1e-6 * scale)


def test_billions_beside_fractions_of_posts() -> None:
    """A vessel costs EUR 6 million, a kit EUR 1,000, budgets reach EUR 5 billion: coefficients stay within seven powers of ten."""
    p = problem(("rescue_unit", "kit"), quarters=4, unit_cost=np.array([6e6, 1e3]), available=0.25, posting_cost=3000.0,
                cost_weight=1e-6, width=np.full((2, 2, 1), np.inf), slope=np.array([[[9.0], [7.0]], [[0.01], [0.02]]]),
                budgets={("europol", 2025): 5e9})
    report = build(p).model.scale_report()
    assert report["matrix_max"] / report["matrix_min"] < 1e6 and 1e-3 <= report["matrix_min"] <= report["matrix_max"] <= 1e3
    # the vessel's quarter avoids 9 points and costs 1.5, the kit's 0.02 and 0.00025; each is posted for EUR 3,000
    worth = 0.25 * (4 * (9 - 1.5) - 0.003) + 0.25 * (4 * (0.02 - 0.00025) - 0.003)
    for solver in ("highs", "cbc", "scipy"):
        assert solved(p, solver)[2] == pytest.approx(-worth, rel=1e-7)


def tied(seed: int, **changes: Any) -> AllocationProblem:
    """Five places of equal worth for seven heads."""
    return problem(places=tuple("ABCDE"), quarters=2, width=np.full((1, 5, 1), 2.0), slope=np.full((1, 5, 1), 3.0),
                   available=7.0, seed=seed, **changes)


def test_ties_are_broken_by_the_seed_alone() -> None:
    found = {}
    for seed in (1, 2, 3):
        answers = [solved(tied(seed), solver) for solver in ("highs", "cbc", "scipy")]
        staff = [allocation.staff(answer.x) for allocation, answer, _ in answers]
        for other in staff[1:]:
            assert other == pytest.approx(staff[0], abs=1e-6), "every solver takes the same of many optima"
        for _, _, value in answers:
            assert value == pytest.approx(-42, abs=1e-9), "what is reported does not hold the tie-break"
        found[seed] = staff[0].round(6).tobytes()
    assert len(set(found.values())) > 1, "another seed takes another optimum"
    again = solved(tied(1), "highs")
    assert again[0].staff(again[1].x).round(6).tobytes() == found[1]


@pytest.mark.parametrize("seed", range(3))
def test_the_tie_break_costs_nothing_that_is_told(seed: int) -> None:
    """The optimum of the objective without tie-break is reached to nine digits."""
    p = rich_problem(seed)
    allocation, _, value = solved(p)
    bare = replace(allocation.model, cost=allocation.model.cost - allocation.tie_break)
    best = solve(bare, "scipy").objective
    assert best <= value + 1e-9 * abs(value)
    assert value == pytest.approx(best, rel=1e-6)
