"""Scenarios whose travellers would not fit into memory are refused before they run, with what would fit."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from countersmuggling.model import SmugglingModel, memory
from countersmuggling.model.demand import TooManyTravellers
from countersmuggling.model.memory import BESIDES, FOR_A_MOMENT, busiest, check_room, machine_memory
from countersmuggling.model.travellers import ROW_BYTES, Rows


def test_rows_take_what_is_reckoned() -> None:
    rows = Rows.empty(1000)
    base = rows.key.base
    assert base is not None and base.nbytes + rows.due.nbytes == 1000 * ROW_BYTES


def test_most_rows_at_a_time_are_those_of_the_longest_stay() -> None:
    assert busiest(np.ones(10), 180.0) == 10.0
    assert busiest(np.ones(1000), 180.0) == 240.0
    assert busiest(np.r_[np.zeros(500), np.full(500, 3.0)], 0.0) == 180.0
    assert busiest(np.zeros(0), 5.0) == 0.0


def test_what_does_not_fit_is_refused_with_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    each = ROW_BYTES + FOR_A_MOMENT
    monkeypatch.setattr(memory, "machine_memory", lambda: BESIDES + 1e6 * each)
    check_room(1e6, 3.0)
    words = rf"2e\+07 simulated .* {(2e7 * each + BESIDES) / 1e9:.1f} GB .* 0\.4 GB here: raise model.persons_per_agent from 3 to 60,"
    with pytest.raises(TooManyTravellers, match=words) as told:
        check_room(2e7, 3.0)
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)  # it comes back from a worker
    with pytest.raises(TooManyTravellers, match="here: lower uncertainties.demand_growth_per_year"):
        check_room(2e7, 1e4)  # coarser than a scenario may be
    monkeypatch.setattr(memory, "machine_memory", lambda: BESIDES / 2)
    with pytest.raises(TooManyTravellers, match="here: lower uncertainties.demand_growth_per_year"):
        check_room(10.0, 1.0)


def test_a_scenario_is_refused_before_it_runs_and_fits_as_it_was_told(make_scenario: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    each = ROW_BYTES + FOR_A_MOMENT
    monkeypatch.setattr(memory, "machine_memory", lambda: BESIDES + 20_000 * each)
    shock = {"kind": "demand_shock", "on": "2025-01-01", "origin_groups": ["all"], "factor": 20}
    content: dict[str, Any] = {"horizon": {"start": "2025-06-01", "end": "2025-06-30", "burn_in_days": 0}, "events": [shock]}
    with pytest.raises(TooManyTravellers) as told:
        SmugglingModel(make_scenario(**content, model={"persons_per_agent": 2}))
    found = re.search(r"persons_per_agent from 2 to (\d+),", str(told.value))
    assert found
    model = SmugglingModel(make_scenario(**content, model={"persons_per_agent": float(found[1])}))
    model.run()
    # what it says is not far from what is needed
    assert 0.02 * 20_000 < model.under_way <= 20_000


def test_growth_in_the_run_is_refused_as_well(make_scenario: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = SmugglingModel(make_scenario(model={"persons_per_agent": 500}))
    monkeypatch.setattr(memory, "machine_memory", lambda: BESIDES)
    model._rows = Rows.empty(1)
    with pytest.raises(TooManyTravellers):
        model.run()
    assert model not in getattr(type(next(iter(model.agents))).__mro__[-2], "_ids", {})


def test_this_machine_has_memory() -> None:
    assert machine_memory() > 2e8


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="limits of containers are read as on Linux")
def test_limits_of_a_container_and_of_the_process_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    before = machine_memory()
    for folder, name in ((tmp_path, "memory.max"), (tmp_path / "memory", "memory.limit_in_bytes")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("max\n", encoding="ascii")
        assert machine_memory() == before
        (folder / name).write_text("123000000\n", encoding="ascii")
        assert machine_memory() == 123e6
        (folder / name).unlink()
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, resource.getrlimit(resource.RLIMIT_AS)[1])); "
        "from countersmuggling.model.memory import machine_memory; print(machine_memory() <= 3 << 30)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("command", ["run", "optimise"])
def test_the_command_says_so_in_a_line(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from countersmuggling.experiments.cli import main

    file = tmp_path / "crowded.yaml"
    file.write_text(
        "extends: baseline-2025\nhorizon: {start: 2040-01-01, end: 2040-01-05, burn_in_days: 0}\n"
        "uncertainties: {demand_growth_per_year: 5}\nmodel: {persons_per_agent: 1000}\n", encoding="utf-8",
    )  # fmt: skip
    assert main([command, str(file), "--out", str(tmp_path / "out"), "--quiet", "--workers", "1"]) == 2
    said = capsys.readouterr().err
    assert "more than the world has: lower uncertainties.demand_growth_per_year" in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()
