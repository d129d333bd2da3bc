"""The commands of the pairing: ``waterbed``, ``evaluate`` and ``regimes``."""

from __future__ import annotations

import argparse
import html
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ending import DONE, INTERRUPTED, INVALID

if TYPE_CHECKING:
    import pandas as pd

    from ..optimise.adaptive.valuing import AssetsPattern, Valued
    from ..optimise.charts import Chart
    from ..scenarios import Scenario

COMMANDS = ("waterbed", "evaluate", "regimes")
METHODS = ("pro_rata", "proportional", "greedy", "static", "anticipating", "rolling")  # as optimise.adaptive.valuing has them
CLUSTERS = ("slurm", "pbs", "lsf", "sge", "kubernetes")

Add = Callable[[str, str], argparse.ArgumentParser]
Whole = Callable[[int, int], Callable[[str], int]]


def add_commands(add: Add, whole: Whole, at_least_one: Callable[[str], float]) -> None:
    """Add the commands; `add` makes one, `whole` a type for whole numbers of a range."""
    bed = add("waterbed", "measure what one more unit of each resource in each place does everywhere else")
    bed.add_argument("scenario", metavar="SCENARIO")
    bed.add_argument("--resource", action="append", metavar="NAME", help="only this resource; may be given several times")
    bed.add_argument("--repeats", type=whole(1, 1000), default=2, metavar="N",
                     help="carry the design out so many times: errors fall with the root of it, and with one time an effect that differs between "
                     "draws can be taken for another's (default: %(default)s)")  # fmt: skip
    value = add("evaluate", "value every way of placing staff in the same fresh runs: rules, static, anticipating, rolling")
    value.add_argument("scenarios", metavar="SCENARIO", nargs="*", help="scenarios; none: every bundled scenario that has staff to place")
    value.add_argument("--methods", metavar="NAMES", help=f"some of {','.join(METHODS)} (default: all)")
    value.add_argument("--replicates", type=whole(2, 10_000), default=8, metavar="N", help="fresh pairs (default: %(default)s)")
    value.add_argument("--assets", metavar="MULTIPLES", help="also plan with these multiples of the posts, such as 0.5,1,2,4, and see what they intercept and where")
    value.add_argument("--search-replicates", type=whole(2, 10_000), metavar="N",
                       help="pairs with which the anticipating plan begins each test (default: the scenario's replicates)")  # fmt: skip
    regimes = add("regimes", "show when it matters to reckon with the answer: ways of planning over strengths of adaptation")
    regimes.add_argument("--replicates", type=whole(2, 10_000), default=16, metavar="N", help="fresh pairs (default: %(default)s)")
    regimes.add_argument("--toy-only", action="store_true", help="leave out the model's small world (seconds instead of minutes)")
    for command in (bed, value, regimes):
        command.add_argument("--persons-per-agent", type=at_least_one, metavar="X", help="people that a simulated traveller stands for")
        command.add_argument("--workers", type=whole(1, 4096), metavar="N", help="processes (default: one a core)")
        command.add_argument("--out", type=Path, metavar="DIR", help="folder (default: results/<command>-<scenario>)")
        command.add_argument("--quiet", action="store_true", help="no progress bars and no table; print the folder's path only")
        command.add_argument("--json", action="store_true", help="print the folder and the result as JSON, in place of the table")
        _cluster(command, "the runs")


def _cluster(command: argparse.ArgumentParser, what: str) -> None:
    cluster = command.add_mutually_exclusive_group()
    cluster.add_argument("--scheduler", metavar="ADDRESS", help=f"carry {what} out on a Dask scheduler that runs already")
    cluster.add_argument("--cluster", choices=CLUSTERS, help=f"carry {what} out on Dask workers that are jobs of this batch system")
    command.add_argument("--cluster-config", type=Path, metavar="FILE", help="YAML file with `jobs` and the `options` of a job")


def add_search(command: argparse.ArgumentParser) -> None:
    """Options of ``optimise`` that belong to the anticipating plan's search."""
    command.add_argument("--full-scale", action="store_true", help="anticipating: test steps with the scenario's own persons per agent, not as "
                         "coarsely as measuring does")  # fmt: skip
    _cluster(command, "the anticipating plan's runs")


