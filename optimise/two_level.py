"""Which cells are on in which run, and what the runs say about them: orthogonal two-level designs and their least squares.

A cell is a resource type in a group of places or in one place.  All cells are switched on and off together in an orthogonal two-level
design (a Hadamard matrix; Plackett and Burman 1946, Biometrika 33:305-325), and runs of the same replicate are compared with each other
(common random numbers).  One regression then gives all cells at once: with N runs every cell is judged by all N, where changing one
cell at a time would judge it by two or three.

A replicate has its own draw of what is not known, so a cell may do different things in different replicates.  Four runs are made in each, so
that many draws are seen; and errors are told by how far replicates differ, whatever they differ by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import hadamard

from .linear_model import Floats, Integers

BLOCK = 4
"""Runs that are made in a replicate; every cell is on in half of them."""


@dataclass(frozen=True)
class Design:
    """Who is where in which run.

    Attributes
    ----------
    cells : tuple of (resource, group)
    dose : array (cells,)
        Full dose, in staff.
    level : array (runs, cells)
        0, a half or 1.
    replicate : int array (runs,)
        From zero.
    """

    cells: tuple[tuple[str, str], ...]
    dose: Floats
    level: Floats
    replicate: Integers

    @property
    def replicates(self) -> int:
        """How many there are."""
        return int(self.replicate.max()) + 1


def design_of(
    cells: Sequence[tuple[str, str]], dose: Floats, repeats: int = 1, *, halves: bool = True, spare: int = 0,
) -> Design:
    """An orthogonal design for the cells, carried out `repeats` times, each time in replicates of its own.

    Parameters
    ----------
    cells : sequence of (resource, group)
    dose : array (cells,)
        Full dose, in staff.
    repeats : int
        Each time cells stand in other columns, and some with on and off exchanged (drawn once for all designs): what cells do to each
        other is mixed up with other cells each time and becomes noise that standard errors hold.
    halves : bool
        Give each resource type at half dose in half of the runs.
    spare : int
        Columns that are left free at least, to tell the noise by.

    Notes
    -----
    The Kronecker product of Hadamard matrices of orders m and 4: its rows fall into m blocks (replicates) of four runs, and
    3 m of its columns are balanced in every block and orthogonal to each other.  One for each resource type says
    whether it is given at half or full dose, and one for each cell says whether the cell is on.
    """
    kinds = list(dict.fromkeys(resource for resource, _ in cells)) if halves else []
    times = 4
    while (BLOCK - 1) * times < len(kinds) + len(cells) + spare or not _has_hadamard(times):
        times += 4
    sign = np.kron(_hadamard(times), hadamard(BLOCK)).reshape(-1, times, BLOCK)[:, :, 1:].reshape(times * BLOCK, -1)
    levels = []
    for repeat in range(repeats):
        if repeat:
            g = np.random.default_rng(repeat)
            sign = sign[:, g.permutation(sign.shape[1])] * g.choice([-1.0, 1.0], sign.shape[1])
        half = {kind: sign[:, n] > 0 for n, kind in enumerate(kinds)}
        on = sign[:, len(kinds):len(kinds) + len(cells)] > 0
        full = np.stack([np.where(half[resource], 0.5, 1.0) if halves else np.ones(len(sign)) for resource, _ in cells], axis=1)
        levels.append(np.where(on, full, 0.0))
    return Design(tuple(cells), dose, np.concatenate(levels), np.repeat(np.arange(times * repeats), BLOCK))


def _has_hadamard(order: int) -> bool:
    """Whether :func:`_hadamard` knows a matrix of this order: a power of two, or one more than a prime of the form 4 k + 3."""
    prime = order > 3 and all((order - 1) % n for n in range(2, order - 1))
    return order & (order - 1) == 0 or (order % 4 == 0 and prime)


def _hadamard(order: int) -> Floats:
    """A Hadamard matrix whose first column is ones: Sylvester's where the order is a power of two, else Paley's first."""
    if order & (order - 1) == 0:
        return np.asarray(hadamard(order), dtype=np.float64)
    q = order - 1
    squares = {n * n % q for n in range(1, q)}
    character = np.array([0.0] + [1.0 if n in squares else -1.0 for n in range(1, q)])
    residues = character[(np.arange(q)[None, :] - np.arange(q)[:, None]) % q]
    matrix = np.ones((order, order))
    matrix[1:, 0] = -1.0
    matrix[1:, 1:] = residues + np.eye(q)
    return np.asarray(matrix * matrix[:, [0]])


def within(replicate: Integers, values: Floats) -> Floats:
    """Values (runs, ...) less the mean of their replicate."""
    out = np.array(values, dtype=np.float64)
    for number in np.unique(replicate):
        own = replicate == number
        out[own] -= out[own].mean(axis=0)
    return out


def scores(inverse: Floats, replicate: Integers, rest: Floats) -> Iterator[Floats]:
    """Part of the error of every cell's effect that comes from each replicate (cells, ...), one after the other.

    Parameters
    ----------
    inverse : array (cells, runs)
        Of the regression.
    replicate : int array (runs,)
    rest : array (runs, ...)
        What the regression leaves over.
    """
    for number in np.unique(replicate):
        own = replicate == number
        yield inverse[:, own] @ rest[own]


@dataclass(frozen=True)
class Judged:
    """Effects of cells at full dose; without the axis of outcomes where one was judged.

    Attributes
    ----------
    effect, se : arrays (cells, outcomes)
        An outcome that never changes has effect and error zero.
    freedom : array (cells, outcomes)
        Degrees of freedom that the error rests on: runs that are left to tell the noise by, or replicates, less one.
    """

    effect: Floats
    se: Floats
    freedom: Floats

    @property
    def p(self) -> Floats:
        """Of no effect, by Student's t (cells, outcomes); one where nothing ever changes."""
        from scipy import stats

        known = self.se > 0
        t = np.abs(self.effect) / np.where(known, self.se, 1.0)
        return np.asarray(np.where(known, 2.0 * stats.t.sf(t, self.freedom), 1.0))


def judge(dosed: Floats, replicate: Integers, change: Floats) -> Judged:
    """Least squares of outcomes on the doses, with one intercept a replicate.

    Parameters
    ----------
    dosed : array (runs, cells)
        Share of its full effect that each cell has in each run.
    replicate : int array (runs,)
    change : array (runs, outcomes) or (runs,)
        Outcomes; what is common to the runs of a replicate falls out.

    Notes
    -----
    The error is the larger of that of least squares and that clustered by replicate (Liang and Zeger 1986, Biometrika 73:13-22; factor
    G / (G - 1) (N - G) / (N - G - K) for G replicates, N runs and K cells), which holds what differs between replicates: a cell that does
    different things in different draws, and what of that is taken for another cell's effect.
    """
    matrix, value = within(replicate, dosed), within(replicate, change)
    solution, _, rank, _ = np.linalg.lstsq(matrix, value, rcond=None)
    several = np.unique(replicate).size
    left = max(1, len(value) - several)
    spare = max(1, left - int(rank))
    rest = value - matrix @ solution
    inverse = np.linalg.pinv(matrix)
    variance = np.multiply.outer((inverse**2).sum(axis=1), (rest**2).sum(axis=0) / spare)
    clustered = np.zeros_like(variance)
    for score in scores(np.asarray(inverse), replicate, np.asarray(rest)):
        clustered += score**2
    clustered *= several / max(1, several - 1) * left / spare
    larger = clustered > variance
    return Judged(np.asarray(solution), np.sqrt(np.where(larger, clustered, variance)),
                  np.where(larger, float(max(1, several - 1)), float(spare)))
