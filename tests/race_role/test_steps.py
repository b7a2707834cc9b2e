"""The rules of sending, step by step: what is asked, what an answer means, and when to go on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net import StepFailed
from startline_race.batch import Backlog
from startline_race.settings import BATCH

from tests.race_role.paper_cloud import LOST, TOKEN, MakeRace, PaperRace, lose

POST = ("POST", "passings")
OPEN = ("POST", "sessions")


def test_a_race(make: MakeRace) -> None:
    """A session with a mark in its alias, batches of at most a hundred in order, and its end."""
    race = make(230)
    race.race.close()
    assert race.send() == []
    assert [(method, path) for method, path, _ in race.asked] == [
        ("POST", "/sessions"), *[("POST", "/passings")] * 3,
        ("PATCH", "/sessions/close/" + "10" * 32),
    ]  # fmt: skip
    assert race.asked[0][2] == {"deviceid": TOKEN, "alias": "10 km sl.00000000"}
    assert [len(body["passings_list"]) for body in race.posts()] == [100, 100, 30]
    assert race.numbers() == list(range(1, 231))
    assert race.race.state["sent"] == 230
    assert [one["state"] for one in race.events("race_session")] == ["open", "closed"]
    first, second = race.posts()[0]["passings_list"][:2]
    assert first["bib"] == first["chip"] == "E2801160600002054C3A0000"
    assert (first["timestamp"], second["timestamp"]) == (
        "2026-11-18T11:06:40.001Z", "2026-11-18T11:06:40.101Z",
    )  # fmt: skip


def come_while_read(mocker: MockerFixture, come: Callable[[], None]) -> None:
    """Have something happen whenever the sender has read a sector of its backlog."""
    read = Backlog.read

    def interrupted(self: Backlog, *given: int) -> Generator[int, None, None]:
        for wait in read(self, *given):
            come()
            yield wait

    mocker.patch.object(Backlog, "read", interrupted)


@pytest.mark.parametrize("count", [1, 7, 90, 250])
def test_passings_that_come_while_the_journal_is_read(
    make: MakeRace, mocker: MockerFixture, count: int
) -> None:
    """However many there are, and wherever a sector ends, none is passed over."""
    race = make(0)

    def come() -> None:
        if race.race.journal.number < 700:
            race.pass_by(count)

    come_while_read(mocker, come)
    race.send(lambda: race.race.journal.number >= 700 and not race.race.state["waiting"])
    assert race.events("race_damaged") == []
    assert race.numbers() == list(range(1, race.race.journal.number))


def test_a_session_that_is_wished_for_while_the_journal_is_read(
    make: MakeRace, mocker: MockerFixture
) -> None:
    """Its name is found also where what came meanwhile has filled a sector and begun another."""
    race = make(1)
    race.send(lambda: race.race.state["sent"] == 1)

    def come() -> None:
        if len(race.sessions) == 1 and race.race.state["session"] == "10 km":
            race.race.close()
            race.race.open("21 km")
            race.pass_by(120)

    come_while_read(mocker, come)
    race.send(lambda: race.race.journal.number == 122 and not race.race.state["waiting"])
    assert [alias[:5] for _, alias, _ in race.sessions] == ["10 km", "21 km"]
    assert race.numbers(1) == list(range(1, 121))


@pytest.mark.parametrize(
    ("counts", "known"),
    [({"inserted_count": 5}, 0), ({"inserted_count": 2, "duplicate_count": 3}, 3)],
)
def test_a_counted_answer(make: MakeRace, counts: dict[str, int], known: int) -> None:
    """What was stored and what was known before make up what was sent."""
    race = make()
    race.script[POST] = [(200, counts)]
    race.send(lambda: race.race.progress.cursor == 6)
    assert (race.race.progress.stored, race.race.progress.known) == (5 - known, known)
    assert not race.race.progress.unsure


@pytest.mark.parametrize("fields", [{}, {"inserted_count": 4}, {"inserted_count": 6}])
def test_counts_that_are_not_what_was_sent(make: MakeRace, fields: dict[str, int]) -> None:
    """It is unsure and told, and sent again; three in a row halve the batch."""
    race = make(8)
    race.script[POST] = [(201, fields)] * 3
    assert race.send(lambda: race.race.progress.cursor == 9) == [2000] * 3
    assert race.events("race_warning") == [
        {"what": "not_counted", "sent": 8, "counted": (fields["inserted_count"], 0) if fields else None}
    ] * 3  # fmt: skip
    assert [len(body["passings_list"]) for body in race.posts()] == [8, 8, 8, 4, 4]
    assert race.posts()[0] == race.posts()[1]
    assert race.race.progress.unsure_count == 8
    assert race.sender.limit == 16


def test_one_passing_that_is_never_counted(make: MakeRace) -> None:
    """Alone, it is set aside, and what comes behind it goes on."""
    race = make(1)
    race.script[POST] = [(201, {})] * 3
    race.send(lambda: race.race.progress.cursor == 2)
    assert race.events("race_aside") == [{"first": 1, "last": 1, "status": 201}]
    assert race.race.progress.aside == [[1, 1, 2]]
    race.pass_by(2)
    race.send(lambda: race.race.progress.cursor == 4)
    assert race.numbers() == [2, 3]


def poisoned(chip: str) -> Callable[..., Any]:
    """Refuse every batch that has a passing of that chip."""

    def answer(race: PaperRace, act: Callable[[], Any]) -> Any:
        (last,) = race.posts()[-1:]
        if any(one["chip"] == chip for one in last["passings_list"]):
            return 400, {"message": "Bad \x1b passing"}
        return act()

    return answer


def test_a_poisoned_passing(make: MakeRace) -> None:
    """It is found by halves and set aside; all the others arrive, with their numbers."""
    race = make(11)
    answer = poisoned("E2801160600002054C3A0006")
    race.script[POST] = [lambda act: answer(race, act)] * 40
    race.send(lambda: race.race.progress.cursor == 12)
    assert race.numbers() == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11]
    assert race.events("race_aside") == [{"first": 7, "last": 7, "status": 400}]
    assert race.events("race_warning")[0] == {"what": "refused", "reason": "Bad passing"}
    assert (race.race.state["aside"], race.race.state["sent"]) == (1, 10)
    assert race.race.progress.keep_from() == 7


def test_too_many_that_are_set_aside(make: MakeRace) -> None:
    """After sixteen ranges it stops: something is wrong that no half of a batch tells."""
    race = make(3)
    for first in range(16):
        race.race.progress.aside.append([first * 2 + 100, first * 2 + 100, 0])
    race.send()
    assert race.sender.stopped == "too_many_aside"
    assert race.rows == []


def test_a_batch_that_is_too_large(make: MakeRace) -> None:
    """Half as many go from then on; alone, one that is too large is set aside."""
    race = make(8)
    race.script[POST] = [(413, {}), (413, {})]
    race.send(lambda: race.race.progress.cursor == 9)
    assert [len(body["passings_list"]) for body in race.posts()] == [8, 4, 2, 2, 2, 2]
    assert race.race.settings.batch == 2
    lone = make(1)
    lone.script[POST] = [(413, {})]
    lone.send(lambda: lone.race.progress.cursor == 2)
    assert lone.race.progress.aside == [[1, 1, 3]]
    assert lone.race.settings.batch == 1


def test_a_page_that_is_not_there(make: MakeRace) -> None:
    """A 404 that says nothing in the cloud's words is no word about the session."""
    race = make()
    race.script[POST] = [(404, None)]
    race.send(lambda: race.race.progress.cursor == 6)
    assert [one["reason"] for one in race.events("race_failed")] == ["status 404"]
    assert len(race.sessions) == 1


