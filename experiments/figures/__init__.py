"""Charts and maps in one restrained style that colour-blind readers can use, each with the table behind it.

Every function gives a `Chart`: a Matplotlib figure with ``.table`` (what is drawn) and ``.alt`` (what it shows, in
words). Nothing here touches pyplot's global state. A file a question: `maps` (where), `series` (when), `changes` (what
changes), `options` (which option), `plans` (where staff goes), `causes` (what hangs on what).
"""

from .causes import OTHER, attribution_table, factor_title, swept_of, tornado, waterbed
from .changes import differences, relative_changes
from .maps import MEDITERRANEAN, change, flows, leg_changes, leg_flows
from .methods import Plots
from .options import frontier, not_bettered, regret_table, regrets
from .plans import allocation, limit_name, plan_frontier, shadow_prices
from .series import KEY_OUTCOMES, time_series

__all__ = [
    "KEY_OUTCOMES",
    "MEDITERRANEAN",
    "OTHER",
    "Plots",
    "allocation",
    "attribution_table",
    "change",
    "differences",
    "factor_title",
    "flows",
    "frontier",
    "leg_changes",
    "leg_flows",
    "limit_name",
    "not_bettered",
    "plan_frontier",
    "regret_table",
    "regrets",
    "relative_changes",
    "shadow_prices",
    "swept_of",
    "time_series",
    "tornado",
    "waterbed",
]
