"""What `run`, `compare` and `optimise` print: aligned text in characters that every console has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import plan_words
from .terminal import coloured

if TYPE_CHECKING:
    from .results import Results


def table(found: Results, stream: Any = None) -> str:
    """Aligned text: levels of one run, or changes of every run against the first.

    Parameters
    ----------
    found : Results
    stream : text stream, optional
        Where it will be printed: a terminal gets colours.
    """
    from . import summarising, wording

    months = summarising.months(found.outcomes)
    replicates = f"{found.replicates} replicate{'s' if found.replicates > 1 else ''}"
    head = [f"{wording.period(months[0], months[-1])}, {replicates}"]
    head = [*wording.questions(found.runs), *head]
    told = _changes(found, stream) if len(found.runs) > 1 else _levels(found)
    return _plain("\n".join([*head, "", *told, *_attributed(found), *plan_words.told(found)]))


def _levels(found: Results) -> list[str]:
    from ..scenarios import OUTCOMES
    from . import summarising, wording

    table = summarising.by_key(found.summary(), "outcome")
    rows = [("", "mean", "5th to 95th pct.", "")]
    for name in wording.TOLD:
        row, info = table[name], OUTCOMES[name]
        divisor, unit = wording.scale_of(info.unit, float(row["mean"]))
        low, high = (wording.number(float(row[k]) / divisor) for k in ("p05", "p95"))
        spread = f"{low} to {high}" if found.replicates > 1 and low != high else ""
        rows.append(
            (info.title, wording.number(float(row["mean"]) / divisor), spread, _unit(info.kind, unit))
        )
    return _aligned(rows, "<>>< ")


def _changes(found: Results, stream: Any) -> list[str]:
    from ..scenarios import OUTCOMES
    from . import summarising, wording

    lines: list[str] = []
    # the report has all pairs; here what was asked: options against the baseline, plans against the same posts pro rata
    pairs = [(run, found.runs[0]) for run in found.runs if run.role == "option"]
    for run in found.runs:
        if run.role == "plan":
            pairs += [(run, o) for o in found.runs if o.of == run.of and o.role in ("baseline", "pro_rata", "static", "alone", "own", "truth")]
    for run, against in pairs:
        table = summarising.by_key(found.difference(run.key, against.key), "outcome")
        rows = [("", "before", "after", "change", "95 % interval", "", "")]
        judged = [""]
        for name in wording.TOLD:
            if name not in table:
                continue
            row, info = table[name], OUTCOMES[name]
            sizes = [float(row[k]) for k in ("against_mean", "run_mean", "difference")]
            divisor, unit = wording.scale_of(info.unit, *sizes)
            before, after, mean = (v / divisor for v in sizes)
            low, high = float(row["low"]) / divisor, float(row["high"]) / divisor
            size = None if math.isnan(low) else max(abs(low), abs(high))
            bounds = (
                ""
                if size is None
                else f"{wording.number(low, size, True)} to {wording.number(high, size, True)}"
            )
            rows.append(
                (info.title, wording.number(before), wording.number(after), wording.number(mean, size, True),
                 bounds if row["verdict"] != "unchanged" else "", _unit(info.kind, unit), str(row["verdict"]))
            )  # fmt: skip
            judged.append(wording.good(row))
        heading = f"{found.names[run.key]}  against  {found.names[against.key]}"
        told = [
            _verdict(line, row[-1], good, stream) for line, row, good in zip(_aligned(rows, "<>>>><<"), rows, judged, strict=True)
        ]
        lines += [coloured(heading, "bold", stream), *told, ""]
    return lines[:-1]


def _verdict(line: str, verdict: str, judged: str, stream: Any) -> str:
    """The last word of a line in green or red, where it is clearly for better or worse."""
    colour = {"better": "green", "worse": "red"}.get(judged)
    if colour is None or not verdict or not line.endswith(verdict):
        return line
    return line[: len(line) - len(verdict)] + coloured(verdict, colour, stream)


def _attributed(found: Results) -> list[str]:
    """What each lever adds, averaged over the orders in which levers can be brought in."""
    from ..scenarios import OUTCOMES
    from . import wording

    if found.attribution is None:
        return []
    table = found.attribution
    rows = [("", "lever", "adds", "95 % interval", "")]
    for name in wording.TOLD:
        own = table[table["outcome"] == name].reset_index(drop=True)
        divisor, unit = wording.scale_of(OUTCOMES[name].unit, float(own["part"].abs().max()))
        for n, lever in enumerate(own["lever"]):
            part, low, high = (float(own[c].iloc[n]) / divisor for c in ("part", "low", "high"))
            size = None if math.isnan(low) else max(abs(low), abs(high))
            bounds = (
                ""
                if size is None
                else f"{wording.number(low, size, True)} to {wording.number(high, size, True)}"
            )
            title = OUTCOMES[name].title if n == 0 else ""
            rows.append((title, str(lever).replace("_", " "), wording.number(part, size, True), bounds, unit))
    option = next(run for run in found.runs if run.role == "option")
    return [
        "",
        f"What each lever adds in {found.names[option.key]} (Shapley values)",
        *_aligned(rows, "<<>><"),
    ]


def _unit(kind: str, unit: str) -> str:
    return f"{unit} (mean over months)" if kind == "stock" else unit


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return [
        "  " + "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=False)).rstrip()
        for row in rows
    ]


def _plain(text: str) -> str:
    """Characters that every console has."""
    from . import wording

    return text.replace(wording.MINUS, "-").replace(wording.THIN, " ").replace("\N{EN DASH}", "-")
