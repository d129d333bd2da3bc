"""The report as PDF: the answer on two pages, tagged, and a clear word where it cannot be made."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.experiments import pdf, stakeholders
from countersmuggling.experiments.cli import main
from countersmuggling.experiments.report import files_of_report
from countersmuggling.experiments.results import Results

pypdf = pytest.importorskip("pypdf", reason="needs pypdf, which the extra `dev` installs")


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


@pytest.fixture(autouse=True, scope="module")
def possible() -> None:
    try:
        pdf.check()
    except pdf.NoPdf as reason:
        pytest.skip(str(reason))


def test_the_first_two_pages_are_two(written: Path) -> None:
    content = pdf.pdf_of((written / "report.html").read_text(encoding="utf-8"))
    told = pages_of(content)
    assert "The answer in short" in told[0] and "Distribution over Member States" in told[0]
    assert "Who is affected, and how sure this is" in told[1] and "How sure this is" in told[1]
    assert "Annex" in told[2] and "How it was made" in told[-1] + told[-2]
    reader = pypdf.PdfReader(io.BytesIO(content))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in root
    assert root["/Lang"] == "en"


def test_a_stakeholders_page_is_one(results: Results) -> None:
    plan = [run for run in results.runs if run.role == "plan"]
    for name in ("ITA", "Europol"):
        (page,) = stakeholders.pages(results, [stakeholders.find(name)], plan).values()
        assert len(pages_of(pdf.pdf_of(str(page)))) == 1


@pytest.mark.slow
def test_long_questions_and_titles_still_leave_two_pages(make_results: Callable[..., Results]) -> None:
    long = "What would happen if every single element of both proposals came into force at once in all Member States? " * 3
    page = str(files_of_report(make_results(4, 6, text=long), figures=False)["report.html"])
    told = pages_of(pdf.pdf_of(page))
    assert "Who is affected, and how sure this is" in told[1] and "Annex" in told[2]


def test_it_says_what_to_install(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = results.write(tmp_path / "results", report=False)
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "weasyprint":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["report", str(folder), "--pdf"]) == 2
    told = capsys.readouterr().err
    assert "pip install 'countersmuggling[pdf]'" in told and "libpango" in told and "Traceback" not in told
    assert not (folder / "report.html").exists()
