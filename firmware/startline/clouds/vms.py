"""VMS billing activation: a device is activated for a user; the token is the integer `id`.

The MAC goes out as it was provisioned, or else the chip's own, as `24:6f:28:00:00:01`.
"""

import json

NEEDED = ("claim.login", "claim.name", "claim.type")

# What an answer without a token means, by its status or its hundreds; all else is unknown.
ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(identity, mark: str, verb: str = "activate") -> tuple:
    """Return path, headers and body of the request that activates; it has no place for a mark."""
    text = identity.text
    fields = {name: text("claim." + name) for name in ("login", "name", "type")}
    fields["serial_number"] = identity.serial
    fields["mac"] = text("factory.mac") or identity.mac.hex(":")
    fields["skip_reserve_check"] = identity.values.get("claim.skip_reserve") == 1
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if text("claim.auth"):
        headers["Authorization"] = text("claim.auth")
    return "/api/v1/billing/devices/" + verb, headers, json.dumps(fields).encode()


def fit(token: str) -> bool:
    """Tell whether that is a token: the digits of a whole number above 0 and below 10**15."""
    return token.isdigit() and token[0] != "0" and len(token) < 16


def read(status: int, body: bytes) -> tuple:
    """Return what an answer means: (state, token, reason)."""
    try:
        fields = json.loads(body)
        token = fields.get("id")
        # A number only: no text, no fraction, no truth value.
        if status in (200, 201) and type(token) is int and fit(str(token)):
            return "bound", str(token), ""
        reason = "; ".join(_texts(fields["errors"]))
    except Exception:  # whatever the answer is, it is not what was hoped for
        reason = body
    from ..trouble import outcome

    return outcome(status, reason, ANSWERS)


def look(ask, identity, mark: str) -> tuple:
    """Ask whether the device is free; that it is not proves nothing about who has it."""
    path, headers, body = request(identity, mark, "check")
    status, _ = ask("POST", path, headers, body, len)
    if status == 204:
        return "unbound", "", ""
    if status == 422:
        return "unknown", "", "serial_taken"
    from ..errors import Failed

    raise Failed("answer", "status %d" % status, status < 500)


def _texts(things) -> list:
    """Return the texts in lists and objects, a few levels deep."""
    found = []
    things = [things]
    for thing in things:
        if isinstance(thing, str):
            found.append(thing)
        elif len(things) < 50:
            things += thing.values() if isinstance(thing, dict) else thing
    return found
