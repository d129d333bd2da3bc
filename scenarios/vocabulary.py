"""Names that a scenario may use, read from the reference tables as far as they are there.

Only the one column that is needed is read, so that checking a file needs no data frames.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import Final

from .member_states import MEMBER_STATES

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


def member_states() -> frozenset[str]:
    """ISO 3166-1 alpha-3 codes of the Member States."""
    return frozenset(MEMBER_STATES)


def partners() -> frozenset[str]:
    """ISO 3166-1 alpha-3 codes of the partner countries."""
    return column("partners", "partner")


def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-3 codes of all countries on the map."""
    return column("hubs", "country") | member_states() | partners()


def origin_groups() -> frozenset[str]:
    """Slugs of the origin groups."""
    return column("origin_groups", "origin_group")


def routes() -> frozenset[str]:
    """Names of the routes into the Union and across the Channel."""
    return frozenset(ROUTES)
