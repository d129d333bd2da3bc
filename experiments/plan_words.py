"""Plans on the command line: what can be asked, what they are worth, the most telling prices, and what else was asked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .results import Results

RULES = {"pro_rata": "by population", "proportional": "by measured work", "greedy": "greedy"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Options of ``optimise`` on what is minimised, for how long, and what else is told."""
    command.add_argument("--objective", choices=("expected", "cvar", "regret", "robust"),
                         help="what to minimise when effects are uncertain (default: `plan.objective` of the scenario)")  # fmt: skip
    command.add_argument("--time-limit", type=_seconds, metavar="SECONDS", help="for solving; reaching it is an error, not a plan")
    command.add_argument("--study", action="store_true",
                         help="also: what a euro, a post and a month more bring, beside the same in the model; the efficient frontier; "
                         "risks and what knowing more is worth; plans of all objectives in fresh replicates (many runs)")  # fmt: skip


def contradiction(options: argparse.Namespace) -> str:
    """What was asked of a plan that only a static one knows; empty if nothing."""
    if options.method == "static":
        return ""
    if options.time_limit is not None or options.objective not in (None, "expected"):
        return f"a plan made by --method {options.method} knows neither a time limit nor another objective than expected"
    return "--study asks about one plan; --method rolling makes many" if options.study and options.method == "rolling" else ""


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected seconds, got '{text}'") from None
    if not 0.0 < value <= 1e7:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text}")
    return value


def told(found: Results) -> list[str]:
    """Lines about every plan in the results; none without plans."""
    titles = {run.key: run.title for run in found.runs}
    lines: list[str] = []
    for plan in found.plans:
        lines += ["", titles.get(plan.run, plan.run)]
        if plan.facts.get("objective") is not None:  # a plan made anew every quarter has no one value on the curves
            lines.append(f"  {_worth(plan.facts)}")
        lines += [f"  {text}" for text in plan.facts.get("summary") or []]
        study = plan.facts.get("study") or {}
        for heading, texts in (study.get("sections") or {}).items():
            lines += ["", f"  {heading}", *(f"    {text}" for text in texts)]
    return lines


def _worth(facts: Mapping[str, Any]) -> str:
    """The plan beside the comparison rules, on the same curves, and how sure it is that none is better."""
    gap = float(facts.get("gap") or 0.0)
    proved = f", within {100 * gap:.2g} % of the best possible" if gap > 1e-4 else ""
    values = {str(row["rule"]): -float(row["objective"]) for row in facts.get("placements") or []}
    beside = ", ".join(f"{text} {values[rule]:,.0f}" for rule, text in RULES.items() if rule in values)
    beside = f"; on the same curves the plan avoids {values['plan']:,.0f} points net of its cost, {beside}" if "plan" in values else ""
    aim = str(facts.get("minimises") or "expected value")
    return f"Weighted harm {float(facts['objective']):+,.0f} points ({aim}; {facts.get('status')}{proved}, {facts.get('solver')}){beside}."
