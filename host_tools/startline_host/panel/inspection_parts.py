"""An inspection in the parts that the page shows: the same rows as the command line prints."""

from __future__ import annotations

from typing import Any

from startline_host.flows.inspect_device import DeviceInspection
from startline_host.flows.inspect_view import (
    inspection_title,
    next_step,
    partition_rows,
    record_rows,
    record_verdict,
    settings_rows,
    software_rows,
)
from startline_host.panel.reader_view import short_token
from startline_host.util import printable


def inspection_parts(seen: DeviceInspection) -> dict[str, Any]:
    """Return an inspection as JSON can hold it, secrets masked and the deviceid shortened."""
    found = seen.found
    record = found.record
    return {
        "title": inspection_title(seen).plain,
        "next": next_step(found),
        "via": seen.via,
        "missing": [printable(one) for one in found.missing],
        "notes": [printable(one) for one in found.notes],
        "software": [row for row in software_rows(seen) if row[1]],
        "partitions": [[*cells, held.plain] for *cells, held in partition_rows(found)],
        "verdict": record_verdict(record) if record else "",
        "record": [[name, *map(_short, row)] for name, *row in record_rows(record)]
        if record
        else [],
        "settings": [
            row
            for stored in (found.factory, found.settings)
            if stored is not None
            for row in settings_rows(stored)
        ],
    }


def _short(cell: str) -> str:
    # A long deviceid stands on two lines in a terminal.
    return short_token(cell.replace("\n", "")) if "\n" in cell else cell
