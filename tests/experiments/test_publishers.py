"""The publishers' own files: each layout as a small file that the test makes, with sums done by hand."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments.cli import main
from countersmuggling.experiments.publishers import UnreadableFile, read_published, reference_tables

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _value(rows: pd.DataFrame, **where: str) -> float:
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return float(rows["value"].sum())


# ------------------------------------------------------------------------------------------------ Frontex


def _frontex(path: Path, months: list[object], rows: list[list[object]], title: bool = True) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Read me"
    book.active.append(["Detections of illegal border-crossing statistics"])
    sheet = book.create_sheet("Detections of IBC")
    if title:
        sheet.append(["Monthly detections of illegal border-crossing"])
        sheet.append([])
    sheet.append(["Route", "BorderType", "NationalityLong", *months])
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_frontex_workbook(tmp_path: Path) -> None:
    path = _frontex(
        tmp_path / "Monthly_detections_of_IBC.xlsx",
        [datetime(2021, 1, 1), "FEB2021", 44256],  # 44256 is 1 March 2021
        [
            ["Central Mediterranean Route", "Sea", "Tunisia", 100, 20, None],
            ["Central Mediterranean Route", "Sea", "Unknown", 7, 0, 0],
            ["Central Mediterranean Route", "Sea", "Unspecified sub-Saharan nationals", 0, 0, 3],
            ["Western African Route", "Sea", "Côte d'Ivoire", 11, 0, 2],
            ["Black Sea Route", "Sea", "Syria", 0, 5, 0],
            ["Western Balkan Route", "Land", "Kosovo*", 4, 0, 0],
            ["Circular Route from Albania to Greece", "Land", "Albania", 50, 50, 50],
            ["Eastern Land Borders Route", "Land", "Atlantis", 1, 1, 0],
        ],
    )
    found = read_published(path)
    assert found.publisher.startswith("Frontex")
    rows = found.rows
    assert _value(rows, period="2021-01", route="CMED") == 107
    assert _value(rows, period="2021-02", origin_group="tunisia") == 20
    assert _value(rows, period="2021-03", origin_group="gulf-of-guinea", route="WAFR") == 2
    assert _value(rows, origin_group="unknown") == 7
    assert _value(rows, origin_group="unidentified-sub-saharan") == 3
    assert _value(rows, route="EMED", origin_group="syria") == 5  # the Black Sea counts as EMED
    assert _value(rows, origin_group="western-balkans") == 4
    told = [str(u) for u in found.unused]
    assert "route 'Circular Route from Albania to Greece': 3 rows, 150 in all" in told
    assert "nationality 'Atlantis': 2 rows, 2 in all" in told
    assert rows["value"].sum() == 100 + 20 + 7 + 3 + 11 + 2 + 5 + 4


def test_frontex_workbook_with_a_word_for_a_number(tmp_path: Path) -> None:
    path = _frontex(
        tmp_path / "f.xlsx",
        ["2021-01"],
        [["Western Mediterranean Route", "Sea", "Mali", "many"]],
        title=False,
    )
    with pytest.raises(UnreadableFile, match=r"f\.xlsx:2: column 2021-01: expected a number, found 'many'"):
        read_published(path)


def test_frontex_with_a_month_twice(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "f.csv",
        "Route,BorderType,Nationality,2021-01,JAN2021\nWestern Mediterranean Route,Sea,Mali,1,1\n",
    )
    with pytest.raises(UnreadableFile, match="columns 4 and 5 are both 2021-01"):
        read_published(path)


def test_tables_of_a_whole_year_by_hand(tmp_path: Path) -> None:
    """Twelve months, two groups on one route and an unknown; the unknown goes to both in proportion 3 : 1."""
    months = [f"2020-{m:02d}" for m in range(1, 13)]
    lines = ["Route,BorderType,Nationality," + ",".join(months)]
    lines.append("Central Mediterranean Route,Sea,Tunisia," + ",".join(["30"] * 12))
    lines.append("Central Mediterranean Route,Sea,Bangladesh," + ",".join(["10"] * 12))
    lines.append("Central Mediterranean Route,Sea,Unknown," + ",".join(["4"] * 12))
    tables = reference_tables(read_published(_write(tmp_path / "f.csv", "\n".join(lines))).rows)
    detections = tables["route_detections"].set_index(["origin_group", "route"])["detections"]
    assert detections["tunisia", "CMED"] == pytest.approx(360 + 48 * 0.75)
    assert detections["bangladesh", "CMED"] == pytest.approx(120 + 48 * 0.25)
    demand = tables["demand"].set_index("origin_group")["detections"]
    assert demand["tunisia"] == pytest.approx(396) and demand.sum() == pytest.approx(44 * 12)
    season = tables["seasonality"].set_index("origin_group")
    assert list(season.index.unique()) == ["tunisia"]  # Bangladeshis have fewer than 240 known detections
    np.testing.assert_allclose(season["factor"].to_numpy(), 1.0)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the publishers' aggregates are not beside the checkout")
def test_import_gives_the_bundled_tables_again(tmp_path: Path) -> None:
    """Frontex's months written as the workbook has them lead to the tables that the package carries."""
    from countersmuggling.scenarios import world

    monthly = pd.read_csv(SHARED / "frontex_monthly_route_nationality.csv", keep_default_na=False)
    monthly = monthly[monthly["month"].between("2011-01", "2021-12")]
    wide = monthly.pivot_table(
        index=["route", "border", "nationality_iso3"],
        columns="month",
        values="detections",
        aggfunc="sum",
        fill_value=0,
    ).reset_index()
    names = {"CMED": "Central Mediterranean Route", "EMED": "Eastern Mediterranean Route", "WMED": "Western Mediterranean Route",
             "WAFR": "Western African Route", "WBALK": "Western Balkan Route", "ELAND": "Eastern Land Borders Route",
             "BLACKSEA": "Black Sea Route", "ALB_GRC": "Circular Route from Albania to Greece", "OTHER": "Other"}  # fmt: skip
    wide["route"] = wide["route"].map(names)
    wide.columns = ["Route", "BorderType", "Nationality", *wide.columns[3:]]

    def imported(first: str) -> dict[str, pd.DataFrame]:
        path = tmp_path / f"{first}.csv"
        wide[[c for c in wide.columns if not c[:1].isdigit() or c >= first]].to_csv(path, index=False)
        return reference_tables(read_published(path).rows)

    tables = imported("2011-01")
    w = world()
    stored = w.route_detections[w.route_detections["year"] <= 2021]
    key = ["origin_group", "route", "year"]
    both = (
        stored.set_index(key)["detections"]
        .to_frame("stored")
        .join(tables["route_detections"].set_index(key)["detections"])
    )
    both = both.fillna(0.0)
    gap = (both["stored"] - both["detections"]).abs().groupby("year").sum() / 2
    assert (
        gap <= 0.006 * both["stored"].groupby("year").sum()
    ).all()  # moved where the network has no such way
    season = w.seasonality.set_index(["origin_group", "month"])["factor"]
    made = imported("2014-01")["seasonality"].set_index(["origin_group", "month"])["factor"]
    np.testing.assert_allclose(made.reindex(season.index), season, atol=1e-4)


