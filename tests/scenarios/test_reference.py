"""Reference tables: their structure, their reader's messages, and the aggregates they were derived from."""

from __future__ import annotations

import csv
import pickle
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.scenarios.reference import (
    MEMBER_STATES,
    ROUTES,
    ReferenceDataError,
    World,
    great_circle_km,
    reachable,
    world,
)

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared" / "data"
ENTRY = [r for r in ROUTES if r != "WBALK"]
UNKNOWN = ["OOO", "OOS"]
SUB_SAHARAN = [
    "eritrea", "somalia-ethiopia", "sudan", "nigeria-central-africa", "senegal-gambia-mauritania",
    "mali-sahel", "gulf-of-guinea",
]  # fmt: skip

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the publishers' aggregates are not beside this checkout"
)


@pytest.fixture(scope="module")
def w() -> World:
    return world()


# ------------------------------------------------------------------------------------------- structure


def test_size_and_coverage(w: World) -> None:
    assert 60 <= len(w.hubs) <= 115
    assert 150 <= len(w.legs) <= 250
    assert set(MEMBER_STATES) | {"GBR"} <= set(w.hubs["country"])
    assert 12 <= w.legs["corridor"].nunique() <= 20
    assert len(w.origin_groups) >= 14


def test_columns_of_the_contract(w: World) -> None:
    assert list(w.hubs.columns) == ["hub", "name", "country", "lat", "lon", "kind", "source"]
    assert list(w.legs.columns) == [
        "leg", "from", "to", "mode", "route", "border", "corridor", "days", "fee_eur", "death_per_1000",
        "interception", "detection", "interceptor", "fee_source", "fee_grade", "risk_source", "risk_grade",
        "km", "authority_from", "authority_to",
    ]  # fmt: skip
    assert {
        "member_state", "iso2", "name", "population", "gdp_eur_bn", "police_per_100k",
        "prosecutors_per_100k", "penalty_basic_years", "penalty_aggravated_years", "penalty_death_years",
        "investigation_productivity", "reporting_completeness", "reporting_delay_days", "coast",
        "prosecuted_share",
    } <= set(w.member_states.columns)  # fmt: skip
    assert list(w.origin_hubs.columns) == ["origin_group", "hub", "share"]
    assert list(w.demand.columns) == ["origin_group", "year", "detections", "source", "grade"]


def test_no_missing_values(w: World) -> None:
    for name in w.__dataclass_fields__:
        assert not getattr(w, name).isna().any().any(), name


def test_judgement_is_called_judgement(w: World) -> None:
    """A grade D on a leg must say that it is judged; a judged figure must not carry a better grade."""
    for source, grade in (("fee_source", "fee_grade"), ("risk_source", "risk_grade")):
        judged = w.legs[source].str.startswith("judgement")
        assert (judged == (w.legs[grade] == "D")).all()


def test_shares_and_factors(w: World) -> None:
    np.testing.assert_allclose(w.origin_hubs.groupby("origin_group")["share"].sum(), 1.0, atol=1e-9)
    shares = w.destination_shares.groupby(["origin_group", "period"])["share"]
    np.testing.assert_allclose(shares.sum(), 1.0, atol=1e-9)
    assert (shares.size() == 27).all()
    np.testing.assert_allclose(w.seasonality.groupby("origin_group")["factor"].mean(), 1.0, atol=1e-9)


def test_every_member_state_is_reached_over_inner_legs(w: World) -> None:
    """From any entry point every Member State that a person could choose lies on inner legs alone."""
    inner = w.legs[w.legs["route"] == "INNER"]
    country = w.hubs.set_index("hub")["country"]
    for hub in set(w.legs.loc[w.legs["border"] == "external", "to"]):
        there = {country[h] for h in reachable(inner, hub)[0]}
        assert there >= set(MEMBER_STATES), (hub, set(MEMBER_STATES) - there)


def test_no_dead_ends(w: World) -> None:
    published = w.route_detections[w.route_detections["detections"] > 0]
    country = w.hubs.set_index("hub")["country"]
    for group, hub in zip(w.origin_hubs["origin_group"], w.origin_hubs["hub"], strict=True):
        hubs, routes = reachable(w.legs, hub)
        assert {country[h] for h in hubs} >= set(MEMBER_STATES)
        assert routes >= set(published.loc[published["origin_group"] == group, "route"])


