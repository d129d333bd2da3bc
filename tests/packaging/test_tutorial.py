"""The tutorial, typed as it stands, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from countersmuggling.experiments import cli
from countersmuggling.scenarios import check

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


#: simulate for minutes on a busy machine; parsed by test_documented_examples.py, and all of the tutorial is run below
SIMULATE = ("compare", "report", "rerun")


def typed(leaving_out: tuple[str, ...] = ()) -> list[str]:
    """Carry out the tutorial's commands and edits in the working folder; the commands' names."""
    done = []
    for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "yaml":  # "replace its content by this"
            Path("my-option.yaml").write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line)
            if program == "countersmuggling" and arguments[0] not in leaving_out:
                assert cli.main(arguments) == 0, line
                done.append(arguments[0])
    return done


def test_a_file_is_written_checked_and_its_mistake_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(SIMULATE) == ["scenarios", "new", "check"]
    assert "my-option.yaml: nothing wrong" in capsys.readouterr().out
    # the mistake that the tutorial asks for
    Path("wrong.yaml").write_text(Path("my-option.yaml").read_text(encoding="utf-8").replace("routes", "routs"), encoding="utf-8")
    (problem,) = check("wrong.yaml")
    assert problem.line == 5 and problem.suggestion == "routes"


@pytest.mark.slow
def test_every_step_does_what_the_tutorial_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """About two minutes of processor."""
    monkeypatch.chdir(tmp_path)
    assert typed() == ["scenarios", "compare", "new", "check", "compare", "report", "rerun"]
    told = capsys.readouterr().out
    assert "no clear difference" in told and "identical" in told and "Regulation and rescue" in told
    assert Path("results/first/report.html").is_file() and Path("results/mine/stakeholders/ITA.html").is_file()
