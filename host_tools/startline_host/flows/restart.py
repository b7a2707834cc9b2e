"""Starts a device anew, by its wires, at its prompt, or by a person's hand."""

from __future__ import annotations

from startline_host.device.port_session import PortSession
from startline_host.device.repl import Repl
from startline_host.flows.notices import Listener, Remark, ignore_notices


def restart(line: PortSession, listen: Listener = ignore_notices) -> None:
    """Restart the device with the port open, so that nothing that it then says is missed.

    Where nothing but a hand can restart it, its owner is told to, and this does not wait for it.
    """
    port = line.port()
    # What the device said before is no part of its new life.
    port.read(0)
    by_hand = line.in_boot_loader and not port.can_reset
    line.in_boot_loader = False
    if port.can_reset:
        port.reset()
    elif by_hand:
        listen(
            Remark("Press RESET on the device now: this port has no wire for it.", warning=True)
        )
    else:
        repl = Repl(port)
        repl.enter(fresh=False)
        repl.restart()
