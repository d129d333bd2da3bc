"""Whether a ranking survives what is not known."""

from __future__ import annotations

import numpy as np
import pytest

from countersmuggling.experiments.rank_stability import conditions, rank_stability, ranked, varying_only
from countersmuggling.model.replicates import Job
from countersmuggling.scenarios import load, registry


def test_ranks_by_hand() -> None:
    """b beats a in three replicates of four, c is always last."""
    table = ranked({
        "a": np.array([-1.0, -1.0, -1.0, -5.0]), "b": np.array([-2.0, -3.0, -3.0, -3.0]), "c": np.array([1.0, 1.0, 1.0, 1.0]),
    }, lower_is_better=True)  # fmt: skip
    rows = {str(r["option"]): r for r in table.to_dict("records")}
    assert list(table["option"]) == ["b", "a", "c"]
    assert rows["b"]["first"] == 0.75
    assert rows["b"]["mean_rank"] == 1.25
    assert rows["a"]["same_order"] == 0.75
    assert ranked({"a": np.array([1.0]), "b": np.array([2.0])}, lower_is_better=False)["option"].iloc[0] == "b"


def test_only_parameters_of_the_grade_are_drawn() -> None:
    base = load("baseline-2025")
    centre = base.parameters()
    drawn = varying_only(base, "B").parameters(0)
    moved = {n for n in registry() if drawn[n] != centre[n]}
    assert moved == {n for n, row in registry().items() if row.grade == "B" and row.low < row.high}
    with pytest.raises(ValueError, match="no parameter of grade Z"):
        varying_only(base, "Z")


def test_a_ranking_that_hangs_on_judgement_shows_it() -> None:
    """In this stand-in for the model one option's effect depends on a parameter of grade D, the other's on none."""
    name = next(n for n, row in registry().items() if row.grade == "D" and row.low < row.value < row.high)
    row = registry()[name]

    def totals(jobs: list[Job]) -> list[dict[str, float]]:
        found = []
        for job in jobs:
            value = job.scenario.parameters(job.replicate)[name]
            effect = {"baseline-2025": 0.0, "legal-pathways": -1.0, "global-alliance": -1.1 + np.sign(value - row.value)}
            total = next(v for k, v in effect.items() if job.scenario.name.startswith(k))
            found.append({"deaths": 100.0 + total, "networks_dismantled": 100.0 + total})
        return found

    both = rank_stability(
        "baseline-2025", ["legal-pathways", "global-alliance"], ["deaths", "networks_dismantled"], replicates=16, evaluate=totals
    )
    table = both[both["outcome"] == "deaths"]
    # of deaths less is better, of dismantled networks more: the two orders of the means are each other's reverse
    for condition, part in both.groupby("condition"):
        first = [str(rows["option"].iloc[0]) for _, rows in part.groupby("outcome")]
        assert first[0] != first[1], condition
    order = {str(c): float(part["same_order"].iloc[0]) for c, part in table.groupby("condition")}
    assert set(order) == set(conditions(load("baseline-2025")))
    assert order["grade B"] == order["grade C"] == 1.0
    assert 0.1 < order["grade D"] < 0.9


def test_an_unknown_outcome_is_named() -> None:
    with pytest.raises(ValueError, match="did you mean 'deaths'"):
        rank_stability("baseline-2025", ["legal-pathways"], "death")
