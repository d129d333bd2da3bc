"""Authorities as agents: Member States, Europol, Frontex, Eurojust and partner countries.

Each acts once a week, in this order: partner countries, Member States' reports, Europol (links), Eurojust (joint teams),
Frontex (deployments), Member States' casework and courts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np
import numpy.typing as npt

from .deployments import standing_corps
from .investigations import joint_reach
from .markets import perceived_years
from .queues import BEGAN, Docket
from .streams import Purpose

if TYPE_CHECKING:
    from .core import SmugglingModel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


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
        self.years = years
        self.conviction = conviction
        self.productivity = productivity
        self.investigators = 0.0
        self.prosecutors = 0.0
        self.throughput = 1.0
        self.cases = Docket()  # investigations
        self.court = Docket()  # prosecutions
        self.arrests = 0.0
        self.convictions = 0.0
        self.dismantled = 0.0
        self.seized = 0.0

    def in_force(self, floors: FloatArray, share: float) -> None:
        """Penalties in force: the national term, or the floor where it is higher, as far as the lever has ramped."""
        if share == 0.0:
            self.years = self.national_years
            return
        raised = np.maximum(self.national_years, floors)
        self.years = self.national_years + share * (raised - self.national_years)

    @property
    def years_served(self) -> float:
        """Years that a convicted facilitator expects to serve, from the terms in force and the share served."""
        p = self.model.params
        aggravated = p["penalties.aggravated_share"]
        typical = (1.0 - aggravated) * self.years[0] + aggravated * self.years[1]
        return float(typical * p["penalties.imposed_share"] * p["penalties.served_share"])

    @property
    def sanction(self) -> float:
        """Years that somebody arrested here reckons with: chance of conviction x discounted years served."""
        years = perceived_years(self.years_served, self.model.params["penalties.discount_rate"])
        return self.conviction * float(years)

    @property
    def backlog(self) -> float:
        """Cases that wait for a prosecutor."""
        return float(self.court.waiting)

    @property
    def teams(self) -> float:
        """Teams of investigators for cases on entry into the Union; a part of a team works the slower."""
        p = self.model.params
        return float(self.investigators * p["investigation.entry_share"] / p["investigation.staff_per_case"])

    def investigate(self, day: int) -> None:
        """Work on cases for a week: a queue with teams of investigators as staff.

        A network is waiting to be investigated when the state has enough evidence on it; whenever a team is free it takes
        the network with most usable evidence.  A case asks for an exponential amount of work, of mean 1, of which the team
        does productivity x strength / `investigation.case_days` a day.
        """
        p, model, m = self.model.params, self.model, self.number
        work, at_work, cases = model.casework, model.firms.at_work, self.cases
        before, begun = len(cases), cases.begun
        ripe = work.promising[m]
        if not before and not len(ripe):
            cases.idle(7.0 * self.teams)
            return
        if before:
            cases.keep(at_work[cases.tag] > 0)
        dropped = len(cases) < before
        if len(ripe):
            self._line_up(ripe, day)
        pace = self.productivity * work.strength[cases.tag, m] / p["investigation.case_days"]
        served = cases.serve(float(day), day + 7.0, self.teams, pace)
        if cases.waiting:
            cases.keep(cases.in_hand)  # who still waits is ranked anew next week
        if not (dropped or cases.begun > begun or len(served.tag)):
            return
        work.open[:, m] = np.bincount(cases.tag, minlength=len(at_work))
        fresh = np.concatenate([served.tag[served.began >= day], cases.tag[cases.cells[BEGAN] >= day]])
        np.add.at(work.begun[:, m], fresh, 1)
        work.ripe[fresh[at_work[fresh] <= work.open[fresh, m]], m] = np.nan
        for row, serial, time in zip(served.tag, served.serial, served.ended, strict=True):
            self._close(int(row), int(serial), float(time), day)

    def _line_up(self, ripe: IntArray, day: int) -> None:
        """Put the networks on which there is enough evidence into the line, most usable evidence first."""
        model, m = self.model, self.number
        work, actors = model.casework, model.case_actor(m) + ripe
        new = np.isnan(work.ripe[ripe, m])
        if new.any():
            moment = model.case_draws(actors[new], np.full(int(new.sum()), day, dtype=np.int64), Purpose.RIPENING)
            work.ripe[ripe[new], m] = day + 7.0 * moment
        # others may have dismantled some of them since the files were weighed
        number = np.maximum(model.firms.at_work[ripe] - work.open[ripe, m], 0)
        if number.max() > 1:  # rows that stand for several networks line up once for each
            actors, ripe = np.repeat(actors, number), np.repeat(ripe, number)
            within = np.arange(len(ripe)) - np.repeat(np.cumsum(number) - number, number)
            serial = work.begun[ripe, m] + within
        else:
            serial = work.begun[ripe, m]
        effort = -np.log1p(-model.case_draws(actors, serial, Purpose.CASE))
        self.cases.add(work.ripe[ripe, m], effort, rank=-work.score[ripe, m], tag=ripe, serial=serial)

    def _close(self, row: int, serial: int, time: float, day: int) -> None:
        """A case has matured: arrests among facilitators, and with some chance the organisers."""
        p, model, work, m = self.model.params, self.model, self.model.casework, self.number
        firm = model.networks[row]
        number = firm.networks_at_work
        if number == 0:
            return
        actor = model.case_actor(m) + row
        reach = joint_reach(p["investigation.organiser_reach"], work.strength[row, m], work.supported[row])
        top = bool(self._draw(actor, serial, Purpose.ORGANISER) < reach)
        part = self._draw(actor, serial, Purpose.ARREST)
        arrested = np.floor(firm.facilitators * p["investigation.facilitators_arrested"] + part)
        if top:
            organisers = int(np.floor(firm.organisers + part))
            trial = model.member_states[firm.base]
            trial.take_to_court(organisers, firm.corridor, time, actor, 2 * serial + 1)
            self.take_to_court(int(arrested), firm.corridor, time, actor, 2 * serial)
            self.seized += firm.dismantle(day, model.recovery_rate(m))
            work.forget(row, number)
            self.dismantled += 1.0
        else:
            arrested = firm.lose_facilitators(float(arrested))
            self.take_to_court(int(arrested), firm.corridor, time, actor, 2 * serial)
            work.use_up(row, m, number)

    def _draw(self, actor: int, counter: int, purpose: Purpose) -> float:
        return float(self.model.series_draws(actor, counter, 1, purpose)[0])

    def arrest_drivers(self, number: int, day: int) -> None:
        """Arrests at incidents during the week: drivers and skippers, the bottom of the chain.

        Parameters
        ----------
        number : int
            A Poisson number around what is expected from the persons whom this state detected or stopped with smugglers.
        day : int
        """
        model = self.model
        actor = model.court_actor(self.number)
        first = day << 20  # cases of a week have numbers of their own: one more arrest moves no other week's cases
        time = day + 7.0 * model.series_draws(actor, first, number, Purpose.ARREST_TIME)
        self.arrests += number
        self._file(time, actor, first)

    def take_to_court(self, arrested: int, corridor: int, time: float, actor: int, serial: int) -> None:
        """Enter arrests of an investigation into the prosecution queue, and let the corridor feel the expected sanction."""
        if arrested == 0:
            return
        self.arrests += arrested
        self.model.sanctions[corridor] += arrested * self.sanction
        self._file(np.full(arrested, time), actor, serial << 10)

    def _file(self, time: FloatArray, actor: int, first: int) -> None:
        """Cases for the prosecutors: work, patience and verdict are drawn for each by its number."""
        p, draws, n = self.model.params, self.model.series_draws, len(time)
        mean = p["prosecution.lapse_half_life_days"] / np.log(2.0)
        self.court.add(
            time,
            -np.log1p(-draws(actor, first, n, Purpose.PROSECUTION)),
            time - mean * np.log1p(-draws(actor, first, n, Purpose.LAPSE)),
            mark=draws(actor, first, n, Purpose.CONVICTION),
        )

    def prosecute(self, day: int) -> None:
        """Work on cases for a week: first come, first served, each by one prosecutor for an exponential time.

        Cases that wait too long lapse, with half-life `prosecution.lapse_half_life_days`.
        """
        if not len(self.court):
            self.court.idle(7.0 * self.prosecutors)
            return
        p = self.model.params
        pace = p["prosecution.cases_per_prosecutor_year"] * self.throughput / 365.25
        served = self.court.serve(float(day), day + 7.0, self.prosecutors, np.array([pace]))
        self.convictions += float(np.count_nonzero(served.mark < self.conviction))

    def report(self) -> dict[str, float]:
        """What happened since the last month's end; counters start anew."""
        counted = {"arrests": self.arrests, "convictions": self.convictions,
                   "networks_dismantled": self.dismantled, "seized": self.seized}  # fmt: skip
        self.arrests = self.convictions = self.dismantled = self.seized = 0.0
        return counted


