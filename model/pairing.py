"""Differences between runs that share their noise, replicate by replicate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

CONFIDENCE = 95 / 100
"""Share of the paired differences' t distribution inside an interval."""


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean of paired differences with its 95 % interval by Student's t.

    Returns
    -------
    mean, low, high : float
        With one difference the interval is unknown (NaN).
    """
    values = np.asarray(differences, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, math.nan, math.nan
    spread = float(values.std(ddof=1))
    half = _quantile(len(values) - 1) * spread / math.sqrt(len(values))
    return mean, mean - half, mean + half


@lru_cache(maxsize=64)
def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # a tenth of the import of scipy.stats

    return float(stdtrit(freedom, (1.0 + CONFIDENCE) / 2))
