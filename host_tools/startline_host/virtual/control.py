"""A line of JSON in, a line of JSON out: how whoever started the process steers it.

Commands: `{"do": "count"}` answers with the bytes that went over the serial line, the bytes
that found no room in the receivers of `machine.UART` and, where a fuse counts them, the flash
operations,
`{"do": "reset"}` presses the EN button, `{"do": "download"}` does so with BOOT held down. The end of standard input ends the process, so that
it never outlives the program that started it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.virtual.flash import Fuse
    from startline_host.virtual.uart import UartHub
    from startline_host.virtual.uart_ports import UartPorts
    from startline_host.virtual.virtual_chip import VirtualChip


class ControlPipe(asyncio.Protocol):
    """Reads standard input of the running process."""

    def __init__(
        self,
        uart: UartHub,
        uarts: UartPorts,
        chip: VirtualChip,
        fuse: Fuse | None,
        stop: Callable[[], None],
    ) -> None:
        self._uart = uart
        self._uarts = uarts
        self._chip = chip
        self._fuse = fuse
        self._stop = stop
        self._line = b""
        self._transport: asyncio.BaseTransport | None = None

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: self, sys.stdin)

    def close(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Carry out every complete line."""
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            print(json.dumps(self._do(json.loads(line))), flush=True)  # noqa: T201 - the protocol

    def connection_lost(self, exc: Exception | None) -> None:
        """End the process with its standard input."""
        self._stop()

    def _do(self, command: dict[str, str]) -> dict[str, object]:
        match command.get("do"):
            case "count":
                counts = self._uart.counts
                operations = None if self._fuse is None else self._fuse.operations
                return {
                    "received": counts.received,
                    "sent": counts.sent,
                    "busy": counts.busy,
                    "operations": operations,
                    "lost": self._uarts.lost(),
                }
            case "reset" | "download" as button:
                self._chip.hold()
                self._chip.release(io0_is_low=button == "download")
                return {}
            case _:
                return {"error": "unknown command"}
