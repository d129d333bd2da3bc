"""Every number that the model and the optimiser read stands in the evidence registry, and nothing stands there unread.

Reads are found in the syntax trees of ``model/`` and ``optimise/``: a literal subscript on ``p``, ``params`` or an
attribute called ``params``, and any other text that is a dotted name below one of the registry's first parts (tables of
levers name their parameters so).  Costs are read through ``cost_parameter`` of `RESOURCES` and `LEVERS`.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from countersmuggling.scenarios import LEVERS, RESOURCES, registry
from countersmuggling.scenarios.problems import nearest

ROOMS = ("model", "optimise")
NAMES = ("p", "params")
STRUCTURAL = frozenset(
    (0.0, 0.5, 1.0, 2.0, 7.0, 12.0, 100.0, 365.0, 365.25, 1000.0, 100_000.0, 1e-300)
    + tuple(float(f"1e-{n}") for n in range(6, 13))
)
"""Numbers that are no assumption: identities, halves, days and months of a year, percent, per 1,000 and per 100,000
people, tolerances, and the smallest number before a logarithm."""
ENGINE = (
    "model/memory.py", "model/replicates.py", "optimise/charts.py", "optimise/pairing_charts.py", "optimise/adaptive/regimes.py",
    "optimise/adaptive/paired_tests.py", "optimise/adaptive/trust_region.py", "optimise/adaptive/waterbed.py", "optimise/two_level.py",
)  # fmt: skip
"""Files that ask for memory, that start processes and wait for them, that draw, that search or screen, or that make up worlds to try methods on: their
seconds, inches, step lengths, levels of significance and invented figures are no assumption about the world."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        folder = Path(str(importlib.import_module(f"countersmuggling.{room}").__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            yield f"{room}/{path.relative_to(folder).as_posix()}", ast.parse(path.read_text(encoding="utf-8"))


def is_parameters(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in NAMES) or (
        isinstance(node, ast.Attribute) and node.attr in ("params", "_params")
    )


def reads(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of every parameter that a file names."""
    first = {name.split(".", 1)[0] for name in registry()}
    dotted = re.compile(rf"({'|'.join(sorted(first))})(\.[a-z][a-z0-9_]*)+\Z")
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_parameters(node.value):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                yield node.lineno, node.slice.value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and dotted.match(node.value):
            yield node.lineno, node.value


def composed(tree: ast.Module) -> Iterator[int]:
    """Lines that compose a parameter's name at run time, so that no reader and no test can see which it is."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Subscript) and is_parameters(node.value)):
            continue
        texts = any(
            isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node.slice)
        )
        if texts and not isinstance(node.slice, ast.Constant):
            yield node.lineno


def floats(tree: ast.Module) -> Iterator[tuple[int, float]]:
    """(line, number) of every float literal that is not structural."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value not in STRUCTURAL:
            yield node.lineno, node.value


def test_every_parameter_read_is_in_the_registry() -> None:
    missing = [
        f"{file}:{line}: '{name}' is not in the registry (nearest: {nearest(name, registry())})"
        for file, tree in sources()
        for line, name in reads(tree)
        if name not in registry()
    ]
    assert not missing, "\n" + "\n".join(missing)


def test_every_row_of_the_registry_is_read() -> None:
    read = {name for _, tree in sources() for _, name in reads(tree)}
    read |= {resource.cost_parameter for resource in RESOURCES.values()}
    read |= {lever.cost_parameter for lever in LEVERS.values() if lever.cost_parameter}
    unread = [
        f"scenarios/data/parameters.csv: '{name}' is read by no one"
        for name in registry()
        if name not in read
    ]
    assert not unread, "\n" + "\n".join(unread)


def test_names_are_written_out() -> None:
    found = [
        f"{file}:{line}: a parameter's name is composed"
        for file, tree in sources()
        for line in composed(tree)
    ]
    assert not found, "\n" + "\n".join(found)


def test_no_number_hides_in_the_code() -> None:
    hidden = [
        f"{file}:{line}: {number!r} belongs in the registry"
        for file, tree in sources()
        if file not in ENGINE
        for line, number in floats(tree)
    ]
    assert not hidden, "\n" + "\n".join(hidden)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = params['fees.none']", ["fees.none"]),
        ("x = self.params['anything']", ["anything"]),
        ("x = p['cost.none'] + q['cost.other']", ["cost.none", "cost.other"]),
        ("E = (Effect('cost.none'),)", ["cost.none"]),
        ("'a text about cost.none things'; x = row['cost']", []),
    ],
)
def test_the_search_finds_what_it_should(code: str, found: list[str]) -> None:
    tree = ast.parse(code)
    assert sorted({name for _, name in reads(tree)}) == found
    assert list(composed(ast.parse("x = p[f'fees.{a}']"))) == [1]
    assert list(floats(ast.parse("x = -0.3 + 1.0 * 365.25 / 1e-9 + 2"))) == [(1, 0.3)]
