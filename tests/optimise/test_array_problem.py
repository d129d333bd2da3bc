"""The PuLP problem that is solved from its arrays and written out when somebody reads it."""

import copy
import pickle
from itertools import product
from pathlib import Path

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.optimise.array_problem import ArrayProblem
from countersmuggling.optimise.labels import AxisLabels, taken
from countersmuggling.optimise.linear_model import Builder, LinearModel
from countersmuggling.optimise.rendering import to_pulp
from countersmuggling.optimise.solving import Infeasible, Unbounded, _pulp_solver, solve


def random_model(seed: int, whole: bool = False) -> LinearModel:
    """A bounded programme with rows of every sense that the point of ones satisfies, and one optimum."""
    g = np.random.default_rng(seed)
    n, m = int(g.integers(2, 8)), int(g.integers(2, 7))
    b = Builder()
    x = b.columns("x", ("i", "j"), AxisLabels([[str(i) for i in range(n)], ["only"]]), lower=-g.integers(0, 3, n).astype(float),
                  upper=g.integers(2, 6, n).astype(float), cost=g.normal(size=n), integer=g.uniform(size=n) < 0.5 if whole else False)
    for k in range(m):
        a = np.round(g.normal(size=n), 2)
        sense = ("<=", ">=", "=")[int(g.integers(3)) if k == 0 else k % 2]
        room = float(g.uniform(0, 2))
        rhs = a.sum() + (room if sense == "<=" else -room if sense == ">=" else 0.0)
        b.rows(f"row{k}", ("n",), [("1",)], sense, rhs, np.zeros(n, dtype=int), x, a)  # type: ignore[arg-type]
    return b.build()


def read(problem: pulp.LpProblem) -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
    """Values and reduced costs of variables, duals and slacks of rows."""
    return ({v.name: (v.varValue, v.dj) for v in problem.variables()},
            {row.name: (row.pi, row.slack) for row in problem.constraints()})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), whole=st.booleans())
def test_the_arrays_are_answered_as_pulp_answers_the_problem_written_out(seed: int, whole: bool) -> None:
    model = random_model(seed, whole)
    lazy, written = to_pulp(model), to_pulp(model)
    assert len(written.variables()) == model.shape[1] and written.arrays is None
    for problem in (lazy, written):
        problem.solve(_pulp_solver("highs", None, False, 1e-9 if whole else None))
    assert lazy.arrays is model, "solving needs no variables"
    assert (lazy.status, lazy.sol_status) == (written.status, written.sol_status) == (pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
    for ours, pulps in zip(read(lazy), read(written), strict=True):
        assert ours.keys() == pulps.keys()
        for name, figures in ours.items():
            assert figures == pytest.approx(pulps[name], abs=1e-7), name
    assert pulp.value(lazy.objective) == pytest.approx(pulp.value(written.objective))


def test_solving_makes_no_variables_and_reading_gives_the_answer() -> None:
    answer = solve(random_model(1))
    problem = answer.problem
    assert isinstance(problem, ArrayProblem) and isinstance(problem, pulp.LpProblem)
    assert problem.arrays is answer.model
    found = problem.variablesDict()
    assert problem.arrays is None
    assert [found[name].varValue for name in answer.model.column_names()] == answer.x.tolist()
    assert problem.numVariables() == answer.model.shape[1] and problem.numConstraints() == answer.model.shape[0]


def cheapest() -> LinearModel:
    b = Builder()
    x = b.columns("x", ("i",), [("a",), ("b",)], cost=[2, 3])
    b.rows("demand", ("k",), [("all",)], ">=", 4, [0, 0], x, [1, 1])
    return b.build()


def test_what_somebody_adds_is_what_is_solved() -> None:
    problem = solve(cheapest()).problem
    assert problem is not None
    a = problem.variablesDict()["x__a"]
    problem += a <= 1, "own"
    problem.solve(_pulp_solver("highs", None, False, None))
    assert pulp.value(problem.objective) == pytest.approx(11.0)
    assert a.varValue == pytest.approx(1.0)


@pytest.mark.parametrize("first", [False, True])
def test_an_objective_or_a_sense_set_before_anything_was_read_is_not_lost(first: bool) -> None:
    problem = solve(cheapest()).problem if first else to_pulp(cheapest())
    assert problem is not None
    extra = problem.add_variable("extra", 1, 2)
    problem.objective = extra + 0
    assert problem.arrays is None and len(problem.constraints()) == 1
    problem.solve(_pulp_solver("highs", None, False, None))
    assert extra.varValue == 1.0
    problem = to_pulp(cheapest())
    problem.sense = pulp.LpMaximize
    assert problem.solve(_pulp_solver("highs", None, False, None)) != pulp.LpStatusOptimal, "unbounded upwards"


def test_another_solver_gets_the_problem_written_out() -> None:
    problem = to_pulp(cheapest())
    problem.solve(_pulp_solver("cbc", None, False, None))
    assert problem.arrays is None and pulp.value(problem.objective) == pytest.approx(8.0)


def test_files_copies_and_pickles_hold_the_problem(tmp_path: Path) -> None:
    model = random_model(5, whole=True)
    texts = []
    for name, problem in {"fresh": to_pulp(model), "copy": to_pulp(model).copy(), "deep": copy.deepcopy(to_pulp(model)),
                          "pickled": pickle.loads(pickle.dumps(to_pulp(model))), "own deep": to_pulp(model).deepcopy()}.items():
        problem.writeLP(str(tmp_path / f"{name}.lp"))
        texts.append((tmp_path / f"{name}.lp").read_text())
    assert len(set(texts)) == 1 and "row0__1" in texts[0] and "x__0__only" in texts[0]
    assert "MINIMIZE" in repr(to_pulp(model)) and "row0__1" in str(to_pulp(model))


def test_no_answer_is_called_an_optimum() -> None:
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], upper=1.0)
    b.rows("demand", ("k",), [("all",)], ">=", 4, [0], x, [1])
    with pytest.raises(Infeasible):
        solve(b.build())
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], cost=-1.0)
    b.rows("demand", ("k",), [("all",)], ">=", 4, [0], x, [1])
    with pytest.raises(Unbounded):
        solve(b.build())


# ------------------------------------------------------------------------------------------ labels


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3), seed=st.integers(0, 1000))
def test_labels_over_axes_are_those_of_the_product(sizes: list[int], seed: int) -> None:
    g = np.random.default_rng(seed)
    names = [[f"{'abc'[axis]}{n}" for n in range(size)] for axis, size in enumerate(sizes)]
    where = g.uniform(size=sizes) < 0.6
    labels = AxisLabels(names, where)
    plain = [label for label, there in zip(product(*names), where.ravel(), strict=True) if there]
    assert list(labels) == plain and len(labels) == len(plain) and labels == tuple(plain)
    assert [labels[n] for n in range(len(plain))] == plain
    keep = g.uniform(size=len(plain)) < 0.5
    assert list(taken(labels, keep)) == [label for label, k in zip(plain, keep, strict=True) if k]
    assert list(taken(tuple(plain), keep)) == list(taken(labels, keep))
    assert list(pickle.loads(pickle.dumps(labels))) == plain
    if plain:
        assert labels.index(plain[-1]) == len(plain) - 1
