"""Brings the journal to the cloud: time, sessions, passings, one step after the other.

It is one generator that yields the milliseconds after which it wants to be resumed; `tick` drives
it, for `race.send` and `race.run` alike. Whatever fails is tried again; whatever was asked and not
answered is looked up, or asked again with the same bytes.
"""

from startline.errors import Failed

from . import batch_steps, session_steps
from .batch import LONGEST_DEAD_US, Backlog
from .connection import Connection
from .errors import JournalFull
from .journal_format import CLOSED, CLOSING, OPEN
from .network import Network
from .reply import Reply
from .time_sync import TimeSync

_IDLE_MS = 200  # between two looks whether there is something to do
_LONGEST_MS = 32000  # between two tries
_BUILT = 1767225600  # 2026-01-01: a calendar clock before this was never set


class Sender:
    """The sender of one device; `core` is the `Race` that it belongs to.

    `stopped` says why nothing is sent any more until somebody did something about it, "" if all is
    well; `reason` why nothing is sent just now.
    """

    def __init__(self, core) -> None:
        self.core = core
        self.chip = core.chip
        self.tell = core.tell
        self.journal = core.journal
        self.progress = core.progress
        self.keeper = core.keeper
        self.settings = core.settings
        identity = core.device.identity
        self.network = Network(self.chip, identity, self.tell)
        self.sync = TimeSync(
            self.keeper, self.network, self.settings.servers, self.settings.made_at
        )
        self.cloud = self.settings.cloud
        self.connection = None
        self.stopped = self.reason = ""
        self.limit = self.settings.batch  # passings in the next batch
        self.mismatches = 0  # answers in a row that counted something else than was sent
        self.cannot_look = False  # the key does not read
        self.looked = 0  # looks that found something missing, since the range became unsure
        self.rescued = False  # a session for the rest is open, and has taken nothing yet
        self.present = ()  # numbers of the unsure range that were seen at the cloud
        self._tries = 0
        self._steps = None
        self._due = self.chip.ms()
        self._wait = 0

    def tick(self) -> int:
        """Go on, if it is time to; return the milliseconds until it will be, 0 for at once."""
        self.core.look_after()
        left = self._wait - self.chip.since(self._due)
        if left > 0:
            return min(left, _IDLE_MS)
        try:
            if not self._steps:
                self._steps = self._run()
            wait = next(self._steps)
        except Exception as error:
            # The words of an unforeseen exception may hold a secret; its kind cannot.
            self._steps = None
            self.drop()
            self.reason = "bug " + type(error).__name__
            self.tell("failed", {"step": "race", "reason": self.reason})
            wait = 10000
        self._due = self.chip.ms()
        self._wait = wait
        return min(wait, _IDLE_MS)

    def wake(self) -> None:
        """Have the next `tick` go on at once, also after a stop."""
        self.stopped = ""
        self._wait = min(self._wait, 0) if self.reason in ("", "idle") else self._wait

    def drop(self) -> None:
        """Close the connection."""
        if self.connection:
            self.connection.close()

    def _run(self):
        while True:
            try:
                wait = yield from self._next()
                self._tries = 0
            except Failed as failed:
                wait = self._failed(failed)
            except JournalFull:
                self.reason = "journal_full"
                wait = _LONGEST_MS
            yield wait

    def _next(self):
        """Do the next thing; its value is how long to wait after it."""
        if self.sync.is_due():
            yield from self._have_time()
        self.reason = self._held()
        if self.reason:
            return _IDLE_MS
        progress = self.progress
        session = progress.session
        backlog = Backlog(self.journal, progress)
        latest = self.core.uptime.now()
        if self.settings.best:
            latest -= min(self.settings.dead_us, LONGEST_DEAD_US)
        yield from backlog.read(self.limit, latest)
        if not session or session.state == CLOSED:
            if session_steps.begin_next(self, backlog):
                return 0
        elif session.state < OPEN:
            yield from self.online()
            yield from session_steps.open_session(self, session)
            return 0
        elif backlog.batch and session.state == OPEN:
            return (yield from batch_steps.send(self, backlog.batch))
        elif backlog.ended or session.state == CLOSING:
            yield from self.online()
            yield from session_steps.close_session(self, session)
            return 0
        self.reason = "idle"
        return _IDLE_MS

    def _held(self) -> str:
        """Return why nothing is to be sent now, "" if nothing speaks against it."""
        device = self.core.device
        if self.settings.known and not self.cloud:
            return "no_passings"  # this cloud takes none: they are stored, and exported
        if device.state != "bound":
            return "not_bound"
        if not device.key:
            return "no_key"
        return self.stopped

    def _have_time(self):
        try:
            yield from self.network.up()
            yield from self.sync.sync()
        except Failed as failed:
            self.tell("race_clock", {"reason": failed.args[1]})
        except JournalFull:
            pass  # the time counts all the same; only the next boot does not know of it
        except (OSError, ValueError) as error:
            self.tell("race_clock", {"reason": type(error).__name__})
        if self.sync.is_due():  # without a link, it has not been asked
            self.sync.due = self.core.uptime.now() + 16000000

    def online(self):
        """Have link and connection ready to be used. Raises Failed."""
        yield from self.network.up()
        floor = self.settings.made_at or _BUILT
        if not self.keeper.known() and self.chip.unix() < floor:
            raise Failed("clock", "no_time")
        if not self.connection:
            roots = self.settings.roots
            self.connection = Connection(
                self.chip, self.network, roots, self.core.device.identity.base_url
            )

    def call(self, request: tuple, body: bytes, before, take=None):
        """Make one call; its value is (status, fields of the answer). Raises Failed.

        Statuses that only say to come again later are raised, as "later" and with the wait.
        """
        return self.exchange(request, len(body), (body,) if body else (), before, take)

    def exchange(self, request: tuple, length: int, pieces, before, take=None):
        """Make one call with a body that comes in pieces; see `call`."""
        cloud = self.cloud
        headers = cloud.headers(self.core.device.identity, self.core.device.key)
        reply = Reply(cloud.FIELDS + cloud.WORDS)
        status, retry_after = yield from self.connection.exchange(
            request, headers, length, pieces, before, take or reply.read
        )
        self.network.silent = 0
        fields = reply.done()
        if status in (401, 403):
            return status, fields
        if status == 429 or status >= 500 or status in (408, 409, 425) or 300 <= status < 400:
            wait = 0
            if retry_after:
                from startline.trouble import retry_after as wait_for

                wait = wait_for(retry_after, self.chip.unix())
            raise Failed("answer", "status %d" % status, wait)
        return status, fields

    def stop(self, reason: str) -> None:
        """Send nothing more until the reader's program, or an operator, says so."""
        self.stopped = self.reason = reason
        self.drop()
        self.tell("race_stopped", {"reason": reason})

    def words(self, fields: dict) -> str:
        """Return what the cloud says, fit to be shown."""
        from startline.said import words

        said = [fields[name] for name in self.cloud.WORDS if isinstance(fields.get(name), str)]
        return words(said[0], (self.core.device.key,)) if said else ""

    def _failed(self, failed) -> int:
        """Say what failed; return how long to wait."""
        step, reason = failed.args[:2]
        wait = failed.args[2] if len(failed.args) > 2 else 0
        self.reason = step + " " + reason
        self.network.failed(step, reason)
        chance = int.from_bytes(self.chip.random(2), "little")
        if wait:
            wait += wait * chance >> 16  # up to as long again: not all of a crowd at once
        else:
            limit = min(2000 << min(self._tries, 4), _LONGEST_MS)
            wait = limit // 4 + (limit * chance >> 16)
        self._tries += 1
        self.tell("race_failed", {"step": step, "reason": reason, "next_ms": wait})
        return wait
