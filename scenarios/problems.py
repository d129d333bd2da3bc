"""What can be wrong with a scenario file, and how it is told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a scenario.

    Parameters
    ----------
    file
        File in which the offending value stands (the parent's file for an inherited value).
    line, column
        Position counted from 1; 0 when the problem has no position (a missing file, a Python value).
    path
        Dotted path of the field, such as ``levers.penalties.off``; empty for the file as a whole.
    message
        What was found and what was expected.
    suggestion
        The nearest valid name, or None.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        field = f"{self.path}: " if self.path else ""
        hint = f"; did you mean '{self.suggestion}'?" if self.suggestion else ""
        return f"{where}: {field}{self.message}{hint}"


class ScenarioError(ValueError):
    """A scenario that cannot be used; ``str()`` is the printable report, one problem a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name closest to ``name`` (None when nothing is near); case and ``-``/``_`` count for nothing."""
    candidates = {_fold(item): item for item in sorted(valid, reverse=True)}
    if _fold(name) in candidates:
        return candidates[_fold(name)]
    close = difflib.get_close_matches(_fold(name[:100]), candidates, n=1, cutoff=0.6)
    if close:
        return candidates[close[0]]
    # a dotted name written without its first part, or the last part alone
    tails = [item for item in candidates.values() if item.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]]
    return tails[0] if len(tails) == 1 else None


def _fold(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
