"""The reference tables as arrays."""

from __future__ import annotations

import numpy as np

from countersmuggling.model.geography import OUTSIDE_DESTINATION, ROUTES, Geography


def test_legs_stand_in_the_order_of_the_network(geography: Geography) -> None:
    legs, network, hubs = geography.legs, geography.network, geography.hubs
    assert sorted(legs["leg"]) == sorted(geography.world.legs["leg"])
    for number, (tail, head, name) in enumerate(zip(legs["from"], legs["to"], legs["leg"], strict=True)):
        assert (hubs[network.tail[number]], hubs[network.head[number]]) == (tail, head)
        assert network.start[network.tail[number]] <= number < network.start[network.tail[number] + 1]
        assert name == f"{tail}>{head}"
    np.testing.assert_array_equal(geography.column("legs", "fee_eur"), legs["fee_eur"])


def test_everybody_can_get_somewhere(geography: Geography) -> None:
    """Where nobody settles, a leg leads on: no traveller is ever stuck."""
    out = np.diff(geography.network.start)
    assert np.all((out > 0) | (geography.settles_in >= 0))


def test_places_of_settling(geography: Geography) -> None:
    assert geography.destinations == [*geography.member_states, OUTSIDE_DESTINATION]
    assert len(geography.member_states) == 27
    for hub, number in enumerate(geography.settles_in):
        country = geography.hub_country[hub]
        assert (geography.destinations[number] if number >= 0 else country) == country
        assert (number >= 0) == (country in geography.destinations)
    assert set(range(28)) <= set(geography.settles_in)


def test_who_stops_and_who_receives(geography: Geography) -> None:
    legs = geography.legs
    named = legs["interceptor"].fillna("").astype(str)
    for leg in range(len(legs)):
        country = geography.hub_country[geography.network.head[leg]]
        assert geography.authorities[geography.receiver[leg]] == country
        assert geography.authorities[geography.interceptor[leg]] == (named[leg] or country)
    assert geography.authorities[:27] == geography.member_states
    assert len(set(geography.authorities)) == len(geography.authorities)


def test_flags_and_numbers_of_legs(geography: Geography) -> None:
    legs = geography.legs
    np.testing.assert_array_equal(geography.external, legs["border"] == "external")
    np.testing.assert_array_equal(geography.by_sea | geography.by_air, legs["mode"] != "land")
    assert [ROUTES[r] for r in geography.route_of_leg] == list(legs["route"])
    assert [geography.corridors[c] for c in geography.corridor_of_leg] == list(legs["corridor"])
    # what crosses the external border leads into the Union, and only there is a crossing detected
    into = geography.receiver[geography.external]
    assert np.all(into < 27)
    assert np.all(geography.column("legs", "detection")[~geography.external] == 0.0)


def test_origins(geography: Geography) -> None:
    share, hub = geography.origins
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    table = geography.world.origin_hubs.set_index(["origin_group", "hub"])["share"]
    for g, group in enumerate(geography.groups):
        used = share[g] > 0.0
        assert {geography.hubs[h]: s for h, s in zip(hub[g, used], share[g, used], strict=True)} == dict(
            table[group]
        )
