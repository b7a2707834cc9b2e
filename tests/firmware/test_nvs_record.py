"""The record's copy in `nvs`, read from raw pages: found, proven never to have been, or damaged."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.record import read_nvs
from startline.record.copies import pack
from startline.record.rules import unpack
from startline.record.traces import _all, remains, salvage, traces

from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.virtual.runtime.nvs_page import (
    BLOB_DATA,
    BLOB_INDEX,
    U8,
    NvsPage,
    checksum,
    make_entry,
)
from tests.firmware.fake_chip import RamFlash
from tests.firmware.nvs_chip import (
    SPACE,
    CutPartition,
    CutSupply,
    Library,
    NvsChip,
    cuts,
    loaded,
    opened,
    saved,
)
from tests.firmware.test_copies import Cut
from tests.firmware.test_record_rules import record

SIZE = 0x6000


def read_copy(flash: RamFlash) -> bytes:
    """Return what the agent takes for the record in `nvs`."""
    return read_nvs(flash) or remains(flash)


def used_bits(chip: NvsChip) -> Iterator[int]:
    """Yield every bit of `nvs` up to a little behind the last that was written."""
    data = bytes(chip.parts["nvs"].data)
    yield from range(8 * (len(data.rstrip(b"\xff")) + 64))


@pytest.mark.parametrize("filling", [0, 1900, 3700, 3930])
@pytest.mark.parametrize("count", [1, 2, 40])
def test_what_the_library_holds_is_read(count: int, filling: int) -> None:
    """The record is found wherever it lies, split between pages and moved from one to another too."""
    chip = NvsChip()
    chip.put("phy", "cal_data", b"x" * filling)
    for number in range(count):
        saved(chip, "unknown", serial="S" * 64)
        chip.put("app", "counter", b"%d" % number)
    raw = chip.blob()
    assert unpack(raw).generation == count
    store = opened(chip.parts["nvs"])
    assert store.get_blob(store.namespace(SPACE.encode()), b"record") == raw


@given(st.binary(min_size=1, max_size=700))
@settings(max_examples=50)
def test_an_image_of_espressifs_generator_is_read(raw: bytes) -> None:
    """A blob of any length in the record's place comes back, but for one that is no record's."""
    image = make_nvs_image(
        [NvsEntry("other", "record", "blob", b"not ours"), NvsEntry(SPACE, "record", "blob", raw)],
        SIZE,
    )
    read = read_copy(RamFlash(bytearray(image)))
    assert read == (raw if len(raw) <= 512 else b"?")


APPLICATIONS: list[list[NvsEntry]] = [
    [],
    [NvsEntry("app", "record", "blob", b"the best time of the season")],
    [NvsEntry("app", "record", "u32", 7), NvsEntry("app", "records", "blob", b"x" * 700)],
    [NvsEntry("app", "startline", "u8", 1), NvsEntry("startline", "other", "u8", 1)],
]


@pytest.mark.parametrize("entries", APPLICATIONS)
def test_an_applications_entries_are_no_trace(entries: list[NvsEntry]) -> None:
    """A key of that name in a namespace of its own, or others in ours, are not the record."""
    chip = NvsChip()
    if entries:
        chip.parts["nvs"].data[:] = make_nvs_image(entries, SIZE)
        chip.restart()
    assert chip.blob() == b""
    for entry in entries[:1]:  # nor are they once they were erased
        if entry.kind == "blob":
            chip.nvs(entry.namespace).erase_key(entry.key)
            assert chip.blob() == b""


@pytest.mark.parametrize("states", [["unknown"], ["unknown", "bound"], ["unknown", "unbound"] * 4])
def test_a_flipped_bit_is_never_blank(states: list[str]) -> None:
    """Any one bit that turns over leaves the record as it was, or damage; after the next start too.

    But for the head of the one page in use: the library erases that whole page at its start.
    """
    chip = NvsChip()
    saved(chip, *states)
    whole, raw = chip.snapshot(), chip.blob()
    for bit in used_bits(chip):
        chip.flip("nvs", bit)
        assert chip.blob() in (raw, b"?"), bit
        chip.restart()
        assert chip.blob() in ((raw, b"?") if bit >= 32 * 8 else (raw, b"?", b"")), bit
        chip.put_back(whole)


def test_a_damaged_page_is_looked_at_before_it_is_used_again() -> None:
    """A record on a page whose head is damaged is not gone, though the library sees it no more."""
    chip = NvsChip()
    chip.put("app", "filling", b"x" * 4000)
    saved(chip, "unknown", "bound")
    whole, raw = chip.snapshot(), chip.blob()
    read = []
    for bit in range(4096 * 8, 4096 * 8 + 32 * 8):
        chip.flip("nvs", bit)
        chip.restart()
        read.append(chip.blob())
        chip.put_back(whole)
    assert set(read) == {raw, b"?"}
    assert read.count(raw) < 4  # some states of a page are a bit apart


def test_reading_changes_nothing() -> None:
    """Not even a namespace is made, and a damaged blob stays where it is, boot after boot."""
    chip = NvsChip()
    blank = chip.snapshot()
    assert chip.blob() == b""
    assert chip.snapshot() == blank
    saved(chip, "bound")
    at = bytes(chip.parts["nvs"].data).index(b"DEVICE-123")
    chip.flip("nvs", at * 8)
    damaged = chip.snapshot()
    assert chip.blob() == b"?"
    assert chip.snapshot() == damaged
    # The library itself would have called it missing, and erased it.
    store = opened(chip.parts["nvs"])
    assert store.get_blob(store.namespace(SPACE.encode()), b"record") is None
    assert chip.snapshot() != damaged
    assert chip.blob() == b"?"


@pytest.mark.parametrize("stock", [False, True])
def test_a_cut_in_the_first_record_is_no_damage(*, stock: bool) -> None:
    """Until its index is begun, the very first record never was: the reader is unbound, as before.

    From then on it may have been there, and is `unknown`: it is looked up, and none was sent.
    """
    chip = NvsChip(stock=stock)
    states = []
    for _ in cuts(chip, lambda: saved(chip, "unknown")):
        found = loaded(chip).device
        states.append((found.state, found.reason))
    turn = states.index(("unknown", ""))
    assert set(states[:turn]) == {("unbound", "")}
    assert set(states[turn:]) == {("unknown", "")}
    assert turn >= 6


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize(
    ("before", "after"), [("unknown", "bound"), ("unbound", "unknown"), ("unknown", "unbound")]
)
def test_a_cut_in_a_later_record(before: str, after: str, *, stock: bool) -> None:
    """The record before it or the new one counts: nothing of what a cut leaves is damage."""
    chip = NvsChip(stock=stock)
    saved(chip, "unknown", before)
    found = []
    for _ in cuts(chip, lambda: saved(chip, after)):
        now = loaded(chip).device
        found.append((now.state, now.token))
    assert {state for state, _ in found} == {before, after}
    assert {token for state, token in found if state == "bound"} <= {"A" * 64}


def test_a_page_that_is_collected_takes_nothing_along() -> None:
    """With the power cut anywhere while a page with the record is moved, it is there afterwards."""
    chip = NvsChip()
    number = 0
    while chip.parts["nvs"].erased == []:
        number += 1
        before = chip.snapshot()
        saved(chip, "unknown", attempt=number.to_bytes(4, "little"))
    chip.put_back(before)
    ids = {number - 1, number}
    for _ in cuts(chip, lambda: saved(chip, "unknown", attempt=number.to_bytes(4, "little"))):
        assert int.from_bytes(unpack(chip.blob()).attempt, "little") in ids


def test_what_is_left_of_a_torn_record_is_written_over() -> None:
    """A first record that was cut twice is no damage either, and the next one is whole."""
    chip = NvsChip()
    for left in (5, 2):
        chip.supply.left = left
        with pytest.raises(Cut):
            saved(chip, "unknown")
        chip.restart()
        assert b"SLrc" in chip.parts["nvs"].data
        assert chip.blob() == b""
    saved(chip, "unknown")
    assert unpack(chip.blob()).state == "unknown"


@pytest.mark.parametrize("byte", [1, 2, 4, 8, 28])
def test_a_torn_record_whose_head_is_damaged_is_no_torn_record(byte: int) -> None:
    """That it never counted is told by the head of its chunk, and only by one that is whole."""
    chip = NvsChip()
    chip.supply.left = 5
    with pytest.raises(Cut):
        saved(chip, "unknown")
    chip.restart()
    assert chip.blob() == b""
    head = chip.parts["nvs"].data.rindex(b"SLrc") - 32
    chip.flip("nvs", 8 * (head + byte))
    assert chip.blob() == b"?"


@pytest.mark.parametrize("part", [b"SLrc", b"record\0\0\0\0\0\0\0\0\0\0"])
def test_a_burst_leaves_a_trace(part: bytes) -> None:
    """With whole entries of it gone, what is left shows that there was a record."""
    chip = NvsChip()
    saved(chip, "bound")
    data = chip.parts["nvs"].data
    at = data.rindex(part) & ~31
    data[at : at + 32] = b"\xa5" * 32
    assert chip.blob() == b"?"
    chip.restart()
    assert chip.blob() == b"?"


def test_an_index_away_from_its_chunk() -> None:
    """Where they were moved apart, a bit that turns over in the index hides nothing either."""
    flash = CutPartition(b"\xff" * SIZE, CutSupply())
    raw = bytes(pack(record()))
    page = NvsPage(Library(flash), 0)
    page.activate(0)
    page.append(make_entry(0, U8, 1, 0xFF, b"startline", b"\1"))
    span = 1 + (len(raw) + 31) // 32
    info = struct.pack("<HHI", len(raw), 0xFFFF, checksum(raw))
    page.append(make_entry(1, BLOB_DATA, span, 0, b"record", info), raw)
    page.append(make_entry(2, U8, 1, 0xFF, b"counter", b"\7"))
    at = 64 + 32 * page.next
    size = struct.pack("<IBBH", len(raw), 1, 0, 0xFFFF)
    page.append(make_entry(1, BLOB_INDEX, 1, 0xFF, b"record", size))
    assert read_copy(flash) == raw
    for bit in range(8 * at, 8 * (at + 32)):
        flash.data[bit >> 3] ^= 1 << (bit & 7)
        assert read_copy(flash) == b"?"
        flash.data[bit >> 3] ^= 1 << (bit & 7)


def test_a_namespace_that_an_application_took_over() -> None:
    """If the record's namespace was damaged and its number went to another, there was a record."""
    chip = NvsChip()
    saved(chip, "bound")
    at = bytes(chip.parts["nvs"].data).index(b"startline")
    chip.flip("nvs", at * 8)
    chip.restart()
    chip.put("app", "counter", b"1")
    store: Any = opened(chip.parts["nvs"])  # the chip's own code has no types
    items = store._items()
    assert [entry[24] for _, _, entry in items if entry[:2] == b"\0\1"] == [1]
    assert chip.blob() == b"?"
    assert list(traces(chip.parts["nvs"]))


