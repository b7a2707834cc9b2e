"""Lines of `--json`, held against the JSON Schema that the package gives."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from startline_host.cli.json_schema import schema

VALIDATOR = jsonschema_rs.validator_for(schema())


def checked(out: str) -> list[dict[str, Any]]:
    """Return the lines of a run: each as the schema says, only the last an end."""
    lines = [json.loads(line) for line in out.splitlines()]
    for line in lines:
        VALIDATOR.validate(line)
        assert "token" not in line
    ends = [line["kind"] in {"result", "error"} for line in lines]
    assert ends == [False] * (len(lines) - 1) + [True]
    return lines
