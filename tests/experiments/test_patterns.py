"""Each statistic of the pattern table on series made by hand, the table of bands, and the slow recomputation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import patterns as p

PAGE = Path(__file__).resolve().parents[2] / "docs" / "patterns.md"
MONTHS = [str(m) for m in pd.period_range("2014-01", "2022-06", freq="M")]


def series(values: list[float] | np.ndarray[tuple[int], np.dtype[np.float64]], first: str = "2014-01") -> pd.Series:
    index = [str(m) for m in pd.period_range(first, periods=len(values), freq="M")]
    return pd.Series(np.asarray(values, dtype=np.float64), index=index)


def outcomes(rows: list[tuple[str, str, str, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["month", "outcome", "route", "origin_group", "value"])
    return frame.assign(member_state="", leg="")


# ---------------------------------------------------------------------------------------------- series


def test_the_season_is_found_under_a_trend() -> None:
    """Doubling every three years, times a season of 1 (winter) to 4 (August)."""
    season = np.array([1, 1, 1, 2, 2, 2, 2, 4, 2, 2, 1, 1], dtype=np.float64)
    values = 1000.0 * np.tile(season, 6) * 2.0 ** (np.arange(72) / 36.0)
    assert p.seasonal_amplitude(series(values)) == pytest.approx(4.0)
    np.testing.assert_allclose(p.month_factors(series(values)), season / season.mean())


def test_one_odd_year_does_not_make_a_season() -> None:
    values = np.full(72, 100.0)
    values[30] = 5000.0
    assert p.seasonal_amplitude(series(values)) < 1.5


def test_persistence_of_steps_and_of_alternation() -> None:
    # a level that changes once keeps neighbours alike; a month up and a month down makes them opposite
    assert p.persistence(series([100.0] * 36 + [1000.0] * 36)) > 0.8
    rng = np.random.default_rng(1)
    noise = np.exp(rng.standard_normal(240))
    assert abs(p.persistence(series(noise))) < 0.25


def test_kurtosis_by_hand() -> None:
    # -1 and 1 in turn: fourth moment 1, variance 1, so 1 - 3
    assert p.excess_kurtosis(np.array([-1.0, 1.0] * 5)) == pytest.approx(-2.0)
    assert p.excess_kurtosis(np.array([0.0] * 99 + [10.0])) > 50.0
    assert p.excess_kurtosis(np.zeros(5)) == 0.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 1.0, 1.0, 1.0], 0.0), ([0.0, 0.0, 0.0, 8.0], 0.75), ([1.0, 3.0], 0.25), ([0.0, 0.0], 0.0)],
)
def test_gini_by_hand(values: list[float], expected: float) -> None:
    assert p.gini(np.array(values)) == pytest.approx(expected)


def test_effective_number_and_turnover_by_hand() -> None:
    assert p.effective_number(np.array([5.0, 5.0, 0.0])) == pytest.approx(2.0)
    # shares 0.8, 0.2 become 0.5, 0.5: three tenths of the flow changed places
    assert p.turnover(np.array([8.0, 2.0]), np.array([50.0, 50.0])) == pytest.approx(0.3)


def test_what_the_largest_incidents_hold() -> None:
    # the largest of twenty holds 81 of 100
    assert p.share_of_largest(np.array([1.0] * 19 + [81.0]), 0.05) == pytest.approx(0.81)
    assert p.share_of_largest(np.array([4.0]), 0.05) == 1.0 and p.share_of_largest(np.zeros(0), 0.05) == 0.0


def test_correlation_with_a_lag() -> None:
    a = np.sin(np.arange(60) / 3.0)
    assert p.correlation(a[5:], a[:-5], 5) == pytest.approx(1.0)
    assert p.correlation(a[5:], a[:-5], 0) < 0.5
    assert p.correlation(np.ones(10), np.arange(10.0)) == 0.0


def test_what_followed_an_event_by_hand() -> None:
    table = pd.DataFrame({"A": series([100.0] * 12 + [999.0] + [20.0] * 12), "B": series([10.0] * 12 + [0.0] + [26.0] * 12)})
    event = "2015-01"
    assert p.before_after(table, event)["A"] == pytest.approx(0.2)
    # A lost 12 x 80, B gained 12 x 16: a fifth came back elsewhere
    assert p.displaced_share(table, event, "A") == pytest.approx(0.2)
    assert p.displaced_share(table, event, "B") == 0.0  # nothing was lost there


def test_months_until_half() -> None:
    falling = series([100.0] * 12 + [100.0, 90.0, 30.0, 30.0, 30.0, 30.0])
    assert p.months_until_half(falling, "2015-01") == 2.0  # the first three months with a mean below 50
    assert p.months_until_half(series([100.0] * 60), "2015-01") == 36.0


# ---------------------------------------------------------------------------------------------- a run


def made_up_run() -> pd.DataFrame:
    """100 detections a month on every route, 120 attempts on the Central Mediterranean of which 6 die and 30 are stopped."""
    rows: list[tuple[str, str, str, str, float]] = []
    for month in MONTHS:
        for route in p.ROUTES:
            rows.append((month, "detections", route, "syria", 100.0))
            rows.append((month, "irregular_crossings", route, "syria", 100.0))
            rows.append((month, "attempts", route, "syria", 120.0))
        rows += [(month, "interceptions", "CMED", "syria", 30.0), (month, "deaths", "CMED", "syria", 6.0)]
        fee = 1500.0 if month > "2017-07" else 1000.0
        rows += [(month, "smuggler_revenue_eur", "CMED", "syria", 10.0 * fee), (month, "paid_legs", "CMED", "syria", 10.0)]
        rows += [(month, "asylum_load", "", "", 500.0), (month, "arrests", "", "", 30.0)]
    frame = outcomes(rows)
    frame.loc[frame["outcome"].isin(["asylum_load", "arrests"]), "member_state"] = "DEU"
    return frame


def test_a_run_counted_by_hand() -> None:
    found = p.run_statistics(made_up_run())
    assert found["P9.deaths.CMED"] == pytest.approx(50.0)
    assert found["P11.stopped.2016.CMED"] == pytest.approx(0.25) and found["P11.stopped.2015.EMED"] == 0.0
    assert found["P12.fee.2017-07.CMED"] == pytest.approx(1.5)
    assert found["P13.2015.DEU"] == pytest.approx(100.0) and found["P13.2015.SWE"] == 0.0
    assert found["P15.arrests_per_100"] == pytest.approx(5.0)  # 30 arrests a month, 600 crossings
    assert found["P4.gini"] == pytest.approx(0.0) and found["P4.effective"] == pytest.approx(6.0)
    assert found["P4.turnover"] == 0.0 and found["P4.leader_changes"] == 0.0
    assert found["P1.amplitude.EMED"] == pytest.approx(1.0)
    assert found["P6.main_route"] == pytest.approx(0.2)  # five entry routes; the Balkans are second crossings
    assert found["P7.near_east.2016-03"] == 0.0
    assert found["P8.after_12.2016-03.EMED"] == pytest.approx(1.0)


def test_a_short_replay_counted_by_hand() -> None:
    """From 100 to 20 on the route that closes, from 100 to 120 on one other: a quarter of the loss came back."""
    run = made_up_run()
    late = (run["month"] > "2016-03") & (run["outcome"] == "detections")
    run.loc[late & (run["route"] == "EMED"), "value"] = 20.0
    run.loc[late & (run["route"] == "CMED"), "value"] = 120.0
    found = p.event_statistics("eu-turkiye-2016", run)
    assert found == pytest.approx(
        {"P8.held.2016-03.EMED": 0.2, "P8.held.2016-03.WBALK": 1.0, "P8.held.2016-03.CMED": 1.2, "P7.held.2016-03": 0.25}
    )


def test_only_months_with_a_sibling_before_the_event_count() -> None:
    table = pd.DataFrame({"A": series([1.0] * 8 + [7.0] + [2.0] * 9, first="2015-07")})  # event in March 2016
    after, before = p.same_months(table, "2016-03")
    # July to December 2016 and the same months of 2015; April to June have none
    assert (after["A"], before["A"]) == (12.0, 6.0)


def test_every_band_has_a_statistic_a_source_and_an_order() -> None:
    bands = p.bands()
    known = set(p.run_statistics(made_up_run(), pd.DataFrame({"route": ["CMED"], "deaths": [3.0]})))
    for name in p.EVENTS:
        known |= set(p.event_statistics(name, made_up_run()))
    assert set(bands["name"]) <= known
    assert bands["name"].is_unique and (bands["low"] < bands["high"]).all()
    assert set(bands["told"]) == {"told", "partly", "emergent"} and bands["source"].str.len().gt(5).all()
    assert {f"P{n}" for n in range(1, 16)} == set(bands["pattern"].str.split().str[0])


def test_the_median_over_runs_decides() -> None:
    run = p.run_statistics(made_up_run())
    name = "P9.deaths.CMED"  # band 9 to 43
    table = p.compared([run | {name: value} for value in (10.0, 20.0, 90.0)]).set_index("name")
    assert table.loc[name, "verdict"] == "in" and table.loc[name, "median"] == 20.0
    assert p.compared([run]).set_index("name").loc[name, "verdict"] == "out"
    text = p.as_markdown(table.reset_index())
    assert f"| {name} | 9 to 43 |" in text and "| 20 (11 to 83) | partly | in |" in text


# ---------------------------------------------------------------------------------------------- the page


def verdicts(text: str) -> dict[str, str]:
    rows = re.findall(r"^\| P\d+[^|]*\| (P\S+) \|.*\| (in|out) \|$", text, re.MULTILINE)
    return {name: verdict for name, verdict in rows}


def test_the_page_holds_every_pattern() -> None:
    assert set(verdicts(PAGE.read_text(encoding="utf-8"))) == set(p.bands()["name"])


@pytest.mark.slow
def test_the_page_says_what_the_model_does() -> None:
    """As committed, not as wished: who changes the model looks at what changed here and writes the page anew."""
    table = p.measure(progress=False)
    found = dict(zip(table["name"], table["verdict"], strict=True))
    assert found == verdicts(PAGE.read_text(encoding="utf-8"))
