"""Making the shortest way long, and standing where nobody can walk round: two problems of one linear programme.

With potentials pi (how far a node lies from the source) and g_e, the part of edge e's possible lengthening that is used,

    maximise    pi_target - pi_source
    subject to  pi_j - pi_i <= length_e + delay_e g_e       for every edge e = (i, j)
                sum_e price_e g_e <= budget
                0 <= g_e <= 1

The dual of the row of an edge is the chance that an evader who answers best uses it; that of the budget is what one more
unit of it would add.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import networkx as nx
import numpy as np

from ..linear_model import Booleans, Builder, Floats, LinearModel
from ..solving import Solution, SolveError, SolverName, solve
from .networks import DUST, Edge, InterdictionError, Network, number, read, relative_gap

ROUNDS = 6
"""How often the delays are cut down to what the relaxed problem shows to matter."""

CLOSE = 1e-6
"""Largest relative difference between the programme's value and the length that the evader finds."""


@dataclass(frozen=True)
class PathInterdiction:
    """The longest that the shortest way can be made.

    Attributes
    ----------
    value : float
        Length of the shortest way against this effort, found by Dijkstra's algorithm; infinite when there is none left.
    effort : dict (tail, head) -> float
        How much each edge is lengthened; with whole attacks 1 for an edge that is attacked and 0 otherwise.
    spent : float
        What the effort costs.
    path : tuple of nodes
        A shortest way against the effort; empty when the target is cut off.
    routes : tuple of (tuple of nodes, share)
        The evader's mixed answer: shortest ways with shares that sum to one, against which no other effort within the
        budget does better (linear form only; otherwise the one path).
    budget_price : float
        Length won by one more unit of budget, at the margin (linear form only; NaN otherwise).
    bound : float
        What no effort within the budget exceeds, as proved.
    gap : float
        Distance of value and bound, relative to the value or the longest edge, whichever is more.
    status : str
        ``optimal``: anything less is an error.
    solution : Solution
        The verified programme (maximisation is written as minimising the negative).
    """

    value: float
    effort: dict[Edge, float]
    spent: float
    path: tuple[Hashable, ...]
    routes: tuple[tuple[tuple[Hashable, ...], float], ...]
    budget_price: float
    bound: float
    gap: float
    status: str
    solution: Solution = field(repr=False)


