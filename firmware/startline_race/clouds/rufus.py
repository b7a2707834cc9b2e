"""Sessions and passings of RUFUS; what its calls answer, and how they are told apart."""

import json

from startline.clouds.rufus import WORDS as WORDS  # noqa: PLC0414 - one of this module's names
from startline.clouds.rufus import canonical
from startline.clouds.rufus import headers as headers  # noqa: PLC0414 - one of this module's names

if False:  # for mypy; a device has none of these
    from typing import Any

    from agent_types import Call, Fields, Passing

PASSING_NUMBER = b"num_passing"  # what a passing's number is called in lists
SESSION_FIELDS = (b"token_session", b"alias")  # what a session's token and alias are called there
# What answers tell besides words for people.
FIELDS = (b"token_session", b"inserted_count", b"duplicate_count")


def open_session(deviceid: str, alias: str) -> "tuple[Call, bytes]":
    """Return (method, path) and body of the call that opens a session and closes any other."""
    return ("POST", "/sessions"), json.dumps({"deviceid": deviceid, "alias": alias}).encode()


def close_session(token: str) -> "Call":
    """Return (method, path) of the call that closes one."""
    return "PATCH", "/sessions/close/" + token


def list_sessions(deviceid: str) -> "Call":
    """Return (method, path) of the call that lists a device's sessions."""
    return "GET", "/sessions/device/" + deviceid


def list_passings(token: str, first: int, last: int) -> "Call":
    """Return (method, path) of the call that lists a session's passings by number."""
    return "GET", "/passings/session/%s?first=%d&last=%d" % (token, first, last)


def send_passings(token: str) -> "tuple[Call, str, str]":
    """Return (method, path) of the call that sends passings, and what stands around their list."""
    return ("POST", "/passings"), '{"token_session":"%s","passings_list":[' % token, "]}"


def passing(number: int, seen: "Passing", timestamp: str) -> str:
    """Return one of the list: `number` within its session, `timestamp` as `...T10:00:00.000Z`.

    A bib is required; where only the chip is known, it is that.
    """
    text = '{"bib":%s,"num_passing":%d,"timestamp":"%s"' % (
        json.dumps(seen.bib or seen.chip), number, timestamp,
    )  # fmt: skip
    if seen.chip:
        text += ',"chip":' + json.dumps(seen.chip)
    if seen.latitude is not None:
        text += ',"latitude":%.6f,"longitude":%.6f' % (seen.latitude, seen.longitude)  # type: ignore[str-format] # both or none
    if seen.status:
        text += ',"status":' + json.dumps(seen.status)
    return text + "}"


def session_token(fields: "Fields") -> str:
    """Return the token of a session, 64 hex digits as they came; "" where there is none."""
    token: "Any" = fields.get(SESSION_FIELDS[0])
    return "".join(token.split()) if canonical(token) else ""


def counted(fields: "Fields") -> "tuple[int, int] | None":
    """Return how many passings were stored, and how many were known; None if it is not said."""
    try:
        counts = int(fields[b"inserted_count"]), int(fields.get(b"duplicate_count", b"0"))  # type: ignore[arg-type] # caught
    except (KeyError, TypeError, ValueError):
        return None
    return counts if min(counts) >= 0 else None


def is_gone(status: int, words: str) -> bool:
    """Tell whether an answer says that the session is not there, or closed."""
    words = words.lower()
    return 400 <= status < 500 and "session" in words and ("closed" in words or "not f" in words)
