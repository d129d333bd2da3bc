"""The store: whole parts or none, figures as the runs gave them, each run once."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import SweepResults, open_results, sweep
from countersmuggling.experiments.folder import FolderError
from countersmuggling.experiments.reducing import SUMMED, NotANumber, reduced
from countersmuggling.experiments.run_table import RunTable
from countersmuggling.experiments.store import STALE, Finished, Store, part_of
from countersmuggling.model import totals
from countersmuggling.scenarios import OUTCOMES


@pytest.fixture
def results(design: dict[str, Any], stubs: ModuleType, tmp_path: Path) -> SweepResults:
    """A store in several parts."""
    return sweep(design, out=tmp_path / "store", engine="in-process", batch=2, progress=False, function=stubs.plain)


def outcomes_of(results: SweepResults, stubs: ModuleType) -> dict[tuple[str, int, int], pd.DataFrame]:
    """What every planned run gives when it is done once more."""
    table = RunTable(results.design, "stub_runs.plain")
    found = {}
    for row in range(len(table)):
        point, replicate, policy = table.place(row)
        found[results.policies[policy], point, replicate] = stubs.outcomes(table.planned(row).job)
    return found


# ------------------------------------------------------------------ one run, made small


def test_a_run_made_small_by_hand() -> None:
    rows = [
        ("2025-02", "deaths", "CMED", 4.0), ("2025-01", "deaths", "CMED", 1.0), ("2025-01", "deaths", "EMED", 2.0),
        ("2025-01", "active_networks", "CMED", 10.0), ("2025-02", "active_networks", "CMED", 30.0),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["month", "outcome", "route", "value"]).assign(origin_group="", member_state="", leg="")
    small = reduced(SimpleNamespace(outcomes=frame), ["route"])  # type: ignore[arg-type]
    assert small.months == ["2025-01", "2025-02"]
    deaths, networks, arrests = (SUMMED.index(name) for name in ("deaths", "active_networks", "arrests"))
    assert small.monthly[:, deaths].tolist() == [3.0, 4.0]
    assert small.totals[deaths] == 7.0
    assert small.totals[networks] == 20.0, "a stock is averaged over months"
    assert np.isnan(small.totals[arrests]), "what is not told is not zero"
    by_route = small.breakdowns["route"].set_index(["month", "route"])
    assert by_route["deaths"].to_dict() == {("2025-01", "CMED"): 1.0, ("2025-01", "EMED"): 2.0, ("2025-02", "CMED"): 4.0}
    assert "arrests" not in by_route


def test_a_hole_in_the_results_is_an_error() -> None:
    frame = pd.DataFrame({"month": ["2025-01"], "outcome": ["deaths"], "value": [np.nan]})
    with pytest.raises(NotANumber, match="deaths"):
        reduced(SimpleNamespace(outcomes=frame))  # type: ignore[arg-type]


def test_the_digest_tells_the_last_bit(stubs: ModuleType, design: dict[str, Any], tmp_path: Path) -> None:
    from countersmuggling.experiments import load_design

    frame = stubs.outcomes(RunTable(load_design(design)).planned(0).job)
    first = reduced(SimpleNamespace(outcomes=frame)).digest  # type: ignore[arg-type]
    other = frame.copy()
    other.loc[3, "value"] = np.nextafter(other.loc[3, "value"], np.inf)
    assert reduced(SimpleNamespace(outcomes=other)).digest != first  # type: ignore[arg-type]
    assert reduced(SimpleNamespace(outcomes=frame.copy())).digest == first  # type: ignore[arg-type]


# ------------------------------------------------------------------ reading


def test_figures_are_those_of_the_runs(results: SweepResults, stubs: ModuleType) -> None:
    found, monthly = results.totals(), results.monthly()
    assert found.index.names == ["policy", "point", "replicate"]
    assert len(found) == 16 and len(monthly) == 48
    for key, frame in outcomes_of(results, stubs).items():
        expected = totals(frame)
        for name in ("deaths", "smuggler_revenue_eur", "active_networks", "arrests", "mean_fee_eur"):
            assert found.loc[key, name] == pytest.approx(expected[name], rel=1e-14)
        january = frame[(frame["month"] == "2025-01") & (frame["outcome"] == "deaths")]["value"].sum()
        assert monthly.loc[(*key, "2025-01"), "deaths"] == january
    assert list(found.columns) == list(OUTCOMES)


def test_the_table_joins_factors_and_figures(results: SweepResults) -> None:
    table = results.table(["deaths"])
    assert list(table.columns) == ["policy", "point", "replicate", "levers.penalties.intensity", "deaths"]
    assert table.groupby("point")["levers.penalties.intensity"].unique().map(list).to_dict() == {0: [0], 1: [2]}
    # the same noise, and a factor that the policy does not have
    status_quo = table[table["policy"] == "status-quo"].pivot(index="replicate", columns="point", values="deaths")
    assert (status_quo[0] == status_quo[1]).all()


def test_arrays_are_read_when_they_are_used(results: SweepResults, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    whole = Store.tables

    def watched(self: Store, name: str, columns: Any, *rest: Any) -> Any:
        read.append(columns)
        return whole(self, name, columns, *rest)

    monkeypatch.setattr(Store, "tables", watched)
    arrays = results.to_xarray()
    assert read == [["month"]], "making the dataset reads no figures"
    chosen = arrays["deaths"].sel(policy="directive", point=1, month="2025-03")
    expected = results.monthly(["deaths"]).xs(("directive", 1, "2025-03"), level=("policy", "point", "month"))["deaths"]
    assert chosen.values.tolist() == expected.tolist()
    assert not any(columns and "arrests" in columns for columns in read)
    fee = (arrays["smuggler_revenue_eur"] / arrays["paid_legs"]).values
    assert np.array_equal(arrays["mean_fee_eur"].values, fee)
    assert arrays["levers.penalties.intensity"].dims == ("point",)
    assert arrays["deaths"].attrs == {"title": OUTCOMES["deaths"].title, "unit": "deaths"}
    assert arrays["deaths"].isel(point=[1, 0], replicate=slice(1, 3)).shape == (2, 2, 2, 3)


def test_breakdowns_add_up(design: dict[str, Any], stubs: ModuleType, tmp_path: Path) -> None:
    found = sweep(
        {**design, "keep": ["route", "full"]}, out=tmp_path / "s", engine="in-process", progress=False, function=stubs.plain
    )
    by_route = found.breakdown("route", ["deaths"])
    assert list(by_route.columns) == ["policy", "point", "replicate", "month", "route", "deaths"]
    sums = by_route.groupby(["policy", "point", "replicate", "month"], observed=True)["deaths"].sum()
    assert sums.to_dict() == pytest.approx(found.monthly(["deaths"])["deaths"].to_dict(), rel=1e-14)
    rows = found.breakdown("full", ["arrests"])
    assert set(rows["member_state"]) == {"ITA"} and len(rows) == 48
    with pytest.raises(ValueError, match=r"does not keep the breakdown 'leg' \(kept: route, full\)"):
        found.breakdown("leg")


def test_duckdb_reads_the_same(results: SweepResults) -> None:
    connection = results.connect()
    found = connection.sql("select policy, point, replicate, deaths from runs order by all").df()
    ours = results.table(["deaths"])[["policy", "point", "replicate", "deaths"]]
    ours = ours.sort_values(["policy", "point", "replicate"], ignore_index=True)
    assert found["deaths"].tolist() == ours["deaths"].tolist()
    assert connection.sql("select count(*) from monthly").fetchall() == [(48,)]
    assert connection.sql('select avg(deaths) from runs where "levers.penalties.intensity" = 2').fetchall() == [
        (pytest.approx(ours.loc[ours["point"] == 1, "deaths"].mean()),)
    ]


def test_an_outcome_that_is_not_there_is_told_with_the_nearest(results: SweepResults) -> None:
    with pytest.raises(ValueError, match="no outcome 'death'; did you mean 'deaths'"):
        results.totals(["death"])


def test_a_store_that_is_not_full_reads_as_far_as_it_goes(results: SweepResults) -> None:
    store, whole = Store(results.folder), results.fingerprint()
    shutil.rmtree(store.parts()[0])
    less = open_results(results.folder)
    assert not less.complete
    assert (less.finished, less.planned) == (10, 12)
    missing = less.runs.loc[~less.runs["done"]]
    assert len(less.totals()) == 16 - len(missing)
    assert less.to_xarray()["deaths"].isnull().sum() == 3 * len(missing)
    assert less.fingerprint() != whole


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="there is no folder"):
        open_results(tmp_path / "nowhere")
    with pytest.raises(FolderError, match=r"is not the store of a sweep: it has no manifest\.json"):
        open_results(tmp_path)


def test_a_damaged_part_is_named(results: SweepResults) -> None:
    (Store(results.folder).parts()[2] / "runs.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(FolderError, match=r"runs\.parquet cannot be read: .*--resume"):
        open_results(results.folder).finished  # noqa: B018


# ------------------------------------------------------------------ writing


def some_part(stubs: ModuleType, design: dict[str, Any], rows: range) -> Any:
    from countersmuggling.experiments import load_design

    table = RunTable(load_design(design), "stub_runs.plain")
    planned = [table.planned(row) for row in rows]
    return part_of([Finished(p.run_id, reduced(stubs.plain(p.job)), 0.1) for p in planned], [])


def test_a_part_is_written_whole_or_not_at_all(
    results: SweepResults, stubs: ModuleType, design: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "other")
    store.parts_folder.mkdir(parents=True)
    part = some_part(stubs, design, range(3))
    calls = iter([None, OSError(28, "No space left on device")])

    def failing(descriptor: int) -> None:
        error = next(calls, None)
        if error is not None:
            raise error

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space left"):
        store.write(part)
    assert list(store.parts_folder.iterdir()) == [], "neither a part nor something half-written"
    monkeypatch.undo()
    store.write(part)
    assert store.done() == set(part.run_ids)
    before = (store.parts()[0] / "runs.parquet").stat().st_mtime_ns
    store.write(part)
    assert (store.parts()[0] / "runs.parquet").stat().st_mtime_ns == before, "the same runs again are not written again"


def test_what_killed_processes_left_is_not_read_and_goes_after_a_day(
    results: SweepResults, stubs: ModuleType, design: dict[str, Any]
) -> None:
    store = Store(results.folder)
    old, new = (store.parts_folder / f".{name}.1234.partial" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "runs.parquet").write_bytes(b"PAR1 half")
    os.utime(old, (time.time() - 2 * STALE,) * 2)
    assert open_results(results.folder).complete
    sweep(design, out=results.folder, engine="in-process", resume=True, progress=False, function=stubs.plain)
    assert not old.exists()
    assert new.exists(), "somebody may be writing it"


def test_a_run_done_twice_is_read_once(results: SweepResults, stubs: ModuleType, design: dict[str, Any]) -> None:
    before = results.monthly()
    Store(results.folder).write(some_part(stubs, design, range(5)))
    again = open_results(results.folder)
    pd.testing.assert_frame_equal(again.monthly(), before)
    assert again.fingerprint() == results.fingerprint()
    assert again.connect().sql("select count(*) from monthly").fetchall() == [(48,)]


# ------------------------------------------------------------------ compaction


def test_compaction_changes_no_figure(results: SweepResults, stubs: ModuleType, design: dict[str, Any]) -> None:
    before, fingerprint = results.monthly(), results.fingerprint()
    store = Store(results.folder)
    store.write(some_part(stubs, design, range(5)))
    count = len(store.parts())
    assert results.compact() == (count, 1)
    again = open_results(results.folder)
    pd.testing.assert_frame_equal(again.monthly(), before)
    assert again.fingerprint() == fingerprint
    assert again.complete
    assert results.compact() == (1, 1)


def test_compaction_makes_parts_of_a_size(results: SweepResults) -> None:
    store = Store(results.folder)
    assert [len(ids) for _, ids, _ in store._keys()] == [2] * 6
    assert store.compact(runs_per_part=4) == (6, 3)
    assert open_results(results.folder).fingerprint() == results.fingerprint()


def test_compaction_notices_that_machines_disagree(results: SweepResults, stubs: ModuleType, design: dict[str, Any]) -> None:
    store = Store(results.folder)
    from countersmuggling.experiments import load_design

    table = RunTable(load_design(design), "stub_runs.plain")
    planned = table.planned(0)
    frame = stubs.outcomes(planned.job)
    frame["value"] = np.nextafter(frame["value"].to_numpy(), np.inf)
    other = [Finished(planned.run_id, reduced(SimpleNamespace(outcomes=frame)), 0.1)]  # type: ignore[arg-type]
    store.write(part_of([*other, Finished("0" * 32, other[0].result, 0.1)], []))
    with pytest.raises(FolderError, match=f"run {planned.run_id} was done twice and gave different results"):
        store.compact()
    assert len(store.parts()) == 7, "nothing was taken away"
