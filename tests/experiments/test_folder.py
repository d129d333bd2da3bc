"""A results folder is written whole or not at all, and never over something else."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countersmuggling.experiments import folder
from countersmuggling.experiments.folder import FORMAT, MARKER, FolderError, new_folder, put, replace_file


def marker() -> str:
    return json.dumps({"format": FORMAT})


def leftovers(parent: Path) -> list[str]:
    return sorted(p.name for p in parent.iterdir() if p.name.startswith("."))


def test_a_new_folder_appears_only_when_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "results"
    with new_folder(target) as temporary:
        put(temporary / "figures" / "a.txt", "text")
        put(temporary / MARKER, marker())
        assert not target.exists()
    assert (target / "figures" / "a.txt").read_text(encoding="utf-8") == "text"
    assert leftovers(target.parent) == []


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "results") as temporary:
        put(temporary / "a.txt", "text")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_old_results_stay_until_new_ones_are_whole(tmp_path: Path) -> None:
    target = tmp_path / "results"
    with new_folder(target) as temporary:
        put(temporary / MARKER, marker())
        put(temporary / "old.txt", "old")
    with pytest.raises(RuntimeError), new_folder(target):
        raise RuntimeError
    assert (target / "old.txt").exists()
    with new_folder(target) as temporary:
        put(temporary / MARKER, marker())
    assert [p.name for p in target.iterdir()] == [MARKER]
    assert leftovers(tmp_path) == []


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with new_folder(tmp_path / "results") as temporary:
        put(temporary / MARKER, marker())
    assert (tmp_path / "results" / MARKER).exists()


def test_other_folders_files_and_broken_links_are_refused(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("years of work", encoding="utf-8")
    (tmp_path / "file").write_text("text", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, reason in (
        ("thesis", "not a results folder"),
        ("file", "is a file"),
        ("link", "link to nothing"),
    ):
        with pytest.raises(FolderError, match=reason), new_folder(tmp_path / name):
            pytest.fail("the block must not begin")
    (thesis / MARKER).write_text('{"format": "something else"}', encoding="utf-8")
    with pytest.raises(FolderError, match="not overwritten"), new_folder(thesis):
        pytest.fail("the block must not begin")
    assert (thesis / "chapter.txt").read_text(encoding="utf-8") == "years of work"


def test_a_folder_filled_by_others_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "results"
    with pytest.raises(FolderError, match="not a results folder"), new_folder(target) as temporary:
        put(temporary / MARKER, marker())
        target.mkdir()
        (target / "theirs.txt").write_text("text", encoding="utf-8")
    assert [p.name for p in target.iterdir()] == ["theirs.txt"]
    assert leftovers(tmp_path) == []


def test_a_path_through_a_file_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with (
        pytest.raises(FolderError, match="cannot write results to .*file/results"),
        new_folder(tmp_path / "file" / "results"),
    ):
        pytest.fail("the block must not begin")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write")],
)
def test_reasons_are_told_in_words(tmp_path: Path, number: int, reason: str) -> None:
    with pytest.raises(FolderError, match=reason), folder.explaining(tmp_path):
        raise OSError(number, os.strerror(number))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_folder_without_permission(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(FolderError, match="may not write"), new_folder(closed / "results"):
        pytest.fail("the block must not begin")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_while_replacing_a_file_keeps_the_old_one(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="the disk is full"), folder.explaining(tmp_path):
        put(Path("/dev/full"), b"x" * 100_000)
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError):
        replace_file(path, 7)  # type: ignore[arg-type]
    assert path.read_text(encoding="utf-8") == "old"
    replace_file(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


KILLED = """
import sys, time
from pathlib import Path
from countersmuggling.experiments.folder import MARKER, new_folder, put
with new_folder(Path(sys.argv[1])) as temporary:
    put(temporary / MARKER, "{}")
    put(temporary / "half.txt", "half")
    Path(sys.argv[2]).touch()
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_kill_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    signalled = tmp_path / "ready"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "results"), str(signalled)])
    end = time.monotonic() + 30
    while not signalled.exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert signalled.exists()
    assert not (tmp_path / "results").exists()
    with new_folder(tmp_path / "results") as temporary:  # and the next run is not disturbed
        put(temporary / MARKER, marker())
    assert (tmp_path / "results" / MARKER).exists()
