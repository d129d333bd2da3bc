"""Staff and equipment by resource type and Member State: today's baseline, and what a scenario or a plan adds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import RESOURCES, Scenario
from ..scenarios.member_states import MEMBER_STATES
from ..scenarios.problems import nearest
from .geography import Geography

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
Placement: TypeAlias = "pd.DataFrame | xr.DataArray"
"""Additional staff: a table resource, place, quarter, staff, or an array over resource, place and quarter."""
ALLOCATION_COLUMNS = ("resource", "place", "quarter", "staff")
TYPES: tuple[str, ...] = tuple(RESOURCES)
_QUARTER = re.compile(r"\d{4}Q[1-4]")


def places_of(kind: str, authorities: Sequence[str]) -> list[str]:
    """Where a resource type can be: Member States, or partner countries for those that work abroad."""
    abroad = RESOURCES[kind].places == "partner"
    return [name for name in authorities if (name in MEMBER_STATES) != abroad]


def quarter_of(day: date) -> str:
    """Name of the quarter that a day lies in, such as ``2025Q3``."""
    return f"{day.year}Q{(day.month - 1) // 3 + 1}"


def smuggler_use(geography: Geography, params: Mapping[str, float]) -> FloatArray:
    """Share of attempts on each leg that use a smuggler, shape (legs,)."""
    inner = np.asarray(geography.legs["route"] == "INNER")
    elsewhere = np.where(inner, params["networks.use_inner"], params["networks.use_feeder"])
    return np.where(geography.external, params["networks.use_external"], elsewhere)


def expected_driver_arrests(
    geography: Geography, params: Mapping[str, float], flow: FloatArray, chance: FloatArray, use: FloatArray
) -> FloatArray:
    """Arrests of drivers a year that the reference flows lead to, by Member State.

    Parameters
    ----------
    geography : Geography
    params : Mapping
    flow : FloatArray, shape (legs,)
        Attempts a day at the reference.
    chance : FloatArray, shape (legs,)
        Chance of interception.
    use : FloatArray, shape (legs,)
        Share with a smuggler.
    """
    paid = flow * use * (geography.column("legs", "fee_eur") > 0.0)
    detected = paid * (1.0 - chance) * geography.external * geography.column("legs", "detection")
    seen = np.zeros(len(geography.authorities))
    np.add.at(seen, geography.receiver, detected)
    np.add.at(seen, geography.interceptor, paid * chance)
    return np.asarray(
        seen[: len(geography.member_states)] * 365.25 * params["investigation.drivers_per_person"]
    )


def baseline_staff(
    geography: Geography, params: Mapping[str, float], driver_arrests: FloatArray
) -> dict[str, FloatArray]:
    """Today's staff by resource type, shape (member_states,) each, or (partners,) for types that work abroad.

    National investigators follow police numbers.  Prosecutors follow the case load that the reference brings, at a
    utilisation, between a least and a largest share of all prosecutors.  Europol's own staff are a pool whose members
    follow the work (zero here, see `Europol`).

    Parameters
    ----------
    geography : Geography
    params : Mapping
    driver_arrests : FloatArray, shape (member_states,)
        A year at the reference, from `expected_driver_arrests`.
    """
    people = geography.column("member_states", "population") / 1e5
    police = geography.column("member_states", "police_per_100k") * people
    prosecutors = geography.column("member_states", "prosecutors_per_100k") * people
    receives = np.zeros(len(people))
    for authority in geography.receiver[geography.external]:
        if authority < len(receives):
            receives[authority] = 1.0
    coast = np.zeros(len(people))
    for authority in geography.receiver[geography.external & geography.by_sea]:
        if authority < len(coast):
            coast[authority] = 1.0
    abroad = len(geography.authorities) - len(people)
    none = {kind: np.zeros(len(people) if RESOURCES[kind].places == "member_state" else abroad) for kind in TYPES}
    return none | {
        "investigator": police * params["investigation.specialised_share"],
        "prosecutor": np.clip(
            driver_arrests / params["prosecution.cases_per_prosecutor_year"] / params["prosecution.utilisation"],
            prosecutors * params["prosecution.least_share"],
            prosecutors * params["prosecution.largest_share"],
        ),
        "border_guard": police * params["interception.border_guard_share"] * receives,
        "rescue_unit": coast * params["rescue.units_per_coastal_state"],
    }


def staff_baseline(scenario: Scenario) -> pd.DataFrame:
    """Today's staff as a table: resource, place (a partner country for types that work abroad), staff.

    Parameters
    ----------
    scenario : Scenario
        Replicate 0 is set up: its reference flows decide how many prosecutors work on smuggling.
    """
    from .core import SmugglingModel  # the reference flows decide, so the model is set up

    model = SmugglingModel(scenario)
    geography, staff = model.geography, model.baseline_staff
    model.release()
    rows = [
        (kind, place, float(number))
        for kind in TYPES
        for place, number in zip(places_of(kind, geography.authorities), staff[kind], strict=True)
    ]
    return pd.DataFrame(rows, columns=["resource", "place", "staff"])


def as_table(allocation: Placement) -> pd.DataFrame:
    """An allocation as a table resource, place, quarter, staff.

    Raises
    ------
    ValueError
        For an array over other dimensions than resource, place and quarter.
    """
    if isinstance(allocation, pd.DataFrame):
        return allocation
    if set(allocation.dims) != set(ALLOCATION_COLUMNS[:3]):
        raise ValueError(f"an allocation has the dimensions resource, place and quarter, not {', '.join(map(str, allocation.dims))}")
    return allocation.to_series().rename("staff").reset_index()


class Allocation:
    """Additional staff by type, Member State and quarter, as arrays.

    Parameters
    ----------
    table : DataFrame or xarray.DataArray
        Columns resource, place, quarter, staff, or an array over resource, place and quarter.
    authorities : list of str
        Member States first, then partner countries.

    Raises
    ------
    ValueError
        For missing columns, unknown names, staff where its type does not work, quarters that are none, negative or
        non-finite numbers.
    """

    def __init__(self, table: Placement, authorities: list[str]) -> None:
        table = as_table(table)
        missing = [c for c in ALLOCATION_COLUMNS if c not in table.columns]
        if missing:
            raise ValueError(f"the allocation lacks the column(s) {', '.join(missing)}")
        for column, known in (("resource", TYPES), ("place", tuple(authorities))):
            unknown = sorted(str(name) for name in set(table[column]) - set(known))
            if unknown:
                close = nearest(unknown[0], known)
                hint = f"; did you mean {close!r}?" if close else ""
                raise ValueError(f"the allocation names an unknown {column}: {unknown[0]!r}{hint}")
        for quarter in table["quarter"]:
            if not _QUARTER.fullmatch(str(quarter)):
                raise ValueError(f"the allocation names a quarter {str(quarter)!r}; expected one such as '2025Q3'")
        numbers = table["staff"].to_numpy(dtype=np.float64)
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0.0):
            raise ValueError("staff in an allocation has to be a finite number, 0 or more")
        self._by_quarter: dict[str, dict[str, FloatArray]] = {}
        places = {kind: {name: i for i, name in enumerate(places_of(kind, authorities))} for kind in TYPES}
        self._none = {kind: np.zeros(len(known)) for kind, known in places.items()}
        for resource, name, quarter, number in zip(
            table["resource"], table["place"], table["quarter"], numbers, strict=True
        ):
            if number == 0.0:
                continue
            place = places[str(resource)].get(str(name))
            if place is None:
                where = "in partner countries" if str(name) in MEMBER_STATES else "in Member States"
                raise ValueError(f"the allocation sends {resource} to {name}, but this type works {where}")
            by_type = self._by_quarter.setdefault(str(quarter), {})
            row = by_type.setdefault(str(resource), self._none[str(resource)].copy())
            row[place] += number

    def on(self, day: date) -> dict[str, FloatArray]:
        """Additional staff on a day, by resource type."""
        by_type = self._by_quarter.get(quarter_of(day), {})
        return {kind: by_type.get(kind, self._none[kind]) for kind in TYPES}