def shortest_path_interdiction(
    graph: nx.DiGraph, source: Hashable, target: Hashable, budget: float, integer: bool = False, *,
    solver: SolverName = "highs", time_limit: float | None = None,
) -> PathInterdiction:
    """Lengthen edges within a budget so that the shortest way from source to target is as long as can be.

    Parameters
    ----------
    graph : networkx.DiGraph
        With ``length``, ``delay`` and ``cost`` on its edges (defaults: see :mod:`countersmuggling.optimise.interdiction`).
    budget : float
        Zero or more; may be infinite.
    integer : bool
        False (Fulkerson and Harding): effort lengthens an edge by as much, at ``cost`` per unit of length, up to ``delay``.
        True (Israeli and Wood): an attack costs ``cost`` and adds ``delay``; an edge is attacked or not.
    solver, time_limit
        As in :func:`countersmuggling.optimise.solve`; the limit holds for each solve.

    Returns
    -------
    PathInterdiction

    Raises
    ------
    InterdictionError
        For attributes that are missing, negative or no numbers, unknown or equal nodes, a budget that makes no sense, or a
        target that cannot be reached at all.
    SolveError
        When no optimum was proved.

    Notes
    -----
    Fulkerson and Harding (1977), Mathematical Programming 13:116-118; Israeli and Wood (2002), Networks 40:97-111.
    Before the search over whole attacks each delay is cut down to what the relaxed problem shows to matter (a way longer
    than its value is never the shortest), which leaves the answer as it is and makes the relaxation tighter.

    Examples
    --------
    >>> import networkx as nx
    >>> g = nx.DiGraph()
    >>> g.add_edge("s", "t", length=1, delay=5)
    >>> g.add_edge("s", "m", length=1, delay=5)
    >>> g.add_edge("m", "t", length=1, delay=5)
    >>> answer = shortest_path_interdiction(g, "s", "t", budget=3)
    >>> round(answer.value, 6)                   # one unit makes the ways equal, the other two are shared
    3.0
    """
    network = read(graph, source, target)
    budget = number(budget, "the budget")
    length = network.attribute("length")
    if not np.isfinite(length).all():
        edge = network.edges[int(np.flatnonzero(~np.isfinite(length))[0])]
        raise InterdictionError(f"'length' of edge {edge[0]!r} -> {edge[1]!r} is infinite: leave the edge out")
    delay = network.attribute("delay", missing=0.0, some=True)
    cost = network.attribute("cost", missing=1.0)
    live = _reachable(network)
    if integer:
        most = np.where(live & (cost <= budget) & (cost < math.inf), delay, 0.0)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            affordable = np.where(cost > 0, budget / cost, math.inf)
        most = np.where(live & (cost < math.inf), np.minimum(delay, affordable), 0.0)
    # An edge that can be removed is made longer than any way without such an edge.
    endless = ~np.isfinite(most)
    total = float(length[live].sum() + most[live & ~endless].sum()) or 1.0
    beyond = 2 * total
    most = np.where(endless, beyond, most)
    price = np.zeros(most.size)
    price[most > 0] = cost[most > 0] * (1.0 if integer else most[most > 0])

    if integer:
        matters, model = _tightened(network, live, length, most, price, budget, solver, time_limit)
    else:
        matters, model = most, _programme(network, live, length, most, price, budget)
    answer = solve(model, solver, time_limit=time_limit)
    used = _needed(network, live, model, answer, length, matters)
    distance, path = _shortest(network, length + most * used)
    proved = -answer.bound
    size = network.size(length + most * live)
    if relative_gap(distance, proved, size) > CLOSE:
        raise SolveError(f"the programme promises a shortest way of {proved:g}, but there is one of {distance:g}")
    cut_off = distance > (total + beyond) / 2
    value = math.inf if cut_off else distance
    bound = math.inf if cut_off else max(proved, distance)
    routes: tuple[tuple[tuple[Hashable, ...], float], ...] = ((path, 1.0),)
    if integer:
        effort, budget_price = used, math.nan
    else:
        effort = np.where(endless & (used == 1), math.inf, used * most)
        routes = network.walk(_use(network, live, model, answer))
        budget_price = _budget_price(model, answer, price)
    return PathInterdiction(
        value=value, effort=network.by_edge(effort), spent=network.spent(cost, effort),
        path=() if cut_off else path, routes=() if cut_off else routes, budget_price=budget_price, bound=bound,
        gap=relative_gap(value, bound, size), status="optimal", solution=answer)


@dataclass(frozen=True)
class InspectionGame:
    """Optimal mixed strategies of an inspector and an evader.

    Attributes
    ----------
    value : float
        Chance of detection when both play as well as can be: the least over all ways against `effort`.
    effort : dict (tail, head) -> float
        Chance that the inspector stands at the edge; sums to one (to zero when some way has no chance of detection at all).
    routes : tuple of (tuple of nodes, chance)
        The evader's mix of ways, the likeliest first.
    usage : dict (tail, head) -> float
        Chance that the evader's way uses the edge.
    bound : float
        Most that any inspector can reach against `routes`.
    gap : float
        Distance of value and bound.
    status : str
        ``optimal``: anything less is an error.
    solution : Solution
        The verified linear programme.
    """

    value: float
    effort: dict[Edge, float]
    routes: tuple[tuple[tuple[Hashable, ...], float], ...]
    usage: dict[Edge, float]
    bound: float
    gap: float
    status: str
    solution: Solution = field(repr=False)


