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


@pytest.mark.parametrize(
    ("step", "reason", "words"),
    [
        ("tls", "unknown_ca", "Does [tls] ca of the settings name the CA that issued it"),
        ("tls", "unknown_ca", "startline provision --serial S1"),
        ("tls", "wrong_host", "Is claim.base_url right?"),
        ("tls", "alert 48", "startline retry"),
        ("link", "wrong_password", "startline set --ssid NAME"),
        ("dns", "not_found", "startline inspect"),
        ("connect", "econnreset", "is its port open"),
        ("clock", "no_time", "startline set --ntp HOST"),
    ],
)
def test_each_step_that_failed_names_the_setting_and_the_command(
    step: str, reason: str, words: str
) -> None:
    """What to look at, and what to type, stand below what went wrong."""
    error = read_outcome(events(failed(step, reason), ready("unbound"))).error()
    assert error is not None
    assert error.hint.startswith("Nothing was bound. ")
    assert words in error.hint


def test_a_foreign_record_is_not_left_to_the_list_alone() -> None:
    """No list settles whose flash it is: clearing the record is named beside looking."""
    error = read_outcome(events(ready("unknown", "foreign_record"))).error()
    assert error is not None
    assert "startline reset" in error.hint


def test_only_the_last_failure_counts() -> None:
    """A step that was got over is not blamed."""
    said = [failed("link", "slow"), failed("tls", "expired"), ready("unbound")]
    assert isinstance(read_outcome(events(*said)).error(), TlsFailed)


def test_the_clouds_words_reach_no_terminal_raw() -> None:
    """Control characters in a reason are shown as escapes."""
    error = read_outcome(events(ready("refused", "no\x1b[2J"))).error()
    assert error is not None
    assert "\x1b" not in error.message


def test_the_clouds_words_end_with_one_full_stop() -> None:
    """Clouds end their words as they like, and the sentence around them ends once."""
    for words in ("This key may not do that.", "This key may not do that"):
        error = read_outcome(events(ready("refused", words))).error()
        assert error is not None
        assert error.message == "The cloud refused the device: This key may not do that."
