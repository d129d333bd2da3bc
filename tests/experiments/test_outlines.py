"""The outlines of the maps: complete, shared borders stay shared, and areas keep their proportions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from countersmuggling.experiments import outlines
from countersmuggling.experiments.cut_outlines import ISO3, cut, simplified
from countersmuggling.scenarios import world


def test_every_country_of_the_network_is_drawn() -> None:
    drawn = {country.iso3 for country in outlines.countries()}
    assert set(world().member_states["member_state"]) - {"MLT"} <= drawn
    assert set(world().hubs["country"]) <= drawn | {"MLT"}
    assert len(set(ISO3.values())) == len(ISO3)


def test_hubs_lie_in_their_countries() -> None:
    """Most of them: ports may lie off a simplified coast, and islands may be left out."""
    from matplotlib.path import Path

    shapes = {c.iso3: [Path(ring) for ring in c.rings] for c in outlines.countries() if c.iso3}
    hubs = world().hubs
    inside = [
        any(
            ring.contains_point((lon, lat), radius=0.2) or ring.contains_point((lon, lat), radius=-0.2)
            for ring in shapes[country]
        )
        for country, lon, lat in zip(hubs["country"], hubs["lon"], hubs["lat"], strict=True)
        if country in shapes
    ]
    assert np.mean(inside) > 0.9


def test_rings_are_closed_and_finite() -> None:
    for country in outlines.countries():
        for ring in country.rings:
            assert np.isfinite(ring).all()
            assert np.allclose(ring[0], ring[-1])


@pytest.mark.parametrize(("longitude", "latitude"), [(-17.0, 14.0), (2.0, 48.0), (32.0, 34.0), (90.0, 24.0)])
def test_areas_keep_their_proportions(longitude: float, latitude: float) -> None:
    # a small quadrangle, whose area on the sphere is R^2 dlon (sin lat2 - sin lat1)
    step = 0.1
    x, y = outlines.project(
        [longitude, longitude + step, longitude + step, longitude],
        [latitude, latitude, latitude + step, latitude + step],
    ).T
    drawn = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))
    true = (
        outlines.EARTH_RADIUS_KM**2
        * np.radians(step)
        * np.diff(np.sin(np.radians([latitude, latitude + step])))[0]
    )
    assert drawn == pytest.approx(true, rel=1e-3)


def test_simplification_keeps_ends_and_stays_within_its_tolerance() -> None:
    x = np.linspace(0.0, 4.0, 200)
    line = np.column_stack([x, np.sin(x)])
    short = simplified(line, 0.02)
    assert len(short) < 30
    assert (short[0] == line[0]).all() and (short[-1] == line[-1]).all()
    assert np.abs(np.interp(x, short[:, 0], short[:, 1]) - np.sin(x)).max() < 0.03


def two_squares() -> dict[str, Any]:
    """A TopoJSON of two neighbours that share the arc 0 (x = 1), and of one country far away."""
    arcs: list[list[list[int]]] = [
        [[100, 400], [0, 50], [0, 50]],
        [[100, 500], [-100, 0], [0, -100], [100, 0]],
        [[100, 400], [100, 0], [0, 100], [-100, 0]],
        [[-1000, -500], [10, 0], [0, 10], [-10, -10]],
    ]
    return {
        "transform": {"scale": [0.1, 0.1], "translate": [0.0, 0.0]},
        "arcs": arcs,
        "objects": {
            "countries": {
                "geometries": [
                    {"type": "Polygon", "id": "008", "properties": {"name": "West"}, "arcs": [[0, 1]]},
                    {
                        "type": "MultiPolygon",
                        "id": "999",
                        "properties": {"name": "East"},
                        "arcs": [[[2, -1]]],
                    },
                    {"type": "Polygon", "id": "010", "properties": {"name": "Far"}, "arcs": [[3]]},
                ]
            }
        },
    }


def test_neighbours_keep_one_common_border() -> None:
    found = cut(two_squares())
    assert [c["name"] for c in found["countries"]] == ["East", "West"]
    assert [c["iso3"] for c in found["countries"]] == ["", "ALB"]
    east, west = (c["rings"][0] for c in found["countries"])
    assert {k if k >= 0 else ~k for k in east} & set(west) == {0}
    assert len(found["arcs"]) == 3, "arcs of countries that are left out go too"
    assert len(found["arcs"][0]) == 4, "the point in the middle of a straight border goes"


def test_the_source_is_named() -> None:
    assert "Natural Earth" in outlines.NOTE
    assert "no position" in outlines.NOTE
