"""A time server (SNTP, RFC 4330) for readers on a bench: this computer's clock, or one beside it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

from startline_host.errors import BadInput

_FROM_1900 = 2_208_988_800
_VERSION_4_SERVER = 0x24
_STRATUM = 2
_LOOPBACK = "127.0.0.1"


class TimeServer:
    """Answers until it is closed; a context manager. `server` is "host:port" for `race.servers`.

    `offset` is how many seconds it is ahead of this computer's clock, None while it does not
    answer; it may be set at any time. `port` 0 takes a free one. It listens at `host`, and readers
    know it as `name`. Raises BadInput for a port that is taken.
    """

    def __init__(self, port: int = 0, *, host: str = _LOOPBACK, name: str = _LOOPBACK) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise BadInput(
                f"The UDP port {port} cannot be used: {error.strerror}.", "Name another one."
            ) from None
        self.offset: float | None = 0.0
        port = self._socket.getsockname()[1]
        self.server = f"{name}:{port}"
        self._own_address = _LOOPBACK, port
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="time-server", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", self._own_address)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, peer = self._socket.recvfrom(256)
            offset = self.offset
            if self._closing:
                return
            if offset is not None and len(packet) >= 48:
                received = _stamp(offset)
                head = struct.pack(">BBbbII4s", _VERSION_4_SERVER, _STRATUM, 0, -20, 0, 0, b"LOCL")
                answer = head + received + packet[40:48] + received + _stamp(offset)
                with contextlib.suppress(OSError):
                    self._socket.sendto(answer, peer)


def _stamp(offset: float) -> bytes:
    """Return the time as 32.32 bits of seconds since 1900."""
    seconds, rest = divmod(time.time_ns() + int(offset * 1e9), 1_000_000_000)
    return struct.pack(">II", (seconds + _FROM_1900) & 0xFFFFFFFF, (rest << 32) // 1_000_000_000)
