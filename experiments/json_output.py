"""What `--json` prints: one document of plain values, for a program."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Values that JSON has: NumPy's scalars unpacked, tables as lists of rows, NaN and infinities as None, the rest as text."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        value = value.to_dict(orient="records")
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def print_json(**content: Any) -> None:
    """Print a document."""
    print(json.dumps(plain(content), ensure_ascii=False, indent=1, allow_nan=False))
