"""What the wheel and the source distribution hold."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["scenarios", "model", "optimise", "experiments"]
# written beside the sources by interpreters, compilers and type checkers
LEFT_BEHIND = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution of this tree, built without a network."""
    pytest.importorskip("hatchling", reason="needs hatchling, which the extra `dev` installs")
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> set[str]:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def sdist_members(built: Path) -> dict[str, tarfile.TarInfo]:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2]: member for member in archive.getmembers()}


def room_files() -> set[str]:
    return {
        file.relative_to(ROOT).as_posix()
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and not LEFT_BEHIND & set(file.parts)
    }


def test_wheel_installs_one_name(wheel_names: set[str]) -> None:
    top = {name.split("/")[0] for name in wheel_names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"countersmuggling"}
    assert sum(name.endswith(".dist-info") for name in top) == 1


def test_wheel_holds_every_room_with_its_data(wheel_names: set[str]) -> None:
    wanted = {f"countersmuggling/{file}" for file in room_files()}
    assert {f"countersmuggling/{room}/__init__.py" for room in ROOMS} <= wanted
    assert any(file.endswith(".csv") for file in wanted)
    wanted |= {"countersmuggling/__init__.py", "countersmuggling/py.typed"}
    wanted |= {"countersmuggling/experiments/data/measured_patterns.md"}  # the page of patterns, for the report's annex
    inside = {name for name in wheel_names if name.startswith("countersmuggling/")}
    assert inside == wanted


def test_wheel_carries_licence_and_command(built: Path, wheel_names: set[str]) -> None:
    (wheel,) = built.glob("*.whl")
    (info,) = {name.split("/")[0] for name in wheel_names if ".dist-info/" in name}
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{info}/licenses/LICENCE") == (ROOT / "LICENCE").read_bytes()
        points = archive.read(f"{info}/entry_points.txt").decode()
        metadata = archive.read(f"{info}/METADATA").decode()
    assert re.search(r"^countersmuggling = countersmuggling\.experiments\.cli:main$", points, re.MULTILINE)
    assert "\nLicense-Expression: EUPL-1.2\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata


def test_sdist_holds_sources_and_tests(sdist_members: dict[str, tarfile.TarInfo]) -> None:
    tests = {file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")}
    assert "tests/packaging/test_distributions.py" in tests
    alone = {
        "pyproject.toml",
        "README.md",
        "LICENCE",
        "CITATION.cff",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "RESPONSIBLE_USE.md",
        ".ci/run",
        "src/countersmuggling/__init__.py",
        "src/countersmuggling/py.typed",
    }
    assert tests | room_files() | alone <= sdist_members.keys()


def test_sdist_has_no_links_and_no_left_behinds(sdist_members: dict[str, tarfile.TarInfo]) -> None:
    # the links beside the root package are for a checkout: archived, they would double every room
    assert [name for name, member in sdist_members.items() if member.issym() or member.islnk()] == []
    assert [name for name in sdist_members if LEFT_BEHIND & set(name.split("/"))] == []
