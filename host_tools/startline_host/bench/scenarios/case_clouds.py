"""The clouds of one case: the reader's own, and a stranger's where names lead astray."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.model import IMPOSTOR, NOTHING, Scenario
from startline_host.bench.scenarios.race_model import CloudRules, Elsewhere
from startline_host.bench.scenarios.virtual_rig import IMPOSTOR_ADDRESS
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.clouds.device_entries import agent_module
from startline_host.clouds.request_identity import RequestIdentity
from startline_host.errors import BadInput
from startline_host.mock_cloud import LoggedRequest, MockCloud, MockOptions
from startline_host.mock_cloud.fault_spec import parse
from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS
from startline_host.secrets import Secret
from startline_host.virtual.time_server import TimeServer


class CaseClouds:
    """The mock cloud as a case wants it, listening on `host`; readers know it as `name`."""

    def __init__(self, case: Case, host: str = "localhost", name: str = "") -> None:
        setup = case.scenario.cloud
        self._case = case
        self._stack = ExitStack()
        self._impostor: MockCloud | None = None
        self._given_back: list[Callable[[], None]] = []
        #: What a race asks for the time.
        self.time_server: TimeServer | None = None
        #: Tokens of devices that somebody has unbound.
        self.unbound: list[str] = []
        self._played = find_cloud(case.cloud).played
        self.cloud: MockCloud = self._played.make_mock(
            MockOptions(
                **self._played.case_options(setup, case.envelope),
                tls=setup.tls,
                certificate=setup.certificate,
                proxied=_meets_bytes(case.scenario),
                host=host,
                names=(name,) if name else (),
                seed=case.seed,
            )
        )

    def __enter__(self) -> Self:
        self._stack.enter_context(self.cloud)
        if self._case.scenario.races:
            self.time_server = self._stack.enter_context(TimeServer())
        if _names_impostor(self._case.scenario):
            self._impostor = self._stack.enter_context(
                self._played.make_mock(MockOptions(host=IMPOSTOR_ADDRESS, port=self.cloud.port))
            )
        for serial in self._case.scenario.cloud.devices:
            self._bind_elsewhere(serial)
        self.cloud.requests.clear()
        self.set_faults(self._case.scenario.cloud.faults)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def set_faults(self, orders: Iterable[str]) -> None:
        """Have these faults, and no others, from now on."""
        self.cloud.faults.clear()
        for spec in orders:
            self.cloud.faults.turn_on(spec)

    def set_time(self, offset: float | Literal["nothing"]) -> None:
        """Have the races' time server be so many seconds off, or silent."""
        if self.time_server is not None:
            self.time_server.offset = None if offset == NOTHING else float(offset)

    def set_rules(self, rules: CloudRules) -> None:
        """Have these rules for sessions and passings, and the usual ones besides, from now on."""
        self.cloud.use_rules(**rules.given())

    def sessions(self) -> Sequence[Mapping[str, Any]]:
        """List what the cloud was sent in races, oldest session first."""
        listed = self._played.sessions
        return listed(self.cloud) if listed else ()

    def elsewhere(self, deed: Elsewhere) -> None:
        """Do what somebody else does at the cloud. Raises BadInput where it has nothing to do it to."""
        if deed == "close_session":
            active = [one for one in self.sessions() if one["active"]]
            if not active:
                raise BadInput("There is no session that somebody else could close.")
            self.cloud.close_session(str(active[-1]["token_session"]))
        elif deed == "unbind":
            self._unbind()
        elif deed == "withdraw_key":
            self._given_back.append(self.cloud.withdraw_key(self.cloud.keys[self._case.key]))
        else:
            while self._given_back:
                self._given_back.pop()()

    def _unbind(self) -> None:
        """Unbind every device, as their company does with a key that may."""
        unbind = find_cloud(self._case.cloud).unbind_device
        if unbind is None:
            raise BadInput(f"There is no unbinding in {self._case.cloud}.")
        token = agent_module(self._case.cloud).TOKEN.decode()
        key = Secret(self.cloud.keys["READ_WRITE_UNBIND"])
        for device in self._played.devices(self.cloud):
            self.unbound.append(str(device[token]))
            unbind(self._played.base_url(self.cloud), [self.cloud.ca_der], key, self.unbound[-1])

    def strangers(self) -> list[LoggedRequest]:
        """Return what came to whom it was not meant for: the trap, and the stranger's cloud."""
        astray = list(self.cloud.trapped)
        if self._impostor is not None:
            astray += list(self._impostor.requests)
        return astray

    def _bind_elsewhere(self, serial: str) -> None:
        """Bind a device of that serial number as another reader would."""
        cloud = self.cloud
        base = self._played.base_url(cloud)
        claim = self._played.claim(base, Secret(cloud.keys["WRITE"]), serial)
        other = RequestIdentity(claim, serial=serial, model="Model X1")
        path, headers, body = agent_module(self._case.cloud).request(other, "")
        context = ssl.create_default_context(cadata=cloud.ca_pem.decode())
        httpx.post(
            base + path, headers=headers, content=body, verify=context, trust_env=False
        ).raise_for_status()


def _meets_bytes(scenario: Scenario) -> bool:
    orders = [*scenario.cloud.faults]
    for act in scenario.act:
        orders += act.faults or ()
    return any(parse(spec, ALL_FAULTS).name in PROXY_ROWS for spec in orders)


def _names_impostor(scenario: Scenario) -> bool:
    worlds = [scenario.world, *(act.world for act in scenario.act)]
    return any(world is not None and IMPOSTOR in world.dns.values() for world in worlds)
