"""Invented effects for tests of whole plans."""

import numpy as np
import pandas as pd
import pytest

from countersmuggling.optimise.effects import CELL_COLUMNS, WORK_COLUMNS, EffectCurves, place_groups
from countersmuggling.scenarios import RESOURCES


@pytest.fixture(scope="session")
def invented() -> EffectCurves:
    """Concave curves for all types and groups, in deaths; in a group all places have the same share."""
    g = np.random.default_rng(0)
    groups = place_groups()
    cells = [(r, group, "deaths", 10.0, g.uniform(0.5, 0.8), -g.gamma(1.0, 2.0), 0.3, 0.0, 0.0)
             for r in RESOURCES for group in dict.fromkeys(groups.values())]
    size = pd.Series(list(groups.values())).value_counts()
    work = [(r, place, group, 1.0 / size[group]) for r in RESOURCES for place, group in groups.items()]
    return EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=list(WORK_COLUMNS)), {})


@pytest.fixture(scope="session")
def invented_everywhere() -> EffectCurves:
    """The same for all places where a type has work, partner countries included."""
    g = np.random.default_rng(1)
    groups = {r: place_groups(info.places) for r, info in RESOURCES.items()}
    cells = [(r, group, "deaths", 10.0, g.uniform(0.5, 0.8), -1.0 - g.gamma(1.0, 2.0), 0.3, 0.0, 0.0)
             for r in RESOURCES for group in dict.fromkeys(groups[r].values())]
    size = {r: pd.Series(list(groups[r].values())).value_counts() for r in RESOURCES}
    work = [(r, place, group, 1.0 / size[r][group]) for r in RESOURCES for place, group in groups[r].items()]
    return EffectCurves(pd.DataFrame(cells, columns=list(CELL_COLUMNS)), pd.DataFrame(work, columns=list(WORK_COLUMNS)), {})
