"""Fields of a scenario by dotted path: ``levers.penalties.intensity``, ``uncertainties.parameters.fees.markup``,
``events[0].factor``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_origin

from pydantic import BaseModel

from ..scenarios import Scenario, registry
from ..scenarios.checking import Place, annotations_at, dotted, names_below
from ..scenarios.problems import nearest

Kind = Literal["number", "whole number", "true or false", "text", "list"]

PARAMETERS: Final[Place] = ("uncertainties", "parameters")
_PREFIX: Final = "uncertainties.parameters."
_PART: Final = re.compile(r"([^\[\]]+)((?:\[\d+\])*)\Z")
#: what a policy is compared by, or what the sweep itself sets
_NOT_A_FACTOR: Final = ("name", "title", "question", "description", "extends", "replicates", "seed")


class PathError(ValueError):
    """A path that leads to no field; ``suggestion`` is the nearest one that does."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True)
class FieldPath:
    """A field of a scenario.

    Attributes
    ----------
    text : str
        As written.
    place : tuple
        Keys and positions from the top of the scenario.
    kind : str
        What stands there.
    """

    text: str
    place: Place
    kind: Kind

    @property
    def parameter(self) -> str | None:
        """Name of the registry parameter that the field overrides, or None."""
        return str(self.place[-1]) if self.place[: len(PARAMETERS)] == PARAMETERS else None

    def reach(self, scenario: Mapping[str, Any]) -> bool:
        """Whether a scenario (as plain values) has what the field belongs to, such as the lever of an intensity."""
        return self.parameter is not None or _parent(scenario, self.place) is not None

    def put(self, scenario: dict[str, Any], value: Any) -> None:
        """Set the field in a scenario of plain values; where it belongs to nothing, nothing happens.

        A parameter is fixed at the value, also when replicates draw from ranges: its range becomes that one point.
        """
        if self.parameter is not None:
            below = scenario.setdefault("uncertainties", {}).setdefault("parameters", {})
            below[self.parameter] = {"value": value, "low": value, "high": value}
            return
        parent = _parent(scenario, self.place)
        if parent is not None:
            parent[self.place[-1]] = value


def _parent(scenario: Any, place: Place) -> Any:
    for part in place[:-1]:
        try:
            scenario = scenario[part]
        except (KeyError, IndexError, TypeError):
            return None
        if scenario is None:
            return None
    return scenario if not isinstance(scenario, list) or int(place[-1]) < len(scenario) else None


def field_path(text: str) -> FieldPath:
    """The field that a dotted path means.

    Raises
    ------
    PathError
        With the nearest valid path.
    """
    if text.startswith(_PREFIX):
        name = text.removeprefix(_PREFIX)
        if name not in registry():
            near = nearest(name, registry())
            raise PathError(f"no parameter '{name[:60]}' in the registry", near and _PREFIX + near)
        return FieldPath(text, (*PARAMETERS, name), "number")
    place = _place(text)
    if not place or place[0] in _NOT_A_FACTOR:
        raise PathError(f"'{text[:60]}' is set by the design itself, not by a factor" if place else "an empty path")
    for number in range(len(place)):
        _known(place[: number + 1], text)
    kinds = {kind for kind, _ in annotations_at(Scenario, place)}
    return FieldPath(text, place, _kind(kinds, text, place))


def matching(pattern: str) -> list[str]:
    """Paths of the parameters that ``uncertainties.parameters.fees.*`` means: those whose range is wider than a point."""
    known = registry()
    names = known.matching(pattern.removeprefix(_PREFIX)) if pattern.startswith(_PREFIX) else []
    return [_PREFIX + name for name in names if known[name].low < known[name].high]


def _place(text: str) -> Place:
    place: list[str | int] = []
    for part in text.split("."):
        match = _PART.match(part)
        if match is None:
            raise PathError(f"'{text[:60]}' is not a path such as levers.penalties.intensity")
        place.append(match[1])
        place.extend(int(position) for position in re.findall(r"\d+", match[2]))
    return tuple(place)


def _known(place: Place, text: str) -> None:
    """Refuse the first part of a path that is not a field, with what was meant."""
    if annotations_at(Scenario, place):
        return
    above, last = place[:-1], str(place[-1])
    names = names_below(Scenario, above)
    where = f"'{dotted(above)}' has" if above else "a scenario has"
    if not names:
        raise PathError(f"'{text[:60]}': {where} no fields below it")
    near = nearest(last, names)
    hint = None
    if near is not None:
        hint = dotted((*above, near)) + text[len(dotted(place)) :]
    elif not above and (parameter := nearest(text, registry())) is not None:
        hint = _PREFIX + parameter
    raise PathError(f"no field '{last[:60]}': {where} {', '.join(names)}", hint)


def _kind(kinds: set[Any], text: str, place: Place) -> Kind:
    plain = {kind for kind in kinds if kind is not type(None)}
    if plain & {float} or (int in plain and bool not in plain):
        return "number" if float in plain else "whole number"
    if bool in plain:
        return "true or false"
    if plain and all(kind in (str, dt.date) or get_origin(kind) is Literal for kind in plain):
        return "text"
    if any(get_origin(kind) is list for kind in plain):
        return "list"
    below = names_below(Scenario, place)
    if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in plain) and below:
        raise PathError(f"'{text[:60]}' is a group of fields: {', '.join(below[:20])}", f"{text}.{below[0]}")
    raise PathError(f"'{text[:60]}' is not a single field")
