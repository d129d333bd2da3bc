"""What a run depends on beside its scenario and replicate: the source code and the tables."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def source_hash() -> str:
    """Hash of the code and tables of `model` and `scenarios`: runs with different ones may differ."""
    digest = hashlib.sha256()
    rooms = Path(__file__).resolve().parent.parent
    for room in ("model", "scenarios"):
        for path in sorted((rooms / room).rglob("*")):
            if path.suffix in {".py", ".csv"}:
                digest.update(path.relative_to(rooms).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()
