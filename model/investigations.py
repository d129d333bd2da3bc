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
    """Evidence and open cases, by agent: a row that stands for several networks holds the evidence on all of them.

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
    open : IntArray, shape (networks, member_states)
        Cases in hand.
    begun : IntArray, shape (networks, member_states)
        Cases taken in hand so far: the number of the next one.
    ripe : FloatArray, shape (networks, member_states)
        Since when there has been enough evidence for a case that nobody has time for yet, NaN where there is not.
    usable : FloatArray, shape (networks, member_states)
        Linked items per network at work, as of this week.
    score : FloatArray, shape (networks, member_states)
        The same, less where others work on the network already, and 0 where no case can be opened.
    strength : FloatArray, shape (networks, member_states)
        How far the evidence carries a case, 0 to 1, as of this week.
    supported : FloatArray, shape (networks,)
        Gains in reach by task forces and joint investigation teams now at work on a network.
    """

    def __init__(self, networks: int, member_states: int, authorities: int,
                 params: Mapping[str, float]) -> None:  # fmt: skip
        shape = (networks, member_states)
        self.held = np.zeros((networks, authorities))
        self.shared, self.linked, self.usable = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.score, self.strength = np.zeros(shape), np.zeros(shape)
        self.open: IntArray = np.zeros(shape, dtype=np.int64)
        self.begun: IntArray = np.zeros(shape, dtype=np.int64)
        self.ripe = np.full(shape, np.nan)
        self.supported = np.zeros(networks)
        self.promising: list[IntArray] = [np.zeros(0, np.int64)] * member_states  # rows with a score, by Member State
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

    def weigh(self, at_work: IntArray, sharing: FloatArray) -> None:
        """Weigh the files at the beginning of a week: which cases could be opened, in which order, and how strong all are.

        Parameters
        ----------
        at_work : IntArray, shape (networks,)
            Networks at work that each row stands for.
        sharing : FloatArray, shape (member_states,)
            Share of its items that a Member State shares: as far as it does, it knows who works on what.
        """
        p = self._p
        number = np.maximum(at_work, 1)[:, None]
        self.usable = self.linked / number
        self.strength = strength_of_case(self.usable, p["investigation.half_items"])
        elsewhere = np.minimum((self.open.sum(axis=1, keepdims=True) - self.open) / number, 1.0)
        avoided = p["investigation.deconfliction"] * sharing[None, :]
        self.score = self.usable * (1.0 - elsewhere * avoided)
        possible = (self.open < at_work[:, None]) & (self.held[:, : self._members] > 0.0)
        self.score[~possible | (self.score < p["investigation.least_items"])] = 0.0
        self.ripe[self.score <= 0.0] = np.nan
        state, row = self.score.T.nonzero()
        first = np.searchsorted(state, np.arange(self._members + 1)).tolist()
        self.promising = [row[first[m] : first[m + 1]] for m in range(self._members)]

    def forget(self, network: int, before: int) -> None:
        """Close the file on a dismantled network.

        Parameters
        ----------
        network : int
        before : int
            Networks that the row stood for before: their part of the evidence stays.
        """
        left = 1.0 - 1.0 / before
        for items in (self.held, self.shared, self.linked):
            items[network] *= left

    def use_up(self, network: int, member_state: int, number: int) -> None:
        """A case against one of `number` networks used most of what the state held on it."""
        self.held[network, member_state] *= 1.0 - (1.0 - self._p["investigation.items_left"]) / number
