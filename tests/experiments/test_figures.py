"""Charts: the table behind each says what is drawn, and odd results still give a chart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from countersmuggling.experiments import figures, summarising, wording
from countersmuggling.experiments.figures.axes import fitting
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


def texts_of(chart: charts.Chart) -> list[str]:
    """Every text that is drawn."""
    chart.png(40, few_colours=False)
    return [a.get_text() for a in chart.findobj(Text) if isinstance(a, Text) and a.get_text()]


MATRIX = pd.DataFrame(
    [("analyst", a, b, "deaths", e, s) for a, b, e, s in (
        ("ITA", "ITA", -2.0, 0.4), ("ITA", "GRC", 1.5, 1.2), ("GRC", "GRC", -1.0, 0.2), ("GRC", "ITA", 0.25, 0.05))]
    + [("prosecutor", "ITA", "ITA", "deaths", 9.0, 1.0)],
    columns=["resource", "place", "affected place", "outcome", "effect", "se"],
)  # fmt: skip


def test_waterbed_shows_every_effect_where_it_belongs(results: Results) -> None:
    chart = results.plot.waterbed(MATRIX, resource="analyst")
    (axes,) = chart.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["GRC", "ITA"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["GRC", "ITA"]
    cells = {(round(c.get_position()[1]), round(c.get_position()[0])): (c.get_text(), c.get_fontweight()) for c in axes.texts}
    minus = "\N{MINUS SIGN}"
    assert cells == {(0, 0): (f"{minus}1.00", "bold"), (0, 1): ("+0.25", "bold"), (1, 0): ("+1.50", "normal"), (1, 1): (f"{minus}2.00", "bold")}
    image = axes.images[0].get_array()
    assert image is not None and image.tolist() == [[-1.0, 0.25], [0.25 * 1.5, -2.0]], "within the noise, paler"
    assert chart.table["effect"].tolist() == [-2.0, 1.5, -1.0, 0.25]
    assert f"ITA on ITA {minus}2.00" in chart.alt
    assert set(results.plot.waterbed(MATRIX).table["resource"]) == {"prosecutor"}, "the clearest effect"
    assert results.plot.waterbed().alt == "No waterbed matrix lies in these results."


def test_tornado_puts_the_widest_first(results: Results) -> None:
    table = pd.DataFrame({"factor": ["fees.markup", "penalties", "route_choice.scale"], "outcome": "deaths",
                          "low": [-1.0, 2.0, -9.0], "high": [3.0, -2.5, 8.0]})  # fmt: skip
    chart = results.plot.tornado(table)
    (axes,) = chart.axes
    assert chart.table["factor"].tolist() == ["route_choice.scale", "fees.markup", "penalties"]
    widths = [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert widths == [-9.0, -1.0, 2.0, 8.0, 3.0, -2.5]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[2] == "Penalty floors"
    assert "at the low end of its range" in texts_of(chart)
    assert results.plot.tornado().alt.startswith("No analysis of sensitivity")


def test_tornado_of_levers_shows_what_each_adds(results: Results) -> None:
    parts = pd.DataFrame({"outcome": "deaths", "unit": "deaths", "lever": ["penalties", "europol_centre"], "part": [1.0, -5.0],
                          "low": [-1.0, -7.0], "high": [3.0, -3.0], "share": 0.5})  # fmt: skip
    chart = replace(results, attribution=parts).plot.tornado()
    assert [b.get_width() for b in chart.axes[0].patches if isinstance(b, Rectangle)] == [-5.0, 1.0]
    assert "European Centre Against Migrant Smuggling" in chart.alt


def test_frontier_joins_the_runs_that_none_betters(results: Results) -> None:
    chart = results.plot.frontier()
    table = chart.table.set_index("run")
    difference = summarising.by_key(results.difference("small-option+plan", "baseline-2025"), "outcome")
    assert table.loc["small-option+plan", "deaths_difference"] == pytest.approx(difference["deaths"]["difference"])
    assert table.loc["small-option+plan", "cost_eur_low"] == pytest.approx(difference["cost_eur"]["low"])
    assert table["best"].to_dict() == {
        "baseline-2025": True, "small-option": False, "small-option+pro-rata": False, "small-option+plan": True}  # fmt: skip
    assert {"Small option, staff by plan", "Status quo"} <= set(texts_of(chart))
    assert figures.not_bettered([0.0, -1.0, -1.0], [0.0, 1.0, 2.0]) == [True, True, False]


def test_regret_is_against_the_best_run_of_each_replicate(results: Results) -> None:
    table = figures.regrets(results).set_index("run")
    weights = {n: w.weight for n, w in results.scenario.outcomes.items() if w.weight}
    wide = sum(results.totals[n] * w for n, w in weights.items()).unstack("run")  # type: ignore[union-attr]
    regret = wide.sub(wide.min(axis=1), axis=0)
    for run in results.runs:
        assert table.loc[run.key, "mean"] == pytest.approx(regret[run.key].mean())
        assert table.loc[run.key, "largest"] == pytest.approx(regret[run.key].max())
    assert table["best"].sum() == pytest.approx(1.0)
    chart = results.plot.regret_table()
    assert wording.number(float(table["mean"].iloc[0]), float(table[["mean", "p95", "largest"]].to_numpy().max())) in texts_of(chart)


def test_a_plans_frontier_is_drawn_as_it_was_kept(results: Results) -> None:
    kept = {"points": [{"point": n, "deaths": d, "cost_eur": c} for n, (d, c) in enumerate(((-9.0, 3e6), (-5.0, 1e6), (0.0, 0.0)))],
            "marks": {"plan": [-4.0, 2e6]}}  # fmt: skip
    plan = replace(results.plans[0], facts={**results.plans[0].facts, "frontier": kept})
    chart = replace(results, plans=(plan,)).plot.plan_frontier()
    (axes,) = chart.axes
    line, mark = axes.lines
    assert list(np.asarray(line.get_xdata(), float)) == [3.0, 1.0, 0.0] and list(np.asarray(line.get_ydata(), float)) == [-9.0, -5.0, 0.0]
    assert (float(np.asarray(mark.get_xdata())[0]), float(np.asarray(mark.get_ydata())[0])) == (2.0, -4.0)
    assert axes.get_xlabel() == "Public cost, change (EUR million)"
    assert results.plot.plan_frontier().alt == "No frontier was kept with this plan."


def test_bands_and_lines_are_the_tables_figures(results: Results) -> None:
    chart = results.plot.time_series("deaths")
    (axes,) = chart.axes
    for line, run in zip(axes.lines, results.runs, strict=True):
        own = chart.table[chart.table["run"] == run.key]
        assert list(np.asarray(line.get_ydata(), float)) == pytest.approx(own["mean"].tolist())
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axes.lines}) == len(results.runs)  # type: ignore[attr-defined]


def test_differences_are_drawn_at_their_figures(results: Results) -> None:
    chart = results.plot.differences(["small-option"], outcomes=("deaths", "arrests"))
    (axes,) = chart.axes
    own = chart.table.set_index("outcome")
    offsets = np.asarray(axes.collections[1].get_offsets(), float)
    for n, name in enumerate(("deaths", "arrests")):
        assert offsets[n][0] == pytest.approx(100 * float(own["relative"].to_dict()[name]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Deaths on the way", "Arrests of facilitators and organisers"]


CHARTS: list[Callable[[Results], charts.Chart]] = [
    lambda r: r.plot.flows(),
    lambda r: r.plot.flows(region=figures.MEDITERRANEAN),
    lambda r: r.plot.change(),
    lambda r: r.plot.flow_map(region=figures.MEDITERRANEAN),
    lambda r: r.plot.time_series(),
    lambda r: r.plot.differences(),
    lambda r: r.plot.allocation(),
    lambda r: r.plot.frontier(),
    lambda r: r.plot.regret_table(),
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


def test_a_long_name_leaves_the_figure_its_room_and_keeps_its_end() -> None:
    assert fitting("Europol regulation, staff by plan") == "Europol regulation, staff by plan"
    long = fitting("What would happen if everything came into force at once? " * 3 + "staff by plan")
    assert len(long) <= 60 and long.endswith("staff by plan") and " … " in long
