"""Design files: what they mean, and how every mistake is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import sampling
from countersmuggling.experiments.designs import (
    Design,
    bundled_designs,
    check_design,
    is_design,
    load_design,
    with_values,
)
from countersmuggling.experiments.field_paths import PathError, field_path
from countersmuggling.experiments.run_table import PointError, RunTable
from countersmuggling.scenarios import ScenarioError, load, registry
from countersmuggling.scenarios.loader import bundled_path

HEAD = """\
scenario: baseline-2025
set:
  model: {persons_per_agent: 500}
policies:
  status-quo: baseline-2025
  directive:
    scenario: facilitation-directive-commission
    set: {levers: {penalties: {ramp_days: 0}}}
"""


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "my-design.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(tmp_path: Path, text: str) -> list[str]:
    return [str(p).removeprefix(f"{tmp_path}/") for p in check_design(written(tmp_path, text))]


# ------------------------------------------------------------------ what a design means


def test_policies_are_scenarios_with_fields_laid_over_them_and_one_seed(tmp_path: Path) -> None:
    design = load_design(written(tmp_path, HEAD + "seed: 5\nreplicates: 3\n"))
    status_quo, directive = design.policies
    assert (design.name, design.seed, design.replicates) == ("my-design", 5, 3)
    assert [p.name for p in design.policies] == ["status-quo", "directive"]
    assert {p.scenario.seed for p in design.policies} == {5}
    assert {p.scenario.model.persons_per_agent for p in design.policies} == {500.0}
    assert status_quo.scenario.levers.penalties is None
    assert directive.scenario.levers.penalties is not None
    assert directive.scenario.levers.penalties.ramp_days == 0
    assert directive.scenario.levers.penalties.floor_basic_years == 3.0


def test_without_policies_the_scenario_stands_alone_under_its_name(tmp_path: Path) -> None:
    design = load_design(written(tmp_path, "scenario: europol-regulation\n"))
    assert [p.name for p in design.policies] == ["europol-regulation"]
    assert design.replicates == load("europol-regulation").replicates
    assert len(RunTable(design)) == design.replicates


def test_a_scenario_beside_the_design_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: baseline-2025\nseed: 77\n", encoding="utf-8")
    assert load_design(written(tmp_path, "scenario: mine.yaml\n")).seed == 77


def test_a_pattern_means_every_parameter_with_a_range_and_a_factor_of_its_own_comes_first(tmp_path: Path) -> None:
    text = "factors:\n  uncertainties.parameters.fees.*: {}\n  uncertainties.parameters.fees.markup: {low: 1, high: 2}\n"
    design = load_design(written(tmp_path, text.replace("fees.markup", _first("fees"))))
    wide = [n for n, r in registry().items() if n.startswith("fees.") and r.low < r.high]
    assert {f.name for f in design.factors} == {f"uncertainties.parameters.{n}" for n in wide}
    (own,) = (f for f in design.factors if f.path.parameter == _first("fees"))
    assert (own.low, own.high) == (1.0, 2.0)


def _first(mechanism: str) -> str:
    return next(n for n, r in registry().items() if n.startswith(f"{mechanism}.") and r.low < r.high and r.unit not in
                ("probability", "share", "fraction"))  # fmt: skip


def test_a_parameter_that_is_a_factor_is_not_drawn(tmp_path: Path) -> None:
    name = _first("networks")
    row = registry()[name]
    value = row.low + 0.25 * (row.high - row.low)
    text = f"set: {{uncertainties: {{draw: ranges}}}}\nfactors:\n  uncertainties.parameters.{name}: {{values: [{value!r}]}}\n"
    table = RunTable(load_design(written(tmp_path, text)))
    scenario = table.scenario(0, 0)
    assert {scenario.parameters(r)[name] for r in range(3)} == {value}
    other = next(n for n in registry() if n != name and registry()[n].low < registry()[n].high)
    assert len({scenario.parameters(r)[other] for r in range(3)}) == 3


def test_a_resolved_design_needs_none_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("run,resource,place,quarter,staff\nx,analyst,ITA,2025Q3,2\n", encoding="utf-8")
    text = HEAD + "  planned: {allocation: plan.csv}\nfactors:\n  levers.penalties.intensity: {low: 0, high: 2}\n"
    design = load_design(written(tmp_path, text))
    again = Design.from_resolved(design.resolved())
    assert again == design
    assert again.policies[2].allocation is not None
    assert again.policies[2].allocation["staff"].tolist() == [2]
    assert RunTable(again).frame(range(6)).equals(RunTable(design).frame(range(6)))


@pytest.mark.parametrize("name", bundled_designs())
def test_bundled_designs_are_valid_and_say_what_they_ask(name: str) -> None:
    design = load_design(name)
    assert design.file.question and design.file.description
    assert sampling.number_of_points(design) == len(sampling.points(design))
    RunTable(design).run_id(0)


def test_a_design_is_told_from_a_scenario(tmp_path: Path) -> None:
    assert is_design(written(tmp_path, HEAD))
    assert not is_design(bundled_path("baseline-2025"))


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("factor: {}\n", "my-design.yaml:1:1: factor: unknown field; expected one of"),
        (HEAD + "factors:\n  levers.penalty.intensity: {low: 0, high: 1}\n",
         "my-design.yaml:10:3: factors.levers.penalty.intensity: no field 'penalty': 'levers' has"),
        (HEAD + "factors:\n  levers.penalty.intensity: {low: 0, high: 1}\n", "did you mean 'levers.penalties.intensity'?"),
        (HEAD + "factors:\n  levers.penalties.intensity: {low: 0, high: 5}\n",
         "the value 5.0 does not fit policy directive: levers.penalties.intensity: Input should be less than or equal to 3"),
        ("factors:\n  levers.penalties.intensity: {low: 0, high: 1}\n", "no policy has `levers.penalties`"),
        ("factors:\n  levers.penalties.intensity: {}\n", "expected `low` and `high`, or `values`"),
        ("factors:\n  uncertainties.parameters.fees.markdown: {}\n", "no parameter 'fees.markdown' in the registry; did you mean"),
        ("factors:\n  uncertainties.parameters.nothing.*: {}\n", "no parameter of the registry with a range matches"),
        ("factors:\n  uncertainties.parameters.fees.*: {low: 0, high: 1}\n", "a pattern takes the registry's ranges"),
        ("factors:\n  horizon.start: {low: 0, high: 1}\n", "this field holds a text: list its `values`"),
        ("factors:\n  horizon: {values: [1]}\n", "'horizon' is a group of fields: start, end, burn_in_days"),
        ("factors:\n  seed: {low: 0, high: 9}\n", "'seed' is set by the design itself"),
        ("factors:\n  horizon.burn_in_days: {low: 9, high: 1}\n", "my-design.yaml:2:40: factors.horizon.burn_in_days.high: expected more"),
        ("factors:\n  horizon.burn_in_days: {values: [1, 1]}\n", "a value is given twice"),
        ("factors:\n  horizon.burn_in_days: {values: [1], low: 0}\n", "either `values` or a range"),
        ("sampling: {method: latin_hypercube}\n", "sampling.points: latin_hypercube needs this number"),
        ("sampling: {method: sobol, base_points: 10}\n", "expected a power of two such as 16, got 10"),
        ("sampling: {method: sobol, points: 10, base_points: 8}\n", "sampling.points: sobol does not take this (latin_hypercube does)"),
        ("sampling: {method: moris}\n", "sampling.method: expected 'factorial', 'latin_hypercube', 'sobol' or 'morris'"),
        ("sampling: {method: morris, trajectories: 4, levels: 5}\n", "expected an even number, got 5"),
        ("policies: {a: baseline-2026}\n", "no bundled scenario and no file 'baseline-2026'"),
        ("policies: {a: baseline-2026}\n", "did you mean 'baseline-2025'?"),
        ("set: {seed: 4}\n", "my-design.yaml:1:7: set.seed: a sweep sets this itself"),
        ("policies:\n  a:\n    set: {levers: {penalties: {intensity: 1}}}\n", "my-design.yaml:3:20: levers.penalties.on: this field is required"),
        ("policies:\n  a: {set: {modle: {}}}\n", "my-design.yaml:2:13: modle: unknown field"),
        ("policies: {a: {allocation: none.csv}}\n", "policies.a.allocation: cannot be read: No such file or directory"),
        ("keep: [roads]\n", "keep[0]: expected 'route', 'origin_group', 'member_state', 'leg' or 'full', got the text 'roads'"),
        ("keep: [route, route]\n", "a name is given twice"),
        ("replicates: 0\n", "replicates: expected at least 1, got 0"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, text)
    assert any(told in line for line in found), "\n".join(found)
    assert all(line.startswith("my-design.yaml:") for line in found), "\n".join(found)


def test_an_unknown_design_is_told_with_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'what-matters'"):
        load_design("what-maters")


def test_plain_values_are_checked_like_a_file() -> None:
    with pytest.raises(ScenarioError, match=r"^design: factors.levers.nothing.intensity: no field 'nothing'"):
        load_design({"factors": {"levers.nothing.intensity": {"low": 0, "high": 1}}})


def test_values_that_do_not_go_together_name_the_point(tmp_path: Path) -> None:
    text = HEAD + (
        "factors:\n  levers.penalties.floor_basic_years: {values: [3, 9]}\n"
        "  levers.penalties.floor_aggravated_years: {values: [10, 8]}\n"
    )
    table = RunTable(load_design(written(tmp_path, text)))
    table.run_id(2 * 16)
    with pytest.raises(PointError, match=r"point 3 does not fit policy directive: levers\.penalties.*floor_basic_years = 9"):
        table.frame(range(len(table)))


# ------------------------------------------------------------------ paths


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("levers.penalties.intensity", 0.5),
        ("levers.penalties.on", "2025-03-01"),
        ("events[0].factor", 1.5),
        ("resources.hosts.ITA.absorb", 7.0),
        ("resources.budgets.europol.2026", 5.0e6),
        ("outcomes.deaths.weight", 3.0),
        ("horizon.burn_in_days", 12),
        ("model.adaptation", False),
        ("levers.search_and_rescue.routes", ["CMED"]),
    ],
)
def test_any_field_can_be_set_by_its_path(path: str, value: Any) -> None:
    content = load("facilitation-directive-commission").model_dump(mode="json", by_alias=True, exclude_none=True)
    content["levers"]["search_and_rescue"] = {"on": "2025-01-01"}
    content["events"] = [{"kind": "demand_shock", "on": "2026-01-01", "factor": 1.0}]
    (factor,) = load_design({"factors": {"horizon.burn_in_days": {"values": [1]}}}).factors
    from dataclasses import replace

    made = with_values(content, [(replace(factor, path=field_path(path)), value)])
    found: Any = made.model_dump(mode="json", by_alias=True)
    for part in field_path(path).place:
        found = found[part]
    assert found == value


def test_an_event_that_is_not_there_is_not_reached() -> None:
    assert not field_path("events[3].factor").reach({"events": [{}]})
    assert field_path("events[0].factor").reach({"events": [{}]})


@pytest.mark.parametrize(
    ("path", "near"),
    [("networks.entry_cots", None), ("levers.penalties.intensty", "levers.penalties.intensity"), ("model.networks.x", None)],
)
def test_a_path_that_leads_nowhere(path: str, near: str | None) -> None:
    with pytest.raises(PathError) as caught:
        field_path(path)
    assert near is None or caught.value.suggestion == near


def test_a_bare_parameter_is_told_its_full_path() -> None:
    name = _first("networks")
    with pytest.raises(PathError) as caught:
        field_path(name)
    assert caught.value.suggestion == f"uncertainties.parameters.{name}"


# ------------------------------------------------------------------ points


def sampled(method: dict[str, Any], factors: dict[str, Any] | None = None) -> Design:
    chosen = factors or {
        "horizon.burn_in_days": {"low": 0, "high": 9},
        "uncertainties.demand_growth_per_year": {"low": -0.5, "high": 0.5},
        "levers.penalties.intensity": {"values": [0, 1, 2]},
    }
    return load_design({"scenario": "facilitation-directive-commission", "factors": chosen, "sampling": method})


def test_factorial_is_every_combination_with_the_last_factor_fastest() -> None:
    design = sampled({"levels": 2})
    found = sampling.points(design)
    assert len(found) == 2 * 2 * 3 == sampling.number_of_points(design)
    assert found.iloc[:4].to_numpy().tolist() == [[0, -0.5, 0], [0, -0.5, 1], [0, -0.5, 2], [0, 0.5, 0]]
    assert found.iloc[-1].tolist() == [9, 0.5, 2]


def test_latin_hypercube_has_one_point_in_every_stratum_of_every_factor() -> None:
    design = sampled({"method": "latin_hypercube", "points": 12, "seed": 3})
    unit = sampling.unit_points(design)
    assert np.array_equal(np.sort((unit * 12).astype(int), axis=0), np.tile(np.arange(12)[:, None], 3))
    found = sampling.points(design)
    assert found["levers.penalties.intensity"].value_counts().to_dict() == {0: 4, 1: 4, 2: 4}
    assert set(found["horizon.burn_in_days"]) <= set(range(10))


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ({"method": "latin_hypercube", "points": 5, "repeats": 1}, {"method": "latin_hypercube", "points": 5, "repeats": 3}),
        ({"method": "sobol", "base_points": 4}, {"method": "sobol", "base_points": 16}),
        ({"method": "sobol", "base_points": 4, "second_order": True}, {"method": "sobol", "base_points": 8, "second_order": True}),
        ({"method": "morris", "trajectories": 3}, {"method": "morris", "trajectories": 7}),
    ],
)  # fmt: skip
def test_a_larger_design_begins_with_the_points_of_the_smaller(small: dict[str, Any], large: dict[str, Any]) -> None:
    few, many = sampled(small), sampled(large)
    first, second = sampling.points(few), sampling.points(many)
    assert len(first) == sampling.number_of_points(few) < len(second) == sampling.number_of_points(many)
    pd.testing.assert_frame_equal(first, second.iloc[: len(first)])


def test_sobol_points_follow_saltelli() -> None:
    unit = sampling.unit_points(sampled({"method": "sobol", "base_points": 8}))
    blocks = unit.reshape(8, 5, 3)
    for a, *crossed, b in blocks:
        for k, row in enumerate(crossed):
            expected = a.copy()
            expected[k] = b[k]
            assert np.array_equal(row, expected)


def test_morris_points_move_one_factor_at_a_time() -> None:
    unit = sampling.unit_points(sampled({"method": "morris", "trajectories": 4}))
    steps = np.abs(np.diff(unit.reshape(4, 4, 3), axis=1))
    assert np.array_equal(np.count_nonzero(steps, axis=2), np.ones((4, 3)))
    assert np.allclose(steps[steps > 0], 2 / 3)


def test_factors_of_one_group_move_together() -> None:
    factors = {
        "uncertainties.demand_growth_per_year": {"low": 0, "high": 1, "group": "g"},
        "horizon.burn_in_days": {"low": 0, "high": 9, "group": "g"},
        "levers.penalties.intensity": {"low": 0, "high": 2, "group": "other"},
    }
    design = sampled({"method": "morris", "trajectories": 5}, factors)
    steps = np.diff(sampling.unit_points(design).reshape(5, 3, 3), axis=1)
    assert ((steps[:, :, 0] != 0) == (steps[:, :, 1] != 0)).all()
    assert sampling.number_of_points(design) == 15


def test_distributions_have_their_quantiles() -> None:
    name = _first("networks")
    row = registry()[name]
    unit = np.array([0.0, 0.5, 1.0])
    (wide,) = sampled({}, {f"uncertainties.parameters.{name}": {"low": 1.0, "high": 100.0, "distribution": "log_uniform"}}).factors
    assert sampling.carried_over(wide, unit) == pytest.approx([1.0, 10.0, 100.0])
    (shaped,) = sampled({}, {f"uncertainties.parameters.{name}": {"distribution": "triangular"}}).factors
    below = (row.value - row.low) / (row.high - row.low)
    at_mode = sampling.carried_over(shaped, np.array([0.0, below, 1.0]))
    assert at_mode == pytest.approx([row.low, row.value, row.high])


def test_whole_numbers_are_equally_likely() -> None:
    (days,) = sampled({}, {"horizon.burn_in_days": {"low": 0, "high": 3}}).factors
    found = sampling.carried_over(days, (np.arange(400) + 0.5) / 400)
    assert np.bincount(found).tolist() == [100, 100, 100, 100]


# ------------------------------------------------------------------ the table of runs


def test_runs_pair_by_seed_and_have_names_from_their_content(tmp_path: Path) -> None:
    text = HEAD + "factors:\n  levers.penalties.intensity: {values: [0, 2]}\nreplicates: 2\nseed: 9\n"
    table = RunTable(load_design(written(tmp_path, text)))
    frame = table.frame(range(len(table)))
    assert frame[["point", "replicate"]].to_numpy().tolist() == [[0, 0], [0, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 1], [1, 1]]
    assert frame["policy"].tolist() == ["status-quo", "directive"] * 4
    jobs = [table.planned(row).job for row in range(8)]
    assert {job.scenario.seed for job in jobs} == {9}
    # the status quo has no penalties: its runs are the same at both points
    ids = frame["run_id"].tolist()
    assert ids[0] == ids[4] and ids[2] == ids[6]
    assert len(set(ids)) == 6 == table.different_runs()


def test_a_name_depends_on_what_decides_the_run_and_on_nothing_else(tmp_path: Path) -> None:
    def name(text: str, row: int = 0) -> str:
        return RunTable(load_design(written(tmp_path, text))).run_id(row)

    first = name("seed: 1\n")
    assert name("seed: 1\ntitle: Another title\nreplicates: 9\npolicies: {other-name: baseline-2025}\nkeep: [route]\n") == first
    assert name("seed: 2\n") != first
    assert name("seed: 1\n", 1) != first
    assert name("seed: 1\nset: {model: {networks: 50}}\n") != first
    (tmp_path / "plan.csv").write_text("resource,place,quarter,staff\nanalyst,ITA,2025Q3,2\n", encoding="utf-8")
    assert name("seed: 1\npolicies: {a: {allocation: plan.csv}}\n") != first


def test_shards_share_the_work_and_keep_policies_together(tmp_path: Path) -> None:
    text = HEAD + "factors:\n  levers.penalties.intensity: {low: 0, high: 2}\nreplicates: 3\n"
    table = RunTable(load_design(written(tmp_path, text)))
    shards = [list(table.rows_of_shard(k, 4)) for k in range(4)]
    assert sorted(row for shard in shards for row in shard) == list(range(len(table)))
    for shard in shards:
        assert [table.place(a)[:2] == table.place(b)[:2] for a, b in zip(shard[::2], shard[1::2], strict=True)] == [True] * (
            len(shard) // 2
        )


def test_the_order_of_policies_makes_another_table_of_the_same_runs(tmp_path: Path) -> None:
    one = RunTable(load_design(written(tmp_path, "policies: {a: baseline-2025, b: global-alliance}\n")))
    other = RunTable(load_design(written(tmp_path, "policies: {b: global-alliance, a: baseline-2025}\n")))
    assert one.design_id != other.design_id
    assert one.run_id(0) == other.run_id(1)


@pytest.mark.parametrize("wanted", ["../other.yaml", "/etc/hostname", "inner/../../other.yaml", "link.yaml"])
@pytest.mark.parametrize("key", ["scenario", "allocation"])
def test_a_design_reads_nothing_outside_its_folder(tmp_path: Path, key: str, wanted: str) -> None:
    folder = tmp_path / "designs"
    (folder / "inner").mkdir(parents=True)
    outside = tmp_path / "other.yaml"
    outside.write_text("extends: baseline-2025\n", encoding="utf-8")
    (folder / "link.yaml").symlink_to(outside)
    file = folder / "mine.yaml"
    file.write_text(f"name: mine\npolicies:\n  a: {{{key}: {wanted}}}\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="leads out of the design's folder"):
        load_design(file)
