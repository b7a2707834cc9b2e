"""RUFUS as the cloud model answers: `POST /devices` binds, `GET /devices` lists."""

import json

from runtime import clock

from .cloud_model import LONG_AGO_S

BASE = "/v0"
LISTS = True
"""An operator can see the company's devices, and `startline reconcile` settles by that."""


def fields(serial: str, firmware: str) -> dict:
    """Return what a record holds of its device."""
    return {"serial_number": serial, "model": "Model X1", "firmware": firmware, "alias": ""}


def new_token(number: int) -> str:
    """Return an id of 64 upper-case hex digits, another one for each number."""
    return "%056X%08X" % (0xC0FFEE * (number + 7), number * 2654435761 & 0xFFFFFFFF)


def binds(begun: bytes) -> bool:
    """Tell whether what begins so is a request that binds."""
    return begun.startswith(b"POST " + BASE.encode() + b"/devices ")


def kind(request) -> str:
    """Tell what a request is for."""
    if request.path != BASE + "/devices":
        return "other"
    return {"POST": "bind", "GET": "look"}.get(request.method, "other")


def key(request) -> str:
    """Return the key that a request carries."""
    return request.headers.get("api_key", "")


def refuse(spec: dict, exchange) -> "tuple | None":
    """Refuse what the key may not do."""
    allowed = {"WRITE": ("bind",), "READ": ("look",), "READ_WRITE": ("bind", "look")}
    access = spec["keys"].get(exchange.key)
    if exchange.kind in allowed.get(access, ()):
        return None
    return 403, {"description": "Forbidden"}


def asked(request) -> dict:
    """Return the fields of a binding request."""
    body = json.loads(request.body)
    found = fields(body["serial_number"], body.get("firmware", ""))
    found["model"] = body["model"]
    found["alias"] = body.get("alias", "")
    return found


def bound(device: dict) -> tuple:
    """Return the answer to a request that bound."""
    return 201, {"description": "Device binded succesfully", "deviceid": device["token"]}


def conflict(asked_fields: dict) -> tuple:
    """Return the answer to a second request where that is an error."""
    return 409, {
        "description": "Device already binded",
        "serial_number": asked_fields["serial_number"],
    }


def refusal(status: int) -> tuple:
    """Return an answer that is no token."""
    return status, {"description": "Not now, says the cloud"} if status < 500 else None


def look(spec: dict, devices: list, exchange) -> tuple:
    """Return a page of the list, and note in the log what it shows."""
    query = exchange.request.query
    page = int(query.get("page", "1"))
    limit = min(int(query.get("limit", "5000")), spec.get("page", 5000))
    pages = max(1, (len(devices) + limit - 1) // limit)
    shown = devices[(page - 1) * limit : page * limit]
    exchange.page, exchange.pages = page, pages
    exchange.found = any([_may_be_ours(spec, one) for one in shown])
    if any([one["own"] for one in shown]) and (
        spec.get("shows") or spec.get("hides") or spec.get("latin")
    ):
        exchange.connection.cloud.reached.note("list")
    return 200, {
        "description": "Success",
        "result": [_entry(spec, one) for one in shown],
        "pagination": {"page": page, "limit": limit, "total": len(devices), "total_pages": pages},
    }


def operator_look(spec: dict, devices: list) -> list:
    """Return what an operator sees of this very unit in the whole list: (token, mark, serial).

    A person knows the unit in whatever form the list writes its number.
    """
    return [
        (one["token"], _entry(spec, one).get("firmware") or "", one["serial_number"])
        for one in devices
        if one["serial_number"] == spec["serial"]
    ]


def body(spec: dict, status: int, said: dict) -> bytes:
    """Write an answer's body: bare, in an envelope, or as the vendor's page shows it."""
    form = spec.get("form", "bare")
    text = json.dumps(said)
    if form == "documented" and status == 201:
        text = '{\n    "description":"%s"\n    "deviceid":"%s"\n}' % (
            said["description"],
            said["deviceid"],
        )
    if form == "body":
        text = '{"body": %s}' % text
    if spec.get("latin"):  # this is no UTF-8
        return text.encode().replace(b"\xc3\xa9", b"\xe9")
    return text.encode()


def _may_be_ours(spec: dict, device: dict) -> bool:
    """Tell whether an entry is this unit's, or one of which nobody can say that it is not."""
    return device["serial_number"] == spec["serial"] or (device["odd"] and spec["odd"]["doubt"])


def _entry(spec: dict, device: dict) -> dict:
    """Return an entry of the list, spelt as the spec has it: `shows` and `hides` for the unit's own.

    `odd` does so for another board's: members as `shows`, `age` in seconds, and whether it leaves
    a doubt.
    """
    entry = {
        "deviceid": device["token"],
        "type": "",
        "model": device["model"],
        "alias": device["alias"],
        "firmware": device["firmware"],
        "serial_number": device["serial_number"],
        "creation_date": _iso(device["created"]),
        "last_login": None,
        "sessions": 0,
        "device_status": None,
        "battery_percentage": None,
    }
    if device["odd"]:
        odd = spec["odd"]
        entry["creation_date"] = _iso(device["created"] + LONG_AGO_S - odd["age"])
        entry.update(odd["shows"])
    elif device["own"]:
        entry.update(spec.get("shows", {}))
        for name in spec.get("hides", ()):
            del entry[name]
    return entry


def _iso(unix: int) -> str:
    return (
        "%04d-%02d-%02dT%02d:%02d:%02d.000Z"
        % clock.calendar(unix - clock.SECONDS_1970_TO_2000)[:6]
    )
