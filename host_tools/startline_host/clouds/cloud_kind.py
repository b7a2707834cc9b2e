"""What a cloud's file tells of its cloud; no flow, verb or scenario knows a cloud by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from startline_host.clouds.bound_device import BoundDevice
from startline_host.clouds.device_entries import CloudEntry
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret


class CloudDevice(msgspec.Struct, frozen=True):
    """What the cloud says of a device: None where the key may not look."""

    found: bool | None
    sessions: int | None = None
    passings: int | None = None


class KeyReply(msgspec.Struct, frozen=True):
    """What was answered to a call: status, the API's own words, the time, and who answered.

    `is_api` tells that the answer has the API's form; `server` is what it says of itself.
    """

    status: int
    words: str
    time: datetime | None
    is_api: bool = True
    server: str = ""


class KeyOpinion(msgspec.Struct, frozen=True):
    """What is to be said of a key that can be used; with a `remedy` where another were better."""

    text: str
    remedy: str = ""


class KeyDoctor(msgspec.Struct, frozen=True, kw_only=True):
    """How keys are tried before a device is touched, by calls that change nothing.

    `ask` takes a READ key, or None for the claim key, and raises NetworkFailed or TlsFailed where no
    answer came. `claim_key` and `read_key` judge what came of it, and raise what a command would
    end with for a key that cannot be used.
    """

    ask: Callable[[DeviceSettings, Secret | None], KeyReply]
    claim_key: Callable[[DeviceSettings, KeyReply], KeyOpinion]
    read_key: Callable[[KeyReply], KeyOpinion]


class CloudKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud can be asked, and in which words; None for what it has no call for.

    `check(device, settings, READ key)` says in words what the cloud has of a device that is bound,
    or raises what `cloud_verification.verify_with_cloud` does; `check_wants_key` tells that it
    takes a READ key. `list_devices` is a `DeviceList.read`. `get_device(base URL, CAs, key, token=,
    serial=)` looks one device up, `unbind_device(base URL, CAs, key, token)` deletes it and tells
    whether it was there, and `losses(device, its name)` says what goes with it.

    `retry_settles` says what `startline retry` does for a device whose outcome is unknown, where
    the cloud has no list to settle it by, as a sentence with a blank behind it.
    """

    title: str = ""
    check: Callable[[BoundDevice, DeviceSettings, Secret | None], str] | None = None
    check_wants_key: bool = True
    list_devices: Callable[..., list[CloudEntry]] | None = None
    get_device: Callable[..., CloudDevice] | None = None
    unbind_device: Callable[..., bool] | None = None
    losses: Callable[[CloudDevice, str], str] | None = None
    retry_settles: str = ""
    doctor: KeyDoctor | None = None

    @property
    def lists(self) -> bool:
        """Whether the cloud has a list of devices that a device can be looked for in."""
        return self.list_devices is not None
