"""Agents moved per second: this model against Flee, the agent-based toolkit for displacement, on the same network.

    pip install flee && python benchmarks/against_flee.py [--travellers N] [--days N] [--rounds N]

Flee gets the model's own reference network: its hubs as towns, destinations as camps, its legs as links of their great-circle
length, and as many agents a day at the origins as set out in the model.  Flee's own rules and settings apply.  The two do not
compute the same: here a traveller chooses by an expected utility with fees, risks and beliefs, and networks, borders, police and
courts act beside; Flee weighs distance and kind of place.  So a figure says what a day of movement costs, not which is the
better model.  Both run in one process, alternating; CPU seconds of the daily steps, after a warm-up.

``agent-days`` are agents in the system summed over days (here: on the way); ``moves`` are changes of place, from hub to hub.
One JSON line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import random
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scale import DEPARTURES_A_YEAR, scenario  # the file beside this one

from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import world


def great_circle(a: Any, b: Any) -> float:
    """Kilometres between two hubs."""
    one, two, apart = math.radians(a.lat), math.radians(b.lat), math.radians(b.lon - a.lon)
    return 6371.0 * math.acos(min(1.0, math.sin(one) * math.sin(two) + math.cos(one) * math.cos(two) * math.cos(apart)))


def ours(travellers: float, days: int) -> dict[str, float]:
    """One run of the model; agent-days are counted in a second run of the same seed, off the clock."""
    model = SmugglingModel(scenario(travellers * 365.0 / days, days))
    begun = time.process_time()
    model.run()
    seconds = time.process_time() - begun
    moves = float(model.tally.attempts.sum()) / model.persons
    persons, entered = model.persons, float(model.tally.departures.sum()) / model.persons
    model.release()
    again, present = SmugglingModel(scenario(travellers * 365.0 / days, days)), 0.0
    while not again.done:
        again.step()
        present += again.population()["under_way"] / persons
    again.release()
    return {"seconds": seconds, "moves": moves, "agent_days": present, "agents": entered}


def flee_world(folder: Path) -> tuple[Any, list[Any]]:
    """A Flee ecosystem on the model's network, and its origins."""
    from flee import flee
    from flee.SimulationSettings import SimulationSettings

    (folder / "simsetting.yml").write_text("log_levels: {agent: 0, link: 0, camp: 0, conflict: 0, init: 0}\n", encoding="utf-8")
    SimulationSettings.ReadFromYML(str(folder / "simsetting.yml"))
    tables = world()
    hubs = {row.hub: row for row in tables.hubs.itertuples()}
    ends = set(tables.legs["from"])
    flee_system = flee.Ecosystem()
    places = {
        name: flee_system.addLocation(name=name, x=float(row.lon), y=float(row.lat), location_type="town" if name in ends else "camp",
                                      movechance=0.3 if name in ends else 0.001, capacity=-1 if name in ends else 10**9, foreign=name not in ends)
        for name, row in hubs.items()
    }  # fmt: skip
    linked: set[frozenset[str]] = set()
    for start, end in zip(tables.legs["from"], tables.legs["to"], strict=True):
        if start != end and frozenset((start, end)) not in linked:
            linked.add(frozenset((start, end)))
            flee_system.linkUp(start, end, great_circle(hubs[start], hubs[end]))
    return flee_system, [places[name] for name in dict.fromkeys(tables.origin_hubs["hub"])]


def theirs(travellers: float, days: int, seed: int) -> dict[str, float]:
    """The same number of agents over the same days in Flee; moves are counted between steps, off the clock."""
    random.seed(seed)
    np.random.seed(seed)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        system, origins = flee_world(Path(folder))
        seconds = moves = agent_days = 0.0
        for day in range(days):
            wanted = round(travellers * (day + 1) / days) - len(system.agents)
            before = [agent.location for agent in system.agents]
            begun = time.process_time()
            for number in range(wanted):
                system.addAgent(origins[number % len(origins)], {})
            system.evolve()
            seconds += time.process_time() - begun
            moves += sum(now is not then for now, then in zip((agent.location for agent in system.agents), before, strict=False))
            agent_days += len(system.agents)
    return {"seconds": seconds, "moves": moves, "agent_days": agent_days, "agents": float(len(system.agents))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--travellers", type=float, default=20_000.0)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    try:
        flee = version("flee")
        from flee import flee as _  # noqa: F401
    except ImportError as missing:
        print(f"Flee is not installed here ({missing}): pip install flee", file=sys.stderr)
        return 2
    SmugglingModel(scenario(2000, 40)).run()  # loads compiled kernels
    theirs(200, 5, 0)
    rounds = [(ours(given.travellers, given.days), theirs(given.travellers, given.days, n)) for n in range(given.rounds)]
    told: dict[str, Any] = {"flee": flee, "days": given.days, "rounds": given.rounds, "a_year_has": DEPARTURES_A_YEAR}
    for name, place in (("model", 0), ("flee_runs", 1)):
        each = [r[place] for r in rounds]
        told[name] = {
            "agents": round(each[0]["agents"]), "cpu_seconds": [round(e["seconds"], 3) for e in each],
            **{f"{what}_per_cpu_second": round(float(np.median([e[what] / e["seconds"] for e in each]))) for what in ("agent_days", "moves")}}  # fmt: skip
    for what in ("agent_days", "moves"):
        told[f"ratio_{what}"] = round(told["model"][f"{what}_per_cpu_second"] / told["flee_runs"][f"{what}_per_cpu_second"], 1)
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
