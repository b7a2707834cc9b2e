"""Takes an identity off a chip again, so that its serial number can go to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from startline_host.device.bootloader import BootLoader
from startline_host.flows.flash_survey import Survey, stretches
from startline_host.flows.restart import restart
from startline_host.formats.flash_plan import FlashRegion

if TYPE_CHECKING:
    from startline_host.device.port_session import PortSession
    from startline_host.flows.firmware_bundle import FirmwareBundle

#: A chip that does not answer at once is not waited for: its serial number stays with it.
_ATTEMPTS = 2


def wipe_identity(line: PortSession, bundle: FirmwareBundle, mac: str) -> bool:
    """Erase `fctry` of a chip that holds no binding; tell whether it provably carries nothing.

    The record is read and the identity erased in one boot-loader session, in which no agent runs:
    nothing can be sent in between. A chip with any other record than none is left as it is.
    Raises the StartlineErrors of the boot loader.
    """
    if not line.port().can_reset:
        return False
    line.free()
    loader = BootLoader(line.url, attempts=_ATTEMPTS)
    chip = loader.identify(stretches(bundle.table))
    snapshot = Survey(loader, chip.mac, bundle.table).snapshot
    if chip.mac != mac or snapshot.summary().state != "unbound":
        restart(line)
        return False
    row = bundle.table.get("fctry")
    loader.write([FlashRegion("fctry", row.offset, b"\xff" * row.size)])
    restart(line)
    return True
