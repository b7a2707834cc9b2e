"""A server that ends every TLS handshake with an alert."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from startline_host.local_web.listen_socket import bind


@contextmanager
def objecting_server(port: int) -> Iterator[None]:
    """End every handshake on a port with the fatal alert 70, protocol_version."""
    sockets = bind("localhost", port)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                there, _ = listener.accept()
            except OSError:
                return
            with there:
                there.recv(1)
                there.sendall(bytes([21, 3, 3, 0, 2, 2, 70]))
                while there.recv(4096):
                    pass

    for one in sockets:
        one.listen()
        threading.Thread(target=serve, args=(one,), daemon=True).start()
    yield
    for one in sockets:
        one.shutdown(socket.SHUT_RDWR)
        one.close()
