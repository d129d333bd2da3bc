"""An interruption is heeded even where a library's native code has thrown it away."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import Any

import numpy as np
import pytest

from countersmuggling.model import Job, run_many
from countersmuggling.model.interruption import heeded, raise_again
from countersmuggling.scenarios import load


class Interrupted:
    """Is interrupted when somebody asks for its dtype."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    @property
    def dtype(self) -> Any:
        signal.raise_signal(self._number)
        return None


def lost(number: signal.Signals) -> None:
    """An interruption that NumPy throws away; should it stop doing so one day, the note is no longer needed."""
    assert np.dtype("int64") != Interrupted(number)


def test_an_interruption_that_numpy_throws_away_is_raised_again() -> None:
    with heeded():
        lost(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            raise_again()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lost_interruption_ends_the_runs(number: signal.Signals) -> None:
    done = []

    def function(job: Job) -> int:
        done.append(job.replicate)
        if job.replicate == 1:
            lost(number)
        return job.replicate

    scenario = load("baseline-2025")
    with heeded(), pytest.raises(KeyboardInterrupt):
        run_many([Job(scenario, n) for n in range(4)], 1, progress=False, function=function)
    assert done == [0, 1]
    done.clear()
    assert len(run_many([Job(scenario, 0)], 1, progress=False, function=function)) == 1  # the note is gone


def test_all_is_as_before_outside() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with heeded(), contextlib.suppress(KeyboardInterrupt):
        assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is not before[0]
        signal.raise_signal(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    raise_again()


def test_a_signal_that_the_parent_has_us_ignore_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with heeded():
            signal.raise_signal(signal.SIGINT)
            raise_again()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_changes_no_handler() -> None:
    seen = []

    def inside() -> None:
        with heeded():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
