"""Where the log in `bind` puts a record when its slots are full, spoilt, or do not take their bytes."""

from __future__ import annotations

import pytest
from startline.record import SIZE, newest
from startline.record.copies import save
from startline.record.rules import bind_copy

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.test_record_rules import record

SECTOR = 4096
NOISE = bytes((7 * number + 1) & 0x7F for number in range(2 * SECTOR))


def chip(data: bytes | bytearray, broken: int = 0) -> tuple[FakeChip, RamFlash]:
    """Return a chip whose `bind` has these bytes and loses so many writes."""
    flash = RamFlash(bytearray(data))
    return FakeChip({"bind": flash}, {"broken": {"bind": broken}}), flash


@pytest.mark.parametrize("clean", [0, SECTOR, None], ids=["first", "second", "none"])
def test_noise_costs_one_erase_at_most(clean: int | None) -> None:
    """Where noise fills `bind`, one whole sector is erased if none is blank, and the record stands."""
    data = bytearray(NOISE)
    if clean is not None:
        data[clean : clean + SECTOR] = b"\xff" * SECTOR
    with_noise, flash = chip(data)
    assert save(with_noise, record()) == 2
    assert flash.erased == ([SECTOR] if clean is None else [])
    assert newest(flash)[1] == (SECTOR if clean is None else clean)
    assert bytes(flash.data[:SECTOR]) == data[:SECTOR] or clean == 0


def test_a_byte_of_noise_in_a_slot_passes_it_over() -> None:
    """A slot that is blank but for its last byte is not written to, and nothing is erased."""
    data = bytearray(b"\xff" * 2 * SECTOR)
    data[SIZE - 1] = 0
    with_noise, flash = chip(data)
    assert save(with_noise, record()) == 2
    assert (newest(flash)[1], flash.erased) == (SIZE, [])


@pytest.mark.parametrize(("broken", "good"), [(2, 2), (3, 1)])
def test_three_slots_are_tried(broken: int, good: int) -> None:
    """Two slots that do not take a record cost it nothing; after the third that copy is given up."""
    failing, flash = chip(b"\xff" * 2 * SECTOR, broken)
    assert save(failing, record()) == good
    assert (bind_copy(flash) == "blank") is (good == 1)


def test_the_erased_sector_is_the_other_one() -> None:
    """When a sector is full, its records stay until the new one stands in the other sector."""
    data = bytearray(NOISE)
    data[:SECTOR] = b"\xff" * SECTOR
    whole, flash = chip(data)
    for number in range(SECTOR // SIZE):
        assert save(whole, record(generation=number)) == 2
    assert flash.erased == []
    assert save(whole, record(generation=8)) == 2
    assert flash.erased == [SECTOR]
    assert newest(flash)[1] == SECTOR
    assert flash.data[SECTOR - SIZE : SECTOR - SIZE + 4] == b"SLrc"
