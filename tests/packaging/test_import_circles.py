"""No modules of the rooms import one another in a circle, at their top or inside functions (what types alone need does not count)."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("scenarios", "model", "optimise", "experiments")
#: pairs that know one another; both hold one thing in two files
KNOWN = [{"model.core", "model.staffing", "model.invariants"}, {"experiments.engines", "experiments.local_processes"}]


def imports(node: ast.AST, package: list[str]) -> Iterator[str]:
    """Dotted names that a module may import when it runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.ImportFrom) and child.level:
            base = ".".join([*package[: len(package) - child.level + 1], *([child.module] if child.module else [])])
            yield from (f"{base}.{alias.name}" for alias in child.names)
        yield from imports(child, package)


def graph() -> dict[str, set[str]]:
    files = {}
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        targets = imports(ast.parse(file.read_text(encoding="utf-8")), package)
        found[name] = {t if t in files else t.rpartition(".")[0] for t in targets} & set(files)
    return found


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules each of which leads to all others of its set."""
    reach: dict[str, set[str]] = {}
    for name, next_ones in edges.items():
        seen: set[str] = set()
        ahead = list(next_ones)
        while ahead:
            if (other := ahead.pop()) not in seen:
                seen.add(other)
                ahead += edges[other]
        reach[name] = seen
    together = {frozenset({n} | {o for o in reach[n] if n in reach[o]}) for n in edges}
    return [set(c) for c in together if len(c) > 1]


def test_no_circle_is_new() -> None:
    edges = graph()
    assert len(edges) > 150 and edges["experiments.report"] >= {"experiments.annex", "experiments.figures"}
    assert [c for c in circles(edges) if c not in KNOWN] == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [{"b", "c"}]
