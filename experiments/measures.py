"""What the analyses of a sweep look at: one figure a point, for a policy by itself or against another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ..scenarios import OUTCOMES
from ..scenarios.problems import nearest

if TYPE_CHECKING:
    from .sweep_results import SweepResults

FloatArray = npt.NDArray[np.float64]

#: what analyses show when nothing is asked for: people first, then smugglers, authorities and money
MAIN_OUTCOMES: Final = ("deaths", "travellers_in_debt", "smuggler_profit_eur", "case_backlog", "cost_eur")
_PREFIXES: Final = ("uncertainties.parameters.", "uncertainties.")


class AnalysisError(ValueError):
    """An analysis that these results cannot give; the message is for the user."""


@dataclass(frozen=True)
class Measure:
    """An outcome over the points of a design.

    Attributes
    ----------
    outcome, policy : str
    against : str
        The policy that it is the difference from, replicate by replicate; empty for the outcome itself.
    values : array, shape (points,)
        Mean over the replicates; NaN where one of them is not finished.
    errors : array, shape (points,)
        Standard error of that mean, by chance alone; NaN with one replicate.
    """

    outcome: str
    policy: str
    against: str
    values: FloatArray = field(repr=False)
    errors: FloatArray = field(repr=False)

    @property
    def title(self) -> str:
        """``Deaths on the way: directive against status-quo``."""
        told = f"{self.policy} against {self.against}" if self.against else self.policy
        return f"{OUTCOMES[self.outcome].title}: {told}"

    @property
    def file_name(self) -> str:
        """Part of a file's name."""
        return "-".join(filter(None, (self.outcome, self.policy, "against" if self.against else "", self.against)))

    @property
    def varies(self) -> bool:
        """Whether the points differ at all, beyond rounding."""
        known = self.values[np.isfinite(self.values)]
        return len(known) > 0 and bool(np.ptp(known) > 1e-12 * max(float(np.abs(known).max()), 1e-300))


def measure(results: SweepResults, outcome: str, policy: str | None = None, against: str | None = None) -> Measure:
    """One outcome over the points.

    Parameters
    ----------
    results : SweepResults
    outcome : str
    policy : str, optional
        By default the first.
    against : str, optional
        Another policy, for paired differences.

    Raises
    ------
    AnalysisError
        For a name that is not there.
    """
    chosen = known(policy or results.policies[0], results.policies, "policy")
    known(outcome, OUTCOMES, "outcome")
    cube = results.cube(outcome, "runs")
    figures = cube[results.policies.index(chosen)]
    if against is not None:
        figures = figures - cube[results.policies.index(known(against, results.policies, "policy"))]
    replicates = figures.shape[1]
    errors = np.full(len(figures), np.nan) if replicates < 2 else figures.std(axis=1, ddof=1) / np.sqrt(replicates)
    return Measure(outcome, chosen, against or "", figures.mean(axis=1), errors)


def measures(
    results: SweepResults, outcomes: Sequence[str] | None = None, policy: str | None = None, against: str | None = None
) -> list[Measure]:
    """Measures of several outcomes: of the first policy itself, and of each other policy against it.

    Parameters
    ----------
    results : SweepResults
    outcomes : sequence of str, optional
        By default `MAIN_OUTCOMES`.
    policy, against : str, optional
        Only this policy (or this difference).
    """
    names = list(MAIN_OUTCOMES if outcomes is None else outcomes)
    first = results.policies[0]
    if policy is not None or against is not None:
        pairs = [(policy or first, against)]
    else:
        pairs = [(first, None), *((other, first) for other in results.policies[1:])]
    return [measure(results, name, one, other) for one, other in pairs for name in names]


def known(name: str, names: Iterable[str], kind: str) -> str:
    """The name, if it is among the names.

    Raises
    ------
    AnalysisError
        With the nearest one.
    """
    among = list(names)
    if name not in among:
        hint = nearest(name, among)
        told = f"; did you mean '{hint}'?" if hint else f"; there are {', '.join(among)}"
        raise AnalysisError(f"no {kind} '{name}'{told}")
    return name


def short(path: str) -> str:
    """A factor's name as a chart has room for it."""
    for prefix in _PREFIXES:
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    return path
