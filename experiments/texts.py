"""Every text of the report in one catalogue, so that it can be translated: ``experiments/languages/en.toml``.

A catalogue is a TOML file of sentences with ``{names}`` in braces; a translation is a copy of it with other sentences, and
may be given as a file.  What it leaves out is told in English.  Titles of outcomes, levers, resource types and countries
come from the vocabulary of :mod:`..scenarios`; a translation gives its own under ``[outcome]``, ``[lever]``, ``[resource]``,
``[country]``, and so on.  ``python -m countersmuggling.experiments.texts`` prints everything that can be translated.
"""

from __future__ import annotations

import string
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

DEFAULT = "en"


class LanguageError(ValueError):
    """A language that there is not, or a catalogue that cannot be used; the message is for the user."""


@dataclass(frozen=True)
class Catalogue:
    """Texts of one language by dotted key.

    Attributes
    ----------
    language : str
        Code for the page's ``lang`` attribute.
    texts : mapping
    missing : list of str
        Keys that the English catalogue has and this one has not.
    """

    language: str
    texts: Mapping[str, str]
    missing: list[str] = field(default_factory=list)


def languages() -> list[str]:
    """Codes of the languages that come with the program."""
    folder = files(__package__).joinpath("languages")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


@cache
def english() -> Catalogue:
    """The English catalogue: what every other one is measured against."""
    text = files(__package__).joinpath(f"languages/{DEFAULT}.toml").read_text(encoding="utf-8")
    return Catalogue(DEFAULT, _flat(tomllib.loads(text)))


def catalogue(language: str | Path) -> Catalogue:
    """A catalogue by its language's code, or from a file.

    Raises
    ------
    LanguageError
        When there is none, when a file is no catalogue, or when a sentence has other names in braces than the English one.
    """
    given = str(language)
    if given == DEFAULT:
        return english()
    if given in languages():
        text = files(__package__).joinpath(f"languages/{given}.toml").read_text(encoding="utf-8")
    elif given.endswith(".toml"):
        try:
            text = Path(given).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LanguageError(f"cannot read the catalogue {given}: {getattr(error, 'strerror', error)}") from error
    else:
        from ..scenarios.problems import nearest

        near = nearest(given, languages())
        hint = f"; did you mean '{near}'?" if near else ""
        raise LanguageError(
            f"no language '{given}'{hint} There are: {', '.join(languages())}; or name a catalogue of your own, a .toml file"
        )
    try:
        texts = _flat(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise LanguageError(f"{given} is not a catalogue: {error}") from error
    code = texts.pop("language", Path(given).stem)
    for key, sentence in texts.items():
        if key in english().texts and not _names(sentence) <= _names(english().texts[key]):
            extra = ", ".join(sorted(_names(sentence) - _names(english().texts[key])))
            raise LanguageError(f"{given}: '{key}' names {extra} in braces, which the English text does not have")
    missing = [key for key in english().texts if key not in texts]
    return Catalogue(code, {**english().texts, **texts}, missing)


_current: ContextVar[Catalogue | None] = ContextVar("catalogue", default=None)


def current() -> Catalogue:
    """The catalogue in use."""
    return _current.get() or english()


@contextmanager
def using(chosen: Catalogue) -> Iterator[None]:
    """Use another catalogue inside the block."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def t(key: str, /, **values: Any) -> str:
    """The text of a key with its ``{names}`` filled in."""
    text = current().texts[key]
    return text.format(**values) if values else text


def known(key: str, default: str) -> str:
    """The text of a key where the catalogue has it, otherwise `default`: for titles of the vocabulary."""
    return current().texts.get(key, default)


# ---------------------------------------------------------------------------------------------- vocabulary


def outcome(name: str) -> str:
    """Title of an outcome."""
    from ..scenarios import OUTCOMES

    return known(f"outcome.{name}", OUTCOMES[name].title if name in OUTCOMES else name)


def unit(name: str) -> str:
    """A unit of an outcome."""
    return known(f"unit.{name.replace(' ', '_')}", name)


def lever(name: str) -> str:
    """Title of a lever."""
    from ..scenarios import LEVERS

    return known(f"lever.{name}", LEVERS[name].title)


def resource(name: str) -> str:
    """Title of a resource type."""
    from ..scenarios import RESOURCES

    return known(f"resource.{name}", RESOURCES[name].title if name in RESOURCES else name)


def country(code: str) -> str:
    """Name of a Member State or partner country."""
    return known(f"country.{code}", _countries().get(code, code))


def route(code: str) -> str:
    """Name of a route."""
    return known(f"route.{code}", code)


@cache
def _countries() -> dict[str, str]:
    from ..scenarios import world

    tables = world()
    names = dict(zip(tables.partners["partner"], tables.partners["name"], strict=True))
    names |= dict(zip(tables.member_states["member_state"], tables.member_states["name"], strict=True))
    return {str(k): str(v) for k, v in names.items()}


def everything() -> dict[str, str]:
    """All that can be translated: the English catalogue, and the vocabulary's titles under the keys that replace them."""
    from ..scenarios import LEVERS, OUTCOMES, RESOURCES

    found = dict(english().texts)
    found |= {f"outcome.{name}": info.title for name, info in OUTCOMES.items()}
    found |= {f"unit.{info.unit.replace(' ', '_')}": info.unit for info in OUTCOMES.values()}
    found |= {f"lever.{name}": info.title for name, info in LEVERS.items()}
    found |= {f"resource.{name}": info.title for name, info in RESOURCES.items()}
    found |= {f"country.{code}": name for code, name in sorted(_countries().items())}
    return found


def as_toml(texts: Mapping[str, str]) -> str:
    """Texts as the content of a catalogue file."""
    lines: list[str] = []
    tables: dict[str, dict[str, str]] = {}
    for key, text in texts.items():
        head, _, name = key.rpartition(".")
        tables.setdefault(head, {})[name] = text
    for head in sorted(tables):
        lines += [f"[{head}]"] if head else []
        for name, text in tables[head].items():
            told = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f'{name} = "{told}"')
        lines.append("")
    return "\n".join(lines)


def _flat(content: Mapping[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in content.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{name}.")
        elif isinstance(value, str):
            found[name] = value
        else:
            raise TypeError(f"'{name}' is not a text")
    return found


def _names(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError as error:
        raise LanguageError(f"a text has a brace without its partner: {text!r}") from error


if __name__ == "__main__":
    sys.stdout.write(as_toml(everything()))
