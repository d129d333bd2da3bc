"""Published figures as they are shipped, and what a run is compared by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import calibration_statistics as cs
from countersmuggling.experiments.observed import LAST, ROUTES, UnusableObservations, observed, rows

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SEEN = observed()
MONTHS = [m for m in SEEN.detections.index if m >= "2014-01"]


def at(table: pd.DataFrame, month: str) -> float:
    return float(table["CMED"].to_numpy()[list(table.index).index(month)])


def test_the_table_has_every_month_and_says_who_published_it() -> None:
    assert list(SEEN.detections.columns) == list(ROUTES)
    assert [str(m) for m in pd.period_range("2009-01", LAST, freq="M")] == list(SEEN.detections.index)
    table = rows()
    assert (table["publisher"].str.len() > 3).all()
    assert not table.duplicated(["period", "outcome", "route", "origin_group"]).any()


def test_nothing_of_routes_after_june_2022_is_in_the_table() -> None:
    """Figures of that time are kept apart to judge predictions."""
    table = rows()
    after = table[(table["period"] > LAST) | (table["period"] == "2022")]
    assert set(after["outcome"]) == {"entry_detections"}
    assert set(after["route"]) == {""}


def test_groups_add_up_to_routes() -> None:
    """Nationalities are published by route; unknown ones are spread, none is lost but a handful without a group."""
    by_route = SEEN.by_group.groupby(["year", "route"])["detections"].sum().unstack("route")
    months = SEEN.detections.groupby(SEEN.detections.index.str[:4].astype(int)).sum()
    for year in range(2009, 2022):
        np.testing.assert_allclose(by_route.loc[year], months[by_route.columns].loc[year], rtol=4e-3, atol=3.0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the publishers' aggregates are not beside this checkout")
def test_months_are_the_publishers() -> None:
    told = pd.read_csv(SHARED / "frontex_monthly_route.csv")
    told["route"] = told["route"].replace({"BLACKSEA": "EMED"})
    table = told.pivot_table(index="month", columns="route", values="detections", aggfunc="sum")[list(ROUTES)].fillna(0.0)
    np.testing.assert_array_equal(table.to_numpy(), SEEN.detections.to_numpy())


def test_the_published_series_is_at_distance_zero_where_all_of_it_is_published() -> None:
    yard = cs.Yardstick.of(SEEN, MONTHS)
    found = yard.by_block(cs.published(SEEN, MONTHS))
    assert {k: v for k, v in found.items() if k not in ("stopped", "fees")} == pytest.approx(
        dict.fromkeys(("months", "shares", "season", "events", "deaths"), 0.0)
    )


def test_distance_is_the_mean_over_blocks_in_units_of_noise() -> None:
    """Twice as many detections everywhere: months differ by about log 2 over the noise, shares and seasons hardly."""
    truth = cs.published(SEEN, MONTHS)
    yard = cs.Yardstick.of(SEEN, MONTHS)
    doubled = cs.Condensed(truth.months, 2.0 * truth.detections, truth.flows)
    blocks = yard.by_block(doubled)
    log = np.log(SEEN.detections.loc[MONTHS].to_numpy() + cs.FLOOR)
    more = np.log(2.0 * SEEN.detections.loc[MONTHS].to_numpy() + cs.FLOOR)
    noise = [cs.irregular(log[:, j]) for j in range(6)]
    assert blocks["months"] == pytest.approx(float(np.mean(np.abs(more - log) / noise)))
    assert blocks["shares"] == pytest.approx(0.0, abs=1e-9)
    assert blocks["deaths"] == pytest.approx(0.0)
    assert yard.distance(doubled) == pytest.approx(np.mean(list(blocks.values())))


def test_the_irregular_part_of_a_series_made_by_hand() -> None:
    """A season and a trend are no noise; the deviation of white noise comes out to a tenth in forty years."""
    months = np.arange(480)
    noise = np.random.default_rng(1).normal(0.0, 0.3, 480)
    assert cs.irregular(np.sin(months * np.pi / 6.0) + 0.01 * months) == pytest.approx(0.0, abs=1e-6)
    assert cs.irregular(np.sin(months * np.pi / 6.0) + noise) == pytest.approx(0.3, rel=0.12)


def test_only_months_before_are_used() -> None:
    until = [m for m in MONTHS if m <= "2016-02"]
    yard = cs.Yardstick.of(SEEN, until)
    truth = cs.published(SEEN, MONTHS)
    later = truth.detections.copy()
    later[len(until) :] *= 50.0
    changed = cs.Condensed(truth.months, later, truth.flows)
    assert yard.by_block(changed) == yard.by_block(truth)
    assert "events" not in yard.target


def test_imported_detections_take_the_place_of_the_bundled(tmp_path: Path) -> None:
    file = tmp_path / "observations.csv"
    file.write_text(
        "period,outcome,route,origin_group,member_state,value,publisher\n"
        "2020-03,detections,CMED,syria,,10,Frontex\n2020-03,detections,CMED,iraq,,5,Frontex\n",
        encoding="utf-8",
    )
    table = observed(file).detections
    assert at(table, "2020-03") == 15.0
    assert at(table, "2020-04") == at(SEEN.detections, "2020-04")
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UnusableObservations, match="expected the columns"):
        observed(file)
