"""Charts: the table behind each says what is drawn, and odd results still give a chart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import matplotlib
import pandas as pd
import pytest

from countersmuggling.experiments import figures, summarising
from countersmuggling.experiments.results import Results
from countersmuggling.optimise import charts


def test_flows_are_attempts_a_year(results: Results) -> None:
    table = results.plot.flows().table
    frame = results.outcomes
    attempts = frame[(frame["run"] == "baseline-2025") & (frame["outcome"] == "leg_attempts")]["value"].sum()
    assert table["per_year"].sum() == pytest.approx(attempts / 4 / 0.5)
    assert table["per_year"].is_monotonic_decreasing


def test_changes_by_leg_add_up(results: Results) -> None:
    chart = results.plot.change()
    whole = summarising.by_key(results.difference("small-option", "baseline-2025"), "outcome")
    assert chart.table["change"].sum() == pytest.approx(whole["leg_attempts"]["difference"] / 0.5)
    assert "Small option" in chart.alt


def test_time_series_has_every_month_run_and_outcome(results: Results) -> None:
    table = results.plot.time_series(["deaths", "mean_fee_eur"]).table
    assert len(table) == 2 * len(results.runs) * 6
    assert (table["p05"] <= table["p95"]).all()
    first = table[(table["run"] == "baseline-2025") & (table["outcome"] == "deaths")]["mean"]
    assert first.sum() == pytest.approx(results.totals["deaths"].xs("baseline-2025", level="run").mean())


def test_allocation_is_a_mean_over_quarters(results: Results) -> None:
    table = results.plot.allocation().table.set_index("resource")
    assert table.to_dict("index")["deployed_officer"] == {"ITA": 12.0, "GRC": 8.0, "DEU": 0.0, "FRA": 0.0}
    halved = charts.allocation_table(
        pd.DataFrame(
            {
                "resource": ["analyst"] * 2,
                "place": ["ITA"] * 2,
                "quarter": ["2025Q1", "2025Q2"],
                "staff": [4.0, 0.0],
            }
        )
    )
    assert halved.to_numpy().tolist() == [[2.0]]


def test_shadow_prices_show_what_binds_and_would_help(results: Results) -> None:
    chart = results.plot.shadow_prices()
    assert chart.table["constraint"].tolist() == [
        "shared_pool__europol-posts__2025Q1",
        "shared_pool__europol-posts__2025Q2",
        "absorb__ITA__2025Q2",
    ]
    labels = [label.get_text() for axes in chart.axes for label in axes.get_yticklabels()]
    assert labels == [
        "one more post in the pool: europol-posts, 2025Q1",
        "room for one more at the host: ITA, 2025Q2",
    ]


CHARTS: list[Callable[[Results], charts.Chart]] = [
    lambda r: r.plot.flows(),
    lambda r: r.plot.flows(region=figures.MEDITERRANEAN),
    lambda r: r.plot.change(),
    lambda r: r.plot.change(region=figures.MEDITERRANEAN),
    lambda r: r.plot.time_series(),
    lambda r: r.plot.differences(),
    lambda r: r.plot.allocation(),
    lambda r: r.plot.shadow_prices(),
]


@pytest.mark.parametrize("number", range(len(CHARTS)))
def test_every_chart_is_a_picture_with_words(results: Results, number: int) -> None:
    chart = CHARTS[number](results)
    assert len(chart.alt) > 20
    assert len(chart.table)
    assert chart.png(60).startswith(b"\x89PNG")


def test_svg_is_well_formed_repeatable_and_has_its_own_ids(results: Results) -> None:
    first, second = (results.plot.shadow_prices().svg("prices") for _ in range(2))
    assert first == second
    ET.fromstring(first)
    ids = set(re.findall(r'\bid="([^"]+)"', first))
    assert ids and all(i.startswith("prices-") for i in ids)
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', first)) <= ids


@pytest.mark.parametrize("number", range(len(CHARTS)))
def test_one_replicate_of_one_month_without_a_plan(make_results: Callable[..., Results], number: int) -> None:
    assert CHARTS[number](make_results(1, 1, planned=False)).png(40)


def test_nothing_happened(results: Results) -> None:
    still = results.outcomes.assign(value=0.0)
    quiet = Results(results.runs, still, {}, (), "compare")
    for draw in CHARTS:
        chart = draw(quiet)
        assert chart.png(40)
        assert chart.alt


def test_colours_that_mean_something_survive(results: Results) -> None:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(results.plot.change().png(80))) as image:
        colours: Any = image.convert("RGB").getcolors(1_000_000)
    found = {colour for _, colour in colours}
    assert len(found) <= 256
    for colour in (charts.MORE, charts.LESS, charts.SEA, charts.LAND):
        assert tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) in found


def test_nobody_elses_style_changes(results: Results) -> None:
    before = dict(matplotlib.rcParams)
    results.plot.differences().png(40)
    assert dict(matplotlib.rcParams) == before
