"""The EMA Workbench beside this program: a scenario as one of its models, a sweep as its results.

The workbench (Kwakkel 2017, Environmental Modelling & Software 96:239-250) brings many-objective search, directed search
for worst cases, and more analyses than this program has. It needs ``pip install 'countersmuggling[analysis]'``.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model.replicates import Job, run_one
from ..scenarios import OUTCOMES, Scenario, load
from .designs import Varied, as_plain, over_scenario, with_values
from .measures import MAIN_OUTCOMES, AnalysisError, known, short

if TYPE_CHECKING:
    from .sweep_results import SweepResults

#: what a model varies when nothing is said: the mechanisms whose figures are least known
UNCERTAINTIES: Final = ("uncertainties.parameters.networks.*", "uncertainties.parameters.fees.*", "uncertainties.parameters.route_choice.*")
Range = Sequence[float] | Mapping[str, Any] | None


def quiet_import(module: str) -> Any:
    """A module of the EMA Workbench, without what it says of its own optional dependencies when it is imported.

    Raises
    ------
    AnalysisError
        When it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(module)
    except ImportError as error:
        raise AnalysisError(f"this needs the EMA Workbench: pip install 'countersmuggling[analysis]' ({error})") from None


@contextmanager
def quietly() -> Iterator[None]:
    """Without what other libraries warn the workbench's own lines of: its users can change nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="ema_workbench")
        yield


@dataclass(frozen=True)
class WorkbenchRun:
    """What a workbench model does with an experiment: runs of a scenario, averaged over replicates. Can be pickled."""

    scenario: Scenario
    factors: Mapping[str, Varied]
    outcomes: tuple[str, ...]
    replicates: int
    function: Callable[[Job], Any] | None = None

    @cached_property
    def _plain(self) -> dict[str, Any]:
        return as_plain(self.scenario)

    def __call__(self, **values: Any) -> dict[str, float]:
        """Mean of every outcome over the replicates.

        Raises
        ------
        AnalysisError
            For a value that is no factor of the model.
        """
        from ..model import totals

        chosen = [(self.factors[known(name, self.factors, "factor")], _plain_value(value)) for name, value in values.items()]
        scenario = with_values(self._plain, chosen)
        run = self.function or run_one
        found = [totals(run(Job(scenario, replicate)).outcomes) for replicate in range(self.replicates)]
        return {name: float(np.mean([one.get(name, np.nan) for one in found])) for name in self.outcomes}


def _plain_value(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def workbench_model(
    scenario: str | Path | Scenario,
    *,
    uncertainties: Mapping[str, Range] | Iterable[str] = UNCERTAINTIES,
    levers: Mapping[str, Range] | Iterable[str] | None = None,
    outcomes: Sequence[str] = MAIN_OUTCOMES,
    replicates: int = 1,
    function: Callable[[Job], Any] | None = None,
) -> Any:
    """A scenario as a model of the EMA Workbench.

    Parameters
    ----------
    scenario : str, Path or Scenario
        Bundled name, file, or scenario.
    uncertainties : mapping or iterable of str
        Fields that are not known, by path as in a design's `factors`; a mapping gives ``(low, high)``, or a factor's
        fields, or None for the registry's range. Patterns such as ``uncertainties.parameters.fees.*`` mean every parameter
        with a range.
    levers : mapping or iterable of str, optional
        Fields that a policy sets; by default the intensity, from nothing to what is proposed, of every lever of the scenario.
    outcomes : sequence of str
    replicates : int
        Runs that an experiment is the mean of; all experiments share their noise.
    function : callable, optional
        What is done with a job instead of a run of the model.

    Returns
    -------
    ema_workbench.Model
        For ``perform_experiments`` and ``optimize``. Names are paths with underscores: ``fees_markup_ceiling``,
        ``levers_penalties_intensity``.

    Raises
    ------
    AnalysisError
        When the workbench is not installed or a name is not there.
    ScenarioError
        When the scenario, a path or a range is not valid.

    Examples
    --------
    >>> from countersmuggling.experiments import workbench_model  # doctest: +SKIP
    >>> model = workbench_model("europol-regulation")  # doctest: +SKIP
    """
    ema = quiet_import("ema_workbench")
    base = scenario if isinstance(scenario, Scenario) else load(scenario)
    for name in outcomes:
        known(name, OUTCOMES, "outcome")
    if levers is None:
        on = as_plain(base).get("levers", {})
        levers = {f"levers.{name}.intensity": (0.0, 1.0) for name, lever in on.items() if lever is not None}
    unknown, settable = _varied(base, uncertainties), _varied(base, levers)
    by_name = {identifier(f.name): f for f in (*unknown, *settable)}
    if len(by_name) < len(unknown) + len(settable):
        raise AnalysisError("a field is both uncertainty and lever")
    run = WorkbenchRun(base, by_name, tuple(outcomes), replicates, function)
    model = ema.Model(_model_name(base.name), function=run)
    if unknown:
        model.uncertainties = [_parameter(ema, factor) for factor in unknown]
    if settable:
        model.levers = [_parameter(ema, factor) for factor in settable]
    kinds = {"lower": ema.ScalarOutcome.MINIMIZE, "higher": ema.ScalarOutcome.MAXIMIZE, "neither": ema.ScalarOutcome.INFO}
    model.outcomes = [ema.ScalarOutcome(name, kind=kinds[OUTCOMES[name].better]) for name in outcomes]
    return model


def _varied(scenario: Scenario, fields: Mapping[str, Range] | Iterable[str]) -> list[Varied]:
    given: dict[str, Any] = dict(fields) if isinstance(fields, Mapping) else dict.fromkeys(fields)
    if not given:
        return []
    factors = {
        path: {} if told is None else dict(told) if isinstance(told, Mapping) else {"low": float(told[0]), "high": float(told[1])}
        for path, told in given.items()
    }
    return over_scenario(scenario, factors)


def identifier(path: str) -> str:
    """A path as a name in Python: ``levers_penalties_intensity``."""
    return re.sub(r"\W+", "_", short(path)).strip("_")


def _model_name(name: str) -> str:
    letters = "".join(c for c in name if c.isalnum())
    return letters if letters[:1].isalpha() else f"scenario{letters}"


def _parameter(ema: Any, factor: Varied) -> Any:
    name = identifier(factor.name)
    if factor.values is not None:
        return ema.CategoricalParameter(name, list(factor.values))
    if factor.path.kind == "whole number":
        return ema.IntegerParameter(name, int(np.ceil(factor.low)), int(np.floor(factor.high)))
    return ema.RealParameter(name, factor.low, factor.high)


def as_workbench_results(
    results: SweepResults, outcomes: Sequence[str] = MAIN_OUTCOMES
) -> tuple[pd.DataFrame, dict[str, npt.NDArray[np.float64]]]:
    """A sweep as the workbench's own results: what ``perform_experiments`` returns and its analyses take.

    Parameters
    ----------
    results : SweepResults
    outcomes : sequence of str

    Returns
    -------
    experiments : DataFrame
        One row a policy and point whose replicates are all finished: the factors by name, scenario (the point), policy, model.
    outcomes : dict
        By name: mean over the replicates, and under ``<name>_by_month`` the months of it.
    """
    for name in outcomes:
        known(name, OUTCOMES, "outcome")
    totals = {name: results.cube(name, "runs").mean(axis=2) for name in outcomes}
    monthly = {f"{name}_by_month": results.cube(name).mean(axis=2) for name in outcomes}
    whole = np.isfinite(np.array(list(totals.values()))).all(axis=0)
    policy, point = np.nonzero(whole)
    factors = results.points.rename(columns=lambda column: identifier(str(column))).loc[point].reset_index(drop=True)
    for column in factors:
        if not pd.api.types.is_numeric_dtype(factors[column]) or pd.api.types.is_bool_dtype(factors[column]):
            factors[column] = pd.Categorical(factors[column].astype(str))
    names = np.array(results.policies)
    experiments = factors.assign(
        scenario=point, policy=pd.Categorical(names[policy], categories=results.policies),
        model=_model_name(results.design.name),
    )  # fmt: skip
    figures = {name: cube[policy, point] for name, cube in {**totals, **monthly}.items()}
    return experiments, figures

