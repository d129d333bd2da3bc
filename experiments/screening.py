"""Which parameters move the distance from history: Morris' elementary effects over the registry's ranges (SALib).

Parameters that are expected to matter stand alone, all others move together with the rest of their mechanism (Campolongo,
Cariboni and Saltelli 2007, "An effective screening design for sensitivity analysis of large models", Environmental
Modelling & Software 22:1509-1518, on groups and on the mean of absolute effects, mu*). A group that matters can be taken apart in a
second round by adding its names to `ALONE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import registry
from .calibration_runs import RunStore
from .calibration_statistics import Yardstick

FloatArray = npt.NDArray[np.float64]
#: what history without levers, planners and money spent by states depends on
ROOMS: Final = (
    "route_choice", "participation", "beliefs", "demand", "fees", "harm", "interception", "networks", "captivity", "legal",
    "rescue", "sailing", "evidence", "linking", "investigation", "prosecution", "penalties", "deployments", "reporting",
)  # fmt: skip
LAW: Final = ("evidence", "linking", "investigation", "prosecution", "penalties", "deployments")
ALONE: Final = frozenset((
    "route_choice.fee", "route_choice.death", "route_choice.interception", "route_choice.returned", "route_choice.month",
    "route_choice.leg_disutility_outside", "route_choice.means_ratio", "route_choice.caution_ratio",
    "route_choice.share_informed", "participation.reference", "participation.logsum_weight", "beliefs.half_life_days",
    "beliefs.half_seen_per_month", "beliefs.news_of_deaths", "beliefs.exchange_per_month",
    "beliefs.forgetting_half_life_days", "beliefs.common_knowledge", "fees.scarcity_elasticity", "fees.adjustment_per_week",
    "fees.guarantee_share", "fees.demand_elasticity", "harm.pressure_elasticity", "harm.crowding_elasticity",
    "harm.season_amplitude", "interception.alone_ratio", "interception.capacity_response",
    "interception.response_half_life_days", "interception.return_days", "networks.slack", "networks.wait_days",
    "networks.use_external", "networks.profit_pull", "networks.growth_speed", "networks.entry_per_week",
    "networks.exit_per_week", "networks.suspension_days", "networks.relocation_days", "networks.potential_entrants",
    "networks.passengers_per_network",
    "sailing.swing_cmed", "sailing.swing_emed", "sailing.swing_wmed", "sailing.swing_wafr",
))  # fmt: skip


def screened() -> dict[str, str]:
    """Parameters of the screening with the group that each belongs to, in the order of the registry."""
    found: dict[str, str] = {}
    for name, row in registry().items():
        if row.room not in ROOMS or row.low >= row.high:
            continue
        rest = "law and investigation" if row.room in LAW else f"{row.room}, the rest"
        found[name] = name if name in ALONE else rest
    return found


def values_at(unit: FloatArray, names: list[str]) -> dict[str, float]:
    """A point of the unit cube carried over to the registry's ranges."""
    rows = registry()
    return {n: rows[n].low + float(u) * (rows[n].high - rows[n].low) for n, u in zip(names, unit, strict=True)}


def screen(
    store: RunStore, yardstick: Yardstick, *, trajectories: int, seed: int, workers: int | None = None, progress: bool = True
) -> pd.DataFrame:
    """Morris' measures of the distance and of each of its blocks.

    Parameters
    ----------
    store : RunStore
        Of a scenario without drawn parameters.
    yardstick : Yardstick
    trajectories : int
        Runs are this many times one more than there are groups.
    seed : int
    workers, progress
        As everywhere.

    Returns
    -------
    DataFrame
        Columns group, parameters, mu_star (largest over blocks, in units of the block's noise), of_block (which block
        that is), distance (mu* of the distance itself), sigma (of the distance); the largest mu_star first.
    """
    from SALib.analyze import morris as analysis
    from SALib.sample import morris as sampling

    group_of = screened()
    names = list(group_of)
    problem: dict[str, Any] = {
        "num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names), "groups": list(group_of.values()),
    }  # fmt: skip
    unit = np.asarray(sampling.sample(problem, trajectories, num_levels=4, seed=np.random.default_rng(seed)))
    points = [values_at(row, names) for row in unit]
    store.run(points, workers=workers, progress=progress, description="Screening")
    blocks = [yardstick.by_block(store.load(p)) for p in points]
    told: Mapping[str, list[float]] = {
        "distance": [float(np.mean(list(b.values()))) for b in blocks],
        **{name: [b[name] for b in blocks] for name in blocks[0]},
    }
    measures = {
        name: analysis.analyze(problem, unit, np.array(y), num_levels=4, print_to_console=False, seed=seed)
        for name, y in told.items()
    }
    first = measures["distance"]
    table = pd.DataFrame({"group": list(first["names"])})
    mu = pd.DataFrame({b: np.asarray(m["mu_star"], dtype=float) for b, m in measures.items() if b != "distance"})
    table["parameters"] = [", ".join(n for n, g in group_of.items() if g == group) for group in table["group"]]
    table["mu_star"], table["of_block"] = mu.max(axis=1), mu.idxmax(axis=1)
    table["distance"] = np.asarray(first["mu_star"], dtype=float)
    table["sigma"] = np.asarray(first["sigma"], dtype=float)
    return table.sort_values("distance", ascending=False, ignore_index=True)
