"""From a scenario and measured effects to an allocation problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..model.deployments import population_gdp_key
from .effects import EffectCurves, quarters_of
from .linear_model import Floats
from .problem import AllocationProblem, ContributionKey, JointTeams, SetUp, SharedPool

if TYPE_CHECKING:
    from ..scenarios import Scenario

INVESTIGATOR = "investigator"
TASK_FORCE = "task_force_team"
IN_JOINT_TEAMS = ("deployed_officer", "reserve_officer")
"""Officers who work only together with investigators of the host."""
FROM_OUTSIDE = ("deployed_officer", "reserve_officer", "frontex_officer")
"""Officers on a host's territory for a time: they rotate."""
AT_REQUEST = (*FROM_OUTSIDE, "liaison_officer", TASK_FORCE)
"""Types that need the host's consent."""
GIVEN_FROM = {"reserve_officer": INVESTIGATOR, "liaison_officer": INVESTIGATOR}
"""Types that Member States give from the staff of another type."""
PEOPLE = "FTE"
"""Unit of the types that are people."""


class NothingToPlan(ValueError):
    """The scenario gives the plan nothing to place."""


def give_way(params: Mapping[str, float]) -> dict[str, float]:
    """What giving way by one unit counts when the smallest relaxation is sought, by kind of limit.

    In the order in which a planner would rather give way: how fast and how long staff is posted, what a place must
    have, can host or gives, posts and the money for them, hiring time, a host's refusal.
    """
    movement, hosts, posts = (
        params["optimise.relax_movement"], params["optimise.relax_hosts"], params["optimise.relax_posts"])
    money = params["optimise.relax_thousand_eur"]
    return {
        "pool": posts, "shared_pool": posts, "year_use": posts, "spare": posts,
        "lead": params["optimise.relax_hiring_time"], "consent": params["optimise.relax_consent"],
        "joiners": hosts, "training_places": hosts, "absorb": hosts, "minimum": hosts, "least_team": hosts,
        "key_most": hosts, "key_least": hosts, "budget": money, "carry_most": money, "notice": movement,
        "ramp_up": movement, "ramp_down": movement, "stay_least": movement, "stay_most": movement}


_KNOWN: dict[str, pd.DataFrame] = {}


def _baseline(scenario: Scenario) -> pd.DataFrame:
    """Today's staff; the last few are kept, because the model fits its reference year to know them."""
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
    tables = world()
    states = tables.member_states
    titles = dict(zip((str(code) for code in states["member_state"]), (str(name) for name in states["name"]), strict=True))
    abroad = np.array([RESOURCES[name].places == "partner" for name in resources])
    if abroad.any():
        titles |= dict(zip((str(code) for code in tables.partners["partner"]),
                           (str(name) for name in tables.partners["name"]), strict=True))
    places = tuple(titles)
    sites = abroad[:, None] == (np.arange(len(places)) >= len(states))[None, :]
    lengths = quarters_of(scenario.horizon.start, scenario.horizon.end)
    quarters = tuple(lengths)
    nr, nt = len(resources), len(quarters)
    weights = {name: weight.weight for name, weight in scenario.outcomes.items()}
    years = np.array(list(lengths.values()))
    width, slope = effects.curves(resources, places, weights, float(years.sum()) * 4)

    posts = [given.posts[name] for name in resources]
    available, first = np.zeros((nr, nt)), np.zeros(nr, dtype=np.int64)
    for r, post in enumerate(posts):
        begins = post.from_ or scenario.horizon.start
        label = f"{begins.year}Q{(begins.month - 1) // 3 + 1}"
        start = sum(q < label for q in quarters)
        first[r] = min(start + post.hire_lead_quarters, nt)
        available[r, start:] = post.available
    unit_cost = np.array([params[RESOURCES[name].cost_parameter] for name in resources])
    trained = np.array([post.training_quarters > 0 for post in posts])

    hosts = [given.host(place) for place in places]
    absorb = np.array([np.inf if host is None else host.absorb for host in hosts])
    consent = np.array([host is None or host.consent for host in hosts], dtype=np.bool_)
    minimum = np.array([[0.0 if host is None else host.minimum.get(name, 0.0) for host in hosts] for name in resources])

    baseline = _baseline(scenario).pivot(index="resource", columns="place", values="staff")
    baseline = baseline.reindex(columns=list(places), fill_value=0.0).fillna(0.0)
    rules = given.rules
    teams = None
    if rules.joint_team_ratio is not None:
        home = baseline.loc[INVESTIGATOR].to_numpy(dtype=np.float64) * params["optimise.joint_team_share"]
        teams = JointTeams(IN_JOINT_TEAMS, INVESTIGATOR, rules.joint_team_ratio, home)
    stay_most = np.full(nr, np.inf)
    least = max(1, int(params["optimise.least_stay_quarters"]))
    if rules.rotation_quarters is not None:
        rotates = np.isin(resources, FROM_OUTSIDE)
        stay_most[rotates] = rules.rotation_quarters
        least = min(least, rules.rotation_quarters) if rotates.any() else least
    people = {PEOPLE: 1.0, "team": params["optimise.task_force_people"]}
    return AllocationProblem(
        resources=resources, places=places, quarters=quarters, quarter_years=years, available=available, first=first,
        joiners=_or_none([post.hires_per_quarter for post in posts]), width=width, slope=slope, timing=np.ones((nr, nt)),
        unit_cost=unit_cost, posting_cost=params["optimise.posting_cost_eur"],
        cost_weight=max(0.0, weights.get("cost_eur", 0.0)),
        budgets={(heading, int(year)): eur for heading, by_year in given.budgets.items()
                 for year, eur in by_year.items()} | {
            (heading, year): 0.0 for heading, by_year in given.budgets.items() if not by_year
            for year in {int(q[:4]) for q in quarters}},
        heading={name: RESOURCES[name].heading for name in resources}, absorb=absorb,
        hosted=np.array([people.get(RESOURCES[name].unit, 0.0) for name in resources]), consent=consent,
        asks=np.isin(resources, AT_REQUEST), minimum=minimum,
        integer=np.array([post.integer for post in posts], dtype=np.bool_),
        ramp=np.inf if rules.ramp_per_quarter is None else rules.ramp_per_quarter, stay_least=least,
        stay_most=stay_most, pools=tuple(
            SharedPool(name, tuple(kind for kind in pool.types if kind in resources), pool.available)
            for name, pool in given.pools.items()),
        teams=teams, key=_key(scenario, resources, baseline), sites=sites,
        lead=np.minimum([post.training_quarters for post in posts], first),
        training_cost=np.where(trained, unit_cost * params["optimise.training_pay_share"], 0.0),
        completion=np.where(trained, params["optimise.training_completion"], 1.0),
        training_places=_or_none([post.training_places for post in posts]), notice=rules.notice_quarters,
        posts=np.array([people.get(RESOURCES[name].unit, 1.0) for name in resources]),
        year_use=_or_none([post.quarters_per_year for post in posts]), carry_over=dict(given.carry_over),
        set_up=_set_up(scenario, resources), give_way=give_way(params), seed=scenario.seed,
        resource_titles={name: _in_a_sentence(RESOURCES[name].title) for name in resources}, place_titles=titles)