def inspection_game(
    graph: nx.DiGraph, source: Hashable, target: Hashable, *, solver: SolverName = "highs",
) -> InspectionGame:
    """One inspector on one edge, against an evader who knows the odds of each edge but not the edge.

    Parameters
    ----------
    graph : networkx.DiGraph
        With ``detection`` on its edges: the chance that an inspection there sees who passes.

    Returns
    -------
    InspectionGame
        Whose value is the chance of detection.

    Raises
    ------
    InterdictionError
        For detection chances that are missing or not between 0 and 1, unknown or equal nodes, or a target that cannot be reached.
    SolveError
        When no optimum was proved.

    Notes
    -----
    Washburn and Wood (1995), Operations Research 43:243-251.  The value is one over the maximum flow from source to target
    with capacities 1 / detection, and an optimal inspector stands on the edges of a minimum cut.

    Examples
    --------
    >>> import networkx as nx
    >>> g = nx.DiGraph()
    >>> g.add_edge("s", "a", detection=1.0)
    >>> g.add_edge("s", "b", detection=0.5)
    >>> g.add_edge("a", "t", detection=0.1)
    >>> g.add_edge("b", "t", detection=0.1)
    >>> answer = inspection_game(g, "s", "t")
    >>> round(answer.value, 6), round(answer.effort["s", "b"], 6)
    (0.333333, 0.666667)
    """
    network = read(graph, source, target)
    detection = network.attribute("detection", most=1.0)
    live = _reachable(network)
    chance = np.where(live, detection, 0.0)
    length, price = np.zeros(chance.size), np.where(chance > 0, 1.0, 0.0)
    model = _programme(network, live, length, chance, price, 1.0)
    answer = solve(model, solver)
    effort = _needed(network, live, model, answer, length, chance)
    value, _ = _shortest(network, chance * effort)
    usage = _use(network, live, model, answer)
    bound = float((chance * usage).max(initial=0.0))
    if abs(value - bound) > CLOSE:
        raise SolveError(f"the inspector is sure of {value:g} only, while the evader concedes {bound:g}")
    return InspectionGame(
        value=value, effort=network.by_edge(effort), routes=network.walk(usage), usage=network.by_edge(usage), bound=max(bound, value),
        gap=max(bound - value, 0.0), status="optimal", solution=answer)


def _reachable(network: Network) -> Booleans:
    live = network.live()
    if not live.any():
        ends = network.nodes[network.source], network.nodes[network.target]
        raise InterdictionError(f"there is no way from {ends[0]!r} to {ends[1]!r} in the graph")
    return live


def _programme(
    network: Network, live: Booleans, length: Floats, most: Floats, price: Floats, budget: float, integer: bool = False,
) -> LinearModel:
    """The module's programme, in units in which every coefficient is at most one."""
    edges = np.flatnonzero(live)
    usable = np.flatnonzero(live & (most > 0))
    unit = max(float(length[edges].max()), float(most[edges].max())) or 1.0
    b = Builder(name="routes", objective_unit=unit)
    known = np.unique(np.concatenate([network.tail[edges], network.head[edges]]))
    place = np.full(len(network.nodes), -1, dtype=np.int64)
    place[known] = np.arange(known.size)
    start, end = place[network.source], place[network.target]
    free = np.where(np.arange(known.size) == start, 0.0, math.inf)
    potential = b.columns("distance", ("number", "node"), [(str(i), str(network.nodes[i])) for i in known.tolist()],
                          lower=-free, upper=free, cost=np.where(np.arange(known.size) == end, -1.0, 0.0))
    share = b.columns("effort", ("number", "tail", "head"), network.labels(usable), upper=1.0, integer=integer)
    row = np.arange(edges.size)
    position = np.full(live.size, -1, dtype=np.int64)
    position[edges] = row
    b.rows("edge", ("number", "tail", "head"), network.labels(edges), "<=", length[edges] / unit,
           np.concatenate([row, row, position[usable]]),
           np.concatenate([potential[place[network.head[edges]]], potential[place[network.tail[edges]]], share]),
           np.concatenate([np.ones(edges.size), -np.ones(edges.size), -most[usable] / unit]))
    if usable.size and budget < math.inf:
        dearest = _dearest(price)
        b.rows("budget", ("kind",), [("all",)], "<=", min(budget, float(price.sum())) / dearest, np.zeros(usable.size, dtype=np.int64), share,
               price[usable] / dearest)
    return b.build()


