"""What a first boot's events come to: one outcome, one sentence, one exit code."""

from __future__ import annotations

from typing import Any

import pytest

from startline_host.device.console import Event
from startline_host.errors import (
    BadInput,
    Bug,
    ClockWrong,
    NetworkFailed,
    OutcomeUnknown,
    RefusedByCloud,
    StartlineError,
    StorageFailed,
    TimedOut,
    TlsFailed,
)
from startline_host.flows.first_boot import read_outcome


def events(*said: tuple[str, dict[str, Any]]) -> list[Event]:
    """Number the events as a device does."""
    return [Event(name, number, 10 * number, fields) for number, (name, fields) in enumerate(said)]


def failed(step: str, reason: str) -> tuple[str, dict[str, Any]]:
    """Say that a step failed."""
    return "failed", {"step": step, "reason": reason, "next_ms": 0}


def ready(state: str, reason: str = "", token: str = "") -> tuple[str, dict[str, Any]]:
    """Say how it ended."""
    return "ready", {"state": state, "reason": reason, "token": token, "serial": "S1"}


def test_a_bound_device_is_no_error() -> None:
    """A device that ends bound gives its token and no error, whatever failed on the way."""
    outcome = read_outcome(
        events(
            ("identity", {"base_url": "https://cloud/v0"}),
            failed("link", "no_such_network"),
            ready("bound", token="A1"),
        )
    )
    assert outcome.error() is None
    assert (outcome.token, outcome.serial, outcome.base_url) == ("A1", "S1", "https://cloud/v0")


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            [failed("tls", "unknown_ca"), ready("unbound")],
            TlsFailed,
            "CA that the device does not",
        ),
        ([failed("tls", "wrong_host"), ready("unbound")], TlsFailed, "for another host name"),
        ([failed("tls", "expired"), ready("unbound")], TlsFailed, "has expired"),
        ([failed("tls", "not_yet_valid"), ready("unbound")], TlsFailed, "not valid yet"),
        (
            [failed("clock", "clock_before_made_at"), ready("unbound")],
            ClockWrong,
            "before the dev",
        ),
        ([failed("clock", "no_time"), ready("unbound")], ClockWrong, "no time server"),
        ([failed("link", "wrong_password"), ready("unbound")], NetworkFailed, "wrong password"),
        ([failed("dns", "no_address"), ready("unbound")], NetworkFailed, "resolve"),
        ([failed("connect", "refused"), ready("unbound")], NetworkFailed, "connect"),
        ([failed("storage", "read_back"), ready("unbound")], StorageFailed, "flash"),
        ([failed("answer", "429"), ready("unbound")], RefusedByCloud, "put the device off"),
        ([ready("refused", "Bad request")], RefusedByCloud, "Bad request"),
        ([ready("unknown", "timeout")], OutcomeUnknown, "timeout"),
        ([ready("unprovisioned", "missing claim.key")], BadInput, "missing claim.key"),
        ([failed("identity", "bug TypeError"), ready("unbound")], Bug, "bug TypeError"),
        ([ready("unbound")], TimedOut, "still not bound"),
    ],
)
def test_every_other_end_has_its_error(
    said: list[tuple[str, dict[str, Any]]], kind: type[StartlineError], words: str
) -> None:
    """The error's kind tells the step that failed last, and its words tell why."""
    error = read_outcome(events(*said)).error()
    assert type(error) is kind
    assert words in error.message


def test_only_the_last_failure_counts() -> None:
    """A step that was got over is not blamed."""
    said = [failed("link", "slow"), failed("tls", "expired"), ready("unbound")]
    assert isinstance(read_outcome(events(*said)).error(), TlsFailed)


def test_the_clouds_words_reach_no_terminal_raw() -> None:
    """Control characters in a reason are shown as escapes."""
    error = read_outcome(events(ready("refused", "no\x1b[2J"))).error()
    assert error is not None
    assert "\x1b" not in error.message
