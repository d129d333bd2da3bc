"""Tables of other analyses that a results folder may hold, for the report to show: read, and fetched from where they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from .folder import MARKER, FolderError

if TYPE_CHECKING:
    from .results import Results

#: their columns, by the name of the file in the results folder
ADDED: Final[Mapping[str, tuple[str, ...]]] = {
    "attribution": ("outcome", "unit", "lever", "part", "low", "high", "share"),
    "sensitivity": ("factor", "outcome", "low", "high"),
    "waterbed": ("resource", "place", "affected_place", "outcome", "effect", "se"),
}
#: the index of a sweep (see `sensitivity`) by which the report orders factors
INDICES: Final = ("total", "mean_absolute")


def read_added(file: Path, columns: Sequence[str]) -> pd.DataFrame | None:
    """A table that another analysis put into the folder; None where it is not there.

    Raises
    ------
    FolderError
        When it lacks a column.
    """
    if not file.is_file():
        return None
    table = pd.read_csv(file).rename(columns={"affected place": "affected_place", "parameter": "factor"})
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise FolderError(f"{file.parent} is damaged: {file.name} has no column {', '.join(missing)}")
    return table


def indices(table: pd.DataFrame) -> pd.DataFrame | None:
    """Of the table of a sweep's `sensitivity`: what the report shows; None when the table is of another kind.

    Parameters
    ----------
    table : DataFrame
        As `Sensitivity.table`: columns outcome, policy, against, factor, with, index, value, low, high.

    Returns
    -------
    DataFrame or None
        Columns factor, outcome, part (total Sobol' index, or mean size of the elementary effects), low, high (its 95 % interval), index,
        policy, against: of the first difference between two policies, or of the first policy where there is none.
    """
    if not {"index", "value", "policy"} <= set(table.columns):
        return None
    own = table[table["index"].isin(INDICES) & table["value"].notna()].copy()
    for column in ("with", "against"):
        own[column] = own[column].astype(object).where(own[column].notna(), "") if column in own else ""
    own = own[own["with"] == ""]
    differences = own[own["against"] != ""]
    own = differences if len(differences) else own
    if len(own):
        own = own[(own["policy"] == own["policy"].iloc[0]) & (own["against"] == own["against"].iloc[0])]
    return own.rename(columns={"value": "part"})[["factor", "outcome", "part", "low", "high", "index", "policy", "against"]].reset_index(drop=True)


def fetch(source: Path, results: Results) -> tuple[str, pd.DataFrame]:
    """What another command found, as the results folder holds it.

    Parameters
    ----------
    source : path
        The folder of `waterbed`, the store of a sweep that `sensitivity` has been asked about, or the folder that `sensitivity` wrote to.
    results : Results
        A waterbed has to be of one of their scenarios.

    Returns
    -------
    (name, table)
        ``sensitivity`` or ``waterbed``.

    Raises
    ------
    FolderError
        When there is no such thing, or it belongs to another scenario.
    """
    if not source.is_dir():
        raise FolderError(f"there is no folder {source}")
    if (source / "waterbed.csv").is_file() and (source / "report.csv").is_file():
        _same_scenario(source, results)
        table = read_added(source / "report.csv", ADDED["waterbed"])
        if table is None or table.empty:
            raise FolderError(f"{source} tells no effect on asylum applications by Member State, which the report shows")
        return "waterbed", table
    found = [source] if (source / "sensitivity.csv").is_file() else sorted(f.parent for f in source.glob("analysis/*/sensitivity.csv"))
    if len(found) > 1:
        raise FolderError(f"{source} holds several analyses; name one: {', '.join(str(f) for f in found)}")
    if not found:
        raise FolderError(
            f"{source} holds nothing that the report could show: it has neither the tables of `countersmuggling waterbed` nor the "
            "sensitivity.csv of `countersmuggling sensitivity`"
        )
    table = read_added(found[0] / "sensitivity.csv", ADDED["sensitivity"])
    shown = None if table is None else indices(table)
    if table is None or (shown is not None and shown.empty):
        raise FolderError(f"{found[0]} tells of no factor with which an outcome varies")
    return "sensitivity", table


def _same_scenario(source: Path, results: Results) -> None:
    """Refuse a waterbed that was measured for a scenario that the results do not hold; older folders do not name theirs."""
    try:
        of = json.loads((source / MARKER).read_text(encoding="utf-8")).get("scenario")
    except (OSError, ValueError, AttributeError):
        of = None
    names = list(dict.fromkeys(run.scenario.name for run in results.runs))
    if isinstance(of, str) and of not in names:
        raise FolderError(f"{source} was measured for {of}, and these results are of {', '.join(names)}")
