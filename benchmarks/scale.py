"""How run time and memory grow with the number of travellers, and which mechanism takes the time.

    python benchmarks/scale.py [--travellers N ...] [--rounds N]

One year of the bundled baseline without burn-in, every mechanism on, one core.  A traveller is a row that leaves; those
who wait for a legal pathway come on top (`rows`).  Times are CPU time of the daily steps after a warm-up that loads the
compiled kernels; every size runs in a process of its own, whose peak memory is given, `rounds` times (median).  The
exponent is that of a power law through the sizes.  Shares by mechanism come from one more run with a clock round each
part.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

from countersmuggling.model import SmugglingModel, core
from countersmuggling.scenarios import Scenario, load

DEPARTURES_A_YEAR = 187_000.0  # of the baseline's first year without burn-in, at one row a person
PARTS = {
    "authorities: evidence, casework, courts": "_run_authorities",
    "smuggling networks and fees": "_run_networks",
    "beliefs, route choice, participation": "_choose_routes",
    "chances of interception and death": "_set_chances",
    "monthly records": "_close_month",
    "rest of the weekly schedule": "_week",
}


def scenario(travellers: float, days: int = 365, seed: int = 2025) -> Scenario:
    """The bundled baseline's first year in rows so fine that about `travellers` of them leave."""
    base = load("baseline-2025")
    horizon = base.horizon.model_copy(
        update={"end": base.horizon.start + timedelta(days=days - 1), "burn_in_days": 0}
    )
    # rows finer than a person are for measuring only: scenario files do not offer them
    options = base.model.model_copy(update={"persons_per_agent": DEPARTURES_A_YEAR / travellers})
    central = base.uncertainties.model_copy(update={"draw": "central"})
    return base.model_copy(
        update={"horizon": horizon, "model": options, "uncertainties": central, "seed": seed}
    )


def cpu_seconds(model: SmugglingModel) -> float:
    begun = time.process_time()
    model.run()
    return time.process_time() - begun


def measure(travellers: float) -> dict[str, Any]:
    """One run in this process."""
    cpu_seconds(SmugglingModel(scenario(2000, 40)))  # loads compiled kernels
    model = SmugglingModel(scenario(travellers))
    seconds = cpu_seconds(model)
    return {
        "travellers": round(float(model.tally.departures.sum()) / model.persons),
        "rows": round(model.population()["entered"] / model.persons),
        "leg_attempts": round(float(model.tally.attempts.sum()) / model.persons),
        "cpu_seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def by_mechanism(travellers: float) -> dict[str, float]:
    """CPU seconds by part of the day; what one part spends inside another is counted there."""
    spent: dict[str, float] = defaultdict(float)
    inside = [0.0]

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            begun = time.process_time()
            inside.append(0.0)
            try:
                return function(*args, **options)
            finally:
                took = time.process_time() - begun
                spent[name] += took - inside.pop()
                inside[-1] += took

        return wrapped

    cpu_seconds(SmugglingModel(scenario(2000, 40)))
    model = SmugglingModel(scenario(travellers))
    for name, method in PARTS.items():
        setattr(model, method, clocked(name, getattr(model, method)))
    kernels = {"travellers: entry": "enter", "travellers: events": "advance", "boats": "set_sail",
               "market shares of networks": "offers"}  # fmt: skip
    before = {function: getattr(core, function) for function in kernels.values()}
    for name, function in kernels.items():
        setattr(core, function, clocked(name, before[function]))
    try:
        total = cpu_seconds(model)
    finally:
        for function, plain in before.items():
            setattr(core, function, plain)
    spent["handing over between the parts"] = total - inside[0]
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--travellers", type=float, nargs="+", default=[1e5, 1e6, 1e7])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    print("| travellers | rows | legs travelled | CPU seconds | peak memory MB |\n| --- | --- | --- | --- | --- |")
    sizes, times = [], []
    for travellers in given.travellers:
        command = [sys.executable, __file__, "--one", str(travellers)]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for _ in range(given.rounds)]  # fmt: skip
        all_seconds = sorted(r["cpu_seconds"] for r in runs)
        seconds = float(np.median(all_seconds))
        one = runs[0]
        print(f"| {one['travellers']:,} | {one['rows']:,} | {one['leg_attempts']:,} | {seconds:.2f} "
              f"({all_seconds[0]:.2f} to {all_seconds[-1]:.2f}) | {max(r['peak_memory_mb'] for r in runs)} |")  # fmt: skip
        sizes.append(one["travellers"])
        times.append(seconds)
    if len(sizes) > 1:
        print(f"exponent over all sizes {np.polyfit(np.log(sizes), np.log(times), 1)[0]:.2f}; "
              f"between the last two {np.log(times[-1] / times[-2]) / np.log(sizes[-1] / sizes[-2]):.2f}")  # fmt: skip
    print("\n| CPU seconds of a year with | 10^5 | 10^6 |\n| --- | --- | --- |")
    small, large = by_mechanism(1e5), by_mechanism(1e6)
    for name in large:
        print(f"| {name} | {small[name]:.2f} | {large[name]:.2f} |")


if __name__ == "__main__":
    main()
