"""Runs that cost nothing, for tests of the engines: what they give depends on the job as a real run's outcomes do.

Other processes import this file by its name. The folder named by SWEEP_NOTES holds one note a call, and the folder's other
files tell how a run is to misbehave.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

MONTHS = ("2025-01", "2025-02", "2025-03")


def outcomes(job: Any) -> pd.DataFrame:
    """Six rows a month: deaths and crossings on two routes, active networks, arrests in one state."""
    scenario = job.scenario
    penalties = getattr(scenario.levers.penalties, "intensity", 0.0)
    key = (scenario.seed, job.replicate, int(1000 * penalties), int(1000 * scenario.uncertainties.demand_growth_per_year) + 500)
    values = np.random.default_rng(key).random((len(MONTHS), 6)) * 100
    rows = []
    for month, drawn in zip(MONTHS, values, strict=True):
        rows += [
            (month, "deaths", "CMED", "syria", "", "", drawn[0]),
            (month, "deaths", "EMED", "syria", "", "", drawn[1]),
            (month, "smuggler_revenue_eur", "CMED", "syria", "", "", drawn[2]),
            (month, "paid_legs", "CMED", "syria", "", "", drawn[3]),
            (month, "active_networks", "CMED", "", "", "", drawn[4]),
            (month, "arrests", "", "", "ITA", "", drawn[5]),
        ]
    return pd.DataFrame(rows, columns=["month", "outcome", "route", "origin_group", "member_state", "leg", "value"])


def plain(job: Any) -> Any:
    """A run that ends well."""
    return SimpleNamespace(outcomes=outcomes(job), replicate=job.replicate)


def noted(job: Any) -> Any:
    """A run that leaves a note of having been done, and misbehaves as the folder of notes says."""
    notes = Path(os.environ["SWEEP_NOTES"])
    (notes / f"{job.label}, replicate {job.replicate}~{secrets.token_hex(4)}.call").touch()
    if (notes / "slow").exists():
        time.sleep(float((notes / "slow").read_text()))
    if job.replicate == 2 and (notes / "raise").exists():
        raise ValueError("no such place")
    if job.replicate == 1 and (notes / "kill-always").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if job.replicate == 1:
        try:
            (notes / "kill-once").unlink()
        except FileNotFoundError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return plain(job)
