"""Reads one YAML file into nodes that know where they stand.

Works on the event stream of PyYAML's C parser, so that nothing is built before it is checked: anchors, aliases and tags
are refused, and so are duplicate keys, tabs, several documents, and files too big, too deep or too long for a scenario.
Plain scalars follow YAML 1.2: only ``true``/``false`` are booleans (``NO`` is Norway, ``on`` is a word), ``1e3`` is a
number, ``010`` is ten.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from .problems import Problem, ScenarioError

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20
MAX_NODES: Final = 20_000
MAX_PROBLEMS: Final = 100  # of one file: a thousand lines of complaint help nobody

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, counted from 1."""

    file: str
    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value with its place; below a mapping, with the place of its key as well.

    ``empty`` tells a field with nothing after its colon from one that says ``null``.
    """

    value: Scalar | dict[str, Node] | list[Node]
    mark: Mark
    key_mark: Mark | None = None
    empty: bool = False

    def plain(self) -> Any:
        """The bare Python value: dict, list, str, int, float, bool or None."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE: Final = frozenset(("true", "True", "TRUE"))
_FALSE: Final = frozenset(("false", "False", "FALSE"))
_INT: Final = re.compile(r"[-+]?[0-9]+\Z", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z", re.ASCII)
_NOT_FINITE: Final = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_BOMS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


class NotFinite(ValueError):
    """A plain scalar that stands for NaN, for infinity, or for a number that no computer holds."""


def resolve_plain(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar by the rules of YAML 1.2.

    Raises
    ------
    NotFinite
        For ``.nan``, ``.inf`` and numbers beyond the range of a double.
    """
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _NOT_FINITE.match(text):
        raise NotFinite(text)
    if _FLOAT.match(text):
        number = float(text)
        if not math.isfinite(number):
            raise NotFinite(text)
        return int(text) if _INT.match(text) else number
    return text


def read_bytes(path: Path) -> bytes:
    """The file's bytes; a missing, unreadable or oversized file is a `ScenarioError`."""
    shown = str(path)
    try:
        if path.is_dir():
            raise _error(shown, "this is a folder, not a scenario file")
        if path.exists() and not path.is_file():
            raise _error(shown, "this is not an ordinary file")
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _error(shown, "no such file") from None
    except (OSError, ValueError) as reason:
        text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise _error(shown, f"cannot be read: {text}") from None
    if len(data) > MAX_BYTES:
        raise _error(shown, f"the file is larger than {MAX_BYTES:,} bytes; a scenario is a few kilobytes")
    return data


def read(path: Path, shown: str | None = None) -> tuple[Node, list[Problem]]:
    """Read one file.

    Parameters
    ----------
    path
        The file.
    shown
        The name to use in messages (default: the path as given).

    Returns
    -------
    root, problems
        The root mapping and everything that is wrong but did not stop the reading (duplicate keys, anchors, tags,
        numbers that are not finite).

    Raises
    ------
    ScenarioError
        When the file cannot be read as one mapping within the limits.
    """
    return parse(read_bytes(path), shown if shown is not None else str(path))


def parse(data: bytes, file: str) -> tuple[Node, list[Problem]]:
    """As `read`, for the bytes of a file called ``file``."""
    if len(data) > MAX_BYTES:
        raise _error(file, f"the file is larger than {MAX_BYTES:,} bytes; a scenario is a few kilobytes")
    return _Builder(file, _decode(data, file)).build()


def _error(file: str, message: str, line: int = 0, column: int = 0, path: str = "") -> ScenarioError:
    return ScenarioError([Problem(file, line, column, path, message)])


def _decode(data: bytes, file: str) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            raise _error(file, f"the file is encoded in {name}; save it as UTF-8", 1, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        # position in the decoded part, so that a byte order mark and wide letters before it do not shift the column
        before = data[: reason.start].decode("utf-8-sig", errors="replace")
        line, column = _position(before)
        byte = data[reason.start]
        raise _error(file, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", line, column) from None
    for wrong, what in (
        ("\ufeff", "a byte order mark inside the file; remove it"),
        ("\x00", "a NUL character (is the file UTF-16, or not text at all?); save it as UTF-8"),
    ):
        if wrong in text:
            raise _error(file, what, *_position(text[: text.index(wrong)]))
    if "\t" in text:
        number, start = 1, 0
        for line_text in _BREAK.split(text):
            tab = line_text.find("\t")
            if tab >= 0 and not line_text.lstrip().startswith("#") and line_text.strip():
                raise _error(file, "a tab character; indent and separate with spaces", number, tab + 1)
            number, start = number + 1, start + len(line_text)
    return text


def _position(before: str) -> tuple[int, int]:
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


class _Builder:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.problems: list[Problem] = []
        self.nodes = 0
        self.events: Iterator[Any] = iter(())

    def build(self) -> tuple[Node, list[Problem]]:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events = iter(yaml.parse(self.text, Loader=loader))
        try:
            return self._document(), self.problems
        except yaml.MarkedYAMLError as reason:
            mark = reason.problem_mark or reason.context_mark
            what = " ".join(part for part in (reason.context, reason.problem) if part)
            line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
            if "nesting depth" in what:  # newer parsers look ahead and stop by themselves, before our own count does
                message = f"nested deeper than {MAX_DEPTH} levels"
            else:
                message = f"not valid YAML: {what}{self._hint(line)}"
            self.problems.append(Problem(self.file, line, column, "", message))  # the last one: reading ends here
        except yaml.YAMLError as reason:
            position = getattr(reason, "position", None)
            line, column = _position(self.text[:position]) if isinstance(position, int) else (0, 0)
            what = getattr(reason, "reason", None) or str(reason)
            self.problems.append(Problem(self.file, line, column, "", f"not valid YAML: {what}"))
        except _Stop:
            pass
        raise ScenarioError(self.problems)

    def _hint(self, line: int) -> str:
        lines = _BREAK.split(self.text)
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        before = lines[line - 2] if 1 < line <= len(lines) else ""
        if any(re.match(r"\s*[\w-]+:[^\s:/]", near[:200]) for near in (text, before)):
            return " (a space belongs after the colon)"
        if re.search(r":\s+[^\"'#]*:\s", text):
            return " (put a text that contains a colon in quotes)"
        return ""

    def _say(self, line: int, column: int, path: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, path, message))
        if len(self.problems) >= MAX_PROBLEMS:
            self.problems.append(
                Problem(self.file, line, column, "", "too many problems: the rest is not shown")
            )
            raise _Stop

    def _stop(self, mark: Mark, path: str, message: str) -> _Stop:
        self.problems.append(Problem(self.file, mark.line, mark.column, path, message))
        return _Stop()

    def _document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            mark = self._mark(event)
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._stop(mark, "", "a second document ('---'); a scenario file holds one")
                if event.tags:
                    self._say(mark.line, mark.column, "", "a %TAG directive; scenario files use no tags")
                root = self._node(next(self.events), "", 1)
        if root is None or root.value is None:
            raise self._stop(
                Mark(self.file, 1, 1), "", "the file is empty; a scenario needs at least `extends:`"
            )
        if not isinstance(root.value, dict):
            raise self._stop(root.mark, "", "expected `field: value` lines at the top of the file")
        return root

    def _mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, path: str, depth: int) -> Node:
        mark = self._mark(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._stop(mark, path, f"more than {MAX_NODES:,} values; this is no scenario")
        if depth > MAX_DEPTH:
            raise self._stop(mark, path, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            self._say(
                mark.line,
                mark.column,
                path,
                f"an alias (*{str(event.anchor)[:40]}); write the value out, or use `extends`",
            )
            return Node(None, mark)
        if event.anchor is not None:
            self._say(
                mark.line, mark.column, path, f"an anchor (&{event.anchor[:40]}); scenario files use none"
            )
        if event.tag is not None:
            self._say(mark.line, mark.column, path, f"a tag ({event.tag[:60]}); scenario files use none")
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event, mark, path), mark, empty=event.value == "" and event.implicit[0])
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
            return Node(items, mark)
        return Node(self._mapping(path, depth), mark)

    def _mapping(self, path: str, depth: int) -> dict[str, Node]:
        mapping: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key_mark = self._mark(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._stop(key_mark, path, "a field's name must be a plain word")
            if event.anchor is not None or event.tag is not None:
                self._say(
                    key_mark.line, key_mark.column, path, "an anchor or tag on a field's name; use none"
                )
            key: str = event.value
            where = f"{path}.{key[:80]}" if path else key[:80]
            self.nodes += 1
            child = self._node(next(self.events), where, depth + 1)
            child.key_mark = key_mark
            first = mapping.get(key)
            if key == "<<":
                self._say(key_mark.line, key_mark.column, path, "a merge key (<<); use `extends` instead")
            elif first is not None and first.key_mark is not None:
                place = f"first given in line {first.key_mark.line}"
                self._say(key_mark.line, key_mark.column, where, f"the field is given twice ({place})")
            else:
                mapping[key] = child
        return mapping

    def _scalar(self, event: Any, mark: Mark, path: str) -> Scalar:
        text: str = event.value
        if not event.implicit[0]:  # quoted or block text
            return text
        try:
            return resolve_plain(text)
        except (NotFinite, ValueError):
            self._say(mark.line, mark.column, path, f"expected a finite number, got {text[:40]}")
            return 0


class _Stop(Exception):
    """Reading further makes no sense; the problems say why."""
