"""Opens any pyserial URL without disturbing the device behind it, or says why it cannot."""

from __future__ import annotations

import errno
import functools
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import serial

from startline_host.device.library_patches import patch_rfc2217, skip_close_delay
from startline_host.device.ports import PortInUse, describe_ports, process_holding
from startline_host.errors import BadInput, NoSuchPort
from startline_host.util import Deadline, printable

_log = logging.getLogger(__name__)
DEFAULT_BAUD = 115200

#: Kinds of URL beside a plain local port; only the first carries DTR, RTS and a baud rate.
_REMOTE = ("rfc2217", "socket")
_POLL = 0.01
#: How long one blocking read of pyserial's may last, in seconds.
_READ_TIMEOUT = 3.0
_RESET_PULSE = 0.1


class Port:
    """An open port. Bytes in, bytes out, and a reset where the line has the wires for it."""

    def __init__(self, url: str, line: Any) -> None:
        self.url = url
        #: The pyserial object, for those who need one.
        self.line = line
        #: Asked for another pyserial object when this one has gone; None means that it stays so.
        self.revive: Callable[[], Any] | None = None

    @property
    def can_reset(self) -> bool:
        """Whether DTR and RTS reach the chip: a plain socket and a pty have no such wires."""
        if scheme(self.url):
            return scheme(self.url) == "rfc2217"
        try:
            _ = self.line.cts
        except OSError:
            return False
        return True

    def read(self, seconds: float) -> bytes:
        """Return what has come, waiting at most `seconds` for a first byte; b"" if none came.

        Raises NoSuchPort when the port has gone and does not come back.
        """
        deadline = Deadline(seconds)
        try:
            while True:
                waiting = self.line.in_waiting
                if waiting and (data := self.line.read(waiting)):
                    return bytes(data)
                if self.has_ended:
                    raise serial.SerialException("the connection has ended")
                if deadline.expired:
                    return b""
                time.sleep(min(_POLL, deadline.remaining))
        except OSError as error:
            self.close()
            line = self.revive() if self.revive is not None else None
            if line is None:
                raise self.gone(error) from None
            self.line = line
            return b""

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises NoSuchPort when the port has gone."""
        try:
            self.line.write(data)
        except OSError as error:
            raise self.gone(error) from None

    def reset(self) -> None:
        """Restart the chip through EN (RTS), with IO0 (DTR) left high: it runs its flash.

        Raises NoSuchPort when the port has gone. The port must have the wires (`can_reset`).
        """
        try:
            self.line.dtr = False
            try:
                self.line.rts = True
                time.sleep(_RESET_PULSE)
            finally:  # also after Ctrl-C: nobody looks for a chip that is held
                self.line.rts = False
        except OSError as error:
            raise self.gone(error) from None

    @property
    def has_ended(self) -> bool:
        """Whether pyserial's reader of a remote port is dead: no read need ever tell so."""
        reader = getattr(self.line, "_thread", None)
        return scheme(self.url) == "rfc2217" and (reader is None or not reader.is_alive())

    def gone(self, error: OSError) -> NoSuchPort:
        """Return the error for a port that failed while it was in use."""
        return NoSuchPort(
            f"The port {self.url} has gone ({printable(error.strerror or str(error))}).",
            "Check the cable and the power of the device, then run the command again.",
        )

    def close(self) -> None:
        """Let go of the port; the chip is not reset by it."""
        try:
            if sys.platform == "win32":
                # Windows drops DTR before RTS, which in between pulls EN: drop RTS first.
                self.line.rts = False
                self.line.dtr = False
            self.line.close()
        except OSError:
            # What has gone already needs no closing.
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def scheme(url: str) -> str:
    """Return the kind of a URL (`rfc2217`, `socket`), or "" for a port of this computer."""
    return url.partition("://")[0].lower() if "://" in url else ""


def check_url(url: str) -> None:
    """Raise BadInput for a kind of URL that carries no device, or one that says not where."""
    kind = scheme(url)
    if kind and kind not in _REMOTE:
        raise BadInput(
            f"{kind}:// is not a kind of port.",
            "A port is a name such as /dev/ttyUSB0 or COM5, rfc2217://host:port or socket://host:port.",
        )
    if kind and not _names_host_and_port(url):
        raise BadInput(f"{url} does not name a host and its port.", f"Such as: {kind}://host:4000")


