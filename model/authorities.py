"""Authorities as agents: Member States, Europol, Frontex, Eurojust and partner countries.

Each acts once a week, in this order: partner countries, Member States' reports, Europol (links), Eurojust (joint teams),
Frontex (deployments), Member States' casework and courts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np
import numpy.typing as npt

from .investigations import joint_reach, strength_of_case, work_off_backlog
from .smuggling_networks import perceived_years
from .streams import Purpose, actor_uniforms

if TYPE_CHECKING:
    from .core import SmugglingModel

FloatArray = npt.NDArray[np.float64]


class PartnerCountry(mesa.Agent):  # type: ignore[misc]
    """A country outside the Union that lets people pass or stops them, and shares evidence or not."""

    def __init__(self, model: SmugglingModel, number: int, name: str) -> None:
        super().__init__(model)
        self.number = number
        self.name = name
        self.effort = 1.0
        self.evidence_reach = 0.0

    def week(self, effort: float, evidence_reach: float) -> None:
        """Take on this week's arrangement: effort relative to the reference, and evidence that the Union can use."""
        self.effort = effort
        self.evidence_reach = evidence_reach


class MemberState(mesa.Agent):  # type: ignore[misc]
    """A Member State: its investigators, prosecutors, border guards, rescue units, penalties and reports.

    Parameters
    ----------
    model : SmugglingModel
    number : int
        Its place among the Member States.
    name : str
        ISO 3166-1 alpha-3 code.
    years : FloatArray, shape (3,)
        Maximum terms: basic, aggravated, death.
    conviction : float
        Chance of conviction given a prosecution.
    productivity : float
        Casework output per officer relative to the best (0 to 1).
    """

    def __init__(self, model: SmugglingModel, number: int, name: str, years: FloatArray, conviction: float,
                 productivity: float) -> None:  # fmt: skip
        super().__init__(model)
        self.number = number
        self.name = name
        self.national_years = years
        self.years = years.copy()
        self.conviction = conviction
        self.productivity = productivity
        self.investigators = 0.0
        self.prosecutors = 0.0
        self.throughput = 1.0
        self.backlog = 0.0
        self.arrests = 0.0
        self.convictions = 0.0
        self.dismantled = 0.0
        self.seized = 0.0

    def in_force(self, floors: FloatArray, share: float) -> None:
        """Penalties in force: the national term, or the floor where it is higher, as far as the lever has ramped."""
        raised = np.maximum(self.national_years, floors)
        self.years = self.national_years + share * (raised - self.national_years)

    @property
    def years_served(self) -> float:
        """Years that a convicted facilitator expects to serve, from the terms in force and the share served."""
        p = self.model.params
        aggravated = p["penalties.aggravated_share"]
        typical = (1.0 - aggravated) * self.years[0] + aggravated * self.years[1]
        return float(typical * p["penalties.imposed_share"] * p["penalties.served_share"])

    def investigate(self, day: int) -> None:
        """Open cases on the networks with most usable evidence, and close those that have matured."""
        p, work, m = self.model.params, self.model.casework, self.number
        active = self.model.active_networks
        teams = self.investigators * p["investigation.entry_share"] / p["investigation.staff_per_case"]
        slots = int(np.ceil(teams))  # the last team may be short of staff: all work the slower for it
        work.open[~active, m] = False
        openings = slots - int(work.open[:, m].sum())
        duplication = 1.0 - p["investigation.deconfliction"] * float(self.model.dials["sharing"][m])
        for n in work.candidates(m, openings, p["investigation.least_items"], duplication):
            work.open[n, m] = active[n]
        cases = np.flatnonzero(work.open[:, m])
        if not len(cases):
            return
        strength = strength_of_case(work.linked[cases, m], p["investigation.half_items"])
        staffed = teams / max(1, slots)
        hazard = 7.0 * self.productivity * staffed * strength / p["investigation.case_days"]
        draws = self.model.actor_draws(self.model.case_actor(m), len(active), day, Purpose.CASE)[cases]
        reach = joint_reach(p["investigation.organiser_reach"], strength, work.supported[cases])
        top = self.model.actor_draws(self.model.case_actor(m), len(active), day, Purpose.ORGANISER)[cases]
        for n, closed, organisers in zip(cases, draws < -np.expm1(-hazard), top < reach, strict=True):
            if closed:
                self._close(int(n), bool(organisers), day)

    def _close(self, network: int, organisers_reached: bool, day: int) -> None:
        p = self.model.params
        firm = self.model.networks[network]
        arrested = firm.lose_facilitators(firm.facilitators * p["investigation.facilitators_arrested"])
        self.model.casework.open[network, self.number] = False
        if organisers_reached:
            arrested += firm.organisers
            self.seized += firm.dismantle(day, self.model.recovery_rate(self.number))
            self.model.active_networks[network] = False
            self.model.casework.forget(network)
            self.dismantled += 1.0
        else:
            self.model.casework.held[network, self.number] *= p["investigation.items_left"]
        self.take_to_court(arrested, self.model.networks[network].corridor)

    def arrest_drivers(self, seen_by_corridor: FloatArray) -> None:
        """Arrests at incidents: drivers and skippers, the bottom of the chain.

        Parameters
        ----------
        seen_by_corridor : FloatArray, shape (corridors,)
            Persons detected or stopped by this state with smugglers during the week.
        """
        number = seen_by_corridor * self.model.params["investigation.drivers_per_person"]
        self.arrests += float(number.sum())
        self.backlog += float(number.sum())

    def take_to_court(self, arrested: float, corridor: int) -> None:
        """Enter arrests into the prosecution queue, and let the corridor feel the expected sanction."""
        self.arrests += arrested
        self.backlog += arrested
        p = self.model.params
        felt = perceived_years(self.years_served, p["penalties.discount_rate"])
        self.model.sanctions[corridor] += arrested * self.conviction * float(felt)

    def prosecute(self) -> None:
        """Work off the queue of cases with this week's prosecutors."""
        p = self.model.params
        capacity = self.prosecutors * p["prosecution.cases_per_prosecutor_year"] * self.throughput * 7.0 / 365.25
        lapse = 1.0 - 0.5 ** (7.0 / p["prosecution.lapse_half_life_days"])
        processed, _, self.backlog = work_off_backlog(self.backlog, capacity, lapse)
        self.convictions += processed * self.conviction

    def report(self) -> dict[str, float]:
        """What happened since the last month's end; counters start anew."""
        counted = {"arrests": self.arrests, "convictions": self.convictions,
                   "networks_dismantled": self.dismantled, "seized": self.seized}  # fmt: skip
        self.arrests = self.convictions = self.dismantled = self.seized = 0.0
        return counted


