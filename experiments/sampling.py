"""The points of a design: samples of the unit cube, carried over to the ranges of the factors.

Sobol' samples follow Saltelli's scheme (Saltelli 2002, Computer Physics Communications 145:280-297) and Morris samples
his trajectories (Morris 1991, Technometrics 33:161-174), both from SALib; Latin hypercubes (McKay, Beckman and Conover
1979, Technometrics 21:239-245) from SciPy. Raising `base_points`, `trajectories` or `repeats` keeps the first points.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .designs import MOST_POINTS, Design, Varied

FloatArray = npt.NDArray[np.float64]


class SamplingError(ValueError):
    """Points that cannot be drawn; the message is for the user."""


def points(design: Design) -> pd.DataFrame:
    """All points of a design.

    Returns
    -------
    DataFrame
        Index point (0, 1, ...), one column a factor, named by its path; values as they stand in the scenario, lists
        as texts joined by commas. A design without factors has one point.

    Raises
    ------
    SamplingError
        When there are too many points, or SALib is not installed.
    """
    columns = {
        factor.name: [label(v) for v in values] for factor, values in zip(design.factors, _values(design), strict=True)
    }
    count = number_of_points(design)
    return pd.DataFrame(columns, index=pd.RangeIndex(count, name="point"))


def point_values(design: Design) -> list[list[Any]]:
    """The same points, one list a factor, with values as a scenario file would hold them."""
    return [list(values) for values in _values(design)]


def number_of_points(design: Design) -> int:
    """How many points a design has, without drawing them."""
    s, d = design.file.sampling, len(design.factors)
    groups = len({factor.group for factor in design.factors})
    if not d:
        return 1
    match s.method:
        case "factorial":
            return math.prod(_levels(design, factor) for factor in design.factors)
        case "latin_hypercube":
            return (s.points or 0) * (s.repeats or 1)
        case "sobol":
            return (s.base_points or 0) * ((2 * groups if s.second_order else groups) + 2)
        case "morris":
            return (s.trajectories or 0) * (groups + 1)


def unit_points(design: Design) -> FloatArray:
    """The sample of the unit cube behind the points of a Latin hypercube, Sobol or Morris design.

    Returns
    -------
    array, shape (points, factors)
        For Morris and Sobol designs what SALib's analysis takes as inputs, with `Design.problem`.
    """
    s, d, count = design.file.sampling, len(design.factors), number_of_points(design)
    if count > MOST_POINTS:
        raise SamplingError(f"the design has {count:,} points; at most {MOST_POINTS:,} can be run")
    seed = s.seed or 0
    if not d:
        return np.zeros((1, 0))
    match s.method:
        case "latin_hypercube":
            from scipy.stats import qmc

            return np.vstack(
                [
                    qmc.LatinHypercube(d, rng=np.random.default_rng((seed, block))).random(s.points or 1)
                    for block in range(s.repeats or 1)
                ]
            )
        case "sobol":
            sobol = salib("sample.sobol")
            return np.asarray(
                sobol.sample(
                    design.problem(), s.base_points, calc_second_order=bool(s.second_order),
                    seed=np.random.default_rng(seed),
                )
            )  # fmt: skip
        case "morris":
            morris = salib("sample.morris")
            return np.asarray(
                morris.sample(
                    design.problem(), s.trajectories, num_levels=s.levels or 4, seed=np.random.default_rng(seed)
                )
            )
        case "factorial":
            raise SamplingError("a factorial design is not a sample of the unit cube")


def salib(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"SALib.{module}")
    except ImportError:
        raise SamplingError(
            "Sobol and Morris designs need SALib: pip install 'countersmuggling[analysis]'"
        ) from None


def _values(design: Design) -> list[Sequence[Any]]:
    if not design.factors:
        return []
    if design.file.sampling.method == "factorial":
        count = number_of_points(design)
        if count > MOST_POINTS:
            raise SamplingError(f"the design has {count:,} points; at most {MOST_POINTS:,} can be run")
        axes = [_grid(design, factor) for factor in design.factors]
        return [list(column) for column in zip(*itertools.product(*axes), strict=True)]
    unit = unit_points(design)
    return [carried_over(factor, unit[:, k]) for k, factor in enumerate(design.factors)]


def carried_over(factor: Varied, unit: FloatArray) -> list[Any]:
    """Quantiles `unit` of a factor's distribution, as values of its field."""
    low, high = factor.low, factor.high
    if factor.values is not None:
        # equal shares of the unit interval; 1 itself belongs to the last value
        positions = np.minimum((unit * len(factor.values)).astype(int), len(factor.values) - 1)
        return [factor.values[int(k)] for k in positions]
    if factor.path.kind == "whole number":
        steps = np.floor(np.ceil(low) + unit * (np.floor(high) - np.ceil(low) + 1))
        return [int(v) for v in np.minimum(steps, np.floor(high))]
    if factor.distribution == "log_uniform":
        value = np.exp(np.log(low) + unit * (np.log(high) - np.log(low)))
    elif factor.distribution == "triangular":
        width, mode = high - low, factor.mode
        left = low + np.sqrt(unit * width * (mode - low))
        right = high - np.sqrt((1.0 - unit) * width * (high - mode))
        value = np.where(unit < (mode - low) / width, left, right)
    else:
        value = low + unit * (high - low)
    return [float(v) for v in np.clip(value, low, high)]


def _levels(design: Design, factor: Varied) -> int:
    return factor.levels or design.file.sampling.levels or 3


def _grid(design: Design, factor: Varied) -> list[Any]:
    if factor.values is not None:
        return list(factor.values)
    levels = _levels(design, factor)
    if factor.distribution == "log_uniform":
        grid = np.geomspace(factor.low, factor.high, levels)
    else:
        grid = np.linspace(factor.low, factor.high, levels)
    if factor.path.kind == "whole number":
        whole = [round(float(v)) for v in grid]
        if len(set(whole)) < levels:
            raise SamplingError(f"{factor.name}: no {levels} different whole numbers from {factor.low:g} to {factor.high:g}")
        return whole
    return [float(v) for v in grid]


def label(value: Any) -> Any:
    """A value as it stands in a table."""
    return ",".join(value) if isinstance(value, list) else value
