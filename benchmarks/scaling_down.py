"""What is lost when a simulated traveller stands for more people.

    python benchmarks/scaling_down.py [--persons 500,100,20,5,1] [--replicates N]
    python benchmarks/scaling_down.py --plans 100,10 --persons 5 --replicates 32

The bundled baseline over its whole horizon, replicate by replicate, without and with all additional posts in one Member State (Italy): weighted harm, how far
the paired difference spreads, and the processor time of a run.  A spread that no longer falls with smaller rows is that of the draws
and of the networks, not of rows.

With ``--plans``, the anticipating plan is sought with rows of these sizes, and all such plans are valued in the same fresh replicates with rows
of the (last) size under ``--persons``: what planning with coarse rows loses.
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from countersmuggling.model.replicates import Job, run_many
from countersmuggling.optimise.adaptive.kept import with_persons
from countersmuggling.optimise.adaptive.planning import optimise_anticipating
from countersmuggling.optimise.adaptive.valuing import evaluate_methods
from countersmuggling.optimise.effects import measure_effects, quarters_of
from countersmuggling.scenarios import Scenario, load


def timed(job: Job) -> dict[str, Any]:
    """Totals of a run and its processor seconds (runs in another process)."""
    from countersmuggling.model.replicates import run_one

    begun = process_time()
    return {"totals": run_one(job).totals(), "seconds": process_time() - begun}


def in_one_place(scenario: Scenario, place: str = "ITA") -> pd.DataFrame:
    """All additional posts in one Member State."""
    quarters = quarters_of(scenario.horizon.start, scenario.horizon.end)
    return pd.DataFrame([(name, place, quarter, post.available) for name, post in scenario.resources.posts.items() for quarter in quarters],
                        columns=["resource", "place", "quarter", "staff"])


def sizes(base: Scenario, persons: list[float], replicates: int, workers: int | None) -> None:
    weights = {name: weight.weight for name, weight in base.outcomes.items()}
    staff, nobody = in_one_place(base), in_one_place(base).iloc[:0]
    print("| people a row | CPU s a run | weighted harm | deaths | difference, mean | spread of a pair |")
    print("| --- | --- | --- | --- | --- | --- |")
    for size in persons:
        scenario = with_persons(base, size)
        jobs = [Job(scenario, k, table, name) for k in range(replicates) for name, table in (("without", nobody), ("with", staff))]
        found = run_many(jobs, workers, True, f"{size:g} people a row", function=timed)
        harm = np.array([sum(w * one["totals"].get(o, 0.0) for o, w in weights.items()) for one in found]).reshape(-1, 2)
        deaths = np.array([one["totals"]["deaths"] for one in found]).reshape(-1, 2)[:, 0]
        pair = harm[:, 1] - harm[:, 0]
        seconds = float(np.median([one["seconds"] for one in found]))
        print(f"| {size:g} | {seconds:.2f} | {harm[:, 0].mean():,.0f} | {deaths.mean():,.0f} | {pair.mean():,.0f} | {pair.std(ddof=1):,.0f} |", flush=True)


def plans(base: Scenario, sought: list[float], valued: float, replicates: int, workers: int | None) -> None:
    found = {f"sought with {size:g}": optimise_anticipating(with_persons(base, size), workers=workers).allocation for size in sought}
    scenario = with_persons(base, valued)
    told = evaluate_methods(scenario, methods=("pro_rata", "static"), others=found, replicates=replicates, effects=measure_effects(scenario, workers),
                            workers=workers)
    first = next(iter(found))
    print(told.evaluation.weighted_harm.to_string(index=False, float_format="{:,.0f}".format))
    for name in list(found)[1:]:
        row = told.evaluation.compare(first, name).iloc[0]
        print(f"{first} against {name}: {row['difference']:+,.0f} points ({row['low']:,.0f} to {row['high']:,.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline-2025")
    parser.add_argument("--persons", default="500,100,20,5,1")
    parser.add_argument("--plans")
    parser.add_argument("--replicates", type=int, default=16)
    parser.add_argument("--workers", type=int)
    given = parser.parse_args()
    persons, base = [float(p) for p in given.persons.split(",")], load(given.scenario)
    if given.plans:
        plans(base, [float(p) for p in given.plans.split(",")], persons[-1], given.replicates, given.workers)
    else:
        sizes(base, persons, given.replicates, given.workers)


if __name__ == "__main__":
    main()
