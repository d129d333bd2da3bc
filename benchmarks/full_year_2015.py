"""The year 2015 at full scale: one row per person.  Prints time, memory and what was simulated as one JSON line.

    python benchmarks/full_year_2015.py [--persons-per-agent N]

The conditions are those of the bundled replay `eu-turkiye-2016` before March 2016; half a year of burn-in fills the
routes.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from datetime import date

from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import Scenario, load


def scenario(persons_per_agent: float) -> Scenario:
    """The replay's conditions over 2015."""
    replay = load("eu-turkiye-2016")
    horizon = replay.horizon.model_copy(
        update={"start": date(2015, 1, 1), "end": date(2015, 12, 31), "burn_in_days": 184}
    )
    options = replay.model.model_copy(update={"persons_per_agent": persons_per_agent})
    central = replay.uncertainties.model_copy(update={"draw": "central"})
    return replay.model_copy(update={"horizon": horizon, "model": options, "uncertainties": central})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons-per-agent", type=float, default=1.0)
    options = parser.parse_args()
    begun = time.perf_counter()
    model = SmugglingModel(scenario(options.persons_per_agent))
    ready, cpu = time.perf_counter(), time.process_time()
    output = model.run()
    seconds, cpu_seconds = time.perf_counter() - ready, time.process_time() - cpu
    totals = output.totals()
    print(
        json.dumps(
            {
                "rows_entered": round(model.population()["entered"] / model.persons),
                "departures": round(totals["departures"]),
                "leg_attempts": round(totals["leg_attempts"]),
                "detections": round(totals["detections"]),
                "days": model.days,
                "set_up_seconds": round(ready - begun, 1),
                "run_seconds": round(seconds, 1),
                "run_cpu_seconds": round(cpu_seconds, 1),
                "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "python": platform.python_version(),
            }
        )
    )


if __name__ == "__main__":
    main()