def search_options(options: argparse.Namespace) -> dict[str, Any] | None:
    """What :func:`add_search` was given, for ``optimised(search=...)``; None where nothing was."""
    runner = _runner(options)
    return {"full_scale": options.full_scale, "runner": runner} if options.full_scale or runner is not None else None


def run(options: argparse.Namespace) -> int:
    """Carry out one of the commands; what is wrong with a scenario is raised, for the caller to tell."""
    commands = {"waterbed": _waterbed, "evaluate": _evaluate, "regimes": _regimes}
    try:
        return commands[options.command](options)
    except KeyboardInterrupt:
        print("\nInterrupted: finished runs are kept in the cache; the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED


def _refused(message: str) -> int:
    print(f"countersmuggling: {message}", file=sys.stderr)
    return INVALID


def _as_json(folder: Path, **content: Any) -> int:
    from .json_output import print_json

    print_json(folder=folder, **content)
    return DONE


def _runner(options: argparse.Namespace) -> Any:
    if options.scheduler is None and options.cluster is None:
        return None
    from .dask_cluster import ClusterFile, DaskCluster, read_cluster_file
    from .engine_runs import through

    config = read_cluster_file(options.cluster_config) if options.cluster_config else ClusterFile()
    return through(DaskCluster(options.scheduler, kind=options.cluster, config=config), progress=not options.quiet)


def _common(options: argparse.Namespace) -> dict[str, Any]:
    return {"persons_per_agent": options.persons_per_agent, "workers": options.workers, "progress": not options.quiet,
            "runner": _runner(options)}  # fmt: skip


def _teller(options: argparse.Namespace) -> Callable[[str], None]:
    def tell(sentence: str) -> None:
        if not options.quiet:
            print(f"  {sentence}", file=sys.stderr, flush=True)

    return tell


# ---------------------------------------------------------------------------------------------- folders


class _Folder:
    """Tables, charts and one page, written whole or not at all."""

    def __init__(self, into: Path, kind: str, facts: dict[str, Any]) -> None:
        self._into, self._kind, self._facts = into, kind, facts
        self._page: list[str] = []

    def table(self, name: str, frame: pd.DataFrame) -> None:
        from .folder import put

        put(self._into / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))

    def chart(self, name: str, chart: Chart) -> None:
        from .folder import put

        put(self._into / "figures" / f"{name}.png", chart.png())
        self._page.append(f'<figure role="img" aria-label="{html.escape(chart.alt)}">{chart.svg(name)}<figcaption>{html.escape(chart.alt)}'
                          "</figcaption></figure>")  # fmt: skip

    def heading(self, text: str, level: int = 2) -> None:
        self._page.append(f"<h{level}>{html.escape(text)}</h{level}>")

    def text(self, sentences: Sequence[str]) -> None:
        self._page.append("".join(f"<p>{html.escape(s)}</p>" for s in sentences))

    def show(self, frame: pd.DataFrame, digits: int = 0) -> None:
        shown = frame.copy()
        for column in shown.columns:
            if shown[column].dtype.kind == "f":
                shown[column] = [_number(v, digits) for v in shown[column]]
        self._page.append(shown.to_html(index=False, border=0, escape=True))

    def close(self, title: str, options: argparse.Namespace) -> None:
        from .folder import FORMAT, MARKER, put
        from .running import Clock

        style = ("body{font-family:sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1d2530}table{border-collapse:collapse;"
                 "font-size:.85rem}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #d5d9de}td:first-child,th:first-child,"
                 "td:nth-child(2),th:nth-child(2){text-align:left}figure{margin:1rem 0;overflow-x:auto}figcaption{color:#5b6470;font-size:.85rem}")  # fmt: skip
        page = (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style></head>'
                f"<body><h1>{html.escape(title)}</h1>{''.join(self._page)}</body></html>\n")  # fmt: skip
        put(self._into / f"{self._kind}.html", page)
        made = {k: v for k, v in Clock().provenance(self._facts["scenario"], options.workers).items() if k not in ("seconds", "replicates")}
        told = {k: v for k, v in self._facts.items() if k != "scenario"} | {"scenario": self._facts["scenario"].name}
        put(self._into / MARKER, json.dumps({"format": FORMAT, "kind": self._kind, **made, **told}, indent=1, default=str) + "\n")


