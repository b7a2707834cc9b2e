"""Taking the claim key off the flash: all of it, in both layouts, whenever the power fails."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from startline.identity import Identity
from startline.nvs.erase_key import erase_key

from startline_host.formats.nvs_lookup import NvsLookup
from startline_host.mock_cloud import MockCloud
from tests.firmware.conftest import MakeReader
from tests.firmware.fake_chip import FakeChip, RamFlash
from tests.firmware.harness import factory_image, settings_for
from tests.firmware.test_copies import Cut, CutFlash
from tests.firmware.test_nvs import make

KEY = "ror-canary-0123456789abcdef-canary"
IMAGE = factory_image(settings_for("https://localhost:1/v0", b"0" * 700, KEY), alias="Gate")


class StockNvs:
    """`esp32.NVS` over a stock `nvs`, as far as forgetting a key goes: its entries are erased."""

    def __init__(self, flash: RamFlash) -> None:
        self.flash = flash

    def erase_key(self, key: str) -> None:
        """Mark every entry of that name as erased; their bytes stay."""
        for page in range(0, self.flash.size, 4096):
            for index in range(126):
                at = page + 64 + 32 * index
                head = bytes(self.flash.data[at : at + 32])
                if head[8:24].rstrip(b"\0") == key.encode():
                    for entry in range(index, index + head[2]):
                        self.flash.data[page + 32 + (entry >> 2)] &= 0xFF ^ 3 << (entry & 3) * 2

    def commit(self) -> None:
        """Be done."""


class StockChip(FakeChip):
    """A chip whose namespaces lie in its `nvs` partition."""

    def nvs(self, _namespace: str) -> Any:
        """Return a namespace."""
        return StockNvs(self.parts["nvs"])


def device(chip: FakeChip) -> Any:
    """Return as much of a device as scrubbing needs."""
    told: list[tuple[str, dict[str, Any]]] = []
    return SimpleNamespace(
        hal=chip, identity=Identity(chip), emit=lambda *what: told.append(what), told=told
    )


def scrub_once(chip: FakeChip) -> list[tuple[str, dict[str, Any]]]:
    """Scrub as a boot does: where there is a key to scrub."""
    one = device(chip)
    if "claim.key" in one.identity.values:
        erase_key(one)
    told: list[tuple[str, dict[str, Any]]] = one.told
    return told


def reader(flash: RamFlash) -> NvsLookup:
    """Return a reader over flash."""
    return NvsLookup(flash.read, flash.size)


def test_the_key_is_gone_and_all_else_is_there() -> None:
    """No part of the key is left in `fctry`, nothing else is touched, and nothing is erased."""
    flash = RamFlash(bytearray(IMAGE))
    assert KEY.encode() in flash.data
    assert scrub_once(StockChip({"fctry": flash}, {})) == [("scrub", {"done": True})]
    assert all(KEY[at : at + 6].encode() not in flash.data for at in range(len(KEY) - 5))
    after, before = reader(flash), reader(RamFlash(bytearray(IMAGE)))
    assert after.get("claim", "key") is None
    names = {(namespace, key) for namespace, key, _ in before} - {("claim", "key")}
    assert {(namespace, key) for namespace, key, _ in after} == names
    assert all(after.get(*name) == before.get(*name) for name in names)
    assert (after.damaged, flash.erased) == ([], [])


def test_a_second_time_there_is_nothing_to_do() -> None:
    """A scrubbed partition has no key to scrub."""
    flash = RamFlash(bytearray(IMAGE))
    scrub_once(StockChip({"fctry": flash}, {}))
    assert scrub_once(StockChip({"fctry": flash}, {})) == []


@given(st.integers(0, 300))
@settings(max_examples=301)
def test_a_cut_anywhere_is_made_good(left: int) -> None:
    """Power that goes at any byte of the scrub leaves a partition that the next boot scrubs."""
    flash = CutFlash(bytearray(IMAGE))
    flash.left = left
    with contextlib.suppress(Cut):
        scrub_once(StockChip({"fctry": flash}, {}))
    flash.left = 10**9
    scrub_once(StockChip({"fctry": flash}, {}))
    assert KEY[:12].encode() not in flash.data
    assert KEY[-12:].encode() not in flash.data
    assert reader(flash).get("factory", "serial") == "DEVICE-123"


def stock(key: str = KEY) -> RamFlash:
    """Return a stock `nvs` with settings in it, and an older key that was replaced."""

    def blob(name: str, text: str) -> tuple[str, str, str, bytes]:
        return "claim", name, "binary", text.encode()

    image = make(
        [
            ("factory", "serial", "binary", b"DEVICE-123"),
            ("factory", "model", "binary", b"Model X1"),
            blob("cloud", "rufus"),
            blob("base_url", "https://localhost:1"),
            blob("key", "ror-older-key-that-was-replaced"),
            blob("key", key),
        ],
        0x6000,
    )
    return RamFlash(bytearray(image))


def test_a_stock_table_is_scrubbed_too() -> None:
    """On a stock table the key's blobs are zeroed, those of an older key as well, then forgotten."""
    flash = stock()
    assert scrub_once(StockChip({"nvs": flash}, {})) == [("scrub", {"done": True})]
    assert b"ror-" not in flash.data
    assert reader(flash).get("claim", "key") is None
    assert reader(flash).get("factory", "serial") == b"DEVICE-123"
    assert flash.data[0x1000:] == b"\xff" * 0x5000  # a page that was never used stays blank
    assert scrub_once(StockChip({"nvs": flash}, {})) == []


