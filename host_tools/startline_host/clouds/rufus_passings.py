"""The passings that RUFUS Cloud has of a session, and what a reader has sent for one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from startline_race.clouds import rufus

from startline_host.clouds.cloud_client import NOT_ALLOWED, cloud_client, may_not_look
from startline_host.clouds.rufus_keys import key_headers
from startline_host.errors import NetworkFailed, RefusedByCloud
from startline_host.secrets import Secret

_MOST_PAGES = 1000


class CloudPassing(msgspec.Struct, frozen=True):
    """A passing of a session, as the cloud has it; texts are "" where it tells none."""

    num_passing: int
    timestamp: str
    bib: str
    chip: str
    status: str


def as_sent(number: int, seen: Any, timestamp: str) -> CloudPassing:
    """Return what the reader's own code sends of a passing."""
    return _passing(json.loads(rufus.passing(number, seen, timestamp)))


def session_passings(
    base_url: str, ca: Sequence[bytes], key: Secret, token: str
) -> list[CloudPassing] | None:
    """Return every passing of a session, by number; None for a session that the key does not see.

    Raises BadInput for a key that may not read, RefusedByCloud, NetworkFailed or TlsFailed.
    """
    found: list[CloudPassing] = []
    with cloud_client(base_url, ca, key_headers(key)) as client:
        for page in range(1, _MOST_PAGES):
            told = _page(client, f"/passings/session/{quote(token, safe='')}?page={page}")
            if told is None:
                return None
            rows, pages = told
            found += rows
            if not rows or page >= pages:
                return found
    raise NetworkFailed("The cloud's list of passings does not end.")


def _page(client: httpx.Client, path: str) -> tuple[list[CloudPassing], int] | None:
    """Return the passings of a page, and how many pages there are."""
    answer = client.get(path)
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    if answer.status_code in NOT_ALLOWED:
        raise may_not_look(answer.status_code)
    if answer.status_code != httpx.codes.OK:
        raise RefusedByCloud(f"The cloud's list of passings answers {answer.status_code}.")
    try:
        told = answer.json()
        told = told.get("body", told)
        pages = int((told.get("pagination") or {}).get("total_pages", 1))
        return [_passing(row) for row in told["result"]], pages
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RefusedByCloud("The cloud's list of passings cannot be read.") from None


def _passing(row: dict[str, Any]) -> CloudPassing:
    def text(name: str) -> str:
        return "" if row.get(name) is None else str(row[name])

    return CloudPassing(
        int(row["num_passing"]), text("timestamp"), text("bib"), text("chip"), text("status")
    )
