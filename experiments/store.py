"""The store of a sweep: a folder of Parquet parts that many processes fill at once and nobody half-writes.

::

    manifest.json                 which design is the current one, and what wrote the store
    designs/<id>/design.json      a design with everything that decides its runs
                 design.yaml      the design's own file
                 runs.parquet     run_id, policy, point, replicate
                 points.parquet   values of the factors by point
    parts/<id>/runs.parquet       one row a finished run: run_id, digest, seconds, totals by outcome
               monthly.parquet    one row a run and month
               <breakdown>.parquet
    failures/<run_id>.json        runs that raised

A part is a folder that gets its name by one rename after everything in it has been flushed, so that a run is in the
store whole or not at all. A run is *done* when its name stands in a part. Names come from content (`run_table`), so
that a store may serve several designs, and a larger design finds what a smaller one has finished.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..model.source import source_hash
from .designs import Design
from .folder import FolderError, explaining, flush_folder, flush_folders, put, replace_file
from .reducing import SUMMED, Reduced
from .run_table import RunTable

FORMAT: Final = "countersmuggling-sweep"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_KEEP: Final = b"countersmuggling.keep"
#: left behind by a process that was killed; nobody writes a part for so long (seconds)
STALE: Final = 86_400.0
RUNS_PER_COMPACTED_PART: Final = 10_000
BYTES_PER_COMPACTED_PART: Final = 256_000_000


@dataclass(frozen=True)
class Finished:
    """A run that ended well."""

    run_id: str
    result: Reduced
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A run that raised, or that took its worker down."""

    run_id: str
    label: str
    reason: str
    traceback: str = ""


@dataclass(frozen=True)
class Part:
    """Finished runs as the files of one part: name of the part, content by file name."""

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    run_ids: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(content) for content in self.files.values())


def part_of(finished: Sequence[Finished], keep: Sequence[str]) -> Part:
    """Finished runs as a part, which can be sent or written."""
    ids = [one.run_id for one in finished]
    totals = np.array([one.result.totals for one in finished]).reshape(len(ids), len(SUMMED))
    runs = pa.table(
        {
            "run_id": ids,
            "digest": [one.result.digest for one in finished],
            "seconds": [one.seconds for one in finished],
            **{name: totals[:, k] for k, name in enumerate(SUMMED)},
        }
    )
    months = [len(one.result.months) for one in finished]
    monthly = np.concatenate([one.result.monthly for one in finished])
    by_month = pa.table(
        {
            "run_id": pa.array(np.repeat(ids, months).tolist(), pa.string()),
            "month": pa.array([month for one in finished for month in one.result.months], pa.string()),
            **{name: monthly[:, k] for k, name in enumerate(SUMMED)},
        }
    )
    files = {"runs.parquet": _bytes(runs, keep), "monthly.parquet": _bytes(by_month, keep)}
    for dimension in keep:
        frames = [one.result.breakdowns[dimension].assign(run_id=one.run_id) for one in finished]
        table = pa.Table.from_pandas(pd.concat(frames, ignore_index=True), preserve_index=False)
        files[f"{dimension}.parquet"] = _bytes(table.select(["run_id", *table.column_names[:-1]]), keep)
    return Part(_part_name(ids, keep), files, tuple(ids))


def _bytes(table: pa.Table, keep: Sequence[str]) -> bytes:
    """A Parquet file: one row group, every value as it is (no rounding), numbers split by byte and compressed."""
    texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    numbers = [f.name for f in table.schema if pa.types.is_floating(f.type)]
    table = table.replace_schema_metadata({_KEEP: ",".join(keep).encode()})
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, compression="zstd", use_dictionary=[t for t in texts if t != "digest"],
        use_byte_stream_split=numbers, row_group_size=max(len(table), 1), store_schema=True,
    )  # fmt: skip
    return buffer.getvalue()


