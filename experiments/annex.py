"""The annex of a report: the plan, what the result hangs on, validation, evidence, assumptions, method, provenance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..optimise import charts
from ..scenarios import LEVERS, OUTCOMES
from . import figures, summarising, texts, wording
from .added_tables import indices
from .assumptions import changes
from .pages import Figures, setting, value
from .texts import t

if TYPE_CHECKING:
    from .results import PlanRecord, Results, Run

GRADES = ("A", "B", "C", "D")
#: a limit counts as used up from this share on
USED_UP = 0.95
#: limits that a reader can do something about, as `charts.KINDS` names them, and which the programme keeps from above
FROM_ABOVE = ("pool", "shared_pool", "budget", "absorb", "joiners", "year_use", "training_places", "own_most", "team_investigators")


# ---------------------------------------------------------------------------------------------- the plan


def plan_item(found: Results, plan: PlanRecord, drawn: Figures) -> dict[str, Any]:
    """A plan in words and figures."""
    run = found.run(plan.run)
    table = charts.allocation_table(plan.allocation)
    quarters = sorted(plan.allocation["quarter"].unique())
    span = t("plan.span", first=wording.quarter(quarters[0]), last=wording.quarter(quarters[-1])) if quarters else t("plan.no_quarter")
    sentences = []
    for resource in table.index:
        row = table.loc[resource].sort_values(ascending=False)
        row = row[row > 0.05]
        if row.empty:
            continue
        places = ", ".join(t("plan.at", place=texts.country(str(p)), staff=f"{v:.1f}") for p, v in row.head(4).items())
        rest = t("plan.rest", number=len(row) - 4) if len(row) > 4 else ""
        sentences.append(
            t("plan.placed", resource=texts.resource(str(resource)), total=f"{row.sum():.1f}", places=places, rest=rest)
        )
    facts = dict(plan.facts)
    solver = {"highs": "HiGHS", "cbc": "CBC"}.get(str(facts.get("solver")), str(facts.get("solver") or ""))
    prices = charts.binding(plan.shadow_prices)
    words = list(facts.get("summary") or [w for w in dict.fromkeys(prices["words"].astype(str)) if w.strip()][:8])
    name = "" if len(found.plans) == 1 else f"-{run.of}"
    frontier = figures.plan_frontier(found, plan.run) if facts.get("frontier") else None
    return {
        "title": found.run(run.of).title,
        "lead": t("plan.lead", span=span, status=facts.get("status", ""), solver=t("plan.solved", solver=solver) if solver else "",
                  none="" if sentences else t("plan.no_staff")),
        "sentences": sentences,
        "allocation": drawn.item(f"allocation{name}", figures.allocation(found, plan.run), t("plan.allocation")),
        "search": _search(facts),
        "worth": words,
        "worth_lead": t("plan.worth_lead") + point(run),
        "prices": drawn.item(f"shadow-prices{name}", figures.shadow_prices(found, plan.run), t("plan.prices")),
        "limits": None if plan.limits is None else used_up(plan.limits),
        "frontier": drawn.item(f"frontier{name}", frontier, t("plan.frontier")) if frontier is not None else None,
        "study": studied(facts),
    }  # fmt: skip


def studied(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What else was asked of a plan (``--study``): headings with their sentences, as the results keep them."""
    sections = (facts.get("study") or {}).get("sections") or {}
    return [{"heading": str(heading), "texts": [str(text) for text in told]} for heading, told in sections.items() if told]


def used_up(limits: pd.DataFrame, most: int = 12) -> list[dict[str, Any]]:
    """Limits that are used to `USED_UP` or more, over the quarters or years that they have: the most often used up first.

    Parameters
    ----------
    limits : DataFrame
        Columns constraint, kind, place, resource, quarter, limit, used.
    most : int
        Rows.
    """
    own = limits[limits["kind"].isin(FROM_ABOVE) & (limits["limit"] > 0)]
    own = own.assign(share=own["used"] / own["limit"])
    name = [figures.limit_name({**{str(k): v for k, v in row.items()}, "quarter": ""}, bare=True) for row in own.to_dict("records")]
    rows: list[dict[str, Any]] = []
    for what, part in own.groupby(pd.Series(name, index=own.index, dtype=object), sort=False):
        full = int((part["share"] >= USED_UP).sum())
        if full:
            rows.append({"name": str(what), "used": wording.number(float(part["used"].max())), "limit": wording.number(float(part["limit"].max())),
                         "quarters": f"{full} / {len(part)}", "full": full})  # fmt: skip
    return sorted(rows, key=lambda r: (-int(r["full"]), str(r["name"])))[:most]


