"""Which dumps `startline race` takes: whole ones of a chip or a journal, of the reader that is meant."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from startline_race.journal_format import FORMAT, SECTOR

from tests.race.conftest import Run, result
from tests.race_role.racing import RacingReader


def test_dumps_that_are_none(run: Run, dump: Path, tmp_path: Path) -> None:
    """A dump that is cut short, of another board, or of something else is told (60)."""
    whole = dump.read_bytes()
    bad = tmp_path / "bad.bin"
    chip = _chip(whole)
    for data, words in (
        (whole[:-SECTOR], "cut short"),
        (whole[: len(whole) // 2 + 1], "cut short"),
        (chip[:0x300000], "cut short"),
        (_chip(whole, b"other"), "no partition 'race'"),
        (b"PK\x03\x04" * 1000, "neither the dump of a chip"),
        (b"", "neither the dump of a chip"),
        (_chip(b"\xff" * 0x100000), "empty"),
    ):
        bad.write_bytes(data)
        code, out, err = run("list", "--dump", bad)
        assert (code, out) == (60, ""), words
        assert words in err
    code, _, err = run("list", "--dump", tmp_path / "none.bin")
    assert code == 60
    assert "cannot be read" in err


def _chip(race: bytes, name: bytes = b"race") -> bytes:
    """Return the flash of a chip with a journal and nothing else."""
    rows = b"".join(
        b"\xaa\x50" + bytes(kind) + at.to_bytes(4, "little") + size.to_bytes(4, "little")
        + label.ljust(16, b"\0") + bytes(4)
        for kind, at, size, label in (
            ((1, 2), 0x9000, 0x6000, b"nvs"), ((1, 0x41), 0x2FA000, 0x100000, name),
            ((1, 0x40), 0x3FA000, 0x2000, b"bind"),
        )
    )  # fmt: skip
    flash = bytearray(b"\xff" * 0x400000)
    table = rows + b"\xeb\xeb" + 14 * b"\xff" + hashlib.md5(rows).digest()  # noqa: S324
    flash[0x8000 : 0x8000 + len(table)] = table
    flash[0x2FA000 : 0x2FA000 + len(race)] = race
    return bytes(flash)


def test_a_whole_chip_is_a_dump_too(run: Run, dump: Path, tmp_path: Path) -> None:
    """Of the dump of a chip the journal is found by its partition table."""
    path = tmp_path / "chip.bin"
    path.write_bytes(_chip(dump.read_bytes()))
    assert run("list", "--dump", path) == run("list", "--dump", dump)


def test_a_serial_number_that_is_wanted_is_made_sure(
    run: Run, racer: RacingReader, tmp_path: Path
) -> None:
    """Where fctry is not there, the record tells whose dump it is (11); where nothing does: 60."""
    path = tmp_path / "chip.bin"
    race = (racer.folder / "race").read_bytes()
    blank = bytearray(_chip(race))
    bound = bytearray(blank)
    bound[0x3FA000:0x3FC000] = (racer.folder / "bind").read_bytes()
    for data, words, code in (
        (blank, "does not tell its serial number", 60),
        (bound, "the journal of DEVICE-123, not of WRONG-1", 11),
    ):
        path.write_bytes(data)
        for verb in ("status", "list", "export"):
            code_, out, err = run(verb, "--dump", path, "--serial", "WRONG-1")
            assert (code_, out) == (code, "")
            assert words in err
        assert run("status", "--dump", path)[0] == 0
    assert result(run("status", "--dump", path, "--serial", "device-123", "--json"))["serial"] == (
        "DEVICE-123"
    )


@pytest.mark.parametrize("given", [["-p", "/dev/ttyUSB0"], ["--interrupt"], ["--hard"]])
def test_a_dump_is_no_device(
    run: Run, dump: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump beside what is meant for a device is refused (2); a port in the environment is not typed."""
    for verb in ("status", "list", "export"):
        code, out, err = run(verb, "--dump", dump, *given)
        assert (code, out) == (2, "")
        assert f"either --dump or {given[0].replace('-p', '--port')}" in err
    monkeypatch.setenv("STARTLINE_PORT", "/dev/ttyUSB0")
    assert run("status", "--dump", dump)[0] == 0


def test_a_newer_journal_is_left_alone(run: Run, dump: Path) -> None:
    """A journal of a later format is told (60)."""
    from binascii import crc32

    data = bytearray(dump.read_bytes())
    data[4] = FORMAT + 1
    data[28:32] = crc32(data[:28]).to_bytes(4, "little")
    dump.write_bytes(data)
    code, _, err = run("status", "--dump", dump)
    assert code == 60
    assert f"format {FORMAT + 1}" in err


@pytest.mark.parametrize("byte", ["random", "zeros", "one"])
def test_what_is_no_journal_is_not_called_empty(run: Run, tmp_path: Path, byte: str) -> None:
    """Blank flash alone is empty (60); anything else that is no journal may be a damaged one (40)."""
    path = tmp_path / "chip.bin"
    blank = bytes([0xFF])
    race = {
        "random": random.Random(1).randbytes(0x100000), "zeros": bytes(0x100000),
        "one": blank * 0x80000 + b"\x7f" + blank * 0x7FFFF,
    }[byte]  # fmt: skip
    path.write_bytes(_chip(race))
    for verb in ("status", "list", "export"):
        code, out, err = run(verb, "--dump", path)
        assert (code, out) == (40, "")
        assert "no journal, or one that is damaged" in err
        assert "empty" not in err
