"""Whether everybody can read the report: axe-core in a headless browser where there is one, and plain checks always."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.experiments import stakeholders
from countersmuggling.experiments.results import Results
from countersmuggling.optimise import charts

STYLE = Path(__file__).resolve().parents[2] / "experiments" / "templates" / "style.css"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class Outline(HTMLParser):
    """Headings in order, cells of tables, and what scrolls."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.heads: list[dict[str, str | None]] = []
        self.tables = 0
        self.scrolling: list[dict[str, str | None]] = []
        self.pictures: list[dict[str, str | None]] = []
        self.language = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag == "th":
            self.heads.append(given)
        elif tag == "table":
            self.tables += 1
        elif tag == "html":
            self.language = given.get("lang") or ""
        elif tag in ("img", "svg"):
            self.pictures.append({**given, "tag": tag})
        if given.get("class") == "scroll":
            self.scrolling.append(given)


@pytest.fixture(scope="module")
def pages(written: Path, results: Results) -> dict[str, str]:
    plan = [run for run in results.runs if run.role == "plan"]
    views = stakeholders.pages(results, [stakeholders.find("ITA"), stakeholders.find("Europol")], plan)
    made = {Path(name).stem: str(text) for name, text in views.items()}
    return {"report": (written / "report.html").read_text(encoding="utf-8"), **made}


def test_structure(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        outline = Outline(text)
        assert outline.language == "en", name
        assert outline.headings[0] == 1 and outline.headings.count(1) == 1, name
        assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False)), name
        assert outline.tables and all(h.get("scope") for h in outline.heads), name
        # what scrolls can be reached by keyboard and has a name
        assert all(s.get("tabindex") == "0" and s.get("aria-label") for s in outline.scrolling), name
        for picture in outline.pictures:
            assert picture.get("alt") if picture["tag"] == "img" else picture.get("aria-hidden") == "true", name
        assert "<main" in text and "<title>" in text


def test_every_figure_has_a_table_behind_it(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
        assert figures, name
        assert all("<table" in figure and "<figcaption>" in figure for figure in figures), name


def test_colours_of_text_stand_out_from_white_and_from_the_pale_ground() -> None:
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", STYLE.read_text(encoding="utf-8")))
    for ink in ("ink", "grey", "less", "more", "good"):
        assert contrast(named[ink], "#ffffff") >= 4.5, ink
        assert contrast(named[ink], named["pale"]) >= 4.5, ink
    for line in (*charts.COLOURS[:5], charts.LESS, charts.MORE):  # lines and marks: 3 to 1 (WCAG 1.4.11)
        assert contrast(line, "#ffffff") >= 3.0, line


def test_nothing_is_told_by_colour_alone(pages: dict[str, str]) -> None:
    for kind, sign in (("better", "✓"), ("worse", "✗")):
        for tag in re.findall(rf'<span class="tag {kind}">([^<]*)</span>', pages["report"]):
            assert tag.startswith(sign)
    assert len(set(map(str, charts.DASHES))) == len(charts.DASHES)


# ---------------------------------------------------------------------------------------------- in a browser


def browser_path() -> str | None:
    return next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright, which the extra `dev` installs")
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser.new_page(viewport={"width": 1100, "height": 1400})
        browser.close()


def test_axe_finds_nothing(tab: Any, pages: dict[str, str], tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core, which the extra `dev` installs")
    for name, text in pages.items():
        file = tmp_path / f"{name}.html"
        # of what is folded away, the first tables are read as well
        file.write_text(text.replace("<details", "<details open", 3), encoding="utf-8")
        tab.goto(file.as_uri())
        found = axe.Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
        told = [f"{v['id']} ({v['impact']}): {v['help']}; {v['nodes'][0]['html'][:160]}" for v in found.response["violations"]]
        assert not told, f"{name}:\n" + "\n".join(told)
        assert len(found.response["passes"]) > 20


def test_axe_would_find_something(tab: Any, pages: dict[str, str], tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core, which the extra `dev` installs")
    file = tmp_path / "bad.html"
    bad = pages["ITA"].replace("--grey: #515a66", "--grey: #b5bcc6").replace('<html lang="en">', "<html>")
    file.write_text(bad, encoding="utf-8")
    tab.goto(file.as_uri())
    found = {v["id"] for v in axe.Axe().run(tab).response["violations"]}
    assert {"color-contrast", "html-has-lang"} <= found


def test_a_browser_prints_the_answer_on_two_pages(tab: Any, pages: dict[str, str], tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf", reason="needs pypdf, which the extra `dev` installs")
    (tmp_path / "report.html").write_text(pages["report"], encoding="utf-8")
    tab.goto((tmp_path / "report.html").as_uri())
    tab.pdf(path=str(tmp_path / "report.pdf"), prefer_css_page_size=True)
    pages_ = pypdf.PdfReader(tmp_path / "report.pdf").pages[:3]
    told = [unicodedata.normalize("NFKC", page.extract_text()) for page in pages_]  # it joins letters
    assert "The answer in short" in told[0]
    assert "Who is affected, and how sure this is" in told[1]
    assert "Annex" in told[2]
