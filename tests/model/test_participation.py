"""Participation: the registry's shares at the reference, a proper logit away from it, pathways and enforcement together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.participation import Participation, potential_behind
from countersmuggling.model.reference_point import ReferencePoint
from countersmuggling.model.travellers import CLASSES

FloatArray = npt.NDArray[np.float64]


def two_groups(params: dict[str, float]) -> tuple[Participation, FloatArray, FloatArray]:
    """20,000 applicants of 100,000 for 2,000 places in the first group; none asks in the second, which has no place."""
    reference = np.arange(2.0 * CLASSES * 3).reshape(2 * CLASSES, 3)
    places = np.array([2000.0, 0.0])
    return Participation(reference, places, np.array([100_000.0, 50_000.0]), params), reference, places


def test_at_the_reference_the_shares_are_the_registrys(params: dict[str, float]) -> None:
    part, reference, places = two_groups(params)
    shares = part.shares(reference, places, np.ones(2))
    np.testing.assert_allclose(shares.leave, params["participation.reference"], rtol=1e-9)
    asked = 2000.0 * params["legal.applications_per_place"] / 100_000.0
    np.testing.assert_allclose(shares.apply[:CLASSES], asked, rtol=1e-9)
    np.testing.assert_allclose(shares.apply[CLASSES:], 0.0, atol=1e-9)
    np.testing.assert_allclose(shares.fallback, params["legal.fallback"], rtol=1e-12)
    np.testing.assert_allclose(part.apply_0, [asked, 0.0], atol=1e-9)


@pytest.mark.parametrize(
    ("departures", "places"), [(1e6, 0.0), (1e6, 3e4), (2e5, 3e4), (1e5, 4e4), (1e4, 1e5), (300.0, 30.0)]
)
def test_the_people_behind_the_departures(params: dict[str, float], departures: float, places: float) -> None:
    """Put back into participation, they leave as often as was published: at once, or after a refusal."""
    people = potential_behind(np.array([departures]), np.array([places]), params)
    part = Participation(np.zeros((CLASSES, 1)), np.array([places]), people, params)
    shares = part.shares(np.zeros((CLASSES, 1)), np.array([places]), np.ones(1))
    applicants = float(people[0] * shares.apply[0, 0])
    refused = applicants - min(places, applicants)
    left = float(people[0] * shares.leave[0, 0]) + refused * float(shares.fallback[0])
    assert left == pytest.approx(departures, rel=1e-6)


def test_no_more_apply_than_the_registrys_limit(params: dict[str, float]) -> None:
    part = Participation(np.zeros((CLASSES, 1)), np.array([90_000.0]), np.array([100_000.0]), params)
    limit = params["legal.most_applicants"] * (1.0 - params["participation.reference"])
    assert part.apply_0[0] == pytest.approx(limit)


def test_the_logit_by_hand(params: dict[str, float]) -> None:
    """With leave 0.2, apply 0.2, stay 0.6: a value lower by log(16) at weight 0.25 halves the odds of leaving."""
    chosen = params | {
        "participation.reference": 0.2, "participation.logsum_weight": 0.25, "legal.applications_per_place": 10.0,
        "legal.fallback": 0.5, "legal.fallback_weight": 0.5, "legal.application_elasticity": 0.5,
    }  # fmt: skip
    part = Participation(np.zeros((CLASSES, 1)), np.array([2000.0]), np.array([100_000.0]), chosen)
    lower = np.full((CLASSES, 1), -np.log(16.0))
    shares = part.shares(lower, np.array([2000.0]), np.ones(1))
    np.testing.assert_allclose(shares.leave, 1 / 9)  # 0.1 of 0.1 + 0.2 + 0.6
    np.testing.assert_allclose(shares.apply, 2 / 9)
    np.testing.assert_allclose(shares.fallback, 0.2)  # odds 1 x 16 ** -0.5
    # four times the places double the odds of applying: 0.4 of 0.2 + 0.4 + 0.6
    more = part.shares(np.zeros((CLASSES, 1)), np.array([8000.0]), np.ones(1))
    np.testing.assert_allclose([more.leave[0, 0], more.apply[0, 0]], [1 / 6, 2 / 6])
    # root causes scale both
    fewer = part.shares(np.zeros((CLASSES, 1)), np.array([2000.0]), np.array([0.9]))
    np.testing.assert_allclose([fewer.leave[0, 0], fewer.apply[0, 0]], [0.18, 0.18])


def test_chances_stay_chances_whatever_happens(params: dict[str, float]) -> None:
    part, reference, places = two_groups(params)
    rng = np.random.default_rng(1)
    for _ in range(200):
        value = reference + rng.normal(0.0, 10.0 ** rng.integers(-1, 5), reference.shape)
        shares = part.shares(value, places * rng.uniform(0.0, 1000.0), rng.uniform(0.0, 50.0, 2))
        assert np.all(shares.leave >= 0.0) and np.all(shares.apply >= 0.0)
        assert np.all(shares.leave + shares.apply <= 1.0 + 1e-12)
        assert np.all((shares.fallback >= 0.0) & (shares.fallback <= 1.0))


def test_worse_travel_keeps_people_home_and_better_travel_does_not(params: dict[str, float]) -> None:
    part, reference, places = two_groups(params)
    steps = [part.shares(reference + d, places, np.ones(2)) for d in (-2.0, -0.5, 0.0, 0.5, 2.0)]
    for worse, better in pairwise(steps):
        assert np.all(worse.leave < better.leave)
        assert np.all(worse.apply[:CLASSES] > better.apply[:CLASSES])
        assert np.all(worse.fallback < better.fallback)


@pytest.mark.parametrize("loss", [0.3, 1.0, 2.0])
def test_enforcement_and_pathways_together_do_more_than_the_sum_of_each(
    params: dict[str, float], reference_2025: ReferencePoint, loss: float
) -> None:
    """Expected irregular departures (who leaves, and who leaves after a refusal), at the size of the pathways lever.

    Clemens and Gough (2018): enforcement works where there is a legal way to wait for.
    """
    fit = reference_2025
    departures = float((fit.published / fit.detections_per_departure).sum())
    places_0 = params["legal.places_per_year"]
    potential = float(potential_behind(np.array([departures]), np.array([places_0]), params)[0])
    part = Participation(np.zeros((CLASSES, 1)), np.array([places_0]), np.array([potential]), params)

    def irregular(drop: float, factor: float) -> float:
        shares = part.shares(np.full((CLASSES, 1), -drop), np.array([places_0 * factor]), np.ones(1))
        leave, apply = float(shares.leave[0, 0]), float(shares.apply[0, 0])
        admitted = min(1.0, places_0 * factor / (apply * potential))
        return leave + apply * (1.0 - admitted) * float(shares.fallback[0])

    now = irregular(0.0, 1.0)
    enforcement, pathways, both = (now - irregular(*x) for x in ((loss, 1.0), (0.0, 2.0), (loss, 2.0)))
    assert enforcement > 0.0
    assert both > enforcement + pathways


def test_a_visa_is_chosen_within_the_nest_of_those_who_go(params: dict[str, float]) -> None:
    """A visa worth as much as all routes: log 2 more for the nest at weight 0.5, shared by halves; stay 0.6 and leave 0.2."""
    chosen = params | {"participation.reference": 0.2, "participation.logsum_weight": 0.5,
                       "legal.applications_per_place": 10.0}  # fmt: skip
    part = Participation(np.zeros((CLASSES, 1)), np.array([2000.0]), np.array([100_000.0]), chosen)
    arguments = (np.zeros((CLASSES, 1)), np.array([2000.0]), np.ones(1))
    shares = part.shares(*arguments, np.zeros(CLASSES))
    go = 0.2 * np.sqrt(2.0)
    np.testing.assert_allclose(shares.leave, 0.5 * go / (go + 0.2 + 0.6))
    np.testing.assert_allclose(shares.buy, shares.leave)
    assert part.shares(*arguments).buy.max() == 0.0
    # a visa that nobody would want changes nothing, one at any lower price draws from all other ways
    np.testing.assert_allclose(part.shares(*arguments, np.full(CLASSES, -60.0)).leave, 0.2)
    dear, cheap = (part.shares(*arguments, np.full(CLASSES, worth)) for worth in (-1.0, 1.0))
    assert np.all(cheap.buy > dear.buy) and np.all(cheap.leave < dear.leave) and np.all(cheap.apply < dear.apply)
    assert np.all(cheap.buy + cheap.leave > dear.buy + dear.leave)
