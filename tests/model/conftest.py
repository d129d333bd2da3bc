"""Small worlds for the mechanisms: central parameters, a bench for single agents, and one short run for many tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mesa
import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import RunOutput, SmugglingModel
from countersmuggling.model.core import default_geography
from countersmuggling.model.geography import Geography
from countersmuggling.model.reference_point import ReferencePoint, Tastes, fit_reference_point
from countersmuggling.scenarios import Scenario, load, registry

FloatArray = npt.NDArray[np.float64]
MakeScenario = Callable[..., Scenario]

SMALL: dict[str, Any] = {
    "horizon": {"start": "2025-01-01", "end": "2025-02-28", "burn_in_days": 31},
    "uncertainties": {"draw": "central"},
    "model": {"persons_per_agent": 400, "networks": 60},
    "seed": 11,
}


@dataclass
class Finished:
    """A run that was stepped to its end, with its population at each month's end."""

    scenario: Scenario
    model: SmugglingModel
    output: RunOutput
    populations: list[dict[str, float]]


class Bench(mesa.Model):  # type: ignore[misc]
    """A model with nothing in it but what single agents read."""

    def __init__(self, params: dict[str, float]) -> None:
        super().__init__()
        self.params = params
        self.casework: Any = None
        self.networks: list[Any] = []
        self.active_networks = np.ones(0, dtype=np.bool_)
        self.dials: dict[str, FloatArray] = {}
        self.sanctions = np.zeros(1)
        self.draws: FloatArray = np.zeros(0)

    def actor_draws(self, first: int, count: int, day: int, purpose: int) -> FloatArray:
        return self.draws[:count]

    def case_actor(self, member_state: int) -> int:
        return 10_000 * (member_state + 1)

    def recovery_rate(self, member_state: int) -> float:
        return 0.5


@pytest.fixture(scope="session")
def params() -> dict[str, float]:
    """Central values of the registry, as a plain mapping that a test may copy and change."""
    return {name: row.value for name, row in registry().items()}


@pytest.fixture(scope="session")
def geography() -> Geography:
    return default_geography()


@pytest.fixture
def bench(params: dict[str, float]) -> Bench:
    return Bench(dict(params))


@pytest.fixture(scope="session")
def make_scenario() -> MakeScenario:
    """The bundled baseline made small; keywords replace or extend its sections."""

    def make(**sections: Any) -> Scenario:
        content = load("baseline-2025").model_dump(by_alias=True, mode="json", exclude_none=True)
        for name, value in SMALL.items():
            content[name] = {**content[name], **value} if name in ("horizon", "model") else value
        for name, value in sections.items():
            old = content.get(name)
            content[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        return Scenario.model_validate(content)

    return make


@pytest.fixture(scope="session")
def finished(make_scenario: MakeScenario) -> Finished:
    scenario = make_scenario()
    model = SmugglingModel(scenario)
    populations: list[dict[str, float]] = []
    while not model.done:
        model.step()
        if model.day % 15 == 0 or model.done:
            populations.append(dict(model.population()))
    return Finished(scenario, model, model.run(), populations)


@pytest.fixture(scope="session")
def reference_2025(geography: Geography, params: dict[str, float]) -> ReferencePoint:
    chance, detection = geography.column("legs", "interception"), geography.column("legs", "detection")
    return fit_reference_point(geography, Tastes(geography, params), params, 2025, chance, detection)
