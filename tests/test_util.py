"""Text from devices, made fit for a terminal."""

from __future__ import annotations

import pytest

from startline_host.util import counted, device_text, printable

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
