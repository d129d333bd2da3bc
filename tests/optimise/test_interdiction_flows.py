"""Maximum-flow interdiction with sure and with uncertain attacks: published sample, hand figures, everything enumerated."""

import math
from itertools import chain, combinations, product

import networkx as nx
import numpy as np
import pytest

from countersmuggling.optimise import SolveError
from countersmuggling.optimise.interdiction import (
    InterdictionError,
    flows,
    max_flow_interdiction,
    networks,
    stochastic_max_flow_interdiction,
)

Edge = tuple[object, object]


def gallery() -> nx.DiGraph:
    """Sample data of the Pyomo Gallery's max_flow interdiction (its notebook prints 80, 10 and 0)."""
    made = nx.DiGraph()
    for tail, head, capacity in (("Start", "B", 10), ("Start", "C", 70), ("C", "B", 30), ("B", "End", 100),
                                 ("C", "D", 40), ("D", "End", 50)):
        made.add_edge(tail, head, capacity=capacity, cost=1)
    return made


def random_graph(rng: np.random.Generator, nodes: int = 6, edges: int = 11) -> nx.DiGraph:
    made = nx.DiGraph()
    made.add_nodes_from(range(nodes))
    while made.number_of_edges() < edges:
        tail, head = (int(i) for i in rng.integers(0, nodes, 2))
        if tail != head:
            made.add_edge(tail, head, capacity=int(rng.integers(0, 12)), cost=int(rng.integers(1, 4)))
    return made


def flow_without(g: nx.DiGraph, removed: set[Edge], source: object, target: object) -> float:
    left = nx.DiGraph(g)
    left.remove_edges_from(removed)
    return float(nx.maximum_flow_value(left, source, target))


def attacks(g: nx.DiGraph, budget: float) -> list[tuple[Edge, ...]]:
    sets = chain.from_iterable(combinations(g.edges, k) for k in range(g.number_of_edges() + 1))
    return [s for s in sets if sum(g.edges[e]["cost"] for e in s) <= budget]


def expected_flow(g: nx.DiGraph, attack: tuple[Edge, ...], success: dict[Edge, float], source: object, target: object) -> float:
    """Every outcome of every attack."""
    total = 0.0
    for outcome in product((False, True), repeat=len(attack)):
        chance = math.prod(success[e] if hit else 1 - success[e] for e, hit in zip(attack, outcome, strict=True))
        total += chance * flow_without(g, {e for e, hit in zip(attack, outcome, strict=True) if hit}, source, target)
    return total


@pytest.mark.parametrize(("budget", "value"), [(0, 80), (1, 10), (2, 0)])
def test_published_sample(budget: int, value: float) -> None:
    answer = max_flow_interdiction(gallery(), "Start", "End", budget)
    assert answer.value == pytest.approx(value)
    assert answer.spent == budget
    assert set(answer.effort) == set(gallery().edges)


def test_cut_and_flow_of_the_published_sample() -> None:
    answer = max_flow_interdiction(gallery(), "Start", "End", 1)
    assert {e for e, x in answer.effort.items() if x} == {("Start", "C")}
    assert answer.cut == (("Start", "B"),)
    assert answer.flow["B", "End"] == pytest.approx(10)


def test_best_of_all_attacks() -> None:
    rng = np.random.default_rng(1)
    values = []
    for _ in range(15):
        g, budget = random_graph(rng, edges=13), int(rng.integers(0, 5))
        best = min(flow_without(g, set(s), 0, 5) for s in attacks(g, budget))
        answer = max_flow_interdiction(g, 0, 5, budget)
        assert answer.value == pytest.approx(best, abs=1e-9)
        removed = {e for e, x in answer.effort.items() if x == 1}
        assert flow_without(g, removed, 0, 5) == pytest.approx(best, abs=1e-9)
        assert answer.spent == sum(g.edges[e]["cost"] for e in removed) <= budget
        assert sum(g.edges[e]["capacity"] for e in answer.cut) == pytest.approx(best, abs=1e-9)
        values.append(best)
    assert np.count_nonzero(values) >= 5


