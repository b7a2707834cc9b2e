"""The mock of Toy: one path, readers in a list."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from startline_host.mock_cloud.mock import MockCloud
from startline_host.mock_cloud.mock_options import MockOptions
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from starlette.requests import Request

    from startline_host.mock_cloud.store import CloudStore


def make_mock(options: MockOptions) -> MockCloud:
    """Make a mock cloud that plays Toy as well."""
    toy = partial(ToyApi, second=options.second_bind)
    return MockCloud(replace(options, apis=[toy]))


class ToyApi:
    """Toy over the keys of `store`; `second` is what a second request for a serial number does."""

    prefix = "/toy"
    bind_path = list_path = "/toy/readers"

    def __init__(self, store: CloudStore, second: str) -> None:
        self._store = store
        self._second = second
        self.readers: list[dict[str, Any]] = []

    def app(self) -> Starlette:
        """Build the ASGI application."""
        return Starlette(routes=[Route("/readers", self._readers, methods=["GET", "POST"])])

    def forget(self) -> None:
        """Forget all readers."""
        self.readers.clear()

    async def _readers(self, http: Request) -> Response:
        key = self._store.key(http.headers.get("x-toy-key", ""))
        if key is None or not key.may(http.method):
            return JSONResponse({"error": "This key may not do that."}, 403)
        if http.method == "GET":
            page = int(http.query_params.get("page", "1"))
            return JSONResponse({"result": self.readers if page == 1 else []})
        asked = json.loads(await http.body())
        known = [one for one in self.readers if one["serial"] == asked["serial"]]
        if known and self._second == "conflict":
            return JSONResponse({"error": "This reader is here already."}, 409)
        if known and self._second == "same":
            known[0]["note"] = asked.get("note", "")
            return JSONResponse({"id": known[0]["id"]}, 201)
        reader = {
            "id": f"toy-{len(self.readers) + 1:06d}",
            "serial": asked["serial"],
            "note": asked.get("note", ""),
            "since": iso(time.time()),
        }
        self.readers.append(reader)
        return JSONResponse({"id": reader["id"]}, 201)
