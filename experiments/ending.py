"""How commands end: exit codes, and the error that is a mistake of the user."""

from __future__ import annotations

import sys
from typing import Final

DONE: Final = 0
#: a fault of this program, or a rerun that gives other figures
FAULT: Final = 1
INVALID: Final = 2
INFEASIBLE: Final = 3
INTERRUPTED: Final = 130


#: what the model finds wrong with a scenario only when it runs it
FOR_THE_USER = ("NoFiniteValue", "TooManyTravellers")
#: set to anything: a fault of this program prints its traceback
TRACEBACK_VARIABLE = "COUNTERSMUGGLING_TRACEBACK"


class Usage(Exception):
    """A mistake of the user; the message is for them."""


def told(error: Exception) -> tuple[int, str]:
    """Exit code and message of an error."""
    from .folder import FolderError

    if isinstance(error, Usage | FolderError):
        return INVALID, f"countersmuggling: {error}"
    from ..scenarios import ScenarioError

    if isinstance(error, ScenarioError):
        return INVALID, str(error)
    # whoever raised one of these has imported its module
    measures = sys.modules.get(f"{__package__}.measures")
    if measures is not None and isinstance(error, measures.AnalysisError):
        return INVALID, f"countersmuggling: {error}"
    if (comparing := sys.modules.get(f"{__package__}.comparing")) and isinstance(
        error, comparing.NotComparable
    ):
        return INVALID, f"countersmuggling: {error}"
    planning = sys.modules.get(f"{(__package__ or '').rpartition('.')[0]}.optimise")
    if planning is not None and isinstance(error, planning.InfeasiblePlan):
        return INFEASIBLE, str(error)
    if planning is not None and isinstance(error, planning.StoppedEarly):
        return INVALID, f"countersmuggling: {error}; no results were written: give it longer (--time-limit) or fewer whole posts"
    if planning is not None and isinstance(error, planning.NothingToPlan):
        return INVALID, f"countersmuggling: {error}"
    if isinstance(error, MemoryError):
        return (
            INVALID,
            "countersmuggling: not enough memory; use fewer --workers or a larger --persons-per-agent",
        )
    if isinstance(error, ValueError) and type(error).__name__ in FOR_THE_USER:  # what looks into a model before any run
        return INVALID, f"countersmuggling: {error}"
    replicates = sys.modules.get(f"{(__package__ or '').rpartition('.')[0]}.model.replicates")
    known = replicates is not None and isinstance(error, replicates.RunFailed)
    if known and isinstance(error.__cause__, ValueError) and type(error.__cause__).__name__ in FOR_THE_USER:
        return INVALID, f"countersmuggling: {error.__cause__} ({error.jobs[0]})"  # type: ignore[attr-defined]
    if known and isinstance(error.__cause__, MemoryError):
        return told(error.__cause__)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    return FAULT, (
        f"countersmuggling: {text}\nThis is a fault of the program or its surroundings; no results were written. "
        f"Set {TRACEBACK_VARIABLE}=1 to see where."
    )
