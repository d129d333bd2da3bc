"""An option is a short diff: deep merge, null removes, and inherited mistakes point at the file where they stand."""

import os
from pathlib import Path

import pytest

from countersmuggling.scenarios import ScenarioError, check, load


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_mappings_merge_lists_replace_null_removes(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="extends: europol-regulation\n"
        "levers: {biometrics: {kits: 7}, europol_centre: null}\n"
        "resources: {posts: {analyst: {available: 3, from: null}}, pools: {europol-posts: {types: [analyst]}}}\n",
        option="extends: base\nresources: {hosts: {GRC: null}}\n",
    )
    parent, option = load("europol-regulation"), load(tmp_path / "option.yaml")
    assert option.levers.europol_centre is None
    assert option.levers.biometrics is not None and parent.levers.biometrics is not None
    assert option.levers.biometrics.kits == 7
    assert option.levers.biometrics.on == parent.levers.biometrics.on
    assert option.levers.task_forces == parent.levers.task_forces
    assert option.resources.posts["analyst"].available == 3
    assert option.resources.posts["analyst"].from_ is None
    assert option.resources.posts["analyst"].hire_lead_quarters == 1
    assert option.resources.pools["europol-posts"].types == ["analyst"]
    assert "GRC" not in option.resources.hosts
    assert option.resources.host("GRC") == option.resources.hosts["default"]
    assert option.resources.host("ITA") == parent.resources.hosts["ITA"]


def test_a_key_with_nothing_after_its_colon_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, a="extends: europol-regulation\nlevers:\nresources:\n  posts:\n")
    write(tmp_path, b="extends: europol-regulation\nlevers: null\nresources:\n  posts: ~\n  pools: null\n")
    parent = load("europol-regulation")
    assert load(tmp_path / "a.yaml").levers == parent.levers
    assert load(tmp_path / "a.yaml").resources == parent.resources
    assert load(tmp_path / "b.yaml").levers.active() == {}
    assert load(tmp_path / "b.yaml").resources.posts == {}
    assert load(tmp_path / "b.yaml").resources.budgets == parent.resources.budgets


def test_name_and_words_are_not_inherited(tmp_path: Path) -> None:
    write(tmp_path, **{"my-option": "extends: baseline-2025\n"})
    option = load(tmp_path / "my-option.yaml")
    assert (option.name, option.title, option.question, option.description) == ("my-option", "", "", "")
    assert option.horizon == load("baseline-2025").horizon


def test_a_file_beside_wins_nothing_over_a_bundled_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{"baseline-2025": "extends: baseline-2025\nseed: 1\n", "option": "extends: baseline-2025\n"},
    )
    assert load(tmp_path / "option.yaml").seed == load("baseline-2025").seed
    write(tmp_path, other="extends: baseline-2025.yaml\n")
    assert load(tmp_path / "other.yaml").seed == 1


def test_an_inherited_mistake_is_told_in_the_file_where_it_stands(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="extends: baseline-2025\n\nlevers:\n  penalties: {on: 2026-06-01, intensity: 9}\n",
        option="extends: base\nlevers:\n  penalties: {off: 2026-01-01}\nsed: 1\n",
    )
    problems = check(tmp_path / "option.yaml")
    assert [(Path(p.file).name, p.line, p.column, p.path) for p in problems] == [
        ("option.yaml", 3, 20, "levers.penalties.off"),
        ("option.yaml", 4, 1, "sed"),
        ("base.yaml", 4, 42, "levers.penalties.intensity"),
    ]


def test_what_reading_the_parent_finds_is_told_too(tmp_path: Path) -> None:
    write(
        tmp_path, base="extends: baseline-2025\nseed: 1\nseed: 2\n", option="extends: base\nreplicates: 0\n"
    )
    assert [(Path(p.file).name, p.line) for p in check(tmp_path / "option.yaml")] == [
        ("option.yaml", 2),
        ("base.yaml", 3),
    ]


@pytest.mark.parametrize(
    "wanted",
    ["../other", "../secret.yaml", "sub/other.yaml", "/etc/passwd", "..", ".", "''", "' '", "..\\other.yaml", "C:other.yaml",
     "file:///etc/passwd", "sub/../option.yaml"],
)  # fmt: skip
def test_no_path_leaves_the_folder(tmp_path: Path, wanted: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "sub").mkdir()
    write(tmp_path, other="extends: baseline-2025\n", secret="extends: baseline-2025\n")
    write(folder / "sub", other="extends: baseline-2025\n")
    write(folder, option=f"seed: 1\nextends: {wanted}\n")
    (problem,) = check(folder / "option.yaml")
    assert (problem.line, problem.column, problem.path) == (2, 10, "extends")
    assert "expected a bundled name or a file in the same folder" in problem.message


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_no_link_leaves_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write(tmp_path, secret="extends: baseline-2025\n")
    (folder / "linked.yaml").symlink_to(tmp_path / "secret.yaml")
    write(folder, option="extends: linked.yaml\n")
    (problem,) = check(folder / "option.yaml")
    assert "leads out of the scenario's folder" in problem.message


def test_circles_and_long_chains_are_refused(tmp_path: Path) -> None:
    write(tmp_path, a="extends: b\n", b="extends: c\n", c="extends: a\n", itself="extends: itself\n")
    assert "in a circle: a.yaml -> b.yaml -> c.yaml -> a.yaml" in check(tmp_path / "a.yaml")[0].message
    assert "in a circle" in check(tmp_path / "itself.yaml")[0].message
    write(tmp_path, **{f"s{i}": f"extends: s{i + 1}\n" for i in range(12)}, s12="extends: baseline-2025\n")
    assert "more than 10 scenarios" in check(tmp_path / "s0.yaml")[0].message


@pytest.mark.parametrize(
    ("text", "words", "suggestion"),
    [
        ("extends: baseline-2052\n", "no bundled scenario and no file beside this one", "baseline-2025"),
        ("extends: neihgbour\n", "no bundled scenario and no file beside this one", "neighbour.yaml"),
        ("extends: [a]\n", "expected the name of a scenario", None),
        ("extends: 5\n", "expected the name of a scenario", None),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, text: str, words: str, suggestion: str | None) -> None:
    write(tmp_path, neighbour="extends: baseline-2025\n", option=text)
    (problem,) = check(tmp_path / "option.yaml")
    assert words in problem.message
    assert problem.suggestion == suggestion


def test_without_extends_everything_needed_must_be_there(tmp_path: Path) -> None:
    write(tmp_path, alone="seed: 1\n", whole="horizon: {start: 2025-01-01, end: 2025-12-31}\n")
    with pytest.raises(ScenarioError, match="horizon: this field is required"):
        load(tmp_path / "alone.yaml")
    assert load(tmp_path / "whole.yaml").name == "whole"


def test_a_deeply_broken_parent_stops_with_its_own_message(tmp_path: Path) -> None:
    write(tmp_path, base="a: [\n", option="extends: base\n")
    (problem,) = check(tmp_path / "option.yaml")
    assert Path(problem.file).name == "base.yaml"
    assert "not valid YAML" in problem.message
