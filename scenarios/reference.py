"""Reference tables: the world before any lever is pulled.

``world()`` reads the tables in ``scenarios/data``, checks them and returns them as one read-only bundle.
How each table was derived, and from which publisher, stands in ``docs/data.md``.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "MEMBER_STATES",
    "ROUTES",
    "ReferenceDataError",
    "TableProblem",
    "World",
    "great_circle_km",
    "reachable",
    "world",
]

MEMBER_STATES: tuple[str, ...] = (
    "AUT", "BEL", "BGR", "HRV", "CYP", "CZE", "DNK", "EST", "FIN", "FRA", "DEU", "GRC", "HUN", "IRL",
    "ITA", "LVA", "LTU", "LUX", "MLT", "NLD", "POL", "PRT", "ROU", "SVK", "SVN", "ESP", "SWE",
)  # fmt: skip
"""ISO 3166 alpha-3 codes of the 27 Member States, in the Union's protocol order of English names."""

ROUTES: tuple[str, ...] = ("CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND")
"""Frontex routes into the Union for which detections are published."""

_EARTH_RADIUS_KM = 6371.0088
_LEG_ROUTES = (*ROUTES, "CHANNEL", "FEEDER", "INNER")
PERIODS = ("2014-2016", "2017-2019", "2020-2024")
YEARS = (2011, 2025)
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class TableProblem:
    """One fault found in a reference table.

    Parameters
    ----------
    file : str
        Name of the table's file.
    row : int or None
        Line in the file (the header is line 1); None when the fault lies in the table as a whole.
    column : str or None
        Name of the column; None when the fault is not in one column.
    message : str
        What was expected and what was found.
    """

    file: str
    row: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.message}"


class ReferenceDataError(ValueError):
    """The reference tables cannot be used.

    Parameters
    ----------
    problems : sequence of TableProblem
        All faults found, in the order of the tables.
    """

    def __init__(self, problems: Sequence[TableProblem]) -> None:
        self.problems: tuple[TableProblem, ...] = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[ReferenceDataError], tuple[tuple[TableProblem, ...]]]:
        return type(self), (self.problems,)


@dataclass(frozen=True)
class World:
    """The reference tables, validated and read-only.

    Each attribute returns a fresh copy, so that no caller can change what another one sees.

    Attributes
    ----------
    hubs : pandas.DataFrame
        hub, name, country (ISO3), lat and lon (degrees), kind, source.
    legs : pandas.DataFrame
        leg, from, to, mode, route, border, corridor, days (travel and waiting), fee_eur (EUR of about 2024),
        death_per_1000 (deaths per 1,000 attempts), interception and detection (probabilities), interceptor,
        sources and grades; appended: km (great circle), authority_from and authority_to (ISO3).
    member_states : pandas.DataFrame
        One row for each of the 27: population (persons), gdp_eur_bn (EUR billion), police and prosecutors
        (per 100,000 inhabitants), maximum penalties (years), investigation_productivity (France = 1),
        reporting_completeness (0 to 1), reporting_delay_days, coast, prosecuted_share (0 to 1).
    partners : pandas.DataFrame
        One row for each country outside the Union that has a hub: cooperation and evidence_reach (0 to 1).
    origin_groups : pandas.DataFrame
        origin_group, name, nationalities, budget_eur (EUR), repeat_share (0 to 1).
    origin_hubs : pandas.DataFrame
        origin_group, hub, share (sums to one in each group).
    demand : pandas.DataFrame
        origin_group, year, detections on entry routes (detections per year).
    seasonality : pandas.DataFrame
        origin_group, month (1 to 12), factor (mean one in each group).
    route_detections : pandas.DataFrame
        origin_group, route, year, detections per year.
    destination_shares : pandas.DataFrame
        origin_group, member_state, period, share (sums to one in each group and period).
    """

    hubs: pd.DataFrame
    legs: pd.DataFrame
    member_states: pd.DataFrame
    partners: pd.DataFrame
    origin_groups: pd.DataFrame
    origin_hubs: pd.DataFrame
    demand: pd.DataFrame
    seasonality: pd.DataFrame
    route_detections: pd.DataFrame
    destination_shares: pd.DataFrame

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        return value.copy() if isinstance(value, pd.DataFrame) else value


