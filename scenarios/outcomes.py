"""What a run measures: name, unit, how months add up, and which direction is better for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class OutcomeInfo:
    """One outcome of design section 7.

    ``kind`` and ``over_months`` tell how monthly rows become one figure: flows are summed, stocks averaged over months,
    ratios are the sum of ``numerator`` over the sum of ``denominator``.
    """

    name: str
    title: str
    unit: str
    kind: Literal["flow", "stock", "ratio"]
    over_months: Literal["sum", "mean"]
    better: Literal["lower", "higher", "neither"]
    dimensions: tuple[str, ...]
    numerator: str | None = None
    denominator: str | None = None
    weightable: bool = True
    description: str = ""


def _flow(
    name: str, title: str, unit: str, better: Literal["lower", "higher", "neither"], dimensions: tuple[str, ...],
    description: str, *, weightable: bool = True,
) -> OutcomeInfo:  # fmt: skip
    return OutcomeInfo(
        name, title, unit, "flow", "sum", better, dimensions, weightable=weightable, description=description
    )


def _stock(
    name: str, title: str, unit: str, better: Literal["lower", "higher", "neither"], dimensions: tuple[str, ...],
    description: str,
) -> OutcomeInfo:  # fmt: skip
    return OutcomeInfo(name, title, unit, "stock", "mean", better, dimensions, description=description)


_ROUTE_GROUP = ("route", "origin_group")
_ALL = (
    _flow("irregular_crossings", "Irregular crossings", "crossings", "neither", _ROUTE_GROUP,
          "Successful crossings of an external border, reported or not. Crossing to seek asylum is a right: fewer "
          "crossings are not better by themselves."),
    _flow("detections", "Detections", "detections", "neither", _ROUTE_GROUP,
          "Crossings that an authority registers. A person who is registered at two borders counts twice."),
    _flow("interceptions", "Interceptions", "interceptions", "neither", ("route", "origin_group"),
          "Attempts that an authority stops and sends back, before or at an external border."),
    _flow("returns", "Returns after arrival", "people", "neither", _ROUTE_GROUP,
          "People who had crossed an external border and are sent back under an agreement; they were counted as crossings.",
          weightable=False),
    _flow("deaths", "Deaths on the way", "deaths", "lower", _ROUTE_GROUP,
          "People who die or go missing between departure and destination, on land and at sea."),
    _flow("legal_pathway_admissions", "Admissions on legal pathways", "people", "higher", ("origin_group",),
          "People who travel safely on a place of the legal-pathways lever."),
    _flow("smuggler_revenue_eur", "Smugglers' revenue", "EUR", "lower", _ROUTE_GROUP,
          "Fees paid for legs that were travelled."),
    _flow("smuggler_profit_eur", "Smugglers' profit", "EUR", "lower", ("route",),
          "Revenue less the networks' costs and what is confiscated."),
    OutcomeInfo("mean_fee_eur", "Mean fee per paid leg", "EUR per leg", "ratio", "mean", "neither", _ROUTE_GROUP,
                "smuggler_revenue_eur", "paid_legs",
                description="Revenue over paid legs. A higher fee deters some and indebts the others."),
    _flow("travellers_in_debt", "Travellers in debt", "people", "lower", ("origin_group",),
          "People whose fees come to exceed their own means on the way; counted once, when it happens."),
    _flow("travellers_held", "Travellers held captive", "people", "lower", ("origin_group",),
          "People held on the way for ransom or labour; counted each time it happens."),
    _flow("ransom_eur", "Ransoms paid", "EUR", "lower", ("origin_group",),
          "Money paid to be released; what of it goes to smuggling networks is part of their profit, not of their "
          "revenue from fees."),
    _stock("active_networks", "Active smuggling networks", "networks", "lower", ("route",),
           "Networks at work, mean over months."),
    _flow("networks_dismantled", "Networks dismantled", "networks", "higher", ("member_state",),
          "Networks whose organisers were reached and that stopped working."),
    _flow("arrests", "Arrests of facilitators and organisers", "arrests", "neither", ("member_state",),
          "Many are at the bottom of the chain: more arrests are not better by themselves."),
    _flow("convictions", "Convictions", "convictions", "neither", ("member_state",),
          "Final sentences; how far they weaken networks shows in the other outcomes."),
    _stock("case_backlog", "Backlog of cases", "cases", "lower", ("member_state",),
           "Investigations and prosecutions that wait for staff, mean over months."),
    _flow("asylum_load", "Asylum applications", "applications", "neither", ("member_state",),
          "First applications by irregular entrants, by the Member State that receives them."),
    _flow("cost_eur", "Public cost", "EUR", "lower", ("member_state",),
          "What the measures cost public budgets, beyond what is spent today."),
    _flow("paid_legs", "Legs travelled with a smuggler", "legs", "neither", _ROUTE_GROUP,
          "Denominator of the mean fee.", weightable=False),
    _flow("departures", "Departures", "people", "neither", ("origin_group",),
          "People who leave their region of origin irregularly.", weightable=False),
    _flow("leg_attempts", "Attempts by leg", "attempts", "neither", ("leg",),
          "Attempts to travel a leg, for maps and rates.", weightable=False),
    _flow("leg_deaths", "Deaths by leg", "deaths", "neither", ("leg",),
          "The same deaths as `deaths`, told by leg.", weightable=False),
    _flow("first_detections", "First detections", "people", "neither", _ROUTE_GROUP,
          "Detections of people not detected before: the rest of `detections` counts people again, on the next route or "
          "after a return.", weightable=False),
    _flow("reported_detections", "Reported detections", "detections", "neither", ("route", "member_state"),
          "Detections by the month in which they reach the common statistics: less complete and later than "
          "`detections`, by Member State.", weightable=False),
    _flow("fatal_incidents", "Fatal incidents at sea", "incidents", "lower", ("route",),
          "Boats on which people died.", weightable=False),
    _flow("attempts", "Attempts at an external border", "attempts", "neither", _ROUTE_GROUP,
          "Attempts to cross an external border, successful or not.", weightable=False),
)  # fmt: skip

OUTCOMES: Final[Mapping[str, OutcomeInfo]] = MappingProxyType({outcome.name: outcome for outcome in _ALL})
"""All outcomes by name; those with ``weightable=False`` are auxiliary."""

WEIGHTABLE: Final = tuple(outcome.name for outcome in _ALL if outcome.weightable)
"""Outcomes that a scenario may weight."""

ARRIVAL_COUNTS: Final = frozenset(("irregular_crossings", "detections", "interceptions", "asylum_load"))
"""Counts of people arriving or stopped: never an objective by themselves."""
