"""Names that a scenario may use, read from the reference tables as far as they are there.

Only the one column that is needed is read, so that checking a file needs no data frames.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

from .member_states import MEMBER_STATES
from .outcomes import OUTCOMES, WEIGHTABLE
from .registry import registry
from .resources import HEADINGS, RESOURCES

ROUTES: Final = ("CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND", "CHANNEL")
"""Routes by Frontex's names, and the Channel."""


@lru_cache(maxsize=16)
def column(table: str, name: str) -> frozenset[str]:
    """Distinct non-empty values of one column of ``scenarios/data/<table>.csv``; empty when the table is absent."""
    path = resources.files(__package__) / "data" / f"{table}.csv"
    if not path.is_file():
        return frozenset()
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return frozenset(row[name] for row in rows if row.get(name))


@lru_cache(maxsize=1)
def departures() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """By route, the countries that its crossings of an external border set out from, and by which modes they do."""
    folder = resources.files(__package__) / "data"
    if not (folder / "legs.csv").is_file() or not (folder / "hubs.csv").is_file():
        return {}
    tables = [csv.DictReader((folder / f"{t}.csv").read_text(encoding="utf-8").splitlines()) for t in ("hubs", "legs")]
    country = {row["hub"]: row["country"] for row in tables[0]}
    found: dict[str, dict[str, set[str]]] = {}
    for row in tables[1]:
        if row["border"] == "external":
            modes = found.setdefault(row["route"], {})
            modes.setdefault(country[row["from"]], set()).add(row["mode"])
    return {route: {c: frozenset(m) for c, m in modes.items()} for route, modes in found.items()}


@lru_cache(maxsize=32)
def names(kind: str) -> frozenset[str]:
    """All valid words of a kind, such as ``route`` or ``origin group``."""
    match kind:
        case "Member State":
            return frozenset(MEMBER_STATES)
        case "Member State or partner country":
            return frozenset(MEMBER_STATES) | column("partners", "partner")
        case "partner country":
            return column("partners", "partner")
        case "country on the map":
            return column("hubs", "country") | frozenset(MEMBER_STATES)
        case "origin group":
            return column("origin_groups", "origin_group")
        case "route":
            return frozenset(ROUTES)
        case "parameter in the registry":
            return frozenset(registry())
        case "resource type":
            return frozenset(RESOURCES)
        case "budget heading":
            return frozenset(HEADINGS)
        case "outcome that can be weighted":
            return frozenset(WEIGHTABLE)
    raise KeyError(kind)


def description(kind: str, name: str) -> str:
    """What a word means, for hover text in editors; empty when the word says it."""
    match kind:
        case "Member State" | "Member State or partner country" if name in MEMBER_STATES:
            return MEMBER_STATES[name]
        case "parameter in the registry":
            row = registry()[name]
            return f"{row.description}. {row.value:g} {row.unit} ({row.low:g} to {row.high:g}), grade {row.grade}: {row.source}"
        case "resource type":
            return f"{RESOURCES[name].title} ({RESOURCES[name].unit}). {RESOURCES[name].description}"
        case "outcome that can be weighted":
            return f"{OUTCOMES[name].title} ({OUTCOMES[name].unit}). {OUTCOMES[name].description}"
    return ""
