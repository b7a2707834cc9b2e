"""What befalls a partition while the power is off: lost, spoilt, filled, worn, or to be erased.

A spec names them with the partition: `loss` (every bit is set), `spoil` (each record in `bind` is
broken in its middle), `fill` (an application has filled `nvs`), `erase` (the port finds a newer
version of NVS at its next start, and erases the partition itself), `wear` (from now on every other
bit does not take what is programmed). `flip` is a list of single bits that turn over, see
`bit_flips`; `level` gives both copies the same generation, whatever else they say, as flash does
that was put together from two backups.
"""

from struct import pack

from flash import PowerSource
from runtime.nvs import NvsStore
from runtime.nvs_errors import NvsError
from runtime.nvs_page import I32, checksum

from . import bit_flips, records
from .flash_view import newest_slot
from .power_plan import LifeFlash

KINDS = ("loss", "spoil", "fill", "erase", "wear")
_SLOT = 512
_MIDDLE = 50
_NEWER = 0xFC
_ACTIVE = 0xFFFFFFFE
_BIG = 1000


def damage_flash(spec: dict, view, rng, reached) -> "tuple | None":
    """Do to the flash what the spec says; return the worn region as (start, stop), or None."""
    worn = _damage_flash(spec, view.rows, view.memory)
    if bit_flips.flip(spec.get("flip", ()), view.rows, view.memory, rng):
        reached.note("flip")
    if spec.get("level") and _level(view):
        reached.note("level")
    return worn


def _damage_flash(spec: dict, rows: dict, memory: bytearray) -> "tuple | None":
    worn = None
    for kind in KINDS:
        if kind not in spec:
            continue
        row = rows[spec[kind]]
        start, stop = row.offset, row.offset + row.size
        if kind == "loss":
            memory[start:stop] = b"\xff" * row.size
        elif kind == "spoil":
            for slot in range(start, stop, _SLOT):
                if memory[slot] != 0xFF:  # the middle of a record's texts
                    memory[slot + _MIDDLE] ^= 0x55
        elif kind == "fill":
            memory[start:stop] = _filled(memory[start:stop])
        elif kind == "erase":
            body = pack("<IB", 1 << 20, _NEWER) + b"\xff" * 19
            memory[start : start + 32] = pack("<I", _ACTIVE) + body + pack("<I", checksum(body))
        else:
            worn = start, stop
    return worn


def _level(view) -> bool:
    """Give the copy in `bind` the generation of a newer one in `nvs`; tell whether it had none such."""
    in_nvs, in_bind = view.copies()
    if not in_nvs or not in_bind or in_nvs["generation"] == in_bind["generation"]:
        return False
    row, memory = view.rows["bind"], view.memory
    slot, _ = newest_slot(view.part("bind"))
    for at, raw in records.found_in(view.part("bind")):
        if at == slot:
            start = row.offset + at
            memory[start : start + len(raw)] = records.renumbered(raw, in_nvs["generation"])
    return True


def _filled(data: bytearray) -> bytearray:
    """Return an `nvs` partition in which an application has left no room."""
    store = NvsStore(LifeFlash(data, PowerSource()), len(data))
    try:
        store.open()
    except NvsError:
        store.erase_all()
        store.open()
    number = 0
    try:
        space = store.namespace(b"app")
        while True:
            store.put_blob(space, b"b%d" % number, b"\x55" * _BIG)
            number += 1
    except NvsError:
        pass
    try:
        while True:
            number += 1
            store.put(space, b"i%d" % number, I32, pack("<I", number))
    except NvsError:
        return data
