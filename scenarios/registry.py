"""The evidence registry: every number that the model or the optimiser reads, with range, unit, source and grade.

The table is ``scenarios/data/parameters.csv``.  Grades: A causal estimate in a close setting, B causal but distant or
several descriptions agree, C administrative or descriptive figure, D judgement.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from .problems import Problem, ScenarioError, nearest

COLUMNS: Final = ("name", "value", "low", "high", "unit", "grade", "source", "description")
GRADES: Final = ("A", "B", "C", "D")
UNIT_INTERVAL: Final = ("probability", "share", "fraction")
"""Units whose values lie between 0 and 1."""
ABOVE_ZERO: Final = frozenset((
    "behaviour.least_flow", "beliefs.forgetting_half_life_days", "beliefs.half_life_days",
    "beliefs.half_seen_per_month", "demand.most_people", "deployments.half_liaison", "evidence.half_life_days",
    "evidence.half_officers", "fees.demand_elasticity", "fees.markup_ceiling", "fees.most_change",
    "harm.boat_persons", "harm.incident_tail", "interception.flow_half_life_days",
    "interception.redeployment_half_life_days", "interception.response_half_life_days",
    "investigation.case_days", "investigation.half_items", "investigation.staff_per_case", "legal.fallback",
    "legal.load_half_life_days", "linking.background_items_per_week", "linking.half_kits",
    "linking.load_half_life_days", "networks.choice_scale", "networks.demand_half_life_days",
    "networks.facilitator_return_days", "networks.passengers_per_network", "networks.profit_half_life_days",
    "networks.reference_arrest_hazard", "networks.relocation_days", "networks.sanction_half_life_days",
    "networks.slack", "participation.logsum_weight", "participation.reference", "penalties.discount_rate",
    "penalties.reference_conviction", "penalties.reference_years_served",
    "prosecution.cases_per_prosecutor_year", "prosecution.utilisation", "route_choice.caution_ratio",
    "route_choice.fit_rounds", "route_choice.means_ratio", "route_choice.smallest_share",
))
"""Parameters that something is divided by, or whose logarithm is taken: zero has no meaning for them."""
BELOW_ONE: Final = frozenset(("legal.fallback", "networks.organiser_share", "participation.reference"))
"""Shares of which something has to be left over."""
FARTHEST: Final = 1000.0
"""An override lies at most this many times the registry's largest figure from zero."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the registry: a value with its plausible range and what stands behind it."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    grade: str
    source: str
    description: str

    def refused(self, value: float) -> str | None:
        """Why a scenario may not give it this value; None where it may."""
        if self.unit in UNIT_INTERVAL and not 0 <= value <= 1:
            return f"expected a {self.unit} between 0 and 1, got {value:g}"
        if self.name in ABOVE_ZERO and value <= 0:
            return f"expected a number above 0 ({self.unit}; registry: {self.low:g} to {self.high:g}), got {value:g}"
        if self.name in BELOW_ONE and value >= 1:
            return f"expected a {self.unit} below 1, got {value:g}"
        if self.low >= 0 and value < 0:
            return f"expected 0 or more ({self.unit}; registry: {self.low:g} to {self.high:g}), got {value:g}"
        most = FARTHEST * max(abs(self.low), abs(self.high))
        if abs(value) > most:
            return f"expected at most {most:g} ({self.unit}; registry: {self.low:g} to {self.high:g}), got {value:g}"
        return None

    @property
    def room(self) -> str:
        """The mechanism it belongs to: the first part of the name (``fees`` of ``fees.markup``)."""
        return self.name.split(".", 1)[0]


class UnknownParameter(KeyError):
    """A name that is not in the registry; the message holds the nearest one."""

    def __init__(self, name: str, valid: Mapping[str, object]) -> None:
        self.name = name
        self.suggestion = nearest(name, valid)
        hint = f"; did you mean '{self.suggestion}'?" if self.suggestion else ""
        super().__init__(f"no parameter '{name}' in the registry{hint}")

    def __str__(self) -> str:
        return str(self.args[0])


