"""The command ``countersmuggling validate``."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ending import DONE, INVALID

if TYPE_CHECKING:
    from ..scenarios import Scenario
    from .calibration_statistics import Condensed

DESCRIPTION = """\
Hold the model against what was published: the table of patterns, posterior predictive checks, and backtests of five
events against simple rules, each calibrated only on what came before it. Writes validation.html, validation.md and CSV files.

With --predict, predict detections by month and route for July 2022 to December 2025 from yearly totals by origin group alone."""


def add_arguments(command: argparse.ArgumentParser, whole: Callable[[int, int], Callable[[str], int]]) -> None:
    """Arguments of the command; `whole` makes a type for whole numbers of a range."""
    add = command.add_argument
    add("--out", type=Path, metavar="DIR", default=Path("results/validation"), help="(default: %(default)s)")
    add("--calibration", type=Path, metavar="DIR", help="folder of a finished `calibrate` (default: ranges of the registry)")
    add("--draws", type=whole(1, 10**4), metavar="N", default=12, help="parameter draws of a backtest (default: %(default)s)")
    add("--replicates", type=whole(0, 10**4), metavar="N", help="runs of the pattern table; 0 leaves it out (default: the replay's)")
    add("--predict", type=Path, metavar="OUT.csv", help="only write a prediction: month, route, p05, p50, p95")
    add("--runs", type=whole(0, 10**4), metavar="N", default=0,
        help="with --predict: runs of the model whose moves between routes are followed half-way (default: none)")  # fmt: skip
    add("--persons-per-agent", type=whole(1, 10**6), metavar="N", default=200,
        help="people that a simulated traveller stands for (default: %(default)s)")  # fmt: skip
    add("--workers", type=whole(1, 4096), metavar="N", help="processes (default: one a core)")
    add("--quiet", action="store_true", help="no progress bars; print the written files' paths only")
    add("--json", action="store_true", help="print texts, tables and the written files' paths as JSON")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from .observed import observed
    from .running import adapted

    seen = observed()
    history = adapted("history-2014-2022", persons_per_agent=options.persons_per_agent)
    if options.predict is not None:
        return _predict(options, seen, history)
    from . import validating

    calibration = None
    if options.calibration is not None:
        try:
            calibration = validating.Calibration.of(options.calibration, history)
        except validating.NoCalibration as error:
            print(f"countersmuggling: {error}", file=sys.stderr)
            return INVALID
    found, bands = validating.sections(
        seen, history, calibration, draws=options.draws, replicates=options.replicates, workers=options.workers,
        progress=not options.quiet,
    )  # fmt: skip
    written = validating.write(found, bands, options.out)
    if options.json:
        from .json_output import print_json

        parts = [{"name": p.name, "title": p.title, "text": p.text, "table": p.table} for p in found]
        print_json(sections=parts, files=written)
        return DONE
    if not options.quiet:
        for part in found:
            print(part.title)
            for text in part.text:
                print(textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="  "))
            if part.name in ("ranking", "predictive", "intervals", "displacement") and part.table is not None:
                table: Any = part.table
                print(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))
            print()
    for path in written[-2:]:
        print(path)
    return DONE


def _predict(options: argparse.Namespace, seen: Any, history: Scenario) -> int:
    from .folder import explaining, replace_file
    from .predicting import predict

    table = predict(seen, _runs(options, history) if options.runs else ())
    out: Path = options.predict
    with explaining(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, table.to_csv(index=False, lineterminator="\n", float_format="%.1f"))
    if options.json:
        from .json_output import print_json

        print_json(file=out, predicted=table)
    else:
        print(out)
    return DONE


def _runs(options: argparse.Namespace, history: Scenario) -> list[Condensed]:
    """Runs of history that go on to the end of 2025 without a further event."""
    from ..model.replicates import Job, run_many
    from ..scenarios import Scenario as Validated
    from ..scenarios.posterior import ensemble
    from .backtesting import condensed_run

    content: dict[str, Any] = history.model_dump(by_alias=True)
    content["horizon"] = content["horizon"] | {"end": "2025-12-31"}
    content["uncertainties"] = content["uncertainties"] | {"draw": "ranges" if ensemble() is None else "posterior"}
    longer = Validated.model_validate(content)
    jobs = [Job(longer, n, label="prediction") for n in range(options.runs)]
    return run_many(jobs, options.workers, not options.quiet, "Predicting", function=condensed_run)