class SupportTeams:
    """Teams of the Union at work on networks: when each began, by row, at most one for each network."""

    def __init__(self) -> None:
        self.at_work: list[tuple[int, int]] = []  # (row, day since), in order of days
        self._owed = 0.0

    def week(self, number: FloatArray, score: FloatArray, per_year: float, run_days: float, day: int) -> FloatArray:
        """End teams that have run their time or whose network stopped, set up those due where the score is highest.

        Parameters
        ----------
        number : FloatArray, shape (networks,)
            Networks at work that each row stands for.
        score : FloatArray, shape (networks,)
            0 where no team can be set up.
        per_year : float
        run_days : float
        day : int

        Returns
        -------
        FloatArray, shape (networks,)
            Share of each row's networks that a team works on.
        """
        on = np.zeros(len(number))
        kept: list[tuple[int, int]] = []
        for row, since in self.at_work:
            if day - since < int(run_days) and on[row] < number[row]:
                kept.append((row, since))
                on[row] += 1.0
        self.at_work = kept
        self._owed += per_year * 7.0 / 365.25
        while self._owed >= 1.0:
            self._owed -= 1.0
            free = np.where(on < number, score, 0.0)
            target = int(np.argmax(free))
            if free[target] > 0.0:
                self.at_work.append((target, day))
                on[target] += 1.0
        return np.asarray(on / np.maximum(number, 1.0))

    def __contains__(self, row: object) -> bool:
        return any(row == other for other, _ in self.at_work)


