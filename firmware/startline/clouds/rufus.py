"""RUFUS: binds by serial number with a company's API key; the token is 64 hex digits."""

import json
from binascii import unhexlify

from . import parse

NEEDED = ("claim.key",)

# Where the company's devices are listed, and what token, mark and serial number are called.
LIST = ("/devices?page=%d&limit=1000", "deviceid", "firmware", "serial_number")

# The headers that may carry the key. Servers before the cloud drop a name with an underscore by
# default (nginx, Apache), and older clouds know no other: both are sent unless one is chosen.
KEY_HEADERS = ("api_key", "x-api-key")

# What an answer without a token means, by its status or its hundreds; all else is unknown.
ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(identity, mark: str) -> tuple:
    """Return path, headers and body of the request that binds."""
    fields = {
        "model": identity.model,
        "serial_number": identity.serial,
        "firmware": mark,
        "alias": identity.text("factory.alias"),
        "type": identity.text("factory.type"),
    }
    fields = {name: fields[name] for name in fields if fields[name]}
    headers = {"Content-Type": "application/json"}
    chosen = identity.text("claim.key_header")
    for name in KEY_HEADERS:
        if chosen == name or chosen not in KEY_HEADERS:
            headers[name] = identity.text("claim.key")
    return "/devices", headers, json.dumps(fields).encode()


def fit(token: str) -> bool:
    """Tell whether that is a token. Raises ValueError, TypeError where it is nothing like one."""
    return len(unhexlify(token)) == 32


def read(status: int, body: bytes) -> tuple:
    """Return what an answer means: (state, token, reason)."""
    try:
        text = str(body, "utf-8")
        try:
            fields = parse(text)
        except ValueError:  # the documented answer has no commas between its members
            import re

            fields = parse(re.sub(r'"\s+"', '","', text))
        fields = fields.get("body", fields)
        if status in (200, 201) and fit(fields["deviceid"]):
            return "bound", fields["deviceid"], ""
        reason = (fields.get("description") or fields["message"]).strip()
    except Exception:  # whatever the answer is, it is not what was hoped for
        reason = body
    from ..trouble import outcome

    return outcome(status, reason, ANSWERS)
