"""Reporting: what reaches the common statistics of what authorities detect, and when.

A Member State reports a share of its detections (completeness), each after a delay that is exponential with a mean of its
own, so that the count of one month arrives over later ones: the reporting triangle of epidemic surveillance (Höhle and an
der Heiden 2014, Biometrics 70(4):993-1002).  Shares are taken in expectation: reporting adds no noise of its own.
Frontex's deployments and a planner inside the model see this series and no other.

Counts are of crossings, not of people: who is detected in the Aegean and again on the Western Balkans counts twice,
as in 2015 (Frontex).  `Tally.first_detections` tells how many people stand behind the count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from .geography import ROUTES

FloatArray = npt.NDArray[np.float64]
BEFORE = ""  # crossing month of what was already waiting when the run began


class Reporting:
    """Detections on their way into the statistics.

    Parameters
    ----------
    member_states : list of str
    daily : FloatArray, shape (member_states, routes)
        Detections a day before the run.
    completeness, delay_days : FloatArray, shape (member_states,)
        Before the run: what was detected then and is still to be reported waits already.

    Attributes
    ----------
    arrived : FloatArray, shape (member_states, routes)
        Reported since the last `publish`.
    weekly : FloatArray, shape (member_states,)
        Reports a week of late.
    """

    def __init__(self, member_states: list[str], daily: FloatArray, completeness: FloatArray,
                 delay_days: FloatArray) -> None:  # fmt: skip
        complete = daily * completeness[:, None]
        self._member_states = member_states
        self._waiting: dict[str, FloatArray] = {BEFORE: complete * delay_days[:, None]}
        self._reported: dict[str, FloatArray] = {}
        self._triangle: list[tuple[str, str, FloatArray]] = []
        self._since = np.zeros(len(member_states))  # reports and days since the last week's end
        self._days = 0.0
        self.arrived = np.zeros_like(complete)
        self.weekly = 7.0 * np.asarray(complete.sum(axis=1))

    def advance(self, month: str, detected: FloatArray, completeness: FloatArray, delay_days: FloatArray,
                days: float) -> None:  # fmt: skip
        """Let `days` days pass.

        Parameters
        ----------
        month : str
            In which they lie, such as ``2025-01``.
        detected : FloatArray, shape (member_states, routes)
            In these days, evenly.
        completeness : FloatArray, shape (member_states,)
            Share of them that is ever reported.
        delay_days : FloatArray, shape (member_states,)
            Mean delay.
        days : float
        """
        if days <= 0.0:
            return
        mean = np.maximum(delay_days, 1e-6)[:, None]
        kept = np.exp(-days / mean)
        came = np.zeros_like(self.arrived)
        for crossed in list(self._waiting):
            left = self._waiting[crossed] * kept
            came += self._book(crossed, self._waiting[crossed] - left)
            self._waiting[crossed] = left
        fresh = detected * completeness[:, None]
        left = fresh * (1.0 - kept) * mean / days  # the mean of exp(-t / delay) over the days since
        came += self._book(month, fresh - left)
        self._waiting[month] = self._waiting.get(month, 0.0) + left
        self.arrived += came
        self._since += came.sum(axis=1)
        self._days += days

    def _book(self, crossed: str, number: FloatArray) -> FloatArray:
        self._reported[crossed] = self._reported.get(crossed, 0.0) + number
        return number

    def close_week(self, weight: float) -> None:
        """Move `weekly` by `weight` towards what was reported since the last call, per week."""
        if self._days > 0.0:
            self.weekly += weight * (7.0 * self._since / self._days - self.weekly)
            self._since = np.zeros_like(self._since)
            self._days = 0.0

    def publish(self, month: str, keep: bool = True) -> FloatArray:
        """End the month: what was reported in it, shape (member_states, routes); `keep` it in the triangle or not."""
        if keep:
            self._triangle += [(crossed, month, number) for crossed, number in self._reported.items()]
        self._reported = {}
        published, self.arrived = self.arrived, np.zeros_like(self.arrived)
        return published

    def triangle(self) -> pd.DataFrame:
        """Months of crossing against months of report.

        Returns
        -------
        DataFrame
            Columns crossed (empty: before the run), reported, member_state, route, value.
        """
        rows = [
            (crossed, reported, self._member_states[m], ROUTES[r], float(number[m, r]))
            for crossed, reported, number in self._triangle
            for m, r in zip(*np.nonzero(number), strict=True)
        ]
        return pd.DataFrame(rows, columns=["crossed", "reported", "member_state", "route", "value"])
