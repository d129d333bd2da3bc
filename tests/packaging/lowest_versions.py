"""Prints the lowest versions that pyproject.toml allows, as constraints for pip.

    python tests/packaging/lowest_versions.py > lowest.txt
    python3.11 -m venv .lowest && .lowest/bin/pip install -c lowest.txt -e '.[dev]'
    .lowest/bin/python -m pytest -W ignore::DeprecationWarning -W ignore::pyparsing.warnings.PyparsingDeprecationWarning

Matplotlib 3.9 warns about newer versions of pyparsing, and the tests take warnings for errors.

What checks the code (mypy, Ruff, stubs) and what builds packages is left as it is: no user needs it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

#: extras whose libraries the tests use
EXTRAS = ("data", "analysis", "cluster", "dev")
TOOLS = ("mypy", "ruff", "build", "hatchling", "pytest", "pytest-xdist", "hypothesis", "jsonschema")


def lowest(pyproject: Path) -> dict[str, str]:
    """Lowest allowed version by library."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    found: dict[str, str] = {}
    wanted = [*project["dependencies"], *(each for extra in EXTRAS for each in project["optional-dependencies"][extra])]
    for requirement in wanted:
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*>=\s*([0-9][0-9a-z.]*)", requirement)
        if match and match[1] not in TOOLS and found.setdefault(match[1], match[2]) != match[2]:
            raise ValueError(f"{match[1]} has two lower bounds: {found[match[1]]} and {match[2]}")
    return found


def main() -> int:
    bounds = lowest(Path(__file__).parents[2] / "pyproject.toml")
    print("\n".join(f"{name}=={version}" for name, version in bounds.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
