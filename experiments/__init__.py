"""What we learn: runs, comparisons, reports and the command line.

``simulate`` runs a scenario, ``compare`` pairs options with a baseline, ``optimised`` values a plan in the model; each
gives ``Results``. Everything is loaded on first use, so that ``countersmuggling --help`` does not wait for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparing import NotComparable, compare, optimised
    from .folder import FolderError
    from .results import PlanRecord, Results, Run
    from .running import simulate

__all__ = ["FolderError", "NotComparable", "PlanRecord", "Results", "Run", "compare", "optimised", "simulate"]

_WHERE = {
    "FolderError": "folder",
    "NotComparable": "comparing",
    "PlanRecord": "results",
    "Results": "results",
    "Run": "results",
    "compare": "comparing",
    "optimised": "comparing",
    "simulate": "running",
}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
