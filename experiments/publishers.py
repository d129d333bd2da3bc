"""Read the publishers' own files: Frontex, IOM, Eurostat, UNHCR.

`read_published` recognises a file by its header, checks it, and gives monthly or yearly observations in the project's
words, with a list of everything that it could not use. `reference_tables` makes from Frontex's detections the tables
that the model starts from (see docs/data.md). Nothing is downloaded: a user supplies the files.

Layouts known: Frontex "Monthly detections of illegal border-crossing" (workbook: Route, border, nationality, one column a
month); IOM Missing Migrants Project (CSV or workbook, one row an incident, column names of 2019 and of 2022 on); Eurostat
SDMX-CSV 1.0 and 2.0, with or without labels, and TSV; UNHCR Operational Data Portal (a table with country, date and
number of arrivals).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from ..scenarios import world
from ..scenarios.member_states import MEMBER_STATES
from ..scenarios.problems import nearest
from .folder import FolderError, explaining, replace_file

COLUMNS = ["period", "outcome", "route", "origin_group", "member_state", "value"]
UNKNOWN, SUB_SAHARAN = "unknown", "unidentified-sub-saharan"

#: Frontex's names, without the word "route" -> the project's
_FRONTEX_ROUTES = {
    "central mediterranean": "CMED", "eastern mediterranean": "EMED", "western mediterranean": "WMED",
    "western african": "WAFR", "western africa": "WAFR", "west african": "WAFR",
    "western balkan": "WBALK", "western balkans": "WBALK",
    "eastern land borders": "ELAND", "eastern land border": "ELAND", "eastern borders": "ELAND", "eastern land": "ELAND",
    "black sea": "EMED", "english channel": "CHANNEL", "channel": "CHANNEL",
}  # fmt: skip
_IOM_ROUTES = {
    "central mediterranean": "CMED", "eastern mediterranean": "EMED", "western mediterranean": "WMED",
    "western africa / atlantic route to the canary islands": "WAFR", "western balkans": "WBALK",
    "turkey-europe land route": "EMED", "türkiye-europe land route": "EMED", "belarus-eu border": "ELAND",
    "eastern european borders": "ELAND", "eastern land borders": "ELAND",
    "english channel to the uk": "CHANNEL", "sahara desert crossing": "FEEDER",
}  # fmt: skip
#: dimension values of Eurostat that mean "all", in order of preference
_ALL = ("T", "TOTAL", "ASY_APP", "PER", "NR", "RET_THRD", "A", "M", "FRST")
_EUROSTAT = {
    "migr_asyapp": "asylum_applications", "migr_eipre": "found_illegally_present", "migr_eirfs": "refused_entry",
    "migr_eiord": "ordered_to_leave", "migr_eirtn": "returned_following_order",
}  # fmt: skip
#: sub-regions of origin that unidentified Sub-Saharan nationals are spread over
SUB_SAHARAN_GROUPS = (
    "eritrea", "somalia-ethiopia", "sudan", "nigeria-central-africa", "senegal-gambia-mauritania", "mali-sahel",
    "gulf-of-guinea",
)  # fmt: skip
_MONTHS = dict(
    zip(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        range(1, 13),
        strict=True,
    )
)
#: names that publishers use beside those of ISO 3166, folded
_OTHER_NAMES = {
    "russia": "RUS", "turkey": "TUR", "turkiye": "TUR", "cape verde": "CPV", "ivory coast": "CIV", "cote d ivoire": "CIV",
    "congo brazzaville": "COG", "congo rep": "COG", "republic of the congo": "COG", "congo kinshasa": "COD", "congo drc": "COD",
    "dr congo": "COD", "democratic republic of the congo": "COD", "democratic republic of congo": "COD", "macedonia": "MKD",
    "fyrom": "MKD", "palestine": "PSE", "palestinian territory": "PSE", "occupied palestinian territory": "PSE",
    "the gambia": "GMB", "gambia the": "GMB", "swaziland": "SWZ", "burma": "MMR", "east timor": "TLS", "brunei": "BRN",
}  # fmt: skip


class UnreadableFile(Exception):
    """A file that is none of the known ones, or is damaged; the message is for the user."""


@dataclass(frozen=True)
class Unused:
    """Something in a file that the project has no place for."""

    what: str
    rows: int
    value: float

    def __str__(self) -> str:
        return f"{self.what}: {self.rows} row{'s' if self.rows != 1 else ''}, {self.value:,.0f} in all"


@dataclass(frozen=True)
class Published:
    """What a publisher's file says, in the project's words.

    Attributes
    ----------
    publisher : str
    rows : DataFrame
        Columns period (``2021-07`` or ``2021``), outcome, route, origin_group, member_state, value; a dimension that the
        file does not tell is an empty string.
    unused : list of Unused
    """

    publisher: str
    rows: pd.DataFrame
    unused: list[Unused] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------ face


def read_published(path: Path | str) -> Published:
    """Read one of the publishers' files.

    Parameters
    ----------
    path : Path or str
        ``.xlsx``, ``.csv``, ``.tsv``, also compressed (``.csv.gz``, ``.tsv.gz``).

    Returns
    -------
    Published

    Raises
    ------
    UnreadableFile
        When the file is missing, damaged, or none of the known layouts; the message names file, line and column where
        there is one.
    """
    path = Path(path)
    grid = _grid(path)
    for row, header in _headers(grid):
        for recognise, read in _LAYOUTS:
            if recognise(header):
                body = grid.iloc[row + 1 :].copy()
                body.columns = pd.Index(range(grid.shape[1]))
                return read(path, header, body.dropna(how="all"), row + 1)
    found = ", ".join(str(v) for v in grid.iloc[0].dropna().tolist()[:8]) if len(grid) else "nothing"
    raise UnreadableFile(
        f"{path}: none of the known layouts. Expected a header with Route, a border and a nationality column and months "
        f"(Frontex); Incident Date and Migration Route (IOM Missing Migrants); geo and TIME_PERIOD (Eurostat); or country, "
        f"date and arrivals (UNHCR). Its first row holds: {found}"
    )


def reference_tables(observed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The model's tables of demand, routes and seasons from monthly detections by route and origin group.

    Parameters
    ----------
    observed : DataFrame
        `Published.rows` of Frontex's workbook.

    Returns
    -------
    dict
        ``route_detections``, ``demand`` and ``seasonality``, with the columns of the files in scenarios/data; whole years
        only. Unknown nationalities are spread as docs/data.md says. A group without a year of 240 detections has no
        season and is left out of ``seasonality``.

    Raises
    ------
    ValueError
        When there is no whole year.
    """
    w = world()
    groups = list(w.origin_groups["origin_group"])
    rows = observed[observed["outcome"] == "detections"].copy()
    rows["year"], rows["month"] = rows["period"].str[:4].astype(int), rows["period"].str[5:7].astype(int)
    months = rows.groupby("year")["month"].nunique()
    whole = [int(y) for y in months[months == 12].index]
    if not whole:
        raise ValueError("no whole year of monthly detections")
    routes = ["CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND"]
    rows = rows[rows["year"].isin(whole) & rows["route"].isin(routes)]
    source = "Frontex, monthly detections of IBC by route and nationality, imported"
    blocks = []
    for year, frame in rows.groupby("year"):
        table = frame.pivot_table(
            index="origin_group", columns="route", values="value", aggfunc="sum", fill_value=0.0
        )
        spread = _spread_unknown(table.reindex(columns=routes, fill_value=0.0).astype(float), groups)
        long = (
            spread.rename_axis("origin_group")
            .reset_index()
            .melt("origin_group", var_name="route", value_name="detections")
        )
        blocks.append(long.assign(year=year))
    detections = pd.concat(blocks, ignore_index=True).assign(source=source, grade="C")
    detections = detections[["origin_group", "route", "year", "detections", "source", "grade"]]
    entry = detections[(detections["route"] != "WBALK") | (detections["origin_group"] == "western-balkans")]
    demand = (
        entry.groupby(["origin_group", "year"], as_index=False)["detections"]
        .sum()
        .assign(source=source, grade="C")
    )
    return {"route_detections": detections, "demand": demand, "seasonality": _seasons(rows, groups)}


