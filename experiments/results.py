"""Results of one or several runs: frames, figures, and the folder that keeps them."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from ..model.pairing import interval
from ..scenarios import OUTCOMES, Scenario, ScenarioError, load
from . import summarising, wording
from .added_tables import ADDED, read_added
from .folder import FORMAT, MARKER, FolderError, explaining, is_results_folder, new_folder, put, replace_file
from .json_output import plain
from .texts import DEFAULT, t

if TYPE_CHECKING:
    import xarray as xr

    from .figures import Plots
    from .stakeholders import Seat
    from .texts import Catalogue

FORMAT_VERSION = 1

#: what a run is in a comparison: what is compared with, an option as its file says, or the option with staff placed
Role = Literal["baseline", "option", "pro_rata", "static", "alone", "own", "truth", "plan"]

LIMIT_COLUMNS = ("run", "constraint", "kind", "place", "resource", "quarter", "limit", "used")
ALLOCATION_COLUMNS = ("run", "resource", "place", "quarter", "staff")
SHADOW_PRICE_COLUMNS = (
    "run",
    "constraint",
    "kind",
    "place",
    "resource",
    "quarter",
    "dual",
    "unit",
    "limit",
    "holds_from",
    "holds_to",
    "words",
)
PARAMETER_COLUMNS = (
    "name",
    "value",
    "low",
    "high",
    "unit",
    "grade",
    "source",
    "description",
    "changed_by",
)


@dataclass(frozen=True)
class Run:
    """One row of a comparison: a scenario, how staff is placed, and what it is called.

    Parameters
    ----------
    key : str
        Name in frames and files.
    title : str
        Name for people.
    scenario : Scenario
    role : {'baseline', 'option', 'pro_rata', 'static', 'alone', 'own', 'truth', 'plan'}
    of : str
        Key of the option whose staff is placed, for all but the first two roles; otherwise the key itself.
    """

    key: str
    title: str
    scenario: Scenario
    role: Role = "baseline"
    of: str = ""


@dataclass(frozen=True)
class PlanRecord:
    """What is kept of a plan.

    Parameters
    ----------
    run : str
        Key of the run that follows the plan.
    allocation : DataFrame
        Columns resource, place, quarter, staff: additional to today's staff.
    shadow_prices : DataFrame
        Columns constraint, kind, place, resource, quarter, dual, unit, limit, holds_from, holds_to, words.
    facts : mapping
        status, solver, objective, expected changes, values of other placements on the same curves, prices in sentences:
        plain values, for ``summary.json``.
    """

    run: str
    allocation: pd.DataFrame
    shadow_prices: pd.DataFrame
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: how far each limit is used: constraint, kind, place, resource, quarter, limit, used; None in folders of before
    limits: pd.DataFrame | None = None


@dataclass(frozen=True)
class Results:
    """What came out of one or several runs.

    Parameters
    ----------
    runs : sequence of Run
        The first is the one compared with.
    outcomes : DataFrame
        Tidy: run, replicate, month, outcome, route, origin_group, member_state, leg, value.
    provenance : mapping
        Versions, seed, commit, machine, times.
    plans : sequence of PlanRecord
    kind : {'run', 'compare', 'optimise'}
    """

    runs: tuple[Run, ...]
    outcomes: pd.DataFrame
    provenance: Mapping[str, Any]
    plans: tuple[PlanRecord, ...] = ()
    kind: str = "run"
    #: evidence as it was when read from a folder; None: as the registry has it now
    evidence: pd.DataFrame | None = field(default=None, compare=False)
    #: the first option's difference split over levers (see `attribution.attribute`); None when not asked for
    attribution: pd.DataFrame | None = field(default=None, compare=False)
    #: how far outcomes move with single parameters: factor, outcome, low, high, or the table of a sweep's `sensitivity` (see
    #: `figures.tornado`); None when not asked
    sensitivity: pd.DataFrame | None = field(default=None, compare=False)
    #: how staff in one place changes outcomes elsewhere (see `figures.waterbed`); None when not measured
    waterbed: pd.DataFrame | None = field(default=None, compare=False)

    # ------------------------------------------------------------------ figures of the runs

    def run(self, key: str) -> Run:
        """The run of a key; a KeyError names those there are."""
        for run in self.runs:
            if run.key == key:
                return run
        raise KeyError(f"no run '{key}' in these results; there are {', '.join(r.key for r in self.runs)}")

    @property
    def names(self) -> dict[str, str]:
        """Short names for tables and legends by key: a title up to its dash or colon, where that tells runs apart."""
        own = [run for run in self.runs if run.role in ("baseline", "option")]
        first = {
            run.key: re.split(r"\s+[-\N{EN DASH}\N{EM DASH}]\s+|:\s", run.title)[0].strip() for run in own
        }
        counts = Counter(first.values())
        short = {
            r.key: first[r.key] if counts[first[r.key]] == 1 and len(first[r.key]) > 6 else r.title
            for r in own
        }
        return {r.key: short[r.key] if r in own else t(f"run.{r.role}", title=short[r.of]) for r in self.runs}

    @property
    def scenario(self) -> Scenario:
        """Scenario of the first run."""
        return self.runs[0].scenario

    @property
    def replicates(self) -> int:
        """Number of replicates of each run."""
        return int(self.outcomes["replicate"].nunique())

    @cached_property
    def totals(self) -> pd.DataFrame:
        """Figures of the whole period: index run, replicate; one column an outcome (see `summarising.totals`)."""
        return summarising.totals(self.outcomes)

    def summary(self) -> pd.DataFrame:
        """Mean, 5th and 95th percentile over replicates: columns run, outcome, unit, mean, p05, p95, replicates."""
        return summarising.summarise(self.totals)

    def difference(self, run: str, against: str) -> pd.DataFrame:
        """Paired difference of two runs by outcome (see `summarising.paired`)."""
        return summarising.paired(self.totals, self.run(run).key, self.run(against).key)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """Every run against the first, and a planned placement also against the other placements of its option."""
        pairs = [(run.key, self.runs[0].key) for run in self.runs[1:]]
        for run in self.runs:
            if run.role == "plan":
                pairs += [(run.key, o.key) for o in self.runs[1:] if o.of == run.of and o.role != "plan"]
        frames = [self.difference(*pair) for pair in dict.fromkeys(pairs)]
        empty = pd.DataFrame(columns=list(summarising.COMPARISON_COLUMNS))
        return pd.concat(frames, ignore_index=True) if frames else empty

    def by_place(self, run: str, against: str, outcome: str, by: str) -> pd.DataFrame:
        """Paired difference of one outcome for every value of a dimension (see `summarising.paired_by`), kept once made."""
        key = (run, against, outcome, by)
        if key not in self._places:
            self._places[key] = summarising.paired_by(self.outcomes, run, against, outcome, by)
        return self._places[key]

    @cached_property
    def _places(self) -> dict[tuple[str, str, str, str], pd.DataFrame]:
        return {}

    def points(self, run: str, against: str) -> tuple[float, float, float]:
        """Paired difference of the weighted sum of outcomes that `run`'s scenario sets (points; less is better).

        Returns
        -------
        mean, low, high : float
            With the 95 % interval of the mean (paired t).
        """
        weights = {name: w.weight for name, w in self.run(run).scenario.outcomes.items() if w.weight}
        change = self.totals.xs(run, level="run") - self.totals.xs(self.run(against).key, level="run")
        weighted = change[list(weights)].fillna(0.0).to_numpy(dtype=float) @ list(weights.values())
        return interval(weighted.tolist())

    # ------------------------------------------------------------------ other forms

    def to_pandas(self) -> pd.DataFrame:
        """A copy of the tidy frame of outcomes."""
        return self.outcomes.copy()

    def to_xarray(self) -> xr.Dataset:
        """Outcomes as labelled arrays.

        Returns
        -------
        xarray.Dataset
            One variable an outcome, over run, replicate, month and the dimensions that it has; attributes title and
            unit. What did not happen is 0. Ratios are left to be taken from their parts.
        """
        import xarray as xr

        runs = [run.key for run in self.runs]
        replicates = sorted(int(r) for r in self.outcomes["replicate"].unique())
        months = summarising.months(self.outcomes)
        arrays: dict[str, xr.DataArray] = {}
        for name, rows in self.outcomes.groupby("outcome", observed=True):
            used = [d for d in summarising.DIMENSIONS if (rows[d] != "").any()]
            axes: dict[str, list[Any]] = {
                "run": list(runs),
                "replicate": list(replicates),
                "month": list(months),
            }
            axes |= {d: sorted(set(rows[d].astype(str))) for d in used}
            keys = [rows[a].astype(int if a == "replicate" else str) for a in axes]
            series = rows.groupby(keys)["value"].sum()
            index: pd.MultiIndex = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
            values = series.reindex(index, fill_value=0.0).to_numpy().reshape([len(v) for v in axes.values()])
            info = OUTCOMES.get(str(name))
            attributes = {"title": info.title, "unit": info.unit} if info else {}
            arrays[str(name)] = xr.DataArray(values, coords=axes, dims=list(axes), attrs=attributes)
        return xr.Dataset(arrays)

    @property
    def plot(self) -> Plots:
        """Charts: ``.plot.flows()``, ``.plot.change()``, ``.plot.time_series('deaths')``, ... (see `figures.Plots`)."""
        from .figures import Plots

        return Plots(self)

    def __repr__(self) -> str:
        names = ", ".join(run.key for run in self.runs)
        return f"<Results: {names}; {self.replicates} replicates, {len(self.outcomes):,} rows>"

    def _repr_html_(self) -> str:
        from .displays import results_html

        return results_html(self)

    # ------------------------------------------------------------------ evidence

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """The evidence behind the runs: columns name to description, and ``changed_by``.

        Values are central values under the first run's scenario; ``changed_by`` names the runs whose scenario sets
        another one.
        """
        if self.evidence is not None:
            return self.evidence
        from ..scenarios import registry

        assumed = {
            run.key: run.scenario.parameters() for run in self.runs if run.role in ("baseline", "option")
        }
        first = assumed[self.runs[0].key]
        rows = []
        for name, p in registry().items():
            changed = [k for k, values in assumed.items() if values[name] != p.value]
            row = (name, first[name], p.low, p.high, p.unit, p.grade, p.source, p.description)
            rows.append((*row, " ".join(changed)))
        return pd.DataFrame(rows, columns=list(PARAMETER_COLUMNS))

    # ------------------------------------------------------------------ the folder

    def as_summary(self) -> dict[str, Any]:
        """Content of ``summary.json``: plain values, None where a figure cannot be known."""
        table = self.summary()
        runs: dict[str, Any] = {}
        for run in self.runs:
            rows = table[table["run"] == run.key]
            runs[run.key] = {
                "title": run.title,
                "scenario": run.scenario.name,
                "role": run.role,
                "of": run.of or run.key,
                "outcomes": {
                    r.outcome: {"mean": r.mean, "p05": r.p05, "p95": r.p95, "unit": r.unit}
                    for r in rows.itertuples()
                },
            }
        covered = summarising.months(self.outcomes)
        summary = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "question": " ".join(wording.questions(self.runs)),
            "period": {"first_month": covered[0], "last_month": covered[-1], "months": len(covered)},
            "replicates": self.replicates,
            "outcomes": runs[self.runs[0].key]["outcomes"],
            "runs": runs,
            "comparison": self.comparison.to_dict(orient="records"),
            "plans": {plan.run: dict(plan.facts) for plan in self.plans},
        }
        content = plain(summary)
        assert isinstance(content, dict)
        return content

    def write(self, folder: str | Path, report: bool = True) -> Path:
        """Write the results folder, whole or not at all.

        Parameters
        ----------
        folder : path
            New, empty, or a results folder, which is then replaced.
        report : bool
            Also make the figures and ``report.html``.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        FolderError
            When the folder holds something else, or cannot be written.
        """
        target = Path(folder)
        with new_folder(target) as temporary, explaining(target):
            self.write_into(temporary, report)
        return target

    def write_into(self, folder: Path, report: bool = True) -> None:
        """Write all files into an existing folder, the marker last."""
        put(folder / "summary.json", _json(self.as_summary()))
        put(folder / "outcomes.parquet", _parquet(self.outcomes))
        put(folder / "comparison.parquet", _parquet(self.comparison))
        put(folder / "parameters.csv", self.parameters.to_csv(index=False))
        put(folder / "scenario.resolved.yaml", self.runs[0].scenario.to_yaml())
        for run in self.runs[1:]:
            if run.role == "option":
                put(folder / "options" / f"{run.key}.resolved.yaml", run.scenario.to_yaml())
        if self.plans:
            put(folder / "allocation.csv", self.allocation().to_csv(index=False))
            put(folder / "shadow_prices.csv", self.shadow_prices().to_csv(index=False))
            if any(plan.limits is not None for plan in self.plans):
                put(folder / "limits.csv", self.limits().to_csv(index=False))
        for name in ADDED:
            table = getattr(self, name)
            if table is not None:
                put(folder / f"{name}.csv", table.to_csv(index=False))
        if report:
            for name, content in self._report_files().items():
                put(folder / name, content)
        put(
            folder / MARKER,
            _json({"format": FORMAT, "format_version": FORMAT_VERSION, **plain(dict(self.provenance))}),
        )

    def fetching(self, folder: str | Path, sources: Sequence[Path]) -> Results:
        """The same results with what other analyses found, which is also put into their folder.

        Parameters
        ----------
        folder : path
            Where these results are.
        sources : sequence of path
            Folders of `waterbed` and of `sensitivity`, or stores of sweeps.

        Raises
        ------
        FolderError
            When one of them holds nothing of the kind; nothing is written then.
        """
        from .added_tables import fetch

        tables = dict(fetch(source, self) for source in sources)
        with explaining(Path(folder), "Files that could not be replaced are as they were."):
            for name, table in tables.items():
                replace_file(Path(folder) / f"{name}.csv", table.to_csv(index=False))
        return replace(self, **tables)  # type: ignore[arg-type]

    def rewrite_report(
        self, folder: str | Path, stakeholders: Sequence[Seat] = (), language: str | Catalogue = DEFAULT, pdf: bool = False,
        progress: bool = False,
    ) -> Path:  # fmt: skip
        """Make figures and ``report.html`` anew in a results folder; each file is replaced by a rename.

        Parameters
        ----------
        folder : path
        stakeholders : sequence of Seat
            Who gets a page of their own; pages that the folder already has are made anew.
        language : str or Catalogue
        pdf : bool
            Also write ``report.pdf`` and each stakeholder's page as PDF; those that the folder has are taken away otherwise.
        progress : bool
            Show a progress bar over the pages that become PDF.

        Raises
        ------
        FolderError
        NoPdf
            When PDF is asked for and cannot be made here; nothing is written then.
        """
        target = Path(folder)
        if not is_results_folder(target):
            raise FolderError(f"{target} is not a results folder")
        if pdf:
            from .pdf import check

            check()
        chosen = self._seats_of(target, stakeholders)
        with explaining(target, "Files that could not be replaced are as they were."):
            files = self._report_files(chosen, language)
            if pdf:
                from tqdm.auto import tqdm

                from .pdf import pdf_of

                pages = {name: str(text) for name, text in files.items() if name.endswith(".html")}
                bar = tqdm(pages.items(), desc="PDF", unit="page", disable=not progress, leave=False)
                files |= {f"{name.removesuffix('.html')}.pdf": pdf_of(text) for name, text in bar}
            for name, content in files.items():
                replace_file(target / name, content)
            for old in [] if pdf else [target / "report.pdf", *target.glob("stakeholders/*.pdf")]:
                old.unlink(missing_ok=True)  # it would tell something else than the page beside it
        return target / "report.html"

    @staticmethod
    def _seats_of(folder: Path, wanted: Sequence[Seat]) -> list[Seat]:
        """Seats asked for, and those whose pages the folder has, in one order."""
        there = {page.stem for page in folder.glob("stakeholders/*.html")}
        if not wanted and not there:
            return []
        from .stakeholders import seats

        codes = there | {seat.code for seat in wanted}
        return [seat for seat in seats() if seat.code in codes]

    def _report_files(self, stakeholders: Sequence[Seat] = (), language: str | Catalogue = DEFAULT) -> dict[str, bytes | str]:
        from .report import files_of_report

        return files_of_report(self, stakeholders, language)

    def allocation(self) -> pd.DataFrame:
        """Staff that the plans place: columns run, resource, place, quarter, staff."""
        return _stacked([(p.run, p.allocation) for p in self.plans], ALLOCATION_COLUMNS)

    def shadow_prices(self) -> pd.DataFrame:
        """Dual values of the plans: columns run, constraint, place, resource, quarter, dual, unit, words."""
        return _stacked([(p.run, p.shadow_prices) for p in self.plans], SHADOW_PRICE_COLUMNS)

    def limits(self) -> pd.DataFrame:
        """How far the plans use each limit: columns run, constraint, kind, place, resource, quarter, limit, used."""
        return _stacked([(p.run, p.limits) for p in self.plans if p.limits is not None], LIMIT_COLUMNS)

    @classmethod
    def read(cls, folder: str | Path) -> Results:
        """Read a results folder.

        Raises
        ------
        FolderError
            When it is not one, or one of its files is missing or damaged.
        """
        path = Path(folder)
        if not path.exists():
            raise FolderError(f"there is no folder {path}")
        if not is_results_folder(path):
            raise FolderError(f"{path} is not a results folder: it has no {MARKER} of this program")
        for needed in ("summary.json", "outcomes.parquet", "parameters.csv", "scenario.resolved.yaml"):
            if not (path / needed).is_file():
                raise FolderError(f"{path} is damaged: {needed} is missing")
        try:
            provenance = json.loads((path / MARKER).read_text(encoding="utf-8"))
            if provenance.get("format_version") != FORMAT_VERSION:
                raise FolderError(
                    f"{path} has format version {provenance.get('format_version')}; this program reads {FORMAT_VERSION}"
                )
            summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
            outcomes = _outcomes(path / "outcomes.parquet")
            evidence = pd.read_csv(path / "parameters.csv", keep_default_na=False)
            added = {name: read_added(path / f"{name}.csv", columns) for name, columns in ADDED.items()}
            scenarios = {"": load(path / "scenario.resolved.yaml")}
            runs = []
            for key, facts in summary["runs"].items():
                if facts["role"] == "option":
                    if key != Path(key).name:  # a name that leads out of the folder
                        raise FolderError(f"{path} is damaged: {key[:80]!r} is no name of a run")
                    scenarios[key] = load(path / "options" / f"{key}.resolved.yaml")
                scenario = scenarios[facts["of"] if facts["of"] in scenarios else ""]
                runs.append(Run(key, facts["title"], scenario, facts["role"], facts["of"]))
            plans: list[PlanRecord] = []
            if summary["plans"]:
                allocation = pd.read_csv(path / "allocation.csv", keep_default_na=False)
                prices = pd.read_csv(path / "shadow_prices.csv", keep_default_na=False)
                for column in ("dual", "limit", "holds_from", "holds_to"):
                    prices[column] = pd.to_numeric(prices[column])
                used = path / "limits.csv"
                limits = pd.read_csv(used, keep_default_na=False) if used.is_file() else None
                if limits is not None:
                    limits[["limit", "used"]] = limits[["limit", "used"]].apply(pd.to_numeric)
                for key, facts in summary["plans"].items():
                    parts = [
                        None if f is None else f[f["run"] == key].drop(columns="run").reset_index(drop=True)
                        for f in (allocation, prices, limits)
                    ]
                    assert parts[0] is not None and parts[1] is not None
                    plans.append(PlanRecord(key, parts[0], parts[1], facts, parts[2]))
        except FolderError:
            raise
        except ScenarioError as error:
            raise FolderError(
                f"{path} holds a scenario that this version does not accept:\n{error}"
            ) from error
        # whatever a damaged or forged file leads to in the readers of JSON, CSV and Parquet; ArrowException has other bases
        except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError) as error:
            name = getattr(error, "filename", None)
            told = (
                f"{Path(str(name)).name} is missing or cannot be read"
                if name
                else f"{type(error).__name__}: {error}"
            )
            raise FolderError(f"{path} is damaged: {told}") from error
        return cls(tuple(runs), outcomes, provenance, tuple(plans), summary["kind"], evidence, **added)


def _outcomes(file: Path) -> pd.DataFrame:
    """The tidy frame of a folder, with the columns and types that everything else relies on."""
    found = pd.read_parquet(file)
    missing = [column for column in summarising.COLUMNS if column not in found]
    if missing:
        raise ValueError(f"{file.name} lacks the column(s) {', '.join(missing)}")
    if found.empty:
        raise ValueError(f"{file.name} holds no figures")
    if not (pd.api.types.is_numeric_dtype(found["value"]) and pd.api.types.is_integer_dtype(found["replicate"])):
        raise ValueError(f"{file.name}: value and replicate are not numbers")
    return found


def _stacked(parts: list[tuple[str, pd.DataFrame]], columns: Sequence[str]) -> pd.DataFrame:
    frames = [frame.assign(run=run).reindex(columns=list(columns)) for run, frame in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