def point(run: Run) -> str:
    """What one point is worth in public money, where the scenario weighs that."""
    cost = run.scenario.outcomes.get("cost_eur")
    return "" if cost is None or cost.weight <= 0 else t("answer.point_worth", amount=wording.amount(1.0 / cost.weight, "EUR"))


def _search(facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a plan that reckons with the answer was found: what was believed, what happened, what was kept."""
    if facts.get("method") != "anticipating":
        return None

    def points(number: Any) -> str:
        return "" if number is None else f"{float(number):+,.0f}".replace("-", wording.MINUS)

    rows = [
        {
            "what": t("plan.step_number", number=row["step"]) if row["kind"] == "step" else str(row["kind"]),
            "believed": points(row["believed"]),
            "measured": points(row["measured"]),
            "interval": t("wording.span", low=points(row["low"]), high=points(row["high"])),
            "pairs": row["replicates"],
            "moved": f"{row['moved_staff']:.1f}",
            "kept": t("plan.kept") if row["kept"] else t("plan.not_kept"),
        }
        for row in facts.get("iterations", [])
    ]
    gap = f"{float(facts.get('frank_wolfe_gap') or 0.0):,.0f}"
    because = str(facts.get("stopped_because", ""))
    return {"lead": t("plan.found_lead", because=because, gap=gap, runs=facts.get("runs", 0)), "rows": rows}


# ---------------------------------------------------------------------------------------------- what it hangs on


def sensitivity(found: Results, drawn: Figures) -> dict[str, Any]:
    """Whatever the results hold on what hangs on what; says so when that is nothing."""
    told: list[str] = []
    items: list[dict[str, Any]] = []
    if found.attribution is not None and len(found.attribution):
        option = next(run for run in found.runs if run.role == "option")
        told.append(t("sensitivity.attribution", option=found.names[option.key], baseline=found.names[found.runs[0].key]))
        items.append(drawn.item("attribution", figures.tornado(found, figures.attribution_table(found)), told.pop()))
    if found.sensitivity is not None and len(found.sensitivity):
        swept = indices(found.sensitivity) is not None
        items.append(drawn.item("tornado", figures.tornado(found), t("sensitivity.swept" if swept else "sensitivity.parameters")))
    if not items:
        told.append(t("sensitivity.none"))
    if found.waterbed is not None and len(found.waterbed):
        items.append(drawn.item("waterbed", figures.waterbed(found), t("sensitivity.waterbed")))
    if len(found.runs) > 1 and found.replicates > 1:
        chart = figures.regret_table(found)
        if len(chart.table):
            caption = t("sensitivity.regret_lead", baseline=found.names[found.runs[0].key])
            items.append(drawn.item("regret", chart, caption))
    return {"texts": told, "figures": items}


def sensitivity_in_short(found: Results) -> str:
    """One sentence for the second page."""
    outcome = "deaths"
    if found.sensitivity is not None and len(found.sensitivity):
        swept = indices(found.sensitivity)
        table = found.sensitivity if swept is None else swept.assign(low=0.0, high=swept["part"])
        if table.empty:
            return t("sure.sensitivity_none")
        outcome = outcome if outcome in set(table["outcome"]) else str(table["outcome"].iloc[0])
        own = table[table["outcome"] == outcome]
        width = (own["high"] - own["low"]).abs().sort_values(ascending=False, kind="stable")
        named = own["factor"].astype(str).reindex(width[width > 0].index).head(3)
        what = ", ".join(figures.factor_title(found, name) for name in named)
        if not what:
            return t("sure.sensitivity_none")
        told = texts.outcome(outcome)
        if swept is not None:
            told += f" ({figures.swept_of(str(own['policy'].iloc[0]), str(own['against'].iloc[0]))})"
        return t("sure.sensitivity_parameters", outcome=told, what=what)
    if found.attribution is not None and len(found.attribution):
        own = found.attribution[found.attribution["outcome"] == outcome]
        if len(own):
            lead = str(own["lever"].iloc[int(own["part"].abs().to_numpy().argmax())])
            what = texts.lever(lead) if lead in LEVERS else lead
            return t("sure.sensitivity_levers", what=what, outcome=wording.title(outcome))
    return t("sure.sensitivity_none")


# ---------------------------------------------------------------------------------------------- validation


@cache
def patterns() -> pd.DataFrame | None:
    """The measured table of patterns as docs/patterns.md holds it; None where the page is not there.

    Returns
    -------
    DataFrame
        Columns pattern, statistic, band, published, model, told, verdict: texts.
    """
    page = files(__package__).joinpath("data/measured_patterns.md")
    if page.is_file():
        text = page.read_text(encoding="utf-8")  # a wheel carries the page
    else:
        beside = Path(__file__).resolve().parent.parent / "docs" / "patterns.md"
        if not beside.is_file():
            return None
        text = beside.read_text(encoding="utf-8")
    rows = [[c.strip() for c in line.strip().strip("|").split("|")] for line in text.splitlines() if re.match(r"\|\s*P\d", line)]
    columns = ["pattern", "statistic", "band", "published", "model", "told", "verdict"]
    return pd.DataFrame([r for r in rows if len(r) == len(columns)], columns=columns)


def validation() -> dict[str, Any] | None:
    """The verdicts of the table of patterns: counts by kind, what is shown and missed, all rows."""
    table = patterns()
    if table is None or table.empty:
        return None
    counts = []
    for kind in ("emergent", "partly", "told"):
        own = table[table["told"] == kind]
        within = int((own["verdict"] == "in").sum())
        counts.append({"kind": t(f"validation.{kind}"), "within": within, "out": len(own) - within, "all": len(own)})
    emergent = table[table["told"] == "emergent"]
    told = []
    for verdict, key in (("in", "held"), ("out", "missed")):
        names = [f"{r['pattern']} ({r['statistic']})" for r in emergent[emergent["verdict"] == verdict].to_dict("records")]
        if names:
            told.append(t(f"validation.{key}", what="; ".join(names)))
    verdicts = {"in": t("validation.in_band"), "out": t("validation.out_of_band")}
    rows = [
        {**{str(k): v for k, v in r.items()}, "kind": t(f"validation.{r['told']}"), "verdict": verdicts.get(str(r["verdict"]), str(r["verdict"]))}
        for r in table.to_dict("records")
    ]
    return {"counts": counts, "texts": told, "rows": rows}


def validation_in_short() -> str:
    """One sentence for the second page."""
    table = patterns()
    if table is None or table.empty:
        return t("sure.validation_none")
    emergent = table[table["told"] == "emergent"]
    return t(
        "sure.validation", within=int((table["verdict"] == "in").sum()), all=len(table),
        emergent=int((emergent["verdict"] == "in").sum()), emergent_all=len(emergent),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- evidence and assumptions


def levers_that_differ(found: Results, run: Run) -> list[str]:
    """Levers of a run that are not as in the first; of the first, all that are on."""
    ours = run.scenario.levers.model_dump(mode="json", exclude_none=True)
    if run.key == found.runs[0].key:
        return list(ours)
    theirs = found.scenario.levers.model_dump(mode="json", exclude_none=True)
    return [n for n in LEVERS if ours.get(n) != theirs.get(n)]


def lever_in_sentence(name: str) -> str:
    """Title of a lever in the middle of a sentence (proper names keep their capitals)."""
    title = texts.lever(name)
    proper = title.split(" ")[0] in ("European", "Europol", "Member")
    return title if proper else title[0].lower() + title[1:]


def judgement_rows(found: Results, run: Run) -> list[dict[str, Any]]:
    """Parameters of grade D by which the levers of a run act."""
    table = summarising.by_key(found.parameters, "name")
    rows = []
    for lever in levers_that_differ(found, run):
        for name in LEVERS[lever].parameters:
            if name in table and table[name]["grade"] == "D":
                row = evidence_row(table[name])
                rows.append({**row, "lever": texts.lever(lever), "source": row["source"].removeprefix("judgement: ")})
    return rows


def judgements(found: Results) -> list[dict[str, Any]]:
    """For each option, what of it is judgement."""
    first = found.runs[0]
    options = [r for r in found.runs[1:] if r.role == "option"] or [first]
    told: list[dict[str, Any]] = []
    for run in options:
        levers = levers_that_differ(found, run)
        if not levers:
            lead = t("evidence.no_lever") if run.key == first.key else t("evidence.same_levers", baseline=first.title)
            told.append({"title": run.title, "rows": [], "lead": lead})
            continue
        rows = judgement_rows(found, run)
        number = sum(len(LEVERS[n].parameters) for n in levers)
        lead = (
            t("evidence.judged", levers=wording.listed([lever_in_sentence(n) for n in levers]), all=number, judged=len(rows))
            if rows else t("evidence.none_judged", all=number)
        )  # fmt: skip
        told.append({"title": run.title, "rows": rows, "lead": lead})
    return told


def evidence_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter as the page tells it."""
    return {
        "name": row["name"],
        "description": texts.known(f"parameter.{row['name']}", str(row["description"])),
        "grade": row["grade"],
        "value": value(row["value"]),
        "range": t("evidence.range_of", low=value(row["low"]), high=value(row["high"])),
        "unit": row["unit"],
        "source": row["source"],
        "changed": row["changed_by"],
    }


def assumed(found: Results, run: Run) -> dict[str, Any]:
    """What a run's scenario assumes."""
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
                "title": texts.lever(name),
                "on": content["on"],
                "off": content.get("off", t("page.nothing")),
                "ramp": t("assumed.days", number=content["ramp_days"]) if content["ramp_days"] else t("assumed.at_once"),
                "intensity": f"{content['intensity']:g}",
                "details": "; ".join(f"{k.replace('_', ' ')}: {setting(v)}" for k, v in details.items()),
                "proposal": LEVERS[name].proposal,
            }
        )
    return {
        "title": run.title,
        "description": scenario.description.strip(),
        "levers": levers,
        "events": [_event(e) for e in scenario.events],
        "changes": [] if run.key == found.runs[0].key else changes(scenario, found.scenario),
    }


