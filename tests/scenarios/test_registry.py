"""The evidence registry: rows are checked, overrides and draws act on what they name and on nothing else."""

import math
import pickle
import statistics
from importlib.resources import files
from typing import Any

import pytest

from countersmuggling.scenarios import LEVERS, OUTCOMES, RESOURCES, Parameters, ScenarioError, load, registry
from countersmuggling.scenarios.registry import (
    COLUMNS,
    Override,
    centred,
    parse_registry,
    triangular,
    uniform,
)
from countersmuggling.scenarios.resources import HEADINGS
from countersmuggling.scenarios.schema import Levers, Scenario

HEADER = ",".join(COLUMNS) + "\n"
GOOD = 'fees.markup,0.3,0.1,0.5,share,C,"Europol, report",Mark-up\n'


def scenario(**uncertainties: Any) -> Scenario:
    base = load("baseline-2025").model_dump(mode="json", by_alias=True)
    return Scenario.model_validate(base | {"uncertainties": uncertainties})


def wide() -> list[str]:
    return [name for name, row in registry().items() if row.low < row.high]


def test_a_good_row() -> None:
    row = parse_registry(HEADER + GOOD)["fees.markup"]
    assert (row.value, row.low, row.high, row.unit, row.grade) == (0.3, 0.1, 0.5, "share", "C")
    assert (row.source, row.room) == ("Europol, report", "fees")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("fees.markup,0.6,0.1,0.5,share,C,x,y", "low <= value <= high"),
        ("fees.markup,0.3,0.5,0.1,share,C,x,y", "low <= value <= high"),
        ("fees.markup,nan,0.1,0.5,share,C,x,y", "value: expected a number, found 'nan'"),
        ("fees.markup,0.3,-inf,0.5,share,C,x,y", "low: expected a number"),
        ("fees.markup,0.3,0.1,much,share,C,x,y", "high: expected a number, found 'much'"),
        ("fees.markup,0.3,0.1,1.5,share,C,x,y", "a share lies between 0 and 1"),
        ("fees.markup,0.3,0.1,0.5,,C,x,y", "the unit is empty"),
        ("fees.markup,0.3,0.1,0.5,share,E,x,y", "expected a grade A, B, C or D"),
        ("fees.markup,0.3,0.1,0.5,share,C,,y", "the source is empty"),
        ("fees.markup,0.3,0.1,0.5,share,C,x,", "the description is empty"),
        ("fees.markup,0.3,0.1,0.5,share,D,recalled,y", "needs 'judgement: why'"),
        ("markup,0.3,0.1,0.5,share,C,x,y", "a dotted name"),
        ("fees.mark-up,0.3,0.1,0.5,share,C,x,y", "a dotted name"),
        ("fees.markup,0.3,0.1,0.5,share,C,x", "expected 8 cells, found 7"),
        ("fees.markup,0.3,0.1,0.5,share,C,x,y,z", "expected 8 cells, found 9"),
    ],
)
def test_a_bad_row_names_file_and_line(row: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_registry(HEADER + 'fees.other,1,1,1,1,C,"a,\nb",y\n' + row + "\n", "parameters.csv")
    (problem,) = caught.value.problems
    assert words in problem.message
    assert (problem.file, problem.line) == ("parameters.csv", 4)  # the row before takes two lines


def test_a_name_given_twice_and_a_wrong_header() -> None:
    with pytest.raises(ScenarioError, match="given twice .first in line 2."):
        parse_registry(HEADER + GOOD + GOOD)
    with pytest.raises(ScenarioError, match="expected the columns"):
        parse_registry("name,value\n")


def test_every_bad_row_is_told() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_registry(HEADER + "a.b,1,2,3,,C,x,y\n" + "a.c,1,1,1,1,D,x,y\n")
    assert [problem.line for problem in caught.value.problems] == [2, 2, 3]


def test_unknown_names_raise_with_the_nearest() -> None:
    name = next(iter(registry()))
    for table in (registry(), load("baseline-2025").parameters()):
        with pytest.raises(KeyError, match=f"did you mean '{name}'"):
            table[name[:-1]]


def test_parameters_are_the_registrys_values_and_travel_to_workers() -> None:
    parameters = scenario(draw="central").parameters(3)
    assert dict(parameters) == {name: row.value for name, row in registry().items()}
    assert dict(pickle.loads(pickle.dumps(parameters))) == dict(parameters)
    assert all(parameters.grade(name) == row.grade for name, row in registry().items())
    with pytest.raises(TypeError):
        parameters["cost.analyst_eur_per_year"] = 1  # type: ignore[index]
    assert isinstance(parameters, Parameters)


def test_overrides_move_one_parameter() -> None:
    name = "cost.analyst_eur_per_year"
    row = registry()[name]
    changed = scenario(parameters={name: row.high * 2}).parameters()
    assert changed[name] == row.high * 2
    assert {n for n, value in changed.items() if value != registry()[n].value} == {name}
    assert centred(row, Override(row.high * 2)) == (row.low, row.high * 2, row.high * 2)
    assert centred(row, Override(low=1, high=2)) == (1, 2, 2)
    assert centred(row, Override(value=5, low=1, high=9)) == (1, 5, 9)
    assert centred(row, Override(low=row.low / 2)) == (row.low / 2, row.value, row.high)
    assert centred(row, None) == (row.low, row.value, row.high)


def test_draws_depend_on_seed_replicate_and_name_only() -> None:
    drawn = scenario(draw="ranges")
    one = drawn.parameters(0)
    other_policy = load("full-package").model_copy(update={"uncertainties": drawn.uncertainties})
    assert dict(other_policy.parameters(0)) == dict(one)
    assert dict(drawn.parameters(0)) == dict(one)
    assert all(drawn.parameters(1)[name] != one[name] for name in wide())
    assert all(drawn.model_copy(update={"seed": 1}).parameters(0)[name] != one[name] for name in wide())
    only = scenario(draw="ranges", vary=["cost.*"]).parameters(0)
    for name, row in registry().items():
        assert only[name] == (one[name] if name.startswith("cost.") else row.value)
        assert row.low <= one[name] <= row.high
    assert dict(drawn.parameters()) == {name: row.value for name, row in registry().items()}


def test_an_override_does_not_disturb_other_draws() -> None:
    name = "cost.analyst_eur_per_year"
    one = scenario(draw="ranges").parameters(2)
    other = scenario(draw="ranges", parameters={name: {"low": 1.0, "value": 2.0, "high": 3.0}}).parameters(2)
    assert 1 <= other[name] <= 3
    assert {n for n in one if one[n] != other[n]} == {name}


def test_draws_are_pinned() -> None:
    # the stream is part of what makes results reproducible across versions
    assert uniform(0, 0, "fees.markup") == 0.5455871318367074
    assert uniform(2025, 7, "cost.analyst_eur_per_year") == 0.1814299692231115


def test_uniform_is_uniform_and_triangular_is_triangular() -> None:
    draws = [uniform(1, replicate, "fees.markup") for replicate in range(4000)]
    assert abs(statistics.fmean(draws) - 0.5) < 4 * math.sqrt(1 / 12 / 4000)
    for decile in range(10):
        share = sum(decile / 10 <= u < (decile + 1) / 10 for u in draws) / 4000
        assert abs(share - 0.1) < 4 * math.sqrt(0.09 / 4000)
    other = [uniform(1, replicate, "fees.other") for replicate in range(4000)]
    assert abs(statistics.correlation(draws, other)) < 4 / math.sqrt(4000)
    values = [triangular(u, 1, 2, 5) for u in draws]
    assert abs(statistics.fmean(values) - 8 / 3) < 4 * math.sqrt((1 + 4 + 25 - 2 - 5 - 10) / 18 / 4000)
    assert [triangular(u, 1, 2, 5) for u in (0.0, 0.25, 1.0)] == [1, 2, 5]
    assert triangular(0.3, 2, 2, 2) == 2
    assert [triangular(u, 2, 2, 4) for u in (0.0, 1.0)] == [2, 4]


def test_the_three_tables_agree_with_schema_and_registry() -> None:
    assert list(LEVERS) == list(Levers.model_fields)
    assert {info.heading for info in RESOURCES.values()} == set(HEADINGS)
    for resource in RESOURCES.values():
        assert resource.cost_parameter in registry(), resource.name
    for outcome in OUTCOMES.values():
        assert (
            (outcome.kind == "ratio") == (outcome.numerator is not None) == (outcome.denominator is not None)
        )
        for part in (outcome.numerator, outcome.denominator):
            assert part is None or OUTCOMES[part].kind == "flow"
        assert set(outcome.dimensions) <= {"route", "origin_group", "member_state", "leg"}


def test_the_table_is_kept_as_text_that_people_can_read() -> None:
    data = (files("countersmuggling.scenarios") / "data" / "parameters.csv").read_bytes()
    assert b"\r" not in data and data.endswith(b"\n")
    assert data.decode("utf-8").splitlines()[0] == ",".join(COLUMNS)
