"""Travellers: one array row each, advanced by compiled kernels that touch only those who are due that day.

Every draw comes from the traveller's own stream, keyed by (seed, traveller, own event number, purpose), so that nothing
depends on who else is in the array, on the order of rows or on the number of threads.  Those who share a boat share its
fate: that is drawn for the boat, keyed by (seed, leg, boat, day).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .compiled import compiled, inlined
from .streams import Purpose, stream_key, uniform

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# States.  Up to WAITING_LEGAL people are on the way; the others are final.  Who is ON_COAST has chosen a leg by sea and
# sails on the day that is due; who is READY has waited for a boat before and sails without waiting again; who is REFUSED
# a legal pathway sets out on the day that is due.
REFUSED, READY, ON_COAST, AT_HUB, WAITING_LEGAL, ARRIVED, DEAD, GAVE_UP, ADMITTED = -3, -2, -1, 0, 1, 2, 3, 4, 5
NEVER = np.int32(2**31 - 1)
CLASSES = 8  # means (low, high) x risk tolerance (low, high) x information (poor, good)

_LEG, _NETWORK, _CAPACITY = int(Purpose.LEG), int(Purpose.NETWORK), int(Purpose.CAPACITY)
_DEATH, _INTERCEPTION, _DETECTION = int(Purpose.DEATH), int(Purpose.INTERCEPTION), int(Purpose.DETECTION)
_REPEAT, _USE, _MEANS, _LEGAL = (
    int(Purpose.REPEAT), int(Purpose.SMUGGLER_USE), int(Purpose.MEANS), int(Purpose.LEGAL),
)  # fmt: skip
_RETURN = int(Purpose.RETURN)
_SAILING = int(Purpose.SAILING)
_LEAVING = int(Purpose.SETTING_OUT)
_VISA = int(Purpose.VISA)
_CLASS, _ORIGIN, _PARTICIPATION = int(Purpose.CLASS), int(Purpose.ORIGIN), int(Purpose.PARTICIPATION)
_BOAT, _HELD, _RANSOM, _DAYS_HELD = (
    int(Purpose.BOAT), int(Purpose.HELD), int(Purpose.RANSOM), int(Purpose.DAYS_HELD),
)  # fmt: skip


# what an event reads and writes of one traveller lies together in memory; `due`, which is scanned, by itself
_RECORD = np.dtype(
    [("key", np.uint64), ("left", np.float32), ("event", np.uint16), ("kind", np.int16), ("hub", np.int16),
     ("leg", np.int16), ("state", np.int8), ("seen", np.bool_)], align=True,
)  # fmt: skip
ROW_BYTES = _RECORD.itemsize + 4  # and `due`


class Rows(NamedTuple):
    """Struct of arrays, one row per traveller (capacity may exceed the number in use).

    All but `due` are views of one array of records: of those on the way few are due on a day, and each costs a single
    line of memory.
    """

    key: npt.NDArray[np.uint64]  # key of the traveller's random stream
    kind: npt.NDArray[np.int16]  # origin group x class
    hub: npt.NDArray[np.int16]  # where the traveller is, or is on the way to
    leg: npt.NDArray[np.int16]  # by sea, for who waits on the coast
    state: npt.NDArray[np.int8]
    due: npt.NDArray[np.int32]  # day of the next event
    event: npt.NDArray[np.uint16]  # own event number, at most one a day
    left: npt.NDArray[np.float32]  # EUR the traveller still has; below zero is debt
    seen: npt.NDArray[np.bool_]  # detected at an external border before

    @classmethod
    def empty(cls, capacity: int) -> Rows:
        records = np.zeros(capacity, _RECORD)
        columns: dict[str, Any] = {field: records[field] for field in cls._fields if field != "due"}
        # not filled, as memory that was never written takes no room; rows in use have a day
        return cls(due=np.zeros(capacity, np.int32), **columns)

    def grown(self, capacity: int) -> Rows:
        """The same rows in larger arrays."""
        larger = Rows.empty(capacity)
        for field in self._fields:
            old = getattr(self, field)
            getattr(larger, field)[: len(old)] = old
        return larger


class Legs(NamedTuple):
    """What a leg is, fixed for a run (legs sorted by tail hub)."""

    start: IntArray  # (hubs + 1,) compressed rows by tail hub
    head: IntArray
    days: IntArray
    corridor: IntArray
    external: npt.NDArray[np.bool_]
    interceptor: IntArray  # authority that stops attempts on the leg
    receiver: IntArray  # authority at the head
    settles_in: IntArray  # (hubs,) destination number, -1 where nobody settles


class Conditions(NamedTuple):
    """What holds today: set by strategic actors, read by travellers."""

    menu: FloatArray  # (kinds, legs) cumulative choice probabilities
    fee: FloatArray  # (legs,) EUR per person, before the group's factor
    fee_factor: FloatArray  # (groups,)
    use: FloatArray  # (legs,) chance that the leg is travelled with a smuggler
    accept: FloatArray  # (corridors,) chance that a place is free today
    death: FloatArray  # (legs,) chance of dying per attempt
    interception: FloatArray  # (legs,) chance of being stopped per attempt
    detection: FloatArray  # (legs,) chance that a successful crossing is reported
    returned: FloatArray  # (legs,) chance of being sent back after arrival
    held: IntArray  # (legs,) days for which those who arrive are held
    repeat: FloatArray  # (groups,) chance of trying again after being stopped or sent back
    admit: FloatArray  # (groups,) chance that an application for a legal pathway is granted
    fallback: FloatArray  # (kinds,) chance of leaving irregularly after a refusal
    network_share: FloatArray  # (corridors, places) cumulative shares of networks
    network_at: IntArray  # (corridors, places) their numbers
    network_count: IntArray  # (corridors,)


class Boats(NamedTuple):
    """Today's boats on legs by sea, and how many of those on board are lost."""

    number: IntArray  # (legs,) boats that leave today; 0 where people die one by one
    first: IntArray  # (legs,) place of a leg's first boat in the two arrays of boats
    alone: FloatArray  # (legs,) chance of dying apart from what befalls the whole boat
    share: FloatArray  # (boats,) share of those on board who die
    lost: FloatArray  # (boats,) persons who died, counted by the kernel
    spread: float  # boats are the more unequal the larger; 1 means equal