def _names_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname and parts.port)
    except ValueError:
        return False


def check_present(url: str) -> None:
    """Raise NoSuchPort for a port of this computer that is not there, without opening any.

    It is for what takes long before the port is needed, and raises BadInput as `check_url` does.
    """
    check_url(url)
    if sys.platform != "win32" and not scheme(url) and not Path(url).exists():
        raise _cannot_open(url, FileNotFoundError(errno.ENOENT, "No such port"))


def open_port(url: str, baud: int = DEFAULT_BAUD) -> Port:
    """Open a port exclusively, and without moving DTR or RTS.

    Raises NoSuchPort for a port that is not there, in use, or not this user's; BadInput for a URL
    of an unknown kind.
    """
    check_url(url)
    _log.debug("opening %s at %d baud", url, baud)
    if scheme(url) == "rfc2217":
        patch_rfc2217()
    try:
        line = serial.serial_for_url(
            url, baudrate=baud, timeout=_READ_TIMEOUT, do_not_open=True, exclusive=True
        )
    except ValueError as error:
        raise BadInput(f"The port {url} cannot be used: {error}.") from None
    if scheme(url):
        line.close = functools.partial(_close_fully, line)
    try:
        _open_quietly(line)
    except (OSError, ValueError) as error:
        raise _cannot_open(url, error) from None
    return Port(url, line)


def _open_quietly(line: Any) -> None:
    """Open without the two line changes that pyserial makes on opening.

    On POSIX the kernel raises both lines at once, which the devkit's two transistors ignore, and
    a remote port's lines stay as they are. On Windows both start low together instead.
    """
    if sys.platform == "win32":
        line.dtr = line.rts = False
    else:
        line._update_dtr_state = line._update_rts_state = _leave_alone  # noqa: SLF001
    line.open()
    if sys.platform != "win32":
        del line._update_dtr_state, line._update_rts_state  # noqa: SLF001


def _close_fully(line: Any) -> None:
    """Close a remote port's socket too where the other side reset it: pyserial 3.5 leaves it open."""
    socket = getattr(line, "_socket", None)
    skip_close_delay(line.port)
    try:
        type(line).close(line)
    finally:
        if socket is not None:
            socket.close()


def _leave_alone() -> None:
    """Stand where pyserial would move a line."""


def _cannot_open(url: str, error: Exception) -> NoSuchPort:
    if scheme(url):
        return _cannot_open_remote(url, error)
    number = getattr(error, "errno", None)
    words = str(error)
    if number in {errno.EACCES, errno.EPERM} and sys.platform != "win32":
        return NoSuchPort(
            f"You may not use the port {url}.",
            "Join the group that owns it, mostly dialout: sudo usermod -a -G dialout $USER, "
            "then log in again.",
        )
    if number in {errno.EBUSY, errno.EAGAIN} or "Access is denied" in words:
        return PortInUse(
            f"The port {url} is in use by {process_holding(url) or 'another program'}.",
            "Close what holds it (a serial monitor?) and run the command again.",
        )
    if number in {errno.ENOENT, errno.ENODEV, errno.ENXIO} or "FileNotFoundError" in words:
        return NoSuchPort(f"There is no port {url}.", describe_ports())
    if number == errno.EISDIR or f"({errno.ENOTTY}," in words:  # a folder, file, pipe or device
        return NoSuchPort(f"{url} is not a serial port.", describe_ports())
    return NoSuchPort(f"{url} cannot be used as a serial port ({words}).", describe_ports())


def _cannot_open_remote(url: str, error: Exception) -> NoSuchPort:
    if "Could not open port" in str(error):
        return NoSuchPort(
            f"Nothing serves a serial port at {url}.",
            "Start the server first; `startline virtual` starts a virtual reader.",
        )
    # It listens, and one of pyserial's waits for its answers ended in vain.
    return PortInUse(
        f"What listens at {url} is not a serial port server, or serves another client.",
        "Close the other program, or check that an RFC 2217 server listens there.",
    )