def great_circle_km(
    lat1: NDArray[np.float64] | float,
    lon1: NDArray[np.float64] | float,
    lat2: NDArray[np.float64] | float,
    lon2: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """Distance over the Earth's surface by the haversine formula.

    Parameters
    ----------
    lat1, lon1, lat2, lon2 : float or ndarray
        Positions in degrees, north and east positive; arrays must broadcast.

    Returns
    -------
    ndarray of float64
        Distance in kilometres on a sphere of the mean Earth radius (6,371.0088 km, IUGG).
    """
    a1, o1, a2, o2 = (np.radians(np.asarray(x, dtype=np.float64)) for x in (lat1, lon1, lat2, lon2))
    h = np.sin((a2 - a1) / 2.0) ** 2 + np.cos(a1) * np.cos(a2) * np.sin((o2 - o1) / 2.0) ** 2
    km: NDArray[np.float64] = 2.0 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))
    return km


def reachable(legs: pd.DataFrame, start: str) -> tuple[set[str], set[str]]:
    """Hubs and routes that can be reached from a hub.

    Parameters
    ----------
    legs : pandas.DataFrame
        Columns from, to, route.
    start : str
        Hub to start from.

    Returns
    -------
    hubs : set of str
        All hubs on some way out of `start`, `start` included.
    routes : set of str
        Routes of all legs on such ways.
    """
    onward: dict[str, list[tuple[str, str]]] = {}
    for a, b, route in zip(legs["from"], legs["to"], legs["route"], strict=True):
        onward.setdefault(a, []).append((b, route))
    seen, routes, todo = {start}, set(), [start]
    while todo:
        for b, route in onward.get(todo.pop(), ()):
            routes.add(route)
            if b not in seen:
                seen.add(b)
                todo.append(b)
    return seen, routes


# ---------------------------------------------------------------------------------------------- columns


@dataclass(frozen=True)
class _Column:
    """How one column is read: its kind, its limits and its allowed words."""

    kind: str = "text"  # text | blank | number | integer | flag
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()


_TEXT = _Column()
_GRADE = _Column(words=("A", "B", "C", "D"))
_SHARE = _Column("number", 0.0, 1.0)
_AMOUNT = _Column("number", 0.0)
_YEAR = _Column("integer", *YEARS)

