import numpy as np
import pytest

from countersmuggling.optimise import words
from countersmuggling.optimise.allocation import ROWS, build
from countersmuggling.optimise.examples import problem, random_problem, rich_problem
from countersmuggling.optimise.solving import solve


def sentence(kind: str, dual: float, **changes: object) -> str:
    p = problem(**changes)  # type: ignore[arg-type]
    block = build(p).model.row_block(kind)
    return words.price(p, block, block.labels[0], 3.0, dual)[2]


def test_prices_have_sign_unit_place_and_quarter() -> None:
    assert sentence("pool", -6.0) == "One more analyst post in 2025Q1 would lower the weighted harm by 6 points."
    assert sentence("effort", 6.0) == (
        "One more analyst at work in Greece in 2025Q1, beyond the plan and at no cost, would lower the weighted harm "
        "by 6 points.")
    assert sentence("effort", -0.5).endswith("would raise the weighted harm by 0.5 points.")
    assert sentence("minimum", 1.0, minimum=np.array([[1.0, 0.0]])) == (
        "One analyst less that must be in Greece in 2025Q1 would lower the weighted harm by 1 point.")
    assert sentence("budget", -0.02, budgets={("europol", 2025): 1e6}) == (
        "EUR 1 million more under the heading europol in 2025 would lower the weighted harm by 2 points.")
    assert sentence("pool", 0.0).endswith("would change nothing.")


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (3, "3"), (12.345, "12.3"), (0.012345, "0.0123"), (123456.7, "123,457"), (-0.5, "-0.5"), (1.0004, "1"),
])
def test_numbers_as_people_write_them(value: float, text: str) -> None:
    assert words.number(value) == text


def test_every_kind_of_row_has_words_and_room_never_hurts() -> None:
    """The wording's idea of more room agrees with the signs of real duals: room never raises the harm."""
    seen = set()
    for seed in range(6):
        p = random_problem(seed)
        allocation = build(p)
        answer = solve(allocation.model)
        for block in allocation.model.rows:
            seen.add(block.name)
            for label, dual in zip(block.labels, answer.dual[block.start:block.stop], strict=True):
                change, unit, text = words.price(p, block, label, 1.0, dual)
                assert text.endswith(".") and "{" not in text and unit.startswith("points")
                if ROWS[block.name].limit:
                    assert change <= 1e-9, text
    assert {"budget", "absorb", "key_most", "team_investigators"} <= seen


def test_ranges_in_words() -> None:
    p = problem(budgets={("europol", 2025): 1e6})
    model = build(p).model
    assert words.holds(p, model.row_block("pool"), 2.0, 4.5) == "holds for limits from 2 posts to 4.5 posts"
    assert words.holds(p, model.row_block("pool"), 2.0, np.inf) == "holds for limits from 2 posts"
    assert words.holds(p, model.row_block("pool"), -np.inf, 3.0) == "holds for limits up to 3 posts"
    money = 1e6 / p.money_unit
    assert words.holds(p, model.row_block("budget"), money, 1.5 * money) == (
        "holds for limits from EUR 1,000,000 to EUR 1,500,000")


def test_sentences_for_several_quarters_are_told_once() -> None:
    quarters = ["2025Q4", "2026Q1", "2026Q3", "2026Q1", ""]
    texts = ["more in 2025Q4", "more in 2026Q1", "more in 2026Q3", "less in 2026Q1", "nothing"]
    assert words.by_quarters(texts[:2], quarters[:2]) == ["more in 2025Q4 to 2026Q1"]
    assert words.by_quarters(texts, quarters) == ["more in 2025Q4, 2026Q1, 2026Q3", "less in 2026Q1", "nothing"]


def test_giving_way_speaks_of_figures_that_somebody_set() -> None:
    """A limit that compares staff with staff has no figure of its own: 0 would have to be -1.2 says nothing."""
    p = rich_problem(0)
    blocks = {block.name: block for block in build(p).model.rows}
    told = {name: words.giving_way(p, block, block.labels[0], 0.0, 1.2, words.KINDS[name].gives < 0)
            for name, block in blocks.items() if ROWS[name].limit}
    assert {"key_least", "least_team", "stay_most", "notice"} <= told.keys()
    assert all("0 would have to be" not in told[name] for name in words.GIVING_WAY if name in told), told
    assert "1.2" in told["key_least"] and "less than its least share" in told["key_least"]