# ------------------------------------------------------------------------------------------------ IOM


def test_iom_missing_migrants_in_both_vintages(tmp_path: Path) -> None:
    new = _write(
        tmp_path / "mmp.csv",
        '"Main ID","Incident ID","Incident Date","Number of Dead","Minimum Estimated Number of Missing",'
        '"Total Number of Dead and Missing","Migration Route"\n'
        '1,1,2021-07-14,2,3,5,"Central Mediterranean"\n'
        '2,2,2021-07-20,0,0,"1,022","Central Mediterranean"\n'
        '3,3,2021-08-01,1,0,1,"Western Africa / Atlantic route to the Canary Islands"\n'
        '4,4,2021-08-01,1,0,1,"US-Mexico border crossing"\n'
        "5,5,2021-08-02,4,0,4,\n",
    )
    found = read_published(new)
    assert _value(found.rows, outcome="deaths", period="2021-07", route="CMED") == 1027
    assert _value(found.rows, outcome="incidents", period="2021-07", route="CMED") == 2
    assert _value(found.rows, outcome="deaths", route="WAFR") == 1
    assert [str(u) for u in found.unused] == [
        "route '(empty)': 1 row, 4 in all", "route 'US-Mexico border crossing': 1 row, 1 in all",
    ]  # fmt: skip
    old = _write(
        tmp_path / "old.csv",
        "Web ID,Region of Incident,Reported Date,Number Dead,Total Dead and Missing,Migration Route\n"
        '9,Mediterranean,"March 28, 2019",1,2,Eastern Mediterranean\n',
    )
    assert _value(read_published(old).rows, outcome="deaths", period="2019-03", route="EMED") == 2


