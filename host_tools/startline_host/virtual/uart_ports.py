"""`machine.UART` 1 and 2 between the VM and whoever is plugged into their lines.

The VM reads what came in from a pipe. How much may wait there is what its driver said that the
receiver holds (runtime/uart_driver.py); what comes beyond that is lost, as in a chip's FIFO.
"""

from __future__ import annotations

import contextlib
import os

from startline_host.virtual.uart import UartHub

NUMBERS = (1, 2)


class UartPort:
    """One of them. `line` is its pins; `lost` counts the bytes that found no room."""

    def __init__(self, number: int, *, paced: bool) -> None:
        self.number = number
        self.line = UartHub(paced=paced)
        self.line.receive = self._arrive
        self.lost = 0
        self._room = 0
        self._waiting = 0
        self._pipe: tuple[int, int] | None = None

    def open(self) -> int:
        """Open the pipe of one life; return the end that the VM reads."""
        self._pipe = os.pipe()
        for fd in self._pipe:
            os.set_blocking(fd, False)
        return self._pipe[0]

    def clear(self) -> None:
        """Switch the receiver off: the chip, or the VM, starts anew."""
        self._room = self._waiting = 0
        self.line.drop_input()
        with contextlib.suppress(BlockingIOError):
            while self._pipe and os.read(self._pipe[0], 65536):
                pass

    def close(self) -> None:
        """Close the pipe."""
        if self._pipe:
            self.clear()
            for fd in self._pipe:
                os.close(fd)
            self._pipe = None

    def configure(self, baud: int, room: int) -> None:
        """Take the rate and what the receiver holds; what it held is gone."""
        self.line.baud = baud
        self._room = room
        self._waiting = 0

    def eaten(self, count: int) -> None:
        """Make room for as many bytes as the program has read."""
        self._waiting = max(0, self._waiting - count)

    def _arrive(self, data: bytes) -> None:
        taken = 0
        if self._pipe:
            # A pipe that is full is one more way to have no room.
            with contextlib.suppress(BlockingIOError):
                taken = os.write(self._pipe[1], data[: max(0, self._room - self._waiting)])
        self._waiting += taken
        self.lost += len(data) - taken


class UartPorts:
    """All of them, as the CPU has them."""

    def __init__(self, *, paced: bool) -> None:
        self._ports = {number: UartPort(number, paced=paced) for number in NUMBERS}

    def line(self, number: int) -> UartHub:
        """Return what plugs are plugged into."""
        return self._ports[number].line

    def lost(self) -> dict[int, int]:
        """Return how many bytes each receiver has lost."""
        return {number: port.lost for number, port in self._ports.items()}

    def open(self) -> dict[int, int]:
        """Open the pipes of one life; return the ends that the VM reads, by number."""
        return {number: port.open() for number, port in self._ports.items()}

    def clear(self) -> None:
        """Switch the receivers off."""
        for port in self._ports.values():
            port.clear()

    def close(self) -> None:
        """Close the pipes."""
        for port in self._ports.values():
            port.close()

    def obey(self, word: str, argument: bytes) -> None:
        """Do what the VM says: `t`, `b` and `e`, see runtime/vm_console.py."""
        if word == "t":
            self._ports[int(argument[:1])].line.send(argument[1:])
            return
        number, *values = (int(value) for value in argument.split())
        port = self._ports[number]
        if word == "b":
            port.configure(*values)
        else:
            port.eaten(*values)
