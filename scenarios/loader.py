"""Finds, reads, extends and checks scenario files."""

from __future__ import annotations

import functools
import itertools
import sys
import types
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from .problems import Problem, ScenarioError, nearest
from .schema import EVENT_KINDS, Scenario, suggestion
from .yaml_reader import MAX_PROBLEMS, Mark, Node, read

MAX_CHAIN: Final = 10
SUFFIXES: Final = (".yaml", ".yml")

_Path = tuple[str | int, ...]


def bundled() -> list[str]:
    """Names of the scenarios that come with the package, in alphabetical order."""
    return sorted(path.stem for path in _bundled_folder().glob("*.yaml"))


def load(name_or_path: str | Path) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    name_or_path
        A bundled name (see `bundled`) or the path of a YAML file.

    Returns
    -------
    Scenario
        With everything that it extends filled in.

    Raises
    ------
    ScenarioError
        With every problem found, each with file, line and column.
    """
    scenario, problems = _examine(_locate(name_or_path))
    if scenario is None or problems:
        raise ScenarioError(problems)
    return scenario


def check(path: str | Path) -> list[Problem]:
    """Every problem of a scenario (a bundled name or a file); an empty list when there is none."""
    try:
        return _examine(_locate(path))[1]
    except ScenarioError as error:
        return error.problems


def bundled_path(name: str) -> Path:
    """The file of a bundled scenario, for reading."""
    if name not in bundled():
        raise _not_found(name)
    return _bundled_folder() / f"{name}.yaml"


def validate(data: dict[str, Any], source: str = "scenario") -> Scenario:
    """A scenario from plain Python values; as `load`, with problems that name ``source`` and the field."""
    from .yaml_reader import parse
    from .yaml_writer import dump

    root, problems = parse(dump(data).encode(), source)
    scenario, found = _validate(root, [], source)
    problems = [Problem(p.file, 0, 0, p.path, p.message, p.suggestion) for p in problems + found]
    if scenario is None or problems:
        raise ScenarioError(problems)
    return scenario


# ---------------------------------------------------------------------------------------------- finding


@functools.lru_cache(maxsize=1)
def _bundled_folder() -> Path:
    # wheels are installed unpacked, so that the traversable is a path
    return Path(str(resources.files(__package__) / "bundled"))


def _not_found(name: str) -> ScenarioError:
    shown = name[:200]
    hint = nearest(shown, bundled())
    text = f"no bundled scenario and no file of this name; bundled are {', '.join(bundled())}"
    return ScenarioError([Problem(shown, 0, 0, "", text, hint)])


def _locate(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in bundled():
        return bundled_path(text)
    path = Path(name_or_path)
    try:
        exists = bool(text.strip()) and path.exists()
    except (OSError, ValueError):  # a name too long, or with a NUL
        exists = False
    if not exists and path.suffix.lower() not in SUFFIXES:
        raise _not_found(text)
    return path


def _parent(path: Path, wanted: str, node: Node) -> Path:
    """The file that ``extends: wanted`` means, as seen from ``path``."""

    def refuse(message: str, suggestion: str | None = None) -> ScenarioError:
        mark = node.mark
        return ScenarioError([Problem(mark.file, mark.line, mark.column, "extends", message, suggestion)])

    if wanted in bundled():
        return bundled_path(wanted)
    if wanted.strip() in ("", ".", "..") or wanted != Path(wanted).name or set(wanted) & set("/\\:"):
        raise refuse(f"expected a bundled name or a file in the same folder, got '{wanted[:80]}'")
    folder = path.resolve().parent
    names = (
        [wanted] if Path(wanted).suffix.lower() in SUFFIXES else [f"{wanted}{suffix}" for suffix in SUFFIXES]
    )
    for name in names:
        candidate = folder / name
        try:
            if not candidate.is_file():
                continue
            inside = candidate.resolve().parent == folder
        except (OSError, ValueError, RuntimeError):
            continue
        if not inside:
            raise refuse(f"'{wanted[:80]}' leads out of the scenario's folder")
        return path.parent / name
    beside = [file.name for file in path.parent.iterdir() if file.suffix.lower() in SUFFIXES and file != path]
    raise refuse(
        f"no bundled scenario and no file beside this one is called '{wanted[:80]}'; bundled are {', '.join(bundled())}",
        nearest(wanted, [*bundled(), *beside]),
    )


# ---------------------------------------------------------------------------------------------- extending


def _examine(path: Path) -> tuple[Scenario | None, list[Problem]]:
    root, removed, problems = _resolve(path, ())
    if "name" not in _mapping(root):
        stem = path.stem.lower().replace(" ", "-")
        _mapping(root)["name"] = Node(stem, Mark(str(path), 1, 1))
    scenario, found = _validate(root, removed, str(path))
    return scenario, _in_order(problems + found, str(path))


def _mapping(node: Node) -> dict[str, Node]:
    assert isinstance(node.value, dict)
    return node.value


def _resolve(
    path: Path, chain: tuple[Path, ...]
) -> tuple[Node, list[tuple[_Path, Node, bool]], list[Problem]]:
    """The file with all that it extends: root, keys without a value (path, node, was there), problems."""
    root, problems = read(path)
    removed: list[tuple[_Path, Node, bool]] = []
    top = _mapping(root)
    extends = top.pop("extends", None)
    base = Node({}, root.mark)
    if extends is not None and extends.value is not None:
        if not isinstance(extends.value, str):
            mark = extends.mark
            text = "expected the name of a scenario, such as baseline-2025"
            raise ScenarioError([*problems, Problem(mark.file, mark.line, mark.column, "extends", text)])
        parent = _parent(path, extends.value, extends)
        here = (*chain, path.resolve())
        if parent.resolve() in here or len(here) > MAX_CHAIN:
            mark = extends.mark
            names = " -> ".join(file.name for file in (*here, parent))
            text = f"the scenarios extend one another in a circle: {names}"
            if parent.resolve() not in here:
                text = f"more than {MAX_CHAIN} scenarios extend one another: {names}"
            raise ScenarioError([Problem(mark.file, mark.line, mark.column, "extends", text)])
        base, removed, inherited = _resolve(parent, here)
        problems = inherited + problems
        for key in Scenario.not_inherited:
            _mapping(base).pop(key, None)
    merged = _merge(base, root, (), removed)
    return merged, removed, problems


def _merge(base: Node, over: Node, path: _Path, removed: list[tuple[_Path, Node, bool]]) -> Node:
    result = dict(_mapping(base))
    for key, child in _mapping(over).items():
        below = result.get(key)
        if child.value is None:
            removed.append(((*path, key), child, below is not None))
            if not child.empty:  # `levers:` with nothing below it says nothing; `levers: null` removes
                result.pop(key, None)
        elif isinstance(child.value, dict):
            start = below if below is not None and isinstance(below.value, dict) else Node({}, child.mark)
            result[key] = _merge(start, child, (*path, key), removed)
        else:
            result[key] = child
    return Node(result, over.mark, over.key_mark)


# ---------------------------------------------------------------------------------------------- checking


def _validate(
    root: Node, removed: list[tuple[_Path, Node, bool]], file: str
) -> tuple[Scenario | None, list[Problem]]:
    data = root.plain()
    found = (problem for entry in removed if (problem := _removed_unknown(entry)) is not None)
    problems = list(itertools.islice(found, MAX_PROBLEMS))
    try:
        return Scenario.model_validate(data), problems
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for details in errors[:MAX_PROBLEMS]:  # suggestions for thousands of mistakes would take long
            problems.extend(_problems(dict(details), root, data, file))
        if len(errors) > MAX_PROBLEMS:
            problems.append(_more(file, len(errors) - MAX_PROBLEMS))
        return None, problems


def _problems(details: dict[str, Any], root: Node, data: Any, file: str) -> Iterator[Problem]:
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
        names = _names_below(path[:-1], data)
        text = f"unknown field; expected one of {', '.join(names)}" if names else "unknown field"
        yield _at(path, True, text, nearest(str(path[-1]), names), root, file)
        return
    if kind == "missing":
        description = _description(path, data)
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


def _plain_path(loc: tuple[str | int, ...], data: Any) -> tuple[_Path, bool]:
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


def _at_path(data: Any, path: _Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _split(below: str, data: Any) -> _Path:
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


def _at(path: _Path, of_key: bool, message: str, suggestion: str | None, root: Node, file: str) -> Problem:
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


def dotted(path: _Path) -> str:
    """``levers.penalties.off``, ``events[2].kind``."""
    text = ""
    for part in path:
        name = str(part) if len(str(part)) <= 80 else f"{str(part)[:77]}..."
        text += f"[{name}]" if isinstance(part, int) else f".{name}" if text else name
    return text


def _in_order(problems: list[Problem], file: str) -> list[Problem]:
    """Own file first, then by place; equal problems once."""
    unique = list(dict.fromkeys(problems))
    unique.sort(
        key=lambda problem: (problem.file != file, problem.file, problem.line or sys.maxsize, problem.column)
    )
    return unique


def _more(file: str, count: int) -> Problem:
    return Problem(file, 0, 0, "", f"{count} more problems are not shown")


# ---------------------------------------------------------------------------------------------- schema walk


def _unwrapped(annotation: Any) -> list[Any]:
    """The types that an annotation may stand for, without Annotated, Optional and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if origin is Union or isinstance(annotation, types.UnionType):
        return [kind for part in get_args(annotation) for kind in _unwrapped(part)]
    return [annotation]


