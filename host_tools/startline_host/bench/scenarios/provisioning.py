"""What a case's reader is told of itself: from a scenario's words to an identity and settings."""

from __future__ import annotations

from startline_host.bench.scenarios.model import ReaderSettings
from startline_host.boards import Led
from startline_host.clouds.cloud_registry import find_cloud
from startline_host.errors import BadInput
from startline_host.flows.board_loan import LOAN_MARK
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.mock_link import CloudLink
from startline_host.formats.factory_partition import (
    DeviceSettings,
    NetSettings,
    OptionSettings,
    RacingSettings,
    RunSettings,
    TlsSettings,
    make_entries,
    with_led,
)
from startline_host.formats.nvs_image import make_nvs_image
from startline_host.formats.partitions import FCTRY_SIZE
from startline_host.formats.units import Unit, now
from startline_host.mock_cloud import CertificateAuthority, MockCloud
from startline_host.secrets import Secret

#: The application's key, where a scenario gives it one of its own.
RUN_KEY = "ror-bench-run-key-000000"
_WRONG_KEY = "ror-00000000000000000000"
_ELSEWHERE = "https://elsewhere.invalid/v0"


class Provisioner:
    """Makes provisions for one case's cloud; a race asks `time_server` unless it is told others."""

    def __init__(
        self,
        cloud: MockCloud,
        key: str,
        name: str,
        link: CloudLink,
        slack: int = 0,
        led: Led | None = None,
        time_server: str = "",
    ) -> None:
        self._slack = slack
        self._time_servers = (time_server,) if time_server else ()
        self._led = led
        self._cloud = cloud
        self._key = key
        self.cloud_name = name
        self._played = find_cloud(name).played
        self._link = link
        self._stranger = cloud.add_company("Strangers")
        self._other_ca = CertificateAuthority().ca_der
        self._plain = Secret(cloud.keys[key])

    @property
    def base_url(self) -> str:
        """The cloud's address as readers are told it."""
        return self._played.base_url(self._cloud)

    def key(self, which: str | None) -> Secret:
        """Return a key by what a scenario calls it."""
        if which is None:
            return self._plain
        if which == "wrong":
            return Secret(_WRONG_KEY)
        if which.startswith("stranger"):
            return Secret(self._stranger["READ" if which == "stranger-read" else "WRITE"])
        return Secret(self._cloud.keys[which])

    def secrets(self) -> list[Secret]:
        """Return everything that no log and no console may show."""
        texts = {*self._cloud.keys.values(), *self._stranger.values(), RUN_KEY, _WRONG_KEY}
        texts.add(ReaderSettings().password)
        if self._link.password is not None:
            texts.add(self._link.password.reveal())
        return [Secret(text) for text in sorted(texts)]

    def provision(self, given: ReaderSettings) -> Provision:
        """Return the identity and the settings that a scenario names. Raises BadInput."""
        unit = Unit(
            serial=given.serial,
            model=given.model,
            alias=given.alias,
            type=given.type,
            made_at=now() + given.made_at,
            extra=dict(LOAN_MARK),
        )
        return Provision(unit, with_led(self._settings(given), self._led))

    def image(self, given: ReaderSettings) -> bytes:
        """Return the `fctry` partition for it, erased for a reader that is told nothing."""
        if given.blank:
            return b"\xff" * FCTRY_SIZE
        provision = self.provision(given)
        if not given.without:
            return provision.image()
        entries = make_entries(provision.unit, provision.settings)
        names = {f"{entry.namespace}.{entry.key}" for entry in entries}
        if strangers := sorted(set(given.without) - names):
            raise BadInput(f"without: there is no entry {strangers[0]!r} to leave out.")
        kept = [one for one in entries if f"{one.namespace}.{one.key}" not in given.without]
        return make_nvs_image(kept, FCTRY_SIZE)

    def _settings(self, given: ReaderSettings) -> DeviceSettings:
        cloud = self._cloud
        certificates = {"cloud": cloud.ca_der, "stranger": self._other_ca}
        run = {"same": Secret("same"), "own": Secret(RUN_KEY)}
        elsewhere = given.base_url == "elsewhere"
        return DeviceSettings(
            claim=self._played.claim(
                _ELSEWHERE if elsewhere else self.base_url, self.key(given.key), given.serial
            ),
            run=RunSettings(key=run.get(given.run_key or "")),
            net=self._net(given),
            tls=TlsSettings(ca=tuple(certificates[name] for name in given.ca)),
            set=OptionSettings(
                boot_limit=given.boot_limit + self._slack,
                look_pause=given.look_pause,
                mark=given.mark,
                insecure_http=None if cloud.tls else True,
            ),
            race=RacingSettings(
                dead_time=given.dead_time,
                servers=given.race_servers or self._time_servers,
                # The bench's program for races is typed at.
                console=False if self._time_servers else None,
                port=given.race_port,
            ),
        )

    def _net(self, given: ReaderSettings) -> NetSettings:
        if self._link.kind == "usb":
            return NetSettings(link="usb")
        if self._link.ssid:
            return NetSettings(ssid=self._link.ssid, password=self._link.password, ntp=given.ntp)
        return NetSettings(ssid=given.ssid, password=Secret(given.password), ntp=given.ntp)
