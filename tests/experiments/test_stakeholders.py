"""One page for each seat at the table: its own figures, and names that are checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest

from countersmuggling.experiments import stakeholders, texts, wording
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.criteria import paired_series
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import world

SEATS = ("ITA", "Europol", "Frontex", "Eurojust", "TUN", "LUX")


def words(html: str) -> str:
    text = re.sub(r"<style>.*?</style>|<svg .*?</svg>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def pages(results: Results) -> dict[str, str]:
    plan = [run for run in results.runs if run.role == "plan"]
    made = stakeholders.pages(results, [stakeholders.find(s) for s in SEATS], plan)
    return {Path(name).stem: str(text) for name, text in made.items()}


def test_there_is_a_page_for_everybody(pages: dict[str, str]) -> None:
    assert set(pages) == set(SEATS)
    for code in SEATS:
        for part in ("What it gives", "What it gets", "What changes for it", "Which of its capacities binds"):
            assert part in pages[code]
        assert 'href="../report.html"' in pages[code]
    assert len(stakeholders.seats()) == 27 + 3 + len(world().partners)
    links = [seat["address"] for group in stakeholders.groups(stakeholders.seats()) for seat in group["seats"]]
    assert len(links) == len(set(links)) == len(stakeholders.seats())


def test_a_member_state_sees_its_own_figures(pages: dict[str, str], results: Results) -> None:
    text = words(pages["ITA"])
    plan = "small-option+plan"
    table = results.by_place(plan, "baseline-2025", "asylum_load", "member_state").set_index("member_state")
    row = {c: float(table.loc["ITA", c]) for c in ("difference", "low", "high")}  # type: ignore[arg-type]
    largest = max(map(abs, row.values()))
    assert wording.number(row["difference"], largest, True) in text
    assert f"{wording.number(row['low'], largest, True)} to {wording.number(row['high'], largest, True)}" in text
    assert "Staff that the plan sends there, on average: Europol analyst 4.0, Deployed Europol officer 12.0." in text
    assert "Public cost that falls on it: EUR 2.52 million more than today" in text
    assert "room for one more at the host (quarter 2 of 2025): 1.10 points" in text
    assert "Cases that wait" in text


def test_a_state_that_is_not_in_the_plan_is_told_so(pages: dict[str, str]) -> None:
    text = words(pages["LUX"])
    assert "The plan sends it no staff from outside." in text
    assert "No public cost beyond today's falls on it." in text


def test_an_agency_sees_its_posts_and_its_pool(pages: dict[str, str]) -> None:
    text = words(pages["Europol"])
    assert "Europol analyst 9.5, Deployed Europol officer 20.0, Europol financial investigator 10.0" in text
    assert "Most of it in Italy 16.0, Greece 11.0" in text
    assert "one more post in the pool" in text and "3.20 points" in text
    assert "The plan places no staff of its own." in words(pages["Frontex"])


def test_a_partner_sees_its_legs_and_its_people(pages: dict[str, str], results: Results) -> None:
    text = words(pages["TUN"])
    legs = world().legs
    own = set(legs.loc[legs["authority_from"] == "TUN", "leg"])
    frame = results.outcomes
    rows = frame[(frame["outcome"] == "leg_attempts") & frame["leg"].isin(own)]
    series = rows.groupby([rows["run"].astype(str), "replicate"])["value"].sum()
    row = paired_series(series, "small-option+plan", "baseline-2025")
    assert wording.number(row["against_mean"]) in text
    assert "No measure of this option asks anything of it." in text
    assert "no posts and no budget" in text


@pytest.mark.parametrize(("given", "code"), [("it", "ITA"), ("EL", "GRC"), ("italy", "ITA"), ("europol", "Europol"), ("Tunisia", "TUN")])
def test_names_and_codes_are_known(given: str, code: str) -> None:
    assert stakeholders.find(given).code == code


@pytest.mark.parametrize(("given", "near"), [("Itly", "Italy"), ("Frontx", "Frontex"), ("Turkiye", "Türkiye"), ("Eurojus", "Eurojust")])
def test_a_wrong_name_gets_the_nearest(given: str, near: str) -> None:
    with pytest.raises(stakeholders.UnknownSeat, match=f"did you mean '{near}'"):
        stakeholders.find(given)


def test_the_command_line_makes_pages_and_makes_them_anew(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_pages(found: Results, seats: Sequence[stakeholders.Seat], language: texts.Catalogue) -> dict[str, bytes | str]:
        return stakeholders.pages(found, seats, found.runs[-1:])

    monkeypatch.setattr("countersmuggling.experiments.report.files_of_report", only_pages)
    folder = results.write(tmp_path / "results", report=False)
    assert main(["report", str(folder), "--for", "ITA"]) == 0
    assert (folder / "stakeholders" / "ITA.html").is_file()
    assert "ITA.html" in capsys.readouterr().out
    (folder / "stakeholders" / "ITA.html").write_text("old", encoding="utf-8")
    assert main(["report", str(folder), "--stakeholders", "agencies", "--quiet"]) == 0
    assert "seen from Italy" in (folder / "stakeholders" / "ITA.html").read_text(encoding="utf-8")
    assert sorted(p.stem for p in folder.glob("stakeholders/*.html")) == ["Eurojust", "Europol", "Frontex", "ITA"]
    capsys.readouterr()
    assert main(["report", str(folder), "--for", "Itly"]) == 2
    assert capsys.readouterr().err.strip().endswith("no Member State, agency or partner country 'Itly'; did you mean 'Italy'?")
    assert main(["report", str(folder), "--language", "xx"]) == 2
    assert "no language 'xx'" in capsys.readouterr().err
