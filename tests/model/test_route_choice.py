"""Recursive logit against enumeration of all paths, a dense linear system and hand-made chains."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.model.route_choice import (
    Network,
    NoFiniteValue,
    choice_menus,
    expected_visits,
    probabilities,
    solve_values,
)

FloatArray = npt.NDArray[np.float64]
Legs = list[tuple[int, int]]


def paths_from(hub: int, legs: Legs) -> list[list[int]]:
    """Every sequence of legs that can be travelled from a hub of an acyclic network, the empty one included."""
    found: list[list[int]] = [[]]
    for number, (tail, head) in enumerate(legs):
        if tail == hub:
            found += [[number, *rest] for rest in paths_from(head, legs)]
    return found


def end_of(hub: int, path: list[int], legs: Legs) -> int:
    return legs[path[-1]][1] if path else hub


def build(legs: Legs, hubs: int) -> Network:
    return Network.from_legs([t for t, _ in legs], [h for _, h in legs], hubs)


def check_against_enumeration(legs: Legs, hubs: int, utility: FloatArray, settle: FloatArray) -> None:
    network = build(legs, hubs)
    z = solve_values(network, utility, settle)
    menu = choice_menus(network, utility, z)
    chance = probabilities(network, menu)
    for k, hub in product(range(len(utility)), range(hubs)):
        paths = paths_from(hub, legs)
        worth = np.array([np.exp(utility[k, p].sum()) * settle[k, end_of(hub, p, legs)] for p in paths])
        np.testing.assert_allclose(z[k, hub], worth.sum(), rtol=1e-10)
        if worth.sum() == 0.0:
            continue
        for path, value in zip(paths, worth, strict=True):
            end = end_of(hub, path, legs)
            if settle[k, end] == 0.0:
                continue
            out = slice(int(network.start[end]), int(network.start[end + 1]))
            product_of_choices = float(np.prod(chance[k, path])) * (1.0 - chance[k, out].sum())
            np.testing.assert_allclose(product_of_choices, value / worth.sum(), rtol=1e-10, atol=1e-12)


def test_three_hubs_by_hand() -> None:
    """Two parallel legs 0>1, one leg 1>2 and one leg 0>2: three paths, utilities 0, log 2 and log 3 in all."""
    legs = [(0, 1), (0, 1), (0, 2), (1, 2)]
    utility = np.log(np.array([[0.5, 1.0, 3.0, 2.0]]))
    settle = np.array([[0.0, 0.0, 1.0]])
    network = build(legs, 3)
    z = solve_values(network, utility, settle)
    np.testing.assert_allclose(z, [[6.0, 2.0, 1.0]], rtol=1e-12)
    menu = choice_menus(network, utility, z)
    np.testing.assert_allclose(menu, [[1 / 6, 3 / 6, 1.0, 1.0]], rtol=1e-12)
    np.testing.assert_allclose(probabilities(network, menu), [[1 / 6, 2 / 6, 3 / 6, 1.0]], rtol=1e-12)


def test_settling_half_way_competes_with_going_on() -> None:
    """0>1>2 with exp(v) = 2 and 0.5, settling worth 3 at hub 1 and 1 at hub 2, and hub 3 on nobody's way."""
    legs = [(0, 1), (1, 2)]
    utility, settle = np.log(np.array([[2.0, 0.5]])), np.array([[0.0, 3.0, 1.0, 0.0]])
    network = build(legs, 4)
    z = solve_values(network, utility, settle)
    np.testing.assert_allclose(z, [[7.0, 3.5, 1.0, 0.0]], rtol=1e-12)
    np.testing.assert_allclose(
        probabilities(network, choice_menus(network, utility, z)), [[1.0, 1 / 7]], rtol=1e-12
    )


