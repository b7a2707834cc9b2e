"""The panel as a context manager: a reader that is watched, and a page on loopback that shows it."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from startline import __version__

from startline_host.flows.operator.change_plan import FACTORY
from startline_host.local_web.event_hub import EventHub
from startline_host.local_web.listen_socket import bind, close_all
from startline_host.local_web.page_token import new_token
from startline_host.local_web.server import Listener, ServerThread
from startline_host.panel.panel_job import JobRunner
from startline_host.panel.panel_options import PanelOptions
from startline_host.panel.panel_routes import PanelRoutes
from startline_host.panel.reader_view import ReaderView
from startline_host.panel.reader_watch import ReaderWatch

#: Seconds between two pieces of news: a reader may print a thousand lines in one.
_NEWS = 0.1


class PanelServer:
    """Watches one reader and serves its page until the block ends.

    Raises NetworkFailed for a page's port that is in use.
    """

    def __init__(self, options: PanelOptions) -> None:
        self._hub = EventHub()
        self._changed = threading.Event()
        self._ending = threading.Event()
        self.view = ReaderView(self._changed.set)
        self.watch = ReaderWatch(options.url, options.baud, self.view, options.carry_to)
        self.runner = JobRunner(options, self.watch, self.view, self._changed.set)
        about = {
            "version": __version__,
            "run": new_token()[:8],  # tells a page that the panel is another one by now
            "baud": options.baud,
            "control": options.control,
            "carries": options.carry_to,
            "factory": sorted(FACTORY),
        }
        #: What the page has to send with every change.
        self.token = new_token()
        app = PanelRoutes(about, self.view, self.watch, self.runner, self._hub).app(self.token)
        self._sockets = bind("localhost", options.http_port)
        self._server = ServerThread("panel", [Listener(one, app, None) for one in self._sockets])
        self._news = threading.Thread(target=self._tell, name="panel-news", daemon=True)

    def __enter__(self) -> Self:
        self._server.start()
        self._news.start()
        self.watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.runner.stop()
        self.watch.stop()
        self._ending.set()
        self._changed.set()
        self._server.stop()
        close_all(self._sockets)

    @property
    def page_url(self) -> str:
        """Where a browser looks."""
        return f"http://localhost:{self._sockets[0].getsockname()[1]}/"

    def _tell(self) -> None:
        """Have open pages ask for the state again, not more often than they can take it."""
        while self._changed.wait() and not self._ending.is_set():
            self._changed.clear()
            self._hub.publish("changed")
            time.sleep(_NEWS)
