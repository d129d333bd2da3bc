"""Counter-based random streams: a draw is a pure function of who draws, which draw it is, and what for.

Nothing is shared between actors, so a result does not depend on the number of threads or workers, and two scenarios
that differ in policy share their noise (common random numbers).  Travellers are keyed by (seed, traveller, own event
number, purpose), strategic actors by (seed, actor, day, purpose); no policy enters a key.

The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators", OOPSLA), applied once to the key of the stream and once to the counter.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .compiled import compiled, inlined

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_PURPOSE = np.uint64(0xD1B54A32D192ED03)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / float(1 << 53)


class Purpose(IntEnum):
    """What a draw decides.  The numbers are part of the seed's meaning: append, never renumber."""

    CLASS = 1
    ORIGIN = 2
    PARTICIPATION = 3
    LEG = 4
    NETWORK = 5
    CAPACITY = 6
    DEATH = 7
    INTERCEPTION = 8
    DETECTION = 9
    REPEAT = 10
    SMUGGLER_USE = 11
    MEANS = 12
    LEGAL = 13
    CASE = 14
    ORGANISER = 15
    SWITCH = 16
    ENTRY = 17
    NETWORK_SETUP = 18
    DEMAND = 19
    RETURN = 20
    SUSPENSION = 21
    BOAT = 22
    INCIDENT = 23
    SEVERITY = 24
    HELD = 25
    RANSOM = 26
    DAYS_HELD = 27
    RUMOUR = 28
    VISA = 29
    RIPENING = 30
    PROSECUTION = 31
    LAPSE = 32
    CONVICTION = 33
    ARREST = 34
    ARREST_TIME = 35
    BASE = 36
    CORRIDOR = 37
    RELOCATION = 38
    LEAVING = 39
    SAILING = 40
    SETTING_OUT = 41


@inlined
def mix(x: np.uint64) -> np.uint64:
    """SplitMix64 finaliser: a bijection of 64-bit words that passes as independent noise."""
    x = (x ^ (x >> _S30)) * _MIX_1
    x = (x ^ (x >> _S27)) * _MIX_2
    mixed: np.uint64 = x ^ (x >> _S31)
    return mixed


@inlined
def stream_key(seed: np.uint64, actor: np.uint64) -> np.uint64:
    """Key of one actor's stream under one seed."""
    return mix(mix(seed + _GOLDEN) + actor * _GOLDEN)


@inlined
def uniform(key: np.uint64, counter: np.uint64, purpose: np.uint64) -> float:
    """Uniform draw in [0, 1) number `counter` for `purpose` from the stream `key`."""
    word = mix(key ^ mix(counter * _GOLDEN + purpose * _PURPOSE))
    return float(word >> _S11) * _UNIT


@compiled
def actor_uniforms(
    seed: np.uint64, first_actor: np.uint64, count: int, day: int, purpose: int
) -> npt.NDArray[np.float64]:
    """One uniform for each of `count` strategic actors, numbered from `first_actor`, on `day` for `purpose`."""
    out = np.empty(count, dtype=np.float64)
    for i in range(count):
        key = stream_key(seed, first_actor + np.uint64(i))
        out[i] = uniform(key, np.uint64(day), np.uint64(purpose))
    return out


@compiled
def case_uniforms(
    seed: np.uint64, actors: npt.NDArray[np.int64], counters: npt.NDArray[np.int64], purpose: int
) -> npt.NDArray[np.float64]:
    """One uniform for each pair of a strategic actor and the number of a case of its own, for `purpose`."""
    out = np.empty(len(actors), dtype=np.float64)
    for i in range(len(actors)):
        key = stream_key(seed, np.uint64(actors[i]))
        out[i] = uniform(key, np.uint64(counters[i]), np.uint64(purpose))
    return out


@compiled
def series_uniforms(
    seed: np.uint64, actor: int, first: int, count: int, purpose: int
) -> npt.NDArray[np.float64]:
    """Uniforms number `first`, `first` + 1, ... of one strategic actor for `purpose`."""
    key = stream_key(seed, np.uint64(actor))
    out = np.empty(count, dtype=np.float64)
    for i in range(count):
        out[i] = uniform(key, np.uint64(first + i), np.uint64(purpose))
    return out


@compiled
def poisson(seed: np.uint64, actor: int, counter: int, purpose: int, mean: float) -> int:
    """Poisson number by inversion, so that a somewhat larger mean gives a somewhat larger number.

    Large means are a sum of parts of at most 64, each from a uniform of its own.
    """
    key = stream_key(seed, np.uint64(actor))
    parts = int(mean) // 64 + 1
    part = mean / parts
    total = 0
    for i in range(parts):
        u = uniform(key, np.uint64(counter * 1024 + i), np.uint64(purpose))
        chance = np.exp(-part)
        below = chance
        k = 0
        while u >= below and k < 1024:
            k += 1
            chance *= part / k
            below += chance
        total += k
    return total


@compiled
def poissons(
    seed: np.uint64, actors: npt.NDArray[np.int64], counter: int, purpose: int, means: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """One Poisson number for each of some actors, as `poisson` draws it."""
    out = np.empty(len(actors), dtype=np.int64)
    for i in range(len(actors)):
        out[i] = poisson(seed, actors[i], counter, purpose, means[i])
    return out


def generator(seed: int, *labels: int | str) -> np.random.Generator:
    """NumPy generator (Philox) for set-up draws, keyed by `seed` and labels, never by policy.

    Parameters
    ----------
    seed : int
        Seed of the run.
    *labels : int or str
        What the draws are for, such as ``("demand", "syria", 2015)``.
    """
    words: list[int] = [seed & 0xFFFFFFFF, seed >> 32]
    for label in labels:
        text = str(label).encode()
        words.append(len(text))
        words.extend(text)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))
