"""`startline retry`: the device tries again what is undone, also what was refused."""

from __future__ import annotations

from host_tools.bench.first_boot import Outcome
from host_tools.bench.notices import Listener, Step
from host_tools.bench.operator.stopped import stopped
from host_tools.device.line import Line


def retry(line: Line, *, listen: Listener, limit: float | None = None) -> Outcome:
    """Have the device try once more, follow it to its end, and let it run again.

    `limit` bounds the try in seconds. A device that is bound stays so. Raises DeviceSilent where
    there is no end in time.
    """
    with stopped(line, listen) as device:
        _ = device.serial
        listen(Step("Trying again"))
        return device.order("retry()", limit or device.boot_seconds)
