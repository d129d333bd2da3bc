"""What a sweep varies: the design file, read and checked like a scenario file.

A design crosses *policies* (scenarios, perhaps with fields laid over them) with *points* of factors (scenario fields by
dotted path) and *replicates*. Every run has the design's seed, so that runs of one replicate share their noise whatever
the policy and the point.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from ..scenarios import Problem, Scenario, ScenarioError, bundled, registry
from ..scenarios.checking import dotted, in_order, validated
from ..scenarios.loader import overlaid
from ..scenarios.problems import nearest
from ..scenarios.schema import Integer, Number, Slug, Text, invalid_fields
from ..scenarios.yaml_reader import Mark, Node, parse, read
from ..scenarios.yaml_writer import dump
from .field_paths import FieldPath, PathError, field_path, matching

if TYPE_CHECKING:
    import pandas as pd

Breakdown = Literal["route", "origin_group", "member_state", "leg", "full"]
Method = Literal["factorial", "latin_hypercube", "sobol", "morris"]

#: which options each method takes, and which of them it needs
OPTIONS: Final[Mapping[Method, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "factorial": (("levels",), ()),
    "latin_hypercube": (("points", "repeats", "seed"), ("points",)),
    "sobol": (("base_points", "second_order", "seed"), ("base_points",)),
    "morris": (("trajectories", "levels", "seed"), ("trajectories",)),
}
LEADS_OUT: Final = "leads out of the design's folder: put the file there, or below it"
MOST_POINTS: Final = 10_000_000
#: of a table of staff
MOST_BYTES: Final = 10_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Policy(_Part):
    """One policy: a scenario, fields laid over it, and perhaps an allocation of staff."""

    scenario: Text | None = Field(
        default=None, description="Bundled name, or a file as seen from the design (default: the design's)."
    )
    set_: dict[str, Any] = Field(
        default_factory=dict, alias="set", description="Fields of a scenario file laid over the scenario."
    )
    allocation: Text | None = Field(
        default=None,
        description="allocation.csv of a plan (columns resource, place, quarter, staff), as seen from the design.",
    )


def _named(value: Any) -> Any:
    return {"scenario": value} if isinstance(value, str) else value


def _nothing(value: Any) -> Any:
    return {} if value is None else value


class Factor(_Part):
    """The values that one field takes."""

    low: Number | None = Field(default=None, description="Lower end of the range (default: the registry's).")
    high: Number | None = Field(default=None, description="Upper end of the range (default: the registry's).")
    values: list[StrictBool | int | float | str | list[str]] | None = Field(
        default=None, min_length=1, max_length=1000, description="The values themselves, instead of a range."
    )
    distribution: Literal["uniform", "log_uniform", "triangular"] = Field(
        default="uniform",
        description="How points spread over the range; triangular: with its mode at the registry's value.",
    )
    levels: Integer | None = Field(
        default=None, ge=2, le=1000, description="Evenly spaced values in a factorial design (default: 3)."
    )
    group: Slug | None = Field(
        default=None, description="Factors of one group are moved together in Sobol and Morris designs."
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Factor:
        found: list[tuple[str, str]] = []
        if self.values is not None:
            found += [
                (name, "a factor has either `values` or a range, not both")
                for name in ("low", "high", "levels")
                if getattr(self, name) is not None
            ]
            if len({json.dumps(value) for value in self.values}) < len(self.values):
                found.append(("values", "a value is given twice"))
        elif self.low is not None and self.high is not None and self.low >= self.high:
            found.append(("high", f"expected more than `low` ({self.low:g}), got {self.high:g}"))
        if self.distribution == "log_uniform" and self.low is not None and self.low <= 0:
            found.append(("low", f"a log-uniform range lies above zero, got {self.low:g}"))
        if found:
            raise invalid_fields(found)
        return self


class Sampling(_Part):
    """How the points are chosen."""

    method: Method = Field(
        default="factorial",
        description="factorial: every combination. latin_hypercube: space-filling. sobol: Saltelli's scheme for "
        "variance-based indices. morris: trajectories for elementary effects.",
    )
    levels: Integer | None = Field(
        default=None,
        ge=2,
        le=1000,
        description="factorial: values of a range that says nothing else (3). morris: grid levels, even (4).",
    )
    points: Integer | None = Field(default=None, ge=1, le=MOST_POINTS, description="latin_hypercube: number of points.")
    repeats: Integer | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="latin_hypercube: so many independent hypercubes of `points` (1). Raise it to extend a sweep.",
    )
    base_points: Integer | None = Field(
        default=None,
        ge=1,
        le=MOST_POINTS,
        description="sobol: base points N, a power of two; N x (factors + 2) points in all. Raise it to extend a sweep.",
    )
    second_order: bool | None = Field(
        default=None, description="sobol: also second-order indices, N x (2 x factors + 2) points (false)."
    )
    trajectories: Integer | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="morris: trajectories r; r x (factors + 1) points in all. Raise it to extend a sweep.",
    )
    seed: Integer | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Seed of the points, not of the runs (0)."
    )

    @model_validator(mode="after")
    def _fits_the_method(self) -> Sampling:
        allowed, needed = OPTIONS[self.method]
        found: list[tuple[str, str]] = []
        for name in type(self).model_fields:
            if name != "method" and getattr(self, name) is not None and name not in allowed:
                users = ", ".join(method for method, (names, _) in OPTIONS.items() if name in names)
                found.append((name, f"{self.method} does not take this ({users} does)"))
        found += [
            (name, f"{self.method} needs this number") for name in needed if getattr(self, name) is None
        ]
        n = self.base_points
        if n is not None and n & (n - 1):
            found.append(("base_points", f"expected a power of two such as {1 << n.bit_length()}, got {n}"))
        if self.method == "morris" and self.levels is not None and self.levels % 2:
            found.append(("levels", f"expected an even number, got {self.levels}"))
        if found:
            raise invalid_fields(found)
        return self


class DesignFile(_Part):
    """A design as its file says it."""

    name: Slug = Field(description="Short name in lower case (default: the file's name).")
    title: Text = Field(default="", description="Title for people.")
    question: Text = Field(default="", description="What the sweep is to answer.")
    description: Text = Field(default="", description="What is varied and why.")
    scenario: Text = Field(
        default="baseline-2025", description="Where all policies start: a bundled name, or a file as seen from the design."
    )
    set_: dict[str, Any] = Field(
        default_factory=dict, alias="set", description="Fields of a scenario file laid over every policy's scenario."
    )
    policies: dict[Slug, Annotated[Policy, BeforeValidator(_nothing), BeforeValidator(_named)]] = Field(
        default_factory=dict,
        max_length=1000,
        description="What is compared, by name (default: the scenario alone, under its own name).",
    )
    factors: dict[str, Annotated[Factor, BeforeValidator(_nothing)]] = Field(
        default_factory=dict,
        max_length=10_000,
        description="What is varied: dotted paths such as levers.penalties.intensity, events[0].factor, "
        "uncertainties.parameters.fees.markup, or uncertainties.parameters.fees.* for all of them.",
    )
    sampling: Sampling = Field(default_factory=Sampling, description="How points are chosen.")
    replicates: Integer | None = Field(
        default=None, ge=1, le=100_000, description="Runs of every point and policy (default: the scenario's)."
    )
    seed: Integer | None = Field(
        default=None, ge=0, le=2**63 - 1, description="Seed of all runs (default: the scenario's)."
    )
    keep: list[Breakdown] = Field(
        default_factory=list,
        description="Breakdowns kept beside monthly totals: route, origin_group, member_state, leg; full: every row.",
    )

    @model_validator(mode="after")
    def _keeps_once(self) -> DesignFile:
        if len(set(self.keep)) < len(self.keep):
            raise invalid_fields([("keep", "a name is given twice")])
        return self


@dataclass(frozen=True)
class Varied:
    """A factor with everything filled in.

    Attributes
    ----------
    path : FieldPath
    low, high : float
        Ends of the range (0 and the number of values for a list of values).
    values : tuple or None
        The values, when they are listed.
    mode : float
        Mode of a triangular distribution.
    distribution : str
    group : str
        Name of the group; the path when the factor stands by itself.
    levels : int or None
    """

    path: FieldPath
    low: float
    high: float
    values: tuple[Any, ...] | None
    mode: float
    distribution: str
    group: str
    levels: int | None

    @property
    def name(self) -> str:
        return self.path.text


@dataclass(frozen=True)
class PolicyRun:
    """A policy as it runs: its scenario with everything laid over it, and additional staff."""

    name: str
    scenario: Scenario
    allocation: pd.DataFrame | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Design:
    """A design that has been read, checked against its scenarios, and filled in.

    Attributes
    ----------
    file : DesignFile
        As written.
    policies : tuple of PolicyRun
        In the order of the file, with the design's seed.
    factors : tuple of Varied
        In the order of the file, patterns spelled out.
    replicates, seed : int
    """

    file: DesignFile
    policies: tuple[PolicyRun, ...]
    factors: tuple[Varied, ...]
    replicates: int
    seed: int

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def keep(self) -> tuple[str, ...]:
        return tuple(self.file.keep)

    def problem(self) -> dict[str, Any]:
        """The factors as SALib's problem, on the unit cube: points are drawn there and carried over to the ranges."""
        names = [factor.name for factor in self.factors]
        problem: dict[str, Any] = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
        if any(factor.group != factor.name for factor in self.factors):
            problem["groups"] = [factor.group for factor in self.factors]
        return problem

    def resolved(self) -> dict[str, Any]:
        """Plain values that say everything which decides the runs: what is kept in a store."""
        return {
            "design": self.file.model_dump(mode="json", by_alias=True, exclude_none=True),
            "policies": {
                policy.name: {
                    "scenario": policy.scenario.model_dump(mode="json", by_alias=True, exclude_none=True),
                    "allocation": None
                    if policy.allocation is None
                    else policy.allocation.to_dict(orient="list"),
                }
                for policy in self.policies
            },
            "replicates": self.replicates,
            "seed": self.seed,
        }

    @classmethod
    def from_resolved(cls, content: Mapping[str, Any]) -> Design:
        """The design that `resolved` told: needs none of the files that it was read from."""
        file = DesignFile.model_validate(content["design"])
        policies = []
        for name, told in content["policies"].items():
            allocation = told["allocation"]
            if allocation is not None:
                import pandas as pd

                allocation = pd.DataFrame(allocation)
            policies.append(PolicyRun(name, Scenario.model_validate(told["scenario"]), allocation))
        explicit = set(file.factors)
        factors = [one for text, factor in file.factors.items() for one in _spelled_out(text, factor, explicit)]
        return cls(file, tuple(policies), tuple(factors), content["replicates"], content["seed"])

    def to_yaml(self) -> str:
        """The design as a file; scenarios and allocations are named as in the original."""
        return dump(self.file.model_dump(mode="json", by_alias=True, exclude_none=True))