class Registry(Mapping[str, Parameter]):
    """Read-only mapping from a parameter's name to its row, in the order of the table."""

    def __init__(self, rows: Mapping[str, Parameter]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self._rows[name]
        except KeyError:
            raise UnknownParameter(name, self._rows) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def matching(self, pattern: str) -> list[str]:
        """Names that a pattern means: a name itself, or all below a prefix (``fees.*``, ``lever.penalties.*``, ``*``)."""
        if pattern == "*":
            return list(self._rows)
        if pattern.endswith(".*"):
            return [name for name in self._rows if name.startswith(pattern[:-1])]
        return [pattern] if pattern in self._rows else []


class Parameters(Mapping[str, float]):
    """Read-only values of all parameters for one replicate (or their central values).

    ``parameters["fees.markup"]`` is a float; an unknown name raises a `KeyError` with the nearest name.
    """

    __slots__ = ("_registry", "_values")

    def __init__(self, values: Mapping[str, float], registry: Registry) -> None:
        self._values = dict(values)
        self._registry = registry

    def __getitem__(self, name: str) -> float:
        try:
            return self._values[name]
        except KeyError:
            raise UnknownParameter(name, self._values) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        return f"Parameters({len(self._values)} values)"

    def grade(self, name: str) -> str:
        """Grade A to D of the evidence behind a parameter."""
        return self._registry[name].grade


@dataclass(frozen=True, slots=True)
class Override:
    """What a scenario says about one parameter; None leaves the registry's figure."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


def centred(parameter: Parameter, override: Override | None) -> tuple[float, float, float]:
    """(low, value, high) of a parameter under a scenario's override.

    A new centre keeps the registry's range, stretched just far enough to hold it; a new range moves the registry's
    centre to its nearer end when it would lie outside.
    """
    low, value, high = parameter.low, parameter.value, parameter.high
    if override is None:
        return low, value, high
    low = low if override.low is None else override.low
    high = high if override.high is None else override.high
    if override.value is not None:
        value = override.value
        return min(low, value), value, max(high, value)
    return low, min(max(value, low), high), high


def uniform(seed: int, replicate: int, name: str) -> float:
    """One number in [0, 1) that depends on (seed, replicate, name) and nothing else.

    BLAKE2b of the three is the counter: no stream is shared between parameters, so that adding a parameter or another
    policy leaves every other draw as it was.  53 bits, as NumPy's generators use for a double.
    """
    digest = hashlib.blake2b(
        f"{seed}/{replicate}/{name}".encode(), digest_size=8, person=b"parameter-draw"
    ).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def triangular(u: float, low: float, mode: float, high: float) -> float:
    """Quantile ``u`` of the triangular distribution on [low, high] with the given mode."""
    width = high - low
    if width <= 0:
        return mode
    if u < (mode - low) / width:
        return low + math.sqrt(u * width * (mode - low))
    return high - math.sqrt((1.0 - u) * width * (high - mode))


def parse_registry(text: str, file: str = "parameters.csv") -> Registry:
    """Read and check the table.

    Raises
    ------
    ScenarioError
        With every row that is wrong: a number that is none, a value outside its range, a grade other than A to D, a
        unit or source left empty, a D without ``judgement:``, a name given twice.
    """
    problems: list[Problem] = []

    def say(line: int, path: str, message: str) -> None:
        problems.append(Problem(file, line, 1, path, message))

    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[str, Parameter] = {}
    first_line: dict[str, int] = {}
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            say(1, "", f"expected the columns {','.join(COLUMNS)}; found {','.join(header)[:200]}")
            raise ScenarioError(problems)
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not cells:
                continue
            if len(cells) != len(COLUMNS):
                say(
                    line,
                    cells[0],
                    f"expected {len(COLUMNS)} cells, found {len(cells)} (quote a text with a comma)",
                )
                continue
            parameter = _row(cells, line, say)
            if parameter is None:
                continue
            if parameter.name in rows:
                say(
                    line,
                    parameter.name,
                    f"the name is given twice (first in line {first_line[parameter.name]})",
                )
                continue
            rows[parameter.name] = parameter
            first_line[parameter.name] = line
    except csv.Error as reason:
        say(reader.line_num, "", f"not a readable table: {reason}")
    if problems:
        raise ScenarioError(problems)
    return Registry(rows)


def _row(cells: list[str], line: int, say: object) -> Parameter | None:
    assert callable(say)
    name, *numbers = (cell.strip() for cell in cells[:4])
    unit, grade, source, description = (cell.strip() for cell in cells[4:])
    wrong: list[str] = []
    parts = name.split(".")
    if len(parts) < 2 or not all(part.isidentifier() and part.isascii() for part in parts):
        wrong.append(f"expected a dotted name such as fees.markup, found '{name}'")
    values: list[float] = []
    for column, text in zip(COLUMNS[1:4], numbers, strict=True):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            wrong.append(f"{column}: expected a number, found '{text}'")
        values.append(number)
    value, low, high = values
    if not wrong and not low <= value <= high:
        wrong.append(f"expected low <= value <= high, found {low:g}, {value:g}, {high:g}")
    if unit in UNIT_INTERVAL and not wrong and not (0 <= low and high <= 1):
        wrong.append(f"a {unit} lies between 0 and 1, found {low:g} to {high:g}")
    if not unit:
        wrong.append("the unit is empty (write 1 for a pure number)")
    if grade not in GRADES:
        wrong.append(f"expected a grade A, B, C or D, found '{grade}'")
    if not source:
        wrong.append("the source is empty (publisher and document, or 'judgement: why')")
    elif grade == "D" and "judgement:" not in source:
        wrong.append("a grade D needs 'judgement: why' as its source")
    if not description:
        wrong.append("the description is empty")
    for message in wrong:
        say(line, name, message)
    if wrong:
        return None
    return Parameter(name, value, low, high, unit, grade, source, description)


@lru_cache(maxsize=1)
def registry() -> Registry:
    """The registry as shipped, read once."""
    table = resources.files(__package__) / "data" / "parameters.csv"
    return parse_registry(table.read_text(encoding="utf-8"), "scenarios/data/parameters.csv")
