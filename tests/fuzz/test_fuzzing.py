"""A slice of the fuzzers on every run of the tests, and that they would see what they look for."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fuzz_files.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures memory as Unix tells it")
@pytest.mark.parametrize(("kind", "inputs"), [("hypothesis", 150), ("schema", 600), ("bytes", 600)])
def test_generated_files_are_read_or_refused(tmp_path: Path, kind: str, inputs: int) -> None:
    done = run("--kinds", kind, "--inputs", inputs, "--keep", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sum(told[what]["inputs"] for what in ("scenario", "design", "cluster")) >= inputs
    assert told["scenario"]["accepted"] > 0 and told["scenario"]["refused"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures memory as Unix tells it")
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="Atheris is not installed")
def test_generated_files_by_coverage(tmp_path: Path) -> None:
    done = run("--kinds", "coverage", "--inputs", 500, "--keep", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures memory as Unix tells it")
def test_what_a_tally_says_is_done_is_not_done_again(tmp_path: Path) -> None:
    tally = tmp_path / "tally.jsonl"
    command = ("--kinds", "bytes", "--piece", 30, "--keep", tmp_path / "kept", "--tally", tally)
    first = run(*command, "--inputs", 30)
    assert first.returncode == 0 and "30 inputs in 1 pieces; all is done" in first.stdout, first.stderr
    assert "30 inputs in 1 pieces; 45 are left" in run(*command, "--inputs", 75, "--minutes", 0).stdout
    before = tally.read_text(encoding="utf-8")
    second = run(*command, "--inputs", 45)
    assert "45 inputs in 2 pieces; all is done" in second.stdout, second.stderr
    assert tally.read_text(encoding="utf-8").startswith(before)
    seeds = [json.loads(line)["seed"] for line in tally.read_text(encoding="utf-8").splitlines()]
    assert seeds == [0, 1]
    tally.write_text(before.replace('"findings": []', '"findings": ["finding-x"]', 1), encoding="utf-8")
    assert run(*command, "--inputs", 30).returncode == 1  # what was found stays found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures memory as Unix tells it")
def test_a_hundred_thousand_generated_files(tmp_path: Path) -> None:
    kinds = ["hypothesis", "schema", "bytes", *(["coverage"] if importlib.util.find_spec("atheris") else [])]
    done = run("--inputs", 100_000, "--keep", tmp_path, "--kinds", *kinds)
    assert done.returncode == 0, done.stdout + done.stderr


FAULTS = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
import fuzz_files
fuzzer = fuzz_files.Fuzzer(Path(sys.argv[2]), Path(sys.argv[2]) / "kept")
import os, subprocess, time
def crash(path): raise RecursionError("deep")
def peek(path): open("/etc/hostname" if os.path.exists("/etc/hostname") else sys.executable, "rb").close()
def through(path): (path.parent / "outside.yaml").read_bytes()
def shell(path): os.system("true")
def run_text(path): exec("1 + 1")
def spin(path):
    end = time.process_time() + 1.1
    while time.process_time() < end: pass
def hoard(path): bytearray(150_000_000)[::4096] = b"x" * len(range(0, 150_000_000, 4096))
for fault in (crash, peek, through, shell, run_text, spin, hoard):
    fuzzer.readers["scenario"] = fault
    print(fault.__name__, "|", (fuzzer.read(b"x", "scenario") or "").replace(chr(10), " "))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures memory as Unix tells it")
def test_the_fuzzer_sees_what_it_looks_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAULTS, str(SCRIPT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = dict(line.split(" | ", 1) for line in done.stdout.splitlines())
    for fault, words in {
        "crash": "RecursionError", "peek": "opened ", "through": "outside.yaml", "shell": "os.system", "run_text": "exec",
        "spin": "CPU seconds", "hoard": "MB of memory",
    }.items():  # fmt: skip
        assert words in told[fault], (fault, told[fault])
