"""Every figure as a method of results: ``results.plot.flow_map()``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .causes import tornado, waterbed
from .changes import differences
from .maps import change, flows
from .options import frontier, regret_table
from .plans import allocation, plan_frontier, shadow_prices
from .series import KEY_OUTCOMES, time_series

if TYPE_CHECKING:
    import pandas as pd

    from ...optimise.charts import Chart
    from ..results import Results


class Plots:
    """Charts of results: each method gives a `Chart` that shows itself in a notebook, with ``.table`` and ``.alt``."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def flows(self, run: str | None = None, **options: Any) -> Chart:
        """Map of attempts a year on every leg (see `figures.flows`)."""
        return flows(self._results, run, **options)

    def change(self, run: str | None = None, against: str | None = None, **options: Any) -> Chart:
        """Map of the change against another run (see `figures.change`)."""
        return change(self._results, run, against, **options)

    def time_series(self, outcomes: str | Sequence[str] | None = None, **options: Any) -> Chart:
        """Monthly means with bands (see `figures.time_series`)."""
        return time_series(self._results, outcomes or KEY_OUTCOMES, **options)

    def differences(
        self, runs: Sequence[str] | None = None, against: str | None = None, **options: Any
    ) -> Chart:
        """Relative changes with intervals (see `figures.differences`)."""
        return differences(self._results, runs, against, **options)

    def flow_map(self, run: str | None = None, **options: Any) -> Chart:
        """Map of what shifts against the first run; of journeys where there is nothing to compare with."""
        key = run or self._results.runs[min(1, len(self._results.runs) - 1)].key
        first = self._results.runs[0].key
        return self.flows(key, **options) if key == first else self.change(key, **options)

    def waterbed(self, table: pd.DataFrame | None = None, **options: Any) -> Chart:
        """How staff in one place changes an outcome elsewhere (see `figures.waterbed`)."""
        return waterbed(self._results, table, **options)

    def tornado(self, table: pd.DataFrame | None = None, **options: Any) -> Chart:
        """How far an outcome moves with each factor (see `figures.tornado`)."""
        return tornado(self._results, table, **options)

    def frontier(self, first: str = "deaths", second: str = "cost_eur", **options: Any) -> Chart:
        """Runs between two outcomes, as simulated (see `figures.frontier`)."""
        return frontier(self._results, first, second, **options)

    def plan_frontier(self, run: str | None = None, **options: Any) -> Chart:
        """The efficient frontier of a plan (see `figures.plan_frontier`)."""
        return plan_frontier(self._results, run, **options)

    def regret_table(self, **options: Any) -> Chart:
        """Regret of each run (see `figures.regret_table`)."""
        return regret_table(self._results, **options)

    def allocation(self, run: str | None = None, **options: Any) -> Chart:
        """Staff placed by a plan (see `figures.allocation`)."""
        return allocation(self._results, run, **options)

    def shadow_prices(self, run: str | None = None, **options: Any) -> Chart:
        """Dual values of a plan (see `figures.shadow_prices`)."""
        return shadow_prices(self._results, run, **options)
