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
from countersmuggling.model.smuggling_networks import Firms, SmugglingNetwork
from countersmuggling.model.streams import Purpose, case_uniforms, series_uniforms
from countersmuggling.scenarios import Scenario, load, registry, small_world
from countersmuggling.scenarios.reference import World

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
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
        self.firms = Firms(0)
        self.member_states: list[Any] = []
        self.sanctions = np.zeros(1)
        self.seed = np.uint64(7)
        self.fixed: dict[Purpose, float] = {}  # draws that a test sets, by purpose

    def found(
        self, corridors: list[int], *, organisers: float = 2.0, facilitators: float = 8.0, capital: float = 1000.0,
        capacity: list[float] | float = 10.0, weight: int = 1, spare: int = 0,
    ) -> list[SmugglingNetwork]:  # fmt: skip
        """Networks on these corridors, then some potential entrants; they become the bench's own."""
        n = len(corridors)
        firms = self.firms = Firms(n + spare, 2)
        firms.corridor[:n], firms.capacity[:n], firms.capital[:n] = corridors, capacity, capital
        firms.weight[:], firms.inner[:], firms.at_work[:n] = weight, 1.0 / weight, weight
        firms.full_organisers[:], firms.full_facilitators[:] = organisers, facilitators
        firms.facilitators[:n] = facilitators
        self.networks = [SmugglingNetwork(self, i, firms) for i in range(n + spare)]
        return self.networks

    def case_draws(self, actors: IntArray, counters: IntArray, purpose: Purpose) -> FloatArray:
        if purpose in self.fixed:
            return np.full(len(actors), self.fixed[purpose])
        return case_uniforms(self.seed, actors, counters, int(purpose))

    def series_draws(self, actor: int, first: int, count: int, purpose: Purpose) -> FloatArray:
        if purpose in self.fixed:
            return np.full(count, self.fixed[purpose])
        return series_uniforms(self.seed, actor, first, count, int(purpose))

    def case_actor(self, member_state: int) -> int:
        return 10_000 * (member_state + 1)

    def court_actor(self, member_state: int) -> int:
        return -(member_state + 1)

    def recovery_rate(self, member_state: int) -> float:
        return 0.5


def erlang_c(servers: int, load: float) -> float:
    """Chance that a case has to wait in M/M/c (Gross et al. 2008, section 3.3); `load` is arrivals over service rate."""
    blocked = 1.0
    for k in range(1, servers + 1):  # Erlang B by its recursion
        blocked = load * blocked / (k + load * blocked)
    rho = load / servers
    return blocked / (1.0 - rho * (1.0 - blocked))


@pytest.fixture(scope="session")
def mean_wait() -> Callable[[int, float, float], float]:
    """Mean wait in M/M/c for servers, arrivals and services a day, by Erlang's formula."""
    return lambda c, arrivals, services: erlang_c(c, arrivals / services) / (c * services - arrivals)


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


#: country of departure, Member State, route: three ways that differ in nothing but their names
WAYS = (("TUN", "ITA", "CMED"), ("DZA", "ESP", "WMED"), ("EGY", "GRC", "EMED"))


def symmetric_world(groups: int = 4, per_year: float = 20_000.0) -> World:
    """A world of three like ways: one origin hub, three coasts, three Member States.

    Every way is a leg by land to a coast and a leg by sea; groups have like means and demand, a third of it on each way.
    """
    hubs = {"origin": "SDN"}
    legs: list[dict[str, Any]] = []
    for departure, state, route in WAYS:
        coast, landing = departure.lower(), state.lower()
        hubs |= {coast: departure, landing: state}
        legs += [
            {"from": "origin", "to": coast, "days": 5, "death_per_1000": 0.0, "fee_eur": 500.0},
            {"from": coast, "to": landing, "mode": "sea", "route": route, "interceptor": departure, "days": 3,
             "fee_eur": 2000.0, "interception": 0.3, "death_per_1000": 10.0},
        ]  # fmt: skip
    shared = {"origins": "origin", "detections": {route: per_year / 3 for _, _, route in WAYS},
              "destinations": {state: 1 / 3 for _, state, _ in WAYS}}  # fmt: skip
    return small_world(hubs, legs, {f"group-{n}": shared for n in range(groups)})


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    """Worlds of three like ways: see `symmetric_world`."""
    return symmetric_world


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
