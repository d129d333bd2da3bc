"""Scenarios drawn at random over the whole schema, to test what reads them.

Everything follows from the JSON Schema of the pydantic models (types, limits, vocabularies), so that a new field is drawn
without a word here.  What the schema cannot say, such as the order of two dates, is settled by the models themselves: what
they refuse is taken out and drawn anew.  Parameters stay within the registry's plausible ranges.

Used by the tests and the fuzzers, and open to whoever extends the model and wants to know that every scenario still runs.
"""

from __future__ import annotations

import copy
import datetime as dt
import math
import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from . import vocabulary
from .registry import registry
from .schema import FIRST_DAY, LAST_DAY, Scenario

#: chance that a field which may be absent is given
GIVEN: Final = 0.35
_LARGE: Final = 1e6
_HOSTILE: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 1e308, -1e308, 2**63, 10**30, 0.1, "", " ", "all", "null", "NaN", ".inf", "2025-02-30", "../../x", "<b>&'\"",
    "a" * 300, "\u202e\u2028", [], {}, [[]], [None], {"": 1}, {"a": {"b": {}}}, ["all", "all"], "${HOME}", "!!python/name:os.system",
    "%s%n", "=1+1", "١٢٣", 1e-320, "1" * 400,
)  # fmt: skip


def random_content(rng: random.Random, model: type[BaseModel] = Scenario, *, given: float = GIVEN) -> dict[str, Any]:
    """Plain values that are a valid file of `model`.

    Parameters
    ----------
    rng : random.Random
    model : type
        A pydantic model of a whole file.
    given : float
        Chance that a field which may be absent is given.

    Raises
    ------
    RuntimeError
        When what is refused cannot be mended in 60 rounds.
    """
    whole = _schema(model)
    content: dict[str, Any] = _Drawing(rng, whole.get("$defs", {}), given).value(whole)
    resources = content.get("resources") or {}
    for pool in resources.get("pools", {}).values():  # seldom by chance: a pool names types that have posts
        kinds = sorted(resources.get("posts", {}))
        pool["types"] = rng.sample(kinds, rng.randint(1, len(kinds))) if kinds else pool["types"]
    for _ in range(60):
        try:
            model.model_validate(content)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                _take_out(content, details["loc"], details.get("ctx") or {}, rng)
            fresh = _Drawing(rng, whole.get("$defs", {}), given).value(whole)
            for name in whole.get("required", ()):  # what was taken out and has to be there
                content.setdefault(name, fresh[name])
        else:
            return content
    raise RuntimeError(f"no valid {model.__name__} found")


def random_scenario(rng: random.Random, *, most_days: int = 20) -> Scenario:
    """A valid scenario over a short horizon, coarse enough to be run in a moment.

    Parameters
    ----------
    rng : random.Random
    most_days : int
        Longest horizon, and longest burn-in.
    """
    content = random_content(rng)
    start = FIRST_DAY + dt.timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days - most_days))
    _bring_near(content, start, most_days, rng)
    content["horizon"] = {"start": start.isoformat(), "end": (start + dt.timedelta(days=rng.randint(0, most_days))).isoformat(),
                          "burn_in_days": rng.choice((0, rng.randint(0, most_days)))}  # fmt: skip
    options = content.setdefault("model", {})
    options["persons_per_agent"] = 10.0 ** rng.uniform(2.0, 4.0)
    options["networks"] = rng.choice((20, 60, 300))
    return Scenario.model_validate(content)


def mutated(rng: random.Random, content: Any) -> Any:
    """`content` with one to four things wrong in most cases: values, names, shapes, dates, numbers."""
    content = copy.deepcopy(content)
    for _ in range(rng.randint(1, 4)):
        places = list(_places(content))
        if not places:
            return rng.choice(_HOSTILE)
        parent, key = rng.choice(places)
        match rng.randrange(7):
            case 0 | 1:
                parent[key] = copy.deepcopy(rng.choice(_HOSTILE))
            case 2:
                del parent[key]
            case 3 if isinstance(parent, dict):
                parent[_misspelt(rng, str(key))] = parent.pop(key)
            case 4:
                other, at = rng.choice(places)
                parent[key] = copy.deepcopy(other[at]) if at in other or isinstance(other, list) and at < len(other) else None
            case 5 if isinstance(parent[key], int | float):
                parent[key] = parent[key] * rng.choice((-1, 1e3, 1e12, 0.5)) + rng.choice((0, 1e-9))
            case _:
                parent[key] = {"x": parent[key]} if rng.random() < 0.5 else [parent[key]]
    return content


# ---------------------------------------------------------------------------------------------- drawing


@lru_cache(maxsize=8)
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


