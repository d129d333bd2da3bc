"""How axes look in several figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plain(value: float, _: Any) -> str:
    """A tick's figure with separators and a true minus sign."""
    return f"{value:,.6g}".replace("-", wording.MINUS)


def as_matrix(axes: Axes, rows: int, columns: int) -> None:
    """Cells with white lines between them, no ticks, no frame."""
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)


#: characters of a run's name that a figure has room for
LONGEST = 60


def fitting(name: str) -> str:
    """A name that leaves a figure its room: a long one loses its middle, because runs differ at its end."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 24].rstrip()} … {name[-21:].lstrip()}"
