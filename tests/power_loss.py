"""How a test sees that a virtual reader has lost its power."""

from __future__ import annotations

import time

from startline_host.util import Deadline
from startline_host.virtual import VirtualEsp32

_SECONDS = 30.0


def loses_power(chip: VirtualEsp32) -> bool:
    """Wait for the end of a chip's process, and tell whether it came.

    Who is at its port may hear of the cut earlier.
    """
    deadline = Deadline(_SECONDS)
    while chip.has_power() and not deadline.expired:
        time.sleep(0.01)
    return not chip.has_power()
