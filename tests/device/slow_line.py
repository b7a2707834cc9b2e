"""A cable that is good up to a rate: between a chip's RFC 2217 port and whoever opens it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from types import TracebackType
from typing import Self

#: IAC SB COM-PORT-OPTION SET-BAUDRATE and four bytes (RFC 2217).
_SET_BAUD = re.compile(rb"\xff\xfa\x2c\x01(.{4})", re.DOTALL)


class SlowLine:
    """Carries bytes to the port of a chip; above `best` baud it spoils them.

    `loses` swallows whatever comes, else one bit of each larger piece is turned. `rates` are those
    that were set.
    """

    def __init__(self, port: int, best: int, *, loses: bool) -> None:
        self._port = port
        self._best = best
        self._loses = loses
        self.rates: list[int] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._server.getsockname()[1]}"
        self._sockets: list[socket.socket] = [self._server]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                chip = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, chip]
                threading.Thread(target=self._down, args=(client, chip), daemon=True).start()
                threading.Thread(target=self._carry, args=(chip, client), daemon=True).start()

    def _down(self, client: socket.socket, chip: socket.socket) -> None:
        rate = 0
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                for found in _SET_BAUD.finditer(data):
                    rate = int.from_bytes(found[1], "big")
                    self.rates.append(rate)
                chip.sendall(self._over_the_cable(data) if rate > self._best else data)
        _end(chip)

    def _over_the_cable(self, data: bytes) -> bytes:
        if b"\xff\xfa\x2c" in data:
            return data  # telnet's own words go another way
        if self._loses:
            return b""
        if len(data) < 100:
            return data
        for at in range(80, len(data) - 1):
            turned = data[at] ^ 1
            # Neither telnet's mark nor a frame's end or escape is made, or unmade.
            if not {0xC0, 0xDB, 0xFF} & {*data[at - 1 : at + 2], turned}:
                return data[:at] + bytes([turned]) + data[at + 1 :]
        return data

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        _end(target)


def _end(one: socket.socket) -> None:
    # To close it would not wake the thread that waits for its bytes.
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
