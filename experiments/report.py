"""The report: one self-contained HTML file that a director can read in two pages, and an annex for who checks it.

The first two pages compare options with the baseline by the criteria of an impact assessment (`criteria`).  Every sentence
about results is made from the numbers; a difference whose 95 % interval holds zero is told as "no clear difference".
Texts come from the catalogue (`texts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..optimise import charts
from ..scenarios import LEVERS, OUTCOMES
from . import annex, figures, stakeholders, summarising, texts, wording
from .criteria import MOST, Cell, Criteria, change_cell, level_cell
from .figures.axes import fitting
from .pages import Figures, kicker, places_table, render
from .texts import t

if TYPE_CHECKING:
    from .results import Results, Run

#: outcomes that every answer tells, whatever they came to: people first, money always beside them
ALWAYS = ("deaths", "travellers_in_debt", "legal_pathway_admissions")
THEN = (
    "smuggler_profit_eur",
    "active_networks",
    "networks_dismantled",
    "irregular_crossings",
    "asylum_load",
    "case_backlog",
)
#: runs side by side in one table of the annex
ABREAST = 3
#: Member States on the second page, and in the annex
STATES_IN_FRONT, STATES = 7, 27
#: rows of the criteria whose cells are words
IN_WORDS = ("routes", "states_asylum", "states_backlog", "states_cost")
#: outcomes of the figure on the second page
IN_FRONT = (
    "deaths", "travellers_in_debt", "smuggler_profit_eur", "active_networks", "networks_dismantled", "irregular_crossings",
    "case_backlog", "convictions",
)  # fmt: skip


def files_of_report(
    found: Results, seats: Sequence[stakeholders.Seat] = (), language: str | texts.Catalogue = texts.DEFAULT, figures: bool = True,
) -> dict[str, bytes | str]:
    """The report, its figures, and a page for each stakeholder asked for.

    Parameters
    ----------
    found : Results
    seats : sequence of Seat
        Stakeholders who get a page of their own (see `stakeholders.seats`).
    language : str or Catalogue
        Code of a language, or a catalogue.
    figures : bool
        Also give each figure of the report as files of its own.

    Returns
    -------
    dict
        Content by path in the results folder: ``report.html``, ``figures/<name>.png``, ``.svg`` and ``.csv``,
        ``stakeholders/<code>.html``.
    """
    chosen = texts.catalogue(language) if isinstance(language, str) else language
    with texts.using(chosen):
        page = _Page(found, seats, figures)
        made: dict[str, bytes | str] = {"report.html": render("report.html.j2", page.context())}
        views = stakeholders.pages(found, seats, page.shown)
    return {**page.drawn.files, **made, **views}


class _Page:
    def __init__(self, found: Results, seats: Sequence[stakeholders.Seat], keep: bool) -> None:
        self.found, self.seats = found, seats
        self.drawn = Figures(keep=keep)
        self.first = found.runs[0]
        self.names = found.names
        self.others = found.runs[1:]
        options = [r for r in self.others if r.role == "option"] or [self.first]
        plans = {r.of: r for r in self.others if r.role == "plan"}
        #: the runs that maps and tables by place show: each option, with its staff placed by plan where there is one
        self.shown = [plans.get(r.key, r) for r in options]
        #: the columns of the first page: options as written and by plan; of one scenario's placements, all of them
        wanted = [r for r in self.others if r.role in ("option", "plan")] if found.kind != "optimise" else list(self.others)
        self.columns = wanted[:MOST]
        self.more = len(self.others) - len(self.columns)

    # ------------------------------------------------------------------ the whole

    def context(self) -> dict[str, Any]:
        months = summarising.months(self.found.outcomes)
        single = not self.others
        plans = [annex.plan_item(self.found, p, self.drawn) for p in self.found.plans]
        states = self.by_place("member_state", ("asylum_load", "case_backlog", "networks_dismantled", "cost_eur"), STATES)
        validation = annex.validation()
        sections = ["answer", "weigh", "outcomes", "map", "time", *(["states"] if states else []), *(["plan"] if plans else [])]
        sections += [*(["seats"] if self.seats else []), "sensitivity", "validation", "evidence", "assumed", "method", "use"]
        setting = self.setting(months)
        return {
            "title": self.title(),
            "tight": self.tight(),
            "kicker": kicker(self.found, months),
            "questions": wording.questions(self.found.runs)[:4],
            "sections": [(key, t(f"nav.{key}")) for key in sections],
            "single": single,
            "short": self.short(),
            "front": self.front(),
            "front_figure": self.front_figure(),
            "distribution": self.distribution(),
            "sure": self.sure(setting),
            "answers": self.answers(),
            "reading": t("answer.reading_one") if single else t("answer.reading"),
            "tables": self.tables(),
            "table_note": t("outcomes.note_one") if single else t("outcomes.note", baseline=self.first.title),
            "charts_outcomes": self.charts_outcomes(),
            "maps": self.maps(),
            "routes": self.by_place("route", ("attempts", "irregular_crossings", "interceptions", "deaths")),
            "charts_time": self.charts_time(),
            "states": states,
            "plans": plans,
            "seats": stakeholders.groups(self.seats),
            "sensitivity": annex.sensitivity(self.found, self.drawn),
            "validation": validation,
            "evidence_lead": t("evidence.lead", all=len(self.found.parameters), judged=self.judged()),
            "grades": [
                {"grade": g, "meaning": t(f"evidence.grade_{g}"), "count": int((self.found.parameters["grade"] == g).sum())}
                for g in annex.GRADES
            ],
            "judgements": annex.judgements(self.found),
            "evidence": [
                annex.evidence_row(r) for r in summarising.by_key(self.found.parameters, "name").values()
            ],
            "assumed": [annex.assumed(self.found, r) for r in self.found.runs if r.role in ("baseline", "option")],
            "baseline_title": self.first.title,
            "method": annex.method(self.found),
            "provenance": annex.provenance(self.found),
        }

    def judged(self) -> int:
        return int((self.found.parameters["grade"] == "D").sum())

    def title(self) -> str:
        if self.found.kind == "optimise":
            return t("page.title_plan", title=self.first.title)
        options = [r.title for r in self.others if r.role == "option"]
        if not options:
            return self.first.title
        told = wording.listed(options) if len(options) < 4 else t("page.many_options", number=len(options))
        return t("page.title_against", options=told, baseline=self.first.title)

    def setting(self, months: Sequence[str]) -> str:
        n, scenario = self.found.replicates, self.first.scenario
        runs = len(self.found.runs)
        replicates = t("answer.replicates", number=n) if n > 1 else t("answer.replicate")
        told = t("answer.setting", period=wording.period(months[0], months[-1]), replicates=replicates)
        if runs > 1:
            told += t("answer.paired", runs=runs)
        told += t(f"answer.{scenario.uncertainties.draw}")
        if scenario.model.persons_per_agent > 1:
            told += t("answer.coarse", number=f"{scenario.model.persons_per_agent:g}")
        if n == 1:
            told += t("answer.alone")
        elif n < 5 and runs > 1:
            told += t("answer.few", number=n)
        return told

    # ------------------------------------------------------------------ the first two pages

    def short(self) -> list[dict[str, str]]:
        """The bottom line of every option."""
        options = [r for r in self.others if r.role == "option"]
        if not options:
            one = self.description_of_one()
            told = [{"title": "", "headline": str(one["headline"])}]
        else:
            told = [
                {"title": self.names[r.key] if len(options) > 1 else "", "headline": self.headline(self.compared(r, self.first))}
                for r in options
            ]
        for run in self.others:
            pro_rata = self.pro_rata_of(run)
            if run.role == "plan" and pro_rata is not None and len(options) < 3:
                told[-1]["headline"] += " " + self.points_sentence(run, pro_rata)
        return told

    def tight(self) -> int:
        """How closely the first two pages are set, so that two they are: 0 to 2."""
        lines = len(" ".join(wording.questions(self.found.runs))) / 90 + sum(len(a["headline"]) / 75 + 1.2 for a in self.short())
        return 0 if len(self.columns) <= 3 and lines < 9 else 1 if len(self.columns) <= 4 and lines < 16 else 2

    def pro_rata_of(self, run: Run) -> Run | None:
        return next((r for r in self.others if r.of == run.of and r.role == "pro_rata"), None)

    def front(self) -> dict[str, Any]:
        """The options by criteria."""
        table = Criteria(self.found, self.columns)
        verdicts = {k: t(f"verdict.{k}_sign") for k in ("better", "worse", "unclear")}
        if self.columns:
            head = t("front.level", run=self.names[self.first.key])
            key = "front.reading_compact" if table.compact else "front.reading"
            note = t(key, baseline=self.names[self.first.key], **verdicts)
            if self.more > 0:
                note += " " + t("front.more_options", number=self.more)
            caption = t("front.caption", baseline=self.names[self.first.key])
        else:
            head, note, caption = t("front.level_one"), t("front.reading_one"), t("front.caption_one")
        return {
            "caption": caption,
            "columns": [t("front.criterion"), head, *(fitting(self.names[r.key]) for r in self.columns)],
            "groups": table.groups(),
            "note": note,
            "long": IN_WORDS,
        }

    def front_figure(self) -> dict[str, Any]:
        """What changes, as a picture: differences with intervals, or series of a single run."""
        if not self.others:
            chart = figures.time_series(self.found, ("deaths", "irregular_crossings"), width=9.0)
            return {**self.drawn.item("front-time-series", chart, t("time.caption")), "title": t("time.title")}
        chart = figures.differences(self.found, [r.key for r in self.columns[:ABREAST]], outcomes=IN_FRONT, width=9.0)
        return {**self.drawn.item("front-differences", chart, t("time.differences")), "title": t("front.differences")}

    def distribution(self) -> dict[str, Any] | None:
        """Member States that are touched most, for the option shown first."""
        outcomes, run = ("asylum_load", "case_backlog", "cost_eur"), self.shown[0]
        made = places_table(self.found, run, self.first, "member_state", outcomes, STATES_IN_FRONT, clear_first=True)
        if made is None:
            return None
        if run is self.first:
            return {**made, "lead": t("front.distribution_one", number=len(made["rows"]))}
        lead = f"{fitting(self.names[run.key])}. " + t("front.distribution_lead", baseline=self.names[self.first.key], number=len(made["rows"]))
        return {**made, "lead": lead}

    def sure(self, setting: str) -> list[tuple[str, str]]:
        """How sure this is, in pairs of a heading and sentences."""
        evidence = t("sure.evidence", all=len(self.found.parameters), judged=self.judged())
        for run in [r for r in self.others if r.role == "option"][:2]:
            number = sum(len(LEVERS[n].parameters) for n in annex.levers_that_differ(self.found, run))
            judged = len(annex.judgement_rows(self.found, run))
            evidence += " " + t("sure.evidence_option", option=fitting(self.names[run.key]), judged=judged, all=number)
        return [
            (t("front.sure_chance"), setting),
            (t("front.sure_evidence"), evidence),
            (t("front.sure_sensitivity"), annex.sensitivity_in_short(self.found)),
            (t("front.sure_validation"), annex.validation_in_short()),
            (t("front.sure_rights"), t("sure.rights")),
        ]

    # ------------------------------------------------------------------ answers

    def answers(self) -> list[dict[str, Any]]:
        if not self.others:
            return [self.description_of_one()]
        answers = [self.answer(run, self.first) for run in self.others if run.role == "option"]
        return answers + [self.answer_of_plan(run) for run in self.others if run.role == "plan"]

    def description_of_one(self) -> dict[str, Any]:
        table = summarising.by_key(self.found.summary(), "outcome")
        sentences = []
        for name in (
            *ALWAYS,
            "smuggler_profit_eur",
            "active_networks",
            "irregular_crossings",
            "asylum_load",
            "cost_eur",
        ):
            row, info = table[name], OUTCOMES[name]
            spread = annex.range_text(row, name) if self.found.replicates > 1 else ""
            how = t("answer.level_mean") if info.over_months == "mean" and info.kind == "stock" else ""
            mean = wording.amount(row["mean"], info.unit)
            sentences.append(t("answer.level", what=texts.outcome(name), how=how, mean=mean, range=spread))
        deaths, cost = (wording.amount(table[o]["mean"], OUTCOMES[o].unit) for o in ("deaths", "cost_eur"))
        crossings = wording.amount(table["irregular_crossings"]["mean"], "")
        return {
            "title": self.first.title,
            "headline": t("answer.headline_one", deaths=deaths, crossings=crossings, cost=cost),
            "sentences": sentences,
            "judgement": "",
        }

    def answer(self, run: Run, against: Run) -> dict[str, Any]:
        table = self.compared(run, against)
        told = [
            n
            for n in ALWAYS
            if n != "legal_pathway_admissions" or table[n]["against_mean"] or table[n]["run_mean"]
        ]
        sentences = [wording.finding(table[n]) for n in told]
        if len(told) < len(ALWAYS):
            sentences.append(t("answer.no_pathways"))
        sentences += [wording.finding(table[n]) for n in THEN]
        sentences.append(wording.finding(table["cost_eur"]))
        judged = len(annex.judgement_rows(self.found, run))
        known = sum(len(LEVERS[n].parameters) for n in annex.levers_that_differ(self.found, run))
        return {
            "title": t("answer.against", option=run.title, baseline=against.title),
            "headline": self.headline(table),
            "sentences": sentences,
            "judgement": t("answer.judgement", judged=judged, all=known) if judged else "",
        }

    def headline(self, table: Mapping[str, Mapping[str, Any]]) -> str:
        """Better, worse, unclear, and what it costs, in one or two sentences."""
        groups: dict[str, list[str]] = {"better": [], "worse": [], "": []}
        for name in (*ALWAYS, "smuggler_profit_eur", "active_networks", "case_backlog"):
            row = table[name]
            if row["verdict"] == "unchanged":
                continue
            word = wording.good(row)
            told = wording.title(name)
            if word and math.isfinite(row["relative"]):
                told = t("answer.with_share", what=told, share=wording.percent(float(row["relative"])))
            groups[word].append(told)
        parts: list[str] = []
        if groups["better"]:
            parts.append(t("answer.better", what=wording.listed(groups["better"])))
        if groups["worse"]:
            parts.append(t("answer.then_worse" if parts else "answer.worse", what=wording.listed(groups["worse"])))
        if groups[""]:
            key = "unclear" if self.found.replicates > 1 else "too_little"
            parts.append(t(f"answer.then_{key}" if parts else f"answer.{key}", what=wording.listed(groups[""])))
        if not parts:
            parts.append(t("answer.none"))
        cost = table["cost_eur"]
        more, less = (wording.amount(s * cost["difference"], "EUR") for s in (1, -1))
        signed = wording.amount(cost["difference"], "EUR", True)
        keys = {"higher": ("more_cost", more), "lower": ("less_cost", less), "unchanged": ("same_cost", ""), "one replicate": ("one_cost", signed)}
        key, figure = keys.get(str(cost["verdict"]), ("unclear_cost", signed))
        parts.append(t(f"answer.{key}", amount=figure))
        return "; ".join(parts) + "."

    def answer_of_plan(self, run: Run) -> dict[str, Any]:
        option = self.found.run(run.of)
        pro_rata = self.pro_rata_of(run)
        assert pro_rata is not None
        table = self.compared(run, pro_rata)
        weighted = [n for n, w in option.scenario.outcomes.items() if w.weight]
        chosen = [n for n in dict.fromkeys([*ALWAYS[:2], *weighted, "cost_eur"]) if n in table]
        sentences = [wording.finding(table[n]) for n in chosen]
        extra = self.compared(run, option)["cost_eur"]
        if extra["verdict"] in ("higher", "one replicate") and extra["difference"] > 0:
            amount = wording.amount(extra["difference"], "EUR")
            sentences.append(t("answer.extra_posts", option=self.names[option.key], amount=amount))
        return {
            "title": t("answer.plan_title", option=option.title),
            "headline": self.points_sentence(run, pro_rata),
            "sentences": sentences,
            "judgement": t("answer.plan_note") + annex.point(run),
        }

    def points_sentence(self, run: Run, against: Run) -> str:
        mean, low, high = self.found.points(run.key, against.key)
        signed = wording.number(mean, sign=True)
        if math.isnan(low):
            return t("answer.points_one", points=signed)
        largest = max(abs(low), abs(high))
        ends = {"low": wording.number(low, largest, True), "high": wording.number(high, largest, True)}
        if low <= 0.0 <= high:
            return t("answer.points_unclear", points=signed, **ends)
        key = "answer.points_better" if mean < 0 else "answer.points_worse"
        return t(key, points=wording.number(abs(mean)), **ends)

    # ------------------------------------------------------------------ tables

    def tables(self) -> list[dict[str, Any]]:
        levels = self.found.summary()
        summary = summarising.by_key(levels[levels["run"] == self.first.key], "outcome")
        blocks: list[Sequence[Run]] = [
            self.others[i : i + ABREAST] for i in range(0, len(self.others), ABREAST)
        ] or [()]
        tables = []
        for block in blocks:
            compared = {r.key: self.compared(r, self.first) for r in block}
            groups = []
            for group, names in wording.GROUPS.items():
                rows = []
                for name in names:
                    info, base = OUTCOMES[name], summary[name]
                    changes = [compared[r.key].get(name) for r in block]
                    sizes = [base["mean"], *(c["difference"] for c in changes if c is not None)]
                    divisor, unit = wording.scale_of(info.unit, *[float(s) for s in sizes])
                    when = t("outcomes.mean_over_months") if info.kind == "stock" else ""
                    cells = [Cell(t("page.nothing")) if c is None else change_cell(c, name, divisor) for c in changes]
                    level = level_cell(base, divisor, self.found.replicates)
                    rows.append({"key": name, "title": texts.outcome(name), "unit": f"{unit}{when}", "level": level, "cells": cells})
                groups.append({"title": t(f"group.{group}"), "asks": "", "rows": rows})
            head = self.names[self.first.key] if block else t("front.level_one")
            columns = [t("outcomes.outcome"), head, *(self.names[r.key] for r in block)]
            tables.append({"caption": t("outcomes.caption"), "columns": columns, "groups": groups, "long": ()})
        return tables

    def compared(self, run: Run, against: Run) -> dict[str, dict[str, Any]]:
        table = self.found.comparison
        rows = table[(table["run"] == run.key) & (table["against"] == against.key)]
        return summarising.by_key(rows, "outcome")

    def by_place(self, by: str, outcomes: Sequence[str], most: int = 12) -> list[dict[str, Any]]:
        """One table for each shown run: levels and changes by route or Member State."""
        made = []
        for run in self.shown:
            table = places_table(self.found, run, self.first, by, outcomes, most)
            if table is not None:
                many = by == "member_state" and len(table["rows"]) < STATES
                rest = t("outcomes.rest", number=len(table["rows"])) if many else ""
                lead = t("outcomes.by_place", run=self.names[run.key], baseline=self.names[self.first.key], rest=rest)
                if run is self.first:
                    lead = t("outcomes.by_place_one", run=self.names[run.key], rest=rest)
                made.append({**table, "lead": lead})
        return made

    # ------------------------------------------------------------------ figures

    def maps(self) -> list[dict[str, Any]]:
        first = self.first.key
        made = [self.drawn.item("flows", figures.flows(self.found, first), t("map.flows", run=self.names[first]), bitmap=True)]
        for run in self.shown:
            if run is self.first:
                continue
            name = "" if len(self.shown) == 1 else f"-{run.of}"
            caption = t("map.change", run=self.names[run.key], baseline=self.names[first])
            made.append(self.drawn.item(f"change{name}", figures.change(self.found, run.key), caption, bitmap=True))
            closer = figures.change(self.found, run.key, region=figures.MEDITERRANEAN)
            made.append(self.drawn.item(f"change-mediterranean{name}", closer, t("map.change_closer"), bitmap=True))
        return made

    def charts_outcomes(self) -> list[dict[str, Any]]:
        if not self.others:
            return []
        return [self.drawn.item("differences", figures.differences(self.found), t("time.differences"))]

    def charts_time(self) -> list[dict[str, Any]]:
        keys = [r.key for r in self.found.runs if r.role not in ("pro_rata", "static")][: len(charts.COLOURS)]
        return [self.drawn.item("time-series", figures.time_series(self.found, runs=keys), t("time.caption"))]


__all__ = ["files_of_report"]
