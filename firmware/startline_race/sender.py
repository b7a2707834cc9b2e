"""Brings the journal to the cloud: time, sessions, passings, one step after the other.

It is one generator that yields the milliseconds after which it wants to be resumed; `tick` drives
it, for `race.send` and `race.run` alike. Whatever fails is tried again; whatever was asked and not
answered is looked up, or asked again with the same bytes.
"""

from startline.net import StepFailed
from startline_online.connection import Connection
from startline_online.network import Network

from .batch import Backlog
from .batch_steps import send_batch
from .errors import JournalFull
from .journal_format import CLOSED, CLOSING, LONGEST_DEAD_US, OPEN
from .reply import RaceReply
from .session_steps import begin_next, close_session, open_session

if False:  # for mypy; a device has none of these
    from collections.abc import Callable, Generator, Iterable
    from typing import Any

    from agent_types import Before, Bytes, Call, Fields, Numbers, PassingsCloud, Race, Take
    from startline_online.sntp import TimeSync

_IDLE_MS = 200  # between two looks whether there is something to do
_FULL_MS = 32000  # until a full journal is looked at again
_BUILT = 1767225600  # 2026-01-01: a calendar clock before this was never set


class Sender:
    """The sender of one device; `core` is the `Race` that it belongs to.

    `stopped` says why nothing is sent any more until somebody did something about it, "" if all is
    well; `reason` why nothing is sent just now.
    """

    sync: "TimeSync | None"
    job: "Generator[int, None, Any] | None"
    _steps: "Generator[int, None, None] | None"
    sync = job = _steps = None
    stopped = reason = ""
    mismatches = 0  # answers in a row that counted something else than was sent
    cannot_look = False  # the key does not read
    looked = False  # a look has found something missing, since the range became unsure
    rescued = False  # a session for the rest is open, and has taken nothing yet
    present: "Numbers" = ()  # numbers of the unsure range that were seen at the cloud
    sync_due = 0  # microseconds since boot: when to ask for the time
    _tries = _wait = 0

    def __init__(self, core: "Race") -> None:
        self.core = core
        self.chip = core.chip
        self.emit = core.emit
        self.journal = core.journal
        self.progress = core.progress
        self.keeper = core.keeper
        self.settings = core.settings
        self.cloud: "PassingsCloud"
        self.cloud = core.settings.cloud  # type: ignore[assignment] # without one, it is not asked
        identity = core.device.identity
        self.network = Network(self.chip, identity, self.emit)
        self.connection = Connection(
            self.chip, self.network, self.settings.roots, identity.base_url
        )
        self.limit = self.settings.batch  # passings in the next batch
        self.piece = bytearray(1024)  # of a batch: more than any passing takes
        self._due = self.chip.ms()

    def tick(self) -> int:
        """Go on, if it is time to; return the milliseconds until it will be, 0 for at once."""
        self.core.look_after()
        left = self._wait - self.chip.since(self._due)
        if left > 0:
            return min(left, self.core.pause)
        try:
            if not self._steps:
                self._steps = self._run()
            wait = next(self._steps)
        except Exception as error:
            # The words of an unforeseen exception may hold a secret; its kind cannot.
            self.restart()
            self.reason = "bug " + type(error).__name__
            self.emit("failed", {"step": "race", "reason": self.reason})
            wait = 10000
        self._due = self.chip.ms()
        self._wait = wait
        return min(wait, self.core.pause)

    def wake(self) -> None:
        """Have the next `tick` go on at once, also after a stop; a second look keeps its distance."""
        if self.stopped or (not self.looked and self.reason in ("", "idle", "no_session")):
            self.stopped = ""
            self._wait = 0

    def take(self, job: "Generator[int, None, Any]") -> None:
        """Run a generator to its end before anything else is sent."""
        self.job = job
        self._wait = 0

    def restart(self) -> None:
        """Begin anew; what was under way, and its answer lost with it, may be at the cloud."""
        self._steps = None
        self.drop()
        progress = self.progress
        progress.unsure = progress.unsure or progress.frozen > progress.cursor

    def drop(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _run(self) -> "Generator[int, None, None]":
        while True:
            try:
                wait = yield from self._next()
                self._tries = 0
            except StepFailed as failed:
                wait = self._failed(*failed.args)
            except JournalFull:
                self.restart()
                self.reason = "journal_full"
                wait = _FULL_MS
            yield wait

    def _next(self) -> "Generator[int, None, int]":
        """Do the next thing; its value is how long to wait after it."""
        if self.job:
            job, self.job = self.job, None
            yield from job
        if self.core.uptime.now() >= self.sync_due:
            yield from self.have_time()
        self.reason = self._held()
        if self.reason:
            return _IDLE_MS
        session = self.progress.session
        backlog = yield from self._backlog()
        if session and session.state == OPEN and backlog.batch:
            return (yield from send_batch(self, backlog.batch))
        if not session or session.state == CLOSED:
            if begin_next(self, backlog):
                return 0
        elif session.state < OPEN:
            yield from self.online()
            yield from open_session(self, session)
            return 0
        elif backlog.ended or session.state == CLOSING:
            yield from self.online()
            yield from close_session(self, session)
            return 0
        wanted = self.progress.wanted
        waits = backlog.ordinal > (wanted.ordinal if wanted else 0)  # for `open`
        self.reason = "no_session" if waits else "idle"
        return _IDLE_MS

    def _backlog(self) -> "Generator[int, None, Backlog]":
        """Read what is next; the value is a Backlog. What is damaged is said, and done with."""
        backlog = Backlog(self.journal, self.progress)
        latest = self.core.uptime.now()
        if self.settings.best:
            latest -= min(self.settings.dead_us, LONGEST_DEAD_US)
        yield from backlog.read(self.limit, latest)
        first, before = self.progress.cursor, backlog.lost
        if before > first:
            self.note_missing(first, before, before - first)
            self.progress.sent(before, 0, 0)
        return backlog

    def note_missing(self, first: int, before: int, missing: int) -> None:
        """Say that damaged sectors have lost so many passings of a range."""
        self.progress.missing += missing
        self.emit("race_damaged", {"first": first, "last": before - 1, "missing": missing})

    def _held(self) -> str:
        """Return why nothing is to be sent now, "" if nothing speaks against it."""
        device = self.core.device
        if self.settings.known and not self.cloud:
            return "no_passings"  # this cloud takes none: they are stored, and exported
        if device.state != "bound":
            return "not_bound"
        return self.stopped if device.key else "no_key"

    def have_time(self) -> "Generator[int, None, None]":
        """Ask for the time, and take it; without an answer all stays as it was."""
        self.sync_due = self.core.uptime.now() + 16000000  # without a link, it is not asked
        try:
            yield from self.network.up()
            if not self.sync:
                from startline_online.sntp import TimeSync

                self.sync = TimeSync(self)
            yield from self.sync.sync()
        except StepFailed as failed:
            self.emit("race_clock", {"reason": failed.args[1]})
        except (OSError, ValueError) as error:
            self.emit("race_clock", {"reason": type(error).__name__})

    def online(self) -> "Generator[int, None, None]":
        """Have link and connection ready to be used. Raises StepFailed."""
        yield from self.network.up()
        if not self.keeper.known() and self.chip.unix() < (self.settings.made_at or _BUILT):
            raise StepFailed("clock", "no_time")

    def call(
        self, request: "Call", body: bytes = b"",
        before: "Before" = None, read_body: "Take | None" = None,
    ) -> "Generator[int, None, tuple[int, Fields]]":  # fmt: skip
        """Make one call; its value is (status, fields of the answer). Raises StepFailed.

        `before()` is called when the first byte is about to go out. Statuses that only say to come
        again later are raised, as "answer" and with the wait; so is a key that may not.
        """
        return self.exchange(request, len(body), (body,) if body else (), before, read_body)

    def exchange(
        self, request: "Call", length: int, pieces: "Iterable[Bytes]",
        before: "Before" = None, read_body: "Take | None" = None,
    ) -> "Generator[int, None, tuple[int, Fields]]":  # fmt: skip
        """Make one call with a body that comes in pieces; see `call`."""
        cloud = self.cloud
        device = self.core.device
        reply = RaceReply(cloud.FIELDS, cloud.WORDS)
        status, retry_after = yield from self.connection.exchange(
            request, cloud.headers(device.identity, device.key), length, pieces, before,
            read_body or reply.read,
        )  # fmt: skip
        self.network.silent = 0
        if status in (401, 403) and not read_body:
            raise StepFailed("stop", "forbidden")
        if status in (408, 409, 425, 429) or 300 <= status < 400 or status >= 500:
            wait = 0
            if retry_after:
                from startline.net.outcome import retry_after_ms

                wait = retry_after_ms(retry_after, self.chip.unix())
            raise StepFailed("answer", "status %d" % status, wait)
        return status, reply.done()

    def look(
        self, request: "Call", names: "tuple[bytes, ...]", one: "Callable[[Fields], None]"
    ) -> "Generator[int, None, bool]":
        """Read a list at the cloud, `one(fields)` for each item; tell whether there was one.

        None is there for a key that does not read, as `cannot_look` tells from then on, and for
        what the cloud does not know. Raises StepFailed where it came in part.
        """
        if not self.cannot_look:
            from startline.net.device_list import ListReader

            reader = ListReader(names, one)
            status, _ = yield from self.call(
                request, read_body=lambda data: reader.feed(bytes(data))
            )
            if status == 200 and reader.closed and reader.listed:
                return True
            self.cannot_look = status in (401, 403)
            if not self.cannot_look and status != 404:
                raise StepFailed("answer", "status %d" % status)
        return False

    def words(self, fields: "Fields") -> str:
        """Return what the cloud says, fit to be shown."""
        from startline.net.outcome import printable

        for name in self.cloud.WORDS:
            if isinstance(fields.get(name), str):
                return printable(fields[name], (self.core.device.key,))  # type: ignore[arg-type] # a text
        return ""

    def _failed(self, step: str, reason: str, wait: int = 0) -> int:
        """Say what failed; return how long to wait."""
        if step == "stop":  # until the reader's program, or an operator, says so
            self.stopped = self.reason = reason
            self.drop()
            self.emit("race_stopped", {"reason": reason})
            return 0
        self.reason = step + " " + reason
        self.network.failed(step, reason)
        chance = int.from_bytes(self.chip.random(2), "little")
        # A link that is away burdens no server: its return is not slept through, and what the
        # servers are owed stays as it was.
        away = step == "link" and reason not in ("no_ssid", "no_role")
        if wait:
            wait += wait * chance >> 16  # up to as long again: not all of a crowd at once
        else:
            limit = 4000 if away else 2000 << min(self._tries, 4)  # to 32 s
            wait = limit // 4 + (limit * chance >> 16)
        self._tries += not away
        self.emit("race_failed", {"step": step, "reason": reason, "next_ms": wait})
        return wait
