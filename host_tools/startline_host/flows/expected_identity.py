"""Who a device has to be: what it was told, or keeps, held against what it says of itself.

A device can say anything: it may be another one on the same port, carry somebody else's firmware,
or mean harm. So its own words decide nothing; they are compared with what this computer made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from types import MappingProxyType

import msgspec
from startline.roles import find_cloud

from startline_host.device.console import Event
from startline_host.errors import OutcomeUnknown, WrongDevice
from startline_host.flows.device_snapshot import DeviceSnapshot
from startline_host.flows.firmware_bundle import Provision
from startline_host.formats.serial_number import code_point, same_to_people
from startline_host.util import printable

#: What the events say of an identity, and how a person calls it.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "serial": "serial number",
        "model": "model",
        "mac": "chip",
        "cloud": "cloud",
        "base_url": "base URL",
    }
)
_ASIDE = "Was the board swapped, or is something else on it? Put it aside; nothing it says counts."


class ExpectedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A device's identity as this computer knows it; "" for what it does not know.

    `mac` is the chip's own, "24:6f:28:00:00:01".
    """

    serial: str
    model: str = ""
    mac: str = ""
    cloud: str = ""
    base_url: str = ""

    def check(self, event: Event) -> None:
        """Raise WrongDevice for an event in which the device says that it is somebody else.

        Raises OutcomeUnknown for a device that says it is bound and names nothing that its cloud
        would hand out as a deviceid.
        """
        if event.name in {"identity", "ready"}:
            for name, words in _WORDS.items():
                self._compare(words, getattr(self, name), event.fields.get(name))
        if event.name == "ready" and event.fields.get("state") == "bound":
            if not self._is_token(str(event.fields.get("token") or "")):
                raise OutcomeUnknown(
                    "The device says that it is bound, and names no deviceid.",
                    "Ask it at its prompt: startline status --interrupt.",
                )
            if not event.fields.get("serial"):
                raise WrongDevice("The device says that it is bound, and not who it is.", _ASIDE)

    def checked(self, listen: Callable[..., None]) -> Callable[..., None]:
        """Return a listener that is told what `listen` is, and then holds events against this."""

        def hear(notice: object) -> None:
            listen(notice)
            if isinstance(notice, Event):
                self.check(notice)

        return hear

    def _is_token(self, token: str) -> bool:
        """Tell whether the cloud may have handed that out; any word may be, of a cloud not known."""
        cloud = find_cloud(self.cloud)
        if cloud is None:
            return bool(token)
        return bool(cloud.canonical(token) or cloud.canonical(token.encode()))

    def _compare(self, words: str, known: str, said: object) -> None:
        if known and said and said != known:
            like = same_to_people(str(said)) == same_to_people(known)
            raise WrongDevice(
                f"The device says that its {words} is {printable(str(said))}, and it should be "
                f"{printable(known)}{_difference(str(said), known) if like else ''}.",
                _ASIDE,
            )


def _difference(said: str, known: str) -> str:
    """Say in what two texts differ that look the same, by the first code points that do."""
    pairs = zip_longest(said, known)
    there, wanted = next((one, other) for one, other in pairs if one != other)
    words = [code_point(one) if one else "its end" for one in (there, wanted)]
    return f": they differ in {words[0]} where {words[1]} should be"


class BootIdentity:
    """Holds a device to its own words: within one boot it cannot be two.

    `serial` is the one that it has to have, "" if that was not said.
    """

    def __init__(self, serial: str = "") -> None:
        self._serial = serial
        self._identity = ExpectedIdentity(serial=serial)

    def check(self, event: Event) -> None:
        """Raise WrongDevice, or OutcomeUnknown, as `ExpectedIdentity.check` does."""
        if event.name == "boot":
            self._identity = ExpectedIdentity(serial=self._serial)
        self._identity.check(event)
        if event.name == "identity":
            said = {name: str(event.fields.get(name) or "") for name in _WORDS}
            self._identity = ExpectedIdentity(**{**said, "serial": self._serial or said["serial"]})


def identity_after(
    snapshot: DeviceSnapshot, provision: Provision | None, *, stays: bool
) -> ExpectedIdentity:
    """Return who a device is once it is loaded: as provisioned, or, where that `stays`, as it was."""
    if provision is None or stays:
        stored = snapshot.stored()
        return ExpectedIdentity(
            serial=stored.get("factory", "serial"),
            model=stored.get("factory", "model"),
            mac=snapshot.mac,
            cloud=stored.get("claim", "cloud"),
            base_url=stored.get("claim", "base_url").rstrip("/"),
        )
    return ExpectedIdentity(
        serial=provision.unit.serial,
        model=provision.unit.model,
        mac=snapshot.mac,
        cloud=provision.settings.claim.cloud,
        base_url=provision.settings.claim.base_url,
    )
