"""Completion in shells: what a shell evaluates once, and the answers it then asks for (by argcomplete)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

#: arguments that take the name of a bundled scenario, a bundled design, or a file
SCENARIOS: Final = {"scenario", "baseline", "options", "base", "file"}
DESIGNS: Final = {"design", "base"}
#: commands whose FILE is not a scenario's
OTHER_FILES: Final = {"import"}


def script(shell: str) -> str:
    """What `shell` (bash, zsh or fish) evaluates so that it completes ``countersmuggling``."""
    from argcomplete.shell_integration import shellcode

    return str(shellcode(["countersmuggling"], shell=shell))


def answer(parser: argparse.ArgumentParser) -> None:
    """Tell the shell that asks what may follow, and leave."""
    import argcomplete

    for action in _arguments(parser):
        names: list[str] = []
        if action.dest in SCENARIOS and not action.option_strings or action.dest == "base":
            names += _names("scenarios", "bundled")
        if action.dest in DESIGNS:
            names += _names("experiments", "bundled_designs")
        if names:
            action.completer = _Completer(names)  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options="long")


class _Completer:
    """Names that are bundled, and files."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def __call__(self, prefix: str, **_: Any) -> list[str]:
        from argcomplete.completers import FilesCompleter

        return [n for n in self._names if n.startswith(prefix)] + list(FilesCompleter(("yaml", "yml"))(prefix))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                if name not in OTHER_FILES:
                    yield from _arguments(below)
        else:
            yield action


def _names(room: str, folder: str) -> list[str]:
    """Names of bundled files, without reading them: an answer has to come at once."""
    return sorted(path.stem for path in (Path(__file__).resolve().parent.parent / room / folder).glob("*.yaml"))
