"""What the panel's page asks for: the state, the news, and what it orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from startline_host.errors import StartlineError
from startline_host.local_web.origin_check import LOOPBACK_NAMES, OriginCheck
from startline_host.local_web.page_document import page_document
from startline_host.local_web.page_token import PageToken
from startline_host.local_web.request_body import read_order
from startline_host.panel.panel_job import NotAllowed, StillBusy

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from startline_host.local_web.event_hub import EventHub
    from startline_host.panel.panel_job import JobRunner
    from startline_host.panel.reader_view import ReaderView
    from startline_host.panel.reader_watch import ReaderWatch

_NO_ORDER = JSONResponse({"problem": "That is not an action."}, 400)


class PanelRoutes:
    """The answers to the page; it is served on loopback, to itself alone."""

    def __init__(
        self,
        about: dict[str, Any],
        view: ReaderView,
        watch: ReaderWatch,
        runner: JobRunner,
        hub: EventHub,
    ) -> None:
        self._about = about
        self._view = view
        self._watch = watch
        self._runner = runner
        self._hub = hub

    def app(self, token: str) -> ASGIApp:
        """Build the application: foreign hosts and origins first, then the token, then the page."""
        self._token = token
        routes = [
            Route("/", self.show),
            Route("/_panel/state", self.state),
            Route("/_panel/events", self.events),
            Route("/_panel/jobs", self.start, methods=["POST"]),
            Route("/_panel/answers", self.answer, methods=["POST"]),
            Route("/_panel/port", self.port, methods=["POST"]),
        ]
        return OriginCheck(PageToken(Starlette(routes=routes), token), LOOPBACK_NAMES)

    async def show(self, _http: Request) -> Response:
        """Send the page."""
        body, headers = page_document("startline_host.panel", ("script.js",), self._token)
        return Response(body, 200, headers, "text/html")

    async def state(self, _http: Request) -> Response:
        """Tell all that is known; the reader is not asked for it."""
        about = {**self._about, "port": self._watch.url}
        state = {"about": about, **self._view.as_dict(), "job": self._runner.as_dict()}
        return JSONResponse(state, headers={"cache-control": "no-store"})

    async def events(self, _http: Request) -> Response:
        """Tell whenever something has changed."""
        headers = {"cache-control": "no-store"}
        return StreamingResponse(self._hub.listen(), 200, headers, "text/event-stream")

    async def start(self, http: Request) -> Response:
        """Start a verb: `{"verb": NAME, "order": {...}}`."""
        sent = await read_order(http)
        if sent is None or not isinstance(verb := sent.get("verb"), str):
            return _NO_ORDER
        order = sent.get("order", {})
        if not isinstance(order, dict):
            return _NO_ORDER
        try:
            await run_in_threadpool(self._runner.start, verb, order)
        except NotAllowed as error:
            return _problem(error, 403)
        except StillBusy as error:
            return _problem(error, 409)
        except StartlineError as error:
            return _problem(error, 400)
        return JSONResponse({}, 202)

    async def answer(self, http: Request) -> Response:
        """Answer a question: `{"question": NUMBER, "typed": TEXT}`, null for no."""
        sent = await read_order(http)
        typed = None if sent is None else sent.get("typed")
        if sent is None or not isinstance(typed, str | None):
            return _NO_ORDER
        if not self._runner.desk.answer(sent.get("question", 0), typed):
            return JSONResponse({"problem": "That is not asked any more."}, 409)
        return JSONResponse({})

    async def port(self, http: Request) -> Response:
        """Give up the port for another program, or take it back: `{"release": true}`."""
        sent = await read_order(http)
        if sent is None or not isinstance(let_go := sent.get("release"), bool):
            return _NO_ORDER
        self._watch.release(let_go=let_go)
        return JSONResponse({})


def _problem(error: StartlineError, status: int) -> Response:
    return JSONResponse({"problem": f"{error.message} {error.hint}".strip()}, status)
