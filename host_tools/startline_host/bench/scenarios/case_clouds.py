"""The clouds of one case: the reader's own, and a stranger's where names lead astray."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import httpx

from startline_host.bench.scenarios.catalog import Case
from startline_host.bench.scenarios.model import IMPOSTOR, Scenario
from startline_host.bench.scenarios.virtual_rig import IMPOSTOR_ADDRESS
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.clouds.device_entries import agent_module
from startline_host.clouds.request_identity import RequestIdentity
from startline_host.mock_cloud import LoggedRequest, MockCloud, MockOptions
from startline_host.mock_cloud.fault_spec import parse
from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS
from startline_host.secrets import Secret


class CaseClouds:
    """The mock cloud as a case wants it, listening on `host`; readers know it as `name`."""

    def __init__(self, case: Case, host: str = "localhost", name: str = "") -> None:
        setup = case.scenario.cloud
        self._case = case
        self._stack = ExitStack()
        self._impostor: MockCloud | None = None
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
