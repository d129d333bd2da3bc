"""What one scenario assumes otherwise than another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..scenarios import Scenario


def changes(option: Scenario, baseline: Scenario) -> list[tuple[str, str, str]]:
    """What an option assumes otherwise than the baseline.

    Returns
    -------
    list of (path, baseline's value, option's value)
        Dotted paths; an absent value is an empty string. Names and texts are left out.
    """
    skipped = {"name", "title", "question", "description", "extends"}
    ours, theirs = (
        dict(_leaves({k: v for k, v in s.model_dump(mode="json", by_alias=True, exclude_none=True).items()
                      if k not in skipped}))
        for s in (option, baseline)
    )  # fmt: skip
    paths = [p for p in {**theirs, **ours} if ours.get(p) != theirs.get(p)]
    return [(p, _told(theirs.get(p)), _told(ours.get(p))) for p in paths]


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for k, v in value.items() for leaf in _leaves(v, f"{path}.{k}" if path else str(k))]
    if isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
        return [leaf for n, v in enumerate(value, 1) for leaf in _leaves(v, f"{path}[{n}]")]
    return [(path, value)]


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
