"""The file that says what is around a virtual chip, checked before a chip goes by it.

`world_keys.py` says what each key means, and `runtime/world.py` acts on it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from startline_host.errors import BadInput
from startline_host.file_access import MOST_TEXT, read_file

Milliseconds = Annotated[int, msgspec.Meta(ge=0)]
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Date = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d)?$")]


class WorldAccessPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Wi-Fi network in reach."""

    password: str | None = None
    delay_ms: Milliseconds = 100
    after_ms: Milliseconds = 0
    fault: Literal["no_address", "no_traffic"] | None = None


class World(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is around a chip; every key may be missing."""

    access_points: dict[str, WorldAccessPoint] = {}
    link_fault: Literal["down"] | None = None
    dns: dict[str, str | list[str] | None] = {}
    dns_fault: Literal["fail", "stall"] | None = None
    dns_stall_ms: Milliseconds = 10_000
    ports: dict[str, _Port] = {}
    ntp: dict[str, float | Literal["nothing"] | None] = {}
    clock: _Date = "2000-01-01"
    pins: dict[str, Literal[0, 1]] = {}


def write_world(path: Path, world: Mapping[str, object]) -> None:
    """Change what is around a chip, at once: it reads the old world or the new one, none half."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(world), encoding="utf-8")
    beside.replace(path)


def check_world(path: Path) -> None:
    """Raise BadInput, with the file and the key, for a world that a chip would not go by."""
    try:
        data = read_file(path, MOST_TEXT)
    except OSError as error:
        raise BadInput(
            f"The world {path} cannot be read: {error.strerror}.",
            "Make it, if only with {} in it: it is read again at each use.",
        ) from None
    try:
        # Names of networks may be any bytes, as lone surrogates: those are no matter of this check.
        raw = msgspec.json.decode(re.sub(rb"\\u[dD][89a-fA-F]..", b"?", data))
        msgspec.convert(raw, World)
    except msgspec.ValidationError as error:
        raise BadInput(f"The world {path}: {_words(str(error), raw)}.", _known()) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(
            f"The world {path} is no JSON: {error}.",
            'Such as {"access_points": {"paddock": {"password": "start-line"}}}',
        ) from None


class WorldWatch:
    """While it is entered, a world that is changed into one that cannot be is told of by `warn`."""

    _SECONDS = 1.0

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="world", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        seen = self._stamp()
        while not self._end.wait(self._SECONDS):
            now = self._stamp()
            if now != seen:
                seen = now
                try:
                    check_world(self._path)
                except BadInput as error:
                    self._warn(error.message)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size


def _words(message: str, raw: Any) -> str:
    """Return msgspec's sentence with the key where it stands in the file."""
    if not isinstance(raw, dict):
        return "it is no object"
    words, _, place = message.partition(" - at `")
    where = _named(place.removesuffix("`").removeprefix("$").removeprefix("."), raw)
    named = re.search(r"unknown field `([^`]+)`", words)
    if named:
        return f"there is no key {'.'.join(filter(None, [where, named[1]]))!r}"
    if "matching regex" in words:
        return f"{where} is not a date such as 2000-01-01 or 2000-01-01T12:00:00"
    return f"{where}: {words[:1].lower()}{words[1:]}"


def _named(place: str, raw: dict[str, Any]) -> str:
    """Return the place with the name for which msgspec says `[...]`, the first one that fails."""
    member, _, rest = place.partition("[...]")
    if rest == place or not isinstance(raw.get(member), dict):
        return place
    for name, value in raw[member].items():
        try:
            msgspec.convert({member: {name: value}}, World)
        except msgspec.ValidationError:
            return f"{member}.{name}{rest}"
    return place


def _known() -> str:
    return f"Its keys are {', '.join(World.__struct_fields__)}."
