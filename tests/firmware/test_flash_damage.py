"""Flash that is damaged, torn or lost: never a fresh start, never an older word than the last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from startline.record import SIZE, newest
from startline.record.copies import pack, save
from startline.record.rules import BLANK, DAMAGED, Record, bind_copy, classify

from tests.firmware.harness import BLANK as ERASED
from tests.firmware.nvs_chip import NvsChip, loaded, saved
from tests.firmware.test_copies import bind
from tests.firmware.test_record_rules import OURS, record

TOKEN = "A" * 64


def verdict(chip: NvsChip) -> tuple[str, str, str]:
    """Boot as far as the record goes: state, reason, token."""
    chip.restart()
    device = loaded(chip).device
    return device.state, device.reason, device.token


def both(chip: NvsChip) -> tuple[bytes, bytes]:
    """Return the partitions with the copies."""
    return bytes(chip.parts["nvs"].data), bytes(chip.parts["bind"].data)


def bits_of_newest(chip: NvsChip) -> Iterator[int]:
    """Yield every bit of the newest record in `bind`."""
    raw, at = newest(chip.parts["bind"])
    yield from range(8 * at, 8 * (at + len(raw)))


@pytest.mark.parametrize("states", [["unknown"], ["unknown", "bound"], ["unknown", "unbound"] * 9])
def test_an_older_slot_does_not_count_alone(states: list[str]) -> None:
    """With `nvs` lost, a newest slot in which any bit turned over is damage, whatever lies before it."""
    chip = NvsChip()
    saved(chip, *states)
    chip.parts["nvs"].data[:] = ERASED * 0x6000
    whole = chip.snapshot()
    for bit in bits_of_newest(chip):
        chip.flip("bind", bit)
        assert verdict(chip) == ("unknown", "record_damaged", "")
        chip.put_back(whole)


@pytest.mark.parametrize("count", range(1, 18))
def test_the_newest_slot_is_known_wherever_it_lies(count: int) -> None:
    """Intact, it counts alone; damaged, nothing does, be it the last of a sector or the first."""
    flash = bind()
    keeper = NvsChip()
    keeper.parts["bind"] = flash
    for number in range(count):
        save(keeper, record(number=number))
        flash.erased.clear()
    found = bind_copy(flash)
    assert isinstance(found, Record)
    assert found.generation == count - 1
    flash.data[newest(flash)[1] + 20] ^= 4
    assert bind_copy(flash) == DAMAGED
    older = bind_copy(flash, OURS)
    assert isinstance(older, Record) == (count > 1)
    if isinstance(older, Record):
        assert older.generation == count - 2


def test_the_last_slot_of_a_sector_counts_beside_a_torn_one() -> None:
    """The log goes on in the other sector, which is erased first: one old record there proves it."""
    chip = NvsChip()
    for number in range(16):
        save(chip, record(number=number))
        chip.parts["bind"].erased.clear()
    flash = chip.parts["bind"]
    assert newest(flash)[1] == 15 * SIZE
    flash.data[2 * SIZE + 20] ^= 4
    assert isinstance(bind_copy(flash), Record)
    for slot in range(8):
        flash.data[slot * SIZE + 20] ^= 64
    assert bind_copy(flash) == DAMAGED


def test_a_flip_in_bind_is_mended_by_nvs() -> None:
    """Any bit of any slot may turn over: the record in `nvs` rules, and the next boot writes nothing."""
    chip = NvsChip()
    saved(chip, "unknown", "bound")
    whole = chip.snapshot()
    for bit in range(0, 8 * 4 * SIZE, 5):
        chip.flip("bind", bit)
        assert verdict(chip) == ("bound", "", TOKEN)
        after = both(chip)
        assert newest(chip.parts["bind"])[0] == chip.blob()
        assert verdict(chip) == ("bound", "", TOKEN)
        assert both(chip) == after
        chip.put_back(whole)


@pytest.mark.parametrize("before", ["unbound", "unknown"])
@pytest.mark.parametrize("after", ["unbound", "unknown", "bound"])
def test_a_torn_slot_beside_a_whole_blob(before: str, after: str) -> None:
    """Power that goes at any byte of the newest slot leaves it to `nvs`, which was written first."""
    chip = NvsChip()
    saved(chip, "unknown", before, after)
    raw, at = newest(chip.parts["bind"])
    state = verdict(chip)
    whole = chip.snapshot()
    for size in range(len(raw)):
        slot = raw[:size] + ERASED * (SIZE - size)
        chip.parts["bind"].put(at, slot)
        assert verdict(chip) == state
        assert newest(chip.parts["bind"])[0] == chip.blob()
        chip.put_back(whole)


@pytest.mark.parametrize("count", [1, 7, 8, 15, 16, 20])
def test_a_torn_erase_beside_a_whole_blob(count: int) -> None:
    """A sector that was being erased may say anything: `nvs` has what is newer."""
    chip = NvsChip()
    saved(chip, *["unknown"] * count, "refused")
    at = newest(chip.parts["bind"])[1]
    other = 4096 - (at & 4096)
    chip.parts["bind"].put(other, bytes(range(256)) * 16)
    assert verdict(chip)[0] == "refused"


@pytest.mark.parametrize("stock", [False, True])
def test_damage_stays_damage_when_its_page_goes(*, stock: bool) -> None:
    """What shows that there was a record goes with its page one day; that there was one does not."""
    chip = NvsChip(stock=stock)
    saved(chip, "unbound")
    if not stock:
        chip.parts["bind"].data[:] = ERASED * 0x2000
    raw = bytes(chip.parts["nvs"].data)
    damaged = raw[raw.rindex(b"SLrc") :][:64]
    chip.flip("nvs", 8 * raw.rindex(b"record\0"))  # of the index, without which NVS erases all
    assert verdict(chip) == ("unknown", "record_damaged", "")
    for number in range(300):  # every page gets its turn while so many of them are in use
        chip.put("app", f"a{number % 35}", b"%03d" % number * 100)
    assert damaged not in chip.parts["nvs"].data
    assert verdict(chip) == ("unknown", "record_damaged", "")
    assert verdict(chip) == ("unknown", "record_damaged", "")


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("state", ["bound", "unknown"])
def test_what_nvs_lost_but_flash_still_has(state: str, *, stock: bool) -> None:
    """A record whose entries are damaged, but not its own bytes, is taken up, and written anew."""
    chip = NvsChip(stock=stock)
    saved(chip, "unknown", state)
    if not stock:
        chip.parts["bind"].data[:] = ERASED * 0x2000
    data = bytes(chip.parts["nvs"].data)
    kept = classify(chip.blob())
    chip.flip("nvs", 8 * (data.rindex(b"record\0") + 2))
    assert verdict(chip) == (state, "", TOKEN if state == "bound" else "")
    again = classify(chip.blob())
    assert isinstance(again, Record)
    assert isinstance(kept, Record)
    assert again.generation == kept.generation + 1
    assert {**again.__dict__, "generation": 0} == {**kept.__dict__, "generation": 0}


@pytest.mark.parametrize("state", ["unbound", "refused"])
def test_what_may_have_been_true_before_a_request_is_not_taken_up(state: str) -> None:
    """That a lost record said `unbound` proves nothing: a request may have come after it."""
    chip = NvsChip(stock=True)
    saved(chip, "unknown", state)
    chip.flip("nvs", 8 * (bytes(chip.parts["nvs"].data).rindex(b"record\0") + 2))
    assert verdict(chip) == ("unknown", "record_damaged", "")


def test_one_fallen_bit_is_blank() -> None:
    """A cell of a blank `bind` that fell makes no record: the reader is new, and binds."""
    for bit in range(0, 0x2000 * 8, 997):
        chip = NvsChip()
        chip.flip("bind", bit)
        assert bind_copy(chip.parts["bind"]) == BLANK
        assert verdict(chip) == ("unbound", "", "")
        saved(chip, "unknown")
        assert newest(chip.parts["bind"])[0] == chip.blob()
    flash = bind()
    flash.program(700, b"\xfc")
    assert bind_copy(flash) == DAMAGED


def test_equal_numbers_end_with_one_record() -> None:
    """If one of two copies of one number is bound, both say so after that boot, and for good."""
    chip = NvsChip()
    one = saved(chip, "unknown", "bound")
    one.state, one.token, one.reason = "unknown", "", "timeout"
    chip.put("startline", "record", bytes(pack(one)))
    assert verdict(chip) == ("bound", "", TOKEN)
    after = both(chip)
    assert newest(chip.parts["bind"])[0] == chip.blob()
    assert verdict(chip) == ("bound", "", TOKEN)
    assert both(chip) == after


def test_what_an_operator_writes_is_the_newest() -> None:
    """Behind a slot that does not count, and one that is damaged, the next record counts."""
    chip = NvsChip()
    saved(chip, *["unknown", "unbound"] * 3)
    chip.parts["nvs"].data[:] = ERASED * 0x6000
    chip.parts["bind"].data[newest(chip.parts["bind"])[1] + 30] ^= 1
    assert verdict(chip) == ("unknown", "record_damaged", "")
    saved(chip, "bound")
    assert verdict(chip) == ("bound", "", TOKEN)
    assert newest(chip.parts["bind"])[0] == chip.blob()


@pytest.mark.parametrize("lost", ["nvs", "bind"])
def test_a_lost_copy_is_made_good_in_flash(lost: str) -> None:
    """Either partition may be blank: the other one's record rules, and is in both afterwards."""
    chip = NvsChip()
    saved(chip, "unknown", "bound")
    chip.parts[lost].data[:] = ERASED * chip.parts[lost].size
    assert verdict(chip) == ("bound", "", TOKEN)
    assert newest(chip.parts["bind"])[0] == chip.blob()
