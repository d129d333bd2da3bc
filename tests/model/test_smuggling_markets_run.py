"""What smuggling networks do in the running model, on small worlds: fees, entry, replacement, moves, rivals, law.

The rules by themselves are tested in `test_markets.py` and `test_smuggling_networks.py`; here the whole model runs, with
travellers who choose, and paired seeds where two runs are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.authorities import MemberState
from countersmuggling.scenarios import Scenario, small_world
from countersmuggling.scenarios.reference import World

FloatArray = npt.NDArray[np.float64]
Watch = Callable[[SmugglingModel], None]
REPLICATES = 2
#: networks of one size, none of which comes or goes by itself
FIXED = {"networks.size_spread": 0.0, "networks.entry_per_week": 0.0, "networks.exit_per_week": 0.0}


class Idle(MemberState):
    """Opens no case: networks are left to the market."""

    def investigate(self, day: int) -> None:
        return


class WithoutCases(SmugglingModel):
    member_state_class = Idle


def strait(interception: float = 0.3, detections: float = 60_000) -> World:
    """One way by sea."""
    return small_world(
        {"sfax": "TUN", "lampedusa": "ITA"},
        [{"from": "sfax", "to": "lampedusa", "mode": "sea", "route": "CMED", "interceptor": "TUN", "fee_eur": 2000,
          "interception": interception}],
        {"travellers": {"origins": "sfax", "detections": detections}},
    )  # fmt: skip


def two_coasts() -> World:
    """Two like ways into one state, over two countries."""
    ways = [[{"from": "origin", "to": coast, "days": 5, "fee_eur": 500},
             {"from": coast, "to": "lampedusa", "mode": "sea", "route": "CMED", "interceptor": country, "fee_eur": 2000,
              "interception": 0.3}] for coast, country in (("sfax", "TUN"), ("tripoli", "LBY"))]  # fmt: skip
    return small_world(
        {"origin": "SDN", "sfax": "TUN", "tripoli": "LBY", "lampedusa": "ITA"}, ways[0] + ways[1],
        {"travellers": {"origins": "origin", "detections": 60_000}},
    )  # fmt: skip


def under_law(tables: World, **columns: Mapping[str, float]) -> World:
    """The same world with other figures of Member States."""
    states = tables.member_states.copy()
    for column, by_state in columns.items():
        for state, value in by_state.items():
            states.loc[states["member_state"] == state, column] = value
    return replace(tables, member_states=states)


class Run:
    """A run with what its only, or a chosen, corridor looked like at the end of each week.

    Attributes
    ----------
    fee, over_cost : FloatArray, shape (weeks,)
        Fee relative to the reference, and over marginal cost.
    excess : FloatArray, shape (weeks,)
        Yearly profit of a place beyond what pays for its entry, over its takings in a year when full.
    at_work : FloatArray, shape (weeks,)
        Networks.
    """

    def __init__(
        self, make: Callable[..., Scenario], tables: World, years: float, *, replicate: int = 0, cases: bool = False,
        parameters: Mapping[str, float] | None = None, events: Sequence[Mapping[str, Any]] = (),
        levers: Mapping[str, Any] | None = None, watch: Watch | None = None, corridor: str = "",
        persons: float = 100, networks: int = 60,
    ) -> None:  # fmt: skip
        calm = {"demand.shock_sd": 0.0, "legal.places_per_year": 100.0}
        scenario = make(
            horizon={"start": "2025-01-01", "end": f"{2024 + int(np.ceil(years))}-12-31", "burn_in_days": 0},
            uncertainties={"draw": "central", "parameters": calm | dict(parameters or {})},
            model={"persons_per_agent": persons, "networks": networks}, events=[dict(e) for e in events],
            levers=dict(levers or {}),
        )  # fmt: skip
        kind = SmugglingModel if cases else WithoutCases
        model = self.model = kind(scenario, replicate=replicate, tables=tables)
        c = model.geography.corridors.index(corridor) if corridor else 0
        rows: list[tuple[float, float, float, float]] = []
        while model.day < 365 * years:
            model.step()
            if watch is not None:
                watch(model)
            if model.day % 7 == 0:
                market = model.market
                rows.append((float(market.fee_factor[c]), float(market.fee[c] / market.unit_cost[c]),
                             float(market.excess()[c]), float(model.firms.at_work.sum())))  # fmt: skip
        model.release()
        self.fee, self.over_cost, self.excess, self.at_work = np.array(rows).T


def dismantle(number: int, day: int) -> Watch:
    """Take out so many networks, the first ones, on a day."""

    def watch(model: SmugglingModel) -> None:
        if model.day == day:
            for network in [n for n in model.networks if n.active][:number]:
                network.dismantle(day, 0.0)

    return watch


# ---------------------------------------------------------------------------------------------- fees


def cournot(firms: int, elasticity: float) -> float:
    """Price over marginal cost with n equal firms: 1 / (1 - 1 / (n e))."""
    return 1.0 / (1.0 - 1.0 / (firms * elasticity))


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_fees_over_cost_are_the_cournot_mark_up_before_and_after_networks_are_taken_out(
    make_scenario: Callable[..., Scenario], params: dict[str, float], replicate: int
) -> None:
    """Room for everybody (places 2.5 times the demand): concentration alone moves what is asked over cost."""
    run = Run(make_scenario, strait(), 1.0, parameters=FIXED | {"networks.slack": 2.5}, watch=dismantle(10, 140),
              replicate=replicate)  # fmt: skip
    before, after = int(run.at_work[10]), int(run.at_work[-1])
    assert after == before - 10
    e = params["fees.demand_elasticity"]
    assert run.over_cost[10:20].mean() == pytest.approx(cournot(before, e), rel=0.015)
    assert run.over_cost[-10:].mean() == pytest.approx(cournot(after, e), rel=0.015)


TIGHTER = (
    {"kind": "partner_agreement", "partner": "TUN", "on": "2024-01-01", "strength": 0.5},
    {"kind": "partner_agreement", "partner": "TUN", "on": "2025-07-01", "strength": 1.0},
)
IN_JULY = 26  # weeks


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_fees_rise_when_enforcement_tightens(make_scenario: Callable[..., Scenario], replicate: int) -> None:
    """Controls that stop twice as many raise cost; where half of the networks have to stop as well, fees rise 1.4 to 3 times.

    Published: 1.4 to 3 (Frontex 2019); elasticity to enforcement 0.14 to 0.24 at a land border (Gathmann 2008).
    """
    stopped = (TIGHTER[0], TIGHTER[1] | {"networks_stopped": 0.5})
    controls, both = (
        Run(make_scenario, strait(0.6), 1.5, events=events, replicate=replicate) for events in (TIGHTER, stopped)
    )
    before = controls.fee[IN_JULY - 6 : IN_JULY].mean()
    assert 1.1 < controls.fee[-13:].mean() / before < 1.4
    assert 1.4 < both.fee[IN_JULY:].max() / before < 3.0


MORE = ({"kind": "demand_shock", "on": "2025-07-01", "factor": 3.0},)
LESS = ({"kind": "demand_shock", "on": "2025-07-01", "factor": 0.4},)


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_fees_rise_when_demand_arrives_and_fall_when_supply_enters(
    make_scenario: Callable[..., Scenario], replicate: int
) -> None:
    """And free entry brings profit back to what entry costs: the place that earned a third of its takings too much at the
    peak earns within 3 % of them what pays for setting it up."""
    run = Run(make_scenario, strait(), 3.5, events=MORE, replicate=replicate)
    before = run.fee[IN_JULY - 6 : IN_JULY].mean()
    assert 1.4 < run.fee[IN_JULY:].max() / before < 3.0
    assert run.fee[-26:].mean() < before * 1.02
    assert run.excess[IN_JULY:].max() > 0.2
    assert abs(run.excess[-26:].mean()) < 0.03
    assert run.at_work.max() > run.at_work[IN_JULY]  # newcomers, besides the growth of those who are there


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_where_demand_falls_supply_leaves_until_a_place_pays_again(
    make_scenario: Callable[..., Scenario], replicate: int
) -> None:
    run = Run(make_scenario, strait(), 2.5, events=LESS, replicate=replicate)
    places = run.model.market.capacity[0]
    assert places < 0.6 * run.model.market.reference_flow[0] * run.model.params["networks.slack"]
    assert run.excess.min() < -0.02
    assert abs(run.excess[-26:].mean()) < 0.01


# ---------------------------------------------------------------------------------------------- members


def test_facilitators_are_replaced_in_weeks_and_organisers_in_a_year(make_scenario: Callable[..., Scenario]) -> None:
    crews: list[float] = []

    def watch(model: SmugglingModel) -> None:
        f = model.firms
        if model.day == 140:
            for network in model.networks:
                network.lose_facilitators(0.5 * network.facilitators)
        if model.day % 7 == 0:
            active = f.active
            crews.append(float((f.facilitators[active] / f.full_facilitators[active]).mean()))
        dismantle(6, 280)(model)

    run = Run(make_scenario, strait(), 2.0, parameters=FIXED, watch=watch)
    arrested, gone = 140 // 7, 280 // 7
    assert crews[arrested - 1] == pytest.approx(0.5)
    half, most = (next(w for w in range(60) if crews[arrested - 1 + w] > level) for level in (0.75, 0.95))
    assert 2 <= half <= 6 and 6 <= most <= 16  # weeks: mean 35 days
    before = run.at_work[gone - 2]
    assert run.at_work[gone] == before - 6
    back = next(w for w in range(gone, len(run.at_work)) if run.at_work[w] == before)
    assert 52 <= back - gone <= 60  # weeks: a year, and nobody before
    assert np.all(run.at_work[gone : gone + 51] == before - 6)


# ---------------------------------------------------------------------------------------------- moves, rivals


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_supply_moves_to_the_other_coast(make_scenario: Callable[..., Scenario], replicate: int) -> None:
    """Nine in ten networks on one of two coasts have to stop: within the year the other has more than without it."""
    found = []
    for stopped in (0.0, 0.9):
        event = {"kind": "partner_agreement", "partner": "LBY", "on": "2025-03-01", "strength": 1.0, "networks_stopped": stopped}
        model = Run(make_scenario, two_coasts(), 1.0, events=[event], replicate=replicate).model
        at = np.bincount(model.firms.corridor, weights=model.firms.at_work, minlength=4)
        found.append(dict(zip(model.geography.corridors, at, strict=True)))
    usual, moved = found
    assert moved["tripoli>lampedusa"] <= 0.35 * usual["tripoli>lampedusa"]  # each stops with 9 in 10
    assert moved["sfax>lampedusa"] >= 1.25 * usual["sfax>lampedusa"]


@pytest.mark.parametrize("replicate", range(REPLICATES))
def test_rivals_take_over_the_customers_of_dismantled_networks(
    make_scenario: Callable[..., Scenario], replicate: int
) -> None:
    """The same people cross with others (Campana 2018): carried in eight weeks, with and without the three largest."""
    carried: dict[int, FloatArray] = {}
    share = 0.0
    for gone in (0, 3):
        marks: list[FloatArray] = []

        def watch(model: SmugglingModel, gone: int = gone, marks: list[FloatArray] = marks) -> None:
            nonlocal share
            if model.day == 182:
                marks.append(model.tally.carried.copy())
                largest = np.argsort(-model.firms.places)[:gone]
                share = float(model.firms.places[largest].sum() / model.firms.places.sum())
                for i in largest.tolist():
                    model.networks[i].dismantle(model.day, 0.0)

        run = Run(make_scenario, strait(), 238 / 365, watch=watch, persons=10, replicate=replicate)
        carried[gone] = run.model.tally.carried - marks[0]
    assert share > 0.2
    assert carried[3].sum() == pytest.approx(carried[0].sum(), rel=0.02)
    rest = carried[3] > 0.0
    assert int((carried[0] > 0.0).sum() - rest.sum()) >= 2  # they carried nobody any more, or hardly
    assert carried[3][rest].sum() / carried[0][rest].sum() > 1.15


# ---------------------------------------------------------------------------------------------- law


def test_organisers_settle_where_terms_are_low_until_terms_are_harmonised(make_scenario: Callable[..., Scenario]) -> None:
    """Forum shopping: two states alike but for their terms draw organisers as attraction x sanction ^ -elasticity says."""
    hubs = {"oran": "DZA", "annaba": "TUN", "ita": "ITA", "esp": "ESP"}
    sea = {"mode": "sea", "fee_eur": 2000, "interception": 0.3}
    tables = under_law(
        small_world(hubs, [{"from": "oran", "to": "annaba", "fee_eur": 100}, {"from": "annaba", "to": "ita", "route": "CMED", **sea},
                           {"from": "oran", "to": "esp", "route": "WMED", **sea}],
                    {"travellers": {"origins": "oran", "detections": 900_000}}),
        gdp_eur_bn={"ITA": 1000, "ESP": 1000}, prosecuted_share={"ITA": 0.5, "ESP": 0.5},
        penalty_basic_years={"ITA": 2, "ESP": 8}, penalty_aggravated_years={"ITA": 4, "ESP": 12},
        penalty_death_years={"ITA": 10, "ESP": 15},
    )  # fmt: skip
    elasticity = 1.0
    quick = {"networks.relocation_days": 60.0, "networks.forum_elasticity": elasticity}
    floors = {"penalties": {"on": "2025-01-01", "floor_basic_years": 8, "floor_aggravated_years": 12, "floor_death_years": 15}}
    share = []
    for levers in ({}, floors):
        run = Run(make_scenario, tables, 0.9, parameters=quick, levers=levers, persons=4000, networks=400)
        firms, states = run.model.firms, run.model.member_states
        there = firms.weight * firms.active
        share.append(float(there[firms.base == 0].sum() / there.sum()))
        number = int(firms.active.sum())
        sanction = [state.sanction for state in states]
        expected = sanction[0] ** -elasticity / (sanction[0] ** -elasticity + sanction[1] ** -elasticity)
        assert share[-1] == pytest.approx(expected, abs=3.0 * np.sqrt(0.25 / number))
    differ, harmonised = share
    assert [state.name for state in states] == ["ITA", "ESP"] and sanction[0] == pytest.approx(sanction[1])
    assert differ > 0.58 and abs(harmonised - 0.5) < 0.08


def test_severity_deters_little_and_certainty_more(make_scenario: Callable[..., Scenario]) -> None:
    """Terms doubled against the chance of conviction doubled, paired: sanctions felt and attempts in a year and a half.

    Elasticity of the felt sanction to certainty is the registry's (1.0; Nagin 2013); to severity it follows from how
    offenders discount (Lee and McCrary 2017).
    """
    law = {"penalty_basic_years": {"ITA": 5.0}, "penalty_aggravated_years": {"ITA": 10.0}, "penalty_death_years": {"ITA": 15.0},
           "prosecuted_share": {"ITA": 0.4}}  # fmt: skip
    severe = law | {k: {"ITA": 2.0 * v["ITA"]} for k, v in law.items() if k.startswith("penalty")}
    certain = law | {"prosecuted_share": {"ITA": 0.8}}
    felt, attempts = [], []
    for columns in (law, severe, certain):
        sanctions, tried = [], 0.0
        for replicate in range(REPLICATES):
            weeks: list[float] = []

            def watch(model: SmugglingModel, weeks: list[float] = weeks) -> None:
                if model.day > 270 and model.day % 7 == 0:
                    weeks.append(float(model._sanction[0]))

            run = Run(make_scenario, under_law(strait(), **columns), 1.5, cases=True, replicate=replicate, watch=watch, persons=20)
            sanctions.append(float(np.mean(weeks)))
            tried += float(run.model.tally.attempts.sum())
        felt.append(float(np.mean(sanctions)))
        attempts.append(tried)
    to_severity, to_certainty = np.log2(felt[1] / felt[0]), np.log2(felt[2] / felt[0])
    assert 0.1 < to_severity < 0.5
    assert 0.8 < to_certainty < 1.1
    assert attempts[2] < attempts[1] <= attempts[0]
    assert attempts[0] - attempts[2] > 3.0 * (attempts[0] - attempts[1])  # some hundred rows against some tens
    assert attempts[1] > 0.99 * attempts[0]


# ---------------------------------------------------------------------------------------------- casework and courts


def test_most_arrests_are_of_drivers_and_casework_adds_those_of_its_cases(make_scenario: Callable[..., Scenario]) -> None:
    """A state that opens no case arrests drivers and skippers all the same, which is most of all arrests.

    Drivers: a Poisson number with the registry's mean per person seen with a smuggler.  Casework: of a network about half of
    the facilitators, and the organisers where a case reaches them.
    """
    found = {}
    for cases in (False, True):
        run = Run(make_scenario, strait(0.4, 20_000), 2.0, cases=cases, persons=10)
        model, frame = run.model, run.model.recorder.frame()
        total = frame.groupby("outcome")["value"].sum()
        seen = model._use[0] * float(model.tally.detections.sum())
        found[cases] = (float(total["arrests"]), float(total["networks_dismantled"]), seen)
        assert (model.member_states[0].cases.begun > 0) == cases
    (drivers, none, seen), (arrests, dismantled, _) = found[False], found[True]
    expected = seen * run.model.params["investigation.drivers_per_person"]
    assert none == 0.0 and dismantled >= 1.0
    assert drivers == pytest.approx(expected, abs=4.0 * np.sqrt(expected))
    assert 5.0 * dismantled < arrests - drivers < 25.0 * run.model.member_states[0].cases.begun
    assert arrests < 1.5 * drivers


def part_posts(posts: float, arrivals: float, services: float) -> tuple[float, float]:
    """Utilisation and mean wait of M/M/c, also where the last of the posts is a part post, from the balance equations.

    With k cases in hand the service works at min(k, posts) x services; a case waits while every post, whole or part, has one.
    """
    number = np.arange(4000)
    rate = np.minimum(number[1:], posts) * services
    chance = np.concatenate([[1.0], np.cumprod(arrivals / rate)])
    chance /= chance.sum()
    waiting = np.maximum(number - np.ceil(posts), 0.0)
    return arrivals / (posts * services), float(waiting @ chance) / arrivals


def test_the_courts_of_the_running_model_are_the_m_m_c_queue(
    make_scenario: Callable[..., Scenario], mean_wait: Callable[[int, float, float], float]
) -> None:
    """Prosecutors as the model staffs them, cases as its drivers are arrested: utilisation and wait by Erlang's formula."""
    assert part_posts(4.0, 3.0, 1.0)[1] == pytest.approx(mean_wait(4, 3.0, 1.0))
    quick = {"prosecution.cases_per_prosecutor_year": 250.0, "prosecution.utilisation": 0.75, "prosecution.lapse_half_life_days": 1e6}
    expected, found = [], []
    for replicate in range(3):
        start: list[tuple[float, float, int, float]] = []

        def watch(model: SmugglingModel, start: list[tuple[float, float, int, float]] = start) -> None:
            court = model.member_states[0].court
            if model.day == 175:
                start.append((court.busy, court.offered, court.begun, court.waits))

        model = Run(make_scenario, strait(), 3.0, parameters=quick, watch=watch, persons=20, replicate=replicate).model
        state, (busy, offered, begun, waits) = model.member_states[0], start[0]
        cases = state.court.begun - begun
        services = model.params["prosecution.cases_per_prosecutor_year"] / 365.25
        expected.append(part_posts(state.prosecutors, cases / (model.day - 175), services))
        found.append(((state.court.busy - busy) / (state.court.offered - offered), (state.court.waits - waits) / cases))
    (utilisation, wait), (busy_share, mean) = np.mean(expected, axis=0), np.mean(found, axis=0)
    assert 0.7 < utilisation < 0.9
    assert busy_share == pytest.approx(utilisation, rel=0.02)
    error = float(np.std(np.array(found)[:, 1], ddof=1) / np.sqrt(3))
    assert error < 0.3 * wait and abs(mean - wait) < 3.0 * error
