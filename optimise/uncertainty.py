"""A plan when effects are uncertain: what it minimises, what it risks, and what knowing more would be worth.

Every scenario of effects gives the allocation's benefit columns other worth; limits and costs are the same.  Because the
curves are concave in every scenario, staff fills their segments in the same order whatever comes true: nothing is decided
afterwards, and the loss of each scenario is linear in the allocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from .allocation import AllocationModel, labelled, value_of
from .effect_scenarios import EffectScenarios, cell_of
from .linear_model import Floats, Integers, LinearModel
from .solving import Solution, SolverName, solve
from .stochastic import (
    Changes,
    CostScenarios,
    Objective,
    StochasticProgramme,
    ValueOfInformation,
    cvar,
    expectation,
    value_of_information,
    with_budget_of_uncertainty,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Uncertainty:
    """An allocation under scenarios of effects.

    Attributes
    ----------
    allocation : AllocationModel
        At the measured effects, which are the mean of the scenarios.
    scenarios : EffectScenarios
    slopes : array (S, R, P, K)
        Points per member of staff and quarter by segment, in each scenario.
    shortfall : array (cells, R, P, K)
        By how much each cell falls short when it is at its worst (for budgeted robustness).
    """

    allocation: AllocationModel
    scenarios: EffectScenarios
    slopes: Floats
    shortfall: Floats

    @cached_property
    def programme(self) -> StochasticProgramme:
        """The stochastic programme: one model a scenario, alike in all but the cost of the benefit columns."""
        model = self.allocation.model
        columns, entry, factor = _benefit(self.allocation)
        better = (self.slopes - self.allocation.problem.slope).reshape(len(self.slopes), -1)
        changes = Changes(columns, entry, factor / -model.objective_unit, better)
        return StochasticProgramme(
            CostScenarios(model, changes), self.scenarios.probability, np.ones(model.shape[1], dtype=np.bool_))

    @cached_property
    def wait_and_see(self) -> Floats:
        """Least weighted harm in each scenario if it were known, in points (S,); whole-number conditions left out."""
        return self.programme.relaxed().wait_and_see()

    @cached_property
    def information(self) -> ValueOfInformation:
        """EVPI and VSS, in points, for the linear programme; the mean-value plan is that on the measured effects."""
        return value_of_information(
            self.programme.relaxed(), mean_value=self.allocation.model.relaxed(), wait_and_see=self.wait_and_see)

    def model_for(self, objective: Objective) -> AllocationModel:
        """The allocation's model with another objective; its own columns and rows keep their indices.

        ``expected`` is the model at the measured effects itself.
        """
        model = self.allocation.model
        if objective.kind == "expected":
            return self.allocation
        if objective.kind == "robust":
            columns, entry, factor = _benefit(self.allocation)
            amount = self.shortfall.reshape(len(self.shortfall), -1)[:, entry] * factor / model.objective_unit
            cell, column = np.nonzero(amount)
            deviation = sparse.coo_array(
                (amount[cell, column], (cell, columns[column])), shape=(len(self.shortfall), model.shape[1]))
            widened = with_budget_of_uncertainty(model, deviation, objective.budget)
        else:
            known = self.wait_and_see if objective.kind == "regret" else None
            widened = self.programme.extensive_form(objective, known).model
        padded = np.zeros(widened.shape[1])
        padded[:self.allocation.tie_break.size] = self.allocation.tie_break
        return replace(self.allocation, model=widened, tie_break=padded)

    def placements(self, objectives: Iterable[Objective], solver: SolverName = "highs") -> dict[str, xr.DataArray]:
        """The best allocation for each objective, by the kind of objective (resource, place, quarter)."""
        out: dict[str, xr.DataArray] = {}
        for objective in objectives:
            allocation = self.model_for(objective)
            x = solve(allocation.model, way(allocation.model, solver, objective)).x
            out[objective.kind] = labelled(allocation.problem, allocation.staff(x))
        return out

    def losses(self, x: Floats) -> Floats:
        """Weighted harm in each scenario of the columns of a plan, in points (S,)."""
        return self.programme.losses(x[:self.allocation.model.shape[1]])

    def losses_of(self, staff: Floats) -> Floats:
        """The same for staff (R, P, T) straight from the curves, with as many posts filled as are at work."""
        p = self.allocation.problem
        return np.array([value_of(replace(p, slope=slope), staff)["objective"] for slope in self.slopes])

    def risks(self, losses: Mapping[str, Floats], level: float, *, regret: bool = False) -> pd.DataFrame:
        """What placements risk.

        Parameters
        ----------
        losses : mapping name -> array (S,)
        level : float
            Of CVaR.
        regret : bool
            Also the largest regret, which needs the best plan of every scenario (some seconds).

        Returns
        -------
        DataFrame
            Columns placement, expected, cvar, worst, and largest_regret where asked: points of weighted harm against no
            additional staff; less is better.
        """
        p = self.scenarios.probability
        rows = [{"placement": name, "expected": expectation(loss, p), "cvar": cvar(loss, p, level),
                 "worst": float(loss.max())}
                | ({"largest_regret": float((loss - self.wait_and_see).max())} if regret else {})
                for name, loss in losses.items()]
        return pd.DataFrame(rows)


FAST_FROM = 300_000
"""Entries of a programme with scenarios from which it goes to SciPy's interior point as arrays, without a PuLP problem."""