def test_leftovers_of_an_erased_key() -> None:
    """An older key whose entry was erased but not overwritten is zeroed as well."""
    flash = stock()
    at = flash.data.index(b"ror-older")
    page, index = 0, (at - 32 - 64) // 32
    for entry in (index, index + 1):
        flash.data[page + 32 + (entry >> 2)] &= 0xFF ^ 3 << (entry & 3) * 2
    scrub_once(StockChip({"nvs": flash}, {}))
    assert b"ror-" not in flash.data


@pytest.mark.parametrize("done", [1, 31, 64, 1000])
def test_leftovers_in_a_page_whose_erase_was_cut(done: int) -> None:
    """A page that was moved, and whose erase was cut after some bytes, keeps no copy of the key."""
    flash = stock()
    page = flash.data[:0x1000]
    flash.data[0x2000:0x3000] = b"\xff" * done + page[done:]
    flash.data[0x2000 + 0x800 : 0x2000 + 0x800 + len(KEY)] = KEY.encode()
    head = bytes(flash.data[0x2000 + done : 0x2000 + 64])
    scrub_once(StockChip({"nvs": flash}, {}))
    assert b"ror-" not in flash.data
    assert bytes(flash.data[0x2000 + done : 0x2000 + 64]) == head
    assert reader(flash).get("factory", "serial") == b"DEVICE-123"


def test_flash_that_keeps_the_key_is_told() -> None:
    """If the bytes do not go, the boot says that the scrub is not done."""
    flash = RamFlash(bytearray(IMAGE))
    flash.broken = 1000
    assert scrub_once(StockChip({"fctry": flash}, {})) == [("scrub", {"done": False})]


@pytest.mark.parametrize("run", ["", "ror-for-the-application"])
def test_a_canary_is_found_nowhere(make_reader: MakeReader, cloud: MockCloud, run: str) -> None:
    """After a real first boot the claim key is in no partition, no record and no line printed."""
    reader = make_reader(run=run)
    boot = reader.boot()
    canary = cloud.keys["WRITE"].encode()
    assert boot.one("scrub")["done"] is True
    assert all(canary not in reader.get(label) for label in ("fctry", "bind", "nvs"))
    assert canary not in reader.blob
    assert canary not in boot.text.encode()


def test_a_key_that_was_not_scrubbed_yet_is(make_reader: MakeReader, cloud: MockCloud) -> None:
    """A bound device that still holds the key, for want of power, finishes the scrub at boot."""
    reader = make_reader()
    image = reader.get("fctry")
    reader.boot()
    reader.put("fctry", image)
    boot = reader.boot()
    assert boot.one("scrub")["done"] is True
    assert reader.get("fctry") != image
    assert reader.boot().all("scrub") == []
