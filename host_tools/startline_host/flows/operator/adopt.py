"""`startline reconcile --adopt`, or `--token`: an operator says which of the entries the device is."""

from __future__ import annotations

from collections.abc import Callable

from startline.net.device_list import OTHER

from startline_host.clouds.cloud_registry import kind_of
from startline_host.clouds.device_entries import CloudEntry, compare_serial, token_key
from startline_host.device.event_text import printable_field
from startline_host.device.port_session import PortSession
from startline_host.device.raw_repl import DeviceRaised
from startline_host.errors import BadInput, CloudDisagrees, StorageFailed, WouldTouchBound
from startline_host.flows.notices import Listener, Step
from startline_host.flows.operator.cloud_target import CloudTarget, check_cloud_target
from startline_host.flows.operator.confirmation import Ask, Confirmation, confirm
from startline_host.flows.operator.device_session import DeviceSession, device_session
from startline_host.flows.operator.lookup import describe
from startline_host.flows.operator.reconcile import no_key
from startline_host.flows.operator.reconcile_result import ReconcileResult
from startline_host.secrets import Secret
from startline_host.util import printable


def adopt(
    line: PortSession,
    cloud_target: CloudTarget | None,
    key: Secret | None,
    token: str,
    ask: Ask,
    *,
    ask_key: Callable[[], Secret] = no_key,
    listen: Listener,
) -> ReconcileResult:
    """Bind the device to an entry of the cloud's list that has its serial number.

    For a cloud without a list no key is asked for, and the operator's word is all there is.
    Raises WouldTouchBound for a bound device, CloudDisagrees for an entry that cannot be its own,
    BadInput where it was not confirmed, and StorageFailed where the device did not take it.
    """
    with device_session(line, listen) as device:
        serial = device.serial
        view = device.snapshot.record()
        if view.state == "bound":
            raise WouldTouchBound(
                f"The device {printable(serial)} is bound. It was left as it is."
            )
        if view.reason == "newer_record":
            raise WouldTouchBound("Its record was written by a newer agent.", "Update startline.")
        read = kind_of(device.cloud).list_devices
        listed = 0
        if read is None:
            seen = (
                f"deviceid {printable(token)}, on your word alone: this cloud tells nobody which "
                "device an id is"
            )
        else:
            cloud_target = check_cloud_target(cloud_target, device.stored)
            listen(Step("Looking into the cloud's list"))
            entries = read(cloud_target.base_url, cloud_target.ca, key or ask_key())
            seen, listed = _own_entry(device, entries, token), len(entries)
        question = Confirmation(
            f"{printable(serial)} will take this for its own:\n  {seen}.\nIf another reader holds "
            "it already, both will write to it from then on.",
            serial,
            "--confirm",
        )
        confirm(ask, question)
        try:
            after = device.run_command(f"adopt({token!r})")
        except DeviceRaised:
            raise BadInput(f"{printable(token)} is not a valid deviceid for this cloud.") from None
        if not after.bound or not _same(device.cloud, after.token, token):
            raise StorageFailed(
                f"The device did not store the deviceid: it says that it is {printable(after.state)} "
                f"({printable_field(after.reason or after.token)}).",
                "Run the command again.",
            )
        device.check_bound(after)
    return ReconcileResult(
        state=after.state, reason=after.reason, serial=serial, token=after.token, listed=listed
    )


def _same(cloud: str, one: str, other: str) -> bool:
    return token_key(cloud, one) == token_key(cloud, other)


def _own_entry(device: DeviceSession, entries: list[CloudEntry], token: str) -> str:
    """Return the entry with that token in words. Raises CloudDisagrees if it is not the device's."""
    entry = next((one for one in entries if one.has_token(token)), None)
    if entry is None:
        raise CloudDisagrees(
            f"The cloud's list has no deviceid {printable(token)}. Nothing was changed.",
            "startline reconcile names the entries that may be this device.",
        )
    if compare_serial(entry, device.serial, by_mark=False) == OTHER:
        raise CloudDisagrees(
            f"That deviceid is {printable(entry.serial_number)}, and the device is "
            f"{printable(device.serial)}. Nothing was changed."
        )
    return describe(entry)
