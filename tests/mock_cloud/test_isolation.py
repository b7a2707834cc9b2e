"""Two companies' keys never see each other's data."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from startline_host.mock_cloud.exchange import call_app
from startline_host.mock_cloud.rufus import RufusApi
from startline_host.mock_cloud.store import CloudStore, default_keys

COMPANIES = ("Ours", "Theirs")
WHO = st.sampled_from(COMPANIES)


class Companies(RuleBasedStateMachine):
    """Two companies bind, time and unbind as they like, and try it with each other's ids."""

    devices = Bundle("devices")
    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.store = CloudStore()
        self.app = RufusApi(self.store).app()
        self.runner = asyncio.Runner()
        self.keys = {
            name: default_keys(self.store, self.store.company(name))["READ_WRITE_UNBIND"]
            for name in COMPANIES
        }
        self.owned: dict[str, set[str]] = {name: set() for name in COMPANIES}
        self.count = 0

    def call(self, who: str, method: str, path: str, body: object = None) -> Any:
        """Call the API as a company; return status and fields."""
        place, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": place,
            "query_string": query.encode(),
            "headers": [(b"api_key", self.keys[who].encode())],
        }
        reply = self.runner.run(call_app(self.app, scope, json.dumps(body or {}).encode()))
        return reply.status, json.loads(reply.body)

    @rule(target=devices, who=WHO, serial=st.sampled_from(["R1", "R2"]))
    def bind(self, who: str, serial: str) -> tuple[str, str]:
        """Bind a device; both companies use the same serial numbers."""
        status, fields = self.call(
            who, "POST", "/devices", {"model": who, "serial_number": serial}
        )
        assert status == 201
        self.owned[who].add(fields["deviceid"])
        return who, fields["deviceid"]

    @rule(target=sessions, device=devices, who=WHO)
    def insert_session(self, device: tuple[str, str], who: str) -> tuple[str, str, str]:
        """Start a session on a device, one's own or the other's."""
        owner, deviceid = device
        status, fields = self.call(who, "POST", "/sessions", {"deviceid": deviceid})
        assert status == (201 if deviceid in self.owned[who] else 404)
        return owner, deviceid, fields.get("token_session", "0" * 64)

    @rule(session=sessions, who=WHO)
    def insert_passing(self, session: tuple[str, str, str], who: str) -> None:
        """Insert a passing; the other company's session is not found."""
        owner, _, token = session
        self.count += 1
        passing = {
            "bib": owner, "num_passing": self.count, "timestamp": "2026-05-01T09:00:00.000Z",
        }  # fmt: skip
        body = {"token_session": token, "passings_list": [passing]}
        status, _ = self.call(who, "POST", "/passings", body)
        assert status in ({201, 404} if who == owner else {404})

    @rule(device=devices, session=sessions, who=WHO)
    def read(self, device: tuple[str, str], session: tuple[str, str, str], who: str) -> None:
        """Read everything there is to read; what is found is one's own."""
        token = session[2]
        for path, owner, deviceid in (
            (f"/devices/{device[1]}", *device),
            (f"/sessions/device/{device[1]}", *device),
            (f"/sessions/device/{device[1]}/active", *device),
            (f"/passings/device/{device[1]}", *device),
            (f"/passings/device2/{device[1]}", *device),
            (f"/passings/device2/{device[1]}?token_session={token}&last=0", *device),
            (f"/sessions/{token}", *session[:2]),
            (f"/passings/session/{token}", *session[:2]),
        ):
            status, fields = self.call(who, "GET", path)
            if who != owner or deviceid not in self.owned[who]:
                assert status == 404, path
            assert (COMPANIES[1 - COMPANIES.index(who)]) not in str(fields), path

    @rule(session=sessions, who=WHO)
    def close_session(self, session: tuple[str, str, str], who: str) -> None:
        """Close a session; only the owner can."""
        status, _ = self.call(who, "PATCH", f"/sessions/close/{session[2]}")
        assert status in ({200, 404} if who == session[0] else {404})

    @rule(device=consumes(devices), who=WHO)
    def unbind(self, device: tuple[str, str], who: str) -> None:
        """Unbind a device; the other company's is not found and stays."""
        status, _ = self.call(who, "DELETE", f"/devices/{device[1]}")
        assert status == (200 if device[1] in self.owned[who] else 404)
        self.owned[who].discard(device[1])

    @invariant()
    def each_lists_its_own(self) -> None:
        """Each company's list holds its own devices, all of them and no others."""
        for who in COMPANIES:
            _, fields = self.call(who, "GET", "/devices")
            assert {one["deviceid"] for one in fields["result"]} == self.owned[who]
            assert fields["pagination"]["total"] == len(self.owned[who])

    def teardown(self) -> None:
        """Let go of the database."""
        self.runner.close()
        self.store.close()


Companies.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
)
TestCompanies = Companies.TestCase
