"""What an operator may have a reader that races do: the time, what was set aside, and the end of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import race_commands
import startline_race
from startline_race.journal_format import TIME

from tests.firmware.harness import NOW
from tests.race_role.paper_cloud import EPC, LOST, MakeRace, PaperChip, PaperRace, lose

POST = ("POST", "passings")


def refused(make: MakeRace, count: int = 5, **more: Any) -> PaperRace:
    """Return a race whose second and third passing were set aside."""
    race = make(count, **more)

    def refuse(act: Callable[[], Any]) -> Any:
        chips = {one["chip"][-1] for one in race.posts()[-1]["passings_list"]}
        return (400, {"description": "No"}) if chips & set("12") else act()

    race.script[POST] = [refuse] * 40
    race.send(lambda: race.race.progress.cursor == count + 1)
    race.script.clear()
    del race.asked[:]
    assert race.race.progress.aside == [[2, 3, 0]]
    return race


def sent(race: PaperRace) -> list[list[int]]:
    """Return the numbers of each request that sent passings."""
    return [[one["num_passing"] for one in body["passings_list"]] for body in race.posts()]


def test_the_time_of_a_host(make: MakeRace) -> None:
    """It is taken as one of the cable, with the error that the host gives."""
    race = make(0)
    state = race_commands.set_time(NOW * 1000 + 500_000, 40)
    assert (state["clock"], state["error_ms"]) == ("usb", 41)
    assert len(race.entries(TIME)) == 2
    with pytest.raises(ValueError, match="a time has to be"):
        race_commands.set_time(5, 40)


def test_without_a_race_one_is_begun() -> None:
    """A reader whose program is stopped before it raced is identified, and its journal opened."""
    before = PaperRace()
    before.race.open("10 km")
    before.pass_by(3)
    startline_race.races.clear()
    state = race_commands.set_time(NOW * 1000, 40, hal=PaperChip(before.parts))
    assert (state["session"], state["stored"]) == ("10 km", 3)
    own = startline_race.races[0]
    assert own.device.state != "bound"
    assert race_commands.set_time(NOW * 1000, 40) == own.state
    startline_race.races.clear()


@pytest.mark.parametrize("reads", [False, True])
def test_a_resend(make: MakeRace, *, reads: bool) -> None:
    """Only what is asked for goes out, with its old number and time, and is let go once it is there."""
    race = refused(make, reads=reads)
    state = race_commands.resend(2, 2)
    assert sent(race) == [[2]]
    assert race.race.progress.aside == [[3, 3, 0]]
    assert state["aside"] == 1
    race_commands.resend(3, 3)
    assert sorted(race.numbers()) == [1, 2, 3, 4, 5]
    looks = [path for method, path, _ in race.asked if method == "GET"]
    assert len(looks) == (2 if reads else 1)
    assert PaperRace.after(race).race.progress.aside == []
    times = {row[2]: body["passings_list"][0]["timestamp"] for row, body in
             zip(race.rows[-2:], race.posts(), strict=True)}  # fmt: skip
    assert [times[EPC % number][-4:] for number in (1, 2)] == ["101Z", "201Z"]


@pytest.mark.parametrize(
    ("first", "last"), [(1, 1), (1, 2), (2, 4), (3, 4), (4, 9), (0, 9), (3, 2)]
)
def test_what_is_not_set_aside(make: MakeRace, first: int, last: int) -> None:
    """It is neither sent again nor let go, and nothing else is, either."""
    race = refused(make)
    for command in (race_commands.resend, race_commands.release):
        if (first, last) != (3, 2):
            with pytest.raises(ValueError, match=f"passings {first} to {last} are not set aside"):
                command(first, last)
    assert (race.asked, race.race.progress.aside) == ([], [[2, 3, 0]])


def test_what_is_let_go(make: MakeRace) -> None:
    """It stays unsent, and a restart knows of it no more."""
    race = refused(make)
    assert race_commands.release(2, 2)["aside"] == 1
    assert race.race.progress.keep_from() == 3
    assert race_commands.release(3, 3)["aside"] == 0
    assert race.race.progress.keep_from() == 6
    assert PaperRace.after(race).race.progress.aside == []
    assert race.asked == []


def test_a_session_that_is_closed(make: MakeRace) -> None:
    """Nothing can be sent into it any more, which is said before anything is asked."""
    race = refused(make)
    race.race.close()
    race.send()
    del race.asked[:]
    with pytest.raises(ValueError, match="not open at the cloud"):
        race_commands.resend(2, 3)
    assert race.asked == []
    race_commands.release(2, 3)


@pytest.mark.parametrize(
    ("said", "words", "why"),
    [
        ((400, {"description": "Still no"}), "did not take them: 400 Still no", 0),
        ((200, {"inserted_count": 1}), "did not take them: 200 ", 2),
        ((404, {"description": "Session not found"}), "404 Session not found", 0),
        ((503, None), "answer status 503", 2),
        ((403, {}), "stop forbidden", 2),
        (LOST, "answer cut", 2),
    ],
)
def test_a_resend_that_fails(make: MakeRace, said: Any, words: str, why: int) -> None:
    """They stay set aside: as refused where the cloud said so, as uncounted where it may have them."""
    race = refused(make)
    race.script[POST] = [said]
    with pytest.raises(OSError, match=words):
        race_commands.resend(2, 3)
    assert race.race.progress.aside == [[2, 3, why]]
    assert PaperRace.after(race).race.progress.aside == [[2, 3, why]]
    assert race.race.progress.cursor == 6


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_resend_whose_answer_was_lost(make: MakeRace, stored: int) -> None:
    """With a key that reads the next try looks, a minute later once more, and sends what lacks."""
    race = refused(make, reads=True)

    def some(act: Callable[[], Any]) -> Any:
        before = len(race.rows)
        lose(act)
        del race.rows[before + stored :]
        return LOST

    race.script[POST] = [some]
    with pytest.raises(OSError, match="answer cut"):
        race_commands.resend(2, 3)
    del race.asked[:]
    began = race.chip.now_us
    assert race_commands.resend(2, 3)["aside"] == 0
    assert sent(race) == [[2, 3][stored:]] * (stored < 2)
    assert sorted(race.numbers()) == [1, 2, 3, 4, 5]
    minutes = round((race.chip.now_us - began) / 60_000_000)
    assert minutes == (1 if stored < 2 else 0)
    assert not race.sender.present
    assert not race.sender.looked


def test_more_than_a_batch(make: MakeRace) -> None:
    """A range goes out in batches, in order."""
    race = make(7)
    race.send(lambda: race.race.state["sending"] == "open")
    race.race.progress.set_aside(1, 7, 0)
    race.race.settings.batch = 3
    assert race_commands.resend(1, 7)["aside"] == 0
    assert sent(race) == [[1, 2, 3], [4, 5, 6], [7]]


def test_a_boot_that_never_had_the_time(make: MakeRace) -> None:
    """Its passings are sent once an operator says when it began, and as he says."""
    before = PaperRace(timed=False)
    before.chip.sleep(2000)
    before.race.open("10 km")
    before.pass_by(2)
    race = make(0)
    race.parts["race"].data[:] = before.parts["race"].data
    race.boot()
    race.send(lambda: race.race.state["aside"] == 2)
    assert race.events("race_aside") == [{"first": 1, "last": 2, "reason": "undated"}]
    with pytest.raises(ValueError, match="never had the time: say when it began"):
        race_commands.resend(1, 2)
    race.send(lambda: race.race.state["sending"] == "open")
    with pytest.raises(ValueError, match="never had the time: say when it began"):
        race_commands.resend(1, 2)
    race_commands.resend(1, 2, NOW * 1000 - 3_600_000)
    times = [one["timestamp"] for one in race.posts()[0]["passings_list"]]
    assert times == ["2026-11-18T10:06:43.000Z", "2026-11-18T10:06:43.100Z"]


def test_a_reader_without_the_time_asks_first(make: MakeRace) -> None:
    """Certificates are judged by it, and passings dated: nothing is sent before."""
    race = refused(make)
    race.race.keeper.points.clear()
    asked = []

    def have_time() -> Any:
        asked.append(len(race.asked))
        race.race.set_time(race.chip.unix() * 1000, 2)
        yield 0

    race.sender.have_time = have_time
    assert race_commands.resend(2, 3)["aside"] == 0
    assert asked == [0]


def test_a_resend_that_takes_too_long(make: MakeRace) -> None:
    """Three minutes later it is given up."""
    race = refused(make)

    def endless() -> Any:
        while True:
            yield 1000

    race.sender.online = endless
    began = race.chip.now_us
    with pytest.raises(OSError, match="it took too long"):
        race_commands.resend(2, 3)
    assert (race.chip.now_us - began) // 1_000_000 == 180


@pytest.mark.parametrize("lose_them", [False, True])
def test_the_end_of_a_journal(make: MakeRace, *, lose_them: bool) -> None:
    """It is erased from its oldest sector to its newest, and refused while anything is unsent."""
    race = refused(make)
    flash = race.parts["race"]
    before = bytes(flash.data)
    for count, ready in ((2, False), (3, False)):
        if count == 3:
            race.pass_by(1)
        if not lose_them:
            with pytest.raises(ValueError, match=f"{count} passings are not at the cloud"):
                race_commands.erase(lose=ready)
            assert before[:200] == bytes(flash.data[:200])
            assert startline_race.races == [race.race]
    if not lose_them:
        race.send(lambda: race.race.state["waiting"] == 0)
        race_commands.release(2, 3)
    head = race.race.journal.head
    del flash.erased[:]
    race_commands.erase(lose=lose_them)
    assert flash.erased == [(head + one) % 24 * 4096 for one in range(1, 25)]
    assert flash.erased[-1] == head * 4096
    assert set(flash.data) == {0xFF}
    assert startline_race.races == []
