"""RUFUS: binds by serial number with a company's API key; the token is 64 hex digits."""

import json

if False:  # for mypy; a device has none of these
    from agent_types import Asked

NEEDED = ("claim.key",)

# Where the company's devices are listed, and what token, mark, serial number and date are called.
LIST = (
    "/devices?page=%d&limit=1000", b"deviceid", b"firmware", b"serial_number", b"creation_date",
)  # fmt: skip

TOKEN = b"deviceid"
WORDS = (b"description", b"message")

# The headers that may carry the key. Servers before the cloud drop a name with an underscore by
# default (nginx, Apache), and older clouds know no other: both are sent unless one is chosen.
KEY_HEADERS = ("api_key", "x-api-key")

# What an answer without a token means, by its status or its hundreds; all else is unknown.
ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(identity: "Asked", mark: str) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers and body of the request that binds."""
    fields = {
        "model": identity.model,
        "serial_number": identity.serial,
        "firmware": mark,
        "alias": identity.text("factory.alias"),
        "type": identity.text("factory.type"),
    }
    fields = {name: fields[name] for name in fields if fields[name]}
    return "/devices", headers(identity, identity.text("claim.key")), json.dumps(fields).encode()


def headers(identity: "Asked", key: str) -> dict[str, str]:
    """Return the headers of every call."""
    found = {"Content-Type": "application/json"}
    chosen = identity.text("claim.key_header")
    for name in KEY_HEADERS:
        if chosen == name or chosen not in KEY_HEADERS:
            found[name] = key
    return found


def canonical(token: "str | bytes | None") -> str:
    """Return a token without white space and in upper case; "" for what is none: it is a text."""
    if not isinstance(token, str):
        return ""
    for space in " \t\r\n":
        token = token.replace(space, "")
    if len(token) == 64 and not token.strip("0123456789abcdefABCDEF"):
        return token.upper()
    return ""
