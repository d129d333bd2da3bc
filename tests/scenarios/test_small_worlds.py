"""Small worlds: what is filled in, what is refused and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from countersmuggling.scenarios import small_world
from countersmuggling.scenarios.reference import ReferenceDataError, World

HUBS = {"gafsa": "TUN", "tripoli": "LBY", "lampedusa": "ITA"}
LEGS: list[dict[str, Any]] = [
    {"from": "gafsa", "to": "lampedusa", "mode": "sea", "route": "CMED", "fee_eur": 2500, "interception": 0.4},
    {"from": "gafsa", "to": "tripoli", "fee_eur": 500},
    {"from": "tripoli", "to": "lampedusa", "mode": "sea", "route": "CMED", "fee_eur": 2000, "interceptor": "LBY",
     "interception": 0.3, "corridor": "coast"},
]  # fmt: skip
GROUPS: dict[str, dict[str, Any]] = {"travellers": {"origins": "gafsa", "detections": 20_000}}


def three_hubs(**changes: Any) -> World:
    return small_world(**({"hubs": HUBS, "legs": LEGS, "groups": GROUPS} | changes))


def test_what_is_not_said_is_filled_in() -> None:
    tables = three_hubs()
    legs = tables.legs.set_index("leg")
    assert list(legs["border"]) == ["external", "none", "external"]
    assert list(legs["route"]) == ["CMED", "FEEDER", "CMED"]
    assert list(legs["corridor"]) == ["gafsa>lampedusa", "gafsa>tripoli", "coast"]
    assert list(legs["interceptor"]) == ["ITA", "", "LBY"] and list(legs["detection"]) == [0.9, 0.0, 0.9]
    assert list(tables.member_states["member_state"]) == ["ITA"]
    assert list(tables.partners["partner"]) == ["TUN", "LBY"]
    assert (tables.seasonality["factor"] == 1.0).all() and len(tables.seasonality) == 12
    year = tables.route_detections.query("year == 2020")
    assert list(year["route"]) == ["CMED"] and year["detections"].sum() == 20_000
    assert set(tables.destination_shares["share"]) == {1.0}


def test_shares_and_seasons_are_scaled() -> None:
    group = {"origins": {"gafsa": 3, "tripoli": 1}, "season": [2.0] * 6 + [1.0] * 6}
    tables = three_hubs(groups={"a": group})
    assert list(tables.origin_hubs["share"]) == [0.75, 0.25]
    assert tables.seasonality["factor"].mean() == pytest.approx(1.0)
    assert tables.seasonality["factor"].max() == pytest.approx(4.0 / 3.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hubs": HUBS | {"gafsa": "TUNISIA"}}, "hubs, row 1, column country: gafsa: 'TUNISIA' is neither"),
        ({"hubs": {"gafsa": "TUN", "tripoli": "LBY", "lampedusa": "EGY"}}, "no hub lies in a Member State"),
        ({"legs": []}, "there is no leg"),
        ({"legs": [*LEGS, {"from": "gafsa", "to": "atlantis"}]}, "legs, row 4, column to: no hub 'atlantis'"),
        ({"legs": [{**LEGS[0], "fee": 3}]}, "legs, row 1, column fee: unknown; expected one of"),
        ({"legs": [{**LEGS[0], "route": ""}]}, "a leg into the Union needs one of CMED"),
        ({"legs": [{**LEGS[0], "interception": 1.2}]}, "expected a number from 0 to 1, got 1.2"),
        ({"legs": [{**LEGS[0], "mode": "boat"}]}, "expected land, sea or air, got 'boat'"),
        ({"legs": [{**LEGS[0], "to": "gafsa"}]}, "has to lead to another hub"),
        ({"legs": [*LEGS, LEGS[1]]}, "legs, row 4, column leg: 'gafsa>tripoli' is given twice"),
        ({"groups": {}}, "there is no origin group"),
        ({"groups": {"a": {"origins": "rome"}}}, "a: expected hubs, got ['rome']"),
        ({"groups": {"a": {"origins": "gafsa", "detections": {"EMED": 1}}}}, "no way over EMED"),
        ({"groups": {"a": {"origins": "gafsa", "season": [1.0]}}}, "expected 12 factors, got 1"),
        ({"groups": {"a": {"origins": "gafsa", "destinations": {"DEU": 1}}}}, "DEU has no hub"),
        ({"legs": [LEGS[1]]}, "no way leads from gafsa into a Member State"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ReferenceDataError) as found:
        three_hubs(**changes)
    assert told in str(found.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ReferenceDataError) as found:
        three_hubs(legs=[{**LEGS[0], "interception": 2}, {**LEGS[1], "days": -1}])
    assert len(found.value.problems) == 2
