"""The model: travellers in arrays, strategic actors as Mesa agents, one step a day.

Schedule of a day: (weekly) levers and events set the dials, authorities and networks act, fees clear; (every few days)
beliefs are updated and route choice and participation are solved again; then the day's chances of interception and
death follow from flows, today's potential travellers choose, and everyone who is due takes one event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import mesa
import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios import LEVERS, RESOURCES, Scenario
from ..scenarios.reference import World, world
from .authorities import Eurojust, Europol, Frontex, MemberState, PartnerCountry, network_draws
from .beliefs import Beliefs
from .demand import potential_travellers
from .geography import ROUTES, Geography
from .harm import chance_of_death, season_factor
from .interception import capacity_at_reference, chance_alone, chance_of_interception
from .investigations import Casework
from .participation import Participation, Shares, potential_behind
from .policy import Policy, ramped
from .recording import Recorder, RunOutput
from .reference_point import ReferencePoint, Tastes, fit_reference_point
from .remembering import Remembered
from .route_choice import choice_menus, solve_values
from .smuggling_networks import (
    Market,
    SmugglingNetwork,
    concentration,
    found_networks,
    offers,
    shift_supply,
)
from .staffing import TYPES, Allocation, baseline_staff, expected_driver_arrests, quarter_of, smuggler_use
from .streams import Purpose, generator
from .travellers import (
    CLASSES,
    Conditions,
    Entry,
    Legs,
    Rows,
    Tally,
    advance,
    compact,
    enter,
)

FloatArray = npt.NDArray[np.float64]
_references: Remembered[ReferencePoint] = Remembered(16)
_potentials: Remembered[npt.NDArray[np.int64]] = Remembered(16)


@lru_cache(maxsize=1)
def default_geography() -> Geography:
    """The bundled world as arrays, built once per process."""
    return Geography(world())


@dataclass(frozen=True)
class Observation:
    """What a planner inside the model may see: reports, not the truth.

    Attributes
    ----------
    day : date
    quarter : str
    reports : DataFrame
        Columns member_state, reported_detections, reported_items (a week), arrests_backlog.
    """

    day: date
    quarter: str
    reports: pd.DataFrame


Planner = Callable[[Observation], pd.DataFrame]


class SmugglingModel(mesa.Model):  # type: ignore[misc]
    """Agent-based model of smuggling routes under a scenario.

    Parameters
    ----------
    assumptions : Scenario
    seed : int, optional
        Instead of the scenario's.
    replicate : int
        Which replicate: the run's chance and, with ``draw: ranges``, its parameters depend on (seed, replicate).
    allocation : DataFrame, optional
        Additional staff (resource, place, quarter, staff).  When given, it replaces the default placement of the
        posts and kits that levers bring (in proportion to reported incidents); an empty table places none.
    planner : callable, optional
        Asked at the start of every quarter with an `Observation`; returns an allocation for that quarter.
    tables : World, optional
        Reference tables instead of the bundled ones.

    Raises
    ------
    ValueError
        For an allocation that names unknown resources, places or impossible numbers.
    NoFiniteValue
        When route choice has no finite value under the scenario's parameters.
    """

    #: classes of the strategic actors: a subclass of the model may name its own
    member_state_class: type[MemberState] = MemberState
    partner_class: type[PartnerCountry] = PartnerCountry
    network_class: type[SmugglingNetwork] = SmugglingNetwork
    europol_class: type[Europol] = Europol
    eurojust_class: type[Eurojust] = Eurojust
    frontex_class: type[Frontex] = Frontex

    def __init__(
        self, assumptions: Scenario, seed: int | None = None, *, replicate: int = 0,
        allocation: pd.DataFrame | None = None, planner: Planner | None = None, tables: World | None = None,
    ) -> None:  # fmt: skip
        if seed is not None:
            assumptions = assumptions.model_copy(update={"seed": seed})
        run_seed = int(generator(assumptions.seed, "run", replicate).integers(2**63))
        super().__init__(rng=run_seed % 2**32)
        self.assumptions = assumptions
        self.replicate = replicate
        self.run_seed = run_seed
        self.params: dict[str, float] = dict(assumptions.parameters(replicate))
        self.geography = default_geography() if tables is None else Geography(tables)
        self.persons = float(assumptions.model.persons_per_agent)
        self.first_day = assumptions.horizon.start - timedelta(days=assumptions.horizon.burn_in_days)
        self.last_day = assumptions.horizon.end
        self.days = (self.last_day - self.first_day).days + 1
        self.day = 0
        self._allocation = (
            None if allocation is None else Allocation(allocation, self.geography.member_states)
        )
        self._planner = planner
        self._planned: Allocation | None = None
        self._asked = ""  # quarter that the planner was last asked about
        self._borders: dict[tuple[str | None, str], npt.NDArray[np.bool_]] = {}
        self._set_up_reference()
        self._set_up_demand()
        self._set_up_actors()
        self._set_up_travellers()
        self.recorder = Recorder(self.geography)
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "date": lambda m: m.today.isoformat(),
                "under_way": lambda m: m.under_way * m.persons,
                "active_networks": lambda m: int(m.active_networks.sum()),
                "mean_fee_factor": lambda m: float(m.market.fee_factor.mean()),
            }
        )
        self.running = True

    # ------------------------------------------------------------------ set-up

    def _set_up_reference(self) -> None:
        g, p, options = self.geography, self.params, self.assumptions.model
        self._chance_table = g.column("legs", "interception")
        self._death_table = g.column("legs", "death_per_1000") / 1000.0
        self._fee_table = g.column("legs", "fee_eur")
        self._detection_table = g.column("legs", "detection")
        strength = self._event_strength(self.first_day)[g.interceptor]
        chance = self._chance_table * np.where(g.by_air, 1.0, strength)
        tastes = Tastes(g, p)
        year = options.reference_year or options.demand_year or self.assumptions.horizon.start.year
        years = g.world.route_detections["year"]
        year = int(min(max(year, years.min()), years.max()))
        # the reference follows from tables and parameters alone, never from policy
        self._known = (tuple(p.values()),) if g is default_geography() else None
        fit = _references.get(
            self._known and (*self._known, year, chance.tobytes()),
            lambda: fit_reference_point(g, tastes, p, year, chance, self._detection_table),
        )
        self.tastes: Tastes = tastes
        self.reference: ReferencePoint = fit
        floor = p["interception.least_reference_flow"]
        self._flow_0 = np.maximum(fit.flow, floor)
        self._chance_0 = chance
        self._use = smuggler_use(g, p)

    def _set_up_demand(self) -> None:
        g, p, fit = self.geography, self.params, self.reference
        rate = np.maximum(fit.detections_per_departure, 1e-12)
        departures = np.where(fit.published > 0.0, fit.published / rate, 0.0)
        table = g.world.demand
        in_table = table[table["year"] == fit.year].set_index("origin_group")["detections"]
        plain = np.array([float(in_table.get(name, 0.0)) for name in g.groups])
        factor = np.where(plain > 0.0, fit.published / np.maximum(plain, 1e-12), 0.0)
        weight = departures / max(float(departures.sum()), 1e-12)
        self._places_0 = p["legal.places_per_year"] * weight
        potential = potential_behind(departures, self._places_0, p)
        per_detection = np.where(fit.published > 0.0, potential / np.maximum(fit.published, 1e-12), 0.0)
        demand_year = self.assumptions.model.demand_year
        growth = self.assumptions.uncertainties.demand_growth_per_year
        events = [e for e in self.assumptions.events if e.kind == "demand_shock"]
        key = self._known and (*self._known, self.run_seed, self.first_day, self.days, self.persons, demand_year, growth,
               repr(events), per_detection.tobytes())  # fmt: skip
        self._potential = _potentials.get(
            key,
            lambda: potential_travellers(
                g, p, self.run_seed, self.first_day, self.days, fit.lead_days, per_detection, self.persons,
                balkan_factor=factor, demand_year=demand_year, growth=growth, events=events,
            ),
        )  # fmt: skip
        share, hub = g.origins
        self._origin_share, self._origin_hub = np.cumsum(share, axis=1), hub
        group = np.repeat(np.arange(len(g.groups)), CLASSES)
        self._kind_group = group
        value = np.log(np.maximum(fit.value[np.arange(len(group))[:, None], hub[group]], 1e-300))
        self._participation = Participation(value, self._places_0, potential, p)
        self._applicants_0 = self._participation.apply_0 * potential / 365.25

    def _set_up_actors(self) -> None:
        g, p = self.geography, self.params
        fit, states = self.reference, len(g.member_states)
        corridors = len(g.corridors)
        smuggled = fit.flow * self._use * (self._fee_table > 0.0)
        flow = self._by_corridor(smuggled)
        paid = self._by_corridor(smuggled * self._fee_table)
        fee = np.where(flow > 0.0, paid / np.maximum(flow, 1e-12), 0.0)
        total = self.assumptions.model.networks
        self.networks = found_networks(self, flow, fee, total, self.run_seed, self.network_class)
        _, herfindahl = concentration(self.networks, corridors)
        self.active_networks = np.array([n.active for n in self.networks], dtype=np.bool_)
        self.market = Market(p, fee, flow, herfindahl)
        self.casework = Casework(len(self.networks), states, len(g.authorities), p)
        self._members_of_corridor = np.zeros(corridors)
        for n in self.networks:
            self._members_of_corridor[n.corridor] += n.full_organisers + n.full_facilitators
        self.sanctions = np.zeros(corridors)
        self._sanction = np.ones(corridors)
        years = np.stack(
            [g.column("member_states", f"penalty_{k}_years") for k in ("basic", "aggravated", "death")], axis=1
        )
        conviction = g.column("member_states", "prosecuted_share")
        productivity = g.column("member_states", "investigation_productivity")
        self.member_states = [
            self.member_state_class(self, i, name, years[i], conviction[i], productivity[i])
            for i, name in enumerate(g.member_states)
        ]
        self.partners = [
            self.partner_class(self, i, name) for i, name in enumerate(g.authorities[states:])
        ]
        reported = np.zeros(len(g.authorities))
        np.add.at(reported, g.receiver, fit.flow * g.external * self._detection_table * (1.0 - self._chance_0))
        share = reported[:states] / max(float(reported[:states].sum()), 1e-12)
        self.europol = self.europol_class(self)
        self.eurojust = self.eurojust_class(self)
        self.frontex = self.frontex_class(self, share)
        self._reported = reported[:states] * 7.0
        self._staff_0 = baseline_staff(g, p, expected_driver_arrests(g, p, fit.flow, self._chance_0, self._use))
        self.staff = {kind: self._staff_0[kind].copy() for kind in TYPES}
        partners = g.world.partners.set_index("partner")
        order = g.authorities[states:]
        reach = np.array([float(partners["evidence_reach"][n]) for n in order])
        self._cooperation = np.array([float(partners["cooperation"][n]) for n in order])
        one = np.ones
        base = {
            "prosecution_throughput": one(states), "conviction": conviction,
            "partner_evidence": reach, "investigators": one(states), "prosecutors": one(states),
            "productivity": productivity,
            "completeness": g.column("member_states", "reporting_completeness"),
            "reporting_delay": g.column("member_states", "reporting_delay_days"),
            "match": np.array([p["linking.match_probability"]]),
            "sharing_delay": np.array([p["evidence.sharing_delay_days"]]),
            "sharing": np.full(states, p["evidence.sharing"]),
            "recovery": np.array([p["investigation.recovery"]]),
            "partner_interception": one(len(order)), "campaign": np.zeros(len(g.groups)),
            "potential": one(len(g.groups)), "sea_deaths": one(len(ROUTES)), "air_access": one(len(order)),
        }  # fmt: skip
        places = {"member_state": g.member_states, "partner": order, "origin_group": g.groups,
                  "route": list(ROUTES), "union": ["union"]}  # fmt: skip
        self._policy = Policy(self.assumptions.levers, p, places, base)
        self._completeness_0 = base["completeness"]
        self.dials = self._policy.dials(self.first_day)
        self._cost = np.zeros(states)
        self._programme_cost = 0.0
        self._profit = 0.0
        self._weeks_in_month = 0
        self._stock_networks = 0.0
        self._stock_backlog = np.zeros(states)

    def _by_corridor(self, values: FloatArray) -> FloatArray:
        """Sum a quantity of legs by corridor."""
        g = self.geography
        sums = np.bincount(g.corridor_of_leg, weights=values, minlength=len(g.corridors))
        return np.asarray(sums, dtype=np.float64)

    def _set_up_travellers(self) -> None:
        g, p = self.geography, self.params
        self._legs = Legs(
            g.network.start, g.network.head, np.maximum(1, g.column("legs", "days")).astype(np.int64),
            g.corridor_of_leg, g.external, g.interceptor, g.receiver, g.settles_in,
        )  # fmt: skip
        self.tally = Tally.empty(len(g.groups), g.network.legs, len(g.destinations), len(self.networks),
                                 len(g.authorities), len(g.corridors))  # fmt: skip
        self._repeat = g.column("origin_groups", "repeat_share")
        self._classes = np.cumsum(self.tastes.class_share)
        self._rows = Rows.empty(4096)
        self.under_way = 0
        self._entered = 0.0
        self._flow = self._flow_0.copy()
        self._slow_flow = self._flow_0.copy()
        self._chance = self._chance_0.copy()
        self._death = self._death_table.copy()
        self._death_year = self._death_table.copy()
        self._z = self.reference.value.copy()
        self.beliefs = Beliefs(len(g.groups), self._chance_0, self._death_table, self._fee_table, p)
        self._learnt = {f: getattr(self.tally, f).copy() for f in ("attempts", "interceptions", "deaths", "paid")}
        self._learnt_on = 0
        self._evidence_read = self.tally.evidence.copy()
        self._carried_read = self.tally.carried.copy()
        self._takings_read = self.tally.takings.copy()
        self._drivers_read = (self.tally.detections.copy(), self.tally.interceptions.copy())
        self._decided_read = self.tally.decided.copy()
        self._admitted_read = self.tally.admitted.copy()
        self._open_places = np.zeros(len(g.groups))
        self._decided = self._applicants_0 * 7.0
        self._air_access = np.ones(g.network.legs)
        self._menu = np.zeros((len(g.groups) * CLASSES, g.network.legs))
        self._shares: Shares
        self._places = self._places_0.copy()

    # ------------------------------------------------------------------ time

    @property
    def today(self) -> date:
        """Today."""
        return self.first_day + timedelta(days=self.day)

    @property
    def done(self) -> bool:
        """Whether the horizon's last day has been simulated."""
        return self.day >= self.days

    @property
    def baseline_staff(self) -> dict[str, FloatArray]:
        """Today's national staff by resource type, shape (member_states,) each."""
        return self._staff_0

    def actor_draws(self, first: int, count: int, day: int, purpose: Purpose) -> FloatArray:
        """Uniform draws of strategic actors, keyed by (seed, actor, day, purpose)."""
        return network_draws(self.run_seed, first, count, day, purpose)

    def case_actor(self, member_state: int) -> int:
        """First actor number of a Member State's cases (one per network)."""
        return (member_state + 1) * 10_000


    def step(self) -> None:
        """Simulate one day."""
        if self.done:
            raise RuntimeError("the horizon is over")
        if self.day % 7 == 0:
            self._week()
        if self.day % self.assumptions.model.route_choice_interval_days == 0:
            self._choose_routes()
        self._set_chances()
        self._move_travellers()
        tomorrow = self.today + timedelta(days=1)
        starts = tomorrow == self.assumptions.horizon.start  # in the middle of a month: what was before is burn-in
        if starts or tomorrow.month != self.today.month or self.day == self.days - 1:
            self._close_month()
        self.day += 1

    def run(self, progress: Callable[[int, int], None] | None = None) -> RunOutput:
        """Simulate to the end of the horizon.

        Parameters
        ----------
        progress : callable, optional
            Called with (days done, days) about once a simulated month.
        """
        while not self.done:
            self.step()
            if progress is not None and (self.day % 30 == 0 or self.done):
                progress(self.day, self.days)
        self.running = False
        output = RunOutput(self.recorder.frame(), self.replicate)
        self.release()
        return output

    def release(self) -> None:
        """Let a finished model be freed (Mesa 3.3 keeps models with agents alive otherwise)."""
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    # ------------------------------------------------------------------ week

    def _week(self) -> None:
        g, today = self.geography, self.today
        states = len(g.member_states)
        self.dials = self._policy.dials(today)
        strength = self._event_strength(today)
        for i, partner in enumerate(self.partners):
            effort = strength[states + i] * self.dials["partner_interception"][i]
            partner.week(float(effort), float(self.dials["partner_evidence"][i]))
        self._border_effort = strength[:states]
        self._place_staff(today)
        self._run_authorities(today)
        if self.assumptions.model.adaptation:
            self._run_networks()
        self._air(today)
        self._legal(today)
        self._count_stocks()
        self._spend(today)

    def _count_stocks(self) -> None:
        self._weeks_in_month += 1
        self._stock_networks += float(self.active_networks.sum())
        self._stock_backlog += np.array([m.backlog for m in self.member_states])

    def _event_strength(self, today: date) -> FloatArray:
        """Effort of each authority relative to the reference, from partner agreements (the latest one counts)."""
        g = self.geography
        strength = np.ones(len(g.authorities))
        held: dict[str, float] = {}
        for event in sorted(
            (e for e in self.assumptions.events if e.kind == "partner_agreement"), key=lambda e: e.on
        ):
            share = ramped(event.on, event.off, event.ramp_days, today)
            before = held.get(event.partner, 1.0)
            held[event.partner] = before + share * (event.strength - before)
        for partner, value in held.items():
            strength[g.authorities.index(partner)] = value
        return strength

    def _place_staff(self, today: date) -> None:
        g, p = self.geography, self.params
        states = len(g.member_states)
        added = {kind: np.zeros(states) for kind in TYPES}
        if self._planner is not None:
            self._ask_planner(today)
            if self._planned is not None:
                added = self._planned.on(today)
        elif self._allocation is not None:
            added = self._allocation.on(today)
        else:
            share = self.frontex.share
            deployments, kits = self._policy.setting("europol_deployments"), self._policy.setting("biometrics")
            if deployments is not None:
                level = self._policy.intensity("europol_deployments", today)
                posts = level * deployments.posts
                analysts = p["lever.europol_deployments.analyst_share"]
                officers = p["lever.europol_deployments.officer_share"]
                added["analyst"] = share * posts * analysts
                added["deployed_officer"] = share * (posts * officers + level * deployments.reserve_pool)
                added["financial_investigator"] = share * posts * max(0.0, 1.0 - analysts - officers)
            if kits is not None:
                added["biometric_kit"] = share * self._policy.intensity("biometrics", today) * kits.kits
        factor = {"investigator": self.dials["investigators"], "prosecutor": self.dials["prosecutors"]}
        self.staff = {
            kind: self._staff_0[kind] * factor.get(kind, 1.0) + added[kind] for kind in TYPES
        }

    def _ask_planner(self, today: date) -> None:
        quarter = quarter_of(today)
        if self._planner is None or self._asked == quarter:
            return
        self._asked = quarter
        completeness = self.dials["completeness"]
        reports = pd.DataFrame(
            {
                "member_state": self.geography.member_states,
                "reported_detections": self._reported * completeness,
                "reported_items": self.casework.items_per_week * completeness,
                "arrests_backlog": [m.backlog for m in self.member_states],
            }
        )
        self._planned = Allocation(
            self._planner(Observation(today, quarter, reports)), self.geography.member_states
        )

    def _run_authorities(self, today: date) -> None:
        p, g, day = self.params, self.geography, self.day
        states = len(g.member_states)
        officers, kits = self.staff["deployed_officer"], self.staff["biometric_kit"]
        help_ = officers / (officers + p["evidence.half_officers"])
        yields = np.empty(len(g.authorities))
        yields[:states] = p["evidence.items_per_person"] * (1.0 + p["evidence.officer_gain"] * help_)
        yields[states:] = p["evidence.items_per_person"] * self._cooperation
        seen = self.tally.evidence - self._evidence_read
        self._evidence_read = self.tally.evidence.copy()
        self.casework.collect(seen[:-1], yields)
        self.casework.share(
            self.dials["sharing"], self.dials["completeness"],
            self.dials["reporting_delay"] + self.dials["sharing_delay"][0],
        )  # fmt: skip
        enrol = kits / (kits + p["linking.half_kits"])
        match = 1.0 - (1.0 - self.dials["match"][0]) * (1.0 - p["linking.kit_gain"] * enrol)
        load = self.casework.items_per_week + p["linking.background_items_per_week"]
        analysts = p["linking.core_analysts"] * load / load.sum() + self.staff["analyst"]
        reach = np.array([partner.evidence_reach for partner in self.partners])
        forces = self._policy.setting("task_forces")
        extra = 0.0 if forces is None else forces.number * self._policy.intensity("task_forces", today)
        self.europol.week(analysts, match, reach, p["investigation.task_forces_per_year"] + extra, day)
        cooperation = self._policy.intensity("interagency_cooperation", today)
        teams = p["investigation.joint_teams_per_year"]
        self.eurojust.week(teams * (1.0 + cooperation * p["lever.interagency_cooperation.joint_teams"]), day)
        detected, stopped = self._drivers_read
        new_detected, new_stopped = self.tally.detections - detected, self.tally.interceptions - stopped
        self._drivers_read = (self.tally.detections.copy(), self.tally.interceptions.copy())
        smuggled = self._use * (self._fee_table > 0.0)
        by_leg = new_detected.sum(axis=0) * smuggled
        stopped_by_leg = new_stopped.sum(axis=0) * smuggled
        seen_at = np.zeros((len(g.authorities), len(g.corridors)))
        np.add.at(seen_at, (g.receiver, g.corridor_of_leg), by_leg)
        np.add.at(seen_at, (g.interceptor, g.corridor_of_leg), stopped_by_leg)
        reported = np.zeros(len(g.authorities))
        np.add.at(reported, g.receiver, new_detected.sum(axis=0))
        weight = 1.0 - 0.5 ** (7.0 / p["interception.redeployment_half_life_days"])
        if day > 0:
            self._reported += weight * (reported[:states] - self._reported)
        self.frontex.week(self._reported * self.dials["completeness"])
        penalties = self._policy.setting("penalties")
        floors = np.zeros(3)
        if penalties is not None:
            floors = np.array([penalties.floor_basic_years, penalties.floor_aggravated_years,
                               penalties.floor_death_years])  # fmt: skip
        raised = min(1.0, self._policy.intensity("penalties", today))
        self.sanctions[:] = 0.0
        for i, state in enumerate(self.member_states):
            state.in_force(floors, raised)
            state.conviction = float(self.dials["conviction"][i])
            state.productivity = float(self.dials["productivity"][i])
            state.throughput = float(self.dials["prosecution_throughput"][i])
            state.investigators = float(self.staff["investigator"][i])
            state.prosecutors = float(self.staff["prosecutor"][i])
            state.arrest_drivers(seen_at[i])
            state.investigate(day)
            state.prosecute()

    def recovery_rate(self, member_state: int) -> float:
        """Share of a dismantled network's capital that is seized in a Member State."""
        p = self.params
        staff = float(self.staff["financial_investigator"][member_state])
        gain = p["investigation.financial_gain"] * staff / (staff + p["investigation.half_financial"])
        return min(1.0, float(self.dials["recovery"][0]) * (1.0 + gain))

    def _run_networks(self) -> None:
        p, g = self.params, self.geography
        corridors = len(g.corridors)
        carried = self.tally.carried - self._carried_read
        takings = self.tally.takings - self._takings_read
        self._carried_read, self._takings_read = self.tally.carried.copy(), self.tally.takings.copy()
        for n in self.networks:
            n.week(float(carried[n.number]), float(takings[n.number]), self.market, self.day)
            self._profit += n.profit
        shift_supply(self.networks, self.market, self.run_seed, self.day)
        self.active_networks[:] = [n.active for n in self.networks]
        capacity, herfindahl = concentration(self.networks, corridors)
        expected = (
            np.maximum(self._members_of_corridor, 1.0) * p["networks.reference_arrest_hazard"] * 7.0 / 365.25
            * p["penalties.reference_conviction"] * self.market.years_0
        )  # fmt: skip
        weight = 1.0 - 0.5 ** (7.0 / p["networks.sanction_half_life_days"])
        self._sanction += weight * (self.sanctions / expected - self._sanction)
        success = (1.0 - self._chance_0) / np.maximum(1.0 - self._chance, 1e-6)
        mass, failures = self._by_corridor(self._flow_0), self._by_corridor(self._flow_0 * success)
        failures = np.where(mass > 0.0, failures / np.maximum(mass, 1e-12), 1.0)
        self.market.clear(capacity, herfindahl, failures, np.maximum(self._sanction, 1e-6))

    def _air(self, today: date) -> None:
        g = self.geography
        states = len(g.member_states)
        access = np.ones(len(g.authorities))
        access[states:] = self.dials["air_access"]
        for event in self.assumptions.events:
            if event.kind == "visa_change" and event.holds(today):
                access[g.authorities.index(event.partner)] *= event.factor
        self._air_access = np.where(g.by_air, access[g.receiver], 1.0)

    def _legal(self, today: date) -> None:
        g, p = self.geography, self.params
        lever = self._policy.setting("legal_pathways")
        self._places = self._places_0.copy()
        if lever is not None:
            names = list(lever.origin_groups)
            chosen = np.array([names == ["all"] or name in names for name in g.groups])
            weight = np.where(chosen, self._places_0, 0.0)
            total = float(weight.sum())
            if total > 0.0:
                level = self._policy.intensity("legal_pathways", today)
                self._places += level * lever.places_per_year * weight / total
        decided = self.tally.decided - self._decided_read
        self._decided_read = self.tally.decided.copy()
        if self.day > 0:
            lag = 1.0 - 0.5 ** (7.0 / p["legal.load_half_life_days"])
            self._decided += lag * (decided - self._decided)
        # places not used stay open, so that over time admissions meet places
        self._open_places += self._places * 7.0 / 365.25 - (self.tally.admitted - self._admitted_read)
        self._admitted_read = self.tally.admitted.copy()
        self._admit = np.clip(self._open_places / np.maximum(self._decided, 1e-9), 0.0, 1.0)

    def _spend(self, today: date) -> None:
        """A week's public cost of what the scenario adds to today's baseline."""
        p = self.params
        week = 7.0 / 365.25
        for kind, info in RESOURCES.items():
            extra = self.staff[kind] - self._staff_0[kind]
            self._cost += week * p[info.cost_parameter] * extra
        self._programme_cost += week * math.fsum(
            self._policy.intensity(name, today) * p[info.cost_parameter]
            for name, info in LEVERS.items()
            if info.cost_parameter is not None
        )
        places = float((self._places - self._places_0).sum())
        self._programme_cost += week * places * p["cost.legal_place_eur"]

    # ------------------------------------------------------------------ route choice

    def _choose_routes(self) -> None:
        g, group = self.geography, self._kind_group
        fee_now = self._fee_table * self.market.fee_factor[g.corridor_of_leg]
        if self.assumptions.model.adaptation:
            self._learn(fee_now)
        b, informed = self.beliefs, self.tastes.informed[:, None]
        fee = np.where(informed, fee_now[None, :], b.fee[group])
        stopped = np.where(informed, self._chance[None, :], b.stopped[group])
        death = np.where(informed, self._death_year[None, :], b.death[group])
        constant = self.reference.leg_constant + np.log(np.maximum(self._air_access, 1e-6))[None, :]
        utility = self.tastes.utility(fee, death, stopped, constant)
        self._z = solve_values(g.network, utility, self.reference.settle[group], self._z, tolerance=1e-7)
        self._menu = choice_menus(g.network, utility, self._z)
        value = np.log(np.maximum(self._z[np.arange(len(group))[:, None], self._origin_hub[group]], 1e-300))
        self._shares = self._participation.shares(value, self._places, self.dials["potential"])

    def _learn(self, fee_now: FloatArray) -> None:
        days = self.day - self._learnt_on
        if days <= 0:
            return
        new = {f: getattr(self.tally, f) - old for f, old in self._learnt.items()}
        self._learnt = {f: getattr(self.tally, f).copy() for f in self._learnt}
        self._learnt_on = self.day
        self.beliefs.update(
            new["attempts"], new["interceptions"], new["deaths"], new["paid"], fee_now,
            (self._chance, self._death_year), self.dials["campaign"], days,
        )  # fmt: skip

    # ------------------------------------------------------------------ day

    def _set_chances(self) -> None:
        """Chances of interception and death on each leg today, from capacities, flows, season and rescue."""
        g, p, today = self.geography, self.params, self.today
        states = len(g.member_states)
        ceiling = p["interception.ceiling"]
        effort = np.ones(len(g.authorities))
        effort[states:] = [partner.effort for partner in self.partners]
        corps_0 = self.frontex.reference_share * p["interception.standing_corps"]
        guards_0 = self._staff_0["border_guard"] + corps_0
        guards = self.staff["border_guard"] + self.frontex.officers()
        ratio = np.where(guards_0 > 0.0, guards / np.maximum(guards_0, 1e-9), 1.0)
        effort[:states] = self._border_effort * ratio ** p["interception.staff_elasticity"]
        # refusals on flights follow visa rules (see `_air`), not patrols
        relative_effort = np.where(g.by_air, 1.0, effort[g.interceptor])
        base = np.minimum(np.maximum(ceiling, self._chance_table), self._chance_table * relative_effort)
        alone = np.where(g.by_air, base, chance_alone(base, p["interception.alone_ratio"]))
        # authorities follow the flow in the end, so that only sudden growth swamps them
        response = p["interception.capacity_response"]
        prepared = self._flow_0 ** (1.0 - response) * np.maximum(self._slow_flow, 1e-6) ** response
        capacity = capacity_at_reference(base, prepared, alone)
        chance = chance_of_interception(capacity, np.maximum(self._flow, 1e-9), alone)
        if not self.assumptions.model.adaptation:
            chance = base
        for event in self.assumptions.events:
            if event.kind == "border_closed" and event.holds(today):
                chance = np.where(self._border(event), np.maximum(chance, event.strength), chance)
        self._chance = chance
        pressure = np.where(self._chance_0 > 0.0, chance / np.maximum(self._chance_0, 1e-9), 1.0)
        units_0, units = self._staff_0["rescue_unit"], self.staff["rescue_unit"]
        rescue = np.ones(len(g.authorities))
        rescue[:states] = np.where(units_0 > 0.0, units / np.maximum(units_0, 1e-9), 1.0)
        route_rescue = np.ones(len(ROUTES))
        for event in self.assumptions.events:
            if event.kind == "rescue_change" and event.holds(today):
                route_rescue[ROUTES.index(event.route)] *= event.factor
        relative = rescue[g.receiver] * route_rescue[g.route_of_leg]
        crowding = (self.market.wanted / np.maximum(self.market.capacity, 1e-9))[g.corridor_of_leg]
        at_sea = np.where(g.by_sea, self.dials["sea_deaths"][g.route_of_leg], 1.0)
        base_death = self._death_table * at_sea
        one = np.ones(len(base_death))
        self._death_year = chance_of_death(base_death, one, pressure, crowding, relative, g.by_sea, p)
        season = season_factor(today.month, g.by_sea, p["harm.season_amplitude"])
        self._death = np.minimum(self._death_year * season, p["harm.ceiling"])
        registered = self.dials["completeness"] / np.maximum(self._completeness_0, 1e-9)
        more = np.ones(len(g.authorities))
        more[:states] = registered * ratio ** p["reporting.staff_elasticity"]
        missed = np.maximum(1.0 - self._detection_table, 1e-12)
        self._detection = np.where(
            self._detection_table > 0.0, 1.0 - missed ** more[g.receiver], 0.0
        )

    def _border(self, event: Any) -> npt.NDArray[np.bool_]:
        """Legs that cross the border which an event closes."""
        legs, g = self.geography.legs, self.geography
        key = (event.from_, event.into)
        if key not in self._borders:
            tail = np.array([g.hub_country[h] for h in legs["tail"]])
            head = np.array([g.hub_country[h] for h in legs["head"]])
            left = np.ones(len(tail), dtype=bool) if event.from_ is None else tail == event.from_
            self._borders[key] = (head == event.into) & (tail != head) & left
        return self._borders[key]

    def _move_travellers(self) -> None:
        g, p = self.geography, self.params
        coming = self._potential[:, self.day]
        need = self.under_way + int(coming.sum())
        if need > len(self._rows.key):
            self.under_way = compact(self._rows, self.under_way)
            need = self.under_way + int(coming.sum())
            if need > len(self._rows.key) // 2:
                self._rows = self._rows.grown(2 * need + 4096)
        shares = self._shares
        entry = Entry(
            coming, self._classes, self._origin_share, self._origin_hub,
            shares.leave, shares.apply, self.tastes.budget, p["route_choice.means_spread"],
            int(p["legal.wait_days"]),
        )  # fmt: skip
        before = self.under_way
        calendar = (self.today - date(2010, 1, 1)).days
        seed = np.uint64(self.run_seed)
        self.under_way = enter(self._rows, before, self.day, calendar, seed, self.persons, entry, self.tally)
        self._entered += (self.under_way - before) * self.persons
        accept = self.market.accept()
        if not self.assumptions.model.adaptation:
            accept = np.ones_like(accept)
        if self.day % 7 == 0:
            self._offers = offers(self.networks, len(g.corridors))
        fee = self._fee_table * self.market.fee_factor[g.corridor_of_leg]
        conditions = Conditions(
            self._menu, fee, self.tastes.group_fee, self._use, accept, self._death, self._chance, self._detection,
            self._repeat, self._admit, shares.fallback, *self._offers,
        )  # fmt: skip
        advance(self._rows, self.under_way, self.day, self.persons, self._legs, conditions, self.tally,
                int(p["networks.wait_days"]), int(p["interception.return_days"]),
                p["fees.upfront_share"])  # fmt: skip
        weight = 1.0 - 0.5 ** (1.0 / p["interception.flow_half_life_days"])
        self._flow += weight * (self.tally.today - self._flow)
        weight = 1.0 - 0.5 ** (1.0 / p["interception.response_half_life_days"])
        self._slow_flow += weight * (self.tally.today - self._slow_flow)
        self.market.observe(self.tally.wanted, 1.0)

    # ------------------------------------------------------------------ month

    def _close_month(self) -> None:
        self.under_way = compact(self._rows, self.under_way)
        reports = [state.report() for state in self.member_states]
        if self._weeks_in_month == 0:  # a part of a month without a week's beginning
            self._count_stocks()
        weeks = self._weeks_in_month
        extra: list[tuple[str, str, FloatArray]] = [
            (name, "member_state", np.array([r[name] for r in reports]))
            for name in ("arrests", "convictions", "networks_dismantled")
        ]
        seized = math.fsum(r["seized"] for r in reports)
        extra += [
            ("case_backlog", "member_state", self._stock_backlog / weeks),
            ("active_networks", "", np.array([self._stock_networks / weeks])),
            ("smuggler_profit_eur", "", np.array([self._profit - seized])),
            ("cost_eur", "member_state", self._cost),
            ("cost_eur", "", np.array([self._programme_cost])),
        ]
        self.recorder.close_month(
            f"{self.today:%Y-%m}", self.tally, extra, keep=self.today >= self.assumptions.horizon.start
        )
        self.datacollector.collect(self)
        self._cost = np.zeros_like(self._cost)
        self._programme_cost = self._profit = 0.0
        self._weeks_in_month = 0
        self._stock_networks = 0.0
        self._stock_backlog = np.zeros(len(self.member_states))

    def population(self) -> Mapping[str, float]:
        """Persons so far: entered = arrived + dead + gave_up + admitted + under_way."""
        t = self.tally
        return {
            "entered": self._entered,
            "arrived": float(t.settled.sum()),
            "dead": float(t.deaths.sum()),
            "gave_up": float(t.gave_up.sum()),
            "admitted": float(t.admitted.sum()),
            "under_way": float(np.count_nonzero(self._rows.state[: self.under_way] <= 1)) * self.persons,
        }