def way(model: LinearModel, solver: SolverName, objective: Objective) -> SolverName:
    """The solver to use: large linear programmes with scenarios go past PuLP, which would hold them a second time."""
    large = objective.kind != "expected" and model.matrix.nnz >= FAST_FROM and not model.integer.any()
    return "scipy" if solver == "highs" and large else solver


def with_scenarios(
    allocation: AllocationModel, scenarios: EffectScenarios, weights: Mapping[str, float],
    params: Mapping[str, float],
) -> Uncertainty:
    """Put an allocation under scenarios of effects.

    Parameters
    ----------
    weights : mapping outcome -> points per unit
    params : mapping
        The scenario's parameters: how far a cell at its worst falls short of the measured effect, in standard deviations
        over the scenarios.
    """
    p = allocation.problem
    quarters = float(p.quarter_years.sum()) * 4
    slopes = scenarios.slopes(p.resources, p.places, p.slope, weights, quarters)
    keys, head = scenarios.points_per_head(weights, quarters)
    cell = cell_of(scenarios.effects, keys, p.resources, p.places)
    mean = scenarios.probability @ head
    spread = np.sqrt(scenarios.probability @ (head - mean) ** 2) * params["optimise.robust_standard_errors"]
    shortfall = np.zeros((len(keys), *p.slope.shape))
    for c, short in enumerate(spread):
        at = cell == c
        worst = p.slope[at] - short
        worst[:, -1] = np.minimum(0.0, worst[:, -2])
        shortfall[c][at] = p.slope[at] - worst
    return Uncertainty(allocation, scenarios, slopes, shortfall)


def marginal_cost(allocation: AllocationModel, solution: Solution, rows: int) -> Floats:
    """What one more unit in a column costs in the objective at the solution, in points (n,).

    Under CVaR, regret or robustness the cost of a column also stands in the rows added for that: it is the cost under the
    weights that these rows' duals put on the scenarios (or on the effects at their worst).

    Parameters
    ----------
    rows : int
        Number of rows that the allocation has by itself; those after it belong to the objective.
    """
    model = allocation.model
    dual = solution.dual.copy()
    dual[:rows] = 0.0
    return np.asarray(model.cost * model.objective_unit - model.matrix.T @ dual, dtype=np.float64)


def _benefit(allocation: AllocationModel) -> tuple[Integers, Integers, Floats]:
    """Of each benefit column: its index, its entry in an array (R, P, K), and the quarters' worth that a head has there."""
    p, index = allocation.problem, allocation.index["benefit"]
    r, i, t, k = np.nonzero(index >= 0)
    entry = (r * len(p.places) + i) * p.slope.shape[2] + k
    factor = (p.timing * p.quarter_years * 4)[r, t]
    return index[r, i, t, k], entry, np.asarray(factor, dtype=np.float64)
