"""RUFUS: binds by serial number with a company's API key; the token is 64 hex digits."""

import json

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


def canonical(token: "str | bytes | None") -> str:
    """Return a token without white space and in upper case; "" for what is none: it is a text."""
    if not isinstance(token, str):
        return ""
    for space in " \t\r\n":
        token = token.replace(space, "")
    if len(token) == 64 and not token.strip("0123456789abcdefABCDEF"):
        return token.upper()
    return ""


# The race: sessions and passings. A cloud that takes none has no `passing`.

PASSING_NUMBER = b'"num_passing"'  # what a passing's number is called in lists
SESSION_FIELDS = ("token_session", "alias")  # what a session's token and alias are called there


def headers(key: str) -> dict:
    """Return the headers of every call of a race."""
    return {"Content-Type": "application/json", "api_key": key}


def open_session(deviceid: str, alias: str) -> tuple:
    """Return (method, path) and body of the call that opens a session and closes any other."""
    return ("POST", "/sessions"), json.dumps({"deviceid": deviceid, "alias": alias}).encode()


def close_session(token: str) -> tuple:
    """Return (method, path) of the call that closes one."""
    return "PATCH", "/sessions/close/" + token


def list_sessions(deviceid: str) -> tuple:
    """Return (method, path) of the call that lists a device's sessions."""
    return "GET", "/sessions/device/" + deviceid


def list_passings(token: str, first: int, last: int) -> tuple:
    """Return (method, path) of the call that lists a session's passings by number."""
    return "GET", "/passings/session/%s?first=%d&last=%d" % (token, first, last)


def send_passings(token: str) -> tuple:
    """Return (method, path) of the call that sends passings, and what stands around their list."""
    return ("POST", "/passings"), '{"token_session":"%s","passings_list":[' % token, "]}"


def passing(number: int, seen, timestamp: str) -> str:
    """Return one of the list: `number` within its session, `timestamp` as `...T10:00:00.000Z`.

    A bib is required; where only the chip is known, it is that.
    """
    text = '{"bib":%s,"num_passing":%d,"timestamp":"%s"' % (
        json.dumps(seen.bib or seen.chip), number, timestamp,
    )  # fmt: skip
    if seen.chip:
        text += ',"chip":' + json.dumps(seen.chip)
    if seen.latitude is not None:
        text += ',"latitude":%.6f,"longitude":%.6f' % (seen.latitude, seen.longitude)
    if seen.status:
        text += ',"status":' + json.dumps(seen.status)
    return text + "}"


def answer(body: bytes) -> dict:
    """Return what an answer says: token_session, inserted_count, duplicate_count, description.

    {} for what cannot be understood. Raises nothing.
    """
    try:
        text = str(body, "utf-8")
        try:
            fields = parse(text)
        except ValueError:  # the documented answers have no commas between their members
            import re

            fields = parse(re.sub(r'"\s+"', '","', text))
        fields = fields.get("body", fields)
        return fields if isinstance(fields, dict) else {}
    except Exception:  # whatever it is, it is no answer
        return {}


def session_token(fields: dict) -> str:
    """Return the token of a session, 64 hex digits as they came; "" where there is none."""
    try:
        return fields["token_session"] if fit(fields["token_session"]) else ""
    except Exception:  # whatever it is, it is no token
        return ""


def counted(fields: dict) -> "tuple | None":
    """Return how many passings were stored, and how many were known; None if it is not said."""
    stored = fields.get("inserted_count")
    known = fields.get("duplicate_count") or 0
    if type(stored) is int and type(known) is int and stored >= 0 and known >= 0:
        return stored, known
    return None


def is_gone(status: int, fields: dict) -> bool:
    """Tell whether an answer says that the session is not there, or closed."""
    words = str(fields.get("description") or fields.get("message") or "").lower()
    return 400 <= status < 500 and "session" in words and ("closed" in words or "not f" in words)
