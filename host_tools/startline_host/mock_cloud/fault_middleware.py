"""The door of the clouds: bounds what comes in, notes each request, and plays the faults."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING

from startline_host.local_web.connection import TRANSPORT
from startline_host.local_web.request_body import BodyTooLarge, RequestCutOff, read_body
from startline_host.mock_cloud.exchange import CapturedAnswer, call_app
from startline_host.mock_cloud.fault_table import ExchangeEnd
from startline_host.mock_cloud.faults import FaultPlayer, LateCommits, play
from startline_host.mock_cloud.request_log import BODY_KEPT

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from startline_host.mock_cloud.request_log import LoggedRequest, RequestLog
    from startline_host.mock_cloud.store import CloudStore

_log = logging.getLogger(__name__)

#: Paths of the page, which are no concern of the clouds.
PAGE_PATHS = ("/_page", "/openapi.json", "/favicon.ico")

#: Statuses that HTTP allows no body with.
_BODYLESS = frozenset({204, 304})


class FaultMiddleware:
    """Stands before the clouds and their page; `log` hears of every request but the page's own.

    A body of more than `largest_body` bytes is refused with 413.
    """

    def __init__(
        self,
        clouds: ASGIApp,
        page: ASGIApp,
        log: RequestLog,
        faults: FaultPlayer,
        late: LateCommits,
        store: CloudStore,
        *,
        largest_body: int,
    ) -> None:
        self._app = clouds
        self._page = page
        self._log = log
        self._faults = faults
        self._late = late
        self._store = store
        self._largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/" or scope["path"].startswith(PAGE_PATHS):
            await self._page(scope, receive, send)
            return
        started = time.monotonic()
        entry = self._note(scope)
        reply: CapturedAnswer | None = None
        try:
            reply = await self._answer(scope, receive, entry)
        finally:
            # The log is complete before the client can know: whoever has an answer finds it there.
            entry.ms = (time.monotonic() - started) * 1000
            if reply is not None and not entry.raw:
                entry.status, entry.answer = reply.status, reply.body[:BODY_KEPT]
            self._log.end(entry)
        if reply is None or entry.raw:
            await _hang_up(scope, receive, b"" if reply is None else reply.body)
        else:
            await _send(reply, send)

    def _note(self, scope: Scope) -> LoggedRequest:
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        query = scope["query_string"].decode("latin-1")
        return self._log.open(scope["method"], scope["path"], query, headers, time.time())

    async def _answer(
        self, scope: Scope, receive: Receive, entry: LoggedRequest
    ) -> CapturedAnswer | None:
        """Find the answer, right or spoilt; None means to close the connection without one."""
        try:
            body = await read_body(receive, self._largest_body)
        except RequestCutOff as cut:
            entry.body = cut.body[:BODY_KEPT]
            return None
        except BodyTooLarge:
            return _words(413, {"description": "The body is too large"})
        entry.body = body[:BODY_KEPT]
        entry.whole = True
        self._log.changed(entry)

        heard, read = scope, body

        async def carry_out() -> CapturedAnswer:
            if played is not None:
                played.row.before(self._store, body)
            return await call_app(self._app, heard, read)

        async def gone() -> None:
            await receive()

        played = self._faults.take(scope["method"], scope["path"])
        try:
            if played is None:
                return await carry_out()
            heard = {**scope, "headers": played.row.hears(list(scope["headers"]))}
            read = played.row.reads(body, played.scene)
            entry.fault = str(played.spec)
            entry.raw = played.row.end is ExchangeEnd.RAW
            return await play(played, carry_out, gone, self._late)
        except Exception:  # noqa: BLE001 - the client is answered as documented
            _log.exception("a fault of the mock cloud while answering %s", entry.path)
            return _words(500, None)


def _words(status: int, fields: dict[str, str] | None) -> CapturedAnswer:
    """Answer without asking the clouds; a fault of the server is documented as `null`."""
    reply = CapturedAnswer()
    reply.status = status
    reply.body = json.dumps(fields).encode()
    reply.headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    return reply


async def _send(reply: CapturedAnswer, send: Send) -> None:
    """Send an answer, and nothing with it that HTTP forbids."""
    headers, body = reply.headers, reply.body
    if reply.status in _BODYLESS:
        headers = [pair for pair in headers if pair[0] != b"content-length"]
        body = b""
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _hang_up(scope: Scope, receive: Receive, last_words: bytes) -> None:
    """Write `last_words` as they stand, or nothing, and close the connection."""
    transport = scope["state"][TRANSPORT]
    assert isinstance(transport, asyncio.Transport)  # noqa: S101 - put there by the connection
    if last_words:
        transport.write(last_words)
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
