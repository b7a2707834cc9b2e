"""Toy: binds by serial number and room; the token is `toy-` and six digits, and it has a list."""

import json

NEEDED = ("claim.key", "claim.room")

LIST = (
    "/readers?page=%d", b"reader", b"note", b"serial", b"since",
    [b"data", b"readers"], [b"meta", b"count"],
)  # fmt: skip

TOKEN = b"reader"
WORDS = (b"error",)

ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(identity, mark: str) -> tuple:
    """Return path, headers and body of the request that binds."""
    fields = {"serial": identity.serial, "room": identity.text("claim.room"), "note": mark}
    key = "Bearer " + identity.text("claim.key")
    headers = {"Content-Type": "application/json", "Authorization": key}
    return "/readers", headers, json.dumps(fields).encode()


def canonical(token: "str | bytes | None") -> str:
    """Return a token in lower case; "" for what is none."""
    if not isinstance(token, str):
        return ""
    token = token.strip().lower()
    if token[:4] == "toy-" and len(token) == 10 and token[4:].isdigit():
        return token
    return ""
