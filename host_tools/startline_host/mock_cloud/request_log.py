"""What reached the mock cloud: every request, its answer, and ways to count and to wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from startline_host.errors import TimedOut
from startline_host.mock_cloud.keys import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Requests kept, and bytes of their bodies and answers; the oldest go first.
CAPACITY = 10_000
BYTES_KEPT = 64 * 1024 * 1024
#: Bytes kept of one body or one answer.
BODY_KEPT = 65_536

#: Headers whose values are secrets.
_SECRET_HEADERS = frozenset(
    {"api_key", "x-api-key", "authorization", "proxy-authorization", "cookie"}
)


@dataclass
class LoggedRequest:
    """One request as it came, and what was answered.

    `headers` are pairs in their order, with secrets masked; `body` and `answer` are cut at
    64 KiB. `status` is None until an answer is sent, and stays so if none is; `ended` tells
    the two apart. `time` is in seconds since 1970, `ms` the time to the answer, `fault` the
    order of the fault that was played, if any; with `raw` that fault wrote no HTTP at all.
    """

    number: int
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    time: float
    body: bytes = b""
    whole: bool = False
    status: int | None = None
    answer: bytes = b""
    ended: bool = False
    ms: float = 0.0
    fault: str = ""
    raw: bool = False

    @property
    def size(self) -> int:
        """How many bytes of body and answer are kept."""
        return len(self.body) + len(self.answer)

    def header(self, name: str) -> str | None:
        """Give the first header of that name, in any case; secrets come masked."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)


@dataclass
class _Criteria:
    """Which requests are meant: None means any."""

    method: str | None
    path: str | None
    status: int | None

    def fits(self, entry: LoggedRequest) -> bool:
        return (
            (self.method is None or entry.method == self.method)
            and (self.path is None or entry.path == self.path)
            and (self.status is None or entry.status == self.status)
        )


@dataclass
class RequestLog:
    """All requests in the order of their arrival; safe to read from any thread.

    `on_change` is called, in the server's thread, whenever an entry is new or has changed.
    """

    on_change: Callable[[LoggedRequest], None] = lambda _entry: None
    _entries: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=CAPACITY))
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _count: int = 0
    _bytes: int = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._changed:
            return iter(list(self._entries))

    def __getitem__(self, index: int) -> LoggedRequest:
        with self._changed:
            return self._entries[index]

    def find(
        self, method: str | None = None, path: str | None = None, status: int | None = None
    ) -> list[LoggedRequest]:
        """List the requests with this method, this path and this status; None means any."""
        criteria = _Criteria(method, path, status)
        return [entry for entry in self if criteria.fits(entry)]

    def count(
        self, method: str | None = None, path: str | None = None, status: int | None = None
    ) -> int:
        """Count the requests that `find` would list."""
        return len(self.find(method, path, status))

    def numbered(self, number: int) -> LoggedRequest | None:
        """Find a request by its number, or None if it is gone."""
        return next((entry for entry in self if entry.number == number), None)

    def wait_for_request(
        self,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        *,
        count: int = 1,
        timeout: float = 10.0,
        ended: bool = True,
    ) -> LoggedRequest:
        """Wait until `count` such requests are there, and return the last of these.

        With `ended` only those count that were answered or cut; without, also those that are
        still arriving. Raises `TimedOut` after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        criteria = _Criteria(method, path, status)
        with self._changed:
            while True:
                found = [
                    entry
                    for entry in self._entries
                    if criteria.fits(entry) and (entry.ended or not ended)
                ]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise TimedOut(
                        f"{len(found)} of {count} requests ({method or 'any method'} "
                        f"{path or 'any path'}) came within {timeout:g} s"
                    )

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        with self._changed:
            self._entries.clear()
            self._bytes = 0

    def open(
        self, method: str, path: str, query: str, headers: list[tuple[str, str]], now: float
    ) -> LoggedRequest:
        """Note a request whose head has arrived; secrets in its headers are masked here."""
        with self._changed:
            self._count += 1
            entry = LoggedRequest(self._count, method, path, query, _mask(headers), now)
            self._entries.append(entry)
        self.changed(entry)
        return entry

    def changed(self, entry: LoggedRequest) -> None:
        """Tell all who wait or listen that an entry is new or has changed."""
        with self._changed:
            self._changed.notify_all()
        self.on_change(entry)

    def end(self, entry: LoggedRequest) -> None:
        """Note that no more will come of a request, and make room if bodies take up too much."""
        with self._changed:
            entry.ended = True
            self._bytes += entry.size
            while self._bytes > BYTES_KEPT and len(self._entries) > 1:
                gone = self._entries.popleft()
                self._bytes -= gone.size if gone.ended else 0
        self.changed(entry)


def _mask(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, masked(value) if name in _SECRET_HEADERS else value) for name, value in headers]
