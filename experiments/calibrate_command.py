"""The command ``countersmuggling calibrate``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .ending import DONE, INVALID

if TYPE_CHECKING:
    import pandas as pd

    from .calibrating import Posterior, Prior

SCENARIO: Final = "history-2014-2022"
FIRST_MONTH: Final = "2014-01"

DESCRIPTION = """\
Find parameters under which the model comes near what was published on January 2014 to June 2022, without a likelihood
(ABC-SMC, library pyABC; extra `calibration`). The result is a posterior ensemble, a table of weighted draws.

An interrupted calibration is begun again by the same command and goes on where it was. In the folder: posterior.csv and
posterior.json (the ensemble; a copy in scenarios/data is what `draw: posterior` draws from), identifiability.csv and .png
(which parameters the data move), coverage.csv (whether intervals hold what data were made with), at_the_prior.csv, runs/."""


def add_arguments(command: argparse.ArgumentParser, whole: Callable[[int, int], Callable[[str], int]]) -> None:
    """Arguments of the command; `whole` makes a type for whole numbers of a range."""
    add = command.add_argument
    add("--out", type=Path, metavar="DIR", default=Path("results/calibration"), help="(default: %(default)s)")
    add("--budget", type=whole(4, 10**6), metavar="RUNS", default=1000, help="runs in all (default: %(default)s)")
    add("--draws", type=whole(2, 10**5), metavar="N", default=64, help="draws of the ensemble (default: %(default)s)")
    add("--screen", type=whole(1, 1000), metavar="N",
        help="only screen parameters, with N trajectories, and write screening.csv")  # fmt: skip
    add("--parameter", metavar="NAME", action="append",
        help="calibrate this parameter (may be given several times; default: experiments/data/calibrated.csv)")  # fmt: skip
    add("--until", metavar="YYYY-MM", help="use only what was published up to this month")
    add("--observed", type=Path, metavar="FILE",
        help="observations.csv of `data import`, in place of the bundled figures")  # fmt: skip
    add("--persons-per-agent", type=whole(1, 10**6), metavar="N", default=200,
        help="people that a simulated traveller stands for (default: %(default)s)")  # fmt: skip
    add("--seed", type=whole(0, 2**31 - 1), metavar="N", default=1, help="of all proposals (default: %(default)s)")
    add("--workers", type=whole(1, 4096), metavar="N", help="processes (default: one a core)")
    add("--quiet", action="store_true", help="no progress bars; print the folder's path only")
    add("--json", action="store_true", help="print the folder and the result as JSON, in place of the table")


def calibrated_names() -> list[str]:
    """Parameters that are calibrated by default: ``experiments/data/calibrated.csv``."""
    from importlib import resources

    text = (resources.files(__package__) / "data" / "calibrated.csv").read_text(encoding="utf-8")
    return [line.split(",")[0] for line in text.splitlines()[1:] if line.strip()]


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from ..scenarios import registry
    from ..scenarios.problems import nearest
    from .calibrating import (
        BudgetTooSmall,
        NoPyABC,
        Prior,
        Stored,
        calibrate,
        coverage,
        identifiability,
        measured,
    )
    from .calibration_runs import RunStore
    from .calibration_statistics import Yardstick
    from .folder import explaining, replace_file
    from .json_output import print_json
    from .observed import UnusableObservations, observed
    from .running import Clock, adapted

    names = sorted(set(options.parameter or calibrated_names()))
    for name in names:
        if name not in registry():
            near = nearest(name, registry())
            return _refused(f"no parameter '{name}' in the registry" + (f"; did you mean '{near}'?" if near else ""))
    try:
        seen, prior = observed(options.observed), Prior.of_registry(names)
    except (UnusableObservations, ValueError) as error:
        return _refused(str(error))
    # not the posterior of an earlier calibration, which would tell the data twice
    history = adapted(SCENARIO, persons_per_agent=options.persons_per_agent, uncertainties={"draw": "ranges"})
    last = options.until or str(history.horizon.end)[:7]
    months = [m for m in seen.detections.index if FIRST_MONTH <= m <= last]
    if len(months) < 24:
        return _refused(f"--until {last}: {len(months)} months of observations are too few, at least 24 are needed")
    yardstick = Yardstick.of(seen, months)
    say = (lambda _: None) if options.quiet else (lambda text: print(text, file=sys.stderr))
    out: Path = options.out
    with explaining(out):
        out.mkdir(parents=True, exist_ok=True)
    if options.screen:
        return _screen(options, yardstick, history)
    stored = Stored(RunStore(out / "runs", history), yardstick, options.workers, not options.quiet)
    clock = Clock()
    try:
        found = calibrate(prior, stored, yardstick.target, budget=options.budget, draws=options.draws, seed=options.seed, say=say)
    except (NoPyABC, BudgetTooSmall) as error:
        return _refused(str(error))
    told = identifiability(prior, found)
    names_only = found.at_the_prior[prior.names]
    share = options.draws / len(names_only)
    covered = coverage(names_only, measured(names_only, stored), min(share, 0.5))
    made_with = clock.provenance(history, options.workers, None) | {
        "runs": found.runs, "generations": found.generations, "threshold": found.threshold, "draws": len(found.draws),
        "effective_draws": round(found.effective, 1), "months": [months[0], months[-1]], "seed": options.seed,
        "median_distance_at_the_prior": float(found.at_the_prior["distance"].median()),
    }  # fmt: skip
    table = found.draws.sort_values("distance", kind="stable", ignore_index=True)
    table.insert(0, "draw", range(len(table)))
    with explaining(out):
        for name, frame in (("posterior", table), ("identifiability", told), ("coverage", covered),
                            ("at_the_prior", found.at_the_prior)):  # fmt: skip
            # at full precision: a run's name is made of its parameters
            replace_file(out / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))
        replace_file(out / "posterior.json", json.dumps(made_with, indent=1) + "\n")
        _figure(prior, found, told).savefig(out / "identifiability.png", dpi=110)
    if options.json:
        print_json(folder=out, **made_with, identifiability=told, coverage=covered)
        return DONE
    if options.quiet:
        print(out)
        return DONE
    _tell(found, told, out)
    return DONE


def _refused(message: str) -> int:
    print(f"countersmuggling: {message}", file=sys.stderr)
    return INVALID


def _screen(options: argparse.Namespace, yardstick: Any, history: Any) -> int:
    from .calibration_runs import RunStore
    from .folder import explaining, replace_file
    from .running import adapted
    from .sampling import SamplingError
    from .screening import screen

    # all other parameters at their centre, so that one run differs from the next by what is moved
    store = RunStore(options.out / "runs", adapted(history, uncertainties={"draw": "central"}))
    try:
        table = screen(
            store, yardstick, trajectories=options.screen, seed=options.seed, workers=options.workers,
            progress=not options.quiet,
        )  # fmt: skip
    except (SamplingError, ImportError):
        return _refused("screening needs SALib: pip install 'countersmuggling[analysis]'")
    path = options.out / "screening.csv"
    with explaining(options.out):
        replace_file(path, table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
    if options.json:
        from .json_output import print_json

        print_json(file=path, effects=table)
        return DONE
    if options.quiet:
        print(path)
        return DONE
    print("Mean absolute elementary effect (mu*) on the distance, and the block that is moved most, in units of its noise")
    for row in table.head(25).to_dict("records"):
        print(f"  {row['group']:<40} {row['distance']:8.3f}   {row['of_block']:<8} {row['mu_star']:8.3f}")
    print(f"\nAll {len(table)} in {path}")
    return DONE


def _tell(found: Posterior, told: pd.DataFrame, out: Path) -> None:
    median = float(found.at_the_prior["distance"].median())
    print(
        f"{len(found.draws)} draws (effective number {found.effective:.0f}) from {found.runs:,} runs in {found.generations} "
        f"generation{'s' if found.generations != 1 else ''}; distance at most {found.threshold:.3f}, median at the prior {median:.3f}"
    )
    print(f"\n  {'parameter':<40}{'prior':>16}{'posterior':>18}{'contraction':>13}{'by chance':>11}")
    for row in told.sort_values("contraction", ascending=False).to_dict("records"):
        print(
            f"  {row['parameter']:<40}{row['prior_mean']:>9.3g} ±{row['prior_sd']:<6.2g}{row['mean']:>9.3g} ±{row['sd']:<6.2g}"
            f"{row['contraction']:>10.2f}{row['chance']:>12.3f}"
        )
    moved = int((told["chance"] < 0.05).sum())
    print(f"\nThe data move {moved} of {len(told)} parameters (by chance in less than 5 %). Folder: {out}")


def _figure(prior: Prior, found: Posterior, told: pd.DataFrame) -> Any:
    """Prior and posterior of each parameter."""
    import numpy as np
    from matplotlib.figure import Figure

    columns = 5
    rows = -(-len(prior.names) // columns)
    figure = Figure(figsize=(2.6 * columns, 1.9 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    chance = told.set_index("parameter")["chance"]
    for axis, name in zip(axes, prior.names, strict=False):
        low, mode, high = prior.ranges[name]
        peak = 2.0 / (high - low)
        axis.fill([low, mode, high], [0.0, peak, 0.0], color="#d0d4da", label="prior")
        axis.hist(found.draws[name], bins=np.linspace(low, high, 13), weights=found.draws["weight"], density=True,
                  histtype="step", color="#0b3c8c", linewidth=1.5, label="posterior")  # fmt: skip
        axis.set_title(name + (" *" if chance[name] < 0.05 else ""), fontsize=8)
        axis.set_yticks([])
        axis.tick_params(labelsize=7)
        for side in ("left", "right", "top"):
            axis.spines[side].set_visible(False)
    for axis in axes[len(prior.names) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, [*labels[:-1], f"{labels[-1]} (* moved by the data)"], loc="outside lower right", ncols=2,
                  fontsize=8, frameon=False)  # fmt: skip
    return figure
