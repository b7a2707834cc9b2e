"""The serial loader's packets: commands, answers, and the two dialects of their status bytes.

Source: Espressif's "Serial Protocol" page. The ROM of an ESP32 ends each answer with four
status bytes, the stub loader with two, and their error codes have nothing in common.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

_HEADER = struct.Struct("<BBHI")
_REQUEST, _RESPONSE = 0, 1


class LoaderCommand(IntEnum):
    """What a client may ask; from 0xD0 on only of the stub."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2
    RUN_USER_CODE = 0xD3


class LoaderProblem(IntEnum):
    """Why a command is refused."""

    UNKNOWN = auto()
    BAD_LENGTH = auto()
    BAD_CHECKSUM = auto()
    NOT_BEGUN = auto()
    TOO_MUCH = auto()
    FLASH_FAILED = auto()
    READ_BACK_DIFFERS = auto()
    READ_TOO_LONG = auto()
    BAD_DEFLATE = auto()


class RefusedError(Exception):
    """A command cannot be done; `problem` goes back to the client."""

    def __init__(self, problem: LoaderProblem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@dataclass(frozen=True)
class LoaderDialect:
    """How one of the two loaders words its answers."""

    is_stub: bool
    sync_value: int
    """A client that reads 0 here knows that the stub runs already."""
    success: bytes
    codes: dict[LoaderProblem, int]

    def status(self, problem: LoaderProblem | None) -> bytes:
        """Return the status bytes for success (None) or `problem`."""
        if problem is None:
            return self.success
        code = self.codes[problem]
        return bytes((code, 0)) if self.is_stub else bytes((1, code, 0, 0))


ROM = LoaderDialect(
    is_stub=False,
    sync_value=0x20120707,
    success=bytes(4),
    codes={
        LoaderProblem.UNKNOWN: 0x05,
        LoaderProblem.BAD_LENGTH: 0x05,
        LoaderProblem.BAD_CHECKSUM: 0x07,
        LoaderProblem.NOT_BEGUN: 0x06,
        LoaderProblem.TOO_MUCH: 0x06,
        LoaderProblem.FLASH_FAILED: 0x06,
        LoaderProblem.READ_BACK_DIFFERS: 0x08,
        LoaderProblem.READ_TOO_LONG: 0x0A,
        LoaderProblem.BAD_DEFLATE: 0x0B,
    },
)
STUB = LoaderDialect(
    is_stub=True,
    sync_value=0,
    success=bytes(2),
    codes={
        LoaderProblem.UNKNOWN: 0xFF,
        LoaderProblem.BAD_LENGTH: 0xC0,
        LoaderProblem.BAD_CHECKSUM: 0xC1,
        LoaderProblem.NOT_BEGUN: 0xC6,
        LoaderProblem.TOO_MUCH: 0xC9,
        LoaderProblem.FLASH_FAILED: 0xC4,
        LoaderProblem.READ_BACK_DIFFERS: 0xC4,
        LoaderProblem.READ_TOO_LONG: 0xC0,
        LoaderProblem.BAD_DEFLATE: 0xC7,
    },
)


class LoaderRequest(NamedTuple):
    """One command packet; `sound` says that its length field tells the truth."""

    command: int
    checksum: int
    body: bytes
    sound: bool


def parse(frame: bytes) -> LoaderRequest | None:
    """Return the request in `frame`, or None if it is not one (noise, an echo)."""
    if len(frame) < _HEADER.size:
        return None
    direction, command, size, checksum = _HEADER.unpack_from(frame)
    if direction != _REQUEST:
        return None
    body = frame[_HEADER.size :]
    return LoaderRequest(command, checksum, body, len(body) == size)


def words(body: bytes, count: int) -> tuple[int, ...]:
    """Return `body` as exactly `count` 32-bit words. Raises RefusedError for any other length."""
    if len(body) != 4 * count:
        raise RefusedError(LoaderProblem.BAD_LENGTH)
    return struct.unpack(f"<{count}I", body)


def answer(command: int, value: int, data: bytes, status: bytes) -> bytes:
    """Return a response packet: `value` in its header, `data` and `status` behind it."""
    body = data + status
    return _HEADER.pack(_RESPONSE, command, len(body), value) + body
