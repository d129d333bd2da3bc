"""Security games: hand figures, limits of rationality, and grids of covers."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.interdiction import InterdictionError, security_game
from countersmuggling.optimise.interdiction.targets import PAYOFFS


def random_payoffs(rng: np.random.Generator, targets: int) -> np.ndarray:
    covered = rng.uniform(-2, 5, targets)
    caught = rng.uniform(-3, 1, targets)
    return np.column_stack([covered, covered - rng.uniform(0, 8, targets), caught, caught + rng.uniform(0, 9, targets)])


def covers(targets: int, resources: float, step: float) -> np.ndarray:
    """All covers on a grid within the resources."""
    axis = np.arange(0, 1 + step / 2, step)
    grid = np.stack(np.meshgrid(*[axis] * targets), axis=-1).reshape(-1, targets)
    return np.asarray(grid[grid.sum(axis=1) <= resources + 1e-12])


def utilities(payoffs: np.ndarray, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    defender = payoffs[:, 1] + cover * (payoffs[:, 0] - payoffs[:, 1])
    attacker = payoffs[:, 3] - cover * (payoffs[:, 3] - payoffs[:, 2])
    return defender, attacker


def test_three_targets_by_hand() -> None:
    """Gains 10, 6, 2 and one resource: (1 - c) equal on the first two at 3.75, which is above 2."""
    game = security_game((10, 6, 2), 1)
    assert game.value == pytest.approx(3.75)
    assert game.effort == pytest.approx({0: 0.625, 1: 0.375, 2: 0})
    assert (game.attacker_utility, game.defender_utility) == pytest.approx((3.75, -3.75))
    # the equilibrium attack makes cover worth the same on both: 10 q = 6 (1 - q)
    assert game.attack == pytest.approx({0: 0.375, 1: 0.625, 2: 0})


@pytest.mark.parametrize("rationality", [None, 0.7])
def test_every_form_of_gains(rationality: float | None) -> None:
    expected = security_game([10.0, 6.0, 2.0], 1, rationality)
    names = {"port": 10, "road": 6, "rail": 2}
    forms: list[Any] = [names, pd.Series(names)]
    for given in forms:
        game = security_game(given, 1, rationality)
        assert game.value == expected.value
        assert list(game.effort) == ["port", "road", "rail"]
        assert list(game.effort.values()) == list(expected.effort.values())
    assert security_game(np.array([10.0, 6.0, 2.0]), 1, rationality).effort == expected.effort
    four = security_game([(0, -10, 0, 10), (0, -6, 0, 6), (0, -2, 0, 2)], 1, rationality)
    assert four.value == pytest.approx(-expected.value)
    assert four.effort == pytest.approx(expected.effort)


def test_every_form_of_four_payoffs() -> None:
    rows = {"a": (0.0, -5.0, -1.0, 3.0), "b": (1.0, -2.0, -2.0, 4.0)}
    expected = security_game(rows, 0.5)
    forms: list[Any] = [{name: dict(zip(PAYOFFS, row, strict=True)) for name, row in rows.items()},
                        pd.DataFrame.from_dict(rows, orient="index", columns=list(PAYOFFS))]
    for given in forms:
        assert security_game(given, 0.5) == expected
    assert list(security_game(np.array(list(rows.values())), 0.5).effort.values()) == list(expected.effort.values())


def test_strong_stackelberg_by_hand() -> None:
    """Attacker 3 - 4c at a, 4 - 6c at b; half a resource.

    At b: the attacker must like it as much, 4 - 6 c_b >= 3 - 4 (0.5 - c_b), so c_b <= 0.3; the defender gets 1 x 0.3 - 2 x 0.7 = -1.1.
    At a: 3 - 4 c_a >= 4 - 6 c_b with c_b = 0.5 - c_a gives c_a <= 0.2 and -5 x 0.8 = -4.  So b.
    """
    game = security_game({"a": (0, -5, -1, 3), "b": (1, -2, -2, 4)}, 0.5)
    assert game.value == pytest.approx(-1.1)
    assert game.attack == {"a": 0, "b": 1}
    assert game.effort == pytest.approx({"a": 0.2, "b": 0.3})


def test_ties_are_broken_for_the_defender() -> None:
    """Both targets are as good to the attacker, whatever the cover; the defender minds only one of them."""
    game = security_game([(0, -9, 1, 1), (0, -1, 1, 1)], 0)
    assert game.value == pytest.approx(-1)
    assert game.attack == {0: 0, 1: 1}


def test_strong_stackelberg_equals_the_best_of_a_grid() -> None:
    rng = np.random.default_rng(1)
    for _ in range(8):
        payoffs, resources = random_payoffs(rng, 3), float(rng.uniform(0.2, 2))
        game = security_game(payoffs, resources)
        defender, attacker = utilities(payoffs, covers(3, resources, 0.02))
        best = np.where(attacker >= attacker.max(axis=1, keepdims=True) - 1e-9, defender, -np.inf).max()
        assert best <= game.value + 1e-7
        # its own claim holds: the target attacked is a best one for the attacker, and pays the defender the value
        cover = np.array(list(game.effort.values()))
        defender, attacker = utilities(payoffs, cover)
        target = int(np.argmax(list(game.attack.values())))
        assert attacker[target] == pytest.approx(attacker.max(), abs=1e-6)
        assert defender[target] == pytest.approx(game.value)
        assert cover.sum() <= resources + 1e-9


def test_gains_alone_equal_the_best_of_a_grid() -> None:
    rng = np.random.default_rng(2)
    for _ in range(8):
        gains, resources = rng.uniform(0, 10, 3), float(rng.uniform(0.2, 2))
        game = security_game(gains, resources)
        cover = np.array(list(game.effort.values()))
        assert (gains * (1 - cover)).max() == pytest.approx(game.value)
        assert cover.sum() <= resources + 1e-9
        best = (gains * (1 - covers(3, resources, 0.02))).max(axis=1).min()
        assert game.value - 1e-7 <= best <= game.value + 0.02 * gains.max()


def test_enough_for_all_and_for_none() -> None:
    assert security_game([5, 3], 2).value == 0
    assert security_game([5, 3], 7).effort == {0: 1, 1: 1}
    assert security_game([5, 3], 0).value == 5
    assert security_game([0, 0], 1).effort == {0: 0, 1: 0}


def test_more_resources_are_never_worse() -> None:
    gains = [9, 7, 7, 2, 1]
    for rationality in (None, 0, 0.5, 3):
        values = [security_game(gains, m, rationality).value for m in np.linspace(0, 5, 9)]
        assert (np.diff(values) <= 1e-9).all()


# --- quantal response


def test_without_rationality_the_attack_is_blind() -> None:
    """Each target one third, and cover best spent on the largest gain: (0 + 6 + 2) / 3."""
    game = security_game([10, 6, 2], 1, 0)
    assert game.attack == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    assert game.effort == pytest.approx({0: 1, 1: 0, 2: 0})
    assert game.value == pytest.approx(8 / 3)
    nearly = security_game([10, 6, 2], 1, 1e-9)
    assert (nearly.value, *nearly.effort.values()) == pytest.approx((8 / 3, 1, 0, 0))


def test_with_full_rationality_it_is_the_best_response() -> None:
    limit = security_game([10, 6, 2], 1)
    assert security_game([10, 6, 2], 1, math.inf) == limit
    values = [security_game([10, 6, 2], 1, rationality).value for rationality in (1, 10, 100, 1e4, 1e6)]
    assert (np.diff(values) > 0).all()
    assert values[-1] == pytest.approx(3.75, abs=1e-5)
    assert security_game([10, 6, 2], 1, 1e6).effort == pytest.approx(limit.effort, abs=1e-5)
    payoffs = random_payoffs(np.random.default_rng(3), 4)
    assert security_game(payoffs, 1.3, 1e6).value == pytest.approx(security_game(payoffs, 1.3).value, abs=1e-4)


@pytest.mark.parametrize("rationality", [0, 1e-6, 0.4, 5, 300])
def test_equal_targets_get_equal_shares(rationality: float) -> None:
    assert security_game([5, 5, 5, 5], 1.5, rationality).effort == pytest.approx({i: 0.375 for i in range(4)})


def test_quantal_response_by_hand() -> None:
    """Cover that deters nobody and saves: attack shares stay, so that all goes where share times saving is largest."""
    weight = math.exp(0.5 * 2) / (math.exp(0.5 * 2) + math.exp(0.5 * 1))
    game = security_game([(0, -3, 2, 2), (0, -4, 1, 1)], 1, 0.5)
    assert game.attack == pytest.approx({0: weight, 1: 1 - weight})
    assert 3 * weight > 4 * (1 - weight)
    assert game.effort == pytest.approx({0: 1, 1: 0})
    assert game.value == pytest.approx(-4 * (1 - weight))


def test_quantal_response_equals_the_best_of_a_grid() -> None:
    rng = np.random.default_rng(4)
    for case in range(15):
        payoffs, resources = random_payoffs(rng, 2), float(rng.uniform(0.1, 1.8))
        if case % 3 == 1:  # cover of one target deters and saves nothing
            payoffs[0, 0] = payoffs[0, 1] = -9
        if case % 3 == 2:  # cover of one target saves and deters nobody
            payoffs[0, 2] = payoffs[0, 3]
        rationality = float(10 ** rng.uniform(-2, 1))
        game = security_game(payoffs, resources, rationality)
        defender, attacker = utilities(payoffs, covers(2, resources, 1 / 400))
        weight = np.exp(rationality * (attacker - attacker.max(axis=1, keepdims=True)))
        best = ((weight * defender).sum(axis=1) / weight.sum(axis=1)).max()
        assert best <= game.value + 1e-9
        assert game.value <= best + 0.1
        assert game.gap < 1e-8
        # its value is that of its cover
        defender, attacker = utilities(payoffs, np.array(list(game.effort.values())))
        weight = np.exp(rationality * (attacker - attacker.max()))
        assert weight @ defender / weight.sum() == pytest.approx(game.value)
        assert sum(game.effort.values()) <= resources + 1e-9


def test_more_cover_than_is_good_is_not_used() -> None:
    """Covering the target that hurts nobody sends the attacker to the one that hurts and cannot be defended."""
    game = security_game([(3, 0, 4, 5), (-10, -10, 4, 4)], 1, 2)
    assert 0.01 < sum(game.effort.values()) < 0.5
    assert game.value > security_game([(3, 0, 4, 5), (-10, -10, 4, 4)], 0, 2).value


@pytest.mark.parametrize(
    ("given", "resources", "rationality", "says"),
    [
        ([], 1, None, "no targets"),
        ("abc", 1, None, "got str"),
        ([10, -1], 1, None, "the gain from target 1 is -1"),
        ([10, math.inf], 1, None, "infinite"),
        ([10, math.nan], 1, None, "nan, not a number"),
        ([10, (1, 2, 3, 4)], 1, None, "another form than target 0"),
        ([(1, 2, 3)], 1, None, "the four payoffs"),
        ([(0, 1, 0, 1)], 1, None, "cover harms the defender"),
        ([(1, 0, 1, 0)], 1, None, "cover pleases the attacker"),
        ({"a": {"defender_covered": 1}}, 1, None, "has no 'defender_uncovered'"),
        ([10], -1, None, "resources is -1"),
        ([10], math.nan, None, "resources is nan"),
        ([10], 1, -0.5, "rationality is -0.5"),
    ],
)
def test_what_is_refused(given: object, resources: float, rationality: float | None, says: str) -> None:
    with pytest.raises(InterdictionError, match=says):
        security_game(given, resources, rationality)  # type: ignore[arg-type]
