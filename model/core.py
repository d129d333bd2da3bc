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
from .agreements import Agreements
from .authorities import Eurojust, Europol, Frontex, MemberState, PartnerCountry
from .behaviour import Behaviour
from .beliefs import FIELDS, Beliefs, Now, Seen
from .demand import potential_travellers
from .deployments import placed_support, population_gdp_key, seconded, with_liaison
from .geography import ROUTES, Geography
from .harm import captivity, chance_of_death, season_factor, set_sail
from .interception import capacity_at_reference, chance_alone, chance_of_interception
from .invariants import Invariants
from .investigations import Casework
from .markets import Market
from .memory import busiest, check_room
from .participation import Participation, Shares, Visas, potential_behind, worth_of_a_visa
from .policy import Policy
from .recording import Recorder, RunOutput
from .reference_point import ReferencePoint, Tastes, expected_delay, fit_reference_point, reference_chances
from .remembering import Remembered
from .reporting import Reporting
from .route_choice import choice_menus, easing_on_cycles, solve_values
from .sailing import CROSSING, sailing
from .smuggling_networks import (
    SmugglingNetwork,
    concentration,
    found_networks,
    offers,
    relocating,
    settle,
    settle_down,
    shift_supply,
)
from .staffing import (
    TYPES,
    Allocation,
    Placement,
    baseline_staff,
    expected_driver_arrests,
    quarter_of,
    smuggler_use,
)
from .streams import Purpose, actor_uniforms, case_uniforms, generator, poissons, series_uniforms
from .travellers import (
    CLASSES,
    Boats,
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
    """What a planner inside the model is shown. A planner of this world sees `reports`; `truth` is for asking what better reports are worth.

    Attributes
    ----------
    day : date
    quarter : str
    reports : DataFrame
        Columns member_state, reported_detections, reported_items (a week), arrests_backlog.
    truth : DataFrame
        Columns authority (a Member State or partner country), entries, entries_by_sea (attempts to enter the Union there, a week, mean
        of the last months), items (a week), departures (attempts that leave from there, a week).
    """

    day: date
    quarter: str
    reports: pd.DataFrame
    truth: pd.DataFrame


Planner = Callable[[Observation], Placement]


class SmugglingModel(mesa.Model):  # type: ignore[misc]
    """Agent-based model of smuggling routes under a scenario.

    Parameters
    ----------
    assumptions : Scenario
    seed : int, optional
        Instead of the scenario's.
    replicate : int
        Which replicate: the run's chance and, with ``draw: ranges``, its parameters depend on (seed, replicate).
    allocation : DataFrame or DataArray, optional
        Additional staff: a table resource, place, quarter, staff, or an array over resource, place and quarter.  When given, it replaces the default placement of the
        posts and kits that levers bring (in proportion to reported incidents); an empty table places none.
    planner : callable, optional
        Asked at the start of every quarter with an `Observation`; returns an allocation for that quarter.
    tables : World, optional
        Reference tables instead of the bundled ones.
    check_invariants : bool
        Check at the end of every day what has to hold whatever the scenario (see `invariants`); results are the same.

    Raises
    ------
    ValueError
        For an allocation that names unknown resources, places or impossible numbers.
    InvariantViolated
        While stepping, with `check_invariants`.
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
        allocation: Placement | None = None, planner: Planner | None = None, tables: World | None = None,
        check_invariants: bool = False,
    ) -> None:  # fmt: skip
        if seed is not None:
            assumptions = assumptions.model_copy(update={"seed": seed})
        run_seed = int(generator(assumptions.seed, "run", replicate).integers(2**63))
        super().__init__(rng=run_seed % 2**32)
        self.assumptions = assumptions
        self.replicate = replicate
        self.run_seed = run_seed
        self._keyed = np.uint64(run_seed)
        self.params: dict[str, float] = dict(assumptions.parameters(replicate))
        self.geography = default_geography() if tables is None else Geography(tables)
        self.persons = float(assumptions.model.persons_per_agent)
        self.first_day = assumptions.horizon.start - timedelta(days=assumptions.horizon.burn_in_days)
        self.last_day = assumptions.horizon.end
        self.days = (self.last_day - self.first_day).days + 1
        self.day = 0
        self._allocation = (
            None if allocation is None else Allocation(allocation, self.geography.authorities)
        )
        self._planner = planner
        self._planned: Allocation | None = None
        self._asked = ""  # quarter that the planner was last asked about
        self._borders: dict[tuple[str | None, str, str | None], npt.NDArray[np.bool_]] = {}
        self._set_up_reference()
        self._set_up_demand()
        self._set_up_actors()
        self._set_up_travellers()
        self.recorder = Recorder(self.geography)
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "date": lambda m: m.today.isoformat(),
                "under_way": lambda m: m.under_way * m.persons,
                "active_networks": lambda m: int(m.firms.at_work.sum()),
                "mean_fee_factor": lambda m: float(m.market.fee_factor.mean()),
            }
        )
        self.running = True
        self._invariants = Invariants(self) if check_invariants else None

    # ------------------------------------------------------------------ set-up

    def _set_up_reference(self) -> None:
        g, p, options = self.geography, self.params, self.assumptions.model
        self._chance_table = g.column("legs", "interception")
        self._death_table = g.column("legs", "death_per_1000") / 1000.0
        self._fee_table = g.column("legs", "fee_eur")
        self._detection_table = g.column("legs", "detection")
        self.agreements = Agreements(g, self.assumptions.events)
        strength = self.agreements.effort(self.first_day)[g.interceptor]
        chance = self._chance_table * np.where(g.by_air, 1.0, strength)
        tastes = Tastes(g, p)
        year = options.reference_year or options.demand_year or self.assumptions.horizon.start.year
        years = g.world.route_detections["year"]
        year = int(min(max(year, years.min()), years.max()))
        # the reference follows from tables and parameters alone, never from policy
        self._known = (tuple(p.values()),) if g is default_geography() else None
        fit = _references.get(
            self._known and (*self._known, year, chance.tobytes(), repr((options.departures, options.by_sea))),
            lambda: fit_reference_point(
                g, tastes, p, year, chance, self._detection_table, options.departures, options.by_sea
            ),
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
        self._entering = (p["participation.reference"] + self._participation.apply_0) @ self._potential
        check_room(busiest(self._entering, p["legal.wait_days"]), self.persons)
        self._applicants_0 = self._participation.apply_0 * potential / 365.25
        self.visas = Visas(potential * 7.0 / 365.25)

    def _set_up_actors(self) -> None:
        g, p = self.geography, self.params
        fit, states = self.reference, len(g.member_states)
        corridors = len(g.corridors)
        smuggled = fit.flow * self._use * (self._fee_table > 0.0)
        flow = self._by_corridor(smuggled)
        paid = self._by_corridor(smuggled * self._fee_table)
        fee = np.where(flow > 0.0, paid / np.maximum(flow, 1e-12), 0.0)
        self.firms = found_networks(p, flow, fee, self.assumptions.model.networks, self.run_seed, states)
        self.networks = [self.network_class(self, i, self.firms) for i in range(len(self.firms))]
        _, herfindahl = concentration(self.firms, corridors)
        self.market = Market(p, fee, flow, herfindahl)
        self.casework = Casework(len(self.networks), states, len(g.authorities), p)
        members = self.firms.at_work * (self.firms.full_organisers + self.firms.full_facilitators)
        self._members_of_corridor = np.bincount(self.firms.corridor, weights=members, minlength=corridors)
        by_state = (g.receiver < states) | (g.interceptor < states)
        self._policed = self._by_corridor(by_state.astype(np.float64)) > 0.0
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
        #: what draws organisers to a Member State besides its law: the size of its economy
        self.attraction = g.column("member_states", "gdp_eur_bn")
        self._courts = np.array([self.court_actor(i) for i in range(states)], dtype=np.int64)
        self._settle_down(np.arange(len(self.firms)), 0)
        self.partners = [
            self.partner_class(self, i, name) for i, name in enumerate(g.authorities[states:])
        ]
        completeness = g.column("member_states", "reporting_completeness")
        delay = g.column("member_states", "reporting_delay_days")
        expected = fit.flow * g.external * self._detection_table * (1.0 - self._chance_0)
        self.reporting = Reporting(g.member_states, self._by_state_and_route(expected), completeness, delay)
        share = self.reporting.weekly / max(float(self.reporting.weekly.sum()), 1e-12)
        self.europol = self.europol_class(self)
        self.eurojust = self.eurojust_class(self)
        self.frontex = self.frontex_class(self, share)
        self._staff_0 = baseline_staff(g, p, expected_driver_arrests(g, p, fit.flow, self._chance_0, self._use))
        self.staff = {kind: self._staff_0[kind].copy() for kind in TYPES}
        self.added_staff = {kind: np.zeros_like(self._staff_0[kind]) for kind in TYPES}
        self._key = population_gdp_key(
            g.column("member_states", "population"), g.column("member_states", "gdp_eur_bn")
        )
        # where a plan decides on task forces it decides on all that are additional to today's
        placed = self._allocation is not None or self._planner is not None
        self._forces_placed = placed and "task_force_team" in self.assumptions.resources.posts
        partners = g.world.partners.set_index("partner")
        order = g.authorities[states:]
        reach = np.array([float(partners["evidence_reach"][n]) for n in order])
        self._cooperation = np.array([float(partners["cooperation"][n]) for n in order])
        one = np.ones
        base = {
            "prosecution_throughput": one(states), "conviction": conviction,
            "partner_evidence": reach, "investigators": one(states), "prosecutors": one(states),
            "productivity": productivity,
            "completeness": completeness, "reporting_delay": delay,
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
        self.dials = self._policy.dials(self.first_day)
        self._cost = np.zeros(states)
        self._programme_cost = 0.0
        self._lever_costs = [(n, p[c]) for n, info in LEVERS.items() if (c := info.cost_parameter) is not None]
        self._profit = 0.0
        self._weeks_in_month = 0
        self._stock_networks = 0.0
        self._stock_backlog = np.zeros(states)

    def _by_corridor(self, values: FloatArray) -> FloatArray:
        """Sum a quantity of legs by corridor."""
        g = self.geography
        sums = np.bincount(g.corridor_of_leg, weights=values, minlength=len(g.corridors))
        return np.asarray(sums, dtype=np.float64)

    def _by_state_and_route(self, by_leg: FloatArray) -> FloatArray:
        """Sum a quantity of legs by the Member State that they lead to and route, shape (member_states, routes)."""
        g = self.geography
        sums = np.zeros((len(g.authorities), len(ROUTES)))
        np.add.at(sums, (g.receiver, g.route_of_leg), by_leg)
        return sums[: len(g.member_states)]

    def _set_up_travellers(self) -> None:
        g, p = self.geography, self.params
        self._sailing = sailing(g, p, self.first_day, self.days, self.reference.lead_days)
        days = np.where(self._sailing.wait > 0.0, CROSSING, np.maximum(1, g.column("legs", "days")))
        self._legs = Legs(
            g.network.start, g.network.head, days.astype(np.int64),
            g.corridor_of_leg, g.external, g.interceptor, g.receiver, g.settles_in,
        )  # fmt: skip
        self.tally = Tally.empty(len(g.groups), g.network.legs, len(g.destinations), len(self.networks),
                                 len(g.authorities), len(g.corridors))  # fmt: skip
        self._repeat = g.column("origin_groups", "repeat_share")
        self._captivity = captivity(g.hub_country, g.network.tail, g.network.head, p)
        self._incidents: list[tuple[date, npt.NDArray[np.int64], FloatArray]] = []
        self._fatal_incidents = np.zeros(len(ROUTES))
        self._filed, self._filed_on = np.zeros(g.network.legs), 0
        self._classes = np.cumsum(self.tastes.class_share)
        # room for who enters in a year: growing later would hold the rows twice, and room never written to takes no memory
        self._rows = Rows.empty(4096 + int(self._entering.sum() * min(1.0, 365.25 / self.days)))
        self.under_way = 0
        self._entered = np.zeros(len(g.groups))
        self._flow = self._flow_0.copy()
        self._slow_flow = self._flow_0.copy()
        self._chance = self._chance_0.copy()
        self._death = self._death_table.copy()
        self._death_year = self._death_table.copy()
        self._z = self.reference.value.copy()
        nothing = np.zeros(g.network.legs)
        sold = self._use * (self._fee_table > 0.0)
        start = Now(self._chance_0, self._death_table, self._fee_table, nothing, nothing)
        through = self.reference.group_flow * reference_chances(g, self._chance_0, self._death_table)
        self.beliefs = Beliefs(len(g.groups), start, p, through, sold)
        at_reference = self.tastes.utility(
            self._fee_table, self._death_table, self._chance_0, self.reference.leg_constant
        )
        self.behaviour = Behaviour(
            self.assumptions.model.behaviour, g.network, self.reference.group_flow, self._chance_0,
            self._death_table, at_reference, self._kind_group, p,
        )  # fmt: skip
        self._learnt = Seen(*(getattr(self.tally, f).copy() for f in Seen._fields))
        self._learnt_on = 0
        self._evidence_read = self.tally.evidence.copy()
        self._carried_read = self.tally.carried.copy()
        self._takings_read = self.tally.takings.copy()
        self._drivers_read = (self.tally.detections.copy(), self.tally.interceptions.copy())
        self._decided_read = self.tally.decided.copy()
        self._admitted_read = self.tally.admitted - self.tally.bought
        self._open_places = np.zeros(len(g.groups))
        self._decided = self._applicants_0 * 7.0
        self._air_access = np.ones(g.network.legs)
        self._menu = np.zeros((len(g.groups) * CLASSES, g.network.legs))
        self._shares: Shares
        self._offered: Shares  # to who can pay a visa
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

    @property
    def active_networks(self) -> npt.NDArray[np.bool_]:
        """Which agents have a network at work, shape (agents,)."""
        return self.firms.active

    def case_draws(
        self, actors: npt.NDArray[np.int64], counters: npt.NDArray[np.int64], purpose: Purpose
    ) -> FloatArray:
        """One uniform for each pair of an actor and the number of a case of its own."""
        return case_uniforms(self._keyed, actors, counters, int(purpose))

    def series_draws(self, actor: int, first: int, count: int, purpose: Purpose) -> FloatArray:
        """Uniforms number `first`, `first` + 1, ... of one actor."""
        return series_uniforms(self._keyed, actor, first, count, int(purpose))

    def count_draws(
        self, actors: npt.NDArray[np.int64], day: int, purpose: Purpose, means: FloatArray
    ) -> npt.NDArray[np.int64]:
        """Poisson numbers of several actors on a day."""
        return poissons(self._keyed, actors, day, int(purpose), means)

    def case_actor(self, member_state: int) -> int:
        """First actor number of a Member State's cases (one per network)."""
        return (member_state + 1) * 10_000

    def court_actor(self, member_state: int) -> int:
        """Actor number of a Member State's prosecution service."""
        return -(member_state + 1)

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
        if self._invariants is not None:
            self._invariants.check()
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
        try:
            while not self.done:
                self.step()
                if progress is not None and (self.day % 30 == 0 or self.done):
                    progress(self.day, self.days)
            self.running = False
            return self.output()
        finally:
            self.release()

    def output(self) -> RunOutput:
        """What has been recorded so far."""
        return RunOutput(self.recorder.frame(), self.replicate, self.incidents(), self.reporting.triangle())

    def release(self) -> None:
        """Let a finished model be freed (Mesa 3.3 keeps models with agents alive otherwise)."""
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    # ------------------------------------------------------------------ week

    def _week(self) -> None:
        g, today = self.geography, self.today
        states = len(g.member_states)
        self.dials = self._policy.dials(today)
        strength = self.agreements.effort(today)
        self._returned, self._held = self.agreements.returns(today)
        for i, partner in enumerate(self.partners):
            effort = strength[states + i] * self.dials["partner_interception"][i]
            partner.week(float(effort), float(self.dials["partner_evidence"][i]))
        self._border_effort = strength[:states]
        self._file_detections(self.day)
        lag = self.params["interception.redeployment_half_life_days"]
        self.reporting.close_week(1.0 - 0.5 ** (7.0 / lag))
        self._place_staff(today)
        self._run_authorities(today)
        if self.assumptions.model.adaptation:
            self._run_networks()
        self._air(today)
        self._legal(today)
        self._set_efforts()
        self._count_stocks()
        self._spend(today)

    def _file_detections(self, days: int) -> None:
        """Let what was detected, and what waited, find its way into the statistics up to the end of `days` days."""
        detected = self.tally.detections.sum(axis=0)
        self.reporting.advance(
            f"{self.first_day + timedelta(days=days - 1):%Y-%m}", self._by_state_and_route(detected - self._filed),
            self.dials["completeness"], self.dials["reporting_delay"], float(days - self._filed_on),
        )  # fmt: skip
        self._filed, self._filed_on = detected, days

    def _count_stocks(self) -> None:
        self._weeks_in_month += 1
        self._stock_networks += float(self.firms.at_work.sum())
        self._stock_backlog += np.array([m.backlog for m in self.member_states])

    def _place_staff(self, today: date) -> None:
        p = self.params
        added = {kind: np.zeros_like(self._staff_0[kind]) for kind in TYPES}
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
                posts /= max(1.0, analysts + officers)  # drawn shares may add up to more than all posts
                added["analyst"] = share * posts * analysts
                added["deployed_officer"] = share * posts * officers
                added["reserve_officer"] = share * level * deployments.reserve_pool
                added["financial_investigator"] = share * posts * max(0.0, 1.0 - analysts - officers)
            if kits is not None:
                added["biometric_kit"] = share * self._policy.intensity("biometrics", today) * kits.kits
        factor = {"investigator": self.dials["investigators"], "prosecutor": self.dials["prosecutors"]}
        self.added_staff = added
        self.staff = {
            kind: self._staff_0[kind] * factor.get(kind, 1.0) + added[kind] for kind in TYPES
        }

    def staff_pools(self) -> list[tuple[str, float, float]]:
        """Pools of additional staff: name, most that can be placed now, placed (in the type's unit).

        Where a plan places staff the pools are the scenario's posts; otherwise what its levers bring.
        """
        placed = {kind: float(number.sum()) for kind, number in self.added_staff.items()}
        if self._allocation is not None or self._planner is not None:
            return [(kind, post.available, placed[kind]) for kind, post in self.assumptions.resources.posts.items()]
        today = self.today - timedelta(days=self.day % 7)  # staff is placed once a week
        pools: list[tuple[str, float, float]] = []
        deployments, kits = self._policy.setting("europol_deployments"), self._policy.setting("biometrics")
        level = self._policy.intensity("europol_deployments", today)
        posts = ("analyst", "deployed_officer", "financial_investigator")
        own = 0.0 if deployments is None else level * deployments.posts
        pools.append(("Europol posts of the lever europol_deployments", own, sum(placed[kind] for kind in posts)))
        reserve = 0.0 if deployments is None else level * deployments.reserve_pool
        pools.append(("reserve pool of the lever europol_deployments", reserve, placed["reserve_officer"]))
        number = 0.0 if kits is None else self._policy.intensity("biometrics", today) * kits.kits
        return [*pools, ("kits of the lever biometrics", number, placed["biometric_kit"])]

    def _ask_planner(self, today: date) -> None:
        quarter = quarter_of(today)
        if self._planner is None or self._asked == quarter:
            return
        self._asked = quarter
        completeness = self.dials["completeness"]
        reports = pd.DataFrame(
            {
                "member_state": self.geography.member_states,
                "reported_detections": self.reporting.weekly,
                "reported_items": self.casework.items_per_week * completeness,
                "arrests_backlog": [m.backlog for m in self.member_states],
            }
        )
        self._planned = Allocation(
            self._planner(Observation(today, quarter, reports, self._truth())), self.geography.authorities
        )

    def _truth(self) -> pd.DataFrame:
        """What passes each authority in a week, as nobody in this world sees it."""
        g = self.geography
        flow = 7.0 * self._slow_flow
        entries, by_sea, left = (np.zeros(len(g.authorities)) for _ in range(3))
        np.add.at(entries, g.receiver[g.external], flow[g.external])
        sea = g.external & g.by_sea
        np.add.at(by_sea, g.receiver[sea], flow[sea])
        tail = np.array([g.authorities.index(g.hub_country[h]) for h in g.legs["tail"]])
        np.add.at(left, tail, flow)
        items = np.zeros(len(g.authorities))
        items[: len(g.member_states)] = self.casework.items_per_week
        return pd.DataFrame(
            {"authority": g.authorities, "entries": entries, "entries_by_sea": by_sea, "items": items, "departures": left}
        )

    def _run_authorities(self, today: date) -> None:
        p, g, day = self.params, self.geography, self.day
        states = len(g.member_states)
        officers = self.staff["deployed_officer"] + self.staff["reserve_officer"]
        kits, liaison = self.staff["biometric_kit"], self.staff["liaison_officer"]
        half = p["deployments.half_liaison"]
        help_ = officers / (officers + p["evidence.half_officers"])
        yields = np.empty(len(g.authorities))
        yields[:states] = p["evidence.items_per_person"] * (1.0 + p["evidence.officer_gain"] * help_)
        passed_on = with_liaison(
            self._cooperation, self._cooperation, liaison, p["deployments.liaison_items"], half
        )
        yields[states:] = p["evidence.items_per_person"] * passed_on
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
        reach = with_liaison(reach, self._cooperation, liaison, p["deployments.liaison_reach"], half)
        forces = self._policy.setting("task_forces")
        extra = 0.0
        if forces is not None and not self._forces_placed:
            extra = forces.number * self._policy.intensity("task_forces", today)
        self.europol.week(analysts, match, reach, p["investigation.task_forces_per_year"] + extra, day)
        cooperation = self._policy.intensity("interagency_cooperation", today)
        teams = p["investigation.joint_teams_per_year"]
        self.eurojust.week(teams * (1.0 + cooperation * p["lever.interagency_cooperation.joint_teams"]), day)
        self._support_cases()
        self.casework.weigh(self.firms.at_work, self.dials["sharing"])
        detected, stopped = self._drivers_read
        new_detected, new_stopped = self.tally.detections - detected, self.tally.interceptions - stopped
        self._drivers_read = (self.tally.detections.copy(), self.tally.interceptions.copy())
        smuggled = self._use * (self._fee_table > 0.0)
        by_leg = new_detected.sum(axis=0) * smuggled
        stopped_by_leg = new_stopped.sum(axis=0) * smuggled
        everyone = len(g.authorities)
        seen_at = np.bincount(g.receiver, weights=by_leg, minlength=everyone)
        seen_at += np.bincount(g.interceptor, weights=stopped_by_leg, minlength=everyone)
        self.frontex.week(self.reporting.weekly)
        penalties = self._policy.setting("penalties")
        floors = np.zeros(3)
        if penalties is not None:
            floors = np.array([penalties.floor_basic_years, penalties.floor_aggravated_years,
                               penalties.floor_death_years])  # fmt: skip
        raised = min(1.0, self._policy.intensity("penalties", today))
        self.sanctions[:] = 0.0
        away = seconded(
            self.staff["reserve_officer"], self._key, p["deployments.reserve_home_share"], self.staff["investigator"]
        )
        set_for = (
            self.dials["conviction"], self.dials["productivity"], self.dials["prosecution_throughput"],
            self.staff["investigator"] - away, self.staff["prosecutor"],
        )  # fmt: skip
        for state, *numbers in zip(self.member_states, *(n.tolist() for n in set_for), strict=True):
            state.in_force(floors, raised)
            state.conviction, state.productivity, state.throughput = numbers[:3]
            state.investigators, state.prosecutors = numbers[3:]
        expected = np.asarray(seen_at[:states] * p["investigation.drivers_per_person"], dtype=np.float64)
        caught = self.count_draws(self._courts, day, Purpose.ARREST, expected)
        for i in caught.nonzero()[0]:
            self.member_states[i].arrest_drivers(int(caught[i]), day)
        for state in self.member_states:
            state.investigate(day)
        for state in self.member_states:  # after all investigations, as organisers are tried where they are established
            state.prosecute(day)

    def _support_cases(self) -> None:
        """Task forces and joint investigation teams that are led from where staff was placed for them."""
        p, work = self.params, self.casework
        number = self.firms.at_work.astype(np.float64)
        usable = work.linked / np.maximum(number, 1.0)[:, None]
        teams, advisers = self.staff["task_force_team"], self.staff["eurojust_adviser"]
        if teams.any():
            covered = placed_support(usable, number, teams)
            work.supported = work.supported + p["investigation.task_force_gain"] * covered
        if advisers.any():
            several = ((work.open > 0).sum(axis=1) >= 2)[:, None] & (work.open > 0)
            covered = placed_support(
                np.where(several, usable, 0.0), number, advisers * p["deployments.joint_teams_per_adviser"]
            )
            work.supported = work.supported + p["investigation.joint_team_gain"] * covered

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
        self.market.stopped = self.agreements.stopped(self.today, self._flow_0 * self._use)
        if self.day > 0:
            self._settle_down(relocating(self.firms, self.run_seed, self.day, p["networks.relocation_days"]), self.day)
        self.market.learn_profit()
        self._settle_networks(carried, takings)
        self._profit -= shift_supply(self.networks, self.firms, self.market, p, self.run_seed, self.day)
        capacity, herfindahl = concentration(self.firms, corridors)
        expected = (
            np.maximum(self._members_of_corridor, 1.0) * p["networks.reference_arrest_hazard"] * 7.0 / 365.25
            * p["penalties.reference_conviction"] * self.market.years_0
        )  # fmt: skip
        weight = 1.0 - 0.5 ** (7.0 / p["networks.sanction_half_life_days"])
        self._sanction += weight * (self.sanctions / expected - self._sanction)
        success = (1.0 - self._chance_0) / np.maximum(1.0 - self._chance, 1e-6)
        mass, failures = self._by_corridor(self._flow_0), self._by_corridor(self._flow_0 * success)
        failures = np.where(mass > 0.0, failures / np.maximum(mass, 1e-12), 1.0)
        self._sanction[~self._policed] = 1.0  # who polices stages far from the Union is not modelled: as at the reference
        self.market.clear(capacity, herfindahl, failures, np.maximum(self._sanction, 1e-6))

    def _settle_down(self, rows: npt.NDArray[np.int64], day: int) -> None:
        """Let the organisers of some networks choose where they are established, by what the law there means for them."""
        p = self.params
        sanction = np.array([state.sanction for state in self.member_states])
        settle_down(
            self.firms, rows, self.attraction, sanction, p["networks.forum_elasticity"], self.run_seed, day
        )
        mean = float(self.attraction @ sanction) / float(self.attraction.sum())
        self.firms.relative_sanction = sanction / max(mean, 1e-12)

    def _settle_networks(self, carried: FloatArray, takings: FloatArray) -> None:
        """Settle the week of all networks: at once where their rule is the usual one, by their own rule otherwise."""
        own = np.array([type(n).week is not SmugglingNetwork.week for n in self.networks])
        usual = np.flatnonzero(~own)
        settle(self.firms, usual, carried[usual], takings[usual], self.market, self.params, self.day)
        for i in np.flatnonzero(own).tolist():
            self.networks[i].week(float(carried[i]), float(takings[i]), self.market, self.day)
        self._profit += float(self.firms.profit.sum())

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
                added = level * lever.places_per_year * weight / total
                if lever.price_eur is None:
                    self._places += added
                else:
                    lag = 1.0 - 0.5 ** (7.0 / p["legal.load_half_life_days"])
                    sold = self.visas.week(added * 7.0 / 365.25, lever.price_eur, self.tally.bought, lag)
                    self._programme_cost -= float(sold.sum()) * lever.price_eur
        decided = self.tally.decided - self._decided_read
        self._decided_read = self.tally.decided.copy()
        if self.day > 0:
            lag = 1.0 - 0.5 ** (7.0 / p["legal.load_half_life_days"])
            self._decided += lag * (decided - self._decided)
        # places not used stay open, so that over time admissions meet places
        granted = self.tally.admitted - self.tally.bought
        self._open_places += self._places * 7.0 / 365.25 - (granted - self._admitted_read)
        self._admitted_read = granted
        self._admit = np.clip(self._open_places / np.maximum(self._decided, 1e-9), 0.0, 1.0)

    def _spend(self, today: date) -> None:
        """A week's public cost of what the scenario adds to today's baseline."""
        p = self.params
        week = 7.0 / 365.25
        for kind, info in RESOURCES.items():
            extra = week * p[info.cost_parameter] * (self.staff[kind] - self._staff_0[kind])
            if info.places == "member_state":
                self._cost += extra
            else:
                self._programme_cost += float(extra.sum())
        self._programme_cost += week * math.fsum(
            self._policy.intensity(name, today) * cost for name, cost in self._lever_costs
        )
        places = float((self._places - self._places_0).sum())
        self._programme_cost += week * places * p["cost.legal_place_eur"]

    # ------------------------------------------------------------------ route choice

    def _choose_routes(self) -> None:
        g, group = self.geography, self._kind_group
        now = self._now()
        if self.assumptions.model.adaptation:
            self._learn(now)
        b = self.beliefs
        # what each group believes, and in the last row what holds, which the well informed know
        believed = Now(*(np.vstack([getattr(b, f), getattr(now, f)]) for f in Now._fields))
        view = np.where(self.tastes.informed, len(g.groups), group)
        easing = np.log(np.maximum(self._air_access, 1e-6))
        constant = self.reference.leg_constant + easing[None, :]
        stopped, death = self.behaviour.perceive(believed.stopped, believed.death)
        utility = self.tastes.utility(
            believed.fee, death, stopped, constant, returned=believed.returned,
            held=self._held, delay=believed.delay, view=view,
        )  # fmt: skip
        # legs on cycles are known to all: what is heard of them must not make a cycle free
        heard = np.where(g.network.on_cycle, 0.0, b.perception())
        utility += np.vstack([heard, np.zeros(g.network.legs)])[view]
        utility = easing_on_cycles(g.network, self.behaviour.adjust(utility), easing)
        self._z = solve_values(g.network, utility, self.reference.settle[group], self._z, tolerance=1e-7)
        self._menu = choice_menus(g.network, utility, self._z)
        value = np.log(np.maximum(self._z[np.arange(len(group))[:, None], self._origin_hub[group]], 1e-300))
        offered = (value, self._places, self.dials["potential"])
        self._shares = self._participation.shares(*offered)
        self._offered = self._shares
        if self.visas.offer.any():
            worth = worth_of_a_visa(self.reference.settle, self.tastes.budget, self.visas.price, self.params)
            self._offered = self._participation.shares(*offered, worth)

    def _now(self) -> Now:
        """The truth of each leg, as who is well informed knows it."""
        g, p = self.geography, self.params
        accept = self.market.accept() if self.assumptions.model.adaptation else np.ones(len(g.corridors))
        sold = self._use * (self._fee_table > 0.0)
        delay = expected_delay(accept[g.corridor_of_leg], sold, p)
        fee = self._fee_table * self.market.fee_factor[g.corridor_of_leg]
        return Now(self._chance, self._death_year, fee, delay, self._returned)

    def _learn(self, now: Now) -> None:
        days = self.day - self._learnt_on
        if days <= 0:
            return
        total = Seen(*(getattr(self.tally, f) for f in Seen._fields))
        new = Seen(*(a - b for a, b in zip(total, self._learnt, strict=True)))
        self._learnt = Seen(*(a.copy() for a in total))
        self._learnt_on = self.day
        shape = (len(FIELDS), *new.attempts.shape)
        seed = np.uint64(self.run_seed & (2**64 - 1))
        draws = actor_uniforms(seed, np.uint64(0), math.prod(shape), self.day, int(Purpose.RUMOUR))
        self.beliefs.update(new, now, self.dials["campaign"], days, draws.reshape(shape))
        self.behaviour.observe(new, days)

    # ------------------------------------------------------------------ day

    def _set_efforts(self) -> None:
        """What follows from staff, agreements and dials for a week: efforts, registration, rescue."""
        g, p = self.geography, self.params
        states = len(g.member_states)
        effort = np.ones(len(g.authorities))
        effort[states:] = [partner.effort for partner in self.partners]
        corps_0 = self.frontex.reference_share * p["interception.standing_corps"]
        guards_0 = self._staff_0["border_guard"] + corps_0
        guards = self.staff["border_guard"] + self.frontex.officers(self.staff["frontex_officer"])
        ratio = np.where(guards_0 > 0.0, guards / np.maximum(guards_0, 1e-9), 1.0)
        effort[:states] = self._border_effort * ratio ** p["interception.staff_elasticity"]
        # refusals on flights follow visa rules (see `_air`), not patrols
        relative_effort = np.where(g.by_air, 1.0, effort[g.interceptor])
        most = np.maximum(p["interception.ceiling"], self._chance_table)
        self._chance_base = np.minimum(most, self._chance_table * relative_effort)
        alone = chance_alone(self._chance_base, p["interception.alone_ratio"])
        self._alone = np.where(g.by_air, self._chance_base, alone)
        units_0, units = self._staff_0["rescue_unit"], self.staff["rescue_unit"]
        rescue = np.ones(len(g.authorities))
        rescue[:states] = np.where(units_0 > 0.0, units / np.maximum(units_0, 1e-9), 1.0)
        self._rescue = rescue[g.receiver]
        at_sea = np.where(g.by_sea, self.dials["sea_deaths"][g.route_of_leg], 1.0)
        self._death_base = self._death_table * at_sea
        more = np.ones(len(g.authorities))
        more[:states] = ratio ** p["reporting.staff_elasticity"]
        missed = np.maximum(1.0 - self._detection_table, 1e-12)
        self._detection = np.where(
            self._detection_table > 0.0, 1.0 - missed ** more[g.receiver], 0.0
        )

    def _set_chances(self) -> None:
        """Chances of interception and death on each leg today, from capacities, flows, season and rescue."""
        g, p, today = self.geography, self.params, self.today
        base, alone = self._chance_base, self._alone
        # authorities follow the flow in the end, so that only sudden growth swamps them
        response = p["interception.capacity_response"]
        prepared = self._flow_0 ** (1.0 - response) * np.maximum(self._slow_flow, 1e-6) ** response
        capacity = capacity_at_reference(base, prepared, alone)
        chance = chance_of_interception(capacity, np.maximum(self._flow, 1e-9), alone)
        if not self.assumptions.model.adaptation:
            chance = base
        route_rescue = np.ones(len(ROUTES))
        for event in self.assumptions.events:
            if event.kind == "border_closed" and event.holds(today):
                chance = np.where(self._border(event), np.maximum(chance, event.strength), chance)
            elif event.kind == "rescue_change" and event.holds(today):
                route_rescue[ROUTES.index(event.route)] *= event.factor
        self._chance = chance
        pressure = np.where(self._chance_0 > 0.0, chance / np.maximum(self._chance_0, 1e-9), 1.0)
        relative = self._rescue * route_rescue[g.route_of_leg]
        crowding = (self.market.wanted / np.maximum(self.market.capacity, 1e-9))[g.corridor_of_leg]
        one = np.ones(len(chance))
        self._death_year = chance_of_death(self._death_base, one, pressure, crowding, relative, g.by_sea, p)
        season = season_factor(today.month, g.by_sea, p["harm.season_amplitude"])
        self._death = np.minimum(self._death_year * season, p["harm.ceiling"])

    def _border(self, event: Any) -> npt.NDArray[np.bool_]:
        """Legs that cross the border which an event closes."""
        legs, g = self.geography.legs, self.geography
        key = (event.from_, event.into, event.by)
        if key not in self._borders:
            tail = np.array([g.hub_country[h] for h in legs["tail"]])
            head = np.array([g.hub_country[h] for h in legs["head"]])
            left = np.ones(len(tail), dtype=bool) if event.from_ is None else tail == event.from_
            mode = True if event.by is None else legs["mode"] == event.by
            self._borders[key] = (head == event.into) & (tail != head) & left & mode
        return self._borders[key]

    def _move_travellers(self) -> None:
        g, p = self.geography, self.params
        coming = self._potential[:, self.day]
        need = self.under_way + int(coming.sum())
        if need > len(self._rows.key):
            self.under_way = compact(self._rows, self.under_way)
            need = self.under_way + int(coming.sum())
            if need > len(self._rows.key) // 2:
                check_room(self.under_way + need, self.persons)  # old and new rows
                self._rows = self._rows.grown(3 * need + 4096)
        shares = self._shares
        entry = Entry(
            coming, self._classes, self._origin_share, self._origin_hub,
            shares.leave, shares.apply, self.tastes.budget, p["route_choice.means_spread"],
            int(p["legal.wait_days"]), self.visas.offer, self.visas.price, self._offered.leave, self._offered.apply,
            self._offered.buy,
        )  # fmt: skip
        before = self.under_way
        calendar = (self.today - date(2010, 1, 1)).days
        seed = np.uint64(self.run_seed)
        self.under_way = enter(self._rows, before, self.day, calendar, seed, self.persons, entry, self.tally)
        new = self._rows.kind[before : self.under_way] // CLASSES
        self._entered += self.persons * np.bincount(new, minlength=len(self._entered))
        accept = self.market.accept()
        if not self.assumptions.model.adaptation:
            accept = np.ones_like(accept)
        # frozen smugglers go on offering what they offered at the reference, whoever is arrested
        if self.day == 0 or (self.day % 7 == 0 and self.assumptions.model.adaptation):
            self._offers = offers(self.firms, len(g.corridors))
        fee = self._fee_table * self.market.fee_factor[g.corridor_of_leg]
        conditions = Conditions(
            self._menu, fee, self.tastes.group_fee, self._use, accept, self._death, self._chance, self._detection,
            self._returned, self._held.astype(np.int64), self._repeat, self._admit, shares.fallback, *self._offers,
        )  # fmt: skip
        boats = set_sail(self._death, self._flow, g.by_sea, seed, calendar, p)
        advance(self._rows, self.under_way, self.day, self.persons, self._legs, conditions, self.tally,
                max(1, int(p["networks.wait_days"])), max(1, int(p["interception.return_days"])),
                p["fees.upfront_share"], boats, self._captivity, self._sailing)  # fmt: skip
        self._note_incidents(boats)
        weight = 1.0 - 0.5 ** (1.0 / p["interception.flow_half_life_days"])
        self._flow += weight * (self.tally.today - self._flow)
        weight = 1.0 - 0.5 ** (1.0 / p["interception.response_half_life_days"])
        self._slow_flow += weight * (self.tally.today - self._slow_flow)
        self.market.observe(self.tally.wanted, 1.0)

    def _note_incidents(self, boats: Boats) -> None:
        fatal = boats.lost.nonzero()[0]
        if len(fatal):
            leg = np.searchsorted(boats.first + boats.number, fatal, side="right")
            self._incidents.append((self.today, leg, boats.lost[fatal]))
            np.add.at(self._fatal_incidents, self.geography.route_of_leg[leg], 1.0)

    def incidents(self) -> pd.DataFrame:
        """Fatal incidents at sea since the burn-in: day, leg, route, deaths (persons)."""
        g, start = self.geography, self.assumptions.horizon.start
        names, routes = list(g.legs["leg"]), list(g.legs["route"])
        rows = [
            (day, names[leg], routes[leg], float(deaths))
            for day, legs, lost in self._incidents
            if day >= start
            for leg, deaths in zip(legs, lost, strict=True)
        ]
        return pd.DataFrame(rows, columns=["day", "leg", "route", "deaths"])

    # ------------------------------------------------------------------ month

    def _close_month(self) -> None:
        self.under_way = compact(self._rows, self.under_way)
        month, keep = f"{self.today:%Y-%m}", self.today >= self.assumptions.horizon.start
        self._file_detections(self.day + 1)
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
            ("fatal_incidents", "route", self._fatal_incidents),
        ]
        published = self.reporting.publish(month, keep)
        self.recorder.close_month(month, self.tally, extra, keep=keep, reported=published)
        self.datacollector.collect(self)
        self._cost = np.zeros_like(self._cost)
        self._fatal_incidents = np.zeros_like(self._fatal_incidents)
        self._programme_cost = self._profit = 0.0
        self._weeks_in_month = 0
        self._stock_networks = 0.0
        self._stock_backlog = np.zeros(len(self.member_states))

    def entered_by_group(self) -> FloatArray:
        """Persons so far who left, applied or bought a visa, shape (groups,)."""
        return self._entered + self.tally.bought

    def population(self) -> Mapping[str, float]:
        """Persons so far: entered = arrived + dead + gave_up + admitted + under_way."""
        t = self.tally
        return {
            "entered": float(self.entered_by_group().sum()),
            "arrived": float(t.settled.sum()),
            "dead": float(t.deaths.sum()),
            "gave_up": float(t.gave_up.sum()),
            "admitted": float(t.admitted.sum()),
            "under_way": float(np.count_nonzero(self._rows.state[: self.under_way] <= 1)) * self.persons,
        }

