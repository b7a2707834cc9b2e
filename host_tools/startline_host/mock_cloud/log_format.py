"""How a logged request is shown to people: in one line or in full, and never with a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.keys import masked
from startline_host.mock_cloud.store import iso

if TYPE_CHECKING:
    from startline_host.mock_cloud.request_log import LoggedRequest

#: What stands before a secret, and the secret: a key in the vendor's form, a bearer token, and
#: the value of a JSON member or a query field with the name of a secret.
_NAMES = "api_key|x-api-key|password|authorization"
_SECRETS = (
    re.compile(r"()(ror-[0-9A-Za-z]{6,})"),
    re.compile(r"(Bearer )([^\s\"]+)"),
    re.compile(rf'("(?:{_NAMES})"\s*:\s*")([^"]+)', re.IGNORECASE),
    re.compile(rf"(\b(?:{_NAMES})=)([^&\s]+)", re.IGNORECASE),
)


def mask_secrets(text: str) -> str:
    """Mask everything in a text that looks like a secret."""
    for pattern in _SECRETS:
        text = pattern.sub(lambda found: found[1] + masked(found[2]), text)
    return text


def entry_summary(entry: LoggedRequest) -> dict[str, Any]:
    """Describe a request in one line."""
    return {
        "number": entry.number,
        "time": iso(entry.time),
        "method": entry.method,
        "path": mask_secrets(entry.path),
        "status": entry.status,
        "ended": entry.ended,
        "ms": round(entry.ms, 1),
        "fault": entry.fault,
    }


def full_entry(entry: LoggedRequest) -> dict[str, Any]:
    """Describe a request and its answer in full."""
    return {
        **entry_summary(entry),
        "query": mask_secrets(entry.query),
        "headers": [[name, mask_secrets(value)] for name, value in entry.headers],
        "whole": entry.whole,
        "body": mask_secrets(entry.body.decode("utf-8", "replace")),
        "answer": mask_secrets(entry.answer.decode("utf-8", "replace")),
        "raw": entry.raw,
    }
