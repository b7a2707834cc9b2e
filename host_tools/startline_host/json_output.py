"""The lines of `--json`: one shape for every verb, and the only place that makes them.

Each line is an object with `schema` and `kind`; the last one, and no other, is a `result` or an
`error`. `startline_host.cli.json_schema` describes them all as JSON Schema.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

#: Counts up when a field is renamed, removed or changes its meaning; not when one is added.
SCHEMA: Literal[1] = 1

Level = Literal["step", "remark", "warning", "transfer"]

#: A table: each row an object.
Rows = list[dict[str, Any]]


class OutputLine(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind"):
    """What every line has."""

    schema: Literal[1] = SCHEMA


class EventLine(OutputLine, tag="event", kw_only=True, frozen=True):
    """Something happened: on the device (`n` and `ms` are its own), or in the verb's own work."""

    source: str
    name: str
    fields: dict[str, Any]
    n: int | None = None
    ms: int | None = None


class ProgressLine(OutputLine, tag="progress", kw_only=True, frozen=True):
    """What the verb is doing; a `transfer` counts `done` of `total` bytes."""

    level: Level
    text: str
    done: int | None = None
    total: int | None = None


class ErrorLine(OutputLine, tag="error", kw_only=True, frozen=True):
    """Why the verb failed; `result` has what it found until then."""

    verb: str
    exit_code: int
    message: str
    hint: str
    result: dict[str, Any] | None = None


class ResultLine(OutputLine, tag="result", kw_only=True, frozen=True):
    """What came of the verb; the fields of each verb follow these."""

    verb: str = ""
    exit_code: int = 0


def json_line(line: OutputLine) -> str:
    """Return a line as it is printed, in ASCII; an id of the cloud's is `deviceid` at any depth."""
    plain = msgspec.to_builtins(line)
    return json.dumps({"schema": SCHEMA, **_named(plain)})


def _named(value: Any) -> Any:
    # Inside, each cloud's id is a `token`; who reads our output knows it by the documented name.
    if isinstance(value, dict):
        return {"deviceid" if key == "token" else key: _named(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one) for one in value]
    return value
