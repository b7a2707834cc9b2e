"""A race on CPython whose cloud is asked without a connection: for the rules of sending alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from startline.device import Device
from startline.net import StepFailed
from startline_race import sender
from startline_race.journal_format import PASSING, entries_of
from startline_race.passing_format import unpack_passing

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import BLANK, NOW, factory_image, settings_for

TOKEN = "AB" * 32
EPC = "E2801160600002054C3A%04X"
#: (status, fields) of an answer, or what fails instead.
Said = tuple[int, Any] | StepFailed
_MASK = (1 << 30) - 1
_FCTRY = factory_image(settings_for("https://localhost:1/v0", b"0" * 64, run="same"))
_HOURS_MS = 48 * 3_600_000


class PaperChip(FakeChip):
    """A chip whose time goes by only when it sleeps."""

    now_us = 1_000_000
    chance = b"\0"

    def __init__(self, parts: dict[str, Any]) -> None:
        super().__init__(parts, {})
        self.station.joined = True

    def us(self) -> int:
        """Return the counter of microseconds."""
        return self.now_us & _MASK

    def ms(self) -> int:
        """Return the counter of milliseconds."""
        return self.now_us // 1000 & _MASK

    def since(self, ms: int) -> int:
        """Return the milliseconds that went by."""
        return self.ms() - ms & _MASK

    def sleep(self, ms: int) -> None:
        """Let time go by."""
        self.now_us += ms * 1000

    def unix(self) -> int:
        """Return the calendar clock."""
        return NOW + self.now_us // 1_000_000

    def random(self, count: int) -> bytes:
        """Return what is no chance."""
        return self.chance * count

    def nvs(self, _namespace: str) -> Any:
        """Return a namespace that keeps nothing."""
        return self

    def get_i32(self, _key: str) -> int:
        """Say that there is none."""
        raise OSError(-4354, "")

    def set_i32(self, _key: str, _value: int) -> None:
        """Keep nothing."""

    def commit(self) -> None:
        """Keep nothing."""


class PaperRace:
    """A reader and its cloud; `script` has what is answered instead, by (method, first word of a path).

    Each item of it is taken once, in turn. `asked` has (method, path, body) of each request, in
    order, `rows` what is stored, as (session, number, chip). Unless it is `timed`, it has to ask for
    the time. `settings` of the namespace `race` are its provisioned ones.
    """

    def __init__(
        self, *, reads: bool = False, sectors: int = 24, timed: bool = True, **settings: int | str
    ) -> None:
        sizes = {"nvs": BLANK * 0x6000, "fctry": _FCTRY, "race": BLANK * 4096 * sectors}
        self.parts = {name: RamFlash(bytearray(data)) for name, data in sizes.items()}
        self.script: dict[tuple[str, str], list[Said | Callable[..., Said]]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.sessions: list[list[Any]] = []  # token, alias, open
        self.rows: list[tuple[str, int, str]] = []
        self.reads = reads
        self.timed = timed
        self.settings = {f"race.{name}": value for name, value in settings.items()}
        self.boot()

    @classmethod
    def after(cls, other: PaperRace) -> PaperRace:
        """Return what another would be after a restart at this moment."""
        race = cls(sectors=other.parts["race"].size // 4096)
        race.settings = other.settings
        for name, part in other.parts.items():
            race.parts[name].data[:] = part.data
        race.boot()
        return race

    def boot(self) -> None:
        """Start anew, with the flash as it is."""
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.chip: Any = PaperChip(self.parts)  # tests put parts of their own into both
        device: Any = Device(self.chip)
        self.device = device
        device.emit = lambda name, fields: self.told.append((name, dict(fields)))
        device.identify()
        device.identity.values.update(self.settings)
        device.state, device.token = "bound", TOKEN
        self.race: Any = device.race()
        self.sender = self.race.sender()
        if self.timed:
            self.sender.sync_due = 1 << 62
            self.race.set_time(NOW * 1000, 2)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the fields of each event of that name."""
        return [fields for told, fields in self.told if told == name]

    def pass_by(self, count: int) -> None:
        """Have so many runners pass, a tenth of a second apart."""
        for _ in range(count):
            self.race.passing(EPC % (self.race.journal.number - 1))
            self.chip.sleep(100)

    def send(self, until: Callable[[], bool] | None = None) -> list[int]:
        """Send until all is done, or that holds, or it stops; return the waits of over a second."""
        waits = []
        end = self.chip.now_us + _HOURS_MS * 1000
        while not (until or self.race.progress.done)() and self.chip.now_us < end:
            self.sender.tick()
            wait = self.sender._wait
            if self.sender.stopped:
                break
            if wait > 1000:
                waits.append(wait)
            self.chip.sleep(max(1, wait))
        return waits

    def numbers(self, session: int = 0) -> list[int]:
        """Return the numbers that are stored in one of the sessions."""
        return [row[1] for row in self.rows if row[0] == self.sessions[session][0]]

    def entries(self, kind: int) -> list[bytes]:
        """Return what the journal's entries of a kind hold, in order."""
        return [
            bytes(payload)
            for sector in self.race.journal.sectors_from(1)
            for found, payload in entries_of(sector)
            if found == kind
        ]

    def stored(self) -> list[Any]:
        """Return the passings that are in the journal."""
        return [unpack_passing(raw) for raw in self.entries(PASSING)]

    def posts(self) -> list[Any]:
        """Return the bodies that sent passings."""
        return [
            body for method, path, body in self.asked if (method, path) == ("POST", "/passings")
        ]

    # The cloud.

    def answer(self, method: str, path: str, body: bytes) -> Said:
        """Answer a request."""
        fields = json.loads(body) if body else None
        self.asked.append((method, path, fields))
        word = path.split("?", maxsplit=1)[0].split("/")[1]
        todo = self.script.get((method, word), [])
        if not todo:
            return self._act(method, path, fields)
        instead = todo.pop(0)
        return instead(partial(self._act, method, path, fields)) if callable(instead) else instead

    def _act(self, method: str, path: str, fields: Any) -> Said:
        parts = path.split("?", maxsplit=1)[0].split("/")
        if method == "GET" and not self.reads:
            return 403, {}
        if (method, parts[1]) == ("POST", "sessions"):
            for session in self.sessions:
                session[2] = False
            self.sessions.append([f"{len(self.sessions) + 16:02X}" * 32, fields["alias"], True])
            return 201, {"token_session": self.sessions[-1][0]}
        if method == "POST":
            return self._insert(fields)
        found = [one for one in self.sessions if one[0] == parts[-1]]
        if method == "PATCH":
            for session in found:
                session[2] = False
            return (200, {}) if found else (404, {"description": "Session not found"})
        if parts[1] == "sessions":
            shown = [{"token_session": one[0], "alias": one[1]} for one in self.sessions]
        else:
            first, last = (int(part.split("=")[1]) for part in path.split("?")[1].split("&"))
            shown = [
                {"num_passing": row[1]}
                for row in self.rows
                if row[0] == parts[-1] and first <= row[1] <= last
            ]
        return 200, {"result": shown}

    def _insert(self, fields: Any) -> Said:
        token = fields["token_session"]
        if not any(one[0] == token and one[2] for one in self.sessions):
            return 404, {"description": "Session not found or closed"}
        before = len(self.rows)
        for one in fields["passings_list"]:
            row = (token, one["num_passing"], one["chip"])
            if row not in self.rows:
                self.rows.append(row)
        count = len(self.rows) - before
        return 201, {
            "inserted_count": count,
            "duplicate_count": len(fields["passings_list"]) - count,
        }


