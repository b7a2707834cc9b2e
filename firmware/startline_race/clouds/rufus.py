"""Sessions and passings of RUFUS; what its calls answer, and how they are told apart."""

import json

from startline.clouds import parse
from startline.clouds.rufus import fit
from startline.clouds.rufus import headers as headers  # noqa: PLC0414 - one of this module's names

PASSING_NUMBER = b'"num_passing"'  # what a passing's number is called in lists
SESSION_FIELDS = ("token_session", "alias")  # what a session's token and alias are called there


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
