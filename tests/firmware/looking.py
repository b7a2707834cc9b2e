"""A server with a list of devices, and a reader that has to look into it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.firmware.harness import HarnessReader, factory_image, settings_for
from tests.firmware.scripted import ScriptedServer, answer

OTHER = "A" * 64


def page(*entries: dict[str, Any], **more: Any) -> list[bytes]:
    """Write a page of the list of devices."""
    body = json.dumps({"description": "Success", "result": list(entries), **more})
    return [answer("200 OK", body.encode())]


def entry(token: str = OTHER, mark: str = "1.0.0", serial: str = "OTHER-1") -> dict[str, Any]:
    """Return an entry of the list."""
    return {
        "serial_number": serial,
        "firmware": mark,
        "deviceid": token,
        "sessions": [1, {"a": 2}],
    }


class ListingCloud(ScriptedServer):
    """A server whose answers can be made from the attempt id that the request brought."""

    def mark(self) -> str:
        """Return the firmware field of the last request to bind."""
        posts = [request for request in self.requests if request.startswith(b"POST")]
        return str(json.loads(posts[-1].split(b"\r\n\r\n")[1])["firmware"])


def run(
    tmp_path: Path, lib: Path, server: ScriptedServer, name: str = "reader", **options: Any
) -> HarnessReader:
    """Return a reader for a server."""
    settings = settings_for(server.base_url, server.ca_der, **options)
    return HarnessReader(tmp_path / name, lib, factory_image(settings))


def kinds(server: ScriptedServer) -> list[str]:
    """Return method and path of each request."""
    return [" ".join(request.decode("latin1").split()[:2]) for request in server.requests]
