"""A request's body, read within bounds, and an order in JSON that a form could not have sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive

#: The largest body that a request may have, in bytes: 5,000 passings fit.
MAX_BODY = 4 * 1024 * 1024
#: So many bytes are still read before the connection is simply closed.
_READ_ON = 16 * MAX_BODY
#: The largest order that a page sends, in bytes.
_MAX_ORDER = 4096


class BodyTooLarge(Exception):
    """The body is larger than is allowed."""


class RequestCutOff(Exception):
    """The client went away before its request was whole; `body` is what had come of it."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


async def read_body(receive: Receive, limit: int = MAX_BODY) -> bytes:
    """Read a whole request body; raise `BodyTooLarge` or `RequestCutOff`.

    What is too large is read on and thrown away, within reason: a client that is still sending
    would not see an answer.
    """
    body = bytearray()
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestCutOff(bytes(body))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            body += chunk
        ends = not message.get("more_body", False)
        if size > limit and (ends or size > _READ_ON):
            raise BodyTooLarge
        if ends:
            return bytes(body)


async def read_order(http: Request) -> dict[str, Any] | None:
    """Read a JSON object that a form on another page could not send; None if it is none."""
    if http.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        order = json.loads(await read_body(http.receive, _MAX_ORDER))
    except (ValueError, RecursionError, BodyTooLarge, RequestCutOff):
        return None
    return order if isinstance(order, dict) else None
