"""From settings on a page to the text of a scenario file, and from such a text to a scenario."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from ...scenarios import LEVERS, Scenario, ScenarioError, bundled, load
from ...scenarios.schema import Levers
from ...scenarios.yaml_writer import dump

#: fields that every lever has; they are shown apart from a lever's own
COMMON: Final = ("on", "off", "ramp_days", "intensity")
FILE_NAME: Final = "my-option.yaml"

LeverValues = Mapping[str, Any]


@dataclass(frozen=True)
class LeverField:
    """One field of a lever, as a widget needs it.

    Attributes
    ----------
    name : str
    description : str
    kind : {'number', 'names'}
    low, high : float
        Bounds of a number.
    default : float or list of str or None
    """

    name: str
    description: str
    kind: Literal["number", "names"]
    low: float = 0.0
    high: float = 0.0
    default: Any = None


@dataclass(frozen=True)
class Option:
    """What a text holds: a scenario, or what is wrong with it."""

    text: str
    scenario: Scenario | None = None
    problems: Sequence[str] = field(default_factory=tuple)


def lever_class(lever: str) -> Any:
    """The class of a lever's settings."""
    return next(a for a in get_args(Levers.model_fields[lever].annotation) if a is not type(None))


def own_fields(lever: str) -> list[LeverField]:
    """The fields that only this lever has."""
    found = []
    for name, info in lever_class(lever).model_fields.items():
        if name in COMMON:
            continue
        low, high = _bounds(info)
        default = info.get_default(call_default_factory=True) if not info.is_required() else low
        kind: Literal["number", "names"] = "names" if isinstance(default, list) else "number"
        found.append(LeverField(name, info.description or name, kind, low, high, default))
    return found


def _bounds(info: FieldInfo) -> tuple[float, float]:
    low, high = 0.0, 1e9
    for part in info.metadata:
        if isinstance(part, Ge):
            low = float(str(part.ge))
        elif isinstance(part, Le):
            high = float(str(part.le))
    return low, high


def proposals() -> dict[str, list[str]]:
    """Levers by the proposal that they come from, in the order of the proposals."""
    found: dict[str, list[str]] = {}
    for name, info in LEVERS.items():
        found.setdefault(info.proposal, []).append(name)
    return found


def comparable_with(baseline: str) -> list[str]:
    """Bundled scenarios over the same period as `baseline`, itself included."""
    period = _period(load(baseline))
    return [name for name in bundled() if _period(load(name)) == period]


def _period(scenario: Scenario) -> tuple[dt.date, dt.date, int]:
    return scenario.horizon.start, scenario.horizon.end, scenario.horizon.burn_in_days


def values_of(scenario: Scenario, lever: str) -> dict[str, Any] | None:
    """A lever's settings in a scenario, as plain values; None when it is not used."""
    given = getattr(scenario.levers, lever)
    return None if given is None else dict(given.model_dump(mode="json", by_alias=True))


def text_of_option(base: str, levers: Mapping[str, LeverValues | None], title: str, question: str) -> str:
    """The scenario file of an option: what differs from the bundled scenario `base`, and nothing else.

    Parameters
    ----------
    base : str
        A bundled scenario.
    levers : mapping
        Settings by lever; None: not used. Levers that are not named stay as in `base`.
    title, question : str
    """
    first = load(base)
    changed: dict[str, Any] = {}
    for lever, values in levers.items():
        before = values_of(first, lever)
        if values is None:
            if before is not None:
                changed[lever] = None
            continue
        given = {k: v for k, v in values.items() if v is not None and (before is None or before.get(k) != v)}
        if before is not None and (dropped := [k for k, v in values.items() if v is None and before.get(k) is not None]):
            given |= dict.fromkeys(dropped)
        if before is None or given:
            changed[lever] = given
    content: dict[str, Any] = {"title": title.strip() or "My option", "question": question.strip(), "extends": base}
    if not content["question"]:
        del content["question"]
    if changed:
        content["levers"] = changed
    return dump(content)


def read_option(text: str, name: str = FILE_NAME) -> Option:
    """The scenario that a text describes, or every problem with its line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        try:
            return Option(text, load(path))
        except ScenarioError as error:
            return Option(text, None, tuple(str(p).replace(f"{folder}/", "").replace(str(path), name) for p in error.problems))


def shortened(scenario: Scenario, months: int) -> Scenario:
    """The scenario with its period cut after so many months; unchanged when it is no longer than that."""
    start = scenario.horizon.start
    last = start.year * 12 + start.month - 1 + months
    end = dt.date(last // 12, last % 12 + 1, min(start.day, 28)) - dt.timedelta(days=1)
    if end >= scenario.horizon.end:
        return scenario
    return scenario.model_copy(update={"horizon": scenario.horizon.model_copy(update={"end": end})})


def months_of(scenario: Scenario) -> int:
    """Months of the period, a begun one counted."""
    start, end = scenario.horizon.start, scenario.horizon.end
    return (end.year - start.year) * 12 + end.month - start.month + 1
