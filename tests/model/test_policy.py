"""Levers on dials: ramps, the two ways of acting, scope, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model.policy import DIALS, EFFECTS, Policy, ramped
from countersmuggling.scenarios import LEVERS, registry

ON = date(2025, 7, 1)
PLACES = {
    "member_state": ["FRA", "DEU", "ITA"], "partner": ["TUN", "LBY"], "origin_group": ["syria", "iraq"],
    "route": ["CMED", "EMED"], "union": ["union"],
}  # fmt: skip


def base() -> dict[str, npt.NDArray[np.float64]]:
    return {dial: np.linspace(0.3, 0.5, len(PLACES[kind])) for dial, kind in DIALS.items()}


def lever(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**({"on": ON, "off": None, "ramp_days": 0, "intensity": 1.0} | fields))


def policy(params: dict[str, float], **levers: SimpleNamespace) -> Policy:
    return Policy(SimpleNamespace(**levers), params, PLACES, base())


def test_ramps_by_hand() -> None:
    assert ramped(ON, None, 0, ON - timedelta(days=1)) == 0.0
    assert ramped(ON, None, 0, ON) == 1.0
    # ten days: a tenth on the first, all on the tenth
    assert [ramped(ON, None, 10, ON + timedelta(days=n)) for n in (-1, 0, 4, 9, 10, 5000)] == pytest.approx(
        [0.0, 0.1, 0.5, 1.0, 1.0, 1.0]
    )
    off = ON + timedelta(days=5)
    assert ramped(ON, off, 10, off - timedelta(days=1)) == pytest.approx(0.5)
    assert ramped(ON, off, 10, off) == 0.0


def test_intensity_is_the_ramp_times_what_the_scenario_says(params: dict[str, float]) -> None:
    p = policy(params, campaigns=lever(ramp_days=4, intensity=2.0))
    assert [p.intensity("campaigns", ON + timedelta(days=n)) for n in (-1, 0, 1, 3)] == [0.0, 0.5, 1.0, 2.0]
    assert p.intensity("root_causes", ON) == 0.0
    assert p.setting("root_causes") is None and p.setting("campaigns").ramp_days == 4


def test_scaling_and_closing_by_hand(params: dict[str, float]) -> None:
    chosen = params | {
        "lever.prosecution.throughput": 0.2, "lever.prosecution.conviction": 0.5, "lever.search_and_rescue.deaths": -0.25,
    }  # fmt: skip
    p = policy(chosen, prosecution=lever(), search_and_rescue=lever(intensity=2.0))
    dials = p.dials(ON)
    np.testing.assert_allclose(dials["prosecution_throughput"], [0.36, 0.48, 0.6])
    np.testing.assert_allclose(dials["conviction"], [0.65, 0.7, 0.75])  # half of the gap to 1
    np.testing.assert_allclose(dials["sea_deaths"], [0.15, 0.25])
    # neither way leaves its bounds, however strong
    strong = policy(chosen, prosecution=lever(intensity=3.0), search_and_rescue=lever(intensity=5.0)).dials(
        ON
    )
    np.testing.assert_array_equal(strong["conviction"], np.ones(3))
    np.testing.assert_array_equal(strong["sea_deaths"], np.zeros(2))


def test_two_levers_on_one_dial_combine(params: dict[str, float]) -> None:
    chosen = params | {"lever.information_sharing.sharing": 0.5, "lever.interagency_cooperation.sharing": 0.2}
    dials = policy(chosen, information_sharing=lever(), interagency_cooperation=lever()).dials(ON)
    np.testing.assert_allclose(dials["sharing"], 1.0 - (1.0 - np.array([0.3, 0.4, 0.5])) * 0.5 * 0.8)


@pytest.mark.parametrize(
    ("name", "field", "chosen", "dial", "where"),
    [
        ("member_state_capacity", "member_states", ["DEU"], "investigators", [False, True, False]),
        ("partner_cooperation", "partners", ["LBY"], "partner_interception", [False, True]),
        ("campaigns", "origin_groups", ["syria"], "campaign", [True, False]),
        ("search_and_rescue", "routes", ["EMED"], "sea_deaths", [False, True]),
        ("transport_and_visa", "partners", ["TUN"], "air_access", [True, False]),
    ],
)
def test_scope(
    params: dict[str, float], name: str, field: str, chosen: list[str], dial: str, where: list[bool]
) -> None:
    some = policy(params, **{name: lever(**{field: chosen})}).dials(ON)[dial]
    everywhere = policy(params, **{name: lever(**{field: ["all"]})}).dials(ON)[dial]
    plain = base()[dial]
    assert np.all(everywhere != plain)
    np.testing.assert_array_equal(some, np.where(where, everywhere, plain))


@pytest.mark.parametrize("name", sorted({e.lever for e in EFFECTS}))
def test_a_lever_moves_its_own_dials_and_nothing_more(params: dict[str, float], name: str) -> None:
    dials, plain = policy(params, **{name: lever()}).dials(ON), base()
    own = {e.dial for e in EFFECTS if e.lever == name}
    assert set(dials) == set(DIALS)
    for dial in DIALS:
        assert np.array_equal(dials[dial], plain[dial]) == (dial not in own), dial


@pytest.mark.parametrize("name", sorted({e.lever for e in EFFECTS}))
def test_a_lever_that_does_nothing_leaves_every_dial_exactly(params: dict[str, float], name: str) -> None:
    for inert in (lever(intensity=0.0), lever(on=ON + timedelta(days=1)), lever(on=date(2025, 1, 1), off=ON)):
        dials = policy(params, **{name: inert}).dials(ON)
        for dial, values in base().items():
            np.testing.assert_array_equal(dials[dial], values)


def test_dials_of_one_day_do_not_reach_into_another(params: dict[str, float]) -> None:
    p = policy(params, prosecution=lever())
    p.dials(ON)["conviction"][:] = 99.0
    np.testing.assert_array_equal(p.dials(ON - timedelta(days=1))["conviction"], base()["conviction"])
    np.testing.assert_array_equal(p.dials(ON)["conviction"], p.dials(ON)["conviction"])
    assert p.dials(ON)["conviction"].max() < 1.0


def test_effects_name_levers_dials_and_parameters_that_exist() -> None:
    known = registry()
    for e in EFFECTS:
        assert e.lever in LEVERS and e.dial in DIALS and e.how in ("scale", "close")
        assert e.parameter in known and e.parameter.startswith(f"lever.{e.lever}.")
    assert {e.dial for e in EFFECTS} == set(DIALS)
