"""Two-stage stochastic linear programmes over the array model, and what to minimise when scenarios differ.

A programme has scenarios: linear models alike in columns and rows, with data of their own, and probabilities.  What is
decided before it is known which scenario comes true (the first stage) is one decision for all; the other columns are
decided in each scenario (recourse).  With L_s the cost in scenario s the objectives are

    expected   sum_s p_s L_s
    cvar       (1 - w) sum_s p_s L_s + w CVaR_a(L)
               CVaR_a(L) = min over e of  e + sum_s p_s max(0, L_s - e) / (1 - a)
               (Rockafellar and Uryasev 2000, Journal of Risk 2(3):21-41)
    regret     max over s of  L_s - L*_s,  L*_s the least cost if s were known

and, for one model with coefficients that may each be worse than they are put,

    robust     cost + the largest total by which at most G of the uncertain amounts d_g x turn out worse
               = min over m, q >= 0 of  cost + G m + sum_g q_g  with  m + q_g >= |d_g x|
               (Bertsimas and Sim 2004, Operations Research 52(1):35-53)

All are written as one :class:`LinearModel` with a few more columns and rows.  What the scenarios' costs have in common is
left in the cost of the first stage, because every one of these objectives moves by c when all L_s move by c; only
differences stand in the added rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse

from .labels import taken
from .linear_model import Block, Booleans, Floats, Integers, Label, LinearModel
from .solving import Solution, SolverName, solve
from .warm_start import WarmStart

ObjectiveKind = Literal["expected", "cvar", "regret", "robust"]
Sparse: TypeAlias = "sparse.csr_array[Any]"  # a string: SciPy before 1.15 cannot subscript the class
PATTERN_DIGITS = 9
"""Digits to which the differences of two columns over the scenarios must be proportional to be gathered."""

ROUNDING = 1 / 2**43
"""Differences that are smaller than this share of the largest one are what rounding left."""


class ScenarioSetError(ValueError):
    """Scenarios that do not make a programme: probabilities that do not sum to one, models of different shapes."""


@dataclass(frozen=True)
class Objective:
    """What is minimised when scenarios differ.

    Attributes
    ----------
    kind : {"expected", "cvar", "regret", "robust"}
    level : float
        Of CVaR: the mean of the worst (1 - level) of the probability.
    weight : float
        Share of CVaR in the objective; the rest is the expected value.
    budget : float
        Of robustness: how many uncertain amounts may be at their worst at once (a fraction counts in part).

    Raises
    ------
    ValueError
        For a level outside [0, 1), a weight outside [0, 1] or a negative budget.
    """

    kind: ObjectiveKind = "expected"
    level: float = 0.5
    weight: float = 1.0
    budget: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("expected", "cvar", "regret", "robust"):
            raise ValueError(f"the objective must be expected, cvar, regret or robust, not {self.kind!r}")
        if not 0.0 <= self.level < 1.0:
            raise ValueError(f"the level of CVaR must be at least 0 and below 1, not {self.level:g}")
        if not 0.0 <= self.weight <= 1.0:
            raise ValueError(f"the weight of CVaR must lie between 0 and 1, not {self.weight:g}")
        if not 0.0 <= self.budget < np.inf:
            raise ValueError(f"the budget of robustness must be zero or more, not {self.budget:g}")

    def __str__(self) -> str:
        if self.kind == "cvar":
            tail = f"CVaR at {self.level:g}"
            return tail if self.weight >= 1.0 else f"{1.0 - self.weight:g} expected value + {self.weight:g} {tail}"
        return {"expected": "expected value", "regret": "largest regret",
                "robust": f"budgeted robustness, {self.budget:g} at their worst"}[self.kind]


def expectation(losses: Floats, probability: Floats) -> float:
    """Mean loss."""
    return float(probability @ losses)


def cvar(losses: Floats, probability: Floats, level: float) -> float:
    """Mean of the worst (1 - `level`) of the probability.

    Rockafellar and Uryasev (2002, Journal of Banking & Finance 26:1443-1471): an outcome at the edge of the tail counts
    with what is left of the tail's probability.

    Examples
    --------
    >>> cvar(np.arange(1.0, 11.0), np.full(10, 0.1), 0.8)
    9.5
    """
    order = np.argsort(-losses, kind="stable")
    tail = 1.0 - level
    before = np.concatenate([[0.0], np.cumsum(probability[order])[:-1]])
    share = np.clip(tail - before, 0.0, probability[order])
    return float(share @ losses[order] / share.sum())


@dataclass(frozen=True)
class Changes:
    """Costs of some columns that change with the scenario.

    In scenario s column ``columns[j]`` costs ``pattern[s, group[j]] * scale[j]`` more than in the model they are for.

    Attributes
    ----------
    columns, group : int arrays (k,)
    scale : array (k,)
    pattern : array (S, groups)
    """

    columns: Integers
    group: Integers
    scale: Floats
    pattern: Floats

    def loss(self, x: Floats) -> Floats:
        """What the changes cost at `x` in each scenario (S,)."""
        amount = np.bincount(self.group, self.scale * x[self.columns], minlength=self.pattern.shape[1])
        return np.asarray(self.pattern @ amount, dtype=np.float64)

    def of(self, pattern: Floats) -> Floats:
        """Change of the columns' costs for one row of patterns (k,)."""
        return np.asarray(pattern[self.group] * self.scale, dtype=np.float64)


