"""A mock cloud for each test, and a client that trusts it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from startline_host.mock_cloud import MockCloud, MockOptions

SEED_BODY = b'{"model": "Model X1", "serial_number":"DEVICE-123"}'
SEED_ID = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"


@dataclass
class Client:
    """Calls one mock cloud with one key."""

    cloud: MockCloud
    http: httpx.Client
    key: str

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the RUFUS API; `path` begins after `/v0`."""
        headers = {"api_key": self.key, **options.pop("headers", {})}
        return self.http.request(method, self.cloud.base_url + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET a path."""
        return self.call("GET", path, **options)

    def post(self, path: str, fields: object) -> httpx.Response:
        """POST JSON to a path."""
        return self.call("POST", path, json=fields)

    def bind(self, serial: str = "R1", **fields: object) -> str:
        """Bind a device and return its deviceid."""
        answer = self.post("/devices", {"model": "X1", "serial_number": serial, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["deviceid"])

    def session(self, deviceid: str, alias: str = "Start") -> str:
        """Start a session and return its token."""
        answer = self.post("/sessions", {"deviceid": deviceid, "alias": alias})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token_session"])

    def pass_by(self, token: str, *numbers: int, minute: int = 0) -> httpx.Response:
        """Insert passings with these numbers, a second apart."""
        passings = [
            {
                "bib": str(number),
                "num_passing": number,
                "timestamp": f"2026-05-01T09:{minute:02}:{number % 60:02}.000Z",
            }
            for number in numbers
        ]
        return self.post("/passings", {"token_session": token, "passings_list": passings})


Start = Callable[..., MockCloud]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start mock clouds with options of the test's own choice."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(MockCloud(MockOptions(**options)))


@pytest.fixture
def cloud(start: Start) -> MockCloud:
    """Run a mock cloud as it comes."""
    return start()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Make clients for a cloud, with a key that may do everything unless told otherwise."""
    with ExitStack() as stack:

        def make(cloud: MockCloud, access: str = "READ_WRITE_UNBIND") -> Client:
            trust = ssl.create_default_context(cadata=cloud.ca_pem.decode())
            http = stack.enter_context(httpx.Client(verify=trust, trust_env=False, timeout=10))
            return Client(cloud, http, cloud.keys.get(access, access))

        yield make


@pytest.fixture
def client(cloud: MockCloud, connect: Callable[..., Client]) -> Client:
    """Call the cloud with a key that may do everything."""
    return connect(cloud)
