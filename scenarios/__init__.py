"""What is assumed: scenario files, evidence-graded parameters, reference tables.

``load`` reads a scenario by bundled name or file, ``check`` lists what is wrong with one, ``registry`` is the table of
evidence behind every parameter, and ``world`` the reference tables.
"""

from typing import TYPE_CHECKING, Any

from .levers import LEVERS, LeverInfo
from .loader import bundled, check, load
from .outcomes import OUTCOMES, OutcomeInfo
from .problems import Problem, ScenarioError
from .registry import Parameter, Parameters, Registry, registry
from .resources import RESOURCES, ResourceInfo
from .schema import Scenario
from .template import SCHEMA_FILE, template

if TYPE_CHECKING:
    from .editor_schema import json_schema
    from .reference import World, world
    from .small_worlds import small_world

__all__ = [
    "LEVERS", "OUTCOMES", "RESOURCES", "SCHEMA_FILE", "LeverInfo", "OutcomeInfo", "Parameter", "Parameters", "Problem", "Registry",
    "ResourceInfo", "Scenario", "ScenarioError", "World", "bundled", "check", "json_schema", "load", "registry",
    "small_world", "template", "world",
]  # fmt: skip

_LATER = {"json_schema": "editor_schema", "World": "reference", "world": "reference", "small_world": "small_worlds"}


def __getattr__(name: str) -> Any:
    # pandas and the schema generator are slow to import: only when asked for
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