class PaperConnection:
    """Stands for a `Connection`; `race` answers."""

    race: PaperRace
    spoke = False

    def __init__(self, *_: object) -> None:
        self.closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def exchange(
        self, request: tuple[str, str], headers: dict[str, str], length: int, pieces: Any,
        before: Any, take: Any,
    ) -> Generator[int, None, tuple[int, bytes]]:  # fmt: skip
        """Have a request answered."""
        assert headers["api_key"]
        self.spoke = False
        body = b"".join(bytes(piece) for piece in pieces)
        assert len(body) == length
        yield 0
        if before:
            before()
        self.spoke = True
        said = self.race.answer(*request, body)
        yield 0
        if isinstance(said, StepFailed):
            raise said
        status, fields = said
        retry_after = b""
        if isinstance(fields, bytes):
            retry_after, fields = fields, None
        raw = b"" if fields is None else json.dumps(fields).encode()
        take(memoryview(raw))
        return status, retry_after


def connect(race: PaperRace, patch: Any) -> PaperRace:
    """Have a race's connections lead to its own cloud."""
    made = type("Connected", (PaperConnection,), {"race": race})
    patch.object(sender, "Connection", made)  # of a boot that is to come
    race.sender.connection = made()
    return race


#: Makes races of so many passings, with a cloud on paper.
MakeRace = Callable[..., PaperRace]
LOST = StepFailed("answer", "cut")


def lose(act: Callable[[], Any]) -> StepFailed:
    """Carry a request out, and lose the answer."""
    act()
    return LOST