def _event(event: Any) -> str:
    content = event.model_dump(mode="json", by_alias=True, exclude_none=True)
    until = t("assumed.event_until", off=content.pop("off")) if "off" in content else ""
    kind, on = content.pop("kind").replace("_", " "), content.pop("on")
    rest = ", ".join(f"{k.replace('_', ' ')} {setting(v)}" for k, v in content.items())
    return t("assumed.event", kind=f"{kind[0].upper()}{kind[1:]}", on=on, until=until, rest=rest)


# ---------------------------------------------------------------------------------------------- method and provenance


def method(found: Results) -> list[str]:
    """How it was made, in paragraphs."""
    keys = ["model", *(["plan"] if found.plans else []), "criteria", "missing"]
    return [t(f"method.{key}") for key in keys]


def provenance(found: Results) -> list[tuple[str, str]]:
    """What it was made with."""
    p = dict(found.provenance)
    machine, libraries = p.get("machine") or {}, p.get("libraries") or {}
    kind = ", ".join(str(v) for k, v in machine.items() if k != "cores")
    nothing = t("page.nothing")
    rows = {
        "program": t("page.program", version=p.get("version") or ""),
        "commit": p.get("commit") or t("provenance.no_commit"),
        "command": p.get("command") or t("provenance.from_python"),
        "seed": t("provenance.seed_value", seed=p.get("seed", nothing), replicates=found.replicates),
        "per_agent": f"{found.scenario.model.persons_per_agent:g}",
        "libraries": ", ".join([f"Python {p.get('python', nothing)}", *(f"{k} {v}" for k, v in libraries.items())]),
        "machine": t("provenance.cores", machine=kind, cores=machine.get("cores", "?")),
        "times": t("provenance.times_value", **{k: p.get(k, nothing) for k in ("started", "finished", "seconds")}),
        "files": t("provenance.files_many") if len(found.runs) > 1 else t("provenance.files_one"),
    }
    return [(t(f"provenance.{key}"), str(text)) for key, text in rows.items()]


def range_text(row: Mapping[str, Any], outcome: str) -> str:
    """A mean with its spread over replicates, in words."""
    unit = OUTCOMES[outcome].unit
    if row["p05"] == row["p95"] or not math.isfinite(float(row["p05"])):
        return ""
    return t("answer.level_range", low=wording.amount(row["p05"], unit), high=wording.amount(row["p95"], unit))
