"""Cut the country outlines of the maps out of the npm package world-atlas (Natural Earth, public domain).

Done once; its product ``data/outlines.json`` is committed. To repeat it, unpack world-atlas 2.0.2 and run
``python -m countersmuggling.experiments.cut_outlines countries-50m.json experiments/data/outlines.json``.

Neighbours share their border as one arc in the TopoJSON, and simplification works arc by arc, so that no slivers open
between countries.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

#: longitude and latitude of the cut, degrees: the Sahel and the Gulf of Guinea to Scandinavia, Cabo Verde to Bangladesh
WINDOW = (-26.0, 2.0, 97.0, 72.0)
#: tolerance of Douglas and Peucker's simplification, degrees, inside the window and outside it
TOLERANCE, TOLERANCE_OUTSIDE = 0.035, 1.0
#: degrees per step of the stored integers
QUANTUM = 0.005
#: rings whose bounding box is smaller than this (degrees) are left out, unless they are all that a country has
SMALLEST_RING = 0.12

#: ISO 3166-1 numeric to alpha-3 for what lies in the window
_CODES = """
004:AFG 008:ALB 012:DZA 020:AND 031:AZE 040:AUT 048:BHR 050:BGD 051:ARM 056:BEL 064:BTN 070:BIH 100:BGR
104:MMR 112:BLR 120:CMR 132:CPV 140:CAF 144:LKA 148:TCD 156:CHN 178:COG 180:COD 191:HRV 196:CYP 203:CZE
204:BEN 208:DNK 226:GNQ 231:ETH 232:ERI 233:EST 234:FRO 246:FIN 248:ALA 250:FRA 262:DJI 266:GAB 268:GEO
270:GMB 275:PSE 276:DEU 288:GHA 300:GRC 324:GIN 336:VAT 348:HUN 352:ISL 356:IND 364:IRN 368:IRQ 372:IRL
376:ISR 380:ITA 384:CIV 398:KAZ 400:JOR 404:KEN 414:KWT 417:KGZ 422:LBN 428:LVA 430:LBR 434:LBY 438:LIE
440:LTU 442:LUX 462:MDV 466:MLI 470:MLT 478:MRT 492:MCO 496:MNG 498:MDA 499:MNE 504:MAR 512:OMN 524:NPL
528:NLD 562:NER 566:NGA 578:NOR 586:PAK 616:POL 620:PRT 624:GNB 634:QAT 642:ROU 643:RUS 674:SMR 678:STP
682:SAU 686:SEN 688:SRB 694:SLE 703:SVK 705:SVN 706:SOM 724:ESP 728:SSD 729:SDN 732:ESH 752:SWE 756:CHE
760:SYR 762:TJK 764:THA 768:TGO 784:ARE 788:TUN 792:TUR 795:TKM 800:UGA 804:UKR 807:MKD 818:EGY 826:GBR
831:GGY 832:JEY 833:IMN 834:TZA 854:BFA 860:UZB 887:YEM
"""
ISO3: dict[str, str] = {pair[:3]: pair[4:] for pair in _CODES.split()}


def simplified(points: Points, tolerance: float) -> Points:
    """Drop the points of a line that lie within `tolerance` of it (Douglas and Peucker 1973); ends stay.

    Parameters
    ----------
    points : array of shape (n, 2)
        Longitude and latitude, degrees.
    tolerance : float
        Degrees. Longitudes are shortened by the cosine of the latitude before distances are taken.

    Returns
    -------
    array of shape (m, 2), m <= n
    """
    if len(points) < 3:
        return points
    flat = points * np.array([np.cos(np.radians(points[:, 1].mean())), 1.0])
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        along = flat[last] - flat[first]
        inner = flat[first + 1 : last] - flat[first]
        length = float(np.hypot(*along))
        if length == 0.0:  # a closed arc: split it at its farthest point
            away = np.hypot(inner[:, 0], inner[:, 1])
        else:
            away = np.abs(inner[:, 0] * along[1] - inner[:, 1] * along[0]) / length
        farthest = int(away.argmax())
        if away[farthest] > tolerance:
            split = first + 1 + farthest
            keep[split] = True
            stack += [(first, split), (split, last)]
    return points[keep]


def decoded(topology: dict[str, Any]) -> list[Points]:
    """Arcs of a quantised TopoJSON topology in degrees."""
    scale = np.array(topology["transform"]["scale"])
    offset = np.array(topology["transform"]["translate"])
    return [np.cumsum(np.array(arc, dtype=float), axis=0) * scale + offset for arc in topology["arcs"]]


def _inside(points: Points) -> bool:
    west, south, east, north = WINDOW
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(high[0] >= west and low[0] <= east and high[1] >= south and low[1] <= north)


def cut(topology: dict[str, Any]) -> dict[str, Any]:
    """Cut and simplify world-atlas's 1:50m countries.

    Parameters
    ----------
    topology : dict
        Content of ``countries-50m.json``.

    Returns
    -------
    dict
        ``about``, ``quantum`` (degrees), ``arcs`` (lists of integer steps) and ``countries`` (name, iso3 or an empty
        string, rings; a ring lists arcs, ``~k`` stands for arc ``k`` backwards, as in TopoJSON).
    """
    arcs = decoded(topology)

    def span(ring: list[int]) -> Points:
        return np.concatenate([arcs[k if k >= 0 else ~k] for k in ring])

    countries: list[dict[str, Any]] = []
    for shape in topology["objects"]["countries"]["geometries"]:
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        rings = [ring for polygon in polygons for ring in polygon if _inside(span(ring))]
        sizes = [float(np.ptp(span(ring), axis=0).max()) for ring in rings]
        rings = [
            r for r, size in zip(rings, sizes, strict=True) if size >= SMALLEST_RING or size == max(sizes)
        ]
        if rings:
            iso3 = ISO3.get(shape.get("id", ""), "XKX" if shape["properties"]["name"] == "Kosovo" else "")
            countries.append({"name": shape["properties"]["name"], "iso3": iso3, "rings": rings})
    used = sorted({k if k >= 0 else ~k for c in countries for ring in c["rings"] for k in ring})
    number = {old: new for new, old in enumerate(used)}
    stored = []
    for k in used:
        line = simplified(arcs[k], TOLERANCE if _inside(arcs[k]) else TOLERANCE_OUTSIDE)
        steps = np.rint(line / QUANTUM).astype(int)
        stored.append(np.diff(steps, axis=0, prepend=[[0, 0]]).ravel().tolist())
    for country in countries:
        country["rings"] = [[number[k] if k >= 0 else ~number[~k] for k in ring] for ring in country["rings"]]
    return {
        "about": (
            "Country outlines, 1:50m, cut and simplified on shared arcs from world-atlas 2.0.2, which redistributes "
            "Natural Earth 4.1 (public domain, naturalearthdata.com). Borders are Natural Earth's and imply no position."
        ),
        "quantum": QUANTUM,
        "arcs": stored,
        "countries": sorted(countries, key=lambda c: str(c["name"])),
    }


def main(arguments: list[str]) -> None:
    """Read a world-atlas file and write the cut: two arguments, source and target."""
    source, target = (Path(a) for a in arguments)
    result = cut(json.loads(source.read_text(encoding="utf-8")))
    lines = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in result["countries"])
    arcs = ",\n".join(json.dumps(a, separators=(",", ":")) for a in result["arcs"])
    about = json.dumps(result["about"])
    text = f'{{"about":{about},\n"quantum":{QUANTUM},\n"countries":[\n{lines}],\n"arcs":[\n{arcs}]}}\n'
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
