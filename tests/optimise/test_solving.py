import signal
import subprocess
import sys
from typing import Any, get_args

import numpy as np
import pulp
import pytest

from countersmuggling.optimise import duals, solving
from countersmuggling.optimise.linear_model import Builder, LinearModel
from countersmuggling.optimise.rendering import from_pulp, to_pulp
from countersmuggling.optimise.solving import Infeasible, SolveError, StoppedEarly, Unbounded, solve, verify

SOLVERS = get_args(solving.SolverName)


def wyndor() -> LinearModel:
    """Hillier and Lieberman's Wyndor Glass as a minimisation: optimum -36 at (2, 6), duals 0, -3/2, -1."""
    b = Builder()
    b.columns("x", ("i",), [("1",), ("2",)], cost=[-3, -5])
    b.rows("plant", ("p",), [("1",), ("2",), ("3",)], "<=", [4, 12, 18], [0, 1, 2, 2], [0, 1, 0, 1], [1, 2, 3, 2])
    return b.build()


def three_rows() -> LinearModel:
    """min 2x + 3y; x + y >= 4; x + 3y >= 6; x <= 3: optimum 9 (some builds of CBC return duals worth 8)."""
    b = Builder()
    b.columns("x", ("i",), [("x",), ("y",)], cost=[2, 3])
    b.rows("least", ("k",), [("a",), ("b",)], ">=", [4, 6], [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 3])
    b.rows("most", ("k",), [("c",)], "<=", 3, [0], [0], [1])
    return b.build()


