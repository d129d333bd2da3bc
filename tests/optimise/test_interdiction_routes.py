"""Shortest-path interdiction and the inspection game: hand figures, published samples, all attacks and all ways enumerated."""

import math
from collections.abc import Mapping
from itertools import chain, combinations
from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import linprog

from countersmuggling.optimise import SolveError
from countersmuggling.optimise.interdiction import (
    InterdictionError,
    inspection_game,
    max_flow_interdiction,
    shortest_path_interdiction,
)


def graph(*edges: tuple[object, ...], **common: float) -> nx.DiGraph:
    """Edges as (tail, head, attributes...) with what all of them share."""
    made = nx.DiGraph()
    for tail, head, own in edges:
        made.add_edge(tail, head, **{**common, **own})  # type: ignore[dict-item]
    return made


def gallery() -> nx.DiGraph:
    """Sample data of the Pyomo Gallery's shortest_path interdiction (its notebook prints 5, 17 and 100).

    There a shipper who would pay more than 100 gives up: here that is an edge of length 100 that nobody can lengthen.
    """
    lengths = {("Start", "B"): 10, ("Start", "C"): 2, ("C", "B"): 2, ("B", "End"): 1, ("C", "D"): 7, ("D", "End"): 8}
    made = nx.DiGraph()
    for (tail, head), length in lengths.items():
        made.add_edge(tail, head, length=length, delay=101, cost=1)
    made.add_edge("Start", "End", length=100, delay=0, cost=1)
    return made


def random_graph(rng: np.random.Generator, nodes: int = 6, share: float = 0.45) -> nx.DiGraph:
    """A graph in which 0 reaches nodes - 1, with whole lengths, delays and costs (zero among them)."""
    while True:
        made = nx.DiGraph()
        made.add_nodes_from(range(nodes))
        for tail in range(nodes):
            for head in range(nodes):
                if tail != head and rng.random() < share:
                    made.add_edge(tail, head, length=int(rng.integers(0, 9)), delay=int(rng.integers(0, 7)),
                                  cost=int(rng.integers(1, 4)), detection=float(rng.choice([0.1, 0.3, 0.5, 0.9, 1.0])))
        if nx.has_path(made, 0, nodes - 1):
            return made


def attacks(g: nx.DiGraph, budget: float, useful: str) -> list[tuple[Any, ...]]:
    """All sets of edges within the budget."""
    edges = [e for e in g.edges if g.edges[e][useful] > 0]
    sets = chain.from_iterable(combinations(edges, k) for k in range(len(edges) + 1))
    return [s for s in sets if sum(g.edges[e]["cost"] for e in s) <= budget]


def length_against(g: nx.DiGraph, longer: Mapping[Any, float], source: object, target: object) -> float:
    return float(nx.dijkstra_path_length(
        g, source, target, weight=lambda u, v, data: data["length"] + longer.get((u, v), 0.0)))


@pytest.mark.parametrize(("budget", "value"), [(0, 5), (1, 17), (2, 100), (5, 100)])
def test_published_sample_with_whole_attacks(budget: int, value: float) -> None:
    answer = shortest_path_interdiction(gallery(), "Start", "End", budget, integer=True)
    assert answer.value == pytest.approx(value)
    assert answer.gap == pytest.approx(0, abs=1e-6)
    assert answer.spent <= budget
    assert set(answer.effort) == set(gallery().edges)
    assert set(answer.effort.values()) <= {0.0, 1.0}


def test_attacks_that_change_nothing_are_not_in_the_answer() -> None:
    answer = shortest_path_interdiction(gallery(), "Start", "End", 6, integer=True)
    assert answer.spent == 2


