"""What a run hands over: monthly rows and their totals, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model.geography import Geography
from countersmuggling.model.recording import COLUMNS, Recorder, RunOutput
from countersmuggling.model.travellers import Tally
from countersmuggling.scenarios import OUTCOMES


def frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Rows of (month, outcome, route, value)."""
    empty = dict.fromkeys(COLUMNS, "")
    return pd.DataFrame([empty | {"month": m, "outcome": o, "route": r, "value": v} for m, o, r, v in rows])


@pytest.fixture
def output() -> RunOutput:
    return RunOutput(
        frame(
            ("2025-01", "deaths", "CMED", 3.0), ("2025-01", "deaths", "EMED", 4.0), ("2025-02", "deaths", "CMED", 5.0),
            ("2025-01", "active_networks", "", 100.0), ("2025-02", "active_networks", "", 80.0),
            ("2025-01", "smuggler_revenue_eur", "CMED", 9000.0), ("2025-02", "smuggler_revenue_eur", "CMED", 1000.0),
            ("2025-01", "paid_legs", "CMED", 4.0), ("2025-02", "paid_legs", "CMED", 1.0),
        )
    )  # fmt: skip


def test_flows_are_summed_stocks_averaged_and_ratios_taken_of_sums(output: RunOutput) -> None:
    totals = output.totals()
    assert totals["deaths"] == 12.0
    assert totals["active_networks"] == 90.0
    assert totals["mean_fee_eur"] == 2000.0  # not the mean of 2,250 and 1,000
    assert totals["convictions"] == 0.0
    assert set(totals) == set(OUTCOMES)


def test_totals_of_some_months(output: RunOutput) -> None:
    assert output.totals(start="2025-02")["deaths"] == 5.0
    first = output.totals(end="2025-01")
    assert (first["deaths"], first["active_networks"], first["mean_fee_eur"]) == (7.0, 100.0, 2250.0)
    nothing = output.totals(start="2031-01")
    assert nothing["deaths"] == 0.0 and nothing["mean_fee_eur"] == 0.0


def test_a_month_holds_what_happened_in_it(geography: Geography) -> None:
    recorder = Recorder(geography)
    groups, legs = len(geography.groups), geography.network.legs
    tally = Tally.empty(groups, legs, 28, 1, len(geography.authorities), len(geography.corridors))
    border, inland = int(np.flatnonzero(geography.external)[0]), int(np.flatnonzero(~geography.external)[0])
    tally.deaths[0, border] = tally.attempts[0, border] = 99.0
    recorder.close_month("2024-12", tally, [], keep=False)  # burn-in
    tally.deaths[0, border] += 2.0
    tally.deaths[1, inland] += 3.0
    tally.attempts[0, border] += 7.0
    tally.attempts[0, inland] += 11.0
    tally.settled[0, 4] += 6.0
    tally.settled[0, 27] += 50.0  # the United Kingdom is nobody's asylum load here
    backlog = np.zeros(27)
    backlog[3] = 12.0
    recorder.close_month(
        "2025-01",
        tally,
        [("case_backlog", "member_state", backlog), ("active_networks", "", np.array([5.0]))],
        True,
    )
    recorder.close_month("2025-02", tally, [], True)
    rows = recorder.frame()
    assert list(rows.columns) == COLUMNS
    assert set(rows["month"]) == {"2025-01", "2025-02"}

    def of(month: str, outcome: str) -> list[Any]:
        some = rows[(rows["month"] == month) & (rows["outcome"] == outcome)]
        return [
            tuple(x for x in row if x != "")
            for row in some.drop(columns=["month", "outcome"]).itertuples(index=False)
        ]

    routes, names = geography.legs["route"], geography.legs["leg"]
    assert of("2025-01", "deaths") == [
        (routes[border], geography.groups[0], 2.0), (routes[inland], geography.groups[1], 3.0)
    ]  # fmt: skip
    assert sorted(of("2025-01", "leg_deaths")) == sorted([(names[border], 2.0), (names[inland], 3.0)])
    assert sum(v for *_, v in of("2025-01", "attempts")) == 7.0  # at the external border
    assert sum(v for *_, v in of("2025-01", "leg_attempts")) == 18.0
    assert of("2025-01", "asylum_load") == [(geography.member_states[4], 6.0)]
    assert of("2025-01", "case_backlog") == [(geography.member_states[3], 12.0)]
    assert of("2025-01", "active_networks") == [(5.0,)]
    february = rows[rows["month"] == "2025-02"]
    assert not february["value"].any() and {"deaths", "attempts", "asylum_load"} <= set(february["outcome"])
