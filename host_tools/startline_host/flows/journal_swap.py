"""The journal of a lent board's owner: put away while others race on it, and given back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
from startline_race.journal_format import SECTOR
from startline_race.settings import owner_of

from startline_host.device.flash_access import read_flash
from startline_host.device.partition_access import (
    DeviceFacts,
    DevicePartition,
    differing_blocks,
    read_facts,
)
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, StorageFailed
from startline_host.flows.backup import save_files
from startline_host.flows.notices import Listener, Remark
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.journal_summary import summarize_journal
from startline_host.util import counted

_STRETCH = 1 << 16
_SECTOR_SECONDS = 60.0
#: The file's name in the ZIP: a dump that `startline race --dump` takes.
_NAME = "race.bin"
_WRITER = """
from esp32 import Partition
_race = Partition.find(Partition.TYPE_DATA, label='race')[0]
"""


class PutAwayJournal(msgspec.Struct, frozen=True):
    """A partition as it was, and the ZIP that holds it until it is back; None for a blank one."""

    image: bytes
    saved: Path | None = None


def read_journal(repl: Repl, offset: int, size: int) -> bytes:
    """Return a journal's partition. Raises OSError or DeviceRaised where nobody may look."""
    return b"".join(
        read_flash(repl, offset + at, min(_STRETCH, size - at)) for at in range(0, size, _STRETCH)
    )


def save_journal(repl: Repl, listen: Listener, left_by: str = "") -> PutAwayJournal:
    """Save a device's journal on this computer; nothing is changed on the device.

    What a borrower's unit of the serial number `left_by` has stored is not kept. Raises BadInput for
    a journal that holds what is at no cloud, or that cannot be judged.
    """
    facts = read_facts(repl)
    row = _row(facts)
    image = read_journal(repl, row.offset, row.size)
    if left_by and _is_all_of(image, left_by, facts):
        listen(
            Remark("An earlier race day left its passings here: they are erased.", warning=True)
        )
        return PutAwayJournal(_blank(image))
    _check(image)
    if image == _blank(image):
        return PutAwayJournal(image)
    saved = save_files(facts.mac.replace(":", "-"), {f"/{_NAME}": image})
    listen(Remark(f"Put away meanwhile, the owner's journal of passings: {saved}"))
    return PutAwayJournal(image, saved)


def erase_journal_partition(repl: Repl) -> None:
    """Make a journal's partition blank. Raises StorageFailed."""
    row = _row(read_facts(repl))
    _write(repl, row, b"\xff" * row.size)


def give_journal_back(repl: Repl, kept: PutAwayJournal) -> None:
    """Write a journal back as it was. The ZIP goes once it reads back.

    Raises StorageFailed, which names the ZIP.
    """
    try:
        _write(repl, _row(read_facts(repl)), kept.image)
    except (StorageFailed, DeviceRaised, OSError) as failed:
        where = f"It is in {kept.saved}." if kept.saved else "It was blank: erase it."
        raise StorageFailed(
            f"The owner's journal is not back on the board ({failed}).", where
        ) from None
    if kept.saved is not None:
        kept.saved.unlink(missing_ok=True)


def _row(facts: DeviceFacts) -> DevicePartition:
    return next(row for row in facts.rows if row.name == "race")


def _blank(image: bytes) -> bytes:
    return b"\xff" * len(image)


def _is_all_of(image: bytes, serial: str, facts: DeviceFacts) -> bool:
    """Tell whether a unit of that serial number has stored all of a journal on this chip."""
    found = summarize_journal(partition_reader(image))
    mac = bytes.fromhex(facts.mac.replace(":", ""))
    owner = owner_of(SimpleNamespace(serial=serial, mac=mac))
    return found is not None and found.owners == {owner}


def _check(image: bytes) -> None:
    """Raise BadInput unless all of a journal is at its cloud."""
    found = summarize_journal(partition_reader(image))
    if found is None:
        if image != _blank(image):
            raise BadInput(
                "The board's journal of passings cannot be read. It was left as it is.",
                "Save its flash (esptool read-flash 0 ALL dump.bin), then: startline race erase "
                "--interrupt --lose.",
            )
        return
    unsent = found.waiting + found.aside
    if unsent or len(found.owners) > 1:
        held = f"{counted(unsent, 'passing')} that {'is' if unsent == 1 else 'are'} at no cloud"
        raise BadInput(
            "The board's journal holds "
            f"{held if unsent else 'passings of several readers'}. It was left as it is.",
            "Let the reader send them, or export them (startline race export --interrupt --out "
            "FILE) and then erase the journal: startline race erase --interrupt --lose.",
        )


def _write(repl: Repl, row: DevicePartition, image: bytes) -> None:
    """Bring the partition to an image, sector by sector. Raises StorageFailed."""
    there = read_journal(repl, row.offset, row.size)
    repl.define(_WRITER)
    for block in differing_blocks(there, image):
        data = image[block * SECTOR : (block + 1) * SECTOR]
        if data.strip(b"\xff"):
            repl.run(f"_race.writeblocks({block}, {repl.packed(data)})", _SECTOR_SECONDS)
        else:
            repl.run(f"_race.ioctl(6, {block})", _SECTOR_SECONDS)
    if read_journal(repl, row.offset, row.size) != image:
        raise StorageFailed("the partition 'race' does not read back as it was written")
