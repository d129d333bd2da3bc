"""Outcomes of a sweep as an xarray dataset whose variables are read from the store when their values are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..scenarios import OUTCOMES

if TYPE_CHECKING:
    from .sweep_results import FloatArray, SweepResults


class _Outcome(BackendArray):
    """One outcome over policy, point, replicate and month."""

    def __init__(self, results: SweepResults, name: str, shape: tuple[int, ...]) -> None:
        self._results, self._name = results, name
        self.shape = shape
        self.dtype = np.dtype(np.float64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._taken
        )

    def _taken(self, key: tuple[Any, ...]) -> FloatArray:
        values: FloatArray = self._results.cube(self._name)[key]
        return values


def dataset(results: SweepResults) -> xr.Dataset:
    """See `SweepResults.to_xarray`."""
    axes: dict[str, Any] = {
        "policy": results.policies,
        "point": list(range(len(results.points))),
        "replicate": list(range(results.design.replicates)),
        "month": results.months,
    }
    shape = tuple(len(labels) for labels in axes.values())
    variables = {}
    for name, info in OUTCOMES.items():
        lazy = indexing.LazilyIndexedArray(_Outcome(results, name, shape))
        variables[name] = xr.Variable(list(axes), lazy, attrs={"title": info.title, "unit": info.unit})
    factors = results.points
    coordinates: dict[str, Any] = {**axes, **{str(f): ("point", factors[f].to_numpy()) for f in factors}}
    return xr.Dataset(variables, coords=coordinates, attrs={"design": results.design.name})
