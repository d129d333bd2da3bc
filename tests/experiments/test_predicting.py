"""Predictions given only yearly totals by origin group."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import predicting as p
from countersmuggling.experiments.calibration_statistics import Condensed, groups
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.observed import ROUTES, observed

SEEN = observed()


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return p.predict(SEEN)


def totals(table: pd.DataFrame, year: str) -> dict[str, float]:
    part = table[table["month"].str[:4] == year]
    return {str(r): float(v) for r, v in part.groupby("route")["p50"].sum().items()}


def test_every_month_and_route_has_an_interval(table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "predicted.csv"
    assert main(["validate", "--predict", str(out), "--quiet", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predicted"]) == len(table)
    written = pd.read_csv(out)
    assert list(written.columns) == ["month", "route", "p05", "p50", "p95"]
    assert sorted(written["month"].unique()) == [str(m) for m in pd.period_range("2022-07", "2025-12", freq="M")]
    assert all(sorted(part["route"]) == sorted(ROUTES) for _, part in written.groupby("month"))
    assert ((written["p05"] <= written["p50"]) & (written["p50"] <= written["p95"])).all()
    np.testing.assert_allclose(written["p50"], table["p50"], atol=0.051)


def test_what_is_farther_off_is_less_sure(table: pd.DataFrame) -> None:
    width = pd.Series(np.log((table["p95"] + p.FLOOR) / (table["p05"] + p.FLOOR)), index=table.index)
    by_year = width.groupby([table["route"], table["month"].str[:4]]).mean().unstack()
    assert (np.diff(by_year.to_numpy(), axis=1) > -1e-6).all()


def test_a_group_that_doubles_adds_to_the_routes_it_was_on(table: pd.DataFrame) -> None:
    """Tunisians and Algerians come by the Central and Western Mediterranean, not by the Aegean."""
    given = SEEN.entry_totals.copy()
    name = max(groups(), key=lambda g: float(SEEN.recent.query("origin_group == @g and route == 'CMED'")["detections"].sum()))
    given.loc[2023, name] = 2.0 * float(given[name].to_dict()[2023])
    other = p.predict(dataclasses.replace(SEEN, entry_totals=given))
    assert totals(other, "2023")["CMED"] > 1.05 * totals(table, "2023")["CMED"]
    assert totals(other, "2022") == pytest.approx(totals(table, "2022"))


def test_levels_by_hand() -> None:
    """One group of two thirds by sea: 300 more of it are 200 by sea; thin groups lean on all groups' shares."""
    past = p.Yearly((2020,), np.zeros((1, len(groups()), len(ROUTES))), np.zeros((1, len(groups()))))
    past.detections[0, 0, :2] = [2.0e6, 1.0e6]
    past.totals[0, 0] = 3.0e6
    total = np.zeros(len(groups()))
    total[0] = 300.0
    (found,) = p.levels(past, (past.detections[0], past.totals[0]), [total])
    np.testing.assert_allclose(found, [200.0, 100.0, 0.0, 0.0, 0.0, 0.0], rtol=1e-4, atol=1e-6)


def test_a_blend_of_a_half_is_the_geometric_mean() -> None:
    found = p.blended(np.array([1e9]), np.array([1e7]), np.array([0.5]))
    np.testing.assert_allclose(found, [1e8], rtol=1e-3)


def test_intervals_are_held_out_of_sample_about_as_often_as_they_say() -> None:
    """Nine origins that overlap: between 0.8 and 0.97 of the months inside intervals of 0.9."""
    held = {str(r["route"]): float(r["inside"]) for r in p.held(SEEN).to_dict("records")}
    assert 0.8 <= held["all"] <= 0.97
    assert min(held.values()) > 0.75


def test_errors_know_nothing_of_what_came_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later months changed: the prediction begun at the end of 2014 stays what it was, so its errors move by the change."""
    later = SEEN.detections.copy()
    later.loc["2018-01":] *= 3.0
    one = p.errors(SEEN, (2012, 2013, 2014)).log
    other = p.errors(dataclasses.replace(SEEN, detections=later), (2012, 2013, 2014)).log
    early = one["month"] < "2018-01"
    np.testing.assert_allclose(one[early]["error"], other[early]["error"])


def test_runs_move_shares_between_routes(table: pd.DataFrame) -> None:
    months = tuple(str(m) for m in pd.period_range("2021-01", "2025-12", freq="M"))
    seen = np.full((len(months), len(ROUTES), len(groups())), 1000.0)
    still = Condensed(months, seen, {})
    np.testing.assert_allclose(p.predict(SEEN, [still])["p50"], table["p50"], rtol=2e-3)
    moved = seen.copy()
    moved[24:, ROUTES.index("CMED")] *= 0.2
    other = p.predict(SEEN, [Condensed(months, moved, {})])
    assert totals(other, "2023")["CMED"] < 0.9 * totals(table, "2023")["CMED"]
    assert totals(other, "2023")["EMED"] > totals(table, "2023")["EMED"]
