"""`startline reconcile --adopt`: an operator says which of the cloud's entries the device is."""

from __future__ import annotations

from host_tools.bench.cloud_check import list_devices, same_serial
from host_tools.bench.notices import Listener, Step
from host_tools.bench.operator.looking import describe
from host_tools.bench.operator.place import Place, check_place
from host_tools.bench.operator.question import Ask, Question, confirm
from host_tools.bench.operator.reconcile import Reconciled
from host_tools.bench.operator.stopped import Stopped, stopped
from host_tools.device.line import Line
from host_tools.device.text import printable
from host_tools.device.wire import DeviceRaised
from host_tools.errors import BadInput, CloudDisagrees, WouldTouchBound
from host_tools.secrets import Secret


def adopt(
    line: Line, place: Place | None, key: Secret | None, token: str, ask: Ask, *, listen: Listener
) -> Reconciled:
    """Bind the device to an entry of the cloud's list that has its serial number.

    For a cloud without a list there is no `key`, and the operator's word is all there is. Raises
    WouldTouchBound for a bound device, CloudDisagrees for an entry that cannot be its own, and
    BadInput where it was not confirmed.
    """
    with stopped(line, listen) as device:
        serial = device.serial
        view = device.kept.record()
        if view.state == "bound":
            raise WouldTouchBound(
                f"The device {printable(serial)} is bound. It was left as it is."
            )
        if view.reason == "newer_record":
            raise WouldTouchBound(
                "Its record was written by a newer agent.", "Take a newer startline."
            )
        seen, listed = _entry(device, place, key, token, listen)
        question = Question(
            f"{printable(serial)} will take this for its own:\n  {seen}\nIf another reader holds "
            "it already, both will write to it from then on.",
            serial,
            "--confirm",
        )
        confirm(ask, question)
        try:
            after = device.order(f"adopt({token!r})")
        except DeviceRaised:
            raise BadInput(f"{printable(token)} is no deviceid of this cloud's.") from None
    return Reconciled(
        state=after.state, reason=after.reason, serial=serial, token=after.token, listed=listed
    )


def _entry(
    device: Stopped, place: Place | None, key: Secret | None, token: str, listen: Listener
) -> tuple[str, int]:
    """Say what the cloud has under that token, and how many entries in all."""
    if device.told.get("claim", "cloud") != "rufus":
        return f"deviceid {printable(token)}, which this cloud gives no means to check", 0
    if key is None:
        raise BadInput("A READ key is needed to look at the entry.", "Set STARTLINE_READ_KEY.")
    place = check_place(place, device.told)
    listen(Step("Looking into the cloud's list"))
    entries = list_devices(place.base_url, place.ca, key)
    entry = next((one for one in entries if one.deviceid == token), None)
    if entry is None:
        raise CloudDisagrees(
            f"The cloud's list has no deviceid {printable(token)}. Nothing was changed.",
            "startline reconcile names the entries that may be this device.",
        )
    if not same_serial(entry.serial_number, device.serial):
        raise CloudDisagrees(
            f"That deviceid is {printable(entry.serial_number)}, and the device is "
            f"{printable(device.serial)}. Nothing was changed."
        )
    return describe(entry), len(entries)
