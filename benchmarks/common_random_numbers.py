"""How much common random numbers sharpen a difference between two scenarios.

    python benchmarks/common_random_numbers.py [--replicates N] [--workers N]

Variance of (option - baseline) with independent seeds over the variance with shared seeds, by outcome, for one lever at
a time on the bundled baseline over one year.  A factor of 10 means that pairs of runs tell as much as ten times as many
unpaired ones.  The parameters are central ones, so that the factor speaks of chance alone.
"""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

import numpy as np

from countersmuggling.model import Job, run_many
from countersmuggling.scenarios import Scenario, load

OUTCOMES = ("irregular_crossings", "detections", "interceptions", "deaths", "smuggler_revenue_eur")
OPTIONS: dict[str, dict[str, Any]] = {
    "partner_cooperation": {},
    "search_and_rescue": {},
    "member_state_capacity": {},
    "europol_deployments": {"posts": 50, "reserve_pool": 25},
}


def scenario(levers: dict[str, dict[str, Any]], persons: float) -> Scenario:
    content = load("baseline-2025").model_dump(by_alias=True, mode="json", exclude_none=True)
    content["horizon"] = {"start": "2025-01-01", "end": "2025-12-31", "burn_in_days": 180}
    content["uncertainties"] = {"draw": "central"}
    content["model"]["persons_per_agent"] = persons
    content["levers"] = {
        name: {"on": date(2025, 1, 1).isoformat(), **setting} for name, setting in levers.items()
    }
    return Scenario.model_validate(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--persons-per-agent", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args()
    scenarios = {"baseline": scenario({}, given.persons_per_agent)}
    scenarios |= {
        name: scenario({name: setting}, given.persons_per_agent) for name, setting in OPTIONS.items()
    }
    jobs = [Job(s, r, None, name) for name, s in scenarios.items() for r in range(given.replicates)]
    outputs = run_many(jobs, given.workers, True, "runs")
    totals = {name: [] for name in scenarios}  # type: dict[str, list[dict[str, float]]]
    for job, output in zip(jobs, outputs, strict=True):
        totals[job.label].append(output.totals())
    print(f"| lever | {' | '.join(OUTCOMES)} |")
    print("| --- |" + " --- |" * len(OUTCOMES))
    for name in OPTIONS:
        row = []
        for outcome in OUTCOMES:
            a = np.array([t[outcome] for t in totals["baseline"]])
            b = np.array([t[outcome] for t in totals[name]])
            row.append((a.var(ddof=1) + b.var(ddof=1)) / max((b - a).var(ddof=1), 1e-300))
        print(f"| {name} | {' | '.join(f'{factor:.1f}' for factor in row)} |")


if __name__ == "__main__":
    main()
