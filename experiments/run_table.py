"""Every run of a design: which point, replicate and policy it is, and the name that its content gives it."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ..model.replicates import Job
from ..model.source import source_hash
from ..scenarios import Scenario
from ..scenarios.checking import dotted
from . import sampling
from .designs import Design, as_plain, with_values

#: part of every name: raised when the meaning of what is stored changes
FORMAT = 1
#: texts for people, and how many replicates there are, leave a run as it is
NOT_IN_NAMES = frozenset(("name", "title", "question", "description", "extends", "replicates"))

RunFunction = Callable[[Job], Any]


class PointError(ValueError):
    """A point whose values do not go together; the message is for the user."""


@dataclass(frozen=True)
class Planned:
    """One run: its name and all that it needs."""

    run_id: str
    job: Job


@dataclass(frozen=True)
class RunTable:
    """The rows of a design: points, below them replicates, below them policies.

    Policies of one point and replicate stand beside one another: they share demand and noise, and a worker that runs
    them in turn prepares both once.

    Attributes
    ----------
    design : Design
    function : str
        Name of what is done with a job; empty for a run of the model.
    """

    design: Design
    function: str = ""

    def __len__(self) -> int:
        return sampling.number_of_points(self.design) * self.group

    @property
    def group(self) -> int:
        """Rows of one point."""
        return self.design.replicates * len(self.design.policies)

    def different_runs(self) -> int:
        """Number of different runs: a factor that a policy does not use leaves the policy's run as it is.

        Counted from the values, without making the scenarios.
        """
        count = 0
        for policy in self._policies:
            used = [factor.name for factor in self.design.factors if factor.path.reach(policy)]
            count += len(self.points[used].drop_duplicates()) if used else 1
        return count * self.design.replicates

    @cached_property
    def points(self) -> pd.DataFrame:
        """Values of the factors: index point, one column a factor."""
        return sampling.points(self.design)

    @cached_property
    def _values(self) -> list[list[Any]]:
        return sampling.point_values(self.design)

    @cached_property
    def _policies(self) -> list[dict[str, Any]]:
        return [as_plain(policy.scenario) for policy in self.design.policies]

    @cached_property
    def _allocations(self) -> list[bytes]:
        return [
            b"" if policy.allocation is None else policy.allocation.to_csv(index=False).encode()
            for policy in self.design.policies
        ]

    @cached_property
    def _resolved(self) -> OrderedDict[tuple[int, int], tuple[Scenario, bytes]]:
        return OrderedDict()

    def place(self, row: int) -> tuple[int, int, int]:
        """Point, replicate and number of the policy of a row."""
        point, rest = divmod(row, self.group)
        return point, *divmod(rest, len(self.design.policies))

    def scenario(self, point: int, policy: int) -> Scenario:
        """What a policy assumes at a point.

        Raises
        ------
        PointError
            When values of several factors do not go together.
        """
        return self._resolve(point, policy)[0]

    def _resolve(self, point: int, policy: int) -> tuple[Scenario, bytes]:
        known = self._resolved.get((point, policy))
        if known is not None:
            return known
        values = [(f, column[point]) for f, column in zip(self.design.factors, self._values, strict=True)]
        try:
            scenario = with_values(self._policies[policy], values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = dotted(tuple(part for part in first["loc"] if not str(part).startswith("#")))
            above = where.rpartition(".")[0]
            near = ", ".join(f"{f.name} = {value}" for f, value in values if f.name.startswith(above))
            raise PointError(
                f"point {point} does not fit policy {self.design.policies[policy].name}: {where}: {first['msg']} ({near})"
            ) from None
        told = {k: v for k, v in as_plain(scenario).items() if k not in NOT_IN_NAMES}
        digest = hashlib.sha256(f"{FORMAT}\0{source_hash()}\0{self.function}\0".encode())
        digest.update(json.dumps(told, sort_keys=True).encode() + b"\0" + self._allocations[policy])
        self._resolved[point, policy] = found = scenario, digest.digest()
        while len(self._resolved) > 2 * len(self.design.policies):
            self._resolved.popitem(last=False)
        return found

    def run_id(self, row: int) -> str:
        """Name of a row's run: 32 hexadecimal digits from scenario, staff, replicate and source."""
        point, replicate, policy = self.place(row)
        known = self._resolve(point, policy)[1]
        return hashlib.sha256(known + replicate.to_bytes(8, "big")).hexdigest()[:32]

    def planned(self, row: int) -> Planned:
        """A row's run with its job."""
        point, replicate, policy = self.place(row)
        chosen = self.design.policies[policy]
        label = chosen.name if not self.design.factors else f"{chosen.name} at point {point}"
        return Planned(self.run_id(row), Job(self.scenario(point, policy), replicate, chosen.allocation, label))

    def rows_of_shard(self, number: int, of: int) -> Iterator[int]:
        """Rows of one share of the work: every `of`-th point and replicate with all its policies."""
        width = len(self.design.policies)
        for group in range(number, len(self) // width, of):
            yield from range(group * width, (group + 1) * width)

    def frame(self, rows: Iterable[int]) -> pd.DataFrame:
        """Columns run_id, policy, point, replicate for some rows."""
        found = [(self.run_id(row), *self.place(row)) for row in rows]
        ids, points, replicates, policies = zip(*found, strict=True) if found else ((), (), (), ())
        names = [policy.name for policy in self.design.policies]
        return pd.DataFrame(
            {
                "run_id": pd.Series(ids, dtype="str"),
                "policy": pd.Categorical.from_codes(np.asarray(policies, dtype=np.int64), categories=pd.Index(names)),
                "point": np.asarray(points, dtype=np.int32),
                "replicate": np.asarray(replicates, dtype=np.int32),
            }
        )

    @cached_property
    def design_id(self) -> str:
        """Name of the design with everything that decides its runs."""
        # in the order of the file: rows of the table are numbered by it
        told = json.dumps(self.design.resolved(), default=str)
        return hashlib.sha256(f"{FORMAT}\0{source_hash()}\0{self.function}\0{told}".encode()).hexdigest()[:16]
