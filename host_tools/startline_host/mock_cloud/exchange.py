"""One HTTP exchange in two halves: a request's body read within bounds, an answer held back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope

#: The largest body that a request may have, in bytes: 5,000 passings fit.
MAX_BODY = 4 * 1024 * 1024
#: So many bytes are still read before the connection is simply closed.
_READ_ON = 16 * MAX_BODY


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


class CapturedAnswer:
    """An answer taken from an application instead of being sent."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def take(self, message: Message) -> None:
        """Stand in for ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message["headers"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


async def call_app(app: ASGIApp, scope: Scope, body: bytes) -> CapturedAnswer:
    """Let an application answer a request whose body is already here."""
    reply = CapturedAnswer()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    # A copy: Starlette's routing writes into the scope, and a late commit asks again.
    await app(dict(scope), receive, reply.take)
    return reply
