"""Levers and events as they act on named dials over time.

A lever has a date, a ramp and an intensity; its effect on a dial at full intensity is a registry parameter.  Two ways of
acting are enough:

- ``scale``: the dial is multiplied by 1 + intensity x effect;
- ``close``: a share of the dial's gap to 1 is closed, x -> 1 - (1 - x)(1 - intensity x effect).

Nothing else in the model knows levers, so moving a lever moves its dials and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """One lever on one dial: how it acts, and the registry parameter that says how much at full intensity."""

    lever: str
    dial: str
    how: str
    parameter: str


EFFECTS: tuple[Effect, ...] = (
    Effect("prosecution", "prosecution_throughput", "scale", "lever.prosecution.throughput"),
    Effect("prosecution", "conviction", "close", "lever.prosecution.conviction"),
    Effect("jurisdiction", "partner_evidence", "close", "lever.jurisdiction.partner_evidence"),
    Effect("member_state_capacity", "investigators", "scale", "lever.member_state_capacity.investigators"),
    Effect("member_state_capacity", "prosecutors", "scale", "lever.member_state_capacity.prosecutors"),
    Effect("member_state_capacity", "productivity", "close", "lever.member_state_capacity.productivity"),
    Effect("data_reporting", "completeness", "close", "lever.data_reporting.completeness"),
    Effect("data_reporting", "reporting_delay", "scale", "lever.data_reporting.delay"),
    Effect("europol_centre", "match", "close", "lever.europol_centre.match"),
    Effect("europol_centre", "sharing_delay", "scale", "lever.europol_centre.delay"),
    Effect("interagency_cooperation", "prosecution_throughput", "scale",
           "lever.interagency_cooperation.throughput"),
    Effect("interagency_cooperation", "sharing", "close", "lever.interagency_cooperation.sharing"),
    Effect("information_sharing", "sharing", "close", "lever.information_sharing.sharing"),
    Effect("information_sharing", "sharing_delay", "scale", "lever.information_sharing.delay"),
    Effect("financial_investigation", "recovery", "scale", "lever.financial_investigation.recovery"),
    Effect("partner_cooperation", "partner_interception", "scale",
           "lever.partner_cooperation.interception"),
    Effect("partner_cooperation", "partner_evidence", "close", "lever.partner_cooperation.evidence"),
    Effect("campaigns", "campaign", "close", "lever.campaigns.reach"),
    Effect("root_causes", "potential", "scale", "lever.root_causes.potential"),
    Effect("search_and_rescue", "sea_deaths", "scale", "lever.search_and_rescue.deaths"),
    Effect("transport_and_visa", "air_access", "scale", "lever.transport_and_visa.access"),
)  # fmt: skip

# dial -> the kind of place that it has one value for
DIALS: dict[str, str] = {
    "prosecution_throughput": "member_state",
    "conviction": "member_state",
    "partner_evidence": "partner",
    "investigators": "member_state",
    "prosecutors": "member_state",
    "productivity": "member_state",
    "completeness": "member_state",
    "reporting_delay": "member_state",
    "match": "union",
    "sharing_delay": "union",
    "sharing": "member_state",
    "recovery": "union",
    "partner_interception": "partner",
    "campaign": "origin_group",
    "potential": "origin_group",
    "sea_deaths": "route",
    "air_access": "partner",
}

# the field of a lever that restricts it to some places, by kind of place
_SCOPE = {"member_state": "member_states", "partner": "partners", "origin_group": "origin_groups",
          "route": "routes"}  # fmt: skip


def ramped(on: date, off: date | None, ramp_days: int, today: date) -> float:
    """Share of full effect on `today`: 0 before `on`, rising linearly over the ramp, 0 from `off`."""
    if today < on or (off is not None and today >= off):
        return 0.0
    if ramp_days <= 0:
        return 1.0
    return min(1.0, ((today - on).days + 1) / ramp_days)


class Policy:
    """The dials on any day, from a scenario's levers.

    Parameters
    ----------
    levers : object
        The scenario's levers (attributes by lever name, None where not used).
    params : Mapping
        Registry values.
    places : Mapping of str to list of str
        Names of each kind of place (``member_state``, ``partner``, ``origin_group``, ``route``, ``union``).
    base : Mapping of str to FloatArray
        The dials without any lever, by dial.
    """

    def __init__(self, levers: Any, params: Mapping[str, float], places: Mapping[str, list[str]],
                 base: Mapping[str, FloatArray]) -> None:  # fmt: skip
        self._levers = levers
        self._params = params
        self._places = places
        self._base = {dial: np.asarray(base[dial], dtype=np.float64) for dial in DIALS}
        self._effects = [e for e in EFFECTS if getattr(levers, e.lever, None) is not None]
        self._scope = {e: self._places_of(e) for e in self._effects}

    def _places_of(self, effect: Effect) -> npt.NDArray[np.bool_]:
        kind = DIALS[effect.dial]
        names = self._places[kind]
        chosen = getattr(getattr(self._levers, effect.lever), _SCOPE.get(kind, ""), None)
        if not chosen or chosen == ["all"]:
            return np.ones(len(names), dtype=bool)
        return np.array([name in chosen for name in names])

    def intensity(self, lever: str, today: date) -> float:
        """Intensity of a lever on `today`, 0 where the scenario does not use it."""
        setting = getattr(self._levers, lever, None)
        if setting is None:
            return 0.0
        share = ramped(setting.on, setting.off, setting.ramp_days, today)
        return share * float(setting.intensity)

    def setting(self, lever: str) -> Any:
        """The scenario's own fields of a lever, or None."""
        return getattr(self._levers, lever, None)

    def dials(self, today: date) -> dict[str, FloatArray]:
        """Every dial on `today`, one value per place of its kind."""
        values = {dial: base.copy() for dial, base in self._base.items()}
        for effect in self._effects:
            strength = self.intensity(effect.lever, today) * self._params[effect.parameter]
            if strength == 0.0:
                continue
            where = self._scope[effect]
            dial = values[effect.dial]
            if effect.how == "scale":
                dial[where] *= max(0.0, 1.0 + strength)
            else:
                dial[where] = 1.0 - (1.0 - dial[where]) * (1.0 - min(1.0, strength))
        return values
