"""Every fault that the TCP proxy can play, and the streams of bytes that they act upon."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from startline_host.mock_cloud.fault_spec import FaultValue

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable

    Stream = AsyncIterator[bytes]
    Bend = Callable[[Stream, int, random.Random], Stream]


class ConnectionEnd(Enum):
    """How a connection ends when a fault ends it."""

    CUT = "cut"  # both sides see an orderly end
    RESET = "reset"  # both sides see a reset
    HALF = "half"  # only the receiving side of this direction sees an end


class ConnectionEnded(Exception):
    """A fault ends the connection here."""

    def __init__(self, ending: ConnectionEnd) -> None:
        super().__init__(ending.value)
        self.ending = ending


async def delay(source: Stream, value: int, _dice: random.Random) -> Stream:
    """Hold every piece back for this many milliseconds."""
    async for piece in source:
        await asyncio.sleep(value / 1000)
        yield piece


async def jitter(source: Stream, value: int, dice: random.Random) -> Stream:
    """Hold every piece back for a random time, up to this many milliseconds."""
    async for piece in source:
        await asyncio.sleep(dice.random() * value / 1000)
        yield piece


async def drip(source: Stream, value: int, _dice: random.Random) -> Stream:
    """Let through this many bytes a second, a few at a time."""
    step = max(1, value // 20)
    async for piece in source:
        for start in range(0, len(piece), step):
            part = piece[start : start + step]
            await asyncio.sleep(len(part) / value)
            yield part


async def chop(source: Stream, value: int, dice: random.Random) -> Stream:
    """Let everything through in random pieces of at most this many bytes."""
    async for piece in source:
        rest = piece
        while rest:
            size = dice.randint(1, value)
            yield rest[:size]
            rest = rest[size:]
            await asyncio.sleep(0)


async def corrupt(source: Stream, value: int, dice: random.Random) -> Stream:
    """Flip one random bit in every this many bytes."""
    at, next_flip = 0, dice.randrange(value)
    async for piece in source:
        changed = bytearray(piece)
        while next_flip < at + len(piece):
            changed[next_flip - at] ^= 1 << dice.randrange(8)
            next_flip = (next_flip // value + 1) * value + dice.randrange(value)
        at += len(piece)
        yield bytes(changed)


def end_after(ending: ConnectionEnd) -> Bend:
    """Make a fault that lets this many bytes through and then ends the connection."""

    async def bend(source: Stream, value: int, _dice: random.Random) -> Stream:
        left = value
        if not left:
            raise ConnectionEnded(ending)
        async for piece in source:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                raise ConnectionEnded(ending)

    return bend


@dataclass(frozen=True)
class ProxyFaultKind:
    """One fault of the proxy: what it does, and to which direction's bytes.

    `bend` is None for the faults that meet a connection before any byte flows.
    """

    name: str
    says: str
    value: FaultValue | None = None
    bend: Bend | None = None
    up: bool = False
    down: bool = False


#: The faults that meet a connection as a whole.
REFUSE, STALL, RESET = "refuse", "accept_stall", "reset"

_BYTES = FaultValue(0, 100_000_000, 0, "bytes")
_MS = FaultValue(0, 60_000, 200, "milliseconds")
_RATE = FaultValue(1, 10_000_000, 100, "bytes a second")
_SIZE = FaultValue(1, 1_000_000, 7, "bytes")
_FLIP = FaultValue(1, 1_000_000, 100, "bytes")

_ROWS = (
    ProxyFaultKind(REFUSE, "refuses every connection, as a closed port does"),
    ProxyFaultKind(STALL, "accepts connections, and then nothing comes through either way"),
    ProxyFaultKind(RESET, "accepts connections and resets them at once"),
    ProxyFaultKind("delay", "holds all bytes back for this long", _MS, delay, up=True, down=True),
    ProxyFaultKind("jitter", "holds all bytes back for a random time", _MS, jitter, up=True, down=True),
    ProxyFaultKind("drip_up", "lets the client's bytes through at this rate", _RATE, drip, up=True),
    ProxyFaultKind("drip_down", "lets the cloud's bytes through at this rate", _RATE, drip, down=True),
    ProxyFaultKind("chop", "lets bytes through in random small pieces", _SIZE, chop, up=True, down=True),
    ProxyFaultKind("corrupt_up", "flips one bit in each run of this many bytes from the client", _FLIP, corrupt,
             up=True),
    ProxyFaultKind("corrupt_down", "flips one bit in each run of this many bytes from the cloud", _FLIP, corrupt,
             down=True),
    ProxyFaultKind("cut_up", "closes the connection after this many bytes from the client", _BYTES,
             end_after(ConnectionEnd.CUT), up=True),
    ProxyFaultKind("cut_down", "closes the connection after this many bytes from the cloud", _BYTES,
             end_after(ConnectionEnd.CUT), down=True),
    ProxyFaultKind("reset_up", "resets the connection after this many bytes from the client", _BYTES,
             end_after(ConnectionEnd.RESET), up=True),
    ProxyFaultKind("reset_down", "resets the connection after this many bytes from the cloud", _BYTES,
             end_after(ConnectionEnd.RESET), down=True),
    ProxyFaultKind("half_close_up", "ends only the client's direction, after this many bytes", _BYTES,
             end_after(ConnectionEnd.HALF), up=True),
    ProxyFaultKind("half_close_down", "ends only the cloud's direction, after this many bytes", _BYTES,
             end_after(ConnectionEnd.HALF), down=True),
)  # fmt: skip

#: Every fault of the proxy by its name.
PROXY_ROWS: dict[str, ProxyFaultKind] = {row.name: row for row in _ROWS}
