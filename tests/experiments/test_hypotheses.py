"""Rankings of options under rival hypotheses of choice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from countersmuggling.experiments.hypotheses import COLUMNS, rankings, survives, under
from countersmuggling.scenarios import load

TINY = """\
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-03-31, burn_in_days: 10}
uncertainties: {draw: central}
model: {persons_per_agent: 200, networks: 40, route_choice_interval_days: 7}
replicates: 2
"""
CLOSED = """\
extends: tiny.yaml
events:
  - {kind: border_closed, on: 2024-12-22, into: ITA, strength: 0.95}
  - {kind: border_closed, on: 2024-12-22, into: ESP, strength: 0.95}
  - {kind: border_closed, on: 2024-12-22, into: GRC, strength: 0.95}
"""
NOTHING = """\
extends: tiny.yaml
levers: {root_causes: {on: 2025-01-01, intensity: 0}}
"""


def test_a_scenario_under_another_hypothesis_is_what_a_file_would_say(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: legal-pathways\nmodel: {behaviour: habit}\n", encoding="utf-8")
    by_file, by_call = load(tmp_path / "mine.yaml"), under("legal-pathways", "habit")
    assert by_call.name == "legal-pathways-habit"
    assert (by_file.model, by_file.levers) == (by_call.model, by_call.levers)


def test_options_are_ranked_under_each_hypothesis(tmp_path: Path) -> None:
    for name, text in (("tiny", TINY), ("closed", CLOSED), ("nothing", NOTHING)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    files = [tmp_path / f"{name}.yaml" for name in ("nothing", "closed")]
    table = rankings(
        tmp_path / "tiny.yaml", files, "irregular_crossings", behaviours=("expected_utility", "habit"),
        workers=1, progress=False,
    )  # fmt: skip
    assert tuple(table.columns) == COLUMNS
    assert list(table["option"]) == ["nothing", "closed"] * 2
    # closed borders stop crossings within weeks, whatever moves those who choose
    assert list(table["rank"]) == [2, 1] * 2
    assert survives(table)
    assert (table["low"] <= table["difference"]).all() and (table["difference"] <= table["high"]).all()
    closed = table[table["option"] == "closed"]["difference"]
    assert closed.iloc[0] != closed.iloc[1]
    assert (table[table["option"] == "nothing"]["difference"] == 0.0).all()


def test_a_ranking_that_turns_round_does_not_survive() -> None:
    rows = [("expected_utility", "a", 1), ("expected_utility", "b", 2), ("habit", "a", 2), ("habit", "b", 1)]
    table = pd.DataFrame(rows, columns=["behaviour", "option", "rank"])
    assert not survives(table)
    assert survives(table[table["behaviour"] == "habit"])


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="no outcome 'death'; did you mean 'deaths'"):
        rankings("baseline-2025", ["legal-pathways"], "death")
