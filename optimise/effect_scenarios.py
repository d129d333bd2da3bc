"""Scenarios of effects: how far what staff does may lie from what was measured.

A scenario moves every cell (resource type, group of places) and outcome by some amount per member of staff, at every dose
alike: the measured curve keeps its bend, what noise adds is proportional, and the sum stays concave.  Beyond the
measured dose nothing more is gained in any scenario, and harm goes on.  Two sources:

``bootstrap``
    The noise of the measuring runs, resampled: the residuals of whole replicates keep or change their sign, all outcomes
    together, so that these stay correlated and what differs between draws is in it (wild cluster bootstrap; Cameron, Gelbach and
    Miller 2008, Review of Economics and Statistics 90:414-427), carried through the pooling, and scaled to the stated standard
    errors.  Drawn in mirrored pairs, so that the mean of the scenarios is the measured effect.  It costs no runs.

``replicates``
    The whole design run again in each of several replicates of its own, with the parameters that this replicate draws
    (``draw: ranges``): one scenario a replicate.  It takes as long as that many measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from .effects import EffectCurves, EffectError, Runs, dosed, measure_replicates, pooling
from .linear_model import Floats, Integers
from .stochastic import check_probabilities
from .two_level import scores, within

if TYPE_CHECKING:
    from ..scenarios import Scenario

Source = Literal["bootstrap", "replicates"]


@dataclass(frozen=True)
class EffectScenarios:
    """Scenarios of effects around measured curves.

    Attributes
    ----------
    effects : EffectCurves
        What the scenarios deviate from.
    deviation : array (S, cells)
        By row of ``effects.cells``: how much the change at full dose differs, in the unit of its ``full``.
    probability : array (S,)
    source : str
        Where they come from, in words.
    """

    effects: EffectCurves
    deviation: Floats
    probability: Floats
    source: str

    def __post_init__(self) -> None:
        if self.deviation.ndim != 2 or self.deviation.shape[1] != len(self.effects.cells):
            raise EffectError(f"deviation: expected one column for each of {len(self.effects.cells)} cells and outcomes")
        if not np.isfinite(self.deviation).all():
            raise EffectError("deviation: contains something that is not a number")
        check_probabilities(self.probability, len(self.deviation))

    def __len__(self) -> int:
        return len(self.probability)

    def points_per_head(self, weights: Mapping[str, float], quarters: float) -> tuple[pd.DataFrame, Floats]:
        """Deviations of the weighted harm avoided, by cell.

        Returns
        -------
        (DataFrame, array (S, cells))
            Cells (resource, group, dose) and points per member of staff and quarter; more is better.
        """
        from ..scenarios import OUTCOMES

        cells = self.effects.cells
        factor = np.array([
            0.0 if o == "cost_eur" or o not in weights
            else -weights[o] / (1.0 if OUTCOMES[o].over_months == "sum" else quarters) for o in cells["outcome"]])
        keys = cells[["resource", "group", "dose"]].drop_duplicates(["resource", "group"]).reset_index(drop=True)
        number = {key: n for n, key in enumerate(zip(keys["resource"], keys["group"], strict=True))}
        which = np.array([number[key] for key in zip(cells["resource"], cells["group"], strict=True)], dtype=np.int64)
        out = np.zeros((len(self), len(keys)))
        np.add.at(out.T, which, (self.deviation * factor).T)
        return keys, out / keys["dose"].to_numpy(dtype=np.float64)

    def slopes(
        self, resources: Sequence[str], places: Sequence[str], slope: Floats, weights: Mapping[str, float], quarters: float,
    ) -> Floats:
        """Slopes of the effect curves in every scenario (S, R, P, K).

        Parameters
        ----------
        slope : array (R, P, K)
            Of the measured curves; the last segment is what lies beyond the measured dose.
        """
        keys, head = self.points_per_head(weights, quarters)
        cell = cell_of(self.effects, keys, resources, places)
        known = cell >= 0
        shift = np.zeros((len(self), len(resources), len(places)))
        shift[:, known] = head[:, cell[known]]
        out = slope[None] + shift[..., None]
        out[..., -1] = np.where(known, np.minimum(0.0, out[..., -2]), slope[..., -1])
        return np.asarray(out, dtype=np.float64)


def cell_of(effects: EffectCurves, keys: pd.DataFrame, resources: Sequence[str], places: Sequence[str]) -> Integers:
    """Number of the cell in `keys` that a resource type and place belong to (R, P); -1 where they have no work."""
    number = {key: n for n, key in enumerate(zip(keys["resource"], keys["group"], strict=True))}
    spots, kinds = {p: i for i, p in enumerate(places)}, {r: n for n, r in enumerate(resources)}
    out = np.full((len(resources), len(places)), -1, dtype=np.int64)
    work = effects.work
    for resource, place, group, share in zip(
            *(work[c] for c in ("resource", "place", "group", "share")), strict=True):
        if resource in kinds and place in spots and share > 0 and (resource, group) in number:
            out[kinds[resource], spots[place]] = number[resource, group]
    return out


def bootstrap(effects: EffectCurves, number: int, seed: int) -> EffectScenarios:
    """Scenarios from the noise of the measuring runs.

    Parameters
    ----------
    effects : EffectCurves
        With its ``runs``.
    number : int
        How many; pairs that mirror each other, and for an odd number also the measured effects themselves.
    seed : int

    Raises
    ------
    EffectError
        When the runs are not known.

    Notes
    -----
    With cell estimates u (per head), trust b and shares a of :func:`.effects.pooling`, resampled noise d moves a pooled effect
    by sqrt(b) d + (1 - b) sum a d: a common error of the type, and what is believed of the cell's own.  Each is then
    scaled so that its standard deviation is the standard error in ``effects.cells``.
    """
    if number < 1:
        raise ValueError(f"there must be at least one scenario, not {number}")
    if effects.runs is None:
        raise EffectError("these effect curves do not hold the runs they were measured from: no scenarios can be drawn; "
                          "measure them with measure_effects, or give scenarios of your own")
    pairs = number // 2
    noise = _resampled(effects, effects.runs, pairs, seed)
    cells = effects.cells
    deviation = np.zeros((pairs, len(cells)))
    for _, rows in cells.groupby(["resource", "outcome"], sort=False):
        where = rows.index.to_numpy()
        raw, raw_se, dose, se = (rows[c].to_numpy(dtype=np.float64) for c in ("raw", "raw_se", "dose", "se"))
        by = pooling(raw, raw_se, dose)
        if by is None:
            continue  # no noise at all
        own = np.stack([noise[str(o)][:, effects.runs.design.cells.index((str(r), str(g)))] for o, r, g in zip(
            rows["outcome"], rows["resource"], rows["group"], strict=True)], axis=1) * (raw_se / dose)
        root = np.sqrt(by.trust)
        moved = root * own + (1.0 - by.trust) * (own @ by.share)[:, None]
        variance = by.trust * (raw_se / dose) ** 2 + by.mean_variance * (
            (1.0 - by.trust) ** 2 + 2 * root * (1.0 - by.trust))
        deviation[:, where] = moved / np.sqrt(variance) * se
    parts = [deviation, -deviation] + ([np.zeros((1, len(cells)))] if number % 2 else [])
    told = (f"{number} scenarios, wild bootstrap of {effects.runs.design.replicates} replicates of measuring runs in mirrored pairs")
    return EffectScenarios(effects, np.concatenate(parts), np.full(number, 1.0 / number), told)


def _resampled(effects: EffectCurves, runs: Runs, number: int, seed: int) -> dict[str, Floats]:
    """Resampled noise of the raw cell effects, by outcome (number, cells), in standard errors."""
    from ..model.streams import generator

    design = runs.design
    matrix = within(design.replicate, dosed(design, dict(zip(effects.cells["resource"], effects.cells["half"], strict=True))))
    inverse = np.linalg.pinv(matrix)
    sign = generator(seed, "effect scenarios").choice([-1.0, 1.0], (number, design.replicates))
    out = {}
    for outcome, change in runs.changes.items():
        left = within(design.replicate, change)
        left -= matrix @ (inverse @ left)
        moved = np.stack(list(scores(np.asarray(inverse), design.replicate, left)))  # (replicates, cells)
        size = np.sqrt((moved**2).sum(axis=0))
        out[outcome] = sign @ moved / np.where(size > 0, size, 1.0)
    return out


def from_replicates(
    scenario: Scenario, effects: EffectCurves, number: int, workers: int | None = None, progress: bool = True,
) -> EffectScenarios:
    """Scenarios from whole measurements, one in each of `number` replicates that the effects were not measured in.

    Each is kept in the cache folder when it is done, so that an interruption loses at most one.

    Raises
    ------
    EffectError
        For fewer than two replicates, and for effects whose runs are not known.
    """
    if number < 2:
        raise EffectError(f"scenarios from replicates need at least two of them, not {number}")
    first = 0 if effects.runs is None else effects.runs.design.replicates
    found = measure_replicates(scenario, effects, range(first, first + number), workers, progress)
    full = np.array([table["full"].to_numpy(dtype=np.float64) for table in found])
    told = f"{number} scenarios, each measured by {effects.design['runs']} runs in a replicate of its own"
    return EffectScenarios(effects, full - full.mean(axis=0), np.full(number, 1.0 / number), told)


def draw_scenarios(
    scenario: Scenario, effects: EffectCurves, number: int, source: Source = "bootstrap", workers: int | None = None,
    progress: bool = True,
) -> EffectScenarios:
    """Scenarios of effects from either source (see the module's head)."""
    if source == "replicates":
        return from_replicates(scenario, effects, number, workers, progress)
    return bootstrap(effects, number, scenario.seed)
