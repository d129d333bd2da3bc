"""Manners of the command line: examples in help, completion, JSON, colours, and what an interruption keeps."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments import cli, completing
from countersmuggling.experiments.console_tables import table
from countersmuggling.experiments.help_examples import EXAMPLES
from countersmuggling.experiments.json_output import print_json
from countersmuggling.experiments.results import Results
from countersmuggling.experiments.terminal import coloured, colours
from countersmuggling.model import kept_runs, replicates
from countersmuggling.model.replicates import Job, run_many
from countersmuggling.scenarios import bundled, load

TINY = """\
title: Tiny
question: Does anything happen?
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-01-20, burn_in_days: 5}
model: {persons_per_agent: 1000, networks: 30}
replicates: 2
"""
PROGRAM = Path(sys.executable).parent / ("countersmuggling.exe" if sys.platform == "win32" else "countersmuggling")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return tmp_path


class Terminal:
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def commands(parser: argparse.ArgumentParser, above: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield f"{above}{name}", below
                yield from commands(below, f"{above}{name} ")


# ------------------------------------------------------------------ help


@pytest.mark.parametrize(("name", "command"), list(commands(cli.parser())), ids=lambda v: v if isinstance(v, str) else "")
def test_help_of_every_command_has_an_example(name: str, command: argparse.ArgumentParser) -> None:
    """Another command needs an entry in experiments/help_examples.py."""
    assert f"countersmuggling {name}" in (command.epilog or "") + (command.description or "")


@pytest.mark.parametrize("line", [line for examples in EXAMPLES.values() for line, _ in examples])
def test_every_example_is_understood(line: str) -> None:
    arguments = shlex.split(line.removeprefix('eval "$(').removesuffix(')"').partition(" > ")[0])
    options = vars(cli.parser().parse_args(arguments[1:]))
    for name in [options.get("scenario"), options.get("baseline"), *(options.get("options") or [])]:
        assert name is None or name.endswith(".yaml") or name in bundled()


# ------------------------------------------------------------------ completion


def completions(line: str) -> list[str]:
    """What argcomplete answers a shell."""
    environment = os.environ | {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "IFS": "\013",
                                "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_STDOUT_FILENAME": os.devnull}  # fmt: skip
    with open("answers", "w+", encoding="utf-8") as answers:
        environment["_ARGCOMPLETE_STDOUT_FILENAME"] = answers.name
        subprocess.run([PROGRAM], env=environment, check=True, capture_output=True)
    return [a.strip() for a in Path("answers").read_text(encoding="utf-8").split("\013") if a.strip()]


def test_commands_options_names_and_files_are_completed(here: Path) -> None:
    assert {"compare", "completion"} <= set(completions("countersmuggling comp"))
    assert set(completions("countersmuggling run --rep")) == {"--replicates"}
    assert "europol-regulation" in completions("countersmuggling compare baseline-2025 europ")
    assert "tiny.yaml" in completions("countersmuggling check ti")
    assert "severity-or-certainty" in completions("countersmuggling sweep sev")


def test_names_for_completion_are_those_that_load() -> None:
    from countersmuggling.experiments.designs import bundled_designs

    assert completing._names("scenarios", "bundled") == sorted(bundled())
    assert completing._names("experiments", "bundled_designs") == sorted(bundled_designs())


@pytest.mark.parametrize(
    ("shell", "typed"),
    [
        ("bash", 'COMP_LINE="$TYPED"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; _python_argcomplete countersmuggling; echo "$COMPREPLY"'),
        ("fish", 'complete -C"$TYPED"'),
    ],
)
def test_shells_complete(shell: str, typed: str, here: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not on this machine")
    script = subprocess.run([PROGRAM, "completion", shell], capture_output=True, text=True, check=True).stdout
    (here / "script").write_text(script, encoding="utf-8")
    environment = os.environ | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(here),
                                "TYPED": "countersmuggling optim"}  # fmt: skip
    done = subprocess.run([found, "-c", f"source ./script; {typed}"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "optimise"


def test_the_script_for_zsh_is_one_that_zsh_reads(here: Path) -> None:
    found = shutil.which("zsh")
    if found is None:
        pytest.skip("zsh is not on this machine")
    script = subprocess.run([PROGRAM, "completion", "zsh"], capture_output=True, text=True, check=True).stdout
    (here / "script").write_text(script, encoding="utf-8")
    asked = 'autoload -U compinit; compinit -u; source ./script; print -r -- "$_comps[countersmuggling]"'
    done = subprocess.run([found, "-f", "-c", asked], env=os.environ | {"HOME": str(here)}, capture_output=True, text=True, check=True)
    assert "argcomplete" in done.stdout


# ------------------------------------------------------------------ JSON


#: commands whose result is a file in a format of its own, a page in a browser, or a script
WITHOUT_JSON = {"new", "schema", "dashboard", "completion", "data"}


@pytest.mark.parametrize(("name", "command"), list(commands(cli.parser())), ids=lambda v: v if isinstance(v, str) else "")
def test_every_command_with_a_result_gives_it_as_json(name: str, command: argparse.ArgumentParser) -> None:
    assert ("--json" in command._option_string_actions) == (name not in WITHOUT_JSON)


def test_json_has_plain_values_only(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(table=pd.DataFrame({"a": [1.5, float("nan")], "b": [Path("x"), True]}), none=None, many=(1, float("inf")))
    assert json.loads(capsys.readouterr().out) == {
        "table": [{"a": 1.5, "b": "x"}, {"a": None, "b": True}], "none": None, "many": [1, None],
    }  # fmt: skip


def test_json_of_scenarios_designs_and_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scenarios", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(bundled())
    assert rows[0]["start"] == "2025-01-01"
    assert cli.main(["designs", "--json"]) == 0
    assert {"policies", "points", "replicates"} <= set(json.loads(capsys.readouterr().out)[0])
    (here / "bad.yaml").write_text("extends: baseline-2025\nreplicats: 3\n", encoding="utf-8")
    assert cli.main(["check", "tiny.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": True, "problems": []}
    assert cli.main(["check", "tiny.yaml", "bad.yaml", "--json"]) == 2
    printed = capsys.readouterr()
    (problem,) = json.loads(printed.out)["problems"]
    assert (problem["line"], problem["suggestion"]) == (2, "replicates")
    assert printed.err == ""


@pytest.mark.parametrize(
    ("module", "function", "arguments"),
    [
        ("running", "simulate", ["run", "tiny.yaml"]),
        ("comparing", "compare", ["compare", "baseline-2025", "europol-regulation"]),
        ("comparing", "optimised", ["optimise", "europol-regulation"]),
    ],
)
def test_json_of_simulations_is_the_summary_and_its_place(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, results: Results,
    module: str, function: str, arguments: list[str],
) -> None:  # fmt: skip
    import importlib

    monkeypatch.setattr(importlib.import_module(f"countersmuggling.experiments.{module}"), function, lambda *_, **__: results)
    assert cli.main([*arguments, "--json", "--quiet", "--out", "out"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("folder") == "out"
    assert printed == json.loads((here / "out" / "summary.json").read_text(encoding="utf-8"))


def test_json_of_a_sweep(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "design.yaml").write_text(
        "scenario: tiny.yaml\nfactors: {model.networks: {values: [30, 40]}}\nreplicates: 1\n", encoding="utf-8"
    )
    few = ["sweep", "design.yaml", "--out", "store", "--json", "--quiet", "--engine", "in-process"]
    assert cli.main([*few, "--status"]) == 2
    capsys.readouterr()
    assert cli.main([*few, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
    assert cli.main(few) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole == {"folder": "store", "planned": 2, "finished": 2, "failed": 0, "complete": True, "reasons": {}}
    assert cli.main([*few, "--status"]) == 0
    assert json.loads(capsys.readouterr().out) == whole


# ------------------------------------------------------------------ colours


def test_colours_are_for_terminals_and_can_be_refused(monkeypatch: pytest.MonkeyPatch, results: Results) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("WT_SESSION", "1")
    assert colours(Terminal()) and not colours(None)
    assert coloured("x", "red", Terminal()) == "\x1b[31mx\x1b[0m"
    bright, plain = table(results, Terminal()), table(results)
    assert "\x1b[32mlower" in bright and "\x1b" not in plain
    assert [line.replace("\x1b[1m", "").replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "")
            for line in bright.splitlines()] == plain.splitlines()  # fmt: skip
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not colours(Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert colours(None)


def test_nothing_piped_is_coloured(here: Path) -> None:
    for arguments in (["scenarios"], ["check", "tiny.yaml", "nosuch.yaml"], ["comprae"]):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, check=False)
        assert b"\x1b" not in done.stdout + done.stderr


# ------------------------------------------------------------------ an interruption


def observe(job: Job) -> dict[str, float]:
    """Something cheap that depends on the job."""
    return {"seed": float(job.scenario.seed), "replicate": float(job.replicate)}


def test_finished_runs_are_taken_up_and_cleared_at_a_good_end(tmp_path: Path) -> None:
    scenario = load("baseline-2025")
    jobs = [Job(scenario, n) for n in range(4)]
    asked: list[int] = []

    def fails_at_the_third(job: Job) -> dict[str, float]:
        asked.append(job.replicate)
        if job.replicate == 2 and len(asked) == 3:
            raise KeyboardInterrupt
        return observe(job)

    first = kept_runs.KeptRuns(tmp_path)
    with pytest.raises(KeyboardInterrupt), kept_runs.keeping(first):
        run_many(jobs, 1, False, function=fails_at_the_third)
    assert (first.finished, len(list(tmp_path.glob("*.run")))) == (2, 2)
    told: list[int] = []
    with kept_runs.keeping(kept_runs.KeptRuns(tmp_path, told.append)) as second:
        found = run_many(jobs, 1, False, function=fails_at_the_third)
    assert asked == [0, 1, 2, 2, 3] and told == [2] and second.taken_up == 2
    assert found == [observe(job) for job in jobs]
    assert list(tmp_path.iterdir()) == []
    run_many(jobs[:1], 1, False, function=fails_at_the_third)  # outside the block nothing is kept
    assert list(tmp_path.iterdir()) == []


def test_a_kept_run_is_named_by_all_that_it_depends_on(tmp_path: Path) -> None:
    scenario = load("baseline-2025")
    staff = pd.DataFrame({"resource": ["analyst"], "place": ["ITA"], "quarter": ["2025Q1"], "staff": [1.0]})
    jobs = [
        Job(scenario, 0),
        Job(scenario, 1),
        Job(scenario.model_copy(update={"seed": 5}), 0),
        Job(scenario, 0, staff),
        Job(scenario, 0, staff.assign(staff=2.0)),
        Job(scenario, 0, check_invariants=True),
    ]
    names = {kept_runs._name(job, None) for job in jobs} | {kept_runs._name(jobs[0], observe)}
    assert len(names) == 7
    renamed = scenario.model_copy(update={"title": "Another title", "replicates": 99})
    assert kept_runs._name(Job(renamed, 0, label="other"), None) in names


def test_a_torn_or_foreign_file_is_run_again(tmp_path: Path) -> None:
    job = Job(load("baseline-2025"), 0)
    kept = kept_runs.KeptRuns(tmp_path)
    kept.keep(job, observe, {"x": 1.0})
    (file,) = tmp_path.iterdir()
    assert kept.find([job], observe) == {0: {"x": 1.0}}
    file.write_bytes(file.read_bytes()[:10])
    assert kept.find([job], observe) == {}
    old = tmp_path / "old.run"
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    kept.clear_old()
    assert not old.exists() and file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a Unix signal")
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(here: Path) -> None:
    (here / "long.yaml").write_text("extends: tiny.yaml\ntitle: Long\nreplicates: 400\n", encoding="utf-8")
    command = [str(PROGRAM), "run", "long.yaml", "--workers", "1", "--out", "out"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 120
        while not list((here / "cache").glob("finished-runs/*.run")) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "kept" in told and "the same command goes on" in told and "Traceback" not in told
    kept = list((here / "cache").glob("finished-runs/*.run"))
    assert kept and not (here / "out").exists()
    # the same question with as many replicates as are kept: taken up, not run again
    (here / "long.yaml").write_text(f"extends: tiny.yaml\ntitle: Long\nreplicates: {len(kept)}\n", encoding="utf-8")
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert "taken up" in done.stderr
    assert json.loads(done.stdout)["replicates"] == len(kept)
    provenance = json.loads((here / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["runs_of_an_interrupted_command"] == len(kept)
    assert list((here / "cache" / "finished-runs").iterdir()) == []


def test_the_bar_tells_the_time_left() -> None:
    bar: replicates._Bar[Any] = replicates._Bar(4, True, "Simulating", 2)
    try:
        assert "left" in str(bar._bar.bar_format) and bar._bar.initial == 2
    finally:
        bar.close()