def _or_none(values: Sequence[float | None]) -> Floats:
    """Limits as an array; infinite where there is none."""
    return np.array([np.inf if value is None else value for value in values])


def _set_up(scenario: Scenario, resources: Sequence[str]) -> tuple[SetUp, ...]:
    """Types with a fixed cost of setting up, or a least size: as the scenario says, task forces also by the registry."""
    params = scenario.parameters()
    quarter = 365.25 / 4
    out = []
    for name in resources:
        post = scenario.resources.posts[name]
        usual = params["optimise.task_force_set_up_eur"] if name == TASK_FORCE else 0.0
        eur = usual if post.set_up_eur is None else post.set_up_eur
        if eur > 0 or post.least_team > 0:
            lasts = post.lasts_quarters or max(1, round(params["investigation.task_force_days"] / quarter))
            out.append(SetUp(name, eur, lasts, post.least_team))
    return tuple(out)


def _key(scenario: Scenario, resources: Sequence[str], baseline: pd.DataFrame) -> ContributionKey | None:
    """How Member States share what is drawn from them, when the scenario has a rule on it."""
    from ..scenarios import RESOURCES, world

    rules = scenario.resources.rules
    national = tuple(name for name in resources if RESOURCES[name].owner == "member_state"
                     and RESOURCES[name].unit == PEOPLE)
    if (rules.solidarity_cap is None and rules.key_least is None) or not national:
        return None
    params = scenario.parameters()
    states = world().member_states.set_index("member_state")
    population, gdp = (states[column].reindex(baseline.columns, fill_value=0.0).to_numpy(dtype=np.float64)
                       for column in ("population", "gdp_eur_bn"))
    key = {"population": (population, population), "gdp": (gdp, gdp)}.get(rules.key, (population, gdp))
    spare = np.full((len(resources), len(baseline.columns)), np.inf)
    share = np.zeros_like(spare)
    for r, name in enumerate(resources):
        if name in national:
            own = baseline.loc[GIVEN_FROM.get(name, name)].to_numpy(dtype=np.float64)
            share[r] = population_gdp_key(key[0] * (own > 0), key[1] * (own > 0))
            if rules.solidarity_cap is not None:
                spare[r] = own * rules.solidarity_cap
    band = params["optimise.key_band"] if rules.key_band is None else rules.key_band
    stock = {name: GIVEN_FROM.get(name, name) for name in national}
    return ContributionKey(national, share, band, spare, 0.0 if rules.key_least is None else rules.key_least, stock)


def _in_a_sentence(title: str) -> str:
    """A title as it stands inside a sentence: only names keep their capital."""
    return title if title.startswith("Europol") else title[:1].lower() + title[1:]
