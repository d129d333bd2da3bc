"""Examples under the help of every command: command lines as they are typed, each with what it does."""

from __future__ import annotations

from typing import Final

#: command lines up to this length have their explanation beside them, longer ones below
ASIDE: Final = 62

EXAMPLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "scenarios": (
        ("countersmuggling scenarios", "names, periods and questions"),
        ("countersmuggling scenarios --json", "the same for a program"),
    ),
    "new": (
        ("countersmuggling new my-option.yaml", "an option that begins as today's arrangement"),
        ("countersmuggling new my-option.yaml --from europol-regulation", "one that begins as a proposal"),
        ("countersmuggling new my-design.yaml --from severity-or-certainty", "a design for a sweep"),
    ),
    "check": (
        ("countersmuggling check my-option.yaml", "every problem with its line and the nearest valid name"),
        ("countersmuggling check my-option.yaml other.yaml --json", "the same for an editor or a pipeline"),
    ),
    "schema": (("countersmuggling schema --out scenario.schema.json", "a JSON Schema that editors complete from"),),
    "run": (
        ("countersmuggling run baseline-2025", "as the scenario says; some minutes"),
        ("countersmuggling run baseline-2025 --replicates 2 --persons-per-agent 500", "a quick, rough look"),
        ("countersmuggling run my-option.yaml --out results/mine --quiet", "for a script: prints the folder"),
    ),
    "compare": (
        ("countersmuggling compare baseline-2025 europol-regulation", "an option against the status quo"),
        ("countersmuggling compare baseline-2025 my-option.yaml europol-regulation", "two options side by side"),
        ("countersmuggling compare baseline-2025 europol-regulation --plan", "also where its staff should go"),
        ("countersmuggling compare baseline-2025 my-option.yaml --attribute", "also what each lever adds"),
        ("countersmuggling compare baseline-2025 my-option.yaml --json --quiet", "the result for a program"),
    ),
    "optimise": (
        ("countersmuggling optimise europol-regulation", "a plan, tried beside other placements"),
        ("countersmuggling optimise europol-regulation --method anticipating", "one that reckons with the answer"),
        ("countersmuggling optimise europol-regulation --method rolling", "one that is made anew every quarter"),
        ("countersmuggling optimise europol-regulation --solver cbc --out results/plan", "by the other solver"),
    ),
    "waterbed": (
        ("countersmuggling waterbed baseline-2025", "every resource that has posts"),
        ("countersmuggling waterbed baseline-2025 --resource border_guard --repeats 4", "one, with half the errors"),
    ),
    "evaluate": (
        ("countersmuggling evaluate baseline-2025", "rules, static, anticipating, rolling"),
        ("countersmuggling evaluate --methods pro_rata,static", "every bundled scenario that plans"),
        ("countersmuggling evaluate baseline-2025 --assets 0.5,1,2,4", "also with more and fewer posts"),
    ),
    "regimes": (
        ("countersmuggling regimes --toy-only", "toys of 27 states: a minute or two"),
        ("countersmuggling regimes --persons-per-agent 100", "also in the model's small world"),
    ),
    "sweep": (
        ("countersmuggling sweep severity-or-certainty --dry-run", "how many runs, how long, how much disk"),
        ("countersmuggling sweep my-design.yaml --out results/mine", "on all cores of this machine"),
        ("countersmuggling sweep my-design.yaml --out results/mine --resume", "go on after an interruption"),
        ("countersmuggling sweep my-design.yaml --out results/mine --shard 3/10", "one job of a job array"),
    ),
    "sensitivity": (
        ("countersmuggling sensitivity results/what-matters", "five outcomes, and every policy's difference from the first"),
        ("countersmuggling sensitivity results/what-matters --outcome deaths --policy europol --against status-quo", "one"),
    ),
    "discover": (
        ("countersmuggling discover results/robust-options --outcome deaths", "the worst fifth under the first policy"),
        ("countersmuggling discover results/robust-options --outcome deaths --policy europol --against status-quo --above 0",
         "where does the policy cost lives?"),
    ),
    "regret": (
        ("countersmuggling regret results/robust-options", "regret, and where a policy is nowhere worse than the first"),
        ("countersmuggling regret results/robust-options --bound deaths=8000 --bound case_backlog=3000", "or keeps these bounds"),
    ),
    "designs": (("countersmuggling designs", "names, sizes and questions"),),
    "report": (
        ("countersmuggling report results/mine", "after a new version, or to mend a page that was lost"),
        ("countersmuggling report results/mine --pdf", "report.pdf beside report.html"),
        ("countersmuggling report results/mine --for ITA --for Europol --for Tunisia", "a page for each of them"),
        ("countersmuggling report results/mine --stakeholders all", "a page for every seat at the table"),
        ("countersmuggling report results/mine --with results/what-matters", "also which factors matter, as a sweep found"),
        ("countersmuggling report results/mine --with results/waterbed-baseline-2025", "also the waterbed matrix"),
    ),
    "rerun": (("countersmuggling rerun results/mine", "does this machine give the same figures?"),),
    "data": (("countersmuggling data import detections.xlsx --out observed", "a publisher's file"),),
    "data import": (
        ("countersmuggling data import detections.xlsx", "Frontex's monthly workbook"),
        ("countersmuggling data import incidents.csv asylum.tsv --out observed", "several publishers at once"),
    ),
    "calibrate": (
        ("countersmuggling calibrate --out results/calibration", "1,000 runs, some hours on one machine"),
        ("countersmuggling calibrate --out results/calibration --budget 2000", "more: what is there is kept"),
        ("countersmuggling calibrate --out results/calibration --screen 4", "which parameters matter (Morris)"),
    ),
    "validate": (
        ("countersmuggling validate --out results/validation", "patterns and backtests; some minutes"),
        ("countersmuggling validate --calibration results/calibration", "also checks of the posterior"),
        ("countersmuggling validate --predict predicted.csv", "detections by route, July 2022 to 2025"),
    ),
    "dashboard": (
        ("countersmuggling dashboard", "opens a browser; only this machine reaches it"),
        ("countersmuggling dashboard --no-browser --port 8600", "for a browser that you open yourself"),
    ),
    "completion": (
        ('eval "$(countersmuggling completion bash)"', "for this shell; put the line into ~/.bashrc to keep it"),
        ('eval "$(countersmuggling completion zsh)"', "the same in ~/.zshrc, after compinit"),
        ("countersmuggling completion fish > ~/.config/fish/completions/countersmuggling.fish", "once, for fish"),
    ),
}


def epilogue(command: str) -> str | None:
    """The examples of a command as text under its help."""
    examples = EXAMPLES.get(command)
    if examples is None:
        return None
    aside = [line for line, _ in examples if len(line) <= ASIDE]
    width = max(map(len, aside), default=0)
    told = [
        f"  {line:<{width}}   {what}" if line in aside else f"  {line}\n      {what}" for line, what in examples
    ]
    return "\n".join(["examples:", *told])
