"""What a race journal holds, read by the device's own code from the bytes of its partition."""

from __future__ import annotations

import msgspec
from startline_race.journal import Journal
from startline_race.journal_format import HEADER_SIZE, SECTOR, NewerFormat, unpack_header
from startline_race.progress import Progress

from startline_host.errors import BadInput
from startline_host.formats.flash_dump import DumpPart


class JournalSummary(msgspec.Struct, frozen=True):
    """How many passings were ever stored, and how many of them are not at the cloud yet.

    Of those, `aside` are set aside. `owners` are the devices that have stored what it holds, as its
    sectors name them.
    """

    stored: int
    waiting: int
    aside: int = 0
    owners: frozenset[bytes] = frozenset()


def summarize_journal(part: DumpPart, notes: list[str] | None = None) -> JournalSummary | None:
    """Read a journal's headers and its newest sector; None for a partition that holds none.

    One that is not blank either is told in `notes`, if given. Raises BadInput for a journal of a
    later agent.
    """
    found = open_journal(part)
    if found is None:
        if notes is not None and part.all().strip(b"\xff"):
            notes.append("race: no journal, or one that is damaged throughout")
        return None
    journal, progress = found
    headers = (part.read(at, HEADER_SIZE) for at in range(0, part.size, SECTOR))
    owners = frozenset(header[3] for header in map(unpack_header, headers) if header)
    waiting = journal.number - progress.cursor
    return JournalSummary(journal.number - 1, waiting, progress.aside_count(), owners)


def open_journal(part: DumpPart) -> tuple[Journal, Progress] | None:
    """Open a journal as the device that wrote its newest sector does; None where there is none.

    Raises BadInput for a journal of a later agent.
    """
    try:
        journal = Journal(part, b"")
        journal.open()
        if journal.head < 0:
            return None
        header = unpack_header(part.read(journal.head * SECTOR, HEADER_SIZE))
        journal = Journal(part, header[3] if header else b"")
        journal.open()
        progress = Progress(journal)
        progress.load()
    except NewerFormat as newer:
        raise BadInput(
            f"{newer}.".capitalize(), "Read it with the startline that wrote it, or a later one."
        ) from None
    return journal, progress