def _number(value: float, digits: int = 0) -> str:
    if math.isnan(value):
        return ""
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.{max(digits, 2)}f}"


def _aligned(frame: pd.DataFrame) -> str:
    """A table for a console."""
    shown = frame.copy()
    for column in shown.columns:
        if shown[column].dtype.kind == "f":
            shown[column] = [_number(v) for v in shown[column]]
    return str(shown.to_string(index=False))


# ---------------------------------------------------------------------------------------------- waterbed


def _waterbed(options: argparse.Namespace) -> int:
    from ..optimise.adaptive.waterbed import measure_waterbed
    from ..optimise.pairing_charts import waterbed
    from ..scenarios import RESOURCES, load
    from .folder import new_folder

    scenario = load(options.scenario)
    wrong = [name for name in options.resource or () if name not in RESOURCES]
    if wrong:
        return _refused(f"no resource '{wrong[0]}'; there are {', '.join(RESOURCES)}")
    target: Path = options.out or Path("results") / f"waterbed-{scenario.name}"
    with new_folder(target) as temporary:
        try:
            found = measure_waterbed(scenario, resources=options.resource, repeats=options.repeats, **_common(options))
        except ValueError as error:
            return _refused(str(error))
        folder = _Folder(temporary, "waterbed", {"scenario": scenario, "runs": found.runs, "months": found.months,
                                                 "persons_per_row": found.persons_per_agent})  # fmt: skip
        folder.table("waterbed", found.table)
        folder.table("report", found.for_report())
        folder.table("screening", found.screening)
        folder.text([f"{found.runs} runs of {found.months} months, {found.persons_per_agent:g} persons a row."])
        folder.heading("What stands out")
        folder.text(found.words(20))
        for outcome, by in (("attempts", "front"), ("interceptions", "front"), ("deaths", "front"), ("asylum_load", "member_state"), ("case_backlog", "member_state")):
            folder.heading(f"{outcome.replace('_', ' ').capitalize()} by {by.replace('_', ' ')}")
            folder.chart(f"waterbed-{outcome}", waterbed(found.table, outcome, by))
        folder.heading("Screening")
        folder.show(found.screening, 4)
        folder.close(f"Waterbed matrix: {scenario.title or scenario.name}", options)
    if options.json:
        return _as_json(target, scenario=scenario.name, runs=found.runs, months=found.months, persons_per_agent=found.persons_per_agent,
                        screening=found.screening, effects=len(found.table), stand_out=found.clear())  # fmt: skip
    if options.quiet:
        print(target)
        return DONE
    apart = int(found.screening["chosen"].sum())
    print(f"{scenario.name}: {len(found.screening)} groups of places were screened, {apart} taken apart; {found.runs} runs of {found.months} "
          f"months, {found.persons_per_agent:g} persons a row; {len(found.clear()):,} of {len(found.table):,} effects stand out.")  # fmt: skip
    print("\n".join(f"  {text}" for text in found.words()))
    print(f"\nTable and figures: {target}\nPage:  {target / 'waterbed.html'}")
    return DONE


# ---------------------------------------------------------------------------------------------- evaluate


