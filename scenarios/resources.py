"""The staff and equipment that a plan can place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """One resource type: who owns it and which registry row holds its yearly cost."""

    name: str
    title: str
    unit: str
    owner: Literal["europol", "member_state"]
    cost_parameter: str
    heading: str
    description: str


_ALL = (
    ResourceInfo("analyst", "Europol analyst", "FTE", "europol", "cost.analyst_eur_per_year", "europol",
                 "Links evidence across Member States at the centre or beside a national team."),
    ResourceInfo("deployed_officer", "Deployed Europol officer", "FTE", "europol",
                 "cost.deployed_officer_eur_per_year", "europol",
                 "Works on a Member State's territory at its request; half of a joint team."),
    ResourceInfo("financial_investigator", "Europol financial investigator", "FTE", "europol",
                 "cost.financial_investigator_eur_per_year", "europol",
                 "Follows the proceeds of networks and prepares confiscation."),
    ResourceInfo("biometric_kit", "Biometric kit", "unit", "europol", "cost.biometric_kit_eur_per_year", "biometrics",
                 "Enrolment device with its connection and matching capacity at Europol."),
    ResourceInfo("investigator", "Specialised investigator", "FTE", "member_state",
                 "cost.investigator_eur_per_year", "member_states",
                 "Police officer of a specialised anti-smuggling service."),
    ResourceInfo("prosecutor", "Specialised prosecutor", "FTE", "member_state", "cost.prosecutor_eur_per_year",
                 "member_states", "Brings smuggling cases to court."),
    ResourceInfo("border_guard", "Border or coast guard officer", "FTE", "member_state",
                 "cost.border_guard_eur_per_year", "member_states",
                 "Surveys an external border, meets incidents and secures evidence."),
    ResourceInfo("rescue_unit", "Rescue unit at sea", "unit", "member_state", "cost.rescue_unit_eur_per_year",
                 "rescue", "A vessel with crews that can stay on station all year."),
)  # fmt: skip

RESOURCES: Final[Mapping[str, ResourceInfo]] = MappingProxyType(
    {resource.name: resource for resource in _ALL}
)
"""All resource types by name."""

HEADINGS: Final = ("europol", "biometrics", "member_states", "rescue")
"""Budget headings; each resource type is paid from one (``ResourceInfo.heading``)."""
