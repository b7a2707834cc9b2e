"""The live port: a race's passings for timing software on the venue's network, to read and no more.

In the manner of RACE RESULT's decoders (TCP, mostly port 3601): a host pulls passings by number,
or has them pushed. It is off unless `race.port` is set. Nothing here can change the race, and
nothing waits: each step reads a few bytes, writes one line, and comes back.
"""

from select import poll

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Race

    from .client import PortClient

_MOST = 4  # clients at a time: two, and both once more before their old connections are gone
_SILENT_MS = 30000  # after so long without a word, a client gives way to a new one
_AGAIN_MS = 5000  # until a port that could not be opened is tried again
_BUSY_MS, _CLIENT_MS, _IDLE_MS = 2, 20, 200


class LivePort:
    """Serves a race's passings on a port of the network, as soon as the sender has a link."""

    server: "Any"
    poller: "Any"
    server = poller = None
    wait_from = -_AGAIN_MS

    def __init__(self, race: "Race") -> None:
        self.race = race
        self.chip = race.chip
        self.clients: "list[PortClient]" = []
        self.warned = False

    def tick(self) -> int:
        """Go on a little; return the milliseconds after which there may be more to do."""
        try:
            return self._tick()
        except Exception:  # of any kind: no memory, no link. A race has to go on.
            self.close()
            return _IDLE_MS

    def _tick(self) -> int:
        if not self.server and not self._open():
            return _IDLE_MS
        ready = [one[0] for one in self.poller.poll(0)]
        for client in self.clients:
            client.ready = client.sock in ready
        busy = False
        for client in list(self.clients):
            try:
                busy = client.step() or busy
            except (OSError, ValueError):  # gone, or no client of this kind
                self._drop(client)
        if self.server in ready:  # last: one that comes back finds its old connection gone
            self._accept()
        return _BUSY_MS if busy else _CLIENT_MS if self.clients else _IDLE_MS

    def _open(self) -> bool:
        """Listen, where there is a network to listen on."""
        network = self.race.sender().network
        chip = self.chip
        if not network.wlan or not network.wlan.isconnected():
            return False
        if chip.since(self.wait_from) < _AGAIN_MS:
            return False
        sockets = network.sockets
        server = sockets.socket()
        try:
            server.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
            server.bind(sockets.getaddrinfo("0.0.0.0", self.race.settings.port)[0][-1])  # noqa: S104 - who set the port wants it
            server.listen(_MOST)
            server.setblocking(False)
        except OSError:
            server.close()
            self.wait_from = chip.ms()
            if not self.warned:
                self.warned = True
                self.race.emit("race_warning", {"what": "no_live_port"})
            return False
        self.server = server
        self.poller = poll()
        self.poller.register(server, 1)
        return True

    def _accept(self) -> None:
        from .client import PortClient

        try:
            sock = self.server.accept()[0]
        except OSError:
            return  # it has changed its mind
        if len(self.clients) >= _MOST:
            silent = max(self.clients, key=lambda one: self.chip.since(one.heard))
            if self.chip.since(silent.heard) < _SILENT_MS:
                sock.close()
                return
            self._drop(silent)
        sock.setblocking(False)
        self.poller.register(sock, 1)
        self.clients.append(PortClient(self.race, sock))

    def _drop(self, client: "PortClient") -> None:
        self.clients.remove(client)
        self.poller.unregister(client.sock)
        client.sock.close()

    def close(self) -> None:
        """Let go of everything; it is opened anew."""
        for client in self.clients:
            client.sock.close()
        self.clients = []
        if self.server:
            self.server.close()
            self.server = None
        self.wait_from = self.chip.ms()


def start(race: "Race") -> LivePort:
    """Return what serves a race's passings."""
    return LivePort(race)
