"""What the ledger hands out: a unit as it stands, and one line of its history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.errors import BadInput
from startline_host.factory.schema import FAILED, PASSED, WORK
from startline_host.formats.serial_number import same_to_people
from startline_host.formats.units import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

#: The steps of a unit, in their order; the ledger keeps the last one that is proven.
ALLOT, LOAD, BIND, VERIFY, LABEL = STEPS = ("allot", "load", "bind", "verify", "label")

#: How much of a token people are shown.
_SHOWN = 8


class StationSlot(msgspec.Struct, frozen=True):
    """Where units are worked on: a station's name, and its slot's."""

    station: str
    slot: str = ""


class StoredUnit(Unit, frozen=True):
    """A unit as a ledger has it, which may be older than a rule of today: it is read all the same."""

    def __post_init__(self) -> None:
        """Check nothing: what was made once is told as it is, and checked before it is written."""


class LedgerUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit as the ledger has it.

    `unit` is its identity as its batch gave it; `mac` is the chip that has it, or "". `step` is
    the last one proven, out of `STEPS`. `sent`: a request may have left the chip. `made_at` is in
    Unix seconds, `changed_ms` in Unix milliseconds; `tries` counts how often work on it began,
    and `owner` is made up each time: who holds an older one no longer has the unit.
    """

    number: int
    batch: str
    unit: Unit
    state: str
    step: str = ""
    mac: str = ""
    token: str = ""
    sent: bool = False
    made_at: int | None = None
    station: str = ""
    slot: str = ""
    owner: str = ""
    reason: str = ""
    tries: int = 0
    changed_ms: int = 0

    @property
    def serial(self) -> str:
        """The unit's serial number."""
        return self.unit.serial

    @property
    def place(self) -> StationSlot:
        """Where it is, or was last."""
        return StationSlot(self.station, self.slot)

    @property
    def passed(self) -> bool:
        """Whether the unit is done."""
        return self.state == PASSED

    @property
    def failed(self) -> bool:
        """Whether the unit was given up, and its chip keeps the serial number."""
        return self.state == FAILED

    @property
    def at_work(self) -> bool:
        """Whether a slot has it, or had it when its station stopped."""
        return self.state == WORK

    @property
    def identity(self) -> Unit:
        """The identity as it is written onto the chip: with its MAC and the time of its making.

        Raises BadInput for one that an older ledger took and that is refused today.
        """
        return self._checked(mac=self.mac, made_at=self.made_at)

    @property
    def problem(self) -> str:
        """Why it would be refused today, as a sentence; "" where it would not."""
        try:
            self._checked()
        except BadInput as error:
            return error.message
        return ""

    def _checked(self, **changes: Any) -> Unit:
        return Unit(**{**msgspec.structs.asdict(self.unit), **changes})

    def proven(self, step: str) -> bool:
        """Tell whether that step is done."""
        return self.step in STEPS and STEPS.index(self.step) >= STEPS.index(step)


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of history, never changed. `seconds` is how long the step took."""

    number: int
    at_ms: int
    kind: str
    batch: str = ""
    serial: str = ""
    mac: str = ""
    station: str = ""
    slot: str = ""
    step: str = ""
    seconds: float | None = None
    reason: str = ""
    words: str = ""


class ImportResult(msgspec.Struct, frozen=True):
    """What adding a batch did: units that are new, and such as were there already."""

    new: int
    known: int


def fold_serial(serial: str) -> str:
    """Return a serial number as it is compared: clouds tell neither case nor outer space apart."""
    return same_to_people(serial)


def short_token(token: str) -> str:
    """Return a token as people are shown it: enough to tell it from the next."""
    return token if len(token) <= _SHOWN else f"{token[:_SHOWN]}…"


def said_counts(counts: Mapping[str, int]) -> str:
    """Return how many units are in each state, for a person: `3 free, 1 in work, 8 passed`."""
    words = {"work": "in work"}
    return ", ".join(f"{count} {words.get(state, state)}" for state, count in counts.items())


def iso(milliseconds: int) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def entry(row: Row[tuple[object, ...]]) -> LedgerUnit:
    """Read a unit's row, joined with its batch's name as `batch_name`."""
    return LedgerUnit(
        number=row.id,
        batch=row.batch_name,
        unit=msgspec.json.decode(row.unit, type=StoredUnit),
        state=row.state,
        step=row.step,
        mac=row.mac or "",
        token=row.token or "",
        sent=row.sent,
        made_at=row.made_at,
        station=row.station,
        slot=row.slot,
        owner=row.owner,
        reason=row.reason,
        tries=row.tries,
        changed_ms=row.changed_ms,
    )


def record(row: Row[tuple[object, ...]]) -> HistoryEntry:
    """Read a row of history."""
    names = [name for name in HistoryEntry.__struct_fields__ if name != "number"]
    return HistoryEntry(number=row.id, **{name: getattr(row, name) for name in names})
