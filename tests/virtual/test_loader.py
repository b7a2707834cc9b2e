"""The serial loader's answers to what a client may get wrong, as ROM and as stub."""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import reduce

import pytest

from startline_host.virtual import slip
from startline_host.virtual.flash import NorFlash
from startline_host.virtual.registers import Registers
from startline_host.virtual.rom import RESET, RUN, RomLoader

SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
STUB_AT = 0x40090000


class LoaderClient:
    """Speaks the loader's protocol to a loader in the same process."""

    def __init__(self) -> None:
        self.flash = NorFlash(size=4 << 20)
        self.loader = RomLoader(self.flash, Registers(bytes(6), 4 << 20, lambda: 115200))
        self.is_stub = False

    def send(self, frame: bytes) -> list[bytes]:
        """Send one frame; return the frames that come back."""
        return slip.SlipDecoder().feed(self.loader.feed(slip.encode(frame)))

    def ask(self, command: int, body: bytes = b"", checksum: int = 0) -> tuple[int, bytes, bytes]:
        """Send a command; return (value, data, status) of its one answer."""
        answer, *rest = self.send(struct.pack("<BBHI", 0, command, len(body), checksum) + body)
        assert rest == []
        direction, echoed, size, value = struct.unpack_from("<BBHI", answer)
        assert (direction, size) == (1, len(answer) - 8)
        assert echoed in {command, 0}
        end = -2 if self.is_stub else -4
        return value, answer[8:end], answer[end:]

    def words(self, command: int, *words: int) -> bytes:
        """Send a command of 32-bit words; return the status bytes."""
        return self.ask(command, struct.pack(f"<{len(words)}I", *words))[2]

    def block(self, command: int, sequence: int, data: bytes) -> bytes:
        """Send a data block with its checksum; return the status bytes."""
        checksum = reduce(lambda total, byte: total ^ byte, data, 0xEF)
        body = struct.pack("<IIII", len(data), sequence, 0, 0) + data
        return self.ask(command, body, checksum)[2]

    def start_stub(self) -> None:
        """Upload something, run it, and see the stub's greeting."""
        assert self.words(0x05, 4, 1, 4, STUB_AT) == bytes(4)
        assert self.block(0x07, 0, b"stub") == bytes(4)
        body = struct.pack("<II", 0, STUB_AT)
        _answer, greeting = self.send(struct.pack("<BBHI", 0, 0x06, 8, 0) + body)
        assert greeting == b"OHAI"
        self.is_stub = True


@pytest.fixture
def rom() -> LoaderClient:
    """Return a client of the ROM's loader."""
    return LoaderClient()


@pytest.fixture
def stub() -> LoaderClient:
    """Return a client of the stub."""
    client = LoaderClient()
    client.start_stub()
    return client


@pytest.fixture(params=["rom", "stub"])
def either(request: pytest.FixtureRequest) -> LoaderClient:
    """Return a client of each in turn."""
    client = request.getfixturevalue(request.param)
    assert isinstance(client, LoaderClient)
    return client


def ok(client: LoaderClient) -> bytes:
    """Return the status bytes of success."""
    return bytes(2 if client.is_stub else 4)


def refusal(client: LoaderClient, rom: int, stub: int) -> bytes:
    """Return the status bytes of an error that ROM and stub number differently."""
    return bytes((stub, 0)) if client.is_stub else bytes((1, rom, 0, 0))


def test_sync_is_answered_eight_times(either: LoaderClient) -> None:
    """Both answer eight times; only the stub with the value 0, by which clients know it."""
    answers = either.send(struct.pack("<BBHI", 0, 0x08, 36, 0) + SYNC)
    values = {struct.unpack_from("<BBHI", answer)[3] for answer in answers}
    assert (len(answers), values) == (8, {0 if either.is_stub else 0x20120707})


def test_a_wrong_checksum_is_refused(either: LoaderClient) -> None:
    """A damaged block is not written, and the client learns why."""
    assert either.words(0x02, 1024, 1, 1024, 0x10000) == ok(either)
    body = struct.pack("<IIII", 4, 0, 0, 0) + b"data"
    assert either.ask(0x03, body, 0x55)[2] == refusal(either, 0x07, 0xC1)
    assert either.flash.read(0x10000, 4) == b"\xff" * 4


