"""From monthly rows to figures: totals by run and replicate, means with percentiles, paired differences.

A frame of outcomes has the columns run, replicate, month, outcome, route, origin_group, member_state, leg, value; a
dimension that an outcome does not have is an empty string. Every outcome comes at one breakdown, so that adding rows of
a month gives its total; a row that is absent counts as zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..model.pairing import interval
from ..scenarios import OUTCOMES

DIMENSIONS = ("route", "origin_group", "member_state", "leg")
COLUMNS = ("run", "replicate", "month", "outcome", *DIMENSIONS, "value")

COMPARISON_COLUMNS = (
    "run",
    "against",
    "outcome",
    "unit",
    "replicates",
    "against_mean",
    "run_mean",
    "difference",
    "low",
    "high",
    "p05",
    "p95",
    "relative",
    "same_sign",
    "verdict",
)


def tidy(frames: Iterable[tuple[str, int, pd.DataFrame]]) -> pd.DataFrame:
    """Put the outcomes of many runs under one another.

    Parameters
    ----------
    frames : iterable of (run, replicate, frame)
        Frames with the columns month, outcome, the dimensions, value.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, all but replicate and value categorical, in a fixed order of rows.

    Raises
    ------
    ValueError
        When a value is not finite: a hole in the results is never averaged away.
    """
    parts = []
    for run, replicate, frame in frames:
        part = frame.reindex(columns=list(COLUMNS))
        part["run"], part["replicate"] = run, replicate
        if not np.isfinite(part["value"].to_numpy(dtype=float)).all():
            bad = part.loc[~np.isfinite(part["value"].to_numpy(dtype=float)), "outcome"].iloc[0]
            raise ValueError(
                f"run {run}, replicate {replicate}: outcome {bad} has a value that is not a number"
            )
        parts.append(part)
    if not parts:
        raise ValueError("no runs to put together")
    whole = pd.concat(parts, ignore_index=True)
    order = list(dict.fromkeys(whole["run"]))
    for column in ("run", "month", "outcome", *DIMENSIONS):
        text = whole[column].astype(object).where(whole[column].notna(), "").astype(str)
        categories = order if column == "run" else sorted(set(text))
        whole[column] = pd.Categorical(text, categories=categories)
    whole["replicate"] = whole["replicate"].astype("int32")
    whole["value"] = whole["value"].astype("float64")
    return whole.sort_values(list(COLUMNS[:-1]), ignore_index=True)


def months(frame: pd.DataFrame) -> list[str]:
    """Months that a frame of outcomes covers, in order."""
    return sorted(str(m) for m in frame["month"].unique())


def totals(frame: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """One figure an outcome, run and replicate over the whole period (and by dimensions).

    Flows are summed over months, stocks averaged over months, ratios taken between the sums.

    Parameters
    ----------
    frame : DataFrame
        As made by :func:`tidy`.
    by : sequence of str
        Dimensions to keep. Rows without such a dimension (an empty string) are left out.

    Returns
    -------
    DataFrame
        Index run, replicate (and `by`), one column an outcome; nothing happened = 0, a ratio without denominator = NaN.
    """
    count = max(frame["month"].nunique(), 1)
    keys = ["run", "replicate", *by]
    rows = frame
    for dimension in by:
        rows = rows[rows[dimension] != ""]
    sums = rows.groupby([*keys, "outcome"], observed=True)["value"].sum().unstack("outcome", fill_value=0)
    sums.columns = sums.columns.astype(str)
    if by:
        full = pd.MultiIndex.from_product([level for level in _levels(sums, frame, by)], names=keys)
        sums = sums.reindex(full, fill_value=0.0)
    result = pd.DataFrame(index=sums.index)
    for name, info in OUTCOMES.items():
        if info.kind == "ratio":
            above = sums[info.numerator] if info.numerator in sums else 0.0 * sums.sum(axis=1)
            below = sums[info.denominator] if info.denominator in sums else 0.0 * sums.sum(axis=1)
            result[name] = above / below.where(below != 0.0)
        elif name in sums:
            result[name] = sums[name] / (count if info.over_months == "mean" else 1)
        elif not by:
            result[name] = 0.0
    return result


def _levels(sums: pd.DataFrame, frame: pd.DataFrame, by: Sequence[str]) -> list[list[object]]:
    first = [list(frame["run"].unique()), sorted(frame["replicate"].unique())]
    return first + [sorted(set(sums.index.get_level_values(d))) for d in by]


def monthly(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Monthly totals of one outcome.

    Returns
    -------
    DataFrame
        Index run, replicate; one column a month.
    """
    info = OUTCOMES[outcome]
    if info.kind == "ratio":
        assert info.numerator and info.denominator
        below = monthly(frame, info.denominator)
        return monthly(frame, info.numerator) / below.where(below != 0.0)
    runs = frame[["run", "replicate"]].drop_duplicates()
    index = pd.MultiIndex.from_frame(runs.astype({"run": str}))
    rows = frame[frame["outcome"] == outcome]
    table = rows.groupby(["run", "replicate", "month"], observed=True)["value"].sum().unstack("month")
    table.index = pd.MultiIndex.from_arrays(
        [table.index.get_level_values("run").astype(str), table.index.get_level_values("replicate")],
        names=index.names,
    )
    table.columns = table.columns.astype(str)
    return table.reindex(index=index, columns=months(frame)).fillna(0.0)


