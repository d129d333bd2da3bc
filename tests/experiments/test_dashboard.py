"""The dashboard: levers to a scenario file and back, the page without a browser, the server's manners."""

from __future__ import annotations

import datetime as dt
import io
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.experiments.assumptions import changes
from countersmuggling.experiments.dashboard import command, scenario_text, working
from countersmuggling.experiments.ending import Usage
from countersmuggling.experiments.results import Results
from countersmuggling.scenarios import LEVERS, bundled, load

streamlit_testing = pytest.importorskip("streamlit.testing.v1", reason="Streamlit is not installed")

# ------------------------------------------------------------------ levers to text and back


@pytest.mark.parametrize("base", ["baseline-2025", "full-package"])
def test_untouched_levers_give_the_scenario_that_the_option_begins_from(base: str) -> None:
    scenario = load(base)
    levers = {lever: scenario_text.values_of(scenario, lever) for lever in LEVERS}
    text = scenario_text.text_of_option(base, levers, "Mine", "")
    assert "levers" not in text
    option = scenario_text.read_option(text)
    assert option.problems == () and option.scenario is not None
    assert changes(option.scenario, scenario) == []


def test_a_moved_lever_a_new_one_and_one_left_out() -> None:
    base = load("europol-regulation")
    levers = {lever: scenario_text.values_of(base, lever) for lever in LEVERS}
    centre = levers["europol_centre"]
    assert centre is not None
    levers |= {"europol_centre": centre | {"intensity": 2.0}, "biometrics": None,
               "search_and_rescue": {"on": "2025-03-01", "ramp_days": 0, "intensity": 1.5, "routes": ["CMED"]}}  # fmt: skip
    text = scenario_text.text_of_option("europol-regulation", levers, "Mine: all", "Is it: better?")
    option = scenario_text.read_option(text).scenario
    assert option is not None and (option.title, option.question) == ("Mine: all", "Is it: better?")
    assert option.levers.europol_centre is not None and option.levers.europol_centre.intensity == 2.0
    assert option.levers.europol_centre.ramp_days == 365
    assert option.levers.biometrics is None
    assert option.levers.search_and_rescue is not None and option.levers.search_and_rescue.routes == ["CMED"]
    assert {path.split(".")[1] for path, *_ in changes(option, base)} == {"europol_centre", "biometrics", "search_and_rescue"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: baseline-2025\nreplicats: 3\n", "my-option.yaml:2:1"),
        ("extends: nosuch\n", "nosuch"),
        ("a: &x [1]\nb: *x\n", "my-option.yaml"),
        ("extends: ../../etc/passwd\n", "my-option.yaml"),
        ("", "my-option.yaml"),
        ("{" * 5000, "my-option.yaml"),
        ("\x00\x01", "my-option.yaml"),
    ],
)
def test_what_is_wrong_with_a_text_is_told_with_its_line(text: str, told: str) -> None:
    option = scenario_text.read_option(text)
    assert option.scenario is None and option.problems
    assert told in option.problems[0] and tempfile.gettempdir() not in option.problems[0]


def test_every_lever_has_fields_that_a_page_can_show() -> None:
    shown = {lever: {f.name: f.kind for f in scenario_text.own_fields(lever)} for lever in LEVERS}
    assert shown["europol_deployments"] == {"posts": "number", "reserve_pool": "number"}
    assert shown["search_and_rescue"] == {"routes": "names"}
    assert [f.high for f in scenario_text.own_fields("task_forces")] == [500.0]
    assert sorted(x for levers in scenario_text.proposals().values() for x in levers) == sorted(LEVERS)


def test_a_shorter_period() -> None:
    scenario = load("baseline-2025")
    assert scenario_text.months_of(scenario) == 36
    assert scenario_text.shortened(scenario, 2).horizon.end == dt.date(2025, 2, 28)
    assert scenario_text.shortened(scenario, 36) == scenario
    assert set(scenario_text.comparable_with("baseline-2025")) < set(bundled())


def test_progress_is_a_share_with_the_time_left() -> None:
    seen: list[tuple[float, str]] = []
    clock = iter([0.0, 0.0, 10.0, 20.0, 20.0])
    progress = working.Progress(lambda share, text: seen.append((share, text)), lambda: next(clock))
    for what, done in (("Simulating", 0), ("Simulating", 1), ("Solving", 0)):
        progress(what, done, 4)
    assert seen == [(0.0, "Simulating: 0%"), (0.25, "Simulating: 25%, about 30 s left"), (0.0, "Solving: 0%")]


