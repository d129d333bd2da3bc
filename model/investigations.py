"""Evidence, linking and casework: what every authority holds on every network, and who works on whom.

Every incident leaves items of evidence with the authority that saw it (one item is of the size of one SIENA message).
Items age.  A Member State reports a share of its items, with delay; analysts link what others reported to what it
holds.  Linked evidence makes an investigation faster and more likely to reach organisers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def linked_share(items_per_week: FloatArray, capacity: FloatArray, match: FloatArray | float) -> FloatArray:
    """Share of others' items that are linked: match x k / (k + load), for capacity k and load in items a week.

    The saturating form is a queue that drops what it cannot read in time: with k = load half is read.
    """
    total = capacity + items_per_week
    return np.asarray(match * np.where(total > 0.0, capacity / np.maximum(total, 1e-12), 0.0))


def strength_of_case(evidence: FloatArray, half: float) -> FloatArray:
    """How far evidence carries, S / (S + S_half), between 0 and 1."""
    return np.asarray(evidence / (evidence + half))


def joint_reach(base: float, strength: FloatArray | float, gains: FloatArray | float) -> FloatArray:
    """Chance that a closed case reaches the organisers: base x (1 + gains) x strength, at most 1."""
    return np.minimum(1.0, base * (1.0 + gains) * np.asarray(strength))


class Casework:
    """Evidence and open cases.

    Parameters
    ----------
    networks, member_states, authorities : int
        Member States come first among the authorities.
    params : Mapping

    Attributes
    ----------
    held : FloatArray, shape (networks, authorities)
        Items held.
    shared : FloatArray, shape (networks, member_states)
        Items of each Member State that the others can see.
    linked : FloatArray, shape (networks, member_states)
        Items that a Member State can use: its own, linked items of others, and what partners give.
    open : BoolArray, shape (networks, member_states)
    supported : FloatArray, shape (networks,)
        Gains in reach by task forces and joint investigation teams now at work on a network.
    """

    def __init__(self, networks: int, member_states: int, authorities: int,
                 params: Mapping[str, float]) -> None:  # fmt: skip
        self.held = np.zeros((networks, authorities))
        self.shared = np.zeros((networks, member_states))
        self.linked = np.zeros((networks, member_states))
        self.open = np.zeros((networks, member_states), dtype=bool)
        self.supported = np.zeros(networks)
        self.items_per_week = np.zeros(member_states)
        self.link = np.zeros(member_states)
        self._members = member_states
        self._p = params

    def collect(self, seen: FloatArray, yields: FloatArray) -> None:
        """Add a week's items.

        Parameters
        ----------
        seen : FloatArray, shape (networks, authorities)
            Persons seen with each network in the week.
        yields : FloatArray, shape (authorities,)
            Items per person seen.
        """
        fresh = seen * yields[None, :]
        self.held *= 0.5 ** (7.0 / self._p["evidence.half_life_days"])
        self.held += fresh
        lag = 1.0 - 0.5 ** (7.0 / self._p["linking.load_half_life_days"])
        self.items_per_week += lag * (fresh[:, : self._members].sum(axis=0) - self.items_per_week)

    def share(self, sharing: FloatArray, completeness: FloatArray, delay_days: FloatArray) -> None:
        """Let reports arrive: what others can see moves towards sharing x completeness x held, with a mean delay."""
        arriving = 1.0 - np.exp(-7.0 / np.maximum(delay_days, 1e-6))
        target = self.held[:, : self._members] * (sharing * completeness)[None, :]
        self.shared += arriving[None, :] * (target - self.shared)

    def connect(self, analysts: FloatArray, match: FloatArray, partner_reach: FloatArray) -> None:
        """Link items across states.

        Parameters
        ----------
        analysts : FloatArray, shape (member_states,)
            Analysts working on each Member State's cases.
        match : FloatArray, shape (member_states,)
            Chance that a link that is looked for is found.
        partner_reach : FloatArray, shape (partners,)
            Share of a partner country's items that can be used in the Union.
        """
        capacity = analysts * self._p["linking.items_per_analyst_year"] / (365.25 / 7.0)
        everyone = self.shared.sum(axis=1, keepdims=True)
        load = self.items_per_week + self._p["linking.background_items_per_week"]
        self.link = linked_share(load, capacity, match)
        abroad = self.held[:, self._members :] @ partner_reach
        others = everyone - self.shared + abroad[:, None]
        self.linked = self.held[:, : self._members] + self.link[None, :] * others

    def forget(self, network: int) -> None:
        """Close the file on a dismantled network."""
        self.held[network] = 0.0
        self.shared[network] = 0.0
        self.linked[network] = 0.0
        self.open[network] = False
        self.supported[network] = 0.0

    def candidates(self, member_state: int, number: int, least: float, duplication: float) -> IntArray:
        """Networks that a Member State would open cases on next: those with most usable evidence.

        Parameters
        ----------
        member_state : int
        number : int
            How many.
        least : float
            Items needed to open a case.
        duplication : float
            Weight of a network on which another state already works, when nobody tells (1) or everybody (0).
        """
        if number <= 0:
            return np.zeros(0, dtype=np.int64)
        score = self.linked[:, member_state].copy()
        elsewhere = self.open.any(axis=1) & ~self.open[:, member_state]
        score[elsewhere] *= duplication
        score[self.open[:, member_state]] = 0.0
        score[self.held[:, member_state] <= 0.0] = 0.0
        ranked = np.argsort(-score, kind="stable")[:number]
        return np.asarray(ranked[score[ranked] >= least], dtype=np.int64)


def work_off_backlog(backlog: float, capacity: float, lapse: float) -> tuple[float, float, float]:
    """One week of a prosecution queue: (processed, lapsed, left).

    Parameters
    ----------
    backlog : float
        Cases waiting.
    capacity : float
        Cases that the prosecutors can bring in a week.
    lapse : float
        Share of those left that lapse in a week.
    """
    processed = min(backlog, capacity)
    left = backlog - processed
    lapsed = left * lapse
    return processed, lapsed, left - lapsed
