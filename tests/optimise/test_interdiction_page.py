"""The page on interdiction shows what its examples print."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interdiction.md"


def test_examples_print_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == PAGE.read_text(encoding="utf-8").count("```python") == 7
    names: dict[str, object] = {}
    for code, shown in examples:
        exec(compile(code, PAGE.name, "exec"), names)  # noqa: S102
        assert capsys.readouterr().out == shown


def test_examples_in_docstrings() -> None:
    import doctest

    from countersmuggling.optimise.interdiction import flows, routes, targets

    for module in (flows, routes, targets):
        done = doctest.testmod(module)
        assert done.attempted and not done.failed, module.__name__
