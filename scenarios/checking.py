"""Checks the nodes of a file against its model, and tells every problem with its place and the nearest valid name."""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from .problems import Problem, nearest
from .schema import EVENT_KINDS, suggestion
from .yaml_reader import MAX_PROBLEMS, Mark, Node

M = TypeVar("M", bound=BaseModel)

Place = tuple[str | int, ...]
Removed = tuple[Place, Node, bool]
"""A key without a value: where, the node, and whether something stood there before."""

def validated(
    model: type[M], root: Node, removed: Sequence[Removed], file: str
) -> tuple[M | None, list[Problem]]:
    """What the nodes of a file mean, or everything that is wrong with them.

    Parameters
    ----------
    model
        The pydantic model of the whole file.
    root
        As read, with everything that the file extends.
    removed
        Keys without a value.
    file
        The file's name in messages.
    """
    data = root.plain()
    found = (problem for entry in removed if (problem := _removed_unknown(model, entry)) is not None)
    problems = list(itertools.islice(found, MAX_PROBLEMS))
    try:
        return model.model_validate(data), problems
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for details in errors[:MAX_PROBLEMS]:  # suggestions for thousands of mistakes would take long
            problems.extend(_problems(model, dict(details), root, data, file))
        if len(errors) > MAX_PROBLEMS:
            problems.append(_more(file, len(errors) - MAX_PROBLEMS))
        return None, problems


def _problems(
    model: type[BaseModel], details: dict[str, Any], root: Node, data: Any, file: str
) -> Iterator[Problem]:
    context = details.get("ctx") or {}
    path, of_key = _plain_path(details["loc"], data)
    fields = context.get("fields")
    if fields:
        for below, message in fields:
            # names in `below` may hold dots (registry names): match the longest key first
            yield _at((*path, *_split(below, _at_path(data, path))), False, message, None, root, file)
        return
    kind = details["type"]
    if kind == "extra_forbidden":
        names = names_below(model, path[:-1], data)
        text = f"unknown field; expected one of {', '.join(names)}" if names else "unknown field"
        yield _at(path, True, text, nearest(str(path[-1]), names), root, file)
        return
    if kind == "missing":
        description = _description(model, path, data)
        text = f"this field is required: {description}" if description else "this field is required"
        yield _at(path, False, text, None, root, file)
        return
    hint = suggestion(context)
    if kind == "union_tag_invalid":
        path = (*path, "kind")
        hint = nearest(str(context["tag"]), EVENT_KINDS)
    yield _at(path, of_key, _message(kind, details, context), hint, root, file)


_EXPECTED: Final = {
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "string_type": "expected a text (put it in quotes)",
    "bool_type": "expected true or false",
    "date_type": "expected a date such as 2025-07-01",
    "list_type": "expected a list such as [a, b]",
    "dict_type": "expected `name: value` lines below this field",
    "model_type": "expected `field: value` lines below this field",
    "model_attributes_type": "expected `field: value` lines below this field",
    "union_tag_not_found": f"an event needs a `kind`, one of {', '.join(EVENT_KINDS)}",
    "string_pattern_mismatch": "expected lower-case letters, digits and hyphens, such as my-option",
}
_COMPARE: Final = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def _message(kind: str, details: dict[str, Any], context: dict[str, Any]) -> str:
    if kind == "scenario":
        return str(context["text"])
    given = _shown(details.get("input"))
    if kind in _COMPARE:
        key, words = _COMPARE[kind]
        limit = context[key]
        if isinstance(limit, float):
            limit = f"{limit:g}"
        return f"expected {words} {limit}, got {given}"
    if kind == "literal_error":
        return f"expected {context['expected']}, got {given}"
    if kind == "union_tag_invalid":
        return f"no kind of event '{str(context['tag'])[:60]}'; expected one of {', '.join(EVENT_KINDS)}"
    if kind == "string_too_long":
        return f"expected a text of at most {context['max_length']} characters"
    if kind == "too_long":
        return f"expected at most {context['max_length']} entries"
    if kind == "too_short":
        return "expected at least one entry"
    text = _EXPECTED.get(kind, details["msg"])
    if isinstance(details.get("input"), str) and kind in ("float_type", "int_type"):
        bare = details["input"].replace("_", "").replace(",", "").replace(" ", "")
        if bare.lstrip("+-").replace(".", "", 1).isdecimal():
            return f"{text}, got the text '{details['input'][:40]}' (write {bare}, without quotes, separators or spaces)"
    return f"{text}, got {given}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{value[:40]}{'...' if len(value) > 40 else ''}'"
    return str(value)[:40]


def _plain_path(loc: tuple[str | int, ...], data: Any) -> tuple[Place, bool]:
    """Pydantic's location without the tags of unions, and whether it means the key."""
    of_key = bool(loc) and loc[-1] == "[key]"
    parts = list(loc[:-1] if of_key else loc)
    path: list[str | int] = []
    for number, part in enumerate(parts):
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
        elif number + 1 < len(parts) or not isinstance(data, dict) or str(part).startswith("#"):
            continue
        path.append(part)
    return tuple(path), of_key


