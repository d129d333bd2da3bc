"""The documentation as a site: built strictly, without the network, and needing none when it is read."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "build_site.py"
needs_mkdocs = pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="MkDocs is not installed (extra docs)")


@needs_mkdocs
def test_site_is_built_strictly_and_fetches_nothing(tmp_path: Path, written: Path) -> None:
    site = tmp_path / "site"
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(site), "--gallery", str(written)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    fetched = set()
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched |= set(re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=[\"']?(https?:[^\"'\s>]+)", text))
        fetched |= set(re.findall(r"<link[^>]*rel=[\"']?(?:stylesheet|preconnect|icon)[^>]*href=[\"']?(https?:[^\"'\s>]+)", text))
    assert fetched == set()
    assert "persons_per_agent" in (site / "reference-experiments.html").read_text(encoding="utf-8")
    assert (site / "gallery.html").read_text(encoding="utf-8").count("<img") >= 3


def test_links_are_kept_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import build_site  # type: ignore[import-not-found]

    assert build_site.rewritten("[a](docs/odd.md#x) [b](model/core.py) [c](https://example.org)", "README.md") == (
        "[a](odd.md#x) b (`model/core.py`) [c](https://example.org)"
    )
    with pytest.raises(SystemExit, match="no such file"):
        build_site.rewritten("[a](nosuch.md)", "README.md")
