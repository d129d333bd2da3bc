"""What is lost when a simulated traveller stands for more people.

    python benchmarks/scaling_down.py [--persons 500,100,20,5,1] [--replicates N]
    python benchmarks/scaling_down.py --plans --persons 200,50,5 --replicates 32

The bundled baseline over its whole horizon, replicate by replicate, without and with all additional posts in one Member State (Italy): weighted harm, how far
the paired difference spreads, and the processor time of a run.  A spread that no longer falls with smaller rows is that of the draws
and of the networks, not of rows.

With ``--plans`` the anticipating plan is made with rows of each size (effects measured and steps tested with them, tests begun with 16 pairs), and
all are valued in the same fresh replicates with rows of the last size.
"""

from __future__ import annotations

import argparse
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pandas as pd

from countersmuggling.model.replicates import Job, run_many
from countersmuggling.optimise.adaptive.kept import with_persons
from countersmuggling.optimise.adaptive.planning import optimise_anticipating
from countersmuggling.optimise.adaptive.trust_region import Settings
from countersmuggling.optimise.adaptive.valuing import evaluate_methods
from countersmuggling.optimise.effects import quarters_of
from countersmuggling.optimise.evaluation import WEIGHTED
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


SEARCH = Settings(replicates=16, most_replicates=64)


def plans(base: Scenario, persons: list[float], replicates: int, workers: int | None) -> None:
    found, seconds = {}, {}
    for size in persons:
        begun = perf_counter()
        found[f"{size:g}"] = optimise_anticipating(with_persons(base, size), settings=SEARCH, workers=workers, told=print)
        seconds[f"{size:g}"] = perf_counter() - begun
    finest = f"{persons[-1]:g}"
    valued = evaluate_methods(base, methods=(), others=found, effects=found[finest].effects, replicates=replicates,
                              persons_per_agent=persons[-1], workers=workers)
    harm = valued.table[valued.table["outcome"] == WEIGHTED].set_index("placement")
    deaths = valued.table[valued.table["outcome"] == "deaths"].set_index("placement")
    against = {name: valued.evaluation.compare(name, finest).iloc[0] for name in found if name != finest}
    print(f"| plan made with people a row | s | points against none | 95 % | deaths | against the plan made with {finest} | 95 % |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in found:
        more = f"{against[name]['difference']:+,.0f} | {against[name]['low']:,.0f} to {against[name]['high']:,.0f}" if name in against else "- | -"
        row = harm.loc[name]
        print(f"| {name} | {seconds[name]:.0f} | {row['difference']:+,.0f} | {row['low']:,.0f} to {row['high']:,.0f} | "
              f"{deaths.loc[name]['difference']:+,.0f} | {more} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline-2025")
    parser.add_argument("--persons", default="500,100,20,5,1")
    parser.add_argument("--replicates", type=int, default=16)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--plans", action="store_true", help="make anticipating plans with rows of each size, and value them with the last")
    given = parser.parse_args()
    (plans if given.plans else sizes)(load(given.scenario), [float(p) for p in given.persons.split(",")], given.replicates, given.workers)


if __name__ == "__main__":
    main()
