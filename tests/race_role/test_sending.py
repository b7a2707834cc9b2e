"""Sessions and passings reach a cloud over verified TLS once, whatever it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from startline_race.journal_format import PASSING, entries_of

from startline_host.device.console import Event
from startline_host.device.event_text import describe_event
from startline_host.device.race_text import race_reason
from startline_host.mock_cloud import MockCloud
from tests.objecting_server import objecting_server
from tests.race_role.racing import SECTOR, RacingReader

MakeRacer = Callable[..., RacingReader]


@pytest.fixture(scope="module")
def running_cloud() -> Iterator[MockCloud]:
    """Run one mock cloud for this file."""
    with MockCloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: MockCloud) -> MockCloud:
    """Give a cloud that knows no device yet."""
    running_cloud.reset()
    return running_cloud


@pytest.fixture
def make_racer(tmp_path: Path, race_lib: Path, cloud: MockCloud) -> MakeRacer:
    """Make readers that are provisioned for the cloud."""

    def make(key: str = "WRITE", **options: object) -> RacingReader:
        return RacingReader(tmp_path / f"racer-{key}", race_lib, cloud, key, **options)

    return make


def test_a_race(make_racer: MakeRacer) -> None:
    """A session is opened, 250 passings are sent once and in order, and it is closed."""
    racer = make_racer()
    racer.run("test_a_race")
    (session,) = racer.sessions()
    assert session["alias"].startswith("10 km sl.")
    assert not session["active"]
    assert racer.numbers(session) == list(range(1, 251))
    first = racer.passings(session)[0]
    assert first["chip"] == first["bib"] == "E2801160600002054C3A0000"
    assert first["timestamp"].startswith("2026-11-18T")


def all_once(racer: RacingReader, count: int) -> None:
    """Assert that the cloud has that many passings of one session, each once, and no other."""
    sessions = [session for session in racer.sessions() if session["passings"]]
    assert len(sessions) == 1
    assert racer.numbers(sessions[0]) == list(range(1, count + 1))


@pytest.mark.parametrize("key", ["WRITE", "READ_WRITE"])
@pytest.mark.parametrize(
    "fault",
    [
        "commit_then_dropx1@POST@/v0/passings",
        "dropx2@POST@/v0/passings",
        "status:503x1@POST@/v0/passings",
        "unavailable:1x1@POST@/v0/passings",
        "retry_after:1x1@POST@/v0/passings",
        "empty_answerx1@POST@/v0/passings",
        "null_answerx1@POST@/v0/passings",
        "broken_jsonx1@POST@/v0/passings",
        "junkx1@POST@/v0/passings",
        "captive_portalx1@POST@/v0/passings",
        "commit_then_status:502x1@POST@/v0/passings",
        "redirect:307x1@POST@/v0/passings",
        "length_too_longx1@POST@/v0/passings",
        "raw_junkx1@POST@/v0/passings",
        "huge_json:100000x1@POST@/v0/passings",
        "chunkedx9",
        "many_headers:60x9",
        "gateway_page:404x1@POST@/v0/passings",
        "commit_then_dropx1@POST@/v0/sessions",
        "dropx1@POST@/v0/sessions",
        "empty_answerx1@POST@/v0/sessions",
        "status:500x1@POST@/v0/sessions",
        "commit_then_dropx1@PATCH@/v0/sessions",
        "status:500x1@PATCH@/v0/sessions",
    ],
)
def test_faults(make_racer: MakeRacer, cloud: MockCloud, key: str, fault: str) -> None:
    """Whatever a cloud answers once, all passings are there once, and the session is closed."""
    racer = make_racer(key)
    if "@" not in fault:  # of any request; to be bound is another test's matter
        racer.life([])
    cloud.faults.turn_on(fault)
    try:
        racer.life(["10 km"], 130, limit_ms=40000)
    finally:
        cloud.faults.clear()
    all_once(racer, 130)
    assert not any(session["active"] for session in racer.sessions())
    assert racer.state["sent"] == 130
    assert len(cloud.trapped) == 0


def test_an_answer_that_is_forgotten(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """What was counted and could not be noted is looked up, and not sent again."""
    racer = make_racer("READ_WRITE")
    racer.run("test_answer_forgotten")
    posts = [one for one in cloud.requests if one.path == "/v0/passings" and one.method == "POST"]
    assert len(posts) == 1
    all_once(racer, 20)


def test_nothing_hurries_a_look(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """Neither closing nor a time has the second look come early: what was sent may still arrive."""
    racer = make_racer("READ_WRITE")
    racer.life([])
    cloud.faults.turn_on("dropx1@POST@/v0/passings")
    racer.run("test_nothing_hurries_a_look")
    assert cloud.requests.count("POST", "/v0/passings") == 1


def test_lost_answer_is_history(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """With a WRITE key the same bytes go out again, and what may have doubled is counted."""
    racer = make_racer()
    racer.life([])
    cloud.faults.turn_on("commit_then_dropx1@POST@/v0/passings")
    racer.life(["10 km"], 130)
    sent = [one for one in cloud.requests if one.path == "/v0/passings" and one.method == "POST"]
    assert [one.body for one in sent[:2]] == [sent[0].body] * 2
    all_once(racer, 130)


def test_a_lost_session_is_found_by_its_mark(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """With a key that reads no second session is opened when the answer was lost."""
    for key, count in (("READ_WRITE", 1), ("WRITE", 2)):
        cloud.reset()
        racer = make_racer(key)
        racer.life([])
        cloud.faults.turn_on("commit_then_dropx1@POST@/v0/sessions")
        racer.life(["10 km"], 5)
        assert len(racer.sessions()) == count
        all_once(racer, 5)


@pytest.mark.parametrize("key", ["WRITE", "READ_WRITE"])
def test_closed_elsewhere(make_racer: MakeRacer, cloud: MockCloud, key: str) -> None:
    """The rest of a session that somebody closed goes into one for the rest, numbers and all."""
    racer = make_racer(key)
    racer.life(["10 km"], 30, close=False, until="idle")
    racer.close_elsewhere()
    racer.life(["10 km"], 20)
    first, rest = racer.sessions()
    assert racer.numbers(first) == list(range(1, 31))
    assert racer.numbers(rest) == list(range(31, 51))
    assert rest["alias"].startswith("10 km (rest) sl.")
    assert any(event["state"] == "closed_elsewhere" for event in racer.told("race_session"))


def test_sessions_in_order(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """Sessions stored offline are opened one after the other, each when the last one is out."""
    racer = make_racer()
    racer.life([])
    cloud.faults.turn_on("status:503")
    racer.life(["10 km", "21 km", "kids"], 40, limit_ms=3000, until="answer status 503")
    cloud.faults.clear()
    racer.life([])
    sessions = racer.sessions()
    assert [one["alias"].split(" sl.")[0] for one in sessions] == ["10 km", "21 km", "kids"]
    for session in sessions:
        assert racer.numbers(session) == list(range(1, 41))
    calls = [one.path for one in cloud.requests if one.status == 201 and one.path != "/v0/devices"]
    assert calls == ["/v0/sessions", "/v0/passings"] * 3


def test_a_poisoned_passing_is_set_aside(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """One passing that the cloud refuses is found, kept and told; all others are there."""
    racer = make_racer()
    racer.run("test_poison", count=130, poison=77)
    (session,) = racer.sessions()
    assert racer.numbers(session) == [number for number in range(1, 131) if number != 77]


def test_an_operator_decides_what_becomes_of_it(make_racer: MakeRacer) -> None:
    """Passings that were set aside are sent once more, or let go, by an operator's command."""
    racer = make_racer()
    racer.run("test_commands", count=20, poison=7)
    (session,) = racer.sessions()
    assert racer.numbers(session) == list(range(1, 21))


