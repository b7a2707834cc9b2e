"""The NVS reader, checked against Espressif's own generator."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from esp_idf_nvs_partition_gen import nvs_partition_gen as generator
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.nvs import NvsEntries

from startline_host.formats.nvs_lookup import NvsLookup
from tests.firmware.nvs_chip import NvsChip

SIZE = 0x4000
KEYS = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=15)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
VALUES = st.one_of(
    st.tuples(st.just("string"), TEXTS),
    st.tuples(st.just("u8"), st.integers(0, 0xFF)),
    st.tuples(st.just("i8"), st.integers(-0x80, 0x7F)),
    st.tuples(st.just("u16"), st.integers(0, 0xFFFF)),
    st.tuples(st.just("i16"), st.integers(-0x8000, 0x7FFF)),
    st.tuples(st.just("u32"), st.integers(0, 0xFFFFFFFF)),
    st.tuples(st.just("i32"), st.integers(-0x80000000, 0x7FFFFFFF)),
    st.tuples(st.just("binary"), st.binary(min_size=1, max_size=2500)),
)
#: Namespace and key to kind and value; few enough to fit.
CONTENTS = st.dictionaries(st.tuples(st.sampled_from(["a", "claim"]), KEYS), VALUES, max_size=4)


def make(items: Iterable[tuple[str, str, str, Any]], size: int = SIZE) -> bytes:
    """Return a partition with (namespace, key, kind, value), by the generator."""
    out = io.BytesIO()
    nvs = generator.nvs_open(out, size - 0x1000, generator.Page.VERSION2)
    last = None
    for namespace, key, kind, value in items:
        if namespace != last:
            generator.write_entry(nvs, namespace, "namespace", "", "")
            last = namespace
        generator.write_entry(nvs, key, "data", kind, value)
    generator.nvs_close(nvs)
    return out.getvalue()


def reader(image: bytes) -> NvsLookup:
    """Return a reader over an image."""
    return NvsLookup(lambda offset, length: image[offset : offset + length], len(image))


def flip(image: bytes, at: int) -> bytes:
    """Return the image with one bit changed."""
    return image[:at] + bytes((image[at] ^ 4,)) + image[at + 1 :]


@given(CONTENTS)
@settings(max_examples=150)
def test_what_the_generator_writes_is_read(
    contents: dict[tuple[str, str], tuple[str, Any]],
) -> None:
    """Texts, integers of every width and blobs over several chunks come back as they were."""
    found = reader(make((*name, *value) for name, value in sorted(contents.items())))
    for (namespace, key), (_, value) in contents.items():
        assert found.get(namespace, key) == value
    assert {(namespace, key) for namespace, key, _ in found} == set(contents)
    assert found.damaged == []


def test_a_blob_over_several_pages() -> None:
    """A blob that no page can hold alone is put together again."""
    blob = bytes(range(256)) * 30
    image = make([("a", "small", "u8", 1), ("tls", "ca0", "binary", blob)])
    assert reader(image).get("tls", "ca0") == blob


@pytest.mark.parametrize("size", [10, 1900, 4100])
def test_a_blob_that_was_set_again(size: int) -> None:
    """The driver numbers the chunks of every second version of a blob from 128 on."""
    chip = NvsChip()
    flash = chip.parts["nvs"]
    for letter in (b"a", b"b", b"c"):
        chip.put("net", "ssid", letter * size)
        assert NvsLookup(flash.read, flash.size).get("net", "ssid") == letter * size


def test_a_chunk_at_a_time() -> None:
    """The smaller reader yields a blob's chunks one after another, and not its index."""
    blob = bytes(range(256)) * 30
    image = make([("tls", "ca0", "binary", blob)])
    entries = NvsEntries(lambda offset, length: image[offset : offset + length], len(image))
    assert b"".join(entries.value(place) for _, _, place in entries) == blob


def test_nothing_there() -> None:
    """A blank partition holds nothing, and nothing in it is damaged."""
    found = reader(b"\xff" * SIZE)
    assert (list(found), found.get("a", "b"), found.damaged) == ([], None, [])


@pytest.mark.parametrize("kind", ["string", "binary"])
def test_a_damaged_value_is_named(kind: str) -> None:
    """A value whose bytes changed reads as none, and is named; its neighbours are unharmed."""
    value = "reader-0001" if kind == "string" else b"reader-0001"
    image = make([("factory", "model", "string", "X1"), ("factory", "serial", kind, value)])
    found = reader(flip(image, image.index(b"reader-0001") + 3))
    assert found.get("factory", "serial") is None
    assert found.damaged == ["factory.serial"]
    assert found.get("factory", "model") == "X1"


def test_a_damaged_entry_is_named() -> None:
    """An entry whose head changed is none, and is named as far as it can be read."""
    image = make([("factory", "serial", "string", "S"), ("factory", "made_at", "u32", 7)])
    found = reader(flip(image, image.index(b"made_at") + 18))
    assert found.get("factory", "made_at") is None
    assert found.damaged == ["factory.made_at"]
    assert found.get("factory", "serial") == "S"


def test_a_damaged_page_is_passed_over() -> None:
    """A page whose head changed is named, and the pages behind it are still read."""
    many = [("a", f"k{n:03}", "string", "x" * 60) for n in range(60)]
    image = make(many)
    found = reader(flip(image, 6))
    assert found.damaged == ["page"]
    keys = [key for _, key, _ in found]
    assert len(keys) in range(10, 30)
    assert keys == [key for _, key, _, _ in many[-len(keys) :]]


def test_text_that_is_no_utf8_is_damaged() -> None:
    """Bytes that are no UTF-8 are no text, even if their checksum is right."""
    image = make([("a", "b", "string", "abcd")])
    raw = bytearray(image)
    at = raw.index(b"abcd\0")
    raw[at : at + 4] = b"\xff\xfe\xfd\xfc"
    import zlib

    head = at - 32
    raw[head + 28 : head + 32] = zlib.crc32(raw[at : at + 5], 0xFFFFFFFF).to_bytes(4, "little")
    crc = zlib.crc32(raw[head : head + 4] + raw[head + 8 : head + 32], 0xFFFFFFFF)
    raw[head + 4 : head + 8] = crc.to_bytes(4, "little")
    found = reader(bytes(raw))
    assert (found.get("a", "b"), found.damaged) == (None, ["a.b"])


def test_the_later_of_two_counts() -> None:
    """Of two entries under one name, as power failing in an update leaves them, the later counts."""
    image = make([("a", "b", "string", "old"), ("a", "b", "string", "new")])
    assert reader(image).get("a", "b") == "new"


def test_erased_entries_are_gone() -> None:
    """What is marked as erased is not read, whatever its bytes still say."""
    image = bytearray(make([("a", "b", "string", "old"), ("a", "c", "u8", 7)]))
    image[32] &= 0b11000011  # the second and third entry: b and its text
    found = reader(bytes(image))
    assert (found.get("a", "b"), found.get("a", "c")) == (None, 7)


@given(st.binary(min_size=256, max_size=256), st.integers(0, 2**32))
@settings(max_examples=200)
def test_any_bytes_come_to_an_end(junk: bytes, seed: int) -> None:
    """Junk in place of a partition is read to its end without an exception."""
    image = bytearray(make([("a", "b", "string", "old" * 50), ("a", "c", "binary", b"x" * 500)]))
    at = seed % (len(image) - 256)
    image[at : at + 256] = junk
    found = reader(bytes(image))
    for _, _, place in found:
        found.value(place)
