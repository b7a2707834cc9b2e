"""The ledger of a factory: which chip has which serial number, how far it is, and its history.

It never holds a key. What a station writes is kept at once: after a kill, the unit stands at the
last step that was proven.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from startline_host.errors import BadInput, CloudDisagrees, WouldTouchBound, WrongDevice
from startline_host.factory.batch_import import add_units
from startline_host.factory.entries import ALLOT, BIND, ImportResult, LedgerUnit, StationSlot
from startline_host.factory.queries import LedgerQueries, first_unit, unit_query
from startline_host.factory.schema import (
    DEFERRED,
    FAILED,
    FREE,
    PASSED,
    WORK,
    batches,
    events,
    units,
)
from startline_host.formats.units import made_today, normal_mac
from startline_host.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from startline_host.factory.batch import UnitBatch

#: Two stations that see one chip at the same moment: the second one looks again.
_LOOKS = 3


class Ledger(LedgerQueries):
    """The ledger at `where`, a file or a `postgresql://` URL; `hide` is masked in every text.

    Every method may raise LedgerAway: the database is away, full, or may not be written. Its
    methods may be called from several threads.
    """

    def add_batch(self, batch: UnitBatch) -> ImportResult:
        """Add a batch, or what is new of it: the same batch from several stations is one.

        Raises BadInput naming every unit that another one in the ledger contradicts.
        """
        with self._database.writing() as connection:
            self._database.lock(connection)
            return add_units(connection, batch, _now_ms())

    def allot(self, batch: str, place: StationSlot, mac: str) -> LedgerUnit | None:
        """Return the unit for a chip: its own if it was seen before, else the batch's next one.

        A unit that has passed is returned as it is; any other is at `place` from now on. None:
        the batch has no serial number left. Two calls never return one unit for two chips.
        """
        mac = normal_mac(mac)
        for look in range(_LOOKS):
            try:
                with self._database.writing() as connection:
                    return self._allot(connection, batch, place, mac)
            except IntegrityError:
                if look == _LOOKS - 1:
                    raise
        return None

    def _allot(
        self, connection: Connection, batch: str, place: StationSlot, mac: str
    ) -> LedgerUnit | None:
        own = first_unit(connection, unit_query(units.c.mac == mac).with_for_update(of=units))
        if own is not None and own.passed:
            self._note(connection, "seen", own, place)
            return own
        kind = "allot" if own is None else "resume"
        chosen = own or _next_free(connection, batch, mac)
        if chosen is None:
            return None
        came_from = f"from {chosen.station}, slot {chosen.slot}" if chosen.at_work else ""
        changes = (
            {"made_at": chosen.unit.made_at or made_today(), "step": ALLOT} if own is None else {}
        )
        taken = _change(
            connection, chosen, state=WORK, mac=mac, tries=chosen.tries + 1,
            station=place.station, slot=place.slot, owner=secrets.token_hex(8), **changes,
        )  # fmt: skip
        self._note(connection, kind, taken, place, step=taken.step, words=came_from)
        return taken

    def step(self, unit: LedgerUnit, step: str, *, seconds: float | None = None) -> LedgerUnit:
        """Record that a step is proven. Raises WrongDevice if the unit is another's by now."""
        with self._database.writing() as connection:
            changed = _own(connection, unit, step=step)
            self._note(connection, "step", changed, changed.place, step=step, seconds=seconds)
            return changed

    def sent(self, unit: LedgerUnit) -> LedgerUnit:
        """Record that a request may have left the chip: its serial number is its own for good."""
        if unit.sent:
            return unit
        with self._database.writing() as connection:
            changed = _own(connection, unit, sent=True)
            self._note(connection, "sent", changed, changed.place)
            return changed

    def bound(self, unit: LedgerUnit, token: str, *, seconds: float | None = None) -> LedgerUnit:
        """Record the token that the chip holds. Raises CloudDisagrees if that cannot be."""
        if unit.token not in {"", token}:
            raise CloudDisagrees(
                f"{unit.serial} holds another deviceid than the ledger has for it.",
                "Settle it with the cloud's list: startline ledger verify.",
            )
        try:
            with self._database.writing() as connection:
                changed = _own(connection, unit, step=BIND, token=token, sent=True)
                self._note(connection, "step", changed, changed.place, step=BIND, seconds=seconds)
                return changed
        except IntegrityError:
            raise CloudDisagrees(
                f"The deviceid of {unit.serial} is another unit's in the ledger already.",
                "Keep both aside and settle it: startline ledger verify.",
            ) from None

    def pass_(self, unit: LedgerUnit) -> LedgerUnit:
        """Record that a unit is done."""
        if not unit.token:
            raise BadInput(f"{unit.serial} has no deviceid, so it cannot have passed.")
        with self._database.writing() as connection:
            changed = _own(connection, unit, state=PASSED, reason="", owner="")
            self._note(connection, "pass", changed, changed.place)
            return changed

    def defer(self, unit: LedgerUnit) -> LedgerUnit:
        """Record that a unit leaves loaded and not bound: it binds where it has a network."""
        with self._database.writing() as connection:
            changed = _own(connection, unit, state=DEFERRED, reason="", owner="")
            self._note(connection, "defer", changed, changed.place)
            return changed

    def fail(
        self, unit: LedgerUnit, reason: str, words: str = "", *, blank: bool = False
    ) -> LedgerUnit:
        """Record a failure; `reason` is its name in the reports, `words` a sentence.

        `blank` says that the chip provably carries nothing of the unit: then its serial number
        goes back to the batch, unless a request may have been sent. Any other stays its chip's.
        """
        reason, words = self._clean(reason), self._clean(words)
        with self._database.writing() as connection:
            if blank and not _locked(connection, unit).sent:
                changed = _own(
                    connection, unit, state=FREE, mac=None, last_mac=unit.mac or None,
                    step="", made_at=None, owner="", reason=reason,
                )  # fmt: skip
            else:
                changed = _own(connection, unit, state=FAILED, owner="", reason=reason)
            self._note(
                connection, "fail", unit, unit.place, step=unit.step, reason=reason, words=words
            )
            if changed.state == FREE:
                self._note(connection, "return", unit, unit.place)
            return changed

    def release(self, unit: LedgerUnit, place: StationSlot) -> LedgerUnit:
        """Give a failed unit's serial number back to its batch: its chip will never run again.

        Raises WouldTouchBound where a request may have been sent, BadInput where it has no chip or
        a slot has it.
        """
        with self._database.writing() as connection:
            current = _locked(connection, unit)
            check_release(current)
            freed = _change(connection, current, state=FREE, mac=None, step="", made_at=None)
            self._note(connection, "return", current, place, words="released by hand")
            return freed

    def adopt(self, unit: LedgerUnit, token: str, place: StationSlot) -> LedgerUnit:
        """Record that a unit which left unbound has bound since, as the cloud's list shows."""
        with self._database.writing() as connection:
            current = _locked(connection, unit)
            if current.state != DEFERRED or not token:
                raise BadInput(f"{unit.serial} did not leave unbound: there is nothing to adopt.")
            changed = _change(connection, current, state=PASSED, step=BIND, token=token, sent=True)
            self._note(connection, "adopt", changed, place, step=BIND)
            return changed

    def note(
        self, place: StationSlot, kind: str, *, unit: LedgerUnit | None = None, batch: str = "",
        serial: str = "", mac: str = "", step: str = "", reason: str = "", words: str = "",
    ) -> None:  # fmt: skip
        """Add a line of history that changes no unit: a label, a chip that never told its MAC."""
        with self._database.writing() as connection:
            self._note(
                connection, kind, unit, place, batch=batch, serial=serial,
                mac=normal_mac(mac), step=step, reason=reason, words=words,
            )  # fmt: skip

    def note_all(self, place: StationSlot, kind: str, units: Sequence[LedgerUnit]) -> None:
        """Add the same line of history to each of the units, in one go."""
        with self._database.writing() as connection:
            for unit in units:
                self._note(connection, kind, unit, place)

    def _note(
        self,
        connection: Connection,
        kind: str,
        unit: LedgerUnit | None,
        place: StationSlot,
        **said: object,
    ) -> None:
        values = {
            name: self._clean(value) if isinstance(value, str) else value
            for name, value in said.items()
        }
        values |= {
            "at_ms": _now_ms(), "kind": kind, "station": place.station, "slot": place.slot,
        }  # fmt: skip
        if unit is not None:
            values |= {"unit": unit.number, "batch": unit.batch, "serial": unit.serial}
            values["mac"] = unit.mac or said.get("mac", "")
        connection.execute(insert(events).values(values))

    def _clean(self, text: str) -> str:
        return redact(text, *self._hidden)


