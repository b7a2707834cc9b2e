"""The interrupt that kills a VM: what the system tells about it, and that it is started anew."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from startline_host.virtual import interrupt
from startline_host.virtual.interrupt import Interrupt
from startline_host.virtual.vm_process import waits_for_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SECONDS = 30.0
_WAITS_FOR_ITSELF = "import threading; a = threading.Lock(); a.acquire(); a.acquire()"
_WAITS_FOR_INPUT = "input()"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells what a process waits for"
)


@pytest.fixture
def run() -> Iterator[Callable[[str], int]]:
    """Return a function that starts a Python program and returns its process number."""
    children = []

    def start(program: str) -> int:
        children.append(subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE))
        return children[-1].pid

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_a_vm_that_waits_for_its_own_lock_is_started_anew(
    run: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its signal a VM that neither runs nor ever will is rescued, to its kind of prompt."""
    monkeypatch.setattr(interrupt, "_LATEST_SECONDS", 0.0)
    rescued = threading.Event()
    told: list[str] = []

    def rescue(*, raw: bool) -> None:
        told.append("raw" if raw else "friendly")
        rescued.set()

    under_way = Interrupt(lambda _: None, lambda: told.append("signal"), rescue)
    under_way.watch(run(_WAITS_FOR_ITSELF))
    under_way.obey("i", b"\x03r")
    under_way.take(b"\x03")
    assert rescued.wait(_SECONDS)
    assert told == ["signal", "raw"]


def test_a_program_that_waits_for_something_else_is_no_dead_one(run: Callable[[str], int]) -> None:
    """Only the wait for a lock is death: a program may wait for a byte as long as it wants."""
    dead, alive = run(_WAITS_FOR_ITSELF), run(_WAITS_FOR_INPUT)
    until = time.monotonic() + _SECONDS
    while not waits_for_lock(dead):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not waits_for_lock(alive)
