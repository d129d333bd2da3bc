"""Plans that reckon with the answer, on toys whose optimum is known from elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.model.replicates import Job, run_one
from countersmuggling.optimise.adaptive.observing import FrontJob, Fronts, ModelRuns, Observed, observe_fronts
from countersmuggling.optimise.adaptive.paired_tests import FRESH, PairedTests
from countersmuggling.optimise.adaptive.planning import optimise_anticipating
from countersmuggling.optimise.adaptive.regimes import Toy, best_known, toy, toy_allocation
from countersmuggling.optimise.adaptive.response import Coefficient, Comparison, Response, fit_response
from countersmuggling.optimise.adaptive.trust_region import Settings, Surrogate, anticipate
from countersmuggling.optimise.allocation import AllocationModel
from countersmuggling.optimise.linear_model import Floats
from countersmuggling.scenarios import Scenario, load

WEIGHTS = {"deaths": 1.0}


def planning(toy: Toy, posts: float = 20.0) -> AllocationModel:
    return toy_allocation(toy, posts)


def harm(toy: Toy, staff: Floats) -> float:
    return float(toy.truth.harm(staff.reshape(1, -1), WEIGHTS))


def least_known(toy: Toy, posts: float) -> float:
    """Least harm found by another method: sequential quadratic programmes from several starts."""
    return harm(toy, best_known(toy.truth, posts, weights=WEIGHTS))


def comparisons(toy: Toy, runs: int = 40, seed: int = 0) -> list[Comparison]:
    """A design of paired runs, each a replicate of its own."""
    g = np.random.default_rng(seed)
    n = len(toy.truth.places)
    out = []
    for k in range(runs):
        staff = np.where(g.random(n) < 0.5, g.uniform(0.5, 2.0, n), 0.0)
        (one,), (two,) = toy.observe([staff.reshape(1, n, 1), np.zeros((1, n, 1))], [k], "design")
        out.append(Comparison(staff.reshape(1, n), one, two, k))
    return out


def fitted(toy: Toy, runs: int = 40, seed: int = 0) -> Response:
    return told_by(toy, comparisons(toy, runs, seed))


def told_by(toy: Toy, runs: list[Comparison]) -> Response:
    return fit_response(runs, ("guard",), toy.truth.places, toy.fronts, toy.truth.scale, 1.0)


def test_flows_by_hand() -> None:
    """Two fronts of 100 attempts, half stopped; one guard beside one: pass 0.25 and 0.5 of them.

    With lambda = ln 2 / 0.25 the harder front halves its pull: 100 and 50; nobody gives up: 200 = 66.7 + 133.3.
    """
    lam = float(np.log(2) / 0.25)
    r = Response(("guard",), ("A", "B"), Fronts(("A by x", "B by x"), ("A", "B"), ("x", "x")), np.ones(2),
                 np.array([[100.0, 100.0]]), np.array([50.0, 50.0]), np.array([1.0, 4.0]), {"guard": Coefficient(1, 1, 0)}, {},
                 Coefficient(lam, lam, 0), Coefficient(lam, lam, 0))
    attempts, stopped, deadly = r.flows(np.array([[1.0, 0.0]]))
    assert attempts == pytest.approx([200 / 3, 400 / 3])
    assert stopped == pytest.approx([0.75, 0.5])
    assert deadly == pytest.approx([0.01, 0.04])
    changes = r.changes(np.array([[1.0, 0.0]]))
    assert changes["deaths"] == pytest.approx(2 / 3 + 16 / 3 - 5)  # guards at the safe front drive people to the deadly one
    assert changes["irregular_crossings"] == pytest.approx(200 / 12 + 400 / 6 - 100)
    # two origin groups that know one front each: nobody has anywhere to move to
    apart = replace(r, by_origin=np.array([[100.0, 0.0], [0.0, 100.0]]))
    assert apart.flows(np.array([[1.0, 0.0]]))[0] == pytest.approx([100.0, 100.0])
    alone = replace(r, diversion=Coefficient(0, 0, 0))  # kappa = 1: half of the front's people give up
    assert alone.flows(np.array([[1.0, 0.0]]))[0] == pytest.approx([50.0, 100.0])


def test_gradient_is_that_of_the_harm() -> None:
    truth = toy(3).truth
    at = np.random.default_rng(1).uniform(0, 3, (1, 27))
    slope = truth.gradient(at, WEIGHTS)
    for i in (0, 5, 20):
        more = at.copy()
        more[0, i] += 1e-3
        assert (truth.harm(more, WEIGHTS) - truth.harm(at, WEIGHTS)) / 1e-3 == pytest.approx(slope[0, i], rel=2e-3, abs=1e-6)


def test_the_fit_finds_the_response_that_made_the_runs() -> None:
    t = toy(1, noise=0.05)
    found = fitted(t, runs=120)
    assert found.detection["guard"].value == pytest.approx(1.0, abs=4 * found.detection["guard"].se + 0.01)
    assert found.sensitivity.value == pytest.approx(3.0, abs=4 * found.sensitivity.se)
    assert found.kappa == pytest.approx(0.5, abs=0.15)
    assert 0 < found.error < 0.1


def test_runs_of_one_replicate_are_not_taken_for_news() -> None:
    """The same runs four times tell what they tell once, if they are known to be the same replicates'."""
    t = toy(1, noise=0.05)
    once = comparisons(t, runs=30)
    found, again = told_by(t, once), told_by(t, once * 4)
    for one, other in ((found.sensitivity, again.sensitivity), (found.diversion, again.diversion),
                       (found.detection["guard"], again.detection["guard"])):  # fmt: skip
        assert one.se > 0
        assert (other.raw, other.se) == pytest.approx((one.raw, one.se), rel=1e-6)
    fooled = told_by(t, [replace(c, replicate=n) for n, c in enumerate(once * 4)])
    assert fooled.sensitivity.se < 0.6 * found.sensitivity.se