def test_water_filling_over_parallel_ways() -> None:
    """Ways of 1, 2 and 5 with dear (2 a unit) and cheap (1) edges: 1 -> 2 costs 2; then 3 a unit to 5; then 3.5 a unit.

    With 14: 2 + 9 = 11 bring all to 5, the other 3 bring 3 / (2 + 1 + 0.5) = 6/7.
    """
    g = graph(("s", "a", {"length": 1, "cost": 2}), ("s", "b", {"length": 2, "cost": 1}), ("s", "c", {"length": 5, "cost": 0.5}),
              delay=100)
    for via in "abc":
        g.add_edge(via, "t", length=0, delay=0, cost=1)
    answer = shortest_path_interdiction(g, "s", "t", 14)
    assert answer.value == pytest.approx(5 + 6 / 7)
    assert answer.effort["s", "a"] == pytest.approx(4 + 6 / 7)
    assert answer.effort["s", "c"] == pytest.approx(6 / 7)
    assert answer.budget_price == pytest.approx(1 / 3.5)
    # the evader mixes so that a unit of money buys as much on every way: shares 2 : 1 : 0.5
    assert dict(answer.routes) == pytest.approx({("s", "a", "t"): 2 / 3.5, ("s", "b", "t"): 1 / 3.5, ("s", "c", "t"): 0.5 / 3.5})
    assert answer.spent == pytest.approx(14)


def test_effort_stops_at_delay_and_what_is_left_is_not_spent() -> None:
    g = graph(("s", "t", {"length": 1, "delay": 3, "cost": 2}))
    answer = shortest_path_interdiction(g, "s", "t", 100)
    assert (answer.value, answer.spent, answer.budget_price) == pytest.approx((4, 6, 0))


def test_whole_attacks_equal_the_best_of_all_attacks() -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        g, budget = random_graph(rng), int(rng.integers(1, 5))
        best = max(length_against(g, {e: g.edges[e]["delay"] for e in s}, 0, 5) for s in attacks(g, budget, "delay"))
        answer = shortest_path_interdiction(g, 0, 5, budget, integer=True)
        assert answer.value == pytest.approx(best, abs=1e-9)
        assert answer.bound >= answer.value
        assert length_against(g, {e: g.edges[e]["delay"] * x for e, x in answer.effort.items()}, 0, 5) == pytest.approx(best)
        assert sum(g.edges[e]["cost"] * x for e, x in answer.effort.items()) <= budget + 1e-9


def test_linear_form_equals_the_programme_over_all_ways() -> None:
    rng = np.random.default_rng(2)
    for _ in range(12):
        g, budget = random_graph(rng), float(rng.uniform(0, 12))
        edges = list(g.edges)
        ways = [set(nx.utils.pairwise(way)) for way in nx.all_simple_paths(g, 0, 5)]
        at_least = np.array([[1.0, *(-float(e in way) for e in edges)] for way in ways])
        within = np.array([[0.0, *(g.edges[e]["cost"] for e in edges)]])
        expected: Any = linprog(
            [-1.0, *np.zeros(len(edges))], A_ub=np.vstack([at_least, within]),
            b_ub=[*(sum(g.edges[e]["length"] for e in way) for way in ways), budget],
            bounds=[(None, None), *((0, g.edges[e]["delay"]) for e in edges)])
        answer = shortest_path_interdiction(g, 0, 5, budget)
        assert answer.value == pytest.approx(-expected.fun, abs=1e-7)
        assert length_against(g, answer.effort, 0, 5) == pytest.approx(answer.value)
        assert answer.spent <= budget * (1 + 1e-9)
        assert sum(share for _, share in answer.routes) == pytest.approx(1)


def test_more_budget_is_never_worse_and_brings_less_and_less() -> None:
    rng = np.random.default_rng(3)
    for _ in range(4):
        g = random_graph(rng)
        values = [shortest_path_interdiction(g, 0, 5, b).value for b in range(5)]
        gains = np.diff(values)
        assert (gains >= -1e-9).all() and (np.diff(gains) <= 1e-9).all(), "concave in the budget"
        whole = [shortest_path_interdiction(g, 0, 5, b, integer=True).value for b in range(4)]
        assert (np.diff(whole) >= -1e-9).all()


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale: float) -> None:
    g = random_graph(np.random.default_rng(4))
    other = nx.DiGraph()
    for u, v, d in g.edges(data=True):
        other.add_edge(u, v, length=d["length"] * scale, delay=d["delay"] * scale, cost=d["cost"])
    for integer, budget in ((True, 3.0), (False, 3.0)):
        here = shortest_path_interdiction(g, 0, 5, budget, integer)
        there = shortest_path_interdiction(other, 0, 5, budget * (1 if integer else scale), integer)
        assert there.value == pytest.approx(here.value * scale)