@dataclass(frozen=True)
class CostScenarios(Sequence[LinearModel]):
    """Scenarios that differ in the costs of some columns only: each a model of its own, made when it is asked for."""

    base: LinearModel
    changes: Changes

    def __len__(self) -> int:
        return len(self.changes.pattern)

    def _with(self, pattern: Floats) -> LinearModel:
        cost = self.base.cost.copy()
        cost[self.changes.columns] += self.changes.of(pattern)
        return replace(self.base, cost=cost)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self._with(row) for row in self.changes.pattern[index])
        return self._with(self.changes.pattern[index])

    def mean(self, probability: Floats) -> LinearModel:
        """The model with every cost at its mean."""
        return self._with(probability @ self.changes.pattern)

    def relaxed(self) -> CostScenarios:
        """The same without whole-number conditions."""
        return replace(self, base=self.base.relaxed())


@dataclass(frozen=True)
class StochasticProgramme:
    """Linear models alike in columns and rows, with probabilities.

    Attributes
    ----------
    scenarios : sequence of LinearModel
        Same blocks and unit of the objective; costs, coefficients, limits and bounds may differ.
    probability : array (S,)
        Zero or more, summing to one.
    first_stage : bool array (n,)
        Columns that are decided before the scenario is known.  Their bounds must be the same everywhere.

    Raises
    ------
    ScenarioSetError
        For probabilities that do not sum to one, and for models that differ in shape, unit, or first-stage bounds.
    """

    scenarios: Sequence[LinearModel]
    probability: Floats
    first_stage: Booleans

    def __post_init__(self) -> None:
        if not len(self.scenarios):
            raise ScenarioSetError("a stochastic programme needs at least one scenario")
        check_probabilities(self.probability, len(self.scenarios))
        first = self._first
        if self.first_stage.shape != (first.shape[1],):
            raise ScenarioSetError(f"first_stage: expected {first.shape[1]} marks, got {self.first_stage.shape}")
        if isinstance(self.scenarios, CostScenarios):
            return
        for s, model in enumerate(self.scenarios[1:], 2):
            if model.shape != first.shape or model.objective_unit != first.objective_unit:
                raise ScenarioSetError(f"scenario {s} differs from the first in its shape or unit")
            one = self.first_stage
            for name in ("lower", "upper", "integer"):
                if not np.array_equal(getattr(model, name)[one], getattr(first, name)[one]):
                    raise ScenarioSetError(f"scenario {s}: the first stage has other bounds than in the first scenario")

    # ------------------------------------------------------------------ its parts

    @property
    def _first(self) -> LinearModel:
        return self.scenarios.base if isinstance(self.scenarios, CostScenarios) else self.scenarios[0]

    @property
    def unit(self) -> float:
        """Reported units of the objective in one unit of the models."""
        return self._first.objective_unit

    @cached_property
    def cost(self) -> Floats:
        """Costs by scenario (S, n), in the models' unit."""
        return np.array([model.cost for model in self.scenarios])

    def relaxed(self) -> StochasticProgramme:
        """The same without whole-number conditions."""
        if isinstance(self.scenarios, CostScenarios):
            return replace(self, scenarios=self.scenarios.relaxed())
        return replace(self, scenarios=tuple(model.relaxed() for model in self.scenarios))

    @cached_property
    def has_recourse(self) -> bool:
        """Whether anything is decided after the scenario is known."""
        return not bool(self.first_stage.all())

    @cached_property
    def shared_rows(self) -> Booleans:
        """Rows that hold first-stage columns only and are the same in every scenario."""
        first = self._first
        second = np.concatenate([[0], np.cumsum(~self.first_stage[first.matrix.indices])])
        shared = np.diff(second[first.matrix.indptr]) == 0
        if isinstance(self.scenarios, CostScenarios):
            return np.asarray(shared, dtype=np.bool_)
        for model in self.scenarios[1:]:
            shared &= (model.row_lower == first.row_lower) & (model.row_upper == first.row_upper)
            if model.matrix is not first.matrix:
                shared &= ~_rows_that_differ(model.matrix, first.matrix)
        return np.asarray(shared, dtype=np.bool_)

    @property
    def differs_in_cost_only(self) -> bool:
        """Whether the scenarios have all rows and bounds in common and no recourse."""
        return not self.has_recourse and bool(self.shared_rows.all())

    def mean(self) -> LinearModel:
        """The mean-value problem: every datum at its mean over the scenarios."""
        if isinstance(self.scenarios, CostScenarios):
            return self.scenarios.mean(self.probability)
        first = self.scenarios[0]
        if all(model.matrix is first.matrix for model in self.scenarios):
            matrix = first.matrix
        else:
            matrix = sparse.csr_array(sum(p * m.matrix for p, m in zip(self.probability, self.scenarios, strict=True)))

        def mean_of(name: str) -> Floats:
            values = np.array([getattr(model, name) for model in self.scenarios])
            finite = np.isfinite(values).all(axis=0)
            out: Floats = values[0].copy()
            out[finite] = self.probability @ values[:, finite]
            return out

        return replace(
            first, cost=mean_of("cost"), matrix=matrix, row_lower=mean_of("row_lower"), row_upper=mean_of("row_upper"),
            lower=mean_of("lower"), upper=mean_of("upper"))

    # ------------------------------------------------------------------ values

    def wait_and_see(self) -> Floats:
        """Least cost in each scenario if it were known beforehand, in reported units (S,)."""
        if self.differs_in_cost_only and not self._first.integer.any():
            again = WarmStart(self.scenarios[0])
            return np.array([again.solve(cost=model.cost).objective for model in self.scenarios])
        return np.array([solve(model, "scipy").objective for model in self.scenarios])

    def losses(self, first: Floats) -> Floats:
        """Cost in each scenario of a first-stage decision, with the best recourse, in reported units (S,).

        Parameters
        ----------
        first : array (first-stage columns,)

        Raises
        ------
        Infeasible
            When a scenario has no recourse for it.
        """
        if isinstance(self.scenarios, CostScenarios) and not self.has_recourse:
            return (float(self._first.cost @ first) + self.scenarios.changes.loss(first)) * self.unit
        if not self.has_recourse:
            return np.array([float(model.cost @ first) for model in self.scenarios]) * self.unit
        out = []
        for model in self.scenarios:
            lower, upper = model.lower.copy(), model.upper.copy()
            lower[self.first_stage], upper[self.first_stage] = first, first
            out.append(solve(replace(model, lower=lower, upper=upper), "scipy").objective)
        return np.array(out)

    def solve(
        self, objective: Objective | None = None, solver: SolverName = "highs", *, time_limit: float | None = None,
    ) -> StochasticSolution:
        """Minimise an objective over the scenarios (``expected``, ``cvar`` or ``regret``)."""
        wanted = objective or Objective()
        known = self.wait_and_see() if wanted.kind == "regret" else None
        form = self.extensive_form(wanted, known)
        solution = solve(form.model, solver, time_limit=time_limit)
        return StochasticSolution(self, wanted, form, solution, solution.x[form.first])

    # ------------------------------------------------------------------ the deterministic equivalent

    def extensive_form(self, objective: Objective, wait_and_see: Floats | None = None) -> ExtensiveForm:
        """The deterministic equivalent: one linear model for all scenarios.

        Parameters
        ----------
        objective : Objective
            ``robust`` is for one model with uncertain amounts: :func:`with_budget_of_uncertainty`.
        wait_and_see : array (S,), optional
            Least cost in each scenario in reported units; needed for ``regret``.

        Notes
        -----
        First-stage columns keep their order, and so do the rows that all scenarios share; without recourse both keep
        their indices.
        """
        if objective.kind == "robust":
            raise ValueError("budgeted robustness is not over scenarios: use with_budget_of_uncertainty")
        if objective.kind == "regret" and (wait_and_see is None or wait_and_see.shape != self.probability.shape):
            raise ValueError("regret needs the least cost in each scenario")
        names = [str(s + 1) for s in range(len(self.scenarios))]
        if isinstance(self.scenarios, CostScenarios) and not self.has_recourse:
            form, changes = self.scenarios.mean(self.probability), self.scenarios.changes
            first = np.arange(form.shape[1])
            different = replace(changes, pattern=changes.pattern - self.probability @ changes.pattern)
            second = sparse.csr_array((len(names), form.shape[1]))
        else:
            form, first, different, second = self._side_by_side(objective, names)
        if objective.kind == "expected" or (objective.kind == "cvar" and objective.weight == 0):
            return ExtensiveForm(form, first)
        if objective.kind == "cvar":
            return ExtensiveForm(_with_tail(form, different, second, self.probability, objective, names), first)
        assert wait_and_see is not None
        return ExtensiveForm(_with_regret(form, different, second, wait_and_see / self.unit, names), first)

    def _side_by_side(
        self, objective: Objective, names: Sequence[str],
    ) -> tuple[LinearModel, Integers, Changes, Sparse]:
        """First stage once and second stages side by side, with costs as the linear part of the objective has them.

        Also where the first stage stands, what of the scenarios' losses differs from the mean in the first stage, and the
        losses of the second stages over the columns.
        """
        one, two = np.flatnonzero(self.first_stage), np.flatnonzero(~self.first_stage)
        common, own = np.flatnonzero(self.shared_rows), np.flatnonzero(~self.shared_rows)
        base, count = self._first, len(self.scenarios)
        probability, models = self.probability, list(self.scenarios)
        differ = np.zeros(len(one), dtype=np.bool_)
        for model in models[1:]:
            if model.cost is not base.cost:
                differ |= model.cost[one] != base.cost[one]
        pattern = np.array([model.cost[one[differ]] for model in models])
        mean = base.cost[one]
        mean[differ] = probability @ pattern
        changed = np.flatnonzero(differ)
        different = Changes(changed, np.arange(len(changed)), np.ones(len(changed)), pattern - mean[differ])
        later_costs = np.array([model.cost[two] for model in models])
        # weights of the second stage in the linear part of the objective
        linear = {"expected": 1.0, "cvar": 1.0 - objective.weight, "regret": 0.0}[objective.kind]
        columns = _chosen(base.columns, one, 0)
        columns += _by_scenario(base.columns, two, names, len(one))
        rows = _chosen(base.rows, common, 0)
        rows += _by_scenario(base.rows, own, names, len(common))
        # Rows side by side with their columns renumbered: scenario s keeps its second stage behind those before it.
        position = np.zeros(base.shape[1], dtype=np.int32)
        position[one], position[two] = np.arange(len(one)), len(one) + np.arange(len(two))
        later = np.where(self.first_stage, 0, len(two)).astype(np.int32)
        parts = [base.matrix[common], *(model.matrix[own] for model in models)]
        where = [position[parts[0].indices]]
        where += [position[part.indices] + np.int32(s) * later[part.indices] for s, part in enumerate(parts[1:])]
        sizes = np.concatenate([np.diff(part.indptr) for part in parts])
        matrix = sparse.csr_array(
            (np.concatenate([part.data for part in parts]), np.concatenate(where),
             np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)),
            shape=(len(common) + count * len(own), len(one) + count * len(two)))
        del parts, where
        matrix.sort_indices()
        matrix.eliminate_zeros()

        def over_all(name: str, chosen: Integers, each: Integers) -> Any:
            return np.concatenate([getattr(base, name)[chosen], *(getattr(model, name)[each] for model in models)])

        form = LinearModel(
            cost=np.concatenate([mean, (linear * probability[:, None] * later_costs).ravel()]), matrix=matrix,
            row_lower=over_all("row_lower", common, own), row_upper=over_all("row_upper", common, own),
            lower=over_all("lower", one, two), upper=over_all("upper", one, two), integer=over_all("integer", one, two),
            columns=tuple(columns), rows=tuple(rows), objective_unit=base.objective_unit, name=base.name)
        second = sparse.csr_array(
            (later_costs.ravel(), np.arange(len(one), form.shape[1]), np.arange(count + 1) * len(two)),
            shape=(count, form.shape[1]))
        second.eliminate_zeros()
        return form, np.arange(len(one)), different, second


