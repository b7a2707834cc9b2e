"""A TCP proxy that treats bytes badly, by order: faults below HTTP and below TLS."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from startline_host.errors import BadInput
from startline_host.local_web.listen_socket import bind, close_all
from startline_host.local_web.loop_thread import LoopThread
from startline_host.mock_cloud.fault_spec import ActiveFaults, FaultSpec, parse
from startline_host.mock_cloud.proxy_faults import PROXY_ROWS, REFUSE
from startline_host.mock_cloud.proxy_relay import ProxiedConnection, relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

#: Linux lets a port be bound again beside a socket that does not listen, so that it is never let
#: go of. Elsewhere it is free for a moment when connections begin to be refused.
_HOLDS = sys.platform == "linux"


class FaultProxy:
    """Stands before `target_port` on loopback, in a thread, for as long as the block runs.

    Faults are orders such as `delay:200` or `cut_down:50x1` (names out of
    `proxy_faults.PROXY_ROWS`); all that are on act together, on connections made from then on.
    `seed` makes the random ones repeatable. `connections` tells of every connection so far.
    """

    def __init__(
        self,
        target_port: int,
        *,
        faults: Iterable[str] = (),
        host: str = "localhost",
        port: int = 0,
        seed: int = 0,
    ) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.connections: list[ProxiedConnection] = []
        self._target = ("127.0.0.1", target_port)
        self._seed = seed
        self._book = ActiveFaults()
        for text in faults:
            self._book.put(_settled(text))
        self._host = host
        self._held = bind(host, port)
        self.port: int = self._held[0].getsockname()[1]
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = LoopThread("fault-proxy", self._main)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def active(self) -> list[FaultSpec]:
        """The faults that are on."""
        return self._book.listed()

    def turn_on(self, text: str) -> FaultSpec:
        """Switch a fault on for connections to come; raise `BadInput` for a wrong order."""
        spec = _settled(text)
        self._book.put(spec)
        self._changed()
        return spec

    def turn_off(self, name: str) -> None:
        """Switch a fault off for connections to come; nothing happens if it is not on."""
        self._book.drop(name)
        self._changed()

    def clear(self) -> None:
        """Switch all faults off."""
        self._book.clear()
        self._changed()

    def cut_all(self) -> None:
        """Close every connection that is open now."""
        self._thread.call(self._cancel())

    def start(self) -> None:
        """Start to accept; return when the port does."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._thread.stop()
        close_all(self._held)

    def _changed(self) -> None:
        self._thread.call(self._open_or_close())
        self.on_change()

    async def _main(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        await self._open_or_close()
        ready()
        await stopping.wait()
        self._shut()
        await self._cancel()

    async def _open_or_close(self) -> None:
        """Listen, or hold the port without listening, which is what refuses connections."""
        refuses = any(spec.name == REFUSE for spec in self._book.listed())
        if refuses and self._servers:
            self._shut()
            if not _HOLDS:
                self._held = bind(self._host, self.port)
        elif not refuses and not self._servers:
            sockets = bind(self._host, self.port) if _HOLDS else self._held
            self._servers = [await asyncio.start_server(self._accept, sock=one) for one in sockets]

    def _shut(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        record = ProxiedConnection(len(self.connections) + 1, tuple(self._book.listed()))
        self.connections.append(record)
        if self._book.count(record.faults):
            self.on_change()
        # asyncio before 3.12 complains of connections whose task ends as cancelled.
        with suppress(asyncio.CancelledError):
            await relay(record, (reader, writer), self._target, self._seed)


def _settled(text: str) -> FaultSpec:
    """Read an order for the proxy; raise `BadInput` if it cannot apply to bytes."""
    spec = parse(text, PROXY_ROWS)
    if spec.method or spec.path:
        raise BadInput(f"The fault {spec.name!r} acts on bytes and knows no method or path.")
    if spec.name == REFUSE and spec.times is not None:
        raise BadInput("Refused connections cannot be counted: give 'refuse' no number of times.")
    return spec.settled(PROXY_ROWS[spec.name].value)