_TABLES: Mapping[str, Mapping[str, _Column]] = {
    "hubs": {
        "hub": _TEXT, "name": _TEXT, "country": _TEXT,
        "lat": _Column("number", -90.0, 90.0), "lon": _Column("number", -180.0, 180.0),
        "kind": _Column(words=("origin", "transit", "entry", "destination")), "source": _TEXT,
    },
    "legs": {
        "leg": _TEXT, "from": _TEXT, "to": _TEXT, "mode": _Column(words=("land", "sea", "air")),
        "route": _Column(words=_LEG_ROUTES), "border": _Column(words=("external", "internal", "none")),
        "corridor": _TEXT, "days": _AMOUNT, "fee_eur": _AMOUNT,
        "death_per_1000": _Column("number", 0.0, 1000.0), "interception": _SHARE, "detection": _SHARE,
        "interceptor": _Column("blank"), "fee_source": _TEXT, "fee_grade": _GRADE,
        "risk_source": _TEXT, "risk_grade": _GRADE,
    },
    "member_states": {
        "member_state": _TEXT, "iso2": _TEXT, "name": _TEXT, "population": _Column("integer", 1),
        "gdp_eur_bn": _Column("number", 1.0), "population_source": _TEXT, "gdp_source": _TEXT,
        "economy_grade": _GRADE, "police_per_100k": _Column("number", 1.0), "police_source": _TEXT,
        "police_grade": _GRADE, "prosecutors_per_100k": _Column("number", 0.1), "prosecutors_source": _TEXT,
        "prosecutors_grade": _GRADE, "penalty_basic_years": _AMOUNT, "penalty_aggravated_years": _AMOUNT,
        "penalty_death_years": _AMOUNT, "penalty_source": _TEXT, "penalty_grade": _GRADE,
        "investigation_productivity": _Column("number", 0.01, 10.0), "productivity_source": _TEXT,
        "productivity_grade": _GRADE, "reporting_completeness": _SHARE,
        "reporting_delay_days": _Column("number", 0.0, 3650.0), "reporting_source": _TEXT,
        "reporting_grade": _GRADE, "coast": _Column("flag"), "prosecuted_share": _SHARE,
        "conviction_source": _TEXT, "conviction_grade": _GRADE,
    },
    "partners": {
        "partner": _TEXT, "name": _TEXT, "capacity_grade": _GRADE, "cooperation": _SHARE,
        "evidence_reach": _SHARE, "has_air_route": _Column("flag"), "source": _TEXT,
    },
    "origin_groups": {
        "origin_group": _TEXT, "name": _TEXT, "nationalities": _TEXT, "budget_eur": _AMOUNT,
        "budget_source": _TEXT, "budget_grade": _GRADE, "repeat_share": _SHARE, "grade": _GRADE,
    },
    "origin_hubs": {"origin_group": _TEXT, "hub": _TEXT, "share": _SHARE},
    "demand": {
        "origin_group": _TEXT, "year": _YEAR, "detections": _AMOUNT, "source": _TEXT, "grade": _GRADE,
    },
    "seasonality": {"origin_group": _TEXT, "month": _Column("integer", 1, 12), "factor": _AMOUNT},
    "route_detections": {
        "origin_group": _TEXT, "route": _Column(words=ROUTES), "year": _YEAR, "detections": _AMOUNT,
        "source": _TEXT, "grade": _GRADE,
    },
    "destination_shares": {
        "origin_group": _TEXT, "member_state": _TEXT, "period": _Column(words=PERIODS), "share": _SHARE,
    },
}  # fmt: skip

_KEYS: Mapping[str, tuple[str, ...]] = {
    "hubs": ("hub",), "legs": ("leg",), "member_states": ("member_state",), "partners": ("partner",),
    "origin_groups": ("origin_group",), "origin_hubs": ("origin_group", "hub"),
    "demand": ("origin_group", "year"), "seasonality": ("origin_group", "month"),
    "route_detections": ("origin_group", "route", "year"),
    "destination_shares": ("origin_group", "member_state", "period"),
}  # fmt: skip


def _nearest(word: str, words: Iterable[str]) -> str:
    near = get_close_matches(word, sorted(words), n=1)
    return f"; nearest is {near[0]!r}" if near else ""


# ------------------------------------------------------------------------------------------ one table


def _convert(raw: str, column: _Column) -> tuple[Any, str | None]:
    """Value of one cell and, when it cannot be used, what is wrong with it."""
    if column.kind == "flag":
        return raw == "true", None if raw in ("true", "false") else f"expected true or false, found {raw!r}"
    if column.kind in ("text", "blank"):
        if not raw and column.kind == "text":
            return raw, "is empty"
        if column.words and raw not in column.words:
            allowed = ", ".join(column.words)
            return raw, f"expected one of {allowed}, found {raw!r}{_nearest(raw, column.words)}"
        return raw, None
    try:
        value = float(raw)
    except ValueError:
        return 0.0, f"expected a number, found {raw!r}"
    if not math.isfinite(value):
        return 0.0, f"expected a finite number, found {raw!r}"
    if not column.low <= value <= column.high:
        return 0.0, f"expected a value from {column.low:g} to {column.high:g}, found {raw!r}"
    if column.kind == "integer":
        if value != int(value):
            return 0, f"expected a whole number, found {raw!r}"
        return int(value), None
    return value, None


