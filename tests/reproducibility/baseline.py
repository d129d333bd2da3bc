"""Is a small run the same to the bit as the one that is stored beside this file?

    python tests/reproducibility/baseline.py             compare, in processes with 1 and 2 threads, spawned and forked
    python tests/reproducibility/baseline.py --write     store anew, after a change of the model that is meant

The run: three months of the bundled full package after a short burn-in, every lever on, parameters drawn, two replicates.
Stored is a digest of every row of its outcomes (labels and values as 64-bit words) and of the constants that are fitted before
it, and beside them the totals, so that a difference tells what differs.  Run it under every interpreter and with every
version of the libraries that are to agree; it needs nothing but the installed package.

Exit code 0: equal everywhere; 1: not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_name("baseline.json")
AGAIN = "python tests/reproducibility/baseline.py --write"
THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def made() -> dict[str, Any]:
    """The small run, made now in this process."""
    import numpy as np

    from countersmuggling.model import SmugglingModel
    from countersmuggling.scenarios import load

    base = load("full-package")
    horizon = base.horizon.model_copy(update={"start": date(2025, 3, 1), "end": date(2025, 5, 31), "burn_in_days": 45})
    options = base.model.model_copy(update={"persons_per_agent": 200})
    scenario = base.model_copy(update={"horizon": horizon, "model": options})
    found: dict[str, Any] = {}
    for replicate in range(2):
        model = SmugglingModel(scenario, replicate=replicate)
        fitted = hashlib.sha256(np.ascontiguousarray(model.reference.leg_constant, dtype="<f8").tobytes()).hexdigest()
        table = model.run().outcomes
        model.release()
        sha = hashlib.sha256()
        for name in table.columns.drop("value"):
            sha.update("\n".join(map(str, table[name])).encode())
        sha.update(np.ascontiguousarray(table["value"], dtype="<f8").tobytes())
        totals = table.groupby(table["outcome"].astype(str))["value"].sum()
        found[f"replicate {replicate}"] = {
            "rows": len(table), "digest": sha.hexdigest(), "fitted": fitted, "totals": {str(k): float(v) for k, v in sorted(totals.items())}}  # fmt: skip
    return found


def _send(pipe: Any) -> None:
    pipe.send(made())
    pipe.close()


def made_in(method: str, threads: int) -> dict[str, Any]:
    """The same in a process of its own, started by `method`, where the libraries have so many threads."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        context = multiprocessing.get_context(method)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_send, args=(sender,))  # type: ignore[attr-defined]
        process.start()
        sender.close()
        try:
            found: dict[str, Any] = receiver.recv()
        except EOFError:
            raise RuntimeError("the process ended without a result; see above") from None
        process.join()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return found


def differences(stored: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What differs, in words; empty when nothing does."""
    told = []
    for name, was in stored.items():
        now = found[name]
        if now["fitted"] != was["fitted"]:
            told.append(f"{name}: the constants that are fitted at the reference year differ")
        if now["digest"] == was["digest"]:
            continue
        changed = {k: (v, now["totals"].get(k, 0.0)) for k, v in was["totals"].items() if now["totals"].get(k, 0.0) != v}
        gaps = sorted(changed.items(), key=lambda item: -abs(item[1][1] - item[1][0]) / max(abs(item[1][0]), 1e-300))
        worst = ", ".join(f"{k} {a!r} -> {b!r}" for k, (a, b) in gaps[:3])
        told.append(f"{name}: rows differ ({was['rows']} -> {now['rows']}); {len(changed)} totals differ{': ' + worst if worst else ''}")
    return told


def versions() -> str:
    """Interpreter and libraries."""
    return f"Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in ("mesa", "numpy", "scipy", "numba", "pandas")
    )


def explained(told: list[str]) -> str:
    """Differences, and what to do about them."""
    return "\n".join(
        [f"The stored baseline is not what this version gives ({versions()}):", *told,
         f"If the model was changed on purpose: {AGAIN}, and say so in CHANGELOG.md. Otherwise something depends on the machine or a library."]
    )  # fmt: skip


def ways() -> list[tuple[str, int]]:
    """How processes are started here, and with how many threads: the forked last, as it needs the libraries loaded."""
    fork = [("fork", 1)] if "fork" in multiprocessing.get_all_start_methods() else []
    return [("spawn", 1), ("spawn", 2), *fork]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="store what this version gives")
    options = parser.parse_args()
    print(versions(), flush=True)
    if options.write:
        STORED.write_text(json.dumps(made(), indent=1) + "\n", encoding="utf-8")
        print(f"Wrote {STORED}")
        return 0
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    worst = 0
    for method, threads in ways():
        if method == "fork":  # a fork takes over what is loaded: load it, and run once in this process as well
            told = differences(stored, made())
            print("in this process:", "equal to the bit" if not told else explained(told), flush=True)
            worst |= bool(told)
        told = differences(stored, made_in(method, threads))
        print(f"{method}, {threads} thread(s):", "equal to the bit" if not told else explained(told), flush=True)
        worst |= bool(told)
    return worst


if __name__ == "__main__":
    sys.exit(main())
