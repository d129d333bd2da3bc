"""The dashboard clicked through in headless Chromium, with every other host out of reach."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from countersmuggling.scenarios import check

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE = 400_000  # milliseconds; only a page that hangs reaches it

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine (Debian: apt-get install chromium)"),
    pytest.mark.skipif(sys.platform == "win32", reason="ends the server by a Unix signal"),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    program = [sys.executable, "-c", "import sys; from countersmuggling.experiments.cli import main; sys.exit(main(sys.argv[1:]))"]
    environment = os.environ | {"COUNTERSMUGGLING_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen(
        [*program, "dashboard", "--no-browser", "--quiet"], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)


def opened(page: Any, address: str) -> None:
    """Open the page as soon as the server answers."""
    for _ in range(240):
        try:
            page.goto(address)
            return
        except playwright.Error:
            page.wait_for_timeout(500)
    raise AssertionError(f"no answer from {address}")


def test_click_through(address: str, tmp_path: Path) -> None:
    foreign: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1340, "height": 1400})
        page.set_default_timeout(PATIENCE)

        def only_here(route: Any) -> None:
            if route.request.url.startswith((address, address.replace("http", "ws"), "data:", "blob:")):
                route.continue_()
            else:
                foreign.append(route.request.url)
                route.abort()

        page.route("**/*", only_here)
        opened(page, address)
        simulate = page.get_by_role("button", name="Simulate and compare")
        simulate.wait_for()

        # a lever moved, and a short look
        outside = page.get_by_text("outside the proposals")
        outside.click()
        page.get_by_text("Search and rescue", exact=True).click()
        page.get_by_text("national duty — 1 of 1 in use").wait_for()
        months = page.get_by_role("slider", name="Months")
        months.focus()
        page.keyboard.press("Home")
        page.wait_for_timeout(1500)
        simulate.click()
        page.get_by_role("heading", name="The answer").wait_for()
        page.get_by_text("Deaths on the way", exact=True).first.wait_for()
        cut = "e => [e, ...e.querySelectorAll('*')].filter(x => x.scrollWidth > x.clientWidth + 1 && x.clientWidth > 0).length"
        for tile in ("stMetricValue", "stMetricDelta"):
            assert page.get_by_test_id(tile).count() >= 3
            assert page.get_by_test_id(tile).evaluate_all(f"all => all.map({cut})") == [0] * page.get_by_test_id(tile).count()
        for tab, seen in (("Over time", "The months as a table"), ("Map", "The legs as a table"), ("Plan and prices", "No plan was asked for")):
            page.get_by_role("tab", name=tab).click()
            page.get_by_text(seen).wait_for()
        pictures = page.locator("img[alt]")
        assert all(str(pictures.nth(n).get_attribute("alt")).strip() for n in range(pictures.count())) and pictures.count() >= 3

        # what is downloaded is what was run
        with page.expect_download() as told:
            page.get_by_role("button", name="Download the scenario file").click()
        told.value.save_as(tmp_path / "mine.yaml")
        assert check(tmp_path / "mine.yaml") == []
        assert "search_and_rescue" in (tmp_path / "mine.yaml").read_text(encoding="utf-8")
        page.get_by_role("tab", name="Download").click()
        page.get_by_role("button", name="Write the report").click()
        with page.expect_download() as told:
            page.get_by_role("button", name="Whole results folder").click()
        told.value.save_as(tmp_path / "results.zip")
        with zipfile.ZipFile(tmp_path / "results.zip") as archive:
            assert {"results/report.html", "results/summary.json"} <= set(archive.namelist())

        # bad input: a message with its line, no traceback, and the page goes on
        page.get_by_role("tab", name="Edit the scenario file").click()
        page.get_by_text("Edit the file by hand").click()
        editor = page.get_by_role("textbox", name="Scenario file")
        editor.fill("extends: baseline-2025\nreplicats: 3\n")
        editor.press("Control+Enter")
        page.get_by_text("my-option.yaml:2:1").wait_for()
        playwright.expect(simulate).to_be_disabled(timeout=PATIENCE)
        assert page.get_by_text("Traceback").count() == 0
        editor.fill("title: Better\nextends: baseline-2025\nseed: 3\n")
        editor.press("Control+Enter")
        page.get_by_text("my-option.yaml:2:1").wait_for(state="hidden")
        playwright.expect(simulate).to_be_enabled(timeout=PATIENCE)

        # stopped on the way: the page can be used again at once
        page.get_by_role("slider", name="Months").focus()
        page.keyboard.press("End")
        page.wait_for_timeout(1500)
        simulate.click()
        page.get_by_role("button", name="Stop the simulation").click()
        page.get_by_role("button", name="Stop the simulation").wait_for(state="hidden")
        playwright.expect(simulate).to_be_enabled(timeout=PATIENCE)
        assert page.get_by_text("Traceback").count() == 0
        page.screenshot(path=os.environ.get("COUNTERSMUGGLING_SCREENSHOT", str(tmp_path / "page.png")), full_page=True)
        browser.close()
    assert foreign == []
