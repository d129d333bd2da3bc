"""Sailing: who has chosen a leg by sea waits on the coast for a boat and for the sea, and only then crosses.

The days of such a leg in the table are spent on the coast; the crossing takes one.  Small boats leave on calm days (Deiana,
Maheshri and Mastrobuoni 2024, American Economic Journal: Economic Policy 16(2):335-365, who find crossings on days of low
waves), so that the hazard of sailing is the share of calm days in the month over its mean of the year, divided by the
leg's mean wait (a proportional hazard: Cox 1972, Journal of the Royal Statistical Society B 34:187-220).  In the rough
season people gather on the coast, and leave when it ends: crossings are seasonal although arrivals at the coast are not.

With arrivals I, people waiting S and hazard (1 + a cos wt) / m, dS/dt = I - S (1 + a cos wt) / m; to first order in a the
crossings swing by a w m / sqrt(1 + (w m)^2) around their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from .demand import season_of_setting_out
from .geography import ROUTES, Geography
from .travellers import Sailing

FloatArray = npt.NDArray[np.float64]
ROUNDING = 0.5
"""Waits end on whole days: the mean of an exponential wait rounded up is half a day more (to first order)."""
CROSSING = 1.0
"""Days at sea."""


def calm_factor(month: int, params: Mapping[str, float]) -> FloatArray:
    """Calm days of a month relative to the mean month by sea, shape (routes,): a cosine with its peak in the calmest month."""
    swing = np.zeros(len(ROUTES))
    peak = np.ones(len(ROUTES))
    for name, amplitude, calmest in (
        ("CMED", params["sailing.swing_cmed"], params["sailing.calmest_month_cmed"]),
        ("EMED", params["sailing.swing_emed"], params["sailing.calmest_month_emed"]),
        ("WMED", params["sailing.swing_wmed"], params["sailing.calmest_month_wmed"]),
        ("WAFR", params["sailing.swing_wafr"], params["sailing.calmest_month_wafr"]),
    ):
        swing[ROUTES.index(name)], peak[ROUTES.index(name)] = amplitude, calmest
    return np.asarray(1.0 + swing * np.cos(2.0 * np.pi * (month - peak) / 12.0))


def waits_on_coast(geography: Geography) -> FloatArray:
    """Mean days on the coast before the first attempt, shape (legs,): the leg's days less the crossing, 0 elsewhere."""
    by_sea = geography.external & geography.by_sea
    return np.where(by_sea, np.maximum(geography.column("legs", "days") - CROSSING - ROUNDING, 0.0), 0.0)


def sailing(geography: Geography, params: Mapping[str, float], first: date, days: int, lead_days: FloatArray) -> Sailing:
    """Waits, calm days and seasons of setting out of a run.

    Parameters
    ----------
    geography : Geography
    params : Mapping
        Registry values.
    first : date
        First simulated day.
    days : int
    lead_days : FloatArray, shape (groups,)
        Days between leaving and being detected.
    """
    factor = np.array([calm_factor(month, params) for month in range(1, 13)])
    month = np.array([(first + timedelta(days=d)).month for d in range(days)])
    calm = np.zeros((len(ROUTES), days + 1))
    np.cumsum(factor[month - 1].T, axis=1, out=calm[:, 1:])
    again = max(params["interception.return_days"] - ROUNDING, ROUNDING)
    return Sailing(
        waits_on_coast(geography), again, geography.route_of_leg, calm, params["legal.setting_out_days"],
        season_of_setting_out(geography, first, days, lead_days),
    )  # fmt: skip
