"""A part of a journal is told as the whole tells it, and costs what it is, not what the journal is."""

from __future__ import annotations

from struct import pack

import pytest
from startline_console.answers import RaceAnswers
from startline_race.journal import Journal
from startline_race.journal_format import PASSING, SESSION, TIME, TIME_POINT, Session
from startline_race.passing_format import Passing, pack_passing

from startline_host.errors import BadInput
from startline_host.formats.flash_dump import partition_reader
from startline_host.mock_cloud import MockCloud
from startline_host.race.journal_source import from_running
from startline_host.race.selection import EVERYTHING, Wanted, select
from startline_host.race.stored_race import JournalPassing, StoredRace, read_race
from tests.race.test_running_reader import FakeLine, ReaderFlash
from tests.race_role.racing import RacingReader

#: Unix time at which a made-up day's boot began.
BEGAN_MS = 1_795_000_000_000
#: Sessions of a journal of three boots, and how many passings each has; the last has gone out in part.
SESSIONS = {"5 km": 700, "10 km": 900, "Half": 400}


class ReaderWithJournal(FakeLine):
    """A reader beside its program, with a journal that the real role has written; `sent` counts its bytes."""

    def __init__(self, partition: bytes) -> None:
        super().__init__()
        flash = ReaderFlash()
        flash.data, flash.size = bytearray(partition), len(partition)
        race = self.listener.race
        race.journal = Journal(flash, bytes(partition[16:24]))
        race.journal.open()
        self.listener.answers = self.answers = RaceAnswers(race)
        self.sent = 0

    def read(self, seconds: float) -> bytes:
        """Return all that was said, and count it."""
        said = super().read(seconds)
        self.sent += len(said)
        return said

    def port(self) -> ReaderWithJournal:
        """Be the port session as well."""
        return self


@pytest.fixture(scope="module")
def partition(
    racer: RacingReader, race_cloud: MockCloud, tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    """Return a journal of 2,000 passings, of which the last 100 are not sent."""
    reader = RacingReader(tmp_path_factory.mktemp("long"), racer.lib, race_cloud)
    reader.become("DEVICE-300")
    for name, count in SESSIONS.items():
        reader.life([name], count, limit_ms=60000)
    reader.life(["Relay"], 300, close=False, until="idle")
    return (reader.folder / "race").read_bytes()


@pytest.fixture(scope="module")
def whole(partition: bytes) -> StoredRace:
    """Return all that the journal tells."""
    return read_race(partition_reader(partition))


def told(partition: bytes, wanted: Wanted) -> tuple[list[JournalPassing], int]:
    """Return the passings of a selection beside the program, and how many bytes it took."""
    line = ReaderWithJournal(partition)
    source = from_running(line, lambda _: None, "", wanted)  # type: ignore[arg-type]
    race = read_race(source.part, source.unread)
    assert race.damage == []
    return select(race, wanted), line.sent


def test_a_part_is_what_the_whole_has_of_it(partition: bytes, whole: StoredRace) -> None:
    """By number and by session the same passings come, field by field; the near end is cheap."""
    last = whole.before - 1
    everything = told(partition, EVERYTHING)[1]
    for wanted, share in (
        (Wanted(begin=str(last - 20)), 0.15),
        (Wanted(begin=str(last - 200), end=str(last - 150)), 0.25),
        (Wanted(begin="400", end="450"), 0.5),
        (Wanted(end="30"), 0.5),
        (Wanted(session="Relay"), 0.35),
        (Wanted(session="Half"), 0.5),
        (Wanted(session="5 km"), 0.6),
        (Wanted(session="Relay", end=str(last - 200)), 0.35),
        (Wanted(session="2"), 1.5),  # by its ordinal: a later session could have that name
    ):
        found, sent = told(partition, wanted)
        assert found == select(whole, wanted), wanted
        assert found
        assert sent <= share * everything, (wanted, sent, everything)


def day_of(count: int) -> bytes:
    """Return a journal with a passing each 10 s, in a boot that had the time once, all of them sent."""
    line = FakeLine()
    journal, progress = line.journal, line.progress
    session = Session()
    session.ordinal, session.alias = 1, "Day"
    progress.apply(SESSION, session.pack())
    journal.append(SESSION, session.pack())
    progress.time_point = pack(TIME_POINT, 1, 0, 0, BEGAN_MS * 1000, 1000, 1)
    journal.append(TIME, progress.time_point)
    for number in range(1, count + 1):
        passing = Passing()
        passing.number, passing.session, passing.boot, passing.chip = number, 1, 1, "7F"
        passing.time_us = number * 10_000_000
        journal.append(PASSING, pack_passing(passing, bytearray(240)))
        journal.number = number + 1
        if number % 100 == 0:
            progress.freeze(number + 1)
            progress.sent(number + 1, 100, 0)
    return bytes(journal.flash.data)


def test_a_time_is_looked_for_by_the_beginnings_of_sectors() -> None:
    """What is near the end of a day costs what is near the end; undated beginnings cost no passing."""
    partition = day_of(2000)
    whole = read_race(partition_reader(partition))
    everything = told(partition, EVERYTHING)[1]

    def moment(number: int) -> str:
        return whole.passings[number - 1].utc

    for wanted, share in (
        (Wanted(begin=moment(1980)), 0.3),
        (Wanted(begin=moment(1900), end=moment(1920)), 0.4),
        (Wanted(begin=moment(1000), end=moment(1010)), 0.5),
        (Wanted(end=moment(40)), 0.4),
        (Wanted(begin="1500", end=moment(1510), session="Day"), 0.5),
    ):
        found, sent = told(partition, wanted)
        assert found == select(whole, wanted), wanted
        assert found
        assert sent <= share * everything, (wanted, sent, everything)


def test_what_is_not_there_is_told_of_the_whole(partition: bytes, whole: StoredRace) -> None:
    """A number, a time or a session that is none is the sentence that a dump gives."""
    for wanted in (
        Wanted(begin="99999"),
        Wanted(begin="2030-01-01"),
        Wanted(session="Marathon"),
        Wanted(end="noon"),
    ):
        with pytest.raises(BadInput) as expected:
            select(whole, wanted)
        with pytest.raises(BadInput) as found:
            told(partition, wanted)
        assert (found.value.message, found.value.hint) == (
            expected.value.message,
            expected.value.hint,
        )
