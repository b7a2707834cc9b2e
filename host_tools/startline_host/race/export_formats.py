"""Passings as timing software imports them.

Race Manager imports CSV and TXT with chip, bib, date and time; RACE RESULT's order is that of the
passing record in its "Decoder communication protocol" (version 1.6), as far as a reader knows it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

import msgspec

from startline_host.errors import BadInput
from startline_host.formats.csv_cells import escape_formula
from startline_host.race.selection import local_time
from startline_host.race.stored_race import JournalPassing
from startline_host.util import make_writable, write_whole

FORMATS = ("race-manager", "raceresult", "jsonl")
_RACE_MANAGER = ("Chip", "BIB", "Date", "Time", "[Date][Time]")


def export_text(
    passings: Iterable[JournalPassing], form: str, zone: tzinfo, *, tabs: bool = False
) -> str:
    """Return passings in one of FORMATS; `tabs` separates Race Manager's columns, as in its TXT."""
    if form == "jsonl":
        return "".join(_json_line(one, zone) for one in passings)
    if form == "raceresult":
        return _table((_race_result(one, zone) for one in passings), ";")
    rows = (_race_manager(one, zone) for one in passings)
    return _table([_RACE_MANAGER, *rows], "\t" if tabs else ",")


def check_export(path: Path, *, overwrite: bool) -> None:
    """Raise BadInput for a file that is there, or that cannot be written."""
    _check_new(path, overwrite=overwrite)
    try:
        make_writable(path.absolute().parent)
    except BadInput as error:
        raise BadInput(f"{path} cannot be written. {error.message}") from None


def write_export(path: Path, text: str, *, overwrite: bool) -> None:
    """Write an export whole. Raises BadInput for a file that is there, StorageFailed."""
    _check_new(path, overwrite=overwrite)
    write_whole(path, text.encode(), title="The export ", hint="Nothing was written.")


def _check_new(path: Path, *, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise BadInput(
            f"{path} already exists and was left as it is.",
            "Name another file, or give --overwrite.",
        )


def _table(rows: Iterable[Sequence[object]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def _date_and_time(moment: datetime | None) -> tuple[str, str]:
    if moment is None:
        return "", ""
    return f"{moment:%Y-%m-%d}", moment.time().isoformat(timespec="milliseconds")


def _race_manager(one: JournalPassing, zone: tzinfo) -> tuple[str, ...]:
    date, time = _date_and_time(local_time(one, zone))
    texts = escape_formula(one.chip), escape_formula(one.bib)
    return *texts, date, time, f"{date} {time}".strip()


def _race_result(one: JournalPassing, zone: tzinfo) -> tuple[object, ...]:
    date, time = _date_and_time(local_time(one, zone))
    # EventID 0: a tag of several uses. InternalData is the vendor's own; no tag of ours is active.
    return (
        one.num_passing or one.number, escape_formula(one.bib or one.chip), date, time, 0,
        _known(one.hits), _known(one.rssi), "", 0, _known(one.antenna), "",
    )  # fmt: skip


def _known(value: int | None) -> object:
    return "" if value is None else value


def _json_line(one: JournalPassing, zone: tzinfo) -> str:
    moment = local_time(one, zone)
    local = "" if moment is None else moment.isoformat(timespec="milliseconds")
    fields = {**msgspec.structs.asdict(one), "local": local, "zone": str(zone)}
    return msgspec.json.encode(fields).decode() + "\n"