class Europol(mesa.Agent):  # type: ignore[misc]
    """Europol: analysts who link what Member States report, and task forces on the networks with most evidence."""

    def __init__(self, model: SmugglingModel) -> None:
        super().__init__(model)
        self.analysts = np.zeros(len(model.geography.member_states))
        self.task_forces: dict[int, int] = {}
        self._owed = 0.0

    def week(self, analysts: FloatArray, match: FloatArray, partner_reach: FloatArray, task_forces_per_year: float,
             day: int) -> None:  # fmt: skip
        """Link evidence, end task forces that have run their time, set up those that are due."""
        p, work = self.model.params, self.model.casework
        self.analysts = analysts
        work.connect(analysts, match, partner_reach)
        run = int(p["investigation.task_force_days"])
        self.task_forces = {n: since for n, since in self.task_forces.items()
                            if day - since < run and self.model.active_networks[n]}  # fmt: skip
        self._owed += task_forces_per_year * 7.0 / 365.25
        score = np.where(self.model.active_networks, work.linked.max(axis=1), 0.0)
        score[list(self.task_forces)] = 0.0
        while self._owed >= 1.0:
            self._owed -= 1.0
            target = int(np.argmax(score))
            if score[target] > 0.0:
                self.task_forces[target] = day
                score[target] = 0.0
        work.supported[:] = 0.0
        work.supported[list(self.task_forces)] += p["investigation.task_force_gain"]


class Eurojust(mesa.Agent):  # type: ignore[misc]
    """Eurojust: joint investigation teams on networks on which several states work."""

    def __init__(self, model: SmugglingModel) -> None:
        super().__init__(model)
        self.teams: dict[int, int] = {}
        self._owed = 0.0

    def week(self, teams_per_year: float, day: int) -> None:
        p, work = self.model.params, self.model.casework
        run = int(p["investigation.joint_team_days"])
        self.teams = {n: since for n, since in self.teams.items()
                      if day - since < run and self.model.active_networks[n]}  # fmt: skip
        self._owed += teams_per_year * 7.0 / 365.25
        states = work.open.sum(axis=1)
        score = np.where(states >= 2, work.linked.max(axis=1), 0.0)
        score[list(self.teams)] = 0.0
        while self._owed >= 1.0:
            self._owed -= 1.0
            target = int(np.argmax(score))
            if score[target] > 0.0:
                self.teams[target] = day
                score[target] = 0.0
        work.supported[list(self.teams)] += p["investigation.joint_team_gain"]


class Frontex(mesa.Agent):  # type: ignore[misc]
    """Frontex: the standing corps follows the detections that Member States report."""

    def __init__(self, model: SmugglingModel, share: FloatArray) -> None:
        super().__init__(model)
        self.reference_share = share
        self.share = share.copy()

    def week(self, reported: FloatArray) -> None:
        """Shift deployments a little towards where reports come from (persons reported in the last weeks)."""
        p = self.model.params
        total = float(reported.sum())
        if total > 0.0:
            speed = 1.0 - 0.5 ** (7.0 / p["interception.redeployment_half_life_days"])
            self.share = self.share + speed * (reported / total - self.share)

    def officers(self) -> FloatArray:
        """Standing corps officers by Member State."""
        return np.asarray(self.share * self.model.params["interception.standing_corps"])


def network_draws(seed: int, first: int, count: int, day: int, purpose: Purpose) -> FloatArray:
    """Uniform draws of strategic actors, keyed by (seed, actor, day, purpose)."""
    return np.asarray(actor_uniforms(np.uint64(seed & (2**64 - 1)), np.uint64(first), count, day, int(purpose)))
