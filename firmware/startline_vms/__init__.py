"""VMS billing activation: a device is activated for a user; the token is the integer `id`.

The service knows a device by its serial number and its MAC, or by the one that `claim.by` names
("serial", "mac"). The MAC is the chip's own, always as `24:6f:28:00:00:01`, however the factory
spelled it. There is no `claim.key`: with `run.key` = "same" the application gets `claim.auth`.
"""

import json

if False:  # for mypy; a device has none of these
    from agent_types import Ask, Asked

NEEDED = ("claim.login", "claim.name", "claim.type")

# A number only: no text, no fraction, no truth value. The message says nothing useful.
TOKEN = b"id"
WORDS = (b"errors",)

# What an answer without a token means, by its status or its hundreds; all else is unknown.
ANSWERS = {4: "refused", 408: "unknown", 409: "unknown", 425: "unknown", 429: "unbound"}


def request(
    identity: "Asked", mark: str, verb: str = "activate"
) -> tuple[str, dict[str, str], bytes]:
    """Return path, headers and body of the request that activates; it has no place for a mark.

    The verb "check" asks in the same way whether the device is free.
    """
    text = identity.text
    names: tuple[str, ...] = NEEDED
    fields: dict[str, str | bool] = {}
    if verb == "check":
        names = NEEDED[2:]
    else:
        fields["skip_reserve_check"] = identity.values.get("claim.skip_reserve") == 1
    for name in names:
        fields[name[6:]] = text(name)
    by = text("claim.by")
    if by != "mac":
        fields["serial_number"] = identity.serial
    if by != "serial":
        fields["mac"] = identity.mac.hex(":")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if text("claim.auth"):
        headers["Authorization"] = text("claim.auth")
    return "/api/v1/billing/devices/" + verb, headers, json.dumps(fields).encode()


def canonical(token: "str | bytes | None") -> str:
    """Return a token, a whole number above 0 of at most 15 digits; "" for what is none.

    A number it is: of JSON that are bytes, a text is none.
    """
    if isinstance(token, bytes) and token.isdigit() and token[:1] != b"0" and len(token) < 16:
        return token.decode()
    return ""


def lookup(ask: "Ask", identity: "Asked", mark: str) -> tuple[str, str, str]:
    """Ask whether the device is free; that it is not proves nothing about who has it."""
    status, _ = ask("POST", *request(identity, mark, "check"), lambda fill: None)
    if status == 204:
        return "unbound", "", ""
    if status == 422:
        return "unknown", "", "serial_taken"
    from startline.net import StepFailed

    raise StepFailed("answer", "status %d" % status)
