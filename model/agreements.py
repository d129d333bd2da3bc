"""What partner agreements set on any day: effort at controls, returns of those who arrive, networks made to stop.

An agreement of a country takes the place of its earlier ones over its ramp.  Three things follow from it:

- *effort*: its authorities stop more or fewer attempts (a multiple of their chance at the reference);
- *returns*: a share of those who arrive from its territory is held and sent back to where they set out, as under the
  EU-Türkiye Statement of 18 March 2016;
- *stops*: a share of the networks on its corridors of departure stops working while the agreement holds, because they are
  moved against or paid to (Libya, summer 2017).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from .geography import Geography
from .policy import ramped

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Agreements:
    """The partner agreements of a scenario as arrays by authority, leg and corridor.

    Parameters
    ----------
    geography : Geography
    events : iterable
        The scenario's events; only partner agreements are read.
    """

    def __init__(self, geography: Geography, events: Iterable[Any]) -> None:
        self._g = geography
        self._events = sorted((e for e in events if e.kind == "partner_agreement"), key=lambda e: e.on)
        legs = geography.legs
        self._left = np.array([geography.hub_country[h] for h in legs["tail"]])
        self._reached = np.array([geography.hub_country[h] for h in legs["head"]])
        self._mode = np.asarray(legs["mode"])

    def _moved(self, field: str, values: FloatArray, event: Any, where: BoolArray, today: date) -> None:
        """Move `values` where an agreement sets a field, as far as it has ramped."""
        given = getattr(event, field)
        if given is not None:
            share = ramped(event.on, event.off, event.ramp_days, today)
            values[where] += share * (given - values[where])

    def effort(self, today: date) -> FloatArray:
        """Effort of each authority relative to the reference, shape (authorities,)."""
        effort = np.ones(len(self._g.authorities))
        names = np.array(self._g.authorities)
        for event in self._events:
            self._moved("strength", effort, event, names == event.partner, today)
        return effort

    def returns(self, today: date) -> tuple[FloatArray, FloatArray]:
        """Share of arrivals sent back, and days for which arrivals are held, by leg, shape (legs,) each."""
        share, held = np.zeros(len(self._left)), np.zeros(len(self._left))
        for event in self._events:
            into = True if event.returns_into is None else self._reached == event.returns_into
            mode = True if event.returns_by is None else self._mode == event.returns_by
            where = self._g.external & (self._left == event.partner) & into & mode
            self._moved("returns", share, event, where, today)
            self._moved("held_days", held, event, where, today)
        return share, held

    def stopped(self, today: date, flow: FloatArray) -> FloatArray:
        """Share of the networks on each corridor that are made to stop, shape (corridors,).

        A corridor that leaves several countries takes the mean of theirs, weighted by departures at the reference.

        Parameters
        ----------
        today : date
        flow : FloatArray, shape (legs,)
            Smuggled attempts a day at the reference.
        """
        g = self._g
        stopped = np.zeros(len(self._left))
        departs = g.external & ~g.by_air
        for event in self._events:
            self._moved("networks_stopped", stopped, event, departs & (self._left == event.partner), today)
        weight = np.where(departs, np.maximum(flow, 1e-12), 0.0)
        corridors = len(g.corridors)
        total = np.bincount(g.corridor_of_leg, weights=weight, minlength=corridors)
        part = np.bincount(g.corridor_of_leg, weights=weight * stopped, minlength=corridors)
        return np.divide(part, total, out=np.zeros(corridors), where=total > 0.0)
