"""Whether a ranking of options is the same whatever is not known: parameters by evidence grade, and how people choose.

Options and baseline run on the same chance and the same parameters, replicate by replicate. Under *all* every uncertain parameter is drawn
(from the posterior ensemble where the scenario says so), under *grade X* only those of that grade, the others staying at their
centre, and under each rival hypothesis of `model.behaviour` all are drawn. A ranking that changes under grade D hangs on judgement.

    python -m countersmuggling.experiments.rank_stability --out FILE.csv [--replicates N] [--persons-per-agent N]

ranks the bundled options by departures prevented, deaths, networks dismantled and smugglers' revenue.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..model.replicates import Job, run_many
from ..scenarios import OUTCOMES, Scenario, registry
from ..scenarios.problems import nearest
from .comparing import _like, comparable
from .hypotheses import HYPOTHESES, under
from .running import adapted

if TYPE_CHECKING:
    from ..model import RunOutput

FloatArray = npt.NDArray[np.float64]
COLUMNS = ("outcome", "condition", "option", "difference", "mean_rank", "first", "same_order")
#: what the bundled options are ranked by
RANKED_BY = ("irregular_crossings", "deaths", "networks_dismantled", "smuggler_revenue_eur")
BASELINE = "baseline-2025"
OPTIONS = (
    "europol-regulation", "facilitation-directive-commission", "facilitation-directive-council", "global-alliance",
    "legal-pathways", "full-package",
)  # fmt: skip


def varying_only(scenario: Scenario, grade: str) -> Scenario:
    """The scenario in which only parameters of one evidence grade are drawn.

    Raises
    ------
    ValueError
        When no parameter of that grade has a range.
    """
    names = [n for n, row in registry().items() if row.grade == grade and row.low < row.high]
    if not names:
        raise ValueError(f"no parameter of grade {grade} has a range")
    draw = scenario.uncertainties.draw
    return adapted(scenario, uncertainties={"vary": names, "draw": "ranges" if draw == "central" else draw})


def conditions(scenario: Scenario) -> dict[str, Callable[[Scenario], Scenario]]:
    """What a ranking is looked at under: name and what it does to a scenario."""
    grades = sorted({row.grade for row in registry().values() if row.low < row.high})
    found: dict[str, Callable[[Scenario], Scenario]] = {"all": lambda s: s}
    found |= {f"grade {g}": (lambda s, g=g: varying_only(s, g)) for g in grades}  # type: ignore[misc]
    own = scenario.model.behaviour
    found |= {h.replace("_", " "): (lambda s, h=h: under(s, h)) for h in HYPOTHESES if h != own}  # type: ignore[misc]
    return found


def ranked(differences: Mapping[str, FloatArray], lower_is_better: bool) -> pd.DataFrame:
    """Ranks over replicates.

    Parameters
    ----------
    differences : mapping of str to array, shape (replicates,)
        Paired differences from the baseline, by option.
    lower_is_better : bool

    Returns
    -------
    DataFrame
        Columns option, difference (mean), mean_rank, first (share of replicates in which it is the best), same_order (share
        of replicates that rank all options as their mean differences do); the best mean difference first.
    """
    names = list(differences)
    table = np.array([differences[n] for n in names], dtype=np.float64)
    signed = table if lower_is_better else -table
    ranks = 1.0 + signed.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    order = signed.mean(axis=1).argsort(kind="stable")
    usual = 1.0 + order.argsort(kind="stable")
    same = float((ranks == usual[:, None]).all(axis=0).mean())
    found = pd.DataFrame({
        "option": names, "difference": table.mean(axis=1), "mean_rank": ranks.mean(axis=1), "first": (ranks == 1.0).mean(axis=1),
        "same_order": same,
    })  # fmt: skip
    return pd.DataFrame(found.iloc[order]).reset_index(drop=True)


def rank_stability(
    baseline: Scenario | str | Path,
    options: Sequence[Scenario | str | Path],
    outcomes: str | Sequence[str],
    *,
    replicates: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
    evaluate: Callable[[list[Job]], list[dict[str, float]]] | None = None,
) -> pd.DataFrame:
    """Rank options by one outcome, or by each of several from the same runs, under every condition.

    Parameters
    ----------
    baseline, options : Scenario, str or Path
    outcomes : str or sequence of str
    replicates, persons_per_agent, workers, progress
        As for :func:`countersmuggling.compare`.
    evaluate : callable, optional
        Totals of each job by outcome, instead of running the model here.

    Returns
    -------
    DataFrame
        Columns outcome, condition and those of `ranked`.

    Raises
    ------
    ValueError
        For an outcome that the model does not have.

    Examples
    --------
    >>> from countersmuggling.experiments.rank_stability import rank_stability
    >>> rank_stability("baseline-2025", ["legal-pathways", "global-alliance"], "deaths")  # doctest: +SKIP
    """
    wanted = [outcomes] if isinstance(outcomes, str) else list(outcomes)
    for outcome in wanted:
        if outcome not in OUTCOMES:
            raise ValueError(f"no outcome '{outcome}'; did you mean '{nearest(outcome, OUTCOMES)}'?")
    first = adapted(baseline, replicates=replicates, persons_per_agent=persons_per_agent)
    others = [adapted(o) for o in options]
    comparable(first, others)
    others = [_like(o, first) for o in others]
    names = [o.name for o in others]
    changes = conditions(first)
    jobs = [
        Job(change(s), r, label=f"{s.name} under {name}")
        for name, change in changes.items()
        for r in range(first.replicates)
        for s in (first, *others)
    ]
    totals = (evaluate or _run(workers, progress))(jobs)
    frames = []
    for outcome in wanted:
        cube = np.array([row[outcome] for row in totals]).reshape(len(changes), first.replicates, 1 + len(others))
        lower = OUTCOMES[outcome].better != "higher"
        for i, name in enumerate(changes):
            difference = {n: cube[i, :, 1 + k] - cube[i, :, 0] for k, n in enumerate(names)}
            frames.append(ranked(difference, lower).assign(outcome=outcome, condition=name))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def _run(workers: int | None, progress: bool) -> Callable[[list[Job]], list[dict[str, float]]]:
    def run(jobs: list[Job]) -> list[dict[str, float]]:
        outputs: list[RunOutput] = run_many(jobs, workers, progress, "Ranking")
        return [output.totals() for output in outputs]

    return run


def main() -> None:
    """Rank the bundled options and say under which conditions the order of the means changes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FILE.csv", required=True)
    parser.add_argument("--replicates", type=int, default=8, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--persons-per-agent", type=float, default=100.0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one a core)")
    given = parser.parse_args()
    table = rank_stability(
        BASELINE, OPTIONS, RANKED_BY, replicates=given.replicates, persons_per_agent=given.persons_per_agent, workers=given.workers
    )
    given.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out, index=False, lineterminator="\n", float_format="%.6g")
    for outcome, part in table.groupby("outcome", sort=False):
        print(outcome)
        for condition, rows in part.groupby("condition", sort=False):
            order = " > ".join(rows["option"])
            best = rows.iloc[0]
            print(f"  {condition:<18} {order}   (first in {best['first']:.0%}, same order in {best['same_order']:.0%} of replicates)")
    print(given.out)


if __name__ == "__main__":
    main()
