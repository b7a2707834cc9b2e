"""A panel as its page sees it, and a reader that says its piece on a plain TCP port."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from startline_host.boards import load_board
from startline_host.flows.doctor.checks import DoctorContext
from startline_host.panel import PanelOptions, PanelServer
from tests.flows.test_event_fuzz import sealed

State = dict[str, Any]
_PATIENCE = 90.0


def options(url: str, **others: Any) -> PanelOptions:
    """Return the options of a panel whose checks look at no settings."""
    doctor = DoctorContext(
        board=load_board("VIRTUAL_ESP32"), port=url, usb_ids=(), baud=115200,
        settings=Path("no-such-settings.toml"), settings_named=False, read_key=None, seconds=0.1,
    )  # fmt: skip
    return PanelOptions(url=url, doctor=doctor, **others)


class Visitor:
    """Opens a panel's page, and does what its script does."""

    def __init__(self, panel: PanelServer) -> None:
        self.panel = panel
        self.http = httpx.Client(base_url=panel.page_url, trust_env=False, timeout=30)
        markup = self.http.get("/").text
        self.token = re.findall(r'name="startline-token" content="([^"]+)"', markup)[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()

    def state(self) -> State:
        """Return what the page shows."""
        told: State = self.http.get("/_panel/state").json()
        return told

    def until(self, holds: Callable[[State], object]) -> State:
        """Wait until something holds of what the page shows."""
        end = time.monotonic() + _PATIENCE
        while not holds(told := self.state()):
            assert time.monotonic() < end, json.dumps(told, indent=1)
            time.sleep(0.05)
        return told

    def until_says(self, words: str) -> State:
        """Wait until the page's first sentence has these words."""
        return self.until(lambda told: words in told["headline"]["words"])

    def post(self, path: str, fields: object, **headers: str) -> httpx.Response:
        """Send what the page's script would."""
        return self.http.post(
            path, json=fields, headers={"X-Startline-Token": self.token, **headers}
        )

    def order(self, verb: str, **order: Any) -> httpx.Response:
        """Start a verb."""
        return self.post("/_panel/jobs", {"verb": verb, "order": order})

    def done(self, verb: str, **order: Any) -> State:
        """Have a verb done that may stop the reader; return how it ended."""
        answer = self.order(verb, **order)
        assert answer.status_code == 202, answer.text
        return self.ended()

    def ended(self) -> State:
        """Wait until the verb that runs has ended, and return how."""
        job: State = self.until(lambda told: told["job"]["state"] != "running")["job"]
        return job


class TalkingReader:
    """A serial port at `url` that says what it is told to, as long as it is plugged in."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.number = self._listener.getsockname()[1]
        self.url = f"socket://127.0.0.1:{self.number}"
        self.got = bytearray()
        self._there: socket.socket | None = None
        self._accept()

    def say(self, *records: str | bytes) -> None:
        """Print lines, or events as JSON without the last brace."""
        end = time.monotonic() + _PATIENCE
        while self._there is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        for one in records:
            self._there.sendall(sealed(one) if isinstance(one, str) else one)

    def unplug(self) -> None:
        """Let the port be gone."""
        self._listener.close()
        if self._there is not None:
            self._there.shutdown(socket.SHUT_RDWR)
            self._there.close()
            self._there = None

    def plug_in(self) -> None:
        """Be there again, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.number))
        self._accept()

    def _accept(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        try:
            self._there, _ = listener.accept()
            while data := self._there.recv(4096):
                self.got += data
        except OSError:
            return
