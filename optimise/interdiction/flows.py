"""Letting as little through as can be: edges removed from a network that somebody uses to its capacity.

Wood's programme finds the attack and the cut that remains together (a_i: node i lies on the target's side; g_e: edge e
is attacked; b_e: edge e crosses the cut and is not attacked):

    minimise    sum_e capacity_e b_e
    subject to  a_i - a_j + b_e + g_e >= 0                  for every edge e = (i, j)
                sum_e cost_e g_e <= budget
                a_source = 0, a_target = 1, b >= 0, g in {0, 1}

When attacks may fail, the expected flow is found by branching on the outcomes that make a difference, and the attack by
a master programme that learns a cut from every attack it tries.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import networkx as nx
import numpy as np
from networkx.algorithms.flow import dinitz

from ..linear_model import Booleans, Builder, Floats, LinearModel
from ..solving import Solution, SolveError, SolverName, solve
from .networks import DUST, Edge, InterdictionError, Network, number, read, relative_gap

CLOSE = 1e-6
"""Largest relative difference between the programme's value and the flow that is found in the network, and the gap
at which the search over uncertain attacks ends."""

ROUNDS = 1000
"""Most attacks that the search over uncertain attacks tries."""


@dataclass(frozen=True)
class FlowInterdiction:
    """The least that the maximum flow can be brought down to.

    Attributes
    ----------
    value : float
        Maximum flow past this effort, found in the network itself; infinite when the budget cannot limit it.
    effort : dict (tail, head) -> float
        1 for an edge that is attacked, 0 otherwise.
    spent : float
        What the effort costs.
    cut : tuple of edges
        A minimum cut of what remains: the edges not attacked that hold the flow down to the value.
    flow : dict (tail, head) -> float
        A maximum flow of what remains.
    bound : float
        What no effort within the budget falls below, as proved.
    gap : float
        Distance of value and bound, relative to the value or the largest capacity, whichever is more.
    status : str
        ``optimal``: anything less is an error.
    solution : Solution
        The verified programme.
    """

    value: float
    effort: dict[Edge, float]
    spent: float
    cut: tuple[Edge, ...]
    flow: dict[Edge, float]
    bound: float
    gap: float
    status: str
    solution: Solution | None = field(repr=False)


def max_flow_interdiction(
    graph: nx.DiGraph, source: Hashable, target: Hashable, budget: float, *, solver: SolverName = "highs",
    time_limit: float | None = None,
) -> FlowInterdiction:
    """Remove edges within a budget so that the maximum flow from source to target is least.

    Parameters
    ----------
    graph : networkx.DiGraph
        With ``capacity`` and ``cost`` (price of removing the edge; 1 where it is missing, infinite where it cannot be removed).
    budget : float
        Zero or more; may be infinite.
    solver, time_limit
        As in :func:`countersmuggling.optimise.solve`.

    Returns
    -------
    FlowInterdiction
        With a value of 0 when nothing gets through even without an attack.

    Raises
    ------
    InterdictionError
        For attributes that are missing, negative or no numbers, unknown or equal nodes, or a budget that makes no sense.
    SolveError
        When no optimum was proved.

    Notes
    -----
    Wood (1993), Mathematical and Computer Modelling 17(2):1-18.

    Examples
    --------
    >>> import networkx as nx
    >>> g = nx.DiGraph()
    >>> g.add_edge("s", "a", capacity=3)
    >>> g.add_edge("s", "t", capacity=2)
    >>> g.add_edge("a", "t", capacity=4)
    >>> answer = max_flow_interdiction(g, "s", "t", budget=1)
    >>> answer.value, sum(answer.effort.values())
    (2.0, 1.0)
    """
    network = read(graph, source, target)
    budget = number(budget, "the budget")
    capacity, cost = network.attribute("capacity"), network.attribute("cost", missing=1.0)
    live = network.live()
    if not live.any():
        return _nothing(network)
    # A cut with an edge without limit is worse than any other: such an edge counts as more than all others together.
    total = float(capacity[live & np.isfinite(capacity)].sum()) or 1.0
    beyond = 2 * total
    limited = np.minimum(capacity, beyond)
    model = _wood(network, live, limited, cost, budget)
    answer = solve(model, solver, time_limit=time_limit)
    beyond_cut = _values(model, answer, "side", len(network.nodes)) > 1 / 2
    crosses = live & ~beyond_cut[network.tail] & beyond_cut[network.head]
    attacked = np.abs(np.round(_values(model, answer, "attack", live.size)))
    attacked = np.where(crosses & (capacity > 0), attacked, 0.0)  # elsewhere an attack changes nothing
    found, flow = _max_flow(network, np.where(attacked > 0, 0.0, limited))
    size = network.size(limited * live)
    if relative_gap(found, answer.bound, size) > CLOSE:
        raise SolveError(f"the programme promises a flow of {answer.bound:g}, but {found:g} gets through")
    unlimited = found > (total + beyond) / 2
    value = math.inf if unlimited else found
    bound = math.inf if unlimited else min(answer.bound, found)
    return FlowInterdiction(
        value=value, effort=network.by_edge(attacked), spent=network.spent(cost, attacked),
        cut=tuple(network.edges[e] for e in np.flatnonzero(crosses & (attacked == 0)).tolist()), flow=network.by_edge(flow),
        bound=bound, gap=relative_gap(value, bound, size), status="optimal", solution=answer)


@dataclass(frozen=True)
class StochasticFlowInterdiction:
    """The least that the expected maximum flow can be brought down to when attacks may fail.

    Attributes
    ----------
    value : float
        Expected maximum flow under this effort, over all outcomes of its attacks, computed exactly.
    effort : dict (tail, head) -> float
        1 for an edge that is attacked, 0 otherwise.
    spent : float
        What the effort costs.
    flow : dict (tail, head) -> float
        Expected flow by edge.
    bound : float
        What no effort within the budget falls below, as proved.
    gap : float
        Distance of value and bound, relative to the value or the largest capacity, whichever is more.
    tried : int
        Attacks that the search had to value, that of nothing among them.
    status : str
        ``optimal``: anything less is an error.
    solution : Solution or None
        The last master programme.
    """

    value: float
    effort: dict[Edge, float]
    spent: float
    flow: dict[Edge, float]
    bound: float
    gap: float
    tried: int
    status: str
    solution: Solution | None = field(repr=False)


def stochastic_max_flow_interdiction(
    graph: nx.DiGraph, source: Hashable, target: Hashable, budget: float, success: float | Mapping[Edge, float], *,
    solver: SolverName = "highs", time_limit: float | None = None,
) -> StochasticFlowInterdiction:
    """Attack edges within a budget so that the expected maximum flow is least, when an attack may fail.

    Parameters
    ----------
    graph : networkx.DiGraph
        With finite ``capacity``, and ``cost`` as in :func:`max_flow_interdiction`.
    budget : float
        Zero or more; may be infinite.
    success : float or dict (tail, head) -> float
        Chance that an attack removes its edge, for all edges or by edge (edges that are not in the dict cannot be attacked).
        Attacks succeed or fail independently; a failed attack changes nothing.
    solver, time_limit
        As in :func:`countersmuggling.optimise.solve`; the limit holds for each solve.

    Returns
    -------
    StochasticFlowInterdiction

    Raises
    ------
    InterdictionError
        As :func:`max_flow_interdiction`; for chances that are no probabilities or belong to no edge, and for a flow without limit.
    SolveError
        When no optimum was proved.

    Notes
    -----
    The problem of Cormican, Morton and Wood (1998), Operations Research 46:184-197.  With the flow f(I) found for an
    outcome I of the attacks in g', every attack g obeys, because a flow past a successful attack can be given up,

        E h(g) >= E[f_ts(I)] - sum_{e not in g'} success_e E[f_e(I)] g_e,

    with equality at g' (their penalty form, which is convex in g): one such row for each attack that was tried, and the
    bound from expected outcomes (Jensen), make a master programme whose value rises until it meets the best attack's.
    Outcomes are branched on only while they make a difference.

    Examples
    --------
    >>> import networkx as nx
    >>> g = nx.DiGraph()
    >>> g.add_edge("s", "t", capacity=10)
    >>> stochastic_max_flow_interdiction(g, "s", "t", budget=1, success=0.75).value
    2.5
    """
    network = read(graph, source, target)
    budget = number(budget, "the budget")
    capacity, cost = network.attribute("capacity"), network.attribute("cost", missing=1.0)
    chance = _chances(network, success)
    live = network.live()
    if not live.any():
        empty = _nothing(network)
        return StochasticFlowInterdiction(0.0, empty.effort, 0.0, empty.flow, 0.0, 0.0, 0, "optimal", None)
    total = float(capacity[live & np.isfinite(capacity)].sum()) or 1.0
    capacity = np.minimum(capacity, 2 * total)
    if _max_flow(network, capacity)[0] > 3 * total / 2:
        raise InterdictionError("the flow has no limit: give the edges of infinite capacity a finite one")
    size = network.size(capacity * live)

    cost = np.where(chance > 0, cost, math.inf)
    attack = np.zeros(live.size)
    row, flow = _learnt(network, capacity, attack, chance)
    rows, best = [row], (row[0], attack, flow)
    answer: Solution | None = None
    for _ in range(ROUNDS):
        model = _wood(network, live, capacity, cost, budget, chance, rows)
        answer = solve(model, solver, time_limit=time_limit)
        attack = np.abs(np.round(_values(model, answer, "attack", live.size)))
        bound = min(answer.bound, best[0])
        if relative_gap(best[0], bound, size) <= CLOSE:
            break
        row, flow = _learnt(network, capacity, attack, chance)
        rows.append(row)
        if row[0] < best[0]:
            best = row[0], attack, flow
        if relative_gap(best[0], bound, size) <= CLOSE:
            break
    else:
        raise SolveError(
            f"after {ROUNDS} attacks the best expected flow is {best[0]:g} and the proved bound {bound:g}")
    value, attack, flow = best
    attack = _trimmed(network, capacity, chance, cost, attack, value)
    return StochasticFlowInterdiction(
        value=value, effort=network.by_edge(attack), spent=network.spent(cost, attack), flow=network.by_edge(flow), bound=bound,
        gap=relative_gap(value, bound, size), tried=len(rows), status="optimal", solution=answer)


def _nothing(network: Network) -> FlowInterdiction:
    none = network.by_edge(np.zeros(len(network.edges)))
    return FlowInterdiction(0.0, none, 0.0, (), dict(none), 0.0, 0.0, "optimal", None)


def _chances(network: Network, success: float | Mapping[Edge, float]) -> Floats:
    if isinstance(success, Real):
        return np.full(len(network.edges), number(success, "success", 1.0))
    if not isinstance(success, Mapping):
        raise InterdictionError(f"success: expected a probability or a dict by edge, got {type(success).__name__}")
    known = set(network.edges)
    for edge in success:
        if edge not in known:
            raise InterdictionError(f"success: {edge!r} is not an edge of the graph")
    return np.array([number(success.get(edge, 0.0), f"success of edge {edge[0]!r} -> {edge[1]!r}", 1.0) for edge in network.edges])


def _wood(
    network: Network, live: Booleans, capacity: Floats, cost: Floats, budget: float, chance: Floats | None = None,
    learnt: list[tuple[float, Floats]] | None = None,
) -> LinearModel:
    """The module's programme; with `chance`, the master programme over uncertain attacks.

    In the master the capacity of an attacked edge falls to (1 - chance) of itself on average, which bounds the expected
    flow from below, and so does every row that was `learnt`: a constant and what each edge's attack can take off.
    """
    edges = np.flatnonzero(live)
    attackable = np.flatnonzero(live & (cost <= budget) & (cost < math.inf) & (capacity > 0))
    unit = float(capacity[edges].max()) or 1.0
    b = Builder(name="flows", objective_unit=unit)
    known = np.unique(np.concatenate([network.tail[edges], network.head[edges]]))
    place = np.full(len(network.nodes), -1, dtype=np.int64)
    place[known] = np.arange(known.size)
    side = b.columns("side", ("number", "node"), [(str(i), str(network.nodes[i])) for i in known.tolist()],
                     lower=np.where(known == network.target, 1.0, 0.0), upper=np.where(known == network.source, 0.0, 1.0))
    master = chance is not None
    crossing = b.columns("crossing", ("number", "tail", "head"), network.labels(edges), upper=1.0,
                         cost=0.0 if master else capacity[edges] / unit)
    attack = b.columns("attack", ("number", "tail", "head"), network.labels(attackable), upper=1.0, integer=True)
    row = np.arange(edges.size)
    position = np.full(live.size, -1, dtype=np.int64)
    position[edges] = row
    b.rows("edge", ("number", "tail", "head"), network.labels(edges), ">=", 0.0,
           np.concatenate([row, row, row, position[attackable]]),
           np.concatenate([side[place[network.tail[edges]]], side[place[network.head[edges]]], crossing, attack]),
           np.concatenate([np.ones(edges.size), -np.ones(edges.size), np.ones(edges.size),
                           np.ones(attackable.size) if chance is None else chance[attackable]]))
    if attackable.size and budget < math.inf:
        dearest = float(cost[attackable].max()) or 1.0
        b.rows("budget", ("kind",), [("all",)], "<=", min(budget, float(cost[attackable].sum())) / dearest, np.zeros(attackable.size, dtype=np.int64), attack,
               cost[attackable] / dearest)
    if master:
        expected = b.columns("expected", ("kind",), [("flow",)], cost=1.0)
        b.rows("jensen", ("kind",), [("mean",)], ">=", 0.0, np.zeros(1 + edges.size, dtype=np.int64),
               np.concatenate([expected, crossing]), np.concatenate([[1.0], -capacity[edges] / unit]))
        rows = learnt or []
        size = attackable.size
        b.rows("learnt", ("number",), [(str(k),) for k in range(len(rows))], ">=", [value / unit for value, _ in rows],
               np.repeat(np.arange(len(rows)), 1 + size), np.tile(np.concatenate([expected, attack]), len(rows)),
               np.concatenate([np.concatenate([[1.0], taken[attackable] / unit]) for _, taken in rows]))
    return b.build()


def _values(model: LinearModel, answer: Solution, block: str, size: int) -> Floats:
    """Values of a block of columns at the nodes or edges that its labels number."""
    found, columns = np.zeros(size), model.column_block(block)
    found[[int(label[0]) for label in columns.labels]] = answer.x[columns.indices]
    return found


def _max_flow(network: Network, capacity: Floats) -> tuple[float, Floats]:
    """Maximum flow in the network itself, and a flow by edge."""
    remaining: Any = nx.DiGraph()
    remaining.add_nodes_from(range(len(network.nodes)))
    remaining.add_weighted_edges_from(
        zip(network.tail.tolist(), network.head.tolist(), capacity.tolist(), strict=True), weight="capacity")
    value, by_node = nx.maximum_flow(remaining, network.source, network.target, flow_func=dinitz)
    flow = np.array([by_node[i][j] for i, j in zip(network.tail.tolist(), network.head.tolist(), strict=True)], dtype=np.float64)
    return float(value), flow


def _learnt(network: Network, capacity: Floats, attack: Floats, chance: Floats) -> tuple[tuple[float, Floats], Floats]:
    """What valuing an attack teaches about all attacks: a constant, what each other edge's attack can take off it, and the flow."""
    value, flow = _expected(network, capacity, attack, chance)
    return (value, np.where(attack > 0, 0.0, chance * flow)), flow


def _expected(network: Network, capacity: Floats, attack: Floats, chance: Floats) -> tuple[float, Floats]:
    """Expected maximum flow, and the expectation of flows that pass no edge whose attack succeeded.

    The outcomes of all attacks are branched on one by one.  A branch ends when the flow is the same whether all
    attacks that are left fail or succeed; then the flow of the latter serves every outcome in between.
    """
    certain = (attack > 0) & (chance == 1)
    standing = np.where(certain, 0.0, capacity)
    return _branch(network, standing, (attack > 0) & ~certain & (chance > 0), chance)


def _branch(network: Network, standing: Floats, open_: Booleans, chance: Floats) -> tuple[float, Floats]:
    most, with_all = _max_flow(network, standing)
    used = open_ & (with_all > DUST * max(1.0, most))
    if not used.any():
        return most, np.where(open_, 0.0, with_all)
    least, without = _max_flow(network, np.where(open_, 0.0, standing))
    if most - least <= 1e-12 * max(1.0, most):
        return least, without
    edge = int(np.argmax(np.where(used, with_all, -1.0)))
    rest = open_.copy()
    rest[edge] = False
    gone = standing.copy()
    gone[edge] = 0.0
    stopped, flow_stopped = _branch(network, gone, rest, chance)
    passed, flow_passed = _branch(network, standing, rest, chance)
    p = float(chance[edge])
    return p * stopped + (1 - p) * passed, p * flow_stopped + (1 - p) * flow_passed


def _trimmed(network: Network, capacity: Floats, chance: Floats, cost: Floats, attack: Floats, value: float) -> Floats:
    """The attack without edges that add nothing to it, the dearest tried first."""
    for edge in sorted(np.flatnonzero(attack > 0).tolist(), key=lambda e: -cost[e]):
        fewer = attack.copy()
        fewer[edge] = 0.0
        if _expected(network, capacity, fewer, chance)[0] <= value * (1 + 1e-12):
            attack = fewer
    return attack
