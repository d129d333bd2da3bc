"""The policy instruments that a scenario may switch on, and the proposal that each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class LeverInfo:
    """One lever of design section 4."""

    name: str
    title: str
    proposal: str
    description: str

    @property
    def parameters(self) -> list[str]:
        """Registry names that the lever acts by: every row ``lever.<name>.*``."""
        from .registry import registry

        return registry().matching(f"lever.{self.name}.*")

    @property
    def cost_parameter(self) -> str | None:
        """Registry name of what the lever costs a year at full intensity; None when its staff or places cost instead."""
        from .registry import registry

        name = f"cost.{self.name}_eur_per_year"
        return name if name in registry() else None


_DIRECTIVE = "Facilitation Directive, COM(2023) 755"
_EUROPOL = "Europol regulation, COM(2023) 754"
_ALLIANCE = "Global Alliance and Call to Action, 28 November 2023"

_ALL = (
    LeverInfo(
        "prosecution", "Prosecution of organised networks", _DIRECTIVE,
        "More of what investigations bring in reaches court and aims at organisers rather than at drivers.",
    ),
    LeverInfo(
        "penalties", "Penalty floors", _DIRECTIVE,
        "Maximum prison terms of at least the given years: each Member State's term becomes the larger of its own and "
        "the floor. Longer sentences barely deter; the certainty of being caught does.",
    ),
    LeverInfo(
        "jurisdiction", "Jurisdictional reach", _DIRECTIVE,
        "Offences at sea and outside the territory, and legal persons established in a Member State, can be prosecuted.",
    ),
    LeverInfo(
        "member_state_capacity", "Member States' resources and capacities", _DIRECTIVE,
        "Specialised services, training and special investigative tools raise what each investigator achieves.",
    ),
    LeverInfo(
        "data_reporting", "Data collection and reporting", _DIRECTIVE,
        "Yearly statistics on offences, prosecutions and convictions: reports become more complete and come sooner. "
        "No direct effect on behaviour: it is worth what better-informed planning makes of it.",
    ),
    LeverInfo(
        "europol_centre", "European Centre Against Migrant Smuggling", _EUROPOL,
        "A permanent centre at Europol with liaison officers of every Member State: cases are linked across borders.",
    ),
    LeverInfo(
        "interagency_cooperation", "Inter-agency cooperation", _EUROPOL,
        "Eurojust and Frontex sit permanently in the centre: joint investigation teams form sooner and more often.",
    ),
    LeverInfo(
        "information_sharing", "Information-sharing duty", _EUROPOL,
        "Member States and their liaison officers abroad must pass what they know to Europol through SIENA.",
    ),
    LeverInfo(
        "europol_deployments", "Europol staff deployments and reserve pool", _EUROPOL,
        "Europol staff and seconded experts work on Member States' territory on request. Posts that a plan places are "
        "counted there and not again here.",
    ),
    LeverInfo(
        "task_forces", "Operational task forces", _EUROPOL,
        "Temporary joint work on selected networks that aims at organisers; set up a number of times a year.",
    ),
    LeverInfo(
        "financial_investigation", "Financial investigation and asset recovery", "Europol regulation and Global Alliance",
        "Following and confiscating proceeds takes working capital out of networks.",
    ),
    LeverInfo(
        "biometrics", "Biometrics", _EUROPOL,
        "Europol processes biometric data at scale: one match links cases and recognises returning facilitators.",
    ),
    LeverInfo(
        "partner_cooperation", "Partner-country cooperation", _ALLIANCE,
        "Authorities of partner countries share evidence, arrest on request, and stop departures more often, which "
        "also makes the journeys that remain more dangerous and longer.",
    ),
    LeverInfo(
        "campaigns", "Prevention campaigns", _ALLIANCE,
        "Campaigns move beliefs towards the true risk and the true prospects, with decay.",
    ),
    LeverInfo(
        "root_causes", "Root causes", _ALLIANCE,
        "Training, jobs and partnerships in regions of origin change how many want to leave.",
    ),
    LeverInfo(
        "legal_pathways", "Legal pathways", _ALLIANCE,
        "Places for resettlement, humanitarian admission and work, per year, open to given origin groups.",
    ),
    LeverInfo(
        "search_and_rescue", "Search and rescue", "outside the proposals; Regulation (EU) 656/2014 and national duty",
        "Rescue capacity at sea lowers deaths per attempt; crossings respond little, but boats may become flimsier.",
    ),
    LeverInfo(
        "transport_and_visa", "Transport operators and visa policy of transit states", _ALLIANCE,
        "Operators check and transit states align visas: flying into a transit hub becomes harder and dearer.",
    ),
)  # fmt: skip

LEVERS: Final[Mapping[str, LeverInfo]] = MappingProxyType({lever.name: lever for lever in _ALL})
"""All levers by name, in the order of the three proposals."""