def test_an_edge_with_infinite_delay_can_be_removed() -> None:
    g = graph(("s", "t", {"length": 1}), ("s", "m", {"length": 2}), ("m", "t", {"length": 2}), delay=math.inf, cost=1)
    assert shortest_path_interdiction(g, "s", "t", 1, integer=True).value == 4
    answer = shortest_path_interdiction(g, "s", "t", 2, integer=True)
    assert (answer.value, answer.path, answer.spent) == (math.inf, (), 2)
    # in the linear form a budget buys only so much length
    assert shortest_path_interdiction(g, "s", "t", 5).value == pytest.approx(5)
    everything = shortest_path_interdiction(g, "s", "t", math.inf)
    assert everything.value == math.inf and everything.effort["s", "t"] == math.inf


def test_an_edge_of_infinite_cost_is_left_alone() -> None:
    g = graph(("s", "t", {"length": 1, "cost": math.inf}), ("s", "m", {"length": 1}), ("m", "t", {"length": 1}), delay=5)
    for integer in (False, True):
        answer = shortest_path_interdiction(g, "s", "t", 10, integer)
        assert (answer.value, answer.spent) == (1, 0)


def test_both_directions_of_a_street_are_two_edges() -> None:
    street = nx.Graph()
    street.add_edge("s", "a", length=1, delay=4, cost=1)
    street.add_edge("a", "b", length=1, delay=4, cost=1)
    street.add_edge("b", "t", length=1, delay=4, cost=1)
    street.add_edge("s", "b", length=5, delay=0, cost=1)
    answer = shortest_path_interdiction(street.to_directed(), "s", "t", 1, integer=True)
    assert answer.value == pytest.approx(7)
    assert answer.effort["b", "t"] == 1 and answer.effort["t", "b"] == 0


def test_names_of_nodes_may_be_anything() -> None:
    g = graph((("x", 1), "ö-ä", {}), ("ö-ä", "ä-ö", {}), ("ä-ö", 3.5, {}), length=1, delay=1, cost=1)
    answer = shortest_path_interdiction(g, ("x", 1), 3.5, 2)
    assert answer.value == pytest.approx(5)


# --- the inspection game


def test_inspection_of_two_ways_by_hand() -> None:
    """One edge sure, one seen half the time: the inspector stands at the worse twice as often; value 1 / (1 + 2)."""
    g = graph(("s", "a", {"detection": 1.0}), ("s", "b", {"detection": 0.5}), ("a", "t", {"detection": 0.2}),
              ("b", "t", {"detection": 0.2}))
    answer = inspection_game(g, "s", "t")
    assert answer.value == pytest.approx(1 / 3)
    assert answer.effort == pytest.approx({("s", "a"): 1 / 3, ("s", "b"): 2 / 3, ("a", "t"): 0, ("b", "t"): 0})
    assert dict(answer.routes) == pytest.approx({("s", "b", "t"): 2 / 3, ("s", "a", "t"): 1 / 3})
    assert answer.gap == pytest.approx(0, abs=1e-9)


def test_value_of_the_game_is_one_over_the_maximum_flow() -> None:
    rng = np.random.default_rng(5)
    for _ in range(25):
        g = random_graph(rng, share=float(rng.uniform(0.3, 0.7)))
        for edge in g.edges:
            g.edges[edge]["capacity"] = 1 / g.edges[edge]["detection"]
        answer = inspection_game(g, 0, 5)
        assert answer.value == pytest.approx(1 / nx.maximum_flow_value(g, 0, 5), rel=1e-6)
        # both guarantees, from their own definitions
        for way in nx.all_simple_paths(g, 0, 5):
            assert sum(g.edges[e]["detection"] * answer.effort[e] for e in nx.utils.pairwise(way)) >= answer.value - 1e-7
        for edge in g.edges:
            seen = sum(chance for way, chance in answer.routes if edge in nx.utils.pairwise(way))
            assert seen * g.edges[edge]["detection"] <= answer.value + 1e-7
        assert sum(answer.effort.values()) == pytest.approx(1)
        assert sum(chance for _, chance in answer.routes) == pytest.approx(1)


