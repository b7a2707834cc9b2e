"""A server in the foreground: it runs until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading


def stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C and SIGTERM set from now on."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def until_stopped(stop: threading.Event) -> None:
    """Wait for `stop`, or for Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        while not stop.wait(3600):
            pass