def over_scenario(scenario: Scenario, factors: Mapping[str, Any]) -> list[Varied]:
    """Factors, as a design's file says them, over a scenario that need not have a file.

    Raises
    ------
    ScenarioError
        With everything that is wrong with them.
    """
    root, problems = parse(dump({"factors": dict(factors)}).encode(), "factors")
    _mapping(root)["name"] = Node("factors", Mark("factors", 1, 1))
    written, found = validated(DesignFile, root, [], "factors")
    problems = [*problems, *found]
    filled: list[Varied] = []
    if written is not None and not problems:
        filled, problems = _factors(written, root, [PolicyRun(scenario.name, scenario)])
    if problems:
        raise ScenarioError([Problem(p.file, 0, 0, p.path, p.message, p.suggestion) for p in problems])
    return filled


def bundled_designs() -> list[str]:
    """Names of the designs that come with the package."""
    return sorted(path.stem for path in _bundled_folder().glob("*.yaml"))


def bundled_design_path(name: str) -> Path:
    """The file of a bundled design, for reading."""
    return _bundled_folder() / f"{name}.yaml"


@functools.lru_cache(maxsize=1)
def _bundled_folder() -> Path:
    return Path(str(resources.files(__package__) / "bundled_designs"))


def load_design(design: str | Path | Mapping[str, Any] | Design) -> Design:
    """Read a design.

    Parameters
    ----------
    design : str, Path or mapping
        A bundled name (see `bundled_designs`), a YAML file, or the same fields as plain values (scenario files are then
        seen from the working folder).

    Returns
    -------
    Design

    Raises
    ------
    ScenarioError
        With every problem found, each with file, line and column.
    """
    if isinstance(design, Design):
        return design
    if isinstance(design, Mapping):
        root, problems = parse(dump(dict(design)).encode(), "design")
        read_design, found = _examine(root, problems, "design", Path(), "design")
        found = [Problem(p.file, 0, 0, p.path, p.message, p.suggestion) for p in found]
    else:
        path = _located(design)
        root, problems = read(path)
        read_design, found = _examine(root, problems, str(path), path.parent, path.stem.lower().replace(" ", "-"))
    if read_design is None or found:
        raise ScenarioError(found)
    return read_design


