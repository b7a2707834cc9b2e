"""The ledger's tables, and the rules that the database itself holds.

A serial, a MAC and a token each stand once. A unit that may have sent a request belongs to a chip
for good. Events are only ever added, and units never deleted: triggers refuse anything else.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    event,
)

#: Counted up with every change of the tables; a ledger of a newer one is refused.
SCHEMA = 1

#: States of a unit: nobody's yet, at a slot, shipped unbound, done, given up.
FREE, WORK, DEFERRED, PASSED, FAILED = STATES = ("free", "work", "deferred", "passed", "failed")

METADATA = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="", server_default="")


meta = Table(
    "startline_meta",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

batches = Table(
    "startline_batch",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("added_ms", BigInteger, nullable=False),
)

units = Table(
    "startline_unit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("batch", ForeignKey("startline_batch.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("serial", Text, nullable=False),
    # Clouds compare serial numbers without case, so they must differ in more than that.
    Column("serial_folded", Text, nullable=False, unique=True),
    # The unit as its batch has it, JSON, as startline_host.formats.units.Unit.
    Column("unit", Text, nullable=False),
    # The chip that the batch reserves the serial for.
    Column("wanted_mac", Text),
    Column("mac", Text, unique=True),
    # The chip that had it before it was returned.
    Column("last_mac", Text),
    Column("token", Text, unique=True),
    Column("state", Text, nullable=False, default=FREE),
    # The last proven step.
    _text("step"),
    # Whether a request may have left the chip: from then on the serial is never handed out again.
    Column("sent", Boolean, nullable=False, default=False),
    Column("made_at", BigInteger),
    _text("station"),
    _text("slot"),
    # Which run of which station works on it: any other's steps are refused.
    _text("owner"),
    _text("reason"),
    Column("tries", Integer, nullable=False, default=0),
    Column("changed_ms", BigInteger, nullable=False),
    CheckConstraint(f"state IN {STATES}", name="startline_unit_state"),
    CheckConstraint("(state = 'free') = (mac IS NULL)", name="startline_unit_owned"),
    CheckConstraint("mac IS NOT NULL OR NOT sent", name="startline_unit_sent"),
    CheckConstraint("state <> 'passed' OR token IS NOT NULL", name="startline_unit_passed"),
    Index("startline_unit_next", "batch", "state", "position"),
    Index("startline_unit_last_mac", "last_mac"),
)

events = Table(
    "startline_event",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("unit", ForeignKey("startline_unit.id")),
    _text("batch"),
    _text("serial"),
    _text("mac"),
    _text("station"),
    _text("slot"),
    Column("kind", Text, nullable=False),
    _text("step"),
    Column("seconds", Float),
    _text("reason"),
    _text("words"),
    Index("startline_event_unit", "unit"),
    Index("startline_event_mac", "mac"),
    sqlite_autoincrement=True,
)


def _refuse(table: Table, operation: str, words: str) -> None:
    """Have the database refuse an operation on a table's rows, whoever asks."""
    name = f"{table.name}_no_{operation.lower()}"
    before = f"CREATE TRIGGER {name} BEFORE {operation}"
    sqlite = f"{before} ON {table.name} BEGIN SELECT RAISE(ABORT, '{words}'); END"
    function = (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN RAISE EXCEPTION '{words}'; END $$"
    )
    postgres = f"{before} OR TRUNCATE ON {table.name} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    for dialect, statement in (
        ("sqlite", sqlite),
        ("postgresql", function),
        ("postgresql", postgres),
    ):
        made = DDL(statement).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", made)


_refuse(events, "UPDATE", "events are only ever added")
_refuse(events, "DELETE", "events are only ever added")
_refuse(units, "DELETE", "units are never deleted")
