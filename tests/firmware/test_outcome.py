"""What is kept of an answer, and what follows from one that is no token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_mock import MockerFixture
from startline.net.bind_request import BindAnswer
from startline.net.outcome import next_step, printable, report_limit
from startline.roles import find_cloud


class MadeAttempt:
    """A binding that has made its first request."""

    def __init__(self, chance: int = 0, requests: int = 1) -> None:
        self.device = SimpleNamespace(state="", reason="")
        self.chip = SimpleNamespace(
            unix=lambda: 1_800_000_000, random=lambda count: bytes((chance,) * count)
        )
        self.requests = requests
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, name: str, fields: dict[str, Any]) -> None:
        """Note an event."""
        self.events.append((name, fields))


@pytest.mark.parametrize(
    ("state", "retry_after", "wait"),
    [
        ("refused", b"", None),
        ("refused", b"7", None),
        ("unknown", b"", 0),
        ("unknown", b"7", 7000),
        ("unbound", b"7", 7000),
        ("unbound", b"", 30_000),
        ("unbound", b"soon", 30_000),
    ],
)
def test_when_to_go_on(state: str, retry_after: bytes, wait: int | None) -> None:
    """A refusal is not asked again whatever its answer says; a look is made at once, or when told."""
    attempt = MadeAttempt()
    transport = SimpleNamespace(retry_after=retry_after)
    assert next_step(attempt, transport, state, 2) == wait
    assert attempt.events == [("wait", {"next_ms": wait, "reason": "retry_after"})] * bool(wait)


def test_pauses_of_a_server_that_always_puts_off() -> None:
    """Chance adds up to as much again, and the third pause is at least four seconds."""
    transport = SimpleNamespace(retry_after=b"1")
    waits = [
        next_step(MadeAttempt(chance, 3), transport, "unbound", 1) for chance in (0, 128, 255)
    ]
    assert waits == [4000, 6007, 7999]


def test_an_answer_that_no_copy_holds() -> None:
    """It is as if there were none: unknown, with the reason, and nothing is asked or looked for."""
    attempt = MadeAttempt()
    assert next_step(attempt, SimpleNamespace(retry_after=b""), "unbound", 0) is None
    assert (attempt.device.state, attempt.device.reason) == ("unknown", "storage unwritten")
    failed = {"step": "storage", "reason": "unwritten", "next_ms": 0}
    assert attempt.events == [("failed", failed)]


@pytest.mark.parametrize(
    ("before", "after"), [("", "boot_limit"), ("dns not_found", "dns not_found")]
)
def test_a_limit_is_the_reason_where_there_is_no_other(before: str, after: str) -> None:
    """Every rest has a reason, and a better one stays."""
    attempt = MadeAttempt()
    attempt.device.reason = before
    report_limit(attempt, 3000, "boot_limit")
    assert attempt.device.reason == after
    assert attempt.events == [("rest", {"reason": "boot_limit", "next_ms": 3000})]


@pytest.mark.parametrize("piece", [b'"' + b"x" * 300 + b'",', b'"' + b"x" * 3000 + b'",', b'"x",'])
def test_what_is_kept_of_an_answer_is_bounded(piece: bytes) -> None:
    """However much a cloud says, and in however many texts, a few hundred bytes of it are kept."""
    answer = BindAnswer(find_cloud("rufus"))
    for part in (b'{"message":[', *[piece] * 1000, b'""]}'):
        answer.read(part)
    assert answer.closed
    assert len(answer.start) < 4000
    assert 400 <= len(answer.said[b"message"]) < 1500
    assert 90 < len(answer.meaning(400, ())[2]) <= 96


def test_what_is_kept_is_full_at_its_limit() -> None:
    """Where the first text fills all the room there is, the next one is not kept."""
    answer = BindAnswer(find_cloud("rufus"))
    answer.read(b'{"message":["' + b"x" * 400 + b'","y"]}')
    assert answer.said[b"message"] == b"x" * 400


@pytest.mark.parametrize("value", [b"{}", b"[]", b'["A"]'])
def test_what_has_parts_is_no_token(value: bytes) -> None:
    """Whatever a cloud takes for its token, it is asked about texts and words alone."""
    answer = BindAnswer(SimpleNamespace(TOKEN=b"id", WORDS=(), canonical=str))
    answer.read(b'{"id":%s}' % value)
    assert answer.tokens == [""]


def test_a_web_page_is_none_of_a_clouds_words() -> None:
    """What is no JSON is shown as it is, but a page only by what it is, and a bare value not at all."""
    said = {}
    for body in (b"<html>login</html>", b"Bad gateway", b"null", b"-12.5", b""):
        answer = BindAnswer(find_cloud("rufus"))
        answer.read(body)
        said[body] = answer.meaning(400, ())[2]
    assert list(said.values()) == ["web_page", "Bad gateway", *["status 400"] * 3]


@pytest.mark.parametrize("rest", [b"", b"\xc0", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"])
def test_a_text_that_was_cut_in_a_character_is_read_up_to_it(rest: bytes) -> None:
    """The words before a character that was cut, or never was one, keep their own letters."""
    assert printable("caf\u00e9 ".encode() + rest) == "caf\u00e9"


def test_a_reason_that_finds_no_memory_settles_nothing_less(mocker: MockerFixture) -> None:
    """What becomes of a device is what the status says, also where there is no room for its words."""
    mocker.patch("startline.net.outcome.refusal_reason", side_effect=MemoryError)
    answer = BindAnswer(find_cloud("rufus"))
    answer.read(b'{"description":"no such model"}')
    assert answer.meaning(400, ()) == ("refused", "", "no_memory")


def test_a_token_in_what_is_said_to_people_is_none() -> None:
    """A text that is cut counts as the answer where it is the body alone, and in no other place."""
    token = "A1" * 32
    inner = b'{\\"deviceid\\":\\"%s\\"' % token.encode()
    for begin, state in (b'{"body":"', "bound"), (b'"', "bound"), (b'{"description":"', "unknown"):
        answer = BindAnswer(find_cloud("rufus"))
        answer.read(begin + inner)
        assert answer.meaning(201, ())[0] == state, begin


def test_what_comes_behind_something_that_is_no_json_says_nothing() -> None:
    """Once an answer is none, a token in what follows is not taken; one that came before is."""
    token = b'"' + b"A1" * 32 + b'"'
    for body, state in (
        (b'{"deviceid":' + token + b', 5 :"' + token, "bound"),
        (b'{"deviceid" 5 :' + token + b"}", "unknown"),
    ):
        answer = BindAnswer(find_cloud("rufus"))
        for code in body:
            answer.read(bytes((code,)))
        assert answer.meaning(201, ())[0] == state, body


def test_a_token_that_is_said_again_is_one() -> None:
    """The same token twice, and a null or an empty text beside it, are no second one."""
    token = b'"deviceid":"' + b"A1" * 32 + b'"'
    for beside in (
        token,
        b'"deviceid":null',
        b'"deviceid":""',
    ):
        for body in (token + b",%s" % beside, b"%s,%s" % (beside, token)):
            answer = BindAnswer(find_cloud("rufus"))
            answer.read(b"{" + body + b"}")
            assert answer.meaning(201, ()) == ("bound", "A1" * 32, ""), body
    many = BindAnswer(find_cloud("rufus"))
    for number in range(50):
        many.read(b'{"deviceid":"%064d"}' % number)
    assert len(many.tokens) == 3


@pytest.mark.parametrize(("status", "reason"), [(200, "no_token"), (201, "no_token"), (202, "x")])
def test_a_good_answer_without_a_token_is_named(status: int, reason: str) -> None:
    """What a cloud says beside a status that binds does not hide that the token is missing."""
    answer = BindAnswer(find_cloud("rufus"))
    answer.read(b'{"description":"x"}')
    assert answer.meaning(status, ()) == ("unknown", "", reason)
