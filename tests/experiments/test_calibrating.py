"""Calibration on a small world with a known truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import calibrating as c
from countersmuggling.experiments.calibration_runs import Point, rounded

PRIOR = c.Prior({"level": (0.0, 1.0, 4.0), "slope": (-1.0, 0.0, 1.0), "nothing": (0.0, 0.5, 1.0)})
TIME = np.linspace(-1.0, 1.0, 40)


def made(point: Point) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """A straight line under noise that belongs to the point; `nothing` does nothing."""
    noise = np.random.default_rng(abs(hash(tuple(rounded(point).values()))) % 2**32).normal(0.0, 0.3, len(TIME))
    return {"line": point["level"] + point["slope"] * TIME + noise}


def told(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Rows of a table by parameter."""
    return {str(row["parameter"]): {str(k): float(v) for k, v in row.items() if k != "parameter"} for row in table.to_dict("records")}


class Small:
    """Counts what is run, and can be stopped as if it had been killed."""

    def __init__(self, kept: dict[tuple[float, ...], c.Statistics] | None = None, patience: int = 10**9) -> None:
        self.kept: dict[tuple[float, ...], c.Statistics] = {} if kept is None else kept
        self.made, self.patience = 0, patience

    def known(self, point: Point) -> c.Statistics | None:
        return self.kept.get(tuple(point[n] for n in PRIOR.names))

    def run(self, points: Sequence[Point], description: str) -> None:
        for point in points:
            key = tuple(point[n] for n in PRIOR.names)
            if key not in self.kept:
                if self.made == self.patience:
                    raise KeyboardInterrupt
                self.kept[key] = made(point)
                self.made += 1


TRUTH = {"level": 2.5, "slope": 0.6, "nothing": 0.2}


@pytest.fixture(scope="module")
def found() -> c.Posterior:
    return c.calibrate(PRIOR, Small(), made(TRUTH), budget=700, draws=64, seed=1)


def test_the_truth_is_recovered(found: c.Posterior) -> None:
    table = told(c.identifiability(PRIOR, found))
    assert found.generations > 1
    assert found.runs <= 700
    for name in ("level", "slope"):
        assert table[name]["p05"] <= TRUTH[name] <= table[name]["p95"]
        assert table[name]["contraction"] > 0.5
        assert table[name]["chance"] < 0.01


def test_what_the_data_do_not_tell_stays_as_it_was(found: c.Posterior) -> None:
    """64 draws of a triangular distribution: their variance is off by some 20 %."""
    table = told(c.identifiability(PRIOR, found))
    assert abs(table["nothing"]["contraction"]) < 0.5
    assert table["nothing"]["chance"] > 0.01


def test_no_more_runs_than_the_budget() -> None:
    world = Small()
    found = c.calibrate(PRIOR, world, made(TRUTH), budget=140, draws=64, seed=1)
    assert (world.made, found.runs, found.generations, len(found.draws)) == (140, 140, 1, 64)
    # the draws are the nearest of the runs at the prior
    assert found.draws["distance"].max() <= np.sort(found.at_the_prior["distance"])[65]


def test_begun_again_after_a_kill_it_ends_the_same() -> None:
    whole = c.calibrate(PRIOR, Small(), made(TRUTH), budget=600, draws=64, seed=2)
    killed = Small(patience=400)
    with pytest.raises(KeyboardInterrupt):
        c.calibrate(PRIOR, killed, made(TRUTH), budget=600, draws=64, seed=2)
    again = Small(killed.kept)
    found = c.calibrate(PRIOR, again, made(TRUTH), budget=600, draws=64, seed=2)
    assert again.made == whole.runs - 400
    pd.testing.assert_frame_equal(found.draws, whole.draws)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """200 runs, a fifth accepted: a share of 0.9 has a standard error of 0.02; wide intervals may hold more."""
    rng = np.random.default_rng(3)
    points = pd.DataFrame({n: rng.triangular(*PRIOR.ranges[n], 200) for n in PRIOR.names})
    statistics = np.array([c.flat(made({str(k): v for k, v in row.items()})) for row in points.to_dict("records")])
    table = told(c.coverage(points, statistics, 0.2))
    assert all(row["within_0.9"] > 0.82 for row in table.values())
    assert table["level"]["gain"] > 0.4
    assert abs(table["nothing"]["gain"]) < 0.1
    assert 0.8 < table["nothing"]["within_0.9"] < 0.98


def test_a_budget_below_twice_the_draws_is_refused() -> None:
    with pytest.raises(c.BudgetTooSmall, match="at least 128"):
        c.calibrate(PRIOR, Small(), made(TRUTH), budget=100)


def test_weighted_quantiles_by_hand() -> None:
    values, weight = np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.25, 0.25])
    assert c.weighted_quantiles(values, weight, (0.125, 0.375, 0.75)) == pytest.approx([1.0, 2.0, 3.0])
