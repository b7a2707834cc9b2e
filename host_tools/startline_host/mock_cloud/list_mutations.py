"""Lists of devices that leave something out, promise too much, or are written unusually."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from startline_host.mock_cloud.answer_mutations import set_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from startline_host.mock_cloud.answer_mutations import Scene
    from startline_host.mock_cloud.exchange import Reply


def _change_list(reply: Reply, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a list of devices in place, in either envelope; leave any other answer alone."""
    try:
        whole = json.loads(reply.body)
        fields = whole.get("body", whole)
        change(fields)
    except (ValueError, KeyError, AttributeError):
        return
    set_body(reply, json.dumps(whole, ensure_ascii=False).encode())


def _keep(fields: dict[str, Any], devices: list[dict[str, Any]]) -> None:
    fields["pagination"]["total"] -= len(fields["result"]) - len(devices)
    fields["result"] = devices


def list_empty(reply: Reply, _scene: Scene) -> None:
    """Say that there are no devices."""
    _change_list(reply, lambda fields: _keep(fields, []))


def list_lags(reply: Reply, scene: Scene) -> None:
    """Leave out what is younger than so many seconds, as a copy that lags behind would."""
    since = datetime.now(UTC).timestamp() - scene.value

    def is_old(device: dict[str, Any]) -> bool:
        return datetime.fromisoformat(device["creation_date"]).timestamp() <= since

    _change_list(
        reply, lambda fields: _keep(fields, [one for one in fields["result"] if is_old(one)])
    )


def list_endless(reply: Reply, _scene: Scene) -> None:
    """Promise more pages than there are."""

    def promise(fields: dict[str, Any]) -> None:
        fields["pagination"]["total_pages"] = fields["pagination"]["page"] + 1
        fields["pagination"]["total"] = 10**9

    _change_list(reply, promise)


def list_escaped(reply: Reply, _scene: Scene) -> None:
    """Write the same list in an unusual but correct way."""
    set_body(reply, _escaped(json.loads(reply.body)).encode())


def _escaped(value: Any) -> str:
    """Write JSON with every letter escaped, blanks where they may stand, and members reversed."""
    if isinstance(value, dict):
        members = (f" {_escaped(key)} : {_escaped(value[key])}" for key in reversed(value))
        return "{" + " ,\r\n".join(members) + "\t}"
    if isinstance(value, list):
        return "[ " + " , ".join(_escaped(one) for one in value) + " ]"
    if isinstance(value, str):
        units = value.encode("utf-16-be").hex()
        return '"' + "".join(f"\\u{units[n : n + 4]}" for n in range(0, len(units), 4)) + '"'
    return json.dumps(value)
