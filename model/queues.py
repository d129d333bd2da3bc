"""Queues with staff: cases arrive, wait for a free place, are worked on for a random time, or lapse while they wait.

Staff of c (teams, prosecutors; not necessarily a whole number) have room for the next whole number of cases; as many as
there are staff for are worked on at full speed, and where there are fewer staff than cases in hand all share them
(c / k of full speed each).  With whole c, Poisson arrivals and exponential work this is the M/M/c queue, with exponential
patience the Erlang A queue (Gross, Shortle, Thompson and Harris 2008, Fundamentals of Queueing Theory, chapter 3).  Events
happen at their exact times inside the span that is served, whatever its length; only the staff and the speeds are held
constant over a span.  The line is served by rank: the time of arrival gives first come, first served.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ARRIVES, WORK, EXPIRES, BEGAN, RANK, MARK = range(6)
TAG, SERIAL = range(2)


class Served(NamedTuple):
    """Cases that were finished in a span."""

    ended: FloatArray  # time of each
    began: FloatArray
    mark: FloatArray
    tag: IntArray
    serial: IntArray


@compiled
def _serve(
    cells: FloatArray, labels: IntArray, used: int, now: float, until: float, staff: float, speed: FloatArray,
    done: FloatArray, done_labels: IntArray,
) -> tuple[int, int, int, int, int, float, float]:  # fmt: skip
    """Serve a span and close up the rows: (used, in hand, finished, begun, lapsed, sum of waits, staff time at work)."""
    seats = math.ceil(staff - 1e-9)
    state = np.zeros(used, dtype=np.int8)  # 0 waits, 1 in hand, 2 finished, 3 lapsed
    inside = np.empty(used, dtype=np.int64)
    line = np.empty(used, dtype=np.int64)
    k = waiting = 0
    in_order = -1  # cases at the head of the line that stand in order
    for j in range(used):
        if np.isnan(cells[BEGAN, j]):
            line[waiting] = j
            if waiting > 0 and cells[RANK, j] < cells[RANK, line[waiting - 1]] and in_order < 0:
                in_order = waiting
            waiting += 1
        else:
            inside[k] = j
            state[j] = 1
            k += 1
    line = line[:waiting]
    if in_order >= 0:  # the line was left in order: only what came since is to be sorted in
        least = cells[RANK][line[in_order:]].min()
        while in_order > 0 and cells[RANK, line[in_order - 1]] > least:
            in_order -= 1
        behind = line[in_order:].copy()
        line[in_order:] = behind[np.argsort(cells[RANK][behind], kind="mergesort")]
    begun = lapsed = finished = 0
    waits = busy = 0.0
    first, time = 0, now
    while True:
        next_arrival = np.inf
        at = first
        while k < seats and at < waiting:
            j = line[at]
            if state[j] == 0:
                if cells[ARRIVES, j] > time:
                    next_arrival = min(next_arrival, cells[ARRIVES, j])
                elif cells[EXPIRES, j] <= time:
                    state[j] = 3
                    lapsed += 1
                else:
                    state[j] = 1
                    cells[BEGAN, j] = time
                    begun += 1
                    waits += time - cells[ARRIVES, j]
                    inside[k] = j
                    k += 1
            if at == first and state[j] != 0:
                first += 1
            at += 1
        share = min(1.0, staff / k) if k > 0 else 0.0
        step, chosen = min(next_arrival, until) - time, -1
        for i in range(k):
            pace = share * speed[inside[i] % len(speed)]
            if pace > 0.0 and cells[WORK, inside[i]] / pace < step:
                step, chosen = max(0.0, cells[WORK, inside[i]] / pace), i
        for i in range(k):
            cells[WORK, inside[i]] -= step * share * speed[inside[i] % len(speed)]
        busy += step * min(float(k), staff)
        time += step
        if chosen >= 0:
            j = inside[chosen]
            state[j] = 2
            for row in range(cells.shape[0]):
                done[row, finished] = cells[row, j]
            done[ARRIVES, finished] = time
            for row in range(labels.shape[0]):
                done_labels[row, finished] = labels[row, j]
            finished += 1
            k -= 1
            inside[chosen] = inside[k]
        elif next_arrival < until:
            time = next_arrival
        else:
            break
    kept = 0
    places = np.empty(used, dtype=np.int64)
    for j in range(used):
        if state[j] == 1:
            places[kept] = j
            kept += 1
    for at in range(waiting):
        j = line[at]
        if state[j] == 0 and cells[EXPIRES, j] <= until:
            lapsed += 1
        elif state[j] == 0:
            places[kept] = j
            kept += 1
    for row in range(cells.shape[0]):  # those in hand first, then the line in its order
        cells[row, :kept] = cells[row][places[:kept]]
    for row in range(labels.shape[0]):
        labels[row, :kept] = labels[row][places[:kept]]
    return kept, k, finished, begun, lapsed, waits, busy


class Docket:
    """Cases at one desk: those in hand and those that wait.

    Attributes
    ----------
    waiting : int
        Cases that wait.
    busy, offered : float
        Staff time at work and staff time on duty so far: their ratio is the utilisation.
    begun, lapsed : int
        Cases taken in hand, and cases that lapsed while they waited.
    waits : float
        Total time that the cases taken in hand had waited.
    """

    def __init__(self) -> None:
        self._used = self.waiting = 0
        self._cells = np.zeros((6, 64))
        self._labels = np.zeros((2, 64), dtype=np.int64)
        self.busy = self.offered = self.waits = 0.0
        self.begun = self.lapsed = 0

    def __len__(self) -> int:
        return self._used

    @property
    def cells(self) -> FloatArray:
        """One column a case: arrival, work left, expiry, beginning (NaN: waits), rank, mark."""
        return self._cells[:, : self._used]

    @property
    def tag(self) -> IntArray:
        """What each case is about."""
        return self._labels[TAG, : self._used]

    @property
    def serial(self) -> IntArray:
        """Number of each case."""
        return self._labels[SERIAL, : self._used]

    @property
    def in_hand(self) -> npt.NDArray[np.bool_]:
        """Which cases are worked on."""
        return np.asarray(~np.isnan(self.cells[BEGAN]), dtype=np.bool_)

    @property
    def utilisation(self) -> float:
        """Share of staff time at work so far."""
        return self.busy / self.offered if self.offered > 0.0 else 0.0

    @property
    def mean_wait(self) -> float:
        """Mean time that the cases taken in hand so far had waited."""
        return self.waits / self.begun if self.begun else 0.0

    def add(
        self, arrives: FloatArray, work: FloatArray, expires: FloatArray | float = np.inf, *,
        rank: FloatArray | None = None, mark: FloatArray | float = 0.0, tag: IntArray | int = 0,
        serial: IntArray | int = 0,
    ) -> None:  # fmt: skip
        """Put cases into the line.

        Parameters
        ----------
        arrives : FloatArray, shape (cases,)
            Times; a case is not taken in hand before.
        work : FloatArray, shape (cases,)
            At speed 1 it takes this long.
        expires : FloatArray or float
            Times after which a case that still waits lapses.
        rank : FloatArray, optional
            The least is served first; the time of arrival if not given.
        mark, tag, serial
            Handed back with the finished case.
        """
        new = slice(self._used, self._used + len(arrives))
        if new.stop > self._cells.shape[1]:
            room = 2 * new.stop
            self._cells = np.concatenate([self.cells, np.zeros((6, room - self._used))], axis=1)
            self._labels = np.concatenate(
                [self._labels[:, : self._used], np.zeros((2, room - self._used), dtype=np.int64)], axis=1
            )
        cells = self._cells
        cells[ARRIVES, new], cells[WORK, new], cells[EXPIRES, new] = arrives, work, expires
        cells[BEGAN, new] = np.nan
        cells[RANK, new] = arrives if rank is None else rank
        cells[MARK, new] = mark
        self._labels[TAG, new], self._labels[SERIAL, new] = tag, serial
        self._used = new.stop
        self.waiting += len(arrives)

    def idle(self, staff_time: float) -> None:
        """Staff are on duty for so long, with nothing to do."""
        self.offered += staff_time

    def serve(self, now: float, until: float, staff: float, speed: FloatArray) -> Served:
        """Work from `now` to `until`.

        Parameters
        ----------
        now, until : float
        staff : float
            Constant over the span.
        speed : FloatArray, shape (cases,) or (1,)
            Work done per unit of time with full staff, for each case in the order of `tag`, or one for all.

        Returns
        -------
        Served
            In the order in which they were finished.
        """
        self.offered += staff * (until - now)
        if self._used == 0:
            nothing = np.zeros((2, 0))
            none = nothing.astype(np.int64)
            return Served(nothing[0], nothing[0], nothing[0], none[0], none[0])
        done, labels = np.empty((6, self._used)), np.empty((2, self._used), dtype=np.int64)
        used, in_hand, finished, begun, lapsed, waits, busy = _serve(
            self._cells, self._labels, self._used, now, until, staff, speed, done, labels
        )
        self._used, self.waiting = used, used - in_hand
        self.begun += begun
        self.lapsed += lapsed
        self.waits += waits
        self.busy += busy
        done, labels = done[:, :finished], labels[:, :finished]
        return Served(done[ARRIVES], done[BEGAN], done[MARK], labels[TAG], labels[SERIAL])

    def keep(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Take all other cases off the docket.

        Parameters
        ----------
        chosen : BoolArray, shape (cases,)
        """
        if chosen.all():
            return
        left = int(np.count_nonzero(chosen))
        self._cells[:, :left] = self.cells[:, chosen]
        self._labels[:, :left] = self._labels[:, : self._used][:, chosen]
        self._used = left
        self.waiting = int(np.count_nonzero(np.isnan(self.cells[BEGAN])))
