"""Runs of history at chosen parameters, kept by content: what a killed calibration has finished is not run again.

A run's name is a hash of the parameters, of the scenario as resolved, and of the code and tables of `model` and
`scenarios`. Its noise is keyed by the parameters, and parameters that are not given are drawn from their ranges (where the
scenario says `draw: ranges`), so that the posterior of those given is marginal over all others.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from ..model.replicates import Job, run_many
from ..scenarios import Scenario
from .calibration_statistics import FLOWS, Condensed, condense
from .running import adapted

Point = Mapping[str, float]


@lru_cache(maxsize=1)
def source_key() -> str:
    """Hash of the code and tables that decide a run; the posterior, which calibration itself makes, is left out."""
    digest = hashlib.sha256()
    rooms = Path(__file__).resolve().parent.parent
    for room in ("model", "scenarios"):
        for path in sorted((rooms / room).rglob("*")):
            if path.suffix in {".py", ".csv"} and path.name != "posterior.csv":
                digest.update(path.relative_to(rooms).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def at_point(scenario: Scenario, point: Point) -> Scenario:
    """The scenario with some parameters held at given values."""
    given: dict[str, Any] = scenario.uncertainties.model_dump(by_alias=True)["parameters"]
    held = {name: {"value": v, "low": v, "high": v} for name, v in point.items()}
    return adapted(scenario, uncertainties={"parameters": {**given, **held}})


def rounded(point: Point) -> dict[str, float]:
    """Parameters to nine figures and in order, so that a point has one name on every machine."""
    return {name: float(f"{point[name]:.9g}") for name in sorted(point)}


@dataclass(frozen=True)
class RunStore:
    """A folder of finished runs of one scenario.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    scenario : Scenario
    """

    folder: Path
    scenario: Scenario

    def name_of(self, point: Point) -> str:
        """Name of a run: 20 hexadecimal digits of its content."""
        texts = (self._scenario_text, source_key(), json.dumps(rounded(point)))
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:20]

    @cached_property
    def _scenario_text(self) -> str:
        return self.scenario.model_dump_json(by_alias=True)

    def path_of(self, point: Point) -> Path:
        return self.folder / f"{self.name_of(point)}.npz"

    def has(self, point: Point) -> bool:
        """Whether the run is finished."""
        return self.path_of(point).is_file()

    def load(self, point: Point) -> Condensed:
        """A finished run."""
        with np.load(self.path_of(point), allow_pickle=False) as kept:
            return Condensed(
                tuple(str(m) for m in kept["months"]),
                kept["detections"].astype(np.float64),
                {name: kept[name].astype(np.float64) for name in FLOWS},
            )

    def run(
        self, points: Sequence[Point], *, workers: int | None = None, progress: bool = True, description: str = "Calibrating"
    ) -> int:
        """Run those of the points that are not finished; returns how many that were."""
        waiting = {self.name_of(p): rounded(p) for p in points if not self.has(p)}
        if not waiting:
            return 0
        self.folder.mkdir(parents=True, exist_ok=True)
        jobs = [
            Job(at_point(self.scenario, p), int(name[:7], 16), label=f"{self.scenario.name} {name}")
            for name, p in waiting.items()
        ]
        paths = [self.folder / f"{name}.npz" for name in waiting]
        with watched(paths, progress, description):
            run_many(jobs, workers, False, function=partial(run_and_keep, folder=self.folder))
        return len(waiting)


def run_and_keep(job: Job, folder: Path) -> None:
    """Run a job and keep it under the name at the end of its label; the file appears whole or not at all."""
    from ..model import run_one

    kept = condense(run_one(job).outcomes)
    name = job.label.rsplit(" ", 1)[-1]
    part = folder / f".{name}.{os.getpid()}.part.npz"
    try:
        with open(part, "wb") as stream:
            np.savez_compressed(
                stream,
                months=np.array(kept.months),
                detections=kept.detections.astype(np.float32),
                **{flow: value.astype(np.float32) for flow, value in kept.flows.items()},  # type: ignore[arg-type]
            )
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / f"{name}.npz")
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def watched(paths: Sequence[Path], shown: bool, description: str) -> Iterator[None]:
    """A progress bar that counts finished files, in a thread of its own."""
    import sys

    from tqdm import tqdm

    from .terminal import BAR

    bar: tqdm[Any] = tqdm(
        total=len(paths), desc=description, disable=not shown, unit="run", file=sys.stderr,
        mininterval=0.5 if sys.stderr.isatty() else 30.0,
        bar_format=BAR,
    )  # fmt: skip
    stop = threading.Event()

    def count() -> None:
        bar.update(sum(p.is_file() for p in paths) - bar.n)

    def look() -> None:
        while not stop.wait(1.0):
            count()

    watcher = threading.Thread(target=look, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        count()
        bar.close()
