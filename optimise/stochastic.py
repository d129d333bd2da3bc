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
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import sparse

from .linear_model import Block, Booleans, Floats, Integers, Label, LinearModel
from .solving import Solution, SolverName, solve
from .warm_start import WarmStart

ObjectiveKind = Literal["expected", "cvar", "regret", "robust"]
Sparse = sparse.csr_array[Any]
PATTERN_DIGITS = 9
"""Digits to which the differences of two columns over the scenarios must be proportional to be gathered."""


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
class StochasticProgramme:
    """Linear models alike in columns and rows, with probabilities.

    Attributes
    ----------
    scenarios : tuple of LinearModel
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

    scenarios: tuple[LinearModel, ...]
    probability: Floats
    first_stage: Booleans

    def __post_init__(self) -> None:
        if not self.scenarios:
            raise ScenarioSetError("a stochastic programme needs at least one scenario")
        check_probabilities(self.probability, len(self.scenarios))
        first = self.scenarios[0]
        if self.first_stage.shape != (first.shape[1],):
            raise ScenarioSetError(f"first_stage: expected {first.shape[1]} marks, got {self.first_stage.shape}")
        for s, model in enumerate(self.scenarios[1:], 2):
            if model.shape != first.shape or model.objective_unit != first.objective_unit:
                raise ScenarioSetError(f"scenario {s} differs from the first in its shape or unit")
            one = self.first_stage
            for name in ("lower", "upper", "integer"):
                if not np.array_equal(getattr(model, name)[one], getattr(first, name)[one]):
                    raise ScenarioSetError(f"scenario {s}: the first stage has other bounds than in the first scenario")

    # ------------------------------------------------------------------ its parts

    @cached_property
    def cost(self) -> Floats:
        """Costs by scenario (S, n), in the models' unit."""
        return np.array([model.cost for model in self.scenarios])

    @property
    def unit(self) -> float:
        """Reported units of the objective in one unit of the models."""
        return self.scenarios[0].objective_unit

    @cached_property
    def has_recourse(self) -> bool:
        """Whether anything is decided after the scenario is known."""
        return not bool(self.first_stage.all())

    @cached_property
    def shared_rows(self) -> Booleans:
        """Rows that hold first-stage columns only and are the same in every scenario."""
        first = self.scenarios[0]
        second = sparse.csr_array(abs(first.matrix[:, ~self.first_stage]))
        shared = np.asarray(second.sum(axis=1)).ravel() == 0
        for model in self.scenarios[1:]:
            shared &= (model.row_lower == first.row_lower) & (model.row_upper == first.row_upper)
            if model.matrix is not first.matrix:
                difference = abs(sparse.csr_array(model.matrix - first.matrix))
                shared &= np.asarray(difference.sum(axis=1)).ravel() == 0
        return np.asarray(shared, dtype=np.bool_)

    @property
    def differs_in_cost_only(self) -> bool:
        """Whether the scenarios have all rows and bounds in common and no recourse."""
        return not self.has_recourse and bool(self.shared_rows.all())

    def mean(self) -> LinearModel:
        """The mean-value problem: every datum at its mean over the scenarios."""
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
        if self.differs_in_cost_only and not self.scenarios[0].integer.any():
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
        if not self.has_recourse:
            return np.asarray(self.cost @ first) * self.unit
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
        one, two = np.flatnonzero(self.first_stage), np.flatnonzero(~self.first_stage)
        common, own = np.flatnonzero(self.shared_rows), np.flatnonzero(~self.shared_rows)
        base, count = self.scenarios[0], len(self.scenarios)
        probability = self.probability
        mean = np.asarray(probability @ self.cost)
        # weights of the second stage in the linear part of the objective
        linear = {"expected": 1.0, "cvar": 1.0 - objective.weight, "regret": 0.0}[objective.kind]
        cost = [mean[one]] + [linear * probability[s] * self.cost[s, two] for s in range(count)]
        lower = [base.lower[one]] + [model.lower[two] for model in self.scenarios]
        upper = [base.upper[one]] + [model.upper[two] for model in self.scenarios]
        whole = [base.integer[one]] + [model.integer[two] for model in self.scenarios]
        names = [str(s + 1) for s in range(count)]
        columns = _chosen(base.columns, one, 0)
        columns += _by_scenario(base.columns, two, names, len(one))
        rows = _chosen(base.rows, common, 0)
        rows += _by_scenario(base.rows, own, names, len(common))
        # Rows side by side with their columns renumbered: scenario s keeps its second stage behind those before it.
        position = np.zeros(base.shape[1], dtype=np.int32)
        position[one], position[two] = np.arange(len(one)), len(one) + np.arange(len(two))
        later = np.where(self.first_stage, 0, len(two)).astype(np.int32)
        parts = [base.matrix[common], *(model.matrix[own] for model in self.scenarios)]
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
        form = LinearModel(
            cost=np.concatenate(cost), matrix=matrix,
            row_lower=np.concatenate([base.row_lower[common], *(m.row_lower[own] for m in self.scenarios)]),
            row_upper=np.concatenate([base.row_upper[common], *(m.row_upper[own] for m in self.scenarios)]),
            lower=np.concatenate(lower), upper=np.concatenate(upper), integer=np.concatenate(whole),
            columns=tuple(columns), rows=tuple(rows), objective_unit=base.objective_unit, name=base.name)
        first = np.arange(len(one))
        if objective.kind == "expected" or (objective.kind == "cvar" and objective.weight == 0):
            return ExtensiveForm(form, first)
        # What of the loss of each scenario differs from the common part.
        different = self.cost[:, one] - mean[one]
        second = sparse.csr_array(
            (self.cost[:, two].ravel(), np.arange(len(one), form.shape[1]), np.arange(count + 1) * len(two)),
            shape=(count, form.shape[1]))
        second.eliminate_zeros()
        if objective.kind == "cvar":
            return ExtensiveForm(_with_tail(form, different, second, probability, objective, names), first)
        assert wait_and_see is not None
        return ExtensiveForm(_with_regret(form, different, second, wait_and_see / self.unit, names), first)


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
    form: LinearModel, different: Floats, second: Sparse, probability: Floats, objective: Objective, names: Sequence[str],
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
    form: LinearModel, different: Floats, second: Sparse, known: Floats, names: Sequence[str],
) -> LinearModel:
    """Add R and the rows R - loss_s >= - (least loss in s)."""
    widened, loss = _losses(form, different, second)
    one = sparse.csr_array(np.ones((len(names), 1)))
    return _extended(widened, [_Columns("largest_regret", ALL, 1.0, -np.inf)],
                     [_Rows("regret", _labels(names), -known, sparse.hstack([-loss, one]))])


