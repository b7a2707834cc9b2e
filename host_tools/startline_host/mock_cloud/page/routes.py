"""What the page's script asks for: the state, one request, the news, and the switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from startline_host.errors import StartlineError
from startline_host.local_web.page_document import page_document
from startline_host.local_web.request_body import read_order
from startline_host.mock_cloud.log_format import entry_summary, full_entry
from startline_host.mock_cloud.page import page_state
from startline_host.mock_cloud.page.page_password import PagePassword
from startline_host.mock_cloud.page.session_view import session_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from startline_host.local_web.event_hub import EventHub
    from startline_host.mock_cloud.fault_switches import FaultSwitches
    from startline_host.mock_cloud.request_log import RequestLog
    from startline_host.mock_cloud.store import CloudStore
    from startline_host.secrets import Secret

#: The parts of the page's script, in their order: what one needs comes before it.
_SCRIPTS = ("sessions.js", "script.js")


@dataclass(frozen=True)
class PageContext:
    """What the page looks at and what it may do; `about` is said of the cloud at its top."""

    store: CloudStore
    requests: RequestLog
    board: FaultSwitches
    hub: EventHub
    about: Callable[[], dict[str, Any]]
    describe: Callable[[], dict[str, Any]]
    reset: Callable[[], None]
    close_session: Callable[[str], bool]


def page_app(watched: PageContext, password: Secret | None) -> PagePassword:
    """Build the page's application, behind a password if there is one."""
    page = _PageRoutes(watched)
    routes = [
        Route("/", page.show),
        Route("/openapi.json", page.openapi),
        Route("/_page/state", page.state),
        Route("/_page/requests/{number:int}", page.one_request),
        Route("/_page/sessions/{token}", page.one_session),
        Route("/_page/sessions/{token}/close", page.close_session, methods=["POST"]),
        Route("/_page/events", page.events),
        Route("/_page/faults", page.switch, methods=["POST"]),
        Route("/_page/reset", page.reset, methods=["POST"]),
    ]
    return PagePassword(Starlette(routes=routes), password)


class _PageRoutes:
    def __init__(self, watched: PageContext) -> None:
        self._watched = watched

    async def show(self, _http: Request) -> Response:
        body, headers = page_document("startline_host.mock_cloud.page", _SCRIPTS)
        return Response(body, 200, headers, "text/html")

    async def openapi(self, _http: Request) -> Response:
        return JSONResponse(self._watched.describe())

    async def state(self, _http: Request) -> Response:
        watched = self._watched
        newest = list(watched.requests)[-page_state.SHOWN :]
        return JSONResponse(
            {
                "about": watched.about(),
                "devices": page_state.devices(watched.store),
                "sessions": page_state.sessions(watched.store),
                "requests": [entry_summary(entry) for entry in newest],
                "faults": page_state.faults(watched.board),
            }
        )

    async def one_request(self, http: Request) -> Response:
        entry = self._watched.requests.numbered(http.path_params["number"])
        if entry is None:
            return JSONResponse({"problem": "That request is no longer kept."}, 404)
        return JSONResponse(full_entry(entry))

    async def one_session(self, http: Request) -> Response:
        return JSONResponse(session_view(self._watched.store, http.path_params["token"]))

    async def close_session(self, http: Request) -> Response:
        """Close a session as somebody else would."""
        if await read_order(http) is None:
            return JSONResponse({"problem": "That is not an action."}, 400)
        if not self._watched.close_session(http.path_params["token"]):
            return JSONResponse({"problem": "That session is not active."}, 404)
        return JSONResponse({})

    async def events(self, _http: Request) -> Response:
        headers = {"cache-control": "no-store"}
        return StreamingResponse(self._watched.hub.listen(), 200, headers, "text/event-stream")

    async def switch(self, http: Request) -> Response:
        """Switch faults: `{"on": ORDER}`, `{"off": NAME}`, or `{"clear": true}`."""
        order = await read_order(http)
        if order is None:
            return JSONResponse({"problem": "That is not an action for a fault."}, 400)
        board = self._watched.board
        try:
            if isinstance(order.get("on"), str):
                board.turn_on(order["on"])
            elif isinstance(order.get("off"), str):
                board.turn_off(order["off"])
            elif order.get("clear") is True:
                board.clear()
            else:
                return JSONResponse({"problem": "That is not an action for a fault."}, 400)
        except StartlineError as error:
            return JSONResponse({"problem": f"{error.message} {error.hint}".strip()}, 400)
        return JSONResponse(page_state.faults(board))

    async def reset(self, http: Request) -> Response:
        if await read_order(http) is None:
            return JSONResponse({"problem": "That is not an action."}, 400)
        self._watched.reset()
        return JSONResponse({})