def check_release(unit: LedgerUnit) -> None:
    """Raise as `Ledger.release` does for a unit that is not released, before anybody is asked."""
    if unit.sent or unit.token:
        raise WouldTouchBound(
            f"{unit.serial} may be at the cloud: its serial number is its own for good.",
            "If the cloud has an entry of it, unbind that first; the number stays used.",
        )
    if not unit.failed:
        raise BadInput(f"{unit.serial} is {unit.state}: only failed units are released.")


def _own(connection: Connection, unit: LedgerUnit, **changes: object) -> LedgerUnit:
    """Change a unit that is still where `unit` says. Raises WrongDevice if it is not."""
    current = _locked(connection, unit)
    if not current.at_work or current.owner != unit.owner:
        at = f"at {current.station}, slot {current.slot}" if current.at_work else current.state
        raise WrongDevice(
            f"{unit.serial} is {at} in the ledger, and no longer in slot {unit.slot} here.",
            "Was the board taken out and plugged in elsewhere? It goes on there.",
        )
    return _change(connection, current, **changes)


def _change(connection: Connection, unit: LedgerUnit, **changes: object) -> LedgerUnit:
    values = {**changes, "changed_ms": _now_ms()}
    connection.execute(update(units).where(units.c.id == unit.number).values(values))
    changed = first_unit(connection, unit_query(units.c.id == unit.number))
    assert changed is not None  # noqa: S101 - units are never deleted
    return changed


def _locked(connection: Connection, unit: LedgerUnit) -> LedgerUnit:
    found = first_unit(connection, unit_query(units.c.id == unit.number).with_for_update(of=units))
    if found is None:
        raise BadInput(f"The ledger has no unit {unit.serial!r}: it is not the one from before.")
    return found


def _next_free(connection: Connection, batch: str, mac: str) -> LedgerUnit | None:
    """Return the chip's reserved or former unit if it is free, else the first free one.

    Rows that other stations are taking at this moment are skipped, and not waited for, and so are
    units that would be refused today.
    """
    free = (units.c.state == FREE, batches.c.name == batch)
    meant = (units.c.wanted_mac == mac) | (
        (units.c.last_mac == mac) & units.c.wanted_mac.is_(None)
    )
    for fits in (meant, units.c.wanted_mac.is_(None)):
        query = unit_query(*free, fits).order_by(units.c.position)
        query = query.with_for_update(of=units, skip_locked=True)
        found = first_unit(connection, query)
        # An older ledger may have what is bound to no chip today. Row by row, since each is locked.
        while found is not None and found.problem:
            found = first_unit(connection, query.where(units.c.id > found.number))
        if found is not None:
            return found
    return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
