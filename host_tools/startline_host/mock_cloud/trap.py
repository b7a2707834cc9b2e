"""The trap: where redirects lead to. It notes who follows one, and answers as if all were well."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from starlette.responses import Response

from startline_host.local_web.request_body import BodyTooLarge, RequestCutOff, read_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from startline_host.mock_cloud.request_log import RequestLog

#: What the trap gives away: a token that no cloud ever handed out.
TRAP_TOKEN = "BAD0" * 16


def trap(log: RequestLog) -> ASGIApp:
    """Build the application; every request goes to `log`, and every answer looks like a bind."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]]
        query = scope["query_string"].decode("latin-1")
        entry = log.open(scope["method"], scope["path"], query, headers, time.time())
        try:
            entry.body = await read_body(receive)
            entry.whole = True
        except (RequestCutOff, BodyTooLarge):
            pass
        entry.status = 201
        entry.answer = json.dumps(
            {"description": "Device binded succesfully", "deviceid": TRAP_TOKEN}
        ).encode()
        log.end(entry)
        await Response(entry.answer, 201, media_type="application/json")(scope, receive, send)

    return app
