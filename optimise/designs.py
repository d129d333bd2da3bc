"""Which cells are on in which run, and what the runs say about them: orthogonal two-level designs and their least squares.

A cell is a resource type in a group of places or in one place.  All cells are switched on and off together in an orthogonal two-level
design (a Hadamard matrix; Plackett and Burman 1946, Biometrika 33:305-325), and every run is judged against that of the same replicate
without additional staff.  One regression then gives all cells at once: with N runs every cell is judged by all N, where changing one
cell at a time would judge it by two or three.

A replicate has its own draw of what is not known, so a cell may do different things in different replicates.  Within one design that
looks like an effect of three other cells, whose columns are products with the columns of the replicates; so a design is carried out several
times, with cells in other columns each time, and what stands out far is fitted replicate by replicate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import hadamard

from .linear_model import Floats, Integers

REPLICATES = 4
"""Replicates of a design, each time that it is carried out: blocks in which every cell is on in half of the runs."""
STANDS_OUT = 5.0
"""Standard errors from which a cell's effect may differ between replicates."""


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
        Each time cells stand in other columns, and some with on and off exchanged (drawn once for all designs): what differs between
        replicates, and what cells do to each other, is mixed up with other cells each time and becomes noise that standard errors hold.
    halves : bool
        Give each resource type at half dose in half of the runs.
    spare : int
        Columns that are left free at least, to tell the noise by.

    Notes
    -----
    The Kronecker product of Hadamard matrices of orders 4 and m: its rows fall into four blocks (replicates) of m runs, and
    4 (m - 1) of its columns are balanced in every block and orthogonal to each other.  One for each resource type says
    whether it is given at half or full dose, and one for each cell says whether the cell is on.
    """
    kinds = list(dict.fromkeys(resource for resource, _ in cells)) if halves else []
    runs = 4
    while REPLICATES * (runs - 1) < len(kinds) + len(cells) + spare or not _has_hadamard(runs):
        runs += 4
    sign = np.kron(hadamard(REPLICATES), _hadamard(runs)).reshape(-1, REPLICATES, runs)[:, :, 1:].reshape(REPLICATES * runs, -1)
    levels = []
    for repeat in range(repeats):
        if repeat:
            g = np.random.default_rng(repeat)
            sign = sign[:, g.permutation(sign.shape[1])] * g.choice([-1.0, 1.0], sign.shape[1])
        half = {kind: sign[:, n] > 0 for n, kind in enumerate(kinds)}
        on = sign[:, len(kinds):len(kinds) + len(cells)] > 0
        full = np.stack([np.where(half[resource], 0.5, 1.0) if halves else np.ones(len(sign)) for resource, _ in cells], axis=1)
        levels.append(np.where(on, full, 0.0))
    return Design(tuple(cells), dose, np.concatenate(levels), np.repeat(np.arange(REPLICATES * repeats), runs))


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


def blocks_of(replicate: Integers) -> Floats:
    """Which run is of which replicate (runs, replicates): zero or one."""
    return np.asarray(replicate[:, None] == np.unique(replicate)[None, :], dtype=np.float64)


@dataclass(frozen=True)
class Judged:
    """Effects of cells at full dose.

    Attributes
    ----------
    effect, se : arrays (cells, outcomes)
        An outcome that never changes has effect and error zero.
    spare : int
        Degrees of freedom that are left to tell the noise by.
    """

    effect: Floats
    se: Floats
    spare: int

    @property
    def p(self) -> Floats:
        """Of no effect, by Student's t (cells, outcomes); one where nothing ever changes."""
        from scipy import stats

        known = self.se > 0
        t = np.abs(self.effect) / np.where(known, self.se, 1.0)
        return np.asarray(np.where(known, 2.0 * stats.t.sf(t, self.spare), 1.0))


def judge(dosed: Floats, replicate: Integers, change: Floats) -> Judged:
    """Least squares of paired changes on the doses, with one intercept a replicate.

    Cells that stand out far may do different things in different replicates: where there are replicates enough, that is fitted, so that
    it is not taken for the effect of others, and is part of these cells' errors.

    Parameters
    ----------
    dosed : array (runs, cells)
        Share of its full effect that each cell has in each run.
    replicate : int array (runs,)
    change : array (runs, outcomes)
        Outcome of each run less that of its replicate without additional staff.
    """
    blocks = blocks_of(replicate)
    count, several = dosed.shape[1], blocks.shape[1]
    effect, se, spare, _ = _fitted(np.hstack([dosed, blocks]), change, count)
    strength = np.max(np.abs(effect) / np.where(se > 0, se, np.inf), axis=1, initial=0.0)
    most = int(spare / 2) // max(1, several - 1) if several > REPLICATES else 0  # half of what is left to tell the noise by
    strong = [int(cell) for cell in np.argsort(-strength)[:most] if strength[cell] > STANDS_OUT]
    if strong:
        against = blocks[:, 1:] - blocks[:, [0]]
        differs = [dosed[:, [cell]] * against for cell in strong]
        effect, se, spare, rest = _fitted(np.hstack([dosed, blocks, *differs]), change, count)
        for cell, own in zip(strong, np.split(rest[several:], len(strong)), strict=True):
            by_replicate = np.concatenate([-own.sum(axis=0, keepdims=True), own])
            se[cell] = np.maximum(se[cell], by_replicate.std(axis=0, ddof=1) / math.sqrt(several))
    return Judged(effect, se, spare)


def _fitted(matrix: Floats, change: Floats, count: int) -> tuple[Floats, Floats, int, Floats]:
    """Least squares: the first `count` coefficients, their errors, runs left to tell the noise by, and the other coefficients."""
    solution, _, rank, _ = np.linalg.lstsq(matrix, change, rcond=None)
    spare = max(1, len(change) - int(rank))
    noise = ((change - matrix @ solution) ** 2).sum(axis=0) / spare
    spread = np.maximum(np.diag(np.linalg.pinv(matrix.T @ matrix))[:count], 0.0)
    return np.asarray(solution[:count]), np.asarray(np.sqrt(np.outer(spread, noise))), spare, np.asarray(solution[count:])
