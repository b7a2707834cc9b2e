"""A journal that has lost entries, is full, or is another's: what is sent, and what is said of it."""

from __future__ import annotations

from binascii import crc32
from struct import unpack_from
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline_race.errors import JournalFull, RaceUnavailable
from startline_race.journal_format import (
    ASIDE,
    END,
    FROZEN,
    HEADER_SIZE,
    PASSING,
    REFUSED,
    SENT,
    SESSION,
    THERE,
    UNSURE,
    WANTED,
    find_entry,
    unpack_session,
)

from tests.race_role.paper_cloud import EPC, MakeRace, PaperRace, lose

POST = ("POST", "passings")


def places(race: PaperRace, kind: int) -> list[int]:
    """Return where the entries of a kind are in the flash, oldest first."""
    data = race.parts["race"].data
    found = []
    for start in range(0, len(data), 4096):
        sector = bytes(data[start : start + 4096])
        entry = find_entry(sector, HEADER_SIZE)
        while entry:
            if entry[0] == kind:
                found.append(start + entry[1])
            entry = find_entry(sector, entry[3])
    return found


def lost(race: PaperRace, kind: int, *which: int) -> None:
    """Have bits flip in entries of a kind."""
    for place in [places(race, kind)[one] for one in which]:
        race.parts["race"].data[place] ^= 4


def again(race: PaperRace) -> PaperRace:
    """Restart it, with the same cloud."""
    race.boot()
    race.chip.sleep(5000)
    return race


@pytest.mark.parametrize(
    ("which", "told", "missing"),
    [
        ((2,), [(1, 8, 1)], 1),
        ((2, 4, 5), [(1, 8, 3)], 3),
        ((0,), [(1, 1, 1)], 1),
        ((0, 1, 5), [(1, 2, 2), (3, 8, 1)], 3),
        ((7,), [(8, 8, 1)], 1),
        (tuple(range(8)), [(1, 8, 8)], 8),
    ],
)
def test_passings_that_are_lost(
    make: MakeRace, which: tuple[int, ...], told: list[tuple[int, int, int]], missing: int
) -> None:
    """The others are sent under their numbers; those that are missing are told, once, and counted."""
    race = make(8)
    race.race.close()
    lost(race, PASSING, *which)
    again(race).send()
    left = [one + 1 for one in range(8) if one not in which]
    assert (race.numbers() if left else []) == left
    events = [(one["first"], one["last"], one["missing"]) for one in race.events("race_damaged")]
    assert events == told
    assert race.race.progress.missing == missing
    assert race.race.state["waiting"] == 0
    assert PaperRace.after(race).race.progress.cursor == 9


def test_what_is_sent_once_more_is_told_whatever_was_in_doubt_before(make: MakeRace) -> None:
    """With a key that cannot look, passings whose sending is forgotten are named, earlier ones too."""
    race = make(3)
    race.send(lambda: race.race.progress.cursor == 4)
    race.script[POST] = [lose]
    race.pass_by(2)
    race.send(lambda: race.race.progress.unsure)
    lost(race, SENT, -1)
    again(race).send()
    assert unpack_from("<II", race.entries(UNSURE)[-1]) == (1, 6)
    assert race.race.state["waiting"] == 0


@pytest.mark.parametrize("kind", [FROZEN, SENT, SESSION])
def test_what_was_said_of_sending_is_lost(make: MakeRace, kind: int) -> None:
    """With a key that reads nothing is sent twice, whatever the journal does not know any more."""
    race = make(6, reads=True)
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    if kind == SENT:
        race.send(lambda: race.race.progress.cursor == 7)
    lost(race, kind, -1)
    again(race)
    race.send(lambda: race.race.state["waiting"] == 0)
    assert sorted(row[1] for row in race.rows) == [1, 2, 3, 4, 5, 6]
    assert len(race.posts()) == 1


def test_a_wish_that_is_lost(make: MakeRace) -> None:
    """Passings whose session is named nowhere any more go into one of a name of its own."""
    race = make(3)
    race.race.close()
    race.race.open("half")
    race.pass_by(2)
    race.race.close()
    lost(race, SESSION, 0)
    again(race).send()
    assert [one[1].split(" sl.")[0] for one in race.sessions] == ["session 1", "half"]
    assert (race.numbers(0), race.numbers(1)) == ([1, 2, 3], [1, 2])
    assert race.events("race_session")[0]["state"] == "recovered"