def test_iom_without_its_column_and_with_a_wrong_date(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "m.csv",
        "Incident Date,Total Number of Dead and Mising,Migration Route\n2021-01-01,1,Central Mediterranean\n",
    )
    with pytest.raises(UnreadableFile, match="nearest is 'total number of dead and mising'"):
        read_published(path)
    path = _write(
        tmp_path / "d.csv",
        "Incident Date,Total Number of Dead and Missing,Migration Route\n2021-13-41,1,Central Mediterranean\n",
    )
    with pytest.raises(UnreadableFile, match=r"d\.csv:2: column incident date: no date: '2021-13-41'"):
        read_published(path)


# ------------------------------------------------------------------------------------------------ Eurostat

SDMX = (
    "DATAFLOW,LAST UPDATE,freq,unit,citizen,sex,age,applicant,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,SY,T,TOTAL,ASY_APP,DE,2021-07,5000,\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,SY,T,TOTAL,FRST,DE,2021-07,4000,\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,SY,M,TOTAL,ASY_APP,DE,2021-07,3000,\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,SY,T,TOTAL,ASY_APP,EL,2021-07,70,b\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,TOTAL,T,TOTAL,ASY_APP,DE,2021-07,9000,\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,SY,T,TOTAL,ASY_APP,EU27_2020,2021-07,9999,\n"
    "ESTAT:MIGR_ASYAPPCTZM(1.0),01/10/25 23:00:00,M,PER,AF,T,TOTAL,ASY_APP,DE,2021-07,,c\n"
)


def test_eurostat_sdmx_csv(tmp_path: Path) -> None:
    found = read_published(_write(tmp_path / "estat_migr_asyappctzm_en.csv", SDMX))
    assert set(found.rows["outcome"]) == {"asylum_applications"}
    assert _value(found.rows, period="2021-07", member_state="DEU", origin_group="syria") == 5000
    assert _value(found.rows, member_state="GRC") == 70
    assert found.rows["value"].sum() == 5070
    assert "place 'EU27_2020': 1 row, 9,999 in all" in [str(u) for u in found.unused]


def test_eurostat_sdmx_csv_with_labels_gives_the_same(tmp_path: Path) -> None:
    labelled = (
        SDMX.replace(",DE,", ",DE:Germany,").replace(",SY,", ",SY:Syria,").replace(",EL,", ",EL:Greece,")
    )
    labelled = labelled.replace("citizen", "citizen:Country of citizenship").replace(
        "geo,", "geo:Geopolitical entity,"
    )
    plain = read_published(_write(tmp_path / "a.csv", SDMX)).rows
    pd.testing.assert_frame_equal(plain, read_published(_write(tmp_path / "b.csv", labelled)).rows)


