"""The clouds as this computer asks them: one entry each; no flow knows a cloud by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from startline_host.clouds.cloud_check import Entry, check_device, list_devices, same_serial
from startline_host.clouds.cloud_device import CloudDevice, get_device, unbind_device
from startline_host.clouds.vms_check import check_taken
from startline_host.errors import CloudDisagrees, StartlineError
from startline_host.flows.first_boot import Outcome
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.formats.factory_partition import Settings
from startline_host.secrets import Secret
from startline_host.util import printable


class CloudKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a cloud can be asked; None for what it has no call for.

    `check` says in words what the cloud has of a device that is bound, or raises what
    `verify_with_cloud` does; `check_wants_key` tells that it takes a READ key. `list_devices`,
    `get_device` and `unbind_device` are as their first ones are, those of RUFUS.
    """

    check: Callable[[Outcome, Settings, Secret | None], str] | None = None
    check_wants_key: bool = True
    list_devices: Callable[..., list[Entry]] | None = None
    get_device: Callable[..., CloudDevice] | None = None
    unbind_device: Callable[..., bool] | None = None

    @property
    def lists(self) -> bool:
        """Whether the cloud has a list of devices that a device can be looked for in."""
        return self.list_devices is not None


def kind_of(cloud: str) -> CloudKind:
    """Return what the cloud of that name, as in `claim.cloud`, can be asked: nothing if unknown."""
    return _KINDS.get(cloud, CloudKind())


def verify_with_cloud(
    outcome: Outcome, settings: Settings, key: Secret | None, listen: Listener
) -> bool:
    """Check a bound device with its cloud, whichever it is, and tell whether that could be done.

    Raises CloudDisagrees where the cloud tells another story, and NetworkFailed, TlsFailed,
    RefusedByCloud or BadInput where it cannot be asked.
    """
    kind = kind_of(settings.claim.cloud)
    reason = ""
    if outcome.base_url and outcome.base_url != settings.claim.base_url:
        reason = f"the device belongs to {outcome.base_url}, not to this cloud"
    elif kind.check is None:
        reason = f"{settings.claim.cloud} has no call for that"
    elif key is None and kind.check_wants_key:
        reason = "there is no READ key (STARTLINE_READ_KEY)"
    if reason or kind.check is None:
        listen(Remark(f"Not checked with the cloud: {reason}.", warning=True))
        return False
    listen(Step("Checking with the cloud"))
    listen(Remark(kind.check(outcome, settings, key)))
    return True


def refuse_taken(settings: Settings, serial: str, key: Secret | None, listen: Listener) -> None:
    """Raise CloudDisagrees if the cloud's list has that serial number already.

    To be asked before a new device is told who it is: no cloud promises what it does with a second
    device of one number. A list that cannot be read is only remarked upon.
    """
    read = kind_of(settings.claim.cloud).list_devices
    if read is None or key is None:
        return
    listen(Step("Looking whether the serial number is free"))
    try:
        entries: list[Entry] = read(settings.claim.base_url, settings.tls.ca, key)
    except StartlineError as error:
        listen(Remark(f"That is not known: {error.message}", warning=True))
        return
    taken = [entry for entry in entries if same_serial(entry.serial_number, serial)]
    if taken:
        raise CloudDisagrees(
            f"The cloud has {printable(serial)} already, as deviceid "
            f"{printable(taken[0].deviceid)}. Nothing was written.",
            "If another reader has that serial number, give this one its own. If it is a leftover "
            "of this board, remove it in the cloud's own page first.",
        )


def _check_by_list(outcome: Outcome, settings: Settings, key: Secret | None) -> str:
    check_device(
        settings.claim.base_url,
        settings.tls.ca,
        key or Secret(""),
        serial=outcome.serial,
        token=outcome.token,
    )
    return "The cloud knows this very device."


def _check_taken(outcome: Outcome, settings: Settings, _key: Secret | None) -> str:
    return f"The cloud would not activate it again: {check_taken(settings, outcome)}"


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
