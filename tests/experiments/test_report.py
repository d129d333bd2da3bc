"""The report: self-contained, true to its numbers, and safe with any text."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from countersmuggling.experiments.report import files_of_report
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import LEVERS, registry

VOID = {"meta", "br", "img", "link", "hr", "input", "path", "use", "rect"}


class Page(HTMLParser):
    """Tags that are open, addresses that are named, texts of pictures, and what a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.alternatives: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.addresses += [given[a] or "" for a in ("src", "href", "xlink:href", "action") if a in given]
        self.ids += [given["id"] or ""] if "id" in given else []
        if tag == "img":
            self.alternatives.append(given.get("alt") or "")
        if given.get("role") == "img":
            self.alternatives.append(given.get("aria-label") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not (set(self.open) & {"style", "svg"}):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words).replace("\N{NARROW NO-BREAK SPACE}", " "))


def page_of(results: Results) -> tuple[Page, str]:
    text = files_of_report(results)["report.html"]
    assert isinstance(text, str)
    return Page(text), text


@pytest.fixture(scope="module")
def made(written: Path) -> tuple[Page, str]:
    text = (written / "report.html").read_text(encoding="utf-8")
    return Page(text), text


def test_one_file_that_reaches_for_nothing(made: tuple[Page, str]) -> None:
    page, text = made
    assert page.open == []
    assert page.addresses
    for address in page.addresses:
        assert address.startswith(("#", "data:image/png;base64,")), address[:80]
    assert not page.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_ids_are_unique_and_links_lead_somewhere(made: tuple[Page, str]) -> None:
    page, _ = made
    assert len(page.ids) == len(set(page.ids))
    targets = {a[1:] for a in page.addresses if a.startswith("#")}
    assert targets <= set(page.ids)


def test_every_picture_has_words(made: tuple[Page, str]) -> None:
    page, text = made
    assert len(page.alternatives) == text.count("<figcaption>") == 7
    assert all(len(a) > 20 for a in page.alternatives)
    assert page.text.count("Table behind this figure") == 7


def test_what_a_director_reads_first(made: tuple[Page, str], results: Results) -> None:
    page, _ = made
    text = page.text
    assert "What would the small option do?" in text
    assert "Deaths on the way fall by" in text
    assert "Travellers in debt: no clear difference (95 % interval" in text
    assert "Legal pathways: neither run admits anyone on them." in text
    assert "Public cost rises by EUR 8.40 million" in text
    assert (
        text.index("Deaths on the way fall by")
        < text.index("Public cost rises by")
        < text.index("Options against")
    )
    assert "more public cost" in text
    assert "Simulated, the plan does better than the pro-rata placement" in text


def test_judgement_is_named(made: tuple[Page, str]) -> None:
    text = made[0].text
    graded_d = [n for n in LEVERS["europol_centre"].parameters if registry()[n].grade == "D"]
    assert graded_d, "the lever of this test has judged parameters"
    start = text.index("What this rests on")
    end = text.index("The whole evidence table")
    for name in graded_d:
        assert name in text[start:end]
    others = [n for n in LEVERS["penalties"].parameters if registry()[n].grade == "D"]
    assert not any(name in text[start:end] for name in others)
    for name in registry():
        assert name in text[end:]


def test_it_says_what_it_must_not_be_used_for(made: tuple[Page, str]) -> None:
    text = made[0].text
    assert "Crossing a border to seek asylum is a right" in text
    assert "not for decisions about persons, for targeting persons" in text
    assert "imply no position" in text or "figures/flows" in text


def test_plan_and_prices(made: tuple[Page, str]) -> None:
    text = made[0].text
    assert "Deployed Europol officer: 20.0 on average, in Italy 12.0, Greece 8.0." in text
    assert "One more Europol post in quarter 1 of 2025 is worth 3.2 points." in text
    assert "One point weighs as much as EUR 1.00 million of public cost." in text
    assert "One more would do harm." not in text


def test_texts_of_users_are_only_texts_and_two_replicates_are_few(
    make_results: Callable[..., Results],
) -> None:
    evil = "<script>alert('x')</script> & {{ 7 * 7 }} \"quoted\""
    page, text = page_of(make_results(2, 1, planned=False, text=evil))
    assert "script" not in page.tags
    assert "<script>" not in text
    assert evil in page.text
    assert page.open == []
    assert "With 2 replicates the intervals are wide" in page.text


def test_one_replicate_claims_nothing(make_results: Callable[..., Results]) -> None:
    page, _ = page_of(make_results(1, 1))
    assert "One replicate gives no intervals" in page.text
    assert "cannot be told" in page.text
    assert "better on" not in page.text.lower()
    assert "nan" not in page.text[: page.text.index("What this rests on")].lower().split()


def test_a_single_run_compares_nothing(results: Results) -> None:
    alone = results.runs[:1]
    only = Results(
        alone, results.outcomes[results.outcomes["run"] == alone[0].key], results.provenance, (), "run"
    )
    text = page_of(only)[0].text
    assert "Status quo" in text
    assert "against" not in text[: text.index("What this rests on")]


def test_nothing_happened(results: Results) -> None:
    quiet = Results(results.runs, results.outcomes.assign(value=0.0), results.provenance, (), "compare")
    text = page_of(quiet)[0].text
    assert (
        "No difference in deaths, debt, protection, smugglers' profit, networks or backlog; at the same public cost."
        in text
    )
    assert "fall by" not in text
