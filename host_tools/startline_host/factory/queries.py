"""The ledger's reading side: units as they stand, and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import func, select

from startline_host.errors import BadInput
from startline_host.factory.database import Database
from startline_host.factory.entries import HistoryEntry, LedgerUnit, entry, fold_serial, record
from startline_host.factory.schema import STATES, WORK, batches, events, units
from startline_host.formats.units import normal_mac

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from startline_host.secrets import Secret


class LedgerQueries:
    """An open ledger, as far as it is only read."""

    def __init__(self, where: str, *, create: bool = True, hide: Iterable[Secret] = ()) -> None:
        self._database = Database(where, create=create)
        self._hidden = tuple(hide)

    @classmethod
    def open(cls, where: str, *, create: bool = True, hide: Iterable[Secret] = ()) -> Self:
        """Open a ledger, made when it is missing and `create` is set. Raises BadInput."""
        return cls(where, create=create, hide=hide)

    @property
    def name(self) -> str:
        """How to name it to people."""
        return self._database.name

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def batches(self) -> list[str]:
        """Name the batches, oldest first."""
        with self._database.reading() as connection:
            return list(
                connection.execute(select(batches.c.name).order_by(batches.c.id)).scalars()
            )

    def counts(self, batch: str | None = None) -> dict[str, int]:
        """Count the units in each state, of one batch or of all."""
        query = (
            select(units.c.state, func.count().label("units"))
            .join(batches)
            .group_by(units.c.state)
        )
        if batch is not None:
            query = query.where(batches.c.name == batch)
        with self._database.reading() as connection:
            found = {row.state: int(row.units) for row in connection.execute(query)}
        return {state: found.get(state, 0) for state in STATES}

    def look_up(self, text: str) -> LedgerUnit | None:
        """Return the unit with that serial number or MAC, None where there is none."""
        fits = (units.c.serial_folded == fold_serial(text)) | (
            units.c.mac == normal_mac(text.strip())
        )
        with self._database.reading() as connection:
            found = first_unit(connection, unit_query(fits))
            if found is not None:
                return found
            others = folded_otherwise(connection)
            return next((entry(row) for row in others if row.serial == text), None) or next(
                (entry(row) for row in others if fold_serial(row.serial) == fold_serial(text)),
                None,
            )

    def find(self, text: str) -> LedgerUnit:
        """Return the unit with that serial number or MAC. Raises BadInput where there is none."""
        found = self.look_up(text)
        if found is None:
            raise BadInput(
                f"The ledger {self.name} has no unit {text!r}.", "See: startline ledger list."
            )
        return found

    def entries(self, batch: str | None = None, states: Iterable[str] = ()) -> list[LedgerUnit]:
        """List units in the order of their batches, all or those in some states."""
        query = unit_query().order_by(units.c.batch, units.c.position)
        if batch is not None:
            query = query.where(batches.c.name == batch)
        if wanted := list(states):
            query = query.where(units.c.state.in_(wanted))
        with self._database.reading() as connection:
            return [entry(row) for row in connection.execute(query)]

    def resume(self, station: str | None = None) -> list[LedgerUnit]:
        """List the units that stations had at work and did not finish, by each one's last step."""
        found = self.entries(states=[WORK])
        return [one for one in found if station in {None, one.station}]

    def history(self, unit: LedgerUnit) -> list[HistoryEntry]:
        """List what happened to a unit, and what its chip did before it had a serial number."""
        own = events.c.unit == unit.number
        if unit.mac:
            own |= (events.c.mac == unit.mac) & events.c.unit.is_(None)
        return self._records(own)

    def records(self, batch: str | None = None) -> list[HistoryEntry]:
        """List all history, oldest first; of one batch, with the comparisons that cover all."""
        if batch is None:
            return self._records(None)
        of_all = (events.c.kind == "verify") & (events.c.batch == "")
        return self._records((events.c.batch == batch) | of_all)

    def _records(self, where: ColumnElement[bool] | None) -> list[HistoryEntry]:
        query = select(events).order_by(events.c.id)
        if where is not None:
            query = query.where(where)
        with self._database.reading() as connection:
            return [record(row) for row in connection.execute(query)]


def unit_query(*where: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Return the query for units with their batch's name, as `entry` reads them."""
    query = select(units, batches.c.name.label("batch_name")).join(batches)
    return query.where(*where)


def folded_otherwise(connection: Connection) -> list[Row[Any]]:
    """Return the rows of units that an older startline compared in another way than today's."""
    serials = connection.execute(select(units.c.id, units.c.serial, units.c.serial_folded))
    numbers = [row.id for row in serials if fold_serial(row.serial) != row.serial_folded]
    if not numbers:
        return []
    # One by one: an odd unit is rare, and a statement takes only so many values.
    found = (connection.execute(unit_query(units.c.id == number)).one() for number in numbers)
    return list(found)


def first_unit(connection: Connection, query: Select[tuple[object, ...]]) -> LedgerUnit | None:
    """Return the first unit that a query of `rows` finds, or None."""
    row = connection.execute(query.limit(1)).first()
    return None if row is None else entry(row)
