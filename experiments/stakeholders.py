"""One page for each Member State, agency or partner country: what it gives, gets, what changes for it, and what binds.

All pages are made from the same results; differences are paired by replicate as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from ..optimise import charts
from ..scenarios import LEVERS, OUTCOMES, RESOURCES, world
from ..scenarios.member_states import MEMBER_STATES, guess_member_state
from ..scenarios.problems import nearest
from . import annex, figures, summarising, texts, wording
from .criteria import Cell, change_cell, level_cell
from .pages import Figures, kicker, render
from .texts import t

if TYPE_CHECKING:
    from .results import PlanRecord, Results, Run

Kind = Literal["state", "agency", "partner"]
AGENCIES: Final = {"Europol": "europol", "Eurojust": "eurojust", "Frontex": "frontex"}
#: budget headings that pay an agency's posts
HEADINGS: Final = {"europol": ("europol", "biometrics"), "eurojust": ("eurojust",), "frontex": ("frontex",)}
#: whom a lever asks something of
ASKED: Final[Mapping[str, tuple[str, ...]]] = {
    "prosecution": ("state", "eurojust"), "penalties": ("state",), "jurisdiction": ("state", "eurojust"),
    "member_state_capacity": ("state",), "data_reporting": ("state",), "europol_centre": ("europol", "state"),
    "interagency_cooperation": ("europol", "eurojust", "frontex"), "information_sharing": ("state", "europol"),
    "europol_deployments": ("europol", "state"), "task_forces": ("europol", "state"),
    "financial_investigation": ("state", "europol"), "biometrics": ("europol", "state"), "partner_cooperation": ("partner",),
    "campaigns": ("partner",), "root_causes": ("partner",), "legal_pathways": ("state", "partner"),
    "search_and_rescue": ("state", "frontex"), "transport_and_visa": ("partner",),
}  # fmt: skip
#: what is told of each kind of seat; agencies see the whole
OF_STATE: Final = ("asylum_load", "reported_detections", "case_backlog", "arrests", "convictions", "networks_dismantled", "cost_eur")
OF_AGENCY: Final[Mapping[str, tuple[str, ...]]] = {
    "europol": ("active_networks", "networks_dismantled", "smuggler_profit_eur", "arrests", "case_backlog", "deaths", "cost_eur"),
    "eurojust": ("convictions", "networks_dismantled", "case_backlog", "arrests", "active_networks", "smuggler_profit_eur"),
    "frontex": ("attempts", "irregular_crossings", "detections", "interceptions", "deaths", "fatal_incidents", "asylum_load"),
}
#: options side by side on a page
MOST = 3


class UnknownSeat(ValueError):
    """A name that is no Member State, agency or partner country; the message is for the user."""


@dataclass(frozen=True)
class Seat:
    """A place at the table.

    Attributes
    ----------
    code : str
        ISO 3166-1 alpha-3, or an agency's name: also the page's file name.
    kind : {'state', 'agency', 'partner'}
    """

    code: str
    kind: Kind

    @property
    def name(self) -> str:
        """Name in the language in use."""
        return self.code if self.kind == "agency" else texts.country(self.code)


def seats() -> list[Seat]:
    """Every seat: agencies, Member States, partner countries."""
    found = [Seat(name, "agency") for name in AGENCIES]
    found += [Seat(code, "state") for code in MEMBER_STATES]
    return found + [Seat(str(code), "partner") for code in world().partners["partner"]]


def find(text: str) -> Seat:
    """The seat that a code or a name means.

    Raises
    ------
    UnknownSeat
        With the nearest valid name.
    """
    known = _by_name()
    wanted = text.strip()
    guess = guess_member_state(wanted)
    seat = known.get(wanted.lower()) or (known.get(guess.lower()) if guess else None)
    if seat is not None:
        return seat
    labels = {label: label for seat in seats() for label in (seat.code, _english_name(seat))}
    near = nearest(wanted, labels)
    hint = f"; did you mean '{near}'?" if near else "; give an agency, a country's name or its three-letter code (ITA, TUN)"
    raise UnknownSeat(f"no Member State, agency or partner country '{text}'{hint}")


@cache
def _by_name() -> dict[str, Seat]:
    found: dict[str, Seat] = {}
    for seat in seats():
        found |= {seat.code.lower(): seat, _english_name(seat).lower(): seat}
    return found


def _english_name(seat: Seat) -> str:
    if seat.kind == "agency":
        return seat.code
    if seat.kind == "state":
        return MEMBER_STATES[seat.code]
    partners = world().partners.set_index("partner")["name"]
    return str(partners[seat.code])


def groups(chosen: Sequence[Seat]) -> list[dict[str, Any]]:
    """Links to the pages, by kind, for the main report."""
    made = []
    for kind in ("agency", "state", "partner"):
        own = [{"name": s.name, "address": f"stakeholders/{s.code}.html"} for s in chosen if s.kind == kind]
        if own:
            made.append({"title": t(f"seat.{kind}"), "seats": own})
    return made


def pages(found: Results, chosen: Sequence[Seat], shown: Sequence[Run]) -> dict[str, bytes | str]:
    """A page for each seat.

    Parameters
    ----------
    found : Results
    chosen : sequence of Seat
    shown : sequence of Run
        The runs told: each option, with its staff placed by plan where there is one.

    Returns
    -------
    dict
        Content by path in the results folder.
    """
    made: dict[str, bytes | str] = {}
    for seat in chosen:
        view = _View(found, seat, shown)
        made[f"stakeholders/{seat.code}.html"] = render("stakeholder.html.j2", view.context())
    return made


class _View:
    """What one seat sees of the results."""

    def __init__(self, found: Results, seat: Seat, shown: Sequence[Run]) -> None:
        self.found, self.seat, self.first = found, seat, found.runs[0]
        self.all = list(shown) or [self.first]
        self.runs = self.all[:MOST]
        self.single = len(found.runs) == 1
        self.agency = AGENCIES.get(seat.code, "")
        self.drawn = Figures(f"{seat.code}-", keep=False)
        self.plans = {p.run: p for p in found.plans}

    def context(self) -> dict[str, Any]:
        rows = self.rows()
        options = wording.listed([self.found.names[r.of or r.key] for r in self.runs])
        chart = self.chart(rows)
        return {
            "title": t("seat.page_title", option=options, name=self.seat.name),
            "kicker": f"{kicker(self.found, summarising.months(self.found.outcomes), dated=False)} · {t('seat.kind_' + self.seat.kind)}",
            "gives": self.told(self.gives),
            "gets": self.told(self.gets),
            "binds": self.told(self.binds),
            "columns": [t("seat.outcome"), t("front.level", run=self.found.names[self.first.key]),
                        *([] if self.single else [self.found.names[r.key] for r in self.runs])],
            "rows": [r for _, r in rows],
            "lead": t("seat.changes_lead", baseline=self.found.names[self.first.key]) if rows else t("seat.changes_none", name=self.seat.name),
            "more": t("seat.more_options", number=len(self.runs)) if len(self.all) > len(self.runs) else "",
            "figure_item": None if chart is None else self.drawn.item("changes", chart, t("seat.changes_figure", name=self.seat.name)),
        }  # fmt: skip

    def told(self, function: Any) -> list[str]:
        """The sentences of every run, with the run's name before them where there are several."""
        if len(self.runs) == 1:
            return list(function(self.runs[0]))
        return [t("seat.option_line", option=self.found.names[r.key], text=" ".join(function(r))) for r in self.runs]

    @property
    def facts(self) -> dict[str, Any]:
        """The country's row of the reference tables."""
        tables = world()
        table, key = (tables.partners, "partner") if self.seat.kind == "partner" else (tables.member_states, "member_state")
        return summarising.by_key(table, key)[self.seat.code]

    # ------------------------------------------------------------------ what it gives, what it gets

    def gives(self, run: Run) -> list[str]:
        levers = [n for n in annex.levers_that_differ(self.found, run) if self.is_asked(run, n)]
        named = wording.listed([annex.lever_in_sentence(n) for n in levers])
        said = [t("seat.asked", levers=named) if levers else t("seat.asked_none")]
        if self.seat.kind == "state":
            said += self.terms(run)
            said.append(self.pays(run))
            said += self.own_staff(run)
        elif self.seat.kind == "agency":
            said += self.agency_staff(run)
        else:
            row = self.facts
            said.append(t("seat.cooperation", cooperation=f"{float(row['cooperation']):g}", reach=f"{float(row['evidence_reach']):g}",
                          grade=row["capacity_grade"]))  # fmt: skip
        return said

    def is_asked(self, run: Run, lever: str) -> bool:
        asked = ASKED.get(lever, ())
        if self.seat.kind == "agency":
            return self.agency in asked
        if self.seat.kind not in asked:
            return False
        content = getattr(run.scenario.levers, lever, None)
        partners = getattr(content, "partners", None)
        if self.seat.kind == "partner" and partners is not None:
            return "all" in partners or self.seat.code in partners
        groups_ = getattr(content, "origin_groups", None)
        if self.seat.kind == "partner" and groups_ is not None:
            return bool(self.origins) and ("all" in groups_ or bool(set(groups_) & set(self.origins)))
        return True

    def terms(self, run: Run) -> list[str]:
        """Maximum terms that a floor raises."""
        lever = run.scenario.levers.penalties
        if lever is None or "penalties" not in annex.levers_that_differ(self.found, run):
            return []
        row = self.facts
        content = lever.model_dump()
        raised = []
        for name in ("basic", "aggravated", "death"):
            floor = next((float(v) for k, v in content.items() if k.startswith(name) and isinstance(v, int | float)), None)
            before = float(row[f"penalty_{name}_years"])
            if floor is not None and floor > before:
                raised.append(t("seat.term", name=t(f"seat.term_{name}"), before=f"{before:g}", after=f"{floor:g}"))
        return [t("seat.terms", terms=", ".join(raised)) if raised else t("seat.terms_same")]

    def pays(self, run: Run) -> str:
        row = self.place_row(run, "cost_eur")
        if row is None or row["verdict"] == "unchanged":
            return t("seat.pays_none")
        interval = ""
        if math.isfinite(row["low"]) and row["low"] != row["high"]:
            interval = t("wording.interval", interval=wording.span(row["low"], row["high"], "EUR"))
        if row["verdict"] == "no clear difference":
            return t("seat.pays_unclear", interval=interval)
        key = "seat.pays" if row["difference"] > 0 else "seat.pays_less"
        return t(key, amount=wording.amount(abs(row["difference"]), "EUR"), interval=interval)

    def own_staff(self, run: Run) -> list[str]:
        said = []
        plan = self.plans.get(run.key)
        if plan is not None:
            staff = self.placed(plan, lambda owner: owner == "member_state", self.seat.code)
            said.append(t("seat.own_staff", staff=staff) if staff else t("seat.own_none"))
        rules = run.scenario.resources.rules
        if rules.solidarity_cap is not None:
            key = str(rules.key)
            share = self.key_share(key)
            name = t(f"seat.key_{key}") if f"seat.key_{key}" in texts.current().texts else key
            said.append(t("seat.key_share", key=name, share=wording.percent(share, False), cap=wording.percent(rules.solidarity_cap, False)))
        return said

    def key_share(self, key: str) -> float:
        states = world().member_states
        columns = {"population": ["population"], "gdp": ["gdp_eur_bn"]}.get(key, ["population", "gdp_eur_bn"])
        return sum(float(self.facts[c]) / float(states[c].sum()) for c in columns) / len(columns)

    def placed(self, plan: PlanRecord, owned: Any, place: str | None = None) -> str:
        """Staff of some owners, at a place or everywhere, mean over the quarters with any: 'Europol analyst 2.5, ...'."""
        table = charts.allocation_table(plan.allocation)
        parts = []
        for name in table.index:
            if name not in RESOURCES or not owned(RESOURCES[name].owner):
                continue
            number = float(table.loc[name].sum()) if place is None else float(table.loc[name].get(place, 0.0))
            if number >= 0.05:
                parts.append(t("seat.staff_item", resource=texts.resource(str(name)), number=f"{number:.1f}"))
        return ", ".join(parts)

    def agency_staff(self, run: Run) -> list[str]:
        plan = self.plans.get(run.key)
        if plan is None:
            return [t("seat.no_plan")]
        staff = self.placed(plan, lambda owner: owner == self.agency)
        if not staff:
            return [t("seat.agency_none")]
        table = charts.allocation_table(plan.allocation)
        own = table.loc[[n for n in table.index if n in RESOURCES and RESOURCES[n].owner == self.agency]].sum()
        top = own.sort_values(ascending=False, kind="stable").head(4)
        places = ", ".join(t("plan.at", place=texts.country(str(p)), staff=f"{v:.1f}") for p, v in top.items() if v >= 0.05)
        return [t("seat.agency_staff", staff=staff), t("seat.agency_where", places=places)]

    def gets(self, run: Run) -> list[str]:
        if self.seat.kind == "agency":
            return self.budgets(run)
        said = []
        plan = self.plans.get(run.key)
        if plan is None:
            said.append(t("seat.no_plan"))
        else:
            outside = self.seat.kind == "partner"
            staff = self.placed(plan, lambda owner: outside or owner != "member_state", self.seat.code)
            said.append(t("seat.hosts_staff", staff=staff) if staff else t("seat.hosts_none"))
        if self.seat.kind == "partner" and self.origins and not self.single:
            row = self.origin_row(run, "legal_pathway_admissions")
            if row is None or row["verdict"] == "unchanged":
                said.append(t("seat.pathways_none"))
            else:
                interval = t("wording.interval", interval=wording.span(row["low"], row["high"], "people")) if math.isfinite(row["low"]) else ""
                said.append(t("seat.pathways", change=wording.number(row["difference"], sign=True), interval=interval))
        return said

    def budgets(self, run: Run) -> list[str]:
        said = []
        for heading in HEADINGS[self.agency]:
            years = (run.scenario.resources.budgets or {}).get(heading)
            if years:
                told = ", ".join(t("seat.budget_year", year=y, amount=wording.amount(float(v), "EUR")) for y, v in years.items())
                said.append(t("seat.budget", heading=heading, years=told))
        return said or [t("seat.budget_none")]

    # ------------------------------------------------------------------ what changes

    def place_row(self, run: Run, outcome: str) -> dict[str, Any] | None:
        table = self.found.by_place(run.key, self.first.key, outcome, "member_state")
        own = table[table["member_state"] == self.seat.code]
        return None if own.empty else {str(k): v for k, v in own.iloc[0].to_dict().items()}

    @property
    def origins(self) -> list[str]:
        """Origin groups that set out from this country."""
        tables = world()
        own = set(tables.hubs.loc[tables.hubs["country"] == self.seat.code, "hub"])
        return sorted(set(tables.origin_hubs.loc[tables.origin_hubs["hub"].isin(own), "origin_group"]))

    def origin_row(self, run: Run, outcome: str) -> dict[str, Any] | None:
        return self._rows_of(run, outcome, "origin_group", self.origins)

    def leg_row(self, run: Run, outcome: str, legs: list[str]) -> dict[str, Any] | None:
        return self._rows_of(run, outcome, "leg", legs)

    def _rows_of(self, run: Run, outcome: str, by: str, values: list[str]) -> dict[str, Any] | None:
        """Paired difference of an outcome over some values of a dimension together; None where nothing happened."""
        frame = self.found.outcomes
        rows = frame[(frame["outcome"] == outcome) & frame[by].isin(values)]
        if rows.empty:
            return None
        sums = rows.groupby([rows["run"].astype(str), "replicate"])["value"].sum()
        index = pd.MultiIndex.from_product(
            [[r.key for r in self.found.runs], sorted(frame["replicate"].unique())], names=["run", "replicate"]
        )
        series = sums.reindex(index, fill_value=0.0)
        from .criteria import paired_series

        return {**paired_series(series, run.key, self.first.key), "series": series}

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Rows of the table of changes: key, and title, unit, level and cells."""
        made = []
        for key, title, unit, outcome, get in self.measures():
            per_run = [get(run) for run in self.runs]
            known = [r for r in per_run if r is not None]
            if not known or not any(r["against_mean"] or r["run_mean"] for r in known):
                continue
            scale_unit = OUTCOMES[outcome].unit
            divisor, told_unit = wording.scale_of(
                scale_unit, *(float(r[k]) for r in known for k in ("against_mean", "difference"))
            )
            told_unit = told_unit if scale_unit == "EUR" else unit
            cells = [] if self.single else [
                Cell(t("page.nothing")) if r is None else change_cell(r, outcome, divisor) for r in per_run
            ]  # fmt: skip
            level = self.level(known[0], divisor)
            made.append((key, {"title": title, "unit": told_unit, "level": level, "cells": cells, "row": known[0], "outcome": outcome}))
        return made

    def level(self, row: Mapping[str, Any], divisor: float) -> Cell:
        mean = float(row["against_mean"])
        return level_cell({"mean": mean, "p05": mean, "p95": mean}, divisor, self.found.replicates)

    def measures(self) -> list[tuple[str, str, str, str, Any]]:
        """Key, title, unit, the outcome whose direction and unit count, and how a run's paired difference is found."""

        def when(name: str) -> str:
            mean = t("outcomes.mean_over_months") if OUTCOMES[name].kind == "stock" else ""
            return f"{texts.unit(OUTCOMES[name].unit)}{mean}"

        if self.seat.kind == "agency":
            tables = {r.key: summarising.by_key(self.found.difference(r.key, self.first.key), "outcome") for r in self.runs}
            return [
                (n, texts.outcome(n), when(n), n, lambda run, n=n: tables[run.key].get(n)) for n in OF_AGENCY[self.agency]
            ]
        legs = world().legs
        if self.seat.kind == "state":
            made: list[tuple[str, str, str, str, Any]] = [
                (n, texts.outcome(n), when(n), n, lambda run, n=n: self.place_row(run, n)) for n in OF_STATE
            ]
            into = list(legs.loc[(legs["authority_to"] == self.seat.code) & (legs["border"] == "external"), "leg"])
            return [
                ("entering", t("seat.entering"), when("leg_attempts"), "leg_attempts", lambda run: self.leg_row(run, "leg_attempts", into)),
                ("deaths_entering", t("seat.deaths_entering"), when("leg_deaths"), "deaths", lambda run: self.leg_row(run, "leg_deaths", into)),
                *made,
            ]  # fmt: skip
        out = list(legs.loc[legs["authority_from"] == self.seat.code, "leg"])
        return [
            ("departures", t("seat.departures"), when("departures"), "departures", lambda run: self.origin_row(run, "departures")),
            ("leaving", t("seat.leaving"), when("leg_attempts"), "leg_attempts", lambda run: self.leg_row(run, "leg_attempts", out)),
            ("deaths_leaving", t("seat.deaths_leaving"), when("leg_deaths"), "deaths", lambda run: self.leg_row(run, "leg_deaths", out)),
            ("legal_pathway_admissions", t("seat.pathway_row"), when("legal_pathway_admissions"), "legal_pathway_admissions",
             lambda run: self.origin_row(run, "legal_pathway_admissions")),
        ]  # fmt: skip

    def chart(self, rows: Sequence[tuple[str, dict[str, Any]]]) -> Any:
        """The relative changes of the first run shown; None where nothing can be told."""
        own = [(r["title"], r["row"]) for _, r in rows if float(r["row"]["against_mean"]) != 0.0]
        if self.single or not own or self.found.replicates < 2:
            return None
        return figures.relative_changes(own, self.found.names[self.first.key], self.seat.name)

    # ------------------------------------------------------------------ what binds

    def binds(self, run: Run) -> list[str]:
        plan = self.plans.get(run.key)
        if self.seat.kind == "partner":
            grade = str(self.facts["capacity_grade"])
            said = [t("seat.partner_limits", grade=grade)]
            return said + (self.priced(plan) if plan is not None else [])
        said = [t("seat.no_plan")] if plan is None else [*self.priced(plan), *self.used(plan)]
        return said + ([self.backlog(run)] if self.seat.kind == "state" else [])

    def mine(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows of limits or prices that are this seat's own."""
        if self.seat.kind != "agency":
            return table[table["place"].astype(str) == self.seat.code]
        own = {n for n, r in RESOURCES.items() if r.owner == self.agency}
        shared = table["constraint"].astype(str).str.split("__").str[1]
        headed = (table["kind"] == "budget") & shared.isin(HEADINGS[self.agency])
        pooled = (table["kind"] == "shared_pool") & shared.str.startswith(self.agency)
        return table[((table["resource"].isin(own)) & (table["place"].astype(str) == "")) | headed | pooled]

    def priced(self, plan: PlanRecord) -> list[str]:
        own = charts.binding(self.mine(plan.shadow_prices))
        if own.empty:
            return [t("seat.prices_none")]
        seen: dict[str, str] = {}
        for raw in own.to_dict("records"):
            row = {str(k): v for k, v in raw.items()}
            own_name = {} if self.seat.kind == "agency" else {"constraint": ""}  # of a state's limits, the state's name is enough
            bare = figures.limit_name({**row, **own_name, "quarter": "", "place": ""})
            if bare not in seen:
                when = wording.quarter(str(row["quarter"])) if str(row["quarter"]) not in ("", "nan") else ""
                what = f"{bare} ({when})" if when else bare
                seen[bare] = t("seat.price", what=what, points=wording.number(-float(row["dual"])), unit=t("seat.price_unit"))
            if len(seen) == 4:
                break
        return [f"{t('seat.prices')} {'; '.join(seen.values())}."]

    def used(self, plan: PlanRecord) -> list[str]:
        if plan.limits is None:
            return []
        own = self.mine(plan.limits)
        full = annex.used_up(own.assign(place="") if self.seat.kind != "agency" else own, 4)
        if not full:
            return [t("seat.used_none")]
        told = [t("seat.used_item", name=r["name"], used=r["used"], limit=r["limit"], quarters=r["quarters"]) for r in full]
        return [t("seat.used", limits="; ".join(told))]

    def backlog(self, run: Run) -> str:
        frame = self.found.outcomes
        own = frame[(frame["outcome"] == "case_backlog") & (frame["member_state"] == self.seat.code)]
        months = summarising.months(frame)
        if own.empty or not own["value"].any():
            return t("seat.backlog_none")
        span = min(12, max(1, len(months) // 2))

        def mean(key: str, chosen: list[str]) -> str:
            rows = own[(own["run"] == key) & own["month"].isin(chosen)]
            return wording.number(float(rows["value"].sum()) / (len(chosen) * self.found.replicates))

        ends = (months[:span], months[-span:])
        before, after = (mean(self.first.key, m) for m in ends)
        option_before, option_after = (mean(run.key, m) for m in ends)
        return t("seat.backlog", before=before, after=after, option_before=option_before, option_after=option_after,
                 baseline=self.found.names[self.first.key], option=self.found.names[run.key])  # fmt: skip


assert set(ASKED) == set(LEVERS), "every lever says whom it asks"