@pytest.mark.parametrize("status", [302, 408, 409, 425, 429, 500, 503, 599])
def test_an_answer_that_says_to_come_again(make: MakeRace, status: int) -> None:
    """It is sent again; all but a 429 may have stored something."""
    race = make()
    race.script[POST] = [(status, None)]
    race.send(lambda: race.race.progress.cursor == 6)
    assert [one["reason"] for one in race.events("race_failed")] == [f"status {status}"]
    assert race.race.progress.unsure_count == (0 if status == 429 else 5)
    assert race.posts() == [race.posts()[0]] * 2


@pytest.mark.parametrize(("chance", "wait"), [(b"\0", 7000), (b"\xff", 13_999)])
def test_a_pause_that_the_cloud_asks_for(make: MakeRace, chance: bytes, wait: int) -> None:
    """It is kept, and up to as long again is added by chance."""
    race = make()
    race.chip.chance = chance
    race.script[POST] = [(429, b"7")]
    assert race.send(lambda: race.race.progress.cursor == 6) == [wait]


def test_pauses_grow_to_a_limit(make: MakeRace) -> None:
    """From half a second, doubled up to eight, and by chance to five times that."""
    race = make()
    race.script[OPEN] = [LOST] * 7
    race.send(lambda: race.race.progress.cursor == 6)
    waits = [one["next_ms"] for one in race.events("race_failed")]
    assert waits == [500, 1000, 2000, 4000, 8000, 8000, 8000]
    race.chip.chance = b"\xff"
    race.pass_by(1)
    race.script[POST] = [LOST]
    race.send(lambda: race.race.progress.cursor == 7)
    assert race.events("race_failed")[-1]["next_ms"] == 2499


