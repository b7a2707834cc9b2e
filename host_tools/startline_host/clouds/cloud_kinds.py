"""The clouds as this computer asks them: one entry each; no flow knows a cloud by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec
from startline.serial_match import UNCLEAR

from startline_host.clouds.bound_device import BoundDevice
from startline_host.clouds.cloud_check import check_device, list_devices
from startline_host.clouds.cloud_device import CloudDevice, get_device, unbind_device
from startline_host.clouds.device_entries import CloudEntry, compare_serial
from startline_host.clouds.vms_check import check_taken
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import printable


class CloudKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud can be asked; None for what it has no call for.

    `check` says in words what the cloud has of a device that is bound, or raises what
    `cloud_verification.verify_with_cloud` does; `check_wants_key` tells that it takes a READ key. `list_devices`,
    `get_device` and `unbind_device` are as their first ones are, those of RUFUS.
    """

    check: Callable[[BoundDevice, DeviceSettings, Secret | None], str] | None = None
    check_wants_key: bool = True
    list_devices: Callable[..., list[CloudEntry]] | None = None
    get_device: Callable[..., CloudDevice] | None = None
    unbind_device: Callable[..., bool] | None = None

    @property
    def lists(self) -> bool:
        """Whether the cloud has a list of devices that a device can be looked for in."""
        return self.list_devices is not None


def kind_of(cloud: str) -> CloudKind:
    """Return what the cloud of that name, as in `claim.cloud`, can be asked: nothing if unknown."""
    return _KINDS.get(cloud, CloudKind())


def _check_by_list(device: BoundDevice, settings: DeviceSettings, key: Secret | None) -> str:
    entry = check_device(
        settings.claim.base_url,
        settings.tls.ca,
        key or Secret(""),
        serial=device.serial,
        token=device.token,
    )
    if compare_serial(entry, device.serial, by_mark=False) == UNCLEAR:
        return (
            "The cloud knows this deviceid; the serial number that it has there, "
            f"{printable(entry.serial_number) or 'none'}, cannot be compared."
        )
    return "The cloud knows this very device."


def _check_taken(device: BoundDevice, settings: DeviceSettings, _key: Secret | None) -> str:
    return f"The cloud would not activate it again: {check_taken(settings, device)}"


_KINDS: Mapping[str, CloudKind] = MappingProxyType(
    {
        "rufus": CloudKind(
            check=_check_by_list,
            list_devices=list_devices,
            get_device=get_device,
            unbind_device=unbind_device,
        ),
        "vms": CloudKind(check=_check_taken, check_wants_key=False),
    }
)
