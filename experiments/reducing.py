"""What a store keeps of a run: totals, monthly totals, and the breakdowns that the design asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import OUTCOMES

if TYPE_CHECKING:
    from ..model import RunOutput

FloatArray = npt.NDArray[np.float64]

#: ratios are formed from their parts when they are read
SUMMED: Final = tuple(name for name, info in OUTCOMES.items() if info.kind != "ratio")


@dataclass(frozen=True)
class Reduced:
    """One run, made small.

    Attributes
    ----------
    months : list of str
    monthly : array, shape (months, len(SUMMED))
        Totals by month, NaN where an outcome is not told at all.
    totals : array, shape (len(SUMMED),)
        Flows summed, stocks averaged over months.
    breakdowns : dict
        By dimension a frame with the columns month, the dimension, and its outcomes; ``full``: every row.
    digest : str
        Hash of all values to the last bit, in the order of the rows, and of the monthly totals.
    """

    months: list[str]
    monthly: FloatArray
    totals: FloatArray
    breakdowns: dict[str, pd.DataFrame]
    digest: str


class NotANumber(ValueError):
    """A run whose outcomes hold something that is not a finite number."""


def reduced(output: RunOutput, keep: Sequence[str] = ()) -> Reduced:
    """Make the outcomes of a run small.

    Parameters
    ----------
    output : RunOutput
    keep : sequence of str
        Breakdowns: route, origin_group, member_state, leg, or full.

    Raises
    ------
    NotANumber
        A hole in the results is never averaged away.
    """
    rows = output.outcomes
    values = rows["value"].to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        bad = rows.loc[~np.isfinite(values), "outcome"].iloc[0]
        raise NotANumber(f"outcome {bad} has a value that is not a number")
    month_codes, months = pd.factorize(rows["month"], sort=True)
    codes, names = pd.factorize(rows["outcome"])
    column = np.array([SUMMED.index(n) if n in SUMMED else -1 for n in names], dtype=np.int64)
    where = column[codes] if len(codes) else np.zeros(0, dtype=np.int64)
    known = where >= 0
    shape = (len(months), len(SUMMED))
    # sums in the order of the rows: the same bits wherever the run is made
    sums = np.bincount(month_codes[known] * shape[1] + where[known], values[known], shape[0] * shape[1])
    monthly: FloatArray = sums.reshape(shape).astype(np.float64)
    told = np.zeros(len(SUMMED), dtype=np.bool_)
    told[column[column >= 0]] = True
    monthly[:, ~told] = np.nan
    over = np.array([OUTCOMES[name].over_months == "mean" for name in SUMMED])
    totals = monthly.sum(axis=0) / np.where(over, max(shape[0], 1), 1)
    digest = hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16)
    digest.update("\0".join(map(str, months)).encode() + monthly.tobytes())
    kept = {dimension: _breakdown(rows, dimension) for dimension in keep}
    return Reduced([str(m) for m in months], monthly, totals, kept, digest.hexdigest())


def _breakdown(rows: pd.DataFrame, dimension: str) -> pd.DataFrame:
    if dimension == "full":
        return rows.reset_index(drop=True)
    told = rows[rows[dimension] != ""]
    told = told[told["outcome"].isin(SUMMED)]
    wide = told.pivot_table(
        index=["month", dimension], columns="outcome", values="value", aggfunc="sum", observed=True
    )
    names = [name for name in SUMMED if dimension in OUTCOMES[name].dimensions]
    # what has the dimension and did not happen is 0
    return wide.reindex(columns=names).fillna(0.0).astype("float64").rename_axis(columns=None).reset_index()