def summarise(values: pd.DataFrame) -> pd.DataFrame:
    """Mean, 5th and 95th percentile over replicates, per run and outcome.

    Parameters
    ----------
    values : DataFrame
        As given by :func:`totals` without dimensions.

    Returns
    -------
    DataFrame
        Columns run, outcome, unit, mean, p05, p95, replicates.
    """
    rows = []
    for run in values.index.get_level_values("run").unique():
        part = values.xs(run, level="run")
        for outcome in values.columns:
            column = part[outcome].dropna().to_numpy(dtype=float)
            some = len(column) > 0
            rows.append(
                {
                    "run": str(run),
                    "outcome": outcome,
                    "unit": OUTCOMES[outcome].unit,
                    "mean": float(column.mean()) if some else math.nan,
                    "p05": float(np.quantile(column, 0.05)) if some else math.nan,
                    "p95": float(np.quantile(column, 0.95)) if some else math.nan,
                    "replicates": len(column),
                }
            )
    return pd.DataFrame(rows, columns=["run", "outcome", "unit", "mean", "p05", "p95", "replicates"])


def verdict(mean: float, low: float, high: float) -> str:
    """Word for a difference: higher, lower, no clear difference, unchanged, or one replicate."""
    if mean == 0.0 and (math.isnan(low) or low == high == 0.0):
        return "unchanged"
    if math.isnan(low):
        return "one replicate"
    if low > 0.0:
        return "higher"
    return "lower" if high < 0.0 else "no clear difference"


def paired(values: pd.DataFrame, run: str, against: str) -> pd.DataFrame:
    """Differences of two runs, replicate by replicate.

    Parameters
    ----------
    values : DataFrame
        As given by :func:`totals` without dimensions.
    run, against : str
        Keys of the two runs.

    Returns
    -------
    DataFrame
        Columns :data:`COMPARISON_COLUMNS`. ``low`` and ``high`` bound the mean difference (95 %, paired t); ``p05`` and
        ``p95`` are percentiles of the replicates' differences; ``relative`` is the difference over the mean compared
        with; ``same_sign`` is the share of replicates whose difference has the sign of the mean.
    """
    ours, theirs = values.xs(run, level="run"), values.xs(against, level="run")
    if list(ours.index) != list(theirs.index):
        raise ValueError(f"{run} and {against} do not have the same replicates")
    rows = []
    for outcome in values.columns:
        both = pd.concat([ours[outcome], theirs[outcome]], axis=1).dropna().to_numpy(dtype=float)
        if not len(both):
            continue
        change = both[:, 0] - both[:, 1]
        mean, low, high = interval(change.tolist())
        before = float(both[:, 1].mean())
        rows.append(
            {
                "run": run,
                "against": against,
                "outcome": outcome,
                "unit": OUTCOMES[outcome].unit,
                "replicates": len(both),
                "against_mean": before,
                "run_mean": float(both[:, 0].mean()),
                "difference": mean,
                "low": low,
                "high": high,
                "p05": float(np.quantile(change, 0.05)),
                "p95": float(np.quantile(change, 0.95)),
                "relative": mean / before if before else math.nan,
                "same_sign": float((np.sign(change) == np.sign(mean)).mean()),
                "verdict": verdict(mean, low, high),
            }
        )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def by_key(frame: pd.DataFrame, key: str) -> dict[str, dict[str, Any]]:
    """Rows of a frame as dictionaries, by the text in one column."""
    return {str(row[key]): {str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")}


def paired_by(frame: pd.DataFrame, run: str, against: str, outcome: str, by: str) -> pd.DataFrame:
    """Paired difference of one outcome for every value of a dimension.

    Parameters
    ----------
    frame : DataFrame
        As made by :func:`tidy`.
    run, against : str
        Keys of the two runs.
    outcome : str
    by : str
        A dimension that the outcome has.

    Returns
    -------
    DataFrame
        Columns `by`, against_mean, run_mean, difference, low, high, verdict; largest `against_mean` first. Empty when
        the outcome has no such dimension.
    """
    info = OUTCOMES[outcome]
    parts = [outcome] if info.kind != "ratio" else [info.numerator, info.denominator]
    rows = frame[frame["outcome"].isin([p for p in parts if p]) & frame["run"].isin([run, against])]
    columns = [by, "against_mean", "run_mean", "difference", "low", "high", "verdict"]
    if rows.empty or (rows[by] == "").all():
        return pd.DataFrame(columns=columns)
    # months in which nothing happened count as well
    scale = (
        1
        if info.over_months == "sum" or info.kind == "ratio"
        else rows["month"].nunique() / frame["month"].nunique()
    )
    values = totals(rows, [by])[outcome] * scale
    wide = values.unstack(by)
    ours, theirs = wide.xs(run, level="run"), wide.xs(against, level="run")
    found = []
    for place in wide.columns:
        change = (ours[place] - theirs[place]).dropna().tolist()
        mean, low, high = interval(change or [math.nan])
        before, after = float(theirs[place].mean()), float(ours[place].mean())
        found.append((str(place), before, after, mean, low, high, verdict(mean, low, high)))
    table = pd.DataFrame(found, columns=columns)
    return table.sort_values(["against_mean", by], ascending=[False, True], ignore_index=True)
