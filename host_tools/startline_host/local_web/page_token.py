"""A token that every change has to carry: only a page that this very server sent has it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

#: The header that carries it. No form can set one, and no other site may.
TOKEN_HEADER = "x-startline-token"  # noqa: S105 - where it is, not what it is
_SAFE = frozenset({"GET", "HEAD"})


class PageToken:
    """Lets requests through that only look, and of those that change the ones with the token.

    A page that stayed open while its server was restarted has the token of the old one.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, or answer 403."""
        given = Headers(scope=scope).get(TOKEN_HEADER, "")
        if scope["method"] in _SAFE or secrets.compare_digest(
            given.encode("latin-1"), self._token.encode("latin-1")
        ):
            await self._app(scope, receive, send)
            return
        words = "Forbidden: the request has not this page's token. Reload the page."
        await JSONResponse({"problem": words}, 403)(scope, receive, send)


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)
