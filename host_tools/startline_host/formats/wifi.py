"""What a Wi-Fi may be called, and what its password may be (IEEE 802.11, WPA2 and WPA3 personal)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from startline_host.errors import BadInput
from startline_host.formats.serial_number import JOINERS, check_visible, code_point
from startline_host.secrets import Secret

#: A passphrase of 8 to 63 printable ASCII characters, or the key itself as 64 hex digits.
_PASSWORD = re.compile(r"[ -~]{8,63}|[0-9A-Fa-f]{64}")
_MAX_SSID = 32


def check_ssid(ssid: str, what: str = "net.ssid") -> None:
    """Raise BadInput unless a Wi-Fi can be called so and a device can be told: 1 to 32 bytes."""
    check_visible(ssid, what, JOINERS)
    size = len(ssid.encode())
    if not 1 <= size <= _MAX_SSID:
        raise BadInput(
            f"{what} has {size} bytes; the name of a Wi-Fi is 1 to {_MAX_SSID} bytes long."
        )


def check_password(password: Secret, what: str = "net.password") -> None:
    """Raise BadInput unless a Wi-Fi can have the password; its text is not shown."""
    text = password.reveal()
    if _PASSWORD.fullmatch(text):
        return
    odd = next((one for one in text if not " " <= one <= "~"), "")
    reason = f"holds {code_point(odd)}" if odd else f"has {len(text)} characters"
    raise BadInput(
        f"{what} {reason}; a Wi-Fi password has 8 to 63 printable ASCII characters, or 64 hex "
        "digits.",
        "Leave it out for an open Wi-Fi.",
    )


def ssid_warnings(ssid: str) -> Iterator[str]:
    """Yield what is odd about the name of a Wi-Fi that may be right all the same."""
    for end, words in ((ssid[:1], "begins"), (ssid[-1:], "ends")):
        if end.isspace():
            yield f"net.ssid {ssid!r} {words} with a space: it counts as a part of the name."
    if unicodedata.normalize("NFC", ssid) != ssid:
        yield f"net.ssid {ssid!r} is not in its composed form (NFC), in which keyboards write it."
