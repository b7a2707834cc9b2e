"""`machine.UART` 1 and 2 between the VM and whoever is plugged into their lines.

The VM reads what came in from a pipe, and loses what its receiver does not hold
(runtime/uart_driver.py). A receiver that is off, and a pipe that is full, lose it here.
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
        self._is_on = False
        self._pipe: tuple[int, int] | None = None

    def open(self) -> int:
        """Open the pipe of one life; return the end that the VM reads."""
        self._pipe = os.pipe()
        for fd in self._pipe:
            os.set_blocking(fd, False)
        return self._pipe[0]

    def clear(self) -> None:
        """Switch the receiver off: the chip, or the VM, starts anew."""
        self._is_on = False
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

    def configure(self, baud: int, is_on: int) -> None:
        """Take the rate, and whether the receiver is on."""
        self.line.baud = baud
        self._is_on = bool(is_on)

    def lose(self, count: int) -> None:
        """Count what the receiver has lost."""
        self.lost += count

    def _arrive(self, data: bytes) -> None:
        taken = 0
        if self._pipe and self._is_on:
            with contextlib.suppress(BlockingIOError):
                taken = os.write(self._pipe[1], data)
        self.lose(len(data) - taken)


class UartPorts:
    """All of them, as the CPU has them."""

    def __init__(self, *, paced: bool) -> None:
        self._ports = {number: UartPort(number, paced=paced) for number in NUMBERS}

    def line(self, number: int) -> UartHub:
        """Return what plugs are plugged into."""
        return self._ports[number].line

    def lost(self) -> dict[int, int]:
        """Return how many bytes each receiver has lost, as far as its program has looked."""
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
        """Do what the VM says: `t`, `b` and `l`, see runtime/vm_console.py."""
        if word == "t":
            self._ports[int(argument[:1])].line.send(argument[1:])
            return
        number, *values = (int(value) for value in argument.split())
        port = self._ports[number]
        if word == "b":
            port.configure(*values)
        else:
            port.lose(*values)