def test_more_budget_is_never_worse() -> None:
    rng = np.random.default_rng(2)
    g = random_graph(rng, edges=16)
    values = [max_flow_interdiction(g, 0, 5, b).value for b in range(8)]
    assert (np.diff(values) <= 1e-9).all()
    assert values[0] == pytest.approx(nx.maximum_flow_value(g, 0, 5))
    assert max_flow_interdiction(g, 0, 5, math.inf).value == 0


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale: float) -> None:
    g = random_graph(np.random.default_rng(3), edges=18)
    other = nx.DiGraph()
    for u, v, d in g.edges(data=True):
        other.add_edge(u, v, capacity=d["capacity"] * scale, cost=d["cost"] / scale)
    here, there = max_flow_interdiction(g, 0, 5, 2), max_flow_interdiction(other, 0, 5, 2 / scale)
    assert here.value > 0
    assert there.value == pytest.approx(here.value * scale)
    uncertain = stochastic_max_flow_interdiction(g, 0, 5, 2, 0.6).value
    assert stochastic_max_flow_interdiction(other, 0, 5, 2 / scale, 0.6).value == pytest.approx(uncertain * scale)


def test_unlimited_edges() -> None:
    """An edge without limit has to be attacked or avoided by the cut; if it can be neither, nothing helps."""
    g = nx.DiGraph()
    g.add_edge("s", "a", capacity=math.inf, cost=2)
    g.add_edge("a", "t", capacity=math.inf, cost=3)
    g.add_edge("s", "t", capacity=4, cost=1)
    assert max_flow_interdiction(g, "s", "t", 1).value == math.inf
    assert max_flow_interdiction(g, "s", "t", 2).value == pytest.approx(4)
    assert max_flow_interdiction(g, "s", "t", 3).value == 0
    with pytest.raises(InterdictionError, match="no limit"):
        stochastic_max_flow_interdiction(g, "s", "t", 1, 0.5)
    g.edges["a", "t"]["capacity"] = 1e9
    assert max_flow_interdiction(g, "s", "t", 1).value == pytest.approx(1e9)


def test_where_nothing_gets_through_nothing_is_attacked() -> None:
    g = nx.DiGraph([("s", "a"), ("t", "a")])
    nx.set_edge_attributes(g, 3, "capacity")
    assert max_flow_interdiction(g, "s", "t", 1).value == 0
    answer = stochastic_max_flow_interdiction(g, "s", "t", 1, 0.5)
    assert (answer.value, sum(answer.effort.values())) == (0, 0)


# --- attacks that may fail


def test_one_edge_by_hand() -> None:
    g = nx.DiGraph()
    g.add_edge("s", "t", capacity=10)
    assert stochastic_max_flow_interdiction(g, "s", "t", 1, 0.75).value == pytest.approx(2.5)
    assert stochastic_max_flow_interdiction(g, "s", "t", 0, 0.75).value == pytest.approx(10)


def test_two_edges_in_a_row_are_better_than_one() -> None:
    """Both attacks have to fail for anything to get through: 10 x 0.4 x 0.4; side by side 10 x 0.4 + 10 x 0.4."""
    row = nx.DiGraph([("s", "a"), ("a", "t")])
    nx.set_edge_attributes(row, 10, "capacity")
    answer = stochastic_max_flow_interdiction(row, "s", "t", 2, 0.6)
    assert answer.value == pytest.approx(1.6)
    assert answer.flow["s", "a"] == pytest.approx(1.6)
    beside = nx.DiGraph([("s", "a"), ("s", "b"), ("a", "t"), ("b", "t")])
    nx.set_edge_attributes(beside, 10, "capacity")
    assert stochastic_max_flow_interdiction(beside, "s", "t", 2, 0.6).value == pytest.approx(8)


def test_best_of_all_attacks_over_all_outcomes() -> None:
    rng = np.random.default_rng(4)
    values = []
    for _ in range(8):
        g, budget = random_graph(rng, nodes=5, edges=9), int(rng.integers(1, 4))
        success = {e: float(rng.choice([0.0, 0.25, 0.5, 0.9, 1.0])) for e in g.edges}
        best = min(expected_flow(g, s, success, 0, 4) for s in attacks(g, budget))
        answer = stochastic_max_flow_interdiction(g, 0, 4, budget, success)
        assert answer.value == pytest.approx(best, abs=1e-7)
        attack = tuple(e for e, x in answer.effort.items() if x == 1)
        assert expected_flow(g, attack, success, 0, 4) == pytest.approx(answer.value)
        assert answer.bound <= answer.value + 1e-9
        assert answer.spent <= budget
        values.append(best)
    assert np.count_nonzero(values) >= 4


