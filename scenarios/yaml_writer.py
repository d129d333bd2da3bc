"""Writes plain values as YAML that `yaml_reader` reads back to the same values."""

from __future__ import annotations

from typing import Any

import yaml

from .yaml_reader import NotFinite, resolve_plain


class _Dumper(yaml.SafeDumper):
    """Block style, keys in the given order, no anchors, and quotes wherever a bare word would not stay a word."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.split("\n")
    try:
        bare = isinstance(resolve_plain(text), str) and all(line.isprintable() for line in lines)
    except (NotFinite, ValueError):
        bare = False
    style = None if bare else '"'
    if bare and len(lines) > 1 and all(lines) and not any(line != line.strip() for line in lines):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(data: Any) -> str:
    """Render ``data`` (mappings, lists, texts, numbers, booleans, None) as one YAML document."""
    text = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return str(text)
