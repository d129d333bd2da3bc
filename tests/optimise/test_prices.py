"""Prices and the ranges over which they hold: a textbook, a kink by hand, and re-solves at the ends."""

from dataclasses import replace

import numpy as np
import pytest

from countersmuggling.optimise.allocation import build
from countersmuggling.optimise.examples import problem, random_problem
from countersmuggling.optimise.linear_model import Builder, LinearModel
from countersmuggling.optimise.prices import LIMITS, dust_of, limit_prices, price_range
from countersmuggling.optimise.solving import solve


def wyndor() -> LinearModel:
    """Hillier and Lieberman: max 3x + 5y with x <= 4, 2y <= 12, 3x + 2y <= 18; the optimum is 36 at (2, 6)."""
    b = Builder()
    x = b.columns("made", ("product",), [("doors",), ("windows",)], cost=[-3, -5])
    b.rows("hours", ("plant",), [("1",), ("2",), ("3",)], "<=", [4, 12, 18], [0, 1, 2, 2], x[[0, 1, 0, 1]], [1, 2, 3, 2])
    return b.build()


def test_ranges_of_a_textbook() -> None:
    """Their sensitivity analysis: 1.5 an hour in plant 2 from 6 to 18 hours, 1 in plant 3 from 12 to 24."""
    solution = solve(wyndor())
    assert solution.dual == pytest.approx([0, -1.5, -1])
    assert price_range(solution, 1) == pytest.approx((6, 18))
    assert price_range(solution, 2) == pytest.approx((12, 24))
    low, high = price_range(solution, 0)
    assert low == pytest.approx(2) and high == np.inf, "plant 1 has hours to spare from 2 on"


def test_a_kink_by_hand() -> None:
    """Three analysts: the third brings 6 in Italy, and so does a fourth; a fifth only 4 in Greece, up to where curves end."""
    p = problem(available=4, width=((2, 2, np.inf), (2, 2, np.inf)), slope=((10, 4, 0), (6, 1, 0)))
    allocation = build(p)
    solution = solve(allocation.model)
    (row,) = allocation.model.row_block("pool").indices.tolist()
    price = limit_prices(allocation, solution)[row]
    assert price.dual == pytest.approx(-4, abs=1e-3), "one less would cost 6, one more brings 4"
    assert (price.low, price.high) == pytest.approx((4, 6), abs=1e-6)
    three = build(replace(p, available=np.full((1, 1), 3.0)))
    price = limit_prices(three, solve(three.model))[row]
    assert price.dual == pytest.approx(-6, abs=1e-3)
    assert (price.low, price.high) == pytest.approx((2, 4), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_solved_again_at_the_ends_the_price_still_holds_and_beyond_them_it_does_not(seed: int) -> None:
    allocation = build(random_problem(seed))
    model = allocation.model
    found = limit_prices(allocation, solve(model))
    assert found
    kinds = {i: block.name for block in model.rows for i in block.indices.tolist()}
    dust = dust_of(allocation)

    def at(row: int, rhs: float) -> float:
        low, high = model.row_lower.copy(), model.row_upper.copy()
        low[row], high[row] = np.where(np.isfinite([low[row], high[row]]), rhs, [low[row], high[row]])
        return allocation.objective(solve(replace(model, row_lower=low, row_upper=high), "scipy").x)

    for row, price in found.items():
        assert kinds[row] in LIMITS
        here = float(model.row_upper[row])
        tolerance = 60 * dust  # all the tie-breaks of staff that moves
        assert price.low <= here + 1e-6 < price.high
        start = at(row, here)
        for end in (price.low, min(price.high, here + 50)):
            assert at(row, end) == pytest.approx(start + price.dual * (end - here), abs=tolerance), kinds[row]
        beyond = (price.high - price.low) * 0.2 + 0.1
        if np.isfinite(price.high):
            assert at(row, price.high + beyond) > start + price.dual * (price.high + beyond - here) + tolerance
        if price.low > beyond:
            assert at(row, price.low - beyond) > start + price.dual * (price.low - beyond - here) + tolerance


def test_whole_posts_have_no_ranges() -> None:
    allocation = build(problem(integer=np.array([True])))
    assert limit_prices(allocation, solve(allocation.model)) == {}
