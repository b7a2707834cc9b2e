"""The run time's NVS writer, against a reader written from the page format and a plain dict."""

from __future__ import annotations

import csv
import io
import struct
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startline_host.virtual.flash import NorFlash, PowerCut, PowerSource
from startline_host.virtual.runtime import nvs, nvs_errors
from startline_host.virtual.runtime.nvs_page import BLOB_DATA, BLOB_INDEX, I32, U8
from startline_host.virtual.runtime.nvs_pending import PendingNvs
from tests.virtual import nvs_reader

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 0x6000
KEYS = [b"a", b"b", b"record", b"fifteen_letters"]

small = st.tuples(st.just("int"), st.sampled_from(KEYS), st.integers(-(2**31), 2**31 - 1))
blob = st.tuples(
    st.just("blob"),
    st.sampled_from(KEYS),
    st.one_of(
        st.binary(max_size=200), st.integers(0, 9000).map(lambda n: b"\xff\x00x" * (n // 3))
    ),
)
erasing = st.tuples(st.just("erase"), st.sampled_from(KEYS), st.none())
changes = st.lists(st.one_of(small, blob, erasing), max_size=40)


class Supply(PowerSource):
    """Lets a number of operations pass, and part of the next."""

    def __init__(self, operations: int, part: float = 0.0) -> None:
        self.left = operations
        self.part = part

    def allow(self, operation: str, offset: int, length: int) -> int:
        """Count, and cut when nothing is left."""
        self.left -= 1
        return length if self.left >= 0 else int(length * self.part)


def new_store(flash: NorFlash) -> Any:
    """Open a partition that takes the whole flash."""
    store = nvs.NvsStore(flash, flash.size)
    store.open()
    return store


def apply(store: Any, change: tuple[str, bytes, Any]) -> None:
    """Make a change through the store."""
    kind, key, value = change
    space = store.namespace(b"space")
    if kind == "int":
        store.put(space, key, I32, struct.pack("<i", value))
    elif kind == "blob":
        store.put_blob(space, key, value)
    else:
        store.erase(space, key)


def expected(model: dict[Any, Any], change: tuple[str, bytes, Any]) -> dict[Any, Any]:
    """Return the model after a change; an integer and a blob of one key are two values."""
    kind, key, value = change
    after = dict(model)
    if kind != "erase":
        after[kind, key] = value
        return after
    for other in list(after):
        if other[1] == key:
            del after[other]
            break
    return after


def as_read(partition: bytes) -> dict[Any, Any]:
    """Return what the format's reader finds, keyed like the model."""
    found = {}
    for (_, key), value in nvs_reader.values(partition).items():
        found["int" if isinstance(value, int) else "blob", key.encode()] = value
    return found


@settings(max_examples=60)
@given(changes)
def test_what_is_written_is_read_back_by_a_reader_of_the_format(made: list[Any]) -> None:
    """After any sequence of changes the partition parses and holds what a dict would."""
    flash = NorFlash(size=SIZE)
    store = new_store(flash)
    model: dict[Any, Any] = {}
    for kind, key, value in made:
        # One type a key: what two types of one key do is told in a test of its own.
        change = (kind, (kind[0].encode() + key)[:15], value)
        if kind == "erase":
            change = (kind, b"b" + key[:14], value)
        refused: int | None = None
        try:
            apply(store, change)
        except nvs_errors.NvsError as error:
            refused = error.code
        else:
            model = expected(model, change)
        assert refused in (
            None,
            nvs_errors.NOT_FOUND if kind == "erase" else nvs_errors.NOT_ENOUGH_SPACE,
        )
    assert as_read(flash.read(0, SIZE)) == model
    again = new_store(flash)
    space = again.namespace(b"space")
    for (kind, key), value in model.items():
        if kind == "int":
            assert again.get(space, key, I32)[:4] == struct.pack("<i", value)
        else:
            assert again.get_blob(space, key) == value


@settings(max_examples=120)
@given(st.data())
def test_a_power_cut_loses_nothing_but_the_change_it_hit(data: st.DataObject) -> None:
    """Cut at any operation, whole or inside it: the next start finds the state before or after."""
    drawn = data.draw(st.lists(st.one_of(small, blob), min_size=1, max_size=25))
    made: list[tuple[str, bytes, Any]] = [
        (kind, kind[0].encode() + key[:14], value) for kind, key, value in drawn
    ]
    supply = Supply(data.draw(st.integers(0, 400)), data.draw(st.sampled_from([0.0, 0.3, 0.5])))
    flash = NorFlash(size=SIZE, power=supply)
    model: dict[Any, Any] = {}
    after = model
    try:
        store = new_store(flash)
        for change in made:
            after = expected(model, change)
            try:
                apply(store, change)
            except nvs_errors.NvsError:
                after = model
            model = after
    except PowerCut:
        pass
    else:
        return
    survivor = NorFlash(size=SIZE)
    survivor.program(0, flash.read(0, SIZE))
    new_store(survivor)
    assert as_read(survivor.read(0, SIZE)) in (model, after)


def test_every_cut_of_a_change_over_is_recovered() -> None:
    """Power goes at each single operation while pages fill, move and are freed; no value is lost."""
    script: list[tuple[str, bytes, Any]] = [("int", b"kept", 7)]
    for n in range(12):
        script += [("blob", b"big", bytes([n]) * 3000), ("int", b"changed", n)]
    clean = Supply(10**9)
    apply_all(NorFlash(size=0x3000, power=clean), script)
    operations = 10**9 - clean.left
    assert operations > 300
    for cut in range(operations):
        for part in (0.0, 0.5):
            flash = NorFlash(size=0x3000, power=Supply(cut, part))
            states = apply_all(flash, script)
            survivor = NorFlash(size=0x3000)
            survivor.program(0, flash.read(0, 0x3000))
            new_store(survivor)
            assert as_read(survivor.read(0, 0x3000)) in states, f"cut {cut} {part}"


def apply_all(flash: NorFlash, script: list[Any]) -> list[dict[Any, Any]]:
    """Apply until the power goes; return the states before and after the change that it hit."""
    model: dict[Any, Any] = {}
    after = model
    try:
        store = new_store(flash)
        for change in script:
            after = expected(model, change)
            apply(store, change)
            model = after
    except PowerCut:
        pass
    return [model, after]


def test_a_partition_of_espressifs_generator_is_read(tmp_path: Path) -> None:
    """Integers, multi-page blobs and strings made by Espressif's generator are found as they are."""
    from esp_idf_nvs_partition_gen import nvs_partition_gen

    big = bytes(range(256)) * 24
    (tmp_path / "big").write_bytes(big)
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerows(
        [
            ("key", "type", "encoding", "value"),
            ("space", "namespace", "", ""),
            ("number", "data", "i32", "-5"),
            ("text", "data", "string", "Ñandú"),
            ("big", "file", "binary", str(tmp_path / "big")),
        ]
    )
    with (tmp_path / "out").open("wb") as out:
        made = nvs_partition_gen.nvs_open(out, SIZE - 4096, nvs_partition_gen.Page.VERSION2)
        for row in csv.DictReader(io.StringIO(rows.getvalue())):
            nvs_partition_gen.write_entry(
                made, row["key"], row["type"], row["encoding"], row["value"]
            )
        nvs_partition_gen.nvs_close(made)
    image = (tmp_path / "out").read_bytes()
    flash = NorFlash(size=SIZE)
    flash.program(0, image)
    store = new_store(flash)
    space = store.namespace(b"space")
    assert store.get(space, b"number", I32)[:4] == struct.pack("<i", -5)
    assert store.get_blob(space, b"big") == big
    store.put_blob(space, b"big", b"new")
    store.erase(space, b"text")
    assert nvs_reader.values(flash.read(0, SIZE)) == {
        ("space", "number"): -5,
        ("space", "big"): b"new",
    }
    assert nvs_reader.pages(flash.read(0, SIZE))[0][0] == 0


def test_a_full_partition_says_so_and_keeps_what_it_has() -> None:
    """When nothing can be reclaimed the error is -4357's, and old values stay readable."""
    flash = NorFlash(size=0x3000)
    store = new_store(flash)
    space = store.namespace(b"space")
    room = 2 * 126 - 1
    for number in range(room):
        store.put(space, b"k%d" % number, I32, struct.pack("<i", number))
    with pytest.raises(nvs_errors.NvsError) as raised:
        store.put(space, b"more", I32, b"\x01\0\0\0")
    assert raised.value.code == nvs_errors.NOT_ENOUGH_SPACE
    assert len(nvs_reader.values(flash.read(0, 0x3000))) == room
    store.erase(space, b"k0")
    store.put(space, b"again", I32, b"\x01\0\0\0")


def test_one_page_is_always_kept_free() -> None:
    """However often values change, one page of the partition stays blank for the next move."""
    flash = NorFlash(size=0x3000)
    store = new_store(flash)
    space = store.namespace(b"space")
    for number in range(1000):
        store.put(space, b"k", I32, struct.pack("<i", number))
        assert len(nvs_reader.pages(flash.read(0, 0x3000))) <= 2


def test_an_equal_value_is_not_written_again() -> None:
    """Writing what is there already costs no flash operation."""
    counted = Supply(10**9)
    flash = NorFlash(size=SIZE, power=counted)
    store = new_store(flash)
    space = store.namespace(b"space")
    store.put_blob(space, b"b", b"same" * 100)
    store.put(space, b"i", I32, b"\x01\0\0\0")
    before = counted.left
    store.put_blob(space, b"b", b"same" * 100)
    store.put(space, b"i", I32, b"\x01\0\0\0")
    assert counted.left == before


def test_an_erased_value_stays_in_flash_until_its_page_is_reused() -> None:
    """Erasing only clears state bits: the bytes can still be found."""
    flash = NorFlash(size=SIZE)
    store = new_store(flash)
    space = store.namespace(b"space")
    store.put_blob(space, b"key", b"a secret that was here")
    store.erase(space, b"key")
    assert b"a secret that was here" in flash.read(0, SIZE)
    assert nvs_reader.values(flash.read(0, SIZE)) == {}


def test_a_newer_version_is_refused() -> None:
    """A page of a later format version ends the start with the error for which the port erases."""
    flash = NorFlash(size=SIZE)
    body = struct.pack("<IB", 0, 0xFD) + b"\xff" * 19
    flash.program(
        0, struct.pack("<I", 0xFFFFFFFE) + body + struct.pack("<I", nvs_reader.crc(body))
    )
    with pytest.raises(nvs_errors.NvsError) as raised:
        new_store(flash)
    assert raised.value.code == nvs_errors.NEW_VERSION_FOUND


@pytest.mark.parametrize("place", [0, 4096])
def test_a_page_with_a_broken_header_is_used_again_only_when_needed(place: int) -> None:
    """Garbage for a header makes a free page: erased once it is used, or next in line at a start.

    The library makes the first free page its page to write to where it finds none in use.
    """
    flash = NorFlash(size=0x3000)
    flash.program(place, b"garbage")
    store = new_store(flash)
    assert (flash.read(place, 7) == b"garbage") == bool(place)
    space = store.namespace(b"space")
    store.put(space, b"k", I32, b"\x01\0\0\0")
    assert nvs_reader.values(flash.read(0, 0x3000)) == {("space", "k"): 1}


def test_a_damaged_blob_is_erased_by_reading_it() -> None:
    """Wrong data is "not found", and its entries are erased; what misses a chunk goes with it."""
    flash = NorFlash(size=SIZE)
    store = new_store(flash)
    space = store.namespace(b"space")
    store.put_blob(space, b"key", b"a value that is here")
    flash.program(flash.read(0, SIZE).index(b"a value"), b"\0")
    assert [entry[1] for _, _, entry in store._items()] == [U8, BLOB_DATA, BLOB_INDEX]
    for left in ([U8, BLOB_INDEX], [U8]):
        assert store.get_blob(space, b"key") is None
        assert [entry[1] for _, _, entry in store._items()] == left
    assert b" value that is here" in flash.read(0, SIZE)


def test_any_bytes_at_all_open_or_are_refused() -> None:
    """Opening a partition of arbitrary bytes never fails in another way than the library's."""

    @settings(max_examples=40)
    @given(st.binary(min_size=64, max_size=4096), st.booleans())
    def check(noise: bytes, sound_header: bool) -> None:
        flash = NorFlash(size=0x3000)
        page = bytearray(noise)
        if sound_header:
            body = struct.pack("<IB", 3, 0xFE) + b"\xff" * 19
            page[:32] = (
                struct.pack("<I", 0xFFFFFFFE) + body + struct.pack("<I", nvs_reader.crc(body))
            )
        flash.program(4096, bytes(page))
        store = new_store(flash)
        space = store.namespace(b"space")
        store.put_blob(space, b"k", b"value")
        assert nvs_reader.values(flash.read(0, 0x3000))["space", "k"] == b"value"

    check()


def test_uncommitted_changes_are_seen_in_this_life_and_lost_with_it() -> None:
    """A value that was set and not committed is read back by every handle, but is not in flash."""
    flash = NorFlash(size=SIZE)
    pending = PendingNvs(nvs.NvsStore(flash, SIZE))
    pending.open()
    space = pending.namespace(b"space")
    mine, other = object(), object()
    pending.set(mine, space, b"k", I32, b"\x07\0\0\0")
    pending.set(other, space, b"b", BLOB_INDEX, b"blob")
    assert pending.get(space, b"k", I32)[:4] == b"\x07\0\0\0"
    assert nvs_reader.values(flash.read(0, SIZE)) == {}
    pending.commit(other)
    assert nvs_reader.values(flash.read(0, SIZE)) == {("space", "b"): b"blob"}
    pending.erase(mine, space, b"b")
    with pytest.raises(nvs_errors.NvsError):
        pending.get(space, b"b", BLOB_INDEX)
    assert nvs_reader.values(flash.read(0, SIZE)) == {("space", "b"): b"blob"}
    pending.commit(mine)
    assert nvs_reader.values(flash.read(0, SIZE)) == {("space", "k"): 7}


def test_a_blob_that_can_never_fit_is_refused_when_it_is_set() -> None:
    """Too long for the partition, or for what room is left: an error at `set`, as on the chip."""
    flash = NorFlash(size=0x3000)
    pending = PendingNvs(nvs.NvsStore(flash, 0x3000))
    pending.open()
    space = pending.namespace(b"space")
    with pytest.raises(nvs_errors.NvsError) as raised:
        pending.set(self := object(), space, b"b", BLOB_INDEX, bytes(9000))
    assert raised.value.code == nvs_errors.VALUE_TOO_LONG
    pending.set(self, space, b"b", BLOB_INDEX, bytes(5000))
    with pytest.raises(nvs_errors.NvsError) as raised:
        pending.set(self, space, b"c", BLOB_INDEX, bytes(5000))
    assert raised.value.code == nvs_errors.NOT_ENOUGH_SPACE