def test_an_end_that_is_lost(make: MakeRace) -> None:
    """A session whose end is not known goes on, and is closed by the next one."""
    race = make(3)
    race.race.close()
    lost(race, END, 0, 1)
    again(race)
    assert race.race.state["session"] == "10 km"
    race.race.open("half")
    race.pass_by(1)
    race.send(lambda: race.race.state["waiting"] == 0)
    assert (race.numbers(0), race.numbers(1)) == ([1, 2, 3], [1])


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("kind", [ASIDE, UNSURE, THERE, END])
def test_what_is_told_once_is_stored_twice(make: MakeRace, kind: int, which: int) -> None:
    """No single bit forgets a passing set aside, a doubt, what is there already, or an end."""
    race = make(9)
    race.send(lambda: race.race.state["sending"] == "open")
    progress = race.race.progress
    progress.set_aside(1, 2, REFUSED)
    progress.doubt(6)
    progress.sent(6, 3, 0)
    progress.note_there([7, 8])
    race.race.close()
    lost(race, kind, which)
    known = PaperRace.after(race).race.progress
    assert (known.aside, known.there, known.opened) == ([[1, 2, REFUSED]], [[7, 8]], False)
    assert unpack_from("<II", race.entries(UNSURE)[0]) == (3, 6)
    assert known.unsure_count == 3


def facts(race: PaperRace) -> list[Any]:
    """Return how far sending is, as a restart finds it."""
    progress = race.race.progress
    names = "cursor", "frozen", "aside", "there", "opened"
    session = progress.session and progress.session.pack()
    return [session, *(getattr(progress, name) for name in names)]


def second_sector(race: PaperRace) -> None:
    """Have runners pass until another sector has begun."""
    head = race.race.journal.head
    while race.race.journal.head == head:
        race.pass_by(1)


def raced_twice(make: MakeRace, **more: Any) -> PaperRace:
    """Return a reader with a session behind it, and one that goes on over the end of a sector."""
    race = make(30, sectors=6, **more)
    race.race.close()
    race.send()
    race.race.open("half")
    race.pass_by(3)
    race.send(lambda: race.race.state["waiting"] == 0)
    race.race.progress.set_aside(32, 33, REFUSED)
    return race


def test_a_beginning_that_is_torn(make: MakeRace) -> None:
    """Wherever power goes while a sector begins, no session, no passing set aside is forgotten.

    Nor is it when the sector before is erased in the next boot: all of it is told anew before.
    """
    race = raced_twice(make)
    race.pass_by(2)
    race.race.progress.note_there([34])
    before = facts(race)
    data = race.parts["race"].data
    second_sector(race)
    start = race.race.journal.head * 4096
    passing = find_entry(data[start : start + 4096], HEADER_SIZE)
    while passing and passing[0] != PASSING:
        passing = find_entry(data[start : start + 4096], passing[3])
    assert passing
    for size in range(4, passing[1], 4):
        torn = PaperRace(sectors=6)
        torn.parts["race"].data[:] = data
        torn.parts["race"].data[start + size : start + 4096] = b"\xff" * (4096 - size)
        torn.boot()
        assert facts(torn) == before, size
        assert size < HEADER_SIZE or torn.race.journal.head * 4096 != start, size
        torn.race.journal.prepare(torn.race.journal.number, 6)
        assert facts(PaperRace.after(torn)) == before, size


def lose_session(race: PaperRace) -> None:
    """Have a sector begin behind all others, which are erased, and its session be damaged."""
    head = race.race.journal.head
    while race.race.journal.head == head:
        race.race.marker("a long way to go " * 3)
    race.race.journal.prepare(race.race.journal.number, race.race.journal.sectors)
    (_, place) = places(race, SESSION)  # of the one that is wanted, and of what came of it
    race.parts["race"].data[place] ^= 4
    again(race)


@pytest.mark.parametrize("reads", [False, True])
def test_an_ended_session_stays_ended(make: MakeRace, *, reads: bool) -> None:
    """Where no entry says any more what came of a session, it is not opened once more, empty."""
    race = raced_twice(make, reads=reads)
    race.race.close()
    race.send()
    asked = len(race.asked)
    lose_session(race)
    race.send(lambda: race.sender.reason != "")
    assert race.race.state["sending"] == "closed"
    assert PaperRace.after(race).race.progress.done()
    assert len(race.asked) == asked


@pytest.mark.parametrize("reads", [False, True])
def test_an_open_session_is_looked_for(make: MakeRace, *, reads: bool) -> None:
    """It was asked for, as a passing of it is sent: it is found by its mark, or asked for again."""
    race = raced_twice(make, reads=reads)
    lose_session(race)
    race.pass_by(1)
    race.race.close()
    race.send()
    assert len(race.sessions) == (2 if reads else 3)
    assert race.rows[-1][:2] == (race.sessions[-1][0], 4)
    assert race.race.state["sending"] == "closed"


def test_an_earlier_wish_does_not_come_back(make: MakeRace) -> None:
    """Of sessions that the journal names, that one is next whose passings were sent already."""
    race = raced_twice(make)
    race.race.close()
    race.race.open("5 km")
    race.pass_by(2)
    states = [unpack_session(entry).state for entry in race.entries(SESSION)]
    lost(race, SESSION, *(which for which, state in enumerate(states) if state != WANTED))
    again(race).send(lambda: race.race.state["sending"] == "open")
    assert [one[1].split(" sl.")[0] for one in race.sessions] == ["10 km", "half", "half"]