@dataclass(frozen=True)
class ExtensiveForm:
    """A deterministic equivalent, and where the first stage stands in it."""

    model: LinearModel
    first: Integers


@dataclass(frozen=True)
class StochasticSolution:
    """A verified optimum of a stochastic programme.

    Attributes
    ----------
    first : array
        First-stage decision.
    solution : Solution
        Of the deterministic equivalent; its objective is what the objective says.
    """

    programme: StochasticProgramme
    objective: Objective
    form: ExtensiveForm = field(repr=False)
    solution: Solution = field(repr=False)
    first: Floats

    @property
    def value(self) -> float:
        """The objective's value, in reported units."""
        return self.solution.objective

    @cached_property
    def losses(self) -> Floats:
        """Cost in each scenario (S,), with the best recourse."""
        return self.programme.losses(self.first)


@dataclass(frozen=True)
class ValueOfInformation:
    """What knowing more, and reckoning with not knowing, is worth (Birge and Louveaux, section 4).

    Attributes
    ----------
    wait_and_see : float
        Mean cost when each scenario is known beforehand (WS).
    recourse : float
        Least mean cost of one first-stage decision for all (RP).
    mean_value : float
        Mean cost of the decision that is best when all data are at their mean (EEV).
    """

    wait_and_see: float
    recourse: float
    mean_value: float

    @property
    def perfect_information(self) -> float:
        """Expected value of perfect information, RP - WS: never below zero."""
        return self.recourse - self.wait_and_see

    @property
    def stochastic_solution(self) -> float:
        """Value of the stochastic solution, EEV - RP: never below zero."""
        return self.mean_value - self.recourse