def test_figures_words_and_files(results: Results) -> None:
    (option,) = [run.key for run in results.runs if run.role == "option"]
    figures = {f.title: f for f in working.first_figures(results, option)}
    assert figures["Deaths on the way"].judged == "better"
    table = working.table_of_changes(results, option)
    assert len(table) >= 10 and "better" in set(table["for people"])
    report, packed = working.files(results)
    assert report.startswith(b"<!DOCTYPE html>") or b"<html" in report[:400]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert "results/summary.json" in archive.namelist() and "results/allocation.csv" in archive.namelist()


# ------------------------------------------------------------------ the page without a browser

Page = Any


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setenv("COUNTERSMUGGLING_CACHE", str(tmp_path))
    yield streamlit_testing.AppTest.from_file(str(command.PAGE), default_timeout=120).run()


def answered(found: Results, seen: list[Any]) -> Callable[..., Results]:
    def answer(baseline: Any, option: Any, detail: Any, plan: bool, show: Callable[[float, str], None]) -> Results:
        seen.append((baseline, option, detail, plan))
        show(0.5, "Simulating: 50%")
        return found

    return answer


def test_page_moves_levers_runs_and_shows_all(page: Page, results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not page.exception and not page.error
    seen: list[Any] = []
    monkeypatch.setattr(working, "answer", answered(results, seen))
    page.slider(key="europol-regulation:europol_centre:intensity").set_value(2.5)
    page.toggle(key="europol-regulation:legal_pathways:used").set_value(True)
    page.slider(key="months:baseline-2025").set_value(3)
    page.run()
    page.number_input(key="europol-regulation:legal_pathways:places_per_year").set_value(5000.0)
    page.run()
    page.button(key="simulate").click().run()
    assert not page.exception and not page.error, page.error
    (baseline, option, detail, plan) = seen[0]
    assert (baseline.name, detail.title, plan) == ("baseline-2025", "Quick look", False)
    assert option.levers.europol_centre.intensity == 2.5 and option.levers.legal_pathways.places_per_year == 5000
    assert option.horizon.end == baseline.horizon.end == dt.date(2025, 3, 31)
    assert {m.label for m in page.metric} >= {"Deaths on the way"}
    assert any("analyst" in str(d.value.to_dict()).lower() for d in page.dataframe)  # the plan
    page.button(key="write_report").click().run()
    assert not page.exception
    # another lever afterwards: the results stay, and the page says that they are of the option before
    page.toggle(key="europol-regulation:biometrics:used").set_value(False).run()
    assert any("has been changed" in w.value for w in page.warning)


def test_page_survives_bad_input(page: Page) -> None:
    page.toggle(key="by_hand").set_value(True).run()
    page.text_area(key="text").set_value("extends: baseline-2025\nlevers:\n  penaltys: {on: 2025-01-01}\n").run()
    assert any(":3:" in e.value and "penalties" in e.value for e in page.error)
    assert page.button(key="simulate").disabled and not page.exception
    page.text_area(key="text").set_value("extends: eu-turkiye-2016\n").run()  # valid, but over another period
    assert not page.error
    page.button(key="simulate").click().run()
    assert any("same horizon" in e.value for e in page.error) and not page.exception


def test_page_tells_what_fails_inside(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Results:
        raise RuntimeError("the disk is full of sand")

    monkeypatch.setattr(working, "answer", fails)
    page.button(key="simulate").click().run()
    assert any("sand" in e.value for e in page.error) and not page.exception
    assert all("Traceback" not in e.value for e in page.error)


# ------------------------------------------------------------------ the server


def test_a_port_in_use_and_a_foreign_address_are_mistakes_of_the_user() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Usage, match="another --port"):
            command.free_port("127.0.0.1", port)
    assert command.free_port("127.0.0.1", None) in command.PORTS
    with pytest.raises(Usage):
        command.free_port("no.such.host.invalid", 8501)


def test_without_streamlit_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from countersmuggling.experiments import cli

    monkeypatch.setattr(command, "find_spec", lambda _: None)
    assert cli.main(["dashboard"]) == 2
    assert "pip install 'countersmuggling[dashboard]'" in capsys.readouterr().err


def test_telemetry_is_off_and_only_this_machine_is_served() -> None:
    told = " ".join(command.server_arguments("127.0.0.1", 8501, False))
    assert "--browser.gatherUsageStats false" in told and "--server.address 127.0.0.1" in told


@pytest.mark.skipif(sys.platform == "win32", reason="sends a Unix signal")
def test_the_command_serves_and_ends_with_ctrl_c() -> None:
    import signal

    program = [sys.executable, "-c", "import sys; from countersmuggling.experiments.cli import main; sys.exit(main(sys.argv[1:]))"]
    with subprocess.Popen([*program, "dashboard", "--no-browser", "--quiet"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        end = time.monotonic() + 90
        health = ""
        while health != "ok" and time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                    health = answer.read().decode()
            except OSError:
                time.sleep(0.2)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
    assert health == "ok"
