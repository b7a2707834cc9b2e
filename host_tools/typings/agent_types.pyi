"""What the agent's modules hand to each other, for mypy: no device, and no wheel, has this file.

A module of the agent names these types in quotes, since a device keeps no annotations, and
imports them where only a type checker looks: under `if False:`, which MicroPython's compiler
drops. So its circles of types are no circles of imports.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol, TypeAlias, TypeVar

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
from startline_online.network import Network as Network
from startline_online.time_map import TimeMap as TimeMap
from startline_online.timekeeper import Point as Point
from startline_online.uptime import Uptime as Uptime
from startline_race.batch import Batch as Batch
from startline_race.journal import Journal as Journal
from startline_race.journal_format import Session as Session
from startline_race.passing_format import Passing as Passing
from startline_race.progress import Progress as Progress
from startline_race.race import Race as Race
from startline_race.sender import Sender as Sender

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
#: What an item of a list, or an answer, says under the names that are looked at.
Fields: TypeAlias = dict[bytes, JsonValue]
#: A number as it was given: whole, or of degrees.
Number = TypeVar("Number", int, float)  # noqa: PYI001 - modules take it from here
#: `emit(name, fields)` prints an event.
Emit: TypeAlias = Callable[[str, dict[str, Any]], None]
#: Which call of a cloud's: method and path.
Call: TypeAlias = tuple[str, str]
#: What is called when a call's first byte is about to go out.
Before: TypeAlias = Callable[[], None] | None
#: What gets a body piece by piece, out of a buffer that is filled again.
Take: TypeAlias = Callable[[memoryview], None]
#: The least and the most microseconds that UTC is ahead of a boot's clock.
Bounds: TypeAlias = tuple[int, int]
#: `note(point)` keeps a time point.
Note: TypeAlias = Callable[[Point], None]
#: The entries that a sector begins with, each a kind and a payload.
Checkpoint: TypeAlias = Callable[[], list[tuple[int, bytes]]]
#: Of passings.
Numbers: TypeAlias = Collection[int]
#: The sectors of a journal, one after the other in the same buffer.
Sectors: TypeAlias = Iterator[bytearray]
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

class Helper(Protocol):
    """What a race drives beside its sender; `tick` returns the milliseconds until it may be due."""

    def tick(self) -> int: ...

class PassingsCloud(Protocol):
    """A cloud's module that takes passings, as `startline_race.clouds` describes it."""

    @property
    def FIELDS(self) -> tuple[bytes, ...]: ...
    @property
    def WORDS(self) -> tuple[bytes, ...]: ...
    @property
    def SESSION_FIELDS(self) -> tuple[bytes, bytes]: ...
    @property
    def PASSING_NUMBER(self) -> bytes: ...
    def headers(self, asked: Asked, key: str, /) -> dict[str, str]: ...
    def open_session(self, device: str, alias: str, /) -> tuple[Call, bytes]: ...
    def close_session(self, token: str, /) -> Call: ...
    def list_sessions(self, device: str, /) -> Call: ...
    def list_passings(self, token: str, first: int, last: int, /) -> Call: ...
    def send_passings(self, token: str, /) -> tuple[Call, str, str]: ...
    def passing(self, number: int, seen: Passing, timestamp: str, /) -> str: ...
    def session_token(self, fields: Fields, /) -> str: ...
    def counted(self, fields: Fields, /) -> tuple[int, int] | None: ...
    def is_gone(self, status: int, words: str, /) -> bool: ...

class Unsent(Protocol):
    """As much of a `Progress` as a backlog goes by."""

    @property
    def cursor(self) -> int: ...
    @property
    def frozen(self) -> int: ...
    @property
    def session(self) -> Session | None: ...
    @property
    def wanted(self) -> Session | None: ...
    @property
    def amends(self) -> bool: ...
    def move(self, cursor: int, /) -> None: ...

class UnheldStream(Protocol):
    """What a connection that holds nobody reads and writes; None is for not yet."""

    def readinto(self, data: Buffer, /) -> int | None: ...
    def write(self, data: Buffer, /) -> int | None: ...
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

#: A cloud's module, as `startline.clouds` describes it.
Cloud: TypeAlias = Any
#: One exchange of a look: method, path, headers, body, and what reads the answer's body.
Ask: TypeAlias = Callable[..., tuple[int, Any]]
