"""Run by MicroPython: one first boot whose cloud says what a file holds.

As little as can stand in for a chip and its network, so that the heap is the agent's. Time passes
only by being asked for or waited for.
"""

import json
import os
import sys

from small_chip import SmallChip

_EPOCH = 1795000000
"""Unix time at power-on."""
_ASKED_US = 40
"""What looking at the clock costs, so that a loop that only looks comes to an end."""
_CONNECTION = 544
"""What an SSLSocket takes of the heap, in the 64-bit VM."""
_TIMEOUT = 110
_RESET = 104


class File:
    """A partition in a file, as NOR flash."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = os.stat(path)[6]
        self.erased = []

    def read(self, offset: int, length: int) -> bytearray:
        data = bytearray(length)
        with open(self.path, "rb") as file:
            file.seek(offset)
            file.readinto(data)
        return data

    def program(self, offset: int, data: bytes) -> None:
        old = self.read(offset, len(data))
        for at in range(len(data)):
            old[at] &= data[at]
        self._put(offset, old)

    def erase(self, offset: int) -> None:
        self.erased.append(offset)
        self._put(offset, b"\xff" * 4096)

    def _put(self, offset: int, data: bytes) -> None:
        with open(self.path, "r+b") as file:
            file.seek(offset)
            file.write(data)


class BootingChip(SmallChip):
    """The chip as the agent sees it; `folder` holds its partitions and the record's blob."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.us = 0
        self._blob = b""
        self._parts = {}

    def ms(self) -> int:
        self.us += _ASKED_US
        return self.us // 1000

    def since(self, ms: int) -> int:
        return self.ms() - ms

    def sleep(self, ms: int) -> None:
        self.us += ms * 1000

    def flash(self, label: str):
        if label not in self._parts:
            self._parts[label] = File(self._folder + "/" + label)
        return self._parts[label]

    def unix(self) -> int:
        return _EPOCH + self.ms() // 1000

    def ntp(self, host: str) -> int:
        return self.unix()

    def set_blob(self, key: str, data: bytes) -> None:
        self._blob = bytes(data)

    def commit(self) -> None:
        with open(self._folder + "/record", "wb") as file:
            file.write(self._blob)

    def blob(self) -> bytes:
        return self._blob


class PlainTls:
    """The module `tls` and its context, without a cipher, but as large as they are.

    The VM's own context stands in the heap, and behind it what a connection takes.
    """

    PROTOCOL_TLS_CLIENT = 0
    CERT_REQUIRED = 2

    def __init__(self) -> None:
        import tls

        self._make = tls.SSLContext

    def SSLContext(self, protocol: int):
        self._context = self._make(protocol)
        return self

    def load_verify_locations(self, cadata: bytes) -> None:
        pass

    def wrap_socket(self, stream, server_hostname: str):
        self._connection = bytearray(_CONNECTION)
        return stream


class BootingNet:
    """The module `socket`, and its one socket at a time: there is only one cloud.

    `said` is (file with the answer's beginning, bytes in all, how the connection ends,
    microseconds a byte); past the end of the file its last 4096 bytes come again and again. The
    answer is that to each request that binds, or, `in_list`, to the first look.
    """

    SOCK_STREAM = 1

    def __init__(self, chip: BootingChip, said: tuple, in_list: bool) -> None:
        self.chip = chip
        self.said = said
        self.in_list = in_list
        self.binds = self.open = 0
        self.looked = False

    def getaddrinfo(self, host: str, port: int, *_) -> list:
        return [(2, 1, 0, "", (host, port))]

    def socket(self, *_):
        self.open += 1
        self.kind = b""
        self.at = 0
        self.shut = False
        self.file = None
        return self

    def settimeout(self, seconds: float) -> None:
        if not seconds > 0:
            raise AssertionError
        self.seconds = seconds

    def connect(self, address) -> None:
        pass

    def write(self, data) -> int:
        if not self.kind:
            self.kind = bytes(data[:4])
            self._choose()
        return len(data)

    def _choose(self) -> None:
        """Choose what this request is answered."""
        path, self.size, self.end, self.slow = self.said
        if self.kind == b"POST":
            self.binds += 1
            if self.in_list:
                self.size, self.end = 0, "close"
        elif self.in_list and not self.looked:
            self.looked = True
        else:
            self.size = -1
        self.length = os.stat(path)[6]
        self.file = open(path, "rb")

    def recv(self, count: int) -> bytes:
        if self.size < 0:
            data = b"HTTP/1.1 403 No\r\n\r\n"[self.at : self.at + count]
            self.at += len(data)
            return data
        if self.at == self.size:
            if self.end == "reset":
                raise OSError(_RESET)
            return self._late() if self.end == "stall" else b""
        longest = int(self.seconds * 1000000)
        if self.slow:
            if self.slow > longest:
                self._late()
            count = min(count, longest // self.slow)
        at = self.at
        if at >= self.length:
            at = self.length - 4096 + (at - self.length) % 4096
        self.file.seek(at)
        data = self.file.read(min(count, self.size - self.at, 512))
        self.at += len(data)
        self.chip.us += self.slow * len(data)
        return data

    def _late(self) -> bytes:
        self.chip.us += int(self.seconds * 1000000)
        raise OSError(_TIMEOUT)

    def close(self) -> None:
        if self.file:
            self.file.close()
            self.file = None
        self.open -= not self.shut
        self.shut = True


def run(folder: str, answer: str, size: int, end: str, slow: int, in_list: int) -> None:
    """Boot, unless `answer` is empty: then only see what all of this costs."""
    chip = BootingChip(folder)
    net = BootingNet(chip, (answer, size, end, slow), bool(in_list))
    sys.modules["socket"] = net
    sys.modules["tls"] = PlainTls()
    result = {}
    if answer:
        import startline
        import startline.hal  # as `startline.main` does

        device = startline.first_boot(chip)
        result = {
            "state": device.state,
            "reason": device.reason,
            "token": device.token,
            "binds": net.binds,
            "open": net.open,
            "ms": chip.us // 1000,
        }
    print("END " + json.dumps(result))
