"""`startline retry`: the device tries again what is undone, also what was refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from startline_host.device.port_session import PortSession
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Step
from startline_host.flows.operator.cloud_target import CloudTarget, check_cloud_target
from startline_host.flows.operator.device_session import device_session
from startline_host.flows.wifi_scan import scan_networks, with_networks


def retry(
    line: PortSession,
    find_place: Callable[[], CloudTarget | None] = lambda: None,
    *,
    listen: Listener,
    limit: float | None = None,
) -> FirstBootOutcome:
    """Have the device try once more, follow it to its end, and let it run again.

    `limit` bounds the try in seconds. A device that is bound stays so. For one whose link is this
    very cable, `find_place` says to which cloud it may be carried. Raises DeviceSilent where there
    is no end in time, StorageFailed where its flash does not hold what it says, and as
    `check_cloud_target` does.
    """
    with device_session(line, listen) as device:
        _ = device.serial
        if device.over_usb:
            device.carry_to(check_cloud_target(find_place(), device.stored).base_url)
        listen(Step("Trying again"))
        outcome = device.run_command("retry()", limit or device.boot_seconds)
        scan = partial(scan_networks, device.repl)
        outcome = with_networks(outcome, device.ssid, scan, listen)
        device.check_bound(outcome)
    return outcome
