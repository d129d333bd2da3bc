"""Smuggling networks as firms: who offers places on which corridor, from where, and how that changes.

Networks grow and shrink with demand and profit within limits of recruitment; removed facilitators are replaced in weeks, the
place of a dismantled network is taken anew after a year; supply moves to corridors that pay more; entry is free
(`model/markets.py`); when a network is dismantled its rivals take over its customers (Campana 2018, European Journal of
Criminology 15(4):481-500).  Organisers settle where the law expects least of them (forum shopping).

A Mesa agent stands for one real network, or, where the scenario asks for fewer agents than there are networks, for several
of about one size on one corridor.  What befalls one of them befalls that part of the agent, so that results do not depend
on the number of agents in expectation.  The state of all networks lies in arrays (`Firms`); agents are views of their row.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import mesa
import numpy as np
import numpy.typing as npt

from .markets import Market, perceived_years
from .streams import Purpose, actor_uniforms, case_uniforms, generator

if TYPE_CHECKING:
    from .core import SmugglingModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class Firms:
    """Networks in arrays, one row an agent, shape (agents,) each.

    Attributes
    ----------
    corridor : IntArray
    capacity : FloatArray
        Persons a day with full crews and all of its networks at work.
    weight, at_work : IntArray
        Real networks that the row stands for, and how many of them are at work.
    inner : FloatArray
        Herfindahl index within the row: 1 for a single network, about 1 / weight for several of one size.
    full_organisers, full_facilitators : FloatArray
        Full numbers of members of one network.
    facilitators : FloatArray
        Mean number now in a network at work.
    capital, profit : FloatArray
        EUR, and EUR of the last week.
    back_on : IntArray
        Day from which a row out of work may enter.
    base : IntArray
        Member State where the organisers are established.
    returning : list of (day, row)
        When the place of each dismantled network is taken anew, and each one that was made to stop looks for work, by day.
    relative_sanction : FloatArray, shape (member_states,)
        Expected sanction of organisers at each place relative to the mean place.
    """

    def __init__(self, agents: int, member_states: int = 1) -> None:
        self.corridor: IntArray = np.zeros(agents, dtype=np.int64)
        self.weight: IntArray = np.ones(agents, dtype=np.int64)
        self.at_work: IntArray = np.zeros(agents, dtype=np.int64)
        self.back_on: IntArray = np.zeros(agents, dtype=np.int64)
        self.base: IntArray = np.zeros(agents, dtype=np.int64)
        self.capacity, self.capital, self.profit = np.zeros(agents), np.zeros(agents), np.zeros(agents)
        self.full_organisers, self.full_facilitators = np.ones(agents), np.ones(agents)
        self.facilitators, self.inner = np.zeros(agents), np.ones(agents)
        self.returning: list[tuple[int, int]] = []
        self.relative_sanction = np.ones(member_states)

    def __len__(self) -> int:
        return len(self.corridor)

    @property
    def active(self) -> BoolArray:
        """Rows with a network at work."""
        return self.at_work > 0

    @property
    def share_at_work(self) -> FloatArray:
        return np.asarray(self.at_work / self.weight)

    def stop(self, rows: IntArray, back_on: int) -> None:
        """Rows go out of business until a day."""
        self.at_work[rows] = 0
        self.facilitators[rows] = 0.0
        self.back_on[rows] = back_on

    @property
    def places(self) -> FloatArray:
        """Persons a day with the crews that are left."""
        crew = np.minimum(1.0, self.facilitators / self.full_facilitators)
        return np.asarray(self.capacity * self.share_at_work * crew)


class SmugglingNetwork(mesa.Agent):  # type: ignore[misc]
    """One smuggling network, or several of one kind (`weight`): a view of a row of the model's `Firms`.

    A subclass may replace any of its rules.

    Parameters
    ----------
    model : SmugglingModel
    number : int
        Row; key of its random stream.
    firms : Firms
    """

    def __init__(self, model: SmugglingModel, number: int, firms: Firms) -> None:
        super().__init__(model)
        self.number = number
        self.firms = firms

    @property
    def corridor(self) -> int:
        return int(self.firms.corridor[self.number])

    @property
    def base(self) -> int:
        """Number of the Member State where its organisers are established."""
        return int(self.firms.base[self.number])

    @property
    def weight(self) -> int:
        """Real networks that it stands for."""
        return int(self.firms.weight[self.number])

    @property
    def networks_at_work(self) -> int:
        return int(self.firms.at_work[self.number])

    @property
    def active(self) -> bool:
        return self.networks_at_work > 0

    @property
    def capacity(self) -> float:
        """Persons a day with full crews."""
        return float(self.firms.capacity[self.number])

    @property
    def places(self) -> float:
        """Persons a day with the crews that are left."""
        return float(self.firms.places[self.number])

    @property
    def facilitators(self) -> float:
        """Mean number in each of its networks at work."""
        return float(self.firms.facilitators[self.number])

    @property
    def full_facilitators(self) -> float:
        return float(self.firms.full_facilitators[self.number])

    @property
    def organisers(self) -> float:
        """Number in each of its networks at work."""
        return float(self.firms.full_organisers[self.number]) if self.active else 0.0

    @property
    def capital(self) -> float:
        return float(self.firms.capital[self.number])

    @property
    def profit(self) -> float:
        """EUR of the last week."""
        return float(self.firms.profit[self.number])

    def lose_facilitators(self, number: float) -> float:
        """Arrests among the facilitators of one of its networks; returns how many there were to lose."""
        if not self.active:
            return 0.0
        lost = min(self.facilitators, number)
        self.firms.facilitators[self.number] -= lost / self.networks_at_work
        return lost

    def dismantle(self, day: int, seized_share: float) -> float:
        """The organisers of one of its networks are arrested: it stops for about a year.  Returns the EUR seized."""
        f, i = self.firms, self.number
        if not self.active:
            return 0.0
        seized = max(0.0, self.capital) / self.networks_at_work * seized_share
        f.capital[i] -= seized
        f.at_work[i] -= 1
        if not self.active:
            f.facilitators[i] = 0.0
        insort(f.returning, (day + int(self.model.params["networks.organiser_return_days"]), i))
        return seized

    def suspend(self, day: int, number: int = 1) -> None:
        """Some of its networks stop because the country of departure makes them; they may look for other work later."""
        f, i = self.firms, self.number
        f.at_work[i] -= number
        if not self.active:
            f.facilitators[i] = 0.0
        for _ in range(number):
            insort(f.returning, (day + int(self.model.params["networks.suspension_days"]), i))

    def week(self, carried: float, takings: float, market: Market, day: int) -> None:
        """Settle the week: profit, recruitment, growth, exit (see `settle`).

        Parameters
        ----------
        carried : float
            Persons since last week.
        takings : float
            EUR since last week.
        market : Market
        day : int
        """
        row = np.array([self.number])
        settle(self.firms, row, np.array([carried]), np.array([takings]), market, self.model.params, day)

    def enter(self, corridor: int, capacity: float) -> None:
        """Take up work on a corridor, with all of its networks that are not waiting for new organisers."""
        f, i = self.firms, self.number
        waiting = sum(row == i for _, row in f.returning)
        f.corridor[i] = corridor
        f.capacity[i] = capacity
        f.facilitators[i] = f.full_facilitators[i]
        f.at_work[i] = f.weight[i] - waiting

    def rejoin(self, corridor: int, capacity: float) -> None:
        """The place of one dismantled network is taken anew, with a capacity of its own (persons a day)."""
        f, i = self.firms, self.number
        before = f.at_work[i]
        if before == 0:
            f.corridor[i] = corridor
            f.capacity[i] = 0.0
        f.capacity[i] = (f.capacity[i] * before + capacity * f.weight[i]) / (before + 1)
        f.facilitators[i] = (f.facilitators[i] * before + f.full_facilitators[i]) / (before + 1)
        f.at_work[i] = before + 1

    def move(self, corridor: int, cost_share: float) -> None:
        """Shift to another corridor, leaving a share of capacity behind."""
        self.firms.corridor[self.number] = corridor
        self.firms.capacity[self.number] *= 1.0 - cost_share


def settle(
    firms: Firms, rows: IntArray, carried: FloatArray, takings: FloatArray, market: Market,
    params: Mapping[str, float], day: int,
) -> None:  # fmt: skip
    """Settle a week for some rows: profit, recruitment of facilitators, growth within its limits, exit of the insolvent.

    Parameters
    ----------
    firms : Firms
    rows : IntArray
    carried, takings : FloatArray, shape (rows,)
        Persons and EUR since last week.
    market : Market
    params : Mapping
        Registry values.
    day : int
    """
    p, c = params, firms.corridor[rows]
    # organisers' part of the expected sanction is that of the place where they are established
    abroad = p["networks.organiser_share"] * (firms.relative_sanction[firms.base[rows]] - 1.0)
    unit_cost = market.unit_cost[c] + market.felt[c] * abroad
    capacity, at_work = firms.capacity[rows], firms.at_work[rows] > 0
    fixed = 7.0 * capacity * firms.share_at_work[rows] * market.fixed_cost[c]
    profit = takings - carried * unit_cost - fixed
    capital = firms.capital[rows] + profit * p["networks.retained_share"]
    missing = firms.full_facilitators[rows] - firms.facilitators[rows]
    pull = market.pressure[c] - 1.0 + p["networks.profit_pull"] * market.excess()[c]
    most = p["networks.most_growth_per_week"]
    growth = np.clip(p["networks.growth_speed"] * pull, -most, most)
    growth = np.minimum(growth, growth * (1.0 - market.stopped[c]))  # who is watched takes on fewer people
    capacity = np.where(at_work, capacity * (1.0 + growth), capacity)
    firms.facilitators[rows] += np.where(at_work, missing * market.replaced_per_week, 0.0)
    credit = p["networks.credit_weeks"] * 7.0 * capacity * market.reference_fee[c]
    fails = at_work & (capital < -credit)
    firms.profit[rows] = profit
    firms.capital[rows] = np.where(fails, 0.0, capital)
    firms.capacity[rows] = capacity
    if fails.any():
        firms.stop(rows[fails], day + int(p["networks.exit_days"]))


def share_out(total: int, size: FloatArray, least: int) -> IntArray:
    """Numbers by largest remainder in proportion to `size`, at least `least` where size is positive."""
    used = size > 0.0
    number = np.where(used, least, 0)
    left = max(0, total - int(number.sum()))
    ideal = left * size / max(float(size.sum()), 1e-12)
    number = number + np.floor(ideal).astype(np.int64)
    rest = left - int(np.floor(ideal).sum())
    for c in np.argsort(-(ideal - np.floor(ideal)), kind="stable")[:rest]:
        number[c] += 1
    return np.asarray(number, dtype=np.int64)


def found_networks(
    params: Mapping[str, float], flow: FloatArray, fee: FloatArray, most_agents: int, seed: int,
    member_states: int = 1,
) -> Firms:  # fmt: skip
    """Found the networks: as many as the flow keeps busy, more where more is earned, sizes from the registry's range.

    The same real networks are drawn whatever the number of agents; each agent stands for neighbours in size on a corridor.
    After those at work come rows for potential entrants.

    Parameters
    ----------
    params : Mapping
    flow : FloatArray, shape (corridors,)
        Smuggled persons a day at the reference.
    fee : FloatArray, shape (corridors,)
        EUR per person.
    most_agents : int
        Largest number of agents for the networks at work.
    seed : int
    member_states : int
    """
    p = params
    total = round(float(flow.sum()) * 365.25 / p["networks.passengers_per_network"])
    numbers = share_out(total, np.sqrt(flow * fee), int(p["networks.least_per_corridor"]))
    agents = np.minimum(numbers, share_out(most_agents, numbers.astype(np.float64), 2))
    spare = int(np.ceil(p["networks.potential_entrants"] * agents.sum()))
    spare_networks = share_out(round(p["networks.potential_entrants"] * int(numbers.sum())), np.ones(spare), 1)
    firms = Firms(int(agents.sum()) + spare, member_states)
    rng = generator(seed, "networks")
    low, high = p["networks.smallest"], max(p["networks.smallest"], p["networks.largest"])
    row = 0
    for c, count in enumerate(numbers):
        size = np.exp(p["networks.size_spread"] * rng.standard_normal(int(count)))
        members = rng.uniform(low, high, int(count))
        order = np.argsort(-size, kind="stable")
        places = flow[c] * p["networks.slack"] * size / max(float(size.sum()), 1e-12)
        for block in np.array_split(order, agents[c]) if count else []:
            kept = places[block]
            firms.corridor[row] = c
            firms.weight[row] = firms.at_work[row] = len(block)
            firms.capacity[row] = kept.sum()
            firms.inner[row] = (kept**2).sum() / max(float(kept.sum()) ** 2, 1e-300)
            firms.full_organisers[row] = np.maximum(1, np.round(members[block] * p["networks.organiser_share"])).mean()
            firms.full_facilitators[row] = members[block].mean() - firms.full_organisers[row]
            firms.capital[row] = p["networks.capital_weeks"] * 7.0 * kept.sum() * fee[c]
            row += 1
    firms.weight[row:] = spare_networks
    firms.inner[row:] = 1.0 / spare_networks
    firms.full_organisers[row:] = max(1, round(0.5 * (low + high) * p["networks.organiser_share"]))
    firms.full_facilitators[row:] = 0.5 * (low + high) - firms.full_organisers[row:]
    firms.facilitators[:row] = firms.full_facilitators[:row]
    return firms


def concentration(firms: Firms, corridors: int) -> tuple[FloatArray, FloatArray]:
    """Places a day and Herfindahl index by corridor, over real networks."""
    places = firms.places
    inner = firms.inner * firms.weight / np.maximum(firms.at_work, 1)
    total = np.asarray(np.bincount(firms.corridor, weights=places, minlength=corridors), dtype=np.float64)
    squares = np.bincount(firms.corridor, weights=places**2 * np.minimum(inner, 1.0), minlength=corridors)
    return total, np.where(total > 0.0, squares / np.maximum(total**2, 1e-12), 1.0)


def offers(firms: Firms, corridors: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Cumulative market shares and numbers of the networks on each corridor, padded, with their counts."""
    places = firms.places
    at_work = np.flatnonzero(places > 0.0)
    order = at_work[np.argsort(firms.corridor[at_work], kind="stable")]
    where = firms.corridor[order]
    count = np.bincount(where, minlength=corridors).astype(np.int64)
    most = max(1, int(count.max(initial=1)))
    share = np.zeros((corridors, most))
    at = np.zeros((corridors, most), dtype=np.int64)
    column = np.arange(len(order)) - (np.cumsum(count) - count)[where]
    share[where, column] = places[order]
    at[where, column] = order
    total = share.sum(axis=1, keepdims=True)
    share = np.where(total > 0.0, np.cumsum(share, axis=1) / np.maximum(total, 1e-300), 1.0)
    share[np.arange(most)[None, :] >= count[:, None] - 1] = 1.0
    return share, at, count


