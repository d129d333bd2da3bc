"""What the documents tell a reader to type works as it stands."""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from countersmuggling.experiments import cli
from countersmuggling.experiments.designs import bundled_designs
from countersmuggling.scenarios import bundled, check

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    file.relative_to(ROOT).as_posix()
    for file in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
]


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(document: str) -> list[str]:
    """Every `countersmuggling ...` command of a document, in a block or in a sentence."""
    text = (ROOT / document).read_text(encoding="utf-8")
    inline = re.findall(r"(?<!`)`(countersmuggling [^`]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    lines = [part.strip() for block in blocks(document, "sh") for line in block.splitlines() for part in line.split("&&")]
    return inline + [line.removeprefix(".venv/bin/") for line in lines if re.match(r"(\.venv/bin/)?countersmuggling ", line)]


def commands_by_name() -> set[str]:
    (below,) = [a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return set(below.choices)


def test_commands_are_found() -> None:
    assert any("--plan" in command for command in typed("README.md"))
    assert any(command.startswith("countersmuggling new") for command in typed("README.md"))


@pytest.mark.parametrize("command", sorted({command for document in DOCUMENTS for command in typed(document)}))
def test_command_is_understood(command: str) -> None:
    _, *arguments = shlex.split(re.sub(r"\s*\[[^\]]*\]", "", command))  # what stands in brackets may be left out
    if len(arguments) == 1 and arguments[0] != "COMMAND":  # a command by its name, as a sentence says it
        assert arguments[0] in commands_by_name() or arguments[0].startswith("--")
        return
    if "COMMAND" in arguments:
        arguments[arguments.index("COMMAND")] = "run"
    if "--help" in arguments:
        with pytest.raises(SystemExit) as leaving:
            cli.parser().parse_args(arguments)
        assert leaving.value.code == 0
        return
    options = vars(cli.parser().parse_args(arguments))
    scenarios = [options.get("baseline"), options.get("base"), *(options.get("options") or [])]
    for name in scenarios:
        assert name is None or name.endswith(".yaml") or name in (*bundled(), *bundled_designs())


#: first words of commands that are parsed above but not carried out here, with the reason
NOT_RUN = {
    "run": "simulates for minutes; run on a small scenario in tests/experiments/test_cli.py",
    "compare": "simulates for minutes; .ci/run carries out the README's to the letter",
    "optimise": "measures for minutes; tests/experiments/test_comparing.py",
    "sweep": "simulates for hours; tests/experiments/test_sweeping.py",
    "sensitivity": "needs a finished sweep; tests/experiments/test_sensitivity.py",
    "discover": "needs a finished sweep; tests/experiments/test_discovery.py",
    "regret": "needs a finished sweep; tests/experiments/test_robust_choice.py",
    "report": "needs a results folder; tests/experiments/test_cli.py",
    "rerun": "needs a results folder; tests/experiments/test_rerunning.py",
    "data": "needs a publisher's file; tests/experiments/test_publishers.py",
    "calibrate": "simulates for hours",
    "validate": "simulates for minutes",
    "dashboard": "serves until it is ended; tests/experiments/test_dashboard.py",
    "waterbed": "simulates for hours",
    "evaluate": "simulates for hours",
    "regimes": "simulates for hours",
    "COMMAND": "stands for any command",
}


def test_commands_that_are_quick_do_what_the_documents_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`new`, `check`, `schema`, `scenarios`, `designs`, `completion` and `--help`, in an empty folder with the README's file in it."""
    monkeypatch.chdir(tmp_path)
    unknown = []
    for command in sorted({command for document in DOCUMENTS for command in typed(document)}):
        _, *arguments = shlex.split(command)
        first = arguments[0]
        if "--help" in arguments or first in NOT_RUN:
            continue
        if first == "new":
            Path(arguments[1]).unlink(missing_ok=True)
        elif first == "check":
            for name in arguments[1:]:
                if not name.startswith("-") and name not in bundled():
                    Path(name).write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
        elif first not in ("schema", "scenarios", "designs", "completion", "--version"):
            unknown.append(command)
            continue
        assert cli.main(arguments) == 0, command
    assert unknown == [], "run it above, or say in NOT_RUN why not"


@pytest.mark.parametrize("number", range(len(blocks("README.md", "yaml"))))
def test_scenario_file_is_valid(number: int, tmp_path: Path) -> None:
    file = tmp_path / "my-option.yaml"
    file.write_text(blocks("README.md", "yaml")[number], encoding="utf-8")
    assert [str(problem) for problem in check(file)] == []


def test_there_is_a_scenario_file_and_a_python_example() -> None:
    assert len(blocks("README.md", "yaml")) == 1
    assert len(blocks("README.md", "python")) == 1


def test_a_rule_is_replaced_as_the_model_page_shows() -> None:
    (code,) = blocks("docs/odd.md", "python")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    usual, without = (line.split() for line in done.stdout.splitlines())
    assert int(usual[1]) > 0 and without == ["ModelWithoutCasework", "0"]


def test_python_example_runs(tmp_path: Path) -> None:
    (code,) = blocks("README.md", "python")
    # the example runs replicates in processes of their own, which import the file that started them
    file = tmp_path / "example.py"
    file.write_text('if __name__ == "__main__":\n' + "".join(f"    {line}" for line in code.splitlines(keepends=True)), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", str(file)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deaths" in done.stdout
