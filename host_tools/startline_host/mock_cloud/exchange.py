"""An HTTP answer that is held back: an application is asked, and nothing is sent yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope


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
