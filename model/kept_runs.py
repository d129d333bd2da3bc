"""Finished runs of a command that has not ended: kept as they come, so that an interruption loses none of them.

A run depends on its scenario, replicate, staff, what is observed, and the source code; its name here is a hash of these. The same
command takes finished runs up again, and clears them away when it has ended well.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .replicates import Job

#: part of every name: raised when what is stored changes its form
FORMAT: Final = 1
#: what nobody takes up again is cleared away after so many days
DAYS_KEPT: Final = 7
#: texts for people, and how many replicates there are, leave a run as it is
NOT_IN_NAMES: Final = {"name", "title", "question", "description", "extends", "replicates"}
#: what reading a file may raise that another version of a library, or a full disk, has left
UNREADABLE: Final = (
    OSError, zlib.error, pickle.UnpicklingError, EOFError, ImportError, AttributeError, ValueError, TypeError, LookupError,
)  # fmt: skip

_current: ContextVar[KeptRuns | None] = ContextVar("kept_runs", default=None)


def cache_folder() -> Path:
    """The user's cache folder of this program; COUNTERSMUGGLING_CACHE names another one."""
    chosen = os.environ.get("COUNTERSMUGGLING_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("countersmuggling", appauthor=False)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of all code and tables of the package: what is observed in a run may be defined in any room."""
    digest = hashlib.sha256()
    rooms = Path(__file__).resolve().parent.parent
    for room in ("scenarios", "model", "optimise", "experiments"):
        for path in sorted((rooms / room).rglob("*")):
            if path.suffix in {".py", ".csv"}:
                digest.update(path.relative_to(rooms).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class KeptRuns:
    """A folder of finished runs.

    Parameters
    ----------
    folder : Path
    on_taken_up : callable, optional
        Called with the number of runs that a batch of jobs found finished, when there are any.

    Attributes
    ----------
    taken_up, finished : int
        Runs that were found, and runs that have been finished since.
    """

    def __init__(self, folder: Path, on_taken_up: Callable[[int], None] | None = None) -> None:
        self.folder = folder
        self.taken_up = self.finished = 0
        self._on_taken_up = on_taken_up
        self._used: set[Path] = set()

    def find(self, jobs: list[Job], function: Callable[..., Any] | None) -> dict[int, Any]:
        """Results that are here already, by the position of the job."""
        found = {}
        for number, job in enumerate(jobs):
            path = self._path(job, function)
            try:
                result = pickle.loads(zlib.decompress(path.read_bytes()))
            except UNREADABLE:
                continue  # absent, torn, or of other library versions: the run is done again
            self._used.add(path)
            found[number] = result
        self.taken_up += len(found)
        if found and self._on_taken_up is not None:
            self._on_taken_up(len(found))
        return found

    def keep(self, job: Job, function: Callable[..., Any] | None, result: Any) -> None:
        """Put a finished run here; a folder that cannot be written costs time later, not the result."""
        path = self._path(job, function)
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
            with os.fdopen(handle, "wb") as out:
                out.write(zlib.compress(pickle.dumps(result, 5), 1))
            os.replace(name, path)
            self._used.add(path)
            self.finished += 1

    def clear(self) -> None:
        """Remove what was taken up or kept: its command has ended well."""
        for path in self._used:
            with contextlib.suppress(OSError):
                path.unlink()
        self._used.clear()

    def clear_old(self) -> None:
        """Remove what nobody has taken up for days."""
        before = time.time() - DAYS_KEPT * 86_400
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if path.suffix in {".run", ".part"} and path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, job: Job, function: Callable[..., Any] | None) -> Path:
        return self.folder / f"{_name(job, function)}.run"


def _name(job: Job, function: Callable[..., Any] | None) -> str:
    told = job.scenario.model_dump(mode="json", by_alias=True, exclude=NOT_IN_NAMES)
    observed = "" if function is None else f"{function.__module__}.{getattr(function, '__qualname__', function)}"
    digest = hashlib.sha256(f"{FORMAT}\0{code_hash()}\0{observed}\0{job.replicate}\0{job.check_invariants}\0".encode())
    digest.update(json.dumps(told, sort_keys=True, default=str).encode() + b"\0")
    if job.allocation is not None:
        from .staffing import as_table

        digest.update(as_table(job.allocation).to_csv(index=False).encode())
    digest.update(b"\0" + job.depends_on().encode())
    return digest.hexdigest()[:40]


def current() -> KeptRuns | None:
    """What `run_many` keeps finished runs in, if anything."""
    return _current.get()


@contextlib.contextmanager
def keeping(kept: KeptRuns) -> Iterator[KeptRuns]:
    """Inside the block, `run_many` takes up finished runs and keeps those that it finishes; all is cleared at a good end."""
    kept.clear_old()
    token = _current.set(kept)
    try:
        yield kept
    finally:
        _current.reset(token)
    kept.clear()
