"""Classical interdiction problems on a :class:`networkx.DiGraph`, and security games.

The building blocks of the field, small enough to be checked by hand, on the same array model, solvers and checks as
the plan itself:

=====================================  ==========================================================================
`shortest_path_interdiction`           lengthen edges within a budget so that the shortest way is as long as can be
`max_flow_interdiction`                remove edges within a budget so that as little as can be gets through
`stochastic_max_flow_interdiction`     the same when an attack succeeds only with some probability
`inspection_game`                      where one inspector stands when the other side knows the odds, not the place
`security_game`                        how to cover targets when the other side watches first
=====================================  ==========================================================================

Edges are read from the attributes below, all zero or more.  An edge's effort comes back under ``(tail, head)``.

==============  ======================================================================  ==========================
attribute       meaning                                                                 if an edge lacks it
==============  ======================================================================  ==========================
``length``      length of the edge without interdiction                                 an error
``delay``       how much longer the edge can be made; infinite: it can be removed       0, unless all edges lack it
``capacity``    most that flows along the edge; may be infinite                         an error
``cost``        price of one unit of length, or of one attack; infinite: not possible   1
``detection``   chance that an inspection on this edge sees who passes, 0 to 1          an error
==============  ======================================================================  ==========================

A street that can be used both ways is two edges.  All functions are deterministic, raise `InterdictionError` for what
makes no problem, and :class:`~..solving.SolveError` when no optimum was proved (a time limit, say): a number that
comes back is an optimum within the tolerance of its ``gap``.

An evader here is an abstraction: nothing in this package describes how a control is evaded.
"""

from __future__ import annotations

from .flows import (
    FlowInterdiction,
    StochasticFlowInterdiction,
    max_flow_interdiction,
    stochastic_max_flow_interdiction,
)
from .networks import InterdictionError
from .routes import InspectionGame, PathInterdiction, inspection_game, shortest_path_interdiction
from .targets import SecurityGame, security_game

__all__ = [
    "FlowInterdiction", "InspectionGame", "InterdictionError", "PathInterdiction", "SecurityGame",
    "StochasticFlowInterdiction", "inspection_game", "max_flow_interdiction", "security_game",
    "shortest_path_interdiction", "stochastic_max_flow_interdiction",
]