class Europol(mesa.Agent):  # type: ignore[misc]
    """Europol: analysts who link what Member States report, and task forces on the networks with most evidence."""

    def __init__(self, model: SmugglingModel) -> None:
        super().__init__(model)
        self.analysts = np.zeros(len(model.geography.member_states))
        self.task_forces = SupportTeams()

    def week(self, analysts: FloatArray, match: FloatArray, partner_reach: FloatArray, task_forces_per_year: float,
             day: int) -> None:  # fmt: skip
        """Link evidence, end task forces that have run their time, set up those that are due."""
        p, work, number = self.model.params, self.model.casework, self.model.firms.at_work
        self.analysts = analysts
        work.connect(analysts, match, partner_reach)
        score = work.linked.max(axis=1) / np.maximum(number, 1)
        covered = self.task_forces.week(
            number, score, task_forces_per_year, p["investigation.task_force_days"], day
        )
        work.supported = p["investigation.task_force_gain"] * covered


class Eurojust(mesa.Agent):  # type: ignore[misc]
    """Eurojust: joint investigation teams on networks on which several states work."""

    def __init__(self, model: SmugglingModel) -> None:
        super().__init__(model)
        self.teams = SupportTeams()

    def week(self, teams_per_year: float, day: int) -> None:
        """End joint teams that have run their time, and set up those that are due."""
        p, work, number = self.model.params, self.model.casework, self.model.firms.at_work
        several = (work.open > 0).sum(axis=1) >= 2
        score = np.where(several, work.linked.max(axis=1) / np.maximum(number, 1), 0.0)
        covered = self.teams.week(number, score, teams_per_year, p["investigation.joint_team_days"], day)
        work.supported = work.supported + p["investigation.joint_team_gain"] * covered


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

    def officers(self, directed: FloatArray) -> FloatArray:
        """Standing corps officers by Member State, of whom `directed` are where a plan wants them."""
        return standing_corps(self.share, self.model.params["interception.standing_corps"], directed)
