"""The mock of a cloud that binds by one POST and lists by a GET of the same path, by a description."""

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
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from startline_host.mock_cloud.keys import ApiKey
    from startline_host.mock_cloud.mock_options import MockOptions
    from startline_host.mock_cloud.store import CloudStore

_PAGE = 1000


def make_mock(options: MockOptions, **described: Any) -> MockCloud:
    """Make a mock cloud that plays such a cloud as well.

    It is described by `prefix` and `path`, `key_header` and `key_prefix`, `token_form` (such as
    "id-%06d"), how it names `token`, `serial`, `mark`, `created` and `words` (for people), and the
    names that lead to what is `listed` and `counted` in a page of the list.
    """
    api = partial(PlainApi, described=described, second=options.second_bind)
    return MockCloud(replace(options, apis=[api]))


class PlainApi:
    """The cloud over the keys of `store`; `second` is what a second request for a serial number does."""

    def __init__(self, store: CloudStore, described: Mapping[str, Any], second: str) -> None:
        self._store = store
        self._names = described
        self._second = second
        self.prefix = described["prefix"]
        self.bind_path = self.list_path = self.prefix + described["path"]
        self.token = described["token"]
        self.devices: list[dict[str, Any]] = []

    def app(self) -> Starlette:
        """Build the ASGI application."""
        path = self._names["path"]
        return Starlette(routes=[Route(path, self._answer, methods=["GET", "POST"])])

    def forget(self) -> None:
        """Forget all devices."""
        self.devices.clear()

    async def _answer(self, http: Request) -> Response:
        key = self._key(http.headers.get(self._names["key_header"], ""))
        if key is None or not key.may(http.method):
            return self._say("This key may not do that.", 403)
        if http.method == "GET":
            begin = (int(http.query_params.get("page", "1")) - 1) * _PAGE
            return JSONResponse(self._page(self.devices[begin : begin + _PAGE]))
        try:
            asked = dict(json.loads(await http.body()))
        except ValueError:
            return self._say("The body is not valid JSON.", 400)
        if not asked.get(self._names["serial"]):
            return self._say("The serial number is missing.", 400)
        return self._bind(asked)

    def _page(self, shown: list[dict[str, Any]]) -> Any:
        if not self._names["listed"]:
            return shown
        page: dict[str, Any] = {}
        _put(page, self._names["listed"], shown)
        if self._names["counted"]:
            _put(page, self._names["counted"], len(self.devices))
        return page

    def _key(self, said: str) -> ApiKey | None:
        """Find the key that a header carries."""
        before = self._names["key_prefix"]
        return self._store.key(said.removeprefix(before)) if said.startswith(before) else None

    def _bind(self, asked: dict[str, Any]) -> Response:
        names = self._names
        token, serial, mark = names["token"], names["serial"], names["mark"]
        known = [one for one in self.devices if one[serial] == asked[serial]]
        if known and self._second == "conflict":
            return self._say("This device is bound already.", 409)
        if known and self._second == "same":
            known[0][mark] = asked.get(mark, "")
            return JSONResponse({token: known[0][token]}, 201)
        device = {
            token: names["token_form"] % (len(self.devices) + 1),
            serial: asked[serial],
            mark: asked.get(mark, ""),
            names["created"]: iso(time.time()),
        }
        self.devices.append(device)
        return JSONResponse({token: device[token]}, 201)

    def _say(self, words: str, status: int) -> Response:
        return JSONResponse({self._names["words"]: words}, status)


def _put(page: dict[str, Any], names: Sequence[str], value: Any) -> None:
    """Put a value where the names lead."""
    *inner, last = names
    for name in inner:
        page = page.setdefault(name, {})
    page[last] = value