def _dearest(price: Floats) -> float:
    return float(price.max(initial=0.0)) or 1.0


def _tightened(
    network: Network, live: Booleans, length: Floats, most: Floats, price: Floats, budget: float, solver: SolverName,
    time_limit: float | None,
) -> tuple[Floats, LinearModel]:
    """Delays cut down to what can matter, and the programme with whole attacks made from them.

    The relaxed value is at least the best value.  A way over an attacked edge that is as long as that is not shorter
    than the shortest, so a delay need not bring the edge further; the next relaxation is then tighter.
    """
    last = math.inf
    for _ in range(ROUNDS):
        value = -solve(_programme(network, live, length, most, price, budget), solver, time_limit=time_limit).objective
        if value >= last * (1 - 1 / 100):
            break
        last = value
        room = value * (1 + CLOSE) + CLOSE * float(length.max(initial=0.0))
        most = np.minimum(most, np.maximum(room - length, 0.0))
    return most, _programme(network, live, length, most, price, budget, integer=True)


def _needed(
    network: Network, live: Booleans, model: LinearModel, answer: Solution, length: Floats, most: Floats,
) -> Floats:
    """The part of the solver's effort that the potentials need, by edge; the rest lengthens what nobody uses."""
    usable = np.flatnonzero(live & (most > 0))
    share = np.zeros(live.size)
    share[usable] = answer.x[model.column_block("effort").indices]
    if model.integer.any():
        share = np.abs(np.round(share))
    _, path = _shortest(network, length + most * share)
    distance = nx.single_source_dijkstra_path_length(
        network.graph, network.nodes[network.source], weight=_weight(network, length + most * share))
    end = distance[path[-1]]
    far = np.array([min(distance.get(node, end), end) for node in network.nodes])
    bridged = far[network.head] - far[network.tail] - length
    needed = np.where(bridged > DUST * end, np.minimum(share, bridged / np.where(most > 0, most, 1.0)), 0.0)
    if model.integer.any():
        return np.where(needed > 0, 1.0, 0.0)
    return np.where(needed > DUST, needed, 0.0)


def _use(network: Network, live: Booleans, model: LinearModel, answer: Solution) -> Floats:
    """Chance that an evader who answers best uses each edge: the duals of the rows of the edges."""
    usage = np.zeros(live.size)
    usage[np.flatnonzero(live)] = np.maximum(-answer.dual[model.row_block("edge").indices] / model.objective_unit, 0.0)
    return np.where(usage > DUST, usage, 0.0)


def _budget_price(model: LinearModel, answer: Solution, price: Floats) -> float:
    if not any(block.name == "budget" for block in model.rows):
        return 0.0
    return max(0.0, -float(answer.dual[model.row_block("budget").start]) / _dearest(price))


def _weight(network: Network, length: Floats) -> Any:
    by_edge = network.by_edge(length)

    def weight(tail: Hashable, head: Hashable, _: Any) -> float:
        return by_edge[tail, head]

    return weight


def _shortest(network: Network, length: Floats) -> tuple[float, tuple[Hashable, ...]]:
    distance, path = nx.single_source_dijkstra(
        network.graph, network.nodes[network.source], network.nodes[network.target], weight=_weight(network, length))
    return float(distance), tuple(path)


