"""Checks a device with its cloud: that a bound one is known there, that a new one's number is free."""

from __future__ import annotations

from startline_host.clouds.cloud_check import Entry, same_serial
from startline_host.clouds.cloud_kinds import kind_of
from startline_host.errors import CloudDisagrees, StartlineError
from startline_host.flows.first_boot import Outcome
from startline_host.flows.notices import Listener, Remark, Step
from startline_host.formats.factory_partition import Settings
from startline_host.secrets import Secret
from startline_host.util import printable


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