def expected_sanction(conviction: FloatArray, years_served: FloatArray, discount: float) -> FloatArray:
    """Years that an arrested organiser reckons with at each place: chance of conviction x discounted years."""
    return np.asarray(conviction * perceived_years(years_served, discount))


def settle_down(firms: Firms, rows: IntArray, attraction: FloatArray, sanction: FloatArray, elasticity: float,
                seed: int, day: int) -> None:  # fmt: skip
    """Choose where the organisers of some rows are established: a logit in attraction and expected sanction.

    A place draws a share in proportion to attraction x sanction ** -elasticity.  Draws are Gumbel noise for each row and
    place (McFadden 1974), so that a change of one place's law moves only those whom it touches.

    Parameters
    ----------
    firms : Firms
    rows : IntArray
    attraction : FloatArray, shape (member_states,)
        What else draws organisers to a place.
    sanction : FloatArray, shape (member_states,)
        From `expected_sanction`.
    elasticity : float
    seed, day : int
    """
    if not len(rows):
        return
    places = len(attraction)
    worth = np.log(np.maximum(attraction, 1e-300)) - elasticity * np.log(np.maximum(sanction, 1e-9))
    actors = np.repeat(rows, places)
    counters = np.tile(np.arange(places) + day * places, len(rows))
    u = case_uniforms(np.uint64(seed & (2**64 - 1)), actors, counters, int(Purpose.BASE))
    noise = -np.log(-np.log(np.clip(u, 1e-12, 1.0 - 1e-12)))
    firms.base[rows] = np.argmax(worth[None, :] + noise.reshape(len(rows), places), axis=1)


