"""The command line: ``countersmuggling COMMAND ...``.

Exit codes: 0 done; 2 invalid input or usage, or results that cannot be written; 3 no feasible plan; 130 interrupted; 1 a
fault of this program, or a rerun that gives other figures. Heavy modules are imported inside the commands, so that help comes at once.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..model.interruption import heeded
from . import analysis_command, pairing_commands, plan_words, sweep_command
from .dashboard import command as dashboard_command
from .ending import DONE, FAULT, INTERRUPTED, INVALID, TRACEBACK_VARIABLE, Usage, told
from .help_examples import epilogue
from .terminal import coloured

if TYPE_CHECKING:
    from ..model.kept_runs import KeptRuns
    from .results import Results

DESCRIPTION = "Simulate measures against migrant smuggling, compare policy options, and plan where scarce staff should go."
EPILOG = """\
SCENARIO is the name of a bundled scenario (see `countersmuggling scenarios`) or a YAML file.

  countersmuggling compare baseline-2025 europol-regulation --plan     compare an option with the status quo
  countersmuggling new my-option.yaml --from baseline-2025             begin an option of your own
  countersmuggling check my-option.yaml                                find what is wrong with it

`countersmuggling COMMAND --help` has examples of each command; `countersmuggling completion --help` says how to let the
shell complete them. Colours are for terminals only (NO_COLOR=1: never).