def test_a_length_that_lies_is_refused(either: LoaderClient) -> None:
    """A packet whose length fields do not match what arrived is refused."""
    [answer] = either.send(struct.pack("<BBHI", 0, 0x0A, 8, 0) + bytes(4))
    assert answer.endswith(refusal(either, 0x05, 0xC0))
    assert either.words(0x02, 1024, 1, 1024, 0) == ok(either)
    body = struct.pack("<IIII", 5, 0, 0, 0) + b"data"
    assert either.ask(0x03, body)[2] == refusal(either, 0x05, 0xC0)


@pytest.mark.parametrize("command", [0x02, 0x05, 0x06, 0x09, 0x0A, 0x0B, 0x0D, 0x0F, 0x13])
def test_wrong_parameters_are_refused(either: LoaderClient, command: int) -> None:
    """A parameter block of the wrong size is refused, whatever the command."""
    assert either.ask(command, b"\x00\x00\x00")[2] == refusal(either, 0x05, 0xC0)


def test_an_unknown_command_is_refused(either: LoaderClient) -> None:
    """A chip that does not know GET_SECURITY_INFO says so; so does its stub."""
    assert either.ask(0x14)[2] == refusal(either, 0x05, 0xFF)


def test_each_has_commands_of_its_own(rom: LoaderClient, stub: LoaderClient) -> None:
    """Chip erase belongs to the stub alone, slow reading to the ROM alone."""
    assert rom.ask(0xD0)[2] == refusal(rom, 0x05, 0)
    assert stub.words(0x0E, 0, 16) == refusal(stub, 0, 0xFF)


def test_data_without_a_begin_is_refused(either: LoaderClient) -> None:
    """A block that no begin announced goes nowhere."""
    assert either.block(0x03, 0, b"data") == refusal(either, 0x06, 0xC6)


def test_the_end_of_the_chip_is_the_end(either: LoaderClient) -> None:
    """Writing, erasing and digesting past the last byte is refused."""
    assert either.words(0x0B, 0, 16 << 20, 65536, 4096, 256, 0xFFFF) == ok(either)
    assert either.words(0x02, 4096, 4, 1024, 4 << 20) == refusal(either, 0x06, 0xC4)
    assert either.words(0x13, (4 << 20) - 16, 32, 0, 0) == refusal(either, 0x06, 0xC4)


def test_the_rom_believes_in_two_megabytes(rom: LoaderClient) -> None:
    """Until a client names the size, the ROM's world ends at 2 MB."""
    assert rom.words(0x13, 2 << 20, 16, 0, 0) == refusal(rom, 0x06, 0)
    rom.words(0x0B, 0, 4 << 20, 65536, 4096, 256, 0xFFFF)
    assert rom.words(0x13, 2 << 20, 16, 0, 0) == ok(rom)


def test_a_repeated_block_is_written_once(either: LoaderClient) -> None:
    """A client that missed an answer may send its block again; it is not written twice."""
    either.words(0x02, 2048, 2, 1024, 0)
    for sequence, data in ((0, b"a"), (0, b"a"), (1, b"b")):
        assert either.block(0x03, sequence, data * 1024) == ok(either)
    assert either.flash.read(0, 2048) == b"a" * 1024 + b"b" * 1024


def test_a_missing_block_is_refused(either: LoaderClient) -> None:
    """A gap in the sequence is not papered over."""
    either.words(0x02, 2048, 2, 1024, 0)
    assert either.block(0x03, 1, bytes(1024)) == refusal(either, 0x05, 0xC0)


def test_garbage_for_deflate(rom: LoaderClient, stub: LoaderClient) -> None:
    """The ROM refuses broken deflate data at once, the stub with the next command."""
    for client in (rom, stub):
        assert client.words(0x10, 4096, 1, 1024, 0) == ok(client)
    assert rom.block(0x11, 0, b"no deflate") == refusal(rom, 0x0B, 0)
    assert stub.block(0x11, 0, b"no deflate") == ok(stub)
    assert stub.words(0x0A, 0x40001000) == refusal(stub, 0, 0xC7)
    assert stub.words(0x0A, 0x40001000) == ok(stub)


def test_more_data_than_announced_is_refused(rom: LoaderClient) -> None:
    """Deflated data that unpacks to more than the begin said is refused."""
    rom.words(0x10, 4096, 1, 1024, 0)
    assert rom.block(0x11, 0, zlib.compress(bytes(5000))) == refusal(rom, 0x06, 0)


def test_the_stub_misses_what_is_missing(stub: LoaderClient) -> None:
    """Ending a download before all bytes came is refused by the stub."""
    stub.words(0x10, 4096, 1, 1024, 0)
    assert stub.words(0x12, 1) == refusal(stub, 0, 0xC0)