def test_border_and_detection_agree(w: World) -> None:
    external = w.legs["border"] == "external"
    assert (w.legs.loc[~external, "detection"] == 0).all()
    assert (w.legs.loc[external, "detection"] > 0).all()
    inside = w.legs["authority_to"].isin(MEMBER_STATES) & ~w.legs["authority_from"].isin(MEMBER_STATES)
    assert (external == inside).all()


def test_present_conditions_lie_in_the_published_bands(w: World) -> None:
    """Rates against IOM and coast-guard figures (bands as published for 2018-2025)."""
    stopped = dict(zip(w.legs["leg"], w.legs["interception"], strict=True))
    dead = dict(zip(w.legs["leg"], w.legs["death_per_1000"], strict=True))
    assert 0.30 <= stopped["tripoli>lampedusa"] <= 0.45
    assert 0.42 <= stopped["sfax>lampedusa"] <= 0.72
    assert 0.60 <= stopped["izmir>lesbos"] <= 0.80
    assert 15 <= dead["tripoli>lampedusa"] <= 20
    # deaths per 1,000 arrivals on the Atlantic: 23 (2024) to 50 (2021), IOM Missing Migrants
    atlantic = w.legs[w.legs["route"] == "WAFR"]
    per_arrival = atlantic["death_per_1000"] / (1 - atlantic["interception"])
    assert 20 <= per_arrival.mean() <= 50


def test_fees_of_whole_journeys(w: World) -> None:
    """Cheapest fee from Kabul and Dhaka to Italy against published whole-journey prices."""

    def cheapest(start: str, end: str) -> float:
        cost = {start: 0.0}
        for _ in range(len(w.hubs)):
            for a, b, fee in zip(w.legs["from"], w.legs["to"], w.legs["fee_eur"], strict=True):
                if a in cost and cost[a] + fee < cost.get(b, np.inf):
                    cost[b] = cost[a] + fee
        return cost[end]

    # Frontex 2025: EUR 9,500-13,000 for Bangladesh-Libya-Italy; UNODC 2018: about USD 10,000 Kabul-W. Europe
    assert 8_000 <= cheapest("dhaka", "lampedusa") <= 13_000
    assert 3_500 <= cheapest("kabul", "vienna") <= 10_000


def test_great_circle_against_known_distances() -> None:
    assert float(great_circle_km(48.8566, 2.3522, 52.52, 13.405)) == pytest.approx(878, abs=2)
    assert float(great_circle_km(51.5074, -0.1278, 40.7128, -74.006)) == pytest.approx(5570, abs=10)
    assert float(great_circle_km(10.0, 20.0, 10.0, 20.0)) == 0.0


def test_leg_distances_come_from_the_hubs(w: World) -> None:
    row = w.legs.set_index("leg").loc["calais>london"]
    assert row["km"] == pytest.approx(152, abs=2)
    assert (row["authority_from"], row["authority_to"]) == ("FRA", "GBR")
    assert (w.legs["km"] > 5).all()


def test_a_caller_cannot_change_the_world() -> None:
    mine = world().legs
    mine["fee_eur"] = -1.0
    assert (world().legs["fee_eur"] >= 0).all()
    with pytest.raises(AttributeError):
        world().legs = pd.DataFrame()  # type: ignore[misc]


def test_every_published_nationality_has_one_group(w: World) -> None:
    codes = " ".join(w.origin_groups["nationalities"]).split()
    assert len(codes) == len(set(codes))
    assert {"SYR", "AFG", "ERI", "XKX", "UKR", "GIN", "VNM"} <= set(codes)


# ------------------------------------------------------------------------------------- totals by year


def test_totals_of_2015(w: World) -> None:
    """One million people, 1.82 million detections (Frontex; the Albania-Greece circular route left out)."""
    demand = w.demand.loc[w.demand["year"] == 2015, "detections"].sum()
    assert 1.0e6 <= demand <= 1.1e6
    detections = w.route_detections.loc[w.route_detections["year"] == 2015, "detections"].sum()
    assert detections == pytest.approx(1.813e6, rel=0.002)