class Sailing(NamedTuple):
    """Waiting on the coast for a boat and for the sea (see `sailing`)."""

    wait: FloatArray  # (legs,) mean days before the first attempt; 0 where nobody waits
    again: float  # mean days before a further attempt
    basin: IntArray  # (legs,)
    calm: FloatArray  # (basins, days + 1) days on which boats can leave, up to the morning of each day, relative to the mean
    home: float  # mean days until those set out who leave after a refusal
    season: FloatArray  # (groups, days + 1) the same sum of the group's month factors of setting out


class Captivity(NamedTuple):
    """Being held on the way, for ransom or for labour."""

    chance: FloatArray  # (legs,) chance of being held at the end of the leg
    debt_ratio: float  # for those in debt, relative to others
    ransomed: float  # share of those held who pay
    ransom: float  # EUR
    network_share: float  # share of the ransom that the network that carried the traveller takes
    ransom_days: float  # mean days until a ransom is paid
    labour_days: float  # mean days of those who work instead


class Tally(NamedTuple):
    """Counts in persons and euros, cumulative over the run unless said."""

    attempts: FloatArray  # (groups, legs)
    interceptions: FloatArray  # (groups, legs)
    deaths: FloatArray  # (groups, legs)
    crossings: FloatArray  # (groups, legs) successes on external borders
    detections: FloatArray  # (groups, legs)
    first_detections: FloatArray  # (groups, legs) of travellers not detected before
    paid: FloatArray  # (groups, legs) times a fee was paid
    revenue: FloatArray  # (groups, legs) EUR
    returned: FloatArray  # (groups, legs) sent back after arrival
    settled: FloatArray  # (groups, destinations)
    departures: FloatArray  # (groups,)
    debt: FloatArray  # (groups,) persons who fell into debt
    gave_up: FloatArray  # (groups,)
    admitted: FloatArray  # (groups,) by a legal pathway, bought visas included
    bought: FloatArray  # (groups,) visas
    decided: FloatArray  # (groups,) applications for a legal pathway decided
    applied: FloatArray  # (groups,)
    held: FloatArray  # (groups,) times a traveller was held on the way
    ransom: FloatArray  # (groups,) EUR
    evidence: FloatArray  # (networks + 1, authorities) persons seen with a network; the last row is none
    carried: FloatArray  # (networks + 1,) persons
    takings: FloatArray  # (networks + 1,) EUR
    today: FloatArray  # (legs,) attempts of the day
    wanted: FloatArray  # (corridors,) places asked for on the day

    @classmethod
    def empty(cls, groups: int, legs: int, destinations: int, networks: int, authorities: int,
              corridors: int) -> Tally:  # fmt: skip
        by_leg = ("attempts", "interceptions", "deaths", "crossings", "detections", "first_detections", "paid",
                  "revenue", "returned")  # fmt: skip
        shape: dict[str, tuple[int, ...]] = dict.fromkeys(cls._fields, (groups,))
        shape |= dict.fromkeys(by_leg, (groups, legs))
        shape |= {"settled": (groups, destinations), "evidence": (networks + 1, authorities),
                  "carried": (networks + 1,), "takings": (networks + 1,), "today": (legs,),
                  "wanted": (corridors,)}  # fmt: skip
        return cls(**{field: np.zeros(shape[field]) for field in cls._fields})