def value_of_information(
    programme: StochasticProgramme, *, mean_value: LinearModel | None = None, wait_and_see: Floats | None = None,
) -> ValueOfInformation:
    """EVPI and VSS of a programme.

    Parameters
    ----------
    mean_value : LinearModel, optional
        The mean-value problem where it is not simply the mean of the data (curves at the mean effect, say).
    wait_and_see : array (S,), optional
        Least cost in each scenario, when it is known already.
    """
    known = programme.wait_and_see() if wait_and_see is None else wait_and_see
    here = programme.solve(Objective("expected"), "scipy").value
    point = solve(mean_value or programme.mean(), "scipy").x[programme.first_stage]
    return ValueOfInformation(
        expectation(known, programme.probability), here, expectation(programme.losses(point), programme.probability))


def check_probabilities(probability: Floats, count: int) -> None:
    """Raise :class:`ScenarioSetError` unless there are `count` probabilities, none negative, that sum to one."""
    if probability.shape != (count,):
        raise ScenarioSetError(f"expected {count} probabilities, one a scenario, got {probability.size}")
    if not np.isfinite(probability).all() or (probability < 0).any():
        raise ScenarioSetError("the probabilities of the scenarios must be numbers of zero or more")
    if abs(float(probability.sum()) - 1.0) > 1e-9:
        raise ScenarioSetError(f"the probabilities of the scenarios sum to {probability.sum():g}, not to one")


