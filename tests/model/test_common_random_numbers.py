"""Common random numbers: a change reaches what it reaches and nothing else, and paired differences are sharp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import RunOutput, SmugglingModel
from countersmuggling.scenarios import Scenario, load

QUARTERS = ("2025Q1", "2025Q2")


def scenario(**levers: dict[str, Any]) -> Scenario:
    content = load("baseline-2025").model_dump(by_alias=True, mode="json", exclude_none=True)
    content["horizon"] = {"start": "2025-01-01", "end": "2025-06-30", "burn_in_days": 60}
    # courts short of staff from the start, so that cases wait within the half year
    content["uncertainties"] = {"draw": "central", "parameters": {"prosecution.utilisation": 1.1}}
    content["model"] = {"persons_per_agent": 100, "networks": 100}
    content["levers"] = {name: {"on": "2025-01-01", **setting} for name, setting in levers.items()}
    return Scenario.model_validate(content)


def allocation(resource: str, place: str, staff: float) -> pd.DataFrame:
    rows = [(resource, place, quarter, staff) for quarter in QUARTERS]
    return pd.DataFrame(rows, columns=["resource", "place", "quarter", "staff"])


def run(table: pd.DataFrame) -> RunOutput:
    return SmugglingModel(scenario(), allocation=table).run()


def keyed(output: RunOutput) -> pd.Series[float]:
    names = ["month", "outcome", "route", "origin_group", "member_state", "leg"]
    return output.outcomes.set_index(names)["value"].groupby(level=names).sum()


@pytest.fixture(scope="module")
def nothing() -> RunOutput:
    return run(allocation("prosecutor", "LVA", 0.0).iloc[:0])


@pytest.mark.parametrize("resource", ["prosecutor", "investigator", "border_guard", "analyst", "rescue_unit"])
def test_changing_a_capacity_by_nothing_changes_nothing(resource: str, nothing: RunOutput) -> None:
    assert nothing.outcomes.equals(run(allocation(resource, "ITA", 0.0)).outcomes)


def test_one_more_prosecutor_reaches_that_courts_cases_and_the_budget_alone(nothing: RunOutput) -> None:
    backlog = nothing.outcomes[nothing.outcomes["outcome"] == "case_backlog"]
    court = str(backlog.groupby("member_state")["value"].sum().idxmax())  # where cases wait, one more can be missed
    before, after = keyed(nothing), keyed(run(allocation("prosecutor", court, 1.0)))
    both = pd.concat([before, after], axis=1, keys=["before", "after"]).fillna(0.0)
    moved = both[both["before"] != both["after"]].reset_index()
    assert set(moved["outcome"]) == {"convictions", "case_backlog", "cost_eur"}
    assert set(moved["member_state"]) == {court}
    convictions = moved[moved["outcome"] == "convictions"]
    assert float(convictions["after"].sum()) > float(convictions["before"].sum())


def test_one_more_rescue_unit_in_cyprus_leaves_the_atlantic_alone_for_a_month() -> None:
    """Nobody who starts for the Canaries in the first weeks can have met anyone whom the unit reached."""

    def january(staff: float) -> pd.DataFrame:
        out = run(allocation("rescue_unit", "CYP", staff)).outcomes
        return out[(out["month"] == "2025-01") & (out["route"] == "WAFR")].reset_index(drop=True)

    pd.testing.assert_frame_equal(january(0.0), january(1.0))


def test_paired_differences_vary_several_times_less_than_independent_ones() -> None:
    """Variance of (option - baseline) with shared seeds against separate seeds, for irregular crossings."""
    option = scenario(partner_cooperation={})
    base = scenario()
    pairs = 6

    def crossings(assumptions: Scenario, replicate: int) -> float:
        return SmugglingModel(assumptions, replicate=replicate).run().totals()["irregular_crossings"]

    a = np.array([crossings(base, r) for r in range(pairs)])
    b = np.array([crossings(option, r) for r in range(pairs)])
    paired = float(np.var(b - a, ddof=1))
    independent = float(np.var(a, ddof=1) + np.var(b, ddof=1))
    assert independent / paired > 10.0


def test_policy_is_not_in_the_seed() -> None:
    base, option = SmugglingModel(scenario()), SmugglingModel(scenario(root_causes={}, campaigns={}))
    assert base.run_seed == option.run_seed
    assert np.array_equal(base._potential, option._potential)
    other = SmugglingModel(scenario(), replicate=1)
    assert not np.array_equal(base._potential, other._potential)
    for model in (base, option, other):
        model.release()
