"""What to do: the plan that allocates scarce staff, and the linear programmes behind it.

The module can be called: ``from countersmuggling import optimise; plan = optimise(scenario)`` is the same as
``from countersmuggling.optimise import optimise``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .allocation import AllocationModel, build
    from .effects import EffectCurves, EffectError, measure_effects
    from .from_scenario import NothingToPlan, problem_from
    from .linear_model import Builder, LinearModel
    from .plan import InfeasiblePlan, Plan, check_limits, optimise, plan_for
    from .problem import AllocationProblem
    from .rendering import from_pulp, to_pulp
    from .solving import Infeasible, Solution, SolveError, StoppedEarly, solve, verify

_HOME = {
    "AllocationModel": "allocation", "AllocationProblem": "problem", "Builder": "linear_model",
    "EffectCurves": "effects", "EffectError": "effects", "Infeasible": "solving", "InfeasiblePlan": "plan",
    "LinearModel": "linear_model", "NothingToPlan": "from_scenario", "Plan": "plan", "Solution": "solving",
    "SolveError": "solving", "StoppedEarly": "solving", "build": "allocation", "check_limits": "plan", "from_pulp": "rendering",
    "measure_effects": "effects", "optimise": "plan", "plan_for": "plan", "problem_from": "from_scenario",
    "solve": "solving", "to_pulp": "rendering", "verify": "solving",
}

__all__ = [
    "AllocationModel", "AllocationProblem", "Builder", "EffectCurves", "EffectError", "Infeasible", "InfeasiblePlan",
    "LinearModel", "NothingToPlan", "Plan", "Solution", "SolveError", "StoppedEarly", "build", "check_limits", "from_pulp",
    "measure_effects", "optimise", "plan_for", "problem_from", "solve", "to_pulp", "verify",
]


def __getattr__(name: str) -> Any:  # lazy: PuLP, SciPy and pandas load when something is used
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


class _Callable(ModuleType):
    """A module that makes a plan when it is called."""

    def __call__(self, *args: Any, **kwargs: Any) -> Plan:
        made: Plan = import_module(".plan", __name__).optimise(*args, **kwargs)
        return made


sys.modules[__name__].__class__ = _Callable
