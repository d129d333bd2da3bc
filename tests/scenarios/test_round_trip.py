"""Any scenario that is written is read back the same."""

import datetime as dt
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersmuggling.scenarios import LEVERS, RESOURCES, bundled, load, registry
from countersmuggling.scenarios.member_states import MEMBER_STATES
from countersmuggling.scenarios.schema import Scenario
from countersmuggling.scenarios.vocabulary import names
from countersmuggling.scenarios.yaml_reader import parse
from countersmuggling.scenarios.yaml_writer import dump

AWKWARD = ["NO", "on", "yes", "null", "~", "1e3", "010", "0x1F", "0o7", "2025-01-01", ".nan", ".inf", "-.inf", "12:30:45", "a: b",
           "# no", "- x", "'", '"', "\\", "&a", "*a", "!x", "%x", "@x", "`x", "{", "}", "[", "]", ",", "?", "|", ">", "<<", "=", " lead",
           "trail ", "two\nlines", "\n", "a\n\n b\n", "tab\there", "\u2028", "\x85", "\ufeffx", "ürün", "😀", "1_000", "+1", "-", "---", "...", ""]  # fmt: skip
texts = st.sampled_from(AWKWARD) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60
)
numbers = st.floats(0, 1000, allow_nan=False) | st.integers(0, 1000)
days = st.dates(dt.date(2014, 1, 1), dt.date(2040, 12, 31))


def pick(kind: str) -> st.SearchStrategy[list[str]]:
    valid = sorted(names(kind))
    return st.just(["all"]) | st.lists(st.sampled_from(valid), min_size=1, max_size=4, unique=True)


@st.composite
def levers(draw: st.DrawFn) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(sorted(LEVERS)), unique=True, max_size=8)):
        on = draw(days)
        lever: dict[str, Any] = {
            "on": on.isoformat(),
            "off": draw(
                st.none() | st.just((on + dt.timedelta(days=draw(st.integers(1, 3000)))).isoformat())
            ),
            "ramp_days": draw(st.integers(0, 3650)),
            "intensity": draw(st.floats(0, 3)),
        }
        extras: dict[str, dict[str, st.SearchStrategy[Any]]] = {
            "task_forces": {"number": numbers.filter(lambda n: n <= 500)},
            "biometrics": {"kits": numbers},
            "europol_deployments": {"posts": numbers, "reserve_pool": numbers},
            "legal_pathways": {"places_per_year": numbers, "origin_groups": pick("origin group")},
            "campaigns": {"origin_groups": pick("origin group")},
            "member_state_capacity": {"member_states": pick("Member State")},
            "partner_cooperation": {"partners": pick("partner country")},
            "search_and_rescue": {"routes": pick("route")},
        }
        chosen[name] = lever | {key: draw(strategy) for key, strategy in extras.get(name, {}).items()}
    return chosen


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    start, more = draw(days), draw(st.integers(0, 3000))
    kinds = draw(st.lists(st.sampled_from(sorted(RESOURCES)), unique=True))
    varied = draw(st.lists(st.sampled_from(sorted(registry())), unique=True, max_size=5))
    return {
        "name": draw(st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20})?", fullmatch=True)),
        "title": draw(texts),
        "question": draw(texts),
        "description": draw(texts),
        "horizon": {"start": start.isoformat(), "end": (start + dt.timedelta(days=more)).isoformat()},
        "uncertainties": {
            "draw": draw(st.sampled_from(["central", "ranges"])),
            "parameters": {name: registry()[name].value for name in varied},
            "vary": draw(st.none() | st.just(varied)),
            "demand_growth_per_year": draw(st.floats(-0.9, 5)),
        },
        "levers": draw(levers()),
        "model": {"persons_per_agent": draw(st.floats(1, 1000)), "adaptation": draw(st.booleans())},
        "outcomes": {"deaths": {"weight": draw(st.floats(0, 1e300))}},
        "resources": {
            "posts": {kind: {"available": draw(numbers), "from": draw(st.none() | days.map(str))} for kind in kinds},
            "pools": {"some": {"types": kinds, "available": 5}} if kinds else {},
            "budgets": {"europol": {str(draw(st.integers(2014, 2050))): draw(st.floats(0, 1e12))}},
            "hosts": {draw(st.sampled_from([*MEMBER_STATES, "default"])): {"absorb": draw(numbers)}},
        },
        "plan": {"objective": draw(st.sampled_from(["expected", "cvar", "robust"])), "level": draw(st.floats(0, 0.99))},
        "events": [
            {"kind": "border_closed", "on": draw(days).isoformat(), "from": draw(st.none() | st.just("SRB")), "into": "HUN"},
            {"kind": "demand_shock", "on": draw(days).isoformat(), "factor": draw(st.floats(0, 100))},
        ],
        "replicates": draw(st.integers(1, 10_000)),
        "seed": draw(st.integers(0, 2**63 - 1)),
    }  # fmt: skip


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=scenarios())
def test_written_and_read_back(data: dict[str, Any], tmp_path: Path) -> None:
    scenario = Scenario.model_validate(data)
    path = tmp_path / "written.yaml"
    path.write_bytes(scenario.to_yaml().encode())
    assert load(path) == scenario
    assert load(path).to_yaml() == scenario.to_yaml()


@pytest.mark.parametrize("name", bundled())
def test_bundled_written_and_read_back(name: str, tmp_path: Path) -> None:
    (tmp_path / "resolved.yaml").write_text(load(name).to_yaml(), encoding="utf-8")
    assert load(tmp_path / "resolved.yaml") == load(name)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts.filter(lambda t: t != "<<"), inner, max_size=4),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_plain_value_survives(value: Any) -> None:
    node, problems = parse(dump({"top": value}).encode(), "text")
    assert problems == []
    assert node.plain() == {"top": value}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(string.printable, max_size=400).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    from countersmuggling.scenarios import ScenarioError

    try:
        parse(data, "noise")
    except ScenarioError as error:
        assert error.problems
        assert all(problem.file == "noise" for problem in error.problems)
