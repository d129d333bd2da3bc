"""What was published, to hold the model against: `experiments/data/observed.csv`, or a file that ``data import`` has written.

Monthly detections by route since 2009 and by origin group, route and year (Frontex), deaths (IOM Missing Migrants), the share
intercepted in the Central Mediterranean (IOM, own ratio), a fee, and detections by origin group and year over all entry
routes from 2022 (Frontex). Nothing of routes after June 2022 is in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Final

import pandas as pd

ROUTES: Final = ("CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND")
ENTRY: Final = ("CMED", "EMED", "WMED", "WAFR", "ELAND")
COLUMNS: Final = ("period", "outcome", "route", "origin_group", "member_state", "value", "publisher")
#: the last month of which routes are known here
LAST: Final = "2022-06"


class UnusableObservations(ValueError):
    """A file of observations that cannot be used; the message is for the user."""


@dataclass(frozen=True)
class Observed:
    """Published figures as tables.

    Attributes
    ----------
    detections : DataFrame
        Index month, columns the six routes.
    by_group : DataFrame
        Columns year, origin_group, route, detections: whole years.
    deaths : DataFrame
        Index month, columns routes at sea.
    interception_share : Series
        Central Mediterranean, by year.
    fee_ratio : Series
        Fee on the Central Mediterranean over that of 2017, by year.
    recent : DataFrame
        Columns month, origin_group, route, detections: months after the last whole year.
    entry_totals : DataFrame
        Index year, columns origin groups: detections over all entry routes, 2022 onwards.
    """

    detections: pd.DataFrame
    by_group: pd.DataFrame
    deaths: pd.DataFrame
    interception_share: pd.Series
    fee_ratio: pd.Series
    recent: pd.DataFrame
    entry_totals: pd.DataFrame


def rows(imported: Path | None = None) -> pd.DataFrame:
    """The table of observations; what a user has imported replaces the same publisher's outcomes.

    Raises
    ------
    UnusableObservations
        When the file is not one that ``data import`` writes.
    """
    text = (resources.files(__package__) / "data" / "observed.csv").read_text(encoding="utf-8")
    own = _read(StringIO(text))
    if imported is None:
        return own
    try:
        theirs = _read(imported)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UnusableObservations(f"{imported}: cannot be read: {error}") from error
    if tuple(theirs.columns) != COLUMNS:
        raise UnusableObservations(
            f"{imported}: expected the columns {', '.join(COLUMNS)}, as `countersmuggling data import` writes them"
        )
    theirs["value"] = pd.to_numeric(theirs["value"], errors="coerce")
    if theirs["value"].isna().any():
        raise UnusableObservations(f"{imported}: a value is not a number")
    detections = theirs[(theirs["outcome"] == "detections") & theirs["route"].isin(ROUTES)]
    found = [own]
    if len(detections):
        # by month, route and group as imported: sums over groups are what the own table holds by route
        months = detections.groupby(["period", "route"], as_index=False)["value"].sum()
        keep = ~((own["outcome"] == "detections") & (own["origin_group"] == "") & own["period"].isin(months["period"]))
        found = [own[keep], months.assign(outcome="detections", origin_group="", member_state="", publisher="imported")]
    deaths = theirs[(theirs["outcome"] == "deaths") & theirs["route"].isin(ROUTES)]
    if len(deaths):
        months = deaths.groupby(["period", "route"], as_index=False)["value"].sum()
        found[0] = found[0][found[0]["outcome"] != "deaths"]
        found.append(months.assign(outcome="deaths", origin_group="", member_state="", publisher="imported"))
    return pd.concat(found, ignore_index=True)[list(COLUMNS)]


def _read(source: Path | StringIO) -> pd.DataFrame:
    texts = {c: str for c in COLUMNS if c != "value"}
    return pd.read_csv(source, dtype=texts, keep_default_na=False)


def observed(imported: Path | None = None) -> Observed:
    """Published figures; see `rows` for `imported`."""
    table = rows(imported)
    table["value"] = table["value"].astype(float)
    seen = table[table["outcome"] == "detections"]
    plain = seen[(seen["origin_group"] == "") & (seen["period"].str.len() == 7) & (seen["period"] <= LAST)]
    groups = seen[seen["origin_group"] != ""].rename(columns={"value": "detections"})
    whole = groups[groups["period"].str.len() == 4]
    died = table[table["outcome"] == "deaths"]
    ratios = {name: table[table["outcome"] == name] for name in ("interception_share", "fee_over_2017")}
    totals = table[table["outcome"] == "entry_detections"]
    return Observed(
        detections=_by_month(plain).reindex(columns=list(ROUTES)).fillna(0.0),
        by_group=whole.assign(year=whole["period"].astype(int))[["year", "origin_group", "route", "detections"]],
        deaths=_by_month(died),
        interception_share=_series(ratios["interception_share"]),
        fee_ratio=_series(ratios["fee_over_2017"]),
        recent=groups[groups["period"].str.len() == 7].rename(columns={"period": "month"})[
            ["month", "origin_group", "route", "detections"]
        ],
        entry_totals=totals.assign(year=totals["period"].astype(int)).pivot_table(
            index="year", columns="origin_group", values="value", aggfunc="sum"
        ),
    )


def _by_month(rows_: pd.DataFrame) -> pd.DataFrame:
    table = rows_.pivot_table(index="period", columns="route", values="value", aggfunc="sum")
    return table.rename_axis(index="month", columns=None).fillna(0.0)


def _series(rows_: pd.DataFrame) -> pd.Series:
    return pd.Series(rows_["value"].to_numpy(dtype=float), index=rows_["period"].astype(int).to_numpy())
