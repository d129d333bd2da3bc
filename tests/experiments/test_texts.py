"""One catalogue holds every text of the report: nothing that a reader sees stands anywhere else."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from pathlib import Path

import pytest

from countersmuggling.experiments import annex, stakeholders, texts
from countersmuggling.experiments.report import files_of_report
from countersmuggling.experiments.results import Results
from countersmuggling.optimise import charts
from countersmuggling.scenarios import LEVERS, world

ROOT = Path(__file__).resolve().parents[2]
OPEN, CLOSE = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
#: names that are the same in every language: of programs, codes of places, keys of runs and parameters
NAMES = re.compile(r"countersmuggling|Europol|Eurojust|Frontex|highs|optimal|Python|[A-Z]{3,6}\b|[a-z0-9]+([-_.+][a-z0-9]+)+")


def pseudo() -> texts.Catalogue:
    """Every text in brackets: what stands outside of them is not from the catalogue."""
    wrapped = {key: f"{OPEN}{text}{CLOSE}" for key, text in texts.everything().items()}
    return texts.Catalogue("qps", wrapped)


def outside(text: str) -> str:
    """What is left of a text when everything in (nested) brackets is taken out."""
    depth, kept = 0, []
    for character in text:
        if character == OPEN:
            depth += 1
        elif character == CLOSE:
            depth -= 1
        elif not depth:
            kept.append(character)
    assert depth == 0
    return "".join(kept)


def visible(html: str) -> list[str]:
    """Texts that a reader sees or hears: nodes, and the attributes that are read out."""
    html = re.sub(r"<style>.*?</style>|<style .*?</style>|<!--.*?-->|<defs>.*?</defs>|<metadata>.*?</metadata>", "", html, flags=re.DOTALL)
    said = re.findall(r'(?:alt|aria-label|title)="([^"]*)"', html)
    return [*said, *re.split(r"<[^>]*>", html)]


@pytest.fixture(scope="module")
def pages(results: Results) -> dict[str, str]:
    seats = [stakeholders.find(name) for name in ("ITA", "Europol", "TUN")]
    made = files_of_report(results, seats, pseudo(), figures=False)
    return {name: str(text) for name, text in made.items() if name.endswith(".html")}


def test_every_text_of_the_report_is_from_the_catalogue(pages: dict[str, str], results: Results) -> None:
    from_data = {r.title for r in results.runs} | {" ".join(r.scenario.question.split()) for r in results.runs}
    from_data |= {r.scenario.description.strip() for r in results.runs}
    evidence = results.parameters
    from_data |= {form for c in ("description", "source", "unit", "name") for v in evidence[c] for form in (str(v), str(v).removeprefix("judgement: "))}
    from_data |= {str(v) for p in results.plans for c in ("words", "unit", "constraint") for v in p.shadow_prices[c]}
    from_data |= {str(v) for v in world().hubs["name"]} | {str(v) for v in world().legs["leg"]}
    from_data |= {info.proposal for info in LEVERS.values()}
    patterns = annex.patterns()
    assert patterns is not None
    from_data |= {str(v) for c in patterns.columns for v in patterns[c]}
    left: list[str] = []
    for name, page in pages.items():
        # tables behind figures have the columns and values of the CSV files
        for text in visible(re.sub(r'<table class="data">.*?</table>', "", page, flags=re.DOTALL)):
            rest = outside(unescape(text))
            for known in sorted((k for k in from_data if k and k in rest), key=len, reverse=True):
                rest = rest.replace(known, " ") if len(known) > 8 else re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", " ", rest)
            rest = NAMES.sub(" ", rest)
            if re.search(r"[A-Za-z]{3,}", rest):
                left.append(f"{name}: {rest.strip()[:120]}")
    assert not left, "\n".join(left[:20])
    assert 'href="stakeholders/ITA.html"' in pages["report.html"]


def test_templates_hold_no_words() -> None:
    for template in sorted((ROOT / "experiments" / "templates").glob("*.j2")):
        text = re.sub(r"\{[%#].*?[%#]\}|\{\{.*?\}\}", " ", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
        for said in [*re.findall(r'(?:alt|aria-label|title)="([^"]*)"', text), *re.split(r"<[^>]*>", text)]:
            assert not re.search(r"[A-Za-z]{2,}", said.replace("&ndash;", "")), f"{template.name}: {said.strip()!r}"


def test_every_key_is_used_and_every_used_key_is_there() -> None:
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for file in [*sorted((ROOT / "experiments").glob("*.py")), *sorted((ROOT / "experiments" / "figures").glob("*.py")), *sorted((ROOT / "experiments" / "templates").glob("*.j2"))]
    )
    keys = texts.english().texts
    named = set(re.findall(r"""\bt\(\s*["']([\w.]+)["']\s*[,)]""", code))
    assert len(named) > 150
    assert named <= set(keys)
    # keys that are put together in the code: a head that is named, and a tail that varies
    heads = set(re.findall(r'f"(\w+\.\w*)\{', code)) | set(re.findall(r'"([\w.]+[._])" [~+]', code)) | {"wording.", "answer.", "limit.", "bare."}
    unused = [k for k in keys if k not in named and f'"{k}"' not in code and not any(k.startswith(h) for h in heads)]
    assert not unused


def test_texts_that_a_plan_has_of_its_own_are_in_the_catalogue_too() -> None:
    keys = texts.english().texts
    assert {k.removeprefix("chart."): v for k, v in keys.items() if k.startswith("chart.")} == charts.TEXTS
    assert {k.removeprefix("limit."): v for k, v in keys.items() if k.startswith("limit.")} == charts.KINDS


def test_a_translation_is_used_and_what_it_lacks_is_english(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "de.toml"
    file.write_text('language = "de"\n[front]\nshort = "Die Antwort in Kürze"\n[outcome]\ndeaths = "Todesfälle"\n', encoding="utf-8")
    chosen = texts.catalogue(file)
    assert "front.compared" in chosen.missing and "front.short" not in chosen.missing
    with texts.using(chosen):
        page = str(stakeholders.pages(results, [stakeholders.find("Europol")], results.runs[1:2])["stakeholders/Europol.html"])
        assert texts.t("front.short") == "Die Antwort in Kürze"
    assert '<html lang="de">' in page
    assert "Todesfälle" in page and "What changes for it" in page
    assert texts.t("front.short") == "The answer in short"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[front\n", "is not a catalogue"),
        ("[front]\nshort = 3\n", "'front.short' is not a text"),
        ('[wording]\nperiod = "{first} bis {letzter}"\n', "names letzter in braces"),
        ('[wording]\nperiod = "{first} bis {last"\n', "a brace without its partner"),
    ],
)
def test_a_bad_catalogue_is_refused(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "xx.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(texts.LanguageError, match=told):
        texts.catalogue(file)


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(texts.LanguageError, match="There are: en"):
        texts.catalogue("eng")


def test_the_printed_template_is_a_catalogue() -> None:
    again = tomllib.loads(texts.as_toml(texts.everything()))
    assert again["outcome"]["deaths"] == "Deaths on the way"
    assert again["front"]["short"] == "The answer in short"
