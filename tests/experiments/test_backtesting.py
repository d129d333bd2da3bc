"""Backtests: simple rules on series made by hand, ratios and displacement by hand, and the report's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import backtesting as b
from countersmuggling.experiments import validating as v
from countersmuggling.experiments.calibration_statistics import FLOOR, Condensed, groups
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.observed import ROUTES, observed

SEEN = observed()
TEST = b.Backtest("eu-turkiye-2016", "2016-03", "EMED", ("EMED", "CMED"), ("syria",))


def series(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pd.Series:
    return pd.Series(values, index=[str(m) for m in pd.period_range("2009-01", periods=len(values), freq="M")])


def run(after: dict[str, float]) -> Condensed:
    """1,000 Syrians a month on every route before the event, and so many after it."""
    months = tuple(str(m) for m in pd.period_range("2015-01", "2017-12", freq="M"))
    seen = np.zeros((len(months), len(ROUTES), len(groups())))
    seen[:, :, groups().index("syria")] = 1000.0
    for route, value in after.items():
        seen[[m > TEST.month for m in months], ROUTES.index(route), groups().index("syria")] = value
    return Condensed(months, seen, {})


def test_rules_on_a_season_that_repeats() -> None:
    """A series that repeats is foretold exactly by the two rules that know seasons."""
    year = 1000.0 + 100.0 * np.arange(12)
    whole = series(np.tile(year, 6))
    np.testing.assert_allclose(b.seasonal_naive(whole, 14), [*year, *year[:2]])
    np.testing.assert_allclose(b.autoregression(whole, 14), [*year, *year[:2]], rtol=1e-6)
    np.testing.assert_allclose(b.no_change(whole, 3), 1550.0)


def test_an_autoregression_returns_to_its_mean() -> None:
    rng = np.random.default_rng(1)
    level = np.zeros(2400)
    for t in range(1, len(level)):
        level[t] = 0.8 * level[t - 1] + rng.normal(0.0, 0.1)
    whole = series(np.exp(8.0 + level[:2399]) - FLOOR)
    whole = pd.concat([whole, pd.Series([np.exp(9.0) - FLOOR], index=["2208-12"])])
    coming = np.log(b.autoregression(whole, 5) + FLOOR) - 8.0
    np.testing.assert_allclose(coming, 0.8 ** np.arange(1, 6), atol=0.12)


def test_ratios_are_to_the_same_months_a_year_before() -> None:
    found = b.ratios(run({"EMED": 0.0, "CMED": 2000.0}), TEST)
    assert found["EMED", 6] == pytest.approx(FLOOR / (1000.0 + FLOOR))
    assert found["CMED", 12] == pytest.approx((2000.0 + FLOOR) / (1000.0 + FLOOR))


def test_displacement_by_hand() -> None:
    """A thousand a month lost, 250 of them gained on another entry route; the Western Balkans are none."""
    assert b.displaced(run({"EMED": 0.0, "CMED": 1250.0, "WBALK": 5000.0}), TEST) == pytest.approx(0.25)
    assert np.isnan(b.displaced(run({"EMED": 1500.0}), TEST))


def test_rules_see_nothing_of_the_event() -> None:
    """What is published from the event on is changed: the rules' forecasts stay, over a year before that stays too."""
    later = SEEN.detections.copy()
    later.loc["2016-04":] *= 9.0
    import dataclasses

    one = b.naive_ratios(SEEN, TEST)
    other = b.naive_ratios(dataclasses.replace(SEEN, detections=later), TEST)
    pd.testing.assert_frame_equal(one, other)


def test_scores_name_method_and_published_ratio() -> None:
    runs = {("eu-turkiye-2016", "model"): [run({"EMED": 0.0, "WBALK": 0.0}), run({"EMED": 100.0, "WBALK": 0.0})]}
    table = b.score(SEEN, runs)
    own = table[(table["method"] == "model") & (table["route"] == "EMED") & (table["months"] == 12)].to_dict("records")[0]
    truth = SEEN.detections["EMED"]
    after, before = truth.loc["2016-04":"2017-03"].sum(), truth.loc["2015-04":"2016-03"].sum()
    assert own["published"] == pytest.approx((after + 12 * FLOOR) / (before + 12 * FLOOR), rel=1e-6)
    assert own["ratio"] == pytest.approx((50.0 + FLOOR) / (1000.0 + FLOOR))
    assert own["inside"] == "no"
    assert set(b.ranking(table)["method"]) == {*b.NAIVE, "model"}
    assert "evros-2012" in set(table["event"])


def test_the_report_says_where_the_model_loses() -> None:
    rows = [("e", "CMED", 6, "model", 0.9), ("e", "CMED", 6, "no change", 0.3), ("e", "EMED", 6, "model", 0.1),
            ("e", "EMED", 6, "no change", 0.3)]  # fmt: skip
    (text,) = v.lost(pd.DataFrame(rows, columns=["event", "route", "months", "method", "error"]))
    assert text.startswith("The model loses to a simple rule in 1 of 2 ratios: e, CMED, 6 months: no change (0.30)")


def test_bands_hold_what_they_were_made_of() -> None:
    """Runs of 0.9, two and three times the published series, equally likely: its middle is twice the series."""
    from countersmuggling.experiments.calibration_statistics import published

    truth = published(SEEN, [m for m in SEEN.detections.index if m >= "2018-01"])
    runs = [Condensed(truth.months, k * truth.detections, truth.flows) for k in (0.9, 2.0, 3.0)]
    table = v.predictive(runs, np.full(3, 1.0 / 3.0), SEEN)
    np.testing.assert_allclose(table["p50"], 2.0 * table["published"])
    assert (table["low"] <= table["p05"] + 1e-9).all() and (table["high"] >= table["p95"] - 1e-9).all()
    summary = v.predictive_summary(table)
    assert (summary["inside_runs"] == 1.0).all()


def test_a_folder_without_a_calibration_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--calibration", str(tmp_path), "--out", str(tmp_path / "v")]) == 2
    assert "no finished calibration" in capsys.readouterr().err


@pytest.mark.slow
def test_the_report_is_written_whole(tmp_path: Path) -> None:
    """Two draws of every replay, about a minute."""
    out = tmp_path / "validation"
    assert main(["validate", "--draws", "1", "--replicates", "0", "--persons-per-agent", "2000", "--workers", "1",
                 "--out", str(out), "--quiet"]) == 0  # fmt: skip
    page = (out / "validation.html").read_text(encoding="utf-8")
    assert "Where the displaced went" in page and "<table>" in page
    scored = pd.read_csv(out / "backtests.csv")
    assert set(scored["method"]) == {*b.NAIVE, *b.MODELS}
    assert scored["error"].notna().all()
