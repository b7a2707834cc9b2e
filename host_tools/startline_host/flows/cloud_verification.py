"""Asks the cloud before and after: is a new device's number free, is a bound one known there.

A READ key that was given has to work: what cannot be asked with it stops a device before anything
is written to it, and only the cloud's own word makes a device verified.
"""

from __future__ import annotations

import time

import msgspec
from startline.net.device_list import LIKE, SAME, UNCLEAR

from startline_host.clouds.cloud_registry import kind_of
from startline_host.clouds.device_entries import (
    CloudEntry,
    entry_names,
    find_serial,
    token_key,
)
from startline_host.errors import (
    BadInput,
    CloudDisagrees,
    NetworkFailed,
    RefusedByCloud,
    TlsFailed,
    WrongDevice,
)
from startline_host.flows.expected_identity import ExpectedIdentity
from startline_host.flows.first_boot import FirstBootOutcome
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.formats.cloud_url import same_cloud
from startline_host.formats.factory_partition import DeviceSettings
from startline_host.secrets import Secret
from startline_host.util import printable

_WITHOUT = "Fix that, or go on without looking: give no READ key (on a line: --no-verify)."


class SerialTaken(CloudDisagrees):
    """The cloud has a device of that serial number already: no second one is made."""


def check_cloud_before(
    settings: DeviceSettings,
    serial: str,
    key: Secret | None,
    listen: Listener,
    *,
    tokens: tuple[str, ...] | None = None,
    claim_may_read: bool = True,
) -> bool:
    """Look into the cloud's list before anything is written; tell if the key is proven good.

    `serial` must be free, "" asks for none: no cloud promises what it does with a second device of
    one number. With `tokens`, those of units that the company has, the key is compared with the
    claim key as well, since another company's would show every number as free; one of which it is
    known that it does not read is not asked again. Without a key, or a
    list, nothing is asked. Raises SerialTaken, CloudDisagrees for another company's key or an entry
    that cannot be compared, and NetworkFailed, TlsFailed or RefusedByCloud where the list cannot be
    read to its end.
    """
    if key is None or not kind_of(settings.claim.cloud).lists:
        return False
    if serial:
        listen(Step("Checking whether the serial number is free"))
    listed = _whole_list(settings, key)
    proven = tokens is not None and _is_the_company_s(
        settings, key, listed, tokens, claim_may_read=claim_may_read
    )
    if serial:
        _refuse_taken(listed, serial)
    return proven


def _refuse_taken(listed: list[CloudEntry], serial: str) -> None:
    """Raise SerialTaken for a serial number that the list has, however it is written there.

    Raises CloudDisagrees for an entry of today that cannot be compared: then nothing is proven.
    """
    found = find_serial(listed, serial, first=int(time.time()))
    taken = found[SAME] + found[LIKE]
    if taken:
        there = taken[0].serial_number
        written = "" if there == serial else f" (it writes {printable(there)!r})"
        raise SerialTaken(
            f"The cloud has {printable(serial)} already{written}, as deviceid "
            f"{printable(taken[0].deviceid)}. Nothing was written.",
            "If another reader has that serial number, give this one its own. If it is a leftover "
            "of this board, remove it on the cloud's own page first.",
        )
    if found[UNCLEAR]:
        raise CloudDisagrees(
            f"Whether {printable(serial)} is free is not known: in the cloud's list "
            f"{printable(entry_names(found[UNCLEAR]))} cannot be compared. Nothing was written.",
            "Look that entry up in the cloud's own page. If it is another reader's: give no READ key "
            "to go on without looking (on a line: --no-verify).",
        )


def check_cloud_of_snapshot(
    identity: ExpectedIdentity, settings: DeviceSettings, key: Secret | None
) -> None:
    """Raise WrongDevice for a device that stays what it is, and that this cloud cannot vouch for.

    Without a READ key nobody asks the cloud, and there is nothing to compare.
    """
    there, here = identity.base_url, settings.claim.base_url
    if key is not None and there and not same_cloud(there, here):
        raise WrongDevice(
            f"The device belongs to {printable(there)}, not to {here}. Nothing was written.",
            "Name the settings of its own cloud with --settings, or load its agent alone: "
            "startline flash --allow-bound.",
        )


