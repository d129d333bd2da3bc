"""Build the documentation as a site that needs no network: ``python docs/build_site.py FOLDER`` (extra ``docs``).

Pages are the repository's own documents; links between them are kept, links to code become its name. The reference is made from
docstrings, the gallery from the figures of a results folder (``--gallery``; no picture is kept in the repository), and the build is strict: a broken link or a name that is not there ends it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "countersmuggling"
#: part of the site -> (title, document) in order; documents are paths in the repository
NAVIGATION: dict[str, list[tuple[str, str]]] = {
    "Tutorial": [
        ("What it is", "README.md"), ("A first hour", "docs/tutorial.md"), ("Notebooks and where what stands", "docs/index.md"),
    ],
    "How to": [
        ("Plan where staff goes", "docs/how-to/plan-staff.md"), ("Run a sweep", "docs/how-to/run-a-sweep.md"),
        ("Share results", "docs/how-to/share-results.md"), ("Change what the model does", "docs/how-to/change-the-model.md"),
        ("Contribute", "CONTRIBUTING.md"),
    ],
    "Explanation": [
        ("Responsible use", "RESPONSIBLE_USE.md"), ("Architecture", "docs/architecture.md"), ("The model (ODD)", "docs/odd.md"),
        ("Levers", "docs/levers.md"), ("Evidence and data", "docs/data.md"), ("Patterns", "docs/patterns.md"),
        ("The optimiser", "docs/optimiser.md"), ("Pairing", "docs/pairing.md"), ("Interdiction", "docs/interdiction.md"),
        ("Evaluation", "docs/evaluation.md"), ("Scaling", "docs/scaling.md"), ("Robustness", "docs/robustness.md"),
        ("Times", "docs/benchmarks.md"), ("Dependencies", "docs/dependencies.md"),
    ],
    "Reference": [
        ("Scenario files", "docs/scenario-files.md"), ("Results folder", "docs/results-folder.md"), ("The report", "docs/report.md"),
        ("Sweeps", "docs/sweeps.md"),
    ],
    "Changes": [("Changelog", "CHANGELOG.md")],
}  # fmt: skip
#: what a user calls, by page of the reference
REFERENCE = {
    "scenarios": ["scenarios.loader.load", "scenarios.loader.check", "scenarios.loader.bundled", "scenarios.schema.Scenario"],
    "model": ["model.core.SmugglingModel", "model.recording.RunOutput", "model.replicates.run_many", "model.replicates.Job"],
    "optimise": ["optimise.plan.optimise", "optimise.plan.Plan", "optimise.plan.InfeasiblePlan", "optimise.effects.measure_effects"],
    "experiments": [
        "experiments.running.simulate", "experiments.comparing.compare", "experiments.results.Results", "experiments.sweeping.sweep",
        "experiments.sweep_results.SweepResults",
    ],
}  # fmt: skip


def documents() -> list[str]:
    """Every document of the site; those of docs/ that the navigation does not name stand under Explanation."""
    named = [path for pages in NAVIGATION.values() for _, path in pages]
    return named + [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "docs").glob("*.md")) if p.relative_to(ROOT).as_posix() not in named]


def place(document: str) -> str:
    """Where a document stands in the site."""
    return "index.md" if document == "README.md" else Path(document).name.lower().replace("index.md", "where.md")


def rewritten(text: str, document: str) -> str:
    """The text of a document with its links as they are in the site."""
    known = set(documents())

    def link(match: re.Match[str]) -> str:
        name, target = match[1], match[2]
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        whole = os.path.normpath((Path(document).parent / path).as_posix())
        if not (ROOT / whole).exists():
            raise SystemExit(f"{document}: no such file: {target}")
        return f"[{name}]({place(whole)}{hash_}{anchor})" if whole in known else f"{name} (`{whole}`)"

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, text)


def about(gallery: Path) -> list[str]:
    """What the figures of a gallery come from: question, command and version, as the results folder has them."""
    summary, made = (json.loads((gallery / name).read_text(encoding="utf-8")) for name in ("summary.json", "provenance.json"))
    told = ["Figures of a results folder, as every comparison writes them; none is drawn by hand or kept in the repository.", ""]
    if summary.get("question"):
        told += [f"> {summary['question']}", ""]
    command = f" by `{made['command']}`" if made.get("command") else ""
    return [*told, f"Made{command} with version {made.get('version')}, {summary['replicates']} replicates. The table behind each figure lies beside it in the folder."]


def assemble(folder: Path, gallery: Path | None) -> None:
    """Write the sources of the site and its configuration into a folder."""
    pages = folder / "pages"
    pages.mkdir()
    for document in documents():
        (pages / place(document)).write_text(rewritten((ROOT / document).read_text(encoding="utf-8"), document), encoding="utf-8")
    reference = []
    for name, members in REFERENCE.items():
        text = f"# {name}\n\n" + "\n".join(f"::: {PACKAGE}.{member}\n" for member in members)
        (pages / f"reference-{name}.md").write_text(text, encoding="utf-8")
        reference.append((name, f"reference-{name}.md"))
    sections = {part: [(title, place(document)) for title, document in found] for part, found in NAVIGATION.items()}
    named = {path for found in sections.values() for _, path in found}
    rest = [(Path(d).stem.replace("-", " ").capitalize(), place(d)) for d in documents() if place(d) not in named]
    sections["Explanation"] += rest
    sections["Reference"] += reference
    if gallery is not None:
        pictures = sorted(gallery.rglob("*.svg")) or sorted(gallery.rglob("*.png"))
        (pages / "gallery").mkdir()
        lines = ["# Gallery", "", *about(gallery), ""]
        for picture in pictures:
            shutil.copy(picture, pages / "gallery" / picture.name)
            title = picture.stem.replace("-", " ").replace("_", " ")
            lines += [f"## {title}", "", f"![{title}](gallery/{picture.name})", ""]
        (pages / "gallery.md").write_text("\n".join(lines), encoding="utf-8")
        sections["Gallery"] = [("Figures", "gallery.md")]
    told = ["nav:"]
    for part, found in sections.items():
        told += [f"  - {part}:", *(f'      - "{title}": {path}' for title, path in found)]
    (folder / "mkdocs.yml").write_text(CONFIGURATION.format(source=(ROOT / "src").as_posix()) + "\n".join(told) + "\n", encoding="utf-8")


CONFIGURATION = """\
site_name: countersmuggling
docs_dir: pages
use_directory_urls: false
theme:
  name: material
  language: en
  font: false
  features: [navigation.tabs, navigation.top, toc.follow, content.code.copy]
  palette: {{scheme: default, primary: indigo}}
extra: {{generator: false}}
plugins:
  - search
  - mkdocstrings:
      handlers:
        python:
          paths: ["{source}"]
          options: {{docstring_style: numpy, show_source: false, show_root_heading: true, heading_level: 2}}
markdown_extensions: [tables, toc, attr_list, admonition, pymdownx.superfences]
"""


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the site is written")
    parser.add_argument("--gallery", type=Path, metavar="DIR", help="a results folder whose figures become the gallery")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        assemble(Path(temporary), given.gallery)
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", f"{temporary}/mkdocs.yml",
                   "--site-dir", str(given.folder.resolve())]  # fmt: skip
        code = subprocess.run(command, check=False).returncode
    if code == 0:
        print(f"{given.folder}: {len(list(given.folder.rglob('*.html')))} pages; begin at index.html")
    return code


if __name__ == "__main__":
    sys.exit(main())
