"""Hostile content in what is read back or shown: results folders, sweeps' designs, clusters' files, names and texts."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from countersmuggling.experiments.cli import main
from countersmuggling.experiments.designs import check_design
from countersmuggling.experiments.folder import FolderError, is_results_folder
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import ScenarioError, load
from countersmuggling.scenarios.random_scenarios import mutated

SOURCE = [
    path
    for room in ("scenarios", "model", "optimise", "experiments")
    for path in Path(str(import_module(f"countersmuggling.{room}").__file__)).parent.rglob("*.py")
]

_watched: list[tuple[str, str]] | None = None
_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event in ("open", "pickle.find_class", "os.system", "subprocess.Popen", "socket.connect", "exec"):
        _watched.append((event, str(arguments[0])))


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """What the interpreter does meanwhile: audit events with their first argument."""
    global _watched, _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    seen: list[tuple[str, str]] = []
    _watched = seen
    try:
        yield seen
    finally:
        _watched = None


# ---------------------------------------------------------------------------------------------- source


def test_nothing_in_the_source_unpickles_or_runs_text() -> None:
    """Own processes pass values through multiprocessing and Dask; files are JSON, CSV, YAML events and Parquet.

    `model/kept_runs.py` keeps finished runs of an interrupted command in the user's own cache folder, never in results.
    """
    assert len(SOURCE) > 60
    for path in SOURCE:
        if path.name == "kept_runs.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not {"pickle", "cloudpickle", "marshal", "shelve", "joblib", "dill"} & set(names), path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "__import__", "os.system", "pd.read_pickle"), (path, called)
                assert called not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all"), (path, called)
                assert not (called.startswith(("subprocess.", "Popen")) and any(k.arg == "shell" for k in node.keywords)), (path, called)
                pickled = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg == "allow_pickle"}
                assert set(pickled.values()) <= {"False"}, (path, called)
                assert called != "np.load" or pickled, (path, called)


# ---------------------------------------------------------------------------------------------- files of scenarios


def test_a_linked_scenario_extends_what_lies_beside_the_file_itself(tmp_path: Path) -> None:
    """Not what lies beside the link, which nobody has checked."""
    links, own, secret = (tmp_path / name for name in ("links", "own", "secret"))
    for folder in (links, own, secret):
        folder.mkdir()
    (own / "option.yaml").write_text("extends: base\n", encoding="utf-8")
    (own / "base.yaml").write_text("extends: baseline-2025\ntitle: mine\n", encoding="utf-8")
    (secret / "base.yaml").write_text("extends: baseline-2025\ntitle: secret\n", encoding="utf-8")
    try:
        (links / "option.yaml").symlink_to(own / "option.yaml")
        (links / "base.yaml").symlink_to(secret / "base.yaml")
    except OSError:
        pytest.skip("this user makes no links")
    with watched() as seen:
        scenario = load(links / "option.yaml")
    assert scenario.seed == load("baseline-2025").seed
    opened = [os.path.realpath(name) for event, name in seen if event == "open"]
    assert os.path.realpath(own / "base.yaml") in opened
    assert not [name for name in opened if name.startswith(os.path.realpath(secret))]


@pytest.mark.parametrize("name", ["../secret", "../secret.yaml", "secret/../../secret", "/etc/passwd", "c:secret", "..", "linked", "a\x00b"])
def test_extends_reads_nothing_outside_the_folder(tmp_path: Path, name: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "secret.yaml").write_text("extends: baseline-2025\nname: secret\n", encoding="utf-8")
    (own / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    (own / "option.yaml").write_text(f"extends: {json.dumps(name)}\n", encoding="utf-8")
    with watched() as seen, pytest.raises(ScenarioError):
        load(own / "option.yaml")
    assert not [n for event, n in seen if event == "open" and ("secret" in os.path.realpath(n) or "passwd" in n)]


def design_problems(folder: Path, text: str) -> str:
    path = folder / "design.yaml"
    path.write_text(text, encoding="utf-8")
    return "\n".join(map(str, check_design(path)))


def test_a_design_reads_ordinary_small_tables_only(tmp_path: Path) -> None:
    line = "policies: {a: {allocation: %s}}\n"
    if os.path.exists("/dev/zero"):
        assert "leads out" in design_problems(tmp_path, line % "/dev/zero")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        assert "not an ordinary file" in design_problems(tmp_path, line % "pipe.csv")
    (tmp_path / "large.csv").write_bytes(b"resource,place,quarter,staff\n" + b"x" * 11_000_000)
    assert "larger than" in design_problems(tmp_path, line % "large.csv")
    (tmp_path / "packed.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    assert "allocation" in design_problems(tmp_path, line % "packed.csv.gz")
    (tmp_path / "pickled.csv").write_bytes(pickle.dumps({"resource": 1}))
    with watched() as seen:
        assert "allocation" in design_problems(tmp_path, line % "pickled.csv")
    assert not [event for event, _ in seen if event == "pickle.find_class"]
    assert "no file" in design_problems(tmp_path, "policies: {a: %s}\n" % ("n" * 300))
    assert "no file" in design_problems(tmp_path, 'policies: {a: "b\\0c"}\n')


def test_a_clusters_file_runs_nothing_by_being_read(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    from countersmuggling.experiments.dask_cluster import read_cluster_file

    path = tmp_path / "cluster.yaml"
    path.write_text("jobs: 2\noptions: {job_script_prologue: ['touch here']}\n", encoding="utf-8")
    with watched() as seen:
        assert read_cluster_file(path).jobs == 2
        path.write_text("jobs: !!python/object/apply:os.system ['touch here']\n", encoding="utf-8")
        with pytest.raises(ScenarioError, match="a tag"):
            read_cluster_file(path)
    assert {event for event, _ in seen} <= {"open"}


# ---------------------------------------------------------------------------------------------- results folders


class _Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["outcomes.parquet", "summary.json", "parameters.csv", "attribution.csv", "provenance.json", "scenario.resolved.yaml"])
def test_pickles_in_a_results_folder_are_not_loaded(written: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "results"
    shutil.copytree(written, folder)
    (folder / name).write_bytes(pickle.dumps(_Bomb(tmp_path / "exploded")))
    with watched() as seen, pytest.raises(FolderError):
        Results.read(folder)
    assert not [event for event, _ in seen if event in ("pickle.find_class", "os.system")]
    assert not (tmp_path / "exploded").exists()


def test_a_runs_name_does_not_lead_out_of_the_folder(written: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(written, folder)
    shutil.copy(folder / "scenario.resolved.yaml", tmp_path / "secret.resolved.yaml")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    summary["runs"]["../../secret"] = summary["runs"].pop("small-option")
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with watched() as seen, pytest.raises(FolderError, match="no name of a run"):
        Results.read(folder)
    assert not [name for event, name in seen if event == "open" and "secret" in name]


def test_deep_or_endless_json_is_refused(written: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(written, folder)
    (folder / "summary.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(FolderError, match="damaged"):
        Results.read(folder)
    (folder / "provenance.json").write_text('{"a":' * 200_000, encoding="utf-8")
    assert not is_results_folder(folder)


def damaged(rng: random.Random, data: bytes, name: str) -> bytes:
    """A file of a results folder with something wrong."""
    if name.endswith(".json") and rng.random() < 0.7:
        return json.dumps(mutated(rng, json.loads(data))).encode()
    if name.endswith(".parquet") and rng.random() < 0.5:
        frame = pd.read_parquet(io.BytesIO(data))
        column = rng.choice(list(frame.columns))
        frame = rng.choice((frame.drop(columns=column), frame.head(0), frame.assign(**{column: "x"}), frame.rename(columns={column: ""})))
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    changed = bytearray(data)
    for _ in range(rng.choice((1, 4, 40))):
        at = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                del changed[at : at + rng.choice((1, 100, 10_000))]
            case _:
                changed[at:at] = rng.randbytes(rng.choice((1, 8)))
        if not changed:
            break
    return bytes(changed)


def read_damaged(written: Path, folder: Path, seeds: range) -> tuple[int, int]:
    """Damage one file after another; how often the folder was read and refused."""
    shutil.copytree(written, folder)
    names = ["summary.json", "provenance.json", "outcomes.parquet", "parameters.csv", "allocation.csv", "shadow_prices.csv",
             "scenario.resolved.yaml", "options/small-option.resolved.yaml"]  # fmt: skip
    read = refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        name = rng.choice(names)
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(damaged(rng, before, name))
        try:
            Results.read(folder)
            read += 1
        except FolderError as error:
            assert str(folder) in str(error)
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {name}: {type(error).__name__}: {error}") from error
        (folder / name).write_bytes(before)
    return read, refused


def test_damaged_results_are_read_or_refused(written: Path, tmp_path: Path) -> None:
    read, refused = read_damaged(written, tmp_path / "results", range(120))
    assert read > 0 and refused > 20


@pytest.mark.slow
def test_many_damaged_results_are_read_or_refused(written: Path, tmp_path: Path) -> None:
    read, refused = read_damaged(written, tmp_path / "results", range(1000, 6000))
    assert read > 0 and refused > 1000


# ---------------------------------------------------------------------------------------------- the report


TEXTS = [
    "<script>alert(1)</script>", "</title><script src=//x.example>", "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "' onmouseover='alert(1)",
    "]]><script>alert(1)</script>", "--><script>alert(1)</script><!--", "{{ 7 * 7 }}{% raw %}", "javascript:alert(1)", "&lt;script&gt;", "$<b>x</b>$",
]  # fmt: skip


def test_no_name_or_text_becomes_markup(make_results: Callable[..., Results], tmp_path: Path) -> None:
    """In titles, questions, words of prices, sources of parameters, provenance, in the page, its charts and its tables."""
    from html.parser import HTMLParser

    text = " ".join(TEXTS)
    results = make_results(1, 1, text=text)
    folder = results.write(tmp_path / "results", report=False)
    for name in ("summary.json", "provenance.json"):
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        if name == "summary.json":
            for run in content["runs"].values():
                run["title"] = text
            content["plans"] = {key: {**facts, "status": text, "solver": text} for key, facts in content["plans"].items()}
        else:
            content |= {"version": text, "commit": text, "command": text, "python": text, "started": text, "libraries": {text: text}, "machine": {"system": text}}
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    for name, columns in (("parameters.csv", ["source", "unit", "description", "changed_by"]), ("shadow_prices.csv", ["words", "unit"])):
        frame = pd.read_csv(folder / name, keep_default_na=False)
        frame[columns] = text
        frame.to_csv(folder / name, index=False)
    assert main(["report", str(folder), "--quiet"]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, attrs))

    Reader().feed(page)
    assert len(seen) > 100
    assert not {"script", "iframe", "object", "embed", "base", "form", "b"} & {tag for tag, _ in seen}
    for tag, attributes in seen:
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            assert name not in ("href", "src") or (value or "").startswith(("#", "data:image/")), (tag, value)
    assert "default-src 'none'" in page
    assert "{{ 7 * 7 }}" in page  # and no template in a text is carried out
    for svg in (folder / "figures").glob("*.svg"):
        drawn = svg.read_text(encoding="utf-8")
        assert "<script" not in drawn and "onload=" not in drawn.replace("&quot;", "").split("<text")[0], svg
