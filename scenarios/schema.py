"""The scenario file as pydantic models, in XLRM terms: uncertainties (X), levers (L), model (R), outcomes (M).

The descriptions below are what an editor shows on hover (see `json_schema`) and what ``check`` names as expected.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from . import vocabulary
from .levers import LEVERS
from .member_states import MEMBER_STATES, guess_member_state
from .outcomes import ARRIVAL_COUNTS, OUTCOMES
from .posterior import ensemble
from .problems import nearest
from .registry import (
    Override,
    Parameters,
    centred,
    registry,
    triangular,
    uniform,
)
from .resources import RESOURCES

FIRST_DAY: Final = dt.date(2011, 1, 1)
"""The published demand starts here."""
FIRST_EVENT: Final = dt.date(2010, 1, 1)
"""An event may begin before a replay's burn-in does."""
LAST_DAY: Final = dt.date(2050, 12, 31)
MOST: Final = 1000
"""Longest list of events, and of parameters to vary."""
MOST_PERSONS_PER_AGENT: Final = 100_000
"""Coarsest rows that a scenario may ask for."""


PATTERN: Final = "pattern of parameters"


def invalid(message: str, **context: Any) -> PydanticCustomError:
    """An error of this schema."""
    return PydanticCustomError("scenario", "{text}", {"text": message, **context})


def invalid_fields(found: list[tuple[str, str]]) -> PydanticCustomError:
    """Several errors below one mapping: pairs of (dotted path below it, message)."""
    return PydanticCustomError(
        "scenario", "{text}", {"text": "; ".join(m for _, m in found), "fields": found}
    )


def _listed(names: frozenset[str], also: str | None) -> str:
    text = f"one of {', '.join(sorted(names))}" if len(names) <= 40 else f"one of {len(names)} names"
    return f"{text}, or {also}" if also else text


@dataclass(frozen=True)
class Word:
    """Marks a text that must be one of `vocabulary.names(kind)`, or ``also``; the JSON Schema is told as well."""

    kind: str
    also: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "x-vocabulary": self.kind} | ({"x-also": self.also} if self.also else {})

    def _check(self, value: str) -> str:
        valid = vocabulary.names(self.kind)
        # a table that is not there cannot be checked against
        if valid and value not in valid and value != self.also:
            text = f"no {self.kind} '{value[:60]}'; expected {_listed(valid, self.also)}"
            raise invalid(text, word=value[:100], kind=self.kind, also=self.also)
        return value


def suggestion(context: dict[str, Any]) -> str | None:
    """The nearest valid name for an error of this schema (asked for apart: it takes long for thousands of errors)."""
    word, kind = context.get("word"), context.get("kind")
    if not isinstance(word, str) or not isinstance(kind, str):
        return None
    if kind == PATTERN:
        known = registry()
        heads = {name.rsplit(".", depth)[0] for name in known for depth in (1, 2) if name.count(".") >= depth}
        return nearest(word, {f"{head}.*" for head in heads} if word.endswith("*") else known)
    valid = vocabulary.names(kind)
    guess = guess_member_state(word)
    return (
        guess
        if guess in valid
        else nearest(word, valid | {context["also"]} if context.get("also") else valid)
    )


def _parse_date(value: Any) -> Any:
    if isinstance(value, dt.datetime) or not isinstance(value, str):
        return value
    try:
        if len(value) != 10:
            raise ValueError
        return dt.date.fromisoformat(value)
    except ValueError:
        raise invalid(f"expected a date such as 2025-07-01 (year-month-day), got '{value[:40]}'") from None


def _in_range(value: dt.date) -> dt.date:
    if not FIRST_DAY <= value <= LAST_DAY:
        raise invalid(
            f"expected a date from {FIRST_DAY} (published demand starts there) to {LAST_DAY}, got {value}"
        )
    return value


