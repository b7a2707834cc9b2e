"""How notices are shown: to a person, and to a program."""

from __future__ import annotations

import io
import json

from rich.console import Console

from startline_host.device.bootloader import TransferProgress
from startline_host.device.console import ConsoleLine, Event
from startline_host.flows.notice_view import ConsoleNoticeView, JsonNoticeView
from startline_host.flows.notices import Notice, Remark, Step

NOTICES: list[Notice] = [
    Step("Writing the flash"),
    TransferProgress("write", 10, 100),
    Remark("Something is odd.", warning=True),
    ConsoleLine(b"[red]not markup\x1b[2J"),
    Event("tls", 3, 1234, {"phase": "failed", "reason": "wrong_host"}),
    Event("made_up\x1b[31m", 4, 2000, {}),
    Event("ready", 5, 2100, {"state": "bound"}),
]


def test_a_person_reads_lines_without_controls() -> None:
    """Off a terminal there are plain lines: no colours, no bars, nothing of a device's own."""
    out = io.StringIO()
    with ConsoleNoticeView(Console(file=out, width=100)) as view:
        for notice in NOTICES:
            view(notice)
    assert out.getvalue().splitlines() == [
        "Writing the flash ...",
        "  Something is odd.",
        "              [red]not markup\\x1b[2J",
        "     1.234 s  TLS: failed (the cloud's certificate is for another host name)",
        "     2.000 s  made up\\x1b[31m",
        "     2.100 s  ready: bound",
    ]


def test_a_terminal_shows_a_bar_and_takes_it_away() -> None:
    """On a terminal a transfer has a bar, which is gone once it is over."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, color_system=None)
    with ConsoleNoticeView(console) as view:
        view(TransferProgress("write", 50, 100))
        view(Remark("done"))
    assert "write" in out.getvalue()
    assert "50/100 bytes" in out.getvalue()
    assert out.getvalue().rstrip().endswith("done")


def test_a_program_reads_one_object_a_line() -> None:
    """Every notice is a JSON object of its kind, in ASCII."""
    lines: list[str] = []
    with JsonNoticeView(lines.append) as view:
        for notice in NOTICES:
            view(notice)
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["progress"] * 3 + ["event"] * 4
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert json.loads(lines[4])["fields"] == {"phase": "failed", "reason": "wrong_host"}