def verify_with_cloud(
    outcome: FirstBootOutcome,
    settings: DeviceSettings,
    key: Secret | None,
    listen: Listener,
    identity: ExpectedIdentity,
) -> bool:
    """Check a bound device with its cloud, whichever it is, and tell whether that could be done.

    It is asked for the device of that `identity`, whatever the device says. Raises CloudDisagrees
    where the cloud tells another story, WrongDevice for a device of another cloud, and
    NetworkFailed, TlsFailed, RefusedByCloud or BadInput where it cannot be asked.
    """
    kind = kind_of(settings.claim.cloud)
    reason = ""
    if kind.check is None:
        reason = f"{settings.claim.cloud} has no call for that"
    elif key is None and kind.check_wants_key:
        reason = "there is no READ key (STARTLINE_READ_KEY)"
    if reason or kind.check is None:
        listen(Remark(f"Not checked with the cloud: {reason}.", warning=True))
        return False
    if identity.base_url and not same_cloud(identity.base_url, settings.claim.base_url):
        raise WrongDevice(
            f"The device belongs to {printable(identity.base_url)}, not to "
            f"{settings.claim.base_url}: this cloud cannot say whether it is bound.",
            "Name the settings of its own cloud: --settings.",
        )
    listen(Step("Checking with the cloud"))
    known = msgspec.structs.replace(
        outcome, serial=identity.serial or outcome.serial, mac=identity.mac or outcome.mac
    )
    listen(Remark(kind.check(known, settings, key)))
    return True


def lists_token(settings: DeviceSettings, key: Secret, token: str) -> bool:
    """Tell whether the READ key's list has that deviceid. Raises as `check_cloud_before` does."""
    return any(entry.has_token(token) for entry in _whole_list(settings, key))


def _whole_list(settings: DeviceSettings, key: Secret) -> list[CloudEntry]:
    read = kind_of(settings.claim.cloud).list_devices
    assert read is not None  # noqa: S101 - whoever asks has seen that there is a list
    try:
        return list(read(settings.claim.base_url, settings.tls.ca, key, whole=True))
    except BadInput as error:
        # The key is well-formed: it is the cloud that says no to it.
        raise RefusedByCloud(f"{error.message} Nothing was written.", error.hint) from None
    except (NetworkFailed, TlsFailed, RefusedByCloud) as error:
        raise type(error)(f"{error.message} Nothing was written.", _WITHOUT) from None


def _is_the_company_s(
    settings: DeviceSettings,
    key: Secret,
    listed: list[CloudEntry],
    tokens: tuple[str, ...],
    *,
    claim_may_read: bool,
) -> bool:
    """Tell whether the READ key is proven to be of the claim key's company.

    A WRITE key cannot list, and then only known units can tell. Raises CloudDisagrees where it is
    proven to be of another one.
    """
    if key == settings.claim.key:
        return True
    cloud = settings.claim.cloud
    own: set[str] | None = {token_key(cloud, token) for token in tokens}
    if not own:
        own = _listed_by_claim_key(settings) if claim_may_read else None
    if own is None or not (own or listed):
        return False
    if own.isdisjoint({token_key(cloud, entry.deviceid) for entry in listed}):
        raise CloudDisagrees(
            "The READ key belongs to another company than the claim key: it lists none of the devices "
            "that this company has. Nothing was written.",
            "Give the READ key of the company that the devices are bound to. If they were all taken "
            "off it since: startline ledger verify.",
        )
    return True


def _listed_by_claim_key(settings: DeviceSettings) -> set[str] | None:
    """Return the deviceids that the claim key lists; None for a key that may not, such as WRITE."""
    if settings.claim.key is None:
        return None
    try:
        listed = _whole_list(settings, settings.claim.key)
    except RefusedByCloud:
        return None
    return {token_key(entry.cloud, entry.deviceid) for entry in listed}
