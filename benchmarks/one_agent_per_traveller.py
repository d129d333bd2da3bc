"""The same model with one Mesa agent per traveller: are the outcomes the same, and how much longer does it take?

    python benchmarks/one_agent_per_traveller.py [--travellers N] [--rounds N] [--plain] [--equal SEEDS]

What a modeller would write first is a Mesa agent for every traveller.  `OneAgentPerTraveller` is the model with exactly
that in the place of the arrays: the rules, tables, strategic actors and schedule are the same ones, and every traveller
is a `mesa.Agent` that is touched every day and draws from the model's generator.  It is tuned as far as that goes:
slots, local names, choice by bisection in menus made once, counts in plain lists (``--plain`` leaves the tuning of the
activation out and lets Mesa shuffle).  Both run side by side in one process; times are CPU time of the daily steps,
after a warm-up that loads the compiled kernels.  With ``--equal`` the outcomes of several seeds are compared by paired t
tests and two-sample Kolmogorov-Smirnov tests, and the attempts by leg of all of them by a chi-square test.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from typing import Any

import mesa
import numpy as np
from scale import cpu_seconds, scenario  # the file beside this one
from scipy import stats

from countersmuggling.model import SmugglingModel
from countersmuggling.model.harm import set_sail
from countersmuggling.model.smuggling_networks import offers
from countersmuggling.model.travellers import (
    ADMITTED,
    ARRIVED,
    AT_HUB,
    CLASSES,
    DEAD,
    GAVE_UP,
    ON_COAST,
    READY,
    REFUSED,
    WAITING_LEGAL,
    Boats,
    Tally,
)
from countersmuggling.scenarios import Scenario


class Day:
    """What holds today, in plain Python: lists are read faster one by one than arrays."""

    def __init__(self, model: OneAgentPerTraveller, boats: Boats) -> None:
        g, p = model.geography, model.params
        shares = model._shares
        self.number = model.day
        self.menu = model.menu_lists
        self.start = model.start_list
        fee = model._fee_table * model.market.fee_factor[g.corridor_of_leg]
        accept = model.market.accept() if model.assumptions.model.adaptation else np.ones(len(g.corridors))
        self.fee, self.accept = fee.tolist(), accept.tolist()
        self.group_fee, self.use = model.group_fee_list, model.use_list
        self.death, self.chance = model._death.tolist(), model._chance.tolist()
        self.detection, self.returned = model._detection.tolist(), model._returned.tolist()
        self.held = model._held.astype(np.int64).tolist()
        self.repeat, self.admit = model.repeat_list, model._admit.tolist()
        self.fallback = shares.fallback.tolist()
        self.networks = model.network_lists
        self.boats = boats.number.tolist()
        self.first_boat, self.share, self.alone = boats.first.tolist(), boats.share.tolist(), boats.alone.tolist()
        self.lost = [0.0] * len(boats.share)
        self.spread = boats.spread
        self.sea_wait, self.sea_again, self.calm = model.sea_wait_list, model._sailing.again, model.calm_lists
        self.basin = model.basin_list
        self.home, self.season = model._sailing.home, model.season_lists
        self.wait, self.back = int(p["networks.wait_days"]), int(p["interception.return_days"])
        self.upfront = p["fees.upfront_share"]
        self.captive = model._captivity
        self.captive_chance = model.captive_list


class Traveller(mesa.Agent):  # type: ignore[misc]
    """One traveller."""

    __slots__ = ("due", "group", "hub", "kind", "leg", "means", "seen", "spent", "state")

    def __init__(self, model: OneAgentPerTraveller, kind: int, hub: int, state: int, due: int, means: float) -> None:
        super().__init__(model)
        self.kind = kind
        self.group = kind // CLASSES
        self.hub = hub
        self.state = state
        self.due = due
        self.spent = 0.0
        self.means = means
        self.seen = False

    def step(self) -> None:
        """Take one event if one is due."""
        model: OneAgentPerTraveller = self.model
        today = model.now
        if self.due > today.number:
            return
        draw, count, g = model.draw, model.count, self.group
        if self.state == WAITING_LEGAL:
            count["decided"][g] += 1
            if draw() < today.admit[g]:
                count["admitted"][g] += 1
                return self.leave(ADMITTED)
            if draw() >= today.fallback[self.kind]:
                count["gave_up"][g] += 1
                return self.leave(GAVE_UP)
            self.state = REFUSED
            if today.home > 0.0:
                self.due = self.day_of_sailing(today.season[g], today.home)
                return None
        if self.state == REFUSED:
            self.state = AT_HUB
            count["departures"][g] += 1
        if self.state == ON_COAST:
            leg = self.leg
        else:
            first, last = today.start[self.hub], today.start[self.hub + 1]
            menu = today.menu[self.kind]
            leg = bisect_right(menu, draw(), first, last)
            if leg == last:
                destination = model.settles_list[self.hub]
                if destination >= 0:
                    count["settled"][g][destination] += 1
                    return self.leave(ARRIVED)
                leg = last - 1
            if self.state == AT_HUB and today.sea_wait[leg] > 0.0:
                self.state, self.leg = ON_COAST, leg
                self.due = self.day_of_sailing(today.calm[today.basin[leg]], today.sea_wait[leg])
                return None
        by_boat = today.sea_wait[leg] > 0.0
        self.state = READY if by_boat else AT_HUB
        corridor = model.corridor_list[leg]
        smuggled = today.fee[leg] > 0.0 and draw() < today.use[leg]
        network = -1
        if smuggled:
            count["wanted"][corridor] += 1
            share, numbers = today.networks[corridor]
            if draw() >= today.accept[corridor] or not numbers:
                self.due = today.number + today.wait
                return None
            network = numbers[min(bisect_right(share, draw()), len(numbers) - 1)]
        count["attempts"][g][leg] += 1
        count["today"][leg] += 1
        death, boat, paid, arrived = today.death[leg], -1, 1.0, False
        if today.boats[leg]:
            boat = today.first_boat[leg] + int(draw() ** today.spread * today.boats[leg])
            lost = today.share[boat]
            death = lost + (1.0 - lost) * today.alone[leg]
        if death > 0.0 and draw() < death:
            if boat >= 0:
                today.lost[boat] += 1
            count["deaths"][g][leg] += 1
            count["evidence"][network][model.receiver_list[leg]] += 1
            self.leave(DEAD)
        elif draw() < today.chance[leg]:
            paid = today.upfront
            count["interceptions"][g][leg] += 1
            count["evidence"][network][model.interceptor_list[leg]] += 1
            self.try_again(self.day_of_sailing(today.calm[today.basin[leg]], today.sea_again) if by_boat
                           else today.number + today.back)  # fmt: skip
        else:
            self.state = AT_HUB
            arrival = today.number + model.days_list[leg] + today.held[leg]
            self.due = arrival
            if model.external_list[leg]:
                count["crossings"][g][leg] += 1
                if draw() < today.detection[leg]:
                    count["detections"][g][leg] += 1
                    count["evidence"][network][model.receiver_list[leg]] += 1
                    if not self.seen:
                        self.seen = True
                        count["first_detections"][g][leg] += 1
            if today.returned[leg] == 0.0 or draw() >= today.returned[leg]:
                self.hub = model.head_list[leg]
                arrived = True
            else:
                count["returned"][g][leg] += 1
                self.try_again(arrival + today.back)
        if smuggled:
            price = paid * today.fee[leg] * today.group_fee[g]
            count["paid"][g][leg] += 1
            count["revenue"][g][leg] += price
            count["carried"][network] += 1
            count["takings"][network] += price
            self.pay(price)
        if arrived and today.captive_chance[leg] > 0.0:
            self.may_be_held(leg, network)
        return None

    def day_of_sailing(self, calm: list[float], mean: float) -> int:
        today = self.model.now
        passed = calm[today.number] - math.log(1.0 - self.model.draw()) * mean
        return bisect_left(calm, passed, today.number + 1)

    def pay(self, price: float) -> None:
        if self.spent <= self.means < self.spent + price:
            self.model.count["debt"][self.group] += 1
        self.spent += price

    def may_be_held(self, leg: int, network: int) -> None:
        model, captive = self.model, self.model.now.captive
        chance = model.now.captive_chance[leg] * (captive.debt_ratio if self.spent > self.means else 1.0)
        if model.draw() >= chance:
            return
        model.count["held"][self.group] += 1
        days = captive.labour_days
        if model.draw() < captive.ransomed:
            days = captive.ransom_days
            model.count["ransom"][self.group] += captive.ransom
            model.count["takings"][network] += captive.ransom * captive.network_share
            self.pay(captive.ransom)
        self.due += int(2.0 * days * model.draw())

    def try_again(self, day: int) -> None:
        if self.model.draw() < self.model.now.repeat[self.group]:
            self.due = day
        else:
            self.model.count["gave_up"][self.group] += 1
            self.leave(GAVE_UP)

    def leave(self, state: int) -> None:
        self.state = state
        self.remove()


class OneAgentPerTraveller(SmugglingModel):
    """The model with a Mesa agent for every traveller instead of an array row.

    Parameters
    ----------
    plain : bool
        Activate as Mesa's introductions do, in shuffled order; otherwise in order of entry, which draws less.
    """

    def __init__(self, assumptions: Scenario, *args: Any, plain: bool = False, **options: Any) -> None:
        super().__init__(assumptions, *args, **options)
        g = self.geography
        self.plain = plain
        self.draw = random.Random(self.run_seed).random
        self.entered = 0
        self.start_list, self.head_list = g.network.start.tolist(), g.network.head.tolist()
        self.settles_list, self.corridor_list = g.settles_in.tolist(), g.corridor_of_leg.tolist()
        self.receiver_list, self.interceptor_list = g.receiver.tolist(), g.interceptor.tolist()
        self.external_list = g.external.tolist()
        self.days_list = self._legs.days.tolist()
        self.sea_wait_list, self.calm_lists = self._sailing.wait.tolist(), self._sailing.calm.tolist()
        self.season_lists = self._sailing.season.tolist()
        self.basin_list = self._sailing.basin.tolist()
        self.repeat_list, self.use_list = self._repeat.tolist(), self._use.tolist()
        self.group_fee_list = self.tastes.group_fee.tolist()
        self.captive_list = self._captivity.chance.tolist()
        self.class_list = self._classes.tolist()
        self.origin_lists = [(s.tolist(), h.tolist()) for s, h in zip(self._origin_share, self._origin_hub, strict=True)]
        self.count = {f: np.zeros_like(getattr(self.tally, f)).tolist() for f in Tally._fields}

    def _choose_routes(self) -> None:
        super()._choose_routes()
        self.menu_lists = self._menu.tolist()

    def enter_travellers(self) -> None:
        p, shares, draw = self.params, self._shares, self.draw
        leave, apply, budget = shares.leave.tolist(), shares.apply.tolist(), self.tastes.budget.tolist()
        spread, legal = p["route_choice.means_spread"], self.day + int(p["legal.wait_days"])
        for g, number in enumerate(self._potential[:, self.day].tolist()):
            origin_share, origin_hub = self.origin_lists[g]
            for _ in range(number):
                kind = g * CLASSES + min(bisect_right(self.class_list, draw()), CLASSES - 1)
                o = min(bisect_right(origin_share, draw()), len(origin_share) - 1)
                u = draw()
                if u >= leave[kind][o] + apply[kind][o]:
                    continue
                leaves = u < leave[kind][o]
                means = budget[kind] * (1.0 + spread * (2.0 * draw() - 1.0))
                Traveller(self, kind, origin_hub[o], AT_HUB if leaves else WAITING_LEGAL,
                          self.day if leaves else legal, means)  # fmt: skip
                self.count["departures" if leaves else "applied"][g] += 1
                self.entered += 1

    def _move_travellers(self) -> None:
        g, p = self.geography, self.params
        self.enter_travellers()
        if self.day % 7 == 0:
            share, at, number = offers(self.firms, len(g.corridors))
            self.network_lists = [(share[c, :n].tolist(), at[c, :n].tolist()) for c, n in enumerate(number)]
        calendar = (self.today - date(2010, 1, 1)).days
        boats = set_sail(self._death, self._flow, g.by_sea, np.uint64(self.run_seed), calendar, p)
        self.now = Day(self, boats)
        self.count["today"] = [0] * len(self.head_list)
        self.count["wanted"] = [0] * len(g.corridors)
        if Traveller in self.agent_types:
            travellers = self.agents_by_type[Traveller]
            if self.plain:
                travellers.shuffle_do("step")
            else:
                travellers.do("step")
        boats.lost[:] = np.array(self.now.lost) * self.persons
        self._note_incidents(boats)
        tomorrow = self.today + timedelta(days=1)
        if (self.day + 1) % 7 == 0 or tomorrow.day == 1 or (self.day + 1) % self.interval == 0 or self.day == self.days - 1:
            self.hand_over(*Tally._fields)  # whatever strategic actors, beliefs and records read next
        else:
            self.hand_over("today", "wanted")
        weight = 1.0 - 0.5 ** (1.0 / p["interception.flow_half_life_days"])
        self._flow += weight * (self.tally.today - self._flow)
        weight = 1.0 - 0.5 ** (1.0 / p["interception.response_half_life_days"])
        self._slow_flow += weight * (self.tally.today - self._slow_flow)
        self.market.observe(self.tally.wanted, 1.0)

    @property
    def interval(self) -> int:
        return int(self.assumptions.model.route_choice_interval_days)

    def hand_over(self, *fields: str) -> None:
        for field in fields:
            getattr(self.tally, field)[...] = np.array(self.count[field]) * self.persons


def compare_speed(travellers: float, rounds: int, plain: bool) -> dict[str, Any]:
    """Median CPU seconds of each form and the ratio of the medians, rounds alternating."""
    small = scenario(2000, 30)
    for make in (SmugglingModel, OneAgentPerTraveller):  # loads compiled kernels
        cpu_seconds(make(small))
    arrays, agents = [], []
    for _ in range(rounds):
        arrays += [cpu_seconds(SmugglingModel(scenario(travellers))) for _ in range(3)]
        model = OneAgentPerTraveller(scenario(travellers), plain=plain)
        agents.append(cpu_seconds(model))
        departures = sum(model.count["departures"])
        entered = model.entered
    fast, slow = float(np.median(arrays)), float(np.median(agents))
    return {
        "travellers": entered, "departures": departures, "days": 365,
        "arrays_cpu_seconds": [round(t, 3) for t in arrays],
        "agents_cpu_seconds": [round(t, 2) for t in agents],
        "ratio": round(slow / fast, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


COMPARED = ("departures", "leg_attempts", "irregular_crossings", "detections", "first_detections", "interceptions",
            "deaths", "travellers_in_debt", "travellers_held", "asylum_load", "smuggler_revenue_eur",
            "fatal_incidents")  # fmt: skip


def compare_outcomes(travellers: float, seeds: int, days: int) -> dict[str, dict[str, float]]:
    """p-values of equality: by outcome over seeds, and of the attempts by leg.

    Both forms run under the same seeds, that is the same potential travellers but other draws of each.  The paired t
    test is the sharp one, because what one seed demands more than another cancels; the Kolmogorov-Smirnov test compares
    the whole distributions; the chi-square test the attempts by leg of all seeds together.
    """
    totals: list[list[dict[str, float]]] = []
    by_leg = []
    for make in (SmugglingModel, OneAgentPerTraveller):
        runs, legs = [], 0.0
        for seed in range(seeds):
            model = make(scenario(travellers, days, seed=seed + 1))
            runs.append(model.run().totals())
            legs = legs + model.tally.attempts.sum(axis=0) / model.persons
        totals.append(runs)
        by_leg.append(legs)
    result = {}
    for name in COMPARED:
        one, other = ([r[name] for r in runs] for runs in totals)
        result[name] = {
            "arrays": float(np.mean(one)),
            "agents": float(np.mean(other)),
            "paired_t": float(stats.ttest_rel(one, other).pvalue) if one != other else 1.0,
            "kolmogorov_smirnov": float(stats.ks_2samp(one, other, method="asymp").pvalue),
        }
    table = np.array(by_leg)
    table = table[:, table.sum(axis=0) >= 20.0]
    result["attempts by leg"] = {"legs": float(table.shape[1]), "chi_square": float(stats.chi2_contingency(table).pvalue)}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--travellers", type=float, default=100_000, help="departures in the year, about")
    parser.add_argument("--rounds", type=int, default=1, help="runs with agents (three runs with arrays to each)")
    parser.add_argument("--plain", action="store_true", help="shuffled activation")
    parser.add_argument("--equal", type=int, default=0, metavar="SEEDS", help="compare outcomes over SEEDS seeds instead")
    given = parser.parse_args()
    if given.equal:
        print(json.dumps(compare_outcomes(min(given.travellers, 4000), given.equal, 120), indent=1))
    else:
        print(json.dumps(compare_speed(given.travellers, given.rounds, given.plain)))


if __name__ == "__main__":
    main()