def test_a_resend_that_was_stored_is_not_sent_again(
    make_racer: MakeRacer, cloud: MockCloud
) -> None:
    """A passing that was resent, and whose answer was lost, is found at the cloud by the next try."""
    racer = make_racer("READ_WRITE")
    racer.life(["10 km"], 3, close=False, until="idle")
    before = len(cloud.requests)
    cloud.faults.turn_on("commit_then_dropx1@POST@/v0/passings")
    racer.run("test_resend_lost")
    sent = [one for one in list(cloud.requests)[before:] if one.method == "POST"]
    assert [one.path for one in sent] == ["/v0/passings"]
    all_once(racer, 4)


def test_forbidden_stops(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """A key that may not: told once, and not asked again and again; nothing is lost."""
    racer = make_racer()
    racer.life(["10 km"], 3, close=False, until="idle")
    cloud.faults.turn_on("status:403")
    state = racer.life(["10 km"], 3, until="forbidden")
    cloud.faults.clear()
    assert state["waiting"] == 3
    assert [one["reason"] for one in racer.told("race_stopped")] == ["forbidden"]
    racer.life([])
    all_once(racer, 6)


def test_what_a_server_objects_to_is_in_the_reason(tmp_path: Path, race_lib: Path) -> None:
    """A server that ends the handshake says why by a number: it is reported, and told in words."""
    with MockCloud() as own:
        racer = RacingReader(tmp_path / "racer", race_lib, own)
        racer.life(["10 km"], 3, close=False, until="idle")
    with objecting_server(own.port):
        racer.life(["10 km"], 3, until="tls alert 70")
    (reason,) = {one["reason"] for one in racer.told("race_failed")}
    assert reason == "alert 70"
    words = race_reason(f"tls {reason}").removeprefix("TLS: ")
    assert "70" not in words
    said = describe_event(Event("race_failed", 1, 2, {"step": "tls", "reason": reason}))
    assert said == f"race: TLS failed ({words})"
    assert "CA that the device does not know" in race_reason("tls unknown_ca")


def test_too_large_is_halved(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """413 halves the batches."""
    racer = make_racer()
    racer.life([])
    cloud.faults.turn_on("status:413x3@POST@/v0/passings")
    racer.life(["10 km"], 130)
    cloud.faults.clear()
    all_once(racer, 130)


def test_ten_thousand(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """10,000 passings stored offline in one life and sent in another are there once, in order."""
    racer = make_racer()
    racer.run("test_store_offline", count=10_000)
    racer.run("test_send_the_rest")
    all_once(racer, 10_000)
    times = [passing["timestamp"] for passing in racer.passings(racer.sessions()[0])]
    assert times == sorted(times)


def test_live(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """Passings that come while others are being sent are all there, by one connection."""
    racer = make_racer()
    racer.life([])
    before = cloud.connections
    racer.run("test_live", count=300)
    assert cloud.connections == before + 1
    all_once(racer, 300)


def test_the_strongest_sighting_is_sent(make_racer: MakeRacer) -> None:
    """With the best of the repeats wanted, one passing goes out, with the strongest one's time."""
    racer = make_racer()
    text = racer.run("test_best")
    times = json.loads(next(line[6:] for line in text.splitlines() if line.startswith("TIMES ")))
    (session,) = racer.sessions()
    (passing,) = racer.passings(session)
    at = datetime.fromisoformat(passing["timestamp"]).timestamp() * 1000
    assert min(times, key=lambda one: abs(one - at)) == times[1]


def test_a_hundred_and_fifty_a_second(make_racer: MakeRacer) -> None:
    """At 150 passings a second, while sending is at work and the link goes, none is lost."""
    racer = make_racer()
    racer.run("test_rate", count=900)
    all_once(racer, 900)


def test_another_boards_journal_is_never_sent(make_racer: MakeRacer, cloud: MockCloud) -> None:
    """Passings of a journal that another serial number wrote stay, and go out under no other name."""
    racer = make_racer()
    racer.life([])
    racer.run("test_store_offline", count=10)
    racer.become("DEVICE-124")
    racer.life(["21 km"], 5)
    assert [len(racer.sessions(number)) for number in (0, 1)] == [0, 1]
    assert racer.numbers(racer.sessions(1)[0]) == [1, 2, 3, 4, 5]
    raw = (racer.folder / "race").read_bytes()
    sectors = [raw[at : at + SECTOR] for at in range(0, len(raw), SECTOR)]
    kinds = [kind for sector in sectors for kind, _ in entries_of(sector)]
    assert kinds.count(PASSING) == 15
