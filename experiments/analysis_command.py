"""The commands ``countersmuggling sensitivity``, ``discover`` and ``regret``: what a finished sweep says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sweep_results import SweepResults

DONE = 0
#: the result for a terminal, the written files, and the result for a program
Told = tuple[str, list[Path], dict[str, Any]]

SENSITIVITY = """\
Which factors matter: Sobol' indices or Morris's elementary effects of a finished sweep, with 95 % intervals.

Without --policy: of the first policy itself, and of every other policy's difference from it. Prints a table, and writes
sensitivity.csv and figures."""

DISCOVER = """\
Scenario discovery (PRIM): under which combinations of factors is an outcome bad, or does a policy fail? For designs that fill the
space of their factors (Latin hypercube, Sobol, factorial).

Prints the box, and writes discovery.csv, discovery-boxes.csv and figures. Needs the extra `analysis`."""

REGRET = """\
Regret and satisficing of the policies over the points of a sweep, with parallel coordinates and trade-offs.

Without --bound: in which share of the points a policy is nowhere worse than the first one (public cost apart). Prints tables, and
writes regret.csv, satisficing.csv, policies.csv and figures."""


def bound(text: str) -> tuple[str, float]:
    """``deaths=8000``."""
    name, _, figure = text.partition("=")
    try:
        return name.strip(), float(figure)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected OUTCOME=FIGURE such as deaths=8000, got '{text}'") from None


def add_commands(
    make: Callable[[str, str], argparse.ArgumentParser], whole: Callable[[int, int], Callable[[str], int]]
) -> None:
    """Add the commands; `make` adds one to the program, `whole` makes a type for whole numbers of a range."""

    def add(name: str, help_: str, description: str) -> argparse.ArgumentParser:
        command = make(name, help_)
        command.description = description
        command.add_argument("results", metavar="RESULTS", type=Path, help="the store of a sweep")
        command.add_argument("--design", metavar="NAME", help="one of the store's designs (default: the one that ran last)")
        command.add_argument("--out", type=Path, metavar="DIR", help="folder to write to (default: RESULTS/analysis/<design>)")
        command.add_argument("--quiet", action="store_true", help="no table; print the written files' paths only")
        command.add_argument("--json", action="store_true", help="print the result and the written files' paths as JSON")
        return command

    one = add("sensitivity", "tell which factors of a sweep matter (Sobol, Morris)", SENSITIVITY)
    one.add_argument("--outcome", action="append", metavar="NAME", help="may be given several times (default: five main ones)")
    one.add_argument("--policy", metavar="NAME", help="only this policy")
    one.add_argument("--against", metavar="NAME", help="its difference from this one")
    one.add_argument("--most", type=whole(1, 10_000), default=8, metavar="N", help="factors shown in the table (default: %(default)s)")

    two = add("discover", "tell under which combinations of factors an outcome is bad (scenario discovery)", DISCOVER)
    two.add_argument("--outcome", required=True, metavar="NAME")
    two.add_argument("--policy", metavar="NAME", help="(default: the first)")
    two.add_argument("--against", metavar="NAME", help="the policy's difference from this one")
    case = two.add_mutually_exclusive_group()
    case.add_argument("--above", type=float, metavar="X", help="of interest is what is above X")
    case.add_argument("--below", type=float, metavar="X", help="or what is below X")
    case.add_argument("--worst", type=float, default=0.2, metavar="SHARE", help="or this share of the points (default: %(default)s)")
    two.add_argument("--density", type=float, default=0.8, metavar="SHARE",
                     help="of the boxes with at least this density the one with most coverage is taken (default: %(default)s)")  # fmt: skip
    two.add_argument("--box", type=whole(0, 100_000), metavar="N", help="or the box of this number in discovery-boxes.csv")

    three = add("regret", "compare the policies of a sweep over all its points: regret, satisficing, trade-offs", REGRET)
    three.add_argument("--outcome", action="append", metavar="NAME", help="may be given several times (default: five main ones)")
    three.add_argument("--bound", action="append", type=bound, metavar="NAME=X",
                       help="at most X (at least, where more is better); may be given several times")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Carry out a command; what is wrong is raised, for the caller to tell."""
    from . import wording
    from .sweep_results import open_results

    results = open_results(options.results, options.design)
    folder: Path = options.out or results.folder / "analysis" / results.design.name
    text, written, told = COMMANDS[options.command](options, results, folder)
    if options.json:
        from .json_output import print_json

        print_json(**told, planned=results.planned, finished=results.finished, files=written)
        return DONE
    if not options.quiet:
        if not results.complete:
            print(f"{results.planned - results.finished:,} of {results.planned:,} runs are not finished.\n")
        # characters that every console has
        print(text.replace(wording.MINUS, "-").replace(wording.THIN, " ").replace("\N{EN DASH}", "-"))
    print("\n".join(str(path) for path in written))
    return DONE


def _sensitivity(options: argparse.Namespace, results: SweepResults, folder: Path) -> Told:
    found = results.sensitivity(options.outcome, policy=options.policy, against=options.against)
    told = {"method": found.method, "measures": found.measures, "indices": found.table, "left_out": found.left_out}
    return found.text(options.most), found.write(folder), told


def _discover(options: argparse.Namespace, results: SweepResults, folder: Path) -> Told:
    found = results.discover(
        options.outcome, policy=options.policy, against=options.against, above=options.above, below=options.below,
        worst=options.worst, density=options.density, box=options.box,
    )  # fmt: skip
    told = {
        "question": found.question, "box": found.chosen, "limits": found.limits, "density": found.density, "coverage": found.coverage,
        "mass": found.mass, "base_rate": found.base_rate, "boxes": found.trajectory,
    }  # fmt: skip
    return found.text(), found.write(folder), told


def _regret(options: argparse.Namespace, results: SweepResults, folder: Path) -> Told:
    found = results.robust_choice(options.outcome, dict(options.bound) if options.bound else None)
    told = {"policies": found.policies, "points": found.points, "regret": found.regret, "satisficing": found.satisficing}
    return found.text(), found.write(folder), told


COMMANDS = {"sensitivity": _sensitivity, "discover": _discover, "regret": _regret}
