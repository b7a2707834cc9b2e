"""VMS as the cloud model answers: `activate` binds, `check` tells whether a device is free."""

import json

BASE = "/api/v1/billing/devices"
LISTS = False


def fields(serial: str, _firmware: str) -> dict:
    """Return what a record holds of its device."""
    return {"serial_number": serial}


def new_token(number: int) -> str:
    """Return an id, another one for each number."""
    return str(25_000 + number)


def binds(begun: bytes) -> bool:
    """Tell whether what begins so is a request that binds."""
    return begun.startswith(b"POST " + BASE.encode() + b"/activate ")


def kind(request) -> str:
    """Tell what a request is for."""
    return {BASE + "/activate": "bind", BASE + "/check": "look"}.get(request.path, "other")


def key(request) -> str:
    """Return the Authorization value that a request carries."""
    return request.headers.get("authorization", "")


def refuse(spec: dict, exchange) -> "tuple | None":
    """Refuse what does not carry the operator's Authorization value."""
    if exchange.key in spec["keys"]:
        return None
    return 401, {"message": "Unauthenticated."}


def asked(request) -> dict:
    """Return the fields of a binding request."""
    return fields(json.loads(request.body)["serial_number"], "")


def bound(device: dict) -> tuple:
    """Return the answer to a request that bound."""
    return 201, {"id": int(device["token"]), "serial_number": device["serial_number"]}


def conflict(_asked_fields: dict) -> tuple:
    """Return the answer to a second request where that is an error."""
    return 422, {
        "message": "The given data was invalid.",
        "errors": {"serial_number": ["The serial number has already been taken."]},
    }


def refusal(status: int) -> tuple:
    """Return an answer that is no token."""
    return status, {"message": "No.", "errors": {"any": ["Not now"]}} if status < 500 else None


def look(spec: dict, devices: list, exchange) -> tuple:
    """Tell whether a device is free, and note in the log what was said."""
    exchange.page = exchange.pages = 1
    exchange.found = any([one["serial_number"] == spec["serial"] for one in devices])
    return conflict({}) if exchange.found else (204, None)


def operator_look(spec: dict, devices: list) -> list:
    """Return what the cloud's own page shows an operator of this very unit, each as (id,)."""
    return [
        (one["token"],) for one in devices if one["own"] and one["serial_number"] == spec["serial"]
    ]


def body(_spec: dict, _status: int, said: dict) -> bytes:
    """Write an answer's body."""
    return json.dumps(said).encode()