Exit codes: 0 done, 2 invalid input or usage, 3 no feasible plan, 130 interrupted (what is finished is kept: the same command goes on).
"""


class _Parser(argparse.ArgumentParser):
    """Argument errors in one line, with the nearest valid name."""

    def error(self, message: str) -> NoReturn:
        hint = self._nearest(message)
        told = f"{coloured(f'{self.prog}:', 'red', sys.stderr)} {message}{hint} (see `{self.prog} --help`)"
        print(told, file=sys.stderr)
        raise SystemExit(INVALID)

    def _nearest(self, message: str) -> str:
        valid = {o for a in self._actions for o in a.option_strings}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for command in action.choices.values():
                    valid |= {o for a in command._actions for o in a.option_strings}
        if message.startswith("unrecognized arguments:"):
            wrong = message.partition(":")[2].split()[0].partition("=")[0]
            near = difflib.get_close_matches(wrong, sorted(valid), 1)
        elif "invalid choice: " in message:
            wrong, _, rest = message.partition("invalid choice: ")[2].partition(" (choose from ")
            near = difflib.get_close_matches(wrong.strip("'"), [c.strip("' )") for c in rest.split(",")], 1)
        else:
            return ""
        return f"; did you mean '{near[0]}'?" if near else ""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got '{text}'") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text}")
        return value

    return parse


def _at_least_one(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got '{text}'") from None
    if not 1.0 <= value <= 1e6:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 1000000, got {text}")
    return value


def parser() -> argparse.ArgumentParser:
    """The argument parser of the program."""
    whole = _Parser(
        prog="countersmuggling", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    whole.add_argument("--version", action="store_true", help="print the version and exit")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, help_: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=help_, description=help_[0].upper() + help_[1:] + ".", allow_abbrev=False, epilog=epilogue(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip

    scenarios = add("scenarios", "list the bundled scenarios")
    new = add("new", "write a commented starter file for an option of your own")
    _json_option(scenarios, "print names, titles, questions and periods as JSON")
    new.add_argument("file", metavar="FILE", type=Path, help="YAML file to write; must not exist")
    new.add_argument("--from", dest="base", metavar="NAME", default="baseline-2025",
                     help="scenario to start from: a bundled name, or a file in the same folder; or a bundled design "
                          "(default: %(default)s)")  # fmt: skip
    check = add("check", "tell everything that is wrong with scenario files and designs")
    check.add_argument("file", metavar="FILE", nargs="+", help="scenario or design file, or bundled name")
    _json_option(check, "print the problems as JSON: file, line, column, path, message, suggestion")
    schema = add("schema", "print the JSON Schema of scenario files, for editors")
    schema.add_argument("--out", type=Path, metavar="FILE", help="write it to a file instead")

    run = add("run", "simulate one scenario")
    run.add_argument("scenario", metavar="SCENARIO")
    compare = add("compare", "simulate a baseline and options with the same chance, and tell the differences")
    compare.add_argument("baseline", metavar="BASELINE")
    compare.add_argument("options", metavar="OPTION", nargs="+")
    compare.add_argument("--plan", action="store_true",
                         help="also plan where each option's staff goes, and simulate the plan beside a pro-rata placement")  # fmt: skip
    compare.add_argument("--attribute", action="store_true",
                         help="also split the first option's difference over the levers that differ (Shapley values; many runs)")  # fmt: skip
    optimise = add(
        "optimise", "plan where a scenario's staff goes, and simulate the plan beside other placements"
    )
    optimise.add_argument("scenario", metavar="SCENARIO")
    optimise.add_argument("--method", choices=("static", "anticipating", "rolling"), default="static",
                          help="static: effects as measured today; anticipating: reckons with the answer to the plan, tested step "
                          "by step, some 20 minutes; rolling: planned anew every quarter from reports (default: %(default)s)")  # fmt: skip
    pairing_commands.add_search(optimise)
    plan_words.add_arguments(optimise)
    for command in (compare, optimise):
        command.add_argument(
            "--solver", choices=("highs", "cbc"), default="highs", help="(default: %(default)s)"
        )
    for command in (run, compare, optimise):
        _common(command)
        _json_option(command, "print the folder and the content of its summary.json as JSON, in place of the table")
    sweep = add("sweep", "run a whole design: many scenarios, parameters and replicates, on one machine or a cluster")
    sweep.description = sweep_command.DESCRIPTION
    sweep_command.add_arguments(sweep, _whole)
    analysis_command.add_commands(add, _whole)
    _json_option(sweep, "print counts and the folder (with --dry-run: what is expected) as JSON")
    designs = add("designs", "list the bundled designs for sweeps")
    _json_option(designs, "print names, titles, questions and sizes as JSON")
    pairing_commands.add_commands(add, _whole, _at_least_one)
    report = add("report", "make figures and report.html of a results folder anew, as PDF, for stakeholders, in another language")
    report.add_argument("results", metavar="RESULTS", type=Path)
    report.add_argument("--for", dest="seats", metavar="NAME", action="append", default=[],
                        help="also one page for a Member State, agency or partner country, by code or name; may be repeated")  # fmt: skip
    report.add_argument("--stakeholders", choices=("all", "states", "agencies", "partners"),
                        help="a page for each of all of them, or of one kind")  # fmt: skip
    report.add_argument("--pdf", action="store_true", help="also as PDF (needs the extra `pdf`)")
    report.add_argument("--with", dest="fetched", metavar="DIR", type=Path, action="append", default=[],
                        help="also show what `waterbed` or `sensitivity` found: the folder it wrote, or the store of the sweep; kept with "
                        "the results; may be repeated")  # fmt: skip
    report.add_argument("--language", metavar="CODE", default="en",
                        help="language of the texts: a code, or a catalogue of your own (.toml; default: %(default)s)")  # fmt: skip
    report.add_argument("--quiet", action="store_true", help="print nothing but the report's path")
    _json_option(report, "print the paths of the pages as JSON")
    rerun = add("rerun", "run what a results folder says again, and tell whether the figures are the same")
    rerun.add_argument("results", metavar="RESULTS", type=Path)
    rerun.add_argument("--workers", type=_whole(1, 4096), metavar="N", help="processes (default: one a core)")
    rerun.add_argument("--out", type=Path, metavar="DIR", help="also write the new results to this folder")
    rerun.add_argument("--quiet", action="store_true", help="no progress bars")
    _json_option(rerun, "print whether the figures are the same, and those that are not, as JSON")
    data = add("data", "read the publishers' own files")
    of_data = data.add_subparsers(dest="data_command", metavar="COMMAND", parser_class=_Parser, required=True)
    imported = of_data.add_parser(
        "import", help="convert files of Frontex, IOM, Eurostat or UNHCR into observations and reference tables",
        description="Recognise each file by its header, check it, write it in the project's words, and tell what could not be used.",
        allow_abbrev=False, epilog=epilogue("data import"), formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    imported.add_argument(
        "file", metavar="FILE", nargs="+", type=Path, help="workbook, CSV or TSV as published"
    )
    imported.add_argument("--out", type=Path, metavar="DIR", default=Path("observed"),
                          help="folder for observations.csv and the tables (default: %(default)s)")  # fmt: skip
    imported.add_argument("--quiet", action="store_true", help="print the written files' paths only")
    _json_option(imported, "print what was read of each file, what could not be used, and the written files' paths as JSON")
    dashboard = add("dashboard", "choose, change, run and compare scenarios in a browser (extra `dashboard`)")
    dashboard_command.add_arguments(dashboard)
    completion = add("completion", "print what lets a shell complete commands, options, files and scenario names")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    from . import calibrate_command, validate_command

    calibrated = add("calibrate", "find parameters under which the model comes near what was published")
    calibrated.description = calibrate_command.DESCRIPTION
    calibrate_command.add_arguments(calibrated, _whole)
    validated = add("validate", "hold the model against what was published, or predict detections by route")
    validated.description = validate_command.DESCRIPTION
    validate_command.add_arguments(validated, _whole)
    return whole


def _json_option(command: argparse.ArgumentParser, help_: str) -> None:
    command.add_argument("--json", action="store_true", help=help_)


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--replicates",
        type=_whole(1, 10_000),
        metavar="N",
        help="runs with different chance (default: the scenario's)",
    )
    command.add_argument(
        "--seed", type=_whole(0, 2**63 - 1), metavar="N", help="seed of all chance (default: the scenario's)"
    )
    command.add_argument(
        "--persons-per-agent",
        type=_at_least_one,
        metavar="X",
        help="people that a simulated traveller stands for; larger is faster and rougher (default: the scenario's)",
    )
    command.add_argument(
        "--workers", type=_whole(1, 4096), metavar="N", help="processes (default: one a core)"
    )
    command.add_argument(
        "--out", type=Path, metavar="DIR", help="results folder (default: results/<name>-<short id>)"
    )
    command.add_argument(
        "--check-invariants",
        action="store_true",
        help="check on every simulated day that nobody is lost, nothing is negative, no staff is above its pool (some "
        "5 ms a day; figures are the same)",
    )
    command.add_argument(
        "--quiet", action="store_true", help="no progress bars and no table; print the folder's path only"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    arguments : sequence of str, optional
        As on a command line; by default the process's own.

    Returns
    -------
    int
        Exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # a console that lacks a character shows a question mark
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may follow
        from .completing import answer

        answer(parser())
    try:
        options = parser().parse_args(given)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    with heeded():
        return _guarded(options, given)


def _guarded(options: argparse.Namespace, given: Sequence[str]) -> int:
    kept: list[KeptRuns] = []
    try:
        return _dispatch(options, given, kept)
    except KeyboardInterrupt:
        print(f"\nInterrupted: {_kept(kept)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        code, message = told(error)
        if code == FAULT and os.environ.get(TRACEBACK_VARIABLE):
            raise
        print(_marked(message), file=sys.stderr)
        return code


def _marked(message: str) -> str:
    """The program's name before a message stands out on a terminal."""
    name = "countersmuggling:"
    return coloured(name, "red", sys.stderr) + message.removeprefix(name) if message.startswith(name) else message


