"""How commands end: exit codes, and the error that is a mistake of the user."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
#: a fault of this program, or a rerun that gives other figures
FAULT: Final = 1
INVALID: Final = 2
INFEASIBLE: Final = 3
INTERRUPTED: Final = 130


class Usage(Exception):
    """A mistake of the user; the message is for them."""
