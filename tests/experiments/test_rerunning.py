"""A results folder gives its own figures again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from countersmuggling.experiments.cli import main
from countersmuggling.experiments.rerunning import KEYS, agreement

SHORT = """\
name: short
title: Short
extends: baseline-2025
horizon: {start: 2025-01-01, end: 2025-02-28, burn_in_days: 0}
model: {persons_per_agent: 2000, networks: 40}
replicates: 2
"""


def _frame(*values: tuple[str, float]) -> pd.DataFrame:
    rows = [("a", 0, "2025-01", name, "", "", "", "", value) for name, value in values]
    return pd.DataFrame(rows, columns=[*KEYS, "value"])


def test_agreement_counts_what_differs() -> None:
    one = _frame(("deaths", 3.0), ("detections", 10.0))
    assert agreement(one, one).identical
    found = agreement(one, _frame(("deaths", 3.0), ("detections", 11.0), ("arrests", 1.0)))
    assert found.rows == 3 and len(found.differing) == 2
    assert "2 of 3 figures differ" in str(found) and "difference is 1" in str(found)
    assert not agreement(
        _frame(("deaths", 0.1 + 0.2)), _frame(("deaths", 0.3))
    ).identical  # one bit is enough


def test_a_folder_is_run_again_and_a_changed_figure_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.yaml").write_text(SHORT, encoding="utf-8")
    folder = tmp_path / "kept"
    assert main(["run", str(tmp_path / "short.yaml"), "--workers", "1", "--quiet", "--out", str(folder)]) == 0
    (tmp_path / "short.yaml").unlink()  # the folder is enough
    assert main(["rerun", str(folder), "--workers", "1", "--out", str(tmp_path / "again")]) == 0
    assert "identical" in capsys.readouterr().out
    kept, again = (pd.read_parquet(f / "outcomes.parquet") for f in (folder, tmp_path / "again"))
    pd.testing.assert_frame_equal(kept, again, check_exact=True)
    kept.loc[kept.index[0], "value"] += 1.0
    kept.to_parquet(folder / "outcomes.parquet", index=False)
    assert main(["rerun", str(folder), "--workers", "1", "--quiet", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    (other,) = said["differing"]
    assert not said["identical"] and said["figures"] == len(kept) and other["before"] == other["after"] + 1.0
    assert main(["rerun", str(tmp_path / "nowhere")]) == 2
