"""Made-up outcomes with the columns of the model's, so that nothing here waits for a simulation."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from countersmuggling.experiments import summarising
from countersmuggling.experiments.results import SHADOW_PRICE_COLUMNS, PlanRecord, Results, Run
from countersmuggling.scenarios import OUTCOMES, Scenario, load, world

LEVELS = {
    "irregular_crossings": 20_000.0, "detections": 16_000.0, "interceptions": 7_000.0, "deaths": 210.0,
    "legal_pathway_admissions": 0.0, "smuggler_revenue_eur": 6e7, "smuggler_profit_eur": 1.5e7,
    "travellers_in_debt": 90_000.0, "active_networks": 280.0, "networks_dismantled": 3.0, "arrests": 400.0,
    "convictions": 120.0, "case_backlog": 2_500.0, "asylum_load": 15_000.0, "cost_eur": 0.0, "paid_legs": 60_000.0,
    "departures": 30_000.0, "leg_attempts": 150_000.0, "leg_deaths": 210.0, "attempts": 27_000.0,
}  # fmt: skip
ROUTES = {"CMED": 0.36, "EMED": 0.25, "WAFR": 0.18, "WMED": 0.07, "WBALK": 0.11, "ELAND": 0.03}
GROUPS = ("syria", "afghanistan", "west_africa")
STATES = {"ITA": 0.3, "GRC": 0.25, "ESP": 0.25, "DEU": 0.15, "FRA": 0.05}


def made_up(
    months: pd.PeriodIndex, replicate: int, effects: dict[str, float], legs: list[str], cost: float = 0.0
) -> pd.DataFrame:
    """Outcomes of one replicate: a season, noise that depends on the replicate only, and the effects of a policy."""
    rng = np.random.default_rng(1000 + replicate)
    rows: list[dict[str, Any]] = []
    weights = {
        leg: float(w)
        for leg, w in zip(legs, np.random.default_rng(7).pareto(1.2, len(legs)) + 0.05, strict=True)
    }
    total = sum(weights.values())
    for month in months:
        season = 1 + 0.35 * np.sin((month.month - 4) / 12 * 2 * np.pi)
        for name, level in LEVELS.items():
            noise = float(np.exp(0.08 * rng.standard_normal()))
            own = np.random.default_rng((replicate, month.ordinal, len(name))).standard_normal()
            value = level * season * noise * (effects.get(name, 1.0) + 0.01 * own * (len(effects) > 0))
            if name == "cost_eur":
                value = cost
            dimensions = OUTCOMES[name].dimensions
            parts: list[tuple[dict[str, str], float]]
            if dimensions == ("leg",):
                parts = [
                    ({"leg": x}, w / total * (1 + 0.3 * (effects.get(name, 1.0) - 1) * (len(x) % 3)))
                    for x, w in weights.items()
                ]
            elif "member_state" in dimensions:
                parts = [({"member_state": s}, w) for s, w in STATES.items()]
            elif "route" in dimensions:
                parts = [
                    ({"route": r, "origin_group": GROUPS[n % 3]}, w)
                    for n, (r, w) in enumerate(ROUTES.items())
                ]
            else:
                parts = [({"origin_group": g}, 1 / len(GROUPS)) for g in GROUPS]
            rows += [{"month": str(month), "outcome": name, **d, "value": value * w} for d, w in parts]
    return pd.DataFrame(rows)


def option_of(baseline: Scenario, **changes: Any) -> Scenario:
    """The baseline under another name, with a lever switched on."""
    content = baseline.model_dump(by_alias=True, mode="json", exclude_none=True)
    content |= {
        "name": "small-option",
        "title": "Small option",
        "question": "What would the small option do?",
    }
    content["levers"] = {"europol_centre": {"on": "2025-03-01", "ramp_days": 30}} | changes
    return Scenario.model_validate(content)


@pytest.fixture(scope="session")
def baseline() -> Scenario:
    return load("baseline-2025")


@pytest.fixture(scope="session")
def legs() -> list[str]:
    return sorted(world().legs["leg"])


@pytest.fixture(scope="session")
def allocation() -> pd.DataFrame:
    rows = [
        (resource, place, quarter, staff)
        for resource, places in (
            ("analyst", {"ITA": 4.0, "GRC": 3.0, "DEU": 2.5}),
            ("deployed_officer", {"ITA": 12.0, "GRC": 8.0}),
            ("financial_investigator", {"DEU": 6.0, "FRA": 4.0}),
        )
        for place, staff in places.items()
        for quarter in ("2025Q1", "2025Q2")
    ]
    return pd.DataFrame(rows, columns=["resource", "place", "quarter", "staff"])


@pytest.fixture(scope="session")
def prices() -> pd.DataFrame:
    unit = "points per post in the quarter"
    rows = [
        ("shared_pool__europol-posts__2025Q1", "shared_pool", "", "", "2025Q1", -3.2, unit, 50.0, 40.0, 55.0,
         "One more Europol post in quarter 1 of 2025 is worth 3.2 points."),
        ("shared_pool__europol-posts__2025Q2", "shared_pool", "", "", "2025Q2", -3.1, unit, 50.0, 40.0, 55.0,
         "One more Europol post in quarter 2 of 2025 is worth 3.1 points."),
        ("absorb__ITA__2025Q2", "absorb", "ITA", "", "2025Q2", -1.1, "points per place in the quarter", 60.0, math.nan, 61.5,
         "Hosting one more person in Italy in quarter 2 of 2025 is worth 1.1 points."),
        ("effort__analyst__GRC__2025Q1", "effort", "GRC", "analyst", "2025Q1", 0.7, unit, 0.0, 0.0, 0.0,
         "One more would do harm."),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SHADOW_PRICE_COLUMNS[1:]))


@pytest.fixture(scope="session")
def make_results(
    baseline: Scenario, legs: list[str], allocation: pd.DataFrame, prices: pd.DataFrame
) -> Callable[..., Results]:
    def make(replicates: int = 4, months: int = 6, planned: bool = True, text: str = "") -> Results:
        option = option_of(baseline)
        if text:
            option = option.model_copy(update={"question": text, "title": text})
        runs = [
            Run(baseline.name, "Status quo", baseline, "baseline", baseline.name),
            Run(option.name, option.title, option, "option", option.name),
        ]
        effects = [
            {},
            {
                "deaths": 0.93,
                "smuggler_profit_eur": 0.9,
                "travellers_in_debt": 1.0,
                "leg_attempts": 0.9,
                "arrests": 1.2,
            },
        ]
        costs = [0.0, 1.4e6]
        plans = []
        if planned:
            for role, factor in (("pro_rata", 0.92), ("plan", 0.86)):
                key = f"{option.name}+{role.replace('_', '-')}"
                title = f"{option.title}, staff placed {'pro rata' if role == 'pro_rata' else 'by the plan'}"
                runs.append(Run(key, title, option, role, option.name))  # type: ignore[arg-type]
                effects.append({**effects[1], "deaths": factor})
                costs.append(1.4e6)
            plans = [
                PlanRecord(
                    runs[-1].key,
                    allocation,
                    prices,
                    {"status": "optimal", "solver": "highs", "objective": -12.5},
                )
            ]
        index = pd.period_range("2025-01", periods=months, freq="M")
        frame = summarising.tidy(
            (run.key, r, made_up(index, r, effect, legs, cost))
            for run, effect, cost in zip(runs, effects, costs, strict=True)
            for r in range(replicates)
        )
        return Results(tuple(runs), frame, {"version": "0", "seed": 1}, tuple(plans), "compare")

    return make


@pytest.fixture(scope="session")
def results(make_results: Callable[..., Results]) -> Results:
    return make_results()


@pytest.fixture(scope="session")
def written(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with its report: to be read, not changed."""
    return results.write(tmp_path_factory.mktemp("written") / "results")


# ---------------------------------------------------------------------------------------------- sweeps


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Runs that cost nothing (`stub_runs.py`), importable by name in other processes too."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder, prepend=":")
    yield importlib.import_module("stub_runs")
    sys.modules.pop("stub_runs", None)


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where stub runs leave a note of having been done, and look up how to misbehave."""
    folder = tmp_path / "notes"
    folder.mkdir()
    monkeypatch.setenv("SWEEP_NOTES", str(folder))
    return folder


@pytest.fixture
def design() -> dict[str, Any]:
    """Two policies x two points x four replicates; twelve different runs: the status quo has no penalties to vary."""
    return {
        "name": "small",
        "scenario": "baseline-2025",
        "policies": {"status-quo": None, "directive": "facilitation-directive-commission"},
        "factors": {"levers.penalties.intensity": {"values": [0, 2]}},
        "replicates": 4,
        "seed": 3,
    }
