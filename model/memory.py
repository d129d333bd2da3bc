"""Whether a run's travellers fit into memory, asked before it begins.

Rows of travellers take nearly all the memory of a large run.  A scenario that asks for more than the machine has would
bring it to its knees after minutes; it is refused at once instead, with what it would take and how coarse it would have to be.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..scenarios.schema import MOST_PERSONS_PER_AGENT
from .demand import REMEDY, TooManyTravellers
from .travellers import ROW_BYTES

#: what a process holds besides its rows, with room for libraries and tables (measured: 290 to 350 MB)
BESIDES = 400e6
#: bytes a row for what is worked out from rows for a moment
FOR_A_MOMENT = 12
#: journeys that take long after a decision: rows stay until the month's end after they are over
DAYS_ON_THE_WAY = 60
CGROUPS = Path("/sys/fs/cgroup")


def machine_memory() -> float:
    """Bytes that a process may use here at most: the machine's, its container's or batch job's, or its own limit; infinite if unknown."""
    return min(_limits(), default=math.inf)


def _limits() -> Iterator[float]:
    try:
        yield float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on Windows
        pass
    if sys.platform != "win32":
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        if soft != resource.RLIM_INFINITY:
            yield float(soft)
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "memory" in controllers.split(","):
            root, name = (CGROUPS / "memory", "memory.limit_in_bytes") if controllers else (CGROUPS, "memory.max")
            # a limit holds for all that is below; inside a container the root is the container's own
            own = root / path.strip("/")
            for folder in (own, *own.parents):
                try:
                    yield float((folder / name).read_text(encoding="ascii"))
                except (OSError, ValueError):  # absent, or "max"
                    continue


def busiest(entering: npt.NDArray[np.float64], wait_days: float) -> float:
    """Most rows at one time, when those who enter stay for the wait for a legal pathway and a journey.

    Parameters
    ----------
    entering : array, shape (days,)
        Rows that leave or apply.
    wait_days : float
        Days until an application is decided.
    """
    stay = max(1, int(wait_days) + DAYS_ON_THE_WAY)
    sums = np.concatenate([[0.0], np.cumsum(entering)])
    return float((sums[1:] - sums[np.maximum(np.arange(1, len(sums)) - stay, 0)]).max(initial=0.0))


def check_room(rows: float, persons: float) -> None:
    """Refuse more rows than memory holds.

    Parameters
    ----------
    rows : float
        At one time.
    persons : float
        Persons per row.

    Raises
    ------
    TooManyTravellers
        With the memory that it would take and the `persons_per_agent` that would fit.
    """
    need, have = rows * (ROW_BYTES + FOR_A_MOMENT), machine_memory()
    room = have - BESIDES
    if need <= room:
        return
    remedy = REMEDY
    if room > 0.0 and (fits := persons * need / room) <= MOST_PERSONS_PER_AGENT:
        digit = 10.0 ** (math.floor(math.log10(fits)) - 1)
        remedy = f"raise model.persons_per_agent from {persons:g} to {min(math.ceil(fits / digit) * digit, MOST_PERSONS_PER_AGENT):g}, or {remedy}"
    raise TooManyTravellers(
        f"the scenario lets {rows:.2g} simulated travellers be on the way at a time, which takes {(need + BESIDES) / 1e9:.1f} GB of "
        f"memory, and a process may use {have / 1e9:.1f} GB here: {remedy}"
    )
