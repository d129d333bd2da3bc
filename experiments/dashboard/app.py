"""The page: what is asked on the left, the option in the middle, the answer below."""

from __future__ import annotations

import base64
import datetime as dt
import html
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ...model.kept_runs import KeptRuns, cache_folder, keeping
from ...scenarios import LEVERS, OUTCOMES, RESOURCES, Scenario, bundled, load, world
from .. import summarising, wording
from ..comparing import comparable
from ..ending import told
from ..results import Results
from . import scenario_text as texts
from . import working

LEAD = (
    "Compare an option with today's arrangement in a simulation of routes, smuggling networks and authorities. It compares options "
    "under stated assumptions; it does not forecast arrivals, and fewer arrivals are never by themselves the aim."
)
#: less empty space than Streamlit leaves, and nothing cut off
CLOSER = (
    "<style>.stMainBlockContainer {padding-top: 2.2rem; padding-bottom: 3rem; max-width: 1180px} "
    # figures in words are longer than Streamlit's tiles expect: they go on in a second line
    "[data-testid='stMetricValue'] {font-size: 1.7rem; line-height: 1.25} "
    "[data-testid='stMetricValue'], [data-testid='stMetricValue'] *, [data-testid='stMetricDelta'] * {white-space: normal; overflow: visible; "
    "text-overflow: clip}</style>"
)
OUTCOMES_OVER_TIME = (
    "deaths", "irregular_crossings", "travellers_in_debt", "smuggler_profit_eur", "active_networks", "case_backlog", "cost_eur",
)  # fmt: skip


def page() -> None:
    """Lay the page out; whatever goes wrong is told in words."""
    st.set_page_config(page_title="countersmuggling", page_icon=_icon(), layout="wide", initial_sidebar_state="expanded")
    st.html(CLOSER)
    try:
        _page()
    except Exception as error:  # noqa: BLE001 - a page has nobody else to tell
        st.error(_words(error))


