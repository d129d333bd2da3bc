"""Country outlines and the projection of the maps.

The outlines are Natural Earth's (see :mod:`.cut_outlines`); they imply no position on any border.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

Points = NDArray[np.float64]

NOTE = "Borders: Natural Earth, public domain; they imply no position on any territory."
#: centre of the projection: longitude and latitude, degrees
CENTRE = (32.0, 34.0)
EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True)
class Country:
    """Outline of one country: closed rings of longitude and latitude in degrees, each of shape (n, 2)."""

    name: str
    iso3: str
    rings: tuple[Points, ...]


@cache
def countries() -> tuple[Country, ...]:
    """Countries in the window of the maps, from the committed cut of Natural Earth."""
    stored = json.loads(files(__package__).joinpath("data/outlines.json").read_text(encoding="utf-8"))
    arcs = [np.cumsum(np.reshape(steps, (-1, 2)), axis=0) * stored["quantum"] for steps in stored["arcs"]]

    def ring(members: list[int]) -> Points:
        return np.concatenate([arcs[k] if k >= 0 else arcs[~k][::-1] for k in members])

    return tuple(Country(c["name"], c["iso3"], tuple(map(ring, c["rings"]))) for c in stored["countries"])


def project(longitude: ArrayLike, latitude: ArrayLike) -> Points:
    """Lambert azimuthal equal-area projection about :data:`CENTRE` on a sphere (Snyder 1987, eqs 24-2 to 24-4).

    Parameters
    ----------
    longitude, latitude : array_like of shape (n,)
        Degrees.

    Returns
    -------
    array of shape (n, 2)
        Kilometres east and north of the centre.
    """
    lon, lat = np.radians(longitude) - np.radians(CENTRE[0]), np.radians(latitude)
    sin0, cos0 = np.sin(np.radians(CENTRE[1])), np.cos(np.radians(CENTRE[1]))
    cosine = sin0 * np.sin(lat) + cos0 * np.cos(lat) * np.cos(lon)
    k = EARTH_RADIUS_KM * np.sqrt(2.0 / np.maximum(1.0 + cosine, 1e-9))
    east = k * np.cos(lat) * np.sin(lon)
    north = k * (cos0 * np.sin(lat) - sin0 * np.cos(lat) * np.cos(lon))
    return np.column_stack([east, north])


@cache
def _shapes() -> tuple[tuple[str, Path], ...]:
    from matplotlib.path import Path

    # one compound path per country, so that enclaves (a ring inside a ring) stay open
    return tuple(
        (c.iso3, Path.make_compound_path(*(Path(project(r[:, 0], r[:, 1]), closed=True) for r in c.rings)))
        for c in countries()
    )


def draw(axes: Axes, land: str, border: str, fills: dict[str, str] | None = None) -> None:
    """Draw every outline on `axes` in projected kilometres.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    land, border : str
        Colours.
    fills : dict, optional
        Colour by ISO3 code for countries to be set apart.
    """
    from matplotlib.collections import PathCollection

    colours = [(fills or {}).get(iso3, land) for iso3, _ in _shapes()]
    shapes = [shape for _, shape in _shapes()]
    axes.add_collection(
        PathCollection(shapes, facecolors=colours, edgecolors=border, linewidths=0.35, zorder=1),
        autolim=False,
    )
    axes.set_aspect("equal")
    axes.set_axis_off()
