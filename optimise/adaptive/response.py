"""How routes answer staff: a small model of the simulation, fitted to its own runs, that can be differentiated.

Two mechanisms, each told by what happens front by front (a front is one receiving state and one route):

* detection: the share of attempts that pass falls as (1 - p) = (1 - p0) ** (1 + sum_r gamma_r x_r / s), the saturating curve of
  random search (Koopman 1956, "The theory of search II", Operations Research 4:503-531) with x staff and s the border guards
  of the state; rescue units lower deaths per attempt as exp(-rho x / s);
* response: attempts follow a quantal response (McKelvey and Palfrey 1995, Games and Economic Behavior 10:6-38) over fronts with
  an outside option, origin group by origin group: shares in proportion to a0 exp(-lambda dp), and all journeys of the group as
  (mean of exp(-lambda dp)) ** kappa, so that kappa = 0 means that everybody moves to a front that the group uses, too, and kappa = 1
  that fronts are alone.

What staff does by other ways (cases, networks, backlogs, debts that do not follow the flow) stays in the measured curves: they are
fitted to what the two mechanisms leave over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.optimize import lsq_linear

from ..effects import AT_SEA
from ..linear_model import Floats, Integers
from .observing import Fronts, Observed

PASSING_LEAST = 1e-6
"""Shares that pass are taken as at least so much before logarithms are formed."""


@dataclass(frozen=True)
class Comparison:
    """A run under a placement beside the run of the same replicate without it.

    Attributes
    ----------
    staff : array (R, P)
        Mean over the horizon.
    with_staff, without : Observed
    replicate : int
        Comparisons of one replicate share its noise, and mostly the run without.
    """

    staff: Floats
    with_staff: Observed
    without: Observed
    replicate: int


@dataclass(frozen=True)
class Coefficient:
    """An estimate: its value as used (pulled towards none as far as its noise demands), as told by the runs, and its error."""

    value: float
    raw: float
    se: float


@dataclass(frozen=True)
class Response:
    """A fitted response of the fronts.

    Attributes
    ----------
    resources, places : tuple of str
    fronts : Fronts
    scale : array (P,)
        s: border guards of each state; infinite where a state has none.
    by_origin : array (origin groups, fronts)
        Attempts a quarter without additional staff.
    stopped, deaths : array (fronts,)
        Persons a quarter without additional staff.
    detection, rescue : mapping resource -> Coefficient
        gamma and rho; types that are absent have none.
    sensitivity, diversion : Coefficient
        lambda, and lambda (1 - kappa): what comes back when all fronts become harder alike.
    per_attempt, per_passage : mapping outcome -> units a person
        How the other outcomes follow the flow over the outer border.
    error : float
        Root mean square of what the response misses in the attempts by front (share of a front's attempts), over the runs
        it was fitted to; noise of the runs included.
    runs : int
    """

    resources: tuple[str, ...]
    places: tuple[str, ...]
    fronts: Fronts
    scale: Floats
    by_origin: Floats
    stopped: Floats
    deaths: Floats
    detection: Mapping[str, Coefficient]
    rescue: Mapping[str, Coefficient]
    sensitivity: Coefficient
    diversion: Coefficient
    per_attempt: Mapping[str, float] = field(default_factory=dict)
    per_passage: Mapping[str, float] = field(default_factory=dict)
    error: float = float("nan")
    runs: int = 0

    @property
    def attempts(self) -> Floats:
        """Attempts a quarter on the fronts without additional staff."""
        return np.asarray(self.by_origin.sum(axis=0))

    @property
    def kappa(self) -> float:
        """Share of the answer to a general hardening that is given up rather than moved elsewhere."""
        if self.sensitivity.value <= 0:
            return 0.0
        return float(np.clip(1.0 - self.diversion.value / self.sensitivity.value, 0.0, 1.0))

    def _at_fronts(self, coefficients: Mapping[str, Coefficient], staff: Floats) -> Floats:
        """Sum over types of coefficient times staff over scale, (..., fronts)."""
        rate = np.array([coefficients[r].value if r in coefficients else 0.0 for r in self.resources])
        by_place = np.einsum("r,...rp->...p", rate, staff) / self.scale
        return np.asarray(by_place[..., [self.places.index(p) for p in self.fronts.places]])

    def flows(self, staff: Floats) -> tuple[Floats, Floats, Floats]:
        """Attempts, chance of being stopped, and deaths per attempt on the fronts.

        Parameters
        ----------
        staff : array (..., R, P)
            Additional staff at work.

        Returns
        -------
        tuple of arrays (..., fronts)
            Attempts and deaths by quarter.
        """
        active = self.attempts > 0
        base = np.where(active, self.stopped / np.where(active, self.attempts, 1.0), 0.0)
        passing = (1.0 - np.minimum(base, 1.0 - PASSING_LEAST)) ** (1.0 + self._at_fronts(self.detection, staff))
        harder = self.sensitivity.value * (1.0 - passing - base)
        pull = np.exp(-harder)
        level = pull @ _shares(self.by_origin).T  # (..., origin groups)
        attempts = pull * (level ** (self.kappa - 1.0) @ self.by_origin)
        deadly = np.where(active, self.deaths / np.where(active, self.attempts, 1.0), 0.0)
        return attempts, 1.0 - passing, deadly * np.exp(-self._at_fronts(self.rescue, staff))

    def changes(self, staff: Floats) -> dict[str, Floats]:
        """Changes of outcomes by way of the fronts, a quarter, against no additional staff: outcome -> array (...)."""
        attempts, stopped, deadly = self.flows(staff)
        deaths = (attempts * deadly).sum(axis=-1) - self.deaths.sum()
        tried = attempts.sum(axis=-1) - self.attempts.sum()
        passed = (attempts * (1.0 - stopped)).sum(axis=-1) - (self.attempts - self.stopped).sum()
        out = {"deaths": deaths, "irregular_crossings": passed,
               "interceptions": (attempts * stopped).sum(axis=-1) - self.stopped.sum()}
        out |= {name: per * tried for name, per in self.per_attempt.items()}
        for name, per in self.per_passage.items():
            out[name] = out.get(name, 0.0) + per * passed
        return out

    def harm(self, staff: Floats, weights: Mapping[str, float]) -> Floats:
        """Weighted harm by way of the fronts, points a quarter against no additional staff, shape (...)."""
        told = self.changes(staff)
        return np.asarray(sum((weights[o] * change for o, change in told.items() if weights.get(o)),
                              start=np.zeros(staff.shape[:-2])))

    def gradient(self, staff: Floats, weights: Mapping[str, float], step: float | None = None) -> Floats:
        """Derivative of :meth:`harm` by staff, points a quarter and member of staff, shape (R, P).

        Central differences: the response is smooth and cheap. The step is the cube root of the machine's precision unless
        another is given (Press et al., Numerical Recipes, section 5.7).
        """
        step = float(np.cbrt(np.finfo(np.float64).eps)) if step is None else step
        r, p = staff.shape
        moves = np.zeros((r * p, r, p))
        moves[np.arange(r * p), *np.unravel_index(np.arange(r * p), (r, p))] = step
        up, down = self.harm(staff + moves, weights), self.harm(staff - moves, weights)
        return np.asarray(((up - down) / (2 * step)).reshape(r, p))

    def table(self) -> pd.DataFrame:
        """Coefficients: name, resource, value, raw, se."""
        rows = [("detection", r, c.value, c.raw, c.se) for r, c in self.detection.items()]
        rows += [("rescue", r, c.value, c.raw, c.se) for r, c in self.rescue.items()]
        rows += [("sensitivity", "", self.sensitivity.value, self.sensitivity.raw, self.sensitivity.se),
                 ("diversion", "", self.diversion.value, self.diversion.raw, self.diversion.se)]
        return pd.DataFrame(rows, columns=["coefficient", "resource", "value", "raw", "se"])


def mean_observed(runs: Sequence[Observed]) -> Observed:
    """Mean of several runs."""
    def over(values: Sequence[Floats]) -> Floats:
        return np.asarray(np.mean(values, axis=0))

    return Observed(
        {o: float(np.mean([r.totals[o] for r in runs])) for o in runs[0].totals}, over([r.attempts for r in runs]),
        over([r.stopped for r in runs]), over([r.deaths for r in runs]), over([r.by_origin for r in runs]), float(np.mean([r.departures for r in runs])),
        float(np.mean([r.gave_up for r in runs])))


def fit_response(
    comparisons: Sequence[Comparison], resources: Sequence[str], places: Sequence[str], fronts: Fronts, scale: Floats,
    quarters: float, *, by_attempt: Sequence[str] = (), by_passage: Sequence[str] = (),
) -> Response:
    """Fit the response to paired runs.

    Parameters
    ----------
    comparisons : sequence of Comparison
        From a design in which types and places vary; all with the same horizon.
    scale : array (P,)
    quarters : float
        Length of the horizon.
    by_attempt, by_passage : sequences of str
        Outcomes that are taken to follow the flow; what they do not explain is left to the measured curves.

    Returns
    -------
    Response

    Raises
    ------
    ValueError
        Without comparisons, or when nobody attempts a front.

    Notes
    -----
    Detection first: log of the share that passes, against staff over scale, by least squares with coefficients of at least
    zero, weighted by attempts.  Then the logarithm of attempts against the *fitted* change of the chance of being stopped,
    so that noise common to attempts and interceptions of one run does not pass for an answer.  Errors allow for runs that
    have more in common than their staff (clustered by replicate).  Each coefficient is pulled towards none by 1 - (se / raw)^2, at least none
    (positive-part James-Stein).
    """
    if not comparisons:
        raise ValueError("a response needs runs to be fitted to")
    base = mean_observed([c.without for c in comparisons])
    if base.attempts.sum() <= 0:
        raise ValueError("nobody attempts to cross any front: there is no response to fit")
    spots = [list(places).index(p) for p in fronts.places]
    staff = np.array([c.staff[:, spots] / scale[spots] for c in comparisons])  # (runs, R, fronts)
    tried = np.array([c.without.attempts for c in comparisons])
    seen = np.array([c.with_staff.attempts for c in comparisons])
    known = (tried > 0) & (seen > 0)
    replicate = np.unique([c.replicate for c in comparisons], return_inverse=True)[1]

    passing0 = _passing(base.stopped, base.attempts)
    y = np.log(_that_pass(comparisons, "with_staff")) - np.log(_that_pass(comparisons, "without"))
    at_work = staff * np.log(passing0)[None, None, :]
    guards = [n for n, r in enumerate(resources) if r not in AT_SEA]
    detection = _fit(at_work, y, tried * known, replicate, guards, resources)

    died0 = np.array([c.without.deaths for c in comparisons])
    died = np.array([c.with_staff.deaths for c in comparisons])
    lethal = known & (died0 > 0) & (died > 0)
    rate = np.where(lethal, np.log(np.where(lethal, died / np.where(seen > 0, seen, 1), 1.0))
                    - np.log(np.where(lethal, died0 / np.where(tried > 0, tried, 1), 1.0)), 0.0)
    vessels = [n for n, r in enumerate(resources) if r in AT_SEA]
    rescue = _fit(-staff, rate, died0 * lethal, replicate, vessels, resources)

    start = Response(tuple(resources), tuple(places), fronts, scale, base.by_origin / quarters, base.stopped / quarters,
                     base.deaths / quarters, detection, rescue, Coefficient(0, 0, np.inf), Coefficient(0, 0, np.inf))
    full = np.array([c.staff for c in comparisons])
    harder = start.flows(full)[1] - np.where(base.attempts > 0, base.stopped / np.maximum(base.attempts, 1e-12), 0.0)
    # how much harder it is elsewhere, for those who use a front
    of_group = base.by_origin / np.where(base.attempts > 0, base.attempts, 1.0)
    common = (harder @ _shares(base.by_origin).T) @ of_group
    moved = np.where(known, np.log(np.where(known, seen, 1.0)) - np.log(np.where(known, tried, 1.0)), 0.0)
    columns = np.stack([-harder, common], axis=1)  # (runs, 2, fronts)
    found = _least_squares(columns, moved, tried * known, replicate)
    sensitivity, diversion = (_pulled(raw, se) for raw, se in zip(*found, strict=True))
    diversion = replace(diversion, value=min(diversion.value, sensitivity.value))
    passed = float((base.attempts - base.stopped).sum())
    response = replace(
        start, sensitivity=sensitivity, diversion=diversion, runs=len(comparisons),
        per_attempt={o: base.totals[o] / float(base.attempts.sum()) for o in by_attempt if o in base.totals},
        per_passage={o: base.totals[o] / max(passed, 1e-12) for o in by_passage if o in base.totals})
    told = np.log(np.maximum(response.flows(full)[0], 1e-300)) - np.log(np.maximum(response.attempts, 1e-300))
    weight = tried * known
    return replace(response, error=float(np.sqrt((weight * (moved - told) ** 2).sum() / weight.sum())))


def _shares(by_origin: Floats) -> Floats:
    """Shares of the fronts in each origin group's attempts; even where a group attempts none, which then counts for nothing."""
    total = by_origin.sum(axis=1, keepdims=True)
    return np.where(total > 0, by_origin / np.where(total > 0, total, 1.0), 1.0 / by_origin.shape[1])


def _passing(stopped: Floats, attempts: Floats) -> Floats:
    share = 1.0 - stopped / np.where(attempts > 0, attempts, 1.0)
    return np.clip(share, PASSING_LEAST, 1.0)


def _that_pass(comparisons: Sequence[Comparison], which: str) -> Floats:
    runs = [getattr(c, which) for c in comparisons]
    return np.array([_passing(run.stopped, run.attempts) for run in runs])


def _fit(
    columns: Floats, y: Floats, weight: Floats, replicate: Integers, chosen: Sequence[int], resources: Sequence[str],
) -> dict[str, Coefficient]:
    """Coefficients of the chosen types, pulled towards none; types without variation are left out."""
    used = [n for n in chosen if (np.abs(columns[:, n, :]) * weight).sum() > 0]
    if not used:
        return {}
    raw, se = _least_squares(columns[:, used, :], y, weight, replicate)
    pulled = {resources[n]: _pulled(r, s) for n, r, s in zip(used, raw, se, strict=True)}
    return {name: c for name, c in pulled.items() if c.value > 0}


def _least_squares(
    columns: Floats, y: Floats, weight: Floats, replicate: Integers,
) -> tuple[list[float], list[float]]:
    """Non-negative weighted least squares over runs and fronts, with errors clustered by replicate.

    Parameters
    ----------
    columns : array (runs, K, fronts)
    y, weight : array (runs, fronts)
    replicate : int array (runs,)
        Numbered from 0 without gaps.
    """
    root = np.sqrt(weight)
    matrix = np.moveaxis(columns * root[:, None, :], 1, 2).reshape(-1, columns.shape[1])
    target = (y * root).ravel()
    solution = np.asarray(lsq_linear(matrix, target, bounds=(0.0, np.inf)).x)
    left = (target - matrix @ solution).reshape(y.shape)
    several = int(replicate.max()) + 1
    score = np.zeros((several, columns.shape[1]))
    np.add.at(score, replicate, np.einsum("nkf,nf->nk", columns * root[:, None, :], left))
    inverse = np.linalg.pinv(matrix.T @ matrix)
    small = several / max(1, several - columns.shape[1])
    covariance = inverse @ (score.T @ score) @ inverse * small
    return solution.tolist(), np.sqrt(np.maximum(np.diag(covariance), 0.0)).tolist()


def _pulled(raw: float, se: float) -> Coefficient:
    if raw <= 0 or not np.isfinite(se):
        return Coefficient(0.0, raw, se)
    return Coefficient(raw * max(0.0, 1.0 - (se / raw) ** 2), raw, se)
