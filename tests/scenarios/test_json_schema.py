"""The schema that editors use: itself valid, accepts what `load` accepts, and marks what `check` refuses."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.scenarios import (
    LEVERS,
    OUTCOMES,
    RESOURCES,
    bundled,
    json_schema,
    load,
    registry,
    template,
)
from countersmuggling.scenarios.loader import bundled_path
from countersmuggling.scenarios.yaml_reader import parse

jsonschema: Any = importlib.import_module("jsonschema")  # has no types


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def plain(text: str) -> Any:
    node, problems = parse(text.encode(), "text")
    assert problems == []
    return node.plain()


@pytest.mark.parametrize("name", bundled())
def test_accepts_bundled_files_and_what_they_resolve_to(name: str, validator: Any) -> None:
    validator.validate(plain(bundled_path(name).read_text(encoding="utf-8")))
    validator.validate(plain(load(name).to_yaml()))


def test_accepts_starter_files_and_removals(validator: Any) -> None:
    validator.validate(plain(template("europol-regulation")))
    validator.validate(
        plain(
            "extends: full-package\nseed: null\nlevers: {penalties: null, biometrics: {kits: null}}\nhorizon:\n"
            "outcomes: {deaths: null}\nresources: {pools: {europol-posts: null}, budgets: {europol: {2025: null}}}\n"
            "uncertainties: {parameters: {cost.analyst_eur_per_year: {low: 1e5}, cost.prosecutor_eur_per_year: 1e5}}\n"
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "horizn: {}",
        "seed: -1",
        "seed: many",
        "levers: {penaltis: {on: 2025-01-01}}",
        "levers: {penalties: {ramp: 3}}",
        "levers: {penalties: {on: soon}}",
        "levers: {penalties: {intensity: 4}}",
        "levers: {search_and_rescue: {routes: [MED]}}",
        "levers: {member_state_capacity: {member_states: [Italy]}}",
        "levers: {campaigns: {origin_groups: [atlantis]}}",
        "outcomes: {deathz: {weight: 1}}",
        "outcomes: {leg_deaths: {weight: 1}}",
        "resources: {posts: {analist: {}}}",
        "resources: {hosts: {GRE: {}}}",
        "resources: {budgets: {europol: {20x5: 1}}}",
        "resources: {pools: {'Not A Slug': {}}}",
        "uncertainties: {parameters: {cost.analist: 1}}",
        "events: [{kind: border_close, on: 2025-01-01}]",
        "events: [{kind: border_closed, on: 2025-01-01}]",
        "events: [{kind: rescue_change, on: 2025-01-01, route: CMED, factor: 1, extra: 1}]",
    ],
)
def test_refuses(text: str, validator: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(plain(text))


def test_every_field_and_name_has_hover_text() -> None:
    schema = json_schema()
    for name, part in {"Scenario": schema, **schema["$defs"]}.items():
        for field, content in part.get("properties", {}).items():
            through = content.get("anyOf", [content])[0].get("$ref", "")
            text = content.get("description") or schema["$defs"].get(through.rsplit("/", 1)[-1], {}).get(
                "description"
            )
            assert text or field in ("kind",), f"{name}.{field} explains nothing"
    assert set(schema["$defs"]["Levers"]["properties"]) == set(LEVERS)
    parameters = schema["$defs"]["Uncertainties"]["properties"]["parameters"]["anyOf"][0]["properties"]
    assert set(parameters) == set(registry())
    assert all(row.source in parameters[name]["description"] for name, row in registry().items())
    text = json.dumps(schema)
    assert all(name in text for name in (*RESOURCES, *(o for o in OUTCOMES if OUTCOMES[o].weightable)))
    assert "x-vocabulary" not in text


def test_starter_file_names_the_schema_first_and_every_comment_can_be_uncommented(tmp_path: Path) -> None:
    text = template("baseline-2025", title='A "quoted" \\ title')
    assert text.startswith("# yaml-language-server: $schema=")
    option = tmp_path / "option.yaml"
    option.write_text(text, encoding="utf-8")
    base, read = load("baseline-2025"), load(option)
    assert read.title == 'A "quoted" \\ title'
    assert (read.levers, read.resources, read.outcomes) == (base.levers, base.resources, base.outcomes)
    lines = [line[1:] if line[1:3] == "  " or line[1:].startswith(("events:", "replicates:", "seed:")) else line
             for line in text.splitlines()]  # fmt: skip
    option.write_text("\n".join(lines), encoding="utf-8")
    assert set(load(option).levers.active()) == set(LEVERS)
    assert load(option).replicates == 16
    assert len(load(option).events) == 1


def test_starter_file_may_extend_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: legal-pathways\nseed: 4\n", encoding="utf-8")
    (tmp_path / "new.yaml").write_text(template(str(tmp_path / "mine.yaml")), encoding="utf-8")
    assert load(tmp_path / "new.yaml").seed == 4
