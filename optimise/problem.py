"""What there is to decide and within which limits, as arrays: between a scenario and its linear programme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .linear_model import Booleans, Floats


class ProblemError(ValueError):
    """An allocation problem that makes no sense: not a number, a negative limit, a curve that is not concave."""


@dataclass(frozen=True)
class SharedPool:
    """A pool that several resource types draw on together."""

    name: str
    resources: tuple[str, ...]
    available: float


@dataclass(frozen=True)
class JointTeams:
    """Officers from outside work only together with investigators of the host.

    Attributes
    ----------
    officers : tuple of str
        Resource types that need a partner; those that are not in the problem are passed over.
    investigator : str
        Resource type of the partners.
    ratio : float
        Investigators per officer.
    home : array (places,)
        Investigators that the place's own services can give to joint teams.
    """

    officers: tuple[str, ...]
    investigator: str
    ratio: float
    home: Floats


@dataclass(frozen=True)
class ContributionKey:
    """Member States contribute the staff of some types by a key.

    Attributes
    ----------
    resources : tuple of str
        Types that are drawn from Member States.
    share : array (resources of the problem, places)
        The key, summing to one for each type that is drawn: half population, half gross domestic product
        (Regulation (EU) 2024/1351, Article 66), over the states that have such staff.
    band : float
        A contribution is at most (1 + band) times the key's.
    spare : array (resources of the problem, places)
        Most that a state can give beyond what stays on its own territory; infinite where nothing is known.  Types
        from one stock share it.
    least : float
        A contribution is at least so much of the key's; 0 for no such rule.
    stock : mapping type -> name
        Staff at home from which a type is given; a type that is absent has its own.
    """

    resources: tuple[str, ...]
    share: Floats
    band: float
    spare: Floats
    least: float = 0.0
    stock: Mapping[str, str] = field(default_factory=dict)

    def shares_with(self, resource: str) -> tuple[str, ...]:
        """Types that are given from the same stock, this one included."""
        own = self.stock.get(resource, resource)
        return tuple(name for name in self.resources if self.stock.get(name, name) == own)


@dataclass(frozen=True)
class SetUp:
    """Work of one type at a place has to be set up first, at a fixed cost, and is closed after a time.

    Attributes
    ----------
    resource : str
    eur : float
        Cost of setting up, whatever its size.
    lasts : int
        Quarters that it can work before it has to be set up anew.
    least : float
        Least staff while it is set up.
    """

    resource: str
    eur: float
    lasts: int
    least: float = 0.0


@dataclass(frozen=True)
class AllocationProblem:
    """Sets, limits, costs and effect curves of one allocation.

    Sizes: R resource types, P places, T quarters, K segments.

    Attributes
    ----------
    resources, places, quarters : tuple of str
        Names: resource types, ISO3 codes, ``2025Q3``.
    quarter_years : array (T,)
        Length of each quarter in years (shorter where the horizon cuts it).
    available : array (R, T)
        Posts (or kits, or units) that may be filled in a quarter.
    first : int array (R,)
        Index of the first quarter in which anyone can have joined (start of the posts plus hiring lead time);
        T when that lies beyond the horizon.
    joiners : array (R,)
        Most that can join in a quarter; infinite without such a limit.
    width, slope : arrays (R, P, K)
        Segments of the concave effect: staff, and points of weighted harm avoided per member of staff and
        quarter.  The last width may be infinite.
    timing : array (R, T)
        Factor on the effect of staff by quarter (staff late in the horizon has less time to tell).
    unit_cost : array (R,)
        Euros per member of staff and year.
    posting_cost : float
        Euros for each posting to another place.
    cost_weight : float
        Points per euro.
    budgets : mapping (heading, year) -> euros
    heading : mapping resource -> heading
    absorb : array (P,)
        Most additional staff that a place can host; infinite without such a limit.
    hosted : array (R,)
        People per unit of a type who count against `absorb`: 1 for a person, several for a team, 0 for equipment.
    consent : bool array (P,)
        False: none of the types in `asks` can be sent there.
    asks : bool array (R,)
        Types that need the host's consent.
    minimum : array (R, P)
        Least presence, from the first possible quarter on.
    ramp : float
        Most change by type and place from one quarter to the next; infinite without such a limit.
    stay_least : int
        Quarters that a posting lasts at least; 1 for no such rule.
    stay_most : array (R,)
        Quarters that a posting lasts at most, after which another person takes over; infinite without such a rule.
    integer : bool array (R,)
        Types that come whole.
    sites : bool array (R, P), optional
        Where a type can be sent at all; everywhere when not given.
    lead : int array (R,), optional
        Quarters of training before a recruit joins (part of `first`); none when not given.
    training_cost : array (R,)
        Euros per recruit and year of training.
    completion : array (R,)
        Share of recruits who complete the training.
    training_places : array (R,)
        Most recruits in training at one time; infinite without such a limit.
    posts : array (R,)
        Posts that one unit of a type takes from shared pools: the people in a team; 1 when not given.
    notice : int
        Quarters on the way between two places: who is withdrawn from one can be at another only after so many.
    year_use : array (R,)
        Quarters in a year for which each post can be called upon; infinite without such a limit.
    carry_over : mapping heading -> share
        Largest share of a year's budget that can be kept for the next year; a heading that is absent keeps nothing.
    set_up : tuple of SetUp
        Types with a fixed cost of setting up, at most one entry for each.
    give_way : mapping kind of row -> weight
        What giving way by one unit of a limit counts when the smallest relaxation is sought (budgets: by EUR 1,000); a
        kind that is absent counts 1.
    """

    resources: tuple[str, ...]
    places: tuple[str, ...]
    quarters: tuple[str, ...]
    quarter_years: Floats
    available: Floats
    first: np.ndarray[tuple[int], np.dtype[np.int64]]
    joiners: Floats
    width: Floats
    slope: Floats
    timing: Floats
    unit_cost: Floats
    posting_cost: float
    cost_weight: float
    budgets: Mapping[tuple[str, int], float]
    heading: Mapping[str, str]
    absorb: Floats
    hosted: Floats
    consent: Booleans
    asks: Booleans
    minimum: Floats
    integer: Booleans
    ramp: float = np.inf
    stay_least: int = 1
    stay_most: Floats = field(default_factory=lambda: np.zeros(0))
    pools: tuple[SharedPool, ...] = ()
    teams: JointTeams | None = None
    key: ContributionKey | None = None
    sites: Booleans = field(default_factory=lambda: np.zeros((0, 0), dtype=np.bool_))
    lead: np.ndarray[tuple[int], np.dtype[np.int64]] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    training_cost: Floats = field(default_factory=lambda: np.zeros(0))
    completion: Floats = field(default_factory=lambda: np.zeros(0))
    training_places: Floats = field(default_factory=lambda: np.zeros(0))
    posts: Floats = field(default_factory=lambda: np.zeros(0))
    notice: int = 0
    year_use: Floats = field(default_factory=lambda: np.zeros(0))
    carry_over: Mapping[str, float] = field(default_factory=dict)
    set_up: tuple[SetUp, ...] = ()
    give_way: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    resource_titles: Mapping[str, str] = field(default_factory=dict)
    place_titles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        r, p, t = len(self.resources), len(self.places), len(self.quarters)
        for name, value in (("stay_most", np.inf), ("training_cost", 0.0), ("completion", 1.0), ("training_places", np.inf),
                            ("year_use", np.inf), ("lead", 0), ("posts", 1.0)):
            if getattr(self, name).size == 0:
                object.__setattr__(self, name, np.full(r, value))
        if self.sites.size == 0:
            object.__setattr__(self, "sites", np.ones((r, p), dtype=np.bool_))
        shapes: Sequence[tuple[str, Floats, tuple[int, ...]]] = (
            ("quarter_years", self.quarter_years, (t,)), ("available", self.available, (r, t)),
            ("first", self.first.astype(np.float64), (r,)), ("joiners", self.joiners, (r,)),
            ("timing", self.timing, (r, t)), ("unit_cost", self.unit_cost, (r,)), ("absorb", self.absorb, (p,)),
            ("minimum", self.minimum, (r, p)), ("stay_most", self.stay_most, (r,)),
            ("hosted", self.hosted.astype(np.float64), (r,)), ("lead", self.lead.astype(np.float64), (r,)),
            ("training_cost", self.training_cost, (r,)), ("completion", self.completion, (r,)),
            ("training_places", self.training_places, (r,)), ("year_use", self.year_use, (r,)),
            ("posts", self.posts, (r,)),
        )
        for name, array, shape in shapes:
            if array.shape != shape:
                raise ProblemError(f"{name}: expected shape {shape}, got {array.shape}")
            if np.isnan(array).any():
                raise ProblemError(f"{name}: contains something that is not a number")
            if (array < 0).any():
                raise ProblemError(f"{name}: contains a negative figure")
        flag_shapes: Sequence[tuple[str, Booleans, tuple[int, ...]]] = (
            ("consent", self.consent, (p,)), ("asks", self.asks, (r,)), ("integer", self.integer, (r,)),
            ("sites", self.sites, (r, p)))
        for name, flags, shape in flag_shapes:
            if flags.shape != shape:
                raise ProblemError(f"{name}: expected shape {shape}, got {flags.shape}")
        if self.width.shape != self.slope.shape or self.width.shape[:2] != (r, p):
            raise ProblemError(f"width and slope: expected shape ({r}, {p}, segments), got {self.width.shape}")
        if np.isnan(self.width).any() or (self.width < 0).any() or not np.isfinite(self.slope).all():
            raise ProblemError("width and slope: contain something that is not a usable number")
        for name, number in (("posting_cost", self.posting_cost), ("cost_weight", self.cost_weight),
                             ("ramp", self.ramp), *((f"budget {h} {y}", eur) for (h, y), eur in self.budgets.items()),
                             *((f"pool {pool.name}", pool.available) for pool in self.pools),
                             *((f"carry_over {h}", share) for h, share in self.carry_over.items()),
                             *((f"set_up {s.resource}", s.eur) for s in self.set_up)):
            if not number >= 0:
                raise ProblemError(f"{name}: must be zero or more, not {number}")
        self._check_concave()
        for pool in self.pools:
            for name in pool.resources:
                if name not in self.resources:
                    raise ProblemError(f"pool {pool.name}: no resource type {name!r} in this problem")
        if self.stay_least < 1 or (self.stay_most < 1).any():
            raise ProblemError("stay_least and stay_most: a posting lasts at least one quarter")
        if self.key is not None:
            drawn = self.key.share[[name in self.key.resources for name in self.resources]]
            if drawn.shape[1:] != (p,) or not np.allclose(drawn.sum(axis=1), 1.0) or (drawn < 0).any():
                raise ProblemError("key: the shares must be zero or more and sum to one for each type")
            if not 0 <= self.key.least <= 1:
                raise ProblemError("key: the least share of a contribution must be between 0 and 1")
        if self.teams is not None and not self.teams.ratio > 0:
            raise ProblemError("teams: the ratio must be above zero")
        self._check_resources()

    def _check_resources(self) -> None:
        nowhere = (self.minimum > 0) & ~self.sites
        if nowhere.any():
            r, i = (int(a[0]) for a in np.nonzero(nowhere))
            raise ProblemError(f"minimum: {self.resources[r]} cannot be sent to {self.places[i]}")
        if (self.lead > self.first).any():
            raise ProblemError("lead: nobody joins before the training is over")
        if ((self.completion <= 0) | (self.completion > 1)).any():
            raise ProblemError("completion: must lie above 0 and be at most 1")
        if self.notice < 0:
            raise ProblemError("notice: must be zero or more quarters")
        kinds = [s.resource for s in self.set_up]
        for s in self.set_up:
            if s.resource not in self.resources or kinds.count(s.resource) > 1:
                raise ProblemError(f"set_up: {s.resource!r} must be a resource type of this problem, named once")
            if s.lasts < 1 or not s.least >= 0:
                raise ProblemError(f"set_up {s.resource}: lasts at least one quarter, and its least staff is not negative")

    def _check_concave(self) -> None:
        used = self.width > 0
        slope = np.where(used, self.slope, np.inf)
        # A segment of no width takes part in nothing; compare each used one with the last used before it.
        smallest = np.minimum.accumulate(slope, axis=2)
        tolerance = 1e-9 * (1.0 + np.abs(np.where(used, self.slope, 0.0)).max(initial=0.0))
        wrong = used & (slope > smallest + tolerance)
        if wrong.any():
            r, i, k = (int(a[0]) for a in np.nonzero(wrong))
            raise ProblemError(
                f"the effect of {self.resources[r]} in {self.places[i]} is not concave: segment {k + 1} is steeper "
                "than one before it, so a linear programme would fill it first")

    @property
    def money_unit(self) -> float:
        """Euros in which the linear programme counts: the power of ten nearest to what a post costs in a quarter.

        So that money stands beside fractions of posts with coefficients near one, whatever the currency's unit.
        """
        cost = self.unit_cost[self.unit_cost > 0] * float(self.quarter_years.mean())
        if cost.size == 0:
            cost = np.array([max(self.posting_cost, 1.0)])
        return float(10 ** np.round(np.log10(cost).mean()))

    @property
    def officers(self) -> tuple[int, ...]:
        """Indices of the resource types that work in joint teams."""
        names = () if self.teams is None else self.teams.officers
        return tuple(r for r, name in enumerate(self.resources) if name in names)

    @property
    def years(self) -> tuple[int, ...]:
        """Calendar year of each quarter."""
        return tuple(int(quarter[:4]) for quarter in self.quarters)

    def resource_title(self, name: str) -> str:
        """Name of a resource type in words."""
        return self.resource_titles.get(name, name.replace("_", " "))

    def place_title(self, name: str) -> str:
        """Name of a place in words."""
        return self.place_titles.get(name, name)

    def benefit(self, staff: Floats) -> Floats:
        """Points avoided by `staff` (R, P, T), by resource type, place and quarter, before timing and length.

        The concave curves themselves: staff fills the segments in order.
        """
        total = np.zeros_like(staff)
        left = staff.copy()
        for k in range(self.width.shape[2]):
            filled = np.minimum(left, self.width[:, :, k, None])
            total += filled * self.slope[:, :, k, None]
            left = left - filled
        return total