def _read(folder: Path, table: str, problems: list[TableProblem]) -> pd.DataFrame:
    """Read one table; faults go to `problems`, and cells at fault become zero or stay text."""
    name = f"{table}.csv"
    columns = _TABLES[table]
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        problems.append(TableProblem(name, None, None, f"file not found in {folder}"))
        return pd.DataFrame(columns=list(columns))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(TableProblem(name, None, None, f"cannot be read as UTF-8 text: {error}"))
        return pd.DataFrame(columns=list(columns))
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    for column in columns:
        if column not in header:
            problems.append(TableProblem(name, 1, column, f"column is missing{_nearest(column, header)}"))
    for column in header:
        if column not in columns:
            problems.append(TableProblem(name, 1, column, f"unknown column{_nearest(column, columns)}"))
    if set(header) != set(columns) or len(header) != len(set(header)):
        if len(header) != len(set(header)):
            problems.append(TableProblem(name, 1, None, "a column stands twice"))
        return pd.DataFrame(columns=list(columns))
    cells: dict[str, list[Any]] = {column: [] for column in columns}
    keys: dict[tuple[str, ...], int] = {}
    rows: list[int] = []
    for record in reader:
        if not record:
            continue
        row = reader.line_num
        if len(record) != len(header):
            problems.append(TableProblem(name, row, None, f"{len(record)} cells, expected {len(header)}"))
            continue
        rows.append(row)
        raw = dict(zip(header, (cell.strip() for cell in record), strict=True))
        for column, spec in columns.items():
            value, fault = _convert(raw[column], spec)
            if fault:
                problems.append(TableProblem(name, row, column, fault))
            cells[column].append(value)
        key = tuple(raw[k] for k in _KEYS[table])
        if key in keys:
            words = " ".join(key)
            problems.append(
                TableProblem(name, row, _KEYS[table][0], f"{words!r} stands already in row {keys[key]}")
            )
        keys.setdefault(key, row)
    frame = pd.DataFrame(cells, columns=list(columns))
    frame.attrs["rows"] = rows
    for column, spec in columns.items():
        kind = {"number": "float64", "integer": "int64", "flag": "bool"}.get(spec.kind)
        if kind:
            frame[column] = frame[column].astype(kind)  # type: ignore[call-overload]
    return frame


# --------------------------------------------------------------------------------- between the tables


