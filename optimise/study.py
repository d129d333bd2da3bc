"""What a planner asks once there is a plan: what more would bring, what it is traded for, what it risks, what holds in the model.

A `Study` gathers a plan's own answers (`Plan.marginal_values`, `Plan.frontier`, `Plan.risks`, `Plan.information`) and, where asked,
those that need runs of the model (`Plan.simulated_prices`, `Plan.evaluate`), with the sentences that say them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import words
from .evaluation import Evaluation
from .stochastic import ValueOfInformation

if TYPE_CHECKING:
    from .plan import Plan

MOST = 8
"""Sentences of one kind that are told; the tables have all."""


@dataclass(frozen=True)
class Study:
    """Tables and sentences about a plan.

    Attributes
    ----------
    marginal_values : DataFrame
        As :meth:`.plan.Plan.marginal_values`.
    entry : DataFrame
        Staff that is not sent although it could be: of each type the place that lacks least, with what it lacks
        (``plan.reduced_costs``).
    frontier : DataFrame or None
        Between deaths and public cost, as :meth:`.plan.Plan.frontier`; None where one of them does not move.
    risks : DataFrame or None
        As :meth:`.plan.Plan.risks`; None where effects hold no runs from which scenarios could be drawn.
    information : ValueOfInformation or None
    simulated_prices : DataFrame or None
        As :meth:`.plan.Plan.simulated_prices`; None when the model was not asked.
    evaluation : Evaluation or None
        The plans of all objectives and the rules in fresh replicates; None when the model was not asked.
    notes : tuple of str
        What could not be had, and why.
    """

    marginal_values: pd.DataFrame
    entry: pd.DataFrame
    frontier: pd.DataFrame | None
    risks: pd.DataFrame | None
    information: ValueOfInformation | None
    simulated_prices: pd.DataFrame | None
    evaluation: Evaluation | None
    notes: tuple[str, ...] = ()

    @property
    def sections(self) -> dict[str, list[str]]:
        """Sentences under headings."""
        out: dict[str, list[str]] = {}
        worth = self.marginal_values[self.marginal_values["change"] < 0].sort_values("change", kind="stable")
        out["What more would bring"] = [str(text) for text in worth["words"].head(MOST)] or [
            "Nothing: more money, posts or time would not improve the plan."]
        if self.simulated_prices is not None:
            out["The same in the model, one unit more against the plan"] = [str(text) for text in self.simulated_prices["words"]]
        if len(self.entry):
            out["What would have to change for others to receive staff"] = [str(text) for text in self.entry["words"].head(MOST)]
        if self.frontier is not None:
            out["Deaths against public cost, each point the best there is"] = [str(text) for text in self.frontier["words"]]
        if self.risks is not None:
            out["What the plan risks, over scenarios of effects"] = _risks(self.risks, self.information)
        if self.evaluation is not None:
            out["In fresh replicates, against no additional staff"] = [_named(line) for line in str(self.evaluation).splitlines()]
        if self.notes:
            out["Not told"] = list(self.notes)
        return out

    def __str__(self) -> str:
        return "\n\n".join("\n".join([heading, *(f"  - {text}" for text in texts)]) for heading, texts in self.sections.items())

    def facts(self) -> dict[str, Any]:
        """Everything as plain values for a JSON file; what is not a number is None."""
        tables = {"marginal_values": self.marginal_values, "entry": self.entry, "frontier": self.frontier, "risks": self.risks,
                  "simulated_prices": self.simulated_prices,
                  "evaluation": None if self.evaluation is None else self.evaluation.table}
        out: dict[str, Any] = {name: None if table is None else json.loads(table.to_json(orient="records", double_precision=15))
                               for name, table in tables.items()}
        told = self.information
        out["information"] = None if told is None else {
            "perfect_information": told.perfect_information, "stochastic_solution": told.stochastic_solution}
        out["sections"] = self.sections
        return out


def study(
    plan: Plan, *, in_the_model: bool = True, units: float = 1.0, replicates: int | None = None, workers: int | None = None,
    progress: bool = True,
) -> Study:
    """Ask a plan everything.

    Parameters
    ----------
    in_the_model : bool
        Also set the main prices beside what one unit more does in the model, and value the plans of all objectives, in
        fresh replicates: some fifteen runs of the scenario a replicate.
    units : float
        Units by which each limit moves there.
    replicates : int, optional
        By default the scenario's.
    workers, progress
        For simulating.

    Returns
    -------
    Study
    """
    from .effects import EffectError
    from .frontier import FrontierError
    from .moves import MoveError

    notes = []
    frontier, risks, information, prices, evaluation = None, None, None, None, None
    try:
        frontier = plan.frontier("deaths", "cost_eur", 6)
    except FrontierError as error:
        notes.append(f"The frontier between deaths and public cost: {error}.")
    try:
        risks, information = plan.risks(), plan.information
    except (EffectError, ValueError) as error:
        notes.append(f"Risks: {error}.")
    if in_the_model and plan.scenario is not None:
        count = plan.scenario.replicates if replicates is None else replicates
        try:
            prices = plan.simulated_prices(units=units, replicates=count, workers=workers, progress=progress)
        except MoveError as error:
            notes.append(f"Prices in the model: {error}.")
        evaluation = plan.evaluate(objectives=risks is not None, replicates=count, workers=workers, progress=progress)
    return Study(plan.marginal_values(), _entry(plan), frontier, risks, information, prices, evaluation, tuple(notes))


def _entry(plan: Plan) -> pd.DataFrame:
    """Of each type and place without any staff the quarter that lacks least; of each type the nearest places."""
    costs = plan.reduced_costs
    sent = plan.table.groupby(["resource", "place"])["staff"].max()
    without = [key not in sent.index for key in zip(costs["resource"], costs["place"], strict=True)]
    costs = costs[np.array(without, dtype=bool)].sort_values(["points", "resource", "place", "quarter"], kind="stable")
    return costs.drop_duplicates("resource").reset_index(drop=True)


PLACED = {
    "expected": "Plan for the expected value", "cvar": "Plan for the worst scenarios (CVaR)", "regret": "Plan for the least regret",
    "robust": "Plan for effects at their worst (robust)", "plan": "The plan", "pro_rata": "By population", "greedy": "Greedy"}


def _named(line: str) -> str:
    """A line of an evaluation with its placement in words."""
    name, colon, rest = line.partition(":")
    return f"{PLACED.get(name, name)}{colon}{rest}"


RISKS = {"expected": "expected", "cvar": "in the worst scenarios (CVaR)", "worst": "at worst"}


def _risks(table: pd.DataFrame, information: ValueOfInformation | None) -> list[str]:
    names = {"plan": "The plan", "pro_rata": "By population", "proportional": "By measured work", "greedy": "Greedy"}
    out = []
    for row in table.to_dict("records"):
        told = ", ".join(f"{words.number(abs(row[column]))} points {'avoided' if row[column] <= 0 else 'added'} {text}"
                         for column, text in RISKS.items())
        out.append(f"{names.get(str(row['placement']), str(row['placement']))}: {told}.")
    if information is not None:
        out.append(f"Knowing every effect beforehand would be worth {words.number(information.perfect_information)} points (EVPI); "
                   f"reckoning with uncertainty rather than with means alone {words.number(max(0.0, information.stochastic_solution))} (VSS).")
    return out
