"""Sessions and passings that go wrong: closed by somebody else, inserted in part, listed late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.list_mutations import change_list, keep, older

if TYPE_CHECKING:
    from startline_host.mock_cloud.answer_mutations import MutationContext
    from startline_host.mock_cloud.exchange import CapturedAnswer
    from startline_host.mock_cloud.store import CloudStore


def close_its_session(store: CloudStore, body: bytes) -> None:
    """Close the session that passings are for, as somebody with the vendor's app would."""
    try:
        token = json.loads(body)["token_session"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if isinstance(token, str):
        store.close_session(token)


def first_passings(body: bytes, scene: MutationContext) -> bytes:
    """Keep only as many of the passings as the fault's number says."""
    try:
        fields = json.loads(body)
        fields["passings_list"] = fields["passings_list"][: scene.value]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body
    return json.dumps(fields).encode()


def sessions_lag(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Leave out sessions that are younger than so many seconds, as a copy that lags behind would.

    A list of which none is left is answered as one of a device that has no sessions.
    """

    def keep_old(fields: dict[str, Any]) -> None:
        fields["result"] = older(fields, scene)
        if not fields["result"]:
            reply.status = 404
            del fields["result"]
            fields["description"] = "Sessions not found"

    change_list(reply, keep_old)


def passings_lag(reply: CapturedAnswer, scene: MutationContext) -> None:
    """Leave out passings that are younger than so many seconds, by their own times."""
    change_list(reply, lambda fields: keep(fields, older(fields, scene, "timestamp")))