def relocating(firms: Firms, seed: int, day: int, mean_days: float) -> IntArray:
    """Rows whose organisers reconsider this week where they are established: on average every `mean_days`."""
    u = actor_uniforms(np.uint64(seed & (2**64 - 1)), np.uint64(0), len(firms), day, int(Purpose.RELOCATION))
    return np.asarray(np.flatnonzero(u < -np.expm1(-7.0 / mean_days)), dtype=np.int64)


def made_to_stop(firms: Firms, stopped: FloatArray, seed: int) -> IntArray:
    """How many of its networks each row would have to stop on each corridor, shape (agents, corridors).

    Each network has a fixed place, uniform between 0 and 1, in the order in which the country of departure makes networks
    stop: those below the corridor's share stop, and cannot work there while it holds.

    Parameters
    ----------
    firms : Firms
    stopped : FloatArray, shape (corridors,)
        Share of the networks that is made to stop.
    seed : int
    """
    keyed = np.uint64(seed & (2**64 - 1))
    place = actor_uniforms(keyed, np.uint64(0), len(firms), 0, int(Purpose.SUSPENSION))
    reached = np.floor(firms.weight[:, None] * stopped[None, :] + 1.0 - place[:, None])
    return np.minimum(reached, firms.weight[:, None]).astype(np.int64)


