"""Rival hypotheses of choice on two parallel legs, against closed forms and published properties; the same at the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.model.behaviour import HYPOTHESES, Behaviour, salience_weight, salient_chances
from countersmuggling.model.beliefs import Seen
from countersmuggling.model.route_choice import Network, choice_menus, probabilities, solve_values
from countersmuggling.scenarios import Scenario
from countersmuggling.scenarios.reference import World

FloatArray = npt.NDArray[np.float64]
TWO = Network.from_legs([0, 0], [1, 1], 2)
SETTLE = np.array([[0.0, 1.0]])


def seen(attempts: FloatArray, interceptions: FloatArray | float = 0.0, deaths: FloatArray | float = 0.0) -> Seen:
    none = np.zeros_like(attempts)
    return Seen(attempts, none + interceptions, none + deaths, none, none, none)


def two_legs(hypothesis: str, params: dict[str, float], usual: float = 0.2) -> Behaviour:
    """One group, 50 a day on each of two legs of utility 0."""
    chance = np.full(2, usual)
    return Behaviour(hypothesis, TWO, np.full((1, 2), 50.0), chance, chance / 20.0, np.zeros((1, 2)), np.zeros(1, np.int64),
                     params | {"behaviour.least_flow": 1e-9})  # fmt: skip


def choice(behaviour: Behaviour, utility: FloatArray) -> FloatArray:
    v = behaviour.adjust(utility)
    z = solve_values(TWO, v, SETTLE)
    return np.asarray(probabilities(TWO, choice_menus(TWO, v, z)))


def log_odds_over_time(behaviour: Behaviour, gain: float, periods: int, days: float = 1e6) -> list[float]:
    """log odds of the first leg, after it has become better by `gain`, when the memory is of the last period alone."""
    found = []
    for _ in range(periods):
        p = choice(behaviour, np.array([[gain, 0.0]]))
        found.append(float(np.log(p[0, 0] / p[0, 1])))
        behaviour.observe(seen(100.0 * days * p), days)
    return found


@pytest.mark.parametrize("hypothesis", HYPOTHESES)
def test_nothing_differs_while_all_is_as_at_the_reference(hypothesis: str, params: dict[str, float]) -> None:
    behaviour = two_legs(hypothesis, params)
    for _ in range(5):
        flow = np.full((1, 2), 700.0)
        behaviour.observe(seen(flow, 0.2 * flow, 0.01 * flow), 14)
    stopped, death = np.full((1, 2), 0.3), np.full((1, 2), 0.02)
    np.testing.assert_allclose(behaviour.perceive(stopped, death), (stopped, death), rtol=1e-12)
    np.testing.assert_allclose(choice(behaviour, np.zeros((1, 2))), 0.5, rtol=1e-9)


def test_expected_utility_responds_at_once_and_wholly(params: dict[str, float]) -> None:
    np.testing.assert_allclose(log_odds_over_time(two_legs("expected_utility", params), 0.8, 4), 0.8)


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.8])
def test_habit_adjusts_log_odds_by_a_geometric_series(params: dict[str, float], rho: float) -> None:
    """x(t) = (1 - rho) v + rho x(t - 1): v (1 - rho^(t + 1)), the whole response in the end."""
    habit = two_legs("habit", params | {"behaviour.habit_persistence": rho})
    found = log_odds_over_time(habit, 0.8, 40)
    np.testing.assert_allclose(found, 0.8 * (1.0 - rho ** np.arange(1, 41)), rtol=1e-6)


@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_rumour_below_the_threshold_has_one_equilibrium(params: dict[str, float], strength: float) -> None:
    """log odds v + J x in each period: in the end v / (1 - J), from wherever it starts."""
    for first in (0.0, 3.0, -3.0):
        rumour = two_legs("rumour", params | {"behaviour.rumour_strength": strength})
        crowd = np.array([[np.exp(first), 1.0]])
        rumour.observe(seen(1e8 * crowd), 1e6)
        found = log_odds_over_time(rumour, 0.4, 60)
        assert found[-1] == pytest.approx(0.4 / (1.0 - strength), rel=1e-5)


def test_rumour_above_the_threshold_is_a_cascade(params: dict[str, float]) -> None:
    """Whoever is a little ahead takes all, although the other leg is the better one."""
    for ahead, winner in ((1.5, 0), (1.0 / 1.5, 1)):
        rumour = two_legs("rumour", params | {"behaviour.rumour_strength": 1.6})
        rumour.observe(seen(1e8 * np.array([[ahead, 1.0]])), 1e6)
        for _ in range(60):
            p = choice(rumour, np.array([[-0.02, 0.02]]))
            rumour.observe(seen(1e8 * p), 1e6)
        assert p[0, winner] > 0.999


def test_salience_by_hand(params: dict[str, float]) -> None:
    """Three times the usual: sigma = 2 / 4.1; the odds of being stopped weigh 0.7^-sigma times as much."""
    weight = salience_weight(np.array([3.0, 1.0, 0.2]), 0.7, 0.1)
    np.testing.assert_allclose(weight, [0.7 ** (-2.0 / 4.1), 1.0, 1.0])
    stopped, death = salient_chances(np.array([0.25]), np.array([0.0]), weight[:1], np.ones(1))
    assert stopped[0] / (1.0 - stopped[0]) == pytest.approx(weight[0] / 3.0)
    assert death[0] == 0.0
    # with death as a third state: 0.1, 0.9 x 0.25, 0.9 x 0.75 and a weight of 2 on the first
    stopped, death = salient_chances(np.array([0.25]), np.array([0.1]), np.ones(1), np.full(1, 2.0))
    assert (stopped[0], death[0]) == (pytest.approx(0.25), pytest.approx(0.2 / 1.1))


def test_salience_grows_with_contrast_and_diminishes_with_level_and_decays(params: dict[str, float]) -> None:
    """Ordering and diminishing sensitivity (Bordalo, Gennaioli and Shleifer 2012, definition 1); news are forgotten."""
    news = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    weight = np.log(salience_weight(news, 0.7, 0.1))
    steps = np.diff(weight)
    assert np.all(steps > 0.0) and np.all(np.diff(steps[1:]) < 0.0)
    assert weight[-1] < -np.log(0.7)
    salience = two_legs("salience", params | {"behaviour.news_half_life_days": 30.0, "behaviour.news_least": 5.0})
    flow = np.full((1, 2), 1000.0)
    salience.observe(seen(flow, np.array([[600.0, 200.0]]), 0.01 * flow), 14)
    stopped, _ = salience.perceive(np.full((1, 2), 0.2), np.full((1, 2), 0.01))
    assert stopped[0, 0] > 0.22 and stopped[0, 1] == pytest.approx(0.2)
    assert salience.news()[0][0] == pytest.approx(605.0 / 205.0)
    salience.observe(seen(np.zeros((1, 2))), 30)  # half of it is left
    assert salience.news()[0][0] == pytest.approx(305.0 / 105.0)
    salience.observe(seen(np.zeros((1, 2))), 3000)
    assert salience.news()[0][0] == pytest.approx(1.0)


def test_an_unknown_hypothesis_is_refused(params: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no behaviour 'greed'; expected one of expected_utility, salience"):
        two_legs("greed", params)


def test_the_model_begins_alike_under_all_hypotheses_and_parts_after_a_closure(
    make_scenario: Callable[..., Scenario], make_world: Callable[..., World]
) -> None:
    first, after = {}, {}
    for hypothesis in HYPOTHESES:
        scenario = make_scenario(
            horizon={"start": "2024-01-01", "end": "2024-06-30", "burn_in_days": 0},
            uncertainties={"draw": "central", "parameters": {"demand.shock_sd": 0.0, "route_choice.share_informed": 1.0}},
            model={"persons_per_agent": 50, "networks": 30, "behaviour": hypothesis},
            events=[{"kind": "border_closed", "on": "2024-03-01", "into": "ITA", "strength": 0.8}],
        )  # fmt: skip
        model = SmugglingModel(scenario, tables=make_world())
        sea = [list(model.geography.legs["leg"]).index(leg) for leg in ("tun>ita", "dza>esp", "egy>grc")]
        model.step()
        first[hypothesis] = model._menu.copy()
        while not model.done:
            model.step()
            if model.day == 90:
                before = model.tally.attempts[:, sea].sum(axis=0)
        gone = model.tally.attempts[:, sea].sum(axis=0) - before
        after[hypothesis] = float(gone[0] / gone.sum())
        model.release()
    for hypothesis in HYPOTHESES:
        np.testing.assert_allclose(first[hypothesis], first["expected_utility"], rtol=1e-9)
    assert len(set(after.values())) == 4
    assert after["habit"] > after["expected_utility"] > after["rumour"]  # habit holds on, rumour leaves together
