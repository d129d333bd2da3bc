"""Interception: a fixed capacity meets a variable flow, so the chance of being stopped falls as more attempt it.

With n attempts a day, p(n) = P c / (c + P n): alone a traveller is stopped with chance P, and at most c are stopped a
day (Holling 1959, "Some characteristics of simple types of predation and parasitism", Canadian Entomologist
91:385-398, type II functional response).  The capacity is set so that p equals the published chance at the reference
flow, c = p0 P n0 / (P - p0).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def capacity_at_reference(chance: FloatArray, flow: FloatArray, ceiling: float) -> FloatArray:
    """Capacity (persons a day) that gives `chance` at `flow` attempts a day; 0 where the chance is 0.

    Parameters
    ----------
    chance : FloatArray, shape (legs,)
        Published chance of being stopped per attempt.
    flow : FloatArray, shape (legs,)
        Attempts a day at the reference.
    ceiling : float
        P, the chance of being stopped when nobody else tries.
    """
    bounded = np.minimum(chance, ceiling * (1.0 - 1e-6))
    return np.asarray(bounded * ceiling * flow / (ceiling - bounded))


def chance_of_interception(capacity: FloatArray, flow: FloatArray, ceiling: float) -> FloatArray:
    """p = P c / (c + P n) for each leg, 0 where there is no capacity."""
    safe = np.where(capacity > 0.0, capacity + ceiling * flow, 1.0)
    return np.where(capacity > 0.0, ceiling * capacity / safe, 0.0)
