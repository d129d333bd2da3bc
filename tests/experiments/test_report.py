"""The report: self-contained, true to its numbers, and safe with any text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from countersmuggling.experiments import criteria, wording
from countersmuggling.experiments.folder import FolderError
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
    text = files_of_report(results, figures=False)["report.html"]
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
    assert len(page.alternatives) == text.count("<figcaption>") == 9
    assert all(len(a) > 20 for a in page.alternatives)
    assert text.count("<summary>Table behind this figure") == 9


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


def row_of(text: str, title: str) -> str:
    """The row of the first table in which a title stands, tags taken out."""
    found = re.search(rf'<tr><th scope="row">{re.escape(title)} .*?</tr>', text, re.DOTALL)
    assert found, title
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_options_stand_side_by_side_under_every_criterion(made: tuple[Page, str], results: Results) -> None:
    page, whole = made
    front = whole[: whole.index('<section id="annex"')]
    text = page.text
    order = [text.index(f"{c} –") for c in (
        "Effectiveness", "Efficiency", "Coherence", "Rights and humanitarian effect", "Distribution over Member States")]  # fmt: skip
    assert order == sorted(order)
    table = results.difference("small-option", "baseline-2025").set_index("outcome")
    change, low, high = (float(table.loc["deaths", c]) for c in ("difference", "low", "high"))  # type: ignore[arg-type]
    told = row_of(front, "Deaths on the way")
    largest = max(abs(low), abs(high), abs(change))
    assert wording.number(change, largest, True) in told
    assert f"{wording.number(low, largest, True)} to {wording.number(high, largest, True)}" in told
    assert "✓ better" in told
    assert "○ no clear difference" in row_of(front, "Travellers in debt")
    assert "▲ higher" in row_of(front, "Public cost")
    assert "EUR" in row_of(front, "Public cost per death avoided")
    assert "Small option, staff by plan" in front
    assert "Greece" in front and "Germany" in front
    assert "Not run in this folder" in front


def test_cost_of_a_death_avoided_is_a_ratio_with_fiellers_interval() -> None:
    above, below = [10.0, 12.0, 11.0, 9.0], [2.0, 2.4, 2.1, 1.9]
    ratio, low, high = criteria.ratio_interval(above, below)
    assert ratio == pytest.approx(42.0 / 8.4)
    assert low < ratio < high
    # where the ratio is at either end, the difference above - ratio x below is just as far from zero as chance allows
    for end in (low, high):
        left = np.array(above) - end * np.array(below)
        t_value = left.mean() / (left.std(ddof=1) / 2)
        assert abs(t_value) == pytest.approx(stats.t.ppf(0.975, 3))
    assert criteria.ratio_interval(above, [1.0, -1.0, 2.0, -1.5])[1:] == (-math.inf, math.inf)


def test_six_options_are_told_as_shares(make_results: Callable[..., Results]) -> None:
    found = make_results(3, 2, planned=False)
    option, frame = found.runs[1], found.outcomes.astype({"run": str})
    own = frame[frame["run"] == option.key]
    names = [f"option-{n}" for n in range(6)]
    runs = [replace(option, key=n, title=n.replace("-", " ").title(), of=n) for n in names]
    parts = [frame[frame["run"] == found.runs[0].key], *(own.assign(run=n) for n in names)]
    six = Results((found.runs[0], *runs), pd.concat(parts, ignore_index=True), {}, (), "compare")
    table = criteria.Criteria(six, six.runs[1:])
    assert table.compact
    deaths = table.row("deaths")
    assert deaths is not None and len(deaths.cells) == 6
    assert all(cell.text.endswith("%") for cell in deaths.cells)


def test_validation_counts_the_verdicts_of_the_page(made: tuple[Page, str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "patterns.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| P\d.*\| (told|partly|emergent) \| (in|out) \|$", page, re.MULTILINE)
    assert len(rows) > 50
    emergent = [verdict for kind, verdict in rows if kind == "emergent"]
    within = [verdict for _, verdict in rows].count("in")
    assert f"{within} of {len(rows)} published patterns lie in their bands" in made[0].text
    assert f"of the {len(emergent)} that nothing tells the model, {emergent.count('in')}" in made[0].text


def test_sensitivity_and_waterbed_that_lie_in_the_folder_are_told(results: Results, tmp_path: Path) -> None:
    folder = results.write(tmp_path / "results", report=False)
    (folder / "sensitivity.csv").write_text(
        "factor,outcome,low,high\nfees.markup,deaths,-4,9\nbeliefs.half_life_days,deaths,1,-1\n", encoding="utf-8"
    )
    (folder / "waterbed.csv").write_text(
        "resource,place,affected_place,outcome,effect,se\nanalyst,ITA,ITA,deaths,-2,0.5\nanalyst,ITA,GRC,deaths,1.5,2\n", encoding="utf-8"
    )
    found = Results.read(folder)
    text = page_of(found)[0].text
    assert "Deaths on the way: hangs most on" in text
    assert "No analysis of sensitivity" not in text
    assert "Pressed here, swells there" in text
    (folder / "waterbed.csv").write_text("resource,place\nanalyst,ITA\n", encoding="utf-8")
    with pytest.raises(FolderError, match=r"waterbed.csv has no column affected_place"):
        Results.read(folder)


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


def test_what_was_asked_of_a_plan_besides_is_told_under_its_headings(make_results: Callable[..., Results]) -> None:
    found = make_results(3, 2)
    (plan,) = found.plans
    sections = {"What more would bring": ["EUR 1 million more would do <good>."], "Nothing under this": []}
    asked = replace(plan, facts={**plan.facts, "study": {"sections": sections}})
    page, text = page_of(replace(found, plans=(asked,)))
    assert "What was asked about the plan besides" in page.text and "What more would bring" in page.text
    assert "EUR 1 million more would do <good>." in page.text and "<good>" not in text
    assert "Nothing under this" not in page.text, "a heading without a sentence"
    assert "What was asked about the plan besides" not in page_of(found)[0].text


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
    assert "against" not in text[: text.index("Sensitivity: what hangs on what")]


def test_nothing_happened(results: Results) -> None:
    quiet = Results(results.runs, results.outcomes.assign(value=0.0), results.provenance, (), "compare")
    text = page_of(quiet)[0].text
    assert (
        "No difference in deaths, debt, protection, smugglers' profit, networks or backlog; at the same public cost."
        in text
    )
    assert "fall by" not in text
