"""Compilation of kernels: Numba with its cache, typed so that static checkers still see plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel (machine code is kept in the cache folder of the package or of the user)."""
    return cast(F, njit(cache=True)(function))


def inlined(function: F) -> F:
    """Compile a small function into its callers."""
    return cast(F, njit(cache=True, inline="always")(function))
