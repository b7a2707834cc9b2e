"""A reader in a folder that races against a mock cloud, life after life, in the real MicroPython."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import httpx

from startline_host.mock_cloud import MockCloud
from tests.firmware.harness import BLANK, factory_image, run_micropython, settings_for

SECTOR = 4096


class RacingReader:
    """One reader; `run` is one life of it, a case out of vm/cloud_cases.py."""

    def __init__(
        self, folder: Path, lib: Path, cloud: MockCloud, key: str = "WRITE", **options: Any
    ) -> None:
        self.folder = folder
        self.lib = lib
        self.cloud = cloud
        folder.mkdir(exist_ok=True)
        self._settings = settings_for(
            cloud.base_url, cloud.ca_der, cloud.keys[key], run="same", **options
        )
        self.become("DEVICE-123")
        self.erase_journal()
        self.state: dict[str, Any] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []

    def erase_journal(self) -> None:
        """Leave nothing of the races before."""
        (self.folder / "race").write_bytes(BLANK * SECTOR * 256)

    def become(self, serial: str) -> None:
        """Be another unit, not bound yet, on the same flash."""
        image = factory_image(self._settings, serial=serial)
        (self.folder / "fctry").write_bytes(image)
        (self.folder / "nvs").write_bytes(BLANK * 0x6000)
        (self.folder / "bind").write_bytes(BLANK * 0x2000)
        (self.folder / "record").unlink(missing_ok=True)

    def run(
        self, case: str, heap: str = "24m", module: str = "cloud_cases", **given: object
    ) -> str:
        """Run one case; return what it printed. Raises AssertionError where it did not hold."""
        facts = {"folder": str(self.folder), **given}
        (self.folder / "given.py").write_text("".join(f"{k} = {v!r}\n" for k, v in facts.items()))
        path = [str(self.folder), str(self.lib), ".frozen"]
        program = (
            f"import sys\nsys.path[:]={path}\nimport runner\nrunner.run({module!r}, [{case!r}])"
        )
        text = run_micropython("-c", program, heap=heap)
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "STATE":
                self.state, self.events = json.loads(rest)
            elif word == "FAIL":
                raise AssertionError(json.loads(rest)[1])
        assert f'PASS ["{case}"' in text, text
        return text

    def life(self, open: list[str], count: int = 0, **given: Any) -> dict[str, Any]:  # noqa: A002
        """Store passings in sessions, send until all is out, and return the state."""
        facts = {"bib": "", "until": "", "close": True, "limit_ms": 20000, **given}
        self.run("test_life", open=open, count=count, **facts)
        return self.state

    def told(self, name: str) -> list[dict[str, Any]]:
        """List the events of that name in the last life."""
        return [fields for event, fields in self.events if event == name]

    def sessions(self, number: int = 0) -> list[dict[str, Any]]:
        """List the sessions of the cloud's first device, or another one, oldest first."""
        device = self.cloud.devices()[number]["deviceid"]
        answer = self._get(f"/sessions/device/{device}")
        return list(answer.get("result", []))

    def passings(self, session: dict[str, Any]) -> list[dict[str, Any]]:
        """List the passings of a session, by number."""
        answer = self._get(f"/passings/session/{session['token_session']}")
        if not answer["result"]:
            return []
        found = list(answer["result"])
        for page in range(2, answer["pagination"]["total_pages"] + 1):
            more = self._get(f"/passings/session/{session['token_session']}?page={page}")
            found += more["result"]
        return found

    def numbers(self, session: dict[str, Any]) -> list[int]:
        """List the numbers of a session's passings."""
        return [passing["num_passing"] for passing in self.passings(session)]

    def close_elsewhere(self) -> None:
        """Close the active session, as the vendor's app on a phone would."""
        token = self.sessions()[-1]["token_session"]
        self._ask("PATCH", f"/sessions/close/{token}", "WRITE")

    def _get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, "READ")

    def _ask(self, method: str, path: str, key: str) -> dict[str, Any]:
        ca = self.folder / "ca.pem"
        ca.write_bytes(self.cloud.ca_pem)
        context = ssl.create_default_context(cafile=str(ca))
        headers = {"api_key": self.cloud.keys[key]}
        answer = httpx.request(method, self.cloud.base_url + path, headers=headers, verify=context)
        return dict(answer.json())
