"""Are results the same to the bit on another interpreter, library version, machine, or number of threads and processes?

    python benchmarks/digest.py [--workers N]

Prints one line with the versions and a digest of a run's whole table of outcomes (values as 64-bit words, labels as text)
with every lever on and drawn parameters, and one of the fitted reference point.  Run it under each interpreter and
compare the digests; with ``--workers 2`` the runs are made in two processes.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
from datetime import date

import mesa
import numba
import numpy as np
import scipy

from countersmuggling.model import Job, RunOutput, SmugglingModel, run_many
from countersmuggling.scenarios import Scenario, load


def scenario() -> Scenario:
    """Five months of the full package, 20 people a row."""
    base = load("full-package")
    horizon = base.horizon.model_copy(
        update={"start": date(2025, 3, 1), "end": date(2025, 5, 31), "burn_in_days": 60}
    )
    options = base.model.model_copy(update={"persons_per_agent": 20})
    return base.model_copy(update={"horizon": horizon, "model": options})


def digest(output: RunOutput) -> str:
    """Of labels and values, independent of how pandas prints them."""
    sha = hashlib.sha256()
    table = output.outcomes
    for name in table.columns.drop("value"):
        sha.update("\n".join(map(str, table[name])).encode())
    sha.update(np.ascontiguousarray(table["value"], dtype="<f8").tobytes())
    return sha.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    outputs = run_many([Job(scenario(), r) for r in range(2)], given.workers)
    model = SmugglingModel(scenario(), replicate=3)
    fitted = hashlib.sha256(np.ascontiguousarray(model.reference.leg_constant).tobytes()).hexdigest()[:16]
    model.release()
    versions = f"Python {platform.python_version()} NumPy {np.__version__} SciPy {scipy.__version__} " \
               f"Numba {numba.__version__} Mesa {mesa.__version__}"  # fmt: skip
    print(f"{' '.join(map(digest, outputs))} reference {fitted} | {versions}, {given.workers} process(es)")


if __name__ == "__main__":
    main()
