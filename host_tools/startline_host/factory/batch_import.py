"""Takes a batch into the ledger: whole, once, and against everything that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, insert, or_, select

from startline_host.errors import BadInput
from startline_host.factory.entries import ImportResult, entry, fold_serial
from startline_host.factory.queries import folded_otherwise
from startline_host.factory.schema import FREE, batches, units
from startline_host.formats.unit_list import rows_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

    from startline_host.factory.batch import UnitBatch
    from startline_host.formats.units import Unit

    _Row = Row[tuple[object, ...]]

#: Values in one statement: every database takes that many.
_CHUNK = 400


def add_units(connection: Connection, batch: UnitBatch, at_ms: int) -> ImportResult:
    """Add the batch's units that are not there yet; the same ones again change nothing.

    Raises BadInput naming every unit whose serial number or MAC is taken, or that differs from
    the same batch's of before. Runs inside the caller's transaction and lock.
    """
    number = _batch_number(connection, batch.name, at_ms)
    known = _known(connection, batch.units)
    new: list[Unit] = []
    problems: list[BadInput] = []
    for unit in batch.units:
        problem = _contradiction(unit, known, batch.name)
        if problem:
            problems.append(BadInput(f"{unit.serial}: {problem}."))
        elif ("serial", fold_serial(unit.serial)) not in known:
            new.append(unit)
    if problems:
        raise rows_error(problems)
    _insert(connection, number, new, at_ms)
    return ImportResult(len(new), len(batch.units) - len(new))


def _batch_number(connection: Connection, name: str, at_ms: int) -> int:
    found = connection.execute(select(batches.c.id).where(batches.c.name == name)).scalar()
    if found is None:
        made = connection.execute(insert(batches).values(name=name, added_ms=at_ms))
        found = made.inserted_primary_key[0] if made.inserted_primary_key else None
    assert found is not None  # noqa: S101 - a row that was just written has a number
    return int(found)


def _known(connection: Connection, given: Sequence[Unit]) -> dict[tuple[str, str], _Row]:
    """Find the ledger's units that share a serial number or a MAC with the given ones."""
    known: dict[tuple[str, str], _Row] = {}
    columns = (*units.c, batches.c.name.label("batch_name"))
    for chunk in _chunks(given):
        macs = [unit.mac for unit in chunk if unit.mac]
        fits = or_(
            units.c.serial_folded.in_([fold_serial(unit.serial) for unit in chunk]),
            units.c.mac.in_(macs),
            units.c.wanted_mac.in_(macs),
        )
        for row in connection.execute(select(*columns).join(batches).where(fits)):
            known["serial", row.serial_folded] = row
            known |= {("mac", mac): row for mac in (row.mac, row.wanted_mac) if mac}
    for row in folded_otherwise(connection):
        # What was never on a chip, and is refused today, makes room for how it is written today.
        if row.state != FREE or not entry(row).problem:
            known.setdefault(("serial", fold_serial(row.serial)), row)
    return known


def _contradiction(unit: Unit, known: dict[tuple[str, str], _Row], batch: str) -> str:
    row = known.get(("serial", fold_serial(unit.serial)))
    if row is not None and row.batch_name != batch:
        return f"it is in the ledger already, in batch {row.batch_name!r}"
    if row is not None and row.serial != unit.serial:
        return f"it is in the ledger already, as {row.serial!r}, which people take for the same"
    if row is not None and msgspec.json.decode(row.unit) != msgspec.to_builtins(unit):
        return "it is in the ledger already, with other data"
    holder = known.get(("mac", unit.mac)) if unit.mac else None
    if holder is not None and holder.serial_folded != fold_serial(unit.serial):
        return f"the chip {unit.mac} is {holder.serial}'s in the ledger"
    return ""


def _insert(connection: Connection, batch: int, new: Sequence[Unit], at_ms: int) -> None:
    last = connection.execute(
        select(func.max(units.c.position)).where(units.c.batch == batch)
    ).scalar()
    first = 0 if last is None else last + 1
    rows = [
        {
            "batch": batch,
            "position": position,
            "serial": unit.serial,
            "serial_folded": fold_serial(unit.serial),
            "unit": msgspec.json.encode(unit).decode(),
            "wanted_mac": unit.mac or None,
            "changed_ms": at_ms,
        }
        for position, unit in enumerate(new, start=first)
    ]
    if rows:
        connection.execute(insert(units), rows)


def _chunks(given: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
    for start in range(0, len(given), _CHUNK):
        yield given[start : start + _CHUNK]
