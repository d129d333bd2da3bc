"""Colours, where there is a terminal to show them and the reader has not said no.

``NO_COLOR`` (set to anything) turns them off, ``FORCE_COLOR`` on; otherwise they are for terminals only. Nothing is said by colour
alone.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

#: what a bar of counted work says, in words
BAR: Final = "{desc}: {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} {unit}s, {elapsed} elapsed, {remaining} left"
CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def colours(stream: Any) -> bool:
    """Whether text written to a stream may carry colours."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    if os.environ.get("TERM") == "dumb" or (sys.platform == "win32" and not os.environ.get("WT_SESSION")):
        return False
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def coloured(text: str, kind: str, stream: Any) -> str:
    """`text` in a colour or weight (``bold``, ``red``, ...), if `stream` may show it; otherwise as it is."""
    return f"\x1b[{CODES[kind]}m{text}\x1b[0m" if text and colours(stream) else text
