"""What tells one device from the next: its identity, checked."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime

import msgspec
from startline.net.clock import MADE_AT

from startline_host.errors import BadInput
from startline_host.formats.nvs_image import check_key
from startline_host.formats.serial_number import (
    JOINERS,
    check_serial,
    check_trimmed,
    check_visible,
)

MAX_TEXT = 64
#: Seconds by which this computer's clock may be ahead of the one that a device asks.
_CLOCK_GRACE = 86_400
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


class Unit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device's identity, checked when it is made; raises BadInput with the reason.

    `mac` is "24:6f:28:00:00:01" and binds the image to that chip, `made_at` is Unix seconds,
    `name` is the device name at clouds that want one. `extra` holds keys of one's own for the
    namespace `factory`.
    """

    serial: str
    model: str
    type: str = ""
    alias: str = ""
    hw_rev: str = ""
    mac: str = ""
    made_at: int | None = None
    name: str = ""
    extra: dict[str, str] = {}

    def __post_init__(self) -> None:
        check_serial(self.serial)
        check_text(self.serial, "serial number")
        check_text(self.model, "model", required=True)
        for field in ("type", "alias", "hw_rev", "name"):
            check_text(getattr(self, field), field)
        if self.mac:
            check_mac(self.mac)
        if self.made_at is not None:
            _check_range(self.made_at, "made_at")
        for key, value in self.extra.items():
            check_key(key)
            if key in FIELDS:
                raise BadInput(f"The extra key {key!r} is reserved: each unit has one of its own.")
            check_text(value, key)


#: Keys that a unit has of its own in the namespace `factory`.
FIELDS = ("serial", "model", "type", "alias", "hw_rev", "mac", "made_at")


def check_text(text: str, what: str, *, required: bool = False, limit: int = MAX_TEXT) -> None:
    """Raise BadInput unless the text is UTF-8, within `limit` bytes, printable and trimmed."""
    if not text:
        if required:
            raise BadInput(f"The {what} is empty.", "Every device needs one of its own.")
        return
    check_visible(text, what, JOINERS)
    size = len(text.encode())
    if size > limit:
        raise BadInput(f"The {what} has {size} bytes in UTF-8, and at most {limit} are taken.")
    check_trimmed(text, what)


def check_mac(mac: str) -> None:
    """Raise BadInput unless this is the MAC of one chip, in the form 24:6f:28:00:00:01."""
    if not _MAC.fullmatch(mac):
        raise BadInput(f"The MAC {mac!r} is not of the form 24:6f:28:00:00:01.")
    if int(mac[:2], 16) & 1:
        kind = "the address of every" if mac == "ff:ff:ff:ff:ff:ff" else "a group's address, of no"
        raise BadInput(f"The MAC {mac} is {kind} device; a chip's begins with an even octet.")
    if mac.startswith("00:00:00:"):
        raise BadInput(f"The MAC {mac} is what an empty chip reports, and never a chip's own.")


def check_made_at(made_at: int, what: str = "made_at") -> None:
    """Raise BadInput for a time of making out of range, or still to come."""
    _check_range(made_at, what)
    if made_at > now():
        day = datetime.fromtimestamp(made_at, UTC)
        raise BadInput(
            f"{what} {day:%Y-%m-%d %H:%M} UTC is in the future: until then a reader would trust "
            "no clock, and could not bind.",
            "Give a day that has begun everywhere, or set this computer's clock.",
        )


def _check_range(made_at: int, what: str) -> None:
    low, _, high = MADE_AT
    if not low <= made_at <= high:
        raise BadInput(
            f"{what} {made_at} is not a time in Unix seconds from 2020 to 2065: a "
            "reader trusts no clock before it was made, and none after 2065."
        )


def normal_mac(text: str) -> str:
    """Return a MAC in lower case with colons, from any usual spelling; unusual ones as they are."""
    digits = re.sub(r"[-:. ]", "", text).lower()
    return ":".join(re.findall("..", digits)) if len(digits) == 12 else text


def now() -> int:
    """Return the present time as `made_at` takes it."""
    return int(time.time())


def made_today() -> int:
    """Return the time of making for a unit that is made now and says none itself.

    It is a day ago: a device believes no clock before it, and this computer's may be ahead of the
    time server that the device asks.
    """
    return now() - _CLOCK_GRACE


def seconds(value: object, what: str) -> int:
    """Return Unix seconds from a number, a date, or a date and time (UTC unless it says so).

    Raises BadInput for anything else.
    """
    if isinstance(value, str):
        try:
            value = int(value) if value.isdecimal() else datetime.fromisoformat(value)
        except ValueError:
            raise BadInput(f"{what} {value!r} is not a date such as 2026-11-21.") from None
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{what} is not a date such as 2026-11-21.")
    return value
