"""Make a results folder's figures again from the folder alone, and say whether they are the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from .comparing import Method, compare, optimised
from .results import Results
from .running import simulate

KEYS = ["run", "replicate", "month", "outcome", "route", "origin_group", "member_state", "leg"]


@dataclass(frozen=True)
class Agreement:
    """How two sets of outcomes agree.

    Attributes
    ----------
    rows : int
        Figures compared: rows that either set has.
    differing : DataFrame
        Rows whose figures differ in any bit: `KEYS`, before, after; a row that one set lacks is zero there.
    """

    rows: int
    differing: pd.DataFrame

    @property
    def identical(self) -> bool:
        """Whether every figure is the same to the bit."""
        return self.differing.empty

    def __str__(self) -> str:
        if self.identical:
            return f"identical: {self.rows:,} figures are equal to the bit"
        gap = (self.differing["after"] - self.differing["before"]).abs()
        worst = self.differing.iloc[int(gap.to_numpy().argmax())]
        share = gap.max() / max(abs(float(worst["before"])), 1e-300)
        where = " ".join(str(worst[k]) for k in KEYS if str(worst[k]) != "")
        return (
            f"not the same: {len(self.differing):,} of {self.rows:,} figures differ; the largest difference is "
            f"{gap.max():.6g} ({share:.2g} of the figure) at {where}"
        )


def agreement(before: pd.DataFrame, after: pd.DataFrame) -> Agreement:
    """Compare two tidy frames of outcomes figure by figure; a missing row is zero."""
    one, two = (frame.astype(dict.fromkeys(KEYS, str)).set_index(KEYS)["value"] for frame in (before, after))
    both = pd.concat({"before": one, "after": two}, axis=1).fillna(0.0)
    differ = both["before"].to_numpy() != both["after"].to_numpy()
    return Agreement(len(both), both[np.asarray(differ)].reset_index())


def rerun(
    folder: Path | str, *, workers: int | None = None, progress: bool = True
) -> tuple[Results, Agreement]:
    """Run what a results folder says again.

    Scenarios, replicates and seed come from the folder's resolved scenarios; plans are measured and solved again.

    Parameters
    ----------
    folder : Path or str
    workers, progress : optional
        As for :func:`countersmuggling.compare`.

    Returns
    -------
    Results
        Made now.
    Agreement
        Of its figures with the folder's.

    Raises
    ------
    FolderError
        When `folder` is not a results folder, or is damaged.
    """
    kept = Results.read(folder)
    plain = [run.scenario for run in kept.runs if run.role == "option"]
    solvers = {str(plan.facts.get("solver", "")).lower() for plan in kept.plans}
    solver: Literal["highs", "cbc"] = "cbc" if any("cbc" in s for s in solvers) else "highs"
    if kept.kind == "compare":
        again = compare(
            kept.scenario, plain, plan=bool(kept.plans), solver=solver, workers=workers, progress=progress
        )
    elif kept.kind == "optimise":
        told = {str(p.facts.get("method", "static")) for p in kept.plans}
        method: Method = "anticipating" if "anticipating" in told else "rolling" if "rolling" in told else "static"
        again = optimised(kept.scenario, solver=solver, method=method, workers=workers, progress=progress)
    else:
        again = simulate(kept.scenario, workers=workers, progress=progress)
    return again, agreement(kept.outcomes, again.outcomes)
