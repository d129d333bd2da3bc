"""The JSON Schema of a scenario file, by which editors complete, explain on hover, and mark errors."""

from __future__ import annotations

from typing import Any

from . import vocabulary
from .schema import FIRST_DAY, LAST_DAY, Scenario

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a scenario *file*.

    A file may leave out what it inherits and remove a field by ``null``, so nothing is required except inside lists
    (which are never merged).  Names are listed wherever the reference tables and the registry know them, each with
    what it means.
    """
    schema = Scenario.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = schema.pop("$defs", {})
    whole = {name for name, part in definitions.items() if "kind" in part.get("properties", {})}  # events
    for name, part in definitions.items():
        _improve(part, partial=name not in whole)
    _improve(schema, partial=True)
    return {
        "$schema": DRAFT,
        "title": "countersmuggling scenario",
        "description": "A scenario file of countersmuggling.",
        "type": "object",
        "properties": schema["properties"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _improve(part: dict[str, Any], *, partial: bool) -> None:
    part.pop("title", None)
    properties = part.get("properties", {})
    for name, field in properties.items():
        field = _field(field)
        if partial and not _takes_null(field):
            field = _nullable(field)
        properties[name] = field
    if partial:
        part.pop("required", None)


def _field(field: dict[str, Any]) -> dict[str, Any]:
    """One field's schema with words listed and mappings spelled out."""
    field.pop("title", None)
    kind = field.pop("x-vocabulary", None)
    also = field.pop("x-also", None)
    if kind is not None:
        words = sorted(vocabulary.names(kind)) + ([also] if also else [])
        field["enum"] = words
    for key in ("items", "additionalProperties"):
        if isinstance(field.get(key), dict):
            field[key] = _field(field[key])
    for key in ("anyOf", "oneOf"):
        if key in field:
            field[key] = [_field(choice) for choice in field[key]]
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        _spell_out(field)
    elif "patternProperties" in field:  # slugs
        field["patternProperties"] = {
            pattern: {"anyOf": [value, {"type": "null"}]}
            for pattern, value in field["patternProperties"].items()
        }
        field["additionalProperties"] = False
    return field


def _spell_out(field: dict[str, Any]) -> None:
    value = field["additionalProperties"]
    if not _takes_null(value):
        value = {"anyOf": [value, {"type": "null"}]}
    names = field.pop("propertyNames", {})
    field["additionalProperties"] = False
    if "x-vocabulary" not in names:  # years
        field["patternProperties"] = {"^20[0-9][0-9]$": value}
        field["description"] = f"By year, {FIRST_DAY.year} to {LAST_DAY.year}."
        return
    kind, also = names["x-vocabulary"], names.get("x-also")
    field["properties"] = {}
    for word in ([also] if also else []) + sorted(vocabulary.names(kind)):
        text = vocabulary.description(kind, word)
        field["properties"][word] = value | ({"description": text} if text else {})


def _takes_null(field: dict[str, Any]) -> bool:
    return field.get("type") == "null" or any(_takes_null(choice) for choice in field.get("anyOf", ()))


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    outer: dict[str, Any] = {key: field.pop(key) for key in ("description", "default") if key in field}
    if "anyOf" in field and len(field) == 1:
        return {**outer, "anyOf": [*field["anyOf"], {"type": "null"}]}
    return {**outer, "anyOf": [field, {"type": "null"}]}
