"""What docs/scenario-files.md shows is what happens."""

import re
import runpy
from pathlib import Path

import pytest

from countersmuggling.scenarios import check, load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenario-files.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    if not PAGE.exists():
        pytest.skip("the documentation is not beside the tests")
    return [text for language, text in FENCE.findall(PAGE.read_text(encoding="utf-8")) if language == kind]


def test_the_complete_example_is_valid_and_uses_every_section(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(blocks("yaml")[0], encoding="utf-8")
    assert check(path) == []
    scenario = load(path)
    assert scenario.model_fields_set >= set(type(scenario).model_fields) - {"description", "extends"}
    assert {event.kind for event in scenario.events} == {
        "border_closed", "demand_shock", "partner_agreement", "rescue_change", "visa_change",
    }  # fmt: skip


def test_the_messages_are_those_that_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "option.yaml").write_text(blocks("yaml")[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert [str(problem) for problem in check("option.yaml")] == blocks("text")[0].splitlines()


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-option.yaml").write_text("extends: legal-pathways\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(blocks("python")[0], encoding="utf-8")
    assert runpy.run_path("example.py")["problems"] == []
