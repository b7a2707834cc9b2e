"""What the agent's modules hand to each other, for mypy: no device, and no wheel, has this file.

A module of the agent names these types in quotes, since a device keeps no annotations, and
imports them where only a type checker looks: under `if False:`, which MicroPython's compiler
drops. So its circles of types are no circles of imports.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from startline.binding import Binding as Binding
from startline.chip import Chip as Chip
from startline.device import Device as Device
from startline.hal import Flash as Flash
from startline.hal import Hal as Hal
from startline.identity import Identity as Identity
from startline.net import StepFailed as StepFailed
from startline.net.bind_request import BindAnswer as BindAnswer
from startline.net.http_guard import GuardedTransport as GuardedTransport
from startline.nvs import NvsEntries as NvsEntries
from startline.record.copies import Record as Record

#: The chip in whole, or as much of it as a bound boot needs.
AnyChip: TypeAlias = Chip | Hal
#: Bytes that are written or filled in place.
Buffer: TypeAlias = bytearray | memoryview
#: Bytes that are read, wherever they stand.
Bytes: TypeAlias = bytes | bytearray | memoryview
#: An entry of NVS: its offset, and its first 32 bytes.
Place: TypeAlias = tuple[int, bytes]
#: A setting's value as flash has it.
Value: TypeAlias = str | bytes | int | None
#: What a field of JSON is: a text, the bytes of a number or another word, or None.
JsonValue: TypeAlias = str | bytes | None
#: `fill(buffer)` returns how many bytes of an answer's body came next.
Fill: TypeAlias = Callable[[Buffer], int]
#: What a read of NVS goes through: `read(offset, length)`.
Read: TypeAlias = Callable[[int, int], bytes]

class ReadableFlash(Protocol):
    """A partition that is read."""

    @property
    def size(self) -> int: ...
    def read(self, offset: int, length: int, /) -> bytes: ...

class WritableFlash(ReadableFlash, Protocol):
    """A partition that is programmed and erased as well."""

    @property
    def erased(self) -> list[int]: ...
    def program(self, offset: int, data: bytes, /) -> None: ...
    def erase(self, offset: int, /) -> None: ...

class Stream(Protocol):
    """What TLS and an answer's body are read from; errors are negative."""

    def readinto(self, data: Buffer, /) -> int: ...
    def write(self, data: bytes, /) -> int: ...
    def close(self) -> Any: ...

class Asked(Protocol):
    """Who asks, as a request says it: an `Identity`, or what the host has of one."""

    @property
    def serial(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def mac(self) -> bytes: ...
    @property
    def values(self) -> dict[str, Any]: ...
    def text(self, name: str, /) -> str: ...

class Owner(Protocol):
    """Whose record it is."""

    @property
    def serial(self) -> str: ...
    @property
    def cloud(self) -> str: ...
    @property
    def mac(self) -> bytes: ...
    @property
    def place(self) -> bytes: ...

#: The reader's race, `startline_race.race.Race`, and what belongs to it.
Race: TypeAlias = Any
#: A cloud's module, as `startline.clouds` describes it.
Cloud: TypeAlias = Any
#: One exchange of a look: method, path, headers, body, and what reads the answer's body.
Ask: TypeAlias = Callable[..., tuple[int, Any]]
