"""Deaths per attempt: what the leg is, the season, pressure by controls, crowding, and rescue.

hazard = base x season x pressure^a x crowding^b x rescue^-c, capped.  Pressure is the chance of interception relative to
the reference (longer detours and flimsier boats: Deiana, Maheshri and Mastrobuoni 2024, American Economic Journal:
Economic Policy 16(2):335-365; pattern: risk rises as enforcement rises and volume falls), crowding the places asked
for relative to those offered, rescue the units on the coast relative to the reference.

At sea people die in boats.  A boat of the day meets an incident with chance q, in which a share S of those on board die;
S is a bounded Pareto variable between one person of a mean boat and everybody, so that few incidents hold most deaths
(IOM Missing Migrants Project: the largest twentieth of incidents holds half of the deaths in the Central
Mediterranean).  With q = p / E[S] each traveller's chance is p as before; where p exceeds E[S] every boat meets one, and
the rest, r = (p - E[S]) / (1 - E[S]), befalls people one by one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from .compiled import compiled
from .streams import Purpose, stream_key, uniform
from .travellers import Boats, Captivity

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
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


def mean_share(least: float, tail: float) -> float:
    """E[S] of a Pareto variable with exponent `tail` bounded to [`least`, 1] (Johnson, Kotz and Balakrishnan 1994)."""
    mass = tail * least**tail / (1.0 - least**tail)
    near_one = abs(tail - 1.0) < 1e-9
    return float(mass * (-np.log(least) if near_one else (1.0 - least ** (1.0 - tail)) / (1.0 - tail)))


def boats_of_the_day(flow: FloatArray, size: float) -> IntArray:
    """Boats that leave: the power of two next to flow / size (in ratio), at least one.

    Steps by two keep the same people in the same boats while flows differ a little, as between two scenarios.
    """
    part, power = np.frexp(np.maximum(flow / size, 1.0))
    return np.asarray(1 << (power - (part < np.sqrt(0.5))).astype(np.int64))


@compiled
def _draw_shares(
    seed: np.uint64, calendar: int, number: IntArray, first: IntArray, chance: FloatArray, least: float, tail: float,
    incident: int, severity: int, share: FloatArray,
) -> None:  # fmt: skip
    """Fate of each boat, keyed by (seed, leg, boat, day)."""
    reach = 1.0 - least**tail
    for leg in range(len(number)):
        for boat in range(number[leg]):
            actor = (np.uint64(1) << np.uint64(63)) | (np.uint64(leg) << np.uint64(32)) | np.uint64(boat)
            key = stream_key(seed, actor)
            if uniform(key, np.uint64(calendar), np.uint64(incident)) < chance[leg]:
                u = uniform(key, np.uint64(calendar), np.uint64(severity))
                share[first[leg] + boat] = min(1.0, least * (1.0 - u * reach) ** (-1.0 / tail))


def set_sail(
    death: FloatArray, flow: FloatArray, by_sea: BoolArray, seed: np.uint64, calendar: int,
    params: Mapping[str, float],
) -> Boats:  # fmt: skip
    """Today's boats and what befalls them.

    Parameters
    ----------
    death : FloatArray, shape (legs,)
        Chance of dying per attempt today; every traveller's chance stays this one.
    flow : FloatArray, shape (legs,)
        Attempts a day of late, persons.
    by_sea : BoolArray, shape (legs,)
    seed : int
        Of the run.
    calendar : int
        Number of the day, the same whenever the run began.
    params : Mapping
    """
    size, tail = params["harm.boat_persons"], params["harm.incident_tail"]
    least = 1.0 / size
    mean = mean_share(least, tail)
    number = np.where(by_sea & (death > 0.0), boats_of_the_day(flow, size), 0)
    first = np.cumsum(number) - number
    share = np.zeros(int(number.sum()))
    _draw_shares(seed, calendar, number, first, np.minimum(1.0, death / mean), least, tail,
                 int(Purpose.INCIDENT), int(Purpose.SEVERITY), share)  # fmt: skip
    alone = np.maximum(0.0, (death - mean) / (1.0 - mean))
    return Boats(number, first, alone, share, np.zeros(len(share)), params["harm.boat_spread"])


def captivity(country: list[str], tail: IntArray, head: IntArray, params: Mapping[str, float]) -> Captivity:
    """Chances of being held where surveys and the United Nations name it: on the way into Libya, Sudan and Türkiye.

    Parameters
    ----------
    country : list of str
        ISO 3166-1 alpha-3 code of each hub.
    tail, head : IntArray, shape (legs,)
        Hub numbers.
    params : Mapping
    """
    chance = {"LBY": params["captivity.libya"], "SDN": params["captivity.horn"], "TUR": params["captivity.turkiye"]}
    enters = [chance.get(country[h], 0.0) if country[h] != country[t] else 0.0
              for t, h in zip(tail, head, strict=True)]  # fmt: skip
    return Captivity(
        np.array(enters), params["captivity.debt_ratio"], params["captivity.ransom_share"],
        params["captivity.ransom_eur"], params["captivity.network_share"], params["captivity.ransom_days"],
        params["captivity.labour_days"],
    )  # fmt: skip
