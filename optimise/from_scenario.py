"""From a scenario and measured effects to an allocation problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .effects import EffectCurves, quarters_of
from .linear_model import Floats
from .problem import AllocationProblem, ContributionKey, JointTeams, SharedPool

if TYPE_CHECKING:
    from ..scenarios import Scenario

OFFICER = "deployed_officer"
INVESTIGATOR = "investigator"
KINDS_OF_STAFF = "FTE"


class NothingToPlan(ValueError):
    """The scenario gives the plan nothing to place."""


def population_gdp_key(population: Floats, gdp: Floats) -> Floats:
    """Contribution key: half by population, half by gross domestic product.

    Regulation (EU) 2024/1351, Article 66.  The share of each is of the sum over all Member States.
    """
    return np.asarray(0.5 * population / population.sum() + 0.5 * gdp / gdp.sum(), dtype=np.float64)


_KNOWN: dict[str, pd.DataFrame] = {}


def _baseline(scenario: Scenario) -> pd.DataFrame:
    """Today's national staff; the last few are kept, because the model fits its reference year to know them."""
    from ..model import staff_baseline

    told = scenario.model_dump_json(exclude={
        "name", "title", "question", "description", "extends", "resources", "outcomes", "replicates", "levers", "events"})
    if told not in _KNOWN:
        while len(_KNOWN) >= 4:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[told] = staff_baseline(scenario)
    return _KNOWN[told]


def problem_from(scenario: Scenario, effects: EffectCurves) -> AllocationProblem:
    """Fill an :class:`AllocationProblem` from ``scenario.resources``, the registry and measured effects.

    Raises
    ------
    NothingToPlan
        When no resource type has posts.
    """
    from ..scenarios import RESOURCES, world

    params = scenario.parameters()
    given = scenario.resources
    resources = tuple(name for name, post in given.posts.items() if post.available > 0)
    if not resources:
        raise NothingToPlan(
            f"scenario '{scenario.name}' gives the plan nothing to place: no type in resources.posts has available > 0")
    states = world().member_states
    places = tuple(str(code) for code in states["member_state"])
    lengths = quarters_of(scenario.horizon.start, scenario.horizon.end)
    quarters = tuple(lengths)
    nr, nt = len(resources), len(quarters)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    years = np.array(list(lengths.values()))
    width, slope = effects.curves(resources, places, weights, float(years.sum()) * 4)

    available, first, joiners = np.zeros((nr, nt)), np.zeros(nr, dtype=np.int64), np.full(nr, np.inf)
    for r, name in enumerate(resources):
        post = given.posts[name]
        begins = post.from_ or scenario.horizon.start
        label = f"{begins.year}Q{(begins.month - 1) // 3 + 1}"
        start = sum(q < label for q in quarters)
        first[r] = min(start + post.hire_lead_quarters, nt)
        available[r, start:] = post.available
        if post.hires_per_quarter is not None:
            joiners[r] = post.hires_per_quarter

    hosts = {place: given.host(place) for place in places}
    absorb = np.array([np.inf if host is None else host.absorb for host in hosts.values()], dtype=np.float64)
    consent = np.array([host is None or host.consent for host in hosts.values()], dtype=np.bool_)
    minimum = np.array([[0.0 if host is None else host.minimum.get(name, 0.0) for host in hosts.values()]
                        for name in resources], dtype=np.float64)

    baseline = _baseline(scenario).pivot(index="resource", columns="place", values="staff")
    baseline = baseline.reindex(columns=list(places), fill_value=0.0)
    rules = given.rules
    teams = None
    if rules.joint_team_ratio is not None and OFFICER in resources:
        home = baseline.loc[INVESTIGATOR].to_numpy(dtype=np.float64) * params["optimise.joint_team_share"]
        teams = JointTeams(OFFICER, INVESTIGATOR, rules.joint_team_ratio, home)
    key = None
    national = tuple(name for name in resources if RESOURCES[name].owner == "member_state"
                     and RESOURCES[name].unit == KINDS_OF_STAFF)
    if rules.solidarity_cap is not None and national:
        spare = np.full((nr, len(places)), np.inf)
        share = np.zeros((nr, len(places)))
        for r, name in enumerate(resources):
            if name in national:
                own = baseline.loc[name].to_numpy(dtype=np.float64)
                spare[r] = own * rules.solidarity_cap
                share[r] = population_gdp_key(states["population"].to_numpy(dtype=np.float64) * (own > 0),
                                              states["gdp_eur_bn"].to_numpy(dtype=np.float64) * (own > 0))
        key = ContributionKey(national, share, params["optimise.key_band"], spare)

    stay_most = np.full(nr, np.inf)
    least = max(1, int(params["optimise.least_stay_quarters"]))
    if rules.rotation_quarters is not None and OFFICER in resources:
        stay_most[resources.index(OFFICER)] = rules.rotation_quarters
        least = min(least, rules.rotation_quarters)
    return AllocationProblem(
        resources=resources, places=places, quarters=quarters, quarter_years=years, available=available, first=first,
        joiners=joiners, width=width, slope=slope, timing=np.ones((nr, nt)),
        unit_cost=np.array([params[RESOURCES[name].cost_parameter] for name in resources]),
        posting_cost=params["optimise.posting_cost_eur"], cost_weight=max(0.0, weights.get("cost_eur", 0.0)),
        budgets={(heading, int(year)): eur for heading, by_year in given.budgets.items()
                 for year, eur in by_year.items()} | {
            (heading, year): 0.0 for heading, by_year in given.budgets.items() if not by_year
            for year in {int(q[:4]) for q in quarters}},
        heading={name: RESOURCES[name].heading for name in resources}, absorb=absorb,
        hosted=np.array([RESOURCES[name].unit == KINDS_OF_STAFF for name in resources], dtype=np.bool_),
        consent=consent, asks=np.array([name == OFFICER for name in resources], dtype=np.bool_), minimum=minimum,
        integer=np.array([given.posts[name].integer for name in resources], dtype=np.bool_),
        ramp=np.inf if rules.ramp_per_quarter is None else rules.ramp_per_quarter, stay_least=least,
        stay_most=stay_most, pools=tuple(
            SharedPool(name, tuple(kind for kind in pool.types if kind in resources), pool.available)
            for name, pool in given.pools.items()),
        teams=teams, key=key, seed=scenario.seed,
        resource_titles={name: _in_a_sentence(RESOURCES[name].title) for name in resources},
        place_titles=dict(zip(places, (str(name) for name in states["name"]), strict=True)))


def _in_a_sentence(title: str) -> str:
    """A title as it stands inside a sentence: only names keep their capital."""
    return title if title.startswith("Europol") else title[:1].lower() + title[1:]
