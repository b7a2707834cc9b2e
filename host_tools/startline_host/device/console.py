"""A device's console: the bytes that it prints, told apart into events and human text.

Events stand between other text as RFC 7464 records (RS, JSON, LF); `startline.events` owns what is
inside one. A chip that restarts prints its boot messages into whatever record was open, so a
record counts only when its own checksum says so, and everything else is text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

import msgspec
from startline import events

from startline_host.device.port import Port
from startline_host.errors import TimedOut
from startline_host.util import Deadline, device_text

_RS = b"\x1e"
_LF = b"\n"
#: Nothing between two line ends is kept longer than this: a record is at most 1 KiB.
_LONGEST = 2048
_TICK = 0.25

#: How events and their fields are named.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
#: No count, time or setting of a device comes near it, and every JSON reader holds it exactly.
_MOST: Final = 1 << 53
#: What an event says of a device is acted upon: these fields are texts, or None, in every event.
_TEXTS: Final = frozenset(
    {"state", "reason", "token", "serial", "model", "mac", "cloud", "base_url", "version", "step",
     "what", "kind", "phase", "outcome", "id"}
)  # fmt: skip


class Event(msgspec.Struct, frozen=True):
    """One intact event: its name, number since boot, milliseconds since boot, and fields."""

    name: str
    number: int
    ms: int
    fields: Mapping[str, Any]


class ConsoleLine(msgspec.Struct, frozen=True):
    """One line that is no event: human text, boot messages, or what is left of a torn record."""

    raw: bytes

    @property
    def line(self) -> str:
        """The line for a terminal: control characters are shown, never sent."""
        return device_text(self.raw)


class ConsoleParser:
    """Takes bytes in any pieces and hands out whole events and lines."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Event | ConsoleLine]:
        """Return what the bytes so far completed."""
        self._pending += data
        found: list[Event | ConsoleLine] = []
        while (piece := self._next_piece()) is not None:
            if (item := _classify(piece)) is not None:
                found.append(item)
        return found

    def rest(self) -> list[Event | ConsoleLine]:
        """Return an unfinished last line, if there is one, and begin anew."""
        item = _classify(bytes(self._pending))
        self._pending.clear()
        return [] if item is None else [item]

    def follow(self, port: Port, deadline: Deadline) -> Iterator[Event | ConsoleLine]:
        """Yield what the device prints, as it comes, until the deadline.

        Raises NoSuchPort when the port goes away.
        """
        while not deadline.expired:
            yield from self.feed(port.read(deadline.at_most(_TICK).remaining))
        yield from self.rest()

    def wait_for(self, port: Port, name: str, deadline: Deadline) -> Event:
        """Return the next event of that name. Raises TimedOut at the deadline."""
        for item in self.follow(port, deadline):
            if isinstance(item, Event) and item.name == name:
                return item
        raise TimedOut(f"The device did not report {name!r} in time.")

    def _next_piece(self) -> bytes | None:
        """Cut off the first finished piece: up to a line end, a new record, or the bound."""
        end = self._pending.find(_LF)
        start = self._pending.find(_RS, 1)
        if start != -1 and (end == -1 or start < end):
            return self._cut(start, start)
        if end != -1:
            return self._cut(end, end + 1)
        if len(self._pending) >= _LONGEST:
            return self._cut(_LONGEST, _LONGEST)
        return None

    def _cut(self, end: int, after: int) -> bytes:
        piece = bytes(self._pending[:end])
        del self._pending[:after]
        return piece


def _classify(piece: bytes) -> Event | ConsoleLine | None:
    piece = piece.rstrip(b"\r\n")
    if not piece:
        return None
    if piece.startswith(_RS):
        if (event := _event(piece[1:])) is not None:
            return event
        piece = piece[1:]
    return ConsoleLine(piece) if piece else None


def _event(record: bytes) -> Event | None:
    """Return the event of a record; None for one that no agent could have meant.

    A right checksum proves that nothing was lost on the way, and nothing of who wrote it: whoever
    gets an event from here can rely on the types and bounds of all that it says.
    """
    try:
        told = events.decode(record)
    except RecursionError:  # brackets in brackets, by the hundred
        return None
    if not isinstance(told, dict):
        return None
    name, number, ms = (told.pop(key, None) for key in ("ev", "n", "ms"))
    told.pop("crc", None)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return None
    if not (_is_count(number) and _is_count(ms)) or not all(map(_fits, told, told.values())):
        return None
    return Event(name, number, ms, told)


def _fits(name: str, value: object) -> bool:
    """Tell whether a field can be what it says: a plain value, or a list of such."""
    if not _NAME.fullmatch(name):
        return False
    if name in _TEXTS:
        return value is None or _is_plain_text(value)
    return all(map(_is_plain, value)) if isinstance(value, list) else _is_plain(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) <= _MOST
    if isinstance(value, int):
        return abs(value) <= _MOST
    return value is None or _is_plain_text(value)


def _is_plain_text(value: object) -> bool:
    # Half of a surrogate pair is no character, and no file or page takes it.
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