def test_a_lost_answer_with_a_key_that_does_not_read(make: MakeRace) -> None:
    """The same bytes go out again, whatever came meanwhile, and the doubt is kept."""
    race = make()
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    race.pass_by(4)
    race.race.set_time(race.chip.unix() * 1000 + 5000, 2)
    race.send(lambda: race.race.progress.cursor == 10)
    first, again, rest = race.posts()
    assert first == again
    assert len(rest["passings_list"]) == 4
    assert race.race.progress.unsure_count == 5
    assert race.sender.cannot_look
    assert (race.race.progress.stored, race.race.progress.known) == (4, 5)


@pytest.mark.parametrize("stored", [0, 2, 5])
def test_a_lost_answer_with_a_key_that_reads(make: MakeRace, stored: int) -> None:
    """What is there is looked up by number, twice with a pause, and only what lacks is sent."""

    def some(act: Callable[[], Any]) -> StepFailed:
        act()
        del race.rows[stored:]
        return LOST

    race = make(5, reads=True)
    race.script[POST] = [some]
    waits = race.send(lambda: race.race.progress.cursor == 6)
    assert waits == ([60_000] if stored < 5 else [])
    looks = [path for method, path, _ in race.asked if method == "GET"]
    assert looks == ["/passings/session/" + "10" * 32 + "?first=1&last=5"] * (
        2 if stored < 5 else 1
    )
    assert race.events("race_lookup")[-1] == {"first": 1, "last": 5, "there": stored}
    sent = [[one["num_passing"] for one in body["passings_list"]] for body in race.posts()]
    assert sent == [[1, 2, 3, 4, 5], *[list(range(stored + 1, 6))] * (stored < 5)]
    assert race.numbers() == [1, 2, 3, 4, 5]
    assert (race.race.progress.stored, race.race.progress.known) == (5 - stored, stored)


def test_a_second_lost_answer_is_looked_up_twice_as_well(make: MakeRace) -> None:
    """Each time that an answer is lost, two looks with a pause come before what lacks is sent again."""
    race = make(5, reads=True)
    race.script[POST] = [LOST, LOST]
    waits = race.send(lambda: race.race.progress.cursor == 6)
    methods = "".join(method[0] for method, path, _ in race.asked if path.startswith("/passings"))
    assert methods == "PGGPGGP"
    assert waits.count(60_000) == 2


@pytest.mark.parametrize(
    ("said", "reason"),
    [((200, {"result": 5}), "status 200"), ((200, {}), "status 200"), ((204, None), "status 204"),
     ((400, {"result": []}), "status 400"), ((503, None), "status 503")],
)  # fmt: skip
def test_a_list_that_cannot_be_read(make: MakeRace, said: Any, reason: str) -> None:
    """It proves nothing, neither that they are there nor that they are not: it is asked for again."""
    race = make(5, reads=True)
    race.script[POST] = [lose]
    race.script["GET", "passings"] = [said] * 2
    race.send(lambda: race.race.progress.cursor == 6)
    assert [one["reason"] for one in race.events("race_failed")] == ["cut", reason, reason]
    assert len(race.posts()) == 1
    assert race.race.progress.known == 5


