"""What happens: the agent-based model of smuggling routes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core import Observation, SmugglingModel
    from .invariants import InvariantViolated
    from .recording import RunOutput, totals
    from .replicates import Job, RunFailed, run_many, run_one
    from .route_choice import NoFiniteValue
    from .staffing import staff_baseline

__all__ = [
    "InvariantViolated",
    "Job",
    "NoFiniteValue",
    "Observation",
    "RunFailed",
    "RunOutput",
    "SmugglingModel",
    "run_many",
    "run_one",
    "staff_baseline",
    "totals",
]

_HOME = {
    "InvariantViolated": "invariants",
    "SmugglingModel": "core",
    "Observation": "core",
    "RunOutput": "recording",
    "Job": "replicates",
    "RunFailed": "replicates",
    "run_many": "replicates",
    "run_one": "replicates",
    "totals": "recording",
    "NoFiniteValue": "route_choice",
    "staff_baseline": "staffing",
}


def __getattr__(name: str) -> Any:  # lazy: Mesa and the compiled kernels load when the model is used
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
