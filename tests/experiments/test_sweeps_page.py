"""The page on sweeps: its designs are valid, its code runs on a store of its first design."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.experiments import load_design, sweep
from countersmuggling.experiments.dask_cluster import read_cluster_file
from countersmuggling.experiments.run_table import RunTable

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
TESTS = Path(__file__).resolve().parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_designs_and_the_cluster_file_are_valid(tmp_path: Path) -> None:
    found = blocks("yaml")
    assert len(found) == 4
    for number, text in enumerate(found):
        file = tmp_path / f"block-{number}.yaml"
        file.write_text(text, encoding="utf-8")
        if text.startswith("# cluster.yaml"):
            assert read_cluster_file(file).jobs == 50
        else:
            table = RunTable(load_design(file))
            assert table.different_runs() > 1
            table.planned(len(table) - 1)


def test_code_runs_as_it_stands(tmp_path: Path, stubs: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ema_workbench", reason="needs the extra `analysis`")
    monkeypatch.chdir(tmp_path)
    Path("my-design.yaml").write_text(blocks("yaml")[0].replace("points: 100", "points: 4"), encoding="utf-8")
    sweep("my-design.yaml", out="results/mine", engine="in-process", progress=False, function=stubs.plain)
    first, second = blocks("python")
    names: dict[str, Any] = {}
    exec(first, names)  # noqa: S102 - the documented code is what is tested
    assert len(names["totals"]) == 3 * 4 * 2
    assert "24 of 24 runs" in capsys.readouterr().out
    assert names["change"].dims == ("point", "replicate")
    assert len(names["rows"]) == 3
    exec(second, names)  # noqa: S102
    assert len(names["experiments"]) == 12


def test_the_tests_that_the_page_names_are_there() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in TESTS.glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) >= 6
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []
