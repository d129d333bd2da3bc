"""A graph as arrays: which edges there are, what they carry, and which of them matter between two nodes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import networkx as nx
import numpy as np

from ...scenarios.problems import nearest
from ..linear_model import Booleans, Floats, Integers, Label

Edge = tuple[Hashable, Hashable]

DUST = 1e-9
"""What is below this part of the largest figure is rounding."""

LONGEST_NAME = 40
"""Letters of a node's name that go into the name of a row or column."""


class InterdictionError(ValueError):
    """A graph, budget or table of payoffs that makes no problem; says what was found where."""


@dataclass(frozen=True)
class Network:
    """The edges of a graph in its own order, and the two nodes between which somebody moves."""

    graph: Any
    nodes: tuple[Hashable, ...]
    edges: tuple[Edge, ...]
    tail: Integers
    head: Integers
    source: int
    target: int

    def attribute(self, name: str, *, missing: float | None = None, some: bool = False, most: float = math.inf) -> Floats:
        """An attribute by edge.

        Parameters
        ----------
        missing : float, optional
            What an edge without it has; without this it is an error.
        some : bool
            Whether at least one edge must carry it (a misspelt name is otherwise all zeros).
        most : float
            Largest value that makes sense.
        """
        carried = [data for _, _, data in self.graph.edges(data=True)]
        if (missing is None or some) and carried and not any(name in data for data in carried):
            near = nearest(name, {str(key) for data in carried for key in data})
            hint = f"; did you mean {near!r} to be it?" if near else ""
            raise InterdictionError(f"no edge of the graph has the attribute {name!r}{hint}")
        values = np.zeros(len(carried))
        for position, (edge, data) in enumerate(zip(self.edges, carried, strict=True)):
            value = data.get(name, missing)
            where = f"{name!r} of edge {edge[0]!r} -> {edge[1]!r}"
            if value is None:
                raise InterdictionError(f"{where} is missing")
            values[position] = number(value, where, most)
        return values

    def live(self) -> Booleans:
        """Edges on some walk from source to target: the others never matter."""
        after = {self.nodes[self.source], *nx.descendants(self.graph, self.nodes[self.source])}
        before = {self.nodes[self.target], *nx.ancestors(self.graph, self.nodes[self.target])}
        return np.array([u in after and v in before and u != v for u, v in self.edges], dtype=np.bool_)

    def size(self, figures: Floats) -> float:
        """Largest finite figure by edge, 1 when all are zero: what rounding is measured against."""
        return float(figures[np.isfinite(figures)].max(initial=0.0)) or 1.0

    def labels(self, which: Integers) -> list[Label]:
        """Labels of edges for rows and columns: a number, which makes them unique, and the names of the two ends."""
        return [(str(e), *(str(node)[:LONGEST_NAME] for node in self.edges[e])) for e in which.tolist()]

    def by_edge(self, values: Floats) -> dict[Edge, float]:
        """Values under their edges."""
        return dict(zip(self.edges, values.tolist(), strict=True))

    def spent(self, cost: Floats, effort: Floats) -> float:
        """What an effort costs (nothing where there is none however dear, or where the edge is free however long)."""
        used = (effort > 0) & (cost > 0)
        return float(cost[used] @ effort[used])

    def walk(self, flow: Floats) -> tuple[tuple[tuple[Hashable, ...], float], ...]:
        """A flow from source to target as paths with their shares, the largest first (circulations are left out)."""
        left = np.where(flow > DUST * max(1.0, flow.max(initial=0.0)), flow, 0.0)
        outgoing: dict[int, list[int]] = {}
        for e, tail in enumerate(self.tail.tolist()):
            outgoing.setdefault(tail, []).append(e)
        found: dict[tuple[Hashable, ...], float] = {}
        while True:
            at, trail, visited = self.source, [], {self.source: 0}
            while at != self.target:
                choice = max(outgoing.get(at, []), key=lambda e: left[e], default=None)
                if choice is None or left[choice] == 0:
                    break
                trail.append(choice)
                at = int(self.head[choice])
                if at in visited:  # a circulation: take it out and go on from where it began
                    loop = trail[visited[at]:]
                    left[loop] -= left[loop].min()
                    del trail[visited[at]:]
                    visited = {self.source: 0} | {int(self.head[e]): k + 1 for k, e in enumerate(trail)}
                else:
                    visited[at] = len(trail)
            if at != self.target:
                break
            share = float(left[trail].min())
            left[trail] -= share
            path = (self.nodes[self.source], *(self.nodes[int(self.head[e])] for e in trail))
            found[path] = found.get(path, 0.0) + share
        return tuple(sorted(found.items(), key=lambda item: -item[1]))


def read(graph: Any, source: Hashable, target: Hashable) -> Network:
    """The network of a graph between two of its nodes.

    Raises
    ------
    InterdictionError
        For what is not a simple directed graph, and for nodes that are not in it or are the same.
    """
    if not isinstance(graph, nx.Graph):
        raise InterdictionError(f"expected a networkx.DiGraph, got {type(graph).__name__}")
    if graph.is_multigraph():
        raise InterdictionError("expected a networkx.DiGraph: in a multigraph put a node into each parallel edge, so that every effort has an edge")
    if not graph.is_directed():
        raise InterdictionError("expected a networkx.DiGraph: make an undirected graph two edges each way with graph.to_directed()")
    for what, node in (("source", source), ("target", target)):
        if node not in graph:
            near = nearest(str(node), [str(known) for known in graph])
            raise InterdictionError(f"{what} {node!r} is not a node of the graph" + (f"; did you mean {near!r}?" if near else ""))
    if source == target:
        raise InterdictionError(f"source and target are the same node, {source!r}")
    nodes = tuple(graph.nodes)
    place = {node: i for i, node in enumerate(nodes)}
    edges = tuple(graph.edges())
    return Network(graph, nodes, edges, np.array([place[u] for u, _ in edges], dtype=np.int64),
                   np.array([place[v] for _, v in edges], dtype=np.int64), place[source], place[target])


def number(value: Any, where: str, most: float = math.inf) -> float:
    """A number of zero or more, and at most `most`.

    Raises
    ------
    InterdictionError
        With `where` in its text.
    """
    figure = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if math.isnan(figure):
        raise InterdictionError(f"{where} is {value!r}, not a number")
    if not 0 <= figure <= most:
        raise InterdictionError(f"{where} is {figure:g}: it must be zero or more" + (f" and at most {most:g}" if most < math.inf else ""))
    return figure


def relative_gap(value: float, bound: float, size: float) -> float:
    """Distance of a value from a bound on it, relative to the value or to the `size` of the data, whichever is larger."""
    return 0.0 if value == bound else abs(value - bound) / max(abs(value), size)
