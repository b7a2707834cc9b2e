"""The serial loader in the chip's ROM, and the stub that clients upload to replace it."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from startline_host.virtual import slip
from startline_host.virtual.boot_image import checksum
from startline_host.virtual.flash_service import FlashService, ReadOut
from startline_host.virtual.protocol import (
    ROM,
    STUB,
    LoaderCommand,
    LoaderProblem,
    LoaderRequest,
    RefusedError,
    answer,
    parse,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.virtual.flash import NorFlash
    from startline_host.virtual.registers import Registers

    _Handlers: TypeAlias = "dict[int, Callable[[RomLoader, LoaderRequest], int | bytes | None]]"

_SYNC_BODY = b"\x07\x07\x12\x20" + b"\x55" * 32
_SYNC_ANSWERS = 8
_BLOCK = struct.Struct("<IIII")
_GREETING = b"OHAI"

RUN = "run"
"""`RomLoader.leaving`: start from flash."""
RESET = "reset"
"""`RomLoader.leaving`: reset the chip with its boot pins as they were, into this loader again."""


class RomLoader:
    """A state machine from bytes of the client to bytes for the client.

    The stub is not executed: whatever is uploaded and entered is taken for it, and from then
    on the answers are the stub's.
    """

    def __init__(self, flash: NorFlash, registers: Registers) -> None:
        self.leaving: str | None = None
        self._flash = flash
        self._registers = registers
        # After a reset the ROM leaves the flash's pins alone until it is told.
        registers.flash_is_attached = False
        self._decoder = slip.SlipDecoder()
        self._dialect = ROM
        self._service = FlashService(flash, is_stub=False)
        self._upload_left = 0
        self._uploaded: list[range] = []
        self._reading: ReadOut | None = None
        self._afterwards: Callable[[], bytes] | None = None
        self._carried: LoaderProblem | None = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the line and return the answer's. Check `leaving` after sending it."""
        return b"".join(self._handle(frame) for frame in self._decoder.feed(data))

    def _handle(self, frame: bytes) -> bytes:
        if self._reading is not None:
            out = self._reading.acknowledge(frame)
            if self._reading.done:
                self._reading = None
            return out
        request = parse(frame)
        if request is None or self.leaving:
            return b""
        if request.command == LoaderCommand.RUN_USER_CODE and self._dialect.is_stub:
            self.leaving = RUN
            return b""
        return self._respond(request)

    def _respond(self, request: LoaderRequest) -> bytes:
        value, data, problem = 0, b"", self._carried
        dialect = self._dialect
        self._carried = None
        if problem is None:
            try:
                value, data = self._dispatch(request)
            except RefusedError as refused:
                problem = refused.problem
        # An ESP32's ROM does not echo the number of a command that it does not know.
        unknown = problem is LoaderProblem.UNKNOWN and not dialect.is_stub
        packet = answer(0 if unknown else request.command, value, data, dialect.status(problem))
        times = _SYNC_ANSWERS if request.command == LoaderCommand.SYNC and problem is None else 1
        return slip.encode(packet) * times + self._do_afterwards()

    def _do_afterwards(self) -> bytes:
        action, self._afterwards = self._afterwards, None
        if action is None:
            return b""
        try:
            return action()
        except RefusedError as refused:
            # The stub acknowledges a block before it writes it: the failure meets the next command.
            self._carried = refused.problem
            return b""

    def _dispatch(self, request: LoaderRequest) -> tuple[int, bytes]:
        """Carry out `request` and return (value, data). Raises RefusedError."""
        if not request.sound:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        own = self._STUB_ONLY if self._dialect.is_stub else self._ROM_ONLY
        handler = self._BOTH.get(request.command) or own.get(request.command)
        if handler is None:
            raise RefusedError(LoaderProblem.UNKNOWN)
        result = handler(self, request)
        if isinstance(result, bytes):
            return 0, result
        return result or 0, b""

    def _sync(self, request: LoaderRequest) -> int:
        if request.body != _SYNC_BODY:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        return self._dialect.sync_value

    def _read_reg(self, request: LoaderRequest) -> int:
        return self._registers.read(*words(request.body, 1))

    def _write_reg(self, request: LoaderRequest) -> None:
        if not request.body or len(request.body) % 16:
            raise RefusedError(LoaderProblem.BAD_LENGTH)
        for address, value, mask, _delay in struct.iter_unpack("<IIII", request.body):
            self._registers.write(address, value, mask)

    def _mem_begin(self, request: LoaderRequest) -> None:
        size, _blocks, _block_size, offset = words(request.body, 4)
        self._upload_left = size
        self._uploaded.append(range(offset, offset + size))

    def _mem_data(self, request: LoaderRequest) -> None:
        _sequence, data = _block(request)
        if len(data) > self._upload_left:
            raise RefusedError(LoaderProblem.TOO_MUCH)
        self._upload_left -= len(data)

    def _mem_end(self, request: LoaderRequest) -> None:
        stay, entry = words(request.body, 2)
        if not stay and any(entry in piece for piece in self._uploaded):
            self._afterwards = self._enter_stub
        self._uploaded.clear()

    def _enter_stub(self) -> bytes:
        self._dialect = STUB
        self._service = FlashService(self._flash, is_stub=True)
        self._registers.flash_is_attached = True
        return slip.encode(_GREETING)

    def _spi_attach(self, request: LoaderRequest) -> None:
        words(request.body, 1 if self._dialect.is_stub else 2)
        self._registers.flash_is_attached = True

    def _spi_set_params(self, request: LoaderRequest) -> None:
        _id, size, _block, _sector, _page, _status = words(request.body, 6)
        self._service.set_size(size)

    def _change_baud(self, request: LoaderRequest) -> None:
        # The host changes its own side next, and the line follows the host's rate.
        words(request.body, 2)

    def _flash_begin(self, request: LoaderRequest) -> None:
        # The stub takes a fifth word, "encrypted"; without flash encryption it means nothing.
        body = request.body[:16] if self._dialect.is_stub else request.body
        length, _blocks, _block_size, offset = words(body, 4)
        deflated = request.command == LoaderCommand.FLASH_DEFL_BEGIN
        self._service.begin(length, offset, deflated=deflated)

    def _flash_data(self, request: LoaderRequest) -> None:
        sequence, data = _block(request)
        if not self._service.accept(sequence):
            return
        if self._dialect.is_stub:
            self._afterwards = partial(self._write_block, data)
        else:
            self._write_block(data)

    def _write_block(self, data: bytes) -> bytes:
        self._service.write(data)
        return b""

    def _flash_end(self, request: LoaderRequest) -> None:
        (stay,) = words(request.body, 1)
        self._service.end()
        if not stay:
            self.leaving = RESET
        elif not self._dialect.is_stub:
            self.leaving = RUN

    def _flash_md5(self, request: LoaderRequest) -> bytes:
        offset, length, _, _ = words(request.body, 4)
        return self._service.digest(offset, length)

    def _read_flash_slow(self, request: LoaderRequest) -> bytes:
        return self._service.read_slowly(*words(request.body, 2))

    def _erase_flash(self, request: LoaderRequest) -> None:
        words(request.body, 0)
        self._service.erase_all()

    def _erase_region(self, request: LoaderRequest) -> None:
        self._service.erase_region(*words(request.body, 2))

    def _read_flash(self, request: LoaderRequest) -> None:
        offset, length, packet, _in_flight = words(request.body, 4)
        reading = self._service.read_out(offset, length, packet)
        self._reading = reading if length else None
        self._afterwards = reading.start

    _BOTH: ClassVar[_Handlers] = {
        LoaderCommand.SYNC: _sync,
        LoaderCommand.READ_REG: _read_reg,
        LoaderCommand.WRITE_REG: _write_reg,
        LoaderCommand.MEM_BEGIN: _mem_begin,
        LoaderCommand.MEM_DATA: _mem_data,
        LoaderCommand.MEM_END: _mem_end,
        LoaderCommand.SPI_ATTACH: _spi_attach,
        LoaderCommand.SPI_SET_PARAMS: _spi_set_params,
        LoaderCommand.CHANGE_BAUDRATE: _change_baud,
        LoaderCommand.FLASH_BEGIN: _flash_begin,
        LoaderCommand.FLASH_DATA: _flash_data,
        LoaderCommand.FLASH_END: _flash_end,
        LoaderCommand.FLASH_DEFL_BEGIN: _flash_begin,
        LoaderCommand.FLASH_DEFL_DATA: _flash_data,
        LoaderCommand.FLASH_DEFL_END: _flash_end,
        LoaderCommand.SPI_FLASH_MD5: _flash_md5,
    }
    _ROM_ONLY: ClassVar[_Handlers] = {LoaderCommand.READ_FLASH_SLOW: _read_flash_slow}
    _STUB_ONLY: ClassVar[_Handlers] = {
        LoaderCommand.ERASE_FLASH: _erase_flash,
        LoaderCommand.ERASE_REGION: _erase_region,
        LoaderCommand.READ_FLASH: _read_flash,
    }


def _block(request: LoaderRequest) -> tuple[int, bytes]:
    """Return (sequence, payload) of a data packet. Raises RefusedError if it is damaged."""
    if len(request.body) < _BLOCK.size:
        raise RefusedError(LoaderProblem.BAD_LENGTH)
    length, sequence, _, _ = _BLOCK.unpack_from(request.body)
    data = request.body[_BLOCK.size :]
    if length != len(data):
        raise RefusedError(LoaderProblem.BAD_LENGTH)
    if checksum(data) != request.checksum & 0xFF:
        raise RefusedError(LoaderProblem.BAD_CHECKSUM)
    return sequence, data
