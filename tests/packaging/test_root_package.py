"""The root package: its public names, and how little it costs to import."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import countersmuggling

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["highspy", "matplotlib", "mesa", "numba", "numpy", "pandas", "pulp", "pyarrow", "pydantic", "scipy", "yaml"]


def test_importing_the_root_loads_nothing_heavy() -> None:
    code = f"import sys, countersmuggling\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("Scenario", "scenarios"),
        ("load", "scenarios"),
        ("SmugglingModel", "model"),
        ("simulate", "experiments"),
        ("compare", "experiments"),
    ],
)
def test_public_names_are_those_of_their_rooms(name: str, room: str) -> None:
    assert name in countersmuggling.__all__
    thing = getattr(countersmuggling, name)
    assert callable(thing)
    assert thing is getattr(import_module(f"countersmuggling.{room}"), name)


def test_optimise_is_a_module_that_can_be_called() -> None:
    module = import_module("countersmuggling.optimise")
    assert countersmuggling.optimise is module
    assert callable(module)


def test_dir_lists_the_public_names() -> None:
    assert set(countersmuggling.__all__) <= set(dir(countersmuggling))


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'optimize'"):
        getattr(countersmuggling, "optimize")  # noqa: B009