def keep(found: Published, folder: Path) -> list[Path]:
    """Write observations and, from Frontex's months, the model's tables into a folder.

    ``observations.csv`` keeps what other files have brought; what this publisher said of the same outcomes is replaced.

    Parameters
    ----------
    found : Published
    folder : Path
        Made when it is not there.

    Returns
    -------
    list of Path
        Files written.

    Raises
    ------
    FolderError
        When the folder cannot be written, or its ``observations.csv`` is not one of ours.
    """
    path = folder / "observations.csv"
    rows = found.rows.assign(publisher=found.publisher)
    if path.is_file():
        old = pd.read_csv(path, dtype={c: str for c in COLUMNS[:-1]}, keep_default_na=False)
        if list(old.columns) != [*COLUMNS, "publisher"]:
            raise FolderError(f"{path} exists and holds something else; choose another folder with --out")
        again = (old["publisher"] == found.publisher) & old["outcome"].isin(rows["outcome"].unique())
        rows = pd.concat([old[~again], rows], ignore_index=True)
    tables = {"observations": rows}
    if (found.rows["outcome"] == "detections").any():
        with suppress(ValueError):  # less than a whole year makes no tables
            tables |= reference_tables(found.rows)
    written = []
    with explaining(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            replace_file(
                folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.10g")
            )
            written.append(folder / f"{name}.csv")
    return written


# ------------------------------------------------------------------------------------------------ files


def _grid(path: Path) -> pd.DataFrame:
    """All cells of a file as they stand, without taking any row for a header."""
    name = path.name.lower()
    try:
        if name.endswith((".xlsx", ".xlsm")):
            return _workbook(path)
        separator = "\t" if ".tsv" in name else None
        options = {"header": None, "dtype": str, "keep_default_na": False, "na_values": [""]}
        if separator is None:
            first = _first_line(path)
            separator = max(",;\t", key=first.count)
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig", **options)  # type: ignore[call-overload,no-any-return]
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise UnreadableFile(f"{path}: is a folder, not a file") from None
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path}: not UTF-8 text (byte {error.start})") from None
    except pd.errors.EmptyDataError:
        raise UnreadableFile(f"{path}: is empty") from None
    except pd.errors.ParserError as error:
        raise UnreadableFile(f"{path}: {error}") from None
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from None