@pytest.mark.parametrize(
    ("year", "published"),
    [
        (2022, {"CMED": 102529, "EMED": 42831, "WMED": 14582, "WAFR": 15462, "WBALK": 145600, "ELAND": 6127}),
        (2023, {"CMED": 158000, "EMED": 60000, "WMED": 16900, "WAFR": 40400, "WBALK": 99000, "ELAND": 5600}),
        (2024, {"CMED": 66800, "EMED": 69400, "WMED": 17000, "WAFR": 47000, "WBALK": 21500, "ELAND": 17000}),
        (2025, {"CMED": 66328, "EMED": 51400, "WMED": 19400, "WAFR": 17300, "WBALK": 12500, "ELAND": 10800}),
    ],
)
def test_raked_years_keep_frontex_route_totals(w: World, year: int, published: dict[str, int]) -> None:
    """Frontex news releases of January 2023, 2024, 2025 and 2026."""
    rows = w.route_detections[w.route_detections["year"] == year]
    found = rows.groupby("route")["detections"].sum()
    for route, value in published.items():
        assert found[route] == pytest.approx(value, rel=0.01), route


def test_top_nationalities_of_2025(w: World) -> None:
    """Frontex, 15 January 2026: Bangladeshi, Egyptian and Afghan nationals were reported most."""
    rows = w.route_detections[w.route_detections["year"] == 2025]
    total = rows.groupby("origin_group")["detections"].sum()
    top = total[["bangladesh", "egypt", "afghanistan"]]
    assert list(top.sort_values(ascending=False).index) == ["bangladesh", "egypt", "afghanistan"]
    single = ["syria", "sudan", "pakistan", "eritrea", "algeria", "turkiye", "iraq", "iran", "morocco"]
    assert (total[single] < top.min()).all()


def test_demand_is_the_sum_of_entry_routes(w: World) -> None:
    rows = w.route_detections[w.route_detections["route"].isin(ENTRY)]
    entry = rows.groupby(["origin_group", "year"])["detections"].sum()
    demand = w.demand.set_index(["origin_group", "year"])["detections"]
    groups = [g for g in w.origin_groups["origin_group"] if g != "western-balkans"]
    for group in groups:
        np.testing.assert_allclose(demand[group].sort_index(), entry[group].sort_index(), atol=1.0)


# --------------------------------------------------------------------------------------- broken tables


