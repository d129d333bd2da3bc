"""Whether a ranking of options survives another hypothesis of how travellers choose (`model.behaviour`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..scenarios import OUTCOMES, Scenario, load
from ..scenarios.problems import nearest
from .comparing import compare

HYPOTHESES = ("expected_utility", "salience", "habit", "rumour")
COLUMNS = ("behaviour", "option", "difference", "low", "high", "rank")


def under(scenario: Scenario | str | Path, behaviour: str) -> Scenario:
    """The scenario under another hypothesis, named after both.

    The same as a file that says ``extends: NAME`` and ``model: {behaviour: BEHAVIOUR}``.
    """
    given = scenario if isinstance(scenario, Scenario) else load(scenario)
    content: dict[str, Any] = given.model_dump(by_alias=True)
    content["name"] = f"{given.name}-{behaviour}".replace("_", "-")
    content["model"] = content["model"] | {"behaviour": behaviour}
    return Scenario.model_validate(content)


def rankings(
    baseline: Scenario | str | Path,
    options: Sequence[Scenario | str | Path],
    outcome: str,
    *,
    behaviours: Sequence[str] = HYPOTHESES,
    replicates: int | None = None,
    seed: int | None = None,
    persons_per_agent: float | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Compare options with a baseline under each hypothesis, and rank them by one outcome.

    Parameters
    ----------
    baseline : Scenario, str or Path
    options : sequence of the same
    outcome : str
        Name of an outcome; the best option has rank 1.
    behaviours : sequence of str
        Values of ``model.behaviour``; baseline and options both run under each.
    replicates, seed, persons_per_agent, workers, progress
        As for :func:`countersmuggling.compare`.

    Returns
    -------
    DataFrame
        One row per hypothesis and option: behaviour, option, difference (mean paired difference from the baseline), low
        and high (its 95 % interval), rank.

    Raises
    ------
    ValueError
        For an outcome that the model does not have.

    Examples
    --------
    >>> from countersmuggling.experiments.hypotheses import rankings, survives
    >>> table = rankings("baseline-2025", ["legal-pathways", "global-alliance"], "deaths")  # doctest: +SKIP
    >>> survives(table)  # doctest: +SKIP
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"no outcome '{outcome}'; did you mean '{nearest(outcome, OUTCOMES)}'?")
    frames = []
    for behaviour in behaviours:
        there = [under(option, behaviour) for option in options]
        results = compare(
            under(baseline, behaviour), there, replicates=replicates, seed=seed,
            persons_per_agent=persons_per_agent, workers=workers, progress=progress,
        )  # fmt: skip
        rows = results.comparison
        rows = rows[rows["outcome"] == outcome].set_index("run").loc[[s.name for s in there]]
        names = [o.name if isinstance(o, Scenario) else load(o).name for o in options]
        frame = pd.DataFrame({"behaviour": behaviour, "option": names, "difference": rows["difference"].to_numpy(),
                              "low": rows["low"].to_numpy(), "high": rows["high"].to_numpy()})  # fmt: skip
        lower_is_better = OUTCOMES[outcome].better != "higher"
        frame["rank"] = frame["difference"].rank(ascending=lower_is_better, method="first").astype(int)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def survives(table: pd.DataFrame) -> bool:
    """Whether every hypothesis in a table of `rankings` ranks the options alike."""
    ranks = table.pivot_table(index="option", columns="behaviour", values="rank")
    return bool((ranks.nunique(axis=1) == 1).all())
