"""Commands: what they print, the files they leave, and how they end."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments import cli
from countersmuggling.experiments.ending import TRACEBACK_VARIABLE
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import bundled, check

TINY = """\
title: Tiny
question: Does anything happen?
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-02-10, burn_in_days: 10}
model: {persons_per_agent: 500, networks: 40}
replicates: 2
"""
OPTION = """\
title: Tiny option
extends: tiny.yaml
levers:
  search_and_rescue: {on: 2025-01-01}
"""
SAME = "extends: tiny.yaml\ntitle: The same again\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("tiny", TINY), ("tiny-option", OPTION), ("same", SAME)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def left(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"tiny.yaml", "tiny-option.yaml", "same.yaml"}


# ------------------------------------------------------------------ whole commands


def test_compare_end_to_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "compare",
        "tiny.yaml",
        "tiny-option.yaml",
        "same.yaml",
        "--workers",
        "1",
        "--out",
        "out",
        "--seed",
        "5",
    ]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr()
    assert "Does anything happen?" in printed.out
    assert "Tiny option  against  Tiny" in printed.out
    assert "Deaths on the way" in printed.out
    assert (here / "out" / "report.html").resolve().as_uri() in printed.out
    summary = json.loads((here / "out" / "summary.json").read_text(encoding="utf-8"))
    assert list(summary["runs"]) == ["tiny", "tiny-option", "same"]
    # common random numbers: a scenario that changes nothing differs by nothing, to the bit
    assert {r["verdict"] for r in summary["comparison"] if r["run"] == "same"} == {"unchanged"}
    frame = pd.read_parquet(here / "out" / "outcomes.parquet")
    assert set(frame["month"]) == {"2025-01", "2025-02"}
    assert set(frame["replicate"]) == {0, 1}
    provenance = json.loads((here / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["seed"] == 5
    assert provenance["command"] == "countersmuggling " + " ".join(arguments)
    assert check(here / "out" / "scenario.resolved.yaml") == []

    # and the report again, from the folder alone
    before = (here / "out" / "report.html").read_bytes()
    (here / "out" / "report.html").write_text("spoilt", encoding="utf-8")
    assert cli.main(["report", "out", "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("out") / "report.html")
    assert (here / "out" / "report.html").read_bytes() == before


def test_run_gives_the_same_with_any_number_of_workers(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for workers in ("1", "2"):
        assert cli.main(["run", "tiny.yaml", "--workers", workers, "--out", f"out{workers}", "--quiet"]) == 0
        printed = capsys.readouterr()
        assert printed.out.strip() == f"out{workers}"
        assert printed.err == ""
    for name in ("outcomes.parquet", "summary.json"):
        assert (here / "out1" / name).read_bytes() == (here / "out2" / name).read_bytes()


# ------------------------------------------------------------------ scenario files


def test_scenarios_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["scenarios"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in bundled())


def test_new_then_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "mine/my-option.yaml", "--from", "europol-regulation"]) == 0
    assert check(here / "mine" / "my-option.yaml") == []
    assert "extends: europol-regulation" in (here / "mine" / "my-option.yaml").read_text(encoding="utf-8")
    assert cli.main(["check", "mine/my-option.yaml", "baseline-2025"]) == 0
    capsys.readouterr()
    assert cli.main(["new", "mine/my-option.yaml"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert cli.main(["new", "x.yaml", "--from", "europol-regulatoin"]) == 2
    assert "did you mean 'europol-regulation'" in capsys.readouterr().err
    assert left(here) == {"mine"}


def test_check_tells_every_problem_with_its_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.yaml").write_text("extends: baseline-2025\nreplicats: 3\nseed: -1\n", encoding="utf-8")
    assert cli.main(["check", "bad.yaml"]) == 2
    told = capsys.readouterr().err
    assert "bad.yaml:2:" in told and "did you mean 'replicates'" in told
    assert "bad.yaml:3:" in told
    assert "2 problems" in told


def test_schema(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert "levers" in json.loads(printed)["properties"]
    assert cli.main(["schema", "--out", "s.json"]) == 0
    assert json.loads((here / "s.json").read_text(encoding="utf-8")) == json.loads(printed)
    assert cli.main(["schema", "--out", "nowhere/s.json"]) == 2


# ------------------------------------------------------------------ mistakes of users


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "nosuch.yaml"], "nosuch.yaml"),
        (["run", "baseline-2024"], "did you mean 'baseline-2025'"),
        (["compare", "baseline-2025", "europol-regulatio"], "did you mean 'europol-regulation'"),
        (["compare", "baseline-2025", "baseline-2025"], "two of the scenarios are named 'baseline-2025'"),
        (["compare", "tiny.yaml", "europol-regulation"], "give both the same horizon"),
        (["compare", "baseline-2025"], "OPTION"),
        (["comprae", "a", "b"], "did you mean 'compare'"),
        (["run", "baseline-2025", "--replicats", "3"], "did you mean '--replicates'"),
        (["run", "baseline-2025", "--replicates", "0"], "from 1 to 10000"),
        (["run", "baseline-2025", "--replicates", "many"], "expected a whole number, got 'many'"),
        (["run", "baseline-2025", "--persons-per-agent", "0.5"], "from 1 to"),
        (["run", "baseline-2025", "--persons-per-agent", "nan"], "from 1 to"),
        (["run", "baseline-2025", "--workers", "0"], "from 1 to"),
        (["run", "baseline-2025", "--seed", "-4"], "from 0 to"),
        (["optimise", "baseline-2025", "--solver", "hihgs"], "did you mean 'highs'"),
        (["optimise", "baseline-2025", "--objective", "cvr"], "did you mean 'cvar'"),
        (["optimise", "baseline-2025", "--time-limit", "0"], "seconds above 0"),
        (["optimise", "baseline-2025", "--method", "anticipating", "--time-limit", "9"], "knows neither a time limit"),
        (["optimise", "baseline-2025", "--method", "rolling", "--study"], "makes many"),
        (["run", "tiny.yaml", "--out", "tiny.yaml"], "is a file"),
        (["run", "tiny.yaml", "--out", "."], "not a results folder"),
        (["run", "tiny.yaml", "--out", "tiny.yaml/deeper"], "cannot write results"),
        (["report", "nosuch"], "there is no folder nosuch"),
        (["report", "."], "not a results folder"),
        (["new", "option.txt"], "ends in .yaml"),
        (["check", "nosuch.yaml"], "nosuch.yaml"),
    ],
)
def test_mistakes_are_told_in_a_line_and_leave_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert cli.main(arguments) == 2
    printed = capsys.readouterr()
    assert told in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert left(here) == set()


def test_all_bad_scenarios_of_a_comparison_are_told_at_once(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", "nosuch-a", "nosuch-b", "tiny.yaml"]) == 2
    told = capsys.readouterr().err
    assert "nosuch-a" in told and "nosuch-b" in told


def test_no_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "compare" in capsys.readouterr().out
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("countersmuggling ")


# ------------------------------------------------------------------ other ends


def made_up(results: Results) -> Any:
    return lambda *_, **__: results


def test_a_full_disk(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, results: Results
) -> None:
    from countersmuggling.experiments import running

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(running, "simulate", made_up(results))
    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["run", "tiny.yaml", "--out", "out"]) == 2
    told = capsys.readouterr().err
    assert "the disk is full" in told and "--out" in told
    assert len(told.strip().splitlines()) == 1
    assert left(here) == set()


def test_no_feasible_plan_is_3(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "impossible.yaml").write_text(
        "extends: tiny.yaml\nresources:\n  posts: {analyst: {available: 1}}\n"
        "  hosts: {ITA: {absorb: 9, minimum: {analyst: 5}}}\n",
        encoding="utf-8",
    )
    assert cli.main(["optimise", "impossible.yaml", "--out", "out"]) == 3
    told = capsys.readouterr().err
    assert "Italy" in told and "contradict" in told
    assert not (here / "out").exists()


def test_nothing_to_plan_is_a_mistake_of_the_user(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty.yaml").write_text("extends: tiny.yaml\nresources: null\n", encoding="utf-8")
    assert cli.main(["optimise", "empty.yaml", "--out", "out"]) == 2
    assert capsys.readouterr().err.strip()
    assert not (here / "out").exists()


def test_a_fault_of_the_program_is_1_and_says_how_to_see_more(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from countersmuggling.experiments import running

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(running, "simulate", broken)
    monkeypatch.delenv(TRACEBACK_VARIABLE, raising=False)
    assert cli.main(["run", "tiny.yaml", "--out", "out"]) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError" in told and TRACEBACK_VARIABLE in told
    assert left(here) == set()
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "tiny.yaml", "--out", "out"])


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_130_and_leaves_nothing(here: Path, how: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "countersmuggling.experiments.cli",
        "run",
        "baseline-2025",
        "--out",
        "out",
        "--quiet",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not list(here.glob(".out.*")) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.5)  # into the simulation
        process.send_signal(how)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in told
    assert "Traceback" not in told
    assert left(here) == set()


def test_help_comes_at_once() -> None:
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        "import countersmuggling.experiments.cli as c; c.main(['--help'])",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {
        "numpy",
        "pandas",
        "pydantic",
        "matplotlib",
        "mesa",
        "scipy",
        "pulp",
        "numba",
        "jinja2",
    }
    assert "compare" in done.stdout


def test_invariants_are_checked_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A violation ends in one clear message, exit code 1 and no results folder."""
    from countersmuggling.model import invariants

    def broken(self: Any) -> None:
        raise invariants.InvariantViolated(self._m.today, "staff placed", "analyst", "is 3, above its pool of 2")

    monkeypatch.setattr(invariants.Invariants, "check", broken)
    few = ["--replicates", "1", "--persons-per-agent", "2000", "--workers", "1", "--quiet"]
    short = tmp_path / "short.yaml"
    short.write_text(
        "extends: baseline-2025\nhorizon: {start: 2025-01-01, end: 2025-01-10, burn_in_days: 0}\n", encoding="utf-8"
    )
    checked = tmp_path / "checked"
    for command in (["run", str(short)], ["compare", str(short), str(option_file(tmp_path))]):
        assert cli.main([*command, *few, "--check-invariants", "--out", str(checked)]) == 1
        told = capsys.readouterr().err
        assert "on 2025-01-01: staff placed of analyst is 3, above its pool of 2" in told and "Traceback" not in told
        assert "short, replicate 0" in told and not checked.exists()


def option_file(folder: Path) -> Path:
    path = folder / "other.yaml"
    path.write_text("extends: short\nname: other\n", encoding="utf-8")
    return path
