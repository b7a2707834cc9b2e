"""What is kept of an answer, and what follows from one that is no token."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from startline.net.bind_request import BindAnswer
from startline.net.outcome import next_step, report_limit
from startline.roles import find_cloud


class Attempt:
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
    attempt = Attempt()
    transport = SimpleNamespace(retry_after=retry_after)
    assert next_step(attempt, transport, state, 2) == wait
    assert attempt.events == [("wait", {"next_ms": wait, "reason": "retry_after"})] * bool(wait)


def test_pauses_of_a_server_that_always_puts_off() -> None:
    """Chance adds up to as much again, and the third pause is at least four seconds."""
    transport = SimpleNamespace(retry_after=b"1")
    waits = [next_step(Attempt(chance, 3), transport, "unbound", 1) for chance in (0, 128, 255)]
    assert waits == [4000, 6007, 7999]


def test_an_answer_that_no_copy_holds() -> None:
    """It is as if there were none: unknown, with the reason, and nothing is asked or looked for."""
    attempt = Attempt()
    assert next_step(attempt, SimpleNamespace(retry_after=b""), "unbound", 0) is None
    assert (attempt.device.state, attempt.device.reason) == ("unknown", "storage unwritten")
    failed = {"step": "storage", "reason": "unwritten", "next_ms": 0}
    assert attempt.events == [("failed", failed)]


@pytest.mark.parametrize(
    ("before", "after"), [("", "boot_limit"), ("dns not_found", "dns not_found")]
)
def test_a_limit_is_the_reason_where_there_is_no_other(before: str, after: str) -> None:
    """Every rest has a reason, and a better one stays."""
    attempt = Attempt()
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


def test_a_web_page_is_none_of_a_clouds_words() -> None:
    """What is no JSON is shown as it is, but a page only by what it is, and a bare value not at all."""
    said = {}
    for body in (b"<html>login</html>", b"Bad gateway", b"null", b"-12.5", b""):
        answer = BindAnswer(find_cloud("rufus"))
        answer.read(body)
        said[body] = answer.meaning(400, ())[2]
    assert list(said.values()) == ["web_page", "Bad gateway", *["status 400"] * 3]
