"""How the replays of history compare with what was published: detections after an event over the same months before.

    python benchmarks/replays.py [--replicates N]
"""

from __future__ import annotations

import argparse

from countersmuggling.experiments.patterns import Months, same_months
from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import load

# replay, month of the event, published ratio of the 12 months after to the 12 before (Frontex) by route
EVENTS = (
    ("eu-turkiye-2016", "2016-03", {"EMED": 0.03, "WBALK": 0.03, "CMED": 1.20}),
    ("italy-libya-2017", "2017-07", {"CMED": 0.22, "WMED": 2.57}),
    ("morocco-2018", "2019-02", {"WMED": 0.37, "WAFR": 2.81}),
)


def ratios(name: str, event: str, routes: list[str], replicate: int) -> list[float]:
    """Detections in the months after `event` over those in the same months a year before."""
    scenario = load(name)
    options = scenario.model.model_copy(update={"persons_per_agent": 25.0})
    output = SmugglingModel(scenario.model_copy(update={"model": options}), replicate=replicate).run()
    after, before = same_months(Months(output.outcomes).routes("detections"), event)
    return [float(after[r] / before[r]) for r in routes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=3)
    given = parser.parse_args()
    print("| replay | route | published | simulated, by replicate |\n| --- | --- | --- | --- |")
    for name, event, published in EVENTS:
        found = [ratios(name, event, list(published), r) for r in range(given.replicates)]
        for i, (route, ratio) in enumerate(published.items()):
            told = ", ".join(f"{row[i]:.2f}" for row in found)
            print(f"| {name} | {route} | {ratio:.2f} | {told} |")


if __name__ == "__main__":
    main()