def shift_supply(networks: Sequence[SmugglingNetwork], firms: Firms, market: Market, params: Mapping[str, float],
                 seed: int, day: int) -> float:  # fmt: skip
    """Weekly moves of supply: moves to corridors that pay more, exit, returns of dismantled networks, free entry.

    Nobody enters or moves to a corridor where the country of departure makes that network stop.

    Returns
    -------
    float
        EUR paid for entry.
    """
    if not networks:
        return 0.0
    p = params
    rows, barred = np.arange(len(firms)), None
    if np.any(market.stopped > 0.0):
        stops = made_to_stop(firms, market.stopped, seed)
        barred = stops >= firms.weight[:, None]
        too_many = firms.at_work - (firms.weight - stops[rows, firms.corridor])
        for i in np.flatnonzero(firms.active & (too_many > 0)).tolist():
            networks[i].suspend(day, min(int(too_many[i]), int(firms.at_work[i])))
    open_corridors = market.reference_flow > 0.0
    relative = np.where(open_corridors, market.relative_profit(), -np.inf)
    excess = market.excess()
    total, _ = concentration(firms, len(relative))
    working = np.bincount(firms.corridor, weights=firms.at_work, minlength=len(relative))
    usual = market.reference_flow * p["networks.slack"] * market.reference_herfindahl  # where nobody is left
    rival = np.where(working > 0.0, total / np.maximum(working, 1.0), usual)
    entrant = np.maximum(rival, 1e-6) * p["networks.entrant_share"]
    keyed = np.uint64(seed & (2**64 - 1))

    def draws(purpose: Purpose) -> FloatArray:
        return actor_uniforms(keyed, np.uint64(0), len(firms), day, int(purpose))

    entry, switch, place = draws(Purpose.ENTRY), draws(Purpose.SWITCH), draws(Purpose.CORRIDOR)
    weights = np.where(open_corridors, np.exp(np.clip(relative, -1.0, 1.0) / p["networks.choice_scale"]), 0.0)
    weights = weights * np.sqrt(market.reference_flow * market.reference_fee)
    offered = relative[None, :] if barred is None else np.where(barred, -np.inf, relative[None, :])
    weighed = weights[None, :] if barred is None else np.where(barred, 0.0, weights[None, :])
    best = np.broadcast_to(np.argmax(offered, axis=1), len(firms))
    passed = np.cumsum(weighed, axis=1) <= place[:, None] * weighed.sum(axis=1, keepdims=True)
    chosen = np.minimum(passed.sum(axis=1), len(relative) - 1)
    gain = relative[best] - relative[firms.corridor]
    chance = p["networks.switch_per_week"] * (gain - p["networks.switching_cost"])
    for i in np.flatnonzero(firms.active & (switch < chance)).tolist():
        networks[i].move(int(best[i]), p["networks.switching_loss"])
    worse = np.clip(-relative[firms.corridor] / p["networks.choice_scale"], 0.0, 1.0)
    leaving = firms.active & (draws(Purpose.LEAVING) < p["networks.exit_per_week"] * worse)
    firms.stop(np.flatnonzero(leaving), day + int(p["networks.exit_days"]))
    # whoever takes the place of a dismantled network has to set it up again
    paid = 0.0
    due = sum(since <= day for since, _ in firms.returning)
    waiting: list[tuple[int, int]] = []
    for since, i in firms.returning[:due]:
        corridor = networks[i].corridor if networks[i].active else int(chosen[i])
        room = barred is None or firms.at_work[i] < firms.weight[i] - stops[i, corridor]
        if excess[corridor] > -1e-9 and room:
            networks[i].rejoin(corridor, float(entrant[corridor]))
            paid += _set_up(firms, int(i), float(entrant[corridor]), market)
        else:
            waiting.append((since, i))
    firms.returning[:due] = waiting
    pending = np.bincount([i for _, i in firms.returning], minlength=len(firms)) if firms.returning else 0
    worth = np.clip(excess[chosen] / p["networks.choice_scale"], 0.0, 1.0)
    idle = ~firms.active & (pending < firms.weight) & (day >= firms.back_on)
    if barred is not None:
        idle &= ~barred[rows, chosen]
    for i in np.flatnonzero(idle & (entry < p["networks.entry_per_week"] * worth)).tolist():
        corridor = int(chosen[i])
        capacity = float(entrant[corridor]) * float(firms.weight[i])
        networks[i].enter(corridor, capacity)
        paid += _set_up(firms, int(i), capacity * float(firms.share_at_work[i]), market)
    return paid


def _set_up(firms: Firms, row: int, places: float, market: Market) -> float:
    """EUR that a new network pays for its places."""
    return places * float(market.entry_cost[firms.corridor[row]])
