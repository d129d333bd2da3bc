"""Recursive logit against enumeration of all paths, a dense linear system and hand-made chains."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersmuggling.model.route_choice import (
    SHARES,
    Network,
    NoFiniteValue,
    choice_menus,
    easing_on_cycles,
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


def walks_from(hub: int, legs: Legs, most: int) -> list[list[int]]:
    """Every sequence of at most `most` legs from a hub: on a network with cycles, all paths but those of longer loops."""
    found: list[list[int]] = [[]]
    last: list[tuple[list[int], int]] = [([], hub)]
    for _ in range(most):
        last = [
            ([*path, number], head)
            for path, at in last
            for number, (tail, head) in enumerate(legs)
            if tail == at
        ]
        found += [path for path, _ in last]
    return found


@pytest.mark.parametrize(
    ("legs", "most"),
    [
        ([(0, 1), (0, 2), (1, 0), (1, 2)], 90),  # there and back again, two ways out
        ([(0, 0), (0, 1), (1, 2), (2, 2)], 14),  # loops at two hubs: ways of sharing out the rounds
        ([(0, 1), (1, 2), (2, 0), (2, 3)], 90),  # a round trip over three hubs
    ],
)
def test_paths_with_loops_are_a_multinomial_logit_too(legs: Legs, most: int) -> None:
    """Loops weigh 0.2 or less a leg: what longer walks would add is below 1e-10 of the whole."""
    rng = np.random.default_rng(len(legs) + most)
    hubs = 1 + max(h for _, h in legs)
    low, high = (0.05, 0.12) if most < 20 else (0.2, 0.75)
    utility = np.log(rng.uniform(low, high, (2, len(legs))))  # two traveller classes
    settle = np.zeros((2, hubs))
    settle[:, -1] = [1.0, 2.5]
    network = build(legs, hubs)
    z = solve_values(network, utility, settle)
    chance = probabilities(network, choice_menus(network, utility, z))
    stay = 1.0 - np.array([[chance[k, network.tail == h].sum() for h in range(hubs)] for k in range(2)])
    walks = [w for w in walks_from(0, legs, most) if end_of(0, w, legs) == hubs - 1]
    for k in range(2):
        worth = np.array([np.exp(utility[k, w].sum()) * settle[k, -1] for w in walks])
        assert z[k, 0] == pytest.approx(worth.sum(), rel=1e-10)
        found = np.array([chance[k, w].prod() * stay[k, -1] for w in walks])
        np.testing.assert_allclose(found, worth / worth.sum(), rtol=1e-10, atol=1e-10)
        rounds = sum(p for p, w in zip(found, walks, strict=True) if len(w) > len(set(w)))
        assert rounds > 0.001  # who goes round is part of the answer
    assert np.abs(chance[0] - chance[1]).max() > 0.01  # classes choose for themselves


@pytest.mark.parametrize("radius", [0.9, 0.999, 1.0 - 1e-8])
def test_values_close_to_the_limit_are_found_all_the_same(radius: float) -> None:
    """A cycle of weight `radius` there and back, 1 to settle at its far end: z1 = 1 / (1 - radius), z0 = z1 / 2."""
    network = build([(0, 1), (1, 0)], 2)
    z = solve_values(network, np.log(np.array([[0.5, 2.0 * radius]])), np.array([[0.0, 1.0]]))
    exact = 1.0 / (1.0 - radius)
    np.testing.assert_allclose(z, [[0.5 * exact, exact]], rtol=max(1e-10, 1e-15 / (1.0 - radius)))
    chance = probabilities(network, choice_menus(network, np.log(np.array([[0.5, 2.0 * radius]])), z))
    np.testing.assert_allclose(chance, [[1.0, radius]], rtol=1e-7)
    visits = expected_visits(network, chance, np.ones(2), np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(visits, [[exact, exact]], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(cyclic(), st.floats(0.5, 1.5))
def test_a_value_is_found_exactly_where_the_spectral_radius_is_below_one(
    world: tuple[Legs, int, FloatArray, FloatArray, FloatArray], wanted: float
) -> None:
    legs, hubs, utility, _, _ = world
    matrix = np.zeros((hubs, hubs))
    for (tail, head), v in zip(legs, utility[0], strict=True):
        matrix[tail, head] += np.exp(v)
    radius = float(np.abs(np.linalg.eigvals(matrix)).max())
    if radius < 1e-3 or abs(wanted - 1.0) < 1e-6:
        return
    scaled, everywhere = utility[:1] + np.log(wanted / radius), np.ones((1, hubs))
    if wanted > 1.0:
        with pytest.raises(NoFiniteValue):
            solve_values(build(legs, hubs), scaled, everywhere)
        return
    exact = np.linalg.solve(np.eye(hubs) - matrix * wanted / radius, everywhere[0])
    np.testing.assert_allclose(solve_values(build(legs, hubs), scaled, everywhere)[0], exact, rtol=1e-8)


def test_the_refusal_names_the_hubs_and_the_remedy() -> None:
    legs = [(0, 1), (1, 2), (2, 1), (2, 3)]
    network = Network.from_legs([t for t, _ in legs], [h for _, h in legs], 4, ["lagos", "sofia", "skopje", "rome"])
    np.testing.assert_array_equal(network.on_cycle, [False, True, True, False])
    with pytest.raises(NoFiniteValue) as caught:
        solve_values(network, np.array([[-1.0, 0.1, 0.2, -1.0]]), np.array([[0.0, 0.0, 0.0, 1.0]]))
    text = str(caught.value)
    assert "sofia" in text and "skopje" in text and "lagos" not in text
    assert "spectral radius 1.16" in text  # exp((0.1 + 0.2) / 2)
    assert "raise route_choice.leg_disutility" in text


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


def test_an_easier_leg_on_a_cycle_counts_until_half_of_the_gap_is_closed() -> None:
    """exp(v) = 1/4 there and back: the radius is 1/4, the bound 5/8, and the leg there may rise to (5/8)^2 / (1/4) = 25/16,
    that is by a factor of 6.25; the leg that leaves the cycle gains in full."""
    network = build([(0, 1), (1, 0), (1, 2)], 3)
    before = np.log([[0.25, 0.25, 0.1]])

    def eased(factor: float, leg: int = 0) -> FloatArray:
        easing = np.zeros(3)
        easing[leg] = np.log(factor)
        return np.asarray(np.exp(easing_on_cycles(network, before + easing, easing)[0]))

    np.testing.assert_allclose(eased(6.2), [1.55, 0.25, 0.1])
    np.testing.assert_allclose(eased(50.0), [25 / 16, 0.25, 0.1], rtol=np.log(50.0) / SHARES)
    assert eased(50.0)[0] <= 25 / 16
    np.testing.assert_allclose(eased(50.0, leg=2), [0.25, 0.25, 5.0])
    np.testing.assert_allclose(eased(0.1), [0.025, 0.25, 0.1])


@settings(max_examples=60, deadline=None)
@given(cyclic(), st.data())
def test_a_network_with_a_value_has_one_however_easy_its_legs_become(
    world: tuple[Legs, int, FloatArray, FloatArray, FloatArray], data: st.DataObject
) -> None:
    legs, hubs, utility, _, _ = world
    network, everywhere = build(legs, hubs), np.ones((len(utility), hubs))
    easing = np.array(data.draw(st.lists(st.floats(-5.0, 9.0), min_size=len(legs), max_size=len(legs))))
    try:
        solve_values(network, utility, everywhere)
    except NoFiniteValue:
        return
    eased = easing_on_cycles(network, utility + easing, easing)
    assert np.isfinite(solve_values(network, eased, everywhere)).all()
    assert (eased <= utility + np.maximum(easing, 0.0) + 1e-12).all()
    assert (eased >= utility + np.minimum(easing, 0.0) - 1e-12).all()
    no_cycle = ~network.on_cycle
    np.testing.assert_array_equal(eased[:, no_cycle], (utility + easing)[:, no_cycle])
