"""The mock cloud as a context manager: everything a test or a bench needs of a cloud."""

from __future__ import annotations

import ssl
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from startline_host.local_web.listen_socket import ANY_ADDRESS, bind, close_all
from startline_host.local_web.origin_check import LOOPBACK_NAMES
from startline_host.local_web.server import Listener, ServerThread
from startline_host.mock_cloud import rufus, vms
from startline_host.mock_cloud.certificate_authority import server_certificate
from startline_host.mock_cloud.fault_switches import FaultSwitches
from startline_host.mock_cloud.mock_options import MockOptions
from startline_host.mock_cloud.proxy import FaultProxy
from startline_host.mock_cloud.request_log import LoggedRequest, RequestLog
from startline_host.mock_cloud.rufus.passing_rules import PassingRules
from startline_host.mock_cloud.site import MockSite
from startline_host.mock_cloud.store import CloudStore
from startline_host.mock_cloud.trap import trap
from startline_host.tls_alerts import alert_words

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import TracebackType

#: RFC 8446: the content type of an alert, and the level of one that ends the connection.
_ALERT, _FATAL = 21, 2
#: How many of them are kept.
_OBJECTIONS = 100


class MockCloud:
    """A RUFUS cloud and a VMS one on loopback, in a thread, for as long as the block runs.

    Raises `BadInput` for an option that does not exist, `NetworkFailed` for a port in use.
    """

    def __init__(self, options: MockOptions | None = None) -> None:
        options = options or MockOptions()
        self.tls = options.tls
        self.trapped = RequestLog()
        self.proxy: FaultProxy | None = None
        self._names = tuple(dict.fromkeys((*LOOPBACK_NAMES, *options.names)))
        self._host = options.host
        self._sockets: list[socket.socket] = []
        #: What clients objected to in their handshakes, in words, the latest last.
        self.tls_objections: deque[str] = deque(maxlen=_OBJECTIONS)
        #: What hears of them, in the server's thread.
        self.on_tls_objection: Callable[[str], None] = self.tls_objections.append
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The one door that OpenSSL has to the alerts of the other end.
        self._context._msg_callback = self._hear_tls  # type: ignore[attr-defined] # noqa: SLF001
        self.store = CloudStore(options.db)
        try:
            self._site = MockSite(self.store, options)
            self.use_certificate(options.certificate)
            place = (options.host, options.port)
            main = self._bind(*(("localhost", 0) if options.proxied else place))
            self._direct_port: int = main[0].getsockname()[1]
            if options.proxied:
                self.proxy = FaultProxy(
                    self._direct_port, host=options.host, port=options.port, seed=options.seed or 0
                )
                self.proxy.on_change = self._site.tell_page
            self.faults = FaultSwitches(self._site.faults, self.proxy)
            self._server = ServerThread("mock-cloud", self._listeners(main, options))
            for spec in options.faults:
                self.faults.turn_on(spec)
        except BaseException:
            self._let_go()
            raise
        self.requests = self._site.requests
        self.keys = self._site.keys
        self.authority = self._site.authority
        self.further = self._site.apis

    def __enter__(self) -> Self:
        self._server.start()
        if self.proxy is not None:
            self.proxy.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, and forget what was only in memory."""
        if self.proxy is not None:
            self.proxy.stop()
        self._server.stop()
        self._let_go()

    @property
    def port(self) -> int:
        """The TCP port that readers connect to."""
        return self._direct_port if self.proxy is None else self.proxy.port

    @property
    def root_url(self) -> str:
        """The server itself, which is also the base URL of VMS: `https://localhost:N`."""
        return f"{'https' if self.tls else 'http'}://{self._shown_host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What a RUFUS reader is provisioned with: `https://localhost:N/v0`."""
        return self.root_url + rufus.PREFIX

    @property
    def page_url(self) -> str:
        """Where a browser looks: past the proxy, and without TLS where that is served."""
        if self.http_port is not None:
            return f"http://{self._shown_host}:{self.http_port}/"
        return f"{'https' if self.tls else 'http'}://localhost:{self._direct_port}/"

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the CA that readers must trust, as PEM."""
        return self.authority.ca_pem

    @property
    def ca_der(self) -> bytes:
        """The certificate of the CA that readers must trust, as DER."""
        return self.authority.ca_der

    @property
    def connections(self) -> int:
        """How many connections came so far as to be able to send a request, TLS included."""
        return self._server.connections

    @property
    def vms(self) -> vms.VmsApi:
        """The VMS side: its devices, and reservations."""
        return self._site.vms

    def devices(self, company: str | None = None) -> list[dict[str, Any]]:
        """List the devices of one company or of all, oldest first, as the API names their fields."""
        return self._site.devices(company)

    def add_company(self, name: str) -> dict[str, str]:
        """Make a company with one key of each access type, and return these by type."""
        return self._site.add_company(name)

    def close_session(self, token: str) -> bool:
        """Close a session as somebody else would; tell whether it was active."""
        return self._site.close_session(token)

    def sessions(self) -> list[dict[str, Any]]:
        """List all sessions, oldest first, each with its device's serial number and its passings.

        Passings stand in the order in which they came, as the API names their fields.
        """
        return self._site.sessions()

    def withdraw_key(self, text: str) -> Callable[[], None]:
        """Have a key be none any more, as its company may; what is returned gives it back."""
        return self._site.withdraw_key(text)

    def use_rules(self, **rules: Any) -> None:
        """Go by these rules for sessions and passings from now on, and by the usual ones besides.

        Raises BadInput, as `PassingRules` does.
        """
        self._site.rufus.rules = PassingRules(**rules)

    def use_certificate(self, case: str) -> None:
        """Present another certificate (a name out of `certificate_authority.CASES`) from now on."""
        server_certificate(self._site.authority, case, self._names).load_into(self._context)

    def commit_late_now(self) -> None:
        """Carry out at once what `commit_late` has put off."""
        self._server.call(self._site.late.hurry())

    def wait_for_request(
        self,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        *,
        count: int = 1,
        timeout: float = 10.0,
    ) -> LoggedRequest:
        """Wait for a request; see `RequestLog.wait_for_request`."""
        return self.requests.wait_for_request(method, path, status, count=count, timeout=timeout)

    def reset(self) -> None:
        """Forget devices, sessions, passings and requests; keys, CA and faults stay."""
        self._site.reset()
        self.trapped.clear()

    @property
    def _shown_host(self) -> str:
        """A host name that leads here: an address that means all of them is none."""
        if self._host in ANY_ADDRESS:
            return next((one for one in self._names if one not in LOOPBACK_NAMES), "localhost")
        return f"[{self._host}]" if ":" in self._host else self._host

    def _listeners(self, main: list[socket.socket], options: MockOptions) -> list[Listener]:
        """Bind what else is served, plain HTTP and the trap, and say what is served on which."""
        context = self._context if self.tls else None
        app = self._site.app(self._names, self.faults, self._about, options.password)
        plain = [] if options.http_port is None else self._bind(self._host, options.http_port)
        self.http_port: int | None = plain[0].getsockname()[1] if plain else None
        traps = self._bind(self._host, 0)
        scheme = "https" if self.tls else "http"
        trap_port = traps[0].getsockname()[1]
        self._site.faults.trap_url = f"{scheme}://{self._shown_host}:{trap_port}/v0/devices"
        return [
            *(Listener(one, app, context) for one in main),
            *(Listener(one, app, None) for one in plain),
            *(Listener(one, trap(self.trapped), context) for one in traps),
        ]

    def _hear_tls(self, _conn: object, direction: str, *what: Any) -> None:
        """Keep a client's fatal alert; `what` is version, content type, message type and bytes."""
        kind, data = what[1], what[3]
        if direction == "read" and kind == _ALERT and len(data) == 2 and data[0] == _FATAL:
            self.on_tls_objection(alert_words(data[1], "a client", "this cloud"))

    def _about(self) -> dict[str, str]:
        """Say what the page tells of this cloud at its top."""
        return {"RUFUS": self.base_url, "VMS": self.root_url, **self._site.options()}

    def _bind(self, host: str, port: int) -> list[socket.socket]:
        sockets = bind(host, port)
        self._sockets += sockets
        return sockets

    def _let_go(self) -> None:
        if self.proxy is not None:
            self.proxy.stop()
        close_all(self._sockets)
        self.store.close()