def test_without_an_answer_none_is_found() -> None:
    t = toy(2, sensitivity=0.0, noise=0.05)
    found = fitted(t, runs=60)
    assert found.sensitivity.value < 0.2


def test_nobody_at_the_fronts_is_refused() -> None:
    t = toy(1)
    none = Observed({"deaths": 0.0}, np.zeros(60), np.zeros(60), np.zeros(60), np.zeros((1, 60)))
    with pytest.raises(ValueError, match="nobody attempts"):
        fit_response([Comparison(np.zeros((1, 27)), none, none, 0)], ("guard",), t.truth.places, t.fronts, t.truth.scale, 1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_close_to_the_best_known_while_static_and_equal_plans_are_far(seed: int) -> None:
    """27 places, 60 routes: the fitted response and a few tests against a method that knows the truth."""
    t = toy(seed)
    posts = 20.0
    best = least_known(t, posts)
    allocation = planning(t, posts)
    equal = np.full((1, 27, 1), posts / 27)
    # a static plan believes the marginal effects as they are without staff, answer left out
    slope = replace(t.truth, sensitivity=Coefficient(0, 0, 0)).gradient(np.zeros((1, 27)), WEIGHTS)
    static = np.zeros((1, 27, 1))
    static[0, int(slope.argmin()), 0] = posts
    found = anticipate(Surrogate(allocation, fitted(t), WEIGHTS), t, {"equal": equal, "static": static},
                       Settings(steps=12, replicates=4, most_replicates=16))
    assert harm(t, found.staff) <= 0.98 * best  # both negative: within two per cent
    assert harm(t, static) > 0.7 * best
    assert harm(t, equal) > 0.9 * best


@pytest.mark.parametrize("seed", [1, 2])
def test_whole_posts_within_two_per_cent_of_brute_force(seed: int) -> None:
    """4 places, 6 posts: every placement of whole posts, 210 with fewer than all."""
    t = toy(seed, places=4, routes=7)
    found = anticipate(Surrogate(planning(t, 6.0), fitted(t, 60), WEIGHTS), t, {"none": np.zeros((1, 4, 1))},
                       Settings(steps=12, replicates=4, most_replicates=16))
    best = min(harm(t, np.array(x, dtype=float)) for x in product(range(7), repeat=4) if sum(x) <= 6)
    assert harm(t, found.staff) <= 0.98 * best


def test_the_history_tells_every_step_and_replicates_are_fresh() -> None:
    t = toy(4)
    found = anticipate(Surrogate(planning(t), fitted(t), WEIGHTS), t,
                       {"none": np.zeros((1, 27, 1)), "equal": np.full((1, 27, 1), 20 / 27)}, Settings(steps=4))
    steps = found.history[found.history["kind"] == "step"]
    assert len(steps) and (steps["believed"] < 0).all()
    kept = steps[steps["kept"]]
    assert len(kept) and (kept["high"] < 0).all()
    tests = [k for k in t.seen if k >= 100_000]
    assert len(tests) == found.history["replicates"].sum()
    assert len(set(tests)) == len(tests)


def test_a_change_that_does_nothing_is_hardly_ever_kept() -> None:
    """Pure noise: at a level of five per cent over all looks, of 200 tests at most 20 pass (p < 0.001)."""
    t = toy(5, noise=0.05)

    class Same(Toy):
        def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
            out = []
            for n, _ in enumerate(placements):
                out.append([Observed({"deaths": float(np.random.default_rng([k, n]).normal())}, *(np.ones(60),) * 3, np.ones((1, 60)))
                            for k in replicates])
            return out

    tester = PairedTests(Same(t.truth), WEIGHTS, replicates=4, most=32)
    a = np.zeros((1, 27, 1))
    assert sum(tester.better(a, a, "").better for _ in range(200)) <= 20


def test_a_race_finds_the_best_and_throws_out_what_is_clearly_worse() -> None:
    """Harm is a placement's staff plus noise of two that all share and of a half of its own: 0, 1 and 20 posts."""
    class Told(Toy):
        def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
            self.seen += [k for _ in placements for k in replicates]
            return [[Observed({"deaths": float(x.sum() + np.random.default_rng(k).normal(0, 2) + np.random.default_rng([k, n]).normal(0, 0.5))},
                              *(np.ones(60),) * 3, np.ones((1, 60))) for k in replicates] for n, x in enumerate(placements)]

    world = Told(toy(5).truth)
    tester = PairedTests(world, WEIGHTS, replicates=4, most=32)
    few, one, many = (np.full((1, 27, 1), posts / 27) for posts in (0.0, 1.0, 20.0))
    found = tester.race({"many": many, "one": one, "few": few}, "")
    assert found.best == "few"
    assert found.against["many"].replicates == 4 and found.against["many"].mean == pytest.approx(-20, abs=1.5)
    assert found.against["one"].better and found.against["one"].mean == pytest.approx(-1, abs=0.7)
    assert min(world.seen) == FRESH and tester.used == max(world.seen) + 1 - FRESH
    again = tester.race({"few": few}, "")
    assert (again.best, again.against) == ("few", {}), "nothing to run"
    assert 0.1 < tester.noise < 1.5 and tester.tellable == pytest.approx(tester.noise / 32**0.5)


def test_a_trusted_placement_is_held_until_another_one_beats_it() -> None:
    """Noise of a hundred posts' worth: of placements that differ by one post the luckiest is not taken for the best."""
    class Noisy(Toy):
        spread = 100.0

        def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
            return [[Observed({"deaths": float(x.sum() + np.random.default_rng([k, n]).normal(0, self.spread))}, *(np.ones(60),) * 3,
                              np.ones((1, 60))) for k in replicates] for n, x in enumerate(placements)]

    world = Noisy(toy(5).truth)
    few, one = (np.full((1, 27, 1), posts / 27) for posts in (0.0, 1.0))
    held = PairedTests(world, WEIGHTS, replicates=4, most=8)
    races = [held.race({"few": few, "one": one}, "", "one").best for _ in range(40)]
    assert races.count("one") >= 34, "false alarms in one of twenty"
    untrusting = PairedTests(world, WEIGHTS, replicates=4, most=8)
    lucky = [untrusting.race({"few": few, "one": one}, "").best for _ in range(40)]
    assert 10 <= lucky.count("one") <= 30
    world.spread = 0.01
    assert PairedTests(world, WEIGHTS, replicates=4, most=8).race({"few": few, "one": one}, "", "one").best == "few"


def test_of_two_starts_alike_the_trusted_one_stays() -> None:
    t = toy(1)
    allocation = planning(t, 20.0)
    equal = np.full((1, 27, 1), 20.0 / 27)
    found = anticipate(Surrogate(allocation, fitted(t), WEIGHTS), t, {"greedy": equal, "static": equal}, Settings(steps=1), trusted="static")
    assert found.started_from == "static"


def test_a_step_that_no_test_could_tell_is_not_tried() -> None:
    """Noise of ten thousand posts' worth: the search says so instead of testing."""
    class Noisy(Toy):
        def observe(self, placements: Sequence[Floats], replicates: Sequence[int], what: str) -> list[list[Observed]]:
            return [[Observed({"deaths": float(np.random.default_rng([k, n]).normal(0, 1e4))}, *(np.ones(60),) * 3, np.ones((1, 60)))
                     for k in replicates] for n, _ in enumerate(placements)]

    t = toy(6)
    found = anticipate(Surrogate(planning(t), fitted(t), WEIGHTS), Noisy(t.truth),
                       {"none": np.zeros((1, 27, 1)), "equal": np.full((1, 27, 1), 20 / 27)}, Settings(replicates=4, most_replicates=16))
    assert "less than the standard error of 16 pairs" in found.stopped_because
    assert (found.history["kind"] != "step").all()


def test_a_step_that_is_worse_than_believed_is_not_kept() -> None:
    """The response is told upside down: what it promises does harm, so nothing is kept, and the region shrinks."""
    t = toy(6)
    wrong = replace(fitted(t), detection={"guard": Coefficient(1.0, 1.0, 0.1)}, deaths=t.truth.deaths[::-1] * 5)
    found = anticipate(Surrogate(planning(t), wrong, WEIGHTS), t, {"equal": np.full((1, 27, 1), 20 / 27)},
                       Settings(steps=10, replicates=4, most_replicates=8))
    steps = found.history[found.history["kind"] == "step"]
    refused = steps[~steps["kept"]]
    assert len(refused) and (refused["ratio"] < 0.1).all()
    assert (steps["radius"].diff().dropna() <= 1e-12).all()
    assert harm(t, found.staff) <= harm(t, np.full(27, 20 / 27)) + 1e-3


@pytest.fixture
def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """A quarter, border guards only, rows of 1,000 people; runs are kept in a cache of its own."""
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    scenario = load("baseline-2025")
    resources = scenario.resources
    return scenario.model_copy(update={
        "horizon": scenario.horizon.model_copy(update={"end": date(2025, 3, 31), "burn_in_days": 30}),
        "model": scenario.model.model_copy(update={"persons_per_agent": 1000.0, "networks": 20}),
        "resources": resources.model_copy(update={"posts": {"border_guard": resources.posts["border_guard"]}, "budgets": {}})})


def test_in_the_model_a_search_that_was_cut_off_goes_on_where_it_stood(brief: Scenario, tmp_path: Path) -> None:
    settings = Settings(steps=2, replicates=2, most_replicates=4)

    class Stopped(Exception):
        pass

    def cut(sentence: str) -> None:
        raise Stopped(sentence)

    with pytest.raises(Stopped):
        optimise_anticipating(brief, settings=settings, workers=1, progress=False, told=cut)
    kept = len(list(tmp_path.rglob("fronts/*/*.json")))
    assert kept > 16
    asked: list[FrontJob] = []

    def runner(jobs: list[FrontJob], what: str) -> list[dict[str, Any]]:
        asked.extend(jobs)
        return [observe_fronts(job) for job in jobs]

    plan = optimise_anticipating(brief, settings=settings, workers=1, progress=False, runner=runner)
    assert len(list(tmp_path.rglob("fronts/*/*.json"))) == kept + len(asked), "nothing was run twice"
    first = len(asked)
    again = optimise_anticipating(brief, settings=settings, workers=1, progress=False, runner=runner)
    assert len(asked) == first, "everything was found in the cache"
    np.testing.assert_array_equal(plan.allocation, again.allocation)
    assert plan.anticipation is not None and again.anticipation is not None
    assert plan.allocation.sum("place").max() <= brief.resources.posts["border_guard"].available + 1e-6
    assert plan.summary[0].startswith("This plan reckons with the answer")
    pd.testing.assert_frame_equal(plan.anticipation.history, again.anticipation.history)


def test_fronts_of_the_bundled_world(brief: Scenario) -> None:
    """What is told by front adds up to what the run tells by route."""
    runs = ModelRuns(brief, ("border_guard",), ("ITA",), ("2025Q1",), cache=False, workers=1, progress=False)
    ((seen,),) = runs.observe([np.zeros((1, 1, 1))], [0], "one run")
    output = run_one(Job(brief, 0, ModelRuns.table(runs, np.zeros((1, 1, 1)))))
    assert seen.totals == output.totals()
    assert "ITA by CMED" in runs.fronts.names
    assert seen.attempts.sum() == pytest.approx(output.totals()["attempts"])
    assert 0 < seen.stopped.sum() <= seen.attempts.sum()
