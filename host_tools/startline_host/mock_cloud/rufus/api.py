"""The RUFUS API as a Starlette application: keys, routes, and the form of the answers."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from startline_host.errors import BadInput
from startline_host.mock_cloud.answers import (
    ENVELOPES,
    FORMS,
    SECOND_BIND,
    ApiAnswer,
    ApiRefusal,
    body_bytes,
)
from startline_host.mock_cloud.rufus import devices, sessions
from startline_host.mock_cloud.rufus.calls import (
    ApiCall,
    device_calls,
    passing_calls,
    session_calls,
)
from startline_host.mock_cloud.rufus.passing_rules import PassingRules
from startline_host.mock_cloud.rufus.request import RufusRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request as HttpRequest

    from startline_host.mock_cloud.keys import ApiKey
    from startline_host.mock_cloud.store import CloudStore

#: Where the API stands on the server.
PREFIX = "/v0"

#: The headers that may carry the key; where both do, the first of these counts.
KEY_HEADERS = ("api_key", "x-api-key")


class RufusApi:
    """The API over `store`, in one envelope and form, with one rule for a second bind.

    `typed` makes `type` compulsory when binding; `rules` are those for sessions and passings;
    `new_token` makes up 64 hexadecimal digits.
    Raises `BadInput` for an option that does not exist.
    """

    def __init__(
        self,
        store: CloudStore,
        *,
        envelope: str = "bare",
        form: str = "json",
        second_bind: str = "new",
        typed: bool = False,
        rules: PassingRules | None = None,
        new_token: Callable[[], str] = lambda: secrets.token_hex(32).upper(),
    ) -> None:
        for name, value, known in (
            ("envelope", envelope, ENVELOPES),
            ("answer form", form, FORMS),
            ("rule for a second bind", second_bind, SECOND_BIND),
        ):
            if value not in known:
                raise BadInput(f"There is no {name} {value!r}.", f"Known are: {', '.join(known)}.")
        self._store = store
        self.envelope = envelope
        self.form = form
        self.second_bind = second_bind
        self.typed = typed
        self.rules = rules or PassingRules()
        self._new_token = new_token

    def calls(self) -> list[ApiCall]:
        """List every call of the API, with this one's options."""
        return [
            *device_calls(self._bind, typed=self.typed, conflict=self.second_bind == "conflict"),
            *session_calls(self._insert_session, strict=self.rules.strict),
            *passing_calls(strict=self.rules.strict),
        ]

    def _bind(self, request: RufusRequest) -> ApiAnswer:
        return devices.bind(
            request, second=self.second_bind, typed=self.typed, new_id=self._new_token
        )

    def _insert_session(self, request: RufusRequest) -> ApiAnswer:
        return sessions.insert(request, new_token=self._new_token)

    def app(self) -> Starlette:
        """Build the ASGI application; mount it at `PREFIX`."""
        by_path: dict[str, dict[str, ApiCall]] = {}
        for call in self.calls():
            by_path.setdefault(call.path, {})[call.method] = call
        routes = [
            Route(path, partial(self._respond, table), methods=list(table))
            for path, table in by_path.items()
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: self.not_routed})

    async def _respond(self, table: dict[str, ApiCall], http: HttpRequest) -> Response:
        method = "GET" if http.method == "HEAD" else http.method
        try:
            key = self._key(http)
            request = RufusRequest(
                self._store,
                key.company,
                http.path_params,
                http.query_params,
                await http.body(),
                self.rules,
            )
            answer = table[method].respond(request)
        except ApiRefusal as refusal:
            answer = refusal.answer
        return self.render(answer)

    def _key(self, http: HttpRequest) -> ApiKey:
        """Find whose key the request carries, and whether it may do this; else refuse with 403."""
        texts = next((found for name in KEY_HEADERS if (found := http.headers.getlist(name))), [])
        if len(texts) != 1:
            raise ApiRefusal(403, "Forbidden: one api key is needed")
        key = self._store.key(texts[0])
        if key is None:
            raise ApiRefusal(403, "Forbidden: unknown api key")
        if not key.may(http.method):
            raise ApiRefusal(403, "Forbidden: wrong api key access type")
        return key

    def render(self, answer: ApiAnswer) -> Response:
        """Write an answer in this API's envelope and form."""
        return Response(
            body_bytes(answer, envelope=self.envelope, form=self.form),
            answer.status,
            dict(answer.headers),
            "application/json",
        )

    async def not_routed(self, _http: HttpRequest, error: Exception) -> Response:
        """Answer in this API's form what no route answers: a Starlette exception handler."""
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
        answer = ApiAnswer(error.status_code, {"description": error.detail}, error.headers or {})
        return self.render(answer)