def _kept(kept: Sequence[KeptRuns]) -> str:
    finished = sum(store.taken_up + store.finished for store in kept)
    if not finished:
        return "no results were written."
    from ..model.kept_runs import DAYS_KEPT

    runs = "1 finished run is" if finished == 1 else f"{finished:,} finished runs are"
    return f"{runs} kept for {DAYS_KEPT} days; the same command goes on from there. No results were written yet."


def _dispatch(options: argparse.Namespace, given: Sequence[str], kept: list[KeptRuns]) -> int:
    if options.version:
        from .. import __version__

        print(f"countersmuggling {__version__}")
        return DONE
    if options.command is None:
        parser().print_help()
        return INVALID
    from . import scenario_commands as files

    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "scenarios": files.scenarios_command,
        "new": files.new_command,
        "check": files.check_command,
        "schema": files.schema_command,
        "completion": _completion,
        "dashboard": dashboard_command.dashboard,
        "report": _report,
        "sweep": sweep_command.run,
        "designs": files.designs_command,
        "sensitivity": analysis_command.run,
        "discover": analysis_command.run,
        "regret": analysis_command.run,
        "rerun": _rerun,
        "data": _data,
        **dict.fromkeys(pairing_commands.COMMANDS, pairing_commands.run),
    }
    if options.command == "calibrate":
        from . import calibrate_command

        return calibrate_command.run(options)
    if options.command == "validate":
        from . import validate_command

        return validate_command.run(options)
    if options.command in commands:
        return commands[options.command](options)
    return _simulating(options, given, kept)


def _completion(options: argparse.Namespace) -> int:
    from .completing import script

    print(script(options.shell))
    return DONE


# ---------------------------------------------------------------------------------------------- simulations


def _simulating(options: argparse.Namespace, given: Sequence[str], kept: list[KeptRuns]) -> int:
    from dataclasses import replace

    from ..model.kept_runs import keeping
    from .folder import explaining, new_folder

    work, name = _work(options)
    target: Path = options.out or Path("results") / f"{name}-{secrets.token_hex(3)}"
    # the folder is made first: what cannot be written is known before minutes of computing
    kept.append(_finished_runs(options.quiet))
    with keeping(kept[0]), new_folder(target) as temporary:
        found = work()
        facts = {**found.provenance, "command": " ".join(["countersmuggling", *given])}
        if kept[0].taken_up:
            facts["runs_of_an_interrupted_command"] = kept[0].taken_up
        found = replace(found, provenance=facts)
        with explaining(target):
            found.write_into(temporary)
    if options.json:
        print(json.dumps({"folder": str(target), **found.as_summary()}, ensure_ascii=False, indent=1))
        return DONE
    if options.quiet:
        print(target)
        return DONE
    from .console_tables import table

    print(table(found, sys.stdout))
    print(f"\nResults: {target}")
    print(
        f"Report:  {target / 'report.html'}  (open it in a browser: {(target / 'report.html').resolve().as_uri()})"
    )
    return DONE


def _finished_runs(quiet: bool) -> KeptRuns:
    from ..model.kept_runs import KeptRuns, cache_folder

    def told(number: int) -> None:
        if not quiet:
            runs = "1 run is" if number == 1 else f"{number:,} runs are"
            print(f"{runs} taken up from an interrupted command.", file=sys.stderr)

    return KeptRuns(cache_folder() / "finished-runs", told)


def _work(options: argparse.Namespace) -> tuple[Callable[[], Results], str]:
    """What is to be done, with all scenarios read and found fit, and a name for it."""
    from ..scenarios import load

    common = {
        "replicates": options.replicates,
        "seed": options.seed,
        "persons_per_agent": options.persons_per_agent,
        "workers": options.workers,
        "progress": not options.quiet,
    }
    checked = {"check_invariants": options.check_invariants}
    if options.command == "compare":
        baseline, chosen = _load_all(options.baseline, *options.options)
        name = chosen[0].name if len(chosen) == 1 else f"{baseline.name}-and-{len(chosen)}-options"

        def comparing() -> Results:
            from .comparing import compare

            found = compare(baseline, chosen, plan=options.plan, solver=options.solver, **common, **checked)
            if not options.attribute:
                return found
            from dataclasses import replace

            from .attribution import attribute

            return replace(found, attribution=attribute(baseline, chosen[0], **common).table)

        return comparing, name
    scenario = load(options.scenario)

    def running() -> Results:
        from .running import simulate

        return simulate(scenario, **common, **checked)

    def optimising() -> Results:
        from .comparing import optimised

        search = pairing_commands.search_options(options)
        asked = {"objective": options.objective, "time_limit": options.time_limit, "study": options.study}
        return optimised(scenario, solver=options.solver, method=options.method, search=search, **asked, **common, **checked)

    if options.command == "run":
        return running, scenario.name
    if wrong := plan_words.contradiction(options):
        raise Usage(wrong)
    return optimising, f"{scenario.name}-plan"