@pytest.mark.parametrize("interior_point", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_wyndor_with_signs_of_duals(solver: solving.SolverName, interior_point: bool) -> None:
    answer = solve(wyndor(), solver, interior_point=interior_point)
    assert answer.x == pytest.approx([2, 6])
    assert answer.objective == pytest.approx(-36)
    assert answer.dual == pytest.approx([0, -1.5, -1])
    assert answer.bound == pytest.approx(-36)


@pytest.mark.parametrize("solver", SOLVERS)
def test_three_row_problem_has_equal_primal_and_dual(solver: solving.SolverName) -> None:
    answer = solve(three_rows(), solver)
    assert answer.objective == pytest.approx(9)
    assert answer.bound == pytest.approx(9)
    assert answer.dual[:2].min() >= 0 >= answer.dual[2]


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_duals_of_a_maximisation_are_normalised(solver: duals.PulpSolver) -> None:
    """The same problem written as a maximisation in PuLP: solvers disagree on the sign, `duals` does not."""
    problem = to_pulp(wyndor())
    problem.sense = pulp.LpMaximize
    problem.setObjective(-problem.objective)
    problem.solve(solving._pulp_solver(solver, None, False, None))
    assert duals.from_pulp(problem, solver) == pytest.approx([0, -1.5, -1])


def test_ranges_of_right_hand_sides() -> None:
    low, high = solving.rhs_ranges(solve(wyndor()))
    assert (low[1], high[1], low[2], high[2]) == pytest.approx((6, 18, 12, 24))
    low, high = solving.rhs_ranges(solve(wyndor(), interior_point=True))
    assert (low[1], high[1], low[2], high[2]) == pytest.approx((6, 18, 12, 24))
    assert np.isnan(solving.rhs_ranges(solve(wyndor(), "scipy"))[0]).all()


def test_wrong_answers_fail_the_check() -> None:
    model, x, dual = wyndor(), np.array([2.0, 6.0]), np.array([0.0, -1.5, -1.0])
    assert verify(model, x, dual).passed
    assert not verify(model, np.array([2.0, 6.1]), dual).passed, "breaks a row"
    assert not verify(model, np.array([-1.0, 6.0]), dual).passed, "breaks a bound"
    assert not verify(model, np.array([2.0, 5.0]), dual).passed, "feasible but not optimal"
    assert not verify(model, x, -dual).passed, "wrong sign"
    assert verify(model, x, -dual).dual > 0.1
    assert not verify(model, x, np.array([0.0, -1.4, -1.0])).passed, "duals of another problem"
    assert not verify(model, x, np.array([np.nan, -1.5, -1.0])).passed
    assert not verify(model, np.array([np.nan, 6.0]), dual).passed
    # CBC development builds: primal 9, duals that are worth 8
    assert not verify(three_rows(), np.array([3.0, 1.0]), np.array([2.0, 0.0, 0.0])).passed


def test_a_primal_taken_for_a_dual_fails() -> None:
    answer = solve(three_rows())
    assert not verify(three_rows(), answer.x, np.resize(answer.x, 3)).passed


def hard(seed: int = 0, n: int = 1200, m: int = 1000) -> LinearModel:
    """A dense-ish covering problem that takes the simplex method seconds."""
    g = np.random.default_rng(seed)
    b = Builder()
    x = b.columns("x", ("i",), [(str(i),) for i in range(n)], cost=g.uniform(1, 2, n))
    rows, cols = np.nonzero(g.uniform(size=(m, n)) < 0.2)
    b.rows("cover", ("k",), [(str(i),) for i in range(m)], ">=", g.uniform(1, 2, m), rows, x[cols],
           g.uniform(0.1, 1, rows.size))
    return b.build()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_time_limit_is_an_error_not_a_plan(solver: solving.SolverName) -> None:
    with pytest.raises(SolveError, match="time limit"):
        solve(hard(), solver, time_limit=0.05, interior_point=False)


def market_split(seed: int = 3, rows: int = 5, columns: int = 40) -> LinearModel:
    """Cornuejols and Dawande 1998: whole numbers for which no search of a second is enough; a point is found at once."""
    g = np.random.default_rng(seed)
    b = Builder(objective_unit=10.0)
    x = b.columns("x", ("i",), [(str(i),) for i in range(columns)], upper=1.0, integer=True)
    short = b.columns("off", ("k", "side"), [(str(k), side) for k in range(rows) for side in "du"], cost=1.0)
    weights = g.integers(0, 100, (rows, columns))
    for k in range(rows):
        b.rows(f"split{k}", ("k",), [(str(k),)], "=", weights[k].sum() // 2, np.zeros(columns + 2, dtype=int),
               [*x, short[2 * k], short[2 * k + 1]], [*weights[k], 1, -1])
    return b.build()


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_search_that_is_cut_off_says_how_far_it_came(solver: solving.SolverName) -> None:
    with pytest.raises(StoppedEarly, match="time limit of 0.5 s") as caught:
        solve(market_split(), solver, time_limit=0.5)
    stopped = caught.value
    if solver == "cbc":
        assert np.isnan(stopped.bound), "through PuLP CBC hands over none, and none is invented"
    elif np.isfinite(stopped.best):
        assert stopped.bound <= stopped.best and stopped.gap == pytest.approx((stopped.best - stopped.bound) / stopped.best)
        assert f"the best point found has {stopped.best:.6g}" in str(stopped) and "(gap " in str(stopped)
        assert stopped.best / 10 == pytest.approx(round(stopped.best / 10)), "in reported units"


def test_a_wider_gap_is_told_with_the_answer() -> None:
    """Ten of eleven: the search may stop below the optimum, and says what it proved."""
    g = np.random.default_rng(1)
    b = Builder()
    x = b.columns("x", ("i",), [(str(i),) for i in range(60)], upper=1.0, cost=-g.integers(50, 100, 60), integer=True)
    weights = g.integers(50, 100, (3, 60))
    for k in range(3):
        b.rows(f"room{k}", ("k",), [("1",)], "<=", weights[k].sum() / 3, np.zeros(60, dtype=int), x, weights[k])
    best, rough = solve(b.build()), solve(b.build(), mip_gap=0.2)
    assert best.gap <= 1e-6
    assert rough.gap <= 0.2 + 1e-9
    assert rough.bound <= best.objective + 1e-6 <= rough.objective + 2e-6
    assert rough.gap == pytest.approx((rough.objective - rough.bound) / abs(rough.objective))


def test_an_interrupt_stops_highs_itself() -> None:
    """Ctrl-C while native code runs: at the first chance that HiGHS gives, not when it has ended."""
    import highspy

    from countersmuggling.optimise.warm_start import WarmStart

    engine = WarmStart(hard())._engine
    pressed: list[int] = []

    def press(_: object) -> None:
        if not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)

    engine.cbSimplexInterrupt += press
    with pytest.raises(KeyboardInterrupt):
        solving._interruptible(engine)
    assert pressed and engine.getModelStatus() != highspy.HighsModelStatus.kOptimal


