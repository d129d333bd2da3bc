"""The staff and equipment that a plan can place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """One resource type.

    ``owner`` gives it, ``cost_parameter`` is the registry row of its yearly cost, ``heading`` the budget that pays it,
    ``places`` says whether it works in Member States or in partner countries.
    """

    name: str
    title: str
    unit: str
    owner: Literal["europol", "member_state", "eurojust", "frontex"]
    cost_parameter: str
    heading: str
    description: str
    places: Literal["member_state", "partner"] = "member_state"


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
    ResourceInfo("task_force_team", "Operational task force team", "team", "europol",
                 "cost.task_force_team_eur_per_year", "europol",
                 "Europol's part of an operational task force, led from one Member State: aims at the organisers of the "
                 "network on which that state has most evidence."),
    ResourceInfo("reserve_officer", "Reserve pool officer", "FTE", "member_state",
                 "cost.reserve_officer_eur_per_year", "europol",
                 "Member State expert on call for Europol: works like a deployed officer and is missing from casework at home."),
    ResourceInfo("liaison_officer", "Liaison officer in a partner country", "FTE", "member_state",
                 "cost.liaison_officer_eur_per_year", "external",
                 "Makes evidence of a partner country's authorities usable in the Union, as far as they cooperate.",
                 "partner"),
    ResourceInfo("eurojust_adviser", "Eurojust adviser for joint teams", "FTE", "eurojust",
                 "cost.eurojust_adviser_eur_per_year", "eurojust",
                 "Sets up and runs joint investigation teams on networks on which several states work."),
    ResourceInfo("frontex_officer", "Frontex standing corps officer", "FTE", "frontex",
                 "cost.frontex_officer_eur_per_year", "frontex",
                 "Standing corps officer whom the plan sends to a border; the rest of the corps follows reports."),
)  # fmt: skip

RESOURCES: Final[Mapping[str, ResourceInfo]] = MappingProxyType(
    {resource.name: resource for resource in _ALL}
)
"""All resource types by name."""

HEADINGS: Final = ("europol", "biometrics", "member_states", "rescue", "eurojust", "frontex", "external")
"""Budget headings; each resource type is paid from one (``ResourceInfo.heading``)."""