# ------------------------------------------------------------------------------------------------ risk rows


def _with_tail(
    form: LinearModel, different: Changes, second: Sparse, probability: Floats, objective: Objective, names: Sequence[str],
) -> LinearModel:
    """Add w (e + sum p z / (1 - a)) and the rows z_s + e - loss_s >= 0."""
    widened, loss = _losses(form, different, second)
    each = _labels(names)
    price = objective.weight / (1.0 - objective.level)
    return _extended(
        widened, [_Columns("value_at_risk", ALL, objective.weight, -np.inf),
                  _Columns("excess", each, price * probability, 0.0)],
        [_Rows("tail", each, np.zeros(len(names)), sparse.hstack([-loss, _one_and_own(len(names))]))])


def _with_regret(
    form: LinearModel, different: Changes, second: Sparse, known: Floats, names: Sequence[str],
) -> LinearModel:
    """Add R and the rows R - loss_s >= - (least loss in s)."""
    widened, loss = _losses(form, different, second)
    one = sparse.csr_array(np.ones((len(names), 1)))
    return _extended(widened, [_Columns("largest_regret", ALL, 1.0, -np.inf)],
                     [_Rows("regret", _labels(names), -known, sparse.hstack([-loss, one]))])


def _losses(form: LinearModel, different: Changes, second: Sparse) -> tuple[LinearModel, Sparse]:
    """The model, perhaps with columns that gather the first stage, and the loss of each scenario over its columns.

    Where the differences of many columns are multiples of a few patterns over the scenarios (the effect of a group of
    places, of which each place has its share), their sums become columns of their own: a loss row then has tens of
    entries instead of thousands.
    """
    size = np.abs(different.pattern).max(axis=0, initial=0.0)
    each = size[different.group] * np.abs(different.scale)
    real = each > ROUNDING * each.max(initial=0.0)
    if not real.any():
        return form, second
    columns, scale = different.columns[real], different.scale[real]
    alive, group = np.unique(different.group[real], return_inverse=True)
    pattern = different.pattern[:, alive]
    top = pattern[np.abs(pattern).argmax(axis=0), np.arange(len(alive))]
    pattern = pattern / top
    pattern[np.abs(pattern) <= ROUNDING] = 0.0
    scale = scale * top[group]
    chosen, which = _alike(pattern)
    groups = len(chosen)
    if 2 * groups <= columns.size:
        gather = sparse.coo_array((scale, (which[group], columns)), shape=(groups, form.shape[1]))
        labels = _labels([str(g + 1) for g in range(groups)])
        widened = _extended(form, [_Columns("exposure", labels, 0.0, -np.inf)],
                            [_Rows("exposure", labels, None, sparse.hstack([gather, -sparse.eye_array(groups)]))])
        return widened, sparse.csr_array(sparse.hstack([second, sparse.csr_array(pattern[:, chosen])]))
    own = pattern[:, group] * scale
    row, entry = np.nonzero(own)
    loss = sparse.coo_array((own[row, entry], (row, columns[entry])), shape=second.shape)
    return form, sparse.csr_array(second + sparse.csr_array(loss))