def _models(path: _Path, data: Any) -> list[tuple[Any, Any]]:
    """(annotation, data) candidates that stand at ``path`` of a scenario."""
    found: list[Any] = [Scenario]
    for part in path:
        below: list[Any] = []
        for kind in found:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                for name, field in kind.model_fields.items():
                    if part in (name, field.alias):
                        below.extend(_unwrapped(field.annotation))
            elif get_origin(kind) is dict:
                below.extend(_unwrapped(get_args(kind)[1]))
            elif get_origin(kind) is list and isinstance(part, int):
                below.extend(_unwrapped(get_args(kind)[0]))
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        found = below
    return [(kind, data) for kind in found]


def _names_below(path: _Path, data: Any) -> list[str]:
    """Field names that are valid in the mapping at ``path``; of events only those of its kind."""
    names: dict[str, None] = {}
    for kind, value in _models(path, data):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        tag = kind.model_fields.get("kind")
        if tag is not None and isinstance(value, dict) and value.get("kind") not in get_args(tag.annotation):
            continue
        names.update((field.alias or name, None) for name, field in kind.model_fields.items())
    return list(names)


def _description(path: _Path, data: Any) -> str:
    for kind, _ in _models(path[:-1], data):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, field in kind.model_fields.items():
                if path and path[-1] in (name, field.alias) and field.description:
                    return field.description
    return ""


def _removed_unknown(entry: tuple[_Path, Node, bool]) -> Problem | None:
    """A null that removes what was never there and has no valid name is a slip of the pen."""
    path, node, was_there = entry
    if was_there:
        return None
    parent, key = path[:-1], str(path[-1])
    names: list[str] = []
    for kind, _ in _models(parent, None):
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