def _at_path(data: Any, path: Place) -> Any:
    for part in path:
        data = data[part]
    return data


def _split(below: str, data: Any) -> Place:
    path: list[str] = []
    while below:
        keys = (
            [key for key in data if below == key or below.startswith(f"{key}.")]
            if isinstance(data, dict)
            else []
        )
        key = max(keys, key=len, default=below)
        path.append(key)
        data = data.get(key) if isinstance(data, dict) else None
        below = below[len(key) + 1 :]
    return tuple(path)


def _at(path: Place, of_key: bool, message: str, suggestion: str | None, root: Node, file: str) -> Problem:
    """A problem at the place of ``path``, or of the nearest mapping above it that is there."""
    node, mark = root, Mark(file, 1, 1)
    for number, part in enumerate(path):
        child: Node | None = None
        if isinstance(node.value, dict):
            child = node.value.get(str(part))
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
        if child is None:
            break
        node = child
        last = number + 1 == len(path)
        mark = node.mark if node.key_mark is None or (last and not of_key) else node.key_mark
    return Problem(mark.file, mark.line, mark.column, dotted(path), message, suggestion)


def dotted(path: Place) -> str:
    """``levers.penalties.off``, ``events[2].kind``."""
    text = ""
    for part in path:
        name = str(part) if len(str(part)) <= 80 else f"{str(part)[:77]}..."
        text += f"[{name}]" if isinstance(part, int) else f".{name}" if text else name
    return text


def in_order(problems: list[Problem], file: str) -> list[Problem]:
    """Own file first, then by place; equal problems once."""
    unique = list(dict.fromkeys(problems))
    unique.sort(
        key=lambda problem: (problem.file != file, problem.file, problem.line or sys.maxsize, problem.column)
    )
    return unique


def _more(file: str, count: int) -> Problem:
    return Problem(file, 0, 0, "", f"{count} more problems are not shown")



# ---------------------------------------------------------------------------------------------- schema walk


def unwrapped(annotation: Any) -> list[Any]:
    """The types that an annotation may stand for, without Annotated, Optional and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return unwrapped(get_args(annotation)[0])
    if origin is Union or isinstance(annotation, types.UnionType):
        return [kind for part in get_args(annotation) for kind in unwrapped(part)]
    return [annotation]


def annotations_at(model: type[BaseModel], path: Place, data: Any = None) -> list[tuple[Any, Any]]:
    """(annotation, data) candidates that stand at ``path`` of a file whose model is ``model``."""
    found: list[Any] = [model]
    for part in path:
        below: list[Any] = []
        for kind in found:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for name, field in kind.model_fields.items():
                    if part in (name, field.alias):
                        below.extend(unwrapped(field.annotation))
            elif get_origin(kind) is dict:
                below.extend(unwrapped(get_args(kind)[1]))
            elif get_origin(kind) is list and isinstance(part, int):
                below.extend(unwrapped(get_args(kind)[0]))
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        found = below
    return [(kind, data) for kind in found]


def names_below(model: type[BaseModel], path: Place, data: Any = None) -> list[str]:
    """Field names that are valid in the mapping at ``path``; of events only those of its kind."""
    names: dict[str, None] = {}
    for kind, value in annotations_at(model, path, data):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        tag = kind.model_fields.get("kind")
        if tag is not None and isinstance(value, dict) and value.get("kind") not in get_args(tag.annotation):
            continue
        names.update((field.alias or name, None) for name, field in kind.model_fields.items())
    return list(names)


def _description(model: type[BaseModel], path: Place, data: Any) -> str:
    for kind, _ in annotations_at(model, path[:-1], data):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                if path and path[-1] in (name, field.alias) and field.description:
                    return field.description
    return ""


def _removed_unknown(model: type[BaseModel], entry: Removed) -> Problem | None:
    """A null that removes what was never there and has no valid name is a slip of the pen."""
    path, node, was_there = entry
    if was_there:
        return None
    parent, key = path[:-1], str(path[-1])
    names: list[str] = []
    for kind, _ in annotations_at(model, parent):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names.extend(field.alias or name for name, field in kind.model_fields.items())
        elif get_origin(kind) is dict:
            try:
                TypeAdapter(get_args(kind)[0]).validate_python(key)
            except ValidationError as error:
                details = error.errors(include_url=False)[0]
                context = details.get("ctx") or {}
                mark = node.key_mark or node.mark
                text = _message(details["type"], dict(details), context)
                return Problem(mark.file, mark.line, mark.column, dotted(path), text, suggestion(context))
            return None
    if not names or key in names:
        return None
    mark = node.key_mark or node.mark
    text = f"unknown field; expected one of {', '.join(names)}"
    return Problem(mark.file, mark.line, mark.column, dotted(path), text, nearest(key, names))