def test_a_time_that_was_fixed_is_in_doubt_whichever_bit_flips(make: MakeRace) -> None:
    """Nothing is sent twice with a key that reads, even where the entry looks like a passing."""
    race = make(4, reads=True)
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    (frozen,) = places(race, FROZEN)
    race.parts["race"].data[frozen - 2] ^= FROZEN ^ PASSING
    lost(race, UNSURE, 0)
    again(race).send()
    assert len(race.posts()) == 1


def test_a_journal_without_room_for_what_was_sent(make: MakeRace, mocker: MockerFixture) -> None:
    """Sending waits half a minute, and what may be at the cloud stays in doubt until it is known."""
    race = make(5, reads=True)
    sent = race.race.progress.sent
    mocker.patch.object(race.race.progress, "sent", side_effect=[JournalFull("full")])
    waits = race.send(lambda: race.sender.reason == "journal_full")
    assert race.race.progress.unsure
    assert race.race.progress.cursor == 1
    race.race.progress.sent = sent
    waits += race.send(lambda: race.race.progress.cursor == 6)
    assert waits == [32_000]
    assert len(race.posts()) == 1
    assert race.race.progress.known == 5


def test_a_session_that_cannot_be_noted(make: MakeRace, mocker: MockerFixture) -> None:
    """As long as that it is asked for is not in the journal, nothing is asked."""
    race = make(1)
    append = race.race.journal.append
    mocker.patch.object(race.race.journal, "append", side_effect=JournalFull("full"))
    race.send(lambda: race.sender.reason == "journal_full")
    assert race.asked == []
    assert race.race.state["sending"] == "wanted"
    race.race.journal.append = append
    race.send(lambda: race.race.state["sent"] == 1)
    assert len(race.sessions) == 1


def test_a_job_of_its_own(make: MakeRace) -> None:
    """What an operator wants is done at once, before anything else is sent, and once."""
    race = make(0)
    race.send(lambda: race.sender.reason == "idle")
    done = []

    def job() -> object:
        yield 0
        done.append(len(race.asked))

    race.sender.take(job())
    race.pass_by(1)
    asked = len(race.asked)
    for _ in range(30):
        race.sender.tick()
    assert done == [asked]


def test_another_units_journal(make: MakeRace) -> None:
    """Its passings are not sent under this one's name; numbers go on behind them, in sectors apart."""
    race = make(4)
    mac = type(race.chip).mac
    try:
        type(race.chip).mac = lambda _self: b"\x24\x6f\x28\0\0\2"
        race.boot()
        assert (race.race.state["session"], race.race.state["waiting"]) == ("", 0)
        race.race.open("half")
        assert race.race.passing(EPC % 9) == 5
        race.send(lambda: race.race.state["waiting"] == 0)
        assert [one[1].split(" sl.")[0] for one in race.sessions] == ["half"]
        assert [row[1:] for row in race.rows] == [(1, EPC % 9)]
        assert len(race.stored()) == 1
    finally:
        type(race.chip).mac = mac
    race.boot()
    assert [one.number for one in race.stored()] == [1, 2, 3, 4]
    assert race.race.state["session"] == "10 km"


def test_where_no_race_can_be(make: MakeRace) -> None:
    """Without its partition, or with a later journal in it, the sentence tells what to do."""
    race = make(0)
    race.parts["race"].data[4] = 2
    raw = race.parts["race"].data
    raw[28:32] = crc32(bytes(raw[:28])).to_bytes(4, "little")
    with pytest.raises(RaceUnavailable, match="load the agent that wrote it"):
        race.boot()
    del race.parts["race"]
    with pytest.raises(RaceUnavailable, match="startline flash"):
        race.boot()


def test_what_else_is_refused(make: MakeRace) -> None:
    """A session without a name, a passing of nobody, an end of nothing."""
    race = make(0)
    race.race.close()
    for call, given, words in (
        (race.race.close, (), "no session is open"),
        (race.race.open, ("",), "needs a name"),
        (race.race.open, ("x" * 61,), "at most 60 bytes"),
        (race.race.passing, ("",), "needs a chip or a bib"),
        (race.race.passing, ("", ""), "needs a chip or a bib"),
    ):
        with pytest.raises(ValueError, match=words):
            call(*given)
    assert race.stored() == []
    assert race.race.passing("", "17") == 1


def test_all_that_is_sent_of_a_passing(make: MakeRace) -> None:
    """Bib, chip, place to a tenth of a metre, status: what there is, and no other field."""
    race = make(0)
    race.race.passing(EPC % 1, "17", latitude=48.20849, longitude=-16.373819, status="DNF")
    race.race.passing("", '1"8')
    race.race.passing("7F")
    race.send(lambda: len(race.rows) == 3)
    first, second, third = race.posts()[0]["passings_list"]
    assert first.pop("timestamp").endswith("Z")
    assert first == {"bib": "17", "num_passing": 1, "chip": EPC % 1, "latitude": 48.20849,
                     "longitude": -16.373819, "status": "DNF"}  # fmt: skip
    assert (second["bib"], second.keys()) == ('1"8', {"bib", "num_passing", "timestamp"})
    assert third["bib"] == third["chip"] == "7F"