def _load_all(baseline: str, *options: str) -> tuple[Any, list[Any]]:
    """Load several scenarios, telling the problems of all of them at once; check that they can be compared."""
    from ..scenarios import ScenarioError, load

    loaded, problems = [], []
    for name in (baseline, *options):
        try:
            loaded.append(load(name))
        except ScenarioError as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        raise ScenarioError(problems)
    from .comparing import comparable

    comparable(loaded[0], loaded[1:])
    return loaded[0], loaded[1:]


def _report(options: argparse.Namespace) -> int:
    from .pdf import NoPdf
    from .results import Results
    from .stakeholders import UnknownSeat, find, seats
    from .texts import LanguageError, catalogue

    kinds = {"states": "state", "agencies": "agency", "partners": "partner"}
    wanted = options.stakeholders
    try:
        chosen = [find(name) for name in options.seats]
        language = catalogue(options.language)
    except (UnknownSeat, LanguageError) as error:
        raise Usage(str(error)) from None
    chosen += [s for s in seats() if wanted == "all" or s.kind == kinds.get(wanted)]
    found = Results.read(options.results)
    if options.fetched:
        found = found.fetching(options.results, options.fetched)
    if language.missing and not options.quiet:
        print(f"{len(language.missing)} texts are not in {options.language} and are told in English", file=sys.stderr)
    try:
        path = found.rewrite_report(options.results, chosen, language, options.pdf, progress=not options.quiet)
    except NoPdf as error:
        raise Usage(str(error)) from None
    if options.json:
        from .json_output import print_json

        own = {code: path.parent / "stakeholders" / f"{code}.html" for code in sorted({seat.code for seat in chosen})}
        print_json(report=path, pdf=path.with_suffix(".pdf") if options.pdf else None, pages=own)
        return DONE
    if options.quiet:
        print(path)
        return DONE
    print(f"Report:  {path}  (open it in a browser: {path.resolve().as_uri()})")
    if options.pdf:
        print(f"PDF:     {path.with_suffix('.pdf')}")
    pages = sorted({seat.code for seat in chosen})
    if len(pages) == 1:
        print(f"Page:    {path.parent / 'stakeholders' / pages[0]}.html")
    elif pages:
        print(f"Pages:   {path.parent / 'stakeholders'} ({len(pages)}, linked from the report)")
    return DONE


def _rerun(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from .folder import check_target
    from .rerunning import rerun

    if options.out is not None:
        check_target(options.out)
    found, agreed = rerun(options.results, workers=options.workers, progress=not options.quiet)
    if options.out is not None:
        command = f"countersmuggling rerun {options.results}"
        replace(found, provenance={**found.provenance, "command": command}).write(options.out)
    if options.json:
        from .json_output import print_json

        print_json(identical=agreed.identical, figures=agreed.rows, differing=agreed.differing, folder=options.out)
    else:
        print(agreed, file=sys.stdout if agreed.identical else sys.stderr)
    if not agreed.identical:
        print("Versions are in each folder's provenance.json.", file=sys.stderr)
    return DONE if agreed.identical else FAULT


def _data(options: argparse.Namespace) -> int:
    from .publishers import UnreadableFile, keep, read_published

    try:
        found = [read_published(path) for path in options.file]
    except UnreadableFile as error:
        raise Usage(str(error)) from None
    written: list[Path] = []
    for path, published in zip(options.file, found, strict=True):
        written += [w for w in keep(published, options.out) if w not in written]
        if options.quiet or options.json:
            continue
        rows = published.rows
        if rows.empty:
            print(f"{path}: {published.publisher}: nothing that can be used")
        else:
            sums = rows.groupby("outcome")["value"].sum()
            told = ", ".join(f"{value:,.0f} {name}" for name, value in sums.items())
            print(f"{path}: {published.publisher}, {rows['period'].min()} to {rows['period'].max()}: {told}")
        for unused in published.unused:
            print(f"  not used: {unused}")
    if options.json:
        from .json_output import print_json

        read = [
            {"file": path, "publisher": p.publisher, "rows": len(p.rows), "unused": list(p.unused),
             "totals": {} if p.rows.empty else p.rows.groupby("outcome")["value"].sum().to_dict()}
            for path, p in zip(options.file, found, strict=True)
        ]  # fmt: skip
        print_json(read=read, files=written)
        return DONE
    print("\n".join(str(w) for w in written))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
