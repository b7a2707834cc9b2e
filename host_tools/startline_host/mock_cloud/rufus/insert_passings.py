"""The call that inserts passings: what it takes, what it refuses, and what it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec

from startline_host.mock_cloud.answers import ApiAnswer, ApiRefusal
from startline_host.mock_cloud.rufus.request import (
    MAX_NUMBER,
    TIMESTAMP,
    RufusRequest,
    Text,
    Words,
)
from startline_host.mock_cloud.store import iso

#: A whole number as JSON has it: `40.0` is one as well.
Whole = Annotated[
    float,
    msgspec.Meta(ge=0, le=MAX_NUMBER, multiple_of=1, extra_json_schema={"type": "integer"}),
]
Timestamp = Annotated[str, msgspec.Meta(pattern=TIMESTAMP)]
Degrees = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class SubmittedPassing(msgspec.Struct, forbid_unknown_fields=True):
    """One competitor seen at one time, as the newest description has it."""

    bib: Words
    num_passing: Whole
    timestamp: Timestamp
    latitude: Degrees | None = None
    longitude: Degrees | None = None
    status: Text | None = None
    participant_id: Text | None = None
    chip: Text | None = None
    timezone: Text | None = None
    gender: Text | None = None


class InsertPassingsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /passings` in the newest description."""

    token_session: Words
    passings_list: Annotated[list[SubmittedPassing], msgspec.Meta(min_length=1)]


class OlderPassing(msgspec.Struct):
    """The same on the older page: `chips` is what it calls `chip`, and texts are coordinates."""

    bib: Words
    num_passing: Whole
    timestamp: Timestamp
    latitude: Degrees | Text | None = None
    longitude: Degrees | Text | None = None
    status: Text | None = None
    participant_id: Text | None = None
    chip: Text | None = None
    chips: Text | None = None
    timezone: Text | None = None
    gender: Text | None = None


class OlderPassingsRequest(msgspec.Struct):
    """The body of `POST /passings` on the older page."""

    token_session: Words
    passings_list: Annotated[list[OlderPassing], msgspec.Meta(min_length=1)]


#: What is stored of a passing, by the names of the API.
COLUMNS = (
    "bib", "num_passing", "timestamp", "latitude", "longitude", "status", "participant_id",
    "chip", "timezone", "gender",
)  # fmt: skip

#: Which passings of a session are doubles of a new one, by rule.
_DOUBLES = {
    "full": " AND ".join(f"{name} IS :{name}" for name in COLUMNS),
    "number": "num_passing = :num_passing",
    "none": "0",
}


def insert(request: RufusRequest) -> ApiAnswer:
    """Insert passings into an active session; one that is a double is counted and not stored."""
    asked = _read(request)
    token = asked.token_session
    with request.store.transaction() as database:
        session = database.execute(
            "SELECT sessions.id, device FROM sessions JOIN devices ON devices.id = device"
            " WHERE token = ? AND company = ? AND closed IS NULL",
            (token, request.company),
        ).fetchone()
        if session is None:
            raise ApiRefusal(404, "Session not found or closed", token_session=token)
        now = request.store.now()
        sql = _insertion(request.rules.duplicates)
        inserted = sum(
            database.execute(
                sql, {"session": session["id"], "received": now, **_values(passing)}
            ).rowcount
            for passing in asked.passings_list
        )
        database.execute("UPDATE devices SET last_seen = ? WHERE id = ?", (now, session["device"]))
    return ApiAnswer(
        201,
        {
            "description": "Passings inserted succesfully",
            "token_session": token,
            "inserted_count": inserted,
            "duplicate_count": len(asked.passings_list) - inserted,
        },
    )


def _insertion(rule: str) -> str:
    names = ("session", "received", *COLUMNS)
    return (
        f"INSERT INTO passings ({', '.join(names)}) SELECT {', '.join(f':{one}' for one in names)}"  # noqa: S608 - our names
        f" WHERE NOT EXISTS (SELECT 1 FROM passings WHERE session = :session AND {_DOUBLES[rule]})"
    )


def _values(passing: SubmittedPassing | OlderPassing) -> dict[str, object]:
    values = {name: getattr(passing, name) for name in COLUMNS}
    values["num_passing"] = int(passing.num_passing)
    if isinstance(passing, OlderPassing):
        values["chip"] = passing.chip or passing.chips
    return values


def _read(request: RufusRequest) -> InsertPassingsRequest | OlderPassingsRequest:
    """Read the body by the request's rules; refuse what does not fit with 400 or 413."""
    rules = request.rules
    if rules.partial_insertion:
        request = replace(request, body=_good_part(request))
    asked: InsertPassingsRequest | OlderPassingsRequest = (
        request.read(InsertPassingsRequest) if rules.strict else request.read(OlderPassingsRequest)
    )
    if rules.largest_list is not None and len(asked.passings_list) > rules.largest_list:
        raise ApiRefusal(413, f"At most {rules.largest_list} passings are taken at once")
    for passing in asked.passings_list:
        problem = _date_problem(request, passing)
        if problem:
            raise ApiRefusal(400, f"Bad request: passing {passing.num_passing:.0f} {problem}")
    return asked


def _date_problem(request: RufusRequest, passing: SubmittedPassing | OlderPassing) -> str | None:
    """Say why the cloud does not want a passing of that date; dates in the API's form sort as texts."""
    rules, now = request.rules, request.store.now()
    if rules.stale_after and passing.timestamp < str(iso(now - rules.stale_after)):
        return f"is older than {rules.stale_after} s"
    if rules.future_after and passing.timestamp > str(iso(now + rules.future_after)):
        return f"is more than {rules.future_after} s ahead"
    return None


def _good_part(request: RufusRequest) -> bytes:
    """Leave out the bad passings of a body; as it is where none is good, or it is none at all."""
    try:
        whole = msgspec.json.decode(request.body)
        passings = whole["passings_list"]
        good = [one for one in passings if _is_good(request, one)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return request.body
    largest = request.rules.largest_list
    if not good or (largest is not None and len(passings) > largest):
        return request.body
    return msgspec.json.encode({**whole, "passings_list": good})


def _is_good(request: RufusRequest, fields: Any) -> bool:
    form: Any = SubmittedPassing if request.rules.strict else OlderPassing
    try:
        passing: SubmittedPassing | OlderPassing = msgspec.convert(fields, form)
    except msgspec.ValidationError:
        return False
    return _date_problem(request, passing) is None
