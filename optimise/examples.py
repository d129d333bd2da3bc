"""Small allocation problems to learn from and to test with; every figure in them is invented."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..scenarios import registry
from .from_scenario import give_way
from .problem import AllocationProblem, ContributionKey, JointTeams, SetUp, SharedPool


def problem(
    resources: tuple[str, ...] = ("analyst",), places: tuple[str, ...] = ("GRC", "ITA"), quarters: int = 1,
    *, width: Any = ((2, np.inf), (2, np.inf)), slope: Any = ((10, 4), (6, 1)), available: float = 3,
    **changes: Any,
) -> AllocationProblem:
    """One resource, two places, one quarter unless told otherwise; costs weigh nothing.

    Three analysts for Greece (10 points each for the first two, then 4) and Italy (6, then 1): the optimum
    sends two to Greece and one to Italy, 26 points, and a fourth would be worth 6.
    """
    r, p = len(resources), len(places)
    w, s = np.array(width, dtype=float), np.array(slope, dtype=float)
    k = w.shape[-1]
    fields: dict[str, Any] = {
        "resources": resources, "places": places, "quarters": tuple(f"{2025 + t // 4}Q{t % 4 + 1}" for t in range(quarters)),
        "quarter_years": np.full(quarters, 1 / 4), "available": np.full((r, quarters), available, dtype=float),
        "first": np.zeros(r, dtype=np.int64), "joiners": np.full(r, np.inf),
        "width": np.broadcast_to(w, (r, p, k)).copy(), "slope": np.broadcast_to(s, (r, p, k)).copy(),
        "timing": np.ones((r, quarters)), "unit_cost": np.full(r, 100_000, dtype=float), "posting_cost": 0.0, "cost_weight": 0.0, "budgets": {},
        "heading": {name: "europol" for name in resources}, "absorb": np.full(p, np.inf), "hosted": np.ones(r),
        "consent": np.ones(p, dtype=bool), "asks": np.zeros(r, dtype=bool), "minimum": np.zeros((r, p)),
        "integer": np.zeros(r, dtype=bool), "place_titles": {"GRC": "Greece", "ITA": "Italy"},
        "give_way": give_way({name: row.value for name, row in registry().items()})}
    fields.update(changes)
    return AllocationProblem(**fields)


def rich_problem(seed: int, places: int = 4, quarters: int = 5) -> AllocationProblem:
    """A problem with every kind of limit at once, by seed; feasible, because nothing has to be anywhere.

    Officers in joint teams with investigators (trained first), a reserve that is called upon for half of the year and given
    from the same stock as the investigators, teams that are set up at a cost, and liaison officers for the last place only.
    """
    g = np.random.default_rng(seed)
    names = ("deployed_officer", "reserve_officer", "investigator", "task_force_team", "liaison_officer")
    r = len(names)
    width = g.uniform(1, 3, (r, places, 3))
    width[:, :, -1] = np.inf
    slope = np.sort(g.gamma(2.0, 2.0, (r, places, 3)), axis=2)[:, :, ::-1].copy()
    slope[:, :, -1] = 0
    sites = np.ones((r, places), dtype=bool)
    sites[:, -1], sites[-1] = False, False
    sites[-1, -1] = True
    given = np.where(np.arange(places) < places - 1, 1 / (places - 1), 0.0)
    national = names[1:3]
    inf = np.inf
    return problem(
        names, tuple(f"P{i}" for i in range(places)), quarters, width=width, slope=slope, available=6, sites=sites,
        first=np.array([0, 0, 1, 0, 0]), lead=np.array([0, 0, 1, 0, 0]), joiners=np.array([3, inf, inf, inf, inf]),
        training_cost=np.array([0, 0, 60_000, 0, 0]), completion=np.array([1, 1, 9 / 10, 1, 1]),
        training_places=np.array([inf, inf, 3, inf, inf]), year_use=np.array([inf, 2.0, inf, inf, inf]),
        budgets={("europol", 2025): 1_500_000, ("europol", 2026): 300_000}, carry_over={"europol": 1 / 5},
        unit_cost=g.uniform(60_000, 200_000, r), posting_cost=1000.0, cost_weight=1e-6,
        absorb=g.uniform(4, 9, places), hosted=np.array([1.0, 1, 1, 2, 1]), consent=np.arange(places) != 1,
        asks=np.array([True, True, False, True, True]), ramp=5 / 2, stay_least=2, stay_most=np.array([3, 3, inf, inf, inf]),
        notice=1, pools=(SharedPool("europol", names[:2], 8),),
        teams=JointTeams(names[:2], names[2], 2.0, g.uniform(0, 3, places)),
        key=ContributionKey(national, np.tile(given, (r, 1)), 0.5, np.full((r, places), 3), 0.5,
                            dict.fromkeys(national, "investigator")),
        set_up=(SetUp("task_force_team", 200_000, 3, 0.5),), seed=seed)


def random_problem(seed: int, resources: int = 3, places: int = 5, quarters: int = 4) -> AllocationProblem:
    """A feasible problem with budgets, absorption, ramps, teams and a key, by seed."""
    g = np.random.default_rng(seed)
    names = ("deployed_officer", "investigator", "analyst")[:resources]
    width = g.uniform(1, 4, (resources, places, 3))
    width[:, :, -1] = np.inf
    slope = np.sort(g.gamma(2.0, 2.0, (resources, places, 3)), axis=2)[:, :, ::-1].copy()
    slope[:, :, -1] = 0
    return problem(
        names, tuple(f"P{i}" for i in range(places)), quarters, width=width, slope=slope, available=8,
        budgets={("europol", 2025): 900_000}, unit_cost=g.uniform(60_000, 200_000, resources), posting_cost=1000,
        cost_weight=1e-6, absorb=g.uniform(2, 8, places), ramp=2, pools=(SharedPool("reserve", names[:2], 10),),
        teams=JointTeams(names[:1], names[1], 2.0, g.uniform(0, 3, places)),
        key=ContributionKey((names[1],), np.full((resources, places), 1 / places), 0.5, np.full((resources, places), 2.0)))
