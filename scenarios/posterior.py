"""The posterior ensemble: parameters under which the model comes near what was published, as a table of weighted draws.

``scenarios/data/posterior.csv`` has one row a draw, columns draw, weight, distance and one a parameter; beside it
``posterior.json`` says what it was made with (``countersmuggling calibrate``; docs/evaluation.md).
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from .registry import registry, uniform

FILE: Final = "posterior.csv"
FIRST_COLUMNS: Final = ("draw", "weight", "distance")


@dataclass(frozen=True)
class Ensemble:
    """Weighted draws of some parameters.

    Attributes
    ----------
    names : tuple of str
        Parameters.
    weights : tuple of float
        Sum 1.
    values : tuple of tuple of float
        One row a draw.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]

    def draw(self, seed: int, replicate: int) -> dict[str, float]:
        """Parameters of one replicate, all from one row; they depend on seed and replicate and nothing else."""
        left = uniform(seed, replicate, "posterior ensemble")
        for weight, row in zip(self.weights, self.values, strict=True):
            left -= weight
            if left < 0.0:
                return dict(zip(self.names, row, strict=True))
        return dict(zip(self.names, self.values[-1], strict=True))


class DamagedEnsemble(ValueError):
    """The table is not one of an ensemble."""


def read_ensemble(text: str) -> Ensemble:
    """Read and check a table of draws.

    Raises
    ------
    DamagedEnsemble
        With the line that is wrong: a column that is no parameter, a value that is no number or that the registry refuses,
        weights that do not sum to one.
    """
    rows = [r for r in csv.reader(text.splitlines()) if r]
    if not rows or tuple(rows[0][:3]) != FIRST_COLUMNS or len(rows[0]) < 4:
        raise DamagedEnsemble(f"{FILE}: expected the columns {', '.join(FIRST_COLUMNS)} and at least one parameter")
    names = tuple(rows[0][3:])
    known = registry()
    unknown = [n for n in names if n not in known]
    if unknown:
        raise DamagedEnsemble(f"{FILE}: no parameter {unknown[0]} in the registry")
    weights, values = [], []
    for line, row in enumerate(rows[1:], 2):
        try:
            numbers = [float(cell) for cell in row]
        except ValueError as error:
            raise DamagedEnsemble(f"{FILE}:{line}: {error}") from error
        if len(numbers) != len(rows[0]) or not all(map(math.isfinite, numbers)) or numbers[1] < 0.0:
            raise DamagedEnsemble(f"{FILE}:{line}: expected {len(rows[0])} finite numbers and a weight of 0 or more")
        for name, value in zip(names, numbers[3:], strict=True):
            if (why := known[name].refused(value)) is not None:
                raise DamagedEnsemble(f"{FILE}:{line}: {name}: {why}")
        weights.append(numbers[1])
        values.append(tuple(numbers[3:]))
    if not weights or abs(sum(weights) - 1.0) > 1e-6:
        raise DamagedEnsemble(f"{FILE}: weights sum to {sum(weights):g}, not 1")
    return Ensemble(names, tuple(weights), tuple(values))


@lru_cache(maxsize=1)
def ensemble() -> Ensemble | None:
    """The ensemble as shipped; None in a version that has none."""
    table = resources.files(__package__) / "data" / FILE
    return read_ensemble(table.read_text(encoding="utf-8")) if table.is_file() else None


def provenance() -> dict[str, Any] | None:
    """What the ensemble was made with; None in a version that has none."""
    table = resources.files(__package__) / "data" / "posterior.json"
    return json.loads(table.read_text(encoding="utf-8")) if table.is_file() else None
