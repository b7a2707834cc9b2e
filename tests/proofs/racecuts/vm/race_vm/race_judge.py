"""Judges a race by what was seen, what is in flash and what the cloud has; it never asks the agent.

But for two things that an operator would be told: what is set aside, and what is reported missing.
"""

from binascii import crc32

from runtime import clock
from vm.flash_view import FlashView
from vm.virtual_time import EPOCH

from .journal_view import entry_with, unsure_numbers

_EXACT_US = 60000
"""So far a time may be off where the time server says the truth."""
_MOST_BAD = 50
_MOST_NUMBERS = 1000
"""More than a lifetime has passings."""


class Sighting:
    """One runner at one time: `times` are true ones, in microseconds of the lifetime.

    `number` is what `passing()` returned, 0 if it never did; `place` where it stands in flash.
    """

    number = life = place = 0
    raw = b""
    damaged = forgotten = False

    def __init__(self, index: int, time_us: int, alias: str) -> None:
        self.index = index
        self.chip = "E28011606000%012X" % (index + 1)
        self.times = [time_us]
        self.alias = alias


class RaceJudge:
    """What was done wrong in one lifetime, as [column, sentence] in `bad`; see `race_cut_results`."""

    def __init__(self, spec: dict, memory: bytearray, token: str) -> None:
        self.spec = spec
        self.memory = memory
        self.token = token
        self.rows = FlashView(memory).rows
        self.bad: list = []
        self.reached: dict = {}
        self.sightings: list = []
        self.by_chip: dict = {}
        self._numbers: dict = {}
        self.arrivals: dict = {}  # chip: list of (session, number, timestamp)
        self.aliases: list = []
        self.missing: set = set()
        self.unsure: set = set()  # named by sectors that were erased since, see `history`
        self.race = None
        self.life = self._count = 0
        self.state = ""
        self._bound = [(row, self._sum(row)) for row in self._binding()]
        self._at = self.rows["race"].offset

    def begin(self, cloud) -> None:
        """Watch a cloud."""
        self.cloud = cloud

    def note(self, column: str, sentence: str) -> None:
        """Write down something that is wrong, once; a role that is broken may have no end of it."""
        if len(self.bad) < _MOST_BAD and [column, sentence] not in self.bad:
            self.bad.append([column, sentence])

    def note_reached(self, mark: str) -> None:
        """Count something that was reached."""
        self.reached[mark] = self.reached.get(mark, 0) + 1

    # What happens at the reader.

    def opens(self, alias: str) -> None:
        """Note that the program wants a session; what was seen before it belongs there."""
        if alias not in self.aliases:
            self.aliases.append(alias)
        for sighting in self.sightings:
            sighting.alias = sighting.alias or alias

    def seen(self, time_us: int, alias: str) -> Sighting:
        """Note a runner who is about to be told to the device."""
        self._count += 1
        sighting = Sighting(self._count, time_us, alias)
        sighting.life = self.life
        self.sightings.append(sighting)
        self.by_chip[sighting.chip] = sighting
        return sighting

    def returned(self, sighting: Sighting, number: int) -> None:
        """Note that `passing` has returned: from now on the runner is in flash."""
        sighting.number = number
        if self._numbers.setdefault(number, sighting) is not sighting:
            self.note("number", "number %d was given twice" % number)
        found = entry_with(self.memory, bytes.fromhex(sighting.chip), number, self._at)
        if not found:
            found = entry_with(
                self.memory, bytes.fromhex(sighting.chip), number, self.rows["race"].offset
            )
        if not found:
            self.note("lost", "passing %d is not in flash when its call returns" % number)
            return
        sighting.place, end = found
        sighting.raw = bytes(self.memory[sighting.place : end])
        self._at = sighting.place

    def not_taken(self, sighting: Sighting, error) -> None:
        """Note that `passing` has said that it does not store this."""
        self.sightings.remove(sighting)
        name = type(error).__name__
        self.note_reached(name)
        if name not in self.spec.get("may_raise", ()):
            self.note("bug", "passing() raised %r" % error)

    def told(self, name: str, fields: dict) -> None:
        """Take an event of the device's."""
        if name == "race_damaged":
            self.note_reached("damaged")
            self.missing.update(_numbers(fields["first"], fields["last"]))
        elif name == "race_session":
            self.note_reached("session_" + fields["state"])
        elif name in ("race_aside", "race_lookup", "race_stopped"):
            self.note_reached(name)
        elif name == "failed":
            self.note("bug", "it said " + fields["reason"])

    def damaged(self, where: int) -> None:
        """Note that a bit at a place turned over."""
        for sighting in self.sightings:
            if sighting.place <= where < sighting.place + len(sighting.raw):
                sighting.damaged = True
                if sighting.number == max(self._numbers):  # looks torn: its number is free again
                    sighting.forgotten = bool(self._numbers.pop(sighting.number))

    def after_life(self) -> None:
        """Look whether everything that a call returned for is still there, or at the cloud."""
        for row, before in self._bound:
            if self._sum(row) != before:
                self.note("binding", "%s was touched" % row.label)
        for sighting in self.sightings:
            if not sighting.raw or sighting.damaged or sighting.chip in self.arrivals:
                continue
            place = sighting.place
            if self.memory[place : place + len(sighting.raw)] != sighting.raw:
                self.note("lost", "passing %d is gone from flash unsent" % sighting.number)

    def _binding(self) -> list:
        return [self.rows[label] for label in ("bind", "fctry")]

    def _sum(self, row) -> int:
        return crc32(memoryview(self.memory)[row.offset : row.offset + row.size])

    def _aside(self) -> set:
        numbers: set = set()
        if self.race:
            for first, last, _ in self.race.progress.aside:
                numbers.update(_numbers(first, last))
        return numbers

    # What happens at the cloud.

    def session_opened(self, session: dict) -> None:
        """Look whether the one before has all its passings; any other one is closed by this."""
        alias = root(session["alias"])
        if alias not in self.aliases and alias[:8] != "session ":
            self.note("number", "a session %r that nobody wanted" % alias)
            return
        order = self.aliases.index(alias) if alias in self.aliases else len(self.aliases)
        aside = self._aside()
        for sighting in self.sightings:
            if (
                sighting.number
                and sighting.alias in self.aliases
                and self.aliases.index(sighting.alias) < order
                and sighting.chip not in self.arrivals
                and sighting.number not in aside
                and not sighting.damaged
            ):
                text = "%r was opened with passing %d of %r unsent"
                self.note("backlog", text % (alias, sighting.number, sighting.alias))
                return

    def arrived(self, session: dict, row: tuple) -> None:
        """Note a passing that the cloud has stored."""
        self.arrivals.setdefault(row[2], []).append((session, row[0], row[1]))

    def waits(self) -> bool:
        """Tell whether any passing that was stored is not at the cloud yet."""
        return any([one.number and one.chip not in self.arrivals for one in self.sightings])

    # At the end.

    def at_rest(self, race, stays) -> None:
        """Look at everything, once nothing moves any more."""
        if not race:
            self.note("restless", "it never raced")
            return
        sender = race.sender()
        self.state = "done" if race.progress.done() else sender.stopped or sender.reason
        if self.state != "done" and self.state not in self.spec.get("unsent", ()):
            self.note("restless", "it rests with %r, %d waiting" % (
                self.state, race.state["waiting"],
            ))  # fmt: skip
        elif self.state == "done":
            stays()
        self._all_there()
        self._none_twice()
        for alias in self.aliases:
            self._in_order(alias)
        self._on_time()

    def _all_there(self) -> None:
        aside = self._aside()
        for sighting in self.sightings:
            if sighting.chip in self.arrivals or not sighting.number:
                continue
            number = sighting.number
            if number in aside:
                self.note_reached("aside")
            elif sighting.damaged:
                if number not in self.missing and self.state == "done" and not sighting.forgotten:
                    self.note("lost", "passing %d was damaged, and that was not said" % number)
            elif self.state == "done":
                self.note("lost", "passing %d is not at the cloud" % number)
        for chip in self.arrivals:
            if chip not in self.by_chip:
                self.note("invented", "the cloud has %r, whom nobody saw" % chip)

    def _none_twice(self) -> None:
        reads = "READ" in self.spec["access"].split("_")
        protects = self.spec.get("doubles", "full") != "none"
        row = self.rows["race"]
        unsure = self.unsure | unsure_numbers(self.memory, row.offset, row.size)
        for chip, found in self.arrivals.items():
            if len(found) < 2:
                continue
            self.note_reached("double")
            number = self.by_chip[chip].number or 0
            sessions = [one[0]["token"] for one in found]
            within = len(set(sessions)) < len(sessions)
            if reads or (within and protects):
                self.note("doubled", "passing %d is at the cloud %d times" % (number, len(found)))
                continue
            if number and number not in unsure:
                text = "passing %d is at the cloud twice, and the journal does not call it unsure"
                self.note("unnamed", text % number)

    def _in_order(self, alias: str) -> None:  # noqa: C901 - three rules over the same rows
        """Numbers count from 1 without gaps, in the order in which passings were stored."""
        rows = []
        offset = None
        for chip, found in self.arrivals.items():
            for session, number, text in found:
                if root(session["alias"]) == alias and chip in self.by_chip:
                    sighting = self.by_chip[chip]
                    # A stronger sighting, which counts instead, may be later than the next runner.
                    clock = sighting.life if len(sighting.times) == 1 else None
                    rows.append((number, sighting.index, clock, text))
                    if sighting.number:
                        if offset is None:
                            offset = sighting.number - number
                        elif offset != sighting.number - number:
                            self.note(
                                "number", "passing %d has another number than before" % number
                            )
        rows.sort(key=lambda row: row[:2])
        aside = self._aside()
        last = (0, -1, 0, "")
        for row in rows:
            for number in _numbers(last[0] + 1, row[0] - 1):
                of = number + (offset or 0)
                if of not in aside and of not in self.missing:
                    self.note("number", "number %d of %r is missing" % (number, alias))
            if row[1] < last[1]:
                self.note("number", "number %d of %r is out of order" % (row[0], alias))
            if row[2] is not None and row[2] == last[2] and row[3] < last[3]:
                self.note(
                    "backwards", "number %d of %r is before the one before" % (row[0], alias)
                )
            last = row

    def _on_time(self) -> None:
        exact = self.spec.get("exact_us", _EXACT_US)
        for chip, found in self.arrivals.items():
            sighting = self.by_chip.get(chip)
            for _, number, text in found if sighting and exact else ():
                off = min([abs(_us(text) - one) for one in sighting.times])
                if off > exact:
                    self.note("time", "number %d is %d ms off" % (number, off // 1000))


def _numbers(first: int, last: int):
    """Return a range of passing numbers, however absurd it is that a role tells of."""
    return range(first, min(last, first + _MOST_NUMBERS) + 1)


def root(alias: str) -> str:
    """Return a session's name without what the device adds to it."""
    mark = alias.find(" sl.")
    if mark >= 0:
        alias = alias[:mark]
    return alias[:-7] if alias.endswith(" (rest)") else alias


def _us(text: str) -> int:
    """Return a timestamp of the API in microseconds of the lifetime."""
    numbers = [int(text[at : at + 2]) for at in (5, 8, 11, 14, 17)]
    seconds = clock.seconds(int(text[:4]), *numbers)
    since = seconds + clock.SECONDS_1970_TO_2000 - EPOCH
    return since * 1000000 + int(text[20:23]) * 1000
