"""The journal of a lent board's owner: put away while others race on it, and given back."""

from __future__ import annotations

from types import SimpleNamespace

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
from startline_host.flows.notices import Listener, Remark
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.journal_summary import summarize_journal
from startline_host.util import counted

_STRETCH = 1 << 16
_SECTOR_SECONDS = 60.0
_WRITER = """
from esp32 import Partition
_race = Partition.find(Partition.TYPE_DATA, label='race')[0]
"""


def read_journal(repl: Repl, offset: int, size: int) -> bytes:
    """Return a journal's partition. Raises OSError or DeviceRaised where nobody may look."""
    return b"".join(
        read_flash(repl, offset + at, min(_STRETCH, size - at)) for at in range(0, size, _STRETCH)
    )


def journal_to_keep(repl: Repl, listen: Listener, left_by: str = "") -> bytes:
    """Return a device's journal as its owner is to have it back; nothing is changed on the device.

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
        return _blank(image)
    _check(image)
    return image


def erase_journal_partition(repl: Repl) -> None:
    """Make a journal's partition blank. Raises StorageFailed."""
    row = _row(read_facts(repl))
    _write(repl, row, b"\xff" * row.size)


def give_journal_back(repl: Repl, image: bytes) -> None:
    """Write a journal back as it was. Raises StorageFailed where it does not read back."""
    try:
        _write(repl, _row(read_facts(repl)), image)
    except (StorageFailed, DeviceRaised, OSError) as failed:
        raise StorageFailed(f"The owner's journal is not back on the board ({failed}).") from None


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
    if row.size != len(image):
        raise StorageFailed("the partition 'race' has another size by now")
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