def _parse_integer(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _parse_year(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) != 4 or not (value.isascii() and value.isdecimal()):
            raise invalid(f"expected a year such as 2026, got '{value[:40]}'")
        return int(value)
    return value


def _published(value: int) -> int:
    years = vocabulary.column("demand", "year")
    if years and str(value) not in years:
        raise invalid(f"expected a year with published demand, {min(years)} to {max(years)}, got {value}")
    return value


def _check_pattern(value: str) -> str:
    if not registry().matching(value):
        text = f"no parameter in the registry is called or begins with '{value[:60]}'"
        raise invalid(text, word=value[:100], kind=PATTERN)
    return value


def _in_event_range(value: dt.date) -> dt.date:
    if not FIRST_EVENT <= value <= LAST_DAY:
        raise invalid(f"expected a date from {FIRST_EVENT} to {LAST_DAY}, got {value}")
    return value


Number = Annotated[float, Field(allow_inf_nan=False)]
Integer = Annotated[int, BeforeValidator(_parse_integer)]
Date = Annotated[
    dt.date,
    BeforeValidator(_parse_date),
    AfterValidator(_in_range),
    WithJsonSchema({"type": "string", "format": "date"}),
]
EventDate = Annotated[
    dt.date,
    BeforeValidator(_parse_date),
    AfterValidator(_in_event_range),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Year = Annotated[int, BeforeValidator(_parse_year), Field(ge=FIRST_DAY.year, le=LAST_DAY.year)]
PublishedYear = Annotated[int, BeforeValidator(_parse_integer), AfterValidator(_published)]
Text = Annotated[str, Field(max_length=10_000)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_.][a-z0-9]+)*$", max_length=80)]


def _all_or_some(value: list[str]) -> list[str]:
    if not value:
        raise invalid("expected at least one name, or [all]")
    if "all" in value and len(value) > 1:
        raise invalid("expected either [all] or names, not both")
    if len(set(value)) < len(value):
        raise invalid("a name is given twice")
    return value


Partner = Annotated[str, Word("partner country")]
Country = Annotated[str, Word("country on the map")]
Route = Annotated[str, Word("route")]
ParameterName = Annotated[str, Word("parameter in the registry")]
ResourceName = Annotated[str, Word("resource type")]
Heading = Annotated[str, Word("budget heading")]
OutcomeName = Annotated[str, Word("outcome that can be weighted")]
Place = Annotated[str, Word("Member State or partner country", also="default")]
OriginGroups = Annotated[list[Annotated[str, Word("origin group", also="all")]], AfterValidator(_all_or_some)]
MemberStates = Annotated[list[Annotated[str, Word("Member State", also="all")]], AfterValidator(_all_or_some)]
Partners = Annotated[list[Annotated[str, Word("partner country", also="all")]], AfterValidator(_all_or_some)]
Routes = Annotated[list[Annotated[str, Word("route", also="all")]], AfterValidator(_all_or_some)]
ParameterPattern = Annotated[str, AfterValidator(_check_pattern)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _not_before(
    info: ValidationInfo, earlier: str, value: dt.date | None, *, strictly: bool
) -> dt.date | None:
    start = info.data.get(earlier)
    if value is not None and start is not None and (value < start or (strictly and value == start)):
        relation = "after" if strictly else "on or after"
        raise invalid(f"dates out of order: expected a date {relation} `{earlier}` ({start}), got {value}")
    return value


# ---------------------------------------------------------------------------------------------- horizon


class Horizon(_Part):
    """The days that are reported, and the days that warm the model up before them."""

    start: Date = Field(description="First reported day (YYYY-MM-DD), from 2011-01-01 on.")
    end: Date = Field(description="Last reported day, inclusive (YYYY-MM-DD).")
    burn_in_days: Integer = Field(
        default=365, ge=0, le=1460, description="Days simulated before `start` and not reported, 0 to 1460."
    )

    @field_validator("end")
    @classmethod
    def _order(cls, value: dt.date, info: ValidationInfo) -> dt.date:
        _not_before(info, "start", value, strictly=False)
        return value

    @field_validator("burn_in_days")
    @classmethod
    def _not_too_early(cls, value: int, info: ValidationInfo) -> int:
        start = info.data.get("start")
        if start is not None and value > (most := (start - FIRST_EVENT).days):
            raise invalid(f"expected at most {most} days before {start} (demand reaches back to {FIRST_EVENT}), got {value}")
        return value


# ---------------------------------------------------------------------------------------------- X


class ParameterRange(_Part):
    """A range for one parameter, and optionally its centre, in the registry's unit."""

    value: Number | None = Field(default=None, description="Centre (default: the registry's value).")
    low: Number | None = Field(default=None, description="Lower end of the plausible range.")
    high: Number | None = Field(default=None, description="Upper end of the plausible range.")

    @field_validator("high")
    @classmethod
    def _order(cls, value: float | None, info: ValidationInfo) -> float | None:
        low, centre = info.data.get("low"), info.data.get("value")
        if value is not None and low is not None and value < low:
            raise invalid(f"expected `high` of at least `low` ({low:g}), got {value:g}")
        if value is not None and centre is not None and value < centre:
            raise invalid(f"expected `high` of at least `value` ({centre:g}), got {value:g}")
        if low is not None and centre is not None and low > centre:
            raise invalid(f"expected `low` of at most `value` ({centre:g}), got {low:g}")
        return value


def _override_kind(value: Any) -> str:
    return "#range" if isinstance(value, dict | ParameterRange) else "#number"


ParameterOverride = Annotated[
    Annotated[Number, Tag("#number")] | Annotated[ParameterRange, Tag("#range")],
    Discriminator(_override_kind),
]


class Uncertainties(_Part):
    """X: what is not known. Overrides of the evidence registry, and how replicates draw from its ranges."""

    parameters: dict[ParameterName, ParameterOverride] = Field(
        default_factory=dict,
        description="Overrides of registry parameters: a number is a new centre (the range is stretched to hold it); "
        "{low, high} a new range; {value, low, high} both. Units as in the registry.",
    )
    draw: Literal["central", "ranges", "posterior"] = Field(
        default="central",
        description="central: every replicate uses the central values. ranges: each replicate draws `vary` from "
        "triangular(low, value, high), by seed, replicate and name only, so that two policies share their draws. "
        "posterior: the same, but calibrated parameters come together from one draw of the posterior ensemble.",
    )
    vary: list[ParameterPattern] | None = Field(
        default=None,
        max_length=MOST,
        description="Parameters that `draw: ranges` varies: names, or prefixes such as fees.* (default: every "
        "parameter whose range is wider than a point).",
    )
    demand_growth_per_year: Number = Field(
        default=0.0,
        ge=-0.9,
        le=5.0,
        description="Growth of demand per year after the last published year (0.05 = 5 %).",
    )

    @field_validator("draw")
    @classmethod
    def _shipped(cls, value: str) -> str:
        if value == "posterior" and ensemble() is None:
            raise invalid(
                "this version has no posterior ensemble (scenarios/data/posterior.csv): make one with `countersmuggling "
                "calibrate`, or use ranges"
            )
        return value

    @field_validator("parameters")
    @classmethod
    def _plausible(cls, value: dict[str, Any]) -> dict[str, Any]:
        known = registry()
        found: list[tuple[str, str]] = []
        for name, given in value.items():
            row = known[name]
            numbers = (
                [given] if not isinstance(given, ParameterRange) else [given.low, given.value, given.high]
            )
            outside = [text for n in numbers if n is not None and (text := row.refused(n)) is not None]
            if outside:
                found.append((name, outside[0]))
                continue
            low, centre, high = centred(row, as_override(given))
            if not low <= centre <= high:
                text = f"the range is empty: {low:g}, {centre:g}, {high:g} (registry: {row.low:g} to {row.high:g})"
                found.append((name, text))
        if found:
            raise invalid_fields(found)
        return value


def as_override(given: float | ParameterRange | None) -> Override | None:
    """What the scenario says about a parameter, for `registry.centred`."""
    if given is None:
        return None
    if isinstance(given, ParameterRange):
        return Override(given.value, given.low, given.high)
    return Override(float(given))


# ---------------------------------------------------------------------------------------------- L


class Lever(_Part):
    """Common to all levers: when it acts, how fast it comes in, and how strongly."""

    on: Date = Field(description="First day on which the lever acts (YYYY-MM-DD).")
    off: Date | None = Field(
        default=None, description="First day on which it no longer acts; null: it stays."
    )
    ramp_days: Integer = Field(
        default=0, ge=0, le=3650, description="Days from `on` until the full intensity, linearly; 0: at once."
    )
    intensity: Number = Field(
        default=1.0,
        ge=0,
        le=3,
        description="1 = as proposed (the registry's full effect), 0 = nothing, up to 3.",
    )

    @field_validator("off")
    @classmethod
    def _order(cls, value: dt.date | None, info: ValidationInfo) -> dt.date | None:
        return _not_before(info, "on", value, strictly=True)

    def level(self, day: dt.date) -> float:
        """Intensity in force on a day: 0 before `on` and from `off`, rising linearly over the ramp between."""
        if day < self.on or (self.off is not None and day >= self.off):
            return 0.0
        if self.ramp_days == 0:
            return self.intensity
        return self.intensity * min(1.0, ((day - self.on).days + 1) / self.ramp_days)


class Prosecution(Lever):
    __doc__ = LEVERS["prosecution"].description


class Penalties(Lever):
    __doc__ = LEVERS["penalties"].description

    floor_basic_years: Number = Field(
        default=0.0,
        ge=0,
        le=40,
        description="Least maximum term for the basic offence, years (Commission and Council: 3).",
    )
    floor_aggravated_years: Number = Field(
        default=0.0,
        ge=0,
        le=40,
        description="Least maximum term for organised crime or serious harm, years (10; Council 8).",
    )
    floor_death_years: Number = Field(
        default=0.0, ge=0, le=40, description="Least maximum term when someone died, years (15; Council 10)."
    )

    @field_validator("floor_death_years")
    @classmethod
    def _increasing(cls, value: float, info: ValidationInfo) -> float:
        basic, aggravated = info.data.get("floor_basic_years"), info.data.get("floor_aggravated_years")
        if basic is not None and aggravated is not None and not basic <= aggravated <= value:
            raise invalid(
                "expected floor_basic_years <= floor_aggravated_years <= floor_death_years, "
                f"got {basic:g}, {aggravated:g}, {value:g}"
            )
        return value


class Jurisdiction(Lever):
    __doc__ = LEVERS["jurisdiction"].description


class MemberStateCapacity(Lever):
    __doc__ = LEVERS["member_state_capacity"].description

    member_states: MemberStates = Field(
        default=["all"], description="Member States (ISO3, such as ITA), or [all]."
    )


class DataReporting(Lever):
    __doc__ = LEVERS["data_reporting"].description


class EuropolCentre(Lever):
    __doc__ = LEVERS["europol_centre"].description


class InteragencyCooperation(Lever):
    __doc__ = LEVERS["interagency_cooperation"].description


class InformationSharing(Lever):
    __doc__ = LEVERS["information_sharing"].description


class EuropolDeployments(Lever):
    __doc__ = LEVERS["europol_deployments"].description

    posts: Number = Field(
        default=0.0, ge=0, le=2000, description="Additional Europol posts on the ground, FTE."
    )
    reserve_pool: Number = Field(
        default=0.0, ge=0, le=2000, description="Member States' experts on call, FTE deployed on average."
    )


class TaskForces(Lever):
    __doc__ = LEVERS["task_forces"].description

    number: Number = Field(ge=0, le=500, description="Operational task forces a year, additional to today's.")


class FinancialInvestigation(Lever):
    __doc__ = LEVERS["financial_investigation"].description


class Biometrics(Lever):
    __doc__ = LEVERS["biometrics"].description

    kits: Number = Field(default=0.0, ge=0, le=20_000, description="Biometric kits in use.")


class PartnerCooperation(Lever):
    __doc__ = LEVERS["partner_cooperation"].description

    partners: Partners = Field(
        default=["all"], description="Partner countries (ISO3, such as TUN), or [all]."
    )


class Campaigns(Lever):
    __doc__ = LEVERS["campaigns"].description

    origin_groups: OriginGroups = Field(default=["all"], description="Origin groups reached, or [all].")


class RootCauses(Lever):
    __doc__ = LEVERS["root_causes"].description

    origin_groups: OriginGroups = Field(
        default=["all"], description="Origin groups whose regions are supported, or [all]."
    )


class LegalPathways(Lever):
    __doc__ = LEVERS["legal_pathways"].description

    places_per_year: Number = Field(
        ge=0,
        le=10_000_000,
        description="Additional places per year, all named groups together (10000000: as many as are asked for).",
    )
    price_eur: Number | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="Price at which the places are sold as visas to whoever can pay it and prefers it; null: places are "
        "given to applicants and cost nothing.",
    )
    origin_groups: OriginGroups = Field(
        default=["all"], description="Origin groups that may apply, or [all]."
    )


class SearchAndRescue(Lever):
    __doc__ = LEVERS["search_and_rescue"].description

    routes: Routes = Field(default=["all"], description="Routes (such as CMED), or [all].")


class TransportAndVisa(Lever):
    __doc__ = LEVERS["transport_and_visa"].description

    partners: Partners = Field(
        default=["all"], description="Transit countries (ISO3) that align visas and check flights, or [all]."
    )


class Levers(_Part):
    """L: policy instruments. Absent = not used."""

    prosecution: Prosecution | None = None
    penalties: Penalties | None = None
    jurisdiction: Jurisdiction | None = None
    member_state_capacity: MemberStateCapacity | None = None
    data_reporting: DataReporting | None = None
    europol_centre: EuropolCentre | None = None
    interagency_cooperation: InteragencyCooperation | None = None
    information_sharing: InformationSharing | None = None
    europol_deployments: EuropolDeployments | None = None
    task_forces: TaskForces | None = None
    financial_investigation: FinancialInvestigation | None = None
    biometrics: Biometrics | None = None
    partner_cooperation: PartnerCooperation | None = None
    campaigns: Campaigns | None = None
    root_causes: RootCauses | None = None
    legal_pathways: LegalPathways | None = None
    search_and_rescue: SearchAndRescue | None = None
    transport_and_visa: TransportAndVisa | None = None

    def active(self) -> dict[str, Lever]:
        """The levers that the scenario uses, by name, in the order of `LEVERS`."""
        pairs = ((name, getattr(self, name)) for name in LEVERS)
        return {name: lever for name, lever in pairs if lever is not None}


# ---------------------------------------------------------------------------------------------- R


class ModelOptions(_Part):
    """R: how the model is run. Results hold in expectation whatever `persons_per_agent`."""

    persons_per_agent: Number = Field(
        default=1.0,
        ge=1,
        le=MOST_PERSONS_PER_AGENT,
        description="People per simulated row; 1 = one row per person (full scale).",
    )
    demand_year: PublishedYear | None = Field(
        default=None,
        description="Hold demand at this published year; null: year by year, the last published year held.",
    )
    reference_year: PublishedYear | None = Field(
        default=None,
        description="Year whose published route shares fix the route constants; null: demand_year or the start's year.",
    )
    departures: dict[Route, dict[Country, Annotated[Number, Field(ge=0, le=1)]]] = Field(
        default_factory=dict,
        description="By route, published shares of its detections by country of departure (ISO3) in the reference year: "
        "constants are fitted to them. Absent: departures are spread as fees, risks and days say.",
    )
    by_sea: dict[Route, Annotated[Number, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="By route, published share of its detections at sea in the reference year; absent: as fees, risks and "
        "days say.",
    )
    networks: Integer = Field(
        default=300, ge=20, le=2000,
        description="Most agents for smuggling networks, 20 to 2000; where there are more networks, each stands for several.",
    )
    route_choice_interval_days: Integer = Field(
        default=7, ge=1, le=60, description="Days between two solutions of the route choice, 1 to 60."
    )
    adaptation: bool = Field(
        default=True,
        description="Smugglers and beliefs respond; false: frozen at the reference, for what-ifs.",
    )
    behaviour: Literal["expected_utility", "salience", "habit", "rumour"] = Field(
        default="expected_utility",
        description="How travellers choose away from the reference, where all agree: expected_utility; salience of recent "
        "deaths and interceptions; habit, which follows earlier choices; rumour, which follows what is popular.",
    )

    @field_validator("departures")
    @classmethod
    def _shares(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        found = [
            (route, f"the shares of {route} add up to {sum(shares.values()):g}, more than 1")
            for route, shares in value.items()
            if sum(shares.values()) > 1.0 + 1e-9
        ]
        known = vocabulary.departures()
        for route, shares in value.items():
            there = sorted(known.get(route, {}))
            hint = f"expected one of {', '.join(there)}" if there else "leave the route out"
            if known and not there and not shares:
                found.append((route, f"no crossing of an external border is on {route}; leave the route out"))
            found += [
                (f"{route}.{country}", f"no crossing on {route} sets out from {country}; {hint}")
                for country in shares
                if known and country not in there
            ]
        if found:
            raise invalid_fields(found)
        return value

    @field_validator("by_sea")
    @classmethod
    def _at_sea(cls, value: dict[str, float]) -> dict[str, float]:
        known = vocabulary.departures()
        sea = sorted(route for route, countries in known.items() if any("sea" in modes for modes in countries.values()))
        found = [
            (route, f"no crossing on {route} is by sea; expected one of {', '.join(sea)}")
            for route in value
            if known and route not in sea
        ]
        if found:
            raise invalid_fields(found)
        return value


# ---------------------------------------------------------------------------------------------- M


class OutcomeWeight(_Part):
    """What one unit of an outcome counts in the plan's objective."""

    weight: Number = Field(
        description="Points per unit of the outcome; the plan minimises the weighted sum, so what is good counts "
        "negative. A point is worth what one million euros of public cost are worth (cost_eur: 1e-6)."
    )


# ---------------------------------------------------------------------------------------------- resources


class Post(_Part):
    """How many of one resource type can be placed."""

    available: Number = Field(
        ge=0, le=100_000, description="Most that can be placed at one time, in the type's unit."
    )
    from_: Date | None = Field(
        default=None,
        alias="from",
        description="First day of the posts (YYYY-MM-DD); null: the horizon's start.",
    )
    integer: bool = Field(default=False, description="Whole posts only (a mixed-integer plan).")
    hire_lead_quarters: Integer = Field(
        default=0, ge=0, le=20, description="Quarters from decision to a trained person at work."
    )
    training_quarters: Integer = Field(
        default=0,
        ge=0,
        le=20,
        description="Of the lead time, the last quarters in training: recruits are paid, and some do not complete it.",
    )
    training_places: Number | None = Field(
        default=None, ge=0, le=100_000, description="Most recruits in training at one time; null: no limit."
    )
    hires_per_quarter: Number | None = Field(
        default=None, ge=0, le=100_000, description="Most that can start per quarter; null: no limit."
    )
    quarters_per_year: Number | None = Field(
        default=None,
        gt=0,
        le=4,
        description="Quarters in a calendar year for which each post can be called upon (a reserve); null: all.",
    )
    set_up_eur: Number | None = Field(
        default=None,
        ge=0,
        le=1e12,
        description="EUR for setting up work of this type at a place, whatever its size (a mixed-integer plan); null: the "
        "registry's for task force teams, none for others.",
    )
    lasts_quarters: Integer | None = Field(
        default=None,
        ge=1,
        le=40,
        description="Quarters until work of this type has to be set up anew; null: as long as a task force lasts.",
    )
    least_team: Number = Field(
        default=0.0, ge=0, le=100_000, description="Least number at a place while it is set up."
    )

    @field_validator("training_quarters")
    @classmethod
    def _within_lead(cls, value: int, info: ValidationInfo) -> int:
        lead = info.data.get("hire_lead_quarters")
        if lead is not None and value > lead:
            raise invalid(f"expected at most `hire_lead_quarters` ({lead}), of which it is a part, got {value}")
        return value


class Pool(_Part):
    """Posts that several types share: their sum stays within the pool (each type's own limit holds as well).

    A team counts as many posts as it has people.
    """

    types: list[ResourceName] = Field(min_length=1, description="Resource types that draw on the pool.")
    available: Number = Field(ge=0, le=100_000, description="Most of all these types together at one time.")


class Host(_Part):
    """What one Member State, or a partner country that hosts liaison officers, can take in."""

    absorb: Number = Field(
        ge=0, le=100_000, description="Most additional staff hosted at one time, all types together."
    )
    minimum: dict[ResourceName, Annotated[Number, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Least additional presence per resource type, once posts are available.",
    )
    consent: bool = Field(
        default=True,
        description="The host agrees to staff from outside on its territory; false: no deployed, reserve, standing corps or "
        "liaison officers and no task force teams there.",
    )

    @field_validator("minimum")
    @classmethod
    def _fits(cls, value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        absorb = info.data.get("absorb")
        if absorb is not None and sum(value.values()) > absorb:
            raise invalid(f"the minima add up to {sum(value.values()):g}, more than `absorb` ({absorb:g})")
        return value


class Rules(_Part):
    """Rules that every plan keeps."""

    ramp_per_quarter: Number | None = Field(
        default=None,
        gt=0,
        description="Most change per place and type from one quarter to the next; null: no limit.",
    )
    rotation_quarters: Integer | None = Field(
        default=None,
        ge=1,
        le=20,
        description="A deployed officer stays at most so many quarters in one place; null: no limit.",
    )
    joint_team_ratio: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="National investigators needed per deployed officer (joint teams work as the scarcer half); null: none.",
    )
    solidarity_cap: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Largest share of its own staff that a Member State gives to others; null: no limit.",
    )
    key: Literal["population_gdp", "population", "gdp"] = Field(
        default="population_gdp",
        description="Key by which Member States contribute: half population, half gross domestic product (Regulation (EU) "
        "2024/1351, Article 66), or one of the two.",
    )
    key_band: Number | None = Field(
        default=None,
        ge=0,
        le=100,
        description="How far above its key a Member State's contribution may lie (0.5 = by half); null: the registry's.",
    )
    key_least: Number | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Least share of its key that every Member State contributes; null: none has to.",
    )
    notice_quarters: Integer = Field(
        default=0,
        ge=0,
        le=8,
        description="Quarters between leaving one place and working at another, for staff that is moved; 0: at once.",
    )


class Resources(_Part):
    """Staff, money and hosts that a plan may use, additional to today's baseline."""

    posts: dict[ResourceName, Post] = Field(
        default_factory=dict, description="By resource type; absent = none."
    )
    pools: dict[Slug, Pool] = Field(
        default_factory=dict,
        description="Posts shared by several types, such as 50 posts that the plan divides between analysts and officers.",
    )
    budgets: dict[Heading, dict[Year, Annotated[Number, Field(ge=0)]]] = Field(
        default_factory=dict,
        description="EUR by heading and year. A heading that is absent is not limited; a year that is absent has no money.",
    )
    carry_over: dict[Heading, Annotated[Number, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="By heading: largest share of a year's money that can be kept for the next year (0.1 = 10 %).",
    )
    hosts: dict[Place, Host] = Field(
        default_factory=dict,
        description="By Member State, or partner country for liaison officers (ISO3); `default` holds for every Member State "
        "that is not named.",
    )
    rules: Rules = Field(default_factory=Rules, description="Rules that every plan keeps.")

    def host(self, member_state: str) -> Host | None:
        """The host rule of a place: its own, else ``default`` for a Member State, else None (no limit)."""
        default = self.hosts.get("default") if member_state in MEMBER_STATES else None
        return self.hosts.get(member_state, default)

    @field_validator("carry_over")
    @classmethod
    def _limited(cls, value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        budgets = info.data.get("budgets")
        found = [
            (name, f"the heading {name} has no budget of which something could be kept")
            for name in value
            if budgets is not None and name not in budgets
        ]
        if found:
            raise invalid_fields(found)
        return value

    @field_validator("hosts")
    @classmethod
    def _work_there(cls, value: dict[str, Host]) -> dict[str, Host]:
        found: list[tuple[str, str]] = []
        for place, host in value.items():
            where = "member_state" if place == "default" or place in MEMBER_STATES else "partner"
            for kind in host.minimum:
                if RESOURCES[kind].places != where:
                    theirs = "partner countries" if where == "member_state" else "Member States"
                    found.append((f"{place}.minimum.{kind}", f"{RESOURCES[kind].title}s work in {theirs}, not here"))
        if found:
            raise invalid_fields(found)
        return value

    @field_validator("pools")
    @classmethod
    def _have_posts(cls, value: dict[str, Pool], info: ValidationInfo) -> dict[str, Pool]:
        posts = info.data.get("posts")
        found: list[tuple[str, str]] = []
        for name, pool in value.items():
            missing = [kind for kind in pool.types if posts is not None and kind not in posts]
            if missing:
                found.append(
                    (f"{name}.types", f"the pool names {', '.join(missing)}, which `posts` does not hold")
                )
            if len(set(pool.types)) < len(pool.types):
                found.append((f"{name}.types", "the pool names a type twice"))
        if found:
            raise invalid_fields(found)
        return value


# ---------------------------------------------------------------------------------------------- plan


class PlanOptions(_Part):
    """What a plan minimises when the effects of staff are uncertain."""

    objective: Literal["expected", "cvar", "regret", "robust"] = Field(
        default="expected",
        description="expected: the mean weighted harm; cvar: the mean of its worst scenarios; regret: the largest regret "
        "over scenarios; robust: the weighted harm when some effects are at their worst.",
    )
    level: Number = Field(
        default=0.9,
        ge=0,
        lt=1,
        description="cvar: level; 0.9 = the worst tenth of the scenarios' probability.",
    )
    weight: Number = Field(
        default=1.0, ge=0, le=1, description="cvar: its share in the objective; the rest is the expected value."
    )
    gamma: Number = Field(
        default=5.0,
        ge=0,
        le=10_000,
        description="robust: how many effects (resource type by group of places) may be at their worst at once.",
    )
    scenarios: Integer = Field(default=100, ge=2, le=1000, description="Scenarios of effects, 2 to 1000.")
    source: Literal["bootstrap", "replicates"] = Field(
        default="bootstrap",
        description="Where scenarios of effects come from. bootstrap: the noise of the measuring runs, resampled; "
        "replicates: a whole measurement in each of so many replicates, with the parameters it draws, which takes as long as that many measurements.",
    )


# ---------------------------------------------------------------------------------------------- events


class Event(_Part):
    """Something that happens, whatever the policy."""

    on: EventDate = Field(description="First day (YYYY-MM-DD), from 2010-01-01 on.")
    off: EventDate | None = Field(default=None, description="First day after; null: it stays.")

    @field_validator("off")
    @classmethod
    def _order(cls, value: dt.date | None, info: ValidationInfo) -> dt.date | None:
        return _not_before(info, "on", value, strictly=True)

    def holds(self, day: dt.date) -> bool:
        """Whether the event is in force on a day."""
        return self.on <= day and (self.off is None or day < self.off)


class BorderClosed(Event):
    """Crossings from one country into another are intercepted at least so often."""

    kind: Literal["border_closed"]
    from_: Country | None = Field(default=None, alias="from", description="Country (ISO3) left; null: any.")
    into: Country = Field(description="Country (ISO3) whose border closes.")
    by: Literal["land", "sea", "air"] | None = Field(
        default=None, description="Only crossings by land, sea or air are closed; null: any."
    )
    strength: Number = Field(
        default=0.9, ge=0, le=1, description="Chance of interception per attempt is raised to at least this."
    )


class PartnerAgreement(Event):
    """What a country does changes: its controls, returns to it, networks on its coast; the latest agreement counts."""

    kind: Literal["partner_agreement"]
    ramp_days: Integer = Field(
        default=0, ge=0, le=3650, description="Days from the strength before to this one."
    )
    partner: Country = Field(
        description="Country (ISO3) whose authorities intercept: a partner, or a Member State at its border."
    )
    strength: Number = Field(
        ge=0,
        le=1,
        description="Chance of interception on legs that the country watches, as a multiple of its reference value: "
        "1 = today's arrangement, 0 = none.",
    )
    returns: Number | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of those who arrive from the country over an external border that are sent back to where "
        "they set out; null: as under its agreement before (none at first).",
    )
    returns_into: Country | None = Field(
        default=None, description="Only arrivals in this Member State (ISO3) are held and sent back; null: any."
    )
    returns_by: Literal["land", "sea", "air"] | None = Field(
        default=None, description="Only arrivals by land, sea or air are held and sent back; null: any."
    )
    held_days: Integer | None = Field(
        default=None,
        ge=0,
        le=3650,
        description="Days for which those who arrive are held before they may go on or are sent back; null: as before.",
    )
    networks_stopped: Number | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of the networks on the country's corridors of departure that stop while the agreement "
        "holds; null: as before.",
    )


class RescueChange(Event):
    """Rescue capacity at sea changes."""

    kind: Literal["rescue_change"]
    route: Route = Field(description="Route (such as CMED).")
    factor: Number = Field(ge=0, le=10, description="Multiplies rescue capacity; 1 = unchanged.")


class DemandShock(Event):
    """More or fewer people want to leave."""

    kind: Literal["demand_shock"]
    origin_groups: OriginGroups = Field(default=["all"], description="Origin groups concerned, or [all].")
    factor: Number = Field(ge=0, le=100, description="Multiplies demand; 1 = unchanged.")


class VisaChange(Event):
    """Flying into a country becomes easier or harder."""

    kind: Literal["visa_change"]
    partner: Partner = Field(description="Country (ISO3) flown into.")
    factor: Number = Field(
        ge=0, le=100,
        description="Multiplies the attractiveness of air legs into it; 1 = unchanged. A gain on legs that lead round counts only as far as going round still costs.",
    )


EVENT_KINDS: Final = ("border_closed", "partner_agreement", "rescue_change", "demand_shock", "visa_change")
AnyEvent = Annotated[
    BorderClosed | PartnerAgreement | RescueChange | DemandShock | VisaChange, Field(discriminator="kind")
]


# ---------------------------------------------------------------------------------------------- the whole


class Scenario(_Part):
    """What a run assumes: one bundled scenario or one file, with everything it extends filled in."""

    not_inherited: ClassVar[frozenset[str]] = frozenset(
        ("name", "title", "question", "description", "extends")
    )

    name: Slug = Field(description="Short name in lower case (default: the file's name).")
    title: Text = Field(default="", description="Title for people.")
    question: Text = Field(default="", description="What a director asked.")
    description: Text = Field(
        default="", description="What the scenario holds and where its figures come from."
    )
    extends: Text | None = Field(
        default=None,
        description="Scenario to start from: a bundled name, or a file beside this one. Mappings are merged, lists "
        "replaced, `null` removes a key, and a key with nothing after its colon changes nothing.",
    )
    horizon: Horizon = Field(description="Reported days.")
    uncertainties: Uncertainties = Field(default_factory=Uncertainties, description="X: what is not known.")
    levers: Levers = Field(default_factory=Levers, description="L: policy instruments.")
    model: ModelOptions = Field(default_factory=ModelOptions, description="R: how the model is run.")
    outcomes: dict[OutcomeName, OutcomeWeight] = Field(
        default_factory=dict, description="M: outcomes that the plan weighs, with points per unit."
    )
    resources: Resources = Field(default_factory=Resources, description="What a plan may use.")
    plan: PlanOptions = Field(default_factory=PlanOptions, description="What a plan minimises.")
    events: list[AnyEvent] = Field(
        default_factory=list, max_length=MOST, description="What happens, whatever the policy."
    )
    replicates: Integer = Field(
        default=8, ge=1, le=10_000, description="Runs with different chance, 1 to 10000."
    )
    seed: Integer = Field(default=0, ge=0, le=2**63 - 1, description="Seed of all chance.")

    @field_validator("outcomes")
    @classmethod
    def _for_people(cls, value: dict[str, OutcomeWeight]) -> dict[str, OutcomeWeight]:
        found: list[tuple[str, str]] = []
        for name, outcome in value.items():
            better = OUTCOMES[name].better
            if (better == "lower" and outcome.weight < 0) or (better == "higher" and outcome.weight > 0):
                sign = (
                    "0 or above"
                    if better == "lower"
                    else "0 or below (the plan minimises, so what is good is negative)"
                )
                found.append((f"{name}.weight", f"expected a weight of {sign}, got {outcome.weight:g}"))
        if found:
            raise invalid_fields(found)
        weighted = {name for name, outcome in value.items() if outcome.weight != 0}
        if weighted and weighted <= ARRIVAL_COUNTS:
            raise invalid(
                f"only {', '.join(sorted(weighted))} would be weighted: a lower number of arrivals is never by itself "
                "the objective; weigh deaths, debt, smugglers' profit, backlog or cost as well"
            )
        return value

    def parameters(self, replicate: int | None = None) -> Parameters:
        """The registry's values under this scenario.

        Parameters
        ----------
        replicate
            Number of the replicate, from 0. With ``draw: ranges`` the parameters in ``vary`` are drawn from
            triangular(low, value, high); the draw depends on seed, replicate and name only. With ``draw: posterior``
            calibrated ones among them come from one row of the ensemble, unless the scenario says something of them
            itself. None: central values.
        """
        known = registry()
        given = self.uncertainties
        drawn: set[str] = set()
        together: dict[str, float] = {}
        if replicate is not None and given.draw != "central":
            patterns = ["*"] if given.vary is None else given.vary
            drawn = {name for pattern in patterns for name in known.matching(pattern)}
            if given.draw == "posterior" and (shipped := ensemble()) is not None:
                together = shipped.draw(self.seed, replicate)
        values: dict[str, float] = {}
        for name, row in known.items():
            low, value, high = centred(row, as_override(given.parameters.get(name)))
            if name in drawn and name in together and name not in given.parameters:
                value = together[name]
            elif name in drawn and replicate is not None and low < high:
                value = triangular(uniform(self.seed, replicate, name), low, value, high)
            values[name] = value
        return Parameters(values, known)

    def _repr_html_(self) -> str:
        from .displays import scenario_html

        return scenario_html(self)

    def to_yaml(self) -> str:
        """The scenario as a file that `load` reads back to an equal scenario, with everything that is assumed."""
        from .yaml_writer import dump

        return dump(self.model_dump(mode="json", by_alias=True, exclude_none=True))
