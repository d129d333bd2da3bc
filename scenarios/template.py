"""A commented starter file, from which a policy option is written by uncommenting and editing."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from .levers import LEVERS
from .loader import bundled, load

SCHEMA_FILE: Final = "countersmuggling.schema.json"
"""Name of the schema file that editors find beside a scenario file (its first line names it)."""

_EXAMPLES: Final = {
    "prosecution": "",
    "penalties": "floor_basic_years: 3, floor_aggravated_years: 10, floor_death_years: 15",
    "jurisdiction": "",
    "member_state_capacity": "member_states: [GRC, ITA]",
    "data_reporting": "",
    "europol_centre": "",
    "interagency_cooperation": "",
    "information_sharing": "",
    "europol_deployments": "posts: 20, reserve_pool: 10",
    "task_forces": "number: 5",
    "financial_investigation": "",
    "biometrics": "kits: 40",
    "partner_cooperation": "partners: [TUN, MAR]",
    "campaigns": "origin_groups: [all]",
    "root_causes": "origin_groups: [all]",
    "legal_pathways": "places_per_year: 20000, origin_groups: [all]",
    "search_and_rescue": "routes: [CMED]",
    "transport_and_visa": "partners: [SRB]",
}

_HEAD: Final = """\
# yaml-language-server: $schema={schema}
# The line above gives completion and explanations in editors; `countersmuggling check` finds what is wrong.
# Everything not written here comes from the scenario named by `extends`. Remove the '#' before what you want to change;
# write `null` to drop something inherited. Dates are year-month-day; only true and false are yes and no.
title: {title}
question: >-
  Write here, in one sentence, what has to be decided.
extends: {base}

"""

_TAIL: Final = """\

# What is not known. Names, units, ranges and sources of all parameters: the evidence registry.
uncertainties:
#  draw: ranges                 # each replicate draws from the plausible ranges; central: no draw
#  demand_growth_per_year: 0.02

# Points per unit of each outcome; the plan minimises their sum (cost_eur: 1e-6 makes a point worth EUR 1 million).
outcomes:
#  deaths: {{weight: 4}}

# What a plan may use.
resources:
#  posts:
#    analyst: {{available: 20, from: {on}, hire_lead_quarters: 1, hires_per_quarter: 5}}
#  budgets:
#    europol: {{{year}: 5000000}}
#  hosts:
#    GRC: {{absorb: 30, minimum: {{analyst: 1}}}}

# What happens, whatever the policy.
#events:
#  - {{kind: demand_shock, on: {on}, off: {end}, origin_groups: [all], factor: 1.3}}

#replicates: 16
#seed: 1
"""


def template(base: str = "baseline-2025", *, title: str = "My option", schema: str = SCHEMA_FILE) -> str:
    """Text of a starter scenario file.

    Parameters
    ----------
    base
        Scenario to extend: a bundled name, or a file in the folder where the new file will stand.
    title
        Title of the new scenario.
    schema
        Path of the JSON Schema as seen from the new file.

    Raises
    ------
    ScenarioError
        When the base does not exist or is not valid.
    """
    scenario = load(base)
    horizon, levers = scenario.horizon, scenario.levers.active()
    name = base if base in bundled() else Path(base).name
    on = max(horizon.start, min(horizon.end, horizon.start.replace(month=7, day=1)))
    lines = ["# Policy instruments: first day, ramp in days, intensity (1 = as proposed).", "levers:"]
    for lever, info in LEVERS.items():
        state = " (already on in the base)" if lever in levers else ""
        lines.append(f"# {info.title}{state}: {info.proposal}")
        more = f", {_EXAMPLES[lever]}" if _EXAMPLES[lever] else ""
        lines.append(f"#  {lever}: {{on: {on}, ramp_days: 180, intensity: 1{more}}}")
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    head = _HEAD.format(schema=schema, title=f'"{quoted}"', base=name)
    what = textwrap.fill(
        f"From {name}: {scenario.title}. {horizon.start} to {horizon.end}.",
        width=108, initial_indent="# ", subsequent_indent="# ",
    )  # fmt: skip
    return head + what + "\n" + "\n".join(lines) + "\n" + _TAIL.format(on=on, end=horizon.end, year=on.year)
