"""Commands about scenario files and designs: ``scenarios``, ``designs``, ``new``, ``check`` and ``schema``."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from .ending import DONE, INVALID, Usage
from .terminal import coloured


def scenarios_command(options: argparse.Namespace) -> int:
    from ..scenarios import bundled, load

    rows = [(name, load(name)) for name in bundled()]
    if options.json:
        _print_json([
            {"name": name, "title": s.title, "question": " ".join(s.question.split()), "start": str(s.horizon.start),
             "end": str(s.horizon.end), "replicates": s.replicates, "levers": sorted(s.levers.active())}
            for name, s in rows
        ])  # fmt: skip
        return DONE
    width = max(len(name) for name, _ in rows)
    for name, scenario in rows:
        period = f"{scenario.horizon.start.year}-{scenario.horizon.end.year}"
        print(f"{coloured(f'{name:<{width}}', 'bold', sys.stdout)}  {period}  {scenario.title}")
        for line in textwrap.wrap(" ".join(scenario.question.split()), 100):
            print(f"{'':<{width}}             {line}")
    return DONE


def designs_command(options: argparse.Namespace) -> int:
    from .designs import bundled_designs, load_design
    from .sampling import number_of_points

    rows = [(name, load_design(name)) for name in bundled_designs()]
    if options.json:
        _print_json([
            {"name": name, "title": d.file.title, "question": " ".join(d.file.question.split()),
             "policies": [p.name for p in d.policies], "points": number_of_points(d), "replicates": d.replicates}
            for name, d in rows
        ])  # fmt: skip
        return DONE
    width = max(len(name) for name, _ in rows)
    for name, design in rows:
        count = f"{len(design.policies)} policies x {number_of_points(design):,} points x {design.replicates} replicates"
        print(f"{coloured(f'{name:<{width}}', 'bold', sys.stdout)}  {design.file.title}: {count}")
        for line in textwrap.wrap(" ".join(design.file.question.split()), 100):
            print(f"{'':<{width}}  {line}")
    print("\nBegin one of your own:  countersmuggling new my-design.yaml --from NAME")
    return DONE


@contextmanager
def _new_file(target: Path) -> Iterator[TextIO]:
    """A file that is not there yet, to be written; what prevents it is a mistake of the user."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "x", encoding="utf-8") as stream:
            yield stream
    except FileExistsError:
        raise Usage(f"{target} exists already; choose another name") from None
    except OSError as error:
        raise Usage(f"cannot write {error.filename or target}: {error.strerror}") from error


def _new_design(target: Path, name: str) -> int:
    from .designs import bundled_design_path

    with _new_file(target) as stream:
        stream.write(bundled_design_path(name).read_text(encoding="utf-8"))
    print(f"Wrote {target} (from the design {name}).")
    print(f"Edit it, then:  countersmuggling sweep {target} --dry-run")
    return DONE


def new_command(options: argparse.Namespace) -> int:
    from ..scenarios import bundled, json_schema, template
    from ..scenarios.template import SCHEMA_FILE
    from .designs import bundled_designs

    target: Path = options.file
    base: str = options.base
    if target.suffix not in (".yaml", ".yml"):
        raise Usage(f"{target}: a scenario file ends in .yaml")
    if base in bundled_designs():
        return _new_design(target, base)
    if (
        base not in bundled()
        and Path(base).exists()
        and Path(base).resolve().parent != target.resolve().parent
    ):
        raise Usage(
            f"--from {base}: a file to start from must lie in the new file's folder ({target.resolve().parent})"
        )
    text = template(base, title=target.stem.replace("-", " ").replace("_", " ").capitalize())
    schema = target.with_name(SCHEMA_FILE)
    with _new_file(target) as stream:
        stream.write(text)
        if not schema.exists():
            schema.write_text(
                json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
    print(f"Wrote {target} (from {base}) and {schema.name}, which editors read for completion.")
    print(f"Edit it, then:  countersmuggling check {target}")
    return DONE


def check_command(options: argparse.Namespace) -> int:
    from ..scenarios import bundled, check
    from .designs import bundled_designs, check_design, is_design

    wrong = 0
    found: list[dict[str, Any]] = []
    for name in options.file:
        if name in bundled_designs() or (name not in bundled() and is_design(name)):
            problems = check_design(name)
        else:
            problems = check(name if name in bundled() else Path(name))
        wrong += len(problems)
        if options.json:
            found += [asdict(problem) for problem in problems]
            continue
        for problem in problems:
            place, colon, message = str(problem).partition(": ")
            print(f"{coloured(place + colon, 'bold', sys.stderr)}{message}", file=sys.stderr)
        if not problems:
            print(f"{name}: {coloured('nothing wrong', 'green', sys.stdout)}")
    if options.json:
        _print_json({"valid": not wrong, "problems": found})
    elif wrong:
        print(coloured(f"{wrong} problem{'s' if wrong > 1 else ''}", "red", sys.stderr), file=sys.stderr)
    return INVALID if wrong else DONE


def schema_command(options: argparse.Namespace) -> int:
    from ..scenarios import json_schema

    text = json.dumps(json_schema(), indent=1, ensure_ascii=False)
    if options.out is None:
        print(text)
        return DONE
    try:
        options.out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Usage(f"cannot write {options.out}: {error.strerror}") from error
    print(f"Wrote {options.out}")
    return DONE


def _print_json(content: Any) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=1, default=str))
