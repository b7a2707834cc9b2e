"""What a lifetime's judge sees in flash: its own reading of the record, not the agent's.

The record: magic `SLrc`, schema u8, state u8, length u16, generation u32, 8 + 6 + 4 bytes, the
attempt id (4), status u16, two bytes, deadline u32, time of the last look u32; texts behind
length bytes (cloud, serial, token, reason); CRC-32. In `bind` in slots of 512 bytes; in `nvs`
the blob `startline`/`record`.
"""

from binascii import crc32
from struct import unpack_from

from flash import PowerSource
from runtime import partition_table
from runtime.nvs import NvsStore
from runtime.nvs_errors import NvsError
from runtime.nvs_page import BLOB_INDEX

from .power_plan import LifeFlash

_MAGIC = b"SLrc"
_STATES = ("unbound", "unknown", "bound", "refused")
_SLOT = 512
_HEAD = 46
_KEPT = 4
_known: list = []
"""The last few contents of `nvs` and what was read in them: lifetimes differ in little."""


def read_record(raw: bytes) -> "dict | None":
    """Return what an intact record at the start of `raw` says, or None."""
    if raw[:4] != _MAGIC or len(raw) < _HEAD + 8:
        return None
    size, generation = unpack_from("<HI", raw, 6)
    if not _HEAD < size <= min(len(raw), _SLOT) or raw[5] >= len(_STATES):
        return None
    if crc32(raw[: size - 4]) != unpack_from("<I", raw, size - 4)[0]:
        return None
    texts = []
    at = _HEAD
    while at < size - 4:
        texts.append(str(raw[at + 1 : at + 1 + raw[at]], "utf-8"))
        at += 1 + raw[at]
    return {
        "state": _STATES[raw[5]],
        "generation": generation,
        "attempt": raw[30:34].hex(),
        "due": unpack_from("<I", raw, 38)[0],
        "token": texts[2],
    }


def _record_in_nvs(data: bytes) -> "dict | None":
    """Return the record in the bytes of an `nvs` partition."""
    store = NvsStore(LifeFlash(bytearray(data), PowerSource()), len(data))
    try:
        store.open()
        space = store.namespace(b"startline")
    except NvsError:
        return None  # the port would erase it all, or there is no room to begin
    blob = store._find(space, b"record", BLOB_INDEX)
    raw = blob and store.get_blob(blob[2][0], b"record")
    return read_record(raw) if raw else None


def newest_slot(data: bytes) -> tuple:
    """Return (offset, record) of the newest in the bytes of a `bind` partition, or (-512, None)."""
    best = None
    slot = -_SLOT
    for at in range(0, len(data), _SLOT):
        if data[at : at + 4] != _MAGIC:
            continue
        record = read_record(data[at : at + _SLOT])
        if record and (
            best is None or 0 < (record["generation"] - best["generation"] & 0xFFFFFFFF) < 1 << 31
        ):
            best = record
            slot = at
    return slot, best


class FlashView:
    """The flash of a unit, `memory`, with a partition table in it."""

    def __init__(self, memory: bytearray) -> None:
        self.memory = memory
        self.rows = {row.label: row for row in partition_table.read_table(_Bare(memory))}

    def part(self, label: str) -> bytes:
        """Return the bytes of a partition."""
        row = self.rows[label]
        return bytes(self.memory[row.offset : row.offset + row.size])

    def copies(self) -> list:
        """Return the record's copies as a boot would find them now, None for one without."""
        found = [self._from_nvs()]
        if "bind" in self.rows:
            found.append(self._from_bind())
        return found

    def evidence(self) -> set:
        """Return (attempt, state) of each intact record that is anywhere in flash, old ones too."""
        found = set()
        for label in ("nvs", "bind"):
            if label not in self.rows:
                continue
            data = self.part(label)
            at = data.find(_MAGIC)
            while at >= 0:
                record = read_record(data[at : at + _SLOT])
                if record:
                    found.add((record["attempt"], record["state"]))
                at = data.find(_MAGIC, at + 1)
        return found

    def cached(self, offset: int) -> bool:
        """Tell whether the port reads this once and then keeps it: headers and maps of `nvs`."""
        row = self.rows["nvs"]
        return row.offset <= offset < row.offset + row.size and offset & 4095 < 64

    def holds(self, text: bytes) -> list:
        """Return the partitions that hold a text."""
        return [label for label in self.rows if text in self.part(label)]

    def _from_nvs(self) -> "dict | None":
        data = self.part("nvs")
        for known, record in _known:
            if known == data:
                return record
        record = _record_in_nvs(data)
        _known.append((data, record))
        if len(_known) > _KEPT:
            _known.pop(0)
        return record

    def _from_bind(self) -> "dict | None":
        return newest_slot(self.part("bind"))[1]


class _Bare:
    """Memory in the shape that the table's reader wants."""

    def __init__(self, memory: bytearray) -> None:
        self._memory = memory
        self.size = len(memory)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._memory[offset : offset + length])
