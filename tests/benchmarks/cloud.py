"""The mock cloud: binds a second, latencies, memory and lists, beside mocks of general use."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from startline_host.errors import BadInput
from tests.benchmarks import cloud_peers
from tests.benchmarks.cloud_peers import JSON_SERVER, MOCKOON
from tests.benchmarks.cloud_running import MeasuredServer, free_port, ours, theirs
from tests.benchmarks.groups import KEPT
from tests.benchmarks.row import UNKNOWN, Peer, Row

#: Rounds in which each server has its turn, and binds in a turn, after those that warm it up.
ROUNDS, BINDS, WARMING = 12, 1500, 300
#: Devices of a large company, how many of them bind by request, and devices on a page.
MANY, BY_REQUEST, PAGE = 100_000, 10_000, 5000
#: Turns at a large company, and binds in each: json-server writes its whole file at every one.
TURNS, MORE, MORE_THERE = 6, 3000, 12

_NPM = KEPT / "npm"
_NOTE = "16 at a time, each over a connection of its own"

Start = Callable[[], AbstractContextManager[MeasuredServer]]


def rows(work: Path) -> Iterator[Row]:
    """Yield speeds and latencies with and without TLS, then what 100,000 devices cost."""
    starts: dict[str, Start] = {
        "http": ours,
        "https": lambda: ours(ca=work / "ca.pem"),
        "proxied": lambda: ours(ca=work / "ca.pem", proxied=True),
    }
    try:
        cloud_peers.install(_NPM)
    except BadInput as error:
        others: dict[str, Start] = {}
        yield Row("peers", UNKNOWN, "", note=f"{error.message} {error.hint}".strip())
    else:
        others = _others(work)
    yield from _speeds(_in_turns({**starts, **others}))
    yield from _many(work, beside=bool(others))


def _others(work: Path) -> dict[str, Start]:
    """Return how the others are started, over plain HTTP and, where they can, over TLS."""
    ca, files = cloud_peers.certificate(work)

    def json_server() -> AbstractContextManager[MeasuredServer]:
        port = free_port()
        return theirs(cloud_peers.json_server(_NPM, work, port), port)

    def mockoon() -> AbstractContextManager[MeasuredServer]:
        port = free_port()
        return theirs(cloud_peers.mockoon(_NPM, work, port), port)

    def mockoon_tls() -> AbstractContextManager[MeasuredServer]:
        port = free_port()
        return theirs(cloud_peers.mockoon(_NPM, work, port, files), port, ca)

    return {JSON_SERVER: json_server, MOCKOON: mockoon, f"{MOCKOON} over TLS": mockoon_tls}


class Taken:
    """What one server did in its rounds.

    The median of them counts: all servers have their rounds in the same minutes, so what else the
    machine does touches all alike, and a burst of it none.
    """

    def __init__(self) -> None:
        self._rounds: list[tuple[float, float, list[float]]] = []

    def add(self, speed: float, ms: list[float], cpu: float) -> None:
        """Take a round: binds a second, milliseconds of each, and of computing for one."""
        self._rounds.append((speed, cpu, sorted(ms)))

    @property
    def speed(self) -> float:
        """Binds a second."""
        return median(speed for speed, _, _ in self._rounds)

    @property
    def cpu(self) -> float:
        """Milliseconds of the server's own computing for a bind."""
        return median(cpu for _, cpu, _ in self._rounds)

    def percentile(self, percent: int) -> float:
        """Return the milliseconds that so many percent of a round's binds did not exceed."""
        return median(ms[(len(ms) - 1) * percent // 100] for _, _, ms in self._rounds)


def _in_turns(starts: dict[str, Start]) -> dict[str, Taken]:
    """Measure each server in each round, started afresh, so that all meet the same weather."""
    taken = {name: Taken() for name in starts}
    for _ in range(ROUNDS):
        for name, start in starts.items():
            with start() as server:
                server.bind(WARMING)
                before = server.cpu()
                speed, ms = server.bind(BINDS, WARMING)
                taken[name].add(speed, ms, (server.cpu() - before) * 1000 / BINDS)
    return taken


def _speeds(taken: dict[str, Taken]) -> Iterator[Row]:
    """Yield binds a second and latencies, each beside the best that can be held against it."""
    pairs = (
        ("http", JSON_SERVER, ""),
        ("http", MOCKOON, "_beside_mockoon"),
        ("https", f"{MOCKOON} over TLS", ""),
    )
    for mine, other, suffix in pairs:
        one, two = taken[mine], taken.get(other)
        peer = Peer(other, two.speed) if two else None
        yield Row(f"binds_{mine}{suffix}", one.speed, "binds/s", peer, _NOTE)
        peer = Peer(other, two.cpu) if two else None
        yield Row(f"cpu_{mine}{suffix}", one.cpu, "ms/bind", peer)
        peer = Peer(other, two.percentile(50)) if two else None
        yield Row(f"p50_{mine}{suffix}", one.percentile(50), "ms", peer)
        # The slowest in a hundred are the machine's doing as much as a server's: no ratio.
        if not suffix:
            yield Row(f"p99_{mine}", one.percentile(99), "ms")
        if two:
            yield Row(f"p99_{mine}_of_{_short(other)}", two.percentile(99), "ms", note=other)
    direct, proxied = taken["https"], taken["proxied"]
    peer = Peer("ours without fault proxy", direct.speed)
    yield Row("binds_https_proxied", proxied.speed, "binds/s", peer, _NOTE)
    peer = Peer("ours without fault proxy", direct.cpu)
    yield Row("cpu_https_proxied", proxied.cpu, "ms/bind", peer)


def _short(other: str) -> str:
    """Return a peer's name as part of a row's."""
    return other.split(maxsplit=1)[0].lower().replace("-", "_")


def _many(work: Path, *, beside: bool) -> Iterator[Row]:
    """Yield memory, the whole list and a bind's speed with many devices, in turns."""
    with contextlib.ExitStack() as stack:
        mine = stack.enter_context(ours())
        yield Row("memory_at_start", mine.memory(), "MiB")
        mine.bind(BY_REQUEST)
        mine.fill(MANY)
        full = [Full(mine, "page={}&limit={}", MORE)]
        if beside:
            port = free_port()
            command = cloud_peers.json_server(_NPM, work, port, MANY)
            server = stack.enter_context(theirs(command, port))
            full.append(Full(server, "_page={}&_limit={}", MORE_THERE))
        for number in range(TURNS):
            for one in full:
                one.take_turn(number)
        figures = [(median(one.lists), median(one.speeds)) for one in full]
    yield Row("memory_100k", full[0].memory, "MiB")
    if beside:  # with what its collector left lying about at that moment: no ratio
        yield Row("memory_100k_of_json_server", full[1].memory, "MiB", note=JSON_SERVER)
    names = ("list_100k", "s"), ("binds_with_100k", "binds/s")
    for (name, unit), value, *peers in zip(names, *figures, strict=True):
        peer = Peer(JSON_SERVER, peers[0]) if peers else None
        yield Row(name, value, unit, peer)


@dataclass
class Full:
    """A mock with many devices: seconds for the whole list and binds a second, the median of turns.

    `memory` is in MiB, once the list has been read.
    """

    server: MeasuredServer
    query: str
    more: int
    lists: list[float] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    memory: float = 0.0

    def take_turn(self, number: int) -> None:
        """Read the whole list, then bind some more. Raises BadInput where the list is not whole."""
        began = time.perf_counter()
        for page in range(1, MANY // PAGE + 1):
            body = self.server.get(f"{self.server.path}?{self.query.format(page, PAGE)}")
            if body.count(b'"serial_number"') != PAGE:
                raise BadInput(f"Page {page} of a mock's list does not hold {PAGE} devices.")
        self.lists.append(time.perf_counter() - began)
        # Later the garbage of its own writes is most of what json-server holds.
        self.memory = self.memory or self.server.memory()
        speed, _ = self.server.bind(self.more, (10 + number) * MANY)
        self.speeds.append(speed)
