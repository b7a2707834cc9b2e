"""A reader that lies: a real one, whose events are changed on their way to this computer.

Its prompt is left alone, so that it can be loaded; its checksums are right. What it says is not.
"""

from __future__ import annotations

import json
import socket
import threading
from binascii import crc32
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from startline.events import decode

#: Changes what an event says, in place; True drops it.
Lie = Callable[[dict[str, Any]], Any]


class LyingCloud:
    """Serves the line of a reader at `url` anew, with its events changed by `lie`."""

    def __init__(self, url: str, lie: Lie) -> None:
        self._url = url
        self._lie = lie
        self._server = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            socket.create_connection(self._server.getsockname()).close()
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _start(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        place = urlsplit(self._url)
        assert place.hostname is not None
        while not self._over.is_set():
            connection, _ = self._server.accept()
            with connection, socket.create_connection((place.hostname, place.port or 0)) as reader:
                for one in (connection, reader):
                    one.settimeout(0.2)
                back = threading.Thread(
                    target=self._carry, args=(reader, connection, self._retold)
                )
                back.start()
                self._carry(connection, reader, lambda data: (data, b""))
                with suppress(OSError):
                    reader.shutdown(socket.SHUT_RDWR)
                back.join()

    def _carry(
        self,
        source: socket.socket,
        target: socket.socket,
        change: Callable[[bytes], tuple[bytes, bytes]],
    ) -> None:
        held = b""
        with suppress(OSError):
            while not self._over.is_set():
                try:
                    data = source.recv(4096)
                except TimeoutError:
                    continue
                if not data:
                    return
                told, held = change(held + data)
                target.sendall(told)

    def _retold(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what to say now, and what to keep: the beginning of an event."""
        told = b""
        while b"\x1e" in data:
            before, _, rest = data.partition(b"\x1e")
            record, end, after = rest.partition(b"\n")
            told += before
            if not end:
                return told, b"\x1e" + rest
            told += self._record(record)
            data = after
        return told + data, b""

    def _record(self, record: bytes) -> bytes:
        fields = decode(record)
        if fields is None:
            return b"\x1e" + record + b"\n"
        fields = dict(fields)
        if self._lie(fields) is True:
            return b""
        raw = json.dumps(fields, separators=(",", ":"))[:-1].encode()
        return b'\x1e%s,"crc":"%08x"}\n' % (raw, crc32(raw))


def saying(name: str, **words: str) -> Lie:
    """Return the lie that puts these words into every event of that name."""

    def lie(fields: dict[str, Any]) -> None:
        if fields["ev"] == name:
            fields.update(words)

    return lie
