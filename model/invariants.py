"""Invariants: what has to hold at the end of every day, whatever the scenario.

Checked on request (``SmugglingModel(..., check_invariants=True)``, ``--check-invariants``) at some 5 ms a day:

- *conservation*, by origin group: entered = arrived + dead + gave up + admitted + on the way, where who is held, who was
  sent back to try again and who waits for a legal pathway is on the way; nobody on the way is overdue; on every leg
  attempts = deaths + interceptions + successes; the money that networks take is what travellers pay;
- *counts only grow*, and nothing is NaN;
- *no stock is negative*; networks at work and those who wait to return are no more than there are;
- *staff*: none negative, additional staff within its pool, nobody works longer than on duty;
- *chances* lie between 0 and 1, and fees are positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .geography import ROUTES
from .policy import DIALS
from .staffing import TYPES, places_of
from .travellers import CLASSES, GAVE_UP, REFUSED, WAITING_LEGAL

if TYPE_CHECKING:
    from .core import SmugglingModel

FloatArray = npt.NDArray[np.float64]

#: sums of many numbers in another order differ by rounding alone
ROUNDING = 1e-9

#: dials that are chances or shares; the others are multiples, days or a rate
SHARES = ("conviction", "partner_evidence", "completeness", "match", "sharing", "campaign", "productivity")


class InvariantViolated(RuntimeError):
    """Something that cannot be, is: a fault of the model, not of the scenario.

    Attributes
    ----------
    day : date
    quantity : str
        What is wrong, such as ``chance of interception``.
    place : str
        Where: an origin group, a leg, a Member State, a network; empty where there is one of it.
    """

    def __init__(self, day: date, quantity: str, place: str, message: str) -> None:
        where = f" of {place}" if place else ""
        super().__init__(f"on {day}: {quantity}{where} {message}")
        self.day, self.quantity, self.place, self._message = day, quantity, place, message

    def __reduce__(self) -> tuple[type[InvariantViolated], tuple[date, str, str, str]]:
        return type(self), (self.day, self.quantity, self.place, self._message)  # crosses processes


class Invariants:
    """Checks a model at the end of each day.

    Parameters
    ----------
    model : SmugglingModel
    """

    def __init__(self, model: SmugglingModel) -> None:
        g = model.geography
        self._m = model
        self._legs, self._groups = [str(name) for name in g.legs["leg"]], g.groups
        self._networks = [f"network {i}" for i in range(len(model.firms))]
        self._kinds = [f"{name}, class {c}" for name in g.groups for c in range(CLASSES)]
        self._authorities = [*g.authorities]
        carriers = [*self._networks, "no network"]
        self._axes: dict[str, tuple[Sequence[str], ...]] = dict.fromkeys(model.tally._fields, (self._groups, self._legs))
        self._axes |= {"settled": (self._groups, g.destinations), "evidence": (carriers, self._authorities),
                       "carried": (carriers,), "takings": (carriers,), "today": (self._legs,),
                       "wanted": (g.corridors,)}  # fmt: skip
        self._last = {f: getattr(model.tally, f).copy() for f in model.tally._fields}

    def check(self) -> None:
        """Check the day that has just been simulated.

        Raises
        ------
        InvariantViolated
            Naming day, quantity and place.
        """
        self._travellers()
        self._legs_close()
        self._counts_grow()
        self._chances()
        self._market()
        self._networks_hold()
        self._staff()
        self._evidence()

    # ------------------------------------------------------------------ travellers

    def _travellers(self) -> None:
        m, t = self._m, self._m.tally
        rows, used, groups = m._rows, m.under_way, len(self._groups)
        state, kind = rows.state[:used], rows.kind[:used]
        self._inside("state of a traveller", state, REFUSED, GAVE_UP + 1)
        self._inside("kind of a traveller", kind, 0, groups * CLASSES - 1)
        self._inside("hub of a traveller", rows.hub[:used], 0, len(m.geography.hubs) - 1)
        on_the_way = state <= WAITING_LEGAL
        under_way = m.persons * np.bincount(kind[on_the_way] // CLASSES, minlength=groups)
        ends = t.settled.sum(axis=1) + t.deaths.sum(axis=1) + t.gave_up + t.admitted + under_way
        self._equal("travellers who entered (arrived + dead + gave up + admitted + on the way)",
                    m.entered_by_group(), ends, self._groups)  # fmt: skip
        waiting = m.persons * np.bincount(kind[state == WAITING_LEGAL] // CLASSES, minlength=groups)
        self._equal("applicants for a legal pathway (decided + waiting)", t.applied, t.decided + waiting, self._groups)
        late = on_the_way & (rows.due[:used] <= m.day)
        if late.any():
            self._fail("next day of a traveller", self._kinds[int(kind[late][0])], "has passed: nobody moves them")
        self._inside("money left to a traveller", rows.left[:used], -np.inf, np.inf)

    def _legs_close(self) -> None:
        m, t, external = self._m, self._m.tally, self._m.geography.external
        places = (self._groups, self._legs)
        success = t.attempts - t.deaths - t.interceptions
        self._inside("successes (attempts - deaths - interceptions)", success, 0.0, np.inf, *places)
        crossed = np.where(external[None, :], success, 0.0)
        self._equal("crossings of an external border (successes)", t.crossings, crossed, *places)
        for less, more in (("detections", "crossings"), ("first_detections", "detections"), ("paid", "attempts")):
            gap = getattr(t, more) - getattr(t, less)
            self._inside(f"{more} without {less}", gap, 0.0, np.inf, *places)
        self._inside("successes that were not sent back", success - t.returned, 0.0, np.inf, *places)
        paid, carried = float(t.paid.sum()), float(t.carried.sum())
        self._equal("persons whom networks carried (times a fee was paid)", np.array(carried), np.array(paid))
        share = m.params["captivity.network_share"]
        ransoms = float(t.ransom.sum()) * share
        taken, fees = float(t.takings.sum()), float(t.revenue.sum())
        self._equal("EUR that networks take (fees + ransoms)", np.array(taken), np.array(fees + ransoms))

    def _counts_grow(self) -> None:
        t = self._m.tally
        for field in t._fields:
            now = getattr(t, field)
            if field in ("today", "wanted"):  # of the day, not so far
                self._inside(f"{field}, of the day", now, 0.0, np.inf, *self._axes[field])
                continue
            last = self._last[field]
            # what can be counted is counted whole; EUR are summed
            self._inside(f"{field} so far, less than the day before,", now - last, 0.0, np.inf, *self._axes[field])
            last[...] = now

    # ------------------------------------------------------------------ chances

    def _chances(self) -> None:
        m, g = self._m, self._m.geography
        for name, values in (
            ("chance of interception", m._chance), ("chance of interception alone", m._alone),
            ("chance of death", m._death), ("chance of death over the year", m._death_year),
            ("chance of detection", m._detection), ("share sent back", m._returned),
        ):  # fmt: skip
            self._inside(name, values, 0.0, 1.0, self._legs)
        self._inside("days held", m._held, 0.0, np.inf, self._legs)
        self._inside("chance that an application is granted", m._admit, 0.0, 1.0, self._groups)
        self._inside("chance that a visa is for sale", m.visas.offer, 0.0, 1.0, self._groups)
        self._inside("legal places a year", m._places, 0.0, np.inf, self._groups)
        # values of places are solved to a tolerance
        self._inside("cumulative chance of a leg", m._menu, 0.0, 1.0, self._kinds, self._legs, size=1000.0)
        for shares in (m._shares, m._offered):
            for name in ("leave", "apply", "buy"):
                self._inside(f"share who {name}", getattr(shares, name), 0.0, 1.0, self._kinds)
            chosen = shares.leave + shares.apply + shares.buy
            self._inside("share who do not stay", chosen, 0.0, 1.0, self._kinds)
            self._inside("share who leave after a refusal", shares.fallback, 0.0, 1.0, self._kinds)
        for name in ("stopped", "death", "returned"):
            self._inside(f"belief of chance ({name})", getattr(m.beliefs, name), 0.0, 1.0, self._groups, self._legs)
        for name in ("fee", "delay"):
            self._inside(f"belief ({name})", getattr(m.beliefs, name), 0.0, np.inf, self._groups, self._legs)
        self._inside("share who heard of a leg", m.beliefs.heard, 0.0, 1.0, self._groups, self._legs)
        places = {"member_state": g.member_states, "partner": g.authorities[len(g.member_states) :],
                  "origin_group": g.groups, "route": ROUTES, "union": ("the Union",)}  # fmt: skip
        for dial, values in m.dials.items():
            most = 1.0 if dial in SHARES else np.inf
            self._inside(f"dial {dial}", values, 0.0, most, places[DIALS[dial]])
        self._inside("flow of late", m._flow, 0.0, np.inf, self._legs)

    # ------------------------------------------------------------------ supply

    def _market(self) -> None:
        market, corridors = self._m.market, self._m.geography.corridors
        for name in ("fee_factor", "capacity", "wanted", "pressure", "unit_cost"):
            self._inside(f"{name} on a corridor", getattr(market, name), 0.0, np.inf, corridors)
        self._inside("chance that a place is free", market.accept(), 0.0, 1.0, corridors)
        self._inside("profit that is expected", market.expected_profit, -np.inf, np.inf, corridors)
        share, _, count = self._m._offers
        self._inside("cumulative market share", share, 0.0, 1.0, corridors)
        self._inside("networks on a corridor", count, 0, len(self._networks), corridors)

    def _networks_hold(self) -> None:
        f = self._m.firms
        pending = np.zeros(len(f), dtype=np.int64)
        for _, row in f.returning:
            pending[row] += 1
        self._inside("networks at work", f.at_work, 0, np.inf, self._networks)
        free = f.weight - f.at_work - pending
        self._inside("networks neither at work nor waiting to return", free, 0, np.inf, self._networks)
        self._inside("capacity", f.capacity, 0.0, np.inf, self._networks)
        self._inside("facilitators", f.facilitators, 0.0, np.inf, self._networks)
        missing = f.full_facilitators - f.facilitators
        self._inside("facilitators missing", missing, 0.0, np.inf, self._networks)
        self._inside("capital", f.capital, -np.inf, np.inf, self._networks)
        self._inside("profit of the week", f.profit, -np.inf, np.inf, self._networks)

    # ------------------------------------------------------------------ authorities

    def _staff(self) -> None:
        m, g, p = self._m, self._m.geography, self._m.params
        for kind in TYPES:
            places = places_of(kind, g.authorities)
            self._inside(f"staff ({kind})", m.staff[kind], 0.0, np.inf, places)
            self._inside(f"additional staff ({kind})", m.added_staff[kind], 0.0, np.inf, places)
        for name, pool, placed in m.staff_pools():
            if not placed <= pool * (1.0 + ROUNDING) + ROUNDING:
                self._fail("staff placed", name, f"is {placed:.6g}, above its pool of {pool:.6g}")
        states = range(len(g.member_states))
        core = p["linking.core_analysts"] + float(m.staff["analyst"].sum())
        if m.europol.analysts.any():  # before its first week there are none
            self._equal("Europol analysts at work", np.array(m.europol.analysts.sum()), np.array(core))
        corps = float(m.frontex.officers(m.staff["frontex_officer"]).sum())
        self._inside("officers of the standing corps above its number",
                     np.array(corps - p["interception.standing_corps"]), -np.inf, 0.0)  # fmt: skip
        state_of = [(i, m.member_states[i], g.member_states[i]) for i in states]
        for _, state, name in state_of:
            self._inside("investigators at home", np.array(state.investigators), 0.0, np.inf, place=name)
            self._inside("prosecutors", np.array(state.prosecutors), 0.0, np.inf, place=name)
            for desk, docket in (("investigations", state.cases), ("prosecutions", state.court)):
                idle = docket.offered - docket.busy
                self._inside(f"staff time on duty and not at work ({desk})", np.array(idle), 0.0, np.inf, place=name,
                             size=docket.offered)  # fmt: skip
                self._inside(f"cases that wait ({desk})", np.array(docket.waiting), 0, len(docket), place=name)
                self._inside(f"work left in a case ({desk})", docket.cells[1], 0.0, np.inf, place=name)
        for name, teams in (("task force", m.europol.task_forces), ("joint team", m.eurojust.teams)):
            number = np.zeros(len(m.firms), dtype=np.int64)
            for row, _ in teams.at_work:
                number[row] += 1
            self._inside(f"networks without a {name}", m.firms.weight - number, 0, np.inf, self._networks)

    def _evidence(self) -> None:
        m, work, states = self._m, self._m.casework, self._m.geography.member_states
        self._inside("evidence held", work.held, 0.0, np.inf, self._networks, self._authorities)
        for name in ("shared", "linked", "usable", "score", "open"):
            self._inside(f"evidence ({name})", getattr(work, name), 0.0, np.inf, self._networks, states)
        self._inside("strength of a case", work.strength, 0.0, 1.0, self._networks, states)
        self._inside("share of links found", work.link, 0.0, 1.0, states)
        self._inside("support by teams of the Union", work.supported, 0.0, np.inf, self._networks)
        self._inside("reports a week", m.reporting.weekly, 0.0, np.inf, states)
        self._inside("reports since the month began", m.reporting.arrived, 0.0, np.inf, states, ROUTES)

    # ------------------------------------------------------------------ telling

    def _inside(self, quantity: str, values: npt.NDArray[np.generic], low: float, high: float,
                *axes: Sequence[object], place: str = "", size: float = 1.0) -> None:  # fmt: skip
        """Refuse values outside [low, high] by more than rounding, NaN, and infinity."""
        if values.size == 0:
            return
        least, most = values.min(), values.max()  # NaN shows in either
        room = ROUNDING * max(1.0, abs(size))
        if low - room <= least and most <= high + room and np.isfinite(least) and np.isfinite(most):
            return
        flat = np.asarray(values, dtype=np.float64).ravel()
        wrong = np.flatnonzero(~((flat >= low - room) & (flat <= high + room) & np.isfinite(flat)))
        first = int(wrong[0])
        expected = f"from {low:g} to {high:g}" if np.isfinite([low, high]).all() else \
            f"{low:g} or more" if np.isfinite(low) else f"{high:g} or less" if np.isfinite(high) else "a finite number"  # fmt: skip
        self._fail(quantity, place or self._named(values.shape, first, axes), f"is {flat[first]:.6g}; expected {expected}")

    def _equal(self, quantity: str, one: FloatArray, other: FloatArray, *axes: Sequence[object]) -> None:
        gap = np.abs(one - other)
        wrong = ~(gap <= ROUNDING * np.maximum(1.0, np.maximum(np.abs(one), np.abs(other))))
        if not np.any(wrong):
            return
        first = int(np.flatnonzero(wrong.ravel())[0])
        left, right = (np.asarray(x).ravel()[first] for x in (one, other))
        self._fail(quantity, self._named(np.shape(one), first, axes), f"do not add up: {left:.12g} against {right:.12g}")

    def _named(self, shape: tuple[int, ...], flat: int, axes: Sequence[Sequence[object]]) -> str:
        where = np.unravel_index(flat, shape)
        return " on ".join(str(names[int(i)]) for names, i in zip(axes, where, strict=False))

    def _fail(self, quantity: str, place: str, message: str) -> None:
        raise InvariantViolated(self._m.today, quantity, place, message)
