"""What can happen to a reader's flash behind its back."""

from __future__ import annotations

import random
from binascii import crc32

from startline.record import newest

from startline_host.bench.scenarios.model import FlashDamage
from startline_host.errors import BadInput
from startline_host.formats.flash_dump import partition_reader

_SCHEMA_AT = 4


def damage_partition(part: bytes, damage: FlashDamage, seed: int) -> bytes:
    """Return a partition's bytes after the damage. Raises BadInput where it cannot be done."""
    if damage.how == "erase":
        return b"\xff" * len(part)
    if damage.how == "noise":
        return random.Random(seed).randbytes(len(part))  # noqa: S311 - no secret
    if damage.how == "spoil":
        return _corrupted(part, damage)
    return _from_the_future(part)


def _corrupted(part: bytes, damage: FlashDamage) -> bytes:
    text = damage.text.encode()
    if not text or text not in part:
        raise BadInput(f"There is no {damage.text!r} in {damage.part} to spoil.")
    return part.replace(text, bytes(len(text)))


def _from_the_future(part: bytes) -> bytes:
    """Give the newest record in `bind` a schema that no agent knows yet, and a good checksum."""
    raw, at = newest(partition_reader(part))
    if not raw:
        raise BadInput("There is no record in bind to change.")
    body = raw[:_SCHEMA_AT] + b"\x7f" + raw[_SCHEMA_AT + 1 : -4]
    record = body + crc32(body).to_bytes(4, "little")
    return bytes(part[:at] + record + part[at + len(record) :])