def _alike(pattern: Floats) -> tuple[Integers, Integers]:
    """Columns that are alike to so many digits: one of each kind, in order, and the kind of every column."""
    digits = np.rint(pattern * 10**PATTERN_DIGITS).astype(np.int64)
    # An exact hash of each column (whole numbers, modulo 2^64); columns with equal ones are compared in full.
    weights = np.random.default_rng(0).integers(1, 2**63, len(digits), dtype=np.int64).astype(np.uint64) * 2 + 1
    code = (digits.astype(np.uint64) * weights[:, None]).sum(axis=0, dtype=np.uint64)
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    chosen, which = first[order], place[kind]
    if not np.array_equal(digits[:, chosen[which]], digits):  # a collision: practically never
        return np.arange(pattern.shape[1]), np.arange(pattern.shape[1])
    return chosen, which


def _rows_that_differ(one: Sparse, other: Sparse) -> Booleans:
    """Rows of two matrices that are not the same."""
    if one.indptr is other.indptr and one.indices is other.indices or (
            np.array_equal(one.indptr, other.indptr) and np.array_equal(one.indices, other.indices)):
        changed = np.concatenate([[0], np.cumsum(one.data != other.data)])
        return np.asarray(np.diff(changed[one.indptr]) > 0)
    return np.asarray(abs(sparse.csr_array(one - other)).sum(axis=1) != 0, dtype=np.bool_).ravel()


def with_budget_of_uncertainty(model: LinearModel, deviation: Any, budget: float) -> LinearModel:
    """The robust counterpart of a model in which at most `budget` uncertain amounts of the cost are at their worst.

    Parameters
    ----------
    model : LinearModel
        With nominal costs.
    deviation : sparse or dense array (G, n)
        Row g: coefficients d_g, in the model's unit, so that the cost is nominal + sum over g of t_g d_g x, with each
        t_g anywhere between -1 and 1.
    budget : float
        Bound on the sum of abs(t_g); 0 gives the nominal model.

    Returns
    -------
    LinearModel
        Columns and rows of `model` keep their indices.

    Notes
    -----
    Bertsimas and Sim (2004): the adversary's choice of the worst amounts is a linear programme over 0 <= t_g <= 1, sum t_g
    <= budget; its dual, budget m + sum q with m + q_g >= abs(d_g x), stands in the objective.
    """
    if not 0.0 <= budget < np.inf:
        raise ValueError(f"the budget of robustness must be zero or more, not {budget:g}")
    amounts = sparse.csr_array(deviation)
    count, n = amounts.shape
    if n != model.shape[1]:
        raise ValueError(f"deviation: expected {model.shape[1]} columns, got {n}")
    labels = _labels([str(g + 1) for g in range(count)])
    rows = [_Rows("worst", labels, np.zeros(count), sparse.hstack([-amounts, _one_and_own(count)]))]
    # an amount that can be negative counts with either sign
    if (amounts.data < 0).any() or (model.lower[amounts.indices] < 0).any():
        rows.append(_Rows("worst_below", labels, np.zeros(count), sparse.hstack([amounts, _one_and_own(count)])))
    return _extended(model, [_Columns("protection", ALL, budget, 0.0), _Columns("worst", labels, 1.0, 0.0)], rows)


