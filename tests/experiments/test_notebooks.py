"""The notebooks run from top to bottom, as they are committed: without outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The code cells."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    return [cell for cell in content["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_of_mechanisms_is_there() -> None:
    assert "mechanisms.ipynb" in {notebook.name for notebook in NOTEBOOKS}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: str(path.stem))
def test_notebook_is_committed_without_outputs(notebook: Path) -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(notebook))


def test_the_notebook_of_mechanisms_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: a kernel of its own would cost more time than the cells."""
    notebook = next(n for n in NOTEBOOKS if n.name == "mechanisms.ipynb")
    monkeypatch.setattr(plt, "show", lambda: None)
    space: dict[str, Any] = {"__name__": "notebook"}
    with mpl.rc_context(), mpl.rc_context({"backend": "agg"}):
        for number, cell in enumerate(cells(notebook)):
            source = "".join(cell["source"])
            exec(compile(source, f"{notebook.name}, code cell {number}", "exec"), space)  # noqa: S102
        figures = len(plt.get_fignums())
        plt.close("all")
    assert figures >= 7
    assert space["table"].loc["both", "irregular_crossings"] < space["table"].loc["as usual", "irregular_crossings"]
    assert space["replaced"].totals()["networks_dismantled"] == 0.0
