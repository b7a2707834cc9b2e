"""What a restart finds in the journal: all that was known before it, whichever sector tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from startline_race.errors import JournalFull
from startline_race.journal_format import TIME, pack_header
from startline_race.time_points import points_of

from tests.race_role.paper_cloud import EPC, LOST, MakeRace, PaperRace, lose

POST = ("POST", "passings")
GONE = (404, {"description": "Session not found or closed"})
_COUNTS = ("session", "stored", "sent", "waiting", "unsure", "aside", "full")


def standing(race: PaperRace) -> dict[str, Any]:
    """Return all that a race knows of how far it is.

    A session that is next and was not asked for yet is found again in the journal.
    """
    progress, journal = race.race.progress, race.race.journal
    begun = progress.session if progress.session and progress.session.state else None
    names = ["cursor", "frozen", "amends", "aside", "there", "stored",
             "known", "unsure_count", "missing", "empty", "opened"]  # fmt: skip
    if not progress.opened:  # of what ended before the session that is open, nobody asks any more
        names += ["free", "ended"]
    return {
        **{name: getattr(progress, name) for name in names},
        **{name: race.race.state[name] for name in _COUNTS},
        "doubt": progress.unsure,
        "begun": begun and begun.pack(),
        "wanted": progress.wanted and progress.wanted.pack(),
        "map": progress.map and progress.map.pack(),
        "number": journal.number,
        "oldest": journal.first[(journal.head - journal.used + 1) % journal.sectors],
        "ordinal": progress.next_ordinal(),
        "keep": progress.keep_from(),
        "done": progress.done(),
    }


def fill(race: PaperRace) -> None:
    """Have the next sectors begin, so that the last one begins with a summary of this moment."""
    head = race.race.journal.head
    for count in range(200):
        race.race.marker("a long way to go " * 3)
        if race.race.journal.head != head and count > 60:
            return


def is_as_it_was(race: PaperRace) -> None:
    """Assert that a restart knows what is known now, from the sector itself and from a summary.

    What was to be sent may have been, as far as it knows.
    """
    known = standing(race)
    known["unsure"] = known["frozen"] - known["cursor"]
    known["doubt"] = known["unsure"] > 0
    assert standing(PaperRace.after(race)) == known
    assert standing(PaperRace.after(PaperRace.after(race))) == known
    twin = PaperRace.after(race)
    fill(twin)
    filled = standing(twin)
    assert {**filled, "full": known["full"]} == known
    assert standing(PaperRace.after(twin)) == filled


def test_nothing_yet(make: MakeRace) -> None:
    """A journal that has a session and nothing in it; one that has not even that."""
    is_as_it_was(make(0))
    is_as_it_was(PaperRace())
    race = PaperRace()
    race.pass_by(3)
    is_as_it_was(race)


def test_a_race_step_by_step(make: MakeRace) -> None:
    """After each step of sending a restart would go on from there."""
    race = make(130)
    seen = set()

    def look() -> bool:
        cursor = race.race.progress.cursor
        step = len(race.asked), cursor
        if step not in seen:
            is_as_it_was(race)
        seen.add(step)
        return bool(cursor == 131)

    race.send(look)
    race.race.close()
    is_as_it_was(race)
    race.send()
    is_as_it_was(race)
    assert {cursor for _, cursor in seen} == {1, 101, 131}
    assert race.race.state["sending"] == "closed"
    race.race.open("half")
    is_as_it_was(race)
    race.pass_by(1)
    is_as_it_was(race)


def test_what_is_set_aside(make: MakeRace) -> None:
    """Ranges and reasons of passings that were refused, and what is let go of them."""
    race = make(9)

    def refuse(act: Callable[[], Any]) -> Any:
        chips = {one["chip"][-1] for one in race.posts()[-1]["passings_list"]}
        return (400, {}) if chips & set("1267") else act()

    race.script[POST] = [refuse] * 60
    race.send(lambda: race.race.progress.cursor == 10)
    assert race.race.progress.aside == [[2, 3, 0], [7, 8, 0]]
    is_as_it_was(race)
    for first, last, left in (
        (2, 2, [[3, 3, 0], [7, 8, 0]]),
        (8, 8, [[3, 3, 0], [7, 7, 0]]),
        (3, 3, [[7, 7, 0]]),
        (1, 6, [[7, 7, 0]]),
        (7, 9, []),
    ):
        race.race.progress.release(first, last)
        assert race.race.progress.aside == left
        assert race.race.progress.keep_from() == (left[0][0] if left else 10)
        is_as_it_was(race)


def test_a_range_that_is_let_go_from_its_middle(make: MakeRace) -> None:
    """What lies before it and behind it stays set aside, each with its reason."""
    race = make(9)
    race.send(lambda: race.race.state["sending"] == "open")
    race.race.progress.set_aside(1, 9, 2, 201)
    race.race.progress.release(4, 6)
    assert race.race.progress.aside == [[1, 3, 2], [7, 9, 2]]
    race.race.progress.set_aside(3, 3, 0, 400)
    assert race.race.progress.aside == [[1, 2, 2], [7, 9, 2], [3, 3, 0]]
    assert race.race.state["aside"] == 6
    is_as_it_was(race)


@pytest.mark.parametrize("reads", [False, True])
def test_what_is_in_doubt(make: MakeRace, *, reads: bool) -> None:
    """That a range may be at the cloud, and how many ever were in doubt."""
    race = make(7, reads=reads)
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    assert race.race.state["unsure"] == 7
    is_as_it_was(race)
    race.pass_by(2)
    is_as_it_was(race)
    race.send(lambda: race.race.progress.cursor == 8)
    is_as_it_was(race)
    assert race.race.progress.unsure_count == 7


def test_what_stands_in_a_closed_session(make: MakeRace) -> None:
    """Numbers that were seen there are not sent into the next one, nor forgotten by a restart."""
    race = make(8, reads=True)

    def some(act: Callable[[], Any]) -> Any:
        act()
        del race.rows[2:6]
        return LOST

    race.script[POST] = [some, GONE]
    race.send(lambda: race.race.progress.there != [])
    assert race.race.progress.there == [[1, 2], [7, 8]]
    assert PaperRace.after(race).race.progress.there == [[1, 2], [7, 8]]
    race.send(lambda: len(race.sessions) == 2 and race.race.state["sending"] == "open")
    is_as_it_was(race)
    race.send(lambda: race.race.progress.cursor == 9)
    assert race.numbers(0) == [1, 2, 7, 8]
    assert race.numbers(1) == [3, 4, 5, 6]
    assert race.race.progress.there == []
    is_as_it_was(race)


def test_a_time_that_each_sector_tells_again(make: MakeRace) -> None:
    """It is one point of its boot, however many sectors begin with it."""
    race = make(1)
    fill(race)
    later = PaperRace.after(race).race
    assert len(race.entries(TIME)) > 1
    assert list(points_of(later.keeper, later.journal, race.race.journal.boot, 1))
    assert len(later.keeper.past[1]) == 1


def test_boots_of_a_full_journal(make: MakeRace) -> None:
    """One of the sectors that passings leave tells boots apart, and the other what is sent."""
    race = make(0, sectors=6)
    with pytest.raises(JournalFull):
        race.pass_by(1000)
    head, boot = race.race.journal.head, race.race.journal.boot
    for count in range(1, 31):
        race.boot()
        assert race.race.journal.boot == boot + count
    assert race.race.journal.head != head
    while race.race.journal.boot != boot:
        boot = race.race.journal.boot
        race.boot()
    assert len(race.race.journal.blank) == 1
    race.send()
    assert race.race.state["waiting"] == 0


def test_a_boot_id_that_begins_anew(make: MakeRace) -> None:
    """Behind the last id comes 0, and then 1: no two boots share one, and each has its own time."""
    race = make(0)
    flash = race.parts["race"]
    flash.data[:] = b"\xff" * flash.size
    flash.program(0, pack_header(0xFFFE, 1, 1, race.race.journal.owner))
    for boot in (0xFFFF, 0, 1):
        race.boot()
        assert race.race.journal.boot == boot
        race.race.passing(EPC % boot)
    later = race.race
    later.journal.boot = 2
    for number, boot in enumerate((0xFFFF, 0, 1), 1):
        list(points_of(later.keeper, later.journal, boot, number))
        assert len(later.keeper.past[1]) == 1


def test_a_sector_that_cannot_be_erased(make: MakeRace) -> None:
    """It counts as worn, as one that does not become blank; the rest is sent, and timing goes on."""
    race = make(0)
    with pytest.raises(JournalFull):
        race.pass_by(3000)
    erase = race.parts["race"].erase
    wrong = [race.race.journal.head + 3, race.race.journal.head + 4]

    def refuse(offset: int) -> None:
        if offset // 4096 in {one % 24 for one in wrong}:
            raise OSError(-1)
        erase(offset)

    race.parts["race"].erase = refuse  # type: ignore[method-assign] # the flash of this test
    race.send(lambda: race.race.state["waiting"] == 0)
    count = race.race.journal.number
    race.pass_by(100)
    assert race.race.journal.number == count + 100
    race.send(lambda: race.race.state["waiting"] == 0)
    assert race.events("failed") == []


def test_a_full_journal_whose_ends_are_torn(make: MakeRace) -> None:
    """However often power goes while its last entry is written, there is room to say what is sent."""
    race = make(0, sectors=6)
    with pytest.raises(JournalFull):
        race.pass_by(1000)
    for _ in range(9):
        journal = race.race.journal
        end = journal.head * 4096 + min(journal.offset, 4092)
        race.parts["race"].data[end : end + 4] = b"\2\3\0\0"
        race.boot()
        race.chip.sleep(5000)
    race.send()
    assert race.race.state["waiting"] == 0


def test_a_session_that_was_asked_for(make: MakeRace) -> None:
    """That it may be open, and how many may have been left empty."""
    race = make(2)
    race.script["POST", "sessions"] = [lose, lose]
    race.send(lambda: len(race.sessions) == 2)
    assert race.race.state["sending"] == "asked"
    assert race.race.progress.empty == 1
    twin = PaperRace.after(race)
    fill(race)
    assert standing(PaperRace.after(race)) == standing(race)
    assert twin.race.state["sending"] == "asked"


@pytest.mark.parametrize("cut", range(5))
def test_a_restart_after_a_request_sends_all_once(make: MakeRace, cut: int) -> None:
    """Whatever was answered last, a reader that begins anew there comes to the same end."""
    race = make(12, reads=True)
    race.race.settings.batch = race.sender.limit = 5
    race.race.close()
    race.send(lambda: len(race.asked) > cut)
    again = PaperRace.after(race)
    again.race.settings.batch = again.sender.limit = 5
    again.sessions, again.rows, again.reads = race.sessions, race.rows, True
    type(race.sender.connection).race = again
    again.send()
    assert again.race.progress.done()
    assert again.numbers() == list(range(1, 13))
    assert [one[2] for one in again.sessions] == [False]
    assert [row[2] for row in again.rows] == [EPC % number for number in range(12)]


def test_doubt_and_amends_are_told_apart(make: MakeRace) -> None:
    """A checkpoint that was written in doubt says nothing of stronger sightings, nor the other way round."""
    progress = make(0).race.progress
    for told in ((False, False), (True, False), (False, True), (True, True)):
        progress.unsure, progress.amends = told
        summary = progress.entries()[0]
        progress.unsure = progress.amends = None
        progress.apply(*summary)
        assert (progress.unsure, progress.amends) == told


def test_stronger_sightings(make: MakeRace) -> None:
    """That some passings have been amended is known whatever sector comes next."""
    race = make(0, dead_time=5000, best=1)
    is_as_it_was(race)
    race.race.passing("7F", rssi=-60)
    race.race.passing("7F", rssi=-50)
    assert race.race.progress.amends
    is_as_it_was(race)
    race.chip.sleep(6000)
    race.send(lambda: race.race.state["sent"] == 1)
    is_as_it_was(race)


@pytest.mark.parametrize("hours", [0, 1, 2, 100])
def test_the_clock_of_a_long_boot(make: MakeRace, hours: int) -> None:
    """Times, maps and points of a boot of hours are in the journal in full: they date the same."""
    race = make(0)
    for _ in range(hours * 2):
        race.chip.sleep(1_800_000)
        race.race.look_after()
    race.race.set_time(race.chip.unix() * 1000, 2)
    race.pass_by(3)
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    first = race.posts()[0]
    race.pass_by(2)
    is_as_it_was(race)
    again = PaperRace.after(race)
    again.sessions = race.sessions
    type(race.sender.connection).race = again
    again.send(lambda: again.race.state["sent"] == 5)
    assert again.posts()[0] == first
    times = [one["timestamp"] for body in again.posts() for one in body["passings_list"]]
    assert times == sorted(times)
    assert times[4][:-5] == times[0][:-5]


def test_a_session_before_another(make: MakeRace) -> None:
    """Of two that were wanted the first is sent, and which passing is whose is known."""
    race = make(3)
    race.race.close()
    race.pass_by(2)
    is_as_it_was(race)
    race.race.open("half")
    race.pass_by(1)
    is_as_it_was(race)
    race.send(lambda: race.race.progress.cursor == 4)
    is_as_it_was(race)
    race.send(lambda: race.race.progress.cursor == 7)
    is_as_it_was(race)
    assert (race.numbers(0), race.numbers(1)) == ([1, 2, 3], [1, 2, 3])