def test_the_rom_reads_back(rom: LoaderClient) -> None:
    """Bits that an erase did not set make the ROM report a write error."""
    rom.words(0x02, 0, 0, 1024, 0)
    rom.flash.program(0, b"\x00")
    assert rom.block(0x03, 0, b"\xff" + bytes(1023)) == refusal(rom, 0x08, 0)


def test_digests_are_worded_differently(rom: LoaderClient, stub: LoaderClient) -> None:
    """The ROM digests to 32 hexadecimal digits, the stub to 16 bytes."""
    digest = hashlib.md5(b"\xff" * 100, usedforsecurity=False)
    body = struct.pack("<IIII", 0x1234, 100, 0, 0)
    assert rom.ask(0x13, body)[1] == digest.hexdigest().encode()
    assert stub.ask(0x13, body)[1] == digest.digest()


def test_slow_reads_are_short(rom: LoaderClient) -> None:
    """The ROM reads 64 bytes at most, and always answers with 64."""
    rom.flash.program(100, b"abc")
    assert rom.ask(0x0E, struct.pack("<II", 100, 3))[1] == b"abc".ljust(64, b"\x00")
    assert rom.words(0x0E, 0, 65) == refusal(rom, 0x0A, 0)


def _flash_identification(client: LoaderClient) -> int:
    """Ask the flash for its identification through the registers, as esptool does."""
    for address, value in ((0x3FF42024, 7 << 28 | 0x9F), (0x3FF42000, 1 << 18)):
        client.ask(0x09, struct.pack("<4I", address, value, 0xFFFFFFFF, 0))
    return client.ask(0x0A, struct.pack("<I", 0x3FF42080))[0]


def test_the_flash_answers_once_it_is_attached(rom: LoaderClient, stub: LoaderClient) -> None:
    """The ROM leaves the flash's pins alone until it is told; the stub has them from the start."""
    assert _flash_identification(rom) == 0xFFFFFFFF
    assert rom.words(0x0D, 0, 0) == bytes(4)
    assert _flash_identification(rom) == _flash_identification(stub) == 0x1640C8


def test_a_read_that_is_broken_off_ends(stub: LoaderClient) -> None:
    """A frame that is no acknowledgement ends a streamed read with the digest so far."""
    command = struct.pack("<BBHIIIII", 0, 0xD2, 16, 0, 0, 8192, 4096, 64)
    _answer, packet = stub.send(command)
    assert packet == b"\xff" * 4096
    assert stub.send(b"stop!") == [hashlib.md5(packet, usedforsecurity=False).digest()]
    assert stub.words(0x0A, 0x40001000) == ok(stub)


def test_erasing_off_a_sector_is_refused(stub: LoaderClient) -> None:
    """The stub erases whole sectors only."""
    assert stub.words(0xD1, 0x100, 4096) == refusal(stub, 0, 0xC0)
    assert stub.words(0xD1, 0, 100) == refusal(stub, 0, 0xC0)


@pytest.mark.parametrize(("word", "rom_goes", "stub_goes"), [(0, RESET, RESET), (1, RUN, None)])
def test_leaving(
    rom: LoaderClient, stub: LoaderClient, word: int, rom_goes: str | None, stub_goes: str | None
) -> None:
    """An end with 0 resets either; with 1 the ROM starts the program and the stub stays."""
    for client, goes in ((rom, rom_goes), (stub, stub_goes)):
        client.words(0x02, 0, 0, 1024, 0)
        assert client.words(0x04, word) == ok(client)
        assert client.loader.leaving == goes


def test_code_elsewhere_is_not_the_stub(rom: LoaderClient) -> None:
    """Jumping to where nothing was uploaded is acknowledged and does nothing."""
    rom.words(0x05, 4, 1, 4, STUB_AT)
    assert rom.words(0x06, 0, 0x40001000) == bytes(4)


def test_noise_between_frames_is_skipped(either: LoaderClient) -> None:
    """Text on the line, an echo of an answer, a half frame: none of it is answered."""
    for noise in (b"\r\n>>> ", b"\xc0\xc0", slip.encode(bytes((1, 0x0A)) + bytes(8)), b"\xc0\x00"):
        assert either.loader.feed(noise) == b""
    either.loader.feed(b"\xc0")
    assert either.words(0x0A, 0x40001000) == ok(either)