def _icon() -> Any:
    """Three hubs and two legs: made here, because Streamlit fetches icons by name from elsewhere."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.line([(10, 54), (34, 30), (54, 10)], fill="#1f4e79", width=7)
    for x, y in ((10, 54), (34, 30), (54, 10)):
        draw.ellipse((x - 9, y - 9, x + 9, y + 9), fill="#1f4e79")
    return image


def _words(error: Exception) -> str:
    return told(error)[1].removeprefix("countersmuggling: ")


def _page() -> None:
    st.title("countersmuggling", anchor=False)
    st.markdown(LEAD)
    baseline, base, detail, months, plan = _asked()
    option = _option(base)
    _differs(option, baseline)
    if _run_bar(option, baseline, detail):
        _simulate(baseline, option, detail, months, plan)
    found: Results | None = st.session_state.get("found")
    if found is not None:
        _results(found, option)


# ---------------------------------------------------------------------------------------------- what is asked


@st.cache_data(show_spinner=False)
def _scenarios() -> dict[str, str]:
    return {name: load(name).title for name in bundled()}


@st.cache_data(show_spinner=False)
def _comparable(baseline: str) -> list[str]:
    return texts.comparable_with(baseline)


def _asked() -> tuple[Scenario, str, working.Detail, int, bool]:
    titles = _scenarios()
    with st.sidebar:
        st.header("What is asked", anchor=False)
        names = list(titles)
        against = st.selectbox(
            "Compare with", names, index=names.index("baseline-2025"), format_func=lambda n: titles[n], key="baseline",
            help="The arrangement that the option is held against.",
        )  # fmt: skip
        candidates = _comparable(against)
        begin = candidates.index("europol-regulation") if "europol-regulation" in candidates else len(candidates) - 1
        base = st.selectbox(
            "Begin the option from", candidates, index=begin, format_func=lambda n: titles[n], key="base",
            help="A bundled scenario over the same period; change its levers on the right.",
        )  # fmt: skip
        st.caption(" ".join(load(base).question.split()))
        st.header("How thoroughly", anchor=False)
        detail = st.radio(
            "Detail", working.DETAILS, format_func=lambda d: d.title, captions=[d.told for d in working.DETAILS], key="detail",
            label_visibility="collapsed",
        )  # fmt: skip
        scenario = load(against)
        whole = texts.months_of(scenario)
        months = st.slider(
            "Months", 1, whole, whole, key=f"months:{against}",
            help="Fewer months are faster; the plan's budgets and posts stay as they are.",
        )  # fmt: skip
        plan = st.checkbox(
            "Also plan where the staff should go", key="plan",
            help="Measures in the model what staff achieves in each place, then solves a linear programme. Takes some minutes more.",
        )  # fmt: skip
        st.caption("Runs on this machine alone: nothing is sent anywhere.")
    return scenario, base, detail, months, plan


# ---------------------------------------------------------------------------------------------- the option


def _option(base: str) -> texts.Option:
    st.header("The option", anchor=False)
    left, right = st.columns([1, 2])
    title = left.text_input("Its name", value="My option", max_chars=80, key="title")
    question = right.text_input("What has to be decided", value="", max_chars=300, key="question",
                             placeholder="One sentence; it stands at the top of the report")  # fmt: skip
    by_levers, as_file = st.tabs(["Move levers", "Edit the scenario file"])
    with as_file:
        by_hand = _hand_written(base)
    with by_levers:
        if by_hand is not None:
            st.info("The scenario file is edited by hand: what it says counts, and the levers here are out of use.")
        with st.container(height=430, border=False):
            levers = _levers(base, by_hand is not None)
        text = texts.text_of_option(base, levers, title, question)
    if by_hand is None:
        with as_file:
            st.caption("What the levers say, as a scenario file:")
            st.code(text, language="yaml")
    option = texts.read_option(text if by_hand is None else by_hand)
    for problem in option.problems:
        st.error(problem)
    return option


def _hand_written(base: str) -> str | None:
    """The text in the editor; None while levers make it."""
    given = st.file_uploader("Use a scenario file", type=["yaml", "yml"], key="upload")
    if given is not None and st.session_state.get("uploaded") != given.file_id:
        st.session_state["uploaded"] = given.file_id
        st.session_state["text"] = given.getvalue().decode("utf-8", errors="replace")
        st.session_state["by_hand"] = True
    if not st.toggle("Edit the file by hand", key="by_hand"):
        return None
    if "text" not in st.session_state:
        st.session_state["text"] = st.session_state.get("last_text", f"title: My option\nextends: {base}\n")
    return str(st.text_area("Scenario file", key="text", height=360, help="Problems are told below, with their lines."))


def _levers(base: str, disabled: bool) -> dict[str, dict[str, Any] | None]:
    scenario = load(base)
    chosen: dict[str, dict[str, Any] | None] = {}
    for proposal, levers in texts.proposals().items():
        used = sum(st.session_state.get(f"{base}:{x}:used", texts.values_of(scenario, x) is not None) for x in levers)
        with st.expander(f"{proposal} — {used} of {len(levers)} in use", expanded=bool(used)):
            for lever in levers:
                chosen[lever] = _lever(scenario, base, lever, disabled)
    return chosen


def _lever(scenario: Scenario, base: str, lever: str, disabled: bool) -> dict[str, Any] | None:
    before = texts.values_of(scenario, lever)
    info = LEVERS[lever]
    key = f"{base}:{lever}"
    if not st.toggle(info.title, value=before is not None, key=f"{key}:used", help=info.description, disabled=disabled):
        return None
    values = dict(before or {})
    own = texts.own_fields(lever)
    start, strength, ramp, *others = st.columns([1.1, 1.3, 1.1, *([1.3] * min(len(own), 3))])
    horizon = scenario.horizon
    given = dt.date.fromisoformat(values["on"]) if values.get("on") else horizon.start
    values["on"] = str(start.date_input(
        "From", given, min_value=min(horizon.start, given), max_value=max(horizon.end, given), key=f"{key}:on", disabled=disabled,
        format="DD/MM/YYYY",
    ))  # fmt: skip
    values["intensity"] = strength.slider(
        "Strength", 0.0, 3.0, float(values.get("intensity", 1.0)), 0.1, key=f"{key}:intensity", help="1 = as proposed, 0 = nothing",
        disabled=disabled,
    )  # fmt: skip
    values["ramp_days"] = int(ramp.number_input(
        "Ramp, days", 0, 3650, int(values.get("ramp_days", 0)), 30, key=f"{key}:ramp", disabled=disabled,
        help="Days from the start until the full strength",
    ))  # fmt: skip
    for number, one in enumerate(own):
        values[one.name] = _field(others[number % len(others)], one, values.get(one.name, one.default), f"{key}:{one.name}", disabled)
    return values


def _field(place: Any, one: texts.LeverField, value: Any, key: str, disabled: bool) -> Any:
    label = one.name.replace("_", " ").capitalize()
    if one.kind == "names":
        names = ["all", *_names(one.name)]
        chosen = place.multiselect(label, names, [v for v in value if v in names], key=key, help=one.description, disabled=disabled)
        return chosen or ["all"]
    if value is None and one.default is None:
        text = place.text_input(label, "", key=key, help=one.description, disabled=disabled)
        try:
            return float(text) if text.strip() else None
        except ValueError:
            return text.strip()
    step = 1.0 if one.high <= 1000 else 10.0 if one.high <= 100_000 else 1000.0
    return float(place.number_input(label, one.low, one.high, float(value), step, key=key, help=one.description, disabled=disabled))


@st.cache_data(show_spinner=False)
def _names(kind: str) -> list[str]:
    tables = world()
    if kind == "member_states":
        return sorted(str(x) for x in tables.member_states["member_state"])
    if kind == "partners":
        return sorted(str(x) for x in tables.partners["partner"])
    if kind == "origin_groups":
        return sorted(str(x) for x in tables.origin_groups["origin_group"])
    return sorted({str(r) for r in tables.legs["route"] if str(r)})


def _differs(option: texts.Option, baseline: Scenario) -> None:
    if option.scenario is None:
        return
    st.session_state["last_text"] = option.text
    table = working.what_differs(option.scenario, baseline)
    with st.expander(f"What the option assumes otherwise than {baseline.title or baseline.name} ({len(table)} fields)"):
        st.dataframe(table, hide_index=True, width="stretch")


# ---------------------------------------------------------------------------------------------- the run


def _run_bar(option: texts.Option, baseline: Scenario, detail: working.Detail) -> bool:
    run, save = st.columns([1, 1])
    wanted = run.button(
        "Simulate and compare", type="primary", disabled=option.scenario is None, width="stretch", key="simulate",
        icon=":material/play_arrow:",
    )  # fmt: skip
    name = (option.scenario.name if option.scenario is not None else "my-option") + ".yaml"
    save.download_button(
        "Download the scenario file", option.text, file_name=name, mime="text/yaml", width="stretch", key="save",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip
    return wanted


def _simulate(
    baseline: Scenario, option: texts.Option, detail: working.Detail, months: int, plan: bool
) -> None:
    assert option.scenario is not None
    try:
        comparable(baseline, [option.scenario])
        first, second = (texts.shortened(s, months) for s in (baseline, option.scenario))
        place = st.empty()
        with place.container():
            bar = st.progress(0.0, "Starting: workers load the compiled model")
            st.button("Stop the simulation", key="stop", help="What is finished is kept: the same run goes on from there")

            def show(share: float, text: str) -> None:
                bar.progress(share, text)

            with keeping(KeptRuns(cache_folder() / "finished-runs")):
                found = working.answer(first, second, detail, plan, show)
        place.empty()
    except Exception as error:  # noqa: BLE001 - as above
        st.session_state.pop("found", None)
        st.error(_words(error))
        return
    st.session_state["found"] = found
    st.session_state["found_text"] = option.text
    for made in ("files", "drawn"):
        st.session_state.pop(made, None)


# ---------------------------------------------------------------------------------------------- the answer


@st.fragment
def _results(found: Results, option: texts.Option) -> None:
    """The answer; what is clicked in here does not lay out the levers again."""
    st.header("The answer", anchor=False)
    months = summarising.months(found.outcomes)
    st.caption(
        f"{found.names[found.runs[1].key]} against {found.names[found.runs[0].key]}, {wording.period(months[0], months[-1])}, "
        f"{found.replicates} replicates with the same chance."
    )
    if option.text != st.session_state.get("found_text"):
        st.warning("The option has been changed since this was simulated: simulate again to see its effect.")
    if working.comes_later(found):
        st.warning("No lever of the option comes in within these months, so nothing differs: simulate more of them, on the left.")
    if found.replicates < 4:
        st.caption("A quick look: what is called not clear may become clear with more replicates and finer detail.")
    shown = working.shown_runs(found)
    run = next(iter(shown))
    if len(shown) > 1:
        run = st.segmented_control("Which run", list(shown), default=run, format_func=lambda k: shown[k], key="run") or run
    _metrics(found, run)
    table, over_time, maps, planned, downloads = st.tabs(["All outcomes", "Over time", "Map", "Plan and prices", "Download"])
    with table:
        st.dataframe(working.table_of_changes(found, run), hide_index=True, width="stretch")
        for figure in working.first_figures(found, run):
            st.markdown(f"- {figure.told}")
        _chart(("differences", run), lambda: found.plot.differences([run]), "The changes as a table")
    with over_time:
        chosen = st.multiselect(
            "Outcomes", OUTCOMES_OVER_TIME, OUTCOMES_OVER_TIME[:4], format_func=lambda name: OUTCOMES[name].title, key="outcomes_over_time"
        )
        if chosen:
            runs = [found.runs[0].key, run]
            _chart(("months", run, *chosen), lambda: found.plot.time_series(chosen, runs=runs), "The months as a table")
    with maps:
        what = st.segmented_control("Show", ["Change", "Flows"], default="Change", key="map_of") or "Change"
        closer = st.checkbox("Only the Mediterranean", key="closer")
        from ..figures import MEDITERRANEAN

        region = MEDITERRANEAN if closer else None
        drawn = {"Change": found.plot.change, "Flows": found.plot.flows}[what]
        _chart(("map", what, run, closer), lambda: drawn(run, region=region), "The legs as a table")
    with planned:
        _plan(found, run)
    with downloads:
        _downloads(found)


def _metrics(found: Results, run: str) -> None:
    figures = working.first_figures(found, run)
    for row in (figures[:3], figures[3:]):
        for place, figure in zip(st.columns(3), row, strict=False):
            down = figure.change.startswith(wording.MINUS)
            colour = {"better": "inverse" if down else "normal", "worse": "normal" if down else "inverse"}.get(figure.judged, "off")
            place.metric(
                figure.title, figure.after, figure.change.replace(wording.MINUS, "-"), delta_color=colour, border=True,  # type: ignore[arg-type]
                delta_arrow="off" if figure.change == "unchanged" else "auto",
            )  # fmt: skip


def _chart(key: tuple[Any, ...], draw: Callable[[], Any], behind: str) -> None:
    """A chart with its description for those who do not see it, and the table behind it; drawn once for each results."""
    drawn = st.session_state.setdefault("drawn", {})
    if key not in drawn:
        chart = draw()
        drawn[key] = base64.b64encode(chart.png(120)).decode("ascii"), chart.alt or "", chart.table
    source, alt, table = drawn[key]
    st.html(f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{source}" style="width:100%;max-width:1100px">')
    with st.expander(behind):
        st.caption(alt)
        if table is not None:
            st.dataframe(table, hide_index=True, width="stretch")


def _plan(found: Results, run: str) -> None:
    if not found.plans:
        st.info("No plan was asked for: tick 'Also plan where the staff should go' on the left, and simulate again.")
        return
    plan = next((p for p in found.plans if p.run == run), found.plans[0])
    for sentence in plan.facts.get("summary", ()):
        st.markdown(f"- {sentence}")
    _chart(("allocation", plan.run), lambda: found.plot.allocation(plan.run), "Where the staff goes, as a table")
    _chart(("prices", plan.run), lambda: found.plot.shadow_prices(plan.run), "Shadow prices as a table")
    with st.expander("Every post by quarter"):
        st.dataframe(_named(plan.allocation), hide_index=True, width="stretch")


def _named(allocation: Any) -> Any:
    titles: Mapping[str, str] = {name: info.title for name, info in RESOURCES.items()}
    return allocation.assign(resource=[titles.get(str(r), str(r)) for r in allocation["resource"]])


def _downloads(found: Results) -> None:
    if "files" not in st.session_state:
        if not st.button("Write the report", key="write_report", help="Takes some seconds"):
            st.caption("The report is one HTML page; the folder holds all figures, tables and what was assumed.")
            return
        with st.spinner("Writing the report"):
            st.session_state["files"] = working.files(found)
    report, packed = st.session_state["files"]
    st.download_button("Report (HTML)", report, file_name="report.html", mime="text/html", key="report", on_click="ignore",
                       icon=":material/description:")  # fmt: skip
    st.download_button("Whole results folder (zip)", packed, file_name="results.zip", mime="application/zip", key="folder",
                       on_click="ignore", icon=":material/folder_zip:")  # fmt: skip
    option = found.runs[1]
    st.download_button("Scenario file, with everything it assumes", option.scenario.to_yaml(), file_name=f"{option.key}.resolved.yaml",
                       mime="text/yaml", key="resolved", on_click="ignore", icon=":material/data_object:")  # fmt: skip
