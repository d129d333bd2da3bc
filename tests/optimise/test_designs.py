"""Orthogonal designs are balanced, and their least squares tell what each cell does, however replicates differ."""

from typing import Any

import numpy as np
import pytest

from countersmuggling.optimise.designs import blocks_of, design_of, judge

CELLS = [(resource, f"g{n}") for resource in ("analyst", "prosecutor", "rescue_unit") for n in range(6)]
FORTY = [("all", f"cell {n}") for n in range(40)]


def test_design_is_balanced_and_orthogonal_in_every_replicate() -> None:
    design = design_of(CELLS, np.ones(len(CELLS)))
    on = np.where(design.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(len(on) * np.eye(len(CELLS)))
    assert (on.sum(axis=0) == 0).all()
    for k in range(4):
        rows = design.replicate == k
        assert rows.sum() == len(on) / 4
        assert (on[rows].sum(axis=0) == 0).all(), "each cell is on in half of each replicate's runs"
    halves = (design.level == 0.5).sum(axis=0)
    assert (halves == len(on) / 4).all(), "half of the runs with a cell on have it at half dose"


@pytest.mark.parametrize(("kinds", "groups", "runs"), [(7, 6, 64), (10, 6, 80), (12, 6, 96), (2, 3, 16)])
def test_designs_take_hardly_more_runs_than_cells(kinds: int, groups: int, runs: int) -> None:
    cells = [(f"type {k}", f"group {n}") for k in range(kinds) for n in range(groups)]
    design = design_of(cells, np.ones(len(cells)))
    assert len(design.level) == runs and np.bincount(design.replicate).tolist() == [runs // 4] * 4
    on = np.where(design.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(runs * np.eye(len(cells)))
    for k in range(4):
        assert (on[design.replicate == k].sum(axis=0) == 0).all()
    assert ((design.level == 0.5).sum(axis=0) == runs / 4).all()


@pytest.mark.parametrize("halves", [True, False])
def test_a_repeated_design_puts_cells_elsewhere_in_replicates_of_its_own(halves: bool) -> None:
    once, often = (design_of(CELLS, np.ones(len(CELLS)), repeats, halves=halves) for repeats in (1, 4))
    runs = len(once.level)
    np.testing.assert_array_equal(often.level[:runs], once.level)
    assert (once.replicates, often.replicates) == (4, 16)
    assert sorted(set(often.level.ravel())) == ([0.0, 0.5, 1.0] if halves else [0.0, 1.0])
    on = np.where(often.level > 0, 1.0, -1.0)
    assert on.T @ on == pytest.approx(4 * runs * np.eye(len(CELLS)))
    assert blocks_of(often.replicate).T @ on == pytest.approx(np.zeros((16, len(CELLS)))), "balanced in every replicate"
    patterns = {on[often.replicate // 4 == time].tobytes() for time in range(4)}
    assert len(patterns) == 4, "each time in another way"

    def mixed_up(x: np.ndarray[Any, Any]) -> float:
        pairs = [(x[:, [a]] * np.delete(x, a, axis=1)).T @ x for a in range(x.shape[1])]
        return float(np.abs(pairs).max()) / len(x)

    assert mixed_up(on[:runs]) == 1.0, "once, what some two cells do to each other is taken wholly for what a third does"
    assert mixed_up(on) <= 0.5


def test_columns_are_left_free_to_tell_the_noise_by() -> None:
    assert len(design_of(FORTY, np.ones(40), halves=False).level) == 48
    assert len(design_of(FORTY, np.ones(40), halves=False, spare=20).level) == 64


@pytest.mark.parametrize("halves", [True, False])
def test_an_effect_that_differs_between_draws_is_not_taken_for_that_of_others(halves: bool) -> None:
    """One cell does 50 give or take 20, replicate by replicate, with a noise of one: carried out once, three others seem to do something."""
    def t_values(repeats: int, seed: int) -> np.ndarray[Any, Any]:
        g = np.random.default_rng(seed)
        design = design_of(FORTY, np.ones(40), repeats, halves=halves, spare=20)
        own = g.normal(50.0, 20.0, design.replicates)
        change = design.level[:, 0] * own[design.replicate] + g.normal(0.0, 1.0, len(design.level))
        found = judge(design.level, design.replicate, change[:, None])
        return np.asarray(found.effect[:, 0] / found.se[:, 0])

    often = 4 if halves else 2
    false = {repeats: np.mean([(np.abs(t_values(repeats, seed)[1:]) > 4.0).sum() for seed in range(30)]) for repeats in (1, often)}
    assert false[1] > 1.0 and false[often] < 0.1, false
    own = [t_values(often, seed)[0] for seed in range(30)]
    assert np.median(own) == pytest.approx(50.0 / (20.0 / (4 * often) ** 0.5), rel=0.25), "the errors of that cell hold how far replicates differ"


def test_several_strong_cells_that_differ_between_draws_leave_honest_errors() -> None:
    """Forty-two cells and sixteen replicates, as effects are measured: four cells differ between draws, the others do nothing."""
    cells = [(f"type {k}", f"group {n}") for k in range(7) for n in range(6)]
    design = design_of(cells, np.ones(len(cells)), 4)
    strong, found = [0, 9, 20, 41], []
    for seed in range(40):
        g = np.random.default_rng(seed)
        own = g.normal(100.0, 30.0, (design.replicates, len(strong)))
        change = (design.level[:, strong] * own[design.replicate]).sum(axis=1) + g.normal(0.0, 5.0, len(design.level))
        one = judge(design.level, design.replicate, change[:, None])
        found.append(np.delete(one.effect[:, 0] / one.se[:, 0], strong))
    assert np.std(found) == pytest.approx(1.0, abs=0.1), "errors are as large as what is missed"
    assert np.mean(np.abs(found) > 3.0) < 0.01


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
        design = design_of(FORTY[:6], np.ones(6), repeats, halves=False, spare=3)
        assert len(np.unique(design.replicate)) == 4 * repeats
        se.append(judge(design.level, design.replicate, g.normal(size=(len(design.level), 200))).se.mean())
    assert se[1] == pytest.approx(se[0] / 2, rel=0.1)
