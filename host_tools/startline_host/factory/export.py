"""The ledger as CSV and JSON: the exact data as JSON, and a CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

from startline_host.factory.entries import iso
from startline_host.formats.csv_cells import escape_formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from startline_host.factory.entries import HistoryEntry, LedgerUnit

_UNIT_COLUMNS = (
    "batch", "serial", "model", "alias", "type", "hw_rev", "name", "state", "step", "mac",
    "deviceid", "station", "slot", "tries", "reason", "made_at", "changed_at",
)  # fmt: skip
_RECORD_COLUMNS = (
    "number", "at", "kind", "batch", "serial", "mac", "station", "slot", "step", "seconds",
    "reason", "words",
)  # fmt: skip


def unit_rows(units: Iterable[LedgerUnit]) -> list[dict[str, Any]]:
    """Return each unit's data by column; columns of the owner's own follow, as in the batch."""
    return [
        {
            "batch": one.batch,
            "serial": one.serial,
            **{name: getattr(one.unit, name) for name in ("model", "alias", "type", "hw_rev")},
            "name": one.unit.name,
            "state": one.state,
            "step": one.step,
            "mac": one.mac,
            "deviceid": one.token,
            "station": one.station,
            "slot": one.slot,
            "tries": one.tries,
            "reason": one.reason,
            "made_at": iso(one.made_at * 1000) if one.made_at else "",
            "changed_at": iso(one.changed_ms),
            **one.unit.extra,
        }
        for one in units
    ]


def record_rows(records: Iterable[HistoryEntry]) -> list[dict[str, Any]]:
    """Return each line of history by column."""
    return [
        {
            "at": iso(one.at_ms),
            **{name: getattr(one, name) for name in _RECORD_COLUMNS if name != "at"},
        }
        for one in records
    ]


def to_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as JSON, one object a line within the list."""
    lines = ",\n".join(msgspec.json.encode(row).decode() for row in rows)
    return f"[\n{lines}\n]\n" if rows else "[]\n"


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV (RFC 4180), in which no cell begins a formula, whatever delimits cells."""
    columns = _UNIT_COLUMNS if not rows or "state" in rows[0] else _RECORD_COLUMNS
    extra = dict.fromkeys(name for row in rows for name in row if name not in columns)
    out = io.StringIO()
    writer = csv.DictWriter(out, [*columns, *extra], restval="", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({name: escape_formula(value) for name, value in row.items()} for row in rows)
    return out.getvalue()