def _workbook(path: Path) -> pd.DataFrame:
    """The first sheet that holds one of the known headers, or the first sheet."""
    from zipfile import BadZipFile

    try:
        sheets = pd.read_excel(path, sheet_name=None, header=None, dtype=object)
    except ImportError:
        raise UnreadableFile(
            f"{path}: to read workbooks install the extra: pip install 'countersmuggling[data]'"
        ) from None
    except (BadZipFile, ValueError, KeyError) as error:
        raise UnreadableFile(f"{path}: not a workbook that can be read ({error})") from None
    for sheet in sheets.values():
        for _, header in _headers(sheet):
            if any(recognise(header) for recognise, _ in _LAYOUTS):
                return sheet
    return next(iter(sheets.values()))


def _first_line(path: Path) -> str:
    import gzip

    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        return stream.readline().decode("utf-8-sig")


def _headers(grid: pd.DataFrame) -> Iterable[tuple[int, list[str]]]:
    """Rows near the top that could be the header, normalised."""
    for i in range(min(20, len(grid))):
        yield i, [_plain(v) for v in grid.iloc[i].tolist()]


def _plain(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m}"
    return re.sub(r"[\s_]+", " ", str(value)).strip().lower()


def _numbers(values: pd.Series, path: Path, first_line: int, column: str) -> pd.Series:
    """Numbers, with thousands separators taken out; an empty cell is nothing (NaN), a word is an error."""
    text = values.astype("string").str.strip().str.replace(r"(?<=\d)[,\s](?=\d{3}\b)", "", regex=True)
    empty = text.isna() | text.isin(["", ":", "-", "n/a", "N/A"])
    found = pd.to_numeric(text.where(~empty), errors="coerce").astype(float)
    bad = found.isna() & ~empty
    if bool(bad.any()):
        at = int(np.flatnonzero(bad.to_numpy())[0])
        raise UnreadableFile(
            f"{path}:{first_line + at + 1}: column {column}: expected a number, found '{values.iloc[at]}'"
        )
    if bool((found < 0).any()):
        at = int(np.flatnonzero((found < 0).to_numpy())[0])
        raise UnreadableFile(
            f"{path}:{first_line + at + 1}: column {column}: a count cannot be negative ({values.iloc[at]})"
        )
    return found


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Sum by period, outcome and dimension, in a fixed order."""
    for column in COLUMNS[:-1]:
        if column not in frame:
            frame[column] = ""
    rows = pd.DataFrame(frame[COLUMNS]).groupby(COLUMNS[:-1], observed=True).sum().reset_index()
    return rows.sort_values(COLUMNS[:-1], ignore_index=True)


def _set_aside(
    frame: pd.DataFrame, keep: pd.Series, label: pd.Series, unused: list[Unused], what: str
) -> pd.DataFrame:
    """Keep the rows that can be used; list the others by their label."""
    lost = frame[~keep]
    for name, part in lost.groupby(label[~keep].fillna("(empty)"), sort=True):
        unused.append(Unused(f"{what} '{name}'", len(part), float(part["value"].fillna(0.0).sum())))
    return frame[keep].copy()


# ------------------------------------------------------------------------------------------------ names


def _group_of() -> dict[str, str]:
    table = world().origin_groups
    pairs = zip(table["origin_group"], table["nationalities"], strict=True)
    return {code: str(group) for group, codes in pairs for code in codes.split()}


def _to_group(names: pd.Series) -> pd.Series:
    """Origin groups of nationalities (English names, ISO 3166 codes, or Eurostat's); NaN where there is none."""
    group = _group_of()
    return names.map({name: group.get(code) for name, code in _country_codes(names).items()})


def _folded(name: str) -> str:
    """Lower case, without accents and punctuation."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z]+", " ", plain.lower()).split())


def _country_codes(names: pd.Series) -> dict[str, str]:
    """ISO 3166 alpha-3 codes of country names or codes as publishers write them."""
    own = {"XK": "XKX", "XKO": "XKX", "RKS": "XKX", "UNK": "XKX", "STLS": "STL", "EL": "GRC", "UK": "GBR"}
    known: dict[str, str] = {}
    ask = []
    codes = set(_group_of()) | set(MEMBER_STATES)
    for name in pd.unique(names.dropna().astype(str)):
        plain = re.sub(r"[*†]", "", name).strip()
        low = plain.lower()
        if plain in own:
            known[name] = own[plain]
        elif plain in codes:
            known[name] = plain
        elif low.startswith("kosovo"):
            known[name] = "XKX"
        elif low.startswith("stateless"):
            known[name] = "STL"
        else:
            ask.append((name, plain))
    if ask:
        try:
            from pycountry import countries
        except ImportError:
            raise UnreadableFile(
                "to read names of countries install the extra: pip install 'countersmuggling[data]'"
            ) from None
        for name, plain in ask:
            try:
                known[name] = _OTHER_NAMES.get(_folded(plain)) or str(countries.lookup(plain).alpha_3)
            except LookupError:
                continue
    return known


# ------------------------------------------------------------------------------------------------ Frontex


def _month_of(text: str) -> str | None:
    """``2021-07`` from a month as a spreadsheet has it: a date, its serial number, ``JUL2021``, ``Jul-21``, ``2021_07``."""
    if match := re.fullmatch(r"(\d{4})[-/ .](\d{1,2})(?:[-/ .]\d{1,2}(?: 00:00:00)?)?", text):
        year, month = int(match[1]), int(match[2])
    elif match := re.fullmatch(r"([a-z]{3})[a-z]*[-/ .]?(\d{4}|\d{2})", text):
        year, month = int(match[2]), _MONTHS.get(match[1], 0)
        year += 2000 if year < 100 else 0
    elif match := re.fullmatch(r"(\d{5})(?:\.0)?", text):  # days since 30 December 1899
        day = date(1899, 12, 30) + timedelta(days=int(match[1]))
        year, month = day.year, day.month
    else:
        return None
    return f"{year:04d}-{month:02d}" if 1990 <= year <= 2100 and 1 <= month <= 12 else None


def _is_frontex(header: list[str]) -> bool:
    return (
        "route" in header and any(h.startswith("nationality") for h in header) and any(map(_month_of, header))
    )


def _read_frontex(path: Path, header: list[str], body: pd.DataFrame, first_line: int) -> Published:
    route, nationality = (
        header.index("route"),
        next(i for i, h in enumerate(header) if h.startswith("nationality")),
    )
    months = {i: m for i, h in enumerate(header) if (m := _month_of(h)) is not None}
    seen: dict[str, int] = {}
    for i, month in months.items():
        if month in seen:
            raise UnreadableFile(
                f"{path}:{first_line}: columns {seen[month] + 1} and {i + 1} are both {month}"
            )
        seen[month] = i
    blocks = []
    for i, month in months.items():
        value = _numbers(body[i], path, first_line, month)
        blocks.append(
            pd.DataFrame(
                {"period": month, "route": body[route], "nationality": body[nationality], "value": value}
            )
        )
    frame = pd.concat(blocks, ignore_index=True)
    frame = frame[frame["value"] > 0.0]
    unused: list[Unused] = []
    total = frame["route"].astype("string").str.strip().str.lower().isin(["total", "grand total"])
    frame = _set_aside(
        frame, ~total.fillna(False).astype(bool), frame["route"].astype("string"), unused, "row of totals"
    )
    plain = frame["route"].astype("string").str.lower().str.replace(r"\s*route\b", "", regex=True).str.strip()
    code = plain.map(_FRONTEX_ROUTES).fillna(
        frame["route"].where(frame["route"].isin(list(_FRONTEX_ROUTES.values())))
    )
    frame = _set_aside(
        frame.assign(code=code), code.notna(), frame["route"].astype("string"), unused, "route"
    )
    name = frame["nationality"].astype("string").str.strip()
    low = name.str.lower()
    group = _to_group(name).astype("string")
    group = group.mask(low.isin(["unknown", "not available", "unspecified", "not specified", "ooo"]), UNKNOWN)
    group = group.mask(low.str.contains("sub-saharan", na=False) | (low == "oos"), SUB_SAHARAN)
    frame = _set_aside(frame.assign(group=group), group.notna(), name, unused, "nationality")
    rows = (
        frame.drop(columns="route")
        .rename(columns={"code": "route", "group": "origin_group"})
        .assign(outcome="detections")
    )
    return Published("Frontex, monthly detections of illegal border-crossing", _tidy(rows), unused)


def _spread_unknown(table: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Unknown nationalities of a year over the groups: see docs/data.md, Groups, demand and routes."""
    known = table.reindex(index=groups, fill_value=0.0)
    out = known.copy()
    for name in (UNKNOWN, SUB_SAHARAN):
        if name not in table.index:
            continue
        for route in table.columns:
            weight, total = known["EMED" if route == "WBALK" else route].copy(), known.sum(axis=1)
            if name == SUB_SAHARAN:
                other = ~weight.index.isin(SUB_SAHARAN_GROUPS)
                weight[other], total[other] = 0.0, 0.0
            weight = weight if weight.sum() > 0.0 else total
            if weight.sum() > 0.0:
                out[route] += (
                    float(table[route].to_numpy()[table.index == name].sum()) * weight / weight.sum()
                )
    return out


def _seasons(rows: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """Month over the year's mean, averaged over years of 240 detections or more, smoothed 1-2-1, mean one."""
    blocks = []
    for group in groups:
        own = rows[
            (rows["origin_group"] == group) & ((rows["route"] != "WBALK") | (group == "western-balkans"))
        ]
        table = own.pivot_table(index="year", columns="month", values="value", aggfunc="sum", fill_value=0.0)
        table = table.reindex(columns=range(1, 13), fill_value=0.0)
        table = table[table.sum(axis=1) >= 240.0]
        if table.empty:
            continue
        raw = table.div(table.mean(axis=1), axis=0).mean().to_numpy()
        smooth = np.roll(raw, 1) + 2.0 * raw + np.roll(raw, -1)
        blocks.append(
            pd.DataFrame({"origin_group": group, "month": range(1, 13), "factor": smooth / smooth.mean()})
        )
    return (
        pd.concat(blocks, ignore_index=True)
        if blocks
        else pd.DataFrame(columns=["origin_group", "month", "factor"])
    )


# ------------------------------------------------------------------------------------------------ IOM


def _is_iom(header: list[str]) -> bool:
    return "migration route" in header and bool({"incident date", "reported date"} & set(header))


def _read_iom(path: Path, header: list[str], body: pd.DataFrame, first_line: int) -> Published:
    def column(*names: str) -> int:
        for name in names:
            if name in header:
                return header.index(name)
        near = nearest(names[0], [h for h in header if h])
        hint = f"; nearest is '{near}'" if near else ""
        raise UnreadableFile(f"{path}:{first_line}: no column '{names[0]}'{hint}")

    when = column("incident date", "reported date")
    dead = column("total number of dead and missing", "total dead and missing")
    day = pd.to_datetime(body[when], errors="coerce", format="mixed", dayfirst=False)
    bad = day.isna() & body[when].notna()
    if bool(bad.any()):
        at = int(np.flatnonzero(bad.to_numpy())[0])
        raise UnreadableFile(
            f"{path}:{first_line + at + 1}: column {header[when]}: no date: '{body[when].iloc[at]}'"
        )
    frame = pd.DataFrame({
        "period": day.dt.strftime("%Y-%m"),
        "value": _numbers(body[dead], path, first_line, header[dead]),
        "name": body[header.index("migration route")].astype("string").str.strip(),
    })  # fmt: skip
    unused: list[Unused] = []
    frame = _set_aside(frame, frame["period"].notna(), frame["name"], unused, "incident without a date on")
    route = frame["name"].str.lower().map(_IOM_ROUTES)
    frame = _set_aside(frame.assign(route=route), route.notna(), frame["name"], unused, "route")
    deaths = frame.drop(columns="name").assign(outcome="deaths")
    incidents = deaths.assign(outcome="incidents", value=1.0)
    return Published("IOM, Missing Migrants Project", _tidy(pd.concat([deaths, incidents])), unused)


# ------------------------------------------------------------------------------------------------ Eurostat


def _is_eurostat(header: list[str]) -> bool:
    first = header[0]
    if first.endswith("\\time period") and "geo" in first:
        return True
    plain = [h.partition(":")[0] for h in header]
    return "geo" in plain and "time period" in plain and "obs value" in plain


def _read_eurostat(path: Path, header: list[str], body: pd.DataFrame, first_line: int) -> Published:
    if header[0].endswith("\\time period"):
        keys = [k.strip() for k in header[0].removesuffix("\\time period").split(",")]
        split = body[0].astype("string").str.split(",", expand=True)
        if split.shape[1] != len(keys):
            raise UnreadableFile(
                f"{path}:{first_line + 1}: {split.shape[1]} keys where the header has {len(keys)}"
            )
        split.columns = pd.Index(keys)
        blocks = []
        for i, period in enumerate(header[1:], start=1):
            value = body[i].astype("string").str.extract(r"^\s*(-?[\d.]+)", expand=False)
            blocks.append(
                split.assign(period=period.upper(), value=_numbers(value, path, first_line, period))
            )
        frame = pd.concat(blocks, ignore_index=True)
        named = path.name
    else:
        plain = [h.partition(":")[0].replace(" ", "_") for h in header]
        frame = body.copy()
        frame.columns = pd.Index(plain)
        named = f"{path.name} {frame.get('dataflow', frame.get('structure_id', pd.Series(['']))).iloc[0] if len(frame) else ''}"
        frame = frame.rename(columns={"time_period": "period"})
        frame["value"] = _numbers(frame["obs_value"], path, first_line, "OBS_VALUE")
        frame["period"] = frame["period"].astype("string").str.strip()
        keys = [k for k in plain if k in _DIMENSIONS]
        for key in keys:  # with labels, a cell reads "DE:Germany"
            frame[key] = frame[key].astype("string").str.partition(":")[0].str.strip()
    keys = [k.replace(" ", "_") for k in keys]
    frame.columns = pd.Index([str(c).replace(" ", "_") for c in frame.columns])
    outcome = next((o for code, o in _EUROSTAT.items() if code in named.lower()), None)
    if outcome is None and {"asyl_app", "applicant"} & set(keys):
        outcome = "asylum_applications"
    if outcome is None:
        raise UnreadableFile(
            f"{path}: a Eurostat table, but which? Keep the publisher's file name, which begins with one of "
            f"{', '.join(_EUROSTAT)}"
        )
    unused: list[Unused] = []
    frame = frame[frame["value"].notna()]
    for key in keys:
        if key in ("citizen", "geo"):
            continue
        present = list(pd.unique(frame[key]))
        chosen = next((a for a in _ALL if a in present), present[0] if len(present) == 1 else None)
        if chosen is None:
            raise UnreadableFile(
                f"{path}: column {key} holds {', '.join(map(str, present[:6]))}, none of which means all"
            )
        frame = _set_aside(frame, frame[key] == chosen, frame[key], unused, f"part of {key}")
    codes = _country_codes(frame["geo"])
    state = frame["geo"].map(codes)
    frame = _set_aside(frame.assign(state=state), state.isin(MEMBER_STATES), frame["geo"], unused, "place")
    if "citizen" in keys:
        group = _to_group(frame["citizen"]).astype("string")
        if bool(group.notna().any()):  # totals beside nationalities would count people twice
            frame = _set_aside(
                frame.assign(group=group), group.notna(), frame["citizen"], unused, "citizenship"
            )
        else:
            chosen = next((a for a in ("EXT_EU27_2020", "TOTAL") if a in set(frame["citizen"])), None)
            if chosen is None:
                raise UnreadableFile(f"{path}: column citizen holds neither nationalities nor a total")
            frame = _set_aside(
                frame, frame["citizen"] == chosen, frame["citizen"], unused, "citizenship"
            ).assign(group="")
    else:
        frame = frame.assign(group="")
    rows = pd.DataFrame({"period": frame["period"].str.replace("M", "-").str.replace("--", "-"), "outcome": outcome,
                         "origin_group": frame["group"], "member_state": frame["state"], "value": frame["value"]})  # fmt: skip
    return Published("Eurostat", _tidy(rows), unused)


_DIMENSIONS = {
    "freq", "unit", "citizen", "sex", "age", "asyl_app", "applicant", "geo", "reason", "border", "c_dest", "agree_us",
    "decision",
}  # fmt: skip


# ------------------------------------------------------------------------------------------------ UNHCR

_COUNTRY = ("country", "country of arrival", "location", "geomaster name", "country name")
_WHEN = ("date", "month", "year month", "period")
_ARRIVALS = {
    "individuals": "arrivals", "arrivals": "arrivals", "total arrivals": "arrivals", "total": "arrivals",
    "sea arrivals": "sea_arrivals", "land arrivals": "land_arrivals",
}  # fmt: skip


def _is_unhcr(header: list[str]) -> bool:
    held = set(header)
    dated = bool(held & set(_WHEN)) or {"year", "month"} <= held
    return bool(held & set(_COUNTRY)) and dated and bool(held & set(_ARRIVALS))


def _read_unhcr(path: Path, header: list[str], body: pd.DataFrame, first_line: int) -> Published:
    country = next(header.index(c) for c in _COUNTRY if c in header)
    if {"year", "month"} <= set(header):
        month = body[header.index("month")].astype("string").str.strip().str.lower()
        number = month.str[:3].map(_MONTHS).fillna(pd.to_numeric(month, errors="coerce"))
        year = _numbers(body[header.index("year")], path, first_line, "year")
        period = pd.Series([
            f"{int(y):04d}-{int(m):02d}" if pd.notna(y) and pd.notna(m) and 1 <= m <= 12 else None
            for y, m in zip(year, number, strict=True)
        ], index=body.index)  # fmt: skip
    else:
        at = next(header.index(c) for c in _WHEN if c in header)
        text = body[at].map(_plain)
        day = pd.to_datetime(body[at], errors="coerce", format="mixed")
        period = text.map(_month_of).fillna(day.dt.strftime("%Y-%m"))
    if bool(period.isna().any()):
        at = int(np.flatnonzero(period.isna().to_numpy())[0])
        raise UnreadableFile(f"{path}:{first_line + at + 1}: no month: {body.iloc[at].dropna().tolist()[:5]}")
    unused: list[Unused] = []
    names = body[country].astype("string").str.strip()
    state = names.map(_country_codes(names))
    blocks = []
    for name, outcome in _ARRIVALS.items():
        if name not in header:
            continue
        value = _numbers(body[header.index(name)], path, first_line, name)
        block = pd.DataFrame(
            {"period": period, "outcome": outcome, "member_state": state, "value": value, "name": names}
        )
        block = block[block["value"].notna()]
        blocks.append(
            _set_aside(block, block["member_state"].isin(MEMBER_STATES), block["name"], unused, "country")
        )
    return Published("UNHCR, Operational Data Portal", _tidy(pd.concat(blocks).drop(columns="name")), unused)


_Reader = Callable[[Path, list[str], pd.DataFrame, int], Published]
_LAYOUTS: tuple[tuple[Callable[[list[str]], bool], _Reader], ...] = (
    (_is_frontex, _read_frontex), (_is_iom, _read_iom), (_is_eurostat, _read_eurostat), (_is_unhcr, _read_unhcr),
)  # fmt: skip
