"""Deaths per attempt: what the leg is, the season, pressure by controls, crowding, and rescue.

hazard = base x season x pressure^a x crowding^b x rescue^-c, capped.  Pressure is the chance of interception relative to
the reference (longer detours and flimsier boats: Deiana, Maheshri and Mastrobuoni 2024, American Economic Journal:
Economic Policy 16(2):335-365; pattern: risk rises as enforcement rises and volume falls), crowding the places asked
for relative to those offered, rescue the units on the coast relative to the reference.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def season_factor(month: int, by_sea: BoolArray, amplitude: float) -> FloatArray:
    """Hazard of a month relative to the year's mean: a cosine with its peak in January on sea legs, 1 elsewhere."""
    wave = 1.0 + amplitude * np.cos(2.0 * np.pi * (month - 1) / 12.0)
    return np.where(by_sea, wave, 1.0)


def chance_of_death(
    base: FloatArray, season: FloatArray, pressure: FloatArray, crowding: FloatArray, rescue: FloatArray,
    by_sea: BoolArray, params: Mapping[str, float],
) -> FloatArray:  # fmt: skip
    """Chance of dying per attempt on each leg, shape (legs,).

    Parameters
    ----------
    base : FloatArray
        At the reference.
    season, pressure, crowding, rescue : FloatArray
        Relative to the reference (1 means as then); pressure below 1 does not make a leg safer than its base.
    by_sea : BoolArray
        Rescue and crowding of boats act on sea legs only.
    """
    hazard = base * season * np.maximum(pressure, 1.0) ** params["harm.pressure_elasticity"]
    boats = np.maximum(crowding, 1.0) ** params["harm.crowding_elasticity"]
    saved = np.maximum(rescue, 1e-6) ** -params["rescue.elasticity"]
    hazard = np.where(by_sea, hazard * boats * saved, hazard)
    return np.minimum(hazard, params["harm.ceiling"])
