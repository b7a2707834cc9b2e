"""What a call answers, and the forms in which the vendor's pages show such answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bare fields (the older pages) or everything inside `body` (the newer description).
ENVELOPES = ("bare", "body")

#: Proper JSON, or the examples of the vendor's pages byte for byte: no commas between members,
#: and errors with unquoted names and a comma too many.
FORMS = ("json", "documented")

#: What binding one thing a second time does, since no page says it: a second record with a new
#: id, the same id again, or a refusal.
SECOND_BIND = ("new", "same", "conflict")


@dataclass(frozen=True)
class ApiAnswer:
    """A status and the fields that go with it; None is the JSON `null`."""

    status: int
    fields: Mapping[str, object] | None
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiRefusal(Exception):
    """A call that the cloud turns down: a status, the reason, and what it was about."""

    def __init__(self, status: int, reason: str, **about: str) -> None:
        super().__init__(reason)
        self.answer = ApiAnswer(status, {"description": reason, **about})


def success_answer(**fields: object) -> ApiAnswer:
    """Answer 200 in the way of the vendor's pages for reading calls."""
    return ApiAnswer(200, {"description": "Success", **fields})


def body_bytes(answer: ApiAnswer, *, envelope: str = "bare", form: str = "json") -> bytes:
    """Write an answer's body in one of `ENVELOPES` and one of `FORMS`."""
    if form == "documented" and answer.fields is not None:
        written = _documented(answer.status, answer.fields).encode("utf-8")
    else:
        written = msgspec.json.encode(answer.fields)
    return b'{"body":%b}' % written if envelope == "body" else written


def _documented(status: int, fields: Mapping[str, object]) -> str:
    """Write fields as the pages' examples stand there; only their lists are proper JSON."""
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in fields.items()}
    if "result" in fields or "passings" in fields:
        return json.dumps(fields, ensure_ascii=False, indent=2)
    if status < 300:
        lines = [f'    "{name}":{value}\n' for name, value in written.items()]
    else:
        lines = [f"    {name}: {value},\n" for name, value in written.items()]
    return "{\n" + "".join(lines) + "}"
