"""Toy as the cloud model answers: `POST /readers` binds, `GET /readers` lists."""

import json

from runtime import clock

from .cloud_model import LONG_AGO_S

BASE = "/toy"
LISTS = True

#: What the worlds call a field, and what Toy calls it.
_NAMES = {"serial_number": "serial", "firmware": "note", "creation_date": "since"}


def fields(serial: str, firmware: str) -> dict:
    """Return what a record holds of its device."""
    return {"serial_number": serial, "firmware": firmware}


def new_token(number: int) -> str:
    """Return an id, another one for each number."""
    return "toy-%06d" % number


def binds(begun: bytes) -> bool:
    """Tell whether what begins so is a request that binds."""
    return begun.startswith(b"POST " + BASE.encode() + b"/readers ")


def kind(request) -> str:
    """Tell what a request is for."""
    if request.path != BASE + "/readers":
        return "other"
    return {"POST": "bind", "GET": "look"}.get(request.method, "other")


def key(request) -> str:
    """Return the key that a request carries."""
    return request.headers.get("x-toy-key", "")


def refuse(spec: dict, exchange) -> "tuple | None":
    """Refuse what the key may not do."""
    allowed = {"WRITE": ("bind",), "READ_WRITE": ("bind", "look")}
    if exchange.kind in allowed.get(spec["keys"].get(exchange.key), ()):
        return None
    return 403, {"error": "This key may not do that."}


def asked(request) -> dict:
    """Return the fields of a binding request."""
    body = json.loads(request.body)
    return fields(body["serial"], body.get("note", ""))


def bound(device: dict) -> tuple:
    """Return the answer to a request that bound."""
    return 201, {"id": device["token"]}


def conflict(_asked_fields: dict) -> tuple:
    """Return the answer to a second request where that is an error."""
    return 409, {"error": "This reader is here already."}


def refusal(status: int) -> tuple:
    """Return an answer that is no token."""
    return status, {"error": "Not now."} if status < 500 else None


def look(spec: dict, devices: list, exchange) -> tuple:
    """Return a page of the list, and note in the log what it shows."""
    page = int(exchange.request.query.get("page", "1"))
    limit = spec.get("page", 5000)
    exchange.page, exchange.pages = page, max(1, (len(devices) + limit - 1) // limit)
    shown = devices[(page - 1) * limit : page * limit]
    exchange.found = any(
        [
            one["serial_number"] == spec["serial"] or (one["odd"] and spec["odd"]["doubt"])
            for one in shown
        ]
    )
    if any([one["own"] for one in shown]) and (
        spec.get("shows") or spec.get("hides") or spec.get("latin")
    ):
        exchange.connection.cloud.reached.note("list")
    return 200, {"result": [_entry(spec, one) for one in shown]}


def operator_look(spec: dict, devices: list) -> list:
    """Return what an operator sees of this very unit in the whole list: (token, mark, serial)."""
    return [
        (one["token"], _entry(spec, one).get("note") or "", one["serial_number"])
        for one in devices
        if one["serial_number"] == spec["serial"]
    ]


def body(spec: dict, _status: int, said: dict) -> bytes:
    """Write an answer's body."""
    text = json.dumps(said).encode()
    return text.replace(b"\xc3\xa9", b"\xe9") if spec.get("latin") else text


def _entry(spec: dict, device: dict) -> dict:
    entry = {
        "id": device["token"],
        "note": device["firmware"],
        "serial": device["serial_number"],
        "since": _iso(device["created"]),
    }
    if device["odd"]:
        entry["since"] = _iso(device["created"] + LONG_AGO_S - spec["odd"]["age"])
        entry.update(_named(spec["odd"]["shows"]))
    elif device["own"]:
        entry.update(_named(spec.get("shows", {})))
        for name in spec.get("hides", ()):
            del entry[_NAMES.get(name, name)]
    return entry


def _named(shows: dict) -> dict:
    return {_NAMES.get(name, name): value for name, value in shows.items()}


def _iso(unix: int) -> str:
    return (
        "%04d-%02d-%02dT%02d:%02d:%02d.000Z"
        % clock.calendar(unix - clock.SECONDS_1970_TO_2000)[:6]
    )
