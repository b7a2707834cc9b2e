"""News for open pages: each listener has a queue of its own, fed from any thread."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: News that a slow page may lag behind by; beyond that it is cut off, and comes back by itself.
_BACKLOG = 500
#: Seconds without news after which a page is told that the connection lives.
_HEARTBEAT = 15.0
#: Pages that may listen at once.
_LISTENERS = 50


class EventHub:
    """Passes news on to every page that listens."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}

    @property
    def heard(self) -> bool:
        """Whether anybody listens: news that nobody hears need not be written."""
        return bool(self._queues)

    def publish(self, kind: str, fields: dict[str, Any] | None = None) -> None:
        """Tell all listeners; may be called from any thread, and never waits."""
        if not self.heard:
            return
        text = f"event: {kind}\ndata: {json.dumps(fields or {})}\n\n"
        for queue, loop in list(self._queues.items()):
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_put, queue, text)

    async def listen(self) -> AsyncIterator[str]:
        """Give the news from now on as server-sent events, until this listener lags too far."""
        while len(self._queues) >= _LISTENERS:
            _put(next(iter(self._queues)), None)
            self._queues.pop(next(iter(self._queues)))
        queue: asyncio.Queue[str | None] = asyncio.Queue(_BACKLOG)
        self._queues[queue] = asyncio.get_running_loop()
        try:
            yield "retry: 1000\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _HEARTBEAT)
                except TimeoutError:
                    text = ": still here\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._queues.pop(queue, None)


def _put(queue: asyncio.Queue[str | None], text: str | None) -> None:
    """Queue a piece of news; a full queue is emptied and ended."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        text = None
    queue.put_nowait(text)
