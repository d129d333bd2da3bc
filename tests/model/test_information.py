"""Limited information in the whole model: what Hinsch and Bijak (2019, 2023) publish, on a world of three like ways.

"A higher degree of social information exchange leads to less predictable and less optimal migration routes" unless agents
"very quickly acquire objective information" (2019); limited information also "strongly reduces the ability to react to
changes" (2023).  Full information is the limit in which nothing of this is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from countersmuggling.model import SmugglingModel
from countersmuggling.scenarios import Scenario
from countersmuggling.scenarios.reference import World

FloatArray = npt.NDArray[np.float64]
Run = Callable[..., FloatArray]

FULL = {"route_choice.share_informed": 1.0}
#: nobody is well informed, a leg is known from one's own kind or by word of mouth alone
LIMITED = {
    "route_choice.share_informed": 0.0, "beliefs.common_knowledge": 0.0, "beliefs.half_seen_per_month": 4000.0,
    "beliefs.forgetting_half_life_days": 90.0, "beliefs.transfer_error": 0.6, "beliefs.smuggler_voice_per_month": 0.0,
}  # fmt: skip
QUICK = {"beliefs.half_seen_per_month": 20.0, "beliefs.half_life_days": 7.0}
BETTER = ({"kind": "partner_agreement", "on": "2024-10-01", "partner": "TUN", "strength": 0.2},)
CLOSED = ({"kind": "border_closed", "on": "2024-05-01", "into": "ITA", "strength": 0.9},)
REPLICATES = 4


@pytest.fixture(scope="module")
def attempts(make_scenario: Callable[..., Scenario], make_world: Callable[..., World]) -> Run:
    """Attempts by origin group and way since the last fortnight, shape (fortnights, groups, ways): the first is to ITA."""
    tables = make_world()

    def run(information: tuple[tuple[str, float], ...], replicate: int, end: str, event: str) -> FloatArray:
        scenario = make_scenario(
            horizon={"start": "2024-01-01", "end": end, "burn_in_days": 0},
            # fees, places and latent shocks tell routes apart as well: here only information is to do so
            uncertainties={"draw": "central", "parameters": {"demand.shock_sd": 0.0, "route_choice.fee": 0.01, "networks.slack": 4.0}
                           | dict(information)},
            model={"persons_per_agent": 5, "networks": 60, "route_choice_interval_days": 14},
            events=[dict(e) for e in {"": (), "better": BETTER, "closed": CLOSED}[event]],
        )  # fmt: skip
        model = SmugglingModel(scenario, replicate=replicate, tables=tables)
        ways = [list(model.geography.legs["leg"]).index(leg) for leg in ("tun>ita", "dza>esp", "egy>grc")]
        seen, last = [], np.zeros((len(model.geography.groups), 3))
        while not model.done:
            model.step()
            if model.day % 14 == 0:
                now = model.tally.attempts[:, ways]
                seen.append(now - last)
                last = now
        model.release()
        return np.array(seen)

    kept = cache(run)

    def call(information: dict[str, Any], replicate: int, end: str, event: str = "") -> FloatArray:
        return kept(tuple(sorted(information.items())), replicate, end, event)

    return call


def shares(counts: FloatArray) -> FloatArray:
    """Shares of ways, from counts of shape (fortnights, groups, ways)."""
    total = counts.sum(axis=(0, 1))
    return np.asarray(total / total.sum())


def in_the_end(attempts: Run, information: dict[str, float], event: str = "") -> FloatArray:
    """Shares of ways over the last quarter of eighteen months, shape (replicates, ways)."""
    return np.array(
        [shares(attempts(information, r, "2025-06-30", event)[-7:]) for r in range(REPLICATES)]
    )


def test_word_of_mouth_makes_consensus_routes_that_differ_between_replicates(attempts: Run) -> None:
    """All groups agree on what happens to be the main route; with full information each way keeps its third."""
    talking = LIMITED | {"beliefs.exchange_per_month": 2.0}
    consensus, neutral = in_the_end(attempts, talking), in_the_end(attempts, FULL)
    assert neutral.std(axis=0).mean() < 0.04
    assert consensus.std(axis=0).mean() > 4.0 * neutral.std(axis=0).mean()
    assert consensus.max(axis=1).mean() > 0.5
    assert neutral.max(axis=1).mean() < 0.4
    assert len(set(consensus.argmax(axis=1))) > 1  # nobody can say beforehand which
    for replicate in range(REPLICATES):
        counts = attempts(talking, replicate, "2025-06-30")[-7:].sum(axis=0)
        by_group = counts / counts.sum(axis=1, keepdims=True)
        assert by_group.std(axis=0).max() < 0.1  # a consensus: groups agree within a replicate


def test_limited_information_slows_the_response_to_a_closure(attempts: Run) -> None:
    """Share of attempts on the way that closed on 1 May, in the third and fourth month after; a third of it before."""

    def left(information: dict[str, float]) -> float:
        of = [attempts(information, r, "2024-10-31", "closed") for r in range(2)]
        before, after = (float(np.mean([shares(x[part])[0] for x in of])) for part in (slice(4, 8), slice(13, 17)))
        return after / before

    full, limited = left(FULL), left(LIMITED | {"beliefs.exchange_per_month": 0.0})
    assert full < 0.4
    assert limited > 2.0 * full
    assert left(LIMITED | {"beliefs.exchange_per_month": 2.0}) > 2.0 * full


def test_loss_of_optimality_grows_with_exchange_relative_to_own_exploration(attempts: Run) -> None:
    """One way becomes safer in October; the loss is what a logit traveller misses, the divergence of shares from the best.

    With shares s instead of the logit's own s*, expected utility (its random part included) is lower by sum s log(s / s*).
    """
    best = in_the_end(attempts, FULL, "better").mean(axis=0)
    assert best[0] > 0.37  # the way has become better

    def loss(information: dict[str, float], exchange: float) -> float:
        found = in_the_end(attempts, information | {"beliefs.exchange_per_month": exchange}, "better")
        return float((found * np.log(np.maximum(found, 1e-9) / best)).sum(axis=1).mean())

    slow = [loss(LIMITED, exchange) for exchange in (0.0, 0.5, 2.0)]
    assert slow[0] < slow[1] < slow[2]
    assert slow[2] > 4.0 * slow[0], slow
    quick = loss(LIMITED | QUICK, 2.0)  # unless objective information comes very quickly
    assert quick < 0.5 * slow[2], (slow, quick)
