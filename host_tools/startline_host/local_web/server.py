"""uvicorn servers that share one thread, on sockets that are bound before they start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn

from startline_host.local_web.connection import BoundedConnection, CountingState
from startline_host.local_web.loop_thread import LoopThread

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp

#: Seconds that a client gets for its TLS handshake.
_HANDSHAKE_SECONDS = 10.0

# uvicorn tells of every malformed request; that is the client's business, and no news here.
logging.getLogger("uvicorn").addHandler(logging.NullHandler())
logging.getLogger("uvicorn").propagate = False


@dataclass(frozen=True)
class Listener:
    """A bound socket, what is served on it, and with which TLS context (None: plain HTTP)."""

    socket: socket.socket
    app: ASGIApp
    tls: ssl.SSLContext | None


class ServerThread(LoopThread):
    """Serves several listeners until it is stopped; then open connections are cut at once."""

    def __init__(self, name: str, listeners: Sequence[Listener]) -> None:
        super().__init__(name, self._serve, _BoundedLoop)
        self._listeners = list(listeners)
        self._states: list[CountingState] = []

    @property
    def connections(self) -> int:
        """How many connections there were; TLS ones count once their handshake is done."""
        return sum(state.total_connections for state in self._states)

    async def _serve(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        servers = [_UvicornServer(listener) for listener in self._listeners]
        self._states = [server.state for server in servers]
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener.socket]))
            for server, listener in zip(servers, self._listeners, strict=True)
        ]
        for server in servers:
            await server.listening.wait()
        ready()
        await stopping.wait()
        for server in servers:
            server.cut()
        # Most requests end by themselves when they see that their client is gone.
        await asyncio.sleep(0.01)
        for server in servers:
            server.end()
        await asyncio.gather(*tasks)


class _UvicornServer(uvicorn.Server):
    """uvicorn's server, but its main loop ends when told and not up to a tenth later."""

    def __init__(self, listener: Listener) -> None:
        config = uvicorn.Config(
            listener.app,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = listener.tls
        super().__init__(config)
        self.server_state = self.state = CountingState()
        self.listening = asyncio.Event()
        self._ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, and tell when it is done."""
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Keep the date header fresh until the end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)

    def cut(self) -> None:
        """Drop every connection."""
        for connection in list(self.state.connections):
            connection.transport.abort()

    def end(self) -> None:
        """End without waiting for requests that are still being worked on."""
        self.should_exit = self.force_exit = True
        for task in self.state.tasks:
            task.cancel()
        self._ending.set()


class _BoundedLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers do not wait a minute for a TLS handshake that never comes."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """Listen as asyncio does, with a shorter handshake timeout for TLS."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", _HANDSHAKE_SECONDS)
        server: asyncio.Server = await super().create_server(*args, **options)
        return server
