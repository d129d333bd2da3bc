"""Every bundled scenario runs: a short stretch over the dates on which its levers and events act."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import Scenario, bundled, load


def short(name: str) -> Scenario:
    """The scenario at a coarse grain, 75 days from the middle of its horizon."""
    full = load(name)
    middle = full.horizon.start + (full.horizon.end - full.horizon.start) / 2
    horizon = full.horizon.model_copy(
        update={"start": middle, "end": middle + timedelta(days=74), "burn_in_days": 30}
    )
    options = full.model.model_copy(update={"persons_per_agent": 500.0})
    return full.model_copy(update={"horizon": horizon, "model": options})


@pytest.mark.parametrize("name", bundled())
def test_bundled_scenario_runs(name: str) -> None:
    model = SmugglingModel(short(name))
    output = model.run()
    values = output.outcomes["value"].to_numpy()
    assert np.isfinite(values).all()
    # losses are profits, and visas bring in money
    signed = ["smuggler_profit_eur", "cost_eur"] if name.startswith("sale-of-visas") else ["smuggler_profit_eur"]
    assert (values[~output.outcomes["outcome"].isin(signed).to_numpy()] >= 0.0).all()
    totals = output.totals()
    assert totals["departures"] > 0.0 and totals["irregular_crossings"] > 0.0
    people = model.population()
    ended = sum(people[k] for k in ("arrived", "dead", "gave_up", "admitted", "under_way"))
    assert people["entered"] == pytest.approx(ended)
