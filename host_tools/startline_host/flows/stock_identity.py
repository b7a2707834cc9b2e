"""Tells a device with a stock partition table who it is: entries of its own `nvs`, over its prompt.

`esp32.NVS` knows blobs and 32-bit numbers only, so every text becomes a blob.
"""

from __future__ import annotations

import msgspec

from startline_host.device.partition_access import read_partition
from startline_host.device.raw_repl import DeviceRaised
from startline_host.device.repl import Repl
from startline_host.errors import BadInput, StorageFailed
from startline_host.flows.firmware_bundle import Provision
from startline_host.flows.load_request import LoadReport
from startline_host.flows.notices import Remark
from startline_host.formats.factory_partition import make_entries
from startline_host.formats.flash_dump import partition_reader
from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.formats.stored_settings import NAMESPACES

_SLOW = 30.0
_MAX_NUMBER = (1 << 31) - 1

_WRITER = """
import esp32
def _tell(space, key, value):
    n = esp32.NVS(space)
    if value is None:
        n.erase_key(key)
    elif isinstance(value, int):
        n.set_i32(key, value)
    else:
        n.set_blob(key, value)
    n.commit()
"""

Name = tuple[str, str]
Values = dict[Name, bytes | int]


class StockEntries(msgspec.Struct, frozen=True):
    """Entries of an `nvs` under the host's namespaces: those there are, and as they shall be."""

    there: Values
    wanted: Values

    # They hold keys.
    def __repr__(self) -> str:
        return f"StockEntries({len(self.there)} there, {len(self.wanted)} wanted)"


STOCK_TABLE = Remark(
    "The device keeps its stock partition table: it is told everything in nvs, and keeps "
    "one copy of its record there."
)


def stock_entries(provision: Provision, nvs: bytes, today: int) -> StockEntries:
    """Return what a unit is told in an `nvs`; made `today` if nothing tells when it was made.

    Raises BadInput for what no entry can hold.
    """
    there = _entries(nvs)
    return StockEntries(there, _wanted(provision, there, today))


def write_stock_identity(repl: Repl, entries: StockEntries) -> LoadReport:
    """Write what differs from the entries in `nvs`, and take away what the unit is not told.

    Raises StorageFailed where `nvs` is full or does not read back.
    """
    there, wanted = entries.there, entries.wanted
    sent = same = 0
    repl.define(_WRITER)
    for name, value in wanted.items():
        if there.get(name) == value:
            same += _size(value)
        else:
            sent += _tell(repl, name, value)
    for name in there.keys() - wanted.keys():
        sent += _tell(repl, name, None)
    if sent and _entries(read_partition(repl, "nvs")) != wanted:
        raise StorageFailed(
            "What was written to the device's nvs does not read back.",
            "Run the command again. If it fails again, the flash is worn.",
        )
    return LoadReport(regions=("nvs",) if sent else (), sent=sent, same=same)


def _wanted(provision: Provision, there: Values, today: int) -> Values:
    """Return every entry as it is to stand there; a unit keeps the time of its making."""
    unit = provision.unit
    if not unit.made_at:
        made_at = there.get(("factory", "made_at"))
        known = there.get(("factory", "serial")) == unit.serial.encode()
        when = made_at if known and isinstance(made_at, int) else today
        unit = msgspec.structs.replace(unit, made_at=when)
    found: Values = {}
    for entry in make_entries(unit, provision.settings):
        value = entry.plain()
        if isinstance(value, int) and value > _MAX_NUMBER:
            raise BadInput(f"{entry.namespace}.{entry.key} is too large for a stock nvs.")
        found[entry.namespace, entry.key] = value.encode() if isinstance(value, str) else value
    return found


def _entries(nvs: bytes) -> Values:
    """Return what stands under the host's namespaces; of two of one name the later counts."""
    part = partition_reader(nvs)
    reader = NvsLookup(part.read, part.size)
    found: Values = {}
    for space, key, place in reader:
        value = reader.value(place)
        if space in NAMESPACES and value is not None:
            found[space, key] = value.encode() if isinstance(value, str) else value
    return found


def _tell(repl: Repl, name: Name, value: bytes | int | None) -> int:
    """Set or erase one entry, and return the bytes sent for it."""
    space, key = name
    shown = repl.packed(value) if isinstance(value, bytes) else repr(value)
    try:
        repl.run(f"_tell({space!r}, {key!r}, {shown})", _SLOW)
    except (OSError, DeviceRaised):
        # What the device says may repeat the value, which may be a key.
        raise StorageFailed(
            f"The device could not keep {space}.{key} in its nvs.",
            "Is its nvs full? Load it with our partition table instead: startline flash.",
        ) from None
    return len(shown)


def _size(value: bytes | int) -> int:
    return len(value) if isinstance(value, bytes) else 4
