"""The whole model on a small run: nobody is lost, nothing is negative, and a seed means one result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mesa
import numpy as np
import pandas as pd
import pytest

from countersmuggling.model import Observation, SmugglingModel
from countersmuggling.scenarios import OUTCOMES, Scenario

SIGNED = {"smuggler_profit_eur", "cost_eur"}


def run(scenario: Scenario, **options: Any) -> tuple[SmugglingModel, pd.DataFrame]:
    model = SmugglingModel(scenario, **options)
    return model, model.run().outcomes


def test_it_is_an_ordinary_mesa_model(finished: Any) -> None:
    model = finished.model
    assert isinstance(model, mesa.Model)
    kinds = {type(agent).__name__ for agent in SmugglingModel(finished.scenario).agents}
    assert kinds == {"SmugglingNetwork", "MemberState", "PartnerCountry", "Europol", "Eurojust", "Frontex"}
    collected = model.datacollector.get_model_vars_dataframe()
    assert len(collected) == 3 and (collected["active_networks"] > 0).all()


def test_everybody_who_entered_is_somewhere(finished: Any) -> None:
    assert len(finished.populations) >= 6
    for counted in finished.populations:
        ends = ("arrived", "dead", "gave_up", "admitted", "under_way")
        assert counted["entered"] == sum(counted[end] for end in ends)
        assert all(number >= 0.0 for number in counted.values())
    entered = [counted["entered"] for counted in finished.populations]
    assert entered == sorted(entered) and entered[0] > 0.0
    last = finished.populations[-1]
    assert last["arrived"] > 0.0 and last["gave_up"] > 0.0 and last["under_way"] > 0.0


def test_the_tally_closes_on_every_leg(finished: Any) -> None:
    """Who attempts an external border dies, is stopped, or crosses; who crosses is detected or not."""
    t, external = finished.model.tally, finished.model.geography.external
    np.testing.assert_array_equal(
        t.attempts[:, external], (t.deaths + t.interceptions + t.crossings)[:, external]
    )
    assert not t.crossings[:, ~external].any() and not t.detections[:, ~external].any()
    assert np.all(t.detections <= t.crossings) and np.all(t.deaths + t.interceptions <= t.attempts)
    assert np.all(t.paid <= t.attempts)
    assert t.carried[-1] == 0.0 and t.carried.sum() == t.paid.sum()
    ransoms = finished.model.params["captivity.network_share"] * t.ransom.sum()
    assert t.takings.sum() == pytest.approx(t.revenue.sum() + ransoms)
    assert np.all(t.first_detections <= t.detections) and t.first_detections.any()
    assert t.decided.sum() <= t.applied.sum() and np.all(t.admitted <= t.decided)
    whole = finished.model.persons
    np.testing.assert_array_equal(t.attempts % whole, 0.0)


def test_reports_are_fewer_and_later_than_detections(finished: Any) -> None:
    rows, triangle = finished.output.outcomes, finished.output.triangle
    reported = rows[rows["outcome"] == "reported_detections"]
    assert reported["value"].sum() == pytest.approx(triangle["value"].sum())
    assert (triangle["crossed"] <= triangle["reported"]).all()
    assert set(reported["member_state"]) <= set(finished.model.geography.member_states) and (reported["route"] != "").all()
    january = triangle[(triangle["crossed"] == "2025-01")]["value"].sum()
    totals = finished.output.totals(end="2025-01")
    assert 0.0 < january < totals["detections"]  # some are never reported, and some not yet


def test_fatal_incidents_add_up_to_the_deaths_at_sea(finished: Any) -> None:
    rows, incidents = finished.output.outcomes, finished.output.incidents
    g = finished.model.geography
    at_sea = set(g.legs["leg"][g.by_sea])
    deaths = rows[(rows["outcome"] == "leg_deaths") & rows["leg"].isin(at_sea)]
    assert incidents["deaths"].sum() == deaths["value"].sum()
    assert len(incidents) == finished.output.totals()["fatal_incidents"]
    assert set(incidents["leg"]) <= at_sea



def test_outcomes_are_numbers_and_none_is_negative(finished: Any) -> None:
    rows = finished.output.outcomes
    assert np.isfinite(rows["value"]).all()
    counted = rows[~rows["outcome"].isin(SIGNED)]
    assert (counted["value"] >= 0.0).all()
    assert set(rows["month"]) == {"2025-01", "2025-02"}
    recorded = set(rows["outcome"])
    assert recorded == {name for name, info in OUTCOMES.items() if info.kind != "ratio"}


def test_one_breakdown_per_outcome(finished: Any) -> None:
    """Summing the rows of a month gives its total, whichever way an outcome is broken down."""
    rows = finished.output.outcomes
    sums = rows.groupby("outcome")["value"].sum()
    assert sums["leg_deaths"] == sums["deaths"]
    assert sums["leg_attempts"] >= sums["attempts"] >= sums["irregular_crossings"] >= sums["detections"] > 0.0
    keys = ["month", "outcome", "route", "origin_group", "member_state", "leg"]
    assert not rows.duplicated(keys).any()


def test_totals_are_hand_sums(finished: Any) -> None:
    rows, totals = finished.output.outcomes, finished.output.totals()
    for name, info in OUTCOMES.items():
        if info.kind == "ratio":
            continue
        value = rows.loc[rows["outcome"] == name, "value"].sum()
        assert totals[name] == pytest.approx(value / 2.0 if info.kind == "stock" else value), name
    assert totals["mean_fee_eur"] == pytest.approx(totals["smuggler_revenue_eur"] / totals["paid_legs"])
    january = finished.output.totals(end="2025-01")
    february = finished.output.totals(start="2025-02")
    assert january["departures"] + february["departures"] == pytest.approx(totals["departures"])


def test_without_levers_nothing_is_spent(finished: Any) -> None:
    assert finished.output.totals()["cost_eur"] == 0.0


def test_the_state_of_the_world_stays_plausible(finished: Any) -> None:
    model = finished.model
    for chance in (model._chance, model._death, model._detection, model.market.accept()):
        assert np.all((chance >= 0.0) & (chance <= 1.0))
    menu, network = model._menu, model.geography.network
    assert menu.min() >= 0.0 and menu.max() <= 1.0 + 1e-6
    stays = model.geography.settles_in < 0
    last = network.start[1:][stays & (np.diff(network.start) > 0)] - 1
    reached = model._z[:, network.tail[last]] > 0.0
    np.testing.assert_allclose(menu[:, last][reached], 1.0, atol=1e-6)
    low, high = 1.0 / model.params["fees.most_change"], model.params["fees.most_change"]
    assert np.all((model.market.fee_factor >= low) & (model.market.fee_factor <= high))
    assert np.all(np.isfinite(model.beliefs.fee)) and np.all(model.beliefs.stopped <= 1.0)


def test_the_same_seed_gives_the_same_result_to_the_bit(finished: Any) -> None:
    model, rows = run(finished.scenario)
    pd.testing.assert_frame_equal(rows, finished.output.outcomes, check_exact=True)
    for field in model.tally._fields:
        np.testing.assert_array_equal(getattr(model.tally, field), getattr(finished.model.tally, field))
    np.testing.assert_array_equal(model.market.fee_factor, finished.model.market.fee_factor)


def test_another_replicate_or_seed_differs(finished: Any) -> None:
    for other in ({"replicate": 1}, {"seed": 12}):
        _, rows = run(finished.scenario, **other)
        assert not rows.equals(finished.output.outcomes)
        ratio = (
            rows.loc[rows["outcome"] == "departures", "value"].sum() / finished.output.totals()["departures"]
        )
        assert 0.5 < ratio < 2.0 and ratio != 1.0


def test_without_adaptation_fees_and_beliefs_stay_at_the_reference(
    make_scenario: Callable[..., Scenario],
) -> None:
    model = SmugglingModel(make_scenario(model={"adaptation": False}))
    stopped, fee = model.beliefs.stopped.copy(), model.beliefs.fee.copy()
    model.run()
    np.testing.assert_array_equal(model.market.fee_factor, np.ones(len(model.market.fee_factor)))
    np.testing.assert_array_equal(model.beliefs.stopped, stopped)
    np.testing.assert_array_equal(model.beliefs.fee, fee)
    assert all(
        n.corridor == i for n, i in zip(model.networks, [n.corridor for n in model.networks], strict=True)
    )


def test_with_adaptation_fees_move(finished: Any) -> None:
    assert np.ptp(finished.model.market.fee_factor) > 0.0


def test_the_horizon_ends(finished: Any) -> None:
    assert finished.model.done
    with pytest.raises(RuntimeError, match="horizon is over"):
        finished.model.step()


def test_progress_reaches_the_end(make_scenario: Callable[..., Scenario]) -> None:
    calls: list[tuple[int, int]] = []
    short = make_scenario(horizon={"start": "2025-01-01", "end": "2025-01-20", "burn_in_days": 20})
    SmugglingModel(short).run(lambda done, days: calls.append((done, days)))
    assert calls[-1] == (40, 40) and len(calls) == 2


def test_a_horizon_that_begins_or_ends_inside_a_month(make_scenario: Callable[..., Scenario]) -> None:
    """Only the days of the horizon are reported, and a month of two days still has its stocks."""
    horizon = {"start": "2025-01-16", "end": "2025-02-02", "burn_in_days": 45}
    model = SmugglingModel(make_scenario(horizon=horizon))
    before = 0.0
    while not model.done:
        if model.day == 45:
            before = float(model.tally.departures.sum())
        model.step()
    output = model.run()
    assert set(output.outcomes["month"]) == {"2025-01", "2025-02"}
    assert output.totals()["departures"] == float(model.tally.departures.sum()) - before > 0.0
    networks = output.outcomes[output.outcomes["outcome"] == "active_networks"].set_index("month")["value"]
    assert networks["2025-02"] > 0.5 * networks["2025-01"] > 0.0


def test_the_planner_is_asked_once_a_quarter_and_sees_reports(make_scenario: Callable[..., Scenario]) -> None:
    asked: list[Observation] = []

    def planner(seen: Observation) -> pd.DataFrame:
        asked.append(seen)
        return pd.DataFrame(
            [("analyst", "GRC", seen.quarter, 3.0)], columns=["resource", "place", "quarter", "staff"]
        )

    scenario = make_scenario(horizon={"start": "2025-03-20", "end": "2025-04-20", "burn_in_days": 0})
    model, rows = run(scenario, planner=planner)
    assert [seen.quarter for seen in asked] == ["2025Q1", "2025Q2"]
    reports = asked[1].reports
    assert list(reports["member_state"]) == model.geography.member_states
    assert np.isfinite(reports.drop(columns="member_state").to_numpy(dtype=float)).all()
    assert reports["reported_detections"].sum() > 0.0
    greece = model.geography.member_states.index("GRC")
    assert model.staff["analyst"][greece] == 3.0 and model.staff["analyst"].sum() == 3.0
    # three analysts for the weeks of the run, at the registry's price
    weeks = len(range(0, model.days, 7))
    spent = rows.loc[rows["outcome"] == "cost_eur", "value"].sum()
    assert spent == pytest.approx(3.0 * model.params["cost.analyst_eur_per_year"] * weeks * 7.0 / 365.25)


def test_an_impossible_allocation_is_refused_before_anything_runs(finished: Any) -> None:
    wrong = pd.DataFrame(
        [("analyst", "ATLANTIS", "2025Q1", 1.0)], columns=["resource", "place", "quarter", "staff"]
    )
    with pytest.raises(ValueError, match="unknown place: 'ATLANTIS'"):
        SmugglingModel(finished.scenario, allocation=wrong)


def test_parameters_are_drawn_per_replicate(make_scenario: Callable[..., Scenario], finished: Any) -> None:
    scenario = make_scenario(uncertainties={"draw": "ranges", "vary": ["fees.*", "route_choice.fee"]})
    model = SmugglingModel(scenario, replicate=1)
    assert dict(model.params) == dict(scenario.parameters(1))
    for name, value in finished.model.params.items():
        varies = name.startswith("fees.") or name == "route_choice.fee"
        assert (model.params[name] != value) == varies, name
    model.release()


def test_at_the_reference_a_run_reproduces_the_published_year(make_scenario: Callable[..., Scenario]) -> None:
    """Without adaptation and latent shocks, a year's departures and entries are the published ones but for chance."""
    scenario = make_scenario(
        horizon={"start": "2024-01-01", "end": "2024-12-31", "burn_in_days": 365},
        model={"adaptation": False, "demand_year": 2024, "persons_per_agent": 200},
        uncertainties={"draw": "central", "parameters": {"demand.shock_sd": 0.0}},
    )
    model, rows = run(scenario)
    fit = model.reference
    departures = float((fit.published / fit.detections_per_departure).sum())
    sums = rows.groupby("outcome")["value"].sum()
    assert sums["departures"] == pytest.approx(departures, rel=4.0 * np.sqrt(200.0 / departures) + 0.01)
    detections = rows[rows["outcome"] == "detections"].groupby("route")["value"].sum()
    entries = detections.drop("WBALK").sum()
    living_there = fit.published[model.geography.groups.index("western-balkans")]
    # tries again after an interception make detections of one person more than one: a wider band than Poisson
    published = float(fit.published.sum() - living_there)
    assert entries == pytest.approx(published, rel=5.0 * np.sqrt(200.0 / published))
    assert sums["leg_attempts"] == pytest.approx(365.25 * fit.flow.sum(), rel=0.1)
    admitted = sums["legal_pathway_admissions"]
    assert admitted == pytest.approx(model.params["legal.places_per_year"], rel=0.15)