def _losses(form: LinearModel, different: Floats, second: Sparse) -> tuple[LinearModel, Sparse]:
    """The model, perhaps with columns that gather the first stage, and the loss of each scenario over its columns.

    Where the differences of many columns are multiples of a few patterns over the scenarios (the effect of a group of
    places, of which each place has its share), their sums become columns of their own: a loss row then has tens of
    entries instead of thousands.
    """
    count, one = different.shape
    used = np.flatnonzero(np.abs(different).max(axis=0, initial=0.0) > 0)
    if used.size:
        peak = np.abs(different[:, used]).argmax(axis=0)
        scale = different[peak, used]
        pattern = different[:, used] / scale
        rounded = np.ascontiguousarray(np.round(pattern, PATTERN_DIGITS).T + 0.0)  # no negative zeros
        known: dict[bytes, int] = {}
        which = np.array([known.setdefault(row.tobytes(), len(known)) for row in rounded], dtype=np.int64)
        groups = len(known)
        chosen = np.unique(which, return_index=True)[1]
        if 2 * groups <= used.size:
            gather = sparse.coo_array((scale, (which, used)), shape=(groups, form.shape[1]))
            labels = _labels([str(g + 1) for g in range(groups)])
            widened = _extended(form, [_Columns("exposure", labels, 0.0, -np.inf)],
                                [_Rows("exposure", labels, None, sparse.hstack([gather, -sparse.eye_array(groups)]))])
            return widened, sparse.csr_array(sparse.hstack([second, sparse.csr_array(pattern[:, chosen])]))
    own = np.zeros((count, form.shape[1]))
    own[:, :one] = different
    return form, sparse.csr_array(second + sparse.csr_array(own))


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
        labels = tuple(label for label, w in zip(block.labels, wanted[block.start:block.stop], strict=True) if w)
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
