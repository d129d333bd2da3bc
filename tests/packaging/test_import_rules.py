"""The four rooms import one another in one direction, relatively, and use nothing that a Mesa release takes away."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "countersmuggling"
# each room may import itself and the rooms before it
ROOMS = ["scenarios", "model", "optimise", "experiments"]
# Mesa 3.5 puts its own values under these names of a model, Mesa 4 drops some: a model that uses one of them means
# different things on different releases
RESERVED_ON_MODELS = {
    "agent_id_counter",
    "data_registry",
    "random",
    "run_for",
    "run_until",
    "scenario",
    "schedule_event",
    "schedule_recurring",
    "steps",
    "time",
}
DROPPED_FROM_MESA = {"mesa.batch_run", "mesa.batchrunner", "mesa.space"}


def source_files(*rooms: str) -> list[Path]:
    files = [file for room in rooms for file in sorted((ROOT / room).rglob("*.py"))]
    assert files, f"no Python files in {rooms} under {ROOT}"
    return files


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, bool, str]]:
    """Yield (line, relative?, full dotted name) of every import in a module, and of `import_module("literal")`."""
    package = module if is_package else module.rpartition(".")[0]

    def resolved(level: int, name: str) -> str:
        parts = package.split(".")
        return ".".join([*parts[: max(len(parts) - level + 1, 0)], *([name] if name else [])])

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, False, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = resolved(node.level, node.module or "") if node.level else node.module
            for alias in node.names:
                yield node.lineno, bool(node.level), f"{base}.{alias.name}"
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("import_module")
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            name = node.args[0].value
            level = len(name) - len(name.lstrip("."))
            yield node.lineno, bool(level), resolved(level, name[level:]) if level else name


def import_problems(source: str, module: str, is_package: bool = False) -> list[str]:
    """What a module of a room (`module` is its dotted name) imports against the rules."""
    room = module.split(".")[1]
    problems = []
    for line, relative, name in imported(ast.parse(source), module, is_package):
        top, *below = name.split(".")
        if not relative:
            if top == PACKAGE or top in ROOMS:
                problems.append(f"line {line}: `{name}` is imported absolutely; inside the rooms imports are relative")
            continue
        if top != PACKAGE or not below:
            problems.append(f"line {line}: `{name}` lies outside the package")
        elif below[0] in ROOMS:
            if ROOMS.index(below[0]) > ROOMS.index(room):
                problems.append(f"line {line}: {room} imports {below[0]}, but imports run {' <- '.join(ROOMS)}")
        elif below[0] != "__version__":
            problems.append(f"line {line}: `{name}` reaches another room through the root package; name the room")
    return problems


def mesa_problems(source: str) -> list[str]:
    """Uses of names that Mesa reserves on a model or has dropped."""
    tree = ast.parse(source)
    problems = []
    for line, _, name in imported(tree, f"{PACKAGE}.model.any", False):
        if any(f"{name}.".startswith(f"{dropped}.") for dropped in DROPPED_FROM_MESA):
            problems.append(f"line {line}: imports {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if f"{owner}.{node.attr}" in DROPPED_FROM_MESA:
                problems.append(f"line {node.lineno}: uses {owner}.{node.attr}")
            if node.attr in RESERVED_ON_MODELS and (owner == "model" or owner.endswith(".model")):
                problems.append(f"line {node.lineno}: uses {owner}.{node.attr}")
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {ast.unparse(base) for base in node.bases}
        if bases & {"mesa.Model", "Model"}:
            reserved = RESERVED_ON_MODELS
        elif bases & {"mesa.Agent", "Agent"}:
            reserved = {"random"}
        else:
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == "self" and inner.attr in reserved:
                problems.append(f"line {inner.lineno}: {node.name} uses self.{inner.attr}")
        for member in node.body:
            targets: list[ast.expr] = []
            if isinstance(member, ast.FunctionDef) and member.name in reserved:
                problems.append(f"line {member.lineno}: {node.name} defines {member.name}")
            elif isinstance(member, ast.Assign):
                targets = member.targets
            elif isinstance(member, ast.AnnAssign):
                targets = [member.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in reserved:
                    problems.append(f"line {member.lineno}: {node.name} defines {target.id}")
    return problems


def dotted(file: Path) -> tuple[str, bool]:
    parts = [PACKAGE, *file.relative_to(ROOT).with_suffix("").parts]
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]), True
    return ".".join(parts), False


def test_rooms_import_relatively_and_one_way() -> None:
    problems = [
        f"{file.relative_to(ROOT)} {problem}"
        for file in source_files(*ROOMS)
        for problem in import_problems(file.read_text(encoding="utf-8"), *dotted(file))
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("source", "module", "says"),
    [
        ("from countersmuggling.scenarios import load", "model.core", "absolutely"),
        ("import countersmuggling.scenarios", "model.core", "absolutely"),
        ("from scenarios import load", "model.core", "absolutely"),
        ("import optimise.allocation", "experiments.cli", "absolutely"),
        ("import_module('countersmuggling.model')", "experiments.cli", "absolutely"),
        ("from ..optimise import Plan", "model.core", "model imports optimise"),
        ("from .. import experiments", "optimise.allocation", "optimise imports experiments"),
        ("def f():\n    from ..model import run_one", "scenarios.schema", "line 2: scenarios imports model"),
        ("importlib.import_module('..model', __package__)", "scenarios.schema", "scenarios imports model"),
        ("from ...model import run_one", "scenarios.schema", "outside the package"),
        ("from .. import SmugglingModel", "experiments.cli", "through the root"),
    ],
)
def test_import_rules_find(source: str, module: str, says: str) -> None:
    (problem,) = import_problems(source, f"{PACKAGE}.{module}")
    assert says in problem


@pytest.mark.parametrize(
    ("source", "module", "is_package"),
    [
        ("from ..scenarios import load\nfrom .streams import keys\nfrom .. import __version__", "model.core", False),
        ("from .allocation import Plan\nfrom ..model import run_one", "optimise", True),
        ("import numpy as np\nfrom mesa import Model", "model.core", False),
        ("from ...scenarios import load", "experiments.figures.maps", False),
    ],
)
def test_import_rules_allow(source: str, module: str, is_package: bool) -> None:
    assert import_problems(source, f"{PACKAGE}.{module}", is_package) == []


def test_model_keeps_off_what_mesa_reserves_or_drops() -> None:
    problems = [
        f"{file.relative_to(ROOT)} {problem}"
        for file in source_files("model", "experiments")
        for problem in mesa_problems(file.read_text(encoding="utf-8"))
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("from mesa.space import MultiGrid", "mesa.space"),
        ("from mesa import batch_run", "mesa.batch_run"),
        ("import mesa\nmesa.batch_run(M)", "line 2: uses mesa.batch_run"),
        ("class M(mesa.Model):\n    def f(self):\n        self.scenario = 1", "line 3: M uses self.scenario"),
        ("class M(mesa.Model):\n    time: float = 0", "M defines time"),
        ("class M(Model):\n    def run_for(self): ...", "M defines run_for"),
        ("class A(mesa.Agent):\n    def f(self):\n        return self.random.random()", "A uses self.random"),
        ("def f(agent):\n    return agent.model.steps", "uses agent.model.steps"),
    ],
)
def test_mesa_rules_find(source: str, says: str) -> None:
    assert any(says in problem for problem in mesa_problems(source)), mesa_problems(source)


def test_mesa_rules_allow() -> None:
    source = "class Clock:\n    def f(self):\n        self.time = 0\n\nclass M(mesa.Model):\n    def f(self):\n        self.day = 1"
    assert mesa_problems(source) == []
