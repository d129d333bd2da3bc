from dataclasses import replace

import numpy as np
import pytest

from countersmuggling.optimise import words
from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.infeasibility import Conflict, _only, explain, relax_weights
from countersmuggling.optimise.linear_model import Builder, LinearModel
from countersmuggling.optimise.problem import AllocationProblem, SharedPool
from countersmuggling.optimise.solving import SolveError, is_feasible


def kinds(p: AllocationProblem) -> list[tuple[str, tuple[str, ...]]]:
    conflict = explain(build(p).model)
    assert conflict is not None
    return [(conflict.row(i)[0].name, conflict.row(i)[1]) for i in conflict.rows]


def test_feasible_has_no_conflict() -> None:
    assert explain(build(problem()).model) is None


def test_minimum_above_posts() -> None:
    p = problem(minimum=np.array([[5.0, 0.0]]))
    assert kinds(p) == [("pool", ("analyst", "2025Q1")), ("minimum", ("analyst", "GRC", "2025Q1"))]
    conflict = explain(build(p).model)
    assert conflict is not None
    assert conflict.by == pytest.approx([2.0])
    assert words.limits(p, [conflict.row(i) for i in conflict.rows]) == [
        "at most 3 posts for analyst in 2025Q1 (resources.posts.analyst.available)",
        "at least 5 analyst in Greece in 2025Q1 (resources.hosts.GRC.minimum.analyst)"]


def test_minima_of_two_places_above_a_shared_pool() -> None:
    p = problem(("analyst", "deployed_officer"), width=2.0 * np.ones((2, 2, 1)), slope=np.ones((2, 2, 1)),
                minimum=np.array([[2.0, 0.0], [0.0, 2.0]]), pools=(SharedPool("new", ("analyst", "deployed_officer"), 3),))
    assert kinds(p) == [("shared_pool", ("new", "2025Q1")), ("minimum", ("analyst", "GRC", "2025Q1")),
                        ("minimum", ("deployed_officer", "ITA", "2025Q1"))]


def test_minimum_where_the_host_refuses_or_is_full() -> None:
    p = problem(minimum=np.array([[0.0, 1.0]]), consent=np.array([True, False]), asks=np.array([True]))
    assert kinds(p) == [("consent", ("ITA",)), ("minimum", ("analyst", "ITA", "2025Q1"))]
    p = problem(minimum=np.array([[0.0, 2.0]]), absorb=np.array([9.0, 1.5]))
    assert kinds(p) == [("absorb", ("ITA", "2025Q1")), ("minimum", ("analyst", "ITA", "2025Q1"))]


def test_minimum_beyond_the_budget() -> None:
    p = problem(quarters=4, minimum=np.array([[1.0, 0.0]]), budgets={("europol", 2025): 60_000.0})
    found = kinds(p)
    assert found[0] == ("budget", ("europol", "2025"))
    # 25,000 euros a quarter: three of the four quarters already cost more than there is
    assert [kind for kind, _ in found[1:]] == ["minimum"] * 3


def test_minimum_faster_than_the_ramp() -> None:
    p = problem(quarters=2, minimum=np.array([[2.0, 0.0]]), ramp=1.5)
    assert kinds(p) == [("minimum", ("analyst", "GRC", "2025Q1")), ("ramp_up", ("analyst", "GRC", "2025Q1"))]


@pytest.mark.parametrize("seed", range(12))
def test_planted_conflicts_are_irreducible(seed: int) -> None:
    """Random minima over random limits: every set named contradicts itself, and nothing less does."""
    g = np.random.default_rng(seed)
    p = random_problem(seed)
    p = replace(p, minimum=g.uniform(0, 4, p.minimum.shape) * (g.uniform(size=p.minimum.shape) < 0.5))
    model = build(p).model
    conflict = explain(model)
    if conflict is None:
        assert is_feasible(model)
        return
    definitions = relax_weights(model) == 0
    keep = definitions.copy()
    keep[list(conflict.rows)] = True
    assert not is_feasible(_only(model, keep))
    for row in conflict.rows:
        keep[row] = False
        assert is_feasible(_only(model, keep))
        keep[row] = True
    # and giving way as the relaxation says makes it feasible
    assert is_feasible(_loosened(model, conflict))


def _loosened(model: LinearModel, conflict: Conflict) -> LinearModel:
    low, high = model.row_lower.copy(), model.row_upper.copy()
    for row, by in zip(conflict.relaxed, conflict.by, strict=True):
        if np.isfinite(low[row]):
            low[row] -= by + 1e-6
        else:
            high[row] += by + 1e-6
    return replace(model, row_lower=low, row_upper=high)


def test_contradicting_definitions_are_an_error() -> None:
    b = Builder()
    x = b.columns("x", ("i",), [("a",)], upper=1.0)
    b.rows("definition", ("k",), [("1",)], "=", 2.0, [0], x, [1.0])
    with pytest.raises(SolveError, match="definitions"):
        explain(b.build())