def check_design(path: str | Path) -> list[Problem]:
    """Every problem of a design file; an empty list when there is none."""
    try:
        load_design(path)
    except ScenarioError as error:
        return error.problems
    return []


def is_design(path: str | Path) -> bool:
    """Whether a file has a field that designs have and scenarios have not."""
    try:
        root, _ = read(Path(path))
    except ScenarioError:
        return False
    assert isinstance(root.value, dict)
    return bool({"factors", "policies", "sampling", "scenario", "set", "keep"} & set(root.value))


def _located(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in bundled_designs():
        return bundled_design_path(text)
    path = Path(name_or_path)
    if path.suffix.lower() not in (".yaml", ".yml") and not _is_file(path):
        message = f"no bundled design and no file of this name; bundled are {', '.join(bundled_designs())}"
        raise ScenarioError([Problem(text[:200], 0, 0, "", message, nearest(text[:200], bundled_designs()))])
    return path


# ---------------------------------------------------------------------------------------------- checking


def _examine(
    root: Node, problems: list[Problem], file: str, folder: Path, name: str
) -> tuple[Design | None, list[Problem]]:
    top = _mapping(root)
    top.setdefault("name", Node(name, Mark(file, 1, 1)))
    for empty in [key for key, node in top.items() if node.value is None]:
        del top[empty]
    read_file, found = validated(DesignFile, root, [], file)
    problems = [*problems, *found]
    if read_file is None or problems:
        return None, in_order(problems, file)
    policies, found = _policies(read_file, root, file, folder)
    problems += found
    if problems:
        return None, in_order(problems, file)
    factors, found = _factors(read_file, root, policies)
    problems += found
    if problems:
        return None, in_order(problems, file)
    base = policies[0].scenario
    return Design(read_file, tuple(policies), tuple(factors), read_file.replicates or base.replicates, base.seed), []


def _mapping(node: Node) -> dict[str, Node]:
    assert isinstance(node.value, dict)
    return node.value


def _child(node: Node, *keys: str) -> Node | None:
    for key in keys:
        if not isinstance(node.value, dict) or key not in node.value:
            return None
        node = node.value[key]
    return node


def _said(node: Node | None, file: str, path: Sequence[str | int], message: str, hint: str | None = None) -> Problem:
    mark = Mark(file, 1, 1) if node is None else node.key_mark or node.mark
    return Problem(mark.file, mark.line, mark.column, dotted(tuple(path)), message, hint)


def _policies(
    written: DesignFile, root: Node, file: str, folder: Path
) -> tuple[list[PolicyRun], list[Problem]]:
    found: list[PolicyRun] = []
    problems: list[Problem] = []
    seed: int | None = written.seed
    for name, policy in (written.policies or {"": Policy()}).items():
        node = _child(root, "policies", name)
        wanted = policy.scenario or written.scenario
        where = (_child(root, "policies", name, "scenario") if policy.scenario else _child(root, "scenario")) or node
        source = wanted if wanted in bundled() else folder / wanted
        if wanted not in bundled() and not _inside(folder, wanted):
            problems.append(_said(where, file, ("policies", name, "scenario"), f"'{wanted[:80]}' {LEADS_OUT}"))
            continue
        if wanted not in bundled() and not _is_file(folder / wanted):
            message = f"no bundled scenario and no file '{wanted[:80]}' beside the design; bundled are {', '.join(bundled())}"
            problems.append(_said(where, file, ("policies", name, "scenario"), message, nearest(wanted, bundled())))
            continue
        overlays = [n for n in (_child(root, "set"), _child(root, "policies", name, "set")) if n is not None]
        refused = [
            _said(_child(overlay, key), file, ("set", key), "a sweep sets this itself; write it at the top of the design")
            for overlay in overlays
            for key in ("seed", "replicates", "extends", "name")
            if key in _mapping(overlay)
        ]
        scenario, wrong = overlaid(source, overlays)
        problems += refused + wrong
        if scenario is None:
            continue
        if seed is None:
            seed = scenario.seed
        allocation, told = _allocation(policy, folder)
        if told:
            problems.append(_said(_child(root, "policies", name, "allocation"), file, ("policies", name, "allocation"), told))
        found.append(PolicyRun(name or scenario.name, scenario.model_copy(update={"seed": seed}), allocation))
    return found, problems


def _inside(folder: Path, wanted: str) -> bool:
    """Whether a path as written in a design stays in its folder, links followed: a design from elsewhere reads nothing else."""
    try:
        return (folder / wanted).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a name too long, with a NUL, or a ring of links: nothing there to be read
        return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False


def _allocation(policy: Policy, folder: Path) -> tuple[pd.DataFrame | None, str]:
    if policy.allocation is None:
        return None, ""
    import pandas as pd

    if not _inside(folder, policy.allocation):
        return None, LEADS_OUT
    path = folder / policy.allocation
    try:
        if path.exists() and not path.is_file():  # a device or a pipe would never end
            return None, "cannot be read: not an ordinary file"
        if path.exists() and path.stat().st_size > MOST_BYTES:
            return None, f"cannot be read: larger than {MOST_BYTES:,} bytes; a plan is some kilobytes"
        frame = pd.read_csv(path, compression=None)
    except (OSError, ValueError) as error:
        return None, f"cannot be read: {getattr(error, 'strerror', None) or error}"
    wanted = ["resource", "place", "quarter", "staff"]
    missing = [column for column in wanted if column not in frame]
    if missing:
        return None, f"the table lacks the column(s) {', '.join(missing)}"
    if "run" in frame and frame["run"].nunique() > 1:
        return None, f"the table holds the plans of several runs ({', '.join(sorted(set(frame['run'])))}); keep one"
    return frame[wanted], ""


def _factors(
    written: DesignFile, root: Node, policies: Sequence[PolicyRun]
) -> tuple[list[Varied], list[Problem]]:
    problems: list[Problem] = []
    explicit = set(written.factors)
    filled: dict[str, Varied] = {}
    plain = {policy.name: as_plain(policy.scenario) for policy in policies}
    for text, factor in written.factors.items():
        node = _child(root, "factors", text)
        try:
            for one in _spelled_out(text, factor, explicit):
                filled[one.name] = one
                problems += [
                    _said(node, "", ("factors", one.name), message) for message in _misfits(one, plain)
                ]
        except PathError as error:
            problems.append(_said(node, "", ("factors", text), str(error), error.suggestion))
    return list(filled.values()), problems


def _spelled_out(text: str, factor: Factor, explicit: set[str]) -> Iterator[Varied]:
    if text.endswith("*"):
        names = [name for name in matching(text) if name not in explicit]
        if not names:
            raise PathError(
                "no parameter of the registry with a range matches; a pattern is such as uncertainties.parameters.fees.*"
            )
        if factor.values is not None or factor.low is not None or factor.high is not None:
            raise PathError("a pattern takes the registry's ranges: it has no `low`, `high` or `values` of its own")
        for name in names:
            yield _filled(field_path(name), factor)
    else:
        yield _filled(field_path(text), factor)


def _filled(path: FieldPath, factor: Factor) -> Varied:
    group = factor.group or path.text
    if factor.values is not None:
        count = float(len(factor.values))
        return Varied(path, 0.0, count, tuple(factor.values), 0.0, "uniform", group, len(factor.values))
    row = registry()[path.parameter] if path.parameter is not None else None
    low = factor.low if factor.low is not None else row.low if row is not None else None
    high = factor.high if factor.high is not None else row.high if row is not None else None
    if path.kind not in ("number", "whole number"):
        raise PathError(f"this field holds {_article(path.kind)}: list its `values`")
    if low is None or high is None:
        raise PathError("expected `low` and `high`, or `values`")
    if low >= high:
        raise PathError(f"the range is empty ({low:g} to {high:g}): give `low` and `high`")
    if factor.distribution == "log_uniform" and low <= 0:
        raise PathError(f"a log-uniform range lies above zero, got {low:g}")
    mode = row.value if row is not None else (low + high) / 2
    return Varied(path, low, high, None, min(max(mode, low), high), factor.distribution, group, factor.levels)


def _article(kind: str) -> str:
    return kind if kind.startswith("true") else f"a {kind}"


def _misfits(factor: Varied, plain: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Why a value cannot stand at its place in some policy."""
    reaching = [name for name, scenario in plain.items() if factor.path.reach(scenario)]
    if not reaching:
        above = dotted(factor.path.place[:-1])
        yield f"no policy has `{above}`: lay it over a policy with `set`, so that there is something to vary"
    extremes = (factor.low, factor.high) if factor.values is None else factor.values
    seen: set[str] = set()
    for name in reaching:
        for value in extremes:
            whole = factor.path.kind == "whole number" and isinstance(value, float)
            message = misfit(plain[name], [(factor, round(value) if whole else value)])
            if message and message not in seen:
                seen.add(message)
                yield f"the value {value} does not fit policy {name}: {message}"


def misfit(scenario: Mapping[str, Any], values: Iterable[tuple[Varied, Any]]) -> str:
    """What is wrong with a scenario of plain values once factors have their values; empty when nothing is."""
    try:
        with_values(scenario, values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = tuple(part for part in first["loc"] if not str(part).startswith("#"))
        return f"{dotted(place)}: {first['msg']}"
    return ""


def with_values(scenario: Mapping[str, Any], values: Iterable[tuple[Varied, Any]]) -> Scenario:
    """A scenario of plain values with factors set.

    Raises
    ------
    pydantic.ValidationError
        When the values do not go together.
    """
    changed: dict[str, Any] = json.loads(json.dumps(scenario))
    for factor, value in values:
        factor.path.put(changed, value)
    return Scenario.model_validate(changed)


def as_plain(scenario: Scenario) -> dict[str, Any]:
    """The scenario as a file would say it: texts, numbers, lists and mappings."""
    return scenario.model_dump(mode="json", by_alias=True, exclude_none=True)

