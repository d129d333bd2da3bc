"""Files that no scenario should be: each is refused with a message that tells where, in well under a second."""

import os
import time
from pathlib import Path

import pytest

from countersmuggling.scenarios import ScenarioError, check, load


def refused(path: Path) -> str:
    """The report on a file that must be refused, quickly, by both `load` and `check`."""
    started = time.process_time()  # other work on the machine does not count
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert time.process_time() - started < 1.0
    assert [str(problem) for problem in check(path)] == str(caught.value).splitlines()
    return str(caught.value)


def written(folder: Path, content: str | bytes, name: str = "s.yaml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ALIAS_BOMB = (
    "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        pytest.param("", ":1:1:", "the file is empty", id="empty"),
        pytest.param("# only a comment\n", ":1:1:", "the file is empty", id="comment-only"),
        pytest.param("- a\n- b\n", ":1:1:", "expected `field: value` lines", id="list-at-top"),
        pytest.param("extends: baseline-2025\n" + ALIAS_BOMB, ":2:4:", "an anchor (&a)", id="alias-bomb"),
        pytest.param("seed: &s 1\nreplicates: *s\n", ":2:13:", "an alias (*s)", id="alias"),
        pytest.param("seed: !!int 1\n", ":1:7:", "a tag", id="standard-tag"),
        pytest.param("seed: !!python/object/apply:os.getcwd []\n", ":1:7:", "a tag", id="python-tag"),
        pytest.param("%TAG ! tag:x,2000:\n---\nseed: 1\n", ":1:1:", "%TAG", id="tag-directive"),
        pytest.param("seed: 1\nseed: 2\n", ":2:1:", "given twice (first given in line 1)", id="duplicate"),
        pytest.param(
            "model: {networks: 30, networks: 40}\n", ":1:23:", "model.networks", id="duplicate-below"
        ),
        pytest.param("<<: {seed: 1}\n", ":1:1:", "merge key", id="merge-key"),
        pytest.param("levers:\n\tpenalties: {}\n", ":2:1:", "a tab", id="tab-indent"),
        pytest.param("seed:\t1\n", ":1:6:", "a tab", id="tab-between"),
        pytest.param(
            "title: Grüße\nseed: 1\nname: \xff\n".encode("latin-1"), ":1:10:", "not UTF-8", id="latin-1"
        ),
        pytest.param("seed: 1\n".encode("utf-16"), ":1:1:", "UTF-16", id="utf-16"),
        pytest.param("seed: 1\n".encode("utf-32"), ":1:1:", "UTF-32", id="utf-32"),
        pytest.param("seed: 1\n".encode("utf-16-le"), ":1:2:", "a NUL character", id="utf-16-without-mark"),
        pytest.param("seed: 1\n\ufefftitle: x\n", ":2:1:", "a byte order mark inside", id="bom-inside"),
        pytest.param(b"seed: \x07\n", ":1:7:", "control characters", id="control-character"),
        pytest.param("seed: 1\n---\nseed: 2\n", ":2:1:", "a second document", id="two-documents"),
        pytest.param("[" * 500_000, ":1:", "nested deeper than 20", id="deep-lists"),
        pytest.param("{a: " * 200_000, ":1:81:", "nested deeper than 20", id="deep-mappings"),
        pytest.param("events: [" + "1," * 400_000 + "]\n", ":1:", "more than 20,000 values", id="too-many"),
        pytest.param("? [a, b]\n: 1\n", ":1:3:", "a plain word", id="list-as-key"),
        pytest.param("seed: 1\n  title: x\n", ":2:8:", "not valid YAML", id="bad-indent"),
        pytest.param("title: a: b\n", ":1:9:", "in quotes", id="colon-in-text"),
        pytest.param(
            "levers:\n  penalties:{}\n  x: 1\n", ":", "space belongs after the colon", id="no-space"
        ),
        pytest.param("title: 'x\n", ":", "not valid YAML", id="open-quote"),
        pytest.param("a" * 999_999, ":1:1:", "expected `field: value` lines", id="one-long-word"),
        pytest.param("a: " * 300_000, ":", "not valid YAML", id="many-colons"),
        pytest.param("seed: " + "9" * 900_000, ":1:7:", "expected a finite number", id="endless-number"),
        pytest.param("seed: .nan\n", ":1:7:", "expected a finite number, got .nan", id="nan"),
        pytest.param("seed: -.inf\n", ":1:7:", "expected a finite number, got -.inf", id="infinity"),
        pytest.param("seed: 1e999\n", ":1:7:", "expected a finite number, got 1e999", id="overflow"),
        pytest.param(
            "extends: baseline-2025\nseed: nan\n", ":2:7:", "expected a whole number", id="nan-word"
        ),
        pytest.param(os.urandom(1000) + b"\x00", ":", "", id="noise"),
    ],
)
def test_refuses(tmp_path: Path, content: str | bytes, place: str, words: str) -> None:
    report = refused(written(tmp_path, content))
    assert any(place in line and words in line for line in report.splitlines()), report


