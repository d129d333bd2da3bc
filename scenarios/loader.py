"""Finds, reads, extends and checks scenario files."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from .checking import Place, Removed, in_order, validated
from .problems import Problem, ScenarioError, nearest
from .schema import Scenario
from .yaml_reader import Mark, Node, read

MAX_CHAIN: Final = 10
SUFFIXES: Final = (".yaml", ".yml")


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


def overlaid(name_or_path: str | Path, overlays: Sequence[Node]) -> tuple[Scenario | None, list[Problem]]:
    """A scenario with fields of another file laid over it in turn, as ``extends`` would; or everything that is wrong.

    Parameters
    ----------
    name_or_path
        As for `load`.
    overlays
        Mappings with the fields of a scenario file. Problems name the file in which a field stands.
    """
    try:
        return _examine(_locate(name_or_path), overlays)
    except ScenarioError as error:
        return None, error.problems


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
    scenario, found = validated(Scenario, root, [], source)
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
        # as the user wrote it, unless the file was reached through a link: then beside what the link leads to
        beside_link = path.parent / name
        return beside_link if beside_link.resolve().parent == folder else candidate
    beside = [file.name for file in path.parent.iterdir() if file.suffix.lower() in SUFFIXES and file != path]
    raise refuse(
        f"no bundled scenario and no file beside this one is called '{wanted[:80]}'; bundled are {', '.join(bundled())}",
        nearest(wanted, [*bundled(), *beside]),
    )


# ---------------------------------------------------------------------------------------------- extending


def _examine(path: Path, overlays: Sequence[Node] = ()) -> tuple[Scenario | None, list[Problem]]:
    root, removed, problems = _resolve(path, ())
    if "name" not in _mapping(root):
        stem = path.stem.lower().replace(" ", "-")
        _mapping(root)["name"] = Node(stem, Mark(str(path), 1, 1))
    for overlay in overlays:
        root = _merge(root, overlay, (), removed)
    scenario, found = validated(Scenario, root, removed, str(path))
    return scenario, in_order(problems + found, str(path))


def _mapping(node: Node) -> dict[str, Node]:
    assert isinstance(node.value, dict)
    return node.value


def _resolve(
    path: Path, chain: tuple[Path, ...]
) -> tuple[Node, list[Removed], list[Problem]]:
    """The file with all that it extends: root, keys without a value (path, node, was there), problems."""
    root, problems = read(path)
    removed: list[Removed] = []
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


def _merge(base: Node, over: Node, path: Place, removed: list[Removed]) -> Node:
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