class _Drawing:
    """Draws values of a JSON Schema."""

    def __init__(self, rng: random.Random, definitions: dict[str, Any], given: float) -> None:
        self._rng, self._definitions, self._given = rng, definitions, given

    def value(self, schema: dict[str, Any], hint: str = "") -> Any:
        rng = self._rng
        if "$ref" in schema:
            return self.value(self._definitions[schema["$ref"].rpartition("/")[2]], hint)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                choices = [s for s in schema[several] if s.get("type") != "null"]
                if len(choices) < len(schema[several]) and rng.random() < 0.2:
                    return None
                return self.value(rng.choice(choices), hint)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "x-vocabulary" in schema:
            return self._word(schema)
        match schema.get("type"):
            case "null":
                return None
            case "boolean":
                return rng.random() < 0.5
            case "integer":
                low, high = schema.get("minimum", 0), schema.get("maximum", int(_LARGE))
                return rng.choice((low, high, rng.randint(low, high), rng.randint(low, min(high, low + 30))))
            case "number":
                return self._number(schema, hint)
            case "array":
                size = rng.choice((1, 1, 2, 3))
                items = [self.value(schema.get("items", {}), hint) for _ in range(max(size, schema.get("minItems", 0)))]
                return items[: schema.get("maxItems")]
            case "object":
                return self._mapping(schema, hint)
            case "string":
                return self._text(schema)
        return rng.choice((1, "x", None))

    def _number(self, schema: dict[str, Any], hint: str) -> float:
        rng = self._rng
        if hint in registry():  # of a parameter: a plausible value
            row = registry()[hint]
            return rng.choice((row.low, row.high, row.value, rng.uniform(row.low, row.high)))
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0.0 if "maximum" in schema else -_LARGE))
        high = schema.get("maximum", schema.get("exclusiveMaximum", _LARGE))
        if "exclusiveMinimum" in schema:
            low = math.nextafter(low, high)
        if "exclusiveMaximum" in schema:
            high = math.nextafter(high, low)
        near = low + (high - low) * 10.0 ** rng.uniform(-6.0, 0.0)
        return float(rng.choice((low, high, rng.uniform(low, high), near, near)))

    def _text(self, schema: dict[str, Any]) -> str:
        rng = self._rng
        if schema.get("format") == "date":
            day = FIRST_DAY + dt.timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days))
            return day.isoformat()
        if "pattern" in schema:
            return f"n{rng.randrange(1000)}-x.y_{rng.randrange(10)}"
        return rng.choice(("", "Ein Titel", "<script>alert('x')</script>", "Ünïcode \u202e 移民", "a: b # c", "-", "*", "fees.*"))

    def _word(self, schema: dict[str, Any]) -> str:
        words = sorted(vocabulary.names(schema["x-vocabulary"]))
        also = schema.get("x-also")
        return also if also and self._rng.random() < 0.3 else self._rng.choice(words)

    def _mapping(self, schema: dict[str, Any], hint: str) -> dict[str, Any]:
        rng, required = self._rng, schema.get("required", ())
        result: dict[str, Any] = {}
        for name, below in schema.get("properties", {}).items():
            if name in required or rng.random() < self._given:
                result[name] = self.value(below, hint if hint in registry() else name)
        patterns = schema.get("patternProperties", {})
        below = schema.get("additionalProperties") or next(iter(patterns.values()), None)
        if isinstance(below, dict):
            names = {"type": "string", **schema.get("propertyNames", {})}
            if patterns:
                names["pattern"] = next(iter(patterns))
            for _ in range(rng.choice((0, 1, 2, 4))):
                if "x-vocabulary" in names or patterns:
                    key = str(self.value(names))
                else:  # the only other keys are years
                    key = str(rng.randint(FIRST_DAY.year, LAST_DAY.year))
                result[key] = self._ranged(self.value(below, key))
        return result

    def _ranged(self, value: Any) -> Any:
        """A range of a parameter in its order."""
        if isinstance(value, dict) and value and value.keys() <= {"value", "low", "high"}:
            given = sorted(x for x in value.values() if x is not None)
            names = [name for name in ("low", "value", "high") if value.get(name) is not None]
            return dict(zip(names, given, strict=True))
        return value


def _take_out(content: Any, loc: tuple[int | str, ...], context: dict[str, Any], rng: random.Random) -> None:
    """Remove what a model refuses, or the nearest thing above it that is there and may be absent."""
    below = [field.split(".") for field, _ in context.get("fields", ())]
    path: list[Any] = []
    here = content
    for part in (*loc, *(below[0] if below else ())):
        if isinstance(here, dict) and part in here or isinstance(here, list) and isinstance(part, int) and part < len(here):
            path.append((here, part))
            here = here[part]
    if not path:
        return
    # now and then more than the field itself, as what it is required in may be at fault
    depth = len(path) - 1 if rng.random() < 0.6 else rng.randrange(len(path))
    parent, key = path[depth]
    del parent[key]


def _bring_near(value: Any, start: dt.date, days: int, rng: random.Random) -> None:
    """Shift most dates of levers and events so that something happens within the horizon."""
    if isinstance(value, dict):
        first = value.get("on")
        if isinstance(first, str) and len(first) == 10 and rng.random() < 0.8:
            moved = max(FIRST_DAY, start + dt.timedelta(days=rng.randint(-days, days)))
            last = value.get("off")
            value["on"] = min(moved, LAST_DAY - dt.timedelta(days=1)).isoformat()
            if isinstance(last, str):
                value["off"] = min(moved + dt.timedelta(days=rng.randint(1, days)), LAST_DAY).isoformat()
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _bring_near(below, start, days, rng)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield value, key
        yield from _places(below)


def _misspelt(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word) + 1)
    return rng.choice((word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word.upper(), word + " ", "<<", ""))
