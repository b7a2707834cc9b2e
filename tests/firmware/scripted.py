"""A server that answers with bytes and silences of the test's choice, over TLS or not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import Self

import trustme

#: A script: bytes are sent, a number is a pause in seconds, None resets the connection.
Script = Sequence[bytes | float | None]

TOKEN = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"
BODY = b'{"description":"Device binded succesfully","deviceid":"%s"}' % TOKEN.encode()


def answer(
    status: str = "201 Created",
    body: bytes = BODY,
    headers: Sequence[str] = (),
    *,
    length: bool = True,
) -> bytes:
    """Write an HTTP answer; with a Content-Length unless told otherwise."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class ScriptedServer:
    """Answers the n-th connection with the n-th script, the last one for ever; one at a time.

    `requests` has what each connection sent. The connection is closed when its script ends,
    unless the script's last item is a pause: then it stays open until the server ends. One that
    does not listen talks at once.
    """

    def __init__(self, *scripts: Script, tls: bool = True, listens: bool = True) -> None:
        self._scripts = scripts
        self._listens = listens
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.ca_der, context = _trust()
        self._context = context if tls else None
        port = self._listener.getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://localhost:{port}/v0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        for one in self._open:
            one.close()
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                plain, _ = self._listener.accept()
                plain.settimeout(5)
                self._open.append(plain)
                self._talk(plain)

    def _talk(self, plain: socket.socket) -> None:
        connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
        self._open.append(connection)
        self.requests.append(_read_request(connection) if self._listens else b"")
        script = self._scripts[min(len(self.requests), len(self._scripts)) - 1]
        for item in script:
            if item is None:
                plain_reset(connection)
                return
            if isinstance(item, bytes):
                connection.sendall(item)
            elif self._ended.wait(item):
                return
        if not script or not isinstance(script[-1], float | int):
            with contextlib.suppress(OSError):
                if isinstance(connection, ssl.SSLSocket):
                    connection.settimeout(0.05)  # say goodbye, but do not wait for the answer
                    connection.unwrap()
            connection.close()


@cache
def _trust() -> tuple[bytes, ssl.SSLContext]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()), context


def plain_reset(connection: socket.socket) -> None:
    """Close with a reset instead of a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        head, blank, body = data.partition(b"\r\n\r\n")
        if blank:
            length = [
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ]
            if len(body) >= (length[0] if length else 0):
                break
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data
