"""An interruption (Ctrl-C, or a polite request to end) that is not lost on the way.

A signal handler raises wherever the program happens to be, and native code may throw away whatever is raised below it.
NumPy does, without a word, while it compares a dtype with what is none (``dtype == "string"``), which pandas has it do all
the time: one in 700 short runs that were interrupted at random moments went on to its end. So the handler also leaves a
note, and whoever does many things one after another looks at it in between.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_asked = threading.Event()


@contextmanager
def heeded() -> Iterator[None]:
    """Inside the block SIGTERM interrupts like Ctrl-C, and neither is lost; outside all is as it was before.

    Nothing is changed in a thread other than the main one, or for a signal that the parent process has this one ignore.
    """
    _asked.clear()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def _interrupt(*_: object) -> None:
    _asked.set()
    raise KeyboardInterrupt


def raise_again() -> None:
    """Raise what may have been lost.

    Raises
    ------
    KeyboardInterrupt
        When the block of :func:`heeded` that this is called in has been interrupted.
    """
    if _asked.is_set():
        raise KeyboardInterrupt
