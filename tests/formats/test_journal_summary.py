"""What stands where a journal of passings should be, as a dump has it."""

from __future__ import annotations

from random import Random

from startline_host.formats.flash_dump import FlashDump
from startline_host.formats.journal_summary import summarize_journal

_SIZE = 0x10000


def notes_of(data: bytes) -> list[str]:
    """Sum up a partition that holds no journal; return what is noted of it."""
    notes: list[str] = []
    assert summarize_journal(FlashDump({0: data}, len(data)).part(0, len(data)), notes) is None
    return notes


def test_what_is_no_journal_is_noted() -> None:
    """Bytes that no reader can be told by are not passed over in silence; blank flash is."""
    assert notes_of(b"\xff" * _SIZE) == []
    damaged = ["race: no journal, or one that is damaged throughout"]
    assert notes_of(Random(5).randbytes(_SIZE)) == damaged
    assert notes_of(bytes(_SIZE)) == damaged
