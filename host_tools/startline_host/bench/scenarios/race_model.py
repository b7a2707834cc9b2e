"""What a scenario file may say of a race: what the reader's program does, and what comes of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Literal

import msgspec
from startline import states

from startline_host.errors import BadInput

#: What somebody else does at the cloud while a reader times.
Elsewhere = Literal["close_session", "unbind", "withdraw_key", "give_key_back"]

#: What the bench's program for races is told, one line each; a reader starts it at its first line.
RACE_ORDERS = {
    "open NAME": "open a session of that name",
    "go on": "go on with the session that was open before a restart",
    "pass COUNT": "store so many passings, each of a chip of its own",
    "see CHIP ANTENNA RSSI": "store a sighting of that chip",
    "dated UTC": "store a passing with a time of the module's own, as `2026-11-21T10:00:00Z`",
    "long COUNT": "store so many passings with the longest bib and status, fast, until one is refused",
    "time SECONDS": "have the module say the time, so many seconds off",
    "marker TEXT": "store a moment that is no passing",
    "close": "close the session",
}
#: Stands for no number, where those of several readers are named, "1-4 / none".
NOBODY = "none"
_ORDER = re.compile(
    r"open \S.*|go on|pass [0-9]{1,4}|see \S+ [0-9]+ -?[0-9]+|dated \S+|long [0-9]{1,5}"
    r"|time -?[0-9]+|marker \S.*|close"
)
_FIELD = re.compile(r"(?P<name>[a-z_]+)(?P<how>>=|<=|=)(?P<value>.*)", re.DOTALL)
_EVENTS = {**states.EVENTS, **states.RACE_EVENTS}


class CloudRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mock's rules for sessions and passings, as `MockOptions` has them; None: as usual."""

    strict: bool | None = None
    duplicates: Literal["full", "number", "none"] | None = None
    partial_insertion: bool | None = None
    largest_list: int | None = None
    stale_after: int | None = None
    future_after: int | None = None

    def given(self) -> dict[str, bool | int | str]:
        """Return the rules that are not as usual."""
        return {k: v for k, v in msgspec.structs.asdict(self).items() if v is not None}


class CloudSession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session as the cloud must have it: name without mark, numbers of its passings, whether open.

    `numbers` is as "1-20,22". They are those within the session, in the order in which they came.
    """

    alias: str
    numbers: str = ""
    active: bool = False


class RaceExpect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must have come of a race; what is not given is not looked at, but at the very end.

    `sessions` are all that the cloud has, oldest first. Passings are named by their numbers on the
    device, "3,5-7": `lacking` were stored and are not at the cloud, `doubled` are there twice; at
    the end of a scenario neither may be unless it is named. `dated` has by how many seconds the
    cloud's times of passings are off from when they were stored; all others must be right.
    `waiting` is what the journal in flash says is not sent. `events` were said by the reader since
    the scenario began, `never` were not; each is an event with fields that it must have, as
    "race_failed reason='status 429' next_ms>=3600000".
    """

    sessions: tuple[CloudSession, ...] | None = None
    lacking: str | None = None
    doubled: str | None = None
    dated: dict[str, float] | None = None
    waiting: int | None = None
    events: tuple[str, ...] | None = None
    never: tuple[str, ...] | None = None


class EventPattern:
    """An event by its name and fields: `NAME FIELD=VALUE FIELD>=NUMBER ...`, quoted as in a shell.

    Raises BadInput for events and fields that no reader knows.
    """

    def __init__(self, text: str) -> None:
        try:
            self.name, *words = shlex.split(text)
        except ValueError:
            raise BadInput(f"The event {text!r} cannot be read.") from None
        if self.name not in _EVENTS:
            raise BadInput(f"No reader says {self.name!r}.")
        self._fields = [_FIELD.fullmatch(word) for word in words]
        for word, field in zip(words, self._fields, strict=True):
            if field is None or field["name"] not in _EVENTS[self.name]:
                raise BadInput(f"The event {self.name!r} has no field {word!r}.")

    def fits(self, name: str, fields: Mapping[str, object]) -> bool:
        """Tell whether an event is one of these."""
        return name == self.name and all(
            _fits(found["how"], found["value"], fields.get(found["name"]))
            for found in self._fields
            if found is not None
        )


def _fits(how: str, wanted: str, found: object) -> bool:
    if how == "=":
        return wanted == str(found)
    if not isinstance(found, (int, float)):
        return False
    return found >= float(wanted) if how == ">=" else found <= float(wanted)


def check_order(line: str) -> None:
    """See that a line is one that the bench's program knows. Raises BadInput."""
    if not _ORDER.fullmatch(line):
        raise BadInput(
            f"The bench's program does not know {line!r}.", f"It knows: {', '.join(RACE_ORDERS)}."
        )


def check_race_words(expect: RaceExpect) -> None:
    """See that events, fields and numbers are such as there are. Raises BadInput."""
    for text in (*(expect.events or ()), *(expect.never or ())):
        EventPattern(text)
    for text in (expect.lacking or "", expect.doubled or ""):
        for part in text.split(" / "):
            numbers_in("" if part == NOBODY else part)
    for text in (*(expect.dated or ()), *(one.numbers for one in expect.sessions or ())):
        numbers_in(text)


def numbers_in(text: str) -> list[int]:
    """Read numbers that are written as `as_numbers` does. Raises BadInput."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BadInput(f"{text!r} does not name numbers, as 1-20,22 does.")
        found += range(int(first), int(last or first) + 1)
    return found


def as_numbers(numbers: list[int]) -> str:
    """Write numbers with those that follow each other as one range: "1-20,22"."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
