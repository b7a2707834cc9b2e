"""Asks the cloud whether it knows this very device: the same serial number, the same token."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import msgspec

from startline_host.clouds.cloud_client import cloud_client, unreachable
from startline_host.errors import (
    BadInput,
    CloudDisagrees,
    NetworkFailed,
    RefusedByCloud,
    StartlineError,
)
from startline_host.secrets import Secret
from startline_host.util import printable

_LIMIT = 1000
_MAX_PAGES = 1000
#: What an entry may tell besides, in the order of `Entry`.
_TOLD = ("firmware", "model", "alias", "creation_date")
#: A cloud may show a new device a moment late: seconds before it is asked again.
_PAUSES = (0.5, 1.5, 3.0)


class Entry(msgspec.Struct, frozen=True):
    """What the cloud's list says of one device."""

    deviceid: str
    serial_number: str
    firmware: str = ""
    model: str = ""
    alias: str = ""
    creation_date: str = ""


def check_device(
    base_url: str, ca: Sequence[bytes], key: Secret, *, serial: str, token: str
) -> Entry:
    """Return the cloud's entry of the device that has this serial number and token.

    `ca` holds DER certificates, `key` may read. Raises CloudDisagrees where the list tells
    another story, and NetworkFailed, TlsFailed or RefusedByCloud where it cannot be read.
    """
    with _known_as_bound(), cloud_client(base_url, ca, key) as client:
        for pause in (*_PAUSES, None):
            entries = _list_devices(client)
            found = [entry for entry in entries if entry.deviceid == token]
            if found or pause is None:
                break
            time.sleep(pause)
    return _judge(entries, serial, token)


def list_devices(
    base_url: str, ca: Sequence[bytes], key: Secret, *, whole: bool = False
) -> list[Entry]:
    """Return the whole list of the company's devices, every page of it.

    `whole` also wants as many as the cloud says there are: only then is absence worth something.
    Raises NetworkFailed, TlsFailed, RefusedByCloud or BadInput where it cannot be read to its end.
    """
    with cloud_client(base_url, ca, key) as client:
        return _list_devices(client, whole=whole)


@contextlib.contextmanager
def _known_as_bound() -> Iterator[None]:
    """Begin every failure of the check with what is known all the same."""
    try:
        yield
    except StartlineError as error:
        words = f"{error.message[:1].lower()}{error.message[1:]}"
        raise type(error)(f"The device is bound, but {words}", error.hint) from None


def same_serial(one: str, other: str) -> bool:
    """Tell whether two serial numbers are the same but for case and surrounding space."""
    return one.strip().casefold() == other.strip().casefold()


def _judge(entries: list[Entry], serial: str, token: str) -> Entry:
    named = [entry for entry in entries if same_serial(entry.serial_number, serial)]
    held = [entry for entry in entries if entry.deviceid == token]
    if not held:
        known = "under another deviceid" if named else "not at all"
        raise CloudDisagrees(
            f"The device says that it is bound, but the cloud knows {printable(serial)} {known}.",
            "Does the READ key belong to the same company? Then: startline reconcile.",
        )
    if not same_serial(held[0].serial_number, serial):
        raise CloudDisagrees(
            f"The cloud knows this deviceid as {printable(held[0].serial_number)}, "
            f"and the device is {printable(serial)}.",
            "Settle it by hand before the reader is used.",
        )
    if len(named) > 1:
        raise CloudDisagrees(
            f"The cloud has {len(named)} devices with the serial number {printable(serial)}.",
            "One of them is a leftover: unbind it in the cloud's own page.",
        )
    return held[0]


def _list_devices(client: httpx.Client, *, whole: bool = False) -> list[Entry]:
    entries: list[Entry] = []
    for page in range(1, _MAX_PAGES + 1):
        listed, total = _page(client, page)
        entries += listed
        if whole and not listed and total is not None and len(entries) != total:
            raise NetworkFailed(
                f"The cloud's list has {total} devices, and {len(entries)} of them came.",
                "Run the command again.",
            )
        if not listed or (len(entries) >= total if total is not None else len(listed) < _LIMIT):
            return entries
    raise NetworkFailed("The cloud's list of devices does not end.")


def _page(client: httpx.Client, page: int) -> tuple[list[Entry], int | None]:
    """Return a page's entries, and how many the whole list has where the cloud says so."""
    try:
        response = client.get("/devices", params={"page": page, "limit": _LIMIT})
    except httpx.TransportError as error:
        raise unreachable(error) from None
    if response.status_code != httpx.codes.OK:
        raise _refused(response.status_code)
    try:
        answer = response.json()
        answer = answer.get("body", answer)
        entries = [
            Entry(
                str(item["deviceid"]),
                str(item["serial_number"]),
                *(str(item.get(name) or "") for name in _TOLD),
            )
            for item in answer["result"]
        ]
        return entries, _total(answer.get("pagination"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NetworkFailed(
            "The cloud's list of devices cannot be read: it is not in the documented form."
        ) from None


def _total(pagination: Any) -> int | None:
    total = pagination.get("total") if isinstance(pagination, dict) else None
    return total if isinstance(total, int) else None


def _refused(status: int) -> StartlineError:
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return BadInput(
            f"The cloud does not let the READ key look ({status}).",
            "Give a key of access type READ or READ_WRITE in STARTLINE_READ_KEY.",
        )
    return RefusedByCloud(f"The cloud's list answers {status}.")