def test_what_may_have_been_sent_before_a_restart(make: MakeRace) -> None:
    """Times are as they were frozen, and what is there is looked up before anything is sent."""
    race = make(3, reads=True)
    race.script[POST] = [lose]
    race.send(lambda: race.race.progress.unsure)
    first = race.posts()[0]
    race.boot()
    race.race.open("10 km")
    assert race.race.state["unsure"] == 3
    race.rows.pop()
    race.send(lambda: race.race.progress.cursor == 4)
    assert race.posts()[1]["passings_list"] == first["passings_list"][2:]


def test_why_nothing_is_sent(make: MakeRace) -> None:
    """Each reason has its name, and nothing is asked meanwhile."""
    race = make()
    device, sender = race.device, race.sender
    device.state = "unbound"
    sender.tick()
    assert sender.reason == "not_bound"
    device.state, key = "bound", device.key
    device.key = ""
    race.chip.sleep(200)
    sender.tick()
    assert sender.reason == "no_key"
    device.key = key
    assert race.asked == []
    race.chip.sleep(200)
    race.send(lambda: race.race.progress.cursor == 6)
    race.send(lambda: sender.reason != "")
    assert sender.reason == "idle"
    race.race.close()
    race.send()
    race.pass_by(1)
    race.chip.sleep(200)
    sender.tick()
    race.send(lambda: sender.reason != "")
    assert sender.reason == "no_session"


def test_nothing_is_asked_without_the_time(make: MakeRace) -> None:
    """A certificate cannot be judged by a calendar that stands before the reader was made."""
    race = make(timed=False)
    race.sender.sync_due = 1 << 62
    race.chip.unix = lambda: 0
    race.send(lambda: bool(race.events("race_failed")))
    failed = race.events("race_failed")[0]
    assert (failed["step"], failed["reason"]) == ("clock", "no_time")
    assert race.asked == []


def test_a_bug_is_named_and_tried_again(make: MakeRace, mocker: MockerFixture) -> None:
    """Ten seconds later it goes on, over a new connection; its words are told to nobody."""
    race = make()
    mocker.patch.object(race.sender, "online", side_effect=KeyError("secret"))
    race.sender.tick()
    while not race.sender.reason:
        race.sender.tick()
    assert race.sender.reason == "bug KeyError"
    assert race.events("failed") == [{"step": "race", "reason": "bug KeyError"}]
    assert race.sender._wait == 10_000
    mocker.stopall()


def test_words_of_the_cloud(make: MakeRace) -> None:
    """The first that is a text, without the key and what no console is to show."""
    race = make(0)
    key = race.device.key
    assert race.sender.words({b"description": "a\x1bb", b"message": "c"}) == "a b"
    assert race.sender.words({b"description": b"5", b"message": f"no {key}"}) == "no ..."
    assert race.sender.words({}) == ""


@pytest.mark.parametrize(
    ("given", "number", "told"),
    [(None, 100, False), (1, 1, False), (100, 100, False), (0, 1, True), (101, 100, True),
     ("7", 100, True)],
)  # fmt: skip
def test_a_setting_that_is_a_number(
    make: MakeRace, given: int | str | None, number: int, *, told: bool
) -> None:
    """Within its range it counts; outside the nearest does, for no number the default, and it is told."""
    race = make(0)
    settings = race.race.settings
    settings._values = {} if given is None else {"race.batch": given}
    assert settings._number("race.batch", BATCH) == number
    assert race.events("warning") == [{"what": "out_of_range race.batch"}] * told
    assert (settings.batch, settings.dead_us, settings.best, settings.mark) == (100, 0, 0, 1)
    assert settings.look_pause == 60_000
    settings._values = {"race.batch": "7"}
    assert settings._number("race.batch", (0, 1, 9)) == 1
