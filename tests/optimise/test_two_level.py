"""Orthogonal designs are balanced, and their least squares tell what each cell does, however replicates differ."""

from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise.two_level import design_of, judge, within

CELLS = [(resource, f"g{n}") for resource in ("analyst", "prosecutor", "rescue_unit") for n in range(6)]
FORTY = [("all", f"cell {n}") for n in range(40)]


def test_design_is_balanced_and_orthogonal_in_every_replicate() -> None:
    design = design_of(CELLS, np.ones(len(CELLS)))
    on = np.where(design.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(len(on) * np.eye(len(CELLS)))
    assert (on.sum(axis=0) == 0).all()
    for k in range(design.replicates):
        rows = design.replicate == k
        assert rows.sum() == 4
        assert (on[rows].sum(axis=0) == 0).all(), "each cell is on in half of each replicate's runs"
    halves = (design.level == 0.5).sum(axis=0)
    assert (halves == len(on) / 4).all(), "half of the runs with a cell on have it at half dose"


@pytest.mark.parametrize(("kinds", "groups", "runs"), [(6, 6, 64), (7, 6, 80), (8, 6, 80), (10, 6, 96), (12, 6, 128), (2, 3, 16)])
def test_designs_take_hardly_more_runs_than_cells(kinds: int, groups: int, runs: int) -> None:
    cells = [(f"type {k}", f"group {n}") for k in range(kinds) for n in range(groups)]
    design = design_of(cells, np.ones(len(cells)))
    assert len(design.level) == runs and np.bincount(design.replicate).tolist() == [4] * (runs // 4)
    on = np.where(design.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(runs * np.eye(len(cells)))
    assert within(design.replicate, on) == pytest.approx(on), "balanced in every replicate"
    assert ((design.level == 0.5).sum(axis=0) == runs / 4).all()


@pytest.mark.parametrize("halves", [True, False])
def test_a_repeated_design_puts_cells_elsewhere_in_replicates_of_its_own(halves: bool) -> None:
    once, often = (design_of(CELLS, np.ones(len(CELLS)), repeats, halves=halves) for repeats in (1, 4))
    runs = len(once.level)
    np.testing.assert_array_equal(often.level[:runs], once.level)
    assert (once.replicates, often.replicates) == (runs // 4, runs)
    assert sorted(set(often.level.ravel())) == ([0.0, 0.5, 1.0] if halves else [0.0, 1.0])
    on = np.where(often.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(4 * runs * np.eye(len(CELLS)))
    assert within(often.replicate, on) == pytest.approx(on), "balanced in every replicate"
    patterns = {on[time * runs:(time + 1) * runs].tobytes() for time in range(4)}
    assert len(patterns) == 4, "each time in another way"

    def mixed_up(x: np.ndarray[Any, Any]) -> float:
        pairs = [(x[:, [a]] * np.delete(x, a, axis=1)).T @ x for a in range(x.shape[1])]
        return float(np.abs(pairs).max()) / len(x)

    assert mixed_up(on[:runs]) == 1.0, "once, what some two cells do to each other is taken wholly for what a third does"
    assert mixed_up(on) <= 0.5


def test_columns_are_left_free_to_tell_the_noise_by() -> None:
    assert len(design_of(FORTY, np.ones(40), halves=False).level) == 64
    assert len(design_of(FORTY, np.ones(40), halves=False, spare=20).level) == 80


@pytest.mark.parametrize("halves", [True, False])
def test_an_effect_that_differs_between_draws_is_not_taken_for_that_of_others(halves: bool) -> None:
    """Forty-two cells, as effects are measured: four do 100 give or take 30, replicate by replicate; the others do nothing."""
    cells = [(f"type {k}", f"group {n}") for k in range(7) for n in range(6)]
    design = design_of(cells, np.ones(len(cells)), 4, halves=halves, spare=0 if halves else 21)
    strong, strays, theirs = [0, 9, 20, 41], [], []
    for seed in range(60):
        g = np.random.default_rng(seed)
        own = g.normal(100.0, 30.0, (design.replicates, len(strong)))
        outcome = (design.level[:, strong] * own[design.replicate]).sum(axis=1) + g.normal(0.0, 5.0, len(design.level))
        found = judge(design.level, design.replicate, outcome[:, None] + 1000.0 * design.replicate[:, None])
        strays.append(np.delete(found.effect[:, 0] / found.se[:, 0], strong))
        theirs.append((found.effect[strong, 0] - 100.0) / found.se[strong, 0])
        plain = 5.0 * np.sqrt(np.diag(np.linalg.inv(design.level.T @ within(design.replicate, design.level))))
        assert (found.se[strong, 0] > 2 * plain[strong]).all(), "their errors hold how far replicates differ"
    assert 0.85 < np.std(strays) < 1.1, "errors are about as large as what is missed"
    assert np.mean(np.abs(strays) > 3.0) < 0.01
    assert 0.7 < np.std(theirs) < 1.25


def test_estimates_and_errors_of_the_regression() -> None:
    """Errors cover the truth about as often as they say: 95 % of 600 intervals, by three standard deviations."""
    design = design_of(FORTY[:10], np.ones(10), halves=False, spare=5)
    assert (np.abs(design.level.mean(axis=0) - 0.5) < 1e-12).all()
    centred = design.level - 0.5
    assert np.abs(centred.T @ centred - np.diag(np.diag(centred.T @ centred))).max() < 1e-9, "orthogonal"
    g = np.random.default_rng(0)
    truth = g.normal(size=(10, 60))
    exact = judge(design.level, design.replicate, design.level @ truth)
    np.testing.assert_allclose(exact.effect, truth, atol=1e-9)
    assert exact.se.max() < 1e-9
    noisy = judge(design.level, design.replicate, design.level @ truth + g.normal(0, 1.0, (len(design.level), 60)))
    within = (np.abs(noisy.effect - truth) < 2.18 * noisy.se).mean()  # t with 12 degrees of freedom or more
    assert 0.92 < within < 0.985
    idle = judge(design.level, design.replicate, g.normal(0, 1.0, (len(design.level), 60)))
    assert 0.02 < (idle.p < 0.05).mean() < 0.09
    assert (noisy.p >= 0).all() and (noisy.p <= 1).all()


def test_twice_as_many_repeats_give_smaller_errors() -> None:
    g = np.random.default_rng(1)
    se = []
    for repeats in (1, 4):
        design = design_of(FORTY[:6], np.ones(6), repeats, halves=False, spare=6)
        se.append(judge(design.level, design.replicate, g.normal(size=(len(design.level), 200))).se.mean())
    assert se[1] == pytest.approx(se[0] / 2, rel=0.1)