@pytest.mark.parametrize("hubs", [4, 6, 7])
def test_paths_of_a_full_acyclic_network(hubs: int) -> None:
    rng = np.random.default_rng(hubs)
    legs = [(i, j) for i in range(hubs) for j in range(hubs) if i > j]  # heads have lower numbers than tails
    utility = rng.normal(-1.0, 1.0, (3, len(legs)))
    settle = rng.uniform(0.0, 2.0, (3, hubs)) * (rng.random((3, hubs)) < 0.5)
    settle[:, 0] = 1.0
    check_against_enumeration(legs, hubs, utility, settle)


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[Legs, int, FloatArray, FloatArray]:
    hubs = draw(st.integers(2, 6))
    place = draw(st.permutations(range(hubs)))  # the order of hub numbers is not the order of travel
    pairs = [(i, j) for i in range(hubs) for j in range(i + 1, hubs)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=10))  # twice the same: parallel legs
    legs = sorted((place[i], place[j]) for i, j in chosen)
    number = st.floats(-4.0, 2.0)
    utility = np.array([draw(st.lists(number, min_size=len(legs), max_size=len(legs)))])
    settle = np.array([draw(st.lists(st.sampled_from([0.0, 0.3, 1.0, 5.0]), min_size=hubs, max_size=hubs))])
    return legs, hubs, utility, settle


@settings(max_examples=60, deadline=None)
@given(acyclic())
def test_paths_of_random_acyclic_networks(world: tuple[Legs, int, FloatArray, FloatArray]) -> None:
    check_against_enumeration(*world)


