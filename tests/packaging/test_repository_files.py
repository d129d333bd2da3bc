"""Files beside the code: one version everywhere, commands that are really run, nothing that ties us to one machine."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import countersmuggling

ROOT = Path(__file__).resolve().parents[2]
# spelt in pieces, so that this file passes its own test
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("debian", "org"),
        ("anaconda", "org"),
        ("anaconda", "com"),
        ("proxy.golang", "org"),
    ]
]
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|root|tmp|home/\w+|Users/\w+)(?:/|\b)")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def committed_files() -> list[Path]:
    """The files that git tracks; outside a repository (an unpacked source distribution) what stands there."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        done = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        names = done.stdout.decode().split("\0")
    else:
        names = [
            file.relative_to(ROOT).as_posix()
            for top in sorted(ROOT.iterdir())
            if top.name == ".ci" or not top.name.startswith((".", "results", "dist", "build"))
            for file in ([top] if top.is_file() else top.rglob("*"))
            if "__pycache__" not in file.parts
        ]
    return [ROOT / name for name in names if name and (ROOT / name).is_file() and not (ROOT / name).is_symlink()]


def ties(text: str) -> list[str]:
    """What in a text names a package registry's host or a path of one machine, with its line."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [f"line {number}: {host}" for host in REGISTRIES if host in line.lower()]
        found += [f"line {number}: {match.group()}" for match in MACHINE_PATH.finditer(line)]
    return found


def test_no_committed_file_names_a_registry_or_a_machine_path() -> None:
    problems = []
    files = committed_files()
    assert ROOT / "pyproject.toml" in files
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # compressed or binary
        problems += [f"{file.relative_to(ROOT)} {tie}" for tie in ties(text)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "line",
    [
        f"--index-url https://{REGISTRIES[0]}/simple",
        "see " + "/wo" + "rk/shared/data",
        '"/ro' + 'ot/.cache"',
        "(/ho" + "me/anna/countersmuggling)",
        "out=/tm" + "p/results",
    ],
)
def test_ties_are_found(line: str) -> None:
    assert len(ties(f"first\n{line}\n")) == 1


@pytest.mark.parametrize(
    "line",
    ["study/work/family permits", "https://example.org/work/paper", "$work/dist", "and/or", "../work/x", "a/tmp/b"],
)
def test_what_is_no_tie(line: str) -> None:
    assert ties(line) == []


def test_one_version_everywhere() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    citation = yaml.safe_load(read("CITATION.cff"))
    assert countersmuggling.__version__ == version
    assert citation["version"] == version


def test_citation_file_has_what_the_format_asks_for() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] and citation["message"] and citation["authors"]
    assert citation["license"] == tomllib.loads(read("pyproject.toml"))["project"]["license"]


def test_licence_is_whole() -> None:
    licence = read("LICENCE")
    assert licence.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
    articles = [int(number) for number in re.findall(r"^(\d+)\.\w", licence, re.MULTILINE)]
    assert articles == list(range(1, 16))
    assert "‘Compatible Licences’ according to Article 5 EUPL are:" in licence
    assert licence.endswith("require the production of a new EUPL version.\n")


def readme_commands() -> list[str]:
    return [block.strip() for block in re.findall(r"^```sh\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)]


def test_readme_opens_with_two_commands_that_ci_runs_to_the_letter() -> None:
    first, second = readme_commands()[:2]
    lines = [line.strip() for line in read(".ci/run").splitlines()]
    for command in (first, second):
        assert "\n" not in command
        assert lines.count(command) == 1, f"not a line of .ci/run: {command}"
    assert "countersmuggling compare " in first and " --plan " in first
    assert second.endswith("-m pytest")


def test_changelog_names_this_version_or_what_is_unreleased() -> None:
    version = countersmuggling.__version__
    headings = re.findall(r"^## \[([^]]+)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] in ("Unreleased", version)


def test_documents_link_to_files_that_exist() -> None:
    documents = [file for file in committed_files() if file.suffix == ".md"]
    assert ROOT / "README.md" in documents
    broken = []
    for document in documents:
        text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:|#", target) and not (document.parent / target.partition("#")[0]).exists():
                broken.append(f"{document.relative_to(ROOT)}: {target}")
    assert not broken, "\n".join(broken)
