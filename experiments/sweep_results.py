"""What came out of a sweep: data frames and labelled arrays, read from the store when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ..scenarios import OUTCOMES
from ..scenarios.problems import nearest
from .designs import Design
from .folder import FolderError
from .reducing import SUMMED
from .store import MANIFEST, Store, StoredDesign

if TYPE_CHECKING:
    import duckdb
    import xarray as xr

    from .discovery import Discovery
    from .robust_choice import RobustChoice
    from .sensitivity import Sensitivity

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: how figures are told apart
AXES = ("policy", "point", "replicate")


def open_results(folder: str | Path, design: str | None = None) -> SweepResults:
    """Open the store of a sweep. Nothing but the list of designs is read before it is asked for.

    Parameters
    ----------
    folder : path
        The folder that ``sweep`` filled; it may still be filling it.
    design : str, optional
        Id or name of one of the store's designs; by default the one that ran last.

    Returns
    -------
    SweepResults

    Raises
    ------
    FolderError
        When the folder is not the store of a sweep, or has no such design.

    Examples
    --------
    >>> results = open_results("results/my-sweep")  # doctest: +SKIP
    >>> results.totals(["deaths"])  # doctest: +SKIP
    >>> results.to_xarray()["deaths"].mean("replicate")  # doctest: +SKIP
    """
    store = Store(folder)
    if not store.folder.exists():
        raise FolderError(f"there is no folder {store.folder}")
    if not store.exists():
        raise FolderError(f"{store.folder} is not the store of a sweep: it has no {MANIFEST} of this program")
    manifest = store.manifest()
    chosen = manifest["current"]
    if design is not None:
        by_name = {StoredDesign(store.design_folder(d)).design.name: d for d in manifest["designs"]}
        chosen = design if design in manifest["designs"] else by_name.get(design)
        if chosen is None:
            raise FolderError(f"{store.folder} has no design '{design}'; there are {', '.join(by_name)}")
    return SweepResults(store, StoredDesign(store.design_folder(chosen)))


class SweepResults:
    """The runs of one design in a store.

    Figures that are asked for are read from the disk once and kept. Runs that are not finished are missing from frames
    and NaN in arrays.
    """

    def __init__(self, store: Store, stored: StoredDesign) -> None:
        self._store = store
        self._stored = stored
        self._cubes: dict[tuple[str, str], FloatArray] = {}

    def __repr__(self) -> str:
        return (
            f"<SweepResults: {self.design.name}, {self.finished:,} of {self.planned:,} runs; "
            f"{len(self.policies)} policies x {len(self.points):,} points x {self.design.replicates} replicates>"
        )

    # ------------------------------------------------------------------ what was planned, and what is there

    @property
    def folder(self) -> Path:
        """Where the store is."""
        return self._store.folder

    @property
    def design(self) -> Design:
        """What was varied."""
        return self._stored.design

    @property
    def policies(self) -> list[str]:
        """Names of the policies, in the design's order."""
        return [policy.name for policy in self.design.policies]

    @property
    def points(self) -> pd.DataFrame:
        """Values of the factors: index point, one column a factor, named by its path."""
        return self._stored.points

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Every planned run: columns run_id, policy, point, replicate, done.

        Two rows with one run_id are the same run: a factor that a policy does not use leaves it as it is.
        """
        done = self._store.done(self.design.keep)
        return self._stored.runs.assign(done=self._stored.runs["run_id"].isin(done))

    @cached_property
    def planned(self) -> int:
        """Number of different runs of the design."""
        return int(self._stored.runs["run_id"].nunique())

    @property
    def finished(self) -> int:
        """How many of them are in the store."""
        return int(self.runs.loc[self.runs["done"], "run_id"].nunique())

    @property
    def complete(self) -> bool:
        """Whether all of them are."""
        return bool(self.runs["done"].all())

    @cached_property
    def failures(self) -> pd.DataFrame:
        """Runs of the design that raised and have not ended well since: columns run_id, run, reason, traceback."""
        missing = self.runs.loc[~self.runs["done"], "run_id"].unique()  # in the order of the design, not of their hashes
        told = self._store.failures()
        found = [told[run_id] for run_id in missing if run_id in told]
        return pd.DataFrame(found, columns=["run_id", "run", "reason", "traceback"])

    # ------------------------------------------------------------------ figures

    @property
    def outcomes(self) -> list[str]:
        """Names of the outcomes that can be asked for."""
        return list(OUTCOMES)

    def totals(self, outcomes: Sequence[str] | None = None) -> pd.DataFrame:
        """One figure an outcome and run over the whole period: flows summed, stocks averaged, ratios of sums.

        Parameters
        ----------
        outcomes : sequence of str, optional
            By default all.

        Returns
        -------
        DataFrame
            Index policy, point, replicate; one column an outcome; only finished runs.
        """
        names = self._chosen(outcomes)
        return self._frame("runs", names, AXES, self._labels)

    def table(self, outcomes: Sequence[str] | None = None) -> pd.DataFrame:
        """As `totals`, with the factors: columns policy, point, replicate, one a factor, one an outcome."""
        found = self.totals(outcomes).reset_index()
        factors = self.points.loc[found["point"]].reset_index(drop=True)
        return pd.concat([found[list(AXES)], factors, found.drop(columns=list(AXES))], axis=1)

    def monthly(self, outcomes: Sequence[str] | None = None) -> pd.DataFrame:
        """One figure an outcome, run and month.

        Returns
        -------
        DataFrame
            Index policy, point, replicate, month (text such as 2025-01); one column an outcome; only finished runs.
        """
        names = self._chosen(outcomes)
        return self._frame("monthly", names, (*AXES, "month"), [*self._labels, self.months])

    def breakdown(self, dimension: str, outcomes: Sequence[str] | None = None) -> pd.DataFrame:
        """Monthly figures by route, origin_group, member_state or leg, as far as the design's `keep` names it.

        Returns
        -------
        DataFrame
            Columns policy, point, replicate, month, the dimension and the outcomes that have it; for ``full`` the rows
            of the runs themselves (month, outcome, the dimensions, value).

        Raises
        ------
        ValueError
            When the design does not keep it.
        """
        if dimension not in self.design.keep:
            kept = ", ".join(self.design.keep) or "none"
            raise ValueError(f"the design does not keep the breakdown '{dimension}' (kept: {kept}); add it to `keep`")
        columns = None
        if outcomes is not None and dimension != "full":
            columns = ["month", dimension, *self._chosen(outcomes)]
        tables = self._store.tables(dimension, columns, self._wanted)
        rows = pa.concat_tables(tables, promote_options="permissive").to_pandas() if tables else pd.DataFrame({"run_id": []})
        if outcomes is not None and dimension == "full":
            rows = rows[rows["outcome"].isin(self._chosen(outcomes))]
        whole = self._stored.runs.merge(rows, on="run_id", how="inner").drop(columns="run_id")
        order = [*AXES, "month", dimension] if dimension != "full" else [*AXES, "month", "outcome"]
        return whole.sort_values(order, kind="stable", ignore_index=True)

    def to_xarray(self) -> xr.Dataset:
        """Monthly outcomes as labelled arrays that are read from the disk when their values are used.

        Returns
        -------
        xarray.Dataset
            One variable an outcome over policy, point, replicate and month, with the attributes title and unit; the
            factors are coordinates along point.
        """
        from .lazy_arrays import dataset

        return dataset(self)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views runs (planned, with totals and factors), monthly and one a breakdown.

        Every view has policy, point and replicate. Needs DuckDB: ``pip install 'countersmuggling[analysis]'``.
        """
        try:
            import duckdb
        except ImportError:
            raise FolderError("DuckDB is not installed: pip install 'countersmuggling[analysis]'") from None
        connection = duckdb.connect()
        connection.register("planned", self._stored.runs.astype({"policy": "str"}))
        connection.register("factors", self.points.reset_index())
        parts = str(self._store.parts_folder).replace("'", "''")
        for name in ("runs", "monthly", *self.design.keep):
            if not any((part / f"{name}.parquet").exists() for part in self._store.parts()):
                continue
            with_factors = name == "runs"
            # a run that was done twice stands in two files: the first file's rows are read
            connection.execute(f"""
                create view "{name}" as
                with rows as (
                    from read_parquet('{parts}/*/{name}.parquet', union_by_name = true, filename = true)
                ), once as (
                    select run_id, min(filename) as filename from rows group by run_id
                )
                select p.policy, p.point, p.replicate, {"x.* exclude (point)," if with_factors else ""}
                    rows.* exclude (filename)
                from rows join once using (run_id, filename) join planned p using (run_id)
                {"join factors x using (point)" if with_factors else ""}""")
        return connection

    def cube(self, outcome: str, table: str = "monthly") -> FloatArray:
        """One outcome as an array over policy, point, replicate (and month): NaN where a run is not finished."""
        (name,) = self._chosen([outcome])
        info = OUTCOMES[name]
        if info.kind == "ratio":
            assert info.numerator and info.denominator
            below = self.cube(info.denominator, table)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(below != 0.0, self.cube(info.numerator, table) / below, np.nan)
        if (table, name) not in self._cubes:
            self._load(table, [name])
        return self._cubes[table, name]

    @cached_property
    def months(self) -> list[str]:
        """Months that the finished runs cover."""
        tables = self._store.tables("monthly", ["month"], self._wanted)
        return sorted({month for table in tables for month in table["month"].unique().to_pylist()})

    def fingerprint(self) -> str:
        """Hash of the results to the last bit: equal for two stores of one design whatever engine filled them."""
        digest = hashlib.sha256()
        found: dict[str, str] = {}
        for table in self._store.tables("runs", ["digest"], self._wanted):
            found.update(zip(table["run_id"].to_pylist(), table["digest"].to_pylist(), strict=True))
        for run_id in self._stored.runs["run_id"]:
            digest.update(f"{run_id} {found.get(run_id, '')}\n".encode())
        return digest.hexdigest()

    def compact(self) -> tuple[int, int]:
        """Put the store's parts into few large files; number of parts before and after (see `Store.compact`)."""
        return self._store.compact()

    # ------------------------------------------------------------------ analysis

    def sensitivity(self, outcomes: Sequence[str] | None = None, **options: Any) -> Sensitivity:
        """Which factors matter, for a Sobol or Morris design (see `sensitivity.sensitivity`)."""
        from .sensitivity import sensitivity

        return sensitivity(self, outcomes, **options)

    def discover(self, outcome: str, **options: Any) -> Discovery:
        """Under which combinations of factors an outcome is bad, or a policy fails (see `discovery.discover`)."""
        from .discovery import discover

        return discover(self, outcome, **options)

    def robust_choice(self, outcomes: Sequence[str] | None = None, criteria: Any = None) -> RobustChoice:
        """Regret and satisficing of the policies, parallel coordinates, trade-offs (see `robust_choice.robust_choice`)."""
        from .robust_choice import robust_choice

        return robust_choice(self, outcomes, criteria)

    def to_workbench(self, *outcomes: str) -> tuple[pd.DataFrame, dict[str, FloatArray]]:
        """Experiments and outcomes as the EMA Workbench's analyses take them (see `workbench.as_workbench_results`)."""
        from .workbench import as_workbench_results

        return as_workbench_results(self, outcomes) if outcomes else as_workbench_results(self)

    # ------------------------------------------------------------------ reading

    @cached_property
    def _wanted(self) -> set[str]:
        return set(self._stored.runs["run_id"])

    @property
    def _labels(self) -> list[list[Any]]:
        return [self.policies, list(range(len(self.points))), list(range(self.design.replicates))]

    def _chosen(self, outcomes: Sequence[str] | None) -> list[str]:
        names = list(OUTCOMES) if outcomes is None else list(outcomes)
        for name in names:
            if name not in OUTCOMES:
                hint = nearest(name, OUTCOMES)
                raise ValueError(f"no outcome '{name}'" + (f"; did you mean '{hint}'?" if hint else ""))
        return names

    @cached_property
    def _rows(self) -> tuple[Mapping[str, int], IntArray, IntArray]:
        """Number of a run by its name; for every planned row, its place in the cube and the number of its run."""
        runs = self._stored.runs
        numbers, names = pd.factorize(runs["run_id"])
        policy = runs["policy"].cat.set_categories(self.policies).cat.codes.to_numpy(dtype=np.int64)
        shape = (len(self.policies), len(self.points), self.design.replicates)
        place = np.ravel_multi_index(
            (policy, runs["point"].to_numpy(dtype=np.int64), runs["replicate"].to_numpy(dtype=np.int64)), shape
        )
        return {str(name): k for k, name in enumerate(names)}, place.astype(np.int64), numbers.astype(np.int64)

    def _load(self, table: str, names: Sequence[str]) -> None:
        by_month = table == "monthly"
        known, place, number = self._rows
        shape = (len(self.policies), len(self.points), self.design.replicates)
        months = {month: k for k, month in enumerate(self.months)} if by_month else {"": 0}
        per_run = {name: np.full((len(known), len(months)), np.nan) for name in names}
        for part in self._store.tables(table, [*(["month"] if by_month else []), *names], self._wanted):
            run = _codes(part["run_id"], known)
            month = _codes(part["month"], months) if by_month else np.zeros(len(part), dtype=np.int64)
            for name in names:
                if name in part.column_names:
                    per_run[name][run, month] = part[name].to_numpy()
        for name, values in per_run.items():
            cube = np.full((int(np.prod(shape)), len(months)), np.nan)
            cube[place] = values[number]
            self._cubes[table, name] = cube.reshape((*shape, len(months)) if by_month else shape)

    def _frame(
        self, table: str, names: Sequence[str], axes: Sequence[str], labels: Sequence[Sequence[Any]]
    ) -> pd.DataFrame:
        needed = {part for name in names for part in _parts_of(name)}
        self._load(table, [name for name in SUMMED if name in needed and (table, name) not in self._cubes])
        index = pd.MultiIndex.from_product(labels, names=list(axes))
        frame = pd.DataFrame({name: self.cube(name, table).ravel() for name in names}, index=index)
        done = np.zeros(len(frame), dtype=np.bool_)
        for name in needed:
            done |= ~np.isnan(self._cubes[table, name].ravel())
        return frame[done]


def _parts_of(name: str) -> list[str]:
    info = OUTCOMES[name]
    return [part for part in (info.numerator, info.denominator) if part] if info.kind == "ratio" else [name]


def _codes(column: pa.ChunkedArray, known: Mapping[str, int]) -> IntArray:
    encoded = column.combine_chunks().dictionary_encode()
    lookup = np.array([known[name] for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    return np.asarray(lookup[encoded.indices.to_numpy()]) if len(lookup) else np.zeros(0, dtype=np.int64)
