"""One device's line over a whole flow: locked throughout, opened and freed as the steps need it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from host_tools.device.lock import PortLock
from host_tools.device.port import DEFAULT_BAUD, Port, check_url, open_port


class Line:
    """The right to a device's port, from `with` to its end.

    Between, `port()` opens it or hands out the open one, and `free()` lets go of it for a process
    of another's (esptool) while the lock stays.
    """

    def __init__(self, url: str, baud: int = DEFAULT_BAUD) -> None:
        check_url(url)
        self.url = url
        self.baud = baud
        self._lock = PortLock(url)
        self._port: Port | None = None

    def __enter__(self) -> Self:
        self._lock.__enter__()
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
            self._lock.__exit__(kind, error, trace)

    def port(self) -> Port:
        """Return the open port. Raises NoSuchPort as `open_port` does."""
        if self._port is None:
            self._port = open_port(self.url, self.baud)
        return self._port

    def free(self) -> None:
        """Close the port, if it is open."""
        if self._port is not None:
            self._port.close()
            self._port = None
