"""Inspecting a dump: whole devices, half loaded ones, damaged ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from startline import __version__
from startline.record.copies import Record, pack
from startline_race.journal import Journal
from startline_race.journal_format import PASSING
from startline_race.passing_format import Passing, pack_passing
from startline_race.progress import Progress

from startline_host.errors import BadInput
from startline_host.formats.bytecode import device_files
from startline_host.formats.factory_partition import (
    DeviceSettings,
    OptionSettings,
    make_factory_image,
)
from startline_host.formats.flash_dump import FlashDump, LazyFlashDump, load_dump
from startline_host.formats.flash_plan import make_plan, merged_image
from startline_host.formats.inspection import Inspection, inspect
from startline_host.formats.journal_summary import JournalSummary
from startline_host.formats.littlefs_image import make_filesystem
from startline_host.formats.nvs_image import NvsEntry, make_nvs_image
from startline_host.formats.nvs_pages import read_pages
from startline_host.formats.partitions import make_table
from startline_host.formats.synthetic_firmware import stock_table
from tests.firmware.fake_chip import RamFlash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from startline_host.boards import Board
    from startline_host.formats.firmware_file import Firmware
    from startline_host.formats.units import Unit

NVS, BIND, FCTRY, VFS, APP = 0x9000, 0x3FA000, 0x3FC000, 0x200000, 0x10000
RACE = 0x2FA000
TOKEN = "65A1B7E0C6BC3D32C268C1506E3F6F39E225DC6ED79573E177E7243E8E38115B"
MAC = bytes.fromhex("246f28000001")


def record(**changes: Any) -> bytes:
    """Make the bytes of a bound device's record."""
    made = Record()
    made.state, made.generation, made.cloud, made.token = "bound", 7, "rufus", TOKEN
    made.serial, made.mac, made.status = "DEVICE-123", MAC, 201
    made.place = hashlib.sha256(b"https://localhost:8443/v0").digest()[:8]
    for name, value in changes.items():
        setattr(made, name, value)
    return pack(made)


def nvs_with(raw: bytes) -> bytes:
    """Make an nvs partition that holds the record's first copy."""
    return make_nvs_image([NvsEntry("startline", "record", "blob", raw)], 0x6000)


@pytest.fixture(scope="session")
def agent_files() -> dict[str, bytes]:
    """Compile the agent once."""
    return device_files()


@pytest.fixture
def flash(
    board: Board,
    firmware: Firmware,
    unit: Unit,
    settings: DeviceSettings,
    agent_files: dict[str, bytes],
) -> bytearray:
    """Make the flash of a loaded and bound device."""
    vfs = make_filesystem(agent_files | {"/app.py": b"x = 1\n"}, 0xFA000)
    plan = make_plan(board, firmware, vfs=vfs, fctry=make_factory_image(unit, settings))
    data = bytearray(merged_image(plan))
    put(data, NVS, nvs_with(record()))
    put(data, BIND + 512, record())
    return data


def put(flash: bytearray, offset: int, data: bytes | bytearray) -> None:
    """Write bytes into a flash."""
    flash[offset : offset + len(data)] = data


def look(flash: bytearray, mac: bytes | None = MAC) -> Inspection:
    """Inspect a whole flash."""
    return inspect(FlashDump({0: bytes(flash)}, len(flash)), mac)


def test_a_whole_device_is_told_in_full(flash: bytearray) -> None:
    """Versions, table, identity, pages and both copies of the record come out of a dump."""
    seen = look(flash)
    assert seen.whole
    assert seen.missing == []
    assert seen.notes == ["the claim key is still there: the device clears it when it starts"]
    assert seen.boot_loader is not None
    assert (seen.boot_loader.chip, seen.boot_loader.flash_size) == ("esp32", 4 << 20)
    assert [row.name for row in seen.table][-3:] == ["race", "bind", "fctry"]
    assert seen.journal is None
    assert seen.application is not None
    assert (seen.application.version, seen.application.verified) == ("1.29.0", True)
    assert seen.agent is not None
    assert seen.agent.version == __version__
    assert seen.agent.owner_files == ["/app.py"]
    assert seen.factory is not None
    assert seen.factory.get("factory", "serial") == "DEVICE-123"
    assert all(page.healthy for page in seen.nvs_pages + seen.fctry_pages)
    assert len(seen.nvs_pages) == 6
    assert seen.record is not None
    assert (seen.record.state, seen.record.reason) == ("bound", "")
    assert seen.record.nvs == seen.record.bind
    assert (seen.record.nvs.token, seen.record.nvs.mac) == (TOKEN, "24:6f:28:00:00:01")