class Store:
    """A store's folder.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.parts_folder = self.folder / "parts"
        self.failures_folder = self.folder / "failures"

    # ------------------------------------------------------------------ the whole

    def exists(self) -> bool:
        """Whether the folder is a store of this program."""
        return self.manifest().get("format") == FORMAT

    def manifest(self) -> dict[str, Any]:
        """What ``manifest.json`` says; empty when there is none."""
        try:
            content = json.loads((self.folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def check_target(self) -> None:
        """Refuse a folder that holds something else.

        Raises
        ------
        FolderError
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise FolderError(f"{self.folder} is a file; --out names a folder")
        if self.exists():
            version = self.manifest().get("format_version")
            if version != FORMAT_VERSION:
                raise FolderError(
                    f"{self.folder} was written in format {version}, this version reads {FORMAT_VERSION}; choose another place"
                )
        elif self.folder.is_dir() and any(self.folder.iterdir()):
            # several processes of a job array may be making the store at this moment
            own = {"parts", "designs", "failures", MANIFEST}
            if any(p.name not in own and not p.name.startswith(".") for p in self.folder.iterdir()):
                raise FolderError(
                    f"{self.folder} exists and is not the store of a sweep (it has no {MANIFEST} of this program): "
                    "nothing was written. Choose another place with --out."
                )

    def begin(self, table: RunTable, provenance: Mapping[str, Any], progress: Callable[[], object] | None = None) -> None:
        """Make the store if need be, write the design's table of runs if it is not there, and make the design current."""
        self.check_target()
        with explaining(self.folder):
            for folder in (self.folder, self.parts_folder, self.failures_folder, self.folder / "designs"):
                folder.mkdir(parents=True, exist_ok=True)
            self._sweep_up()
            self._write_design(table, progress)
            before = self.manifest()
            history = [d for d in before.get("designs", []) if d != table.design_id]
            manifest = {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "current": table.design_id,
                "designs": [*history, table.design_id],
                "source": source_hash(),
                "created": before.get("created", provenance.get("started")),
                **provenance,
            }
            replace_file(self.folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
            flush_folder(self.folder)

    def _write_design(self, table: RunTable, progress: Callable[[], object] | None) -> None:
        target = self.design_folder(table.design_id)
        if target.exists():
            return
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
        try:

            def rows() -> Iterable[int]:
                for row in range(len(table)):
                    yield row
                    if progress is not None:
                        progress()

            told = {**table.design.resolved(), "function": table.function}
            put(temporary / "design.json", json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n")
            put(temporary / "design.yaml", table.design.to_yaml())
            put(temporary / "points.parquet", _frame_bytes(table.points.reset_index()))
            put(temporary / "runs.parquet", _frame_bytes(table.frame(rows())))
            self._rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def design_folder(self, design_id: str) -> Path:
        """Where a design and its table of runs stand."""
        return self.folder / "designs" / design_id

    def _rename(self, temporary: Path, target: Path) -> bool:
        """Give a whole folder its name; False when somebody else was first with the same content."""
        flush_folders(temporary)
        try:
            os.rename(temporary, target)
        except OSError:
            if target.is_dir():
                return False
            raise
        flush_folder(target.parent)
        return True

    def _sweep_up(self) -> None:
        """Remove what killed processes have left behind, long ago."""
        for folder in (self.parts_folder, self.folder / "designs"):
            for left in folder.glob(".*.partial"):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > STALE:
                        shutil.rmtree(left, ignore_errors=True)

    # ------------------------------------------------------------------ writing

    def write(self, part: Part) -> None:
        """Write a part, whole or not at all.

        Raises
        ------
        OSError
            As the disk says: full, read-only, ...
        """
        target = self.parts_folder / part.name
        if target.is_dir():
            return
        temporary = target.with_name(f".{part.name}.{secrets.token_hex(4)}.partial")
        try:
            for name, content in part.files.items():
                put(temporary / name, content)
            self._rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def record(self, failed: Failed) -> None:
        """Write down a run that did not end well (a later success takes it away)."""
        content = {
            "run_id": failed.run_id,
            "run": failed.label,
            "reason": failed.reason,
            "traceback": failed.traceback,
        }
        replace_file(self.failures_folder / f"{failed.run_id}.json", json.dumps(content, indent=1) + "\n")

    def forget_failures(self, run_ids: Iterable[str]) -> None:
        """Take away the records of runs that have ended well since."""
        for run_id in run_ids:
            (self.failures_folder / f"{run_id}.json").unlink(missing_ok=True)

    def failures(self) -> dict[str, dict[str, str]]:
        """What is written down of runs that failed, by name."""
        found = {}
        for path in sorted(self.failures_folder.glob("*.json")):
            with suppress(OSError, ValueError):
                found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        return found

    # ------------------------------------------------------------------ reading

    def parts(self) -> list[Path]:
        """Folders of the parts, in the order of their names."""
        if not self.parts_folder.is_dir():
            return []
        return sorted(p for p in self.parts_folder.iterdir() if not p.name.startswith("."))

    def done(self, keep: Sequence[str] = ()) -> set[str]:
        """Names of the runs that stand in the store with at least these breakdowns."""
        found: set[str] = set()
        for _, ids, kept in self._keys():
            if set(keep) <= kept:
                found.update(ids)
        return found

    def _keys(self) -> list[tuple[Path, list[str], frozenset[str]]]:
        def keys(part: Path) -> tuple[Path, list[str], frozenset[str]]:
            table = _read(part / "runs.parquet", ["run_id"])
            kept = (table.schema.metadata or {}).get(_KEEP, b"").decode()
            return part, table["run_id"].to_pylist(), frozenset(filter(None, kept.split(",")))

        # waiting for the disk, above all on a network
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(keys, self.parts()))

    def tables(self, name: str, columns: Sequence[str] | None, wanted: set[str] | None = None) -> list[pa.Table]:
        """One file of all parts, each run once.

        Parameters
        ----------
        name : str
            ``runs``, ``monthly`` or a breakdown.
        columns : sequence of str or None
            Columns beside run_id; None: all.
        wanted : set of str, optional
            Names of runs; others are left out.
        """
        files = [part / f"{name}.parquet" for part in self.parts()]
        files = [file for file in files if file.exists()]
        chosen = None if columns is None else ["run_id", *columns]
        with ThreadPoolExecutor(8) as pool:
            tables = list(pool.map(lambda file: _read(file, chosen), files))
        seen: set[str] = set()
        found = []
        for table in tables:
            ids = table["run_id"].combine_chunks().dictionary_encode()
            names = ids.dictionary.to_pylist()
            fresh = [n not in seen and (wanted is None or n in wanted) for n in names]
            seen.update(names)
            if not all(fresh):
                table = table.filter(pc.take(pa.array(fresh), ids.indices))
            found.append(table)
        return found

    # ------------------------------------------------------------------ compaction

    def compact(self, runs_per_part: int = RUNS_PER_COMPACTED_PART) -> tuple[int, int]:
        """Put many small parts into few large ones, and drop what was done twice.

        Readers and writers may go on: a run stands in both places for a moment and is read once.

        Returns
        -------
        before, after : int
            Number of parts.

        Raises
        ------
        FolderError
            When one run has two different results: another machine or library gave other bits.
        """
        keys = self._keys()
        groups: dict[frozenset[str], list[tuple[Path, int]]] = {}
        for part, ids, kept in keys:
            groups.setdefault(kept, []).append((part, len(ids)))
        with explaining(self.folder, "The parts are as they were."):
            for kept, parts in groups.items():
                for chunk in _chunks(parts, runs_per_part):
                    self._put_together(chunk, sorted(kept))
            flush_folder(self.parts_folder)
        return len(keys), len(self.parts())

    def _put_together(self, parts: Sequence[Path], keep: Sequence[str]) -> None:
        files: dict[str, bytes] = {}
        first: dict[str, int] = {}
        for name in ("runs", "monthly", *keep):
            tables = [_read(part / f"{name}.parquet", None) for part in parts]
            if name == "runs":
                first = self._first_places(tables)
            pieces = []
            for number, table in enumerate(tables):
                own = pa.array([run_id for run_id, place in first.items() if place == number], pa.string())
                pieces.append(table.filter(pc.is_in(table["run_id"], own)))
            whole = pa.concat_tables(pieces, promote_options="permissive").combine_chunks()
            order = pc.sort_indices(whole, [("run_id", "ascending")])  # stable: months stay in order
            files[f"{name}.parquet"] = _bytes(whole.take(order), keep)
        part = Part(_part_name(first, keep), files, tuple(first))
        self.write(part)
        for path in parts:
            if path.name != part.name:
                shutil.rmtree(path, ignore_errors=True)

    def _first_places(self, tables: Sequence[pa.Table]) -> dict[str, int]:
        """In which of the tables of runs each run stands first."""
        digests: dict[str, str] = {}
        places: dict[str, int] = {}
        for number, table in enumerate(tables):
            for run_id, digest in zip(table["run_id"].to_pylist(), table["digest"].to_pylist(), strict=True):
                if digests.setdefault(run_id, digest) != digest:
                    raise FolderError(
                        f"{self.folder}: run {run_id} was done twice and gave different results; were machines or "
                        "library versions mixed?"
                    )
                places.setdefault(run_id, number)
        return places


def _chunks(parts: Iterable[tuple[Path, int]], runs: int) -> Iterator[list[Path]]:
    """Parts to be put together: until they have enough runs, or bytes that memory should not hold at once."""
    chunk: list[Path] = []
    count = size = 0
    for part, held in parts:
        if held * 2 > runs:
            continue
        chunk.append(part)
        count += held
        size += sum(file.stat().st_size for file in part.iterdir())
        if count >= runs or size >= BYTES_PER_COMPACTED_PART:
            yield chunk
            chunk, count, size = [], 0, 0
    if len(chunk) > 1:
        yield chunk


def _part_name(run_ids: Iterable[str], keep: Sequence[str]) -> str:
    return hashlib.sha256("\0".join([*sorted(keep), "", *sorted(run_ids)]).encode()).hexdigest()[:24]


def _read(file: Path, columns: Sequence[str] | None) -> pa.Table:
    """A Parquet file, with those of the columns that it has."""
    try:
        with pq.ParquetFile(file) as opened:
            have = opened.schema_arrow.names
            wanted = have if columns is None else [c for c in columns if c in have]
            return opened.read(columns=wanted, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise FolderError(f"{file} cannot be read: {error}; remove the folder {file.parent} and use --resume") from error


def _frame_bytes(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


@dataclass(frozen=True)
class StoredDesign:
    """A design as a store keeps it."""

    folder: Path

    @cached_property
    def design(self) -> Design:
        return Design.from_resolved(json.loads((self.folder / "design.json").read_text(encoding="utf-8")))

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Columns run_id, policy, point, replicate."""
        return pd.read_parquet(self.folder / "runs.parquet")

    @cached_property
    def points(self) -> pd.DataFrame:
        """Index point, one column a factor."""
        return pd.read_parquet(self.folder / "points.parquet").set_index("point")
