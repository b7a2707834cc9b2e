"""The entries of a cloud's list of devices, read and compared as a device does it itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from startline.net.device_list import (
    LIKE,
    OTHER,
    SAME,
    UNCLEAR,
    DeviceSearch,
    ListReader,
    SerialNumber,
    marks,
)
from startline.net.unicode_fold import fold
from startline.roles import find_cloud

#: What an entry may tell besides what the agent compares.
_SHOWN = (b"model", b"alias")
#: How what can be read neither as a text nor as a number is shown.
UNREADABLE = "(unreadable)"

#: A value of a list as the agent finds it: a text, the bytes of a number or word, or neither.
Value = str | bytes | None


class CloudEntry(msgspec.Struct, frozen=True):
    """What the list of a `cloud` says of one device, for people.

    `number` is its place in the list, from 1, and `compared` what the device is told of it: token,
    mark and serial number as they were found, of any type, and the date of its making.
    """

    cloud: str
    deviceid: str
    serial_number: str
    firmware: str = ""
    model: str = ""
    alias: str = ""
    creation_date: str = ""
    number: int = 0
    compared: tuple[Value, Value, Value, Value] = (None, None, None, None)

    @property
    def marks(self) -> tuple[str, ...]:
        """The attempt ids that it holds, each as `sl.9f3c2a7b`."""
        return tuple(marks(self.compared[1]))

    def has_token(self, token: str) -> bool:
        """Tell whether that is its token, however it is written."""
        return token_key(self.cloud, self.deviceid) == token_key(self.cloud, token)


class ListPage(msgspec.Struct, frozen=True):
    """One page of a list: its entries, and how many devices the cloud says it has (-1: not said)."""

    entries: tuple[CloudEntry, ...]
    total: int


def agent_module(cloud: str) -> Any:
    """Return the agent's own module for a cloud; whoever asks knows that there is one."""
    return find_cloud(cloud)


def read_page(cloud: str, content: bytes, *, first: int = 1, dated: bool = True) -> ListPage:
    """Read a page of that cloud's list, whose first entry has the number `first`.

    Not `dated` is a page of a cloud whose clock is not ours: its dates prove nothing. Raises
    ValueError for a page that is not whole, or has no list.
    """
    items: list[dict[bytes, Value]] = []
    told = agent_module(cloud).LIST
    reader = ListReader((*told[1:5], *_SHOWN), items.append, told[5:])
    reader.feed(content)
    if not (reader.closed and reader.listed):
        raise ValueError
    entries = (
        _entry(cloud, item, number, dated=dated) for number, item in enumerate(items, first)
    )
    return ListPage(tuple(entries), reader.total)


def same_serial(one: str, other: str) -> bool:
    """Tell whether two serial numbers are the same but for case and surrounding space."""
    return SerialNumber(one).compare(other) == SAME


def token_key(cloud: str, token: str) -> str:
    """Return what all writings of one token of a cloud have in common; another for what is none."""
    return agent_module(cloud).canonical(token) or token.strip()


def serial_key(serial: str) -> str:
    """Return what the writings of a serial number have in common, "" where that says nothing."""
    found = fold(serial)
    return "" if "*" in found or serial == UNREADABLE else found


def compare_serial(entry: CloudEntry, serial: str, *, first: int = 0, by_mark: bool = True) -> str:
    """Return what an entry is to a serial number: SAME, LIKE, UNCLEAR or OTHER.

    One that cannot be compared, or only looks alike, is OTHER if it was made a day before `first`
    (Unix seconds; 0: never mind), or, `by_mark`, if a request left its mark in it.
    """
    token, mark, there, made = entry.compared
    fields = (token, mark if by_mark else None, there, made)
    agent = agent_module(entry.cloud)
    search = DeviceSearch(agent, serial, "", first)
    return str(search.entry(dict(zip(agent.LIST[1:5], fields, strict=True))))


def find_serial(
    entries: Iterable[CloudEntry], serial: str, *, first: int = 0
) -> dict[str, list[CloudEntry]]:
    """Return the entries that are SAME, LIKE or UNCLEAR, as `compare_serial` says."""
    found: dict[str, list[CloudEntry]] = {SAME: [], LIKE: [], UNCLEAR: []}
    for entry in entries:
        kind = compare_serial(entry, serial, first=first)
        if kind != OTHER:
            found[kind].append(entry)
    return found


def entry_names(entries: Sequence[CloudEntry]) -> str:
    """Name entries for people: by number and deviceid, at most three of them."""
    words = [f"entry {one.number} (deviceid {one.deviceid or 'none'})" for one in entries[:3]]
    more = len(entries) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "")


def _entry(cloud: str, item: dict[bytes, Value], number: int, *, dated: bool) -> CloudEntry:
    agent = agent_module(cloud)
    names = agent.LIST[1:5]
    token, mark, serial, made = (item.get(name) for name in names)
    return CloudEntry(
        cloud=cloud,
        deviceid=agent.canonical(token) or _shown(item, names[0]),
        serial_number=_shown(item, names[2]),
        firmware=_shown(item, names[1]),
        model=_shown(item, b"model"),
        alias=_shown(item, b"alias"),
        creation_date=_shown(item, names[3]),
        number=number,
        compared=(token, mark, serial, made if dated else None),
    )


def _shown(item: dict[bytes, Value], name: bytes) -> str:
    value = item.get(name, "")
    if isinstance(value, bytes):
        return "" if value == b"null" else value.decode()
    return UNREADABLE if value is None else value
