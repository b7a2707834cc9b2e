"""What the page shows, as JSON: devices, sessions, requests, faults; secrets are masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.fault_switches import ALL_FAULTS
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from startline_host.mock_cloud.fault_switches import FaultSwitches
    from startline_host.mock_cloud.store import CloudStore

#: Rows that the page shows of each kind, the newest ones.
SHOWN = 200


def devices(store: CloudStore) -> list[dict[str, Any]]:
    """List the newest devices of either cloud, the newest first."""
    rufus = store.rows(
        "SELECT devices.*, companies.name AS company_name,"
        " (SELECT COUNT(*) FROM sessions WHERE device = devices.id) AS sessions,"
        " (SELECT COUNT(*) FROM sessions WHERE device = devices.id AND closed IS NULL) AS active"
        " FROM devices JOIN companies ON companies.id = devices.company"
        " ORDER BY devices.id DESC LIMIT ?",
        SHOWN,
    )
    vms = store.rows("SELECT * FROM vms_devices ORDER BY id DESC LIMIT ?", SHOWN)
    return [
        {
            "cloud": "RUFUS",
            "id": row["deviceid"],
            "serial": row["serial_number"],
            "model": row["model"],
            "alias": row["alias"],
            "firmware": row["firmware"],
            "owner": row["company_name"],
            "state": "timing" if row["active"] else "bound",
            "sessions": row["sessions"],
            "bound": iso(row["created"]),
            "contact": iso(max(row["created"], row["last_seen"] or 0)),
        }
        for row in rufus
    ] + [
        {
            "cloud": "VMS",
            "id": str(row["id"]),
            "serial": row["serial_number"] or row["mac"],
            "model": row["type"],
            "alias": row["name"] or "",
            "firmware": None,
            "owner": row["login"] or "",
            "state": "reserved" if row["reserved"] else "bound",
            "sessions": None,
            "bound": iso(row["created"]),
            "contact": iso(row["created"]),
        }
        for row in vms
    ]


def sessions(store: CloudStore) -> list[dict[str, Any]]:
    """List the newest sessions, the newest first."""
    rows = store.rows(
        "SELECT sessions.*, devices.serial_number,"
        " (SELECT COUNT(*) FROM passings WHERE session = sessions.id) AS passings"
        " FROM sessions JOIN devices ON devices.id = device ORDER BY sessions.id DESC LIMIT ?",
        SHOWN,
    )
    return [
        {
            "token": row["token"],
            "alias": row["alias"],
            "serial": row["serial_number"],
            "active": row["closed"] is None,
            "created": iso(row["created"]),
            "passings": row["passings"],
        }
        for row in rows
    ]


def faults(board: FaultSwitches) -> dict[str, Any]:
    """Describe every fault that can be switched on, and those that are."""
    known = []
    for name in board.known:
        says, value, is_bytes = ALL_FAULTS[name]
        number = None
        if value is not None:
            number = {
                "least": value.least,
                "most": value.most,
                "default": value.default,
                "unit": value.unit,
            }
        known.append({"name": name, "says": says, "bytes": is_bytes, "value": number})
    active = [
        {"name": order.name, "order": str(order), "says": ALL_FAULTS[order.name][0]}
        for order in board.active
    ]
    return {"known": known, "active": active}