class Entry(NamedTuple):
    """Who enters on a day, and how they choose between leaving, waiting for a legal pathway and staying."""

    potential: IntArray  # (groups,) rows that consider leaving today
    classes: FloatArray  # (8,) cumulative shares
    origin_share: FloatArray  # (groups, origins) cumulative
    origin_hub: IntArray  # (groups, origins)
    leave: FloatArray  # (kinds, origins) chance of leaving irregularly
    apply: FloatArray  # (kinds, origins) chance of applying for a legal pathway
    budget: FloatArray  # (kinds,) EUR
    spread: float  # half-width of the uniform spread of means around the budget
    legal_days: int  # days until an application is decided
    offer: FloatArray  # (groups,) chance that a visa is for sale to who asks today
    price: float  # EUR for a visa
    leave_offered: FloatArray  # (kinds, origins) the same chances where a visa is for sale and can be paid
    apply_offered: FloatArray  # (kinds, origins)
    buy: FloatArray  # (kinds, origins) chance of buying it


@compiled
def enter(rows: Rows, used: int, day: int, calendar: int, seed: np.uint64, weight: float, entry: Entry,
          tally: Tally) -> int:  # fmt: skip
    """Let today's potential travellers choose; append those who leave or apply.  Returns the number of rows used.

    Who buys a visa travels safely and is counted at once.
    """
    origins = entry.origin_share.shape[1]
    for g in range(len(entry.potential)):
        for i in range(entry.potential[g]):
            ident = (np.uint64(g) << np.uint64(48)) | (np.uint64(calendar) << np.uint64(24)) | np.uint64(i)
            key = stream_key(seed, ident)
            u = uniform(key, np.uint64(0), np.uint64(_CLASS))
            c = 0
            while c < CLASSES - 1 and u >= entry.classes[c]:
                c += 1
            kind = g * CLASSES + c
            u = uniform(key, np.uint64(0), np.uint64(_ORIGIN))
            o = 0
            while o < origins - 1 and u >= entry.origin_share[g, o]:
                o += 1
            u = uniform(key, np.uint64(0), np.uint64(_PARTICIPATION))
            leave, apply = entry.leave[kind, o], entry.apply[kind, o]
            if entry.offer[g] > 0.0:
                u_means = uniform(key, np.uint64(0), np.uint64(_MEANS))
                means = entry.budget[kind] * (1.0 + entry.spread * (2.0 * u_means - 1.0))
                if means >= entry.price and uniform(key, np.uint64(0), np.uint64(_VISA)) < entry.offer[g]:
                    leave, apply = entry.leave_offered[kind, o], entry.apply_offered[kind, o]
                    if leave + apply <= u < leave + apply + entry.buy[kind, o]:
                        tally.bought[g] += weight
                        tally.admitted[g] += weight
            if u >= leave + apply:
                continue
            rows.key[used] = key
            rows.kind[used] = kind
            rows.hub[used] = entry.origin_hub[g, o]
            rows.event[used] = 1
            rows.seen[used] = False
            u_means = uniform(key, np.uint64(0), np.uint64(_MEANS))
            rows.left[used] = entry.budget[kind] * (1.0 + entry.spread * (2.0 * u_means - 1.0))
            if u < leave:
                rows.state[used] = AT_HUB
                rows.due[used] = day
                tally.departures[g] += weight
            else:
                rows.state[used] = WAITING_LEGAL
                rows.due[used] = day + entry.legal_days
                tally.applied[g] += weight
            used += 1
    return used


@compiled
def _network(conditions: Conditions, corridor: int, u: float) -> int:
    low, high = 0, conditions.network_count[corridor] - 1
    if high < 0:
        return -1
    while low < high:
        middle = (low + high) // 2
        if u < conditions.network_share[corridor, middle]:
            high = middle
        else:
            low = middle + 1
    return int(conditions.network_at[corridor, low])


