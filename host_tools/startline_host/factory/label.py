"""What a label says: the unit in words, and the text of its QR code, which can be read back.

The QR code's text is `startline:SERIAL?m=MAC&t=TOKEN&c=CRC`: the serial percent-encoded, the MAC
in plain hex, the first eight characters of the token, and the CRC-32 of all before `&c=` in hex.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import msgspec

from startline_host.errors import BadInput, WrongDevice
from startline_host.factory.entries import short_token

if TYPE_CHECKING:
    from startline_host.factory.entries import LedgerUnit
    from startline_host.factory.queries import LedgerQueries

_FORM = re.compile(
    r"startline:(?P<serial>[^?&]+)\?m=(?P<mac>[0-9a-f]{12})&t=(?P<token>[^&]*)&c=(?P<check>[0-9a-f]{8})"
)
_TOKEN_PART = 8


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """A label's texts; `code` is the QR code's."""

    serial: str
    model: str
    alias: str
    mac: str
    token: str
    code: str


class LabelScan(msgspec.Struct, frozen=True):
    """What a label's QR code says, with the MAC in its usual spelling and part of the token."""

    serial: str
    mac: str
    token: str


def make_label(unit: LedgerUnit) -> Label:
    """Return the unit's label. Raises BadInput for a unit that has not passed."""
    if not unit.passed:
        state = {"free": "not made yet", "work": "still in the making"}.get(unit.state, unit.state)
        raise BadInput(
            f"{unit.serial} gets no label: it is {state}.", "A label says that a unit has passed."
        )
    text = (
        f"startline:{quote(unit.serial, safe='')}"
        f"?m={unit.mac.replace(':', '')}&t={quote(unit.token[:_TOKEN_PART], safe='')}"
    )
    return Label(
        serial=unit.serial,
        model=unit.unit.model,
        alias=unit.unit.alias,
        mac=unit.mac,
        token=short_token(unit.token),
        code=f"{text}&c={_check(text)}",
    )


def read_code(text: str) -> LabelScan:
    """Read what a scanner gave for a label's QR code. Raises BadInput for anything else."""
    text = text.strip()
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadInput(
            f"This is not a Startline label: {text[:80]!r}.",
            "If it looks close: set the scanner to the keyboard layout of this computer.",
        )
    if _check(text.rpartition("&c=")[0]) != found["check"]:
        raise BadInput("The label was misread: its check digits differ.", "Scan it again.")
    mac = ":".join(re.findall("..", found["mac"]))
    return LabelScan(unquote(found["serial"]), mac, unquote(found["token"]))


def check_scan(ledger: LedgerQueries, text: str) -> LedgerUnit:
    """Return the unit whose label was scanned.

    Raises BadInput for what is no label of the ledger's, WrongDevice for one that says other than
    the ledger, or whose unit has not passed.
    """
    scan = read_code(text)
    unit = ledger.find(scan.serial)
    if unit.mac != scan.mac:
        raise WrongDevice(
            f"The label of {scan.serial} names the chip {scan.mac}, and the ledger "
            f"{unit.mac or 'none'}.",
            "Take the label off; print the right one from the ledger.",
        )
    if not unit.passed:
        raise WrongDevice(f"{scan.serial} has a label, but has not passed: it is {unit.state}.")
    if unit.token[:_TOKEN_PART] != scan.token:
        raise WrongDevice(
            f"The label of {scan.serial} shows another deviceid than the ledger.",
            "It is from an earlier binding: print a new one.",
        )
    return unit


def _check(text: str) -> str:
    return f"{binascii.crc32(text.encode()):08x}"
