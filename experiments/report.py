"""The report: one self-contained HTML file that a director can read.

Every sentence about results is made from the numbers; a difference whose 95 % interval holds zero is told as "no clear
difference".
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..optimise import charts
from ..scenarios import LEVERS, OUTCOMES
from . import comparing, figures, results, summarising, wording

if TYPE_CHECKING:
    from ..optimise.charts import Chart
    from .results import PlanRecord, Results, Run

GRADES = {
    "A": "causal estimate in a close setting",
    "B": "causal but distant, or several descriptions agree",
    "C": "administrative or descriptive figure",
    "D": "judgement",
}
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
#: runs side by side in one table
ABREAST = 3
#: rows of a figure's table that the page itself holds
ROWS = 60

RESPONSIBLE = (
    (
        "Crossing a border to seek asylum is a right. Fewer crossings are not a success by themselves, and someone who does not "
        "leave, or is stopped on the way, may be in danger where they are: read deaths, debt and protection beside every other "
        "figure."
    ),
    (
        "All inputs are published aggregates; places are regions and publicly mapped hubs; travellers and networks in the model "
        "are synthetic. This report is not for decisions about persons, for targeting persons, groups, boats or places, or for "
        "refusing rescue or access to asylum, and it says nothing on how to evade a control."
    ),
    (
        "These are simulated comparisons under stated assumptions, not observations and not forecasts. If you quote a figure, "
        "quote its interval and the grade of the evidence behind it."
    ),
)


def files_of_report(found: Results) -> dict[str, bytes | str]:
    """The report and its figures.

    Parameters
    ----------
    found : Results

    Returns
    -------
    dict
        Content by path in the results folder: ``report.html`` and ``figures/<name>.png``, ``.svg`` and ``.csv``.
    """
    page = _Page(found)
    text = page.render()
    return {**page.files, "report.html": text}


def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


class _Page:
    def __init__(self, found: Results) -> None:
        self.found = found
        self.files: dict[str, bytes | str] = {}
        self.first = found.runs[0]
        self.names = found.names
        self.others = found.runs[1:]
        options = [r for r in self.others if r.role == "option"] or [self.first]
        plans = {r.of: r for r in self.others if r.role == "plan"}
        #: the runs that maps and tables by place show: each option, with its staff placed by plan where there is one
        self.shown = [plans.get(r.key, r) for r in options if r.key in plans or r in self.others]

    def render(self) -> str:
        template = files(__package__).joinpath("templates/report.html.j2").read_text(encoding="utf-8")
        return str(_environment().from_string(template).render(self.context()))

    # ------------------------------------------------------------------ the whole

    def context(self) -> dict[str, Any]:
        months = summarising.months(self.found.outcomes)
        single = not self.others
        plans = [self.plan(p) for p in self.found.plans]
        states = self.states()
        sections = [("answer", "Answer"), ("outcomes", "Outcomes"), ("map", "Map"), ("time", "Over time")]
        sections += [("states", "Member States")] if states else []
        sections += [("plan", "Plan")] if plans else []
        sections += [
            ("evidence", "Evidence"),
            ("assumed", "Assumptions"),
            ("method", "Method"),
            ("use", "Responsible use"),
        ]
        provenance = self.found.provenance
        return {
            "title": self.title(),
            "questions": results.questions(self.found.runs),
            "version": provenance.get("version") or "",
            "made": _day(str(provenance.get("finished") or "")),
            "period": wording.period(months[0], months[-1]),
            "sections": sections,
            "single": single,
            "setting": self.setting(months),
            "answers": self.answers(),
            "reading": self.reading(),
            "tables": self.tables(),
            "table_note": self.table_note(),
            "charts_outcomes": self.charts_outcomes(),
            "maps": self.maps(),
            "routes": self.by_place("route", ("attempts", "irregular_crossings", "interceptions", "deaths")),
            "charts_time": self.charts_time(),
            "states": states,
            "plans": plans,
            "evidence_lead": self.evidence_lead(),
            "grades": [
                {"grade": g, "meaning": m, "count": int((self.found.parameters["grade"] == g).sum())}
                for g, m in GRADES.items()
            ],
            "judgements": self.judgements(),
            "evidence": [
                self.evidence_row(r) for r in summarising.by_key(self.found.parameters, "name").values()
            ],
            "assumed": [self.assumed(r) for r in self.found.runs if r.role in ("baseline", "option")],
            "baseline_title": self.first.title,
            "method": self.method(),
            "provenance": self.provenance(),
            "responsible": RESPONSIBLE,
        }

    def title(self) -> str:
        if self.found.kind == "optimise":
            return f"{self.first.title}: where staff should go"
        options = [r.title for r in self.others if r.role == "option"]
        if not options:
            return self.first.title
        return f"{_listed(options) if len(options) < 4 else f'{len(options)} options'} against {self.first.title}"

    def setting(self, months: Sequence[str]) -> str:
        n, scenario = self.found.replicates, self.first.scenario
        runs = len(self.found.runs)
        replicates = f"{n} replicates" if n > 1 else "one replicate"
        told = f"Simulated {wording.period(months[0], months[-1])}, {replicates}"
        if runs > 1:
            told += f" of each of {runs} runs, paired: run number one of an option meets the same chance as run number one of the baseline"
        ranges = scenario.uncertainties.draw == "ranges"
        told += (
            ". Each replicate draws the uncertain parameters from their plausible ranges, so that intervals hold both chance "
            "and what is not known." if ranges else
            ". All replicates use the central values of the parameters: intervals hold chance only, not what is not known."
        )  # fmt: skip
        if scenario.model.persons_per_agent > 1:
            told += f" Each simulated traveller stands for {scenario.model.persons_per_agent:g} people."
        if n == 1:
            told += " One replicate gives no intervals: run more before using any figure."
        elif n < 5 and runs > 1:
            told += f" With {n} replicates the intervals are wide."
        return told

    # ------------------------------------------------------------------ answers

    def answers(self) -> list[dict[str, Any]]:
        if not self.others:
            return [self.description_of_one()]
        answers = []
        for run in self.others:
            if run.role == "option":
                answers.append(self.answer(run, self.first))
        for run in self.others:
            if run.role == "plan":
                answers.append(self.answer_of_plan(run))
        return answers

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
            row = table[name]
            info = OUTCOMES[name]
            range_ = (
                f" (5th to 95th percentile: {wording.amount(row['p05'], info.unit)} to {wording.amount(row['p95'], info.unit)})"
                if self.found.replicates > 1 and row["p05"] != row["p95"] else ""
            )  # fmt: skip
            mean = ", mean over months" if info.over_months == "mean" and info.kind == "stock" else ""
            sentences.append(f"{info.title}{mean}: {wording.amount(row['mean'], info.unit)}{range_}.")
        deaths, cost = (wording.amount(table[o]["mean"], OUTCOMES[o].unit) for o in ("deaths", "cost_eur"))
        crossings = wording.amount(table["irregular_crossings"]["mean"], "")
        return {
            "title": self.first.title,
            "headline": f"{deaths} deaths on the way, {crossings} irregular crossings, and {cost} of public cost beyond today's.",
            "sentences": sentences,
            "judgement": "",
        }

    def answer(self, run: Run, against: Run) -> dict[str, Any]:
        table = self._compared(run, against)
        cost = table["cost_eur"]
        told = [
            n
            for n in ALWAYS
            if n != "legal_pathway_admissions" or table[n]["against_mean"] or table[n]["run_mean"]
        ]
        sentences = [wording.finding(table[n]) for n in told]
        if len(told) < len(ALWAYS):
            sentences.append("Legal pathways: neither run admits anyone on them.")
        sentences += [wording.finding(table[n]) for n in THEN]
        sentences.append(wording.finding(cost))
        judged = self.judgement_rows(run)
        known = sum(len(LEVERS[n].parameters) for n in self.levers_that_differ(run))
        return {
            "title": f"{run.title} against {against.title}",
            "headline": self.headline(table),
            "sentences": sentences,
            "judgement": (
                f"{len(judged)} of the {known} parameters by which this option's levers act are judgement (grade D): see "
                "“What this rests on”." if judged else ""
            ),
        }  # fmt: skip

    def headline(self, table: Mapping[str, Mapping[str, Any]]) -> str:
        """Better, worse, unclear, and what it costs, in one or two sentences."""
        groups: dict[str, list[str]] = {"better": [], "worse": [], "": []}
        for name in (*ALWAYS, "smuggler_profit_eur", "active_networks", "case_backlog"):
            row = table[name]
            if row["verdict"] == "unchanged":
                continue
            share = wording.percent(float(row["relative"]))
            told = f"{wording.title(name)}" + (
                f" ({share})" if wording.good(row) and math.isfinite(row["relative"]) else ""
            )
            groups[wording.good(row)].append(told)
        parts = []
        if groups["better"]:
            parts.append(f"Better on {_listed(groups['better'])}")
        if groups["worse"]:
            parts.append(f"{'worse' if parts else 'Worse'} on {_listed(groups['worse'])}")
        if groups[""]:
            word = (
                "no clear difference in"
                if self.found.replicates > 1
                else "one replicate says too little about"
            )
            text = f"{word} {_listed(groups[''])}"
            parts.append(text if parts else text[0].upper() + text[1:])
        if not parts:
            parts.append("No difference in deaths, debt, protection, smugglers' profit, networks or backlog")
        cost = table["cost_eur"]
        told = {
            "higher": f"at {wording.amount(cost['difference'], 'EUR')} more public cost",
            "lower": f"at {wording.amount(-cost['difference'], 'EUR')} less public cost",
            "unchanged": "at the same public cost",
        }.get(str(cost["verdict"]), f"public cost {wording.amount(cost['difference'], 'EUR', True)}, not clearly different from zero"
              if cost["verdict"] != "one replicate" else f"public cost {wording.amount(cost['difference'], 'EUR', True)}")  # fmt: skip
        return "; ".join(parts) + f"; {told}."

    def answer_of_plan(self, run: Run) -> dict[str, Any]:
        option = self.found.run(run.of)
        pro_rata = next(r for r in self.others if r.of == run.of and r.role == "pro_rata")
        table = self._compared(run, pro_rata)
        weighted = [n for n, w in option.scenario.outcomes.items() if w.weight]
        chosen = [n for n in dict.fromkeys([*ALWAYS[:2], *weighted, "cost_eur"]) if n in table]
        points = self.points_sentence(run, pro_rata)
        sentences = [wording.finding(table[n]) for n in chosen]
        extra = self._compared(run, option)["cost_eur"]
        if extra["verdict"] in ("higher", "one replicate") and extra["difference"] > 0:
            sentences.append(
                "Both placements use the posts that the scenario file offers, national ones too: against "
                f"{self.names[option.key]} as written, the plan costs {wording.amount(extra['difference'], 'EUR')} more."
            )
        return {
            "title": f"Where the staff goes: the plan against the same posts placed pro rata ({option.title})",
            "headline": points,
            "sentences": sentences,
            "judgement": "Pro rata means by population, as near as the limits allow. The plan minimises "
            "the weighted sum of outcomes that the scenario file sets; the weights are a judgement of whoever uses it."
            + self.point(run),
        }

    def point(self, run: Run) -> str:
        """What one point is worth in public money, where the scenario weighs that."""
        cost = run.scenario.outcomes.get("cost_eur")
        if cost is None or cost.weight <= 0:
            return ""
        return f" One point weighs as much as {wording.amount(1.0 / cost.weight, 'EUR')} of public cost."

    def points_sentence(self, run: Run, against: Run) -> str:
        row = self.found.points(run.key, against.key)
        mean, low, high = row
        told = f"{wording.number(mean, sign=True)} points"
        if math.isnan(low):
            return f"The plan changes the weighted sum of outcomes by {told} in one replicate; how far this is chance cannot be told."
        interval = f"95{wording.THIN}% interval {wording.number(low, max(abs(low), abs(high)), True)} to {wording.number(high, max(abs(low), abs(high)), True)}"
        if low <= 0.0 <= high:
            return f"Simulated, the plan's weighted sum of outcomes does not clearly differ from the pro-rata placement's ({told}; {interval})."
        better = "better" if mean < 0 else "worse"
        return f"Simulated, the plan does {better} than the pro-rata placement by {wording.number(abs(mean))} points of the weighted sum of outcomes ({interval})."

    def reading(self) -> str:
        if not self.others:
            return "Figures are for the whole period unless said otherwise. Fewer crossings are not better by themselves: crossing a border to seek asylum is a right."
        return (
            "“No clear difference” means that the 95 % interval of the paired difference holds zero: the simulation cannot tell, "
            "which is not the same as no effect. Figures are for the whole period. Fewer crossings are not better by themselves: "
            "crossing a border to seek asylum is a right."
        )

    # ------------------------------------------------------------------ tables

    def tables(self) -> list[dict[str, Any]]:
        levels = self.found.summary()
        summary = summarising.by_key(levels[levels["run"] == self.first.key], "outcome")
        blocks: list[Sequence[Run]] = [
            self.others[i : i + ABREAST] for i in range(0, len(self.others), ABREAST)
        ] or [()]
        tables = []
        for block in blocks:
            compared = {r.key: self._compared(r, self.first) for r in block}
            groups = []
            for group, names in wording.GROUPS.items():
                rows = []
                for name in names:
                    info = OUTCOMES[name]
                    base = summary[name]
                    sizes = [
                        base["mean"],
                        *(compared[r.key][name]["difference"] for r in block if name in compared[r.key]),
                    ]
                    divisor, unit = wording.scale_of(info.unit, *[float(s) for s in sizes])
                    cells = [self.level_cell(base, divisor)]
                    cells += [self.change_cell(name, compared[r.key], divisor) for r in block]
                    when = ", mean over months" if info.kind == "stock" else ""
                    rows.append({"title": info.title, "unit": f"{unit}{when}", "cells": cells})
                groups.append({"name": group, "rows": rows})
            columns = ["Outcome", self.names[self.first.key] if block else "Mean, 5th to 95th percentile"]
            tables.append({"columns": [*columns, *(self.names[r.key] for r in block)], "groups": groups})
        return tables

    def level_cell(self, row: Mapping[str, Any], divisor: float) -> dict[str, Any]:
        mean, low, high = (float(row[k]) / divisor for k in ("mean", "p05", "p95"))
        largest = max((abs(v) for v in (mean, low, high) if math.isfinite(v)), default=0.0)
        varied = self.found.replicates > 1 and low != high
        spread = f"{wording.number(low, largest)} to {wording.number(high, largest)}" if varied else ""
        return _cell(wording.number(mean, largest), interval=spread)

    def change_cell(
        self, name: str, table: Mapping[str, Mapping[str, Any]], divisor: float
    ) -> dict[str, Any]:
        return self._difference(table[name], divisor, name) if name in table else _cell("\N{EN DASH}")

    def _compared(self, run: Run, against: Run) -> dict[str, dict[str, Any]]:
        table = self.found.comparison
        rows = table[(table["run"] == run.key) & (table["against"] == against.key)]
        return summarising.by_key(rows, "outcome")

    def _difference(
        self, row: Mapping[str, Any], divisor: float, name: str, marked: bool = True
    ) -> dict[str, Any]:
        mean, low, high = (float(row[k]) / divisor for k in ("difference", "low", "high"))
        largest = max((abs(v) for v in (mean, low, high) if math.isfinite(v)), default=0.0)
        if row["verdict"] == "unchanged":
            return _cell("0", tag="unchanged" if marked else "", kind="unclear")
        share = ""
        if row["against_mean"]:
            share = f"({wording.percent(float(row['difference']) / abs(float(row['against_mean'])))})"
        bounds = (
            f"{wording.number(low, largest, True)} to {wording.number(high, largest, True)}"
            if math.isfinite(low)
            else ""
        )
        if wording.number(low, largest) == wording.number(high, largest):
            bounds = ""  # the same in every replicate
        word = wording.good({"outcome": name, "verdict": row["verdict"]})
        if name == "cost_eur":
            word = ""  # money is told, not judged
        tag = word or {"no clear difference": "no clear difference", "one replicate": "one replicate"}.get(
            str(row["verdict"]), ""
        )
        kind = word or ("unclear" if tag else "")
        return _cell(wording.number(mean, largest, True), share, bounds, tag if marked else "", kind)

    def table_note(self) -> str:
        if not self.others:
            return "Under each mean: 5th to 95th percentile of the replicates."
        return (
            f"Column {self.first.title}: mean over replicates, below it the 5th to 95th percentile. Other columns: change against it, "
            "in brackets as a share, below it the 95 % interval of the mean paired difference (Student's t). “Better” and “worse” are "
            "for people; movements and arrests are marked neither way. Many outcomes are compared at once: about one in twenty "
            "intervals leaves out zero by chance alone."
        )

    def by_place(self, by: str, outcomes: Sequence[str], most: int = 12) -> list[dict[str, Any]]:
        """One table for each shown run: levels and changes by route or Member State."""
        made = [self._one_by_place(run, by, outcomes, most) for run in self.shown]
        return [table for table in made if table is not None]

    def _one_by_place(self, run: Run, by: str, outcomes: Sequence[str], most: int) -> dict[str, Any] | None:
        names: list[str] = []
        frames: dict[str, pd.DataFrame] = {}
        tables: dict[str, dict[str, dict[str, Any]]] = {}
        weight: dict[str, float] = {}
        for name in outcomes:
            table = summarising.paired_by(self.found.outcomes, run.key, self.first.key, name, by)
            sizes = table[["against_mean", "run_mean"]].astype(float).max(axis=1)
            if len(table) and sizes.any():
                names.append(name)
                frames[name], tables[name] = table, summarising.by_key(table, by)
                for place, size in zip(table[by], sizes / sizes.sum(), strict=True):
                    weight[place] = max(weight.get(place, 0.0), float(size))
        if not names:
            return None
        # whoever bears a large share of anything that is shown
        places = sorted(weight, key=lambda place: (-weight[place], place))[:most]
        rows = []
        for place in places:
            cells = []
            for name in names:
                if place not in tables[name]:
                    cells += [_cell("\N{EN DASH}"), _cell("\N{EN DASH}")]
                    continue
                row = tables[name][place]
                divisor = self._scale(name, frames[name])[0]
                cells += [
                    _cell(wording.number(float(row["against_mean"]) / divisor)),
                    self._difference(row, divisor, name, False),
                ]
            rows.append({"name": _place(by, place), "cells": cells})
        heads = []
        for name in names:
            unit = self._scale(name, frames[name])[1]
            heads.append(OUTCOMES[name].title + (f", {unit}" if unit.startswith("EUR") else ""))
        columns = {
            "place": {"route": "Route", "member_state": "Member State"}[by],
            "heads": heads,
            "first": self.names[self.first.key],
        }
        rest = (
            f"; the {len(places)} Member States with the largest shares of any of these"
            if by == "member_state"
            else ""
        )
        lead = f"Change in {self.names[run.key]} against {self.names[self.first.key]}, with 95 % intervals{rest}."
        return {"columns": columns, "rows": rows, "lead": lead}

    def _scale(self, name: str, table: pd.DataFrame) -> tuple[float, str]:
        return wording.scale_of(
            OUTCOMES[name].unit, *map(float, table["against_mean"]), *map(float, table["difference"])
        )

    def states(self) -> list[dict[str, Any]]:
        return self.by_place(
            "member_state", ("asylum_load", "case_backlog", "networks_dismantled", "cost_eur")
        )

    # ------------------------------------------------------------------ figures

    def figure(self, name: str, chart: Chart, caption: str, bitmap: bool = False) -> dict[str, Any]:
        import markupsafe

        item: dict[str, Any] = {"name": name, "alt": chart.alt, "caption": caption, "svg": None, "png": None}
        if bitmap:
            content = chart.png()
            self.files[f"figures/{name}.png"] = content
            item["png"] = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
        else:
            drawn = chart.svg(name)
            self.files[f"figures/{name}.svg"] = drawn
            # Matplotlib has escaped the texts in it
            item["svg"] = markupsafe.Markup(drawn)
        table = chart.table
        self.files[f"figures/{name}.csv"] = table.to_csv(index=False)
        item["columns"] = [str(c).replace("_", " ") for c in table.columns]
        item["rows"] = [[_told(v) for v in row] for row in table.head(ROWS).itertuples(index=False)]
        item["cut"] = len(table) if len(table) > ROWS else 0
        return item

    def maps(self) -> list[dict[str, Any]]:
        found, items = self.found, []
        caption = f"Attempts to travel a leg, per year, in {self.first.title}. The thicker, the more."
        items.append(self.figure("flows", figures.flows(found), caption, True))
        for run in self.shown:
            told = f"{self.names[run.key]} against {self.names[self.first.key]}"
            name = "change" if len(self.shown) == 1 else f"change-{run.of}"
            chart = figures.change(found, run.key)
            items.append(self.figure(name, chart, f"Change of attempts per year: {told}.", True))
            if len(self.shown) == 1:
                chart = figures.change(found, run.key, region=figures.MEDITERRANEAN)
                caption = f"The same around the Mediterranean and on the Balkans: {told}."
                items.append(self.figure("change-mediterranean", chart, caption, True))
        return items

    def charts_outcomes(self) -> list[dict[str, Any]]:
        if not self.others:
            return []
        chart = figures.differences(self.found)
        caption = (
            "Relative change of each outcome with its 95 % interval. Public cost and legal admissions, which may be zero in the "
            "baseline, stand in the table."
        )
        return [self.figure("differences", chart, caption)]

    def charts_time(self) -> list[dict[str, Any]]:
        keys = [r.key for r in self.found.runs if r.role not in ("pro_rata", "static")][: len(charts.COLOURS)]
        chart = figures.time_series(self.found, runs=keys)
        caption = "Lines: mean over replicates. Bands: 5th to 95th percentile."
        return [self.figure("time-series", chart, caption)]

    # ------------------------------------------------------------------ plan

    def plan(self, plan: PlanRecord) -> dict[str, Any]:
        run = self.found.run(plan.run)
        table = charts.allocation_table(plan.allocation)
        quarters = sorted(plan.allocation["quarter"].unique())
        span = (
            f"{wording.quarter(quarters[0])} to {wording.quarter(quarters[-1])}" if quarters else "no quarter"
        )
        sentences = []
        for resource in table.index:
            row = table.loc[resource].sort_values(ascending=False)
            row = row[row > 0.05]
            if row.empty:
                continue
            told = ", ".join(f"{_place('member_state', str(p))} {v:.1f}" for p, v in row.head(4).items())
            rest = f", and {len(row) - 4} more" if len(row) > 4 else ""
            sentences.append(
                f"{charts.resource_title(str(resource))}: {row.sum():.1f} on average, in {told}{rest}."
            )
        facts = dict(plan.facts)
        solver = {"highs": "HiGHS", "cbc": "CBC"}.get(
            str(facts.get("solver")), str(facts.get("solver") or "")
        )
        prices = charts.binding(plan.shadow_prices)
        words = list(
            facts.get("summary") or [w for w in dict.fromkeys(prices["words"].astype(str)) if w.strip()][:8]
        )
        name = "" if len(self.found.plans) == 1 else f"-{run.of}"
        return {
            "title": self.found.run(run.of).title,
            "lead": (
                f"Additional staff, on top of what is there today, {span}; status {facts.get('status', '')}"
                + (f", solved with {solver}." if solver else ".")
                + ("" if sentences else " The plan places no additional staff.")
            ),
            "sentences": sentences,
            "allocation": self.figure(
                f"allocation{name}",
                figures.allocation(self.found, plan.run),
                "Full-time equivalents (kits and vessels: units), mean over the quarters in which staff is placed. Each row has its own shading.",
            ),
            "search": _search(facts),
            "worth": words,
            "worth_lead": "Shadow prices: how much the weighted sum of outcomes would improve if a limit were loosened by one unit. "
            "They hold for small changes." + self.point(run),
            "prices": self.figure(
                f"shadow-prices{name}",
                figures.shadow_prices(self.found, plan.run),
                "The limits that bind most.",
            ),
        }

    # ------------------------------------------------------------------ evidence and assumptions

    def evidence_lead(self) -> str:
        table = self.found.parameters
        judged = int((table["grade"] == "D").sum())
        return (
            f"The runs read {len(table)} parameters. Each has a value, a plausible range, a source and a grade; {judged} are judgement "
            "(grade D). A conclusion that would turn if such a parameter lay elsewhere in its range is not established."
        )

    def levers_that_differ(self, run: Run) -> list[str]:
        ours = run.scenario.levers.model_dump(mode="json", exclude_none=True)
        theirs = self.first.scenario.levers.model_dump(mode="json", exclude_none=True)
        if run.key == self.first.key:
            return list(ours)
        return [n for n in LEVERS if ours.get(n) != theirs.get(n)]

    def judgement_rows(self, run: Run) -> list[dict[str, Any]]:
        table = summarising.by_key(self.found.parameters, "name")
        rows = []
        for lever in self.levers_that_differ(run):
            for name in LEVERS[lever].parameters:
                if name in table and table[name]["grade"] == "D":
                    row = self.evidence_row(table[name])
                    rows.append(
                        {
                            **row,
                            "lever": LEVERS[lever].title,
                            "source": row["source"].removeprefix("judgement: "),
                        }
                    )
        return rows

    def judgements(self) -> list[dict[str, Any]]:
        options = [r for r in self.others if r.role == "option"] or [self.first]
        found: list[dict[str, Any]] = []
        for run in options:
            levers = self.levers_that_differ(run)
            if not levers:
                found.append(
                    {
                        "title": run.title,
                        "rows": [],
                        "lead": "No lever is on: the run rests on the general parameters below.",
                    }
                    if run.key == self.first.key
                    else {
                        "title": run.title,
                        "rows": [],
                        "lead": f"It moves no lever otherwise than {self.first.title}.",
                    }
                )
                continue
            rows = self.judgement_rows(run)
            total = sum(len(LEVERS[n].parameters) for n in levers)
            lead = (
                f"It moves {_listed([wording_of_lever(n) for n in levers])}, which act by {total} parameters. These {len(rows)} "
                "of them are judgement, and the conclusions on this option hang on them:" if rows else
                f"None of the {total} parameters by which its levers act is judgement."
            )  # fmt: skip
            found.append({"title": run.title, "rows": rows, "lead": lead})
        return found

    def evidence_row(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": row["name"],
            "description": row["description"],
            "grade": row["grade"],
            "value": _value(row["value"]),
            "range": f"{_value(row['low'])} to {_value(row['high'])}",
            "unit": row["unit"],
            "source": row["source"],
            "changed": row["changed_by"],
        }

    def assumed(self, run: Run) -> dict[str, Any]:
        scenario = run.scenario
        levers = []
        for name in LEVERS:
            lever = getattr(scenario.levers, name, None)
            if lever is None:
                continue
            content = lever.model_dump(mode="json", by_alias=True, exclude_none=True)
            details = {k: v for k, v in content.items() if k not in ("on", "off", "ramp_days", "intensity")}
            levers.append(
                {
                    "title": LEVERS[name].title,
                    "on": content["on"],
                    "off": content.get("off", "\N{EN DASH}"),
                    "ramp": f"{content['ramp_days']} days" if content["ramp_days"] else "at once",
                    "intensity": f"{content['intensity']:g}",
                    "details": "; ".join(f"{k.replace('_', ' ')}: {_setting(v)}" for k, v in details.items()),
                    "proposal": LEVERS[name].proposal,
                }
            )
        return {
            "title": run.title,
            "description": scenario.description.strip(),
            "levers": levers,
            "events": [_event(e) for e in scenario.events],
            "changes": [] if run.key == self.first.key else comparing.changes(scenario, self.first.scenario),
        }

    # ------------------------------------------------------------------ method and provenance

    def method(self) -> list[str]:
        texts = [
            (
                "An agent-based model follows synthetic travellers day by day over a network of publicly mapped hubs: whether they leave, "
                "which way they go given what they believe of fees, risks and delays, and what happens to them. Smuggling networks set "
                "fees, recruit and move between corridors; Member States, Europol and partner countries intercept, investigate and "
                "prosecute with limited staff. Smugglers and travellers respond to policy."
            ),
        ]
        if self.found.plans:
            texts.append(
                "A linear programme places the option's posts by resource type, Member State and quarter within the limits of the "
                "scenario file. How much staff achieves where was measured in the model; the plan was then simulated beside the option "
                "as written and beside a pro-rata placement, with the same chance."
            )
        texts.append(
            "Not in the model: what happens to people outside the routes it knows, effects on rights and on relations with partner "
            "countries, and whatever the evidence table does not name."
        )
        return texts

    def provenance(self) -> list[tuple[str, str]]:
        p = dict(self.found.provenance)
        machine = p.get("machine") or {}
        libraries = p.get("libraries") or {}
        rows = [
            ("Program", f"countersmuggling {p.get('version') or ''}"),
            ("Commit", p.get("commit") or "installed package, no commit"),
            ("Command", p.get("command") or "called from Python"),
            ("Seed and replicates", f"{p.get('seed')}; {self.found.replicates}"),
            ("People per simulated traveller", f"{self.first.scenario.model.persons_per_agent:g}"),
            ("Python and libraries", ", ".join([f"Python {p.get('python')}", *(f"{k} {v}" for k, v in libraries.items())])),
            ("Machine", ", ".join(str(v) for k, v in machine.items() if k != "cores") + f", {machine.get('cores', '?')} cores"),
            ("Started, finished", f"{p.get('started')}, {p.get('finished')} ({p.get('seconds')} s of running)"),
            ("Scenario files", "scenario.resolved.yaml" + (" and options/ in this folder hold" if self.others else " in this folder holds") + " everything that was assumed"),
        ]  # fmt: skip
        return [(name, str(value)) for name, value in rows]


# ---------------------------------------------------------------------------------------------- small words


def wording_of_lever(name: str) -> str:
    """Title of a lever in the middle of a sentence (proper names keep their capitals)."""
    title = LEVERS[name].title
    proper = title.split(" ")[0] in ("European", "Europol", "Member")
    return title if proper else title[0].lower() + title[1:]


def _cell(text: str, share: str = "", interval: str = "", tag: str = "", kind: str = "") -> dict[str, Any]:
    return {"text": text, "share": share, "interval": interval, "tag": tag, "kind": kind}


def _listed(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _value(value: Any) -> str:
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 10_000 else f"{number:.4g}"


def _told(value: Any) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "\N{EN DASH}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,g}" if isinstance(value, int | float) else str(value)


def _event(event: Any) -> str:
    content = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    until = f" until {content.pop('off')}" if "off" in content else ""
    kind, on = content.pop("kind").replace("_", " "), content.pop("on")
    rest = ", ".join(f"{k.replace('_', ' ')} {_setting(v)}" for k, v in content.items())
    return f"{kind[0].upper()}{kind[1:]}, from {on}{until}: {rest}"


def _search(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a plan that reckons with the answer was found: what was believed, what happened, what was kept."""
    if facts.get("method") != "anticipating":
        return None

    def points(value: Any) -> str:
        return "" if value is None else f"{float(value):+,.0f}"

    rows = [
        {
            "what": f"step {row['step']}" if row["kind"] == "step" else str(row["kind"]),
            "believed": points(row["believed"]),
            "measured": points(row["measured"]),
            "interval": f"{points(row['low'])} to {points(row['high'])}",
            "pairs": row["replicates"],
            "moved": f"{row['moved_staff']:.1f}",
            "kept": "kept" if row["kept"] else "not kept",
        }
        for row in facts.get("iterations", [])
    ]
    because = str(facts.get("stopped_because", ""))
    return {
        "lead": "Each step is a change of the placement that the fitted response believes to help. It is simulated against "
        "what is held, in replicates that nothing used before, and kept only when the paired difference is better than "
        f"chance. Points of weighted harm; negative is better. The search ended because: {because}. The linearised "
        f"programme still promises {float(facts.get('frank_wolfe_gap') or 0.0):,.0f} points (Frank-Wolfe gap); {facts.get('runs', 0)} runs "
        "were looked at.",
        "rows": rows,
    }


def _place(by: str, code: str) -> str:
    if by == "route":
        return ROUTE_NAMES.get(code, code)
    from ..scenarios import world

    table = world().member_states
    names = dict(zip(table["member_state"], table["name"], strict=True))
    return str(names.get(code, code))


ROUTE_NAMES = {
    "CMED": "Central Mediterranean",
    "EMED": "Eastern Mediterranean",
    "WMED": "Western Mediterranean",
    "WAFR": "Western African",
    "WBALK": "Western Balkan",
    "ELAND": "Eastern land border",
    "CHANNEL": "Channel",
    "FEEDER": "Before the external border",
    "INNER": "Inside the Union",
}


def _day(stamp: str) -> str:
    try:
        day = dt.datetime.fromisoformat(stamp)
    except ValueError:
        return ""
    return f"{day.day} {day:%B %Y}"


__all__ = ["files_of_report"]