class _Checker:
    """Checks that need more than one cell; collects faults with file, row and column."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], problems: list[TableProblem]) -> None:
        self.tables = tables
        self.problems = problems

    def fault(self, table: str, position: int | None, column: str | None, message: str) -> None:
        """Note a fault at a row (counted from 0 in the frame) of a table."""
        row = None if position is None else int(self.tables[table].attrs["rows"][position])
        self.problems.append(TableProblem(f"{table}.csv", row, column, message))

    def known(self, table: str, column: str, words: Iterable[str], what: str, *, blank: bool = False) -> None:
        """Every word of a column must be one of `words`."""
        allowed = set(words)
        for i, word in enumerate(self.tables[table][column]):
            if word not in allowed and not (blank and word == ""):
                self.fault(table, i, column, f"unknown {what} {word!r}{_nearest(word, allowed)}")

    def sums(self, table: str, by: list[str], column: str, target: float, *, mean: bool = False) -> None:
        """In each group the column must add (or average) to `target`."""
        frame = self.tables[table]
        positions = pd.Series(range(len(frame)), dtype="int64")
        keys = [frame[b].reset_index(drop=True) for b in by]
        values = frame[column].reset_index(drop=True)
        first: dict[object, int] = positions.groupby(keys).first().to_dict()
        total = values.groupby(keys).mean() if mean else values.groupby(keys).sum()
        for key, value in total.items():
            if abs(float(value) - target) > _SUM_TOLERANCE:
                verb = "average" if mean else "sum"
                name = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
                self.fault(
                    table, first[key], column, f"values of {name} {verb} to {value:.6g}, not {target:g}"
                )

    def complete(self, table: str, key: str, wanted: Iterable[str], what: str) -> None:
        """Every wanted word must stand in the key column."""
        missing = [w for w in wanted if w not in set(self.tables[table][key])]
        if missing:
            self.fault(table, None, key, f"no row for {what} {', '.join(missing)}")


def _check_places(c: _Checker) -> None:
    hubs, legs = c.tables["hubs"], c.tables["legs"]
    partners = set(c.tables["partners"]["partner"])
    known = partners | set(MEMBER_STATES)
    c.known("hubs", "country", known, "country (neither a Member State nor in partners.csv)")
    c.known("member_states", "member_state", MEMBER_STATES, "Member State")
    c.complete("member_states", "member_state", MEMBER_STATES, "the Member State")
    c.complete("hubs", "country", (*MEMBER_STATES, "GBR"), "the country")
    ends = set(hubs.loc[hubs["kind"] == "destination", "country"])
    for state in MEMBER_STATES:
        if state not in ends and state in set(hubs["country"]):
            c.fault("hubs", None, "kind", f"Member State {state} has no hub of kind 'destination'")
    for i, partner in enumerate(c.tables["partners"]["partner"]):
        if partner in MEMBER_STATES:
            c.fault("partners", i, "partner", f"{partner} is a Member State, not a partner")
    for column in ("from", "to"):
        c.known("legs", column, hubs["hub"], "hub")
    c.known("legs", "interceptor", known, "country", blank=True)
    country = dict(zip(hubs["hub"], hubs["country"], strict=True))
    for i, leg in enumerate(legs.itertuples(index=False, name=None)):
        row = dict(zip(legs.columns, leg, strict=True))
        a, b = country.get(row["from"]), country.get(row["to"])
        if a is None or b is None:
            continue
        if row["leg"] != f"{row['from']}>{row['to']}":
            c.fault("legs", i, "leg", f"expected {row['from']}>{row['to']!s}, found {row['leg']!r}")
        if row["from"] == row["to"]:
            c.fault("legs", i, "to", "a leg must lead to another hub")
        inside_a, inside_b = a in MEMBER_STATES, b in MEMBER_STATES
        expected = (
            "external" if inside_b and not inside_a
            else "internal" if inside_a and inside_b and a != b
            else "none"
        )  # fmt: skip
        if row["border"] != expected:
            c.fault("legs", i, "border", f"a leg from {a} to {b} has border {expected!r}, found {row['border']!r}")
        if (row["border"] == "external") != (row["route"] in ROUTES):
            c.fault(
                "legs", i, "route", f"border {row['border']!r} does not go with route {row['route']!r}: "
                "routes of entry stand on external borders and nowhere else",
            )  # fmt: skip
        if (row["route"] == "INNER") != (inside_a and inside_b):
            c.fault("legs", i, "route", "route INNER is for legs between hubs of Member States, and only those")
        if row["border"] != "external" and row["detection"] != 0.0:
            c.fault("legs", i, "detection", "only a crossing of the external border can be detected")
        if row["border"] == "external" and row["detection"] == 0.0:
            c.fault("legs", i, "detection", "a crossing of the external border needs a chance of detection")
        if (row["interception"] > 0.0) != bool(row["interceptor"]):
            c.fault("legs", i, "interceptor", "an interception above 0 needs an interceptor, and the reverse")


def _check_groups(c: _Checker) -> None:
    groups = list(c.tables["origin_groups"]["origin_group"])
    for table in ("origin_hubs", "demand", "seasonality", "route_detections", "destination_shares"):
        c.known(table, "origin_group", groups, "origin group")
        c.complete(table, "origin_group", groups, "the origin group")
    c.known("origin_hubs", "hub", c.tables["hubs"]["hub"], "hub")
    c.known("destination_shares", "member_state", MEMBER_STATES, "Member State")
    seen: dict[str, str] = {}
    for i, (group, text) in enumerate(
        zip(groups, c.tables["origin_groups"]["nationalities"], strict=True)
    ):
        for code in text.split():
            if len(code) != 3 or not code.isascii() or not code.isupper():
                c.fault("origin_groups", i, "nationalities", f"expected ISO3 codes, found {code!r}")
            if code in seen:
                c.fault("origin_groups", i, "nationalities", f"{code} stands already in {seen[code]}")
            seen.setdefault(code, group)
    c.sums("origin_hubs", ["origin_group"], "share", 1.0)
    c.sums("seasonality", ["origin_group"], "factor", 1.0, mean=True)
    c.sums("destination_shares", ["origin_group", "period"], "share", 1.0)
    sizes = {"seasonality": 12, "demand": YEARS[1] - YEARS[0] + 1, "destination_shares": 27 * len(PERIODS)}
    for table, size in sizes.items():
        counts = c.tables[table].groupby("origin_group").size()
        for group, count in counts.items():
            if count != size:
                c.fault(table, None, "origin_group", f"{group} has {count} rows, expected {size}")


def _check_network(c: _Checker) -> None:
    """No dead ends: all Member States, and all published routes, from every hub where people set out."""
    hubs, legs = c.tables["hubs"], c.tables["legs"]
    country = dict(zip(hubs["hub"], hubs["country"], strict=True))
    published = c.tables["route_detections"]
    published = published[published["detections"] > 0.0]
    routes_of = published.groupby("origin_group")["route"].agg(set).to_dict()
    ends = {h for h, k, s in zip(hubs["hub"], hubs["kind"], hubs["country"], strict=True)
            if k == "destination" and s in MEMBER_STATES}  # fmt: skip
    outward = set(legs["from"])
    for i, (hub, kind) in enumerate(zip(hubs["hub"], hubs["kind"], strict=True)):
        if hub not in outward and kind != "destination":
            c.fault("hubs", i, "hub", f"no leg leaves {hub!r}, which is not a destination")
        if hub not in set(legs["to"]) and kind != "origin":
            c.fault("hubs", i, "hub", f"no leg leads to {hub!r}, which is not an origin")
    for i, (group, hub) in enumerate(
        zip(c.tables["origin_hubs"]["origin_group"], c.tables["origin_hubs"]["hub"], strict=True)
    ):
        there, routes = reachable(legs, hub)
        missing = [s for s in MEMBER_STATES if s not in {country.get(h) for h in there & ends}]
        if missing:
            c.fault("origin_hubs", i, "hub", f"no way from {hub!r} to {', '.join(missing)}")
        lost = sorted(routes_of.get(group, set()) - routes)
        if lost:
            c.fault("origin_hubs", i, "hub", f"{group} is published on {', '.join(lost)}, no way from {hub!r}")


# ------------------------------------------------------------------------------------------------ world


def _load(folder: Path) -> World:
    problems: list[TableProblem] = []
    tables = {table: _read(folder, table, problems) for table in _TABLES}
    if problems:
        # checks between tables would only repeat, less clearly, what is wrong inside one
        raise ReferenceDataError(problems)
    for table, frame in tables.items():
        if frame.empty:
            problems.append(TableProblem(f"{table}.csv", None, None, "has no rows"))
    if problems:
        raise ReferenceDataError(problems)
    checker = _Checker(tables, problems)
    _check_places(checker)
    _check_groups(checker)
    if not problems:
        _check_network(checker)
    if problems:
        raise ReferenceDataError(problems)
    hubs, legs = tables["hubs"].set_index("hub"), tables["legs"]
    start, end = hubs.loc[legs["from"]], hubs.loc[legs["to"]]
    legs["km"] = great_circle_km(
        start["lat"].to_numpy(np.float64), start["lon"].to_numpy(np.float64),
        end["lat"].to_numpy(np.float64), end["lon"].to_numpy(np.float64),
    )  # fmt: skip
    legs["authority_from"] = start["country"].to_numpy()
    legs["authority_to"] = end["country"].to_numpy()
    for frame in tables.values():
        frame.attrs.clear()
    return World(**{f.name: tables[f.name] for f in fields(World)})


@lru_cache(maxsize=1)
def _bundled_world() -> World:
    with as_file(files(__package__ or __name__) / "data") as folder:
        return _load(folder)


def world(folder: str | Path | None = None) -> World:
    """Read, check and return the reference tables.

    Parameters
    ----------
    folder : str or pathlib.Path, optional
        Folder with the ten tables; the package's own (read once, then cached) when left out.

    Returns
    -------
    World
        The tables, with distances and authorities added to the legs.

    Raises
    ------
    ReferenceDataError
        When a table is missing or has faults; every fault is listed with file, row and column.
    """
    return _bundled_world() if folder is None else _load(Path(folder))