@compiled
def day_of_sailing(calm: FloatArray, day: int, mean: float, u: float) -> int:
    """First day after `day` by whose morning an exponential number of calm days with this mean has passed.

    Waiting is memoryless, with a hazard in proportion to the calm days of the season; a wait that ends after the run is
    as long as the run.
    """
    target = calm[day] - np.log(1.0 - u) * mean
    low, high = day + 1, len(calm)
    while low < high:
        middle = (low + high) // 2
        if calm[middle] >= target:
            high = middle
        else:
            low = middle + 1
    return low


@inlined
def _pay(rows: Rows, i: int, price: float, g: int, weight: float, tally: Tally) -> None:
    """Take money from a traveller; who thereby falls into debt is counted once."""
    left = rows.left[i] - price
    if rows.left[i] >= 0.0 and left < 0.0:
        tally.debt[g] += weight
    rows.left[i] = left


@compiled
def advance(
    rows: Rows, used: int, day: int, weight: float, legs: Legs, conditions: Conditions, tally: Tally,
    wait_days: int, return_days: int, upfront: float, boats: Boats, captivity: Captivity, sailing: Sailing,
) -> None:  # fmt: skip
    """Advance every traveller who is due on `day` by one event.

    An event at a hub is: choose a leg (or settle), find a place with a network, pay, and meet the leg's outcome, which
    is drawn at departure and takes effect on arrival.  Between the choice of a leg by sea and the rest lies the wait on
    the coast.  Whether a traveller dies is drawn with the share that the day's
    fate of the boat takes; who is held stays at the leg's end for as long.
    """
    tally.today[:] = 0.0
    tally.wanted[:] = 0.0
    no_network = tally.evidence.shape[0] - 1
    for i in range(used):
        if rows.due[i] > day:
            continue
        kind = rows.kind[i]
        g = kind // CLASSES
        key = rows.key[i]
        event = np.uint64(rows.event[i])
        rows.event[i] += 1
        if rows.state[i] == WAITING_LEGAL:
            tally.decided[g] += weight
            if uniform(key, event, np.uint64(_LEGAL)) < conditions.admit[g]:
                rows.state[i] = ADMITTED
                rows.due[i] = NEVER
                tally.admitted[g] += weight
                continue
            if uniform(key, event, np.uint64(_PARTICIPATION)) >= conditions.fallback[kind]:
                rows.state[i] = GAVE_UP
                rows.due[i] = NEVER
                tally.gave_up[g] += weight
                continue
            rows.state[i] = REFUSED
            if sailing.home > 0.0:
                u = uniform(key, event, np.uint64(_LEAVING))
                rows.due[i] = day_of_sailing(sailing.season[g], day, sailing.home, u)
                continue
        if rows.state[i] == REFUSED:
            rows.state[i] = AT_HUB
            tally.departures[g] += weight
        if rows.state[i] == ON_COAST:
            leg = np.int64(rows.leg[i])
        else:
            h = rows.hub[i]
            u = uniform(key, event, np.uint64(_LEG))
            leg = legs.start[h]
            last = legs.start[h + 1]
            while leg < last and u >= conditions.menu[kind, leg]:
                leg += 1
            if leg == last and legs.settles_in[h] >= 0:
                rows.state[i] = ARRIVED
                rows.due[i] = NEVER
                tally.settled[g, legs.settles_in[h]] += weight
                continue
            if leg == last:  # rounding at the end of a menu of a hub where nobody settles
                leg = last - 1
            if rows.state[i] == AT_HUB and sailing.wait[leg] > 0.0:
                rows.state[i] = ON_COAST
                rows.leg[i] = leg
                u = uniform(key, event, np.uint64(_SAILING))
                rows.due[i] = day_of_sailing(sailing.calm[sailing.basin[leg]], day, sailing.wait[leg], u)
                continue
        by_boat = sailing.wait[leg] > 0.0
        rows.state[i] = READY if by_boat else AT_HUB  # who finds no place, or fails, has waited
        corridor = legs.corridor[leg]
        smuggled = conditions.fee[leg] > 0.0 and (
            uniform(key, event, np.uint64(_USE)) < conditions.use[leg]
        )
        network = no_network
        if smuggled:
            tally.wanted[corridor] += weight
            accept = conditions.accept[corridor]
            if accept < 1.0 and uniform(key, event, np.uint64(_CAPACITY)) >= accept:
                rows.due[i] = day + wait_days
                continue
            network = _network(conditions, corridor, uniform(key, event, np.uint64(_NETWORK)))
            if network < 0:
                rows.due[i] = day + wait_days
                continue
        tally.attempts[g, leg] += weight
        tally.today[leg] += weight
        paid_share = 1.0
        arrived = False
        boat = -1
        death = conditions.death[leg]
        if boats.number[leg] > 0:
            place = uniform(key, event, np.uint64(_BOAT)) ** boats.spread
            boat = boats.first[leg] + int(place * boats.number[leg])
            death = boats.share[boat] + (1.0 - boats.share[boat]) * boats.alone[leg]
        if death > 0.0 and uniform(key, event, np.uint64(_DEATH)) < death:
            rows.state[i] = DEAD
            rows.due[i] = NEVER
            if boat >= 0:
                boats.lost[boat] += weight
            tally.deaths[g, leg] += weight
            tally.evidence[network, legs.receiver[leg]] += weight
        elif conditions.interception[leg] > 0.0 and (
            uniform(key, event, np.uint64(_INTERCEPTION)) < conditions.interception[leg]
        ):
            paid_share = upfront
            tally.interceptions[g, leg] += weight
            tally.evidence[network, legs.interceptor[leg]] += weight
            if uniform(key, event, np.uint64(_REPEAT)) < conditions.repeat[g]:
                rows.due[i] = day + return_days
                if by_boat:
                    u = uniform(key, event, np.uint64(_SAILING))
                    rows.due[i] = day_of_sailing(sailing.calm[sailing.basin[leg]], day, sailing.again, u)
            else:
                rows.state[i] = GAVE_UP
                rows.due[i] = NEVER
                tally.gave_up[g] += weight
        else:
            arrival = day + max(1, legs.days[leg]) + conditions.held[leg]
            rows.due[i] = arrival
            rows.state[i] = AT_HUB
            if legs.external[leg]:
                tally.crossings[g, leg] += weight
                if uniform(key, event, np.uint64(_DETECTION)) < conditions.detection[leg]:
                    tally.detections[g, leg] += weight
                    if not rows.seen[i]:
                        rows.seen[i] = True
                        tally.first_detections[g, leg] += weight
                    tally.evidence[network, legs.receiver[leg]] += weight
            returned = conditions.returned[leg]
            if returned <= 0.0 or uniform(key, event, np.uint64(_RETURN)) >= returned:
                rows.hub[i] = legs.head[leg]
                arrived = True
            else:  # sent back to where the leg began
                tally.returned[g, leg] += weight
                if uniform(key, event, np.uint64(_REPEAT)) < conditions.repeat[g]:
                    rows.due[i] = arrival + return_days
                else:
                    rows.state[i] = GAVE_UP
                    rows.due[i] = NEVER
                    tally.gave_up[g] += weight
        if smuggled:
            price = paid_share * conditions.fee[leg] * conditions.fee_factor[g]
            tally.paid[g, leg] += weight
            tally.revenue[g, leg] += weight * price
            tally.carried[network] += weight
            tally.takings[network] += weight * price
            _pay(rows, i, price, g, weight, tally)
        if arrived and captivity.chance[leg] > 0.0:
            chance = captivity.chance[leg]
            if rows.left[i] < 0.0:
                chance *= captivity.debt_ratio
            if uniform(key, event, np.uint64(_HELD)) < chance:
                tally.held[g] += weight
                days = captivity.labour_days
                if uniform(key, event, np.uint64(_RANSOM)) < captivity.ransomed:
                    days = captivity.ransom_days
                    tally.ransom[g] += weight * captivity.ransom
                    tally.takings[network] += weight * captivity.ransom * captivity.network_share
                    _pay(rows, i, captivity.ransom, g, weight, tally)
                # uniform between none and twice the mean
                rows.due[i] += int(2.0 * days * uniform(key, event, np.uint64(_DAYS_HELD)))


@compiled
def compact(rows: Rows, used: int) -> int:
    """Drop the rows of those whose journey has ended.  Returns the number of rows used."""
    kept = 0
    for i in range(used):
        if rows.state[i] > WAITING_LEGAL:
            continue
        if kept != i:
            rows.key[kept] = rows.key[i]
            rows.kind[kept] = rows.kind[i]
            rows.hub[kept] = rows.hub[i]
            rows.leg[kept] = rows.leg[i]
            rows.state[kept] = rows.state[i]
            rows.due[kept] = rows.due[i]
            rows.event[kept] = rows.event[i]
            rows.left[kept] = rows.left[i]
            rows.seen[kept] = rows.seen[i]
        kept += 1
    for i in range(kept, used):
        rows.due[i] = NEVER
    return kept
