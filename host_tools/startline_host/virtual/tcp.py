"""The serial line over TCP on loopback: an RFC 2217 server, and a bare byte stream."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Protocol

from serial.rfc2217 import M_NORMAL, PortManager

from startline_host.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.virtual.uart import UartHub

LOOPBACK = "127.0.0.1"
_IAC = b"\xff"
_BUSY = b"this port is in use by another connection\r\n"

#: How often, and how many seconds apart, a connection looks whether the one before it has gone. A
#: program that closes a port and opens it again is often seen to come before it is seen to go.
_LOOKS, _APART = 25, 0.02
#: How many bytes are kept until then: a client's first words.
_EARLY = 4096


class LineCoding(Protocol):
    """What stands between the bytes of the line and those of the connection."""

    def encode(self, data: bytes) -> bytes:
        """Return what goes over the connection for `data`."""

    def decode(self, data: bytes) -> bytes:
        """Return what `data` from the connection means for the line."""

    def close(self) -> None:
        """Let go of the line: the connection has ended."""


class RawCoding:
    """No coding, no modem lines: what `socket://` in pyserial speaks."""

    def encode(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def decode(self, data: bytes) -> bytes:
        """Return `data`."""
        return data

    def close(self) -> None:
        """There is nothing to let go of."""


class Rfc2217Coding:
    """Telnet with the serial port options; the protocol itself is pyserial's."""

    def __init__(self, uart: UartHub, transport: asyncio.Transport) -> None:
        self._port = _VirtualPort(uart)
        self._manager = PortManager(self._port, transport)

    def encode(self, data: bytes) -> bytes:
        """Return `data` with telnet's escapes."""
        return data.replace(_IAC, _IAC * 2)

    def decode(self, data: bytes) -> bytes:
        """Return the line's bytes in `data`; options in between take effect.

        The manager looks at every byte by itself, so it only gets those from an IAC on.
        """
        plain = []
        position = 0
        while position < len(data):
            if self._manager.mode == M_NORMAL and self._manager.suboption is None:
                mark = data.find(_IAC, position)
                end = len(data) if mark < 0 else mark
                plain.append(data[position:end])
                position = end
                if data.startswith(_IAC * 2, end):
                    plain.append(_IAC)
                    position += 2
                    continue
            plain.extend(self._manager.filter(data[position : position + 1]))
            position += 1
        return b"".join(plain)

    def close(self) -> None:
        """Let both modem lines go at once, as closing a serial port does."""
        self._port.release()


class _VirtualPort:
    """The serial port that the protocol's manager believes to have."""

    def __init__(self, uart: UartHub) -> None:
        self._uart = uart
        self._dtr = self._rts = False
        self.bytesize, self.parity, self.stopbits = 8, "N", 1
        self.xonxoff = self.rtscts = self.break_condition = False
        self.cts = self.dsr = self.ri = self.cd = False

    @property
    def baudrate(self) -> int:
        return self._uart.baud

    @baudrate.setter
    def baudrate(self, value: int) -> None:
        self._uart.baud = value

    @property
    def dtr(self) -> bool:
        return self._dtr

    @dtr.setter
    def dtr(self, value: bool) -> None:
        self._set(value, self._rts)

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, value: bool) -> None:
        self._set(self._dtr, value)

    def reset_input_buffer(self) -> None:
        self._uart.drop_output()

    def reset_output_buffer(self) -> None:
        self._uart.drop_input()

    def release(self) -> None:
        self._set(False, False)

    def _set(self, dtr: bool, rts: bool) -> None:  # noqa: FBT001 - two line levels
        if (dtr, rts) != (self._dtr, self._rts):
            self._dtr, self._rts = dtr, rts
            self._uart.set_lines(dtr, rts)


class UartConnection(asyncio.Protocol):
    """One TCP connection as a plug of the UART; a second one that stays is told so and closed."""

    def __init__(
        self,
        uart: UartHub,
        coding: Callable[[UartHub, asyncio.Transport], LineCoding],
        busy: list[UartConnection],
    ) -> None:
        self._uart = uart
        self._make_coding = coding
        self._busy = busy
        self._coding: LineCoding | None = None
        self._transport: asyncio.Transport | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Plug in, unless somebody is and stays."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP transport is one
        self._plug_in(transport, _LOOKS)

    def _plug_in(self, transport: asyncio.Transport, looks: int) -> None:
        if transport.is_closing():
            return
        if self._busy and looks:
            loop = asyncio.get_running_loop()
            loop.call_later(_APART, self._plug_in, transport, looks - 1)
            return
        if self._busy:
            transport.write(_BUSY)
            transport.close()
            return
        self._busy.append(self)
        self._transport = transport
        self._coding = self._make_coding(self._uart, transport)
        self._uart.plug_in(self)
        self.data_received(bytes(self._early))

    def connection_lost(self, exc: Exception | None) -> None:
        """Unplug."""
        if self._coding is not None:
            self._busy.remove(self)
            self._uart.unplug(self)
            self._coding.close()
            self._coding = None

    def data_received(self, data: bytes) -> None:
        """Pass the host's bytes to the line."""
        if self._coding is not None:
            self._uart.push(self._coding.decode(data))
        elif len(self._early) < _EARLY:
            self._early += data

    def write(self, data: bytes) -> None:
        """Pass the chip's bytes to the host."""
        if self._coding is not None and self._transport is not None:
            self._transport.write(self._coding.encode(data))

    def pause_writing(self) -> None:
        """Leave the output with the chip: the host is not reading."""
        self._uart.set_full(self, full=True)

    def resume_writing(self) -> None:
        """Take the output up again: the host has caught up."""
        self._uart.set_full(self, full=False)


async def listen(
    uart: UartHub, port: int, coding: Callable[[UartHub, asyncio.Transport], LineCoding]
) -> tuple[asyncio.Server, int]:
    """Serve `uart` on `port` of loopback (0 takes a free one); return the server and its port.

    Raises BadInput if the port is taken or may not be used.
    """
    busy: list[UartConnection] = []
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: UartConnection(uart, coding, busy), LOOPBACK, port
        )
    except OSError as error:
        reason = "in use" if error.errno == errno.EADDRINUSE else "not allowed"
        raise BadInput(
            f"TCP port {port} is {reason}.", "Name another one, or none to get a free one."
        ) from error
    return server, int(server.sockets[0].getsockname()[1])
