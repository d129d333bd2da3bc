"""Interception: a fixed capacity meets a variable flow, so the chance of being stopped falls as more attempt it.

With n attempts a day, p(n) = P c / (c + P n): alone a traveller is stopped with chance P (of somewhat higher odds than
published), and at most c are stopped a day (Holling 1959, "Some characteristics of simple types of predation and parasitism", Canadian Entomologist
91:385-398, type II functional response).  The capacity is set so that p equals the published chance at the reference
flow, c = p0 P n0 / (P - p0).  Authorities move forces to where people pass, with a lag: n0 is a mean of the reference
flow and the flow of the last months (see `interception.capacity_response` in the registry), so that sudden growth swamps
a border and lasting growth does not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def chance_alone(chance: FloatArray, ratio: float) -> FloatArray:
    """P, the chance of being stopped when nobody else tries: its odds are `ratio` times those published."""
    odds = ratio * chance / np.maximum(1.0 - chance, 1e-12)
    return np.asarray(odds / (1.0 + odds))


def capacity_at_reference(chance: FloatArray, flow: FloatArray, alone: FloatArray) -> FloatArray:
    """Capacity (persons a day) that gives `chance` at `flow` attempts a day; 0 where the chance is 0.

    Parameters
    ----------
    chance : FloatArray, shape (legs,)
        Published chance of being stopped per attempt.
    flow : FloatArray, shape (legs,)
        Attempts a day at the reference.
    alone : FloatArray, shape (legs,)
        P, from `chance_alone`.
    """
    bounded = np.minimum(chance, alone * (1.0 - 1e-6))
    return np.where(chance > 0.0, bounded * alone * flow / np.maximum(alone - bounded, 1e-12), 0.0)


def chance_of_interception(capacity: FloatArray, flow: FloatArray, alone: FloatArray) -> FloatArray:
    """p = P c / (c + P n) for each leg, 0 where there is no capacity."""
    safe = np.where(capacity > 0.0, capacity + alone * flow, 1.0)
    return np.where(capacity > 0.0, alone * capacity / safe, 0.0)
