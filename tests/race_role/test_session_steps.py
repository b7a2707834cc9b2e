"""Sessions, step by step: opened, found, refused, closed by somebody else, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from startline_race.journal_format import ASKED, CLOSED, CLOSING
from startline_race.journal_format import OPEN as OPENED

from tests.race_role.paper_cloud import LOST, TOKEN, MakeRace, PaperRace, lose

POST = ("POST", "passings")
OPEN = ("POST", "sessions")


def test_a_mark_that_is_switched_off(make: MakeRace) -> None:
    """The alias is then the name alone, and a lost answer is asked for again."""
    race = make(1, reads=True)
    race.race.settings.mark = 0
    race.script[OPEN] = [lose]
    race.race.close()
    race.send()
    assert [one[1] for one in race.sessions] == ["10 km", "10 km"]
    assert race.race.progress.empty == 1
    assert race.numbers(1) == [1]


@pytest.mark.parametrize(("reads", "opened"), [(True, 1), (False, 2)])
def test_a_session_whose_answer_is_lost(make: MakeRace, *, reads: bool, opened: int) -> None:
    """With a key that reads it is found by its mark; else another is opened, and one left empty."""
    race = make(3, reads=reads)
    race.script[OPEN] = [lose]
    race.race.close()
    race.send()
    assert len(race.sessions) == opened
    assert race.numbers(opened - 1) == [1, 2, 3]
    assert race.race.progress.empty == opened - 1
    states = [one["state"] for one in race.events("race_session")]
    assert states == (["found", "closed"] if reads else ["asked_again", "open", "closed"])


def test_a_session_that_was_not_opened_is_asked_for_again(make: MakeRace) -> None:
    """Where a look finds none with the mark, the answer was lost before it was one."""
    race = make(3, reads=True)
    race.script[OPEN] = [LOST]
    race.race.close()
    race.send()
    assert [path for method, path, _ in race.asked if method == "GET"] == [
        "/sessions/device/" + TOKEN
    ]
    assert len(race.sessions) == 1
    assert race.race.progress.empty == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((404, {"description": "Device not found"}), "device_not_found"),
        ((400, {"description": "No alias"}), "session_refused No alias"),
        ((499, {}), "session_refused "),
        ((401, {}), "forbidden"),
        ((403, {}), "forbidden"),
    ],
)
def test_a_session_that_is_refused(make: MakeRace, said: Any, reason: str) -> None:
    """It stops until somebody did something about it, and goes on then."""
    race = make()
    race.script[OPEN] = [said]
    race.send()
    assert race.sender.stopped == race.race.state["reason"] == reason
    assert race.events("race_stopped") == [{"reason": reason}]
    race.sender.tick()
    assert len(race.asked) == 1
    race.race.close()  # wakes it
    race.send()
    assert race.numbers() == [1, 2, 3, 4, 5]


def test_a_session_without_a_token(make: MakeRace) -> None:
    """A good answer that has none may have opened one: it is asked for again."""
    race = make(1)
    race.script[OPEN] = [(201, {"token_session": "short"})]
    race.send(lambda: race.race.state["sent"] == 1)
    assert [one["reason"] for one in race.events("race_failed")] == ["no_token"]
    assert race.race.progress.empty == 1


def test_a_session_that_somebody_else_closed(make: MakeRace) -> None:
    """The rest goes into one for the rest, with its old numbers; a second time in a row stops it."""
    race = make(4)
    race.send(lambda: race.race.progress.cursor == 5)
    race.sessions[0][2] = False
    race.pass_by(3)
    race.race.close()
    race.send()
    assert [one[1] for one in race.sessions] == ["10 km sl.00000000", "10 km (rest) sl.00000000"]
    assert (race.numbers(0), race.numbers(1)) == ([1, 2, 3, 4], [5, 6, 7])
    assert [one["state"] for one in race.events("race_session")] == [
        "open", "closed_elsewhere", "open", "closed"
    ]  # fmt: skip
    again = make(4)
    again.script[POST] = [(404, {"description": "Session not found or closed"})] * 2
    again.send()
    assert again.sender.stopped == "closed_again"
    again.sender.wake()
    again.send(lambda: again.race.progress.cursor == 5)
    assert again.numbers(1) == [1, 2, 3, 4]


def test_a_long_name_has_room_for_the_rest(make: MakeRace) -> None:
    """Of a name of sixty bytes as much is left as fits, and no letter is halved."""
    race = make(0)
    race.race.close()
    race.race.open("é" * 30)
    race.pass_by(1)
    race.script[POST] = [(400, {"message": "session is closed"})]
    race.send(lambda: bool(race.rows))
    assert race.sessions[-1][1].removesuffix(" sl.00000000") in {
        "é" * 30 + " (rest)",
        "é" * 26 + " (rest)",
    }


def test_the_next_session_waits_for_the_backlog(make: MakeRace) -> None:
    """Its wish is kept, and it is opened in the cloud once all of the one before is there."""
    race = make(3)
    race.race.close()
    race.race.open("half")
    race.pass_by(2)
    race.race.close()
    race.script[POST] = [LOST] * 2
    race.send()
    assert [path.split("/")[1] for method, path, _ in race.asked if method != "GET"] == [
        "sessions", "passings", "passings", "passings", "sessions", "sessions", "passings",
        "sessions",
    ]  # fmt: skip
    assert (race.numbers(0), race.numbers(1)) == ([1, 2, 3], [1, 2])
    assert [one[1][:5] for one in race.sessions] == ["10 km", "half "]


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, "closed"), (299, "closed"), (300, ""), (404, "gone"), (400, "gone")],
)
def test_a_session_that_closes(make: MakeRace, status: int, state: str) -> None:
    """Whatever says that it is there no more ends it; other answers are asked for again."""
    race = make(1)
    race.script["PATCH", "sessions"] = [(status, {})]
    race.race.close()
    race.send()
    assert race.events("race_session")[-1]["state"] == (state or "closed")
    assert len([1 for method, _, _ in race.asked if method == "PATCH"]) == (1 if state else 2)


def test_what_is_written_before_a_session_is_asked_for(make: MakeRace) -> None:
    """That it is asked for, or closing, is in the journal before the first byte of that goes out."""
    race = make(1)
    seen = []

    def look(act: Callable[[], Any]) -> Any:
        again = PaperRace.after(race)
        seen.append((again.race.progress.session.state, again.race.progress.frozen))
        return act()

    race.script.update(
        dict.fromkeys([OPEN, ("POST", "passings"), ("PATCH", "sessions")], [look] * 3)
    )
    race.race.close()
    race.send()
    assert seen == [(ASKED, 1), (OPENED, 2), (CLOSING, 2)]
    assert PaperRace.after(race).race.progress.session.state == CLOSED
