"""A stand-in for a usual UHF module on a virtual chip's UART: frames as the R200 and its kin speak them.

A frame is 0xBB, type u8 (0 command, 1 answer, 2 notice), command u8, length of the parameters u16
(high byte first), parameters, checksum u8 (the sum of all between 0xBB and itself), 0x7E. Command
0x27 (parameters 0x22 and a count u16) starts so many inventories, 0x28 stops them; a notice 0x22 is
a tag: RSSI i8 in dBm, PC u16, EPC, and CRC-16 of PC and EPC. The antenna, the air and the tags are
what `see` makes up; everything else is as the module's own document has it.
"""

from __future__ import annotations

import binascii
import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_HEAD, _END = 0xBB, 0x7E
_COMMAND, _ANSWER, _NOTICE = range(3)
_INVENTORY, _START, _STOP, _ERROR = 0x22, 0x27, 0x28, 0xFF
_UNKNOWN_COMMAND = 0x17
_CONNECT_SECONDS = 10.0


def frame(kind: int, command: int, parameters: bytes) -> bytes:
    """Return a frame."""
    body = bytes((kind, command)) + len(parameters).to_bytes(2, "big") + parameters
    return bytes((_HEAD,)) + body + bytes((sum(body) & 0xFF, _END))


def tag_frame(epc: bytes, rssi: int = -60) -> bytes:
    """Return the notice of a tag; `epc` has an even number of bytes, `rssi` is in dBm."""
    # The upper five bits of the PC are the EPC's length in words (EPC Gen2, 6.3.2.1.2.2).
    tag = (len(epc) // 2 << 11).to_bytes(2, "big") + epc
    crc = binascii.crc_hqx(tag, 0xFFFF) ^ 0xFFFF
    return frame(_NOTICE, _INVENTORY, bytes((rssi & 0xFF,)) + tag + crc.to_bytes(2, "big"))


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the (command, parameters) of all intact frames, and the rest that may become one."""
    found: list[tuple[int, bytes]] = []
    at = data.find(_HEAD)
    while at >= 0:
        end = at + 7 + int.from_bytes(data[at + 3 : at + 5], "big")
        if len(data) < at + 7 or len(data) < end:
            return found, data[at:]
        intact = data[end - 1] == _END and sum(data[at + 1 : end - 2]) & 0xFF == data[end - 2]
        if intact:
            found.append((data[at + 2], data[at + 5 : end - 2]))
        at = data.find(_HEAD, end if intact else at + 1)
    return found, b""


class UhfModule:
    """A module at the other end of a UART, whose `socket://` URL it is given; a context manager.

    It comes up idle, as the real one does, and says of tags only between start and stop.
    """

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("socket://").partition(":")
        self._socket = socket.create_connection((host, int(port)), _CONNECT_SECONDS)
        self._socket.settimeout(None)
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="uhf-module", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(_CONNECT_SECONDS)

    def wait_until_started(self, seconds: float) -> bool:
        """Wait until the reader has it look for tags; tell whether it does."""
        return self._started.wait(seconds)

    def see(self, epc: str, rssi: int = -60) -> bool:
        """Have a tag come past, its EPC in hex; tell whether the module was looking."""
        looking = self._started.is_set()
        if looking:
            self._send(tag_frame(bytes.fromhex(epc), rssi))
        return looking

    def say(self, data: bytes) -> None:
        """Put bytes on the line as they are: noise, half frames, frames of other commands."""
        self._send(data)

    def power_cycle(self) -> None:
        """Forget that it was started, as a module does that lost its power."""
        self._started.clear()

    def _send(self, data: bytes) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._socket.sendall(data)

    def _listen(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(4096):
                frames, rest = split(rest + data)
                for command, _ in frames:
                    self._obey(command)

    def _obey(self, command: int) -> None:
        if command == _START:
            self._started.set()
        elif command == _STOP:
            self._started.clear()
            self._send(frame(_ANSWER, _STOP, b"\x00"))
        else:
            self._send(frame(_ANSWER, _ERROR, bytes((_UNKNOWN_COMMAND,))))
