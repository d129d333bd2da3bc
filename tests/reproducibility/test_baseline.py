"""The stored baseline comes out equal to the bit here; .ci/run asks the same under every Python that it finds."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def baseline() -> ModuleType:
    """The script beside this file."""
    path = Path(__file__).with_name("baseline.py")
    spec = importlib.util.spec_from_file_location("baseline", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["baseline"] = module
    spec.loader.exec_module(module)
    return module


def test_the_stored_baseline_comes_out_to_the_bit(baseline: ModuleType) -> None:
    stored = json.loads(baseline.STORED.read_text(encoding="utf-8"))
    told = baseline.differences(stored, baseline.made())
    assert not told, baseline.explained(told)


def test_a_difference_in_one_bit_is_told_with_the_command_that_stores_anew(baseline: ModuleType) -> None:
    stored = json.loads(baseline.STORED.read_text(encoding="utf-8"))
    found = copy.deepcopy(stored)
    assert baseline.differences(stored, found) == []
    found["replicate 1"]["digest"] = "0" * 64
    found["replicate 1"]["totals"]["deaths"] += 0.5
    told = baseline.differences(stored, found)
    assert len(told) == 1 and "deaths" in told[0]
    assert "baseline.py --write" in baseline.explained(told)


@pytest.mark.slow
def test_started_in_any_way_with_any_threads(baseline: ModuleType) -> None:
    stored = json.loads(baseline.STORED.read_text(encoding="utf-8"))
    for method, threads in baseline.ways():
        told = baseline.differences(stored, baseline.made_in(method, threads))
        assert not told, (method, threads, baseline.explained(told))