# ------------------------------------------------------------------------------------------------ assembling


class _Columns(NamedTuple):
    """A block of columns to add."""

    name: str
    labels: tuple[Label, ...]
    cost: Any
    lower: float


class _Rows(NamedTuple):
    """A block of rows to add: at least `rhs`, or equal to zero when that is None."""

    name: str
    labels: tuple[Label, ...]
    rhs: Floats | None
    coefficients: Any


ALL: tuple[Label, ...] = (("all",),)


def _labels(names: Sequence[str]) -> tuple[Label, ...]:
    return tuple((name,) for name in names)


def _one_and_own(count: int) -> Sparse:
    """Coefficients of one column for all rows, then one for each."""
    return sparse.csr_array(sparse.hstack([sparse.csr_array(np.ones((count, 1))), sparse.eye_array(count)]))


def _extended(model: LinearModel, columns: Sequence[_Columns], rows: Sequence[_Rows]) -> LinearModel:
    """The model with further columns and rows after its own."""
    cost, lower, blocks, stop = [model.cost], [model.lower], list(model.columns), model.shape[1]
    for new in columns:
        size = len(new.labels)
        blocks.append(Block(new.name, ("name",), new.labels, stop))
        cost.append(np.broadcast_to(np.asarray(new.cost, dtype=np.float64), (size,)))
        lower.append(np.full(size, new.lower))
        stop += size
    added = stop - model.shape[1]
    kinds, row_lower, row_upper, parts = list(model.rows), [model.row_lower], [model.row_upper], []
    row = model.shape[0]
    for more in rows:
        size = len(more.labels)
        kinds.append(Block(more.name, ("name",), more.labels, row))
        row += size
        row_lower.append(np.zeros(size) if more.rhs is None else more.rhs)
        row_upper.append(np.zeros(size) if more.rhs is None else np.full(size, np.inf))
        parts.append(sparse.csr_array(more.coefficients))
    old = sparse.hstack([model.matrix, sparse.csr_array((model.shape[0], added))], format="csr")
    matrix = sparse.csr_array(sparse.vstack([old, *parts], format="csr"))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return replace(
        model, cost=np.concatenate(cost), matrix=matrix, row_lower=np.concatenate(row_lower),
        row_upper=np.concatenate(row_upper), lower=np.concatenate(lower),
        upper=np.concatenate([model.upper, np.full(added, np.inf)]),
        integer=np.concatenate([model.integer, np.zeros(added, dtype=np.bool_)]), columns=tuple(blocks), rows=tuple(kinds))


def _chosen(blocks: Sequence[Block], indices: Integers, start: int) -> list[Block]:
    """The blocks with only the members of `indices`, numbered from `start`."""
    wanted = np.zeros(blocks[-1].stop if blocks else 0, dtype=np.bool_)
    wanted[indices] = True
    out = []
    for block in blocks:
        labels = taken(block.labels, wanted[block.start:block.stop])
        if labels:
            out.append(replace(block, labels=labels, start=start))
            start += len(labels)
    return out


def _by_scenario(blocks: Sequence[Block], indices: Integers, names: Sequence[str], start: int) -> list[Block]:
    """One block a scenario for all members of `indices`: scenario by scenario, in their order."""
    chosen = _chosen(blocks, indices, 0) if len(indices) else []
    out = []
    for name in names:
        for block in chosen:
            out.append(replace(block, name=f"{block.name}_scenario_{name}", start=start))
            start = out[-1].stop
    return out
