"""What a run hands over: monthly rows after burn-in, and totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import OUTCOMES
from .geography import ROUTES, Geography
from .travellers import Tally

FloatArray = npt.NDArray[np.float64]
COLUMNS = ["month", "outcome", "route", "origin_group", "member_state", "leg", "value"]
_BY_ROUTE = {
    "irregular_crossings": "crossings",
    "detections": "detections",
    "first_detections": "first_detections",
    "interceptions": "interceptions",
    "returns": "returned",
    "deaths": "deaths",
    "smuggler_revenue_eur": "revenue",
    "paid_legs": "paid",
}
_BY_GROUP = {
    "departures": "departures",
    "travellers_in_debt": "debt",
    "travellers_held": "held",
    "ransom_eur": "ransom",
    "legal_pathway_admissions": "admitted",
}


@dataclass(frozen=True)
class RunOutput:
    """Outcomes of one run.

    Attributes
    ----------
    outcomes : DataFrame
        Columns month (``2025-01``), outcome, route, origin_group, member_state, leg, value; dimensions that an outcome
        does not have are empty strings.  Every outcome stands at one breakdown, so the rows of a month add up.
    replicate : int
    incidents : DataFrame or None
        Fatal incidents at sea: day, leg, route, deaths.
    triangle : DataFrame or None
        Detections by month of crossing and month of report: crossed, reported, member_state, route, value.
    """

    outcomes: pd.DataFrame
    replicate: int = 0
    incidents: pd.DataFrame | None = None
    triangle: pd.DataFrame | None = None

    def totals(self, start: str | None = None, end: str | None = None) -> dict[str, float]:
        """One figure per outcome: flows summed, stocks averaged over months, ratios of sums.

        Parameters
        ----------
        start, end : str, optional
            First and last month (``2025-01``), inclusive.
        """
        rows = self.outcomes
        if start is not None:
            rows = rows[rows["month"] >= start]
        if end is not None:
            rows = rows[rows["month"] <= end]
        return totals(rows)


def totals(rows: pd.DataFrame) -> dict[str, float]:
    """Aggregate monthly rows per outcome as `OUTCOMES` says (flows: sum, stocks: mean over months, ratios)."""
    months = max(1, rows["month"].nunique())
    sums = rows.groupby("outcome", observed=True)["value"].sum()
    result: dict[str, float] = {}
    for name, info in OUTCOMES.items():
        if info.kind == "ratio":
            continue
        value = float(sums.get(name, 0.0))
        result[name] = value / months if info.over_months == "mean" else value
    for name, info in OUTCOMES.items():
        if info.kind == "ratio" and info.numerator and info.denominator:
            below = result.get(info.denominator, 0.0)
            result[name] = result.get(info.numerator, 0.0) / below if below > 0.0 else 0.0
    return result


class Recorder:
    """Collects one block of rows per month from the cumulative tally."""

    def __init__(self, geography: Geography) -> None:
        self._geography = geography
        self._last: dict[str, FloatArray] = {}
        self._blocks: list[tuple[str, str, str, list[str], str, list[str], FloatArray]] = []
        route = geography.route_of_leg
        self._to_route = np.zeros((len(route), len(ROUTES)))
        self._to_route[np.arange(len(route)), route] = 1.0

    def since_last(self, tally: Tally, field: str) -> FloatArray:
        now: FloatArray = getattr(tally, field)
        return now - self._last.get(field, np.zeros_like(now))

    def close_month(self, month: str, tally: Tally, extra: list[tuple[str, str, FloatArray]],
                    keep: bool, reported: FloatArray | None = None) -> None:  # fmt: skip
        """End a month.

        Parameters
        ----------
        month : str
            Such as ``2025-01``.
        tally : Tally
        extra : list of (outcome, dimension, values)
            Rows of strategic actors; dimension is ``member_state`` or ``route`` (a value each) or empty (one value).
        keep : bool
            False during burn-in.
        reported : FloatArray, shape (member_states, routes), optional
            Detections that were reported in the month.
        """
        if keep:
            g = self._geography
            for outcome, field in _BY_ROUTE.items():
                self._add_matrix(month, outcome, self.since_last(tally, field) @ self._to_route)
            attempts = self.since_last(tally, "attempts")
            self._add_matrix(month, "attempts", (attempts * g.external[None, :]) @ self._to_route)
            for outcome, field in _BY_GROUP.items():
                self._add(month, outcome, self.since_last(tally, field), origin_group=g.groups)
            legs = list(g.legs["leg"])
            self._add(month, "leg_attempts", attempts.sum(axis=0), leg=legs)
            self._add(month, "leg_deaths", self.since_last(tally, "deaths").sum(axis=0), leg=legs)
            settled = self.since_last(tally, "settled").sum(axis=0)[: len(g.member_states)]
            self._add(month, "asylum_load", settled, member_state=g.member_states)
            for outcome, dimension, values in extra:
                if dimension == "member_state":
                    self._add(month, outcome, values, member_state=g.member_states)
                elif dimension == "route":
                    self._add(month, outcome, values, route=list(ROUTES))
                else:
                    self._add(month, outcome, values)
            if reported is not None:
                states, routes = np.nonzero(reported)
                self._blocks.append(
                    (month, "reported_detections", "route", [ROUTES[r] for r in routes], "member_state",
                     [g.member_states[m] for m in states], reported[states, routes])
                )  # fmt: skip
        self._last = {field: getattr(tally, field).copy() for field in Tally._fields}

    def _add(self, month: str, outcome: str, values: FloatArray, **dimension: list[str]) -> None:
        used = np.flatnonzero(values)
        if not len(used):
            used = np.array([0])
        name, labels = next(iter(dimension.items()), ("", []))
        chosen = [labels[i] for i in used] if labels else [""] * len(used)
        self._blocks.append((month, outcome, name, chosen, "", [], values[used]))

    def _add_matrix(self, month: str, outcome: str, values: FloatArray) -> None:
        groups, routes = np.nonzero(values)
        if not len(groups):
            groups, routes = np.array([0]), np.array([0])
        names = self._geography.groups
        self._blocks.append(
            (month, outcome, "route", [ROUTES[r] for r in routes], "origin_group", [names[i] for i in groups],
             values[groups, routes])
        )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """All rows recorded so far."""
        columns: dict[str, list[str]] = {name: [] for name in COLUMNS[:-1]}
        values: list[FloatArray] = []
        for month, outcome, first, first_labels, second, second_labels, numbers in self._blocks:
            size = len(numbers)
            known = {"month": [month] * size, "outcome": [outcome] * size, first: first_labels, second: second_labels}
            for name, column in columns.items():
                column.extend(known.get(name, [""] * size))
            values.append(numbers)
        merged = np.concatenate(values) if values else np.zeros(0)
        frame = pd.DataFrame({name: pd.Series(column, dtype="str") for name, column in columns.items()})
        frame["value"] = merged
        return frame[COLUMNS]
