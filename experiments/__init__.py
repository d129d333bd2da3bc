"""What we learn: runs, comparisons, reports and the command line.

``simulate`` runs a scenario, ``compare`` pairs options with a baseline, ``optimised`` values a plan in the model; each
gives ``Results``. ``sweep`` runs a design of many scenarios into a store, which ``open_results`` reads. Everything is loaded on first use, so that ``countersmuggling --help`` does not wait for it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparing import NotComparable, compare, optimised
    from .designs import Design, load_design
    from .engines import Engine, EngineError
    from .folder import FolderError
    from .hypotheses import rankings, survives
    from .measures import AnalysisError
    from .results import PlanRecord, Results, Run
    from .running import simulate
    from .sweep_results import SweepResults, open_results
    from .sweeping import SweepIncomplete, estimate, sweep
    from .workbench import workbench_model

__all__ = [
    "AnalysisError", "Design", "Engine", "EngineError", "FolderError", "NotComparable", "PlanRecord", "Results", "Run", "SweepIncomplete",
    "SweepResults", "compare", "estimate", "load_design", "open_results", "optimised", "rankings", "simulate",
    "survives", "sweep", "workbench_model",
]  # fmt: skip

_WHERE = {
    "AnalysisError": "measures",
    "FolderError": "folder",
    "rankings": "hypotheses",
    "survives": "hypotheses",
    "NotComparable": "comparing",
    "PlanRecord": "results",
    "Results": "results",
    "Run": "results",
    "Design": "designs",
    "Engine": "engines",
    "EngineError": "engines",
    "SweepIncomplete": "sweeping",
    "SweepResults": "sweep_results",
    "compare": "comparing",
    "estimate": "sweeping",
    "load_design": "designs",
    "open_results": "sweep_results",
    "sweep": "sweeping",
    "workbench_model": "workbench",
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