def test_a_later_schemas_record_is_salvaged_whatever_its_state_says() -> None:
    """What its states mean is not for this agent to know: it is found, and left alone."""
    chip = NvsChip(stock=True)
    saved(chip, "unknown")
    raw = bytearray(chip.blob())
    raw[4:6] = b"\2\0"
    raw[8] += 1
    raw[-4:] = zlib.crc32(raw[:-4]).to_bytes(4, "little")
    chip.put("startline", "record", bytes(raw))
    chip.flip("nvs", 8 * (bytes(chip.parts["nvs"].data).rindex(b"record\0") + 2))
    assert salvage(chip.parts["nvs"]) == raw
    found = loaded(chip)
    assert (found.device.state, found.device.reason) == ("unknown", "newer_record")


def test_only_entries_are_looked_at_for_traces() -> None:
    """Each place for an entry is looked at once, in every page, and no page's head."""
    flash = RamFlash(bytearray(b"\0" * 0x6000))
    offsets = [offset for offset, _ in _all(flash)]
    assert offsets == [page + 64 + 32 * at for page in range(0, 0x6000, 4096) for at in range(126)]


def test_an_intact_record_is_never_taken_for_the_one_before() -> None:
    """Of what is left, the newest intact record that cannot lead to a second request is kept."""
    chip = NvsChip(stock=True)
    saved(chip, "unknown", "unbound", "unknown")
    raw = bytes(chip.parts["nvs"].data)
    newest = pack(record())[:4] + raw[raw.rindex(b"SLrc") + 4 :][:8]
    chip.flip("nvs", (raw.rindex(newest) + 20) * 8)
    found = loaded(chip)
    assert (found.device.state, found.device.reason) == ("unknown", "record_damaged")


def test_a_copy_of_a_record_within_an_owners_blob_is_none() -> None:
    """Entries of ours that stand in another blob's bytes, at no entry's place, are not read."""
    whole = make_nvs_image([NvsEntry("startline", "record", "blob", b"SLrc" + bytes(60))], 0x6000)
    assert read_nvs(RamFlash(bytearray(whole)))
    kept = b"xyz" + whole[64:640]
    owners = make_nvs_image([NvsEntry("app", "backup", "blob", kept)], 0x6000)
    assert read_nvs(RamFlash(bytearray(owners))) == b""
