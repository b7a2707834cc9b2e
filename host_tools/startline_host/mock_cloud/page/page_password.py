"""A password before the page, for when it listens on more than loopback."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from startline_host.secrets import Secret


class PagePassword:
    """Asks for a password by HTTP Basic authentication; any user name will do."""

    def __init__(self, app: ASGIApp, password: Secret | None) -> None:
        self._app = app
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, or answer 401."""
        if self._opens(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "Enter the password that the mock cloud printed when it started.\n",
            401,
            {"www-authenticate": 'Basic realm="Startline mock cloud", charset="UTF-8"'},
        )
        await refusal(scope, receive, send)

    def _opens(self, header: str) -> bool:
        if self._password is None:
            return True
        scheme, _, credentials = header.partition(" ")
        try:
            given = base64.b64decode(credentials, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        wanted = self._password.reveal().encode()
        return scheme.lower() == "basic" and secrets.compare_digest(given, wanted)
