"""One HTTP connection to a server of ours: never idle for long, and never too many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config

#: Seconds that a connection may stay without a whole request; a slow sender gets twice that.
IDLE_SECONDS = 15.0
#: Connections kept at once; beyond that the one that is idle for longest goes.
MAX_CONNECTIONS = 500

#: Where a request finds its connection's transport, to cut it.
TRANSPORT = "transport"


class CountingState(ServerState):
    """What uvicorn's connections share, and how many of them there ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.total_connections = 0


class BoundedConnection(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with a bound on idle time and on the number of connections."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)
        self.number = 0
        self._watch: asyncio.TimerHandle | None = None
        self._late: object = None  # the last request at the look before; None for none yet

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; make room by closing the one that is idle for longest."""
        super().connection_made(transport)
        if isinstance(self.server_state, CountingState):
            self.server_state.total_connections += 1
            self.number = self.server_state.total_connections
        self.app_state[TRANSPORT] = transport
        self._watch = self.loop.call_later(IDLE_SECONDS, self._look)
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching the connection."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; a request that turned bad half-way is not answered twice."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        super().send_400_response(msg)

    def is_busy(self) -> bool:
        """Tell whether a whole request is here and its answer is not yet."""
        return (
            self.cycle is not None
            and not self.cycle.response_complete
            and not self.cycle.more_body
        )

    def _make_room(self) -> None:
        """Close the oldest idle connection, or this one if all others are busy."""
        known = [one for one in self.connections if isinstance(one, BoundedConnection)]
        staying = [one for one in known if not one.transport.is_closing()]
        if len(staying) > MAX_CONNECTIONS:
            idle = [one for one in staying if not one.is_busy()]
            min(idle, key=lambda one: one.number, default=self).transport.abort()

    def _look(self) -> None:
        """Close the connection if it still waits for the request that it waited for before.

        One that is only between two requests, at the moment of this look, is in use.
        """
        if not self.is_busy():
            if self._late is self.cycle:
                self.transport.abort()
                return
            self._late = self.cycle
        self._watch = self.loop.call_later(IDLE_SECONDS, self._look)
