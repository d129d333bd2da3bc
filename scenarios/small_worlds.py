"""Small worlds: the few hubs, legs and origin groups that a question needs, as tables for the model.

The bundled tables hold some 110 hubs; a mechanism is understood, taught and tested on three.  `small_world` fills in what
a `World` needs besides what is said, from the bundled tables of Member States and partner countries and plain defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd

from .reference import (
    MEMBER_STATES,
    PERIODS,
    ROUTES,
    YEARS,
    ReferenceDataError,
    TableProblem,
    World,
    reachable,
    world,
)

_SOURCE = "made up: a small world"
_LEG_DEFAULTS: Mapping[str, Any] = {
    "mode": "land", "corridor": "", "days": 10.0, "fee_eur": 1000.0, "death_per_1000": 1.0, "interception": 0.0,
    "detection": 0.9, "interceptor": "", "route": "",
}  # fmt: skip
_GROUP_DEFAULTS: Mapping[str, Any] = {
    "detections": 10_000.0, "budget_eur": 5000.0, "repeat_share": 0.7, "season": None, "destinations": None,
}  # fmt: skip


def small_world(
    hubs: Mapping[str, str], legs: Sequence[Mapping[str, Any]], groups: Mapping[str, Mapping[str, Any]],
) -> World:  # fmt: skip
    """A world of a few hubs, to be passed to the model as ``tables``.

    Parameters
    ----------
    hubs : Mapping
        Country (ISO 3166 alpha-3) by hub.  Member States are where journeys end; other countries have to stand in the
        bundled table of partners.
    legs : sequence of Mapping
        Each with ``from`` and ``to``, and as wanted ``mode`` (land, sea, air; default land), ``route`` (needed on legs into
        the Union: CMED, EMED, WMED, WAFR, WBALK or ELAND), ``corridor`` (legs worked by the same networks; default one
        for each leg), ``days`` (10), ``fee_eur`` (1,000), ``death_per_1000`` (1), ``interception`` (0), ``detection`` (0.9, on
        legs into the Union) and ``interceptor`` (ISO3; default the country at the head).
    groups : Mapping
        By name, with ``origins`` (a hub, or shares by hub), and as wanted ``detections`` (a year, a number or by route;
        10,000 shared out evenly over the routes within reach), ``budget_eur`` (5,000), ``repeat_share`` (0.7), ``season`` (12 factors,
        scaled to mean one; flat) and ``destinations`` (shares by Member State; even).

    Returns
    -------
    World

    Raises
    ------
    ReferenceDataError
        With everything that is wrong: table, row (counted from 1) and column.

    Examples
    --------
    >>> from countersmuggling.scenarios import small_world
    >>> tables = small_world(
    ...     {"sfax": "TUN", "lampedusa": "ITA"},
    ...     [{"from": "sfax", "to": "lampedusa", "mode": "sea", "route": "CMED", "interception": 0.4}],
    ...     {"tunisia": {"origins": "sfax", "detections": 5000}},
    ... )
    >>> list(tables.legs["leg"])
    ['sfax>lampedusa']
    """
    problems: list[TableProblem] = []
    bundled = world()
    partners = bundled.partners.set_index("partner", drop=False)
    for row, (hub, country) in enumerate(hubs.items(), 1):
        if country not in MEMBER_STATES and country not in partners.index:
            problems.append(TableProblem("hubs", row, "country", f"{hub}: {country!r} is neither a Member State nor a partner country"))
    states = [s for s in MEMBER_STATES if s in hubs.values()]
    if not states:
        problems.append(TableProblem("hubs", None, "country", "no hub lies in a Member State: journeys cannot end"))
    leg_rows = [_leg(row, given, hubs, problems) for row, given in enumerate(legs, 1)]
    if not leg_rows:
        problems.append(TableProblem("legs", None, None, "there is no leg"))
    if problems:
        raise ReferenceDataError(problems)
    table = pd.DataFrame(leg_rows)
    if table["leg"].duplicated().any():
        twice = int(table["leg"].duplicated().to_numpy().argmax()) + 1
        problems.append(TableProblem("legs", twice, "leg", f"{table['leg'][twice - 1]!r} is given twice"))
    by_group = [_group(row, name, given, hubs, table, states, problems)
                for row, (name, given) in enumerate(groups.items(), 1)]  # fmt: skip
    if not by_group:
        problems.append(TableProblem("groups", None, None, "there is no origin group"))
    if problems:
        raise ReferenceDataError(problems)
    chosen = [c for c in dict.fromkeys(hubs.values()) if c not in MEMBER_STATES]
    tables = {
        "hubs": pd.DataFrame(
            [{"hub": h, "name": h.title(), "country": c, "lat": 0.0, "lon": 0.0, "source": _SOURCE,
              "kind": "destination" if c in MEMBER_STATES else "transit"} for h, c in hubs.items()]
        ),
        "legs": table,
        "member_states": bundled.member_states[bundled.member_states["member_state"].isin(states)].reset_index(drop=True),
        "partners": partners.loc[chosen].reset_index(drop=True),
    }  # fmt: skip
    for name in (f.name for f in fields(World)):
        if name not in tables:
            tables[name] = pd.DataFrame([row for group in by_group for row in group[name]])
    return World(**tables)


def _unknown(given: Mapping[str, Any], known: set[str], table: str, row: int, problems: list[TableProblem]) -> None:
    for name in sorted(set(given) - known):
        problems.append(TableProblem(table, row, name, f"unknown; expected one of {', '.join(sorted(known))}"))


def _leg(row: int, given: Mapping[str, Any], hubs: Mapping[str, str], problems: list[TableProblem]) -> dict[str, Any]:
    before = len(problems)
    _unknown(given, {"from", "to", *_LEG_DEFAULTS}, "legs", row, problems)
    leg = {**_LEG_DEFAULTS, **given}
    for end in ("from", "to"):
        if leg.get(end) not in hubs:
            problems.append(TableProblem("legs", row, end, f"no hub {leg.get(end)!r}; there are {', '.join(hubs)}"))
    if len(problems) > before:
        return leg
    left, reached = hubs[leg["from"]], hubs[leg["to"]]
    inside, outside = reached in MEMBER_STATES, left not in MEMBER_STATES
    external = inside and outside
    if leg["from"] == leg["to"]:
        problems.append(TableProblem("legs", row, "to", "a leg has to lead to another hub"))
    if leg["mode"] not in ("land", "sea", "air"):
        problems.append(TableProblem("legs", row, "mode", f"expected land, sea or air, got {leg['mode']!r}"))
    if external and leg["route"] not in ROUTES:
        problems.append(TableProblem("legs", row, "route", f"a leg into the Union needs one of {', '.join(ROUTES)}"))
    for name, high in (("interception", 1.0), ("detection", 1.0), ("death_per_1000", 1000.0), ("fee_eur", None), ("days", None)):
        value = leg[name]
        if not isinstance(value, int | float) or not 0.0 <= value <= (high or float("inf")):
            problems.append(TableProblem("legs", row, name, f"expected a number from 0{f' to {high:g}' if high else ''}, got {value!r}"))
    leg["leg"] = f"{leg['from']}>{leg['to']}"
    leg["border"] = "external" if external else "internal" if inside and not outside and left != reached else "none"
    leg["route"] = leg["route"] if external else "INNER" if inside and not outside else "FEEDER"
    leg["corridor"] = leg["corridor"] or leg["leg"]
    leg["interceptor"] = leg["interceptor"] or (reached if leg["interception"] else "")
    leg["detection"] = leg["detection"] if external else 0.0
    leg |= {"km": 0.0, "authority_from": left, "authority_to": reached, "fee_source": _SOURCE, "fee_grade": "D",
            "risk_source": _SOURCE, "risk_grade": "D"}  # fmt: skip
    return leg


def _group(
    row: int, name: str, given: Mapping[str, Any], hubs: Mapping[str, str], legs: pd.DataFrame, states: list[str],
    problems: list[TableProblem],
) -> dict[str, list[dict[str, Any]]]:  # fmt: skip
    _unknown(given, {"origins", *_GROUP_DEFAULTS}, "groups", row, problems)
    group = {**_GROUP_DEFAULTS, **given}
    origins = group.get("origins")
    shares = {origins: 1.0} if isinstance(origins, str) else dict(origins or {})
    lost = [h for h in shares if h not in hubs]
    if not shares or lost:
        problems.append(TableProblem("groups", row, "origins", f"{name}: expected hubs, got {lost or origins!r}; there are {', '.join(hubs)}"))
        return {}
    within: set[str] = set()
    for hub in shares:
        there, routes = reachable(legs, hub)
        within |= routes & set(ROUTES)
        if not any(hubs[h] in states for h in there):
            problems.append(TableProblem("groups", row, "origins", f"{name}: no way leads from {hub} into a Member State"))
    seen = group["detections"]
    by_route = dict(seen) if isinstance(seen, Mapping) else {r: seen / max(1, len(within)) for r in sorted(within)}
    for route in sorted(set(by_route) - within):
        problems.append(TableProblem("groups", row, "detections", f"{name}: no way over {route} from its origins"))
    season = list(group["season"] or [1.0] * 12)
    if len(season) != 12 or sum(season) <= 0.0:
        problems.append(TableProblem("groups", row, "season", f"{name}: expected 12 factors, got {len(season)}"))
    ends = dict(group["destinations"] or dict.fromkeys(states, 1.0))
    for state in sorted(set(ends) - set(states)):
        problems.append(TableProblem("groups", row, "destinations", f"{name}: {state} has no hub"))
    if problems:
        return {}
    whole, mean, all_ends = sum(shares.values()), sum(season) / 12, sum(ends.values())
    entries = sum(n for r, n in by_route.items() if r != "WBALK") or sum(by_route.values())
    rows: dict[str, list[dict[str, Any]]] = {
        "origin_groups": [{"origin_group": name, "name": name, "nationalities": "", "budget_eur": float(group["budget_eur"]),
                           "budget_source": _SOURCE, "budget_grade": "D", "repeat_share": float(group["repeat_share"]), "grade": "D"}],
        "origin_hubs": [{"origin_group": name, "hub": h, "share": s / whole} for h, s in shares.items()],
        "seasonality": [{"origin_group": name, "month": m, "factor": f / mean} for m, f in enumerate(season, 1)],
        "destination_shares": [{"origin_group": name, "member_state": s, "period": p, "share": ends.get(s, 0.0) / all_ends}
                               for p in PERIODS for s in states],
        "demand": [], "route_detections": [],
    }  # fmt: skip
    for year in range(YEARS[0], YEARS[1] + 1):
        told = {"origin_group": name, "year": year, "source": _SOURCE, "grade": "D"}
        rows["demand"].append({**told, "detections": float(entries)})
        rows["route_detections"] += [{**told, "route": r, "detections": float(n)} for r, n in by_route.items()]
    return rows