def test_what_is_learnt_from_an_attack_holds_for_every_other() -> None:
    """The master programme's rows bound the expected flow of all attacks from below, and meet it at their own."""
    rng = np.random.default_rng(8)
    for _ in range(3):
        g = random_graph(rng, nodes=5, edges=9)
        success = {e: float(rng.uniform(0.2, 0.9)) for e in g.edges}
        network, chance = networks.read(g, 0, 4), np.array(list(success.values()))
        capacity = np.array([float(g.edges[e]["capacity"]) for e in g.edges])
        tried = [s for s in attacks(g, 4) if len(s) <= 2]
        true = [expected_flow(g, s, success, 0, 4) for s in tried]
        marks = np.array([[e in s for e in g.edges] for s in tried], dtype=float)
        for own, (attack, value) in enumerate(zip(marks, true, strict=True)):
            constant, taken = flows._learnt(network, capacity, attack, chance)[0]
            assert constant == pytest.approx(value, abs=1e-9)
            bound = constant - marks @ taken
            assert (bound <= np.array(true) + 1e-9).all()
            assert bound[own] == pytest.approx(value, abs=1e-9)


def test_sure_attacks_give_the_problem_without_chance() -> None:
    rng = np.random.default_rng(5)
    for _ in range(4):
        g = random_graph(rng)
        assert stochastic_max_flow_interdiction(g, 0, 5, 3, 1).value == pytest.approx(max_flow_interdiction(g, 0, 5, 3).value, abs=1e-9)
        assert stochastic_max_flow_interdiction(g, 0, 5, 3, 0).value == pytest.approx(nx.maximum_flow_value(g, 0, 5))


def test_likelier_success_is_never_worse() -> None:
    g = random_graph(np.random.default_rng(6), edges=14)
    values = [stochastic_max_flow_interdiction(g, 0, 5, 3, p).value for p in (0, 0.2, 0.5, 0.8, 1)]
    assert (np.diff(values) <= 1e-9).all()


def test_edges_left_out_of_the_dict_cannot_be_attacked() -> None:
    g = gallery()
    answer = stochastic_max_flow_interdiction(g, "Start", "End", 1, {("B", "End"): 0.5})
    assert {e for e, x in answer.effort.items() if x} == {("B", "End")}
    assert answer.value == pytest.approx(0.5 * 80 + 0.5 * 40)


@pytest.mark.parametrize(
    ("success", "says"),
    [(1.5, "success is 1.5"), (math.nan, "not a number"), ({("Start", "Z"): 0.5}, "is not an edge"),
     ({("Start", "B"): -0.5}, "success of edge 'Start' -> 'B' is -0.5"), ([0.5], "a dict by edge")],
)
def test_chances_that_are_none(success: float, says: str) -> None:
    with pytest.raises(InterdictionError, match=says):
        stochastic_max_flow_interdiction(gallery(), "Start", "End", 1, success)


def test_capacities_must_be_there() -> None:
    g = gallery()
    del g.edges["C", "D"]["capacity"]
    with pytest.raises(InterdictionError, match="'capacity' of edge 'C' -> 'D' is missing"):
        max_flow_interdiction(g, "Start", "End", 1)


def test_a_time_limit_is_an_error_not_an_answer() -> None:
    g = random_graph(np.random.default_rng(7), nodes=60, edges=900)
    with pytest.raises(SolveError, match="time limit"):
        max_flow_interdiction(g, 0, 59, 15, time_limit=1e-4)


def test_the_programme_can_be_written_and_read(tmp_path: object) -> None:
    from pathlib import Path

    answer = max_flow_interdiction(gallery(), "Start", "End", 1)
    assert answer.solution is not None and answer.solution.problem is not None
    file = Path(str(tmp_path)) / "wood.lp"
    answer.solution.problem.writeLP(str(file))
    assert "attack__1__Start__C" in file.read_text()
