"""One device's line over a whole flow: locked throughout, opened and freed as the steps need it."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import Any, Self

from startline_host.device.port import DEFAULT_BAUD, Port, check_url, open_port, scheme
from startline_host.device.port_lock import PortLock, canonical
from startline_host.device.ports import PortInfo, find_port, list_serial_ports
from startline_host.errors import NoSuchPort
from startline_host.util import Deadline

#: A chip with USB of its own takes its port away with every restart: seconds for it to return.
_RETURN = 10.0
_LOOK = 0.2


class PortSession:
    """The right to a device's port, from `with` to its end.

    Between, `port()` opens it or hands out the open one, and `free()` lets go of it for a process
    of another's (esptool) while the lock stays. A port of this computer that vanishes while it is
    read is followed when it comes back, also under another name; `url` is its present one.
    `in_boot_loader` says that a boot loader was reached and not left since. Where the prompt of a
    `hard` one is needed, the device is reset and stopped before its own program starts.
    """

    def __init__(self, url: str, baud: int = DEFAULT_BAUD, *, hard: bool = False) -> None:
        check_url(url)
        self.url = url
        self.baud = baud
        self.hard = hard
        self.in_boot_loader = False
        self._locks = contextlib.ExitStack()
        self._locked = ""
        self._port: Port | None = None
        self._device: PortInfo | None = None

    def __enter__(self) -> Self:
        self._lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.free()
        finally:
            self._locks.close()

    def port(self) -> Port:
        """Return the open port. Raises NoSuchPort as `open_port` does."""
        if self._port is None:
            self._port = open_port(self.url, self.baud)
            if not scheme(self.url):
                self._device = self._device or _listed(self.url)
                self._port.revive = self._wait_for_return
        return self._port

    def follow(self) -> None:
        """Take the name that the device's port has by now, if the port is not open.

        Raises PortInUse where somebody else has the port of that name.
        """
        if self._port is None and self._is_back():
            self._lock()

    def free(self) -> None:
        """Close the port, if it is open."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def _lock(self) -> None:
        name = canonical(self.url)
        if name != self._locked:
            self._locks.enter_context(PortLock(self.url))
            self._locked = name

    def _wait_for_return(self) -> Any:
        """Return the opened pyserial object of the port that vanished, or None at the deadline."""
        deadline = Deadline(_RETURN)
        while not deadline.expired:
            time.sleep(_LOOK)
            try:
                if self._is_back():
                    self._lock()
                    return open_port(self.url, self.baud).line
            except NoSuchPort:
                continue
        return None

    def _is_back(self) -> bool:
        """Find the same device, and not another one that has its name by now."""
        if self._device is not None:
            found = find_port(self._device, list_serial_ports())
            self.url = found or self.url
            return found is not None
        # Without an identity only a link can say where the device went.
        return canonical(self.url) != self._locked


def _listed(url: str) -> PortInfo | None:
    name = canonical(url)
    on_usb = (port for port in list_serial_ports() if port.usb_id is not None)
    return next((port for port in on_usb if canonical(port.url) == name), None)
