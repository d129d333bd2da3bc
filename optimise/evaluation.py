"""What plans do in fresh runs of the model: out-of-sample, paired, outcome by outcome.

A plan made on measured effects is optimistic about itself, because it chose what looked best in the runs it was
measured on.  Here every placement of staff is simulated in replicates that no measurement and no comparison uses, all
placements with the same noise (and, with ``draw: ranges``, the same drawn parameters), so that their differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .effects import _nobody

if TYPE_CHECKING:
    from ..model.replicates import Job
    from ..scenarios import Scenario

FRESH = 10_000
"""First replicate of an evaluation: measuring takes the first few, and a scenario has at most 10,000."""

NOBODY = "no additional staff"
WEIGHTED = "weighted_harm"
TABLE_COLUMNS = (
    "placement", "against", "outcome", "unit", "replicates", "against_mean", "mean", "difference", "low", "high")


@dataclass(frozen=True)
class Evaluation:
    """Placements of staff in the same fresh runs.

    Attributes
    ----------
    totals : DataFrame
        Index placement, replicate; one column an outcome (flows over the horizon, stocks as means over it), and
        ``weighted_harm``: their weighted sum in points.
    weights : dict
        Points per unit by outcome.
    """

    totals: pd.DataFrame
    weights: dict[str, float] = field(repr=False)

    @property
    def placements(self) -> list[str]:
        """Names of the placements, in the order given; the first is without additional staff."""
        return list(dict.fromkeys(str(name) for name in self.totals.index.get_level_values("placement")))

    def compare(self, placement: str, against: str = NOBODY) -> pd.DataFrame:
        """Paired differences of one placement against another.

        Returns
        -------
        DataFrame
            Columns placement, against, outcome, unit, replicates, against_mean, mean, difference, low, high (95 %
            interval of the mean difference, Student's t); first the weighted harm, then every outcome.
        """
        from ..model.pairing import interval
        from ..scenarios import OUTCOMES

        for name in (placement, against):
            if name not in self.placements:
                raise KeyError(f"no placement {name!r} in this evaluation; there are {', '.join(self.placements)}")
        ours, theirs = self.totals.xs(placement, level="placement"), self.totals.xs(against, level="placement")
        rows = []
        for outcome in (WEIGHTED, *(o for o in OUTCOMES if o in ours.columns and OUTCOMES[o].weightable)):
            mean, low, high = interval((ours[outcome] - theirs[outcome]).to_list())
            unit = "points" if outcome == WEIGHTED else OUTCOMES[outcome].unit
            rows.append((placement, against, outcome, unit, len(ours), float(theirs[outcome].mean()),
                         float(ours[outcome].mean()), mean, low, high))
        return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))

    @property
    def table(self) -> pd.DataFrame:
        """Every placement against none, outcome by outcome (columns as in :meth:`compare`)."""
        return pd.concat([self.compare(name) for name in self.placements if name != NOBODY], ignore_index=True)

    @property
    def weighted_harm(self) -> pd.DataFrame:
        """Points of weighted harm of every placement against none: placement, replicates, difference, low, high."""
        table = self.table
        return table.loc[table["outcome"] == WEIGHTED, ["placement", "replicates", "difference", "low", "high"]].reset_index(
            drop=True)

    def __str__(self) -> str:
        lines = []
        for name, count, mean, low, high in self.weighted_harm.itertuples(index=False):
            interval = f" ({low:,.0f} to {high:,.0f})" if np.isfinite(low) else ""
            lines.append(f"{name}: weighted harm {mean:+,.0f} points{interval}, {count} fresh replicates")
        return "\n".join(lines)


def evaluate_plans(
    scenario: Scenario, placements: Mapping[str, Any], *, replicates: int = 8, first: int = FRESH,
    workers: int | None = None, progress: bool = True,
) -> Evaluation:
    """Value placements of staff by fresh replicates of the model.

    Parameters
    ----------
    scenario : Scenario
        Simulated as written: its own horizon and number of persons per agent.
    placements : mapping name -> Plan, DataFrame or DataArray
        Additional staff: a plan, a frame with columns resource, place, quarter, staff, or an array with these labels.
    replicates : int
        Number of pairs.
    first : int
        Number of the first replicate; the same numbers give the same noise.

    Returns
    -------
    Evaluation

    Raises
    ------
    ValueError
        Without a placement, with fewer than one replicate, or when a placement is called as the one without staff.
    """
    from ..model.replicates import Job, run_many

    if not placements:
        raise ValueError("nothing to evaluate: give at least one placement of staff")
    if NOBODY in placements:
        raise ValueError(f"{NOBODY!r} is what placements are compared with; give this one another name")
    if replicates < 1:
        raise ValueError(f"an evaluation needs at least one replicate, not {replicates}")
    tables = {NOBODY: _nobody(), **{name: placed(given) for name, given in placements.items()}}
    jobs = [Job(scenario, replicate, table, name) for replicate in range(first, first + replicates)
            for name, table in tables.items()]
    found = run_many(jobs, workers, progress, "Evaluating plans", function=observe_totals)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    return Evaluation(_totals([(job.label, job.replicate) for job in jobs], found, list(tables), weights), weights)


def _totals(
    labels: Sequence[tuple[str, int]], found: Sequence[Mapping[str, float]], order: Sequence[str],
    weights: Mapping[str, float],
) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(labels, names=["placement", "replicate"])
    frame = pd.DataFrame(list(found), index=index)
    frame[WEIGHTED] = sum((frame[o] * w for o, w in weights.items() if o in frame.columns), start=frame.iloc[:, 0] * 0.0)
    position = {name: n for n, name in enumerate(order)}
    return frame.sort_index(key=lambda level: level.map(position) if level.name == "placement" else level)


def placed(given: Any) -> pd.DataFrame:
    """A placement of staff (a plan, a frame or a labelled array) as a data frame resource, place, quarter, staff.

    Raises
    ------
    ValueError
        When a column is missing.
    """
    from ..model.staffing import as_table

    table = as_table(getattr(given, "allocation", given))
    columns = ["resource", "place", "quarter", "staff"]
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ValueError(f"a placement of staff lacks the column(s) {', '.join(missing)}")
    return table.loc[table["staff"] > 0, columns].reset_index(drop=True)


def observe_totals(job: Job) -> dict[str, float]:
    """Run a job and keep its totals (runs in another process)."""
    from ..model.replicates import run_one

    return run_one(job).totals()
