"""Demand: how many people consider leaving, by origin group and day.

Published entry detections of a year and the group's own season give expected detections; the reference point tells how
many departures stand behind one, and participation how many consider leaving for one who does.  A latent shock with
persistence multiplies the level (pattern: persistence with jumps).  Draws are keyed by seed, group and calendar month:
neither policy nor the length of the burn-in enters.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from .geography import Geography
from .streams import generator

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
EPOCH_YEAR = 2010


def month_number(day: date) -> int:
    """Months since January 2010."""
    return (day.year - EPOCH_YEAR) * 12 + day.month - 1


MOST_A_DAY = 1 << 23
"""Rows of one group that may consider leaving on a day: each has a number of its own below 2^24."""
MOST = 1 << 30
"""Rows that may consider leaving in a whole run."""


class TooManyTravellers(ValueError):
    """A scenario asks for more travellers than there are people, or than this machine holds."""


REMEDY = "lower uncertainties.demand_growth_per_year or the factors of demand_shock events"


def annual_level(geography: Geography, group: str, year: int, demand_year: int | None, growth: float) -> float:
    """Expected entry detections of a group in a year: published, held at `demand_year`, or grown beyond the tables."""
    rows = geography.published_demand[group]
    if demand_year is not None:
        return rows[demand_year]
    first, last = min(rows), max(rows)
    if year > last:
        return rows[last] * (1.0 + growth) ** (year - last)
    return rows[max(first, year)]


def latent_shock(seed: int, group: str, months: int, sd: float, persistence: float) -> FloatArray:
    """Multiplicative monthly shock since January 2010 with mean 1: a first-order autoregression in logs."""
    noise = generator(seed, "demand", group).standard_normal(months)
    log = np.empty(months)
    level = sd * noise[0]
    innovation = sd * np.sqrt(1.0 - persistence**2)
    for t in range(months):
        level = level if t == 0 else persistence * level + innovation * noise[t]
        log[t] = level
    return np.asarray(np.exp(log - 0.5 * sd**2))


def shock_by_events(events: list[Any], group: str, day: date) -> float:
    """Product of the demand shocks that hold for a group on a day."""
    factor = 1.0
    for event in events:
        if event.kind != "demand_shock" or not event.holds(day):
            continue
        if list(event.origin_groups) == ["all"] or group in event.origin_groups:
            factor *= event.factor
    return factor


def month_factors(geography: Geography) -> dict[tuple[str, int], float]:
    """Published detections of a month over the year's mean, by group and month."""
    table = geography.world.seasonality
    return {
        (str(name), int(month)): float(value)
        for name, month, value in zip(table["origin_group"], table["month"], table["factor"], strict=True)
    }


def season_of_setting_out(geography: Geography, first: date, days: int, lead_days: FloatArray) -> FloatArray:
    """Sum of the month factors by which a group sets out, up to the morning of each day, shape (groups, days + 1).

    A day has the factor of the month in which those who leave then will be detected.
    """
    factor = month_factors(geography)
    sums = np.zeros((len(geography.groups), days + 1))
    for g, group in enumerate(geography.groups):
        months = ((first + timedelta(days=d + float(lead_days[g]))).month for d in range(days))
        np.cumsum([factor[group, month] for month in months], out=sums[g, 1:])
    return sums


def potential_travellers(
    geography: Geography, params: Mapping[str, float], seed: int, first: date, days: int,
    lead_days: FloatArray, per_detection: FloatArray, per_agent: float, *, balkan_factor: FloatArray,
    demand_year: int | None, growth: float, events: list[Any],
) -> IntArray:  # fmt: skip
    """Rows that consider leaving, shape (groups, days).

    Parameters
    ----------
    geography : Geography
    params : Mapping
    seed : int
    first : date
        First simulated day.
    days : int
    lead_days : FloatArray, shape (groups,)
        Days between leaving and being detected: who is detected in August left before.
    per_detection : FloatArray, shape (groups,)
        Potential travellers behind one expected detection.
    per_agent : float
        Persons per row.
    balkan_factor : FloatArray, shape (groups,)
        Detections counted for a group relative to the demand table's (above 1 where first entries are WBALK ones).
    demand_year : int or None
    growth : float
        Per year after the last published one.
    events : list
        The scenario's events.

    Raises
    ------
    TooManyTravellers
    """
    season = month_factors(geography)
    out = np.zeros((len(geography.groups), days), dtype=np.int64)
    last = first + timedelta(days=days - 1)
    months = range(month_number(first), month_number(last) + 1)
    expected = 0.0
    sd, persistence = params["demand.shock_sd"], params["demand.shock_persistence"]
    for g, group in enumerate(geography.groups):
        if per_detection[g] <= 0.0:
            continue
        shock = latent_shock(seed, group, months[-1] + 1, sd, persistence)
        levels: dict[int, float] = {}
        for m in months:
            start = date(EPOCH_YEAR + m // 12, m % 12 + 1, 1)
            end = date(EPOCH_YEAR + (m + 1) // 12, (m + 1) % 12 + 1, 1)
            rate = np.empty((end - start).days)
            for i in range(len(rate)):
                day = start + timedelta(days=i)
                seen = day + timedelta(days=float(lead_days[g]))
                if seen.year not in levels:
                    levels[seen.year] = annual_level(geography, group, seen.year, demand_year, growth)
                event = shock_by_events(events, group, day) if events else 1.0
                rate[i] = levels[seen.year] * season[group, seen.month] * event
            rate *= shock[m] * per_detection[g] * balkan_factor[g] / (365.25 * per_agent)
            expected += float(rate.sum())
            busiest = float(rate.max()) * 365.25
            if not busiest * per_agent < params["demand.most_people"]:
                raise TooManyTravellers(
                    f"the scenario lets {busiest * per_agent:.2g} people a year consider leaving from {group} in {start.year}, "
                    f"more than the world has: {REMEDY}"
                )
            if not rate.max() < MOST_A_DAY or expected > MOST:
                raise TooManyTravellers(
                    f"the scenario lets {max(busiest, expected):.2g} simulated travellers consider leaving from {group} in "
                    f"{start.year}: raise model.persons_per_agent from {per_agent:g}, or {REMEDY}"
                )
            drawn = generator(seed, "potential", group, m).poisson(rate)
            offset = (start - first).days
            a, b = max(0, offset), min(days, offset + len(rate))
            out[g, a:b] = drawn[a - offset : b - offset]
    return out
