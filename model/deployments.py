"""What staff does that others lend: liaison officers abroad, the reserve pool, Frontex's and Eurojust's contributions,
teams of operational task forces.

Each acts through a mechanism that is there without it: evidence from partner countries, evidence at incidents against
casework at home, interception, and the reach of cases that are supported.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def with_liaison(value: FloatArray, cooperation: FloatArray, officers: FloatArray, gain: float, half: float) -> FloatArray:
    """Close part of the gap to 1 with liaison officers: x + (1 - x) gain x cooperation x s / (s + half).

    A liaison officer achieves what the host's authorities let him: the gain is in proportion to their cooperation.

    Parameters
    ----------
    value : FloatArray, shape (partners,)
        Between 0 and 1 (evidence that can be used, items that are passed on).
    cooperation : FloatArray, shape (partners,)
    officers : FloatArray, shape (partners,)
    gain : float
        Share of the gap that many officers close where cooperation is full.
    half : float
        Officers at which half of it is reached.
    """
    closed = gain * cooperation * officers / (officers + half)
    return np.asarray(value + (1.0 - value) * closed)


def seconded(reserve: FloatArray, key: FloatArray, share: float, investigators: FloatArray) -> FloatArray:
    """Investigators whom the reserve pool takes from work at home, by Member State.

    Parameters
    ----------
    reserve : FloatArray, shape (member_states,)
        Reserve officers at work, where they are.
    key : FloatArray, shape (member_states,)
        Shares in which Member States give them, summing to one.
    share : float
        Share of them who would work on smuggling at home.
    investigators : FloatArray, shape (member_states,)
        Most that each can give.
    """
    return np.minimum(share * float(reserve.sum()) * key, investigators)


def population_gdp_key(population: FloatArray, gdp: FloatArray) -> FloatArray:
    """Contribution key: half by population, half by gross domestic product.

    Regulation (EU) 2024/1351, Article 66.  The share of each is of the sum over all Member States.
    """
    return np.asarray(0.5 * population / population.sum() + 0.5 * gdp / gdp.sum())


def standing_corps(share: FloatArray, corps: float, directed: FloatArray) -> FloatArray:
    """Officers of the standing corps by Member State when some are sent where a plan wants them.

    They come out of the same corps: the others follow `share`, and there are so many fewer of them.
    """
    led = float(directed.sum())
    kept = max(0.0, corps - led)
    return np.asarray(share * kept + directed * (corps - kept) / max(led, 1e-12))


def placed_support(evidence: FloatArray, number: FloatArray, teams: FloatArray) -> FloatArray:
    """Share of each agent's networks on which a team placed in a Member State works.

    A team works on the network on which its state has most usable evidence, the next team on the next one; a part of a
    team does a part of the work.

    Parameters
    ----------
    evidence : FloatArray, shape (networks, member_states)
        Usable items per network; 0 where no team can work.
    number : FloatArray, shape (networks,)
        Networks at work that each row stands for.
    teams : FloatArray, shape (member_states,)
    """
    covered = np.zeros(len(number))
    for state in np.flatnonzero(teams > 0.0):
        left = float(teams[state])
        possible = np.where(number > 0.0, evidence[:, state], 0.0)
        for row in np.argsort(-possible, kind="stable"):
            if left <= 0.0 or possible[row] <= 0.0:
                break
            taken = min(left, float(number[row] - covered[row]))
            covered[row] += taken
            left -= taken
    return np.asarray(covered / np.maximum(number, 1.0))