@st.composite
def cyclic(draw: st.DrawFn) -> tuple[Legs, int, FloatArray, FloatArray, FloatArray]:
    hubs = draw(st.integers(2, 7))
    pair = st.tuples(st.integers(0, hubs - 1), st.integers(0, hubs - 1))
    legs = sorted(draw(st.lists(pair, min_size=1, max_size=20)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    # at most 20 legs out of a hub with weights below 0.045 each: every row sums to less than 0.9
    utility = rng.uniform(-6.0, np.log(0.045), (2, len(legs)))
    settle = rng.uniform(0.0, 2.0, (2, hubs)) * (rng.random((2, hubs)) < 0.7)
    return legs, hubs, utility, settle, rng.random((2, hubs))


@settings(max_examples=60, deadline=None)
@given(cyclic())
def test_cycles_against_a_dense_system(world: tuple[Legs, int, FloatArray, FloatArray, FloatArray]) -> None:
    legs, hubs, utility, settle, first = world
    network = build(legs, hubs)
    z = solve_values(network, utility, settle)
    for k in range(len(utility)):
        matrix = np.zeros((hubs, hubs))
        for (tail, head), v in zip(legs, utility[k], strict=True):
            matrix[tail, head] += np.exp(v)
        np.testing.assert_allclose(
            z[k], np.linalg.solve(np.eye(hubs) - matrix, settle[k]), rtol=1e-10, atol=1e-14
        )
    # where the search starts changes nothing but the time it takes
    np.testing.assert_allclose(solve_values(network, utility, settle, first + z), z, rtol=1e-9, atol=1e-14)
    menu = choice_menus(network, utility, z)
    assert menu.min() >= 0.0 and menu.max() <= 1.0 + 1e-9
    for h in range(hubs):
        assert np.all(np.diff(menu[:, network.start[h] : network.start[h + 1]], axis=1) >= 0.0)
    chance = probabilities(network, menu)
    assert chance.min() >= 0.0
    for leg, (tail, head) in enumerate(legs):
        reached = z[:, tail] > 0.0
        wanted = np.exp(utility[:, leg]) * z[:, head] / np.where(reached, z[:, tail], 1.0)
        np.testing.assert_allclose(chance[:, leg], np.where(reached, wanted, 0.0), atol=1e-12)


@pytest.mark.parametrize("cost", [0.0, -0.3])
def test_a_free_cycle_is_refused(cost: float) -> None:
    network = build([(0, 1), (1, 0), (1, 2)], 3)
    utility = np.array([[-cost, -cost, -1.0]])
    with pytest.raises(
        NoFiniteValue, match=r"no finite value .* cycle of legs .* raise route_choice\.leg_disutility"
    ):
        solve_values(network, utility, np.array([[0.0, 0.0, 1.0]]))
    assert issubclass(NoFiniteValue, ValueError)
    # the same cycle from which nobody can settle is worth nothing
    np.testing.assert_array_equal(solve_values(network, utility, np.zeros((1, 3))), np.zeros((1, 3)))


def test_a_cycle_that_costs_enough_has_a_value() -> None:
    """exp(v) = 0.5 there and 0.8 back, 1 to settle from hub 1: z1 = 1 / (1 - 0.4), z0 = z1 / 2."""
    network = build([(0, 1), (1, 0)], 2)
    z = solve_values(network, np.log(np.array([[0.5, 0.8]])), np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(z, [[0.5 / 0.6, 1.0 / 0.6]], rtol=1e-10)


def test_legs_have_to_be_sorted() -> None:
    with pytest.raises(ValueError, match="sorted by tail"):
        Network.from_legs([1, 0], [0, 1], 2)


def test_network_tables() -> None:
    legs = [(0, 1), (0, 2), (2, 1), (2, 0), (3, 3)]
    network = build(legs, 5)
    assert (network.hubs, network.legs) == (5, 5)
    np.testing.assert_array_equal(network.start, [0, 2, 2, 4, 5, 5])
    for h in range(5):
        into = network.in_leg[network.in_start[h] : network.in_start[h + 1]]
        assert sorted(into) == [i for i, (_, head) in enumerate(legs) if head == h]
    assert sorted(network.order) == list(range(5))


def test_the_sweep_visits_heads_before_tails() -> None:
    rng = np.random.default_rng(1)
    place = rng.permutation(30)
    legs = sorted(
        (int(place[i]), int(place[j])) for i in range(30) for j in rng.integers(i + 1, 31, 3) if j < 30
    )
    order = build(legs, 30).order
    rank = {int(h): n for n, h in enumerate(order)}
    assert all(rank[head] < rank[tail] for tail, head in legs)


def test_expected_visits_by_hand() -> None:
    """Hub 0: one leg that leads on with 0.8 and back with 0.1; at hub 1 half go on to hub 2, 0.9 of them get there."""
    network = build([(0, 1), (1, 2)], 3)
    visits = expected_visits(
        network,
        np.array([[1.0, 0.5]]),
        np.array([0.8, 0.9]),
        np.array([[0.1, 0.0]]),
        np.array([[1.0, 0.0, 0.0]]),
    )
    np.testing.assert_allclose(visits, [[10 / 9, 8 / 9, 4 / 10]], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_expected_visits_against_a_dense_system(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hubs = int(rng.integers(2, 8))
    legs = sorted((int(a), int(b)) for a, b in rng.integers(0, hubs, (12, 2)))
    network = build(legs, hubs)
    out = np.bincount([t for t, _ in legs], minlength=hubs)
    choice = np.array([[rng.uniform(0.0, 1.0 / out[t]) for t, _ in legs] for _ in range(2)])
    onward, back = rng.uniform(0.2, 0.7, len(legs)), rng.uniform(0.0, 0.2, (2, len(legs)))
    origin = rng.random((2, hubs))
    visits = expected_visits(network, choice, onward, back, origin, tolerance=1e-13)
    for k in range(2):
        move = np.zeros((hubs, hubs))
        for leg, (tail, head) in enumerate(legs):
            move[tail, head] += choice[k, leg] * onward[leg]
            move[tail, tail] += choice[k, leg] * back[k, leg]
        np.testing.assert_allclose(visits[k], np.linalg.solve(np.eye(hubs) - move.T, origin[k]), rtol=1e-9)


def test_visits_without_an_end_are_refused() -> None:
    network = build([(0, 1), (1, 0)], 2)
    with pytest.raises(NoFiniteValue, match="circle without end"):
        expected_visits(network, np.ones((1, 2)), np.ones(2), np.zeros((1, 2)), np.array([[1.0, 0.0]]))