def test_a_way_without_any_detection_makes_the_game_worthless() -> None:
    g = graph(("s", "a", {"detection": 0.0}), ("a", "t", {"detection": 0.0}), ("s", "t", {"detection": 0.9}))
    answer = inspection_game(g, "s", "t")
    assert answer.value == 0
    assert sum(answer.effort.values()) == 0


# --- what is refused


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lenght": 1, "delay": 1, "cost": 1}, "no edge of the graph has the attribute 'length'; did you mean 'lenght'"),
        ({"length": -1, "delay": 1}, "'length' of edge 's' -> 't' is -1: it must be zero or more"),
        ({"length": 1, "delay": math.nan}, "'delay' of edge 's' -> 't' is nan, not a number"),
        ({"length": 1, "delay": "2"}, "'delay' of edge 's' -> 't' is '2', not a number"),
        ({"length": 1, "cost": 1}, "no edge of the graph has the attribute 'delay'"),
        ({"length": 1, "delay": 1, "cost": -2}, "'cost' of edge 's' -> 't' is -2"),
        ({"length": math.inf, "delay": 1}, "infinite: leave the edge out"),
    ],
)
def test_attributes_that_make_no_problem(change: dict[str, float], says: str) -> None:
    with pytest.raises(InterdictionError, match=says):
        shortest_path_interdiction(graph(("s", "t", change)), "s", "t", 1)


def test_defaults_of_attributes() -> None:
    """Cost is 1 where it is missing, delay 0 where only some edges have it; length must be there."""
    g = graph(("s", "m", {"length": 1, "delay": 2}), ("m", "t", {"length": 1}))
    assert shortest_path_interdiction(g, "s", "t", 5).value == pytest.approx(4)
    del g.edges["m", "t"]["length"]
    with pytest.raises(InterdictionError, match="'length' of edge 'm' -> 't' is missing"):
        shortest_path_interdiction(g, "s", "t", 5)


@pytest.mark.parametrize(
    ("ends", "says"),
    [(("s", "z"), "target 'z' is not a node"), (("S", "t"), "source 'S' is not a node of the graph; did you mean 's'"),
     (("s", "s"), "same node"), (("t", "s"), "no way from 't' to 's'")],
)
def test_nodes_that_make_no_problem(ends: tuple[str, str], says: str) -> None:
    g = graph(("s", "t", {"length": 1, "delay": 1, "detection": 0.5}))
    with pytest.raises(InterdictionError, match=says):
        shortest_path_interdiction(g, *ends, 1)
    with pytest.raises(InterdictionError, match=says):
        inspection_game(g, *ends)


@pytest.mark.parametrize("budget", [-1, math.nan, None, "3"])
def test_budgets_that_make_no_sense(budget: float) -> None:
    g = graph(("s", "t", {"length": 1, "delay": 1, "capacity": 1}))
    with pytest.raises(InterdictionError, match="the budget is"):
        shortest_path_interdiction(g, "s", "t", budget)
    with pytest.raises(InterdictionError, match="the budget is"):
        max_flow_interdiction(g, "s", "t", budget)


def test_graphs_of_another_kind() -> None:
    for kind, says in ((nx.Graph, "to_directed"), (nx.MultiDiGraph, "multigraph"), (dict, "got dict")):
        with pytest.raises(InterdictionError, match=says):
            inspection_game(kind([("s", "t")]), "s", "t")
    with pytest.raises(InterdictionError, match="it must be zero or more and at most 1"):
        inspection_game(graph(("s", "t", {"detection": 1.2})), "s", "t")


def test_a_time_limit_is_an_error_not_an_answer() -> None:
    rng = np.random.default_rng(6)
    g = random_graph(rng, nodes=60, share=0.3)
    with pytest.raises(SolveError, match="time limit"):
        shortest_path_interdiction(g, 0, 59, 12, integer=True, time_limit=1e-4)