def _evaluate(options: argparse.Namespace) -> int:
    from ..scenarios import bundled, load
    from .folder import new_folder

    methods = tuple(options.methods.split(",")) if options.methods else METHODS
    wrong = [m for m in methods if m not in METHODS]
    if wrong:
        return _refused(f"no method '{wrong[0]}'; there are {', '.join(METHODS)}")
    try:
        factors = [float(f) for f in options.assets.split(",")] if options.assets else []
    except ValueError:
        return _refused(f"--assets takes multiples such as 0.5,1,2,4, not '{options.assets}'")
    if factors and (min(factors) <= 0 or len(set(factors)) < 2):
        return _refused("--assets takes at least two different multiples above zero")
    names = list(options.scenarios) or bundled()
    scenarios = [load(name) for name in names]
    if not options.scenarios:
        scenarios = [s for s in scenarios if any(post.available > 0 for post in s.resources.posts.values())]
    name = scenarios[0].name if len(scenarios) == 1 else f"{len(scenarios)}-scenarios"
    target: Path = options.out or Path("results") / f"evaluate-{name}"
    with new_folder(target) as temporary:
        found = [_valued(options, scenario, methods, factors) for scenario in scenarios]
        _write_evaluation(options, temporary, scenarios, found, methods)
    if options.json:
        return _as_json(target, scenarios={valued.scenario: {
            "persons_per_agent": valued.persons_per_agent, "weighted_harm": valued.evaluation.weighted_harm, "fates": valued.fates,
            "outcomes": valued.table, "against": valued.against(), **({} if pattern is None else {"assets": pattern.table, "seen": pattern.seen}),
        } for valued, pattern in found})  # fmt: skip
    if options.quiet:
        print(target)
        return DONE
    for valued, pattern in found:
        print("\n".join(_told(valued, pattern)))
        print()
    print(f"Tables and figures: {target}\nPage:  {target / 'evaluation.html'}")
    return DONE


def _valued(
    options: argparse.Namespace, scenario: Scenario, methods: Sequence[str], factors: Sequence[float],
) -> tuple[Valued, AssetsPattern | None]:  # fmt: skip
    from ..optimise.adaptive.trust_region import Settings
    from ..optimise.adaptive.valuing import assets_pattern, evaluate_methods

    settings = None
    if options.search_replicates is not None:
        settings = Settings(replicates=options.search_replicates, most_replicates=4 * options.search_replicates)
    tell = _teller(options)
    tell(f"{scenario.name}:")
    common = _common(options)
    valued = evaluate_methods(scenario, methods=methods, replicates=options.replicates, settings=settings, told=tell, **common)
    pattern = assets_pattern(scenario, factors, replicates=options.replicates, settings=settings, **common) if factors else None
    return valued, pattern


TOLD = ("weighted_harm", "deaths", "interceptions", "irregular_crossings", "attempts", "travellers_in_debt", "smuggler_profit_eur",
        "active_networks", "arrests", "case_backlog", "cost_eur")  # fmt: skip


def _told(valued: Valued, pattern: AssetsPattern | None) -> list[str]:
    pairs = valued.evaluation.totals.index.get_level_values("replicate").nunique()
    lines = [(f"{valued.scenario}: every placement against no additional staff, {pairs} fresh replicates, {valued.persons_per_agent:g} persons a "
              "row (points of weighted harm; negative is better)")]  # fmt: skip
    lines += [_aligned(valued.evaluation.weighted_harm), "", "What became of people (persons against no additional staff)",
              _aligned(valued.fates.drop(columns="replicates"))]  # fmt: skip
    against = valued.against()
    if len(against):
        lines += ["", "The anticipating plan against each other placement (points)", _aligned(against)]
    if pattern is not None:
        lines += ["", "More and more assets, each number placed by a plan", _aligned(pattern.table), *_pattern_words(pattern)]
    return lines


def _pattern_words(pattern: AssetsPattern) -> list[str]:
    told = "; ".join(f"{what}: {seen}" for what, seen in pattern.seen.items())
    return [f"Pattern of Magliocca et al. 2022 (most against fewest assets; places against none added), seen: {told}."]