def test_eurostat_tsv_compressed(tmp_path: Path) -> None:
    text = (
        "freq,citizen,agedum,sex,unit,geo\\TIME_PERIOD\t2020 \t2021 \n"
        "A,MA,TOTAL,T,PER,ES\t1200 \t1300 p\n"
        "A,MA,TOTAL,T,PER,IT\t: \t40 e\n"
        "A,TOTAL,TOTAL,T,PER,ES\t5000 \t6000 \n"
    ).replace("agedum", "age")
    path = tmp_path / "estat_migr_eipre.tsv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write(text)
    rows = read_published(path).rows
    assert set(rows["outcome"]) == {"found_illegally_present"}
    assert _value(rows, period="2021", member_state="ESP", origin_group="morocco") == 1300
    assert _value(rows, period="2020", member_state="ITA") == 0
    assert rows["value"].sum() == 1200 + 1300 + 40


def test_eurostat_of_an_unknown_kind(tmp_path: Path) -> None:
    text = "freq,unit,citizen,geo,TIME_PERIOD,OBS_VALUE\nA,PER,SY,DE,2020,1\n"
    with pytest.raises(UnreadableFile, match="a Eurostat table, but which"):
        read_published(_write(tmp_path / "data.csv", text))


# ------------------------------------------------------------------------------------------------ UNHCR


def test_unhcr_arrivals(tmp_path: Path) -> None:
    text = "Country;Year;Month;Sea arrivals;Land arrivals\nGreece;2021;July;300;100\nGreece;2021;Aug;10;\nTunisia;2021;July;5;0\n"
    found = read_published(_write(tmp_path / "arrivals.csv", text))
    assert _value(found.rows, outcome="sea_arrivals", member_state="GRC", period="2021-07") == 300
    assert _value(found.rows, outcome="land_arrivals") == 100
    assert "country 'Tunisia': 1 row, 5 in all" in [str(u) for u in found.unused]
    dated = "country,date,individuals\nItaly,2021-07-31,1000\nItaly,2021-07-15,24\n"
    assert (
        _value(read_published(_write(tmp_path / "b.csv", dated)).rows, period="2021-07", member_state="ITA")
        == 1024
    )


# ------------------------------------------------------------------------------------------------ command


def test_unknown_files_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(tmp_path / "x.csv", "a,b\n1,2\n")
    assert main(["data", "import", str(path), "--out", str(tmp_path / "o")]) == 2
    told = capsys.readouterr().err
    assert "none of the known layouts" in told and "Traceback" not in told and not (tmp_path / "o").exists()
    assert main(["data", "import", str(tmp_path / "absent.csv")]) == 2
    assert "there is no such file" in capsys.readouterr().err
    binary = tmp_path / "z.xlsx"
    binary.write_bytes(b"\x00\x01")
    assert main(["data", "import", str(binary)]) == 2
    assert "not a workbook" in capsys.readouterr().err


def test_import_command_keeps_what_other_files_brought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "observed"
    first = _write(tmp_path / "estat_migr_asyappctzm.csv", SDMX)
    second = _write(
        tmp_path / "mmp.csv",
        "Incident Date,Total Number of Dead and Missing,Migration Route\n2021-07-14,5,Central Mediterranean\n",
    )
    assert main(["data", "import", str(first), str(second), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Eurostat" in told and "9,999" in told and "observations.csv" in told
    rows = pd.read_csv(out / "observations.csv", keep_default_na=False)
    assert set(rows["publisher"]) == {"Eurostat", "IOM, Missing Migrants Project"}
    assert main(["data", "import", str(second), "--out", str(out), "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["read"][0]["totals"]["deaths"] == 5.0 and str(out / "observations.csv") in read["files"]
    again = pd.read_csv(out / "observations.csv", keep_default_na=False)
    assert len(again) == len(rows) and again["value"].sum() == rows["value"].sum()  # nothing twice
    (out / "observations.csv").write_text("mine\n1\n", encoding="utf-8")
    assert main(["data", "import", str(second), "--out", str(out)]) == 2
    assert "holds something else" in capsys.readouterr().err
