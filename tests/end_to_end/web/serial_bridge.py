"""A static web server with, beside its files, a serial port for the stand-in of Web Serial.

`POST /serial/open`, `write`, `signals` and `close` do what the methods of a browser's port do, and
the body of `GET /serial/read` is what the device says until the port is closed.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from startline_host.device.port import Port, open_port
from startline_host.errors import NoSuchPort


class SerialBridge:
    """Serves a folder, and the port at `url` to one page at a time.

    After `hold_after` more bytes for the device, none reaches it, and `held` is set, until
    `let_go`: so a page can be made to go away in the middle of what it writes.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.held = threading.Event()
        self.hold_after: int | None = None
        self._url = url
        self._port: Port | None = None
        #: pyserial cannot negotiate two options of one port at the same time.
        self._lines = threading.RLock()
        self._released = threading.Event()
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *given: _BridgeHandler(self, folder, *given)
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://localhost:{self._server.server_port}/"

    def wait_until_closed(self) -> None:
        """Wait until no page has the port."""
        self._closed.wait()

    def open(self, baud: int) -> None:
        """Open the port as Linux does: both lines are raised."""
        with self._lines:
            self.close()  # what a page had open that was reloaded
            port = self._port = open_port(self._url, baud)
            self._closed.clear()
            port.line.dtr = True
            port.line.rts = True

    def close(self) -> None:
        """Let go of the port; RTS first, so that the reader is not reset."""
        with self._lines:
            port, self._port = self._port, None
            if port is not None:
                port.line.rts = False
                port.line.dtr = False
                port.close()
            self._closed.set()

    def signals(self, told: dict[str, bool]) -> None:
        """Set the lines that are named."""
        with self._lines:
            assert self._port is not None
            if "dataTerminalReady" in told:
                self._port.line.dtr = told["dataTerminalReady"]
            if "requestToSend" in told:
                self._port.line.rts = told["requestToSend"]

    def write(self, data: bytes) -> None:
        """Send bytes to the device."""
        if self.hold_after is not None:
            self.hold_after -= len(data)
            if self.hold_after < 0:
                self.held.set()
                self._released.wait()
                return
        assert self._port is not None
        self._port.write(data)

    def let_go(self) -> None:
        """Forget what was held, and hold nothing from now on."""
        self.hold_after = None
        self._released.set()
        self.held.clear()

    def read(self, page: socket.socket) -> None:
        """Send a page what the device says, until the port is closed; a page that goes closes it."""
        port = self._port
        try:
            while port is not None and port is self._port:
                page.sendall(port.read(0.05))
                if select.select([page], [], [], 0)[0] and not page.recv(1):
                    break
        except NoSuchPort:  # closed meanwhile
            return
        except OSError:
            pass  # the page has gone
        if port is self._port:
            self.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        self.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _BridgeHandler(SimpleHTTPRequestHandler):
    """Serves the folder as `python -m http.server` does, and /serial/ from the bridge."""

    def __init__(self, bridge: SerialBridge, folder: Path, *given: Any) -> None:
        self._bridge = bridge
        super().__init__(*given, directory=str(folder))

    def do_GET(self) -> None:
        if self.path != "/serial/read":
            super().do_GET()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self._bridge.read(self.connection)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            match self.path.removeprefix("/serial/"):
                case "open":
                    self._bridge.open(json.loads(body)["baudRate"])
                case "signals":
                    self._bridge.signals(json.loads(body))
                case "write":
                    self._bridge.write(body)
                case "close":
                    self._bridge.close()
            status = 204
        except (AssertionError, NoSuchPort, OSError):
            status = 503
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
