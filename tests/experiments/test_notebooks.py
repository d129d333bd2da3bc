"""The notebooks run from top to bottom, as they are committed: without outputs."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from countersmuggling.experiments.results import Results

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


#: what must hold when a notebook has run, in its own names
AFTERWARDS = {
    "first-steps": "set(results.comparison['verdict']) & {'lower', 'higher'} and 'Full package' in option._repr_html_()",
    "own-policy": "len(mistakes) == 3 and by_places['legal_pathway_admissions'].is_monotonic_increasing and 'never by itself' in refusal",
    "replace-a-rule": "table.loc['networks_dismantled', 'ModelWithTightBudgets'] < table.loc['networks_dismantled', 'SmugglingModel']",
    "optimisation": "abs(points - 26) < 0.001 and abs(other - 26) < 0.001 and plan.status == 'optimal' and 'minimum' in conflict",
    "sweep": "found.ranking('smuggler_profit_eur', 'status-quo').index[0].endswith('fees.demand_elasticity') and len(box.limits) and len(table) == 32",
    "backtest": "simulated['P8.held.2016-03.EMED'] < 0.5 and len(table) == 4",
}


@pytest.mark.parametrize("name", sorted(AFTERWARDS))
def test_notebook_runs(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From top to bottom in this process; the last value of a cell is asked for its HTML, as a notebook would."""
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    monkeypatch.setattr(plt, "show", lambda: None)
    notebook = next(n for n in NOTEBOOKS if n.stem == name)
    space: dict[str, Any] = {"__name__": "notebook"}
    with mpl.rc_context({"backend": "agg"}):
        for number, cell in enumerate(cells(notebook)):
            tree = ast.parse("".join(cell["source"]))
            shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, f"{notebook.name}, code cell {number}", "exec"), space)  # noqa: S102
            if isinstance(shown, ast.Expr):
                value = eval(compile(ast.Expression(shown.value), f"{notebook.name}, code cell {number}", "eval"), space)
                if hasattr(value, "_repr_html_") and not isinstance(value, Figure):  # a notebook shows figures as pictures
                    assert value._repr_html_()
        plt.close("all")
    assert eval(AFTERWARDS[name], space)


def test_what_shows_itself_escapes_texts(results: Results) -> None:
    scenario = results.runs[1].scenario.model_copy(update={"title": "<b>x</b>", "question": "a < b?"})
    assert "&lt;b&gt;x" in scenario._repr_html_() and "a &lt; b" in scenario._repr_html_()
    html = results._repr_html_()
    assert "Deaths on the way" in html and "better" in html and "pro rata" in html
    single = replace(results, runs=results.runs[:1], outcomes=results.outcomes[results.outcomes["run"] == results.runs[0].key])
    assert "5th to 95th percentile" in single._repr_html_()


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