def _copy(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    source = files("countersmuggling.scenarios") / "data"
    for item in source.iterdir():
        if item.name.endswith(".csv"):
            (folder / item.name).write_text(item.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def _set(table: str, key: str, column: str, value: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        hits = [r for r in rows[1:] if r[0] == key]
        assert hits, key
        hits[0][rows[0].index(column)] = value
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    return change


def _drop(table: str, key: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"{table}.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(x for x in lines if not x.startswith(key)), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("hubs", "paris", "lat", "north"), ["hubs.csv", "row", "column lat", "'north'"]),
        (_set("hubs", "paris", "lat", "95"), ["hubs.csv", "column lat", "-90 to 90"]),
        (_set("hubs", "paris", "lat", "nan"), ["hubs.csv", "column lat", "finite"]),
        (_set("hubs", "paris", "country", "FRX"), ["hubs.csv", "column country", "'FRX'", "FRA"]),
        (
            _set("hubs", "paris", "kind", "destinaton"),
            ["hubs.csv", "column kind", "nearest is 'destination'"],
        ),
        (_set("hubs", "prague", "kind", "transit"), ["hubs.csv", "column kind", "CZE"]),
        (_set("legs", "paris>calais", "to", "calis"), ["legs.csv", "column to", "nearest is 'calais'"]),
        (_set("legs", "paris>calais", "fee_grade", "E"), ["legs.csv", "column fee_grade", "A, B, C, D"]),
        (_set("legs", "paris>calais", "fee_source", ""), ["legs.csv", "column fee_source", "empty"]),
        (_set("legs", "paris>calais", "detection", "0.5"), ["legs.csv", "column detection"]),
        (_set("legs", "tripoli>lampedusa", "detection", "0"), ["legs.csv", "column detection"]),
        (
            _set("legs", "tripoli>lampedusa", "interception", "1.4"),
            ["legs.csv", "column interception", "0 to 1"],
        ),
        (_set("legs", "tripoli>lampedusa", "interceptor", ""), ["legs.csv", "column interceptor"]),
        (
            _set("legs", "tripoli>lampedusa", "border", "internal"),
            ["legs.csv", "column border", "'external'"],
        ),
        (_set("legs", "tripoli>lampedusa", "route", "INNER"), ["legs.csv", "column route"]),
        (
            _set("legs", "tripoli>lampedusa", "leg", "tripoli>malta"),
            ["legs.csv", "column leg", "already in row"],
        ),
        (
            _set("member_states", "AUT", "member_state", "AUS"),
            ["member_states.csv", "'AUS'", "nearest is 'AUT'"],
        ),
        (_set("member_states", "AUT", "coast", "no"), ["member_states.csv", "column coast", "true or false"]),
        (_set("member_states", "AUT", "population", "9.5"), ["member_states.csv", "population", "whole"]),
        (_drop("member_states", "LUX"), ["member_states.csv", "LUX"]),
        (_drop("partners", "LBY"), ["column country", "'LBY'", "partners.csv"]),
        (_set("origin_hubs", "syria", "share", "0.9"), ["origin_hubs.csv", "row", "column share", "syria"]),
        (_set("origin_hubs", "iraq", "hub", "bagdad"), ["origin_hubs.csv", "nearest is 'baghdad'"]),
        (_set("origin_groups", "iraq", "nationalities", "IRQ SYR"), ["origin_groups.csv", "SYR", "already"]),
        (_set("demand", "syria", "year", "1999"), ["demand.csv", "column year", "2011 to 2025"]),
        (_drop("demand", "iran,2019"), ["demand.csv", "iran has 14 rows, expected 15"]),
        (_set("seasonality", "syria", "factor", "3"), ["seasonality.csv", "syria average"]),
        (_set("destination_shares", "syria", "share", "0.9"), ["destination_shares.csv", "syria 2014-2016"]),
        (_set("route_detections", "syria", "route", "BLACKSEA"), ["route_detections.csv", "column route"]),
        (_drop("legs", "kyiv>"), ["hubs.csv", "'kyiv'", "no leg leaves"]),
        (_drop("legs", "madrid>lisbon"), ["hubs.csv", "'lisbon'", "no leg leads to"]),
        (_drop("legs", "pristina>belgrade"), ["hubs.csv", "'pristina'"]),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, change: Callable[[Path], None], expected: list[str]) -> None:
    folder = _copy(tmp_path)
    change(folder)
    with pytest.raises(ReferenceDataError) as caught:
        world(folder)
    for text in expected:
        assert text in str(caught.value)


def test_a_folder_of_ones_own(tmp_path: Path, w: World) -> None:
    """A sound copy is read like the bundled tables, so the faults above come from the changes alone."""
    own = world(_copy(tmp_path))
    for name in w.__dataclass_fields__:
        pd.testing.assert_frame_equal(getattr(own, name), getattr(w, name))


def test_the_row_named_is_the_row_at_fault(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    lines = (folder / "hubs.csv").read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, start=1) if line.startswith("dublin,"))
    _set("hubs", "dublin", "lon", "x")(folder)
    with pytest.raises(ReferenceDataError) as caught:
        world(folder)
    (problem,) = caught.value.problems
    assert (problem.file, problem.row, problem.column) == ("hubs.csv", number, "lon")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_route_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    for key in ("minsk>", "moscow>helsinki", "moscow>tallinn"):
        _drop("legs", key)(folder)
    _drop("legs", "moscow>minsk")(folder)
    with pytest.raises(ReferenceDataError, match="no leg leaves 'minsk'"):
        world(folder)


def test_missing_and_unreadable_tables(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    (folder / "legs.csv").unlink()
    (folder / "hubs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReferenceDataError) as caught:
        world(folder)
    text = str(caught.value)
    assert "legs.csv: file not found" in text and "hubs.csv: cannot be read as UTF-8" in text
    shutil.rmtree(folder)
    with pytest.raises(ReferenceDataError, match="demand.csv: file not found"):
        world(folder)


def test_header_faults(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    path = folder / "demand.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("detections", "detection", 1), encoding="utf-8")
    with pytest.raises(ReferenceDataError) as caught:
        world(folder)
    message = str(caught.value)
    assert "demand.csv, row 1, column detections: column is missing; nearest is 'detection'" in message
    path.write_text(text + "iran,2019\n", encoding="utf-8")
    with pytest.raises(ReferenceDataError, match="2 cells, expected 5"):
        world(folder)


# ------------------------------------------------------------- recomputed from the publishers' figures


def _groups(w: World) -> dict[str, str]:
    pairs = zip(w.origin_groups["origin_group"], w.origin_groups["nationalities"], strict=True)
    return {code: group for group, text in pairs for code in text.split()}


def _monthly(w: World, first: int = 2011) -> pd.DataFrame:
    frame = pd.read_csv(SHARED / "frontex_monthly_route_nationality.csv", keep_default_na=False)
    frame = frame.assign(
        year=frame["month"].str[:4].astype(int),
        calendar=frame["month"].str[5:].astype(int),
        route=frame["route"].replace({"BLACKSEA": "EMED"}),  # Türkiye-Romania by sea, three odd years
        origin_group=frame["nationality_iso3"].map(_groups(w)),
    )
    rare = frame["nationality_iso3"].isin(["BMU", "BWA", "LSO", "SLB"])  # 21 detections in 2011 to 2013, none later
    frame.loc[rare, "nationality_iso3"] = "OOO"
    return frame[frame["year"].between(first, 2021) & frame["route"].isin(ROUTES)]


@needs_shared
def test_no_published_nationality_is_left_out(w: World) -> None:
    frame = pd.read_csv(SHARED / "frontex_annual_nationality_totals.csv", keep_default_na=False)
    assert set(frame["nationality_iso3"]) - set(UNKNOWN) <= set(_groups(w))
    monthly = _monthly(w)
    assert set(monthly.loc[monthly["origin_group"].isna(), "nationality_iso3"]) <= set(UNKNOWN)


@needs_shared
def test_route_detections_2011_to_2021(w: World) -> None:
    """Known nationalities as published; unknown ones spread as docs/data.md says; all totals kept."""
    monthly = _monthly(w)
    names = list(w.origin_groups["origin_group"])
    stored = w.route_detections.pivot_table(
        index=["year", "origin_group"], columns="route", values="detections", aggfunc="sum", fill_value=0.0
    )
    for year, frame in monthly.groupby("year"):
        known = frame.pivot_table(
            index="origin_group", columns="route", values="detections", aggfunc="sum", fill_value=0
        ).reindex(index=names, columns=list(ROUTES), fill_value=0).astype(float)  # fmt: skip
        expected = known.copy()
        for code in UNKNOWN:
            for route in ROUTES:
                lost = frame.loc[
                    (frame["nationality_iso3"] == code) & (frame["route"] == route), "detections"
                ]
                weight = known["EMED" if route == "WBALK" else route].copy()
                total = known.sum(axis=1)
                if code == "OOS":
                    weight[~weight.index.isin(SUB_SAHARAN)] = 0.0
                    total[~total.index.isin(SUB_SAHARAN)] = 0.0
                if weight.sum() == 0:
                    weight = total
                expected[route] += float(lost.sum()) * weight / weight.sum()
        found = pd.DataFrame(stored.loc[int(str(year))]).reindex(index=names, columns=list(ROUTES))
        # moved between routes because the network has no such way: a small part, and none is lost
        assert float((found - expected).abs().to_numpy().sum()) / 2 <= 0.006 * expected.to_numpy().sum()
        np.testing.assert_allclose(found.sum(axis=1), expected.sum(axis=1), atol=1.0)
        assert found.to_numpy().sum() == pytest.approx(frame["detections"].sum(), abs=10)


@needs_shared
def test_demand_against_annual_totals(w: World) -> None:
    """Levels by group from the annual file, where nationalities are known; totals for every year."""
    annual = pd.read_csv(SHARED / "frontex_annual_nationality_totals.csv", keep_default_na=False)
    annual = annual.assign(origin_group=annual["nationality_iso3"].map(_groups(w)))
    value = "detections_entry_routes"
    demand = w.demand[w.demand["origin_group"] != "western-balkans"]
    for year in range(2014, 2025):
        rows = annual[annual["year"] == year]
        own = rows[rows["origin_group"] != "western-balkans"]
        total = demand.loc[demand["year"] == year, "detections"].sum()
        assert total == pytest.approx(own[value].sum(), rel=0.006), year
        unknown = rows.loc[rows["nationality_iso3"].isin(UNKNOWN), value].sum()
        found = demand[demand["year"] == year].set_index("origin_group")["detections"]
        known = own.groupby("origin_group")[value].sum().reindex(found.index).fillna(0)
        assert (found >= known - 15).all(), year
        assert (found - known).sum() == pytest.approx(unknown, abs=max(60, 0.01 * total))


@needs_shared
def test_seasonality_from_monthly_detections(w: World) -> None:
    """Mean over years of month over year's mean, years of 240 detections and more, smoothed 1-2-1."""
    monthly = _monthly(w, 2014)
    for group in w.origin_groups["origin_group"]:
        routes = [*ENTRY, "WBALK"] if group == "western-balkans" else ENTRY
        rows = monthly[(monthly["origin_group"] == group) & monthly["route"].isin(routes)]
        years = []
        for _, frame in rows.groupby("year"):
            months = np.array([frame.loc[frame["calendar"] == k, "detections"].sum() for k in range(1, 13)])
            if months.sum() >= 240:
                years.append(months / months.mean())
        raw = np.mean(years, axis=0)
        smooth = np.array([raw[k - 1] + 2 * raw[k] + raw[(k + 1) % 12] for k in range(12)])
        stored = w.seasonality[w.seasonality["origin_group"] == group].sort_values("month")["factor"]
        np.testing.assert_allclose(stored, smooth / smooth.mean(), atol=1e-4, err_msg=group)


@needs_shared
def test_destination_shares_from_asylum_statistics(w: World) -> None:
    """Shares by nationality (Eurostat) weighted by how many of each nationality were detected (Frontex)."""
    asylum = pd.read_csv(
        SHARED / "eurostat_asylum_destination_nationality_2011_2024.csv", keep_default_na=False
    )
    asylum = asylum[asylum["destination_iso3"].isin(MEMBER_STATES)]
    annual = pd.read_csv(SHARED / "frontex_annual_nationality_totals.csv", keep_default_na=False)
    stored = w.destination_shares.set_index(["period", "origin_group", "member_state"])["share"]
    for period in ("2014-2016", "2020-2024"):
        first, last = (int(x) for x in period.split("-"))
        in_period = annual[annual["year"].between(first, last)]
        weight = in_period.groupby("nationality_iso3")["detections_entry_routes"].sum()
        table = asylum[asylum["year"].between(first, last)].pivot_table(
            index="nationality_iso3", columns="destination_iso3", values="asylum_applicants", aggfunc="sum",
            fill_value=0,
        )  # fmt: skip
        share = table.div(table.sum(axis=1), axis=0).dropna()
        for group, text in zip(
            w.origin_groups["origin_group"], w.origin_groups["nationalities"], strict=True
        ):
            if group == "western-balkans":
                continue
            codes = [c for c in text.split() if c in share.index and weight.get(c, 0) > 0]
            mixed = share.loc[codes].mul(weight[codes], axis=0).sum() / weight[codes].sum()
            for state in MEMBER_STATES:
                assert stored[period, group, state] == pytest.approx(mixed.get(state, 0.0), abs=2e-5)


def test_destinations_follow_the_published_pattern(w: World) -> None:
    """Germany took the largest share of Syrians in 2014-2016 and of Afghans after; Italy of Bangladeshis."""

    def largest(group: str, period: str) -> tuple[str, float]:
        frame = w.destination_shares
        frame = frame[(frame["origin_group"] == group) & (frame["period"] == period)]
        row = frame.sort_values("share").iloc[-1]
        return str(row["member_state"]), float(row["share"])

    state, share = largest("syria", "2014-2016")
    assert state == "DEU" and 0.40 <= share <= 0.65
    assert largest("afghanistan", "2020-2024")[0] == "DEU"
    assert largest("bangladesh", "2020-2024")[0] == "ITA"