def _write_evaluation(
    options: argparse.Namespace, into: Path, scenarios: Sequence[Scenario], found: Sequence[tuple[Valued, AssetsPattern | None]],
    methods: Sequence[str],
) -> None:  # fmt: skip
    import pandas as pd

    from ..optimise.pairing_charts import placements

    folder = _Folder(into, "evaluation", {"scenario": scenarios[0], "scenarios": [s.name for s in scenarios], "methods": list(methods),
                                          "pairs": options.replicates, "persons_per_row": found[0][0].persons_per_agent})  # fmt: skip
    frames: dict[str, list[pd.DataFrame]] = {}

    def add(name: str, scenario: str, frame: pd.DataFrame) -> None:
        frames.setdefault(name, []).append(frame.assign(scenario=scenario)[["scenario", *frame.columns]])

    for scenario, (valued, pattern) in zip(scenarios, found, strict=True):
        add("evaluation", scenario.name, valued.table)
        add("fates", scenario.name, valued.fates)
        add("fronts", scenario.name, valued.fronts)
        add("against", scenario.name, valued.against())
        add("totals", scenario.name, valued.evaluation.totals.reset_index())
        for name, staff in valued.staff.items():
            add("allocation", scenario.name, staff.assign(placement=name)[["placement", *staff.columns]])
        folder.heading(scenario.title or scenario.name)
        folder.chart(f"placements-{scenario.name}", placements(valued.evaluation.weighted_harm))
        folder.heading("Outcome by outcome, against no additional staff", 3)
        rows = valued.table[valued.table["outcome"].isin(TOLD)]
        folder.show(rows[["placement", "outcome", "unit", "against_mean", "mean", "difference", "low", "high"]])
        folder.heading("What became of people", 3)
        folder.show(valued.fates.drop(columns="replicates"))
        against = valued.against()
        if len(against):
            folder.heading("The anticipating plan against each other placement", 3)
            folder.show(against)
        plan = valued.plans.get("anticipating")
        if plan is not None and plan.anticipation is not None:
            add("iterations", scenario.name, plan.anticipation.history)
            add("response", scenario.name, plan.anticipation.response.table())
            folder.heading("How the anticipating plan was found", 3)
            folder.text(plan.summary[:1])
            folder.show(plan.anticipation.history[["step", "kind", "radius", "believed", "measured", "low", "high", "replicates", "kept", "gap", "error"]])
        if pattern is not None:
            add("assets", scenario.name, pattern.table)
            folder.heading("More assets", 3)
            folder.text(_pattern_words(pattern))
            folder.show(pattern.table)
    for name, own in frames.items():
        folder.table(name, pd.concat(own, ignore_index=True))
    folder.close("Ways of placing staff, valued by the same fresh runs", options)


# ---------------------------------------------------------------------------------------------- regimes


def _regimes(options: argparse.Namespace) -> int:
    import pandas as pd

    from ..optimise.adaptive.regimes import model_regimes, small_scenario, toy_regimes
    from ..optimise.pairing_charts import regimes
    from .folder import new_folder

    target: Path = options.out or Path("results") / "regimes"
    tell = _teller(options)
    with new_folder(target) as temporary:
        tables = [toy_regimes(progress=tell)]
        if not options.toy_only:
            common = _common(options)
            persons = common.pop("persons_per_agent")
            tables.append(model_regimes(valuing=options.replicates, told=tell, **common, **({} if persons is None else {"persons_per_agent": persons})))
        table = pd.concat(tables, ignore_index=True)
        folder = _Folder(temporary, "regimes", {"scenario": small_scenario(), "pairs": options.replicates})
        folder.table("regimes", table)
        folder.text([("Loss of each way of planning over the best placement known. Loss is the number of people who pass an outer border: a "
                      "yardstick of methods, not an aim.")])  # fmt: skip
        folder.chart("regimes", regimes(table))
        folder.show(table, 3)
        folder.close("When it matters to reckon with the answer", options)
    if options.json:
        return _as_json(target, regimes=table)
    if options.quiet:
        print(target)
        return DONE
    for world, rows in table.groupby("world", sort=False):
        print(f"{world}: loss over the best known, by strength of adaptation")
        wide = rows.pivot(index="strength", columns="method", values="ratio")
        print(wide.reindex(index=list(dict.fromkeys(rows["strength"])), columns=list(dict.fromkeys(rows["method"]))).round(3).to_string())
        print()
    print(f"Table and figure: {target}\nPage:  {target / 'regimes.html'}")
    return DONE
