"""The reference tables as arrays: hubs, legs, places and origin groups by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..scenarios.reference import World
from .route_choice import Network

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ROUTES = ("CMED", "EMED", "WMED", "WAFR", "WBALK", "ELAND", "CHANNEL", "FEEDER", "INNER")
OUTSIDE_DESTINATION = "GBR"


@dataclass(frozen=True)
class Geography:
    """World tables in the order that the kernels use (legs sorted by tail hub).

    Parameters
    ----------
    world : World
        Validated reference tables.
    """

    world: World

    @cached_property
    def hubs(self) -> list[str]:
        return list(self.world.hubs["hub"])

    @cached_property
    def legs(self) -> pd.DataFrame:
        """The legs table sorted by tail hub number, then by name."""
        number = {hub: i for i, hub in enumerate(self.hubs)}
        legs = self.world.legs.copy()
        legs["tail"] = legs["from"].map(number)
        legs["head"] = legs["to"].map(number)
        return legs.sort_values(["tail", "leg"], kind="stable").reset_index(drop=True)

    @cached_property
    def network(self) -> Network:
        return Network.from_legs(self.legs["tail"], self.legs["head"], len(self.hubs), self.hubs)

    @cached_property
    def hub_country(self) -> list[str]:
        return list(self.world.hubs["country"])

    @cached_property
    def member_states(self) -> list[str]:
        return list(self.world.member_states["member_state"])

    @cached_property
    def partners(self) -> list[str]:
        return list(self.world.partners["partner"])

    @cached_property
    def authorities(self) -> list[str]:
        """Member States first, then partner countries."""
        return self.member_states + [p for p in self.partners if p not in self.member_states]

    @cached_property
    def destinations(self) -> list[str]:
        """Where journeys end: the Member States, and the United Kingdom outside the Union."""
        return [*self.member_states, OUTSIDE_DESTINATION]

    @cached_property
    def groups(self) -> list[str]:
        return list(self.world.origin_groups["origin_group"])

    @cached_property
    def corridors(self) -> list[str]:
        return sorted(set(self.world.legs["corridor"]))

    @cached_property
    def route_of_leg(self) -> IntArray:
        return np.array([ROUTES.index(r) for r in self.legs["route"]], dtype=np.int64)

    @cached_property
    def corridor_of_leg(self) -> IntArray:
        return np.array([self.corridors.index(c) for c in self.legs["corridor"]], dtype=np.int64)

    @cached_property
    def external(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.legs["border"] == "external", dtype=np.bool_)

    @cached_property
    def by_sea(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.legs["mode"] == "sea", dtype=np.bool_)

    @cached_property
    def by_air(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.legs["mode"] == "air", dtype=np.bool_)

    @cached_property
    def interceptor(self) -> IntArray:
        """Authority that stops attempts on a leg (the country at the head where the table names none)."""
        named = self.legs["interceptor"].fillna("").astype(str)
        country = [self.hub_country[h] for h in self.legs["head"]]
        chosen = [a if a else c for a, c in zip(named, country, strict=True)]
        return np.array([self._authority(a) for a in chosen], dtype=np.int64)

    @cached_property
    def receiver(self) -> IntArray:
        """Authority at the head of a leg."""
        return np.array([self._authority(self.hub_country[h]) for h in self.legs["head"]], dtype=np.int64)

    def _authority(self, country: str) -> int:
        return self.authorities.index(country)

    @cached_property
    def settles_in(self) -> IntArray:
        """Destination number of each hub, -1 outside the destinations."""
        numbers = {d: i for i, d in enumerate(self.destinations)}
        return np.array([numbers.get(c, -1) for c in self.hub_country], dtype=np.int64)

    @cached_property
    def origins(self) -> tuple[FloatArray, IntArray]:
        """Shares of each group's origin hubs (groups, origins) and the hubs' numbers, padded with zero shares."""
        table = self.world.origin_hubs
        most = int(table.groupby("origin_group").size().max())
        share = np.zeros((len(self.groups), most))
        hub = np.zeros((len(self.groups), most), dtype=np.int64)
        for g, group in enumerate(self.groups):
            rows = table[table["origin_group"] == group]
            share[g, : len(rows)] = rows["share"]
            hub[g, : len(rows)] = [self.hubs.index(h) for h in rows["hub"]]
            hub[g, len(rows) :] = hub[g, 0]
        return share, hub

    @cached_property
    def published_demand(self) -> dict[str, dict[int, float]]:
        """Published entry detections by origin group and year."""
        table = self.world.demand
        out: dict[str, dict[int, float]] = {}
        for group, year, number in zip(
            table["origin_group"], table["year"], table["detections"], strict=True
        ):
            out.setdefault(str(group), {})[int(year)] = float(number)
        return out

    def column(self, table: str, name: str) -> FloatArray:
        """A numeric column of `legs` (in leg order) or of another table, as floats."""
        frame = self.legs if table == "legs" else getattr(self.world, table)
        return np.array(frame[name], dtype=np.float64)