def test_a_journal_is_summed_up(flash: bytearray) -> None:
    """A dump tells how many passings its journal holds, and how many are not at the cloud."""
    race = RamFlash(bytearray(b"\xff" * 0x100000))
    journal = Journal(race, b"owner--1")
    journal.open()
    progress = Progress(journal)
    for number in range(1, 301):
        passing = Passing()
        passing.number, passing.chip = number, "7F"
        journal.append(PASSING, pack_passing(passing, bytearray(240)))
        journal.number = number + 1
    progress.sent(101, 100, 0)
    put(flash, RACE, race.data)
    owners = frozenset([b"owner--1"])
    assert look(flash).journal == JournalSummary(stored=300, waiting=200, owners=owners)
    put(flash, RACE + 4, b"\x7f")
    assert look(flash).whole


def test_secrets_are_masked_in_every_form_of_it(flash: bytearray) -> None:
    """Neither the finding's repr nor its JSON holds a key or password; the key has a fingerprint."""
    seen = look(flash)
    for text in (repr(seen), msgspec.json.encode(seen).decode()):
        assert "ror-" not in text
        assert "bench-wifi" not in text
    assert seen.factory is not None
    fingerprint = hashlib.sha256(b"ror-ae4fc6c19681a20fad30").hexdigest()[:8]
    assert seen.factory.get("claim", "key") == f"******** (fingerprint {fingerprint})"
    assert seen.factory.get("net", "password") == "********"


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda f: put(f, 0x1000, b"\xff" * 0x7000), ["boot loader: there is none"]),
        (lambda f: put(f, 0x1100, b"\x00"), ["boot loader: The checksum of the boot loader"]),
        (
            lambda f: put(f, 0x8000, b"\xff" * 0x1000),
            ["partition table: The partition table is blank"],
        ),
        (lambda f: put(f, APP, b"\xff" * 0x1F0000), ["application: there is none"]),
        (
            lambda f: put(f, APP + 0x3000, bytes(64)),
            ["application: The checksum of the application"],
        ),
        (lambda f: put(f, VFS, b"\xff" * 0xFA000), ["vfs: it is blank"]),
        (lambda f: put(f, VFS, bytes(0x2000)), ["vfs: This is not an intact file system"]),
        (
            lambda f: put(f, VFS, make_filesystem({"/main.py": b""}, 0xFA000)),
            ["agent: vfs has no /boot.py, /lib/startline/__init__.mpy"],
        ),
        (
            lambda f: put(f, FCTRY, b"\xff" * 0x4000),
            ["fctry: factory.serial, factory.model, claim.cloud, claim.base_url not provisioned"],
        ),
    ],
)
def test_a_half_loaded_device_says_what_is_missing(
    flash: bytearray, spoil: Callable[[bytearray], None], missing: list[str]
) -> None:
    """Whatever part is blank or damaged is named, and the rest is still told."""
    spoil(flash)
    seen = look(flash)
    assert not seen.whole
    assert len(seen.missing) == len(missing)
    assert all(text.startswith(start) for text, start in zip(seen.missing, missing, strict=True))


def test_a_blank_chip_is_told_as_such() -> None:
    """A flash of nothing has no boot loader and no table, and that is all."""
    seen = look(bytearray(b"\xff") * (4 << 20))
    assert seen.missing == [
        "boot loader: there is none",
        "partition table: The partition table is blank.",
    ]


def test_a_lost_table_does_not_hide_the_binding(flash: bytearray) -> None:
    """Where power failed while the table was written, the record is found in its usual place."""
    put(flash, 0x8000, b"\xff" * 0x1000)
    seen = look(flash)
    assert seen.record is not None
    assert (seen.record.state, seen.table) == ("bound", [])
    assert seen.factory is not None
    assert seen.factory.get("factory", "serial") == "DEVICE-123"
    assert seen.notes == ["no table: identity and record were looked for in the usual places"]