def test_refuses_ten_megabytes_without_parsing_them(tmp_path: Path) -> None:
    assert "larger than 1,000,000 bytes" in refused(written(tmp_path, b"seed: 1\n" * 1_250_000))


def test_a_thousand_mistakes_are_cut_short(tmp_path: Path) -> None:
    report = refused(
        written(tmp_path, "extends: baseline-2025\n" + "".join(f"x{i}: 1\n" for i in range(5000)))
    )
    assert len(report.splitlines()) <= 102
    assert "more problems are not shown" in report


@pytest.mark.parametrize(
    "text",
    [
        "uncertainties:\n  parameters:\n" + "".join(f"    fees.x{i}: 1\n" for i in range(9000)),
        "resources:\n  hosts:\n" + "".join(f"    A{i}: {{absorb: 1}}\n" for i in range(4500)),
        "uncertainties: {vary: [" + "'x.*'," * 900 + "]}\n",
        "events: [" + "{kind: x}," * 6000 + "]\n",
        "outcomes:\n" + "".join(f"  x{i}: null\n" for i in range(9000)),
        "levers: {campaigns: {on: 2025-01-01, origin_groups: [" + "XX," * 19_000 + "]}}\n",
        f"levers: {{campaigns: {{on: 2025-01-01, origin_groups: ['{'X' * 900_000}']}}}}\n",
        f"events: [{{kind: '{'X' * 900_000}'}}]\n",
        f"title: {'a' * 900_000}\n",
        f"title: &{'a' * 900_000} x\n",
    ],
    ids=[
        "parameters",
        "hosts",
        "patterns",
        "events",
        "nulls",
        "groups",
        "long-name",
        "long-kind",
        "long-text",
        "long-anchor",
    ],
)
def test_many_or_long_wrong_names_take_no_time_and_fill_no_screen(tmp_path: Path, text: str) -> None:
    report = refused(written(tmp_path, f"extends: baseline-2025\n{text}"))
    assert len(report.splitlines()) <= 102
    assert len(report) < 60_000


def test_a_thousand_duplicates_are_cut_short(tmp_path: Path) -> None:
    report = refused(written(tmp_path, "seed: 1\n" * 5000))
    assert len(report.splitlines()) <= 102


def test_a_name_of_a_hundred_thousand_letters_is_not_repeated_whole(tmp_path: Path) -> None:
    report = refused(written(tmp_path, f'extends: baseline-2025\n{"y" * 900}: 1\n"{"z" * 100_000}": 1\n'))
    assert len(report) < 5000


def test_missing_folder_and_device(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.yaml")
    (tmp_path / "folder.yaml").mkdir()
    assert "a folder" in refused(tmp_path / "folder.yaml")
    assert "not an ordinary file" in refused(Path("/dev/zero")) or os.name == "nt"
    assert "no bundled scenario and no file" in refused(Path("a\x00b"))
    assert "no bundled scenario and no file" in refused(Path("n" * 5000))


@pytest.mark.skipif(os.name == "nt", reason="named pipes are made otherwise on Windows")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "not an ordinary file" in refused(tmp_path / "pipe.yaml")


def test_unreadable_file(tmp_path: Path) -> None:
    path = written(tmp_path, "seed: 1\n")
    path.chmod(0)
    try:
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
        assert "cannot be read" in refused(path)
    finally:
        path.chmod(0o600)


def test_a_misspelt_bundled_name_is_suggested() -> None:
    assert "did you mean 'europol-regulation'?" in str(check("europol_regulaton")[0])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with-utf8-mark"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_windows_habits_are_fine(tmp_path: Path, mark: bytes, newline: str) -> None:
    text = newline.join(["# a comment with a\ttab", "extends: baseline-2025", "seed: 7 ", ""])
    assert load(written(tmp_path, mark + text.encode())).seed == 7


def test_words_and_numbers_follow_yaml_1_2(tmp_path: Path) -> None:
    scenario = load(
        written(
            tmp_path,
            "extends: baseline-2025\nname: option\ntitle: on\nquestion: NO\ndescription: 12:30:45\n"
            "seed: 010\nreplicates: 1e2\n"
            "levers:\n  penalties:\n    on: 2026-01-01\n    off: ~\n    intensity: 5e-1\n",
        )
    )
    assert (scenario.title, scenario.question, scenario.description) == ("on", "NO", "12:30:45")
    assert (scenario.seed, scenario.replicates) == (10, 100)
    assert scenario.levers.penalties is not None
    assert str(scenario.levers.penalties.on) == "2026-01-01"
    assert scenario.levers.penalties.intensity == 0.5


@pytest.mark.parametrize("repeated", [98, 99, 100, 101])
def test_a_broken_end_after_as_many_problems_as_are_shown(tmp_path: Path, repeated: int) -> None:
    """A key that is there again is a problem; with 99 of them the end that is no YAML was the hundredth, and ended in a traceback."""
    file = tmp_path / "long.yaml"
    file.write_text("title: Twice\n" * (repeated + 1) + "levers: {a: 1\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as told:
        load(file)
    last = str(told.value.problems[-1])
    assert ("not valid YAML" if repeated < 100 else "too many problems") in last
    assert len(told.value.problems) == min(repeated, 100) + 1
