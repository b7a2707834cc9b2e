"""The record of a device's binding, and writing its two copies; `rules` reads and judges them.

Little-endian: magic `SLrc`, schema u8 (1), state u8, length u16 of the whole, generation u32, the
first 8 bytes of SHA-256 of the base URL, the chip's MAC (6), the first 4 bytes of SHA-256 of the
key, the attempt id (4), HTTP status u16, clean looks u8, a spare byte, Unix time of the
request's deadline u32, Unix time of the last look u32; then cloud, serial, token and reason, each
UTF-8 behind a length byte; last a CRC-32 over all before it. At most 512 bytes. The first 12
bytes, and the CRC at the end, stay where they are in every schema to come.
"""

import struct

from . import FIXED, MAGIC, SIZE, crc32, newest

if False:  # for mypy; a device has none of these
    from agent_types import AnyChip, WritableFlash

STATES = ("unbound", "unknown", "bound", "refused")
FORMAT = "<4sBBHI8s6s4s4sHBBII"


class Record:
    """What the device knows of its binding.

    `place` is the base URL's hash, `key` the key's; `looks` counts clean looks that found
    nothing; `due` and `looked` are Unix times.
    """

    state = STATES[0]
    generation = status = looks = due = looked = 0
    place = mac = key = attempt = b""
    cloud = serial = token = reason = ""


def pack(record: Record) -> bytes:
    """Return the bytes of a record, whose texts have at most 255 bytes and fit all together."""
    tail = b""
    for text in (record.cloud, record.serial, record.token, record.reason):
        raw = text.encode()
        tail += bytes([len(raw)]) + raw
    raw = struct.pack(
        FORMAT, MAGIC, 1, STATES.index(record.state), FIXED + len(tail) + 4,
        record.generation, record.place, record.mac, record.key, record.attempt, record.status,
        record.looks, 0, record.due, record.looked,
    )  # fmt: skip
    raw += tail
    return raw + struct.pack("<I", crc32(raw))


def save(chip: "AnyChip", record: Record) -> int:
    """Write a record to both places; return how many hold it, read back.

    `nvs` is first: its driver keeps the old blob until the new one is whole, so that there is a
    record in it whatever a power cut leaves in `bind`; `rules.bind_copy` goes by that.
    """
    raw = pack(record)
    good = 0
    for put in (_set_blob, _append):
        try:
            good += put(chip, raw)
        except Exception:  # whatever keeps one copy from being written, there is the other
            pass
    return good


def blank(flash: "WritableFlash", start: int, stop: int) -> bool:
    """Tell whether there is nothing at all between two offsets."""
    for offset in range(start, stop, 128):  # noqa: SIM110 - as small as can be
        if flash.read(offset, 128) != b"\xff" * 128:
            return False
    return True


def _set_blob(chip: "AnyChip", raw: bytes) -> bool:
    if chip.blob() != raw:
        nvs = chip.nvs("startline")
        nvs.set_blob("record", raw)
        nvs.commit()
    return chip.blob() == raw


def _append(chip: "AnyChip", raw: bytes) -> bool:
    flash = chip.flash("bind")
    if not flash:
        return False
    latest, at = newest(flash)
    keep = at & -4096
    for _ in range(3):  # a slot that does not take its bytes is left behind
        if latest == raw:
            return True
        at = _room(flash, at, keep)
        if at < 0:
            return False
        flash.program(at, raw)
        latest = flash.read(at, len(raw))
    return latest == raw


def _room(flash: "WritableFlash", at: int, keep: int) -> int:
    """Return the next blank slot after `at`, -1 where there is none to be had.

    The sector at `keep`, which has the newest record, is never erased, and no sector is erased
    more than twice in one boot.
    """
    end = (at & -4096) + 4096 if at >= 0 else 4096
    for offset in range(at + SIZE, end, SIZE):
        if blank(flash, offset, offset + SIZE):
            return offset
    end %= flash.size
    if not blank(flash, end, end + 4096):
        if end == keep or flash.erased.count(end) > 1:
            return -1
        flash.erase(end)
    return end
