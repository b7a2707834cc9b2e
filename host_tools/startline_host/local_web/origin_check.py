"""Who may ask: host names that are ours, and no other site's pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

#: Host names that always mean this computer.
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class OriginCheck:
    """Lets through what names one of `names` as its host and comes from no foreign origin.

    A browser can be made to send requests to a server on loopback: by any page (then the Origin
    header tells), or by a host name that was pointed at 127.0.0.1 (then the Host header tells).
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection, or answer 421 or 403."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        problem = self._problem(scope["scheme"], headers)
        if problem is None:
            await self._app(scope, receive, send)
            return
        status, reason = problem
        body = json.dumps({"description": reason})
        await Response(body, status, {"connection": "close"}, "application/json")(
            scope, receive, send
        )

    def _problem(self, scheme: str, headers: Headers) -> tuple[int, str] | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self._names:
            return 421, "Unknown host: this server does not answer to that name"
        for origin in headers.getlist("origin"):
            if origin.lower() != f"{scheme}://{hosts[0]}".lower():
                return 403, "Forbidden: the request comes from another site's page"
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return 403, "Forbidden: the request comes from another site's page"
        return None


def host_name(host: str) -> str | None:
    """Take the name out of a Host header, in lower case; None if it is not well-formed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises ValueError where it is no number
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname
