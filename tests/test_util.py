"""Text from devices, made fit for a terminal."""

from __future__ import annotations

import pytest

from startline_host.util import PatientDeadline, counted, device_text, printable

ALIAS = "Çıkış – Ñandú 起点"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain words", "plain words"),
        (ALIAS, ALIAS),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x00\x7f\x9bb", "a\\x00\\x7f\\x9bb"),
        ("tab\there", "tab here"),
    ],
)
def test_controls_are_shown_and_never_sent(raw: str, shown: str) -> None:
    """Letters of every alphabet pass; controls and text-turning marks become escapes."""
    assert printable(raw) == shown


def test_bytes_that_are_no_text_are_shown_too() -> None:
    """A device at another baud rate prints bytes that are no UTF-8, and they stay visible."""
    assert device_text(b"ok \xff\xfe \x1b]0;x\x07") == "ok \\xff\\xfe \\x1b]0;x\\x07"


def test_what_is_counted_is_one_or_several() -> None:
    """One has no plural; none and several have."""
    assert [counted(n, "new unit") for n in (0, 1, 2)] == [
        "0 new units",
        "1 new unit",
        "2 new units",
    ]


class _FakeComputer:
    """A clock whose processor gives this process one part in `share` of itself; waiting costs nothing."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def process_time(self) -> float:
        """Work for a moment; return how much was done in all."""
        self.now += 0.00001 * self.share
        return self.now / self.share


@pytest.mark.parametrize(
    ("share", "waited"), [(1.0, 5), (3.0, 5), (10.0, 50), (10_000.0, 100)],
    ids=["idle", "a little busy", "busy", "stands still"],
)  # fmt: skip
def test_a_busy_computer_waits_longer_for_a_device(
    share: float, waited: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds are five on an idle computer, as many times more as it is slower, and never more than a hundred."""
    computer = _FakeComputer(share)
    monkeypatch.setattr("startline_host.util.time", computer)
    deadline = PatientDeadline(5)
    seconds = 0
    while not deadline.expired:
        computer.now = 100.0 + seconds  # what the look itself took is no part of it
        seconds += 1
    assert seconds - 2 <= waited <= seconds
    assert deadline.over
    assert not deadline.remaining


def test_a_computer_that_becomes_slower_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the end of a longer wait its length is judged anew, until the computer is no slower than it was."""
    computer = _FakeComputer(5.0)
    monkeypatch.setattr("startline_host.util.time", computer)
    deadline = PatientDeadline(2)
    computer.now = 102.5
    assert not deadline.expired
    computer.share = 8.0
    computer.now = 110.5
    assert not deadline.expired
    assert deadline.over is False
    computer.share = 1.0
    computer.now = 117.0
    assert deadline.expired
