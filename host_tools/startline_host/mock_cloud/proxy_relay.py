"""One connection through the fault proxy: two streams of bytes, and how they may end."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from startline_host.mock_cloud.proxy_faults import (
    PROXY_ROWS,
    RESET,
    STALL,
    ConnectionEnd,
    ConnectionEnded,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from startline_host.mock_cloud.fault_spec import FaultSpec

_CHUNK = 16_384

#: How long a client may go on sending to a cloud that has closed.
_GRACE_SECONDS = 2.0

#: Closing a socket with this option set sends a reset instead of an orderly end.
_LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


@dataclass
class ProxiedConnection:
    """One connection through the proxy: bytes passed on each way, and the faults that it met."""

    number: int
    faults: tuple[FaultSpec, ...]
    up: int = 0
    down: int = 0
    ended: bool = False


async def relay(
    record: ProxiedConnection,
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    target: tuple[str, int],
    seed: int,
) -> None:
    """Pass bytes between the client and `target` as the record's faults allow, to the end."""
    reader, writer = client
    names = {spec.name for spec in record.faults}
    try:
        if RESET in names:
            _reset(writer)
        elif STALL in names:
            await _until_gone(reader)
        else:
            await _connect(record, reader, writer, target, seed)
    finally:
        record.ended = True
        await _close(writer)


async def _connect(
    record: ProxiedConnection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: tuple[str, int],
    seed: int,
) -> None:
    try:
        cloud_reader, cloud_writer = await asyncio.open_connection(*target)
    except OSError:  # the cloud is gone: so are we
        return
    up = _Direction(record, reader, cloud_writer, random.Random(f"{seed} {record.number} up"))  # noqa: S311
    down = _Direction(record, cloud_reader, writer, random.Random(f"{seed} {record.number} down"))  # noqa: S311
    try:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(up.pump(is_up=True))
            group.create_task(_until_deaf(down.pump(is_up=False), sending))
    except* ConnectionEnded as ends:
        if any(_ending(end) is ConnectionEnd.RESET for end in ends.exceptions):
            _reset(writer)
            _reset(cloud_writer)
    except* OSError:  # one side went away: the other is closed below
        pass
    finally:
        await _close(cloud_writer)


async def _until_deaf(down: Coroutine[None, None, None], sending: asyncio.Task[None]) -> None:
    """Pass the cloud's bytes on; when it has closed, a client that says nothing is let go soon."""
    await down
    await asyncio.wait({sending}, timeout=_GRACE_SECONDS)
    sending.cancel()


def _ending(error: BaseException) -> ConnectionEnd | None:
    return error.ending if isinstance(error, ConnectionEnded) else None


@dataclass
class _Direction:
    """The bytes that flow one way, bent by the faults for this direction."""

    record: ProxiedConnection
    source: asyncio.StreamReader
    sink: asyncio.StreamWriter
    dice: random.Random

    async def pump(self, *, is_up: bool) -> None:
        """Pass bytes on until the source ends or a fault does; raise `ConnectionEnded` for both ways."""
        stream = self._read()
        for spec in self.record.faults:
            row = PROXY_ROWS[spec.name]
            if row.bend is not None and (row.up if is_up else row.down):
                stream = row.bend(stream, spec.value or 0, self.dice)
        try:
            async for piece in stream:
                self.sink.write(piece)
                await self.sink.drain()
                if is_up:
                    self.record.up += len(piece)
                else:
                    self.record.down += len(piece)
        except ConnectionEnded as end:
            if end.ending is not ConnectionEnd.HALF:
                await self.sink.drain()
                raise
        if self.sink.can_write_eof():
            self.sink.write_eof()
        # What still comes is thrown away, so that its sender is not held up by us.
        async for _ in self._read():
            pass

    async def _read(self) -> AsyncIterator[bytes]:
        while piece := await self.source.read(_CHUNK):
            yield piece


async def _until_gone(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(_CHUNK):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
