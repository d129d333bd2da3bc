"""The arrays against the same rules with one Mesa agent per traveller: equal outcomes, at a tiny size."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks are not beside the tests")
    for name in ("scale", "one_agent_per_traveller"):
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    del sys.modules["scale"], sys.modules["one_agent_per_traveller"]
    return module


def test_one_mesa_agent_per_traveller_gives_the_same_outcomes(benchmark: ModuleType) -> None:
    """Same seeds, other draws: fourteen tests at one in a thousand, on fixed seeds."""
    found = benchmark.compare_outcomes(travellers=6000, seeds=5, days=60)
    assert found["departures"]["agents"] > 0.0 and found["deaths"]["agents"] > 0.0
    assert found["attempts by leg"]["legs"] > 30
    for outcome, values in found.items():
        for test in ("paired_t", "kolmogorov_smirnov", "chi_square"):
            assert values.get(test, 1.0) > 1e-3, (outcome, test, values)