@pytest.mark.parametrize(
    ("nvs", "bind", "verdict", "found"),
    [
        (b"", b"", ("unbound", ""), ("blank", "blank")),
        (record(), b"", ("bound", ""), ("record", "blank")),
        (b"", record(), ("bound", ""), ("blank", "record")),
        (record(), record(generation=8, state="refused"), ("refused", ""), ("record", "record")),
        (record(), record(state="unknown"), ("bound", ""), ("record", "record")),
        (b"SLrc torn", b"", ("unknown", "record_damaged"), ("damaged", "blank")),
        (b"", b"SLrc torn", ("unknown", "record_damaged"), ("blank", "damaged")),
        (record(serial="OTHER"), b"", ("unknown", "foreign_record"), ("record", "blank")),
        (record(mac=bytes(6)), b"", ("unknown", "foreign_record"), ("record", "blank")),
    ],
)
def test_both_copies_are_judged_as_the_agent_would(
    flash: bytearray,
    nvs: bytes,
    bind: bytes,
    verdict: tuple[str, str],
    found: tuple[str, str],
) -> None:
    """The state shown is the one that the device will come up in, with both copies beside it."""
    put(flash, NVS, nvs_with(nvs) if nvs else b"\xff" * 0x6000)
    put(flash, BIND, bind.ljust(0x2000, b"\xff"))
    seen = look(flash).record
    assert seen is not None
    assert (seen.state, seen.reason) == verdict
    assert (seen.nvs.found, seen.bind.found) == found


def test_without_the_chips_mac_the_records_own_is_believed(flash: bytearray) -> None:
    """A dump does not hold the chip's MAC; the record is then judged by the rest."""
    seen = look(flash, mac=None).record
    assert seen is not None
    assert seen.state == "bound"


def test_a_stock_table_is_understood(
    flash: bytearray, unit: Unit, settings: DeviceSettings
) -> None:
    """With a stock table identity and the one copy of the record are read from nvs."""
    put(flash, 0x8000, make_table(stock_table()))
    told = [
        NvsEntry(space, key, "blob", value)
        for space, key, value in [
            ("factory", "serial", b"DEVICE-123"),
            ("factory", "model", b"Model X1"),
            ("claim", "cloud", b"rufus"),
            ("claim", "base_url", b"https://localhost:8443/v0"),
            ("claim", "key", b"ror-ae4fc6c19681a20fad30"),
        ]
    ]
    told.append(NvsEntry("startline", "record", "blob", record()))
    put(flash, NVS, make_nvs_image(told, 0x6000))
    seen = look(flash)
    assert seen.stock
    assert seen.factory is not None
    assert seen.factory.get("factory", "model") == "Model X1"
    assert "ror-" not in repr(seen.factory)
    assert seen.record is not None
    assert (seen.record.state, seen.record.bind.found) == ("bound", "absent")


def test_a_damaged_nvs_page_is_noted(flash: bytearray) -> None:
    """A page whose header or entries do not add up is named by number, and the rest is read."""
    put(flash, NVS + 0x1000, b"\x00" * 64)
    put(flash, FCTRY + 64 + 2 * 32, b"\x00")
    notes = look(flash).notes
    assert "nvs: page 1 is damaged" in notes
    assert any(note.startswith("fctry: page 0 is active with 1 broken") for note in notes)


def test_parts_of_a_flash_are_enough_for_part_of_the_answer(flash: bytearray) -> None:
    """A reader of a device over a slow line may leave out vfs and most of the application."""
    parts = {at: bytes(flash[at:end]) for at, end in ((0, 0x11000), (BIND, 0x400000))}
    seen = inspect(FlashDump(parts, len(flash)), MAC)
    assert seen.agent is None
    assert seen.application is not None
    assert (seen.application.version, seen.application.verified) == ("1.29.0", False)
    assert seen.record is not None
    assert (seen.record.state, seen.missing) == ("bound", [])


def test_an_official_images_version_is_found_where_it_stands(flash: bytearray) -> None:
    """Its descriptor tells no version: the banner among the constants does, or who was asked."""
    descriptor = flash.index(b"v1.29.0\x00", 0x10000)
    flash[descriptor : descriptor + 7] = b"f61fac0"
    banner = flash.index(b"MicroPython v1.29.0 on", 0x10000)
    known = {0: bytes(flash[:banner]), BIND: bytes(flash[BIND:])}
    partly = inspect(FlashDump(known, len(flash)), MAC)
    assert partly.application is not None
    assert (partly.application.version, partly.missing) == ("", [])
    asked = inspect(FlashDump(known, len(flash)), MAC, running="1.26.1")
    assert asked.application is not None
    assert asked.application.version == "1.26.1"
    dump = LazyFlashDump(known, len(flash), lambda at, size: bytes(flash[at : at + size]))
    dump.allow(0x10020, 0x200)
    grown = inspect(dump, MAC)
    assert grown.application is not None
    assert (grown.application.version, grown.application.verified) == ("1.29.0", False)