def test_what_fails_in_the_solver_is_not_lost() -> None:
    class Failing:
        HandleUserInterrupt = False

        def run(self) -> None:
            raise RuntimeError("no licence for this")

    with pytest.raises(RuntimeError, match="no licence"):
        solving._interruptible(Failing())


@pytest.mark.parametrize("solver", SOLVERS)
def test_infeasible_and_unbounded_are_told_apart(solver: solving.SolverName) -> None:
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], cost=[-1.0])
    b.rows("low", ("k",), [("1",)], ">=", 1, [0], x, [1])
    with pytest.raises(Unbounded):
        solve(b.build(), solver)
    b.rows("high", ("k",), [("1",)], "<=", 0.5, [0], x, [1])
    with pytest.raises(Infeasible):
        solve(b.build(), solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_whole_numbers(solver: solving.SolverName) -> None:
    """max 5a + 4b + 3c knapsack with weights 2, 3, 1 and room 5 (bounded by one): 9 at (1, 1, 0)."""
    b = Builder()
    x = b.columns("x", ("i",), [("a",), ("b",), ("c",)], upper=1.0, cost=[-5, -4, -3], integer=True)
    b.rows("room", ("k",), [("1",)], "<=", 5, [0, 0, 0], x, [2, 3, 1])
    answer = solve(b.build(), solver)
    assert answer.objective == pytest.approx(-9)
    assert answer.x == pytest.approx([1, 1, 0])
    assert answer.bound <= -9 + 1e-4


def test_scipy_searches_as_far_as_the_check_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself it stops a hundred times further from the optimum, and the answer would not pass."""
    from scipy import optimize

    asked: list[object] = []
    linprog = optimize.linprog

    def recording(*args: Any, **given: Any) -> Any:
        asked.append(given["options"].get("mip_rel_gap"))
        return linprog(*args, **given)

    monkeypatch.setattr(optimize, "linprog", recording)
    b = Builder()
    x = b.columns("x", ("i",), [("a",), ("b",)], upper=1.0, cost=[-2, -1], integer=True)
    b.rows("room", ("k",), [("1",)], "<=", 1, [0, 0], x, [1, 1])
    assert solve(b.build(), "scipy", mip_gap=1e-7).objective == pytest.approx(-2)
    assert asked == [1e-7, None], "the search, then the prices of the fixed programme"


def test_unknown_solver_is_named() -> None:
    with pytest.raises(ValueError, match="highs, cbc, scipy"):
        solve(wyndor(), "glpk")  # type: ignore[arg-type]


def test_objective_unit_scales_values_and_prices_together() -> None:
    from dataclasses import replace

    answer = solve(replace(wyndor(), objective_unit=1000.0))
    assert answer.objective == pytest.approx(-36000)
    assert answer.dual == pytest.approx([0, -1500, -1000])


def test_a_users_own_row_in_three_lines() -> None:
    problem = to_pulp(wyndor())
    x = problem.variablesDict()
    problem += x["x__1"] + x["x__2"] <= 7, "mine"
    answer = solve(from_pulp(problem))
    assert answer.objective == pytest.approx(-33)


def test_nothing_is_printed_on_standard_output() -> None:
    script = ("from countersmuggling.optimise.linear_model import Builder\n"
              "from countersmuggling.optimise.solving import solve\n"
              "b = Builder(); x = b.columns('x', ('i',), [('a',)], cost=[1.0])\n"
              "b.rows('low', ('k',), [('1',)], '>=', 1, [0], x, [1])\n"
              "solve(b.build()); print('only this')")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "only this\n"
