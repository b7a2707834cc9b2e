"""Writing the record: two places, read back, and a log in `bind` that power cuts cannot break."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.record import SIZE, newest
from startline.record.copies import pack, save
from startline.record.rules import BLANK, DAMAGED, Record, bind_copy, classify

from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.test_record_rules import record


class Cut(BaseException):
    """The power went."""


class CutFlash(RamFlash):
    """Flash whose power goes after so many bytes have been changed."""

    def __init__(self, data: bytearray) -> None:
        super().__init__(data)
        self.left = 10**9

    def put(self, offset: int, data: bytes) -> None:
        """Replace bytes, as far as the power goes."""
        done = min(len(data), self.left)
        super().put(offset, data[:done])
        self.left -= done
        if done < len(data):
            raise Cut


def bind() -> RamFlash:
    """Return a blank `bind` partition."""
    return RamFlash(bytearray(b"\xff" * 8192))


def chip(flash: RamFlash | None, **plan: Any) -> FakeChip:
    """Return a chip with that partition."""
    return FakeChip({"bind": flash} if flash else {}, plan)


def test_a_record_goes_to_both_places() -> None:
    """What was saved stands in `nvs` and in `bind`, and both are counted."""
    flash = bind()
    with_both = chip(flash)
    made = record()
    assert save(with_both, made) == 2
    assert with_both.blob() == pack(made) == newest(flash)[0]


def test_the_same_again_writes_nothing() -> None:
    """Saving what stands there already touches no flash."""
    flash = bind()
    with_both = chip(flash)
    save(with_both, record())
    before = bytes(flash.data)
    assert save(with_both, record()) == 2
    assert bytes(flash.data) == before


def test_one_place_only() -> None:
    """A device without `bind` has one copy."""
    assert save(chip(None), record()) == 1


def test_one_place_is_written_though_the_other_fails() -> None:
    """If `nvs` takes no more, the record still goes to `bind`, and one copy is counted."""
    flash = bind()
    full = chip(flash, nvs_full=True)
    assert save(full, record()) == 1
    assert (full.blob(), newest(flash)[0]) == (b"", pack(record()))


def test_the_log_goes_round() -> None:
    """A thousand records use the slots in turn; the sector with the latest is never erased."""
    flash = bind()
    keeper = chip(flash)
    for number in range(1000):
        latest = newest(flash)[1] & -4096
        flash.erased.clear()
        assert save(keeper, record(number=number)) == 2
        if number:
            assert latest not in flash.erased
        assert newest(flash)[0] == pack(record(number=number))


def test_numbers_begin_again() -> None:
    """Behind the last number comes 0, and is the newest in `bind` while older ones stand there."""
    flash = bind()
    keeper = chip(flash)
    for number in (0xFFFFFFFE, 0xFFFFFFFF, 0, 1):
        assert save(keeper, record(number=number)) == 2
        found = bind_copy(flash)
        assert isinstance(found, Record)
        assert found.generation == number


def test_wear_is_spread() -> None:
    """Sixteen records cost at most one erase of each sector."""
    flash = bind()
    keeper = chip(flash)
    erased = []
    for number in range(17, 17 + 160):
        save(keeper, record(number=number))
        erased += flash.erased
        flash.erased.clear()  # the next one comes with the next boot
    assert len(erased) <= 160 / 8
    assert {erased.count(sector) for sector in (0, 4096)} <= {9, 10}


def test_a_slot_that_does_not_take_its_bytes() -> None:
    """A write that is lost is done again in the next slot."""
    flash = bind()
    flash.broken = 1
    assert save(chip(flash), record()) == 2
    assert newest(flash)[1] == SIZE  # and never in the same one: it may be worn


def test_flash_that_takes_nothing() -> None:
    """Flash that loses every write does not count, and is not tried for ever."""
    flash = bind()
    flash.broken = 1000
    assert save(chip(flash), record()) == 1
    assert flash.broken >= 990


def test_no_boot_erases_a_sector_more_than_twice() -> None:
    """A record that would need a third erase of a sector stays out of `bind` until the next boot."""
    flash = bind()
    keeper = chip(flash)
    held = [save(keeper, record(number=number)) for number in range(100)]
    assert (flash.erased.count(0), flash.erased.count(4096)) == (2, 2)
    assert held == [2] * held.count(2) + [1] * held.count(1)
    assert held.count(2) >= 32
    flash.erased.clear()
    assert save(keeper, record(number=100)) == 2


def test_the_sector_with_the_newest_record_is_never_erased() -> None:
    """If the other sector takes nothing, and not even an erase, the newest record stays."""

    class Stuck(RamFlash):
        """Flash whose second sector is worn out."""

        def program(self, offset: int, data: bytes) -> None:
            """Clear bits in the first sector; break the second."""
            if offset < 4096:
                super().program(offset, data)
            else:
                self.put(offset, bytes(len(data)))

        def erase(self, offset: int) -> None:
            """Erase the first sector."""
            if offset < 4096:
                super().erase(offset)

    flash = Stuck(bytearray(b"\xff" * 4096 + b"\0" * 4096))
    keeper = chip(flash)
    held = [save(keeper, record(number=number)) for number in range(20)]
    assert held == [2] * 8 + [1] * 12
    assert flash.erased == []
    assert newest(flash)[0] == pack(record(number=7))


def test_torn_slots_are_passed_over() -> None:
    """Behind a torn record the next free slot is used, and the last whole one still counts."""
    flash = bind()
    keeper = chip(flash)
    save(keeper, record(number=1))
    flash.program(SIZE, pack(record(number=2))[:40])
    assert newest(flash)[0] == pack(record(number=1))
    save(keeper, record(number=3))
    assert newest(flash) == (pack(record(number=3)), 2 * SIZE)


@pytest.mark.parametrize("junk", [b"\0", b"SLrc", pack(record())[:100]])
def test_junk_alone_is_damage(junk: bytes) -> None:
    """Something that cannot be read, and nothing else, is damaged rather than blank."""
    flash = bind()
    assert bind_copy(flash) == BLANK
    flash.program(3 * SIZE + 8, junk)
    assert bind_copy(flash) == DAMAGED


@given(st.integers(0, 40), st.integers(0, 5000), st.data())
@settings(max_examples=300)
def test_a_cut_anywhere_loses_nothing(before: int, left: int, data: st.DataObject) -> None:
    """Power that goes at any byte of a write or an erase leaves the record before or after it."""
    flash = CutFlash(bytearray(b"\xff" * 8192))
    keeper = chip(flash)
    for number in range(before):
        flash.erased.clear()  # each in a boot of its own, whose erases are counted
        save(keeper, record(number=number))
    flash.left = left
    number = before
    try:
        while number < before + 20:
            flash.erased.clear()
            save(keeper, record(number=number))
            number += 1
    except Cut:
        pass
    flash.left = 10**9
    found = bind_copy(flash, classify(keeper.blob()))
    if isinstance(found, Record):
        assert found.generation in (number - 1, number)
    else:
        assert number == 0
    flash.erased.clear()
    assert save(keeper, record(number=number + 1)) == 2
    again = bind_copy(flash)
    assert isinstance(again, Record)
    assert again.generation == number + 1