def test_a_dump_can_grow_where_it_is_allowed_to(flash: bytearray) -> None:
    """With vfs opened, a part of it is fetched, and the agent's version is told."""
    parts = {at: bytes(flash[at:end]) for at, end in ((0, 0x11000), (BIND, 0x400000))}
    fetched: list[tuple[int, int]] = []

    def fetch(offset: int, length: int) -> bytes:
        fetched.append((offset, length))
        return bytes(flash[offset : offset + length])

    dump = LazyFlashDump(parts, len(flash), fetch)
    dump.allow(VFS, 0xFA000)
    seen = inspect(dump, MAC)
    assert seen.agent is not None
    assert (seen.agent.version, seen.agent.owner_files) == (__version__, ["/app.py"])
    assert seen.missing == []
    assert 0 < sum(length for _, length in fetched) <= 10 << 16
    assert len({offset for offset, _ in fetched}) == len(fetched)
    whole = dump.read(VFS + 0xF0000, 0xA000)
    assert whole == flash[VFS + 0xF0000 : VFS + 0xFA000]
    with pytest.raises(BadInput, match="not in the dump"):
        dump.read(VFS + 0xF0000, 0xA001)


def test_a_device_that_means_to_bind_and_cannot_says_what_it_lacks(
    flash: bytearray, unit: Unit, settings: DeviceSettings
) -> None:
    """An unbound device without its key or its CA is half loaded; a bound one needs neither."""
    bare = msgspec.structs.replace(
        settings,
        claim=msgspec.structs.replace(settings.claim, base_url="http://localhost:8443/v0"),
        set=OptionSettings(insecure_http=True),
    )
    image = bytearray(make_factory_image(unit, bare))
    put(flash, FCTRY, image)
    put(flash, NVS, b"\xff" * 0x6000)
    put(flash, BIND, b"\xff" * 0x2000)
    assert look(flash).missing == []
    at = image.index(b"key\x00")
    image[at + 16 : at + 24] = bytes(8)
    put(flash, FCTRY, image)
    assert "binding: claim.key not provisioned" in look(flash).missing


def test_a_dump_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    """A file that is no whole flash says how to get one."""
    path = tmp_path / "dump.bin"
    path.write_bytes(bytes(3 << 20))
    with pytest.raises(BadInput, match=r"3145728 bytes, .*size of a flash chip") as caught:
        load_dump(path)
    assert "read-flash 0 ALL" in caught.value.hint
    with pytest.raises(BadInput, match="cannot be read"):
        load_dump(tmp_path / "none.bin")


def test_a_dump_smaller_than_its_table_is_refused(flash: bytearray, tmp_path: Path) -> None:
    """The first half of a flash is no dump of it."""
    path = tmp_path / "half.bin"
    path.write_bytes(flash[: 2 << 20])
    with pytest.raises(BadInput, match="its partition table goes to 4194304"):
        inspect(load_dump(path))


def test_bytes_outside_the_known_parts_are_an_error() -> None:
    """A sparse dump never makes up bytes."""
    dump = FlashDump({0: b"abc", 10: b"xyz"}, 100)
    assert (dump.has(10, 3), dump.has(2, 2), dump.has(11, 3)) == (True, False, False)
    assert dump.read(11, 2) == b"yz"
    with pytest.raises(BadInput, match="not in the dump"):
        dump.read(2, 2)


def test_page_health_counts_entries() -> None:
    """Written, erased and empty entries of a page add up to 126, and each state has its name."""
    entries = [NvsEntry("a", "k", "u8", 1), NvsEntry("a", "t", "string", "x" * 40)]
    image = bytearray(make_nvs_image(entries, 0x4000))
    # Erase entry 1 the way NVS does: both of its bits go to 0.
    image[32] &= 0b11110011
    first, second = read_pages(bytes(image))[:2]
    assert (first.written, first.erased, first.empty) == (4, 1, 121)
    assert (first.state, first.broken, second.state) == ("active", 0, "blank")
    image[0x1000 + 500] = 0
    assert read_pages(bytes(image))[1].stray
    for word, state in ((0xFC, "full"), (0xF8, "freeing"), (0xF0, "corrupt"), (0xF4, "damaged")):
        image[0] = word
        assert read_pages(bytes(image))[0].state == state
    with pytest.raises(BadInput, match="pages of 4096"):
        read_pages(bytes(100))
