"""Scenarios drawn at random over the whole schema run with all invariants checked."""

from __future__ import annotations

import os
import random
import sys
import typing

import numpy as np
import pytest
from pydantic import BaseModel
from tqdm import tqdm

from countersmuggling.model import SmugglingModel
from countersmuggling.model.demand import TooManyTravellers
from countersmuggling.scenarios import Scenario, registry
from countersmuggling.scenarios.random_scenarios import random_content, random_scenario
from countersmuggling.scenarios.registry import ABOVE_ZERO


def runs(seed: int, days: int) -> float | None:
    """Run scenario number `seed`; returns persons who entered, None where there are more than the world has."""
    scenario = random_scenario(random.Random(seed), most_days=days)
    try:
        model = SmugglingModel(scenario, check_invariants=True)
    except TooManyTravellers as refused:  # demand grows six-fold a year over decades, or is multiplied by a hundred twice
        growth = scenario.uncertainties.demand_growth_per_year
        shocks = [e.factor for e in scenario.events if e.kind == "demand_shock"]
        assert growth > 1.0 or max(shocks, default=0.0) > 10.0, refused
        assert "more than the world has" in str(refused), refused  # rows are coarse enough for whoever lives
        return None
    try:
        output = model.run()
        assert np.isfinite(output.outcomes["value"]).all()
        return model.population()["entered"]
    finally:
        model.release()


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_scenario_runs(seed: int) -> None:
    runs(seed, 6)


@pytest.mark.slow
def test_five_hundred_drawn_scenarios_run() -> None:
    """Some of them only: COUNTERSMUGGLING_DRAWN=1000:1100."""
    first, _, end = os.environ.get("COUNTERSMUGGLING_DRAWN", "1000:1500").partition(":")
    numbers = tqdm(range(int(first), int(end)), unit="scenario", mininterval=10.0)
    entered = {}
    for seed in numbers:
        try:
            entered[seed] = runs(seed, 20)
        except Exception as error:
            raise AssertionError(f"scenario number {seed}") from error
        numbers.set_postfix(number=seed, MB=round(peak_memory_bytes() / 1e6), refresh=False)
    none = [seed for seed, number in entered.items() if number == 0.0]
    refused = [seed for seed, number in entered.items() if number is None]
    print(f"{len(entered)} scenarios: {len(entered) - len(none) - len(refused)} run with people on the way, {len(none)} without, "
          f"{len(refused)} refused; peak {peak_memory_bytes() / 1e6:.0f} MB")  # fmt: skip
    assert len(none) + len(refused) < 0.2 * len(entered)
    assert peak_memory_bytes() < 2e9


def peak_memory_bytes() -> float:
    """Of this process; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_every_field_of_the_schema_is_drawn() -> None:
    """New levers, events and options are drawn without a word in the generator."""
    seen: set[str] = set()

    def note(value: object, path: str = "") -> None:
        if isinstance(value, BaseModel):
            for name in value.model_fields_set:
                seen.add(f"{type(value).__name__}.{name}")
                note(getattr(value, name))
        elif isinstance(value, dict | list):
            for below in value.values() if isinstance(value, dict) else value:
                note(below)

    def named(model: type[BaseModel]) -> set[str]:
        names: set[str] = set()
        stack: list[object] = [model]
        done: set[object] = set()
        while stack:
            kind = stack.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                if kind in done:
                    continue
                done.add(kind)
                for name, field in kind.model_fields.items():
                    names.add(f"{kind.__name__}.{name}")
                    stack.append(field.annotation)
            else:
                stack.extend(typing.get_args(kind))
        return names

    for seed in range(400):
        note(Scenario.model_validate(random_content(random.Random(seed))))
    assert named(Scenario) <= seen, sorted(named(Scenario) - seen)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in registry() if not n.startswith(("cost.", "optimise."))])
def test_a_parameter_may_be_zero_where_it_is_allowed(name: str) -> None:
    """Or the schema refuses it: what is divided by is in `ABOVE_ZERO`."""
    row = registry()[name]
    if name in ABOVE_ZERO:
        assert row.refused(0.0) is not None
        return
    content = random_scenario(random.Random(3), most_days=10).model_dump(mode="json", by_alias=True, exclude_none=True)
    content["uncertainties"] = {"parameters": {name: 0.0}}
    if name == "route_choice.leg_disutility":
        pytest.skip("no finite value: told in words (tests/model/test_route_choice.py)")
    SmugglingModel(Scenario.model_validate(content), check_invariants=True).run()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("networks.demand_half_life_days", 0, "above 0"),
        ("networks.wait_days", -1, "0 or more"),
        ("fees.guarantee_share", 1e9, "at most 800"),
        ("participation.reference", 1, "below 1"),
        ("interception.ceiling", 1.5, "between 0 and 1"),
        ("lever.root_causes.potential", -1e6, "at most 100"),
    ],
)
def test_what_no_parameter_can_be_is_refused(name: str, value: float, words: str) -> None:
    text = registry()[name].refused(value)
    assert text is not None and words in text
    assert registry()[name].refused(registry()[name].low) is None
    assert all(row.refused(x) is None for row in registry().values() for x in (row.low, row.value, row.high))
