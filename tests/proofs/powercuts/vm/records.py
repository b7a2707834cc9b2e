"""Records as bytes: found in flash, renumbered, and put back, where a world begins with a past."""

from binascii import crc32
from struct import pack_into, unpack_from

from flash import PowerSource
from runtime.nvs import NvsStore

from .flash_view import read_record
from .power_plan import LifeFlash

SLOT = 512


def found_in(data: bytes):
    """Yield (offset, bytes) of each intact record in a partition's bytes, old ones too."""
    at = data.find(b"SLrc")
    while at >= 0:
        if read_record(data[at : at + SLOT]):
            yield at, data[at : at + unpack_from("<H", data, at + 6)[0]]
        at = data.find(b"SLrc", at + 1)


def generation(raw: bytes) -> int:
    """Return a record's number."""
    return unpack_from("<I", raw, 8)[0]


def renumbered(raw: bytes, number: int) -> bytes:
    """Return a record with another number; that and the CRC stay in place in every schema."""
    changed = bytearray(raw)
    pack_into("<I", changed, 8, number & 0xFFFFFFFF)
    pack_into("<I", changed, len(raw) - 4, crc32(changed[:-4]))
    return bytes(changed)


def change_nvs(row, memory: bytearray, change) -> None:
    """Open the store of the `nvs` partition at `row`, let `change(store)` work on it, put it back."""
    data = bytearray(memory[row.offset : row.offset + row.size])
    store = NvsStore(LifeFlash(data, PowerSource()), len(data))
    store.open()
    change(store)
    memory[row.offset : row.offset + row.size] = data


def put(store: NvsStore, raw: bytes) -> None:
    """Set the record in an open store."""
    store.put_blob(store.namespace(b"startline"), b"record", raw)
