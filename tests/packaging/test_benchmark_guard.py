"""The guard of benchmarks/all.py tells what has become slower, and nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def benchmarks() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "all.py"
    if not path.exists():
        pytest.skip("an installed package has no benchmarks")
    spec = importlib.util.spec_from_file_location("benchmarks_all", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def record(**ratios: float) -> dict[str, Any]:
    return {"size": "quick", "date": "2026-01-02", "commit": "abc", "machine": "some", "ratios": ratios,
            "by_benchmark": {"one": ratios}, "words": {"one": "so much", "two": "Flee is not installed"}}  # fmt: skip


def test_a_ratio_that_has_fallen_is_told(benchmarks: ModuleType) -> None:
    before = {"quick": {"date": "2026-01-01", "ratios": {"a": 30.0, "b": 2.0, "gone": 1.0}}}
    assert benchmarks.regressions(record(a=25.0, b=1.5, new=0.1), before) == []
    assert benchmarks.regressions(record(a=10.0, b=2.0), before) == ["a: 10, recorded 30 on 2026-01-01"]
    assert benchmarks.regressions(record(a=10.0), {"full": before["quick"]}) == []


def test_the_table_names_what_was_not_measured(benchmarks: ModuleType) -> None:
    told = benchmarks.table(record(a=25.0))
    assert "| a | 25 | so much |" in told
    assert "| two | | not measured: Flee is not installed |" in told


def test_every_script_that_is_named_is_there_or_said_not_to_be(benchmarks: ModuleType) -> None:
    with pytest.raises(benchmarks.NotHere, match=r"there is no benchmarks/nothing\.py"):
        benchmarks.script("nothing.py")
